//! A set of replicas, by number: votes, acknowledgements, configurations.

use std::fmt;

/// Up to 128 replicas of one group.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Members(u128);

impl Members {
    /// Nobody.
    pub const NONE: Members = Members(0);
    /// The first `count`.
    pub fn first(count: u32) -> Members {
        Members(if count >= 128 { u128::MAX } else { (1 << count) - 1 })
    }
    /// Adds one; `false` if it was there.
    pub fn insert(&mut self, index: u32) -> bool {
        let before = self.0;
        self.0 |= 1 << index;
        self.0 != before
    }
    /// Removes one.
    pub fn remove(&mut self, index: u32) {
        self.0 &= !(1 << index);
    }
    /// Whether it is there.
    pub fn contains(self, index: u32) -> bool {
        self.0 & 1 << index != 0
    }
    /// How many.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }
    /// Whether there is nobody.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Who is in both.
    pub fn and(self, other: Members) -> Members {
        Members(self.0 & other.0)
    }
    /// Who is in either.
    pub fn or(self, other: Members) -> Members {
        Members(self.0 | other.0)
    }
    /// These, and one more.
    #[must_use]
    pub fn with(mut self, index: u32) -> Members {
        self.insert(index);
        self
    }
    /// These but this one.
    #[must_use]
    pub fn without(mut self, index: u32) -> Members {
        self.remove(index);
        self
    }
    /// In ascending order.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (next < 128).then_some(next)
        })
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_member_once() {
        let mut votes = Members::NONE;
        assert!(votes.insert(3) && !votes.insert(3) && votes.insert(0));
        assert_eq!((votes.len(), format!("{votes:?}").as_str()), (2, "{0, 3}"));
        votes.remove(3);
        assert!(!votes.contains(3));
        assert_eq!((Members::first(128).len(), Members::first(128).iter().last()), (128, Some(127)));
        assert_eq!(Members::NONE.with(9).with(2).without(9).or(Members::first(1)).iter().collect::<Vec<_>>(), [0, 2]);
    }
}
