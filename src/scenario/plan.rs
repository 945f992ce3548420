//! A scenario made complete: every name resolved, every default explicit. What `run` plays.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::component::cache::CacheSpec;
use crate::component::load_balancer::LoadBalancerSpec;
use crate::component::queue::QueueSpec;
use crate::component::service::ServiceSpec;
use crate::engine::{Instant, Seed, Span};
use crate::expect::{self, Expected, Measured, Phase, Sentence, That, Within};
use crate::metric::EpochSet;
use crate::physics::station::StationSpec;
use crate::physics::topology::Topology;
use crate::protocol::{Membership, Replication};
use crate::rpc::EdgeSpec;
use crate::spec::units::Dimension;
use crate::workload::ClientsPlan;
use crate::world::{GroupMeters, HostSetup, Level, MemberMeters, Passage, Scaling, Scheduled, ServiceTime};

/// What a component is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A service and the flows that run on it.
    Service(Arc<ServiceSpec>),
    /// A cache.
    Cache(Arc<CacheSpec>),
    /// A load balancer.
    LoadBalancer(LoadBalancerSpec),
    /// A cluster that watches itself.
    Membership(Membership),
    /// A queue and who consumes from it.
    Queue(Arc<QueueSpec>),
    /// A store: a single copy, or replicas that agree by a protocol.
    Store(Option<Replication>),
}

impl Kind {
    /// As the scenario language writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Service(_) => "service",
            Kind::Cache(_) => "cache",
            Kind::LoadBalancer(_) => "load_balancer",
            Kind::Membership(_) => "membership",
            Kind::Queue(_) => "queue",
            Kind::Store(_) => "store",
        }
    }
}

/// One component.
#[derive(Clone, Debug)]
pub struct ComponentPlan {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The machine of each replica.
    pub hosts: Vec<HostSetup>,
    /// Its station.
    pub station: StationSpec,
    /// Processor time of a visit.
    pub service: ServiceTime,
    /// How many of its replicas take part; `None`: all of them.
    pub scaling: Option<Scaling>,
}

impl ComponentPlan {
    /// Workers that there were on average, of all replicas together. Of a component that is scaled, those of replicas in
    /// service: who stands by or starts has nothing to do yet.
    pub fn capacity(&self, meters: &GroupMeters, epochs: &EpochSet) -> f64 {
        let workers = meters.mean_workers(epochs).max(1.0);
        match meters.levels.get(&Level::InService) {
            None => workers * meters.members.len().max(1) as f64,
            Some(replicas) => workers * replicas.level(epochs).mean().unwrap_or(0.0),
        }
    }

    /// The same of one of them, while it ran.
    pub fn capacity_of(&self, meters: &GroupMeters, member: &MemberMeters, epochs: &EpochSet) -> f64 {
        let ran = self.scaling.map_or(1.0, |_| member.levels.up.level(epochs).mean().unwrap_or(0.0));
        meters.mean_workers(epochs).max(1.0) * ran
    }
}

/// A fault and the time it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    /// Its name, also that of its phase.
    pub name: String,
    /// What it does, for people: `crash web/2`.
    pub what: String,
    /// Each stretch for which it lasts. Of one that waits for a point of a protocol: none in a plan, and the one that it
    /// came to in the plan of an outcome.
    pub windows: Vec<(Instant, Instant)>,
    /// What it waits for, if no clock says when it begins.
    pub awaits: Option<Awaited>,
}

/// A point of a protocol that a fault waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    /// Which, and which time.
    pub passage: Passage,
    /// Name of the component that passes it, if only that one counts.
    pub of: Option<String>,
    /// How long the fault then lasts; `None` is for good.
    pub lasting: Option<Span>,
}

