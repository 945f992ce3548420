//! What limits a system: said only where utilisation, a queue that grows, refusals, a full pool or waiting say so.

use super::devices;
use super::number::{digits3, fmt_count, fmt_rate, fmt_share};
use super::summary::Part;
use crate::engine::Instant;
use crate::metric::{ClassSet, EpochSet, Gauge};
use crate::rpc::{EdgeSpec, Outcome as Ended};
use crate::run::Outcome;
use crate::world::{Level, MemberMeters};

/// From which share of its workers, its bandwidth or its time on something counts as saturated.
pub(super) const SATURATED: f64 = 0.75;
/// From which share of refused calls on, an edge or a component counts as the limit.
const REFUSED: f64 = 0.005;
/// A queue that ends with fewer is not called one that grows.
const GROWN: f64 = 10.0;
/// From which share of the users' mean latency on waiting at one component counts as the limit.
const WAITING: f64 = 0.25;

/// Below this share of its workers nobody waits for a worker.
const IDLE: f64 = 0.01;

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

/// A stretch of the run that may be worse than the whole: a fault.
pub(super) struct Stretch {
    name: String,
    pub(super) from: Instant,
    pub(super) to: Instant,
    epochs: EpochSet,
}

impl Bottleneck {
    /// Whether something was found that limits the system.
    pub fn limits(&self) -> bool {
        !self.sentence.starts_with(NOTHING_LIMITS)
    }

    fn of(part: Option<usize>, name: &str, words: &str, when: &str) -> Bottleneck {
        Bottleneck {
            part,
            words: format!("{name}, {words}{when}"),
            sentence: format!("The bottleneck is {name}, {words}{when}."),
        }
    }
}

const NOTHING_LIMITS: &str = "Nothing is saturated";

/// What limits the system: workers, a link or a disk that are saturated, a queue that grows, an edge or a component that
/// refuses, a pool without a free slot, a queue in which requests spend their time, a link or a disk that is full for a
/// while, in this order; else nothing, and then the busiest component is named as what it is.
pub fn bottleneck(outcome: &Outcome, parts: &[Part], mean_ns: Option<f64>) -> Bottleneck {
    let plan = &outcome.plan;
    let frame = outcome.meters.frame();
    let stretch =
        |name: String, from: Instant, to: Instant| Stretch { name, from, to, epochs: frame.epochs_in(from, to) };
    let mut stretches = vec![stretch(String::new(), Instant::ZERO + plan.warmup, plan.end)];
    for fault in plan.faults.iter().filter(|f| f.windows.len() <= 12) {
        if let Some((from, to)) = fault.span() {
            stretches.push(stretch(format!(" during {}", fault.name), from, to.min(plan.end)));
        }
    }
    stretches.retain(|s| frame.duration(&s.epochs).0 > 0);
    let whole = &stretches[..1.min(stretches.len())];
    saturated(outcome, parts, &stretches)
        .or_else(|| growing(outcome, parts))
        .or_else(|| refusing(outcome, &stretches))
        .or_else(|| shedding(outcome, parts, &stretches))
        .or_else(|| taken(outcome, &stretches))
        .or_else(|| waiting(outcome, parts, whole, mean_ns))
        .or_else(|| devices::full(outcome).map(|device| Bottleneck::of(None, &device.name, &device.words, "")))
        .unwrap_or_else(|| nothing(parts))
}

