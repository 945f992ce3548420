//! A service: its station has done the work by the time a request gets here. What is left is the flow of the request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::request::{Brought, Over, Request, Value};
use crate::engine::random::name_hash;
use crate::engine::{Bits as _, Draws, FlowId, Instant, Seed, Span, mix};
use crate::flow::{Act, CallAct, Failing, FlowPlan, Law};
use crate::rpc::{Answer, Call, Cause, Op, Outcome, Requester, Token, Verb};
use crate::world::{Counted, Never, Out, Process};

/// What draws the keys of one set.
pub trait DrawKeys: std::fmt::Debug + Send + Sync {
    /// A key, with the hot key and its share that a fault has set.
    fn draw(&self, bits: &mut crate::engine::random::Addressed, hot: Option<(u64, f64)>) -> u64;
}

/// What requests do beyond the service's own work: its flows, by [`FlowId`].
#[derive(Clone, Debug, Default)]
pub struct ServiceSpec {
    /// All flows of the plan that run here.
    pub flows: Vec<(FlowId, Arc<FlowPlan>)>,
    /// The key sets that they draw from, by number.
    pub keys: Vec<(u16, Arc<dyn DrawKeys>)>,
    /// Flows that nobody asks for: each instance begins one again and again, by its own clock, whether or not the one
    /// before is over. The first begins that long after the instance has started.
    pub periodic: Vec<(FlowId, Span)>,
}

/// An answer that is remembered for the next request of the same key.
#[derive(Clone, Debug)]
struct Remembered {
    until: Instant,
    answer: Option<Answer>,
    waiting: Vec<Call>,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Service {
    spec: Arc<ServiceSpec>,
    draws: Draws,
    variables: Draws,
    requests: Vec<Option<Box<Request>>>,
    free: Vec<u32>,
    tickets: u32,
    remembered: BTreeMap<u64, Remembered>,
    oldest: VecDeque<(Instant, u64)>,
    hot: BTreeMap<u64, (u64, f64)>,
    /// When each periodic flow is due, by the host's clock.
    due: Vec<Instant>,
    /// The service's name hashed: what begins by itself is addressed by it.
    name: u64,
}

const TICKETS: u32 = (1 << 24) - 1;

impl Service {
    /// A service of that name.
    pub fn new(name: &str, spec: Arc<ServiceSpec>, seed: Seed) -> Service {
        Service {
            spec,
            draws: Draws::named(seed, &format!("{name}/flows")),
            variables: Draws::named(seed, &format!("{name}/variables")),
            requests: Vec::new(),
            free: Vec::new(),
            tickets: 0,
            remembered: BTreeMap::new(),
            oldest: VecDeque::new(),
            hot: BTreeMap::new(),
            due: Vec::new(),
            name: name_hash(name),
        }
    }

    /// A token for what a strand is about to wait for: request, strand, and a ticket that no other wait has.
    fn token(&mut self, slot: u32, request: &mut Request, strand: usize) -> Token {
        self.tickets = self.tickets % TICKETS + 1;
        if let Some(row) = &mut request.strands[strand] {
            row.ticket = self.tickets;
        }
        Token(u64::from(slot) << 40 | (strand as u64 & 0xffff) << 24 | u64::from(self.tickets))
    }

    /// The request and strand of a token, if it still waits for that.
    fn waiting(&self, token: Token) -> Option<(u32, usize)> {
        let (slot, strand) = ((token.0 >> 40) as u32, (token.0 >> 24 & 0xffff) as usize);
        let request = self.requests.get(slot as usize)?.as_ref()?;
        let row = request.strands.get(strand)?.as_ref()?;
        (row.ticket != 0 && u64::from(row.ticket) == token.0 & u64::from(TICKETS)).then_some((slot, strand))
    }

    /// Lets strands of a request run until all of them wait.
    fn go(&mut self, slot: u32, mut request: Box<Request>, ready: usize, out: &mut Out<'_, Self>) {
        let mut ready = vec![ready];
        let flow = request.flow.clone();
        while let Some(strand) = ready.pop() {
            while let Some(at) = next_act(&mut request, strand) {
                let act = flow.code.get(at).unwrap_or(&Act::End);
                if !self.act(slot, &mut request, strand, act, &mut ready, out) {
                    break;
                }
            }
        }
        if request.is_over() {
            self.free.push(slot);
        } else {
            self.requests[slot as usize] = Some(request);
        }
    }

