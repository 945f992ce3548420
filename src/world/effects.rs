//! The interpreter: what happens when a process wants something done.

use crate::engine::ProcessId;
use crate::physics::network::Crossing;
use crate::physics::station;
use crate::rpc::{Op, Token};

use super::about::About;
use super::control::When;
use super::event::{Computing, Event, Job, Life, TimerSlot};
use super::kernel::World;
use super::out::{Counted, Effect, Effects, Meter, Own, Point};
use super::process::{Message, Process};
use super::trace::TraceEvent;

/// What is left of an effect that was carried out.
const NOTHING: Meter = Meter::Count(Counted::Dropped, 0);

impl<P: Process> World<P> {
    /// Does what a process wants done, and leaves the effects empty.
    pub(super) fn carry_out(&mut self, process: ProcessId, effects: &mut Effects<P>) {
        let mut own = effects.own.rows_mut().iter_mut();
        for effect in effects.all.iter_mut() {
            match effect {
                Effect::Own => match own.next() {
                    Some(Some(Own::Arm { timer, after })) => self.arm(process, *timer, *after),
                    Some(row) => self.carry_out_own(process, row.take()),
                    None => {}
                },
                Effect::Call { edge, op, cause, token, to } => {
                    self.begin_call(process, *edge, op, cause, *token, *to);
                }
                Effect::Reply { requester, answer } => self.reply(process, requester, answer),
                Effect::Meter(meter) => self.meter(process, meter),
                other => {
                    let other = std::mem::replace(other, Effect::Meter(NOTHING));
                    self.carry_out_other(process, other);
                }
            }
        }
        // Whoever carries one out takes from it what would have to be dropped.
        effects.all.forget();
        effects.own.clear();
    }

    #[inline(never)]
    fn carry_out_own(&mut self, process: ProcessId, effect: Option<Own<P>>) {
        match effect {
            None | Some(Own::Arm { .. }) => {}
            Some(Own::Send { to, msg }) => self.send(process, to, msg),
            Some(Own::Disarm { timer }) => {
                if let Some(slot) = self.members[process.index()].timers.iter_mut().find(|t| t.timer == timer) {
                    slot.armed = false;
                }
            }
            Some(Own::Persist { record, token }) => self.persist(process, record, token, false),
            Some(Own::Checkpoint { record, token }) => self.persist(process, record, token, true),
        }
    }

    #[inline(never)]
    fn carry_out_other(&mut self, process: ProcessId, effect: Effect) {
        match effect {
            Effect::Own | Effect::Call { .. } | Effect::Reply { .. } | Effect::Meter(_) => {}
            Effect::Wake { token, at } => {
                let incarnation = self.members[process.index()].incarnation;
                self.queue.push(at.max(self.now), Event::Woken { process, incarnation, token });
            }
            Effect::Compute { requester, priority, deadline, work, token } => {
                // One that was answered in the meantime holds nothing: this is work like any other.
                let visit = requester.and_then(|requester| self.open_visit(process, &requester));
                let (requester, worker) = visit.map_or((None, None), |row| (requester, row.worker));
                let computing = self.computing.put(Computing { token, requester, work });
                let job = station::Job { what: Job::Compute(computing), work, priority, deadline };
                let mut steps = self.station_steps.take();
                self.members[process.index()].station.continue_with(self.now, worker, job, &mut steps);
                self.carry_out_station(process, &mut steps);
                self.station_steps.give(steps);
            }
            Effect::PowerCycle { of, off_after, on_after, token } => {
                let incarnation = self.members[process.index()].incarnation;
                self.queue
                    .push(self.now + off_after, Event::PowerOff { of, on_after, by: process, incarnation, token });
            }
            Effect::Note(point) => self.note(process, point),
            Effect::Observe(fact) => self.history.observe(fact),
            Effect::Eligible { edge, instance, eligible } => {
                let index = self.members[process.index()].index;
                self.calls.set_eligible(self.now, edge, index, instance, eligible);
            }
        }
    }

