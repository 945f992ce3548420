//! What a primary does: orders writes, ships them, acknowledges what enough disks have, and serves requests.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::parts::{Command, Entry};
use super::After;
use super::{Mode, Msg, Peer, Primary, PrimaryBackup, Promotion, Read, Record, Timer};
use crate::engine::Instant;
use crate::history::Observation;
use crate::rpc::{Answer, Op, Outcome, Requester};
use crate::world::{Out, StateMachine};

/// Entries in one message to a backup that catches up (illustrative).
const BATCH: u64 = 64;

impl<M: StateMachine> PrimaryBackup<M> {
    pub(super) fn lead(&mut self, out: &mut Out<'_, Self>) {
        let now = out.now();
        let last = self.log.last().index;
        let peer = Peer { next: self.durable.min(last) + 1, matched: 0, streaming: false, heard_at: now, beat: 0 };
        self.leading = Some(Box::new(Primary {
            peers: vec![peer; self.group.count as usize],
            waiting: VecDeque::new(),
            proposals: VecDeque::new(),
            found: last,
            reads: VecDeque::new(),
            beat: 0,
            beats: VecDeque::new(),
            lease_until: Instant::ZERO,
        }));
        self.primary = Some(out.index());
        let (at, object, term, process) = (out.true_now(), self.object, self.epoch, out.index());
        out.observe(Observation::Leader { at, object, term, process });
        out.note("promoted", self.epoch);
        out.disarm(Timer::Suspect);
        self.beat(out);
        self.advance(out);
        self.hand_over(out);
    }

    pub(super) fn beat(&mut self, out: &mut Out<'_, Self>) {
        let every = self.heartbeat();
        let Some(primary) = &mut self.leading else { return };
        primary.beat += 1;
        primary.beats.push_back((primary.beat, out.now()));
        if primary.beats.len() > 64 {
            primary.beats.pop_front();
        }
        out.arm(Timer::Beat, every);
        let me = out.index();
        for to in (0..self.group.count).filter(|p| *p != me) {
            let Some(primary) = &self.leading else { return };
            let next = primary.peers[to as usize].next;
            let prev = if self.witness() == Some(to) { None } else { self.log.position(next - 1) };
            let (epoch, beat) = (self.epoch, primary.beat);
            let msg = Msg::Append { epoch, prev: prev.unwrap_or_default(), entries: Arc::from([]), beat };
            self.send(to, msg, out);
        }
    }

    /// Sends a backup what it lacks, of what the primary's disk has (MySQL's `AFTER_SYNC`): a primary that comes back
    /// after a power loss never ships something else under a number that a backup knows.
    pub(super) fn ship(&mut self, to: u32, out: &mut Out<'_, Self>) {
        if self.witness() == Some(to) {
            return;
        }
        while let Some(primary) = &mut self.leading
            && let last = primary.waiting.front().map_or(self.durable, |(index, _)| self.durable.min(index - 1))
            && primary.peers[to as usize].streaming
            && primary.peers[to as usize].next <= last
        {
            let peer = &mut primary.peers[to as usize];
            let Some(prev) = self.log.position(peer.next - 1) else { return };
            let entries = self.log.slice(peer.next, (last + 1 - peer.next).min(BATCH) as usize);
            peer.next += entries.len() as u64;
            let msg = Msg::Append { epoch: self.epoch, prev, entries, beat: primary.beat };
            self.send(to, msg, out);
        }
    }

    pub(super) fn propose(&mut self, gateway: u32, requester: Requester, op: Op, out: &mut Out<'_, Self>) {
        let Some(primary) = &mut self.leading else { return };
        let prev = self.log.last();
        let entry = Entry { term: self.epoch, command: Command::Call { gateway, requester, op } };
        let index = self.log.push(entry.clone());
        primary.proposals.push_back((index, gateway));
        let token = self.journal.write(After::Own(self.log.last()));
        out.persist(Record::Entries { prev, entries: Arc::from([entry]) }, token);
    }

    /// The primary's disk has an entry: it is shipped, now or when its time has come.
    pub(super) fn release(&mut self, index: u64, out: &mut Out<'_, Self>) {
        let (lag, now) = (self.spec.lag, out.now());
        if lag.is_zero() {
            self.ship_to_all(out);
        } else if let Some(primary) = &mut self.leading {
            if primary.waiting.is_empty() {
                out.arm(Timer::Ship, lag);
            }
            primary.waiting.push_back((index, now + lag));
        }
    }

    pub(super) fn on_lag_over(&mut self, out: &mut Out<'_, Self>) {
        let now = out.now();
        let Some(primary) = &mut self.leading else { return };
        let over = primary.waiting.partition_point(|(_, until)| *until <= now);
        primary.waiting.drain(..over);
        if let Some((_, until)) = primary.waiting.front() {
            out.arm(Timer::Ship, until.since(now));
        }
        self.ship_to_all(out);
    }

    fn ship_to_all(&mut self, out: &mut Out<'_, Self>) {
        let me = out.index();
        for to in (0..self.group.count).filter(|p| *p != me) {
            self.ship(to, out);
        }
    }

    /// Whether the primary may answer: it always may, or its lease lasts.
    pub(super) fn may_serve(&self, now: Instant) -> bool {
        let leased = self.spec.failover.is_some_and(|f| f.lease);
        self.leading.as_ref().is_some_and(|p| !leased || now < p.lease_until)
    }

