//! `replication = { crdt = { type, sync, every } }`.

use super::Replicas;
use crate::engine::Span;
use crate::protocol::CrdtSpec;
use crate::protocol::crdt::{Kind, Sync};
use crate::spec::Diagnostic;

/// Reads the knobs of a store whose replicas merge.
pub(super) fn read(replicas: &Replicas<'_, '_, '_>) -> Option<CrdtSpec> {
    let fields = replicas.fields;
    let kinds = ["g_counter", "pn_counter", "lww_register", "mv_register", "or_set"];
    let kind = match fields.word("type", &kinds) {
        Some("g_counter") => Kind::GCounter,
        Some("pn_counter") => Kind::PnCounter,
        Some("lww_register") => Kind::LwwRegister,
        Some("mv_register") => Kind::MvRegister,
        _ => Kind::OrSet,
    };
    let sync = match fields.word("sync", &["state", "delta", "op"]) {
        Some("state") => Sync::State,
        Some("op") => Sync::Op,
        _ => Sync::Delta,
    };
    let every = fields.at::<Span>("every");
    if let Some((Span::ZERO, place)) = &every {
        fields.error(Diagnostic::error(place.clone(), "replicas can't merge all the time").help("such as `200ms`"));
    }
    let every = every.map_or(Span::millis(200), |(e, _)| e).max(Span::micros(1));
    Some(CrdtSpec { kind, sync, every, bugs: replicas.bugs.clone() })
}
