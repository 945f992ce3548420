//! A coarse map of latency over time: eight rows a decade, one column a bin.

use std::sync::OnceLock;

/// Rows of the map: eight a decade from 100 ns to 1000 s, the outer two open.
pub const HEAT_ROWS: usize = 80;

const LOWEST_NS: f64 = 100.0;
const ROWS_PER_DECADE: f64 = 8.0;

/// The latencies of a row in nanoseconds: from, and the first one above. The outer rows also take what lies beyond.
pub fn heat_row_bounds(row: usize) -> (u64, u64) {
    let edges = edges();
    (edges[row], edges[row + 1])
}

/// The row of a latency.
pub(in crate::metric) fn row_of(latency_ns: u64) -> usize {
    // An eighth of an octave holds one edge at most: rows are wider than that.
    let eighth = eighth_of(latency_ns.max(8));
    let row = usize::from(first_rows()[eighth]);
    row + usize::from(row + 1 < HEAT_ROWS && edges()[row + 1] <= latency_ns)
}

/// Which eighth of which octave; numbers are at least 8.
fn eighth_of(latency_ns: u64) -> usize {
    let octave = latency_ns.ilog2();
    (octave << 3) as usize + (latency_ns >> (octave - 3) & 7) as usize
}

fn edges() -> &'static [u64; HEAT_ROWS + 1] {
    static EDGES: OnceLock<[u64; HEAT_ROWS + 1]> = OnceLock::new();
    EDGES.get_or_init(|| {
        std::array::from_fn(|row| (LOWEST_NS * libm::pow(10.0, row as f64 / ROWS_PER_DECADE)).round() as u64)
    })
}

/// The row in which each eighth of an octave begins.
fn first_rows() -> &'static [u8; 512] {
    static FIRST: OnceLock<[u8; 512]> = OnceLock::new();
    FIRST.get_or_init(|| {
        std::array::from_fn(|eighth| {
            let (octave, part) = ((eighth >> 3).max(3), eighth as u64 & 7);
            let from = (8 + part) << (octave - 3);
            let row = edges().partition_point(|edge| *edge <= from);
            row.saturating_sub(1).min(HEAT_ROWS - 1) as u8
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn eight_rows_make_a_decade() {
        assert_eq!(heat_row_bounds(0), (100, 133));
        assert_eq!(heat_row_bounds(8), (1000, 1334));
        assert_eq!(heat_row_bounds(79), (749_894_209_332, 1_000_000_000_000));
        assert_eq!([0, 99, 132, 133, 1000, 1_000_000, u64::MAX].map(row_of), [0, 0, 0, 1, 8, 32, 79]);
    }

    proptest! {
        #[test]
        fn every_latency_is_in_the_row_that_says_so(latency in 100u64..1_000_000_000_000) {
            let (from, above) = heat_row_bounds(row_of(latency));
            prop_assert!(from <= latency && latency < above);
        }
    }
}
