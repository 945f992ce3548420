//! How often open clients come: a rate over time, and the arrivals that it makes.
//!
//! Arrivals are those of a Poisson process of rate 1 seen through the integral of the rate (time rescaling; Cox and Lewis
//! 1966), so a change of rate moves arrivals and draws none anew.

use crate::engine::dist::exponential;
use crate::engine::{Bits, Instant, Span, Stream};

/// A rate per second that is linear between knots and constant after the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// `(from, rate at that moment, rate just before the next knot)`, by time, the first at 0.
    segments: Vec<(Instant, f64, f64)>,
}

/// A rate has at most so many straight pieces.
const MOST_PIECES: usize = 1_000_000;

impl Rate {
    /// Always the same.
    pub fn constant(per_second: f64) -> Rate {
        Rate { segments: vec![(Instant::ZERO, per_second, per_second)] }
    }
    /// Linear from one rate to another, then constant.
    pub fn ramp(from: f64, to: f64, over: Span) -> Rate {
        Rate { segments: vec![(Instant::ZERO, from, to), (Instant::ZERO + over, to, to)] }
    }
    /// Each rate from its moment on; the first moment is 0.
    pub fn steps(steps: &[(Span, f64)]) -> Rate {
        Rate { segments: steps.iter().map(|(at, rate)| (Instant::ZERO + *at, *rate, *rate)).collect() }
    }
    /// A sine around the mean with this peak and period, laid out until `end` in 96 chords a period (off by less than
    /// 0.06 % of the amplitude).
    pub fn diurnal(mean: f64, peak: f64, period: Span, end: Instant) -> Rate {
        let chord = Span((period.0 / 96).max(1));
        let at = |moment: u64| {
            let phase = (moment % period.0.max(1)) as f64 / period.0.max(1) as f64;
            // It begins in the trough, as days do at night.
            mean - (peak - mean) * libm::cos(2.0 * std::f64::consts::PI * phase)
        };
        let mut segments = Vec::new();
        let mut from = 0;
        while from < end.0 && segments.len() <= MOST_PIECES {
            segments.push((Instant(from), at(from), at(from + chord.0)));
            from += chord.0;
        }
        Rate { segments }
    }
    /// Two rates in turn for drawn times (a Markov-modulated Poisson process if those are exponential), until `end`.
    pub fn bursts(
        low: (f64, &crate::engine::Dist),
        high: (f64, &crate::engine::Dist),
        end: Instant,
        bits: &mut impl Bits,
    ) -> Rate {
        let mut segments = Vec::new();
        let mut from = Instant::ZERO;
        let mut turn = [low, high].into_iter().cycle();
        while from < end && segments.len() <= MOST_PIECES {
            let (rate, length) = turn.next().expect("two rates in turn never end");
            segments.push((from, rate, rate));
            from += length.sample_span(bits).max(Span(1));
        }
        Rate { segments }
    }

    /// The rate, if it is always the same.
    pub fn steady(&self) -> Option<f64> {
        match self.segments.as_slice() {
            [(_, a, b)] if a == b => Some(*a),
            _ => None,
        }
    }

    /// Whether it changes more often than can be told apart: then it was cut short.
    pub fn is_cut_short(&self) -> bool {
        self.segments.len() > MOST_PIECES
    }

    /// The rate at a moment, per second.
    pub fn at(&self, now: Instant) -> f64 {
        let i = self.segments.partition_point(|(from, ..)| *from <= now) - 1;
        let (from, a, b) = self.segments[i];
        let Some((next, ..)) = self.segments.get(i + 1) else { return b };
        a + (b - a) * now.since(from).0 as f64 / next.since(from).0.max(1) as f64
    }

    /// Mean over a window, per second.
    pub fn mean(&self, from: Instant, to: Instant) -> f64 {
        let steps = 1000;
        let width = to.since(from).0 as f64 / f64::from(steps);
        let sum: f64 = (0..steps).map(|i| self.at(Instant(from.0 + ((f64::from(i) + 0.5) * width) as u64))).sum();
        sum / f64::from(steps)
    }

    /// Expected arrivals between two moments.
    fn between(&self, from: Instant, to: Instant) -> f64 {
        let mut sum = 0.0;
        let mut now = from;
        let mut i = self.segments.partition_point(|(start, ..)| *start <= now) - 1;
        while now < to {
            let next = self.segments.get(i + 1).map_or(to, |(start, ..)| *start).min(to);
            let end = if next < to { self.segments[i].2 } else { self.at(Instant(next.0.saturating_sub(1))) };
            sum += (self.at(now) + end) / 2.0 * next.since(now).as_secs_f64();
            now = next;
            i += 1;
        }
        sum
    }

