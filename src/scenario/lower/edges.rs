//! `[edge.A.B]`: who calls whom, and by what policy.

use std::collections::BTreeMap;

use super::Lowering;
use super::components::{WrittenBalance, WrittenSticky};
use super::contact;
use super::drafts::{Draft, DraftKind};
use super::policy::WrittenPolicy;
use crate::engine::{EdgeId, GroupId, ProcessId, Span, ZoneId};
use crate::physics::topology::Topology;
use crate::rpc::policy::{Balance, Policy};
use crate::rpc::{Callee, Connections, EdgeSpec};
use crate::scenario::reader::Fields;
use crate::spec::{Diagnostic, Place};

/// Who calls whom: an edge is made when first needed.
#[derive(Default)]
pub(super) struct Edges {
    pub(super) pairs: Vec<(String, String)>,
}

impl Edges {
    pub(super) fn between(&mut self, from: &str, to: &str) -> EdgeId {
        let pair = (from.to_owned(), to.to_owned());
        let found = self.pairs.iter().position(|p| *p == pair).unwrap_or_else(|| {
            self.pairs.push(pair);
            self.pairs.len() - 1
        });
        EdgeId::at(found)
    }
}

/// The other end of an edge to several components, as [`ends`] takes it apart.
pub(super) fn joined(names: &[&str]) -> String {
    names.join(", ")
}

/// The components at the other end of an edge, mostly one.
pub(super) fn ends(to: &str) -> impl Iterator<Item = &str> {
    to.split(", ")
}

impl Lowering<'_, '_> {
    /// `[edge.A.B]`, by edge. Of an edge to several components any of them names it.
    pub(super) fn edge_tables(&self, root: &Fields<'_, '_>, edges: &Edges) -> BTreeMap<usize, WrittenPolicy> {
        let mut policies = BTreeMap::new();
        let Some(Some(table)) = root.table("edge") else { return policies };
        let clients: BTreeMap<String, Place> = match root.table("clients") {
            Some(Some(clients)) => clients.entries().map(|(name, place, _)| (name, place)).collect(),
            _ => BTreeMap::new(),
        };
        for (from, place, node) in table.entries() {
            let Some(callees) = table.table_of(node) else { continue };
            for (to, to_place, node) in callees.entries() {
                let Some(fields) = callees.table_of(node) else { continue };
                let found = edges.pairs.iter().position(|(a, b)| *a == from && ends(b).any(|end| end == to));
                let policy = self.policy(&fields);
                fields.done();
                match found {
                    Some(_) if clients.contains_key(from.as_str()) => root.error(
                        Diagnostic::error(place.clone(), format!("`{from}` is a group of clients"))
                            .label("clients say in their own table how patient they are")
                            .help(format!("write these keys under `[clients.{from}]`")),
                    ),
                    Some(edge) => {
                        if policies.insert(edge, policy).is_some() {
                            let targets = ends(&edges.pairs[edge].1).collect::<Vec<_>>().join(" and ");
                            root.error(
                                Diagnostic::error(to_place, format!("`{from}` asks {targets} over one edge"))
                                    .label("its policy is there already")
                                    .help("write the policy once, under any of its targets"),
                            );
                        }
                    }
                    None => {
                        if self.log.is_spoiled(&from) || self.log.is_spoiled(&to) {
                            continue;
                        }
                        let known = |(a, b): &(String, String)| ends(b).map(|b| format!("{a}.{b}")).collect::<Vec<_>>();
                        let known: Vec<String> = edges.pairs.iter().flat_map(known).collect();
                        let written = format!("{from}.{to}");
                        // Both names of a header; of a caller that was named in an earlier one, only the callee's.
                        let side_by_side = to_place.start.checked_sub(place.end).is_some_and(|apart| apart <= 3);
                        let place = if side_by_side { place.start..to_place.end } else { to_place };
                        root.error(
                            Diagnostic::error(place, format!("nobody calls from `{from}` to `{to}`"))
                                .label("this edge is not used")
                                .nearest(&written, "edges", known.iter().map(String::as_str)),
                        );
                    }
                }
            }
        }
        policies
    }

