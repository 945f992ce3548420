//! Host clocks: true time plus an offset that drifts, is synchronised, and can be stepped or frozen by a fault.

use crate::engine::{Dist, Draws, Instant, Span};

/// How the clocks of a component's hosts behave. Everything is drawn once per host, from a draw named after the host.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockSpec {
    /// Local minus true time at the start, ns.
    pub offset: Dist,
    /// Parts per million: +50 gains 50 us a second.
    pub drift_ppm: Dist,
    /// Bound that interval clocks (TrueTime) report, ns; `None` = no such interface.
    pub uncertainty: Option<Dist>,
    /// Synchronisation, if any.
    pub sync: Option<SyncSpec>,
}

/// Periodic synchronisation: every so often the offset becomes a fresh draw of `error`.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncSpec {
    /// True time between synchronisations.
    pub every: Span,
    /// What remains of the offset afterwards, ns.
    pub error: Dist,
    /// Whether the correction is spread over the interval (slew, the clock never runs backwards) or done at once.
    pub slew: bool,
}

impl Default for ClockSpec {
    /// A perfect clock.
    fn default() -> ClockSpec {
        ClockSpec { offset: Dist::constant(0.0), drift_ppm: Dist::constant(0.0), uncertainty: None, sync: None }
    }
}

/// The clock of one host.
#[derive(Clone, Debug)]
pub struct HostClock {
    spec: ClockSpec,
    draws: Draws,
    /// Draws are settled once: offset at the start, ns; drift, parts per million.
    offset_ns: f64,
    drift_ppm: f64,
    /// Steps and extra drift of faults.
    stepped_ns: i64,
    fault_ppm: f64,
    fault_since: Instant,
    frozen: Option<Instant>,
    /// It shows true time and reports no bound: what most clocks do all the time.
    perfect: bool,
}

impl HostClock {
    /// The clock that `spec` describes, drawn by the host's own name.
    pub fn new(spec: ClockSpec, draws: Draws) -> HostClock {
        let offset_ns = spec.offset.sample(&mut draws.at(0, 0));
        let drift_ppm = spec.drift_ppm.sample(&mut draws.at(0, 1));
        let perfect = spec.sync.is_none() && spec.uncertainty.is_none() && offset_ns == 0.0 && drift_ppm == 0.0;
        HostClock {
            spec,
            draws,
            offset_ns,
            drift_ppm,
            stepped_ns: 0,
            fault_ppm: 0.0,
            fault_since: Instant::ZERO,
            frozen: None,
            perfect,
        }
    }

    /// What it shows at a true time. It never shows less than zero.
    #[inline]
    pub fn local(&self, now: Instant) -> Instant {
        if self.perfect { now } else { self.imperfect(now) }
    }

    #[cold]
    fn imperfect(&self, now: Instant) -> Instant {
        if let Some(shown) = self.frozen {
            return shown;
        }
        let still = self.spec.sync.is_none() && self.offset_ns == 0.0 && self.drift_ppm == 0.0;
        if still && self.stepped_ns == 0 && self.fault_ppm == 0.0 {
            return now;
        }
        let faulty = self.fault_ppm * now.since(self.fault_since).0 as f64 / 1e6;
        let error = self.error_ns(now) + faulty + self.stepped_ns as f64;
        Instant((now.0 as f64 + error).max(0.0) as u64)
    }

    /// Local minus true time without faults, ns.
    fn error_ns(&self, now: Instant) -> f64 {
        let drifted = |since: u64| self.drift_ppm * now.0.saturating_sub(since) as f64 / 1e6;
        let Some(sync) = &self.spec.sync else { return self.offset_ns + drifted(0) };
        let every = sync.every.0.max(1);
        let round = now.0 / every;
        let left = |round: u64| match round {
            0 => self.offset_ns,
            _ => sync.error.sample(&mut self.draws.at(1, round)),
        };
        if sync.slew {
            // The correction is spread over the interval, so drift never adds up to more than one interval's worth.
            let share = (now.0 % every) as f64 / every as f64;
            left(round) * (1.0 - share) + left(round + 1) * share
        } else {
            left(round) + drifted(round * every)
        }
    }

