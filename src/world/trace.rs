//! What happened, one line each, for those parts of a run that somebody wants to look at.
//!
//! The first pass of a run keeps no trace. A second pass of the same seed keeps the windows and the requests that the
//! verdicts and the report want to show.

use std::hint::cold_path;

use std::collections::BTreeMap;

use crate::engine::{EdgeId, Instant, ProcessId, Span};
use crate::rpc::{Outcome, Requester, Verb};

use super::about::About;
use super::out::Point;
use super::process::{Held, Role};

/// Which part of a run is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// Points, roles and peer messages in these windows; with a key, only what is said about it, and what processes have
    /// of it.
    pub windows: Vec<(Instant, Instant)>,
    /// The key whose messages, requests and states are kept.
    pub key: Option<u64>,
    /// Everything that happens on behalf of these requests (roots of causes), sorted.
    pub roots: Vec<u64>,
    /// At most this many events; what comes later is counted only.
    pub limit: usize,
}

/// What was kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// What each process had of the key when the first window began.
    pub before: BTreeMap<ProcessId, Held>,
    /// In the order in which they happened.
    pub events: Vec<TraceEvent>,
    /// How many more there were.
    pub dropped: u64,
}

/// Names a piece of work: which request, and which step and attempt of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work {
    /// Root of the cause.
    pub root: u64,
    /// Path of the cause.
    pub path: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceEvent {
    /// A call began.
    Called {
        /// When.
        at: Instant,
        /// Over which edge.
        edge: EdgeId,
        /// By whom.
        caller: ProcessId,
        /// Of what.
        work: Work,
        /// What was asked.
        verb: Verb,
    },
    /// An attempt of a call went on the wire.
    Sent {
        /// When.
        at: Instant,
        /// From.
        from: ProcessId,
        /// To.
        to: ProcessId,
        /// Of what; the path is the attempt's.
        work: Work,
        /// When it arrives; `None` = lost.
        arrives: Option<Instant>,
    },
    /// A visit to a station is over: the request was answered.
    Visited {
        /// At which process.
        process: ProcessId,
        /// Of what.
        work: Work,
        /// What was asked.
        verb: Verb,
        /// When the request arrived.
        arrived: Instant,
        /// When a worker took it.
        begun: Instant,
        /// When its own first processor time was over.
        served: Instant,
        /// When the answer left.
        replied: Instant,
        /// How.
        outcome: Outcome,
    },
    /// A call ended.
    Answered {
        /// When.
        at: Instant,
        /// Over which edge.
        edge: EdgeId,
        /// Who called.
        caller: ProcessId,
        /// Of what.
        work: Work,
        /// How.
        outcome: Outcome,
        /// How many attempts it took.
        attempts: u16,
        /// When it began.
        started: Instant,
    },
    /// A message between peers.
    Message {
        /// When it was sent.
        at: Instant,
        /// From.
        from: ProcessId,
        /// To.
        to: ProcessId,
        /// Its kind.
        name: &'static str,
        /// What it belongs to, and what it says about the key.
        about: About,
        /// When it arrives; `None` = lost.
        arrives: Option<Instant>,
    },
    /// A client's request about the key went on the wire.
    Requested {
        /// When.
        at: Instant,
        /// The client's number in the history.
        client: u32,
        /// By whom, as far as the answer names it.
        requester: Requester,
        /// To whom.
        to: ProcessId,
        /// What is asked.
        verb: Verb,
        /// When it arrives; `None` = lost.
        arrives: Option<Instant>,
    },
    /// The answer to such a request went on the wire.
    Replied {
        /// When.
        at: Instant,
        /// From whom.
        from: ProcessId,
        /// To which request.
        requester: Requester,
        /// The value in it.
        value: u64,
        /// How it ended.
        outcome: Outcome,
        /// When it arrives; `None` = lost.
        arrives: Option<Instant>,
    },
    /// What a process has of the key changed.
    State {
        /// When.
        at: Instant,
        /// Whose.
        process: ProcessId,
        /// Into what.
        held: Held,
    },
    /// A process changed its role.
    Role {
        /// When.
        at: Instant,
        /// Who.
        process: ProcessId,
        /// Into what.
        role: Role,
    },
    /// A process passed a named point.
    Point {
        /// When.
        at: Instant,
        /// Who.
        process: ProcessId,
        /// Which.
        point: Point,
    },
    /// Processor time beside the first, asked for by the process.
    Computed {
        /// When it was over.
        at: Instant,
        /// Who.
        process: ProcessId,
        /// How much.
        work: Span,
    },
}

impl Focus {
    /// Whether nothing at all is kept.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.roots.is_empty()
    }
    /// Whether this moment is inside a window.
    #[inline]
    pub fn covers(&self, at: Instant) -> bool {
        if self.windows.is_empty() {
            return false;
        }
        cold_path();
        self.windows.iter().any(|(from, to)| *from <= at && at < *to)
    }
    /// Whether this request is of interest.
    #[inline]
    pub fn follows(&self, root: u64) -> bool {
        if self.roots.is_empty() {
            return false;
        }
        cold_path();
        self.roots.binary_search(&root).is_ok()
    }
}

impl Trace {
    /// Keeps one event, if there is room.
    // Cold: hardly anything is looked at, and what isn't leaves the way of what happens.
    #[cold]
    pub fn keep(&mut self, limit: usize, event: TraceEvent) {
        if self.events.len() < limit {
            self.events.push(event);
        } else {
            self.dropped += 1;
        }
    }
}
