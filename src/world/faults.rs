//! Carries out controls: the only place where something breaks.

use std::mem;

use crate::engine::{ProcessId, Span};
use crate::physics::host_set::HostSet;
use crate::rpc::{Answer, Op, Outcome, Requester, Verb};

use super::check::Transit;
use super::control::{Acted, ClockFault, Control, Power, Setting, Side, Target};
use super::event::{Event, Life};
use super::kernel::World;
use super::process::{Process, Role};

impl<P: Process> World<P> {
    /// Carries out the `index`-th control of the schedule.
    pub(super) fn act(&mut self, index: usize) {
        let control = self.schedule[index].control.clone();
        let fault = self.schedule[index].fault;
        let (hit, aimed) = self.apply(index, control.clone());
        let missed = aimed && hit.is_empty();
        self.hit[index].clone_from(&hit);
        self.acted.push(Acted { at: self.now, fault, hit, missed, what: name(&control) });
    }

    /// Applies a control now, outside any schedule. Returns whom it hit.
    pub fn apply_now(&mut self, control: Control) -> Vec<ProcessId> {
        self.apply(usize::MAX, control).0
    }

    fn apply(&mut self, index: usize, control: Control) -> (Vec<ProcessId>, bool) {
        match control {
            Control::Cut { id, from, to } => {
                let (from, to) = (self.side(&from), self.side(&to));
                let hosts =
                    |side: &[ProcessId], world: &World<P>| side.iter().map(|p| world.host_of(*p)).collect::<HostSet>();
                let (senders, receivers) = (hosts(&from, self), hosts(&to, self));
                self.network.cut(id, senders, receivers);
                (from, true)
            }
            Control::Mend { id } => {
                self.network.mend(id);
                (Vec::new(), false)
            }
            Control::Strain { id, strain } => {
                self.network.shape(id, strain);
                (Vec::new(), false)
            }
            Control::Relax { id } => {
                self.network.unshape(id);
                (Vec::new(), false)
            }
            Control::Crash(target, power) => self.each(&target, |world, p| world.crash(p, power)),
            Control::Restart(target) => self.each(&target, Self::restart),
            Control::Withdraw(target) => self.each(&target, Self::withdraw),
            Control::Admit(target) => self.each(&target, Self::admit),
            Control::Pause(target) => self.each(&target, Self::pause),
            Control::Resume(target) => self.each(&target, Self::resume),
            Control::Slow(target, factor) => self.each(&target, |world, p| {
                let mut steps = mem::take(&mut world.station_steps);
                world.members[p.index()].station.set_slow(world.now, factor, &mut steps);
                world.carry_out_station(p, &mut steps);
                world.station_steps = steps;
                true
            }),
            Control::Gray(target, gray) => self.each(&target, |world, p| {
                world.members[p.index()].gray.clone_from(&gray);
                true
            }),
            Control::Clock(target, fault) => self.each(&target, |world, p| {
                let host = world.host_of(p);
                let (now, clock) = (world.now, &mut world.clocks[host.index()]);
                match fault {
                    ClockFault::Step(by) => clock.step(by),
                    ClockFault::Drift(ppm) => clock.drift(now, ppm),
                    ClockFault::Freeze => clock.freeze(now),
                    ClockFault::Undo => clock.undo(now),
                }
                true
            }),
            Control::DiskSlow(target, factor) => self.each(&target, |world, p| {
                let host = world.host_of(p);
                world.disks[host.index()].set_slow(factor);
                true
            }),
            Control::Load(process, factor) => {
                let op = Op { value: factor.to_bits(), ..Op::plain(Verb::Load) };
                self.ask(process, &op);
                (vec![process], true)
            }
            Control::HotKey(keys, hot) => {
                let (rank, share) = hot.unwrap_or((0, 0.0));
                let op =
                    Op { key: u64::from(keys.0), expected: rank, value: share.to_bits(), ..Op::plain(Verb::HotKey) };
                for p in 0..self.members.len() {
                    self.ask(ProcessId::at(p), &op);
                }
                (Vec::new(), false)
            }
            Control::Leak(edge, slots) => {
                let mut steps = mem::take(&mut self.call_steps);
                self.calls.hold_pool_slots(self.now, edge, slots, &mut steps);
                let ended = self.carry_out_calls(&mut steps);
                self.call_steps = steps;
                self.hear(ended);
                (Vec::new(), false)
            }
            Control::Set(setting) => {
                self.set(*setting);
                (Vec::new(), false)
            }
            Control::Ask(target, op) => {
                let _ = index;
                self.each(&target, |world, p| {
                    world.ask(p, &op);
                    true
                })
            }
            Control::Member(target, add) => self.each(&target, |world, p| {
                let group = &world.groups[world.members[p.index()].group.index()];
                let verb = if add { Verb::AddMember } else { Verb::RemoveMember };
                let op = Op { key: u64::from(p.0 - group.first.0), ..Op::plain(verb) };
                for member in group.members().collect::<Vec<_>>() {
                    world.ask(member, &op);
                }
                true
            }),
        }
    }

