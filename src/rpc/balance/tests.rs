//! Whom balancers choose.

use super::*;
use crate::engine::{GroupId, ProcessId, Seed, Stream};
use crate::rpc::Policy;

fn edge(balance: Balance, instances: u32) -> EdgeSpec {
    let policy = Policy { balance, ..Policy::default() };
    EdgeSpec::new("a -> b", (GroupId(0), 1), (GroupId(1), ProcessId(1), instances), policy)
}

fn shares(balance: Balance, n: u32) -> Vec<f64> {
    let spec = edge(balance, n);
    let mut balancer = Balancer::new(&spec);
    let mut bits = Stream::named(Seed(3), "balance");
    let mut hits = vec![0_u32; n as usize];
    let trials = 40_000;
    for t in 0..trials {
        let i = balancer.choose(&spec, Instant(t), 0, t, 0, &mut bits).expect("somebody");
        hits[i as usize] += 1;
    }
    hits.iter().map(|h| f64::from(*h) / trials as f64).collect()
}

#[test]
fn even_policies_are_even_and_weights_are_kept() {
    let error = 4.0 * (0.25_f64 * 0.75 / 40_000.0).sqrt();
    for balance in [
        Balance::RoundRobin,
        Balance::Random,
        Balance::LeastRequest,
        Balance::PowerOfD { d: 2, replace: false },
        Balance::PowerOfD { d: 2, replace: true },
    ] {
        for share in shares(balance.clone(), 4) {
            assert!((share - 0.25).abs() < error, "{balance:?}: {share}");
        }
    }
    let shares = shares(Balance::Weighted(vec![3.0, 1.0]), 2);
    assert!((shares[0] - 0.75).abs() < error);
}

#[test]
fn the_least_loaded_is_chosen() {
    let spec = edge(Balance::LeastRequest, 3);
    let mut balancer = Balancer::new(&spec);
    let mut bits = Stream::named(Seed(3), "balance");
    balancer.sent(&spec, 0);
    balancer.sent(&spec, 2);
    assert_eq!(balancer.choose(&spec, Instant(1), 0, 0, 0, &mut bits), Some(1));
}

#[test]
fn a_young_instance_gets_its_growing_share_by_whatever_load_is_balanced() {
    for balance in [
        Balance::LeastRequest,
        Balance::PowerOfD { d: 2, replace: false },
        Balance::PowerOfD { d: 4, replace: false },
        Balance::Ewma,
        Balance::Random,
        Balance::RoundRobin,
    ] {
        for in_flight in [0, 12] {
            let spec = EdgeSpec { slow_start: Some(Span::secs(60)), ..edge(balance.clone(), 4) };
            let mut balancer = Balancer::new(&spec);
            let mut bits = Stream::named(Seed(3), "balance");
            let back = Instant::ZERO + Span::secs(100);
            balancer.set_eligible(&spec, Instant(1), 0, false);
            balancer.set_eligible(&spec, back, 0, true);
            for _ in 0..in_flight {
                [1, 2, 3].into_iter().for_each(|old| balancer.sent(&spec, old));
            }
            for (age, weight) in [(0, 0.1), (3, 0.1), (30, 0.5)] {
                let now = back + Span::secs(age);
                let trials = 20_000;
                let mut asked = 0;
                for client in 0..trials {
                    let chosen = balancer.choose(&spec, now, 0, 0, client, &mut bits);
                    asked += u32::from(chosen == Some(0));
                }
                let (share, expected) = (f64::from(asked) / f64::from(trials), weight / (3.0 + weight));
                assert!((share - expected).abs() < 0.012, "{balance:?} {in_flight} {age}: {share}, not {expected}");
            }
            let grown = back + Span::secs(60);
            if balance == Balance::LeastRequest && in_flight > 0 {
                assert_eq!(balancer.choose(&spec, grown, 0, 0, 0, &mut bits), Some(0), "as any other");
            }
        }
    }
}

#[test]
fn a_young_instance_that_has_more_to_do_than_the_others_is_left_alone() {
    let spec = EdgeSpec { slow_start: Some(Span::secs(60)), ..edge(Balance::LeastRequest, 4) };
    let mut balancer = Balancer::new(&spec);
    let mut bits = Stream::named(Seed(3), "balance");
    balancer.set_eligible(&spec, Instant(1), 0, false);
    balancer.set_eligible(&spec, Instant(2), 0, true);
    balancer.sent(&spec, 0);
    for client in 0..1000 {
        assert_ne!(balancer.choose(&spec, Instant(3), 0, 0, client, &mut bits), Some(0));
    }
}

#[test]
fn a_client_keeps_its_instance_for_a_while_after_its_last_request() {
    let spec = EdgeSpec { sticky: Some(Span::secs(10)), ..edge(Balance::RoundRobin, 3) };
    let mut balancer = Balancer::new(&spec);
    let mut bits = Stream::named(Seed(3), "balance");
    let at = |seconds: u64| Instant::ZERO + Span::secs(seconds);
    let mut ask = |balancer: &mut Balancer, seconds: u64, client: u32| {
        balancer.choose(&spec, at(seconds), 0, 0, client, &mut bits).expect("somebody")
    };
    assert_eq!([7, 8, 9].map(|client| ask(&mut balancer, 0, client)), [0, 1, 2]);
    // Each request renews it, and others don't move it.
    assert_eq!([9, 18, 27].map(|seconds| ask(&mut balancer, seconds, 7)), [0, 0, 0]);
    // Client 8 was away for too long: the next in turn.
    assert_eq!(ask(&mut balancer, 27, 8), 0);
    assert_eq!(ask(&mut balancer, 28, 7), 0);
    balancer.set_eligible(&spec, at(29), 0, false);
    let elsewhere = ask(&mut balancer, 30, 7);
    assert_ne!(elsewhere, 0);
    balancer.set_eligible(&spec, at(31), 0, true);
    assert_eq!(ask(&mut balancer, 32, 7), elsewhere, "it stays where it went");
    for client in 0..10_000 {
        ask(&mut balancer, 100 + u64::from(client), client);
    }
    assert!(balancer.bound.len() < 2 * BOUND, "{}", balancer.bound.len());
}

#[test]
fn loads_on_a_ring_stay_below_the_bound() {
    let spec = edge(Balance::ConsistentHash { bound: 1.25 }, 10);
    let mut balancer = Balancer::new(&spec);
    let mut bits = Stream::named(Seed(3), "balance");
    for key in 0..1000 {
        let i = balancer.choose(&spec, Instant(1), 0, key % 7, 0, &mut bits).expect("somebody");
        balancer.sent(&spec, i);
    }
    let most = balancer.instances.iter().map(|i| i.in_flight).max();
    assert!(most <= Some(126), "{most:?}");
}

#[test]
fn an_instance_that_keeps_failing_is_ejected_and_returns_at_a_sweep() {
    let mut spec = edge(Balance::RoundRobin, 10);
    spec.outlier = Some(Outlier::default());
    let mut balancer = Balancer::new(&spec);
    let mut bits = Stream::named(Seed(3), "balance");
    for i in 0..5 {
        balancer.sent(&spec, 4);
        assert_eq!(balancer.over(&spec, Instant(1), 4, Span::ZERO, Some(Outcome::Error)), i == 4);
    }
    assert!(!balancer.live.contains(&4));
    let back = Instant(40_000_000_000);
    balancer.choose(&spec, Instant(back.0 - 1), 0, 0, 0, &mut bits);
    assert!(!balancer.live.contains(&4), "30 s, then the next sweep");
    balancer.choose(&spec, back, 0, 0, 0, &mut bits);
    assert!(balancer.live.contains(&4));
}
