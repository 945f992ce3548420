//! A store with a single copy: values by key, each write durable before it is acknowledged.
//!
//! Writes take effect in the order in which they are durable; a read sees what has taken effect. So it is linearizable as
//! long as its disk keeps what it acknowledged. Leaves out: engines and their costs, indexes, transactions.

use std::collections::BTreeMap;

use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Op, Token, Verb};
use crate::state_machine::Kv;
use crate::world::{Held, Never, Out, Process, StateMachine};

/// One record of the log: an operation that changes something.
pub type Record = Op;

/// The process.
#[derive(Clone, Debug)]
pub struct Store {
    object: ObjectId,
    machine: Kv,
    /// Writes on their way to the disk, by token.
    pending: BTreeMap<u64, Call>,
    tokens: u64,
}

impl Store {
    /// An empty store that is `object` in the history.
    pub fn new(object: ObjectId) -> Store {
        Store { object, machine: Kv::default(), pending: BTreeMap::new(), tokens: 0 }
    }
}

impl Process for Store {
    type Msg = Never;
    type Timer = ();
    type Record = Record;

    fn start(&mut self, log: &[Record], _out: &mut Out<'_, Self>) {
        self.machine = Kv::default();
        self.pending.clear();
        for op in log {
            self.machine.apply(op);
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if self.machine.is_read(&call.op) {
            let answer = self.machine.apply(&call.op);
            out.answer(&call, answer);
        } else if is_write(call.op.verb) {
            self.tokens += 1;
            out.persist(call.op.clone(), Token(self.tokens));
            self.pending.insert(self.tokens, call);
        } else {
            out.answer(&call, Answer::ok());
        }
    }

    fn record_bytes(record: &Record) -> u32 {
        40 + record.bytes
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        if let Some(call) = self.pending.remove(&token.0) {
            let answer = self.machine.apply(&call.op);
            out.answer(&call, answer);
        }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.machine.held(key), term: None })
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let replica = out.index();
        for (key, values) in self.machine.contents() {
            out.observe(Observation::FinalState { object: self.object, replica, key, values });
        }
    }
}

/// Whether this changes data.
fn is_write(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Write | Verb::CompareAndSet | Verb::Delete | Verb::Add | Verb::Append | Verb::SetAdd | Verb::SetRemove
    )
}
