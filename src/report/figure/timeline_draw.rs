//! The drawing of a [`Timeline`]: bands of one or two panels, rows of shared height, one flag per fault over all rows.

use std::fmt::Write;

use crate::report::axis::{Axis, Scale};
use crate::report::curve::{self, Curve};
use crate::report::figure::fault::{self, Flags, LANE_PX};
use crate::report::figure::range;
use crate::report::figure::strip_draw::{self, strip};
use crate::report::figure::timeline::{Body, Line, Lines, Panel, Row, Timeline};
use crate::report::number::{Unit, fmt_span};
use crate::report::place::{self, Area, spread};
use crate::report::svg::{Anchor, Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, LABEL_GAP_PX, LEFT_PX, RIGHT_PX};

use super::HeatCells;

const ROW_GAP_PX: f64 = 36.0;
const PAIR_GAP_PX: f64 = 70.0;
const END_PX: f64 = 14.0;
const AXIS_PX: f64 = 34.0;
const BAND_GAP_PX: f64 = 30.0;

/// The value axis of the rows of one index, over all panels.
#[derive(Clone, Debug)]
enum Shared {
    Lines { scale: Scale, unit: Unit, values: Vec<f64> },
    Heat { low: f64, high: f64, largest: u64 },
    Nothing,
}

impl Shared {
    fn new(timeline: &Timeline, index: usize) -> Shared {
        let mut out = Shared::Nothing;
        for row in timeline.panels.iter().filter_map(|p| p.rows.get(index)) {
            match (&row.body, &mut out) {
                (Body::Lines(lines), Shared::Nothing) => {
                    out = Shared::Lines { scale: lines.scale, unit: lines.unit, values: shown(lines) };
                }
                (Body::Lines(lines), Shared::Lines { values, .. }) => values.extend(shown(lines)),
                (Body::Heat(cells), _) => {
                    let Some((low, high)) = cells.range_ns() else { continue };
                    out = match out {
                        Shared::Heat { low: l, high: h, largest } => {
                            Shared::Heat { low: l.min(low), high: h.max(high), largest: largest.max(cells.largest()) }
                        }
                        _ => Shared::Heat { low, high, largest: cells.largest() },
                    };
                }
                _ => {}
            }
        }
        out
    }

    fn axis(&self, top: f64, height: f64) -> Axis {
        let bottom = top + height;
        let ticks = (height / 27.0) as usize + 1;
        match self {
            Shared::Lines { unit: Unit::Share, scale: Scale::Linear, values } => {
                let high = values.iter().copied().fold(1.0, f64::max);
                Axis::linear(0.0, high, ticks.min(5), bottom, top)
            }
            Shared::Lines { scale, values, .. } => Axis::fit(*scale, values.iter().copied(), ticks.min(5), bottom, top),
            Shared::Heat { low, high, .. } => Axis::log_within(*low, *high, ticks.min(7), bottom, top),
            Shared::Nothing => Axis::linear(0.0, 1.0, 2, bottom, top),
        }
    }
}

/// What the value axis must hold: all values and the limit, below the cap.
fn shown(lines: &Lines) -> Vec<f64> {
    let cap = cap(lines).unwrap_or(f64::MAX);
    lines.values().map(|v| v.min(cap)).chain(lines.limit.iter().map(|l| l.value.min(cap))).collect()
}

fn cap(lines: &Lines) -> Option<f64> {
    lines.cap.filter(|c| c.is_finite() && *c > 0.0)
}

fn height_px(row: &Row) -> f64 {
    let usual = match &row.body {
        // Labels at the right end need their lines.
        Body::Lines(l) if l.unit == Unit::Count || l.unit == Unit::Share => {
            56.0_f64.max(LABEL_GAP_PX * l.lines.len().min(8) as f64)
        }
        Body::Lines(_) => 102.0,
        Body::Heat(_) => 140.0,
        Body::Strip(_) => 42.0,
    };
    row.height_px.filter(|h| h.is_finite()).unwrap_or(usual).clamp(40.0, 600.0)
}

fn gap_px(row: &Row, pair: bool) -> f64 {
    match &row.body {
        Body::Strip(s) if s.notes.is_empty() && (!pair || s.end.is_empty()) => 22.0,
        _ => ROW_GAP_PX,
    }
}

