//! What runs but probably isn't what was meant: overload, expectations that nothing exercises, parts that nobody uses.

mod evidence;
mod overload;
mod patience;
mod traffic;

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::clients::STORE_OPERATIONS;
use super::head::Head;
use super::{Lowering, Site};
use crate::engine::{GroupId, Instant};
use crate::expect::Expected;
use crate::expect::ast::{Arg, Part, That, Within};
use crate::rpc::Verb;
use crate::rpc::policy::Balance;
use crate::scenario::plan::{ExpectPlan, FaultPlan, Kind};
use crate::scenario::tree;
use crate::spec::{Diagnostic, Place};
use crate::workload::Pattern;

use traffic::Traffic;

impl Lowering<'_, '_> {
    /// Only of a scenario without errors.
    pub(super) fn warn(
        &self,
        tree: &DeTable<'_>,
        site: &Site<'_>,
        head: &Head,
        (expects, variant): (&[ExpectPlan], &str),
        faults: &[FaultPlan],
    ) {
        let end = head.end;
        let judged = expects.iter().filter(|expect| expect.only.is_empty() || expect.only.iter().any(|o| o == variant));
        let judged: Vec<&ExpectPlan> = judged.collect();
        let traffic = Traffic::of(site, end);
        self.overload(tree, site, &traffic, expects);
        self.patience(tree, site, &traffic, expects);
        self.evidence(tree, site, head, &judged, faults);
        self.silent_clients(tree, site, end);
        self.one_point_of_the_ring(tree, site);
        let reached = reached(site);
        self.unused(tree, site, &reached);
        self.never_exercised(tree, site, (&judged, end), faults, &reached);
        self.unknown_verbs(tree, site);
    }

    fn warning(&self, diagnostic: Diagnostic) {
        self.log.borrow_mut().push(diagnostic);
    }

    /// Names that nothing in the file uses. Another design may: what is set there, or was there before this was set, counts.
    fn unused(&self, tree: &DeTable<'_>, site: &Site<'_>, reached: &BTreeSet<String>) {
        let elsewhere = |name: &str| {
            self.chosen.get()
                || self.sources.sets().next().is_some()
                || ["variant", "sweep"].iter().any(|kind| tree.get(*kind).is_some_and(|n| tree::names(n, name)))
        };
        for (name, part) in named(tree, &["service", "load_balancer", "cache", "queue", "store"]) {
            if !reached.contains(&name) && !elsewhere(&name) {
                let kind = tree.iter().find(|(_, v)| v.get_ref().get(&name).is_some()).map(|(k, _)| k.get_ref());
                self.warning(Diagnostic::warning(part, format!("nobody calls `{name}`")).label("not used").help(
                    format!(
                        "let clients, a flow or a load balancer lead to it, or take out [{}.{name}]",
                        kind.map_or("service", |k| k.as_ref())
                    ),
                ));
            }
        }
        for (name, place) in named(tree, &["keys"]) {
            let used = mentions(tree, "clients", "keys", &name) || mentions(tree, "fault", "hot_key", &name);
            if !used && !draws(tree, &name) && !elsewhere(&name) {
                self.warning(
                    Diagnostic::warning(place, format!("nobody uses the keys `{name}`"))
                        .label("not used")
                        .help(format!("name them in a client group: `keys = \"{name}\"`")),
                );
            }
        }
        for (name, place) in named(tree, &["region"]) {
            if site.everybody().into_iter().all(|p| site.region(p) != name) && !elsewhere(&name) {
                self.warning(
                    Diagnostic::warning(place, format!("nobody is in the region `{name}`")).label("not used").help(
                        format!("put replicas there, `replicas = {{ {name} = 1 }}`, or take out [region.{name}]"),
                    ),
                );
            }
        }
        for (name, place) in variables(tree) {
            let taken = format!("${name}");
            if !tree.values().any(|node| tree::names(node, &taken)) {
                self.warning(
                    Diagnostic::warning(place, format!("nothing takes `{taken}`"))
                        .label("not used")
                        .help(format!("a step takes it: `key = \"{taken}\"`")),
                );
            }
        }
    }

    /// Clients whose rate is 0/s from beginning to end, unless a fault sets it.
    fn silent_clients(&self, tree: &DeTable<'_>, site: &Site<'_>, end: Instant) {
        let faults = tree.get("fault").and_then(|faults| faults.get_ref().as_table());
        let set = |path: &str| {
            let sets = faults.into_iter().flatten().filter_map(|(_, fault)| fault.get_ref().get("set"));
            sets.filter_map(|set| set.get_ref().as_table())
                .any(|set| set.keys().any(|key| key.get_ref().starts_with(path)))
        };
        for (population, _) in site.clients {
            let Pattern::Open { rate, .. } = &population.pattern else { continue };
            if rate.mean(Instant::ZERO, end) > 0.0 || set(&format!("clients.{}.", population.name)) {
                continue;
            }
            let Some(place) = value_place(tree, "clients", &population.name, "rate") else { continue };
            self.warning(
                Diagnostic::warning(place, format!("the clients `{}` never ask", population.name))
                    .help(format!("give them a rate, or take out [clients.{}]", population.name)),
            );
        }
    }

