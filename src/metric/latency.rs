//! How long things took: exact sum, spread and extremes, and a histogram for percentiles.

use super::log_linear::LogLinear;
use crate::engine::Span;

/// Latencies of one class in one epoch, as they are recorded.
#[derive(Clone, Debug)]
pub(in crate::metric) struct Recorder {
    count: u64,
    sum_ns: u128,
    // Exact up to 10^9 latencies of 10 days each; a u64 product never overflows by itself.
    sum_of_squares_ns2: u128,
    min_ns: u64,
    max_ns: u64,
    histogram: LogLinear,
}

impl Recorder {
    /// `digits`: significant decimal digits of percentiles, 1 to 5.
    pub(in crate::metric) fn new(digits: u8) -> Recorder {
        let histogram = LogLinear::new(digits);
        Recorder { count: 0, sum_ns: 0, sum_of_squares_ns2: 0, min_ns: u64::MAX, max_ns: 0, histogram }
    }

    /// Records these, in nanoseconds, and returns their sum. Many at once: the cells of the histogram lie far apart, and one increment waits
    /// for memory where several wait together.
    pub(in crate::metric) fn record(&mut self, latencies: impl Iterator<Item = u64>) -> u128 {
        let (mut count, mut sum, mut squares) = (0, 0, 0_u128);
        let (mut min, mut max) = (self.min_ns, self.max_ns);
        for ns in latencies {
            count += 1;
            sum += u128::from(ns);
            squares = squares.wrapping_add(u128::from(ns) * u128::from(ns));
            min = min.min(ns);
            max = max.max(ns);
            self.histogram.record(ns);
        }
        self.count += count;
        self.sum_ns += sum;
        self.sum_of_squares_ns2 = self.sum_of_squares_ns2.wrapping_add(squares);
        (self.min_ns, self.max_ns) = (min, max);
        sum
    }

    pub(in crate::metric) fn count(&self) -> u64 {
        self.count
    }

    pub(in crate::metric) fn merge(&mut self, other: &Recorder) {
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.sum_of_squares_ns2 = self.sum_of_squares_ns2.wrapping_add(other.sum_of_squares_ns2);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.histogram.merge(&other.histogram);
    }
}

/// A merged distribution of latencies: of some classes, in some epochs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    count: u64,
    sum_ns: u128,
    sum_of_squares_ns2: u128,
    min_ns: u64,
    max_ns: u64,
    // (highest latency of the bucket in ns, how many took at most that long); ascending in both.
    cumulative: Vec<(u64, u64)>,
}

