//! Carries out controls: the only place where something breaks.

use std::mem;

use crate::engine::{KeysId, ProcessId, Span};
use crate::physics::host_set::HostSet;
use crate::rpc::{Answer, Op, Outcome, Requester, Verb};

use super::check::Transit;
use super::control::{Acted, ClockFault, Control, Power, Side, Target};
use super::event::{Event, Job, Life};
use super::kernel::World;
use super::plight::{Cause, Met, Plight, Standing};
use super::process::{Process, Role};

impl<P: Process> World<P> {
    /// Carries out the `index`-th control of the schedule.
    pub(super) fn act(&mut self, index: usize) {
        let control = self.schedule[index].control.clone();
        let fault = self.schedule[index].fault;
        let Struck { hit, met, aimed } = self.apply(Cause::Fault(fault), control.clone());
        let missed = aimed && met.is_empty();
        self.hit[index] = met;
        self.acted.push(Acted { at: self.now, fault, hit, missed, what: name(&control) });
    }

    /// Applies a control now, outside any schedule. Returns whom it hit.
    pub fn apply_now(&mut self, control: Control) -> Vec<ProcessId> {
        self.apply(Cause::Operator, control).hit
    }

    fn apply(&mut self, cause: Cause, control: Control) -> Struck {
        match control {
            Control::Cut { id, from, to } => {
                let (from, to) = (self.side(&from), self.side(&to));
                let hosts =
                    |side: &[ProcessId], world: &World<P>| side.iter().map(|p| world.host_of(*p)).collect::<HostSet>();
                let (senders, receivers) = (hosts(&from, self), hosts(&to, self));
                self.network.cut(id, senders, receivers);
                Struck::processes(from)
            }
            Control::Mend { id } => {
                self.network.mend(id);
                Struck::elsewhere()
            }
            Control::Strain { id, strain } => {
                self.network.shape(id, strain);
                Struck::elsewhere()
            }
            Control::Relax { id } => {
                self.network.unshape(id);
                Struck::elsewhere()
            }
            Control::Crash(target, power) => self.each(&target, |world, p| world.crash(p, power, cause)),
            Control::Restart(target) => self.each(&target, |world, p| world.restart(p, cause)),
            Control::Relaunch(target) => self.each(&target, Self::relaunch),
            Control::Withdraw(target) => self.each(&target, |world, p| world.withdraw(p, cause)),
            Control::Admit(target) => self.each(&target, |world, p| world.admit(p, cause)),
            Control::Pause(target) => self.each(&target, |world, p| world.pause(p, cause)),
            Control::Resume(target) => self.each(&target, |world, p| world.resume(p, cause)),
            Control::Slow(target, factor) => self.each(&target, |world, p| {
                world.plight(p).slow.turn(cause, factor);
                world.slow(p);
                Met::Hits
            }),
            Control::Gray(target, gray) => self.each(&target, |world, p| {
                let grays = &mut world.plight(p).gray;
                grays.turn(cause, gray.clone());
                world.members[p.index()].gray = grays.latest().cloned();
                Met::Hits
            }),
            Control::Clock(target, fault) => self.each(&target, |world, p| {
                world.clock_fault(p, fault, cause);
                Met::Hits
            }),
            Control::DiskSlow(target, factor) => self.each(&target, |world, p| {
                let factors = &mut world.plight(p).disk;
                factors.turn(cause, factor);
                let factor = factors.product();
                let host = world.host_of(p);
                world.disks[host.index()].set_slow(factor);
                Met::Hits
            }),
            Control::Load(clients, factor) => {
                self.plight(clients).load.turn(cause, factor);
                self.load(clients);
                Struck::processes(vec![clients])
            }
            Control::HotKey(keys, hot) => {
                self.hot.entry(keys).or_default().turn(cause, hot);
                for p in 0..self.members.len() {
                    self.tell_hot_key(ProcessId::at(p), keys);
                }
                Struck::elsewhere()
            }
            Control::Leak(edge, slots) => {
                let leaks = self.leaks.entry(edge).or_default();
                leaks.turn(cause, slots);
                let slots = leaks.values().fold(0_u32, |sum, slots| sum.saturating_add(*slots));
                let mut steps = self.call_steps.take();
                self.calls.hold_pool_slots(self.now, edge, slots, &mut steps);
                self.follow_calls(steps);
                Struck::elsewhere()
            }
            Control::Set(setting) => {
                self.set(cause, *setting);
                Struck::elsewhere()
            }
            Control::Unset(setting) => {
                self.unset(cause, &setting);
                Struck::elsewhere()
            }
            Control::Ask(target, op) => self.each(&target, |world, p| {
                world.ask(p, &op);
                Met::Hits
            }),
            Control::Member(target, add) => self.each(&target, |world, p| {
                let group = &world.groups[world.members[p.index()].group.index()];
                let verb = if add { Verb::AddMember } else { Verb::RemoveMember };
                let op = Op { key: u64::from(p.0 - group.first.0), ..Op::plain(verb) };
                for member in group.members().collect::<Vec<_>>() {
                    world.ask(member, &op);
                }
                Met::Hits
            }),
        }
    }

