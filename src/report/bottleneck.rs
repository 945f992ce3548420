//! What limits a system: said only where utilisation, waiting or refused calls say so.

use super::number::{digits3, fmt_share};
use super::summary::Part;
use crate::engine::Instant;
use crate::metric::{ClassSet, EpochSet};
use crate::rpc::EdgeSpec;
use crate::run::Outcome;
use crate::world::MemberMeters;

/// From which share of busy workers on a component counts as saturated.
const SATURATED: f64 = 0.75;
/// From which share of refused calls on an edge counts as the limit.
const REFUSED: f64 = 0.005;
/// From which share of the users' mean latency on waiting at one component counts as the limit.
const WAITING: f64 = 0.25;

/// What limits the system of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// The component, if it is one.
    pub part: Option<usize>,
    /// For the line under the numbers: `pricing, 100 % busy, 4 840 waiting on average`.
    pub words: String,
    /// The same as a sentence of its own, with a full stop.
    pub sentence: String,
}

/// A stretch of the run that may be worse than the whole: a fault, or what follows it.
struct Stretch {
    name: String,
    epochs: EpochSet,
}

/// What limits the system: a component that is saturated, an edge that refuses calls, a queue in which requests spend
/// their time, in this order; else nothing, and then the busiest component is named as what it is.
pub fn bottleneck(outcome: &Outcome, parts: &[Part], mean_ns: Option<f64>) -> Bottleneck {
    let plan = &outcome.plan;
    let frame = outcome.meters.frame();
    let whole = Stretch { name: String::new(), epochs: frame.epochs_in(Instant::ZERO + plan.warmup, plan.end) };
    let mut stretches = vec![whole];
    for fault in plan.faults.iter().filter(|f| f.windows.len() <= 12) {
        if let Some((from, to)) = fault.span() {
            let epochs = frame.epochs_in(from, to.min(plan.end));
            stretches.push(Stretch { name: format!(" during {}", fault.name), epochs });
        }
    }
    stretches.retain(|s| frame.duration(&s.epochs).0 > 0);
    if let Some(found) = saturated(outcome, parts, &stretches) {
        return found;
    }
    if let Some(found) = refusing(outcome, &stretches) {
        return found;
    }
    if let Some(found) = waiting(outcome, parts, &stretches[..1.min(stretches.len())], mean_ns) {
        return found;
    }
    let busiest = parts.iter().max_by(|a, b| a.busiest.total_cmp(&b.busiest)).filter(|p| p.busiest > 0.0);
    match busiest {
        Some(part) => {
            let busy = told_busy(part.busiest, part.utilisation);
            Bottleneck {
                part: None,
                words: format!("none: the busiest is {}, {busy}", part.name),
                sentence: format!("Nothing is saturated; the busiest is {}, {busy}.", part.name),
            }
        }
        None => Bottleneck { part: None, words: "none".into(), sentence: "Nothing is saturated.".into() },
    }
}

/// How busy a component is. Members that are busy alike are told as one; else the mean, which the topology shows, stands
/// beside the busiest.
fn told_busy(busiest: f64, mean: f64) -> String {
    match busiest - mean < 0.01 {
        true => format!("{} busy", fmt_share(mean)),
        false => format!("its busiest replica {} busy, {} on average", fmt_share(busiest), fmt_share(mean)),
    }
}

/// Share of workers busy at the busiest member of a component.
fn busiest(outcome: &Outcome, part: usize, epochs: &EpochSet) -> f64 {
    let component = &outcome.plan.components[part];
    let busy = |m: &MemberMeters| m.levels.busy.level(epochs).mean().unwrap_or(0.0);
    let all = |m: &MemberMeters| component.capacity_of(m, epochs).max(f64::MIN_POSITIVE);
    outcome.meters.groups[part].members.iter().map(|m| busy(m) / all(m)).fold(0.0, f64::max)
}

/// Share of workers busy, over all members of a component.
fn mean_busy(outcome: &Outcome, part: usize, epochs: &EpochSet) -> f64 {
    let meters = &outcome.meters.groups[part];
    let busy: f64 = meters.members.iter().map(|m| m.levels.busy.level(epochs).mean().unwrap_or(0.0)).sum();
    busy / outcome.plan.components[part].capacity(meters, epochs).max(f64::MIN_POSITIVE)
}

