//! Whom to ask: one caller's view of the instances of one callee.
//!
//! Load is what this caller has in flight to an instance; nobody sees a queue that is not his own.

use std::collections::BTreeMap;
use std::hint::cold_path;

use super::edge::{EdgeSpec, Outlier};
use super::op::Outcome;
use super::policy::Balance;
use crate::engine::{Bits, Instant, Span, mix};

/// Points of one instance on the ring of [`Balance::ConsistentHash`].
const POINTS: u64 = 128;

#[derive(Clone, Debug)]
struct Instance {
    in_flight: u32,
    /// What callers with old information see.
    shown: u32,
    eligible: bool,
    /// Since when it is out of the choice on purpose, whatever its health.
    withdrawn: Option<Instant>,
    eligible_since: Instant,
    ejected_until: Option<Instant>,
    ejections: u32,
    errors: u32,
    ewma_ns: f64,
    ewma_at: Instant,
}

/// One caller's choice among the instances of one callee.
#[derive(Clone, Debug)]
pub struct Balancer {
    instances: Vec<Instance>,
    /// Instances that may be asked, ascending. All of them if nobody is eligible and the edge fails open.
    live: Vec<u32>,
    cursor: u32,
    ring: Vec<(u64, u32)>,
    total: u32,
    shown_at: Instant,
    next_return: Instant,
    /// Where clients that stick to an instance have theirs, and until when.
    bound: BTreeMap<u32, (u32, Instant)>,
    /// From so many on, those that have run out are thrown away.
    most_bound: usize,
}

/// So many bindings are kept before anybody looks which of them have run out.
const BOUND: usize = 1024;

impl Balancer {
    /// Everybody eligible, nothing in flight.
    pub fn new(spec: &EdgeSpec) -> Balancer {
        let mut balancer = Balancer {
            instances: Vec::new(),
            live: Vec::new(),
            cursor: 0,
            ring: Vec::new(),
            total: 0,
            shown_at: Instant::ZERO,
            next_return: Instant::NEVER,
            bound: BTreeMap::new(),
            most_bound: BOUND,
        };
        balancer.resize(spec, Instant::ZERO);
        balancer
    }

    /// The callee has another number of instances.
    pub fn resize(&mut self, spec: &EdgeSpec, now: Instant) {
        let fresh = Instance {
            in_flight: 0,
            shown: 0,
            eligible: true,
            withdrawn: None,
            eligible_since: now,
            ejected_until: None,
            ejections: 0,
            errors: 0,
            ewma_ns: 0.0,
            ewma_at: now,
        };
        self.instances.resize(spec.instances as usize, fresh);
        self.ring.clear();
        if matches!(spec.policy.balance, Balance::ConsistentHash { .. }) {
            for i in 0..spec.instances {
                self.ring.extend((0..POINTS).map(|p| (mix(mix(u64::from(i), 0x5269_6e67), p), i)));
            }
            self.ring.sort_unstable();
        }
        self.refresh(spec);
    }

    fn refresh(&mut self, spec: &EdgeSpec) {
        let usable = |i: &&u32| {
            let instance = &self.instances[**i as usize];
            instance.eligible && instance.ejected_until.is_none()
        };
        // Who was taken out is no target: not even for want of others.
        let all = (0..self.instances.len() as u32).filter(|i| self.instances[*i as usize].withdrawn.is_none());
        let all: Vec<u32> = all.collect();
        self.live = all.iter().filter(usable).copied().collect();
        if self.live.is_empty() && spec.fail_open {
            self.live = all;
        }
    }

    /// Health checks take an instance out and put it back.
    pub fn set_eligible(&mut self, spec: &EdgeSpec, now: Instant, instance: u32, eligible: bool) {
        let Some(row) = self.instances.get_mut(instance as usize) else { return };
        if row.eligible != eligible {
            row.eligible = eligible;
            row.eligible_since = now;
            self.refresh(spec);
        }
    }

    /// An instance is taken out of the choice on purpose. What it has been asked it may still answer.
    pub fn withdraw(&mut self, spec: &EdgeSpec, now: Instant, instance: u32) {
        let Some(row) = self.instances.get_mut(instance as usize) else { return };
        row.withdrawn = row.withdrawn.or(Some(now));
        self.refresh(spec);
    }

