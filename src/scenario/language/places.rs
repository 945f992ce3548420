//! Regions, links, clocks and keys.

use super::components::LIKE;
use super::{BANDWIDTH, COUNT, DURATION, DURATIONS, NUMBER, OFFSETS, SHARE, SIZE};
use crate::scenario::shape::{Key, Value, key, later, read};
use crate::spec::dist::{Drifts, Sizes};
use crate::spec::{Drawn, Popularity};

pub(super) const REGION: Value = Value::Table(REGION_KEYS);
pub(in crate::scenario) const REGION_KEYS: &[Key] =
    &[key("zones", Value::Texts, "Its zones; each fails as one.").default("[\"a\"]"), LIKE];

const RTT: Key = key("rtt", DURATIONS, "Round trip; a message takes half of a draw.").instead_of(&["delay"]);
const DELAY: Key = key("delay", DURATIONS, "One way, instead of `rtt`.");
const LINK_BANDWIDTH: Key = key("bandwidth", Value::OrNone(&BANDWIDTH), "Beyond it, messages queue.");
const BUFFER: Key = key("buffer", Value::OrNone(&SIZE), "Messages that find it full are lost.");
const LOSS: Key = key("loss", SHARE, "Of messages that are lost.");
const DUPLICATE: Key = key("duplicate", SHARE, "Of messages that arrive twice.");
const REORDER: Key = key("reorder", SHARE, "Of messages that are overtaken.");
const CODEC: Key = key(
    "codec",
    Value::OrNone(&Value::Table(&[
        key("ratio", NUMBER, "How many times smaller.").illustrative("4.0"),
        key("cpu_per_mb", DURATION, "Processor time for a megabyte.").illustrative("5ms"),
    ])),
    "Compression.",
);

/// A link of this round trip that does nothing else to messages.
const fn link(rtt: Key) -> [Key; 8] {
    [
        rtt,
        DELAY,
        LINK_BANDWIDTH.default("none"),
        BUFFER.default("none"),
        LOSS.default("0%"),
        DUPLICATE.default("0%"),
        REORDER.default("0%"),
        CODEC.off(),
    ]
}
const WITHIN_ZONE: &[Key] = &link(RTT.published("0.5ms", "Dean 2009"));
const BETWEEN_ZONES: &[Key] = &link(RTT.illustrative("1ms"));
const ACCESS: &[Key] = &link(RTT.default("0s"));
pub(super) const ACCESS_OR_NONE: Value = Value::OrNone(&Value::Table(ACCESS));

/// A link that is as far apart as zones are in whatever it doesn't say.
const FURTHER: Value = Value::Table(&[
    RTT.words(AS_ZONES),
    DELAY,
    LINK_BANDWIDTH.words(AS_ZONES),
    BUFFER.words(AS_ZONES),
    LOSS.words(AS_ZONES),
    DUPLICATE.words(AS_ZONES),
    REORDER.words(AS_ZONES),
    CODEC.words(AS_ZONES),
]);
const AS_ZONES: &str = "as network.between_zones";
pub(super) const LINKS: Value = Value::Names(&FURTHER);

pub(super) const NETWORK: &[Key] = &[
    key("within_zone", Value::OrNone(&Value::Table(WITHIN_ZONE)), "Between hosts of one zone; 0.5 ms if not written.")
        .table(),
    key(
        "between_zones",
        Value::OrNone(&Value::Table(BETWEEN_ZONES)),
        "Between zones of one region; 1 ms if not written.",
    )
    .table(),
    key(
        "between_regions",
        Value::Either(&[Value::Words(&["aws_2016"]), FURTHER]),
        "Between regions: a matrix shipped as data, or one link for all.",
    )
    .words("none: of several regions each two have a link of their own"),
    key("access", ACCESS_OR_NONE, "Between clients and the region that they enter.").off(),
];

const OFFSET: Key = key("offset", OFFSETS, "How far off a clock begins, drawn for each host.");
const DRIFT: Key = key("drift", read::<Drawn<Drifts>>(), "How much faster it runs, drawn for each host.");
const UNCERTAINTY: Key = key("uncertainty", Value::OrNone(&DURATIONS), "What reads with an interval see.");
const SYNC: Key = key(
    "sync",
    Value::OrNone(&Value::Table(&[
        key("every", DURATION, "How often.").published("64s", "ntpd, its shortest poll"),
        key("error", OFFSETS, "What is left after it.").illustrative("normal(0ms, 5ms)"),
        key("how", Value::Words(&["slew", "step"]), "Slowly, or at once.").default("slew"),
    ])),
    "How it is set right.",
);

/// The clocks of all hosts.
pub(super) const CLOCK: &[Key] =
    &[OFFSET.default("0s"), DRIFT.default("0ppm"), UNCERTAINTY.default("none"), SYNC.off()];

/// Those of one component.
pub(super) const CLOCK_OR_NONE: Value = Value::OrNone(&Value::Table(&[
    OFFSET.words(AS_CLOCK),
    DRIFT.words(AS_CLOCK),
    UNCERTAINTY.words(AS_CLOCK),
    SYNC.words(AS_CLOCK),
]));
const AS_CLOCK: &str = "as [clock]";

pub(super) const KEYS: Value = Value::Table(&[
    key("count", COUNT, "How many.").illustrative("1000"),
    key("popularity", read::<Popularity>(), "Which are asked for how often.").default("uniform"),
    key("size", read::<Drawn<Sizes>>(), "Of a value.").published("1KB", "YCSB"),
    LIKE,
    later("fields"),
]);
