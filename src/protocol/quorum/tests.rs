//! Replicas on a table: each input by hand, each effect in sight.

use super::*;
use crate::engine::{Draws, Seed};
use crate::protocol::quorum::version::winner;
use crate::rpc::{Cause, Consistency, Op, Requester};
use crate::world::{Effect, Effects, Env, Meter, Own};

const MS: u64 = 1_000_000;

/// Replicas, their messages on the way, and what clients were told.
struct Table {
    replicas: Vec<Quorum>,
    /// From, to, what.
    mail: Vec<(u32, u32, Msg)>,
    /// Which of them hear nothing.
    cut: Vec<u32>,
    /// How far each clock is ahead, ns.
    ahead: Vec<u64>,
    /// How wrong clocks say that they may be.
    uncertainty: Span,
    wakes: Vec<(u32, Instant, Token)>,
    disk: Vec<(u32, Record, Token)>,
    logs: Vec<Vec<Record>>,
    answers: Vec<Answer>,
    counts: BTreeMap<&'static str, u32>,
    now: Instant,
}

impl Table {
    fn new(count: u32, change: impl Fn(&mut QuorumSpec)) -> Table {
        let mut spec = QuorumSpec::new(count);
        change(&mut spec);
        let group = Group { first: ProcessId(0), count };
        let mut table = Table {
            replicas: (0..count).map(|_| Quorum::new(group, ObjectId(0), spec.clone())).collect(),
            mail: Vec::new(),
            cut: Vec::new(),
            ahead: vec![0; count as usize],
            uncertainty: Span::ZERO,
            wakes: Vec::new(),
            disk: Vec::new(),
            logs: vec![Vec::new(); count as usize],
            answers: Vec::new(),
            counts: BTreeMap::new(),
            now: Instant(1000 * MS),
        };
        for index in 0..count {
            table.input(index, |q, out| q.start(&[], out));
        }
        table
    }

