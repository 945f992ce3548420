//! Latency heat map: time across, latency upward on a log scale, cividis in eight log classes; zero is the page.

use serde::{Deserialize, Serialize};

use std::fmt::Write;

use crate::engine::{Instant, Span};
use crate::report::axis::Axis;
use crate::report::figure::timeline::{Body, Panel, Row, Timeline};
use crate::report::figure::{Fault, Figure, Table};
use crate::report::number::{fmt_about, fmt_count, fmt_duration, fmt_span};
use crate::report::svg::{Paint, Svg, Text, number};
use crate::report::theme::{self, HEAT_CLASSES, Ink, Mark};

const COLUMNS_MAX: usize = 120;
const ROWS_MAX: usize = 32;

/// Counts by time and latency. Time is that of the intended start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatCells {
    /// Left edge of the first column.
    pub from: Instant,
    /// Width of a column.
    pub column: Span,
    /// Lower edge of the lowest row, in ns.
    pub low_ns: f64,
    /// Rows in one decade of latency, usually 8.
    pub rows_per_decade: u32,
    /// For each column the counts of its rows, from the lowest latency up. Columns may differ in length.
    pub counts: Vec<Vec<u64>>,
    /// What a cell counts, for the key: `requests per cell`.
    pub counted: String,
    /// Words at the right, top: `all give up at 4 s`. May be empty.
    pub end: String,
}

/// Cells merged to what can be seen, without empty rows at both ends.
#[derive(Clone, Debug)]
struct Merged {
    low_ns: f64,
    ratio: f64,
    column_ns: f64,
    counts: Vec<Vec<u64>>,
    rows: usize,
    /// Whether the lowest row also holds what was faster.
    open: bool,
}

impl HeatCells {
    fn merged(&self) -> Option<Merged> {
        let rows = self.counts.iter().map(Vec::len).max().unwrap_or(0).min(4096);
        let used = |row: &usize| self.counts.iter().any(|c| c.get(*row).is_some_and(|n| *n > 0));
        let lowest = (0..rows).find(used)?;
        let last = (0..rows).rev().find(used)?;
        // A few that were that much faster than all others would take half of the picture.
        let per_decade = f64::from(self.rows_per_decade.clamp(1, 64));
        let usual = self.usual(lowest, last);
        let first = if (usual - lowest) as f64 >= per_decade { usual } else { lowest };
        let every_row = (last + 1 - first).div_ceil(ROWS_MAX).max(1);
        let every_column = self.counts.len().div_ceil(COLUMNS_MAX).max(1);
        let rows = (last + 1 - first).div_ceil(every_row);
        let counts = self
            .counts
            .chunks(every_column)
            .map(|columns| {
                let mut sums = vec![0_u64; rows];
                for column in columns {
                    for (row, n) in column.iter().enumerate().take(last + 1) {
                        let sum = &mut sums[row.saturating_sub(first) / every_row];
                        *sum = sum.saturating_add(*n);
                    }
                }
                sums
            })
            .collect();
        let low = if self.low_ns.is_finite() { self.low_ns.clamp(1.0, 1e18) } else { 1.0 };
        Some(Merged {
            low_ns: low * libm::pow(10.0, first as f64 / per_decade),
            ratio: libm::pow(10.0, every_row as f64 / per_decade),
            column_ns: self.column.0.max(1) as f64 * every_column as f64,
            counts,
            rows,
            open: first > lowest,
        })
    }

    /// The highest row below which lies at most one in a thousand of what was counted.
    fn usual(&self, lowest: usize, last: usize) -> usize {
        let of_row = |row: usize| self.counts.iter().filter_map(|c| c.get(row)).map(|n| u128::from(*n)).sum::<u128>();
        let all: u128 = (lowest..=last).map(of_row).sum();
        let mut below = 0;
        (lowest..last)
            .find(|row| {
                below += of_row(*row);
                below * 1000 > all
            })
            .unwrap_or(last)
    }

