//! The keys of `replication`: the protocols of this version and their knobs.

use super::lower::{Detector, WrittenRange};
use super::shape::{Key, Value, action, key, read};
use crate::engine::Span;
use crate::spec::Drawn;
use crate::spec::dist::Durations;
use crate::spec::units::{Count, Share};

const COUNT: Value = read::<Count>();
const DURATION: Value = read::<Span>();
const DURATIONS: Value = read::<Drawn<Durations>>();

/// Exactly one protocol.
pub(super) const PROTOCOLS: &[Key] = &[
    action("abd", Value::Table(ABD), "An atomic register by majorities (Attiya, Bar-Noy, Dolev 1995)."),
    action("chain", Value::Table(CHAIN), "Updates from head to tail (van Renesse and Schneider 2004)."),
    action("crdt", Value::Table(CRDT), "Types that merge (Shapiro et al. 2011)."),
    action("multi_paxos", Value::Table(MULTI_PAXOS), "A log under ballots and quorums of two sizes (Lamport 2001)."),
    action("primary_backup", Value::Table(PRIMARY_BACKUP), "A primary ships its log (Alsberg and Day 1976)."),
    action("quorum", Value::Table(QUORUM), "Partial quorums and repair (Dynamo, DeCandia et al. 2007)."),
    action("raft", Value::Table(RAFT), "A log under an elected leader (Ongaro and Ousterhout 2014)."),
];

const ABD: &[Key] = &[
    key("w", COUNT, "Replicas that have a write on disk before it is answered."),
    key("r", COUNT, "Replicas that answer before a read is."),
    key("write_back", Value::Flag, "Whether a read stores what it read at `w` replicas first."),
];

const CHAIN: &[Key] = &[
    key("craq", Value::Flag, "Whether every server answers queries (Terrace and Freedman 2009)."),
    key("detector", read::<Detector>(), "How the master notices a silent server."),
];

const CRDT: &[Key] = &[
    key("type", Value::Words(&["g_counter", "pn_counter", "lww_register", "mv_register", "or_set"]), "What a key is."),
    key("sync", Value::Words(&["state", "delta", "op"]), "What replicas send each other."),
    key("every", DURATION, "How often they do."),
];

const MULTI_PAXOS: &[Key] = &[
    key("phase1_quorum", COUNT, "Promises that it takes to lead (q1); with q2 more than all replicas."),
    key("phase2_quorum", COUNT, "Acceptors that it takes to choose a value (q2)."),
    key("election_timeout", read::<WrittenRange>(), "Silence before a ballot, drawn anew for each wait."),
    key("heartbeat", DURATION, "How often a leader is heard."),
    key("preempted", Value::Words(&["waits", "retries"]), "What a proposer does that was overtaken."),
    key("reads", Value::Words(&["log", "lease"]), "How a read is made fresh."),
    key("batch", COUNT, "Values of one message."),
    key("snapshot_every", COUNT, "Slots after which the log is cut."),
];

const PRIMARY_BACKUP: &[Key] = &[
    key("mode", Value::Words(&["async", "semi_sync", "sync"]), "What a write waits for beside the primary's disk."),
    key("lag", DURATION, "How long an entry waits until it is shipped to the backups."),
    key("reads", Value::Words(&["primary", "any"]), "Who answers reads."),
    key(
        "failover",
        Value::OrNone(&Value::Table(&[
            key("detector", read::<Detector>(), "How a silent primary is noticed."),
            key("promotion", Value::Words(&["self", "majority", "external"]), "Who decides who is next."),
            key(
                "fencing",
                Value::Words(&["none", "epoch", "stonith"]),
                "What keeps a primary that was replaced from harm: nothing, backups that refuse it, or its power is cut.",
            ),
            key(
                "power_off",
                DURATION,
                "Of stonith: how long until the power is off; 2 s, or half the detector's time.",
            ),
            key("boot", DURATION, "Of stonith: how long the machine takes to boot after that; 30 s."),
        ])),
        "What happens when the primary is silent.",
    ),
];

const QUORUM: &[Key] = &[
    key("w", COUNT, "Replicas that have a write before it is answered."),
    key("r", COUNT, "Replicas that answer before a read is."),
    key("sloppy", Value::Flag, "Whether others stand in for replicas that don't answer."),
    key("hinted_handoff", Value::OrNone(&DURATION), "How long a stand-in keeps what belongs to another."),
    key("read_repair", read::<Share>(), "Reads that bring stale replicas up to date before they answer."),
    key(
        "anti_entropy",
        Value::OrNone(&Value::Table(&[
            key("every", DURATION, "How often two replicas compare their trees."),
            key("depth", COUNT, "Levels of the Merkle tree."),
        ])),
        "Replicas compare all they have.",
    ),
    key("conflict", Value::Words(&["last_write_wins", "siblings"]), "What becomes of concurrent writes."),
    key(
        "versions",
        Value::Words(&["wall_clock", "hlc", "version_vector", "dotted_version_vector"]),
        "What tells old from new.",
    ),
    key("write_back", Value::Flag, "Whether a read stores what it read first."),
    key("tombstones", DURATION, "How long a deletion is remembered."),
    key(
        "wars",
        Value::OrNone(&Value::Table(&[
            key("w", DURATIONS, "A write on its way."),
            key("a", DURATIONS, "Its acknowledgement."),
            key("r", DURATIONS, "A read on its way."),
            key("s", DURATIONS, "Its answer."),
            key("remote", DURATION, "Added to each between different replicas."),
        ])),
        "Delays of messages between replicas, beside the network (PBS, Bailis et al. 2012).",
    ),
];

const RAFT: &[Key] = &[
    key("election_timeout", read::<WrittenRange>(), "Drawn anew for each wait."),
    key("heartbeat", DURATION, "How often a leader is heard."),
    key("prevote", Value::Flag, "Whether a candidate asks first if it could win (Ongaro 2014, 9.6)."),
    key("check_quorum", Value::Flag, "Whether a leader that hears no majority steps down."),
    key("reads", Value::Words(&["log", "read_index", "lease", "follower"]), "How a read is made fresh, or isn't."),
    key("batch", COUNT, "Entries of one message."),
    key("pipeline", COUNT, "Messages under way to one follower."),
    key("snapshot_every", COUNT, "Entries after which the log is cut."),
    key("learners", COUNT, "Replicas that don't vote, the last ones before the spares."),
    key("spares", COUNT, "Replicas that are no members until a fault adds them, the last ones."),
    key("membership", Value::Words(&["single", "joint"]), "How members change: one by one, or by joint consensus."),
    key("catch_up", Value::Flag, "Whether a new server has the log before it votes (Ongaro 2014, 4.2.1)."),
];
