//! What puts an attempt on the wire: breaker, pool, balance, timeout, hedge.

use std::hint::cold_path;

use super::super::due::{Arm, DueEntry};
use super::super::edge::Connections;
use super::super::latency::Latencies;
use super::super::op::{Answer, Call, Cause, Outcome, Requester};
use super::super::policy::HedgeAfter;
use super::super::step::{Counted, Due, Step, Wake, WakeKind};
use super::{Calls, Flight, Phase, Row};
use crate::engine::{Instant, Places, Span, mix};

impl Calls {
    /// The next attempt, as soon as breaker and pool let it.
    pub(super) fn attempt(&mut self, now: Instant, slot: u32, steps: &mut Places<Step>) {
        let (row, _, view) = self.view(slot);
        let edge = row.edge;
        if let Some(breaker) = &mut view.breaker
            && !breaker.permit(now)
        {
            cold_path();
            steps.push(Step::Count { edge, what: Counted::BreakerRefused });
            self.failed(now, slot, Answer::of(Outcome::Rejected), steps);
            return;
        }
        let Some(pool) = &self.specs[edge.index()].policy.pool else {
            self.send(now, slot, Span::ZERO, steps);
            return;
        };
        cold_path();
        let owner = self.pool_of(edge);
        let size = self.specs[owner].policy.pool.as_ref().map_or(pool.size, |p| p.size);
        let caller = self.rows[slot as usize].caller_index as usize;
        let state = &mut self.pools[owner][caller];
        if state.used + state.leaked < size {
            state.used += 1;
            let create = if state.used > state.made { pool.create } else { Span::ZERO };
            state.made = state.made.max(state.used);
            self.send(now, slot, create, steps);
            return;
        }
        let generation = self.rows[slot as usize].generation;
        state.waiting.push_back((slot, generation));
        self.rows[slot as usize].phase = Phase::WaitingForSlot(now);
        if let Some(wait) = pool.max_wait {
            let attempt = self.rows[slot as usize].attempts;
            let wake = self.wake_for(slot, WakeKind::One(Due::PoolWait, attempt));
            steps.push(Step::Wake { at: now + wait, wake });
        }
    }

    /// Puts an attempt on the wire. The time to create a pool slot is carried as work of the handshake.
    pub(super) fn send(&mut self, now: Instant, slot: u32, create: Span, steps: &mut Places<Step>) {
        let row = &self.rows[slot as usize];
        let (edge, caller_index, n) = (row.edge, row.caller_index, row.attempts);
        let path = if n == 0 {
            row.cause.path
        } else {
            cold_path();
            mix(row.cause.path, u64::from(n))
        };
        let mut bits = self.balance_draws[edge.index()].at(row.cause.root, path);
        let spec = &self.specs[edge.index()];
        let view = &mut self.views[edge.index()][caller_index as usize];
        let (key, client) = (row.op.key, row.cause.client);
        let pinned = (spec.connections == Connections::Pinned).then(|| view.pinned.get(&client).copied()).flatten();
        // A retry over a pinned connection that failed makes a new one.
        let pinned = pinned.filter(|instance| n == 0 && view.balancer.may_ask(*instance));
        let chosen = row
            .to
            .or(view.leader)
            .or(pinned)
            .filter(|i| *i < spec.instances)
            .or_else(|| view.balancer.choose(spec, now, caller_index, key, client, &mut bits));
        let Some(instance) = chosen else {
            cold_path();
            steps.push(Step::Count { edge, what: Counted::NobodyEligible });
            self.free_slot(now, slot, steps);
            self.failed(now, slot, Answer::of(Outcome::Unavailable), steps);
            return;
        };
        if spec.connections == Connections::Pinned {
            cold_path();
            if self.down.contains(&spec.process(instance)) {
                view.pinned.remove(&client);
            } else {
                view.pinned.insert(client, instance);
            }
        }
        view.balancer.sent(spec, instance);
        let mut handshake = (0, create);
        let connect = &spec.policy.connect;
        if (connect.round_trips > 0 || !connect.cpu.is_zero()) && !view.connected(spec, instance, client, now) {
            cold_path();
            handshake = (connect.round_trips, create + connect.cpu);
            steps.push(Step::Count { edge, what: Counted::Connect });
        }
        let policy = &spec.policy;
        let to = spec.process(instance);
        let callee = spec.callee_of(instance) as u16;
        let (timeout, hedge, propagate) = (policy.timeout, policy.hedge.is_some(), policy.propagate_deadline);
        let hedged_already = self.rows[slot as usize].flights.iter().any(Option::is_some);
        let row = &mut self.rows[slot as usize];
        row.phase = Phase::Asking;
        row.attempts += 1;
        let flight = Flight { attempt: n, instance, sent: now, hedge: hedged_already };
        let place = if row.flights[0].is_none() { 0 } else { 1 };
        row.flights[place] = Some(flight);
        let deadline =
            if propagate { timeout.map_or(row.deadline, |t| row.deadline.min(now + t)) } else { Instant::NEVER };
        let (parcel, place) = self.parcels.place();
        *place = Some(Call {
            requester: Requester { process: row.caller, slot, generation: row.generation, attempt: n, visit: 0 },
            op: row.op.clone(),
            cause: Cause { path, deadline, ..row.cause },
        });
        let place = steps.place();
        *place = Some(Step::Send {
            edge,
            callee,
            to,
            parcel,
            handshake_round_trips: handshake.0,
            handshake_cpu: handshake.1,
        });
        if let Some(timeout) = timeout {
            self.arm_timeout(now, slot, n, now + timeout, steps);
        }
        if hedge && !hedged_already {
            cold_path();
            self.arm_hedge(now, slot, n, steps);
        }
    }

