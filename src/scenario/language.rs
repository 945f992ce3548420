//! Every key of the scenario language that this version reads, and the names of those that come later.

use super::lower::{
    WrittenAfter, WrittenBalance, WrittenCapacity, WrittenDetector, WrittenDrop, WrittenLimit, WrittenSpread,
    WrittenStampede,
};
use super::protocols::PROTOCOLS;
use super::shape::{Key, Value, action, key, later, read, required};
use crate::engine::Span;
use crate::spec::dist::{Counts, Drifts, Durations, Offsets, Sizes};
use crate::spec::units::{Bandwidth, Count, Number, Share, Size, WholeRange};
use crate::spec::{Backoff, Drawn, Popularity, RateOverTime};

const COUNT: Value = read::<Count>();
const NUMBER: Value = read::<Number>();
const SHARE: Value = read::<Share>();
const DURATION: Value = read::<Span>();
const SIZE: Value = read::<Size>();
const BANDWIDTH: Value = read::<Bandwidth>();
const DURATIONS: Value = read::<Drawn<Durations>>();
const OFFSETS: Value = read::<Drawn<Offsets>>();
const BALANCE: Value = read::<WrittenBalance>();
const LIMIT: Value = read::<WrittenLimit>();
const TEXT: Value = Value::Text;

const DURATION_OR_NONE: Value = Value::OrNone(&DURATION);

/// A place that a fault hits: one, or several.
const PLACE: Value = Value::Texts;

/// The whole file.
pub(super) const FILE: Value = Value::Table(&[
    required("schema", Value::Whole, "Version of this language: 1."),
    required("title", TEXT, "What it is."),
    required("question", TEXT, "What it answers."),
    key("level", Value::Words(&["intro", "core", "deep"]), "How hard it is, for `netsplit list`."),
    key("covers", Value::Texts, "Rows of the catalogue."),
    required("duration", DURATION, "Virtual time that it runs."),
    key("warmup", DURATION, "Left out of measurements, not of histories."),
    key("seeds", read::<WholeRange>(), "Seeds that it runs with, ends included."),
    key("base", TEXT, "What the file without a variant is called."),
    key("max_events", COUNT, "Refused before the run if the estimate is higher."),
    key("region", Value::Names(&REGION), "Regions and their zones."),
    key("network", Value::Table(NETWORK), "Links by distance."),
    key("link", Value::Names(&LINKS), "Links between two regions, or two `\"region/zone\"`s."),
    key("clock", Value::Table(CLOCK), "Clocks of all hosts."),
    key("keys", Value::Names(&KEYS), "Sets of keys, and which are asked for how often."),
    key("service", Value::Names(&SERVICE), "Services."),
    key("load_balancer", Value::Names(&LOAD_BALANCER), "Load balancers."),
    key("cache", Value::Names(&CACHE), "Caches."),
    key("membership", Value::Names(&MEMBERSHIP), "Clusters that only track who is alive."),
    key("queue", Value::Names(&MESSAGES), "Queues between producers and consumers."),
    key("store", Value::Names(&STORE), "Stores."),
    key("edge", Value::Names(&EDGES), "How patiently one component calls another."),
    key("flow", Value::Names(&FLOW), "What one request does."),
    key("clients", Value::Names(&CLIENTS), "Who asks what, when."),
    key("fault", Value::Names(&FAULT), "What breaks, when, for how long."),
    key("expect", Value::Names(&EXPECT), "What should come out."),
    key("variant", Value::Names(&VARIANT), "The file with some paths set otherwise."),
    key("sweep", Value::Names(&SWEEP), "Many values of a path."),
    key("teach", Value::Table(TEACH), "For teachers: questions, hints, what to look for."),
    later("proxy"),
    later("lock"),
    later("id_generator"),
    later("cell"),
    later("population"),
    later("graph"),
    later("groups"),
    later("gateway"),
    later("registry"),
    later("pubsub"),
    later("presence"),
    later("push_service"),
    later("rate_limiter"),
    later("object_store"),
    later("search"),
    later("geo"),
    later("scheduler"),
    later("monitor"),
    later("swarm"),
    later("test"),
    later("drill"),
]);

// ---- places ----

const REGION: Value = Value::Table(&[key("zones", Value::Texts, "Its zones; each fails as one."), LIKE]);

