//! What runs but probably isn't what was meant: overload, expectations that nothing exercises, parts that nobody uses.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::clients::STORE_OPERATIONS;
use super::{Lowering, Site};
use crate::engine::{GroupId, Instant};
use crate::expect::Expected;
use crate::expect::ast::{Arg, Part, That, Within};
use crate::physics::station::DropRule;
use crate::rpc::Verb;
use crate::rpc::policy::Balance;
use crate::scenario::plan::{ExpectPlan, FaultPlan, Kind};
use crate::scenario::tree;
use crate::spec::{Diagnostic, Place};
use crate::workload::Pattern;

impl Lowering<'_, '_> {
    /// Only of a scenario without errors.
    pub(super) fn warn(
        &self,
        tree: &DeTable<'_>,
        site: &Site<'_>,
        end: Instant,
        expects: &[ExpectPlan],
        faults: &[FaultPlan],
    ) {
        self.overload(tree, site, end, expects);
        self.silent_clients(tree, site, end);
        self.one_point_of_the_ring(tree, site);
        let reached = reached(site);
        for (name, part) in named(tree, &["service", "load_balancer", "cache", "queue", "store"]) {
            if !reached.contains(&name) {
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
            if !used && !draws(tree, &name) {
                self.warning(
                    Diagnostic::warning(place, format!("nobody uses the keys `{name}`"))
                        .label("not used")
                        .help(format!("name them in a client group: `keys = \"{name}\"`")),
                );
            }
        }
        self.never_exercised(tree, site, (expects, end), faults, &reached);
        self.unknown_verbs(tree, site);
    }

    fn warning(&self, diagnostic: Diagnostic) {
        self.log.borrow_mut().push(diagnostic);
    }

    /// Steady utilisation above 1 of what clients reach directly or through balancers, if nothing bounds the queue and
    /// no expectation says that it is meant.
    fn overload(&self, tree: &DeTable<'_>, site: &Site<'_>, end: Instant, expects: &[ExpectPlan]) {
        let meant = |name: &str| {
            expects.iter().any(|e| e.expected != Expected::Holds || scope_names(&e.that).iter().any(|n| n == name))
        };
        for (g, component) in site.components.iter().enumerate() {
            let (mut rate, mut writes) = (0.0, 0.0);
            let mut places = Vec::new();
            for (c, (population, _)) in site.clients.iter().enumerate() {
                let Pattern::Open { rate: r, requests, .. } = &population.pattern else { continue };
                let caller = site.components.len() + c;
                let share = share(site, caller, g, site.components.len());
                if share > 0.0 {
                    let asked = share * r.mean(Instant::ZERO, end) * requests.mean().unwrap_or(1.0).max(1.0);
                    rate += asked;
                    writes +=
                        asked * population.mix.iter().filter(|m| changes(m.action.verb)).map(|m| m.share).sum::<f64>();
                    places.extend(value_place(tree, "clients", &population.name, "rate"));
                }
            }
            let Some(work) = component.service.default.mean() else { continue };
            let of_one = f64::from(component.station.workers) * component.station.speed;
            let of_all = of_one * component.hosts.len() as f64;
            // Every replica carries out every write.
            let writes = if matches!(component.kind, Kind::Store(Some(_))) { writes } else { 0.0 };
            let utilisation = (rate / of_all).max(writes / of_one) * work / 1e9;
            let station = &component.station;
            let bounded = station.limit.is_some() || station.shed.is_some() || station.drop != DropRule::Never;
            if utilisation > 1.0 && !bounded && !meant(&component.name) {
                let message =
                    format!("`{}` is asked for {:.0} % of what it can do", component.name, utilisation * 100.0);
                let place = places.first().cloned().unwrap_or(0..0);
                self.warning(
                    Diagnostic::warning(place, message)
                        .label("its queue grows without bound")
                        .help("if that is meant, expect something of it, or bound it: `queue = { limit = 100 }`"),
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
        (expects, end): (&[ExpectPlan], Instant),
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

/// Components that some client reaches, over balancers and flows.
fn reached(site: &Site<'_>) -> BTreeSet<String> {
    let mut groups: Vec<GroupId> = (0..site.clients.len()).map(|c| GroupId::at(site.components.len() + c)).collect();
    let mut seen = BTreeSet::new();
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

/// The share of what a caller asks that comes to a component over balancers only, at most `deep` of them. Of several
/// targets each is asked by its instances' weights, or their number.
fn share(site: &Site<'_>, caller: usize, component: usize, deep: usize) -> f64 {
    let Some(edge) = site.edges.iter().find(|e| e.caller.index() == caller && !e.name.contains(" checks ")) else {
        return 0.0;
    };
    let weight = |from: u32, to: u32| -> f64 {
        match &edge.policy.balance {
            Balance::Weighted(weights) => weights[from as usize..to as usize].iter().sum(),
            _ => f64::from(to - from),
        }
    };
    let (mut from, mut found) = (0, 0.0);
    for callee in edge.callees() {
        let to = from + callee.instances;
        let at = callee.group.index();
        let part = if edge.beside.is_empty() { 1.0 } else { weight(from, to) / weight(0, edge.instances) };
        if at == component {
            found += part;
        } else if deep > 0 && matches!(site.components.get(at).map(|c| &c.kind), Some(Kind::LoadBalancer(_))) {
            found += part * share(site, at, component, deep - 1);
        }
        from = to;
    }
    found
}

/// Whether it changes what a store keeps.
fn changes(verb: Verb) -> bool {
    !matches!(verb, Verb::Read | Verb::Scan | Verb::SetContains | Verb::Ping)
}

/// The names that an expectation speaks of.
fn scope_names(that: &That) -> Vec<String> {
    let mut names = Vec::new();
    let mut part = |part: &Part| match part {
        Part::Name(name) => names.push(name.clone()),
        Part::Instance { of, .. } => names.push(of.clone()),
        _ => {}
    };
    for metric in that.metrics() {
        metric.scope.parts.iter().for_each(|(p, _)| part(p));
    }
    if let That::Property(property) = that {
        property.args.iter().for_each(|(arg, _)| {
            if let Arg::Part(p) = arg {
                part(p);
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

/// Where the value of a key of an object stands.
fn value_place(tree: &DeTable<'_>, kind: &str, name: &str, key: &str) -> Option<Place> {
    Some(crate::scenario::reader::inside(tree.get(kind)?.get_ref().get(name)?.get_ref().get(key)?))
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