    /// When a timer of this local length fires in true time, started `now`. A frozen clock freezes no timers: they run
    /// on the machine's own oscillator.
    #[inline]
    pub fn true_after(&self, now: Instant, span: Span) -> Instant {
        if self.perfect { now + span } else { self.imperfect_after(now, span) }
    }

    #[cold]
    fn imperfect_after(&self, now: Instant, span: Span) -> Instant {
        let rate = (self.drift_ppm + self.fault_ppm) / 1e6;
        if rate == 0.0 { now + span } else { now + Span::from_nanos_f64(span.0 as f64 / (1.0 + rate)) }
    }

    /// The error bound that the clock reports, if it reports one.
    #[inline]
    pub fn uncertainty(&self, now: Instant) -> Span {
        if self.perfect { Span::ZERO } else { self.bound(now) }
    }

    #[cold]
    fn bound(&self, now: Instant) -> Span {
        let Some(bound) = &self.spec.uncertainty else { return Span::ZERO };
        bound.sample_span(&mut self.draws.at(2, now.0))
    }

    /// Jumps.
    pub fn step(&mut self, by_ns: i64) {
        self.perfect = false;
        self.stepped_ns += by_ns;
    }
    /// Gains `ppm` more than by itself from now on; what was gained or lost stays.
    pub fn drift(&mut self, now: Instant, ppm: f64) {
        self.settle(now);
        self.perfect = false;
        self.fault_ppm = ppm;
    }
    /// Stands still.
    pub fn freeze(&mut self, now: Instant) {
        self.frozen = Some(self.local(now));
        self.perfect = false;
    }
    /// Goes on from what it shows.
    pub fn thaw(&mut self, now: Instant) {
        if let Some(shown) = self.frozen.take() {
            self.stepped_ns += shown.0 as i64 - self.local(now).0 as i64;
        }
    }

    fn settle(&mut self, now: Instant) {
        self.stepped_ns += (self.fault_ppm * now.since(self.fault_since).0 as f64 / 1e6) as i64;
        self.fault_since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn clock(spec: ClockSpec) -> HostClock {
        HostClock::new(spec, Draws::named(Seed(1), "kv/0/clock"))
    }

    #[test]
    fn a_perfect_clock_shows_true_time() {
        assert_eq!(clock(ClockSpec::default()).local(Instant(123)), Instant(123));
    }

    #[test]
    fn drift_gains_and_shortens_timers() {
        let c = clock(ClockSpec { drift_ppm: Dist::constant(100.0), ..ClockSpec::default() });
        assert_eq!(c.local(Instant(1_000_000_000)), Instant(1_000_100_000));
        let fires = c.true_after(Instant::ZERO, Span::secs(1));
        assert!(fires < Instant(1_000_000_000) && fires > Instant(999_800_000));
    }

    #[test]
    fn steps_and_freezes_are_kept_when_undone() {
        let mut c = clock(ClockSpec::default());
        c.step(-500);
        assert_eq!(c.local(Instant(1000)), Instant(500));
        c.freeze(Instant(1000));
        assert_eq!(c.local(Instant(9000)), Instant(500));
        c.thaw(Instant(2000));
        assert_eq!(c.local(Instant(2100)), Instant(600));
    }

    #[test]
    fn a_synchronised_clock_stays_within_its_error() {
        let sync = SyncSpec { every: Span::secs(64), error: Dist::uniform(-1e6, 1e6), slew: true };
        let c = clock(ClockSpec { offset: Dist::constant(5e6), sync: Some(sync), ..ClockSpec::default() });
        for s in 64..1000_u64 {
            let now = Instant(s * 1_000_000_000);
            assert!(c.local(now).0.abs_diff(now.0) <= 1_000_000);
        }
    }
}
