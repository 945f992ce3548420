//! The replica that a client contacted stands for its request until it has an answer: it hands the request to whoever
//! leads, again if that changes, and gives up after a while.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::{Instant, Span};
use crate::rpc::{Answer, Call, Op, Outcome, Requester};

/// How long a gateway waits for an answer: Cassandra 4.1, `write_request_timeout`.
pub const PATIENCE: Span = Span::secs(2);

/// A request without an answer.
#[derive(Clone, Debug)]
struct Held {
    call: Call,
    /// Whether anybody may have carried it out.
    handed_over: bool,
}

/// The requests that one replica stands for.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    held: BTreeMap<Requester, Held>,
    /// Until when each is waited for, oldest first; some of them have been answered.
    patience: VecDeque<(Instant, Requester)>,
}

impl Gateway {
    /// Stands for a request. If a time comes back, [`expire`](Gateway::expire) wants to be called after it.
    pub fn hold(&mut self, call: Call, now: Instant) -> Option<Span> {
        let idle = self.patience.is_empty();
        self.patience.push_back((now + PATIENCE, call.requester));
        self.held.insert(call.requester, Held { call, handed_over: false });
        idle.then_some(PATIENCE)
    }
    /// What a request asks for, if it waits.
    pub fn op(&self, requester: Requester) -> Option<&Op> {
        self.held.get(&requester).map(|held| &held.call.op)
    }
    /// The same, to be handed to whoever leads: from now on nobody can be sure that it has no effect.
    pub fn hand_over(&mut self, requester: Requester) -> Option<Op> {
        let held = self.held.get_mut(&requester)?;
        held.handed_over = true;
        Some(held.call.op.clone())
    }
    /// Everybody who waits.
    pub fn waiting(&self) -> Vec<Requester> {
        self.held.keys().copied().collect()
    }
    /// Takes a request that has its answer; `None` if it had one before.
    pub fn end(&mut self, requester: Requester) -> Option<Call> {
        self.held.remove(&requester).map(|held| held.call)
    }
    /// Gives up what has waited long enough, each with its answer, and says when to look again.
    pub fn expire(
        &mut self,
        now: Instant,
        is_read: impl Fn(&Op) -> bool,
        ended: &mut Vec<(Call, Answer)>,
    ) -> Option<Span> {
        while let Some((until, requester)) = self.patience.front().copied() {
            let waits = self.held.contains_key(&requester);
            // A clock that was set back must not make anybody wait for ever.
            if waits && until > now && until.since(now) <= PATIENCE {
                return Some(until.since(now));
            }
            self.patience.pop_front();
            if let Some(held) = self.held.remove(&requester) {
                let definite = !held.handed_over || is_read(&held.call.op);
                ended.push((held.call, Answer { definite, ..Answer::of(Outcome::Unavailable) }));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ProcessId;
    use crate::rpc::{Cause, Verb};

    fn call(slot: u32) -> Call {
        let requester = Requester { process: ProcessId(9), slot, generation: 0, attempt: 0, visit: 1 };
        let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
        Call { requester, op: Op::on_key(Verb::Write, 1, 2), cause }
    }

    #[test]
    fn what_nobody_heard_of_definitely_did_not_happen() {
        let mut gateway = Gateway::default();
        assert_eq!(gateway.hold(call(1), Instant(0)), Some(PATIENCE));
        assert_eq!(gateway.hold(call(2), Instant(5)), None);
        gateway.hand_over(call(2).requester);
        let mut ended = Vec::new();
        assert_eq!(gateway.expire(Instant(0) + PATIENCE, |_| false, &mut ended), Some(Span(5)));
        assert_eq!(gateway.expire(Instant(5) + PATIENCE, |_| false, &mut ended), None);
        let definite: Vec<bool> = ended.iter().map(|(_, answer)| answer.definite).collect();
        assert_eq!(definite, [true, false]);
        assert!(gateway.end(call(2).requester).is_none() && gateway.waiting().is_empty());
    }
}
