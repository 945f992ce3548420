//! The acceptor: promises, accepted values, and its way to the disk. What it says, its disk has.

use std::sync::Arc;

use super::super::parts::Command;
use super::{Accepted, Ballot, Msg, MultiPaxos, Record, Slots, State, Suffix};
use crate::engine::Instant;
use crate::world::{Out, StateMachine};

/// What follows when a write and all before it are durable.
#[derive(Clone, Debug)]
pub(super) enum After<M> {
    Nothing,
    /// Its own promise: it asks for the others'.
    Prepare(Ballot),
    /// Its own ballot was overtaken by this one.
    AnswerBack(Ballot),
    /// To be said, if it still stands by this ballot.
    Say {
        to: u32,
        ballot: Ballot,
        msg: Msg<M>,
    },
    /// The leader's own acceptor has these slots; the last ones of a flush free the disk for more.
    Own {
        ballot: Ballot,
        first: u64,
        last: u64,
        frees: bool,
    },
}

impl<M: StateMachine> MultiPaxos<M> {
    /// Writes the newest promise down; what depends on it comes after.
    pub(super) fn write_promise(&mut self, after: After<M>, out: &mut Out<'_, Self>) {
        let token = self.journal.write(after);
        if self.spec.bugs.has("promise_not_persisted") {
            self.journal.synced(token);
            self.follow_up(out);
        } else {
            out.persist(Record::Promised(self.promised), token);
        }
    }

    pub(super) fn write(&mut self, record: Record<M>, after: After<M>, out: &mut Out<'_, Self>) {
        let token = self.journal.write(after);
        out.persist(record, token);
    }

    /// Says something that rests on what is on its way to the disk.
    fn say(&mut self, to: u32, ballot: Ballot, msg: Msg<M>, out: &mut Out<'_, Self>) {
        let token = self.journal.write(After::Say { to, ballot, msg });
        self.journal.synced(token);
        self.follow_up(out);
    }

    pub(super) fn follow_up(&mut self, out: &mut Out<'_, Self>) {
        while let Some(after) = self.journal.take_next() {
            match after {
                After::Nothing => {}
                After::Prepare(ballot) => self.ask_for_promises(ballot, out),
                After::AnswerBack(ballot) => {
                    if ballot == self.promised && matches!(self.state, State::Follower) {
                        self.answer_back(out);
                    }
                }
                After::Say { to, ballot, msg } => {
                    if ballot == self.promised {
                        self.send(to, msg, out);
                    }
                }
                After::Own { ballot, first, last, frees } => {
                    self.on_accepted(out.index(), ballot, first..=last, out);
                    if frees {
                        self.on_disk_free(ballot, out);
                    }
                }
            }
        }
    }

    /// Moves on to a later ballot; the record of it is the caller's.
    pub(super) fn promise(&mut self, ballot: Ballot, out: &mut Out<'_, Self>) {
        self.promised = ballot;
        self.seen = self.seen.max(ballot);
        self.follow(out);
    }

    /// Phase 1b.
    pub(super) fn on_prepare(&mut self, who: u32, ballot: Ballot, chosen: u64, out: &mut Out<'_, Self>) {
        if ballot < self.promised {
            self.send(who, Msg::Nack { promised: self.promised }, out);
            return;
        }
        if ballot > self.promised && self.holds_back(out.now()) {
            return;
        }
        let later = ballot > self.promised;
        let overtaken = later && !matches!(self.state, State::Follower);
        if later {
            self.promise(ballot, out);
            // Its proposer has as long as a leader would have.
            self.arm_election(out);
        }
        let msg = Msg::Promise { ballot, suffix: self.suffix(chosen, u64::MAX) };
        if later {
            self.write_promise(After::Say { to: who, ballot, msg }, out);
        } else {
            self.say(who, ballot, msg, out);
        }
        if overtaken {
            // What it has promised it says first: its acceptor is no part of the quarrel.
            let token = self.journal.write(After::AnswerBack(ballot));
            self.journal.synced(token);
            self.follow_up(out);
        }
    }

