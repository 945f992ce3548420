//! Where a verdict flips: a scenario played at the two ends of a range, then in the middle of what is left, until both
//! ends of that are within a hundredth of each other, or neighbours if they are whole numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::judge::judge;
use super::outcome::{Stopped, play};
use crate::expect::ast::Metric;
use crate::expect::{Measured, Verdict};
use crate::scenario::{Bisect, Plan};

/// The value at which a verdict flips.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The expectation that flips.
    pub until: String,
    /// Up to here it has the one verdict, in the base unit of the range.
    pub below: f64,
    /// From here on the other.
    pub above: f64,
    /// Whether the expectation holds at the lower end.
    pub holds_below: bool,
    /// Every value that was tried, and whether the expectation held there, in the order of trying.
    pub tried: Vec<(f64, bool)>,
}

/// Why there is none.
#[derive(Clone, Debug)]
pub enum NoThreshold<E> {
    /// A run ended before its time.
    Stopped(Stopped),
    /// There is no plan at some value.
    Refused(E),
    /// The verdict is the same at both ends.
    Same(Verdict),
    /// At this value the expectation has no verdict, for a reason.
    Untold(f64, String),
}

/// What the expectations of a plan ask for by `threshold(sweep)`: the thresholds by the names of their sweeps. Where there
/// is none, it is left out, and the expectation is unknown. `plan_at` is the same variant under the same seed with a
/// path set to a value.
pub fn thresholds<E>(
    plan: &Plan,
    plan_at: &dyn Fn(&Bisect, f64) -> Result<Plan, E>,
    go_on: &dyn Fn() -> bool,
) -> Result<BTreeMap<String, Measured>, NoThreshold<E>> {
    let mut found = BTreeMap::new();
    for sweep in &plan.sweeps {
        let asks =
            |metric: &&Metric| metric.measure.as_deref() == Some("threshold") && metric.scope.to_string() == sweep.name;
        let mine = plan.expects.iter().filter(|e| e.only.is_empty() || e.only.contains(&plan.variant));
        let asked = mine.into_iter().any(|expect| expect.that.metrics().iter().any(asks));
        let Some(range) = sweep.bisect.as_ref().filter(|_| asked) else { continue };
        match bisect(range, &|value| plan_at(range, value), go_on) {
            Ok(threshold) => {
                found.insert(sweep.name.clone(), threshold.measured(range));
            }
            Err(NoThreshold::Same(_) | NoThreshold::Untold(..)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

/// How close the ends come, relative to the upper.
const CLOSE: f64 = 0.01;

/// Finds where the verdict of `range.until` flips. `plan_at` is the scenario with the path set to a value; `go_on` is
/// asked now and then, and may stop everything by saying `false`.
pub fn bisect<E>(
    range: &Bisect,
    plan_at: &dyn Fn(f64) -> Result<Plan, E>,
    go_on: &dyn Fn() -> bool,
) -> Result<Threshold, NoThreshold<E>> {
    let mut tried = Vec::new();
    let mut holds = |at: f64| -> Result<bool, NoThreshold<E>> {
        let mut plan = plan_at(at).map_err(NoThreshold::Refused)?;
        plan.expects.retain(|expect| expect.name == range.until);
        let outcome = play(&Arc::new(plan), &mut |_, _| go_on()).map_err(NoThreshold::Stopped)?;
        let judged = judge(&outcome, &[&outcome]);
        let Some(judged) = judged.first() else {
            return Err(NoThreshold::Untold(at, format!("{} is not judged in this variant", range.until)));
        };
        let holds = match judged.finding.verdict {
            Verdict::Holds => true,
            Verdict::Violated => false,
            _ => return Err(NoThreshold::Untold(at, judged.finding.sentence.clone())),
        };
        tried.push((at, holds));
        Ok(holds)
    };
    let (mut below, mut above) = (range.low, range.high);
    let holds_below = holds(below)?;
    if holds(above)? == holds_below {
        return Err(NoThreshold::Same(if holds_below { Verdict::Holds } else { Verdict::Violated }));
    }
    let whole = range.whole();
    while if whole { above - below > 1.0 } else { above - below > CLOSE * above.abs() } {
        let middle = (below + above) / 2.0;
        let middle = if whole { middle.floor() } else { middle };
        if holds(middle)? == holds_below {
            below = middle;
        } else {
            above = middle;
        }
    }
    Ok(Threshold { until: range.until.clone(), below, above, holds_below, tried })
}

impl Threshold {
    /// In the middle of what is left, or the first whole number with the new verdict; the error is that of a value that
    /// may be anywhere between the ends.
    pub fn measured(&self, range: &Bisect) -> Measured {
        let (scale, dimension) = range.measures();
        let whole = range.whole();
        let value = if whole { self.above } else { (self.below + self.above) / 2.0 };
        let spread = if whole { 0.0 } else { (self.above - self.below) / 12.0_f64.sqrt() };
        Measured {
            value: value * scale,
            dimension,
            standard_error: Some(spread * scale),
            samples: self.tried.len() as u64,
        }
    }
}
