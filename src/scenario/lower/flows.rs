//! `[flow.X]`: steps into acts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::Lowering;
use super::edges::Edges;
use super::places::KeySet;
use super::steps::Compiler;
use crate::component::cache::WriteMode;
use crate::engine::FlowId;
use crate::flow::{FlowPlan, Source, Variable};
use crate::scenario::reader::{Fields, inside, parse};
use crate::scenario::tree::Node;
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Place};

/// A flow as far as its name goes.
#[derive(Clone, Debug)]
pub(super) struct FlowHead {
    pub(super) id: FlowId,
    pub(super) home: Option<String>,
    pub(super) place: Place,
    /// Whether a queue starts it.
    pub(super) consumes: bool,
}

/// What callers need to know of a component.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Face {
    /// It runs flows.
    Service,
    /// It does what it is asked.
    Plain,
    /// It keeps values by key.
    Store,
    /// It stands before something slower.
    Cache {
        /// What.
        backing: String,
        /// Whether it asks that itself.
        reads_through: bool,
        /// What becomes of writes.
        writes: WriteMode,
    },
    /// It keeps messages for consumers.
    Queue,
}

/// A flow that takes messages from a queue.
#[derive(Clone, Debug)]
pub(super) struct Consuming {
    pub(super) queue: String,
    pub(super) flow: FlowId,
    pub(super) home: String,
    pub(super) group: String,
    pub(super) parallel: u32,
    pub(super) order: &'static str,
    pub(super) ack_before: bool,
}

/// The variables of all flows: a name is one variable everywhere, so that what is handed over is found.
#[derive(Debug, Default)]
pub(super) struct Variables {
    names: Vec<String>,
    defined: BTreeSet<u16>,
    used: Vec<(u16, Place)>,
}

/// What flows are lowered with.
pub(super) struct FlowSite<'a> {
    pub(super) heads: &'a BTreeMap<String, FlowHead>,
    /// Components by name.
    pub(super) components: &'a BTreeMap<String, Face>,
    pub(super) keys: &'a BTreeMap<String, KeySet>,
    /// Flows that a step names.
    pub(super) used: RefCell<BTreeSet<String>>,
    pub(super) variables: RefCell<Variables>,
}

impl FlowSite<'_> {
    fn variable(&self, name: &str) -> Variable {
        let mut variables = self.variables.borrow_mut();
        let found = variables.names.iter().position(|n| n == name).unwrap_or_else(|| {
            variables.names.push(name.to_owned());
            variables.names.len() - 1
        });
        Variable(u16::try_from(found).unwrap_or(u16::MAX))
    }

    /// A variable that something is put into.
    pub(super) fn defined(&self, name: &str) -> Variable {
        let variable = self.variable(name);
        self.variables.borrow_mut().defined.insert(variable.0);
        variable
    }

    /// A variable that something is taken from.
    pub(super) fn taken(&self, name: &str, place: Place) -> Variable {
        let variable = self.variable(name);
        self.variables.borrow_mut().used.push((variable.0, place));
        variable
    }
}

/// Everything that flows come to.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) flows: Vec<(String, FlowId, FlowPlan)>,
    pub(super) consuming: Vec<Consuming>,
}

impl Lowering<'_, '_> {
    pub(super) fn flow_heads(&self, root: &Fields<'_, '_>) -> BTreeMap<String, FlowHead> {
        let mut heads = BTreeMap::new();
        if let Some(Some(table)) = root.table("flow") {
            for (i, (name, place, node)) in table.entries().enumerate() {
                self.name(&name, &place);
                let Some(fields) = table.table_of(node) else { continue };
                let home = fields.text("runs_on");
                heads.insert(name, FlowHead { id: FlowId::at(i), home, place, consumes: fields.has("on") });
            }
        }
        heads
    }

