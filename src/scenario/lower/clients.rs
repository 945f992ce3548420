//! `[clients.X]`: who asks what, when.

use std::collections::BTreeMap;

use super::Lowering;
use super::drafts::Behind;
use super::edges::Edges;
use super::flows::{Face, FlowHead};
use super::places::KeySet;
use super::policy::WrittenPolicy;
use crate::engine::{Dist, Instant, Seed, Span, Stream};
use crate::physics::clock::ClockSpec;
use crate::physics::disk::{DiskSpec, Fsync};
use crate::physics::link::LinkShape;
use crate::physics::network::Place as Standing;
use crate::physics::topology::{LinkId, Topology};
use crate::rpc::{Consistency, Verb};
use crate::scenario::reader::{Fields, inside, parse};
use crate::spec::dist::{Counts, Durations};
use crate::spec::units::{self, Count, Share};
use crate::spec::{Diagnostic, Place, RateOverTime};
use crate::workload::keys::{KeySampler, Popularity};
use crate::workload::rate::Process as Gaps;
use crate::workload::{Action, ClientsPlan, MixEntry, Pattern, Rate};
use crate::world::HostSetup;

/// What populations are lowered with.
pub(super) struct ClientSite<'a> {
    pub(super) topology: &'a Topology,
    pub(super) keys: &'a BTreeMap<String, KeySet>,
    pub(super) flows: &'a BTreeMap<String, FlowHead>,
    /// Components by name.
    pub(super) components: &'a BTreeMap<String, Face>,
    /// What stands behind a load balancer or a cache.
    pub(super) behind: &'a Behind,
    pub(super) end: Instant,
    pub(super) seed: Seed,
}

/// What answers the clients in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Service,
    Store,
    Queue,
}

impl Asked {
    /// The operations that it has beside flows, and what it is called.
    fn operations(self) -> (&'static [(&'static str, Verb)], &'static str) {
        match self {
            Asked::Service => (&[], "service"),
            Asked::Store => (STORE_OPERATIONS, "store"),
            Asked::Queue => (&[("append", Verb::Append)], "queue"),
        }
    }
}

/// What a mix may ask of a store.
pub(super) const STORE_OPERATIONS: &[(&str, Verb)] = &[
    ("read", Verb::Read),
    ("write", Verb::Write),
    ("cas", Verb::CompareAndSet),
    ("add", Verb::Add),
    ("append", Verb::Append),
    ("scan", Verb::Scan),
    ("delete", Verb::Delete),
    ("set_add", Verb::SetAdd),
    ("set_remove", Verb::SetRemove),
    ("set_contains", Verb::SetContains),
];

