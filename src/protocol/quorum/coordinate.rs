//! What a replica does for its clients: ask all, wait for enough, answer, and see to the rest.

use super::version::{Version, context, join, winner};
use super::{Msg, Object, PATIENCE, Quorum, RepairMode, SUSPICION, Versions, Wake, wake};
use crate::engine::{Bits, Instant, Span};
use crate::history::Observation;
use crate::protocol::clocks::{Dot, Interval, Timestamp, VectorClock};
use crate::protocol::parts::Members;
use crate::rpc::{Answer, Call, Consistency, Outcome, Verb};
use crate::world::{Counted, Out};

/// Purpose of the draw whether a read repairs; 0 to 5 are others'.
const REPAIR: u64 = 6;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for what replicas have.
    Reading,
    /// It waits until so many have it: a write, a write-back, or a repair before the answer.
    Storing,
    /// It waits until the time of the write has certainly passed.
    Waiting,
    /// The client has its answer; the rest is repair.
    Answered,
}

/// An operation that this replica coordinates.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    call: Call,
    phase: Phase,
    /// Of a write what is to be stored, of a read the join of what was heard.
    object: Object,
    /// What each replica had, and whether on disk.
    heard: Vec<(u32, Object, bool)>,
    /// Whose copies are known to be on disk.
    stored: Members,
    /// Who has been sent the object in the course of a read.
    told: Members,
    /// Whose answers count.
    scope: Members,
    /// How many of them the phase waits for.
    needed: u32,
    /// Of a write: its event.
    dot: Option<Dot>,
    /// Of a write: what those who acknowledged it had seen of the key.
    met: VectorClock,
    /// Of a read: whether it repairs.
    repairs: bool,
}

impl Operation {
    fn new(call: Call, (scope, needed): (Members, u32)) -> Operation {
        Operation {
            call,
            phase: Phase::Reading,
            object: Object::default(),
            heard: Vec::new(),
            stored: Members::NONE,
            told: Members::NONE,
            scope,
            needed,
            dot: None,
            met: VectorClock::default(),
            repairs: false,
        }
    }
    fn is_read(&self) -> bool {
        self.call.op.verb == Verb::Read
    }
}

impl Quorum {
    /// Whose answers count at this consistency, and how many of them; `default` is what the store is set up with.
    fn quorum(&self, consistency: Consistency, default: u32, me: u32) -> (Members, u32) {
        let all = Members::first(self.group.count);
        let near = || {
            let mut near = Members::NONE;
            let mine = self.spec.regions.get(me as usize);
            all.iter().filter(|i| self.spec.regions.get(*i as usize) == mine).for_each(|i| {
                near.insert(i);
            });
            near
        };
        match consistency {
            Consistency::Default => (all, default),
            Consistency::One | Consistency::Follower | Consistency::Bounded(_) => (all, 1),
            Consistency::Quorum | Consistency::Linearizable => (all, self.group.majority()),
            Consistency::All => (all, self.group.count),
            Consistency::LocalOne => (near(), 1),
            Consistency::LocalQuorum => {
                let near = near();
                (near, near.len() / 2 + 1)
            }
        }
    }

    pub(super) fn write(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let (me, key) = (out.index(), call.op.key);
        let of = self.number();
        let at = self.logical.tick(out.now()).unwrap_or_else(|| {
            let latest = match self.spec.versions {
                Versions::Uncertain => Interval::around(out.now(), out.uncertainty()).latest,
                _ => out.now(),
            };
            Timestamp { physical: latest.0, logical: 0 }
        });
        let dot = Dot { writer: me, count: of };
        let held = self.look(key).0;
        let past = if self.spec.versions.is_clock() { VectorClock::default() } else { self.told_of(key, &held, me) };
        let value = if call.op.verb == Verb::Write { call.op.value } else { 0 };
        let version = Version { at, dot, past, value, bytes: call.op.bytes };
        if self.spec.versions.is_clock()
            && let Some(newer) = winner(&held).filter(|newer| newer.supersedes(&version, self.spec.versions))
        {
            // The clock is behind one that wrote here before: this write is lost as it is made.
            out.count(Counted::Conflict, 1);
            out.observe(Observation::Conflict {
                at: out.true_now(),
                object: self.object,
                replica: me,
                key,
                kept: newer.value,
                other: value,
                dropped: true,
            });
        }
        let made: Object = [version].into();
        // What has not been superseded goes along, so that whoever has an event has, or had, all earlier ones.
        let object = if self.spec.versions.is_clock() { made } else { join(&held, &made, self.spec.versions) };
        let quorum = self.quorum(call.op.consistency, self.spec.w, me);
        let operation =
            Operation { phase: Phase::Storing, object: object.clone(), dot: Some(dot), ..Operation::new(call, quorum) };
        self.operations.insert(of, operation);
        if self.spec.wars.is_none() {
            self.keep(key, &object, Some((out.me(), of)), out);
        }
        for to in self.group.all().filter(|to| *to != out.me() || self.spec.wars.is_some()).collect::<Vec<_>>() {
            self.tell(to, Msg::Store { of, key, object: object.clone() }, out);
        }
        wake(Wake::Patience, of, PATIENCE, out);
        if self.sloppy() {
            self.ask_stand_ins(of, out);
            wake(Wake::Suspicion, of, SUSPICION, out);
        }
    }

