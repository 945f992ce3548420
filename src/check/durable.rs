//! What must be true of any store, whatever its consistency: nothing acknowledged is lost, nothing comes from nowhere,
//! nothing deleted comes back, and in the end all replicas agree.
//!
//! Final states are observations; without them the last reads stand for them: those invoked after everything that
//! changed the key was over. All four are scans. "Older" is by real time: one operation is over before the other begins.

use std::collections::{BTreeMap, BTreeSet};

use super::describe;
use super::merged::{Dropped, dropped};
use super::verdict::{Evidence, Verdict};
use super::view::View;
use crate::engine::{Instant, Span};
use crate::history::{Function, ObjectId, Observation, OpIndex, Operation, Status};

/// What a key was seen to hold.
struct Sight {
    /// When somebody could have seen it at the earliest.
    from: Instant,
    /// By which operation, or what a replica holds in the end.
    by: Result<OpIndex, u32>,
    /// Sorted.
    values: Vec<u64>,
}

/// The operations of one key, and what was seen of it.
struct Key<'a> {
    object: ObjectId,
    key: u64,
    operations: &'a [OpIndex],
    sights: Vec<Sight>,
}

/// Whether all replicas hold the same in the end. Values count as sets: replicas may list siblings in any order.
pub(super) fn converged(view: &View<'_>) -> Verdict {
    let object = view.object;
    let mut states: Vec<(ObjectId, u64, u32, Vec<u64>)> = Vec::new();
    for observation in view.history.observations() {
        if let Observation::FinalState { object: of, replica, key, values } = observation
            && object.is_none_or(|object| object == *of)
        {
            let mut values = values.clone();
            values.sort_unstable();
            states.push((*of, *key, *replica, values));
        }
    }
    if states.is_empty() {
        return Verdict::vacuous("no final state of any replica was recorded");
    }
    let mut replicas: Vec<(ObjectId, u32)> = states.iter().map(|&(object, _, replica, _)| (object, replica)).collect();
    replicas.sort_unstable();
    replicas.dedup();
    if replicas.chunk_by(|a, b| a.0 == b.0).all(|replicas| replicas.len() == 1) {
        return Verdict::vacuous("there is only one replica");
    }
    states.sort();
    let unsettled = view.unsettled();
    states.retain(|state| unsettled.binary_search(&(state.0, state.1)).is_err());
    if states.is_empty() {
        return Verdict::vacuous("every key was changed shortly before the end");
    }
    for key in states.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (object, name, first, values) = &key[0];
        let all = replicas.iter().filter(|replica| replica.0 == *object);
        for &(_, replica) in all {
            // A replica that says nothing of a key does not have it.
            let held = key.iter().find(|state| state.2 == replica).map_or(&[][..], |state| &state.3);
            if held != values.as_slice() {
                let show = |values: &[u64]| match values {
                    [] => "nothing".to_owned(),
                    values => describe::list(view.history, values),
                };
                return found(Evidence {
                    sentence: format!(
                        "in the end, replica {first} holds {} for key {name}, replica {replica} holds {}",
                        show(values),
                        show(held)
                    ),
                    minimal: true,
                    ..Evidence::default()
                });
            }
        }
    }
    Verdict::Holds
}

