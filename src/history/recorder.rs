//! From events to operations: who has what open, what keys and values mean, who goes on after an unknown outcome.

use std::collections::BTreeMap;

use super::edn::{Form, Reader, Shape, shown, whole};
use super::history::{History, Invocation, Texts, TimeUnit};
use super::intern::Interner;
use super::io::{Error, FailedCas, Format, Keys, NilRead, Options};
use super::kind::{self, Kind};
use super::op::{Function, ObjectId, OpIndex, Operation, Status};
use super::tokens::{self, Sequences};
use crate::engine::Instant;

/// What happened to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was sent.
    Invoke,
    /// It took effect.
    Ok,
    /// It did not.
    Fail,
    /// Nobody knows.
    Info,
}

/// A file's client.
#[derive(Clone, Debug)]
struct Client {
    /// Its present number in the history.
    process: u32,
    open: Option<OpIndex>,
    /// What its last invocation called the function.
    called: String,
    /// Whether its value was `[k v]`.
    keyed: bool,
    /// Whether its last operation ended unknown: its next one belongs to a successor.
    lost: bool,
    successors: u32,
}

/// How often something had to be decided, and where first.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    times: u32,
    first_line: u32,
}

impl Count {
    fn add(&mut self, line: u32) {
        self.times += 1;
        if self.times == 1 {
            self.first_line = line;
        }
    }
}

/// Collects events.
#[derive(Debug)]
pub(super) struct Recorder {
    history: History,
    object: ObjectId,
    kind: Kind,
    /// Whether the kind was asked for, so that whatever doesn't fit it is an error.
    kind_is_given: bool,
    keys_in_values: bool,
    nil_read: NilRead,
    keyed_nil_read_is_initial: bool,
    failed_cas: FailedCas,
    /// The initial value as values are told apart, if it is not nil.
    initial: Option<String>,
    events: u64,
    /// The `index` of the event before, where events have one.
    place: Option<i64>,
    keys: Interner,
    values: Interner,
    clients: BTreeMap<i64, Client>,
    processes: Vec<String>,
    nil_reads_ignored: Count,
    nil_reads_initial: Count,
    no_clients: Count,
    changed: Count,
    keyed: Count,
    keyless: Count,
    went_on: u32,
    /// Whether an `add` was taken for a set's although a counter's is called the same.
    ambiguous_add: bool,
    appended: bool,
    /// Of values that are sequences their elements.
    sequences: Sequences,
}

impl Recorder {
    pub(super) fn new(
        options: &Options,
        format: Format,
        nil_read: NilRead,
        failed_cas: FailedCas,
    ) -> Result<Recorder, Error> {
        let mut history = History::new();
        history.set_time_unit(TimeUnit::Events);
        let object = history.object("");
        Ok(Recorder {
            history,
            object,
            kind: options.kind.unwrap_or_default(),
            kind_is_given: options.kind.is_some(),
            keys_in_values: options.keys == Keys::Independent,
            nil_read,
            keyed_nil_read_is_initial: false,
            failed_cas,
            initial: initial(options, format).map_err(|reason| Error { line: 0, reason })?,
            events: 0,
            place: None,
            keys: Interner::default(),
            values: Interner::default(),
            clients: BTreeMap::new(),
            processes: Vec::new(),
            nil_reads_ignored: Count::default(),
            nil_reads_initial: Count::default(),
            no_clients: Count::default(),
            changed: Count::default(),
            keyed: Count::default(),
            keyless: Count::default(),
            went_on: 0,
            ambiguous_add: false,
            appended: false,
            sequences: Sequences::new(),
        })
    }

    /// Whether maps with a `:key` read nil as the initial state whatever else holds.
    pub(super) fn keyed_nil_reads_are_initial(&mut self, yes: bool) {
        self.keyed_nil_read_is_initial = yes;
    }

    /// The number that a file gives its next event: it must agree with the order of the lines.
    pub(super) fn place(&mut self, place: i64) -> Result<(), String> {
        match self.place.replace(place).filter(|before| *before >= place) {
            Some(before) => Err(format!(
                "the event with `index` {place} comes after the one with {before}: events must stand in the order in \
                 which they happened"
            )),
            None => Ok(()),
        }
    }

