//! How attempts and calls end: answers, timeouts, retries.

use std::hint::cold_path;

use super::super::op::{Answer, Outcome, Requester};
use super::super::step::{Counted, Ended, Step, WakeKind};
use super::{Calls, Flight, Phase};
use crate::engine::{Instant, Places, mix};

/// Leader hints followed by one call.
const REDIRECTS_MAX: u8 = 8;

impl Calls {
    /// An answer arrives. One that nobody awaits any more is dropped.
    pub fn answer(&mut self, now: Instant, requester: Requester, answer: Answer, steps: &mut Places<Step>) {
        let Some(flight) = self.land(requester.slot, requester.generation, requester.attempt) else { return };
        let slot = requester.slot;
        let outcome = answer.outcome;
        self.learn(now, slot, flight, Some(outcome), steps);
        if outcome.answered() || outcome == Outcome::Aborted {
            // Of an attempt that was given up nobody knows; the one that answered is certain.
            if !(outcome == Outcome::Aborted && self.may_retry(slot, outcome)) {
                self.end(now, slot, answer, steps);
                return;
            }
        }
        let row = &mut self.rows[slot as usize];
        row.in_doubt |= !answer.definite;
        if row.flights.iter().all(Option::is_none) {
            self.failed(now, slot, answer, steps);
        }
    }

    /// Takes out the attempt, if it still awaits its answer.
    pub(super) fn land(&mut self, slot: u32, generation: u32, attempt: u16) -> Option<Flight> {
        let row = self.rows.get_mut(slot as usize)?;
        if row.generation != generation || row.phase == Phase::Free {
            return None;
        }
        let place = row.flights.iter().position(|f| f.is_some_and(|f| f.attempt == attempt))?;
        row.flights[place].take()
    }

    /// What an attempt that is over teaches, and what it gives back. `None`: it was given up for another's answer.
    pub(super) fn learn(
        &mut self,
        now: Instant,
        slot: u32,
        flight: Flight,
        outcome: Option<Outcome>,
        steps: &mut Places<Step>,
    ) {
        let took = now.since(flight.sent);
        let (row, spec, view) = self.view(slot);
        let edge = row.edge;
        if view.balancer.over(spec, now, flight.instance, took, outcome) {
            cold_path();
            view.reset(flight.instance);
            steps.push(Step::Count { edge, what: Counted::Ejected });
        }
        // Of what was given up only a lower bound is known, and that is above the quantile; of hedges only the fast ones
        // would be.
        if let Some(latencies) = view.latencies.as_mut().filter(|_| !flight.hedge)
            && outcome.is_none_or(|outcome| outcome.answered() || outcome == Outcome::Timeout)
        {
            cold_path();
            latencies.record(took);
        }
        if let Some(outcome) = outcome {
            let failed = matches!(outcome, Outcome::Error | Outcome::Timeout | Outcome::Unavailable);
            if failed && view.leader == Some(flight.instance) {
                cold_path();
                view.leader = None;
            }
            let learns = view.breaker.is_some() || view.limit.is_some();
            if learns {
                cold_path();
                if view.learn(now, took, outcome, failed) {
                    steps.push(Step::Count { edge, what: Counted::BreakerOpened });
                }
            }
        } else if let Some(breaker) = &mut view.breaker {
            cold_path();
            breaker.give_back();
        }
        self.free_slot(now, slot, steps);
    }

    pub(super) fn timed_out(
        &mut self,
        now: Instant,
        slot: u32,
        generation: u32,
        attempt: u16,
        steps: &mut Places<Step>,
    ) {
        let Some(flight) = self.land(slot, generation, attempt) else { return };
        let edge = self.rows[slot as usize].edge;
        steps.push(Step::Count { edge, what: Counted::TimedOut });
        self.learn(now, slot, flight, Some(Outcome::Timeout), steps);
        let row = &mut self.rows[slot as usize];
        row.in_doubt = true;
        if row.flights.iter().all(Option::is_none) {
            self.failed(now, slot, Answer::of(Outcome::Timeout), steps);
        }
    }

    pub(super) fn may_retry(&self, slot: u32, outcome: Outcome) -> bool {
        let row = &self.rows[slot as usize];
        let policy = &self.specs[row.edge.index()].policy;
        policy.retry.as_ref().is_some_and(|r| row.retries + 1 < r.attempts && r.on.contains(&outcome))
    }

