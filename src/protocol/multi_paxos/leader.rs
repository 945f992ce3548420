//! The proposer in phase 2: a leader gives each value the next slot, and counts who has accepted it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::super::parts::{Command, Members};
use super::acceptor::After;
use super::{Accepted, Ballot, Msg, MultiPaxos, Record, State, Timer};
use crate::engine::Instant;
use crate::history::Observation;
use crate::world::{Counted, Out, StateMachine};

/// What only a leader knows.
#[derive(Clone, Debug)]
pub(super) struct Leadership {
    /// The last slot that earlier ballots may have chosen something in.
    pub(super) opened: u64,
    /// The next free slot.
    next: u64,
    /// Who has accepted the slots behind what is chosen. Invariant: one set for each slot from `chosen + 1` to `next - 1`.
    acceptances: VecDeque<Members>,
    /// What has no slot yet: it waits for the disk, and goes together.
    pending: VecDeque<Command>,
    /// Whether the leader's own disk still writes.
    flushing: bool,
    /// Slots up to here were sent before the last heartbeat.
    sent: u64,
    peers: Vec<Peer>,
    /// The newest heartbeat, and when each that too few have answered for a lease was sent.
    round: u64,
    rounds: VecDeque<(u64, Instant)>,
    pub(super) lease_until: Instant,
}

#[derive(Clone, Debug)]
struct Peer {
    heard_at: Instant,
    /// The newest heartbeat that it has answered.
    round: u64,
}

/// Leases last this share of the shortest election timeout: the rest is for clocks of different rates.
const LEASE_SHARE: (u64, u64) = (9, 10);

impl<M: StateMachine> MultiPaxos<M> {
    /// Phase 1 is over: leads, and first proposes again what earlier ballots may have chosen.
    pub(super) fn lead(&mut self, again: Vec<Command>, out: &mut Out<'_, Self>) {
        let peer = Peer { heard_at: out.now(), round: 0 };
        let (first, entries) = (self.chosen + 1, again.iter().map(Command::fingerprint).collect());
        self.state = State::Leading(Box::new(Leadership {
            opened: self.chosen + again.len() as u64,
            next: first,
            acceptances: VecDeque::new(),
            pending: again.into(),
            flushing: false,
            sent: self.chosen,
            peers: vec![peer; self.group.count as usize],
            round: 0,
            rounds: VecDeque::new(),
            lease_until: Instant::ZERO,
        }));
        let (at, object, term) = (out.true_now(), self.object, self.promised.number());
        out.disarm(Timer::Election);
        out.note("leader_elected", term);
        out.count(Counted::LeaderChange, 1);
        let replica = out.index();
        out.observe(Observation::Leader { at, object, term, process: replica });
        out.observe(Observation::Adopted { object, replica, term, first, entries });
        self.flush(out);
        self.beat(out);
        self.set_leader(Some(out.index()), out);
    }

    /// Proposes a value in the next slot.
    pub(super) fn propose(&mut self, command: Command, out: &mut Out<'_, Self>) {
        if let State::Leading(leadership) = &mut self.state {
            leadership.pending.push_back(command);
            self.flush(out);
        }
    }

    /// Phase 2a for all that waits, unless the disk is busy with the last ones.
    fn flush(&mut self, out: &mut Out<'_, Self>) {
        let ballot = self.promised;
        while let State::Leading(leadership) = &mut self.state
            && !leadership.pending.is_empty()
            && !leadership.flushing
        {
            let count = leadership.pending.len().min(self.spec.batch as usize);
            let commands: Arc<[Command]> = leadership.pending.drain(..count).collect();
            let (first, last) = (leadership.next, leadership.next + count as u64 - 1);
            leadership.next = last + 1;
            leadership.acceptances.extend(std::iter::repeat_n(Members::NONE, count));
            let frees = leadership.pending.is_empty();
            leadership.flushing = frees;
            for (slot, command) in (first..).zip(commands.iter()) {
                self.slots.put(slot, Accepted { ballot, command: command.clone() });
            }
            let record = Record::Accepted { ballot, first, commands: commands.clone() };
            self.write(record, After::Own { ballot, first, last, frees }, out);
            self.send_to_others(&Msg::Accept { ballot, first, commands, chosen: self.chosen }, out);
        }
    }

    /// The leader's disk is ready for more.
    pub(super) fn on_disk_free(&mut self, ballot: Ballot, out: &mut Out<'_, Self>) {
        if let State::Leading(leadership) = &mut self.state
            && ballot == self.promised
        {
            leadership.flushing = false;
            self.flush(out);
        }
    }

