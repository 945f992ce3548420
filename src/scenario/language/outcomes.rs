//! Expectations, variants, sweeps and what teachers get.

use super::components::LIKE;
use super::{COUNT, TEXT};
use crate::scenario::shape::{Key, Value, key, required};

pub(super) const VERDICT: Value = Value::Words(&crate::expect::Expected::WORDS);

pub(super) const EXPECT: Value = Value::Table(&[
    required("that", TEXT, "What should be so: `p99(api) < 50ms`."),
    key("verdict", VERDICT, "What is expected of it.").default("holds"),
    key("during", TEXT, "A phase: the name of a fault, `before`, `after`, `steady`, or a window.")
        .words("the whole run; measures leave out the warm-up")
        .instead_of(&["within"]),
    key("within", TEXT, "True from then on: `60s after spike`."),
    key("needs", Value::Texts, "What must be so for it to mean anything.").default("[]"),
    key("only", Value::Texts, "Variants in which it is judged.").words("every design"),
    key("source", TEXT, "Where its number is from; required beside `~`."),
    key("why", TEXT, "Why it matters."),
    key(
        "say",
        TEXT,
        "Told in the answer if it is met: words and, in braces, what was measured: `p99 falls to {p99(api)@cache}`.",
    ),
    LIKE,
]);

pub(super) const VARIANT: Value = Value::Table(&[
    key("set", Value::Names(&Value::Any), "Path → value; a path is quoted."),
    key("expect", Value::Names(&VERDICT), "Expectation → verdict, where it differs from the file."),
    key("why", TEXT, "Why it is there."),
]);

pub(super) const SWEEP: Value = Value::Table(&[
    key("grid", Value::Names(&Value::List(&Value::Any)), "Path → list of values; every combination."),
    key("cases", Value::Names(&Value::Names(&Value::Any)), "Name → path → value; what goes together."),
    key("only", Value::Texts, "Variants to run, or `all`.").words("the base"),
    key("show", Value::Texts, "Metrics to plot."),
    key("bisect", TEXT, "The path whose values are searched for the one at which a verdict flips."),
    key("range", TEXT, "Between what and what: `0.1s..5s`, or `1..=200`."),
    key("until", TEXT, "The expectation whose verdict flips."),
]);

pub(super) const TEACH: &[Key] = &[
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