    /// All attempts so far have failed: follow a hint, try again, or give up.
    pub(super) fn failed(&mut self, now: Instant, slot: u32, answer: Answer, steps: &mut Places<Step>) {
        let (row, spec, view) = self.view(slot);
        let edge = row.edge;
        if let Some(leader) = answer.redirect
            && row.redirects < REDIRECTS_MAX
            && leader < spec.instances
            && row.to.is_none()
        {
            view.leader = Some(leader);
            self.rows[slot as usize].redirects += 1;
            steps.push(Step::Count { edge, what: Counted::Redirect });
            self.attempt(now, slot, steps);
            return;
        }
        if !self.may_retry(slot, answer.outcome) || self.rows[slot as usize].deadline <= now {
            self.end(now, slot, answer, steps);
            return;
        }
        let (_, _, view) = self.view(slot);
        if let Some(budget) = &mut view.budget
            && !budget.take()
        {
            steps.push(Step::Count { edge, what: Counted::BudgetSpent });
            self.end(now, slot, answer, steps);
            return;
        }
        let row = &self.rows[slot as usize];
        let retry = self.specs[edge.index()].policy.retry.as_ref().expect("it may be retried");
        let n = row.retries + 1;
        let mut bits = self.backoff_draws[edge.index()].at(row.cause.root, mix(row.cause.path, u64::from(n)));
        let pause = retry.backoff.pause(n, row.pause, &mut bits);
        let row = &mut self.rows[slot as usize];
        row.retries = n;
        row.pause = pause;
        steps.push(Step::Count { edge, what: Counted::Retry });
        if pause.is_zero() {
            self.attempt(now, slot, steps);
        } else {
            row.phase = Phase::BackingOff;
            let wake = self.wake_for(slot, WakeKind::BackoffOver);
            steps.push(Step::Wake { at: now + pause, wake });
        }
    }

    /// Of a call that was let in; of any other nothing happens.
    #[inline]
    pub(super) fn leave_limit(&mut self, slot: u32) {
        if !std::mem::take(&mut self.rows[slot as usize].limited) {
            return;
        }
        cold_path();
        let (_, _, view) = self.view(slot);
        if let Some(limit) = &mut view.limit {
            limit.leave();
        }
    }

    /// The call is over.
    pub(super) fn end(&mut self, now: Instant, slot: u32, answer: Answer, steps: &mut Places<Step>) {
        let row = &mut self.rows[slot as usize];
        let edge = row.edge;
        if row.flights.iter().any(Option::is_some) {
            cold_path();
            for flight in std::mem::take(&mut row.flights).into_iter().flatten() {
                self.abandon(now, slot, flight, answer.outcome, steps);
            }
        }
        self.leave_limit(slot);
        let row = &mut self.rows[slot as usize];
        let definite = answer.outcome.answered() || (answer.definite && !row.in_doubt);
        let place = steps.place();
        *place = Some(Step::Done(Ended {
            edge,
            caller: row.caller,
            token: row.token,
            answer: Answer { definite, ..answer },
            started: row.started,
            attempts: row.attempts,
            root: row.cause.root,
            path: row.cause.path,
            client: row.cause.client,
            tag: row.tag,
        }));
        let caller = row.caller_index as usize;
        self.free_row(slot);
        let view = &mut self.views[edge.index()][caller];
        view.in_flight -= 1;
    }

    /// An attempt is given up: another one has answered, or nobody waits any more.
    #[cold]
    fn abandon(&mut self, now: Instant, slot: u32, flight: Flight, outcome: Outcome, steps: &mut Places<Step>) {
        let edge = self.rows[slot as usize].edge;
        let outcome = if outcome == Outcome::Timeout {
            steps.push(Step::Count { edge, what: Counted::TimedOut });
            Some(Outcome::Timeout)
        } else {
            steps.push(Step::Count { edge, what: Counted::Abandoned });
            None
        };
        self.learn(now, slot, flight, outcome, steps);
    }

    pub(super) fn free_row(&mut self, slot: u32) {
        let row = &mut self.rows[slot as usize];
        row.phase = Phase::Free;
        row.generation = row.generation.wrapping_add(1);
        row.op.arguments = None;
        self.free.push(slot);
    }
}
