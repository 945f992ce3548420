//! `netsplit validate`: published oracles, reproduced through the real parts.

use std::path::PathBuf;

use super::{Exit, err, load, out};
use crate::validate::{Case, Check, Checks, Effort, Family, Row, Rule, TOLERANCE, families, read_table, validate};

/// The arguments of `validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only rows whose family and setup contain all of these words: `queueing_open rho`, `M/M/4`.
    filter: Vec<String>,
    /// Only this family.
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Parameters of your own, for the family's closed form: `lambda=0.6,mu=1,c=2`. Instead of its table; repeatable.
    #[arg(long, value_name = "NAME=VALUE,...", requires = "family")]
    set: Vec<String>,
    /// Rows of your own: a CSV file with the columns of the family's table. Instead of its table.
    #[arg(long, value_name = "FILE", requires = "family", conflicts_with = "set")]
    file: Option<PathBuf>,
    /// Run lengths are multiplied by it.
    #[arg(long, default_value_t = 1.0)]
    effort: f64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// List every comparison, not the furthest of each row.
    #[arg(long)]
    verbose: bool,
    /// List families and rows, play nothing.
    #[arg(long)]
    list: bool,
    /// `text`, `markdown` or `csv`.
    #[arg(long, default_value = "text", value_parser = ["text", "markdown", "csv"])]
    format: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let cases = match cases(arguments) {
        Ok(cases) => cases,
        Err(exit) => return exit,
    };
    if cases.is_empty() {
        err("no row matches; see netsplit validate --list\n");
        return Exit::Nothing;
    }
    if arguments.list {
        cases.iter().for_each(|case| out(&format!("{}\n", case.name())));
        return Exit::Pass;
    }
    if !arguments.effort.is_finite() || arguments.effort <= 0.0 {
        err("error: --effort must be above 0\n");
        return Exit::Usage;
    }
    let effort = Effort { scale: arguments.effort, seed: arguments.seed };
    let unicode = load::screen(false).unicode;
    let mut last = "";
    let results = validate(&cases, effort, &mut |case, checks| {
        if last != case.family.name {
            last = case.family.name;
            out(&head(case.family, &arguments.format));
        }
        out(&match arguments.format.as_str() {
            "csv" => csv_lines(case, checks),
            "markdown" => markdown_line(case, checks),
            _ => text_lines(case, checks, arguments.verbose, unicode),
        });
    });
    tell(&results, &arguments.format)
}

/// What is to be played.
fn cases(arguments: &Arguments) -> Result<Vec<Case>, Exit> {
    let usage = |message: String| {
        err(&format!("error: {message}\n"));
        Exit::Usage
    };
    let named = |name: &String| {
        families().iter().find(|f| f.name == *name).ok_or_else(|| {
            let names: Vec<&str> = families().iter().map(|f| f.name).collect();
            usage(format!("no family is called `{name}`; there are {}", names.join(", ")))
        })
    };
    let family = arguments.family.as_ref().map(named).transpose()?;
    let own = |family: &'static Family| -> Result<Vec<Row>, Exit> {
        if let Some(file) = &arguments.file {
            let text = std::fs::read_to_string(file)
                .map_err(|e| usage(format!("{} can't be read: {}", file.display(), load::reason(&e))))?;
            return read_table(&text).map_err(|e| usage(format!("{}: {e}", file.display())));
        }
        let read = |text: &String| Row::from_assignments(text).and_then(|row| family.row(&row));
        arguments.set.iter().map(read).collect::<Result<_, _>>().map_err(|e| usage(e.to_string()))
    };
    let mut cases = Vec::new();
    for f in families().iter().filter(|f| family.is_none_or(|one| one.name == f.name)) {
        let rows = if arguments.set.is_empty() && arguments.file.is_none() { f.rows() } else { own(f)? };
        cases.extend(rows.into_iter().map(|row| Case { family: f, row }));
    }
    cases.retain(|case| arguments.filter.iter().all(|word| case.name().contains(word.as_str())));
    Ok(cases)
}

fn head(family: &Family, format: &str) -> String {
    match format {
        "csv" => String::new(),
        "markdown" => format!(
            "\n**{}** {}, by {}; {}\n\n| setup | figure | expected | measured | off, se |\n|---|---|---|---|---|\n",
            family.name, family.model, family.parts, family.source
        ),
        _ => format!("{}: {}, by {}\n", family.name, family.model, family.parts),
    }
}

