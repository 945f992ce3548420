//! One direction of a limited wire: bytes pass one after another, first come first served.
//!
//! Time is counted in 2^-20 ns inside, so that small messages on fast wires don't add up rounding errors. A message may
//! be announced before it gets here (it crosses another link first): it then takes the wire's idle time from the moment
//! of its arrival on, behind everything announced before it.

use std::collections::VecDeque;

use crate::engine::{Instant, Span};

/// Fraction bits of a nanosecond.
const FRACTION: u32 = 20;

/// The times at which a wire is busy.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipe {
    /// Busy intervals `(from, until)` in 2^-20 ns. Invariant: sorted, disjoint, not touching.
    busy: VecDeque<(u128, u128)>,
    /// Busy time of all that was ever announced, in 2^-20 ns.
    taken: u128,
}

impl Pipe {
    /// Sends `bytes` that reach the wire at `at` over it, `bandwidth` bytes per second. Returns when the last byte has
    /// left; `None` if the wire is busy and the unsent bytes and these don't fit into `buffer`.
    ///
    /// Nothing is announced before `now` (virtual time so far), so what lies before it is forgotten.
    pub(super) fn send(
        &mut self,
        now: Instant,
        at: Instant,
        bytes: u64,
        bandwidth: u64,
        buffer: Option<u64>,
    ) -> Option<Instant> {
        let now = u128::from(now.0) << FRACTION;
        while self.busy.front().is_some_and(|&(_, until)| until < now) {
            self.busy.pop_front();
        }
        let bandwidth = u128::from(bandwidth.max(1));
        let at = u128::from(at.0) << FRACTION;
        if let Some(buffer) = buffer {
            let waiting = self.busy_after(at) * bandwidth / (1_000_000_000 << FRACTION);
            if self.busy_at(at) && waiting + u128::from(bytes) > u128::from(buffer) {
                return None;
            }
        }
        let need = (u128::from(bytes) * (1_000_000_000 << FRACTION)).div_ceil(bandwidth);
        let until = self.fill(at, need);
        self.taken += need;
        let ns = until.div_ceil(1 << FRACTION);
        Some(Instant(u64::try_from(ns).unwrap_or(u64::MAX)))
    }

    /// For how long something was being sent up to `now`.
    pub(super) fn used(&self, now: Instant) -> Span {
        let past = self.taken - self.busy_after(u128::from(now.0) << FRACTION);
        Span(u64::try_from(past >> FRACTION).unwrap_or(u64::MAX))
    }

    /// Whether something is being sent at `at`.
    fn busy_at(&self, at: u128) -> bool {
        self.busy.iter().any(|&(from, until)| from <= at && at < until)
    }

    /// Busy time after `at`.
    fn busy_after(&self, at: u128) -> u128 {
        self.busy.iter().rev().take_while(|&&(_, until)| until > at).map(|&(from, until)| until - from.max(at)).sum()
    }