    /// An event of a process that is no client, such as the nemesis.
    pub(super) fn no_client(&mut self, line: u32) {
        self.no_clients.add(line);
    }

    /// One event of the file. A process is a number, or no client if it is a keyword.
    pub(super) fn event(
        &mut self,
        line: u32,
        process: &str,
        phase: Phase,
        function: &str,
        key: Option<Form<'_>>,
        value: Option<Form<'_>>,
    ) -> Result<(), Error> {
        if process.starts_with(':') {
            self.no_client(line);
            return Ok(());
        }
        let Ok(name) = whole(process).parse::<i64>() else {
            return Err(Error { line, reason: format!("process `{}` is no number", shown(process)) });
        };
        self.events += 1;
        match phase {
            Phase::Invoke => self.invoke(line, name, function, key, value),
            _ => self.complete(line, name, phase, function, value),
        }
        .map_err(|reason| Error { line, reason })
    }

    fn invoke(
        &mut self,
        line: u32,
        name: i64,
        called: &str,
        key: Option<Form<'_>>,
        value: Option<Form<'_>>,
    ) -> Result<(), String> {
        let process = self.process_of(name)?;
        let function = kind::function(called, self.kind)?;
        if self.kind_is_given && !self.kind.has(function) {
            return Err(self.kind.misfit(called, function));
        }
        self.ambiguous_add |= called == "add" && !self.kind_is_given;
        if value.is_none() && function.takes_value() && !(function == Function::Add && called != "add") {
            return Err(format!("field `value` is missing: what to {called}"));
        }
        let value = value.unwrap_or(Form::Nil);
        let by_field = key.is_some();
        let (key, value) = match key {
            Some(key) => (self.key(&key)?, value),
            None => {
                let (key, value) = self.independent_key(function, value)?;
                match (key, function.is_read()) {
                    (0, true) => {}
                    (0, false) => self.keyless.add(line),
                    _ => self.keyed.add(line),
                }
                (key, value)
            }
        };
        let (value, expected) = self.arguments(function, called, &value)?;
        let value = match (function, self.kind) {
            // Anybody may release a mutex: all have one owner.
            (Function::Acquire | Function::Release, Kind::Mutex) => 1,
            (Function::Acquire | Function::Release, _) => u64::from(process) + 1,
            _ => value,
        };
        self.appended |= function == Function::Append;
        let at = Instant(self.events);
        let index =
            self.history.invoke(Invocation { at, process, object: self.object, key, function, value, expected });
        self.history.set_line(index, line);
        if let Some(client) = self.clients.get_mut(&name) {
            client.open = Some(index);
            client.keyed = key != 0 && !by_field;
            client.called.clear();
            client.called.push_str(called);
        }
        Ok(())
    }

