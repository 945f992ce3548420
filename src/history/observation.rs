//! Facts that no client sees, noted by whoever ran the system: what checks of replicas, leaders and deliveries need.

use serde::{Deserialize, Serialize};

use super::op::ObjectId;
use crate::engine::Instant;

/// A name in the table of its history: of a record, an invariant, a kind of decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NameId(pub u16);

/// One fact. New kinds are added at the end; readers skip kinds that they don't know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Observation {
    /// What a replica holds for a key when the run is over. Lists and siblings in `values`; empty means no such key.
    FinalState {
        /// Of which object.
        object: ObjectId,
        /// The replica.
        replica: u32,
        /// The key.
        key: u64,
        /// One value, or several: siblings, elements, appended values.
        values: Vec<u64>,
    },
    /// A process became leader of a term (Raft), ballot (Paxos) or epoch (primary and backup).
    Leader {
        /// When.
        at: Instant,
        /// Of which replicated object.
        object: ObjectId,
        /// The term.
        term: u64,
        /// Who.
        process: u32,
    },
    /// A replica applied an entry of a log to its state.
    Applied {
        /// When.
        at: Instant,
        /// Of which replicated object.
        object: ObjectId,
        /// The replica.
        replica: u32,
        /// Position in the log, from 1.
        index: u64,
        /// Term in which the entry was created.
        term: u64,
        /// Fingerprint of the entry's content.
        entry: u64,
    },
    /// A replica's log holds an entry at a position when the run is over.
    LogEntry {
        /// Of which replicated object.
        object: ObjectId,
        /// The replica.
        replica: u32,
        /// Position in the log, from 1.
        index: u64,
        /// Term in which the entry was created.
        term: u64,
        /// Fingerprint of the entry's content.
        entry: u64,
    },
    /// Somebody took or kept a part of the key space for himself.
    Owner {
        /// From when.
        at: Instant,
        /// Of which object.
        object: ObjectId,
        /// The shard, or the lock's key.
        shard: u64,
        /// The epoch of the map, or the fencing token.
        epoch: u64,
        /// Who.
        process: u32,
    },
    /// A protected resource accepted an effect under a fencing token.
    Effect {
        /// When.
        at: Instant,
        /// The lock.
        object: ObjectId,
        /// The lock's key.
        key: u64,
        /// The token that came with the effect.
        token: u64,
        /// On whose behalf.
        process: u32,
    },
    /// A participant of a transaction learnt its outcome.
    Decision {
        /// When.
        at: Instant,
        /// Which transaction.
        transaction: u64,
        /// At which process.
        process: u32,
        /// Committed, or aborted.
        commit: bool,
    },
    /// A `record` step of a scenario was run.
    Record {
        /// When.
        at: Instant,
        /// Name of the record.
        name: NameId,
        /// Of which thing.
        id: u64,
        /// At whom.
        by: u64,
        /// In which order-group.
        key: u64,
        /// For whom.
        to: Vec<u64>,
    },
    /// A replica kept two values of one key side by side, or dropped one of them.
    Conflict {
        /// When.
        at: Instant,
        /// Of which object.
        object: ObjectId,
        /// The replica.
        replica: u32,
        /// The key.
        key: u64,
        /// The value that was kept.
        kept: u64,
        /// The value beside it, or the one that was dropped.
        other: u64,
        /// Whether `other` was dropped.
        dropped: bool,
    },
    /// A write was acknowledged that replicas order by clocks, so that it says nothing of what it replaces.
    Acknowledged {
        /// Of which object.
        object: ObjectId,
        /// The key.
        key: u64,
        /// What was written.
        value: u64,
        /// The event of its writing: writer and count.
        event: (u32, u64),
        /// The last event of each writer on this key that had reached anybody who acknowledged it.
        met: Vec<(u32, u64)>,
    },
    /// Of two versions of a key that came together in a repair or hand-over, a replica kept the later one by the clock.
    Merged {
        /// When.
        at: Instant,
        /// Of which object.
        object: ObjectId,
        /// The replica.
        replica: u32,
        /// The key.
        key: u64,
        /// The value that was kept.
        kept: u64,
        /// The value that was dropped.
        dropped: u64,
    },
    /// A replica that had acknowledged a write as primary took it out of its log again, to follow another.
    RolledBack {
        /// When.
        at: Instant,
        /// Of which object.
        object: ObjectId,
        /// The replica.
        replica: u32,
        /// The key.
        key: u64,
        /// The value that had been written.
        value: u64,
    },
    /// A leader of Paxos begins its ballot. It has applied all slots before `first`; from there on it proposes again what
    /// the promises of phase 1 reported, and after that it goes on with values of its own.
    Adopted {
        /// Of which replicated object.
        object: ObjectId,
        /// The leader.
        replica: u32,
        /// Its ballot, as in its `Leader`.
        term: u64,
        /// The first slot that it does not know to be chosen.
        first: u64,
        /// Fingerprints of what it proposes there and in the slots that follow.
        entries: Vec<u64>,
    },
}