    fn each(
        &mut self,
        target: &Target,
        mut act: impl FnMut(&mut World<P>, ProcessId) -> bool,
    ) -> (Vec<ProcessId>, bool) {
        let mut hit = self.resolve(target);
        hit.retain(|p| act(self, *p));
        (hit, true)
    }

    fn resolve(&self, target: &Target) -> Vec<ProcessId> {
        match target {
            Target::Process(p) => vec![*p],
            Target::Role(group, role) => self.groups[group.index()]
                .members()
                .filter(|p| {
                    let member = &self.members[p.index()];
                    member.role == *role && member.life == Life::Up
                })
                .collect(),
            Target::Same(control) => self.hit[*control as usize].clone(),
        }
    }

    fn side(&self, side: &Side) -> Vec<ProcessId> {
        let mut all = side.processes.clone();
        for (group, role) in &side.roles {
            all.extend(self.resolve(&Target::Role(*group, *role)));
        }
        all.sort_unstable();
        all.dedup();
        if side.rest {
            let everybody = (0..self.members.len()).map(ProcessId::at);
            return everybody.filter(|p| all.binary_search(p).is_err()).collect();
        }
        all
    }

    pub(super) fn crash(&mut self, process: ProcessId, power: Power) -> bool {
        if matches!(self.members[process.index()].life, Life::Down | Life::Off) {
            return false;
        }
        let member = &mut self.members[process.index()];
        member.life = match power {
            Power::Process => Life::Down,
            Power::Machine => Life::Off,
        };
        member.incarnation += 1;
        // Their generations go on: what is on its way to this life must not fire in the next.
        member.timers.iter_mut().for_each(|slot| slot.armed = false);
        // What it slept through it never hears of: answers to its own calls count as heard by the dead, the rest is lost.
        for event in mem::take(&mut member.deferred) {
            match event.in_transit() {
                Some(Transit::Message) => self.census.messages_lost += 1,
                Some(Transit::Request) => self.census.requests_lost += 1,
                Some(Transit::Answer) => self.census.answers_lost += 1,
                None => self.census.calls_heard += u64::from(matches!(event, Event::Done { .. })),
            }
        }
        member.gray = None;
        if mem::take(&mut member.role) != Role::Peer {
            self.roles.push((self.now, process, Role::Peer));
        }
        let member = &mut self.members[process.index()];
        member.station.crash();
        member.inbox.clear();
        let host = member.host;
        if power == Power::Machine {
            self.disks[host.index()].power_loss(self.now);
        }
        // Connections break: callers hear that nobody knows how far their request came. A machine without power says nothing.
        for v in 1..self.visits.len() {
            let row = &self.visits[v];
            if !row.open || row.process != process {
                continue;
            }
            let visit = u32::try_from(v).expect("fewer than 2^32 requests under way");
            let (requester, work, arrived, check) = (row.requester, row.work, row.arrived, row.verb == Verb::Ping);
            self.close_visit(visit);
            if !check {
                self.meters.visit_ended(process, arrived, self.now, Outcome::Unavailable);
            }
            if power == Power::Process {
                let answer = Answer { definite: false, ..Answer::of(Outcome::Unavailable) };
                self.send_back(process, Requester { visit: 0, ..requester }, answer, work.root, work.path);
            }
        }
        let mut steps = mem::take(&mut self.call_steps);
        let forgotten = self.calls.forget(self.now, process, &mut steps);
        self.census.calls_forgotten += u64::from(forgotten);
        let ended = self.carry_out_calls(&mut steps);
        self.call_steps = steps;
        self.hear(ended);
        self.note_levels(process);
        self.meters.up(process, self.now, false);
        true
    }