    fn complete(
        &mut self,
        line: u32,
        name: i64,
        phase: Phase,
        called: &str,
        value: Option<Form<'_>>,
    ) -> Result<(), String> {
        let Some(open) = self.clients.get_mut(&name).and_then(|client| client.open.take()) else {
            return Err(format!("process {name} completes an operation that it never invoked"));
        };
        let at = Instant(self.events);
        if phase == Phase::Info {
            // Not complete: the outcome is unknown from now on. The value may have changed, the invocation's counts.
            self.clients.entry(name).and_modify(|client| client.lost = true);
            return Ok(());
        }
        let operation = *self.history.operation(open);
        let function = operation.function;
        if kind::function(called, self.kind)? != function {
            let invoked = self.clients.get(&name).map_or("", |client| client.called.as_str());
            return Err(format!(
                "process {name} completes a {called}, but it invoked a {invoked} at line {}",
                self.history.line(open)
            ));
        }
        if phase == Phase::Fail {
            let refused = (function == Function::Cas && self.failed_cas == FailedCas::Refused)
                && !matches!(value, Some(Form::Keyword(_)));
            self.history.complete(open, if refused { Status::Refused } else { Status::Fail }, 0, at);
            return Ok(());
        }
        if value.is_none() && function == Function::Dequeue {
            return Err(format!("field `value` is missing: what the {called} took"));
        }
        if let Some(Form::Sequence(Shape::Vector, forms)) = &value
            && forms.len() == 2
            && self.clients.get(&name).is_some_and(|client| client.keyed)
            && (function != Function::Cas || matches!(forms[1], Form::Sequence(..)))
            && !self.keyed_by_tuple(&forms[0], operation.key)
            && let Some(found) = forms[0].identity()
        {
            return Err(format!(
                "process {name} completes an operation on key {}, but it invoked one on key {} at line {}",
                shown(&found),
                shown(self.keys.text(operation.key as u32 - 1)),
                self.history.line(open)
            ));
        }
        let recorded = value.is_some();
        let value = value.unwrap_or(Form::Nil);
        if function.takes_value() && function != Function::SetContains {
            self.compare(operation, called, &value, line);
        }
        let (value, by_field) = match (function, value) {
            (Function::Read | Function::Scan | Function::SetScan, Form::Sequence(Shape::Vector, mut forms))
                if forms.len() == 2 && operation.key != 0 && self.keyed_by_tuple(&forms[0], operation.key) =>
            {
                (forms.swap_remove(1), false)
            }
            // An invocation `:read nil` of an independent key that only the completion names.
            (Function::Read, Form::Sequence(Shape::Vector, mut forms))
                if forms.len() == 2 && operation.key == 0 && self.keys_in_values && self.keyless.times == 0 =>
            {
                let key = self.key(&forms[0])?;
                self.history.operation_mut(open).key = key;
                self.keyed.add(self.history.line(open));
                (forms.swap_remove(1), false)
            }
            (_, value) => (value, operation.key != 0),
        };
        if function.is_read() && function != Function::SetContains && value == Form::Nil {
            let initial = self.nil_read == NilRead::Initial || (by_field && self.keyed_nil_read_is_initial);
            if !initial || !recorded {
                // It matches anything, so it constrains nothing: as if it had not happened.
                self.nil_reads_ignored.add(line);
                self.history.complete(open, Status::Fail, 0, at);
                return Ok(());
            }
            self.nil_reads_initial.add(line);
        }
        self.result(open, function, value, at)
    }

    fn result(&mut self, open: OpIndex, function: Function, value: Form<'_>, at: Instant) -> Result<(), String> {
        match (function, value) {
            (Function::Read, Form::Sequence(_, forms)) if self.kind == Kind::Register && self.appended => {
                let list = self.words(&forms)?;
                self.history.operation_mut(open).function = Function::Scan;
                self.history.complete_with_list(open, &list, at);
            }
            (Function::Scan | Function::SetScan, Form::Sequence(_, forms)) => {
                let list = self.words(&forms)?;
                self.history.complete_with_list(open, &list, at);
            }
            (Function::Scan | Function::SetScan, Form::Nil) => self.history.complete_with_list(open, &[], at),
            (Function::Scan | Function::SetScan, other) => {
                return Err(format!("what was read must be a sequence, not {}", other.kind()));
            }
            (Function::Read, value) if self.kind == Kind::Counter => {
                let number = number(&value).unwrap_or(Err("a counter's value must be a number".to_owned()))?;
                self.history.complete(open, Status::Ok, number, at);
            }
            (Function::Read | Function::Dequeue, value) => {
                let word = self.word(&value)?;
                self.history.complete(open, Status::Ok, word, at);
            }
            (Function::SetContains, Form::Plain(answer @ ("true" | "false"))) => {
                self.history.complete(open, Status::Ok, u64::from(answer == "true"), at);
            }
            (Function::SetContains, other) => {
                return Err(format!("the result of contains must be true or false, not {}", other.kind()));
            }
            _ => self.history.complete(open, Status::Ok, 0, at),
        }
        Ok(())
    }

