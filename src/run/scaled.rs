//! What is measured of components whose replicas come and go.

use super::judge::Found;
use super::outcome::Outcome;
use super::statistics::{across, level, missing};
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
        Some(gauge) => level(gauge, &found.epochs, 1.0, stat, Dimension::COUNT),
        None => Ok(Measured::exact(component.hosts.len() as f64, Dimension::COUNT)),
    }
}

/// Whether it is asked of a component whose replicas come and go.
pub(super) fn is(outcome: &Outcome, found: &Found<'_>) -> bool {
    let component = outcome.plan.components.get(found.group_number);
    found.group.is_some() && found.member.is_none() && component.is_some_and(|component| component.scaling.is_some())
}

/// The share of workers that were busy: each replica counts for as long as it served, or finished what it had.
pub(super) fn utilisation(outcome: &Outcome, found: &Found<'_>, stat: Option<Stat>) -> Result<Measured, Missing> {
    let component = outcome.plan.components.get(found.group_number);
    let Some((group, component)) = found.group.zip(component) else {
        return missing("`utilization` is of a component");
    };
    let busy = |m: &MemberMeters| m.levels.busy.level(&found.epochs).mean().unwrap_or(0.0);
    let share = |busy: f64, capacity: f64| (capacity > 0.0).then(|| busy / capacity);
    if found.every {
        let each = group.members.iter().filter_map(|m| share(busy(m), component.capacity_of(group, m, &found.epochs)));
        return across(&each.collect::<Vec<f64>>(), stat, Dimension::SHARE, None);
    }
    if !matches!(stat, None | Some(Stat::Mean)) {
        return missing("the utilisation of a component that is scaled has a mean only");
    }
    let all = share(group.members.iter().map(busy).sum(), component.capacity(group, &found.epochs));
    across(&all.into_iter().collect::<Vec<f64>>(), None, Dimension::SHARE, None)
}
