//! A scenario's variants under one or several seeds: all of them played, on all cores, and judged.

use std::sync::Arc;

use rayon::prelude::*;

use super::judge::{Judged, judge};
use super::outcome::{Outcome, Stopped, play};
use crate::engine::Instant;
use crate::scenario::Plan;

/// The run of one plan and what came of its expectations.
#[derive(Debug)]
pub struct Run {
    /// What was measured.
    pub outcome: Outcome,
    /// What was expected.
    pub judged: Vec<Judged>,
}

/// Told how far a run is: which plan of the list, virtual time, events. `false` stops everything.
pub type Progress<'a> = dyn Fn(usize, Instant, u64) -> bool + Sync + 'a;

/// Plays all plans, whatever the number of threads with the same results in the same order, and judges each beside the
/// others that have its seed.
pub fn play_all(plans: Vec<Plan>, progress: &Progress<'_>) -> Result<Vec<Run>, Stopped> {
    let plans: Vec<Arc<Plan>> = plans.into_iter().map(Arc::new).collect();
    let outcomes: Result<Vec<Outcome>, Stopped> =
        plans.par_iter().enumerate().map(|(i, plan)| play(plan, &mut |at, events| progress(i, at, events))).collect();
    let mut outcomes = outcomes?;
    outcomes.par_iter_mut().for_each(|outcome| outcome.broken.extend(super::classify::impossible(outcome)));
    let judged: Vec<Vec<Judged>> = outcomes
        .iter()
        .map(|outcome| {
            let others: Vec<&Outcome> = outcomes.iter().filter(|o| o.plan.seed == outcome.plan.seed).collect();
            judge(outcome, &others)
        })
        .collect();
    Ok(outcomes.into_iter().zip(judged).map(|(outcome, judged)| Run { outcome, judged }).collect())
}
