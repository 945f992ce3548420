//! DeCandia et al., "Dynamo: Amazon's highly available key-value store", SOSP 2007: a store in which `w` of `n` replicas
//! make a write and `r` make a read, and what is left over is repaired later. With Cassandra's clocks in place of
//! version vectors, if so told, and the message delays of Bailis et al., "Probabilistically bounded staleness for
//! practical partial quorums", VLDB 2012.
//!
//! Whichever replica a client contacts coordinates: it asks all replicas, and answers once enough have answered. A
//! sloppy quorum counts a copy that somebody else keeps for a replica that doesn't answer. Every replica here has a copy
//! of every key, so such a stand-in has one of its own: it adds availability, not durability.
//!
//! A client hands back no context. A write supersedes what its coordinator had when the write came, but for the
//! coordinator's own writes that nobody has been told of yet: it is as if the client had just read there. Leaves out: the
//! ring (nodes beyond the copies), digest reads, gossip about who is alive (a replica is suspected when it leaves a
//! message unanswered).

mod coordinate;
mod hints;
mod logical;
mod merkle;
mod message;
mod repair;
mod replica;
mod version;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use merkle::Merkle;
pub use message::{Msg, Record};
pub use version::{Object, Version, Versions, join};

use super::clocks::VectorClock;
use super::parts::{Bugs, Group, Planted};
use crate::engine::{Dist, Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Outcome, Token, Verb};
use crate::world::{Out, Process};
use coordinate::Operation;
use logical::Logical;
use replica::{Held, Writing};

/// What a reader gets if there are several versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The latest by the clock; the write that a client makes next supersedes all.
    LastWriteWins,
    /// The latest by the clock, the others being kept beside it and reported as conflicts.
    Siblings,
}

/// When a read that repairs has its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairMode {
    /// Once those of the first `r` that were behind have it: whoever reads `r` replicas after that, with `r + r > n`,
    /// sees nothing older (Cassandra 4.0, `read_repair = 'BLOCKING'`, "monotonic quorum reads").
    Blocking,
    /// At once: the repair comes after the answer (Dynamo, section 5; Cassandra up to 3.x, `read_repair_chance`).
    Async,
}

/// Merkle anti-entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AntiEntropy {
    /// How often a replica compares its tree with that of another.
    pub every: Span,
    /// The tree has `2^depth` leaves; 20 at most.
    pub depth: u8,
}

/// One-way delays of the four legs, drawn afresh for each message, beside what the network does.
#[derive(Clone, Debug, PartialEq)]
pub struct Wars {
    /// Of a write to a replica.
    pub w: Dist,
    /// Of its acknowledgement.
    pub a: Dist,
    /// Of a read to a replica.
    pub r: Dist,
    /// Of its answer.
    pub s: Dist,
    /// Added to each leg between different replicas: a coordinator is near to its own copy (the paper's WAN).
    pub remote: Span,
}

/// How one group is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct QuorumSpec {
    /// Acknowledgements that a write waits for.
    pub w: u32,
    /// Answers that a read waits for.
    pub r: u32,
    /// Whether a stand-in's copy counts for a replica that doesn't answer.
    pub sloppy: bool,
    /// For how long after a replica fell silent writes are kept for it; `None`: nothing is handed over.
    pub hinted_handoff: Option<Span>,
    /// Chance of a read to repair the replicas that it finds behind.
    pub read_repair: f64,
    /// Whether such a read answers before those of the first `r` that are behind have acknowledged what it read. Those
    /// that answer later are repaired in the background either way.
    pub repair_mode: RepairMode,
    /// Background repair.
    pub anti_entropy: Option<AntiEntropy>,
    /// What a reader gets of several versions.
    pub conflict: Conflict,
    /// How versions are told apart.
    pub versions: Versions,
    /// Whether a read stores what it read at `w` replicas before it answers.
    pub write_back: bool,
    /// Whether what was written or read is told only when its time has certainly passed, as far as the coordinator's
    /// clock knows.
    pub commit_wait: bool,
    /// How long a tombstone is kept (Cassandra's `gc_grace_seconds`).
    pub tombstones: Span,
    /// Delays of the four legs.
    pub wars: Option<Box<Wars>>,
    /// The region of each replica, for `local_one` and `local_quorum`: those of the coordinator's region.
    pub regions: Vec<u16>,
    /// Planted bugs.
    pub bugs: Bugs,
}

