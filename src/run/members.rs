//! What a group's members said about one another while it ran: how soon they noticed a fault, how their rumours spread.
//! Read off named points, which cost the members nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use super::consistency::statistic;
use super::judge::Found;
use super::outcome::Outcome;
use super::statistics::missing;
use crate::engine::{Instant, ProcessId, Span};
use crate::expect::ast::Stat;
use crate::expect::{Dimension, Measured, Missing};
use crate::metric::{Counter, EpochSet};
use crate::world::Acted;

/// Whether [`measure`] knows a measure.
pub(super) fn measures(name: &str) -> bool {
    matches!(name, "agreement_time" | "detection_time" | "messages" | "residue" | "spread_time")
}

/// A statistic of what a scope's members said.
pub(super) fn measure(
    outcome: &Outcome,
    found: &Found<'_>,
    measure: &str,
    stat: Option<Stat>,
) -> Result<Measured, Missing> {
    if let "detection_time" | "agreement_time" = measure {
        return match &found.fault {
            Some(fault) => noticed(outcome, fault, measure == "agreement_time", stat),
            None => missing(format!("`{measure}` is of a fault")),
        };
    }
    let component = found.group.filter(|_| found.group_number < outcome.plan.components.len());
    let Some(group) = component else { return missing(format!("`{measure}` is of a component")) };
    match measure {
        "spread_time" => spread_time(outcome, found.group_number, stat, &found.epochs),
        "residue" => residue(outcome, found.group_number, &found.epochs),
        _ => Ok(messages(&group.messages, stat, &found.epochs)),
    }
}

fn messages(counter: &Counter, stat: Option<Stat>, epochs: &EpochSet) -> Measured {
    let n = counter.count(epochs);
    let (value, dimension, standard_error) = match stat {
        Some(Stat::Rate) => (counter.rate_per_second(epochs), Dimension::RATE, counter.rate_standard_error(epochs)),
        _ => (n as f64, Dimension::COUNT, Some((n as f64).sqrt())),
    };
    Measured { value, dimension, standard_error, samples: n.max(1) }
}

/// The processes of a component, by its place in the plan.
pub(super) fn processes(outcome: &Outcome, component: usize) -> Range<u32> {
    let count = |c: &crate::scenario::ComponentPlan| c.hosts.len() as u32;
    let components = &outcome.plan.components;
    let first: u32 = components[..component].iter().map(count).sum();
    first..first + count(&components[component])
}

/// For each time that a fault hit a member of a cluster: from then until the first of the others, or the last of those
/// that stay up, holds it for dead. What isn't noticed before the next restart of the one who was hit gives no value.
fn noticed(outcome: &Outcome, fault: &str, all: bool, stat: Option<Stat>) -> Result<Measured, Missing> {
    let plan = &outcome.plan;
    let Some(number) = plan.faults.iter().position(|f| f.name == fault) else {
        return Err(Missing::Unknown(format!("no fault is called {fault}")));
    };
    let clusters: Vec<Range<u32>> = (0..plan.components.len())
        .filter(|c| plan.components[*c].kind.name() == "membership")
        .map(|c| processes(outcome, c))
        .collect();
    if clusters.is_empty() {
        return Err(Missing::Unknown("only members of a `membership` notice each other's faults".to_owned()));
    }
    let heard = notices(outcome, number, &clusters, &["member_dead"]);
    let took = heard.iter().filter_map(|(_, news)| match all {
        true => news.learnt.last().filter(|_| news.learnt.len() >= news.members),
        false => news.learnt.first(),
    });
    statistic(took.map(|span| span.as_secs_f64()).collect(), stat, Dimension::DURATION)
}

/// Something that members were to learn of, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How many could have learnt of it.
    pub members: usize,
    /// How long after it each of those who did learnt of it, ascending.
    pub learnt: Vec<Span>,
    /// How long it was true, or the run went on.
    pub watched: Span,
}

/// What members of one group learnt in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learning {
    /// The component.
    pub component: usize,
    /// The fault that they were to notice; none if it is rumours that they were to hear.
    pub fault: Option<String>,
    /// For each time, who suspected it or knew; empty if nobody only suspects.
    pub suspected: Vec<News>,
    /// For each time, who knew: heard the rumour, held the member for dead.
    pub known: Vec<News>,
}

/// What members of each group learnt after the warm-up: rumours; else of the first fault that made one of them silent,
/// of one that ends it rather than one that holds it up.
pub fn learning(outcome: &Outcome) -> Vec<Learning> {
    let plan = &outcome.plan;
    let groups = (0..plan.components.len()).filter(|c| plan.components[*c].kind.name() == "membership");
    groups.filter_map(|component| heard(outcome, component).or_else(|| deaths(outcome, component))).collect()
}

fn heard(outcome: &Outcome, component: usize) -> Option<Learning> {
    let epochs = outcome.meters.frame().epochs_in(Instant::ZERO + outcome.plan.warmup, outcome.plan.end);
    let members = processes(outcome, component).len();
    let news = |heard: &BTreeMap<ProcessId, Instant>| {
        let began = heard.values().min().copied()?;
        let mut learnt: Vec<Span> = heard.values().map(|at| at.since(began)).collect();
        learnt.sort_unstable();
        Some(News { members, learnt, watched: outcome.plan.end.since(began) })
    };
    let known: Vec<News> = rumours(outcome, component, &epochs).values().filter_map(news).collect();
    (!known.is_empty()).then(|| Learning { component, fault: None, suspected: Vec::new(), known })
}