    #[expect(clippy::too_many_arguments, reason = "an edge knows both of its ends")]
    pub(super) fn edge_specs(
        &self,
        root: &Fields<'_, '_>,
        edges: &Edges,
        groups: &[(String, ProcessId, u32)],
        drafts: &[Draft],
        mut policies: BTreeMap<usize, WrittenPolicy>,
        zones: &dyn Fn(&str) -> Vec<ZoneId>,
        topology: &Topology,
    ) -> Vec<EdgeSpec> {
        let mut specs = Vec::new();
        let mut shared: Vec<(usize, String, Place)> = Vec::new();
        for (i, (from, to)) in edges.pairs.iter().enumerate() {
            let caller_name = from.strip_suffix(" checks").unwrap_or(from);
            let group = |name: &str| groups.iter().position(|(n, ..)| n == name);
            let callee = |group: usize| {
                let (_, first, instances) = groups[group];
                Callee { group: GroupId::at(group), first, instances }
            };
            let called: Option<Vec<Callee>> = ends(to).map(|end| Some(callee(group(end)?))).collect();
            let (Some(caller), Some(called)) = (group(caller_name), called) else {
                // Something wrong was said about one of them already.
                let spec = EdgeSpec::new("", (GroupId(0), 1), (GroupId(0), ProcessId(0), 1), Policy::default());
                specs.push(spec);
                continue;
            };
            let written = policies.remove(&i);
            let mut policy = written.as_ref().map_or_else(Policy::default, |w| w.policy.clone());
            if let Some((text, place)) = written.as_ref().and_then(|w| w.same_as.clone()) {
                shared.push((i, text, place));
            }
            let mut balance = written.and_then(|w| w.balance);
            let mut outlier = None;
            let (mut slow_start, mut age, mut fail_open, mut connections) =
                (None, Span::ZERO, true, Connections::PerCaller);
            let (mut keeps, mut drain) = (None, None);
            let draft = drafts.iter().find(|d| d.name == caller_name);
            if let Some(DraftKind::LoadBalancer {
                policy: lb,
                health,
                outlier: o,
                connections: c,
                slow_start: s,
                sticky,
                drain: d,
                load_info_age,
                ..
            }) = draft.map(|d| &d.kind)
            {
                if from.ends_with(" checks") {
                    policy.timeout = health.map(|(_, timeout, _)| timeout);
                } else {
                    balance = lb.clone();
                    outlier.clone_from(o);
                    (slow_start, age, connections, drain) = (*s, *load_info_age, *c, *d);
                    fail_open = health.is_none_or(|(.., open)| open);
                    if let Some((b, _)) = lb {
                        policy.balance = b.balance.clone();
                    }
                    match sticky {
                        Some(WrittenSticky::Client) => policy.balance = Balance::Sticky,
                        Some(WrittenSticky::For(span)) => keeps = Some(*span),
                        None => {}
                    }
                }
            }
            let instances = called.iter().map(|callee| callee.instances).sum();
            if balance.is_none()
                && instances > 1
                && drafts.iter().any(|d| d.name == *to && matches!(d.kind, DraftKind::Cache(_)))
            {
                // A key has one place among the caches, as with any client library that shards them.
                policy.balance = Balance::ConsistentHash { bound: f64::INFINITY };
            }
            if let Some((WrittenBalance { balance: Balance::Weighted(_), weights }, place)) = &balance {
                policy.balance = Balance::Weighted(self.weights(root, groups, &called, weights, place));
            }
            let mut spec = EdgeSpec::new(
                format!("{from} -> {to}"),
                (GroupId::at(caller), groups[caller].2),
                (called[0].group, called[0].first, instances),
                policy,
            );
            spec.beside = called[1..].to_vec();
            if matches!(spec.policy.balance, Balance::Nearest) {
                let there: Vec<ZoneId> = ends(to).flat_map(zones).collect();
                spec.near = zones(caller_name).iter().map(|here| contact::nearness(topology, *here, &there)).collect();
            }
            spec.outlier = outlier;
            spec.slow_start = slow_start;
            spec.sticky = keeps;
            spec.drain = drain;
            spec.load_info_age = age;
            spec.fail_open = fail_open;
            spec.connections = connections;
            specs.push(spec);
        }
        let borrowers: Vec<usize> = shared.iter().map(|(edge, ..)| *edge).collect();
        for (edge, text, place) in shared {
            let found = specs.iter().position(|s| s.name == text.replace("->", " -> ").replace("  ", " "));
            match found {
                Some(other)
                    if specs[other].policy.pool.is_some()
                        && specs[other].caller == specs[edge].caller
                        && !borrowers.contains(&other) =>
                {
                    if let Some(pool) = &mut specs[edge].policy.pool {
                        pool.same_as = Some(EdgeId::at(other));
                    }
                }
                _ => {
                    let known: Vec<String> =
                        specs.iter().filter(|s| s.policy.pool.is_some()).map(|s| s.name.clone()).collect();
                    root.error(
                        Diagnostic::error(
                            place,
                            format!("`{text}` is no edge of the same caller with a pool of its own"),
                        )
                        .nearest(&text, "edges with pools", known.iter().map(String::as_str)),
                    );
                }
            }
        }
        specs
    }

    fn weights(
        &self,
        root: &Fields<'_, '_>,
        groups: &[(String, ProcessId, u32)],
        called: &[Callee],
        weights: &[(String, f64)],
        place: &Place,
    ) -> Vec<f64> {
        let names: Vec<&str> = called.iter().map(|callee| groups[callee.group.index()].0.as_str()).collect();
        let instances = called.iter().map(|callee| callee.instances as usize);
        let mut out = vec![1.0; instances.clone().sum()];
        for (name, weight) in weights {
            let written = name.split_once('/').and_then(|(of, i)| {
                let target = names.iter().position(|n| *n == of)?;
                let i = i.parse::<usize>().ok().filter(|i| *i < called[target].instances as usize)?;
                Some(instances.clone().take(target).sum::<usize>() + i)
            });
            match written {
                Some(index) => out[index] = *weight,
                None => {
                    let all = names.iter().zip(instances.clone());
                    let all: Vec<String> =
                        all.map(|(name, n)| format!("{name}/0 to {name}/{}", n.saturating_sub(1))).collect();
                    root.error(
                        Diagnostic::error(
                            place.clone(),
                            format!("`{name}` is no instance of `{}`", names.join("` or `")),
                        )
                        .help(format!("instances are {}", all.join(", "))),
                    );
                }
            }
        }
        out
    }
}
