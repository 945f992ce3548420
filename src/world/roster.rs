//! Who takes part: instances that are taken out of their callers' choice on purpose, and put back.
//!
//! Callers know at once: no discovery takes its time here. Who keeps a list of his own, as a balancer with health checks
//! does, is told.

use crate::engine::{EdgeId, ProcessId};

use super::event::Life;
use super::kernel::World;
use super::plight::{Cause, Met};
use super::process::Process;

impl<P: Process> World<P> {
    /// Takes a process out of every caller's choice. Who is out for a scaler stays in its hands.
    pub(super) fn withdraw(&mut self, process: ProcessId, cause: Cause) -> Met {
        if self.is_kept_out(process) {
            return Met::Nobody;
        }
        let out = &mut self.plight(process).out;
        let first = out.is_empty();
        out.begin(cause, ());
        if !first {
            return Met::Holds;
        }
        self.take_out(process);
        Met::Hits
    }

    /// Puts it back, unless it is out for somebody else, too.
    pub(super) fn admit(&mut self, process: ProcessId, cause: Cause) -> Met {
        let out = &mut self.plight(process).out;
        if !out.end(cause) {
            return Met::Nobody;
        }
        if !out.is_empty() || self.is_kept_out(process) {
            return Met::Holds;
        }
        self.put_back(process);
        Met::Hits
    }

    pub(super) fn take_out(&mut self, process: ProcessId) {
        self.out.insert(process);
        let mut steps = self.call_steps.take();
        self.calls.withdraw(self.now, process, &mut steps);
        self.follow_calls(steps);
        self.tell_callers(process, false);
    }

    pub(super) fn put_back(&mut self, process: ProcessId) {
        self.out.remove(&process);
        self.calls.admit(self.now, process);
        self.tell_callers(process, true);
    }

    /// A process that starts hears who of those it calls is out.
    pub(super) fn tell_who_is_out(&mut self, process: ProcessId) {
        let group = self.members[process.index()].group;
        for e in (0..self.judged.len()).map(EdgeId::at) {
            let spec = self.calls.spec(e);
            if spec.caller == group {
                let out: Vec<u32> = self.out.iter().filter_map(|p| spec.instance_of(*p)).collect();
                for instance in out {
                    self.with(process, |state, out| state.callee(e, instance, false, out));
                }
            }
        }
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
