//! Replication: the leader's entries on their way to the followers, and what becomes of acknowledgements.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::parts::{Command, Entry, Position};
use super::writes::After;
use super::{Msg, Raft, State, Timer};
use crate::engine::Instant;
use crate::history::Observation;
use crate::world::{Out, StateMachine};

/// What the leader knows of one follower.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The next entry to send. Invariant: matched < next.
    next: u64,
    /// Up to here the follower's disk has the leader's entries.
    pub(super) matched: u64,
    mode: Mode,
    /// The last index of each `AppendEntries` that is under way.
    in_flight: VecDeque<u64>,
    pub(super) heard_at: Instant,
    /// The newest round that it has answered.
    pub(super) round: u64,
}

/// How entries are sent to a follower (as in etcd's `Progress`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Where its log agrees is unknown: one message, then its answer or the next heartbeat.
    Probe { sent: bool },
    /// Without waiting for answers.
    Replicate,
    /// It gets a snapshot up to here.
    Snapshot { index: u64, sent_at: Instant },
}

impl Progress {
    pub(super) fn new(next: u64, now: Instant) -> Progress {
        Progress {
            next,
            matched: 0,
            mode: Mode::Probe { sent: false },
            in_flight: VecDeque::new(),
            heard_at: now,
            round: 0,
        }
    }
}

impl<M: StateMachine> Raft<M> {
    /// Hands new entries to disk and network, unless the disk is busy with the last ones: then they go together.
    pub(super) fn flush(&mut self, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &mut self.state else { return };
        let last = self.log.last().index;
        if leadership.flushing || leadership.flushed >= last {
            return;
        }
        leadership.flushing = true;
        leadership.chunks.clear();
        let mut chunks = Vec::new();
        while leadership.flushed < last {
            let Some(prev) = self.log.position(leadership.flushed) else { break };
            let entries = self.log.slice(leadership.flushed + 1, self.spec.batch as usize);
            leadership.chunks.push((leadership.flushed + 1, entries.clone()));
            leadership.flushed += entries.len() as u64;
            chunks.push((prev, entries));
        }
        let count = chunks.len();
        for (n, (prev, entries)) in chunks.into_iter().enumerate() {
            let after = if n + 1 == count { After::Flushed } else { After::Nothing };
            self.write_entries(prev, entries, after, out);
        }
        for peer in self.followers().iter() {
            self.send_entries(peer, out);
        }
    }

    /// Sends a follower what it lacks, as far as its pipeline allows.
    pub(super) fn send_entries(&mut self, to: u32, out: &mut Out<'_, Self>) {
        loop {
            let State::Leader(leadership) = &mut self.state else { return };
            let progress = &mut leadership.progress[to as usize];
            let blocked = match progress.mode {
                Mode::Probe { sent } => sent,
                Mode::Replicate => progress.in_flight.len() >= self.spec.pipeline as usize,
                Mode::Snapshot { .. } => true,
            };
            if blocked || progress.next > leadership.flushed {
                return;
            }
            let first = progress.next;
            let Some(prev) = self.log.position(first - 1) else {
                self.send_snapshot(to, out);
                return;
            };
            let entries = match leadership.chunks.iter().find(|(start, _)| *start == first) {
                Some((_, entries)) => entries.clone(),
                None => {
                    let count = (leadership.flushed + 1 - first).min(u64::from(self.spec.batch));
                    self.log.slice(first, count as usize)
                }
            };
            match &mut progress.mode {
                Mode::Probe { sent } => *sent = true,
                _ => {
                    progress.next = first + entries.len() as u64;
                    progress.in_flight.push_back(progress.next - 1);
                }
            }
            let msg =
                Msg::AppendEntries { term: self.term, prev, entries, commit: self.commit, round: leadership.round };
            self.send(to, msg, out);
        }
    }

    pub(super) fn on_heartbeat_due(&mut self, out: &mut Out<'_, Self>) {
        if self.check_quorum(out) {
            self.consider_transfer(out);
            self.carry_out_orders(out);
            self.beat(out);
        }
    }

    pub(super) fn open_round(&mut self, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.round += 1;
        leadership.rounds.push_back((leadership.round, out.now()));
        out.arm(Timer::Heartbeat, self.spec.heartbeat);
    }

