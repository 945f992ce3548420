//! A histogram of whole numbers with a bounded relative error: HdrHistogram's buckets (Gil Tene, 2012), counted by one
//! shift and one addition.
//!
//! Numbers below `2 · half` have a bucket each; above, every doubling has `half` of them. Counts grow with the largest
//! number seen, so that nanoseconds cost no more than the range they use.

/// How many numbers fell into each bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metric) struct LogLinear {
    half_bits: u32,
    counts: Vec<u32>,
}

impl LogLinear {
    /// Buckets no wider than one part in `10^digits` of their numbers; `digits` from 1 to 5.
    pub(in crate::metric) fn new(digits: u8) -> LogLinear {
        // The smallest power of two that tells 10^digits steps apart: 16, 128, 1024, 16384, 131072.
        let half_bits = [4, 4, 7, 10, 14, 17][usize::from(digits.min(5))];
        LogLinear { half_bits, counts: Vec::new() }
    }

    /// Counts one.
    #[inline]
    pub(in crate::metric) fn record(&mut self, value: u64) {
        let bucket = self.bucket_of(value);
        match self.counts.get_mut(bucket) {
            Some(count) => *count = count.saturating_add(1),
            None => self.grow(bucket),
        }
    }

    #[cold]
    fn grow(&mut self, bucket: usize) {
        // A whole doubling at a time, so that growing is rare.
        let half = 1 << self.half_bits;
        self.counts.resize((bucket / half + 1) * half, 0);
        self.counts[bucket] = 1;
    }

    #[inline]
    fn bucket_of(&self, value: u64) -> usize {
        let shift = (63 - (value | 1).leading_zeros()).saturating_sub(self.half_bits);
        ((shift as usize) << self.half_bits) + (value >> shift) as usize
    }

    /// The highest number of a bucket.
    fn highest_of(&self, bucket: usize) -> u64 {
        let shift = (bucket >> self.half_bits).saturating_sub(1) as u32;
        let step = (bucket - ((shift as usize) << self.half_bits)) as u64;
        (step << shift) + ((1 << shift) - 1)
    }

    /// Adds what another has counted, which has the same digits.
    pub(in crate::metric) fn merge(&mut self, other: &LogLinear) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// The buckets that aren't empty, ascending: the highest number of each, and its count.
    pub(in crate::metric) fn buckets(&self) -> impl Iterator<Item = (u64, u32)> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (self.highest_of(bucket), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The reference: the crate that everybody uses (which is off by one in the last bucket of all).
        #[test]
        fn buckets_are_those_of_hdrhistogram(
            values in prop::collection::vec(prop_oneof![0u64..5000, 0u64..10_000_000_000_000, 0u64..1 << 62], 1..100),
            digits in 1u8..=3,
        ) {
            let mut mine = LogLinear::new(digits);
            let mut twin = hdrhistogram::Histogram::<u32>::new(digits).unwrap();
            for value in values {
                mine.record(value);
                twin.record(value).unwrap();
            }
            let theirs: Vec<(u64, u32)> = twin
                .iter_recorded()
                .map(|step| (twin.highest_equivalent(step.value_iterated_to()), step.count_at_value()))
                .collect();
            prop_assert_eq!(mine.buckets().collect::<Vec<_>>(), theirs);
        }
    }

    #[test]
    fn the_largest_number_has_a_bucket() {
        for digits in 1..=5 {
            let mut histogram = LogLinear::new(digits);
            histogram.record(u64::MAX);
            histogram.record(0);
            assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(0, 1), (u64::MAX, 1)]);
        }
    }

    #[test]
    fn merging_is_counting_both() {
        let (mut a, mut b, mut both) = (LogLinear::new(3), LogLinear::new(3), LogLinear::new(3));
        for value in [1, 5000, 5001, 1 << 40] {
            a.record(value);
            both.record(value);
        }
        b.record(1 << 50);
        both.record(1 << 50);
        a.merge(&b);
        assert_eq!(a.buckets().collect::<Vec<_>>(), both.buckets().collect::<Vec<_>>());
    }
}
