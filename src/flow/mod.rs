//! What one request does, compiled: acts in order, with jumps, and strands that run side by side.
//!
//! A strand that fails ends, unless a guard catches it. Strands that were started together are over for whoever waits
//! when enough of them have succeeded, or when so many have failed that they no longer can; what is still under way then
//! runs on, and counts for nothing.

use crate::engine::{Dist, EdgeId};
use crate::rpc::{Consistency, Outcome, Verb};

/// A variable: one number for a name, the same in all flows of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable(pub u16);

/// A flow, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowPlan {
    /// Its name.
    pub name: String,
    /// What is drawn before the first act.
    pub draws: Vec<(Variable, Law)>,
    /// Its acts. The first strand begins at 0; a strand ends at [`Act::End`] or behind the last act.
    pub code: Vec<Act>,
    /// Whether requests hand over their variables.
    pub hands_over: bool,
}

/// What a variable is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// A number that no other request gets.
    Unique,
    /// A key of the key set of this number, differing from those drawn from it before.
    Key(u16),
    /// A number.
    Number(Dist),
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The key that the request is about.
    Key,
    /// A variable; 0 if nothing was put there.
    Variable(Variable),
    /// `$request`: the same in all retries.
    Request,
    /// `$self`: the client.
    Client,
    /// This number.
    Number(u64),
}

/// One thing a request does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Asks somebody else and waits.
    Call(Box<CallAct>),
    /// Goes on if the cache asked last had nothing, and remembers what it is owed; otherwise jumps.
    Missed(u32),
    /// Brings the cache that had nothing what was answered since, and doesn't wait.
    Fill {
        /// To the cache.
        edge: EdgeId,
        /// Of which key.
        key: Source,
    },
    /// Processor time here, ns.
    Work(Dist),
    /// Time without a worker, ns.
    Sleep(Dist),
    /// Answers the caller; what follows runs in the background.
    Reply(Outcome, Option<Source>),
    /// Starts strands and waits until `needed` of them have succeeded; 0 = doesn't wait.
    Parallel {
        /// Where each begins.
        starts: Vec<u32>,
        /// How many must succeed.
        needed: u32,
    },
    /// The same with one strand for each member of a list, or for each number below a number.
    FanOut {
        /// The list or number.
        over: Source,
        /// What each strand finds its member in.
        member: Variable,
        /// Where each begins.
        start: u32,
        /// How many must succeed; `None` = all.
        needed: Option<u32>,
    },
    /// Goes on with this probability, otherwise jumps.
    Chance(f64, u32),
    /// Goes on if that isn't 0, otherwise jumps.
    If(Source, u32),
    /// Jumps.
    Jump(u32),
    /// Puts 0 there.
    Clear(Variable),
    /// Counts up there and jumps back, unless it was done `most` times or `until` isn't 0.
    Again {
        /// Where it is counted.
        counter: Variable,
        /// So many rounds at most.
        most: u64,
        /// Ends it.
        until: Option<Source>,
        /// Where a round begins.
        back: u32,
    },
    /// From here on a failure goes there.
    Guard(u32),
    /// No longer.
    Unguard,
    /// The answer will be a degraded one.
    Degrade,
    /// If this key came by within the window, answers as then and stops. Remembered in this service's memory.
    Dedupe {
        /// Which key.
        key: Source,
        /// How long it is remembered, ns; `None` = until the service restarts.
        window: Option<u64>,
    },
    /// Ends the strand.
    End,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallAct {
    /// Over which edge.
    pub edge: EdgeId,
    /// What is asked.
    pub verb: Verb,
    /// Of which key.
    pub key: Source,
    /// The argument; `None` = unique to the request.
    pub value: Option<Source>,
    /// Of compare-and-set: what must be there.
    pub expected: Option<Source>,
    /// Bytes on the wire; `None` = as many as the request had.
    pub bytes: Option<u32>,
    /// How fresh; `None` = as the request wants it.
    pub consistency: Option<Consistency>,
    /// Which instance.
    pub instance: Option<u32>,
    /// Where the value that comes back is put.
    pub bind: Option<Variable>,
    /// What a failure means.
    pub failing: Failing,
}

/// What a failed call means for its strand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The strand fails.
    Fails,
    /// Nothing: a cache that doesn't answer has nothing.
    Forgiven,
    /// `aborted` means that the key came by before: the request is answered and over.
    Duplicate,
}

impl CallAct {
    /// A call about the request's own key.
    pub fn new(edge: EdgeId, verb: Verb) -> CallAct {
        CallAct {
            edge,
            verb,
            key: Source::Key,
            value: None,
            expected: None,
            bytes: None,
            consistency: None,
            instance: None,
            bind: None,
            failing: Failing::Fails,
        }
    }
}

impl FlowPlan {
    /// The flows that this one calls.
    pub fn calls(&self) -> impl Iterator<Item = crate::engine::FlowId> + '_ {
        self.code.iter().filter_map(|act| match act {
            Act::Call(call) => match call.verb {
                Verb::Run(flow) => Some(flow),
                _ => None,
            },
            _ => None,
        })
    }
}
