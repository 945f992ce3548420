//! The proposer in phase 2: a leader gives each value the next slot, and counts who has accepted it.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::super::parts::{Command, Members};
use super::acceptor::After;
use super::{Accepted, Ballot, Msg, MultiPaxos, Record, State, Timer};
use crate::engine::{Instant, Span};
use crate::history::Observation;
use crate::rpc::Requester;
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
    /// Requests that are pending, or in a slot that isn't chosen: gateways hand them over to each new leader, and
    /// proposers that overtake one another would propose them ever more often.
    proposed: BTreeSet<Requester>,
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
    /// `Accept`s that may be sent again at one heartbeat.
    window: u32,
    /// The last slot that was sent again in a window, and when. 0: none that the acceptor lacks.
    resent: (u64, Instant),
}

/// The widest window of `Accept`s that are sent again at one heartbeat (illustrative).
const WINDOW: u32 = 256;

/// Leases last this share of the shortest election timeout: the rest is for clocks of different rates.
const LEASE_SHARE: (u64, u64) = (9, 10);

impl Leadership {
    /// The slots to be sent again to an acceptor, by `Accept`: of those that were sent before the last heartbeat, the ones
    /// that it has not acknowledged. Always the first of these; more, and twice as many each time, if it has acknowledged
    /// all that was sent again last, else it would never catch up with clients who ask for more than a batch a heartbeat.
    /// An acceptor that still lacks some after `patience` gets the same again, in a window half as wide.
    fn again(&mut self, who: u32, chosen: u64, batch: u64, patience: Span, now: Instant) -> Vec<RangeInclusive<u64>> {
        let peer = &mut self.peers[who as usize];
        let slots = (chosen + 1..=self.sent).zip(&self.acceptances);
        let mut lacking = slots.filter(|(_, acceptors)| !acceptors.contains(who)).map(|(slot, _)| slot).peekable();
        let Some(&first) = lacking.peek() else {
            (peer.window, peer.resent) = (1, (0, now));
            return Vec::new();
        };
        let acknowledged = first > peer.resent.0;
        let overdue = !acknowledged && now.since(peer.resent.1) >= patience;
        if overdue {
            // It has been doubled since.
            peer.window = (peer.window / 4).max(1);
        }
        let whole = acknowledged || overdue;
        let most = if whole { peer.window as usize } else { 1 };
        let mut again: Vec<RangeInclusive<u64>> = Vec::new();
        for slot in lacking {
            if again.last().is_none_or(|range| slot > *range.end()) {
                if again.len() == most {
                    break;
                }
                again.push(slot..=self.sent.min(slot + batch - 1));
            }
        }
        if whole {
            peer.resent = (again.last().map_or(0, |range| *range.end()), now);
            peer.window = (peer.window * 2).min(WINDOW);
        }
        again
    }
}

fn requester_of(command: &Command) -> Option<Requester> {
    match command {
        Command::Call { requester, .. } => Some(*requester),
        _ => None,
    }
}