impl Lowering<'_, '_> {
    pub(super) fn clients(
        &self,
        name: String,
        fields: Fields<'_, '_>,
        site: &ClientSite<'_>,
        edges: &mut Edges,
        own_links: &mut Vec<LinkShape>,
    ) -> Option<(ClientsPlan, HostSetup, WrittenPolicy)> {
        let mut policy = self.policy(&fields);
        fields.require("target", "\"api\"");
        if !fields.has("target") {
            self.log.spoil(&name);
        }
        let (target, target_place) = {
            let node = fields.node("target")?;
            (fields.text_of(node)?, inside(node))
        };
        if !site.components.contains_key(&target) {
            self.no_component(target_place, &target, site.components.keys().map(String::as_str));
            // Its own values are still looked at.
            let _ = self.pattern(&name, &fields, site);
            self.log.spoil(&name);
            fields.give_up();
            return None;
        }
        for name in &site.behind.way(&target) {
            if let Some(Face::Cache { reads_through: false, .. }) = site.components.get(*name) {
                fields.error(
                    Diagnostic::error(target_place.clone(), format!("clients don't fill the cache `{name}`"))
                        .help("give it `read_mode = \"through\"`, or let a service's flow read it"),
                );
            }
        }
        let is = |face: &Face| site.behind.ends(&target).iter().any(|end| site.components.get(*end) == Some(face));
        let asked = match () {
            () if is(&Face::Store) => Asked::Store,
            () if is(&Face::Queue) => Asked::Queue,
            () => Asked::Service,
        };
        if let Some(contact) = self.contact(&fields, &target) {
            policy.policy.balance = contact.0.balance.clone();
            policy.balance = Some(contact);
        }
        let pattern = self.pattern(&name, &fields, site);
        let mix = self.mix(&fields, &name, &target, asked, site, edges);
        let keys = fields.node("keys").and_then(|node| {
            let text = fields.text_of(node)?;
            let found = site.keys.get(&text);
            if found.is_none() {
                let known = ("key sets", site.keys.keys().map(String::as_str));
                let none = format!("no key set is called `{text}`");
                self.not_called(inside(node), &text, "a set of keys", none, known);
            }
            found
        });
        // Illustrative: a thousand keys, all alike, of YCSB's size.
        let own =
            KeySet { sampler: KeySampler::new(Popularity::Uniform, 1000), id: u64::MAX, size: Dist::constant(1000.0) };
        let keys = keys.unwrap_or(&own);
        let consistency = fields
            .word("consistency", &["one", "local_one", "quorum", "local_quorum", "all", "linearizable", "follower"])
            .map_or(Consistency::Default, |word| match word {
                "one" => Consistency::One,
                "local_one" => Consistency::LocalOne,
                "quorum" => Consistency::Quorum,
                "local_quorum" => Consistency::LocalQuorum,
                "all" => Consistency::All,
                "linearizable" => Consistency::Linearizable,
                _ => Consistency::Follower,
            });
        let priority = fields.at::<Count>("priority").map_or(0, |(c, _)| c.0.min(7) as u8);
        let region = fields.node("region").and_then(|node| {
            let text = fields.text_of(node)?;
            let found = site.topology.regions.iter().position(|r| *r == text);
            if found.is_none() {
                let known = ("regions", site.topology.regions.iter().map(String::as_str));
                self.not_called(inside(node), &text, "a region", format!("no region is called `{text}`"), known);
            }
            found
        });
        let zone = site.topology.zones_of(region.unwrap_or(0)).next()?;
        let access = self.access(&fields, region.unwrap_or(0), site.topology, own_links);
        let host = HostSetup {
            name: name.clone(),
            place: Standing { zone, access },
            clock: ClockSpec::default(),
            disk: DiskSpec::default(),
            fsync: Fsync::Never,
        };
        fields.done();
        if pattern.is_none() {
            self.log.spoil(&name);
        }
        let plan = ClientsPlan {
            name,
            pattern: pattern?,
            mix,
            keys: keys.sampler.clone(),
            keys_id: keys.id,
            value_bytes: keys.size.clone(),
            priority,
            consistency,
        };
        Some((plan, host, policy))
    }

    /// The way in: a link of these clients' own, that of their region, or none.
    fn access(
        &self,
        fields: &Fields<'_, '_>,
        region: usize,
        topology: &Topology,
        own: &mut Vec<LinkShape>,
    ) -> Option<LinkId> {
        let shared = topology.access_base() + 2 * region;
        let up = match fields.table("access") {
            None => (shared < topology.links.len()).then_some(shared)?,
            Some(None) => return None,
            Some(Some(table)) => {
                let shape = self.link(table, &LinkShape::round_trip(Dist::constant(0.0)));
                own.extend([shape.clone(), shape]);
                topology.links.len() + own.len() - 2
            }
        };
        let up = u16::try_from(up).ok();
        if up.is_none() {
            fields.error(
                Diagnostic::error(fields.place.clone(), "there are more than 65 535 links")
                    .help("take fewer zones, or fewer client groups with an `access` of their own"),
            );
        }
        up.map(LinkId)
    }