    /// Requests without a key that are spread by their key: all go to one instance.
    fn one_point_of_the_ring(&self, tree: &DeTable<'_>, site: &Site<'_>) {
        let hashes = |caller: usize| {
            let edge = site.edges.iter().find(|e| e.caller.index() == caller && !e.name.contains(" checks "))?;
            matches!(edge.policy.balance, Balance::ConsistentHash { .. }).then_some(())
        };
        for (c, (population, _)) in site.clients.iter().enumerate() {
            let caller = site.components.len() + c;
            let edges = site.edges.iter().filter(|e| e.caller.index() == caller);
            let balanced = edges.flat_map(|e| e.callees()).map(|callee| callee.group.index());
            let balanced =
                balanced.filter(|at| matches!(site.components.get(*at).map(|c| &c.kind), Some(Kind::LoadBalancer(_))));
            let spread = hashes(caller).is_some() || balanced.into_iter().any(|at| hashes(at).is_some());
            if !spread || population.mix.iter().any(|entry| entry.action.keyed) {
                continue;
            }
            let Some(place) = value_place(tree, "clients", &population.name, "target") else { continue };
            self.warning(
                Diagnostic::warning(place, format!("the requests of `{}` have no key", population.name))
                    .label("spread by the hash of their key, all go to one instance")
                    .help("draw keys, `keys = \"users\"` of a `[keys.users]`, or choose another policy"),
            );
        }
    }

    /// Operations of a service that nothing in the file knows, and whose name is nearly that of one.
    fn unknown_verbs(&self, tree: &DeTable<'_>, site: &Site<'_>) {
        let mut known: Vec<String> = named(tree, &["flow"]).into_iter().map(|(name, _)| name).collect();
        let services = tree.get("service").and_then(|t| t.get_ref().as_table()).into_iter().flatten();
        let times = services.filter_map(|(_, s)| s.get_ref().get("service_time")?.get_ref().as_table());
        known.extend(times.flatten().map(|(name, _)| name.get_ref().to_string()));
        known.extend(STORE_OPERATIONS.iter().map(|(word, _)| (*word).to_owned()));
        for (population, _) in site.clients {
            for entry in population.mix.iter().filter(|entry| matches!(entry.action.verb, Verb::Serve(_))) {
                let Some(meant) = crate::spec::nearest(&entry.name, known.iter().map(String::as_str)) else { continue };
                let place = tree::find(tree, &format!("clients.{}.mix", population.name))
                    .and_then(|mix| mix.get_ref().as_table()?.get_key_value(entry.name.as_str()))
                    .map(|(key, _)| key.span());
                if let Some(place) = place.filter(|_| meant != entry.name) {
                    self.warning(
                        Diagnostic::warning(place, format!("nothing in the file knows the operation `{}`", entry.name))
                            .label("takes the default time")
                            .help(format!("did you mean `{meant}`?")),
                    );
                }
            }
        }
    }

    /// Expectations whose numbers nothing can produce.
    fn never_exercised(
        &self,
        tree: &DeTable<'_>,
        site: &Site<'_>,
        (expects, end): (&[&ExpectPlan], Instant),
        faults: &[FaultPlan],
        reached: &BTreeSet<String>,
    ) {
        let silent = |name: &str| {
            // Members watch one another, whether anybody calls them or not.
            let works = |kind: &Kind| !matches!(kind, Kind::Membership(_));
            let component = site.components.iter().any(|c| c.name == name && works(&c.kind)) && !reached.contains(name);
            component.then(|| format!("nobody calls `{name}`"))
        };
        for expect in expects {
            let Some(place) = value_place(tree, "expect", &expect.name, "that") else { continue };
            let mut why = scope_names(&expect.that).iter().find_map(|name| silent(name));
            if let Some(crate::expect::Phase::During(name)) = &expect.during
                && faults.iter().any(|f| f.name == *name && f.windows.is_empty())
            {
                why = Some(format!("`{name}` never happens in this run"));
            }
            if let Some(Within::After { delay, fault, .. }) = &expect.within
                && let Some(plan) = faults.iter().find(|f| f.name == *fault)
                && let Some((_, last)) = plan.span()
                && last.0 as f64 + delay.value * 1e9 >= end.0 as f64
            {
                why = Some(format!("{delay} after `{fault}` the run is over"));
            }
            if let Some(why) = why {
                self.warning(
                    Diagnostic::warning(place, format!("`{}` can never be exercised", expect.name)).label(why),
                );
            }
        }
    }
}

