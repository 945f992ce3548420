//! A service station: workers, one queue in front of them, and the rules of that queue.
//!
//! Pure: it asks to be called at a time ([`Step::FinishAt`]) and says what became of each job. Work that has begun is
//! not touched by a change of speed; what begins later is.

mod queue;
mod sharing;
mod spec;

pub use spec::{Discipline, DropRule, Shed, StationSpec, WhenFull, WorkerModel};

use std::hint::cold_path;

use queue::{Queue, Taken};
use sharing::Sharing;

use crate::engine::{Instant, Places, Span};

/// The highest priority: no early refusal touches it.
const HIGHEST: u8 = 7;

/// One piece of work for a station.
#[derive(Clone, Debug)]
pub struct Job<J> {
    /// What it is for.
    pub what: J,
    /// How long one worker of speed 1 needs.
    pub work: Span,
    /// Higher goes first where priorities count.
    pub priority: u8,
    /// After that nobody waits for it.
    pub deadline: Instant,
}

/// Names one stretch of work, so that a completion that was called off is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    worker: u32,
    generation: u32,
}

/// What a station wants, or what became of a job.
#[derive(Clone, Debug)]
pub enum Step<J> {
    /// Call [`Station::finish`] then.
    FinishAt {
        /// When.
        at: Instant,
        /// With this.
        ticket: Ticket,
    },
    /// The work is done.
    Done {
        /// Of what.
        what: J,
        /// From its arrival until a worker took it.
        waited: Span,
        /// The worker, if it stays held until [`Station::release`] (thread per request).
        worker: Option<u32>,
    },
    /// Call [`Station::go_on`] when what is done above has been dealt with: it may ask for more, and that may go first.
    GoOn,
    /// It was refused on arrival or thrown away at the head.
    Refused {
        /// What was.
        what: J,
        /// Why.
        why: Refusal,
    },
}

/// Why a job was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The station has not started yet, or is down.
    Starting,
    /// The queue is full.
    Full,
    /// Shed early.
    Shed,
    /// Its deadline had passed when its turn came.
    Expired,
    /// Dropped by controlled delay.
    Delayed,
}

/// A job with the time of its arrival.
#[derive(Clone, Debug)]
struct Waiting<J> {
    job: Job<J>,
    arrived: Instant,
}

#[derive(Clone, Debug)]
struct Worker<J> {
    generation: u32,
    running: Option<Running<J>>,
    held: bool,
}

#[derive(Clone, Debug)]
struct Running<J> {
    what: J,
    waited: Span,
    end: Instant,
}

/// Workers and their queue.
#[derive(Clone, Debug)]
pub struct Station<J> {
    spec: StationSpec,
    workers: Vec<Worker<J>>,
    // Invariant: a worker is listed here, or runs, or is held, or lies beyond `spec.workers` (after a live change).
    free: Vec<u32>,
    queue: Queue<J>,
    // What waits for a worker of its own, which runs something or has just done so. A thread does one thing at a time.
    behind: Vec<(u32, Waiting<J>)>,
    sharing: Sharing<J>,
    slow: f64,
    ready_at: Instant,
    paused: Option<Instant>,
    down: bool,
}

impl<J: Copy + std::fmt::Debug> Station<J> {
    /// A station that starts at `now`, at full warmth only after its `startup`.
    pub fn new(spec: StationSpec, now: Instant) -> Station<J> {
        let mut station = Station {
            workers: Vec::new(),
            free: Vec::new(),
            queue: Queue::new(),
            behind: Vec::new(),
            sharing: Sharing::new(),
            slow: 1.0,
            // At the beginning of a run everything is up: `startup` is for what starts later.
            ready_at: now,
            paused: None,
            down: false,
            spec,
        };
        station.hire();
        station
    }

    fn hire(&mut self) {
        while self.workers.len() < self.spec.workers as usize {
            let worker = u32::try_from(self.workers.len()).expect("fewer than 2^32 workers");
            self.workers.push(Worker { generation: 0, running: None, held: false });
            self.free.push(worker);
        }
        // The lowest number is taken first.
        self.free.sort_unstable_by(|a, b| b.cmp(a));
    }

    fn shares(&self) -> bool {
        self.spec.discipline == Discipline::ProcessorSharing
    }

    /// A request arrives.
    pub fn offer(&mut self, now: Instant, job: Job<J>, steps: &mut Places<Step<J>>) {
        let refused = if self.down || now < self.ready_at {
            Some(Refusal::Starting)
        } else if self.sheds(job.priority) {
            Some(Refusal::Shed)
        } else if self.full() {
            Some(Refusal::Full)
        } else {
            None
        };
        if let Some(why) = refused {
            cold_path();
            steps.push(Step::Refused { what: job.what, why });
            return;
        }
        self.enter(now, job, steps);
    }

