//! Which calls become operations of the history, and under which client's number.

use crate::engine::{EdgeId, ProcessId};
use crate::history::{Function, Invocation, ObjectId, OpIndex, Status};
use crate::rpc::{Answer, Cause, Op, Outcome, Verb};

use super::kernel::World;
use super::process::Process;

/// The history's word for a verb; `None` for what is no operation on data.
pub fn function(verb: Verb) -> Option<Function> {
    Some(match verb {
        Verb::Read => Function::Read,
        Verb::Write => Function::Write,
        Verb::CompareAndSet => Function::Cas,
        Verb::Delete => Function::Delete,
        Verb::Add => Function::Add,
        Verb::Append => Function::Append,
        Verb::Scan => Function::Scan,
        Verb::SetAdd => Function::SetAdd,
        Verb::SetRemove => Function::SetRemove,
        Verb::SetContains => Function::SetContains,
        Verb::Acquire => Function::Acquire,
        Verb::Release => Function::Release,
        _ => return None,
    })
}

impl<P: Process> World<P> {
    /// Enters an operation; the tag (its index + 1) comes back with the end of the call. 0 = none.
    pub(super) fn invoke(&mut self, caller: ProcessId, edge: EdgeId, op: &Op, cause: &Cause) -> u32 {
        let Some(function) = function(op.verb) else { return 0 };
        let callee = self.calls.spec(edge).callee;
        let process = self.client_number(caller, cause.client);
        let OpIndex(index) = self.history.invoke(Invocation {
            at: self.now,
            process,
            object: ObjectId(callee.0),
            key: op.key,
            function,
            value: op.value,
            expected: op.expected,
        });
        index + 1
    }

    /// A change goes out once more to a store that doesn't know attempts from one another: it may take effect once more,
    /// whatever comes of the call. The history has that as an operation of its own, whose outcome nobody hears.
    pub(super) fn attempted(&mut self, to: ProcessId, parcel: u32) {
        let call = self.calls.parcels.get(parcel);
        let group = self.members[to.index()].group;
        let of = &self.groups[group.index()];
        let Some(function) = function(call.op.verb).filter(|f| of.judged && !of.knows_attempts && !f.is_read()) else {
            return;
        };
        let (caller, client) = (call.requester.process, call.cause.client);
        let place = if self.is_client(caller) { client } else { self.members[caller.index()].index };
        let (key, value, expected) = (call.op.key, call.op.value, call.op.expected);
        let process = self.process_of_its_own(caller, place);
        self.history.invoke(Invocation {
            at: self.now,
            process,
            object: ObjectId(group.0),
            key,
            function,
            value,
            expected,
        });
    }

    /// A new number for one operation alone; whose it is, is remembered.
    fn process_of_its_own(&mut self, caller: ProcessId, place: u32) -> u32 {
        self.next_name += 1;
        self.callers.push((self.next_name, self.members[caller.index()].group, place));
        self.next_name
    }

    /// A client row is one sequential process until one of its operations ends in doubt: then it goes on under a new
    /// number (Jepsen's rule). Whatever a service does is a process of its own, for its requests overlap.
    pub(super) fn client_number(&mut self, caller: ProcessId, client: u32) -> u32 {
        let group = self.members[caller.index()].group;
        if !self.is_client(caller) {
            return self.process_of_its_own(caller, self.members[caller.index()].index);
        }
        if let Some(number) = self.renamed.get(&(group, client)) {
            return *number;
        }
        u32::from(group.0) << 24 ^ client
    }

    /// Completes the operation behind a tag.
    pub(super) fn complete(&mut self, tag: u32, caller: ProcessId, client: u32, answer: &Answer) {
        let index = OpIndex(tag - 1);
        let status = match answer.outcome {
            Outcome::Ok | Outcome::Degraded => Status::Ok,
            Outcome::Aborted => Status::Refused,
            _ if answer.definite => Status::Fail,
            _ => Status::Unknown,
        };
        match status {
            Status::Unknown => {
                if self.is_client(caller) {
                    let group = self.members[caller.index()].group;
                    self.next_name += 1;
                    self.renamed.insert((group, client), self.next_name);
                    self.origins.insert(self.next_name, (group, client));
                }
            }
            Status::Ok => {
                if let Some(list) = &answer.list {
                    self.history.complete_with_list(index, list, self.now);
                } else {
                    self.history.complete(index, status, answer.value, self.now);
                }
                if answer.version != 0 {
                    self.history.set_version(index, answer.version);
                }
            }
            Status::Refused | Status::Fail => self.history.complete(index, status, answer.value, self.now),
        }
    }
}