    fn input(&mut self, index: u32, hand: impl FnOnce(&mut Quorum, &mut Out<'_, Quorum>)) {
        let env = Env {
            now: self.now,
            local: self.now + Span(self.ahead[index as usize]),
            uncertainty: self.uncertainty,
            me: ProcessId(index),
            index,
            draws: Draws::named(Seed(1), &format!("store/{index}")),
        };
        let mut effects = Effects::default();
        hand(&mut self.replicas[index as usize], &mut Out::new(&env, &mut effects));
        let own = |table: &mut Table, effect| match effect {
            Own::Send { to, msg } => table.mail.push((index, to.0, msg)),
            Own::Persist { record, token } => table.disk.push((index, record, token)),
            _ => {}
        };
        effects.each(self, own, |table, effect| match effect {
            Effect::Wake { token, at } => table.wakes.push((index, at, token)),
            Effect::Reply { answer, .. } => table.answers.push(answer),
            Effect::Meter(Meter::Count(what, n)) => *table.counts.entry(what.name()).or_default() += n,
            _ => {}
        });
    }

    fn ask(&mut self, index: u32, op: Op) {
        let requester = Requester { process: ProcessId(99), slot: 0, generation: 0, attempt: 0, visit: 0 };
        let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
        self.input(index, |q, out| q.request(Call { requester, op, cause }, out));
    }

    fn write(&mut self, index: u32, value: u64) {
        self.ask(index, Op::on_key(Verb::Write, 7, value));
    }

    /// Writes all that waits to disk.
    fn sync(&mut self) {
        for (index, record, token) in std::mem::take(&mut self.disk) {
            self.logs[index as usize].push(record);
            self.input(index, |q, out| q.synced(token, out));
        }
    }

    /// Delivers until nothing is on the way, as disks allow.
    fn settle(&mut self) {
        while !self.mail.is_empty() || !self.disk.is_empty() {
            for (from, to, msg) in std::mem::take(&mut self.mail) {
                if from == to || !self.cut.contains(&from) && !self.cut.contains(&to) {
                    self.input(to, |q, out| q.message(ProcessId(from), msg, out));
                }
            }
            self.sync();
        }
    }

    /// Lets time pass: one-shot timers fire in their order.
    fn pass(&mut self, span: Span) {
        let until = self.now + span;
        while let Some(i) = (0..self.wakes.len()).filter(|i| self.wakes[*i].1 <= until).min_by_key(|i| self.wakes[*i].1)
        {
            let (index, at, token) = self.wakes.remove(i);
            self.now = self.now.max(at);
            self.input(index, |q, out| q.woken(token, out));
            self.settle();
        }
        self.now = until;
    }

    /// What each replica holds of key 7: its values, sorted.
    fn values(&self) -> Vec<Vec<u64>> {
        let of = |q: &Quorum| {
            let mut values: Vec<u64> = q.look(7).0.iter().map(|v| v.value).collect();
            values.sort_unstable();
            values
        };
        self.replicas.iter().map(of).collect()
    }

    /// The messages on the way, as a reader would note them.
    fn script(&self) -> Vec<String> {
        let line = |(from, to, msg): &(u32, u32, Msg)| {
            let what = match msg {
                Msg::Store { object, .. } | Msg::Fetched { object, .. } => {
                    format!(" {}", winner(object).map_or(0, |v| v.value))
                }
                Msg::Hint { object, home, .. } => format!(" {} for {home}", winner(object).map_or(0, |v| v.value)),
                Msg::Stored { home, .. } => format!(" at {home}"),
                _ => String::new(),
            };
            format!("{from} -> {to} {}{what}", crate::world::Message::name(msg))
        };
        self.mail.iter().map(line).collect()
    }
}

#[test]
fn a_write_is_answered_when_w_disks_have_it() {
    let mut t = Table::new(3, |_| {});
    t.write(0, 5);
    assert_eq!(t.script(), ["0 -> 1 Store 5", "0 -> 2 Store 5"]);
    let mail = std::mem::take(&mut t.mail);
    for (from, to, msg) in mail {
        t.input(to, |q, out| q.message(ProcessId(from), msg, out));
    }
    assert!(t.mail.is_empty() && t.answers.is_empty(), "nobody acknowledges before the disk has it");
    assert_eq!(t.disk.len(), 3);
    t.sync();
    assert_eq!(t.script(), ["0 -> 0 Stored at 0", "1 -> 0 Stored at 1", "2 -> 0 Stored at 2"]);
    let first = t.mail.remove(0);
    t.input(0, |q, out| q.message(ProcessId(0), first.2, out));
    assert!(t.answers.is_empty(), "one of two");
    t.settle();
    assert_eq!(t.answers.len(), 1);
    assert_eq!((t.answers[0].outcome, t.answers[0].value), (Outcome::Ok, 5));
}

#[test]
fn a_read_takes_the_newest_of_r() {
    let mut t = Table::new(3, |s| (s.w, s.r) = (1, 3));
    t.cut = vec![2];
    t.write(0, 5);
    t.settle();
    t.cut.clear();
    t.ask(2, Op::on_key(Verb::Read, 7, 0));
    assert_eq!(t.script(), ["2 -> 0 Fetch", "2 -> 1 Fetch", "2 -> 2 Fetch"]);
    t.settle();
    assert_eq!(t.answers.last().map(|a| a.value), Some(5));
    assert_eq!(t.values(), [vec![5], vec![5], vec![]], "without repair it stays behind");
}

#[test]
fn a_strict_quorum_that_cannot_be_had_is_unavailable_and_in_doubt() {
    let mut t = Table::new(5, |s| s.w = 3);
    t.cut = vec![2, 3, 4];
    t.write(0, 5);
    t.settle();
    t.pass(Span::secs(3));
    assert_eq!((t.answers[0].outcome, t.answers[0].definite), (Outcome::Unavailable, false));
    t.ask(2, Op::on_key(Verb::Read, 7, 0));
    t.settle();
    t.pass(Span::secs(3));
    assert_eq!((t.answers[1].outcome, t.answers[1].definite), (Outcome::Unavailable, true));
}

#[test]
fn a_sloppy_quorum_has_stand_ins_keep_what_others_should_have() {
    let mut t = Table::new(5, |s| (s.w, s.sloppy, s.hinted_handoff) = (3, true, Some(Span::secs(3600))));
    t.cut = vec![2, 3, 4];
    t.write(0, 5);
    t.settle();
    assert!(t.answers.is_empty(), "two of three, and nobody is suspected yet");
    t.pass(Span::millis(250));
    assert_eq!(t.answers.len(), 1, "copies that stand-ins keep make up the third");
    assert_eq!(t.counts["hints"], 3);
    // The next write knows whom not to wait for.
    t.write(0, 6);
    t.settle();
    assert_eq!(t.answers.len(), 2);
    t.cut.clear();
    for index in [0, 1] {
        for _ in 0..3 {
            t.input(index, |q, out| q.timer(Timer::Handoff, out));
            t.settle();
        }
    }
    assert_eq!(t.values(), vec![vec![6]; 5]);
    assert!(t.replicas.iter().all(|q| q.hints.is_empty()));
}

#[test]
fn the_bug_counts_stand_ins_in_a_quorum_that_is_said_to_be_strict() {
    let mut t = Table::new(5, |s| (s.w, s.bugs) = (3, Bugs::new(["sloppy_as_strict"])));
    t.cut = vec![2, 3, 4];
    t.write(0, 5);
    t.settle();
    t.pass(Span::millis(250));
    assert_eq!(t.answers[0].outcome, Outcome::Ok);
}

#[test]
fn a_strict_coordinator_keeps_hints_that_count_for_nothing() {
    let mut t = Table::new(3, |s| s.hinted_handoff = Some(Span::secs(60)));
    t.cut = vec![2];
    t.write(0, 5);
    t.settle();
    assert_eq!(t.answers.len(), 1);
    assert_eq!(t.counts.get("hints"), None);
    t.pass(Span::secs(3));
    assert_eq!(t.counts["hints"], 1);
    t.pass(Span::secs(60));
    t.write(0, 6);
    t.settle();
    t.pass(Span::secs(3));
    assert_eq!(t.counts["hints"], 1, "outside the window nothing is kept");
    t.cut.clear();
    t.input(0, |q, out| q.timer(Timer::Handoff, out));
    t.settle();
    assert_eq!(t.values()[2], [5], "what was kept is handed over");
}

#[test]
fn read_repair_brings_those_who_answered_up_to_date_before_the_answer() {
    let mut t = Table::new(3, |s| (s.w, s.r, s.read_repair) = (1, 2, 1.0));
    t.cut = vec![1, 2];
    t.write(0, 5);
    t.settle();
    t.cut.clear();
    t.ask(1, Op::on_key(Verb::Read, 7, 0));
    // Answers of 0 and 1 come first.
    for (from, to, msg) in std::mem::take(&mut t.mail) {
        t.input(to, |q, out| q.message(ProcessId(from), msg, out));
    }
    assert_eq!(t.script(), ["0 -> 1 Fetched 5", "1 -> 1 Fetched 0", "2 -> 1 Fetched 0"]);
    for (from, to, msg) in t.mail.drain(..2).collect::<Vec<_>>() {
        t.input(to, |q, out| q.message(ProcessId(from), msg, out));
    }
    assert_eq!(t.answers.len(), 1, "only the write so far");
    assert_eq!(t.script(), ["2 -> 1 Fetched 0", "1 -> 1 Store 5"]);
    t.settle();
    assert_eq!(t.answers[1].value, 5);
    assert_eq!(t.values(), [vec![5], vec![5], vec![5]], "the third in the background");
}

#[test]
fn asynchronous_read_repair_comes_after_the_answer() {
    let mut t = Table::new(3, |s| (s.w, s.r, s.read_repair, s.repair_mode) = (1, 2, 1.0, RepairMode::Async));
    t.cut = vec![1, 2];
    t.write(0, 5);
    t.settle();
    t.cut.clear();
    t.ask(1, Op::on_key(Verb::Read, 7, 0));
    for (from, to, msg) in std::mem::take(&mut t.mail) {
        t.input(to, |q, out| q.message(ProcessId(from), msg, out));
    }
    for (from, to, msg) in t.mail.drain(..2).collect::<Vec<_>>() {
        t.input(to, |q, out| q.message(ProcessId(from), msg, out));
    }
    assert_eq!(t.answers[1].value, 5, "answered while the copy of 1 is old");
    assert_eq!(t.values(), [vec![5], vec![], vec![]]);
    assert_eq!(t.script(), ["2 -> 1 Fetched 0", "1 -> 1 Store 5"]);
    t.settle();
    assert_eq!(t.values(), vec![vec![5]; 3]);
}

#[test]
fn a_write_under_a_clock_that_is_behind_is_lost_as_it_is_made() {
    for (versions, bugs, wins) in [
        (Versions::WallClock, &[][..], 5),
        (Versions::Lamport, &[], 6),
        (Versions::Hybrid, &[], 6),
        (Versions::Hybrid, &["lww_under_skew"], 5),
    ] {
        let mut t = Table::new(3, |s| (s.versions, s.bugs) = (versions, Bugs::new(bugs.iter().copied())));
        t.ahead = vec![500 * MS, 0, 0];
        t.write(0, 5);
        t.settle();
        t.write(1, 6);
        t.settle();
        assert_eq!(t.answers.iter().map(|a| a.outcome).collect::<Vec<_>>(), [Outcome::Ok; 2]);
        assert_eq!(t.values(), vec![vec![wins]; 3]);
    }
}

/// Lamport 1978, the clock condition: if `a` happened before `b`, `a` has the smaller number.
#[test]
fn a_write_is_later_than_what_its_coordinator_has_heard_of_by_any_message() {
    for versions in [Versions::Lamport, Versions::Hybrid] {
        let mut t = Table::new(3, |s| (s.versions, s.w) = (versions, 1));
        t.ahead = vec![500 * MS, 0, 0];
        // 0 writes; its copies are lost on their way. 1 asks for the key and is told of the write, but keeps no copy.
        t.cut = vec![1, 2];
        t.write(0, 5);
        t.settle();
        t.cut.clear();
        t.ask(1, Op { consistency: Consistency::All, ..Op::on_key(Verb::Read, 7, 0) });
        t.settle();
        assert_eq!((t.answers[1].value, t.values()[1].len()), (5, 0), "{versions:?}");
        t.write(1, 6);
        t.settle();
        assert_eq!(t.values(), vec![vec![6]; 3], "{versions:?}");
    }
}

#[test]
fn lamport_clocks_that_have_not_heard_of_each_other_order_nothing_in_time() {
    for (versions, wins) in [(Versions::Lamport, 5), (Versions::Hybrid, 6)] {
        let mut t = Table::new(2, |s| (s.versions, s.w) = (versions, 1));
        t.cut = vec![1];
        // 0 has had more to do: its clock has counted further when it writes 5.
        for key in 100..110 {
            t.ask(0, Op::on_key(Verb::Write, key, key));
        }
        t.write(0, 5);
        t.settle();
        t.pass(Span::secs(60));
        t.write(1, 6);
        t.settle();
        assert_eq!(t.values(), [vec![5], vec![6]]);
        t.cut.clear();
        t.ask(0, Op { consistency: Consistency::All, ..Op::on_key(Verb::Read, 7, 0) });
        t.settle();
        assert_eq!(t.answers.last().expect("it was answered").value, wins, "{versions:?}");
    }
}

#[test]
fn a_lamport_clock_that_restarts_goes_on_from_what_the_disk_has() {
    let mut t = Table::new(2, |s| s.versions = Versions::Lamport);
    t.write(0, 5);
    t.settle();
    let before = t.replicas[0].look(7).0[0].at.logical;
    let log = t.logs[0].clone();
    t.pass(Span::millis(1));
    t.input(0, |q, out| q.start(&log, out));
    t.write(0, 6);
    t.settle();
    assert!(t.replicas[0].look(7).0[0].at.logical > before);
    assert_eq!(t.values(), [vec![6], vec![6]]);
}

#[test]
fn commit_wait_holds_an_answer_back_until_no_clock_can_show_an_earlier_time() {
    let mut t = Table::new(3, |s| (s.versions, s.commit_wait) = (Versions::Uncertain, true));
    (t.uncertainty, t.ahead) = (Span::millis(4), vec![4 * MS, 0, 0]);
    t.write(0, 5);
    t.settle();
    t.pass(Span::millis(8));
    assert!(t.answers.is_empty(), "twice the uncertainty isn't over");
    t.pass(Span::nanos(1));
    assert_eq!(t.answers.len(), 1);
    // Another coordinator, whose clock is 4 ms behind the first one's, is later all the same.
    t.write(1, 6);
    t.settle();
    t.pass(Span::millis(9));
    assert_eq!((t.answers.len(), t.values()), (2, vec![vec![6]; 3]));
}

#[test]
fn version_vectors_lose_what_dots_keep_side_by_side() {
    for (versions, values) in [(Versions::VersionVector, vec![6]), (Versions::Dotted, vec![5, 6])] {
        let mut t = Table::new(3, |s| (s.versions, s.conflict) = (versions, Conflict::Siblings));
        // Two clients of one coordinator, neither of whom knows of the other's write.
        t.write(0, 5);
        t.write(0, 6);
        t.settle();
        assert_eq!(t.values(), vec![values; 3]);
    }
}

#[test]
fn siblings_of_two_coordinators_are_merged_by_the_next_write() {
    let mut t = Table::new(3, |s| (s.versions, s.conflict) = (Versions::Dotted, Conflict::Siblings));
    t.write(0, 5);
    t.write(1, 6);
    t.settle();
    assert_eq!(t.values(), vec![vec![5, 6]; 3]);
    assert_eq!(t.counts["conflicts"], 3);
    t.write(2, 7);
    t.settle();
    assert_eq!(t.values(), vec![vec![7]; 3]);
}

#[test]
fn what_was_deleted_comes_back_if_its_tombstone_is_gone() {
    for (bugs, values) in [(&[][..], vec![0]), (&["resurrect"], vec![5])] {
        let mut t = Table::new(3, |s| (s.read_repair, s.r, s.bugs) = (1.0, 3, Bugs::new(bugs.iter().copied())));
        t.write(0, 5);
        t.settle();
        t.cut = vec![2];
        t.pass(Span::millis(1));
        t.ask(0, Op::on_key(Verb::Delete, 7, 0));
        t.settle();
        t.cut.clear();
        t.pass(Span::millis(1));
        t.ask(1, Op::on_key(Verb::Read, 7, 0));
        t.settle();
        assert_eq!(t.answers[2].value, values[0]);
        assert_eq!(t.values(), vec![values; 3]);
    }
}

#[test]
fn a_tombstone_is_forgotten_when_its_time_has_come() {
    for versions in [Versions::WallClock, Versions::Lamport] {
        let mut t = Table::new(3, |s| (s.versions, s.tombstones) = (versions, Span::secs(10)));
        t.write(0, 5);
        t.settle();
        t.pass(Span::millis(1));
        t.ask(0, Op::on_key(Verb::Delete, 7, 0));
        t.settle();
        t.pass(Span::secs(9));
        t.ask(0, Op::on_key(Verb::Read, 7, 0));
        t.settle();
        assert_eq!(t.values(), vec![vec![0]; 3]);
        t.pass(Span::secs(2));
        t.ask(0, Op::on_key(Verb::Read, 7, 0));
        t.settle();
        assert_eq!(t.values(), vec![Vec::<u64>::new(); 3]);
    }
}

#[test]
fn anti_entropy_finds_and_mends_what_differs() {
    let change = |s: &mut QuorumSpec| s.anti_entropy = Some(AntiEntropy { every: Span::secs(10), depth: 8 });
    let mut t = Table::new(2, |s| {
        change(s);
        (s.w, s.r) = (1, 1);
    });
    for key in 0..100 {
        t.ask(0, Op::on_key(Verb::Write, key, 1000 + key));
    }
    t.settle();
    t.cut = vec![1];
    t.write(0, 5);
    t.ask(1, Op::on_key(Verb::Write, 8, 6));
    t.settle();
    t.cut.clear();
    t.input(0, |q, out| q.timer(Timer::Exchange, out));
    t.settle();
    let [a, b] = [0, 1].map(|i| t.replicas[i].tree.as_ref().expect("it has one").hash(1));
    assert_eq!(a, b);
    assert_eq!(t.values(), [vec![5], vec![5]]);
    assert_eq!(t.replicas[0].look(8).0[0].value, 6);
    assert!(t.counts["repair_bytes"] > 0);
}

#[test]
fn a_replica_that_comes_back_has_what_its_disk_has_and_uses_no_number_twice() {
    let mut t = Table::new(3, |s| s.versions = Versions::Dotted);
    t.write(0, 5);
    t.settle();
    let log = t.logs[0].clone();
    t.pass(Span::millis(10));
    t.write(0, 6);
    t.mail.clear();
    t.disk.clear();
    t.input(0, |q, out| q.start(&log, out));
    assert_eq!(t.values()[0], [5]);
    let before = t.replicas[1].look(7).0[0].dot;
    t.pass(Span::millis(1));
    t.write(0, 7);
    t.settle();
    let after = t.replicas[1].look(7).0[0].clone();
    assert!(after.dot.count > before.count && after.value == 7);
}

#[test]
fn consistency_of_an_operation_overrides_that_of_the_store() {
    let mut t = Table::new(3, |s| s.regions = vec![0, 0, 1]);
    t.cut = vec![1, 2];
    let ask = |t: &mut Table, verb, consistency| {
        t.ask(0, Op { consistency, ..Op::on_key(verb, 7, 5) });
        t.settle();
        let answered = t.answers.len();
        t.pass(Span::secs(3));
        answered == t.answers.len()
    };
    assert!(ask(&mut t, Verb::Write, Consistency::One));
    assert!(!ask(&mut t, Verb::Write, Consistency::Quorum));
    t.cut = vec![2];
    assert!(ask(&mut t, Verb::Read, Consistency::LocalQuorum), "both of the region");
    assert!(ask(&mut t, Verb::Read, Consistency::Quorum));
    assert!(!ask(&mut t, Verb::Read, Consistency::All));
}
