//! What a cache holds, and what it throws out when it is full.
//!
//! A slab of entries, an index over it by key, and lists through it in the order of eviction. Exact, in constant time a
//! lookup but for LFU, which is logarithmic. Leaves out slab classes and sampled approximations of LRU.

use std::collections::{BTreeSet, VecDeque};

use crate::engine::{Bits, Instant, Span, mix};

/// Which entry goes when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The one that was used least recently.
    Lru,
    /// The one that came first.
    Fifo,
    /// Any.
    Random,
    /// The one that was used least often since it came, of those the least recently used.
    Lfu,
    /// S3-FIFO: a small queue for newcomers, a main queue with second chances, and a memory of keys that were thrown out
    /// of the small one (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023).
    S3Fifo,
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// So many entries.
    Entries(u64),
    /// Entries of so many bytes together.
    Bytes(u64),
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: u64,
    /// Its version at whoever gave it.
    pub version: u64,
    /// Its size.
    pub bytes: u32,
    /// When it is no longer fresh, on the cache's clock.
    pub expires: Instant,
    /// How long it took to get.
    pub took: Span,
}

const NONE: u32 = u32::MAX;
const MAIN: usize = 0;
const SMALL: usize = 1;

#[derive(Clone, Debug)]
struct Slot {
    key: u64,
    entry: Entry,
    /// Towards the head of its list, the end that stays.
    before: u32,
    /// Towards the tail, the end that goes.
    after: u32,
    chain: u32,
    list: u8,
    uses: u64,
    touched: u64,
    dense: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
    weight: u64,
}

/// Keys that came by lately, the oldest forgotten first.
#[derive(Clone, Debug, Default)]
pub struct Ghosts {
    order: VecDeque<u64>,
    keys: BTreeSet<u64>,
}

impl Ghosts {
    /// Remembers a key, of at most `limit`.
    pub fn remember(&mut self, key: u64, limit: usize) {
        if self.keys.insert(key) {
            self.order.push_back(key);
        }
        while self.order.len() > limit.max(1) {
            let Some(oldest) = self.order.pop_front() else { break };
            self.keys.remove(&oldest);
        }
    }
    /// Whether it came by.
    pub fn knows(&self, key: u64) -> bool {
        self.keys.contains(&key)
    }
}

/// The entries of one cache.
#[derive(Clone, Debug)]
pub struct Entries {
    capacity: Capacity,
    eviction: Eviction,
    slots: Vec<Slot>,
    free: Vec<u32>,
    buckets: Vec<u32>,
    lists: [List; 2],
    /// Of LFU: uses, last use, slot.
    ranks: BTreeSet<(u64, u64, u32)>,
    /// Of random eviction: the slots in use, in any order.
    dense: Vec<u32>,
    ghosts: Ghosts,
    ticks: u64,
    len: u64,
    bytes: u64,
}

