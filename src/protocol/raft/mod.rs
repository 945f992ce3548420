//! Ongaro, Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC 2014 (Raft); pre-vote, check
//! quorum, read index, leases, learners, sessions, changes of membership and transfers of leadership as in Ongaro,
//! "Consensus: Bridging Theory and Practice", 2014; changes with the correction that Ongaro posted to raft-dev in 2015.
//!
//! Assumes crash-recovery with stable storage: term, vote and entries are on disk before anybody hears of them, and the
//! leader counts itself when its own disk has an entry. Reads by lease assume clocks whose rates differ by 10% at most.
//! Whichever replica a client contacts takes the request and forwards it to the leader. Leaves out: snapshots in pieces.

mod append;
mod config;
mod election;
mod membership;
mod message;
mod reads;
mod requests;
mod snapshot;
mod transfer;
mod writes;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::parts::{Bugs, Command, Entry, Gateway, Group, Log, Members, Planted, Sessions};
use crate::engine::{Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Call, Op, Requester, Token, Verb};
use crate::world::{Held, Level, Out, Process, Role, StateMachine, fingerprints};

use append::Progress;
use config::Configs;
use membership::{CatchUp, Order};
use reads::Read;
use transfer::Transfer;
use writes::Writes;

pub use config::Config;
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
    /// So many replicas follow without a vote: the last ones before the spares.
    pub learners: u32,
    /// The last so many replicas are no members until somebody adds them.
    pub spares: u32,
    /// How the members change.
    pub membership: Membership,
    /// Whether a new server first catches up without a vote (dissertation, 4.2.1).
    pub catch_up: bool,
    /// Where the leader likes to be: one that is elsewhere hands over to one of these. Nobody = anywhere.
    pub preferred: Members,
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
            spares: 0,
            membership: Membership::Single,
            catch_up: true,
            preferred: Members::NONE,
            bugs: Bugs::default(),
        }
    }
}

/// How the members of a group change (dissertation, chapter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// One server at a time (4.1).
    Single,
    /// Any number at a time, by way of a configuration in which the old and the new decide together (4.3).
    Joint,
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

/// The points that faults may wait for.
pub const POINTS: &[&str] = &[
    "election_started",
    "leader_elected",
    "leader_left",
    "leadership_transferred",
    "configuration_appended",
    "configuration_committed",
    "snapshot_taken",
    "snapshot_installed",
];

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
        name: "late_ack_confirms",
        what: "an answer to an earlier heartbeat confirms a later read: it says nothing of who leads now",
        source: "etcd-io/etcd#20418 (2025)",
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
    Planted {
        name: "single_server_before_commit",
        what: "a new leader changes the members before it has committed in its own term: two majorities without a \
               common member",
        source: "Ongaro, bug in single-server membership changes, raft-dev 2015; baidu/braft#182",
    },
    Planted {
        name: "config_not_in_snapshot",
        what: "a snapshot does not say who the members are: whoever starts from it goes by the first ones",
        source: "Ongaro 2014, section 5.1 (the configuration is part of a snapshot's state)",
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
        /// Whether the leader wants it to win.
        transfer: bool,
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
    /// Servers that are to be added, and get the log meanwhile.
    catching_up: Vec<CatchUp>,
    /// To whom it hands over.
    transfer: Option<Transfer>,
    /// Writes that came since.
    held: VecDeque<(u32, Requester, Op)>,
    /// It does not try to hand over before that.
    stays_until: Instant,
    /// It told somebody to stand at once: leases count on elections taking their time (dissertation, 6.4.1).
    lease_barred: bool,
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
    /// Its number in the group, from its start on.
    me: u32,
    // On disk.
    term: u64,
    voted_for: Option<u32>,
    log: Log,
    /// Who votes: what log and snapshot say.
    configs: Configs,
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
    /// What the operator asked for and is not done, the newest last.
    orders: Vec<Order>,
    draws: u64,
}

/// Who votes at first.
fn first_config(group: Group, spec: &RaftSpec) -> Config {
    let others = spec.learners.saturating_add(spec.spares).min(group.count - 1);
    Config::of(Members::first(group.count - others))
}

