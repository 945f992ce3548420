//! `replication = { quorum = { w, r, sloppy, hinted_handoff, read_repair, anti_entropy, … } }`.

use super::Replicas;
use crate::engine::{Dist, Span};
use crate::protocol::QuorumSpec;
use crate::protocol::quorum::{AntiEntropy, Conflict, RepairMode, Versions, Wars};
use crate::scenario::lower::Lowering;
use crate::scenario::reader::Fields;
use crate::spec::Diagnostic;
use crate::spec::dist::Durations;
use crate::spec::units::{Count, Share};

/// Reads the knobs of a quorum store.
pub(super) fn read(
    lowering: &Lowering<'_, '_>,
    store: &Fields<'_, '_>,
    replicas: &Replicas<'_, '_, '_>,
) -> Option<QuorumSpec> {
    let fields = replicas.fields;
    let base = QuorumSpec::new(replicas.count);
    let mut spec = QuorumSpec {
        w: replicas.quorum("w", base.w),
        r: replicas.quorum("r", base.r),
        sloppy: fields.flag("sloppy").unwrap_or(false),
        hinted_handoff: fields.or_none::<Span>("hinted_handoff").flatten(),
        read_repair: fields.get::<Share>("read_repair").map_or(0.0, |s| s.0),
        write_back: fields.flag("write_back").unwrap_or(false),
        regions: replicas.regions.clone(),
        bugs: replicas.bugs.clone(),
        ..base
    };
    if let Some(Some(table)) = fields.table("anti_entropy") {
        let every = table.at::<Span>("every");
        if let Some((Span::ZERO, place)) = &every {
            fields.error(Diagnostic::error(place.clone(), "trees can't be compared all the time"));
        }
        let depth = table.at::<Count>("depth");
        if let Some((Count(depth), place)) = &depth
            && !(1..=20).contains(depth)
        {
            fields.error(
                Diagnostic::error(place.clone(), "a tree has a depth from 1 to 20").help("Cassandra's is 15 at most"),
            );
        }
        spec.anti_entropy = Some(AntiEntropy {
            every: every.map_or(Span::secs(10), |(e, _)| e).max(Span::millis(1)),
            depth: depth.map_or(15, |(d, _)| d.0.clamp(1, 20) as u8),
        });
        table.done();
    }
    spec.versions = match fields.word("versions", &["wall_clock", "hlc", "version_vector", "dotted_version_vector"]) {
        Some("hlc") => Versions::Hybrid,
        Some("version_vector") => Versions::VersionVector,
        Some("dotted_version_vector") => Versions::Dotted,
        _ => Versions::WallClock,
    };
    spec.commit_wait = store.flag("commit_wait").unwrap_or(false);
    if let Some(word) = store.word("timestamps", &["wall_clock", "lamport", "hlc", "uncertain"]) {
        if fields.has("versions") {
            fields.error(
                Diagnostic::error(store.place.clone(), "`timestamps` and `versions` both say how writes are ordered")
                    .help("write one of them"),
            );
        }
        spec.versions = match word {
            "lamport" => Versions::Lamport,
            "hlc" => Versions::Hybrid,
            "uncertain" => Versions::Uncertain,
            _ => Versions::WallClock,
        };
    }
    if spec.commit_wait && spec.versions == Versions::Lamport {
        fields.error(
            Diagnostic::error(store.place.clone(), "a Lamport clock counts events: no time of a write passes")
                .label("`commit_wait` waits for that")
                .help("write `timestamps = \"uncertain\"`, or leave `commit_wait` out"),
        );
    }
    if fields.word("repair_mode", &["blocking", "async"]) == Some("async") {
        spec.repair_mode = RepairMode::Async;
    }
    if let Some(word) = fields.word("conflict", &["last_write_wins", "siblings"]) {
        spec.conflict = if word == "siblings" { Conflict::Siblings } else { Conflict::LastWriteWins };
    }
    if spec.conflict == Conflict::Siblings && spec.versions.is_clock() {
        fields.error(
            Diagnostic::error(fields.place.clone(), "a clock always knows a newest version: there are no siblings")
                .help("add `versions = \"dotted_version_vector\"`, or leave `conflict` at `last_write_wins`"),
        );
    }
    if let Some((tombstones, place)) = fields.at::<Span>("tombstones") {
        if tombstones.is_zero() {
            fields.error(Diagnostic::error(place, "tombstones are kept for a while").help("say how long: `10d`"));
        }
        spec.tombstones = tombstones;
    }
    if let Some(Some(table)) = fields.table("wars") {
        let leg = |key| lowering.drawn::<Durations>(&table, key).unwrap_or(Dist::constant(1e6));
        let remote = table.at::<Span>("remote").map_or(Span::ZERO, |(more, _)| more);
        spec.wars = Some(Box::new(Wars { w: leg("w"), a: leg("a"), r: leg("r"), s: leg("s"), remote }));
        table.done();
        if !spec.versions.is_clock() {
            fields.error(
                Diagnostic::error(fields.place.clone(), "`wars` delays a coordinator's own copy too")
                    .label("version vectors count on having it at once")
                    .help("use `versions = \"wall_clock\"` with it"),
            );
        }
    }
    Some(spec)
}