    /// The history, and notes for whoever reads the verdict.
    pub(super) fn finish(mut self) -> Result<(History, Vec<String>), Error> {
        let kinds = self.history.operations().iter().map(|operation| Kind::of(operation.function));
        if self.initial.is_some()
            && let Some(other) = kinds.into_iter().find(|&kind| kind != Kind::Register)
        {
            return Err(Error { line: 0, reason: no_initial(other) });
        }
        let notes = self.notes();
        if self.appended || self.kind == Kind::List {
            tokens::into_lists(&mut self.history, &mut self.values, &self.sequences);
        }
        self.history.set_texts(Texts {
            keys: self.keys.texts(),
            values: self.values.texts(),
            initial: self.initial,
            processes: self.processes,
        });
        Ok((self.history, notes))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |count: Count, one: &str, many: &str, rest: &str| match count.times {
            0 => {}
            1 => notes.push(format!("1 {one} (line {}) {rest}", count.first_line)),
            times => notes.push(format!("{times} {many} (first at line {}) {rest}", count.first_line)),
        };
        let (read, reads) = ("completed read of nil", "completed reads of nil");
        note(self.nil_reads_ignored, read, reads, "taken as not recorded: they match anything");
        note(self.nil_reads_initial, read, reads, "taken as reads of the initial value");
        note(self.no_clients, "event", "events", "left out: of no client, whose process is a number");
        note(
            self.changed,
            "completion",
            "completions",
            "with another value than the invocation's, which is the one that counts",
        );
        if self.keyed.times > 0 {
            note(
                self.keyed,
                "operation",
                "operations",
                "with a value [k v] taken as v of an independent key k; --keys none takes it as it is",
            );
            note(self.keyless, "operation", "operations", "without such a key judged together, as of one more key");
        }
        if self.went_on > 0 {
            notes.push(match self.went_on {
                1 => "1 process went on after an unknown outcome: the old operation stays open, the successor is another \
                      process"
                    .to_owned(),
                many => format!(
                    "{many} processes went on after an unknown outcome: the old operations stay open, the successors are \
                     other processes"
                ),
            });
        }
        if !self.kind_is_given && !self.history.operations().is_empty() {
            notes.push(self.kinds_note());
        }
        notes
    }

    /// What the operations are taken for where nobody said.
    fn kinds_note(&self) -> String {
        let all = [Kind::Register, Kind::List, Kind::Set, Kind::Counter, Kind::Queue, Kind::Lock];
        let found: Vec<String> = all
            .into_iter()
            .filter(|&kind| self.history.operations().iter().any(|operation| Kind::of(operation.function) == kind))
            .map(|kind| format!("a {}", kind.noun()))
            .collect();
        let counter = if self.ambiguous_add { ", and `add` puts an element into a set" } else { "" };
        format!("without --model the operations are taken for those of {}{counter}", found.join(" and "))
    }

    /// Counts a completion whose value is another than the invocation's; where it has none there is nothing to compare.
    fn compare(&mut self, operation: Operation, called: &str, value: &Form<'_>, line: u32) {
        if *value == Form::Nil {
            return;
        }
        let value = match value {
            Form::Sequence(Shape::Vector, forms)
                if forms.len() == 2 && operation.key != 0 && self.keyed_by_tuple(&forms[0], operation.key) =>
            {
                &forms[1]
            }
            value => value,
        };
        let invoked = (operation.value, operation.expected());
        if self.arguments(operation.function, called, value).ok() != Some(invoked) {
            self.changed.add(line);
        }
    }

    fn process_of(&mut self, name: i64) -> Result<u32, String> {
        let next = self.processes.len() as u32;
        let client = self.clients.entry(name).or_insert_with(|| {
            self.processes.push(name.to_string());
            Client { process: next, open: None, called: String::new(), keyed: false, lost: false, successors: 0 }
        });
        if let Some(open) = client.open {
            return Err(format!(
                "process {name} invokes an operation while the one of line {} is still open",
                self.history.line(open)
            ));
        }
        if client.lost {
            client.lost = false;
            client.process = next;
            client.successors += 1;
            self.went_on += u32::from(client.successors == 1);
            self.processes.push(format!("{name} ({})", client.successors + 1));
        }
        Ok(client.process)
    }

