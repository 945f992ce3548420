//! Requests of clients at the replica they contacted, their gateway, and at the leader.

use super::super::parts::{Command, carries};
use super::{Msg, MultiPaxos, Reads, Requester, Timer};
use crate::engine::Span;
use crate::rpc::{Answer, Call, Consistency, Op, Outcome};
use crate::world::{Out, StateMachine};

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn take(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if !carries(call.op.verb) {
            out.answer(&call, Answer::of(Outcome::Error));
            return;
        }
        if self.machine.machine().is_read(&call.op) && self.is_stale_enough(&call.op, out) {
            let answer = self.machine.machine_mut().apply(&call.op);
            out.answer(&call, answer);
            return;
        }
        let requester = call.requester;
        if let Some(after) = self.gateway.hold(call, out.now()) {
            out.arm(Timer::Patience, after);
        }
        self.route(requester, out);
    }

    /// Whether any replica may answer from what it has.
    fn is_stale_enough(&self, op: &Op, out: &Out<'_, Self>) -> bool {
        match op.consistency {
            Consistency::One | Consistency::LocalOne | Consistency::Follower => true,
            Consistency::Bounded(ms) => {
                let bound = Span::millis(u64::from(ms));
                let heard = self.heard_at.is_some_and(|at| at <= out.now() && out.now().since(at) <= bound);
                // Neither fresh from a crash nor waiting for what it lacks.
                heard && self.leader.is_some() && !self.asked
            }
            _ => false,
        }
    }

    /// Hands a request to the leader, if there is one. A request that was handed over before may have a slot already:
    /// sessions make it take effect once.
    fn route(&mut self, requester: Requester, out: &mut Out<'_, Self>) {
        let Some(leader) = self.leader else { return };
        let Some(op) = self.gateway.hand_over(requester) else { return };
        if leader == out.index() {
            self.lead_request(leader, requester, op, out);
        } else {
            self.send(leader, Msg::Forward { requester, op }, out);
        }
    }

    /// A leader is known: everything that waits goes there.
    pub(super) fn hand_over(&mut self, out: &mut Out<'_, Self>) {
        for requester in self.gateway.waiting() {
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
        let leased = self.spec.reads == Reads::Lease && self.machine.machine().is_read(&op);
        // Whoever asks for more than the default makes no assumption about clocks.
        let strict = matches!(op.consistency, Consistency::Linearizable | Consistency::Quorum | Consistency::All);
        if leased && !strict && self.holds_lease(out.now()) {
            let answer = self.machine.machine_mut().apply(&op);
            self.deliver(gateway, requester, answer, out);
        } else {
            self.propose(Command::Call { gateway, requester, op }, out);
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
        if let Some(call) = self.gateway.end(requester) {
            out.answer(&call, answer);
        }
    }

    pub(super) fn on_patience_ended(&mut self, out: &mut Out<'_, Self>) {
        let mut ended = Vec::new();
        let machine = self.machine.machine();
        let again = self.gateway.expire(out.now(), |op| machine.is_read(op), &mut ended);
        for (call, answer) in ended {
            out.answer(&call, answer);
        }
        if let Some(after) = again {
            out.arm(Timer::Patience, after);
        }
    }
}