    /// Does one act. Whether the strand goes on at once.
    fn act(
        &mut self,
        slot: u32,
        request: &mut Request,
        strand: usize,
        act: &Act,
        ready: &mut Vec<usize>,
        out: &mut Out<'_, Self>,
    ) -> bool {
        let Some(row) = &request.strands[strand] else { return false };
        let cause = request.cause(row);
        let jump = |request: &mut Request, to: u32| {
            if let Some(row) = &mut request.strands[strand] {
                row.at = to;
            }
            true
        };
        match act {
            Act::Call(call) => {
                let op = op(request, strand, call);
                let token = self.token(slot, request, strand);
                match call.instance {
                    Some(instance) => out.call_instance(call.edge, instance, op, cause, token),
                    None => out.call(call.edge, op, cause, token),
                }
                false
            }
            Act::Missed(otherwise) => {
                let last = row.last;
                if !last.missed {
                    return jump(request, *otherwise);
                }
                if let Some(row) = &mut request.strands[strand] {
                    row.owed.push((last.version, last.instance));
                }
                true
            }
            Act::Fill { edge, key } => {
                let (last, key) = (row.last, request.value(row, *key).word());
                let owed = request.strands[strand].as_mut().and_then(|row| row.owed.pop());
                if let Some((lease, Some(instance))) = owed {
                    let op = Op { expected: lease, bytes: last.bytes, ..Op::on_key(Verb::Fill, key, last.value) };
                    // Nobody waits for it: the ticket 0 is never given out.
                    out.call_instance(*edge, instance, op, cause, Token(u64::from(slot) << 40));
                }
                true
            }
            Act::Work(law) => {
                let work = law.sample_span(&mut self.draws.at(cause.root, cause.path));
                let token = self.token(slot, request, strand);
                if request.replied {
                    out.compute_afterwards(&request.call, work, token);
                } else {
                    out.compute(&request.call, work, token);
                }
                false
            }
            Act::Sleep(law) => {
                let pause = law.sample_span(&mut self.draws.at(cause.root, cause.path));
                let token = self.token(slot, request, strand);
                out.wake(token, out.true_now() + pause);
                false
            }
            Act::Reply(outcome, value) => {
                let value = value.map_or(0, |source| request.value(row, source).word());
                self.reply(request, *outcome, value, out);
                true
            }
            Act::Parallel { starts, needed } => {
                let begins = starts.iter().map(|start| (*start, None));
                let (started, waits) = request.start(strand, begins, |_| *needed);
                set_off(ready, strand, started, waits);
                false
            }
            Act::FanOut { over, member, start, needed } => {
                let members: Vec<u64> = match request.value(row, *over) {
                    Value::List(list) => list.to_vec(),
                    Value::Word(count) => (0..count.min(1 << 15)).collect(),
                };
                let begins = members.into_iter().map(|each| (*start, Some((*member, each))));
                let (started, waits) = request.start(strand, begins, |all| needed.unwrap_or(all));
                set_off(ready, strand, started, waits);
                false
            }
            Act::Chance(share, otherwise) => {
                let goes_on = self.draws.at(cause.root, cause.path).chance(*share);
                goes_on || jump(request, *otherwise)
            }
            Act::If(source, otherwise) => request.value(row, *source).word() != 0 || jump(request, *otherwise),
            Act::Jump(to) => jump(request, *to),
            Act::Clear(variable) => {
                request.put(*variable, Value::Word(0));
                true
            }
            Act::Again { counter, most, until, back } => {
                let rounds = request.value(row, crate::flow::Source::Variable(*counter)).word() + 1;
                let done = until.is_some_and(|source| request.value(row, source).word() != 0);
                request.put(*counter, Value::Word(rounds));
                done || rounds >= *most || jump(request, *back)
            }
            Act::Guard(handler) => {
                if let Some(row) = &mut request.strands[strand] {
                    row.guards.push((*handler, row.owed.len()));
                }
                true
            }
            Act::Unguard => {
                if let Some(row) = &mut request.strands[strand] {
                    row.guards.pop();
                }
                true
            }
            Act::Degrade => {
                request.degraded = true;
                true
            }
            Act::Dedupe { key, window } => {
                let key = mix(request.value(row, *key).word(), name_hash(&request.flow.name));
                self.dedupe(request, (strand, key), *window, ready, out)
            }
            Act::End => {
                self.over(request, strand, None, ready, out);
                false
            }
        }
    }

