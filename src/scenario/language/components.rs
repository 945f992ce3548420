//! Services, balancers, stores, caches, queues, and what they share.

use super::places::CLOCK_OR_NONE;
use super::{BALANCE, BANDWIDTH, COUNT, DURATION, DURATION_OR_NONE, DURATIONS, NUMBER, SHARE, TEXT};
use crate::scenario::lower::{
    WrittenCapacity, WrittenDetector, WrittenDrop, WrittenMetric, WrittenSpread, WrittenStampede, WrittenSticky,
};
use crate::scenario::protocols::PROTOCOLS;
use crate::scenario::shape::{Key, Value, key, later, read, required};

pub(super) const LIKE: Key = key("like", TEXT, "Copies the keys not written here from another of its kind.");
pub(super) const PRESET: Key =
    key("preset", TEXT, "Defaults that have a source: `aws_alb`, `envoy`, `kafka`, `memcached`, `sqs`.");
pub(super) const REPLICAS: Key = key(
    "replicas",
    Value::Either(&[COUNT, Value::Names(&COUNT)]),
    "How many, laid out over all zones; or how many in each place.",
)
.default("1");
pub(super) const PLACEMENT: Key =
    key("placement", Value::Words(&["spread", "pack"]), "Over all zones, or all in the first.").default("spread");
pub(super) const WORKERS: Key = key("workers", COUNT, "Of each replica.").default("1");
pub(super) const SPEED: Key = key("speed", NUMBER, "A faster box divides service times.").default("1.0");
pub(super) const SERVICE_TIME: Key = key(
    "service_time",
    Value::Either(&[DURATIONS, Value::Names(&DURATIONS)]),
    "Processor time of one visit, or one for each operation; every replica pays it for what it carries out.",
)
.default("0s");
pub(super) const QUEUE: Key = key(
    "queue",
    Value::OrNone(&Value::Table(&[
        key("limit", Value::OrNone(&COUNT), "How many may wait.").default("none"),
        key(
            "discipline",
            Value::Words(&["fifo", "lifo", "adaptive_lifo", "priority", "ps"]),
            "In which order they are taken.",
        )
        .default("fifo"),
        key("when_full", Value::Words(&["reject", "block"]), "What happens to one more.").default("reject"),
        key("drop", read::<WrittenDrop>(), "What is thrown away at the head.").default("none"),
    ])),
    "In front of each replica.",
)
.table();
pub(super) const SHED: Key = key(
    "shed",
    Value::OrNone(&Value::Table(&[
        key("above", SHARE, "From that share of busy workers on.").illustrative("80%"),
        key(
            "by",
            Value::Words(&["priority", "all"]),
            "Low priorities first, and the highest, 7, only by a full queue; or everybody alike.",
        )
        .default("priority"),
    ])),
    "Refuse early.",
)
.off();
pub(super) const STARTUP: Key = key("startup", DURATION, "Until it serves.").default("0s");
pub(super) const COLD: Key = key(
    "cold",
    Value::OrNone(&Value::Table(&[
        key("for", DURATION, "How long it is slower at first.").illustrative("60s"),
        key("factor", NUMBER, "How much slower.").illustrative("3"),
    ])),
    "Slower at first.",
)
.off();
pub(super) const DISK: Key = key(
    "disk",
    Value::OrNone(&Value::Table(&[
        key("read_time", DURATIONS, "Of one read, beside what its bytes take; a worker waits for it.").default("0s"),
        key("write_time", DURATIONS, "Of one write.").default("0s"),
        key("fsync_time", DURATIONS, "Of one fsync.").illustrative("1ms"),
        key("bandwidth", Value::OrNone(&BANDWIDTH), "Of reads and of writes each; writes queue for it.")
            .default("none"),
        later("space"),
    ])),
    "Of each host.",
)
.table();
pub(super) const OWN_CLOCK: Key = key("clock", CLOCK_OR_NONE, "Of each host, over `[clock]`.").words("as [clock]");