impl Latencies {
    pub(in crate::metric) fn of<'a>(recorders: impl Iterator<Item = &'a Recorder>) -> Latencies {
        let mut merged: Option<Recorder> = None;
        for recorder in recorders {
            match &mut merged {
                Some(merged) => merged.merge(recorder),
                None => merged = Some(recorder.clone()),
            }
        }
        merged.map_or_else(Latencies::default, Latencies::from)
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in nanoseconds, exact.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// Their mean in nanoseconds; exact but for the final division.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ns as f64 / self.count as f64)
    }

    /// Their standard deviation in nanoseconds (n − 1 in the denominator). The sum of squared differences is taken in
    /// integers, so a large mean costs no digits.
    pub fn standard_deviation_ns(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let n = u128::from(self.count);
        let (whole, rest) = (self.sum_ns / n, self.sum_ns % n);
        // Σ(x − q)² = Σx² − 2qΣx + nq², for q = ⌊mean⌋; the terms may wrap, the result fits.
        let around_whole = self
            .sum_of_squares_ns2
            .wrapping_sub(whole.wrapping_mul(2).wrapping_mul(self.sum_ns))
            .wrapping_add(whole.wrapping_mul(whole).wrapping_mul(n));
        let squares = around_whole as f64 - (rest as f64) * (rest as f64 / n as f64);
        Some((squares.max(0.0) / (self.count - 1) as f64).sqrt())
    }

    /// The shortest, exact.
    pub fn min(&self) -> Option<Span> {
        (self.count > 0).then_some(Span(self.min_ns))
    }

    /// The longest, exact.
    pub fn max(&self) -> Option<Span> {
        (self.count > 0).then_some(Span(self.max_ns))
    }

    /// The smallest latency within which at least `percent` of them ended (nearest rank), to the histogram's digits,
    /// rounded up. `percentile(99.9)`; up to six decimals count.
    pub fn percentile(&self, percent: f64) -> Option<Span> {
        (self.count > 0).then(|| self.at_rank(self.rank(percent)))
    }

    /// The standard error of [`Latencies::percentile`] from the ranks around it, as if latencies were independent;
    /// scale it by the square root of [`super::Tally::variance_inflation`] where they queue for one another.
    ///
    /// A quarter of the distance between the ranks two standard deviations √(n p (1 − p)) below and above: the interval
    /// that covers the percentile with 95 % (David & Nagaraja, Order Statistics, 3rd ed., §7.1), over the width that it has
    /// in standard errors (Woodruff, JASA 47, 1952). Ranks one standard deviation off tell less, as fewer latencies lie
    /// between them: of exponential samples with ten beyond the percentile, it is four such errors off in 1.6 % of them,
    /// and four of these in 0.4 %.
    pub fn percentile_standard_error_ns(&self, percent: f64) -> Option<f64> {
        let p = percent / 100.0;
        let spread = (self.count as f64 * p * (1.0 - p)).max(0.0).sqrt();
        // With fewer than about ten beyond it, a percentile is an extreme, and its neighbours say nothing about it.
        if self.count as f64 * (1.0 - p).min(p) < 10.0 {
            return None;
        }
        let rank = self.rank(percent) as f64;
        let at = |rank: f64| self.at_rank((rank.max(1.0) as u64).min(self.count)).0 as f64;
        Some((at(rank + 2.0 * spread) - at(rank - 2.0 * spread)) / 4.0)
    }

    /// How many took at most this long, to the histogram's digits.
    pub fn count_within(&self, latency: Span) -> u64 {
        let until = self.cumulative.partition_point(|(highest_ns, _)| *highest_ns <= latency.0);
        if latency.0 >= self.max_ns {
            self.count
        } else {
            until.checked_sub(1).map_or(0, |last| self.cumulative[last].1)
        }
    }

    /// The distribution function: (latency in ns, how many took at most that long), ascending, one pair per bucket
    /// that isn't empty.
    pub fn cumulative(&self) -> &[(u64, u64)] {
        &self.cumulative
    }

    fn rank(&self, percent: f64) -> u64 {
        // In integers: 99.9 / 100 × 1000 is a hair above 999 in floating point, and its ceiling is wrong.
        let millionths = (percent * 1e6).round().clamp(0.0, 1e8) as u128;
        (u128::from(self.count) * millionths).div_ceil(100_000_000).max(1) as u64
    }

    fn at_rank(&self, rank: u64) -> Span {
        // The extremes are known exactly.
        if rank <= 1 {
            return Span(self.min_ns);
        }
        if rank >= self.count {
            return Span(self.max_ns);
        }
        let bucket = self.cumulative.partition_point(|(_, until)| *until < rank);
        let highest_ns = self.cumulative.get(bucket).map_or(self.max_ns, |(highest_ns, _)| *highest_ns);
        Span(highest_ns.clamp(self.min_ns, self.max_ns))
    }
}

