//! Services, balancers, stores, caches, queues, and what they share.

use super::places::CLOCK_OR_NONE;
use super::{BALANCE, BANDWIDTH, COUNT, DURATION, DURATION_OR_NONE, DURATIONS, NUMBER, SHARE, SIZE, TEXT};
use crate::scenario::lower::{
    WrittenCapacity, WrittenDetector, WrittenDrop, WrittenSpread, WrittenStampede, WrittenSticky,
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
);
pub(super) const PLACEMENT: Key =
    key("placement", Value::Words(&["spread", "pack"]), "Over all zones, or all in the first.");
pub(super) const WORKERS: Key = key("workers", COUNT, "Of each replica.");
pub(super) const SPEED: Key = key("speed", NUMBER, "A faster box divides service times.");
pub(super) const SERVICE_TIME: Key = key(
    "service_time",
    Value::Either(&[DURATIONS, Value::Names(&DURATIONS)]),
    "Processor time of one visit, or one for each operation.",
);
pub(super) const QUEUE: Key = key(
    "queue",
    Value::OrNone(&Value::Table(&[
        key("limit", Value::OrNone(&COUNT), "How many may wait."),
        key(
            "discipline",
            Value::Words(&["fifo", "lifo", "adaptive_lifo", "priority", "ps"]),
            "In which order they are taken.",
        ),
        key("when_full", Value::Words(&["reject", "block"]), "What happens to one more."),
        key("drop", read::<WrittenDrop>(), "What is thrown away at the head."),
    ])),
    "In front of each replica.",
);
pub(super) const SHED: Key = key(
    "shed",
    Value::OrNone(&Value::Table(&[
        key("above", SHARE, "From that share of busy workers on."),
        key(
            "by",
            Value::Words(&["priority", "all"]),
            "Low priorities first, and the highest, 7, only by a full queue; or everybody alike.",
        ),
    ])),
    "Refuse early.",
);
pub(super) const STARTUP: Key = key("startup", DURATION, "Until it serves.");
pub(super) const COLD: Key = key(
    "cold",
    Value::OrNone(&Value::Table(&[
        key("for", DURATION, "How long it is slower at first."),
        key("factor", NUMBER, "How much slower."),
    ])),
    "Slower at first.",
);
pub(super) const DISK: Key = key(
    "disk",
    Value::OrNone(&Value::Table(&[
        key("read_time", DURATIONS, "Of one read."),
        key("write_time", DURATIONS, "Of one write."),
        key("fsync_time", DURATIONS, "Of one fsync."),
        key("bandwidth", Value::OrNone(&BANDWIDTH), "Of reads and writes."),
        key("space", Value::OrNone(&SIZE), "How much fits."),
    ])),
    "Of each host.",
);
pub(super) const OWN_CLOCK: Key = key("clock", CLOCK_OR_NONE, "Of each host, over `[clock]`.");

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
    key("model", Value::Words(&["async", "thread"]), "A worker is held for processor time, or until the reply."),
    key(
        "autoscale",
        Value::OrNone(&Value::Table(&[
            key("metric", TEXT, "`utilization`, the share of busy workers."),
            key("target", SHARE, "What it aims at."),
            key("min", COUNT, "Replicas at least."),
            key("max", COUNT, "Replicas at most."),
            key("every", DURATION, "How often it looks."),
            key("tolerance", SHARE, "It does nothing while it is off the target by no more."),
            key("down_after", DURATION, "What was desired in that time keeps replicas from being taken away."),
        ])),
        "How many replicas there are follows from how busy they are.",
    ),
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
    key("layer", Value::Words(&["L4", "L7"]), "It chooses per connection, or per request."),
    key("policy", BALANCE, "Whom it chooses."),
    key(
        "health",
        Value::OrNone(&Value::Table(&[
            key("every", DURATION, "How often it asks."),
            key("timeout", DURATION, "How long it waits for an answer."),
            key("unhealthy", COUNT, "Failures in a row until an instance is out."),
            key("healthy", COUNT, "Answers in a row until it is in again."),
            key("fail_open", Value::Flag, "Whether all are used if all are out."),
        ])),
        "Active checks.",
    ),
    key(
        "outlier",
        Value::OrNone(&Value::Table(&[
            key("consecutive_errors", COUNT, "In a row until an instance is ejected."),
            key("every", DURATION, "How often it looks."),
            key("ejection", DURATION, "For how long, the first time."),
            key("max_ejected", SHARE, "Of all instances."),
        ])),
        "Passive ejection.",
    ),
    key("slow_start", DURATION_OR_NONE, "A new instance gets its share only after that."),
    key(
        "sticky",
        Value::OrNone(&read::<WrittenSticky>()),
        "A client stays with its instance: `client`, or for so long after its last request.",
    ),
    key(
        "drain",
        DURATION_OR_NONE,
        "An instance that is taken out may so long finish what it has; what is left then is given up as unavailable.",
    ),
    key("load_info_age", DURATION, "How old the load is that it compares."),
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
    key("detector", read::<WrittenDetector>(), "How a member finds out that another is dead."),
    key("gossip", Value::OrNone(&read::<WrittenSpread>()), "How the news spread beside."),
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
]);

