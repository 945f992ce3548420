//! The table of calls under way, and what policy does with them.
//!
//! A call is one row; each of its attempts awaits one answer. The table touches no queue and no network: it takes what
//! happened and says what to do next ([`Step`]), so it is the same for a million client rows and for every service.
//!
//! - A slot of a pool is held by an attempt from the moment it may be sent until it is answered or given up.
//! - A leader hint is followed at once and isn't a retry; at most eight a call.
//! - Attempt n draws under its own path; attempt 0 draws under the call's, whatever the policy.

use std::collections::{BTreeMap, VecDeque};

use super::balance::Balancer;
use super::breaker::BreakerState;
use super::bucket::Bucket;
use super::due::{Arm, DueEntry, DueFifo};
use super::edge::{Connections, EdgeSpec};
use super::latency::Latencies;
use super::limit::Limit;
use super::op::{Answer, Call, Cause, Op, Outcome, Requester, Token};
use super::policy::{HedgeAfter, Policy};
use super::step::{Counted, Due, Step, Wake, WakeKind};
use crate::engine::{Draws, EdgeId, Instant, ProcessId, Seed, Span, mix};

/// Leader hints followed by one call.
const REDIRECTS_MAX: u8 = 8;

/// An attempt that awaits its answer.
#[derive(Clone, Copy, Debug)]
struct Flight {
    attempt: u16,
    instance: u32,
    sent: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Free,
    Asking,
    WaitingForSlot(Instant),
    BackingOff,
}

#[derive(Clone, Debug)]
struct Row {
    generation: u32,
    phase: Phase,
    edge: EdgeId,
    caller: ProcessId,
    caller_index: u32,
    token: Token,
    tag: u32,
    op: Op,
    cause: Cause,
    started: Instant,
    deadline: Instant,
    to: Option<u32>,
    /// Attempts sent.
    attempts: u16,
    retries: u32,
    redirects: u8,
    /// The pause before the last retry.
    pause: Span,
    /// Whether an earlier attempt may yet take effect.
    in_doubt: bool,
    /// Whether the edge's adaptive limit counts it.
    limited: bool,
    flights: [Option<Flight>; 2],
}

/// What one caller knows of one callee.
#[derive(Clone, Debug)]
struct View {
    balancer: Balancer,
    budget: Option<Bucket>,
    hedges: Option<Bucket>,
    latencies: Option<Latencies>,
    breaker: Option<BreakerState>,
    limit: Option<Limit>,
    timeouts: DueFifo,
    leader: Option<u32>,
    in_flight: u32,
    /// When each connection was last used, by instance and (if it is the client's own) client.
    connections: BTreeMap<(u32, u32), Instant>,
    pinned: BTreeMap<u32, u32>,
}

#[derive(Clone, Debug, Default)]
struct PoolState {
    used: u32,
    made: u32,
    leaked: u32,
    waiting: VecDeque<(u32, u32)>,
}

/// All calls under way.
#[derive(Clone, Debug)]
pub struct Calls {
    specs: Vec<EdgeSpec>,
    rows: Vec<Row>,
    free: Vec<u32>,
    /// By edge and caller.
    views: Vec<Vec<View>>,
    pools: Vec<Vec<PoolState>>,
    balance_draws: Vec<Draws>,
    backoff_draws: Vec<Draws>,
}

impl View {
    fn new(spec: &EdgeSpec) -> View {
        let policy = &spec.policy;
        let mut view = View {
            balancer: Balancer::new(spec),
            budget: None,
            hedges: None,
            latencies: None,
            breaker: None,
            limit: None,
            timeouts: DueFifo::default(),
            leader: None,
            in_flight: 0,
            connections: BTreeMap::new(),
            pinned: BTreeMap::new(),
        };
        view.adopt(policy);
        view
    }

    /// Fresh state for whatever the policy keeps state of.
    fn adopt(&mut self, policy: &Policy) {
        self.budget = policy.retry.as_ref().and_then(|r| r.budget.map(|share| Bucket::full(share, r.budget_burst)));
        // A burst of ten hedges is illustrative; Dean and Barroso name the share only.
        self.hedges = policy.hedge.as_ref().map(|h| Bucket::full(h.max, 10));
        self.latencies = policy.hedge.as_ref().and_then(|h| match h.after {
            HedgeAfter::Quantile(q) => Some(Latencies::new(q)),
            HedgeAfter::Fixed(_) => None,
        });
        self.breaker = policy.breaker.map(BreakerState::new);
        self.limit = policy.concurrency.map(Limit::new);
    }
}

