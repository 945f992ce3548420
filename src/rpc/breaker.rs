//! Circuit breaker with a count-based sliding window.
//!
//! Source: Resilience4j, "CircuitBreaker", COUNT_BASED. It looks at attempts, as a breaker inside a retry does. Open
//! turns into half-open at the first attempt after the wait, not by a timer. An attempt that was let through earlier
//! counts in whatever state it finds. Leaves out slow-call rates and forced states.

use crate::engine::Instant;

use super::policy::Breaker;

/// One caller's breaker for one callee.
#[derive(Clone, Debug)]
pub struct BreakerState {
    policy: Breaker,
    state: State,
    window: Window,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// With so many probes still to be let through.
    HalfOpen {
        permits: u32,
    },
}

impl BreakerState {
    /// Closed, nothing seen.
    pub fn new(policy: Breaker) -> BreakerState {
        let window = Window::new(policy.window, policy.min_calls);
        BreakerState { policy, state: State::Closed, window }
    }

    /// Whether an attempt may be made; a half-open breaker gives it one of its permits.
    pub fn permit(&mut self, now: Instant) -> bool {
        if let State::Open { until } = self.state {
            if now < until {
                return false;
            }
            let probes = self.policy.half_open.max(1);
            self.state = State::HalfOpen { permits: probes };
            self.window = Window::new(probes, probes);
        }
        match &mut self.state {
            State::HalfOpen { permits: 0 } => false,
            State::HalfOpen { permits } => {
                *permits -= 1;
                true
            }
            State::Closed | State::Open { .. } => true,
        }
    }

    /// A permitted attempt was not made or its end is of no interest.
    pub fn give_back(&mut self) {
        if let State::HalfOpen { permits } = &mut self.state {
            *permits = (*permits + 1).min(self.policy.half_open.max(1));
        }
    }

    /// An attempt ended. Returns whether the breaker opened.
    pub fn record(&mut self, now: Instant, failed: bool) -> bool {
        if matches!(self.state, State::Open { .. }) {
            return false;
        }
        self.window.record(failed);
        let Some(rate) = self.window.failure_rate() else { return false };
        if rate >= self.policy.failure_rate {
            self.state = State::Open { until: now + self.policy.open };
            return true;
        }
        if matches!(self.state, State::HalfOpen { .. }) {
            self.state = State::Closed;
            self.window = Window::new(self.policy.window, self.policy.min_calls);
        }
        false
    }

    /// Whether attempts are refused now.
    pub fn is_open(&self, now: Instant) -> bool {
        matches!(self.state, State::Open { until } if now < until)
    }
}

/// The last `size` results. Invariant: `failures` counts the `true`s.
#[derive(Clone, Debug)]
struct Window {
    results: Vec<bool>,
    size: usize,
    min_calls: usize,
    next: usize,
    failures: usize,
}

impl Window {
    fn new(size: u32, min_calls: u32) -> Window {
        let size = size.max(1) as usize;
        // Resilience4j: the minimum is never above the window.
        let min_calls = (min_calls.max(1) as usize).min(size);
        Window { results: Vec::new(), size, min_calls, next: 0, failures: 0 }
    }

    fn record(&mut self, failed: bool) {
        self.failures += usize::from(failed);
        if self.results.len() < self.size {
            self.results.push(failed);
            return;
        }
        self.failures -= usize::from(std::mem::replace(&mut self.results[self.next], failed));
        self.next = (self.next + 1) % self.size;
    }

    fn failure_rate(&self) -> Option<f64> {
        (self.results.len() >= self.min_calls).then(|| self.failures as f64 / self.results.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Span;

    /// Plays a transcript: `.` an attempt that succeeds, `x` one that fails, `|` one second passes; `?` in the output
    /// is an attempt that was refused, `!` one after which the breaker opened.
    fn play(policy: Breaker, inputs: &str) -> String {
        let mut breaker = BreakerState::new(policy);
        let mut now = Instant::ZERO;
        let mut out = String::new();
        for input in inputs.chars() {
            if input == '|' {
                now += Span::secs(1);
                out.push('|');
            } else if !breaker.permit(now) {
                out.push('?');
            } else {
                out.push(if breaker.record(now, input == 'x') { '!' } else { input });
            }
        }
        out
    }

    const POLICY: Breaker =
        Breaker { window: 4, min_calls: 4, failure_rate: 0.5, open: Span(2_000_000_000), half_open: 2 };

    #[test]
    fn opens_at_the_rate_once_enough_calls_were_seen() {
        assert_eq!(play(POLICY, "xxx"), "xxx");
        assert_eq!(play(POLICY, "x..x."), "x..!?");
        assert_eq!(play(POLICY, "x...x...x"), "x...x...x");
        assert_eq!(play(POLICY, "x....xx"), "x....x!");
        // A minimum above the window is the window.
        assert_eq!(play(Breaker { min_calls: 100, ..POLICY }, "xxxx"), "xxx!");
    }

    #[test]
    fn stays_open_then_lets_probes_through() {
        assert_eq!(play(POLICY, "xxxx.|.|."), "xxx!?|?|.");
        // Half of the probes failed: open again, for the whole wait.
        assert_eq!(play(POLICY, "xxxx||.x.|.|."), "xxx!||.!?|?|.");
        // All well: closed, with an empty window.
        assert_eq!(play(POLICY, "xxxx||..xxxx"), "xxx!||..xxx!");
    }

    #[test]
    fn half_open_lets_through_no_more_than_its_probes() {
        let mut breaker = BreakerState::new(POLICY);
        for _ in 0..4 {
            breaker.record(Instant::ZERO, true);
        }
        let later = Instant::ZERO + Span::secs(2);
        assert!(breaker.is_open(Instant::ZERO) && !breaker.is_open(later));
        assert_eq!([0; 4].map(|_| breaker.permit(later)), [true, true, false, false]);
        breaker.give_back();
        assert_eq!([0; 2].map(|_| breaker.permit(later)), [true, false]);
    }
}
