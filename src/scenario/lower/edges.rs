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
use crate::rpc::{Connections, EdgeSpec};
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

impl Lowering<'_, '_> {
    /// `[edge.A.B]`, by edge.
    pub(super) fn edge_tables(&self, root: &Fields<'_, '_>, edges: &Edges) -> BTreeMap<usize, WrittenPolicy> {
        let mut policies = BTreeMap::new();
        let Some(Some(table)) = root.table("edge") else { return policies };
        for (from, place, node) in table.entries() {
            let Some(ends) = table.table_of(node) else { continue };
            for (to, to_place, node) in ends.entries() {
                let Some(fields) = ends.table_of(node) else { continue };
                let found = edges.pairs.iter().position(|(a, b)| *a == from && *b == to);
                let policy = self.policy(&fields);
                fields.done();
                match found {
                    Some(edge) => {
                        policies.insert(edge, policy);
                    }
                    None => {
                        if self.log.is_spoiled(&from) || self.log.is_spoiled(&to) {
                            continue;
                        }
                        let known: Vec<String> = edges.pairs.iter().map(|(a, b)| format!("{a}.{b}")).collect();
                        let written = format!("{from}.{to}");
                        let place = place.start.min(to_place.start)..place.end.max(to_place.end);
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
            let (Some(caller), Some(callee)) = (group(caller_name), group(to)) else {
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
            let mut keeps = None;
            let draft = drafts.iter().find(|d| d.name == caller_name);
            if let Some(DraftKind::LoadBalancer {
                policy: lb,
                health,
                outlier: o,
                connections: c,
                slow_start: s,
                sticky,
                load_info_age,
                ..
            }) = draft.map(|d| &d.kind)
            {
                if from.ends_with(" checks") {
                    policy.timeout = health.map(|(_, timeout, _)| timeout);
                } else {
                    balance = lb.clone();
                    outlier.clone_from(o);
                    (slow_start, age, connections) = (*s, *load_info_age, *c);
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
            let (_, first, instances) = groups[callee];
            if balance.is_none()
                && instances > 1
                && drafts.iter().any(|d| d.name == *to && matches!(d.kind, DraftKind::Cache(_)))
            {
                // A key has one place among the caches, as with any client library that shards them.
                policy.balance = Balance::ConsistentHash { bound: f64::INFINITY };
            }
            if let Some((WrittenBalance { balance: Balance::Weighted(_), weights }, place)) = &balance {
                policy.balance = Balance::Weighted(self.weights(root, to, instances, weights, place));
            }
            let mut spec = EdgeSpec::new(
                format!("{from} -> {to}"),
                (GroupId::at(caller), groups[caller].2),
                (GroupId::at(callee), first, instances),
                policy,
            );
            if matches!(spec.policy.balance, Balance::Nearest) {
                let there = zones(to);
                spec.near = zones(caller_name).iter().map(|here| contact::nearness(topology, *here, &there)).collect();
            }
            spec.outlier = outlier;
            spec.slow_start = slow_start;
            spec.sticky = keeps;
            spec.load_info_age = age;
            spec.fail_open = fail_open;
            spec.connections = connections;
            specs.push(spec);
        }
        for (edge, text, place) in shared {
            let found = specs.iter().position(|s| s.name == text.replace("->", " -> ").replace("  ", " "));
            match found {
                Some(other) if specs[other].policy.pool.is_some() && specs[other].caller == specs[edge].caller => {
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
        callee: &str,
        instances: u32,
        weights: &[(String, f64)],
        place: &Place,
    ) -> Vec<f64> {
        let mut out = vec![1.0; instances as usize];
        for (name, weight) in weights {
            let index =
                name.strip_prefix(callee).and_then(|n| n.strip_prefix('/')).and_then(|n| n.parse::<usize>().ok());
            match index.and_then(|i| out.get_mut(i)) {
                Some(slot) => *slot = *weight,
                None => root.error(
                    Diagnostic::error(place.clone(), format!("`{name}` is no instance of `{callee}`"))
                        .help(format!("instances are {callee}/0 to {callee}/{}", instances.saturating_sub(1))),
                ),
            }
        }
        out
    }
}
