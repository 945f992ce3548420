//! The loop: one event at a time, in the order of time and, at equal times, of insertion.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::cold_path;

use crate::engine::digest::Digest;
use crate::engine::queue::EventQueue;
use crate::engine::random::Draws;
use crate::engine::{EdgeId, GroupId, HostId, Instant, KeysId, Places, ProcessId, Slab, mix};
use crate::history::History;
use crate::physics::clock::HostClock;
use crate::physics::disk::HostDisk;
use crate::physics::network::Network;
use crate::physics::station::{self, Station};
use crate::rpc::{self, Answer, Calls, Token};

use super::buffers::Buffers;
use super::check::Census;
use super::control::{Acted, Gray, Scheduled, Waiting, When};
use super::event::{Computing, Event, Job, Life, Member, Paying, Visit};
use super::inbox::Inbox;
use super::meters::Meters;
use super::out::{Effects, Env, Out, Point};
use super::plight::{Plight, Standing};
use super::process::{Process, Role};
use super::scaler::{Scaled, Scaler};
use super::settings::Place;
use super::setup::{GroupKind, GroupSetup, Setup};
use super::trace::{Focus, Trace, TraceEvent};
use super::usage::Usage;
use super::watch::Watched;

/// A running system: processes on hosts, the network between them, and everything that is under way.
///
/// A clone replays to the same digest as the original.
#[derive(Clone, Debug)]
pub struct World<P: Process> {
    pub(super) now: Instant,
    pub(super) queue: EventQueue<Event<P>>,
    pub(super) members: Vec<Member<P>>,
    pub(super) groups: Vec<GroupSetup>,
    pub(super) clocks: Vec<HostClock>,
    pub(super) disks: Vec<HostDisk<P::Record>>,
    pub(super) network: Network,
    pub(super) calls: Calls,
    /// Whether calls over an edge are operations of the history, by edge.
    pub(super) judged: Vec<bool>,
    pub(super) visits: Vec<Visit>,
    pub(super) free_visits: Vec<u32>,
    pub(super) wire: Draws,
    pub(super) peers: Draws,
    pub(super) messages: u64,
    pub(super) gray_draws: Draws,
    pub(super) service_draws: Vec<Draws>,
    pub(super) message_draws: Vec<Draws>,
    pub(super) schedule: Vec<Scheduled>,
    pub(super) waiting: Vec<Waiting>,
    /// How many pieces of work that took no time are being answered, one within another.
    pub(super) nested: u32,
    pub(super) hit: Vec<Vec<ProcessId>>,
    pub(super) acted: Vec<Acted>,
    /// What faults do to processes, key sets and edges at the moment.
    pub(super) plights: BTreeMap<ProcessId, Plight>,
    pub(super) hot: BTreeMap<KeysId, Standing<(u64, f64)>>,
    pub(super) leaks: BTreeMap<EdgeId, Standing<u32>>,
    /// Of what values are set, or were.
    pub(super) places: Vec<Place>,
    /// Who is out of its callers' choice on purpose.
    pub(super) out: BTreeSet<ProcessId>,
    pub(super) scalers: Vec<Scaler>,
    pub(super) scaled: Vec<Scaled>,
    pub(super) roles: Vec<(Instant, ProcessId, Role)>,
    pub(super) points: Vec<(Instant, ProcessId, Point)>,
    pub(super) meters: Meters,
    usage: Usage,
    pub(super) history: History,
    pub(super) renamed: BTreeMap<(GroupId, u32), u32>,
    pub(super) next_name: u32,
    pub(super) origins: BTreeMap<u32, (GroupId, u32)>,
    pub(super) callers: Vec<(u32, GroupId, u32)>,
    pub(super) census: Census,
    pub(super) focus: Focus,
    pub(super) trace: Trace,
    pub(super) watched: Watched,
    digest: Digest,
    digests: Vec<u64>,
    next_mark: Instant,
    events: u64,
    pub(super) computing: Slab<Computing>,
    pub(super) paying: Slab<Paying>,
    effects: Buffers<Effects<P>>,
    pub(super) call_steps: Buffers<Places<rpc::Step>>,
    pub(super) station_steps: Buffers<Places<station::Step<Job>>>,
}

