//! What callers and callees say to each other: operations, answers, and who asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::{FlowId, Instant, OperationId, ProcessId};

/// What is asked. Values are opaque 64-bit words; 0 is nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// A health check: passes the station without work.
    Ping,
    /// A named operation of a service, without a flow.
    Serve(OperationId),
    /// A flow that runs at the callee.
    Run(FlowId),
    /// The value of a key.
    Read,
    /// Replace the value of a key.
    Write,
    /// Replace the value of a key if it is `expected`.
    CompareAndSet,
    /// Remove a key.
    Delete,
    /// Add `value` (two's complement) to a number.
    Add,
    /// Append `value` to a list: of a key in a store, to a queue.
    Append,
    /// The list of a key.
    Scan,
    /// Add an element to a set.
    SetAdd,
    /// Remove an element from a set.
    SetRemove,
    /// Whether an element is in a set.
    SetContains,
    /// Take a lock.
    Acquire,
    /// Give a lock back.
    Release,
    /// Put a value into a cache after a miss (cache aside).
    Fill,
    /// Drop a key from a cache.
    Invalidate,
    /// A message of a queue handed to a consumer flow.
    Deliver(FlowId),
    /// An operator's request: forget everything (a cache).
    Flush,
    /// An operator's request: the replica numbered `key` is to be a member of its group.
    AddMember,
    /// An operator's request: the replica numbered `key` is to leave its group.
    RemoveMember,
    /// A fault's request to a population: arrive `f64::from_bits(value)` times as often.
    Load,
    /// A fault's request to whoever draws keys: of the key set numbered `key`, the key ranked `expected` gets the share
    /// `f64::from_bits(value)` of the draws; 0 ends it.
    HotKey,
}

impl Verb {
    /// Whether what is kept travels with the answer, and not with the request.
    pub fn fetches(self) -> bool {
        matches!(self, Verb::Read | Verb::Scan)
    }
    /// The name that reports, scopes and histories use.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Ping => "ping",
            Verb::Serve(_) => "request",
            Verb::Run(_) => "run",
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::CompareAndSet => "cas",
            Verb::Delete => "delete",
            Verb::Add => "add",
            Verb::Append => "append",
            Verb::Scan => "scan",
            Verb::SetAdd => "set_add",
            Verb::SetRemove => "set_remove",
            Verb::SetContains => "set_contains",
            Verb::Acquire => "acquire",
            Verb::Release => "release",
            Verb::Fill => "fill",
            Verb::Invalidate => "invalidate",
            Verb::Deliver(_) => "deliver",
            Verb::Flush => "flush",
            Verb::AddMember => "add",
            Verb::RemoveMember => "remove",
            Verb::Load => "load",
            Verb::HotKey => "hot_key",
        }
    }
}

/// How fresh a read must be, in Cassandra's and Raft's words. `Default` leaves it to the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consistency {
    /// What the protocol does by itself.
    #[default]
    Default,
    /// Any one replica.
    One,
    /// Any one replica of the caller's region.
    LocalOne,
    /// A majority.
    Quorum,
    /// A majority of the caller's region.
    LocalQuorum,
    /// Every replica.
    All,
    /// Linearizable.
    Linearizable,
    /// A follower, however far behind.
    Follower,
    /// A replica at most this many milliseconds behind.
    Bounded(u32),
}

/// One operation. Small enough to be copied about; lists travel behind an `Arc`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Op {
    /// What is asked.
    pub verb: Verb,
    /// Of which key (0 where there is none).
    pub key: u64,
    /// The argument: value written, amount added, element.
    pub value: u64,
    /// Of `CompareAndSet`: the value that must be there.
    pub expected: u64,
    /// Bytes of the value beside the header: with the request of what is written; of what is read with the answer, unless
    /// whoever answers knows how large it is.
    pub bytes: u32,
    /// Higher goes first where a station or a shedder looks at it.
    pub priority: u8,
    /// Of reads.
    pub consistency: Consistency,
    /// Variables that a flow hands over (`Run`, `Append`, `Deliver`).
    pub arguments: Option<Arc<[u64]>>,
}

impl Op {
    /// An operation without key, value or size.
    pub fn plain(verb: Verb) -> Op {
        Op {
            verb,
            key: 0,
            value: 0,
            expected: 0,
            bytes: 0,
            priority: 0,
            consistency: Consistency::Default,
            arguments: None,
        }
    }
    /// Bytes that the request itself takes on the wire, beside the header.
    pub fn carried(&self) -> u32 {
        if self.verb.fetches() { 0 } else { self.bytes }
    }
    /// An operation on a key.
    pub fn on_key(verb: Verb, key: u64, value: u64) -> Op {
        Op { key, value, ..Op::plain(verb) }
    }
}

