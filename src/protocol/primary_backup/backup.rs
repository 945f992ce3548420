//! What a backup does: stores what the primary ships, and takes its place.

use std::sync::Arc;

use super::super::parts::{Command, Entry, Members, Position, Sessions};
use super::{After, BEATS, Fencing, Msg, PrimaryBackup, Promotion, Record, Timer};
use crate::engine::{Instant, Span};
use crate::history::Observation;
use crate::rpc::{Token, Verb};
use crate::world::{Counted, Out, StateMachine};

/// Entries to replay from which on the state is kept for the next time: a replay costs several times what a copy does.
const FAR: u64 = 1000;

impl<M: StateMachine> PrimaryBackup<M> {
    /// Learns of a later epoch: whoever led an earlier one is a backup from now on.
    pub(super) fn adopt(&mut self, epoch: u64, primary: Option<u32>, out: &mut Out<'_, Self>) {
        self.epoch = epoch;
        self.promised = self.promised.max(epoch);
        self.primary = primary;
        self.votes = Members::NONE;
        if self.leading.take().is_some() {
            out.disarm(Timer::Beat);
            self.arm_suspicion(out);
        }
        self.write_view(After::Nothing, out);
    }

    pub(super) fn on_append(&mut self, who: u32, msg: (u64, Position, Arc<[Entry]>, u64), out: &mut Out<'_, Self>) {
        let (epoch, prev, entries, beat) = msg;
        let me = out.index();
        let fenced = self.fencing() != Fencing::None && !self.spec.bugs.has("failover_without_fencing");
        if epoch < self.epoch.max(self.promised) && (fenced || self.leading.is_some()) {
            if fenced {
                self.send(who, Msg::Fenced { epoch: self.epoch.max(self.promised) }, out);
            }
            return;
        }
        let news = self.primary != Some(who) || epoch > self.epoch;
        if epoch > self.epoch {
            self.adopt(epoch, Some(who), out);
        } else if self.leading.is_some() {
            // Two that promoted themselves at once: the lower number stays.
            if who > me {
                return;
            }
            self.adopt(epoch, Some(who), out);
        }
        self.primary = Some(who);
        self.heard_at = Some(out.now());
        self.arm_suspicion(out);
        if self.witness() == Some(me) {
            self.send(who, Msg::Stored { epoch, index: 0, beat }, out);
        } else if prev.index != 0 && !self.log.has(prev) {
            let last = self.log.last().index;
            let hint = if last < prev.index { last } else { self.log.run_start(prev.index) - 1 };
            self.send(who, Msg::Missing { epoch, hint: hint.min(prev.index - 1), beat }, out);
        } else {
            self.store(who, epoch, prev, &entries, beat, out);
        }
        if news {
            self.hand_over(out);
        }
    }

    pub(super) fn store(
        &mut self,
        who: u32,
        epoch: u64,
        prev: Position,
        entries: &[Entry],
        beat: u64,
        out: &mut Out<'_, Self>,
    ) {
        let known = (prev.index + 1..)
            .zip(entries)
            .take_while(|(index, e)| self.log.position(*index).is_some_and(|p| p.term == e.term))
            .count();
        let end = prev.index + entries.len() as u64;
        if known == entries.len() {
            self.send(who, Msg::Stored { epoch, index: end.min(self.durable), beat }, out);
            return;
        }
        let first = prev.index + 1 + known as u64;
        let last = self.log.last().index;
        if first <= last {
            // What a replaced primary had acknowledged may be among it.
            out.note("rolled_back", last + 1 - first);
            self.report_rollback(first, out);
            self.log.truncate(first);
            self.durable = self.durable.min(first - 1);
            self.acknowledged = self.acknowledged.min(first - 1);
            if self.applied >= first {
                self.rewind(first - 1);
            }
        }
        let before = self.log.last();
        let fresh = &entries[known..];
        self.log.extend(fresh);
        let token = self.journal.write(After::Store { to: who, epoch, last: self.log.last(), beat });
        out.persist(Record::Entries { prev: before, entries: fresh.into() }, token);
        self.apply(end, out);
    }

