//! `[service.X]`, `[load_balancer.X]`, `[store.X]`: what each key means, and what is there without it.

use super::clients::STORE_OPERATIONS;
use super::drafts::{Draft, DraftKind};
use super::{AGAIN, Lowering};
use crate::component::load_balancer::Health;
use crate::engine::{EdgeId, Span, ZoneId};
use crate::physics::clock::ClockSpec;
use crate::physics::disk::{DiskSpec, Fsync};
use crate::physics::network::Place as Standing;
use crate::physics::station::{Discipline, DropRule, Shed, StationSpec, WhenFull, WorkerModel};
use crate::physics::topology::Topology;
use crate::rpc::policy::Balance;
use crate::rpc::{Connections, Outlier, Verb};
use crate::scenario::reader::{Fields, inside, parse};
use crate::spec::call::Call;
use crate::spec::dist::Durations;
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Bandwidth, Count, Number, Share, span_above_zero};
use crate::spec::{Diagnostic, Drawn};
use crate::world::{HostSetup, ServiceTime};

/// The balance of a load balancer or an edge, with weights still by name.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scenario) struct WrittenBalance {
    pub(super) balance: Balance,
    pub(super) weights: Vec<(String, f64)>,
}

impl FromText for WrittenBalance {
    const WHAT: &'static str = "a balancing policy";
    fn from_text(text: &str) -> Result<WrittenBalance, TextError> {
        let plain = |balance| WrittenBalance { balance, weights: Vec::new() };
        let call = Call::parse(text)?;
        use crate::spec::call::Signature;
        Ok(match call.name {
            "random" => call.no_args().map(|()| plain(Balance::Random))?,
            "round_robin" => call.no_args().map(|()| plain(Balance::RoundRobin))?,
            "least_request" => call.no_args().map(|()| plain(Balance::LeastRequest))?,
            "ewma" => call.no_args().map(|()| plain(Balance::Ewma))?,
            "power_of_d" => {
                let usage = "`power_of_d(2)` or `power_of_d(2, replace=true)`";
                let bound = call.bind(Signature { usage, positional: &["d"], named: &["replace"] })?;
                let d = bound.need("d")?;
                let Some(number) = d.text.trim().parse::<u32>().ok().filter(|n| (1..=16).contains(n)) else {
                    return Err(TextError::new(d.at(), "expected a number from 1 to 16").help(format!("write {usage}")));
                };
                let replace = match bound.get("replace").map(|a| (a.text.trim().to_owned(), a.at())) {
                    None => false,
                    Some((word, _)) if word == "true" => true,
                    Some((word, _)) if word == "false" => false,
                    Some((_, at)) => return Err(TextError::new(at, "expected true or false")),
                };
                plain(Balance::PowerOfD { d: number, replace })
            }
            "consistent_hash" => {
                let usage = "`consistent_hash(bound=1.25)`";
                let bound = call.bind(Signature { usage, positional: &[], named: &["bound"] })?;
                let bound = match bound.get("bound") {
                    None => f64::INFINITY,
                    Some(arg) => {
                        let at = arg.at();
                        let value = arg.text.trim().parse::<f64>().unwrap_or(f64::NAN);
                        if value.is_nan() || value <= 1.0 {
                            return Err(TextError::new(at, "the bound is a number above 1"));
                        }
                        value
                    }
                };
                plain(Balance::ConsistentHash { bound })
            }
            "weighted" => {
                let mut weights = Vec::new();
                let usage = "write `weighted(web/0=3, web/1=1)`";
                let inner = text.trim().strip_prefix("weighted").unwrap_or("").trim();
                let inner = inner.strip_prefix('(').and_then(|i| i.strip_suffix(')')).unwrap_or("");
                for part in inner.split(',').filter(|p| !p.trim().is_empty()) {
                    let pair = part.split_once('=').and_then(|(n, w)| Some((n.trim(), w.trim().parse::<f64>().ok()?)));
                    match pair {
                        Some((name, weight)) if weight >= 0.0 && weight.is_finite() => {
                            weights.push((name.to_owned(), weight));
                        }
                        _ => {
                            return Err(
                                TextError::new(0..text.len(), format!("`{}` is no weight", part.trim())).help(usage)
                            );
                        }
                    }
                }
                if weights.iter().all(|(_, w)| *w == 0.0) {
                    return Err(TextError::new(0..text.len(), "no weight is above 0").help(usage));
                }
                WrittenBalance { balance: Balance::Weighted(Vec::new()), weights }
            }
            other => {
                let names =
                    ["random", "round_robin", "weighted", "least_request", "power_of_d", "ewma", "consistent_hash"];
                let near = crate::spec::nearest(other, names);
                let near = near.map_or(String::new(), |n| format!("did you mean `{n}`? "));
                return Err(TextError::new(call.name_at(), format!("`{other}` is no balancing policy"))
                    .help(format!("{near}policies: {}", names.join(", "))));
            }
        })
    }
}