impl From<Recorder> for Latencies {
    fn from(recorder: Recorder) -> Latencies {
        let mut until = 0;
        let mut cumulative = Vec::new();
        for (highest_ns, count) in recorder.histogram.buckets() {
            until += u64::from(count);
            cumulative.push((highest_ns, until));
        }
        Latencies {
            count: recorder.count,
            sum_ns: recorder.sum_ns,
            sum_of_squares_ns2: recorder.sum_of_squares_ns2,
            min_ns: recorder.min_ns,
            max_ns: recorder.max_ns,
            cumulative,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dist, Draws, Seed};
    use proptest::prelude::*;

    fn latencies(values: &[u64]) -> Latencies {
        let mut recorder = Recorder::new(3);
        recorder.record(values.iter().copied());
        Latencies::of([recorder].iter())
    }

    #[test]
    fn small_numbers_are_exact() {
        let latencies = latencies(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!(latencies.count(), 8);
        assert_eq!(latencies.mean_ns(), Some(5.0));
        assert_eq!(latencies.standard_deviation_ns(), Some((32.0f64 / 7.0).sqrt()));
        assert_eq!((latencies.min(), latencies.max()), (Some(Span(2)), Some(Span(9))));
        assert_eq!(
            [0.0, 12.5, 13.0, 50.0, 62.5, 75.0, 99.0, 100.0].map(|p| latencies.percentile(p).unwrap().0),
            [2, 2, 4, 4, 5, 5, 9, 9]
        );
        assert_eq!([1, 2, 4, 8, 9, 10].map(|ns| latencies.count_within(Span(ns))), [0, 1, 4, 7, 8, 8]);
    }

    #[test]
    fn no_latencies_have_no_mean_and_no_percentile() {
        let none = Latencies::of(std::iter::empty());
        assert_eq!(none.count(), 0);
        assert_eq!((none.mean_ns(), none.standard_deviation_ns(), none.percentile(50.0)), (None, None, None));
        assert_eq!((none.min(), none.max(), none.count_within(Span(5))), (None, None, 0));
    }

    #[test]
    fn the_spread_of_long_latencies_keeps_its_digits() {
        // Three nanoseconds apart at ten days: in floating point, Σx² − nx̄² has lost them all.
        let day = 86_400_000_000_000;
        let latencies = latencies(&[10 * day - 3, 10 * day, 10 * day + 3]);
        assert_eq!(latencies.standard_deviation_ns(), Some(3.0));
    }

    #[test]
    fn percentile_ranks_are_taken_in_integers() {
        let values: Vec<u64> = (1..=1000).collect();
        let latencies = latencies(&values);
        assert_eq!([50.0, 99.0, 99.9, 99.99].map(|p| latencies.percentile(p).unwrap().0), [500, 990, 999, 1000]);
        // √(1000 × 0.5 × 0.5) = 15.8 ranks, each one nanosecond apart.
        let error = latencies.percentile_standard_error_ns(50.0).unwrap();
        assert!((15.0..=16.0).contains(&error), "{error}");
        assert_eq!(latencies.percentile_standard_error_ns(99.9), None, "only one lies beyond it");
    }

    #[test]
    fn percentiles_are_off_by_one_standard_error_on_average() {
        const SAMPLES: u32 = 200;
        let law = Dist::exponential(1e9);
        for (count, percent) in [(1000, 50.0), (2000, 90.0), (10_000, 99.0), (20_000, 99.9)] {
            let right_ns = -1e9 * libm::log(1.0 - percent / 100.0);
            let mut squares = 0.0;
            for seed in 0..SAMPLES {
                let draws = Draws::named(Seed(u64::from(seed)), "sample");
                let mut recorder = Recorder::new(5);
                recorder.record((0..count).map(|n| law.sample_span(&mut draws.at(0, n)).0));
                let latencies = Latencies::from(recorder);
                let error_ns = latencies.percentile_standard_error_ns(percent).unwrap();
                let z = (latencies.percentile(percent).unwrap().0 as f64 - right_ns) / error_ns;
                squares += z * z;
            }
            let deviation = (squares / f64::from(SAMPLES)).sqrt();
            // Four standard errors of a deviation that is 1, and what follows from the errors being estimates: from 4s
            // spacings with s = √(n p (1 − p)), so E z² = 1 + 3 / 4s.
            let ranks = (count as f64 * percent / 100.0 * (1.0 - percent / 100.0)).sqrt();
            let tolerance = 4.0 / f64::from(2 * SAMPLES).sqrt() + 1.5 / (4.0 * ranks);
            assert!((deviation - 1.0).abs() < tolerance, "p{percent} of {count}: {deviation} ± {tolerance}");
        }
    }

    #[test]
    fn the_longest_latency_there_is_can_be_recorded() {
        let latencies = latencies(&[0, u64::MAX, u64::MAX - 1]);
        assert_eq!(latencies.percentile(100.0), Some(Span(u64::MAX)));
        assert_eq!(latencies.percentile(1.0), Some(Span(0)));
        assert_eq!(latencies.count(), 3);
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(
            mut values in prop::collection::vec(prop_oneof![0u64..5000, 0u64..10_000_000_000_000], 1..200),
            other in prop::collection::vec(0u64..1_000_000_000, 0..50),
            percent in 0u32..=1000,
        ) {
            let mut first = Recorder::new(3);
            let mut second = Recorder::new(3);
            first.record(values.iter().copied());
            second.record(other.iter().copied());
            let merged = Latencies::of([first, second].iter());
            values.extend(other);
            values.sort_unstable();
            prop_assert_eq!(merged.count(), values.len() as u64);
            prop_assert_eq!(merged.sum_ns(), values.iter().map(|value| u128::from(*value)).sum::<u128>());
            prop_assert_eq!(merged.min(), Some(Span(values[0])));
            prop_assert_eq!(merged.max(), Some(Span(*values.last().unwrap())));
            let rank = (values.len() as u64 * u64::from(percent)).div_ceil(1000).max(1) as usize;
            let exact = values[rank - 1];
            let told = merged.percentile(f64::from(percent) / 10.0).unwrap().0;
            prop_assert!(exact <= told && told as f64 <= exact as f64 * 1.001 + 1.0, "{} is told as {}", exact, told);
            if values.len() > 1 {
                let n = values.len() as f64;
                let mean = values.iter().map(|v| *v as f64).sum::<f64>() / n;
                let sd = (values.iter().map(|v| (*v as f64 - mean) * (*v as f64 - mean)).sum::<f64>() / (n - 1.0)).sqrt();
                prop_assert!((merged.standard_deviation_ns().unwrap() - sd).abs() <= 1e-9 * sd + 1e-3);
            }
        }
    }
}
