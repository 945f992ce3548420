//! Values, counters, lists and sets by key. A write replaces a value, a delete makes it nil.
//!
//! Leaves out: transactions, indexes, expiry.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rpc::{Answer, Op, Outcome, Verb};
use crate::world::StateMachine;

/// What is kept of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    value: u64,
    version: u64,
    list: Vec<u64>,
    /// What its value, or its list, takes on the wire, as far as whoever wrote it has told.
    bytes: u32,
}

impl Entry {
    fn values(&self) -> Vec<u64> {
        let mut values = self.list.clone();
        if self.value != 0 {
            values.push(self.value);
        }
        values
    }
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kv {
    entries: BTreeMap<u64, Entry>,
    /// Operations that could change something so far: the version that the next one makes.
    versions: u64,
    bytes: u64,
}

/// Bytes of an entry in a snapshot beside its values: key, version and a length (illustrative).
const ENTRY_BYTES: u64 = 32;

impl Kv {
    /// The value of a key; 0 is nil.
    pub fn value(&self, key: u64) -> u64 {
        self.entries.get(&key).map_or(0, |e| e.value)
    }

    fn read(&self, op: &Op) -> Answer {
        let Some(entry) = self.entries.get(&op.key) else {
            let list = (op.verb == Verb::Scan).then(|| Arc::from([]));
            return Answer { list, ..Answer::value(0, 0) };
        };
        match op.verb {
            Verb::Scan => {
                let list = Some(entry.list.as_slice().into());
                Answer { list, bytes: entry.bytes, ..Answer::value(0, entry.version) }
            }
            Verb::SetContains => Answer::value(u64::from(entry.list.contains(&op.value)), entry.version),
            _ => Answer { bytes: entry.bytes, ..Answer::value(entry.value, entry.version) },
        }
    }
}

impl StateMachine for Kv {
    fn apply(&mut self, op: &Op) -> Answer {
        if self.is_read(op) {
            return self.read(op);
        }
        self.versions += 1;
        let version = self.versions;
        let fresh = !self.entries.contains_key(&op.key);
        let entry = self.entries.entry(op.key).or_default();
        let held = entry.list.len();
        let answer = match op.verb {
            Verb::CompareAndSet if entry.value != op.expected => Answer::of(Outcome::Aborted),
            Verb::Write | Verb::CompareAndSet => {
                entry.value = op.value;
                entry.version = version;
                entry.bytes = op.bytes;
                Answer::value(entry.value, version)
            }
            verb => {
                match verb {
                    Verb::Delete => {
                        entry.value = 0;
                        entry.bytes = 0;
                        entry.list.clear();
                    }
                    Verb::Add => entry.value = entry.value.wrapping_add(op.value),
                    Verb::Append => {
                        entry.list.push(op.value);
                        entry.bytes = entry.bytes.saturating_add(op.bytes);
                    }
                    Verb::SetAdd if !entry.list.contains(&op.value) => entry.list.push(op.value),
                    Verb::SetRemove => entry.list.retain(|v| *v != op.value),
                    _ => {}
                }
                entry.version = version;
                Answer::value(entry.value, version)
            }
        };
        let grown = 8 * entry.list.len() as u64;
        let shrunk = 8 * held as u64;
        let made = if fresh { ENTRY_BYTES + u64::from(op.bytes) } else { 0 };
        self.bytes = (self.bytes + grown + made).saturating_sub(shrunk);
        answer
    }

    fn is_read(&self, op: &Op) -> bool {
        matches!(op.verb, Verb::Read | Verb::Scan | Verb::SetContains)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn held(&self, key: u64) -> Vec<u64> {
        self.entries.get(&key).map_or_else(Vec::new, Entry::values)
    }

    fn contents(&self) -> Vec<(u64, Vec<u64>)> {
        self.entries.iter().map(|(key, entry)| (*key, entry.values())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(verb: Verb, value: u64) -> Op {
        Op::on_key(verb, 7, value)
    }

    #[test]
    fn a_read_sees_the_last_write_and_nil_before_and_after() {
        let mut kv = Kv::default();
        assert_eq!(kv.apply(&op(Verb::Read, 0)).value, 0);
        kv.apply(&op(Verb::Write, 5));
        assert_eq!(kv.apply(&op(Verb::Read, 0)).value, 5);
        kv.apply(&op(Verb::Delete, 0));
        assert_eq!(kv.apply(&op(Verb::Read, 0)).value, 0);
    }

    #[test]
    fn compare_and_set_that_loses_changes_nothing() {
        let mut kv = Kv::default();
        kv.apply(&op(Verb::Write, 5));
        let lost = kv.apply(&Op { expected: 4, ..op(Verb::CompareAndSet, 6) });
        assert_eq!((lost.outcome, kv.value(7)), (Outcome::Aborted, 5));
        let won = kv.apply(&Op { expected: 5, ..op(Verb::CompareAndSet, 6) });
        assert_eq!((won.outcome, kv.value(7)), (Outcome::Ok, 6));
    }

    #[test]
    fn lists_keep_their_order_and_sets_hold_an_element_once() {
        let mut kv = Kv::default();
        for value in [3, 1, 2] {
            kv.apply(&op(Verb::Append, value));
        }
        assert_eq!(kv.apply(&op(Verb::Scan, 0)).list.as_deref(), Some(&[3, 1, 2][..]));
        let mut set = Kv::default();
        set.apply(&op(Verb::SetAdd, 4));
        set.apply(&op(Verb::SetAdd, 4));
        assert_eq!(set.contents(), [(7, vec![4])]);
        set.apply(&op(Verb::SetRemove, 4));
        assert_eq!(set.apply(&op(Verb::SetContains, 4)).value, 0);
    }
}
