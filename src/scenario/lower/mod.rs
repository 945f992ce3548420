//! From the tree to the plan: every name resolved, every default written out, everything wrong collected.

mod autoscale;
mod caches;
mod clients;
mod components;
mod contact;
mod cuts;
mod drafts;
mod edges;
mod estimate;
mod expects;
mod faults;
mod flows;
mod head;
mod hits;
mod membership;
mod moments;
mod passing;
mod places;
mod policy;
mod prefer;
mod queues;
mod reconfigure;
mod replication;
mod settings;
mod site;
mod sound;
mod steps;
mod strikes;
mod sweeps;
mod upgrade;
mod warnings;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::plan::{FaultPlan, Kind, Plan};
use super::reader::{Fields, Log, inside};
use super::tree;
use crate::engine::{OperationId, ProcessId, ZoneId};
use crate::physics::clock::ClockSpec;
use crate::spec::{Diagnostic, Place, Sources};

pub(super) use autoscale::WrittenMetric;
pub(super) use caches::{WrittenCapacity, WrittenStampede};
pub(super) use components::{WrittenBalance, WrittenDrop, WrittenSticky};
pub(crate) use expects::after_windows;
pub(super) use membership::{WrittenDetector, WrittenSpread};
pub(super) use passing::Passing;
pub(super) use policy::{WrittenAfter, WrittenLimit};
pub(super) use replication::{Detector, WrittenRange};
pub(super) use upgrade::WrittenBatch;

use clients::ClientSite;
use edges::Edges;
use estimate::{estimate, roughly};
use expects::Speakable;
use flows::{Face, FlowSite};
use policy::WrittenPolicy;
use site::Site;

/// Gives the text of a file that a scenario names, or says why it can't.
pub(super) type Load<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// What is wrong with a period of 0s.
const AGAIN: &str = "something that happens every 0s never lets time pass";

/// What every part of the lowering needs.
pub(super) struct Lowering<'a, 't> {
    log: &'a Log,
    load: &'a Load<'a>,
    sources: &'t Sources,
    names: RefCell<BTreeMap<String, Place>>,
    /// What each name is, with its article.
    kinds: RefCell<BTreeMap<String, &'static str>>,
    operations: RefCell<Vec<String>>,
    /// What the file without a variant is called, if it says so, and where.
    base: RefCell<Option<(String, Place)>>,
    /// Whether the duration could be read: without it nothing lies past the end.
    lasts: Cell<bool>,
    /// Whether a variant was chosen: what it doesn't use, the file may.
    chosen: Cell<bool>,
}

