//! Linearizability of queues and growing sets whose values are distinct: sort and sweep.
//!
//! Sources: Henzinger, Sezgin, Vafeiadis, Aspect-oriented linearizability proofs, CONCUR 2013, for the queue's forbidden
//! patterns: a value dequeued that was not enqueued, or twice, or before; a enqueued before b, b dequeued, and a dequeued
//! after it or never; an empty dequeue during which the queue was never possibly empty. Empty dequeues cut the values
//! into those that came and went before and those that come after: what must be before grows until it is closed. A
//! dequeue of unknown outcome may have taken what is missing.
//!
//! Reads of a set that only grows form a chain by inclusion, which puts everything into layers: what the first read saw,
//! the first read, what the second saw beyond that, and so on. Both agree with brute force (`tests/oracle`).

use super::zones::Swept;
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation, Status};

/// One value of a queue.
#[derive(Clone, Copy, Debug)]
struct Value {
    value: u64,
    enqueue: OpIndex,
    dequeue: Option<OpIndex>,
}

/// Judges a queue of distinct values.
pub(super) fn queue(history: &History, operations: &[OpIndex]) -> Swept {
    let mut values: Vec<Value> = Vec::new();
    let mut taken: Vec<(u64, OpIndex)> = Vec::new();
    let mut empty: Vec<OpIndex> = Vec::new();
    let mut crashed: Vec<OpIndex> = Vec::new();
    for &index in operations {
        let operation = history.operation(index);
        match (operation.function, operation.status) {
            (Function::Enqueue, _) if operation.value == 0 => return Swept::Open,
            (Function::Enqueue, _) => values.push(Value { value: operation.value, enqueue: index, dequeue: None }),
            (Function::Dequeue, Status::Ok) if operation.result() == 0 => empty.push(index),
            (Function::Dequeue, Status::Ok) => taken.push((operation.result(), index)),
            (Function::Dequeue, _) => crashed.push(index),
            _ => return Swept::Open,
        }
    }
    values.sort_unstable_by_key(|value| value.value);
    taken.sort_unstable();
    if values.windows(2).any(|pair| pair[0].value == pair[1].value) {
        return Swept::Open;
    }
    for (at, &(value, dequeue)) in taken.iter().enumerate() {
        let Ok(place) = values.binary_search_by_key(&value, |value| value.value) else {
            return Swept::Conflict(vec![dequeue]);
        };
        let enqueue = values[place].enqueue;
        if let Some(&(_, first)) = at.checked_sub(1).map(|before| &taken[before]).filter(|(same, _)| *same == value) {
            return Swept::Conflict(sorted(vec![enqueue, first, dequeue]));
        }
        if history.operation(dequeue).precedes(history.operation(enqueue)) {
            return Swept::Conflict(sorted(vec![enqueue, dequeue]));
        }
        values[place].dequeue = Some(dequeue);
    }
    // An enqueue of unknown outcome whose value nobody saw need not have happened.
    values.retain(|value| value.dequeue.is_some() || history.operation(value.enqueue).status == Status::Ok);
    if let Some(few) = give_missing(history, &mut values, &crashed) {
        return Swept::Conflict(sorted(few));
    }
    if let Some(few) = out_of_order(history, &values) {
        return Swept::Conflict(sorted(few));
    }
    match never_empty(history, &values, &empty) {
        None => Swept::Holds,
        // They might have taken something else.
        Some(_) if !crashed.is_empty() => Swept::Open,
        Some(few) => Swept::Conflict(sorted(few)),
    }
}

