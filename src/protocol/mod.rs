//! How replicas agree: pure sans-IO state machines, one file each, the paper on line 1.
//!
//! A new protocol is its file, a variant of [`Replication`], a line in the catalogue, and its keys in
//! `scenario/lower/replication`.

pub mod abd;
pub mod chain;
pub mod clocks;
pub mod crdt;
pub mod gossip;
pub mod heartbeat;
pub mod multi_paxos;
pub mod parts;
pub mod phi_accrual;
pub mod primary_backup;
pub mod quorum;
pub mod raft;
pub mod swim;

pub use abd::{Abd, AbdSpec};
pub use chain::{ChainServer, ChainSpec};
pub use crdt::{Crdt, CrdtSpec};
pub use multi_paxos::{MultiPaxos, MultiPaxosSpec};
pub use parts::{Bugs, Group, Members, Planted, Sessions};
pub use primary_backup::{PrimaryBackup, PrimaryBackupSpec};
pub use quorum::{Quorum, QuorumSpec};
pub use raft::{Raft, RaftSpec};

use crate::rpc::Verb;

/// How a cluster finds out who is alive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Membership {
    /// One rumour spreads, and nobody is watched.
    Gossip(gossip::GossipSpec),
    /// Heartbeats, judged by their silence.
    Heartbeat(heartbeat::HeartbeatSpec),
    /// Probes and suspicion.
    Swim(swim::SwimSpec),
}

/// How a store keeps its replicas alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Replication {
    /// An atomic register by majorities.
    Abd(AbdSpec),
    /// Updates from head to tail.
    Chain(ChainSpec),
    /// Types that merge.
    Crdt(CrdtSpec),
    /// A log under ballots and quorums of two sizes.
    MultiPaxos(MultiPaxosSpec),
    /// A primary that ships its log to backups.
    PrimaryBackup(PrimaryBackupSpec),
    /// Partial quorums and repair.
    Quorum(QuorumSpec),
    /// A log under an elected leader.
    Raft(RaftSpec),
}

impl Membership {
    /// The points that its members pass, for faults that wait for one.
    pub fn points(&self) -> &'static [&'static str] {
        match self {
            Membership::Gossip(_) => gossip::POINTS,
            Membership::Heartbeat(_) => heartbeat::POINTS,
            Membership::Swim(_) => swim::POINTS,
        }
    }
}

impl Replication {
    /// As the scenario language writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Replication::Abd(_) => "abd",
            Replication::Chain(_) => "chain",
            Replication::Crdt(_) => "crdt",
            Replication::MultiPaxos(_) => "multi_paxos",
            Replication::PrimaryBackup(_) => "primary_backup",
            Replication::Quorum(_) => "quorum",
            Replication::Raft(_) => "raft",
        }
    }
    /// Whether replicas carry out this operation on data.
    pub fn carries(&self, verb: Verb) -> bool {
        match self {
            Replication::Abd(_) | Replication::Quorum(_) => matches!(verb, Verb::Read | Verb::Write | Verb::Delete),
            Replication::Crdt(spec) => spec.kind.carries(verb),
            Replication::Chain(_)
            | Replication::MultiPaxos(_)
            | Replication::PrimaryBackup(_)
            | Replication::Raft(_) => parts::carries(verb),
        }
    }
    /// The points that its replicas pass, for faults that wait for one.
    pub fn points(&self) -> &'static [&'static str] {
        match self {
            Replication::Abd(_) | Replication::Crdt(_) | Replication::Quorum(_) => &[],
            Replication::Chain(_) => chain::POINTS,
            Replication::MultiPaxos(_) => multi_paxos::POINTS,
            Replication::PrimaryBackup(_) => primary_backup::POINTS,
            Replication::Raft(_) => raft::POINTS,
        }
    }
    /// The bugs that `protocol` can be told to have; `None` if there is no such protocol.
    pub fn planted(protocol: &str) -> Option<&'static [Planted]> {
        Some(match protocol {
            "abd" => abd::BUGS,
            "chain" => chain::BUGS,
            "crdt" => crdt::BUGS,
            "multi_paxos" => multi_paxos::BUGS,
            "primary_backup" => primary_backup::BUGS,
            "quorum" => quorum::BUGS,
            "raft" => raft::BUGS,
            _ => return None,
        })
    }
}