    /// Words at the lowest row, if it also holds what was faster.
    pub(crate) fn lowest(&self) -> Option<&'static str> {
        self.merged().filter(|m| m.open).map(|_| "lowest row: this fast, or faster")
    }

    /// Lowest and highest latency that was counted, by row edges, in ns.
    pub fn range_ns(&self) -> Option<(f64, f64)> {
        let m = self.merged()?;
        Some((m.low_ns, m.low_ns * libm::pow(m.ratio, m.rows as f64)))
    }

    /// The largest count of a drawn cell.
    pub fn largest(&self) -> u64 {
        self.merged().map_or(0, |m| m.counts.iter().flatten().copied().max().unwrap_or(0))
    }

    /// The class of a count, by equal steps of its logarithm from 1 to `largest`.
    fn class(count: u64, largest: u64) -> u8 {
        if largest <= 1 {
            return HEAT_CLASSES as u8 - 1;
        }
        let part = libm::log(count as f64) / libm::log(largest as f64);
        ((part * HEAT_CLASSES as f64) as u8).min(HEAT_CLASSES as u8 - 1)
    }

    /// Draws the cells between two axes; one path per class, equal neighbours merged along the time axis.
    pub(crate) fn draw(&self, svg: &mut Svg, x: &Axis, y: &Axis, largest: u64) {
        let Some(m) = self.merged() else { return };
        let mut paths = vec![String::new(); HEAT_CLASSES];
        let edge = |column: usize| x.at(self.from.0 as f64 + column as f64 * m.column_ns);
        for row in 0..m.rows {
            let low = m.low_ns * libm::pow(m.ratio, row as f64);
            let (bottom, top) = (y.at(low), y.at(low * m.ratio));
            let class_at = |column: usize| {
                m.counts.get(column).map(|c| c[row]).filter(|n| *n > 0).map(|n| Self::class(n, largest))
            };
            let mut column = 0;
            while column < m.counts.len() {
                let Some(class) = class_at(column) else {
                    column += 1;
                    continue;
                };
                let start = column;
                while class_at(column) == Some(class) {
                    column += 1;
                }
                let (left, right) = (edge(start), edge(column));
                if right > left {
                    let _ = write!(
                        paths[usize::from(class)],
                        "M{} {}H{}V{}H{}z",
                        number(left),
                        number(bottom),
                        number(right),
                        number(top),
                        number(left)
                    );
                }
            }
        }
        for (class, path) in paths.iter().enumerate() {
            svg.path(path, true, &Paint::fill(Ink::Heat(class as u8)));
        }
    }

    /// The key: what is counted, eight swatches, the ends of the range. 128 px wide, 52 px high, top left at x, y.
    pub(crate) fn key(svg: &mut Svg, x: f64, y: f64, counted: &str, largest: u64) {
        svg.text(x, y + 13.0, &Text::tick(counted).fit(theme::RIGHT_PX - 14.0));
        for class in 0..HEAT_CLASSES {
            let left = x + 16.0 * class as f64;
            svg.rect(left, y + 20.0, 16.5, 13.0, 0.0, &Paint::fill(Ink::Heat(class as u8)));
        }
        svg.text(x, y + 50.0, &Text::tick("1"));
        svg.text(x + 128.0, y + 50.0, &Text::tick(fmt_about(largest)).end());
    }

    /// Rows for a table: one a column of the map.
    pub(crate) fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let Some(m) = self.merged() else { return Vec::new() };
        let mut out = Vec::new();
        for (i, column) in m.counts.iter().enumerate() {
            let total = column.iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
            let Some(most) = (0..m.rows).max_by_key(|r| (column[*r], std::cmp::Reverse(*r))).filter(|_| total > 0)
            else {
                continue;
            };
            let from = self.from.0 as f64 + i as f64 * m.column_ns;
            let low = m.low_ns * libm::pow(m.ratio, most as f64);
            out.push(vec![
                fmt_duration(from),
                name.to_string(),
                format!(
                    "{} {}, most from {} to {}",
                    fmt_count(total),
                    self.counted.trim_end_matches(" per cell"),
                    fmt_duration(low),
                    fmt_duration(low * m.ratio)
                ),
            ]);
        }
        out
    }
}

