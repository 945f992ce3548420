//! Which epochs a phase is made of.

use std::ops::Range;

use crate::engine::Instant;
use crate::expect::ast::Phase;
use crate::metric::{EpochSet, Frame};
use crate::scenario::Plan;

/// The epochs of a phase; `None` is everything after the warm-up.
pub(super) fn epochs(plan: &Plan, frame: &Frame, phase: Option<&Phase>) -> EpochSet {
    let warm = Instant::ZERO + plan.warmup;
    let end = plan.end;
    let span = |name: &str| plan.faults.iter().find(|f| f.name == name).and_then(|f| f.span());
    match phase {
        None => frame.epochs_in(warm, end),
        Some(Phase::All) => frame.all(),
        Some(Phase::Steady) => {
            let first = plan.faults.iter().filter_map(|f| f.span().map(|s| s.0)).min().unwrap_or(end);
            frame.epochs_in(warm, first.max(warm))
        }
        Some(Phase::During(name)) => {
            // Of a fault that comes and goes: from its first start to its last end.
            span(name).map_or_else(EpochSet::default, |(from, to)| frame.epochs_in(from, to))
        }
        Some(Phase::Before(name)) => {
            span(name).map_or_else(EpochSet::default, |(from, _)| frame.epochs_in(warm, from.max(warm)))
        }
        Some(Phase::After(name)) => span(name).map_or_else(EpochSet::default, |(_, to)| frame.epochs_in(to, end)),
        Some(Phase::Window(from, to)) => {
            let at = |seconds: f64| Instant((seconds * 1e9).max(0.0) as u64);
            frame.epochs_in(at(from.value), at(to.value))
        }
    }
}

/// The epochs inside a window.
pub(super) fn inside(frame: &Frame, window: &Range<Instant>) -> EpochSet {
    frame.epochs_in(window.start, window.end)
}