impl Lowering<'_, '_> {
    pub(super) fn station(&self, fields: &Fields<'_, '_>) -> StationSpec {
        let mut station = StationSpec::default();
        if let Some((count, place)) = fields.at::<Count>("workers") {
            if count.0 == 0 || count.0 > 1_000_000 {
                fields.error(
                    Diagnostic::error(place, "a component has 1 to 1 000 000 workers").help("write `workers = 4`"),
                );
            }
            station.workers = u32::try_from(count.0).unwrap_or(1).clamp(1, 1_000_000);
        }
        if let Some((speed, place)) = fields.at::<Number>("speed") {
            if speed.0 > 0.0 {
                station.speed = speed.0;
            } else {
                fields.error(
                    Diagnostic::error(place, "the speed must be above 0")
                        .help("1.0 is the speed that service times are measured at; 2.0 halves them"),
                );
            }
        }
        if let Some(Some(queue)) = fields.table("queue") {
            if let Some(limit) = queue.or_none::<Count>("limit") {
                station.limit = limit.map(|c| u32::try_from(c.0).unwrap_or(u32::MAX));
            }
            if let Some(word) = queue.word("discipline", &["fifo", "lifo", "adaptive_lifo", "priority", "ps"]) {
                station.discipline = match word {
                    "lifo" => Discipline::Lifo,
                    "adaptive_lifo" => Discipline::AdaptiveLifo,
                    "priority" => Discipline::Priority,
                    "ps" => Discipline::ProcessorSharing,
                    _ => Discipline::Fifo,
                };
            }
            if let Some(word) = queue.word("when_full", &["reject", "block"]) {
                station.when_full = if word == "block" { WhenFull::Block } else { WhenFull::Reject };
            }
            if let Some(node) = queue.node("drop") {
                station.drop = parse::<WrittenDrop>(node, self.log).map_or(DropRule::Never, |d| d.0);
            }
            queue.done();
        }
        if let Some(Some(shed)) = fields.table("shed") {
            station.shed = Some(Shed {
                above: shed.get::<Share>("above").map_or(0.8, |s| s.0),
                by_priority: shed.word("by", &["priority", "all"]).unwrap_or("priority") == "priority",
            });
            shed.done();
        }
        if let Some(startup) = fields.get::<Span>("startup") {
            station.startup = startup;
        }
        if let Some(Some(cold)) = fields.table("cold") {
            station.cold_for = cold.get::<Span>("for").unwrap_or(Span::secs(60));
            station.cold_factor = cold.get::<Number>("factor").map_or(3.0, |n| n.0).max(0.0);
            cold.done();
        }
        station
    }