    /// More work for a job that was here before: it is neither refused nor shed. With `worker`, which it holds, it runs
    /// there as soon as that has done what it was asked for before; otherwise it queues like everybody else.
    pub fn continue_with(&mut self, now: Instant, worker: Option<u32>, job: Job<J>, steps: &mut Places<Step<J>>) {
        match worker {
            Some(worker) if !self.shares() => {
                if self.workers[worker as usize].running.is_some() || self.first_behind(worker).is_some() {
                    cold_path();
                    self.behind.push((worker, Waiting { job, arrived: now }));
                } else {
                    self.run(now, worker, job.what, job.work, now, true, steps);
                }
            }
            _ => self.enter(now, job, steps),
        }
    }

    fn enter(&mut self, now: Instant, job: Job<J>, steps: &mut Places<Step<J>>) {
        if self.shares() {
            cold_path();
            self.sharing.advance(now, self.spec.workers, self.paused.is_some());
            let work = self.scaled(now, job.work);
            self.sharing.add(job.what, work);
            self.plan_sharing(now, steps);
            return;
        }
        if self.paused.is_none()
            && self.queue.is_empty()
            && let Some(worker) = self.free.pop()
        {
            self.run(now, worker, job.what, job.work, now, self.holds(), steps);
        } else {
            self.queue.push(job, now, self.spec.discipline);
        }
    }

    fn full(&self) -> bool {
        let Some(limit) = self.spec.limit else { return false };
        cold_path();
        if self.spec.when_full == WhenFull::Block {
            return false;
        }
        if self.shares() {
            return self.sharing.len() >= self.spec.workers as usize + limit as usize;
        }
        (self.free.is_empty() || self.paused.is_some()) && self.queue.len() >= limit as usize
    }

    fn sheds(&self, priority: u8) -> bool {
        let Some(shed) = self.spec.shed else { return false };
        cold_path();
        let busy = f64::from(self.busy()) / f64::from(self.spec.workers.max(1));
        if shed.by_priority && priority >= HIGHEST {
            return false;
        }
        let bar = if shed.by_priority {
            shed.above + (1.0 - shed.above) * f64::from(priority) / f64::from(HIGHEST)
        } else {
            shed.above
        };
        busy >= bar && (busy > bar || bar < 1.0 || self.waiting() > 0)
    }

    fn scaled(&self, now: Instant, work: Span) -> Span {
        let cold = if now.since(self.ready_at) < self.spec.cold_for { self.spec.cold_factor } else { 1.0 };
        let factor = self.slow * cold / self.spec.speed;
        if factor == 1.0 {
            return work;
        }
        cold_path();
        Span::from_nanos_f64(work.0 as f64 * factor)
    }

    /// Whether whoever gets a worker keeps it.
    fn holds(&self) -> bool {
        self.spec.model == WorkerModel::Thread
    }

    #[expect(clippy::too_many_arguments, reason = "a job in its parts, which are moved one by one")]
    fn run(
        &mut self,
        now: Instant,
        worker: u32,
        what: J,
        work: Span,
        arrived: Instant,
        held: bool,
        steps: &mut Places<Step<J>>,
    ) {
        let waited = now.since(arrived);
        let work = self.scaled(now, work);
        let slot = &mut self.workers[worker as usize];
        slot.held = held;
        if work.is_zero() && self.paused.is_none() {
            if !held {
                self.free.push(worker);
            }
            let place = steps.place();
            *place = Some(Step::Done { what, waited, worker: held.then_some(worker) });
            return;
        }
        slot.generation += 1;
        let end = now + work;
        slot.running = Some(Running { what, waited, end });
        if self.paused.is_none() {
            let ticket = Ticket { worker, generation: slot.generation };
            let place = steps.place();
            *place = Some(Step::FinishAt { at: end, ticket });
        }
    }

    /// A stretch of work is over. Tickets that were called off do nothing.
    pub fn finish(&mut self, now: Instant, ticket: Ticket, steps: &mut Places<Step<J>>) {
        if self.paused.is_some() {
            cold_path();
            return;
        }
        if self.shares() || ticket.worker == u32::MAX {
            cold_path();
            if ticket.generation == self.sharing.generation() {
                self.sharing.advance(now, self.spec.workers, false);
                self.sharing.take_done(steps);
                self.plan_sharing(now, steps);
            }
            return;
        }
        let slot = &mut self.workers[ticket.worker as usize];
        if slot.generation != ticket.generation {
            return;
        }
        let Some(Running { what, waited, .. }) = slot.running.take() else { return };
        let held = slot.held;
        let place = steps.place();
        *place = Some(Step::Done { what, waited, worker: held.then_some(ticket.worker) });
        if !self.behind.is_empty() && self.first_behind(ticket.worker).is_some() {
            cold_path();
            if held {
                // What is done is dealt with first: it may answer the request.
                steps.push(Step::GoOn);
                return;
            }
            if self.run_behind(now, ticket.worker, false, steps) {
                return;
            }
        }
        if !held {
            self.next(now, ticket.worker, steps);
        }
    }

