//! Vectors that are filled and emptied over and over, one within another, so that an event allocates nothing.

/// Empty vectors of one kind. Whoever takes one gives it back empty.
#[derive(Clone, Debug)]
pub(super) struct Buffers<T>(Vec<Vec<T>>);

impl<T> Buffers<T> {
    pub(super) fn new() -> Buffers<T> {
        Buffers(Vec::new())
    }
    #[inline]
    pub(super) fn take(&mut self) -> Vec<T> {
        self.0.pop().unwrap_or_default()
    }
    #[inline]
    pub(super) fn give(&mut self, empty: Vec<T>) {
        debug_assert!(empty.is_empty(), "a buffer is given back with something in it");
        self.0.push(empty);
    }
}
