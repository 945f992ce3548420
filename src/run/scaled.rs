//! What is measured of components whose replicas come and go.

use super::judge::{Found, across, level, missing};
use super::outcome::Outcome;
use crate::expect::ast::Stat;
use crate::expect::{Dimension, Measured, Missing};
use crate::world::{Level, MemberMeters};

/// Replicas in their callers' choice; of a component that is not scaled, all of them.
pub(super) fn replicas(outcome: &Outcome, found: &Found<'_>, stat: Option<Stat>) -> Result<Measured, Missing> {
    let component = outcome.plan.components.get(found.group_number);
    let Some((group, component)) = found.group.zip(component) else {
        return missing("`replicas` is of a component");
    };
    match group.levels.get(&Level::Replicas) {
        Some(gauge) => level(&[gauge], &found.epochs, 1.0, stat, Dimension::COUNT),
        None => Ok(Measured::exact(component.hosts.len() as f64, Dimension::COUNT)),
    }
}

/// Whether it is asked of a component whose replicas come and go.
pub(super) fn is(outcome: &Outcome, found: &Found<'_>) -> bool {
    let component = outcome.plan.components.get(found.group_number);
    found.group.is_some() && found.member.is_none() && component.is_some_and(|component| component.scaling.is_some())
}

/// The share of workers that were busy: each replica counts for as long as it ran.
pub(super) fn utilisation(outcome: &Outcome, found: &Found<'_>, stat: Option<Stat>) -> Result<Measured, Missing> {
    let component = outcome.plan.components.get(found.group_number);
    let Some((group, component)) = found.group.zip(component) else {
        return missing("`utilization` is of a component");
    };
    let share = |of: &[MemberMeters]| {
        let capacity = component.capacity(of, &found.epochs);
        let busy: f64 = of.iter().map(|m| m.busy.level(&found.epochs).mean().unwrap_or(0.0)).sum();
        (capacity > 0.0).then(|| busy / capacity)
    };
    if found.every {
        let values: Vec<f64> = group.members.chunks(1).filter_map(share).collect();
        return across(&values, stat, Dimension::SHARE, None);
    }
    if !matches!(stat, None | Some(Stat::Mean)) {
        return missing("the utilisation of a component that is scaled has a mean only");
    }
    let values: Vec<f64> = share(&group.members).into_iter().collect();
    across(&values, None, Dimension::SHARE, None)
}
