//! Small multiples: one measure over time, a panel per design, all on the same axes.

use serde::{Deserialize, Serialize};

use crate::engine::Span;
use crate::report::axis::{Axis, Scale};
use crate::report::curve::{self, Curve, Stroke};
use crate::report::figure::fault::{self, Fault};
use crate::report::figure::{Figure, Series, Table, range, strip_draw};
use crate::report::number::{NOTHING, Unit, fmt_span};
use crate::report::place::Area;
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, State};

const ACROSS_MAX: usize = 5;
const LEFT: f64 = 116.0;
const GAP: f64 = 26.0;
const PLOT_PX: f64 = 104.0;

/// One measure of several designs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variants {
    /// What it shows.
    pub title: String,
    /// The measure, with the unit of rates: `Goodput/s`.
    pub measure: String,
    /// Its unit.
    pub unit: Unit,
    /// Linear from 0, or log.
    pub scale: Scale,
    /// End of the time axes.
    pub until: Span,
    /// One per design, in the order of the file.
    pub panels: Vec<Small>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Small {
    /// Its name.
    pub name: String,
    /// How well it did, if that can be said; colours the words.
    pub state: Option<State>,
    /// What came of it: `95.8 % answered`.
    pub words: String,
    /// Its faults; shaded without flags.
    pub faults: Vec<Fault>,
    /// What it is compared with, dashed: the offered load. May be empty.
    pub reference: Series,
    /// The measure.
    pub points: Series,
}

impl Figure for Variants {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 80.0);
        if self.panels.is_empty() {
            strip_draw::empty(&mut svg, Area { x: 0.0, y: 0.0, width: FULL_PX, height: 60.0 }, "no designs");
            return svg.finish(&self.title, "No designs.");
        }
        let rows = self.panels.len().div_ceil(ACROSS_MAX);
        let across = self.panels.len().div_ceil(rows);
        let width = (FULL_PX - LEFT - 40.0 - GAP * (across - 1) as f64) / across as f64;
        let values = || self.panels.iter().flat_map(|p| p.points.iter().chain(&p.reference).filter_map(|v| v.1));
        let mut top = 0.0;
        for row in self.panels.chunks(across) {
            let plot_top = top + 54.0;
            let y = Axis::fit(self.scale, values(), 4, plot_top + PLOT_PX, plot_top);
            svg.text(0.0, top + 18.0, &Text::title(&self.measure).fit(LEFT - 4.0));
            if self.scale == Scale::Log {
                svg.text(0.0, top + 40.0, &Text::tick("log"));
            }
            let mut last = f64::MAX;
            for (at, words) in y.labels(self.unit) {
                if last - at >= 18.0 {
                    svg.text(LEFT - 8.0, at + 5.5, &Text::tick(words).fit(LEFT - 10.0).end());
                    last = at;
                }
            }
            for (i, panel) in row.iter().enumerate() {
                let left = LEFT + i as f64 * (width + GAP);
                let x = Axis::time(self.until, 3, left, left + width);
                self.panel(&mut svg, panel, &x, &y, top);
            }
            top = plot_top + PLOT_PX + 50.0;
        }
        svg.set_height(top - 12.0);
        let words = match range(values()) {
            Some((low, high)) => format!("From {} to {}.", self.unit.write(low), self.unit.write(high)),
            None => "Nothing was recorded.".to_owned(),
        };
        svg.finish(&self.title, &words)
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["design", "came to", "time", "value"]);
        for panel in &self.panels {
            for part in panel.points.chunks(panel.points.len().div_ceil(12).max(1)) {
                let Some((at, value)) = part.last() else { continue };
                let value = value.map_or(NOTHING.to_owned(), |v| self.unit.write(v));
                table.push([panel.name.clone(), panel.words.clone(), fmt_span(Span(at.0)), value]);
            }
        }
        table
    }
}