    /// Whether the strand goes on: nobody with this key came by lately.
    fn dedupe(
        &mut self,
        request: &mut Request,
        (strand, key): (usize, u64),
        window: Option<u64>,
        ready: &mut Vec<usize>,
        out: &mut Out<'_, Self>,
    ) -> bool {
        let now = out.now();
        while let Some((until, oldest)) = self.oldest.front().copied().filter(|(until, _)| *until <= now) {
            self.oldest.pop_front();
            if self.remembered.get(&oldest).is_some_and(|r| r.until == until) {
                self.remembered.remove(&oldest);
            }
        }
        if let Some(before) = self.remembered.get_mut(&key) {
            out.count(Counted::Duplicate, 1);
            // Whoever has his answer, or never asked, gets none.
            if !std::mem::replace(&mut request.replied, true) {
                match &before.answer {
                    Some(answer) => out.answer(&request.call, answer.clone()),
                    None => before.waiting.push(request.call.clone()),
                }
            }
            self.over(request, strand, None, ready, out);
            return false;
        }
        let until = window.map_or(Instant::NEVER, |ns| now + Span(ns));
        if until != Instant::NEVER {
            self.oldest.push_back((until, key));
        }
        self.remembered.insert(key, Remembered { until, answer: None, waiting: Vec::new() });
        request.remembered = Some(key);
        true
    }

    fn reply(&mut self, request: &mut Request, outcome: Outcome, value: u64, out: &mut Out<'_, Self>) {
        if request.replied {
            return;
        }
        request.replied = true;
        let outcome = if outcome == Outcome::Ok && request.degraded { Outcome::Degraded } else { outcome };
        let definite = outcome.answered() || request.definite;
        let answer = Answer { value, definite, ..Answer::of(outcome) };
        out.answer(&request.call, answer.clone());
        if let Some(key) = request.remembered.take()
            && let Some(remembered) = self.remembered.get_mut(&key)
        {
            for call in std::mem::take(&mut remembered.waiting) {
                out.answer(&call, answer.clone());
            }
            if outcome.answered() {
                remembered.answer = Some(answer);
            } else {
                // What failed may be tried again.
                self.remembered.remove(&key);
            }
        }
    }

    /// A strand fails: a guard catches it, or it is over.
    fn fail(
        &mut self,
        request: &mut Request,
        strand: usize,
        outcome: Outcome,
        ready: &mut Vec<usize>,
        out: &mut Out<'_, Self>,
    ) {
        if request.caught(strand) {
            ready.push(strand);
        } else {
            self.over(request, strand, Some(outcome), ready, out);
        }
    }

    fn over(
        &mut self,
        request: &mut Request,
        strand: usize,
        failure: Option<Outcome>,
        ready: &mut Vec<usize>,
        out: &mut Out<'_, Self>,
    ) {
        match request.over(strand, failure) {
            Over::Nothing => {}
            Over::Resume(parent) => ready.push(parent),
            Over::Fail(parent, outcome) => self.fail(request, parent, outcome, ready, out),
            Over::First => {
                // The caller didn't time out: its callee has an answer, and the answer is that it failed.
                let outcome = match failure {
                    Some(Outcome::Timeout) => Outcome::Error,
                    Some(failure) => failure,
                    None => Outcome::Ok,
                };
                self.reply(request, outcome, 0, out);
            }
        }
    }

    /// A request goes on with the strand that something has made ready, or waits for more.
    fn put_back(&mut self, slot: u32, request: Box<Request>, mut ready: Vec<usize>, out: &mut Out<'_, Self>) {
        match ready.pop() {
            Some(strand) => self.go(slot, request, strand, out),
            None if request.is_over() => self.free.push(slot),
            None => self.requests[slot as usize] = Some(request),
        }
    }