    /// The moment at which the integral from `now` on, times `scale`, reaches `amount`; [`Instant::NEVER`] if never.
    #[inline]
    fn reach(&self, now: Instant, amount: f64, scale: f64) -> Instant {
        if let [(_, _, always)] = self.segments.as_slice() {
            return after(now, amount, always * scale);
        }
        self.reach_over(now, amount, scale)
    }

    /// The same of a rate that changes.
    #[inline(never)]
    fn reach_over(&self, now: Instant, amount: f64, scale: f64) -> Instant {
        let mut left = amount;
        let mut now = now;
        let mut i = self.segments.partition_point(|(from, ..)| *from <= now) - 1;
        loop {
            let here = self.at(now) * scale;
            let Some((next, ..)) = self.segments.get(i + 1) else {
                return after(now, left, here);
            };
            let end = self.segments[i].2 * scale;
            let seconds = next.since(now).as_secs_f64();
            let area = (here + end) / 2.0 * seconds;
            if area > left {
                // Solve here·t + (end − here)/(2·seconds)·t² = left, in the form that loses no digits.
                let slope = (end - here) / seconds;
                let root = (here * here + 2.0 * slope * left).max(0.0).sqrt();
                let t = 2.0 * left / (here + root);
                return now + Span::from_nanos_f64(t * 1e9);
            }
            left -= area;
            now = *next;
            i += 1;
        }
    }
}

/// When so much has come at this rate; [`Instant::NEVER`] if nothing comes.
fn after(now: Instant, amount: f64, rate: f64) -> Instant {
    if rate > 0.0 { now + Span::from_nanos_f64(amount / rate * 1e9) } else { Instant::NEVER }
}

/// Whether gaps vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Independent arrivals.
    Poisson,
    /// One after each unit of the integral, the first at the start.
    Constant,
    /// One at each moment at which the rate changes, as recorded. A population that comes `scale` times as often goes
    /// through the rest of the record so much faster.
    Replay,
}

/// The arrivals of one population.
#[derive(Clone, Debug)]
pub struct Arrivals {
    rate: Rate,
    process: Process,
    stream: Stream,
    /// What is left of the present gap, in expected arrivals.
    left: f64,
    /// Of a Poisson process, the gap after it: drawn one ahead, so that nothing waits for its logarithm.
    next: f64,
    from: Instant,
    scale: f64,
    /// Of a record: how many have come, and which of its moments `from` is.
    come: usize,
    recorded: Instant,
}

impl Arrivals {
    /// Arrivals under a rate, from a stream of their own.
    pub fn new(rate: Rate, process: Process, stream: Stream) -> Arrivals {
        let (from, recorded) = (Instant::ZERO, Instant::ZERO);
        let (left, next) = (0.0, 0.0);
        let mut arrivals = Arrivals { rate, process, stream, left, next, from, scale: 1.0, come: 0, recorded };
        if process == Process::Poisson {
            arrivals.left = exponential(&mut arrivals.stream);
            arrivals.next = exponential(&mut arrivals.stream);
        }
        arrivals
    }

    /// When the next one comes.
    pub fn next_at(&self) -> Instant {
        if self.process == Process::Replay {
            let moment = self.rate.segments.get(self.come + 1).filter(|_| self.scale > 0.0);
            return moment.map_or(Instant::NEVER, |(at, ..)| {
                let wait = at.since(self.recorded.min(*at));
                let exact = self.scale == 1.0;
                self.from + if exact { wait } else { Span::from_nanos_f64(wait.0 as f64 / self.scale) }
            });
        }
        self.rate.reach(self.from, self.left, self.scale)
    }

    /// It came, at `now`: on to the next.
    pub fn advance(&mut self, now: Instant) {
        self.left = match self.process {
            Process::Replay => {
                self.come += 1;
                return;
            }
            Process::Poisson => std::mem::replace(&mut self.next, exponential(&mut self.stream)),
            // What was rounded to a nanosecond comes off the next gap: 148/s are 148 in every second, for ever.
            Process::Constant => 1.0 + self.left - self.rate.between(self.from, now) * self.scale,
        };
        self.from = now;
    }