/// Five digits, as tables have them.
fn digits(value: f64) -> String {
    if value.is_infinite() {
        return "never".to_owned();
    }
    let size = value.abs();
    if value == 0.0 || (1e-3..1e6).contains(&size) {
        let whole = if size >= 1.0 { libm::log10(size) as usize + 1 } else { 1 };
        let text = format!("{value:.*}", 5_usize.saturating_sub(whole).max(usize::from(size < 1.0) * 5));
        let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        return short.to_owned();
    }
    format!("{value:.3e}")
}

fn off(check: &Check) -> String {
    if check.rule == Rule::Exact {
        return if check.holds() { "exact".to_owned() } else { "differs".to_owned() };
    }
    format!("{:+.1} se", check.off())
}

/// The comparison that is furthest off.
fn furthest(checks: &[Check]) -> Option<&Check> {
    checks.iter().max_by(|a, b| {
        (!a.holds(), a.off().abs()).partial_cmp(&(!b.holds(), b.off().abs())).unwrap_or(std::cmp::Ordering::Equal)
    })
}

fn text_lines(case: &Case, checks: &Checks, verbose: bool, unicode: bool) -> String {
    let setup = case.family.setup(&case.row);
    let (good, bad) = if unicode { ("✓", "✕") } else { ("ok", "FAIL") };
    let checks = match checks {
        Ok(checks) => checks,
        Err(problem) => return format!("  {bad} {setup}: {problem}\n"),
    };
    let mut lines = String::new();
    let all: Vec<&Check> = checks.iter().filter(|c| verbose || !c.holds()).collect();
    let shown = if all.is_empty() { furthest(checks).into_iter().collect() } else { all };
    for check in &shown {
        let sign = if check.holds() { good } else { bad };
        let among = if shown.len() < checks.len() && shown.len() == 1 && checks.len() > 1 {
            format!(", furthest of {}", checks.len())
        } else {
            String::new()
        };
        let wide = if is_wide(check) { format!(", 4 se = {:.1} %", 100.0 * check.resolution()) } else { String::new() };
        lines += &format!(
            "  {sign} {setup:<38} {:<22} {:>10} {:>10} {:>8}  {}{among}{wide}\n",
            check.metric,
            digits(check.expected.value),
            digits(check.measured),
            off(check),
            case.family.source,
        );
    }
    lines
}

fn markdown_line(case: &Case, checks: &Checks) -> String {
    let setup = case.family.setup(&case.row);
    let Ok(checks) = checks else { return format!("| {setup} | failed | | | |\n") };
    furthest(checks).map_or_else(String::new, |check| {
        let (expected, measured) = (digits(check.expected.value), digits(check.measured));
        format!("| {setup} | {} | {expected} | {measured} | {} |\n", check.metric, off(check).trim_end_matches(" se"))
    })
}

fn csv_lines(case: &Case, checks: &Checks) -> String {
    let (family, setup) = (case.family.name, case.family.setup(&case.row));
    let Ok(checks) = checks else { return format!("{family},\"{setup}\",,,,,,\n") };
    let line = |check: &Check| {
        let (metric, expected, measured) = (&check.metric, check.expected.value, check.measured);
        let (error, off, holds) = (check.standard_error(), check.off(), check.holds());
        format!("{family},\"{setup}\",{metric},{expected},{measured},{error},{off:.3},{holds}\n")
    };
    checks.iter().map(line).collect()
}

/// A statistic whose four standard errors are more than 2% of it.
fn is_wide(check: &Check) -> bool {
    check.rule == Rule::Statistic && check.resolution() > 0.02
}

/// The last line, and the exit code.
fn tell(results: &[Checks], format: &str) -> Exit {
    let figures: Vec<&Check> = results.iter().flatten().flatten().collect();
    let outside = figures.iter().filter(|c| !c.holds()).count();
    let broken = results.iter().filter(|r| r.is_err()).count();
    let right = results.iter().filter(|r| r.as_ref().is_ok_and(|checks| checks.iter().all(Check::holds))).count();
    let wide = figures.iter().filter(|c| is_wide(c)).count();
    let (rows, n) = (results.len(), figures.len());
    let all = outside == 0 && broken == 0;
    let text = format!(
        "{}  {right} of {rows} rows · {n} figures, {outside} outside {TOLERANCE} se · of {wide} 4 se are more than 2 %\n",
        if all { "ALL WITHIN" } else { "NOT WITHIN" },
    );
    if format == "csv" {
        err(&text)
    } else {
        out(&text)
    }
    if all { Exit::Pass } else { Exit::NotMet }
}
