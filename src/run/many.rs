//! Many seeds of one scenario: all of them judged, on all cores, and nothing kept of the measurements.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::judge::{Judged, judge};
use super::outcome::{Outcome, Stopped, play};
use super::session::in_order;
use crate::scenario::Plan;

/// What is kept of one run.
#[derive(Clone, Debug)]
pub struct Verdicts {
    /// The variant.
    pub variant: String,
    /// Hash of everything that happened.
    pub digest: u64,
    /// How many events there were.
    pub events: u64,
    /// Self-checks that failed: errors of ours.
    pub broken: Vec<String>,
    /// What was expected and what came of it.
    pub judged: Vec<Judged>,
}

/// All variants under one seed.
#[derive(Clone, Debug)]
pub struct Seeded {
    /// The seed.
    pub seed: u64,
    /// The variants, the base first.
    pub runs: Vec<Verdicts>,
}

/// Plays each seed and judges it; results come in the order of seeds, whatever the number of threads. `plans` gives the
/// variants under a seed; `go_on` is asked now and then, and may stop everything by saying `false`.
pub fn play_seeds<E: Send>(
    seeds: RangeInclusive<u64>,
    plans: &(dyn Fn(u64) -> Result<Vec<Plan>, E> + Sync),
    go_on: &(dyn Fn() -> bool + Sync),
    done: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Seeded>, ManyStopped<E>> {
    in_order(seeds.collect(), |_, seed, wanted| {
        let plans = plans(seed).map_err(ManyStopped::Refused)?;
        let mut outcomes: Vec<Outcome> = Vec::new();
        for plan in plans {
            let mut outcome = play(&Arc::new(plan), &mut |_, _| wanted() && go_on())
                .map_err(|stopped| ManyStopped::Stopped(seed, stopped))?;
            outcome.broken.extend(super::classify::impossible(&outcome));
            outcomes.push(outcome);
        }
        let all: Vec<&Outcome> = outcomes.iter().collect();
        let judged: Vec<Vec<Judged>> = outcomes.iter().map(|outcome| judge(outcome, &all)).collect();
        let runs = outcomes.into_iter().zip(judged).map(|(outcome, judged)| Verdicts {
            variant: outcome.plan.variant.clone(),
            digest: outcome.digest,
            events: outcome.events,
            broken: outcome.broken,
            judged,
        });
        let seeded = Seeded { seed, runs: runs.collect() };
        done(seed);
        Ok(seeded)
    })
}

/// Why not all seeds were played.
#[derive(Clone, Debug)]
pub enum ManyStopped<E> {
    /// A seed was not played to its end.
    Stopped(u64, Stopped),
    /// A seed has no plan.
    Refused(E),
}
