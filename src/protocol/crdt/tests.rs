//! The laws of joins, and replicas whose messages come late, twice or in any order.

use proptest::prelude::*;

use super::*;
use crate::engine::{Bits, Draws, Instant, Seed};
use crate::rpc::{Cause, Op, Requester, Verb};
use crate::world::{Effect, Effects, Env, Own};

const KINDS: [Kind; 5] = [Kind::GCounter, Kind::PnCounter, Kind::LwwRegister, Kind::MvRegister, Kind::OrSet];

/// An operation of a type, out of three numbers.
fn op(kind: Kind, which: u8, value: u64) -> Op {
    let value = value % 5 + 1;
    let (verb, value) = match (kind, which % 3) {
        (Kind::GCounter, _) => (Verb::Add, value),
        (Kind::PnCounter, 0) => (Verb::Add, (-(value as i64)) as u64),
        (Kind::PnCounter, _) => (Verb::Add, value),
        (Kind::OrSet, 0) => (Verb::SetRemove, value),
        (Kind::OrSet, 1) if value == 5 => (Verb::Write, value),
        (Kind::OrSet, _) => (Verb::SetAdd, value),
        (_, 0) => (Verb::Delete, 0),
        _ => (Verb::Write, value),
    };
    Op::on_key(verb, 1, value)
}

/// States that arise when three actors change what they have, and sometimes merge it.
fn states(kind: Kind, steps: &[(u8, u64)]) -> Vec<Value> {
    let mut held = vec![kind.bottom(); 3];
    let mut all = vec![kind.bottom()];
    for (i, (step, value)) in steps.iter().enumerate() {
        let me = usize::from(step % 3);
        if step % 4 == 0 {
            let other = held[usize::from(step / 4 % 3)].clone();
            held[me].join(&other);
        } else {
            // Clocks that disagree.
            let at = Timestamp { physical: value % 7 + i as u64 % 2, logical: 0 };
            let delta = held[me].change(&op(kind, step / 3, *value), Actor(me as u64), at);
            let delta = delta.expect("the type has the operation");
            held[me].join(&delta);
            all.push(delta);
        }
        all.push(held[me].clone());
    }
    all
}

proptest! {
    #[test]
    fn what_is_known_changes_nothing_and_nothing_else_is(
        steps in prop::collection::vec((any::<u8>(), any::<u64>()), 1..30),
        pick in any::<[prop::sample::Index; 2]>(),
    ) {
        for kind in KINDS {
            let states = states(kind, &steps);
            let [a, b] = pick.map(|i| i.get(&states));
            let mut joined = a.clone();
            joined.join(b);
            prop_assert_eq!(a.knows(b), joined == *a, "{:?} and {:?}", a, b);
        }
    }

    #[test]
    fn joins_are_commutative_associative_and_idempotent(
        steps in prop::collection::vec((any::<u8>(), any::<u64>()), 1..30),
        pick in any::<[prop::sample::Index; 3]>(),
    ) {
        let join = |x: &Value, y: &Value| {
            let mut joined = x.clone();
            joined.join(y);
            joined
        };
        for kind in KINDS {
            let all = states(kind, &steps);
            let [a, b, c] = pick.map(|i| all[i.index(all.len())].clone());
            prop_assert_eq!(join(&a, &b), join(&b, &a));
            prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
            prop_assert_eq!(join(&a, &a), a.clone());
            prop_assert_eq!(join(&a, &join(&a, &b)), join(&a, &b), "what is in is in");
        }
    }

    #[test]
    fn replicas_agree_when_all_has_arrived_however_late_and_however_often(seed in any::<u64>()) {
        for kind in KINDS {
            for sync in [Sync::State, Sync::Delta, Sync::Op] {
                let mut group = Shaken::new(kind, sync, seed);
                let sum = group.run(60);
                let values: Vec<Value> = group.replicas.iter().map(|r| r.value(1)).collect();
                prop_assert!(values.iter().all(|v| *v == values[0]), "{:?} {:?}: {:?}", kind, sync, values);
                if matches!(kind, Kind::GCounter | Kind::PnCounter) {
                    let read = values[0].look(&Op::on_key(Verb::Read, 1, 0)).value as i64;
                    prop_assert_eq!(read, sum, "every acknowledged addition counts once");
                }
            }
        }
    }
}

