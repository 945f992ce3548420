//! Replicas that merge: conflict-free replicated data types (Shapiro et al. 2011), kept alike by sending whole states,
//! deltas (Almeida et al. 2018, algorithm 2), or operations over a reliable causal broadcast.
//!
//! Every replica answers at once from what it has, reads and writes alike, once its own disk has the change: such a store
//! is available on both sides of any cut, and its replicas agree when they have heard the same. An operation travels as
//! the delta that it makes. Leaves out: types nested in types, garbage collection of actors that are gone.

mod kernel;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use kernel::{Actor, Context, Event, Kernel};
pub use types::{GCounter, Kind, LwwRegister, PnCounter, Value};

use super::clocks::Timestamp;
use super::parts::{Bugs, Group, Join, Members, Planted};
use crate::engine::{ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Outcome, Token, Verb};
use crate::world::{About, Counted, Held, Message, Out, Process, fingerprints};

/// What replicas send one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Every key, to everybody who has not acknowledged as much.
    State,
    /// What has changed since the last acknowledgement.
    Delta,
    /// Each change as it is made, until everybody has acknowledged it.
    Op,
}

/// How one group is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdtSpec {
    /// The type of every key.
    pub kind: Kind,
    /// What is sent.
    pub sync: Sync,
    /// How often: of `state` and `delta`; of `op`, how often what was not acknowledged is sent again.
    pub every: Span,
    /// Planted bugs.
    pub bugs: Bugs,
}

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[Planted {
    name: "counter_as_register",
    what: "a counter is merged by keeping the larger total: concurrent additions are lost",
    source: "Shapiro et al. 2011, section 3.1.1, on why a maximum isn't enough",
}];

/// Changes that a replica remembers for those who are behind; whoever is further behind gets the whole state
/// (illustrative).
const REMEMBERED: usize = 4096;

/// Some keys and their values, or what changed of them.
pub type Changes = Arc<[(u64, Value)]>;

/// Between replicas.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// Everything that I had at `upto`, or that changed since what you acknowledged last.
    Merge {
        /// The sender's own count of changes.
        upto: u64,
        /// What.
        changes: Changes,
    },
    /// I have that.
    Merged {
        /// Of `Merge`.
        upto: u64,
    },
    /// One change.
    Effect {
        /// Whose `count`-th change it is.
        event: Event,
        /// What that replica had been told of before.
        after: Arc<Context>,
        /// The key and its delta.
        changes: Changes,
    },
    /// I have that one.
    Delivered {
        /// Of `Effect`.
        event: Event,
    },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Merge { .. } => "Merge",
            Msg::Merged { .. } => "Merged",
            Msg::Effect { .. } => "Effect",
            Msg::Delivered { .. } => "Delivered",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Merge { changes, .. } => 8 + size(changes),
            Msg::Effect { after, changes, .. } => 16 + after.bytes() + size(changes),
            _ => 16,
        }
    }
    fn operations(&self, _: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            // What is merged in bulk is taken up in one go.
            Msg::Merge { changes, .. } if !changes.is_empty() => each(Verb::Write),
            Msg::Effect { .. } => each(Verb::Write),
            Msg::Merge { .. } | Msg::Merged { .. } | Msg::Delivered { .. } => {}
        }
    }
    fn about(&self, key: u64) -> About {
        let (about, changes) = match self {
            Msg::Merge { upto, changes } => (About::asks(*upto), changes),
            Msg::Effect { event, changes, .. } => (About::asks(event.count), changes),
            Msg::Merged { upto } => return About::answers(*upto),
            Msg::Delivered { event } => return About::answers(event.count),
        };
        match changes.iter().find(|(k, _)| *k == key) {
            Some((_, value)) => about.carrying(true, value.contents()),
            None => about,
        }
    }
}

fn size(changes: &Changes) -> u32 {
    changes.iter().map(|(_, value)| 8 + value.bytes()).sum()
}

/// A counted change, and what its maker had been told of before it.
type Counting = Option<(Event, Arc<Context>)>;

/// One record on disk: a change, and which event it was if events are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    changes: Changes,
    effect: Counting,
}

impl Record {
    /// On disk, as on the wire (illustrative).
    fn bytes(&self) -> u32 {
        16 + size(&self.changes)
    }
}

/// Who is told once a record is on disk.
#[derive(Clone, Debug)]
enum Waiting {
    Client(Call, Answer),
    Merged(ProcessId, u64),
    Delivered(ProcessId, Event),
}

/// An own change that somebody hasn't acknowledged.
#[derive(Clone, Debug)]
struct Unacknowledged {
    after: Arc<Context>,
    changes: Changes,
    missing: Members,
}

/// The timer: send what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick;

/// The process.
#[derive(Clone, Debug)]
pub struct Crdt {
    group: Group,
    object: ObjectId,
    spec: CrdtSpec,
    values: BTreeMap<u64, Value>,
    actor: Actor,
    /// Changes so far, counted from the clock at the start: acknowledgements to an earlier life say nothing.
    count: u64,
    recent: BTreeMap<u64, Changes>,
    acknowledged: Vec<u64>,
    delivered: Context,
    undelivered: BTreeMap<Event, (ProcessId, Arc<Context>, Changes)>,
    unacknowledged: BTreeMap<Event, Unacknowledged>,
    waiting: BTreeMap<u64, (Changes, Counting, Waiting)>,
    tokens: u64,
}

