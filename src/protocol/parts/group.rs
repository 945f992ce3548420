//! The replicas of one group: consecutive processes, known to each other by number.

use crate::engine::ProcessId;

/// Who belongs to a group of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Replica 0; replica `i` is process `first + i`.
    pub first: ProcessId,
    /// How many there are; 128 at most.
    pub count: u32,
}

impl Group {
    /// The process of replica `index`.
    pub fn process(self, index: u32) -> ProcessId {
        ProcessId(self.first.0 + index)
    }
    /// The number of a replica.
    pub fn index(self, process: ProcessId) -> u32 {
        process.0 - self.first.0
    }
    /// Every replica.
    pub fn all(self) -> impl Iterator<Item = ProcessId> {
        (0..self.count).map(move |i| self.process(i))
    }
    /// Every replica but this one.
    pub fn others(self, me: ProcessId) -> impl Iterator<Item = ProcessId> {
        self.all().filter(move |p| *p != me)
    }
    /// The smallest number that any two of it share a replica.
    pub fn majority(self) -> u32 {
        self.count / 2 + 1
    }
}
