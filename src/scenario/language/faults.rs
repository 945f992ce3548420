//! `[fault.X]`: what breaks, when, for how long.

use super::components::LIKE;
use super::{BANDWIDTH, COUNT, DURATION, DURATIONS, NUMBER, OFFSETS, PLACE, SHARE};
use crate::scenario::lower::{Passing, WrittenBatch};
use crate::scenario::shape::{Value, action, key, later, read, required};
use crate::spec::Drawn;
use crate::spec::dist::Drifts;
use crate::spec::units::Rate;

pub(super) const FAULT: Value = Value::Table(&[
    key("at", DURATIONS, "When it begins."),
    key("for", DURATIONS, "How long it lasts, whatever others do; without it, for good.")
        .words("until the run ends")
        .instead_of(&["random", "rolling_upgrade", "restart", "flush", "clock_step"]),
    key("every", DURATIONS, "Again and again."),
    key("from", DURATION, "Of `every` and `random`: not before.").default("0s").beside(&["every", "random"]),
    key("until", DURATION, "Of `every` and `random`: not after.")
        .words("the end of the run")
        .beside(&["every", "random"]),
    key(
        "random",
        Value::Table(&[
            required("mtbf", DURATION, "Mean time between failures."),
            required("mttr", DURATION, "Mean time to repair."),
        ]),
        "Each instance on its own.",
    ),
    key("enabled", Value::Flag, "Whether it happens at all.").default("true"),
    action("crash", PLACE, "Stop, keeping what was written."),
    action("power_loss", PLACE, "Stop, losing what was not fsynced."),
    action("restart", PLACE, "Stop and start what runs."),
    action("pause", PLACE, "Freeze while clocks run."),
    action("slow", PLACE, "Service times grow by `factor`; of several, factors multiply."),
    action("gray", PLACE, "Fails or drags while health checks pass."),
    action("partition", PLACE, "Two sides that don't hear one another."),
    action("loss", PLACE, "A `share` of messages is lost."),
    action("duplicate", PLACE, "A `share` of messages arrives twice."),
    action("reorder", PLACE, "A `share` of messages is overtaken."),
    action("delay", PLACE, "Messages take longer `by` that much."),
    action("bandwidth", PLACE, "Falls `to` that."),
    action("load", PLACE, "Clients ask `factor` times as much, or at a `rate`; of several, factors multiply."),
    action("hot_key", PLACE, "One key gets a `share` of the requests."),
    action("flush", PLACE, "An empty cache."),
    action("leak", PLACE, "Pool `slots` of an edge are gone."),
    key("factor", NUMBER, "Of `slow`, `disk_slow` and `load`."),
    key("errors", SHARE, "Of `gray`: how much fails.").default("100%").beside(&["gray"]),
    key("service_time", DURATIONS, "Of `gray`: what it takes instead.").words("what it takes anyway").beside(&["gray"]),
    key("share", SHARE, "Of messages, or of requests."),
    key("key", COUNT, "Of `hot_key`: which.").default("0").beside(&["hot_key"]),
    key("by", Value::Either(&[DURATIONS, OFFSETS]), "Of `delay` and `clock_step`."),
    key(
        "rate",
        Value::Either(&[read::<Drawn<Drifts>>(), read::<Rate>()]),
        "Of `clock_drift`: how much more they gain. Of `load`: what clients ask instead; of several, the latest counts.",
    ),
    key("to", BANDWIDTH, "Of `bandwidth`."),
    key("slots", COUNT, "Of `leak`: how many."),
    key("shape", Value::Words(&["symmetric", "one_way", "bridge", "ring"]), "Of `partition`.")
        .default("symmetric")
        .beside(&["partition"]),
    key("batch", read::<WrittenBatch>(), "Of `rolling_upgrade`: how many at once, or which share of all.")
        .published("25%", "Kubernetes")
        .beside(&["rolling_upgrade"]),
    key("drain", DURATION, "Of `rolling_upgrade`: so long a batch may finish what it has before it stops.")
        .published("30s", "Kubernetes")
        .beside(&["rolling_upgrade"]),
    key("down", DURATION, "Of `rolling_upgrade`: how long a batch is stopped; its `startup` follows.")
        .illustrative("10s")
        .beside(&["rolling_upgrade"]),
    LIKE,
    action(
        "set",
        Value::Names(&Value::Any),
        "Path → value; a path is quoted. Of several, the latest counts, and after it the one before.",
    ),
    key("probability", SHARE, "That it happens, each time.").default("100%"),
    key(
        "max_concurrent",
        Value::OrNone(&COUNT),
        "Instances broken at once; what would break then runs on. Of `every` it is 1.",
    )
    .default("none")
    .beside(&["random"]),
    key(
        "when",
        read::<Passing>(),
        "At a point that a protocol passes, by whoever passes it unless `of=` says who; or between two; `at` is then the \
         earliest.",
    ),
    key("nth", COUNT, "Of `when`: which time; the first by default.").default("1").beside(&["when"]),
    later("corrupt"),
    later("drop"),
    action("rolling_upgrade", PLACE, "Batch by batch: taken out, stopped, started, put back."),
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