    /// The place of what waits for this worker longest.
    fn first_behind(&self, worker: u32) -> Option<usize> {
        self.behind.iter().position(|(whose, _)| *whose == worker)
    }

    /// Gives a worker what it was asked for while it ran something else. Whether it runs again.
    fn run_behind(&mut self, now: Instant, worker: u32, held: bool, steps: &mut Places<Step<J>>) -> bool {
        while let Some(first) = self.first_behind(worker) {
            let (_, Waiting { job, arrived }) = self.behind.remove(first);
            self.run(now, worker, job.what, job.work, arrived, held, steps);
            if self.workers[worker as usize].running.is_some() {
                return true;
            }
            // It took no time, and the worker is still ours.
            if held {
                steps.push(Step::GoOn);
                return true;
            }
            self.free.pop();
        }
        false
    }

    /// A worker that was held is free again, as soon as it has done what it was asked for.
    pub fn release(&mut self, now: Instant, worker: u32, steps: &mut Places<Step<J>>) {
        let Some(slot) = self.workers.get_mut(worker as usize) else { return };
        if !slot.held {
            return;
        }
        slot.held = false;
        if slot.running.is_some() {
            cold_path();
            return;
        }
        if !self.behind.is_empty() {
            cold_path();
            if self.run_behind(now, worker, false, steps) {
                return;
            }
        }
        self.next(now, worker, steps);
    }

    /// Gives workers their next jobs.
    pub fn go_on(&mut self, now: Instant, steps: &mut Places<Step<J>>) {
        if self.paused.is_none() && !self.down {
            self.go_on_behind(now, steps);
            self.fill(now, steps);
        }
    }

    /// Gives held workers that run nothing what waits for them.
    fn go_on_behind(&mut self, now: Instant, steps: &mut Places<Step<J>>) {
        for worker in 0..self.workers.len() as u32 {
            if self.behind.is_empty() {
                return;
            }
            if self.idly_held(worker) {
                self.run_behind(now, worker, true, steps);
            }
        }
    }

    /// Gives a worker its next job; jobs without work pass through until one has some. Where not the oldest goes first,
    /// one that has passed through is dealt with before the next is taken: it may ask for work that comes before that.
    fn next(&mut self, now: Instant, worker: u32, steps: &mut Places<Step<J>>) {
        if worker >= self.spec.workers {
            return;
        }
        if self.paused.is_some() {
            cold_path();
            self.free.push(worker);
            return;
        }
        loop {
            match self.queue.take(now, &self.spec) {
                Taken::Job(waiting) => {
                    let Job { what, work, .. } = waiting.job;
                    self.run(now, worker, what, work, waiting.arrived, self.holds(), steps);
                    if self.free.last() != Some(&worker) {
                        return;
                    }
                    if self.spec.discipline != Discipline::Fifo && !self.queue.is_empty() {
                        steps.push(Step::GoOn);
                        return;
                    }
                    self.free.pop();
                }
                Taken::Dropped(waiting, why) => {
                    cold_path();
                    steps.push(Step::Refused { what: waiting.job.what, why });
                }
                Taken::Nothing => {
                    self.free.push(worker);
                    return;
                }
            }
        }
    }

    fn plan_sharing(&mut self, now: Instant, steps: &mut Places<Step<J>>) {
        if let Some((at, generation)) = self.sharing.plan(now, self.spec.workers) {
            steps.push(Step::FinishAt { at, ticket: Ticket { worker: u32::MAX, generation } });
        }
    }

    /// The process dies: everything in it, waiting first, then what was in service. It takes nothing until restarted.
    pub fn crash(&mut self) -> Vec<J> {
        let mut lost = self.queue.drain();
        lost.extend(self.behind.drain(..).map(|(_, waiting)| waiting.job.what));
        lost.extend(self.sharing.drain());
        self.free.clear();
        for (i, worker) in self.workers.iter_mut().enumerate() {
            worker.generation += 1;
            worker.held = false;
            lost.extend(worker.running.take().map(|r| r.what));
            if i < self.spec.workers as usize {
                self.free.push(i as u32);
            }
        }
        self.free.reverse();
        self.down = true;
        self.paused = None;
        self.slow = 1.0;
        lost
    }