/// Three replicas on a network that delays, repeats, reorders and loses, and disks that take their time.
struct Shaken {
    replicas: Vec<Crdt>,
    mail: Vec<(u32, u32, Msg)>,
    disk: Vec<(u32, Record, Token)>,
    logs: Vec<Vec<Record>>,
    kind: Kind,
    draws: Draws,
    drawn: u64,
    now: u64,
    answered: i64,
    asked: BTreeMap<u32, i64>,
}

impl Shaken {
    fn new(kind: Kind, sync: Sync, seed: u64) -> Shaken {
        let spec = CrdtSpec { kind, sync, every: Span::millis(200), bugs: Bugs::default() };
        let group = Group { first: ProcessId(0), count: 3 };
        let mut shaken = Shaken {
            replicas: (0..3).map(|_| Crdt::new(group, ObjectId(0), spec.clone())).collect(),
            mail: Vec::new(),
            disk: Vec::new(),
            logs: vec![Vec::new(); 3],
            kind,
            draws: Draws::named(Seed(seed), "shaken"),
            drawn: 0,
            now: 5_000_000,
            answered: 0,
            asked: BTreeMap::new(),
        };
        (0..3).for_each(|i| shaken.input(i, |r, out| r.start(&[], out)));
        shaken
    }

    fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        self.draws.at(0, self.drawn).below(n as u64) as usize
    }

    fn input(&mut self, index: u32, hand: impl FnOnce(&mut Crdt, &mut Out<'_, Crdt>)) {
        let now = Instant(self.now);
        let env = Env { now, local: now, uncertainty: Span::ZERO, me: ProcessId(index), index, draws: self.draws };
        let mut effects = Effects::default();
        hand(&mut self.replicas[index as usize], &mut Out::new(&env, &mut effects));
        let own = |shaken: &mut Shaken, effect| match effect {
            Own::Send { to, msg } => shaken.mail.push((index, to.0, msg)),
            Own::Persist { record, token } => shaken.disk.push((index, record, token)),
            _ => {}
        };
        effects.each(self, own, |shaken, effect| {
            if let Effect::Reply { requester, .. } = effect {
                shaken.answered += shaken.asked.remove(&requester.slot).unwrap_or(0);
            }
        });
    }

    fn deliver(&mut self, i: usize, keep: bool) {
        let (from, to, msg) = if keep { self.mail[i].clone() } else { self.mail.remove(i) };
        self.input(to, |r, out| r.message(ProcessId(from), msg, out));
    }

    fn sync_one(&mut self) {
        // Disks keep the order of a replica's own records.
        let first = self.below(self.disk.len());
        let index = self.disk[first].0;
        let i = self.disk.iter().position(|d| d.0 == index).expect("that one at least");
        let (index, record, token) = self.disk.remove(i);
        self.logs[index as usize].push(record);
        self.input(index, |r, out| r.synced(token, out));
    }

    fn run(&mut self, steps: u32) -> i64 {
        let mut slot = 0;
        for _ in 0..steps {
            self.now += 1_500_000;
            let index = self.below(3) as u32;
            match self.below(12) {
                0..4 => {
                    let op = op(self.kind, self.below(6) as u8, self.below(5) as u64);
                    slot += 1;
                    self.asked.insert(slot, op.value as i64);
                    let requester = Requester { process: ProcessId(9), slot, generation: 0, attempt: 0, visit: 0 };
                    let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
                    self.input(index, |r, out| r.request(Call { requester, op, cause }, out));
                }
                4 => self.input(index, |r, out| r.timer(Tick, out)),
                5 if !self.mail.is_empty() => {
                    let i = self.below(self.mail.len());
                    self.mail.remove(i);
                }
                6 if self.disk.iter().all(|d| d.0 != index) => {
                    // A crash between two writes: what is on disk, and nothing else.
                    let log = self.logs[index as usize].clone();
                    self.input(index, |r, out| r.start(&log, out));
                }
                7..9 if !self.disk.is_empty() => self.sync_one(),
                _ if !self.mail.is_empty() => {
                    let (i, keep) = (self.below(self.mail.len()), self.below(3) == 0);
                    self.deliver(i, keep);
                }
                _ => {}
            }
        }
        // Then the network is reliable, and everybody sends until nobody has anything to say.
        for _ in 0..12 {
            (0..3).for_each(|i| self.input(i, |r, out| r.timer(Tick, out)));
            while !self.mail.is_empty() || !self.disk.is_empty() {
                if !self.mail.is_empty() {
                    self.deliver(0, false);
                }
                while !self.disk.is_empty() {
                    self.sync_one();
                }
            }
        }
        self.answered
    }
}

