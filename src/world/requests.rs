//! What happens to a request: on the wire, in front of the station, at the process, and on its way back.

use std::hint::cold_path;

use crate::engine::random::{Addressed, Bits};
use crate::engine::{EdgeId, HostId, Instant, Places, ProcessId, Span};
use crate::physics::network::Crossing;
use crate::physics::station::{self, Refusal, Ticket};
use crate::rpc::{Answer, Cause, Ended, Op, Outcome, Requester, Step, Token};

use super::control::Gray;
use super::event::{Computing, Event, Job, Life, Visit};
use super::kernel::World;
use super::process::Process;
use super::trace::{TraceEvent, Work};

/// So many pieces of work that take no time are answered one within another.
const DEEPEST: u32 = 100;

impl Visit {
    pub(super) fn none() -> Visit {
        Visit {
            requester: Requester { process: ProcessId(0), slot: 0, generation: 0, attempt: 0, visit: 0 },
            parcel: None,
            process: ProcessId(0),
            work: Work { root: 0, path: 0 },
            verb: crate::rpc::Verb::Ping,
            arrived: Instant::ZERO,
            begun: Instant::ZERO,
            served: Instant::ZERO,
            worker: None,
            gray: false,
            open: false,
        }
    }
}

impl<P: Process> World<P> {
    #[inline(never)]
    pub(super) fn begin_call(
        &mut self,
        caller: ProcessId,
        edge: EdgeId,
        op: &mut Op,
        cause: &Cause,
        token: Token,
        to: Option<u32>,
    ) {
        self.census.calls_begun += 1;
        if self.focus.follows(cause.root) {
            let work = Work { root: cause.root, path: cause.path };
            let event = TraceEvent::Called { at: self.now, edge, caller, work, verb: op.verb };
            self.trace.keep(self.focus.limit, event);
        }
        let tag = if self.judged[edge.index()] { self.invoke(caller, edge, op, cause) } else { 0 };
        self.meters.call_began(edge, self.now);
        let index = self.members[caller.index()].index;
        let mut steps = self.call_steps.take();
        self.calls.begin(self.now, caller, index, edge, op, cause, token, to, tag, &mut steps);
        if let Some(ended) = self.carry_out_calls(&mut steps) {
            cold_path();
            // Nothing re-enters: what is known at once is heard of through the queue.
            if let Some(step) = steps.get_mut(ended) {
                self.hear_later(step);
            }
        }
        steps.clear();
        self.call_steps.give(steps);
    }

    /// Does what the call table says. The end of a call goes to whoever made it, that of further ones through the queue.
    pub(super) fn follow_calls(&mut self, mut steps: Box<Places<Step>>) {
        let ended = self.carry_out_calls(&mut steps);
        if let Some(ended) = ended
            && let Some(Step::Done(Ended { caller, token, answer, .. })) = steps.get_mut(ended)
        {
            self.deliver_answer(*caller, *token, answer);
        }
        steps.clear();
        self.call_steps.give(steps);
    }

    /// Does what the call table says, but for the end of the first call that ends: its place among the steps comes back.
    #[must_use = "a caller that never hears of the end waits for ever"]
    fn carry_out_calls(&mut self, steps: &mut Places<Step>) -> Option<usize> {
        let mut first = None;
        for (place, step) in steps.iter_mut().enumerate() {
            match step {
                Step::Send { edge, callee, to, parcel, handshake_round_trips, handshake_cpu } => {
                    self.meters.attempt(*edge, *callee, self.now);
                    self.transmit(*to, *parcel, *handshake_round_trips, *handshake_cpu);
                }
                Step::Wake { at, wake } => self.queue.push(*at, Event::Calls(*wake)),
                Step::Count { edge, what } => {
                    cold_path();
                    self.meters.edge_count(*edge, *what, self.now);
                }
                Step::Done(ended) => {
                    self.call_ended(ended);
                    if first.is_none() {
                        first = Some(place);
                    } else {
                        cold_path();
                        self.hear_later(step);
                    }
                }
            }
        }
        first
    }

