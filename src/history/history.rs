//! A history being recorded, and the tables beside its operations.

use super::observation::{NameId, Observation};
use super::op::{Function, ObjectId, OpIndex, Operation, Status};
use crate::engine::Instant;

/// What an operation's instants count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// Nanoseconds: of virtual time in our own runs, of the recorder's clock otherwise.
    #[default]
    Nanoseconds,
    /// Events of the file, in its order: Jepsen's files have one recorder, whose order counts and whose clock may step.
    Events,
}

/// An operation as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    /// When.
    pub at: Instant,
    /// The client's logical process.
    pub process: u32,
    /// Of which object.
    pub object: ObjectId,
    /// Of which key; 0 where there is none.
    pub key: u64,
    /// What is asked.
    pub function: Function,
    /// The argument; [`History::add_list`]'s number for functions that take a list.
    pub value: u64,
    /// Of [`Function::Cas`]: what must be there. 0 otherwise.
    pub expected: u64,
}

/// How the file that a history came from wrote its words. All empty for our own runs, whose words are numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    /// Of keys from 1.
    pub(super) keys: Vec<String>,
    /// Of values from 1.
    pub(super) values: Vec<String>,
    /// Of the initial value, if it is not nil.
    pub(super) initial: Option<String>,
    /// Of processes from 0.
    pub(super) processes: Vec<String>,
}

/// Everything that was recorded: operations in the order in which they were invoked, and observations.
#[derive(Clone, Debug, Default)]
pub struct History {
    operations: Vec<Operation>,
    observations: Vec<Observation>,
    objects: Vec<String>,
    names: Vec<String>,
    /// All lists, one behind the other; `list_ends[i]` is where list `i` ends.
    elements: Vec<u64>,
    list_ends: Vec<usize>,
    /// Version read or made by each operation, 0 where unknown. Empty until the first is known.
    versions: Vec<u64>,
    /// Line of each operation's invocation in the file it came from. Empty if it came from no file.
    lines: Vec<u32>,
    texts: Texts,
    time_unit: TimeUnit,
    alone_since: Option<Instant>,
    /// Objects that somebody adds to.
    counters: Vec<ObjectId>,
}

impl History {
    /// An empty history, in nanoseconds.
    pub fn new() -> History {
        History::default()
    }

    /// The object of that name; enters it if it is new.
    pub fn object(&mut self, name: &str) -> ObjectId {
        ObjectId(position_or_push(&mut self.objects, name))
    }

    /// The name of that record, decision or invariant; enters it if it is new.
    pub fn name(&mut self, name: &str) -> NameId {
        NameId(position_or_push(&mut self.names, name))
    }

    /// Notes that an operation was sent. Until it completes its outcome is unknown.
    pub fn invoke(&mut self, call: Invocation) -> OpIndex {
        let index = OpIndex(u32::try_from(self.operations.len()).expect("a history holds under 2^32 operations"));
        if call.function == Function::Add && !self.counters.contains(&call.object) {
            self.counters.push(call.object);
        }
        self.operations.push(Operation {
            invoked: call.at,
            completed: Instant::NEVER,
            key: call.key,
            value: call.value,
            other: call.expected,
            process: call.process,
            object: call.object,
            function: call.function,
            status: Status::Unknown,
        });
        index
    }

    /// Notes how an operation ended. `result` is ignored for a cas and for anything that has none.
    ///
    /// An unknown outcome needs no call; if one is made, the operation stays open for ever.
    pub fn complete(&mut self, index: OpIndex, status: Status, result: u64, at: Instant) {
        let operation = &mut self.operations[index.index()];
        operation.status = status;
        operation.completed = if status == Status::Unknown { Instant::NEVER } else { at };
        if operation.function != Function::Cas {
            operation.other = result;
        }
    }

    /// Notes that a read came back with a list.
    pub fn complete_with_list(&mut self, index: OpIndex, list: &[u64], at: Instant) {
        let list = self.add_list(list);
        self.complete(index, Status::Ok, list, at);
    }

    /// Keeps a list and returns its number.
    pub fn add_list(&mut self, list: &[u64]) -> u64 {
        self.elements.extend_from_slice(list);
        self.list_ends.push(self.elements.len());
        self.list_ends.len() as u64 - 1
    }

