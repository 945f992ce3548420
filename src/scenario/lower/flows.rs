//! `[flow.X]`: steps into acts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::Lowering;
use super::drafts::Behind;
use super::edges::Edges;
use super::places::KeySet;
use super::steps::Compiler;
use crate::component::cache::WriteMode;
use crate::engine::{FlowId, Span};
use crate::flow::{FlowPlan, Source, Variable};
use crate::scenario::reader::{Fields, inside, parse};
use crate::scenario::tree::Node;
use crate::spec::call::{Call, Signature};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Count, span_above_zero};
use crate::spec::{Diagnostic, Place};

/// A flow as far as its name goes.
#[derive(Clone, Debug)]
pub(super) struct FlowHead {
    pub(super) id: FlowId,
    /// Whose workers do it; nobody's own, if it is a part of whoever names it. Several do it as one if a balancer stands
    /// before them.
    pub(super) homes: Vec<String>,
    pub(super) place: Place,
    /// Whether a queue or a clock starts it.
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

/// A flow that its service starts by itself.
#[derive(Clone, Debug)]
pub(super) struct Periodic {
    pub(super) flow: FlowId,
    pub(super) home: String,
    pub(super) every: Span,
}

/// `every(60s)`, as written.
struct Every(Span);

impl FromText for Every {
    const WHAT: &'static str = "a queue, or how often";
    fn from_text(text: &str) -> Result<Every, TextError> {
        let call = Call::parse(text)?;
        let usage = "`every(60s)`";
        if call.name != "every" {
            return Err(TextError::new(call.name_at(), format!("`{}` starts no flow", call.name))
                .help(format!("write the name of a queue, or {usage}")));
        }
        let bound = call.bind(Signature { usage, positional: &["period"], named: &[] })?;
        Ok(Every(bound.read("period", span_above_zero)?))
    }
}

/// What starts a flow beside clients and calls.
enum Start {
    Message(Consuming),
    Clock(Periodic),
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
    /// What stands behind a load balancer or a cache.
    pub(super) behind: &'a Behind,
    pub(super) keys: &'a BTreeMap<String, KeySet>,
    /// Flows that a step names.
    pub(super) used: RefCell<BTreeSet<String>>,
    pub(super) variables: RefCell<Variables>,
}

impl FlowSite<'_> {
    /// Whom to ask for a flow: where it runs, or the only balancer that leads to all services it runs on, and nowhere
    /// else.
    pub(super) fn asked(&self, head: &FlowHead) -> Option<&str> {
        if let [home] = head.homes.as_slice() {
            return self.components.get_key_value(home).map(|(home, _)| home.as_str());
        }
        let leads = |name: &&String| {
            let ends = self.behind.ends(name);
            ends.len() == head.homes.len() && head.homes.iter().all(|home| ends.contains(&home.as_str()))
        };
        let mut fronts = self.behind.0.keys().filter(leads);
        fronts.next().filter(|_| fronts.next().is_none()).map(String::as_str)
    }

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
    pub(super) periodic: Vec<Periodic>,
}

impl Lowering<'_, '_> {
    pub(super) fn flow_heads(&self, root: &Fields<'_, '_>) -> BTreeMap<String, FlowHead> {
        let mut heads = BTreeMap::new();
        if let Some(Some(table)) = root.table("flow") {
            for (i, (name, place, node)) in table.entries().enumerate() {
                self.name(&name, &place);
                let Some(fields) = table.table_of(node) else { continue };
                let homes = fields.texts("runs_on").unwrap_or_default().into_iter().map(|(home, _)| home).collect();
                heads.insert(name, FlowHead { id: FlowId::at(i), homes, place, consumes: fields.has("on") });
            }
        }
        heads
    }

