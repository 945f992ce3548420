//! What one replica does for others: keep, look, remember, forget.

use super::version::{Version, fingerprint, join, winner};
use super::{Conflict, Msg, Object, Quorum, Record};
use crate::engine::{Instant, ProcessId, Span};
use crate::history::Observation;
use crate::protocol::clocks::{Dot, VectorClock};
use crate::rpc::Token;
use crate::world::{Counted, Out};

/// What a replica has of a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) object: Object,
    /// The last write to disk that is under way; 0 = none.
    pub(super) writing: u64,
}

/// A write to disk under way, and who waits for it.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    /// The key, unless it is a hint.
    pub(super) key: Option<u64>,
    /// Coordinator, its operation, and whose copy it is.
    pub(super) waiting: Vec<(ProcessId, u64, u32)>,
}

impl Quorum {
    /// What is here of a key, and whether the disk has it.
    pub(super) fn look(&self, key: u64) -> (Object, bool) {
        self.held.get(&key).map_or_else(|| (Object::default(), true), |held| (held.object.clone(), held.writing == 0))
    }

    /// Keeps an object beside what is here, and acknowledges it once it is on disk.
    pub(super) fn keep(
        &mut self,
        key: u64,
        object: &Object,
        waiting: Option<(ProcessId, u64)>,
        out: &mut Out<'_, Self>,
    ) {
        let me = out.index();
        let held = self.held.get(&key).cloned().unwrap_or_default();
        self.meet(key, object);
        // A version comes first-hand under its coordinator's own number.
        let first_hand = waiting.is_some_and(|(from, of)| {
            let dot = Dot { writer: self.group.index(from), count: of };
            object.iter().any(|v| v.dot == dot)
        });
        if !first_hand {
            self.report_merge(key, &held.object, object, out);
        }
        let joined = join(&held.object, object, self.spec.versions);
        let dead = self.may_be_forgotten(&joined).is_some_and(|at| at <= out.now());
        if joined == held.object || dead && held.object.is_empty() {
            let Some((to, of)) = waiting else { return };
            // Known is not yet durable: whoever stores the same again waits for the disk as well.
            match self.writing.get_mut(&held.writing) {
                Some(writing) if !self.spec.bugs.has("ack_before_disk") => writing.waiting.push((to, of, me)),
                _ => {
                    let met = self.met(Some(key));
                    self.tell(to, Msg::Stored { of, home: me, met }, out);
                }
            }
            return;
        }
        self.report_conflict(key, &held.object, &joined, out);
        if let Some(tree) = &mut self.tree {
            let before = if held.object.is_empty() { 0 } else { fingerprint(key, &held.object) };
            tree.change(key, before, fingerprint(key, &joined));
        }
        let writing = self.number();
        self.held.insert(key, Held { object: joined.clone(), writing });
        if dead {
            self.forget(key);
        } else if let Some(at) = self.may_be_forgotten(&joined) {
            self.graves.insert((at, key));
        }
        let waiting = waiting.map(|(to, of)| (to, of, me));
        self.persist(Some(key), Record::Object { key, object: joined }, writing, waiting, out);
    }

    /// Writes a record, and acknowledges it when it is on disk; or before, if so told.
    pub(super) fn persist(
        &mut self,
        key: Option<u64>,
        record: Record,
        token: u64,
        waiting: Option<(ProcessId, u64, u32)>,
        out: &mut Out<'_, Self>,
    ) {
        let mut writing = Writing { key, waiting: waiting.into_iter().collect() };
        if self.spec.bugs.has("ack_before_disk") {
            for (to, of, home) in std::mem::take(&mut writing.waiting) {
                let met = self.met(key);
                self.tell(to, Msg::Stored { of, home, met }, out);
            }
        }
        self.writing.insert(token, writing);
        out.persist(record, Token(token));
    }

