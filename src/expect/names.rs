//! Every word of the expression language, with what it means: for `list`, "did you mean", and the checks of units.

use super::dimension::Dimension;

/// What kind of number a measure gives, and hence which statistics it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Many values, one a request, message or interval: needs `mean`, `p99`, `max`, `sum`, `count`, `rate`.
    Distribution(Dimension),
    /// Things that happen, or bytes: needs `count` or `rate`.
    Counter(Dimension),
    /// A level over time: needs `mean`, `max`, `min` or a percentile.
    Gauge(Dimension),
    /// Things that happen, told as how many a second; `count` says how many in all.
    PerSecond,
    /// One number; over `/*` one each, over which a statistic goes.
    Scalar(Dimension),
    /// One number, of whatever its scenario says.
    Open,
    /// A word, compared with `==`.
    Label,
}

/// A measure: `name(scope)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// As it is written.
    pub name: &'static str,
    /// What it gives.
    pub shape: Shape,
    /// In one line.
    pub summary: &'static str,
    /// Which part of the language it belongs to; (1) is there from the start.
    pub part: u8,
}

/// What may stand as an argument of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A component, client group, flow, record, queue, lock, or a field of keys (`accounts.balance`).
    Name,
    /// A word of the property's own, such as an anomaly (`G1c`).
    Word,
    /// A duration.
    Duration,
}

/// A property: holds, or is violated by a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyName {
    /// As it is written.
    pub name: &'static str,
    /// Its arguments, in order.
    pub takes: &'static [Takes],
    /// In one line.
    pub summary: &'static str,
    /// Which part of the language it belongs to.
    pub part: u8,
}

/// A statistic, for lists; percentiles are `p` and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatName {
    /// As it is written.
    pub name: &'static str,
    /// In one line.
    pub summary: &'static str,
}

const fn measure(name: &'static str, shape: Shape, part: u8, summary: &'static str) -> Measure {
    Measure { name, shape, summary, part }
}

const fn property(name: &'static str, takes: &'static [Takes], part: u8, summary: &'static str) -> PropertyName {
    PropertyName { name, takes, summary, part }
}

const DURATION: Dimension = Dimension::DURATION;
const COUNT: Dimension = Dimension::COUNT;
const SHARE: Dimension = Dimension::SHARE;
const SIZE: Dimension = Dimension::SIZE;
const EVENTS: Shape = Shape::Counter(COUNT);

/// The statistics.
pub const STATS: &[StatName] = &[
    StatName { name: "mean", summary: "the mean: of latencies, or of a level over time" },
    StatName { name: "min", summary: "the smallest" },
    StatName { name: "max", summary: "the largest" },
    StatName { name: "sum", summary: "all added up" },
    StatName { name: "rate", summary: "how many a second" },
    StatName { name: "count", summary: "how many" },
    StatName { name: "p50", summary: "the median; p90, p99, p99.9 and any other percentile likewise" },
];