impl<M: StateMachine> Raft<M> {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: RaftSpec) -> Raft<M> {
        let configs = Configs::new(first_config(group, &spec));
        Raft {
            group,
            object,
            spec,
            me: 0,
            term: 0,
            voted_for: None,
            log: Log::default(),
            configs,
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
            orders: Vec::new(),
            draws: 0,
        }
    }

    fn is_leader(&self) -> bool {
        matches!(self.state, State::Leader(_))
    }

    fn send(&self, to: u32, msg: Msg<M>, out: &mut Out<'_, Self>) {
        out.send(self.group.process(to), msg);
    }

    fn send_to_voters(&self, msg: &Msg<M>, out: &mut Out<'_, Self>) {
        let me = out.index();
        for to in self.configs.latest().everybody().without(me).iter() {
            self.send(to, msg.clone(), out);
        }
    }

    /// Whom a leader sends the log: who votes, who learns, and who is to be added.
    fn followers(&self) -> Members {
        let State::Leader(leadership) = &self.state else { return Members::NONE };
        let members = self.configs.latest().everybody().or(self.learners());
        leadership.catching_up.iter().fold(members, |all, one| all.with(one.who)).without(self.me)
    }

    /// Whoever follows without a vote.
    fn learners(&self) -> Members {
        let before = self.group.count.saturating_sub(self.spec.spares);
        (before.saturating_sub(self.spec.learners)..before).fold(Members::NONE, Members::with)
    }

    /// Whether this replica belongs to the group, as far as it knows.
    fn is_member(&self) -> bool {
        self.configs.latest().everybody().or(self.learners()).contains(self.me)
    }

    /// Appends an entry of this term; its index comes back.
    fn push(&mut self, command: Command) -> u64 {
        let entry = Entry { term: self.term, command };
        self.configs.note(self.log.last().index + 1, &entry);
        self.log.push(entry)
    }

    /// Appends entries of others.
    fn extend(&mut self, entries: &[Entry]) {
        for (index, entry) in (self.log.last().index + 1..).zip(entries) {
            self.configs.note(index, entry);
        }
        self.log.extend(entries);
    }

    /// Drops the entry at `first` and all behind it.
    fn truncate(&mut self, first: u64) {
        self.log.truncate(first);
        self.configs.truncate(first);
    }

    /// Learns who leads this term, and hands over what waits for that.
    fn set_leader(&mut self, leader: Option<u32>, out: &mut Out<'_, Self>) {
        if self.leader == leader {
            return;
        }
        self.leader = leader;
        out.level(Level::Leaderless, u64::from(leader.is_none() && self.is_member()));
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
        *self = Raft { me: out.index(), ..fresh };
        // Counted from the clock: another life draws other timeouts.
        self.draws = out.now().0;
        self.recover(log);
        if !log.is_empty() {
            // What the disk kept may still be in its cache: nothing is promised before it is known to be durable.
            self.write_hard_state(writes::After::Nothing, out);
            // It may have acknowledged a lease just before it crashed.
            self.heard_at = Some(out.now());
        }
        out.level(Level::Leaderless, u64::from(self.is_member()));
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
            Msg::RequestVote { term, last, transfer } => self.on_request_vote(who, term, last, transfer, out),
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
            Msg::TimeoutNow { term } => self.on_timeout_now(term, out),
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Election => self.on_election_timeout(out),
            Timer::Heartbeat => self.on_heartbeat_due(out),
            Timer::Patience => self.on_patience_ended(out),
        }
    }

    fn record_bytes(record: &Record<M>) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.on_synced(token, out);
    }

    fn ask(&mut self, op: &Op, out: &mut Out<'_, Self>) {
        let who = u32::try_from(op.key).ok().filter(|who| *who < self.group.count);
        match (op.verb, who) {
            (Verb::AddMember, Some(who)) => self.on_order(Order { who, add: true }, out),
            (Verb::RemoveMember, Some(who)) => self.on_order(Order { who, add: false }, out),
            _ => {}
        }
    }

    fn role(&self) -> Role {
        match self.state {
            State::Follower if !self.is_member() => Role::Peer,
            State::Follower | State::PreCandidate { .. } => Role::Follower,
            State::Candidate { .. } => Role::Candidate,
            State::Leader(_) => Role::Leader,
        }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.machine.machine().held(key), term: Some(self.term) })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        (self.is_member()).then(|| fingerprints(self.machine.machine().contents()))
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let (object, replica) = (self.object, out.index());
        for (index, entry) in self.log.iter() {
            let (term, entry) = (entry.term, entry.fingerprint());
            out.observe(Observation::LogEntry { object, replica, index, term, entry });
        }
        // Who has left keeps what he had.
        if !self.is_member() || self.orders.contains(&Order { who: self.me, add: false }) {
            return;
        }
        for (key, values) in self.machine.machine().contents() {
            out.observe(Observation::FinalState { object, replica, key, values });
        }
    }
}
