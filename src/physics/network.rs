//! The network: which links a message takes, and what they, cuts and faults do to it.
//!
//! A message crosses as a whole: no packets, no TCP. What it meets is decided when it is sent: a cut that begins while it
//! is under way doesn't stop it, and a change of bandwidth doesn't touch those already queued. A message that is lost by
//! chance has used the bandwidth of its links nevertheless.
//!
//! Numbers are drawn in this order: the delay of each link on the way, then (only where the share isn't zero) loss,
//! duplication, reordering, and the copy's delays. So a run with loss and one without draw the same delays.

use std::collections::BTreeMap;

use super::host_set::HostSet;
use super::link::{Codec, Delay, LinkShape};
use super::link_change::{Active, LinkChange};
use super::pipe::Pipe;
use super::topology::{LinkId, Topology};
use crate::engine::{Bits, HostId, Instant, Span, ZoneId};

/// Where a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its zone.
    pub zone: ZoneId,
    /// Whether it stands outside, as populations of clients do: what it sends and is sent also crosses the access link
    /// of its zone's region.
    pub access: bool,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// It arrives.
    Arrives {
        /// When.
        at: Instant,
        /// When a second copy does, not before the first.
        again: Option<Instant>,
    },
    /// It doesn't.
    Lost(Loss),
}

/// Why a message is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A partition separates the two hosts in this direction.
    Cut,
    /// Random loss.
    Chance,
    /// The buffer in front of a limited link was full.
    Buffer,
}

/// All links between all hosts.
#[derive(Clone, Debug)]
pub struct Network {
    topology: Topology,
    hosts: Vec<Place>,
    /// Of each link of the topology.
    pipes: Vec<Pipe>,
    /// Which links do nothing but delay.
    plain: Vec<bool>,
    cuts: Vec<Cut>,
    changes: Vec<Active>,
    /// When the last ordered message from one host to another arrives, as long as it is under way.
    last_arrival: Vec<Arrivals>,
}

/// The last arrivals at other hosts of what one host sent them in order. Those that are over are thrown out whenever
/// there are twice as many as after the last time, so a host among thousands keeps no row of thousands.
#[derive(Clone, Debug, Default)]
struct Arrivals {
    last: BTreeMap<HostId, Instant>,
    most: usize,
}

impl Arrivals {
    /// `at`, or later if what was sent to `to` before arrives later.
    fn behind(&mut self, now: Instant, to: HostId, at: Instant) -> Instant {
        let last = self.last.entry(to).or_insert(at);
        *last = at.max(*last);
        let at = *last;
        if self.last.len() > self.most.max(64) {
            self.last.retain(|_, last| *last > now);
            self.most = 2 * self.last.len();
        }
        at
    }
}

/// Nothing passes from the first set to the second.
#[derive(Clone, Debug)]
struct Cut {
    id: u32,
    from: HostSet,
    to: HostSet,
}

/// A message on its way, before order is looked at.
struct Carried {
    at: Instant,
    again: Option<Instant>,
    /// Of the delays only, without bandwidth and codecs.
    delay: Span,
    reorder: f64,
}