impl<P: Process> World<P> {
    /// Puts everything in its place and starts every process, in the order of their ids.
    pub fn new(setup: Setup<P>, focus: Focus) -> World<P> {
        let seed = setup.seed;
        let places = setup.hosts.iter().map(|h| h.place).collect();
        let meters = Meters::new(setup.frame.clone(), &setup.groups, &setup.edges);
        let judged = setup.edges.iter().map(|e| setup.groups[e.callee.index()].judged).collect();
        let service_draws = setup.groups.iter().map(|g| Draws::named(seed, &format!("{}/service", g.name))).collect();
        let message_draws =
            setup.groups.iter().map(|g| Draws::named(seed, &format!("{}/service of messages", g.name))).collect();
        let mut history = History::new();
        for group in &setup.groups {
            history.object(&group.name);
        }
        let mut members = Vec::with_capacity(setup.processes.len());
        let mut processes = setup.processes.into_iter();
        for (g, group) in setup.groups.iter().enumerate() {
            for (i, host) in group.hosts.iter().enumerate() {
                members.push(Member {
                    state: processes.next().expect("as many processes as the groups have members"),
                    group: GroupId::at(g),
                    index: u32::try_from(i).expect("plans are bounded at load"),
                    host: *host,
                    draws: Draws::named(seed, &format!("{}/{i}", group.name)),
                    station: Station::new(group.station.clone(), Instant::ZERO),
                    timers: Vec::new(),
                    incarnation: 0,
                    life: Life::Up,
                    deferred: Vec::new(),
                    inbox: Inbox::new(),
                    role: Role::Peer,
                    gray: None::<Gray>,
                });
            }
        }
        let clocks = setup
            .hosts
            .iter()
            .map(|h| HostClock::new(h.clock.clone(), Draws::named(seed, &format!("{}/clock", h.name))))
            .collect();
        let disks = setup
            .hosts
            .iter()
            .map(|h| HostDisk::new(h.disk.clone(), h.fsync, Draws::named(seed, &format!("{}/disk", h.name))))
            .collect();
        let controls = setup.schedule.len();
        let mut world = World {
            now: Instant::ZERO,
            queue: EventQueue::new(),
            members,
            groups: setup.groups,
            clocks,
            disks,
            network: Network::new(setup.topology, places),
            calls: Calls::new(seed, setup.edges),
            judged,
            visits: vec![Visit::none()],
            free_visits: Vec::new(),
            wire: Draws::named(seed, "network/calls"),
            peers: Draws::named(seed, "network/peers"),
            messages: 0,
            gray_draws: Draws::named(seed, "fault/gray"),
            service_draws,
            message_draws,
            waiting: vec![Waiting::default(); controls],
            nested: 0,
            hit: vec![Vec::new(); controls],
            schedule: setup.schedule,
            acted: Vec::new(),
            plights: BTreeMap::new(),
            hot: BTreeMap::new(),
            leaks: BTreeMap::new(),
            places: Vec::new(),
            out: BTreeSet::new(),
            scalers: Vec::new(),
            scaled: Vec::new(),
            roles: Vec::new(),
            points: Vec::new(),
            next_mark: Instant::ZERO + meters.frame().bin(),
            meters,
            usage: Usage::default(),
            history,
            renamed: BTreeMap::new(),
            next_name: 1 << 31,
            origins: BTreeMap::new(),
            callers: Vec::new(),
            census: Census::default(),
            focus,
            trace: Trace::default(),
            watched: Watched::default(),
            digest: Digest::new(),
            digests: Vec::new(),
            events: 0,
            computing: Slab::default(),
            paying: Slab::default(),
            effects: Buffers::new(),
            call_steps: Buffers::new(),
            station_steps: Buffers::new(),
        };
        for (index, scheduled) in (0..).zip(&world.schedule) {
            match &scheduled.when {
                When::At(at) => world.queue.push(*at, Event::Control(index)),
                When::Point(passage, _) if passage.until.is_some() => {
                    world.queue.push(passage.from, Event::Waiting(index));
                }
                When::Point(..) => {}
            }
        }
        let standing_by = world.standing_by();
        for p in (0..world.members.len()).map(ProcessId::at) {
            if standing_by.contains(&p) {
                world.members[p.index()].life = Life::Down;
            } else {
                world.meters.up(p, Instant::ZERO, true);
                world.start(p);
            }
        }
        world.start_scalers();
        world
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }
    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events
    }
    /// What faults did so far.
    pub fn acted(&self) -> &[Acted] {
        &self.acted
    }
    /// The running hash of everything that happened.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// Plays until nothing is left before `limit`; the clock then stands at `limit`.
    pub fn run_until(&mut self, limit: Instant) {
        while !self.run_some(limit, u64::MAX) {}
    }

    /// The same, but stops after so many events; then the clock stands at the last of them, and `false` comes back.
    pub fn run_some(&mut self, limit: Instant, most: u64) -> bool {
        for _ in 0..most {
            let Some((at, event)) = self.queue.pop_before(limit) else {
                self.now = limit;
                return true;
            };
            assert!(at >= self.now, "an event at {at:?} came after {:?}", self.now);
            while at >= self.next_mark {
                self.mark();
            }
            self.now = at;
            self.events += 1;
            self.dispatch(event);
        }
        false
    }

    /// The end of a bin.
    #[cold]
    fn mark(&mut self) {
        self.mark_usage(self.next_mark);
        self.digests.push(self.digest.value());
        self.compare_copies(self.next_mark);
        self.next_mark += self.meters.frame().bin();
    }

    fn mark_usage(&mut self, at: Instant) {
        let disks = (0..).map(HostId).zip(&self.disks).map(|(host, disk)| (host, disk.used(at)));
        self.usage.mark(self.digests.len(), self.network.used(at), disks.filter(|(_, used)| !used.is_zero()));
    }

    /// Ends the run: every process states its final facts, meters are closed, and the books are checked.
    pub fn finish(mut self) -> Finished<P> {
        for p in 0..self.members.len() {
            if self.members[p].life == Life::Up || self.members[p].life == Life::Paused {
                self.with(ProcessId::at(p), |state, out| state.finish(out));
            }
        }
        let pending = self.queue.len();
        self.compare_copies(self.now);
        self.meters.finish(self.now);
        self.mark_usage(self.now);
        self.digests.push(self.digest.value());
        let broken = self.audit();
        Finished {
            digest: self.digest.value(),
            digests: self.digests,
            events: self.events,
            pending,
            meters: self.meters,
            usage: self.usage,
            history: self.history,
            origins: self.origins,
            callers: self.callers,
            acted: self.acted,
            scaled: self.scaled,
            roles: self.roles,
            points: self.points,
            trace: self.trace,
            broken,
            processes: self.members.into_iter().map(|m| m.state).collect(),
        }
    }

    fn dispatch(&mut self, event: Event<P>) {
        match event {
            Event::Request { to, parcel, extra } => self.on_request(to, parcel, extra),
            Event::Answer { requester, answer } => self.on_answer(requester, answer),
            Event::Finish { process, ticket } => self.on_finish(process, ticket),
            Event::Calls(wake) => {
                self.fold(1, 0, wake.number());
                let mut steps = self.call_steps.take();
                self.calls.wake(self.now, wake, &mut steps);
                self.follow_calls(steps);
            }
            Event::Done { caller, incarnation, token, mut answer } => {
                self.fold(2, u64::from(caller.0), token.0);
                if self.members[caller.index()].incarnation == incarnation {
                    self.deliver_answer(caller, token, &mut answer);
                } else {
                    self.census.calls_heard += 1;
                }
            }
            Event::Message { from, to, msg } => self.on_message(from, to, msg),
            Event::Timer { process, timer, generation } => self.on_timer(process, timer, generation),
            Event::Woken { process, incarnation, token } => {
                if self.listens(process, incarnation, || Event::Woken { process, incarnation, token }) {
                    self.fold(3, u64::from(process.0), token.0);
                    self.with(process, |state, out| state.woken(token, out));
                }
            }
            Event::Synced { process, incarnation, token } => {
                if self.listens(process, incarnation, || Event::Synced { process, incarnation, token }) {
                    self.fold(4, u64::from(process.0), token.0);
                    self.with(process, |state, out| state.synced(token, out));
                }
            }
            Event::PowerOff { of, on_after, by, incarnation, token } => {
                cold_path();
                self.fold(11, u64::from(of.0), token.0);
                self.power_off(of, on_after);
                self.queue.push(self.now, Event::Woken { process: by, incarnation, token });
            }
            Event::PowerOn { process, incarnation } => {
                cold_path();
                self.fold(12, u64::from(process.0), u64::from(incarnation));
                self.power_on(process, incarnation);
            }
            Event::Control(index) => {
                cold_path();
                self.fold(5, 0, u64::from(index));
                self.act(index as usize);
            }
            Event::Computed { process, incarnation, token } => {
                self.fold(15, u64::from(process.0), token.0);
                self.on_computed(process, incarnation, token);
            }
            Event::Waiting(index) => {
                cold_path();
                self.fold(14, 0, u64::from(index));
                self.on_waiting(index);
            }
            Event::Scaler(scaler, turn) => {
                cold_path();
                self.fold(13, 0, u64::from(scaler));
                self.scaler_turn(usize::from(scaler), turn);
            }
        }
    }

    /// Whether the process hears this now. A paused one hears it later; a dead one never does.
    fn listens(&mut self, process: ProcessId, incarnation: u32, again: impl FnOnce() -> Event<P>) -> bool {
        let member = &mut self.members[process.index()];
        if member.incarnation != incarnation {
            return false;
        }
        match member.life {
            Life::Up => true,
            Life::Paused => {
                member.deferred.push(again());
                false
            }
            Life::Down | Life::Off => false,
        }
    }

    fn on_timer(&mut self, process: ProcessId, timer: P::Timer, generation: u32) {
        let member = &mut self.members[process.index()];
        let Some(slot) = member.timers.iter_mut().find(|t| t.timer == timer) else { return };
        if !slot.armed || slot.generation != generation {
            return;
        }
        if member.life == Life::Paused {
            cold_path();
            self.defer(process, Event::Timer { process, timer, generation });
            return;
        }
        slot.armed = false;
        self.fold(7, u64::from(process.0), u64::from(generation));
        self.with(process, |state, out| state.timer(timer, out));
    }

    /// Boots a process with what its disk kept.
    pub(super) fn start(&mut self, process: ProcessId) {
        let host = self.members[process.index()].host;
        let log = self.disks[host.index()].log(process);
        self.with(process, |state, out| state.start(&log, out));
        if !self.out.is_empty() {
            self.tell_who_is_out(process);
        }
    }

    /// An answer reaches the process that asked; a paused one hears of it later.
    pub(super) fn deliver_answer(&mut self, caller: ProcessId, token: Token, answer: &mut Answer) {
        self.census.calls_heard += 1;
        let member = &mut self.members[caller.index()];
        match member.life {
            Life::Up => {
                self.with(caller, |state, out| {
                    state.answer(token, Answer { list: answer.list.take(), ..*answer }, out);
                });
            }
            Life::Paused => {
                cold_path();
                let incarnation = member.incarnation;
                self.census.calls_heard -= 1;
                let answer = Answer { list: answer.list.take(), ..*answer };
                self.defer(caller, Event::Done { caller, incarnation, token, answer });
            }
            Life::Down | Life::Off => {}
        }
    }

    /// A paused process hears of it when it goes on.
    #[cold]
    fn defer(&mut self, process: ProcessId, event: Event<P>) {
        self.members[process.index()].deferred.push(event);
    }

    /// Runs one handler of a process, then does what it asked for.
    pub(super) fn with(&mut self, process: ProcessId, handler: impl FnOnce(&mut P, &mut Out<'_, P>)) {
        let mut effects = self.effects.take();
        let env = self.env(process);
        let member = &mut self.members[process.index()];
        handler(&mut member.state, &mut Out::new(&env, &mut effects));
        self.handled(process, effects);
    }

    /// What follows a handler. One body for all handlers: what a request runs through has to fit the processor's first
    /// cache.
    #[inline(never)]
    fn handled(&mut self, process: ProcessId, mut effects: Box<Effects<P>>) {
        let member = &self.members[process.index()];
        let role = member.state.role();
        if role != member.role {
            cold_path();
            self.changes_role(process, role);
        }
        if let Some(key) = self.focus.key {
            cold_path();
            self.watch(process, key);
        }
        self.carry_out(process, &mut effects);
        self.effects.give(effects);
    }

    #[cold]
    fn changes_role(&mut self, process: ProcessId, role: Role) {
        self.members[process.index()].role = role;
        self.roles.push((self.now, process, role));
        if self.focus.covers(self.now) {
            self.trace.keep(self.focus.limit, TraceEvent::Role { at: self.now, process, role });
        }
    }

    fn env(&self, process: ProcessId) -> Env {
        let member = &self.members[process.index()];
        let clock = &self.clocks[member.host.index()];
        Env {
            now: self.now,
            local: clock.local(self.now),
            uncertainty: clock.uncertainty(self.now),
            me: process,
            index: member.index,
            draws: member.draws,
        }
    }

    pub(super) fn fold(&mut self, kind: u64, who: u64, what: u64) {
        self.digest.fold2(self.now.0, kind << 56 ^ who);
        self.digest.fold(what);
    }

    /// Draws for one crossing of the network by a call or its answer.
    pub(super) fn wire_bits(&self, root: u64, path: u64, direction: u64) -> crate::engine::random::Addressed {
        self.wire.at(root, mix(path, direction))
    }

    pub(super) fn host_of(&self, process: ProcessId) -> HostId {
        self.members[process.index()].host
    }
    pub(super) fn is_client(&self, process: ProcessId) -> bool {
        matches!(self.groups[self.members[process.index()].group.index()].kind, GroupKind::Clients { .. })
    }
}