    /// Takes Jepsen's independent key out of a value: `[k v]`, and `[k [a b]]` for a cas.
    fn independent_key<'f>(&mut self, function: Function, value: Form<'f>) -> Result<(u64, Form<'f>), String> {
        let Form::Sequence(Shape::Vector, mut forms) = value else { return Ok((0, value)) };
        let keyed = forms.len() == 2
            && self.keys_in_values
            && match function {
                Function::Cas => matches!(forms[1], Form::Sequence(..)),
                Function::Scan | Function::SetScan => true,
                Function::Read | Function::Write | Function::Append | Function::SetAdd | Function::Add => true,
                _ => false,
            };
        if !keyed {
            return Ok((0, Form::Sequence(Shape::Vector, forms)));
        }
        let key = self.key(&forms[0])?;
        Ok((key, forms.swap_remove(1)))
    }

    fn keyed_by_tuple(&mut self, first: &Form<'_>, key: u64) -> bool {
        self.key(first).is_ok_and(|found| found == key)
    }

    fn arguments(&mut self, function: Function, called: &str, value: &Form<'_>) -> Result<(u64, u64), String> {
        match function {
            Function::Read
            | Function::Scan
            | Function::SetScan
            | Function::Dequeue
            | Function::Delete
            | Function::Acquire
            | Function::Release => Ok((0, 0)),
            Function::Cas => match value {
                Form::Sequence(_, pair) if pair.len() == 2 => Ok((self.word(&pair[1])?, self.word(&pair[0])?)),
                other => Err(format!("the value of a cas must be a pair [expected new], not {}", other.kind())),
            },
            Function::Add => {
                let amount = match (number(value), value) {
                    (Some(amount), _) => amount?,
                    (None, Form::Nil) if called != "add" => 1,
                    _ => return Err(format!("the value of {called} must be a number, not {}", value.kind())),
                };
                Ok((if called.starts_with("dec") { amount.wrapping_neg() } else { amount }, 0))
            }
            Function::Enqueue if *value == Form::Nil => Err("nil cannot be enqueued".to_owned()),
            _ => Ok((self.word(value)?, 0)),
        }
    }

    fn key(&mut self, form: &Form<'_>) -> Result<u64, String> {
        match (form, form.identity()) {
            (Form::Plain(_) | Form::Text(_) | Form::Keyword(_), Some(text)) => {
                Ok(u64::from(self.keys.number(&text)) + 1)
            }
            _ => Err(format!("a key must be a number, string or keyword, not {}", form.kind())),
        }
    }

    fn words(&mut self, forms: &[Form<'_>]) -> Result<Vec<u64>, String> {
        forms.iter().map(|form| self.word(form)).collect()
    }

    fn word(&mut self, form: &Form<'_>) -> Result<u64, String> {
        if is_nil(form) {
            return Ok(0);
        }
        let word = match form.identity() {
            Some(text) if self.initial.as_deref() == Some(&*text) => return Ok(0),
            Some(text) => u64::from(self.values.number(&text)) + 1,
            None => return Err("a value must be a number, string, keyword or a sequence of them, not a map".to_owned()),
        };
        if let Form::Sequence(Shape::Vector | Shape::List, forms) = form
            && !self.sequences.contains_key(&word)
        {
            let elements = self.words(forms)?;
            self.sequences.insert(word, elements);
        }
        Ok(word)
    }
}

/// Nil, or the empty string, which strings that grow begin as.
fn is_nil(form: &Form<'_>) -> bool {
    *form == Form::Nil || matches!(form, Form::Text(text) if text == "\"\"")
}

/// The initial value as values are told apart; `None` for nil.
fn initial(options: &Options, format: Format) -> Result<Option<String>, String> {
    let Some(text) = &options.initial else { return Ok(None) };
    if let Some(kind) = options.kind.filter(|&kind| kind != Kind::Register) {
        return Err(no_initial(kind));
    }
    if text.trim() == "nil" {
        return Ok(None);
    }
    let mut reader = Reader::new(text, format == Format::JsonEvents);
    let wrong =
        |reason: String| format!("--initial `{}` is no value of a file in {}: {reason}", shown(text), format.name());
    let form = reader.form().map_err(|error| wrong(error.reason))?;
    if reader.peek().map_err(|error| wrong(error.reason))?.is_some() {
        return Err(wrong("there is more behind the first value".to_owned()));
    }
    match form.identity() {
        Some(_) if is_nil(&form) => Ok(None),
        Some(text) => Ok(Some(text.into_owned())),
        None => Err(wrong("a map can't be a value".to_owned())),
    }
}

fn no_initial(kind: Kind) -> String {
    format!("--initial counts for registers only (--model register, cas-register or kv), and this is a {}", kind.noun())
}

/// A whole number, two's complement; `None` if the form is none.
fn number(form: &Form<'_>) -> Option<Result<u64, String>> {
    let Form::Plain(text) = form else { return None };
    Some(text.parse::<i64>().map(|number| number as u64).map_err(|_| format!("`{text}` is no whole number")))
}
