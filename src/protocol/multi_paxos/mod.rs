//! Lamport, "Paxos made simple", SIGACT News 32(4), 2001; van Renesse, Altinbuken, "Paxos made moderately complex", ACM
//! Computing Surveys 47(3), 2015; quorums of two sizes as in Howard, Malkhi, Spiegelman, "Flexible Paxos: Quorum
//! intersection revisited", OPODIS 2016.
//!
//! Every replica is proposer, acceptor and learner. A replica that hears no leader begins a ballot (phase 1); once it
//! has the promises of a phase-1 quorum it leads, and each of its values takes phase 2 alone. Values that a promise
//! reports are proposed again, gaps between them as no-ops. Assumes crash-recovery with stable storage: promises and
//! accepted values are on disk before anybody hears of them, the leader's own too. Each phase-1 quorum must meet each
//! phase-2 quorum; two phase-2 quorums need not meet. Leases assume clocks whose rates differ by 10% at most. Leaves
//! out: changes of membership, quorums of other shapes than a number (grids, weights), phase 2 at a quorum only rather
//! than at all, a vote before a ballot: who hears no leader disturbs the others, unless reads are by lease.

mod acceptor;
mod ballot;
mod leader;
mod learner;
mod message;
mod proposer;
mod requests;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::parts::{Bugs, Gateway, Group, Journal, Members, Planted, Sessions};
use crate::engine::{Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Call, Requester, Token};
use crate::world::{Held, Level, Out, Process, Role, StateMachine, fingerprints};

use acceptor::After;
use leader::Leadership;
use slots::Slots;

pub use ballot::Ballot;
pub use message::{Msg, Record, Snapshot, Suffix};
pub use slots::Accepted;

/// How one group is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiPaxosSpec {
    /// Promises that a proposer needs to lead (q1).
    pub phase1_quorum: u32,
    /// Acceptors that make a value chosen (q2). Safe if `phase1_quorum + phase2_quorum` exceeds the group.
    pub phase2_quorum: u32,
    /// Shortest and longest silence of the leader after which a replica begins a ballot, and how long it waits for
    /// promises; drawn uniformly each time.
    pub election_timeout: (Span, Span),
    /// Between two heartbeats of a leader.
    pub heartbeat: Span,
    /// What becomes of a proposer whose ballot was overtaken.
    pub preempted: Preempted,
    /// How reads are made linearizable.
    pub reads: Reads,
    /// Values in one `Accept`, at most.
    pub batch: u32,
    /// Slots between two snapshots; half of them stay for learners that lag.
    pub snapshot_every: u64,
    /// Planted bugs.
    pub bugs: Bugs,
}

impl MultiPaxosSpec {
    /// Majorities for both phases. Timeouts and sizes are those of our Raft, so that the two can be compared.
    pub fn new(replicas: u32) -> MultiPaxosSpec {
        let majority = replicas / 2 + 1;
        MultiPaxosSpec {
            phase1_quorum: majority,
            phase2_quorum: majority,
            election_timeout: (Span::millis(150), Span::millis(300)),
            heartbeat: Span::millis(50),
            preempted: Preempted::Waits,
            reads: Reads::Log,
            batch: 64,
            snapshot_every: 10_000,
            bugs: Bugs::default(),
        }
    }
}

/// What a proposer does whose ballot was overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preempted {
    /// It follows whoever overtook it, and begins a ballot again only if it hears no leader for an election timeout.
    Waits,
    /// It begins a higher ballot at once, as the leaders of "Paxos made moderately complex" do: two of them can keep
    /// each other from ever choosing anything (Lamport 2001, section 2.4).
    Retries,
}

/// How a read is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// In a slot of its own.
    Log,
    /// By the leader, while enough acceptors have promised to hold back later ballots that each phase-1 quorum has one;
    /// in a slot otherwise.
    Lease,
}

/// The points that faults may wait for.
pub const POINTS: &[&str] = &["election_started", "leader_elected", "snapshot_taken", "snapshot_installed"];

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[
    Planted {
        name: "non_intersecting_quorums",
        what: "a proposer leads with one promise too few: it may miss what was chosen, and choose something else",
        source: "Howard, Malkhi, Spiegelman 2016 (each phase-1 quorum meets each phase-2 quorum)",
    },
    Planted {
        name: "promise_not_persisted",
        what: "promises are not written down: an acceptor that restarts accepts what it had promised to refuse",
        source: "Lamport 2001, section 2.5 (an acceptor must remember what it has promised)",
    },
    Planted {
        name: "ignore_accepted",
        what: "a new leader proposes its own values where promises report accepted ones: a chosen value is replaced",
        source: "Lamport 2001, section 2.2 (P2c)",
    },
    Planted {
        name: "chosen_by_number",
        what: "a learner takes what it accepted in any ballot for chosen, once the leader's number of chosen slots is past it",
        source: "van Renesse and Altinbuken 2015 (a majority must have accepted one pvalue, ballot and all)",
    },
    Planted {
        name: "lease_of_one",
        what: "a leader takes its own word for a lease: it reads the past once others have elected another",
        source: "Gray and Cheriton, Leases, SOSP 1989 (who could change a value has promised not to)",
    },
    Planted {
        name: "no_sessions",
        what: "a request that gets a second slot after a change of leaders takes effect again",
        source: "van Renesse and Altinbuken 2015 (a replica carries out a command in the first of its slots)",
    },
];

/// The named timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Silence of the leader, or of acceptors.
    Election,
    /// The leader speaks.
    Heartbeat,
    /// The oldest request that waits has waited long enough.
    Patience,
}

/// What a replica is in the ballot that it has promised.
#[derive(Clone, Debug)]
enum State {
    Follower,
    /// Phase 1 of its own ballot.
    Preparing(Preparation),
    /// Phase 2.
    Leading(Box<Leadership>),
}

