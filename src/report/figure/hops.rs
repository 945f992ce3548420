//! Where the time went: one real request per percentile as a waterfall. Hop names once at the left, the same scale in
//! all panels; solid is work, hatched is waiting, thin is time between the stations.

use serde::{Deserialize, Serialize};

use crate::report::axis::Axis;
use crate::report::figure::{Figure, Table, strip_draw, timeline_draw};
use crate::report::number::{NOTHING, fmt_duration};
use crate::report::place::Area;
use crate::report::svg::{Paint, Pattern, Svg, Text};
use crate::report::theme::{FULL_PX, Ink};

const LEFT: f64 = 236.0;
const GAP: f64 = 96.0;
const ROW_PX: f64 = 46.0;

/// Waterfalls side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hops {
    /// What it shows.
    pub title: String,
    /// Names of the hops, from top to bottom.
    pub rows: Vec<String>,
    /// One per request, at most two are drawn.
    pub panels: Vec<Fall>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fall {
    /// `p99 request: 651 ms, ok`.
    pub name: String,
    /// From its intended start to its end, ns.
    pub total_ns: f64,
    /// The pieces of each row of [`Hops::rows`].
    pub rows: Vec<Vec<Piece>>,
}

/// A stretch of time in which a request was in one place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Since the intended start, ns.
    pub from_ns: f64,
    /// Its end, ns.
    pub to_ns: f64,
    /// What it was.
    pub kind: Spent,
}

/// How time was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Spent {
    /// Being worked on.
    Work,
    /// Waiting for a worker or a slot.
    Wait,
    /// On the network, or paused before the next attempt.
    Between,
}

/// The length of the union of some pieces, so that what overlaps counts once.
pub fn length_ns(pieces: &[Piece], keep: impl Fn(Spent) -> bool) -> f64 {
    let mut sorted: Vec<(f64, f64)> = pieces.iter().filter(|p| keep(p.kind)).map(|p| (p.from_ns, p.to_ns)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (mut sum, mut end) = (0.0, f64::MIN);
    for (from, to) in sorted {
        let from = from.max(end);
        if to > from {
            sum += to - from;
            end = to;
        }
    }
    sum
}

impl Figure for Hops {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 80.0);
        let panels = &self.panels[..self.panels.len().min(2)];
        let longest = panels.iter().map(|p| p.total_ns).filter(|t| t.is_finite()).fold(0.0, f64::max);
        if self.rows.is_empty() || longest <= 0.0 {
            strip_draw::empty(&mut svg, Area { x: 0.0, y: 0.0, width: FULL_PX, height: 60.0 }, "no request ended");
            return svg.finish(&self.title, "No request ended.");
        }
        let width = (FULL_PX - LEFT - 90.0 - GAP * (panels.len() - 1) as f64) / panels.len() as f64;
        let (top, height) = (40.0, self.rows.len() as f64 * ROW_PX);
        for (i, name) in self.rows.iter().enumerate() {
            svg.text(0.0, top + ROW_PX * i as f64 + 28.0, &Text::label(name, Ink::Ink).plain().fit(LEFT - 14.0));
        }
        for (i, panel) in panels.iter().enumerate() {
            let left = LEFT + i as f64 * (width + GAP);
            let x = Axis::time_between(0.0, longest, 4, left, left + width);
            svg.text(left, 18.0, &Text::title(&panel.name).fit(width + 60.0));
            for tick in x.ticks() {
                let at = x.at(*tick);
                svg.line((at, top), (at, top + height), &Paint::stroke(Ink::Grid, 1.0));
            }
            svg.line((left, top), (left, top + height), &Paint::stroke(Ink::Axis, 1.5));
            for (row, pieces) in panel.rows.iter().enumerate().take(self.rows.len()) {
                draw_row(&mut svg, pieces, &x, top + ROW_PX * row as f64 + 10.0);
            }
            timeline_draw::time_axis(&mut svg, &x, top + height);
        }
        svg.set_height(top + height + 34.0);
        let words = panels.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join("; ");
        svg.finish(&self.title, &format!("{words}."))
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["request", "hop", "waiting", "work", "between"]);
        for panel in &self.panels {
            for (name, pieces) in self.rows.iter().zip(&panel.rows) {
                let spent = |kind| match length_ns(pieces, |k| k == kind) {
                    0.0 => NOTHING.to_owned(),
                    ns => fmt_duration(ns),
                };
                let row =
                    [panel.name.clone(), name.clone(), spent(Spent::Wait), spent(Spent::Work), spent(Spent::Between)];
                table.push(row);
            }
        }
        table
    }
}

