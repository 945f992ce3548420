//! The keys of `replication`: the protocols of this version and their knobs.

use super::shape::{Key, Value, action, key, later, read};
use crate::engine::Span;
use crate::spec::Drawn;
use crate::spec::dist::Durations;
use crate::spec::units::{Count, Share};

const COUNT: Value = read::<Count>();
const SHARE: Value = read::<Share>();
const DURATION: Value = read::<Span>();
const DURATIONS: Value = read::<Drawn<Durations>>();

/// Exactly one protocol.
pub(super) const PROTOCOLS: &[Key] = &[
    action("abd", Value::Table(ABD), "An atomic register by majorities (Attiya, Bar-Noy, Dolev 1995)."),
    later("chain"),
    action("crdt", Value::Table(CRDT), "Types that merge (Shapiro et al. 2011)."),
    later("paxos"),
    later("primary_backup"),
    action("quorum", Value::Table(QUORUM), "Partial quorums and repair (DeCandia et al. 2007)."),
    later("raft"),
];

const ABD: &[Key] = &[
    key("w", COUNT, "Replicas that have a write on disk before it is answered."),
    key("r", COUNT, "Replicas that answer before a read is."),
    key("write_back", Value::Flag, "Whether a read stores what it read at `w` replicas first."),
];

const CRDT: &[Key] = &[
    key(
        "type",
        Value::Words(&["g_counter", "pn_counter", "lww_register", "mv_register", "or_set"]),
        "What every key holds.",
    ),
    key("sync", Value::Words(&["state", "delta", "op"]), "What replicas send one another."),
    key("every", DURATION, "How often; of `op`, how often what is not acknowledged is sent again."),
];

const QUORUM: &[Key] = &[
    key("w", COUNT, "Replicas that have a write on disk before it is answered."),
    key("r", COUNT, "Replicas that answer before a read is."),
    key("sloppy", Value::Flag, "Whether a stand-in's copy counts for a replica that doesn't answer."),
    key("hinted_handoff", Value::OrNone(&DURATION), "For how long writes are kept for a silent replica."),
    key("read_repair", SHARE, "Of reads that bring replicas up to date."),
    key(
        "anti_entropy",
        Value::OrNone(&Value::Table(&[
            key("every", DURATION, "How often a replica compares its hash tree with another's."),
            key("depth", COUNT, "Of the tree: 15 makes 32768 leaves."),
        ])),
        "Repair in the background.",
    ),
    key("conflict", Value::Words(&["last_write_wins", "siblings"]), "What becomes of concurrent versions."),
    key(
        "versions",
        Value::Words(&["wall_clock", "hlc", "version_vector", "dotted_version_vector"]),
        "How versions are told apart.",
    ),
    key("write_back", Value::Flag, "Whether a read stores what it read at `w` replicas first."),
    key("tombstones", DURATION, "How long it is remembered that a key was deleted."),
    key(
        "wars",
        Value::OrNone(&Value::Table(&[
            key("w", DURATIONS, "Of a write, one way."),
            key("a", DURATIONS, "Of its acknowledgement."),
            key("r", DURATIONS, "Of a read, one way."),
            key("s", DURATIONS, "Of its answer."),
        ])),
        "Delays of messages beside those of the network, drawn afresh for each (Bailis et al. 2012).",
    ),
];
