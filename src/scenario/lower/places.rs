//! `[region.X]`, `[network]`, `[link.A.B]`, `[clock]`, `[keys.X]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AGAIN, Lowering};
use crate::component::service::DrawKeys;
use crate::engine::{Dist, Span, ZoneId};
use crate::physics::clock::{ClockSpec, SyncSpec};
use crate::physics::link::{Codec, Delay, LinkShape};
use crate::physics::topology::{Topology, Zone};
use crate::scenario::reader::{Fields, inside, parse};
use crate::spec::dist::{Drifts, Durations, Offsets, Sizes};
use crate::spec::units::{Bandwidth, Count, Number, Share, Size};
use crate::spec::{Diagnostic, Drawn, Place, Popularity};
use crate::workload::keys::{self, KeySampler};

/// 0.5 ms within a datacentre: Dean, "Designs, Lessons and Advice from Building Large Distributed Systems", 2009.
const WITHIN_ZONE: Span = Span::micros(500);
/// Illustrative; published measurements lie between 0.7 and 3.4 ms.
const BETWEEN_ZONES: Span = Span::millis(1);

/// A key set of the plan.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    pub(crate) sampler: KeySampler,
    pub(crate) id: u64,
    pub(crate) size: Dist,
}

impl KeySet {
    /// What flows draw its keys with.
    pub(super) fn drawer(&self) -> (u16, Arc<dyn DrawKeys>) {
        (self.id as u16, Arc::new(Drawer(self.sampler.clone())))
    }
}

#[derive(Debug)]
struct Drawer(KeySampler);

impl DrawKeys for Drawer {
    fn draw(&self, bits: &mut crate::engine::random::Addressed, hot: Option<(u64, f64)>) -> u64 {
        use crate::engine::Bits as _;
        match hot {
            Some((key, share)) if bits.chance(share) => key.min(self.0.count() - 1),
            _ => self.0.sample(bits),
        }
    }
}

impl Lowering<'_, '_> {
    /// Reads a drawn quantity, with the samples of the files it names.
    pub(super) fn drawn<D: crate::spec::Draw>(&self, fields: &Fields<'_, '_>, key: &'static str) -> Option<Dist> {
        let (drawn, place) = fields.at::<Drawn<D>>(key)?;
        let place = fields.node(key).map_or(place, inside);
        self.loaded(&drawn, place)
    }

    /// The distribution, once the files that it names are read; `place` is that of the text, without its quotes.
    pub(super) fn loaded<D: crate::spec::Draw>(&self, drawn: &Drawn<D>, place: crate::spec::Place) -> Option<Dist> {
        let mut load = |file: &str| (self.load)(file);
        match drawn.dist(&mut load) {
            Ok(dist) => Some(dist),
            Err(error) => {
                self.log.borrow_mut().push(Diagnostic::in_text(place.start, error));
                None
            }
        }
    }

    /// One link: the keys of `[link.A.B]` and of the tables in `[network]`, over what it is without them.
    pub(super) fn link(&self, fields: Fields<'_, '_>, base: &LinkShape) -> LinkShape {
        let mut shape = base.clone();
        if let Some(rtt) = self.drawn::<Durations>(&fields, "rtt") {
            shape.delay = Delay::HalfRoundTrip(rtt);
        }
        if let Some(delay) = self.drawn::<Durations>(&fields, "delay") {
            if fields.has("rtt") {
                fields.error(
                    Diagnostic::error(fields.place.clone(), "a link has `rtt` or `delay`, not both")
                        .help("a message takes half of a draw of `rtt`, or one of `delay`"),
                );
            }
            shape.delay = Delay::OneWay(delay);
        }
        if let Some(bandwidth) = fields.or_none::<Bandwidth>("bandwidth") {
            shape.bandwidth = bandwidth.map(|b| b.0);
        }
        if let Some(buffer) = fields.or_none::<Size>("buffer") {
            shape.buffer = buffer.map(|b| b.0);
        }
        for (key, value) in
            [("loss", &mut shape.loss), ("duplicate", &mut shape.duplicate), ("reorder", &mut shape.reorder)]
        {
            if let Some(share) = fields.get::<Share>(key) {
                *value = share.0;
            }
        }
        if let Some(codec) = fields.table("codec") {
            shape.codec = codec.map(|codec| {
                let ratio = codec.at::<Number>("ratio");
                if let Some((Number(ratio), place)) = ratio.as_ref().filter(|(ratio, _)| ratio.0 < 1.0) {
                    let help = "4.0 makes a quarter of a message; leave `codec` out for none";
                    codec.error(
                        Diagnostic::error(place.clone(), format!("a codec that makes {ratio} of a message bloats it"))
                            .help(help),
                    );
                }
                let ratio = ratio.map_or(4.0, |(ratio, _)| ratio.0);
                let cpu_per_mb = codec.get::<Span>("cpu_per_mb").unwrap_or(Span::millis(5));
                codec.done();
                Codec { ratio, cpu_per_mb }
            });
        }
        fields.done();
        shape
    }