fn deaths(outcome: &Outcome, component: usize) -> Option<Learning> {
    let cluster = [processes(outcome, component)];
    let hits = |act: &&Acted| starts(act.what) && act.hit.iter().any(|p| cluster[0].contains(&p.0));
    let ends = |act: &&Acted| matches!(act.what, "crash" | "power loss");
    let acted = || outcome.acted.iter().filter(hits);
    let fault = usize::from(acted().find(ends).or_else(|| acted().next())?.fault);
    let told = |points: &[&str]| -> Vec<News> {
        notices(outcome, fault, &cluster, points).into_iter().map(|(_, news)| news).collect()
    };
    let (known, sooner) = (told(&["member_dead"]), told(&["member_suspected", "member_dead"]));
    let suspected = if sooner == known { Vec::new() } else { sooner };
    let fault = Some(outcome.plan.faults.get(fault)?.name.clone());
    Some(Learning { component, fault, suspected, known })
}

/// For each member of these groups that a fault hit: who of the others that stay up passed one of these points about it,
/// until it was back or hit by something else.
fn notices(outcome: &Outcome, fault: usize, clusters: &[Range<u32>], points: &[&str]) -> Vec<(ProcessId, News)> {
    let mut all = Vec::new();
    for (i, act) in outcome.acted.iter().enumerate().filter(|(_, a)| usize::from(a.fault) == fault && starts(a.what)) {
        for hit in &act.hit {
            let Some(cluster) = clusters.iter().find(|c| c.contains(&hit.0)) else { continue };
            // Until it is back, or hit by something else.
            let later = outcome.acted[i + 1..].iter().find(|a| a.hit.contains(hit) && a.at > act.at);
            let until = later.map_or(outcome.plan.end, |a| a.at);
            let member = u64::from(hit.0 - cluster.start);
            let heard = outcome.points.iter().filter(|(at, by, point)| {
                (act.at..until).contains(at)
                    && cluster.contains(&by.0)
                    && !act.hit.contains(by)
                    && points.contains(&point.name)
                    && point.number == member
            });
            let mut first: BTreeMap<ProcessId, Instant> = BTreeMap::new();
            for (at, by, _) in heard {
                first.entry(*by).or_insert(*at);
            }
            let mut learnt: Vec<Span> = first.values().map(|at| at.since(act.at)).collect();
            learnt.sort_unstable();
            let members = cluster.len() - act.hit.iter().filter(|p| cluster.contains(&p.0)).count();
            all.push((*hit, News { members, learnt, watched: until.since(act.at) }));
        }
    }
    all
}

/// Whether this begins a fault that makes a member silent.
pub(super) fn starts(what: &str) -> bool {
    matches!(what, "crash" | "power loss" | "pause" | "cut")
}

/// A rumour: when it began, and when each member heard of it.
type Rumours = BTreeMap<u64, BTreeMap<ProcessId, Instant>>;

/// The rumours of a component that began in these epochs.
fn rumours(outcome: &Outcome, component: usize, epochs: &EpochSet) -> Rumours {
    let processes = processes(outcome, component);
    let frame = outcome.meters.frame();
    let mut rumours = Rumours::new();
    for (at, by, point) in &outcome.points {
        if point.name == "rumour_heard" && processes.contains(&by.0) {
            rumours.entry(point.number).or_default().entry(*by).or_insert(*at);
        }
    }
    let began = |heard: &BTreeMap<ProcessId, Instant>| heard.values().min().copied();
    rumours.retain(|_, heard| began(heard).is_some_and(|at| epochs.contains(frame.epoch_of(at))));
    rumours
}

/// From a rumour's first hearing to its last, of the rumours that reached everybody.
fn spread_time(
    outcome: &Outcome,
    component: usize,
    stat: Option<Stat>,
    epochs: &EpochSet,
) -> Result<Measured, Missing> {
    let everybody = processes(outcome, component).len();
    let mut times = Vec::new();
    for heard in rumours(outcome, component, epochs).values().filter(|heard| heard.len() == everybody) {
        if let (Some(first), Some(last)) = (heard.values().min(), heard.values().max()) {
            times.push(last.since(*first).as_secs_f64());
        }
    }
    statistic(times, stat, Dimension::DURATION)
}

/// The share of members that never heard a rumour, over rumours.
fn residue(outcome: &Outcome, component: usize, epochs: &EpochSet) -> Result<Measured, Missing> {
    let everybody = processes(outcome, component).len() as f64;
    let rumours = rumours(outcome, component, epochs);
    let shares = rumours.values().map(|heard| 1.0 - heard.len() as f64 / everybody).collect();
    let measured = statistic(shares, Some(Stat::Mean), Dimension::SHARE)?;
    Ok(Measured { standard_error: measured.standard_error.filter(|_| measured.samples > 1), ..measured })
}
