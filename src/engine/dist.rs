//! Distributions as data, and how to draw from them over `libm` only.

use std::sync::Arc;

use super::logarithm::minus_log;
use super::random::Bits;
use super::time::Span;

/// A distribution of any quantity, in that quantity's base unit (ns for durations, bytes for sizes), clipped.
#[derive(Clone, Debug, PartialEq)]
pub struct Dist {
    /// What is drawn before clipping.
    pub shape: Shape,
    /// Draws below are raised to it.
    pub min: Option<f64>,
    /// Draws above are lowered to it.
    pub max: Option<f64>,
}

/// The shapes of the scenario language (FORMAT, "distribution").
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Always this.
    Constant(f64),
    /// Uniform between two values.
    Uniform(f64, f64),
    /// Exponential with this mean.
    Exponential(f64),
    /// Normal: mean, standard deviation.
    Normal(f64, f64),
    /// exp(Normal(mu, sigma)).
    Lognormal(f64, f64),
    /// Pareto: smallest value, tail index.
    Pareto(f64, f64),
    /// Sum of k exponentials with this total mean.
    Erlang(u32, f64),
    /// One of several, by weight (weights add up to 1).
    Mix(Arc<[(f64, Dist)]>),
    /// One of these samples, uniformly.
    Empirical(Arc<[f64]>),
    /// The sum of independent draws of each.
    Sum(Arc<[Dist]>),
}

impl Dist {
    /// Not clipped.
    pub fn new(shape: Shape) -> Dist {
        Dist { shape, min: None, max: None }
    }
    /// Always `value`.
    pub fn constant(value: f64) -> Dist {
        Dist::new(Shape::Constant(value))
    }
    /// Exponential with this mean.
    pub fn exponential(mean: f64) -> Dist {
        Dist::new(Shape::Exponential(mean))
    }
}

/// The quantile of the standard normal at 0.99.
const Z99: f64 = 2.326_347_874_040_841;

impl Dist {
    /// Uniform in `low..=high`.
    pub fn uniform(low: f64, high: f64) -> Dist {
        Dist::new(Shape::Uniform(low, high))
    }
    /// Normal.
    pub fn normal(mean: f64, sd: f64) -> Dist {
        Dist::new(Shape::Normal(mean, sd))
    }
    /// exp(Normal(mu, sigma)).
    pub fn lognormal(mu: f64, sigma: f64) -> Dist {
        Dist::new(Shape::Lognormal(mu, sigma))
    }
    /// The lognormal with this median and this 99th percentile.
    pub fn lognormal_p50_p99(p50: f64, p99: f64) -> Dist {
        Dist::lognormal(libm::log(p50), libm::log(p99 / p50) / Z99)
    }
    /// The lognormal with this median and this sigma.
    pub fn lognormal_p50_sigma(p50: f64, sigma: f64) -> Dist {
        Dist::lognormal(libm::log(p50), sigma)
    }
    /// Pareto: P(X > x) = (min / x)^alpha.
    pub fn pareto(min: f64, alpha: f64) -> Dist {
        Dist::new(Shape::Pareto(min, alpha))
    }
    /// The sum of `k` exponentials, `mean` in all.
    pub fn erlang(k: u32, mean: f64) -> Dist {
        Dist::new(Shape::Erlang(k, mean))
    }
    /// One of several by weight; the weights are scaled to add up to 1.
    pub fn mix(parts: &[(f64, Dist)]) -> Dist {
        let total: f64 = parts.iter().map(|(w, _)| w).sum();
        Dist::new(Shape::Mix(parts.iter().map(|(w, d)| (w / total, d.clone())).collect()))
    }
    /// The sum of independent draws of each of these.
    pub fn sum(parts: &[Dist]) -> Dist {
        Dist::new(Shape::Sum(parts.into()))
    }
    /// One of these samples, each as likely as the others. At least one.
    pub fn empirical(samples: &[f64]) -> Dist {
        Dist::new(Shape::Empirical(samples.into()))
    }

