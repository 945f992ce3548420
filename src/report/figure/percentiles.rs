//! Latency by percentile: how slow are the slowest? x is 1/(1-q) on a log axis, so each step to the right is ten times
//! rarer; latency goes upward, log. Steps, because a percentile is a recorded value.

use serde::{Deserialize, Serialize};

use crate::report::axis::{Axis, Scale};
use crate::report::curve::{self, Curve, Stroke};
use crate::report::figure::{Figure, Table, range, strip_draw};
use crate::report::number::{Unit, fmt_count, fmt_duration};
use crate::report::place::{self, Area};
use crate::report::svg::{Paint, Svg, Text, number};
use crate::report::theme::{FULL_PX, HALF_PX, Ink, Mark};

/// The percentiles that have a name: words, 1/(1-q).
pub(crate) const NAMED: [(&str, f64); 6] =
    [("p50", 2.0), ("p90", 10.0), ("p99", 100.0), ("p99.9", 1e3), ("p99.99", 1e4), ("p99.999", 1e5)];

/// Percentile curves of one or more designs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// What it shows.
    pub title: String,
    /// Half a page wide, or a whole one.
    pub half: bool,
    /// One per design or phase; the last lies on top.
    pub curves: Vec<PercentileCurve>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PercentileCurve {
    /// Its name: `limit, before the spike`.
    pub name: String,
    /// Its mark; [`Mark::Plain`] is drawn dashed.
    pub mark: Mark,
    /// (1/(1-q), latency in ns) with q rising, as far as ten samples lie beyond.
    pub points: Vec<(f64, f64)>,
    /// How many samples there are.
    pub samples: u64,
}

impl PercentileCurve {
    /// The latency at 1/(1-q), if the curve goes that far.
    fn at(&self, rarity: f64) -> Option<f64> {
        let last = self.points.last()?;
        if rarity > last.0 * (1.0 + 1e-9) {
            return None;
        }
        let next = self.points.iter().find(|p| p.0 >= rarity * (1.0 - 1e-9)).unwrap_or(last);
        Some(next.1).filter(|v| v.is_finite())
    }
    fn valid(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.points.iter().copied().filter(|(r, v)| r.is_finite() && *r >= 1.0 && v.is_finite() && *v > 0.0)
    }
}

/// A mark at a point: disc, square or triangle as in the names.
pub(crate) fn mark_at(svg: &mut Svg, x: f64, y: f64, mark: Mark) {
    let paint = Paint::fill(mark.ink());
    match mark {
        Mark::First => svg.circle(x, y, 5.5, &paint),
        Mark::Second => svg.rect(x - 5.0, y - 5.0, 10.0, 10.0, 0.0, &paint),
        Mark::Third => {
            let data = format!(
                "M{} {}L{} {}L{} {}z",
                number(x),
                number(y - 6.5),
                number(x + 6.0),
                number(y + 4.5),
                number(x - 6.0),
                number(y + 4.5)
            );
            svg.path(&data, false, &paint);
        }
        Mark::Plain => svg.circle(x, y, 3.5, &paint),
    }
}

