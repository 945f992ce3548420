//! What a process may do: effects as data, pushed into a sink.

use super::process::Process;
use crate::engine::random::{Addressed, Draws};
use crate::engine::{EdgeId, Instant, Places, ProcessId, Span};
use crate::history::Observation;
use crate::rpc::{Answer, Call, Cause, Op, Outcome, Requester, Token};

/// One thing that a process wants done. Each has one interpreter: the world.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The next of what is of the process's own types, in [`Effects::own`].
    Own,
    /// A call over an edge; [`Process::answer`] hears of its end.
    Call {
        /// The edge and its policy.
        edge: EdgeId,
        /// What is asked.
        op: Op,
        /// On whose behalf.
        cause: Cause,
        /// Handed back with the answer.
        token: Token,
        /// This instance of the callee; `None` leaves it to the edge's balance.
        to: Option<u32>,
    },
    /// The answer to a request.
    Reply {
        /// From [`Call::requester`].
        requester: Requester,
        /// The answer.
        answer: Answer,
    },
    /// A one-shot timer in true time that cannot be taken back; any number may run.
    Wake {
        /// Handed back.
        token: Token,
        /// When.
        at: Instant,
    },
    /// Processor time at the process's station.
    Compute {
        /// Of which request: a `thread` station runs it on that request's worker. `None`: nobody waits for it.
        requester: Option<Requester>,
        /// Of the request on whose behalf it is done.
        priority: u8,
        /// When nobody will wait for it any more.
        deadline: Instant,
        /// How much, before speed and slowness.
        work: Span,
        /// Handed to [`Process::computed`], or to [`Process::thrown_away`].
        token: Token,
    },
    /// Has a peer's machine powered off and on again by its fencing device. That is reached by a way of its own, whatever
    /// becomes of the network, and always does what it is told: an order can't be taken back.
    PowerCycle {
        /// The peer.
        of: ProcessId,
        /// How long until the device has cut the power, of true time.
        off_after: Span,
        /// How long from then until the machine has booted; one that something else had brought down stays down.
        on_after: Span,
        /// Handed to [`Process::woken`] once the power is off.
        token: Token,
    },
    /// The process passes a named point (`leader_elected`, `prepare`): for traces, timelines and faults that wait for it.
    Note(Point),
    /// A fact for the history.
    Observe(Observation),
    /// For the meters.
    Meter(Meter),
    /// Takes an instance out of a balancer, or puts it back.
    Eligible {
        /// Whose balancer.
        edge: EdgeId,
        /// Which instance of the callee.
        instance: u32,
        /// In or out.
        eligible: bool,
    },
}

/// What a process wants done that is of its own types: messages, timers, records.
#[derive(Clone, Debug)]
pub enum Own<P: Process> {
    /// A message to a peer; in order for each pair, as over one connection, unless a link reorders.
    Send {
        /// The peer.
        to: ProcessId,
        /// What is said.
        msg: P::Msg,
    },
    /// Starts a named timer, replacing it if it runs.
    Arm {
        /// Its name.
        timer: P::Timer,
        /// Of the host's own clock.
        after: Span,
    },
    /// Stops a named timer.
    Disarm {
        /// Its name.
        timer: P::Timer,
    },
    /// Appends to the write-ahead log.
    Persist {
        /// What is written.
        record: P::Record,
        /// Handed to [`Process::synced`].
        token: Token,
    },
    /// Replaces the whole log by one record (a snapshot).
    Checkpoint {
        /// What is written.
        record: P::Record,
        /// Handed to [`Process::synced`].
        token: Token,
    },
}

/// What a process wanted done while it handled one input, in that order.
///
/// Two lists: what is the same for every process is written where the world reads it, however many processes lie one
/// within another; only what is of a process's own types goes through the wrappers between them.
#[derive(Clone, Debug)]
pub struct Effects<P: Process> {
    /// Everything; an [`Effect::Own`] stands for the next of the other list.
    pub all: Places<Effect>,
    /// What is of the process's own types.
    pub own: Places<Own<P>>,
}

