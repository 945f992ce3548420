//! What primary and backups say to each other, and what they write down.

use std::sync::Arc;

use super::super::parts::{Entry, Position, handed_on, shipped};
use crate::rpc::{Answer, Op, Requester, Verb};
use crate::world::{About, Message, Part};

/// Between replicas.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// Entries that follow `prev`; none in a heartbeat.
    Append {
        /// The primary's epoch.
        epoch: u64,
        /// What the backup must have.
        prev: Position,
        /// What follows.
        entries: Arc<[Entry]>,
        /// Of heartbeats.
        beat: u64,
    },
    /// The backup's disk has everything up to here.
    Stored {
        /// The backup's epoch.
        epoch: u64,
        /// The last entry.
        index: u64,
        /// Of heartbeats.
        beat: u64,
    },
    /// The backup lacks what precedes.
    Missing {
        /// The backup's epoch.
        epoch: u64,
        /// What it has, perhaps.
        hint: u64,
        /// Of heartbeats.
        beat: u64,
    },
    /// You have been replaced.
    Fenced {
        /// The newest epoch known.
        epoch: u64,
    },
    /// Shall I be the primary of this epoch?
    Elect {
        /// The epoch.
        epoch: u64,
        /// Where the log ends.
        last: Position,
    },
    /// Yes.
    Elected {
        /// The epoch.
        epoch: u64,
    },
    /// The witness: where does your log end?
    Poll {
        /// The epoch that it is about to begin.
        epoch: u64,
    },
    /// Here.
    Standing {
        /// The epoch asked about.
        epoch: u64,
        /// Where the log ends.
        last: Position,
    },
    /// The witness: you are the primary.
    Promote {
        /// Of this epoch.
        epoch: u64,
    },
    /// A client asked me; you are the primary.
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
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Append { .. } => "Append",
            Msg::Stored { .. } => "Stored",
            Msg::Missing { .. } => "Missing",
            Msg::Fenced { .. } => "Fenced",
            Msg::Elect { .. } => "Elect",
            Msg::Elected { .. } => "Elected",
            Msg::Poll { .. } => "Poll",
            Msg::Standing { .. } => "Standing",
            Msg::Promote { .. } => "Promote",
            Msg::Forward { .. } => "Forward",
            Msg::Answered { .. } => "Answered",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Append { entries, .. } => 32 + entries.iter().map(Entry::bytes).sum::<u32>(),
            Msg::Forward { op, .. } => 40 + op.carried(),
            Msg::Answered { answer, .. } => 40 + answer.bytes,
            _ => 32,
        }
    }
    fn operations(&self, receiver: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            Msg::Append { entries, .. } => entries.iter().for_each(|entry| entry.command.operation(receiver, each)),
            Msg::Forward { op, .. } => each(op.verb),
            _ => {}
        }
    }
    fn about(&self, key: u64) -> About {
        match self {
            Msg::Append { epoch, prev, entries, .. } => shipped(*epoch, prev.index, entries, key),
            Msg::Stored { epoch, index, .. } => About::term(*epoch).part(Part::Upto(*index)),
            Msg::Missing { epoch, .. }
            | Msg::Fenced { epoch }
            | Msg::Elect { epoch, .. }
            | Msg::Elected { epoch }
            | Msg::Poll { epoch }
            | Msg::Standing { epoch, .. }
            | Msg::Promote { epoch } => About::term(*epoch),
            Msg::Forward { requester, op } => handed_on(*requester, op, key),
            Msg::Answered { requester, answer } => About::request(*requester).saying([answer.value]),
        }
    }
}

/// One record on disk.
#[derive(Clone, Debug)]
pub enum Record {
    /// Who is the primary, as far as this replica knows.
    View {
        /// The newest epoch known.
        epoch: u64,
        /// The newest epoch that it has agreed to.
        promised: u64,
        /// The primary.
        primary: Option<u32>,
    },
    /// Entries that take the place of everything after `prev`.
    Entries {
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
            Record::View { .. } => 24,
            Record::Entries { entries, .. } => 24 + entries.iter().map(Entry::bytes).sum::<u32>(),
        }
    }
}
