//! The table of calls under way, and what policy does with them.
//!
//! A call is one row; each of its attempts awaits one answer. The table touches no queue and no network: it takes what
//! happened and says what to do next ([`Step`]), so it is the same for a million client rows and for every service.
//!
//! - A slot of a pool is held by an attempt from the moment it may be sent until it is answered or given up.
//! - A leader hint is followed at once and isn't a retry; at most eight a call.
//! - Attempt n draws under its own path; attempt 0 draws under the call's, whatever the policy.

mod changes;
mod ending;
mod sending;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hint::cold_path;

use super::balance::Balancer;
use super::breaker::BreakerState;
use super::bucket::Bucket;
use super::due::DueFifo;
use super::edge::{Connections, EdgeSpec};
use super::latency::Latencies;
use super::limit::Limit;
use super::op::{Answer, Call, Cause, Op, Outcome, Requester, Token, Verb};
use super::policy::{HedgeAfter, Policy};
use super::step::{Counted, Due, Step, Wake, WakeKind};
use crate::engine::{Draws, EdgeId, Instant, Places, ProcessId, Seed, Slab, Span};

/// An attempt that awaits its answer.
#[derive(Clone, Copy, Debug)]
struct Flight {
    attempt: u16,
    instance: u32,
    sent: Instant,
    /// Whether it was sent because another takes long.
    hedge: bool,
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

impl Row {
    fn free() -> Row {
        Row {
            generation: 0,
            phase: Phase::Free,
            edge: EdgeId(0),
            caller: ProcessId(0),
            caller_index: 0,
            token: Token(0),
            tag: 0,
            op: Op::plain(Verb::Ping),
            cause: Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 },
            started: Instant::ZERO,
            deadline: Instant::NEVER,
            to: None,
            attempts: 0,
            retries: 0,
            redirects: 0,
            pause: Span::ZERO,
            in_doubt: false,
            limited: false,
            flights: [None, None],
        }
    }
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
    /// Where the connection of a client goes that has one of its own, chosen when it was opened.
    // Invariant: never to an instance that has reset it since, or that was taken out.
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
    /// Who is down: nobody gets a connection to him.
    down: BTreeSet<ProcessId>,
    /// Requests that have been sent and not yet served.
    pub parcels: Slab<Call>,
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

impl View {
    /// Whether the connection that this request uses is alive; it is from now on.
    fn connected(&mut self, spec: &EdgeSpec, instance: u32, client: u32, now: Instant) -> bool {
        let whose = if spec.connections == Connections::PerCaller { 0 } else { client };
        let last = self.connections.insert((instance, whose), now);
        last.is_some_and(|at| spec.policy.connect.keepalive.is_none_or(|k| now.since(at) <= k))
    }

    /// Clients have no connection to that instance any more.
    fn reset(&mut self, instance: u32) {
        self.pinned.retain(|_, pinned| *pinned != instance);
    }

    /// What the breaker and the adaptive limit learn of an attempt. Whether the breaker opens.
    fn learn(&mut self, now: Instant, took: Span, outcome: Outcome, failed: bool) -> bool {
        let opens = self.breaker.as_mut().is_some_and(|breaker| breaker.record(now, failed));
        if let Some(limit) = &mut self.limit {
            limit.record(took, self.in_flight, outcome);
        }
        opens
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
            down: BTreeSet::new(),
            parcels: Slab::default(),
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

    /// The tag of the call that has sent this request, while it is under way.
    pub fn tag(&self, requester: Requester) -> Option<u32> {
        let row = self.rows.get(requester.slot as usize)?;
        (row.generation == requester.generation && row.phase != Phase::Free).then_some(row.tag)
    }

    /// A call begins; `tag` comes back with its end.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing, and none has a default")]
    pub fn begin(
        &mut self,
        now: Instant,
        caller: ProcessId,
        caller_index: u32,
        edge: EdgeId,
        op: &mut Op,
        cause: &Cause,
        token: Token,
        to: Option<u32>,
        tag: u32,
        steps: &mut Places<Step>,
    ) {
        let policy = &self.specs[edge.index()].policy;
        let deadline = policy.deadline.map_or(Instant::NEVER, |d| now + d).min(cause.deadline);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                cold_path();
                self.rows.push(Row::free());
                u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 calls under way")
            }
        };
        let row = &mut self.rows[slot as usize];
        // So that the compiler knows that there is nothing to drop, and makes the row where it stays.
        assert!(row.op.arguments.is_none(), "a free row owns nothing");
        *row = Row {
            generation: row.generation,
            phase: Phase::Asking,
            edge,
            caller,
            caller_index,
            token,
            tag,
            op: Op { arguments: op.arguments.take(), ..*op },
            cause: *cause,
            started: now,
            deadline,
            to,
            attempts: 0,
            retries: 0,
            redirects: 0,
            pause: Span::ZERO,
            in_doubt: false,
            limited: false,
            flights: [None, None],
        };
        let view = &mut self.views[edge.index()][caller_index as usize];
        view.in_flight += 1;
        if let Some(budget) = &mut view.budget {
            cold_path();
            budget.deposit();
        }
        if let Some(hedges) = &mut view.hedges {
            cold_path();
            hedges.deposit();
        }
        if let Some(limit) = &mut view.limit {
            cold_path();
            let entered = limit.enter().is_some();
            self.rows[slot as usize].limited = entered;
            if !entered {
                steps.push(Step::Count { edge, what: Counted::LimitRefused });
                self.end(now, slot, Answer::of(Outcome::Rejected), steps);
                return;
            }
        }
        if deadline != Instant::NEVER {
            cold_path();
            if deadline <= now {
                self.end(now, slot, Answer::of(Outcome::Timeout), steps);
                return;
            }
            steps.push(Step::Wake { at: deadline, wake: self.wake_for(slot, WakeKind::One(Due::Deadline, 0)) });
        }
        self.attempt(now, slot, steps);
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

    /// A wake that was asked for.
    pub fn wake(&mut self, now: Instant, wake: Wake, steps: &mut Places<Step>) {
        let kind = match wake.kind {
            WakeKind::Head => {
                self.due_timeouts(now, wake, steps);
                return;
            }
            WakeKind::DrainOver => {
                self.drained(now, EdgeId::at(wake.slot as usize), wake.generation, steps);
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
            WakeKind::Head | WakeKind::DrainOver => {}
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
}
