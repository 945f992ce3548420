//! Searches one order of operations that contains a given partial order and explains every result.
//!
//! Time plays no part. A read that may come next and fits is taken at once, which is never worse; a configuration is
//! what was taken and the state of every key. Testing sequential consistency is NP-complete (Gibbons and Korach 1997),
//! hence the budget.

use std::collections::BTreeSet;

use super::model::{Model, States, only_looks};
use super::seen::Seen;
use super::verdict::{Budget, Spent};
use crate::history::{History, Operation, Status};

/// Words of what is remembered of a configuration that cost as much as a step: with many keys the state is most of it, and
/// the budget is to bound memory too.
const WORDS_A_STEP: u64 = 16;
/// Operations that may come next and are looked over in the time of a step.
const READY_A_STEP: u64 = 256;

/// An operation with its key, numbered from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// What must be explained; unknown outcomes may be left out.
    pub(super) operation: Operation,
    /// Of which key.
    pub(super) key: u32,
}

/// Whether there is an order, given what must come directly before what. If not, the longest part that could be
/// explained.
pub(super) fn serialize(
    history: &History,
    models: &[Model],
    items: &[Item],
    edges: &[Vec<u32>],
    budget: &mut Budget,
) -> Result<Result<(), Vec<u32>>, Spent> {
    let mut waits = vec![0_u32; items.len()];
    for &to in edges.iter().flatten() {
        waits[to as usize] += 1;
    }
    let states = models.iter().map(|&model| States::new(history, model)).collect();
    let ready = (0..items.len() as u32).filter(|&at| waits[at as usize] == 0).collect();
    let left = items.iter().filter(|item| item.operation.status != Status::Unknown).count();
    let done = vec![0; items.len().div_ceil(64)];
    let now = vec![0; models.len()];
    let mut search = Serial {
        items,
        edges,
        states,
        states_bytes: 0,
        now,
        waits,
        ready,
        done,
        low: 0,
        left,
        stack: Vec::new(),
        seen: Seen::default(),
        longest: Vec::new(),
    };
    search.run(budget)
}

struct Frame {
    taken: u32,
    state: u64,
    low: usize,
    forced: bool,
}

struct Serial<'a> {
    items: &'a [Item],
    edges: &'a [Vec<u32>],
    states: Vec<States<'a>>,
    /// What is remembered of all states, in bytes.
    states_bytes: u64,
    now: Vec<u64>,
    waits: Vec<u32>,
    ready: BTreeSet<u32>,
    done: Vec<u64>,
    low: usize,
    /// Operations that must be explained and are not yet.
    left: usize,
    stack: Vec<Frame>,
    seen: Seen,
    longest: Vec<u32>,
}

