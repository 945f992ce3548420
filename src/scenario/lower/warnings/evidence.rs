//! Numbers that would say little: of few operations, of a system that is still cold, of quorums that needn't meet.

use toml::de::{DeTable, DeValue};

use super::{at_path, value_place};
use crate::engine::{Instant, Span};
use crate::expect::Expected;
use crate::expect::ast::{Arg, Metric, Part, Phase, Stat, That, Within};
use crate::flow::Act;
use crate::protocol::Replication;
use crate::rpc::Consistency;
use crate::scenario::lower::head::Head;
use crate::scenario::lower::{Lowering, Site, after_windows};
use crate::scenario::plan::{ExpectPlan, FaultPlan, Kind};
use crate::spec::Diagnostic;
use crate::workload::{ClientsPlan, Pattern};

/// Operations below which a mean, a percentile or a share says little.
const FEW: f64 = 100.0;
/// Service times that a warm-up should last.
const WARM: f64 = 10.0;
/// Measures that are shares of operations.
const SHARES: &[&str] = &["availability", "error_ratio"];

/// From when to when.
type Stretch = (Instant, Instant);

impl Lowering<'_, '_> {
    pub(super) fn evidence(
        &self,
        tree: &DeTable<'_>,
        site: &Site<'_>,
        head: &Head,
        expects: &[&ExpectPlan],
        faults: &[FaultPlan],
    ) {
        self.cold(tree, site, head.warmup);
        for expect in expects.iter().filter(|expect| expect.expected == Expected::Holds) {
            self.quorums_that_miss(tree, site, expect);
            if expect.needs.is_empty() {
                self.few(tree, site, (head, faults), expect);
            }
        }
    }

    fn cold(&self, tree: &DeTable<'_>, site: &Site<'_>, warmup: Span) {
        let slowest = site.components.iter().filter_map(|component| {
            let laws = std::iter::once(&component.service.default).chain(component.service.by.iter().map(|(_, d)| d));
            let longest = laws.filter_map(|law| law.mean()).fold(0.0, f64::max) / component.station.speed;
            (longest > 0.0).then_some((longest, &component.name))
        });
        let slowest = slowest.fold(None, |most: Option<(f64, &String)>, this| match most {
            Some(most) if most.0 >= this.0 => Some(most),
            _ => Some(this),
        });
        let Some((longest, name)) = slowest.filter(|(longest, _)| warmup.0 as f64 <= WARM * longest) else { return };
        let Some(place) = at_path(tree, "warmup").filter(|_| !warmup.is_zero() && (warmup.0 as f64) < WARM * longest)
        else {
            return;
        };
        let visit = Span::from_nanos_f64(longest);
        self.warning(
            Diagnostic::warning(place, "the warm-up is over before queues have settled")
                .label(format!("less than ten visits of `{name}`, which take {visit} each"))
                .help(format!("make it `warmup = \"{}\"` or longer", Span(visit.0.saturating_mul(10)))),
        );
    }

    /// A read that asks `r` and a write that waits for `w` of `n` may have no replica in common.
    fn quorums_that_miss(&self, tree: &DeTable<'_>, site: &Site<'_>, expect: &ExpectPlan) {
        let names = |part: &Part| if let Part::Name(name) = part { Some(name.clone()) } else { None };
        let name = match &expect.that {
            That::Property(property) if property.name == "linearizable" => {
                property.args.iter().find_map(|(arg, _)| if let Arg::Part(part) = arg { names(part) } else { None })
            }
            That::Label { label, word, .. } if label.name == "strongest" && word == "linearizable" => {
                label.scope.parts.iter().find_map(|(part, _)| names(part))
            }
            _ => None,
        };
        let Some(store) = name.and_then(|name| site.components.iter().find(|c| c.name == name)) else { return };
        let Kind::Store(Some(Replication::Quorum(spec))) = &store.kind else { return };
        let replicas = store.hosts.len() as u32;
        if spec.r + spec.w > replicas || asks_for_more(site) {
            return;
        }
        let Some(place) = value_place(tree, "expect", &expect.name, "that") else { return };
        let message = format!("`{}` isn't linearizable by design: r + w = {}", store.name, spec.r + spec.w);
        self.warning(
            Diagnostic::warning(place, message)
                .label(format!("of {replicas} replicas a read may ask none that has the newest write"))
                .help("raise `r` or `w`, or expect the violation: `verdict = \"violated\"`"),
        );
    }

    fn few(&self, tree: &DeTable<'_>, site: &Site<'_>, (head, faults): (&Head, &[FaultPlan]), expect: &ExpectPlan) {
        let Some(place) = value_place(tree, "expect", &expect.name, "that") else { return };
        for metric in expect.that.metrics() {
            let shares = metric.measure.as_deref().is_some_and(|measure| SHARES.contains(&measure));
            let average = metric.measure.is_none() && matches!(metric.stat, Some(Stat::Mean | Stat::Percentile(_)));
            if !shares && !average || metric.variant.is_some() {
                continue;
            }
            let Some(stretches) = stretches(metric, expect, head, faults) else { continue };
            let Some(each) = operations(tree, site, metric, faults, &stretches) else { continue };
            let all = each * (head.seeds.1 - head.seeds.0 + 1) as f64;
            if all < FEW {
                let about = if all < 0.5 { "no operation".to_owned() } else { format!("about {all:.0} operations") };
                let place = place.start + metric.at.start..place.start + metric.at.end;
                self.warning(
                    Diagnostic::warning(place, format!("`{}` rests on {about}", expect.name))
                        .label("so few say little")
                        .help("take a longer phase, a higher rate, or more seeds: `seeds = \"1..=20\"`"),
                );
            }
        }
    }
}