impl<M: StateMachine> MultiPaxos<M> {
    /// Phase 1 is over: leads, and first proposes again what earlier ballots may have chosen.
    pub(super) fn lead(&mut self, again: Vec<Command>, out: &mut Out<'_, Self>) {
        let peer = Peer { heard_at: out.now(), round: 0, window: 1, resent: (0, Instant::ZERO) };
        let (first, entries) = (self.chosen + 1, again.iter().map(Command::fingerprint).collect());
        let proposed = again.iter().filter_map(requester_of).collect();
        self.state = State::Leading(Box::new(Leadership {
            opened: self.chosen + again.len() as u64,
            next: first,
            acceptances: VecDeque::new(),
            pending: again.into(),
            proposed,
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

    /// Proposes a value in the next slot, unless it has been proposed and isn't chosen yet.
    pub(super) fn propose(&mut self, command: Command, out: &mut Out<'_, Self>) {
        if let State::Leading(leadership) = &mut self.state
            && requester_of(&command).is_none_or(|requester| leadership.proposed.insert(requester))
        {
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
            if let Some(requester) = self.slots.get(self.chosen).and_then(|accepted| requester_of(&accepted.command)) {
                leadership.proposed.remove(&requester);
            }
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
        let (batch, patience) = (u64::from(self.spec.batch), self.spec.election_timeout.0);
        let mut again = Vec::new();
        for who in (0..self.group.count).filter(|who| *who != me) {
            again.extend(leadership.again(who, chosen, batch, patience, now).into_iter().map(|slots| (who, slots)));
        }
        leadership.sent = leadership.next - 1;
        out.arm(Timer::Heartbeat, self.spec.heartbeat);
        self.send_to_others(&Msg::Heartbeat { ballot, chosen, round }, out);
        for (who, slots) in again {
            let first = *slots.start();
            let commands = slots.map_while(|slot| self.slots.get(slot)).map(|a| a.command.clone()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A leader of two acceptors that has sent the slots up to `sent`.
    fn leadership(sent: u64) -> Leadership {
        let peer = Peer { heard_at: Instant::ZERO, round: 0, window: 1, resent: (0, Instant::ZERO) };
        Leadership {
            opened: 0,
            next: sent + 1,
            acceptances: (0..sent).map(|_| Members::NONE).collect(),
            pending: VecDeque::new(),
            proposed: BTreeSet::new(),
            flushing: false,
            sent,
            peers: vec![peer; 2],
            round: 0,
            rounds: VecDeque::new(),
            lease_until: Instant::ZERO,
        }
    }

    impl Leadership {
        fn beat(&mut self, batch: u64, at_ms: u64) -> Vec<RangeInclusive<u64>> {
            self.again(1, 0, batch, Span::millis(150), Instant(at_ms * 1_000_000))
        }
        fn acknowledge(&mut self, slots: RangeInclusive<u64>) {
            for slot in slots {
                self.acceptances[slot as usize - 1].insert(1);
            }
        }
    }

    #[test]
    fn who_acknowledges_all_that_was_sent_again_is_sent_twice_as_much() {
        let mut leadership = leadership(100);
        assert_eq!(leadership.beat(2, 0), [1..=2]);
        leadership.acknowledge(1..=2);
        assert_eq!(leadership.beat(2, 50), [3..=4, 5..=6]);
        // Not all of it yet: what comes first goes again alone.
        leadership.acknowledge(3..=4);
        assert_eq!(leadership.beat(2, 100), [5..=6]);
        leadership.acknowledge(5..=6);
        assert_eq!(leadership.beat(2, 150), [7..=8, 9..=10, 11..=12, 13..=14]);
        leadership.acknowledge(7..=100);
        assert_eq!(leadership.beat(2, 200), []);
    }

    #[test]
    fn who_keeps_silent_is_sent_half_as_much_until_it_is_one_message_a_heartbeat() {
        let mut leadership = leadership(10_000);
        let mut slots = 1;
        for _ in 0..5 {
            slots = *leadership.beat(1, 0).last().expect("it lacks some").end();
            leadership.acknowledge(1..=slots);
        }
        let counts = [0, 50, 100, 150, 200, 300, 450, 600, 750, 900, 1050].map(|ms| leadership.beat(1, ms).len());
        assert_eq!((slots, counts), (31, [32, 1, 1, 16, 1, 8, 4, 2, 1, 1, 1]));
    }

    #[test]
    fn what_an_acceptor_has_is_not_sent_again_unless_it_shares_a_message() {
        let mut leadership = leadership(9);
        (leadership.peers[1].window, leadership.peers[1].resent) = (4, (0, Instant::ZERO));
        leadership.acknowledge(2..=2);
        leadership.acknowledge(4..=6);
        assert_eq!(leadership.beat(3, 0), [1..=3, 7..=9]);
    }
}
