//! Texts to dense numbers, in order of first sight: one hash table without pointers.

/// Texts numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: String,
    ends: Vec<usize>,
    /// Open addressing with linear probing: number + 1, or 0 where free. The length is a power of two.
    slots: Vec<u32>,
}

impl Interner {
    /// The number of a text; a new one if it was never seen.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if self.slots.len() < (self.ends.len() + 1) * 2 {
            self.grow();
        }
        let mut at = self.home(text);
        while self.slots[at] != 0 {
            if self.text(self.slots[at] - 1) == text {
                return self.slots[at] - 1;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        self.slots[at] = u32::try_from(self.ends.len()).expect("a file holds under 2^32 texts");
        self.slots[at] - 1
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// All texts in the order of their numbers.
    pub(super) fn texts(&self) -> Vec<String> {
        (0..self.ends.len()).map(|at| self.text(at as u32).to_owned()).collect()
    }

    fn home(&self, text: &str) -> usize {
        // FNV-1a, then one multiplication to bring the high bits down. The order of slots reaches nobody.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        self.slots = vec![0; size];
        for number in 0..self.ends.len() as u32 {
            let mut at = self.home(self.text(number));
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = number + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_stable() {
        let mut interner = Interner::default();
        let first: Vec<u32> = (0..1000).map(|n| interner.number(&format!("v{n}"))).collect();
        let again: Vec<u32> = (0..1000).map(|n| interner.number(&format!("v{n}"))).collect();
        assert_eq!(first, (0..1000).collect::<Vec<_>>());
        assert_eq!(first, again);
        assert_eq!(interner.text(7), "v7");
    }
}