    /// It is put back, as a fresh one: its errors are forgotten, and it is new to a slow start.
    pub fn admit(&mut self, spec: &EdgeSpec, now: Instant, instance: u32) {
        let Some(row) = self.instances.get_mut(instance as usize) else { return };
        if row.withdrawn.take().is_some() {
            (row.errors, row.ejections, row.ejected_until) = (0, 0, None);
            row.eligible_since = now;
            self.refresh(spec);
        }
    }

    /// Whether an instance is in the choice.
    pub fn may_ask(&self, instance: u32) -> bool {
        self.live.binary_search(&instance).is_ok()
    }

    /// Since when an instance is out of the choice on purpose.
    pub fn withdrawn(&self, instance: u32) -> Option<Instant> {
        self.instances.get(instance as usize).and_then(|row| row.withdrawn)
    }

    /// Chooses an instance; `None` if nobody may be asked.
    pub fn choose(
        &mut self,
        spec: &EdgeSpec,
        now: Instant,
        caller: u32,
        key: u64,
        client: u32,
        bits: &mut impl Bits,
    ) -> Option<u32> {
        if now >= self.next_return {
            cold_path();
            self.readmit(spec, now);
        }
        if self.live.is_empty() {
            return None;
        }
        self.look(spec.load_info_age, now);
        let Some(lasting) = spec.sticky else {
            return self.balanced(spec, now, caller, key, client, bits);
        };
        cold_path();
        let kept = self.bound.get(&client).filter(|(instance, until)| now < *until && self.live.contains(instance));
        let chosen = match kept {
            Some((instance, _)) => *instance,
            None => self.balanced(spec, now, caller, key, client, bits)?,
        };
        self.bound.insert(client, (chosen, now + lasting));
        if self.bound.len() >= self.most_bound {
            self.bound.retain(|_, (_, until)| now < *until);
            self.most_bound = (2 * self.bound.len()).max(BOUND);
        }
        Some(chosen)
    }

    /// The choice of the balance, with slow start.
    fn balanced(
        &mut self,
        spec: &EdgeSpec,
        now: Instant,
        caller: u32,
        key: u64,
        client: u32,
        bits: &mut impl Bits,
    ) -> Option<u32> {
        let Some(warm_up) = spec.slow_start else {
            return self.pick(spec, now, caller, key, client, bits);
        };
        cold_path();
        // Envoy's linear ramp from a tenth.
        let weight = |i: u32| {
            let since = self.instances[i as usize].eligible_since;
            let age = now.since(since).0 as f64 / warm_up.0.max(1) as f64;
            if since == Instant::ZERO { 1.0 } else { age.clamp(0.1, 1.0) }
        };
        let weights: Vec<f64> = self.live.iter().map(|i| weight(*i)).collect();
        let most = weights.iter().fold(0.0, |most: f64, weight| most.max(*weight));
        if weights.iter().all(|weight| *weight == most) {
            // Nobody is younger than the others.
            return self.pick(spec, now, caller, key, client, bits);
        }
        if matches!(spec.policy.balance, Balance::LeastRequest | Balance::PowerOfD { .. } | Balance::Ewma) {
            return self.with_young(spec, now, (caller, key, client), &weights, most, bits);
        }
        // A choice of a young instance is taken back with the missing probability.
        for _ in 0..8 {
            let chosen = self.pick(spec, now, caller, key, client, bits)?;
            let at = self.live.binary_search(&chosen).ok()?;
            if weights[at] >= 1.0 || bits.chance(weights[at]) {
                return Some(chosen);
            }
        }
        self.pick(spec, now, caller, key, client, bits)
    }

    /// The choice by load, with slow start. A young instance has little in flight just because it is young, so whoever
    /// has the least would always be it. Instead, each young one is chosen for its share of the weights, unless it has
    /// more in flight than the one that the balance takes of the others.
    fn with_young(
        &mut self,
        spec: &EdgeSpec,
        now: Instant,
        (caller, key, client): (u32, u64, u32),
        weights: &[f64],
        most: f64,
        bits: &mut impl Bits,
    ) -> Option<u32> {
        let mut left = bits.unit() * weights.iter().sum::<f64>();
        let drawn = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        let young = drawn.filter(|at| weights[*at] < most).map(|at| self.live[at]);
        let grown = self.live.iter().zip(weights).filter(|(_, weight)| **weight == most).map(|(i, _)| *i).collect();
        let all = std::mem::replace(&mut self.live, grown);
        let chosen = self.pick(spec, now, caller, key, client, bits);
        self.live = all;
        let shown = |i: u32| self.instances[i as usize].shown;
        young.filter(|young| chosen.is_none_or(|chosen| shown(*young) <= shown(chosen))).or(chosen)
    }

