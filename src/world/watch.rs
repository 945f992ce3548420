//! One key under observation: who asks for it, who says what about it, who has what of it.

use std::collections::BTreeSet;

use crate::engine::{Instant, ProcessId};
use crate::history::OpIndex;
use crate::rpc::{Answer, Call, Requester};

use super::about::Threads;
use super::kernel::World;
use super::process::{Held, Process};
use super::trace::TraceEvent;

/// What is remembered of the key while a run is played again.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    pub(super) threads: Threads,
    /// Requests on their way, whose answers are kept.
    requests: BTreeSet<Requester>,
    /// By process.
    held: Vec<Option<Held>>,
}

/// A requester's name before and after its request has reached a station.
fn named(requester: Requester) -> Requester {
    Requester { visit: 0, ..requester }
}

impl<P: Process> World<P> {
    /// Looks what a process has of the key, after it has done something.
    #[cold]
    pub(super) fn watch(&mut self, process: ProcessId, key: u64) {
        let Some(held) = self.members[process.index()].state.holds(key) else { return };
        let place = process.index();
        if self.watched.held.len() <= place {
            self.watched.held.resize(place + 1, None);
        }
        if self.watched.held[place].as_ref() == Some(&held) {
            return;
        }
        self.watched.held[place] = Some(held.clone());
        let first = self.focus.windows.iter().map(|(from, _)| *from).min().unwrap_or(Instant::NEVER);
        if self.now < first {
            self.trace.before.insert(process, held);
        } else if self.focus.covers(self.now) {
            self.trace.keep(self.focus.limit, TraceEvent::State { at: self.now, process, held });
        }
    }

    /// Keeps a client's or a service's request about the key.
    #[cold]
    pub(super) fn watch_request(&mut self, key: u64, to: ProcessId, parcel: u32, arrives: Option<Instant>) {
        let call = self.calls.parcels.get(parcel).clone();
        if key != call.op.key || !self.focus.covers(self.now) {
            return;
        }
        let Some(client) = self.asker(&call) else { return };
        let requester = named(call.requester);
        self.watched.requests.insert(requester);
        self.watched.threads.follow(requester);
        let event = TraceEvent::Requested { at: self.now, client, requester, to, verb: call.op.verb, arrives };
        self.trace.keep(self.focus.limit, event);
    }

    /// The number in the history of whoever asks; nothing if the history doesn't have the request.
    fn asker(&mut self, call: &Call) -> Option<u32> {
        let from = call.requester.process;
        if self.is_client(from) {
            return Some(self.client_number(from, call.cause.client));
        }
        // A service has as many numbers as it has made calls.
        let at = self.calls.tag(call.requester).and_then(|tag| tag.checked_sub(1))?;
        Some(self.history.operation(OpIndex(at)).process)
    }

    /// Keeps the answer to such a request.
    #[cold]
    pub(super) fn watch_reply(&mut self, from: ProcessId, to: Requester, answer: &Answer, arrives: Option<Instant>) {
        let requester = named(to);
        if !self.watched.requests.remove(&requester) || !self.focus.covers(self.now) {
            return;
        }
        let (value, outcome) = (answer.value, answer.outcome);
        let event = TraceEvent::Replied { at: self.now, from, requester, value, outcome, arrives };
        self.trace.keep(self.focus.limit, event);
    }
}