/// What promises have reported.
#[derive(Clone, Debug, Default)]
struct Preparation {
    promises: Members,
    /// The value of the highest ballot of each slot.
    found: BTreeMap<u64, Accepted>,
}

/// The process.
#[derive(Clone, Debug)]
pub struct MultiPaxos<M> {
    group: Group,
    object: ObjectId,
    spec: MultiPaxosSpec,
    // On disk, or on the way there.
    promised: Ballot,
    slots: Slots,
    snapshot: Option<Arc<Snapshot<M>>>,
    journal: Journal<After<M>>,
    // In memory. Invariant: applied <= chosen, and every slot up to `chosen` is in `slots` or below its base.
    state: State,
    leader: Option<u32>,
    heard_at: Option<Instant>,
    /// The latest ballot that it was told of.
    seen: Ballot,
    /// Up to here it knows what was chosen.
    chosen: u64,
    applied: u64,
    /// Whether it has asked for what it lacks, and has no answer.
    asked: bool,
    machine: Sessions<M>,
    gateway: Gateway,
    draws: u64,
}

impl<M: StateMachine> MultiPaxos<M> {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: MultiPaxosSpec) -> MultiPaxos<M> {
        MultiPaxos {
            group,
            object,
            spec,
            promised: Ballot::NONE,
            slots: Slots::default(),
            snapshot: None,
            journal: Journal::default(),
            state: State::Follower,
            leader: None,
            heard_at: None,
            seen: Ballot::NONE,
            chosen: 0,
            applied: 0,
            asked: false,
            machine: Sessions::default(),
            gateway: Gateway::default(),
            draws: 0,
        }
    }

    fn is_leader(&self) -> bool {
        matches!(self.state, State::Leading(_))
    }

    fn send(&self, to: u32, msg: Msg<M>, out: &mut Out<'_, Self>) {
        out.send(self.group.process(to), msg);
    }

    fn send_to_others(&self, msg: &Msg<M>, out: &mut Out<'_, Self>) {
        for to in self.group.others(out.me()) {
            out.send(to, msg.clone());
        }
    }

    /// Learns who leads the promised ballot, and hands over what waits for that.
    fn set_leader(&mut self, leader: Option<u32>, out: &mut Out<'_, Self>) {
        if self.leader == leader {
            return;
        }
        self.leader = leader;
        out.level(Level::Leaderless, u64::from(leader.is_none()));
        if leader.is_some() {
            self.hand_over(out);
        }
    }
}

impl<M: StateMachine> Process for MultiPaxos<M> {
    type Msg = Msg<M>;
    type Timer = Timer;
    type Record = Record<M>;

    fn start(&mut self, log: &[Record<M>], out: &mut Out<'_, Self>) {
        let fresh: MultiPaxos<M> = MultiPaxos::new(self.group, self.object, self.spec.clone());
        *self = fresh;
        // Counted from the clock: another life draws other timeouts.
        self.draws = out.now().0;
        self.recover(log);
        if !log.is_empty() {
            // What the disk kept may still be in its cache: nothing is promised before it is known to be durable.
            self.write_promise(After::Nothing, out);
        }
        // It may have promised to hold back later ballots just before it crashed.
        self.heard_at = Some(out.now());
        out.level(Level::Leaderless, 1);
        self.arm_election(out);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        self.take(call, out);
    }

    fn message(&mut self, from: ProcessId, msg: Msg<M>, out: &mut Out<'_, Self>) {
        let who = self.group.index(from);
        match msg {
            Msg::Prepare { ballot, chosen } => self.on_prepare(who, ballot, chosen, out),
            Msg::Promise { ballot, suffix } => self.on_promise(who, ballot, suffix, out),
            Msg::Accept { ballot, first, commands, chosen } => {
                self.on_accept(who, ballot, first, commands, chosen, out)
            }
            Msg::Accepted { ballot, first, last } => self.on_accepted(who, ballot, first..=last, out),
            Msg::Nack { promised } => self.on_nack(promised, out),
            Msg::Heartbeat { ballot, chosen, round } => self.on_heartbeat(who, ballot, chosen, round, out),
            Msg::Heard { ballot, round } => self.on_heard(who, ballot, round, out),
            Msg::Learn { chosen } => self.on_learn(who, chosen, out),
            Msg::Chosen { suffix, chosen } => self.on_chosen(who, suffix, chosen, out),
            Msg::Forward { requester, op } => self.on_forward(who, requester, op, out),
            Msg::Answered { requester, answer } => self.end(requester, answer, out),
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Election => self.on_election_timeout(out),
            Timer::Heartbeat => self.beat(out),
            Timer::Patience => self.on_patience_ended(out),
        }
    }

    fn record_bytes(record: &Record<M>) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.journal.synced(token);
        self.follow_up(out);
    }

    fn role(&self) -> Role {
        match self.state {
            State::Follower => Role::Follower,
            State::Preparing { .. } => Role::Candidate,
            State::Leading(_) => Role::Leader,
        }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.machine.machine().held(key), term: Some(self.promised.number()) })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        Some(fingerprints(self.machine.machine().contents()))
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let (object, replica) = (self.object, out.index());
        for index in self.slots.base() + 1..=self.chosen {
            let Some(accepted) = self.slots.get(index) else { continue };
            // What is chosen has no ballot of its own: replicas may have accepted it in several. One term for all makes
            // log matching say that they agree wherever two of them know what was chosen.
            let entry = accepted.command.fingerprint();
            out.observe(Observation::LogEntry { object, replica, index, term: 0, entry });
        }
        for (key, values) in self.machine.machine().contents() {
            out.observe(Observation::FinalState { object, replica, key, values });
        }
    }
}
