//! Verdicts on histories, for the terminal and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::text::Ink;
use crate::check::hierarchy::Availability;
use crate::check::{Evidence, Staleness, Standing, Verdict, describe};
use crate::engine::Instant;
use crate::history::{History, OpIndex, Status};

/// A verdict with what it is about.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The property: `linearizable`.
    pub property: &'a str,
    /// What came of it.
    pub verdict: &'a Verdict,
}

/// A verdict in words: one line, and below a violation its witness as rows.
pub fn text(history: &History, judged: Judged<'_>, ink: Ink) -> String {
    let Judged { property, verdict } = judged;
    let (sign, code, word) = match verdict {
        Verdict::Holds => (if ink.unicode { "✓" } else { "ok" }, "32", "holds"),
        Verdict::Violated(_) => (if ink.unicode { "✕" } else { "FAIL" }, "31", "violated"),
        Verdict::Unknown(_) => ("?", "33", "unknown"),
        Verdict::Vacuous(_) => ("-", "33", "vacuous"),
    };
    let mut out = ink.paint(code, &format!("{sign} {property}: {word}"));
    match verdict {
        Verdict::Holds => out.push('\n'),
        Verdict::Unknown(reason) | Verdict::Vacuous(reason) => {
            let _ = writeln!(out, ", because {}", reason.0);
        }
        Verdict::Violated(evidence) => {
            let _ = writeln!(out, "\n  {}", evidence.sentence);
            witness(&mut out, history, evidence, ink);
        }
    }
    out
}

fn witness(out: &mut String, history: &History, evidence: &Evidence, ink: Ink) {
    let arrow = if ink.unicode { "→" } else { "->" };
    if !evidence.operations.is_empty() {
        let _ = writeln!(out, "  {}", shown(history, evidence));
        out.push_str(&table(history, evidence, ink));
    }
    if !evidence.prefix.is_empty() && evidence.edges.is_empty() {
        let names: Vec<String> = evidence.prefix.iter().map(|&index| describe::label(history, index)).collect();
        let _ = writeln!(out, "  One order explains what completed before: {}", names.join(", "));
    }
    for reason in &evidence.why_not {
        let _ = writeln!(out, "  But {reason}");
    }
    if let Some(reason) = describe::all_over(history, evidence) {
        let _ = writeln!(out, "  {reason}");
    }
    for edge in &evidence.edges {
        let (from, to) = (describe::name(history, edge.from), describe::name(history, edge.to));
        let _ = writeln!(out, "  {from} {arrow} {to}: {}", edge.because);
    }
    for fact in &evidence.facts {
        let _ = writeln!(out, "  {fact}");
    }
}

/// What the rows of a witness are.
fn shown(history: &History, evidence: &Evidence) -> String {
    let all = evidence.operations.len();
    let unknown = evidence.optional.iter().filter(|index| mark(history, evidence, **index) == "?").count();
    let (needed, timeless) = (all - evidence.optional.len(), evidence.optional.len() - unknown);
    let mut text = match all {
        1 => "1 operation shows it".to_owned(),
        all => format!("{all} operations show it"),
    };
    if evidence.minimal && needed > 1 {
        text.push_str(&match needed {
            needed if needed == all => ", and none of them can be left out".to_owned(),
            needed => format!(", and none of the {needed} without a mark can be left out"),
        });
    }
    if timeless > 0 {
        text.push_str(&format!(
            "; {timeless} (marked *) completed as shown, but would explain no more at any other time"
        ));
    }
    if unknown > 0 {
        let (has, explains) = if unknown == 1 { ("has", "explains") } else { ("have", "explain") };
        text.push_str(&format!(
            "; {unknown} (marked ?) {has} no known outcome, and {explains} nothing whether it took effect or not"
        ));
    }
    text.push(':');
    text
}

