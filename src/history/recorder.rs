//! From events to operations: who has what open, what keys and values mean, who goes on after an unknown outcome.

use std::collections::BTreeMap;

use super::edn::Form;
use super::history::{History, Invocation, Texts, TimeUnit};
use super::intern::Interner;
use super::io::{Error, FailedCas, Kind, NilRead, Options};
use super::op::{Function, ObjectId, OpIndex, Status};
use super::tokens;
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
#[derive(Clone, Copy, Debug)]
struct Client {
    /// Its present number in the history.
    process: u32,
    open: Option<OpIndex>,
    /// Whether its last operation ended unknown: its next one belongs to a successor.
    lost: bool,
    successors: u32,
}

/// Collects events.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    history: History,
    object: ObjectId,
    kind: Kind,
    nil_read: NilRead,
    keyed_nil_read_is_initial: bool,
    failed_cas: FailedCas,
    initial: Option<&'a str>,
    events: u64,
    keys: Interner,
    values: Interner,
    clients: BTreeMap<i64, Client>,
    processes: Vec<String>,
    nil_reads_ignored: u32,
    went_on: u32,
    appended: bool,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(options: &'a Options, nil_read: NilRead, failed_cas: FailedCas) -> Recorder<'a> {
        let mut history = History::new();
        history.set_time_unit(TimeUnit::Events);
        let object = history.object("");
        Recorder {
            history,
            object,
            kind: options.kind,
            nil_read,
            keyed_nil_read_is_initial: false,
            failed_cas,
            initial: options.initial.as_deref(),
            events: 0,
            keys: Interner::default(),
            values: Interner::default(),
            clients: BTreeMap::new(),
            processes: Vec::new(),
            nil_reads_ignored: 0,
            went_on: 0,
            appended: false,
        }
    }

    /// Whether maps with a `:key` read nil as the initial state whatever else holds.
    pub(super) fn keyed_nil_reads_are_initial(&mut self, yes: bool) {
        self.keyed_nil_read_is_initial = yes;
    }

    /// One event of the file. Processes that are no numbers are no clients.
    pub(super) fn event(
        &mut self,
        line: u32,
        process: &str,
        phase: Phase,
        function: &str,
        key: Option<Form<'_>>,
        value: Form<'_>,
    ) -> Result<(), Error> {
        let Ok(name) = process.parse::<i64>() else {
            if process.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(Error { line, reason: format!("process `{process}` is no number") });
            }
            return Ok(());
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
        value: Form<'_>,
    ) -> Result<(), String> {
        let process = self.process_of(name)?;
        let function = self.function(called)?;
        let (key, value) = match key {
            Some(key) => (self.key(&key)?, value),
            None => self.independent_key(function, value)?,
        };
        let (value, expected) = self.arguments(function, called, value)?;
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
        }
        Ok(())
    }

    fn complete(&mut self, line: u32, name: i64, phase: Phase, called: &str, value: Form<'_>) -> Result<(), String> {
        let Some(open) = self.clients.get_mut(&name).and_then(|client| client.open.take()) else {
            // A client may crash between operations.
            let crash = phase == Phase::Info;
            return if crash {
                Ok(())
            } else {
                Err(format!("process {name} completes an operation that it never invoked"))
            };
        };
        let at = Instant(self.events);
        if phase == Phase::Info {
            // Not complete: the outcome is unknown from now on. The value may have changed, the invocation's counts.
            self.clients.entry(name).and_modify(|client| client.lost = true);
            return Ok(());
        }
        let operation = *self.history.operation(open);
        let function = operation.function;
        if self.function(called)? != function {
            return Err(format!(
                "process {name} completes a {called}, but it invoked a {function} at line {}",
                self.history.line(open)
            ));
        }
        if phase == Phase::Fail {
            let refused = (function == Function::Cas && self.failed_cas == FailedCas::Refused)
                && !matches!(value, Form::Keyword(_));
            self.history.complete(open, if refused { Status::Refused } else { Status::Fail }, 0, at);
            return Ok(());
        }
        let value = match (function, value) {
            (Function::Read | Function::Scan | Function::SetScan, Form::Sequence(mut forms))
                if forms.len() == 2 && operation.key != 0 && self.keyed_by_tuple(&forms[0], operation.key) =>
            {
                forms.swap_remove(1)
            }
            // An invocation `:read nil` of an independent key that only the completion names.
            (Function::Read, Form::Sequence(mut forms)) if forms.len() == 2 && operation.key == 0 => {
                let key = self.key(&forms[0])?;
                self.history.operation_mut(open).key = key;
                forms.swap_remove(1)
            }
            (_, value) => value,
        };
        if function.is_read() && function != Function::SetContains && value == Form::Nil {
            let initial = self.nil_read == NilRead::Initial || (operation.key != 0 && self.keyed_nil_read_is_initial);
            if !initial {
                // It matches anything, so it constrains nothing: as if it had not happened.
                self.nil_reads_ignored += 1;
                self.history.complete(open, Status::Fail, 0, at);
                return Ok(());
            }
        }
        self.result(open, function, value, at, line)
    }

    fn result(
        &mut self,
        open: OpIndex,
        function: Function,
        value: Form<'_>,
        at: Instant,
        line: u32,
    ) -> Result<(), String> {
        match (function, value) {
            (Function::Read, Form::Sequence(forms)) if self.kind == Kind::Register && self.appended => {
                let list = self.words(&forms)?;
                self.history.operation_mut(open).function = Function::Scan;
                self.history.complete_with_list(open, &list, at);
            }
            (Function::Scan | Function::SetScan, Form::Sequence(forms)) => {
                let list = self.words(&forms)?;
                self.history.complete_with_list(open, &list, at);
            }
            (Function::Scan | Function::SetScan, Form::Nil) => self.history.complete_with_list(open, &[], at),
            (Function::Scan | Function::SetScan, other) => {
                return Err(format!("the result of {function} must be a sequence, not {}", other.kind()));
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
        debug_assert!(line > 0);
        Ok(())
    }

    /// The history, and notes for whoever reads the verdict.
    pub(super) fn finish(mut self) -> (History, Vec<String>) {
        let mut notes = Vec::new();
        if self.nil_reads_ignored > 0 {
            notes.push(format!(
                "{} completed reads of nil are taken as not recorded and match anything",
                self.nil_reads_ignored
            ));
        }
        if self.went_on > 0 {
            notes.push(format!(
                "{} processes went on after an unknown outcome: the old operation stays open, the successor is another \
                 process",
                self.went_on
            ));
        }
        if self.appended {
            tokens::split_strings(&mut self.history, &mut self.values);
        }
        self.history.set_texts(Texts {
            keys: self.keys.texts(),
            values: self.values.texts(),
            initial: self.initial.map(str::to_owned),
            processes: self.processes,
        });
        (self.history, notes)
    }

    fn process_of(&mut self, name: i64) -> Result<u32, String> {
        let next = self.processes.len() as u32;
        let client = self.clients.entry(name).or_insert_with(|| {
            self.processes.push(name.to_string());
            Client { process: next, open: None, lost: false, successors: 0 }
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

    fn function(&self, name: &str) -> Result<Function, String> {
        Ok(match (name, self.kind) {
            ("read" | "get" | "r", Kind::Set) => Function::SetScan,
            ("read" | "get" | "r", Kind::List) => Function::Scan,
            ("read" | "get" | "r", _) => Function::Read,
            ("write" | "put" | "w", _) => Function::Write,
            ("cas" | "compare-and-set" | "compare_and_set", _) => Function::Cas,
            ("delete" | "del", _) => Function::Delete,
            ("append", _) => Function::Append,
            ("scan", _) => Function::Scan,
            ("add", Kind::Counter) | ("inc" | "increment" | "dec" | "decrement", _) => Function::Add,
            ("add" | "set_add", _) => Function::SetAdd,
            ("remove" | "rem" | "set_remove", _) => Function::SetRemove,
            ("contains" | "set_contains", _) => Function::SetContains,
            ("set_scan", _) => Function::SetScan,
            ("enqueue" | "enq", _) => Function::Enqueue,
            ("dequeue" | "deq", _) => Function::Dequeue,
            ("acquire" | "lock", _) => Function::Acquire,
            ("release" | "unlock", _) => Function::Release,
            ("txn", _) => {
                return Err("transactions (`txn`) are not judged: the models are of single operations".to_owned());
            }
            _ => {
                return Err(format!(
                    "unknown function `{name}`, expected one of: read, write, cas, get, put, delete, append, add, \
                     remove, contains, enqueue, dequeue, acquire, release"
                ));
            }
        })
    }

    /// Takes Jepsen's independent key out of a value: `[k v]`, and `[k [a b]]` for a cas.
    fn independent_key<'f>(&mut self, function: Function, value: Form<'f>) -> Result<(u64, Form<'f>), String> {
        let Form::Sequence(mut forms) = value else { return Ok((0, value)) };
        let keyed = forms.len() == 2
            && match function {
                Function::Cas => matches!(forms[1], Form::Sequence(_)),
                Function::Scan | Function::SetScan => true,
                Function::Read | Function::Write | Function::Append | Function::SetAdd | Function::Add => true,
                _ => false,
            };
        if !keyed {
            return Ok((0, Form::Sequence(forms)));
        }
        let key = self.key(&forms[0])?;
        Ok((key, forms.swap_remove(1)))
    }

    fn keyed_by_tuple(&mut self, first: &Form<'_>, key: u64) -> bool {
        self.key(first).is_ok_and(|found| found == key)
    }

    fn arguments(&mut self, function: Function, called: &str, value: Form<'_>) -> Result<(u64, u64), String> {
        match function {
            Function::Read
            | Function::Scan
            | Function::SetScan
            | Function::Dequeue
            | Function::Delete
            | Function::Acquire
            | Function::Release => Ok((0, 0)),
            Function::Cas => match &value {
                Form::Sequence(pair) if pair.len() == 2 => Ok((self.word(&pair[1])?, self.word(&pair[0])?)),
                other => Err(format!("the value of a cas must be a pair [expected new], not {}", other.kind())),
            },
            Function::Add => {
                let amount = match (number(&value), &value) {
                    (Some(amount), _) => amount?,
                    (None, Form::Nil) if called != "add" => 1,
                    _ => return Err(format!("the value of {called} must be a number, not {}", value.kind())),
                };
                Ok((if called.starts_with("dec") { amount.wrapping_neg() } else { amount }, 0))
            }
            Function::Enqueue if value == Form::Nil => Err("nil cannot be enqueued".to_owned()),
            _ => Ok((self.word(&value)?, 0)),
        }
    }

    fn key(&mut self, form: &Form<'_>) -> Result<u64, String> {
        match form.raw() {
            Some(raw) => Ok(u64::from(self.keys.number(raw)) + 1),
            None => Err(format!("a key must be a number, string or keyword, not {}", form.kind())),
        }
    }

    fn words(&mut self, forms: &[Form<'_>]) -> Result<Vec<u64>, String> {
        forms.iter().map(|form| self.word(form)).collect()
    }

    fn word(&mut self, form: &Form<'_>) -> Result<u64, String> {
        match form {
            Form::Nil => Ok(0),
            Form::Text("\"\"") => Ok(0),
            Form::Sequence(forms) => {
                // Compound values are compared by what they contain.
                let inner: Vec<String> = self.words(forms)?.iter().map(u64::to_string).collect();
                Ok(u64::from(self.values.number(&format!("[{}]", inner.join(" ")))) + 1)
            }
            _ => match form.raw() {
                Some(raw) if self.initial == Some(raw) => Ok(0),
                Some(raw) => Ok(u64::from(self.values.number(raw)) + 1),
                None => Err(format!("a value must be a number, string or keyword, not {}", form.kind())),
            },
        }
    }
}

/// A whole number, two's complement; `None` if the form is none.
fn number(form: &Form<'_>) -> Option<Result<u64, String>> {
    let Form::Plain(text) = form else { return None };
    Some(text.parse::<i64>().map(|number| number as u64).map_err(|_| format!("`{text}` is no whole number")))
}