    /// From now on they come `scale` times as often; the present gap keeps what is left of it.
    pub fn set_scale(&mut self, now: Instant, scale: f64) {
        if self.process == Process::Replay {
            self.recorded += Span::from_nanos_f64(now.since(self.from).0 as f64 * self.scale);
            (self.from, self.scale) = (now, scale);
            return;
        }
        let mut passed = 0.0;
        let due = self.next_at();
        if due != Instant::NEVER && due > now {
            // What of the gap has passed: the integral so far. Found from the other side, which is monotone.
            let (mut low, mut high) = (0.0_f64, self.left);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                if self.rate.reach(self.from, middle, self.scale) <= now { low = middle } else { high = middle }
            }
            passed = low;
        }
        self.left -= passed;
        self.from = now;
        self.scale = scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn count(rate: Rate, process: Process, until: u64) -> f64 {
        let mut arrivals = Arrivals::new(rate, process, Stream::named(Seed(5), "arrivals"));
        let mut n = 0.0;
        loop {
            let at = arrivals.next_at();
            if at >= Instant(until * 1_000_000_000) {
                return n;
            }
            n += 1.0;
            arrivals.advance(at);
        }
    }

    #[test]
    fn as_many_come_as_the_rate_says() {
        let end = Instant(100_000_000_000);
        for (rate, expected) in [
            (Rate::constant(200.0), 20_000.0),
            (Rate::ramp(0.0, 400.0, Span::secs(100)), 20_000.0),
            (Rate::steps(&[(Span::ZERO, 100.0), (Span::secs(50), 300.0)]), 20_000.0),
            (Rate::diurnal(200.0, 400.0, Span::secs(50), end), 20_000.0),
        ] {
            let n = count(rate.clone(), Process::Poisson, 100);
            assert!((n - expected).abs() < 4.0 * expected.sqrt(), "{rate:?}: {n}");
            assert!((rate.mean(Instant::ZERO, end) - 200.0).abs() < 1.0);
        }
        assert_eq!(count(Rate::constant(200.0), Process::Constant, 100), 20_000.0);
    }

    #[test]
    fn a_record_is_played_as_it_is_and_faster_from_where_it_is() {
        let second = Span::secs(1).0;
        let moments = [1, 2, 4, 7, 9].map(|s| s * second);
        let mut steps: Vec<(Span, f64)> = vec![(Span::ZERO, 1.0)];
        steps.extend(moments.iter().map(|at| (Span(*at), 1.0)));
        let mut arrivals = Arrivals::new(Rate::steps(&steps), Process::Replay, Stream::named(Seed(1), "u"));
        let mut come = Vec::new();
        while come.len() < 2 {
            come.push(arrivals.next_at());
            arrivals.advance(arrivals.next_at());
        }
        assert_eq!(come, [Instant(second), Instant(2 * second)]);
        arrivals.set_scale(Instant(3 * second), 2.0);
        let mut rest = Vec::new();
        while arrivals.next_at() != Instant::NEVER {
            rest.push(arrivals.next_at().0 as f64 / second as f64);
            arrivals.advance(arrivals.next_at());
        }
        assert_eq!(rest, [3.5, 5.0, 6.0]);
    }

    #[test]
    fn constant_gaps_add_up_to_the_rate() {
        for rate in [Rate::constant(148.0), Rate::ramp(100.0, 196.0, Span::secs(100))] {
            let mut arrivals = Arrivals::new(rate, Process::Constant, Stream::named(Seed(5), "arrivals"));
            for _ in 0..14_800 {
                let at = arrivals.next_at();
                arrivals.advance(at);
            }
            assert!(arrivals.next_at().0.abs_diff(100_000_000_000) <= 1, "{:?}", arrivals.next_at());
        }
    }

    #[test]
    fn a_spike_moves_arrivals_and_draws_none_anew() {
        let mut plain = Arrivals::new(Rate::constant(10.0), Process::Poisson, Stream::named(Seed(5), "arrivals"));
        let mut spike = plain.clone();
        let due = plain.next_at();
        let middle = Instant(due.0 / 2);
        spike.set_scale(middle, 2.0);
        let expected = middle.0 + (due.0 - middle.0) / 2;
        assert!(spike.next_at().0.abs_diff(expected) <= 2, "{:?} for {expected}", spike.next_at());
        plain.advance(due);
        let gap = plain.next_at().since(due);
        let at = spike.next_at();
        spike.advance(at);
        assert!(spike.next_at().since(at).0.abs_diff(gap.0 / 2) <= 2);
    }
}
