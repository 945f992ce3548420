//! Host clocks: true time plus an offset that drifts, is synchronised, and can be stepped or frozen by a fault.

use crate::engine::{Dist, Span};

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
