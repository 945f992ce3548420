//! Linearizability: one order of all operations that respects real time and explains every result.
//!
//! Sources: Herlihy and Wing, Linearizability, TOPLAS 12(3), 1990; Horn and Kroening, Faster linearizability checking
//! via P-compositionality, FORTE 2015. Linearizability is local, so each key of each object is judged by itself, and
//! each element of a set that nobody reads as a whole. The values decide which engine judges a key.

use super::describe;
use super::model::Model;
use super::search::{Found, Stuck, search};
use super::shrink::{Core, Finder, shrink};
use super::verdict::{Budget, Check, Evidence, REMEMBERED_BYTES_MAX, Spent, Steps, Verdict};
use super::view::View;
use super::zones::{Swept, sweep};
use crate::engine::Instant;
use crate::history::{Function, History, ObjectId, OpIndex, Operation, Status};

/// What the order before a contradiction may cost.
const EXPLAINING: Steps = Steps(200_000);
const EXPLAINING_BYTES: u64 = 64 << 20;

/// Which engine may judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The fastest that fits the values.
    #[default]
    Fastest,
    /// The search, which fits everything.
    Search,
}

/// Linearizability of one object or of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linearizable {
    /// The object; all objects if absent.
    pub object: Option<ObjectId>,
    /// Which engine may judge.
    pub engine: Engine,
}

impl Check for Linearizable {
    fn check(&self, history: &History, budget: Steps) -> Verdict {
        linearizable(&View::new(history, self.object), self.engine, budget)
    }
}

/// Whether one order of all operations of the view respects real time and explains every result.
pub fn linearizable(view: &View<'_>, engine: Engine, steps: Steps) -> Verdict {
    if view.observers() == 0 {
        return Verdict::vacuous("no completed operation says anything about the state");
    }
    let mut budget = Budget::new(steps);
    let (operations, keys) = view.by_key();
    let mut worst: Option<(Instant, Box<Evidence>)> = None;
    let mut open: Option<String> = None;
    for range in keys {
        let operations = &operations[range];
        let model = match view.model(operations) {
            Ok(model) => model,
            Err((first, second)) => {
                let key = describe::key(view.history, view.operation(operations[0]));
                let of = if key.is_empty() { String::new() } else { format!(" of {key}") };
                return Verdict::unknown(format!("no kind of object{of} has both {first} and {second}"));
            }
        };
        for part in parts(view, model, operations) {
            // Once something is wrong, only what went wrong earlier is of interest.
            let earliest = worst.as_ref().map_or(Instant::NEVER, |&(earliest, _)| earliest);
            match key_verdict(view, model, &part, engine, earliest, &mut budget) {
                Verdict::Violated(evidence) => {
                    let at = evidence.culprit.map_or(Instant::NEVER, |culprit| view.operation(culprit).completed);
                    if worst.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
                        worst = Some((at, evidence));
                    }
                }
                Verdict::Unknown(reason) => {
                    open.get_or_insert(reason.0);
                }
                Verdict::Holds | Verdict::Vacuous(_) => {}
            }
        }
    }
    match (worst, open) {
        (Some((_, evidence)), _) => Verdict::Violated(evidence),
        (None, Some(reason)) => Verdict::unknown(reason),
        (None, None) => Verdict::Holds,
    }
}

/// The operations of a key in parts that can be judged one by one.
fn parts(view: &View<'_>, model: Model, operations: &[OpIndex]) -> Vec<Vec<OpIndex>> {
    let whole = |&index: &OpIndex| view.operation(index).function == Function::SetScan;
    if model != Model::Set || operations.iter().any(whole) {
        return vec![operations.to_vec()];
    }
    let mut sorted = operations.to_vec();
    sorted.sort_by_key(|&index| view.operation(index).value);
    sorted.chunk_by(|&a, &b| view.operation(a).value == view.operation(b).value).map(<[OpIndex]>::to_vec).collect()
}

fn key_verdict(
    view: &View<'_>,
    model: Model,
    indices: &[OpIndex],
    engine: Engine,
    earliest: Instant,
    budget: &mut Budget,
) -> Verdict {
    let history = view.history;
    if engine == Engine::Fastest {
        match sweep(history, model, indices) {
            Swept::Holds => return Verdict::Holds,
            Swept::Conflict(few) => {
                // Few operations that contradict one another by themselves: the search tells how.
                match by_search(history, model, &few, budget, "zones", Instant::NEVER) {
                    Verdict::Holds => {}
                    Verdict::Unknown(_) => return contradiction(history, few),
                    verdict => return verdict,
                }
            }
            Swept::Open => {}
        }
    }
    let register = engine == Engine::Fastest && model == Model::Register;
    by_search(history, model, indices, budget, if register { "just in time" } else { "search" }, earliest)
}

/// Operations that contradict one another, too many of them to tell how.
fn contradiction(history: &History, operations: Vec<OpIndex>) -> Verdict {
    let culprit = operations.iter().copied().max_by_key(|&index| history.operation(index).invoked);
    Verdict::Violated(Box::new(Evidence {
        sentence: format!("no order explains these {} operations", operations.len()),
        operations,
        culprit,
        engine: "zones",
        ..Evidence::default()
    }))
}