impl Crdt {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: CrdtSpec) -> Crdt {
        Crdt {
            group,
            object,
            spec,
            values: BTreeMap::new(),
            actor: Actor(0),
            count: 0,
            recent: BTreeMap::new(),
            acknowledged: Vec::new(),
            delivered: Context::default(),
            undelivered: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            waiting: BTreeMap::new(),
            tokens: 0,
        }
    }

    /// What is held of a key.
    pub fn value(&self, key: u64) -> Value {
        self.values.get(&key).cloned().unwrap_or_else(|| self.spec.kind.bottom())
    }

    /// Joins changes in; says which of them changed anything.
    fn merge(&mut self, changes: &Changes) -> Vec<(u64, Value)> {
        let mut news = Vec::new();
        for (key, change) in changes.iter() {
            let bottom = self.spec.kind.bottom();
            let held = self.values.get(key).unwrap_or(&bottom);
            if self.spec.bugs.has("counter_as_register") && matches!(self.spec.kind, Kind::GCounter | Kind::PnCounter) {
                let larger = larger(held, change);
                if larger != *held {
                    news.push((*key, change.clone()));
                    self.values.insert(*key, larger);
                }
            } else if !held.knows(change) {
                news.push((*key, change.clone()));
                self.values.entry(*key).or_insert(bottom).join(change);
            }
        }
        news
    }

    /// Writes changes to disk; whoever waits is told afterwards.
    fn persist(&mut self, changes: Changes, effect: Counting, waiting: Waiting, out: &mut Out<'_, Self>) {
        self.tokens += 1;
        self.waiting.insert(self.tokens, (changes.clone(), effect.clone(), waiting));
        out.persist(Record { changes, effect }, Token(self.tokens));
    }

    /// Remembers changes for those who are behind.
    fn remember(&mut self, changes: Changes) {
        self.count += 1;
        if self.spec.sync == Sync::Delta {
            self.recent.insert(self.count, changes);
            while self.recent.len() > REMEMBERED {
                self.recent.pop_first();
            }
        }
    }

    /// What a peer that acknowledged so much lacks.
    fn lacking(&self, acknowledged: u64) -> Changes {
        let known = self.recent.first_key_value().is_some_and(|(first, _)| *first <= acknowledged + 1);
        if self.spec.sync == Sync::State || !known {
            return self.values.iter().map(|(key, value)| (*key, value.clone())).collect();
        }
        let mut joined: BTreeMap<u64, Value> = BTreeMap::new();
        for (key, change) in self.recent.range(acknowledged + 1..).flat_map(|(_, c)| c.iter()) {
            joined.entry(*key).or_insert_with(|| self.spec.kind.bottom()).join(change);
        }
        joined.into_iter().collect()
    }

    fn send_effect(&self, to: ProcessId, event: Event, own: &Unacknowledged, out: &mut Out<'_, Self>) {
        let msg = Msg::Effect { event, after: own.after.clone(), changes: own.changes.clone() };
        out.count(Counted::RepairBytes, msg.bytes());
        out.send(to, msg);
    }

    /// Delivers every effect whose causes have been delivered.
    fn deliver(&mut self, out: &mut Out<'_, Self>) {
        loop {
            let ready = self.undelivered.iter().find(|(event, (_, after, _))| {
                self.delivered.upto(event.actor) + 1 == event.count && after.within(&self.delivered)
            });
            let Some(event) = ready.map(|(event, _)| *event) else { return };
            let Some((from, after, changes)) = self.undelivered.remove(&event) else { return };
            self.delivered.add(event);
            self.merge(&changes);
            self.persist(changes, Some((event, after)), Waiting::Delivered(from, event), out);
        }
    }
}

/// What a wrong merge of counters keeps: the one with the larger total.
fn larger(a: &Value, b: &Value) -> Value {
    let total = |v: &Value| match v {
        Value::GCounter(c) => c.value() as i64,
        Value::PnCounter(c) => c.value() as i64,
        _ => 0,
    };
    if total(b) > total(a) { b.clone() } else { a.clone() }
}

impl Process for Crdt {
    type Msg = Msg;
    type Timer = Tick;
    type Record = Record;

