//! `[store.X] prefer_leader`: where the leader likes to be.

use super::Lowering;
use crate::engine::ZoneId;
use crate::physics::topology::Topology;
use crate::protocol::{Members, Replication};
use crate::scenario::reader::{Fields, inside};
use crate::spec::Diagnostic;

impl Lowering<'_, '_> {
    /// Reads the place: a region, a zone, or replicas of the store itself; `none` is no wish.
    pub(super) fn prefer_leader(
        &self,
        fields: &Fields<'_, '_>,
        store: &str,
        zones: &[ZoneId],
        topology: &Topology,
        replication: &mut Option<Replication>,
    ) {
        let Some(node) = fields.node("prefer_leader") else { return };
        let (Some(text), at) = (fields.text_of(node), inside(node)) else { return };
        if text == "none" {
            return;
        }
        let spec = match replication {
            Some(Replication::Raft(spec)) => spec,
            // What is wrong with the protocol has been said.
            None if fields.has("replication") => return,
            _ => {
                fields.error(
                    Diagnostic::error(at, "nobody leads here whom one could choose")
                        .help("leaders move in stores under `replication = { raft = {} }`"),
                );
                return;
            }
        };
        let region = |zone: &ZoneId| &topology.regions[topology.zones[zone.index()].region];
        let zone_name = |zone: &ZoneId| &topology.zones[zone.index()].name;
        let count = zones.len();
        let fits = |n: usize| {
            if let Some(name) = text.strip_prefix("region:") {
                return region(&zones[n]) == name;
            }
            if let Some(name) = text.strip_prefix("zone:") {
                return zone_name(&zones[n]) == name
                    || format!("{}/{}", region(&zones[n]), zone_name(&zones[n])) == name;
            }
            format!("{store}/{n}") == text
        };
        spec.preferred = (0..count).filter(|n| fits(*n)).fold(Members::NONE, |all, n| all.with(n as u32));
        if spec.preferred.is_empty() {
            let mut known: Vec<String> = zones.iter().map(|zone| format!("region:{}", region(zone))).collect();
            known.extend(zones.iter().map(|zone| format!("zone:{}", zone_name(zone))));
            known.extend((0..count).map(|n| format!("{store}/{n}")));
            known.sort();
            known.dedup();
            fields.error(Diagnostic::error(at, format!("no replica of {store} is at `{text}`")).nearest(
                &text,
                "there are",
                known.iter().map(String::as_str),
            ));
        }
    }
}