pub(super) const STORE: Value = Value::Table(&[
    key("fsync", TEXT, "What an answer waits for: `always`, `every(100ms)` or `never`."),
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
    key("replication", Value::Table(PROTOCOLS), "Which protocol keeps the replicas alike."),
    key(
        "timestamps",
        Value::Words(&["wall_clock", "lamport", "hlc", "uncertain"]),
        "By which clock a quorum's writes are ordered.",
    ),
    key("prefer_leader", TEXT, "Where the leader likes to be: `region:us`, `zone:a` or `kv/0`."),
    key("commit_wait", Value::Flag, "Whether a write's answer waits until its time has certainly passed."),
    later("sharding"),
    later("engine"),
    later("model"),
    later("ttl"),
    later("preset"),
    later("memory"),
    key("bugs", Value::Texts, "Planted bugs of the protocol, to check checkers."),
]);

pub(super) const CACHE: Value = Value::Table(&[
    required("backing", TEXT, "Where a miss goes: a store, a service or another cache."),
    required("size", read::<WrittenCapacity>(), "Entries, or bytes."),
    key("eviction", Value::Words(&["lru", "lfu", "fifo", "random", "s3fifo"]), "Which entry goes when it is full."),
    key("prefill", SHARE, "Of its room, filled at the start with the keys ranked first."),
    key("admit", Value::Words(&["always", "second_hit"]), "Whether a key must have been asked for before."),
    key("read_mode", Value::Words(&["aside", "through"]), "Whether its callers fill it, or it asks by itself."),
    key(
        "write_mode",
        Value::Words(&["invalidate", "through", "behind", "around"]),
        "What becomes of an entry that is written.",
    ),
    key("ttl", DURATION_OR_NONE, "How long an entry is fresh."),
    key("ttl_jitter", SHARE, "By so much more or less, drawn for each entry."),
    key("negative_ttl", DURATION_OR_NONE, "How long it is remembered that a key was deleted."),
    key("stampede", Value::OrNone(&read::<WrittenStampede>()), "Against many misses of one key."),
    key("stale_while_revalidate", DURATION_OR_NONE, "So long an expired entry answers while a fresh one is fetched."),
    key("stale_if_error", DURATION_OR_NONE, "So long an expired entry answers where the backing fails."),
    key("purge_delay", DURATION, "Until an invalidation takes effect."),
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
    key("partitions", COUNT, "Order holds inside one."),
    key("retention", DURATION_OR_NONE, "How long a message is kept."),
    key(
        "backlog",
        Value::OrNone(&Value::Table(&[
            key("limit", Value::OrNone(&COUNT), "How many may wait."),
            key(
                "when_full",
                Value::Words(&["block", "reject", "shed"]),
                "The producer waits, is refused, or the oldest goes.",
            ),
        ])),
        "Room for messages that wait.",
    ),
    key("delivery", Value::Words(&["at_least_once", "at_most_once"]), "Whether a message may come twice, or get lost."),
    key("visibility_timeout", DURATION_OR_NONE, "Until what wasn't acknowledged is handed out again."),
    key("max_deliveries", Value::OrNone(&COUNT), "How often it is handed out at most."),
    key("dead_letters", TEXT, "The queue it goes to then."),
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
