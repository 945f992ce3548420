//! The books: what every run checks unasked. What does not balance is an error of ours.

use super::event::{Job, Visit};
use super::kernel::World;
use super::process::Process;

/// How often things happened, to be held against one another at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) offered: u64,
    pub(super) ended: u64,
    pub(super) calls_begun: u64,
    pub(super) calls_ended: u64,
    pub(super) calls_forgotten: u64,
    pub(super) calls_heard: u64,
    pub(super) requests_sent: u64,
    pub(super) requests_arrived: u64,
    pub(super) requests_lost: u64,
    pub(super) answers_sent: u64,
    pub(super) answers_arrived: u64,
    pub(super) answers_lost: u64,
    pub(super) messages_sent: u64,
    pub(super) messages_received: u64,
    pub(super) messages_lost: u64,
}

/// What is under way on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transit {
    Message,
    Request,
    Answer,
}

impl<P: Process> World<P> {
    /// Conservation of requests, calls and messages; Little's law and the utilisation law per station.
    pub(super) fn audit(&mut self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut waiting = [0_u64; 3];
        let mut unheard = 0_u64;
        let deferred = self.members.iter().flat_map(|m| &m.deferred);
        for event in self.queue.iter().chain(deferred) {
            if let Some(kind) = event.in_transit() {
                waiting[kind as usize] += 1;
            }
            unheard += u64::from(matches!(event, super::event::Event::Done { .. }));
        }
        let c = &self.census;
        let [messages, requests, answers] = waiting;
        let mut balance = |what: &str, came: u64, went: u64| {
            if came != went {
                broken.push(format!("{what}: {came} began, {went} are accounted for"));
            }
        };
        balance("messages", c.messages_sent, c.messages_received + c.messages_lost + messages);
        balance("requests", c.requests_sent, c.requests_arrived + c.requests_lost + requests);
        balance("answers", c.answers_sent, c.answers_arrived + c.answers_lost + answers);
        let unserved = self.visits.iter().filter(|v| v.parcel.is_some()).count();
        balance("parcels", self.calls.parcels.len() as u64, requests + unserved as u64);
        let jobs = |like: fn(&Job) -> bool| {
            self.members.iter().flat_map(|m| m.station.jobs()).filter(|job| like(job)).count() as u64
        };
        balance("computations", self.computing.len() as u64, jobs(|job| matches!(job, Job::Compute(_))));
        balance("messages paid for", self.paying.len() as u64, jobs(|job| matches!(job, Job::Message(_))));
        let held: usize = self.members.iter().map(|m| m.station.all_idly_held()).sum();
        let holds = |visit: &Visit| {
            let station = &self.members[visit.process.index()].station;
            visit.open && visit.worker.is_some_and(|worker| station.idly_held(worker))
        };
        let holding = self.visits.iter().filter(|visit| holds(visit)).count();
        balance("held workers", held as u64, holding as u64);
        balance("calls", c.calls_begun, c.calls_ended + c.calls_forgotten + self.calls.open() as u64);
        balance("ends of calls", c.calls_ended, c.calls_heard + unheard);
        if c.ended > c.offered {
            broken.push(format!("clients: {} operations ended, {} began", c.ended, c.offered));
        }
        broken.extend(self.meters.audit(self.now, &self.groups));
        broken
    }
}
