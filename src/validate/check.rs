//! One measured figure beside its oracle, and the rule by which they are compared.

use crate::metric::stats::{normal_distribution, normal_quantile};

use super::experiment::Estimate;
use super::rows::Figure;

/// Standard errors that a measured value may lie from its oracle.
pub const TOLERANCE: f64 = 4.0;

/// How a measured value is compared with its oracle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// A statistic: within four standard errors, those of the run and of the oracle together.
    Statistic,
    /// A probability in so many trials: as a statistic whose error is at least the binomial one; where fewer than ten
    /// of the rarer kind are expected, their number against Poisson's law; below a hundredth, by seeing none.
    Probability {
        /// Trials.
        trials: f64,
    },
    /// Equality, to the digits of the oracle.
    Exact,
}

/// A measured figure beside its oracle.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The column that it belongs to.
    pub metric: String,
    /// The oracle.
    pub expected: Figure,
    /// Standard error of the oracle; 0 of closed forms.
    pub expected_error: f64,
    /// What the runs say.
    pub measured: f64,
    /// Its standard error; NaN where the runs can't tell.
    pub error: f64,
    /// How they are compared.
    pub rule: Rule,
}

impl Check {
    /// By rule S.
    pub(super) fn statistic(metric: &str, expected: Figure, measured: Estimate) -> Check {
        Check::new(metric, expected, measured.value, measured.error, Rule::Statistic)
    }

    /// By rule P, in as many trials as there are observations.
    pub(super) fn probability(metric: &str, expected: Figure, measured: Estimate) -> Check {
        Check::new(metric, expected, measured.value, measured.error, Rule::Probability { trials: measured.n })
    }

    /// By rule X.
    pub(super) fn exact(metric: &str, expected: Figure, measured: f64) -> Check {
        Check::new(metric, expected, measured, 0.0, Rule::Exact)
    }

    fn new(metric: &str, expected: Figure, measured: f64, error: f64, rule: Rule) -> Check {
        Check { metric: metric.to_owned(), expected, expected_error: 0.0, measured, error, rule }
    }

    /// Expected and seen number of the rarer kind, where it is too rare for a standard error.
    fn rare(&self) -> Option<(f64, f64)> {
        let Rule::Probability { trials } = self.rule else { return None };
        let p = self.expected.value;
        let (p, seen) = if p <= 0.5 { (p, self.measured) } else { (1.0 - p, 1.0 - self.measured) };
        (trials * p < 10.0).then(|| (trials * p, (trials * seen).round().max(0.0)))
    }

    /// The standard error of the comparison.
    pub fn standard_error(&self) -> f64 {
        let own = match self.rule {
            Rule::Statistic => self.error,
            Rule::Exact => 0.0,
            Rule::Probability { trials } => {
                let p = self.expected.value;
                // Whatever the batches say: fewer than independent trials know can't be known.
                (p * (1.0 - p) / trials).max(0.0).sqrt().max(if self.error.is_nan() { 0.0 } else { self.error })
            }
        };
        (own * own + self.expected_error * self.expected_error).sqrt()
    }

    /// How far the measured value lies from the oracle, in standard errors; where events are counted, in those of a
    /// normal variate that is as rare.
    pub fn off(&self) -> f64 {
        if let Some((expected, seen)) = self.rare() {
            return poisson_off(expected, seen);
        }
        if self.measured == self.expected.value {
            return 0.0;
        }
        if self.rule == Rule::Exact {
            // As many digits as the oracle has; the clock counts nanoseconds.
            let same = (self.measured - self.expected.value).abs() <= self.expected.unit / 2.0 + 1e-9;
            let whole = self.expected.unit >= 1.0;
            return if same && !whole { 0.0 } else { f64::INFINITY };
        }
        let apart = self.measured - self.expected.value;
        let apart = apart.signum() * (apart.abs() - self.expected.half_unit).max(0.0);
        if apart == 0.0 { 0.0 } else { apart / self.standard_error() }
    }

