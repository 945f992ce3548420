//! Named randomness: every number is a function of the seed, a purpose's name and a position, never of who else draws.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Seed(pub u64);

/// Mixes two words into one, well enough to address random numbers with the result (the finalizer of splitmix64).
pub const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of a name that never changes: names address random numbers (FNV-1a, then mixed).
pub fn name_hash(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash, name.len() as u64)
}

/// A source of random words, and what can be made of them without a platform's floating point library.
pub trait Bits {
    /// 64 uniform bits.
    fn next_u64(&mut self) -> u64;
    /// Uniform in `[0, 1)`, a multiple of 2⁻⁵³.
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
    /// Uniform in `0..n`, without bias (Lemire, "Fast random integer generation in an interval", TOMACS 2019). `n` > 0.
    fn below(&mut self, n: u64) -> u64 {
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }
    /// True with probability `p`.
    fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
}

/// Numbers that are read in order: ChaCha8 under a key made of the seed and a name.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

fn key(seed: Seed, name: &str) -> [u8; 32] {
    let mut key = [0; 32];
    let hash = name_hash(name);
    let words = [seed.0, hash, mix(seed.0, hash), mix(hash, !seed.0)];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    key
}

impl Stream {
    /// The stream of that name under a seed.
    pub fn named(seed: Seed, name: &str) -> Stream {
        Stream(ChaCha8Rng::from_seed(key(seed, name)))
    }
}

impl Bits for Stream {
    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// Numbers that are addressed: Philox4x32-10 (Salmon et al., SC 2011) under a key made of the seed and a name. No state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    key: [u32; 2],
}

impl Draws {
    /// The draws of that name under a seed.
    pub fn named(seed: Seed, name: &str) -> Draws {
        let word = Stream::named(seed, name).next_u64();
        Draws { key: [word as u32, (word >> 32) as u32] }
    }
    /// The numbers at one address. Their order within the address is theirs alone.
    pub fn at(self, entity: u64, n: u64) -> Addressed {
        Addressed { key: self.key, entity, n, block: 0, spare: None }
    }
}

/// The numbers at one address of [`Draws`].
#[derive(Clone, Copy, Debug)]
pub struct Addressed {
    key: [u32; 2],
    entity: u64,
    n: u64,
    block: u32,
    spare: Option<u64>,
}

impl Bits for Addressed {
    // Inlined, without the rounds: what is drawn from once and let go then needs no memory.
    #[inline]
    fn next_u64(&mut self) -> u64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // The block number is folded into the counter's second word by mixing, so that 128 bits of address stay free.
        let n = if self.block == 0 { self.n } else { mix(self.n, u64::from(self.block)) };
        self.block += 1;
        let (first, second) = two_words(self.entity, n, self.key);
        self.spare = Some(second);
        first
    }
}

#[inline(never)]
fn two_words(entity: u64, n: u64, key: [u32; 2]) -> (u64, u64) {
    let out = philox([entity as u32, (entity >> 32) as u32, n as u32, (n >> 32) as u32], key);
    (u64::from(out[0]) | u64::from(out[1]) << 32, u64::from(out[2]) | u64::from(out[3]) << 32)
}

/// Philox4x32 with ten rounds.
#[inline]
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(0x9e37_79b9);
            key[1] = key[1].wrapping_add(0xbb67_ae85);
        }
        let a = u64::from(counter[0]) * 0xd251_1f53;
        let b = u64::from(counter[2]) * 0xcd9e_8d57;
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_agrees_with_the_published_known_answers() {
        // Random123, kat_vectors, philox4x32 10 rounds.
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0; 4], [!0; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn names_and_seeds_make_different_numbers() {
        let first = |seed, name| Stream::named(Seed(seed), name).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
        let draws = Draws::named(Seed(1), "a");
        assert_ne!(draws.at(0, 0).next_u64(), draws.at(0, 1).next_u64());
        assert_ne!(draws.at(0, 0).next_u64(), draws.at(1, 0).next_u64());
    }
}
