//! A store with a single copy: values by key, each write durable before it is acknowledged.
//!
//! Writes take effect in the order in which they are durable; a read sees what has taken effect. So it is linearizable as
//! long as its disk keeps what it acknowledged. Leaves out: engines and their costs, indexes, transactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Op, Outcome, Token, Verb};
use crate::world::{Never, Out, Process};

/// What is kept of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    value: u64,
    version: u64,
    list: Vec<u64>,
}

/// One record of the log: an operation that changes something.
pub type Record = Op;

/// The process.
#[derive(Clone, Debug)]
pub struct Store {
    object: ObjectId,
    entries: BTreeMap<u64, Entry>,
    versions: u64,
    /// Writes on their way to the disk, by token.
    pending: BTreeMap<u64, Call>,
    tokens: u64,
}

impl Store {
    /// An empty store that is `object` in the history.
    pub fn new(object: ObjectId) -> Store {
        Store { object, entries: BTreeMap::new(), versions: 0, pending: BTreeMap::new(), tokens: 0 }
    }

    /// Carries out one operation and says what comes of it.
    fn apply(&mut self, op: &Op) -> Answer {
        let writes = !matches!(op.verb, Verb::Read | Verb::Scan | Verb::SetContains);
        if writes {
            self.versions += 1;
        }
        let version = self.versions;
        if !writes {
            let Some(entry) = self.entries.get(&op.key) else {
                let list = (op.verb == Verb::Scan).then(|| Arc::from([]));
                return Answer { list, ..Answer::value(0, 0) };
            };
            return match op.verb {
                Verb::Scan => Answer { list: Some(entry.list.as_slice().into()), ..Answer::value(0, entry.version) },
                Verb::SetContains => Answer::value(u64::from(entry.list.contains(&op.value)), entry.version),
                _ => Answer::value(entry.value, entry.version),
            };
        }
        let entry = self.entries.entry(op.key).or_default();
        match op.verb {
            Verb::CompareAndSet if entry.value != op.expected => return Answer::of(Outcome::Aborted),
            Verb::Write | Verb::CompareAndSet => entry.value = op.value,
            Verb::Delete => {
                entry.value = 0;
                entry.list.clear();
            }
            Verb::Add => entry.value = entry.value.wrapping_add(op.value),
            Verb::Append => entry.list.push(op.value),
            Verb::SetAdd if !entry.list.contains(&op.value) => entry.list.push(op.value),
            Verb::SetRemove => entry.list.retain(|v| *v != op.value),
            _ => {}
        }
        entry.version = version;
        Answer::value(entry.value, version)
    }
}

impl Process for Store {
    type Msg = Never;
    type Timer = ();
    type Record = Record;

    fn start(&mut self, log: &[Record], _out: &mut Out<'_, Self>) {
        self.entries.clear();
        self.pending.clear();
        self.versions = 0;
        for op in log {
            self.apply(op);
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        match call.op.verb {
            Verb::Read | Verb::Scan | Verb::SetContains => {
                let answer = self.apply(&call.op);
                out.answer(&call, answer);
            }
            Verb::Write
            | Verb::CompareAndSet
            | Verb::Delete
            | Verb::Add
            | Verb::Append
            | Verb::SetAdd
            | Verb::SetRemove => {
                self.tokens += 1;
                out.persist(call.op.clone(), Token(self.tokens));
                self.pending.insert(self.tokens, call);
            }
            _ => out.answer(&call, Answer::ok()),
        }
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        if let Some(call) = self.pending.remove(&token.0) {
            let answer = self.apply(&call.op);
            out.answer(&call, answer);
        }
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let replica = out.index();
        for (key, entry) in &self.entries {
            let mut values = entry.list.clone();
            if entry.value != 0 {
                values.push(entry.value);
            }
            out.observe(Observation::FinalState { object: self.object, replica, key: *key, values });
        }
    }
}