impl Calls {
    /// No calls over these edges.
    pub fn new(seed: Seed, edges: Vec<EdgeSpec>) -> Calls {
        let draws = |what: &str| -> Vec<Draws> {
            edges.iter().map(|e| Draws::named(seed, &format!("edge/{}/{what}", e.name))).collect()
        };
        let views = edges.iter().map(|e| (0..e.callers).map(|_| View::new(e)).collect()).collect();
        let pools = edges.iter().map(|e| vec![PoolState::default(); e.callers as usize]).collect();
        Calls {
            balance_draws: draws("balance"),
            backoff_draws: draws("backoff"),
            specs: edges,
            rows: Vec::new(),
            free: Vec::new(),
            views,
            pools,
        }
    }

    /// An edge.
    pub fn spec(&self, edge: EdgeId) -> &EdgeSpec {
        &self.specs[edge.index()]
    }
    /// Rows in use.
    pub fn open(&self) -> usize {
        self.rows.len() - self.free.len()
    }
    /// Slots in use of an edge's pools, all callers together.
    pub fn pool_used(&self, edge: EdgeId) -> u32 {
        self.pools[self.pool_of(edge)].iter().map(|p| p.used).sum()
    }
    /// Calls under way over an edge.
    pub fn in_flight(&self, edge: EdgeId) -> u32 {
        self.views[edge.index()].iter().map(|v| v.in_flight).sum()
    }

    /// A call begins; `tag` comes back with its end.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing, and none has a default")]
    pub fn begin(
        &mut self,
        now: Instant,
        caller: ProcessId,
        caller_index: u32,
        edge: EdgeId,
        op: Op,
        cause: Cause,
        token: Token,
        to: Option<u32>,
        tag: u32,
        steps: &mut Vec<Step>,
    ) {
        let policy = &self.specs[edge.index()].policy;
        let own = policy.deadline.map_or(Instant::NEVER, |d| now + d);
        let row = Row {
            generation: 0,
            phase: Phase::Asking,
            edge,
            caller,
            caller_index,
            token,
            tag,
            op,
            cause,
            started: now,
            deadline: own.min(cause.deadline),
            to,
            attempts: 0,
            retries: 0,
            redirects: 0,
            pause: Span::ZERO,
            in_doubt: false,
            limited: false,
            flights: [None, None],
        };
        let slot = self.take_row(row);
        let view = &mut self.views[edge.index()][caller_index as usize];
        view.in_flight += 1;
        if let Some(budget) = &mut view.budget {
            budget.deposit();
        }
        if let Some(hedges) = &mut view.hedges {
            hedges.deposit();
        }
        let entered = view.limit.as_mut().map(|limit| limit.enter().is_some());
        self.rows[slot as usize].limited = entered == Some(true);
        if entered == Some(false) {
            steps.push(Step::Count { edge, what: Counted::LimitRefused });
            self.end(now, slot, Answer::of(Outcome::Rejected), steps);
            return;
        }
        let deadline = self.rows[slot as usize].deadline;
        if deadline <= now {
            self.end(now, slot, Answer::of(Outcome::Timeout), steps);
            return;
        }
        if deadline != Instant::NEVER {
            steps.push(Step::Wake { at: deadline, wake: self.wake_for(slot, WakeKind::One(Due::Deadline, 0)) });
        }
        self.attempt(now, slot, steps);
    }

