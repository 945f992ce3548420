//! The counter-example of a report: the smallest part of a run's history that no single copy could have produced, in the
//! names of the scenario.

use super::consistency::Shown;
use super::space_time;
use crate::check::{Evidence, describe};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex};
use crate::report::answer::capital;
use crate::report::counterexample::picture;
use crate::report::figure::{Drawing, Witness};
use crate::report::number::{NARROW_SPACE, fmt_count, fmt_duration};
use crate::report::page::{Expectation, Section};
use crate::scenario::Plan;

/// The values of a run are large numbers that say nothing; from here on they get short names.
const PLAIN_MAX: u64 = 9999;

/// The design whose linearizability is violated, and how.
fn violated<'s, 'a>(all: &'s [Shown<'a>]) -> Option<(&'s Shown<'a>, &'s Evidence)> {
    all.iter().find_map(|s| Some((s, s.linearizable()?.evidence()?)))
}

fn key(history: &History, evidence: &Evidence) -> String {
    let first = evidence.operations.first();
    first.map_or_else(String::new, |&index| describe::key(history, history.operation(index)))
}

fn about(history: &History, evidence: &Evidence) -> String {
    let count = evidence.operations.len();
    format!("{count} operation{}, {}", if count == 1 { "" } else { "s" }, key(history, evidence))
}

/// The counter-example of the first design that is not linearizable.
pub(super) fn section(all: &[Shown<'_>]) -> Option<Section> {
    let (shown, evidence) = violated(all)?;
    let history = shown.history();
    let mut figure = picture(history, "linearizable", evidence)?;
    let values = spell(&mut figure, &shown.outcome.plan, history, evidence);
    let operations = || evidence.operations.iter().map(|&index| history.operation(index));
    let topic = space_time::Topic {
        key: operations().next()?.key,
        values: &values,
        windows: operations().map(|o| (o.invoked, o.completed.min(shown.outcome.plan.end))).collect(),
    };
    let messages = space_time::figure(shown.outcome, &figure, &topic);
    let behind = messages.as_ref().map_or_else(String::new, |m| {
        let left =
            if m.left_out > 0 { format!("; {} more are left out", fmt_count(m.left_out)) } else { String::new() };
        format!(" Below: what replicas said about the key meanwhile{left}.")
    });
    let minimal = if evidence.minimal { " Without any of them there is no contradiction." } else { "" };
    Some(Section {
        name: "Counter-example".to_owned(),
        anchor: "witness".to_owned(),
        finding: format!("{}: no single copy could have answered so", capital(shown.name)),
        caption: format!(
            "Seed {}, {}: {} of {} operations.{minimal}{behind}",
            shown.outcome.plan.seed.0,
            key(history, evidence),
            evidence.operations.len(),
            fmt_count(history.operations().len() as u64)
        ),
        figures: [Some(Drawing::Witness(figure)), messages.map(Drawing::SpaceTime)].into_iter().flatten().collect(),
        tables: Vec::new(),
        how_to_read: "A bar runs from request to answer. Numbers give the longest order one copy could have made; the \
                      framed bar fits nowhere after it. The axis keeps the order of events, not their distances."
            .to_owned(),
        folded: false,
    })
}

/// Clients by their group, values by short names, times from the first of them. Gives back the names of the values.
fn spell(figure: &mut Witness, plan: &Plan, history: &History, evidence: &Evidence) -> Vec<(String, String)> {
    let operation = |index: &OpIndex| history.operation(*index);
    let origin = evidence.operations.iter().map(|i| operation(i).invoked).min().unwrap_or(Instant::ZERO);
    let mut words: Vec<(String, String)> = Vec::new();
    let mut values: Vec<u64> = Vec::new();
    for index in &evidence.operations {
        let o = operation(index);
        words.push((format!("process {}", history.process_text(o.process)), client(plan, history, o.process)));
        if matches!(o.function, Function::Write | Function::Read | Function::Cas) {
            values.extend([o.value, o.expected(), o.result()].into_iter().filter(|v| *v > PLAIN_MAX));
        }
        for at in [o.invoked, o.completed].into_iter().filter(|at| *at != Instant::NEVER) {
            words.push((describe::time(history, at), seconds(at)));
        }
        for before in evidence.operations.iter().map(operation).filter(|b| b.precedes(o)) {
            let gap = o.invoked.since(before.completed);
            words.push((describe::span(history, gap), fmt_duration(gap.0 as f64)));
        }
    }
    let mut named: Vec<(String, String)> = Vec::new();
    for value in values.into_iter().map(|v| history.value_text(v)) {
        if named.iter().all(|(known, _)| *known != value) {
            let short = format!("v{}", named.len() + 1);
            named.push((value, short));
        }
    }
    words.extend(named.iter().cloned());
    // What contains another goes first.
    words.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    let spelled = |text: &mut String| {
        for (from, to) in &words {
            *text = text.replace(from.as_str(), to);
        }
    };
    spelled(&mut figure.title);
    spelled(&mut figure.description);
    figure.notes.iter_mut().for_each(spelled);
    figure.arrows.iter_mut().for_each(|a| spelled(&mut a.words));
    let since = |at: Instant| {
        if at == origin { seconds(at) } else { format!("+{}", fmt_duration(at.since(origin).0 as f64)) }
    };
    for bar in &mut figure.bars {
        spelled(&mut bar.client);
        spelled(&mut bar.words);
        bar.times = (since(bar.from), bar.until.map_or_else(|| "never".to_owned(), since));
    }
    named
}

/// To the millisecond.
fn seconds(at: Instant) -> String {
    format!("{}.{:03}{NARROW_SPACE}s", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
}

/// `west-users 5`: a client's number begins with its group. Those that go on under a new number have none.
fn client(plan: &Plan, history: &History, process: u32) -> String {
    let group = ((process >> 24) as usize).checked_sub(plan.components.len()).and_then(|c| plan.clients.get(c));
    match group {
        Some((group, _)) => format!("{} {}", group.name, process & 0x00ff_ffff),
        None => format!("process {}", history.process_text(process)),
    }
}

/// Links expectations to what shows why they came out so.
pub(super) fn link(rows: &mut [Expectation], all: &[Shown<'_>]) {
    let example = violated(all).map(|(s, evidence)| about(s.history(), evidence));
    for row in rows {
        let what = row.text.split('(').next().unwrap_or("");
        row.evidence = match (what, &example) {
            ("linearizable", Some(example)) => Some(("#witness".to_owned(), example.clone())),
            ("cap" | "pacelc", _) if !all.is_empty() => Some(("#consistency".to_owned(), "consistency".to_owned())),
            ("strongest", _) if !all.is_empty() => Some(("#models".to_owned(), "all models".to_owned())),
            _ => row.evidence.take(),
        };
    }
}
