//! Space and time around a violation: one row a client operation or a replica, replicas grouped by side, messages as
//! arrows between the rows, lost ones with a cross. The axis keeps the order of events, not their distances.

use serde::{Deserialize, Serialize};

use crate::engine::Instant;
use crate::report::figure::{Figure, Table};
use crate::report::number::{NARROW_SPACE, fmt_duration};
use crate::report::place::{self, Area};
use crate::report::svg::{Anchor, Paint, Pattern, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, LEFT_PX};

const TOP_PX: f64 = 44.0;
const ROW_PX: f64 = 34.0;
const BARRIER_PX: f64 = 28.0;
const RIGHT_PX: f64 = 24.0;
const PAD_PX: f64 = 12.0;

/// The figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceTime {
    /// What it shows.
    pub title: String,
    /// What clients did, each in a row of its own.
    pub calls: Vec<Call>,
    /// Replicas, from top to bottom.
    pub replicas: Vec<Replica>,
    /// Name of the fault that stands between the sides; none if nothing was cut then.
    pub cut: Option<String>,
    /// Messages in the order in which they were sent.
    pub messages: Vec<Sent>,
    /// How many more there were.
    pub left_out: u64,
}

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who.
    pub client: String,
    /// What: `read → v1`.
    pub words: String,
    /// When it began.
    pub from: Instant,
    /// When it was answered, if ever.
    pub until: Option<Instant>,
    /// Whether it fits into no order.
    pub nowhere: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its name.
    pub name: String,
    /// On which side it stands; a change of side draws a line.
    pub side: usize,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Row of the sender among the replicas.
    pub from: usize,
    /// Row of the receiver.
    pub to: usize,
    /// When it left.
    pub at: Instant,
    /// When it arrives; `None` = lost.
    pub arrives: Option<Instant>,
    /// What it says, in a word or two.
    pub words: String,
}

struct Layout {
    instants: Vec<Instant>,
    rows: Vec<f64>,
    first: f64,
    step: f64,
    bottom: f64,
    barriers: Vec<f64>,
}

impl Layout {
    fn x(&self, at: Instant) -> f64 {
        self.first + self.step * self.instants.partition_point(|other| *other < at) as f64
    }
}

impl SpaceTime {
    fn layout(&self) -> Layout {
        let calls = self.calls.iter().flat_map(|c| [Some(c.from), c.until]);
        let messages = self.messages.iter().flat_map(|m| [Some(m.at), m.arrives]);
        let mut instants: Vec<Instant> = calls.chain(messages).flatten().collect();
        instants.sort_unstable();
        instants.dedup();
        let mut y = TOP_PX + ROW_PX * self.calls.len() as f64 + 10.0;
        let (mut rows, mut barriers) = (Vec::new(), Vec::new());
        let mut side = self.replicas.first().map(|r| r.side);
        for replica in &self.replicas {
            if side != Some(replica.side) {
                side = Some(replica.side);
                barriers.push(y);
                y += BARRIER_PX;
            }
            rows.push(y + ROW_PX / 2.0);
            y += ROW_PX;
        }
        let first = LEFT_PX + PAD_PX;
        let step = (FULL_PX - RIGHT_PX - PAD_PX - first) / (instants.len().max(2) - 1) as f64;
        Layout { instants, rows, first, step, bottom: y, barriers }
    }

    fn origin(&self) -> Instant {
        let calls = self.calls.iter().map(|c| c.from);
        calls.chain(self.messages.iter().map(|m| m.at)).min().unwrap_or(Instant::ZERO)
    }

