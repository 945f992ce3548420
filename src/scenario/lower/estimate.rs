//! How many events a run is going to take, before it is played.

use std::sync::Arc;

use crate::engine::{Instant, Span};
use crate::protocol::{Membership, Replication};
use crate::rpc::{Callee, EdgeSpec};
use crate::scenario::plan::{ComponentPlan, Kind};
use crate::workload::{ClientsPlan, Pattern};
use crate::world::HostSetup;

/// Events that the run is estimated to take: four for a request and each call it makes, and one for what goes wrong. A
/// balancer needs no time of its own, so what it hands on takes two.
pub(super) fn estimate(
    clients: &[(Arc<ClientsPlan>, HostSetup)],
    end: Instant,
    edges: &[EdgeSpec],
    components: &[ComponentPlan],
) -> f64 {
    let seconds = end.as_secs_f64();
    let requests: f64 = clients
        .iter()
        .map(|(c, _)| match &c.pattern {
            Pattern::Open { rate, requests, .. } => {
                rate.mean(Instant::ZERO, end) * seconds * requests.mean().unwrap_or(1.0).max(1.0)
            }
            Pattern::Closed { count, think } => {
                let cycle = think.mean().unwrap_or(0.0) / 1e9 + 0.001;
                let asked = f64::from(*count) * seconds / cycle;
                asked.min(capacity(c, edges, components) * seconds)
            }
        })
        .sum();
    // An upper bound that knows nothing of fan-out: each edge beside the clients' own may be crossed once.
    let crossed = edges.iter().filter_map(|edge| components.get(edge.caller.index()));
    let hops: f64 = crossed.map(|caller| if matches!(caller.kind, Kind::LoadBalancer(_)) { 2.0 } else { 4.0 }).sum();
    let unasked: f64 = components.iter().map(|component| unasked(component, edges)).sum();
    requests * (5.0 + hops) + unasked * seconds
}

/// How many requests a second those can answer whom the clients ask; endless if one of them takes no time or refuses.
fn capacity(clients: &ClientsPlan, edges: &[EdgeSpec], components: &[ComponentPlan]) -> f64 {
    let edge = clients.mix.first().and_then(|entry| edges.get(entry.action.edge.index()));
    let of = |component: &ComponentPlan| {
        let free = component.service.is_free() || component.station.limit.is_some() || component.station.shed.is_some();
        let work = component.service.default.mean().filter(|work| *work > 0.0 && !free);
        work.map_or(f64::INFINITY, |work| {
            f64::from(component.station.workers) * component.station.speed * component.hosts.len() as f64 * 1e9 / work
        })
    };
    // Processes are numbered component by component.
    let at = |callee: Callee| {
        let mut first = 0;
        components.iter().find(|component| {
            let here = first == callee.first.index();
            first += component.hosts.len();
            here
        })
    };
    edge.into_iter().flat_map(EdgeSpec::callees).map(|callee| at(callee).map_or(f64::INFINITY, of)).sum()
}

/// Events a second that a component causes whether anybody asks or not: heartbeats, probes, repairs, looks of a scaler.
fn unasked(component: &ComponentPlan, edges: &[EdgeSpec]) -> f64 {
    let n = component.hosts.len() as f64;
    let each = |events: f64, every: Span| events / every.as_secs_f64().max(1e-9);
    let scaler = component.scaling.map_or(0.0, |scaling| each(1.0, scaling.every));
    // A round of somebody who tells all others and hears from them, with the timers that both set.
    let round = 3.0 * (n - 1.0) + 1.0;
    let kind = match &component.kind {
        Kind::LoadBalancer(spec) => spec.health.map_or(0.0, |health| {
            let targets = edges.get(health.edge.index()).map_or(0, |edge| edge.callees().map(|c| c.instances).sum());
            each(4.0 * n * f64::from(targets), health.every)
        }),
        Kind::Store(Some(replication)) => match replication {
            Replication::Raft(spec) => each(round, spec.heartbeat),
            Replication::MultiPaxos(spec) => each(round, spec.heartbeat),
            Replication::Quorum(spec) => spec.anti_entropy.map_or(0.0, |repair| each(3.0 * n, repair.every)),
            Replication::Crdt(spec) => each(n * n, spec.every),
            Replication::PrimaryBackup(_) | Replication::Chain(_) | Replication::Abd(_) => 0.0,
        },
        Kind::Service(spec) => spec
            .periodic
            .iter()
            .map(|(flow, every)| {
                let acts = spec.flows.iter().find(|(id, _)| id == flow).map_or(0, |(_, flow)| flow.code.len());
                each(n * (1.0 + 4.0 * acts as f64), *every)
            })
            .sum(),
        Kind::Membership(Membership::Heartbeat(spec)) => each(n * n, spec.every),
        Kind::Membership(Membership::Swim(spec)) => each(4.0 * n, spec.probe),
        _ => 0.0,
    };
    scaler + kind
}

/// A large number for people.
pub(super) fn roughly(number: f64) -> String {
    match number {
        n if n >= 1e15 => "more than a million billion".to_owned(),
        n if n >= 1e9 => format!("about {:.1} billion", n / 1e9),
        n if n >= 1e6 => format!("about {:.0} million", n / 1e6),
        n => format!("about {n:.0}"),
    }
}
