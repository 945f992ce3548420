//! Each knob of a link, measured in what messages do.

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
    let place = |zone, outside: bool| Place { zone: ZoneId(zone), access: outside.then_some(LinkId(4)) };
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
    let seen =
        (0..TRIALS).filter(|i| like(net.cross(Instant(i * MS), HostId(0), HostId(1), 100, &mut bits))).count() as f64;
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
    (0..2000).map(|i| arrival(net.cross_in_order(Instant(i * 10_000), HostId(0), HostId(1), 1, &mut bits))).collect()
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
        let Crossing::Arrives { at, again: Some(again) } = net.cross(now, HostId(0), HostId(1), 1, &mut bits) else {
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
