//! Space and time around a violation: one row a client or a replica, grouped by side, on one time axis that is wide where
//! much happens; messages as arrows between the rows, lost ones with a cross and in a list below, and at the right what
//! every replica has of the key.
//!
//! Every message and every change of a state is a step. The drawing by itself shows the last one; a page's script walks
//! through them, and then shows each row's state as of the step, the change framed.

use serde::{Deserialize, Serialize};

use crate::engine::Instant;
use crate::report::broken_axis::Offsets;
use crate::report::event_axis::{EventAxis, passing};
pub use crate::report::figure::scene::{Call, Change, Repeats, Row, Sent, State};
use crate::report::figure::{Figure, Table};
use crate::report::place::{self, Area};
use crate::report::svg::{Anchor, Paint, Pattern, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, LEFT_PX};

const TOP_PX: f64 = 48.0;
const ROW_PX: f64 = 44.0;
const BARRIER_PX: f64 = 30.0;
/// The column of states.
const STATE_PX: f64 = 212.0;
const RIGHT_PX: f64 = FULL_PX - STATE_PX - 14.0;
const BAR_PX: f64 = 28.0;
const TICKS_APART_PX: f64 = 96.0;
/// What is said by several to one within this is named once.
const SAME_PX: f64 = 90.0;
/// Between the crosses of messages that were lost together.
const CROSSES_APART_PX: f64 = 14.0;
/// The least height in which a label stands between two rows.
const LABEL_PX: f64 = 20.0;
/// Length of the head of an arrow.
const HEAD_PX: f64 = 11.0;
const LOST_LINE_PX: f64 = 24.0;

/// The figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceTime {
    /// What it shows.
    pub title: String,
    /// Whose state stands at the right: `key 73`.
    pub subject: String,
    /// Clients and replicas, from top to bottom.
    pub rows: Vec<Row>,
    /// Name of the fault that stands between the sides; none if nothing was cut then.
    pub cut: Option<String>,
    /// From when to when it lasted; empty if all the time.
    #[serde(default)]
    pub lasts: Vec<(Instant, Instant)>,
    /// Where it begins, if it leaves out the beginning.
    pub from: Option<Instant>,
    /// Where it ends: what arrives later runs out of the picture.
    #[serde(default)]
    pub until: Option<Instant>,
    /// What clients did.
    pub calls: Vec<Call>,
    /// Messages in the order in which they were sent.
    pub messages: Vec<Sent>,
    /// How states changed, in the order of time.
    pub changes: Vec<Change>,
    /// How many more messages there were.
    pub left_out: u64,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Message(usize),
    Change(usize),
}

struct Layout {
    axis: EventAxis,
    rows: Vec<f64>,
    bottom: f64,
    barriers: Vec<f64>,
    /// Left and right edges of what is cut off from what.
    cut: Vec<(f64, f64)>,
}

impl SpaceTime {
    fn layout(&self) -> Layout {
        let calls = self.calls.iter().flat_map(|c| [Some(c.from), c.until]);
        let here = |at: &Instant| self.until.is_none_or(|until| *at <= until);
        let messages = self.messages.iter().flat_map(|m| [Some(m.at), m.arrives, m.repeats.map(|r| r.since)]);
        let changes = self.changes.iter().flat_map(|c| [Some(c.at), c.repeats.map(|r| r.since)]);
        let mut instants: Vec<Instant> = calls.chain(messages).chain(changes).flatten().filter(here).collect();
        // Where the cut begins and ends, if that is in the picture.
        if let (Some(first), Some(last)) = (instants.iter().min().copied(), instants.iter().max().copied()) {
            let edges = self.lasts.iter().flat_map(|(from, to)| [*from, *to]);
            instants.extend(edges.filter(|edge| first < *edge && *edge < last));
        }
        let flights = self.messages.iter().filter_map(|m| Some((m.at, m.arrives.filter(here)?)));
        let whole: Vec<(Instant, Instant)> = flights.filter(|(from, to)| from < to).collect();
        let axis = EventAxis::new(&instants, &whole, LEFT_PX, RIGHT_PX);
        let mut y = TOP_PX;
        let (mut rows, mut barriers) = (Vec::new(), Vec::new());
        let mut side = self.rows.first().map(|r| r.side);
        for row in &self.rows {
            if side != Some(row.side) {
                side = Some(row.side);
                barriers.push(y);
                y += BARRIER_PX;
            }
            rows.push(y + ROW_PX / 2.0);
            y += ROW_PX;
        }
        let last = instants.iter().max().copied().unwrap_or(Instant::ZERO);
        let edges = |(from, to): &(Instant, Instant)| {
            let left = if *from <= axis.origin() { LEFT_PX } else { axis.x(*from) };
            (left, if *to > last { RIGHT_PX } else { axis.x(*to) })
        };
        let cut = match (&self.cut, self.lasts.as_slice()) {
            (None, _) => Vec::new(),
            (Some(_), []) => vec![(LEFT_PX, RIGHT_PX)],
            (Some(_), lasts) => lasts.iter().map(edges).collect(),
        };
        Layout { axis, rows, bottom: y, barriers, cut }
    }

