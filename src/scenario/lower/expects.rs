//! `[expect.X]`, `[variant.X]`, `[sweep.X]`, `[teach]`.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::Lowering;
use super::flows::FlowHead;
use super::site::Site;
use crate::engine::{Instant, Span};
use crate::expect::ast::{Arg, Member, Metric, Operand, Part, Phase, That, Within};
use crate::expect::{self, Dimension, Expected, Names, Piece, Sentence};
use crate::scenario::full;
use crate::scenario::plan::{ExpectPlan, FaultPlan, Teach};
use crate::scenario::reader::{Fields, found, inside};
use crate::scenario::tree::{self, Node};
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Place, TextError};

/// Properties of what the clients of one store saw, or of how its replicas agree.
const OF_STORES: &[&str] = &[
    "linearizable",
    "sequential",
    "causal",
    "pram",
    "read_your_writes",
    "monotonic_reads",
    "monotonic_writes",
    "writes_follow_reads",
    "bounded_staleness",
    "converged",
    "no_lost_acked_write",
    "no_phantom_value",
    "no_resurrection",
    "single_leader_per_term",
    "log_matching",
    "leader_completeness",
    "state_machine_safety",
];

/// Measures that are known by name only.
const NOT_YET: &[&str] = &["memory_used", "pool_used", "bytes"];
/// Measures of calls from one to another.
const OF_EDGES: &[&str] = &["attempts", "hedges"];

/// Measures that only some kinds of things have, and which kinds.
const MEASURED_OF: &[(&[&str], &[&str])] = &[
    (&["unavailable"], &["clients"]),
    (&["hit_ratio", "byte_hit_ratio"], &["cache"]),
    (&["redeliveries"], &["queue"]),
    (&["false_positives"], &["membership"]),
    (&["stale_served"], &["cache", "store"]),
    (
        &[
            "staleness",
            "versions_behind",
            "t_visibility",
            "lost_writes",
            "conflicts",
            "leader_changes",
            "leaderless",
            "two_leaders",
            "late_acks",
            "divergent_keys",
            "hints",
            "repair_bytes",
            "repair_keys",
            "tree_hashes",
        ],
        &["store"],
    ),
    (
        &["running", "replicas", "utilization", "queue_length", "queue_age"],
        &["service", "load_balancer", "cache", "queue", "store", "membership"],
    ),
];

/// What paths of the scenario measure, for the checks of units.
pub(super) struct Paths<'a, 't>(pub(super) &'a DeTable<'t>);

impl Names for Paths<'_, '_> {
    fn path(&self, path: &str) -> Result<Option<Dimension>, Option<String>> {
        let of_text = |text: &str| {
            let expr = expect::parse_expr(text).ok()?;
            if let Operand::Quantity(q) = expr.operand { Some(q.dimension) } else { None }
        };
        let Some(node) = tree::find(self.0, path) else {
            return match full::default_at(path, |path| tree::find(self.0, path).is_some()) {
                Some(toml::Value::Integer(_) | toml::Value::Float(_)) => Ok(None),
                Some(toml::Value::String(text)) => Ok(of_text(&text)),
                _ => Err(tree::near(self.0, path)),
            };
        };
        Ok(match node.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => None,
            DeValue::String(text) => of_text(text),
            _ => return Err(None),
        })
    }
    fn is_record(&self, _name: &str) -> bool {
        false
    }
}

/// What an expression may speak of.
#[derive(Clone, Copy)]
pub(super) struct Speakable<'a, 't> {
    pub(super) tree: &'a DeTable<'t>,
    pub(super) site: &'a Site<'a>,
    pub(super) faults: &'a [FaultPlan],
    pub(super) flows: &'a BTreeMap<String, FlowHead>,
    pub(super) variants: &'a [(String, Option<String>)],
    pub(super) groups: &'a [String],
}

