//! Lines, areas and points of ordinary charts, drawn by plotters' SVG backend and inked by our theme.
//!
//! plotters places whole pixels and knows one theme. So it draws on a canvas ten times as large, in colours that are
//! really numbers, and each element it wrote gets the class, light colour and dash of its curve. Log axes are mapped by
//! [`Axis`] first. Gaps split a curve; a lonely point becomes a dot.

use serde::{Deserialize, Serialize};

use std::fmt::Write;

use plotters::prelude::*;

use crate::report::axis::Axis;
use crate::report::svg::{Paint, Svg, number};
use crate::report::theme::Ink;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stroke {
    /// 3.2 px.
    Thick,
    /// 1.8 px.
    Thin,
    /// 3.2 px, dashed.
    ThickDashed,
    /// 1.8 px, dashed.
    ThinDashed,
}

impl Stroke {
    fn width(self) -> f64 {
        match self {
            Stroke::Thick | Stroke::ThickDashed => 3.2,
            Stroke::Thin | Stroke::ThinDashed => 1.8,
        }
    }
    /// The paint of a line in this stroke.
    pub fn paint(self, ink: Ink) -> Paint {
        let paint = Paint::stroke(ink, self.width());
        match self {
            Stroke::Thick | Stroke::Thin => paint,
            Stroke::ThickDashed | Stroke::ThinDashed => paint.dashed("8 5"),
        }
    }
}

/// One curve over two axes.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Points in order of x; `None`, NaN and infinity are gaps.
    pub points: Vec<(f64, Option<f64>)>,
    /// Its colour.
    pub ink: Ink,
    /// Its line.
    pub stroke: Stroke,
    /// Fill down to the low end of the y axis too, in the surface colour.
    pub filled: bool,
    /// A dot on every point.
    pub dots: bool,
}

impl Curve {
    /// The finite stretches of the curve, in pixels, thinned to at most four points a pixel column.
    pub fn stretches(&self, x: &Axis, y: &Axis) -> Vec<Vec<(f64, f64)>> {
        stretches(&self.points, x, y)
            .into_iter()
            .map(|s| {
                let px = |(fx, fy): (f64, f64)| {
                    (x.start_px() + fx * (x.end_px() - x.start_px()), y.start_px() + fy * (y.end_px() - y.start_px()))
                };
                s.into_iter().map(px).collect()
            })
            .collect()
    }
}

const FINE: f64 = 10.0;

/// Draws curves between the two axes, the first at the bottom.
pub fn draw(svg: &mut Svg, x: &Axis, y: &Axis, curves: &[Curve]) {
    let (left, right) = (x.start_px().min(x.end_px()), x.start_px().max(x.end_px()));
    let (top, bottom) = (y.start_px().min(y.end_px()), y.start_px().max(y.end_px()));
    let size = (((right - left) * FINE).max(1.0) as u32, ((bottom - top) * FINE).max(1.0) as u32);
    for curve in curves {
        let parts = stretches(&curve.points, x, y);
        if parts.is_empty() {
            continue;
        }
        let mut written = String::new();
        // Drawing into a String fails only if formatting does; then there is simply no curve.
        let _ = plot(&mut written, size, &parts, curve);
        let inked = ink(&written, svg.id(), curve);
        let place = format!("translate({} {}) scale(.1)", number(left), number(top));
        svg.open(&format!(" transform=\"{place}\" stroke-linejoin=\"round\""));
        svg.raw(&inked);
        svg.close();
    }
}

// The numbers that stand for a curve's inks until they are replaced.
const LINE: RGBColor = RGBColor(0, 0, 1);
const AREA: RGBColor = RGBColor(0, 0, 2);
const DOT: RGBColor = RGBColor(0, 0, 3);

fn plot(
    out: &mut String,
    size: (u32, u32),
    parts: &[Vec<(f64, f64)>],
    curve: &Curve,
) -> Result<(), Box<dyn std::error::Error>> {
    let width = (curve.stroke.width() * FINE) as u32;
    let area = SVGBackend::with_string(out, size).into_drawing_area();
    {
        let mut chart = ChartBuilder::on(&area).build_cartesian_2d(0.0..1.0, 0.0..1.0).map_err(|e| e.to_string())?;
        for part in parts {
            if curve.filled && part.len() > 1 {
                chart.draw_series(AreaSeries::new(part.iter().copied(), 0.0, AREA)).map_err(|e| e.to_string())?;
            }
            if part.len() > 1 {
                let style = ShapeStyle { color: LINE.to_rgba(), filled: false, stroke_width: width };
                chart.draw_series(LineSeries::new(part.iter().copied(), style)).map_err(|e| e.to_string())?;
            }
            if curve.dots || part.len() == 1 {
                let radius = if parts.len() == 1 && part.len() == 1 { 7.0 } else { 4.5 } * FINE;
                let dot = |p: &(f64, f64)| Circle::new(*p, radius as u32, DOT.filled());
                chart.draw_series(part.iter().map(dot)).map_err(|e| e.to_string())?;
            }
        }
    }
    area.present().map_err(|e| e.to_string())?;
    Ok(())
}