/// The measures.
pub const MEASURES: &[Measure] = &[
    measure("latency", Shape::Distribution(DURATION), 1, "from request or record a to record b with the same id"),
    measure("offered", Shape::PerSecond, 1, "requests asked, a second"),
    measure("goodput", Shape::PerSecond, 1, "requests fully answered in time, a second"),
    measure("availability", Shape::Scalar(SHARE), 1, "share of requests answered, degraded too"),
    measure("error_ratio", Shape::Scalar(SHARE), 1, "share of requests not answered"),
    measure("calls", EVENTS, 1, "calls, however many attempts each took"),
    measure("attempts", EVENTS, 1, "attempts of calls, the first ones too"),
    measure("ok", EVENTS, 1, "requests fully answered"),
    measure("degraded", EVENTS, 1, "requests a fallback answered"),
    measure("errors", EVENTS, 1, "requests that definitely failed"),
    measure("timeouts", EVENTS, 1, "requests of unknown outcome"),
    measure("rejected", EVENTS, 1, "requests shed, limited or refused by a breaker"),
    measure("aborted", EVENTS, 1, "transactions that lost"),
    measure("hedges", EVENTS, 1, "second requests sent because the first was late"),
    measure("redeliveries", EVENTS, 1, "messages handed out again"),
    measure("share", Shape::Scalar(SHARE), 1, "share of all requests that an instance got: share(db/*)"),
    measure("hit_ratio", Shape::Scalar(SHARE), 1, "share of a cache's reads that it answered itself"),
    measure("byte_hit_ratio", Shape::Scalar(SHARE), 1, "the same, by bytes"),
    measure(
        "stale_served",
        Shape::Scalar(SHARE),
        1,
        "share of a cache's answers, or of a store's reads, that were no longer current",
    ),
    measure("utilization", Shape::Gauge(SHARE), 1, "share of workers that are busy"),
    measure("queue_length", Shape::Gauge(COUNT), 1, "requests or messages that wait"),
    measure("queue_age", Shape::Gauge(DURATION), 1, "how long the oldest has waited"),
    measure("in_flight", Shape::Gauge(COUNT), 1, "requests asked and not yet answered"),
    measure("running", Shape::Gauge(COUNT), 1, "live replicas"),
    measure("replicas", Shape::Gauge(COUNT), 1, "replicas in their callers' choice"),
    measure("lag", Shape::Gauge(COUNT), 1, "messages a consumer is behind"),
    measure("memory_used", Shape::Gauge(SIZE), 1, "memory in use"),
    measure("pool_used", Shape::Gauge(COUNT), 1, "slots of a pool in use"),
    measure("bytes", Shape::Gauge(SIZE), 1, "bytes stored, or under way on a link"),
    measure("recovery_time", Shape::Scalar(DURATION), 1, "from the end of a fault until 95% goodput"),
    measure(
        "detection_time",
        Shape::Distribution(DURATION),
        2,
        "from a fault on members until the first of the others notices",
    ),
    measure(
        "agreement_time",
        Shape::Distribution(DURATION),
        2,
        "from a fault on members until the last of the others notices",
    ),
    measure("unavailable", Shape::Scalar(DURATION), 1, "the longest gap without an answer"),
    measure("threshold", Shape::Open, 1, "the value that a bisecting sweep found"),
    measure("staleness", Shape::Distribution(DURATION), 2, "how long what was read had been overwritten"),
    measure("versions_behind", Shape::Distribution(COUNT), 2, "how many writes what was read was behind"),
    measure("t_visibility", Shape::Distribution(DURATION), 2, "from a write's answer until every read sees it"),
    measure("lost_writes", EVENTS, 2, "acknowledged writes that are gone"),
    measure("conflicts", EVENTS, 2, "concurrent versions of one key that met"),
    measure("leader_changes", EVENTS, 2, "times that another replica became leader"),
    measure("leaderless", Shape::Distribution(DURATION), 2, "intervals in which nobody who is up leads"),
    measure(
        "two_leaders",
        Shape::Distribution(DURATION),
        2,
        "intervals in which several take themselves for the leader",
    ),
    measure("failover_time", Shape::Distribution(DURATION), 2, "from a fault on a leader until another one leads"),
    measure("late_acks", EVENTS, 2, "writes acknowledged by a leader after another had taken its place"),
    measure(
        "catch_up_time",
        Shape::Distribution(DURATION),
        2,
        "from the end of a fault until who was hit has everything",
    ),
    measure(
        "divergent_keys",
        Shape::Gauge(COUNT),
        2,
        "keys of which replicas hold different things, the absent ones too",
    ),
    measure("hints", EVENTS, 2, "writes kept for a replica that was away"),
    measure("repair_bytes", Shape::Counter(SIZE), 2, "bytes sent to bring replicas together"),
    measure("repair_keys", EVENTS, 2, "keys that anti-entropy sent, differing or not"),
    measure("tree_hashes", EVENTS, 2, "hashes of Merkle trees sent to be compared"),
    measure("false_positives", EVENTS, 2, "live members that were thought dead"),
    measure("messages", EVENTS, 2, "messages that replicas or members send one another"),
    measure(
        "spread_time",
        Shape::Distribution(DURATION),
        2,
        "from a rumour's first hearing until all members have heard it",
    ),
    measure("residue", Shape::Scalar(SHARE), 2, "share of the members that a rumour never reached"),
    measure("moved_keys", Shape::Scalar(COUNT), 4, "keys that a resharding moved"),
    measure("moved_bytes", Shape::Scalar(SIZE), 4, "bytes that a resharding moved"),
    measure("locks_held", Shape::Gauge(COUNT), 4, "locks held"),
    measure("lock_time", Shape::Distribution(DURATION), 4, "how long locks were held"),
    measure("deadlocks", EVENTS, 4, "transactions that waited for one another in a circle"),
    measure("anomalies", EVENTS, 4, "anomalies in the history of transactions"),
    measure("inversions", EVENTS, 4, "ids smaller than one given out before"),
    measure("duplicates", EVENTS, 4, "ids or effects that came twice"),
    measure("sockets", Shape::Gauge(COUNT), 5, "connections held"),
    measure("handshakes", EVENTS, 5, "connections made"),
    measure("deliveries", EVENTS, 5, "messages handed to subscribers or devices"),
    measure("flaps", EVENTS, 5, "changes of presence without a change of the user"),
    measure("session", Shape::Distribution(DURATION), 5, "how long users stay"),
    measure("degree", Shape::Distribution(COUNT), 5, "friends or followers of a user"),
    measure("cap", Shape::Label, 2, "CP, AP or neither, from what was observed"),
    measure("pacelc", Shape::Label, 2, "the same, and what it gives up without a partition"),
    measure("strongest", Shape::Label, 2, "the strongest consistency model that held"),
];