impl QuorumSpec {
    /// The defaults of the scenario language, in one region.
    pub fn new(replicas: u32) -> QuorumSpec {
        QuorumSpec {
            w: 2.min(replicas),
            r: 2.min(replicas),
            sloppy: false,
            hinted_handoff: None,
            read_repair: 0.0,
            repair_mode: RepairMode::Blocking,
            anti_entropy: None,
            conflict: Conflict::LastWriteWins,
            versions: Versions::WallClock,
            write_back: false,
            commit_wait: false,
            tombstones: Span::secs(10 * 24 * 3600),
            wars: None,
            regions: vec![0; replicas as usize],
            bugs: Bugs::default(),
        }
    }
}

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[
    Planted {
        name: "ack_before_disk",
        what: "a replica acknowledges what its disk doesn't have yet: a power loss takes acknowledged writes",
        source: "Cassandra with commitlog_sync: periodic",
    },
    Planted {
        name: "lww_under_skew",
        what: "writes are ordered by the coordinator's wall clock whatever `versions` says: the later of two writes \
               may lose silently",
        source: "Kingsbury, \"Jepsen: Cassandra\", 2013",
    },
    Planted {
        name: "no_write_back",
        what: "a read doesn't store what it read: of two reads, the later may be older",
        source: "Attiya, Bar-Noy and Dolev 1995",
    },
    Planted {
        name: "resurrect",
        what: "tombstones are dropped at once: a replica that missed a delete brings the value back",
        source: "Cassandra with gc_grace_seconds = 0",
    },
    Planted {
        name: "sloppy_as_strict",
        what: "copies of stand-ins count though the quorum is said to be strict: reads and writes needn't meet",
        source: "DeCandia et al. 2007, section 4.6",
    },
];

/// How long a coordinator waits for its quorum: Cassandra 4.1, `write_request_timeout`.
const PATIENCE: Span = Span::secs(2);
/// How long a sloppy coordinator waits before it asks a stand-in (illustrative).
const SUSPICION: Span = Span::millis(200);

/// Timers of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Compare trees with somebody.
    Exchange,
    /// See whether those for whom hints are kept are back.
    Handoff,
}

/// What a one-shot timer is for; it stands in the last two bits of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    Patience,
    Suspicion,
    Delayed,
    Waited,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Quorum {
    group: Group,
    object: ObjectId,
    spec: QuorumSpec,
    held: BTreeMap<u64, Held>,
    /// Versions that have been here, by key, if they are ordered by clocks. For whoever judges; nobody acts on it.
    met: BTreeMap<u64, VectorClock>,
    tree: Option<Merkle>,
    /// When keys that are nothing but tombstones may be forgotten.
    graves: BTreeSet<(Instant, u64)>,
    operations: BTreeMap<u64, Operation>,
    writing: BTreeMap<u64, Writing>,
    /// What is kept for others: by home and key.
    hints: BTreeMap<(u32, u64), Object>,
    /// Hints that are being handed over, by number: home, key, and what was sent.
    handing: BTreeMap<u64, (u32, u64, Object)>,
    /// Messages that wait for their delay.
    delayed: BTreeMap<u64, (ProcessId, Msg)>,
    /// Since when each replica has left a message unanswered.
    silent_since: Vec<Option<Instant>>,
    logical: Logical,
    numbers: u64,
}

impl Quorum {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: QuorumSpec) -> Quorum {
        let mut spec = spec;
        if spec.bugs.has("lww_under_skew") {
            spec.versions = Versions::WallClock;
        }
        Quorum {
            group,
            object,
            held: BTreeMap::new(),
            met: BTreeMap::new(),
            tree: None,
            graves: BTreeSet::new(),
            operations: BTreeMap::new(),
            writing: BTreeMap::new(),
            hints: BTreeMap::new(),
            handing: BTreeMap::new(),
            delayed: BTreeMap::new(),
            silent_since: Vec::new(),
            logical: Logical::default(),
            numbers: 0,
            spec,
        }
    }

    /// A number that this replica has never used: of operations, events, records and draws.
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn sloppy(&self) -> bool {
        self.spec.sloppy || self.spec.bugs.has("sloppy_as_strict")
    }

    /// What an object comes to: one value, or all that stand side by side.
    fn values(&self, object: &Object) -> Vec<u64> {
        self.visible(object).collect()
    }

    fn visible<'a>(&self, object: &'a Object) -> impl Iterator<Item = u64> + use<'a> {
        let (all, one) = match self.spec.conflict {
            Conflict::Siblings => (Some(object.iter()), None),
            Conflict::LastWriteWins => (None, version::winner(object)),
        };
        all.into_iter().flatten().chain(one).map(|v| v.value).filter(|v| *v != 0)
    }

    /// Sends a message, after the delay of its leg if there is one.
    fn tell(&mut self, to: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        let carried = self.stamped(msg, out);
        let Some(wars) = &self.spec.wars else { return out.send(to, carried) };
        let msg = if let Msg::Stamped { msg, .. } = &carried { msg } else { &carried };
        let (leg, law) = match msg {
            Msg::Store { .. } | Msg::Hint { .. } => (0, &wars.w),
            Msg::Stored { .. } => (1, &wars.a),
            Msg::Fetch { .. } => (2, &wars.r),
            Msg::Fetched { .. } => (3, &wars.s),
            Msg::Hashes { .. } | Msg::Keys { .. } | Msg::Stamped { .. } => return out.send(to, carried),
        };
        self.numbers += 1;
        let more = if to == out.me() { Span::ZERO } else { wars.remote };
        let delay = law.sample_span(&mut out.draw(leg, self.numbers)) + more;
        self.delayed.insert(self.numbers, (to, carried));
        wake(Wake::Delayed, self.numbers, delay, out);
    }
}

