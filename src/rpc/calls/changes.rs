//! What changes under way: crashed callers, new policies, other instances, leaked pools.

use super::super::policy::Policy;
use super::super::step::Step;
use super::{Calls, Phase, PoolState};
use crate::engine::{EdgeId, Instant, ProcessId, Span};

impl Calls {
    /// The caller crashed: its calls are gone. Returns how many.
    pub fn forget(&mut self, now: Instant, caller: ProcessId, steps: &mut Vec<Step>) -> u32 {
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
        }
    }

    /// `slots` slots of every caller's pool are held by nobody; 0 gives them back.
    pub fn hold_pool_slots(&mut self, now: Instant, edge: EdgeId, slots: u32, steps: &mut Vec<Step>) {
        let owner = self.pool_of(edge);
        for caller in 0..self.pools[owner].len() {
            self.pools[owner][caller].leaked = slots;
            self.serve_pool(now, owner, caller, steps);
        }
    }
}