#[test]
fn an_addition_wins_over_a_removal_that_does_not_know_of_it() {
    let at = Timestamp::default();
    let change = |set: &mut Value, verb, actor| {
        let delta = set.change(&Op::on_key(verb, 1, 4), Actor(actor), at).expect("a set has it");
        set.join(&delta);
    };
    let mut a = Kind::OrSet.bottom();
    change(&mut a, Verb::SetAdd, 1);
    let mut b = a.clone();
    change(&mut a, Verb::SetRemove, 1);
    change(&mut b, Verb::SetAdd, 2);
    a.join(&b);
    assert_eq!(a.contents(), [4]);
    change(&mut a, Verb::SetRemove, 1);
    b.join(&a);
    assert!(b.contents().is_empty(), "and is gone once a removal knows of it");
}

#[test]
fn concurrent_writes_stand_side_by_side_until_somebody_writes_who_has_seen_them() {
    let at = Timestamp::default();
    let write = |register: &mut Value, value, actor| {
        let delta = register.change(&Op::on_key(Verb::Write, 1, value), Actor(actor), at).expect("it has it");
        register.join(&delta);
    };
    let (mut a, mut b) = (Kind::MvRegister.bottom(), Kind::MvRegister.bottom());
    write(&mut a, 5, 1);
    write(&mut b, 6, 2);
    a.join(&b);
    assert_eq!((a.contents(), a.siblings()), (vec![5, 6], 2));
    write(&mut a, 7, 1);
    b.join(&a);
    assert_eq!(b.contents(), [7]);
}

#[test]
fn a_delta_carries_what_changed_and_a_state_everything() {
    let sent = |sync| {
        let mut group = Shaken::new(Kind::GCounter, sync, 1);
        for key in 0..50 {
            let op = Op::on_key(Verb::Add, key, 1);
            let requester = Requester { process: ProcessId(9), slot: 0, generation: 0, attempt: 0, visit: 0 };
            let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
            group.input(0, |r, out| r.request(Call { requester, op, cause }, out));
            group.run(0);
        }
        let op = Op::on_key(Verb::Add, 7, 1);
        let requester = Requester { process: ProcessId(9), slot: 0, generation: 0, attempt: 0, visit: 0 };
        let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
        group.input(0, |r, out| r.request(Call { requester, op, cause }, out));
        while !group.disk.is_empty() {
            group.sync_one();
        }
        if sync != Sync::Op {
            group.input(0, |r, out| r.timer(Tick, out));
        }
        group.mail.iter().filter(|m| m.0 == 0).map(|m| m.2.bytes()).max().expect("it says something")
    };
    assert_eq!(sent(Sync::State), 8 + 50 * 24);
    assert_eq!(sent(Sync::Delta), 8 + 24);
    assert_eq!(sent(Sync::Op), 16 + 16 + 24);
}

#[test]
fn a_set_that_is_written_as_a_whole_is_a_register() {
    let at = Timestamp { physical: 0, logical: 0 };
    let apply = |value: &mut Value, verb: Verb, what: u64, actor: u64| {
        let delta = value.change(&Op::on_key(verb, 1, what), Actor(actor), at).expect("the type has it");
        value.join(&delta);
    };
    let mut a = Kind::OrSet.bottom();
    apply(&mut a, Verb::SetAdd, 3, 1);
    apply(&mut a, Verb::SetAdd, 4, 1);
    let mut b = a.clone();
    apply(&mut a, Verb::Write, 5, 1);
    assert_eq!(a.contents(), [5]);
    apply(&mut b, Verb::Write, 6, 2);
    a.join(&b);
    // Neither had heard of the other.
    assert_eq!(a.contents(), [5, 6]);
    assert_eq!(a.look(&Op::on_key(Verb::Read, 1, 0)).value, 6);
    apply(&mut a, Verb::Delete, 0, 1);
    assert_eq!((a.contents(), a.look(&Op::on_key(Verb::Read, 1, 0)).value), (vec![], 0));
}
