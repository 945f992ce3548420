//! `replication = { abd = { w, r, write_back } }`.

use super::Replicas;
use crate::protocol::AbdSpec;
use crate::spec::Diagnostic;

/// Reads the knobs of ABD.
pub(super) fn read(replicas: &Replicas<'_, '_, '_>) -> Option<AbdSpec> {
    let w = replicas.quorum("w", replicas.majority());
    let r = replicas.quorum("r", replicas.majority());
    let write_back = replicas.fields.flag("write_back").unwrap_or(true);
    if w + r <= replicas.count {
        replicas.fields.error(
            Diagnostic::error(
                replicas.fields.place.clone(),
                format!("w + r = {} does not exceed {} replicas", w + r, replicas.count),
            )
            .help("a read must meet every write: raise `w` or `r`"),
        );
        return None;
    }
    Some(AbdSpec { w, r, write_back, bugs: replicas.bugs.clone() })
}
