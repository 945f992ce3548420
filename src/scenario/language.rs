//! Every key of the scenario language that this version reads, and the names of those that come later.

mod callers;
mod components;
mod faults;
mod flows;
mod outcomes;
mod places;

use crate::engine::Span;
use crate::scenario::lower::{WrittenBalance, WrittenLimit};
use crate::scenario::shape::{Key, Value, key, later, read, required};
use crate::spec::Drawn;
use crate::spec::dist::{Durations, Offsets};
use crate::spec::units::{Bandwidth, Count, Number, Share, Size, WholeRange};
pub(super) use callers::EDGE_KEYS;
use callers::{CLIENTS, EDGES};
use components::{CACHE, LOAD_BALANCER, MEMBERSHIP, MESSAGES, SERVICE, STORE};
use faults::FAULT;
use flows::FLOW;
use outcomes::{EXPECT, SWEEP, TEACH, VARIANT};
pub(super) use places::REGION_KEYS;
use places::{CLOCK, KEYS, LINKS, NETWORK, REGION};

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
pub(super) const FILE: Value = Value::Table(FILE_KEYS);
pub(super) const FILE_KEYS: &[Key] = &[
    required("schema", Value::Whole, "Version of this language: 1."),
    required("title", TEXT, "What it is."),
    required("question", TEXT, "What it answers."),
    key("level", Value::Words(&["intro", "core", "deep"]), "How hard it is, for `netsplit list`.").default("core"),
    key("covers", Value::Texts, "Rows of the catalogue.").default("[]"),
    required("duration", DURATION, "Virtual time that it runs."),
    key("warmup", DURATION, "Left out of measurements, not of histories.").default("0s"),
    key("seeds", read::<WholeRange>(), "Seeds that it runs with, ends included.").default("1..=1"),
    key("base", TEXT, "What the file without a variant is called.").default("base"),
    key(
        "max_events",
        COUNT,
        "Refused before the run if the estimate is higher; a run that takes four times as many is stopped.",
    )
    .illustrative("20M"),
    key("region", Value::Names(&REGION), "Regions and their zones."),
    key("network", Value::Table(NETWORK), "Links by distance.").table(),
    key(
        "link",
        Value::Names(&LINKS),
        "Links between two regions, or two `\"region/zone\"`s; both ways, unless the way back is written too.",
    ),
    key("clock", Value::Table(CLOCK), "Clocks of all hosts.").table(),
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
];