/// Nothing is said of a violation that is not before the earliest that is known.
fn by_search(
    history: &History,
    model: Model,
    indices: &[OpIndex],
    budget: &mut Budget,
    engine: &'static str,
    earliest: Instant,
) -> Verdict {
    let operations: Vec<Operation> = indices.iter().map(|&index| *history.operation(index)).collect();
    let allowed = budget.left();
    let find = if engine == "just in time" { Finder::Walk } else { Finder::Search };
    let stuck = match find.order(history, model, &operations, budget) {
        Ok(Found::Order) => return Verdict::Holds,
        Ok(Found::Stuck(stuck)) => stuck,
        Err(why) => return Verdict::unknown(spent(history, &operations, allowed, why)),
    };
    // With a prefix the culprit is the first that nothing explains, and stays it whatever else is left out.
    let culprit = indices[stuck.culprit as usize];
    if !stuck.prefix.is_empty() && history.operation(culprit).completed >= earliest {
        return Verdict::Violated(Box::new(Evidence { culprit: Some(culprit), engine, ..Evidence::default() }));
    }
    let mut core = shrink(history, model, indices, stuck, find, Steps::DEFAULT);
    if let Some(stuck) = explained(history, model, &core) {
        core.stuck = stuck;
    }
    let culprit = core.indices[core.stuck.culprit as usize];
    let states = match core.stuck.states.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    };
    let label = describe::label(history, culprit);
    let why_not = match states.as_str() {
        "" => Vec::new(),
        states => vec![format!("the {} is then {states}, so \"{label}\" is not possible", model.noun())],
    };
    let mut operations = core.indices.clone();
    operations.sort_unstable();
    let relaxed =
        core.operations.iter().zip(&core.indices).filter(|(operation, _)| operation.status == Status::Unknown);
    let optional = relaxed.map(|(_, &index)| index).collect();
    Verdict::Violated(Box::new(Evidence {
        sentence: format!("no order explains {}", describe::name(history, culprit)),
        operations,
        optional,
        culprit: Some(culprit),
        prefix: core.stuck.prefix.iter().map(|&at| core.indices[at as usize]).collect(),
        why_not,
        minimal: core.minimal,
        engine,
        ..Evidence::default()
    }))
}

/// How far one order comes in what shrinking left, if the search can tell.
fn explained(history: &History, model: Model, core: &Core) -> Option<Stuck> {
    let stuck = |operations: &[Operation]| {
        let mut budget = Budget::new(EXPLAINING).remembering(EXPLAINING_BYTES);
        match search(history, model, operations, &mut budget) {
            Ok(Found::Stuck(stuck)) => Some(stuck),
            _ => None,
        }
    };
    let recorded = recorded(history, core);
    let told = (recorded != core.operations).then(|| stuck(&recorded)).flatten();
    if let Some(told) = told.filter(|told| told.culprit == core.stuck.culprit) {
        return Some(told);
    }
    // The walk doesn't say how far one order comes, nor does what passes over states that some read bars.
    let silent = core.stuck.prefix.is_empty() || matches!(model, Model::List | Model::Set);
    silent.then(|| stuck(&core.operations)).flatten()
}

/// What shrinking left, as it was recorded until the culprit completed. Shrinking forgets when an effect took place
/// where the contradiction doesn't need it; whoever reads an order expects the effect in its place.
fn recorded(history: &History, core: &Core) -> Vec<Operation> {
    let deadline = core.operations[core.stuck.culprit as usize].completed;
    let until = |index: &OpIndex| {
        let operation = *history.operation(*index);
        if operation.completed <= deadline {
            return operation;
        }
        Operation { status: Status::Unknown, completed: Instant::NEVER, ..operation }
    };
    core.indices.iter().map(until).collect()
}

/// Why a search gave up, and what would help.
fn spent(history: &History, operations: &[Operation], allowed: Steps, why: Spent) -> String {
    let unknown = operations.iter().filter(|operation| operation.status == Status::Unknown).count();
    let mut ends: Vec<(Instant, bool)> = operations
        .iter()
        .flat_map(|operation| [(operation.invoked, false), (operation.completed, true)])
        .filter(|&(at, _)| at != Instant::NEVER)
        .collect();
    ends.sort_unstable();
    let (mut busy, mut most) = (0_i64, 0);
    for (_, end) in ends {
        busy += if end { -1 } else { 1 };
        most = most.max(busy);
    }
    let key = operations.first().map_or(String::new(), |first| describe::key(history, first));
    let of = if key.is_empty() { String::new() } else { format!(" of {key}") };
    let what = match why {
        Spent::Steps => format!("{} configurations were visited", allowed.0),
        Spent::Memory => format!("{} MiB of configurations were remembered", REMEMBERED_BYTES_MAX >> 20),
    };
    format!(
        "{what} without an answer: {} operations{of}, up to {most} open at once, {unknown} of unknown outcome; distinct \
         values, fewer clients or fewer timeouts make it easier",
        operations.len()
    )
}
