//! One kind of call: who calls whom, and what is fixed about it for the whole run.

use std::hint::cold_path;

use crate::engine::{GroupId, ProcessId, Span};

use super::policy::Policy;

/// A caller group, a callee group and the policy between them.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeSpec {
    /// As the scenario language writes it: `web -> pricing`. Addresses the edge's random numbers.
    pub name: String,
    /// Who calls.
    pub caller: GroupId,
    /// How many processes call. More may appear later; each gets a view of its own at its first call.
    pub callers: u32,
    /// Who is called; of several groups, the first.
    pub callee: GroupId,
    /// Its instance 0; its instance `i` is process `first + i`.
    pub first: ProcessId,
    /// How many instances may be called, of all groups together.
    pub instances: u32,
    /// Further groups that are called, as by a balancer with several targets. Their instances are numbered on from those
    /// of `callee`, in this order. Mostly none.
    pub beside: Vec<Callee>,
    /// How patiently.
    pub policy: Policy,
    /// Passive ejection of failing instances.
    pub outlier: Option<Outlier>,
    /// Time over which an instance that becomes eligible during the run gets its full share (Envoy's slow start,
    /// linear, from 10%).
    pub slow_start: Option<Span>,
    /// For how long after its last request a client keeps the instance that the balance chose for it (a table of each
    /// caller's own, as HAProxy's `stick-table … expire`; AWS ALB renews its cookie likewise). Another is chosen sooner if
    /// that one may not be asked.
    pub sticky: Option<Span>,
    /// How long an instance that was taken out of the choice may finish what these callers asked of it: what is left then
    /// they give up as `unavailable`, not knowing whether it took effect. None: as long as their policy waits.
    ///
    /// AWS ALB's deregistration delay, 300 s by default. It is about instances that are taken out on purpose: those that
    /// fail health checks get no new requests either, but are not deregistered, so nothing they have is given up.
    pub drain: Option<Span>,
    /// Age of the loads that balancers compare: they are copied every so often (Mitzenmacher, "How Useful Is Old
    /// Information?", PODC 1997, the periodic model). Zero = as they are.
    pub load_info_age: Span,
    /// For [`Balance::Nearest`](super::policy::Balance::Nearest): by caller index, the instances from near to far,
    /// equally near ones together. A caller without a list takes them by number.
    pub near: Vec<Vec<Vec<u32>>>,
    /// With no instance eligible, whether all of them are asked (AWS ALB) or nobody, which is `Unavailable`.
    pub fail_open: bool,
    /// Whose a connection is.
    pub connections: Connections,
}

impl EdgeSpec {
    /// An edge with nothing but a policy: no ejection, no slow start, loads as they are, failing open.
    pub fn new(
        name: impl Into<String>,
        (caller, callers): (GroupId, u32),
        (callee, first, instances): (GroupId, ProcessId, u32),
        policy: Policy,
    ) -> EdgeSpec {
        EdgeSpec {
            name: name.into(),
            caller,
            callers,
            callee,
            first,
            instances,
            beside: Vec::new(),
            policy,
            outlier: None,
            slow_start: None,
            sticky: None,
            drain: None,
            load_info_age: Span::ZERO,
            near: Vec::new(),
            fail_open: true,
            connections: Connections::PerCaller,
        }
    }

    /// The process of an instance.
    #[inline]
    pub fn process(&self, instance: u32) -> ProcessId {
        if self.beside.is_empty() {
            return ProcessId(self.first.0 + instance);
        }
        cold_path();
        let (callee, before) = self.at(instance).1;
        ProcessId(callee.first.0 + (instance - before))
    }

    /// The instance that a process is on this edge.
    pub fn instance_of(&self, process: ProcessId) -> Option<u32> {
        let mut before = 0;
        for callee in self.callees() {
            let number = process.0.wrapping_sub(callee.first.0);
            if number < callee.instances {
                return Some(before + number);
            }
            before += callee.instances;
        }
        None
    }

    /// Everybody who is called, in the order of their instances.
    pub fn callees(&self) -> impl Iterator<Item = Callee> + '_ {
        let others: u32 = self.beside.iter().map(|callee| callee.instances).sum();
        let first = Callee { group: self.callee, first: self.first, instances: self.instances - others };
        std::iter::once(first).chain(self.beside.iter().copied())
    }

    /// Which of [`EdgeSpec::callees`] an instance belongs to.
    #[inline]
    pub fn callee_of(&self, instance: u32) -> usize {
        if self.beside.is_empty() {
            return 0;
        }
        cold_path();
        self.at(instance).0
    }

    /// The callee of an instance, its place among them, and how many instances come before its own.
    #[inline(never)]
    fn at(&self, instance: u32) -> (usize, (Callee, u32)) {
        let mut before = 0;
        for (place, callee) in self.callees().enumerate() {
            if instance - before < callee.instances {
                return (place, (callee, before));
            }
            before += callee.instances;
        }
        panic!("instance {instance} of {}, which has {}", self.name, self.instances);
    }
}

/// A group that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callee {
    /// The group.
    pub group: GroupId,
    /// Its first process.
    pub first: ProcessId,
    /// How many instances it has.
    pub instances: u32,
}

/// Whose a connection is, and what the balance chooses with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// The calling process has one connection to each instance, shared by its requests; the balance chooses for each
    /// request (a proxy or balancer at layer 7).
    #[default]
    PerCaller,
    /// Each client row ([`Cause::client`](super::Cause)) has one connection of its own; another instance is another
    /// connection.
    PerClient,
    /// Each client row has one connection of its own, and the balance chooses for each connection: requests follow it
    /// while it lives (layer 4).
    Pinned,
}

/// Passive ejection, as Envoy's outlier detection on consecutive errors.
///
/// Errors are the outcomes `error`, `unavailable` and `timeout`. Ejection is immediate; an instance returns at the
/// first sweep after `ejection` × the number of its ejections (at most 300 s, or `ejection` if longer), and every
/// sweep it stays takes one off that number. One instance may always be ejected.
/// Source: Envoy 1.22, "Outlier detection".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// Errors in a row that eject.
    pub consecutive_errors: u32,
    /// Between sweeps.
    pub every: Span,
    /// Of the first ejection.
    pub ejection: Span,
    /// Largest share of instances ejected at once, 0..=1.
    pub max_ejected: f64,
}

impl Default for Outlier {
    fn default() -> Outlier {
        // Envoy's documented defaults.
        Outlier { consecutive_errors: 5, every: Span::secs(10), ejection: Span::secs(30), max_ejected: 0.1 }
    }
}