pub(super) const SERVICE: Value = Value::Table(&[
    REPLICAS,
    PLACEMENT,
    WORKERS,
    SPEED,
    SERVICE_TIME,
    QUEUE,
    SHED,
    STARTUP,
    COLD,
    DISK,
    OWN_CLOCK,
    LIKE,
    key("model", Value::Words(&["async", "thread"]), "A worker is held for processor time, or until the reply.")
        .default("async"),
    key(
        "autoscale",
        Value::OrNone(&Value::Table(&[
            key(
                "metric",
                read::<WrittenMetric>(),
                "`utilization`, the share of busy workers; or `backlog(X)`, the messages of a queue that wait or are worked on.",
            )
            .default("utilization"),
            key("target", Value::Either(&[SHARE, COUNT]), "What it aims at: a share, or messages for each replica.")
                .illustrative("60%"),
            key("min", COUNT, "Replicas at least.").published("1", "Kubernetes"),
            key("max", COUNT, "Replicas at most.")
                .words("10, illustrative, or as many `replicas` as there are if these are more"),
            key("every", DURATION, "How often it looks.").published("15s", "Kubernetes"),
            key("tolerance", SHARE, "It does nothing while it is off the target by no more.")
                .published("10%", "Kubernetes"),
            key("down_after", DURATION, "What was desired in that time keeps replicas from being taken away.")
                .published("300s", "Kubernetes"),
        ])),
        "How many replicas there are follows from how busy they are, or from how much waits for them.",
    )
    .off(),
    later("preset"),
    later("memory"),
    later("bugs"),
]);

pub(super) const LOAD_BALANCER: Value = Value::Table(&[
    required(
        "targets",
        Value::Texts,
        "The component behind it; of several services, all their instances in this order.",
    ),
    key(
        "layer",
        Value::Words(&["L4", "L7"]),
        "It chooses per connection, which ends with its instance, or per request.",
    )
    .default("L7"),
    key("policy", BALANCE, "Whom it chooses.")
        .words("round_robin [Envoy], or consistent_hash before a cache of several replicas"),
    key(
        "health",
        Value::OrNone(&Value::Table(&[
            key("every", DURATION, "How often it asks.").published("30s", "AWS ALB"),
            key("timeout", DURATION, "How long it waits for an answer.").published("5s", "AWS ALB"),
            key("unhealthy", COUNT, "Failures in a row until an instance is out.").published("2", "AWS ALB"),
            key("healthy", COUNT, "Answers in a row until it is in again.").published("5", "AWS ALB"),
            key("fail_open", Value::Flag, "Whether all are used if all are out.").published("true", "AWS ALB"),
        ])),
        "Active checks.",
    )
    .off(),
    key(
        "outlier",
        Value::OrNone(&Value::Table(&[
            key("consecutive_errors", COUNT, "In a row until an instance is ejected.").published("5", "Envoy"),
            key("every", DURATION, "How often it looks.").published("10s", "Envoy"),
            key("ejection", DURATION, "For how long, the first time.").published("30s", "Envoy"),
            key("max_ejected", SHARE, "Of all instances.").published("10%", "Envoy"),
        ])),
        "Passive ejection.",
    )
    .off(),
    key("slow_start", DURATION_OR_NONE, "A new instance gets its share only after that, growing from a tenth of it.")
        .default("none"),
    key(
        "sticky",
        Value::OrNone(&read::<WrittenSticky>()),
        "A client stays with its instance: `client`, or for so long after its last request.",
    )
    .default("none"),
    key(
        "drain",
        DURATION_OR_NONE,
        "An instance that is taken out may so long finish what it has; what is left then is given up as unavailable.",
    )
    .published("300s", "AWS ALB"),
    key("load_info_age", DURATION, "How old the load is that it compares.").default("0s"),
    REPLICAS,
    PLACEMENT,
    WORKERS,
    SPEED,
    SERVICE_TIME,
    QUEUE,
    SHED,
    STARTUP,
    COLD,
    DISK,
    OWN_CLOCK,
    LIKE,
    PRESET,
    later("discovery"),
    later("memory"),
    later("bugs"),
]);

pub(super) const MEMBERSHIP: Value = Value::Table(&[
    key("detector", read::<WrittenDetector>(), "How a member finds out that another is dead.")
        .published("swim(probe=1s, timeout=500ms, indirect=3, suspicion=4)", "memberlist"),
    key("gossip", Value::OrNone(&read::<WrittenSpread>()), "How the news spread beside.")
        .words("none, or push(3, every=200ms), illustrative, where `detector` is none"),
    required(REPLICAS.name, REPLICAS.value, REPLICAS.doc),
    PLACEMENT,
    WORKERS,
    SPEED,
    SERVICE_TIME,
    QUEUE,
    SHED,
    STARTUP,
    COLD,
    DISK,
    OWN_CLOCK,
    LIKE,
]);