    /// Asks to be woken when it is time to hedge an attempt.
    fn arm_hedge(&mut self, now: Instant, slot: u32, attempt: u16, steps: &mut Places<Step>) {
        let (_, spec, view) = self.view(slot);
        let after = spec.policy.hedge.as_ref().and_then(|hedge| match hedge.after {
            HedgeAfter::Fixed(after) => Some(after),
            HedgeAfter::Quantile(_) => view.latencies.as_ref().and_then(Latencies::quantile),
        });
        if let Some(after) = after {
            let wake = self.wake_for(slot, WakeKind::One(Due::Hedge, attempt));
            steps.push(Step::Wake { at: now + after, wake });
        }
    }

    pub(super) fn arm_timeout(&mut self, now: Instant, slot: u32, attempt: u16, at: Instant, steps: &mut Places<Step>) {
        let row = &self.rows[slot as usize];
        let (edge, caller) = (row.edge, row.caller_index);
        let entry = DueEntry { at, slot, generation: row.generation, attempt };
        let rows = &self.rows;
        let fifo = &mut self.views[edge.index()][caller as usize].timeouts;
        fifo.prune(|e| awaits(rows, e));
        match fifo.push(now, entry) {
            Arm::Nothing => {}
            Arm::Head => {
                let head = fifo.head_at().unwrap_or(at);
                let wake = Wake { slot: u32::from(edge.0), generation: caller, kind: WakeKind::Head };
                steps.push(Step::Wake { at: head, wake });
            }
            Arm::Alone => {
                let wake = self.wake_for(slot, WakeKind::One(Due::Timeout, attempt));
                steps.push(Step::Wake { at, wake });
            }
        }
    }

    pub(super) fn due_timeouts(&mut self, now: Instant, wake: Wake, steps: &mut Places<Step>) {
        let (edge, caller) = (wake.slot as usize, wake.generation as usize);
        loop {
            let rows = &self.rows;
            let fifo = &mut self.views[edge][caller].timeouts;
            fifo.prune(|e| awaits(rows, e));
            let Some(entry) = fifo.pop(now) else { break };
            self.timed_out(now, entry.slot, entry.generation, entry.attempt, steps);
        }
        if let Some(at) = self.views[edge][caller].timeouts.rearm() {
            steps.push(Step::Wake { at, wake });
        }
    }

    pub(super) fn hedge(&mut self, now: Instant, slot: u32, attempt: u16, steps: &mut Places<Step>) {
        let row = &self.rows[slot as usize];
        let waiting = row.flights.iter().flatten().count();
        let same = row.flights.iter().flatten().any(|f| f.attempt == attempt);
        if waiting != 1 || !same || row.phase != Phase::Asking {
            return;
        }
        let edge = row.edge;
        let caller = row.caller_index as usize;
        // A hedge waits for no slot: if the pool is full there is none.
        if self.specs[edge.index()].policy.pool.is_some() {
            let owner = self.pool_of(edge);
            let size = self.specs[owner].policy.pool.as_ref().map_or(0, |p| p.size);
            let state = &mut self.pools[owner][caller];
            if state.used + state.leaked >= size {
                return;
            }
            state.used += 1;
        }
        let (_, _, view) = self.view(slot);
        if let Some(hedges) = &mut view.hedges
            && !hedges.take()
        {
            self.free_slot(now, slot, steps);
            return;
        }
        steps.push(Step::Count { edge, what: Counted::Hedge });
        self.send(now, slot, Span::ZERO, steps);
    }

    /// Gives back a slot of the pool; the first that waits gets it.
    #[inline]
    pub(super) fn free_slot(&mut self, now: Instant, slot: u32, steps: &mut Places<Step>) {
        let row = &self.rows[slot as usize];
        let (edge, caller) = (row.edge, row.caller_index as usize);
        if self.specs[edge.index()].policy.pool.is_none() {
            return;
        }
        cold_path();
        let owner = self.pool_of(edge);
        self.pools[owner][caller].used = self.pools[owner][caller].used.saturating_sub(1);
        self.serve_pool(now, owner, caller, steps);
    }

    pub(super) fn serve_pool(&mut self, now: Instant, owner: usize, caller: usize, steps: &mut Places<Step>) {
        let size = self.specs[owner].policy.pool.as_ref().map_or(u32::MAX, |p| p.size);
        loop {
            let state = &mut self.pools[owner][caller];
            if state.used + state.leaked >= size {
                return;
            }
            let Some((next, generation)) = state.waiting.pop_front() else { return };
            let row = &self.rows[next as usize];
            let Phase::WaitingForSlot(since) = row.phase else { continue };
            if row.generation != generation {
                continue;
            }
            state.used += 1;
            steps.push(Step::Count { edge: row.edge, what: Counted::PoolWait(now.since(since)) });
            self.send(now, next, Span::ZERO, steps);
        }
    }
}

fn awaits(rows: &[Row], entry: &DueEntry) -> bool {
    let row = &rows[entry.slot as usize];
    row.generation == entry.generation
        && row.phase != Phase::Free
        && row.flights.iter().flatten().any(|f| f.attempt == entry.attempt)
}
