//! A service station: workers, one queue in front of them, and the rules of that queue.

use crate::engine::Span;

/// In which order waiting work is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// FIFO while the queue is short, LIFO while it is congested (Maurer, "Fail at Scale", ACM Queue 2015).
    AdaptiveLifo,
    /// Highest priority first; FIFO among equals.
    Priority,
    /// Egalitarian processor sharing: everybody is served at once, each worker's capacity split evenly.
    ProcessorSharing,
}

/// What happens to a request that finds the queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is answered `rejected` at once.
    Reject,
    /// It waits outside, in order, until there is room; nothing bounds that wait but the caller's patience.
    Block,
}

/// Work thrown away when a worker comes to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropRule {
    /// Nothing is.
    Never,
    /// Requests whose propagated deadline has passed.
    Expired,
    /// Controlled delay (Nichols and Jacobson, ACM Queue 2012): drop from the head while sojourn stays above target.
    Codel {
        /// Acceptable standing delay.
        target: Span,
        /// How long the delay must stay above it.
        interval: Span,
    },
}

/// Refusing early, before the queue is full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shed {
    /// Share of workers busy from which requests are refused, 0..=1.
    pub above: f64,
    /// Whether low priorities are refused first (`true`: a request of priority p, 0 to 6, is refused from a busy share of
    /// `above + (1 - above) * p / 7` on, and one of priority 7 only by a full queue) or everybody alike.
    pub by_priority: bool,
}

/// Whether a worker is held while a request waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerModel {
    /// Held for processor time only.
    Async,
    /// Thread per request: held until the reply.
    Thread,
}

/// One station, per process.
#[derive(Clone, Debug, PartialEq)]
pub struct StationSpec {
    /// Requests served at once, at least 1.
    pub workers: u32,
    /// Divides service times; above 0.
    pub speed: f64,
    /// Requests that may wait; `None` = no limit.
    pub limit: Option<u32>,
    /// Order of service.
    pub discipline: Discipline,
    /// What a full queue does.
    pub when_full: WhenFull,
    /// What is thrown away at the head.
    pub drop: DropRule,
    /// Early refusal.
    pub shed: Option<Shed>,
    /// Async or thread per request.
    pub model: WorkerModel,
    /// Time from (re)start until requests are accepted.
    pub startup: Span,
    /// For this long after each start, service times are `cold_factor` times as long.
    pub cold_for: Span,
    /// See `cold_for`; 1 = no effect.
    pub cold_factor: f64,
}

impl Default for StationSpec {
    /// One worker, unlimited FIFO queue: the server of the textbooks.
    fn default() -> StationSpec {
        StationSpec {
            workers: 1,
            speed: 1.0,
            limit: None,
            discipline: Discipline::Fifo,
            when_full: WhenFull::Reject,
            drop: DropRule::Never,
            shed: None,
            model: WorkerModel::Async,
            startup: Span::ZERO,
            cold_for: Span::ZERO,
            cold_factor: 1.0,
        }
    }
}