pub(super) const STORE: Value = Value::Table(&[
    key("fsync", TEXT, "What an answer waits for: `always`, `every(100ms)` or `never`.").default("always"),
    REPLICAS,
    PLACEMENT,
    WORKERS,
    SPEED,
    SERVICE_TIME,
    QUEUE,
    SHED,
    STARTUP,
    COLD,
    DISK,
    OWN_CLOCK,
    LIKE,
    key("replication", Value::Table(PROTOCOLS), "Which protocol keeps the replicas alike.")
        .words("a single copy; no word of the language says so"),
    key(
        "timestamps",
        Value::Words(&["wall_clock", "lamport", "hlc", "uncertain"]),
        "By which clock a quorum's writes are ordered.",
    )
    .words("as `versions` of a quorum says; no other protocol takes it"),
    key("prefer_leader", TEXT, "Where the leader likes to be: `region:us`, `zone:a` or `kv/0`.").default("none"),
    key("commit_wait", Value::Flag, "Whether a write's answer waits until its time has certainly passed.")
        .words("false; only a quorum takes it"),
    later("sharding"),
    later("engine"),
    later("model"),
    later("ttl"),
    later("preset"),
    later("memory"),
    key("bugs", Value::Texts, "Planted bugs of the protocol, to check checkers.").default("[]"),
]);

pub(super) const CACHE: Value = Value::Table(&[
    required("backing", TEXT, "Where a miss goes: a store, a service or another cache."),
    required("size", read::<WrittenCapacity>(), "Entries, or bytes."),
    key("eviction", Value::Words(&["lru", "lfu", "fifo", "random", "s3fifo"]), "Which entry goes when it is full.")
        .default("lru"),
    key("prefill", SHARE, "Of its room, filled at the start with the keys ranked first.").default("0%"),
    key("admit", Value::Words(&["always", "second_hit"]), "Whether a key must have been asked for before.")
        .default("always"),
    key("read_mode", Value::Words(&["aside", "through"]), "Whether its callers fill it, or it asks by itself.")
        .default("aside"),
    key(
        "write_mode",
        Value::Words(&["invalidate", "through", "behind", "around"]),
        "What becomes of an entry that is written.",
    )
    .default("invalidate"),
    key("ttl", DURATION_OR_NONE, "How long an entry is fresh.").default("none"),
    key("ttl_jitter", SHARE, "By so much more or less, drawn for each entry.")
        .words("0%; it may only be written beside a `ttl`"),
    key("negative_ttl", DURATION_OR_NONE, "How long it is remembered that a key was deleted.").default("none"),
    key("stampede", Value::OrNone(&read::<WrittenStampede>()), "Against many misses of one key.").default("none"),
    key("stale_while_revalidate", DURATION_OR_NONE, "So long an expired entry answers while a fresh one is fetched.")
        .default("none"),
    key("stale_if_error", DURATION_OR_NONE, "So long an expired entry answers where the backing fails.")
        .default("none"),
    key("purge_delay", DURATION, "Until an invalidation takes effect.").default("0s"),
    REPLICAS,
    PLACEMENT,
    WORKERS,
    SPEED,
    SERVICE_TIME,
    QUEUE,
    SHED,
    STARTUP,
    COLD,
    DISK,
    OWN_CLOCK,
    LIKE,
    PRESET,
    later("memory"),
    later("bugs"),
]);

pub(super) const MESSAGES: Value = Value::Table(&[
    key("partitions", COUNT, "Order holds inside one.").default("1"),
    key("retention", DURATION_OR_NONE, "How long a message is kept.").default("none"),
    key(
        "backlog",
        Value::OrNone(&Value::Table(&[
            key("limit", Value::OrNone(&COUNT), "How many may wait.").default("none"),
            key(
                "when_full",
                Value::Words(&["block", "reject", "shed"]),
                "The producer waits, is refused, or the oldest goes.",
            )
            .default("block"),
        ])),
        "Room for messages that wait.",
    )
    .table(),
    key("delivery", Value::Words(&["at_least_once", "at_most_once"]), "Whether a message may come twice, or get lost.")
        .default("at_least_once"),
    key("visibility_timeout", DURATION_OR_NONE, "Until what wasn't acknowledged is handed out again.")
        .published("30s", "Amazon SQS"),
    key("max_deliveries", Value::OrNone(&COUNT), "How often it is handed out at most.").default("none"),
    key("dead_letters", TEXT, "The queue it goes to then.").words("none: what may not be handed out again is gone"),
    REPLICAS,
    PLACEMENT,
    WORKERS,
    SPEED,
    SERVICE_TIME,
    QUEUE,
    SHED,
    STARTUP,
    COLD,
    DISK,
    OWN_CLOCK,
    LIKE,
    PRESET,
    later("replication"),
    later("memory"),
    later("bugs"),
]);
