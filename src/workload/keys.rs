//! Which key an operation is about.

use std::sync::Arc;

use crate::engine::Bits;

/// How popular keys are; key 0 is the most popular.
#[derive(Clone, Debug, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// P(i) ∝ (i + 1)^−θ.
    Zipf(f64),
    /// The first share of the keys gets the second share of the draws, evenly inside and outside.
    Hotset {
        /// Share of the keys.
        keys: f64,
        /// Share of the draws.
        load: f64,
    },
    /// By these weights.
    Weighted(Arc<[f64]>),
    /// By weights that were counted elsewhere: of each key the sum up to it.
    Empirical(Arc<[f64]>),
}

/// Draws keys `0..count`.
#[derive(Clone, Debug)]
pub struct KeySampler {
    popularity: Popularity,
    count: u64,
    zipf: Option<Zipf>,
    /// One key gets this share beside its own.
    hot: Option<(u64, f64)>,
}

/// Rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
/// distributions", ACM TOMACS 6(3), 1996): exact, without a table.
#[derive(Clone, Copy, Debug)]
struct Zipf {
    theta: f64,
    h_x1: f64,
    h_n: f64,
    s: f64,
}

impl Zipf {
    fn new(n: u64, theta: f64) -> Zipf {
        let mut zipf = Zipf { theta, h_x1: 0.0, h_n: 0.0, s: 0.0 };
        zipf.h_x1 = zipf.h(1.5) - 1.0;
        zipf.h_n = zipf.h(n as f64 + 0.5);
        zipf.s = 2.0 - zipf.h_inverse(zipf.h(2.5) - libm::pow(2.0, -theta));
        zipf
    }
    /// An integral of x^−θ.
    fn h(&self, x: f64) -> f64 {
        let log = libm::log(x);
        let q = 1.0 - self.theta;
        // (x^q − 1)/q, which is the logarithm where q vanishes.
        if (q * log).abs() > 1e-8 { libm::expm1(q * log) / q } else { log * (1.0 + q * log / 2.0) }
    }
    fn h_inverse(&self, y: f64) -> f64 {
        let q = 1.0 - self.theta;
        let t = (q * y).max(-1.0);
        let log = if t.abs() > 1e-8 { libm::log1p(t) / q } else { y * (1.0 - t / 2.0) };
        libm::exp(log)
    }
    fn sample(&self, n: u64, bits: &mut impl Bits) -> u64 {
        loop {
            let u = self.h_n + bits.unit() * (self.h_x1 - self.h_n);
            let x = self.h_inverse(u);
            let k = (x + 0.5).floor().clamp(1.0, n as f64);
            if k - x <= self.s || u >= self.h(k + 0.5) - libm::pow(k, -self.theta) {
                return k as u64 - 1;
            }
        }
    }
}

impl KeySampler {
    /// A sampler of `count` ≥ 1 keys.
    pub fn new(popularity: Popularity, count: u64) -> KeySampler {
        let zipf = match popularity {
            Popularity::Zipf(theta) => Some(Zipf::new(count, theta)),
            _ => None,
        };
        KeySampler { popularity, count, zipf, hot: None }
    }

    /// One key gets `share` of the draws on top; `None` = as before.
    pub fn set_hot(&mut self, hot: Option<(u64, f64)>) {
        self.hot = hot;
    }

    /// How many keys there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// One key.
    pub fn sample(&self, bits: &mut impl Bits) -> u64 {
        if let Some((key, share)) = self.hot
            && bits.chance(share)
        {
            return key.min(self.count - 1);
        }
        match &self.popularity {
            Popularity::Uniform => bits.below(self.count),
            Popularity::Zipf(_) => self.zipf.map_or(0, |z| z.sample(self.count, bits)),
            Popularity::Hotset { keys, load } => {
                let hot = ((keys * self.count as f64).round() as u64).clamp(1, self.count);
                if hot == self.count || bits.chance(*load) {
                    bits.below(hot)
                } else {
                    hot + bits.below(self.count - hot)
                }
            }
            Popularity::Empirical(sums) => {
                let at = bits.unit() * sums.last().copied().unwrap_or(1.0);
                (sums.partition_point(|sum| *sum <= at) as u64).min(self.count - 1)
            }
            Popularity::Weighted(weights) => {
                let total: f64 = weights.iter().sum();
                let mut left = bits.unit() * total;
                for (i, weight) in weights.iter().enumerate() {
                    left -= weight;
                    if left < 0.0 {
                        return i as u64;
                    }
                }
                self.count - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Seed, Stream};

    #[test]
    fn zipf_has_the_probabilities_of_its_formula() {
        // P(i) = i^−θ / ζ(n, θ), summed here from the definition.
        for (n, theta) in [(10_u64, 0.5), (1000, 0.99), (1000, 1.0), (100, 2.0), (10, 0.0)] {
            let sampler = KeySampler::new(Popularity::Zipf(theta), n);
            let mut bits = Stream::named(Seed(2), "keys");
            let trials = 200_000_u32;
            let mut hits = vec![0_u32; n as usize];
            (0..trials).for_each(|_| hits[sampler.sample(&mut bits) as usize] += 1);
            let zeta: f64 = (1..=n).map(|i| libm::pow(i as f64, -theta)).sum();
            for i in [0, 1, 4, n as usize - 1] {
                let p = libm::pow((i + 1) as f64, -theta) / zeta;
                let seen = f64::from(hits[i]) / f64::from(trials);
                let error = 4.0 * (p * (1.0 - p) / f64::from(trials)).sqrt();
                assert!((seen - p).abs() < error + 1e-9, "n={n} theta={theta} i={i}: {seen} for {p}");
            }
        }
    }

    #[test]
    fn counted_weights_give_their_shares() {
        let sampler = KeySampler::new(Popularity::Empirical([6.0, 9.0, 9.0, 10.0].into()), 4);
        let mut bits = Stream::named(Seed(2), "keys");
        let mut hits = [0_u32; 4];
        let n = 100_000;
        (0..n).for_each(|_| hits[sampler.sample(&mut bits) as usize] += 1);
        for (key, p) in [0.6, 0.3, 0.0, 0.1].into_iter().enumerate() {
            let (seen, p): (f64, f64) = (f64::from(hits[key]) / f64::from(n), p);
            assert!((seen - p).abs() <= 4.0 * (p * (1.0 - p) / f64::from(n)).sqrt(), "key {key}: {seen} for {p}");
        }
    }

    #[test]
    fn a_hot_set_and_a_hot_key_get_their_share() {
        let mut sampler = KeySampler::new(Popularity::Hotset { keys: 0.1, load: 0.9 }, 100);
        let mut bits = Stream::named(Seed(2), "keys");
        let n = 50_000;
        let share = |sampler: &KeySampler, bits: &mut Stream, below: u64| {
            (0..n).filter(|_| sampler.sample(bits) < below).count() as f64 / f64::from(n)
        };
        assert!((share(&sampler, &mut bits, 10) - 0.9).abs() < 4.0 * (0.09 / f64::from(n)).sqrt());
        sampler.set_hot(Some((0, 0.5)));
        let expected = 0.5 + 0.5 * 0.09;
        assert!((share(&sampler, &mut bits, 1) - expected).abs() < 4.0 * (0.25 / f64::from(n)).sqrt());
    }
}
