//! A histogram of whole numbers with a bounded relative error: HdrHistogram's buckets (Gil Tene, 2012), counted by one
//! shift and one addition.
//!
//! Numbers below `2 · half` have a bucket each; above, every doubling has `half` of them. Counts grow with the largest
//! number seen, so that nanoseconds cost no more than the range they use. What is added to lies in single bytes, which a
//! processor's cache holds where it wouldn't hold whole counts; what a byte can't hold is carried.

/// How many numbers fell into each bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metric) struct LogLinear {
    half_bits: u32,
    /// The last eight bits of each count.
    low: Vec<u8>,
    /// The others, in their place: multiples of 256. Empty until there is one, then as long as `low`.
    high: Vec<u32>,
}

impl LogLinear {
    /// Buckets no wider than one part in `10^digits` of their numbers; `digits` from 1 to 5.
    pub(in crate::metric) fn new(digits: u8) -> LogLinear {
        // The smallest power of two that tells 10^digits steps apart: 16, 128, 1024, 16384, 131072.
        let half_bits = [4, 4, 7, 10, 14, 17][usize::from(digits.min(5))];
        LogLinear { half_bits, low: Vec::new(), high: Vec::new() }
    }

    /// Counts one.
    #[inline]
    pub(in crate::metric) fn record(&mut self, value: u64) {
        let bucket = self.bucket_of(value);
        match self.low.get_mut(bucket) {
            Some(low) if *low < u8::MAX => *low += 1,
            Some(_) => self.carry(bucket),
            None => self.grow(bucket),
        }
    }

    #[cold]
    fn carry(&mut self, bucket: usize) {
        self.add(bucket, 1);
    }

    #[cold]
    fn grow(&mut self, bucket: usize) {
        // A whole doubling at a time, so that growing is rare.
        let half = 1 << self.half_bits;
        self.lengthen((bucket / half + 1) * half);
        self.low[bucket] = 1;
    }

    fn lengthen(&mut self, buckets: usize) {
        self.low.resize(buckets, 0);
        if !self.high.is_empty() {
            self.high.resize(buckets, 0);
        }
    }

    fn count(&self, bucket: usize) -> u32 {
        self.high.get(bucket).map_or(0, |high| *high) | u32::from(self.low[bucket])
    }

    /// So many more in a bucket that is there. Counts end at the largest number of 32 bits.
    fn add(&mut self, bucket: usize, more: u32) {
        let count = self.count(bucket).saturating_add(more);
        self.low[bucket] = count as u8;
        if count > u32::from(u8::MAX) {
            self.high.resize(self.low.len(), 0);
            self.high[bucket] = count & !u32::from(u8::MAX);
        }
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
        if self.low.len() < other.low.len() {
            self.lengthen(other.low.len());
        }
        for bucket in 0..other.low.len() {
            self.add(bucket, other.count(bucket));
        }
    }

    /// The buckets that aren't empty, ascending: the highest number of each, and its count.
    pub(in crate::metric) fn buckets(&self) -> impl Iterator<Item = (u64, u32)> {
        let counts = (0..self.low.len()).map(|bucket| (bucket, self.count(bucket)));
        counts.filter(|(_, count)| *count > 0).map(|(bucket, count)| (self.highest_of(bucket), count))
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
    fn counts_go_on_beyond_a_byte_and_end_at_the_largest_number() {
        let mut histogram = LogLinear::new(3);
        for n in 1..=1000 {
            histogram.record(7);
            assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(7, n)]);
        }
        // Growing keeps what was carried.
        histogram.record(1 << 40);
        let other = histogram.clone();
        histogram.merge(&other);
        assert_eq!(histogram.buckets().map(|(_, count)| count).collect::<Vec<_>>(), [2000, 2]);
        histogram.add(7, u32::MAX - 2002);
        for count in [u32::MAX - 2, u32::MAX - 1, u32::MAX, u32::MAX, u32::MAX] {
            assert_eq!(histogram.count(7), count);
            histogram.record(7);
        }
        histogram.merge(&other);
        assert_eq!(histogram.count(7), u32::MAX);
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
