//! What a replicated log replicates: a deterministic machine (Schneider, "Implementing fault-tolerant services using the
//! state machine approach", ACM Computing Surveys 22(4), 1990).

use std::fmt::Debug;

use crate::rpc::{Answer, Op};

/// A deterministic machine: the same operations in the same order give the same answers everywhere.
pub trait StateMachine: Clone + Debug + Default {
    /// Carries out one operation and says what comes of it. Reads leave the state as it is.
    fn apply(&mut self, op: &Op) -> Answer;
    /// Whether an operation changes nothing, so that it may be answered outside the log.
    fn is_read(&self, op: &Op) -> bool;
    /// Bytes of a snapshot on the wire; the snapshot itself is a clone.
    fn bytes(&self) -> u64;
    /// What it holds of one key, in the order of [`contents`](StateMachine::contents).
    fn held(&self, key: u64) -> Vec<u64> {
        self.contents().into_iter().find(|(k, _)| *k == key).map_or_else(Vec::new, |(_, values)| values)
    }
    /// What it holds of each key, in the order of keys: for checks at the end of a run.
    fn contents(&self) -> Vec<(u64, Vec<u64>)>;
}
