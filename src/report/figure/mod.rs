//! Figures: plain data with labels and units, each of which draws itself and tells the same in a table.
//!
//! A figure never computes a result. What turns a run into one of these structs stands elsewhere.

use serde::{Deserialize, Serialize};

use std::fmt::Debug;

use crate::engine::Instant;
use crate::report::number::NOTHING;

pub mod fault;
pub mod freshness;
pub mod heat_map;
pub mod hops;
pub mod ladder;
pub mod percentiles;
pub mod saturation;
pub mod scene;
pub mod space_time;
mod space_time_draw;
pub mod spreading;
mod strip_draw;
pub mod timeline;
mod timeline_draw;
pub mod topology;
pub mod trade_off;
pub mod variants;
pub mod witness;

#[cfg(test)]
pub(crate) mod testing;

pub use fault::Fault;
pub use heat_map::{HeatCells, HeatMap};
pub use timeline::{Body, Limit, Line, Lines, Note, Outcomes, Panel, Row, Strip, Timeline};
pub use witness::Witness;

/// Anything that can stand in a report as a drawing.
pub trait Figure: Debug {
    /// The SVG document. `id` prefixes the ids inside, so it must be unique in the page. Equal figures and ids give
    /// equal bytes. It is complete on its own: light colours, title, description.
    fn svg(&self, id: &str) -> String;
    /// Width of the drawing, [`super::theme::FULL_PX`] or [`super::theme::HALF_PX`]. Halves stand in pairs.
    fn width_px(&self) -> f64;
    /// The title, as in the SVG.
    fn title(&self) -> &str;
    /// The same numbers as a table.
    fn table(&self) -> Table;
    /// One sentence per step, if the drawing has steps that the page's controls walk through. What belongs to step n,
    /// from 1, carries the class `step step-n`. The drawing itself shows the last step.
    fn steps(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A figure as data: what a page keeps, so that a folder alone can draw it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "figure", rename_all = "snake_case")]
pub enum Drawing {
    /// Rows over one time axis.
    Timeline(Timeline),
    /// Latencies over time.
    HeatMap(HeatMap),
    /// Latency by percentile.
    Percentiles(percentiles::Percentiles),
    /// Where the time of single requests went.
    Hops(hops::Hops),
    /// Who calls whom.
    Topology(topology::Topology),
    /// Small multiples.
    Variants(variants::Variants),
    /// What a sweep found.
    Saturation(saturation::Saturation),
    /// How soon readers see what was written.
    Freshness(freshness::Freshness),
    /// What each design buys and pays.
    TradeOff(trade_off::TradeOff),
    /// Who knows, over the time since there was something to know.
    Spreading(spreading::Spreading),
    /// Which models held.
    Ladder(ladder::Ladder),
    /// A counter-example.
    Witness(Witness),
    /// The messages behind it.
    SpaceTime(space_time::SpaceTime),
}

impl Drawing {
    /// What draws it.
    pub fn figure(&self) -> &dyn Figure {
        match self {
            Drawing::Timeline(f) => f,
            Drawing::HeatMap(f) => f,
            Drawing::Percentiles(f) => f,
            Drawing::Hops(f) => f,
            Drawing::Topology(f) => f,
            Drawing::Variants(f) => f,
            Drawing::Saturation(f) => f,
            Drawing::Freshness(f) => f,
            Drawing::TradeOff(f) => f,
            Drawing::Spreading(f) => f,
            Drawing::Ladder(f) => f,
            Drawing::Witness(f) => f,
            Drawing::SpaceTime(f) => f,
        }
    }
}

/// Rows of text under named columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Names of the columns, with units where all cells share one.
    pub columns: Vec<String>,
    /// Cells, formatted.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// No rows under these columns.
    pub fn new(columns: &[&str]) -> Table {
        Table { columns: columns.iter().map(|c| (*c).to_string()).collect(), rows: Vec::new() }
    }
    /// Without columns in which no row has anything to say: what was never read has no latency of reads.
    #[must_use]
    pub fn told(mut self) -> Table {
        let dash = |column: usize, rows: &[Vec<String>]| {
            rows.iter().all(|row| row.get(column).is_some_and(|cell| cell == NOTHING))
        };
        let columns = if self.rows.is_empty() { 0 } else { self.columns.len() };
        for column in (0..columns).rev() {
            if dash(column, &self.rows) {
                self.columns.remove(column);
                self.rows.iter_mut().for_each(|row| drop(row.remove(column)));
            }
        }
        self
    }
    /// With one more row.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Values over time: a moment and what was measured then; `None` where nothing can be said.
pub type Series = Vec<(Instant, Option<f64>)>;

/// A whole number that was summed as a float, grouped.
pub(crate) fn number_of(total: f64) -> String {
    crate::report::number::count(total).to_string()
}

/// The smallest and largest finite value, if any.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_dashes_is_left_out() {
        let mut table = Table::new(&["design", "stale reads", "lost writes"]);
        assert_eq!(table.clone().told(), table, "without a row nothing is known of the columns");
        table.push(["a", "–", "0"].map(str::to_owned));
        table.push(["b", "–", "–"].map(str::to_owned));
        let told = table.told();
        assert_eq!(told.columns, ["design", "lost writes"]);
        assert_eq!(told.rows, [["a", "0"], ["b", "–"]]);
    }
}
