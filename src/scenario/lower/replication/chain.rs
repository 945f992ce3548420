//! `replication = { chain = { craq, detector } }`.

use super::Replicas;
use super::primary_backup::Detector;
use crate::engine::Span;
use crate::protocol::ChainSpec;
use crate::spec::Diagnostic;

/// Reads the knobs of a chain.
pub(super) fn read(replicas: &Replicas<'_, '_, '_>) -> Option<ChainSpec> {
    let fields = replicas.fields;
    let craq = fields.flag("craq").unwrap_or(false);
    let detector = fields.get::<Detector>("detector");
    if replicas.count < 2 {
        fields.error(
            Diagnostic::error(fields.place.clone(), "a chain of one replica has no master")
                .help("the last replica is the master and keeps no data: `replicas = 4` is a chain of three"),
        );
        return None;
    }
    Some(ChainSpec {
        craq,
        after: detector.map_or(Span::secs(10), |d| d.after),
        lease: detector.is_some_and(|d| d.lease),
        bugs: replicas.bugs.clone(),
    })
}