    fn service_time(&self, kind: &str, fields: &Fields<'_, '_>) -> ServiceTime {
        let Some(node) = fields.node("service_time") else { return ServiceTime::default() };
        if !node.get_ref().is_table() {
            let dist = parse::<Drawn<Durations>>(node, self.log).and_then(|d| self.loaded(&d, inside(node)));
            return dist.map_or_else(ServiceTime::default, ServiceTime::of);
        }
        let mut law = ServiceTime::default();
        let Some(table) = fields.table_of(node) else { return law };
        // A service does what flows and clients call by names of their own.
        let known = if kind == "service" { &[][..] } else { STORE_OPERATIONS };
        for (operation, place, node) in table.entries() {
            let Some(dist) = parse::<Drawn<Durations>>(node, self.log).and_then(|d| self.loaded(&d, inside(node)))
            else {
                continue;
            };
            match operation.as_str() {
                "default" => law.default = dist,
                "fill" => law.by.push((Verb::Fill, dist)),
                "invalidate" => law.by.push((Verb::Invalidate, dist)),
                name => match known.iter().find(|(word, _)| *word == name) {
                    Some((_, verb)) => law.by.push((*verb, dist)),
                    None if known.is_empty() => law.by.push((Verb::Serve(self.operation(name)), dist)),
                    None => {
                        let words = known.iter().map(|(word, _)| *word).chain(["default", "fill", "invalidate"]);
                        let message = format!("`{name}` is no operation of a {kind}");
                        fields.error(Diagnostic::error(place, message).nearest(name, "operations", words));
                    }
                },
            }
        }
        law
    }

    fn disk(&self, fields: &Fields<'_, '_>) -> DiskSpec {
        let mut disk = DiskSpec::default();
        if let Some(Some(fields)) = fields.table("disk") {
            for (key, value) in [
                ("read_time", &mut disk.read_time),
                ("write_time", &mut disk.write_time),
                ("fsync_time", &mut disk.fsync_time),
            ] {
                if let Some(dist) = self.drawn::<Durations>(&fields, key) {
                    *value = dist;
                }
            }
            disk.bandwidth = fields.or_none::<Bandwidth>("bandwidth").flatten().map(|b| b.0);
            fields.done();
        }
        disk
    }

    fn fsync(&self, fields: &Fields<'_, '_>) -> Fsync {
        let Some(node) = fields.node("fsync") else { return Fsync::Always };
        let Some(text) = fields.text_of(node) else { return Fsync::Always };
        match text.as_str() {
            "always" => Fsync::Always,
            "never" => Fsync::Never,
            other => {
                let every = other.strip_prefix("every(").and_then(|o| o.strip_suffix(')'));
                match every.and_then(|e| Span::from_text(e.trim()).ok()) {
                    Some(span) if !span.is_zero() => Fsync::Every(span),
                    _ => {
                        fields.error(
                            Diagnostic::error(node.span(), format!("`{other}` is not when a disk is synced"))
                                .help("write `always`, `every(100ms)` or `never`"),
                        );
                        Fsync::Always
                    }
                }
            }
        }
    }

