//! Hayashibara, Defago, Yared, Katayama, "The phi accrual failure detector", SRDS 2004: instead of a verdict a level of
//! suspicion, phi = -log10 P(a heartbeat still comes after a silence this long), from the intervals seen so far.
//!
//! With the normal law of the paper, the logistic approximation of Akka and the exponential law of Cassandra. Akka's
//! allowance for pauses is left out: it only adds to the mean.

use std::collections::VecDeque;

use crate::engine::Span;

/// The law that intervals between heartbeats are taken to follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Law {
    /// Normal, its tail exact.
    #[default]
    Normal,
    /// Normal, its tail by 1 / (1 + e^(y (1.5976 + 0.070566 y^2))), as Akka has it.
    Logistic,
    /// Exponential, as Cassandra has it: only the mean matters.
    Exponential,
}

impl Law {
    /// Phi after a silence, given mean and standard deviation of the intervals, all in one unit.
    pub fn phi(self, silence: f64, mean: f64, deviation: f64) -> f64 {
        let y = (silence - mean) / deviation;
        match self {
            Law::Normal => -libm::log10((0.5 * libm::erfc(y / core::f64::consts::SQRT_2)).max(f64::MIN_POSITIVE)),
            Law::Logistic => {
                let e = y * (1.5976 + 0.070_566 * y * y);
                // log10(1 + exp(e)), without overflow.
                if e > 500.0 { e / core::f64::consts::LN_10 } else { libm::log10(1.0 + libm::exp(e)) }
            }
            Law::Exponential => silence / mean / core::f64::consts::LN_10,
        }
    }

    /// The silence after which phi is reached: the inverse of [`Law::phi`].
    pub fn silence(self, phi: f64, mean: f64, deviation: f64) -> f64 {
        self.reach(phi).silence(mean, deviation)
    }

    /// Where phi is reached, whatever mean and deviation are: worth keeping, as it is found by bisection.
    pub fn reach(self, phi: f64) -> Reach {
        if self == Law::Exponential {
            return Reach { means: phi * core::f64::consts::LN_10, deviations: 0.0 };
        }
        // Phi grows with the silence, and 40 deviations are more than any phi that a float can tell apart.
        let (mut low, mut high) = (-40.0, 40.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if self.phi(middle, 0.0, 1.0) < phi {
                low = middle;
            } else {
                high = middle;
            }
        }
        Reach { means: 1.0, deviations: high }
    }
}

/// A silence, in means and standard deviations of the intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    means: f64,
    deviations: f64,
}

impl Reach {
    /// In the unit of mean and deviation.
    pub fn silence(self, mean: f64, deviation: f64) -> f64 {
        self.means * mean + self.deviations * deviation
    }
}

/// Intervals that are remembered: Akka's `max-sample-size`, Cassandra's `SAMPLE_SIZE`.
const WINDOW: usize = 1000;
/// Akka's `min-std-deviation`.
const LEAST_DEVIATION: f64 = 100e6;

/// What one member knows of the heartbeats of another.
#[derive(Clone, Debug)]
pub struct PhiAccrual {
    law: Law,
    /// The last intervals, ns.
    intervals: VecDeque<f64>,
    sum: f64,
    squares: f64,
}

impl PhiAccrual {
    /// Knows nothing but that a heartbeat is expected about every `expected`: as Akka does, two intervals around it.
    pub fn new(law: Law, expected: Span) -> PhiAccrual {
        let mut new = PhiAccrual { law, intervals: VecDeque::new(), sum: 0.0, squares: 0.0 };
        let (mean, spread) = (expected.0 as f64, expected.0 as f64 / 4.0);
        new.learn(mean - spread);
        new.learn(mean + spread);
        new
    }
    /// A heartbeat has come so long after the one before.
    pub fn heard(&mut self, interval: Span) {
        self.learn(interval.0 as f64);
    }
    fn learn(&mut self, interval: f64) {
        self.intervals.push_back(interval);
        self.sum += interval;
        self.squares += interval * interval;
        if self.intervals.len() > WINDOW
            && let Some(old) = self.intervals.pop_front()
        {
            self.sum -= old;
            self.squares -= old * old;
        }
    }
    /// Mean and standard deviation of what it has seen, ns.
    pub fn seen(&self) -> (f64, f64) {
        let n = self.intervals.len() as f64;
        let mean = self.sum / n;
        (mean, (self.squares / n - mean * mean).max(0.0).sqrt())
    }
    /// Phi after a silence.
    pub fn phi(&self, silence: Span) -> f64 {
        let (mean, deviation) = self.seen();
        self.law.phi(silence.0 as f64, mean, deviation.max(LEAST_DEVIATION))
    }
    /// The silence after which a phi of the same law will be reached.
    pub fn silence(&self, reach: Reach) -> Span {
        let (mean, deviation) = self.seen();
        Span::from_nanos_f64(reach.silence(mean, deviation.max(LEAST_DEVIATION)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn an_exponential_law_reaches_phi_after_phi_times_ln_10_means() {
        for (phi, silence) in [(1.0, std::f64::consts::LN_10), (8.0, 18.420_680_74), (12.0, 27.631_021_12)] {
            near(Law::Exponential.silence(phi, 1.0, 0.0), silence);
            near(Law::Exponential.phi(silence, 1.0, 0.0), phi);
        }
    }

    #[test]
    fn a_normal_law_reaches_phi_where_its_tail_says() {
        // Quantiles of the normal distribution, and of the approximation that Akka uses.
        for (mean, deviation, phi, exact, logistic) in [
            (100.0, 10.0, 1.0, 112.815_515_7, 112.822_153_4),
            (100.0, 10.0, 8.0, 156.120_012_4, 152.259_866_4),
            (100.0, 10.0, 12.0, 170.344_838_3, 162.921_241),
            (1000.0, 200.0, 5.0, 1_852.978_159, 1_823.838_298),
            (1000.0, 200.0, 12.0, 2_406.896_765, 2_258.424_82),
        ] {
            near(Law::Normal.silence(phi, mean, deviation), exact);
            near(Law::Logistic.silence(phi, mean, deviation), logistic);
        }
    }

    #[test]
    fn it_learns_mean_and_deviation_of_the_last_thousand_intervals() {
        let mut detector = PhiAccrual::new(Law::Normal, Span::secs(9));
        for i in 0..2000 {
            detector.heard(Span::millis(if i % 2 == 0 { 800 } else { 1200 }));
        }
        let (mean, deviation) = detector.seen();
        near(mean, 1e9);
        near(deviation, 2e8);
        assert!(detector.phi(Span::millis(2122)) < 8.0 && detector.phi(Span::millis(2123)) > 8.0);
        let eight = detector.silence(Law::Normal.reach(8.0));
        assert!(eight > Span::millis(2122) && eight < Span::millis(2123));
    }
}