    /// One draw.
    pub fn sample(&self, bits: &mut impl Bits) -> f64 {
        let mut x = self.shape.sample(bits);
        if let Some(min) = self.min {
            x = x.max(min);
        }
        if let Some(max) = self.max {
            x = x.min(max);
        }
        x
    }
    /// One draw of a distribution in nanoseconds, rounded; negative becomes zero.
    #[inline]
    pub fn sample_span(&self, bits: &mut impl Bits) -> Span {
        // What most requests draw. Without a call, the numbers it draws from need no memory.
        if let (Shape::Exponential(mean), None, None) = (&self.shape, self.min, self.max) {
            return Span::from_nanos_f64(mean * exponential(bits));
        }
        Span::from_nanos_f64(self.sample(bits))
    }
    /// What [`Dist::sample_span`] yields, if that is always the same.
    pub fn steady_span(&self) -> Option<Span> {
        match self.shape {
            Shape::Constant(ns) => {
                let raised = self.min.map_or(ns, |min| ns.max(min));
                Some(Span::from_nanos_f64(self.max.map_or(raised, |max| raised.min(max))))
            }
            _ => None,
        }
    }
    /// What is left of a draw that somebody comes upon at a random moment: of an exponential another exponential, of a
    /// constant a uniform share. Draws follow each other from 8 to 16 means back until one spans the moment, so that
    /// long ones are met more often (Feller 1971, chapter XI: the mean is `E[X²] / 2 E[X]`).
    pub fn sample_residual(&self, bits: &mut impl Bits) -> f64 {
        if matches!(self.shape, Shape::Exponential(_)) && self.min.is_none() && self.max.is_none() {
            return self.sample(bits);
        }
        let mean = self.mean().filter(|mean| *mean > 0.0 && mean.is_finite());
        let Some(mean) = mean else { return self.sample(bits) * bits.unit() };
        let mut before = mean * (8.0 + 8.0 * bits.unit());
        for _ in 0..1_000 {
            let draw = self.sample(bits).max(0.0);
            if draw >= before {
                return draw - before;
            }
            before -= draw;
        }
        0.0
    }
    /// Whether every draw is zero.
    #[inline]
    pub fn is_zero(&self) -> bool {
        matches!(self.shape, Shape::Constant(c) if c == 0.0)
            && self.min.is_none_or(|m| m <= 0.0)
            && self.max.is_none_or(|m| m >= 0.0)
    }
    /// The expectation, if it exists and is known in closed form (clipping is ignored where it is rare to matter: only
    /// constants, uniforms and samples are clipped exactly; other clipped shapes have none).
    pub fn mean(&self) -> Option<f64> {
        self.moment(1)
    }
    /// The variance, under the same terms as [`Dist::mean`].
    pub fn variance(&self) -> Option<f64> {
        let mean = self.moment(1)?;
        Some((self.moment(2)? - mean * mean).max(0.0))
    }
    /// Every quantity multiplied by `factor` > 0.
    pub fn scaled(&self, factor: f64) -> Dist {
        let shape = match &self.shape {
            Shape::Constant(c) => Shape::Constant(c * factor),
            Shape::Uniform(a, b) => Shape::Uniform(a * factor, b * factor),
            Shape::Exponential(m) => Shape::Exponential(m * factor),
            Shape::Normal(m, s) => Shape::Normal(m * factor, s * factor),
            Shape::Lognormal(mu, sigma) => Shape::Lognormal(mu + libm::log(factor), *sigma),
            Shape::Pareto(m, a) => Shape::Pareto(m * factor, *a),
            Shape::Erlang(k, m) => Shape::Erlang(*k, m * factor),
            Shape::Mix(parts) => Shape::Mix(parts.iter().map(|(w, d)| (*w, d.scaled(factor))).collect()),
            Shape::Empirical(samples) => Shape::Empirical(samples.iter().map(|x| x * factor).collect()),
            Shape::Sum(parts) => Shape::Sum(parts.iter().map(|d| d.scaled(factor)).collect()),
        };
        Dist { shape, min: self.min.map(|m| m * factor), max: self.max.map(|m| m * factor) }
    }