    /// Makes the machine what it was at an index. Two primaries that overwrite each other's entries do so again and
    /// again from about the same place on.
    fn rewind(&mut self, to: u64) {
        if self.checkpoint.0 > to {
            self.checkpoint = (0, Sessions::default());
        }
        let (from, machine) = &self.checkpoint;
        self.machine = machine.clone();
        for index in from + 1..=to {
            if let Some(Command::Call { requester, op, .. }) = self.log.get(index).map(|entry| &entry.command) {
                self.machine.apply(*requester, op);
            }
        }
        if to - from > FAR {
            self.checkpoint = (to, self.machine.clone());
        }
        self.applied = to;
    }

    /// Says which acknowledged writes go with the entries from `first` on.
    fn report_rollback(&self, first: u64, out: &mut Out<'_, Self>) {
        let (at, object, replica) = (out.true_now(), self.object, out.index());
        for (_, entry) in self.log.iter().filter(|(index, _)| (first..=self.acknowledged).contains(index)) {
            if let Command::Call { op, .. } = &entry.command
                && op.verb == Verb::Write
            {
                out.observe(Observation::RolledBack { at, object, replica, key: op.key, value: op.value });
            }
        }
    }

    pub(super) fn on_suspicion(&mut self, out: &mut Out<'_, Self>) {
        let Some(failover) = self.spec.failover else { return };
        if self.leading.is_some() {
            return;
        }
        self.arm_suspicion(out);
        let epoch = self.epoch.max(self.promised) + 1;
        match failover.promotion {
            Promotion::Alone => self.take_over(epoch, out),
            Promotion::Majority => {
                self.promised = epoch;
                self.votes = Members::NONE;
                self.write_view(After::Stand(epoch), out);
            }
            Promotion::External => {
                self.promised = epoch;
                self.standings.clear();
                self.write_view(After::Stand(epoch), out);
                out.arm(Timer::Choose, failover.after / BEATS);
            }
        }
    }

    /// Begins to lead as soon as nobody else can: where machines are powered off, whoever hasn't promised to follow.
    pub(super) fn take_over(&mut self, epoch: u64, out: &mut Out<'_, Self>) {
        let Fencing::PowerOff { takes, boot } = self.fencing() else { return self.promote(epoch, out) };
        self.promised = epoch;
        let me = out.index();
        let mut others = Members::NONE;
        for who in (0..self.holders()).filter(|who| *who != me && !self.votes.contains(*who)) {
            others.insert(who);
            out.power_cycle(self.group.process(who), takes, boot, Token(epoch << 8 | u64::from(who)));
        }
        self.shooting = (epoch, others);
        if others.is_empty() {
            self.promote(epoch, out);
        }
    }

    /// A machine is off. Whoever ordered it may have promised to follow somebody else meanwhile.
    pub(super) fn on_powered_off(&mut self, epoch: u64, who: u32, out: &mut Out<'_, Self>) {
        out.note("powered_off", u64::from(who));
        if self.shooting.0 != epoch {
            return;
        }
        self.shooting.1.remove(who);
        let stands = epoch == self.promised && epoch > self.epoch && self.leading.is_none();
        if stands && self.shooting.1.is_empty() {
            self.promote(epoch, out);
        }
    }

    pub(super) fn promote(&mut self, epoch: u64, out: &mut Out<'_, Self>) {
        self.epoch = epoch;
        self.promised = self.promised.max(epoch);
        self.primary = Some(out.index());
        out.count(Counted::LeaderChange, 1);
        self.write_view(After::Nothing, out);
        self.acknowledged = 0;
        self.lead(out);
    }

    /// Whether it has heard a primary within the detector's time.
    pub(super) fn is_led(&self, now: Instant) -> bool {
        let heard = |after: Span| self.heard_at.is_some_and(|at| at <= now && now.since(at) < after);
        self.leading.is_some() || self.spec.failover.is_some_and(|f| heard(f.after))
    }

    pub(super) fn on_stand(&mut self, epoch: u64, out: &mut Out<'_, Self>) {
        if epoch != self.promised || self.leading.is_some() {
            return;
        }
        let me = out.index();
        let external = self.witness() == Some(me);
        for to in (0..self.group.count).filter(|p| *p != me) {
            let msg = if external { Msg::Poll { epoch } } else { Msg::Elect { epoch, last: self.log.last() } };
            self.send(to, msg, out);
        }
        if !external {
            self.on_elected(me, epoch, out);
        }
    }

