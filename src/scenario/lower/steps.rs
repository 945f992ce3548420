//! The steps of a flow, each into its acts.

use super::Lowering;
use super::edges::Edges;
use super::flows::{Face, FlowSite};
use crate::component::cache::WriteMode;
use crate::flow::{Act, CallAct, Failing, Law, Source, Variable};
use crate::rpc::{Consistency, Outcome, Verb};
use crate::scenario::reader::{Fields, inside, is_none, parse};
use crate::scenario::tree::Node;
use crate::spec::dist::{Counts, Durations};
use crate::spec::text::FromText as _;
use crate::spec::units::{Count, Share, Size};
use crate::spec::{Diagnostic, Place};

/// So deep flows may be parts of one another: deeper than any that somebody can follow.
const DEEPEST: usize = 64;

/// The words that a step may begin with, and those of the language that this version doesn't play.
const ACTIONS: &[&str] = &[
    "call", "work", "sleep", "read", "write", "delete", "add", "append", "scan", "parallel", "fan_out", "branch",
    "loop", "dedupe", "reply",
];
const LATER: &[&str] = &["query", "txn", "lock", "publish", "push", "record"];

/// Whether what looks so can be asked by this kind of step.
fn fits(face: &Face, action: &str) -> bool {
    match face {
        Face::Queue => action == "append",
        Face::Cache { .. } => matches!(action, "read" | "write" | "delete" | "call"),
        Face::Service => action == "call",
        Face::Store | Face::Plain => true,
    }
}

/// Compiles one flow, and what it names that runs nowhere by itself.
pub(super) struct Compiler<'c, 'f, 't, 'l, 'u> {
    low: &'c Lowering<'l, 'u>,
    flows: &'c Fields<'f, 't>,
    site: &'c FlowSite<'c>,
    home: &'c str,
    edges: &'c mut Edges,
    code: Vec<Act>,
    draws: Vec<(Variable, Law)>,
    /// The flows being compiled, the outermost first.
    trail: Vec<String>,
    counters: u32,
}

impl<'c, 'f, 't, 'l, 'u> Compiler<'c, 'f, 't, 'l, 'u> {
    pub(super) fn new(
        low: &'c Lowering<'l, 'u>,
        flows: &'c Fields<'f, 't>,
        site: &'c FlowSite<'c>,
        home: &'c str,
        edges: &'c mut Edges,
        name: &str,
    ) -> Self {
        let trail = vec![name.to_owned()];
        Compiler { low, flows, site, home, edges, code: Vec::new(), draws: Vec::new(), trail, counters: 0 }
    }

    pub(super) fn finish(self) -> (Vec<(Variable, Law)>, Vec<Act>) {
        (self.draws, self.code)
    }

    fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Keeps room for an act that is known later.
    fn later(&mut self) -> usize {
        self.code.push(Act::End);
        self.code.len() - 1
    }

    pub(super) fn flow(&mut self, flow: &Fields<'_, '_>) {
        if let Some(Some(table)) = flow.table("draw") {
            for (name, place, node) in table.entries() {
                let law = self.law(&table, node);
                if ["request", "self", "cursor"].contains(&name.as_str()) {
                    table.error(Diagnostic::error(place, format!("`${name}` is there without being drawn")));
                }
                if let Some(law) = law {
                    self.draws.push((self.site.defined(&name), law));
                }
            }
        }
        let Some(node) = flow.node("steps") else { return };
        let Some(steps) = node.get_ref().as_array() else {
            flow.error(Diagnostic::error(node.span(), "steps are a list").help("write `steps = [{ call = \"db\" }]`"));
            return;
        };
        for node in steps.iter() {
            if let Some(step) = flow.table_of(node) {
                self.step(step);
            }
        }
    }

    fn law(&self, table: &Fields<'_, '_>, node: &Node<'_>) -> Option<Law> {
        let text = node.get_ref().as_str();
        if text == Some("unique") {
            return Some(Law::Unique);
        }
        if let Some(set) = text.and_then(|name| self.site.keys.get(name)) {
            return Some(Law::Key(set.id as u16));
        }
        if let Some(text) = text
            && crate::spec::Drawn::<Counts>::from_text(text).is_err()
        {
            let known = self.site.keys.keys().map(String::as_str).chain(["unique"]);
            table.error(
                Diagnostic::error(inside(node), format!("nothing can be drawn from `{text}`"))
                    .label("not a key set, a distribution or `unique`")
                    .nearest(text, "there are", known),
            );
            return None;
        }
        let drawn = parse::<crate::spec::Drawn<Counts>>(node, self.low.log)?;
        self.low.loaded(&drawn, node.span()).map(Law::Number)
    }