    /// Takes `need` of the idle time from `at` on. Returns the end of the last piece.
    fn fill(&mut self, at: u128, need: u128) -> u128 {
        // What ends before `at` stays as it is; what touches it, or the time taken now, becomes one interval with it.
        let first = self.busy.partition_point(|&(_, until)| until < at);
        let mut start = at;
        let mut end = at;
        let mut left = need;
        let mut next = first;
        while let Some(&(from, until)) = self.busy.get(next) {
            let gap = from.saturating_sub(end);
            if gap > left {
                break;
            }
            left -= gap;
            start = start.min(from);
            end = end.max(until);
            next += 1;
        }
        let finish = end + left;
        // One interval in, `next - first` out, in place: the usual case (one interval, the wire's backlog) moves nothing.
        if next == first && need == 0 {
            return finish;
        }
        if next == first {
            self.busy.insert(first, (start, finish));
        } else {
            self.busy[first] = (start, finish);
            self.busy.drain(first + 1..next);
        }
        finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB_PER_S: u64 = 1_000_000;

    fn send(pipe: &mut Pipe, now: u64, at: u64, bytes: u64) -> u64 {
        pipe.send(Instant(now), Instant(at), bytes, MB_PER_S, None).expect("no buffer, no drop").0
    }

    #[test]
    fn one_message_takes_bytes_over_bandwidth() {
        assert_eq!(send(&mut Pipe::default(), 500, 500, 1000), 500 + 1_000_000);
        let third = Pipe::default().send(Instant(0), Instant(0), 1, 3, None);
        assert_eq!(third, Some(Instant(333_333_334)));
    }

    #[test]
    fn a_second_message_waits_for_the_first() {
        let mut pipe = Pipe::default();
        assert_eq!(send(&mut pipe, 0, 0, 1000), 1_000_000);
        assert_eq!(send(&mut pipe, 400_000, 400_000, 1000), 2_000_000);
        assert_eq!(send(&mut pipe, 2_000_000, 2_000_000, 1000), 3_000_000);
        assert_eq!(send(&mut pipe, 9_000_000, 9_000_000, 1), 9_001_000);
    }

    #[test]
    fn fractions_of_a_nanosecond_are_kept() {
        let mut pipe = Pipe::default();
        let mut last = Instant(0);
        for _ in 0..3000 {
            last = pipe.send(Instant(0), Instant(0), 1, 3_000_000_000, None).expect("no buffer");
        }
        assert_eq!(last, Instant(1001), "3000 thirds of a nanosecond, rounded up by less than one");
    }

    #[test]
    fn it_is_told_how_long_the_wire_was_used() {
        let mut pipe = Pipe::default();
        send(&mut pipe, 0, 0, 1000);
        send(&mut pipe, 0, 5_000_000, 1000);
        let used: Vec<u64> = [0, 500_000, 4_000_000, 5_250_000, 9_000_000].map(|at| pipe.used(Instant(at)).0).into();
        assert_eq!(used, [0, 500_000, 1_000_000, 1_250_000, 2_000_000]);
    }

    #[test]
    fn one_announced_early_leaves_the_time_before_it_to_others() {
        let mut pipe = Pipe::default();
        assert_eq!(send(&mut pipe, 0, 5_000_000, 1000), 6_000_000);
        assert_eq!(send(&mut pipe, 0, 0, 2000), 2_000_000);
        // 3 ms are idle before the announced one; the last of these four comes after it.
        assert_eq!(send(&mut pipe, 0, 0, 4000), 7_000_000);
        assert_eq!(send(&mut pipe, 0, 0, 10), 7_010_000);
    }

    #[test]
    fn a_full_buffer_drops_and_an_idle_wire_does_not() {
        let mut pipe = Pipe::default();
        let mut offer = |at: u64, bytes| pipe.send(Instant(at), Instant(at), bytes, MB_PER_S, Some(1500));
        assert_eq!(offer(0, 4000), Some(Instant(4_000_000)), "nothing waits, so the buffer isn't used");
        assert_eq!(offer(0, 10), None);
        assert_eq!(offer(3_000_000, 501), None, "1000 bytes are unsent");
        assert_eq!(offer(3_000_000, 500), Some(Instant(4_500_000)));
        assert_eq!(offer(4_500_000, 9000), Some(Instant(13_500_000)));
    }

    proptest::proptest! {
        /// Announced in order of arrival, the wire is Lindley's recursion.
        #[test]
        fn in_order_it_is_a_fifo_queue(gaps in proptest::collection::vec((0u64..3_000_000, 1u64..4000), 1..60)) {
            let mut pipe = Pipe::default();
            let (mut now, mut free) = (0, 0);
            for (gap, bytes) in gaps {
                now += gap;
                free = free.max(now) + bytes * 1000;
                proptest::prop_assert_eq!(send(&mut pipe, now, now, bytes), free);
            }
        }

        /// However it is announced, the wire works whenever something is there, and never faster than it can.
        #[test]
        fn out_of_order_it_conserves_work(sends in proptest::collection::vec((0u64..50_000, 1u64..8), 1..40)) {
            let mut pipe = Pipe::default();
            let mut last = 0;
            for &(at, bytes) in &sends {
                last = last.max(send(&mut pipe, 0, at, bytes));
            }
            let mut by_arrival = sends.clone();
            by_arrival.sort();
            let busy_end = by_arrival.iter().fold(0, |free: u64, &(at, bytes)| free.max(at) + bytes * 1000);
            proptest::prop_assert_eq!(last, busy_end);
        }
    }
}
