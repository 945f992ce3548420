//! Exactly once: a machine around a machine that knows which calls it has carried out (Ongaro, "Consensus: Bridging
//! Theory and Practice", 2014, section 6.3).
//!
//! A call is named by its row in the table of calls and the use of that row; a row's uses follow one another, so one
//! answer a row is all that needs keeping. A repeated attempt gets the answer of the first, an attempt of an earlier
//! call that arrives late does nothing.

use std::collections::BTreeMap;

use crate::rpc::{Answer, Op, Outcome, Requester};
use crate::world::StateMachine;

/// The machine with its sessions.
#[derive(Clone, Debug, Default)]
pub struct Sessions<M> {
    machine: M,
    seen: BTreeMap<u32, (u32, Answer)>,
}

impl<M: StateMachine> Sessions<M> {
    /// Carries out an operation unless this call has had its effect.
    pub fn apply(&mut self, requester: Requester, op: &Op) -> Answer {
        if self.machine.is_read(op) {
            return self.machine.apply(op);
        }
        match self.seen.get(&requester.slot) {
            Some((generation, answer)) if *generation == requester.generation => return answer.clone(),
            Some((generation, _)) if generation.wrapping_sub(requester.generation) < u32::MAX / 2 => {
                return Answer::of(Outcome::Timeout);
            }
            _ => {}
        }
        let answer = self.machine.apply(op);
        self.seen.insert(requester.slot, (requester.generation, answer.clone()));
        answer
    }
    /// The machine inside.
    pub fn machine(&self) -> &M {
        &self.machine
    }
    /// The machine inside, for operations that no caller waits for.
    pub fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ProcessId;
    use crate::rpc::Verb;
    use crate::state_machine::Kv;

    fn call(generation: u32, attempt: u16) -> Requester {
        Requester { process: ProcessId(9), slot: 4, generation, attempt, visit: 0 }
    }

    #[test]
    fn a_repeated_call_has_one_effect_and_one_answer() {
        let mut kv: Sessions<Kv> = Sessions::default();
        let add = Op::on_key(Verb::Add, 1, 5);
        assert_eq!(kv.apply(call(0, 0), &add).value, 5);
        assert_eq!(kv.apply(call(0, 1), &add).value, 5);
        assert_eq!(kv.apply(call(1, 0), &add).value, 10);
        // The first call's third attempt, late.
        assert_eq!(kv.apply(call(0, 2), &add).outcome, Outcome::Timeout);
        assert_eq!(kv.machine().value(1), 10);
    }
}
