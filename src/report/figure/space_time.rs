//! Space and time around a violation: one row a client or a replica, grouped by side, on one time axis that is wide where
//! much happens; messages as arrows between the rows, lost ones with a cross and in a list below, and at the right what
//! every replica has of the key.
//!
//! Every message and every change of a state is a step. The drawing by itself shows the last one; a page's script walks
//! through them, and then shows each row's state as of the step, the change framed. Here is what it holds and its steps in
//! words; where everything stands and how it is drawn is in `space_time_draw`.

use serde::{Deserialize, Serialize};

use crate::engine::Instant;
use crate::report::broken_axis::Offsets;
pub use crate::report::figure::scene::{Call, Change, Repeats, Row, Sent, State};
use crate::report::figure::space_time_draw::{STATE_PX, TOP_PX};
use crate::report::figure::{Figure, Table};
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink};

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
pub(super) enum Step {
    /// Is sent.
    Message(usize),
    /// Of a state.
    Change(usize),
}

impl SpaceTime {
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

    pub(super) fn name(&self, row: usize) -> &str {
        self.rows.get(row).map_or("", |r| r.name.as_str())
    }

    /// What a row had before a step.
    pub(super) fn before(&self, row: usize, steps: &[(Instant, Step)], step: usize) -> State {
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
    use crate::report::figure::space_time_draw::{BARRIER_PX, CROSSES_APART_PX, LABEL_PX, RIGHT_PX};
    use crate::report::figure::testing::check;
    use crate::report::theme::LEFT_PX;

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
