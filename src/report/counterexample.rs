//! From the evidence of a verdict to the picture of it.

use super::figure::witness::{Arrow, Bar, Place, Witness};
use crate::check::{Evidence, describe};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Status, TimeUnit};

// More rows than these no lecture hall reads.
const CLIENTS_MAX: usize = 8;
const BARS_MAX: usize = 14;
const NOTES_MAX: usize = 6;

/// The picture of a violation; nothing if no operation takes part.
pub fn picture(history: &History, property: &str, evidence: &Evidence) -> Option<Witness> {
    let chosen = chosen(history, evidence);
    if chosen.is_empty() {
        return None;
    }
    let bars: Vec<Bar> = chosen.iter().map(|&index| bar(history, evidence, index)).collect();
    let mut arrows: Vec<Arrow> = Vec::new();
    let at = |index: OpIndex| chosen.iter().position(|&other| other == index);
    for edge in &evidence.edges {
        if let (Some(from), Some(to)) = (at(edge.from), at(edge.to)) {
            arrows.push(Arrow { from, to, words: edge.because.clone() });
        }
    }
    let mut notes = Vec::new();
    if arrows.is_empty()
        && let Some((before, late)) = against(history, evidence)
        && let (Some(from), Some(to)) = (at(before), at(late))
        && history.operation(before).precedes(history.operation(late))
    {
        let gap = history.operation(late).invoked.since(history.operation(before).completed);
        arrows.push(Arrow { from, to, words: format!("{} later", describe::span(history, gap)) });
    }
    if !evidence.prefix.is_empty() {
        let labels: Vec<String> = evidence
            .prefix
            .iter()
            .enumerate()
            .map(|(i, &index)| format!("{} {}", i + 1, short(history, index)))
            .collect();
        if labels.len() <= BARS_MAX / 2 {
            let order = if labels.len() > 1 { "In this order one copy" } else { "One copy" };
            notes.push(format!("{order} could have answered: {}.", labels.join(", ")));
        }
    }
    notes.extend(evidence.why_not.iter().map(|reason| format!("But {reason}.")));
    notes.extend(describe::all_over(history, evidence).map(|reason| format!("{reason}.")));
    for edge in &evidence.edges {
        let (from, to) = (describe::label(history, edge.from), describe::label(history, edge.to));
        notes.push(format!("\"{from}\" before \"{to}\": {}.", edge.because));
    }
    let more = notes.len().saturating_sub(NOTES_MAX);
    notes.truncate(NOTES_MAX);
    if more > 0 {
        notes.push(format!("{more} more reasons are in the table."));
    }
    let left_out = evidence.operations.len() - chosen.len();
    if left_out > 0 {
        notes.push(format!("Not drawn: {left_out} more operations, none of which explains more."));
    }
    let title = match plain(history, evidence) {
        Some(sentence) => format!("Not {property}: {sentence}"),
        None => format!("Not {property}: {}", evidence.sentence),
    };
    let real_time = history.time_unit() == TimeUnit::Nanoseconds;
    Some(Witness { description: format!("{title}. {}", notes.join(" ")), title, bars, arrows, notes, real_time })
}

/// What is drawn, in order of invocation: the culprit and its edges, what is needed, and what has a place in the order.
fn chosen(history: &History, evidence: &Evidence) -> Vec<OpIndex> {
    let before = against(history, evidence).map(|(before, _)| before);
    let mut by_rank: Vec<(u32, OpIndex)> = evidence
        .operations
        .iter()
        .map(|&index| {
            let in_edge = evidence.edges.iter().any(|edge| edge.from == index || edge.to == index);
            let rank = if evidence.culprit == Some(index) || before == Some(index) || in_edge {
                0
            } else if !evidence.optional.contains(&index) {
                1
            } else if evidence.prefix.contains(&index) {
                2
            } else {
                3
            };
            (rank, index)
        })
        .collect();
    by_rank.sort_unstable();
    let needed = by_rank.iter().filter(|&&(rank, _)| rank < 3).count();
    let mut clients: Vec<u32> = Vec::new();
    let mut chosen = Vec::new();
    for (rank, index) in by_rank {
        // Where all that counts is little, what does not help may be seen too.
        if chosen.len() >= BARS_MAX || (rank == 3 && needed > BARS_MAX / 2) {
            continue;
        }
        let process = history.operation(index).process;
        if !clients.contains(&process) {
            if clients.len() == CLIENTS_MAX {
                continue;
            }
            clients.push(process);
        }
        chosen.push(index);
    }
    chosen.sort_by_key(|&index| (history.operation(index).invoked, index));
    chosen
}

