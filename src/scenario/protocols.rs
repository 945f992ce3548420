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
    key("w", COUNT, "Replicas that have a write on disk before it is answered.")
        .words("a majority of the replicas, however many there are"),
    key("r", COUNT, "Replicas that answer before a read is.")
        .words("a majority of the replicas, however many there are"),
    key("write_back", Value::Flag, "Whether a read stores what it read at `w` replicas first.")
        .published("true", "Attiya, Bar-Noy, Dolev 1995"),
];

const CHAIN: &[Key] = &[
    key("craq", Value::Flag, "Whether every server answers queries (Terrace and Freedman 2009).").default("false"),
    key("detector", read::<Detector>(), "How the master notices a silent server.").illustrative("timeout(10s)"),
];

const CRDT: &[Key] = &[
    key("type", Value::Words(&["g_counter", "pn_counter", "lww_register", "mv_register", "or_set"]), "What a key is.")
        .default("or_set"),
    key("sync", Value::Words(&["state", "delta", "op"]), "What replicas send each other.").default("delta"),
    key("every", DURATION, "How often they do.").illustrative("200ms"),
];

const MULTI_PAXOS: &[Key] = &[
    key("phase1_quorum", COUNT, "Promises that it takes to lead (q1); with q2 more than all replicas.")
        .words("a majority of the replicas, or the smallest that meets `phase2_quorum`"),
    key("phase2_quorum", COUNT, "Acceptors that it takes to choose a value (q2).")
        .words("a majority of the replicas, or the smallest that meets `phase1_quorum`"),
    key("election_timeout", read::<WrittenRange>(), "Silence before a ballot, drawn anew for each wait.")
        .published("150ms..300ms", "Ongaro and Ousterhout 2014, 9.3"),
    key("heartbeat", DURATION, "How often a leader is heard.").illustrative("50ms"),
    key("preempted", Value::Words(&["waits", "retries"]), "What a proposer does that was overtaken.").default("waits"),
    key("reads", Value::Words(&["log", "lease"]), "How a read is made fresh.").default("log"),
    key("batch", COUNT, "Values of one message.").illustrative("64"),
    key("snapshot_every", COUNT, "Slots after which the log is cut.").illustrative("10000"),
];

const PRIMARY_BACKUP: &[Key] = &[
    key("mode", Value::Words(&["async", "semi_sync", "sync"]), "What a write waits for beside the primary's disk.").default("async"),
    key("lag", DURATION, "How long an entry waits until it is shipped to the backups.").default("0s"),
    key("reads", Value::Words(&["primary", "any"]), "Who answers reads.").default("primary"),
    key(
        "failover",
        Value::OrNone(&Value::Table(&[
            key("detector", read::<Detector>(), "How a silent primary is noticed.").illustrative("timeout(10s)"),
            key("promotion", Value::Words(&["self", "majority", "external"]), "Who decides who is next.").default("majority"),
            key(
                "fencing",
                Value::Words(&["none", "epoch", "stonith"]),
                "What keeps a primary that was replaced from harm: nothing, backups that refuse it, or its power is cut.",
            ).default("none"),
            key(
                "power_off",
                DURATION,
                "Of stonith: how long until the power is off; 2 s, or half the detector's time.",
            ).words("2s, illustrative, or half of the time of `detector` if that is less; only of stonith"),
            key("boot", DURATION, "Of stonith: how long the machine takes to boot after that; 30 s.").words("30s, illustrative; only of stonith"),
        ])),
        "What happens when the primary is silent.",
    ).off(),
];

const QUORUM: &[Key] = &[
    key("w", COUNT, "Replicas that have a write before it is answered.").words("2 [Dynamo], or 1 of a single replica"),
    key("r", COUNT, "Replicas that answer before a read is.").words("2 [Dynamo], or 1 of a single replica"),
    key("sloppy", Value::Flag, "Whether others stand in for replicas that don't answer.").default("false"),
    key("hinted_handoff", Value::OrNone(&DURATION), "How long a stand-in keeps what belongs to another.")
        .default("none"),
    key("read_repair", read::<Share>(), "Reads that bring the replicas that they find behind up to date.")
        .default("0%"),
    key(
        "repair_mode",
        Value::Words(&["blocking", "async"]),
        "Whether such a read answers when those it waited for have it too, or at once.",
    )
    .published("blocking", "Cassandra 4.0, read_repair"),
    key(
        "anti_entropy",
        Value::OrNone(&Value::Table(&[
            key("every", DURATION, "How often two replicas compare their trees.").illustrative("10s"),
            key("depth", COUNT, "Levels of the Merkle tree.").published("15", "Cassandra's deepest"),
        ])),
        "Replicas compare all they have.",
    )
    .off(),
    key("conflict", Value::Words(&["last_write_wins", "siblings"]), "What becomes of concurrent writes.")
        .default("last_write_wins"),
    key(
        "versions",
        Value::Words(&["wall_clock", "hlc", "version_vector", "dotted_version_vector"]),
        "What tells old from new.",
    )
    .words("wall_clock, or as `timestamps` of the store says"),
    key("write_back", Value::Flag, "Whether a read stores what it read first.").default("false"),
    key("tombstones", DURATION, "How long a deletion is remembered.").published("10d", "Cassandra, gc_grace_seconds"),
    key(
        "wars",
        Value::OrNone(&Value::Table(&[
            key("w", DURATIONS, "A write on its way.").illustrative("1ms"),
            key("a", DURATIONS, "Its acknowledgement.").illustrative("1ms"),
            key("r", DURATIONS, "A read on its way.").illustrative("1ms"),
            key("s", DURATIONS, "Its answer.").illustrative("1ms"),
            key("remote", DURATION, "Added to each between different replicas.").default("0s"),
        ])),
        "Delays of messages between replicas, beside the network (PBS, Bailis et al. 2012).",
    )
    .off(),
];

const RAFT: &[Key] = &[
    key("election_timeout", read::<WrittenRange>(), "Drawn anew for each wait.")
        .published("150ms..300ms", "Ongaro and Ousterhout 2014, 9.3"),
    key("heartbeat", DURATION, "How often a leader is heard.").illustrative("50ms"),
    key("prevote", Value::Flag, "Whether a candidate asks first if it could win (Ongaro 2014, 9.6).").default("true"),
    key("check_quorum", Value::Flag, "Whether a leader that hears no majority steps down.").default("true"),
    key("reads", Value::Words(&["log", "read_index", "lease", "follower"]), "How a read is made fresh, or isn't.")
        .default("read_index"),
    key("batch", COUNT, "Entries of one message.").illustrative("64"),
    key("pipeline", COUNT, "Messages under way to one follower.").illustrative("256"),
    key("snapshot_every", COUNT, "Entries after which the log is cut.").illustrative("10000"),
    key("learners", COUNT, "Replicas that don't vote, the last ones before the spares.").default("0"),
    key("spares", COUNT, "Replicas that are no members until a fault adds them, the last ones.").default("0"),
    key("membership", Value::Words(&["single", "joint"]), "How members change: one by one, or by joint consensus.")
        .default("single"),
    key("catch_up", Value::Flag, "Whether a new server has the log before it votes (Ongaro 2014, 4.2.1).")
        .published("true", "Ongaro 2014, 4.2.1"),
];
