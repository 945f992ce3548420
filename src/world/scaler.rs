//! A scaled component: how many of its instances take part follows from how busy they are.
//!
//! Source: Kubernetes, "Horizontal Pod Autoscaling", "Algorithm details" and "Stabilization window": every so often
//! `desired = ceil(ready × metric / target)`; nothing happens while metric / target is within the tolerance of 1; and fewer
//! are wanted only once all that was desired within the stabilisation window is less. The metric is the share of busy
//! workers since the last look; or, of consumers, how many messages of a queue there are for each (KEDA, "Apache Kafka"
//! and "AWS SQS Queue": what waits and what is in hand, over a target per replica). Instances that start, are down, or have
//! served for less than that are set aside: they count as idle where more are desired, as being on target where fewer are,
//! and never turn one into the other.
//!
//! Leaves out its limits on how many are added at once, and metrics that are late. Who is to go is who came last, and has
//! 30 s to finish what it has.

use std::collections::VecDeque;
use std::mem;

use crate::engine::{GroupId, Instant, ProcessId, Span};

use super::control::Power;
use super::event::{Event, Life};
use super::kernel::World;
use super::out::Level;
use super::process::Process;

/// Kubernetes, "Pod Lifecycle": terminationGracePeriodSeconds.
const DRAIN: Span = Span::secs(30);

/// How a component is scaled. Shares are in millionths: nothing here depends on how a machine rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// Instances at the start.
    pub start: u32,
    /// At least so many.
    pub min: u32,
    /// At most so many; all of them have a machine from the start.
    pub max: u32,
    /// What it looks at, and what it aims at.
    pub by: Signal,
    /// No action while the metric is off the target by no more than this share of it.
    pub tolerance_ppm: u64,
    /// Between looks.
    pub every: Span,
    /// How long what was desired keeps instances from being taken away.
    pub down_after: Span,
}

/// What a scaler looks at, and what it aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The share of busy workers.
    Busy {
        /// That share, in millionths.
        target_ppm: u64,
    },
    /// Messages of a queue that wait or are in somebody's hands.
    Backlog {
        /// Which.
        queue: GroupId,
        /// So many for each instance; at least 1.
        each: u64,
    },
}

/// How busy instances were, in worker-nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Busy {
    /// Instances that have served all the time since the last look.
    pub ready: u32,
    /// Those that are set aside.
    pub aside: u32,
    /// Time of busy workers of those that are ready.
    pub busy: u128,
    /// Time of all their workers.
    pub all: u128,
}

impl Scaling {
    /// `ceil(ready × metric / target)`, exactly; `None` within the tolerance, or with nobody to look at.
    pub fn desired(&self, seen: Busy, target_ppm: u64) -> Option<u32> {
        let (mut metric, mut target) = (seen.busy * 1_000_000, seen.all * u128::from(target_ppm));
        let off =
            |metric: u128, target: u128| metric.abs_diff(target) * 1_000_000 > target * u128::from(self.tolerance_ppm);
        if target == 0 || !off(metric, target) {
            return None;
        }
        let up = metric > target;
        if seen.aside > 0 {
            let on_target = target / u128::from(seen.ready) * u128::from(seen.aside);
            target += on_target;
            metric += if up { 0 } else { on_target };
            if !off(metric, target) || (metric > target) != up {
                return None;
            }
        }
        let desired = (u128::from(seen.ready + seen.aside) * metric).div_ceil(target);
        Some(u32::try_from(desired).unwrap_or(u32::MAX).clamp(self.min, self.max))
    }

    /// `ceil(messages / each)`; `None` while `replicas` have that many each, within the tolerance.
    pub fn desired_for(&self, messages: u64, each: u64, replicas: u32) -> Option<u32> {
        let (messages, target) = (u128::from(messages), u128::from(each) * u128::from(replicas));
        if messages.abs_diff(target) * 1_000_000 <= target * u128::from(self.tolerance_ppm) {
            return None;
        }
        let desired = messages.div_ceil(u128::from(each));
        Some(u32::try_from(desired).unwrap_or(u32::MAX).clamp(self.min, self.max))
    }
}

