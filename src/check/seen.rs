//! What a search has visited: an exact set of keys of words, hashed with fixed numbers.

/// Configurations that were visited: open addressing over records in one arena.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of each record its length, then its words.
    arena: Vec<u64>,
    /// Position of a record + 1, or 0.
    slots: Vec<usize>,
    records: usize,
    key: Vec<u64>,
}

impl Seen {
    /// A key to fill in, empty.
    pub(super) fn key(&mut self) -> &mut Vec<u64> {
        self.key.clear();
        &mut self.key
    }

    /// Notes the key; false if it was known.
    pub(super) fn insert(&mut self) -> bool {
        if self.slots.len() < (self.records + 1) * 2 {
            self.grow();
        }
        let mut slot = home(&self.key, self.slots.len());
        while self.slots[slot] != 0 {
            let start = self.slots[slot] - 1;
            let length = self.arena[start] as usize;
            if self.arena[start + 1..start + 1 + length] == self.key[..] {
                return false;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = self.arena.len() + 1;
        self.records += 1;
        self.arena.push(self.key.len() as u64);
        self.arena.extend_from_slice(&self.key);
        true
    }

    /// What is remembered, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        ((self.arena.len() + self.slots.len()) * size_of::<u64>()) as u64
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(256);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for position in old.into_iter().filter(|&position| position != 0) {
            let length = self.arena[position - 1] as usize;
            let mut slot = home(&self.arena[position..position + length], size);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = position;
        }
    }
}

fn home(key: &[u64], slots: usize) -> usize {
    let mut hash = 0x243f_6a88_85a3_08d3_u64;
    for &word in key {
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (hash ^ hash >> 32) as usize & (slots - 1)
}