    /// What clients have been told of: everything here but this coordinator's writes that nobody has an answer to, and
    /// those after them.
    fn told_of(&self, key: u64, held: &Object, me: u32) -> VectorClock {
        let under_way = self.operations.values().filter(|o| o.call.op.key == key && o.phase != Phase::Answered);
        let first = under_way.filter_map(|o| o.dot).map(|dot| dot.count).min().unwrap_or(u64::MAX);
        let told: Object = held.iter().filter(|v| v.dot.writer != me || v.dot.count < first).cloned().collect();
        context(&told)
    }

    pub(super) fn read(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let of = self.number();
        let key = call.op.key;
        let quorum = self.quorum(call.op.consistency, self.spec.r, out.index());
        let repairs = self.spec.read_repair > 0.0 && out.draw(REPAIR, of).chance(self.spec.read_repair);
        self.operations.insert(of, Operation { repairs, ..Operation::new(call, quorum) });
        for to in self.group.all() {
            self.tell(to, Msg::Fetch { of, key }, out);
        }
        wake(Wake::Patience, of, PATIENCE, out);
    }

    /// A replica says what it has.
    pub(super) fn fetched(&mut self, of: u64, who: u32, object: &Object, durable: bool, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get_mut(&of) else { return };
        if operation.heard.iter().any(|(index, ..)| *index == who) {
            return;
        }
        operation.heard.push((who, object.clone(), durable));
        match operation.phase {
            Phase::Reading => {
                operation.object = join(&operation.object, object, self.spec.versions);
                let scope = operation.scope;
                let heard = operation.heard.iter().filter(|(index, ..)| scope.contains(*index)).count();
                if heard as u32 >= operation.needed {
                    self.have_read(of, out);
                }
            }
            // What the client will be told, or others are storing, stays as it is.
            Phase::Storing | Phase::Waiting => {
                if operation.repairs {
                    self.bring_up_to_date(of, out);
                }
            }
            Phase::Answered => {
                let joined = join(&operation.object, object, self.spec.versions);
                if joined != operation.object {
                    (operation.object, operation.told) = (joined, Members::NONE);
                }
                self.bring_up_to_date(of, out);
                self.leave(of);
            }
        }
    }

    /// Enough have answered a read: it is over, or its result must be stored first.
    fn have_read(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get_mut(&of) else { return };
        let object = operation.object.clone();
        let linearizable = operation.call.op.consistency == Consistency::Linearizable;
        let writes_back = (self.spec.write_back || linearizable) && !self.spec.bugs.has("no_write_back");
        let mut holders = Members::NONE;
        let mut agree = true;
        for (index, theirs, durable) in &operation.heard {
            agree &= *theirs == object;
            if *theirs == object && *durable {
                holders.insert(*index);
            }
        }
        operation.stored = holders;
        let needed = if linearizable { self.group.majority() } else { self.spec.w };
        if writes_back && !object.is_empty() && holders.len() < needed {
            (operation.scope, operation.needed) = (Members::first(self.group.count), needed);
        } else if operation.repairs && !agree && self.spec.repair_mode == RepairMode::Blocking {
            // Those who have answered are to have the same before the client has its answer.
            operation.scope = Members::NONE;
            for (index, ..) in &operation.heard {
                operation.scope.insert(*index);
            }
            operation.needed = operation.scope.len();
        } else {
            return self.end(of, out);
        }
        operation.phase = Phase::Storing;
        self.bring_up_to_date(of, out);
        self.stored(of, u32::MAX, &VectorClock::default(), out);
    }

    /// Sends what a read came to to those who are known to lack it; to those who haven't answered too, if it has to be
    /// stored.
    fn bring_up_to_date(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get_mut(&of) else { return };
        let (key, object) = (operation.call.op.key, operation.object.clone());
        let mut behind = Vec::new();
        for index in 0..self.group.count {
            let heard = operation.heard.iter().find(|(i, ..)| *i == index);
            let lacks = match heard {
                Some((_, theirs, durable)) => *theirs != object || !durable && operation.phase == Phase::Storing,
                None => operation.phase == Phase::Storing && operation.scope.contains(index),
            };
            if lacks && operation.told.insert(index) {
                behind.push(index);
            }
        }
        for index in behind {
            out.count(Counted::RepairBytes, super::version::bytes(&object));
            self.tell(self.group.process(index), Msg::Store { of, key, object: object.clone() }, out);
        }
    }