    pub(super) fn restart(&mut self, process: ProcessId) -> bool {
        if self.has_no_part(process) {
            return false;
        }
        let member = &mut self.members[process.index()];
        match member.life {
            Life::Paused => return self.resume(process),
            Life::Up => {
                self.crash(process, Power::Process);
            }
            Life::Down | Life::Off => {}
        }
        let member = &mut self.members[process.index()];
        member.life = Life::Up;
        member.station.restart(self.now);
        self.meters.up(process, self.now, true);
        self.start(process);
        true
    }

    /// A fencing device cuts a machine's power, and gives it back. What a fault has brought down stays down until that
    /// fault is over.
    pub(super) fn power_off(&mut self, process: ProcessId, on_after: Span) {
        if self.crash(process, Power::Machine) {
            let incarnation = self.members[process.index()].incarnation;
            self.queue.push(self.now + on_after, Event::PowerOn { process, incarnation });
        }
    }

    /// The machine has booted, unless somebody else has brought it back since.
    pub(super) fn power_on(&mut self, process: ProcessId, incarnation: u32) {
        let member = &self.members[process.index()];
        if member.incarnation == incarnation && member.life == Life::Off {
            self.restart(process);
        }
    }

    fn pause(&mut self, process: ProcessId) -> bool {
        let member = &mut self.members[process.index()];
        if member.life != Life::Up {
            return false;
        }
        member.life = Life::Paused;
        member.station.pause(self.now);
        true
    }

    fn resume(&mut self, process: ProcessId) -> bool {
        let member = &mut self.members[process.index()];
        if member.life != Life::Paused {
            return false;
        }
        member.life = Life::Up;
        for event in mem::take(&mut member.deferred) {
            self.queue.push(self.now, event);
        }
        let mut steps = mem::take(&mut self.station_steps);
        self.members[process.index()].station.resume(self.now, &mut steps);
        self.carry_out_station(process, &mut steps);
        self.station_steps = steps;
        true
    }

    fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Policy(edge, policy) => self.calls.set_policy(self.now, edge, policy),
            Setting::Station(group, spec) => {
                for p in self.groups[group.index()].members() {
                    let mut steps = mem::take(&mut self.station_steps);
                    self.members[p.index()].station.set_spec(self.now, spec.clone(), &mut steps);
                    self.carry_out_station(p, &mut steps);
                    self.station_steps = steps;
                }
                self.groups[group.index()].station = spec;
            }
            Setting::Service(group, law) => self.groups[group.index()].service = law,
            Setting::Link(link, shape) => self.network.set_link(link, shape),
        }
    }
}

/// What a control is, for the timeline.
fn name(control: &Control) -> &'static str {
    match control {
        Control::Cut { .. } => "cut",
        Control::Mend { .. } => "mend",
        Control::Strain { .. } => "strain",
        Control::Relax { .. } => "relax",
        Control::Crash(_, Power::Process) => "crash",
        Control::Crash(_, Power::Machine) => "power loss",
        Control::Restart(_) => "restart",
        Control::Withdraw(_) => "taken out",
        Control::Admit(_) => "put back",
        Control::Pause(_) => "pause",
        Control::Resume(_) => "resume",
        Control::Slow(_, factor) => {
            if *factor == 1.0 {
                "normal speed"
            } else {
                "slow"
            }
        }
        Control::Gray(_, Some(_)) => "gray",
        Control::Gray(_, None) => "well again",
        Control::Clock(..) => "clock",
        Control::DiskSlow(..) => "disk",
        Control::Load(..) => "load",
        Control::HotKey(_, Some(_)) => "hot key",
        Control::HotKey(_, None) => "no hot key",
        Control::Leak(..) => "leak",
        Control::Set(_) => "set",
        Control::Ask(..) => "ask",
        Control::Member(_, true) => "add",
        Control::Member(_, false) => "remove",
    }
}

impl<P: Process> Event<P> {
    /// Whether this event is on the network: used by the books.
    pub(super) fn in_transit(&self) -> Option<super::check::Transit> {
        match self {
            Event::Message { .. } => Some(super::check::Transit::Message),
            Event::Request { .. } => Some(super::check::Transit::Request),
            Event::Answer { .. } => Some(super::check::Transit::Answer),
            _ => None,
        }
    }
}
