//! Egalitarian processor sharing: n jobs on c workers each run at min(1, c/n) of a worker's speed.
//!
//! One virtual clock counts the work that each job has had since the station was empty; a job is done when the clock
//! reaches its start plus its work. So an arrival costs a heap operation, not a new plan for everybody.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Step;
use crate::engine::{Instant, Places, Span};

/// Fractions of a nanosecond on the virtual clock.
const FINE: u128 = 1 << 32;

#[derive(Clone, Debug)]
pub(super) struct Sharing<J> {
    // Virtual time at which each job is done, then the order of arrival.
    ends: BinaryHeap<Reverse<(u128, u64, usize)>>,
    jobs: Vec<Option<J>>,
    free: Vec<usize>,
    clock: u128,
    since: Instant,
    arrivals: u64,
    generation: u32,
}

impl<J> Sharing<J> {
    pub(super) fn new() -> Sharing<J> {
        Sharing {
            ends: BinaryHeap::new(),
            jobs: Vec::new(),
            free: Vec::new(),
            clock: 0,
            since: Instant::ZERO,
            arrivals: 0,
            generation: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// Moves the virtual clock to `now`.
    pub(super) fn advance(&mut self, now: Instant, workers: u32, frozen: bool) {
        let span = u128::from(now.since(self.since).0);
        self.since = now;
        let n = self.len() as u128;
        if n > 0 && !frozen {
            self.clock += span * FINE * u128::from(workers).min(n) / n;
        }
    }

    pub(super) fn add(&mut self, what: J, work: Span) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.jobs.push(None);
            self.jobs.len() - 1
        });
        self.jobs[slot] = Some(what);
        self.arrivals += 1;
        self.ends.push(Reverse((self.clock + u128::from(work.0) * FINE, self.arrivals, slot)));
    }

    /// When the next job is done if nothing else comes, under a fresh generation.
    pub(super) fn plan(&mut self, now: Instant, workers: u32) -> Option<(Instant, u32)> {
        self.generation += 1;
        let Reverse((end, _, _)) = self.ends.peek()?;
        let n = self.len() as u128;
        let left = end.saturating_sub(self.clock);
        let span = (left * n).div_ceil(u128::from(workers).min(n) * FINE);
        Some((now + Span(u64::try_from(span).unwrap_or(u64::MAX)), self.generation))
    }

    /// Takes out all that are done.
    pub(super) fn take_done(&mut self, steps: &mut Places<Step<J>>) {
        while let Some(Reverse((end, _, slot))) = self.ends.peek().copied() {
            if end > self.clock {
                return;
            }
            self.ends.pop();
            self.free.push(slot);
            let what = self.jobs[slot].take().expect("a job is in its slot until it is done");
            steps.push(Step::Done { what, waited: Span::ZERO, worker: None });
        }
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &J> {
        self.jobs.iter().flatten()
    }

    pub(super) fn drain(&mut self) -> Vec<J> {
        self.ends.clear();
        self.free.clear();
        self.generation += 1;
        std::mem::take(&mut self.jobs).into_iter().flatten().collect()
    }
}