/// Whether every acknowledged write is still somewhere in the end, or was overwritten by one that was not over before it;
/// and whether none was dropped for one that it had never met, or taken back by whoever had acknowledged it.
pub(super) fn no_lost_acked_write(view: &View<'_>) -> Verdict {
    let mut judged = false;
    let mut first: Option<(Instant, Evidence)> = None;
    let unsettled = view.unsettled();
    let mut left_out = false;
    for_each_key(view, |key| {
        let last: Vec<&Sight> = last_sights(view, key);
        if last.is_empty() {
            return;
        }
        if unsettled.binary_search(&(key.object, key.key)).is_ok() {
            left_out = true;
            return;
        }
        for (write, gone) in lost(view, key, &last, &mut judged) {
            let operation = view.operation(write);
            if first.as_ref().is_none_or(|&(at, _)| operation.completed < at) {
                first = Some((operation.completed, lost_evidence(view, write, gone)));
            }
        }
    });
    for (write, replica) in rolled_back(view) {
        let operation = view.operation(write);
        if first.as_ref().is_none_or(|&(at, _)| operation.completed < at) {
            let evidence = Evidence {
                sentence: format!(
                    "{} was acknowledged, and replica {replica} took it back to follow another primary",
                    describe::name(view.history, write)
                ),
                operations: vec![write],
                culprit: Some(write),
                minimal: true,
                ..Evidence::default()
            };
            first = Some((operation.completed, evidence));
        }
    }
    for drop in dropped(view) {
        let operation = view.operation(drop.write);
        if first.as_ref().is_none_or(|&(at, _)| operation.completed < at) {
            first = Some((operation.completed, drop_evidence(view, drop)));
        }
    }
    match (first, judged) {
        (Some((_, evidence)), _) => found(evidence),
        (None, true) => Verdict::Holds,
        (None, false) if changes_are_alike(view) => Verdict::vacuous(
            "what is left of a counter or a queue does not tell one change from another; ask for linearizable",
        ),
        (None, false) if left_out => Verdict::vacuous(format!(
            "every key was written after {}, too shortly before the end to be judged by what is there then",
            Span(view.history.alone_since().0)
        )),
        (None, false) => Verdict::vacuous("nobody looked after the last acknowledged write"),
    }
}

/// Whether all that was acknowledged are additions to counters and entries of queues.
fn changes_are_alike(view: &View<'_>) -> bool {
    let changes = view.operations.iter().map(|&index| view.operation(index));
    let mut acknowledged = changes.filter(|o| o.status == Status::Ok && !o.function.is_read()).peekable();
    acknowledged.peek().is_some()
        && acknowledged.all(|o| matches!(o.function, Function::Add | Function::Enqueue | Function::Dequeue))
}

/// How many acknowledged writes are gone in the end; `None` if nobody can tell.
pub fn lost_writes(view: &View<'_>) -> Option<u64> {
    let mut judged = false;
    let mut gone: BTreeSet<OpIndex> = dropped(view).iter().map(|drop| drop.write).collect();
    gone.extend(rolled_back(view).iter().map(|(write, _)| *write));
    let unsettled = view.unsettled();
    for_each_key(view, |key| {
        let last = last_sights(view, key);
        if !last.is_empty() && unsettled.binary_search(&(key.object, key.key)).is_err() {
            gone.extend(lost(view, key, &last, &mut judged).iter().map(|(write, _)| *write));
        }
    });
    (judged || !gone.is_empty()).then_some(gone.len() as u64)
}

/// Whether everything that was read had been written by somebody before.
pub(super) fn no_phantom_value(view: &View<'_>) -> Verdict {
    let mut judged = false;
    let mut first: Option<(Instant, Evidence)> = None;
    for_each_key(view, |key| {
        // A counter shows sums, which nobody wrote.
        if key.operations.iter().any(|&index| view.operation(index).function == Function::Add) {
            return;
        }
        // Writes that failed tell what a value would be, but they wrote nothing.
        let mut written: Vec<(u64, Instant)> = Vec::new();
        for &index in key.operations {
            let operation = view.operation(index);
            for value in puts(view, operation) {
                written.push((value, operation.invoked));
            }
        }
        written.sort_unstable();
        for sight in &key.sights {
            let until = match sight.by {
                Ok(index) => view.operation(index).completed,
                Err(_) => Instant::NEVER,
            };
            judged = true;
            for &value in sight.values.iter().filter(|&&value| value != 0) {
                let at = written.partition_point(|&(known, _)| known < value);
                let earliest = written.get(at).filter(|&&(known, _)| known == value);
                let why = match earliest {
                    None => "nobody wrote",
                    Some(&(_, invoked)) if invoked > until => "nobody had written yet",
                    Some(_) => continue,
                };
                if first.as_ref().is_some_and(|&(at, _)| at <= until) {
                    continue;
                }
                let value = view.history.value_text(value);
                let evidence = match sight.by {
                    Ok(index) => Evidence {
                        sentence: format!("{} returned {value}, which {why}", describe::name(view.history, index)),
                        operations: vec![index],
                        culprit: Some(index),
                        minimal: true,
                        ..Evidence::default()
                    },
                    Err(replica) => Evidence {
                        sentence: format!(
                            "in the end, replica {replica} holds {value} for key {}, which {why}",
                            key.key
                        ),
                        minimal: true,
                        ..Evidence::default()
                    },
                };
                first = Some((until, evidence));
            }
        }
    });
    match (first, judged) {
        (Some((_, evidence)), _) => found(evidence),
        (None, true) => Verdict::Holds,
        (None, false) if changes_are_alike(view) => {
            Verdict::vacuous("what a counter shows is a sum, which nobody wrote; ask for linearizable")
        }
        (None, false) => Verdict::vacuous("nothing was read"),
    }
}