    pub(super) fn topology(&self, root: &Fields<'_, '_>) -> Topology {
        let mut regions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if let Some(Some(table)) = root.table("region") {
            for (name, place, node) in table.entries() {
                self.check_name(&name, &place);
                let Some(fields) = table.table_of(node) else { continue };
                let mut zones: Vec<String> = Vec::new();
                for (zone, place) in fields.texts("zones").unwrap_or_default() {
                    if zones.contains(&zone) {
                        let message = format!("zone `{zone}` of region `{name}` is named twice");
                        fields.error(Diagnostic::error(place, message).help("each zone has a name of its own"));
                    } else {
                        zones.push(zone);
                    }
                }
                zones.sort();
                fields.done();
                regions.insert(name, if zones.is_empty() { vec!["a".to_owned()] } else { zones });
            }
        }
        if regions.is_empty() {
            regions.insert("local".to_owned(), vec!["a".to_owned()]);
        }
        let names: Vec<String> = regions.keys().cloned().collect();
        let zones: Vec<Zone> = regions
            .values()
            .enumerate()
            .flat_map(|(region, zones)| zones.iter().map(move |name| Zone { name: name.clone(), region }))
            .collect();
        let rtt = |span: Span| LinkShape::round_trip(Dist::constant(span.0 as f64));
        let mut within = rtt(WITHIN_ZONE);
        let mut between_zones = rtt(BETWEEN_ZONES);
        let mut between_regions = None;
        let (mut matrix, mut unknown_matrix) = (false, false);
        let mut access = None;
        if let Some(Some(network)) = root.table("network") {
            if let Some(Some(fields)) = network.table("within_zone") {
                within = self.link(fields, &within);
            }
            if let Some(Some(fields)) = network.table("between_zones") {
                between_zones = self.link(fields, &between_zones);
            }
            if let Some(node) = network.node("between_regions") {
                if node.get_ref().is_table() {
                    between_regions = network.table_of(node).map(|fields| self.link(fields, &between_zones));
                } else if let Some(text) = network.text_of(node) {
                    matrix = text == "aws_2016";
                    if !matrix {
                        unknown_matrix = true;
                        network.error(
                            Diagnostic::error(inside(node), format!("no round-trip matrix is called `{text}`"))
                                .nearest(&text, "matrices", ["aws_2016"]),
                        );
                    }
                }
            }
            if let Some(Some(fields)) = network.table("access") {
                access = Some(self.link(fields, &rtt(Span::ZERO)));
            }
            network.done();
        }
        let errors = self.log.borrow().errors();
        let given = self.given_links(root, &names, &between_zones);
        // A link whose end is misspelt is the one that would be missed.
        let unknown_link = self.log.borrow().errors() > errors;
        let mut links = Vec::new();
        let mut reported = Vec::new();
        for (a, za) in zones.iter().enumerate() {
            for (b, zb) in zones.iter().enumerate() {
                let mut shape = if a == b {
                    within.clone()
                } else if za.region == zb.region {
                    between_zones.clone()
                } else {
                    let known = matrix
                        .then(|| crate::physics::regions::rtt(&names[za.region], &names[zb.region]))
                        .flatten()
                        .map(rtt);
                    let written = given.contains_key(&(names[za.region].clone(), names[zb.region].clone()));
                    match known.or(between_regions.clone()) {
                        Some(shape) => shape,
                        None => {
                            let pair = (za.region.min(zb.region), za.region.max(zb.region));
                            if !written && !reported.contains(&pair) && !unknown_matrix && !unknown_link {
                                reported.push(pair);
                                let (x, y) = (&names[pair.0], &names[pair.1]);
                                let regions = root.entries().find(|(kind, ..)| kind == "region");
                                let at = regions.and_then(|(.., node)| {
                                    let (key, _) = node.get_ref().as_table()?.get_key_value(y.as_str())?;
                                    Some(key.span())
                                });
                                root.error(
                                    Diagnostic::error(
                                        at.unwrap_or(0..0),
                                        format!("nothing says how far {x} is from {y}"),
                                    )
                                    .help(format!("add `[link.{x}.{y}]` with `rtt`, or network.between_regions")),
                                );
                            }
                            between_zones.clone()
                        }
                    }
                };
                let full = |z: &Zone| format!("{}/{}", names[z.region], z.name);
                for key in [(names[za.region].clone(), names[zb.region].clone()), (full(za), full(zb))] {
                    if a != b
                        && (za.region != zb.region || key.0.contains('/'))
                        && let Some(given) = given.get(&key)
                    {
                        shape = given.clone();
                    }
                }
                links.push(shape);
            }
        }
        if let Some(access) = access {
            for _ in 0..names.len() {
                links.push(access.clone());
                links.push(access.clone());
            }
        }
        Topology { regions: names, zones, links }
    }

