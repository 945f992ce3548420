//! The way to the disk: what may be said only once the disk has something, in the order in which it was written.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::parts::{Entry, Log, Position};
use super::{Configs, Msg, Raft, Record, State};
use crate::rpc::Token;
use crate::world::{Out, StateMachine};

/// What follows when a write and all before it are durable.
#[derive(Clone, Debug)]
pub(super) enum After<M> {
    Nothing,
    /// This replica votes for itself in this term.
    Stand(u64),
    /// A reply of this term.
    Reply {
        to: u32,
        term: u64,
        msg: Msg<M>,
    },
    /// The leader's disk is ready for more.
    Flushed,
}

#[derive(Clone, Debug)]
struct Write<M> {
    done: bool,
    /// Entries up to here are durable with it; 0 if it has none.
    last: u64,
    hard_state: bool,
    after: After<M>,
}

/// Writes that are under way. A disk may finish a later one first; it counts only when all before it are done.
#[derive(Clone, Debug)]
pub(super) struct Writes<M> {
    first: u64,
    queue: VecDeque<Write<M>>,
    /// How many of them change term or vote.
    hard_states: u32,
}

impl<M> Default for Writes<M> {
    fn default() -> Writes<M> {
        Writes { first: 0, queue: VecDeque::new(), hard_states: 0 }
    }
}

impl<M> Writes<M> {
    fn push(&mut self, write: Write<M>) -> Token {
        self.hard_states += u32::from(write.hard_state);
        self.queue.push_back(write);
        Token(self.first + self.queue.len() as u64 - 1)
    }
    fn finish(&mut self, token: Token) {
        let at = token.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(write) = at.and_then(|at| self.queue.get_mut(at)) {
            write.done = true;
        }
    }
    fn pop_done(&mut self) -> Option<Write<M>> {
        if !self.queue.front()?.done {
            return None;
        }
        let write = self.queue.pop_front()?;
        self.first += 1;
        self.hard_states -= u32::from(write.hard_state);
        Some(write)
    }
    /// Entries from `first` on are no longer what was written.
    pub(super) fn forget_from(&mut self, first: u64) {
        for write in &mut self.queue {
            write.last = write.last.min(first - 1);
        }
    }
}

impl<M: StateMachine> Raft<M> {
    /// Writes term and vote down; what depends on them comes after.
    pub(super) fn write_hard_state(&mut self, after: After<M>, out: &mut Out<'_, Self>) {
        if self.spec.bugs.has("vote_not_persisted") {
            self.follow_up(after, out);
            return;
        }
        let token = self.writes.push(Write { done: false, last: 0, hard_state: true, after });
        out.persist(Record::HardState { term: self.term, voted_for: self.voted_for }, token);
    }

    pub(super) fn write_entries(
        &mut self,
        prev: Position,
        entries: Arc<[Entry]>,
        after: After<M>,
        out: &mut Out<'_, Self>,
    ) {
        let last = prev.index + entries.len() as u64;
        let token = self.writes.push(Write { done: false, last, hard_state: false, after });
        out.persist(Record::Entries { prev, entries }, token);
    }

    /// What a leader appended while its disk was busy goes to the disk when it steps down. Nobody else has it, but should
    /// it lead again, its log counts as written up to where that term opens.
    pub(super) fn write_unflushed(&mut self, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &self.state else { return };
        let rest = self.log.last().index.saturating_sub(leadership.flushed);
        if let Some(prev) = self.log.position(leadership.flushed).filter(|_| rest > 0) {
            let entries = self.log.slice(prev.index + 1, rest as usize);
            self.write_entries(prev, entries, After::Nothing, out);
        }
    }

    /// Replaces the log on disk by the newest snapshot and what follows it.
    pub(super) fn write_snapshot(&mut self, after: After<M>, out: &mut Out<'_, Self>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        // What a leader has not flushed goes to the disk when it flushes.
        let last = match &self.state {
            State::Leader(leadership) => leadership.flushed,
            _ => self.log.last().index,
        };
        let tail = self.log.slice(snapshot.last.index + 1, last.saturating_sub(snapshot.last.index) as usize);
        let token = self.writes.push(Write { done: false, last, hard_state: true, after });
        out.checkpoint(Record::Snapshot { term: self.term, voted_for: self.voted_for, snapshot, tail }, token);
    }

    /// Says something that promises no more than term and vote.
    pub(super) fn reply(&mut self, to: u32, msg: Msg<M>, out: &mut Out<'_, Self>) {
        if self.writes.hard_states == 0 {
            self.send(to, msg, out);
        } else {
            self.reply_after_writes(to, msg);
        }
    }

    /// Says something that promises what is on its way to the disk.
    pub(super) fn reply_after_writes(&mut self, to: u32, msg: Msg<M>) {
        let after = After::Reply { to, term: self.term, msg };
        self.writes.push(Write { done: true, last: 0, hard_state: false, after });
    }

    pub(super) fn on_synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.writes.finish(token);
        while let Some(write) = self.writes.pop_done() {
            self.durable = self.durable.max(write.last);
            self.follow_up(write.after, out);
        }
        if self.is_leader() {
            self.advance_commit(out);
        }
    }

    fn follow_up(&mut self, after: After<M>, out: &mut Out<'_, Self>) {
        match after {
            After::Nothing => {}
            After::Stand(term) => {
                if term == self.term && matches!(self.state, State::Candidate { .. }) {
                    self.request_votes(out);
                }
            }
            After::Reply { to, term, msg } => {
                // In another term the entries may be gone again, or the vote void.
                if term == self.term {
                    self.send(to, msg, out);
                }
            }
            After::Flushed => {
                if let State::Leader(leadership) = &mut self.state {
                    leadership.flushing = false;
                    self.flush(out);
                }
            }
        }
    }

    /// Reads back what the disk kept. A power loss may have left a gap: what doesn't follow what precedes it is void.
    pub(super) fn recover(&mut self, records: &[Record<M>]) {
        for record in records {
            match record {
                Record::HardState { term, voted_for } => (self.term, self.voted_for) = (*term, *voted_for),
                Record::Entries { prev, entries } => {
                    if self.log.has(*prev) {
                        self.truncate(prev.index + 1);
                        self.extend(entries);
                    }
                }
                Record::Snapshot { term, voted_for, snapshot, tail } => {
                    (self.term, self.voted_for) = (*term, *voted_for);
                    self.log = Log::starting_at(snapshot.last);
                    self.configs = Configs::new(self.config_of(snapshot));
                    self.extend(tail);
                    self.snapshot = Some(snapshot.clone());
                }
            }
        }
        if let Some(snapshot) = &self.snapshot {
            self.machine = snapshot.machine.clone();
            (self.commit, self.applied) = (snapshot.last.index, snapshot.last.index);
        }
        self.durable = self.log.last().index;
        // Without the bug the newest hard state covers every entry.
        self.term = self.term.max(self.log.last().term);
    }
}