    /// Compiles every flow that has a home.
    pub(super) fn flows(&self, root: &Fields<'_, '_>, site: &FlowSite<'_>, edges: &mut Edges) -> Lowered {
        let mut lowered = Lowered::default();
        let Some(Some(table)) = root.table("flow") else { return lowered };
        for (name, place, node) in table.entries() {
            let Some(fields) = table.table_of(node) else { continue };
            let Some(head) = site.heads.get(&name) else { continue };
            let _ = fields.node("runs_on");
            fields.require("steps", "[{ call = \"db\" }]");
            // Who is handed messages may take them and do no more.
            let steps = fields.node("steps").filter(|_| !fields.has("on"));
            if let Some(steps) = steps.filter(|n| n.get_ref().as_array().is_some_and(|s| s.is_empty())) {
                fields.error(
                    Diagnostic::error(steps.span(), format!("flow `{name}` does nothing"))
                        .help("write what a request does: `steps = [{ call = \"db\" }]`, or `[{ work = \"1ms\" }]`"),
                );
            }
            let Some(home) = &head.home else {
                // It is part of whoever names it, and compiled there.
                let _ = (fields.node("steps"), fields.node("draw"));
                if let Some(node) = fields.node("on") {
                    fields.error(
                        Diagnostic::error(node.span(), format!("flow `{name}` has nobody to do its work"))
                            .help("add `runs_on = \"worker\"`"),
                    );
                }
                fields.done();
                continue;
            };
            if !site.components.contains_key(home) {
                let place = fields.node("runs_on").map_or(place, inside);
                self.no_component(place, home, site.components.keys().map(String::as_str));
                fields.give_up();
                continue;
            }
            if site.components.get(home) != Some(&Face::Service) {
                let services = site.components.iter().filter(|(_, face)| **face == Face::Service);
                let place = fields.node("runs_on").map_or(place, inside);
                fields.error(
                    Diagnostic::error(place, format!("`{home}` is no service, so no flow runs there")).nearest(
                        home,
                        "services",
                        services.map(|(name, _)| name.as_str()),
                    ),
                );
                fields.give_up();
                continue;
            }
            let mut compiler = Compiler::new(self, &table, site, home, edges, &name);
            compiler.flow(&fields);
            let (draws, code) = compiler.finish();
            lowered.consuming.extend(self.consuming(&name, head.id, home, &fields, site, edges));
            fields.done();
            lowered.flows.push((home.clone(), head.id, FlowPlan { name, draws, code, hands_over: false }));
        }
        self.check_variables(root, site);
        let hands_over = !site.variables.borrow().defined.is_empty();
        lowered.flows.iter_mut().for_each(|(.., flow)| flow.hands_over = hands_over);
        lowered
    }

    /// `on`, and how messages are taken.
    fn consuming(
        &self,
        name: &str,
        flow: FlowId,
        home: &str,
        fields: &Fields<'_, '_>,
        site: &FlowSite<'_>,
        edges: &mut Edges,
    ) -> Option<Consuming> {
        let group = fields.text("group").unwrap_or_else(|| name.to_owned());
        let parallel = fields.get::<Count>("parallel").map_or(1, |c| c.0.clamp(1, 1 << 20) as u32);
        let order = fields.word("order", &["per_partition", "per_key", "none"]).unwrap_or("per_partition");
        let ack_before = fields.word("ack", &["after", "before"]) == Some("before");
        let node = fields.node("on")?;
        let queue = fields.text_of(node)?;
        match site.components.get(&queue) {
            Some(Face::Queue) => {
                edges.between(&queue, home);
                let home = home.to_owned();
                Some(Consuming { queue, flow, home, group, parallel, order, ack_before })
            }
            Some(_) => {
                fields.error(
                    Diagnostic::error(inside(node), format!("`{queue}` is no queue"))
                        .label("starts no flow in this version")
                        .help("a flow is started by clients, by a call, or by a `[queue.X]`"),
                );
                None
            }
            None => {
                let queues = site.components.iter().filter(|(_, face)| **face == Face::Queue);
                let known = ("queues", queues.map(|(name, _)| name.as_str()));
                self.not_called(inside(node), &queue, "a queue", format!("no queue is called `{queue}`"), known);
                None
            }
        }
    }

    fn check_variables(&self, root: &Fields<'_, '_>, site: &FlowSite<'_>) {
        let variables = site.variables.borrow();
        for (used, place) in &variables.used {
            if !variables.defined.contains(used) {
                let name = &variables.names[usize::from(*used)];
                let known: Vec<String> = variables
                    .defined
                    .iter()
                    .map(|v| format!("${}", variables.names[usize::from(*v)]))
                    .chain(["$request".to_owned(), "$self".to_owned()])
                    .collect();
                root.error(Diagnostic::error(place.clone(), format!("nothing is ever put into `${name}`")).nearest(
                    &format!("${name}"),
                    "variables",
                    known.iter().map(String::as_str),
                ));
            }
        }
    }

    /// A variable, or a number.
    pub(super) fn source(&self, fields: &Fields<'_, '_>, node: &Node<'_>, site: &FlowSite<'_>) -> Option<Source> {
        let Some(text) = node.get_ref().as_str() else {
            return parse::<Count>(node, self.log).map(|count| Source::Number(count.0));
        };
        match text.strip_prefix('$') {
            Some("request") => Some(Source::Request),
            Some("self") => Some(Source::Client),
            Some(name) if name.contains('.') => {
                fields.error(Diagnostic::error(inside(node), "fields of a key come in a later version"));
                None
            }
            Some(name) => Some(Source::Variable(site.taken(name, inside(node)))),
            None => {
                fields.error(
                    Diagnostic::error(inside(node), format!("`{text}` is neither a variable nor a number"))
                        .help("a variable has a dollar, `\"$order\"`; a number has no quotes"),
                );
                None
            }
        }
    }
}
