//! Keys in the order of time: what comes next, among a handful or among millions.
//!
//! A few keys are a binary heap. From `CROWD` of them on they are a lazy timing wheel (Varghese and Lauck, SOSP 1987, levels of
//! 64 slots; sorting instead of cascading as in Tang, Goh and Thng's ladder queue, TOMACS 2005): a key is thrown
//! unsorted into the slot of the highest digit in which its time differs from the wheel's, and a slot is sorted or
//! spread only when its turn comes. So a key is moved a few times whatever their number. Both give the same order: that
//! of the whole key.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::time::Instant;

/// From so many keys on the wheel is faster than the heap (measured by `benches/speed.rs`; anything from 64 to 512 does).
const CROWD: usize = 192;
/// A slot with at most so many keys is sorted at once, a fuller one is spread over the levels below.
const SORTED: usize = 64;
/// The sorted stretch takes no more by insertion than this; what is beyond waits in a heap.
const STRETCH: usize = 512;

const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = 11;

/// A set of keys `(time, number)`; the least comes first.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    /// While there is no wheel: the least of all, if it is here and not in the heap. What happens next is often what was
    /// pushed last (a request at once, an answer a millisecond later), and then never enters the heap.
    front: Option<u128>,
    /// Everything else, while it is little; with the wheel, what found no room in the sorted stretch.
    heap: BinaryHeap<Reverse<u128>>,
    wheel: Option<Box<Wheel>>,
}

#[derive(Clone, Debug)]
struct Wheel {
    /// Descending: the next one is the last.
    near: Vec<u128>,
    /// What is earlier is in `near` or in the heap.
    limit: u64,
    /// Which slots hold something, by level.
    filled: [u64; LEVELS],
    slots: Vec<Vec<u128>>,
    far: usize,
}

#[inline]
fn key(at: Instant, number: u64) -> u128 {
    u128::from(at.0) << 64 | u128::from(number)
}

#[inline]
fn time(key: u128) -> u64 {
    (key >> 64) as u64
}

impl Agenda {
    /// Nothing.
    pub fn new() -> Agenda {
        Agenda::default()
    }

    /// How many keys there are.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.front.is_some())
            + self.heap.len()
            + self.wheel.as_ref().map_or(0, |wheel| wheel.near.len() + wheel.far)
    }
    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more.
    // The two of a queue's push: the other part is inlined, with the event, and this is much code.
    #[inline(never)]
    pub fn push(&mut self, at: Instant, number: u64) {
        let key = key(at, number);
        if self.wheel.is_some() {
            return self.push_into_wheel(at, key);
        }
        let behind = match self.front {
            Some(front) if front < key => key,
            Some(front) => {
                self.front = Some(key);
                front
            }
            None if self.heap.peek().is_none_or(|least| key < least.0) => {
                self.front = Some(key);
                return;
            }
            None => key,
        };
        self.heap.push(Reverse(behind));
        if self.heap.len() > CROWD {
            self.open();
        }
    }

    // A body of its own, so that the way into the heap saves no registers for it.
    #[inline(never)]
    fn push_into_wheel(&mut self, at: Instant, key: u128) {
        match &mut self.wheel {
            Some(wheel) if at.0 >= wheel.limit => wheel.throw(key),
            Some(wheel) if wheel.near.len() < STRETCH => {
                let place = wheel.near.partition_point(|k| *k > key);
                wheel.near.insert(place, key);
            }
            _ => self.heap.push(Reverse(key)),
        }
    }

    /// The least.
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, u64)> {
        self.pop_if(|_| true)
    }
    /// The least, if it comes before `limit`.
    #[inline]
    pub fn pop_before(&mut self, limit: Instant) -> Option<(Instant, u64)> {
        self.pop_if(|at| at < limit.0)
    }

    #[inline]
    fn pop_if(&mut self, wanted: impl Fn(u64) -> bool) -> Option<(Instant, u64)> {
        if let Some(key) = self.front {
            if !wanted(time(key)) {
                return None;
            }
            self.front = None;
            return Some((Instant(time(key)), key as u64));
        }
        self.settle();
        let near = self.wheel.as_ref().and_then(|wheel| wheel.near.last().copied());
        let from_heap = self.heap.peek().map(|key| key.0).filter(|other| near.is_none_or(|near| *other < near));
        let key = from_heap.or(near)?;
        if !wanted(time(key)) {
            return None;
        }
        if from_heap.is_some() {
            self.heap.pop();
        } else if let Some(wheel) = &mut self.wheel {
            wheel.near.pop();
        }
        Some((Instant(time(key)), key as u64))
    }

    /// The time of the least. It may have to be looked for.
    #[inline]
    pub fn next_at(&mut self) -> Option<Instant> {
        if let Some(key) = self.front {
            return Some(Instant(time(key)));
        }
        self.settle();
        let near = self.wheel.as_ref().and_then(|wheel| wheel.near.last().copied());
        let least = match (near, self.heap.peek()) {
            (Some(near), Some(Reverse(other))) => near.min(*other),
            (Some(near), None) => near,
            (None, other) => other?.0,
        };
        Some(Instant(time(least)))
    }

    /// Sees to it that the least is at hand.
    #[inline]
    fn settle(&mut self) {
        if let Some(wheel) = &mut self.wheel
            && wheel.near.is_empty()
            && self.heap.is_empty()
            && !wheel.refill()
        {
            // Nothing is left: a few keys are a heap again.
            self.wheel = None;
        }
    }

    #[cold]
    fn open(&mut self) {
        if let Some(front) = self.front.take() {
            self.heap.push(Reverse(front));
        }
        let first = self.heap.peek().map_or(0, |Reverse(key)| time(*key));
        let mut wheel = Wheel {
            near: Vec::with_capacity(2 * SORTED),
            limit: first,
            filled: [0; LEVELS],
            slots: vec![Vec::new(); LEVELS * SLOTS],
            far: 0,
        };
        for Reverse(key) in self.heap.drain() {
            wheel.throw(key);
        }
        self.wheel = Some(Box::new(wheel));
    }
}