    fn pick(
        &mut self,
        spec: &EdgeSpec,
        now: Instant,
        caller: u32,
        key: u64,
        client: u32,
        bits: &mut impl Bits,
    ) -> Option<u32> {
        let n = self.live.len() as u64;
        let any = |bits: &mut _| self.live[Bits::below(bits, n) as usize];
        Some(match &spec.policy.balance {
            Balance::RoundRobin => {
                let at = self.cursor;
                self.cursor = self.cursor.wrapping_add(1);
                // In 32 bits: there are no more instances, and a long division takes longer.
                self.live[(at % self.live.len() as u32) as usize]
            }
            Balance::Random => any(bits),
            Balance::Weighted(weights) => {
                let weight = |i: u32| weights.get(i as usize).copied().unwrap_or(1.0);
                let total: f64 = self.live.iter().map(|i| weight(*i)).sum();
                let mut left = bits.unit() * total;
                let mut chosen = *self.live.last()?;
                for i in &self.live {
                    left -= weight(*i);
                    if left < 0.0 {
                        chosen = *i;
                        break;
                    }
                }
                chosen
            }
            Balance::LeastRequest => self.least(self.live.iter().copied(), bits)?,
            Balance::PowerOfD { d, replace } => {
                if !replace && u64::from(*d) >= n {
                    return self.least(self.live.iter().copied(), bits);
                }
                let mut drawn: [u32; 16] = [u32::MAX; 16];
                let d = (*d).clamp(1, 16) as usize;
                for i in 0..d {
                    let mut next = any(bits);
                    while !replace && drawn[..i].contains(&next) {
                        next = any(bits);
                    }
                    drawn[i] = next;
                }
                self.least(drawn[..d].iter().copied(), bits)?
            }
            Balance::Ewma => {
                let (a, b) = (any(bits), any(bits));
                let cost = |i: u32| {
                    let instance = &self.instances[i as usize];
                    // Finagle's decay: what was learnt fades with the time since.
                    let age = now.since(instance.ewma_at).0 as f64 / EWMA_DECAY_NS;
                    instance.ewma_ns * libm::exp(-age) * f64::from(instance.shown + 1)
                };
                if cost(b) < cost(a) { b } else { a }
            }
            Balance::ConsistentHash { bound } => self.on_ring(key, *bound)?,
            Balance::Nearest => {
                let tiers = spec.near.get(caller as usize).map_or(&[][..], Vec::as_slice);
                let usable = |i: &&u32| self.live.binary_search(i).is_ok();
                match tiers.iter().find(|tier| tier.iter().any(|i| usable(&i))) {
                    Some(tier) => *tier.iter().filter(usable).max_by_key(|i| mix(u64::from(client), u64::from(**i)))?,
                    None => self.live[0],
                }
            }
            Balance::Sticky => {
                // Rendezvous hashing: the same instance as long as it is there, and an even spread when it isn't.
                *self.live.iter().max_by_key(|i| mix(u64::from(client), u64::from(**i)))?
            }
            Balance::Only(list) => {
                let usable: Vec<u32> = list.iter().copied().filter(|i| self.live.contains(i)).collect();
                let at = self.cursor;
                self.cursor = self.cursor.wrapping_add(1);
                *usable.get(at as usize % usable.len().max(1))?
            }
        })
    }

    /// The one with the fewest requests; each of several with the same chance.
    fn least(&self, among: impl Iterator<Item = u32>, bits: &mut impl Bits) -> Option<u32> {
        let mut best = None;
        let mut load = u32::MAX;
        let mut ties = 0_u64;
        for i in among {
            let shown = self.instances[i as usize].shown;
            if shown < load {
                (best, load, ties) = (Some(i), shown, 1);
            } else if shown == load {
                ties += 1;
                if bits.below(ties) == 0 {
                    best = Some(i);
                }
            }
        }
        best
    }

