//! From the tree to the plan: every name resolved, every default written out, everything wrong collected.

mod caches;
mod clients;
mod components;
mod contact;
mod cuts;
mod expects;
mod faults;
mod flows;
mod membership;
mod moments;
mod places;
mod policy;
mod queues;
mod replication;
mod settings;
mod site;
mod sound;
mod steps;
mod warnings;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::plan::{ComponentPlan, Kind, Plan};
use super::reader::{Fields, Log};
use super::tree;
use crate::component::cache::CacheSpec;
use crate::component::load_balancer::{Health, LoadBalancerSpec};
use crate::component::service::ServiceSpec;
use crate::engine::{EdgeId, GroupId, Instant, OperationId, ProcessId, Seed, Span, ZoneId};
use crate::physics::clock::ClockSpec;
use crate::physics::station::StationSpec;
use crate::physics::topology::Topology;
use crate::protocol::{Membership, Replication};
use crate::rpc::policy::{Balance, Policy};
use crate::rpc::{Connections, EdgeSpec, Outlier};
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Place, Sources};
use crate::workload::Pattern;
use crate::world::{HostSetup, ServiceTime};

pub(super) use caches::{WrittenCapacity, WrittenStampede};
pub(super) use components::{WrittenBalance, WrittenDrop};
pub(crate) use expects::after_windows;
pub(super) use membership::{WrittenDetector, WrittenSpread};
pub(super) use policy::{WrittenAfter, WrittenLimit};
pub(super) use replication::{Detector, WrittenRange};

use caches::CacheDraft;
use clients::ClientSite;
use flows::{Face, FlowSite, Lowered};
use policy::WrittenPolicy;
use queues::QueueDraft;
use site::Site;

/// Gives the text of a file that a scenario names, or says why it can't.
pub(super) type Load<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// What every part of the lowering needs.
pub(super) struct Lowering<'a, 't> {
    log: &'a Log,
    load: &'a Load<'a>,
    sources: &'t Sources,
    names: RefCell<BTreeMap<String, Place>>,
    /// What each name is, with its article.
    kinds: RefCell<BTreeMap<String, &'static str>>,
    operations: RefCell<Vec<String>>,
    /// Whether the duration could be read: without it nothing lies past the end.
    lasts: Cell<bool>,
}

/// A component before its edges are known.
struct Draft {
    name: String,
    kind: DraftKind,
    hosts: Vec<HostSetup>,
    station: StationSpec,
    service: ServiceTime,
}

enum DraftKind {
    Service,
    Membership(Membership),
    Store(Option<Replication>),
    Cache(CacheDraft),
    Queue(QueueDraft),
    LoadBalancer {
        target: Option<(String, Place)>,
        policy: Option<(WrittenBalance, Place)>,
        health: Option<(Health, Span, bool)>,
        outlier: Option<Outlier>,
        connections: Connections,
        slow_start: Option<Span>,
        sticky: bool,
        load_info_age: Span,
    },
}

/// Who calls whom: an edge is made when first needed.
#[derive(Default)]
pub(super) struct Edges {
    pairs: Vec<(String, String)>,
}

impl Edges {
    fn between(&mut self, from: &str, to: &str) -> EdgeId {
        let pair = (from.to_owned(), to.to_owned());
        let found = self.pairs.iter().position(|p| *p == pair).unwrap_or_else(|| {
            self.pairs.push(pair);
            self.pairs.len() - 1
        });
        EdgeId::at(found)
    }
}

/// Kinds of objects that have names, and what one of them is.
const KINDS: &[(&str, &str)] = &[
    ("service", "a service"),
    ("load_balancer", "a load balancer"),
    ("membership", "a cluster that tracks who is alive"),
    ("store", "a store"),
    ("clients", "a group of clients"),
    ("flow", "a flow"),
    ("keys", "a set of keys"),
    ("fault", "a fault"),
    ("region", "a region"),
    ("network", "a part of the network"),
    ("link", "the end of a link"),
    ("clock", "a part of the clocks"),
    ("edge", "the end of an edge"),
    ("expect", "an expectation"),
    ("variant", "a variant"),
    ("sweep", "a sweep"),
    ("teach", "a part of the lesson"),
];

/// Words of the expression language, which can't be names.
const RESERVED: &[&str] = &["all", "steady", "before", "after", "rest", "read", "write", "none", "random", "exp"];

