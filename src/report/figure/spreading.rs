//! Who knows, over the time since there was something to know: the share of the members that have heard the news, or that
//! suspect and hold for dead who fell silent. One panel a design, all on the same axes.

use serde::{Deserialize, Serialize};

use crate::engine::Span;
use crate::report::axis::Axis;
use crate::report::curve::{self, Curve, Stroke};
use crate::report::figure::{Figure, Table, strip_draw};
use crate::report::number::{NOTHING, fmt_duration, fmt_share};
use crate::report::place::{self, Area};
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink};

const ACROSS_MAX: usize = 3;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 22.0;
const GAP: f64 = 60.0;
const PLOT_PX: f64 = 150.0;
/// From here on nobody is missing.
pub const ALL: f64 = 0.99;
/// Points of a curve.
const POINTS: usize = 240;

/// Who knows, with one or more designs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spreading {
    /// What it shows.
    pub title: String,
    /// What the share is of: `share of the members that know the news`.
    pub share: String,
    /// From when time counts: `the first one knows`.
    pub since: String,
    /// Where the time axis ends.
    pub until: Span,
    /// One per design, in the order of the file.
    pub panels: Vec<Spread>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Its name.
    pub name: String,
    /// How often there was something to know.
    pub times: u64,
    /// Who only suspects; empty if nobody does before he knows.
    pub suspect: Climb,
    /// Who knows.
    pub know: Climb,
}

/// How a share climbs: after so many ns by so much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Climb {
    /// When somebody learnt, ascending, and the share of those who knew from then on, as means over all times.
    pub steps: Vec<(f64, f64)>,
}

impl Climb {
    /// The share after so many ns.
    pub fn at(&self, ns: f64) -> f64 {
        let before = self.steps.partition_point(|step| step.0 <= ns);
        before.checked_sub(1).map_or(0.0, |last| self.steps[last].1)
    }
    /// After how many ns the share is reached.
    pub fn reaches(&self, share: f64) -> Option<f64> {
        self.steps.iter().find(|step| step.1 >= share - 1e-9).map(|step| step.0)
    }
    /// The share in the end.
    pub fn end(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.1)
    }
    fn curve(&self, until: Span, ink: Ink, stroke: Stroke) -> Curve {
        let point = |i: usize| {
            let ns = until.0 as f64 * i as f64 / POINTS as f64;
            (ns, Some(self.at(ns)))
        };
        Curve { points: (0..=POINTS).map(point).collect(), ink, stroke, filled: false, dots: false }
    }
}

impl Spread {
    /// How soon half know, and all, or how many in the end.
    pub fn words(&self) -> String {
        if self.times == 0 {
            return "there was nothing to know".to_owned();
        }
        let end = self.know.end();
        let half = self.know.reaches(0.5).map(|ns| format!("half after {}", fmt_duration(ns)));
        let all = self.know.reaches(ALL).map(|ns| format!("{} after {}", fmt_share(ALL), fmt_duration(ns)));
        match (half, all) {
            (Some(half), Some(all)) => format!("{half}, {all}"),
            (Some(half), None) => format!("{half}, {} in the end", fmt_share(end)),
            _ if end > 0.0 => format!("{} in the end", fmt_share(end)),
            _ => "nobody ever knows".to_owned(),
        }
    }
}

impl Figure for Spreading {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 40.0);
        if self.panels.is_empty() {
            svg.text(0.0, 22.0, &Text::title("No designs"));
            return svg.finish(&self.title, "No designs.");
        }
        let rows = self.panels.len().div_ceil(ACROSS_MAX);
        let across = self.panels.len().div_ceil(rows);
        let width = (FULL_PX - LEFT - RIGHT - GAP * (across - 1) as f64) / across as f64;
        let ticks = ((width / 90.0) as usize).max(3);
        let mut top = 0.0;
        for row in self.panels.chunks(across) {
            let plot_top = top + 58.0;
            let y = Axis::exact(0.0, 1.0, 4, plot_top + PLOT_PX, plot_top);
            for share in [0.0, 0.5, 1.0] {
                svg.text(LEFT - 10.0, y.at(share) + 5.5, &Text::tick(fmt_share(share)).end());
            }
            for (i, panel) in row.iter().enumerate() {
                let left = LEFT + i as f64 * (width + GAP);
                let x = Axis::time(self.until, ticks, left, left + width);
                self.draw(&mut svg, panel, &x, &y, top);
            }
            top = plot_top + PLOT_PX + 44.0;
        }
        let base = top + 10.0;
        let axis = Text::tick(format!("{}, by time since {}", self.share, self.since));
        svg.text(LEFT + (FULL_PX - LEFT - RIGHT) / 2.0, base, &axis.middle().fit(FULL_PX));
        svg.set_height(base + 12.0);
        let words: Vec<String> = self.panels.iter().map(|p| format!("{}: {}.", p.name, p.words())).collect();
        svg.finish(&self.title, &words.join(" "))
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["design", "share", "suspect after", "know after"]);
        let after = |climb: &Climb, share| climb.reaches(share).map_or_else(|| NOTHING.to_owned(), fmt_duration);
        for panel in &self.panels {
            for share in [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, ALL, 1.0] {
                let cells = [fmt_share(share), after(&panel.suspect, share), after(&panel.know, share)];
                table.push(std::iter::once(panel.name.clone()).chain(cells));
            }
        }
        table.told()
    }
}

