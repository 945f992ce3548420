//! Requests of clients at the replica they contacted, which stands for them until it has an answer: their gateway.

use super::super::parts::carries;
use super::{Msg, Raft, Reads, Requester, Timer};
use crate::engine::Span;
use crate::rpc::{Answer, Call, Op, Outcome};
use crate::world::{Out, StateMachine};

/// How long a gateway waits for an answer: Cassandra 4.1, `write_request_timeout`.
const PATIENCE: Span = Span::secs(2);

/// A request that its gateway has not answered.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) call: Call,
    /// Whether anybody may have proposed it.
    handed_over: bool,
}

impl<M: StateMachine> Raft<M> {
    pub(super) fn take(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if !carries(call.op.verb) {
            out.answer(&call, Answer::of(Outcome::Error));
            return;
        }
        if self.machine.machine().is_read(&call.op) && self.is_stale_enough(&call.op, out) {
            let answer = self.read_here(&call.op);
            out.answer(&call, answer);
            return;
        }
        let requester = call.requester;
        self.held.insert(requester, Held { call, handed_over: false });
        if self.patience.is_empty() {
            out.arm(Timer::Patience, PATIENCE);
        }
        self.patience.push_back((out.now() + PATIENCE, requester));
        self.route(requester, out);
    }

    /// Hands a request to the leader, if there is one. A request that was handed over before is one that a new leader
    /// may have in its log: sessions make it take effect once.
    fn route(&mut self, requester: Requester, out: &mut Out<'_, Self>) {
        let (Some(leader), Some(held)) = (self.leader, self.held.get_mut(&requester)) else { return };
        let op = held.call.op.clone();
        let is_read = self.machine.machine().is_read(&op);
        held.handed_over = true;
        if leader == out.index() {
            self.lead_request(leader, requester, op, out);
        } else if is_read && self.reads(&op) == Reads::Follower {
            self.send(leader, Msg::ReadIndex { requester }, out);
        } else {
            self.send(leader, Msg::Forward { requester, op }, out);
        }
    }

    /// A leader is known: everything that waits goes there.
    pub(super) fn hand_over(&mut self, out: &mut Out<'_, Self>) {
        let all: Vec<Requester> = self.held.keys().copied().collect();
        for requester in all {
            self.route(requester, out);
        }
    }

    pub(super) fn on_forward(&mut self, who: u32, requester: Requester, op: Op, out: &mut Out<'_, Self>) {
        // Who doesn't lead keeps silent: the gateway hears of the leader, and turns to it.
        if self.is_leader() {
            self.lead_request(who, requester, op, out);
        }
    }

    fn lead_request(&mut self, gateway: u32, requester: Requester, op: Op, out: &mut Out<'_, Self>) {
        if self.machine.machine().is_read(&op) && self.reads(&op) != Reads::Log {
            self.read(gateway, requester, Some(op), out);
        } else {
            self.propose(gateway, requester, op, out);
        }
    }

    /// An answer for the client of a gateway.
    pub(super) fn deliver(&mut self, gateway: u32, requester: Requester, answer: Answer, out: &mut Out<'_, Self>) {
        if gateway == out.index() {
            self.end(requester, answer, out);
        } else {
            self.send(gateway, Msg::Answered { requester, answer }, out);
        }
    }

    /// Answers a client, once.
    pub(super) fn end(&mut self, requester: Requester, answer: Answer, out: &mut Out<'_, Self>) {
        if let Some(held) = self.held.remove(&requester) {
            out.answer(&held.call, answer);
        }
    }

    pub(super) fn on_patience_ended(&mut self, out: &mut Out<'_, Self>) {
        let now = out.now();
        while let Some((until, requester)) = self.patience.front().copied() {
            if !self.held.contains_key(&requester) {
                self.patience.pop_front();
                continue;
            }
            // A clock that was set back must not make anybody wait for ever.
            if until > now && until.since(now) <= PATIENCE {
                out.arm(Timer::Patience, until.since(now));
                return;
            }
            self.patience.pop_front();
            let Some(held) = self.held.get(&requester) else { continue };
            // What was proposed may commit yet, under whichever leader.
            let definite = !held.handed_over || self.machine.machine().is_read(&held.call.op);
            let answer = Answer { definite, ..Answer::of(Outcome::Unavailable) };
            self.end(requester, answer, out);
        }
    }
}