const LINK: Value = Value::Table(&[
    key("rtt", DURATIONS, "Round trip; a message takes half of a draw."),
    key("delay", DURATIONS, "One way, instead of `rtt`."),
    key("bandwidth", Value::OrNone(&BANDWIDTH), "Beyond it, messages queue."),
    key("buffer", Value::OrNone(&SIZE), "Messages that find it full are lost."),
    key("loss", SHARE, "Of messages that are lost."),
    key("duplicate", SHARE, "Of messages that arrive twice."),
    key("reorder", SHARE, "Of messages that are overtaken."),
    key("codec", Value::OrNone(&CODEC), "Compression."),
]);
const LINK_OR_NONE: Value = Value::OrNone(&LINK);
const LINKS: Value = Value::Names(&LINK);
const CODEC: Value = Value::Table(&[
    key("ratio", NUMBER, "How many times smaller."),
    key("cpu_per_mb", DURATION, "Processor time for a megabyte."),
]);

const NETWORK: &[Key] = &[
    key("within_zone", LINK_OR_NONE, "Between hosts of one zone; 0.5 ms if not written."),
    key("between_zones", LINK_OR_NONE, "Between zones of one region; 1 ms if not written."),
    key(
        "between_regions",
        Value::Either(&[Value::Words(&["aws_2016"]), LINK]),
        "Between regions: a matrix shipped as data, or one link for all.",
    ),
    key("access", LINK_OR_NONE, "Between clients and the region that they enter."),
];

const CLOCK: &[Key] = &[
    key("offset", OFFSETS, "How far off a clock begins, drawn for each host."),
    key("drift", read::<Drawn<Drifts>>(), "How much faster it runs, drawn for each host."),
    key("uncertainty", Value::OrNone(&DURATIONS), "What reads with an interval see."),
    key("sync", Value::OrNone(&SYNC), "How it is set right."),
];
const CLOCK_OR_NONE: Value = Value::OrNone(&Value::Table(CLOCK));
const SYNC: Value = Value::Table(&[
    key("every", DURATION, "How often."),
    key("error", OFFSETS, "What is left after it."),
    key("how", Value::Words(&["slew", "step"]), "Slowly, or at once."),
]);

const KEYS: Value = Value::Table(&[
    key("count", COUNT, "How many."),
    key("popularity", read::<Popularity>(), "Which are asked for how often."),
    key("size", read::<Drawn<Sizes>>(), "Of a value."),
    LIKE,
    later("fields"),
]);

// ---- components ----

const LIKE: Key = key("like", TEXT, "Copies the keys not written here from another of its kind.");
const PRESET: Key =
    key("preset", TEXT, "Defaults that have a source: `aws_alb`, `envoy`, `kafka`, `memcached`, `sqs`.");
