//! Regions, links, clocks and keys.

use super::components::LIKE;
use super::{BANDWIDTH, COUNT, DURATION, DURATIONS, NUMBER, OFFSETS, SHARE, SIZE};
use crate::scenario::shape::{Key, Value, key, later, read};
use crate::spec::dist::{Drifts, Sizes};
use crate::spec::{Drawn, Popularity};

pub(super) const REGION: Value = Value::Table(&[key("zones", Value::Texts, "Its zones; each fails as one."), LIKE]);

pub(super) const LINK: Value = Value::Table(&[
    key("rtt", DURATIONS, "Round trip; a message takes half of a draw."),
    key("delay", DURATIONS, "One way, instead of `rtt`."),
    key("bandwidth", Value::OrNone(&BANDWIDTH), "Beyond it, messages queue."),
    key("buffer", Value::OrNone(&SIZE), "Messages that find it full are lost."),
    key("loss", SHARE, "Of messages that are lost."),
    key("duplicate", SHARE, "Of messages that arrive twice."),
    key("reorder", SHARE, "Of messages that are overtaken."),
    key("codec", Value::OrNone(&CODEC), "Compression."),
]);
pub(super) const LINK_OR_NONE: Value = Value::OrNone(&LINK);
pub(super) const LINKS: Value = Value::Names(&LINK);
pub(super) const CODEC: Value = Value::Table(&[
    key("ratio", NUMBER, "How many times smaller."),
    key("cpu_per_mb", DURATION, "Processor time for a megabyte."),
]);

pub(super) const NETWORK: &[Key] = &[
    key("within_zone", LINK_OR_NONE, "Between hosts of one zone; 0.5 ms if not written."),
    key("between_zones", LINK_OR_NONE, "Between zones of one region; 1 ms if not written."),
    key(
        "between_regions",
        Value::Either(&[Value::Words(&["aws_2016"]), LINK]),
        "Between regions: a matrix shipped as data, or one link for all.",
    ),
    key("access", LINK_OR_NONE, "Between clients and the region that they enter."),
];

pub(super) const CLOCK: &[Key] = &[
    key("offset", OFFSETS, "How far off a clock begins, drawn for each host."),
    key("drift", read::<Drawn<Drifts>>(), "How much faster it runs, drawn for each host."),
    key("uncertainty", Value::OrNone(&DURATIONS), "What reads with an interval see."),
    key("sync", Value::OrNone(&SYNC), "How it is set right."),
];
pub(super) const CLOCK_OR_NONE: Value = Value::OrNone(&Value::Table(CLOCK));
pub(super) const SYNC: Value = Value::Table(&[
    key("every", DURATION, "How often."),
    key("error", OFFSETS, "What is left after it."),
    key("how", Value::Words(&["slew", "step"]), "Slowly, or at once."),
]);

pub(super) const KEYS: Value = Value::Table(&[
    key("count", COUNT, "How many."),
    key("popularity", read::<Popularity>(), "Which are asked for how often."),
    key("size", read::<Drawn<Sizes>>(), "Of a value."),
    LIKE,
    later("fields"),
]);