    /// One round of heartbeats: a majority that answers it confirms that this replica led when it began.
    pub(super) fn beat(&mut self, out: &mut Out<'_, Self>) {
        self.open_round(out);
        let nothing: Arc<[Entry]> = Arc::from([]);
        let patience = self.spec.election_timeout.1 * 10;
        for to in self.followers().iter() {
            let State::Leader(leadership) = &mut self.state else { return };
            let progress = &leadership.progress[to as usize];
            if let Mode::Snapshot { sent_at, .. } = progress.mode
                && out.now().since(sent_at) > patience
            {
                self.send_snapshot(to, out);
            }
            let State::Leader(leadership) = &self.state else { return };
            let progress = &leadership.progress[to as usize];
            // The answer to a heartbeat also tells whether `next` is right, should a message be lost.
            let prev = match progress.mode {
                Mode::Snapshot { .. } => None,
                _ => self.log.position(progress.next - 1),
            };
            let msg = Msg::AppendEntries {
                term: self.term,
                prev: prev.unwrap_or_default(),
                entries: nothing.clone(),
                commit: self.commit,
                round: leadership.round,
            };
            self.send(to, msg, out);
        }
        self.confirm(out);
    }

    fn send_snapshot(&mut self, to: u32, out: &mut Out<'_, Self>) {
        let (Some(snapshot), State::Leader(leadership)) = (&self.snapshot, &mut self.state) else { return };
        let progress = &mut leadership.progress[to as usize];
        progress.mode = Mode::Snapshot { index: snapshot.last.index, sent_at: out.now() };
        progress.in_flight.clear();
        let msg = Msg::InstallSnapshot { term: self.term, snapshot: snapshot.clone(), round: leadership.round };
        self.send(to, msg, out);
    }

    pub(super) fn on_append_entries(
        &mut self,
        who: u32,
        prev: Position,
        entries: &Arc<[Entry]>,
        commit: u64,
        round: u64,
        out: &mut Out<'_, Self>,
    ) {
        let term = self.term;
        if prev.index < self.commit && !self.log.has(prev) && prev.index != 0 {
            // It precedes what is committed, and was compacted.
            let index = self.commit.min(self.durable);
            self.reply(who, Msg::Appended { term, index, round }, out);
            return;
        }
        if prev.index != 0 && !self.log.has(prev) {
            let last = self.log.last().index;
            let hint = if last < prev.index { last } else { self.log.run_start(prev.index) - 1 };
            let hint = hint.max(self.commit).min(prev.index - 1);
            self.reply(who, Msg::Rejected { term, prev: prev.index, hint, round }, out);
            return;
        }
        let end = prev.index + entries.len() as u64;
        // Entries that it has already, or that a snapshot of its own covers.
        let known = (prev.index + 1..)
            .zip(entries.iter())
            .take_while(|(index, e)| {
                *index <= self.log.base().index || self.log.position(*index).is_some_and(|p| p.term == e.term)
            })
            .count();
        self.verified = self.verified.max(end);
        let first = prev.index + 1 + known as u64;
        if first > end || first <= self.commit {
            self.learn_commit(commit.min(end), out);
            // An entry it has may still be on its way to the disk.
            if entries.is_empty() || end <= self.durable {
                self.reply(who, Msg::Appended { term, index: end.min(self.durable), round }, out);
            } else {
                self.reply_after_writes(who, Msg::Appended { term, index: end, round });
            }
            return;
        }
        if first <= self.log.last().index {
            self.truncate(first);
            self.writes.forget_from(first);
            self.durable = self.durable.min(first - 1);
        }
        let fresh: Arc<[Entry]> = if known == 0 { entries.clone() } else { entries[known..].into() };
        let before = self.log.last();
        self.extend(&fresh);
        let after = After::Reply { to: who, term, msg: Msg::Appended { term, index: end, round } };
        self.write_entries(before, fresh, after, out);
        self.learn_commit(commit.min(end), out);
    }

