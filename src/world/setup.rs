//! What a world is made of, as data: groups of processes on hosts, edges between groups, links, a schedule of faults.

use crate::engine::{Dist, GroupId, HostId, ProcessId, Seed, ZoneId};
use crate::metric::Frame;
use crate::physics::clock::ClockSpec;
use crate::physics::disk::{DiskSpec, Fsync};
use crate::physics::network::Place;
use crate::physics::station::StationSpec;
use crate::physics::topology::Topology;
use crate::rpc::{EdgeSpec, Verb};

use super::control::Scheduled;
use super::process::Process;
use super::scaler::Scaling;

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
    /// Whether nothing takes any time.
    pub fn is_free(&self) -> bool {
        self.default.is_zero() && self.by.iter().all(|(_, law)| law.is_zero())
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
    /// The host of each member; its length is the number of members.
    pub hosts: Vec<HostId>,
    /// What it is.
    pub kind: GroupKind,
    /// The station of each member.
    pub station: StationSpec,
    /// Processor time of a visit.
    pub service: ServiceTime,
    /// Whether calls to it are operations of the history under its name.
    pub judged: bool,
    /// Whether it knows an attempt of an operation from another: then a retry is the same operation. Where it doesn't, a
    /// change that is asked for again may take effect again.
    pub knows_attempts: bool,
    /// Whether what its members hold is compared at the end of each bin.
    pub compared: bool,
    /// How many of its members take part; `None`: all of them.
    pub scaling: Option<Scaling>,
}

impl GroupSetup {
    /// Its processes.
    pub fn members(&self) -> impl Iterator<Item = ProcessId> + use<> {
        let first = self.first.0;
        (first..first + u32::try_from(self.hosts.len()).expect("plans are bounded at load")).map(ProcessId)
    }
}

/// One machine: where it stands, its clock and its disk. Everything on it loses power together.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSetup {
    /// Its name; the clock is drawn by it.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Its clock.
    pub clock: ClockSpec,
    /// Its disk.
    pub disk: DiskSpec,
    /// What `synced` waits for.
    pub fsync: Fsync,
}

/// Everything that a world needs to begin.
#[derive(Clone, Debug)]
pub struct Setup<P: Process> {
    /// The seed of the run.
    pub seed: Seed,
    /// Regions, zones, links.
    pub topology: Topology,
    /// Machines, by [`HostId`].
    pub hosts: Vec<HostSetup>,
    /// Groups, by [`GroupId`].
    pub groups: Vec<GroupSetup>,
    /// Processes, by [`ProcessId`], in the order of the groups.
    pub processes: Vec<P>,
    /// Edges, by [`EdgeId`](crate::engine::EdgeId).
    pub edges: Vec<EdgeSpec>,
    /// What breaks, and when.
    pub schedule: Vec<Scheduled>,
    /// Epochs and bins of the meters.
    pub frame: std::sync::Arc<Frame>,
}

impl<P: Process> Setup<P> {
    /// A world with nothing in it.
    pub fn new(seed: Seed, topology: Topology, frame: std::sync::Arc<Frame>) -> Setup<P> {
        Setup {
            seed,
            topology,
            hosts: Vec::new(),
            groups: Vec::new(),
            processes: Vec::new(),
            edges: Vec::new(),
            schedule: Vec::new(),
            frame,
        }
    }
    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<GroupId> {
        self.groups.iter().position(|g| g.name == name).map(GroupId::at)
    }
    /// The id that the next process will get.
    pub fn next_process(&self) -> ProcessId {
        ProcessId::at(self.processes.len())
    }
    /// Adds a group of components, one new host of `host`'s kind for each place; `make` makes its members.
    pub fn component(&mut self, group: GroupSetup, hosts: Vec<HostSetup>, make: impl FnMut(u32) -> P) -> GroupId {
        let id = GroupId::at(self.groups.len());
        let first_host = self.hosts.len();
        let count = u32::try_from(hosts.len()).expect("plans are bounded at load");
        let mut group = group;
        group.first = self.next_process();
        group.hosts = (first_host..first_host + hosts.len()).map(HostId::at).collect();
        self.hosts.extend(hosts);
        self.groups.push(group);
        self.processes.extend((0..count).map(make));
        id
    }
}

impl GroupSetup {
    /// A component with the station of the textbooks, to be given members by [`Setup::component`].
    pub fn component(name: &str) -> GroupSetup {
        GroupSetup {
            name: name.to_owned(),
            first: ProcessId(0),
            hosts: Vec::new(),
            kind: GroupKind::Component,
            station: StationSpec::default(),
            service: ServiceTime::default(),
            judged: false,
            knows_attempts: false,
            compared: false,
            scaling: None,
        }
    }
    /// A population with a mix of `entries`, to be given its one process by [`Setup::component`].
    pub fn clients(name: &str, entries: u16) -> GroupSetup {
        GroupSetup { kind: GroupKind::Clients { entries }, ..GroupSetup::component(name) }
    }
}

impl HostSetup {
    /// A perfect machine in a zone.
    pub fn standard(name: &str, zone: ZoneId) -> HostSetup {
        HostSetup {
            name: name.to_owned(),
            place: Place { zone, access: None },
            clock: ClockSpec::default(),
            disk: DiskSpec::default(),
            fsync: Fsync::Always,
        }
    }
}
