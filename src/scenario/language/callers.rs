//! `[edge.A.B]` and `[clients.X]`: who asks, and how patiently.

use super::components::LIKE;
use super::places::ACCESS_OR_NONE;
use super::{BALANCE, COUNT, DURATION, DURATION_OR_NONE, DURATIONS, LIMIT, SHARE, TEXT};
use crate::scenario::lower::WrittenAfter;
use crate::scenario::shape::{Key, Value, key, later, read, required};
use crate::spec::dist::Counts;
use crate::spec::{Backoff, Drawn, RateOverTime};

pub(super) const TIMEOUT: Key = key("timeout", DURATION_OR_NONE, "Of one attempt.").default("none");
pub(super) const DEADLINE: Key = key("deadline", DURATION_OR_NONE, "Of all attempts together.").default("none");
pub(super) const PROPAGATE: Key =
    key("propagate_deadline", Value::Flag, "Tell the callee how long it makes sense.").default("false");
pub(super) const RETRY: Key = key(
    "retry",
    Value::OrNone(&Value::Table(&[
        key("attempts", COUNT, "The first one counts.").published("3", "AWS SDK, standard retries"),
        key("on", Value::Texts, "Outcomes: timeout, error, rejected, unavailable, aborted.")
            .default("[\"timeout\", \"error\", \"rejected\", \"unavailable\"]"),
        key("backoff", read::<Backoff>(), "The pause before it.")
            .published("full_jitter(100ms, 20s)", "AWS SDK: at most 20s"),
        key("budget", Value::OrNone(&SHARE), "Retries per fresh call.").default("none"),
        key("budget_burst", COUNT, "Retries at once beyond the budget.").illustrative("100"),
    ])),
    "Try again.",
)
.off();
pub(super) const HEDGE: Key = key(
    "hedge",
    Value::OrNone(&Value::Table(&[
        key("after", read::<WrittenAfter>(), "When the second request goes out.")
            .published("p95", "Dean and Barroso 2013"),
        key("max", SHARE, "Of all calls.").published("5%", "Dean and Barroso 2013"),
    ])),
    "A second request when the first is late.",
)
.off();
pub(super) const BREAKER: Key = key(
    "breaker",
    Value::OrNone(&Value::Table(&[
        key("window", COUNT, "Calls that it looks at.").published("100", "Resilience4j"),
        key("min_calls", COUNT, "Below that it says nothing.").published("100", "Resilience4j"),
        key("failure_rate", SHARE, "From that on it opens.").published("50%", "Resilience4j"),
        key("open", DURATION, "For how long.").published("60s", "Resilience4j"),
        key("half_open", COUNT, "Calls to try with.").published("10", "Resilience4j"),
    ])),
    "Stop calling who fails.",
)
.off();
pub(super) const POOL: Key = key(
    "pool",
    Value::OrNone(&Value::Table(&[
        key("size", COUNT, "Calls in flight per caller.").illustrative("64"),
        key("max_wait", DURATION_OR_NONE, "For a free slot.").default("none"),
        key("create", DURATION, "Time to make a connection.").default("0s"),
        key("same_as", TEXT, "Shares the pool of another edge: `\"web -> cart\"`.").default("none"),
    ])),
    "Connections, the bulkhead.",
)
.off();
pub(super) const CONCURRENCY: Key = key("concurrency", Value::OrNone(&LIMIT), "An adaptive limit.").default("none");
pub(super) const EDGE_BALANCE: Key = key("balance", BALANCE, "Whom it chooses, without a load balancer between.")
    .words("round_robin, or consistent_hash before a cache of several replicas; a load balancer has its `policy`");
pub(super) const CONNECT: Key = key(
    "connect",
    Value::OrNone(&Value::Table(&[
        key("round_trips", COUNT, "Before the first byte: 2 is TCP and TLS 1.3.").default("0"),
        key("cpu", DURATION, "Processor time of a handshake.").default("0s"),
        key("keepalive", DURATION_OR_NONE, "How long an idle connection is kept.").default("none"),
    ])),
    "What a connection costs.",
)
.off();
pub(super) const DISCOVERY: Key = later("discovery");

pub(in crate::scenario) const EDGE_KEYS: &[Key] = &[
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
];
pub(super) const EDGE: Value = Value::Table(EDGE_KEYS);
pub(super) const EDGES: Value = Value::Names(&EDGE);

pub(super) const CLIENTS: Value = Value::Table(&[
    key("rate", read::<RateOverTime>(), "Open: they come whatever happens."),
    key("arrivals", Value::Words(&["poisson", "constant"]), "Of an open population.")
        .words("poisson; of a trace: as recorded")
        .beside(&["rate"]),
    key("count", COUNT, "Closed: so many ask, wait, think and ask again."),
    key("think", DURATIONS, "Between an answer and the next request.").default("0s"),
    key("requests", read::<Drawn<Counts>>(), "Of one session.").default("1").beside(&["rate"]),
    required("target", TEXT, "The component that they ask."),
    key("mix", Value::OrNone(&Value::Names(&SHARE)), "Flow or operation and its share; adds up to 100%.")
        .words("half reads and half writes of a store [YCSB, workload A], `request` of anything else"),
    key("keys", TEXT, "Of direct reads and writes.")
        .words("a thousand keys of its own, illustrative, all alike, of 1KB each [YCSB]"),
    key(
        "consistency",
        Value::Words(&["one", "local_one", "quorum", "local_quorum", "all", "linearizable", "follower"]),
        "Of direct reads and writes.",
    )
    .words("what the protocol of the store gives"),
    key("priority", COUNT, "From 0 to 7; higher goes first.").default("0"),
    key("region", TEXT, "Where they are.").words("the first region by name"),
    key("access", ACCESS_OR_NONE, "Their own link to their region, instead of that of the network.")
        .words("as in network.access"),
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
    key("contact", Value::Texts, "Whom they try: `nearest`, `any`, `sticky`, or these instances.")
        .words("as `balance` says"),
    later("population"),
    later("per_user"),
    later("peak"),
]);