    fn step(&mut self, step: Fields<'_, '_>) {
        let found: Vec<String> = step
            .entries()
            .map(|(key, ..)| key)
            .filter(|key| ACTIONS.contains(&key.as_str()) || LATER.contains(&key.as_str()))
            .collect();
        let [action] = found.as_slice() else {
            let odd = step.entries().find(|(key, ..)| found.is_empty() && !step.knows(key));
            if let Some((key, place, _)) = odd {
                step.said(&key);
                step.error(Diagnostic::error(place, format!("no step is called `{key}`")).nearest(
                    &key,
                    "steps",
                    ACTIONS.iter().copied(),
                ));
                step.give_up();
                return;
            }
            let message = match found.len() {
                0 => "this step has no action".to_owned(),
                _ => format!("this step has {} actions: {}", found.len(), found.join(", ")),
            };
            step.error(
                Diagnostic::error(step.place.clone(), message).help(format!("exactly one of: {}", ACTIONS.join(", "))),
            );
            step.give_up();
            return;
        };
        let Some(action) = ACTIONS.iter().find(|a| *a == action) else {
            let entry = step.entries().find(|(key, ..)| key == action);
            let (place, named) = entry.map_or((step.place.clone(), None), |(_, place, node)| (place, Some(node)));
            // What stands beside it has its place there, and the name that it would make is none yet.
            step.entries().for_each(|(key, ..)| step.said(&key));
            if let Some(name) = named.and_then(|node| node.get_ref().as_str()) {
                self.low.log.spoil(name);
            }
            step.error(
                Diagnostic::error(place, format!("the step `{action}` belongs to a later version of the language"))
                    .help(format!("this version has: {}", ACTIONS.join(", "))),
            );
            step.give_up();
            return;
        };
        let _ = step.node("label");
        let errors = self.low.log.borrow().errors();
        let fallback = step.node("fallback");
        let guard = fallback.map(|_| self.later());
        self.action(action, &step);
        if let (Some(node), Some(guard)) = (fallback, guard) {
            self.code.push(Act::Unguard);
            let done = self.later();
            self.code[guard] = Act::Guard(self.here());
            self.code.push(Act::Degrade);
            if let Some(name) = step.text_of(node)
                && name != "default"
            {
                self.run(&step, &name, inside(node), Source::Key, None);
            }
            self.code[done] = Act::Jump(self.here());
        }
        // What stands beside something wrong may have been passed over.
        if self.low.log.borrow().errors() > errors {
            step.give_up();
        } else {
            step.done();
        }
    }

    fn action(&mut self, action: &'static str, step: &Fields<'_, '_>) {
        match action {
            "parallel" => self.parallel(step),
            "fan_out" => self.fan_out(step),
            "branch" => self.branch(step),
            "loop" => self.repeat(step),
            "dedupe" => self.dedupe(step),
            "work" => self.code.extend(self.low.drawn::<Durations>(step, "work").map(Act::Work)),
            "sleep" => self.code.extend(self.low.drawn::<Durations>(step, "sleep").map(Act::Sleep)),
            "reply" => {
                let Some(node) = step.node("reply") else { return };
                let words = ["ok", "error"];
                self.code.extend(match node.get_ref().as_str() {
                    Some(text) if !text.starts_with('$') => step
                        .word("reply", &words)
                        .map(|word| Act::Reply(if word == "ok" { Outcome::Ok } else { Outcome::Error }, None)),
                    _ => self.low.source(step, node, self.site).map(|s| Act::Reply(Outcome::Ok, Some(s))),
                });
            }
            _ => self.call(step, action),
        }
    }

