//! Sequential consistency, causal memory and pipelined RAM: orders that time does not bind.
//!
//! Sources: Lamport, How to make a multiprocessor computer that correctly executes multiprocess programs, IEEE
//! Transactions on Computers 28(9), 1979; Ahamad, Neiger, Burns, Kohli, Hutto, Causal memory, Distributed Computing
//! 9(1), 1995; Lipton and Sandberg, PRAM, 1988. Sequential: one order of all operations. Causal and PRAM: for each
//! process one order of all writes and its own reads; causal keeps what reads of others carried from process to process,
//! PRAM only the order of each process. A compare-and-set of somebody else counts as a write. No property here is local:
//! keys are judged together.

use super::describe;
use super::known::{Known, Why, known};
use super::linearizable::{Engine, linearizable};
use super::model::{Model, only_looks};
use super::order::{Closed, Orders, WORDS_A_STEP, Whose};
use super::serial::{Item, serialize};
use super::verdict::{Budget, Evidence, REMEMBERED_BYTES_MAX, Spent, Steps, Verdict};
use super::view::View;
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation, Status};

/// The three models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weak {
    /// One order of all operations that keeps the order of each process.
    Sequential,
    /// Everybody sees causes before effects.
    Causal,
    /// Everybody sees each process's writes in its order.
    Pram,
}

/// Whether the view satisfies a model.
pub(super) fn weak(view: &View<'_>, model: Weak, engine: Engine, steps: Steps) -> Verdict {
    if view.observers() == 0 {
        return Verdict::vacuous("no completed operation says anything about the state");
    }
    // A step of these searches costs as much as some of the one over time.
    let mut budget = Budget::new(Steps(steps.0 / 20));
    // Real time contains the order of each process, unless one ends at the instant at which the next begins.
    if engine == Engine::Fastest && !has_ties(view) && linearizable_at_once(view, steps) {
        return Verdict::Holds;
    }
    let facts = match known(view) {
        Ok(facts) => Ok(facts),
        Err(Why::Phantom(read)) => return phantom(view, read),
        Err(Why::Ambiguous(reason)) => Err(reason),
    };
    match (facts, model) {
        (Ok(facts), Weak::Sequential) => sequential(view, &facts, &mut budget),
        (Ok(facts), Weak::Causal) => causal(view, &facts, &mut budget),
        (Ok(facts), Weak::Pram) => pram(view, &facts, &mut budget),
        (Err(_), Weak::Sequential) => by_search(view, None, None, &mut budget),
        (Err(_), Weak::Pram) => pram_by_search(view, &mut budget),
        (Err(reason), Weak::Causal) => between(view, &reason, &mut budget),
    }
}

/// Whether a process invokes at the very instant at which its last operation completed.
pub(super) fn has_ties(view: &View<'_>) -> bool {
    let mut ends: Vec<(u32, Instant, Instant)> = view
        .operations
        .iter()
        .map(|&index| view.operation(index))
        .map(|operation| (operation.process, operation.invoked, operation.completed))
        .collect();
    ends.sort_unstable();
    ends.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].2 != Instant::NEVER && pair[1].1 <= pair[0].2)
}

fn linearizable_at_once(view: &View<'_>, steps: Steps) -> bool {
    linearizable(view, Engine::Fastest, Steps(steps.0 / 8)) == Verdict::Holds
}

fn phantom(view: &View<'_>, read: OpIndex) -> Verdict {
    Verdict::Violated(Box::new(Evidence {
        sentence: format!("nobody wrote what {} returned", describe::name(view.history, read)),
        operations: vec![read],
        culprit: Some(read),
        minimal: true,
        engine: "scan",
        ..Evidence::default()
    }))
}

fn spent(why: Spent, doing: &str) -> Verdict {
    let what = match why {
        Spent::Steps => "the budget was spent".to_owned(),
        Spent::Memory => format!("{} MiB of configurations were remembered", REMEMBERED_BYTES_MAX >> 20),
    };
    Verdict::unknown(format!("{what} while {doing}; distinct values, fewer clients or fewer timeouts make it easier"))
}

