//! What may be done only once the disk has something, in the order in which it was written.

use std::collections::VecDeque;

use crate::rpc::Token;

/// Writes under way, each with what follows it. A disk may finish a later one first: it counts when all before it do.
#[derive(Clone, Debug)]
pub struct Journal<A> {
    first: u64,
    queue: VecDeque<(bool, A)>,
}

impl<A> Default for Journal<A> {
    fn default() -> Journal<A> {
        Journal { first: 0, queue: VecDeque::new() }
    }
}

impl<A> Journal<A> {
    /// Enters a write; the token goes with it to the disk.
    pub fn write(&mut self, after: A) -> Token {
        self.queue.push_back((false, after));
        Token(self.first + self.queue.len() as u64 - 1)
    }
    /// The disk has this one.
    pub fn synced(&mut self, token: Token) {
        let at = token.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(write) = at.and_then(|at| self.queue.get_mut(at)) {
            write.0 = true;
        }
    }
    /// What follows the oldest write, if the disk has it; to be called until there is nothing.
    pub fn take_next(&mut self) -> Option<A> {
        if !self.queue.front()?.0 {
            return None;
        }
        self.first += 1;
        self.queue.pop_front().map(|(_, after)| after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_write_waits_for_the_earlier_one() {
        let mut journal = Journal::default();
        let (a, b) = (journal.write('a'), journal.write('b'));
        journal.synced(b);
        assert_eq!(journal.take_next(), None);
        journal.synced(a);
        assert_eq!((journal.take_next(), journal.take_next(), journal.take_next()), (Some('a'), Some('b'), None));
    }
}