fn draw_row(svg: &mut Svg, pieces: &[Piece], x: &Axis, top: f64) {
    let mut right = f64::MIN;
    for piece in pieces.iter().filter(|p| p.from_ns.is_finite() && p.to_ns.is_finite()) {
        let (from, to) = (x.at(piece.from_ns), x.at(piece.to_ns));
        // A piece too short to see is still there.
        let width = (to - from).max(2.0);
        match piece.kind {
            Spent::Work => svg.rect(from, top, width, 26.0, 0.0, &Paint::fill(Ink::First)),
            Spent::Wait => {
                let paint = Paint::pattern(Pattern::WaitHatch).outlined(Ink::First, 1.5);
                svg.rect(from, top, width, 26.0, 0.0, &paint);
            }
            Spent::Between => svg.rect(from, top + 10.0, width, 6.0, 0.0, &Paint::fill(Ink::Axis)),
        }
        right = right.max(from + width);
    }
    if right > f64::MIN {
        let length = fmt_duration(length_ns(pieces, |_| true));
        svg.text(right + 7.0, top + 19.0, &Text::label(length, Ink::Ink));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn piece(from_ns: f64, to_ns: f64, kind: Spent) -> Piece {
        Piece { from_ns, to_ns, kind }
    }

    fn figure(rows: &[&str], panels: Vec<Fall>) -> Hops {
        Hops { title: "Where the time went".into(), rows: rows.iter().map(|r| (*r).to_owned()).collect(), panels }
    }

    #[test]
    fn a_fast_and_a_slow_request() {
        let fall = |name: &str, wait: f64| Fall {
            name: name.into(),
            total_ns: 7e7 + wait,
            rows: vec![
                vec![piece(0.0, 6e5, Spent::Between), piece(6.9e7 + wait, 7e7 + wait, Spent::Between)],
                vec![piece(6e5, 4.5e6, Spent::Work)],
                vec![piece(5e6, 5e6 + wait, Spent::Wait), piece(5e6 + wait, 6.9e7 + wait, Spent::Work)],
            ],
        };
        let falls = vec![fall("p50 request: 70\u{202f}ms", 0.0), fall("p99 request: 651\u{202f}ms", 5.81e8)];
        check(&figure(&["on the way, or paused", "web", "pricing"], falls));
    }

    #[test]
    fn degenerate_states() {
        let nothing = Fall { name: "p50 request".into(), total_ns: 0.0, rows: vec![] };
        check(&figure(&[], vec![]));
        check(&figure(&["web"], vec![nothing]));
        let long = "a-component-with-a-name-that-nobody-would-ever-give-to-a-component";
        let odd = vec![vec![piece(f64::NAN, 1.0, Spent::Work), piece(0.0, 1.0, Spent::Wait)]];
        check(&figure(&[long], vec![Fall { name: long.into(), total_ns: 1e12, rows: odd }]));
    }

    #[test]
    fn what_overlaps_counts_once() {
        let pieces = [piece(0.0, 10.0, Spent::Work), piece(5.0, 12.0, Spent::Wait), piece(20.0, 21.0, Spent::Work)];
        assert_eq!(length_ns(&pieces, |_| true), 13.0);
        assert_eq!(length_ns(&pieces, |k| k == Spent::Work), 11.0);
    }
}