    /// The end of a call goes to whoever made it as an event of its own.
    #[cold]
    fn hear_later(&mut self, step: &mut Step) {
        let Step::Done(Ended { caller, token, answer, .. }) = step else { return };
        let (caller, token) = (*caller, *token);
        let answer = Answer { list: answer.list.take(), ..*answer };
        let incarnation = self.members[caller.index()].incarnation;
        self.queue.push(self.now, Event::Done { caller, incarnation, token, answer });
    }

    fn call_ended(&mut self, ended: &Ended) {
        let Ended { edge, caller, started, attempts, root, path, .. } = *ended;
        self.census.calls_ended += 1;
        self.meters.call_ended(edge, started, self.now, ended.answer.outcome);
        if ended.tag != 0 {
            self.complete(ended.tag, caller, ended.client, &ended.answer);
        }
        if self.focus.follows(root) {
            let work = Work { root, path };
            let (at, outcome) = (self.now, ended.answer.outcome);
            let event = TraceEvent::Answered { at, edge, caller, work, outcome, attempts, started };
            self.trace.keep(self.focus.limit, event);
        }
    }

    fn transmit(&mut self, to: ProcessId, parcel: u32, round_trips: u32, cpu: Span) {
        let call = self.calls.parcels.get(parcel);
        if call.requester.attempt > 0 {
            cold_path();
            self.attempted(to, parcel);
        }
        let call = self.calls.parcels.get(parcel);
        let (from, bytes) = (call.requester.process, call.op.carried());
        let (a, b) = (self.host_of(from), self.host_of(to));
        let (root, path) = (call.cause.root, call.cause.path);
        let mut bits = self.wire_bits(root, path, 0);
        self.census.requests_sent += 1;
        let Some(depart) = self.shake_hands(a, b, round_trips, &mut bits) else {
            cold_path();
            // A handshake message that is lost takes the request with it.
            self.census.requests_lost += 1;
            self.calls.parcels.take(parcel);
            return;
        };
        let crossing = self.network.cross(depart, a, b, bytes, &mut bits);
        let arrives = match &crossing {
            Crossing::Arrives { at, .. } => Some(*at),
            Crossing::Lost(_) => None,
        };
        if let Some(key) = self.focus.key {
            cold_path();
            self.watch_request(key, to, parcel, arrives);
        }
        if self.focus.follows(root) {
            let event = TraceEvent::Sent { at: self.now, from, to, work: Work { root, path }, arrives };
            self.trace.keep(self.focus.limit, event);
        }
        match crossing {
            Crossing::Arrives { at, again } => {
                if let Some(again) = again {
                    cold_path();
                    self.request_again(again, to, parcel);
                }
                let place = self.queue.place(at);
                *place = Some(Event::Request { to, parcel, extra: cpu });
            }
            Crossing::Lost(_) => {
                cold_path();
                self.census.requests_lost += 1;
                self.calls.parcels.take(parcel);
            }
        }
    }

    /// When the connection stands, after so many round trips; `None` if a message of the handshake is lost.
    fn shake_hands(&mut self, a: HostId, b: HostId, round_trips: u32, bits: &mut Addressed) -> Option<Instant> {
        if round_trips == 0 {
            return Some(self.now);
        }
        cold_path();
        let mut depart = self.now;
        for _ in 0..2 * round_trips {
            match self.network.cross(depart, a, b, 0, bits) {
                Crossing::Arrives { at, .. } => depart = at,
                Crossing::Lost(_) => return None,
            }
        }
        Some(depart)
    }

    /// The network has made two of one request.
    #[cold]
    fn request_again(&mut self, again: Instant, to: ProcessId, parcel: u32) {
        self.census.requests_sent += 1;
        let call = self.calls.parcels.get(parcel).clone();
        let copy = self.calls.parcels.put(call);
        self.queue.push(again, Event::Request { to, parcel: copy, extra: Span::ZERO });
    }

