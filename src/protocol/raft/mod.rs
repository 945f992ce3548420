//! Ongaro, Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC 2014 (Raft); pre-vote, check
//! quorum, read index, leases, learners and sessions as in Ongaro, "Consensus: Bridging Theory and Practice", 2014.
//!
//! Assumes crash-recovery with stable storage: term, vote and entries are on disk before anybody hears of them, and the
//! leader counts itself when its own disk has an entry. Reads by lease assume clocks whose rates differ by 10% at most.
//! Whichever replica a client contacts takes the request and forwards it to the leader. Leaves out: changes of
//! membership, transfer of leadership, snapshots in pieces.

mod append;
mod election;
mod message;
mod reads;
mod requests;
mod snapshot;
mod writes;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::parts::{Bugs, Entry, Gateway, Group, Log, Members, Planted, Sessions};
use crate::engine::{Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Call, Requester, Token};
use crate::world::{Held, Level, Out, Process, Role, StateMachine};

use append::Progress;
use reads::Read;
use writes::Writes;

pub use message::{Msg, Record, Snapshot};

/// How one group is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct RaftSpec {
    /// Shortest and longest silence after which a follower stands for election; drawn uniformly each time.
    pub election_timeout: (Span, Span),
    /// Between two heartbeats of a leader.
    pub heartbeat: Span,
    /// Whether a follower asks first whether it would be elected (dissertation, 9.6).
    pub prevote: bool,
    /// Whether a leader that hears no majority for the longest election timeout steps down, and whether followers that
    /// hear a leader ignore candidates (dissertation, 6.2 and 4.2.3).
    pub check_quorum: bool,
    /// How reads are made linearizable.
    pub reads: Reads,
    /// Entries in one `AppendEntries`, at most.
    pub batch: u32,
    /// `AppendEntries` with entries that may be under way to one follower.
    pub pipeline: u32,
    /// Entries between two snapshots; half of them stay in the log for followers that lag.
    pub snapshot_every: u64,
    /// The last so many replicas follow without a vote.
    pub learners: u32,
    /// Planted bugs.
    pub bugs: Bugs,
}

impl Default for RaftSpec {
    /// Election timeouts as in the paper, section 9.3; heartbeat and sizes are illustrative (etcd: 100 ms, 256 messages,
    /// 10,000 entries).
    fn default() -> RaftSpec {
        RaftSpec {
            election_timeout: (Span::millis(150), Span::millis(300)),
            heartbeat: Span::millis(50),
            prevote: true,
            check_quorum: true,
            reads: Reads::ReadIndex,
            batch: 64,
            pipeline: 256,
            snapshot_every: 10_000,
            learners: 0,
            bugs: Bugs::default(),
        }
    }
}

/// How a read is served (dissertation, 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// As an entry of the log.
    Log,
    /// By the leader, once a majority confirmed that it leads.
    ReadIndex,
    /// By the leader, while its lease lasts.
    Lease,
    /// By the replica that was asked, at an index that the leader confirmed.
    Follower,
}

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[
    Planted {
        name: "vote_not_persisted",
        what: "term and vote are not written down: a replica that restarts votes twice in one term, two leaders",
        source: "Ongaro and Ousterhout 2014, figure 2 (persistent state)",
    },
    Planted {
        name: "commit_older_term",
        what: "an entry of an older term counts as committed once a majority has it: it can still be overwritten",
        source: "Ongaro and Ousterhout 2014, figure 8",
    },
    Planted {
        name: "local_reads",
        what: "whoever believes to lead answers reads without asking: stale after a new leader was elected",
        source: "etcd-io/etcd#741 (2014)",
    },
    Planted {
        name: "lease_under_drift",
        what: "a lease of the longest election timeout, counted from the acknowledgement: it outlives the next election",
        source: "Ongaro 2014, section 6.4.1",
    },
    Planted {
        name: "read_index_before_commit",
        what: "a new leader serves reads at its commit index before it has committed in its own term: stale reads",
        source: "etcd-io/etcd#7331 (2017)",
    },
    Planted {
        name: "no_sessions",
        what: "a request that is sent again after a change of leaders takes effect again",
        source: "Ongaro 2014, section 6.3",
    },
    Planted {
        name: "stale_ack",
        what: "an acknowledgement counts for everything sent so far: entries commit that a majority does not have",
        source: "a late reply taken for a new one; Ongaro 2014, section 3.4",
    },
];

/// The named timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Silence of the leader.
    Election,
    /// The leader speaks.
    Heartbeat,
    /// The oldest request that waits has waited long enough.
    Patience,
}

/// What a replica is in its term.
#[derive(Clone, Debug)]
enum State {
    Follower,
    /// It asks whether it would be elected.
    PreCandidate {
        votes: Members,
    },
    Candidate {
        votes: Members,
    },
    Leader(Box<Leadership>),
}

/// What only a leader knows.
#[derive(Clone, Debug)]
struct Leadership {
    progress: Vec<Progress>,
    /// Who took the request behind an entry, in the order of the log.
    proposals: VecDeque<Proposal>,
    /// Entries up to here were handed to disk and network; the rest waits for the disk, and goes together.
    flushed: u64,
    /// Whether the disk still writes what was flushed.
    flushing: bool,
    /// What was flushed last, to be sent to whoever has everything before it: first index and entries.
    chunks: Vec<(u64, Arc<[Entry]>)>,
    /// The entry that opened this term.
    opened: u64,
    /// The newest round of heartbeats, and when each that a majority has not confirmed began.
    round: u64,
    rounds: VecDeque<(u64, Instant)>,
    confirmed: u64,
    lease_until: Instant,
    reads: VecDeque<Read>,
}

