//! How soon readers see what was written: the share of reads that return the newest acknowledged write of their key,
//! against how long ago it was acknowledged. One panel a design, x log over the ages that were measured.

use serde::{Deserialize, Serialize};

use crate::report::axis::Axis;
use crate::report::curve::{self, Curve, Stroke};
use crate::report::figure::{Figure, Table, range, strip_draw};
use crate::report::number::{NOTHING, Unit, fmt_duration, fmt_share};
use crate::report::place::Area;
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink};

/// What is read this soon is read at once.
const AT_ONCE_NS: f64 = 2e7;
const ACROSS_MAX: usize = 3;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 22.0;
const GAP: f64 = 60.0;
const PLOT_PX: f64 = 130.0;
/// The share from which readers count as up to date.
const SETTLED: f64 = 0.99;

/// Freshness of one or more designs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Freshness {
    /// What it shows.
    pub title: String,
    /// The phase that is told apart, `cut`; none if there was none.
    pub phase: Option<String>,
    /// One per design, in the order of the file.
    pub panels: Vec<Fresh>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    /// Its name.
    pub name: String,
    /// (Time since the newest write was acknowledged in ns, share of reads that saw it), outside the phase.
    pub calm: Vec<(f64, f64)>,
    /// The same inside the phase.
    pub cut: Vec<(f64, f64)>,
}

/// Where a curve ends that never comes up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// How long ago the write was, ns.
    pub age_ns: f64,
    /// Share of reads that missed it.
    pub stale: f64,
    /// Whether they began inside the phase.
    pub inside: bool,
}

impl Fresh {
    /// From which age on 99 % of reads are fresh in all phases, in ns; 0 if always, `None` if never.
    pub fn settles_ns(&self) -> Option<f64> {
        let after = |curve: &[(f64, f64)]| match curve.iter().rposition(|p| p.1 < SETTLED) {
            None => Some(0.0),
            Some(last) => curve.get(last + 1).map(|p| p.0),
        };
        Some(after(&self.calm)?.max(after(&self.cut)?))
    }

    /// The oldest write on the curve that ends lower, where [`Fresh::settles_ns`] says never.
    pub fn end(&self) -> Option<End> {
        let of = |inside: bool, curve: &[(f64, f64)]| {
            curve.last().map(|(age_ns, fresh)| End { age_ns: *age_ns, stale: 1.0 - fresh, inside })
        };
        let ends = [of(false, &self.calm), of(true, &self.cut)].into_iter().flatten();
        ends.max_by(|a, b| a.stale.total_cmp(&b.stale)).filter(|_| self.settles_ns().is_none())
    }

    fn words(&self) -> (String, Ink) {
        if self.calm.is_empty() && self.cut.is_empty() {
            return ("too few reads".to_owned(), Ink::Muted);
        }
        match self.settles_ns() {
            Some(0.0) => {
                // Nothing is known of what nobody read sooner.
                let firsts = [&self.calm, &self.cut].into_iter().filter_map(|curve| curve.first().map(|p| p.0));
                let first = firsts.fold(f64::INFINITY, f64::min);
                let when = if first < AT_ONCE_NS {
                    "at once".to_owned()
                } else {
                    format!("at {}, read no sooner", fmt_duration(first))
                };
                (format!("✓ at least 99\u{202f}% fresh {when}"), Ink::Ok)
            }
            Some(ns) => (format!("99\u{202f}% fresh after {}", fmt_duration(ns)), Ink::Stale),
            None => {
                let line = |end: &End| match (self.cut.is_empty(), end.inside) {
                    (true, _) => "",
                    (false, true) => "thick: ",
                    (false, false) => "dashed: ",
                };
                let told =
                    |end: End| format!("{}{} stale at {}", line(&end), fmt_share(end.stale), fmt_duration(end.age_ns));
                (self.end().map_or_else(String::new, told), Ink::Stale)
            }
        }
    }
}

impl Figure for Freshness {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 40.0);
        if self.panels.is_empty() {
            svg.text(0.0, 22.0, &Text::title("No designs"));
            return svg.finish(&self.title, "No designs.");
        }
        let rows = self.panels.len().div_ceil(ACROSS_MAX);
        let across = self.panels.len().div_ceil(rows);
        let width = (FULL_PX - LEFT - RIGHT - GAP * (across - 1) as f64) / across as f64;
        let ages = self.panels.iter().flat_map(|p| p.calm.iter().chain(&p.cut).map(|p| p.0)).filter(|age| *age > 0.0);
        // Points at both ends stay off the edges; without any, what stores usually take.
        let (low, high) = range(ages).map_or((1e6, 1e11), |(low, high)| (low / 1.3, high * 1.3));
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
                let x = Axis::log_within(low, high, ticks, left, left + width);
                draw(&mut svg, panel, &x, &y, top);
            }
            top = plot_top + PLOT_PX + 44.0;
        }
        let base = top + 10.0;
        let axis = "time since that write was acknowledged, log";
        svg.text(LEFT + (FULL_PX - LEFT - RIGHT) / 2.0, base, &Text::tick(axis).middle());
        svg.set_height(base + 12.0);
        let all = self.panels.iter().flat_map(|p| p.calm.iter().chain(&p.cut).map(|p| p.1));
        let words = match range(all) {
            Some((low, high)) => format!("Shares from {} to {}.", fmt_share(low), fmt_share(high)),
            None => "Too few reads.".to_owned(),
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
        let phase = self.phase.as_deref().unwrap_or("phase");
        let mut table = Table::new(&["design", "time since the write", "otherwise"]);
        table.columns.push(format!("during {phase}"));
        for panel in &self.panels {
            let mut ages: Vec<f64> = panel.calm.iter().chain(&panel.cut).map(|p| p.0).collect();
            ages.sort_by(f64::total_cmp);
            ages.dedup();
            for age in ages {
                let of = |curve: &[(f64, f64)]| {
                    let found = curve.iter().find(|p| p.0 == age);
                    found.map_or_else(|| NOTHING.to_owned(), |p| fmt_share(p.1))
                };
                table.push([panel.name.clone(), Unit::Nanos.write(age), of(&panel.calm), of(&panel.cut)]);
            }
        }
        table
    }
}

