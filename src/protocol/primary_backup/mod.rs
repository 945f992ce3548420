//! Alsberg and Day, "A principle for resilient sharing of distributed resources", ICSE 1976; Budhiraja, Marzullo,
//! Schneider, Toueg, "The primary-backup approach", in "Distributed Systems", 1993: one primary orders the writes and
//! ships them to its backups.
//!
//! Assumes crash-recovery with stable storage. What an acknowledged write survives depends on the knobs: `async` tells
//! the client before any backup knows, `semi_sync` when one does, `sync` when all that are attached do. Failover is what
//! systems do that bolt it on: a backup that hears nothing promotes itself, asks a majority, or is named by a witness
//! (the last replica, which then keeps no data). Fencing keeps a replaced primary from doing harm: backups refuse its
//! epoch, or its machine is powered off before another takes its place (STONITH, "shoot the other node in the head":
//! Robertson, "Resource fencing using STONITH", Linux-HA, 2001). Leaves out: compaction of the log.

mod backup;
mod message;
mod primary;

use std::collections::VecDeque;

use super::parts::{Bugs, Gateway, Group, Journal, Log, Members, Planted, Position, Sessions, carries};
use crate::engine::random::Bits as _;
use crate::engine::{Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Op, Outcome, Requester, Token};
use crate::world::{Held, Out, Process, Role, StateMachine, fingerprints};

pub use message::{Msg, Record};

/// How one group is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct PrimaryBackupSpec {
    /// When a write is acknowledged.
    pub mode: Mode,
    /// How long an entry waits on the primary's disk until it is shipped: a sender that is behind.
    pub lag: Span,
    /// Whether any replica answers reads from what it has; otherwise the primary does.
    pub reads_anywhere: bool,
    /// What happens when the primary is silent; `None` = nothing.
    pub failover: Option<Failover>,
    /// Planted bugs.
    pub bugs: Bugs,
}

/// When a write is acknowledged. The primary's own disk always has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At once.
    Async,
    /// When one backup's disk has it.
    SemiSync,
    /// When every backup's disk has it; with failover, every backup's that was heard within the detector's time.
    Sync,
}

/// How a silent primary is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Silence after which it counts as dead.
    pub after: Span,
    /// Whether the primary serves only while those who could replace it have promised, within this time, not to.
    pub lease: bool,
    /// Who decides.
    pub promotion: Promotion,
    /// What keeps a replaced primary from doing harm.
    pub fencing: Fencing,
}

/// What keeps a replaced primary from doing harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fencing {
    /// Nothing.
    None,
    /// Backups refuse a primary of an earlier epoch.
    Epoch,
    /// The next primary has the machines of all others powered off but of those that have voted for it, and begins when
    /// they are. Backups refuse earlier epochs as well: of what was under way. Who comes back is a backup.
    PowerOff {
        /// How long the device takes until the power is off.
        takes: Span,
        /// How long the machine takes to boot when it has power again.
        boot: Span,
    },
}

/// Who decides which backup is the next primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// The next backup itself.
    Alone,
    /// A majority of the group, for a backup whose log is at least as new as theirs.
    Majority,
    /// A witness, the last replica: it names whoever has the newest log of those it reaches.
    External,
}

/// The points that faults may wait for.
pub const POINTS: &[&str] = &["promoted", "powered_off", "rolled_back"];

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[
    Planted {
        name: "ack_before_replication",
        what: "a write is acknowledged before the backups that its mode promises have it: lost if the primary dies",
        source: "Jepsen, Redis Sentinel, 2013",
    },
    Planted {
        name: "failover_without_fencing",
        what: "backups still store what a replaced primary ships: two primaries acknowledge writes",
        source: "Jepsen, Redis Sentinel, 2013; Kleppmann, Designing Data-Intensive Applications, chapter 8",
    },
];