    /// The copy of `home` is on disk; `u32::MAX`: look again whether enough are.
    pub(super) fn stored(&mut self, of: u64, home: u32, met: &VectorClock, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get_mut(&of) else { return };
        operation.met.join(met);
        if home < self.group.count {
            operation.stored.insert(home);
        }
        if operation.phase == Phase::Storing && operation.stored.and(operation.scope).len() >= operation.needed {
            self.end(of, out);
        } else {
            self.leave(of);
        }
    }

    /// Answers the client; with commit wait not before the time of what it wrote or read has certainly passed. Else a
    /// reader could tell somebody of a write whose own write then got an earlier time.
    pub(super) fn end(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get_mut(&of) else { return };
        let version = match operation.dot {
            Some(dot) => operation.object.iter().find(|v| v.dot == dot),
            None => winner(&operation.object),
        };
        if let Some(at) = version.map(|v| Instant(v.at.physical)).filter(|_| self.spec.commit_wait) {
            let now = Interval::around(out.now(), out.uncertainty());
            if !now.after(at) {
                operation.phase = Phase::Waiting;
                return wake(Wake::Waited, of, at.since(now.earliest) + Span::nanos(1), out);
            }
        }
        operation.phase = Phase::Answered;
        if let (Some(dot), Some(version), true) = (operation.dot, version, self.spec.versions.is_clock()) {
            out.observe(Observation::Acknowledged {
                object: self.object,
                key: operation.call.op.key,
                value: version.value,
                event: (dot.writer, dot.count),
                met: operation.met.dots().map(|dot| (dot.writer, dot.count)).collect(),
            });
        }
        let age = version.map_or(0, |v| v.age(self.spec.versions));
        let answer = Answer::value(version.map_or(0, |v| v.value), age);
        let bytes = if operation.is_read() { version.map_or(0, |v| v.bytes) } else { 0 };
        out.answer(&operation.call, Answer { bytes, ..answer });
        if operation.repairs {
            self.bring_up_to_date(of, out);
        }
        self.leave(of);
    }

    /// Drops an operation whose client has its answer and which has nothing left to do.
    fn leave(&mut self, of: u64) {
        let Some(operation) = self.operations.get(&of) else { return };
        let all = self.group.count;
        let waits = if operation.is_read() {
            operation.repairs && (operation.heard.len() as u32) < all
        } else {
            (self.sloppy() || self.spec.hinted_handoff.is_some()) && operation.stored.len() < all
        };
        if operation.phase == Phase::Answered && !waits {
            self.operations.remove(&of);
        }
    }

    /// Some time has passed: whoever has not answered is suspected, and a stand-in keeps its copy.
    pub(super) fn suspect(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get(&of) else { return };
        for index in 0..self.group.count {
            if index != out.index() && !operation.stored.contains(index) {
                self.silent_since[index as usize].get_or_insert(out.now());
            }
        }
        self.ask_stand_ins(of, out);
        wake(Wake::Suspicion, of, SUSPICION, out);
    }

    /// Has others keep the copies of those who have fallen silent.
    fn ask_stand_ins(&mut self, of: u64, out: &mut Out<'_, Self>) {
        for home in 0..self.group.count {
            if self.silent_since[home as usize].is_none() || !self.hints_for(home, out.now()) {
                continue;
            }
            let stand_in = self.stand_in(home);
            let Some(operation) = self.operations.get_mut(&of) else { return };
            // A stand-in that was asked before and hasn't answered is silent by now, so this is another.
            if operation.stored.contains(home) {
                continue;
            }
            let Some(stand_in) = stand_in else { continue };
            let (key, object) = (operation.call.op.key, operation.object.clone());
            self.tell(self.group.process(stand_in), Msg::Hint { of, home, key, object }, out);
        }
    }

    /// The coordinator waits no longer.
    pub(super) fn out_of_patience(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.remove(&of) else { return };
        if operation.phase != Phase::Answered {
            // What has been sent to a replica may be seen yet.
            let definite = operation.is_read();
            out.answer(&operation.call, Answer { definite, ..Answer::of(Outcome::Unavailable) });
        }
        if operation.is_read() {
            return;
        }
        let key = operation.call.op.key;
        for home in 0..self.group.count {
            if home == out.index() || operation.stored.contains(home) {
                continue;
            }
            self.silent_since[home as usize].get_or_insert(out.now());
            if self.spec.hinted_handoff.is_some() && self.hints_for(home, out.now()) {
                self.keep_hint(home, key, &operation.object, None, out);
            }
        }
    }
}