    /// Wherever a target leads, the flow runs.
    fn is_served(&self, name: &str, place: &Place, head: &FlowHead, target: &str, site: &ClientSite<'_>) {
        let ends = site.behind.ends(target);
        let elsewhere: Vec<&str> = ends.iter().copied().filter(|end| !head.homes.iter().any(|h| h == end)).collect();
        if elsewhere.is_empty() && !ends.is_empty() || head.homes.iter().any(|h| !site.components.contains_key(h)) {
            return;
        }
        let homes = if head.homes.is_empty() { "nowhere".to_owned() } else { head.homes.join(" and ") };
        let wrong = Diagnostic::error(place.clone(), format!("flow `{name}` runs on {homes}"));
        self.log.borrow_mut().push(if elsewhere.len() == ends.len() {
            wrong
                .label(format!("`{target}` doesn't lead there"))
                .help("target the component that it runs on, or a load balancer in front")
        } else {
            let all: Vec<String> = ends.iter().map(|end| format!("\"{end}\"")).collect();
            wrong
                .label(format!("`{target}` leads to {} too", elsewhere.join(" and ")))
                .help(format!("let it run on all of them: `runs_on = [{}]`", all.join(", ")))
        });
    }

    fn pattern(&self, name: &str, fields: &Fields<'_, '_>, site: &ClientSite<'_>) -> Option<Pattern> {
        let think = self.drawn::<Durations>(fields, "think").unwrap_or(Dist::constant(0.0));
        let requests = self.drawn::<Counts>(fields, "requests").unwrap_or(Dist::constant(1.0));
        let told = fields.word("arrivals", &["poisson", "constant"]);
        let gaps = if told == Some("constant") { Gaps::Constant } else { Gaps::Poisson };
        match (fields.has("rate"), fields.has("count")) {
            (true, true) => {
                let _ = (fields.node("rate"), fields.node("count"));
                fields.error(
                    Diagnostic::error(fields.place.clone(), "clients are open (`rate`) or closed (`count`), not both")
                        .help("`rate`: they come whatever happens; `count`: so many ask, wait, think and ask again"),
                );
                None
            }
            (false, false) if fields.excused("rate") || fields.excused("count") => None,
            (false, false) => {
                fields.error(
                    Diagnostic::error(fields.place.clone(), "nothing says how many clients ask, or how often")
                        .help("add `rate = \"100/s\"` (open) or `count = 10` (closed)"),
                );
                None
            }
            (false, true) => {
                let (count, place) = fields.at::<Count>("count")?;
                if count.0 == 0 || count.0 > 10_000_000 {
                    fields.error(
                        Diagnostic::error(place, "a closed population has 1 to 10 million clients")
                            .help("write `count = 10`"),
                    );
                }
                Some(Pattern::Closed { count: count.0.clamp(1, 10_000_000) as u32, think })
            }
            (true, false) => {
                let (rate, place) = fields.at::<RateOverTime>("rate")?;
                let place = fields.node("rate").map_or(place, inside);
                let recorded = matches!(rate, RateOverTime::Trace(_));
                // As recorded, unless it is said that only the rate should be.
                let gaps = if recorded && told != Some("poisson") { Gaps::Replay } else { gaps };
                let rate = match rate {
                    RateOverTime::Constant(rate) => Rate::constant(rate),
                    RateOverTime::Ramp { from, to, over } => Rate::ramp(from, to, over),
                    RateOverTime::Steps(steps) => Rate::steps(&steps),
                    RateOverTime::Diurnal { mean, peak, period } => Rate::diurnal(mean, peak, period, site.end),
                    RateOverTime::Bursts { low, high, low_for, high_for } => {
                        let low_for = self.loaded(&low_for, place.clone())?;
                        let high_for = self.loaded(&high_for, place.clone())?;
                        let mut stream = Stream::named(site.seed, &format!("clients/{name}/bursts"));
                        Rate::bursts((low, &low_for), (high, &high_for), site.end, &mut stream)
                    }
                    RateOverTime::Trace(file) => self.trace(fields, &file, place.clone())?,
                };
                if rate.is_cut_short() {
                    fields.error(
                        Diagnostic::error(place, "this rate changes more than a million times in the run")
                            .help("make its periods longer, or the run shorter"),
                    );
                    return None;
                }
                Some(Pattern::Open { rate, gaps, requests, think })
            }
        }
    }

