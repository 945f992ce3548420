//! What will happen next: a queue of events by time and, at equal times, by insertion.

use std::hint::cold_path;

use super::agenda::Agenda;
use super::time::Instant;

/// Pending events. Keys of 16 bytes are kept in order; the events themselves lie still in a slab.
#[derive(Clone, Debug)]
pub struct EventQueue<T> {
    // Time, then `sequence << SLOT_BITS | slot`: 67 million may be pending, 2.7 · 10¹¹ may ever be pushed.
    agenda: Agenda,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    pushed: u64,
}

const SLOT_BITS: u32 = 26;

impl<T> Default for EventQueue<T> {
    fn default() -> EventQueue<T> {
        EventQueue::new()
    }
}

impl<T> EventQueue<T> {
    /// Nothing will happen.
    pub fn new() -> EventQueue<T> {
        EventQueue { agenda: Agenda::new(), slab: Vec::new(), free: Vec::new(), pushed: 0 }
    }
    /// `item` will happen at `at`, after everything that was pushed for the same time before.
    #[inline(always)]
    pub fn push(&mut self, at: Instant, item: T) {
        *self.place(at) = Some(item);
    }
    /// The same for whoever writes the item afterwards: an empty place, which must be filled before the next is popped.
    /// What is made after it was asked for is made where it stays; what is pushed is copied there.
    // Always, and so for parcels: only then the compiler sees that the place is empty.
    #[inline(always)]
    pub fn place(&mut self, at: Instant) -> &mut Option<T> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                cold_path();
                self.slab.push(None);
                let slot = self.slab.len() as u32 - 1;
                assert!(slot < 1 << SLOT_BITS, "more than 67 million events pending");
                slot
            }
        };
        self.pushed += 1;
        self.agenda.push(at, self.pushed << SLOT_BITS | u64::from(slot));
        let place = &mut self.slab[slot as usize];
        // So that the compiler knows that there is nothing to drop.
        assert!(place.is_none(), "a free place is empty");
        place
    }
    /// The next event.
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, T)> {
        let (at, number) = self.agenda.pop()?;
        Some((at, self.take(number)))
    }
    /// The next event, if it happens before `limit`.
    #[inline]
    pub fn pop_before(&mut self, limit: Instant) -> Option<(Instant, T)> {
        let (at, number) = self.agenda.pop_before(limit)?;
        Some((at, self.take(number)))
    }
    #[inline]
    fn take(&mut self, number: u64) -> T {
        let slot = (number & ((1 << SLOT_BITS) - 1)) as u32;
        self.free.push(slot);
        self.slab[slot as usize].take().expect("a key points to its event")
    }
    /// How many are pending.
    pub fn len(&self) -> usize {
        self.agenda.len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.agenda.is_empty()
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