/// The operations of a witness: where they stand, who, when, what, and their place in the order that explains most.
fn table(history: &History, evidence: &Evidence, ink: Ink) -> String {
    let ascii = |text: String| if ink.unicode { text } else { text.replace('→', "->") };
    let rows: Vec<[String; 6]> = evidence
        .operations
        .iter()
        .map(|&index| {
            let operation = history.operation(index);
            let until = match operation.completed {
                Instant::NEVER => "never".to_owned(),
                at => describe::time(history, at),
            };
            [
                match history.line(index) {
                    0 => format!("#{}", index.0),
                    line => line.to_string(),
                },
                history.process_text(operation.process),
                describe::time(history, operation.invoked),
                until,
                [describe::key(history, operation), describe::label(history, index)].join(" ").trim_start().to_owned(),
                place(history, evidence, index),
            ]
            .map(ascii)
        })
        .collect();
    let header = ["line", "process", "from", "until", "operation", "order"].map(str::to_owned);
    let mut widths = header.each_ref().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in std::iter::once(&header).chain(&rows) {
        let mut line = String::from("    ");
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let fill = " ".repeat(width - cell.chars().count());
            // Numbers to the right, words to the left.
            match at {
                0..4 => line.push_str(&format!("{fill}{cell}  ")),
                _ => line.push_str(&format!("{cell}{fill}  ")),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn place(history: &History, evidence: &Evidence, index: OpIndex) -> String {
    if evidence.culprit == Some(index) {
        return "fits nowhere".to_owned();
    }
    let mark = mark(history, evidence, index);
    let place = evidence.prefix.iter().position(|&taken| taken == index);
    place.map_or(mark.to_owned(), |at| format!("{}{mark}", at + 1))
}

/// What an operation explains nothing without: `?` its outcome, `*` its time; nothing for all others.
fn mark(history: &History, evidence: &Evidence, index: OpIndex) -> &'static str {
    match history.operation(index).status {
        _ if !evidence.optional.contains(&index) => "",
        Status::Unknown => "?",
        _ => "*",
    }
}

/// A verdict as JSON, with operations by their line or number.
pub fn json(history: &History, judged: Judged<'_>) -> Value {
    let mut out = json!({ "property": judged.property, "verdict": judged.verdict.name() });
    match judged.verdict {
        Verdict::Holds => {}
        Verdict::Unknown(reason) | Verdict::Vacuous(reason) => out["because"] = json!(reason.0),
        Verdict::Violated(evidence) => {
            out["because"] = json!(evidence.sentence);
            out["engine"] = json!(evidence.engine);
            out["minimal"] = json!(evidence.minimal);
            let operations = evidence.operations.iter().map(|&index| operation(history, index));
            out["operations"] = operations.collect();
            out["culprit"] = json!(evidence.culprit.map(|index| index.0));
            out["order"] = evidence.prefix.iter().map(|index| index.0).collect();
            out["why_not"] = json!(evidence.why_not);
            let edges = evidence.edges.iter();
            out["edges"] =
                edges.map(|edge| json!({ "from": edge.from.0, "to": edge.to.0, "because": edge.because })).collect();
            out["facts"] = json!(evidence.facts);
        }
    }
    out
}

fn operation(history: &History, index: OpIndex) -> Value {
    let operation = history.operation(index);
    let mut out = json!({
        "operation": index.0,
        "process": history.process_text(operation.process),
        "key": describe::key(history, operation),
        "does": describe::label(history, index),
        "status": operation.status.name(),
        "invoked": operation.invoked.0,
    });
    if operation.completed != Instant::NEVER {
        out["completed"] = json!(operation.completed.0);
    }
    if history.line(index) > 0 {
        out["line"] = json!(history.line(index));
    }
    out
}

/// The strongest models that held and the weakest that failed, with their place in the hierarchy.
pub fn standing_text(standing: &Standing) -> String {
    let mut out = String::new();
    for model in standing.strongest() {
        let _ = writeln!(out, "strongest that held: {}; {}", model.name(), Availability::of(model).sentence());
    }
    for model in standing.weakest_violated() {
        let _ = writeln!(out, "weakest that failed: {}", model.name());
    }
    if out.is_empty() { "no model is known to hold\n".to_owned() } else { out }
}

/// How old what was read was, as two small tables.
pub fn staleness_text(history: &History, ages: &Staleness) -> String {
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let mut out = format!("{} of {} reads were stale\n", ages.stale(), ages.reads.len());
    for (k, share) in ages.k_staleness() {
        let _ = writeln!(out, "  at most {k} versions behind: {}", percent(share));
    }
    for (until, share) in ages.t_visibility(10) {
        let _ = writeln!(out, "  up to {} after a write: {} fresh", describe::span(history, until), percent(share));
    }
    out
}

/// The same as JSON.
pub fn staleness_json(ages: &Staleness) -> Value {
    json!({
        "reads": ages.reads.len(),
        "stale": ages.stale(),
        "unbound": ages.unbound,
        "k_staleness": ages.k_staleness(),
        "t_visibility": ages.t_visibility(10).into_iter().map(|(until, share)| (until.0, share)).collect::<Vec<_>>(),
    })
}
