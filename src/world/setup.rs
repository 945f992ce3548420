//! What a world is made of, as data: groups of processes on hosts, edges between groups, links, a schedule of faults.

use crate::engine::{Dist, GroupId, ProcessId, Seed, ZoneId};
use crate::metric::Frame;
use crate::physics::clock::ClockSpec;
use crate::physics::disk::{DiskSpec, Fsync};
use crate::physics::station::StationSpec;
use crate::physics::topology::Topology;
use crate::rpc::{EdgeSpec, Verb};

use super::control::Scheduled;
use super::process::Process;

/// Processor time of one visit, before speed and slowness, ns.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceTime {
    /// Of what isn't named in `by`.
    pub default: Dist,
    /// Of these verbs.
    pub by: Vec<(Verb, Dist)>,
}

impl Default for ServiceTime {
    /// No time at all.
    fn default() -> ServiceTime {
        ServiceTime { default: Dist::constant(0.0), by: Vec::new() }
    }
}

impl ServiceTime {
    /// The same for everything.
    pub fn of(dist: Dist) -> ServiceTime {
        ServiceTime { default: dist, by: Vec::new() }
    }
    /// The distribution for a verb. Health checks take no time.
    pub fn law(&self, verb: Verb) -> Option<&Dist> {
        if verb == Verb::Ping {
            return None;
        }
        Some(self.by.iter().find(|(v, _)| *v == verb).map_or(&self.default, |(_, d)| d))
    }
}

/// What a group is, as far as the world cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// A population of clients with this many mix entries; it has no station and never crashes.
    Clients {
        /// Entries of the mix, each with a meter of its own.
        entries: u16,
    },
    /// A component: requests pass a station.
    Component,
}

/// One group: consecutive processes of one kind, each on a host of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSetup {
    /// Its name; random numbers and reports go by it.
    pub name: String,
    /// Its first process.
    pub first: ProcessId,
    /// Where each member stands; its length is the number of members.
    pub zones: Vec<ZoneId>,
    /// What it is.
    pub kind: GroupKind,
    /// Whether its traffic also crosses its region's access link.
    pub access: bool,
    /// The station of each member.
    pub station: StationSpec,
    /// Processor time of a visit.
    pub service: ServiceTime,
    /// The clock of each host.
    pub clock: ClockSpec,
    /// The disk of each host.
    pub disk: DiskSpec,
    /// What `synced` waits for.
    pub fsync: Fsync,
    /// Whether calls to it are operations of the history under its name.
    pub judged: bool,
}

impl GroupSetup {
    /// A component of `count` members in one zone, with the defaults of the textbooks.
    pub fn component(name: &str, first: ProcessId, count: u32) -> GroupSetup {
        GroupSetup {
            name: name.to_owned(),
            first,
            zones: vec![ZoneId(0); count as usize],
            kind: GroupKind::Component,
            access: false,
            station: StationSpec::default(),
            service: ServiceTime::default(),
            clock: ClockSpec::default(),
            disk: DiskSpec::default(),
            fsync: Fsync::Always,
            judged: false,
        }
    }
    /// Its processes.
    pub fn members(&self) -> impl Iterator<Item = ProcessId> + use<> {
        let first = self.first.0;
        (first..first + u32::try_from(self.zones.len()).expect("plans are bounded at load")).map(ProcessId)
    }
}

/// Everything that a world needs to begin.
#[derive(Clone, Debug)]
pub struct Setup<P: Process> {
    /// The seed of the run.
    pub seed: Seed,
    /// Regions, zones, links.
    pub topology: Topology,
    /// Groups, by [`GroupId`].
    pub groups: Vec<GroupSetup>,
    /// Processes, by [`ProcessId`], in the order of the groups.
    pub processes: Vec<P>,
    /// Edges, by [`EdgeId`](crate::engine::EdgeId).
    pub edges: Vec<EdgeSpec>,
    /// What breaks, and when.
    pub schedule: Vec<Scheduled>,
    /// Epochs and bins of the meters.
    pub frame: Frame,
}

impl<P: Process> Setup<P> {
    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<GroupId> {
        self.groups.iter().position(|g| g.name == name).map(GroupId::at)
    }
}