    /// It comes back, and takes requests after its `startup`.
    pub fn restart(&mut self, now: Instant) {
        self.down = false;
        self.ready_at = now + self.spec.startup;
    }

    /// It freezes: work in service keeps what is left of it.
    pub fn pause(&mut self, now: Instant) {
        if self.paused.is_none() {
            if self.shares() {
                self.sharing.advance(now, self.spec.workers, false);
            }
            self.paused = Some(now);
        }
    }

    /// It goes on.
    pub fn resume(&mut self, now: Instant, steps: &mut Places<Step<J>>) {
        let Some(since) = self.paused.take() else { return };
        if self.shares() {
            self.sharing.advance(now, self.spec.workers, true);
            self.plan_sharing(now, steps);
            return;
        }
        for i in 0..self.workers.len() {
            let slot = &mut self.workers[i];
            if let Some(running) = &mut slot.running {
                running.end = now + running.end.since(since);
                slot.generation += 1;
                let ticket = Ticket { worker: i as u32, generation: slot.generation };
                steps.push(Step::FinishAt { at: running.end, ticket });
            }
        }
        self.go_on_behind(now, steps);
        self.fill(now, steps);
    }

    fn fill(&mut self, now: Instant, steps: &mut Places<Step<J>>) {
        while !self.queue.is_empty() {
            let Some(worker) = self.free.pop() else { return };
            self.next(now, worker, steps);
            if matches!(steps.last(), Some(Step::GoOn)) {
                return;
            }
        }
    }

    /// Work that starts from now on takes `factor` times as long; 1 = normal.
    pub fn set_slow(&mut self, _now: Instant, factor: f64, _steps: &mut Places<Step<J>>) {
        self.slow = factor;
    }

    /// A live change: more or fewer workers, another limit or rule. Work in service is finished; the discipline of
    /// jobs that wait already does not change between sharing and queueing.
    pub fn set_spec(&mut self, now: Instant, mut spec: StationSpec, steps: &mut Places<Step<J>>) {
        if self.shares() != (spec.discipline == Discipline::ProcessorSharing) {
            spec.discipline = self.spec.discipline;
        }
        if self.shares() {
            self.sharing.advance(now, self.spec.workers, self.paused.is_some());
        }
        self.queue.reorder(spec.discipline);
        self.spec = spec;
        self.free.retain(|w| *w < self.spec.workers);
        let known: Vec<u32> = (0..self.workers.len() as u32)
            .filter(|w| *w < self.spec.workers && !self.free.contains(w))
            .filter(|w| {
                let slot = &self.workers[*w as usize];
                slot.running.is_none() && !slot.held
            })
            .collect();
        self.free.extend(known);
        while self.workers.len() > self.spec.workers as usize
            && self.workers.last().is_some_and(|w| !w.held && w.running.is_none())
        {
            self.workers.pop();
        }
        self.hire();
        if self.shares() {
            self.plan_sharing(now, steps);
        } else if self.paused.is_none() {
            self.fill(now, steps);
        }
    }

    /// Workers that run or are held; under sharing, the capacity in use, rounded up to whole workers.
    pub fn busy(&self) -> u32 {
        if self.shares() {
            return (self.sharing.len() as u32).min(self.spec.workers);
        }
        ((self.workers.len() - self.free.len()) as u32).min(self.spec.workers)
    }
    /// Workers in all.
    pub fn workers(&self) -> u32 {
        self.spec.workers
    }
    /// Jobs that wait for a worker.
    pub fn waiting(&self) -> u32 {
        if self.shares() {
            return (self.sharing.len() as u32).saturating_sub(self.spec.workers);
        }
        self.queue.len() as u32
    }
    /// All that wait or run.
    pub fn jobs(&self) -> impl Iterator<Item = &J> {
        let behind = self.behind.iter().map(|(_, waiting)| &waiting.job.what);
        let running = self.workers.iter().filter_map(|worker| Some(&worker.running.as_ref()?.what));
        self.queue.jobs().chain(behind).chain(self.sharing.jobs()).chain(running)
    }
    /// Whether a worker is held and runs nothing: it awaits its [`Station::release`].
    pub fn idly_held(&self, worker: u32) -> bool {
        self.workers.get(worker as usize).is_some_and(|worker| worker.held && worker.running.is_none())
    }
    /// How many workers are.
    pub fn all_idly_held(&self) -> usize {
        (0..self.workers.len() as u32).filter(|worker| self.idly_held(*worker)).count()
    }
    /// When the longest waiting job arrived.
    pub fn head_since(&self) -> Option<Instant> {
        self.queue.oldest()
    }
}

#[cfg(test)]
mod tests;
