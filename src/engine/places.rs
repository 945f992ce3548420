//! A list that is filled and emptied over and over, whose entries are made where they lie.
//!
//! What is pushed into a vector is made elsewhere, field by field, and then copied as a whole: a processor that reads in one
//! piece what it has just written in several waits until all of it has left its store buffer. What is written into a
//! [`place`](Places::place) is written once.

/// Entries in the order in which they were made, on rows that stay when they are gone.
#[derive(Clone, Debug)]
pub struct Places<T> {
    // Invariant: from `used` on every row is empty.
    rows: Vec<Option<T>>,
    used: usize,
}

impl<T> Default for Places<T> {
    fn default() -> Places<T> {
        Places { rows: Vec::new(), used: 0 }
    }
}

impl<T> Places<T> {
    /// An empty row behind all others, to be written at once: `let place = list.place(); *place = Some(entry)`. In one line
    /// the entry would be made first, and copied.
    // Always: only then the compiler sees that the row is empty, and writes each field where it stays.
    #[inline(always)]
    pub fn place(&mut self) -> &mut Option<T> {
        if self.used == self.rows.len() {
            self.grow();
        }
        let place = &mut self.rows[self.used];
        assert!(place.is_none(), "a row that isn't used is empty");
        self.used += 1;
        place
    }
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.rows.push(None);
    }
    /// One more entry. It is copied here.
    #[inline]
    pub fn push(&mut self, entry: T) {
        let place = self.place();
        *place = Some(entry);
    }
    /// How many rows were made, those included whose entry was taken out since.
    pub fn len(&self) -> usize {
        self.used
    }
    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }
    /// The entry of that number.
    #[inline]
    pub fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.rows[..self.used].get_mut(number)?.as_mut()
    }
    /// The last entry.
    pub fn last(&self) -> Option<&T> {
        self.rows[..self.used].last()?.as_ref()
    }
    /// All entries.
    #[inline]
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows[..self.used].iter_mut().flatten()
    }
    /// All rows in use, so that an entry can be taken out of its own.
    #[inline]
    pub fn rows_mut(&mut self) -> &mut [Option<T>] {
        &mut self.rows[..self.used]
    }
    /// Empties it.
    #[inline]
    pub fn clear(&mut self) {
        for row in &mut self.rows[..self.used] {
            *row = None;
        }
        self.used = 0;
    }
    /// Empties it of entries that own nothing any more, and so need not be looked at.
    #[inline]
    pub fn forget(&mut self) {
        for row in &mut self.rows[..self.used] {
            std::mem::forget(row.take());
        }
        self.used = 0;
    }
}

impl<T> IntoIterator for Places<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Option<T>>>;
    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_used_again_in_the_order_of_making() {
        let mut places = Places::default();
        for round in 0..3 {
            for n in 0..=round {
                *places.place() = Some(vec![round, n]);
            }
            assert_eq!((places.len(), places.last()), (round + 1, Some(&vec![round, round])));
            assert_eq!(places.get_mut(0), Some(&mut vec![round, 0]));
            assert_eq!(places.get_mut(round + 1), None);
            assert_eq!(places.iter_mut().count(), round + 1);
            places.clear();
            assert!(places.is_empty() && places.iter_mut().next().is_none());
        }
        places.push(vec![7]);
        assert_eq!(places.into_iter().collect::<Vec<_>>(), [[7]]);
    }
}