impl Awaited {
    /// `the 2nd leader_elected from 40 s on`.
    pub fn words(&self) -> String {
        let Passage { point, until, from, nth, .. } = &self.passage;
        let nth = match (*nth, nth % 10, nth % 100) {
            (1, ..) => "first".to_owned(),
            (n, 1, tens) if tens != 11 => format!("{n}st"),
            (n, 2, tens) if tens != 12 => format!("{n}nd"),
            (n, 3, tens) if tens != 13 => format!("{n}rd"),
            (n, ..) => format!("{n}th"),
        };
        let of = self.of.as_ref().map_or(String::new(), |of| format!(" of {of}"));
        let since = if *from == Instant::ZERO { String::new() } else { format!(" from {} on", Span(from.0)) };
        match until {
            None => format!("the {nth} {point}{of}{since}"),
            Some(until) => format!("the {nth} {point}{of} before {until}{since}"),
        }
    }
}

impl FaultPlan {
    /// From the first start to the last end.
    pub fn span(&self) -> Option<(Instant, Instant)> {
        Some((self.windows.first()?.0, self.windows.iter().map(|w| w.1).max()?))
    }

    /// Whether it cuts the network in parts.
    pub fn parts(&self) -> bool {
        self.what.starts_with("partition")
    }

    /// How often it comes, or what it waits for, for people; empty if it comes once at a time that is known.
    pub fn times(&self) -> String {
        match (&self.awaits, self.windows.len()) {
            (Some(awaited), _) => format!(", at {}", awaited.words()),
            (None, 1) => String::new(),
            (None, times) => format!(", {times} times"),
        }
    }
}

/// An expectation.
#[derive(Clone, Debug)]
pub struct ExpectPlan {
    /// Its name.
    pub name: String,
    /// What it says.
    pub that: That,
    /// As written.
    pub text: String,
    /// What is expected of it, in the variant of this plan.
    pub expected: Expected,
    /// In which phase.
    pub during: Option<Phase>,
    /// How soon.
    pub within: Option<Within>,
    /// What must be so for it to mean anything.
    pub needs: Vec<That>,
    /// Variants in which it is judged; empty = all.
    pub only: Vec<String>,
    /// Where its number comes from.
    pub source: Option<String>,
    /// Why it matters.
    pub why: Option<String>,
    /// What its being met says, in words and numbers; empty: nothing of its own.
    pub say: Sentence,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A value to be looked for between two ends: the one at which a verdict flips.
#[derive(Clone, Debug, PartialEq)]
pub struct Bisect {
    /// The path that takes the values.
    pub path: String,
    /// Lower end, in the base unit of `dimension`.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What both ends measure.
    pub dimension: Dimension,
    /// The expectation whose verdict flips.
    pub until: String,
}

impl Bisect {
    /// Whether only whole numbers are values.
    pub fn whole(&self) -> bool {
        self.dimension == Dimension::Count
    }
    /// What one of the base unit is worth in an expectation, and what it measures there.
    pub fn measures(&self) -> (f64, expect::Dimension) {
        match self.dimension {
            Dimension::Duration => (1e-9, expect::Dimension::DURATION),
            Dimension::Rate => (1.0, expect::Dimension::RATE),
            Dimension::Size => (1.0, expect::Dimension::SIZE),
            Dimension::Bandwidth => (1.0, expect::Dimension::BANDWIDTH),
            Dimension::Share => (1.0, expect::Dimension::SHARE),
            Dimension::Count => (1.0, expect::Dimension::COUNT),
            Dimension::Drift | Dimension::Number => (1.0, expect::Dimension::NUMBER),
        }
    }
    /// A value between the ends as the language writes it.
    pub fn written(&self, value: f64) -> String {
        match self.dimension {
            Dimension::Duration => format!("{}ns", value.round()),
            Dimension::Rate => format!("{value}/s"),
            Dimension::Size => format!("{}B", value.round()),
            Dimension::Bandwidth => format!("{}B/s", value.round()),
            Dimension::Share => format!("{}%", value * 100.0),
            Dimension::Drift => format!("{value}ppm"),
            Dimension::Count => format!("{}", value.round()),
            Dimension::Number => format!("{value:?}"),
        }
    }
}

/// A sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPlan {
    /// Its name.
    pub name: String,
    /// The points: for each, which paths take which values.
    pub points: Vec<Vec<(String, String)>>,
    /// What the points are called, if they are cases; empty of a grid.
    pub names: Vec<String>,
    /// In the place of points: a value to look for.
    pub bisect: Option<Bisect>,
    /// Variants to run; empty = the base.
    pub only: Vec<String>,
    /// Expressions to show.
    pub show: Vec<String>,
}

