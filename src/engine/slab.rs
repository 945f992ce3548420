//! A table whose rows are known by number: whoever speaks of an entry carries four bytes, not the whole of it.

use std::hint::cold_path;

/// Entries by number. A number is good until its entry is taken, and then for another.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    rows: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { rows: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Keeps an entry, and says under which number.
    #[inline]
    pub fn put(&mut self, entry: T) -> u32 {
        let (number, place) = self.place();
        *place = Some(entry);
        number
    }
    /// The same for whoever writes the entry afterwards: an empty place, and its number. What is made after it was asked
    /// for is made where it stays; what is put is copied there.
    // Always: only then the compiler sees that the place is empty.
    #[inline(always)]
    pub fn place(&mut self) -> (u32, &mut Option<T>) {
        let number = match self.free.pop() {
            Some(free) => free,
            None => {
                cold_path();
                self.rows.push(None);
                u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 entries")
            }
        };
        let place = &mut self.rows[number as usize];
        // So that the compiler knows that there is nothing to drop.
        assert!(place.is_none(), "a free row is empty");
        (number, place)
    }
    /// The entry of that number.
    #[inline]
    pub fn get(&self, number: u32) -> &T {
        self.rows[number as usize].as_ref().expect("an entry is there until it is taken")
    }
    /// The entry of that number, whose row is free then.
    #[inline]
    pub fn take(&mut self, number: u32) -> T {
        self.free.push(number);
        self.rows[number as usize].take().expect("an entry is taken once")
    }
    /// How many are kept.
    pub fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_good_until_its_entry_is_taken() {
        let mut slab = Slab::default();
        let (a, b) = (slab.put("a"), slab.put("b"));
        assert_eq!((slab.get(a), slab.get(b), slab.len()), (&"a", &"b", 2));
        assert_eq!(slab.take(a), "a");
        assert_eq!((slab.put("c"), slab.get(b)), (a, &"b"));
        assert_eq!((slab.take(a), slab.take(b)), ("c", "b"));
        assert!(slab.is_empty());
    }
}
