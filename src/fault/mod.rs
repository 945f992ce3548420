//! What breaks: when, and for how long. Settled before the run, from streams of the faults' own.

use std::collections::BTreeSet;

use crate::engine::{Bits as _, Dist, Instant, Span, Stream};

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
            let mut wear = Wear::new(*mtbf, *mttr, *from, (*until).min(end));
            while let Some(now) = wear.next(stream) {
                windows.push((now, wear.repair(stream).min(end)));
            }
        }
    }
    windows
}

/// The failures of one instance, one after the other.
struct Wear {
    up: Dist,
    down: Dist,
    /// From here on it runs.
    now: Instant,
    until: Instant,
    left: u32,
}

impl Wear {
    fn new(mtbf: Span, mttr: Span, from: Instant, until: Instant) -> Wear {
        let (up, down) = (Dist::exponential(mtbf.0 as f64), Dist::exponential(mttr.0 as f64));
        Wear { up, down, now: from, until, left: MOST_STARTS }
    }

    /// When it fails next; it then goes on running until it is repaired, as if nothing had happened.
    fn next(&mut self, stream: &mut Stream) -> Option<Instant> {
        self.left = self.left.checked_sub(1)?;
        self.now += self.up.sample_span(stream).max(Span(1));
        (self.now < self.until).then_some(self.now)
    }

    /// When the failure is over.
    fn repair(&mut self, stream: &mut Stream) -> Instant {
        self.now += self.down.sample_span(stream).max(Span(1));
        self.now
    }
}

/// The failures of instances that break each on its own, by its own stream: which, from when, until when. Each happens
/// with a probability, and only while fewer than `most` are broken; what doesn't happen takes no time.
pub fn wear(
    (mtbf, mttr): (Span, Span),
    (from, until, end): (Instant, Instant, Instant),
    probability: f64,
    most: Option<usize>,
    streams: &mut [Stream],
) -> Vec<(usize, Instant, Instant)> {
    let mut all = Vec::new();
    let happens = |stream: &mut Stream| probability >= 1.0 || stream.chance(probability);
    let fresh = || Wear::new(mtbf, mttr, from, until.min(end));
    let Some(most) = most else {
        for (i, stream) in streams.iter_mut().enumerate() {
            let mut wear = fresh();
            while let Some(at) = wear.next(stream) {
                if happens(stream) {
                    all.push((i, at, wear.repair(stream).min(end)));
                }
            }
        }
        return all;
    };
    // In the order of time, since each depends on who is broken; at equal times in the order of instances.
    let mut wears: Vec<Wear> = streams.iter().map(|_| fresh()).collect();
    let mut next: BTreeSet<(Instant, usize)> = BTreeSet::new();
    for (i, stream) in streams.iter_mut().enumerate() {
        next.extend(wears[i].next(stream).map(|at| (at, i)));
    }
    let mut broken: Vec<Instant> = Vec::new();
    while let Some((at, i)) = next.pop_first() {
        broken.retain(|until| *until > at);
        if broken.len() < most && happens(&mut streams[i]) {
            let over = wears[i].repair(&mut streams[i]);
            broken.push(over);
            all.push((i, at, over.min(end)));
        }
        next.extend(wears[i].next(&mut streams[i]).map(|at| (at, i)));
    }
    all
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
    #[test]
    fn while_one_is_broken_the_others_run_on_and_fail_as_soon_as_they_would_otherwise() {
        let mut streams: Vec<Stream> = (0..10).map(|i| Stream::named(Seed(1), &format!("fault/test/{i}"))).collect();
        let end = Instant::ZERO + Span::secs(1_000_000);
        let times = (Span::secs(20), Span::secs(20));
        let found = wear(times, (Instant::ZERO, Instant::NEVER, end), 1.0, Some(1), &mut streams);
        assert!(found.windows(2).all(|pair| pair[0].2 <= pair[1].1), "one at a time");
        let down: u64 = found.iter().map(|(_, from, to)| to.since(*from).0).sum();
        let share = down as f64 / end.0 as f64;
        // All up for 20 s / 10, then one down for 20 s: 20 / 22. About 45 000 cycles.
        assert!((share - 20.0 / 22.0).abs() < 0.002, "{share}");
    }
}
