//! Jobs that wait, and in which order they are taken.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::hint::cold_path;

use super::spec::{Discipline, DropRule, StationSpec};
use super::{Job, Refusal, Waiting};
use crate::engine::{Instant, Span};

/// Waiting jobs: in the order of arrival, or ranked by priority and then by arrival.
#[derive(Clone, Debug)]
pub(super) struct Queue<J> {
    line: VecDeque<Waiting<J>>,
    ranked: BTreeMap<(Reverse<u8>, u64), Waiting<J>>,
    arrivals: u64,
    codel: Codel,
}

/// What a worker got when it came for its next job.
#[derive(Debug)]
pub(super) enum Taken<J> {
    Job(Waiting<J>),
    Dropped(Waiting<J>, Refusal),
    Nothing,
}

impl<J> Queue<J> {
    pub(super) fn new() -> Queue<J> {
        Queue { line: VecDeque::new(), ranked: BTreeMap::new(), arrivals: 0, codel: Codel::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.line.len() + self.ranked.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty() && self.ranked.is_empty()
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.line.front().map(|w| w.arrived).into_iter().chain(self.ranked.values().map(|w| w.arrived)).min()
    }

    pub(super) fn push(&mut self, job: Job<J>, arrived: Instant, discipline: Discipline) {
        if discipline == Discipline::Priority {
            cold_path();
            self.arrivals += 1;
            self.ranked.insert((Reverse(job.priority), self.arrivals), Waiting { job, arrived });
        } else {
            let Job { what, work, priority, deadline } = job;
            self.line.push_back(Waiting { job: Job { what, work, priority, deadline }, arrived });
        }
    }

    /// The next job, or one that is thrown away in its stead.
    pub(super) fn take(&mut self, now: Instant, spec: &StationSpec) -> Taken<J> {
        // Congested: more than two jobs wait for each worker (the article names no figure; this one is illustrative).
        let congested = self.line.len() > 2 * spec.workers as usize;
        let next = match spec.discipline {
            Discipline::Priority => {
                cold_path();
                self.ranked.pop_first().map(|(_, w)| w)
            }
            Discipline::Lifo => {
                cold_path();
                self.line.pop_back()
            }
            Discipline::AdaptiveLifo if congested => {
                cold_path();
                self.line.pop_back()
            }
            _ => self.line.pop_front(),
        };
        let Some(waiting) = next else {
            self.codel.empty();
            return Taken::Nothing;
        };
        match spec.drop {
            DropRule::Never => Taken::Job(waiting),
            DropRule::Expired if waiting.job.deadline < now => Taken::Dropped(waiting, Refusal::Expired),
            DropRule::Expired => Taken::Job(waiting),
            DropRule::Codel { target, interval } => {
                cold_path();
                let last = self.is_empty();
                if self.codel.drops(now, now.since(waiting.arrived), target, interval, last) {
                    Taken::Dropped(waiting, Refusal::Delayed)
                } else {
                    Taken::Job(waiting)
                }
            }
        }
    }

    /// Another discipline from now on.
    pub(super) fn reorder(&mut self, discipline: Discipline) {
        if discipline == Discipline::Priority {
            while let Some(waiting) = self.line.pop_front() {
                self.push(waiting.job, waiting.arrived, discipline);
            }
        } else if !self.ranked.is_empty() {
            let mut all: Vec<_> = std::mem::take(&mut self.ranked).into_iter().collect();
            all.sort_by_key(|((_, arrival), _)| *arrival);
            self.line.extend(all.into_iter().map(|(_, w)| w));
        }
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &J> {
        self.line.iter().chain(self.ranked.values()).map(|waiting| &waiting.job.what)
    }

    pub(super) fn drain(&mut self) -> Vec<J> {
        self.codel = Codel::default();
        let line = self.line.drain(..).map(|w| w.job.what);
        line.chain(std::mem::take(&mut self.ranked).into_values().map(|w| w.job.what)).collect()
    }
}

/// Controlled delay (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012, appendix).
#[derive(Clone, Debug, Default)]
struct Codel {
    first_above: Option<Instant>,
    drop_next: Instant,
    count: u32,
    dropping: bool,
}

impl Codel {
    fn empty(&mut self) {
        self.first_above = None;
        self.dropping = false;
    }

    fn drops(&mut self, now: Instant, sojourn: Span, target: Span, interval: Span, last: bool) -> bool {
        let above = if sojourn < target || last {
            self.first_above = None;
            false
        } else {
            match self.first_above {
                None => {
                    self.first_above = Some(now + interval);
                    false
                }
                Some(at) => now >= at,
            }
        };
        if self.dropping {
            if !above {
                self.dropping = false;
                return false;
            }
            if now >= self.drop_next {
                self.count += 1;
                self.drop_next += Self::pause(interval, self.count);
                return true;
            }
            return false;
        }
        if !above {
            return false;
        }
        self.dropping = true;
        // Soon after the last time: begin where that ended.
        let recent = now.since(self.drop_next) < interval;
        self.count = if recent && self.count > 2 { self.count - 2 } else { 1 };
        self.drop_next = now + Self::pause(interval, self.count);
        true
    }

    fn pause(interval: Span, count: u32) -> Span {
        Span::from_nanos_f64(interval.0 as f64 / f64::from(count).sqrt())
    }
}