/// Without failover the primary looks after its backups this often (illustrative).
const HEARTBEAT: Span = Span::millis(500);
/// Heartbeats within the detector's time.
const BEATS: u64 = 5;
/// Addresses the draws of a candidate's patience.
const PATIENCE: u64 = 1;

/// The named timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The primary speaks.
    Beat,
    /// The oldest entry that waits to be shipped has waited long enough.
    Ship,
    /// The primary has been silent for too long.
    Suspect,
    /// Time to choose: the witness has heard enough, or a candidate doesn't wait for more votes before it has the rest
    /// powered off.
    Choose,
    /// The oldest request that waits has waited long enough.
    Patience,
}

/// What follows a write.
#[derive(Clone, Debug)]
enum After {
    Nothing,
    Say(u32, Msg),
    /// The backup's disk has entries up to here.
    Store {
        to: u32,
        epoch: u64,
        last: Position,
        beat: u64,
    },
    /// The primary's disk has entries up to here.
    Own(Position),
    Stand(u64),
}

#[derive(Clone, Debug)]
struct Peer {
    next: u64,
    matched: u64,
    /// Whether entries go out without waiting for answers.
    streaming: bool,
    heard_at: Instant,
    beat: u64,
}

#[derive(Clone, Debug)]
struct Read {
    index: u64,
    gateway: u32,
    requester: Requester,
    op: Op,
}

/// What only a primary knows.
#[derive(Clone, Debug)]
struct Primary {
    peers: Vec<Peer>,
    /// Entries that wait to be shipped, and until when by this host's clock; all before them may go.
    waiting: VecDeque<(u64, Instant)>,
    /// Who took the request behind an entry, in the order of the log.
    proposals: VecDeque<(u64, u32)>,
    /// What it found in its log when it was promoted: reads wait until that is acknowledged as well.
    found: u64,
    reads: VecDeque<Read>,
    beat: u64,
    beats: VecDeque<(u64, Instant)>,
    lease_until: Instant,
}

/// The process.
#[derive(Clone, Debug)]
pub struct PrimaryBackup<M> {
    group: Group,
    object: ObjectId,
    spec: PrimaryBackupSpec,
    // On disk.
    epoch: u64,
    promised: u64,
    primary: Option<u32>,
    log: Log,
    // In memory.
    journal: Journal<After>,
    durable: u64,
    acknowledged: u64,
    applied: u64,
    machine: Sessions<M>,
    /// What the machine was at an index: a rollback replays from there.
    checkpoint: (u64, Sessions<M>),
    heard_at: Option<Instant>,
    leading: Option<Box<Primary>>,
    votes: Members,
    standings: Vec<(Position, u32)>,
    /// For which epoch others are being powered off, and who isn't yet.
    shooting: (u64, Members),
    gateway: Gateway,
    draws: u64,
}

impl<M: StateMachine> PrimaryBackup<M> {
    /// A replica of `group` that is `object` in the history. Replica 0 is the first primary.
    pub fn new(group: Group, object: ObjectId, spec: PrimaryBackupSpec) -> PrimaryBackup<M> {
        PrimaryBackup {
            group,
            object,
            spec,
            epoch: 1,
            promised: 1,
            primary: Some(0),
            log: Log::default(),
            journal: Journal::default(),
            durable: 0,
            acknowledged: 0,
            applied: 0,
            machine: Sessions::default(),
            checkpoint: (0, Sessions::default()),
            heard_at: None,
            leading: None,
            votes: Members::NONE,
            standings: Vec::new(),
            shooting: (0, Members::NONE),
            gateway: Gateway::default(),
            draws: 0,
        }
    }

    fn witness(&self) -> Option<u32> {
        let external = self.spec.failover.is_some_and(|f| f.promotion == Promotion::External);
        external.then(|| self.group.count - 1)
    }

    /// The replicas that keep data.
    fn holders(&self) -> u32 {
        self.group.count - u32::from(self.witness().is_some())
    }