impl Wheel {
    /// Into the slot of the highest digit in which it differs from `limit`.
    #[inline]
    fn throw(&mut self, key: u128) {
        let at = time(key);
        let level = (63 - (at ^ self.limit | 1).leading_zeros()) / DIGIT;
        let slot = (at >> (DIGIT * level)) as usize % SLOTS;
        self.filled[level as usize] |= 1 << slot;
        self.slots[level as usize * SLOTS + slot].push(key);
        self.far += 1;
    }

    /// Sorts the next slot into `near`, which is empty; `false` if there is none.
    fn refill(&mut self) -> bool {
        loop {
            let Some(level) = self.filled.iter().position(|filled| *filled != 0) else { return false };
            let slot = self.filled[level].trailing_zeros() as usize;
            self.filled[level] &= !(1 << slot);
            let shift = DIGIT * level as u32;
            let above = shift + DIGIT;
            let high = if above < 64 { self.limit >> above << above } else { 0 };
            let start = high | (slot as u64) << shift;
            let index = level * SLOTS + slot;
            self.far -= self.slots[index].len();
            if self.slots[index].len() <= SORTED || level == 0 {
                // The emptied buffer and the full one change places, so nothing is allocated.
                std::mem::swap(&mut self.near, &mut self.slots[index]);
                self.near.sort_unstable_by(|a, b| b.cmp(a));
                self.advance(start.saturating_add(1 << shift));
                return true;
            }
            self.limit = start;
            self.spread(index);
        }
    }

    /// Moves the limit to `end`; what lies in the slots that begin there comes down a level or more.
    fn advance(&mut self, end: u64) {
        let before = std::mem::replace(&mut self.limit, end);
        if before == end {
            return;
        }
        let top = (63 - (before ^ end).leading_zeros()) / DIGIT;
        for level in (1..=top).rev() {
            let slot = (end >> (DIGIT * level)) as usize % SLOTS;
            if self.filled[level as usize] & 1 << slot != 0 {
                self.filled[level as usize] &= !(1 << slot);
                let index = level as usize * SLOTS + slot;
                self.far -= self.slots[index].len();
                self.spread(index);
            }
        }
    }

    fn spread(&mut self, index: usize) {
        let mut keys = std::mem::take(&mut self.slots[index]);
        for key in keys.drain(..) {
            self.throw(key);
        }
        // A buffer that held a crowd is given back, so that each slot doesn't keep the largest it ever had.
        if keys.capacity() <= 4 * SORTED {
            self.slots[index] = keys;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Bits, Seed, Stream};
    use std::collections::BTreeSet;

    /// Plays pushes and pops against a sorted set: `delay` makes the time from now on of each push.
    fn same_order(seed: u64, most: usize, steps: u64, delay: impl Fn(&mut Stream) -> u64) {
        let mut bits = Stream::named(Seed(seed), "agenda");
        let (mut agenda, mut twin) = (Agenda::new(), BTreeSet::new());
        let mut now = 0;
        for n in 0..steps {
            let full = if n % 1000 < 500 { most } else { most / 20 };
            if twin.len() < full && bits.below(3) > 0 {
                let at = now + delay(&mut bits);
                agenda.push(Instant(at), n);
                twin.insert((Instant(at), n));
            } else {
                assert_eq!(agenda.next_at(), twin.first().map(|(at, _)| *at));
                let popped = agenda.pop();
                assert_eq!(popped, twin.pop_first());
                now = popped.map_or(now, |(at, _)| at.0);
            }
            assert_eq!(agenda.len(), twin.len());
        }
        while let Some(next) = twin.pop_first() {
            assert_eq!(agenda.pop(), Some(next));
        }
        assert_eq!(agenda.pop(), None);
        assert!(agenda.is_empty());
    }

    #[test]
    fn keys_come_in_the_order_of_a_sorted_set() {
        for seed in 0..8 {
            for most in [3, 100, 300, 5000] {
                same_order(seed, most, 20_000, |bits| bits.below(1_000_000));
                same_order(seed, most, 20_000, |bits| bits.below(3));
                same_order(seed, most, 20_000, |bits| 1 << bits.below(40));
                same_order(seed, most, 20_000, |bits| [0, 1_000_000_000, 70][bits.below(3) as usize]);
            }
        }
    }

    #[test]
    fn the_end_of_time_is_a_time() {
        let mut agenda = Agenda::new();
        for n in 0..1000 {
            agenda.push(Instant(u64::MAX - n % 7), n);
            agenda.push(Instant(n), n);
        }
        let mut last = None;
        for _ in 0..2000 {
            let next = agenda.pop();
            assert!(next > last, "{next:?} after {last:?}");
            last = next;
        }
        assert_eq!(agenda.pop(), None);
    }

    #[test]
    fn a_crowd_before_the_limit_is_no_slower_than_a_heap() {
        let mut agenda = Agenda::new();
        for n in 0..300 {
            agenda.push(Instant(n << 40), n);
        }
        agenda.pop();
        // All of these belong into the stretch that is sorted already.
        for n in 0..200_000 {
            agenda.push(Instant((200_000 - n) << 10), n);
        }
        let mut last = Instant(0);
        for _ in 0..200_299 {
            let (at, _) = agenda.pop().expect("as many as were pushed");
            assert!(at >= last);
            last = at;
        }
        assert!(agenda.is_empty());
    }
}