    /// Counts an acceptor; a value is chosen once a phase-2 quorum has accepted it in one ballot.
    pub(super) fn on_accepted(
        &mut self,
        who: u32,
        ballot: Ballot,
        slots: RangeInclusive<u64>,
        out: &mut Out<'_, Self>,
    ) {
        let State::Leading(leadership) = &mut self.state else { return };
        if ballot != self.promised {
            return;
        }
        leadership.peers[who as usize].heard_at = out.now();
        for slot in slots.filter(|slot| *slot > self.chosen) {
            if let Some(acceptors) = leadership.acceptances.get_mut((slot - self.chosen - 1) as usize) {
                acceptors.insert(who);
            }
        }
        let before = self.chosen;
        while leadership.acceptances.front().is_some_and(|a| a.len() >= self.spec.phase2_quorum) {
            leadership.acceptances.pop_front();
            self.chosen += 1;
        }
        if self.chosen > before {
            self.apply(out);
        }
    }

    /// One heartbeat, and what acceptors seem to have missed.
    pub(super) fn beat(&mut self, out: &mut Out<'_, Self>) {
        let (me, now, ballot, chosen) = (out.index(), out.now(), self.promised, self.chosen);
        let State::Leading(leadership) = &mut self.state else { return };
        // A leader that can't get anything chosen is none: it goes on speaking to those who may come back, but others
        // may begin a ballot. It doesn't step down: if more are dead than phase 1 can do without, nobody could follow it.
        let heard = |peer: &Peer| now.since(peer.heard_at) <= self.spec.election_timeout.1;
        let peers = (0..).zip(&leadership.peers).filter(|(who, peer)| *who == me || heard(peer));
        let counts = peers.count() as u32 >= self.spec.phase2_quorum;
        leadership.round += 1;
        let round = if counts { leadership.round } else { 0 };
        if counts {
            leadership.rounds.push_back((round, now));
        }
        let missing = |who: u32| {
            let lacks = |acceptors: &Members| !acceptors.contains(who);
            leadership.acceptances.iter().position(lacks).map(|at| chosen + 1 + at as u64)
        };
        let late = |who: &u32| missing(*who).filter(|slot| *slot <= leadership.sent).map(|slot| (*who, slot));
        let again: Vec<(u32, u64)> =
            (0..self.group.count).filter(|who| *who != me).filter_map(|who| late(&who)).collect();
        let sent = leadership.sent;
        leadership.sent = leadership.next - 1;
        out.arm(Timer::Heartbeat, self.spec.heartbeat);
        self.send_to_others(&Msg::Heartbeat { ballot, chosen, round }, out);
        for (who, first) in again {
            let last = sent.min(first + u64::from(self.spec.batch) - 1);
            let commands = (first..=last).map_while(|slot| self.slots.get(slot)).map(|a| a.command.clone()).collect();
            self.send(who, Msg::Accept { ballot, first, commands, chosen }, out);
        }
        self.extend_lease(out);
    }

    /// A leader is there.
    pub(super) fn on_heartbeat(&mut self, who: u32, ballot: Ballot, chosen: u64, round: u64, out: &mut Out<'_, Self>) {
        if !self.hear(who, ballot, out) {
            return;
        }
        if round > 0 {
            self.count_on_leader(out);
        }
        self.send(who, Msg::Heard { ballot, round }, out);
        self.asked = false;
        self.learn_from_leader(who, ballot, chosen, out);
    }

    pub(super) fn on_heard(&mut self, who: u32, ballot: Ballot, round: u64, out: &mut Out<'_, Self>) {
        if ballot != self.promised {
            return;
        }
        if let State::Leading(leadership) = &mut self.state {
            let peer = &mut leadership.peers[who as usize];
            peer.heard_at = out.now();
            peer.round = peer.round.max(round);
            self.extend_lease(out);
        }
    }

    /// A lease lasts from a heartbeat on that so many have answered that each phase-1 quorum has one of them.
    fn extend_lease(&mut self, out: &mut Out<'_, Self>) {
        let State::Leading(leadership) = &mut self.state else { return };
        let me = out.index();
        let holders =
            if self.spec.bugs.has("lease_of_one") { 1 } else { self.group.count - self.spec.phase1_quorum + 1 };
        while let Some((round, began)) = leadership.rounds.front().copied() {
            let answered = (0..).zip(&leadership.peers).filter(|(who, peer)| *who == me || peer.round >= round);
            if (answered.count() as u32) < holders {
                return;
            }
            leadership.rounds.pop_front();
            let until = began + self.spec.election_timeout.0 * LEASE_SHARE.0 / LEASE_SHARE.1;
            leadership.lease_until = leadership.lease_until.max(until);
        }
    }

    /// Whether nobody else can lead, and it knows what was chosen before it did.
    pub(super) fn holds_lease(&self, now: Instant) -> bool {
        let State::Leading(leadership) = &self.state else { return false };
        now < leadership.lease_until && self.applied >= leadership.opened
    }
}
