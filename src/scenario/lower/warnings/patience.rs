//! Retries that can't do what they are for, or that do more than was meant.

use toml::de::DeTable;

use super::traffic::{Traffic, bounded};
use super::{at_path, meant};
use crate::physics::station::WorkerModel;
use crate::rpc::policy::Retry;
use crate::rpc::{EdgeSpec, Outcome};
use crate::scenario::lower::{Lowering, Site};
use crate::scenario::plan::ExpectPlan;
use crate::spec::{Diagnostic, Place};

impl Lowering<'_, '_> {
    pub(super) fn patience(&self, tree: &DeTable<'_>, site: &Site<'_>, traffic: &Traffic<'_>, expects: &[ExpectPlan]) {
        for (e, edge) in site.edges.iter().enumerate() {
            let retried = edge.policy.retry.as_ref().filter(|retry| retry.attempts > 1);
            let Some((retry, place)) = retried.and_then(|retry| Some((retry, retry_at(tree, site, edge)?))) else {
                continue;
            };
            let timeouts = retry.on.contains(&Outcome::Timeout);
            if timeouts && edge.policy.timeout.is_none() && edge.policy.deadline.is_none() {
                self.warning(
                    Diagnostic::warning(place.clone(), format!("`{}` retries, but never times out", edge.name))
                        .label("an attempt without an answer is waited for for ever")
                        .help("add `timeout = \"1s\"`, or say what else is retried: `on = [\"unavailable\"]`"),
                );
            }
            if timeouts && edge.policy.timeout.is_some() && retry.budget.is_none() {
                self.storm(tree, site, traffic, expects, (e, retry, &place));
            }
            self.bulkhead(tree, site, edge);
        }
    }

    /// Retries of a whole load would be more than the callee can do, and nothing refuses them: once it is late, it stays
    /// late.
    fn storm(
        &self,
        tree: &DeTable<'_>,
        site: &Site<'_>,
        traffic: &Traffic<'_>,
        expects: &[ExpectPlan],
        (e, retry, place): (usize, &Retry, &Place),
    ) {
        for (g, component) in site.components.iter().enumerate() {
            let load = traffic.load(g);
            let (now, more) = (load.pushed + load.pulled, traffic.more(e, g, f64::from(retry.attempts)));
            if now > 1.0 || now + more <= 1.0 || bounded(&component.station) || meant(tree, expects, &component.name) {
                continue;
            }
            let name = &component.name;
            self.warning(
                Diagnostic::warning(place.clone(), format!("retries may keep `{name}` down once it is late"))
                    .label(format!(
                        "if all are made, it is asked for {:.0} % of what it can do, and its queue has no bound",
                        (now + more) * 100.0
                    ))
                    .help(format!(
                        "give the retries a `budget = \"10%\"`, or bound the queue: service.{name}.queue = {{ limit = \
                         100 }}"
                    )),
            );
        }
    }

    /// Who holds a worker while he waits retries no more often than he has workers: a bulkhead by accident.
    fn bulkhead(&self, tree: &DeTable<'_>, site: &Site<'_>, edge: &EdgeSpec) {
        let Some(caller) = site.components.get(edge.caller.index()) else { return };
        if caller.station.model != WorkerModel::Thread || edge.policy.pool.is_some() {
            return;
        }
        let Some(place) = at_path(tree, &format!("service.{}.model", caller.name)) else { return };
        self.warning(
            Diagnostic::warning(place, format!("`{}` holds a worker through all attempts of a call", caller.name))
                .label(format!("its workers bound the retries of {}", edge.name))
                .help("if that is meant, write the bound on the edge: `pool = { size = 32 }`"),
        );
    }
}

/// Where the retries of an edge are written: with its caller if that is a client group, or under any of its targets.
fn retry_at(tree: &DeTable<'_>, site: &Site<'_>, edge: &EdgeSpec) -> Option<Place> {
    let caller = &site.groups.get(edge.caller.index())?.0;
    if edge.caller.index() >= site.components.len() {
        return at_path(tree, &format!("clients.{caller}.retry"));
    }
    edge.callees().find_map(|callee| {
        let callee = &site.groups.get(callee.group.index())?.0;
        at_path(tree, &format!("edge.{caller}.{callee}.retry"))
    })
}
