//! Ballot numbers: totally ordered, and no two proposers share one (Lamport 2001, section 2.5).

use std::fmt;

/// One attempt of one proposer to lead.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    // Rounds first: the derived order lets anybody exceed what it has seen.
    /// From 1; 0 before the first.
    pub round: u64,
    /// Whose it is.
    pub proposer: u32,
}

impl Ballot {
    /// Before every ballot.
    pub const NONE: Ballot = Ballot { round: 0, proposer: 0 };

    /// One number in the same order, for histories. A group has 128 replicas at most.
    pub fn number(self) -> u64 {
        self.round * 128 + u64::from(self.proposer)
    }
}

impl fmt::Debug for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.proposer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_as_ballots_do_and_belong_to_one_proposer() {
        let ballots = [(0, 0), (1, 0), (1, 127), (2, 3)].map(|(round, proposer)| Ballot { round, proposer });
        assert!(ballots.is_sorted_by(|a, b| a < b));
        assert!(ballots.map(Ballot::number).is_sorted_by(|a, b| a < b));
    }
}
