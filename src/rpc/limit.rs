//! Adaptive limits on calls in flight.
//!
//! Source: Netflix concurrency-limits, `AIMDLimit`, `Gradient2Limit`, `VegasLimit` with their default parameters;
//! AIMD's bounds of 20 and 200 are widened to hold the given start. Updated by every attempt, without the library's
//! sampling windows; Vegas resets its shortest latency after 22.5 limits' worth of samples, the mean of its jitter.

use crate::engine::Span;

use super::op::Outcome;
use super::policy::Concurrency;

/// One caller's limit for one callee.
#[derive(Clone, Debug)]
pub struct Limit {
    rule: Rule,
    /// Invariant: at least 1.
    limit: f64,
    in_flight: u32,
}

#[derive(Clone, Debug)]
enum Rule {
    Aimd { min: f64, max: f64 },
    Gradient { long_rtt: f64, samples: u32 },
    Vegas { rtt_noload: u64, samples: u64 },
}

impl Limit {
    /// At its start.
    pub fn new(policy: Concurrency) -> Limit {
        let (rule, limit) = match policy {
            Concurrency::Aimd(start) => {
                let start = f64::from(start.max(1));
                (Rule::Aimd { min: start.min(20.0), max: start.max(200.0) }, start)
            }
            Concurrency::Gradient => (Rule::Gradient { long_rtt: 0.0, samples: 0 }, 20.0),
            Concurrency::Vegas => (Rule::Vegas { rtt_noload: 0, samples: 0 }, 20.0),
        };
        Limit { rule, limit, in_flight: 0 }
    }

    /// Calls in flight that are allowed now; one call with all its attempts counts once.
    pub fn allowed(&self) -> u32 {
        self.limit as u32
    }

    /// Lets a call in; its number among those in flight, to be handed to [`Limit::record`].
    pub fn enter(&mut self) -> Option<u32> {
        if self.in_flight >= self.allowed() {
            return None;
        }
        self.in_flight += 1;
        Some(self.in_flight)
    }

    /// A call is over. One that began under a policy that was since replaced is not known here.
    pub fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// An attempt ended; its call may go on. Refusals and timeouts count as drops; errors say nothing.
    pub fn record(&mut self, latency: Span, in_flight: u32, outcome: Outcome) {
        let dropped = matches!(outcome, Outcome::Timeout | Outcome::Rejected);
        if matches!(outcome, Outcome::Error | Outcome::Unavailable) {
            return;
        }
        let (rtt, in_flight) = (latency.0.max(1), f64::from(in_flight));
        match &mut self.rule {
            Rule::Aimd { min, max } => {
                if dropped || latency > Span::secs(5) {
                    self.limit = f64::floor(self.limit * 0.9);
                } else if in_flight * 2.0 >= self.limit {
                    self.limit += 1.0;
                }
                self.limit = self.limit.clamp(*min, *max);
            }
            Rule::Gradient { long_rtt, samples } => {
                self.limit = gradient(self.limit, rtt as f64, in_flight, long_rtt, samples);
            }
            Rule::Vegas { rtt_noload, samples } => {
                *samples += 1;
                if *samples as f64 >= 0.75 * 30.0 * self.limit {
                    (*samples, *rtt_noload) = (0, rtt);
                } else if *rtt_noload == 0 || rtt < *rtt_noload {
                    *rtt_noload = rtt;
                } else {
                    self.limit = vegas(self.limit, *rtt_noload as f64 / rtt as f64, in_flight, dropped);
                }
            }
        }
    }
}

fn gradient(limit: f64, rtt: f64, in_flight: f64, long_rtt: &mut f64, samples: &mut u32) -> f64 {
    const QUEUE: f64 = 4.0;
    const SMOOTHING: f64 = 0.2;
    const TOLERANCE: f64 = 1.5;
    const WARMUP: u32 = 10;
    *long_rtt = if *samples < WARMUP {
        *samples += 1;
        *long_rtt + (rtt - *long_rtt) / f64::from(*samples)
    } else {
        let weight = 2.0 / (600.0 + 1.0);
        *long_rtt * (1.0 - weight) + rtt * weight
    };
    let before = *long_rtt;
    if before / rtt > 2.0 {
        *long_rtt *= 0.95; // latency went back to normal: don't wait for the average
    }
    if in_flight < limit / 2.0 {
        return limit;
    }
    let gradient = (TOLERANCE * before / rtt).clamp(0.5, 1.0);
    let target = limit * gradient + QUEUE;
    (limit * (1.0 - SMOOTHING) + target * SMOOTHING).clamp(20.0, 200.0)
}

fn vegas(limit: f64, unloaded_share: f64, in_flight: f64, dropped: bool) -> f64 {
    let log = (limit as u32).checked_ilog10().unwrap_or(0).max(1);
    let log = f64::from(log);
    let queue = f64::ceil(limit * (1.0 - unloaded_share));
    let (alpha, beta, threshold) = (3.0 * log, 6.0 * log, log);
    let changed = if dropped {
        limit - log
    } else if in_flight * 2.0 < limit {
        limit
    } else if queue <= threshold {
        limit + beta
    } else if queue < alpha {
        limit + log
    } else if queue > beta {
        limit - log
    } else {
        limit
    };
    changed.clamp(1.0, 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A callee that serves `servers` at a time in 10 ms each: latency grows with what is in flight.
    fn settle(policy: Concurrency, servers: f64) -> u32 {
        let mut limit = Limit::new(policy);
        for _ in 0..20_000 {
            let mut last = 0;
            while let Some(number) = limit.enter() {
                last = number;
            }
            let latency = Span::from_nanos_f64(1e7 * f64::max(1.0, f64::from(last) / servers));
            limit.leave();
            limit.record(latency, last, Outcome::Ok);
        }
        limit.allowed()
    }

    #[test]
    fn aimd_adds_one_and_multiplies_by_nine_tenths() {
        let mut limit = Limit::new(Concurrency::Aimd(100));
        let mut after = |in_flight, outcome| {
            limit.enter();
            limit.leave();
            limit.record(Span::millis(1), in_flight, outcome);
            limit.allowed()
        };
        assert_eq!(after(60, Outcome::Ok), 101);
        assert_eq!(after(10, Outcome::Ok), 101); // far from the limit: no growth
        assert_eq!(after(60, Outcome::Timeout), 90);
        assert_eq!(after(60, Outcome::Error), 90);
        for _ in 0..100 {
            after(60, Outcome::Rejected);
        }
        assert_eq!(after(60, Outcome::Rejected), 20);
    }

    #[test]
    fn vegas_and_gradient_settle_near_what_the_callee_bears() {
        let vegas = settle(Concurrency::Vegas, 50.0);
        assert!((45..=75).contains(&vegas), "{vegas}");
        // Gradient tolerates half again the usual latency and 4 queued; its floor is 20, its cap 200.
        let gradient = settle(Concurrency::Gradient, 50.0);
        assert!((50..=200).contains(&gradient), "{gradient}");
    }

    #[test]
    fn refuses_above_the_limit() {
        let mut limit = Limit::new(Concurrency::Aimd(2));
        assert_eq!([0; 3].map(|_| limit.enter()), [Some(1), Some(2), None]);
        limit.leave();
        assert_eq!(limit.enter(), Some(2));
    }
}