    /// `call`, `read`, `write` and the like.
    fn call(&mut self, step: &Fields<'_, '_>, action: &'static str) {
        let Some(node) = step.node(action) else { return };
        let Some(written) = step.text_of(node) else { return };
        let key = step.node("key").and_then(|node| self.low.source(step, node, self.site)).unwrap_or(Source::Key);
        let bind = step.text("bind").map(|name| self.site.defined(&name));
        let (name, operation) = written.split_once('.').map_or((written.as_str(), None), |(n, o)| (n, Some(o)));
        if action == "call" && self.site.heads.contains_key(name) {
            self.run(step, name, inside(node), key, bind);
            return;
        }
        let Some(face) = self.site.components.get(name) else {
            self.nobody(action, name, inside(node));
            return;
        };
        let verb = match action {
            "read" => Verb::Read,
            "write" if step.has("if") => Verb::CompareAndSet,
            "write" => Verb::Write,
            "delete" => Verb::Delete,
            "add" => Verb::Add,
            "append" => Verb::Append,
            "scan" => Verb::Scan,
            _ => Verb::Serve(self.low.operation(operation.unwrap_or("request"))),
        };
        let fits = fits(face, action) && (*face != Face::Store || action != "call" || operation.is_none());
        if !fits && *face == Face::Service {
            step.error(
                Diagnostic::error(inside(node), format!("`{name}` is no store, so it can't {action}"))
                    .help(format!("write `{{ call = \"{name}\" }}`")),
            );
        } else if !fits {
            let (what, takes) = match face {
                Face::Queue => ("a queue", "`append`"),
                Face::Cache { .. } => ("a cache", "`read`, `write` and `delete`"),
                Face::Store => ("a store", "`read`, `write`, `delete`, `add`, `append` and `scan`"),
                Face::Service | Face::Plain => ("a service", "`call`"),
            };
            let label = format!("{what} takes {takes}");
            step.error(Diagnostic::error(inside(node), format!("`{action}` is nothing for `{name}`")).label(label));
        }
        let source = |key: &'static str| step.node(key).and_then(|node| self.low.source(step, node, self.site));
        let value = match action {
            "add" => Some(source("by").unwrap_or(Source::Number(1))),
            "write" | "append" => source("value"),
            _ => None,
        };
        let expected = (verb == Verb::CompareAndSet).then(|| {
            let free = step.node("if").is_some_and(|n| n.get_ref().as_str() == Some("free"));
            if free { Source::Number(0) } else { source("if").unwrap_or(Source::Number(0)) }
        });
        let words = ["one", "local_one", "quorum", "local_quorum", "all", "linearizable", "follower"];
        let consistency = (verb == Verb::Read).then(|| step.word("consistency", &words)).flatten().map(consistency);
        let instance = step.get::<Count>("instance").map(|count| u32::try_from(count.0).unwrap_or(u32::MAX));
        let bytes = step.get::<Size>("size").map(|size| size.0.min(u64::from(u32::MAX)) as u32);
        let call = CallAct {
            key,
            value,
            expected,
            bytes,
            consistency,
            instance,
            bind,
            ..CallAct::new(crate::engine::EdgeId(0), verb)
        };
        self.ask(name.to_owned(), call);
    }

    /// A step asks something that isn't there, or can't be asked anything.
    fn nobody(&self, action: &str, name: &str, place: Place) {
        let components = self.site.components.iter().filter(|(_, face)| fits(face, action)).map(|(name, _)| name);
        let flows = self.site.heads.keys().filter(|_| action == "call");
        let known = ("there are", components.chain(flows).map(String::as_str));
        let wanted = match action {
            "call" => "a component or a flow",
            "append" => "a store or a queue",
            "add" | "scan" => "a store",
            _ => "a store or a cache",
        };
        self.low.not_called(place, name, wanted, format!("nothing is called `{name}`"), known);
    }

    /// Asks a component; of a cache that its callers fill, in its way.
    fn ask(&mut self, name: String, call: CallAct) {
        let edge = |compiler: &mut Self, to: &str| compiler.edges.between(compiler.home, to);
        let aside = match self.site.components.get(&name) {
            Some(Face::Cache { backing, reads_through: false, writes })
                if self.site.components.contains_key(backing) =>
            {
                Some((backing.clone(), *writes))
            }
            _ => None,
        };
        let Some((backing, writes)) = aside else {
            let edge = edge(self, &name);
            self.code.push(Act::Call(Box::new(CallAct { edge, ..call })));
            return;
        };
        if matches!(call.verb, Verb::Read | Verb::Serve(_)) {
            let cache = edge(self, &name);
            let look = CallAct { edge: cache, verb: Verb::Read, failing: Failing::Forgiven, ..call.clone() };
            self.code.push(Act::Call(Box::new(look)));
            let missed = self.later();
            let key = call.key;
            let verb = match self.site.components.get(&backing) {
                Some(Face::Service | Face::Plain) => Verb::Serve(self.low.operation("request")),
                _ => call.verb,
            };
            self.ask(backing, CallAct { verb, ..call });
            self.code.push(Act::Fill { edge: cache, key });
            self.code[missed] = Act::Missed(self.here());
            return;
        }
        if matches!(writes, WriteMode::Through | WriteMode::Behind) {
            let edge = edge(self, &name);
            self.code.push(Act::Call(Box::new(CallAct { edge, ..call })));
            return;
        }
        let key = call.key;
        self.ask(backing, call);
        if writes == WriteMode::Invalidate {
            let edge = edge(self, &name);
            let drop = CallAct { key, failing: Failing::Forgiven, ..CallAct::new(edge, Verb::Invalidate) };
            self.code.push(Act::Call(Box::new(drop)));
        }
    }