    /// Everything that happens, in the order of time. A change comes before what is sent because of it.
    fn happenings(&self) -> Vec<(Instant, Step)> {
        let changes = self.changes.iter().enumerate().map(|(i, c)| (c.at, 0, i, Step::Change(i)));
        let messages = self.messages.iter().enumerate().map(|(i, m)| (m.at, 1, i, Step::Message(i)));
        let mut all: Vec<(Instant, u8, usize, Step)> = changes.chain(messages).collect();
        all.sort_by_key(|(at, kind, i, _)| (*at, *kind, *i));
        all.into_iter().map(|(at, _, _, step)| (at, step)).collect()
    }

    /// When everything happens, in words.
    fn offsets(&self) -> Offsets {
        let messages = self.messages.iter().flat_map(|m| [Some(m.at), m.arrives]).flatten();
        let instants: Vec<Instant> = messages.chain(self.changes.iter().map(|c| c.at)).collect();
        Offsets::of(self.layout().axis.origin(), &instants)
    }

    fn name(&self, row: usize) -> &str {
        self.rows.get(row).map_or("", |r| r.name.as_str())
    }

    fn draw_rows(&self, svg: &mut Svg, layout: &Layout) {
        for (row, y) in self.rows.iter().zip(&layout.rows) {
            let name = Text::label(&row.name, Ink::Ink).plain();
            let name = if row.state.is_none() { name.light() } else { name };
            svg.text(0.0, y + 6.0, &name.fit(LEFT_PX - 12.0));
            svg.line((LEFT_PX, *y), (RIGHT_PX, *y), &Paint::stroke(Ink::Axis, 1.0));
        }
        for y in &layout.barriers {
            let all = layout.cut == [(LEFT_PX, RIGHT_PX)];
            if !all {
                let left = if self.cut.is_some() { LEFT_PX } else { 0.0 };
                let y = y + BARRIER_PX / 2.0;
                svg.line((left, y), (RIGHT_PX, y), &Paint::stroke(Ink::Rule, 1.5).dashed("2 6"));
            }
            let (top, height) = (*y + 2.0, BARRIER_PX - 4.0);
            for (left, right) in &layout.cut {
                if !all {
                    svg.rect(*left, top, right - left, height, 0.0, &Paint::fill(Ink::Bg));
                }
                svg.rect(*left, top, right - left, height, 0.0, &Paint::pattern(Pattern::FaultHatch));
                for edge in [top, top + height] {
                    svg.line((*left, edge), (*right, edge), &Paint::stroke(Ink::FaultEdge, 1.5));
                }
                for edge in [*left, *right].into_iter().filter(|x| *x > LEFT_PX && *x < RIGHT_PX) {
                    svg.line((edge, top), (edge, top + height), &Paint::stroke(Ink::FaultEdge, 1.5));
                }
            }
            let Some(cut) = &self.cut else { continue };
            svg.text(0.0, y + 21.0, &Text::label(format!("✕ {cut}"), Ink::Error).plain().fit(LEFT_PX - 12.0));
        }
    }

