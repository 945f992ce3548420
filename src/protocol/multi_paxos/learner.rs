//! The learner: what is chosen, in order, to the machine; snapshots; and how a learner that lags catches up.

use std::sync::Arc;

use super::super::parts::Command;
use super::acceptor::After;
use super::{Accepted, Ballot, Msg, MultiPaxos, Record, Snapshot, Suffix};
use crate::history::Observation;
use crate::world::{Out, StateMachine};

/// Slots in one answer to a learner that lags (illustrative).
const LESSON: u64 = 1_000;

impl<M: StateMachine> MultiPaxos<M> {
    /// The leader of `ballot` knows what was chosen up to `chosen`. What this replica accepted in that ballot is that;
    /// what it accepted in another need not be. It asks for what it lacks.
    pub(super) fn learn_from_leader(&mut self, who: u32, ballot: Ballot, chosen: u64, out: &mut Out<'_, Self>) {
        let any = self.spec.bugs.has("chosen_by_number");
        while self.chosen < chosen && self.slots.get(self.chosen + 1).is_some_and(|a| a.ballot == ballot || any) {
            self.chosen += 1;
        }
        self.apply(out);
        if self.chosen < chosen && !self.asked {
            self.asked = true;
            self.send(who, Msg::Learn { chosen: self.chosen }, out);
        }
    }

    /// Teaches what is chosen behind a slot.
    pub(super) fn on_learn(&mut self, who: u32, chosen: u64, out: &mut Out<'_, Self>) {
        if self.chosen > chosen {
            let mut suffix = self.suffix(chosen, LESSON);
            let last = self.chosen.min(suffix.first + suffix.slots.len() as u64 - 1);
            suffix.slots = self.slots.slice(suffix.first, last);
            suffix.chosen = last;
            self.send(who, Msg::Chosen { suffix, chosen: self.chosen }, out);
        }
    }

    pub(super) fn on_chosen(&mut self, who: u32, suffix: Suffix<M>, chosen: u64, out: &mut Out<'_, Self>) {
        self.learn(&suffix, out);
        self.asked = self.chosen < chosen;
        if self.asked {
            self.send(who, Msg::Learn { chosen: self.chosen }, out);
        }
    }

    /// Learns what another replica knows to be chosen.
    pub(super) fn learn(&mut self, suffix: &Suffix<M>, out: &mut Out<'_, Self>) {
        if let Some(snapshot) = &suffix.snapshot
            && snapshot.last > self.chosen
        {
            self.install(snapshot.clone(), out);
        }
        let first = self.chosen + 1;
        if suffix.first > first || suffix.chosen < first {
            return;
        }
        let known = suffix.slots.iter().skip((first - suffix.first) as usize).map_while(Option::as_ref);
        let values: Arc<[Accepted]> = known.take((suffix.chosen - self.chosen) as usize).cloned().collect();
        if values.is_empty() {
            return;
        }
        let fresh = |(slot, value): (u64, &Accepted)| self.slots.get(slot).is_none_or(|a| a.command != value.command);
        let fresh = (first..).zip(values.iter()).any(fresh);
        for (slot, value) in (first..).zip(values.iter()) {
            self.slots.put(slot, value.clone());
        }
        self.chosen += values.len() as u64;
        // It need not: nobody counts on this replica for what was chosen without it. But a proposer needs it again after a
        // crash. What it accepted itself is there; which of it was chosen, it is told anew.
        if fresh {
            self.write(Record::Chosen { first, values }, After::Nothing, out);
        }
        self.apply(out);
    }

    /// Carries out what is chosen.
    pub(super) fn apply(&mut self, out: &mut Out<'_, Self>) {
        let (at, object, replica) = (out.true_now(), self.object, out.index());
        while self.applied < self.chosen {
            let Some(Accepted { ballot, command }) = self.slots.get(self.applied + 1) else { break };
            self.applied += 1;
            let (index, term, entry) = (self.applied, ballot.number(), command.fingerprint());
            out.observe(Observation::Applied { at, object, replica, index, term, entry });
            let Command::Call { gateway, requester, op } = command else { continue };
            let (gateway, requester) = (*gateway, *requester);
            let answer = if self.spec.bugs.has("no_sessions") {
                self.machine.machine_mut().apply(op)
            } else {
                self.machine.apply(requester, op)
            };
            if self.is_leader() {
                self.deliver(gateway, requester, answer, out);
            }
        }
        self.compact(out);
    }

    /// Takes a snapshot if enough has been applied since the last one.
    fn compact(&mut self, out: &mut Out<'_, Self>) {
        let taken = self.snapshot.as_ref().map_or(0, |s| s.last);
        if self.applied - taken < self.spec.snapshot_every {
            return;
        }
        self.snapshot = Some(Arc::new(Snapshot { last: self.applied, machine: self.machine.clone() }));
        self.slots.compact(self.applied - self.spec.snapshot_every / 2);
        out.note("snapshot_taken", self.applied);
        self.write_snapshot(out);
    }

    fn install(&mut self, snapshot: Arc<Snapshot<M>>, out: &mut Out<'_, Self>) {
        self.slots.compact(snapshot.last);
        self.machine = snapshot.machine.clone();
        (self.chosen, self.applied) = (snapshot.last, snapshot.last);
        out.note("snapshot_installed", snapshot.last);
        self.snapshot = Some(snapshot);
        self.write_snapshot(out);
    }

    /// Replaces all that is on disk by the newest snapshot and what was accepted behind it.
    fn write_snapshot(&mut self, out: &mut Out<'_, Self>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let tail = self.slots.slice(snapshot.last + 1, self.slots.last());
        let promised = if self.spec.bugs.has("promise_not_persisted") { Ballot::NONE } else { self.promised };
        let token = self.journal.write(After::Nothing);
        out.checkpoint(Record::Snapshot { promised, snapshot, tail }, token);
    }
}
