//! A scenario's variants under one or several seeds: all of them played, on all cores, and judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let mut outcomes: Vec<Outcome> =
        in_order(plans, |i, plan, wanted| play(&plan, &mut |at, events| wanted() && progress(i, at, events)))?;
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

/// Does all of this on all cores. The first in order that fails says why, whatever the number of threads: what comes after
/// a failure isn't begun, or hears that nobody wants it any more.
pub(super) fn in_order<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(usize, T, &(dyn Fn() -> bool + Sync)) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let failed = AtomicUsize::new(usize::MAX);
    let one = |(i, item): (usize, T)| {
        let wanted = || failed.load(Ordering::Relaxed) > i;
        let done = wanted().then(|| work(i, item, &wanted))?;
        if done.is_err() {
            failed.fetch_min(i, Ordering::Relaxed);
        }
        Some(done)
    };
    let done: Vec<Option<Result<R, E>>> = items.into_par_iter().enumerate().map(one).collect();
    // Whatever wasn't begun comes after a failure.
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn the_first_in_order_that_fails_says_why() {
        for _ in 0..20 {
            let failed =
                in_order((0..100).collect(), |_, item: u32, _| if item % 7 == 3 { Err(item) } else { Ok(item) });
            assert_eq!(failed, Err(3));
        }
        assert_eq!(in_order(vec![5, 6], |i, item: usize, _| Ok::<_, ()>(i + item)), Ok(vec![5, 7]));
    }

    #[test]
    fn what_comes_after_a_failure_is_told_that_nobody_wants_it() {
        let done = in_order(vec![false, true], |i, waits, wanted| {
            while waits && wanted() {
                std::thread::yield_now();
            }
            Err::<(), usize>(i)
        });
        assert_eq!(done, Err(0));
    }
}
