//! Every property that a history alone can be judged by, under the names that scenarios and the command line use.

use super::completeness::leader_completeness;
use super::durable::{converged, no_lost_acked_write, no_phantom_value, no_resurrection};
use super::linearizable::{Engine, linearizable};
use super::locks::mutual_exclusion;
use super::replicated::{fencing_monotonic, log_matching, single_leader_per_term, state_machine_safety};
use super::sessions::{Guarantee, session};
use super::staleness::bounded;
use super::verdict::{Steps, Verdict};
use super::view::View;
use super::weak::{Weak, weak};
use crate::engine::Span;
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
    /// Nothing that is read was overwritten longer ago than that.
    BoundedStaleness(Span),
    /// All replicas hold the same in the end.
    Converged,
    /// No acknowledged write is gone in the end.
    NoLostAckedWrite,
    /// Nothing is read that nobody wrote.
    NoPhantomValue,
    /// What was deleted stays deleted.
    NoResurrection,
    /// At most one leader a term.
    SingleLeaderPerTerm,
    /// Logs that agree in an entry agree in everything before it.
    LogMatching,
    /// A leader has everything that was committed in earlier terms.
    LeaderCompleteness,
    /// No two replicas apply different entries at one index.
    StateMachineSafety,
    /// At most one holds the lock.
    MutualExclusion,
    /// No older token is accepted after a newer one.
    FencingMonotonic,
}

impl Property {
    /// Every property that needs no number.
    pub const ALL: [Property; 18] = [
        Property::Linearizable,
        Property::Sequential,
        Property::Causal,
        Property::Pram,
        Property::ReadYourWrites,
        Property::MonotonicReads,
        Property::MonotonicWrites,
        Property::WritesFollowReads,
        Property::Converged,
        Property::NoLostAckedWrite,
        Property::NoPhantomValue,
        Property::NoResurrection,
        Property::SingleLeaderPerTerm,
        Property::LogMatching,
        Property::LeaderCompleteness,
        Property::StateMachineSafety,
        Property::MutualExclusion,
        Property::FencingMonotonic,
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
            Property::BoundedStaleness(_) => "bounded_staleness",
            Property::Converged => "converged",
            Property::NoLostAckedWrite => "no_lost_acked_write",
            Property::NoPhantomValue => "no_phantom_value",
            Property::NoResurrection => "no_resurrection",
            Property::SingleLeaderPerTerm => "single_leader_per_term",
            Property::LogMatching => "log_matching",
            Property::LeaderCompleteness => "leader_completeness",
            Property::StateMachineSafety => "state_machine_safety",
            Property::MutualExclusion => "mutual_exclusion",
            Property::FencingMonotonic => "fencing_monotonic",
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
    let of_values =
        matches!(property, Property::Linearizable | Property::Sequential | Property::Causal | Property::Pram);
    if of_values && view.may_overflow() {
        return Verdict::unknown("what was added may exceed 64 bits");
    }
    match property {
        Property::Linearizable => linearizable(view, engine, budget),
        Property::Sequential => weak(view, Weak::Sequential, engine, budget),
        Property::Causal => weak(view, Weak::Causal, engine, budget),
        Property::Pram => weak(view, Weak::Pram, engine, budget),
        Property::ReadYourWrites => session(view, Guarantee::ReadYourWrites, budget),
        Property::MonotonicReads => session(view, Guarantee::MonotonicReads, budget),
        Property::MonotonicWrites => session(view, Guarantee::MonotonicWrites, budget),
        Property::WritesFollowReads => session(view, Guarantee::WritesFollowReads, budget),
        Property::BoundedStaleness(bound) => bounded(view, bound),
        Property::Converged => converged(view),
        Property::NoLostAckedWrite => no_lost_acked_write(view),
        Property::NoPhantomValue => no_phantom_value(view),
        Property::NoResurrection => no_resurrection(view),
        Property::SingleLeaderPerTerm => single_leader_per_term(view),
        Property::LogMatching => log_matching(view),
        Property::LeaderCompleteness => leader_completeness(view),
        Property::StateMachineSafety => state_machine_safety(view),
        Property::MutualExclusion => mutual_exclusion(view),
        Property::FencingMonotonic => fencing_monotonic(view),
    }
}
