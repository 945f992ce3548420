//! What replicas say to each other, and what they write down.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::super::parts::Sessions;
use super::super::parts::{Entry, Position, handed_on, shipped};
use super::Config;
use crate::rpc::{Answer, Op, Requester, Verb};
use crate::world::{About, Message, Part, StateMachine};

/// Between replicas. `round` numbers the leader's rounds of heartbeats within its term: who answers it, followed then.
#[derive(Clone, Debug)]
pub enum Msg<M> {
    /// Would you vote for me in this term?
    PreVote {
        /// The term that would be.
        term: u64,
        /// Where the candidate's log ends.
        last: Position,
    },
    /// Perhaps.
    PreVoted {
        /// The term asked for, if granted; the voter's own otherwise.
        term: u64,
        /// Whether it would.
        granted: bool,
    },
    /// Vote for me.
    RequestVote {
        /// The candidate's term.
        term: u64,
        /// Where the candidate's log ends.
        last: Position,
        /// Whether the leader told the candidate to stand: nobody need protect it.
        transfer: bool,
    },
    /// The vote, or not.
    Voted {
        /// The voter's term.
        term: u64,
        /// Whether the candidate has the vote.
        granted: bool,
    },
    /// Entries that follow `prev`; none in a heartbeat.
    AppendEntries {
        /// The leader's term.
        term: u64,
        /// What the follower must have already.
        prev: Position,
        /// What follows it.
        entries: Arc<[Entry]>,
        /// Up to here entries are committed.
        commit: u64,
        /// Of heartbeats.
        round: u64,
    },
    /// The follower has the leader's entries up to `index` on disk.
    Appended {
        /// The follower's term.
        term: u64,
        /// How far the logs are known to agree.
        index: u64,
        /// Of heartbeats.
        round: u64,
    },
    /// The follower doesn't have `prev`.
    Rejected {
        /// The follower's term.
        term: u64,
        /// The index that is missing.
        prev: u64,
        /// Where to try next: an index that may match.
        hint: u64,
        /// Of heartbeats.
        round: u64,
    },
    /// What the leader's log no longer has.
    InstallSnapshot {
        /// The leader's term.
        term: u64,
        /// Everything up to its position.
        snapshot: Arc<Snapshot<M>>,
        /// Of heartbeats.
        round: u64,
    },
    /// A client asked me; you lead.
    Forward {
        /// Who asked.
        requester: Requester,
        /// For what.
        op: Op,
    },
    /// Tell the client.
    Answered {
        /// Who asked.
        requester: Requester,
        /// What comes of it.
        answer: Answer,
    },
    /// How far must I be to answer this read?
    ReadIndex {
        /// Who asked.
        requester: Requester,
    },
    /// This far.
    ReadAt {
        /// Who asked.
        requester: Requester,
        /// The leader's term.
        term: u64,
        /// What must be applied.
        index: u64,
    },
    /// Lead in my place: stand for election at once (dissertation, 3.10).
    TimeoutNow {
        /// The leader's term.
        term: u64,
    },
}

/// The state up to a position of the log.
#[derive(Clone, Debug)]
pub struct Snapshot<M> {
    /// The last entry in it.
    pub last: Position,
    /// The machine, and who has had an answer.
    pub machine: Sessions<M>,
    /// Who votes from there on.
    pub config: Config,
}

/// One record on disk.
#[derive(Clone, Debug)]
pub enum Record<M> {
    /// Term and vote.
    HardState {
        /// The newest term known.
        term: u64,
        /// Who has its vote.
        voted_for: Option<u32>,
    },
    /// Entries that take the place of everything after `prev`.
    Entries {
        /// What precedes them.
        prev: Position,
        /// They.
        entries: Arc<[Entry]>,
    },
    /// Takes the place of the whole log.
    Snapshot {
        /// The newest term known.
        term: u64,
        /// Who has its vote.
        voted_for: Option<u32>,
        /// The state.
        snapshot: Arc<Snapshot<M>>,
        /// Entries after it.
        tail: Arc<[Entry]>,
    },
}