/// One heat map as a figure of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// Words for readers who can't see it.
    pub description: String,
    /// End of the time axis.
    pub until: Span,
    /// Faults on it.
    pub faults: Vec<Fault>,
    /// Name of the row: `Latency`.
    pub name: String,
    /// The cells.
    pub cells: HeatCells,
}

impl HeatMap {
    fn timeline(&self) -> Timeline {
        let row = Row { height_px: Some(360.0), ..Row::new(&self.name, Body::Heat(self.cells.clone())) };
        let panel = Panel { name: String::new(), mark: Mark::First, faults: self.faults.clone(), rows: vec![row] };
        Timeline {
            title: self.title.clone(),
            description: self.description.clone(),
            until: self.until,
            panels: vec![panel],
        }
    }
}

impl Figure for HeatMap {
    fn svg(&self, id: &str) -> String {
        self.timeline().svg(id)
    }
    fn width_px(&self) -> f64 {
        theme::FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = self.timeline().table();
        if table.rows.is_empty() {
            table.push([fmt_span(self.until), self.name.clone(), "no requests".to_string()]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::{check, sample_heat};
    use proptest::prelude::*;

    fn map(cells: HeatCells) -> HeatMap {
        HeatMap {
            title: "Latency of checkout".into(),
            description: "A broad band before the spike, one line at 4 s after it.".into(),
            until: Span::secs(120),
            faults: vec![Fault { name: "spike".into(), from: Instant(20_000_000_000), until: Instant(30_000_000_000) }],
            name: "Latency".into(),
            cells,
        }
    }

    #[test]
    fn looks_as_before() {
        let figure = map(sample_heat());
        check(&figure);
        insta::assert_snapshot!(figure.svg("heat"));
    }

    #[test]
    fn classes_are_steps_of_the_logarithm() {
        assert_eq!(HeatCells::class(1, 256), 0);
        assert_eq!(HeatCells::class(2, 256), 1);
        assert_eq!(HeatCells::class(255, 256), 7);
        assert_eq!(HeatCells::class(256, 256), 7);
        assert_eq!(HeatCells::class(1, 1), 7);
    }

    #[test]
    fn what_few_were_that_fast_does_not_stretch_the_axis_and_is_admitted() {
        let mut cells = sample_heat();
        let range = cells.range_ns().expect("it counts");
        assert_eq!(cells.lowest(), None);
        let all: u64 = cells.counts.iter().flatten().sum();
        // Two decades below all others.
        cells.low_ns /= 100.0;
        cells.counts.iter_mut().for_each(|column| drop(column.splice(0..0, [0; 16])));
        cells.counts[3][0] = 2;
        assert_eq!(cells.counts.iter().flatten().sum::<u64>(), all + 2);
        let (low, _) = cells.range_ns().expect("it counts");
        assert!((0.99..2.0).contains(&(low / range.0)), "{low} {range:?}");
        assert!(map(cells.clone()).svg("h").contains("this fast, or faster"));
        // Many are no exception.
        cells.counts[3][0] = 2000;
        assert!(cells.range_ns().expect("it counts").0 < range.0 / 50.0);
        assert_eq!(cells.lowest(), None);
    }

    proptest! {
        #[test]
        fn any_cells_draw(
            low in proptest::num::f64::ANY, per in any::<u32>(), column in any::<u64>(), from in any::<u64>(),
            counts in proptest::collection::vec(proptest::collection::vec(any::<u64>(), 0..60), 0..150),
        ) {
            let cells = HeatCells {
                from: Instant(from), column: Span(column), low_ns: low, rows_per_decade: per, counts,
                counted: "requests per cell".into(), end: String::new(),
            };
            check(&map(cells));
        }
    }
}
