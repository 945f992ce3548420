//! The model card and the teaching section, from the plan: what is modelled, how large, how far from theory.

use super::Design;
use super::promises::{measured, near};
use crate::report::answer::capital;
use crate::report::number::{fmt_count, fmt_error, fmt_span};
use crate::report::page::{ModelCard, TheoryCheck};
use crate::run::Run;
use crate::scenario::{Plan, Teach};

/// Lines of the list of parts; the rest is in `expanded-*.toml`.
const PARTS_MAX: usize = 9;

pub(super) fn card(runs: &[Run], designs: &[Design<'_>]) -> ModelCard {
    let Some(base) = designs.first() else { return ModelCard::default() };
    let plan = &base.run.outcome.plan;
    let mut modelled = parts(plan);
    if modelled.len() > PARTS_MAX {
        let more = modelled.len() - PARTS_MAX + 1;
        modelled.truncate(PARTS_MAX - 1);
        modelled.push(format!("{more} more: see `expanded-{}.toml`", plan.variant));
    }
    ModelCard {
        modelled,
        not_modelled: [
            "packets: a message is lost, late or there as a whole; no TCP windows, no TLS",
            "operating systems: no scheduler, no caches, no garbage collection that no fault asks for",
            "users that leave for good",
        ]
        .map(str::to_owned)
        .to_vec(),
        scale: scale(runs, designs),
        checks: checks(designs),
    }
}

/// A text or number of the expanded scenario.
fn written(plan: &Plan, path: &[&str]) -> Option<String> {
    let mut value = plan.tree.get(path[0])?;
    for key in &path[1..] {
        value = value.get(key)?;
    }
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(_) | toml::Value::Float(_) => Some(value.to_string()),
        _ => None,
    }
}

fn parts(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (clients, _) in &plan.clients {
        let name = clients.name.as_str();
        let load = match (written(plan, &["clients", name, "rate"]), written(plan, &["clients", name, "count"])) {
            (Some(rate), _) => format!("open, {rate}"),
            (None, Some(count)) => format!("{count} closed clients"),
            _ => "a load over time".to_owned(),
        };
        lines.push(format!("clients **{name}**: {load}"));
    }
    for component in &plan.components {
        let (kind, name) = (component.kind.name(), component.name.as_str());
        let (n, w) = (component.hosts.len(), component.station.workers);
        let mut line = format!("{} **{name}**", kind.replace('_', " "));
        if n > 1 {
            line += &format!(" ×{n}");
        }
        if component.kind.name() == "load_balancer" {
            if let Some(policy) = written(plan, &[kind, name, "policy"]) {
                line += &format!(": `{policy}`");
            }
        } else {
            line += &format!(": {w} worker{}", if w == 1 { "" } else { "s" });
            if let Some(time) = written(plan, &[kind, name, "service_time"]) {
                line += &format!(", `{time}`");
            }
        }
        lines.push(line);
    }
    lines.extend(plan.faults.iter().map(|f| format!("fault **{}**: {}{}", f.name, f.what, f.times())));
    lines
}

fn scale(runs: &[Run], designs: &[Design<'_>]) -> Vec<String> {
    let Some(base) = designs.first() else { return Vec::new() };
    let outcome = &base.run.outcome;
    let requests: u64 = base.sum.seen.iter().map(|s| s.requests).sum();
    let mut lines = vec![format!(
        "{} users’ requests, {} events ({})",
        fmt_count(requests),
        fmt_count(outcome.events),
        base.name()
    )];
    let seeds = runs.iter().filter(|r| r.outcome.plan.variant == base.name()).count();
    if seeds > 1 {
        lines.push(format!("{seeds} seeds; numbers and figures are those of the first"));
    }
    if outcome.plan.warmup.0 > 0 {
        lines.push(format!("the first {} warm up and are not counted", fmt_span(outcome.plan.warmup)));
    }
    lines.push("latency counts from the moment a request was meant to start".to_owned());
    lines.push("percentile: smallest recorded value with at least ⌈q·n⌉ samples at or below it; 3 digits".to_owned());
    lines
}

/// Expectations of the form `measured ~ theory` with a source are comparisons with theory.
fn checks(designs: &[Design<'_>]) -> Vec<TheoryCheck> {
    // (name of the expectation, distance, the row)
    let mut found: Vec<(&str, f64, TheoryCheck)> = Vec::new();
    for design in designs {
        for judged in &design.run.judged {
            let (Some((left, right)), Some(source)) = (near(judged), &judged.source) else { continue };
            if !(left.value.is_finite() && right.value.is_finite() && right.value != 0.0) {
                continue;
            }
            let error = (left.value - right.value) / right.value;
            let what = judged.text.split(" ~ ").next().unwrap_or("").trim();
            let of = if designs.len() > 1 { format!(", {}", design.name()) } else { String::new() };
            let check = TheoryCheck {
                what: format!("`{what}`{of}"),
                theory: measured(right),
                run: measured(left),
                error: fmt_error(error),
                source: source.clone(),
            };
            // One row an expectation, of the design that is furthest off.
            match found.iter_mut().find(|f| f.0 == judged.name) {
                Some(f) if f.1 < error.abs() => *f = (judged.name.as_str(), error.abs(), check),
                Some(_) => {}
                None => found.push((judged.name.as_str(), error.abs(), check)),
            }
        }
    }
    found.into_iter().map(|f| f.2).collect()
}

/// Questions with their answers, then hints and what to look for.
pub(super) fn teach(teach: &Teach) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (ask, choices, answer) in &teach.predict {
        let choices = if choices.is_empty() { String::new() } else { format!(" ({})", choices.join(" | ")) };
        all.push((format!("{ask}{choices}"), answer.clone()));
    }
    if !teach.hints.is_empty() {
        let hints: Vec<String> = teach.hints.iter().map(|h| capital(h)).collect();
        all.push(("Hints".to_owned(), hints.join(" · ")));
    }
    if !teach.look_for.is_empty() {
        let look: Vec<String> = teach.look_for.iter().map(|h| capital(h)).collect();
        all.push(("What to look for".to_owned(), look.join(" · ")));
    }
    if !teach.reading.is_empty() {
        all.push(("Reading".to_owned(), teach.reading.join(" · ")));
    }
    all
}
