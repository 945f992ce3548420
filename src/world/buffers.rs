//! Lists that are filled and emptied over and over, one within another, so that an event allocates nothing.

/// Empty lists of one kind. Whoever takes one gives it back empty.
// Boxed, so that taking one and giving it back moves a pointer only.
#[derive(Clone, Debug)]
pub(super) struct Buffers<T>(Vec<Box<T>>);

impl<T: Default> Buffers<T> {
    pub(super) fn new() -> Buffers<T> {
        Buffers(Vec::new())
    }
    #[inline]
    pub(super) fn take(&mut self) -> Box<T> {
        self.0.pop().unwrap_or_default()
    }
    #[inline]
    pub(super) fn give(&mut self, empty: Box<T>) {
        self.0.push(empty);
    }
}
