//! From the evidence of a verdict to the picture of it.

use super::figure::witness::{Arrow, Bar, Place, Witness};
use crate::check::{Evidence, describe};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Status};

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
    if let (true, Some(culprit)) = (arrows.is_empty(), evidence.culprit)
        && let Some(before) = last_before(history, evidence, &chosen, culprit)
        && let (Some(from), Some(to)) = (at(before), at(culprit))
    {
        let gap = history.operation(culprit).invoked.since(history.operation(before).completed);
        let words = format!(
            "\"{}\" began {} after \"{}\" had ended",
            describe::label(history, culprit),
            describe::span(history, gap),
            describe::label(history, before)
        );
        notes.push(format!("Dashed arrow: {words}."));
        arrows.push(Arrow { from, to, words });
    }
    notes.extend(evidence.why_not.iter().map(|reason| format!("But {reason}.")));
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
        notes.push(format!(
            "Not drawn: {left_out} more operations, most of which may have happened at any time or not at all; none helps."
        ));
    }
    let title = format!("Not {property}: {}", evidence.sentence);
    Some(Witness { description: format!("{title}. {}", notes.join(" ")), title, bars, arrows, notes })
}

/// What is drawn, in order of invocation: the culprit and its edges, what is needed, and what has a place in the order.
fn chosen(history: &History, evidence: &Evidence) -> Vec<OpIndex> {
    let mut by_rank: Vec<(u32, OpIndex)> = evidence
        .operations
        .iter()
        .map(|&index| {
            let in_edge = evidence.edges.iter().any(|edge| edge.from == index || edge.to == index);
            let rank = if evidence.culprit == Some(index) || in_edge {
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

/// Of what was over before the culprit began, the change that ended last.
fn last_before(history: &History, evidence: &Evidence, chosen: &[OpIndex], culprit: OpIndex) -> Option<OpIndex> {
    let late = history.operation(culprit);
    let changes = |index: &OpIndex| {
        let operation = history.operation(*index);
        operation.status == Status::Ok && !operation.function.is_read() && operation.function != Function::Dequeue
    };
    let before = chosen.iter().copied().filter(|&index| history.operation(index).precedes(late));
    let before = before.filter(|index| !evidence.optional.contains(index));
    before.filter(changes).max_by_key(|&index| (history.operation(index).completed, index))
}
