//! What one acceptor has accepted, slot by slot; there may be gaps. A snapshot takes the place of the first slots.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::super::parts::Command;
use super::Ballot;

/// A value under the ballot in which it was accepted (a pvalue of van Renesse and Altinbuken, without its slot).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Accepted {
    /// The ballot.
    pub ballot: Ballot,
    /// The value.
    pub command: Command,
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.command, self.ballot)
    }
}

/// Slots from 1 on.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// Everything up to here is in a snapshot.
    base: u64,
    accepted: VecDeque<Option<Accepted>>,
}

impl Slots {
    /// Up to where a snapshot has taken the place of slots.
    pub(super) fn base(&self) -> u64 {
        self.base
    }
    /// The last slot with a value; the base if there is none.
    pub(super) fn last(&self) -> u64 {
        self.base + self.accepted.len() as u64
    }
    /// What was accepted in a slot.
    pub(super) fn get(&self, slot: u64) -> Option<&Accepted> {
        let at = usize::try_from(slot.checked_sub(self.base + 1)?).ok()?;
        self.accepted.get(at)?.as_ref()
    }
    /// Accepts a value; what a snapshot covers stays as it is.
    pub(super) fn put(&mut self, slot: u64, accepted: Accepted) {
        let Some(at) = slot.checked_sub(self.base + 1).and_then(|at| usize::try_from(at).ok()) else { return };
        if at >= self.accepted.len() {
            self.accepted.resize(at + 1, None);
        }
        self.accepted[at] = Some(accepted);
    }
    /// Drops the slots up to `to`, whether or not they have values.
    pub(super) fn compact(&mut self, to: u64) {
        if to > self.base {
            let count = usize::try_from(to - self.base).unwrap_or(usize::MAX).min(self.accepted.len());
            self.accepted.drain(..count);
            self.base = to;
        }
    }
    /// The slots from `first` to `last`, as far as there are any.
    pub(super) fn slice(&self, first: u64, last: u64) -> Arc<[Option<Accepted>]> {
        let at = first.saturating_sub(self.base + 1) as usize;
        let count = (last + 1).saturating_sub(first.max(self.base + 1)) as usize;
        self.accepted.iter().skip(at).take(count).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(round: u64) -> Accepted {
        Accepted { ballot: Ballot { round, proposer: 0 }, command: Command::NoOp }
    }

    #[test]
    fn a_gap_is_a_slot_without_a_value() {
        let mut slots = Slots::default();
        slots.put(3, value(2));
        assert_eq!((slots.last(), slots.get(2), slots.get(3)), (3, None, Some(&value(2))));
        assert_eq!(slots.slice(2, 9).to_vec(), [None, Some(value(2))]);
        slots.put(2, value(1));
        assert_eq!(slots.slice(2, 2).to_vec(), [Some(value(1))]);
    }

    #[test]
    fn a_snapshot_may_cover_more_than_there_is() {
        let mut slots = Slots::default();
        slots.put(2, value(1));
        slots.compact(1);
        assert_eq!((slots.base(), slots.last(), slots.get(2)), (1, 2, Some(&value(1))));
        slots.compact(7);
        assert_eq!((slots.base(), slots.last(), slots.get(2)), (7, 7, None));
        slots.put(7, value(3));
        slots.put(8, value(3));
        assert_eq!((slots.get(7), slots.slice(1, 9).to_vec()), (None, vec![Some(value(3))]));
    }
}
