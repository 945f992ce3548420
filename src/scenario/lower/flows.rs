//! `[flow.X]`: steps into stages of acts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{Edges, Lowering};
use crate::engine::FlowId;
use crate::flow::{Act, FlowPlan, Stage};
use crate::rpc::{Outcome, Verb};
use crate::scenario::reader::{Fields, inside};
use crate::spec::dist::Durations;
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Place};

/// A flow as far as its name goes.
#[derive(Clone, Debug)]
pub(super) struct FlowHead {
    pub(super) id: FlowId,
    pub(super) home: Option<String>,
    pub(super) place: Place,
}

/// The words that a step may begin with, and which of them this version plays.
const ACTIONS: &[&str] = &["call", "work", "sleep", "read", "write", "append", "parallel", "reply"];
const LATER: &[&str] = &[
    "delete", "add", "scan", "query", "txn", "lock", "fan_out", "branch", "loop", "dedupe", "publish", "push", "record",
];
/// What may stand beside an action.
const BESIDE: &[&str] = &["wait", "fallback", "label", "key", "size", "bind"];

/// What flows are lowered with.
pub(super) struct FlowSite<'a> {
    pub(super) heads: &'a BTreeMap<String, FlowHead>,
    /// Components by name, and whether each is a store.
    pub(super) components: &'a BTreeMap<String, bool>,
    /// Flows that a step names.
    pub(super) used: RefCell<BTreeSet<String>>,
}

impl Lowering<'_, '_> {
    pub(super) fn flow_heads(&self, root: &Fields<'_, '_>) -> BTreeMap<String, FlowHead> {
        let mut heads = BTreeMap::new();
        if let Some(Some(table)) = root.table("flow") {
            for (i, (name, place, node)) in table.entries().enumerate() {
                self.name(&name, &place);
                let Some(fields) = table.table_of(node) else { continue };
                let home = fields.text("runs_on");
                heads.insert(name, FlowHead { id: FlowId::at(i), home, place });
            }
        }
        heads
    }

    /// Compiles every flow that has a home.
    pub(super) fn flows(
        &self,
        root: &Fields<'_, '_>,
        site: &FlowSite<'_>,
        edges: &mut Edges,
    ) -> Vec<(String, FlowId, FlowPlan)> {
        let mut flows = Vec::new();
        let Some(Some(table)) = root.table("flow") else { return flows };
        for (name, place, node) in table.entries() {
            let Some(fields) = table.table_of(node) else { continue };
            let Some(head) = site.heads.get(&name) else { continue };
            let _ = (fields.node("runs_on"), fields.node("draw"));
            fields.require("steps", "[{ call = \"db\" }]");
            let Some(home) = &head.home else {
                // It is part of whoever names it, and compiled there.
                let _ = fields.node("steps");
                fields.done();
                continue;
            };
            if !site.components.contains_key(home) {
                let place = fields.node("runs_on").map_or(place, inside);
                self.no_component(place, home, site.components.keys().map(String::as_str));
                continue;
            }
            let mut stages: Vec<Stage> = Vec::new();
            let mut trail = vec![name.clone()];
            self.steps(&table, &fields, home, site, edges, &mut stages, &mut trail);
            fields.done();
            flows.push((home.clone(), head.id, FlowPlan { name, stages }));
        }
        flows
    }

    #[expect(clippy::too_many_arguments, reason = "a recursive walk that carries its site")]
    fn steps(
        &self,
        all: &Fields<'_, '_>,
        flow: &Fields<'_, '_>,
        home: &str,
        site: &FlowSite<'_>,
        edges: &mut Edges,
        stages: &mut Vec<Stage>,
        trail: &mut Vec<String>,
    ) {
        let Some(node) = flow.node("steps") else { return };
        let Some(steps) = node.get_ref().as_array() else {
            flow.error(Diagnostic::error(node.span(), "steps are a list").help("write `steps = [{ call = \"db\" }]`"));
            return;
        };
        for node in steps.iter() {
            let Some(step) = flow.table_of(node) else { continue };
            let found: Vec<String> = step
                .entries()
                .map(|(key, ..)| key)
                .filter(|key| ACTIONS.contains(&key.as_str()) || LATER.contains(&key.as_str()))
                .collect();
            let [action] = found.as_slice() else {
                let odd = step.entries().find(|(key, ..)| found.is_empty() && !BESIDE.contains(&key.as_str()));
                if let Some((key, place, _)) = odd {
                    step.error(Diagnostic::error(place, format!("no step is called `{key}`")).nearest(
                        &key,
                        "steps",
                        ACTIONS.iter().copied(),
                    ));
                    continue;
                }
                let message = match found.len() {
                    0 => "this step has no action".to_owned(),
                    _ => format!("this step has {} actions: {}", found.len(), found.join(", ")),
                };
                step.error(
                    Diagnostic::error(step.place.clone(), message)
                        .help(format!("exactly one of: {}", ACTIONS.join(", "))),
                );
                continue;
            };
            if LATER.contains(&action.as_str()) {
                let place = step.entries().find(|(key, ..)| key == action).map_or(step.place.clone(), |(_, p, _)| p);
                step.error(
                    Diagnostic::error(place, format!("the step `{action}` belongs to a later version of the language"))
                        .help(format!("this version has: {}", ACTIONS.join(", "))),
                );
                continue;
            }
            let _ = (step.node("label"), step.node("key"), step.node("size"), step.node("bind"));
            let act = match action.as_str() {
                "parallel" => {
                    self.parallel(all, &step, home, site, edges, stages, trail);
                    step.done();
                    continue;
                }
                "work" => self.drawn::<Durations>(&step, "work").map(Act::Work),
                "sleep" => self.drawn::<Durations>(&step, "sleep").map(Act::Sleep),
                "reply" => step
                    .word("reply", &["ok", "error"])
                    .map(|word| Act::Reply(if word == "ok" { Outcome::Ok } else { Outcome::Error })),
                _ => self.call(&step, action, home, site, edges),
            };
            step.done();
            if let Some(act) = act {
                match stages.last_mut() {
                    Some(Stage { branches, needed: 1 }) if branches.len() == 1 => branches[0].push(act),
                    _ => stages.push(Stage { branches: vec![vec![act]], needed: 1 }),
                }
            }
        }
    }