    fn send(&mut self, from: ProcessId, to: ProcessId, msg: P::Msg) {
        self.messages += 1;
        self.census.messages_sent += 1;
        self.meters.message(self.members[from.index()].group, self.now);
        let mut bits = self.peers.at(u64::from(from.0) << 32 | u64::from(to.0), self.messages);
        let (a, b) = (self.host_of(from), self.host_of(to));
        let crossing = self.network.cross_in_order(self.now, a, b, msg.bytes(), &mut bits);
        let arrives = match &crossing {
            Crossing::Arrives { at, .. } => Some(*at),
            Crossing::Lost(_) => None,
        };
        if self.focus.covers(self.now) {
            let about = self.focus.key.map_or_else(About::default, |key| msg.about(key));
            if self.focus.key.is_none() || self.watched.threads.follows(from, to, &about) {
                let event = TraceEvent::Message { at: self.now, from, to, name: msg.name(), about, arrives };
                self.trace.keep(self.focus.limit, event);
            }
        }
        match crossing {
            Crossing::Arrives { at, again } => {
                if let Some(again) = again {
                    self.census.messages_sent += 1;
                    self.queue.push(again, Event::Message { from, to, msg: msg.clone() });
                }
                self.queue.push(at, Event::Message { from, to, msg });
            }
            Crossing::Lost(_) => self.census.messages_lost += 1,
        }
    }

    #[inline(never)]
    fn arm(&mut self, process: ProcessId, timer: P::Timer, after: crate::engine::Span) {
        let member = &mut self.members[process.index()];
        let at = self.clocks[member.host.index()].true_after(self.now, after);
        let slot = match member.timers.iter_mut().position(|t| t.timer == timer) {
            Some(i) => &mut member.timers[i],
            None => {
                member.timers.push(TimerSlot { timer, generation: 0, armed: false });
                member.timers.last_mut().expect("just pushed")
            }
        };
        slot.generation += 1;
        slot.armed = true;
        let generation = slot.generation;
        let place = self.queue.place(at);
        *place = Some(Event::Timer { process, timer, generation });
    }

    fn persist(&mut self, process: ProcessId, record: P::Record, token: Token, checkpoint: bool) {
        let member = &self.members[process.index()];
        let (host, incarnation) = (member.host, member.incarnation);
        let disk = &mut self.disks[host.index()];
        let bytes = P::record_bytes(&record);
        let at = if checkpoint {
            disk.checkpoint(self.now, process, record, bytes)
        } else {
            disk.append(self.now, process, record, bytes)
        };
        self.queue.push(at, Event::Synced { process, incarnation, token });
    }

    fn note(&mut self, process: ProcessId, point: Point) {
        self.points.push((self.now, process, point));
        if self.focus.covers(self.now) {
            self.trace.keep(self.focus.limit, TraceEvent::Point { at: self.now, process, point });
        }
        let group = self.members[process.index()].group;
        for (index, scheduled) in (0..).zip(&self.schedule) {
            let When::Point(passage, after) = &scheduled.when else { continue };
            if self.waiting[index as usize].on_point(passage, group, point, self.now) {
                self.queue.push(self.now + *after, Event::Control(index));
            }
        }
    }

    /// From now on passages count for a control that waits.
    pub(super) fn on_waiting(&mut self, index: u32) {
        let When::Point(passage, after) = &self.schedule[index as usize].when else { return };
        if self.waiting[index as usize].on_from(passage) {
            self.queue.push(self.now + *after, Event::Control(index));
        }
    }

    #[inline(never)]
    fn meter(&mut self, process: ProcessId, meter: &Meter) {
        let group = self.members[process.index()].group;
        match *meter {
            Meter::Offered { entry, intended } => {
                self.census.offered += 1;
                self.meters.offered(group, entry, intended);
            }
            Meter::Ended { entry, intended, outcome, root } => {
                self.census.ended += 1;
                self.meters.ended(group, entry, intended, self.now, outcome, root);
            }
            Meter::Waited { since } => self.meters.handed_out(group, since, self.now),
            Meter::Count(what, n) => self.meters.count(group, what, self.now, n),
            Meter::Level(what, value) => {
                let index = self.members[process.index()].index;
                self.meters.level(group, index, what, self.now, value);
            }
        }
    }

    /// The operator's request, or a fault's; a process that is down doesn't hear it.
    pub(super) fn ask(&mut self, process: ProcessId, op: &Op) {
        if self.members[process.index()].life == Life::Up {
            self.with(process, |state, out| state.ask(op, out));
        }
    }
}