    pub(super) fn on_appended(&mut self, who: u32, index: u64, round: u64, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &mut self.state else { return };
        let stale = self.spec.bugs.has("stale_ack");
        let round = if self.spec.bugs.has("late_ack_confirms") { leadership.round } else { round };
        let progress = &mut leadership.progress[who as usize];
        progress.heard_at = out.now();
        progress.round = progress.round.max(round);
        let index = if stale { progress.next - 1 } else { index };
        let advanced = index > progress.matched;
        progress.matched = progress.matched.max(index);
        progress.next = progress.next.max(progress.matched + 1);
        while progress.in_flight.front().is_some_and(|last| *last <= progress.matched) {
            progress.in_flight.pop_front();
        }
        match progress.mode {
            Mode::Probe { .. } => progress.mode = Mode::Replicate,
            Mode::Snapshot { index, .. } if progress.matched >= index => progress.mode = Mode::Replicate,
            _ => {}
        }
        // While it was away, what it would be asked for was compacted: a heartbeat then has nothing that it could refuse,
        // and the entries that it missed would count as under way for good.
        if progress.mode == Mode::Replicate && self.log.position(progress.next - 1).is_none() {
            self.send_snapshot(who, out);
        }
        self.send_entries(who, out);
        if advanced {
            self.advance_commit(out);
        }
        self.confirm(out);
        self.follow_catch_up(who, out);
        // Heartbeats may never be due: every read begins a round.
        self.consider_transfer(out);
        self.hand_leadership_over(out);
    }

    pub(super) fn on_rejected(&mut self, who: u32, prev: u64, hint: u64, round: u64, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &mut self.state else { return };
        let progress = &mut leadership.progress[who as usize];
        progress.heard_at = out.now();
        progress.round = progress.round.max(round);
        let answers_this_probe = match progress.mode {
            Mode::Probe { .. } => prev + 1 == progress.next,
            Mode::Replicate => prev > progress.matched,
            Mode::Snapshot { .. } => false,
        };
        if answers_this_probe {
            progress.next = (hint + 1).clamp(progress.matched + 1, prev.max(progress.matched + 1));
            progress.mode = Mode::Probe { sent: false };
            progress.in_flight.clear();
            self.send_entries(who, out);
        }
        self.confirm(out);
    }

    /// Commits what a majority of disks has, if it is of this term (paper, 5.4.2).
    pub(super) fn advance_commit(&mut self, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &self.state else { return };
        let me = out.index();
        let matched = |v: u32| if v == me { self.durable } else { leadership.progress[v as usize].matched };
        let index = self.configs.latest().reached(matched).min(self.log.last().index);
        let own = self.log.position(index).is_some_and(|p| p.term == self.term);
        if index > self.commit && (own || self.spec.bugs.has("commit_older_term")) {
            self.commit = index;
            self.apply(out);
            self.serve_reads(out);
            self.carry_out_orders(out);
            self.retire(out);
        }
    }

    /// Entries up to `index` are committed, of those that this replica is known to share with the leader.
    pub(super) fn learn_commit(&mut self, index: u64, out: &mut Out<'_, Self>) {
        if index > self.commit {
            self.commit = index;
            self.apply(out);
        }
    }

    fn apply(&mut self, out: &mut Out<'_, Self>) {
        let (at, object, replica) = (out.true_now(), self.object, out.index());
        while self.applied < self.commit {
            let Some(entry) = self.log.get(self.applied + 1) else { break };
            self.applied += 1;
            let (index, term, fingerprint) = (self.applied, entry.term, entry.fingerprint());
            out.observe(Observation::Applied { at, object, replica, index, term, entry: fingerprint });
            let (requester, op) = match &entry.command {
                Command::Open | Command::NoOp => continue,
                Command::Configure { .. } => {
                    out.note("configuration_committed", index);
                    self.settle_orders();
                    continue;
                }
                Command::Call { requester, op, .. } => (*requester, op),
            };
            let answer = if self.spec.bugs.has("no_sessions") {
                self.machine.machine_mut().apply(op)
            } else {
                self.machine.apply(requester, op)
            };
            if let State::Leader(leadership) = &mut self.state
                && let Some(proposal) = leadership.proposals.front()
                && proposal.index == index
            {
                let gateway = proposal.gateway;
                leadership.proposals.pop_front();
                self.deliver(gateway, requester, answer, out);
            }
        }
        self.serve_waiting(out);
        self.compact(out);
    }
}