fn sequential(view: &View<'_>, facts: &Known, budget: &mut Budget) -> Verdict {
    let orders = Orders::new(view.history, facts, true, budget);
    let closed = orders.and_then(|mut orders| Ok((orders.close(Whose::Everybody, budget)?, orders.edges())));
    match closed {
        Err(why) => spent(why, "looking for a circle"),
        Ok((Closed::Circle(evidence), _)) => Verdict::Violated(evidence),
        // Lists and sets have told everything that there is to know.
        Ok((Closed::Open, _)) if facts.grows.iter().all(Option::is_some) => Verdict::Holds,
        Ok((Closed::Open, edges)) => by_search(view, Some((facts, &edges)), None, budget),
    }
}

/// Whether each process can have seen all writes in some order that keeps causes before effects.
fn causal(view: &View<'_>, facts: &Known, budget: &mut Budget) -> Verdict {
    let mut orders = match Orders::new(view.history, facts, true, budget) {
        Ok(orders) => orders,
        Err(why) => return spent(why, "looking for circles"),
    };
    if at_most_half(budget, |half| in_one_order(view, facts, &mut orders, half)) {
        return Verdict::Holds;
    }
    each_process(view, facts, |process| orders.close(Whose::Causal(process), budget))
        .unwrap_or_else(|why| spent(why, "looking for circles"))
}

/// Whether one order explains everything: what is sequential is causal and PRAM, and one order for all may be found much
/// faster than one for each of thousands of processes. False if that takes more than the budget.
fn in_one_order(view: &View<'_>, facts: &Known, orders: &mut Orders<'_>, budget: &mut Budget) -> bool {
    match orders.close(Whose::Everybody, budget) {
        Ok(Closed::Open) if facts.grows.iter().all(Option::is_some) => true,
        Ok(Closed::Open) => {
            let edges = orders.edges();
            let Ok(question) = Question::new(view, Some((facts, &edges)), None) else { return false };
            matches!(question.answer(view.history, budget), Ok(Ok(())))
        }
        Ok(Closed::Circle(_)) | Err(_) => false,
    }
}

/// Tries something with half of the budget; what it leaves of that is given back.
fn at_most_half(budget: &mut Budget, attempt: impl FnOnce(&mut Budget) -> bool) -> bool {
    let half = budget.left().0 / 2;
    let mut allowed = Budget::new(Steps(half));
    let found = attempt(&mut allowed);
    budget.spend(half - allowed.left().0);
    found
}

/// Whether each process can have seen all writes in some order that keeps that of each process.
fn pram(view: &View<'_>, facts: &Known, budget: &mut Budget) -> Verdict {
    let one_order = |half: &mut Budget| {
        let orders = Orders::new(view.history, facts, true, half);
        orders.is_ok_and(|mut orders| in_one_order(view, facts, &mut orders, half))
    };
    if at_most_half(budget, one_order) {
        return Verdict::Holds;
    }
    // Of many processes with hardly an operation each, sorting out what each looked at is all the work.
    let sorting = facts.facts.len() as u64 / WORDS_A_STEP + 1;
    let closed = |process| {
        if !budget.spend(sorting) {
            return Err(Spent::Steps);
        }
        let looked_at = facts.looked_at_by(process);
        Orders::new(view.history, &looked_at, false, budget)?.close(Whose::Pram(process), budget)
    };
    each_process(view, facts, closed).unwrap_or_else(|why| spent(why, "looking for circles"))
}

fn each_process(
    view: &View<'_>,
    facts: &Known,
    mut close: impl FnMut(u32) -> Result<Closed, Spent>,
) -> Result<Verdict, Spent> {
    let mut processes: Vec<u32> = facts.facts.iter().map(|fact| fact.process).collect();
    processes.sort_unstable();
    processes.dedup();
    for process in processes {
        if let Closed::Circle(mut evidence) = close(process)? {
            evidence.sentence = format!(
                "process {} cannot have seen all writes in one order: {}",
                view.history.process_text(process),
                evidence.sentence
            );
            return Ok(Verdict::Violated(evidence));
        }
    }
    Ok(Verdict::Holds)
}

/// Where values don't tell who saw what: causal lies between sequential and PRAM.
fn between(view: &View<'_>, reason: &str, budget: &mut Budget) -> Verdict {
    match by_search(view, None, None, budget) {
        Verdict::Holds => return Verdict::Holds,
        Verdict::Unknown(reason) => return Verdict::Unknown(reason),
        _ => {}
    }
    match pram_by_search(view, budget) {
        Verdict::Holds => Verdict::unknown(format!("{reason}; it is PRAM but not sequential")),
        other => other,
    }
}

