//! What changes under way: crashed callers, new policies, other instances, leaked pools.

use super::super::op::{Answer, Outcome};
use super::super::policy::Policy;
use super::super::step::{Step, Wake, WakeKind};
use super::{Calls, Phase, PoolState, View};
use crate::engine::{EdgeId, Instant, Places, ProcessId, Span};

impl Calls {
    /// The caller crashed: its calls are gone. Returns how many.
    pub fn forget(&mut self, now: Instant, caller: ProcessId, steps: &mut Places<Step>) -> u32 {
        let mut forgotten = 0;
        for slot in 0..self.rows.len() as u32 {
            let row = &mut self.rows[slot as usize];
            if row.phase == Phase::Free || row.caller != caller {
                continue;
            }
            forgotten += 1;
            let flights = std::mem::take(&mut row.flights);
            let (edge, index) = (row.edge, row.caller_index as usize);
            self.leave_limit(slot);
            self.free_row(slot);
            for flight in flights.into_iter().flatten() {
                let spec = &self.specs[edge.index()];
                self.views[edge.index()][index].balancer.over(spec, now, flight.instance, Span::ZERO, None);
            }
            self.views[edge.index()][index].in_flight -= 1;
        }
        if forgotten > 0 {
            for (edge, spec) in self.specs.iter().enumerate() {
                for (index, pool) in self.pools[edge].iter_mut().enumerate() {
                    let owner = self.rows.iter().any(|r| r.phase != Phase::Free && r.caller_index as usize == index);
                    if !owner && spec.policy.pool.is_some() {
                        *pool = PoolState { leaked: pool.leaked, ..PoolState::default() };
                    }
                }
            }
        }
        let _ = steps;
        forgotten
    }

    /// A live change of an edge's policy; what the old one had learnt is forgotten.
    pub fn set_policy(&mut self, now: Instant, edge: EdgeId, policy: Policy) {
        let spec = &mut self.specs[edge.index()];
        spec.policy = policy;
        for view in &mut self.views[edge.index()] {
            view.adopt(&spec.policy);
            view.balancer.resize(spec, now);
        }
    }

    /// Takes an instance out of one caller's choice, or puts it back.
    pub fn set_eligible(&mut self, now: Instant, edge: EdgeId, caller_index: u32, instance: u32, eligible: bool) {
        let spec = &self.specs[edge.index()];
        if let Some(view) = self.views[edge.index()].get_mut(caller_index as usize) {
            view.balancer.set_eligible(spec, now, instance, eligible);
            if !eligible {
                view.reset(instance);
            }
        }
    }

    /// A process goes down: no connection to it can be opened.
    pub fn down(&mut self, process: ProcessId) {
        self.down.insert(process);
    }

    /// It comes back. What had a connection to its earlier life has none.
    pub fn up(&mut self, process: ProcessId) {
        if self.down.remove(&process) {
            self.reset(process);
        }
    }

    /// Whoever has a connection to a process of his own hears that it is no more.
    pub fn reset(&mut self, process: ProcessId) {
        for (spec, views) in self.specs.iter().zip(&mut self.views) {
            let Some(instance) = spec.instance_of(process) else { continue };
            views.iter_mut().for_each(|view| view.reset(instance));
        }
    }

    /// A process is taken out of the choice of all its callers at once. Those whose edge has a `drain` give up what they
    /// still await from it when that is over.
    pub fn withdraw(&mut self, now: Instant, process: ProcessId, steps: &mut Places<Step>) {
        for (e, spec) in self.specs.iter().enumerate() {
            let Some(instance) = spec.instance_of(process) else { continue };
            for view in &mut self.views[e] {
                view.balancer.withdraw(spec, now, instance);
                view.reset(instance);
            }
            if let Some(drain) = spec.drain {
                let wake = Wake { slot: e as u32, generation: instance, kind: WakeKind::DrainOver };
                steps.push(Step::Wake { at: now + drain, wake });
            }
        }
    }

    /// It is put back.
    pub fn admit(&mut self, now: Instant, process: ProcessId) {
        for (spec, views) in self.specs.iter().zip(&mut self.views) {
            let Some(instance) = spec.instance_of(process) else { continue };
            views.iter_mut().for_each(|view| view.balancer.admit(spec, now, instance));
        }
    }

    /// What is still awaited from an instance that has been out for as long as the edge's `drain` is given up.
    pub(super) fn drained(&mut self, now: Instant, edge: EdgeId, instance: u32, steps: &mut Places<Step>) {
        let spec = &self.specs[edge.index()];
        let Some(drain) = spec.drain else { return };
        let over = |view: &View| view.balancer.withdrawn(instance).is_some_and(|since| now >= since + drain);
        let over: Vec<bool> = self.views[edge.index()].iter().map(over).collect();
        for slot in 0..self.rows.len() as u32 {
            let row = &self.rows[slot as usize];
            if row.phase == Phase::Free || row.edge != edge || !over[row.caller_index as usize] {
                continue;
            }
            let mut left = row.flights;
            for flight in left.iter_mut().filter_map(Option::take).filter(|f| f.instance == instance) {
                let generation = self.rows[slot as usize].generation;
                let Some(flight) = self.land(slot, generation, flight.attempt) else { continue };
                self.learn(now, slot, flight, None, steps);
                let row = &mut self.rows[slot as usize];
                row.in_doubt = true;
                if row.flights.iter().all(Option::is_none) {
                    self.failed(now, slot, Answer::of(Outcome::Unavailable), steps);
                }
            }
        }
    }

    /// `slots` slots of every caller's pool are held by nobody; 0 gives them back.
    pub fn hold_pool_slots(&mut self, now: Instant, edge: EdgeId, slots: u32, steps: &mut Places<Step>) {
        let owner = self.pool_of(edge);
        for caller in 0..self.pools[owner].len() {
            self.pools[owner][caller].leaked = slots;
            self.serve_pool(now, owner, caller, steps);
        }
    }
}
