//! `replication = { raft = { election_timeout, heartbeat, prevote, check_quorum, reads, spares, … } }`.

use super::Replicas;
use crate::engine::Span;
use crate::protocol::RaftSpec;
use crate::protocol::raft::{Membership, Reads};
use crate::spec::units::{self, Count, Dimension, Sign};
use crate::spec::{Diagnostic, FromText};

/// A range of durations: `150ms..300ms`.
pub(in crate::scenario) struct WrittenRange(Span, Span);

impl FromText for WrittenRange {
    const WHAT: &'static str = "a range of durations";
    fn from_text(text: &str) -> Result<WrittenRange, crate::spec::TextError> {
        let bounds = units::bounds(text, Some(Dimension::Duration), Sign::Positive)?;
        Ok(WrittenRange(Span::from_nanos_f64(bounds.low), Span::from_nanos_f64(bounds.high)))
    }
    fn examples() -> &'static [&'static str] {
        &["150ms..300ms"]
    }
}

/// Reads how patient followers are, and how often a leader is heard: `election_timeout`, `heartbeat`.
pub(super) fn patience(replicas: &Replicas<'_, '_, '_>, default: ((Span, Span), Span)) -> Option<((Span, Span), Span)> {
    let fields = replicas.fields;
    let (mut election_timeout, mut heartbeat) = default;
    let timeout = fields.at::<WrittenRange>("election_timeout");
    if let Some((WrittenRange(shortest, longest), _)) = timeout {
        election_timeout = (shortest, longest);
    }
    let written = fields.at::<Span>("heartbeat");
    if let Some((every, _)) = written {
        heartbeat = every;
    }
    if heartbeat.is_zero() {
        let place = written.map_or(fields.place.clone(), |h| h.1);
        fields.error(Diagnostic::error(place, "a leader can't speak all the time").help("such as `50ms`"));
        return None;
    }
    if heartbeat >= election_timeout.0 {
        let place = written.map(|h| h.1).or(timeout.map(|t| t.1)).unwrap_or(fields.place.clone());
        fields.error(
            Diagnostic::error(place, "followers lose patience before the leader's next heartbeat").help(
                "`heartbeat` is shorter than the shortest `election_timeout`, several times if messages are lost",
            ),
        );
        return None;
    }
    Some((election_timeout, heartbeat))
}

/// Reads the knobs of Raft.
pub(super) fn read(replicas: &Replicas<'_, '_, '_>) -> Option<RaftSpec> {
    let fields = replicas.fields;
    let mut spec = RaftSpec { bugs: replicas.bugs.clone(), ..RaftSpec::default() };
    (spec.election_timeout, spec.heartbeat) = patience(replicas, (spec.election_timeout, spec.heartbeat))?;
    spec.prevote = fields.flag("prevote").unwrap_or(spec.prevote);
    spec.check_quorum = fields.flag("check_quorum").unwrap_or(spec.check_quorum);
    spec.reads = match fields.word("reads", &["log", "read_index", "lease", "follower"]) {
        Some("log") => Reads::Log,
        Some("lease") => Reads::Lease,
        Some("follower") => Reads::Follower,
        _ => Reads::ReadIndex,
    };
    for (key, value) in [("batch", &mut spec.batch), ("pipeline", &mut spec.pipeline)] {
        *value = positive(replicas, key, u64::from(*value))? as u32;
    }
    spec.snapshot_every = positive(replicas, "snapshot_every", spec.snapshot_every)?;
    spec.membership = match fields.word("membership", &["single", "joint"]) {
        Some("joint") => Membership::Joint,
        _ => Membership::Single,
    };
    spec.catch_up = fields.flag("catch_up").unwrap_or(spec.catch_up);
    let mut others = 0;
    for (key, value) in [("learners", &mut spec.learners), ("spares", &mut spec.spares)] {
        let Some((count, place)) = fields.at::<Count>(key) else { continue };
        others += count.0.min(u64::from(u32::MAX));
        if others >= u64::from(replicas.count) {
            let beside = if others > count.0 { " beside the learners" } else { "" };
            fields.error(
                Diagnostic::error(place, format!("{} {key}{beside}, of {} replicas", count.0, replicas.count))
                    .help("somebody must vote: learners and spares are the last of the replicas, fewer than all"),
            );
            return None;
        }
        *value = count.0 as u32;
    }
    Some(spec)
}

pub(super) fn positive(replicas: &Replicas<'_, '_, '_>, key: &'static str, default: u64) -> Option<u64> {
    let Some((count, place)) = replicas.fields.at::<Count>(key) else { return Some(default) };
    if count.0 == 0 || count.0 > u64::from(u32::MAX) {
        replicas.fields.error(Diagnostic::error(place, format!("`{key}` is a number from 1 to {}", u32::MAX)));
        return None;
    }
    Some(count.0)
}