/// Replaces the numbers that plotters drew in by inks, and drops its frame.
fn ink(written: &str, id: &str, curve: &Curve) -> String {
    let line = curve.stroke.paint(curve.ink).attributes(id, FINE);
    let mut out = String::with_capacity(written.len());
    for element in written.lines().filter(|l| !l.starts_with("<svg") && !l.starts_with("</svg")) {
        let Some(name) = element.strip_prefix('<').and_then(|e| e.split(' ').next()) else { continue };
        let geometry: Vec<&str> = ["points=\"", "cx=\"", "cy=\"", "r=\""]
            .iter()
            .filter_map(|key| {
                let start = element.find(&format!(" {key}"))? + 1;
                let end = start + key.len() + element[start + key.len()..].find('"')?;
                Some(&element[start..=end])
            })
            .collect();
        let paint = if element.contains("#000001") {
            line.clone()
        } else if element.contains("#000002") {
            Paint::fill(Ink::Surface).attributes(id, 1.0)
        } else {
            Paint::fill(curve.ink).attributes(id, 1.0)
        };
        let _ = writeln!(out, "<{name} {}{paint}/>", geometry.join(" "));
    }
    out
}

/// Stretches without gaps, as fractions of the axes, thinned.
fn stretches(points: &[(f64, Option<f64>)], x: &Axis, y: &Axis) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (at, value) in points {
        let value = value.filter(|v| v.is_finite() && (y.scale() == super::axis::Scale::Linear || *v > 0.0));
        match value {
            Some(value) if at.is_finite() && *at >= x.low() && *at <= x.high() => {
                if let Some(part) = parts.last_mut() {
                    part.push((x.fraction(*at), y.fraction(value)));
                }
            }
            _ if parts.last().is_some_and(|p| !p.is_empty()) => parts.push(Vec::new()),
            _ => {}
        }
    }
    parts.retain(|p| !p.is_empty());
    let columns = ((x.end_px() - x.start_px()).abs()).max(1.0);
    parts.into_iter().map(|p| if p.len() as f64 > 4.0 * columns { thin(&p, columns) } else { p }).collect()
}

/// First, lowest, highest and last point of every pixel column: what is visible at that width.
fn thin(part: &[(f64, f64)], columns: f64) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    for column in part.chunk_by(|a, b| (a.0 * columns) as i64 == (b.0 * columns) as i64) {
        let by = |f: fn(&(f64, f64), &(f64, f64)) -> std::cmp::Ordering| column.iter().copied().min_by(f);
        let lowest = by(|a, b| a.1.total_cmp(&b.1));
        let highest = by(|a, b| b.1.total_cmp(&a.1));
        out.extend([column.first().copied(), lowest, highest, column.last().copied()].into_iter().flatten());
    }
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::axis::Scale;

    fn drawn(points: Vec<(f64, Option<f64>)>) -> String {
        let x = Axis::exact(0.0, 10.0, 5, 0.0, 100.0);
        let y = Axis::fit(Scale::Linear, [10.0], 5, 50.0, 0.0);
        let mut svg = Svg::new("c", 100.0, 50.0);
        draw(&mut svg, &x, &y, &[Curve { points, ink: Ink::Ok, stroke: Stroke::Thick, filled: false, dots: false }]);
        svg.finish("", "")
    }

    #[test]
    fn a_curve_is_one_polyline_in_its_ink() {
        let out = drawn(vec![(0.0, Some(0.0)), (5.0, Some(10.0)), (10.0, Some(5.0))]);
        let expected = "<polyline points=\"0,499 499,0 999,250 \" class=\"s-ok\" fill=\"none\" stroke=\"#009e73\" \
                        stroke-width=\"32\"/>";
        assert!(out.contains(expected), "{out}");
    }

    #[test]
    fn a_gap_splits_and_a_lonely_point_is_a_dot() {
        let out = drawn(vec![(0.0, Some(1.0)), (1.0, Some(1.0)), (2.0, None), (3.0, Some(f64::NAN)), (4.0, Some(2.0))]);
        assert_eq!(out.matches("<polyline").count(), 1);
        assert_eq!(out.matches("<circle").count(), 1);
    }

    #[test]
    fn a_million_points_are_thinned_to_what_can_be_seen() {
        let points = (0..1_000_000).map(|i| (f64::from(i) / 1e5, Some(f64::from(i % 7)))).collect();
        assert!(drawn(points).len() < 10_000);
    }
}
