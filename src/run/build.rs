//! From a plan to a world, ready to run.

use std::sync::Arc;

use crate::catalog::AnyProcess;
use crate::component::{Cache, LoadBalancer, Queue, Service, Store};
use crate::engine::{GroupId, Instant, ProcessId};
use crate::history::ObjectId;
use crate::metric::Frame;
use crate::protocol::{Group, Replication};
use crate::scenario::{Kind, Plan};
use crate::workload::Clients;
use crate::world::{Focus, GroupKind, GroupSetup, Process, Setup, World};

/// Where one process of a plan comes from.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its component.
    pub component: &'a str,
    /// Its number there.
    pub index: u32,
    /// How many there are.
    pub replicas: u32,
    /// The first of them; the others follow.
    pub first: ProcessId,
    /// What it is in the history.
    pub object: ObjectId,
}

/// How a plan's run is cut: at the warm-up, wherever a fault starts or ends, and at the windows of expectations.
pub fn frame(plan: &Plan) -> Arc<Frame> {
    use crate::expect::ast::{Part, Phase, Within};
    let mut cuts = vec![Instant::ZERO + plan.warmup];
    cuts.extend_from_slice(&plan.cuts);
    let window = |phase: &Phase, cuts: &mut Vec<Instant>| {
        if let Phase::Window(from, to) = phase {
            let at = |seconds: f64| Instant((seconds * 1e9).max(0.0) as u64);
            cuts.extend([at(from.value), at(to.value)]);
        }
    };
    // A fault that flaps more often than can be told apart is one stretch.
    for fault in &plan.faults {
        if fault.windows.len() <= 200 {
            cuts.extend(fault.windows.iter().flat_map(|(from, to)| [*from, *to]));
        } else if let Some((from, to)) = fault.span() {
            cuts.extend([from, to]);
        }
    }
    for expect in &plan.expects {
        if let Some(phase) = &expect.during {
            window(phase, &mut cuts);
        }
        for metric in expect.that.metrics() {
            for (part, _) in &metric.scope.parts {
                if let Part::Phase(phase) = part {
                    window(phase, &mut cuts);
                }
            }
        }
        if let Some(Within::After { delay, fault, .. }) = &expect.within
            && let Some(fault) = plan.faults.iter().find(|f| f.name == *fault)
        {
            let delay = crate::engine::Span::from_nanos_f64(delay.value * 1e9);
            for range in crate::scenario::after_windows(delay, fault, &plan.faults, plan.end) {
                cuts.extend([range.start, range.end]);
            }
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts.truncate(1000);
    let bin = Frame::bin_for(plan.end);
    Arc::new(Frame::new(plan.end, &cuts, bin).expect("a plan has a length, and its cuts are bounded"))
}

/// Whether anybody wants to know how many keys differ: looking takes time.
fn compares(plan: &Plan) -> bool {
    let named = |measure: &Option<String>| measure.as_deref() == Some("divergent_keys");
    let expected = plan.expects.iter().flat_map(|e| std::iter::once(&e.that).chain(&e.needs));
    expected.flat_map(|that| that.metrics()).any(|metric| named(&metric.measure))
        || plan.sweeps.iter().flat_map(|sweep| &sweep.show).any(|text| text.contains("divergent_keys"))
}

/// Builds the world of a plan, of stock processes.
pub fn build(plan: &Plan, focus: Focus) -> World<AnyProcess> {
    build_with(plan, focus, |_| None)
}

/// Whoever replicates a log keeps the last answer of each client in its state machine; others carry out what they are
/// asked for.
fn knows_attempts(kind: &Kind) -> bool {
    let Kind::Store(Some(replication)) = kind else { return false };
    match replication {
        Replication::Raft(_) | Replication::MultiPaxos(_) | Replication::PrimaryBackup(_) | Replication::Chain(_) => {
            true
        }
        Replication::Abd(_) | Replication::Crdt(_) | Replication::Quorum(_) => false,
    }
}

/// Builds the world of a plan; `own` may put a process of its own in the place of any.
pub fn build_with<P: Process + From<AnyProcess>>(
    plan: &Plan,
    focus: Focus,
    own: impl Fn(Member<'_>) -> Option<P>,
) -> World<P> {
    let mut setup: Setup<P> = Setup::new(plan.seed, plan.topology.clone(), frame(plan));
    for component in &plan.components {
        let object = ObjectId(GroupId::at(setup.groups.len()).0);
        let group = GroupSetup {
            station: component.station.clone(),
            service: component.service.clone(),
            judged: matches!(component.kind, Kind::Store(_)),
            knows_attempts: knows_attempts(&component.kind),
            scaling: component.scaling,
            compared: matches!(component.kind, Kind::Store(_)) && compares(plan),
            ..GroupSetup::component(&component.name)
        };
        let first = setup.next_process();
        let replicas = component.hosts.len() as u32;
        setup.component(group, component.hosts.clone(), |index| {
            let member = Member { component: &component.name, index, replicas, first, object };
            own(member).unwrap_or_else(|| P::from(stock(plan, component, member)))
        });
    }
    for (clients, host) in &plan.clients {
        let entries = clients.mix.len() as u16;
        let group = GroupSetup { kind: GroupKind::Clients { entries }, ..GroupSetup::clients(&clients.name, entries) };
        let process = AnyProcess::Clients(Clients::new(clients.clone(), plan.seed));
        setup.component(group, vec![host.clone()], |_| P::from(process.clone()));
    }
    setup.edges.clone_from(&plan.edges);
    setup.schedule.clone_from(&plan.schedule);
    World::new(setup, focus)
}

fn stock(plan: &Plan, component: &crate::scenario::ComponentPlan, member: Member<'_>) -> AnyProcess {
    let object = member.object;
    match &component.kind {
        Kind::Service(spec) => AnyProcess::Service(Service::new(&component.name, spec.clone(), plan.seed)),
        Kind::Cache(spec) => AnyProcess::Cache(Cache::new(&component.name, spec.clone(), plan.seed)),
        Kind::LoadBalancer(spec) => AnyProcess::LoadBalancer(LoadBalancer::new(spec.clone())),
        Kind::Membership(membership) => {
            crate::catalog::member(*membership, Group { first: member.first, count: member.replicas })
        }
        Kind::Queue(spec) => AnyProcess::Queue(Queue::new(spec.clone())),
        Kind::Store(None) => AnyProcess::Store(Store::new(object)),
        Kind::Store(Some(replication)) => {
            let group = Group { first: member.first, count: member.replicas };
            crate::catalog::replica(replication, group, object)
        }
    }
}
