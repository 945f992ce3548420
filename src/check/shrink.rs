//! From a history that cannot be explained to few operations of it that still cannot.
//!
//! Everything done here only takes constraints away, so what is left is a contradiction of the whole history too:
//! operations that only look are dropped; effects become optional, as if their outcome were unknown; optional effects
//! that nobody who is left could have seen are dropped. A value read is therefore never left without its write.

use super::just_in_time::{Walked, walk};
use super::model::{Model, only_looks};
use super::search::{Found, Stuck, refute};
use super::verdict::{Budget, Spent, Steps};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation, Status};

/// What shrinking may cost: configurations visited over all attempts.
const SHRINKING: Steps = Steps(500_000);

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
        refute(history, model, operations, budget)
    }
}

/// From so many operations on, shrinking begins with one bold step.
const LARGE: usize = 256;

/// What one attempt may cost: most that take long would succeed in explaining.
const ATTEMPT: Steps = Steps(50_000);
/// What one attempt may remember: making long lists takes time as well.
const ATTEMPT_BYTES: u64 = 64 << 20;
/// Bytes remembered that cost as much as a step.
const BYTES_A_STEP: u64 = 512;
/// Words of operations and of what was read that are looked over in the time of a step.
const WORDS_A_STEP: u64 = 64;

/// A small history that cannot be explained.
#[derive(Clone, Debug)]
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
    if matches!(model, Model::List | Model::Set) {
        core = shrinker.shortest(core);
    }
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
            if shrinker.budget.left() == Steps(0) {
                // What is left is a contradiction, though perhaps a larger one than need be.
                return core;
            }
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
        let constrains = |operation: &Operation| operation.status != Status::Unknown;
        if !core.operations.iter().enumerate().any(|(at, operation)| constrains(operation) && choose(at, operation)) {
            return None;
        }
        let mut kept: Vec<(OpIndex, Operation)> = Vec::with_capacity(core.operations.len());
        for (at, (&index, &operation)) in core.indices.iter().zip(&core.operations).enumerate() {
            if !choose(at, &operation) || operation.status == Status::Unknown {
                kept.push((index, operation));
            } else if !only_looks(&operation) {
                kept.push((index, Operation { status: Status::Unknown, completed: Instant::NEVER, ..operation }));
            }
        }
        let mut seen = self.seen(&kept).into_iter();
        kept.retain(|_| seen.next().unwrap_or(true));
        let (indices, operations): (Vec<OpIndex>, Vec<Operation>) = kept.into_iter().unzip();
        self.attempt(indices, operations)
    }

    /// These operations, if no order explains them. One budget is shared by all attempts.
    fn attempt(&mut self, indices: Vec<OpIndex>, operations: Vec<Operation>) -> Option<Core> {
        let words = |operation: &Operation| match operation.function {
            Function::Scan | Function::SetScan => self.history.list(operation.result()).len() as u64 + 8,
            _ => 8,
        };
        let looking = operations.iter().map(words).sum::<u64>() / WORDS_A_STEP;
        self.budget.spend(looking);
        let mut budget = Budget::new(ATTEMPT.min(self.budget.left())).remembering(ATTEMPT_BYTES);
        let before = budget.left().0;
        let found = self.find.order(self.history, self.model, &operations, &mut budget);
        self.budget.spend(before - budget.left().0 + budget.remembered_bytes() / BYTES_A_STEP);
        match found {
            Ok(Found::Stuck(stuck)) => Some(Core { indices, operations, stuck, minimal: false }),
            Ok(Found::Order) => None,
            Err(_) => {
                self.inconclusive = true;
                None
            }
        }
    }

    /// The shortest prefix that cannot be explained: what can't be explained until some completion can't be until a later
    /// one.
    fn shortest(&mut self, core: Core) -> Core {
        let mut ends: Vec<(Instant, u32)> = (0..core.operations.len() as u32)
            .map(|at| (core.operations[at as usize].completed, at))
            .filter(|&(completed, _)| completed != Instant::NEVER)
            .collect();
        ends.sort_unstable();
        let (mut low, mut high) = (0, ends.len() - 1);
        let mut best = core.clone();
        while low < high {
            let middle = low.midpoint(high);
            let stuck = Stuck { culprit: ends[middle].1, prefix: Vec::new(), states: Vec::new() };
            let prefix = self.cut(Core { stuck, ..core.clone() });
            match self.attempt(prefix.indices, prefix.operations) {
                Some(shorter) => {
                    high = middle;
                    best = self.cut(shorter);
                }
                None => low = middle + 1,
            }
        }
        best
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Invocation;

    /// Appends to a list or adds to a set in turn, each followed by a read of all; the last read misses the last three.
    fn lost(model: Model, elements: u64) -> History {
        let mut history = History::new();
        let object = history.object("it");
        let [change, look] = match model {
            Model::List => [Function::Append, Function::Scan],
            _ => [Function::SetAdd, Function::SetScan],
        };
        let mut clock = 0;
        for n in 1..=elements {
            for (function, value) in [(change, n), (look, 0)] {
                let (at, process) = (Instant(clock), (n % 8) as u32);
                let call = Invocation { at, process, object, key: 0, function, value, expected: 0 };
                let index = history.invoke(call);
                let seen: Vec<u64> = (1..=if n == elements { n - 3 } else { n }).collect();
                let result = if function == look { history.add_list(&seen) } else { 0 };
                // Changes overlap the read that follows and the change after that.
                clock += 10;
                history.complete(index, Status::Ok, result, Instant(clock + 4));
            }
        }
        history
    }

    #[test]
    fn shrinking_a_long_list_or_set_takes_few_steps() {
        for model in [Model::List, Model::Set] {
            let history = lost(model, 300);
            let mut budget = Budget::new(Steps(20_000));
            let found = Finder::Search.order(&history, model, history.operations(), &mut budget);
            let Ok(Found::Stuck(stuck)) = found else { panic!("{model:?}: {found:?}") };
            let indices: Vec<OpIndex> = (0..history.operations().len() as u32).map(OpIndex).collect();
            let core = shrink(&history, model, &indices, stuck, Finder::Search, Steps::DEFAULT);
            assert!(core.minimal, "{model:?}: the budget was spent");
            let known = core.operations.iter().filter(|operation| operation.status != Status::Unknown).count();
            assert!(known <= 4, "{model:?}: {known} operations are needed");
            let again = Finder::Search.order(&history, model, &core.operations, &mut Budget::new(Steps::DEFAULT));
            assert!(matches!(again, Ok(Found::Stuck(_))), "{model:?}: what is left can be explained");
        }
    }
}