/// Whether anybody says himself how many replicas he asks.
fn asks_for_more(site: &Site<'_>) -> bool {
    let flows =
        site.components.iter().filter_map(|c| if let Kind::Service(spec) = &c.kind { Some(spec) } else { None });
    let mut acts = flows.flat_map(|spec| &spec.flows).flat_map(|(_, flow)| &flow.code);
    site.clients.iter().any(|(population, _)| population.consistency != Consistency::Default)
        || acts.any(|act| matches!(act, Act::Call(call) if call.consistency.is_some()))
}

/// When a metric is measured. Of a fault that comes when a protocol is so far, nobody knows.
fn stretches(metric: &Metric, expect: &ExpectPlan, head: &Head, faults: &[FaultPlan]) -> Option<Vec<Stretch>> {
    let (warm, end) = (Instant::ZERO + head.warmup, head.end);
    let fault = |name: &str| faults.iter().find(|fault| fault.name == name);
    let named = metric.scope.parts.iter().find_map(|(part, _)| match part {
        Part::Name(name) if fault(name).is_some() => Some(Phase::During(name.clone())),
        _ => None,
    });
    if let Some(Within::After { delay, fault: name, .. }) = &expect.within {
        let windows = after_windows(Span::from_nanos_f64(delay.value * 1e9), fault(name)?, faults, end);
        return Some(windows.into_iter().map(|window| (window.start, window.end)).collect());
    }
    let phase = metric.scope.phase().cloned().or(named).or_else(|| expect.during.clone());
    let stretch = match phase {
        None => (warm, end),
        Some(Phase::All) => (Instant::ZERO, end),
        Some(Phase::Steady) => (warm, faults.iter().filter_map(|f| f.span().map(|s| s.0)).min().unwrap_or(end)),
        Some(Phase::During(name)) => fault(&name)?.span()?,
        Some(Phase::Before(name)) => (warm, fault(&name)?.span()?.0),
        Some(Phase::After(name)) => (fault(&name)?.span()?.1, end),
        Some(Phase::Window(from, to)) => {
            let at = |seconds: f64| Instant((seconds * 1e9).max(0.0) as u64);
            (at(from.value), at(to.value).min(end))
        }
    };
    (stretch.0 < stretch.1).then(|| vec![stretch])
}

/// How many operations of those clients begin then; `None` if it isn't them alone that are measured, or a fault changes
/// how much they ask.
fn operations(
    tree: &DeTable<'_>,
    site: &Site<'_>,
    metric: &Metric,
    faults: &[FaultPlan],
    stretches: &[Stretch],
) -> Option<f64> {
    let (mut groups, mut entries) = (Vec::new(), Vec::new());
    for (part, _) in &metric.scope.parts {
        let name = match part {
            Part::Name(name) => name,
            Part::Phase(_) => continue,
            _ => return None,
        };
        if faults.iter().any(|fault| fault.name == *name) {
            continue;
        }
        let is_group = site.clients.iter().any(|(population, _)| population.name == *name);
        let is_entry = site.clients.iter().any(|(population, _)| population.mix.iter().any(|m| m.name == *name));
        match (is_group, is_entry) {
            (true, _) => groups.push(name),
            (_, true) => entries.push(name),
            _ => return None,
        }
    }
    let asked = |population: &ClientsPlan| {
        let mix = population.mix.iter().filter(|entry| entries.is_empty() || entries.contains(&&entry.name));
        let share: f64 = mix.map(|entry| entry.share).sum();
        let each = |(from, to): &Stretch| share * at_most(population, *from, *to);
        stretches.iter().map(each).sum::<f64>()
    };
    let mut all = 0.0;
    for (population, _) in site.clients {
        if !groups.is_empty() && !groups.contains(&&population.name) {
            continue;
        }
        if is_driven(tree, &population.name) {
            return None;
        }
        all += asked(population);
    }
    (!groups.is_empty() || !entries.is_empty()).then_some(all)
}

/// Requests of a population: of a closed one, if it were answered at once.
fn at_most(population: &ClientsPlan, from: Instant, to: Instant) -> f64 {
    let seconds = (to - from).as_secs_f64();
    match &population.pattern {
        Pattern::Open { rate, requests, .. } => {
            rate.mean(from, to) * seconds * requests.mean().unwrap_or(f64::INFINITY).max(1.0)
        }
        Pattern::Closed { count, think } => match think.mean() {
            Some(think) if think > 0.0 => f64::from(*count) * seconds * 1e9 / think,
            _ => f64::INFINITY,
        },
    }
}

/// Whether a fault changes how much they ask.
fn is_driven(tree: &DeTable<'_>, clients: &str) -> bool {
    let faults = tree.get("fault").and_then(|faults| faults.get_ref().as_table());
    let path = format!("clients.{clients}.");
    faults.into_iter().flatten().any(|(_, fault)| {
        let load = fault.get_ref().get("load").is_some_and(|load| crate::scenario::tree::names(load, clients));
        let set = fault.get_ref().get("set").map(|set| set.get_ref());
        load || matches!(set, Some(DeValue::Table(set)) if set.keys().any(|key| key.get_ref().starts_with(&path)))
    })
}
