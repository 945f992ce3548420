//! Join semilattices: what can be merged in any order, any number of times.

/// A state with a least upper bound: `join` is commutative, associative and idempotent, and never loses anything.
pub trait Join: Clone + PartialEq {
    /// Becomes the least state that is above both.
    fn join(&mut self, other: &Self);
}