    /// Compiles every flow that has a home.
    pub(super) fn flows(&self, root: &Fields<'_, '_>, site: &FlowSite<'_>, edges: &mut Edges) -> Lowered {
        let mut lowered = Lowered::default();
        let Some(Some(table)) = root.table("flow") else { return lowered };
        for (name, _, node) in table.entries() {
            let Some(fields) = table.table_of(node) else { continue };
            let Some(head) = site.heads.get(&name) else { continue };
            let homes = fields.texts("runs_on").unwrap_or_default();
            fields.require("steps", "[{ call = \"db\" }]");
            // Who is handed messages may take them and do no more.
            let steps = fields.node("steps").filter(|_| !fields.has("on"));
            if let Some(steps) = steps.filter(|n| n.get_ref().as_array().is_some_and(|s| s.is_empty())) {
                fields.error(
                    Diagnostic::error(steps.span(), format!("flow `{name}` does nothing"))
                        .help("write what a request does: `steps = [{ call = \"db\" }]`, or `[{ work = \"1ms\" }]`"),
                );
            }
            if homes.is_empty() {
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
            }
            let Some(homes) = self.homes(&homes, &fields, site) else {
                fields.give_up();
                continue;
            };
            for home in homes {
                let mut compiler = Compiler::new(self, &table, site, home, edges, &name);
                compiler.flow(&fields);
                let (draws, code) = compiler.finish();
                match self.started(&name, head.id, home, &fields, site, edges) {
                    Some(Start::Message(consuming)) => lowered.consuming.push(consuming),
                    Some(Start::Clock(periodic)) => lowered.periodic.push(periodic),
                    None => {}
                }
                lowered.flows.push((
                    home.to_owned(),
                    head.id,
                    FlowPlan { name: name.clone(), draws, code, hands_over: false },
                ));
                if self.log.borrow().has_errors() {
                    // What is wrong would be told once more.
                    break;
                }
            }
            fields.done();
        }
        self.check_variables(root, site);
        let hands_over = !site.variables.borrow().defined.is_empty();
        lowered.flows.iter_mut().for_each(|(.., flow)| flow.hands_over = hands_over);
        lowered
    }

    /// The services that a flow runs on.
    fn homes<'h>(
        &self,
        written: &'h [(String, Place)],
        fields: &Fields<'_, '_>,
        site: &FlowSite<'_>,
    ) -> Option<Vec<&'h str>> {
        let mut homes: Vec<&str> = Vec::new();
        for (home, place) in written {
            let place = place.clone();
            if homes.contains(&home.as_str()) {
                fields.error(
                    Diagnostic::error(place, format!("it runs on `{home}` twice")).help("name each service once"),
                );
                return None;
            }
            if !site.components.contains_key(home) {
                self.no_component(place, home, site.components.keys().map(String::as_str));
                return None;
            }
            if site.components.get(home) != Some(&Face::Service) {
                let services = site.components.iter().filter(|(_, face)| **face == Face::Service);
                fields.error(
                    Diagnostic::error(place, format!("`{home}` is no service, so no flow runs there")).nearest(
                        home,
                        "services",
                        services.map(|(name, _)| name.as_str()),
                    ),
                );
                return None;
            }
            homes.push(home);
        }
        Some(homes)
    }

    /// `on`: what starts it, and how messages are taken.
    fn started(
        &self,
        name: &str,
        flow: FlowId,
        home: &str,
        fields: &Fields<'_, '_>,
        site: &FlowSite<'_>,
        edges: &mut Edges,
    ) -> Option<Start> {
        let group = fields.text("group").unwrap_or_else(|| name.to_owned());
        let parallel = fields.count_up_to("parallel", 1_000_000).unwrap_or(1);
        let order = fields.word("order", &["per_partition", "per_key", "none"]).unwrap_or("per_partition");
        let ack_before = fields.word("ack", &["after", "before"]) == Some("before");
        let node = fields.node("on")?;
        let queue = fields.text_of(node)?;
        if queue.trim_start().starts_with("every") && queue.contains('(') {
            let every = parse::<Every>(node, self.log)?.0;
            return Some(Start::Clock(Periodic { flow, home: home.to_owned(), every }));
        }
        match site.components.get(&queue) {
            Some(Face::Queue) => {
                edges.between(&queue, home);
                let home = home.to_owned();
                Some(Start::Message(Consuming { queue, flow, home, group, parallel, order, ack_before }))
            }
            Some(_) => {
                fields.error(
                    Diagnostic::error(inside(node), format!("`{queue}` is no queue"))
                        .label("starts no flow in this version")
                        .help("a flow is started by clients, by a call, by a `[queue.X]`, or `every(60s)`"),
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
        let mut told = BTreeSet::new();
        for (used, place) in &variables.used {
            // A flow of several services takes it once for each.
            if !variables.defined.contains(used) && told.insert(place.start) {
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
