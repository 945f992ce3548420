//! A replicated log: entries after a position up to which a snapshot has taken their place. What Raft calls a term is
//! an epoch or a ballot elsewhere.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Members;
use crate::engine::digest::DigestHasher;
use crate::rpc::{Op, Requester, Verb};
use crate::world::{About, Part};

/// A place in a log. By log matching, two logs that have the same position agree up to it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    // Terms first: the derived order is the one of elections (paper, 5.4.1).
    /// Term in which the entry was created; 0 before the first.
    pub term: u64,
    /// From 1; 0 before the first.
    pub index: u64,
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Term in which a leader created it.
    pub term: u64,
    /// What it says.
    pub command: Command,
}

/// What an entry says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// A new leader opens its term.
    Open,
    /// A request.
    Call {
        /// The replica that the client contacted.
        gateway: u32,
        /// Whose.
        requester: Requester,
        /// For what.
        op: Op,
    },
    /// From here on these decide.
    Configure {
        /// Who votes.
        voters: Members,
        /// While two configurations decide together, who voted before; otherwise nobody.
        outgoing: Members,
    },
    /// Fills a gap: nobody's request.
    NoOp,
}

impl Command {
    /// A hash of what it says.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DigestHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
    /// Bytes on the wire: term, kind, client and key (illustrative), and the value.
    pub fn bytes(&self) -> u32 {
        match self {
            Command::Open | Command::NoOp => 16,
            // Four bytes for each name.
            Command::Configure { voters, outgoing } => 16 + 4 * (voters.len() + outgoing.len()),
            Command::Call { op, .. } => 40 + op.carried(),
        }
    }
    /// Names the operation that a replica carries out with it, unless it stood for the client and has paid for it then.
    pub fn operation(&self, receiver: u32, each: &mut dyn FnMut(Verb)) {
        if let Command::Call { gateway, op, .. } = self
            && *gateway != receiver
        {
            each(op.verb);
        }
    }
}

impl Entry {
    /// A hash of what it says.
    pub fn fingerprint(&self) -> u64 {
        self.command.fingerprint()
    }
    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        self.command.bytes()
    }
}

/// Entries after this position, and what they carry of a key.
pub fn shipped(term: u64, after: u64, entries: &[Entry], key: u64) -> About {
    let of_key = entries.iter().filter_map(|entry| match &entry.command {
        Command::Call { op, .. } if op.key == key => Some(op.value),
        _ => None,
    });
    let values: Vec<u64> = of_key.collect();
    About::term(term).part(Part::Entries { after }).carrying(!values.is_empty(), values)
}

/// A request that is handed on, and what it carries of a key.
pub fn handed_on(requester: Requester, op: &Op, key: u64) -> About {
    About::request(requester).carrying(op.key == key, (op.value != 0).then_some(op.value))
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of term {}", self.index, self.term)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Open => f.write_str("open"),
            Command::NoOp => f.write_str("no-op"),
            Command::Configure { voters, outgoing } if outgoing.is_empty() => write!(f, "voters {voters:?}"),
            Command::Configure { voters, outgoing } => write!(f, "voters {outgoing:?} and {voters:?}"),
            Command::Call { op, .. } => write!(f, "{} {}={}", op.verb.name(), op.key, op.value),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}", self.command, self.term)
    }
}

/// The entries that one replica has, from index 1 on.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Everything up to here is in a snapshot.
    base: Position,
    entries: VecDeque<Entry>,
}

impl Log {
    /// An empty log after a snapshot.
    pub fn starting_at(base: Position) -> Log {
        Log { base, entries: VecDeque::new() }
    }
    /// Up to where a snapshot has taken the place of entries.
    pub fn base(&self) -> Position {
        self.base
    }
    /// The position of the last entry.
    pub fn last(&self) -> Position {
        let index = self.base.index + self.entries.len() as u64;
        Position { term: self.entries.back().map_or(self.base.term, |e| e.term), index }
    }
    /// The entry at an index.
    pub fn get(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }
    /// The position at an index, if the log still or already has it.
    pub fn position(&self, index: u64) -> Option<Position> {
        if index == self.base.index {
            return Some(self.base);
        }
        self.get(index).map(|entry| Position { term: entry.term, index })
    }
    /// Whether it has the entry at a position.
    pub fn has(&self, position: Position) -> bool {
        self.position(position.index) == Some(position)
    }
    /// Appends an entry; its index comes back.
    pub fn push(&mut self, entry: Entry) -> u64 {
        self.entries.push_back(entry);
        self.last().index
    }
    /// Appends entries.
    pub fn extend(&mut self, entries: &[Entry]) {
        self.entries.extend(entries.iter().cloned());
    }
    /// Drops the entry at `first` and all behind it.
    pub fn truncate(&mut self, first: u64) {
        self.entries.truncate(first.saturating_sub(self.base.index + 1) as usize);
    }
    /// Drops what a snapshot has taken the place of.
    pub fn compact(&mut self, to: u64) {
        if let Some(base) = self.position(to) {
            self.entries.drain(..(to - self.base.index) as usize);
            self.base = base;
        }
    }
    /// At most `count` entries from `first` on.
    pub fn slice(&self, first: u64, count: usize) -> Arc<[Entry]> {
        let at = first.saturating_sub(self.base.index + 1) as usize;
        self.entries.iter().skip(at).take(count).cloned().collect()
    }
    /// The first index of the run of entries that share the term of `index`.
    pub fn run_start(&self, index: u64) -> u64 {
        let Some(term) = self.position(index).map(|p| p.term) else { return index };
        let mut first = index;
        while first > self.base.index + 1 && self.get(first - 1).is_some_and(|e| e.term == term) {
            first -= 1;
        }
        first
    }
    /// Every entry with its index.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Entry)> {
        (self.base.index + 1..).zip(&self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(terms: &[u64]) -> Log {
        let mut log = Log::default();
        for term in terms {
            log.push(Entry { term: *term, command: Command::Open });
        }
        log
    }

    #[test]
    fn the_later_term_is_the_newer_log_and_then_the_longer_one() {
        let (short_new, long_old) = (log(&[1, 3]).last(), log(&[1, 2, 2, 2]).last());
        assert!(short_new > long_old);
        assert!(log(&[1, 2, 2]).last() > log(&[1, 2]).last());
    }

    #[test]
    fn a_compacted_log_knows_where_it_begins() {
        let mut log = log(&[1, 1, 2, 2, 2]);
        log.compact(3);
        assert_eq!((log.base(), log.last()), (Position { term: 2, index: 3 }, Position { term: 2, index: 5 }));
        assert!(log.has(Position { term: 2, index: 3 }) && log.position(2).is_none() && log.get(3).is_none());
        assert_eq!((log.slice(4, 9).len(), log.run_start(5)), (2, 4));
        log.truncate(5);
        assert_eq!(log.last().index, 4);
        log.compact(9);
        assert_eq!(log.base().index, 3);
    }
}