    pub(super) fn on_request(&mut self, to: ProcessId, parcel: u32, extra: Span) {
        self.census.requests_arrived += 1;
        let call = self.calls.parcels.get(parcel);
        let work = Work { root: call.cause.root, path: call.cause.path };
        let (requester, verb) = (call.requester, call.op.verb);
        let (priority, deadline, bytes) = (call.op.priority, call.cause.deadline, call.op.bytes);
        self.fold(8, u64::from(to.0), work.root ^ work.path);
        let member = &self.members[to.index()];
        match member.life {
            Life::Off => {
                cold_path();
                self.calls.parcels.take(parcel);
                return;
            }
            Life::Down => {
                cold_path();
                // Nobody listens on the port; the machine says so.
                self.calls.parcels.take(parcel);
                self.send_back(to, requester, &mut Answer::of(Outcome::Unavailable), work.root, work.path);
                return;
            }
            Life::Up | Life::Paused => {}
        }
        let group = member.group;
        let mut time = match self.groups[group.index()].service.law(verb) {
            Some(law) if !law.is_zero() => {
                law.sample_span(&mut self.service_draws[group.index()].at(work.root, work.path))
            }
            _ => Span::ZERO,
        };
        let extra = if verb.fetches() { extra + self.read_disk(to, bytes) } else { extra };
        let mut is_gray = false;
        if let Some(gray) = &self.members[to.index()].gray
            && verb != crate::rpc::Verb::Ping
        {
            cold_path();
            is_gray = self.turns_gray(gray, work, &mut time);
        }
        let visit = self.free_visit();
        self.visits[visit as usize] = Visit {
            requester,
            process: to,
            work,
            verb,
            arrived: self.now,
            begun: self.now,
            served: self.now,
            worker: None,
            gray: is_gray,
            open: true,
            parcel: Some(parcel),
        };
        // A health check is no request: it comes from nobody who wants anything.
        if verb != crate::rpc::Verb::Ping {
            self.meters.visit_arrived(to, self.now);
        }
        let job = station::Job { what: Job::Visit(visit), work: time + extra, priority, deadline };
        let mut steps = self.station_steps.take();
        self.members[to.index()].station.offer(self.now, job, &mut steps);
        self.carry_out_station(to, &mut steps);
        self.station_steps.give(steps);
    }

    /// How long a read of so many bytes takes a process's disk: its worker waits for it.
    pub(super) fn read_disk(&mut self, process: ProcessId, bytes: u32) -> Span {
        let host = self.members[process.index()].host;
        self.disks[host.index()].read(bytes)
    }

    /// Whether a gray process fails this request, and what time that takes.
    #[cold]
    fn turns_gray(&self, gray: &Gray, work: Work, time: &mut Span) -> bool {
        let mut bits = self.gray_draws.at(work.root, work.path);
        let fails = bits.chance(gray.errors);
        if let Some(law) = &gray.service_time {
            *time = law.sample_span(&mut bits);
        }
        fails
    }

    pub(super) fn on_finish(&mut self, process: ProcessId, ticket: Ticket) {
        self.fold(9, u64::from(process.0), 0);
        let mut steps = self.station_steps.take();
        self.members[process.index()].station.finish(self.now, ticket, &mut steps);
        self.carry_out_station(process, &mut steps);
        self.station_steps.give(steps);
    }

    /// Does what a station says.
    pub(super) fn carry_out_station(&mut self, process: ProcessId, steps: &mut Places<station::Step<Job>>) {
        while self.carry_out_steps(process, steps) {
            self.members[process.index()].station.go_on(self.now, steps);
        }
    }