pub(crate) fn draw(timeline: &Timeline, id: &str) -> String {
    let mut svg = Svg::new(id, FULL_PX, 60.0);
    let rows = timeline.panels.iter().map(|p| p.rows.len()).max().unwrap_or(0);
    let shared: Vec<Shared> = (0..rows).map(|i| Shared::new(timeline, i)).collect();
    let mut y = 0.0;
    for band in timeline.panels.chunks(2).filter(|_| rows > 0) {
        if y > 0.0 {
            y += BAND_GAP_PX;
        }
        y = draw_band(&mut svg, timeline, band, &shared, y);
    }
    if rows == 0 {
        strip_draw::empty(&mut svg, Area { x: 0.0, y: 0.0, width: FULL_PX, height: 60.0 }, "nothing was recorded");
        y = 60.0;
    }
    y = strip_draw::key(&mut svg, timeline, y);
    svg.set_height(y.max(40.0));
    svg.finish(&timeline.title, &description(timeline))
}

/// One or two panels side by side from `top`; returns the lower edge.
fn draw_band(svg: &mut Svg, timeline: &Timeline, band: &[Panel], shared: &[Shared], top: f64) -> f64 {
    let pair = timeline.panels.len() > 1;
    let width = if pair { (FULL_PX - 20.0 - LEFT_PX - PAIR_GAP_PX) / 2.0 } else { FULL_PX - LEFT_PX - RIGHT_PX };
    let mut y = top;
    if pair {
        for (i, panel) in band.iter().enumerate() {
            let x = LEFT_PX + i as f64 * (width + PAIR_GAP_PX);
            svg.text(x, y + 20.0, &Text::name(panel.mark.label(&panel.name), panel.mark.ink()).fit(width));
        }
        y += 34.0;
    }
    let axes: Vec<Axis> = (0..band.len())
        .map(|i| {
            let x = LEFT_PX + i as f64 * (width + PAIR_GAP_PX);
            Axis::time(timeline.until, if pair { 6 } else { 8 }, x, x + width)
        })
        .collect();
    let flags: Vec<Flags> = band.iter().zip(&axes).map(|(p, x)| Flags::new(&p.faults, x)).collect();
    if flags.iter().any(Flags::overflows) {
        y += 24.0;
    }
    let lanes = flags.iter().map(Flags::lanes).max().unwrap_or(0);
    let flag_top = y;
    y += lanes as f64 * LANE_PX;

    let mut slots = Vec::new();
    for index in 0..shared.len() {
        let rows: Vec<&Row> = band.iter().filter_map(|p| p.rows.get(index)).collect();
        let gap = rows.iter().map(|r| gap_px(r, pair)).fold(0.0, f64::max);
        let height = rows.iter().map(|r| height_px(r)).fold(0.0, f64::max);
        slots.push((y + gap, height));
        y += gap + height;
    }
    let bottom = y + 10.0;

    for flag in &flags {
        flag.shade(svg, flag_top, bottom, lanes);
    }
    for (i, x) in axes.iter().enumerate() {
        flags[i].draw(svg, flag_top, lanes);
        time_axis(svg, x, bottom);
    }
    for (index, (row_top, height)) in slots.iter().enumerate() {
        let y_axis = shared[index].axis(*row_top, *height);
        if let Some(row) = band.iter().find_map(|p| p.rows.get(index)) {
            let ticks = ticks(svg, row, &y_axis);
            name(svg, row, &y_axis, *row_top, *height, ticks);
        }
        for (panel, x) in band.iter().zip(&axes) {
            let Some(row) = panel.rows.get(index) else { continue };
            let plot = Area { x: x.start_px(), y: *row_top, width, height: *height };
            match (&row.body, &shared[index]) {
                (Body::Lines(lines), _) => draw_lines(svg, lines, x, &y_axis, plot, pair),
                (Body::Heat(cells), Shared::Heat { largest, .. }) if cells.range_ns().is_some() => {
                    grid(svg, x, &y_axis);
                    cells.draw(svg, x, &y_axis, *largest);
                    base_line(svg, x, &y_axis);
                    if let Some(words) = cells.lowest() {
                        let text = Text::tick(words).ink(Ink::Ink).halo().fit(plot.width - 12.0);
                        svg.text(plot.x + 6.0, plot.y + plot.height - 6.0, &text);
                    }
                    if !pair {
                        end_words(svg, plot, &cells.end, "");
                        let key_top = (plot.y + plot.height - 52.0).max(plot.y + 40.0);
                        HeatCells::key(svg, plot.x + plot.width + END_PX, key_top, &cells.counted, *largest);
                    }
                }
                (Body::Heat(_), _) => strip_draw::empty(svg, plot, "no requests"),
                (Body::Strip(s), _) => {
                    strip(svg, s, x, plot, pair);
                    if !pair {
                        end_words(svg, plot, &s.end, &s.below);
                    }
                }
            }
        }
    }
    bottom + AXIS_PX
}