impl<P: Process> Default for Effects<P> {
    fn default() -> Effects<P> {
        Effects { all: Places::default(), own: Places::default() }
    }
}

impl<P: Process> Effects<P> {
    /// For a test of a process alone: hands them over one by one, in order, to whoever takes those of the process's own
    /// types and whoever takes the others.
    pub fn each<T>(self, into: &mut T, own: impl Fn(&mut T, Own<P>), other: impl Fn(&mut T, Effect)) {
        let mut owned = self.own.into_iter();
        for effect in self.all {
            match effect {
                Effect::Own => owned.next().into_iter().for_each(|effect| own(into, effect)),
                effect => other(into, effect),
            }
        }
    }
}

/// A named point of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Its name.
    pub name: &'static str,
    /// A number beside it: the term, the transaction.
    pub number: u64,
}

/// What processes report to the meters beside what the world sees by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meter {
    /// A client operation of this mix entry was meant to start at `intended`.
    Offered {
        /// Position in the client group's mix.
        entry: u16,
        /// When it was meant to start.
        intended: Instant,
    },
    /// It ended for the user.
    Ended {
        /// Position in the client group's mix.
        entry: u16,
        /// When it was meant to start.
        intended: Instant,
        /// How it ended.
        outcome: Outcome,
        /// Of its [`Cause`].
        root: u64,
    },
    /// Something that came at `since` has waited until now.
    Waited {
        /// When it came.
        since: Instant,
    },
    /// Something countable happened.
    Count(Counted, u32),
    /// A level changed to this value.
    Level(Level, u64),
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];
            /// As the expectation language writes it.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

names!(
    /// What components count.
    Counted {
        /// A lookup that found its key fresh.
        CacheHit = "hits",
        /// A lookup that did not.
        CacheMiss = "misses",
        /// Bytes of the entries that lookups found.
        HitBytes = "hit_bytes",
        /// Bytes of the entries that lookups did not find.
        MissBytes = "miss_bytes",
        /// A lookup answered with an expired value.
        StaleServed = "stale_served",
        /// A message handed out again.
        Redelivery = "redeliveries",
        /// A message that went to the dead letters or was dropped.
        Dropped = "dropped",
        /// A second occurrence that `dedupe` stopped.
        Duplicate = "duplicates",
        /// A write kept for a replica that could not be reached.
        Hint = "hints",
        /// Bytes sent by anti-entropy and read repair.
        RepairBytes = "repair_bytes",
        /// Keys sent by anti-entropy.
        RepairKeys = "repair_keys",
        /// Hashes of tree nodes sent to be compared.
        TreeHashes = "tree_hashes",
        /// Concurrent versions met.
        Conflict = "conflicts",
        /// A new leader or primary.
        LeaderChange = "leader_changes",
        /// A live member held for dead.
        FalsePositive = "false_positives",
        /// A health check that failed.
        HealthCheckFailed = "health_check_failures",
    }
);

names!(
    /// What components keep a level of.
    Level {
        /// Messages waiting in a queue.
        Backlog = "lag",
        /// Messages handed out and not acknowledged.
        Unacknowledged = "unacknowledged",
        /// Entries in a cache.
        Entries = "entries",
        /// 1 while nobody leads.
        Leaderless = "leaderless",
        /// Keys of which members hold different things.
        Divergent = "divergent_keys",
        /// Replicas of a scaled component in their callers' choice.
        Replicas = "replicas",
        /// The same and those that have left it, and finish what they have.
        InService = "in_service",
    }
);

/// Where a process's own effects go: their list, or what wraps them on their way to it.
pub trait Sink<P: Process> {
    /// Takes one.
    fn push(&mut self, effect: Own<P>);
    /// Takes an [`Own::Arm`]: [`push`](Sink::push) for what many requests pay for. An effect is as large as the largest of
    /// them, and a wrapper that takes it apart and puts it together again moves all of it.
    fn arm(&mut self, timer: P::Timer, after: Span) {
        self.push(Own::Arm { timer, after });
    }
}