impl Figure for Percentiles {
    fn svg(&self, id: &str) -> String {
        let width = self.width_px();
        let mut svg = Svg::new(id, width, 400.0);
        svg.text(0.0, 16.0, &Text::title("Latency by percentile"));
        let plot = Area { x: 84.0, y: 40.0, width: width - 84.0 - 34.0, height: 280.0 };
        let Some((low, high)) = range(self.curves.iter().flat_map(|c| c.valid().map(|p| p.1))) else {
            strip_draw::empty(&mut svg, plot, "no request ended");
            return svg.finish(&self.title, "No request ended.");
        };
        let rarest = self.curves.iter().flat_map(PercentileCurve::valid).map(|p| p.0).fold(10.0, f64::max);
        let x = Axis::log(1.0, rarest, 12, plot.x, plot.x + plot.width);
        let y = Axis::fit(Scale::Log, [low, high], 6, plot.y + plot.height, plot.y);
        for (at, words) in y.labels(Unit::Nanos) {
            svg.line((plot.x, at), (plot.x + plot.width, at), &Paint::stroke(Ink::Grid, 1.0));
            svg.text(plot.x - 8.0, at + 5.5, &Text::tick(words).end());
        }
        for (name, rarity) in NAMED.iter().filter(|n| n.1 <= x.high() * 1.01) {
            let at = x.at(*rarity);
            svg.line((at, plot.y), (at, plot.y + plot.height), &Paint::stroke(Ink::Grid, 1.0));
            svg.text(at, plot.y + plot.height + 24.0, &Text::tick(*name).middle());
        }
        let base = plot.y + plot.height;
        svg.line((plot.x, base), (plot.x + plot.width, base), &Paint::stroke(Ink::Axis, 1.5));
        let rest = "at least this slow: 1 in 2, 10, 100, 1\u{202f}000 …";
        svg.text(plot.x + plot.width / 2.0, base + 50.0, &Text::tick(rest).middle());
        let curves: Vec<Curve> = self.curves.iter().map(steps).collect();
        curve::draw(&mut svg, &x, &y, &curves);
        for curve in self.curves.iter().filter(|c| c.mark != Mark::Plain) {
            for (_, rarity) in NAMED.iter().filter(|n| n.1 <= x.high() * 1.01) {
                if let Some(value) = curve.at(*rarity) {
                    mark_at(&mut svg, x.at(*rarity), y.at(value), curve.mark);
                }
            }
        }
        let drawn: Vec<Vec<(f64, f64)>> = curves.iter().flat_map(|c| c.stretches(&x, &y)).collect();
        // Down to the ticks: a curve that lies on the bottom has its name above it.
        let inside = Area { x: plot.x + 4.0, y: plot.y - 22.0, width: plot.width + 24.0, height: plot.height + 20.0 };
        for (curve, line) in self.curves.iter().zip(&curves) {
            let text = Text::label(curve.mark.label(&curve.name), curve.mark.ink()).fit(plot.width / 2.0);
            if let Some(longest) = line.stretches(&x, &y).first() {
                place::put(&mut svg, &text, &place::along(longest, &text), &inside, &drawn);
            }
        }
        svg.set_height(base + 62.0);
        let words = format!("Latencies from {} to {}.", fmt_duration(low), fmt_duration(high));
        svg.finish(&self.title, &words)
    }
    fn width_px(&self) -> f64 {
        if self.half { HALF_PX } else { FULL_PX }
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["curve", "samples", "p50", "p90", "p99", "p99.9", "p99.99"]);
        for curve in &self.curves {
            let mut row = vec![curve.name.clone(), fmt_count(curve.samples)];
            row.extend(NAMED[..5].iter().map(|n| Unit::Nanos.write(curve.at(n.1).unwrap_or(f64::NAN))));
            table.rows.push(row);
        }
        table
    }
}

/// A percentile holds until the next one: across, then up.
fn steps(curve: &PercentileCurve) -> Curve {
    let mut points: Vec<(f64, Option<f64>)> = Vec::new();
    let mut last = None;
    for (rarity, value) in curve.valid() {
        if let Some(before) = last {
            points.push((before, Some(value)));
        }
        points.push((rarity, Some(value)));
        last = Some(rarity);
    }
    let stroke = match curve.mark {
        Mark::Plain => Stroke::ThinDashed,
        // Its blue is near that of the first, and where they run together only dashes let both be seen.
        Mark::Third => Stroke::ThickDashed,
        Mark::First | Mark::Second => Stroke::Thick,
    };
    Curve { points, ink: curve.mark.ink(), stroke, filled: false, dots: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn curve(name: &str, mark: Mark, points: Vec<(f64, f64)>) -> PercentileCurve {
        PercentileCurve { name: name.into(), mark, points, samples: 1000 }
    }

    fn figure(curves: Vec<PercentileCurve>, half: bool) -> Percentiles {
        Percentiles { title: "Latency by percentile".into(), half, curves }
    }

    #[test]
    fn a_tail_of_two_designs() {
        let tail =
            |scale: f64| (0..120).map(|i| (libm::pow(10.0, f64::from(i) / 30.0), scale * f64::from(i + 1))).collect();
        for half in [true, false] {
            check(&figure(vec![curve("base", Mark::First, tail(4e7)), curve("limit", Mark::Second, tail(3e6))], half));
        }
    }

    #[test]
    fn a_curve_on_the_bottom_has_its_name() {
        let rising = (0..120).map(|i| (libm::pow(10.0, f64::from(i) / 30.0), 1e7 * f64::from(i + 1))).collect();
        let flat = vec![(1.0, 1e7), (2.0, 1e7), (1e4, 1e7)];
        let figure =
            figure(vec![curve("read-index", Mark::First, rising), curve("nearest", Mark::Second, flat)], false);
        assert!(figure.svg("p").contains("nearest</text>"), "{}", figure.svg("p"));
    }

    #[test]
    fn degenerate_states() {
        let long = "a-design-with-a-name-that-nobody-would-ever-give-to-a-design-of-his-own";
        check(&figure(vec![], true));
        check(&figure(vec![curve("none", Mark::First, vec![])], true));
        check(&figure(vec![curve("one", Mark::First, vec![(1.0, 5e6)])], true));
        check(&figure(vec![curve("equal", Mark::First, vec![(1.0, 4e9), (1e4, 4e9)])], true));
        check(&figure(vec![curve(long, Mark::Second, vec![(1.0, 1e3), (1e5, 1e12)])], true));
        check(&figure(vec![curve("not a number", Mark::First, vec![(f64::NAN, 1.0), (2.0, f64::INFINITY)])], false));
    }
}