    fn clip(&self, x: f64) -> f64 {
        x.max(self.min.unwrap_or(f64::NEG_INFINITY)).min(self.max.unwrap_or(f64::INFINITY))
    }

    /// The first or second moment about zero.
    fn moment(&self, k: i32) -> Option<f64> {
        let power = |x: f64| if k == 1 { x } else { x * x };
        match &self.shape {
            Shape::Constant(c) => return Some(power(self.clip(*c))),
            Shape::Empirical(samples) => {
                return Some(samples.iter().map(|x| power(self.clip(*x))).sum::<f64>() / samples.len() as f64);
            }
            _ if self.min.is_some_and(|m| m > 0.0) || self.max.is_some() => return None,
            _ => {}
        }
        let of = |mean: f64, variance: f64| if k == 1 { mean } else { variance + mean * mean };
        Some(match &self.shape {
            Shape::Constant(_) | Shape::Empirical(_) => return None,
            Shape::Uniform(a, b) => of((a + b) / 2.0, (b - a) * (b - a) / 12.0),
            Shape::Exponential(m) => of(*m, m * m),
            Shape::Normal(m, s) => of(*m, s * s),
            Shape::Lognormal(mu, sigma) => {
                let mean = libm::exp(mu + sigma * sigma / 2.0);
                of(mean, (libm::exp(sigma * sigma) - 1.0) * mean * mean)
            }
            Shape::Pareto(min, alpha) => {
                let k = f64::from(k);
                if *alpha <= k {
                    return None;
                }
                alpha * libm::pow(*min, k) / (alpha - k)
            }
            Shape::Erlang(n, m) => of(*m, m * m / f64::from(*n)),
            Shape::Mix(parts) => {
                let mut sum = 0.0;
                for (weight, part) in parts.iter() {
                    sum += weight * part.moment(k)?;
                }
                sum
            }
            Shape::Sum(parts) => {
                let (mut mean, mut variance) = (0.0, 0.0);
                for part in parts.iter() {
                    mean += part.mean()?;
                    // The variance, and with it the second moment, may not exist where the mean does.
                    variance += if k == 1 { 0.0 } else { part.variance()? };
                }
                of(mean, variance)
            }
        })
    }
}

impl Shape {
    fn sample(&self, bits: &mut impl Bits) -> f64 {
        match self {
            Shape::Constant(c) => *c,
            Shape::Uniform(a, b) => a + (b - a) * bits.unit(),
            Shape::Exponential(mean) => mean * exponential(bits),
            Shape::Normal(mean, sd) => mean + sd * normal(bits),
            Shape::Lognormal(mu, sigma) => libm::exp(mu + sigma * normal(bits)),
            Shape::Pareto(min, alpha) => min * libm::exp(exponential(bits) / alpha),
            Shape::Erlang(k, mean) => {
                let sum: f64 = (0..*k).map(|_| exponential(bits)).sum();
                mean / f64::from(*k) * sum
            }
            Shape::Mix(parts) => {
                let mut left = bits.unit();
                for (weight, part) in parts.iter() {
                    if left < *weight {
                        return part.sample(bits);
                    }
                    left -= weight;
                }
                parts.last().map_or(0.0, |(_, part)| part.sample(bits))
            }
            Shape::Empirical(samples) => samples[bits.below(samples.len() as u64) as usize],
            Shape::Sum(parts) => parts.iter().map(|part| part.sample(bits)).sum(),
        }
    }
}