/// Whether what was deleted stays deleted: nobody who looks after a delete sees what had been written before it.
pub(super) fn no_resurrection(view: &View<'_>) -> Verdict {
    let mut judged = false;
    let mut first: Option<(Instant, Evidence)> = None;
    for_each_key(view, |key| {
        let mut writes: Vec<(u64, OpIndex)> = Vec::new();
        let mut deletes: Vec<OpIndex> = Vec::new();
        for &index in key.operations {
            let operation = view.operation(index);
            if removes(operation) && operation.status == Status::Ok {
                deletes.push(index);
            }
            writes.extend(puts(view, operation).into_iter().map(|value| (value, index)));
        }
        if deletes.is_empty() {
            return;
        }
        judged = true;
        writes.sort_unstable();
        deletes.sort_by_key(|&index| view.operation(index).completed);
        for sight in &key.sights {
            for &value in sight.values.iter().filter(|&&value| value != 0) {
                let done = deletes.partition_point(|&index| view.operation(index).completed < sight.from);
                let of_value = |index: &&OpIndex| {
                    let delete = view.operation(**index);
                    delete.function == Function::Delete || delete.value == value
                };
                // The one that began last leaves the fewest excuses.
                let delete =
                    deletes[..done].iter().filter(of_value).max_by_key(|&&index| view.operation(index).invoked);
                let Some(&delete) = delete else { continue };
                let begin = writes.partition_point(|&(known, _)| known < value);
                let same = writes[begin..].iter().take_while(|&&(known, _)| known == value).map(|&(_, index)| index);
                let old = |index: OpIndex| view.operation(index).completed < view.operation(delete).invoked;
                let mut before = None;
                if !same.into_iter().all(|index| {
                    before = Some(index);
                    old(index)
                }) {
                    continue;
                }
                let Some(write) = before else { continue };
                if first.as_ref().is_some_and(|&(at, _)| at <= sight.from) {
                    continue;
                }
                let who = match sight.by {
                    Ok(index) => describe::name(view.history, index),
                    Err(replica) => format!("replica {replica}, in the end,"),
                };
                let mut operations: Vec<OpIndex> =
                    [Some(write), Some(delete), sight.by.ok()].into_iter().flatten().collect();
                operations.sort_unstable();
                let evidence = Evidence {
                    sentence: format!(
                        "{who} has {}, which {} had removed",
                        view.history.value_text(value),
                        describe::name(view.history, delete)
                    ),
                    operations,
                    culprit: sight.by.ok(),
                    minimal: true,
                    ..Evidence::default()
                };
                first = Some((sight.from, evidence));
            }
        }
    });
    match (first, judged) {
        (Some((_, evidence)), _) => found(evidence),
        (None, true) => Verdict::Holds,
        (None, false) => Verdict::vacuous("nothing was deleted"),
    }
}

fn found(evidence: Evidence) -> Verdict {
    Verdict::Violated(Box::new(Evidence { engine: "scan", ..evidence }))
}

/// Acknowledged writes that a replaced primary took back, with its number, unless somebody read the value later: it may
/// have been written again.
fn rolled_back(view: &View<'_>) -> Vec<(OpIndex, u32)> {
    let mut back: BTreeMap<(ObjectId, u64, u64), (Instant, u32)> = BTreeMap::new();
    for observation in view.history.observations() {
        if let Observation::RolledBack { at, object, replica, key, value } = *observation
            && view.object.is_none_or(|only| only == object)
        {
            back.insert((object, key, value), (at, replica));
        }
    }
    let mut writes = Vec::new();
    for_each_key(view, |key| {
        for &index in key.operations {
            let write = view.operation(index);
            if write.function != Function::Write || write.status != Status::Ok {
                continue;
            }
            let Some(&(at, replica)) = back.get(&(key.object, key.key, write.value)) else { continue };
            let seen = |sight: &Sight| sight.from > at && sight.values.contains(&write.value);
            if !key.sights.iter().any(seen) {
                writes.push((index, replica));
            }
        }
    });
    writes
}