impl<P: Process> Sink<P> for Places<Own<P>> {
    fn push(&mut self, effect: Own<P>) {
        Places::push(self, effect);
    }
    fn arm(&mut self, timer: P::Timer, after: Span) {
        let place = self.place();
        *place = Some(Own::Arm { timer, after });
    }
}

/// What a process knows of its surroundings while it handles one input.
#[derive(Clone, Copy, Debug)]
pub struct Env {
    /// True time. Only populations and flows may look at it: they are the observers, not the observed.
    pub now: Instant,
    /// The host's own clock.
    pub local: Instant,
    /// How far the host's clock may be off, as it reports itself, in ns (TrueTime's epsilon).
    pub uncertainty: Span,
    /// The process itself.
    pub me: ProcessId,
    /// Its number in its group.
    pub index: u32,
    /// Its own draws, named after group and number.
    pub draws: Draws,
}

/// The hands of a process: what it learns of its surroundings, and where its effects go.
pub struct Out<'a, P: Process> {
    env: &'a Env,
    all: &'a mut Places<Effect>,
    own: &'a mut dyn Sink<P>,
}

impl<P: Process> std::fmt::Debug for Out<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("env", &self.env).finish_non_exhaustive()
    }
}

impl<'a, P: Process> Out<'a, P> {
    /// The hands of the process that `env` describes.
    pub fn new(env: &'a Env, effects: &'a mut Effects<P>) -> Out<'a, P> {
        Out { env, all: &mut effects.all, own: &mut effects.own }
    }
    /// The hands of a process within another one: `own` wraps its effects, and puts them where that one's own go, the last
    /// part of [`Out::parts`].
    pub fn within(env: &'a Env, all: &'a mut Places<Effect>, own: &'a mut dyn Sink<P>) -> Out<'a, P> {
        Out { env, all, own }
    }
    /// What [`Out::within`] takes, for a process inside this one.
    pub fn parts(&mut self) -> (&Env, &mut Places<Effect>, &mut dyn Sink<P>) {
        (self.env, &mut *self.all, &mut *self.own)
    }
    /// The time on the host's own clock. The only clock that a protocol may read.
    #[expect(clippy::misnamed_getters, reason = "what a protocol calls now is what its host's clock shows")]
    pub fn now(&self) -> Instant {
        self.env.local
    }
    /// True time, for populations and flows: they observe, and are not observed.
    pub fn true_now(&self) -> Instant {
        self.env.now
    }
    /// How far the host's clock may be off, as it reports itself.
    pub fn uncertainty(&self) -> Span {
        self.env.uncertainty
    }
    /// The process itself.
    pub fn me(&self) -> ProcessId {
        self.env.me
    }
    /// Its number in its group, from 0.
    pub fn index(&self) -> u32 {
        self.env.index
    }
    /// The `n`-th draws of this process for `purpose` (a number of its own choice).
    pub fn draw(&self, purpose: u64, n: u64) -> Addressed {
        self.env.draws.at(purpose, n)
    }
    /// Any effect that is the same for every process.
    pub fn push(&mut self, effect: Effect) {
        self.all.push(effect);
    }
    fn push_own(&mut self, effect: Own<P>) {
        self.own.push(effect);
        let place = self.all.place();
        *place = Some(Effect::Own);
    }
    /// A message to a peer. To itself it travels no network but still takes an event of its own.
    pub fn send(&mut self, to: ProcessId, msg: P::Msg) {
        self.push_own(Own::Send { to, msg });
    }
    /// A call over an edge, to the instance that its balance picks.
    #[inline(always)]
    pub fn call(&mut self, edge: EdgeId, op: Op, cause: Cause, token: Token) {
        let place = self.all.place();
        *place = Some(Effect::Call { edge, op, cause, token, to: None });
    }
    /// A call over an edge, to one instance.
    #[inline]
    pub fn call_instance(&mut self, edge: EdgeId, instance: u32, op: Op, cause: Cause, token: Token) {
        let place = self.all.place();
        *place = Some(Effect::Call { edge, op, cause, token, to: Some(instance) });
    }
    /// Answers a request.
    #[inline(always)]
    pub fn reply(&mut self, requester: Requester, answer: Answer) {
        let place = self.all.place();
        *place = Some(Effect::Reply { requester, answer });
    }
    /// Answers a request that was handed over as a call.
    #[inline(always)]
    pub fn answer(&mut self, call: &Call, answer: Answer) {
        // Taken apart: what has just been written field by field is read so, or the processor waits.
        let Answer { outcome, definite, value, version, bytes, redirect, missed, list } = answer;
        let fetched = bytes == 0 && call.op.verb.fetches() && outcome.answered() && !missed;
        let bytes = if fetched { call.op.bytes } else { bytes };
        self.reply(call.requester, Answer { outcome, definite, value, version, bytes, redirect, missed, list });
    }
    /// Starts a named timer, replacing it if it runs.
    #[inline]
    pub fn arm(&mut self, timer: P::Timer, after: Span) {
        self.own.arm(timer, after);
        let place = self.all.place();
        *place = Some(Effect::Own);
    }
    /// Stops a named timer.
    pub fn disarm(&mut self, timer: P::Timer) {
        self.push_own(Own::Disarm { timer });
    }
    /// A one-shot wake-up at a true time.
    pub fn wake(&mut self, token: Token, at: Instant) {
        let place = self.all.place();
        *place = Some(Effect::Wake { token, at });
    }
    /// Appends to the write-ahead log.
    pub fn persist(&mut self, record: P::Record, token: Token) {
        self.push_own(Own::Persist { record, token });
    }
    /// Replaces the whole log by a snapshot.
    pub fn checkpoint(&mut self, record: P::Record, token: Token) {
        self.push_own(Own::Checkpoint { record, token });
    }
    /// Has a peer's machine powered off and on again; [`Process::woken`] hears when the power is off.
    pub fn power_cycle(&mut self, of: ProcessId, off_after: Span, on_after: Span, token: Token) {
        self.push(Effect::PowerCycle { of, off_after, on_after, token });
    }
    /// Asks for processor time on behalf of a request, which queues as that did.
    pub fn compute(&mut self, call: &Call, work: Span, token: Token) {
        let (requester, priority, deadline) = (Some(call.requester), call.op.priority, call.cause.deadline);
        let place = self.all.place();
        *place = Some(Effect::Compute { requester, priority, deadline, work, token });
    }
    /// The same for a request that has been answered: nobody waits for it, nobody gives it up.
    pub fn compute_afterwards(&mut self, call: &Call, work: Span, token: Token) {
        let (priority, deadline) = (call.op.priority, Instant::NEVER);
        self.push(Effect::Compute { requester: None, priority, deadline, work, token });
    }
    /// Passes a named point.
    pub fn note(&mut self, name: &'static str, number: u64) {
        self.push(Effect::Note(Point { name, number }));
    }
    /// States a fact for the history.
    pub fn observe(&mut self, fact: Observation) {
        self.push(Effect::Observe(fact));
    }
    /// Tells the meters something.
    #[inline(always)]
    pub fn meter(&mut self, meter: Meter) {
        let place = self.all.place();
        *place = Some(Effect::Meter(meter));
    }
    /// Counts something.
    pub fn count(&mut self, what: Counted, n: u32) {
        self.meter(Meter::Count(what, n));
    }
    /// Reports a level.
    pub fn level(&mut self, what: Level, value: u64) {
        self.meter(Meter::Level(what, value));
    }
}