/// A step of a scaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// When.
    pub at: Instant,
    /// Of which component.
    pub group: GroupId,
    /// How busy it saw them.
    pub seen: Busy,
    /// How many messages it saw, if it looks at a queue.
    pub messages: Option<u64>,
    /// How many were wanted before.
    pub from: u32,
    /// How many are wanted now.
    pub to: u32,
}

/// What an instance of a scaled component does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    /// It has a machine, and isn't started.
    StandsBy,
    /// It was started then, and doesn't serve yet.
    Starts(Instant),
    /// Its callers may choose it.
    Serves,
    /// It was taken out of their choice then, and finishes what it has.
    Leaves(Instant),
}

/// What a scaler waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The next look.
    Look,
    /// An instance that was started then serves.
    Ready(u32, Instant),
    /// An instance that was taken out then has had its time.
    Gone(u32, Instant),
}

/// The scaler of one component.
#[derive(Clone, Debug)]
pub(super) struct Scaler {
    group: GroupId,
    spec: Scaling,
    wanted: u32,
    seats: Vec<Seat>,
    /// The last look.
    last: Instant,
    /// Of each that serves: since when its work was not yet looked at, and how much it had done by then.
    looked: Vec<(Instant, u128)>,
    /// What was desired, and when, within the stabilisation window.
    desired: VecDeque<(Instant, u32)>,
}

impl<P: Process> World<P> {
    /// Who begins by standing by.
    pub(super) fn standing_by(&self) -> Vec<ProcessId> {
        let scaled = self.groups.iter().filter_map(|group| Some((group, group.scaling?)));
        scaled.flat_map(|(group, spec)| group.members().skip(spec.start as usize)).collect()
    }

    /// Puts the scalers to work, once everybody who begins has been started.
    pub(super) fn start_scalers(&mut self) {
        for (g, group) in self.groups.iter().enumerate() {
            let Some(spec) = group.scaling else { continue };
            let seat = |i: usize| if i < spec.start as usize { Seat::Serves } else { Seat::StandsBy };
            self.scalers.push(Scaler {
                group: GroupId::at(g),
                spec,
                wanted: spec.start,
                last: Instant::ZERO,
                seats: (0..group.hosts.len()).map(seat).collect(),
                looked: vec![(Instant::ZERO, 0); group.hosts.len()],
                desired: VecDeque::from([(Instant::ZERO, spec.start)]),
            });
        }
        for process in self.standing_by() {
            self.take_out(process);
        }
        for s in 0..self.scalers.len() {
            self.note_replicas(s);
            self.later(s, self.scalers[s].spec.every, Turn::Look);
        }
    }

    fn later(&mut self, scaler: usize, after: Span, turn: Turn) {
        let scaler = u16::try_from(scaler).expect("groups are numbered so");
        self.queue.push(self.now + after, Event::Scaler(scaler, turn));
    }

    fn instance(&self, scaler: usize, seat: u32) -> ProcessId {
        ProcessId(self.groups[self.scalers[scaler].group.index()].first.0 + seat)
    }

    /// Whether it is an instance that does not take part: faults do nothing to it, nor undo what they did.
    pub(super) fn has_no_part(&self, process: ProcessId) -> bool {
        let member = &self.members[process.index()];
        let scaler = self.scalers.iter().find(|scaler| scaler.group == member.group);
        scaler.is_some_and(|scaler| scaler.seats[member.index as usize] == Seat::StandsBy)
    }

    /// Whether a scaler keeps it out of its callers' choice.
    pub(super) fn is_kept_out(&self, process: ProcessId) -> bool {
        let member = &self.members[process.index()];
        let scaler = self.scalers.iter().find(|scaler| scaler.group == member.group);
        scaler.is_some_and(|scaler| scaler.seats[member.index as usize] != Seat::Serves)
    }

    /// What a scaler waited for is there.
    pub(super) fn scaler_turn(&mut self, scaler: usize, turn: Turn) {
        let seats = &mut self.scalers[scaler].seats;
        match turn {
            Turn::Look => {
                self.look(scaler);
                self.later(scaler, self.scalers[scaler].spec.every, Turn::Look);
            }
            Turn::Ready(seat, since) => {
                // Who was sent away before it served is another's turn.
                if seats[seat as usize] == Seat::Starts(since) {
                    seats[seat as usize] = Seat::Serves;
                    let process = self.instance(scaler, seat);
                    self.scalers[scaler].looked[seat as usize] = (self.now, self.meters.busy_until(process, self.now));
                    self.put_back(process);
                }
            }
            Turn::Gone(seat, since) => {
                if seats[seat as usize] == Seat::Leaves(since) {
                    self.stop(scaler, seat);
                    self.fill(scaler);
                }
            }
        }
        self.note_replicas(scaler);
    }

