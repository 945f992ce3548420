//! Who leads: timeouts, votes, and how a leader notices that it no longer does.

use std::collections::VecDeque;

use super::super::parts::{Command, Position};
use super::append::Progress;
use super::writes::After;
use super::{Leadership, Members, Msg, Proposal, Raft, Requester, State, Timer};
use crate::engine::random::Bits as _;
use crate::engine::{Instant, Span};
use crate::history::Observation;
use crate::rpc::Op;
use crate::world::{Counted, Out, StateMachine};

/// Addresses the draws of election timeouts.
const TIMEOUTS: u64 = 1;

impl<M: StateMachine> Raft<M> {
    pub(super) fn arm_election(&mut self, out: &mut Out<'_, Self>) {
        let (shortest, longest) = self.spec.election_timeout;
        self.draws += 1;
        let more = out.draw(TIMEOUTS, self.draws).below((longest - shortest).0 + 1);
        out.arm(Timer::Election, shortest + Span(more));
    }

    pub(super) fn on_election_timeout(&mut self, out: &mut Out<'_, Self>) {
        if self.is_leader() {
            return;
        }
        self.set_leader(None, out);
        if !self.may_stand() {
            self.arm_election(out);
        } else if self.spec.prevote {
            let mut votes = Members::NONE;
            votes.insert(out.index());
            self.state = State::PreCandidate { votes };
            self.arm_election(out);
            self.send_to_voters(&Msg::PreVote { term: self.term + 1, last: self.log.last() }, out);
            self.count_pre_votes(out);
        } else {
            self.stand(false, out);
        }
    }

    /// Whether it may have to lead: also if it is no longer to vote, as long as that is not known to be committed. It
    /// may be the one whose log the others need (dissertation, 4.2.2, figure 4.6); its own vote does not count.
    pub(super) fn may_stand(&self) -> bool {
        let is_new = self.configs.latest_index() > self.commit;
        self.configs.latest().everybody().contains(self.me)
            || (is_new && self.configs.previous().everybody().contains(self.me))
    }

    /// Begins a term in which this replica is a candidate.
    pub(super) fn stand(&mut self, transfer: bool, out: &mut Out<'_, Self>) {
        self.term += 1;
        self.voted_for = Some(out.index());
        self.state = State::Candidate { votes: Members::NONE, transfer };
        out.note("election_started", self.term);
        self.arm_election(out);
        self.write_hard_state(After::Stand(self.term), out);
    }

    /// Its own vote is on disk: asks for the others'.
    pub(super) fn request_votes(&mut self, out: &mut Out<'_, Self>) {
        let State::Candidate { transfer, .. } = self.state else { return };
        self.send_to_voters(&Msg::RequestVote { term: self.term, last: self.log.last(), transfer }, out);
        self.on_voted(out.index(), self.term, true, out);
    }

    pub(super) fn on_pre_vote(&mut self, who: u32, term: u64, last: Position, out: &mut Out<'_, Self>) {
        let granted = term > self.term && last >= self.log.last() && !self.is_led(out.now());
        let term = if granted { term } else { self.term };
        self.reply(who, Msg::PreVoted { term, granted }, out);
    }

    pub(super) fn on_pre_voted(&mut self, who: u32, term: u64, granted: bool, out: &mut Out<'_, Self>) {
        if !granted {
            if term > self.term {
                self.adopt(term, out);
            }
        } else if let State::PreCandidate { votes } = &mut self.state
            && term == self.term + 1
        {
            votes.insert(who);
            self.count_pre_votes(out);
        }
    }

    fn count_pre_votes(&mut self, out: &mut Out<'_, Self>) {
        if let State::PreCandidate { votes } = &self.state
            && self.configs.latest().decides(*votes)
        {
            self.stand(false, out);
        }
    }

    pub(super) fn on_request_vote(
        &mut self,
        who: u32,
        term: u64,
        last: Position,
        transfer: bool,
        out: &mut Out<'_, Self>,
    ) {
        if term > self.term {
            // Whoever hears a leader lets nobody disturb it (dissertation, 4.2.3), unless it wants to be.
            if self.is_led(out.now()) && !transfer {
                return;
            }
            self.adopt(term, out);
        }
        let free = self.voted_for.is_none_or(|candidate| candidate == who);
        let granted = term == self.term && free && last >= self.log.last();
        let vote = Msg::Voted { term: self.term, granted };
        if granted && self.voted_for.is_none() {
            self.voted_for = Some(who);
            self.arm_election(out);
            self.write_hard_state(After::Reply { to: who, term, msg: vote }, out);
        } else {
            self.reply(who, vote, out);
        }
    }

    pub(super) fn on_voted(&mut self, who: u32, term: u64, granted: bool, out: &mut Out<'_, Self>) {
        if term > self.term {
            self.adopt(term, out);
        }
        let config = self.configs.latest();
        if let State::Candidate { votes, .. } = &mut self.state
            && granted
            && term == self.term
        {
            votes.insert(who);
            if config.decides(*votes) {
                self.lead(out);
            }
        }
    }