    /// Notes which version an operation read or made, counted by the store per key from 1; 0 for the initial state.
    pub fn set_version(&mut self, index: OpIndex, version: u64) {
        if self.versions.len() <= index.index() {
            self.versions.resize(index.index() + 1, 0);
        }
        self.versions[index.index()] = version;
    }

    /// Notes a fact that no client saw.
    pub fn observe(&mut self, observation: Observation) {
        self.observations.push(observation);
    }

    /// Anybody may release a mutex: all have one owner.
    pub(super) fn give_locks_one_owner(&mut self) {
        let locks = |operation: &&mut Operation| matches!(operation.function, Function::Acquire | Function::Release);
        self.operations.iter_mut().filter(locks).for_each(|operation| operation.value = 1);
    }

    /// Gives back the room that was kept for what might yet have come.
    pub fn shrink_to_fit(&mut self) {
        self.operations.shrink_to_fit();
        self.observations.shrink_to_fit();
        self.elements.shrink_to_fit();
        self.list_ends.shrink_to_fit();
        self.versions.shrink_to_fit();
    }

    /// Only these operations, in this order, with everything that is known of them but for their texts: values and keys
    /// are numbers.
    pub fn part(&self, operations: &[OpIndex]) -> History {
        let mut part = History {
            objects: self.objects.clone(),
            time_unit: self.time_unit,
            alone_since: self.alone_since,
            counters: self.counters.clone(),
            ..History::default()
        };
        for &index in operations {
            let operation = *self.operation(index);
            let list = |part: &mut History, number: u64| part.add_list(self.list(number));
            let value = match operation.function.takes_list() {
                true => list(&mut part, operation.value),
                false => operation.value,
            };
            let other = match operation.function.returns_list() && operation.status == Status::Ok {
                true => list(&mut part, operation.result()),
                false => operation.other,
            };
            let new = OpIndex(part.operations.len() as u32);
            part.operations.push(Operation { value, other, ..operation });
            if self.version(index) != 0 {
                part.set_version(new, self.version(index));
            }
        }
        part
    }

    /// What holds in the end is judged on keys that nobody changed after this: repair takes its time. `NEVER` unless the
    /// recorder set it: every key counts.
    pub fn alone_since(&self) -> Instant {
        self.alone_since.unwrap_or(Instant::NEVER)
    }

    /// Whether an object is a counter: its values are sums, and nothing is 0.
    pub fn is_counter(&self, object: ObjectId) -> bool {
        self.counters.contains(&object)
    }

    /// Sets [`alone_since`](History::alone_since).
    pub fn leave_alone_since(&mut self, at: Instant) {
        self.alone_since = Some(at);
    }

    /// All operations, in the order of their `invoke` calls.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// One operation.
    pub fn operation(&self, index: OpIndex) -> &Operation {
        &self.operations[index.index()]
    }

    /// All observations, in the order in which they were made.
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// A list by its number; empty if there is none of that number.
    pub fn list(&self, number: u64) -> &[u64] {
        let Some(&end) = usize::try_from(number).ok().and_then(|at| self.list_ends.get(at)) else { return &[] };
        let start = if number == 0 { 0 } else { self.list_ends[number as usize - 1] };
        &self.elements[start..end]
    }

    /// Version read or made by an operation; 0 if unknown or initial.
    pub fn version(&self, index: OpIndex) -> u64 {
        self.versions.get(index.index()).copied().unwrap_or(0)
    }

    /// Whether any operation's version is known.
    pub fn has_versions(&self) -> bool {
        !self.versions.is_empty()
    }

    /// Line of the file at which an operation was invoked, from 1; 0 if it came from no file.
    pub fn line(&self, index: OpIndex) -> u32 {
        self.lines.get(index.index()).copied().unwrap_or(0)
    }

    /// Names of all objects; [`ObjectId`] is the position.
    pub fn objects(&self) -> &[String] {
        &self.objects
    }

    /// An object by its name, if it occurs.
    pub fn find_object(&self, name: &str) -> Option<ObjectId> {
        self.objects.iter().position(|known| known == name).map(|at| ObjectId(at as u16))
    }