impl Network {
    /// The network of a topology; `hosts` by [`HostId`].
    pub fn new(topology: Topology, hosts: Vec<Place>) -> Network {
        assert!(topology.links.len() >= topology.access_base(), "a link for every ordered pair of zones");
        Network {
            pipes: vec![Pipe::default(); topology.links.len()],
            plain: topology.links.iter().map(LinkShape::is_plain).collect(),
            last_arrival: vec![Arrivals::default(); hosts.len()],
            topology,
            hosts,
            cuts: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Where things stand and what lies between, with live settings but without faults.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }
    /// Where a host stands.
    pub fn place(&self, host: HostId) -> Place {
        self.hosts[host.index()]
    }

    /// Sends `bytes` from one host to another, in no order with others of this pair. What a host sends itself arrives
    /// at once and can't be lost.
    pub fn cross(&mut self, now: Instant, from: HostId, to: HostId, bytes: u32, bits: &mut impl Bits) -> Crossing {
        if from == to {
            return Crossing::Arrives { at: now, again: None };
        }
        match self.carry(now, from, to, bytes, bits) {
            Ok(Carried { at, again, .. }) => Crossing::Arrives { at, again },
            Err(loss) => Crossing::Lost(loss),
        }
    }

    /// Sends `bytes` from one host to another, to arrive no earlier than what was sent in order before (equal instants
    /// keep the order of sending, if the caller's queue does).
    ///
    /// A message that the link reorders takes a detour, up to as long again as its delay (uniform), and neither waits for
    /// others nor is waited for.
    pub fn cross_in_order(
        &mut self,
        now: Instant,
        from: HostId,
        to: HostId,
        bytes: u32,
        bits: &mut impl Bits,
    ) -> Crossing {
        if from == to {
            return Crossing::Arrives { at: now, again: None };
        }
        let Carried { mut at, again, delay, reorder } = match self.carry(now, from, to, bytes, bits) {
            Ok(carried) => carried,
            Err(loss) => return Crossing::Lost(loss),
        };
        if chance(reorder, bits) {
            at += Span::from_nanos_f64(delay.0 as f64 * bits.unit());
        } else {
            at = self.last_arrival[from.index()].behind(now, to, at);
        }
        Crossing::Arrives { at, again: again.map(|again| again.max(at)) }
    }

    /// From now on nothing passes from `from` to `to`. Cuts are one-way, may overlap, and end by their id.
    pub fn cut(&mut self, id: u32, from: HostSet, to: HostSet) {
        self.cuts.push(Cut { id, from, to });
    }
    /// Ends all cuts with this id.
    pub fn mend(&mut self, id: u32) {
        self.cuts.retain(|cut| cut.id != id);
    }
    /// Whether some cut separates `from` from `to`, in this direction.
    pub fn cuts(&self, from: HostId, to: HostId) -> bool {
        from != to
            && !self.cuts.is_empty()
            && self.cuts.iter().any(|cut| cut.from.contains(from) && cut.to.contains(to))
    }

    /// Puts a change on top of the links' shapes; ends by its id. Several changes may carry one id.
    pub fn shape(&mut self, id: u32, change: LinkChange) {
        self.changes.push(Active { id, change, pipes: Default::default() });
    }
    /// Ends all changes with this id.
    pub fn unshape(&mut self, id: u32) {
        self.changes.retain(|active| active.id != id);
    }
    /// Replaces the shape of a link for good, under whatever changes are on top.
    pub fn set_link(&mut self, link: LinkId, shape: LinkShape) {
        self.plain[usize::from(link.0)] = shape.is_plain();
        self.topology.links[usize::from(link.0)] = shape;
    }

    /// The links from one host to another, in order.
    fn route(&self, from: HostId, to: HostId) -> [Option<usize>; 3] {
        let (a, b) = (self.place(from), self.place(to));
        let access = |place: Place, down: usize| {
            let region = self.topology.zones[place.zone.index()].region;
            let link = self.topology.access_base() + 2 * region + down;
            (place.access && link < self.topology.links.len()).then_some(link)
        };
        [access(a, 0), Some(usize::from(self.topology.link(a.zone, b.zone).0)), access(b, 1)]
    }

    fn carry(
        &mut self,
        now: Instant,
        from: HostId,
        to: HostId,
        bytes: u32,
        bits: &mut impl Bits,
    ) -> Result<Carried, Loss> {
        if self.cuts(from, to) {
            return Err(Loss::Cut);
        }
        let bytes = u64::from(bytes);
        let route = self.route(from, to);
        if self.changes.is_empty() && route.iter().flatten().all(|link| self.plain[*link]) {
            let delay = route.iter().flatten().fold(Span::ZERO, |sum, link| sum + self.drawn_delay(*link, bits));
            return Ok(Carried { at: now + delay, again: None, delay, reorder: 0.0 });
        }
        let mut at = now;
        let mut delay = Span::ZERO;
        let mut shares = Shares::default();
        for &link in route.iter().flatten() {
            let shape = &self.topology.links[link];
            shares.stack(shape.loss, shape.duplicate, shape.reorder);
            let mut bandwidth = shape.bandwidth;
            for active in self.changes.iter().filter(|active| active.change.on_link(link)) {
                shares.stack(active.change.loss, active.change.duplicate, active.change.reorder);
                bandwidth = at_most(bandwidth, active.change.bandwidth);
            }
            let mut sent = bytes;
            if let Some(codec) = shape.codec {
                sent = codec.compressed(bytes);
                at += codec.time(bytes);
            }
            if let Some(bandwidth) = bandwidth {
                at = self.pipes[link].send(now, at, sent, bandwidth, shape.buffer).ok_or(Loss::Buffer)?;
            }
            let drawn = self.link_delay(link, from, to, bits);
            delay += drawn;
            at += drawn;
        }
        for active in &mut self.changes {
            let Some(wire) = active.change.on_hosts(from, to) else { continue };
            shares.stack(active.change.loss, active.change.duplicate, active.change.reorder);
            if let Some(bandwidth) = active.change.bandwidth {
                let pipe = active.pipes.entry(wire).or_default();
                at = pipe.send(now, at, bytes, bandwidth, None).expect("a pipe without a buffer limit drops nothing");
            }
        }
        let added = self.hosts_delay(from, to, bits);
        delay += added;
        at += added;

        if chance(1.0 - shares.kept, bits) {
            return Err(Loss::Chance);
        }
        let mut again = None;
        if chance(1.0 - shares.single, bits) {
            let mut copy_delay = Span::ZERO;
            for &link in route.iter().flatten() {
                copy_delay += self.link_delay(link, from, to, bits);
            }
            copy_delay += self.hosts_delay(from, to, bits);
            // The copy leaves with the original and has delays of its own; whichever is first is the message.
            let copy_at = Instant(at.0.saturating_sub(delay.0)) + copy_delay;
            again = Some(at.max(copy_at));
            at = at.min(copy_at);
        }
        Ok(Carried { at, again, delay, reorder: 1.0 - shares.ordered })
    }

    /// A draw of a link's delay, under all changes.
    fn link_delay(&self, link: usize, from: HostId, to: HostId, bits: &mut impl Bits) -> Span {
        let mut delay = self.drawn_delay(link, bits);
        if self.changes.is_empty() {
            return delay;
        }
        let touching = |active: &&Active| active.change.on_link(link) || active.change.on_hosts(from, to).is_some();
        let factor: f64 = self.changes.iter().filter(touching).map(|active| active.change.delay_factor).product();
        if factor != 1.0 {
            delay = Span::from_nanos_f64(delay.0 as f64 * factor);
        }
        for active in self.changes.iter().filter(|active| active.change.on_link(link)) {
            if let Some(added) = &active.change.delay_added {
                delay += added.sample_span(bits);
            }
        }
        delay
    }

    /// A draw of a link's own delay.
    fn drawn_delay(&self, link: usize, bits: &mut impl Bits) -> Span {
        match &self.topology.links[link].delay {
            Delay::HalfRoundTrip(rtt) => rtt.sample_span(bits) / 2,
            Delay::OneWay(delay) => delay.sample_span(bits),
        }
    }

    /// A draw of what host-wide changes add to the delay of one message.
    fn hosts_delay(&self, from: HostId, to: HostId, bits: &mut impl Bits) -> Span {
        let mut delay = Span::ZERO;
        for active in self.changes.iter().filter(|active| active.change.on_hosts(from, to).is_some()) {
            if let Some(added) = &active.change.delay_added {
                delay += added.sample_span(bits);
            }
        }
        delay
    }
}

/// Independent chances, combined: shares of messages that escape each.
struct Shares {
    kept: f64,
    single: f64,
    ordered: f64,
}

impl Default for Shares {
    fn default() -> Shares {
        Shares { kept: 1.0, single: 1.0, ordered: 1.0 }
    }
}

impl Shares {
    fn stack(&mut self, loss: f64, duplicate: f64, reorder: f64) {
        self.kept *= 1.0 - loss;
        self.single *= 1.0 - duplicate;
        self.ordered *= 1.0 - reorder;
    }
}

impl Codec {
    /// Bytes on the wire, rounded up.
    fn compressed(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.ratio).ceil() as u64
    }
    /// Processor time of both ends together. It delays the message; it keeps no worker busy.
    fn time(&self, bytes: u64) -> Span {
        let ns = u128::from(self.cpu_per_mb.0) * u128::from(bytes) / 1_000_000;
        Span(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

/// Whether something with this probability happens. Draws nothing if it can't.
fn chance(share: f64, bits: &mut impl Bits) -> bool {
    share > 0.0 && bits.unit() < share
}

/// The lower of two limits.
fn at_most(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dist, Seed, Shape, Stream};
    use crate::physics::Reach;
    use crate::physics::topology::Zone;

    const MS: u64 = 1_000_000;
    const TRIALS: u64 = 20_000;

    fn bits() -> Stream {
        Stream::named(Seed(7), "network tests")
    }

    fn hosts(ids: &[u32]) -> HostSet {
        ids.iter().map(|&id| HostId(id)).collect()
    }

    /// One region, two zones, 1 ms one way within and 5 ms between them, 20 ms access. Hosts: 0 and 1 in zone 0, 2 in
    /// zone 1, 3 a client of zone 0.
    fn network(change: impl FnOnce(&mut LinkShape)) -> Network {
        let constant = |ms: u64| LinkShape::round_trip(Dist::constant((2 * ms * MS) as f64));
        let zone = |name: &str| Zone { name: name.into(), region: 0 };
        let mut links = vec![constant(1), constant(5), constant(5), constant(1), constant(20), constant(20)];
        change(&mut links[0]);
        let topology = Topology { regions: vec!["local".into()], zones: vec![zone("a"), zone("b")], links };
        let place = |zone, access| Place { zone: ZoneId(zone), access };
        Network::new(topology, vec![place(0, false), place(0, false), place(1, false), place(0, true)])
    }

    fn arrival(crossing: Crossing) -> u64 {
        match crossing {
            Crossing::Arrives { at, .. } => at.0,
            Crossing::Lost(loss) => panic!("lost: {loss:?}"),
        }
    }

    fn send(net: &mut Network, from: u32, to: u32, bytes: u32) -> Crossing {
        net.cross(Instant(0), HostId(from), HostId(to), bytes, &mut bits())
    }

    /// How many of `TRIALS` messages from host 0 to host 1 are like that, against the share expected, within 4 standard
    /// errors.
    fn assert_share(net: &mut Network, expected: f64, like: impl Fn(Crossing) -> bool) {
        let mut bits = bits();
        let seen = (0..TRIALS)
            .filter(|i| like(net.cross(Instant(i * MS), HostId(0), HostId(1), 100, &mut bits)))
            .count() as f64;
        let error = (expected * (1.0 - expected) / TRIALS as f64).sqrt();
        let share = seen / TRIALS as f64;
        assert!((share - expected).abs() <= 4.0 * error, "{share} instead of {expected} +- {error}");
    }

    #[test]
    fn a_message_takes_the_links_between_its_hosts() {
        let mut net = network(|_| ());
        for (from, to, ms) in [(0, 1, 1), (0, 2, 5), (2, 0, 5), (3, 0, 21), (0, 3, 21), (3, 2, 25), (1, 1, 0)] {
            assert_eq!(arrival(send(&mut net, from, to, 100)), ms * MS, "{from} -> {to}");
        }
    }

    #[test]
    fn bandwidth_serialises_and_queues() {
        let mut net = network(|link| link.bandwidth = Some(MS));
        assert_eq!(arrival(send(&mut net, 0, 1, 500)), MS / 2 + MS);
        assert_eq!(arrival(send(&mut net, 1, 0, 1000)), MS / 2 + MS + MS, "behind the first: one link a zone pair");
        assert_eq!(arrival(send(&mut net, 0, 2, 1000)), 5 * MS, "another link");
    }

    #[test]
    fn a_full_buffer_drops() {
        let mut net = network(|link| (link.bandwidth, link.buffer) = (Some(MS), Some(1500)));
        assert_eq!(arrival(send(&mut net, 0, 1, 1000)), 2 * MS);
        assert_eq!(send(&mut net, 0, 1, 501), Crossing::Lost(Loss::Buffer));
        assert_eq!(arrival(send(&mut net, 0, 1, 500)), 2 * MS + MS / 2);
    }

    #[test]
    fn a_codec_trades_bytes_for_processor_time() {
        let mut net = network(|link| {
            link.bandwidth = Some(MS);
            link.codec = Some(Codec { ratio: 4.0, cpu_per_mb: Span::millis(10) });
        });
        // 10 ms/MB * 1001 B, then 251 B at 1 B/us, then 1 ms.
        assert_eq!(arrival(send(&mut net, 0, 1, 1001)), 10_010 + 251_000 + MS);
    }

    #[test]
    fn the_stated_share_is_lost() {
        assert_share(&mut network(|link| link.loss = 0.03), 0.03, |c| c == Crossing::Lost(Loss::Chance));
    }

    #[test]
    fn the_stated_share_arrives_twice() {
        let mut net = network(|link| link.duplicate = 0.2);
        assert_share(&mut net, 0.2, |c| matches!(c, Crossing::Arrives { again: Some(_), .. }));
    }

    #[test]
    fn losses_stack_and_end_by_their_id() {
        let mut net = network(|link| link.loss = 0.1);
        let lost = |c| c == Crossing::Lost(Loss::Chance);
        net.shape(1, LinkChange { loss: 0.5, ..LinkChange::none(Reach::Links(vec![LinkId(0)])) });
        net.shape(2, LinkChange { loss: 0.2, ..LinkChange::none(Reach::From(hosts(&[0]))) });
        assert_share(&mut net, 1.0 - 0.9 * 0.5 * 0.8, lost);
        net.unshape(1);
        assert_share(&mut net, 1.0 - 0.9 * 0.8, lost);
        net.unshape(2);
        assert_share(&mut net, 0.1, lost);
    }

    #[test]
    fn a_change_reaches_whom_it_names() {
        let pairs = |net: &mut Network| -> Vec<(u32, u32)> {
            let all = (0..4).flat_map(|a| (0..4).map(move |b| (a, b)));
            all.filter(|&(a, b)| send(net, a, b, 1) == Crossing::Lost(Loss::Chance)).collect()
        };
        for (reach, expected) in [
            (Reach::From(hosts(&[1])), vec![(1, 0), (1, 2), (1, 3)]),
            (Reach::To(hosts(&[1])), vec![(0, 1), (2, 1), (3, 1)]),
            (Reach::Touching(hosts(&[1])), vec![(0, 1), (1, 0), (1, 2), (1, 3), (2, 1), (3, 1)]),
            (Reach::Between(hosts(&[0, 1]), hosts(&[2])), vec![(0, 2), (1, 2)]),
            (Reach::Links(vec![LinkId(2), LinkId(5)]), vec![(0, 3), (1, 3), (2, 0), (2, 1), (2, 3)]),
        ] {
            let mut net = network(|_| ());
            net.shape(9, LinkChange { loss: 1.0, ..LinkChange::none(reach.clone()) });
            assert_eq!(pairs(&mut net), expected, "{reach:?}");
        }
    }

    #[test]
    fn delays_are_multiplied_then_added_to() {
        let mut net = network(|_| ());
        let change = LinkChange {
            delay_factor: 3.0,
            delay_added: Some(Dist::constant(7.0)),
            ..LinkChange::none(Reach::Links(vec![LinkId(0)]))
        };
        net.shape(1, change.clone());
        net.shape(2, LinkChange { reach: Reach::Touching(hosts(&[0])), ..change });
        assert_eq!(arrival(send(&mut net, 0, 1, 1)), 9 * MS + 14);
        assert_eq!(arrival(send(&mut net, 3, 1, 1)), 23 * MS + 7, "only the zone's link");
        net.unshape(1);
        net.unshape(2);
        assert_eq!(arrival(send(&mut net, 0, 1, 1)), MS);
    }

    #[test]
    fn a_slow_host_has_one_wire_out_and_one_in() {
        let mut net = network(|_| ());
        net.shape(1, LinkChange { bandwidth: Some(MS), ..LinkChange::none(Reach::Touching(hosts(&[0]))) });
        assert_eq!(arrival(send(&mut net, 0, 1, 1000)), 2 * MS);
        assert_eq!(arrival(send(&mut net, 0, 1, 1000)), 3 * MS);
        assert_eq!(arrival(send(&mut net, 1, 0, 1000)), 2 * MS);
        assert_eq!(arrival(send(&mut net, 1, 3, 1000)), 21 * MS);
    }

    #[test]
    fn a_change_can_narrow_a_link_and_a_setting_can_replace_it() {
        let mut net = network(|link| link.bandwidth = Some(10 * MS));
        net.shape(1, LinkChange { bandwidth: Some(MS), ..LinkChange::none(Reach::Links(vec![LinkId(0)])) });
        assert_eq!(arrival(send(&mut net, 0, 1, 1000)), 2 * MS);
        net.set_link(LinkId(0), LinkShape::round_trip(Dist::constant(10.0)));
        assert_eq!(arrival(send(&mut net, 0, 1, 1000)), 2 * MS + 5, "still narrowed, behind the first");
        net.unshape(1);
        assert_eq!(arrival(send(&mut net, 0, 1, 1000)), 5);
    }

    #[test]
    fn cuts_are_one_way_and_each_ends_by_its_own_id() {
        let mut net = network(|_| ());
        net.cut(1, hosts(&[0]), hosts(&[1, 2]));
        net.cut(2, hosts(&[0, 3]), hosts(&[2]));
        assert_eq!(send(&mut net, 0, 1, 1), Crossing::Lost(Loss::Cut));
        assert_eq!(arrival(send(&mut net, 1, 0, 1)), MS);
        net.mend(1);
        assert!(!net.cuts(HostId(0), HostId(1)));
        assert!(net.cuts(HostId(0), HostId(2)), "the second cut holds");
        net.cut(3, HostSet::all(4), HostSet::all(4));
        assert!(!net.cuts(HostId(1), HostId(1)), "nobody is cut off from himself");
    }

    /// Arrivals at host 1 of messages that leave host 0 every 10 us, at a uniform delay of 0 to 1 ms.
    fn ordered_arrivals(net: &mut Network) -> Vec<u64> {
        let mut bits = bits();
        (0..2000)
            .map(|i| arrival(net.cross_in_order(Instant(i * 10_000), HostId(0), HostId(1), 1, &mut bits)))
            .collect()
    }

    #[test]
    fn peers_get_messages_in_order() {
        let uniform = |link: &mut LinkShape| link.delay = Delay::OneWay(Dist::new(Shape::Uniform(0.0, 1e6)));
        let arrivals = ordered_arrivals(&mut network(uniform));
        assert!(arrivals.is_sorted());
        let mut bits = bits();
        let mut net = network(uniform);
        let calls: Vec<u64> =
            (0..2000).map(|i| arrival(net.cross(Instant(i * 10_000), HostId(0), HostId(1), 1, &mut bits))).collect();
        assert!(!calls.is_sorted(), "calls have no order, or the test above proves nothing");
    }

    #[test]
    fn a_link_that_reorders_does_so_even_at_constant_delay() {
        let arrivals = ordered_arrivals(&mut network(|link| link.reorder = 0.25));
        let late = arrivals.iter().enumerate().filter(|&(i, &at)| at > i as u64 * 10_000 + MS).count() as f64 / 2000.0;
        assert!((late - 0.25).abs() < 4.0 * (0.25f64 * 0.75 / 2000.0).sqrt(), "{late}");
        assert!(arrivals.iter().enumerate().all(|(i, &at)| at < i as u64 * 10_000 + 2 * MS));
        assert!(!arrivals.is_sorted());
    }

    #[test]
    fn a_copy_has_a_delay_of_its_own_and_comes_second() {
        let mut net = network(|link| {
            link.delay = Delay::OneWay(Dist::new(Shape::Uniform(0.0, 1e6)));
            link.duplicate = 1.0;
        });
        let mut bits = bits();
        for i in 0..100 {
            let now = Instant(i * 10 * MS);
            let Crossing::Arrives { at, again: Some(again) } = net.cross(now, HostId(0), HostId(1), 1, &mut bits)
            else {
                panic!("every message is doubled")
            };
            assert!(now <= at && at < again && again.since(now) <= Span::millis(1));
        }
    }

    #[test]
    fn loss_does_not_shift_the_delays() {
        let delays = |loss| {
            let mut net = network(|link| {
                link.delay = Delay::OneWay(Dist::exponential(1e6));
                link.loss = loss;
            });
            let sent = (0..50).map(|i| {
                let mut bits = Stream::named(Seed(i), "one message");
                net.cross(Instant(0), HostId(0), HostId(1), 1, &mut bits)
            });
            sent.collect::<Vec<_>>()
        };
        let (clean, lossy) = (delays(0.0), delays(0.5));
        let kept = lossy.iter().zip(&clean).filter(|(lossy, clean)| lossy == clean).count();
        let lost = lossy.iter().filter(|c| **c == Crossing::Lost(Loss::Chance)).count();
        assert_eq!(kept + lost, 50);
        assert!(kept > 5 && lost > 5);
    }
}