fn drop_evidence(view: &View<'_>, drop: Dropped) -> Evidence {
    let mut operations = vec![drop.write, drop.kept];
    operations.sort_unstable();
    Evidence {
        sentence: format!(
            "{} was acknowledged, and replica {} dropped it for {}, which was acknowledged before the two had met",
            describe::name(view.history, drop.write),
            drop.replica,
            describe::name(view.history, drop.kept)
        ),
        operations,
        culprit: Some(drop.write),
        minimal: true,
        ..Evidence::default()
    }
}

fn lost_evidence(view: &View<'_>, write: OpIndex, gone: &Sight) -> Evidence {
    let name = describe::name(view.history, write);
    let mut operations: Vec<OpIndex> = [Some(write), gone.by.ok()].into_iter().flatten().collect();
    operations.sort_unstable();
    let holds = match gone.values.as_slice() {
        [] | [0] => "nothing".to_owned(),
        [one] => view.history.value_text(*one),
        many => describe::list(view.history, many),
    };
    Evidence {
        sentence: match gone.by {
            Ok(read) => format!("{name} was acknowledged, and {} does not see it", describe::name(view.history, read)),
            Err(replica) => format!("{name} was acknowledged, and in the end replica {replica} holds {holds}"),
        },
        operations,
        culprit: Some(write),
        minimal: true,
        ..Evidence::default()
    }
}

/// The values that an operation may have put there.
fn puts(view: &View<'_>, operation: &Operation) -> Vec<u64> {
    if matches!(operation.status, Status::Fail | Status::Refused) {
        return Vec::new();
    }
    match operation.function {
        Function::Write | Function::Cas | Function::Append | Function::SetAdd | Function::Enqueue => {
            vec![operation.value]
        }
        Function::WriteList | Function::AppendList => view.history.list(operation.value).to_vec(),
        _ => Vec::new(),
    }
}

fn removes(operation: &Operation) -> bool {
    matches!(operation.function, Function::Delete | Function::SetRemove)
}

/// Whether what an operation leaves hides what was there before.
fn overwrites(operation: &Operation) -> bool {
    matches!(operation.function, Function::Write | Function::Cas | Function::WriteList | Function::Delete)
}

fn for_each_key<'a>(view: &View<'a>, mut visit: impl FnMut(&Key<'_>)) {
    let history = view.history;
    let (sorted, ranges) = view.by_key();
    let mut finals: Vec<(ObjectId, u64, u32, &Vec<u64>)> = Vec::new();
    let mut replicas: Vec<(ObjectId, u32)> = Vec::new();
    for observation in history.observations() {
        if let Observation::FinalState { object, replica, key, values } = observation {
            finals.push((*object, *key, *replica, values));
            replicas.push((*object, *replica));
        }
    }
    finals.sort_unstable();
    replicas.sort_unstable();
    replicas.dedup();
    for range in ranges {
        let operations = &sorted[range];
        let Some(&first) = operations.first() else { continue };
        let (object, key) = (history.operation(first).object, history.operation(first).key);
        let mut sights = Vec::new();
        for &index in operations {
            let operation = history.operation(index);
            if operation.status != Status::Ok {
                continue;
            }
            let mut values = match operation.function {
                Function::Read | Function::Dequeue => vec![operation.result()],
                Function::Scan | Function::SetScan => history.list(operation.result()).to_vec(),
                Function::SetContains if operation.result() != 0 => vec![operation.value],
                Function::Cas => vec![operation.expected()],
                _ => continue,
            };
            values.sort_unstable();
            sights.push(Sight { from: operation.invoked, by: Ok(index), values });
        }
        let start = finals.partition_point(|state| (state.0, state.1) < (object, key));
        let of_key = finals[start..].iter().take_while(|state| (state.0, state.1) == (object, key));
        let states: Vec<(u32, &Vec<u64>)> = of_key.map(|state| (state.2, state.3)).collect();
        for &(_, replica) in replicas.iter().filter(|replica| replica.0 == object) {
            let state = states.iter().find(|state| state.0 == replica);
            let mut values = state.map_or(Vec::new(), |state| state.1.clone());
            values.sort_unstable();
            sights.push(Sight { from: Instant::NEVER, by: Err(replica), values });
        }
        visit(&Key { object, key, operations, sights });
    }
}