    /// Clockwise from the key to the first instance below the bound (Mirrokni, Thorup, Zadimoghaddam, SODA 2018).
    fn on_ring(&self, key: u64, bound: f64) -> Option<u32> {
        let start = self.ring.partition_point(|(point, _)| *point < mix(key, 0x006b_6579));
        let most = (bound * f64::from(self.total + 1) / self.live.len() as f64).ceil();
        let around = (0..self.ring.len()).map(|i| self.ring[(start + i) % self.ring.len()].1);
        let usable = around.filter(|i| self.live.binary_search(i).is_ok());
        let mut first = None;
        for i in usable {
            first = first.or(Some(i));
            if f64::from(self.instances[i as usize].in_flight + 1) <= most {
                return Some(i);
            }
        }
        first
    }

    fn look(&mut self, age: Span, now: Instant) {
        if age.is_zero() {
            return;
        }
        cold_path();
        let round = Instant(now.0 / age.0 * age.0);
        if round > self.shown_at {
            self.shown_at = round;
            self.instances.iter_mut().for_each(|i| i.shown = i.in_flight);
        }
    }

    /// A request goes to an instance.
    pub fn sent(&mut self, spec: &EdgeSpec, instance: u32) {
        if let Some(row) = self.instances.get_mut(instance as usize) {
            row.in_flight += 1;
            self.total += 1;
            if spec.load_info_age.is_zero() {
                row.shown = row.in_flight;
            }
        }
    }

    /// A request to an instance is over in the eyes of the caller; `None` = given up without a verdict on the instance.
    /// Returns whether the instance was ejected for it.
    pub fn over(&mut self, spec: &EdgeSpec, now: Instant, instance: u32, took: Span, outcome: Option<Outcome>) -> bool {
        let Some(row) = self.instances.get_mut(instance as usize) else { return false };
        row.in_flight -= 1;
        self.total -= 1;
        if spec.load_info_age.is_zero() {
            row.shown = row.in_flight;
        }
        let Some(outcome) = outcome else { return false };
        if matches!(spec.policy.balance, Balance::Ewma) {
            cold_path();
            // Peak EWMA: up at once, down slowly. Who balances by something else learns nothing.
            let latency = took.0 as f64;
            let weight = libm::exp(-(now.since(row.ewma_at).0 as f64) / EWMA_DECAY_NS);
            row.ewma_ns = if latency > row.ewma_ns { latency } else { row.ewma_ns * weight + latency * (1.0 - weight) };
            row.ewma_at = now;
        }
        if !matches!(outcome, Outcome::Error | Outcome::Unavailable | Outcome::Timeout) {
            row.errors = 0;
            return false;
        }
        cold_path();
        row.errors += 1;
        match &spec.outlier {
            Some(rule) if row.errors >= rule.consecutive_errors && row.ejected_until.is_none() => {
                self.eject(spec, rule, now, instance)
            }
            _ => false,
        }
    }

    fn eject(&mut self, spec: &EdgeSpec, rule: &Outlier, now: Instant, instance: u32) -> bool {
        let out = self.instances.iter().filter(|i| i.ejected_until.is_some()).count();
        let there = self.instances.iter().filter(|i| i.withdrawn.is_none()).count();
        let most = ((rule.max_ejected * there as f64) as usize).max(1);
        if out >= most {
            return false;
        }
        let row = &mut self.instances[instance as usize];
        row.errors = 0;
        row.ejections += 1;
        let longest = Span::secs(300).max(rule.ejection);
        let until = now + (rule.ejection * u64::from(row.ejections)).min(longest);
        // It returns at a sweep.
        let every = rule.every.0.max(1);
        let until = Instant(until.0.div_ceil(every) * every);
        row.ejected_until = Some(until);
        self.next_return = self.next_return.min(until);
        self.refresh(spec);
        true
    }

    fn readmit(&mut self, spec: &EdgeSpec, now: Instant) {
        for row in &mut self.instances {
            if row.ejected_until.is_some_and(|until| until <= now) {
                row.ejected_until = None;
                row.eligible_since = now;
            }
        }
        self.next_return = self.instances.iter().filter_map(|i| i.ejected_until).min().unwrap_or(Instant::NEVER);
        self.refresh(spec);
    }
}

/// Finagle's default decay of a peak EWMA, 10 s.
const EWMA_DECAY_NS: f64 = 10e9;

#[cfg(test)]
mod tests;