    /// Acknowledges what enough disks have.
    pub(super) fn advance(&mut self, out: &mut Out<'_, Self>) {
        if !self.may_serve(out.now()) {
            return;
        }
        let Some(primary) = &self.leading else { return };
        let (me, now) = (out.index(), out.now());
        let backups = (0..self.holders()).filter(|p| *p != me).map(|p| &primary.peers[p as usize]);
        let early = self.spec.bugs.has("ack_before_replication");
        let shipped = match self.spec.mode {
            _ if early => u64::MAX,
            Mode::Async => u64::MAX,
            Mode::SemiSync => backups.map(|p| p.matched).max().unwrap_or(u64::MAX),
            Mode::Sync => {
                let attached = |p: &&Peer| self.spec.failover.is_none_or(|f| now.since(p.heard_at) <= f.after);
                let attached: Vec<u64> = backups.filter(attached).map(|p| p.matched).collect();
                // Whoever a majority elects must know it.
                let majority = self.spec.failover.is_some_and(|f| f.promotion == Promotion::Majority);
                let enough = !majority || attached.len() as u32 + 1 >= self.group.majority();
                if enough { attached.into_iter().min().unwrap_or(u64::MAX) } else { 0 }
            }
        };
        let index = shipped.min(self.durable).min(self.log.last().index);
        self.acknowledged = self.acknowledged.max(index);
        self.apply(self.acknowledged, out);
        while let Some(primary) = &mut self.leading
            && let Some(read) = primary.reads.front()
            && read.index <= self.acknowledged
        {
            let read = primary.reads.pop_front().expect("it was there");
            let answer = self.machine.machine_mut().apply(&read.op);
            self.deliver(read.gateway, read.requester, answer, out);
        }
    }

    pub(super) fn apply(&mut self, to: u64, out: &mut Out<'_, Self>) {
        let (at, object, replica) = (out.true_now(), self.object, out.index());
        while self.applied < to {
            let Some(entry) = self.log.get(self.applied + 1) else { return };
            self.applied += 1;
            let (index, term, fingerprint) = (self.applied, entry.term, entry.fingerprint());
            out.observe(Observation::Applied { at, object, replica, index, term, entry: fingerprint });
            let Command::Call { requester, op, .. } = &entry.command else { continue };
            let requester = *requester;
            let answer = self.machine.apply(requester, op);
            if let Some(primary) = &mut self.leading
                && let Some((proposed, gateway)) = primary.proposals.front().copied()
                && proposed == index
            {
                primary.proposals.pop_front();
                self.deliver(gateway, requester, answer, out);
            }
        }
    }

    pub(super) fn on_heard(&mut self, who: u32, beat: u64, out: &mut Out<'_, Self>) -> bool {
        let Some(failover) = self.spec.failover else { return self.leading.is_some() };
        let (me, witness, holders, majority) = (out.index(), self.witness(), self.holders(), self.group.majority());
        let Some(primary) = &mut self.leading else { return false };
        let peer = &mut primary.peers[who as usize];
        peer.heard_at = out.now();
        peer.beat = peer.beat.max(beat);
        // The lease runs from the newest heartbeat that everybody has answered who could replace this primary.
        let mut beats: Vec<u64> = (0..holders).filter(|p| *p != me).map(|p| primary.peers[p as usize].beat).collect();
        beats.sort_unstable();
        let granted = match failover.promotion {
            Promotion::Alone => beats.first().copied().unwrap_or(primary.beat),
            Promotion::Majority => match beats.len().checked_sub(majority as usize - 1) {
                Some(at) if at < beats.len() => beats[at],
                _ => primary.beat,
            },
            Promotion::External => witness.map_or(0, |w| primary.peers[w as usize].beat),
        };
        if let Some((_, at)) = primary.beats.iter().rev().find(|(beat, _)| *beat <= granted) {
            // Nine tenths: clocks run at different rates.
            primary.lease_until = primary.lease_until.max(*at + failover.after * 9 / 10);
        }
        true
    }

    pub(super) fn route(&mut self, requester: Requester, out: &mut Out<'_, Self>) {
        let Some(primary) = self.primary else { return };
        let Some(op) = self.gateway.hand_over(requester) else { return };
        if primary != out.index() {
            self.send(primary, Msg::Forward { requester, op }, out);
        } else {
            self.serve(primary, requester, op, out);
        }
    }

    pub(super) fn hand_over(&mut self, out: &mut Out<'_, Self>) {
        for requester in self.gateway.waiting() {
            self.route(requester, out);
        }
    }

    pub(super) fn serve(&mut self, gateway: u32, requester: Requester, op: Op, out: &mut Out<'_, Self>) {
        if self.leading.is_none() {
            return;
        }
        if !self.machine.machine().is_read(&op) {
            self.propose(gateway, requester, op, out);
        } else if !self.may_serve(out.now()) {
            self.deliver(gateway, requester, Answer::of(Outcome::Unavailable), out);
        } else if let Some(primary) = &mut self.leading {
            primary.reads.push_back(Read { index: primary.found, gateway, requester, op });
            self.advance(out);
        }
    }

    pub(super) fn deliver(&mut self, gateway: u32, requester: Requester, answer: Answer, out: &mut Out<'_, Self>) {
        if gateway != out.index() {
            self.send(gateway, Msg::Answered { requester, answer }, out);
        } else if let Some(call) = self.gateway.end(requester) {
            out.answer(&call, answer);
        }
    }
}
