//! Who is where: what places of the language come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::places::KeySet;
use crate::engine::{EdgeId, GroupId, HostId, ProcessId, ZoneId};
use crate::physics::topology::Topology;
use crate::rpc::EdgeSpec;
use crate::scenario::plan::ComponentPlan;
use crate::workload::ClientsPlan;
use crate::world::HostSetup;

/// Everything that has a name, once it has a number.
pub(super) struct Site<'a> {
    pub(super) groups: &'a [(String, ProcessId, u32)],
    pub(super) components: &'a [ComponentPlan],
    pub(super) clients: &'a [(Arc<ClientsPlan>, HostSetup)],
    pub(super) topology: &'a Topology,
    pub(super) edges: &'a [EdgeSpec],
    pub(super) keys: &'a BTreeMap<String, KeySet>,
}

impl Site<'_> {
    pub(super) fn everybody(&self) -> Vec<ProcessId> {
        self.groups.iter().flat_map(|(_, first, count)| (first.0..first.0 + count).map(ProcessId)).collect()
    }

    /// Hosts are made in the order of processes, one each.
    pub(super) fn host(&self, process: ProcessId) -> HostId {
        HostId(process.0)
    }

    pub(super) fn group_of(&self, process: ProcessId) -> usize {
        self.groups.iter().rposition(|(_, first, _)| *first <= process).unwrap_or(0)
    }

    pub(super) fn process_name(&self, process: ProcessId) -> String {
        let (name, first, count) = &self.groups[self.group_of(process)];
        if *count == 1 { name.clone() } else { format!("{name}/{}", process.0 - first.0) }
    }

    pub(super) fn is_clients(&self, process: ProcessId) -> bool {
        self.group_of(process) >= self.components.len()
    }

    /// Whether it is an instance of a component of this kind.
    pub(super) fn is_a(&self, process: ProcessId, kind: &str) -> bool {
        self.components.get(self.group_of(process)).is_some_and(|component| component.kind.name() == kind)
    }

    pub(super) fn zone(&self, process: ProcessId) -> ZoneId {
        let group = self.group_of(process);
        match self.components.get(group) {
            Some(component) => component.hosts[(process.0 - self.groups[group].1.0) as usize].place.zone,
            None => self.clients[group - self.components.len()].1.place.zone,
        }
    }

    pub(super) fn region(&self, process: ProcessId) -> &str {
        &self.topology.regions[self.topology.zones[self.zone(process).index()].region]
    }

    /// The edge from one to another. One that leads to several is not meant.
    pub(super) fn edge(&self, from: &str, to: &str) -> Option<EdgeId> {
        let name = format!("{from} -> {to}");
        self.edges.iter().position(|e| e.name == name).map(EdgeId::at)
    }

    /// The edge from one to several, if `to` is among them.
    pub(super) fn shared_edge(&self, from: &str, to: &str) -> Option<EdgeId> {
        let named = |group: GroupId| self.groups.get(group.index()).map(|g| g.0.as_str());
        let leads = |e: &EdgeSpec| {
            let checks = e.name.contains(" checks ");
            !e.beside.is_empty()
                && !checks
                && named(e.caller) == Some(from)
                && e.callees().any(|c| named(c.group) == Some(to))
        };
        self.edges.iter().position(leads).map(EdgeId::at)
    }

    /// The processes at a place. An error is the word, what it should have been, and what there is.
    pub(super) fn processes(&self, text: &str) -> Result<Vec<ProcessId>, (String, &'static str, Vec<String>)> {
        if let Some(region) = text.strip_prefix("region:") {
            let Some(number) = self.topology.regions.iter().position(|r| r == region) else {
                return Err((region.to_owned(), "region", self.topology.regions.clone()));
            };
            let here = |p: &ProcessId| self.topology.zones[self.zone(*p).index()].region == number;
            return Ok(self.everybody().into_iter().filter(here).collect());
        }
        if let Some(zone) = text.strip_prefix("zone:") {
            let fits = |z: ZoneId| {
                let row = &self.topology.zones[z.index()];
                row.name == zone || format!("{}/{}", self.topology.regions[row.region], row.name) == zone
            };
            let known: Vec<String> = self.topology.zones.iter().map(|z| z.name.clone()).collect();
            if !(0..self.topology.zones.len()).map(ZoneId::at).any(fits) {
                return Err((zone.to_owned(), "zone", known));
            }
            return Ok(self.everybody().into_iter().filter(|p| fits(self.zone(*p))).collect());
        }
        let (name, member) = text.split_once('/').map_or((text, None), |(n, m)| (n, Some(m)));
        let Some((_, first, count)) = self.groups.iter().find(|(n, ..)| n == name) else {
            return Err((
                name.to_owned(),
                "component or client group",
                self.groups.iter().map(|g| g.0.clone()).collect(),
            ));
        };
        match member {
            None | Some("*") => Ok((first.0..first.0 + count).map(ProcessId).collect()),
            Some(member) => match member.parse::<u32>() {
                Ok(index) if index < *count => Ok(vec![ProcessId(first.0 + index)]),
                _ => Err((text.to_owned(), "instance", (0..*count).map(|i| format!("{name}/{i}")).collect())),
            },
        }
    }
}
