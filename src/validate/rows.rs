//! Tables of oracles: comma-separated text, `#` for remarks, a header line, one row a line.
//!
//! A cell of the form `lambda=0.5;mu=1` stands for parameters of their own, so that `params` columns and plain columns
//! are asked for in the same way.

use std::fmt;

/// A number as a table prints it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Its value; infinite for `never`.
    pub value: f64,
    /// Half a unit of the last digit, of figures of six digits or more: how far the true value may lie from it.
    pub half_unit: f64,
    /// One unit of the last digit, however many there are; 0 of numbers that aren't printed.
    pub unit: f64,
}

impl Figure {
    /// A number that is known to all digits.
    pub fn exact(value: f64) -> Figure {
        Figure { value, half_unit: value.abs() * 1e-12, unit: 0.0 }
    }

    /// Reads a number; `None` if it is none.
    pub fn read(text: &str) -> Option<Figure> {
        let text = text.trim();
        if text == "never" {
            return Some(Figure { value: f64::INFINITY, half_unit: 0.0, unit: 0.0 });
        }
        let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite())?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().ok()?;
        let decimals = mantissa.split_once('.').map_or(0, |(_, d)| d.len() as i32);
        let digits = mantissa.trim_start_matches(['-', '0', '.']).chars().filter(char::is_ascii_digit).count();
        // Few digits are meant exactly: 0.0001 is no rounded figure.
        let unit = libm::pow(10.0, f64::from(exponent - decimals));
        Some(Figure { value, half_unit: if digits < 6 { 0.0 } else { unit / 2.0 }, unit })
    }
}

/// One row: names and texts, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    cells: Vec<(String, String)>,
}

/// What is wrong with a row or a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Row {
    /// A row of these cells.
    pub fn new(cells: impl IntoIterator<Item = (String, String)>) -> Row {
        Row { cells: cells.into_iter().collect() }
    }

    /// Reads `lambda=0.5,mu=1` or `D=[0.1, 0.3];Z=5`: commas and semicolons part, except inside brackets.
    pub fn from_assignments(text: &str) -> Result<Row, Malformed> {
        let mut cells = Vec::new();
        for part in split_outside_brackets(text, &[',', ';']) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let Some((name, value)) = part.split_once('=') else {
                return Err(Malformed(format!("`{part}` sets nothing; write name=value")));
            };
            cells.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Row { cells })
    }

    /// The cells, in order.
    pub fn cells(&self) -> &[(String, String)] {
        &self.cells
    }

    /// Sets a cell; one of that name is replaced.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.cells.iter_mut().find(|(n, _)| n == name) {
            Some(cell) => cell.1 = value,
            None => self.cells.push((name.to_owned(), value)),
        }
    }

    /// The text of a column, or of a parameter inside a cell; `None` if there is none or it is blank.
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Some((_, value)) = self.cells.iter().find(|(n, _)| n == name) {
            return Some(value.trim()).filter(|v| !v.is_empty());
        }
        self.cells.iter().filter(|(n, _)| n == "params").find_map(|(_, value)| {
            split_outside_brackets(value, &[';']).into_iter().find_map(|part| {
                let (n, v) = part.split_once('=')?;
                (n.trim() == name).then_some(v.trim())
            })
        })
    }

    /// The number in a column or parameter, as printed.
    pub fn figure(&self, name: &str) -> Option<Figure> {
        self.text(name).and_then(Figure::read)
    }

    /// The number in a column or parameter.
    pub fn number(&self, name: &str) -> Result<f64, Malformed> {
        match self.text(name) {
            None => Err(Malformed(format!("`{name}` is missing"))),
            Some(text) => match Figure::read(text) {
                Some(figure) if figure.value.is_finite() => Ok(figure.value),
                _ => Err(Malformed(format!("{name}: `{text}` is no number"))),
            },
        }
    }

    /// A number that must lie above zero.
    pub fn positive(&self, name: &str) -> Result<f64, Malformed> {
        let value = self.number(name)?;
        if value > 0.0 { Ok(value) } else { Err(Malformed(format!("{name} = {value}: it must be above 0"))) }
    }

    /// A probability.
    pub fn probability(&self, name: &str) -> Result<f64, Malformed> {
        let value = self.number(name)?;
        let inside = (0.0..=1.0).contains(&value);
        if inside { Ok(value) } else { Err(Malformed(format!("{name} = {value}: it must lie in 0..1"))) }
    }

    /// A whole number between two, ends included.
    pub fn whole(&self, name: &str, least: u64, most: u64) -> Result<u64, Malformed> {
        let value = self.number(name)?;
        if value.fract() != 0.0 || value < least as f64 || value > most as f64 {
            return Err(Malformed(format!("{name} = {value}: it must be a whole number in {least}..{most}")));
        }
        Ok(value as u64)
    }

    /// A list of numbers in brackets, or one number.
    pub fn list(&self, name: &str) -> Result<Vec<f64>, Malformed> {
        let Some(text) = self.text(name) else { return Err(Malformed(format!("`{name}` is missing"))) };
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        let read = |part: &str| part.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let list: Option<Vec<f64>> = inner.split([',', ';']).map(read).collect();
        list.filter(|l| !l.is_empty()).ok_or_else(|| Malformed(format!("{name}: `{text}` is no list of numbers")))
    }

    /// `model` and parameters in one line, for people: every cell but these.
    pub fn setup(&self, without: &[&str]) -> String {
        let mut parts = Vec::new();
        for (name, value) in &self.cells {
            if without.contains(&name.as_str()) || value.is_empty() {
                continue;
            }
            match name.as_str() {
                "model" | "params" | "dist" | "policy" => parts.push(value.replace(';', " ")),
                _ => parts.push(format!("{name}={value}")),
            }
        }
        parts.join(" ")
    }
}