    fn start(&mut self, log: &[Record], out: &mut Out<'_, Self>) {
        self.values.clear();
        self.recent.clear();
        self.undelivered.clear();
        self.unacknowledged.clear();
        self.waiting.clear();
        self.delivered = Context::default();
        self.acknowledged = vec![0; self.group.count as usize];
        // A life is named by the millisecond in which it begins.
        self.actor = Actor(((out.now().0 / 1_000_000) + 1) << 6 | u64::from(out.index()));
        self.count = out.now().0;
        for record in log {
            self.merge(&record.changes);
            let Some((event, after)) = &record.effect else { continue };
            self.delivered.add(*event);
            if event.actor.0 & 63 == u64::from(out.index()) {
                let mut missing = Members::first(self.group.count);
                missing.remove(out.index());
                let own = Unacknowledged { after: after.clone(), changes: record.changes.clone(), missing };
                self.unacknowledged.insert(*event, own);
            }
        }
        if !self.values.is_empty() {
            self.count += 1;
        }
        out.arm(Tick, self.spec.every);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let bottom = self.spec.kind.bottom();
        let value = self.values.get(&call.op.key).unwrap_or(&bottom);
        if !self.spec.kind.carries(call.op.verb) {
            out.answer(&call, Answer::of(Outcome::Error));
            return;
        }
        let at = Timestamp { physical: out.now().0, logical: 0 };
        let Some(delta) = value.change(&call.op, self.actor, at) else {
            // It looks, or it asks for what the type refuses.
            let answer = value.look(&call.op);
            out.answer(&call, answer);
            return;
        };
        let changes: Changes = [(call.op.key, delta)].into();
        self.merge(&changes);
        let effect = (self.spec.sync == Sync::Op).then(|| {
            let after = Arc::new(self.delivered.clone());
            let event = self.delivered.next(self.actor);
            self.delivered.add(event);
            (event, after)
        });
        let answer = Answer::value(call.op.value, 0);
        self.persist(changes, effect, Waiting::Client(call, answer), out);
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        let who = self.group.index(from);
        match msg {
            Msg::Merge { upto, changes } => {
                let of = |s: &Crdt, key: &u64| s.values.get(key).map_or(1, Value::siblings);
                let siblings = |s: &Crdt| changes.iter().map(|(key, _)| of(s, key)).max().unwrap_or(1);
                let before = siblings(self);
                let news: Changes = self.merge(&changes).into();
                if siblings(self) > before.max(1) {
                    out.count(Counted::Conflict, 1);
                }
                if news.is_empty() {
                    out.send(from, Msg::Merged { upto });
                } else {
                    self.persist(news, None, Waiting::Merged(from, upto), out);
                }
            }
            Msg::Merged { upto } => {
                let acknowledged = &mut self.acknowledged[who as usize];
                *acknowledged = (*acknowledged).max(upto);
                let me = out.index() as usize;
                let others = self.acknowledged.iter().enumerate().filter(|(i, _)| *i != me).map(|(_, a)| *a);
                let all = others.min().unwrap_or(0);
                self.recent = self.recent.split_off(&(all + 1));
            }
            Msg::Effect { event, after, changes } => {
                if self.delivered.holds(event) {
                    out.count(Counted::Duplicate, 1);
                    // Perhaps it isn't on disk yet: then the acknowledgement follows.
                    let under_way = self.waiting.values().any(|(_, e, _)| e.as_ref().is_some_and(|(e, _)| *e == event));
                    if !under_way {
                        out.send(from, Msg::Delivered { event });
                    }
                } else {
                    self.undelivered.insert(event, (from, after, changes));
                    self.deliver(out);
                }
            }
            Msg::Delivered { event } => {
                if let Some(own) = self.unacknowledged.get_mut(&event) {
                    own.missing.remove(who);
                    if own.missing.is_empty() {
                        self.unacknowledged.remove(&event);
                    }
                }
            }
        }
    }

    fn record_bytes(record: &Record) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        let Some((changes, effect, waiting)) = self.waiting.remove(&token.0) else { return };
        match waiting {
            Waiting::Client(call, answer) => {
                out.answer(&call, answer);
                if let Some((event, after)) = effect {
                    let mut missing = Members::first(self.group.count);
                    missing.remove(out.index());
                    let own = Unacknowledged { after, changes, missing };
                    for to in self.group.others(out.me()) {
                        self.send_effect(to, event, &own, out);
                    }
                    self.unacknowledged.insert(event, own);
                } else {
                    self.remember(changes);
                }
            }
            Waiting::Merged(to, upto) => {
                out.send(to, Msg::Merged { upto });
                self.remember(changes);
            }
            Waiting::Delivered(to, event) => out.send(to, Msg::Delivered { event }),
        }
    }

    fn timer(&mut self, Tick: Tick, out: &mut Out<'_, Self>) {
        out.arm(Tick, self.spec.every);
        if self.spec.sync == Sync::Op {
            for (event, own) in &self.unacknowledged {
                for index in own.missing.iter() {
                    self.send_effect(self.group.process(index), *event, own, out);
                }
            }
            return;
        }
        for to in self.group.others(out.me()) {
            let acknowledged = self.acknowledged[self.group.index(to) as usize];
            if acknowledged < self.count && !self.values.is_empty() {
                let msg = Msg::Merge { upto: self.count, changes: self.lacking(acknowledged) };
                out.count(Counted::RepairBytes, msg.bytes());
                out.send(to, msg);
            }
        }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.value(key).contents(), term: None })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        Some(fingerprints(self.values.iter().map(|(key, value)| (*key, value.contents()))))
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let replica = out.index();
        for (key, value) in &self.values {
            out.observe(Observation::FinalState { object: self.object, replica, key: *key, values: value.contents() });
        }
    }
}