/// What is left of a world when its time is over.
#[derive(Debug)]
pub struct Finished<P> {
    /// The running hash of everything that happened.
    pub digest: u64,
    /// The same at the end of each bin.
    pub digests: Vec<u64>,
    /// How many events there were.
    pub events: u64,
    /// How many were still to come.
    pub pending: usize,
    /// What was measured.
    pub meters: Meters,
    /// How long links and disks worked.
    pub usage: Usage,
    /// What clients saw, and what was observed.
    pub history: History,
    /// Clients that went on under a new number: their group, and their place in it.
    pub origins: BTreeMap<u32, (GroupId, u32)>,
    /// Processes of one operation alone, in the order of their numbers: who called, by group and place in it.
    pub callers: Vec<(u32, GroupId, u32)>,
    /// What the faults did.
    pub acted: Vec<Acted>,
    /// What scalers did.
    pub scaled: Vec<Scaled>,
    /// Who became what, when.
    pub roles: Vec<(Instant, ProcessId, Role)>,
    /// Who passed which named point, when.
    pub points: Vec<(Instant, ProcessId, Point)>,
    /// What was to be looked at.
    pub trace: Trace,
    /// Books that do not balance: errors of ours, one sentence each.
    pub broken: Vec<String>,
    /// The processes as they ended.
    pub processes: Vec<P>,
}
