//! Searches for the value at which a verdict flips, for `run` and `sweep`.

use std::sync::atomic::Ordering;

use super::run::{INTERRUPTED, ended};
use super::{Exit, err, load};
use crate::expect::Verdict;
use crate::run::{NoThreshold, Threshold, bisect, thresholds};
use crate::scenario::{Bisect, Plan};
use crate::spec::Sources;

/// Has every plan know the thresholds that its expectations ask for.
pub(super) fn fill_in(sources: &Sources, plans: &mut [Plan]) -> Result<(), Exit> {
    for plan in plans {
        let plan_at = |range: &Bisect, value: f64| plan_at(sources, range, value, &plan.variant, plan.seed.0);
        plan.thresholds = thresholds(plan, &plan_at, &go_on).map_err(stopped)?;
    }
    Ok(())
}

/// Searches in one variant under one seed.
pub(super) fn search(
    sources: &Sources,
    range: &Bisect,
    variant: &str,
    seed: u64,
) -> Result<Threshold, NoThreshold<Exit>> {
    bisect(range, &|value| plan_at(sources, range, value, variant, seed), &go_on)
}

fn go_on() -> bool {
    !INTERRUPTED.load(Ordering::Relaxed)
}

fn plan_at(sources: &Sources, range: &Bisect, value: f64, variant: &str, seed: u64) -> Result<Plan, Exit> {
    let there = sources.clone().with_set("--axis", format!("{}={}", range.path, quoted(&range.written(value))));
    let (plan, diagnostics) = load::plan(&there, Some(variant), Some(seed));
    plan.filter(|_| !diagnostics.has_errors()).ok_or_else(|| {
        load::complain(&diagnostics, &there);
        Exit::Usage
    })
}

/// A text stands in quotes, a number doesn't.
fn quoted(value: &str) -> String {
    if value.parse::<f64>().is_ok() { value.to_owned() } else { format!("\"{value}\"") }
}

/// Says what kept a search from its end.
fn stopped(why: NoThreshold<Exit>) -> Exit {
    match why {
        NoThreshold::Refused(exit) => exit,
        NoThreshold::Stopped(stopped) => ended(stopped, ""),
        NoThreshold::Same(_) | NoThreshold::Untold(..) => Exit::Inconclusive,
    }
}

/// Says why there is no threshold.
pub(super) fn failed(why: NoThreshold<Exit>, range: &Bisect) -> Exit {
    match &why {
        NoThreshold::Same(verdict) => {
            let (low, high) = (range.written(range.low), range.written(range.high));
            err(&format!(
                "{} {} at both ends of {}, {low} and {high}: nothing flips between them\n",
                range.until,
                if *verdict == Verdict::Holds { "holds" } else { "is violated" },
                range.path
            ));
        }
        NoThreshold::Untold(at, because) => {
            err(&format!("{} can't be told at {} = {}: {because}\n", range.until, range.path, range.written(*at)));
        }
        NoThreshold::Refused(_) | NoThreshold::Stopped(_) => {}
    }
    stopped(why)
}