/// What was seen of a key when all was over: final states, or else the reads behind every change.
fn last_sights<'k>(view: &View<'_>, key: &'k Key<'_>) -> Vec<&'k Sight> {
    debug_assert!(key.operations.iter().all(|&index| view.operation(index).object == key.object));
    let finals: Vec<&Sight> = key.sights.iter().filter(|sight| sight.by.is_err()).collect();
    if !finals.is_empty() {
        return finals;
    }
    let changes = key
        .operations
        .iter()
        .map(|&index| view.operation(index))
        .filter(|operation| !operation.function.is_read() && operation.status == Status::Ok);
    let over = changes.map(|operation| operation.completed).max().unwrap_or(Instant::ZERO);
    let whole = |sight: &&Sight| {
        sight.from > over
            && sight.by.is_ok_and(|index| {
                matches!(view.operation(index).function, Function::Read | Function::Scan | Function::SetScan)
            })
    };
    // One look at the very end is enough.
    key.sights.iter().filter(whole).max_by_key(|sight| sight.from).into_iter().collect()
}

/// Acknowledged writes that nothing seen in the end accounts for, each with a place where it is missing.
fn lost<'k>(view: &View<'_>, key: &Key<'_>, last: &[&'k Sight], judged: &mut bool) -> Vec<(OpIndex, &'k Sight)> {
    // Who may have written what is there, and until when somebody may have hidden or removed what was there.
    let mut writers: Vec<(u64, OpIndex)> = Vec::new();
    let (mut hidden, mut emptied) = (Instant::ZERO, Instant::ZERO);
    let mut removed: BTreeMap<u64, Instant> = BTreeMap::new();
    for &index in key.operations {
        let operation = view.operation(index);
        writers.extend(puts(view, operation).into_iter().map(|value| (value, index)));
        if operation.status == Status::Refused {
            continue;
        }
        if overwrites(operation) {
            hidden = hidden.max(operation.completed);
        }
        match operation.function {
            Function::Delete => emptied = emptied.max(operation.completed),
            Function::SetRemove => {
                let until = removed.entry(operation.value).or_insert(Instant::ZERO);
                *until = (*until).max(operation.completed);
            }
            _ => {}
        }
    }
    writers.sort_unstable();
    let mut missing = Vec::new();
    for &index in key.operations {
        let write = view.operation(index);
        if write.status != Status::Ok || write.function == Function::Enqueue {
            continue;
        }
        let values = puts(view, write);
        if values.is_empty() {
            continue;
        }
        *judged = true;
        let replaces = overwrites(write);
        let there = |sight: &&Sight| {
            if values.iter().all(|value| sight.values.binary_search(value).is_ok()) {
                return true;
            }
            if replaces {
                // Something else that was not over before this write began.
                let newer = |value: &u64| {
                    let begin = writers.partition_point(|&(known, _)| known < *value);
                    let mut same = writers[begin..].iter().take_while(|&&(known, _)| known == *value);
                    same.any(|&(_, writer)| !view.operation(writer).precedes(write))
                };
                let gone = sight.values.iter().all(|&value| value == 0);
                return sight.values.iter().any(newer) || (gone && emptied >= write.invoked);
            }
            // An element: a later overwrite or removal excuses it.
            let gone = |value: &u64| removed.get(value).is_some_and(|&until| until >= write.invoked);
            hidden >= write.invoked || values.iter().any(gone)
        };
        // One replica that has it, or something newer, is enough: whether others catch up is a question of convergence.
        if let Some(sight) = last.first()
            && !last.iter().any(there)
        {
            missing.push((index, *sight));
        }
    }
    missing
}