    fn lead(&mut self, out: &mut Out<'_, Self>) {
        let now = out.now();
        let last = self.log.last().index;
        self.state = State::Leader(Box::new(Leadership {
            progress: (0..self.group.count).map(|_| Progress::new(last + 1, now)).collect(),
            proposals: VecDeque::new(),
            flushed: last,
            flushing: false,
            chunks: Vec::new(),
            opened: last + 1,
            round: 0,
            rounds: VecDeque::new(),
            confirmed: 0,
            lease_until: Instant::ZERO,
            reads: VecDeque::new(),
            catching_up: Vec::new(),
            transfer: None,
            held: VecDeque::new(),
            stays_until: now,
            lease_barred: false,
        }));
        out.disarm(Timer::Election);
        out.note("leader_elected", self.term);
        out.count(Counted::LeaderChange, 1);
        out.observe(Observation::Leader {
            at: out.true_now(),
            object: self.object,
            term: self.term,
            process: out.index(),
        });
        // Entries of earlier terms commit with the first of this one (paper, 5.4.2 and 8).
        self.push(Command::Open);
        self.open_round(out);
        self.flush(out);
        self.set_leader(Some(out.index()), out);
        self.carry_out_orders(out);
    }

    /// Learns of a later term.
    pub(super) fn adopt(&mut self, term: u64, out: &mut Out<'_, Self>) {
        self.term = term;
        self.voted_for = None;
        self.follow(out);
        self.write_hard_state(After::Nothing, out);
    }

    /// Is a follower again, of nobody yet. What it had proposed it hands to the next leader, or gives up.
    pub(super) fn follow(&mut self, out: &mut Out<'_, Self>) {
        let led = self.is_leader();
        self.write_unflushed(out);
        self.state = State::Follower;
        self.verified = self.commit;
        if led {
            out.disarm(Timer::Heartbeat);
            self.heard_at = None;
        }
        self.set_leader(None, out);
        // A later term is no reason to wait longer, unless nothing was running.
        if led {
            self.arm_election(out);
        }
    }

    /// A reply to a leader: whether it is of the term that this replica leads.
    pub(super) fn is_of_this_term(&mut self, term: u64, out: &mut Out<'_, Self>) -> bool {
        if term > self.term {
            self.adopt(term, out);
        }
        term == self.term && self.is_leader()
    }

    /// A message of a leader: whether it leads this replica. A leader of an earlier term is told so.
    pub(super) fn hear_leader(
        &mut self,
        who: u32,
        term: u64,
        prev: Position,
        round: u64,
        out: &mut Out<'_, Self>,
    ) -> bool {
        if term < self.term {
            self.reply(who, Msg::Rejected { term: self.term, prev: prev.index, hint: 0, round }, out);
            return false;
        }
        if term > self.term {
            self.adopt(term, out);
        }
        if self.is_leader() {
            // Two leaders in one term, which takes a planted bug: neither follows the other.
            return false;
        }
        if !matches!(self.state, State::Follower) {
            self.follow(out);
        }
        self.heard_at = Some(out.now());
        self.arm_election(out);
        self.set_leader(Some(who), out);
        true
    }

    /// Whether it has heard a leader within the shortest election timeout, or is one.
    fn is_led(&self, now: Instant) -> bool {
        let loyal = self.spec.check_quorum || self.spec.prevote || self.spec.reads == super::Reads::Lease;
        // A clock that was set back says nothing.
        let heard = self.heard_at.is_some_and(|at| at <= now && now.since(at) < self.spec.election_timeout.0);
        loyal && (heard || self.is_leader())
    }

    /// Steps down if a majority has been silent for the longest election timeout (dissertation, 6.2).
    pub(super) fn check_quorum(&mut self, out: &mut Out<'_, Self>) -> bool {
        let State::Leader(leadership) = &self.state else { return false };
        let (me, now, longest) = (out.index(), out.now(), self.spec.election_timeout.1);
        let heard = |v: &u32| *v == me || now.since(leadership.progress[*v as usize].heard_at) <= longest;
        let config = self.configs.latest();
        let hears = config.everybody().iter().filter(heard).fold(Members::NONE, Members::with);
        if !self.spec.check_quorum || config.decides(hears) {
            return true;
        }
        self.follow(out);
        false
    }

    /// Appends a request to the log of the leader.
    pub(super) fn propose(&mut self, gateway: u32, requester: Requester, op: Op, out: &mut Out<'_, Self>) {
        let State::Leader(leadership) = &mut self.state else { return };
        if leadership.transfer.is_some() {
            leadership.held.push_back((gateway, requester, op));
            return;
        }
        let index = self.push(Command::Call { gateway, requester, op });
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.proposals.push_back(Proposal { index, gateway });
        self.flush(out);
    }
}
