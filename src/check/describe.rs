//! Operations in words, for evidence and pictures.

use super::Evidence;
use crate::engine::{Instant, Span};
use crate::history::{Function, History, OpIndex, Operation, Status, TimeUnit};

/// What an operation asked and got: `write 7 → ok`, `read → 3`, `cas 1→2 → refused`.
pub fn label(history: &History, index: OpIndex) -> String {
    let operation = history.operation(index);
    format!("{} → {}", asked(history, operation), got(history, operation))
}

/// An operation, its client and its key or line, as sentences name it.
pub fn name(history: &History, index: OpIndex) -> String {
    let operation = history.operation(index);
    let mut text = format!("\"{}\" of process {}", label(history, index), history.process_text(operation.process));
    let line = history.line(index);
    if line > 0 {
        text.push_str(&format!(" (line {line})"));
    } else if operation.completed != Instant::NEVER {
        text.push_str(&format!(" at {}", time(history, operation.completed)));
    }
    text
}

/// An instant as the history counts it.
pub fn time(history: &History, at: Instant) -> String {
    match history.time_unit() {
        TimeUnit::Nanoseconds => at.since(Instant::ZERO).to_string(),
        TimeUnit::Events => format!("event {}", at.0),
    }
}

/// A length of time as the history counts it.
pub fn span(history: &History, span: Span) -> String {
    match history.time_unit() {
        TimeUnit::Nanoseconds => span.to_string(),
        TimeUnit::Events => format!("{} events", span.0),
    }
}

/// A key in words; empty where the history has one unnamed key.
pub fn key(history: &History, operation: &Operation) -> String {
    let object = history.object_name(operation.object);
    match (object.is_empty(), operation.key, history.has_key_texts()) {
        (true, 0, _) => String::new(),
        (false, 0, false) => object.to_owned(),
        (true, key, _) => format!("key {}", history.key_text(key)),
        (false, key, _) => format!("key {} of {object}", history.key_text(key)),
    }
}

/// Why it takes so many operations to show that a read is stale: each of several writes could have been what was read,
/// had it not been over. Nothing if one or none wrote it.
pub fn all_over(history: &History, evidence: &Evidence) -> Option<String> {
    let late = history.operation(evidence.culprit?);
    let kept = || evidence.operations.iter().copied().filter(|index| !evidence.optional.contains(index));
    let of = |index: &OpIndex| history.operation(*index);
    let writes = |index: &OpIndex| of(index).function == Function::Write && of(index).status == Status::Ok;
    if late.function != Function::Read || late.status != Status::Ok {
        return None;
    }
    let (same, others): (Vec<OpIndex>, Vec<OpIndex>) =
        kept().filter(writes).partition(|index| of(index).value == late.result());
    let newer = |index: &OpIndex| of(index).precedes(late) && same.iter().all(|write| of(write).precedes(of(index)));
    let newer = others.into_iter().find(newer)?;
    (same.len() > 1).then(|| {
        let value = history.value_text(late.result());
        format!(
            "Each write of {value} was over before {} began, so none of them is what was read",
            name(history, newer)
        )
    })
}

fn asked(history: &History, operation: &Operation) -> String {
    let value = || history.value_text(operation.value);
    match operation.function {
        Function::Cas => format!("cas {}→{}", history.value_text(operation.expected()), value()),
        Function::Add => format!("add {}", operation.value as i64),
        Function::WriteList | Function::AppendList => {
            format!("{} {}", operation.function, list(history, history.list(operation.value)))
        }
        Function::Acquire | Function::Release if operation.value == 0 => operation.function.to_string(),
        Function::Acquire | Function::Release => operation.function.to_string(),
        Function::Read | Function::Scan | Function::SetScan | Function::Dequeue | Function::Delete => {
            operation.function.to_string()
        }
        function => format!("{function} {}", value()),
    }
}

fn got(history: &History, operation: &Operation) -> String {
    match (operation.status, operation.function) {
        (Status::Refused, _) => "refused".to_owned(),
        (Status::Fail, _) => "fail".to_owned(),
        (Status::Unknown, _) => "unknown".to_owned(),
        (Status::Ok, Function::Read) if history.is_counter(operation.object) => (operation.result() as i64).to_string(),
        (Status::Ok, Function::Read) => history.value_text(operation.result()),
        (Status::Ok, Function::Dequeue) if operation.result() == 0 => "empty".to_owned(),
        (Status::Ok, Function::Dequeue) => history.value_text(operation.result()),
        (Status::Ok, Function::SetContains) => if operation.result() == 0 { "no" } else { "yes" }.to_owned(),
        (Status::Ok, Function::Scan | Function::SetScan) => list(history, history.list(operation.result())),
        (Status::Ok, _) => "ok".to_owned(),
    }
}

/// A list, its middle left out if it is long.
pub fn list(history: &History, words: &[u64]) -> String {
    let text = |words: &[u64]| words.iter().map(|&word| history.value_text(word)).collect::<Vec<_>>().join(" ");
    match words.len() {
        0..=8 => format!("[{}]", text(words)),
        many => format!("[{} … {}, {many} elements]", text(&words[..3]), text(&words[many - 3..])),
    }
}