    /// Where each replica stands.
    fn placement(&self, fields: &Fields<'_, '_>, topology: &Topology) -> Vec<ZoneId> {
        let pack = fields.word("placement", &["spread", "pack"]) == Some("pack");
        let Some(node) = fields.node("replicas") else { return self.placed(topology, 1, pack) };
        if !node.get_ref().is_table() {
            let count = parse::<Count>(node, self.log).map_or(1, |c| c.0);
            if count == 0 || count > 10_000 {
                fields.error(Diagnostic::error(inside(node), "a component has 1 to 10 000 replicas"));
            }
            return self.placed(topology, count.clamp(1, 10_000) as u32, pack);
        }
        let mut zones = Vec::new();
        let Some(table) = fields.table_of(node) else { return self.placed(topology, 1, pack) };
        for (place, at, node) in table.entries() {
            let Some(Count(count)) = parse::<Count>(node, self.log) else { continue };
            if count == 0 || count > 10_000 {
                let none = "leave a place out where nothing stands";
                fields.error(Diagnostic::error(node.span(), "1 to 10 000 replicas stand at a place").help(none));
            }
            let count = count.min(10_000);
            let here: Vec<ZoneId> = (0..topology.zones.len())
                .map(ZoneId::at)
                .filter(|z| {
                    let zone = &topology.zones[z.index()];
                    let region = &topology.regions[zone.region];
                    place == *region || place == format!("{region}/{}", zone.name) || place == zone.name
                })
                .collect();
            if here.is_empty() {
                fields.error(Diagnostic::error(at, format!("no region or zone is called `{place}`")).nearest(
                    &place,
                    "regions",
                    topology.regions.iter().map(String::as_str),
                ));
                continue;
            }
            zones.extend((0..count as usize).map(|i| here[i % here.len()]));
        }
        if table.tree().is_empty() {
            fields.error(
                Diagnostic::error(node.span(), "a component has 1 to 10 000 replicas; here it has none")
                    .help("write `replicas = 3`, or how many where: `replicas = { east = 2, west = 1 }`"),
            );
        }
        if zones.is_empty() {
            zones.push(ZoneId(0));
        }
        zones
    }

    /// One component; what refers to others is kept by name.
    pub(super) fn component(
        &self,
        kind: &'static str,
        name: String,
        fields: Fields<'_, '_>,
        topology: &Topology,
        clock: &ClockSpec,
    ) -> Draft {
        let mut station = self.station(&fields);
        let service = self.service_time(kind, &fields);
        let disk = self.disk(&fields);
        let mut zones = self.placement(&fields, topology);
        let clock = self.clock(fields.table("clock").flatten(), clock);
        let mut fsync = Fsync::Always;
        let (mut scaling, mut scaled_by) = (None, None);
        let draft = match kind {
            "service" => {
                if fields.word("model", &["async", "thread"]) == Some("thread") {
                    station.model = WorkerModel::Thread;
                }
                (scaling, scaled_by) = self.autoscale(&fields, zones.len()).unzip();
                // Further ones stand where the first ones do, in turn.
                let most = scaling.map_or(zones.len(), |scaling| scaling.max as usize);
                zones = (0..most).map(|i| zones[i % zones.len()]).collect();
                DraftKind::Service
            }
            "load_balancer" => self.load_balancer(&fields),
            "membership" => DraftKind::Membership(self.membership(&fields, zones.len())),
            "cache" => DraftKind::Cache(self.cache(&fields)),
            "queue" => DraftKind::Queue(self.queue(&fields, zones.len())),
            _ => {
                fsync = self.fsync(&fields);
                let regions = zones.iter().map(|zone| topology.zones[zone.index()].region as u16).collect();
                let mut replication = self.replication(&fields, regions);
                self.prefer_leader(&fields, &name, &zones, topology, &mut replication);
                DraftKind::Store(replication)
            }
        };
        let hosts = zones.iter().enumerate().map(|(i, zone)| HostSetup {
            name: format!("{name}/{i}"),
            place: Standing { zone: *zone, access: None },
            clock: clock.clone(),
            disk: disk.clone(),
            fsync,
        });
        let hosts = hosts.collect();
        fields.done();
        Draft { name, kind: draft, hosts, station, service, scaling, scaled_by: scaled_by.flatten() }
    }

