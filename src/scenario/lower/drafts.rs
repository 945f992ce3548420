//! Components before their edges are known, and what becomes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::Lowering;
use super::caches::CacheDraft;
use super::clients::STORE_OPERATIONS;
use super::components::{WrittenBalance, WrittenSticky};
use super::edges::{Edges, ends, joined};
use super::flows::{Face, Lowered};
use super::places::KeySet;
use super::policy::WrittenPolicy;
use super::queues::QueueDraft;
use crate::component::cache::CacheSpec;
use crate::component::load_balancer::{Health, LoadBalancerSpec};
use crate::component::service::ServiceSpec;
use crate::engine::{EdgeId, GroupId, ProcessId, Span};
use crate::physics::clock::ClockSpec;
use crate::physics::station::StationSpec;
use crate::physics::topology::Topology;
use crate::protocol::{Membership, Replication};
use crate::rpc::{Connections, EdgeSpec, Outlier};
use crate::scenario::plan::{ComponentPlan, Kind};
use crate::scenario::reader::Fields;
use crate::scenario::tree;
use crate::spec::{Diagnostic, Place};
use crate::workload::ClientsPlan;
use crate::world::{HostSetup, Scaling, ServiceTime, Signal};

/// A component before its edges are known.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) kind: DraftKind,
    pub(super) hosts: Vec<HostSetup>,
    pub(super) station: StationSpec,
    pub(super) service: ServiceTime,
    pub(super) scaling: Option<Scaling>,
    /// The queue whose messages it is scaled by.
    pub(super) scaled_by: Option<(String, Place)>,
}

pub(super) enum DraftKind {
    Service,
    Membership(Membership),
    Store(Option<Replication>),
    Cache(CacheDraft),
    Queue(QueueDraft),
    LoadBalancer {
        targets: Vec<(String, Place)>,
        policy: Option<(WrittenBalance, Place)>,
        health: Option<(Health, Span, bool)>,
        outlier: Option<Outlier>,
        connections: Connections,
        slow_start: Option<Span>,
        sticky: Option<WrittenSticky>,
        drain: Option<Span>,
        load_info_age: Span,
    },
}

impl Draft {
    /// What others need to know of it.
    pub(super) fn face(&self) -> Face {
        match &self.kind {
            DraftKind::Store(_) => Face::Store,
            DraftKind::Cache(cache) => Face::Cache {
                backing: cache.backing.as_ref().map_or_else(String::new, |(b, _)| b.clone()),
                reads_through: cache.spec.reads_through,
                writes: cache.spec.writes,
            },
            DraftKind::Queue(_) => Face::Queue,
            DraftKind::Service => Face::Service,
            DraftKind::LoadBalancer { .. } | DraftKind::Membership(_) => Face::Plain,
        }
    }
}

/// What stands behind a balancer or a cache: mostly one component.
#[derive(Default)]
pub(super) struct Behind(pub(super) BTreeMap<String, Vec<String>>);

impl Behind {
    /// A component and all that stands behind it, the near ones first.
    pub(super) fn way<'s>(&'s self, target: &'s str) -> Vec<&'s str> {
        let mut way = vec![target];
        let mut at = 0;
        while let Some(here) = way.get(at) {
            for next in self.0.get(*here).into_iter().flatten() {
                if !way.contains(&next.as_str()) {
                    way.push(next);
                }
            }
            at += 1;
        }
        way
    }

    /// Where what is asked of a component is done: those on its way behind which nobody stands.
    pub(super) fn ends<'s>(&'s self, target: &'s str) -> Vec<&'s str> {
        self.way(target).into_iter().filter(|here| !self.0.contains_key(*here)).collect()
    }
}

