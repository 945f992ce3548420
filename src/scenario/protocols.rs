//! The keys of `replication`: the protocols of this version and their knobs.

use super::shape::{Key, Value, action, key, later, read};
use crate::spec::units::Count;

const COUNT: Value = read::<Count>();

/// Exactly one protocol.
pub(super) const PROTOCOLS: &[Key] = &[
    action("abd", Value::Table(ABD), "An atomic register by majorities (Attiya, Bar-Noy, Dolev 1995)."),
    later("chain"),
    later("crdt"),
    later("paxos"),
    later("primary_backup"),
    later("quorum"),
    later("raft"),
];

const ABD: &[Key] = &[
    key("w", COUNT, "Replicas that have a write on disk before it is answered."),
    key("r", COUNT, "Replicas that answer before a read is."),
    key("write_back", Value::Flag, "Whether a read stores what it read at `w` replicas first."),
];
