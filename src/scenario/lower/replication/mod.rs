//! `[store.X] replication`: which protocol keeps the replicas alike, and its knobs. One file a protocol.

mod abd;
mod chain;
mod crdt;
mod multi_paxos;
mod primary_backup;
mod quorum;
mod raft;

pub(in crate::scenario) use primary_backup::Detector;
pub(in crate::scenario) use raft::WrittenRange;

use super::Lowering;
use crate::protocol::{Bugs, Planted, Replication};
use crate::scenario::reader::{Fields, inside, is_none};
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Place};

/// The protocols of the language.
const PROTOCOLS: &[&str] = &["abd", "chain", "crdt", "multi_paxos", "primary_backup", "quorum", "raft"];

/// The replicas of a store: how many there are, and where the table of its protocol stands.
pub(super) struct Replicas<'a, 'b, 't> {
    pub(super) count: u32,
    pub(super) fields: &'a Fields<'b, 't>,
    pub(super) bugs: Bugs,
    /// The region of each.
    pub(super) regions: Vec<u16>,
}

impl Replicas<'_, '_, '_> {
    /// The smallest number that any two of it share a replica.
    pub(super) fn majority(&self) -> u32 {
        self.count / 2 + 1
    }

    /// A number of replicas, from 1 to all of them.
    pub(super) fn quorum(&self, key: &'static str, default: u32) -> u32 {
        let Some((count, place)) = self.fields.at::<Count>(key) else { return default };
        if count.0 == 0 || count.0 > u64::from(self.count) {
            self.fields.error(
                Diagnostic::error(place, format!("`{key}` is a number of replicas, of which there are {}", self.count))
                    .help(format!("from 1 to {}", self.count)),
            );
            return default;
        }
        count.0 as u32
    }
}

impl Lowering<'_, '_> {
    /// The protocol of a store with a replica in each of these regions; `None` is a single copy.
    pub(super) fn replication(&self, fields: &Fields<'_, '_>, regions: Vec<u16>) -> Option<Replication> {
        let count = regions.len() as u32;
        let bugs = fields.texts("bugs").unwrap_or_default();
        let Some(table) = fields.table("replication").flatten() else {
            if count > 1 {
                fields.error(
                    Diagnostic::error(fields.place.clone(), format!("{count} replicas, and nothing keeps them alike"))
                        .help(format!(
                            "add `replication = {{ {} = {{}} }}`; there are {}",
                            PROTOCOLS[0],
                            PROTOCOLS.join(", ")
                        )),
                );
            } else if let Some((_, place)) = bugs.first() {
                fields.error(Diagnostic::error(place.clone(), "a single copy has no protocol to get wrong"));
            }
            return None;
        };
        if count > 128 {
            fields.error(Diagnostic::error(fields.place.clone(), "a group has 128 replicas at most"));
            return None;
        }
        let written: Vec<_> = table.entries().collect();
        let [(name, place, node)] = written.as_slice() else {
            fields.error(
                Diagnostic::error(table.place.clone(), "`replication` has exactly one protocol")
                    .help(format!("one of {}", PROTOCOLS.join(", "))),
            );
            return None;
        };
        let Some(protocol) = PROTOCOLS.iter().find(|p| *p == name) else {
            fields.error(Diagnostic::error(place.clone(), format!("no protocol is called `{name}`")).nearest(
                name,
                "protocols",
                PROTOCOLS.iter().copied(),
            ));
            return None;
        };
        let node = table.node(protocol).filter(|n| !is_none(n)).or(Some(*node))?;
        if !node.get_ref().is_table() {
            fields.error(
                Diagnostic::error(inside(node), format!("`{protocol}` takes its knobs as a table"))
                    .help(format!("write `replication = {{ {protocol} = {{}} }}`")),
            );
            return None;
        }
        let inner = table.table_of(node)?;
        let bugs = self.bugs(protocol, &bugs);
        let replicas = Replicas { count, fields: &inner, bugs, regions };
        if *protocol != "quorum" {
            for key in ["timestamps", "commit_wait"].into_iter().filter(|key| fields.has(key)) {
                let place = fields.place.clone();
                fields.error(
                    Diagnostic::error(place, format!("`{key}` is for stores that order writes by clocks"))
                        .help("of this version's protocols, that is `quorum`"),
                );
            }
        }
        let made = match *protocol {
            "chain" => chain::read(&replicas).map(Replication::Chain),
            "crdt" => crdt::read(&replicas).map(Replication::Crdt),
            "multi_paxos" => multi_paxos::read(&replicas).map(Replication::MultiPaxos),
            "primary_backup" => primary_backup::read(&replicas).map(Replication::PrimaryBackup),
            "quorum" => quorum::read(self, fields, &replicas).map(Replication::Quorum),
            "raft" => raft::read(&replicas).map(Replication::Raft),
            _ => abd::read(&replicas).map(Replication::Abd),
        };
        inner.done();
        table.done();
        made
    }

    fn bugs(&self, protocol: &str, written: &[(String, Place)]) -> Bugs {
        let planted: &[Planted] = Replication::planted(protocol).unwrap_or(&[]);
        let found = written.iter().filter_map(|(name, place)| {
            let found = planted.iter().find(|p| p.name == name);
            if found.is_none() {
                self.log.borrow_mut().push(
                    Diagnostic::error(place.clone(), format!("{protocol} has no bug called `{name}`")).nearest(
                        name,
                        "its bugs",
                        planted.iter().map(|p| p.name),
                    ),
                );
            }
            found.map(|p| p.name)
        });
        Bugs::new(found)
    }
}