fn draw(svg: &mut Svg, panel: &Fresh, x: &Axis, y: &Axis, top: f64) {
    let (left, width) = (x.start_px(), x.end_px() - x.start_px());
    let (upper, base) = (y.end_px(), y.start_px());
    svg.text(left, top + 18.0, &Text::title(&panel.name).fit(width));
    let (words, ink) = panel.words();
    svg.text(left, top + 40.0, &Text::label(words, ink).plain().fit(width + RIGHT));
    for share in [0.5, 1.0] {
        svg.line((left, y.at(share)), (left + width, y.at(share)), &Paint::stroke(Ink::Grid, 1.0));
    }
    svg.line((left, base), (left + width, base), &Paint::stroke(Ink::Axis, 1.5));
    let mut free = f64::MIN;
    for (at, words) in x.labels(Unit::Nanos) {
        let text = Text::tick(words).middle();
        let half = text.width() / 2.0;
        let place = at.min(left + width + RIGHT - half);
        if place - half < free + 8.0 {
            continue;
        }
        free = place + half;
        svg.line((at, base), (at, base + 5.0), &Paint::stroke(Ink::Axis, 1.5));
        svg.text(place, base + 24.0, &text);
    }
    if panel.calm.is_empty() && panel.cut.is_empty() {
        strip_draw::empty(svg, Area { x: left, y: upper, width, height: base - upper }, "too few reads");
        return;
    }
    let curve = |points: &[(f64, f64)], ink, stroke| Curve {
        points: points.iter().map(|(at, share)| (*at, Some(*share))).collect(),
        ink,
        stroke,
        filled: false,
        dots: false,
    };
    let curves = if panel.cut.is_empty() {
        vec![curve(&panel.calm, Ink::First, Stroke::Thick)]
    } else {
        vec![curve(&panel.calm, Ink::Ink, Stroke::ThinDashed), curve(&panel.cut, Ink::First, Stroke::Thick)]
    };
    curve::draw(svg, x, y, &curves);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn climbing(slow: f64) -> Vec<(f64, f64)> {
        (0..20).map(|i| (1e6 * libm::pow(10.0, (f64::from(i) + 0.5) / 4.0), (f64::from(i) * slow).min(1.0))).collect()
    }

    fn figure(panels: Vec<Fresh>) -> Freshness {
        Freshness { title: "Reads that see the newest write".into(), phase: Some("cut".into()), panels }
    }

    fn fresh(name: &str, calm: Vec<(f64, f64)>, cut: Vec<(f64, f64)>) -> Fresh {
        Fresh { name: name.into(), calm, cut }
    }

    #[test]
    fn one_to_seven_designs() {
        for n in 0..8 {
            let panels = (0..n).map(|i| fresh(&format!("design-{i}"), climbing(0.1), climbing(0.02)));
            check(&figure(panels.collect()));
        }
    }

    #[test]
    fn degenerate_states() {
        let long = "a-design-with-a-name-that-nobody-would-ever-give-to-a-design-of-his-own";
        check(&figure(vec![fresh(long, vec![], vec![]), fresh("one", vec![(1e6, 0.0)], vec![])]));
        check(&figure(vec![fresh("outside", vec![(1e-3, 1.0), (1e15, 1.0)], vec![(f64::NAN, 0.5)])]));
    }

    #[test]
    fn it_settles_where_the_last_stale_bin_ends() {
        assert_eq!(fresh("", vec![(1e6, 1.0), (1e7, 1.0)], vec![]).settles_ns(), Some(0.0));
        assert_eq!(fresh("", vec![(1e6, 1.0)], vec![(1e6, 0.5), (1e7, 0.9), (1e8, 1.0)]).settles_ns(), Some(1e8));
        assert_eq!(fresh("", vec![(1e6, 0.5)], vec![]).settles_ns(), None);
    }

    #[test]
    fn a_curve_that_never_comes_up_is_told_by_the_age_at_which_it_ends() {
        let told = |calm, cut| fresh("", calm, cut).words().0.replace('\u{202f}', " ");
        let (up, down) = (vec![(1e6, 0.5), (1e10, 1.0)], vec![(1e6, 0.2), (7.5e10, 0.75)]);
        assert_eq!(told(up.clone(), down.clone()), "thick: 25 % stale at 75 s");
        assert_eq!(told(down.clone(), up.clone()), "dashed: 25 % stale at 75 s");
        assert_eq!(told(down, vec![]), "25 % stale at 75 s");
        assert_eq!(fresh("", up, vec![]).end(), None);
        // As long as it gets, and in one of three columns it is seen whole.
        let long = || fresh("split-brain", vec![(42.2e9, 0.358)], vec![(1e9, 1.0)]);
        let svg = figure(vec![long(), long(), long()]).svg("f");
        assert_eq!(svg.matches("dashed: 64.2\u{202f}% stale at 42.2\u{202f}s</text>").count(), 3, "{svg}");
    }
}
