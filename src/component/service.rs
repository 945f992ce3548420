//! A service: its station has done the work by the time a request gets here.
//!
//! A request is answered at once, or after calls to those it depends on, all at the same time, and of which it needs all.

use std::sync::Arc;

use crate::engine::EdgeId;
use crate::rpc::{Answer, Call, Op, Outcome, Token, Verb};
use crate::world::{Never, Out, Process};

/// What a request does beyond the service's own work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSpec {
    /// Calls made for each request, side by side.
    pub calls: Vec<Dependency>,
}

/// One call that a request makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// Over which edge.
    pub edge: EdgeId,
    /// What is asked.
    pub verb: Verb,
    /// Whether a canned answer stands in if it fails; the request then ends `degraded`.
    pub fallback: bool,
}

#[derive(Clone, Debug)]
struct Request {
    call: Call,
    waiting: u32,
    worst: Outcome,
    definite: bool,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Service {
    spec: Arc<ServiceSpec>,
    requests: Vec<Option<Request>>,
    free: Vec<u32>,
    /// Counts restarts, so that answers to a former life are told apart.
    life: u16,
}

impl Service {
    /// A service.
    pub fn new(spec: Arc<ServiceSpec>) -> Service {
        Service { spec, requests: Vec::new(), free: Vec::new(), life: 0 }
    }
}

impl Process for Service {
    type Msg = Never;
    type Timer = ();
    type Record = ();

    fn start(&mut self, _log: &[()], _out: &mut Out<'_, Self>) {
        self.requests.clear();
        self.free.clear();
        self.life = self.life.wrapping_add(1);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if self.spec.calls.is_empty() {
            out.answer(&call, Answer::ok());
            return;
        }
        let cause = call.cause;
        let (key, value, bytes, priority) = (call.op.key, call.op.value, call.op.bytes, call.op.priority);
        let waiting = self.spec.calls.len() as u32;
        let request = Some(Request { call, waiting, worst: Outcome::Ok, definite: true });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.requests[slot as usize] = request;
                slot
            }
            None => {
                self.requests.push(request);
                self.requests.len() as u32 - 1
            }
        };
        for (i, dependency) in self.spec.calls.iter().enumerate() {
            let op = Op { key, value, bytes, priority, ..Op::plain(dependency.verb) };
            let token = Token(u64::from(self.life) << 48 | (i as u64) << 32 | u64::from(slot));
            out.call(dependency.edge, op, cause.child(i as u32, 0), token);
        }
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        if (token.0 >> 48) as u16 != self.life {
            return;
        }
        let (slot, i) = (token.0 as u32, (token.0 >> 32) as u16);
        let Some(request) = &mut self.requests[slot as usize] else { return };
        let mut outcome = answer.outcome;
        if !outcome.answered() && self.spec.calls[i as usize].fallback {
            outcome = Outcome::Degraded;
        }
        // The first failure names the outcome; a mere degradation gives way to it.
        if !outcome.answered() && request.worst.answered() || outcome == Outcome::Degraded && request.worst == Outcome::Ok
        {
            request.worst = outcome;
        }
        if !outcome.answered() {
            request.definite &= answer.definite;
        }
        request.waiting -= 1;
        if request.waiting == 0 {
            let Request { call, worst, definite, .. } = self.requests[slot as usize].take().expect("it waits");
            self.free.push(slot);
            let worst = if worst == Outcome::Timeout { Outcome::Error } else { worst };
            out.answer(&call, Answer { definite, ..Answer::of(worst) });
        }
    }
}