    /// What was cut out of the axis, and its ticks.
    fn draw_axis(&self, svg: &mut Svg, layout: &Layout) {
        for cut in layout.axis.cuts() {
            svg.rect(cut.x, TOP_PX, cut.width, layout.bottom - TOP_PX, 0.0, &Paint::fill(Ink::Bg));
            for x in [cut.x, cut.x + cut.width] {
                svg.line((x, TOP_PX), (x, layout.bottom), &Paint::stroke(Ink::Axis, 1.5).dashed("3 5"));
            }
            let words = passing(&cut, |words| Text::tick(words).width() <= cut.width + 24.0);
            svg.text(cut.x + cut.width / 2.0, TOP_PX - 8.0, &Text::tick(words).middle().fit(cut.width + 24.0));
        }
        let y = layout.bottom + 22.0;
        let mut free = 0.0;
        for (x, words) in layout.axis.ticks(TICKS_APART_PX) {
            let text = Text::tick(words).middle();
            let half = text.width() / 2.0;
            svg.line((x, layout.bottom), (x, layout.bottom + 6.0), &Paint::stroke(Ink::Axis, 1.5));
            let x = x.min(FULL_PX - STATE_PX - half - 4.0);
            if x - half > free {
                free = x + half + 10.0;
                svg.text(x, y, &text);
            }
        }
        svg.line((LEFT_PX, layout.bottom), (RIGHT_PX, layout.bottom), &Paint::stroke(Ink::Axis, 1.5));
    }

    fn draw_calls(&self, svg: &mut Svg, layout: &Layout) {
        let mut beside: Vec<(Area, Text)> = Vec::new();
        for call in &self.calls {
            let Some(y) = layout.rows.get(call.row) else { continue };
            let left = layout.axis.x(call.from);
            let right = call.until.map_or(RIGHT_PX, |until| layout.axis.x(until)).max(left + 6.0);
            let paint = match (call.nowhere, call.until) {
                (true, _) => Paint::fill(Ink::Bg).outlined(Ink::Error, 4.0),
                (_, None) => Paint::pattern(Pattern::UnknownHatch).outlined(Ink::Axis, 1.5),
                _ => Paint::fill(Ink::Bg).outlined(Ink::Axis, 2.0),
            };
            let area = Area { x: left, y: y - BAR_PX / 2.0, width: right - left, height: BAR_PX };
            svg.rect(area.x, area.y, area.width, area.height, 4.0, &paint);
            let text = Text::label(&call.words, if call.nowhere { Ink::Error } else { Ink::Ink });
            if text.width() + 12.0 <= right - left {
                svg.text((left + right) / 2.0, y + 6.0, &text.middle());
            } else {
                svg.reserve(area);
                beside.push((area, text));
            }
        }
        let inside = Area { x: LEFT_PX, y: 0.0, width: FULL_PX - LEFT_PX, height: layout.bottom };
        for (area, text) in beside {
            let y = area.y + BAR_PX / 2.0 + 6.0;
            let places = [(area.x + area.width + 9.0, y, Anchor::Start), (area.x - 9.0, y, Anchor::End)];
            place::put(svg, &text, &places, &inside, &[]);
        }
    }

    /// Whether it arrives only after the picture ends.
    fn is_late(&self, sent: &Sent) -> bool {
        sent.arrives.zip(self.until).is_some_and(|(arrives, until)| arrives > until)
    }

    /// Where an arrow begins and ends.
    fn ends(&self, layout: &Layout, sent: &Sent) -> Option<((f64, f64), (f64, f64))> {
        let (from, to) = (*layout.rows.get(sent.from)?, *layout.rows.get(sent.to)?);
        let start = layout.axis.x(sent.at);
        // Arrows leave a client's bar at its edge.
        let edge = |row: usize| if self.rows.get(row).is_some_and(|r| r.state.is_none()) { BAR_PX / 2.0 } else { 0.0 };
        let down = if to > from { 1.0 } else { -1.0 };
        let (from, to) = (from + down * edge(sent.from), to - down * edge(sent.to));
        Some(match sent.arrives {
            Some(arrives) if self.is_late(sent) => {
                let until = self.until.unwrap_or(arrives);
                let part = until.0.saturating_sub(sent.at.0) as f64 / (arrives.0 - sent.at.0).max(1) as f64;
                ((start, from), (RIGHT_PX, from + (to - from) * part.clamp(0.2, 0.9)))
            }
            Some(arrives) => ((start, from), (layout.axis.x(arrives), to)),
            // It gets as far as the cut, or half way.
            None => {
                let mut between = layout.barriers.iter().map(|y| y + BARRIER_PX / 2.0);
                let stop = between.find(|y| (*y - from) * (*y - to) < 0.0).unwrap_or((from + to) / 2.0);
                let earlier = self.messages.iter().take_while(|other| !std::ptr::eq(*other, sent));
                let beside = earlier.filter(|m| m.arrives.is_none() && (m.from, m.at) == (sent.from, sent.at)).count();
                ((start, from), ((start + (beside + 1) as f64 * CROSSES_APART_PX).min(RIGHT_PX), stop))
            }
        })
    }

