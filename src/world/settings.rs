//! Values of the plan that change while a run goes on. Several faults may have set values of one place: each counts for
//! what it changes there, and of two that change the same, the one that began last.

use crate::engine::ProcessId;
use crate::physics::link::LinkShape;
use crate::physics::station::StationSpec;
use crate::rpc::Policy;

use super::control::Setting;
use super::kernel::World;
use super::plight::Cause;
use super::process::Process;
use super::setup::ServiceTime;

/// One place of which something is set.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What the plan says.
    planned: Setting,
    /// What is there now.
    there: Setting,
    /// Who set it to what, in the order in which that began.
    set: Vec<(Cause, Setting)>,
}

impl Place {
    /// What is there with everything that is set.
    fn value(&self) -> Setting {
        let mut value = self.planned.clone();
        for (_, set) in &self.set {
            value.take_over(&self.planned, set);
        }
        value
    }
}

impl Setting {
    fn is_of_same_place(&self, other: &Setting) -> bool {
        match (self, other) {
            (Setting::Policy(a, _), Setting::Policy(b, _)) => a == b,
            (Setting::Station(a, _), Setting::Station(b, _)) => a == b,
            (Setting::Service(a, _), Setting::Service(b, _)) => a == b,
            (Setting::Link(a, _), Setting::Link(b, _)) => a == b,
            (Setting::Load(a, _), Setting::Load(b, _)) => a == b,
            _ => false,
        }
    }

    /// Takes over what `set` changes of what was `planned`.
    fn take_over(&mut self, planned: &Setting, set: &Setting) {
        match (self, planned, set) {
            (Setting::Policy(_, now), Setting::Policy(_, was), Setting::Policy(_, set)) => {
                let Policy {
                    timeout,
                    deadline,
                    propagate_deadline,
                    retry,
                    hedge,
                    breaker,
                    pool,
                    concurrency,
                    balance,
                    connect,
                } = set;
                changed(&mut now.timeout, &was.timeout, timeout);
                changed(&mut now.deadline, &was.deadline, deadline);
                changed(&mut now.propagate_deadline, &was.propagate_deadline, propagate_deadline);
                changed(&mut now.retry, &was.retry, retry);
                changed(&mut now.hedge, &was.hedge, hedge);
                changed(&mut now.breaker, &was.breaker, breaker);
                changed(&mut now.pool, &was.pool, pool);
                changed(&mut now.concurrency, &was.concurrency, concurrency);
                changed(&mut now.balance, &was.balance, balance);
                changed(&mut now.connect, &was.connect, connect);
            }
            (Setting::Station(_, now), Setting::Station(_, was), Setting::Station(_, set)) => {
                let StationSpec {
                    workers,
                    speed,
                    limit,
                    discipline,
                    when_full,
                    drop,
                    shed,
                    model,
                    startup,
                    cold_for,
                    cold_factor,
                } = set;
                changed(&mut now.workers, &was.workers, workers);
                changed(&mut now.speed, &was.speed, speed);
                changed(&mut now.limit, &was.limit, limit);
                changed(&mut now.discipline, &was.discipline, discipline);
                changed(&mut now.when_full, &was.when_full, when_full);
                changed(&mut now.drop, &was.drop, drop);
                changed(&mut now.shed, &was.shed, shed);
                changed(&mut now.model, &was.model, model);
                changed(&mut now.startup, &was.startup, startup);
                changed(&mut now.cold_for, &was.cold_for, cold_for);
                changed(&mut now.cold_factor, &was.cold_factor, cold_factor);
            }
            (Setting::Service(_, now), Setting::Service(_, was), Setting::Service(_, set)) => {
                let ServiceTime { default, by } = set;
                changed(&mut now.default, &was.default, default);
                changed(&mut now.by, &was.by, by);
            }
            (Setting::Link(_, now), Setting::Link(_, was), Setting::Link(_, set)) => {
                let LinkShape { delay, bandwidth, buffer, loss, duplicate, reorder, codec } = set;
                changed(&mut now.delay, &was.delay, delay);
                changed(&mut now.bandwidth, &was.bandwidth, bandwidth);
                changed(&mut now.buffer, &was.buffer, buffer);
                changed(&mut now.loss, &was.loss, loss);
                changed(&mut now.duplicate, &was.duplicate, duplicate);
                changed(&mut now.reorder, &was.reorder, reorder);
                changed(&mut now.codec, &was.codec, codec);
            }
            (Setting::Load(_, now), Setting::Load(..), Setting::Load(_, set)) => *now = *set,
            (now, was, set) => panic!("{set:?} is set where {was:?} was planned and {now:?} is"),
        }
    }
}

fn changed<T: PartialEq + Clone>(now: &mut T, was: &T, set: &T) {
    if set != was {
        now.clone_from(set);
    }
}

impl<P: Process> World<P> {
    pub(super) fn set(&mut self, cause: Cause, setting: Setting) {
        let known = self.places.iter().position(|place| place.planned.is_of_same_place(&setting));
        let place = known.unwrap_or_else(|| {
            let planned = self.planned(&setting);
            self.places.push(Place { there: planned.clone(), planned, set: Vec::new() });
            self.places.len() - 1
        });
        self.places[place].set.push((cause, setting));
        self.settle(place);
    }

    pub(super) fn unset(&mut self, cause: Cause, setting: &Setting) {
        let Some(place) = self.places.iter().position(|place| place.planned.is_of_same_place(setting)) else { return };
        let set = &mut self.places[place].set;
        let Some(first) = set.iter().position(|(by, _)| *by == cause) else { return };
        set.remove(first);
        self.settle(place);
    }

    /// What there is of that place before anything is set.
    fn planned(&self, setting: &Setting) -> Setting {
        match setting {
            Setting::Policy(edge, _) => Setting::Policy(*edge, self.calls.spec(*edge).policy.clone()),
            Setting::Station(group, _) => Setting::Station(*group, self.groups[group.index()].station.clone()),
            Setting::Service(group, _) => Setting::Service(*group, self.groups[group.index()].service.clone()),
            Setting::Link(link, _) => Setting::Link(*link, self.network.link(*link).clone()),
            Setting::Load(clients, _) => Setting::Load(*clients, 1.0),
        }
    }

    /// What counts there takes effect, unless it does already: a policy that is set forgets what it had learnt.
    fn settle(&mut self, place: usize) {
        let value = self.places[place].value();
        if value == self.places[place].there {
            return;
        }
        self.places[place].there = value.clone();
        match value {
            Setting::Policy(edge, policy) => self.calls.set_policy(self.now, edge, policy),
            Setting::Station(group, spec) => {
                self.meters.workers(group, self.now, spec.workers);
                for p in self.groups[group.index()].members() {
                    let mut steps = self.station_steps.take();
                    self.members[p.index()].station.set_spec(self.now, spec.clone(), &mut steps);
                    self.carry_out_station(p, &mut steps);
                    self.station_steps.give(steps);
                }
                self.groups[group.index()].station = spec;
            }
            Setting::Service(group, law) => self.groups[group.index()].service = law,
            Setting::Link(link, shape) => self.network.set_link(link, shape),
            Setting::Load(clients, _) => self.load(clients),
        }
    }

    /// How many times as many requests clients are set to make.
    pub(super) fn load_set(&self, clients: ProcessId) -> f64 {
        let set = self.places.iter().find_map(|place| match place.there {
            Setting::Load(of, factor) if of == clients => Some(factor),
            _ => None,
        });
        set.unwrap_or(1.0)
    }
}
