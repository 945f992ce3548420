//! A quantile of the latencies a caller has seen of late.
//!
//! Log-linear counts (128 steps per doubling: under 1% error, always upwards), all halved every 2,000 latencies, so
//! that the last few thousand decide. Read anew every 100 latencies.

use crate::engine::Span;

const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;
const BUCKETS: usize = (64 - STEP_BITS as usize) * STEPS + STEPS;
/// None is told before so many have been seen (FORMAT, "hedge").
const FIRST: u64 = 100;
const REREAD_EVERY: u64 = 100;
const HALVE_EVERY: u64 = 2_000;

/// Counts of latencies, and the quantile asked for.
#[derive(Clone, Debug)]
pub struct Latencies {
    quantile: f64,
    counts: Vec<u32>,
    total: u64,
    seen: u64,
    highest: usize,
    told: Option<Span>,
}

impl Latencies {
    /// For this quantile, 0..1.
    pub fn new(quantile: f64) -> Latencies {
        Latencies { quantile, counts: vec![0; BUCKETS], total: 0, seen: 0, highest: 0, told: None }
    }

    /// One more was seen.
    pub fn record(&mut self, latency: Span) {
        let bucket = bucket_of(latency.0);
        self.counts[bucket] += 1;
        self.highest = self.highest.max(bucket);
        self.total += 1;
        self.seen += 1;
        if self.seen.is_multiple_of(HALVE_EVERY) {
            self.halve();
        }
        if self.seen.is_multiple_of(REREAD_EVERY) {
            self.told = Some(self.read());
        }
    }

    /// Half of each count; what is left over goes to the next one below, or the thin tail would be lost.
    fn halve(&mut self) {
        let mut left_over = 0;
        for count in self.counts[..=self.highest].iter_mut().rev() {
            let all = *count + left_over;
            (*count, left_over) = (all / 2, all % 2);
        }
        self.total = self.total.saturating_sub(u64::from(left_over)) / 2;
    }

    /// The quantile; `None` until 100 latencies have been seen.
    pub fn quantile(&self) -> Option<Span> {
        if self.seen < FIRST { None } else { self.told }
    }

    fn read(&self) -> Span {
        let mut above = (self.total as f64 * (1.0 - self.quantile)) as u64;
        for bucket in (0..=self.highest).rev() {
            let count = u64::from(self.counts[bucket]);
            if count > above {
                return Span(highest_of(bucket));
            }
            above -= count;
        }
        Span::ZERO
    }
}

fn bucket_of(nanos: u64) -> usize {
    if nanos < STEPS as u64 {
        return nanos as usize;
    }
    let shift = 63 - nanos.leading_zeros() - STEP_BITS;
    (shift as usize + 1) * STEPS + ((nanos >> shift) as usize - STEPS)
}

/// The highest value that falls into a bucket.
fn highest_of(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = (bucket / STEPS - 1) as u32;
    let lowest = ((bucket % STEPS + STEPS) as u64) << shift;
    lowest + ((1u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_tile_all_numbers_within_a_hundredth() {
        let values = (0..64).flat_map(|shift| [1u64 << shift, (1u64 << shift) + 1, (1u64 << shift) / 3 * 5]);
        for value in values.chain([0, u64::MAX]) {
            let high = highest_of(bucket_of(value));
            assert!(high >= value && (high - value) as f64 <= value as f64 / 100.0, "{value} -> {high}");
            assert!(high == u64::MAX || bucket_of(high + 1) == bucket_of(value) + 1);
        }
    }

    #[test]
    fn forgetting_leaves_the_tail_where_it_is() {
        // Every latency another: a thousandth of them between one step and the next.
        let mut latencies = Latencies::new(0.99);
        for i in 0..20_000_u64 {
            latencies.record(Span(1_000_000 + (i * 7919) % 10_000 * 1_000));
        }
        let told = latencies.quantile().expect("enough were seen").0;
        assert!((10_850_000..=11_000_000).contains(&told), "{told}");
    }

    #[test]
    fn tells_the_quantile_after_a_hundred_and_follows_a_shift() {
        let mut latencies = Latencies::new(0.95);
        for i in 1..=99 {
            latencies.record(Span::millis(i));
        }
        assert_eq!(latencies.quantile(), None);
        latencies.record(Span::millis(100));
        let told = latencies.quantile().unwrap().0;
        assert!((95_000_000..=96_000_000).contains(&told), "{told}");
        for _ in 0..20_000 {
            latencies.record(Span::secs(1));
        }
        let told = latencies.quantile().unwrap().0;
        assert!((1_000_000_000..1_010_000_000).contains(&told), "{told}");
    }
}
