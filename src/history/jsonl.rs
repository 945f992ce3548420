//! Our own history file: one operation or observation a line, as JSON.
//!
//! ```text
//! {"process":3,"object":"kv","key":7,"f":"write","value":5,"invoked":1000,"completed":2000,"status":"ok"}
//! {"process":4,"object":"kv","key":7,"f":"read","result":5,"invoked":2500,"completed":2600,"status":"ok","version":1}
//! {"process":4,"object":"kv","key":7,"f":"cas","expected":5,"value":6,"invoked":2700,"status":"unknown"}
//! {"observation":{"leader":{"at":100,"object":0,"term":1,"process":2}}}
//! ```
//!
//! | field | meaning |
//! |---|---|
//! | `process` | the client's logical process |
//! | `object`, `key` | what was asked; absent: the object `""`, the key 0 |
//! | `f` | a [`Function`]'s name |
//! | `value` | the argument: a number, a list for functions that take one, absent or null for nil |
//! | `expected` | what a cas compared with |
//! | `result` | what came back: a number or a list |
//! | `invoked`, `completed` | nanoseconds; `completed` is absent if the outcome is unknown |
//! | `status` | `ok`, `refused`, `fail` or `unknown` |
//! | `version` | version read or made, where the store tells |
//!
//! Later versions add fields and never rename one; a reader skips fields and observations that it doesn't know. In
//! observations, `object` and `name` count the lines `{"object":"kv"}` and `{"name":"sent"}` that begin the file. The line
//! `{"alone_since":90000000000}` has what holds in the end judged on keys that nobody changed after that moment.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::history::{History, Invocation};
use super::io::Error;
use super::observation::Observation;
use super::op::{Function, ObjectId, OpIndex, Status};
use crate::engine::Instant;

/// Writes the history, one line an operation in the order of invocation, then one line an observation.
pub fn write(history: &History, out: &mut impl Write) -> io::Result<()> {
    for object in history.objects() {
        write_line(out, &Line { object: Some(Cow::Borrowed(object)), ..Line::default() })?;
    }
    for name in history.names() {
        write_line(out, &Line { name: Some(Cow::Borrowed(name)), ..Line::default() })?;
    }
    if history.alone_since() != Instant::NEVER {
        write_line(out, &Line { alone_since: Some(history.alone_since().0), ..Line::default() })?;
    }
    for (at, operation) in history.operations().iter().enumerate() {
        let word = |word: u64| (word != 0).then_some(Value::Word(word));
        let function = operation.function;
        let value = if function.takes_list() {
            Some(Value::List(Cow::Borrowed(history.list(operation.value))))
        } else {
            word(operation.value)
        };
        let result = match operation.status {
            Status::Ok if function.returns_list() => Some(Value::List(Cow::Borrowed(history.list(operation.result())))),
            _ => word(operation.result()),
        };
        let version = history.version(OpIndex(at as u32));
        let line = Line {
            process: Some(operation.process),
            object: Some(Cow::Borrowed(history.object_name(operation.object))),
            key: (operation.key != 0).then_some(operation.key),
            f: Some(function),
            value,
            expected: word(operation.expected()),
            result,
            invoked: Some(operation.invoked.0),
            completed: (operation.completed != Instant::NEVER).then_some(operation.completed.0),
            status: Some(operation.status),
            version: (version != 0).then_some(version),
            ..Line::default()
        };
        write_line(out, &line)?;
    }
    for observation in history.observations() {
        out.write_all(b"{\"observation\":")?;
        serde_json::to_writer(&mut *out, observation)?;
        out.write_all(b"}\n")?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote. Blank lines are skipped; the first line that is wrong ends the reading.
pub fn read(text: &str) -> Result<History, Error> {
    Ok(read_counting(text)?.0)
}

/// The same, and how many processes went on after an outcome that nobody knew.
pub(super) fn read_counting(text: &str) -> Result<(History, u32), Error> {
    let mut history = History::new();
    for (at, text) in text.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        read_line(&mut history, text, line).map_err(|reason| Error { line, reason })?;
    }
    let went_on = one_open_at_a_time(&history)?;
    Ok((history, went_on))
}

/// A process has one operation of an object open at a time, but for those whose outcome nobody knows: how many processes
/// went on after such a one.
fn one_open_at_a_time(history: &History) -> Result<u32, Error> {
    let mut went_on: Option<(ObjectId, u32)> = None;
    let mut count = 0;
    let operations = history.operations();
    let mut order: Vec<u32> = (0..operations.len() as u32).collect();
    order.sort_by_key(|&at| {
        let operation = &operations[at as usize];
        (operation.object, operation.process, operation.invoked, operation.completed)
    });
    for pair in order.windows(2) {
        let [first, second] = [pair[0], pair[1]].map(OpIndex);
        let (earlier, later) = (history.operation(first), history.operation(second));
        let same = (earlier.object, earlier.process) == (later.object, later.process);
        if same && earlier.status == Status::Unknown {
            let process = Some((earlier.object, earlier.process));
            count += u32::from(went_on != process);
            went_on = process;
        } else if same && later.invoked < earlier.completed {
            return Err(Error {
                line: history.line(second),
                reason: format!(
                    "process {} invokes an operation while the one of line {} is still open",
                    later.process,
                    history.line(first)
                ),
            });
        }
    }
    Ok(count)
}

/// One line; every field is optional so that an error can say which one is missing.
#[derive(Default, Serialize, Deserialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    object: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<Function>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Value<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alone_since: Option<u64>,
}