/// Dequeues of unknown outcome may have taken what is missing. Whatever certainly came in before something that went out
/// must be gone by then, so it is given to one of them that had begun: the most urgent to the first. Nothing is the worse
/// for having been taken. What no dequeue is left for, with everything that is as urgent.
fn give_missing(history: &History, values: &mut [Value], crashed: &[OpIndex]) -> Option<Vec<OpIndex>> {
    if crashed.is_empty() {
        return None;
    }
    let operation = |index: OpIndex| history.operation(index);
    // The dequeues of values by when these had begun to come in, each with the earliest end from there on.
    let mut gone: Vec<(Instant, Instant, Value)> = values
        .iter()
        .filter_map(|value| Some((operation(value.enqueue).invoked, operation(value.dequeue?).completed, *value)))
        .collect();
    gone.sort_unstable_by_key(|&(invoked, ..)| invoked);
    for at in (1..gone.len()).rev() {
        if gone[at].1 < gone[at - 1].1 {
            (gone[at - 1].1, gone[at - 1].2) = (gone[at].1, gone[at].2);
        }
    }
    let mut missing: Vec<(Instant, Instant, usize)> = Vec::new();
    for (at, value) in values.iter().enumerate().filter(|(_, value)| value.dequeue.is_none()) {
        let enqueue = operation(value.enqueue);
        let later = gone.partition_point(|&(invoked, ..)| invoked <= enqueue.completed);
        let until = gone.get(later).map_or(Instant::NEVER, |&(_, until, _)| until);
        missing.push((until, enqueue.completed, at));
    }
    missing.sort_unstable();
    let mut by_invocation = crashed.to_vec();
    by_invocation.sort_unstable_by_key(|&index| (operation(index).invoked, index));
    for (place, &(until, _, at)) in missing.iter().enumerate() {
        match by_invocation.get(place) {
            Some(&dequeue) if operation(dequeue).invoked <= until => values[at].dequeue = Some(dequeue),
            _ if until == Instant::NEVER => break,
            _ => {
                let mut few: Vec<OpIndex> = by_invocation.iter().copied().take(place + 1).collect();
                for &(_, came, at) in &missing[..=place] {
                    few.push(values[at].enqueue);
                    let later = gone.partition_point(|&(invoked, ..)| invoked <= came);
                    few.extend(gone.get(later).into_iter().flat_map(|&(.., value)| [value.enqueue]));
                    few.extend(gone.get(later).and_then(|&(.., value)| value.dequeue));
                }
                return Some(few);
            }
        }
    }
    None
}

fn sorted(mut operations: Vec<OpIndex>) -> Vec<OpIndex> {
    operations.sort_unstable();
    operations.dedup();
    operations
}

/// A value that overtook another.
fn out_of_order(history: &History, values: &[Value]) -> Option<Vec<OpIndex>> {
    let operation = |index: OpIndex| history.operation(index);
    let mut by_end: Vec<&Value> = values.iter().collect();
    by_end.sort_unstable_by_key(|value| operation(value.enqueue).completed);
    let mut by_start: Vec<&Value> = values.iter().filter(|value| value.dequeue.is_some()).collect();
    by_start.sort_unstable_by_key(|value| operation(value.enqueue).invoked);
    // Of the values that were certainly enqueued before, the one that was dequeued last.
    let mut latest: Option<(Instant, &Value)> = None;
    let mut next = 0;
    for later in by_start {
        while let Some(&earlier) = by_end.get(next)
            && operation(earlier.enqueue).completed < operation(later.enqueue).invoked
        {
            next += 1;
            let leaves = earlier.dequeue.map_or(Instant::NEVER, |dequeue| operation(dequeue).invoked);
            if latest.is_none_or(|(last, _)| leaves > last) {
                latest = Some((leaves, earlier));
            }
        }
        if let (Some((leaves, earlier)), Some(dequeue)) = (latest, later.dequeue)
            && operation(dequeue).completed < leaves
        {
            let all = [Some(earlier.enqueue), earlier.dequeue, Some(later.enqueue), Some(dequeue)];
            return Some(all.into_iter().flatten().collect());
        }
    }
    None
}

/// An empty dequeue that some value, or a chain of values, leaves no moment for.
fn never_empty(history: &History, values: &[Value], empty: &[OpIndex]) -> Option<Vec<OpIndex>> {
    let operation = |index: OpIndex| history.operation(index);
    // Of each value when it has certainly begun to be somewhere, and until when it is certainly not through.
    let mut spans: Vec<(Instant, Instant, usize)> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let enqueue = operation(value.enqueue);
            match value.dequeue.map(operation) {
                None => (enqueue.completed, Instant::NEVER, at),
                Some(dequeue) => (enqueue.completed.min(dequeue.completed), enqueue.invoked.max(dequeue.invoked), at),
            }
        })
        .collect();
    spans.sort_unstable();
    // The longest of the first spans, and whose it is.
    let mut longest: Vec<(Instant, usize)> = Vec::with_capacity(spans.len());
    for &(_, until, at) in &spans {
        let best = longest.last().copied().filter(|&(last, _)| last >= until);
        longest.push(best.unwrap_or((until, at)));
    }
    for &index in empty {
        let dequeue = operation(index);
        let mut reached = dequeue.invoked;
        let mut chain = vec![index];
        loop {
            let begun = spans.partition_point(|&(from, ..)| from < reached);
            let Some(&(until, at)) = begun.checked_sub(1).and_then(|last| longest.get(last)) else { break };
            if until <= reached {
                break;
            }
            reached = until;
            chain.push(values[at].enqueue);
            chain.extend(values[at].dequeue);
            if reached > dequeue.completed {
                return Some(chain);
            }
        }
    }
    None
}