fn nothing(parts: &[Part]) -> Bottleneck {
    let busiest = parts.iter().max_by(|a, b| a.busiest.total_cmp(&b.busiest)).filter(|p| p.busiest > 0.0);
    match busiest {
        Some(part) => {
            let busy = told_busy(part.busiest, part.utilisation);
            Bottleneck {
                part: None,
                words: format!("none: the busiest is {}, {busy}", part.name),
                sentence: format!("{NOTHING_LIMITS}; the busiest is {}, {busy}.", part.name),
            }
        }
        None => Bottleneck { part: None, words: "none".into(), sentence: format!("{NOTHING_LIMITS}.") },
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
    let (component, meters) = (&outcome.plan.components[part], &outcome.meters.groups[part]);
    let busy = |m: &MemberMeters| m.levels.busy.level(epochs).mean().unwrap_or(0.0);
    let all = |m: &MemberMeters| component.capacity_of(meters, m, epochs).max(f64::MIN_POSITIVE);
    meters.members.iter().map(|m| busy(m) / all(m)).fold(0.0, f64::max)
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
        let most = busy.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        let device = devices::busiest(outcome, stretch).filter(|device| device.share >= SATURATED);
        if let Some(device) = device.filter(|device| most.is_none_or(|(_, share)| share < device.share)) {
            return Some(Bottleneck::of(None, &device.name, &device.words, &stretch.name));
        }
        let Some((part, share)) = most.filter(|(_, share)| *share >= SATURATED) else { continue };
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

/// A queue that is longer in each third of the run than in the one before, and ends longer than it ever is on average:
/// what comes in is more than what is taken out, whoever is to blame.
fn growing(outcome: &Outcome, parts: &[Part]) -> Option<Bottleneck> {
    let frame = outcome.meters.frame();
    let warm = frame.bin_of(Instant::ZERO + outcome.plan.warmup);
    let lengths = |gauge: &Gauge| gauge.bin_means().split_off(warm.min(frame.bins()));
    let of = |part: usize| {
        let meters = &outcome.meters.groups[part];
        let gauge = meters.levels.get(&Level::Backlog).or(meters.all_levels().map(|levels| &levels.waiting))?;
        let (by, end) = growth(&lengths(gauge), frame.bin().as_secs_f64())?;
        Some((part, by, end))
    };
    let (part, by, end) = (0..parts.len()).filter_map(of).max_by(|a, b| a.2.total_cmp(&b.2))?;
    let words = format!("whose queue grows by {}, to {} in the end", fmt_rate(by), fmt_count(end as u64));
    Some(Bottleneck::of(Some(part), &parts[part].name, &words, ""))
}

/// By how much a queue grows a second, and to what; nothing if it doesn't. `lengths` are means over bins.
fn growth(lengths: &[f64], bin_seconds: f64) -> Option<(f64, f64)> {
    let third = lengths.len() / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    if third == 0 {
        return None;
    }
    let [first, second, last] =
        [&lengths[..third], &lengths[third..2 * third], &lengths[lengths.len() - third..]].map(mean);
    let end = *lengths.last()?;
    let by = (last - first) / ((lengths.len() - third) as f64 * bin_seconds);
    (end >= GROWN && end > last && last > 1.25 * second && second > 1.25 * first).then_some((by, end))
}

/// The share of what a component is asked that it refuses itself: what it was refused by others is not its limit.
fn shedding(outcome: &Outcome, parts: &[Part], stretches: &[Stretch]) -> Option<Bottleneck> {
    let share = |part: usize, epochs: &EpochSet| {
        let visits = &outcome.meters.groups[part].visits;
        visits.share(epochs, ClassSet::of(&[Ended::Rejected as u8])).unwrap_or(0.0)
    };
    let own = |part: usize, epochs: &EpochSet| {
        let callees = outcome.plan.edges.iter().filter(|edge| edge.caller.index() == part);
        let theirs = callees.flat_map(|edge| edge.callees().map(|callee| callee.group.index()));
        let passed_on = theirs.filter(|callee| *callee < parts.len()).any(|callee| share(callee, epochs) >= REFUSED);
        if passed_on { 0.0 } else { share(part, epochs) }
    };
    let all = (0..parts.len()).flat_map(|part| stretches.iter().map(move |s| (part, s)));
    let (part, stretch, worst) = all
        .map(|(part, s)| (part, s, own(part, &s.epochs)))
        .max_by(|a, b| a.2.total_cmp(&b.2))
        .filter(|(.., worst)| *worst >= REFUSED)?;
    let words = format!("which refuses {} of what it is asked", fmt_share(worst));
    Some(Bottleneck::of(Some(part), &parts[part].name, &words, &stretch.name))
}

/// A pool of which nearly all slots are taken: further calls wait for one.
fn taken(outcome: &Outcome, stretches: &[Stretch]) -> Option<Bottleneck> {
    let plan = &outcome.plan;
    for stretch in stretches {
        let of = |number: usize| {
            let edge = &plan.edges[number];
            let pool = edge.policy.pool.as_ref().filter(|pool| pool.same_as.is_none())?;
            let shares = |(other, spec): &(usize, &EdgeSpec)| {
                let same = spec.policy.pool.as_ref().and_then(|p| p.same_as);
                *other == number || same.is_some_and(|owner| owner.index() == number)
            };
            let calls =
                plan.edges.iter().enumerate().filter(shares).map(|(other, _)| {
                    outcome.meters.edges[other].in_flight.level(&stretch.epochs).mean().unwrap_or(0.0)
                });
            let slots = f64::from(pool.size) * outcome.meters.groups[edge.caller.index()].members.len().max(1) as f64;
            let calls: f64 = calls.sum();
            Some((calls / slots.max(1.0), calls, slots, edge))
        };
        let fullest = (0..plan.edges.len()).filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, calls, slots, edge)) = fullest.filter(|(share, ..)| *share >= SATURATED) {
            let name = format!("{} of {}", refuser(edge, &plan.edges), edge.name);
            let words = format!("{} calls for {} slots on average", digits3(calls), fmt_count(slots as u64));
            return Some(Bottleneck::of(None, &name, &words, &stretch.name));
        }
    }
    None
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
        let (name, share) = (&parts[part].name, fmt_share(share));
        let busy = match parts[part].busiest < IDLE {
            // Its workers are not what they wait for.
            true => "which sleeps, is cut off or waits for others, its workers idle".to_owned(),
            false => told_busy(parts[part].busiest, parts[part].utilisation),
        };
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
    fn a_queue_grows_if_each_third_is_longer_than_the_one_before() {
        let grown: Vec<f64> = (0..300).map(|i| f64::from(i) * 2.0).collect();
        assert_eq!(growth(&grown, 0.5).map(|(by, end)| (by.round(), end)), Some((4.0, 598.0)));
        let level: Vec<f64> = (0..300).map(|i| 500.0 + f64::from(i % 7)).collect();
        let burst: Vec<f64> = (0..300_i32).map(|i| f64::from((150 - (i - 150).abs()).max(0))).collect();
        let few: Vec<f64> = (0..300).map(|i| f64::from(i) / 100.0).collect();
        for idle in [level, burst, few, Vec::new(), vec![1.0, 40.0]] {
            assert_eq!(growth(&idle, 0.5), None);
        }
    }

    #[test]
    fn the_busiest_replica_is_not_taken_for_all() {
        assert_eq!(plain(&told_busy(0.919, 0.901)), "its busiest replica 91.9 % busy, 90.1 % on average");
        assert_eq!(plain(&told_busy(0.905, 0.901)), "90.1 % busy");
        assert_eq!(plain(&told_busy(1.0, 1.0)), "100 % busy");
    }
}