fn pram_by_search(view: &View<'_>, budget: &mut Budget) -> Verdict {
    let mut processes: Vec<u32> = view.operations.iter().map(|&index| view.operation(index).process).collect();
    processes.sort_unstable();
    processes.dedup();
    for process in processes {
        let verdict = by_search(view, None, Some(process), budget);
        if verdict != Verdict::Holds {
            return verdict;
        }
    }
    Verdict::Holds
}

/// What a search of one order is about: everything, or all writes and what one process saw.
struct Question {
    models: Vec<Model>,
    indices: Vec<OpIndex>,
    items: Vec<Item>,
    edges: Vec<Vec<u32>>,
}

impl Question {
    /// Where operations of one key don't go together, the verdict that says so.
    fn new(
        view: &View<'_>,
        closed: Option<(&Known, &[Vec<u32>])>,
        process: Option<u32>,
    ) -> Result<Question, Box<Verdict>> {
        let history = view.history;
        let (sorted, ranges) = view.by_key();
        let mut models = Vec::with_capacity(ranges.len());
        let mut key_of: Vec<u32> = vec![0; history.operations().len()];
        for (key, range) in ranges.into_iter().enumerate() {
            match view.model(&sorted[range.clone()]) {
                Ok(model) => models.push(model),
                Err((first, second)) => {
                    let reason = format!("no kind of object has both {first} and {second}");
                    return Err(Box::new(Verdict::unknown(reason)));
                }
            }
            for &index in &sorted[range] {
                key_of[index.index()] = key as u32;
            }
        }
        let mut indices: Vec<OpIndex> = match closed {
            Some((facts, _)) => facts.facts.iter().map(|fact| fact.index).collect(),
            None => view.operations.clone(),
        };
        let own = |operation: &Operation| process.is_none_or(|process| operation.process == process);
        indices.retain(|&index| own(view.operation(index)) || !only_looks(view.operation(index)));
        let item = |&index: &OpIndex| {
            let mut operation = *view.operation(index);
            // Whether it compared well is between it and the store.
            let foreign = process.is_some() && (!own(&operation) || operation.status == Status::Unknown);
            if foreign && operation.function == Function::Cas {
                operation = Operation { function: Function::Write, other: 0, ..operation };
            }
            Item { operation, key: key_of[index.index()] }
        };
        let items: Vec<Item> = indices.iter().map(item).collect();
        let edges = closed.map_or_else(|| by_process(&items), |(_, edges)| edges.to_vec());
        Ok(Question { models, indices, items, edges })
    }

    /// Whether there is such an order; the longest part of one if not.
    fn answer(&self, history: &History, budget: &mut Budget) -> Result<Result<(), Vec<u32>>, Spent> {
        serialize(history, &self.models, &self.items, &self.edges, budget)
    }
}

/// Searches one order: of everything, or of all writes and what one process saw.
fn by_search(
    view: &View<'_>,
    closed: Option<(&Known, &[Vec<u32>])>,
    process: Option<u32>,
    budget: &mut Budget,
) -> Verdict {
    let history = view.history;
    let question = match Question::new(view, closed, process) {
        Ok(question) => question,
        Err(verdict) => return *verdict,
    };
    let longest = match question.answer(history, budget) {
        Ok(Ok(())) => return Verdict::Holds,
        Ok(Err(longest)) => longest,
        Err(why) => return spent(why, "searching an order"),
    };
    let Question { models, mut indices, mut items, .. } = question;
    let minimal = shrink(view, &models, &mut indices, &mut items);
    let who = process.map_or("no order".to_owned(), |process| {
        format!("no order of all writes and what process {} saw", history.process_text(process))
    });
    let optional = |(_, item): &(&OpIndex, &Item)| item.operation.status == Status::Unknown;
    let optional = indices.iter().zip(&items).filter(optional).map(|(&index, _)| index).collect();
    indices.sort_unstable();
    Verdict::Violated(Box::new(Evidence {
        sentence: format!("{who} that keeps the order of each process explains every result"),
        operations: indices,
        optional,
        why_not: vec![format!("the longest order that could be built has {} operations", longest.len())],
        minimal,
        engine: "serial",
        ..Evidence::default()
    }))
}

