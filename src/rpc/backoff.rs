//! How long to pause before a retry.
//!
//! Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015. Names and formulas are the article's.

use crate::engine::{Bits, Span};

use super::policy::Backoff;

impl Backoff {
    /// The pause before retry `n` = 1, 2, …; `previous` is the pause before that (zero before the first).
    pub fn pause(self, n: u32, previous: Span, bits: &mut impl Bits) -> Span {
        match self {
            Backoff::None => Span::ZERO,
            Backoff::Constant(pause) => pause,
            Backoff::Exponential { base, cap } => exponential(base, cap, n),
            Backoff::FullJitter { base, cap } => uniform(Span::ZERO, exponential(base, cap, n), bits),
            Backoff::EqualJitter { base, cap } => {
                let half = exponential(base, cap, n) / 2;
                half + uniform(Span::ZERO, half, bits)
            }
            Backoff::DecorrelatedJitter { base, cap } => {
                let previous = if previous.is_zero() { base } else { previous };
                uniform(base, previous * 3, bits).min(cap)
            }
        }
    }
}

/// `min(cap, base 2^(n-1))`.
fn exponential(base: Span, cap: Span, n: u32) -> Span {
    let doubled = 1u64.checked_shl(n.saturating_sub(1)).unwrap_or(u64::MAX);
    (base * doubled).min(cap)
}

/// Uniform in `low..=high`, to the nanosecond.
fn uniform(low: Span, high: Span, bits: &mut impl Bits) -> Span {
    let width = high - low;
    low + Span::from_nanos_f64(width.0 as f64 * bits.unit()).min(width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Draws, Seed};

    fn mean_ms(backoff: Backoff, n: u32, previous: Span) -> (f64, Span, Span) {
        let draws = Draws::named(Seed(7), "test/backoff");
        let pauses: Vec<Span> =
            (0..20_000).map(|entity| backoff.pause(n, previous, &mut draws.at(entity, u64::from(n)))).collect();
        let sum: f64 = pauses.iter().map(|pause| pause.0 as f64).sum();
        (sum / 20_000.0 / 1e6, *pauses.iter().min().unwrap(), *pauses.iter().max().unwrap())
    }

    #[test]
    fn exponential_doubles_up_to_the_cap_however_often() {
        let backoff = Backoff::Exponential { base: Span::millis(50), cap: Span::millis(300) };
        let mut bits = Draws::named(Seed(1), "x").at(0, 0);
        let pauses = [1, 2, 3, 4, 64, 65, u32::MAX].map(|n| backoff.pause(n, Span::ZERO, &mut bits));
        assert_eq!(pauses, [50, 100, 200, 300, 300, 300, 300].map(Span::millis));
    }

    #[test]
    fn jitters_have_the_range_and_mean_of_the_article() {
        let (base, cap) = (Span::millis(100), Span::secs(20));
        // Uniform over a width w: mean ± 4 w / sqrt(12 · 20,000).
        let close = |mean: f64, expected: f64, width: f64| {
            assert!((mean - expected).abs() < 4.0 * width / 489.9, "{mean} is not {expected}");
        };
        let (mean, low, high) = mean_ms(Backoff::FullJitter { base, cap }, 3, Span::ZERO);
        close(mean, 200.0, 400.0);
        assert!(low < Span::millis(1) && high > Span::millis(399) && high <= Span::millis(400));
        let (mean, low, high) = mean_ms(Backoff::EqualJitter { base, cap }, 3, Span::ZERO);
        close(mean, 300.0, 200.0);
        assert!(low >= Span::millis(200) && high <= Span::millis(400));
        let (mean, low, high) = mean_ms(Backoff::DecorrelatedJitter { base, cap }, 3, Span::millis(200));
        close(mean, 350.0, 500.0);
        assert!(low >= base && high <= Span::millis(600));
        let (_, low, high) = mean_ms(Backoff::DecorrelatedJitter { base, cap }, 9, Span::secs(20));
        assert!(low >= base && high == cap);
    }
}
