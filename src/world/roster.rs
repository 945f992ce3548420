//! Who takes part: instances that are taken out of their callers' choice on purpose, and put back.
//!
//! Callers know at once: no discovery takes its time here. Who keeps a list of his own, as a balancer with health checks
//! does, is told.

use std::mem;

use crate::engine::{EdgeId, ProcessId};

use super::event::Life;
use super::kernel::World;
use super::process::Process;

impl<P: Process> World<P> {
    /// Takes a process out of every caller's choice.
    pub(super) fn withdraw(&mut self, process: ProcessId) -> bool {
        let mut steps = mem::take(&mut self.call_steps);
        self.calls.withdraw(self.now, process, &mut steps);
        let ended = self.carry_out_calls(&mut steps);
        self.call_steps = steps;
        self.hear(ended);
        self.tell_callers(process, false);
        true
    }

    /// Puts it back.
    pub(super) fn admit(&mut self, process: ProcessId) -> bool {
        self.calls.admit(self.now, process);
        self.tell_callers(process, true);
        true
    }

    /// Callers hear of it as of a new configuration; one that is down reads it when it starts.
    fn tell_callers(&mut self, process: ProcessId, there: bool) {
        for e in 0..self.judged.len() {
            let edge = EdgeId::at(e);
            let spec = self.calls.spec(edge);
            let Some(instance) = spec.instance_of(process) else { continue };
            let callers: Vec<ProcessId> = self.groups[spec.caller.index()].members().collect();
            for caller in callers {
                if matches!(self.members[caller.index()].life, Life::Up | Life::Paused) {
                    self.with(caller, |state, out| state.callee(edge, instance, there, out));
                }
            }
        }
    }
}