    fn each(&mut self, target: &Target, mut act: impl FnMut(&mut World<P>, ProcessId) -> Met) -> Struck {
        let mut struck = Struck::processes(Vec::new());
        for p in self.resolve(target) {
            let met = act(self, p);
            if met == Met::Hits {
                struck.hit.push(p);
            }
            if met != Met::Nobody {
                struck.met.push(p);
            }
        }
        struck
    }

    pub(super) fn plight(&mut self, process: ProcessId) -> &mut Plight {
        self.plights.entry(process).or_default()
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

    /// It goes down, and stays so for this cause.
    fn crash(&mut self, process: ProcessId, power: Power, cause: Cause) -> Met {
        if self.has_no_part(process) {
            return Met::Nobody;
        }
        self.plight(process).down.begin(cause, power);
        if self.kill(process, power) {
            return Met::Hits;
        }
        let member = &mut self.members[process.index()];
        if power == Power::Machine && member.life == Life::Down {
            // The process was gone, and what it had written still on its way to the disk. Now its machine is off, too.
            member.life = Life::Off;
            let host = member.host;
            self.disks[host.index()].power_loss(self.now);
        }
        Met::Holds
    }

    /// A process ends at once. Whether it was there.
    pub(super) fn kill(&mut self, process: ProcessId, power: Power) -> bool {
        if matches!(self.members[process.index()].life, Life::Down | Life::Off) {
            return false;
        }
        let member = &mut self.members[process.index()];
        member.life = Life::without(power);
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
        if mem::take(&mut member.role) != Role::Peer {
            self.roles.push((self.now, process, Role::Peer));
        }
        let member = &mut self.members[process.index()];
        let lost = member.station.crash();
        member.inbox.clear();
        let host = member.host;
        lost.into_iter().for_each(|job| self.give_up(job));
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
                let mut answer = Answer { definite: false, ..Answer::of(Outcome::Unavailable) };
                self.send_back(process, Requester { visit: 0, ..requester }, &mut answer, work.root, work.path);
            }
        }
        let mut steps = self.call_steps.take();
        let forgotten = self.calls.forget(self.now, process, &mut steps);
        self.census.calls_forgotten += u64::from(forgotten);
        self.follow_calls(steps);
        self.calls.down(process);
        if power == Power::Process {
            self.calls.reset(process);
        }
        self.note_levels(process);
        self.meters.up(process, self.now, false);
        true
    }

    /// Nobody will hear of a station's job any more. Visits are closed elsewhere.
    pub(super) fn give_up(&mut self, job: Job) {
        match job {
            Job::Visit(_) => {}
            Job::Message(paying) => drop(self.paying.take(paying)),
            Job::Compute(computing) => drop(self.computing.take(computing)),
        }
    }

    /// It comes back, unless somebody else holds it down: then only its machine may.
    fn restart(&mut self, process: ProcessId, cause: Cause) -> Met {
        let plight = self.plight(process);
        if !plight.down.end(cause) {
            return Met::Nobody;
        }
        match plight.power() {
            Some(power) => {
                self.members[process.index()].life = Life::without(power);
                Met::Holds
            }
            None => {
                self.bring_up(process);
                Met::Hits
            }
        }
    }

    /// A process that runs is stopped, and started at once. One that is held down stays so.
    fn relaunch(&mut self, process: ProcessId) -> Met {
        if !self.kill(process, Power::Process) {
            return Met::Nobody;
        }
        self.bring_up(process);
        Met::Hits
    }

    /// A process that is down starts. What else is done to it at the time goes on.
    pub(super) fn bring_up(&mut self, process: ProcessId) {
        let member = &mut self.members[process.index()];
        member.life = Life::Up;
        member.station.restart(self.now);
        self.calls.up(process);
        self.meters.up(process, self.now, true);
        self.start(process);
        self.tell_hot_keys(process);
        let Some(plight) = self.plights.get(&process) else { return };
        let frozen = !plight.paused.is_empty();
        if !plight.slow.is_empty() {
            self.slow(process);
        }
        if frozen {
            self.freeze(process);
        }
    }

    /// A fencing device cuts a machine's power, and gives it back. What a fault has brought down stays down until that
    /// fault is over.
    pub(super) fn power_off(&mut self, process: ProcessId, on_after: Span) {
        if self.kill(process, Power::Machine) {
            self.plight(process).down.begin(Cause::Fence, Power::Machine);
            let incarnation = self.members[process.index()].incarnation;
            self.queue.push(self.now + on_after, Event::PowerOn { process, incarnation });
        }
    }

    /// The machine has booted, unless another process has come in the place of the one that was fenced.
    pub(super) fn power_on(&mut self, process: ProcessId, incarnation: u32) {
        if self.members[process.index()].incarnation == incarnation {
            self.restart(process, Cause::Fence);
        }
    }

    fn pause(&mut self, process: ProcessId, cause: Cause) -> Met {
        if self.has_no_part(process) {
            return Met::Nobody;
        }
        self.plight(process).paused.begin(cause, ());
        if self.freeze(process) { Met::Hits } else { Met::Holds }
    }

    fn resume(&mut self, process: ProcessId, cause: Cause) -> Met {
        let paused = &mut self.plight(process).paused;
        if !paused.end(cause) {
            return Met::Nobody;
        }
        if paused.is_empty() && self.thaw(process) { Met::Hits } else { Met::Holds }
    }

    /// Whether it ran.
    fn freeze(&mut self, process: ProcessId) -> bool {
        let member = &mut self.members[process.index()];
        if member.life != Life::Up {
            return false;
        }
        member.life = Life::Paused;
        member.station.pause(self.now);
        true
    }

    /// Whether it was frozen.
    fn thaw(&mut self, process: ProcessId) -> bool {
        let member = &mut self.members[process.index()];
        if member.life != Life::Paused {
            return false;
        }
        member.life = Life::Up;
        for event in mem::take(&mut member.deferred) {
            self.queue.push(self.now, event);
        }
        let mut steps = self.station_steps.take();
        self.members[process.index()].station.resume(self.now, &mut steps);
        self.carry_out_station(process, &mut steps);
        self.station_steps.give(steps);
        self.tell_hot_keys(process);
        true
    }

    fn slow(&mut self, process: ProcessId) {
        let factor = self.plight(process).slow.product();
        let mut steps = self.station_steps.take();
        self.members[process.index()].station.set_slow(self.now, factor, &mut steps);
        self.carry_out_station(process, &mut steps);
        self.station_steps.give(steps);
    }

    fn clock_fault(&mut self, process: ProcessId, fault: ClockFault, cause: Cause) {
        let plight = self.plights.entry(process).or_default();
        let host = self.members[process.index()].host;
        let (now, clock) = (self.now, &mut self.clocks[host.index()]);
        match fault {
            ClockFault::Step(by) => clock.step(by),
            ClockFault::Drift(_) | ClockFault::Steady => {
                let ppm = if let ClockFault::Drift(ppm) = fault { Some(ppm) } else { None };
                plight.drift.turn(cause, ppm);
                clock.drift(now, plight.drift.values().sum());
            }
            ClockFault::Freeze => {
                plight.frozen.begin(cause, ());
                clock.freeze(now);
            }
            ClockFault::Thaw => {
                plight.frozen.end(cause);
                if plight.frozen.is_empty() {
                    clock.thaw(now);
                }
            }
        }
    }

    /// Clients ask as much as is set, times what faults make of it.
    pub(super) fn load(&mut self, clients: ProcessId) {
        let factor = self.load_set(clients) * self.plight(clients).load.product();
        let op = Op { value: factor.to_bits(), ..Op::plain(Verb::Load) };
        self.ask(clients, &op);
    }

    /// A process hears which key of a set is hot, if one is.
    fn tell_hot_key(&mut self, process: ProcessId, keys: KeysId) {
        let (rank, share) = self.hot.get(&keys).and_then(Standing::latest).copied().unwrap_or((0, 0.0));
        let op = Op { key: u64::from(keys.0), expected: rank, value: share.to_bits(), ..Op::plain(Verb::HotKey) };
        self.ask(process, &op);
    }

    /// Who was away hears what it has missed.
    fn tell_hot_keys(&mut self, process: ProcessId) {
        for keys in self.hot.keys().copied().collect::<Vec<_>>() {
            self.tell_hot_key(process, keys);
        }
    }
}

