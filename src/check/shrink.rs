//! From a history that cannot be explained to few operations of it that still cannot.
//!
//! Everything done here only takes constraints away, so what is left is a contradiction of the whole history too:
//! operations that only look are dropped; effects become optional, as if their outcome were unknown; optional effects
//! that nobody who is left could have seen are dropped. A value read is therefore never left without its write.

use super::just_in_time::{Walked, walk};
use super::model::{Model, only_looks};
use super::search::{Found, Stuck, search};
use super::verdict::{Budget, Spent, Steps};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation, Status};

/// What shrinking may cost: configurations visited over all attempts.
const SHRINKING: Steps = Steps(2_000_000);

/// What looks for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finder {
    /// The search, which fits everything.
    Search,
    /// The walk over time, for registers; the search where that doesn't fit.
    Walk,
}

impl Finder {
    /// Looks for an order of operations of one object and key.
    pub(super) fn order(
        self,
        history: &History,
        model: Model,
        operations: &[Operation],
        budget: &mut Budget,
    ) -> Result<Found, Spent> {
        if self == Finder::Walk && model == Model::Register {
            match walk(operations, budget)? {
                Walked::Order => return Ok(Found::Order),
                Walked::Stuck(culprit, _, values) => {
                    let states = values.into_iter().map(|value| history.value_text(value)).collect();
                    return Ok(Found::Stuck(Stuck { culprit, prefix: Vec::new(), states }));
                }
                Walked::Unfit => {}
            }
        }
        search(history, model, operations, budget)
    }
}

/// From so many operations on, shrinking begins with one bold step.
const LARGE: usize = 256;

/// What one attempt may cost: most that take long would succeed in explaining.
const ATTEMPT: Steps = Steps(200_000);

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
pub(super) fn shrink(
    history: &History,
    model: Model,
    indices: &[OpIndex],
    stuck: Stuck,
    find: Finder,
    allowed: Steps,
) -> Core {
    let budget = Budget::new(SHRINKING.min(allowed));
    let mut shrinker = Shrinker { history, model, find, budget, inconclusive: false };
    let whole = Core {
        indices: indices.to_vec(),
        operations: indices.iter().map(|&index| *history.operation(index)).collect(),
        stuck,
        minimal: false,
    };
    let mut core = shrinker.cut(whole);
    // Almost everything can explain a refusal, so almost nothing could be left out beside one.
    if let Some(smaller) = shrinker.without(&core, |_, operation| operation.status == Status::Refused) {
        core = shrinker.cut(smaller);
    }
    for back in [0, 100, 1_000] {
        if let Some(smaller) = shrinker.recent(&core, back) {
            core = shrinker.cut(smaller);
            break;
        }
    }
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
                    core = shrinker.cut(smaller);
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
    find: Finder,
    budget: Budget,
    inconclusive: bool,
}

impl Shrinker<'_> {
    /// The history up to the culprit's completion: what began later is left out, what ended later may or may not have
    /// happened. No order explains even that, because linearizability is closed under prefixes.
    fn cut(&self, core: Core) -> Core {
        let Core { indices, operations, stuck, minimal } = core;
        let deadline = operations[stuck.culprit as usize].completed;
        let mut kept: Vec<(OpIndex, Operation)> = Vec::new();
        // Where each operation was before.
        let mut from: Vec<u32> = Vec::new();
        for (at, (index, mut operation)) in indices.into_iter().zip(operations).enumerate() {
            if operation.invoked > deadline || (operation.completed > deadline && only_looks(&operation)) {
                continue;
            }
            if operation.completed > deadline {
                operation = Operation { status: Status::Unknown, completed: Instant::NEVER, ..operation };
            }
            kept.push((index, operation));
            from.push(at as u32);
        }
        let seen = self.seen(&kept);
        let mut to = vec![None; from.last().map_or(0, |&last| last as usize + 1)];
        let left = from.iter().zip(&seen).filter(|&(_, &seen)| seen);
        for (next, (&at, _)) in left.enumerate() {
            to[at as usize] = Some(next as u32);
        }
        let mut each = seen.into_iter();
        kept.retain(|_| each.next().unwrap_or(true));
        let place = |at: u32| to.get(at as usize).copied().flatten();
        let stuck = Stuck {
            culprit: place(stuck.culprit).expect("the culprit completes by its own deadline"),
            prefix: stuck.prefix.into_iter().filter_map(place).collect(),
            states: stuck.states,
        };
        let (indices, operations) = kept.into_iter().unzip();
        Core { indices, operations, stuck, minimal }
    }

    /// The history with the constraints of all but the last operations taken away, and of those that wrote what the
    /// culprit wanted: that it is gone is mostly what is wrong. One step where many small ones would take long.
    fn recent(&mut self, core: &Core, back: usize) -> Option<Core> {
        let culprit = &core.operations[core.stuck.culprit as usize];
        let wanted = match culprit.function {
            Function::Read => culprit.result(),
            Function::Cas if culprit.status == Status::Ok => culprit.expected(),
            _ => return None,
        };
        if self.model != Model::Register || core.operations.len() < LARGE {
            return None;
        }
        let mut ends: Vec<Instant> = core.operations.iter().map(|operation| operation.completed).collect();
        ends.retain(|&end| end < culprit.invoked);
        ends.sort_unstable();
        let since = ends.len().checked_sub(back + 1).map_or(Instant::ZERO, |at| ends[at]);
        self.without(core, |_, operation| {
            let wrote = matches!(operation.function, Function::Write | Function::Cas) && operation.value == wanted;
            operation.completed < since && !wrote
        })
    }

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
        let mut seen = self.seen(&kept).into_iter();
        kept.retain(|_| seen.next().unwrap_or(true));
        let (indices, operations): (Vec<OpIndex>, Vec<Operation>) = kept.into_iter().unzip();
        let mut budget = Budget::new(ATTEMPT.min(self.budget.left()));
        let before = budget.left().0;
        let found = self.find.order(self.history, self.model, &operations, &mut budget);
        self.budget.spend(before - budget.left().0);
        match found {
            Ok(Found::Stuck(stuck)) => Some(Core { indices, operations, stuck, minimal: false }),
            Ok(Found::Order) => None,
            Err(_) => {
                self.inconclusive = true;
                None
            }
        }
    }

    /// Of each operation whether some operation left could notice that it is gone.
    fn seen(&self, kept: &[(OpIndex, Operation)]) -> Vec<bool> {
        let mut wanted: Vec<u64> = Vec::new();
        for (_, operation) in kept.iter().filter(|(_, operation)| operation.status != Status::Unknown) {
            match operation.function {
                // It wants any other value.
                Function::Cas if operation.status == Status::Refused => return vec![true; kept.len()],
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
        let notices = |(_, operation): &(OpIndex, Operation)| {
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
        };
        kept.iter().map(notices).collect()
    }
}