fn wake(what: Wake, number: u64, after: Span, out: &mut Out<'_, Quorum>) {
    out.wake(Token(number << 2 | what as u64), out.true_now() + after);
}

impl Process for Quorum {
    type Msg = Msg;
    type Timer = Timer;
    type Record = Record;

    fn start(&mut self, log: &[Record], out: &mut Out<'_, Self>) {
        self.held.clear();
        self.graves.clear();
        self.operations.clear();
        self.writing.clear();
        self.hints.clear();
        self.handing.clear();
        self.delayed.clear();
        self.silent_since = vec![None; self.group.count as usize];
        self.logical = Logical::new(self.spec.versions);
        // Counted from the clock: no event of this life has the number of one of an earlier life.
        self.numbers = out.now().0;
        self.tree = self.spec.anti_entropy.map(|a| Merkle::new(a.depth));
        for record in log {
            match record {
                Record::Object { key, object } => self.recall(*key, object, out),
                Record::Hint { home, key, object } => {
                    self.hints.insert((*home, *key), object.clone());
                }
                Record::Handed { home, key } => {
                    self.hints.remove(&(*home, *key));
                }
            }
        }
        if !self.hints.is_empty() {
            self.arm_handoff(out);
        }
        self.arm_exchange(out);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        self.bury(out);
        match call.op.verb {
            Verb::Read => self.read(call, out),
            Verb::Write | Verb::Delete => self.write(call, out),
            _ => out.answer(&call, Answer::of(Outcome::Error)),
        }
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        self.bury(out);
        let who = self.group.index(from);
        self.silent_since[who as usize] = None;
        match msg {
            Msg::Stamped { at, msg } => {
                self.logical.receive(at, out.now());
                self.message(from, *msg, out);
            }
            Msg::Fetch { of, key } => {
                let (object, durable) = self.look(key);
                self.tell(from, Msg::Fetched { of, object, durable }, out);
            }
            Msg::Fetched { of, object, durable } => self.fetched(of, who, &object, durable, out),
            Msg::Store { of, key, object } => self.keep(key, &object, Some((from, of)), out),
            Msg::Hint { of, home, key, object } => self.keep_hint(home, key, &object, Some((from, of)), out),
            Msg::Stored { of, home, met } => {
                if !self.handed(of, out) {
                    self.stored(of, home, &met, out);
                }
            }
            Msg::Hashes { nodes } => self.compare(from, &nodes, out),
            Msg::Keys { leaves, objects, ask } => self.exchange(from, &leaves, &objects, ask, out),
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        self.bury(out);
        match timer {
            Timer::Exchange => self.begin_exchange(out),
            Timer::Handoff => self.hand_over(out),
        }
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        let number = token.0 >> 2;
        match token.0 & 3 {
            t if t == Wake::Patience as u64 => self.out_of_patience(number, out),
            t if t == Wake::Suspicion as u64 => self.suspect(number, out),
            t if t == Wake::Waited as u64 => self.end(number, out),
            _ => {
                if let Some((to, msg)) = self.delayed.remove(&number) {
                    out.send(to, msg);
                }
            }
        }
    }

    fn record_bytes(record: &Record) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.written(token.0, out);
    }

    fn holds(&self, key: u64) -> Option<crate::world::Held> {
        let values = self.held.get(&key).map_or_else(Vec::new, |held| self.values(&held.object));
        Some(crate::world::Held { values, term: None })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        Some(crate::world::fingerprints(self.held.iter().map(|(key, held)| (*key, self.visible(&held.object)))))
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let replica = out.index();
        for (key, held) in &self.held {
            let values = self.values(&held.object);
            out.observe(Observation::FinalState { object: self.object, replica, key: *key, values });
        }
    }
}