    /// Whether the station is to be asked to go on.
    fn carry_out_steps(&mut self, process: ProcessId, steps: &mut Places<station::Step<Job>>) -> bool {
        self.note_levels(process);
        let mut goes_on = false;
        // A handler that runs here may ask the station for more: its steps go behind, into a buffer of their own.
        for step in steps.iter_mut() {
            match *step {
                station::Step::FinishAt { at, ticket } => {
                    let place = self.queue.place(at);
                    *place = Some(Event::Finish { process, ticket });
                }
                station::Step::GoOn => goes_on = true,
                station::Step::Done { what: Job::Visit(visit), waited, worker } => {
                    self.serve(process, visit, waited, worker);
                }
                station::Step::Done { what: Job::Message(paying), worker, .. } => {
                    cold_path();
                    self.paid(process, paying);
                    if let Some(worker) = worker {
                        self.let_go(process, worker);
                    }
                }
                station::Step::Done { what: Job::Compute(computing), worker, .. } => {
                    let Computing { token, requester, work } = self.computing.take(computing);
                    if let Some(row) = requester.and_then(|requester| self.open_visit(process, &requester)) {
                        row.worker = worker.or(row.worker);
                        let root = row.work.root;
                        if self.focus.follows(root) {
                            let event = TraceEvent::Computed { at: self.now, process, work };
                            self.trace.keep(self.focus.limit, event);
                        }
                    }
                    self.computed(process, token);
                    // Whoever has a worker of nobody's request gives it back.
                    if let (None, Some(worker)) = (requester, worker) {
                        cold_path();
                        self.let_go(process, worker);
                    }
                }
                station::Step::Refused { what: Job::Visit(visit), why } => {
                    cold_path();
                    let outcome = match why {
                        Refusal::Starting => Outcome::Unavailable,
                        Refusal::Full | Refusal::Shed | Refusal::Expired | Refusal::Delayed => Outcome::Rejected,
                    };
                    let requester = Requester { visit, ..self.visits[visit as usize].requester };
                    self.reply(process, &requester, &mut Answer::of(outcome));
                }
                // Thrown away at the head of the queue, where clients are: a peer's message is dealt with all the same.
                station::Step::Refused { what: Job::Message(paying), .. } => {
                    cold_path();
                    self.paid(process, paying);
                }
                station::Step::Refused { what: Job::Compute(computing), .. } => {
                    cold_path();
                    let Computing { token, .. } = self.computing.take(computing);
                    self.with(process, |state, out| state.thrown_away(token, out));
                }
            }
        }
        steps.clear();
        goes_on
    }

    /// Work is done. Work that takes no time is done within the handler that asked for it; a long row of such goes
    /// through the queue now and then, which is deep enough for any.
    fn computed(&mut self, process: ProcessId, token: Token) {
        if self.nested == DEEPEST {
            let incarnation = self.members[process.index()].incarnation;
            self.queue.push(self.now, Event::Computed { process, incarnation, token });
            return;
        }
        self.nested += 1;
        self.with(process, |state, out| state.computed(token, out));
        self.nested -= 1;
    }

    pub(super) fn on_computed(&mut self, process: ProcessId, incarnation: u32, token: Token) {
        if self.members[process.index()].incarnation == incarnation {
            self.computed(process, token);
        }
    }

    fn serve(&mut self, process: ProcessId, visit: u32, waited: Span, worker: Option<u32>) {
        let row = &mut self.visits[visit as usize];
        row.begun = row.arrived + waited;
        row.served = self.now;
        row.worker = worker;
        let (arrived, gray) = (row.arrived, row.gray);
        let parcel = row.parcel.take().expect("a visit is served once");
        let mut call = self.calls.parcels.take(parcel);
        call.requester.visit = visit;
        if call.op.verb != crate::rpc::Verb::Ping {
            self.meters.visit_waited(process, arrived, waited);
        }
        if gray {
            cold_path();
            self.reply(process, &call.requester, &mut Answer::of(Outcome::Error));
        } else if call.op.verb == crate::rpc::Verb::Ping {
            cold_path();
            self.reply(process, &call.requester, &mut Answer::ok());
        } else {
            self.with(process, |state, out| state.request(call, out));
        }
    }

    /// The visit of a request that has not been answered.
    #[inline]
    pub(super) fn open_visit(&mut self, process: ProcessId, requester: &Requester) -> Option<&mut Visit> {
        let row = self.visits.get_mut(requester.visit as usize)?;
        let same = row.requester.process == requester.process
            && row.requester.slot == requester.slot
            && row.requester.generation == requester.generation
            && row.requester.attempt == requester.attempt;
        (requester.visit != 0 && row.open && row.process == process && same).then_some(row)
    }