    /// A request begins with its flow.
    fn begin(&mut self, mut request: Box<Request>, out: &mut Out<'_, Self>) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.requests.push(None);
            self.requests.len() as u32 - 1
        });
        self.draw_variables(&mut request);
        self.go(slot, request, 0, out);
    }

    /// The next round of a periodic flow is due one period after this one; rounds that a frozen process missed are lost.
    fn arm_next(&mut self, which: u16, out: &mut Out<'_, Self>) {
        let (every, due) = (self.spec.periodic[usize::from(which)].1, &mut self.due[usize::from(which)]);
        let now = out.now();
        let next = *due + every;
        *due = if next > now { next } else { now + every };
        out.arm(which, *due - now);
    }

    /// What a token stands for is over: its strand goes on.
    fn go_on(&mut self, token: Token, out: &mut Out<'_, Self>) {
        if let Some((slot, strand)) = self.waiting(token)
            && let Some(mut request) = self.requests[slot as usize].take()
        {
            if let Some(row) = &mut request.strands[strand] {
                row.ticket = 0;
            }
            self.go(slot, request, strand, out);
        }
    }

    fn draw_variables(&self, request: &mut Request) {
        let cause = request.call.cause;
        let flow = request.flow.clone();
        for (i, (variable, law)) in flow.draws.iter().enumerate() {
            let mut bits = self.variables.at(cause.root, mix(cause.path, i as u64));
            let word = match law {
                Law::Unique => mix(cause.request, mix(cause.path, u64::from(variable.0))) | 1,
                Law::Number(dist) => dist.sample(&mut bits).round().clamp(0.0, 1e18) as u64,
                Law::Key(set) => {
                    let hot = self.hot.get(&u64::from(*set)).copied();
                    let Some((_, keys)) = self.spec.keys.iter().find(|(id, _)| id == set) else { continue };
                    let before = flow.draws[..i].iter().filter(|(_, l)| l == law);
                    let taken: Vec<u64> =
                        before.filter_map(|(v, _)| request.variables.get(usize::from(v.0)).map(Value::word)).collect();
                    let mut key = keys.draw(&mut bits, hot);
                    // A set smaller than the draws would never yield another.
                    for _ in 0..1000 {
                        if !taken.contains(&key) {
                            break;
                        }
                        key = keys.draw(&mut bits, hot);
                    }
                    key
                }
            };
            request.put(*variable, Value::Word(word));
        }
    }
}

/// The position of the act that a strand does next; `None` if the strand is over.
fn next_act(request: &mut Request, strand: usize) -> Option<usize> {
    let row = request.strands[strand].as_mut()?;
    let at = row.at as usize;
    row.at += 1;
    row.acts += 1;
    Some(at)
}

/// Started strands run in their order, the one that started them afterwards, at once or when they are done.
fn set_off(ready: &mut Vec<usize>, parent: usize, started: Vec<usize>, waits: bool) {
    if !waits {
        ready.push(parent);
    }
    ready.extend(started.into_iter().rev());
}

fn op(request: &mut Request, strand: usize, call: &CallAct) -> Op {
    let Some(row) = &request.strands[strand] else { return Op::plain(call.verb) };
    let asked = &request.call.op;
    let word = |source| request.value(row, source).word();
    let reads = matches!(call.verb, Verb::Read | Verb::Scan | Verb::SetContains);
    let value = match call.value {
        Some(source) => word(source),
        None if reads => asked.value,
        // What a flow writes is unique to the request, so that a read tells its write.
        None if asked.value != 0 && !request.wrote => asked.value,
        None => mix(request.call.cause.request, request.cause(row).path) | 1,
    };
    let hands = request.flow.hands_over && matches!(call.verb, Verb::Run(_) | Verb::Append);
    let op = Op {
        verb: call.verb,
        key: word(call.key),
        value,
        expected: call.expected.map_or(0, word),
        bytes: call.bytes.unwrap_or(asked.bytes),
        priority: asked.priority,
        consistency: call.consistency.unwrap_or(asked.consistency),
        arguments: hands.then(|| request.handed(row)),
    };
    request.wrote |= !reads && call.value.is_none() && !matches!(call.verb, Verb::Serve(_) | Verb::Run(_));
    op
}

