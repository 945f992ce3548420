//! Sequential specifications: what each operation does to one object when nothing else goes on.
//!
//! A state is one word. Registers, counters and locks are words; lists, sets and queues are interned.

use std::collections::BTreeMap;

use crate::history::{Function, History, Operation, Status};

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Model {
    /// One value, with compare-and-set.
    Register,
    /// A list that grows by appending and can be replaced.
    List,
    /// A set of elements.
    Set,
    /// A number.
    Counter,
    /// First in, first out.
    Queue,
    /// Free, or held by one owner.
    Lock,
}

impl Model {
    /// The only model that has this function, if it is one.
    pub(super) fn of(function: Function) -> Option<Model> {
        match function {
            Function::Read | Function::Write | Function::Cas | Function::Delete => None,
            Function::Add => Some(Model::Counter),
            Function::Append | Function::Scan | Function::WriteList | Function::AppendList => Some(Model::List),
            Function::SetAdd | Function::SetRemove | Function::SetContains | Function::SetScan => Some(Model::Set),
            Function::Enqueue | Function::Dequeue => Some(Model::Queue),
            Function::Acquire | Function::Release => Some(Model::Lock),
        }
    }

    /// As sentences say it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Model::Register => "register",
            Model::List => "list",
            Model::Set => "set",
            Model::Counter => "counter",
            Model::Queue => "queue",
            Model::Lock => "lock",
        }
    }
}

/// The states of one object that were met so far.
#[derive(Debug)]
pub(super) struct States<'a> {
    history: &'a History,
    model: Model,
    numbers: BTreeMap<Vec<u64>, u64>,
    contents: Vec<Vec<u64>>,
    /// Words in the contents.
    words: u64,
}

/// Bytes that a content takes beside its words: twice its place in a vector, and its number in the map.
const CONTENT_BYTES: u64 = 64;

impl<'a> States<'a> {
    /// Only the initial state: nil, empty, zero or free. It is the word 0.
    pub(super) fn new(history: &'a History, model: Model) -> States<'a> {
        States { history, model, numbers: BTreeMap::from([(Vec::new(), 0)]), contents: vec![Vec::new()], words: 0 }
    }

    /// The state after an operation, if the operation's outcome fits. An unknown outcome fits wherever it can.
    pub(super) fn step(&mut self, state: u64, operation: &Operation) -> Option<u64> {
        let refused = operation.status == Status::Refused;
        let unknown = operation.status == Status::Unknown;
        let then = |holds: bool, next: u64| holds.then_some(next);
        match operation.function {
            Function::Read => then(state == operation.result(), state),
            Function::Write if self.model == Model::List => {
                if operation.value == 0 {
                    return Some(0);
                }
                Some(self.number(vec![operation.value]))
            }
            Function::Write => Some(operation.value),
            Function::Cas if refused => then(state != operation.expected(), state),
            Function::Cas => then(state == operation.expected(), operation.value),
            Function::Delete => Some(0),
            Function::Add => Some(state.wrapping_add(operation.value)),
            Function::Append | Function::Enqueue => self.change(state, |list| list.push(operation.value)),
            Function::AppendList => {
                let more = self.history.list(operation.value);
                self.change(state, |list| list.extend_from_slice(more))
            }
            Function::WriteList => Some(self.number(self.history.list(operation.value).to_vec())),
            Function::Scan => then(self.contents[state as usize] == self.history.list(operation.result()), state),
            Function::SetAdd => self.change(state, |set| {
                if let Err(at) = set.binary_search(&operation.value) {
                    set.insert(at, operation.value);
                }
            }),
            Function::SetRemove => self.change(state, |set| {
                if let Ok(at) = set.binary_search(&operation.value) {
                    set.remove(at);
                }
            }),
            Function::SetContains => {
                let there = self.contents[state as usize].binary_search(&operation.value).is_ok();
                then(there == (operation.result() != 0), state)
            }
            Function::SetScan => {
                let mut read = self.history.list(operation.result()).to_vec();
                read.sort_unstable();
                read.dedup();
                then(self.contents[state as usize] == read, state)
            }
            Function::Dequeue => {
                let first = self.contents[state as usize].first().copied();
                if !unknown && first.unwrap_or(0) != operation.result() {
                    return None;
                }
                match first {
                    Some(_) => self.change(state, |queue| {
                        queue.remove(0);
                    }),
                    None => Some(state),
                }
            }
            Function::Acquire if refused => then(state != 0, state),
            Function::Acquire => then(state == 0, owner(operation)),
            Function::Release if refused => then(state != owner(operation), state),
            Function::Release => then(state == owner(operation), 0),
        }
    }

    /// Whether a list or set that only grows may still be what a read of all of it saw after one more append or add.
    pub(super) fn leads_to(&self, state: u64, growth: &Operation, read: &Operation) -> bool {
        let (content, seen) = (&self.contents[state as usize], self.history.list(read.result()));
        let after = |more: &[u64]| seen.strip_prefix(content.as_slice()).is_some_and(|rest| rest.starts_with(more));
        match growth.function {
            Function::Append => after(&[growth.value]),
            Function::AppendList => after(self.history.list(growth.value)),
            Function::SetAdd => seen.contains(&growth.value),
            _ => true,
        }
    }

    /// Whether a list may still become what a read of all of it saw if all that happens to it are appends.
    pub(super) fn begins(&self, state: u64, read: &Operation) -> bool {
        self.history.list(read.result()).starts_with(&self.contents[state as usize])
    }

    /// A state in words.
    pub(super) fn show(&self, state: u64) -> String {
        match self.model {
            Model::Register => self.history.value_text(state),
            Model::Counter => (state as i64).to_string(),
            Model::Lock if state == 0 => "free".to_owned(),
            Model::Lock => format!("held by {}", self.history.process_text(state as u32 - 1)),
            Model::List | Model::Set | Model::Queue => {
                super::describe::list(self.history, &self.contents[state as usize])
            }
        }
    }

    /// What is remembered, in bytes: each content is kept under its number and under itself.
    pub(super) fn bytes(&self) -> u64 {
        self.words * 2 * size_of::<u64>() as u64 + self.contents.len() as u64 * CONTENT_BYTES
    }

    fn change(&mut self, state: u64, change: impl FnOnce(&mut Vec<u64>)) -> Option<u64> {
        let mut content = self.contents[state as usize].clone();
        change(&mut content);
        Some(self.number(content))
    }

    fn number(&mut self, content: Vec<u64>) -> u64 {
        if let Some(&number) = self.numbers.get(&content) {
            return number;
        }
        let number = self.contents.len() as u64;
        self.words += content.len() as u64;
        self.contents.push(content.clone());
        self.numbers.insert(content, number);
        number
    }
}

/// Whether an operation leaves every state as it is.
pub(super) fn only_looks(operation: &Operation) -> bool {
    operation.function.is_read()
        || operation.status == Status::Refused
        || (operation.function == Function::Dequeue && operation.status == Status::Ok && operation.result() == 0)
}

fn owner(operation: &Operation) -> u64 {
    if operation.value == 0 { u64::from(operation.process) + 1 } else { operation.value }
}
