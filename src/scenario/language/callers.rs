//! `[edge.A.B]` and `[clients.X]`: who asks, and how patiently.

use super::components::LIKE;
use super::places::LINK_OR_NONE;
use super::{BALANCE, COUNT, DURATION, DURATION_OR_NONE, DURATIONS, LIMIT, SHARE, TEXT};
use crate::scenario::lower::WrittenAfter;
use crate::scenario::shape::{Key, Value, key, later, read, required};
use crate::spec::dist::Counts;
use crate::spec::{Backoff, Drawn, RateOverTime};

pub(super) const TIMEOUT: Key = key("timeout", DURATION_OR_NONE, "Of one attempt.");
pub(super) const DEADLINE: Key = key("deadline", DURATION_OR_NONE, "Of all attempts together.");
pub(super) const PROPAGATE: Key = key("propagate_deadline", Value::Flag, "Tell the callee how long it makes sense.");
pub(super) const RETRY: Key = key(
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
pub(super) const HEDGE: Key = key(
    "hedge",
    Value::OrNone(&Value::Table(&[
        key("after", read::<WrittenAfter>(), "When the second request goes out."),
        key("max", SHARE, "Of all calls."),
    ])),
    "A second request when the first is late.",
);
pub(super) const BREAKER: Key = key(
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
pub(super) const POOL: Key = key(
    "pool",
    Value::OrNone(&Value::Table(&[
        key("size", COUNT, "Calls in flight per caller."),
        key("max_wait", DURATION_OR_NONE, "For a free slot."),
        key("create", DURATION, "Time to make a connection."),
        key("same_as", TEXT, "Shares the pool of another edge: `\"web -> cart\"`."),
    ])),
    "Connections, the bulkhead.",
);
pub(super) const CONCURRENCY: Key = key("concurrency", Value::OrNone(&LIMIT), "An adaptive limit.");
pub(super) const EDGE_BALANCE: Key = key("balance", BALANCE, "Whom it chooses, without a load balancer between.");
pub(super) const CONNECT: Key = key(
    "connect",
    Value::OrNone(&Value::Table(&[
        key("round_trips", COUNT, "Before the first byte: 2 is TCP and TLS 1.3."),
        key("cpu", DURATION, "Processor time of a handshake."),
        key("keepalive", DURATION_OR_NONE, "How long an idle connection is kept."),
    ])),
    "What a connection costs.",
);
pub(super) const DISCOVERY: Key = key("discovery", TEXT, "How it learns of instances: `dns(60s)`.");

pub(super) const EDGE: Value = Value::Table(&[
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
pub(super) const EDGES: Value = Value::Names(&EDGE);

pub(super) const CLIENTS: Value = Value::Table(&[
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
    key("access", LINK_OR_NONE, "Their own link to their region, instead of that of the network."),
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
    later("population"),
    later("per_user"),
    later("peak"),
]);