/// Components that some client or some clock reaches, over balancers and flows.
fn reached(site: &Site<'_>) -> BTreeSet<String> {
    let mut groups: Vec<GroupId> = (0..site.clients.len()).map(|c| GroupId::at(site.components.len() + c)).collect();
    let mut seen = BTreeSet::new();
    for (g, component) in site.components.iter().enumerate() {
        if matches!(&component.kind, Kind::Service(spec) if !spec.periodic.is_empty()) {
            groups.push(GroupId::at(g));
            seen.insert(component.name.clone());
        }
    }
    while let Some(group) = groups.pop() {
        for edge in site.edges.iter().filter(|e| e.caller == group && !e.name.is_empty()) {
            for callee in edge.callees() {
                if let Some(component) = site.components.get(callee.group.index())
                    && seen.insert(component.name.clone())
                {
                    groups.push(callee.group);
                }
            }
        }
    }
    seen
}

/// Whether what becomes of a component is what the scenario is about: something is expected of it, or not to hold, or
/// it is looked for where something ceases to hold.
fn meant(tree: &DeTable<'_>, expects: &[ExpectPlan], name: &str) -> bool {
    let sweeps = tree.get("sweep").and_then(|sweeps| sweeps.get_ref().as_table());
    let bisects = sweeps.into_iter().flatten().any(|(_, sweep)| sweep.get_ref().get("bisect").is_some());
    let threshold = |that: &That| that.metrics().iter().any(|m| m.measure.as_deref() == Some("threshold"));
    let about = |e: &ExpectPlan| threshold(&e.that) || scope_names(&e.that).iter().any(|n| n == name);
    bisects || expects.iter().any(|e| e.expected != Expected::Holds || about(e))
}

/// The names that an expectation speaks of.
fn scope_names(that: &That) -> Vec<String> {
    fn put(names: &mut Vec<String>, part: &Part) {
        match part {
            Part::Name(name) | Part::Instance { of: name, .. } => names.push(name.clone()),
            Part::Link { from, to, .. } => [from, to].into_iter().for_each(|end| put(names, end)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    for metric in that.metrics() {
        metric.scope.parts.iter().for_each(|(part, _)| put(&mut names, part));
    }
    if let That::Property(property) = that {
        property.args.iter().for_each(|(arg, _)| {
            if let Arg::Part(part) = arg {
                put(&mut names, part);
            }
        });
    }
    names
}

/// Every name under these kinds, and where it is declared.
fn named(tree: &DeTable<'_>, kinds: &[&str]) -> Vec<(String, Place)> {
    let tables = kinds.iter().filter_map(|kind| tree.get(*kind)?.get_ref().as_table());
    tables.flatten().map(|(name, _)| (name.get_ref().to_string(), name.span())).collect()
}

/// Every variable that a flow draws or binds, and where.
fn variables(tree: &DeTable<'_>) -> Vec<(String, Place)> {
    let mut found = Vec::new();
    for (_, flow) in tree.get("flow").and_then(|t| t.get_ref().as_table()).into_iter().flatten() {
        let drawn = flow.get_ref().get("draw").and_then(|draw| draw.get_ref().as_table()).into_iter().flatten();
        found.extend(drawn.map(|(name, _)| (name.get_ref().to_string(), name.span())));
        let steps = flow.get_ref().get("steps").and_then(|steps| steps.get_ref().as_array()).into_iter().flatten();
        let bound = steps.filter_map(|step| step.get_ref().get("bind"));
        found.extend(bound.filter_map(|bind| Some((bind.get_ref().as_str()?.to_owned(), bind.span()))));
    }
    found
}

/// Where the value of a key of an object stands.
fn value_place(tree: &DeTable<'_>, kind: &str, name: &str, key: &str) -> Option<Place> {
    Some(crate::scenario::reader::inside(tree.get(kind)?.get_ref().get(name)?.get_ref().get(key)?))
}

/// Where the value at a path stands, as far as it was written.
fn at_path(tree: &DeTable<'_>, path: &str) -> Option<Place> {
    tree::find(tree, path).map(crate::scenario::reader::inside)
}

/// Whether some flow draws from these keys.
fn draws(tree: &DeTable<'_>, keys: &str) -> bool {
    let flows = tree.get("flow").and_then(|t| t.get_ref().as_table()).into_iter().flatten();
    let drawn = flows.filter_map(|(_, flow)| flow.get_ref().get("draw")?.get_ref().as_table());
    drawn.flatten().any(|(_, value)| matches!(value.get_ref(), DeValue::String(text) if text == keys))
}

/// Whether a key of some object under this kind is that text.
fn mentions(tree: &DeTable<'_>, kind: &str, key: &str, text: &str) -> bool {
    let objects = tree.get(kind).and_then(|t| t.get_ref().as_table()).into_iter().flatten();
    objects.filter_map(|(_, o)| o.get_ref().get(key)).any(|v| matches!(v.get_ref(), DeValue::String(t) if t == text))
}