/// Whom a control struck.
struct Struck {
    /// Those for whom something changed.
    hit: Vec<ProcessId>,
    /// The same, and those for whom something else goes on that did so already.
    met: Vec<ProcessId>,
    /// Whether it was meant for processes.
    aimed: bool,
}

impl Struck {
    fn processes(hit: Vec<ProcessId>) -> Struck {
        Struck { met: hit.clone(), hit, aimed: true }
    }
    fn elsewhere() -> Struck {
        Struck { hit: Vec::new(), met: Vec::new(), aimed: false }
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
        Control::Restart(_) | Control::Relaunch(_) => "restart",
        Control::Withdraw(_) => "taken out",
        Control::Admit(_) => "put back",
        Control::Pause(_) => "pause",
        Control::Resume(_) => "resume",
        Control::Slow(_, Some(_)) => "slow",
        Control::Slow(_, None) => "normal speed",
        Control::Gray(_, Some(_)) => "gray",
        Control::Gray(_, None) => "well again",
        Control::Clock(..) => "clock",
        Control::DiskSlow(..) => "disk",
        Control::Load(..) => "load",
        Control::HotKey(_, Some(_)) => "hot key",
        Control::HotKey(_, None) => "no hot key",
        Control::Leak(..) => "leak",
        Control::Set(_) | Control::Unset(_) => "set",
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
