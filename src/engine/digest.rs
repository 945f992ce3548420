//! A running hash of everything that happened. It must never change: results are compared by it.

use std::hash::Hasher;

/// Folds words by one 64×64→128 multiplication a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

const A: u64 = 0xa076_1d64_78bd_642f;
const B: u64 = 0xe703_7ed1_a0b4_28db;

impl Digest {
    /// Of nothing.
    pub const fn new() -> Digest {
        Digest(0x8ebc_6af0_9c88_c6e3)
    }
    /// Folds one word.
    pub const fn fold(&mut self, word: u64) {
        self.fold2(word, A);
    }
    /// Folds two words.
    pub const fn fold2(&mut self, a: u64, b: u64) {
        let product = (a ^ self.0 ^ A) as u128 * (b ^ self.0.rotate_left(32) ^ B) as u128;
        self.0 = self.0.rotate_left(5).wrapping_add(product as u64 ^ (product >> 64) as u64);
    }
    /// The hash so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Digest {
    fn default() -> Digest {
        Digest::new()
    }
}

/// A [`Hasher`] over [`Digest`], for contents that derive `Hash`; the same on 32 and 64 bit machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct DigestHasher(Digest);

impl DigestHasher {
    /// Of nothing.
    pub const fn new() -> DigestHasher {
        DigestHasher(Digest::new())
    }
}

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0.value()
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0.fold(u64::from_le_bytes(word));
        }
        self.0.fold(bytes.len() as u64);
    }
    fn write_u8(&mut self, word: u8) {
        self.0.fold(u64::from(word));
    }
    fn write_u16(&mut self, word: u16) {
        self.0.fold(u64::from(word));
    }
    fn write_u32(&mut self, word: u32) {
        self.0.fold(u64::from(word));
    }
    fn write_u64(&mut self, word: u64) {
        self.0.fold(word);
    }
    fn write_usize(&mut self, word: usize) {
        self.0.fold(word as u64);
    }
    fn write_isize(&mut self, word: isize) {
        self.0.fold(word as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values_never_change() {
        let mut digest = Digest::new();
        assert_eq!(digest.value(), 0x8ebc_6af0_9c88_c6e3);
        digest.fold(1);
        let one = digest.value();
        digest.fold2(1, 2);
        let mut again = Digest::new();
        again.fold(1);
        assert_eq!(again.value(), one);
        assert_ne!(digest.value(), one);
        let mut swapped = again;
        swapped.fold2(2, 1);
        assert_ne!(swapped.value(), digest.value());
    }
}