/// What a teacher finds beside the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Teach {
    /// How long it takes.
    pub minutes: Option<u64>,
    /// Questions before the run: what is asked, choices, the answer.
    pub predict: Vec<(String, Vec<String>, String)>,
    /// On request.
    pub hints: Vec<String>,
    /// After the run.
    pub look_for: Vec<String>,
    /// Further reading.
    pub reading: Vec<String>,
}

/// One variant of a scenario, complete.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the file without its ending.
    pub name: String,
    /// What it is.
    pub title: String,
    /// What it answers.
    pub question: String,
    /// `intro`, `core` or `deep`.
    pub level: String,
    /// Rows of the catalogue.
    pub covers: Vec<String>,
    /// Virtual time it runs.
    pub end: Instant,
    /// Left out of measurements.
    pub warmup: Span,
    /// Seeds it runs with, first and last.
    pub seeds: (u64, u64),
    /// The seed of this plan: faults were drawn with it.
    pub seed: Seed,
    /// This variant.
    pub variant: String,
    /// The one without changes.
    pub base: String,
    /// All variants in the order of the file, the base first, and why each is there.
    pub variants: Vec<(String, Option<String>)>,
    /// Places and links.
    pub topology: Topology,
    /// Components, by group.
    pub components: Vec<ComponentPlan>,
    /// Populations, behind the components.
    pub clients: Vec<(Arc<ClientsPlan>, HostSetup)>,
    /// Who calls whom.
    pub edges: Vec<EdgeSpec>,
    /// What breaks.
    pub faults: Vec<FaultPlan>,
    /// Faults of the file that are not enabled in this design.
    pub off: Vec<String>,
    /// The same as controls.
    pub schedule: Vec<Scheduled>,
    /// Further moments at which measurements are cut, beside those of faults and expectations. A file sets none.
    pub cuts: Vec<Instant>,
    /// What is expected.
    pub expects: Vec<ExpectPlan>,
    /// What bisecting sweeps have found, by name. A file says nothing of it; expectations may ask for it.
    pub thresholds: BTreeMap<String, Measured>,
    /// Sweeps.
    pub sweeps: Vec<SweepPlan>,
    /// For teachers.
    pub teach: Teach,
    /// Events that a run is estimated to take, and the most that are allowed.
    pub events: (f64, u64),
    /// The tree after all settings, as TOML: what `path`s in expectations mean, and what a report keeps.
    pub tree: toml::Table,
}

impl Plan {
    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<usize> {
        let components = self.components.iter().map(|c| c.name.as_str());
        components.chain(self.clients.iter().map(|(c, _)| c.name.as_str())).position(|n| n == name)
    }
    /// The edge from one to another; of one that leads to several, also which of them that is.
    pub fn edge(&self, from: &str, to: &str) -> Option<(usize, Option<usize>)> {
        let name = format!("{from} -> {to}");
        if let Some(edge) = self.edges.iter().position(|e| e.name == name) {
            return Some((edge, None));
        }
        let (from, to) = (self.group(from)?, self.group(to)?);
        let shared = |e: &EdgeSpec| {
            let leads = !e.beside.is_empty() && !e.name.contains(" checks ") && e.caller.index() == from;
            let callee = e.callees().position(|callee| callee.group.index() == to);
            callee.filter(|_| leads)
        };
        self.edges.iter().enumerate().find_map(|(edge, spec)| Some((edge, Some(shared(spec)?))))
    }
    /// Names of all groups, by group.
    pub fn group_names(&self) -> Vec<&str> {
        let components = self.components.iter().map(|c| c.name.as_str());
        components.chain(self.clients.iter().map(|(c, _)| c.name.as_str())).collect()
    }
}