/// Bold words and secondary words at the right of a row, from its upper edge.
fn end_words(svg: &mut Svg, plot: Area, words: &str, below: &str) {
    let room = RIGHT_PX - END_PX - 2.0;
    let x = plot.x + plot.width + END_PX;
    let mut lines = Text::label(words, Ink::Ink).plain().wrap(room);
    lines.truncate(2);
    if !below.is_empty() {
        lines.push(Text::tick(below).fit(room));
    }
    let block = LABEL_GAP_PX * lines.len() as f64;
    let mut y = plot.y + 16.0 + if plot.height < 60.0 { ((plot.height - block) / 2.0).max(0.0) } else { 0.0 };
    for line in &lines {
        svg.text(x, y, line);
        y += LABEL_GAP_PX;
    }
}

/// The time axis below the last row.
pub(crate) fn time_axis(svg: &mut Svg, x: &Axis, y: f64) {
    svg.line((x.start_px(), y), (x.end_px(), y), &Paint::stroke(Ink::Axis, 1.5));
    let mut free_from = f64::MIN;
    for (at, words) in x.time_labels() {
        svg.line((at, y), (at, y + 6.0), &Paint::stroke(Ink::Axis, 1.5));
        let text = Text::tick(words).middle();
        let (left, right) = (at - text.width() / 2.0, at + text.width() / 2.0);
        if left < free_from + 4.0 {
            continue;
        }
        free_from = right;
        if right > svg.width() {
            svg.text(svg.width(), y + 24.0, &text.end());
        } else {
            svg.text(at, y + 24.0, &text);
        }
    }
}

/// Tick labels at the far left; returns the width they take.
fn ticks(svg: &mut Svg, row: &Row, y: &Axis) -> f64 {
    let unit = match &row.body {
        Body::Lines(lines) if lines.values().next().is_some() => lines.unit,
        Body::Heat(cells) if cells.range_ns().is_some() => Unit::Nanos,
        _ => return 0.0,
    };
    let mut widest = 0.0_f64;
    let mut last = f64::MAX;
    for (at, words) in y.labels(unit) {
        if last - at < 18.0 {
            continue;
        }
        last = at;
        let text = Text::tick(words).fit(LEFT_PX - 10.0).end();
        widest = widest.max(text.width());
        svg.text(LEFT_PX - 8.0, at + 5.5, &text);
    }
    widest
}

/// The row's name above its ticks, its note beside or below; a strip's stand in its middle.
fn name(svg: &mut Svg, row: &Row, y: &Axis, top: f64, height: f64, ticks_px: f64) {
    let room = LEFT_PX - 10.0;
    let title = Text::title(&row.name).fit(room);
    if matches!(row.body, Body::Strip(_)) {
        let middle = top + height / 2.0;
        let lines = Text::title(&row.name).wrap(room);
        if row.note.is_empty() && lines.len() > 1 {
            svg.text(0.0, middle - 4.0, &lines[0]);
            let rest: Vec<&str> = row.name.split(' ').filter(|w| !w.is_empty()).skip(lines[0].words()).collect();
            svg.text(0.0, middle + 17.0, &Text::title(rest.join(" ")).fit(room));
        } else if row.note.is_empty() {
            svg.text(0.0, middle + 6.0, &title);
        } else {
            svg.text(0.0, middle - 4.0, &title);
            svg.text(0.0, middle + 17.0, &Text::tick(&row.note).fit(room));
        }
        return;
    }
    let log = y.scale() == Scale::Log && ticks_px > 0.0;
    let note = match (row.note.is_empty(), log) {
        (true, true) => "log".to_string(),
        (false, true) => format!("{}, log", row.note),
        (_, false) => row.note.clone(),
    };
    let beside = title.width() + 8.0;
    svg.text(0.0, top - 13.0, &title);
    if note.is_empty() {
        return;
    }
    let note = Text::tick(note);
    if beside + note.width() <= room {
        svg.text(beside, top - 13.0, &note);
    } else if height >= 40.0 {
        svg.text(0.0, top + 7.0, &note.fit((room - ticks_px - 6.0).max(20.0)));
    }
}

