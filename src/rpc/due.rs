//! Due times of one kind and one caller, in a FIFO whose head alone is in the event queue.
//!
//! Timeouts of an edge are constant, so later ones are due later: a push and a pop at the ends of a queue replace an
//! insertion into a heap of a million. Entries are not removed when their attempt ends; stale ones fall off the head.
//! Entries that are due at the same time come in the order of their pushes, as they would from the event queue.

use std::collections::VecDeque;

use crate::engine::Instant;

/// One attempt's due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueEntry {
    pub(super) at: Instant,
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) attempt: u16,
}

/// Invariant: entries are in the order of their times; `armed`, if any, is no later than the head's.
#[derive(Clone, Debug, Default)]
pub(super) struct DueFifo {
    entries: VecDeque<DueEntry>,
    armed: Option<Instant>,
}

/// What to do about a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arm {
    /// The wake that was asked for will do.
    Nothing,
    /// Ask for the head.
    Head,
    /// It is due before the last one (the policy changed, a deadline was inherited): ask for it alone.
    Alone,
}

impl DueFifo {
    pub(super) fn push(&mut self, now: Instant, entry: DueEntry) -> Arm {
        if self.entries.back().is_some_and(|last| last.at > entry.at) {
            return Arm::Alone;
        }
        self.entries.push_back(entry);
        match self.armed {
            Some(at) if at >= now => Arm::Nothing,
            _ => {
                let head = self.entries.front().expect("an entry was just pushed");
                self.armed = Some(head.at);
                Arm::Head
            }
        }
    }

    /// The time of the head.
    pub(super) fn head_at(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.at)
    }

    /// Drops what is stale from the head on.
    pub(super) fn prune(&mut self, current: impl Fn(&DueEntry) -> bool) {
        while self.entries.front().is_some_and(|entry| !current(entry)) {
            self.entries.pop_front();
        }
    }

    /// The next entry that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<DueEntry> {
        if self.entries.front()?.at > now {
            return None;
        }
        self.entries.pop_front()
    }

    /// After a wake: when to be called again, if at all.
    pub(super) fn rearm(&mut self) -> Option<Instant> {
        self.armed = self.head_at();
        self.armed
    }
}
