//! Every property that a history alone can be judged by, under the names that scenarios and the command line use.

use super::linearizable::{Engine, linearizable};
use super::sessions::{Guarantee, session};
use super::verdict::{Steps, Verdict};
use super::view::View;
use super::weak::{Weak, weak};
use crate::history::{History, ObjectId};

/// A property of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Every operation takes effect at one moment between its invocation and its completion.
    Linearizable,
    /// One order of all operations that keeps the order of each process.
    Sequential,
    /// Everybody sees causes before effects.
    Causal,
    /// Everybody sees each process's writes in its order.
    Pram,
    /// A process's reads see its own writes.
    ReadYourWrites,
    /// A process never reads backwards.
    MonotonicReads,
    /// A process's writes are seen in its order.
    MonotonicWrites,
    /// A write is seen after the writes that its process had seen.
    WritesFollowReads,
}

impl Property {
    /// Every property.
    pub const ALL: [Property; 8] = [
        Property::Linearizable,
        Property::Sequential,
        Property::Causal,
        Property::Pram,
        Property::ReadYourWrites,
        Property::MonotonicReads,
        Property::MonotonicWrites,
        Property::WritesFollowReads,
    ];

    /// As scenarios and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Property::Linearizable => "linearizable",
            Property::Sequential => "sequential",
            Property::Causal => "causal",
            Property::Pram => "pram",
            Property::ReadYourWrites => "read_your_writes",
            Property::MonotonicReads => "monotonic_reads",
            Property::MonotonicWrites => "monotonic_writes",
            Property::WritesFollowReads => "writes_follow_reads",
        }
    }

    /// The property of that name.
    pub fn named(name: &str) -> Option<Property> {
        Property::ALL.into_iter().find(|property| property.name() == name)
    }
}

/// Judges one property of one object, or of all objects together if none is named.
pub fn judge(history: &History, object: Option<ObjectId>, property: Property, budget: Steps) -> Verdict {
    judge_with(&View::new(history, object), property, Engine::Fastest, budget)
}

/// Judges one property of a view, by the engine of choice.
pub fn judge_with(view: &View<'_>, property: Property, engine: Engine, budget: Steps) -> Verdict {
    match property {
        Property::Linearizable => linearizable(view, engine, budget),
        Property::Sequential => weak(view, Weak::Sequential, engine, budget),
        Property::Causal => weak(view, Weak::Causal, engine, budget),
        Property::Pram => weak(view, Weak::Pram, engine, budget),
        Property::ReadYourWrites => session(view, Guarantee::ReadYourWrites, budget),
        Property::MonotonicReads => session(view, Guarantee::MonotonicReads, budget),
        Property::MonotonicWrites => session(view, Guarantee::MonotonicWrites, budget),
        Property::WritesFollowReads => session(view, Guarantee::WritesFollowReads, budget),
    }
}
