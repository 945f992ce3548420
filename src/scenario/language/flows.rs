//! `[flow.X]` and its steps.

use super::components::LIKE;
use super::{COUNT, DURATION_OR_NONE, DURATIONS, SHARE, SIZE, TEXT};
use crate::scenario::shape::{Value, action, key, later, required};

/// A variable, such as `$order`, or a number.
pub(super) const SOURCE: Value = Value::Either(&[TEXT, COUNT]);

pub(super) const FLOW: Value = Value::Table(&[
    key(
        "runs_on",
        Value::Texts,
        "Whose workers do it; without it, it is a part of whoever names it. Several, if a balancer stands before them.",
    )
    .words("nowhere: it is a part of whoever names it"),
    key("draw", Value::Names(&Value::Any), "Variable → `unique`, a key set or a distribution."),
    required("steps", Value::List(&STEP), "In order; a failed step ends the flow with its outcome."),
    LIKE,
    key(
        "on",
        TEXT,
        "The queue whose messages start it, or `every(60s)`: each instance of its service then starts it by its own clock.",
    ),
    key("group", TEXT, "Those who share the messages among them; its own name if not written.")
        .words("the flow's own name")
        .beside(&["on"]),
    key("parallel", COUNT, "Messages that each instance works on at once.").default("1").beside(&["on"]),
    key("order", Value::Words(&["per_partition", "per_key", "none"]), "Which messages wait for which.")
        .default("per_partition")
        .beside(&["on"]),
    key("ack", Value::Words(&["after", "before"]), "Whether a message is acknowledged after the work.")
        .default("after")
        .beside(&["on"]),
]);
pub(super) const STEP: Value = Value::Table(&[
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
    )
    .default("all")
    .beside(&["parallel", "fan_out"]),
    key("fallback", TEXT, "A flow to run instead, or `default`, a canned answer; counted degraded."),
    key("label", TEXT, "For the report."),
    key("key", SOURCE, "Which key; the request's own if not written.")
        .words("the request's own, of `dedupe` the request")
        .beside(&["call", "read", "write", "delete", "add", "append", "scan", "dedupe"]),
    key("size", SIZE, "Of the message.").words("as of the clients' keys").beside(&["write", "append"]),
    key("value", SOURCE, "What is written; unique if not written here.").words("unique").beside(&["write", "append"]),
    key("if", SOURCE, "Only if that is there; `free` is nothing."),
    key("by", SOURCE, "Of `add`.").default("1").beside(&["add"]),
    key(
        "consistency",
        Value::Words(&["one", "local_one", "quorum", "local_quorum", "all", "linearizable", "follower"]),
        "Of `read`.",
    )
    .words("the clients'")
    .beside(&["read"]),
    key("instance", COUNT, "Which instance."),
    key("as", TEXT, "Of `fan_out`: the variable that holds the member.").default("member").beside(&["fan_out"]),
    key("each", TEXT, "Of `fan_out`: the flow."),
    key("then", TEXT, "Of `branch`: the flow."),
    key("else", TEXT, "Of `branch`: the other flow."),
    key("max", COUNT, "Of `loop`: rounds at most."),
    key("until", SOURCE, "Of `loop`: it ends when that isn't 0."),
    key("window", DURATION_OR_NONE, "Of `dedupe`: how long it is remembered.").words("none").beside(&["dedupe"]),
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
