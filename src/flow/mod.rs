//! What one request does, compiled: stages one after the other, each of branches side by side, each of acts in order.
//!
//! A stage is over when enough of its branches have succeeded, or when so many have failed that they no longer can; what
//! is still under way then counts for nothing. A failed stage ends the request with the outcome of its first failure.

use crate::engine::{Dist, EdgeId};
use crate::rpc::{Outcome, Verb};

/// A flow, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowPlan {
    /// Its name.
    pub name: String,
    /// Its stages.
    pub stages: Vec<Stage>,
}

/// Branches side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Each is a list of acts in order.
    pub branches: Vec<Vec<Act>>,
    /// How many must succeed before the request goes on; 0 = it doesn't wait at all.
    pub needed: u32,
}

/// One thing a request does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Asks somebody else and waits.
    Call {
        /// Over which edge.
        edge: EdgeId,
        /// What.
        verb: Verb,
        /// Whether a canned answer stands in if it fails; the request is then `degraded`.
        fallback: bool,
    },
    /// Processor time here, ns.
    Work(Dist),
    /// Time without a worker, ns.
    Sleep(Dist),
    /// Answers the caller; what follows runs in the background.
    Reply(Outcome),
}
