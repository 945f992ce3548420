//! What no single table can tell: circles of components and of flows, which would never end.

use std::collections::BTreeMap;

use super::Lowering;
use super::caches::CacheDraft;
use super::drafts::{Behind, Draft, DraftKind};
use super::flows::FlowHead;
use crate::engine::FlowId;
use crate::flow::FlowPlan;
use crate::spec::Diagnostic;

/// A way from a component back to itself.
fn circle<'b>(from: &'b str, behind: &'b Behind) -> Option<Vec<&'b str>> {
    let mut open = vec![vec![from]];
    let mut seen: Vec<&str> = Vec::new();
    while let Some(path) = open.pop() {
        for next in behind.0.get(*path.last().expect("a path has an end")).into_iter().flatten() {
            let mut path = path.clone();
            path.push(next);
            if next == from {
                return Some(path);
            }
            if !seen.contains(&next.as_str()) {
                seen.push(next);
                open.push(path);
            }
        }
    }
    None
}

impl Lowering<'_, '_> {
    /// A request that goes round balancers and caches for ever reaches nobody.
    pub(super) fn no_circle_of_components(&self, drafts: &[Draft], behind: &Behind) {
        for draft in drafts {
            let targets = match &draft.kind {
                DraftKind::LoadBalancer { targets, .. } => targets.as_slice(),
                DraftKind::Cache(CacheDraft { backing, .. }) => backing.as_slice(),
                _ => continue,
            };
            let Some(path) = circle(&draft.name, behind) else { continue };
            let place = targets.iter().find(|(target, _)| *target == path[1]).map_or(0..0, |(_, place)| place.clone());
            // Told once, at the balancer whose name comes first.
            if path.iter().min() == Some(&draft.name.as_str()) {
                let caches = drafts.iter().any(|d| matches!(d.kind, DraftKind::Cache(_)) && path.contains(&&*d.name));
                let what = if caches { "caches and what they stand before" } else { "load balancers" };
                self.log
                    .borrow_mut()
                    .push(Diagnostic::error(place, format!("{what} go in a circle: {}", path.join(" -> "))));
            }
        }
    }

    /// Where each of these flows stands.
    pub(super) fn lines(&self, flows: &[&str], heads: &BTreeMap<String, FlowHead>) -> String {
        let mut names: Vec<&str> = flows.to_vec();
        names.sort_unstable();
        names.dedup();
        let line = |name: &&str| {
            let head = heads.get(*name)?;
            Some(format!("`{name}` is in line {}", self.sources.line_column(&head.place).line))
        };
        names.iter().filter_map(line).collect::<Vec<_>>().join(", ")
    }

    /// Flows that call one another never end.
    pub(super) fn no_circle_of_flows(&self, heads: &BTreeMap<String, FlowHead>, flows: &[(String, FlowId, FlowPlan)]) {
        let calls = |name: &str| -> Vec<&str> {
            let flow = flows.iter().find(|(.., f)| f.name == name);
            let called = flow.into_iter().flat_map(|(.., f)| f.calls());
            called.filter_map(|id| heads.iter().find(|(_, h)| h.id == id)).map(|(name, _)| name.as_str()).collect()
        };
        for (name, head) in heads {
            let mut open = vec![vec![name.as_str()]];
            let mut seen: Vec<&str> = Vec::new();
            while let Some(path) = open.pop() {
                for next in calls(path.last().expect("a path has an end")) {
                    let mut path = path.clone();
                    path.push(next);
                    if next == name {
                        if path.iter().min() == Some(&name.as_str()) {
                            self.log.borrow_mut().push(
                                Diagnostic::error(
                                    head.place.clone(),
                                    format!("flows call one another in a circle: {}", path.join(" -> ")),
                                )
                                .help(format!("such a request never ends; {}", self.lines(&path, heads))),
                            );
                        }
                        open.clear();
                        break;
                    }
                    if !seen.contains(&next) {
                        seen.push(next);
                        open.push(path);
                    }
                }
            }
        }
    }
}