impl Lowering<'_, '_> {
    pub(super) fn parsed<T>(
        &self,
        text: &str,
        place: &Place,
        parse: impl Fn(&str) -> Result<T, TextError>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.log.borrow_mut().push(Diagnostic::in_text(place.start, error));
                None
            }
        }
    }

    pub(super) fn expects(&self, root: &Fields<'_, '_>, of: &Speakable<'_, '_>, variant: &str) -> Vec<ExpectPlan> {
        let Speakable { faults, variants, .. } = *of;
        let mut expects = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let table = root.table("expect").flatten();
        for (name, place, node) in table.iter().flat_map(Fields::entries) {
            let Some(table) = &table else { break };
            self.check_name(&name, &place);
            names.push(name.clone());
            let Some(mut fields) = table.table_of(node) else { continue };
            fields.place = place.clone();
            fields.require("that", "\"p99(api) < 50ms\"");
            let Some(that_node) = fields.node("that") else { continue };
            let Some(text) = fields.text_of(that_node) else { continue };
            let at = inside(that_node);
            let that = self.parsed(&text, &at, expect::parse_that);
            let expected = fields.word("verdict", &Expected::WORDS).and_then(Expected::of).unwrap_or_default();
            let during_at = fields.node("during").map_or(0..0, inside);
            let during = fields.node("during").and_then(|node| {
                let text = fields.text_of(node)?;
                self.parsed(&text, &inside(node), expect::parse_phase)
            });
            let within_at = fields.node("within").map_or(0..0, inside);
            let within = fields.node("within").and_then(|node| {
                let text = fields.text_of(node)?;
                self.parsed(&text, &inside(node), expect::parse_within)
            });
            let mut needs = Vec::new();
            for (text, place) in fields.texts("needs").unwrap_or_default() {
                let Some(need) = self.parsed(&text, &place, expect::parse_that) else { continue };
                self.statement(&need, &place, of);
                needs.push(need);
            }
            let only = fields.names("only").unwrap_or_default();
            for (name, place) in &only {
                if !variants.iter().any(|(v, _)| v == name) {
                    self.no_variant(place.clone(), name, variants);
                }
            }
            let source = fields.text("source");
            let why = fields.text("why");
            let say = fields.node("say").map_or_else(Vec::new, |node| self.say(&fields, node, of));
            fields.done();
            let Some(that) = that else { continue };
            self.statement(&that, &at, of);
            if matches!(that, That::Near { .. }) && source.is_none() {
                self.log.borrow_mut().push(
                    Diagnostic::error(at.clone(), "a value that should come out needs a `source`")
                        .help("say where the number is from: `source = \"M/M/1: 1 / (mu - lambda)\"`"),
                );
            }
            self.phase(during.as_ref(), &during_at, faults);
            if let Some(Within::After { fault, .. }) = &within {
                self.phase(Some(&Phase::After(fault.clone())), &within_at, faults);
            }
            let line = self.sources.line_column(&place).line;
            let only = only.into_iter().map(|(o, _)| o).collect();
            expects.push(ExpectPlan {
                name,
                that,
                text,
                expected,
                during,
                within,
                needs,
                only,
                source,
                why,
                say,
                line,
            });
        }
        // What the variant expects counts over what the file does.
        if let Some(Some(table)) = root.table("variant") {
            for (name, _, node) in table.entries() {
                let Some(fields) = table.table_of(node) else { continue };
                let Some(Some(changes)) = fields.table("expect") else { continue };
                for (of, place, node) in changes.entries() {
                    let word = changes.text_of(node).unwrap_or_default();
                    let verdict = Expected::of(&word);
                    if verdict.is_none() {
                        changes.error(Diagnostic::error(inside(node), format!("`{word}` is no verdict")).nearest(
                            &word,
                            "verdicts",
                            Expected::WORDS,
                        ));
                    }
                    let target = expects.iter_mut().find(|e: &&mut ExpectPlan| e.name == of);
                    match (target, verdict) {
                        (None, _) if !names.contains(&of) => {
                            changes.error(Diagnostic::error(place, format!("no expectation is called `{of}`")).nearest(
                                &of,
                                "expectations",
                                names.iter().map(String::as_str),
                            ))
                        }
                        (Some(expect), Some(verdict)) if name == variant => expect.expected = verdict,
                        _ => {}
                    }
                }
            }
        }
        expects
    }

    /// Words with expressions in braces. Beside `--set` there are none: they were written of what the file sets.
    fn say(&self, fields: &Fields<'_, '_>, node: &Node<'_>, of: &Speakable<'_, '_>) -> Sentence {
        let Some(text) = fields.text_of(node) else { return Vec::new() };
        let place = inside(node);
        let Some(sentence) = self.parsed(&text, &place, expect::parse_sentence) else { return Vec::new() };
        for piece in &sentence {
            if let Piece::Number((at, expr)) = piece {
                self.expression(expr, &(place.start + at..place.end), of);
            }
        }
        if self.sources.sets().next().is_some() { Vec::new() } else { sentence }
    }

    /// What is expected, or needed: its units, and that what it names is there.
    fn statement(&self, that: &That, at: &Place, of: &Speakable<'_, '_>) {
        for error in expect::check(that, &Paths(of.tree)) {
            fields_error(self, at, error);
        }
        self.scopes(&that.metrics(), at, of);
        self.kinds(&that.metrics(), at, of);
        self.property(that, at, of);
        self.bisections(that, at, of);
    }

    /// That what a measure is of has it.
    pub(super) fn kinds(&self, metrics: &[&Metric], at: &Place, of: &Speakable<'_, '_>) {
        let kind = |name: &str| {
            let component = of.site.components.iter().find(|c| c.name == name).map(|c| c.kind.name());
            component.or(of.site.clients.iter().any(|(c, _)| c.name == name).then_some("clients"))
        };
        for metric in metrics {
            let Some(measure) = metric.measure.as_deref() else { continue };
            let whole = at.start + metric.at.start..at.start + metric.at.end;
            if NOT_YET.contains(&measure) {
                let message = format!("`{measure}` belongs to a later version of the language");
                self.log.borrow_mut().push(Diagnostic::error(whole, message).label("not in this version"));
                continue;
            }
            let edge = metric.scope.parts.iter().any(|(part, _)| matches!(part, Part::Link { .. }));
            if OF_EDGES.contains(&measure) && !edge {
                let message = format!("`{measure}` is counted on edges");
                let help = format!("write who calls whom: `{measure}(web -> db)`");
                self.log.borrow_mut().push(Diagnostic::error(whole, message).help(help));
                continue;
            }
            let Some((_, kinds)) = MEASURED_OF.iter().find(|(measures, _)| measures.contains(&measure)) else {
                continue;
            };
            for (part, bytes) in &metric.scope.parts {
                let (Part::Name(name) | Part::Instance { of: name, .. }) = part else { continue };
                let Some(found) = kind(name).filter(|found| !kinds.contains(found)) else { continue };
                let is = if found == "clients" { "a group of clients".to_owned() } else { format!("a {found}") };
                let which = match kinds {
                    ["clients"] => "of a group of clients",
                    [one] => &format!("of a {one}"),
                    [one, other] => &format!("of a {one} or a {other}"),
                    _ => "of a component",
                };
                let place = at.start + bytes.start..at.start + bytes.end;
                self.log.borrow_mut().push(
                    Diagnostic::error(place, format!("`{name}` is {is}, and `{measure}` is {which}"))
                        .label("it has no such number"),
                );
            }
        }
    }

    /// `threshold(sweep)` is what a bisecting sweep of this file finds. At a point of a sweep, which keeps an empty table of
    /// them, it has been looked for already.
    fn bisections(&self, that: &That, at: &Place, of: &Speakable<'_, '_>) {
        let sweeps = of.tree.get("sweep").and_then(|sweeps| sweeps.get_ref().as_table());
        let bisects = |node: &Node<'_>| node.get_ref().as_table().is_some_and(|sweep| sweep.contains_key("bisect"));
        let all = || sweeps.into_iter().flat_map(DeTable::iter).filter(|(_, node)| bisects(node));
        let metrics = that.metrics();
        if sweeps.is_some_and(DeTable::is_empty) {
            return;
        }
        for metric in metrics.iter().filter(|metric| metric.measure.as_deref() == Some("threshold")) {
            for (part, bytes) in &metric.scope.parts {
                let Part::Name(name) = part else { continue };
                if all().any(|(known, _)| known.get_ref() == name) {
                    continue;
                }
                let place = at.start + bytes.start..at.start + bytes.end;
                let known = all().map(|(known, _)| known.get_ref().as_ref());
                let none = Diagnostic::error(place, format!("no sweep that bisects is called `{name}`"));
                self.log.borrow_mut().push(none.nearest(name, "such sweeps", known));
            }
        }
    }

    fn phase(&self, phase: Option<&Phase>, at: &Place, faults: &[FaultPlan]) {
        let Some(Phase::During(name) | Phase::Before(name) | Phase::After(name)) = phase else { return };
        if !faults.iter().any(|f| f.name == *name) {
            let known = faults.iter().map(|f| f.name.as_str());
            let none = format!("no fault is called `{name}`");
            self.not_called(at.clone(), name, "a fault", none, ("faults", known));
        }
    }

    /// That what metrics speak of is there.
    pub(super) fn scopes(&self, metrics: &[&Metric], at: &Place, of: &Speakable<'_, '_>) {
        let Speakable { site, faults, flows, variants, groups, .. } = *of;
        let entries: Vec<&str> = site.clients.iter().flat_map(|(c, _)| c.mix.iter().map(|m| m.name.as_str())).collect();
        let outcomes = crate::rpc::Outcome::ALL.map(crate::rpc::Outcome::name);
        let sweeps_too = |name: &str| {
            let mut known: Vec<&str> = groups.iter().map(String::as_str).collect();
            known.extend(&entries);
            known.extend(flows.keys().map(String::as_str));
            known.extend(faults.iter().map(|f| f.name.as_str()));
            known.extend(outcomes);
            (known.contains(&name), known.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>())
        };
        for metric in metrics {
            let threshold = metric.measure.as_deref() == Some("threshold");
            for (part, bytes) in &metric.scope.parts {
                let place = at.start + bytes.start..at.start + bytes.end;
                match part {
                    Part::Name(name) if !threshold => {
                        let (known, all) = sweeps_too(name);
                        if !known {
                            let wanted = "a component, clients, a flow or a fault";
                            let all = ("names here", all.iter().map(String::as_str));
                            self.not_called(place, name, wanted, format!("nothing is called `{name}`"), all);
                        }
                    }
                    Part::Instance { of, .. } if !groups.contains(of) => {
                        self.log.borrow_mut().push(
                            Diagnostic::error(place, format!("no component is called `{of}`")).nearest(
                                of,
                                "components",
                                groups.iter().map(String::as_str),
                            ),
                        );
                    }
                    Part::Instance { of, members } => {
                        // Only a component's own instances have numbers that are known; those of shards don't.
                        let [Member::Index(index)] = members.as_slice() else { continue };
                        let count = site.groups.iter().find(|(n, ..)| n == of).map_or(0, |g| g.2);
                        if *index >= count {
                            let help = match count {
                                0 | 1 => format!("its only one is {of}/0"),
                                _ => format!("its instances are {of}/0 to {of}/{}", count - 1),
                            };
                            self.log
                                .borrow_mut()
                                .push(Diagnostic::error(place, format!("`{of}` has no instance {index}")).help(help));
                        }
                    }
                    Part::Phase(phase) => self.phase(Some(phase), &place, faults),
                    Part::Region(_) | Part::Zone(_) => self.log.borrow_mut().push(
                        Diagnostic::error(place, "regions and zones have no numbers of their own in this version")
                            .help("name the clients or the component that stand there"),
                    ),
                    Part::Link { from, to, .. } if !matches!((&**from, &**to), (Part::Name(_), Part::Name(_))) => {
                        self.log.borrow_mut().push(
                            Diagnostic::error(place, "only edges between components have numbers")
                                .help("write a caller and whom it calls: `web -> db`"),
                        );
                    }
                    Part::Link { from, to, .. } => {
                        if let (Part::Name(a), Part::Name(b)) = (&**from, &**to)
                            && site.edge(a, b).is_none()
                        {
                            if let Some(edge) = site.shared_edge(a, b) {
                                if metric.measure.as_deref() == Some("attempts") {
                                    continue;
                                }
                                let name = &site.edges[edge.index()].name;
                                self.log.borrow_mut().push(
                                    Diagnostic::error(
                                        place,
                                        format!("`{a}` asks all its targets over one edge, {name}"),
                                    )
                                    .help(format!(
                                        "measure the target itself, `{b}`, or `{a}`; of one target only \
                                         `attempts({a} -> {b})` are counted"
                                    )),
                                );
                                continue;
                            }
                            let known: Vec<String> = site.edges.iter().map(|e| e.name.clone()).collect();
                            self.log.borrow_mut().push(
                                Diagnostic::error(place, format!("nobody calls over `{a} -> {b}`")).nearest(
                                    &format!("{a} -> {b}"),
                                    "edges",
                                    known.iter().map(String::as_str),
                                ),
                            );
                        }
                    }
                    _ => {}
                }
            }
            if let Some(variant) = &metric.variant
                && !variants.iter().any(|(v, _)| v == variant)
            {
                let place = at.start + metric.at.start..at.start + metric.at.end;
                self.no_variant(place, variant, variants);
            }
        }
    }

    /// What a property is about must be there; what a history says is only known of stores.
    fn property(&self, that: &That, at: &Place, of: &Speakable<'_, '_>) {
        let Speakable { site, flows, .. } = *of;
        let That::Property(property) = that else { return };
        for (arg, bytes) in &property.args {
            let place = at.start + bytes.start..at.start + bytes.end;
            let Arg::Part(Part::Name(name)) = arg else { continue };
            let component = site.components.iter().find(|c| c.name == *name);
            let stores = || site.components.iter().filter(|c| c.kind.name() == "store").map(|c| c.name.as_str());
            if OF_STORES.contains(&property.name.as_str()) && component.is_none_or(|c| c.kind.name() != "store") {
                match component {
                    Some(c) => {
                        let is = c.kind.name();
                        let message = format!("`{name}` is a {is}; `{}` is about a store", property.name);
                        self.log.borrow_mut().push(Diagnostic::error(place, message).nearest(name, "stores", stores()));
                    }
                    None => {
                        let none = format!("no store is called `{name}`");
                        self.not_called(place, name, "a store", none, ("stores", stores()));
                    }
                }
            } else if component.is_none()
                && !flows.contains_key(name)
                && !site.groups.iter().any(|(n, ..)| n == name)
                && !self.log.is_spoiled(name)
            {
                let known = site.groups.iter().map(|(n, ..)| n.as_str()).chain(flows.keys().map(String::as_str));
                self.log.borrow_mut().push(Diagnostic::error(place, format!("nothing is called `{name}`")).nearest(
                    name,
                    "names here",
                    known,
                ));
            }
        }
    }

    /// All variants in the order of the file, the base first.
    pub(super) fn variants(&self, root: &Fields<'_, '_>, base: &str) -> Vec<(String, Option<String>)> {
        let mut variants = vec![(base.to_owned(), None)];
        let Some(Some(table)) = root.table("variant") else { return variants };
        let mut found = Vec::new();
        for (name, place, node) in table.entries() {
            self.check_name(&name, &place);
            let Some(fields) = table.table_of(node) else { continue };
            if name == base {
                fields.error(
                    Diagnostic::error(place.clone(), format!("`{name}` is what the file without a variant is called"))
                        .help("choose another name, or set `base`"),
                );
            }
            let why = fields.text("why");
            if let Some(set) = fields.node("set") {
                let _ = fields.table_of(set);
            }
            let _ = fields.node("expect");
            fields.done();
            found.push((place.start, name, why));
        }
        found.sort();
        variants.extend(found.into_iter().map(|(_, name, why)| (name, why)));
        variants
    }

    pub(super) fn teach(&self, root: &Fields<'_, '_>) -> Teach {
        let mut teach = Teach::default();
        let Some(Some(fields)) = root.table("teach") else { return teach };
        teach.minutes = fields.get::<Count>("minutes").map(|c| c.0);
        let texts = |key| fields.texts(key).unwrap_or_default().into_iter().map(|(t, _)| t).collect();
        (teach.hints, teach.look_for, teach.reading) = (texts("hints"), texts("look_for"), texts("reading"));
        if let Some(list) = fields.node("predict") {
            if list.get_ref().as_array().is_none() {
                fields.error(
                    Diagnostic::error(list.span(), format!("expected a list, found {}", found(list.get_ref())))
                        .help("write `predict = [{ ask = \"…?\", choices = [\"a\", \"b\"], answer = \"a\" }]`"),
                );
            }
            for node in list.get_ref().as_array().into_iter().flatten() {
                let Some(item) = fields.table_of(node) else { continue };
                item.require("ask", "\"Which of them is faster?\"");
                item.require("answer", "\"the second\"");
                let ask = item.text("ask").unwrap_or_default();
                let choices = item.texts("choices").unwrap_or_default().into_iter().map(|(c, _)| c).collect();
                let answer = item.text("answer").unwrap_or_default();
                item.done();
                teach.predict.push((ask, choices, answer));
            }
        }
        fields.done();
        teach
    }
}

pub(super) fn fields_error(lowering: &Lowering<'_, '_>, at: &Place, error: TextError) {
    lowering.log.borrow_mut().push(Diagnostic::in_text(at.start, error));
}

/// A value as `--set` takes it.
pub(super) fn written(value: &DeValue<'_>) -> String {
    tree::plain(value).to_string()
}

/// The stretches in which a `within … after fault` must hold: from `delay` after each end of the fault until the next
/// fault begins or the run ends.
pub(crate) fn after_windows(
    delay: Span,
    fault: &FaultPlan,
    faults: &[FaultPlan],
    end: Instant,
) -> Vec<std::ops::Range<Instant>> {
    let starts: Vec<Instant> = faults.iter().flat_map(|f| f.windows.iter().map(|w| w.0)).collect();
    let mut out = Vec::new();
    for (_, to) in &fault.windows {
        let from = *to + delay;
        let next = starts.iter().copied().filter(|s| *s >= *to).min().unwrap_or(end).min(end);
        if from < next {
            out.push(from..next);
        }
    }
    out
}