    /// Whether the rule holds.
    pub fn holds(&self) -> bool {
        if let Some((expected, seen)) = self.rare() {
            return if expected < 0.01 { seen == 0.0 } else { poisson_off(expected, seen).abs() <= TOLERANCE };
        }
        // What can't be told doesn't hold: NaN is not within.
        self.off().abs() <= TOLERANCE
    }

    /// Four standard errors over the value: how much the comparison can tell.
    pub fn resolution(&self) -> f64 {
        TOLERANCE * self.standard_error() / self.expected.value.abs()
    }
}

/// A standard normal that is as rare as that many events where `mean` are expected.
fn poisson_off(mean: f64, seen: f64) -> f64 {
    let mut term = libm::exp(-mean);
    let mut below = 0.0;
    let mut k = 0.0;
    while k < seen && k < 1e6 {
        below += term;
        k += 1.0;
        term *= mean / k;
    }
    let at_most = below + term;
    let at_least = (1.0 - below).max(tail(mean, seen));
    if seen >= mean {
        (-normal_quantile(at_least.clamp(1e-300, 1.0))).max(0.0)
    } else {
        normal_quantile(at_most.clamp(1e-300, 1.0)).min(0.0)
    }
}

/// The first terms of P(N ≥ seen), which 1 − P(N < seen) loses where it is small.
fn tail(mean: f64, seen: f64) -> f64 {
    let log = -mean + seen * libm::log(mean.max(1e-300)) - libm::lgamma(seen + 1.0);
    let first = libm::exp(log);
    (1..30)
        .fold((first, first), |(sum, term), i| {
            (sum + term * mean / (seen + f64::from(i)), term * mean / (seen + f64::from(i)))
        })
        .0
}

/// How many of so many comparisons may lie outside by chance alone.
pub fn expected_by_chance(comparisons: usize) -> f64 {
    2.0 * (1.0 - normal_distribution(TOLERANCE)) * comparisons as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, error: f64, n: f64) -> Estimate {
        Estimate { value, error, n }
    }

    #[test]
    fn four_standard_errors_are_the_border() {
        let check = |value| Check::statistic("W", Figure::exact(10.0), estimate(value, 0.1, 1.0));
        assert!(check(10.39).holds() && !check(10.41).holds() && !check(9.59).holds());
        assert!((check(10.2).off() - 2.0).abs() < 1e-9);
        assert!((check(10.2).resolution() - 0.04).abs() < 1e-12);
        assert!(!check(f64::NAN).holds());
        assert!(!Check::statistic("W", Figure::exact(10.0), estimate(10.1, f64::NAN, 1.0)).holds());
    }

    #[test]
    fn the_oracles_own_error_counts() {
        let mut check = Check::statistic("W", Figure::exact(10.0), estimate(10.45, 0.1, 1.0));
        assert!(!check.holds());
        check.expected_error = 0.1;
        assert!(check.holds());
    }

    #[test]
    fn rare_events_are_counted() {
        let seen = |n: f64| Check::probability("P", Figure::exact(1e-6), estimate(n / 1e6, f64::NAN, 1e6));
        assert!(seen(0.0).holds() && seen(1.0).holds() && seen(5.0).holds() && !seen(9.0).holds());
        let never = |n: f64| Check::probability("P", Figure::exact(1e-12), estimate(n / 1e6, f64::NAN, 1e6));
        assert!(never(0.0).holds() && !never(1.0).holds());
        let almost = Check::probability("U", Figure::exact(1.0 - 1e-12), estimate(1.0, 0.0, 1e6));
        assert!(almost.holds());
    }

    #[test]
    fn counts_are_as_rare_as_poisson_says() {
        // P(N >= 1) = 1 - 1/e at mean 1, P(N = 0) at mean 9 is 1.2e-4.
        assert!((poisson_off(1.0, 2.0) + normal_quantile(1.0 - 2.0 / std::f64::consts::E)).abs() < 1e-9);
        assert!((poisson_off(9.0, 0.0) - normal_quantile(libm::exp(-9.0))).abs() < 1e-9);
        assert!(poisson_off(0.5, 12.0) > 7.0);
    }
}
