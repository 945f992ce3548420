//! Finished requests that a second pass may look at.

use crate::engine::{Instant, Span};
use crate::rpc::Outcome;

/// How many are kept of each client group.
const KEPT: usize = 2048;

/// A finished request that a second pass may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Hash of the root: the sample keeps the lowest.
    pub hash: u64,
    /// Root of its cause.
    pub root: u64,
    /// From the intended start to the end.
    pub latency: Span,
    /// When it was meant to start.
    pub intended: Instant,
    /// How it ended.
    pub outcome: Outcome,
    /// Its mix entry.
    pub entry: u16,
}

/// A sample of finished requests: those whose roots hash lowest, so that it depends on nobody else's.
#[derive(Clone, Debug)]
pub struct Examples {
    /// Twice as many as are kept, at most: so that it is thinned out seldom.
    some: Vec<Example>,
    /// What hashes as high or higher is not among them any more.
    bar: u64,
}

impl Default for Examples {
    fn default() -> Examples {
        Examples { some: Vec::new(), bar: u64::MAX }
    }
}

impl Examples {
    /// Whether a request whose root hashes to this may be among them.
    #[inline]
    pub(super) fn wants(&self, hash: u64) -> bool {
        hash < self.bar
    }

    /// One more.
    #[cold]
    pub(super) fn keep(&mut self, example: Example) {
        self.some.push(example);
        if self.some.len() >= 2 * KEPT {
            self.settle();
        }
    }

    /// Leaves as many as are kept.
    pub(super) fn settle(&mut self) {
        if self.some.len() > KEPT {
            let (_, highest, _) = self.some.select_nth_unstable(KEPT - 1);
            self.bar = highest.hash;
            self.some.truncate(KEPT);
        }
    }

    /// All of them, in no order, once the run is over.
    pub fn iter(&self) -> impl Iterator<Item = &Example> {
        self.some.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::mix;

    #[test]
    fn those_that_hash_lowest_are_kept() {
        for count in [1, KEPT, KEPT + 1, 2 * KEPT, 20_000] {
            let all: Vec<u64> = (0..count as u64).map(|root| mix(root, 7)).collect();
            let mut examples = Examples::default();
            for (root, hash) in (0..).zip(&all) {
                let (hash, at) = (*hash, Instant(root));
                if examples.wants(hash) {
                    examples.keep(Example {
                        hash,
                        root,
                        latency: Span(1),
                        intended: at,
                        outcome: Outcome::Ok,
                        entry: 0,
                    });
                }
            }
            examples.settle();
            let mut kept: Vec<u64> = examples.iter().map(|example| example.hash).collect();
            let mut lowest = all;
            kept.sort_unstable();
            lowest.sort_unstable();
            lowest.truncate(KEPT);
            assert_eq!(kept, lowest, "of {count}");
        }
    }
}
