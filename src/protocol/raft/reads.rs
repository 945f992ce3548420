//! Reads outside the log (dissertation, 6.4): read index, leases, reads at followers.

use super::{Msg, Raft, Reads, Requester, State};
use crate::engine::Span;
use crate::rpc::{Consistency, Op};
use crate::world::{Out, StateMachine};

/// A read that the leader serves, in the order of arrival: rounds and indexes only grow.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// The round of heartbeats that must be confirmed; it began after the read arrived.
    round: u64,
    /// What must be applied.
    index: u64,
    gateway: u32,
    requester: Requester,
    /// `None` if the gateway answers by itself, at `index`.
    op: Option<Op>,
}

/// Leases last this share of the shortest election timeout: the rest is for clocks of different rates.
const LEASE_SHARE: (u64, u64) = (9, 10);

impl<M: StateMachine> Raft<M> {
    /// How a read is to be served.
    pub(super) fn reads(&self, op: &Op) -> Reads {
        match op.consistency {
            Consistency::Linearizable | Consistency::Quorum | Consistency::All if self.spec.reads == Reads::Lease => {
                // No assumption about clocks.
                Reads::ReadIndex
            }
            _ => self.spec.reads,
        }
    }

    /// Whether any replica may answer from what it has.
    pub(super) fn is_stale_enough(&self, op: &Op, out: &Out<'_, Self>) -> bool {
        match op.consistency {
            Consistency::One | Consistency::LocalOne | Consistency::Follower => true,
            Consistency::Bounded(ms) => {
                let bound = Span::millis(u64::from(ms));
                self.heard_at.is_some_and(|at| at <= out.now() && out.now().since(at) <= bound)
            }
            _ => false,
        }
    }

    /// Serves a read as the leader; without `op`, says at which index the gateway may.
    pub(super) fn read(&mut self, gateway: u32, requester: Requester, op: Option<Op>, out: &mut Out<'_, Self>) {
        let mode = op.as_ref().map_or(Reads::Follower, |op| self.reads(op));
        let (local, early) = (self.spec.bugs.has("local_reads"), self.spec.bugs.has("read_index_before_commit"));
        let State::Leader(leadership) = &mut self.state else { return };
        // Before it has committed in its own term, a leader doesn't know what is committed: its first entry bounds it.
        let index = if early { self.commit } else { self.commit.max(leadership.opened) };
        let leased = mode == Reads::Lease
            && out.now() < leadership.lease_until
            && !leadership.lease_barred
            && self.applied >= index;
        let round = leadership.round + 1;
        let read = Read { round, index, gateway, requester, op };
        if local || leased {
            self.serve(read, out);
            return;
        }
        leadership.reads.push_back(read);
        // One round at a time: reads that arrive meanwhile share the next.
        if leadership.confirmed == leadership.round || leadership.reads.len() == 1 {
            self.beat(out);
        }
    }

    /// Counts who has answered which round.
    pub(super) fn confirm(&mut self, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &self.state else { return };
        if leadership.confirmed == leadership.round {
            return;
        }
        let me = out.index();
        let answered = |v: u32| if v == me { leadership.round } else { leadership.progress[v as usize].round };
        let confirmed = self.configs.latest().reached(answered);
        let State::Leader(leadership) = &mut self.state else { return };
        if confirmed <= leadership.confirmed {
            return;
        }
        leadership.confirmed = confirmed;
        let (shortest, longest) = self.spec.election_timeout;
        while let Some((round, began)) = leadership.rounds.front().copied()
            && round <= confirmed
        {
            leadership.rounds.pop_front();
            let until = if self.spec.bugs.has("lease_under_drift") {
                out.now() + longest
            } else {
                began + shortest * LEASE_SHARE.0 / LEASE_SHARE.1
            };
            leadership.lease_until = leadership.lease_until.max(until);
        }
        let waits = leadership.reads.back().is_some_and(|read| read.round > leadership.round);
        self.serve_reads(out);
        if waits {
            self.beat(out);
        }
    }

    /// Serves the reads whose round is confirmed and whose index is applied.
    pub(super) fn serve_reads(&mut self, out: &mut Out<'_, Self>) {
        while let State::Leader(leadership) = &mut self.state
            && let Some(read) = leadership.reads.front()
            && read.round <= leadership.confirmed
            && read.index <= self.applied
        {
            let read = leadership.reads.pop_front().expect("it was there");
            self.serve(read, out);
        }
    }

    fn serve(&mut self, read: Read, out: &mut Out<'_, Self>) {
        match read.op {
            Some(op) => {
                let answer = self.machine.machine_mut().apply(&op);
                self.deliver(read.gateway, read.requester, answer, out);
            }
            None => {
                let msg = Msg::ReadAt { requester: read.requester, term: self.term, index: read.index };
                self.send(read.gateway, msg, out);
            }
        }
    }

    pub(super) fn on_read_index(&mut self, who: u32, requester: Requester, out: &mut Out<'_, Self>) {
        self.read(who, requester, None, out);
    }

    pub(super) fn on_read_at(&mut self, requester: Requester, term: u64, index: u64, out: &mut Out<'_, Self>) {
        if self.gateway.op(requester).is_none() {
            return;
        }
        self.waiting.insert((index, requester));
        if term == self.term {
            self.learn_commit(index.min(self.verified), out);
        }
        self.serve_waiting(out);
    }

    /// Answers the reads that waited for this replica to catch up.
    pub(super) fn serve_waiting(&mut self, out: &mut Out<'_, Self>) {
        while let Some((index, requester)) = self.waiting.first().copied()
            && index <= self.applied
        {
            self.waiting.pop_first();
            let Some(op) = self.gateway.op(requester) else { continue };
            let answer = self.machine.machine_mut().apply(op);
            self.end(requester, answer, out);
        }
    }
}