use Takes::{Duration, Name, Word};

/// The properties.
pub const PROPERTIES: &[PropertyName] = &[
    property("linearizable", &[Name], 2, "operations take effect at one moment between call and answer"),
    property("sequential", &[Name], 2, "one order of all operations that keeps each client's order"),
    property("causal", &[Name], 2, "nobody sees an effect before its cause"),
    property("pram", &[Name], 2, "each client's writes are seen in its order"),
    property("read_your_writes", &[Name], 2, "a client's reads see its own writes"),
    property("monotonic_reads", &[Name], 2, "a client never reads backwards"),
    property("monotonic_writes", &[Name], 2, "a client's writes take effect in its order"),
    property("writes_follow_reads", &[Name], 2, "a write comes after the writes its client had read"),
    property("bounded_staleness", &[Name, Duration], 2, "nothing that is read was overwritten longer ago than that"),
    property("converged", &[Name], 2, "all replicas hold the same in the end"),
    property("no_lost_acked_write", &[Name], 2, "no acknowledged write is gone"),
    property("no_phantom_value", &[Name], 2, "nothing is read that nobody wrote"),
    property("no_resurrection", &[Name], 2, "what was deleted stays deleted"),
    property("single_leader_per_term", &[Name], 2, "at most one leader a term"),
    property("log_matching", &[Name], 2, "logs that agree in an entry agree in all before"),
    property("leader_completeness", &[Name], 2, "a leader has everything that was committed in earlier terms"),
    property("state_machine_safety", &[Name], 2, "no two replicas apply different entries at one index"),
    property("mutual_exclusion", &[Name], 4, "at most one holds the lock"),
    property("fencing_monotonic", &[Name], 4, "no older token is accepted after a newer one"),
    property("serializable", &[Name], 4, "transactions are as if one after another"),
    property("strict_serializable", &[Name], 4, "and in the order of real time"),
    property("snapshot_isolation", &[Name], 4, "each transaction reads one snapshot, and the first committer wins"),
    property("repeatable_read", &[Name], 4, "what was read doesn't change within a transaction"),
    property("read_committed", &[Name], 4, "only committed values are read"),
    property("absent", &[Word, Name], 4, "this anomaly doesn't occur"),
    property("atomic_commit", &[Name], 4, "all shards of a transaction decide the same"),
    property("single_owner", &[Name], 4, "one owner a key and epoch"),
    property("no_lost_key", &[Name], 4, "no key is without an owner for good"),
    property("conserved", &[Name], 4, "the sum of a field stays the same"),
    property("unique", &[Name], 4, "no id is given out twice"),
    property("foreign_key", &[Name, Name], 4, "what a field refers to exists"),
    property("k_sorted", &[Name, Duration], 4, "ids are in order but for those that close together"),
    property("monotonic", &[Name], 4, "every id is larger than all given out before"),
    property("no_lost", &[Name, Name], 1, "every acknowledged a is in b"),
    property("at_most_once", &[Name], 1, "no effect comes twice"),
    property("exactly_once", &[Name], 1, "every acknowledged request has its effect once"),
    property("fifo", &[Name], 1, "in the order in which they were sent"),
    property("same_order", &[Name], 5, "all see the same order"),
    property("causal_order", &[Name], 5, "nobody sees an answer before the question"),
    property("complete_per_device", &[Name], 5, "every device gets everything that was for its user"),
    property("no_leak", &[Name], 3, "what was taken is given back"),
    property("within_rate", &[Name], 6, "a limiter lets through what it promises, and no more"),
    property("min_gap", &[Name, Duration], 6, "no two closer than that"),
    property("matches_oracle", &[Name], 6, "results are those of the plain computation"),
    property("equals_fold", &[Name, Name], 6, "a state is what its events add up to"),
];

