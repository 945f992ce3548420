//! Links and disks as what limits a system: which of them works most, and since when one is full.

use super::bottleneck::{SATURATED, Stretch};
use super::number::{Unit, fmt_duration, fmt_share, fmt_span};
use crate::engine::{HostId, Instant, Span, ZoneId};
use crate::metric::Frame;
use crate::run::Outcome;
use crate::scenario::Plan;
use crate::world::Usage;

/// Time at full work that is worth a word, as a share of the run.
const LONG: f64 = 0.01;

/// A link or a disk, and what it had to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    /// The share of time in which it worked.
    pub(super) share: f64,
    /// `the link from east to west`.
    pub(super) name: String,
    /// `98 % of its 5 MB/s in use`.
    pub(super) words: String,
}

/// Every device with its working time.
fn devices(outcome: &Outcome) -> impl Iterator<Item = (String, String, &[Span])> {
    let plan = &outcome.plan;
    let links = outcome.usage.links.iter().map(|(link, worked)| {
        let bandwidth = plan.topology.links[usize::from(link.0)].bandwidth;
        let of = bandwidth.map_or("its bandwidth".to_owned(), |b| format!("its {}/s", Unit::Bytes.write(b as f64)));
        (link_name(plan, usize::from(link.0)), format!("of {of} in use"), worked.as_slice())
    });
    let disks = outcome.usage.disks.iter().map(|(host, worked)| {
        (format!("the disk of {}", host_name(plan, *host)), "of the time syncing".to_owned(), worked.as_slice())
    });
    links.chain(disks)
}

/// The device that works most in a stretch.
pub(super) fn busiest(outcome: &Outcome, stretch: &Stretch) -> Option<Device> {
    let frame = outcome.meters.frame();
    let of = |(name, what, worked): (String, String, &[Span])| {
        let share = Usage::share(worked, frame, stretch.from, stretch.to).min(1.0);
        Device { share, name, words: format!("{} {what}", fmt_share(share)) }
    };
    devices(outcome).map(of).reduce(|a, b| if b.share > a.share { b } else { a })
}

/// The device that is at full work for longest without a break, if that is long enough to be noticed.
pub(super) fn full(outcome: &Outcome) -> Option<Device> {
    let frame = outcome.meters.frame();
    let long = LONG * outcome.plan.end.0 as f64;
    let of = |(name, _, worked): (String, String, &[Span])| {
        let (from, to) = longest(worked, frame)?;
        let length = to - from;
        (length.0 as f64 >= long).then(|| {
            let words = format!("at full work for {} from {} on", fmt_span(length), fmt_duration(from.0 as f64));
            Device { share: length.0 as f64, name, words }
        })
    };
    devices(outcome).filter_map(of).reduce(|a, b| if b.share > a.share { b } else { a })
}

/// The longest run of bins in which a device is saturated.
fn longest(worked: &[Span], frame: &Frame) -> Option<(Instant, Instant)> {
    let busy = |bin: &usize| {
        let bounds = frame.bin_bounds(*bin);
        bounds.end > bounds.start && Usage::share(worked, frame, bounds.start, bounds.end) >= SATURATED
    };
    let bins: Vec<usize> = (0..frame.bins()).collect();
    let runs = bins.chunk_by(|a, b| busy(a) == busy(b)).filter(|run| busy(&run[0]));
    let run = runs.reduce(|a, b| if b.len() > a.len() { b } else { a })?;
    Some((frame.bin_bounds(run[0]).start, frame.bin_bounds(run[run.len() - 1]).end))
}

/// A link by its place in the topology.
fn link_name(plan: &Plan, number: usize) -> String {
    let (topology, zones) = (&plan.topology, plan.topology.zones.len());
    if number < topology.access_base() {
        let (from, to) = (ZoneId::at(number / zones), ZoneId::at(number % zones));
        return match (topology.zone_name(from), topology.zone_name(to)) {
            (from, _) if zones == 1 || number / zones == number % zones => format!("the link within {from}"),
            (from, to) => format!("the link from {from} to {to}"),
        };
    }
    let way = if (number - topology.access_base()).is_multiple_of(2) { "from" } else { "to" };
    format!("the link {way} clients")
}

/// `kv/2`: machines stand in the order of components and their replicas, clients behind them.
fn host_name(plan: &Plan, host: HostId) -> String {
    let mut left = host.index();
    for component in &plan.components {
        match left.checked_sub(component.hosts.len()) {
            None => return format!("{}/{left}", component.name),
            Some(rest) => left = rest,
        }
    }
    plan.clients.get(left).map_or_else(String::new, |(clients, _)| clients.name.clone())
}