/// How a call ended, as its caller sees it (FORMAT, "Outcomes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered.
    Ok,
    /// A fallback answered.
    Degraded,
    /// Failed; definitely not done.
    Error,
    /// Refused: shed, limited, breaker open, queue full.
    Rejected,
    /// Nobody to ask, no quorum, connection refused.
    Unavailable,
    /// A transaction or compare-and-set lost.
    Aborted,
    /// No answer in time: unknown, it may still take effect.
    Timeout,
}

impl Outcome {
    /// All outcomes, in the order of their discriminants.
    pub const ALL: [Outcome; 7] = [
        Outcome::Ok,
        Outcome::Degraded,
        Outcome::Error,
        Outcome::Rejected,
        Outcome::Unavailable,
        Outcome::Aborted,
        Outcome::Timeout,
    ];
    /// As the scenario language writes it.
    pub fn name(self) -> &'static str {
        ["ok", "degraded", "error", "rejected", "unavailable", "aborted", "timeout"][self as usize]
    }
    /// Whether the caller got what it asked for, perhaps degraded.
    pub fn answered(self) -> bool {
        matches!(self, Outcome::Ok | Outcome::Degraded)
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether `outcome` is certain: `false` if the operation may yet take effect (timeouts, broken connections).
    pub definite: bool,
    /// The value read, the count, the lock's fencing token; 0 is nil.
    pub value: u64,
    /// The version that was read or made, where the store knows it; 0 otherwise.
    pub version: u64,
    /// Bytes on the wire beside the header.
    pub bytes: u32,
    /// The instance of the callee that should be asked instead (a leader hint), with `Unavailable`; of a cache: the one
    /// that answered.
    pub redirect: Option<u32>,
    /// A cache that its callers fill does not have the key; `version` is then the lease it gives, 0 for none.
    pub missed: bool,
    /// Lists: siblings, elements, appended values.
    pub list: Option<Arc<[u64]>>,
}

impl Answer {
    /// Success without a value.
    pub fn ok() -> Answer {
        Answer::of(Outcome::Ok)
    }
    /// A definite outcome (`Timeout` is the indefinite one).
    pub fn of(outcome: Outcome) -> Answer {
        Answer {
            outcome,
            definite: outcome != Outcome::Timeout,
            value: 0,
            version: 0,
            bytes: 0,
            redirect: None,
            missed: false,
            list: None,
        }
    }
    /// Success with a value and the version it has.
    pub fn value(value: u64, version: u64) -> Answer {
        Answer { value, version, ..Answer::ok() }
    }
}

/// Where a request comes from: the root of the call tree it belongs to.
///
/// `root` and `path` address random numbers: the same request does the same work whichever server it meets, and a
/// second attempt or a hedge draws afresh. They are the same in every variant of a scenario under one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// Client group's name hashed with the number of the request in that group.
    pub root: u64,
    /// Hash of the steps and attempts that led here.
    pub path: u64,
    /// When nobody will wait any more, if deadlines are propagated; [`Instant::NEVER`] otherwise.
    pub deadline: Instant,
    /// The first of a chain of requests (`$request`): the same in all retries.
    pub request: u64,
    /// Number of the client row (`$self`), for stickiness and per-user limits.
    pub client: u32,
}

impl Cause {
    /// The cause of the `step`-th thing this request does, `attempt` counting from 0.
    pub fn child(self, step: u32, attempt: u32) -> Cause {
        Cause { path: crate::engine::mix(self.path, (u64::from(step) << 32) | (u64::from(attempt) + 1)), ..self }
    }
}

/// Names one attempt of one call. A late answer to an attempt that was given up is dropped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requester {
    /// Who waits.
    pub process: ProcessId,
    /// Row in the world's table of calls in flight.
    pub slot: u32,
    /// Which use of that row, and which attempt.
    pub generation: u32,
    /// Attempt number within the call (0, 1, …), hedges included.
    pub attempt: u16,
    /// Row in the world's table of visits, once the request has reached a station; 0 before.
    pub visit: u32,
}

/// A request that has passed the station and now is the process's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// To be handed to the reply.
    pub requester: Requester,
    /// What is asked.
    pub op: Op,
    /// On whose behalf.
    pub cause: Cause,
}

/// A caller's own name for a call, timer or write: handed back with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);