    fn send(&self, to: u32, msg: Msg, out: &mut Out<'_, Self>) {
        out.send(self.group.process(to), msg);
    }

    fn write_view(&mut self, after: After, out: &mut Out<'_, Self>) {
        let token = self.journal.write(after);
        out.persist(Record::View { epoch: self.epoch, promised: self.promised, primary: self.primary }, token);
    }

    fn fencing(&self) -> Fencing {
        self.spec.failover.map_or(Fencing::Epoch, |f| f.fencing)
    }

    fn heartbeat(&self) -> Span {
        self.spec.failover.map_or(HEARTBEAT, |f| f.after / BEATS)
    }

    fn arm_suspicion(&mut self, out: &mut Out<'_, Self>) {
        let Some(failover) = self.spec.failover else { return };
        let me = out.index();
        let after = match failover.promotion {
            // One after the other, the next in number first.
            Promotion::Alone => {
                let primary = self.primary.unwrap_or(0);
                let rank = (me + self.group.count - primary) % self.group.count;
                failover.after + failover.after * u64::from(rank.max(1) - 1) / 2
            }
            // Two candidates at a time get no majority.
            Promotion::Majority => {
                self.draws += 1;
                failover.after + Span(out.draw(PATIENCE, self.draws).below(failover.after.0 / 2 + 1))
            }
            Promotion::External if self.witness() == Some(me) => failover.after,
            Promotion::External => return,
        };
        out.arm(Timer::Suspect, after);
    }
}

impl<M: StateMachine> Process for PrimaryBackup<M> {
    type Msg = Msg;
    type Timer = Timer;
    type Record = Record;

