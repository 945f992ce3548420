//! What breaks: when, and for how long. Settled before the run, from streams of the faults' own.

use crate::engine::{Dist, Instant, Span, Stream};

/// When a fault acts.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Once.
    Once {
        /// When, ns.
        at: Dist,
    },
    /// Again and again.
    Every {
        /// Between two starts, ns.
        every: Dist,
        /// Not before.
        from: Instant,
        /// Not at or after.
        until: Instant,
    },
    /// Up and down times of one instance, exponential.
    Random {
        /// Mean time between the end of a repair and the next failure.
        mtbf: Span,
        /// Mean time to repair.
        mttr: Span,
        /// Not before.
        from: Instant,
        /// Not at or after.
        until: Instant,
    },
}

/// A fault starts at most so often.
const MOST_STARTS: u32 = 1_000_000;

/// The stretches of time for which a fault lasts: `for_` is drawn anew for each, `None` = for good.
///
/// Stretches of one fault don't overlap: a start that falls into the one before is left out. After
/// a million starts there are no more.
pub fn windows(timing: &Timing, for_: Option<&Dist>, end: Instant, stream: &mut Stream) -> Vec<(Instant, Instant)> {
    let mut windows: Vec<(Instant, Instant)> = Vec::new();
    let last = |from: Instant, stream: &mut Stream| match for_ {
        Some(length) => (from + length.sample_span(stream)).min(end),
        None => end,
    };
    match timing {
        Timing::Once { at } => {
            let from = Instant::ZERO + at.sample_span(stream);
            if from < end {
                windows.push((from, last(from, stream)));
            }
        }
        Timing::Every { every, from, until } => {
            let mut now = *from;
            for _ in 0..MOST_STARTS {
                now += every.sample_span(stream).max(Span(1));
                if now >= (*until).min(end) {
                    break;
                }
                let to = last(now, stream);
                if windows.last().is_none_or(|(_, before)| *before <= now) {
                    windows.push((now, to));
                }
            }
        }
        Timing::Random { mtbf, mttr, from, until } => {
            let (up, down) = (Dist::exponential(mtbf.0 as f64), Dist::exponential(mttr.0 as f64));
            let mut now = *from;
            for _ in 0..MOST_STARTS {
                now += up.sample_span(stream).max(Span(1));
                if now >= (*until).min(end) {
                    break;
                }
                let to = (now + down.sample_span(stream).max(Span(1))).min(end);
                windows.push((now, to));
                now = to;
            }
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn stream() -> Stream {
        Stream::named(Seed(1), "fault/test")
    }

    #[test]
    fn once_lasts_as_long_as_it_says() {
        let at = Timing::Once { at: Dist::constant(5e9) };
        let end = Instant(10_000_000_000);
        let length = Dist::constant(2e9);
        let w = windows(&at, Some(&length), end, &mut stream());
        assert_eq!(w, [(Instant(5_000_000_000), Instant(7_000_000_000))]);
        assert_eq!(windows(&at, None, end, &mut stream())[0].1, end);
    }

    #[test]
    fn random_failures_take_the_share_of_time_that_the_formula_says() {
        let timing =
            Timing::Random { mtbf: Span::secs(9), mttr: Span::secs(1), from: Instant::ZERO, until: Instant::NEVER };
        let end = Instant(1_000_000_000_000_000);
        let down: u64 = windows(&timing, None, end, &mut stream()).iter().map(|(a, b)| b.0 - a.0).sum();
        let share = down as f64 / end.0 as f64;
        // MTTR / (MTBF + MTTR) = 0.1; 100 000 cycles make a relative error of about 0.4 %.
        assert!((share - 0.1).abs() < 0.002, "{share}");
    }
}
