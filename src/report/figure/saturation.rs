//! What a sweep found: rows of measures over the swept axis, a mark per point, 95 % bars from three seeds on.

use serde::{Deserialize, Serialize};

use crate::report::axis::{Axis, Scale};
use crate::report::curve::{self, Curve, Stroke};
use crate::report::figure::percentiles::mark_at;
use crate::report::figure::{Figure, Table, range, strip_draw};
use crate::report::number::{NOTHING, Unit};
use crate::report::place::{self, Area, spread};
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, HALF_PX, Ink, LABEL_GAP_PX, Mark};

const LEFT: f64 = 84.0;
const ROW_PX: f64 = 140.0;

/// Measures over a swept axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// What it shows.
    pub title: String,
    /// Half a page wide, or a whole one.
    pub half: bool,
    /// What is swept, with the number of points and seeds: `clients.users.rate (6 points, 1 seed)`.
    pub axis: String,
    /// Where the points stand, and what they are called.
    pub ticks: Vec<(f64, String)>,
    /// From top to bottom.
    pub rows: Vec<SweptRow>,
}

/// One measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptRow {
    /// Its name: `p99`.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// Linear from 0, or log.
    pub scale: Scale,
    /// One per design.
    pub lines: Vec<SweptLine>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptLine {
    /// Its name.
    pub name: String,
    /// Its mark; [`Mark::Plain`] is drawn thin and dashed: what is offered, or theory.
    pub mark: Mark,
    /// In order of x.
    pub points: Vec<SweptPoint>,
}

/// One point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptPoint {
    /// Where on the axis.
    pub x: f64,
    /// The mean over seeds; `None` if there is none.
    pub y: Option<f64>,
    /// Half the width of its 95 % interval.
    pub half_width: Option<f64>,
}

impl SweptRow {
    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.lines.iter().flat_map(|l| &l.points).flat_map(|p| {
            let half = p.half_width.unwrap_or(0.0);
            p.y.into_iter().flat_map(move |y| [y, y + half])
        })
    }
}

impl Figure for Saturation {
    fn svg(&self, id: &str) -> String {
        let width = self.width_px();
        let mut svg = Svg::new(id, width, 80.0);
        let Some((low, high)) = range(self.ticks.iter().map(|t| t.0)).filter(|_| !self.rows.is_empty()) else {
            strip_draw::empty(&mut svg, Area { x: 0.0, y: 0.0, width, height: 60.0 }, "nothing was swept");
            return svg.finish(&self.title, "Nothing was swept.");
        };
        let names =
            self.rows.iter().flat_map(|r| &r.lines).map(|l| Text::label(l.mark.label(&l.name), Ink::Ink).width());
        let right = names.fold(40.0, f64::max).min(width * 0.3) + 18.0;
        let pad = ((high - low) * 0.02).max(f64::MIN_POSITIVE);
        let x = Axis::exact(low - pad, high + pad, 8, LEFT, width - right);
        let mut top = 0.0;
        for row in &self.rows {
            let plot = Area { x: LEFT, y: top + 34.0, width: width - right - LEFT, height: ROW_PX };
            self.row(&mut svg, row, &x, plot, right);
            top = plot.y + plot.height + 8.0;
        }
        let base = top - 8.0;
        let mut free = f64::MIN;
        for (at, words) in &self.ticks {
            let at = x.at(*at);
            let text = Text::tick(words).fit(plot_room(width)).middle();
            if at - text.width() / 2.0 < free + 8.0 {
                continue;
            }
            free = at + text.width() / 2.0;
            svg.line((at, base), (at, base + 6.0), &Paint::stroke(Ink::Axis, 1.5));
            svg.text(at, base + 25.0, &text);
        }
        svg.text((LEFT + width - right) / 2.0, base + 50.0, &Text::tick(&self.axis).fit(width - LEFT - 20.0).middle());
        svg.set_height(base + 60.0);
        svg.finish(&self.title, &format!("{} over {}.", self.title, self.axis))
    }
    fn width_px(&self) -> f64 {
        if self.half { HALF_PX } else { FULL_PX }
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["measure", "design", "point", "mean", "95 % within"]);
        for row in &self.rows {
            for line in &row.lines {
                for point in &line.points {
                    let name = self.ticks.iter().find(|t| t.0 == point.x).map_or(NOTHING, |t| &t.1);
                    let write = |v: Option<f64>| row.unit.write(v.unwrap_or(f64::NAN));
                    let half = point.half_width.map_or(NOTHING.to_owned(), |h| format!("±{}", row.unit.write(h)));
                    table.push([row.name.clone(), line.name.clone(), name.to_owned(), write(point.y), half]);
                }
            }
        }
        table
    }
}

fn plot_room(width: f64) -> f64 {
    width / 5.0
}

