//! The proposer in phase 1: ballots, promises, and what a leader-to-be must propose again.

use super::super::parts::Command;
use super::acceptor::After;
use super::{Accepted, Ballot, Msg, MultiPaxos, Preempted, Preparation, State, Suffix, Timer};
use crate::engine::Span;
use crate::engine::random::Bits as _;
use crate::world::{Out, StateMachine};

/// Addresses the draws of election timeouts.
const TIMEOUTS: u64 = 1;

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn arm_election(&mut self, out: &mut Out<'_, Self>) {
        let (shortest, longest) = self.spec.election_timeout;
        self.draws += 1;
        let more = out.draw(TIMEOUTS, self.draws).below((longest - shortest).0 + 1);
        out.arm(Timer::Election, shortest + Span(more));
    }

    /// The leader is silent, or promises don't come.
    pub(super) fn on_election_timeout(&mut self, out: &mut Out<'_, Self>) {
        if self.is_leader() {
            return;
        }
        // Its own acceptor keeps its word too, should the clock have been set.
        if self.holds_back(out.now()) {
            self.arm_election(out);
            return;
        }
        self.begin_ballot(out);
    }

    /// Begins a ballot above all that it knows of: first with a promise of its own.
    fn begin_ballot(&mut self, out: &mut Out<'_, Self>) {
        let ballot = Ballot { round: self.promised.max(self.seen).round + 1, proposer: out.index() };
        self.promise(ballot, out);
        self.state = State::Preparing(Preparation::default());
        out.note("election_started", ballot.number());
        self.arm_election(out);
        self.write_promise(After::Prepare(ballot), out);
    }

    /// Phase 1a.
    pub(super) fn ask_for_promises(&mut self, ballot: Ballot, out: &mut Out<'_, Self>) {
        if ballot != self.promised || !matches!(self.state, State::Preparing(_)) {
            return;
        }
        self.send_to_others(&Msg::Prepare { ballot, chosen: self.chosen }, out);
        self.count_promise(out.index(), out);
    }

    pub(super) fn on_promise(&mut self, who: u32, ballot: Ballot, suffix: Suffix<M>, out: &mut Out<'_, Self>) {
        if ballot != self.promised || !matches!(self.state, State::Preparing(_)) {
            return;
        }
        let State::Preparing(preparation) = &mut self.state else { return };
        for (slot, accepted) in (suffix.first..).zip(suffix.slots.iter()) {
            if let Some(accepted) = accepted {
                let best = preparation.found.entry(slot).or_insert_with(|| accepted.clone());
                if accepted.ballot > best.ballot {
                    *best = accepted.clone();
                }
            }
        }
        self.learn(&suffix, out);
        self.count_promise(who, out);
    }

    fn count_promise(&mut self, who: u32, out: &mut Out<'_, Self>) {
        let needed = if self.spec.bugs.has("non_intersecting_quorums") {
            (self.group.count - self.spec.phase2_quorum).max(1)
        } else {
            self.spec.phase1_quorum
        };
        let State::Preparing(preparation) = &mut self.state else { return };
        preparation.promises.insert(who);
        if preparation.promises.len() >= needed {
            let again = self.proposals();
            self.lead(again, out);
        }
    }

    /// For each slot behind what is known to be chosen: the value of the highest ballot that a promise reports (P2c), a
    /// no-op if none reports any.
    fn proposals(&self) -> Vec<Command> {
        let State::Preparing(preparation) = &self.state else { return Vec::new() };
        if self.spec.bugs.has("ignore_accepted") {
            return Vec::new();
        }
        let last = preparation.found.last_key_value().map_or(0, |(slot, _)| *slot).max(self.slots.last());
        let best = |slot: u64| {
            let values = [preparation.found.get(&slot), self.slots.get(slot)].into_iter().flatten();
            values.max_by_key(|accepted| accepted.ballot).map(|accepted: &Accepted| accepted.command.clone())
        };
        (self.chosen + 1..=last).map(|slot| best(slot).unwrap_or(Command::NoOp)).collect()
    }

    /// There is a later ballot: whoever has it may be ahead.
    pub(super) fn on_nack(&mut self, promised: Ballot, out: &mut Out<'_, Self>) {
        self.seen = self.seen.max(promised);
        if promised > self.promised && !matches!(self.state, State::Follower) {
            self.follow(out);
            self.answer_back(out);
        }
    }

    /// Overtaken by a later ballot: some wait for what comes of it, some won't.
    pub(super) fn answer_back(&mut self, out: &mut Out<'_, Self>) {
        if self.spec.preempted == Preempted::Retries && !self.holds_back(out.now()) {
            self.begin_ballot(out);
        }
    }

    /// Takes part in others' ballots only. What it had to propose, the gateways hand to the next leader.
    pub(super) fn follow(&mut self, out: &mut Out<'_, Self>) {
        let led = self.is_leader();
        self.state = State::Follower;
        self.asked = false;
        if led {
            out.disarm(Timer::Heartbeat);
            self.arm_election(out);
        }
        self.set_leader(None, out);
    }
}