impl Draft {
    /// What others need to know of it.
    fn face(&self) -> Face {
        match &self.kind {
            DraftKind::Store(_) => Face::Store,
            DraftKind::Cache(cache) => Face::Cache {
                backing: cache.backing.as_ref().map_or_else(String::new, |(b, _)| b.clone()),
                reads_through: cache.spec.reads_through,
                writes: cache.spec.writes,
            },
            DraftKind::Queue(_) => Face::Queue,
            DraftKind::Service => Face::Service,
            DraftKind::LoadBalancer { .. } | DraftKind::Membership(_) => Face::Plain,
        }
    }
}

impl Lowering<'_, '_> {
    /// Whether this may be a name at all.
    fn check_name(&self, name: &str, place: &Place) {
        let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if !fits {
            self.log.borrow_mut().push(
                Diagnostic::error(place.clone(), format!("`{name}` can't be a name"))
                    .help("names are small letters, digits, `-` and `_`, and begin with a letter"),
            );
        }
    }

    /// Takes a name that is used once a file, whatever its kind.
    fn name(&self, name: &str, place: &Place) {
        self.check_name(name, place);
        if RESERVED.contains(&name) {
            self.log.borrow_mut().push(
                Diagnostic::error(place.clone(), format!("`{name}` is a word of the expression language"))
                    .help("choose another name"),
            );
        }
        let before = self.names.borrow_mut().insert(name.to_owned(), place.clone());
        if let Some(before) = before {
            let line = self.sources.line_column(&before).line;
            self.log.borrow_mut().push(
                Diagnostic::error(place.clone(), format!("`{name}` is used twice"))
                    .label(format!("the other one is in line {line}"))
                    .help("a name is used once in a file, whatever its kind"),
            );
        }
    }

    fn operation(&self, name: &str) -> OperationId {
        let mut operations = self.operations.borrow_mut();
        let found = operations.iter().position(|o| o == name).unwrap_or_else(|| {
            operations.push(name.to_owned());
            operations.len() - 1
        });
        OperationId::at(found)
    }
}

/// Lowers one variant under one seed.
pub(super) fn lower<'t>(
    sources: &'t Sources,
    root: &DeTable<'t>,
    variant: Option<&str>,
    seed: Option<u64>,
    log: &Log,
    load: &Load<'_>,
) -> Option<Plan> {
    let lowering = Lowering {
        log,
        load,
        sources,
        names: RefCell::new(BTreeMap::new()),
        kinds: RefCell::new(BTreeMap::new()),
        operations: RefCell::new(Vec::new()),
        lasts: Cell::new(true),
    };
    lowering.plan(root, variant, seed)
}