impl Variants {
    fn panel(&self, svg: &mut Svg, panel: &Small, x: &Axis, y: &Axis, top: f64) {
        let (left, width) = (x.start_px(), x.end_px() - x.start_px());
        svg.text(left, top + 18.0, &Text::title(&panel.name).fit(width));
        let text = |words: &str| match panel.state {
            Some(state) => Text::label(format!("{} {words}", state.sign()), state.ink()).plain(),
            None => Text::label(words, Ink::Ink).plain(),
        };
        // Where there is no room for what the caption says too, the number goes alone.
        let (whole, number) = (text(&panel.words), panel.words.rsplit_once(' ').map(|(number, _)| text(number)));
        let words = number.filter(|_| whole.width() > width).unwrap_or(whole);
        svg.text(left, top + 40.0, &words.fit(width));
        let (upper, base) = (y.end_px(), y.start_px());
        fault::shade_small(svg, &panel.faults, x, (upper, base));
        for tick in y.ticks() {
            svg.line((left, y.at(*tick)), (left + width, y.at(*tick)), &Paint::stroke(Ink::Grid, 1.0));
        }
        svg.line((left, base), (left + width, base), &Paint::stroke(Ink::Axis, 1.5));
        let labels = x.time_labels();
        let count = labels.len();
        for (i, (at, words)) in labels.into_iter().enumerate() {
            let text = Text::tick(words);
            let text = if i == 0 {
                text
            } else if i + 1 == count {
                text.end()
            } else {
                text.middle()
            };
            let at = if i + 1 == count { (at + 14.0).min(left + width + 14.0) } else { at };
            svg.text(at, base + 24.0, &text);
        }
        let curve = |points: &Series, ink, stroke| Curve {
            points: points.iter().map(|(at, v)| (at.0 as f64, *v)).collect(),
            ink,
            stroke,
            filled: false,
            dots: false,
        };
        let ink = if panel.reference.is_empty() { Ink::First } else { Ink::Ok };
        let drawn = [curve(&panel.points, ink, Stroke::Thick), curve(&panel.reference, Ink::Ink, Stroke::ThinDashed)];
        if panel.points.iter().all(|p| p.1.is_none_or(|v| !v.is_finite())) {
            strip_draw::empty(svg, Area { x: left, y: upper, width, height: base - upper }, "no data");
        } else {
            curve::draw(svg, x, y, &drawn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Instant;
    use crate::report::figure::testing::{check, per_second, wobble};

    fn small(name: &str, points: Series) -> Small {
        let fault = |from: u64, ns: u64| Fault { name: "cut".into(), from: Instant(from), until: Instant(from + ns) };
        Small {
            name: name.into(),
            state: Some(State::Ok),
            words: "95.8\u{202f}% answered".into(),
            faults: vec![fault(20_000_000_000, 10_000_000_000), fault(50_000_000_000, 1)],
            reference: per_second(120, |_| Some(700.0)),
            points,
        }
    }

    fn figure(panels: Vec<Small>, scale: Scale) -> Variants {
        Variants {
            title: "Goodput of all designs".into(),
            measure: "Goodput/s".into(),
            unit: Unit::PerSecond,
            scale,
            until: Span::secs(120),
            panels,
        }
    }

    #[test]
    fn one_to_nine_designs() {
        for n in 1..10_u64 {
            let panels =
                (0..n).map(|i| small(&format!("design-{i}"), per_second(120, |s| Some(690.0 + 20.0 * wobble(s)))));
            check(&figure(panels.collect(), Scale::Linear));
        }
    }

    #[test]
    fn degenerate_states() {
        let long = "a-design-with-a-name-that-nobody-would-ever-give-to-a-design-of-his-own";
        for scale in [Scale::Linear, Scale::Log] {
            check(&figure(vec![], scale));
            check(&figure(vec![small("none", vec![]), small("gaps", per_second(9, |_| None))], scale));
            check(&figure(
                vec![small("one", per_second(1, |_| Some(5.0))), small(long, per_second(9, |_| Some(0.0)))],
                scale,
            ));
            check(&figure(vec![small("wide", per_second(9, |s| Some(libm::pow(10.0, s as f64))))], scale));
        }
    }
}
