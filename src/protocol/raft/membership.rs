//! Changes of membership (dissertation, chapter 4): what the operator asks for, how a new server catches up, and when a
//! leader may append a configuration.
//!
//! Every replica that runs hears the operator and remembers what he asked for until a committed configuration shows it,
//! so a new leader goes on where the last one failed: the operator asks until it is done. Of several changes that a
//! leader could make it makes the newest first, and a newcomer that is too slow it never gives up (the dissertation does
//! after some rounds).

use super::super::parts::Command;
use super::{Config, Membership, Msg, Progress, Raft, State};
use crate::engine::Instant;
use crate::world::{Out, StateMachine};

/// What the operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The replica.
    pub(super) who: u32,
    /// Whether it is to be a member, or not.
    pub(super) add: bool,
}

/// A server that is to be added and gets the log in rounds: each is what the log held when the round began. It is close
/// enough once a round takes no longer than the shortest election timeout (4.2.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct CatchUp {
    pub(super) who: u32,
    /// The last entry of this round.
    until: u64,
    since: Instant,
    /// Whether the last round was short enough.
    close: bool,
}

impl<M: StateMachine> Raft<M> {
    pub(super) fn on_order(&mut self, order: Order, out: &mut Out<'_, Self>) {
        // The last word on a replica counts.
        self.orders.retain(|other| other.who != order.who);
        self.orders.push(order);
        if let State::Leader(leadership) = &mut self.state {
            leadership.catching_up.retain(|one| one.who != order.who || order.add);
        }
        self.carry_out_orders(out);
    }

    /// Forgets orders that the latest configuration, if it is committed, fulfils.
    pub(super) fn settle_orders(&mut self) {
        let config = self.configs.latest();
        if self.configs.latest_index() <= self.applied && !config.is_joint() {
            self.orders.retain(|order| config.voters.contains(order.who) != order.add);
        }
    }

    /// As the leader: does what can be done of what the operator asked for.
    pub(super) fn carry_out_orders(&mut self, out: &mut Out<'_, Self>) {
        if !self.is_leader() || (self.orders.is_empty() && !self.configs.latest().is_joint()) {
            return;
        }
        self.settle_orders();
        self.begin_catch_ups(out.now());
        let State::Leader(leadership) = &self.state else { return };
        // One change at a time, and none while somebody else is to lead.
        if self.configs.latest_index() > self.commit || leadership.transfer.is_some() {
            return;
        }
        let config = self.configs.latest();
        if config.is_joint() {
            self.configure(Config::of(config.voters), out);
            return;
        }
        // Before it has committed in its own term, an earlier leader's change may win over it, and their majorities need
        // not meet: the correction of 2015.
        if self.commit < leadership.opened && !self.spec.bugs.has("single_server_before_commit") {
            return;
        }
        let mut voters = config.voters;
        for order in self.orders.iter().rev() {
            if order.add && self.is_close(order.who, out.now()) {
                voters.insert(order.who);
            } else if !order.add && voters.len() > 1 {
                voters.remove(order.who);
            }
            if self.spec.membership == Membership::Single && voters != config.voters {
                break;
            }
        }
        if voters == config.voters {
            return;
        }
        let next = match self.spec.membership {
            Membership::Single => Config::of(voters),
            Membership::Joint => Config { voters, outgoing: config.voters },
        };
        self.configure(next, out);
    }

    /// Appends a configuration, and goes by it.
    fn configure(&mut self, config: Config, out: &mut Out<'_, Self>) {
        let last = self.log.last().index;
        let known = self.followers().with(self.me);
        let Config { voters, outgoing } = config;
        let index = self.push(Command::Configure { voters, outgoing });
        let State::Leader(leadership) = &mut self.state else { return };
        for who in voters.iter().filter(|who| !known.contains(*who)) {
            leadership.progress[who as usize] = Progress::new(last + 1, out.now());
        }
        leadership.catching_up.retain(|one| !voters.contains(one.who));
        out.note("configuration_appended", index);
        self.flush(out);
    }

    fn begin_catch_ups(&mut self, now: Instant) {
        if !self.spec.catch_up {
            return;
        }
        let (last, config, known) = (self.log.last().index, self.configs.latest(), self.followers().with(self.me));
        let State::Leader(leadership) = &mut self.state else { return };
        for order in self.orders.iter().filter(|order| order.add && !config.everybody().contains(order.who)) {
            if leadership.catching_up.iter().any(|one| one.who == order.who) {
                continue;
            }
            leadership.catching_up.push(CatchUp { who: order.who, until: last, since: now, close: false });
            if !known.contains(order.who) {
                leadership.progress[order.who as usize] = Progress::new(last + 1, now);
            }
        }
    }

    /// Somebody has more of the log: perhaps somebody who is to be added.
    pub(super) fn follow_catch_up(&mut self, who: u32, out: &mut Out<'_, Self>) {
        let (now, last, shortest) = (out.now(), self.log.last().index, self.spec.election_timeout.0);
        let State::Leader(leadership) = &mut self.state else { return };
        let matched = leadership.progress[who as usize].matched;
        let Some(one) = leadership.catching_up.iter_mut().find(|one| one.who == who) else { return };
        if matched < one.until {
            return;
        }
        *one = CatchUp { who, until: last, since: now, close: now.since(one.since) <= shortest };
        if one.close {
            self.carry_out_orders(out);
        }
    }

    /// Whether somebody may be added.
    fn is_close(&self, who: u32, now: Instant) -> bool {
        let State::Leader(leadership) = &self.state else { return false };
        let heard = now.since(leadership.progress[who as usize].heard_at) <= self.spec.election_timeout.1;
        let close = leadership.catching_up.iter().any(|one| one.who == who && one.close);
        !self.spec.catch_up || who == self.me || (close && heard)
    }

    /// A leader that is no longer a member steps down once that is committed (4.2.2), and tells the one whose log is the
    /// longest to stand.
    pub(super) fn retire(&mut self, out: &mut Out<'_, Self>) {
        let config = self.configs.latest();
        let leaves = !config.everybody().contains(self.me) && self.configs.latest_index() <= self.commit;
        if !leaves || !self.is_leader() {
            return;
        }
        // So that everybody knows what is committed.
        self.beat(out);
        let heir = self.furthest(config.voters, out.now());
        out.note("leader_left", self.term);
        if let Some(heir) = heir {
            self.send(heir, Msg::TimeoutNow { term: self.term }, out);
        }
        self.follow(out);
    }
}