fn bar(history: &History, evidence: &Evidence, index: OpIndex) -> Bar {
    let operation = history.operation(index);
    let until = (operation.completed != Instant::NEVER).then_some(operation.completed);
    let place = match evidence.prefix.iter().position(|&taken| taken == index) {
        _ if evidence.culprit == Some(index) => Place::Nowhere,
        Some(at) => Place::Order(at as u32 + 1),
        None => Place::Beside,
    };
    Bar {
        client: format!("process {}", history.process_text(operation.process)),
        words: short(history, index),
        from: operation.invoked,
        until,
        times: (
            describe::time(history, operation.invoked),
            until.map_or_else(|| "never".to_owned(), |until| describe::time(history, until)),
        ),
        place,
        optional: evidence.optional.contains(&index),
        line: match history.line(index) {
            0 => format!("#{}", index.0),
            line => line.to_string(),
        },
    }
}

/// Without the `→ ok` of what has no other answer.
fn short(history: &History, index: OpIndex) -> String {
    let label = describe::label(history, index);
    match history.operation(index).status {
        Status::Ok => label.strip_suffix(" → ok").map_or(label.clone(), str::to_owned),
        Status::Unknown => label.strip_suffix(" → unknown").map_or(label.clone(), |label| format!("{label} ?")),
        _ => label,
    }
}

/// What the operation that fits nowhere contradicts, and that operation: of the order that explains most, the last that
/// shows what one copy would have then. Best if it was over before; an acknowledged change tells more than a read.
fn against(history: &History, evidence: &Evidence) -> Option<(OpIndex, OpIndex)> {
    let culprit = evidence.culprit?;
    let late = history.operation(culprit);
    let known = |index: &OpIndex| {
        let operation = history.operation(*index);
        operation.status == Status::Ok && operation.key == late.key && operation.object == late.object
    };
    let changes = |index: &OpIndex| {
        let function = history.operation(*index).function;
        !function.is_read() && function != Function::Dequeue
    };
    let order = || evidence.prefix.iter().rev().copied();
    let last = order().find(changes);
    // Whoever read the last change, or wrote it.
    let shows = |index: &OpIndex| {
        let operation = history.operation(*index);
        let value = last.map(|last| history.operation(last).value);
        Some(*index) == last || operation.function == Function::Read && Some(operation.result()) == value
    };
    let over = |index: &OpIndex| history.operation(*index).precedes(late);
    let best = last.filter(|index| known(index) && over(index));
    let best = best.or_else(|| order().find(|index| known(index) && shows(index) && over(index)));
    // A witness without an order: the last change that was over.
    let others =
        || evidence.operations.iter().copied().filter(|&index| index != culprit && known(&index) && over(&index));
    let best = best.or_else(|| {
        let ended = |index: &OpIndex| (history.operation(*index).completed, *index);
        others().filter(|index| changes(index) && !evidence.optional.contains(index)).max_by_key(ended)
    });
    Some((best?, culprit))
}

/// The violation in plain words: who read what, how long after somebody else was told otherwise. Nothing if it isn't a
/// read of a register that contradicts one other operation.
pub fn plain(history: &History, evidence: &Evidence) -> Option<String> {
    let (before, culprit) = against(history, evidence)?;
    let (early, late) = (history.operation(before), history.operation(culprit));
    let who = |process: u32| format!("process {}", history.process_text(process));
    if late.function != Function::Read || late.status != Status::Ok {
        return None;
    }
    let read = match late.result() {
        0 if early.function != Function::Add => "nothing".to_owned(),
        value if early.function == Function::Add => (value as i64).to_string(),
        value => history.value_text(value),
    };
    if early.function == Function::Add {
        let acknowledged = evidence.operations.iter().map(|&index| history.operation(index)).filter(|o| {
            o.function == Function::Add && o.status == Status::Ok && (o.object, o.key) == (late.object, late.key)
        });
        let total: i64 = acknowledged.filter(|o| o.precedes(late)).map(|o| o.value as i64).sum();
        let told = format!("{} read {read} after additions of {total} in all were acknowledged", who(late.process));
        return (total != late.result() as i64).then_some(told);
    }
    let later = describe::span(history, late.invoked.since(early.completed));
    let whose = if early.process == late.process { "its own".to_owned() } else { format!("{}'s", who(early.process)) };
    let told = match early.function {
        Function::Write if early.value != late.result() => {
            format!("after {whose} write of {} was acknowledged", history.value_text(early.value))
        }
        Function::Delete if late.result() != 0 => format!("after {whose} delete was acknowledged"),
        Function::Read if early.result() != late.result() => {
            let reader = if early.process == late.process { "it".to_owned() } else { who(early.process) };
            format!("after {reader} had read {}", history.value_text(early.result()))
        }
        _ => return None,
    };
    Some(format!("{} read {read}, {later} {told}", who(late.process)))
}
