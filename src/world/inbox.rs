//! What a process has been sent and has not dealt with: messages whose operations wait for its processor, and what the
//! same peer sent behind them.
//!
//! A replica pays `service_time` for every operation that it carries out, also for one that a peer hands to it. Messages
//! of one kind from one peer are dealt with in the order in which they arrive, as on a stream of their own: a heartbeat
//! waits behind the entries that were sent before it, a vote behind nothing. Leaves out: what a message without
//! operations costs, and the work of copying a whole state.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};

use crate::engine::digest::DigestHasher;
use crate::engine::{Instant, ProcessId, Span};
use crate::physics::station;

use super::event::{Event, Job, Life, Paying};
use super::kernel::World;
use super::process::{Message, Process};

/// One process's messages that wait, by who sent them and their kind.
#[derive(Clone, Debug)]
pub(crate) struct Inbox<M> {
    waiting: BTreeMap<Stream, VecDeque<Letter<M>>>,
    /// How many have waited so far.
    count: u32,
}

/// Messages of one kind from one peer.
pub(crate) type Stream = (ProcessId, &'static str);

#[derive(Clone, Debug)]
struct Letter<M> {
    number: u32,
    msg: M,
    /// Whether its operations have been paid for.
    paid: bool,
}

impl<M> Inbox<M> {
    pub(super) fn new() -> Inbox<M> {
        Inbox { waiting: BTreeMap::new(), count: 0 }
    }

    /// Puts a message at the end of its stream, and numbers it.
    fn put(&mut self, stream: Stream, msg: M, paid: bool) -> u32 {
        self.count = self.count.wrapping_add(1);
        self.waiting.entry(stream).or_default().push_back(Letter { number: self.count, msg, paid });
        self.count
    }

    fn holds_up(&self, stream: Stream) -> bool {
        self.waiting.contains_key(&stream)
    }

    fn pay(&mut self, stream: Stream, number: u32) {
        let letters = self.waiting.get_mut(&stream).into_iter().flatten();
        letters.filter(|letter| letter.number == number).for_each(|letter| letter.paid = true);
    }

    /// The next message of a stream, if it need not be paid for any more.
    fn take(&mut self, stream: Stream) -> Option<M> {
        let letters = self.waiting.get_mut(&stream)?;
        if !letters.front()?.paid {
            return None;
        }
        let letter = letters.pop_front()?;
        if letters.is_empty() {
            self.waiting.remove(&stream);
        }
        Some(letter.msg)
    }

    /// The process dies, and what it had not dealt with is gone.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl<P: Process> World<P> {
    pub(super) fn on_message(&mut self, from: ProcessId, to: ProcessId, msg: P::Msg) {
        let member = &mut self.members[to.index()];
        match member.life {
            Life::Up => {}
            Life::Paused => {
                member.deferred.push(Event::Message { from, to, msg });
                return;
            }
            Life::Down | Life::Off => {
                self.census.messages_lost += 1;
                return;
            }
        }
        self.census.messages_received += 1;
        let mut hasher = DigestHasher::new();
        msg.hash(&mut hasher);
        let hash = hasher.finish();
        self.fold(6, u64::from(from.0) << 32 | u64::from(to.0), hash);
        let stream = (from, msg.name());
        // What a process tells itself it has paid for as a request.
        let work = if from == to { Span::ZERO } else { self.work_of(to, &msg, hash) + self.reads_of(to, &msg) };
        let member = &mut self.members[to.index()];
        if !work.is_zero() {
            let number = member.inbox.put(stream, msg, false);
            let what = Job::Message(self.paying.put(Paying { stream, number }));
            let job = station::Job { what, work, priority: 0, deadline: Instant::NEVER };
            let mut steps = self.station_steps.take();
            // Nobody refuses a peer: queues and shedding are for clients.
            self.members[to.index()].station.continue_with(self.now, None, job, &mut steps);
            self.carry_out_station(to, &mut steps);
            self.station_steps.give(steps);
        } else if member.inbox.holds_up(stream) {
            member.inbox.put(stream, msg, true);
        } else {
            self.with(to, |state, out| state.message(from, msg, out));
        }
    }

    /// The processor time that a message's operations take.
    fn work_of(&self, to: ProcessId, msg: &P::Msg, hash: u64) -> Span {
        let member = &self.members[to.index()];
        let group = member.group.index();
        let service = &self.groups[group].service;
        if service.is_free() {
            return Span::ZERO;
        }
        let mut draws = self.message_draws[group].at(hash, u64::from(to.0));
        let mut work = Span::ZERO;
        msg.operations(member.index, &mut |verb| {
            if let Some(law) = service.law(verb).filter(|law| !law.is_zero()) {
                work += law.sample_span(&mut draws);
            }
        });
        work
    }

    /// The time that its disk takes for what a message asks for.
    fn reads_of(&mut self, to: ProcessId, msg: &P::Msg) -> Span {
        let member = &self.members[to.index()];
        if !self.disks[member.host.index()].takes_time_to_read() {
            return Span::ZERO;
        }
        let mut reads = 0;
        msg.operations(member.index, &mut |verb| reads += u32::from(verb.fetches()));
        (0..reads).map(|_| self.read_disk(to, 0)).fold(Span::ZERO, |sum, time| sum + time)
    }

    /// A message's operations are carried out as far as the processor goes: the process hears of it, and of what waited
    /// behind it.
    pub(super) fn paid(&mut self, process: ProcessId, paying: u32) {
        let Paying { stream, number } = self.paying.take(paying);
        self.members[process.index()].inbox.pay(stream, number);
        while let Some(msg) = self.members[process.index()].inbox.take(stream) {
            self.with(process, |state, out| state.message(stream.0, msg, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_its_order_and_holds_up_no_other() {
        let (appends, votes) = ((ProcessId(1), "AppendEntries"), (ProcessId(1), "RequestVote"));
        let mut inbox = Inbox::new();
        let first = inbox.put(appends, "append 1", false);
        let second = inbox.put(appends, "append 2", false);
        inbox.put(appends, "heartbeat", true);
        let vote = inbox.put(votes, "vote", false);
        inbox.pay(appends, second);
        assert_eq!(inbox.take(appends), None);
        inbox.pay(votes, vote);
        assert_eq!(inbox.take(votes), Some("vote"));
        assert!(!inbox.holds_up(votes) && inbox.holds_up(appends));
        inbox.pay(appends, first);
        let heard: Vec<&str> = std::iter::from_fn(|| inbox.take(appends)).collect();
        assert_eq!(heard, ["append 1", "append 2", "heartbeat"]);
        assert!(!inbox.holds_up(appends));
    }
}