fn grid(svg: &mut Svg, x: &Axis, y: &Axis) {
    for tick in y.ticks() {
        let at = y.at(*tick);
        svg.line((x.start_px(), at), (x.end_px(), at), &Paint::stroke(Ink::Grid, 1.0));
    }
}

fn base_line(svg: &mut Svg, x: &Axis, y: &Axis) {
    svg.line((x.start_px(), y.start_px()), (x.end_px(), y.start_px()), &Paint::stroke(Ink::Axis, 1.5));
}

fn draw_lines(svg: &mut Svg, lines: &Lines, x: &Axis, y: &Axis, plot: Area, pair: bool) {
    if lines.values().next().is_none() {
        strip_draw::empty(svg, plot, &lines.empty);
        return;
    }
    grid(svg, x, y);
    base_line(svg, x, y);
    // The axis may reach further than the cap: to the next round number, or to what another panel shows.
    let cap = cap(lines).map(|_| y.high());
    let curves: Vec<Curve> = lines
        .lines
        .iter()
        .map(|line| Curve {
            points: line.points.iter().map(|(at, v)| (at.0 as f64, v.map(|v| cap.map_or(v, |c| v.min(c))))).collect(),
            ink: line.ink,
            stroke: line.stroke,
            filled: false,
            dots: false,
        })
        .collect();
    if let Some(limit) = lines.limit.as_ref().filter(|l| l.value.is_finite()) {
        let at = y.at(limit.value);
        svg.line((x.start_px(), at), (x.end_px(), at), &Paint::stroke(Ink::Ink, 1.5).dashed("7 5"));
    }
    curve::draw(svg, x, y, &curves);
    let drawn: Vec<Vec<(f64, f64)>> = curves.iter().flat_map(|c| c.stretches(x, y)).collect();
    // Labels may use the gap above the row.
    let inside = Area { x: plot.x + 2.0, y: plot.y - 26.0, width: plot.width - 4.0, height: plot.height + 26.0 };

    for note in &lines.notes {
        let (at, value) = (x.at(note.at.0 as f64), y.at(note.value));
        let places = [
            (at + 8.0, value - 11.0, Anchor::Start),
            (at + 8.0, value + 22.0, Anchor::Start),
            (at - 8.0, value - 11.0, Anchor::End),
            (at - 8.0, value + 22.0, Anchor::End),
            (at, value - 30.0, Anchor::Middle),
            (at, value + 42.0, Anchor::Middle),
        ];
        place::put(svg, &Text::label(&note.words, Ink::Ink), &places, &inside, &drawn);
    }
    if let Some(cap) = cap {
        off_scale(svg, lines, cap, x, y, &inside, &drawn);
    }
    if let Some(limit) = lines.limit.as_ref().filter(|l| l.value.is_finite()) {
        let at = y.at(limit.value);
        let across = vec![(plot.x, at), (plot.x + plot.width, at)];
        let text = Text::label(&limit.name, Ink::Ink).fit(plot.width - 20.0);
        place::put(svg, &text, &place::along(&across, &text), &inside, &drawn);
    }
    if pair {
        for (line, curve) in lines.lines.iter().zip(&curves) {
            label_on(svg, line, &curve.stretches(x, y), &inside, &drawn);
        }
    } else {
        label_ends(svg, lines, &curves, (x, y), plot, &inside);
    }
}

/// The name of a line on its longest stretch.
fn label_on(svg: &mut Svg, line: &Line, stretches: &[Vec<(f64, f64)>], inside: &Area, drawn: &[Vec<(f64, f64)>]) {
    let length = |s: &Vec<(f64, f64)>| s.last().map_or(0.0, |l| l.0) - s.first().map_or(0.0, |f| f.0);
    let Some(longest) = stretches.iter().max_by(|a, b| length(a).total_cmp(&length(b))) else { return };
    let text = Text::label(&line.name, line.ink).fit(inside.width / 2.0);
    place::put(svg, &text, &place::along(longest, &text), inside, drawn);
}