/// Edges from each operation to the next ones of its process. An unknown outcome has none behind it.
fn by_process(items: &[Item]) -> Vec<Vec<u32>> {
    let mut edges = vec![Vec::new(); items.len()];
    let mut last: Vec<(u32, u32)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let process = item.operation.process;
        let known = item.operation.status != Status::Unknown;
        match last.binary_search_by_key(&process, |&(process, _)| process) {
            Ok(place) => {
                edges[last[place].1 as usize].push(at as u32);
                if known {
                    last[place].1 = at as u32;
                }
            }
            Err(place) if known => last.insert(place, (process, at as u32)),
            Err(_) => {}
        }
    }
    edges
}

// Attempts to leave something out, and what each may cost.
const ATTEMPTS: usize = 400;
const STEPS: Steps = Steps(20_000);

/// Leaves out what is not needed: operations that only look, and the duty of others to have happened.
fn shrink(view: &View<'_>, models: &[Model], indices: &mut Vec<OpIndex>, items: &mut Vec<Item>) -> bool {
    let mut attempts = 0;
    let mut chunk = items.len().div_ceil(2);
    loop {
        let (mut changed, mut sure) = (false, true);
        let mut start = 0;
        while start < items.len() {
            let end = (start + chunk).min(items.len());
            if items[start..end].iter().all(|item| item.operation.status == Status::Unknown) {
                start = end;
                continue;
            }
            attempts += 1;
            if attempts > ATTEMPTS {
                return false;
            }
            let mut fewer: Vec<(OpIndex, Item)> = Vec::with_capacity(items.len());
            for (at, (&index, &item)) in indices.iter().zip(items.iter()).enumerate() {
                if !(start..end).contains(&at) {
                    fewer.push((index, item));
                } else if !only_looks(&item.operation) {
                    let operation = Operation { status: Status::Unknown, completed: Instant::NEVER, ..item.operation };
                    fewer.push((index, Item { operation, ..item }));
                }
            }
            let (few_indices, few): (Vec<OpIndex>, Vec<Item>) = fewer.into_iter().unzip();
            let mut budget = Budget::new(STEPS);
            match serialize(view.history, models, &few, &by_process(&few), &mut budget) {
                Ok(Err(_)) => {
                    changed = true;
                    if few.len() == items.len() {
                        start = end;
                    }
                    (*indices, *items) = (few_indices, few);
                }
                Ok(Ok(())) => start = end,
                Err(_) => {
                    sure = false;
                    start = end;
                }
            }
        }
        if chunk == 1 && !changed {
            return sure;
        }
        chunk = chunk.div_ceil(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Invocation;

    /// Users who come once each and write or read one of a few registers, whose reads are a little late.
    fn crowd(users: u64) -> crate::history::History {
        let mut history = History::new();
        let object = history.object("kv");
        let mut last = [[0_u64; 2]; 4];
        for n in 0..users {
            let (key, writes) = (n % 4, n / 4 % 2 == 0);
            let (at, process) = (Instant(n * 10), n as u32);
            let function = if writes { Function::Write } else { Function::Read };
            let value = if writes { n + 1 } else { 0 };
            let index = history.invoke(Invocation { at, process, object, key, function, value, expected: 0 });
            let [old, new] = &mut last[key as usize];
            history.complete(index, Status::Ok, if writes { 0 } else { *old }, Instant(n * 10 + 5));
            if writes {
                (*old, *new) = (*new, value);
            }
        }
        history
    }

    #[test]
    fn users_who_come_once_are_causal_within_few_steps_and_never_beyond_the_budget() {
        let history = crowd(800);
        let view = View::new(&history, None);
        assert!(linearizable(&view, Engine::Fastest, Steps::DEFAULT).is_violated());
        let facts = known(&view).expect("values are distinct");
        for model in [causal, pram] {
            let mut budget = Budget::new(Steps(100_000));
            assert_eq!(model(&view, &facts, &mut budget), Verdict::Holds);
            let verdict = model(&view, &facts, &mut Budget::new(Steps(500)));
            assert!(matches!(&verdict, Verdict::Unknown(why) if why.0.contains("budget")), "{verdict:?}");
        }
    }
}
