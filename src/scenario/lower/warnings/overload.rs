//! Somebody is asked for more than he can do in the long run, at whatever tier, and no expectation says that it is meant.

use toml::de::DeTable;

use super::traffic::{Traffic, bounded, capacity, cost};
use super::{meant, value_place};
use crate::component::queue::{Order, QueueSpec, Taker};
use crate::rpc::Verb;
use crate::scenario::lower::{Lowering, Site};
use crate::scenario::plan::{ExpectPlan, Kind};
use crate::spec::{Diagnostic, Place};

impl Lowering<'_, '_> {
    /// Steady utilisation above 1, if nothing bounds the queue.
    pub(super) fn overload(&self, tree: &DeTable<'_>, site: &Site<'_>, traffic: &Traffic<'_>, expects: &[ExpectPlan]) {
        for (g, component) in site.components.iter().enumerate() {
            if let Kind::Queue(spec) = &component.kind {
                self.backlog(tree, site, (g, spec), traffic, expects);
            }
            let load = traffic.load(g);
            let utilisation = load.pushed + load.pulled;
            if utilisation <= 1.0 || bounded(&component.station) || meant(tree, expects, &component.name) {
                continue;
            }
            // What consumers leave lies in their queue.
            let backlog = load.queue.filter(|_| load.pushed <= 1.0).map(|queue| &site.components[queue]);
            let message = format!("`{}` is asked for {:.0} % of what it can do", component.name, utilisation * 100.0);
            let warning = Diagnostic::warning(asked_at(tree, site, load.clients), message);
            match backlog {
                None => self.warning(
                    warning
                        .label("its queue grows without bound")
                        .help("if that is meant, expect something of it, or bound it: `queue = { limit = 100 }`"),
                ),
                Some(queue) if endless(&queue.kind) && !meant(tree, expects, &queue.name) => {
                    self.warning(warning.label(format!("the backlog of `{}` grows without bound", queue.name)).help(
                        "if that is meant, expect something of it, or bound it: `backlog = { limit = 100, when_full = \
                         \"reject\" }`",
                    ));
                }
                Some(_) => {}
            }
        }
    }

    /// Consumers that may not have as many messages in hand as come, however many workers are free.
    fn backlog(
        &self,
        tree: &DeTable<'_>,
        site: &Site<'_>,
        (g, spec): (usize, &QueueSpec),
        traffic: &Traffic<'_>,
        expects: &[ExpectPlan],
    ) {
        let name = &site.components[g].name;
        let (rate, clients) = traffic.appended(g);
        for group in spec.groups.iter().filter(|_| spec.limit.is_none() && spec.retention.is_none()) {
            let [Taker { edge, flow, instances, hands }] = group.takers.as_slice() else { continue };
            let Some(home) = site.edges.get(edge.index()).map(|edge| edge.callee.index()) else { continue };
            let Some(component) = site.components.get(home) else { continue };
            let hands = u64::from(*instances) * u64::from(*hands);
            let at_once = if group.order == Order::PerPartition { hands.min(spec.partitions.into()) } else { hands };
            let each = cost(component, Verb::Deliver(*flow)) / component.station.speed;
            let share = rate * each / at_once as f64;
            // With more hands than workers it is the workers that are too few.
            let workers = capacity(component).1 / component.station.speed;
            if share > 1.0
                && (at_once as f64) < workers
                && !meant(tree, expects, name)
                && !meant(tree, expects, &component.name)
            {
                let message = format!("`{name}` gets {:.0} % of what `{}` can take", share * 100.0, component.name);
                self.warning(
                    Diagnostic::warning(asked_at(tree, site, clients), message)
                        .label(format!("only {at_once} at a time are taken: its backlog grows without bound"))
                        .help("raise `parallel` of the flow or `partitions` of the queue, or bound its `backlog`"),
                );
            }
        }
    }
}

/// Whether messages pile up for as long as nobody takes them.
fn endless(kind: &Kind) -> bool {
    matches!(kind, Kind::Queue(spec) if spec.limit.is_none() && spec.retention.is_none())
}

/// Where it is said how often these clients ask.
fn asked_at(tree: &DeTable<'_>, site: &Site<'_>, clients: Option<usize>) -> Place {
    let name = clients.map(|c| &site.clients[c].0.name);
    name.and_then(|name| value_place(tree, "clients", name, "rate")).unwrap_or(0..0)
}
