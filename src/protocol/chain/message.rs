//! What the servers of a chain and their master say, and what they write down.

use std::sync::Arc;

use super::super::parts::{Entry, Position, handed_on, shipped};
use crate::rpc::{Answer, Op, Requester, Verb};
use crate::world::{About, Message, Part};

/// Who follows whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Each change of the chain begins one.
    pub epoch: u64,
    /// From head to tail.
    pub servers: Arc<[u32]>,
    /// Who copies the tail, to become the next one.
    pub joining: Option<u32>,
}

/// Between servers, and to and from the master.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// To the master: I am there.
    Alive {
        /// The newest chain known.
        epoch: u64,
        /// Whether a server that joins has all that the tail has.
        ready: bool,
        /// Numbers the heartbeats of this server.
        beat: u64,
    },
    /// From the master: this is the chain. To everybody when it changes, to one as the answer to a heartbeat.
    View {
        /// The chain.
        chain: Chain,
        /// The heartbeat that it answers; 0 if none.
        beat: u64,
    },
    /// To the successor: updates that follow `prev`; none in a heartbeat.
    Update {
        /// Of the chain.
        epoch: u64,
        /// What the successor must have.
        prev: Position,
        /// What follows.
        entries: Arc<[Entry]>,
        /// Up to here the sender knows updates to be at the tail.
        stable: u64,
        /// To a server that joins: whatever is acknowledged from now on, it has.
        coupled: bool,
    },
    /// To the predecessor: updates up to here are on my disk.
    Stored {
        /// Of the chain.
        epoch: u64,
        /// The last of them.
        index: u64,
        /// Up to here updates are at the tail.
        stable: u64,
    },
    /// To the predecessor: I lack what precedes.
    Missing {
        /// Of the chain.
        epoch: u64,
        /// What I have, perhaps.
        hint: u64,
    },
    /// A client asked me; this is for you.
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
    /// To the tail: how far are you? (CRAQ, for a key with updates under way.)
    VersionQuery {
        /// Of the chain that the asker knows: behind another tail its updates may be others.
        epoch: u64,
        /// Who asked.
        requester: Requester,
    },
    /// This far.
    Version {
        /// Of the tail's chain.
        epoch: u64,
        /// Who asked.
        requester: Requester,
        /// The last update at the tail.
        index: u64,
    },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Alive { .. } => "Alive",
            Msg::View { .. } => "View",
            Msg::Update { .. } => "Update",
            Msg::Stored { .. } => "Stored",
            Msg::Missing { .. } => "Missing",
            Msg::Forward { .. } => "Forward",
            Msg::Answered { .. } => "Answered",
            Msg::VersionQuery { .. } => "VersionQuery",
            Msg::Version { .. } => "Version",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Update { entries, .. } => 40 + entries.iter().map(Entry::bytes).sum::<u32>(),
            Msg::Forward { op, .. } => 40 + op.carried(),
            Msg::Answered { answer, .. } => 40 + answer.bytes,
            _ => 32,
        }
    }
    fn operations(&self, receiver: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            Msg::Update { entries, .. } => entries.iter().for_each(|entry| entry.command.operation(receiver, each)),
            Msg::Forward { op, .. } => each(op.verb),
            _ => {}
        }
    }
    fn about(&self, key: u64) -> About {
        match self {
            Msg::Alive { epoch, .. } | Msg::Missing { epoch, .. } => About::term(*epoch),
            Msg::View { chain, .. } => About::term(chain.epoch),
            Msg::Update { epoch, prev, entries, .. } => shipped(*epoch, prev.index, entries, key),
            Msg::Stored { epoch, index, .. } => About::term(*epoch).part(Part::Upto(*index)),
            Msg::Forward { requester, op } => handed_on(*requester, op, key),
            Msg::Answered { requester, answer } => About::request(*requester).saying([answer.value]),
            Msg::VersionQuery { requester, .. } | Msg::Version { requester, .. } => About::request(*requester),
        }
    }
}

/// One record on disk.
#[derive(Clone, Debug)]
pub enum Record {
    /// The newest chain.
    View(Chain),
    /// Updates that take the place of everything after `prev`.
    Updates {
        /// What precedes them.
        prev: Position,
        /// They.
        entries: Arc<[Entry]>,
    },
}

impl Record {
    /// On disk, as on the wire (illustrative).
    pub(super) fn bytes(&self) -> u32 {
        match self {
            Record::View(_) => 24,
            Record::Updates { entries, .. } => 24 + entries.iter().map(Entry::bytes).sum::<u32>(),
        }
    }
}