    fn since(&self, at: Instant) -> String {
        let origin = self.origin();
        if at == origin {
            format!("{}.{:03}{NARROW_SPACE}s", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
        } else {
            format!("+{}", fmt_duration(at.since(origin).0 as f64))
        }
    }

    fn name(&self, row: usize) -> &str {
        self.replicas.get(row).map_or("", |r| r.name.as_str())
    }

    fn rows(&self, svg: &mut Svg, layout: &Layout) {
        let end = FULL_PX - RIGHT_PX;
        for (i, call) in self.calls.iter().enumerate() {
            let y = TOP_PX + ROW_PX * (i as f64 + 0.5);
            svg.text(0.0, y + 6.0, &Text::label(&call.client, Ink::Ink).plain().fit(LEFT_PX - 12.0));
            let (left, right) = (layout.x(call.from), call.until.map_or(end, |until| layout.x(until)));
            let paint = match (call.nowhere, call.until) {
                (true, _) => Paint::fill(Ink::Bg).outlined(Ink::Error, 4.0),
                (_, None) => Paint::pattern(Pattern::UnknownHatch),
                _ => Paint::fill(Ink::Bg).outlined(Ink::Axis, 1.5),
            };
            svg.rect(left, y - 11.0, (right - left).max(6.0), 22.0, 4.0, &paint);
            let text = Text::label(&call.words, Ink::Ink);
            // Beside a bar that is too short for it.
            if text.width() + 12.0 <= right - left {
                svg.text((left + right) / 2.0, y + 6.0, &text.middle());
            } else if right + 12.0 + text.width() <= FULL_PX {
                svg.text(right + 10.0, y + 6.0, &text);
            } else {
                svg.text(left - 10.0, y + 6.0, &text.end());
            }
        }
        for (replica, y) in self.replicas.iter().zip(&layout.rows) {
            svg.text(0.0, y + 6.0, &Text::label(&replica.name, Ink::Ink).fit(LEFT_PX - 12.0));
            svg.line((LEFT_PX, *y), (end, *y), &Paint::stroke(Ink::Axis, 1.0));
        }
        for y in &layout.barriers {
            let Some(cut) = &self.cut else {
                let y = y + BARRIER_PX / 2.0;
                svg.line((0.0, y), (end, y), &Paint::stroke(Ink::Rule, 1.0).dashed("2 6"));
                continue;
            };
            svg.rect(LEFT_PX, *y, end - LEFT_PX, BARRIER_PX - 6.0, 0.0, &Paint::pattern(Pattern::FaultHatch));
            for edge in [*y, y + BARRIER_PX - 6.0] {
                svg.line((LEFT_PX, edge), (end, edge), &Paint::stroke(Ink::FaultEdge, 1.0));
            }
            svg.text(0.0, y + 17.0, &Text::label(cut, Ink::Ink).fit(LEFT_PX - 12.0));
        }
    }

    /// Where an arrow begins and ends.
    fn ends(&self, layout: &Layout, sent: &Sent) -> Option<((f64, f64), (f64, f64))> {
        let (from, to) = (*layout.rows.get(sent.from)?, *layout.rows.get(sent.to)?);
        let start = layout.x(sent.at);
        Some(match sent.arrives {
            Some(arrives) => ((start, from), (layout.x(arrives), to)),
            // It gets as far as the cut, or half way.
            None => {
                let mut between = layout.barriers.iter().map(|y| y + BARRIER_PX / 2.0 - 3.0);
                let stop = between.find(|y| (*y - from) * (*y - to) < 0.0).unwrap_or((from + to) / 2.0);
                ((start, from), (start + 2.0 * layout.step.min(12.0), stop))
            }
        })
    }
}

impl Figure for SpaceTime {
    fn svg(&self, id: &str) -> String {
        let layout = self.layout();
        let mut svg = Svg::new(id, FULL_PX, layout.bottom + 40.0);
        svg.text(0.0, 18.0, &Text::title(&self.title).fit(FULL_PX));
        self.rows(&mut svg, &layout);
        let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
        for (i, sent) in self.messages.iter().enumerate() {
            let Some((start, tip)) = self.ends(&layout, sent) else { continue };
            let class = format!("step step-{}", i + 1);
            svg.line(start, tip, &Paint::stroke(Ink::Ink, 1.8).class(&class));
            svg.circle(start.0, start.1, 3.0, &Paint::fill(Ink::Ink).class(&class));
            if sent.arrives.is_some() {
                svg.arrow_head(start, tip, 9.0, &Paint::fill(Ink::Ink).class(&class));
            } else {
                svg.cross(tip.0, tip.1, 5.0, &Paint::stroke(Ink::Error, 2.5).class(&class));
            }
            lines.push(vec![start, tip]);
        }
        let inside = Area { x: LEFT_PX, y: TOP_PX, width: FULL_PX - LEFT_PX, height: layout.bottom - TOP_PX };
        let mut said: Vec<(usize, Instant, &str)> = Vec::new();
        for (i, sent) in self.messages.iter().enumerate() {
            let one = (sent.from, sent.at, sent.words.as_str());
            let Some((start, tip)) = self.ends(&layout, sent) else { continue };
            // What goes to several at once is named once.
            if said.contains(&one) {
                continue;
            }
            said.push(one);
            let middle = ((start.0 + tip.0) / 2.0, (start.1 + tip.1) / 2.0);
            let candidates = [
                (middle.0 + 7.0, middle.1 + 5.0, Anchor::Start),
                (middle.0 - 7.0, middle.1 + 5.0, Anchor::End),
                (start.0 + 6.0, start.1 - 5.0, Anchor::Start),
                (start.0 - 6.0, start.1 + 18.0, Anchor::End),
            ];
            let text = Text::tick(&sent.words).ink(Ink::Ink).halo().class(format!("step step-{}", i + 1));
            place::put(&mut svg, &text, &candidates, &inside, &lines);
        }
        let mut free = LEFT_PX - 40.0;
        for at in &layout.instants {
            let text = Text::tick(self.since(*at)).middle();
            let (x, half) = (layout.x(*at), text.width() / 2.0);
            if x - half > free && x + half <= FULL_PX {
                free = x + half + 14.0;
                svg.text(x, layout.bottom + 22.0, &text);
            }
        }
        svg.set_height(layout.bottom + 36.0);
        let lost = self.messages.iter().filter(|m| m.arrives.is_none()).count();
        let words = format!("{} messages, {lost} of them lost.", self.messages.len());
        svg.finish(&self.title, &words)
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["step", "sent", "from", "to", "message", "arrives"]);
        for (i, sent) in self.messages.iter().enumerate() {
            table.push([
                (i + 1).to_string(),
                self.since(sent.at),
                self.name(sent.from).to_owned(),
                self.name(sent.to).to_owned(),
                sent.words.clone(),
                sent.arrives.map_or_else(|| "✕ lost".to_owned(), |at| self.since(at)),
            ]);
        }
        table
    }
    fn steps(&self) -> Vec<String> {
        let step = |sent: &Sent| {
            let (at, from, to) = (self.since(sent.at), self.name(sent.from), self.name(sent.to));
            let end = if sent.arrives.is_none() { ", lost" } else { "" };
            format!("{at}  {from} → {to}: {}{end}", sent.words)
        };
        self.messages.iter().map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn figure(messages: u64, cut: Option<&str>) -> SpaceTime {
        let replica = |(i, side)| Replica { name: format!("kv/{i}"), side };
        let sent = |i: u64| Sent {
            from: (i % 5) as usize,
            to: ((i + 1 + i % 3) % 5) as usize,
            at: Instant(1_000_000 * i),
            arrives: (!i.is_multiple_of(4)).then_some(Instant(1_000_000 * i + 2_500_000)),
            words: format!("Store v{}", i % 2),
        };
        let call = |client: &str, from: u64, until: Option<u64>| Call {
            client: client.into(),
            words: "read → v1".into(),
            from: Instant(from),
            until: until.map(Instant),
            nowhere: from > 0,
        };
        SpaceTime {
            title: "Messages behind it".into(),
            calls: vec![call("west-users 3", 0, Some(900_000)), call("a-group-with-a-long-name 17", 5_000_000, None)],
            replicas: [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)].map(replica).into(),
            cut: cut.map(str::to_owned),
            messages: (0..messages).map(sent).collect(),
            left_out: 0,
        }
    }

    #[test]
    fn from_none_to_sixty_messages() {
        for messages in [0, 1, 7, 60] {
            check(&figure(messages, Some("cut")));
            check(&figure(messages, None));
        }
    }

    #[test]
    fn every_message_is_a_step() {
        let figure = figure(9, Some("cut"));
        assert_eq!(figure.steps().len(), 9);
        let svg = figure.svg("s");
        assert!((1..=9).all(|i| svg.contains(&format!("step step-{i}\""))));
        assert!(figure.steps()[0].ends_with(", lost"), "{:?}", figure.steps()[0]);
    }

    #[test]
    fn a_lost_message_ends_at_the_cut() {
        let mut figure = figure(0, Some("cut"));
        figure.messages.push(Sent { from: 0, to: 4, at: Instant(1), arrives: None, words: "Store".into() });
        let layout = figure.layout();
        let (_, tip) = figure.ends(&layout, &figure.messages[0]).expect("both rows are there");
        assert!(tip.1 > layout.barriers[0] && tip.1 < layout.barriers[0] + BARRIER_PX);
    }
}