    fn draw_messages(&self, svg: &mut Svg, layout: &Layout, steps: &[(Instant, Step)]) {
        let number = |step: Step| steps.iter().position(|(_, s)| *s == step).map_or(0, |i| i + 1);
        let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
        for (i, sent) in self.messages.iter().enumerate() {
            let Some((start, tip)) = self.ends(layout, sent) else { continue };
            let class = format!("step step-{}", number(Step::Message(i)));
            if let Some(repeats) = sent.repeats {
                // All the time in which it was said.
                let first = layout.axis.x(repeats.since);
                svg.line((first, start.1), start, &Paint::stroke(Ink::Muted, 4.0).class(&class));
            }
            svg.line(start, tip, &Paint::stroke(Ink::Ink, 2.0).class(&class));
            svg.circle(start.0, start.1, 3.5, &Paint::fill(Ink::Ink).class(&class));
            svg.reserve(around(start, 4.0));
            if self.is_late(sent) {
                // It runs out of the picture.
                lines.push(vec![start, tip]);
                continue;
            }
            if sent.arrives.is_some() {
                svg.reserve(around(before(start, tip, HEAD_PX / 2.0), HEAD_PX / 2.0));
                svg.arrow_head(start, tip, HEAD_PX, &Paint::fill(Ink::Ink).class(&class));
            } else {
                svg.reserve(around(tip, 7.0));
                svg.cross(tip.0, tip.1, 6.0, &Paint::stroke(Ink::Error, 3.0).class(&class));
            }
            lines.push(vec![start, tip]);
        }
        for (i, change) in self.changes.iter().enumerate() {
            let Some(y) = layout.rows.get(change.row) else { continue };
            let class = format!("step step-{}", number(Step::Change(i)));
            let paint = Paint::fill(Ink::Bg).outlined(Ink::First, 2.5).class(&class);
            let right = layout.axis.x(change.at) + 5.0;
            let left = change.repeats.map_or(right - 10.0, |r| (layout.axis.x(r.since) - 5.0).min(right - 10.0));
            svg.rect(left, y - 5.0, right - left, 10.0, 2.0, &paint);
            svg.reserve(Area { x: left - 2.0, y: y - 7.0, width: right - left + 4.0, height: 14.0 });
        }
        let inside = Area { x: LEFT_PX, y: TOP_PX, width: RIGHT_PX - LEFT_PX, height: layout.bottom - TOP_PX };
        let mut said: Vec<(usize, f64)> = Vec::new();
        for (i, sent) in self.messages.iter().enumerate() {
            let Some((start, tip)) = self.ends(layout, sent) else { continue };
            // What goes to several at once, or comes from several at about the same time, is named once.
            let same = |(other, x): &(usize, f64)| {
                let other = &self.messages[*other];
                let sender = other.from == sent.from && other.at == sent.at;
                let receiver = other.to == sent.to && (x - start.0).abs() < SAME_PX;
                other.words == sent.words && (sender || receiver)
            };
            if sent.words.is_empty() || said.iter().any(same) {
                continue;
            }
            let beside = |(x, y): (f64, f64)| {
                let right = [9.0, 24.0].map(|gap| (x + gap, y + 5.0, Anchor::Start));
                let left = [9.0, 24.0].map(|gap| (x - gap, y + 5.0, Anchor::End));
                [right[0], left[0], right[1], left[1]]
            };
            let candidates: Vec<place::Candidate> =
                layout.between_rows(start, tip).into_iter().flat_map(beside).collect();
            let step = number(Step::Message(i));
            let words = sent.repeats.map_or_else(|| sent.words.clone(), |r| format!("{} ×{}", sent.words, r.times));
            let text = Text::tick(words).ink(Ink::Ink).halo().class(format!("step step-{step}"));
            if place::put(svg, &text, &candidates, &inside, &lines) {
                said.push((i, start.0));
            }
        }
    }