/// Judges a set to which distinct elements are added and which is read as a whole.
pub(super) fn growing_set(history: &History, operations: &[OpIndex]) -> Swept {
    let mut adds: Vec<(u64, OpIndex)> = Vec::new();
    let mut reads: Vec<(Vec<u64>, OpIndex)> = Vec::new();
    for &index in operations {
        let operation = history.operation(index);
        match operation.function {
            Function::SetAdd => adds.push((operation.value, index)),
            Function::SetScan => {
                let mut elements = history.list(operation.result()).to_vec();
                elements.sort_unstable();
                elements.dedup();
                reads.push((elements, index));
            }
            _ => return Swept::Open,
        }
    }
    adds.sort_unstable();
    if adds.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Swept::Open;
    }
    reads.sort_by(|a, b| a.0.len().cmp(&b.0.len()).then(a.0.cmp(&b.0)).then(a.1.cmp(&b.1)));
    // The first read of the chain that saw each add.
    let mut layer: Vec<Option<u32>> = vec![None; adds.len()];
    let mut seen = 0;
    let mut order = Layered::default();
    let mut start = 0;
    while start < reads.len() {
        let same = reads[start..].iter().take_while(|read| read.0 == reads[start].0).count();
        let (elements, read) = &reads[start];
        let mut new: Vec<OpIndex> = Vec::new();
        for element in elements {
            let Ok(place) = adds.binary_search_by_key(element, |&(value, _)| value) else {
                return Swept::Conflict(vec![*read]);
            };
            if layer[place].is_none() {
                layer[place] = Some(start as u32);
                new.push(adds[place].1);
            }
        }
        seen += new.len();
        if seen != elements.len() {
            // Somebody had seen an element that this read, which saw at least as many, did not.
            let missing = (0..adds.len()).find(|&place| {
                layer[place].is_some_and(|by| by < start as u32) && elements.binary_search(&adds[place].0).is_err()
            });
            let other = missing.and_then(|place| layer[place]).map_or(*read, |by| reads[by as usize].1);
            let mut few = vec![other, *read];
            few.extend(adds.iter().zip(&layer).filter(|(_, layer)| layer.is_some()).map(|(add, _)| add.1));
            return Swept::Conflict(sorted(few));
        }
        let reads = reads[start..start + same].iter().map(|read| read.1).collect();
        for next in [new, reads] {
            if let Some((early, late)) = order.add(history, next) {
                return conflict(history, &adds, early, late);
            }
        }
        start += same;
    }
    let unseen = adds.iter().zip(&layer).filter(|(_, layer)| layer.is_none()).map(|(add, _)| add.1);
    let unseen = unseen.filter(|&index| history.operation(index).status == Status::Ok).collect();
    match order.add(history, unseen) {
        Some((early, late)) => conflict(history, &adds, early, late),
        None => Swept::Holds,
    }
}

/// Two operations in the wrong order of layers, with what their reads need.
fn conflict(history: &History, adds: &[(u64, OpIndex)], early: OpIndex, late: OpIndex) -> Swept {
    let mut few = vec![early, late];
    for index in [early, late] {
        let operation: &Operation = history.operation(index);
        if operation.function == Function::SetScan {
            few.extend(history.list(operation.result()).iter().filter_map(|element| {
                adds.binary_search_by_key(element, |&(value, _)| value).ok().map(|place| adds[place].1)
            }));
        }
    }
    Swept::Conflict(sorted(few))
}

/// Operations in layers: everything of one layer before everything of the next.
#[derive(Default)]
struct Layered {
    /// The latest invocation so far.
    last: Option<(Instant, OpIndex)>,
}

impl Layered {
    /// Adds a layer. An operation of it that was over before an earlier layer's began, and that one.
    fn add(&mut self, history: &History, layer: Vec<OpIndex>) -> Option<(OpIndex, OpIndex)> {
        if let Some((invoked, last)) = self.last {
            let early = layer.iter().find(|&&index| history.operation(index).completed < invoked);
            if let Some(&early) = early {
                return Some((early, last));
            }
        }
        let last = layer.into_iter().map(|index| (history.operation(index).invoked, index)).max();
        self.last = self.last.max(last);
        None
    }
}