impl Entries {
    /// Nothing yet.
    pub fn new(capacity: Capacity, eviction: Eviction) -> Entries {
        let list = List { head: NONE, tail: NONE, weight: 0 };
        Entries {
            capacity,
            eviction,
            slots: Vec::new(),
            free: Vec::new(),
            buckets: vec![NONE; 64],
            lists: [list; 2],
            ranks: BTreeSet::new(),
            dense: Vec::new(),
            ghosts: Ghosts::default(),
            ticks: 0,
            len: 0,
            bytes: 0,
        }
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Looks a key up, which is a use of it.
    pub fn get(&mut self, key: u64) -> Option<Entry> {
        let slot = self.find(key)?;
        self.touch(slot);
        Some(self.slots[slot as usize].entry)
    }

    /// Looks a key up without using it.
    pub fn peek(&self, key: u64) -> Option<Entry> {
        self.find(key).map(|slot| self.slots[slot as usize].entry)
    }

    /// Puts an entry in, or replaces it; throws others out until there is room. What is larger than the whole cache is
    /// not kept. `bits` are for random eviction.
    pub fn insert(&mut self, key: u64, entry: Entry, bits: &mut impl Bits) {
        if let Some(slot) = self.find(key) {
            let before = std::mem::replace(&mut self.slots[slot as usize].entry, entry);
            let list = usize::from(self.slots[slot as usize].list);
            self.bytes = self.bytes - u64::from(before.bytes) + u64::from(entry.bytes);
            if !matches!(self.eviction, Eviction::Random | Eviction::Lfu) {
                self.lists[list].weight = self.lists[list].weight + self.weight(&entry) - self.weight(&before);
            }
            self.touch(slot);
            while !self.fits(0) && self.len > 1 {
                self.evict(bits);
            }
            return;
        }
        let weight = self.weight(&entry);
        if weight > self.limit() {
            return;
        }
        while !self.fits(weight) && self.len > 0 {
            self.evict(bits);
        }
        let list = if self.eviction == Eviction::S3Fifo && !self.ghosts.knows(key) { SMALL } else { MAIN };
        self.ticks += 1;
        let row = Slot {
            key,
            entry,
            before: NONE,
            after: NONE,
            chain: NONE,
            list: list as u8,
            uses: 0,
            touched: self.ticks,
            dense: 0,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = row;
                slot
            }
            None => {
                self.slots.push(row);
                self.slots.len() as u32 - 1
            }
        };
        self.len += 1;
        self.bytes += u64::from(entry.bytes);
        self.enter(slot);
        if self.len as usize > self.buckets.len() {
            self.grow();
        } else {
            self.chain(slot);
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: u64) -> Option<Entry> {
        let slot = self.find(key)?;
        Some(self.take(slot))
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        *self = Entries::new(self.capacity, self.eviction);
    }

    fn limit(&self) -> u64 {
        match self.capacity {
            Capacity::Entries(n) | Capacity::Bytes(n) => n,
        }
    }

    fn weight(&self, entry: &Entry) -> u64 {
        match self.capacity {
            Capacity::Entries(_) => 1,
            Capacity::Bytes(_) => u64::from(entry.bytes),
        }
    }

    fn fits(&self, more: u64) -> bool {
        let used = match self.capacity {
            Capacity::Entries(_) => self.len,
            Capacity::Bytes(_) => self.bytes,
        };
        used + more <= self.limit()
    }

    fn bucket(&self, key: u64) -> usize {
        // The number of buckets is a power of two.
        mix(key, 0xcac4e) as usize & (self.buckets.len() - 1)
    }

    fn find(&self, key: u64) -> Option<u32> {
        let mut slot = self.buckets[self.bucket(key)];
        while slot != NONE {
            let row = &self.slots[slot as usize];
            if row.key == key {
                return Some(slot);
            }
            slot = row.chain;
        }
        None
    }

    fn chain(&mut self, slot: u32) {
        let bucket = self.bucket(self.slots[slot as usize].key);
        self.slots[slot as usize].chain = self.buckets[bucket];
        self.buckets[bucket] = slot;
    }

    fn grow(&mut self) {
        let size = self.buckets.len() * 2;
        self.buckets = vec![NONE; size];
        let unused: BTreeSet<u32> = self.free.iter().copied().collect();
        for slot in (0..self.slots.len() as u32).filter(|slot| !unused.contains(slot)) {
            self.chain(slot);
        }
    }

    fn unchain(&mut self, slot: u32) {
        let Slot { key, chain, .. } = self.slots[slot as usize];
        let bucket = self.bucket(key);
        if self.buckets[bucket] == slot {
            self.buckets[bucket] = chain;
            return;
        }
        let mut at = self.buckets[bucket];
        while at != NONE {
            let next = self.slots[at as usize].chain;
            if next == slot {
                self.slots[at as usize].chain = chain;
                return;
            }
            at = next;
        }
    }

    /// Into the order of eviction, as the newest.
    fn enter(&mut self, slot: u32) {
        match self.eviction {
            Eviction::Random => {
                self.slots[slot as usize].dense = self.dense.len() as u32;
                self.dense.push(slot);
            }
            Eviction::Lfu => {
                let row = &self.slots[slot as usize];
                self.ranks.insert((row.uses, row.touched, slot));
            }
            Eviction::Lru | Eviction::Fifo | Eviction::S3Fifo => self.push(slot),
        }
    }

    fn push(&mut self, slot: u32) {
        let weight = self.weight(&self.slots[slot as usize].entry);
        let row = &mut self.slots[slot as usize];
        let list = &mut self.lists[usize::from(row.list)];
        (row.before, row.after) = (NONE, list.head);
        list.weight += weight;
        if list.head == NONE {
            list.tail = slot;
        } else {
            self.slots[list.head as usize].before = slot;
        }
        list.head = slot;
    }

    fn unlink(&mut self, slot: u32) {
        let weight = self.weight(&self.slots[slot as usize].entry);
        let Slot { before, after, list, .. } = self.slots[slot as usize];
        let list = &mut self.lists[usize::from(list)];
        list.weight -= weight;
        match before {
            NONE => list.head = after,
            before => self.slots[before as usize].after = after,
        }
        match after {
            NONE => list.tail = before,
            after => self.slots[after as usize].before = before,
        }
    }

    fn touch(&mut self, slot: u32) {
        match self.eviction {
            Eviction::Lru => {
                if self.lists[MAIN].head != slot {
                    self.unlink(slot);
                    self.push(slot);
                }
            }
            Eviction::Lfu => {
                self.ticks += 1;
                let row = &mut self.slots[slot as usize];
                self.ranks.remove(&(row.uses, row.touched, slot));
                (row.uses, row.touched) = (row.uses + 1, self.ticks);
                self.ranks.insert((row.uses, row.touched, slot));
            }
            Eviction::S3Fifo => {
                let row = &mut self.slots[slot as usize];
                row.uses = (row.uses + 1).min(3);
            }
            Eviction::Fifo | Eviction::Random => {}
        }
    }

    fn take(&mut self, slot: u32) -> Entry {
        self.unchain(slot);
        match self.eviction {
            Eviction::Random => {
                let at = self.slots[slot as usize].dense;
                self.dense.swap_remove(at as usize);
                if let Some(moved) = self.dense.get(at as usize) {
                    self.slots[*moved as usize].dense = at;
                }
            }
            Eviction::Lfu => {
                let row = &self.slots[slot as usize];
                self.ranks.remove(&(row.uses, row.touched, slot));
            }
            Eviction::Lru | Eviction::Fifo | Eviction::S3Fifo => self.unlink(slot),
        }
        self.free.push(slot);
        self.len -= 1;
        let entry = self.slots[slot as usize].entry;
        self.bytes -= u64::from(entry.bytes);
        entry
    }

    fn evict(&mut self, bits: &mut impl Bits) {
        let victim = match self.eviction {
            Eviction::Lru | Eviction::Fifo => self.lists[MAIN].tail,
            Eviction::Random => self.dense[bits.below(self.dense.len() as u64) as usize],
            Eviction::Lfu => self.ranks.first().map_or(NONE, |rank| rank.2),
            Eviction::S3Fifo => self.s3_victim(),
        };
        if victim != NONE {
            self.take(victim);
        }
    }

    /// Algorithm 1 of the paper: a tenth of the room is for newcomers; those used more than once move on, the others
    /// leave and are remembered. The main queue gives every use another round.
    fn s3_victim(&mut self) -> u32 {
        loop {
            let small = self.lists[SMALL];
            if small.tail != NONE && (small.weight >= self.limit() / 10 || self.lists[MAIN].tail == NONE) {
                let slot = small.tail;
                if self.slots[slot as usize].uses > 1 {
                    self.unlink(slot);
                    let row = &mut self.slots[slot as usize];
                    (row.list, row.uses) = (MAIN as u8, 0);
                    self.push(slot);
                    continue;
                }
                self.ghosts.remember(self.slots[slot as usize].key, self.len as usize);
                return slot;
            }
            let slot = self.lists[MAIN].tail;
            if slot == NONE || self.slots[slot as usize].uses == 0 {
                return slot;
            }
            self.slots[slot as usize].uses -= 1;
            self.unlink(slot);
            self.push(slot);
        }
    }
}
