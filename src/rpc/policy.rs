//! Client policy as data: how patiently one component calls another (FORMAT, "Edges").

use super::op::Outcome;
use crate::engine::Span;

/// Everything that an edge or a client group may set. The default is no patience at all: one attempt, no timeout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Of one attempt.
    pub timeout: Option<Span>,
    /// Of all attempts together.
    pub deadline: Option<Span>,
    /// Whether the callee is told how long it makes sense.
    pub propagate_deadline: bool,
    /// Retries.
    pub retry: Option<Retry>,
    /// A second request when the first is late.
    pub hedge: Option<Hedge>,
    /// Circuit breaker.
    pub breaker: Option<Breaker>,
    /// Calls in flight per caller process: pool, bulkhead.
    pub pool: Option<Pool>,
    /// Adaptive limit on calls in flight.
    pub concurrency: Option<Concurrency>,
    /// Which instance of the callee is asked.
    pub balance: Balance,
    /// Connection set-up.
    pub connect: Connect,
}

/// Retries (defaults: AWS SDK "standard" mode: 3 attempts, full jitter, cap 20 s).
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// Outcomes that are retried.
    pub on: Vec<Outcome>,
    /// Pause before an attempt.
    pub backoff: Backoff,
    /// Retries per fresh call (a token bucket filled by calls); `None` = no budget.
    pub budget: Option<f64>,
    /// Size of that bucket, in retries. It starts full.
    pub budget_burst: u32,
}

/// Pause before retry n = 1, 2, … (names and formulas: Brooker, "Exponential Backoff and Jitter", AWS 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// At once.
    None,
    /// Always the same.
    Constant(Span),
    /// `min(cap, base 2^(n-1))`.
    Exponential {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
    /// Uniform in `0..min(cap, base 2^(n-1))`.
    FullJitter {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
    /// Half of the exponential, plus uniform in `0..` that half.
    EqualJitter {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
    /// `min(cap, uniform(base, 3 × previous))`.
    DecorrelatedJitter {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
}

/// Hedged requests (Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013).
#[derive(Clone, Debug, PartialEq)]
pub struct Hedge {
    /// When the second request is sent.
    pub after: HedgeAfter,
    /// Hedges per call at most, 0..=1.
    pub max: f64,
}

/// When a hedge is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HedgeAfter {
    /// After a fixed time.
    Fixed(Span),
    /// After this quantile (0..1) of the latencies this caller has seen; no hedges until 100 have been seen.
    Quantile(f64),
}

/// Circuit breaker over a window of calls (Resilience4j's count-based window).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaker {
    /// Calls looked at.
    pub window: u32,
    /// Calls needed before it may open.
    pub min_calls: u32,
    /// Share of failures from which it opens.
    pub failure_rate: f64,
    /// How long it stays open.
    pub open: Span,
    /// Probes let through half-open; it closes if their failure share is below the rate.
    pub half_open: u32,
}

/// A pool of connections or permits.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Calls in flight per caller process.
    pub size: u32,
    /// How long a call waits for a slot; `None` = as long as it takes.
    pub max_wait: Option<Span>,
    /// Time to create a slot that did not exist yet.
    pub create: Span,
    /// The edge (same caller) whose pool this one shares.
    pub same_as: Option<crate::engine::EdgeId>,
}

/// Adaptive concurrency limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Concurrency {
    /// Additive increase, multiplicative decrease, from this limit.
    Aimd(u32),
    /// Limit follows the ratio of the shortest to the present latency (Netflix concurrency-limits).
    Gradient,
    /// TCP Vegas's estimate of the queue at the callee (Netflix concurrency-limits).
    Vegas,
}

/// Which instance is asked: load balancers and edges alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// Uniformly at random.
    Random,
    /// At random in proportion to these weights, one per instance.
    Weighted(Vec<f64>),
    /// Fewest requests in flight from this caller; ties at random.
    LeastRequest,
    /// The least loaded of `d` drawn at random; ties at random.
    PowerOfD {
        /// How many are looked at.
        d: u32,
        /// Whether one may be drawn twice.
        replace: bool,
    },
    /// Lowest moving average of latency × (in flight + 1), of two drawn at random (Finagle's peak EWMA).
    Ewma,
    /// By the key, on a hash ring, at most `bound` × the mean load each (Mirrokni et al., SODA 2018).
    ConsistentHash {
        /// Load bound over the mean, above 1; infinite = plain ring.
        bound: f64,
    },
    /// The nearest that is there; each client keeps to one of several that are equally near.
    Nearest,
    /// The instance of a client's first request, as long as it is there.
    Sticky,
    /// Only these instances, in turn.
    Only(Vec<u32>),
}

/// What a connection costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Connect {
    /// Round trips before the first request of a connection (TCP + TLS 1.3: 2).
    pub round_trips: u32,
    /// Processor time at the callee per handshake.
    pub cpu: Span,
    /// Idle connections are closed after this; `None` = kept for good.
    pub keepalive: Option<Span>,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts: 3, // AWS SDK, standard retry mode
            on: vec![Outcome::Timeout, Outcome::Error, Outcome::Rejected, Outcome::Unavailable],
            backoff: Backoff::FullJitter { base: Span::millis(100), cap: Span::secs(20) }, // AWS SDK: cap 20 s
            budget: None,
            budget_burst: 100, // illustrative
        }
    }
}
impl Default for Hedge {
    fn default() -> Hedge {
        Hedge { after: HedgeAfter::Quantile(0.95), max: 0.05 } // Dean and Barroso 2013
    }
}
impl Default for Breaker {
    fn default() -> Breaker {
        // Resilience4j's documented defaults.
        Breaker { window: 100, min_calls: 100, failure_rate: 0.5, open: Span::secs(60), half_open: 10 }
    }
}
impl Default for Pool {
    fn default() -> Pool {
        Pool { size: 64, max_wait: None, create: Span::ZERO, same_as: None } // illustrative
    }
}
