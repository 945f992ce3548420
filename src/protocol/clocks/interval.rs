//! Corbett et al., "Spanner: Google's globally distributed database", OSDI 2012: a clock that says how wrong it may be,
//! and writes that wait until their time has certainly passed.

use crate::engine::{Instant, Span};

/// What TrueTime's `now()` gives: the true time lies between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Certainly not later than now.
    pub earliest: Instant,
    /// Certainly not earlier than now.
    pub latest: Instant,
}

impl Interval {
    /// What a clock that shows `now`, and is off by `uncertainty` at most, knows of the true time.
    pub fn around(now: Instant, uncertainty: Span) -> Interval {
        Interval { earliest: Instant(now.0.saturating_sub(uncertainty.0)), latest: now + uncertainty }
    }
    /// Whether `moment` has certainly passed.
    pub fn after(self, moment: Instant) -> bool {
        self.earliest > moment
    }
    /// Whether `moment` has certainly not come.
    pub fn before(self, moment: Instant) -> bool {
        self.latest < moment
    }
    /// Commit wait: how long to hold back the answer of a write that took `latest` as its time, so that the time has
    /// certainly passed when anybody learns of the write. Twice the uncertainty, if that stays what it is.
    pub fn commit_wait(self) -> Span {
        self.latest.since(self.earliest) + Span::nanos(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn after_commit_wait_the_time_of_a_write_has_passed() {
        let uncertainty = Span::millis(4);
        let taken = Interval::around(Instant(100 * MS), uncertainty);
        assert_eq!(taken.commit_wait(), Span::millis(8) + Span::nanos(1));
        let then = Interval::around(Instant(100 * MS) + taken.commit_wait(), uncertainty);
        assert!(then.after(taken.latest));
        let sooner = Interval::around(Instant(100 * MS) + Span::millis(8), uncertainty);
        assert!(!sooner.after(taken.latest) && !sooner.before(taken.latest));
    }

    #[test]
    fn writes_one_after_the_other_have_times_in_that_order_whatever_the_clocks_show() {
        // True time 100 ms; one clock 4 ms fast, the other 4 ms slow; both know that they may be 4 ms off.
        let uncertainty = Span::millis(4);
        let first = Interval::around(Instant(104 * MS), uncertainty);
        let told = Instant(100 * MS) + first.commit_wait();
        let second = Interval::around(Instant(told.0 - 4 * MS), uncertainty);
        assert!(second.latest > first.latest);
    }
}