    /// An answer goes back to whoever asked. Nothing is left of it.
    #[inline(never)]
    pub(super) fn reply(&mut self, process: ProcessId, requester: &Requester, answer: &mut Answer) {
        let visit = requester.visit;
        // A second reply to the same request, or one after a crash, finds the row closed or given to somebody else.
        let Some(row) = self.open_visit(process, requester) else {
            cold_path();
            answer.list = None;
            return;
        };
        let (work, worker, arrived, verb) = (row.work, row.worker, row.arrived, row.verb);
        if self.focus.follows(work.root) {
            let row = &self.visits[visit as usize];
            let (begun, served, replied, outcome) = (row.begun, row.served, self.now, answer.outcome);
            let event = TraceEvent::Visited { process, work, verb, arrived, begun, served, replied, outcome };
            self.trace.keep(self.focus.limit, event);
        }
        self.close_visit(visit);
        if verb != crate::rpc::Verb::Ping {
            self.meters.visit_ended(process, arrived, self.now, answer.outcome);
        }
        self.send_back(process, *requester, answer, work.root, work.path);
        if let Some(worker) = worker {
            self.let_go(process, worker);
        }
    }

    /// A worker that was held until the answer is free again.
    fn let_go(&mut self, process: ProcessId, worker: u32) {
        let mut steps = self.station_steps.take();
        self.members[process.index()].station.release(self.now, worker, &mut steps);
        self.carry_out_station(process, &mut steps);
        self.station_steps.give(steps);
    }

    /// Puts an answer on the wire. Nothing is left of it.
    pub(super) fn send_back(
        &mut self,
        from: ProcessId,
        requester: Requester,
        answer: &mut Answer,
        root: u64,
        path: u64,
    ) {
        let (a, b) = (self.host_of(from), self.host_of(requester.process));
        let mut bits = self.wire_bits(root, path, 1);
        self.census.answers_sent += 1;
        let crossing = self.network.cross(self.now, a, b, answer.bytes, &mut bits);
        if self.focus.key.is_some() {
            cold_path();
            let arrives = match &crossing {
                Crossing::Arrives { at, .. } => Some(*at),
                Crossing::Lost(_) => None,
            };
            self.watch_reply(from, requester, answer, arrives);
        }
        match crossing {
            Crossing::Arrives { at, again } => {
                if let Some(again) = again {
                    cold_path();
                    self.answer_again(again, requester, answer);
                }
                let place = self.queue.place(at);
                *place = Some(Event::Answer { requester, answer: Answer { list: answer.list.take(), ..*answer } });
            }
            Crossing::Lost(_) => {
                answer.list = None;
                self.census.answers_lost += 1;
            }
        }
    }

    /// The network has made two of one answer.
    #[cold]
    fn answer_again(&mut self, again: Instant, requester: Requester, answer: &Answer) {
        self.census.answers_sent += 1;
        self.queue.push(again, Event::Answer { requester, answer: answer.clone() });
    }

    pub(super) fn on_answer(&mut self, requester: Requester, answer: Answer) {
        self.census.answers_arrived += 1;
        self.fold(
            10,
            u64::from(requester.process.0) << 32 | u64::from(requester.slot),
            answer.value ^ answer.outcome as u64,
        );
        let requester = Requester { visit: 0, ..requester };
        let mut steps = self.call_steps.take();
        self.calls.answer(self.now, requester, answer, &mut steps);
        self.follow_calls(steps);
    }

    /// A row for a visit.
    #[inline]
    fn free_visit(&mut self) -> u32 {
        if let Some(free) = self.free_visits.pop() {
            return free;
        }
        cold_path();
        self.visits.push(Visit::none());
        u32::try_from(self.visits.len() - 1).expect("fewer than 2^32 requests under way")
    }

    pub(super) fn close_visit(&mut self, visit: u32) {
        let row = &mut self.visits[visit as usize];
        row.open = false;
        if let Some(parcel) = row.parcel.take() {
            cold_path();
            self.calls.parcels.take(parcel);
        }
        self.free_visits.push(visit);
    }

    /// Tells the meters how busy a process is.
    pub(super) fn note_levels(&mut self, process: ProcessId) {
        let station = &self.members[process.index()].station;
        self.meters.levels(process, self.now, station.busy(), station.waiting());
    }
}
