//! How replicas agree: pure sans-IO state machines, one file each, the paper on line 1.
//!
//! A new protocol is its file, a variant of [`Replication`], a line in the catalogue, and its keys in
//! `scenario/lower/replication`.

pub mod abd;
pub mod parts;
pub mod raft;

pub use abd::{Abd, AbdSpec};
pub use parts::{Bugs, Group, Members, Planted, Sessions};
pub use raft::{Raft, RaftSpec};

use crate::rpc::Verb;

/// How a store keeps its replicas alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Replication {
    /// An atomic register by majorities.
    Abd(AbdSpec),
    /// A log under an elected leader.
    Raft(RaftSpec),
}

impl Replication {
    /// As the scenario language writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Replication::Abd(_) => "abd",
            Replication::Raft(_) => "raft",
        }
    }
    /// Whether replicas carry out this operation on data.
    pub fn carries(&self, verb: Verb) -> bool {
        match self {
            Replication::Abd(_) => matches!(verb, Verb::Read | Verb::Write | Verb::Delete),
            Replication::Raft(_) => parts::carries(verb),
        }
    }
    /// The bugs that `protocol` can be told to have; `None` if there is no such protocol.
    pub fn planted(protocol: &str) -> Option<&'static [Planted]> {
        Some(match protocol {
            "abd" => abd::BUGS,
            "raft" => raft::BUGS,
            _ => return None,
        })
    }
}
