//! From a history that cannot be explained to few operations of it that still cannot.
//!
//! Everything done here only takes constraints away, so what is left is a contradiction of the whole history too:
//! operations that only look are dropped; effects become optional, as if their outcome were unknown; optional effects
//! that nobody who is left could have seen are dropped. A value read is therefore never left without its write.

use super::model::{Model, only_looks};
use super::search::{Found, Stuck, search};
use super::verdict::{Budget, Steps};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation, Status};

/// What shrinking may cost: configurations visited over all attempts.
const SHRINKING: Steps = Steps(2_000_000);

/// A small history that cannot be explained.
#[derive(Debug)]
pub(super) struct Core {
    /// Positions in the history of what is left.
    pub(super) indices: Vec<OpIndex>,
    /// The operations as they count here: some are optional now.
    pub(super) operations: Vec<Operation>,
    /// Where the search for an order of them ends.
    pub(super) stuck: Stuck,
    /// Whether each single constraint was tried and is needed.
    pub(super) minimal: bool,
}

/// Shrinks a history that the search found no order for.
pub(super) fn shrink(history: &History, model: Model, indices: &[OpIndex], stuck: Stuck, allowed: Steps) -> Core {
    let culprit = history.operation(indices[stuck.culprit as usize]);
    let mut shrinker = Shrinker { history, model, budget: Budget::new(SHRINKING.min(allowed)), inconclusive: false };
    let whole = Core {
        indices: indices.to_vec(),
        operations: indices.iter().map(|&index| *history.operation(index)).collect(),
        stuck,
        minimal: false,
    };
    // The search stopped at the culprit's completion: nothing that began later matters.
    let deadline = culprit.completed;
    let mut core = shrinker.without(&whole, |_, operation| operation.invoked > deadline).unwrap_or(whole);
    let mut chunk = core.operations.len().div_ceil(2).max(1);
    loop {
        shrinker.inconclusive = false;
        let mut changed = false;
        let mut start = 0;
        while start < core.operations.len() {
            let range = start..start + chunk;
            match shrinker.without(&core, |at, _| range.contains(&at)) {
                Some(smaller) => {
                    changed = true;
                    // Relaxed operations may have stayed where they were.
                    if smaller.operations.len() == core.operations.len() {
                        start += chunk;
                    }
                    core = smaller;
                }
                None => start += chunk,
            }
        }
        if chunk == 1 && !changed {
            core.minimal = !shrinker.inconclusive;
            return core;
        }
        if !changed || chunk > 1 {
            chunk = chunk.div_ceil(2);
        }
    }
}

struct Shrinker<'a> {
    history: &'a History,
    model: Model,
    budget: Budget,
    inconclusive: bool,
}

impl Shrinker<'_> {
    /// The history with the constraints of chosen operations taken away, if it still cannot be explained.
    fn without(&mut self, core: &Core, choose: impl Fn(usize, &Operation) -> bool) -> Option<Core> {
        let mut kept: Vec<(OpIndex, Operation)> = Vec::with_capacity(core.operations.len());
        let mut changed = false;
        for (at, (&index, &operation)) in core.indices.iter().zip(&core.operations).enumerate() {
            if !choose(at, &operation) || operation.status == Status::Unknown {
                kept.push((index, operation));
            } else if only_looks(&operation) {
                changed = true;
            } else {
                changed = true;
                kept.push((index, Operation { status: Status::Unknown, completed: Instant::NEVER, ..operation }));
            }
        }
        if !changed {
            return None;
        }
        self.drop_unseen(&mut kept);
        let (indices, operations): (Vec<OpIndex>, Vec<Operation>) = kept.into_iter().unzip();
        match search(self.history, self.model, &operations, &mut self.budget) {
            Ok(Found::Stuck(stuck)) => Some(Core { indices, operations, stuck, minimal: false }),
            Ok(Found::Order(_)) => None,
            Err(_) => {
                self.inconclusive = true;
                None
            }
        }
    }

    /// Drops optional effects that no operation left could notice.
    fn drop_unseen(&self, kept: &mut Vec<(OpIndex, Operation)>) {
        let mut wanted: Vec<u64> = Vec::new();
        for (_, operation) in kept.iter().filter(|(_, operation)| operation.status != Status::Unknown) {
            match operation.function {
                // It wants any other value.
                Function::Cas if operation.status == Status::Refused => return,
                Function::Cas => wanted.push(operation.expected()),
                Function::Scan | Function::SetScan => wanted.extend_from_slice(self.history.list(operation.result())),
                Function::SetAdd | Function::SetContains => wanted.push(operation.value),
                Function::Read | Function::Dequeue => wanted.push(operation.result()),
                _ => {}
            }
        }
        loop {
            wanted.sort_unstable();
            wanted.dedup();
            let before = wanted.len();
            for (_, operation) in kept.iter() {
                if operation.function == Function::Cas
                    && wanted.binary_search(&operation.value).is_ok()
                    && wanted[..before].binary_search(&operation.expected()).is_err()
                {
                    wanted.push(operation.expected());
                    break;
                }
            }
            if wanted.len() == before {
                break;
            }
        }
        kept.retain(|(_, operation)| {
            let unknown = operation.status == Status::Unknown;
            let value = match (self.model, operation.function) {
                (Model::Register, Function::Write | Function::Cas)
                | (Model::List, Function::Append)
                | (Model::Set, Function::SetAdd | Function::SetRemove)
                | (Model::Queue, Function::Enqueue) => operation.value,
                (Model::List, Function::Write) if operation.value != 0 => operation.value,
                (Model::Register, Function::Delete) => 0,
                _ => return true,
            };
            !unknown || wanted.binary_search(&value).is_ok()
        });
    }
}