impl<M: StateMachine> Record<M> {
    /// On disk, as on the wire (illustrative).
    pub(super) fn bytes(&self) -> u32 {
        match self {
            Record::HardState { .. } => 24,
            Record::Entries { entries, .. } => 24 + entries.iter().map(Entry::bytes).sum::<u32>(),
            Record::Snapshot { snapshot, tail, .. } => {
                let state = u32::try_from(24 + snapshot.machine.machine().bytes()).unwrap_or(u32::MAX);
                state.saturating_add(tail.iter().map(Entry::bytes).sum())
            }
        }
    }
}

impl<M: StateMachine> Message for Msg<M> {
    fn name(&self) -> &'static str {
        match self {
            Msg::PreVote { .. } => "PreVote",
            Msg::PreVoted { .. } => "PreVoted",
            Msg::RequestVote { .. } => "RequestVote",
            Msg::Voted { .. } => "Voted",
            Msg::AppendEntries { .. } => "AppendEntries",
            Msg::Appended { .. } => "Appended",
            Msg::Rejected { .. } => "Rejected",
            Msg::InstallSnapshot { .. } => "InstallSnapshot",
            Msg::Forward { .. } => "Forward",
            Msg::Answered { .. } => "Answered",
            Msg::ReadIndex { .. } => "ReadIndex",
            Msg::ReadAt { .. } => "ReadAt",
            Msg::TimeoutNow { .. } => "TimeoutNow",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::AppendEntries { entries, .. } => 48 + entries.iter().map(Entry::bytes).sum::<u32>(),
            Msg::InstallSnapshot { snapshot, .. } => {
                u32::try_from(48 + snapshot.machine.machine().bytes()).unwrap_or(u32::MAX)
            }
            Msg::Forward { op, .. } => 40 + op.carried(),
            Msg::Answered { answer, .. } => 40 + answer.bytes,
            _ => 32,
        }
    }
    fn operations(&self, receiver: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            Msg::AppendEntries { entries, .. } => {
                entries.iter().for_each(|entry| entry.command.operation(receiver, each));
            }
            Msg::Forward { op, .. } => each(op.verb),
            _ => {}
        }
    }
    fn about(&self, key: u64) -> About {
        match self {
            Msg::PreVote { term, .. }
            | Msg::PreVoted { term, .. }
            | Msg::RequestVote { term, .. }
            | Msg::Voted { term, .. }
            | Msg::Rejected { term, .. }
            | Msg::TimeoutNow { term } => About::term(*term),
            Msg::AppendEntries { term, prev, entries, .. } => shipped(*term, prev.index, entries, key),
            Msg::Appended { term, index, .. } => About::term(*term).part(Part::Upto(*index)),
            Msg::InstallSnapshot { term, snapshot, .. } => {
                let held = snapshot.machine.machine().held(key);
                About::term(*term).carrying(!held.is_empty(), held)
            }
            Msg::Forward { requester, op } => handed_on(*requester, op, key),
            Msg::Answered { requester, answer } => About::request(*requester).saying([answer.value]),
            Msg::ReadIndex { requester } => About::request(*requester),
            Msg::ReadAt { requester, term, .. } => About::term(*term).part(Part::Request(*requester)),
        }
    }
}

impl<M> Hash for Msg<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Msg::PreVote { term, last } => (term, last).hash(state),
            Msg::RequestVote { term, last, transfer } => (term, last, transfer).hash(state),
            Msg::PreVoted { term, granted } | Msg::Voted { term, granted } => (term, granted).hash(state),
            Msg::AppendEntries { term, prev, entries, commit, round } => {
                (term, prev, entries, commit, round).hash(state);
            }
            Msg::Appended { term, index, round } => (term, index, round).hash(state),
            Msg::Rejected { term, prev, hint, round } => (term, prev, hint, round).hash(state),
            // The state is a function of the log up to its position.
            Msg::InstallSnapshot { term, snapshot, round } => (term, snapshot.last, round).hash(state),
            Msg::Forward { requester, op } => (requester, op).hash(state),
            Msg::Answered { requester, answer } => (requester, answer).hash(state),
            Msg::ReadIndex { requester } => requester.hash(state),
            Msg::ReadAt { requester, term, index } => (requester, term, index).hash(state),
            Msg::TimeoutNow { term } => term.hash(state),
        }
    }
}