/// "▲ off scale: peak 8 502/s", at the first moment above the cap.
fn off_scale(svg: &mut Svg, lines: &Lines, cap: f64, x: &Axis, y: &Axis, inside: &Area, drawn: &[Vec<(f64, f64)>]) {
    for line in &lines.lines {
        let above = || line.points.iter().filter(|p| p.1.is_some_and(|v| v.is_finite() && v > cap));
        let Some((_, peak)) = range(above().filter_map(|p| p.1)) else { continue };
        let Some((first, last)) = above().next().zip(above().next_back()) else { continue };
        let words = format!("▲ off scale: peak {}", lines.unit.write(peak));
        let text = Text::label(words, line.ink).fit(inside.width);
        let top = y.at(cap);
        let (first, last) = (x.at(first.0.0 as f64), x.at(last.0.0 as f64));
        let places = [
            (last + 6.0, top - 11.0, Anchor::Start),
            (first, top - 11.0, Anchor::Start),
            (first - 6.0, top - 11.0, Anchor::End),
            (last + 6.0, top + 12.0, Anchor::Start),
            (inside.x, top - 11.0, Anchor::Start),
            (inside.x + inside.width, top - 11.0, Anchor::End),
        ];
        place::put(svg, &text, &places, inside, drawn);
    }
}

/// Labels at the right end, spread so that none touch; those without a last value go onto their line.
fn label_ends(svg: &mut Svg, lines: &Lines, curves: &[Curve], (x, y): (&Axis, &Axis), plot: Area, inside: &Area) {
    let room = RIGHT_PX - END_PX - 2.0;
    let mut entries: Vec<(f64, &Line)> = Vec::new();
    let drawn: Vec<Vec<(f64, f64)>> = curves.iter().flat_map(|c| c.stretches(x, y)).collect();
    for (line, curve) in lines.lines.iter().zip(curves) {
        let stretches = curve.stretches(x, y);
        let Some(last) = stretches.last().and_then(|s| s.last()) else { continue };
        if line.last().is_some() && last.0 > plot.x + plot.width * 0.9 {
            entries.push((last.1, line));
        } else {
            label_on(svg, line, &stretches, inside, &drawn);
        }
    }
    let lowest = plot.y + plot.height + 6.0;
    let (mut kept, mut slots) = (0, 0.0);
    for (_, line) in &entries {
        let need = if line.below.is_empty() { 1.0 } else { 2.0 };
        if (slots + need - 1.0) * LABEL_GAP_PX > lowest - plot.y + 4.0 {
            break;
        }
        slots += need;
        kept += 1;
    }
    let left_out = entries.len() - kept;
    entries.truncate(kept);
    // A second line is an entry of its own, right under the first.
    let mut wanted = Vec::new();
    let mut texts = Vec::new();
    for (at, line) in &entries {
        let words = if line.end.is_empty() { &line.name } else { &line.end };
        wanted.push(at + 6.0);
        texts.push(Text::label(words, line.ink).plain().fit(room));
        if !line.below.is_empty() {
            wanted.push(at + 6.01);
            texts.push(Text::tick(&line.below).fit(room));
        }
    }
    if left_out > 0
        && let Some(text) = texts.last_mut()
    {
        *text = Text::tick(format!("+{} in the table", left_out + 1));
    }
    let placed = spread(&wanted, LABEL_GAP_PX, plot.y - 8.0, lowest);
    for (at, text) in placed.iter().zip(&texts) {
        svg.text(plot.x + plot.width + END_PX, *at, text);
    }
}