    fn call(
        &self,
        step: &Fields<'_, '_>,
        action: &str,
        home: &str,
        site: &FlowSite<'_>,
        edges: &mut Edges,
    ) -> Option<Act> {
        let key: &'static str = ACTIONS.iter().find(|a| **a == action)?;
        let node = step.node(key)?;
        let written = step.text_of(node)?;
        let (name, operation) = written.split_once('.').map_or((written.as_str(), None), |(n, o)| (n, Some(o)));
        let (callee, verb) = if let Some(head) = site.heads.get(name).filter(|_| action == "call") {
            site.used.borrow_mut().insert(name.to_owned());
            match &head.home {
                Some(home) => (home.clone(), Verb::Run(head.id)),
                None => {
                    step.error(
                        Diagnostic::error(inside(node), format!("flow `{name}` runs nowhere, so it can't be called"))
                            .help("give it `runs_on`, or name it under `parallel`"),
                    );
                    return None;
                }
            }
        } else if let Some(store) = site.components.get(name) {
            if !store && action != "call" {
                step.error(
                    Diagnostic::error(inside(node), format!("`{name}` is no store, so it can't {action}"))
                        .help(format!("write `{{ call = \"{name}\" }}`")),
                );
                return None;
            }
            let verb = match action {
                "read" => Verb::Read,
                "write" => Verb::Write,
                "append" => Verb::Append,
                _ => operation.map_or(Verb::Serve(self.operation("request")), |o| Verb::Serve(self.operation(o))),
            };
            (name.to_owned(), verb)
        } else if self.log.is_spoiled(name) {
            return None;
        } else {
            let known = site.components.keys().chain(site.heads.keys()).map(String::as_str);
            step.error(
                Diagnostic::error(inside(node), format!("nothing is called `{name}`"))
                    .label("not a component or a flow")
                    .nearest(name, "there are", known),
            );
            return None;
        };
        let fallback = step.node("fallback").is_some_and(|node| {
            let text = step.text_of(node).unwrap_or_default();
            if text != "default" {
                step.error(
                    Diagnostic::error(inside(node), "a flow as a fallback comes in a later version")
                        .help("write `fallback = \"default\"`: a canned answer, counted degraded"),
                );
            }
            true
        });
        let edge = edges.between(home, &callee);
        Some(Act::Call { edge, verb, fallback })
    }

    #[expect(clippy::too_many_arguments, reason = "a recursive walk that carries its site")]
    fn parallel(
        &self,
        all: &Fields<'_, '_>,
        step: &Fields<'_, '_>,
        home: &str,
        site: &FlowSite<'_>,
        edges: &mut Edges,
        stages: &mut Vec<Stage>,
        trail: &mut Vec<String>,
    ) {
        let mut branches = Vec::new();
        for (name, place) in step.texts("parallel").unwrap_or_default() {
            site.used.borrow_mut().insert(name.clone());
            if trail.contains(&name) {
                let mut circle = trail.clone();
                circle.push(name);
                step.error(Diagnostic::error(place, format!("flows go in a circle: {}", circle.join(" -> "))));
                return;
            }
            let Some(head) = site.heads.get(&name) else {
                step.error(Diagnostic::error(place, format!("no flow is called `{name}`")).nearest(
                    &name,
                    "flows",
                    site.heads.keys().map(String::as_str),
                ));
                continue;
            };
            if let Some(other) = &head.home {
                let edge = edges.between(home, other);
                branches.push(vec![Act::Call { edge, verb: Verb::Run(head.id), fallback: false }]);
                continue;
            }
            let inner = all.entries().find(|(n, ..)| *n == name).and_then(|(_, _, node)| all.table_of(node));
            let Some(inner) = inner else { continue };
            let mut nested = Vec::new();
            trail.push(name);
            self.steps(all, &inner, home, site, edges, &mut nested, trail);
            trail.pop();
            if nested.len() > 1 || nested.iter().any(|s| s.branches.len() > 1) {
                step.error(Diagnostic::error(place, "parallel inside parallel comes in a later version"));
                continue;
            }
            branches.extend(nested.into_iter().flat_map(|s| s.branches));
        }
        let all_of_them = branches.len() as u32;
        let needed = match step.node("wait") {
            None => all_of_them,
            Some(node) if node.get_ref().as_str().is_some() => match step.word("wait", &["all", "any", "none"]) {
                Some("any") => 1,
                Some("none") => 0,
                _ => all_of_them,
            },
            Some(node) => {
                let count = crate::scenario::reader::parse::<Count>(node, self.log).map_or(0, |c| c.0);
                if count > u64::from(all_of_them) {
                    step.error(Diagnostic::error(node.span(), format!("there are only {all_of_them} to wait for")));
                }
                count.min(u64::from(all_of_them)) as u32
            }
        };
        if !branches.is_empty() {
            stages.push(Stage { branches, needed });
        }
    }
}
