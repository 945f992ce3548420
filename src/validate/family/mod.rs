//! The families: for each, how a row becomes a scenario, and which meters hold its results.

mod availability;
mod balancing;
mod closed_mva;
mod fan_out;
mod gossip;
mod hedging;
mod jackson;
mod lru;
mod membership;
mod metastable;
mod queueing_loss;
mod queueing_open;
mod raft_election;
mod retries;
mod staleness;
mod zipf;

use super::Family;
use super::experiment::Estimate;

/// All of them.
pub(super) const ALL: &[Family] = &[
    queueing_open::FAMILY,
    queueing_loss::FAMILY,
    closed_mva::FAMILY,
    jackson::FAMILY,
    fan_out::ORDER_STATISTICS,
    fan_out::TAIL,
    balancing::REPLACEMENT,
    balancing::NO_REPLACEMENT,
    hedging::DISTRIBUTION,
    hedging::BIMODAL,
    retries::EXPECTED,
    retries::AMPLIFICATION,
    metastable::RETRY,
    metastable::THRESHOLD,
    lru::FAMILY,
    availability::FAMILY,
    zipf::FAMILY,
    staleness::BY_TIME,
    staleness::BY_VERSIONS,
    raft_election::FAMILY,
    membership::DETECTION,
    membership::ONE_DETECTION,
    membership::FALSE_PING,
    membership::PHI,
    membership::PHI_NORMAL,
    gossip::ROUNDS,
    gossip::RESIDUE,
];
