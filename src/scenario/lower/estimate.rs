//! How many events a run is going to take, before it is played.

use std::sync::Arc;

use crate::engine::Instant;
use crate::rpc::EdgeSpec;
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
                f64::from(*count) * seconds / cycle
            }
        })
        .sum();
    // An upper bound that knows nothing of fan-out: each edge beside the clients' own may be crossed once.
    let crossed = edges.iter().filter_map(|edge| components.get(edge.caller.index()));
    let hops: f64 = crossed.map(|caller| if matches!(caller.kind, Kind::LoadBalancer(_)) { 2.0 } else { 4.0 }).sum();
    requests * (5.0 + hops)
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