    /// Looks how busy those are who serve, and decides how many are wanted.
    fn look(&mut self, s: usize) {
        let workers = u128::from(self.groups[self.scalers[s].group.index()].station.workers);
        let mut seen = Busy::default();
        let last = mem::replace(&mut self.scalers[s].last, self.now);
        for seat in 0..self.scalers[s].seats.len() {
            match self.scalers[s].seats[seat] {
                Seat::Serves => {}
                Seat::Starts(_) => {
                    seen.aside += 1;
                    continue;
                }
                Seat::StandsBy | Seat::Leaves(_) => continue,
            }
            let process = self.instance(s, u32::try_from(seat).expect("plans are bounded at load"));
            let area = self.meters.busy_until(process, self.now);
            let (since, before) = mem::replace(&mut self.scalers[s].looked[seat], (self.now, area));
            if since == last && self.members[process.index()].life == Life::Up && !self.out.contains(&process) {
                seen.ready += 1;
                seen.busy += area - before;
                seen.all += workers * u128::from(self.now.since(since).0);
            } else {
                seen.aside += 1;
            }
        }
        let now = self.now;
        let messages = match self.scalers[s].spec.by {
            Signal::Busy { .. } => None,
            Signal::Backlog { queue, .. } => Some(self.meters.messages(queue)),
        };
        let scaler = &mut self.scalers[s];
        let desired = match (scaler.spec.by, messages) {
            (Signal::Backlog { each, .. }, Some(messages)) => scaler.spec.desired_for(messages, each, scaler.wanted),
            (Signal::Busy { target_ppm }, _) => scaler.spec.desired(seen, target_ppm),
            (Signal::Backlog { .. }, None) => None,
        };
        let desired = desired.unwrap_or(scaler.wanted);
        scaler.desired.push_back((now, desired));
        let window = scaler.spec.down_after;
        scaler.desired.retain(|(at, _)| now.since(*at) <= window);
        let most = scaler.desired.iter().map(|(_, desired)| *desired).max().unwrap_or(desired);
        let next = if desired < scaler.wanted { most.min(scaler.wanted) } else { desired };
        let from = mem::replace(&mut scaler.wanted, next);
        if from != next {
            self.scaled.push(Scaled { at: now, group: scaler.group, seen, messages, from, to: next });
        }
        self.fill(s);
    }

    /// Starts or sends away as many as are missing or too many.
    fn fill(&mut self, s: usize) {
        loop {
            let (now, scaler) = (self.now, &mut self.scalers[s]);
            let takes_part = |seat: &Seat| matches!(seat, Seat::Starts(_) | Seat::Serves);
            let there = scaler.seats.iter().filter(|seat| takes_part(seat)).count();
            let wanted = scaler.wanted as usize;
            if there < wanted {
                // All others may still be leaving: then it goes on when one of them has left.
                let Some(seat) = scaler.seats.iter().position(|seat| *seat == Seat::StandsBy) else { return };
                scaler.seats[seat] = Seat::Starts(now);
                let seat = u32::try_from(seat).expect("plans are bounded at load");
                let process = self.instance(s, seat);
                self.bring_up(process);
                let startup = self.groups[self.scalers[s].group.index()].station.startup;
                self.later(s, startup, Turn::Ready(seat, now));
            } else if there > wanted {
                // Those that don't serve yet go first, then the last to come.
                let starts = scaler.seats.iter().rposition(|seat| matches!(seat, Seat::Starts(_)));
                let serves = || scaler.seats.iter().rposition(|seat| *seat == Seat::Serves);
                let Some(seat) = starts.or_else(serves) else { return };
                let number = u32::try_from(seat).expect("plans are bounded at load");
                if starts.is_some() {
                    self.stop(s, number);
                } else {
                    scaler.seats[seat] = Seat::Leaves(now);
                    let process = self.instance(s, number);
                    self.take_out(process);
                    self.later(s, DRAIN, Turn::Gone(number, now));
                }
            } else {
                return;
            }
        }
    }