impl Serial<'_> {
    fn run(&mut self, budget: &mut Budget) -> Result<Result<(), Vec<u32>>, Spent> {
        let mut resume: Option<u32> = None;
        'node: loop {
            if self.left == 0 {
                return Ok(Ok(()));
            }
            if resume.is_none() {
                let ready: Vec<u32> = self.ready.iter().copied().collect();
                if !budget.spend(ready.len() as u64 / READY_A_STEP) {
                    return Err(Spent::Steps);
                }
                for at in ready {
                    if !only_looks(&self.items[at as usize].operation) {
                        continue;
                    }
                    if !budget.spend(1) {
                        return Err(Spent::Steps);
                    }
                    if let Some(then) = self.step(at) {
                        self.take(at, then, true);
                        continue 'node;
                    }
                }
                if self.stack.len() > self.longest.len() {
                    self.longest = self.stack.iter().map(|frame| frame.taken).collect();
                }
            }
            let from = resume.take().map_or(0, |last| last + 1);
            let next: Vec<u32> = self.ready.range(from..).copied().collect();
            for at in next {
                let operation = &self.items[at as usize].operation;
                if only_looks(operation) {
                    continue;
                }
                if !budget.spend(1) {
                    return Err(Spent::Steps);
                }
                let Some(then) = self.step(at) else { continue };
                if operation.status == Status::Unknown && then == self.now[self.items[at as usize].key as usize] {
                    continue;
                }
                self.take(at, then, false);
                let (new, words) = self.remember();
                if !budget.spend(words / WORDS_A_STEP) {
                    return Err(Spent::Steps);
                }
                if !budget.affords(self.seen.bytes() + self.states_bytes) {
                    return Err(Spent::Memory);
                }
                if new {
                    continue 'node;
                }
                self.untake();
            }
            loop {
                let Some(frame) = self.untake() else { return Ok(Err(std::mem::take(&mut self.longest))) };
                if !frame.forced {
                    resume = Some(frame.taken);
                    break;
                }
            }
        }
    }

    fn step(&mut self, at: u32) -> Option<u64> {
        let item = &self.items[at as usize];
        let key = item.key as usize;
        let before = self.states[key].bytes();
        let then = self.states[key].step(self.now[key], &item.operation);
        self.states_bytes += self.states[key].bytes() - before;
        then
    }

    fn take(&mut self, at: u32, then: u64, forced: bool) {
        let item = &self.items[at as usize];
        let key = item.key as usize;
        self.stack.push(Frame { taken: at, state: self.now[key], low: self.low, forced });
        self.now[key] = then;
        self.left -= usize::from(item.operation.status != Status::Unknown);
        self.ready.remove(&at);
        self.done[at as usize / 64] |= 1 << (at % 64);
        while self.low < self.done.len() && self.done[self.low] == u64::MAX {
            self.low += 1;
        }
        for &to in &self.edges[at as usize] {
            self.waits[to as usize] -= 1;
            if self.waits[to as usize] == 0 {
                self.ready.insert(to);
            }
        }
    }

    fn untake(&mut self) -> Option<Frame> {
        let frame = self.stack.pop()?;
        let at = frame.taken;
        let item = &self.items[at as usize];
        self.now[item.key as usize] = frame.state;
        self.left += usize::from(item.operation.status != Status::Unknown);
        self.done[at as usize / 64] &= !(1 << (at % 64));
        self.low = frame.low;
        for &to in &self.edges[at as usize] {
            if self.waits[to as usize] == 0 {
                self.ready.remove(&to);
            }
            self.waits[to as usize] += 1;
        }
        self.ready.insert(at);
        Some(frame)
    }

    /// Whether nobody was here before, and how much it takes to know.
    fn remember(&mut self) -> (bool, u64) {
        let Serial { seen, now, done, low, .. } = self;
        let key = seen.key();
        key.extend_from_slice(now);
        key.push(*low as u64);
        let used = done.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
        if *low < used {
            key.extend_from_slice(&done[*low..used]);
        }
        let words = key.len() as u64;
        (seen.insert(), words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::verdict::Steps;
    use crate::engine::Instant;
    use crate::history::{Function, Invocation};

    /// So many writes, each by a client of its own, over so many keys: whether an order is found within these steps.
    fn ordered(writes: u64, keys: u64, steps: u64) -> bool {
        let mut history = History::new();
        let object = history.object("kv");
        for n in 0..writes {
            let (at, process, function) = (Instant(n), n as u32, Function::Write);
            let index =
                history.invoke(Invocation { at, process, object, key: n % keys, function, value: n + 1, expected: 0 });
            history.complete(index, Status::Ok, 0, Instant(n + 1));
        }
        let operations = history.operations().iter().enumerate();
        let items: Vec<Item> =
            operations.map(|(n, operation)| Item { operation: *operation, key: (n as u64 % keys) as u32 }).collect();
        let models = vec![Model::Register; keys as usize];
        let edges = vec![Vec::new(); items.len()];
        matches!(serialize(&history, &models, &items, &edges, &mut Budget::new(Steps(steps))), Ok(Ok(())))
    }

    #[test]
    fn what_is_remembered_of_many_keys_costs_many_steps() {
        assert!(ordered(2000, 10, 100_000));
        assert!(!ordered(2000, 2000, 100_000));
        assert!(ordered(2000, 2000, 1_000_000));
    }
}