/// The figure's description, the range of every row, the faults.
fn description(timeline: &Timeline) -> String {
    let mut out = timeline.description.trim().to_string();
    let mut sentence = |words: String| {
        if !out.is_empty() {
            out.push(' ');
        }
        let _ = write!(out, "{words}.");
    };
    sentence(format!("Time runs from 0 to {}", fmt_span(timeline.until)));
    for panel in &timeline.panels {
        let of = if timeline.panels.len() > 1 { format!("{}: ", panel.name) } else { String::new() };
        for row in &panel.rows {
            match &row.body {
                Body::Lines(lines) => {
                    for line in &lines.lines {
                        let words = match range(line.points.iter().filter_map(|p| p.1)) {
                            Some((low, high)) => {
                                format!("{} to {}", lines.unit.write(low), lines.unit.write(high))
                            }
                            None => "no data".to_string(),
                        };
                        sentence(format!("{of}{}, {}: {words}", row.name, line.name));
                    }
                }
                Body::Heat(cells) => {
                    let words = cells.range_ns().map_or("no data".to_string(), |(low, high)| {
                        format!("{} to {}", Unit::Nanos.write(low), Unit::Nanos.write(high))
                    });
                    sentence(format!("{of}{}: {words}", row.name));
                }
                Body::Strip(s) => sentence(format!("{of}{}: {}", row.name, strip_draw::words(s))),
            }
        }
        for words in fault::all_in_words(&panel.faults) {
            sentence(format!("{of}fault {words}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Instant, Span};
    use crate::report::figure::testing::{check, sample_cap, sample_storm};
    use crate::report::figure::timeline::{Outcomes, Strip};
    use crate::report::figure::{Fault, Limit, Note};
    use crate::report::theme::Mark;
    use proptest::prelude::*;

    #[test]
    fn one_design_looks_as_before() {
        let figure = sample_storm();
        check(&figure);
        insta::assert_snapshot!(crate::report::figure::Figure::svg(&figure, "storm"));
    }

    #[test]
    fn two_designs_share_their_axes() {
        let figure = sample_cap();
        check(&figure);
        insta::assert_snapshot!(crate::report::figure::Figure::svg(&figure, "cap"));
    }

    #[test]
    fn no_panels_no_rows_and_no_requests_say_so() {
        let mut figure = Timeline { panels: Vec::new(), ..sample_storm() };
        check(&figure);
        figure.panels = vec![Panel { name: "a".into(), mark: Mark::First, faults: vec![], rows: vec![] }];
        check(&figure);
        figure.panels[0].rows = vec![Row::rates(vec![], vec![], vec![]), Row::latency(vec![], vec![], Mark::First)];
        check(&figure);
        let svg = crate::report::figure::Figure::svg(&figure, "none");
        assert!(svg.contains(">no requests<") && svg.contains(">no answers<"));
    }

    #[test]
    fn a_burst_is_cut_and_its_peak_is_written() {
        let flat = |v: f64| (0..100).map(|i| (Instant(i * 1_000_000_000), Some(v))).collect::<Vec<_>>();
        let mut attempts = flat(700.0);
        attempts[50].1 = Some(8502.0);
        let mut figure = sample_storm();
        figure.panels[0].rows = vec![Row::rates(flat(700.0), attempts, flat(690.0))];
        check(&figure);
        assert!(crate::report::figure::Figure::svg(&figure, "x").contains("▲ off scale: peak 8\u{202f}502/s"));
    }

    fn series() -> impl Strategy<Value = Vec<(Instant, Option<f64>)>> {
        let value = prop_oneof![Just(None), proptest::num::f64::ANY.prop_map(Some), (0.0..1e10).prop_map(Some)];
        proptest::collection::vec((any::<u64>().prop_map(Instant), value), 0..30)
    }

    proptest! {
        #[test]
        fn any_series_draw(
            a in series(), b in series(), c in series(), until in any::<u64>(), cap in proptest::num::f64::ANY,
            name in ".{0,60}", start in any::<u64>(), end in any::<u64>(), height in proptest::num::f64::ANY,
            faults in 0_usize..9, pair in any::<bool>(),
            outcomes in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()), 0..20),
        ) {
            let columns = outcomes.iter().enumerate().map(|(i, o)| Outcomes {
                from: Instant(until / 20 * i as u64), ok: o.0, stale: o.1, error: o.2, unknown: o.3,
            }).collect();
            let notes = vec![Note { at: Instant(start), value: cap, words: name.clone() }];
            let strip = Strip {
                column: Span(until / 20), columns, notes: notes.clone(), end: name.clone(), below: name.clone(),
                empty: name.clone(),
            };
            let mut rates = Row::rates(a.clone(), b.clone(), c.clone());
            if let Body::Lines(lines) = &mut rates.body {
                lines.cap = Some(cap);
                lines.notes = notes;
                lines.limit = Some(Limit { name: name.clone(), value: cap });
            }
            rates.height_px = Some(height);
            let many = (0..faults * 2).map(|i| (format!("{name}{i}"), a.clone())).collect();
            let rows = vec![
                rates,
                Row::latency(a.clone(), b.clone(), Mark::First),
                Row::queue(&name, c.clone(), Some(start)),
                Row::age(&name, b.clone()),
                Row::utilisation(many),
                Row::availability(&name, &name, strip),
            ];
            let fault = |i: usize| Fault { name: name.clone(), from: Instant(start / (i as u64 + 1)), until: Instant(end) };
            let panel = Panel { name: name.clone(), mark: Mark::First, faults: (0..faults).map(fault).collect(), rows };
            let panels = if pair { vec![panel.clone(), panel.clone(), panel] } else { vec![panel] };
            check(&Timeline { title: name.clone(), description: name, until: Span(until), panels });
        }
    }
}