impl Saturation {
    fn row(&self, svg: &mut Svg, row: &SweptRow, x: &Axis, plot: Area, right: f64) {
        let title = Text::title(&row.name).fit(plot.width + right);
        svg.text(0.0, plot.y - 14.0, &title);
        if row.scale == Scale::Log && title.width() < plot.width - 60.0 {
            svg.text(title.width() + 10.0, plot.y - 14.0, &Text::tick("log"));
        }
        if row.values().all(|v| !v.is_finite()) {
            strip_draw::empty(svg, plot, "no samples");
            return;
        }
        let y = Axis::fit(row.scale, row.values(), 5, plot.y + plot.height, plot.y);
        let mut last = f64::MAX;
        for (at, words) in y.labels(row.unit) {
            svg.line((plot.x, at), (plot.x + plot.width, at), &Paint::stroke(Ink::Grid, 1.0));
            if last - at >= 18.0 {
                svg.text(plot.x - 8.0, at + 5.5, &Text::tick(words).fit(LEFT - 10.0).end());
                last = at;
            }
        }
        let base = plot.y + plot.height;
        svg.line((plot.x, base), (plot.x + plot.width, base), &Paint::stroke(Ink::Axis, 1.5));
        let curve = |line: &SweptLine| Curve {
            points: line.points.iter().map(|p| (p.x, p.y)).collect(),
            ink: if line.mark == Mark::Plain { Ink::Ink } else { line.mark.ink() },
            stroke: if line.mark == Mark::Plain { Stroke::ThinDashed } else { Stroke::Thick },
            filled: false,
            dots: false,
        };
        let curves: Vec<Curve> = row.lines.iter().map(curve).collect();
        curve::draw(svg, x, &y, &curves);
        for line in row.lines.iter().filter(|l| l.mark != Mark::Plain) {
            for point in &line.points {
                let Some(value) = point.y.filter(|v| v.is_finite()) else { continue };
                let at = x.at(point.x);
                if let Some(half) = point.half_width.filter(|h| h.is_finite() && *h > 0.0) {
                    let (from, to) = (y.at(value - half), y.at(value + half));
                    let paint = Paint::stroke(line.mark.ink(), 2.0);
                    svg.line((at, from), (at, to), &paint);
                    for end in [from, to] {
                        svg.line((at - 5.0, end), (at + 5.0, end), &paint);
                    }
                }
                mark_at(svg, at, y.at(value), line.mark);
            }
        }
        // Names at the right end, apart from each other.
        let ends: Vec<(&SweptLine, f64)> = row
            .lines
            .iter()
            .filter_map(|l| {
                let value = l.points.iter().rev().find_map(|p| p.y.filter(|v| v.is_finite()))?;
                Some((l, y.at(value)))
            })
            .collect();
        let wanted: Vec<f64> = ends.iter().map(|e| e.1 + 5.5).collect();
        let places = spread(&wanted, LABEL_GAP_PX, plot.y + 6.0, plot.y + plot.height);
        let all = Area { x: 0.0, y: 0.0, width: svg.width(), height: f64::MAX };
        for ((line, _), at) in ends.into_iter().zip(places) {
            let ink = if line.mark == Mark::Plain { Ink::Ink } else { line.mark.ink() };
            let text = Text::label(line.mark.label(&line.name), ink).fit(right - 16.0);
            place::put(svg, &text, &[(plot.x + plot.width + 14.0, at, crate::report::svg::Anchor::Start)], &all, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn line(name: &str, mark: Mark, values: &[Option<f64>]) -> SweptLine {
        let point = |(i, y): (usize, &Option<f64>)| SweptPoint { x: i as f64, y: *y, half_width: y.map(|y| y / 20.0) };
        SweptLine { name: name.into(), mark, points: values.iter().enumerate().map(point).collect() }
    }

    fn figure(n: usize, lines: Vec<SweptLine>) -> Saturation {
        let row = |name: &str, unit, scale| SweptRow { name: name.into(), unit, scale, lines: lines.clone() };
        Saturation {
            title: "A sweep of load".into(),
            half: true,
            axis: "clients.users.rate (14 points, 3 seeds)".into(),
            ticks: (0..n).map(|i| (i as f64, format!("{}/s", i * 100))).collect(),
            rows: vec![row("p99", Unit::Nanos, Scale::Log), row("goodput/s", Unit::PerSecond, Scale::Linear)],
        }
    }

    #[test]
    fn two_designs_over_load() {
        let rising: Vec<Option<f64>> = (1..15).map(|i| Some(1e6 * f64::from(i * i))).collect();
        let falling: Vec<Option<f64>> = (1..15).map(|i| (i < 12).then(|| 1e6 * f64::from(20 - i))).collect();
        check(&figure(14, vec![line("base", Mark::First, &rising), line("limit", Mark::Second, &falling)]));
    }

    #[test]
    fn degenerate_states() {
        let long = "a-design-with-a-name-that-nobody-would-ever-give-to-a-design-of-his-own";
        check(&figure(0, vec![]));
        check(&figure(1, vec![line("one", Mark::First, &[Some(5.0)])]));
        check(&figure(3, vec![line("none", Mark::First, &[None, None, None])]));
        check(&figure(3, vec![line(long, Mark::First, &[Some(0.0); 3]), line(long, Mark::Plain, &[Some(0.0); 3])]));
        check(&figure(2, vec![line("wide", Mark::Third, &[Some(1e3), Some(1e12)])]));
        check(&figure(2, vec![line("odd", Mark::First, &[Some(f64::NAN), Some(f64::INFINITY)])]));
    }
}