const REPLICAS: Key = key(
    "replicas",
    Value::Either(&[COUNT, Value::Names(&COUNT)]),
    "How many, laid out over all zones; or how many in each place.",
);
const PLACEMENT: Key = key("placement", Value::Words(&["spread", "pack"]), "Over all zones, or all in the first.");
const WORKERS: Key = key("workers", COUNT, "Of each replica.");
const SPEED: Key = key("speed", NUMBER, "A faster box divides service times.");
const SERVICE_TIME: Key = key(
    "service_time",
    Value::Either(&[DURATIONS, Value::Names(&DURATIONS)]),
    "Processor time of one visit, or one for each operation.",
);
const QUEUE: Key = key(
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
const SHED: Key = key(
    "shed",
    Value::OrNone(&Value::Table(&[
        key("above", SHARE, "From that share of busy workers on."),
        key("by", Value::Words(&["priority", "all"]), "Low priorities first, or everybody alike."),
    ])),
    "Refuse early.",
);
const STARTUP: Key = key("startup", DURATION, "Until it serves.");
const COLD: Key = key(
    "cold",
    Value::OrNone(&Value::Table(&[
        key("for", DURATION, "How long it is slower at first."),
        key("factor", NUMBER, "How much slower."),
    ])),
    "Slower at first.",
);
const DISK: Key = key(
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
const OWN_CLOCK: Key = key("clock", CLOCK_OR_NONE, "Of each host, over `[clock]`.");

const SERVICE: Value = Value::Table(&[
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
    later("preset"),
    later("memory"),
    later("bugs"),
    later("autoscale"),
]);

const LOAD_BALANCER: Value = Value::Table(&[
    required("targets", Value::Texts, "The component behind it."),
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
    key("sticky", Value::Words(&["client", "none"]), "A client stays with its instance."),
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
    later("drain"),
    later("discovery"),
    later("memory"),
    later("bugs"),
]);

const MEMBERSHIP: Value = Value::Table(&[
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

const STORE: Value = Value::Table(&[
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
        Value::Words(&["wall_clock", "hlc", "uncertain"]),
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

const CACHE: Value = Value::Table(&[
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

const MESSAGES: Value = Value::Table(&[
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

// ---- edges and clients ----

const TIMEOUT: Key = key("timeout", DURATION_OR_NONE, "Of one attempt.");
const DEADLINE: Key = key("deadline", DURATION_OR_NONE, "Of all attempts together.");
const PROPAGATE: Key = key("propagate_deadline", Value::Flag, "Tell the callee how long it makes sense.");
const RETRY: Key = key(
    "retry",
    Value::OrNone(&Value::Table(&[
        key("attempts", COUNT, "The first one counts."),
        key("on", Value::Texts, "Outcomes: timeout, error, rejected, unavailable, aborted."),
        key("backoff", read::<Backoff>(), "The pause before it."),
        key("budget", Value::OrNone(&SHARE), "Retries per fresh call."),
        key("budget_burst", COUNT, "Retries at once beyond the budget."),
    ])),
    "Try again.",
);
const HEDGE: Key = key(
    "hedge",
    Value::OrNone(&Value::Table(&[
        key("after", read::<WrittenAfter>(), "When the second request goes out."),
        key("max", SHARE, "Of all calls."),
    ])),
    "A second request when the first is late.",
);
const BREAKER: Key = key(
    "breaker",
    Value::OrNone(&Value::Table(&[
        key("window", COUNT, "Calls that it looks at."),
        key("min_calls", COUNT, "Below that it says nothing."),
        key("failure_rate", SHARE, "From that on it opens."),
        key("open", DURATION, "For how long."),
        key("half_open", COUNT, "Calls to try with."),
    ])),
    "Stop calling who fails.",
);
const POOL: Key = key(
    "pool",
    Value::OrNone(&Value::Table(&[
        key("size", COUNT, "Calls in flight per caller."),
        key("max_wait", DURATION_OR_NONE, "For a free slot."),
        key("create", DURATION, "Time to make a connection."),
        key("same_as", TEXT, "Shares the pool of another edge: `\"web -> cart\"`."),
    ])),
    "Connections, the bulkhead.",
);
const CONCURRENCY: Key = key("concurrency", Value::OrNone(&LIMIT), "An adaptive limit.");
const EDGE_BALANCE: Key = key("balance", BALANCE, "Whom it chooses, without a load balancer between.");
const CONNECT: Key = key(
    "connect",
    Value::OrNone(&Value::Table(&[
        key("round_trips", COUNT, "Before the first byte: 2 is TCP and TLS 1.3."),
        key("cpu", DURATION, "Processor time of a handshake."),
        key("keepalive", DURATION_OR_NONE, "How long an idle connection is kept."),
    ])),
    "What a connection costs.",
);
const DISCOVERY: Key = key("discovery", TEXT, "How it learns of instances: `dns(60s)`.");

const EDGE: Value = Value::Table(&[
    TIMEOUT,
    DEADLINE,
    PROPAGATE,
    RETRY,
    HEDGE,
    BREAKER,
    POOL,
    CONCURRENCY,
    EDGE_BALANCE,
    CONNECT,
    DISCOVERY,
    later("like"),
]);
const EDGES: Value = Value::Names(&EDGE);

const CLIENTS: Value = Value::Table(&[
    key("rate", read::<RateOverTime>(), "Open: they come whatever happens."),
    key("arrivals", Value::Words(&["poisson", "constant"]), "Of an open population."),
    key("count", COUNT, "Closed: so many ask, wait, think and ask again."),
    key("think", DURATIONS, "Between an answer and the next request."),
    key("requests", read::<Drawn<Counts>>(), "Of one session."),
    required("target", TEXT, "The component that they ask."),
    key("mix", Value::OrNone(&Value::Names(&SHARE)), "Flow or operation and its share; adds up to 100%."),
    key("keys", TEXT, "Of direct reads and writes."),
    key(
        "consistency",
        Value::Words(&["one", "local_one", "quorum", "local_quorum", "all", "linearizable", "follower"]),
        "Of direct reads and writes.",
    ),
    key("priority", COUNT, "From 0 to 7; higher goes first."),
    key("region", TEXT, "Where they are."),
    TIMEOUT,
    DEADLINE,
    PROPAGATE,
    RETRY,
    HEDGE,
    BREAKER,
    POOL,
    CONCURRENCY,
    EDGE_BALANCE,
    CONNECT,
    DISCOVERY,
    LIKE,
    key("contact", Value::Texts, "Whom they try: `nearest`, `any`, `sticky`, or these instances."),
    later("access"),
    later("population"),
    later("per_user"),
    later("peak"),
]);

// ---- flows ----

/// A variable, such as `$order`, or a number.
const SOURCE: Value = Value::Either(&[TEXT, COUNT]);

const FLOW: Value = Value::Table(&[
    key("runs_on", TEXT, "Whose workers do it; without it, it is a part of whoever names it."),
    key("draw", Value::Names(&Value::Any), "Variable → `unique`, a key set or a distribution."),
    required("steps", Value::List(&STEP), "In order; a failed step ends the flow with its outcome."),
    LIKE,
    key("on", TEXT, "The queue whose messages start it."),
    key("group", TEXT, "Those who share the messages among them; its own name if not written."),
    key("parallel", COUNT, "Messages that each instance works on at once."),
    key("order", Value::Words(&["per_partition", "per_key", "none"]), "Which messages wait for which."),
    key("ack", Value::Words(&["after", "before"]), "Whether a message is acknowledged after the work."),
]);
const STEP: Value = Value::Table(&[
    action("call", TEXT, "Asks a component, one of its operations, or a flow, and waits."),
    action("work", DURATIONS, "Processor time here."),
    action("sleep", DURATIONS, "Time without a worker."),
    action("read", TEXT, "Of a store or cache."),
    action("write", TEXT, "To a store or cache."),
    action("delete", TEXT, "From a store."),
    action("add", TEXT, "`by` so much, to a number in a store."),
    action("append", TEXT, "To a list in a store, or to a queue."),
    action("scan", TEXT, "The list of a key in a store."),
    action("fan_out", Value::Either(&[TEXT, COUNT]), "The flow `each` for every member of a list, or so many times."),
    action("branch", Value::Either(&[SHARE, TEXT]), "The flow `then` with this share or if the variable isn't 0."),
    action("loop", TEXT, "A flow again and again."),
    action("dedupe", TEXT, "Answers what came before as then; remembered in a store, or here."),
    action("parallel", Value::Texts, "Flows, at once."),
    action(
        "reply",
        Value::Either(&[Value::Words(&["ok", "error"]), TEXT, COUNT]),
        "Answers; what follows runs in the background.",
    ),
    key(
        "wait",
        Value::Either(&[Value::Words(&["all", "any", "none"]), COUNT]),
        "How many of those in parallel to wait for.",
    ),
    key("fallback", TEXT, "A flow to run instead, or `default`, a canned answer; counted degraded."),
    key("label", TEXT, "For the report."),
    key("key", SOURCE, "Which key; the request's own if not written."),
    key("size", SIZE, "Of the message."),
    key("value", SOURCE, "What is written; unique if not written here."),
    key("if", SOURCE, "Only if that is there; `free` is nothing."),
    key("by", SOURCE, "Of `add`."),
    key(
        "consistency",
        Value::Words(&["one", "local_one", "quorum", "local_quorum", "all", "linearizable", "follower"]),
        "Of `read`.",
    ),
    key("instance", COUNT, "Which instance."),
    key("as", TEXT, "Of `fan_out`: the variable that holds the member."),
    key("each", TEXT, "Of `fan_out`: the flow."),
    key("then", TEXT, "Of `branch`: the flow."),
    key("else", TEXT, "Of `branch`: the other flow."),
    key("max", COUNT, "Of `loop`: rounds at most."),
    key("until", SOURCE, "Of `loop`: it ends when that isn't 0."),
    key("window", DURATION_OR_NONE, "Of `dedupe`: how long it is remembered."),
    key("bind", TEXT, "Names the result."),
    later("query"),
    later("txn"),
    later("lock"),
    later("publish"),
    later("push"),
    later("record"),
    later("undo"),
    later("after"),
]);

// ---- faults ----

const FAULT: Value = Value::Table(&[
    key("at", DURATIONS, "When it begins."),
    key("for", DURATIONS, "How long it lasts; without it, for good."),
    key("every", DURATIONS, "Again and again."),
    key("from", DURATION, "Of `every` and `random`: not before."),
    key("until", DURATION, "Of `every` and `random`: not after."),
    key(
        "random",
        Value::Table(&[
            required("mtbf", DURATION, "Mean time between failures."),
            required("mttr", DURATION, "Mean time to repair."),
        ]),
        "Each instance on its own.",
    ),
    key("enabled", Value::Flag, "Whether it happens at all."),
    action("crash", PLACE, "Stop, keeping what was written."),
    action("power_loss", PLACE, "Stop, losing what was not fsynced."),
    action("restart", PLACE, "Stop and start."),
    action("pause", PLACE, "Freeze while clocks run."),
    action("slow", PLACE, "Service times grow by `factor`."),
    action("gray", PLACE, "Fails or drags while health checks pass."),
    action("partition", PLACE, "Two sides that don't hear one another."),
    action("loss", PLACE, "A `share` of messages is lost."),
    action("duplicate", PLACE, "A `share` of messages arrives twice."),
    action("reorder", PLACE, "A `share` of messages is overtaken."),
    action("delay", PLACE, "Messages take longer `by` that much."),
    action("bandwidth", PLACE, "Falls `to` that."),
    action("load", PLACE, "Clients ask `factor` times as much."),
    action("hot_key", PLACE, "One key gets a `share` of the requests."),
    action("flush", PLACE, "An empty cache."),
    action("leak", PLACE, "Pool `slots` of an edge are gone."),
    key("factor", NUMBER, "Of `slow`, `disk_slow` and `load`."),
    key("errors", SHARE, "Of `gray`: how much fails."),
    key("service_time", DURATIONS, "Of `gray`: what it takes instead."),
    key("share", SHARE, "Of messages, or of requests."),
    key("key", COUNT, "Of `hot_key`: which."),
    key("by", Value::Either(&[DURATIONS, OFFSETS]), "Of `delay` and `clock_step`."),
    key("rate", read::<Drawn<Drifts>>(), "Of `clock_drift`."),
    key("to", BANDWIDTH, "Of `bandwidth`."),
    key("slots", COUNT, "Of `leak`: how many."),
    key("shape", Value::Words(&["symmetric", "one_way", "bridge", "ring"]), "Of `partition`."),
    LIKE,
    action("set", Value::Names(&Value::Any), "Path → value; a path is quoted."),
    key("probability", SHARE, "That it happens, each time."),
    key("max_concurrent", Value::OrNone(&COUNT), "Instances broken at once; of `every` it is 1."),
    later("when"),
    later("nth"),
    later("corrupt"),
    later("drop"),
    later("rolling_upgrade"),
    action("clock_step", PLACE, "Clocks of these hosts jump by `by`."),
    action("clock_drift", PLACE, "Clocks of these hosts gain `rate` more."),
    action("clock_freeze", PLACE, "Clocks of these hosts stand still."),
    action("add", PLACE, "A replica joins its group."),
    action("remove", PLACE, "A replica leaves its group."),
    later("leap_second"),
    action("disk_slow", PLACE, "Disks of these hosts take `factor` times as long."),
    later("disk_full"),
    later("torn_write"),
    later("bit_rot"),
    later("lost_fsync"),
    later("lose_invalidations"),
    later("stale_dns"),
    later("expire_certificate"),
    later("scale"),
    later("split"),
    later("merge"),
]);

// ---- expectations, variants, sweeps, teaching ----

const VERDICT: Value = Value::Words(&crate::expect::Expected::WORDS);

const EXPECT: Value = Value::Table(&[
    required("that", TEXT, "What should be so: `p99(api) < 50ms`."),
    key("verdict", VERDICT, "What is expected of it."),
    key("during", TEXT, "A phase: the name of a fault, `before`, `after`, `steady`, or a window."),
    key("within", TEXT, "True from then on: `60s after spike`."),
    key("needs", Value::Texts, "What must be so for it to mean anything."),
    key("only", Value::Texts, "Variants in which it is judged."),
    key("source", TEXT, "Where its number is from; required beside `~`."),
    key("why", TEXT, "Why it matters."),
    LIKE,
]);

const VARIANT: Value = Value::Table(&[
    key("set", Value::Names(&Value::Any), "Path → value; a path is quoted."),
    key("expect", Value::Names(&VERDICT), "Expectation → verdict, where it differs from the file."),
    key("why", TEXT, "Why it is there."),
]);

const SWEEP: Value = Value::Table(&[
    key("grid", Value::Names(&Value::List(&Value::Any)), "Path → list of values; every combination."),
    key("cases", Value::Names(&Value::Names(&Value::Any)), "Name → path → value; what goes together."),
    key("only", Value::Texts, "Variants to run, or `all`."),
    key("show", Value::Texts, "Metrics to plot."),
    key("bisect", TEXT, "The path whose values are searched for the one at which a verdict flips."),
    key("range", TEXT, "Between what and what: `0.1s..5s`, or `1..=200`."),
    key("until", TEXT, "The expectation whose verdict flips."),
]);

const TEACH: &[Key] = &[
    key("minutes", COUNT, "How long it takes."),
    key(
        "predict",
        Value::List(&Value::Table(&[
            required("ask", TEXT, "The question."),
            key("choices", Value::Texts, "To choose from."),
            required("answer", TEXT, "The right one, and why."),
        ])),
        "Before the run.",
    ),
    key("hints", Value::Texts, "On request."),
    key("look_for", Value::Texts, "After the run."),
    key("reading", Value::Texts, "Further reading."),
];