    pub(super) fn on_elect(&mut self, who: u32, epoch: u64, last: Position, out: &mut Out<'_, Self>) {
        if epoch > self.epoch.max(self.promised) && last >= self.log.last() && !self.is_led(out.now()) {
            self.promised = epoch;
            self.arm_suspicion(out);
            self.write_view(After::Say(who, Msg::Elected { epoch }), out);
        }
    }

    pub(super) fn on_elected(&mut self, who: u32, epoch: u64, out: &mut Out<'_, Self>) {
        if epoch == self.promised && epoch > self.epoch && self.leading.is_none() {
            self.votes.insert(who);
            let enough = self.votes.len() >= self.group.majority();
            let rest = self.group.count - self.votes.len();
            if enough && (rest <= 1 || !matches!(self.fencing(), Fencing::PowerOff { .. })) {
                self.take_over(epoch, out);
            } else if enough {
                // Whoever votes a little later needn't be powered off.
                out.arm(Timer::Choose, self.heartbeat());
            }
        }
    }

    pub(super) fn on_poll(&mut self, who: u32, epoch: u64, out: &mut Out<'_, Self>) {
        if epoch > self.promised {
            self.promised = epoch;
            // A primary that hears the witness is not dead; it has lost its place all the same.
            if self.leading.is_some() {
                self.adopt(epoch - 1, None, out);
                self.promised = epoch;
            }
            self.write_view(After::Say(who, Msg::Standing { epoch, last: self.log.last() }), out);
        }
    }

    pub(super) fn on_choice(&mut self, out: &mut Out<'_, Self>) {
        if self.witness() != Some(out.index()) {
            let epoch = self.promised;
            let stands = epoch > self.epoch && self.leading.is_none() && self.shooting.0 != epoch;
            if stands && self.votes.len() >= self.group.majority() {
                self.take_over(epoch, out);
            }
            return;
        }
        // The newest log; of equal ones the lowest number.
        let best = self.standings.iter().max_by_key(|(last, who)| (*last, std::cmp::Reverse(*who))).copied();
        if let Some((_, who)) = best {
            self.send(who, Msg::Promote { epoch: self.promised }, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ProcessId;
    use crate::history::ObjectId;
    use crate::protocol::parts::{Bugs, Group};
    use crate::protocol::primary_backup::{Mode, PrimaryBackupSpec};
    use crate::rpc::{Op, Requester};
    use crate::state_machine::Kv;

    fn entry(term: u64, index: u64) -> Entry {
        let requester = Requester { process: ProcessId(9), slot: index as u32, generation: 0, attempt: 0, visit: 0 };
        // Additions: one too many or too few shows.
        Entry { term, command: Command::Call { gateway: 0, requester, op: Op::on_key(Verb::Add, index % 7, term) } }
    }

    #[test]
    fn a_machine_that_was_rewound_is_what_a_replay_makes() {
        let spec = PrimaryBackupSpec {
            mode: Mode::Async,
            lag: Span::ZERO,
            reads_anywhere: false,
            failover: None,
            bugs: Bugs::default(),
        };
        let group = Group { first: ProcessId(0), count: 3 };
        let mut backup: PrimaryBackup<Kv> = PrimaryBackup::new(group, ObjectId(0), spec);
        // Past the checkpoint, at it, before it, and far beyond it again.
        let rounds = [(3000, 2500), (2600, 2501), (2700, 2500), (2600, 2499), (2600, 1200), (4000, 3900)];
        for (term, (length, to)) in (1..).zip(rounds) {
            while backup.log.last().index < length {
                let entry = entry(term, backup.log.last().index + 1);
                backup.log.extend(&[entry]);
            }
            backup.log.truncate(to + 1);
            backup.rewind(to);
            let mut replayed: Sessions<Kv> = Sessions::default();
            for (_, entry) in backup.log.iter() {
                if let Command::Call { requester, op, .. } = &entry.command {
                    replayed.apply(*requester, op);
                }
            }
            assert_eq!((backup.applied, backup.machine.machine()), (to, replayed.machine()), "rewound to {to}");
        }
    }
}