impl Lowering<'_, '_> {
    /// Every component, by name.
    pub(super) fn drafts(&self, root: &Fields<'_, '_>, topology: &Topology, clock: &ClockSpec) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for kind in ["load_balancer", "cache", "membership", "queue", "service", "store"] {
            let Some(Some(table)) = root.table(kind) else { continue };
            for (name, place, node) in table.entries() {
                self.name(&name, &place);
                if let Some(mut fields) = table.table_of(node) {
                    fields.place = place;
                    drafts.push(self.component(kind, name, fields, topology, clock));
                }
            }
        }
        drafts.sort_by(|a, b| a.name.cmp(&b.name));
        drafts
    }

    /// Makes the edges from components to what stands behind them. Returns what stands behind whom.
    pub(super) fn wire(
        &self,
        root: &Fields<'_, '_>,
        drafts: &[Draft],
        faces: &BTreeMap<String, Face>,
        edges: &mut Edges,
    ) -> Behind {
        let mut behind = Behind::default();
        for draft in drafts {
            let (targets, asks, checks) = match &draft.kind {
                DraftKind::LoadBalancer { targets, health, .. } => (targets.as_slice(), true, health.is_some()),
                DraftKind::Cache(cache) => (cache.backing.as_slice(), cache.asks(), false),
                DraftKind::Queue(queue) => (queue.dead_letters.as_slice(), true, false),
                DraftKind::Membership(_) | DraftKind::Service | DraftKind::Store(_) => continue,
            };
            let mut found: Vec<&str> = Vec::new();
            for (target, place) in targets {
                if found.contains(&target.as_str()) {
                    root.error(
                        Diagnostic::error(place.clone(), format!("`{target}` is a target twice")).help(format!(
                            "name it once; `policy = \"weighted({target}/0=2)\"` gives an instance more"
                        )),
                    );
                } else if *target == draft.name {
                    root.error(
                        Diagnostic::error(place.clone(), format!("`{target}` stands before itself"))
                            .help("target the component behind it"),
                    );
                } else if faces.contains_key(target) {
                    found.push(target);
                } else {
                    let others = faces.keys().map(String::as_str).filter(|k| *k != draft.name);
                    self.no_component(place.clone(), target, others);
                }
            }
            if found.is_empty() {
                continue;
            }
            let to = joined(&found);
            if asks {
                edges.between(&draft.name, &to);
            }
            if checks {
                edges.between(&format!("{} checks", draft.name), &to);
            }
            if !matches!(draft.kind, DraftKind::Queue(_)) {
                behind.0.insert(draft.name.clone(), found.into_iter().map(str::to_owned).collect());
            }
        }
        self.alike(drafts, faces, &behind);
        behind
    }

    /// Of several targets of a balancer each must be able to do what any other does: only services are alike so.
    fn alike(&self, drafts: &[Draft], faces: &BTreeMap<String, Face>, behind: &Behind) {
        for draft in drafts {
            let DraftKind::LoadBalancer { targets, .. } = &draft.kind else { continue };
            for (target, place) in targets.iter().filter(|_| targets.len() > 1) {
                let what = behind.ends(target).into_iter().find_map(|end| {
                    Some((
                        end,
                        match faces.get(end)? {
                            Face::Store => "a store",
                            Face::Cache { .. } => "a cache",
                            Face::Queue => "a queue",
                            Face::Service | Face::Plain => return None,
                        },
                    ))
                });
                let Some((end, what)) = what else { continue };
                let message = if end == target {
                    format!("`{target}` is {what}, and one of several targets")
                } else {
                    format!("`{target}` leads to {what}, `{end}`, and is one of several targets")
                };
                self.log.borrow_mut().push(
                    Diagnostic::error(place.clone(), message)
                        .label("others don't hold what it holds")
                        .help(format!("services may be several; for {what} write `targets = \"{target}\"`")),
                );
            }
        }
    }

    pub(super) fn component_plans(
        &self,
        drafts: Vec<Draft>,
        Lowered { flows, consuming, periodic }: &Lowered,
        keys: &BTreeMap<String, KeySet>,
        populations: &[(ClientsPlan, HostSetup, WrittenPolicy)],
        edges: &Edges,
        groups: &[(String, ProcessId, u32)],
    ) -> Vec<ComponentPlan> {
        let queues: BTreeMap<String, GroupId> = drafts
            .iter()
            .enumerate()
            .filter(|(_, draft)| matches!(draft.kind, DraftKind::Queue(_)))
            .map(|(g, draft)| (draft.name.clone(), GroupId::at(g)))
            .collect();
        let plans = drafts.into_iter().map(|mut draft| {
            if let (Some(scaling), Some((name, place))) = (&mut draft.scaling, &draft.scaled_by)
                && let Signal::Backlog { queue, .. } = &mut scaling.by
            {
                match queues.get(name) {
                    Some(found) => *queue = *found,
                    None => {
                        let known = ("queues", queues.keys().map(String::as_str));
                        let none = format!("no queue is called `{name}`");
                        self.not_called(place.clone(), name, "a queue", none, known);
                    }
                }
            }
            let kind = match draft.kind {
                DraftKind::Membership(membership) => Kind::Membership(membership),
                DraftKind::Store(replication) => Kind::Store(replication),
                DraftKind::Service => Kind::Service(Arc::new(ServiceSpec {
                    flows: flows
                        .iter()
                        .filter(|(home, ..)| *home == draft.name)
                        .map(|(_, id, flow)| (*id, Arc::new(flow.clone())))
                        .collect(),
                    keys: keys.values().map(KeySet::drawer).collect(),
                    periodic: periodic
                        .iter()
                        .filter(|row| row.home == draft.name)
                        .map(|row| (row.flow, row.every))
                        .collect(),
                })),
                DraftKind::Queue(ref queue) => {
                    Kind::Queue(Arc::new(self.queue_spec(&draft.name, queue, consuming, edges, groups)))
                }
                DraftKind::Cache(ref cache) => {
                    let backing = cache.backing.as_ref().map_or("", |(b, _)| b.as_str());
                    let edge = edges.pairs.iter().position(|(a, b)| *a == draft.name && b == backing);
                    let set = self.keys_of(&draft.name, populations, edges);
                    Kind::Cache(Arc::new(CacheSpec {
                        backing: edge.map(EdgeId::at),
                        keys: set.map_or(cache.spec.keys, |plan| plan.keys.count()),
                        bytes: set.map_or(cache.spec.bytes.clone(), |plan| plan.value_bytes.clone()),
                        ..cache.spec.clone()
                    }))
                }
                DraftKind::LoadBalancer { ref health, .. } => {
                    let edge = |from: &str| edges.pairs.iter().position(|(a, _)| a == from);
                    let targets = edge(&draft.name).map_or("", |edge| edges.pairs[edge].1.as_str());
                    let of = |target: &str| groups.iter().find(|(n, ..)| n == target).map_or(0, |g| g.2);
                    let instances = ends(targets).map(of).sum();
                    let checks = format!("{} checks", draft.name);
                    Kind::LoadBalancer(LoadBalancerSpec {
                        edge: edge(&draft.name).map_or(EdgeId(0), EdgeId::at),
                        instances,
                        health: health.and_then(|(h, ..)| Some(Health { edge: EdgeId::at(edge(&checks)?), ..h })),
                    })
                }
            };
            ComponentPlan {
                name: draft.name,
                kind,
                hosts: draft.hosts,
                station: draft.station,
                service: draft.service,
                scaling: draft.scaling,
            }
        });
        plans.collect()
    }

    /// Clients ask a store only for what its replicas can do.
    pub(super) fn all_is_carried(
        &self,
        tree: &DeTable<'_>,
        clients: &[(Arc<ClientsPlan>, HostSetup)],
        components: &[ComponentPlan],
        specs: &[EdgeSpec],
    ) {
        for (population, _) in clients {
            for entry in &population.mix {
                let callee = specs.get(entry.action.edge.index()).map(|e| e.callee.index());
                if let Some(Kind::Store(Some(replication))) = callee.and_then(|c| components.get(c)).map(|c| &c.kind)
                    && !replication.carries(entry.action.verb)
                {
                    let message = format!(
                        "`{}` of clients `{}`: replicas by `{}` don't carry it",
                        entry.name,
                        population.name,
                        replication.name()
                    );
                    let place = tree::find(tree, &format!("clients.{}.mix.{}", population.name, entry.name));
                    let diagnostic = match place {
                        Some(share) => Diagnostic::error(share.span(), message).label("not with this protocol"),
                        None => Diagnostic::overall(message),
                    };
                    self.log.borrow_mut().push(diagnostic.help(format!(
                        "change the mix, or the protocol; this one carries {}",
                        STORE_OPERATIONS
                            .iter()
                            .filter(|(_, verb)| replication.carries(*verb))
                            .map(|(word, _)| *word)
                            .collect::<Vec<_>>()
                            .join(", ")
                    )));
                }
            }
        }
    }
}