/// Words from elsewhere, and what to write here.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("avg", "mean"),
    ("average", "mean"),
    ("median", "p50"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("total", "sum"),
    ("percentile", "p99"),
    ("quantile", "p99"),
    ("throughput", "goodput"),
    ("qps", "offered"),
    ("rps", "offered"),
    ("utilisation", "utilization"),
    ("error_rate", "error_ratio"),
    ("errors_ratio", "error_ratio"),
    ("success_rate", "availability"),
    ("uptime", "availability"),
    ("retries", "attempts"),
    ("queue_depth", "queue_length"),
    ("consumer_lag", "lag"),
    ("linearisable", "linearizable"),
    ("serialisable", "serializable"),
    ("sequentially_consistent", "sequential"),
    ("eventually_consistent", "converged"),
    ("no_lost_writes", "no_lost_acked_write"),
];

/// The measure of this name.
pub fn measure_named(name: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.name == name)
}

/// The property of this name.
pub fn property_named(name: &str) -> Option<&'static PropertyName> {
    PROPERTIES.iter().find(|property| property.name == name)
}

/// The word that was probably meant by one that is neither a statistic, nor a measure, nor a property.
pub fn meant(word: &str) -> Option<&'static str> {
    if let Some((_, here)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == word) {
        return Some(here);
    }
    let stats = STATS.iter().map(|stat| stat.name);
    let measures = MEASURES.iter().map(|measure| measure.name);
    crate::spec::nearest(word, stats.chain(measures).chain(PROPERTIES.iter().map(|property| property.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_means_one_thing() {
        let mut seen = BTreeSet::new();
        let words = MEASURES.iter().map(|measure| measure.name).chain(PROPERTIES.iter().map(|property| property.name));
        for word in words.chain(STATS.iter().map(|stat| stat.name)) {
            assert!(seen.insert(word), "{word} is there twice");
            assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{word}");
        }
    }

    #[test]
    fn words_from_elsewhere_lead_here() {
        for (word, here) in [
            ("avg", "mean"),
            ("goodputt", "goodput"),
            ("lineariseable", "linearizable"),
            ("converge", "converged"),
            ("hit-ratio", "hit_ratio"),
        ] {
            assert_eq!(meant(word), Some(here), "{word}");
        }
        assert_eq!(meant("banana"), None);
        for (elsewhere, here) in ELSEWHERE {
            let known = measure_named(here).is_some()
                || property_named(here).is_some()
                || STATS.iter().any(|stat| stat.name == *here)
                || *here == "p99";
            assert!(known, "{here}");
            assert!(measure_named(elsewhere).is_none() && property_named(elsewhere).is_none(), "{elsewhere}");
        }
    }
}