impl<'t> Lowering<'_, 't> {
    fn plan(&self, tree: &DeTable<'t>, variant: Option<&str>, seed: Option<u64>) -> Option<Plan> {
        let root = Fields::root(tree, self.log);
        self.take_names(&root);
        for (key, example) in
            [("schema", "1"), ("title", "\"What it is\""), ("question", "\"What it answers\""), ("duration", "\"60s\"")]
        {
            if !tree.contains_key(key) {
                root.error(
                    Diagnostic::overall(format!("`{key}` is missing"))
                        .help(format!("add `{key} = {example}` at the top")),
                );
            }
        }
        if let Some((schema, place)) = root.at::<Count>("schema")
            && schema.0 != 1
        {
            root.error(
                Diagnostic::error(place, format!("schema {} is unknown", schema.0)).help("this version reads 1"),
            );
        }
        if let Some(node) = tree.get("schema").filter(|node| node.get_ref().is_str()) {
            root.error(Diagnostic::error(node.span(), "the schema is a number").help("write `schema = 1`"));
        }
        let title = root.text("title").unwrap_or_default();
        let question = root.text("question").unwrap_or_default();
        let level = root.word("level", &["intro", "core", "deep"]).unwrap_or("core").to_owned();
        let covers = root.texts("covers").unwrap_or_default().into_iter().map(|(c, _)| c).collect();
        let duration = root.at::<Span>("duration");
        if let Some((Span::ZERO, place)) = &duration {
            root.error(Diagnostic::error(place.clone(), "a run of no length measures nothing"));
        }
        let end = Instant::ZERO + duration.as_ref().map_or(Span::secs(1), |(d, _)| *d).max(Span(1));
        self.lasts.set(duration.is_some());
        let warmup = root.at::<Span>("warmup");
        if let Some((warmup, place)) = &warmup
            && warmup.0 >= end.0
            && self.lasts.get()
        {
            root.error(
                Diagnostic::error(place.clone(), "the warm-up lasts as long as the run")
                    .label("nothing is left to measure"),
            );
        }
        let warmup = warmup.map_or(Span::ZERO, |(w, _)| w);
        let seeds = self.seeds(&root);
        let seed = Seed(seed.unwrap_or(seeds.0));
        let most = root.get::<Count>("max_events").map_or(20_000_000, |c| c.0); // illustrative

        let topology = self.topology(&root);
        let clock = self.clock(root.table("clock").flatten(), &ClockSpec::default());
        let keys = self.key_sets(&root);
        let heads = self.flow_heads(&root);
        let mut drafts: Vec<Draft> = Vec::new();
        for kind in ["load_balancer", "cache", "membership", "queue", "service", "store"] {
            let Some(Some(table)) = root.table(kind) else { continue };
            for (name, place, node) in table.entries() {
                self.name(&name, &place);
                if let Some(mut fields) = table.table_of(node) {
                    fields.place = place;
                    drafts.push(self.component(kind, name, fields, &topology, &clock));
                }
            }
        }
        drafts.sort_by(|a, b| a.name.cmp(&b.name));
        let faces: BTreeMap<String, Face> = drafts.iter().map(|d| (d.name.clone(), d.face())).collect();
        let mut behind = BTreeMap::new();
        let mut edges = Edges::default();
        for draft in &drafts {
            let (target, asks, checks) = match &draft.kind {
                DraftKind::LoadBalancer { target, health, .. } => (target, true, health.is_some()),
                DraftKind::Cache(cache) => (&cache.backing, cache.asks(), false),
                DraftKind::Queue(queue) => (&queue.dead_letters, true, false),
                DraftKind::Membership(_) | DraftKind::Service | DraftKind::Store(_) => continue,
            };
            let Some((target, place)) = target else { continue };
            if faces.contains_key(target) && *target != draft.name {
                if !matches!(draft.kind, DraftKind::Queue(_)) {
                    behind.insert(draft.name.clone(), target.clone());
                }
                if asks {
                    edges.between(&draft.name, target);
                }
                if checks {
                    edges.between(&format!("{} checks", draft.name), target);
                }
            } else if *target == draft.name {
                root.error(
                    Diagnostic::error(place.clone(), format!("`{target}` stands before itself"))
                        .help("target the component behind it"),
                );
            } else {
                let others = faces.keys().map(String::as_str).filter(|k| *k != draft.name);
                self.no_component(place.clone(), target, others);
            }
        }
        self.no_circle_of_components(&drafts, &behind);
        let site = FlowSite {
            heads: &heads,
            components: &faces,
            keys: &keys,
            used: RefCell::default(),
            variables: RefCell::default(),
        };
        let Lowered { flows, consuming } = self.flows(&root, &site, &mut edges);
        let mut populations = Vec::new();
        let client_site = ClientSite {
            topology: &topology,
            keys: &keys,
            flows: &heads,
            components: &faces,
            behind: &behind,
            end,
            seed,
        };
        if let Some(Some(table)) = root.table("clients") {
            for (name, place, node) in table.entries() {
                self.name(&name, &place);
                if let Some(mut fields) = table.table_of(node) {
                    fields.place = place;
                    populations.extend(self.clients(name, fields, &client_site, &mut edges));
                }
            }
        }
        for (name, head) in &heads {
            let started = head.consumes || populations.iter().any(|(p, ..)| p.mix.iter().any(|m| m.name == *name));
            if !started && !site.used.borrow().contains(name) && !self.log.borrow().has_errors() {
                root.error(
                    Diagnostic::error(head.place.clone(), format!("nobody starts flow `{name}`"))
                        .help("name it in a client group's `mix`, or call it from another flow"),
                );
            }
        }
        self.no_circle_of_flows(&heads, &flows);
        // Groups: components by name, then clients by name.
        let mut first = 0_u32;
        let mut groups: Vec<(String, ProcessId, u32)> = Vec::new();
        for draft in &drafts {
            let count = draft.hosts.len() as u32;
            groups.push((draft.name.clone(), ProcessId(first), count));
            first += count;
        }
        for (population, ..) in &populations {
            groups.push((population.name.clone(), ProcessId(first), 1));
            first += 1;
        }
        let mut policies = self.edge_tables(&root, &edges);
        for (plan, _, policy) in &mut populations {
            let written = WrittenPolicy {
                policy: policy.policy.clone(),
                balance: policy.balance.take(),
                same_as: policy.same_as.take(),
            };
            policies.insert(edges.pairs.iter().position(|(a, _)| *a == plan.name).unwrap_or(usize::MAX), written);
        }
        let zones = |name: &str| -> Vec<ZoneId> {
            let component = drafts.iter().find(|d| d.name == name);
            let population = populations.iter().find(|(p, ..)| p.name == name);
            let hosts = component.map(|d| d.hosts.as_slice()).or(population.map(|(_, h, _)| std::slice::from_ref(h)));
            hosts.unwrap_or(&[]).iter().map(|h| h.place.zone).collect()
        };
        let specs = self.edge_specs(&root, &edges, &groups, &drafts, policies, &zones, &topology);
        let components = drafts.into_iter().map(|draft| {
            let kind = match draft.kind {
                DraftKind::Membership(membership) => Kind::Membership(membership),
                DraftKind::Store(replication) => Kind::Store(replication),
                DraftKind::Service => Kind::Service(Arc::new(ServiceSpec {
                    flows: flows
                        .iter()
                        .filter(|(home, ..)| *home == draft.name)
                        .map(|(_, id, flow)| (*id, Arc::new(flow.clone())))
                        .collect(),
                    keys: keys.values().map(places::KeySet::drawer).collect(),
                })),
                DraftKind::Queue(ref queue) => {
                    Kind::Queue(Arc::new(self.queue_spec(&draft.name, queue, &consuming, &edges, &groups)))
                }
                DraftKind::Cache(ref cache) => {
                    let backing = cache.backing.as_ref().map_or("", |(b, _)| b.as_str());
                    let edge = edges.pairs.iter().position(|(a, b)| *a == draft.name && b == backing);
                    let set = self.keys_of(&draft.name, &populations, &edges);
                    Kind::Cache(Arc::new(CacheSpec {
                        backing: edge.map(EdgeId::at),
                        keys: set.map_or(cache.spec.keys, |plan| plan.keys.count()),
                        bytes: set.map_or(cache.spec.bytes.clone(), |plan| plan.value_bytes.clone()),
                        ..cache.spec.clone()
                    }))
                }
                DraftKind::LoadBalancer { ref target, ref health, .. } => {
                    let target = target.as_ref().map_or("", |(t, _)| t.as_str());
                    let edge = |from: &str| edges.pairs.iter().position(|(a, b)| a == from && b == target);
                    let instances = groups.iter().find(|(n, ..)| n == target).map_or(0, |g| g.2);
                    let checks = format!("{} checks", draft.name);
                    Kind::LoadBalancer(LoadBalancerSpec {
                        edge: edge(&draft.name).map_or(EdgeId(0), EdgeId::at),
                        instances,
                        health: health.and_then(|(h, ..)| Some(Health { edge: EdgeId::at(edge(&checks)?), ..h })),
                    })
                }
            };
            ComponentPlan { name: draft.name, kind, hosts: draft.hosts, station: draft.station, service: draft.service }
        });
        let components: Vec<ComponentPlan> = components.collect();
        let clients: Vec<_> = populations.into_iter().map(|(plan, host, _)| (Arc::new(plan), host)).collect();
        for (population, _) in &clients {
            for entry in &population.mix {
                let callee = specs.get(entry.action.edge.index()).map(|e| e.callee.index());
                if let Some(Kind::Store(Some(replication))) = callee.and_then(|c| components.get(c)).map(|c| &c.kind)
                    && !replication.carries(entry.action.verb)
                {
                    root.error(
                        Diagnostic::overall(format!(
                            "`{}` of clients `{}`: replicas by `{}` don't carry it",
                            entry.name,
                            population.name,
                            replication.name()
                        ))
                        .help("change the mix, or the protocol"),
                    );
                }
            }
        }
        let watches = components.iter().any(|c| matches!(c.kind, Kind::Membership(_)));
        if clients.is_empty() && !watches && !tree.contains_key("clients") && !self.log.borrow().has_errors() {
            root.error(
                Diagnostic::overall("nobody asks for anything").help("add a `[clients.X]` with `rate` and `target`"),
            );
        }
        let site = Site {
            groups: &groups,
            components: &components,
            clients: &clients,
            topology: &topology,
            edges: &specs,
            keys: &keys,
        };
        let (faults, schedule) = self.faults(&root, &site, end, seed);
        let events = self.estimate(&clients, end, &specs);
        if let Some((_, place)) = &duration
            && events > most as f64
        {
            root.error(
                Diagnostic::error(place.clone(), format!("this run would take {} events", roughly(events)))
                    .label(format!("more than max_events = {most}"))
                    .help("shorten `duration`, lower the rates, or raise `max_events`"),
            );
        }
        let base = root.text("base").unwrap_or_else(|| "base".to_owned());
        let variants = self.variants(&root, &base);
        let names: Vec<String> = groups.iter().map(|g| g.0.clone()).collect();
        let expects = self.expects(&root, tree, &site, &faults, &heads, variant.unwrap_or(&base), &variants, &names);
        let sweeps = self.sweeps(&root, tree, &site, &faults, &heads, &variants, &names);
        let teach = self.teach(&root);
        if !self.log.borrow().has_errors() {
            self.warn(tree, &site, end, &expects, &faults);
        }
        root.done();
        if self.log.borrow().has_errors() {
            return None;
        }
        Some(Plan {
            name: std::path::Path::new(self.sources.file().name.as_ref())
                .file_stem()
                .map_or("scenario".to_owned(), |s| s.to_string_lossy().into_owned()),
            title,
            question,
            level,
            covers,
            end,
            warmup,
            seeds,
            seed,
            variant: variant.unwrap_or(&base).to_owned(),
            base,
            variants,
            topology,
            components,
            clients,
            edges: specs,
            faults,
            schedule,
            cuts: Vec::new(),
            expects,
            sweeps,
            teach,
            events: (events, most),
            tree: tree::plain_table(tree),
        })
    }

    /// Notes every name and its kind, and those that stand under a kind that isn't one.
    fn take_names(&self, root: &Fields<'_, '_>) {
        for (kind, _, node) in root.entries() {
            let Some(table) = node.get_ref().as_table() else { continue };
            let known = KINDS.iter().find(|(k, _)| *k == kind);
            for (name, _) in table {
                match known {
                    Some((_, what)) => {
                        self.kinds.borrow_mut().insert(name.get_ref().to_string(), what);
                    }
                    None => self.log.spoil(name.get_ref()),
                }
            }
        }
    }

    /// The error for a name that is no component, unless something was said about it already.
    fn no_component<'n>(&self, place: Place, name: &str, known: impl Iterator<Item = &'n str>) {
        if self.log.is_spoiled(name) {
            return;
        }
        let kinds = self.kinds.borrow();
        let diagnostic = match kinds.get(name) {
            Some(what) => Diagnostic::error(place, format!("`{name}` is {what}, not a component")),
            None => Diagnostic::error(place, format!("no component is called `{name}`")),
        };
        let diagnostic = diagnostic.label("not a component").nearest(name, "components", known);
        self.log.borrow_mut().push(diagnostic);
    }

    fn seeds(&self, root: &Fields<'_, '_>) -> (u64, u64) {
        let Some((range, place)) = root.at::<crate::spec::units::WholeRange>("seeds") else { return (1, 1) };
        if range.last - range.first >= 1_000_000 {
            root.error(Diagnostic::error(place, "more than a million seeds").help("write a shorter range: `1..=100`"));
        }
        (range.first, range.last)
    }

    /// `[edge.A.B]`, by edge.
    fn edge_tables(&self, root: &Fields<'_, '_>, edges: &Edges) -> BTreeMap<usize, WrittenPolicy> {
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
    fn edge_specs(
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
                    if *sticky {
                        policy.balance = Balance::Sticky;
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

    /// Events that the run is estimated to take: four for a request and each call it makes, more for attempts.
    fn estimate(
        &self,
        clients: &[(Arc<crate::workload::ClientsPlan>, HostSetup)],
        end: Instant,
        edges: &[EdgeSpec],
    ) -> f64 {
        let seconds = end.as_secs_f64();
        let requests: f64 = clients
            .iter()
            .map(|(c, _)| match &c.pattern {
                Pattern::Open { rate, requests, .. } => {
                    rate.mean(Instant::ZERO, end) * seconds * requests.mean().unwrap_or(1.0).max(1.0)
                }
                Pattern::Closed { count, think } => {
                    let cycle = think.mean().unwrap_or(0.0) / 1e9 + 0.001;
                    f64::from(*count) * seconds / cycle
                }
            })
            .sum();
        // An upper bound that knows nothing of fan-out: each edge beside the clients' own may be crossed once.
        let hops = edges.len().saturating_sub(clients.len()) as f64;
        requests * (5.0 + 4.0 * hops)
    }
}

/// A large number for people.
fn roughly(number: f64) -> String {
    match number {
        n if n >= 1e15 => "more than a million billion".to_owned(),
        n if n >= 1e9 => format!("about {:.1} billion", n / 1e9),
        n if n >= 1e6 => format!("about {:.0} million", n / 1e6),
        n => format!("about {n:.0}"),
    }
}