    /// What it has accepted behind a slot, `count` slots at most; a snapshot if it no longer has the next one.
    pub(super) fn suffix(&self, after: u64, count: u64) -> Suffix<M> {
        let snapshot = self.snapshot.as_ref().filter(|_| after < self.slots.base()).cloned();
        let after = snapshot.as_ref().map_or(after, |s| s.last);
        let last = after.saturating_add(count).min(self.slots.last());
        Suffix { snapshot, first: after + 1, slots: self.slots.slice(after + 1, last), chosen: self.chosen }
    }

    /// Whether a leader has its word that it takes part in no later ballot yet.
    pub(super) fn holds_back(&self, now: Instant) -> bool {
        let leases = self.spec.reads == super::Reads::Lease;
        // A clock that was set back says nothing.
        let heard = self.heard_at.is_some_and(|at| at <= now && now.since(at) < self.spec.election_timeout.0);
        let leads = matches!(&self.state, State::Leading(leadership) if now < leadership.lease_until);
        leases && (heard || leads)
    }

    /// A message of a leader: whether this replica takes part in its ballot. Otherwise the leader is told why.
    pub(super) fn hear(&mut self, who: u32, ballot: Ballot, out: &mut Out<'_, Self>) -> bool {
        if ballot < self.promised {
            self.send(who, Msg::Nack { promised: self.promised }, out);
            return false;
        }
        if ballot > self.promised {
            self.promise(ballot, out);
            self.write_promise(After::Nothing, out);
        }
        self.set_leader(Some(who), out);
        true
    }

    /// The leader does its duty.
    pub(super) fn count_on_leader(&mut self, out: &mut Out<'_, Self>) {
        self.heard_at = Some(out.now());
        self.arm_election(out);
    }

    /// Phase 2b.
    pub(super) fn on_accept(
        &mut self,
        who: u32,
        ballot: Ballot,
        first: u64,
        commands: Arc<[Command]>,
        chosen: u64,
        out: &mut Out<'_, Self>,
    ) {
        if !self.hear(who, ballot, out) {
            return;
        }
        let last = first + commands.len() as u64 - 1;
        let accepted = Msg::Accepted { ballot, first, last };
        // What it knows to be chosen is what the leader proposes there; of what it has in this ballot it was sent a copy.
        let fresh = |slot: &u64| *slot > self.chosen && self.slots.get(*slot).is_none_or(|a| a.ballot != ballot);
        if (first..=last).any(|slot| fresh(&slot)) {
            for (slot, command) in (first..).zip(commands.iter()) {
                if slot > self.chosen {
                    self.slots.put(slot, Accepted { ballot, command: command.clone() });
                }
            }
            let after = After::Say { to: who, ballot, msg: accepted };
            self.write(Record::Accepted { ballot, first, commands }, after, out);
        } else {
            self.say(who, ballot, accepted, out);
        }
        self.learn_from_leader(who, ballot, chosen, out);
    }

    /// Reads back what the disk kept. Each record stands alone: what a power loss took, nobody was told of.
    pub(super) fn recover(&mut self, records: &[Record<M>]) {
        for record in records {
            match record {
                Record::Promised(ballot) => self.promised = self.promised.max(*ballot),
                Record::Accepted { ballot, first, commands } => {
                    self.promised = self.promised.max(*ballot);
                    for (slot, command) in (*first..).zip(commands.iter()) {
                        self.slots.put(slot, Accepted { ballot: *ballot, command: command.clone() });
                    }
                }
                Record::Chosen { first, values } => {
                    for (slot, value) in (*first..).zip(values.iter()) {
                        self.slots.put(slot, value.clone());
                    }
                }
                Record::Snapshot { promised, snapshot, tail } => {
                    self.promised = *promised;
                    self.slots = Slots::default();
                    self.slots.compact(snapshot.last);
                    for (slot, value) in (snapshot.last + 1..).zip(tail.iter()) {
                        if let Some(value) = value {
                            self.slots.put(slot, value.clone());
                        }
                    }
                    self.snapshot = Some(snapshot.clone());
                }
            }
        }
        if let Some(snapshot) = &self.snapshot {
            self.machine = snapshot.machine.clone();
            (self.chosen, self.applied) = (snapshot.last, snapshot.last);
        }
        self.seen = self.promised;
    }
}