/// A request that nobody made: of this periodic flow, at this instance, at this time.
fn of_itself(name: u64, flow: FlowId, out: &Out<'_, Service>) -> Call {
    let instance = u64::from(out.index()) << 32 | u64::from(flow.0);
    let root = mix(mix(name, instance), out.true_now().0);
    let requester = Requester { process: out.me(), slot: u32::MAX, generation: 0, attempt: 0, visit: 0 };
    let cause = Cause { root, path: 0, deadline: Instant::NEVER, request: root, client: out.index() };
    Call { requester, op: Op::plain(Verb::Run(flow)), cause }
}

impl Process for Service {
    type Msg = Never;
    /// The number of a periodic flow.
    type Timer = u16;
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        // Tickets go on counting, so that nothing from before the crash is taken for something after it.
        self.requests.clear();
        self.free.clear();
        self.remembered.clear();
        self.oldest.clear();
        self.due = vec![out.now(); self.spec.periodic.len()];
        for which in 0..self.spec.periodic.len() as u16 {
            self.arm_next(which, out);
        }
    }

    fn timer(&mut self, which: u16, out: &mut Out<'_, Self>) {
        let (id, _) = self.spec.periodic[usize::from(which)];
        self.arm_next(which, out);
        let Some(flow) = self.spec.flows.iter().find(|(f, _)| *f == id).map(|(_, f)| f.clone()) else { return };
        let mut request = Box::new(Request::new(of_itself(self.name, id, out), flow));
        // All of it is background work.
        request.replied = true;
        self.begin(request, out);
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
        self.begin(Box::new(Request::new(call, flow)), out);
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        let Some((slot, strand)) = self.waiting(token) else { return };
        let Some(mut request) = self.requests[slot as usize].take() else { return };
        let flow = request.flow.clone();
        let at = request.strands[strand].as_ref().map_or(0, |row| row.at as usize);
        let Some(Act::Call(call)) = at.checked_sub(1).and_then(|at| flow.code.get(at)) else {
            self.requests[slot as usize] = Some(request);
            return;
        };
        let outcome = answer.outcome;
        let answered = outcome.answered();
        request.degraded |= outcome == Outcome::Degraded;
        if let Some(row) = &mut request.strands[strand] {
            row.ticket = 0;
            row.last = Brought {
                value: answer.value,
                version: answer.version,
                bytes: answer.bytes,
                instance: answer.redirect,
                missed: answer.missed || !answered,
            };
            if !answered {
                row.last.instance = None;
            }
        }
        if let Some(variable) = call.bind.filter(|_| answered) {
            request.put(variable, answer.list.map_or(Value::Word(answer.value), Value::List));
        }
        let mut ready = Vec::new();
        match call.failing {
            _ if answered => ready.push(strand),
            Failing::Forgiven => ready.push(strand),
            Failing::Duplicate if outcome == Outcome::Aborted => {
                out.count(Counted::Duplicate, 1);
                self.over(&mut request, strand, None, &mut ready, out);
            }
            Failing::Fails | Failing::Duplicate => {
                request.definite &= answer.definite;
                self.fail(&mut request, strand, outcome, &mut ready, out);
            }
        }
        self.put_back(slot, request, ready, out);
    }

    fn computed(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.go_on(token, out);
    }

    /// The step failed, as if a queue had refused it.
    fn thrown_away(&mut self, token: Token, out: &mut Out<'_, Self>) {
        let Some((slot, strand)) = self.waiting(token) else { return };
        let Some(mut request) = self.requests[slot as usize].take() else { return };
        if let Some(row) = &mut request.strands[strand] {
            row.ticket = 0;
        }
        let mut ready = Vec::new();
        self.fail(&mut request, strand, Outcome::Rejected, &mut ready, out);
        self.put_back(slot, request, ready, out);
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.go_on(token, out);
    }

    fn ask(&mut self, op: &Op, _out: &mut Out<'_, Self>) {
        if op.verb == Verb::HotKey {
            let share = f64::from_bits(op.value);
            if share > 0.0 {
                self.hot.insert(op.key, (op.expected, share));
            } else {
                self.hot.remove(&op.key);
            }
        }
    }
}
