//! What a process is: a state machine that learns what happens as input and answers with effects.

use std::fmt::Debug;
use std::hash::Hash;

use super::about::About;
use super::out::Out;
use crate::engine::{EdgeId, ProcessId};
use crate::rpc::{Answer, Call, Op, Token, Verb};

/// What peers say to one another.
pub trait Message: Clone + Hash + Debug {
    /// As traces, space-time diagrams and `drop` faults name it (`AppendEntries`).
    fn name(&self) -> &'static str;
    /// Bytes on the wire beside the header.
    fn bytes(&self) -> u32 {
        0
    }
    /// Names each operation that `receiver`, by its number among its peers, carries out when it gets this and has not
    /// paid for as a request: the world has it pay `service_time` for each before it hears of the message.
    fn operations(&self, receiver: u32, each: &mut dyn FnMut(Verb)) {
        let _ = (receiver, each);
    }
    /// What it belongs to, and what it says about a key: for traces.
    fn about(&self, key: u64) -> About {
        let _ = key;
        About::default()
    }
}

/// What a process has of one key: the state that a space-time diagram shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its values, several if they stand side by side; 0 and none are nil.
    pub values: Vec<u64>,
    /// The newest term or epoch that it knows, where there are any.
    pub term: Option<u64>,
}

/// A message type for processes that have no peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Never {}

impl Message for Never {
    fn name(&self) -> &'static str {
        match *self {}
    }
}

/// What a process is among its peers at the moment: what a fault on `kv/leader` hits, and what the timeline shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// One among equals.
    #[default]
    Peer,
    /// The leader of a consensus group.
    Leader,
    /// It follows a leader.
    Follower,
    /// It stands for election.
    Candidate,
    /// The primary of a primary-backup group.
    Primary,
    /// A backup.
    Backup,
    /// The head of a chain.
    Head,
    /// The tail of a chain.
    Tail,
    /// The coordinator of transactions.
    Coordinator,
}

impl Role {
    /// Every role, in the order of its declaration.
    pub const ALL: [Role; 9] = [
        Role::Peer,
        Role::Leader,
        Role::Follower,
        Role::Candidate,
        Role::Primary,
        Role::Backup,
        Role::Head,
        Role::Tail,
        Role::Coordinator,
    ];

    /// As the scenario language writes it.
    pub fn name(self) -> &'static str {
        ["peer", "leader", "follower", "candidate", "primary", "backup", "head", "tail", "coordinator"][self as usize]
    }
}

/// A state machine that the world runs.
///
/// Same state, same input, same effects: it reads no clock, network or disk. What must wait for the disk or the
/// processor is emitted from [`synced`](Process::synced) or [`computed`](Process::computed), never merely written after
/// it. Nothing re-enters: an effect that could come back at once comes back through the queue at the same instant.
#[allow(unused_variables)]
pub trait Process: Clone + Debug {
    /// Between peers.
    type Msg: Message;
    /// Named timers that can be re-armed and disarmed; a handful at most.
    type Timer: Copy + Eq + Debug;
    /// One entry of its write-ahead log.
    type Record: Clone + Debug;

    /// At boot, and after a crash: volatile state is gone, `log` is what the disk kept, oldest first.
    ///
    /// Called on the value that was there before the crash: whatever the process does not reset here, it remembers by
    /// magic. Configuration is such magic; everything else must go.
    fn start(&mut self, log: &[Self::Record], out: &mut Out<'_, Self>);
    /// A message of a peer.
    fn message(&mut self, from: ProcessId, msg: Self::Msg, out: &mut Out<'_, Self>) {}
    /// A request that has passed the station; to be answered with [`Out::reply`], at once or later.
    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {}
    /// The end of a call, exactly once, whatever the policy did in between.
    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {}
    /// A named timer.
    fn timer(&mut self, timer: Self::Timer, out: &mut Out<'_, Self>) {}
    /// A one-shot wake-up asked for with [`Out::wake`], or a peer's power is off as asked for with [`Out::power_cycle`].
    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {}
    /// A record that was persisted is as durable as the disk's `fsync` mode promises.
    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {}
    /// Processor time that was asked for with [`Out::compute`] has been had.
    fn computed(&mut self, token: Token, out: &mut Out<'_, Self>) {}

    /// Work that it asked for was thrown away at the head of the queue: it had waited for too long.
    fn thrown_away(&mut self, token: Token, out: &mut Out<'_, Self>) {}
    /// A request of the operator or a fault (`flush`), outside the station.
    fn ask(&mut self, op: &Op, out: &mut Out<'_, Self>) {}
    /// An instance of whom it calls was taken out of the choice on purpose, or is there again.
    fn callee(&mut self, edge: EdgeId, instance: u32, there: bool, out: &mut Out<'_, Self>) {}
    /// Bytes of a record on disk, for disks of limited bandwidth; 0 unless it says otherwise.
    fn record_bytes(record: &Self::Record) -> u32 {
        0
    }
    /// What it is among its peers.
    fn role(&self) -> Role {
        Role::Peer
    }
    /// What it would answer of a key if it were asked alone; nothing for what keeps no keys. Only looked at when a run is
    /// played again for a picture.
    fn holds(&self, key: u64) -> Option<Held> {
        None
    }
    /// Each key that it has a value of, in ascending order, with a fingerprint of the value: equal for replicas that would
    /// answer the same. Nothing from what keeps no copy. Only looked at where somebody wants to know how many differ.
    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        None
    }
    /// Called at the end of the run: facts that a check needs, as [`Out::observe`].
    fn finish(&mut self, out: &mut Out<'_, Self>) {}
}