    /// Name of an object; empty if nobody named it.
    pub fn object_name(&self, object: ObjectId) -> &str {
        self.objects.get(usize::from(object.0)).map_or("", String::as_str)
    }

    /// Names of records and decisions; [`NameId`] is the position.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the instants count.
    pub fn time_unit(&self) -> TimeUnit {
        self.time_unit
    }

    /// A key as its file wrote it.
    pub fn key_text(&self, key: u64) -> String {
        text_of(&self.texts.keys, key, "0")
    }

    /// A value as its file wrote it; `nil` for 0.
    pub fn value_text(&self, value: u64) -> String {
        text_of(&self.texts.values, value, self.texts.initial.as_deref().unwrap_or("nil"))
    }

    /// Whether keys of this history have names.
    pub fn has_key_texts(&self) -> bool {
        !self.texts.keys.is_empty()
    }

    /// Keeps, for reports, at which line an operation was invoked.
    pub(crate) fn set_line(&mut self, index: OpIndex, line: u32) {
        if self.lines.len() <= index.index() {
            self.lines.resize(index.index() + 1, 0);
        }
        self.lines[index.index()] = line;
    }

    /// Client processes as their file wrote them, successors of unknown outcomes marked; the number otherwise.
    pub fn process_text(&self, process: u32) -> String {
        self.texts.processes.get(process as usize).cloned().unwrap_or_else(|| process.to_string())
    }

    pub(super) fn operation_mut(&mut self, index: OpIndex) -> &mut Operation {
        &mut self.operations[index.index()]
    }

    pub(crate) fn set_time_unit(&mut self, unit: TimeUnit) {
        self.time_unit = unit;
    }

    pub(super) fn set_texts(&mut self, texts: Texts) {
        self.texts = texts;
    }
}

fn position_or_push(table: &mut Vec<String>, name: &str) -> u16 {
    let at = table.iter().position(|known| known == name).unwrap_or_else(|| {
        table.push(name.to_owned());
        table.len() - 1
    });
    u16::try_from(at).expect("a history names under 65536 objects and records")
}

fn text_of(texts: &[String], word: u64, zero: &str) -> String {
    if word == 0 {
        return zero.to_owned();
    }
    usize::try_from(word - 1).ok().and_then(|at| texts.get(at)).cloned().unwrap_or_else(|| word.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(process: u32, at: u64) -> Invocation {
        Invocation {
            at: Instant(at),
            process,
            object: ObjectId(0),
            key: 1,
            function: Function::Read,
            value: 0,
            expected: 0,
        }
    }

    #[test]
    fn an_operation_is_unknown_until_it_completes() {
        let mut history = History::new();
        let first = history.invoke(read(0, 10));
        let second = history.invoke(read(1, 20));
        history.complete(second, Status::Ok, 7, Instant(30));
        assert_eq!(history.operation(first).status, Status::Unknown);
        assert_eq!(history.operation(first).completed, Instant::NEVER);
        assert_eq!(history.operation(second).result(), 7);
        assert!(!history.operation(first).precedes(history.operation(second)));
    }

    #[test]
    fn a_timeout_never_completes() {
        let mut history = History::new();
        let index = history.invoke(read(0, 10));
        history.complete(index, Status::Unknown, 0, Instant(30));
        assert_eq!(history.operation(index).completed, Instant::NEVER);
    }

    #[test]
    fn lists_keep_their_ends() {
        let mut history = History::new();
        assert_eq!(history.add_list(&[]), 0);
        assert_eq!(history.add_list(&[4, 5]), 1);
        assert_eq!(history.add_list(&[6]), 2);
        assert_eq!((history.list(0), history.list(1), history.list(2)), (&[][..], &[4, 5][..], &[6][..]));
        assert_eq!(history.list(9), &[] as &[u64]);
    }

    #[test]
    fn versions_are_zero_where_unknown() {
        let mut history = History::new();
        let (first, second) = (history.invoke(read(0, 1)), history.invoke(read(1, 2)));
        assert!(!history.has_versions());
        history.set_version(second, 3);
        assert_eq!((history.version(first), history.version(second)), (0, 3));
    }
}