    /// Arrivals from a file: a moment a line, in seconds or as a duration, turned into a rate of one arrival between each
    /// two.
    fn trace(&self, fields: &Fields<'_, '_>, file: &str, place: Place) -> Option<Rate> {
        let text = self.beside(fields, file, &place)?;
        let mut moments = Vec::new();
        for (i, line) in text.lines().map(str::trim).enumerate().filter(|(_, l)| !l.is_empty()) {
            let seconds = line.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
            let duration = || units::quantity(line).ok().filter(|q| q.dimension == units::Dimension::Duration);
            let Some(nanos) = seconds.map(|s| s * 1e9).or_else(|| Some(duration()?.value)) else {
                let message = format!("{file}:{}: `{line}` is no moment in seconds", i + 1);
                fields.error(Diagnostic::error(place, message).help("write `12.5`, or `12.5s`"));
                return None;
            };
            moments.push(Span::from_nanos_f64(nanos));
        }
        moments.sort_unstable();
        let mut steps = Vec::new();
        let mut from = Span::ZERO;
        for at in moments {
            let gap = (at - from).max(Span(1));
            steps.push((from, 1.0 / gap.as_secs_f64()));
            from += gap;
        }
        steps.push((from, 0.0));
        Some(Rate::steps(&steps))
    }

    fn mix(
        &self,
        fields: &Fields<'_, '_>,
        clients: &str,
        target: &str,
        asked: Asked,
        site: &ClientSite<'_>,
        edges: &mut Edges,
    ) -> Vec<MixEntry> {
        let edge = edges.between(clients, target);
        let entry = |name: &str, share: f64, verb: Verb, keyed: bool| MixEntry {
            name: name.to_owned(),
            share,
            action: Action { edge, verb, keyed },
        };
        let Some(Some(table)) = fields.table("mix") else {
            return match asked {
                // YCSB's workload A.
                Asked::Store => {
                    vec![entry("read", 0.5, Verb::Read, true), entry("write", 0.5, Verb::Write, true)]
                }
                Asked::Queue => vec![entry("append", 1.0, Verb::Append, true)],
                Asked::Service => {
                    vec![entry("request", 1.0, Verb::Serve(self.operation("request")), fields.has("keys"))]
                }
            };
        };
        let mut mix = Vec::new();
        let mut total = 0.0;
        let errors = self.log.borrow().errors();
        let (operations, what) = asked.operations();
        for (name, place, node) in table.entries() {
            let Some(share) = parse::<Share>(node, self.log) else { continue };
            total += share.0;
            let operation = operations.iter().find(|(word, _)| *word == name);
            let verb = match operation {
                Some((_, verb)) => *verb,
                None => match site.flows.get(&name) {
                    Some(head) => {
                        self.is_served(&name, &place, head, target, site);
                        Verb::Run(head.id)
                    }
                    None if asked != Asked::Service => {
                        let words = operations.iter().map(|(word, _)| *word);
                        fields.error(
                            Diagnostic::error(place, format!("`{name}` is no operation of a {what}")).nearest(
                                &name,
                                "operations",
                                words,
                            ),
                        );
                        continue;
                    }
                    None => Verb::Serve(self.operation(&name)),
                },
            };
            mix.push(entry(&name, share.0, verb, true));
        }
        if self.log.borrow().errors() > errors {
            // What couldn't be read may be what is missing.
        } else if mix.is_empty() {
            fields.error(
                Diagnostic::error(table.place.clone(), "the mix is empty")
                    .help("write `mix = { browse = \"70%\", buy = \"30%\" }`"),
            );
        } else if (total - 1.0).abs() > 1e-9 {
            let percent = libm::round(total * 1e8) / 1e6;
            fields.error(
                Diagnostic::error(table.place.clone(), format!("the mix adds up to {percent}%")).label("not 100%"),
            );
        }
        mix
    }
}