/// A word or a list of words.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Value<'a> {
    Word(u64),
    List(Cow<'a, [u64]>),
}

fn write_line(out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

fn read_line(history: &mut History, text: &str, number: u32) -> Result<(), String> {
    let line: Line<'_> = serde_json::from_str(text).map_err(|error| json_reason(&error))?;
    if let Some(observation) = line.observation {
        // A kind that a later version added is not an error.
        if let Ok(observation) = serde_json::from_value::<Observation>(observation) {
            history.observe(observation);
        }
        return Ok(());
    }
    if let Some(name) = line.name {
        history.name(&name);
        return Ok(());
    }
    if let Some(at) = line.alone_since {
        history.leave_alone_since(Instant(at));
        return Ok(());
    }
    let object = history.object(line.object.as_deref().unwrap_or(""));
    let (Some(process), Some(function)) = (line.process, line.f) else {
        if line.process.is_none() && line.f.is_none() && line.object.is_some() {
            return Ok(());
        }
        return Err(missing(if line.process.is_none() { "process" } else { "f" }));
    };
    let at = Instant(line.invoked.ok_or_else(|| missing("invoked"))?);
    let status = line.status.ok_or_else(|| missing("status"))?;
    let value = match (line.value, function.takes_list()) {
        (Some(Value::List(list)), true) => history.add_list(&list),
        (Some(Value::Word(_)) | None, true) => return Err(format!("`value` of {function} must be a list")),
        (Some(Value::List(_)), false) => return Err(format!("`value` of {function} must be a number, not a list")),
        (Some(Value::Word(word)), false) => word,
        (None, false) => 0,
    };
    let expected = match line.expected {
        Some(Value::Word(word)) => word,
        None => 0,
        Some(Value::List(_)) => return Err("`expected` must be a number, not a list".to_owned()),
    };
    let index = history.invoke(Invocation {
        at,
        process,
        object,
        key: line.key.unwrap_or(0),
        function,
        value,
        expected: if function == Function::Cas { expected } else { 0 },
    });
    history.set_line(index, number);
    if let Some(version) = line.version {
        history.set_version(index, version);
    }
    if status == Status::Unknown {
        return Ok(());
    }
    let completed = Instant(line.completed.ok_or_else(|| missing("completed"))?);
    if completed < at {
        return Err(format!("completed at {} before it was invoked at {}", completed.0, at.0));
    }
    match (line.result, function.returns_list() && status == Status::Ok) {
        (Some(Value::List(list)), true) => history.complete_with_list(index, &list, completed),
        (None, true) => history.complete_with_list(index, &[], completed),
        (Some(Value::Word(_)), true) => return Err(format!("`result` of {function} must be a list")),
        (Some(Value::List(_)), false) => return Err(format!("`result` of {function} must be a number, not a list")),
        (Some(Value::Word(word)), false) => history.complete(index, status, word, completed),
        (None, false) => history.complete(index, status, 0, completed),
    }
    Ok(())
}

fn missing(field: &str) -> String {
    format!("field `{field}` is missing")
}

/// serde_json's own words without its position, which counts from the start of this one line.
fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or(&text);
    // Of types that only we know.
    if words.contains("untagged enum") {
        let column = error.column();
        return format!("a value must be a whole number from 0 to 2^64 - 1, or a list of them (column {column})");
    }
    if words.contains("struct Line") {
        return "a line must be one JSON object, an operation or an observation".to_owned();
    }
    if error.is_eof() {
        format!("the line ends too early: {words}")
    } else {
        format!("{words} (column {})", error.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: Function, value: u64, at: u64) -> Invocation {
        Invocation { at: Instant(at), process: 1, object: ObjectId(0), key: 7, function, value, expected: 0 }
    }

    fn sample() -> History {
        let mut history = History::new();
        history.object("kv");
        let write = history.invoke(call(Function::Write, 5, 1000));
        history.complete(write, Status::Ok, 0, Instant(2000));
        history.set_version(write, 1);
        let cas = history.invoke(Invocation { expected: 5, ..call(Function::Cas, 6, 2100) });
        history.complete(cas, Status::Refused, 0, Instant(2200));
        let scan = history.invoke(call(Function::Scan, 0, 2300));
        history.complete_with_list(scan, &[5, 6], Instant(2300));
        let list = history.add_list(&[8, 9]);
        history.invoke(call(Function::AppendList, list, 2400));
        history.observe(Observation::Leader { at: Instant(3), object: ObjectId(0), term: 2, process: 1 });
        history.name("sent");
        history.leave_alone_since(Instant(2350));
        history
    }

    fn written(history: &History) -> String {
        let mut out = Vec::new();
        write(history, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let history = sample();
        let text = written(&history);
        let again = read(&text).unwrap();
        assert_eq!(again.operations().len(), 4);
        assert_eq!(written(&again), text);
        assert_eq!(again.observations(), history.observations());
        assert_eq!(again.list(again.operations()[2].result()), &[5, 6]);
        assert_eq!((again.version(OpIndex(0)), again.alone_since()), (1, Instant(2350)));
    }

    #[test]
    fn a_line_is_what_the_module_says() {
        let line = written(&sample()).lines().nth(3).unwrap().to_owned();
        assert_eq!(
            line,
            r#"{"process":1,"object":"kv","key":7,"f":"write","value":5,"invoked":1000,"completed":2000,"status":"ok","version":1}"#
        );
    }

    #[test]
    fn errors_name_the_line_and_the_reason() {
        let good = r#"{"process":1,"f":"read","invoked":1,"completed":2,"status":"ok"}"#;
        for (bad, reason) in [
            (r#"{"process":1,"f":"read","#, "the line ends too early: EOF while parsing a value"),
            (r#"{"process":1,"invoked":1}"#, "field `f` is missing"),
            (
                r#"{"process":1,"f":"read","invoked":5,"completed":2,"status":"ok"}"#,
                "completed at 2 before it was invoked at 5",
            ),
            (
                r#"{"process":1,"f":"scan","result":3,"invoked":5,"completed":7,"status":"ok"}"#,
                "`result` of scan must be a list",
            ),
        ] {
            let error = read(&format!("{good}\n\n{bad}\n")).unwrap_err();
            assert_eq!((error.line, error.reason.as_str()), (3, reason));
        }
    }

    #[test]
    fn a_process_has_one_operation_open_at_a_time() {
        let line = |invoked: u64, end: &str| format!(r#"{{"process":1,"f":"read","invoked":{invoked},{end}}}"#);
        let ok = r#""completed":20,"status":"ok""#;
        for (first, is_fine) in [(line(10, r#""completed":15,"status":"ok""#), true), (line(10, ok), false)] {
            let found = read(&format!("{first}\n{}\n", line(15, ok)));
            assert_eq!(found.is_ok(), is_fine, "{found:?}");
        }
        let error = read(&format!("{}\n{}\n", line(10, ok), line(15, ok))).unwrap_err();
        assert_eq!(error.to_string(), "line 2: process 1 invokes an operation while the one of line 1 is still open");
        let doubt = line(10, r#""status":"unknown""#);
        let (_, went_on) = read_counting(&format!("{doubt}\n{}\n{doubt}\n", line(15, ok))).expect("that may happen");
        assert_eq!(went_on, 1);
    }

    #[test]
    fn unknown_fields_and_observations_are_skipped() {
        let text = concat!(
            r#"{"observation":{"eclipse":{"at":5}}}"#,
            "\n",
            r#"{"process":1,"f":"read","invoked":1,"completed":2,"status":"ok","colour":"red"}"#
        );
        assert_eq!(read(text).unwrap().operations().len(), 1);
    }
}