    fn start(&mut self, log: &[Record], out: &mut Out<'_, Self>) {
        let fresh: PrimaryBackup<M> = PrimaryBackup::new(self.group, self.object, self.spec.clone());
        *self = fresh;
        self.draws = out.now().0;
        for record in log {
            match record {
                Record::View { epoch, promised, primary } => {
                    (self.epoch, self.promised, self.primary) = (*epoch, *promised, *primary);
                }
                Record::Entries { prev, entries } if self.log.has(*prev) => {
                    self.log.truncate(prev.index + 1);
                    self.log.extend(entries);
                }
                Record::Entries { .. } => {}
            }
        }
        self.durable = self.log.last().index;
        if !log.is_empty() {
            // It may have promised a lease just before it crashed.
            self.heard_at = Some(out.now());
        }
        let powered = matches!(self.fencing(), Fencing::PowerOff { .. });
        let rebooted = powered && !log.is_empty();
        if powered && log.is_empty() {
            // An empty disk would not tell the first start from one after a power-off.
            self.write_view(After::Nothing, out);
        }
        if self.primary == Some(out.index()) && !rebooted {
            // As far as it knows, nobody has replaced it.
            self.lead(out);
        } else {
            // It may have been powered off for having a successor.
            self.primary = self.primary.filter(|p| *p != out.index());
            self.apply(self.durable, out);
            self.arm_suspicion(out);
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let holds_data = self.witness() != Some(out.index());
        if !carries(call.op.verb) {
            out.answer(&call, Answer::of(Outcome::Error));
        } else if self.spec.reads_anywhere && holds_data && self.machine.machine().is_read(&call.op) {
            let answer = self.machine.machine_mut().apply(&call.op);
            out.answer(&call, answer);
        } else {
            let requester = call.requester;
            if let Some(after) = self.gateway.hold(call, out.now()) {
                out.arm(Timer::Patience, after);
            }
            self.route(requester, out);
        }
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        let who = self.group.index(from);
        match msg {
            Msg::Append { epoch, prev, entries, beat } => self.on_append(who, (epoch, prev, entries, beat), out),
            Msg::Stored { epoch, index, beat } => {
                if epoch == self.epoch && self.on_heard(who, beat, out) {
                    if let Some(primary) = &mut self.leading {
                        let peer = &mut primary.peers[who as usize];
                        peer.matched = peer.matched.max(index);
                        peer.next = peer.next.max(index + 1);
                        peer.streaming = true;
                    }
                    self.ship(who, out);
                    self.advance(out);
                }
            }
            Msg::Missing { epoch, hint, beat } => {
                if epoch == self.epoch && self.on_heard(who, beat, out) {
                    if let Some(primary) = &mut self.leading {
                        let peer = &mut primary.peers[who as usize];
                        // Restored from an older disk or rolled back: what it had, it no longer has.
                        peer.matched = peer.matched.min(hint);
                        peer.next = hint + 1;
                        peer.streaming = true;
                    }
                    self.ship(who, out);
                }
            }
            Msg::Fenced { epoch } => {
                if epoch > self.epoch && self.leading.is_some() {
                    self.adopt(epoch, None, out);
                }
            }
            Msg::Elect { epoch, last } => self.on_elect(who, epoch, last, out),
            Msg::Elected { epoch } => self.on_elected(who, epoch, out),
            Msg::Poll { epoch } => self.on_poll(who, epoch, out),
            Msg::Standing { epoch, last } => {
                if epoch == self.promised {
                    self.standings.push((last, who));
                }
            }
            Msg::Promote { epoch } => {
                if epoch == self.promised && epoch > self.epoch {
                    self.take_over(epoch, out);
                }
            }
            Msg::Forward { requester, op } => self.serve(who, requester, op, out),
            Msg::Answered { requester, answer } => {
                if let Some(call) = self.gateway.end(requester) {
                    out.answer(&call, answer);
                }
            }
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Beat => {
                self.beat(out);
                // A backup that has fallen silent is no longer waited for.
                self.advance(out);
            }
            Timer::Ship => self.on_lag_over(out),
            Timer::Suspect => self.on_suspicion(out),
            Timer::Choose => self.on_choice(out),
            Timer::Patience => {
                let mut ended = Vec::new();
                let machine = self.machine.machine();
                let again = self.gateway.expire(out.now(), |op| machine.is_read(op), &mut ended);
                ended.into_iter().for_each(|(call, answer)| out.answer(&call, answer));
                if let Some(after) = again {
                    out.arm(Timer::Patience, after);
                }
            }
        }
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.on_powered_off(token.0 >> 8, (token.0 & 0xff) as u32, out);
    }

    fn record_bytes(record: &Record) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.journal.synced(token);
        while let Some(after) = self.journal.take_next() {
            match after {
                After::Nothing => {}
                After::Say(to, msg) => self.send(to, msg, out),
                // Others may have taken the place of the entries since.
                After::Store { to, epoch, last, beat } => {
                    if self.log.has(last) {
                        self.durable = self.durable.max(last.index);
                        self.send(to, Msg::Stored { epoch, index: last.index, beat }, out);
                    }
                }
                After::Own(last) => {
                    if self.log.has(last) {
                        self.durable = self.durable.max(last.index);
                        self.release(last.index, out);
                        self.advance(out);
                    }
                }
                After::Stand(epoch) => self.on_stand(epoch, out),
            }
        }
    }

    fn role(&self) -> Role {
        if self.leading.is_some() { Role::Primary } else { Role::Backup }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.machine.machine().held(key), term: Some(self.epoch) })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        Some(fingerprints(self.machine.machine().contents()))
            .filter(|held| self.witness().is_none() || !held.is_empty())
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let (object, replica) = (self.object, out.index());
        if self.witness() == Some(replica) {
            return;
        }
        for (index, entry) in self.log.iter() {
            let (term, entry) = (entry.term, entry.fingerprint());
            out.observe(Observation::LogEntry { object, replica, index, term, entry });
        }
        for (key, values) in self.machine.machine().contents() {
            out.observe(Observation::FinalState { object, replica, key, values });
        }
    }
}