#[derive(Clone, Copy, Debug)]
struct Proposal {
    index: u64,
    gateway: u32,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Raft<M> {
    group: Group,
    object: ObjectId,
    spec: RaftSpec,
    voters: Members,
    // On disk.
    term: u64,
    voted_for: Option<u32>,
    log: Log,
    snapshot: Option<Arc<Snapshot<M>>>,
    // The way to the disk. Entries up to `durable` are there.
    writes: Writes<M>,
    durable: u64,
    // In memory. Invariant: applied <= commit.
    state: State,
    leader: Option<u32>,
    heard_at: Option<Instant>,
    /// Entries up to here are the current leader's.
    verified: u64,
    commit: u64,
    applied: u64,
    machine: Sessions<M>,
    gateway: Gateway,
    /// Reads that wait until this replica has applied an index.
    waiting: BTreeSet<(u64, Requester)>,
    draws: u64,
}

impl<M: StateMachine> Raft<M> {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: RaftSpec) -> Raft<M> {
        let voters = Members::first(group.count - spec.learners.min(group.count - 1));
        Raft {
            group,
            object,
            spec,
            voters,
            term: 0,
            voted_for: None,
            log: Log::default(),
            snapshot: None,
            writes: Writes::default(),
            durable: 0,
            state: State::Follower,
            leader: None,
            heard_at: None,
            verified: 0,
            commit: 0,
            applied: 0,
            machine: Sessions::default(),
            gateway: Gateway::default(),
            waiting: BTreeSet::new(),
            draws: 0,
        }
    }

    fn majority(&self) -> u32 {
        self.voters.len() / 2 + 1
    }

    fn is_leader(&self) -> bool {
        matches!(self.state, State::Leader(_))
    }

    fn send(&self, to: u32, msg: Msg<M>, out: &mut Out<'_, Self>) {
        out.send(self.group.process(to), msg);
    }

    fn send_to_voters(&self, msg: &Msg<M>, out: &mut Out<'_, Self>) {
        let me = out.index();
        for to in self.voters.iter().filter(|v| *v != me) {
            self.send(to, msg.clone(), out);
        }
    }

    /// Learns who leads this term, and hands over what waits for that.
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

impl<M: StateMachine> Process for Raft<M> {
    type Msg = Msg<M>;
    type Timer = Timer;
    type Record = Record<M>;

    fn start(&mut self, log: &[Record<M>], out: &mut Out<'_, Self>) {
        let fresh: Raft<M> = Raft::new(self.group, self.object, self.spec.clone());
        *self = fresh;
        // Counted from the clock: another life draws other timeouts.
        self.draws = out.now().0;
        self.recover(log);
        if !log.is_empty() {
            // What the disk kept may still be in its cache: nothing is promised before it is known to be durable.
            self.write_hard_state(writes::After::Nothing, out);
            // It may have acknowledged a lease just before it crashed.
            self.heard_at = Some(out.now());
        }
        out.level(Level::Leaderless, 1);
        self.arm_election(out);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        self.take(call, out);
    }

    fn message(&mut self, from: ProcessId, msg: Msg<M>, out: &mut Out<'_, Self>) {
        let who = self.group.index(from);
        match msg {
            Msg::PreVote { term, last } => self.on_pre_vote(who, term, last, out),
            Msg::PreVoted { term, granted } => self.on_pre_voted(who, term, granted, out),
            Msg::RequestVote { term, last } => self.on_request_vote(who, term, last, out),
            Msg::Voted { term, granted } => self.on_voted(who, term, granted, out),
            Msg::AppendEntries { term, prev, entries, commit, round } => {
                if self.hear_leader(who, term, prev, round, out) {
                    self.on_append_entries(who, prev, &entries, commit, round, out);
                }
            }
            Msg::Appended { term, index, round } => {
                if self.is_of_this_term(term, out) {
                    self.on_appended(who, index, round, out);
                }
            }
            Msg::Rejected { term, prev, hint, round } => {
                if self.is_of_this_term(term, out) {
                    self.on_rejected(who, prev, hint, round, out);
                }
            }
            Msg::InstallSnapshot { term, snapshot, round } => {
                if self.hear_leader(who, term, snapshot.last, round, out) {
                    self.on_install_snapshot(who, snapshot, round, out);
                }
            }
            Msg::Forward { requester, op } => self.on_forward(who, requester, op, out),
            Msg::Answered { requester, answer } => self.end(requester, answer, out),
            Msg::ReadIndex { requester } => self.on_read_index(who, requester, out),
            Msg::ReadAt { requester, term, index } => self.on_read_at(requester, term, index, out),
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Election => self.on_election_timeout(out),
            Timer::Heartbeat => self.on_heartbeat_due(out),
            Timer::Patience => self.on_patience_ended(out),
        }
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.on_synced(token, out);
    }

    fn role(&self) -> Role {
        match self.state {
            State::Follower | State::PreCandidate { .. } => Role::Follower,
            State::Candidate { .. } => Role::Candidate,
            State::Leader(_) => Role::Leader,
        }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.machine.machine().held(key), term: Some(self.term) })
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let (object, replica) = (self.object, out.index());
        for (index, entry) in self.log.iter() {
            let (term, entry) = (entry.term, entry.fingerprint());
            out.observe(Observation::LogEntry { object, replica, index, term, entry });
        }
        for (key, values) in self.machine.machine().contents() {
            out.observe(Observation::FinalState { object, replica, key, values });
        }
    }
}