    fn take_row(&mut self, row: Row) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                let generation = self.rows[slot as usize].generation;
                self.rows[slot as usize] = Row { generation, ..row };
                slot
            }
            None => {
                self.rows.push(row);
                u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 calls under way")
            }
        }
    }

    fn wake_for(&self, slot: u32, kind: WakeKind) -> Wake {
        Wake { slot, generation: self.rows[slot as usize].generation, kind }
    }

    fn view(&mut self, slot: u32) -> (&Row, &EdgeSpec, &mut View) {
        let row = &self.rows[slot as usize];
        let view = &mut self.views[row.edge.index()][row.caller_index as usize];
        (row, &self.specs[row.edge.index()], view)
    }

    fn pool_of(&self, edge: EdgeId) -> usize {
        self.specs[edge.index()].policy.pool.as_ref().and_then(|p| p.same_as).unwrap_or(edge).index()
    }

    /// The next attempt, as soon as breaker and pool let it.
    fn attempt(&mut self, now: Instant, slot: u32, steps: &mut Vec<Step>) {
        let (row, _, view) = self.view(slot);
        let edge = row.edge;
        if let Some(breaker) = &mut view.breaker
            && !breaker.permit(now)
        {
            steps.push(Step::Count { edge, what: Counted::BreakerRefused });
            self.failed(now, slot, Answer::of(Outcome::Rejected), steps);
            return;
        }
        let Some(pool) = self.specs[edge.index()].policy.pool.clone() else {
            self.send(now, slot, Span::ZERO, steps);
            return;
        };
        let owner = self.pool_of(edge);
        let size = self.specs[owner].policy.pool.as_ref().map_or(pool.size, |p| p.size);
        let caller = self.rows[slot as usize].caller_index as usize;
        let state = &mut self.pools[owner][caller];
        if state.used + state.leaked < size {
            state.used += 1;
            let create = if state.used > state.made { pool.create } else { Span::ZERO };
            state.made = state.made.max(state.used);
            self.send(now, slot, create, steps);
            return;
        }
        let generation = self.rows[slot as usize].generation;
        state.waiting.push_back((slot, generation));
        self.rows[slot as usize].phase = Phase::WaitingForSlot(now);
        if let Some(wait) = pool.max_wait {
            let attempt = self.rows[slot as usize].attempts;
            let wake = self.wake_for(slot, WakeKind::One(Due::PoolWait, attempt));
            steps.push(Step::Wake { at: now + wait, wake });
        }
    }

    /// Puts an attempt on the wire. The time to create a pool slot is carried as work of the handshake.
    fn send(&mut self, now: Instant, slot: u32, create: Span, steps: &mut Vec<Step>) {
        let row = &self.rows[slot as usize];
        let (edge, caller_index, n) = (row.edge, row.caller_index, row.attempts);
        let path = if n == 0 { row.cause.path } else { mix(row.cause.path, u64::from(n)) };
        let mut bits = self.balance_draws[edge.index()].at(row.cause.root, path);
        let spec = &self.specs[edge.index()];
        let view = &mut self.views[edge.index()][caller_index as usize];
        let (key, client) = (row.op.key, row.cause.client);
        let pinned = (spec.connections == Connections::Pinned).then(|| view.pinned.get(&client).copied()).flatten();
        // A retry over a pinned connection that failed makes a new one.
        let pinned = if n == 0 { pinned } else { None };
        let chosen = row
            .to
            .or(view.leader)
            .or(pinned)
            .filter(|i| *i < spec.instances)
            .or_else(|| view.balancer.choose(spec, now, caller_index, key, client, &mut bits));
        let Some(instance) = chosen else {
            steps.push(Step::Count { edge, what: Counted::NobodyEligible });
            self.free_slot(now, slot, steps);
            self.failed(now, slot, Answer::of(Outcome::Unavailable), steps);
            return;
        };
        if spec.connections == Connections::Pinned {
            view.pinned.insert(client, instance);
        }
        view.balancer.sent(spec, instance);
        let mut handshake = (0, create);
        let connect = &spec.policy.connect;
        if connect.round_trips > 0 || !connect.cpu.is_zero() {
            let whose = if spec.connections == Connections::PerCaller { 0 } else { client };
            let last = view.connections.insert((instance, whose), now);
            let alive = last.is_some_and(|at| connect.keepalive.is_none_or(|k| now.since(at) <= k));
            if !alive {
                handshake = (connect.round_trips, create + connect.cpu);
                steps.push(Step::Count { edge, what: Counted::Connect });
            }
        }
        let policy = &spec.policy;
        let to = ProcessId(spec.first.0 + instance);
        let (timeout, hedge, propagate) = (policy.timeout, policy.hedge.clone(), policy.propagate_deadline);
        let hedged_already = self.rows[slot as usize].flights.iter().any(Option::is_some);
        let row = &mut self.rows[slot as usize];
        row.phase = Phase::Asking;
        row.attempts += 1;
        let flight = Flight { attempt: n, instance, sent: now };
        let place = if row.flights[0].is_none() { 0 } else { 1 };
        row.flights[place] = Some(flight);
        let deadline =
            if propagate { timeout.map_or(row.deadline, |t| row.deadline.min(now + t)) } else { Instant::NEVER };
        let call = Call {
            requester: Requester { process: row.caller, slot, generation: row.generation, attempt: n, visit: 0 },
            op: row.op.clone(),
            cause: Cause { path, deadline, ..row.cause },
        };
        steps.push(Step::Count { edge, what: Counted::Attempt });
        steps.push(Step::Send { to, call, handshake_round_trips: handshake.0, handshake_cpu: handshake.1 });
        if let Some(timeout) = timeout {
            self.arm_timeout(now, slot, n, now + timeout, steps);
        }
        if let Some(hedge) = hedge
            && !hedged_already
        {
            let view = &self.views[edge.index()][caller_index as usize];
            let after = match hedge.after {
                HedgeAfter::Fixed(after) => Some(after),
                HedgeAfter::Quantile(_) => view.latencies.as_ref().and_then(Latencies::quantile),
            };
            if let Some(after) = after {
                let wake = self.wake_for(slot, WakeKind::One(Due::Hedge, n));
                steps.push(Step::Wake { at: now + after, wake });
            }
        }
    }

    fn arm_timeout(&mut self, now: Instant, slot: u32, attempt: u16, at: Instant, steps: &mut Vec<Step>) {
        let row = &self.rows[slot as usize];
        let (edge, caller) = (row.edge, row.caller_index);
        let entry = DueEntry { at, slot, generation: row.generation, attempt };
        let rows = &self.rows;
        let fifo = &mut self.views[edge.index()][caller as usize].timeouts;
        fifo.prune(|e| awaits(rows, e));
        match fifo.push(now, entry) {
            Arm::Nothing => {}
            Arm::Head => {
                let head = fifo.head_at().unwrap_or(at);
                let wake = Wake { slot: u32::from(edge.0), generation: caller, kind: WakeKind::Head };
                steps.push(Step::Wake { at: head, wake });
            }
            Arm::Alone => {
                let wake = self.wake_for(slot, WakeKind::One(Due::Timeout, attempt));
                steps.push(Step::Wake { at, wake });
            }
        }
    }

    /// An answer arrives. One that nobody awaits any more is dropped.
    pub fn answer(&mut self, now: Instant, requester: Requester, answer: Answer, steps: &mut Vec<Step>) {
        let Some(flight) = self.land(requester.slot, requester.generation, requester.attempt) else { return };
        let slot = requester.slot;
        let edge = self.rows[slot as usize].edge;
        let outcome = answer.outcome;
        steps.push(Step::Count { edge, what: Counted::AttemptEnded(outcome) });
        self.learn(now, slot, flight, Some(outcome), steps);
        if outcome.answered() || outcome == Outcome::Aborted {
            let row = &mut self.rows[slot as usize];
            // Of an attempt that was given up nobody knows; the one that answered is certain.
            let _ = &mut row.in_doubt;
            if !(outcome == Outcome::Aborted && self.may_retry(slot, outcome)) {
                self.end(now, slot, answer, steps);
                return;
            }
        }
        let row = &mut self.rows[slot as usize];
        row.in_doubt |= !answer.definite;
        if row.flights.iter().all(Option::is_none) {
            self.failed(now, slot, answer, steps);
        }
    }

    /// Takes out the attempt, if it still awaits its answer.
    fn land(&mut self, slot: u32, generation: u32, attempt: u16) -> Option<Flight> {
        let row = self.rows.get_mut(slot as usize)?;
        if row.generation != generation || row.phase == Phase::Free {
            return None;
        }
        let place = row.flights.iter().position(|f| f.is_some_and(|f| f.attempt == attempt))?;
        row.flights[place].take()
    }

    /// What an attempt that is over teaches, and what it gives back. `None`: it was given up for another's answer.
    fn learn(&mut self, now: Instant, slot: u32, flight: Flight, outcome: Option<Outcome>, steps: &mut Vec<Step>) {
        let took = now.since(flight.sent);
        let (row, spec, view) = self.view(slot);
        let edge = row.edge;
        if view.balancer.over(spec, now, flight.instance, took, outcome) {
            steps.push(Step::Count { edge, what: Counted::Ejected });
        }
        if let Some(outcome) = outcome {
            let failed = matches!(outcome, Outcome::Error | Outcome::Timeout | Outcome::Unavailable);
            if failed && view.leader == Some(flight.instance) {
                view.leader = None;
            }
            if let Some(breaker) = &mut view.breaker
                && breaker.record(now, failed)
            {
                steps.push(Step::Count { edge, what: Counted::BreakerOpened });
            }
            if outcome.answered()
                && let Some(latencies) = &mut view.latencies
            {
                latencies.record(took);
            }
            if let Some(limit) = &mut view.limit {
                limit.record(took, view.in_flight, outcome);
            }
        } else if let Some(breaker) = &mut view.breaker {
            breaker.give_back();
        }
        self.free_slot(now, slot, steps);
    }

    /// Gives back a slot of the pool; the first that waits gets it.
    fn free_slot(&mut self, now: Instant, slot: u32, steps: &mut Vec<Step>) {
        let row = &self.rows[slot as usize];
        let (edge, caller) = (row.edge, row.caller_index as usize);
        if self.specs[edge.index()].policy.pool.is_none() {
            return;
        }
        let owner = self.pool_of(edge);
        self.pools[owner][caller].used = self.pools[owner][caller].used.saturating_sub(1);
        self.serve_pool(now, owner, caller, steps);
    }

    fn serve_pool(&mut self, now: Instant, owner: usize, caller: usize, steps: &mut Vec<Step>) {
        let size = self.specs[owner].policy.pool.as_ref().map_or(u32::MAX, |p| p.size);
        loop {
            let state = &mut self.pools[owner][caller];
            if state.used + state.leaked >= size {
                return;
            }
            let Some((next, generation)) = state.waiting.pop_front() else { return };
            let row = &self.rows[next as usize];
            let Phase::WaitingForSlot(since) = row.phase else { continue };
            if row.generation != generation {
                continue;
            }
            state.used += 1;
            steps.push(Step::Count { edge: row.edge, what: Counted::PoolWait(now.since(since)) });
            self.send(now, next, Span::ZERO, steps);
        }
    }

    fn may_retry(&self, slot: u32, outcome: Outcome) -> bool {
        let row = &self.rows[slot as usize];
        let policy = &self.specs[row.edge.index()].policy;
        policy.retry.as_ref().is_some_and(|r| row.retries + 1 < r.attempts && r.on.contains(&outcome))
    }

    /// All attempts so far have failed: follow a hint, try again, or give up.
    fn failed(&mut self, now: Instant, slot: u32, answer: Answer, steps: &mut Vec<Step>) {
        let (row, spec, view) = self.view(slot);
        let edge = row.edge;
        if let Some(leader) = answer.redirect
            && row.redirects < REDIRECTS_MAX
            && leader < spec.instances
            && row.to.is_none()
        {
            view.leader = Some(leader);
            self.rows[slot as usize].redirects += 1;
            steps.push(Step::Count { edge, what: Counted::Redirect });
            self.attempt(now, slot, steps);
            return;
        }
        if !self.may_retry(slot, answer.outcome) || self.rows[slot as usize].deadline <= now {
            self.end(now, slot, answer, steps);
            return;
        }
        let (_, _, view) = self.view(slot);
        if let Some(budget) = &mut view.budget
            && !budget.take()
        {
            steps.push(Step::Count { edge, what: Counted::BudgetSpent });
            self.end(now, slot, answer, steps);
            return;
        }
        let row = &self.rows[slot as usize];
        let retry = self.specs[edge.index()].policy.retry.as_ref().expect("it may be retried");
        let n = row.retries + 1;
        let mut bits = self.backoff_draws[edge.index()].at(row.cause.root, mix(row.cause.path, u64::from(n)));
        let pause = retry.backoff.pause(n, row.pause, &mut bits);
        let row = &mut self.rows[slot as usize];
        row.retries = n;
        row.pause = pause;
        steps.push(Step::Count { edge, what: Counted::Retry });
        if pause.is_zero() {
            self.attempt(now, slot, steps);
        } else {
            row.phase = Phase::BackingOff;
            let wake = self.wake_for(slot, WakeKind::BackoffOver);
            steps.push(Step::Wake { at: now + pause, wake });
        }
    }

    /// Of a call that was let in; of any other nothing happens.
    fn leave_limit(&mut self, slot: u32) {
        if !std::mem::take(&mut self.rows[slot as usize].limited) {
            return;
        }
        let (_, _, view) = self.view(slot);
        if let Some(limit) = &mut view.limit {
            limit.leave();
        }
    }

    /// The call is over.
    fn end(&mut self, now: Instant, slot: u32, mut answer: Answer, steps: &mut Vec<Step>) {
        let flights = std::mem::take(&mut self.rows[slot as usize].flights);
        let edge = self.rows[slot as usize].edge;
        for flight in flights.into_iter().flatten() {
            let outcome = if answer.outcome == Outcome::Timeout {
                steps.push(Step::Count { edge, what: Counted::AttemptEnded(Outcome::Timeout) });
                Some(Outcome::Timeout)
            } else {
                steps.push(Step::Count { edge, what: Counted::Abandoned });
                None
            };
            self.learn(now, slot, flight, outcome, steps);
        }
        self.leave_limit(slot);
        let row = &mut self.rows[slot as usize];
        answer.definite = answer.outcome.answered() || (answer.definite && !row.in_doubt);
        steps.push(Step::Done {
            edge,
            caller: row.caller,
            token: row.token,
            answer,
            started: row.started,
            attempts: row.attempts,
            cause: row.cause,
            tag: row.tag,
        });
        let caller = row.caller_index as usize;
        self.free_row(slot);
        let view = &mut self.views[edge.index()][caller];
        view.in_flight -= 1;
    }

    fn free_row(&mut self, slot: u32) {
        let row = &mut self.rows[slot as usize];
        row.phase = Phase::Free;
        row.generation = row.generation.wrapping_add(1);
        row.op.arguments = None;
        self.free.push(slot);
    }

    /// A wake that was asked for.
    pub fn wake(&mut self, now: Instant, wake: Wake, steps: &mut Vec<Step>) {
        let kind = match wake.kind {
            WakeKind::Head => {
                self.due_timeouts(now, wake, steps);
                return;
            }
            kind => kind,
        };
        let Some(row) = self.rows.get(wake.slot as usize) else { return };
        if row.generation != wake.generation || row.phase == Phase::Free {
            return;
        }
        let slot = wake.slot;
        match kind {
            WakeKind::Head => {}
            WakeKind::One(Due::Timeout, attempt) => self.timed_out(now, slot, wake.generation, attempt, steps),
            WakeKind::One(Due::Deadline, _) => {
                self.rows[slot as usize].in_doubt = true;
                self.end(now, slot, Answer::of(Outcome::Timeout), steps);
            }
            WakeKind::One(Due::Hedge, attempt) => self.hedge(now, slot, attempt, steps),
            WakeKind::One(Due::PoolWait, attempt) => {
                if matches!(row.phase, Phase::WaitingForSlot(_)) && row.attempts == attempt {
                    let edge = row.edge;
                    self.rows[slot as usize].phase = Phase::Asking;
                    steps.push(Step::Count { edge, what: Counted::PoolRefused });
                    self.failed(now, slot, Answer::of(Outcome::Rejected), steps);
                }
            }
            WakeKind::BackoffOver => {
                if row.phase == Phase::BackingOff {
                    self.rows[slot as usize].phase = Phase::Asking;
                    self.attempt(now, slot, steps);
                }
            }
        }
    }

    fn due_timeouts(&mut self, now: Instant, wake: Wake, steps: &mut Vec<Step>) {
        let (edge, caller) = (wake.slot as usize, wake.generation as usize);
        loop {
            let rows = &self.rows;
            let fifo = &mut self.views[edge][caller].timeouts;
            fifo.prune(|e| awaits(rows, e));
            let Some(entry) = fifo.pop(now) else { break };
            self.timed_out(now, entry.slot, entry.generation, entry.attempt, steps);
        }
        if let Some(at) = self.views[edge][caller].timeouts.rearm() {
            steps.push(Step::Wake { at, wake });
        }
    }

    fn timed_out(&mut self, now: Instant, slot: u32, generation: u32, attempt: u16, steps: &mut Vec<Step>) {
        let Some(flight) = self.land(slot, generation, attempt) else { return };
        let edge = self.rows[slot as usize].edge;
        steps.push(Step::Count { edge, what: Counted::AttemptEnded(Outcome::Timeout) });
        self.learn(now, slot, flight, Some(Outcome::Timeout), steps);
        let row = &mut self.rows[slot as usize];
        row.in_doubt = true;
        if row.flights.iter().all(Option::is_none) {
            self.failed(now, slot, Answer::of(Outcome::Timeout), steps);
        }
    }

    fn hedge(&mut self, now: Instant, slot: u32, attempt: u16, steps: &mut Vec<Step>) {
        let row = &self.rows[slot as usize];
        let waiting = row.flights.iter().flatten().count();
        let same = row.flights.iter().flatten().any(|f| f.attempt == attempt);
        if waiting != 1 || !same || row.phase != Phase::Asking {
            return;
        }
        let edge = row.edge;
        let caller = row.caller_index as usize;
        // A hedge waits for no slot: if the pool is full there is none.
        if self.specs[edge.index()].policy.pool.is_some() {
            let owner = self.pool_of(edge);
            let size = self.specs[owner].policy.pool.as_ref().map_or(0, |p| p.size);
            let state = &mut self.pools[owner][caller];
            if state.used + state.leaked >= size {
                return;
            }
            state.used += 1;
        }
        let (_, _, view) = self.view(slot);
        if let Some(hedges) = &mut view.hedges
            && !hedges.take()
        {
            self.free_slot(now, slot, steps);
            return;
        }
        steps.push(Step::Count { edge, what: Counted::Hedge });
        self.send(now, slot, Span::ZERO, steps);
    }

    /// The caller crashed: its calls are gone. Returns how many.
    pub fn forget(&mut self, now: Instant, caller: ProcessId, steps: &mut Vec<Step>) -> u32 {
        let mut forgotten = 0;
        for slot in 0..self.rows.len() as u32 {
            let row = &mut self.rows[slot as usize];
            if row.phase == Phase::Free || row.caller != caller {
                continue;
            }
            forgotten += 1;
            let flights = std::mem::take(&mut row.flights);
            let (edge, index) = (row.edge, row.caller_index as usize);
            self.leave_limit(slot);
            self.free_row(slot);
            for flight in flights.into_iter().flatten() {
                let spec = &self.specs[edge.index()];
                self.views[edge.index()][index].balancer.over(spec, now, flight.instance, Span::ZERO, None);
            }
            self.views[edge.index()][index].in_flight -= 1;
        }
        if forgotten > 0 {
            for (edge, spec) in self.specs.iter().enumerate() {
                for (index, pool) in self.pools[edge].iter_mut().enumerate() {
                    let owner = self.rows.iter().any(|r| r.phase != Phase::Free && r.caller_index as usize == index);
                    if !owner && spec.policy.pool.is_some() {
                        *pool = PoolState { leaked: pool.leaked, ..PoolState::default() };
                    }
                }
            }
        }
        let _ = steps;
        forgotten
    }

    /// A live change of an edge's policy; what the old one had learnt is forgotten.
    pub fn set_policy(&mut self, now: Instant, edge: EdgeId, policy: Policy) {
        let spec = &mut self.specs[edge.index()];
        spec.policy = policy;
        for view in &mut self.views[edge.index()] {
            view.adopt(&spec.policy);
            view.balancer.resize(spec, now);
        }
    }

    /// A callee has another number of instances.
    pub fn set_instances(&mut self, now: Instant, edge: EdgeId, instances: u32) {
        let spec = &mut self.specs[edge.index()];
        spec.instances = instances;
        self.views[edge.index()].iter_mut().for_each(|view| view.balancer.resize(spec, now));
    }

    /// Takes an instance out of one caller's choice, or puts it back.
    pub fn set_eligible(&mut self, now: Instant, edge: EdgeId, caller_index: u32, instance: u32, eligible: bool) {
        let spec = &self.specs[edge.index()];
        if let Some(view) = self.views[edge.index()].get_mut(caller_index as usize) {
            view.balancer.set_eligible(spec, now, instance, eligible);
        }
    }

    /// `slots` slots of every caller's pool are held by nobody; 0 gives them back.
    pub fn hold_pool_slots(&mut self, now: Instant, edge: EdgeId, slots: u32, steps: &mut Vec<Step>) {
        let owner = self.pool_of(edge);
        for caller in 0..self.pools[owner].len() {
            self.pools[owner][caller].leaked = slots;
            self.serve_pool(now, owner, caller, steps);
        }
    }
}

fn awaits(rows: &[Row], entry: &DueEntry) -> bool {
    let row = &rows[entry.slot as usize];
    row.generation == entry.generation
        && row.phase != Phase::Free
        && row.flights.iter().flatten().any(|f| f.attempt == entry.attempt)
}
