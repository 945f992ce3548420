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
const TITLE_LINE_PX: f64 = 22.0;
/// Between two lines of names of points.
const LINE_PX: f64 = 19.0;
/// Between two of them in a row.
const NAME_GAP_PX: f64 = 8.0;
const NAME_ROWS: usize = 3;
/// The name of a point is never cut to less than this.
const POINT_PX: f64 = 110.0;

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
            let title = Text::title(&row.name).wrap(width - 40.0);
            let lines = title.len().max(1) as f64;
            let plot =
                Area { x: LEFT, y: top + 12.0 + TITLE_LINE_PX * lines, width: width - right - LEFT, height: ROW_PX };
            self.row(&mut svg, row, &x, plot, &title, right);
            top = plot.y + plot.height + 8.0;
        }
        let base = top - 8.0;
        let below = self.ticks(&mut svg, &x, base);
        let axis = Text::tick(&self.axis).middle().wrap(width - 20.0);
        for (i, line) in axis.iter().enumerate() {
            let middle = ((LEFT + width - right) / 2.0).max(line.width() / 2.0);
            svg.text(middle, below + 25.0 + LINE_PX * i as f64, line);
        }
        svg.set_height(below + 25.0 + LINE_PX * axis.len().saturating_sub(1) as f64 + 10.0);
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

/// What a point is called, in lines that are no wider than this if it can be: a range may break behind its dots.
fn point_lines(words: &str, room: f64) -> Vec<Text> {
    let spaced = words.replace("..", ".. ");
    let mut lines: Vec<String> = Vec::new();
    for part in spaced.split(' ').filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) => {
                let gap = if line.ends_with("..") { "" } else { " " };
                let longer = format!("{line}{gap}{part}");
                if Text::tick(&longer).width() <= room { *line = longer } else { lines.push(part.to_owned()) }
            }
            None => lines.push(part.to_owned()),
        }
    }
    lines.into_iter().map(|line| Text::tick(line).fit(room.max(POINT_PX)).middle()).collect()
}

/// In which row each name stands that gets a place, those that come first in `order` before all others.
fn laid_out(order: &[usize], stretch: &dyn Fn(usize) -> (f64, f64)) -> Vec<Option<usize>> {
    let mut rows: [Vec<(f64, f64)>; NAME_ROWS] = std::array::from_fn(|_| Vec::new());
    let mut out = vec![None; order.len()];
    for i in order {
        let (from, to) = stretch(*i);
        let free = |row: &Vec<(f64, f64)>| {
            row.iter().all(|taken| taken.1 + NAME_GAP_PX <= from || to + NAME_GAP_PX <= taken.0)
        };
        if let Some(row) = rows.iter().position(free) {
            rows[row].push((from, to));
            out[*i] = Some(row);
        }
    }
    out
}

impl Saturation {
    /// The names of the points under the plot: all that find room in a few rows, the last one always. Returns their
    /// lower edge.
    fn ticks(&self, svg: &mut Svg, x: &Axis, base: f64) -> f64 {
        let width = svg.width();
        let places: Vec<f64> = self.ticks.iter().map(|tick| x.at(tick.0)).collect();
        let apart = places.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::MAX, f64::min);
        let names: Vec<Vec<Text>> =
            self.ticks.iter().map(|tick| point_lines(&tick.1, apart.min(width / 4.0) - NAME_GAP_PX)).collect();
        let stretch = |i: usize| {
            let half = names[i].iter().map(Text::width).fold(0.0, f64::max) / 2.0;
            let middle = places[i].min(width - half).max(half);
            (middle - half, middle + half)
        };
        let last = names.len().saturating_sub(1);
        let (in_order, last_first): (Vec<usize>, Vec<usize>) =
            ((0..=last).collect(), std::iter::once(last).chain(0..last).collect());
        let mut rows = laid_out(&in_order, &stretch);
        if rows[last].is_none() {
            rows = laid_out(&last_first, &stretch);
        }
        let high = names.iter().map(Vec::len).max().unwrap_or(1);
        let mut lower = base + 6.0;
        for (i, row) in rows.iter().enumerate() {
            svg.line((places[i], base), (places[i], base + 6.0), &Paint::stroke(Ink::Axis, 1.5));
            let Some(row) = row else { continue };
            let (from, to) = stretch(i);
            for (j, line) in names[i].iter().enumerate() {
                let y = base + 25.0 + LINE_PX * (row * high + j) as f64;
                svg.text((from + to) / 2.0, y, line);
                lower = lower.max(y);
            }
        }
        lower
    }

    fn row(&self, svg: &mut Svg, row: &SweptRow, x: &Axis, plot: Area, title: &[Text], right: f64) {
        for (i, line) in title.iter().rev().enumerate() {
            svg.text(0.0, plot.y - 14.0 - TITLE_LINE_PX * i as f64, line);
        }
        if let Some(last) = title.last().filter(|last| row.scale == Scale::Log && last.width() < svg.width() - 60.0) {
            svg.text(last.width() + 10.0, plot.y - 14.0, &Text::tick("log"));
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
    fn every_point_near_the_end_and_every_range_has_its_name() {
        let values = [Some(1.0); 6];
        let mut load = figure(6, vec![line("base", Mark::First, &values)]);
        let places = [5000.0, 7000.0, 8000.0, 9000.0, 9500.0, 9900.0];
        load.ticks = places.iter().map(|x| (*x, format!("{x}/s"))).collect();
        load.rows.iter_mut().for_each(|row| {
            row.lines[0].points.iter_mut().zip(places).for_each(|(point, x)| point.x = x);
        });
        check(&load);
        let svg = load.svg("load");
        assert!(places.iter().all(|x| svg.contains(&format!(">{x}/s<"))), "{svg}");

        let mut ranges = figure(6, vec![line("base", Mark::First, &values)]);
        ranges.ticks = (0..6).map(|i| (f64::from(i), format!("150ms..{}ms", 150 + i))).collect();
        ranges.rows[0].name = "rate(attempts(web -> pricing)) / rate(calls(web -> pricing)), and more of it".into();
        check(&ranges);
        let svg = ranges.svg("ranges");
        assert!((0..6).all(|i| svg.contains(&format!(">{}ms<", 150 + i))) && !svg.contains('…'), "{svg}");
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
