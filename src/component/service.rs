//! A service: its station has done the work by the time a request gets here. What is left is the flow of the request.

use std::sync::Arc;

use crate::engine::{Draws, Seed};
use crate::flow::{Act, FlowPlan};
use crate::rpc::{Answer, Call, Op, Outcome, Token, Verb};
use crate::world::{Never, Out, Process};

/// What requests do beyond the service's own work: its flows, by [`FlowId`](crate::engine::FlowId).
#[derive(Clone, Debug, Default)]
pub struct ServiceSpec {
    /// All flows of the plan that run here.
    pub flows: Vec<(crate::engine::FlowId, Arc<FlowPlan>)>,
}

/// A request between its arrival and the end of its flow.
#[derive(Clone, Debug)]
struct Request {
    call: Call,
    flow: Arc<FlowPlan>,
    stage: u16,
    /// Where each branch of the present stage stands; `None` = it is over.
    branches: Vec<Option<u16>>,
    succeeded: u32,
    failed: u32,
    replied: bool,
    worst: Outcome,
    definite: bool,
    /// Counts stages over all uses of the row, so that a straggler counts for nothing.
    epoch: u16,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Service {
    spec: Arc<ServiceSpec>,
    draws: Draws,
    requests: Vec<Option<Request>>,
    epochs: Vec<u16>,
    free: Vec<u32>,
}

impl Service {
    /// A service of that name.
    pub fn new(name: &str, spec: Arc<ServiceSpec>, seed: Seed) -> Service {
        let draws = Draws::named(seed, &format!("{name}/flows"));
        Service { spec, draws, requests: Vec::new(), epochs: Vec::new(), free: Vec::new() }
    }

    /// The token of one branch: row, epoch, branch.
    fn token(slot: u32, epoch: u16, branch: u16) -> Token {
        Token(u64::from(branch) << 48 | u64::from(epoch) << 32 | u64::from(slot))
    }

    /// Begins the present stage, or the next one that has something to do, or ends the request.
    fn enter_stage(&mut self, slot: u32, out: &mut Out<'_, Self>) {
        let Some(request) = &mut self.requests[slot as usize] else { return };
        let flow = request.flow.clone();
        let Some(stage) = flow.stages.get(request.stage as usize) else {
            self.end(slot, out);
            return;
        };
        request.epoch = request.epoch.wrapping_add(1);
        let epoch = request.epoch;
        request.branches.clear();
        request.branches.resize(stage.branches.len(), Some(0));
        (request.succeeded, request.failed) = (0, 0);
        for branch in 0..stage.branches.len() as u16 {
            // An earlier branch that ended at once may have ended the stage.
            if !self.is_at(slot, epoch) {
                return;
            }
            self.step(slot, branch, out);
        }
        if stage.needed == 0 && self.is_at(slot, epoch) {
            self.next_stage(slot, out);
        }
    }

    fn is_at(&self, slot: u32, epoch: u16) -> bool {
        self.requests[slot as usize].as_ref().is_some_and(|r| r.epoch == epoch)
    }

    fn next_stage(&mut self, slot: u32, out: &mut Out<'_, Self>) {
        if let Some(request) = &mut self.requests[slot as usize] {
            request.stage += 1;
            self.enter_stage(slot, out);
        }
    }

    /// Does the acts of a branch from where it stands, up to one that takes time.
    fn step(&mut self, slot: u32, branch: u16, out: &mut Out<'_, Self>) {
        loop {
            let Some(request) = &mut self.requests[slot as usize] else { return };
            let Some(at) = request.branches[branch as usize] else { return };
            let flow = request.flow.clone();
            let acts = &flow.stages[request.stage as usize].branches[branch as usize];
            let Some(act) = acts.get(at as usize) else {
                self.over(slot, branch, true, out);
                return;
            };
            let cause = request.call.cause;
            let number = u32::from(request.stage) << 16 | u32::from(branch) << 8 | u32::from(at);
            let child = cause.child(number, 0);
            let token = Self::token(slot, request.epoch, branch);
            match act {
                Act::Call { edge, verb, .. } => {
                    let Op { key, value, bytes, priority, .. } = request.call.op;
                    // What a flow writes is unique to the request, so that a read tells its write.
                    let value = if value == 0 && *verb != Verb::Read { cause.request | 1 } else { value };
                    out.call(*edge, Op { key, value, bytes, priority, ..Op::plain(*verb) }, child, token);
                    return;
                }
                Act::Work(law) => {
                    let work = law.sample_span(&mut self.draws.at(child.root, child.path));
                    out.compute((!request.replied).then_some(request.call.requester), work, token);
                    return;
                }
                Act::Sleep(law) => {
                    let pause = law.sample_span(&mut self.draws.at(child.root, child.path));
                    out.wake(token, out.true_now() + pause);
                    return;
                }
                Act::Reply(outcome) => {
                    let outcome = if *outcome == Outcome::Ok { request.worst } else { *outcome };
                    if !request.replied {
                        request.replied = true;
                        out.answer(&request.call, Answer::of(outcome));
                    }
                }
            }
            request_at(&mut self.requests, slot, branch, at + 1);
        }
    }

