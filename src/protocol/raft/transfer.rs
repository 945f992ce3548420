//! Transfer of leadership (dissertation, 3.10): a leader that would rather not lead brings the other's log up to date,
//! takes no writes meanwhile, and tells it to stand at once. If nothing comes of that within the longest election
//! timeout it goes on as before, and tries again after ten.

use std::cmp::Reverse;

use super::{Members, Msg, Raft, State};
use crate::engine::Instant;
use crate::world::{Out, StateMachine};

/// A transfer that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    to: u32,
    since: Instant,
    /// Whether the other was told to stand.
    told: bool,
}

impl<M: StateMachine> Raft<M> {
    /// Looks whether somebody else should lead, and whether a transfer has failed.
    pub(super) fn consider_transfer(&mut self, out: &mut Out<'_, Self>) {
        if self.spec.preferred.is_empty() {
            return;
        }
        let (now, longest) = (out.now(), self.spec.election_timeout.1);
        let config = self.configs.latest();
        let likes = self.spec.preferred.and(config.voters);
        let is_settled = self.configs.latest_index() <= self.commit && !config.is_joint();
        let State::Leader(leadership) = &mut self.state else { return };
        if let Some(transfer) = leadership.transfer {
            if now.since(transfer.since) > longest {
                leadership.transfer = None;
                leadership.stays_until = now + longest * 10;
                for (gateway, requester, op) in std::mem::take(&mut leadership.held) {
                    self.propose(gateway, requester, op, out);
                }
            }
            return;
        }
        let ready = self.commit >= leadership.opened && now >= leadership.stays_until && is_settled;
        if likes.contains(self.me) || !ready {
            return;
        }
        let Some(to) = self.furthest(likes, now) else { return };
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.transfer = Some(Transfer { to, since: now, told: false });
        self.hand_leadership_over(out);
    }

    /// Tells the next leader to stand, once it has everything.
    pub(super) fn hand_leadership_over(&mut self, out: &mut Out<'_, Self>) {
        let last = self.log.last().index;
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(transfer) = &mut leadership.transfer else { return };
        if transfer.told || leadership.progress[transfer.to as usize].matched < last {
            return;
        }
        transfer.told = true;
        leadership.lease_barred = true;
        let to = transfer.to;
        out.note("leadership_transferred", self.term);
        self.send(to, Msg::TimeoutNow { term: self.term }, out);
    }

    /// Of those that were heard lately, the one that has most of the log; of equals the first.
    pub(super) fn furthest(&self, among: Members, now: Instant) -> Option<u32> {
        let State::Leader(leadership) = &self.state else { return None };
        let progress = |who: u32| &leadership.progress[who as usize];
        let lately = |who: &u32| now.since(progress(*who).heard_at) < self.spec.election_timeout.0;
        among.without(self.me).iter().filter(lately).max_by_key(|who| (progress(*who).matched, Reverse(*who)))
    }

    pub(super) fn on_timeout_now(&mut self, term: u64, out: &mut Out<'_, Self>) {
        if term == self.term && matches!(self.state, State::Follower) && self.may_stand() {
            self.set_leader(None, out);
            self.stand(true, out);
        }
    }
}
