//! Where everything of a space-time figure stands, and how it is drawn.

use crate::engine::Instant;
use crate::report::event_axis::{EventAxis, passing};
use crate::report::figure::scene::Sent;
use crate::report::figure::space_time::{SpaceTime, Step};
use crate::report::place::{self, Area};
use crate::report::svg::{Anchor, Paint, Pattern, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, LEFT_PX};

pub(super) const TOP_PX: f64 = 48.0;
const ROW_PX: f64 = 44.0;
pub(super) const BARRIER_PX: f64 = 30.0;
/// The column of states.
pub(super) const STATE_PX: f64 = 212.0;
pub(super) const RIGHT_PX: f64 = FULL_PX - STATE_PX - 14.0;
const BAR_PX: f64 = 28.0;
const TICKS_APART_PX: f64 = 96.0;
/// What is said by several to one within this is named once.
const SAME_PX: f64 = 90.0;
/// Between the crosses of messages that were lost together.
pub(super) const CROSSES_APART_PX: f64 = 14.0;
/// The least height in which a label stands between two rows.
pub(super) const LABEL_PX: f64 = 20.0;
/// Length of the head of an arrow.
const HEAD_PX: f64 = 11.0;
const LOST_LINE_PX: f64 = 24.0;

/// Where everything stands.
pub(super) struct Layout {
    pub(super) axis: EventAxis,
    pub(super) rows: Vec<f64>,
    pub(super) bottom: f64,
    pub(super) barriers: Vec<f64>,
    /// Left and right edges of what is cut off from what.
    pub(super) cut: Vec<(f64, f64)>,
}

impl SpaceTime {
    pub(super) fn layout(&self) -> Layout {
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

    pub(super) fn draw_rows(&self, svg: &mut Svg, layout: &Layout) {
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
    pub(super) fn draw_axis(&self, svg: &mut Svg, layout: &Layout) {
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

    pub(super) fn draw_calls(&self, svg: &mut Svg, layout: &Layout) {
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
    pub(super) fn ends(&self, layout: &Layout, sent: &Sent) -> Option<((f64, f64), (f64, f64))> {
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

    pub(super) fn draw_messages(&self, svg: &mut Svg, layout: &Layout, steps: &[(Instant, Step)]) {
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
    pub(super) fn draw_lost(&self, svg: &mut Svg, y: f64) -> f64 {
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
    pub(super) fn draw_states(&self, svg: &mut Svg, layout: &Layout, steps: &[(Instant, Step)]) {
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
}

impl Layout {
    /// Points of an arrow at which a label stands clear of rows and barriers, those near its middle first.
    pub(super) fn between_rows(&self, start: (f64, f64), tip: (f64, f64)) -> Vec<(f64, f64)> {
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
