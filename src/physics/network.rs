//! The network: which links a message takes, and what they, cuts and faults do to it.
//!
//! A message crosses as a whole: no packets, no TCP. What it meets is decided when it is sent: a cut that begins while it
//! is under way doesn't stop it, and a change of bandwidth doesn't touch those already queued. A message that is lost by
//! chance has used the bandwidth of its links nevertheless.
//!
//! Numbers are drawn in this order: the delay of each link on the way, then (only where the share isn't zero) loss,
//! duplication, reordering, and the copy's delays. So a run with loss and one without draw the same delays.

use std::collections::BTreeMap;
use std::hint::cold_path;

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
    /// If it stands outside, as populations of clients may: the link that what it sends crosses first. What it is sent
    /// crosses the one behind it last.
    pub access: Option<LinkId>,
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
    /// What there is to know of each link beforehand.
    ways: Vec<Way>,
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

/// What a link does, as far as that is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nothing but delay, always the same.
    Steady(Span),
    /// Nothing but delay.
    Plain,
    /// Something else.
    Other,
}

impl Way {
    fn of(shape: &LinkShape) -> Way {
        let steady = match &shape.delay {
            Delay::HalfRoundTrip(rtt) => rtt.steady_span().map(|rtt| rtt / 2),
            Delay::OneWay(delay) => delay.steady_span(),
        };
        match steady {
            _ if !shape.is_plain() => Way::Other,
            Some(delay) => Way::Steady(delay),
            None => Way::Plain,
        }
    }
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
            ways: topology.links.iter().map(Way::of).collect(),
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

    /// The limited links over which something was sent, and for how long up to `now`. Limits that a change puts between
    /// two hosts are not among them.
    pub fn used(&self, now: Instant) -> impl Iterator<Item = (LinkId, Span)> + '_ {
        let used = (0..).map(LinkId).zip(&self.pipes).map(move |(link, pipe)| (link, pipe.used(now)));
        used.filter(|(_, used)| !used.is_zero())
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
    /// The shape of a link, under whatever changes are on top.
    pub fn link(&self, link: LinkId) -> &LinkShape {
        &self.topology.links[usize::from(link.0)]
    }
    /// Replaces the shape of a link for good, under whatever changes are on top.
    pub fn set_link(&mut self, link: LinkId, shape: LinkShape) {
        self.ways[usize::from(link.0)] = Way::of(&shape);
        self.topology.links[usize::from(link.0)] = shape;
    }

    /// The links from one host to another, in order.
    fn route(&self, from: HostId, to: HostId) -> [Option<usize>; 3] {
        let (a, b) = (self.place(from), self.place(to));
        let access = |place: Place, down: usize| place.access.map(|up| usize::from(up.0) + down);
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
        if !self.cuts.is_empty() {
            cold_path();
            if self.cuts(from, to) {
                return Err(Loss::Cut);
            }
        }
        let (a, b) = (self.place(from), self.place(to));
        if self.changes.is_empty() && a.access.is_none() && b.access.is_none() {
            let link = usize::from(self.topology.link(a.zone, b.zone).0);
            let delay = match self.ways[link] {
                Way::Steady(delay) => Some(delay),
                Way::Plain => Some(self.drawn_delay(link, bits)),
                Way::Other => None,
            };
            if let Some(delay) = delay {
                return Ok(Carried { at: now + delay, again: None, delay, reorder: 0.0 });
            }
        }
        cold_path();
        self.carry_far(now, from, to, bytes, bits)
    }

    /// The same over links of any shape, under changes of any kind.
    #[inline(never)]
    fn carry_far(
        &mut self,
        now: Instant,
        from: HostId,
        to: HostId,
        bytes: u32,
        bits: &mut impl Bits,
    ) -> Result<Carried, Loss> {
        let bytes = u64::from(bytes);
        let route = self.route(from, to);
        if self.changes.is_empty() && route.iter().flatten().all(|link| self.ways[*link] != Way::Other) {
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
mod tests;