    /// Runs a flow: over there, or here if it has no place of its own.
    fn run(&mut self, step: &Fields<'_, '_>, name: &str, place: Place, key: Source, bind: Option<Variable>) {
        self.site.used.borrow_mut().insert(name.to_owned());
        let Some(head) = self.site.heads.get(name) else {
            let known = ("flows", self.site.heads.keys().map(String::as_str));
            self.low.not_called(place, name, "a flow", format!("no flow is called `{name}`"), known);
            return;
        };
        if !head.homes.is_empty() {
            let asked = match self.site.asked(head) {
                Some(asked) => asked.to_owned(),
                // What isn't there is told where it is named.
                None if head.homes.len() == 1 => return,
                None => {
                    let homes = head.homes.join(" and ");
                    step.error(
                        Diagnostic::error(place, format!("flow `{name}` runs on {homes}"))
                            .label("nobody chooses between them")
                            .help("put one load balancer before all of them; it is asked then"),
                    );
                    return;
                }
            };
            let edge = self.edges.between(self.home, &asked);
            self.code.push(Act::Call(Box::new(CallAct { key, bind, ..CallAct::new(edge, Verb::Run(head.id)) })));
            return;
        }
        if self.trail.iter().any(|outer| outer == name) {
            let mut circle: Vec<&str> = self.trail.iter().map(String::as_str).collect();
            circle.push(name);
            let message = format!("flows go in a circle: {}", circle.join(" -> "));
            let lines = self.low.lines(&circle, self.site.heads);
            step.error(Diagnostic::error(place, message).help(format!("such a request never ends; {lines}")));
            return;
        }
        if self.trail.len() >= DEEPEST {
            step.error(
                Diagnostic::error(place, format!("flows are parts of one another more than {DEEPEST} deep"))
                    .help("give a flow in between its own `runs_on`: it is called then"),
            );
            return;
        }
        let flows = self.flows;
        let inner = flows.entries().find(|(n, ..)| n == name).and_then(|(_, _, node)| flows.table_of(node));
        if let Some(inner) = inner {
            self.trail.push(name.to_owned());
            self.flow(&inner);
            self.trail.pop();
        }
    }

    fn parallel(&mut self, step: &Fields<'_, '_>) {
        let flows = step.texts("parallel").unwrap_or_default();
        let all = flows.len() as u32;
        let needed = self.wait(step, Some(all)).unwrap_or(all);
        let (fork, done) = (self.later(), self.later());
        let mut starts = Vec::new();
        for (name, place) in flows {
            starts.push(self.here());
            self.run(step, &name, place, Source::Key, None);
            self.code.push(Act::End);
        }
        self.code[fork] = Act::Parallel { starts, needed };
        self.code[done] = Act::Jump(self.here());
    }

    /// `wait`: how many of `all` must succeed; `None` = all of however many there are.
    fn wait(&self, step: &Fields<'_, '_>, all: Option<u32>) -> Option<u32> {
        let node = step.node("wait")?;
        if node.get_ref().as_str().is_some() {
            return match step.word("wait", &["all", "any", "none"]) {
                Some("any") => Some(1),
                Some("none") => Some(0),
                _ => None,
            };
        }
        let count = parse::<Count>(node, self.low.log).map_or(0, |c| c.0);
        if let Some(all) = all.filter(|all| count > u64::from(*all)) {
            step.error(Diagnostic::error(node.span(), format!("there are only {all} to wait for")));
        }
        Some(count.min(u64::from(all.unwrap_or(u32::MAX))) as u32)
    }

    fn fan_out(&mut self, step: &Fields<'_, '_>) {
        let Some(node) = step.node("fan_out") else { return };
        let over = match node.get_ref().as_str() {
            Some(text) if text.contains('(') => {
                step.error(
                    Diagnostic::error(inside(node), "members of groups and friends come in a later version")
                        .help("fan out over a list that was read, `\"$list\"`, or over a number"),
                );
                None
            }
            _ => self.low.source(step, node, self.site),
        };
        step.require("each", "\"deliver\"");
        let member = self.site.defined(&step.text("as").unwrap_or_else(|| "member".to_owned()));
        let needed = self.wait(step, None);
        let each = step.node("each").and_then(|node| Some((step.text_of(node)?, inside(node))));
        let (Some(over), Some((each, place))) = (over, each) else { return };
        let (fork, done) = (self.later(), self.later());
        let start = self.here();
        self.run(step, &each, place, Source::Variable(member), None);
        self.code.push(Act::End);
        self.code[fork] = Act::FanOut { over, member, start, needed };
        self.code[done] = Act::Jump(self.here());
    }