    /// `[link.A.B]`: both directions, unless the other one is written too.
    fn given_links(
        &self,
        root: &Fields<'_, '_>,
        regions: &[String],
        base: &LinkShape,
    ) -> BTreeMap<(String, String), LinkShape> {
        let mut links = BTreeMap::new();
        let Some(Some(table)) = root.table("link") else { return links };
        let known = |name: &str| regions.iter().any(|r| *r == name.split('/').next().unwrap_or(name));
        let mut reverse = Vec::new();
        for (from, place, node) in table.entries() {
            let Some(ends) = table.table_of(node) else { continue };
            for (to, to_place, node) in ends.entries() {
                for (name, place) in [(&from, &place), (&to, &to_place)] {
                    if !known(name) {
                        table.error(
                            Diagnostic::error(place.clone(), format!("no region is called `{name}`"))
                                .label("not a region")
                                .nearest(name, "regions", regions.iter().map(String::as_str)),
                        );
                    }
                }
                if from == to {
                    let message = format!("a link leads from one place to another, not from `{from}` to itself");
                    table.error(
                        Diagnostic::error(to_place, message)
                            .help("within a region it is network.within_zone and network.between_zones"),
                    );
                }
                let Some(fields) = ends.table_of(node) else { continue };
                let shape = self.link(fields, base);
                reverse.push(((to.clone(), from.clone()), shape.clone()));
                links.insert((from.clone(), to), shape);
            }
        }
        for (key, shape) in reverse {
            links.entry(key).or_insert(shape);
        }
        links
    }

    pub(super) fn clock(&self, fields: Option<Fields<'_, '_>>, base: &ClockSpec) -> ClockSpec {
        let mut clock = base.clone();
        let Some(fields) = fields else { return clock };
        if let Some(offset) = self.drawn::<Offsets>(&fields, "offset") {
            clock.offset = offset;
        }
        if let Some(drift) = self.drawn::<Drifts>(&fields, "drift") {
            clock.drift_ppm = drift;
        }
        if let Some(node) = fields.node("uncertainty") {
            clock.uncertainty = (!crate::scenario::reader::is_none(node))
                .then(|| parse::<Drawn<Durations>>(node, self.log).and_then(|d| self.loaded(&d, inside(node))))
                .flatten();
        }
        if let Some(sync) = fields.table("sync") {
            clock.sync = sync.map(|sync| {
                let spec = SyncSpec {
                    every: sync.above_zero("every", AGAIN).unwrap_or(Span::secs(64)), // ntpd's shortest poll interval
                    error: self.drawn::<Offsets>(&sync, "error").unwrap_or(Dist::normal(0.0, 5e6)), // illustrative
                    slew: sync.word("how", &["slew", "step"]).unwrap_or("slew") == "slew",
                };
                sync.done();
                spec
            });
        }
        fields.done();
        clock
    }