    fn load_balancer(&self, fields: &Fields<'_, '_>) -> DraftKind {
        fields.require("targets", "\"web\"");
        let targets = fields.texts("targets").unwrap_or_default();
        if let Some(node) = fields.node("targets").filter(|_| targets.is_empty()) {
            fields.error(
                Diagnostic::error(node.span(), "a load balancer needs a target").help("write `targets = \"web\"`"),
            );
        }
        let policy = fields.at::<WrittenBalance>("policy");
        let health = fields.table("health").flatten().map(|h| {
            // AWS ALB's documented defaults.
            let health = Health {
                edge: EdgeId(0),
                every: h.above_zero("every", AGAIN).unwrap_or(Span::secs(30)),
                unhealthy: h.count_up_to("unhealthy", 1000).unwrap_or(2),
                healthy: h.count_up_to("healthy", 1000).unwrap_or(5),
            };
            let timeout = h.above_zero("timeout", "a check with 0s to answer always fails").unwrap_or(Span::secs(5));
            let fail_open = h.flag("fail_open").unwrap_or(true);
            h.done();
            (health, timeout, fail_open)
        });
        let outlier = fields.table("outlier").flatten().map(|o| {
            let base = Outlier::default();
            let outlier = Outlier {
                consecutive_errors: o.count_up_to("consecutive_errors", 1_000_000).unwrap_or(base.consecutive_errors),
                every: o.above_zero("every", AGAIN).unwrap_or(base.every),
                ejection: o.above_zero("ejection", "who is ejected for 0s isn't").unwrap_or(base.ejection),
                max_ejected: o.get::<Share>("max_ejected").map_or(base.max_ejected, |s| s.0),
            };
            o.done();
            outlier
        });
        let connections = match fields.word("layer", &["L4", "L7"]) {
            Some("L4") => Connections::Pinned,
            _ => Connections::PerCaller,
        };
        let slow_start = fields.or_none::<Span>("slow_start").flatten();
        let sticky = fields.or_none::<WrittenSticky>("sticky").flatten();
        if let (Some(WrittenSticky::For(Span(0))), Some(node)) = (sticky, fields.node("sticky")) {
            fields
                .error(Diagnostic::error(inside(node), "a client that stays for 0s doesn't stay").help("write `none`"));
        }
        // AWS ALB's deregistration delay.
        let drain = fields.or_none::<Span>("drain").unwrap_or(Some(Span::secs(300)));
        let load_info_age = fields.get::<Span>("load_info_age").unwrap_or(Span::ZERO);
        DraftKind::LoadBalancer {
            targets,
            policy,
            health,
            outlier,
            connections,
            slow_start,
            sticky,
            drain,
            load_info_age,
        }
    }
}

/// For how long a client stays with its instance, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum WrittenSticky {
    /// As long as that may be asked: by a hash of the client.
    Client,
    /// So long after its last request: by a table.
    For(Span),
}

impl FromText for WrittenSticky {
    const WHAT: &'static str = "`client`, or a duration";
    fn from_text(text: &str) -> Result<WrittenSticky, TextError> {
        match text.trim() {
            "client" => Ok(WrittenSticky::Client),
            _ => Span::from_text(text)
                .map(WrittenSticky::For)
                .map_err(|error| error.help("write `client`, a duration such as `5m`, or `none`")),
        }
    }
    fn examples() -> &'static [&'static str] {
        &["client", "5m"]
    }
}

/// What a queue throws away, as written.
pub(in crate::scenario) struct WrittenDrop(DropRule);

impl FromText for WrittenDrop {
    const WHAT: &'static str = "what is thrown away at the head";
    fn from_text(text: &str) -> Result<WrittenDrop, TextError> {
        let call = Call::parse(text)?;
        Ok(WrittenDrop(match call.name {
            "none" => DropRule::Never,
            "expired" => DropRule::Expired,
            "codel" => {
                let usage = "`codel(target=100ms, interval=1s)`";
                let signature = crate::spec::call::Signature { usage, positional: &[], named: &["target", "interval"] };
                let bound = call.bind(signature)?;
                DropRule::Codel {
                    target: bound.read("target", span_above_zero)?,
                    interval: bound.read("interval", span_above_zero)?,
                }
            }
            other => {
                return Err(TextError::new(call.name_at(), format!("`{other}` is no rule for dropping"))
                    .help("write `none`, `expired` or `codel(target=100ms, interval=1s)`"));
            }
        }))
    }
}
