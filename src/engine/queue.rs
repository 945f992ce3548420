//! What will happen next: a queue of events by time and, at equal times, by insertion.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::time::Instant;

/// Pending events. Keys are 16 bytes in a heap; the events themselves lie still in a slab.
#[derive(Clone, Debug)]
pub struct EventQueue<T> {
    // Time, then `sequence << 24 | slot`: 16 million may be pending, 10¹² may ever be pushed.
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    pushed: u64,
}

const SLOT_BITS: u32 = 24;

impl<T> Default for EventQueue<T> {
    fn default() -> EventQueue<T> {
        EventQueue::new()
    }
}

impl<T> EventQueue<T> {
    /// Nothing will happen.
    pub fn new() -> EventQueue<T> {
        EventQueue { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), pushed: 0 }
    }
    /// `item` will happen at `at`, after everything that was pushed for the same time before.
    pub fn push(&mut self, at: Instant, item: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(item);
                slot
            }
            None => {
                self.slab.push(Some(item));
                self.slab.len() as u32 - 1
            }
        };
        assert!(slot < 1 << SLOT_BITS, "more than 16 million events pending");
        self.pushed += 1;
        self.heap.push(Reverse((at, self.pushed << SLOT_BITS | u64::from(slot))));
    }
    /// The next event.
    pub fn pop(&mut self) -> Option<(Instant, T)> {
        let Reverse((at, key)) = self.heap.pop()?;
        let slot = (key & ((1 << SLOT_BITS) - 1)) as u32;
        self.free.push(slot);
        let item = self.slab[slot as usize].take().expect("a key points to its event");
        Some((at, item))
    }
    /// The next event, if it happens before `limit`.
    pub fn pop_before(&mut self, limit: Instant) -> Option<(Instant, T)> {
        if self.peek_time()? >= limit { None } else { self.pop() }
    }
    /// When the next event happens.
    pub fn peek_time(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
    /// How many are pending.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
    /// All pending events, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slab.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn events_come_in_the_order_of_a_sorted_list(ops in proptest::collection::vec((0..4_u8, 0..50_u64), 0..300)) {
            let mut queue = EventQueue::new();
            let mut twin: Vec<(Instant, u32)> = Vec::new();
            for (n, (op, delay)) in ops.into_iter().enumerate() {
                if op == 0 {
                    twin.sort_by_key(|(at, _)| *at);
                    let first = if twin.is_empty() { None } else { Some(twin.remove(0)) };
                    prop_assert_eq!(queue.pop(), first);
                } else {
                    twin.push((Instant(delay), n as u32));
                    queue.push(Instant(delay), n as u32);
                }
                prop_assert_eq!(queue.len(), twin.len());
            }
        }
    }
}