impl Spreading {
    fn draw(&self, svg: &mut Svg, panel: &Spread, x: &Axis, y: &Axis, top: f64) {
        let (left, width) = (x.start_px(), x.end_px() - x.start_px());
        let (upper, base) = (y.end_px(), y.start_px());
        svg.text(left, top + 18.0, &Text::title(&panel.name).fit(width));
        let ink = if panel.know.end() >= ALL { Ink::Ok } else { Ink::Muted };
        svg.text(left, top + 40.0, &Text::label(panel.words(), ink.for_text()).plain().fit(width + RIGHT));
        for share in [0.5, 1.0] {
            svg.line((left, y.at(share)), (left + width, y.at(share)), &Paint::stroke(Ink::Grid, 1.0));
        }
        svg.line((left, base), (left + width, base), &Paint::stroke(Ink::Axis, 1.5));
        let mut free = f64::MIN;
        for (at, words) in x.time_labels() {
            let text = Text::tick(words).middle();
            let half = text.width() / 2.0;
            let place = at.min(left + width + RIGHT - half);
            svg.line((at, base), (at, base + 5.0), &Paint::stroke(Ink::Axis, 1.5));
            if place - half < free + 8.0 {
                continue;
            }
            free = place + half;
            svg.text(place, base + 24.0, &text);
        }
        let inside = Area { x: left, y: upper, width, height: base - upper };
        if panel.times == 0 {
            strip_draw::empty(svg, inside, "there was nothing to know");
            return;
        }
        let know = panel.know.curve(self.until, Ink::First, Stroke::Thick);
        if panel.suspect.steps.is_empty() {
            curve::draw(svg, x, y, &[know]);
            return;
        }
        // Two lines are told apart by dash and by name, not by hue alone.
        let suspect = panel.suspect.curve(self.until, Ink::Ink, Stroke::ThinDashed);
        let drawn: Vec<Vec<(f64, f64)>> = [&suspect, &know].iter().flat_map(|curve| curve.stretches(x, y)).collect();
        let named = [("suspect", &suspect, Ink::Ink), ("hold it for dead", &know, Ink::First)];
        curve::draw(svg, x, y, &[suspect.clone(), know.clone()]);
        for (words, curve, ink) in named {
            let text = Text::label(words, ink.for_text()).halo();
            let along: Vec<place::Candidate> =
                curve.stretches(x, y).iter().flat_map(|stretch| place::along(stretch, &text)).collect();
            place::put(svg, &text, &along, &inside, &drawn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    /// A member a second, up to a share.
    fn climb(seconds: u32, end: f64) -> Climb {
        let step = |i: u32| (f64::from(i) * 1e9, end * f64::from(i) / f64::from(seconds));
        Climb { steps: (1..=seconds).map(step).collect() }
    }

    fn spread(name: &str, suspect: Climb, know: Climb) -> Spread {
        Spread { name: name.into(), times: u64::from(!know.steps.is_empty()) * 9, suspect, know }
    }

    fn figure(panels: Vec<Spread>) -> Spreading {
        Spreading {
            title: "Who knows".into(),
            share: "share of the members that know".into(),
            since: "the crash".into(),
            until: Span(12_000_000_000),
            panels,
        }
    }

    #[test]
    fn one_to_seven_designs() {
        for n in 0..8 {
            let panels = (0..n).map(|i| spread(&format!("design-{i}"), climb(4, 1.0), climb(4 + i, 1.0)));
            check(&figure(panels.collect()));
        }
    }

    #[test]
    fn degenerate_states() {
        let long = "a-design-with-a-name-that-nobody-would-ever-give-to-a-design-of-his-own";
        let nobody = Spread { times: 3, ..spread("deaf", Climb::default(), Climb::default()) };
        check(&figure(vec![spread(long, Climb::default(), Climb::default()), nobody.clone()]));
        check(&Spreading {
            until: Span(0),
            ..figure(vec![nobody.clone(), spread("at-once", climb(1, 1.0), climb(1, 1.0))])
        });
        let words = |panel: &Spread| panel.words().replace('\u{202f}', " ");
        assert_eq!(words(&nobody), "nobody ever knows");
        assert_eq!(words(&spread("", Climb::default(), Climb::default())), "there was nothing to know");
        assert_eq!(words(&spread("", Climb::default(), climb(4, 0.4))), "40 % in the end");
        assert_eq!(words(&spread("", Climb::default(), climb(4, 0.8))), "half after 3 s, 80 % in the end");
        assert_eq!(words(&spread("", climb(1, 1.0), climb(4, 1.0))), "half after 2 s, 99 % after 4 s");
    }

    #[test]
    fn a_share_stays_until_the_next_one_learns() {
        let climb = climb(4, 1.0);
        assert_eq!([0.5e9, 1e9, 1.9e9, 4e9, 9e9].map(|ns| climb.at(ns)), [0.0, 0.25, 0.25, 1.0, 1.0]);
        assert_eq!(
            (climb.reaches(0.5), climb.reaches(1.0), Climb::default().reaches(0.1)),
            (Some(2e9), Some(4e9), None)
        );
    }
}