    /// A branch is over.
    fn over(&mut self, slot: u32, branch: u16, succeeded: bool, out: &mut Out<'_, Self>) {
        let Some(request) = &mut self.requests[slot as usize] else { return };
        request.branches[branch as usize] = None;
        if succeeded {
            request.succeeded += 1;
        } else {
            request.failed += 1;
        }
        let stage = &request.flow.stages[request.stage as usize];
        if stage.needed == 0 {
            return;
        }
        let all = stage.branches.len() as u32;
        if request.succeeded >= stage.needed {
            if request.succeeded < all {
                request.worst = if request.worst.answered() { request.worst } else { Outcome::Ok };
            }
            self.next_stage(slot, out);
        } else if request.failed > all - stage.needed {
            self.end(slot, out);
        }
    }

    fn end(&mut self, slot: u32, out: &mut Out<'_, Self>) {
        let Some(request) = self.requests[slot as usize].take() else { return };
        self.epochs[slot as usize] = request.epoch;
        self.free.push(slot);
        if !request.replied {
            // The caller didn't time out: its callee has an answer, and the answer is that it failed.
            let outcome = if request.worst == Outcome::Timeout { Outcome::Error } else { request.worst };
            out.answer(&request.call, Answer { definite: request.definite, ..Answer::of(outcome) });
        }
    }

    /// The branch that a token belongs to, if its stage still waits for it.
    fn branch(&self, token: Token) -> Option<(u32, u16, u16)> {
        let (slot, epoch, branch) = (token.0 as u32, (token.0 >> 32) as u16, (token.0 >> 48) as u16);
        let request = self.requests.get(slot as usize)?.as_ref()?;
        let at = (*request.branches.get(branch as usize)?)?;
        (request.epoch == epoch).then_some((slot, branch, at))
    }

    fn go_on(&mut self, token: Token, out: &mut Out<'_, Self>) {
        if let Some((slot, branch, at)) = self.branch(token) {
            request_at(&mut self.requests, slot, branch, at + 1);
            self.step(slot, branch, out);
        }
    }
}

fn request_at(requests: &mut [Option<Request>], slot: u32, branch: u16, at: u16) {
    if let Some(request) = &mut requests[slot as usize]
        && let Some(branch) = request.branches.get_mut(branch as usize)
    {
        *branch = Some(at);
    }
}

impl Process for Service {
    type Msg = Never;
    type Timer = ();
    type Record = ();

    fn start(&mut self, _log: &[()], _out: &mut Out<'_, Self>) {
        for (slot, request) in self.requests.iter_mut().enumerate() {
            if let Some(request) = request.take() {
                self.epochs[slot] = request.epoch;
                self.free.push(slot as u32);
            }
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let flow = match call.op.verb {
            Verb::Run(id) | Verb::Deliver(id) => self.spec.flows.iter().find(|(f, _)| *f == id).map(|(_, f)| f.clone()),
            _ => None,
        };
        let Some(flow) = flow else {
            out.answer(&call, Answer::ok());
            return;
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.requests.push(None);
            self.epochs.push(0);
            self.requests.len() as u32 - 1
        });
        self.requests[slot as usize] = Some(Request {
            call,
            flow,
            stage: 0,
            branches: Vec::new(),
            succeeded: 0,
            failed: 0,
            replied: false,
            worst: Outcome::Ok,
            definite: true,
            epoch: self.epochs[slot as usize],
        });
        self.enter_stage(slot, out);
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        let Some((slot, branch, at)) = self.branch(token) else { return };
        let Some(request) = &mut self.requests[slot as usize] else { return };
        let act = &request.flow.stages[request.stage as usize].branches[branch as usize][at as usize];
        let fallback = matches!(act, Act::Call { fallback: true, .. });
        let mut outcome = answer.outcome;
        if !outcome.answered() && fallback {
            outcome = Outcome::Degraded;
        }
        // The first failure names the outcome; a mere degradation gives way to it.
        let worse = !outcome.answered() && request.worst.answered();
        if worse || outcome == Outcome::Degraded && request.worst == Outcome::Ok {
            request.worst = outcome;
        }
        if outcome.answered() {
            self.go_on(token, out);
        } else {
            request.definite &= answer.definite;
            self.over(slot, branch, false, out);
        }
    }

    fn computed(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.go_on(token, out);
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.go_on(token, out);
    }
}