    /// An instance is stopped, and stands by.
    fn stop(&mut self, s: usize, seat: u32) {
        let process = self.instance(s, seat);
        self.kill(process, Power::Process);
        // Who comes in its place has suffered nothing.
        self.plight(process).renewed();
        self.members[process.index()].gray = None;
        self.scalers[s].seats[seat as usize] = Seat::StandsBy;
    }

    fn note_replicas(&mut self, s: usize) {
        let scaler = &self.scalers[s];
        let count = |kind: fn(&Seat) -> bool| scaler.seats.iter().filter(|seat| kind(seat)).count() as u64;
        let serve = count(|seat| *seat == Seat::Serves);
        let leave = count(|seat| matches!(seat, Seat::Leaves(_)));
        self.meters.level(scaler.group, 0, Level::Replicas, self.now, serve);
        self.meters.level(scaler.group, 0, Level::InService, self.now, serve + leave);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaling(target: u64) -> Scaling {
        Scaling {
            start: 1,
            min: 1,
            max: 100,
            by: Signal::Busy { target_ppm: target * 10_000 },
            tolerance_ppm: 100_000,
            every: Span::secs(15),
            down_after: Span::secs(300),
        }
    }

    fn desired(target: u64, seen: Busy) -> Option<u32> {
        scaling(target).desired(seen, target * 10_000)
    }

    fn seen(ready: u32, percent: u128) -> Busy {
        Busy { ready, aside: 0, busy: percent * u128::from(ready), all: 100 * u128::from(ready) }
    }

    #[test]
    fn fifty_at_ninety_percent_become_sixty_at_seventy_five() {
        // In floats 0.9 / 0.75 × 50 may come to a little more than 60, whose ceiling is 61.
        assert_eq!(desired(75, seen(50, 90)), Some(60));
    }

    #[test]
    fn twice_as_busy_as_wanted_is_twice_as_many_and_half_as_busy_is_half() {
        // Kubernetes, "Algorithm details": 200m instead of 100m doubles, 50m halves.
        assert_eq!(desired(40, seen(7, 80)), Some(14));
        assert_eq!(desired(80, seen(7, 40)), Some(4));
        assert_eq!(desired(60, seen(100, 100)), Some(100), "no more than there may be");
        assert_eq!(desired(60, seen(5, 0)), Some(1), "no fewer than there must be");
    }

    #[test]
    fn those_set_aside_are_idle_on_the_way_up_and_on_target_on_the_way_down() {
        let aside = |ready, percent, aside| desired(60, Busy { aside, ..seen(ready, percent) });
        // Five of eight are ready: 5 × 100 / 8 is 62.5 %, within the tolerance.
        assert_eq!(aside(5, 100, 3), None);
        assert_eq!(aside(5, 100, 1), Some(9), "6 × 83.3 / 60");
        assert_eq!(aside(5, 100, 0), Some(9));
        // More than could be busy are on their way: that is no reason to send any away.
        assert_eq!(aside(5, 70, 5), None);
        assert_eq!(aside(5, 30, 5), Some(8), "10 × 45 / 60");
    }

    #[test]
    fn within_the_tolerance_nothing_is_desired() {
        assert_eq!(desired(50, seen(10, 55)), None);
        assert_eq!(desired(50, seen(10, 45)), None);
        assert_eq!(desired(50, seen(10, 56)), Some(12));
        assert_eq!(desired(50, seen(10, 44)), Some(9));
        assert_eq!(desired(50, Busy::default()), None);
    }

    #[test]
    fn messages_are_shared_out_and_a_few_too_many_change_nothing() {
        let desired = |messages, replicas| scaling(60).desired_for(messages, 20, replicas);
        assert_eq!(desired(100, 1), Some(5));
        assert_eq!(desired(101, 1), Some(6));
        assert_eq!(desired(100, 5), None);
        assert_eq!(desired(110, 5), None, "10 % more is within the tolerance");
        assert_eq!(desired(111, 5), Some(6));
        assert_eq!(desired(0, 5), Some(1), "no fewer than there must be");
        assert_eq!(desired(1_000_000, 5), Some(100), "no more than there may be");
    }
}
