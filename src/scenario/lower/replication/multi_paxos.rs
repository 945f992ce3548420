//! `replication = { multi_paxos = { phase1_quorum, phase2_quorum, election_timeout, heartbeat, reads, … } }`.

use super::Replicas;
use super::raft::{patience, positive};
use crate::protocol::MultiPaxosSpec;
use crate::protocol::multi_paxos::{Preempted, Reads};
use crate::spec::Diagnostic;

/// Reads the knobs of Multi-Paxos. Of the two quorums, one that is not written is the smallest that meets the other.
pub(super) fn read(replicas: &Replicas<'_, '_, '_>) -> Option<MultiPaxosSpec> {
    let (fields, count) = (replicas.fields, replicas.count);
    let mut spec = MultiPaxosSpec { bugs: replicas.bugs.clone(), ..MultiPaxosSpec::new(count) };
    let (phase1, phase2) = ("phase1_quorum", "phase2_quorum");
    match (fields.has(phase1), fields.has(phase2)) {
        (true, false) => {
            spec.phase1_quorum = replicas.quorum(phase1, spec.phase1_quorum);
            spec.phase2_quorum = count + 1 - spec.phase1_quorum;
        }
        (false, true) => {
            spec.phase2_quorum = replicas.quorum(phase2, spec.phase2_quorum);
            spec.phase1_quorum = count + 1 - spec.phase2_quorum;
        }
        (true, true) => {
            spec.phase1_quorum = replicas.quorum(phase1, spec.phase1_quorum);
            spec.phase2_quorum = replicas.quorum(phase2, spec.phase2_quorum);
        }
        (false, false) => {}
    }
    let (q1, q2) = (spec.phase1_quorum, spec.phase2_quorum);
    if q1 + q2 <= count {
        fields.error(
            Diagnostic::error(
                fields.place.clone(),
                format!("{q1} promises and {q2} acceptors of {count} replicas need not have one in common"),
            )
            .label("a new leader could miss what was chosen, and choose something else")
            .help(format!(
                "`{phase1}` and `{phase2}` together exceed {count}: with `{phase2} = {q2}`, `{phase1}` is {} or more",
                count + 1 - q2
            )),
        );
        return None;
    }
    (spec.election_timeout, spec.heartbeat) = patience(replicas, (spec.election_timeout, spec.heartbeat))?;
    spec.reads = match fields.word("reads", &["log", "lease"]) {
        Some("lease") => Reads::Lease,
        _ => Reads::Log,
    };
    spec.preempted = match fields.word("preempted", &["waits", "retries"]) {
        Some("retries") => Preempted::Retries,
        _ => Preempted::Waits,
    };
    spec.batch = positive(replicas, "batch", u64::from(spec.batch))? as u32;
    spec.snapshot_every = positive(replicas, "snapshot_every", spec.snapshot_every)?;
    Some(spec)
}