/// Exponential with mean 1: minus the logarithm of a uniform in (0, 1], one of 2⁵³.
pub fn exponential(bits: &mut impl Bits) -> f64 {
    minus_log((1 << 53) - (bits.next_u64() >> 11))
}

/// Standard normal (Marsaglia's polar method, 1964; the second value is thrown away, so that draws keep no state).
pub fn normal(bits: &mut impl Bits) -> f64 {
    loop {
        let (u, v) = (2.0 * bits.unit() - 1.0, 2.0 * bits.unit() - 1.0);
        let s = u * u + v * v;
        if s < 1.0 && s > 0.0 {
            return u * (-2.0 * libm::log(s) / s).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::random::{Seed, Stream};

    #[test]
    fn means_and_variances_are_those_of_the_formulas() {
        let n = 200_000;
        for dist in [
            Dist::constant(3.0),
            Dist::uniform(1.0, 5.0),
            Dist::exponential(2.0),
            Dist::normal(10.0, 2.0),
            Dist::lognormal(0.5, 0.5),
            Dist::pareto(1.0, 6.0),
            Dist::erlang(4, 2.0),
            Dist::mix(&[(0.9, Dist::constant(1.0)), (0.1, Dist::exponential(5.0))]),
            Dist::empirical(&[1.0, 2.0, 6.0]),
            Dist::sum(&[Dist::constant(2.0), Dist::exponential(3.0), Dist::uniform(0.0, 1.0)]),
        ] {
            let mut bits = Stream::named(Seed(7), "dist");
            let samples: Vec<f64> = (0..n).map(|_| dist.sample(&mut bits)).collect();
            let mean = samples.iter().sum::<f64>() / f64::from(n);
            let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
            let (m, v) = (dist.mean().expect("known"), dist.variance().expect("known"));
            assert!((mean - m).abs() <= 4.0 * (v / f64::from(n)).sqrt() + 1e-9, "{dist:?}: {mean} for {m}");
            assert!((variance - v).abs() <= 0.1 * v + 1e-9, "{dist:?}: {variance} for {v}");
        }
    }

    #[test]
    fn what_is_left_at_a_random_moment_is_half_the_second_moment_over_the_first() {
        let n = 100_000;
        for dist in [
            Dist::constant(3.0),
            Dist::uniform(4.9, 5.1),
            Dist::exponential(2.0),
            Dist::erlang(4, 2.0),
            Dist::mix(&[(0.9, Dist::constant(1.0)), (0.1, Dist::exponential(5.0))]),
        ] {
            let mut bits = Stream::named(Seed(7), "residual");
            let left: Vec<f64> = (0..n).map(|_| dist.sample_residual(&mut bits)).collect();
            let mean = left.iter().sum::<f64>() / f64::from(n);
            let variance = left.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
            let (m, v) = (dist.mean().expect("known"), dist.variance().expect("known"));
            let expected = (v + m * m) / (2.0 * m);
            assert!(
                (mean - expected).abs() <= 4.0 * (variance / f64::from(n)).sqrt(),
                "{dist:?}: {mean} for {expected}"
            );
        }
        assert_eq!(Dist::constant(0.0).sample_residual(&mut Stream::named(Seed(7), "residual")), 0.0);
    }

    #[test]
    fn the_lognormal_has_the_quantiles_it_was_asked_for() {
        let dist = Dist::lognormal_p50_p99(1.0, 8.0);
        let mut bits = Stream::named(Seed(1), "dist");
        let n = 100_000;
        let samples: Vec<f64> = (0..n).map(|_| dist.sample(&mut bits)).collect();
        let below = |x: f64| samples.iter().filter(|s| **s <= x).count() as f64 / f64::from(n);
        assert!((below(1.0) - 0.5).abs() < 4.0 * (0.25 / f64::from(n)).sqrt());
        assert!((below(8.0) - 0.99).abs() < 4.0 * (0.0099 / f64::from(n)).sqrt());
    }
}