/// Kinds of objects that have names, and what one of them is: of two with one name, the first counts.
const KINDS: &[(&str, &str)] = &[
    ("service", "a service"),
    ("load_balancer", "a load balancer"),
    ("cache", "a cache"),
    ("queue", "a queue"),
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

/// Longer names would be too much for the names of files, which may hold two or three of them.
const LONGEST_NAME: usize = 64;

/// Words of the expression language, which can't be names.
const RESERVED: &[&str] = &["all", "steady", "before", "after", "rest", "read", "write", "none", "random", "exp"];

impl Lowering<'_, '_> {
    /// Whether this may be a name at all.
    fn check_name(&self, name: &str, place: &Place) {
        let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if fits && name.len() > LONGEST_NAME {
            let start: String = name.chars().take(20).collect();
            self.log.borrow_mut().push(
                Diagnostic::error(place.clone(), format!("`{start}…` is too long for a name"))
                    .label(format!("{} characters; files are called by names, and take {LONGEST_NAME}", name.len())),
            );
        }
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
        base: RefCell::default(),
        lasts: Cell::new(true),
        chosen: Cell::new(variant.is_some()),
    };
    lowering.plan(root, variant, seed)
}

impl<'t> Lowering<'_, 't> {
    fn plan(&self, tree: &DeTable<'t>, variant: Option<&str>, seed: Option<u64>) -> Option<Plan> {
        let root = Fields::root(tree, self.log);
        self.take_names(&root);
        let head = self.head(&root, tree, seed);
        let (end, seed) = (head.end, head.seed);
        let mut topology = self.topology(&root);
        let clock = self.clock(root.table("clock").flatten(), &ClockSpec::default());
        let keys = self.key_sets(&root);
        let heads = self.flow_heads(&root);
        let drafts = self.drafts(&root, &topology, &clock);
        let faces: BTreeMap<String, Face> = drafts.iter().map(|d| (d.name.clone(), d.face())).collect();
        let mut edges = Edges::default();
        let behind = self.wire(&root, &drafts, &faces, &mut edges);
        self.no_circle_of_components(&drafts, &behind);
        let site = FlowSite {
            heads: &heads,
            components: &faces,
            behind: &behind,
            keys: &keys,
            used: RefCell::default(),
            variables: RefCell::default(),
        };
        let lowered = self.flows(&root, &site, &mut edges);
        let (mut populations, mut own_links) = (Vec::new(), Vec::new());
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
                    populations.extend(self.clients(name, fields, &client_site, &mut edges, &mut own_links));
                }
            }
        }
        topology.links.extend(own_links);
        for (name, head) in &heads {
            let started = head.consumes || populations.iter().any(|(p, ..)| p.mix.iter().any(|m| m.name == *name));
            // Another design may start it, or started it before this one was set.
            let elsewhere = || {
                variant.is_some()
                    || self.sources.sets().next().is_some()
                    || ["variant", "sweep"].iter().any(|kind| tree.get(*kind).is_some_and(|n| tree::names(n, name)))
            };
            if !started && !site.used.borrow().contains(name) && !self.log.borrow().has_errors() && !elsewhere() {
                // A request that nothing knows may have been meant.
                let asked = populations.iter().flat_map(|(p, ..)| p.mix.iter().map(move |entry| (p, entry)));
                let strange = asked.filter(|(_, entry)| matches!(entry.action.verb, crate::rpc::Verb::Serve(_)));
                let meant = |entry: &str| crate::spec::nearest(entry, [name.as_str()]).is_some();
                let typo = strange.filter(|(_, entry)| meant(&entry.name)).find_map(|(population, entry)| {
                    let mix = tree::find(tree, &format!("clients.{}.mix", population.name))?;
                    let (key, _) = mix.get_ref().as_table()?.get_key_value(entry.name.as_str())?;
                    Some((key.span(), &entry.name))
                });
                if let Some((place, entry)) = typo {
                    let message = format!("no flow is called `{entry}`");
                    let flows = heads.keys().map(String::as_str);
                    root.error(Diagnostic::error(place, message).nearest(entry, "flows", flows));
                    continue;
                }
                root.error(
                    Diagnostic::error(head.place.clone(), format!("nobody starts flow `{name}`"))
                        .help("name it in a client group's `mix`, or call it from another flow"),
                );
            }
        }
        self.no_circle_of_flows(&heads, &lowered.flows);
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
        let components = self.component_plans(drafts, &lowered, &keys, &populations, &edges, &groups);
        let clients: Vec<_> = populations.into_iter().map(|(plan, host, _)| (Arc::new(plan), host)).collect();
        self.all_is_carried(tree, &clients, &components, &specs);
        let watches = components.iter().any(|c| matches!(c.kind, Kind::Membership(_))) || !lowered.periodic.is_empty();
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
        let (faults, off, schedule) = self.faults(&root, &site, end, seed);
        // What isn't enabled here may be spoken of, for the sake of designs in which it is.
        let named: Vec<FaultPlan> = faults.iter().chain(&off).cloned().collect();
        let events = estimate(&clients, end, &specs, &components);
        if let Some(place) = &head.duration_at
            && events > head.most as f64
        {
            root.error(
                Diagnostic::error(place.clone(), format!("this run would take {} events", roughly(events)))
                    .label(format!("more than max_events = {}", head.most))
                    .help("shorten `duration`, lower the rates, or raise `max_events`"),
            );
        }
        let base = root.text("base").unwrap_or_else(|| "base".to_owned());
        *self.base.borrow_mut() = root.node("base").map(|node| (base.clone(), inside(node)));
        let variants = self.variants(&root, &base);
        let names: Vec<String> = groups.iter().map(|g| g.0.clone()).collect();
        let of = Speakable { tree, site: &site, faults: &named, flows: &heads, variants: &variants, groups: &names };
        let expects = self.expects(&root, &of, variant.unwrap_or(&base));
        let sweeps = self.sweeps(&root, &of);
        let teach = self.teach(&root);
        if !self.log.borrow().has_errors() {
            self.warn(tree, &site, &head, (&expects, variant.unwrap_or(&base)), &faults);
        }
        root.done();
        if self.log.borrow().has_errors() {
            return None;
        }
        Some(Plan {
            name: std::path::Path::new(self.sources.file().name.as_ref())
                .file_stem()
                .map_or("scenario".to_owned(), |s| s.to_string_lossy().into_owned()),
            title: head.title,
            question: head.question,
            level: head.level,
            covers: head.covers,
            end,
            warmup: head.warmup,
            seeds: head.seeds,
            seed,
            variant: variant.unwrap_or(&base).to_owned(),
            base,
            variants,
            topology,
            components,
            clients,
            edges: specs,
            faults,
            off: off.into_iter().map(|fault| fault.name).collect(),
            schedule,
            cuts: Vec::new(),
            expects,
            thresholds: BTreeMap::new(),
            sweeps,
            teach,
            events: (events, head.most),
            tree: tree::plain_table(tree),
        })
    }

    /// Notes every name and its kind, and those that stand under a kind that isn't one.
    fn take_names(&self, root: &Fields<'_, '_>) {
        let place = |kind: &str| KINDS.iter().position(|(k, _)| *k == kind);
        let mut entries: Vec<_> = root.entries().map(|(kind, _, node)| (place(&kind), node)).collect();
        entries.sort_by_key(|(kind, _)| *kind);
        for (kind, node) in entries {
            for (name, _) in node.get_ref().as_table().into_iter().flatten() {
                match kind {
                    Some(kind) => {
                        self.kinds.borrow_mut().entry(name.get_ref().to_string()).or_insert(KINDS[kind].1);
                    }
                    None => self.log.spoil(name.get_ref()),
                }
            }
        }
    }

    /// The error for a name at which something else was wanted, or nothing stands at all; `otherwise` is what to say
    /// then. `wanted` has its article.
    fn not_called<'n>(
        &self,
        place: Place,
        name: &str,
        wanted: &str,
        otherwise: String,
        (what, known): (&str, impl Iterator<Item = &'n str>),
    ) {
        if self.log.is_spoiled(name) {
            return;
        }
        let message = match self.kinds.borrow().get(name) {
            Some(is) if *is != wanted => format!("`{name}` is {is}; {wanted} is wanted here"),
            _ => otherwise,
        };
        self.log.borrow_mut().push(Diagnostic::error(place, message).nearest(name, what, known));
    }

    /// The error for a name that is no variant. If nobody calls the file itself as `base` does, but nearly so, `base` is
    /// where it is told.
    fn no_variant(&self, place: Place, name: &str, variants: &[(String, Option<String>)]) {
        let known = || variants.iter().map(|(v, _)| v.as_str());
        if let Some((base, at)) = &*self.base.borrow()
            && crate::spec::nearest(name, known()) == Some(base)
        {
            let text = &self.sources.file().text;
            if text.matches(&format!("\"{base}\"")).count() <= 1 && !text.contains(&format!("@{base}")) {
                // Told once, however often it is mentioned.
                let message = format!("nothing else in the file speaks of a variant `{base}`");
                let wrong = Diagnostic::error(at.clone(), message);
                self.log.borrow_mut().push(wrong.nearest(base, "mentioned elsewhere", [name]));
                return;
            }
        }
        let wrong = Diagnostic::error(place, format!("no variant is called `{name}`"));
        self.log.borrow_mut().push(wrong.nearest(name, "variants", known()));
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
}
