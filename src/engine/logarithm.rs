//! The logarithm of a uniform number, for exponential draws: every request waits for several of them.
//!
//! A table in place of the division that a general logarithm begins with (Tang, "Table-driven implementation of the
//! logarithm function in IEEE floating-point arithmetic", TOMS 16, 1990). The number is a whole one, so its distance from
//! the table's is found in integers, exactly; what remains are IEEE additions and multiplications, the same everywhere.

/// What is known of the numbers whose leading bits are the same.
#[derive(Clone, Copy)]
struct Piece {
    /// 512 over a number among them, rounded.
    inverse: u64,
    /// The logarithm of `inverse` over 512; over 256 from [`UPPER`] on.
    log: f64,
}

const BITS: u32 = 7;
const PIECES: usize = 1 << BITS;
/// From this piece on, at the square root of 2, numbers are nearer to the next power of 2 than to the last.
const UPPER: usize = 53;

static TABLE: [Piece; PIECES] = table();

const fn table() -> [Piece; PIECES] {
    let mut table = [Piece { inverse: 512, log: 0.0 }; PIECES];
    let mut i = 0;
    while i < PIECES {
        let (twice_the_middle, base) = (2 * PIECES + 2 * i + 1, if i < UPPER { 512 } else { 256 });
        let nearest = (2 * 512 * 2 * PIECES / twice_the_middle).div_ceil(2);
        // Next to a power of 2 it is that power itself: the logarithm of what is nearly 1 keeps all its digits.
        let inverse = if i == 0 || i == PIECES - 1 { base } else { nearest };
        table[i] = Piece { inverse: inverse as u64, log: log_of_ratio(inverse as f64, base as f64) };
        i += 1;
    }
    table
}

/// ln(a / b) for a ratio near 1: twice the inverse hyperbolic tangent of (a − b) / (a + b), by its series.
const fn log_of_ratio(a: f64, b: f64) -> f64 {
    let x = (a - b) / (a + b);
    let mut sum = 0.0;
    let mut odd = 31.0;
    while odd > 0.0 {
        sum = sum * (x * x) + 2.0 / odd;
        odd -= 2.0;
    }
    sum * x
}

/// −ln(n / 2⁵³) for `n` in 1..=2⁵³, to two units in the last place.
// One body for all draws: what a request runs through has to fit the processor's first cache.
#[inline(never)]
pub(super) fn minus_log(n: u64) -> f64 {
    debug_assert!(0 < n && n <= 1 << 53, "{n} over 2^53 is not in (0, 1]");
    let halvings = n.leading_zeros() - 10;
    let scaled = n << halvings;
    let index = (scaled >> (53 - BITS)) as usize % PIECES;
    let Piece { inverse, log } = TABLE[index];
    let halvings = halvings - u32::from(index >= UPPER);
    // What is left of it, over the table's number, is 1 + r.
    let r = (scaled * inverse).wrapping_sub(1 << 62) as i64 as f64 * (1.0 / (1_u64 << 62) as f64);
    // ln(1 + r) = r - r²/2 + r³/3 ... to r⁸, which is enough below 2⁻⁷; in an order in which little waits.
    let r2 = r * r;
    let near = (r * (1.0 / 3.0) - 0.5) + r2 * (r * (1.0 / 5.0) - 0.25);
    let far = (r * (1.0 / 7.0) - 1.0 / 6.0) - r2 * 0.125;
    let log_of_rest = r + r2 * (near + r2 * r2 * far);
    (f64::from(halvings) * std::f64::consts::LN_2 + log) - log_of_rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Bits, Seed, Stream};

    fn ulps_off(n: u64) -> u64 {
        let reference = -libm::log(n as f64 / (1_u64 << 53) as f64);
        minus_log(n).to_bits().abs_diff(reference.abs().to_bits())
    }

    #[test]
    fn it_is_the_logarithm_to_two_units_in_the_last_place() {
        assert_eq!(minus_log(1 << 53), 0.0);
        // Every piece of every power of 2, at both of its ends.
        for power in 0..53 {
            for piece in 0..PIECES as u64 {
                let first = ((1 << 53) + (piece << 46)) >> power;
                let last = ((1 << 53) + ((piece + 1) << 46) - 1) >> power;
                for n in [first, last] {
                    assert!(n > 1 << 53 || n == 0 || ulps_off(n) <= 2, "{n}: {} units off", ulps_off(n));
                }
            }
        }
        let mut bits = Stream::named(Seed(1), "logarithms");
        for _ in 0..200_000 {
            let n = (1 << 53) - (bits.next_u64() >> 11);
            assert!(ulps_off(n) <= 2, "{n}: {} units off", ulps_off(n));
            let small = n >> (n % 53);
            assert!(small == 0 || ulps_off(small) <= 2, "{small}: {} units off", ulps_off(small));
        }
    }

    #[test]
    fn golden_vectors() {
        for (n, bits) in [
            (1, 0x4042_5e4f_7b27_37fa),
            (3, 0x4041_d1b0_2751_cfe1),
            (1 << 52, 0x3fe6_2e42_fefa_39ef),
            (0x0012_3456_789a_bcde, 0x3fe2_0cdc_d192_ab6f),
            ((1 << 53) - 1, 0x3ca0_0000_0000_0000),
        ] {
            assert_eq!(minus_log(n).to_bits(), bits, "{n}: {}", minus_log(n));
        }
    }

    #[test]
    fn larger_numbers_have_smaller_logarithms() {
        // Where pieces meet, one number next to the other; closer to 1 their logarithms are the same.
        for power in 8..47 {
            for piece in 0..PIECES as u64 {
                let n = ((1 << 53) + (piece << 46)) >> power;
                assert!(minus_log(n - 1) > minus_log(n), "at {n}");
            }
        }
    }
}