    fn branch(&mut self, step: &Fields<'_, '_>) {
        let Some(node) = step.node("branch") else { return };
        step.require("then", "\"rare-case\"");
        let share = node.get_ref().as_str().filter(|text| !text.starts_with('$')).is_some();
        let share = if share { parse::<Share>(node, self.low.log).map(|s| s.0) } else { None };
        let of = if share.is_none() && node.get_ref().as_str().is_some_and(|t| t.starts_with('$')) {
            self.low.source(step, node, self.site)
        } else {
            None
        };
        let named = |key: &'static str| step.node(key).and_then(|node| Some((step.text_of(node)?, inside(node))));
        let (then, otherwise) = (named("then"), named("else"));
        let fork = self.later();
        if let Some((name, place)) = then {
            self.run(step, &name, place, Source::Key, None);
        }
        let mut other = self.here();
        if let Some((name, place)) = otherwise {
            let done = self.later();
            other = self.here();
            self.run(step, &name, place, Source::Key, None);
            self.code[done] = Act::Jump(self.here());
        }
        self.code[fork] = match (share, of) {
            (Some(share), _) => Act::Chance(share, other),
            (None, Some(source)) => Act::If(source, other),
            (None, None) => Act::Jump(other),
        };
    }

    fn repeat(&mut self, step: &Fields<'_, '_>) {
        step.require("max", "10");
        let named = step.node("loop").and_then(|node| Some((step.text_of(node)?, inside(node))));
        let most = step.get::<Count>("max").map_or(1, |c| c.0);
        let until = step.node("until").and_then(|node| self.low.source(step, node, self.site));
        let Some((name, place)) = named else { return };
        if most == 0 {
            step.error(Diagnostic::error(step.place.clone(), "a loop of no rounds does nothing"));
        }
        self.counters += 1;
        // No name of a scenario has a space.
        let counter = self.site.defined(&format!("round {} of {}", self.counters, self.trail[0]));
        self.code.push(Act::Clear(counter));
        let back = self.here();
        self.run(step, &name, place, Source::Key, None);
        self.code.push(Act::Again { counter, most, until, back });
    }

    fn dedupe(&mut self, step: &Fields<'_, '_>) {
        let Some(node) = step.node("dedupe") else { return };
        let Some(name) = step.text_of(node) else { return };
        let key = step.node("key").and_then(|node| self.low.source(step, node, self.site)).unwrap_or(Source::Request);
        let lasting = step.node("window").filter(|node| !is_none(node));
        let window = lasting.and_then(|_| step.above_zero("window", "what is remembered for 0s is forgotten"));
        let window = window.map(|span| span.0);
        match self.site.components.get(&name) {
            Some(Face::Service) if name == self.home => self.code.push(Act::Dedupe { key, window }),
            Some(Face::Store) => {
                if window.is_some() {
                    let place = step.node("window").map_or(step.place.clone(), |n| n.span());
                    step.error(
                        Diagnostic::error(place, "a store remembers for good")
                            .help("leave `window` out, or dedupe in memory"),
                    );
                }
                let edge = self.edges.between(self.home, &name);
                self.code.push(Act::Call(Box::new(CallAct {
                    key,
                    value: Some(Source::Number(1)),
                    expected: Some(Source::Number(0)),
                    failing: Failing::Duplicate,
                    ..CallAct::new(edge, Verb::CompareAndSet)
                })));
            }
            _ => {
                let stores = self.site.components.iter().filter(|(_, face)| **face == Face::Store);
                let known = stores.map(|(name, _)| name.as_str()).chain([self.home]);
                step.error(
                    Diagnostic::error(inside(node), format!("`{name}` remembers nothing"))
                        .label("not a store, and not where this flow runs")
                        .nearest(&name, "there are", known),
                );
            }
        }
    }
}

/// The word of a step or client.
pub(super) fn consistency(word: &str) -> Consistency {
    match word {
        "one" => Consistency::One,
        "local_one" => Consistency::LocalOne,
        "quorum" => Consistency::Quorum,
        "local_quorum" => Consistency::LocalQuorum,
        "all" => Consistency::All,
        "linearizable" => Consistency::Linearizable,
        _ => Consistency::Follower,
    }
}