    /// What was lost, in words from `y` on: crosses of one sender stand close to each other.
    fn draw_lost(&self, svg: &mut Svg, y: f64) -> f64 {
        let mut groups: Vec<(&Sent, Vec<&str>)> = Vec::new();
        for sent in self.messages.iter().filter(|m| m.arrives.is_none()) {
            let same = |(other, _): &&mut (&Sent, Vec<&str>)| {
                let key = |m: &Sent| (m.from, m.at, m.words.clone(), m.repeats);
                key(other) == key(sent)
            };
            match groups.iter_mut().find(same) {
                Some((_, to)) => to.push(self.name(sent.to)),
                None => groups.push((sent, vec![self.name(sent.to)])),
            }
        }
        let told = groups.iter().map(|(sent, to)| {
            let times = sent.repeats.map_or_else(String::new, |r| format!(" ×{}", r.times));
            format!("\"{}\"{times} from {} to {}", sent.words, self.name(sent.from), to.join(", "))
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() {
            return y;
        }
        let text = Text::label(format!("Lost: {}.", told.join("; ")), Ink::Ink).plain().light();
        let lines = text.wrap(FULL_PX);
        for (i, line) in lines.iter().enumerate() {
            svg.text(0.0, y + 18.0 + i as f64 * LOST_LINE_PX, line);
        }
        y + 14.0 + lines.len() as f64 * LOST_LINE_PX
    }

    /// The states of every row: that of the end, and hidden those of all steps before.
    fn draw_states(&self, svg: &mut Svg, layout: &Layout, steps: &[(Instant, Step)]) {
        let x = FULL_PX - STATE_PX;
        svg.text(x + 10.0, 18.0, &Text::title(&self.subject).fit(STATE_PX - 10.0));
        for (r, y) in layout.rows.iter().enumerate() {
            let Some(state) = self.rows.get(r).and_then(|row| row.state.as_ref()) else { continue };
            let mut shown: Vec<(usize, Option<usize>, String, bool)> = vec![(0, None, state.whole(), false)];
            for (i, (_, step)) in steps.iter().enumerate() {
                let Step::Change(change) = step else { continue };
                let Some(change) = self.changes.get(*change).filter(|c| c.row == r) else { continue };
                let (old, new) = change.state.difference(&self.before(r, steps, i));
                if let Some(last) = shown.last_mut() {
                    last.1 = Some(i + 1);
                }
                shown.push((i + 1, Some(i + 2), format!("{old} → {new}"), true));
                shown.push((i + 2, None, change.state.whole(), false));
            }
            // A change that is the last step of all stays framed.
            let last = steps.len();
            shown.retain(|(from, _, _, _)| *from <= last);
            for (from, until, words, framed) in shown {
                let here = from <= last && until.is_none_or(|until| last < until);
                let until = until.unwrap_or(last + 1);
                let hide = if here { "" } else { " display=\"none\"" };
                svg.open(&format!(" class=\"state from-{from} until-{until}\"{hide}"));
                if framed {
                    let paint = Paint::fill(Ink::Bg).outlined(Ink::First, 3.0);
                    svg.rect(x, y - 17.0, STATE_PX - 2.0, 34.0, 5.0, &paint);
                }
                let text = Text::label(words, Ink::Ink).plain().fit(STATE_PX - 20.0);
                svg.text(x + 10.0, y + 6.0, &if here { text } else { text.class("hidden-step") });
                svg.close();
            }
        }
    }

    /// What a row had before a step.
    fn before(&self, row: usize, steps: &[(Instant, Step)], step: usize) -> State {
        let earlier = steps[..step].iter().rev().find_map(|(_, s)| match s {
            Step::Change(i) => self.changes.get(*i).filter(|c| c.row == row).map(|c| c.state.clone()),
            Step::Message(_) => None,
        });
        earlier.or_else(|| self.rows.get(row)?.state.clone()).unwrap_or_default()
    }

    fn sentence(&self, offsets: &Offsets, steps: &[(Instant, Step)], i: usize) -> String {
        let (at, step) = steps[i];
        let when = offsets.since(at);
        match step {
            Step::Message(m) => {
                let sent = &self.messages[m];
                let (from, to) = (self.name(sent.from), self.name(sent.to));
                let term = sent.term.map_or_else(String::new, |term| format!(", term {term}"));
                let end = if sent.arrives.is_none() { ", **lost**" } else { "" };
                let times = times(offsets, sent.repeats);
                format!("{when}  {from} → {to}: {}{term}{times}{end}", sent.words)
            }
            Step::Change(c) => {
                let change = &self.changes[c];
                let (old, new) = change.state.difference(&self.before(change.row, steps, i));
                let times = times(offsets, change.repeats);
                format!("{when}  {}: {old} → **{new}**{times}", self.name(change.row))
            }
        }
    }
}

impl Layout {
    /// Points of an arrow at which a label stands clear of rows and barriers, those near its middle first.
    fn between_rows(&self, start: (f64, f64), tip: (f64, f64)) -> Vec<(f64, f64)> {
        let (top, bottom) = (start.1.min(tip.1), start.1.max(tip.1));
        let barriers = self.barriers.iter().flat_map(|y| [*y, y + BARRIER_PX]);
        let mut edges: Vec<f64> = self.rows.iter().copied().chain(barriers).collect();
        edges.retain(|y| top < *y && *y < bottom);
        edges.extend([top, bottom]);
        edges.sort_by(f64::total_cmp);
        let in_barrier = |y: f64| self.barriers.iter().any(|top| *top <= y && y <= top + BARRIER_PX);
        let gaps = edges.windows(2).map(|pair| (pair[1] - pair[0], (pair[0] + pair[1]) / 2.0));
        let mut middles: Vec<f64> =
            gaps.filter(|(height, y)| *height >= LABEL_PX && !in_barrier(*y)).map(|(_, y)| y).collect();
        let far = |y: &f64| (y - (top + bottom) / 2.0).abs();
        middles.sort_by(|a, b| far(a).total_cmp(&far(b)));
        let x = |y: f64| start.0 + (tip.0 - start.0) * (y - start.1) / (tip.1 - start.1);
        middles.into_iter().map(|y| (x(y), y)).collect()
    }
}

/// The point so far before the tip of an arrow.
fn before(start: (f64, f64), tip: (f64, f64), px: f64) -> (f64, f64) {
    let (dx, dy) = (tip.0 - start.0, tip.1 - start.1);
    let part = px / (dx * dx + dy * dy).sqrt().max(px);
    (tip.0 - dx * part, tip.1 - dy * part)
}

/// A square around a point.
fn around((x, y): (f64, f64), half: f64) -> Area {
    Area { x: x - half, y: y - half, width: 2.0 * half, height: 2.0 * half }
}

/// How often, if more than once.
fn times(offsets: &Offsets, repeats: Option<Repeats>) -> String {
    repeats.map_or_else(String::new, |r| format!(", {} times since {}", r.times, offsets.since(r.since)))
}

impl Figure for SpaceTime {
    fn svg(&self, id: &str) -> String {
        let layout = self.layout();
        let steps = self.happenings();
        let mut svg = Svg::new(id, FULL_PX, layout.bottom + 40.0);
        svg.text(0.0, 18.0, &Text::title(&self.title).fit(FULL_PX - STATE_PX - 10.0));
        self.draw_rows(&mut svg, &layout);
        self.draw_axis(&mut svg, &layout);
        for (i, (at, _)) in steps.iter().enumerate() {
            let x = layout.axis.x(*at);
            svg.open(&format!(" class=\"now now-{}\" display=\"none\"", i + 1));
            svg.line((x, TOP_PX), (x, layout.bottom), &Paint::stroke(Ink::First, 2.5).dashed("2 5"));
            svg.close();
        }
        self.draw_calls(&mut svg, &layout);
        self.draw_messages(&mut svg, &layout, &steps);
        self.draw_states(&mut svg, &layout, &steps);
        let height = self.draw_lost(&mut svg, layout.bottom + 34.0);
        svg.set_height(height);
        let lost = self.messages.iter().filter(|m| m.arrives.is_none()).count();
        let words = format!(
            "{} messages, {lost} of them lost; {} changes of what replicas have.",
            self.messages.len(),
            self.changes.len()
        );
        svg.finish(&self.title, &words)
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["step", "when", "from", "to", "what", "term", "arrives"]);
        let steps = self.happenings();
        let offsets = self.offsets();
        for (i, (at, step)) in steps.iter().enumerate() {
            let (number, when) = ((i + 1).to_string(), offsets.since(*at));
            let none = || "–".to_owned();
            match step {
                Step::Message(m) => {
                    let sent = &self.messages[*m];
                    table.push([
                        number,
                        when,
                        self.name(sent.from).to_owned(),
                        self.name(sent.to).to_owned(),
                        sent.words.clone() + &times(&offsets, sent.repeats),
                        sent.term.map_or_else(none, |term| term.to_string()),
                        sent.arrives.map_or_else(|| "✕ lost".to_owned(), |at| offsets.since(at)),
                    ]);
                }
                Step::Change(c) => {
                    let change = &self.changes[*c];
                    let (old, new) = change.state.difference(&self.before(change.row, &steps, i));
                    let what = format!("{old} → {new}{}", times(&offsets, change.repeats));
                    table.push([number, when, none(), self.name(change.row).to_owned(), what, none(), none()]);
                }
            }
        }
        table
    }
    fn steps(&self) -> Vec<String> {
        let steps = self.happenings();
        let offsets = self.offsets();
        (0..steps.len()).map(|i| self.sentence(&offsets, &steps, i)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn figure(messages: u64, cut: Option<&str>) -> SpaceTime {
        let state = |has: &str| State { has: has.into(), rank: String::new() };
        let row = |(name, side, has): (&str, usize, &str)| Row {
            name: name.into(),
            side,
            state: (!has.is_empty()).then(|| state(has)),
        };
        let rows = [
            ("west-users/3", 0, ""),
            ("kv/0", 0, "v1"),
            ("kv/1", 0, "v1"),
            ("kv/2", 0, "v1"),
            ("kv/3", 1, "v1"),
            ("kv/4", 1, "nothing"),
            ("a-group-with-a-long-name/17", 1, ""),
        ];
        let sent = |i: u64| Sent {
            from: (1 + i % 5) as usize,
            to: (1 + (i + 1 + i % 3) % 5) as usize,
            at: Instant(1_000_000 * i),
            arrives: (!i.is_multiple_of(4)).then_some(Instant(1_000_000 * i + 2_500_000)),
            words: format!("Store v{}", i % 2),
            term: i.is_multiple_of(2).then_some(i),
            repeats: (i % 7 == 3).then_some(Repeats { times: 18, since: Instant(500_000 * i) }),
        };
        let call = |row: usize, from: u64, until: Option<u64>| Call {
            row,
            words: "read → v1".into(),
            from: Instant(from),
            until: until.map(Instant),
            nowhere: from > 0,
        };
        let change = |(row, at, state): (usize, u64, &str)| Change {
            row,
            at: Instant(at),
            state: State { has: state.into(), rank: String::new() },
            repeats: (at > 5_000_000).then_some(Repeats { times: 3, since: Instant(4_000_000) }),
        };
        SpaceTime {
            title: "Messages behind it".into(),
            subject: "key 73 now".into(),
            rows: rows.map(row).into(),
            cut: cut.map(str::to_owned),
            lasts: Vec::new(),
            from: None,
            until: None,
            calls: vec![call(0, 0, Some(900_000)), call(6, 5_000_000, None)],
            messages: (0..messages).map(sent).collect(),
            changes: [(1, 1_200_000, "v2"), (5, 3_000_000, "v2"), (1, 9_000_000, "v2, v3")].map(change).into(),
            left_out: 0,
        }
    }

    #[test]
    fn from_none_to_sixty_messages() {
        for messages in [0, 1, 7, 60] {
            check(&figure(messages, Some("cut")));
            check(&figure(messages, None));
            check(&SpaceTime { until: Some(Instant(9_000_000)), ..figure(messages.min(9), None) });
        }
    }

    #[test]
    fn every_message_and_every_change_is_a_step() {
        let figure = figure(9, Some("cut"));
        assert_eq!(figure.steps().len(), 9 + 3);
        let svg = figure.svg("s");
        assert!((1..=12).all(|i| svg.contains(&format!("step step-{i}\""))));
        assert!(figure.steps()[0].ends_with("**lost**"), "{:?}", figure.steps()[0]);
        assert!(figure.steps()[2].ends_with("kv/0: v1 → **v2**"), "{:?}", figure.steps()[2]);
    }

    #[test]
    fn without_a_script_the_states_of_the_end_are_seen_and_no_others() {
        let svg = figure(9, None).svg("s");
        let groups: Vec<&str> = svg.split("<g ").skip(1).filter(|g| g.starts_with("class=\"state")).collect();
        let words = |g: &&str| g.split("</text>").next().and_then(|t| t.rsplit('>').next()).map(str::to_owned);
        let seen: Vec<String> =
            groups.iter().filter(|g| !g.split('>').next().unwrap_or("").contains("none")).filter_map(words).collect();
        // The change of row 1 is the last step, and so stays framed.
        assert_eq!(seen, ["v2 → v2, v3", "v1", "v1", "v1", "v2"]);
    }

    #[test]
    fn a_change_names_what_is_different() {
        let state = |has: &str, rank: &str| State { has: has.into(), rank: rank.into() };
        let old = state("v1", "term 2");
        assert_eq!(state("v2", "term 2").difference(&old), ("v1".into(), "v2".into()));
        assert_eq!(state("v1", "leader of 3").difference(&old), ("term 2".into(), "leader of 3".into()));
        assert_eq!(state("v2", "term 3").difference(&old), ("v1 · term 2".into(), "v2 · term 3".into()));
    }

    #[test]
    fn at_every_step_each_replica_has_one_state() {
        let figure = figure(9, None);
        let svg = figure.svg("s");
        for step in 1..=figure.steps().len() {
            let number = |tag: &str, name: &str| -> Option<usize> {
                tag.split(name).nth(1)?.split([' ', '"']).next()?.parse().ok()
            };
            let shown = svg.split("<g ").skip(1).filter(|g| g.starts_with("class=\"state")).filter(|g| {
                let (from, until) = (number(g, "from-").expect("a step"), number(g, "until-").expect("a step"));
                from <= step && step < until
            });
            assert_eq!(shown.count(), 5, "at step {step}");
        }
    }

    #[test]
    fn the_barrier_stands_only_while_the_cut_lasts() {
        let lasting = |lasts: &[(u64, u64)]| {
            let lasts = lasts.iter().map(|(from, to)| (Instant(*from), Instant(*to))).collect();
            let figure = SpaceTime { lasts, ..figure(9, Some("cut")) };
            check(&figure);
            figure.layout()
        };
        assert_eq!(lasting(&[]).cut, [(LEFT_PX, RIGHT_PX)]);
        assert_eq!(lasting(&[(0, 1_000_000_000)]).cut, [(LEFT_PX, RIGHT_PX)]);
        let twice = lasting(&[(0, 1_200_000), (3_000_000, 1_000_000_000)]);
        let x = |ns| twice.axis.x(Instant(ns));
        assert_eq!(twice.cut, [(LEFT_PX, x(1_200_000)), (x(3_000_000), RIGHT_PX)]);
    }

    #[test]
    fn each_lost_message_has_a_cross_of_its_own_and_is_named() {
        let mut figure = figure(0, Some("cut"));
        let lost = |to: usize| Sent {
            from: 1,
            to,
            at: Instant(1),
            arrives: None,
            words: "Store v2".into(),
            term: None,
            repeats: None,
        };
        figure.messages.extend([lost(4), lost(5)]);
        check(&figure);
        let layout = figure.layout();
        let tips: Vec<_> = figure.messages.iter().filter_map(|m| figure.ends(&layout, m)).map(|(_, tip)| tip).collect();
        assert!((tips[0].0 - tips[1].0).abs() >= CROSSES_APART_PX, "{tips:?}");
        assert!(figure.svg("s").contains("from kv/0 to kv/3, kv/4."));
    }

    #[test]
    fn a_label_stands_between_rows() {
        let layout = figure(1, Some("cut")).layout();
        let (start, tip) = ((200.0, layout.rows[1]), (230.0, layout.rows[5]));
        let places = layout.between_rows(start, tip);
        assert!(places.len() >= 3, "{places:?}");
        let clear = |y: f64| layout.rows.iter().all(|row| (row - y).abs() >= LABEL_PX / 2.0);
        assert!(places.iter().all(|(_, y)| clear(*y)), "{places:?}");
    }

    #[test]
    fn a_lost_message_ends_at_the_cut() {
        let mut figure = figure(0, Some("cut"));
        let lost =
            Sent { from: 1, to: 5, at: Instant(1), arrives: None, words: "Store".into(), term: None, repeats: None };
        figure.messages.push(lost);
        let layout = figure.layout();
        let (_, tip) = figure.ends(&layout, &figure.messages[0]).expect("both rows are there");
        assert!(tip.1 > layout.barriers[0] && tip.1 < layout.barriers[0] + BARRIER_PX);
    }
}