    /// The text of a file that stands beside the scenario.
    pub(super) fn beside(&self, fields: &Fields<'_, '_>, file: &str, place: &Place) -> Option<String> {
        let read = (self.load)(file);
        if let Err(reason) = &read {
            fields.error(
                Diagnostic::error(place.clone(), format!("`{file}` can't be read: {reason}"))
                    .help("files are looked for beside the scenario"),
            );
        }
        read.ok()
    }

    /// Weights from a file, one a line, behind a name and a comma if there is one: of each key the sum up to it.
    fn counted(&self, fields: &Fields<'_, '_>, file: &str, place: Place) -> Option<Vec<f64>> {
        let text = self.beside(fields, file, &place)?;
        let mut sums = Vec::new();
        let mut sum = 0.0;
        for (i, line) in text.lines().map(str::trim).enumerate().filter(|(_, l)| !l.is_empty()) {
            let weight = line.rsplit(',').next().and_then(|field| field.trim().parse::<f64>().ok());
            let Some(weight) = weight.filter(|w| w.is_finite() && *w >= 0.0) else {
                let message = format!("{file}:{}: `{line}` has no weight", i + 1);
                fields.error(Diagnostic::error(place, message).help("write `120`, or `smith,120`"));
                return None;
            };
            sum += weight;
            sums.push(sum);
        }
        if sum <= 0.0 {
            fields.error(Diagnostic::error(place, format!("`{file}` has no weight above 0")));
            return None;
        }
        Some(sums)
    }

    pub(super) fn key_sets(&self, root: &Fields<'_, '_>) -> BTreeMap<String, KeySet> {
        let mut sets = BTreeMap::new();
        let Some(Some(table)) = root.table("keys") else { return sets };
        for (id, (name, place, node)) in table.entries().enumerate() {
            self.name(&name, &place);
            let Some(fields) = table.table_of(node) else { continue };
            let mut count = fields.at::<Count>("count");
            if let Some((Count(0), place)) = &count {
                let help = "write `count = 1000`; without it there are 1000";
                fields.error(Diagnostic::error(place.clone(), "a set has at least one key").help(help));
            }
            let popularity = match fields.at::<Popularity>("popularity") {
                None | Some((Popularity::Uniform, _)) => keys::Popularity::Uniform,
                Some((Popularity::Zipf(theta), _)) => keys::Popularity::Zipf(theta),
                Some((Popularity::Hotset { keys, requests }, _)) => keys::Popularity::Hotset { keys, load: requests },
                Some((Popularity::Weighted(weights), _)) => {
                    keys::Popularity::Weighted(weights.iter().map(|(_, w)| *w).collect())
                }
                Some((Popularity::Empirical(file), place)) => {
                    let sums = self.counted(&fields, &file, place.clone()).unwrap_or_default();
                    let keys = sums.len() as u64;
                    if let Some((Count(told), at)) = &count
                        && keys > 0
                        && *told != keys
                    {
                        let message = format!("`{file}` has weights of {keys} keys, and there are {told}");
                        fields.error(Diagnostic::error(at.clone(), message).help("leave `count` out"));
                    }
                    count = Some((Count(keys), place));
                    keys::Popularity::Empirical(sums.into())
                }
                Some((Popularity::Latest, place)) => {
                    fields.error(Diagnostic::error(place, "this popularity comes in a later version"));
                    keys::Popularity::Uniform
                }
            };
            let count = count.map_or(1000, |(c, _)| c.0).max(1);
            // YCSB's values are ten fields of 100 bytes.
            let size = self.drawn::<Sizes>(&fields, "size").unwrap_or(Dist::constant(1000.0));
            fields.done();
            sets.insert(name, KeySet { sampler: KeySampler::new(popularity, count), id: id as u64, size });
        }
        sets
    }

    /// The zones that a placement names, one for each replica.
    pub(super) fn placed(&self, topology: &Topology, replicas: u32, pack: bool) -> Vec<ZoneId> {
        let zones = topology.zones.len();
        (0..replicas as usize).map(|i| ZoneId::at(if pack { 0 } else { i % zones })).collect()
    }
}