fn saturated(outcome: &Outcome, parts: &[Part], stretches: &[Stretch]) -> Option<Bottleneck> {
    for stretch in stretches {
        let busy: Vec<f64> = (0..parts.len()).map(|i| busiest(outcome, i, &stretch.epochs)).collect();
        let (part, share) = busy.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        if share < SATURATED {
            continue;
        }
        let members = &outcome.meters.groups[part].members;
        let waiting: f64 = members.iter().map(|m| m.levels.waiting.level(&stretch.epochs).mean().unwrap_or(0.0)).sum();
        let (name, busy) = (&parts[part].name, told_busy(share, mean_busy(outcome, part, &stretch.epochs)));
        let queue = if waiting >= 0.005 { format!(", {} waiting on average", digits3(waiting)) } else { String::new() };
        return Some(Bottleneck {
            part: Some(part),
            words: format!("{name}, {busy}{queue}{}", stretch.name),
            sentence: format!("The bottleneck is {name}, {busy}{}.", stretch.name),
        });
    }
    None
}

fn refusing(outcome: &Outcome, stretches: &[Stretch]) -> Option<Bottleneck> {
    let share = |edge: usize, epochs: &EpochSet| {
        let meters = &outcome.meters.edges[edge];
        let calls = meters.calls.offered(epochs);
        if calls == 0 { 0.0 } else { meters.refused.count(epochs) as f64 / calls as f64 }
    };
    let all = (0..outcome.meters.edges.len()).flat_map(|e| stretches.iter().map(move |s| (e, s)));
    let (edge, stretch, worst) = all
        .map(|(e, s)| (e, s, share(e, &s.epochs)))
        .max_by(|a, b| a.2.total_cmp(&b.2))
        .filter(|(_, _, worst)| *worst >= REFUSED)?;
    let spec = &outcome.plan.edges[edge];
    // A retried call may be refused more than once.
    let refused = fmt_share(worst.min(1.0));
    let by = refuser(spec, &outcome.plan.edges);
    Some(Bottleneck {
        part: None,
        words: format!("{by} of {}, {refused} of its calls refused{}", spec.name, stretch.name),
        sentence: format!("The limit is {by} of {}: {refused} of its calls are refused{}.", spec.name, stretch.name),
    })
}

/// What refuses calls on an edge, by its policy.
fn refuser(edge: &EdgeSpec, edges: &[EdgeSpec]) -> String {
    let policy = &edge.policy;
    match (&policy.pool, policy.breaker.is_some(), policy.concurrency.is_some()) {
        (Some(pool), false, false) => {
            let owner = pool.same_as.and_then(|e| edges.get(e.index())).unwrap_or(edge);
            let slots = owner.policy.pool.as_ref().map_or(pool.size, |p| p.size);
            let shared = edges
                .iter()
                .any(|e| e.policy.pool.as_ref().and_then(|p| p.same_as).is_some_and(|o| edges[o.index()] == *owner));
            format!("the {}pool of {slots} slots", if shared { "shared " } else { "" })
        }
        (None, true, false) => "the breaker".into(),
        (None, false, true) => "the concurrency limit".into(),
        _ => "the client policy".into(),
    }
}

fn waiting(outcome: &Outcome, parts: &[Part], stretches: &[Stretch], mean_ns: Option<f64>) -> Option<Bottleneck> {
    let (epochs, mean_ns) = (&stretches.first()?.epochs, mean_ns.filter(|m| *m > 0.0)?);
    let wait = |i: usize| {
        let waits = &outcome.meters.groups[i].waits;
        waits.latencies(epochs, ClassSet::ALL).mean_ns().unwrap_or(0.0)
    };
    let (part, wait) = (0..parts.len()).map(|i| (i, wait(i))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let share = (wait / mean_ns).min(1.0);
    (share >= WAITING).then(|| {
        let (name, busy, share) =
            (&parts[part].name, told_busy(parts[part].busiest, parts[part].utilisation), fmt_share(share));
        Bottleneck {
            part: Some(part),
            words: format!("{name}, {busy}; waiting there is {share} of the mean latency"),
            sentence: format!("Requests mostly wait for {name}, {busy}: {share} of their time on average."),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::answer::plain;

    #[test]
    fn the_busiest_replica_is_not_taken_for_all() {
        assert_eq!(plain(&told_busy(0.919, 0.901)), "its busiest replica 91.9 % busy, 90.1 % on average");
        assert_eq!(plain(&told_busy(0.905, 0.901)), "90.1 % busy");
        assert_eq!(plain(&told_busy(1.0, 1.0)), "100 % busy");
    }
}