/// Reads a table.
pub fn read_table(text: &str) -> Result<Vec<Row>, Malformed> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'));
    let Some((_, header)) = lines.next() else { return Err(Malformed("the table is empty".to_owned())) };
    let names = split_line(header.trim_start_matches('\u{feff}'));
    let mut rows = Vec::new();
    for (number, line) in lines {
        let values = split_line(line);
        if values.len() != names.len() {
            let (n, m) = (values.len(), names.len());
            return Err(Malformed(format!("line {}: {n} cells under {m} columns", number + 1)));
        }
        rows.push(Row { cells: names.iter().cloned().zip(values).collect() });
    }
    Ok(rows)
}

/// Cells of one line; a cell in double quotes may hold commas, and a doubled quote is one.
fn split_line(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cells[last].push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells[last].push(c),
        }
    }
    cells.iter().map(|c| c.trim().to_owned()).collect()
}

fn split_outside_brackets<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            _ if depth <= 0 && separators.contains(&c) => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_cell_keeps_its_commas_and_parameters_are_found_inside() {
        let rows = read_table("# remark\nmodel,params,N,X\nclosed,\"D=[0.1, 0.3];Z=5.0\",20,3.03\n").unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].list("D").unwrap(), [0.1, 0.3]);
        assert_eq!(rows[0].number("Z").unwrap(), 5.0);
        assert_eq!(rows[0].whole("N", 1, 100).unwrap(), 20);
        assert_eq!(rows[0].figure("X"), Some(Figure { value: 3.03, half_unit: 0.0, unit: 0.01 }));
        assert_eq!(rows[0].figure("Y"), None);
        assert_eq!(rows[0].setup(&["X"]), "closed D=[0.1, 0.3] Z=5.0 N=20");
    }

    #[test]
    fn assignments_part_at_commas_outside_brackets() {
        let row = Row::from_assignments("D=[0.1,0.3],Z=5;N=3").unwrap();
        assert_eq!(row.list("D").unwrap(), [0.1, 0.3]);
        assert_eq!((row.text("Z"), row.text("N")), (Some("5"), Some("3")));
        assert!(Row::from_assignments("lambda").is_err());
    }

    #[test]
    fn malformed_rows_say_what_is_wrong() {
        assert_eq!(read_table("a,b\n1\n").unwrap_err().0, "line 2: 1 cells under 2 columns");
        let row = Row::from_assignments("p=2,n=1.5,c=x").unwrap();
        assert_eq!(row.probability("p").unwrap_err().0, "p = 2: it must lie in 0..1");
        assert!(row.whole("n", 1, 9).is_err() && row.number("c").is_err() && row.number("d").is_err());
    }

    #[test]
    fn the_last_digit_tells_how_far_a_figure_may_be_off() {
        assert_eq!(Figure::read("1e-06").unwrap().half_unit, 0.0);
        assert!((Figure::read("0.0001234567").unwrap().half_unit - 5e-11).abs() < 1e-15);
        assert_eq!(Figure::read("256").unwrap().half_unit, 0.0);
        assert_eq!(Figure::read("never").unwrap().value, f64::INFINITY);
        assert_eq!(Figure::read("x"), None);
    }
}