    /// A record is on disk.
    pub(super) fn written(&mut self, token: u64, out: &mut Out<'_, Self>) {
        let Some(Writing { key, waiting }) = self.writing.remove(&token) else { return };
        if let Some(held) = key.and_then(|key| self.held.get_mut(&key))
            && held.writing == token
        {
            held.writing = 0;
        }
        for (to, of, home) in waiting {
            let met = self.met(key);
            self.tell(to, Msg::Stored { of, home, met }, out);
        }
    }

    /// At the start: what the disk has.
    pub(super) fn recall(&mut self, key: u64, object: &Object, out: &Out<'_, Self>) {
        let held = self.held.entry(key).or_default();
        let before = std::mem::replace(&mut held.object, object.clone());
        if let Some(tree) = &mut self.tree {
            let before = if before.is_empty() { 0 } else { fingerprint(key, &before) };
            tree.change(key, before, fingerprint(key, object));
        }
        if let Some(latest) = winner(object) {
            self.logical.receive(latest.at, out.now());
        }
        if let Some(at) = self.may_be_forgotten(object) {
            self.graves.insert((at, key));
        }
    }

    /// From when on an object that is nothing but tombstones may be forgotten.
    fn may_be_forgotten(&self, object: &Object) -> Option<Instant> {
        if object.is_empty() || !object.iter().all(Version::is_tombstone) {
            return None;
        }
        let grace = if self.spec.bugs.has("resurrect") { Span::ZERO } else { self.spec.tombstones };
        object.iter().map(|v| Instant(v.at.physical) + grace).max()
    }

    /// Forgets tombstones whose time has come.
    pub(super) fn bury(&mut self, out: &Out<'_, Self>) {
        while let Some((at, key)) = self.graves.first().copied().filter(|(at, _)| *at <= out.now()) {
            self.graves.pop_first();
            let object = self.look(key).0;
            if self.may_be_forgotten(&object) == Some(at) {
                self.forget(key);
            }
        }
    }

    fn forget(&mut self, key: u64) {
        if let (Some(held), Some(tree)) = (self.held.remove(&key), &mut self.tree) {
            tree.change(key, fingerprint(key, &held.object), 0);
        }
    }

    /// Notes that versions of a key have been here, if they don't say themselves what they know of.
    fn meet(&mut self, key: u64, object: &Object) {
        if self.spec.versions.is_clock() {
            let met = self.met.entry(key).or_default();
            object.iter().for_each(|v| met.add(v.dot));
        }
    }

    fn met(&self, key: Option<u64>) -> VectorClock {
        key.and_then(|key| self.met.get(&key).cloned()).unwrap_or_default()
    }

    /// Says so if of two versions that a hint or repair brings together the clock drops one.
    fn report_merge(&self, key: u64, a: &Object, b: &Object, out: &mut Out<'_, Self>) {
        let ([a], [b]) = (a.as_ref(), b.as_ref()) else { return };
        if a.dot == b.dot || !self.spec.versions.is_clock() {
            return;
        }
        let (kept, dropped) = if a.supersedes(b, self.spec.versions) { (a, b) } else { (b, a) };
        let (at, object, replica) = (out.true_now(), self.object, out.index());
        out.observe(Observation::Merged { at, object, replica, key, kept: kept.value, dropped: dropped.value });
    }

    /// Says so if versions that don't know of each other have met here.
    fn report_conflict(&self, key: u64, before: &Object, after: &Object, out: &mut Out<'_, Self>) {
        if after.len() < 2 || after.len() <= before.len() || self.spec.conflict == Conflict::LastWriteWins {
            return;
        }
        let Some(kept) = winner(after) else { return };
        let Some(other) = after.iter().rev().find(|v| v.dot != kept.dot) else { return };
        out.count(Counted::Conflict, 1);
        out.observe(Observation::Conflict {
            at: out.true_now(),
            object: self.object,
            replica: out.index(),
            key,
            kept: kept.value,
            other: other.value,
            dropped: false,
        });
    }
}
