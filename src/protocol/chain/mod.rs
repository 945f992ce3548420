//! van Renesse, Schneider, "Chain replication for supporting high throughput and availability", OSDI 2004; reads at any
//! server as in Terrace, Freedman, "Object storage on CRAQ", USENIX ATC 2009.
//!
//! Updates enter at the head and leave at the tail, which answers; queries go to the tail. The last replica is the
//! master: it keeps no data, removes servers that are silent and lets them join again behind the tail. As in the paper
//! the master is one, and assumed not to fail; servers are assumed to be fail-stop. They are not, here: one that is cut
//! off from the master and not from its clients is removed all the same, and answers queries until it hears so, unless
//! the detector is a lease. An update goes on when the server's disk has it. Leaves out: a replicated master, compaction
//! of the log.

mod master;
mod message;
mod queries;

use std::sync::Arc;

use super::parts::{Bugs, Command, Entry, Gateway, Group, Journal, Log, Planted, Position, Sessions, carries};
use crate::engine::{Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Op, Outcome, Requester, Token};
use crate::world::{Held, Out, Process, Role, StateMachine, fingerprints};

use master::Master;
pub use message::{Chain, Msg, Record};
use queries::{Delayed, Query};

/// How one group is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainSpec {
    /// Whether every server answers queries.
    pub craq: bool,
    /// Silence after which the master removes a server.
    pub after: Span,
    /// Whether a server answers queries only while the master has heard from it within this time.
    pub lease: bool,
    /// Planted bugs.
    pub bugs: Bugs,
}

/// The points that faults may wait for.
pub const POINTS: &[&str] = &["head", "tail", "rolled_back"];

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[Planted {
    name: "dirty_reads",
    what: "a server answers queries with updates that have not reached the tail: they may be lost, and read again older",
    source: "Terrace and Freedman 2009, section 2.3 (what clean and dirty versions are for)",
}];

/// Heartbeats within the detector's time.
const BEATS: u64 = 5;
/// Updates in one message (illustrative).
const BATCH: u64 = 64;

/// The named timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A server speaks to the master and its successor; the master looks who is silent.
    Beat,
    /// The oldest request that waits has waited long enough.
    Patience,
}

/// What follows a write.
#[derive(Clone, Debug)]
enum After {
    Nothing,
    /// Updates up to here are durable, unless others have taken their place since.
    Stored(Position),
    /// The master's chain is durable: everybody may hear of it.
    Announce(Chain),
}

/// The process: a server, or the master.
#[derive(Clone, Debug)]
pub struct ChainServer<M> {
    group: Group,
    object: ObjectId,
    spec: ChainSpec,
    /// Its own number, once it has started.
    me: u32,
    // On disk.
    chain: Chain,
    log: Log,
    // In memory.
    journal: Journal<After>,
    durable: u64,
    /// While it joins: updates up to here are known to be those of the tail. What lies behind may be left over from an
    /// earlier life in the chain.
    verified: u64,
    /// Updates up to here are at the tail; what is applied.
    stable: u64,
    machine: Sessions<M>,
    /// The next update for the successor, and whether it is known to have what precedes.
    next: u64,
    streaming: bool,
    /// Of the successor's disk.
    stored: u64,
    /// A tail: it waits for the server that joins as well. That server: the tail does.
    coupled: bool,
    /// A tail that is coupled may have been replaced and not know it yet: then what it has and holds for unstable has
    /// been acknowledged. So it waits with its answers until that is stable, or until it hears so.
    delayed: Vec<Delayed>,
    beat: u64,
    beats: Vec<(u64, Instant)>,
    lease_until: Instant,
    master: Option<Master>,
    gateway: Gateway,
}

impl<M: StateMachine> ChainServer<M> {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: ChainSpec) -> ChainServer<M> {
        let servers = (0..group.count - 1).collect();
        ChainServer {
            group,
            object,
            spec,
            me: group.count,
            chain: Chain { epoch: 1, servers, joining: None },
            log: Log::default(),
            journal: Journal::default(),
            durable: 0,
            verified: 0,
            stable: 0,
            machine: Sessions::default(),
            next: 1,
            streaming: false,
            stored: 0,
            coupled: false,
            delayed: Vec::new(),
            beat: 0,
            beats: Vec::new(),
            lease_until: Instant::ZERO,
            master: None,
            gateway: Gateway::default(),
        }
    }

    fn send(&self, to: u32, msg: Msg, out: &mut Out<'_, Self>) {
        out.send(self.group.process(to), msg);
    }

    fn head(&self) -> Option<u32> {
        self.chain.servers.first().copied()
    }
    fn tail(&self) -> Option<u32> {
        self.chain.servers.last().copied()
    }
    fn place(&self, server: u32) -> Option<usize> {
        self.chain.servers.iter().position(|s| *s == server)
    }
    /// Who comes after it; behind the tail, whoever joins.
    fn successor(&self, me: u32) -> Option<u32> {
        let place = self.place(me)?;
        self.chain.servers.get(place + 1).copied().or(self.chain.joining)
    }
    fn predecessor(&self, me: u32) -> Option<u32> {
        if self.chain.joining == Some(me) {
            return self.tail();
        }
        self.place(me)?.checked_sub(1).map(|before| self.chain.servers[before])
    }

    /// Learns of a change of the chain.
    fn adopt(&mut self, chain: Chain, out: &mut Out<'_, Self>) {
        if chain.epoch <= self.chain.epoch {
            return;
        }
        let me = out.index();
        if self.chain.joining == Some(me) && chain.servers.contains(&me) && self.verified > 0 {
            // From now on all that it has counts.
            self.forget_after(self.verified, out);
        }
        self.chain = chain;
        let token = self.journal.write(After::Nothing);
        out.persist(Record::View(self.chain.clone()), token);
        // A new successor may lack anything.
        self.next = self.durable + 1;
        (self.streaming, self.stored, self.coupled, self.verified) = (false, 0, false, 0);
        if self.head() == Some(me) || self.tail() == Some(me) {
            out.note(if self.head() == Some(me) { "head" } else { "tail" }, self.chain.epoch);
        }
        if self.head() == Some(me) {
            let (at, object, term) = (out.true_now(), self.object, self.chain.epoch);
            out.observe(Observation::Leader { at, object, term, process: me });
        }
        // Whoever asks has its queries sent anew when it hears of the chain.
        self.delayed.clear();
        self.settle(out);
        self.probe(out);
        for requester in self.gateway.waiting() {
            self.route(requester, out);
        }
    }

    /// Asks the successor whether it has what precedes.
    fn probe(&mut self, out: &mut Out<'_, Self>) {
        let Some(to) = self.successor(out.index()) else { return };
        let prev = self.log.position(self.next - 1).unwrap_or_default();
        self.update(to, prev, Arc::from([]), out);
    }

    fn update(&self, to: u32, prev: Position, entries: Arc<[Entry]>, out: &mut Out<'_, Self>) {
        let (epoch, stable) = (self.chain.epoch, self.stable);
        let coupled = self.coupled && self.stored >= self.stable;
        self.send(to, Msg::Update { epoch, prev, entries, stable, coupled }, out);
    }

    /// Hands on to the successor what this server's disk has: what a successor has, every server before it has.
    fn ship(&mut self, out: &mut Out<'_, Self>) {
        let Some(to) = self.successor(out.index()) else { return };
        while self.streaming && self.ship_batch(to, out) {}
    }

    /// Hands on the next batch; `false` if there is none.
    fn ship_batch(&mut self, to: u32, out: &mut Out<'_, Self>) -> bool {
        let Some(prev) = self.log.position(self.next - 1).filter(|_| self.next <= self.durable) else { return false };
        let count = (self.durable + 1 - self.next).min(BATCH);
        let entries = self.log.slice(self.next, count as usize);
        self.next += entries.len() as u64;
        self.update(to, prev, entries, out);
        true
    }

    /// Drops what lies behind, on disk as well.
    fn forget_after(&mut self, last: u64, out: &mut Out<'_, Self>) {
        if last >= self.log.last().index {
            return;
        }
        self.log.truncate(last + 1);
        self.durable = self.durable.min(last);
        self.next = self.next.min(last + 1);
        let token = self.journal.write(After::Nothing);
        out.persist(Record::Updates { prev: self.log.last(), entries: Arc::from([]) }, token);
    }

    fn append(&mut self, entries: Arc<[Entry]>, out: &mut Out<'_, Self>) {
        let prev = self.log.last();
        self.log.extend(&entries);
        let token = self.journal.write(After::Stored(self.log.last()));
        out.persist(Record::Updates { prev, entries }, token);
    }

    fn on_update(&mut self, who: u32, prev: Position, entries: &[Entry], stable: u64, out: &mut Out<'_, Self>) {
        let epoch = self.chain.epoch;
        if prev.index != 0 && !self.log.has(prev) {
            let last = self.log.last().index;
            let hint = if last < prev.index { last } else { self.log.run_start(prev.index) - 1 };
            self.send(who, Msg::Missing { epoch, hint: hint.max(self.stable).min(prev.index - 1) }, out);
            return;
        }
        let known = (prev.index + 1..)
            .zip(entries)
            .take_while(|(index, e)| self.log.position(*index).is_some_and(|p| p.term == e.term))
            .count();
        if known < entries.len() {
            let first = prev.index + 1 + known as u64;
            if first <= self.stable {
                return;
            }
            if first <= self.log.last().index {
                // What a head that was removed had not got to the tail.
                out.note("rolled_back", self.log.last().index + 1 - first);
                self.log.truncate(first);
                self.durable = self.durable.min(first - 1);
                self.next = self.next.min(first);
            }
            self.append(entries[known..].into(), out);
        } else if entries.is_empty() && self.chain.joining == Some(out.index()) {
            // Behind what the tail has, a server that joins keeps nothing of its own.
            self.forget_after(prev.index.max(self.verified), out);
        }
        let end = prev.index + entries.len() as u64;
        self.verified = self.verified.max(end);
        self.learn_stable(stable.min(end).min(self.log.last().index), out);
        self.report(who, out);
    }

    /// Updates up to here are on disk, and what they are in the chain.
    fn kept(&self) -> u64 {
        if self.chain.joining == Some(self.me) { self.durable.min(self.verified) } else { self.durable }
    }

    /// Tells the predecessor how far this server is.
    fn report(&mut self, to: u32, out: &mut Out<'_, Self>) {
        let (epoch, index, stable) = (self.chain.epoch, self.kept(), self.stable);
        self.send(to, Msg::Stored { epoch, index, stable }, out);
    }

    /// At the tail, whatever its disk has is stable.
    fn settle(&mut self, out: &mut Out<'_, Self>) {
        self.ship(out);
        if self.tail() == Some(out.index()) {
            let kept = self.kept();
            self.learn_stable(if self.coupled { kept.min(self.stored) } else { kept }, out);
        }
        if let Some(before) = self.predecessor(out.index()) {
            self.report(before, out);
        }
        self.answer_delayed(out);
    }

    fn learn_stable(&mut self, to: u64, out: &mut Out<'_, Self>) {
        let (at, object, replica) = (out.true_now(), self.object, out.index());
        let answers = self.tail() == Some(replica);
        while self.stable < to {
            let Some(entry) = self.log.get(self.stable + 1) else { return };
            self.stable += 1;
            let (index, term, fingerprint) = (self.stable, entry.term, entry.fingerprint());
            out.observe(Observation::Applied { at, object, replica, index, term, entry: fingerprint });
            let Command::Call { gateway, requester, op } = &entry.command else { continue };
            let (gateway, requester) = (*gateway, *requester);
            let answer = self.machine.apply(requester, op);
            if answers {
                self.deliver(gateway, requester, answer, out);
            }
        }
    }

    fn route(&mut self, requester: Requester, out: &mut Out<'_, Self>) {
        let me = out.index();
        let Some(op) = self.gateway.op(requester).cloned() else { return };
        let is_read = self.machine.machine().is_read(&op);
        let here = self.place(me).is_some();
        let to = match (is_read, self.spec.craq && here) {
            (true, true) => Some(me),
            (true, false) => self.tail(),
            (false, _) => self.head(),
        };
        let Some(to) = to else { return };
        self.gateway.hand_over(requester);
        if to == me {
            self.serve(me, requester, op, out);
        } else {
            self.send(to, Msg::Forward { requester, op }, out);
        }
    }

    fn serve(&mut self, gateway: u32, requester: Requester, op: Op, out: &mut Out<'_, Self>) {
        let me = out.index();
        if !self.machine.machine().is_read(&op) {
            if self.head() == Some(me) {
                let term = self.chain.epoch;
                let command = Command::Call { gateway, requester, op };
                self.append(Arc::from([Entry { term, command }]), out);
            }
        } else if !self.may_serve(out.now()) {
            self.deliver(gateway, requester, Answer::of(Outcome::Unavailable), out);
        } else if self.spec.bugs.has("dirty_reads") {
            let mut dirty = self.machine.clone();
            for index in self.stable + 1..=self.log.last().index {
                if let Some(Command::Call { requester, op, .. }) = self.log.get(index).map(|e| &e.command) {
                    dirty.apply(*requester, op);
                }
            }
            let answer = dirty.machine_mut().apply(&op);
            self.deliver(gateway, requester, answer, out);
        } else if self.tail() == Some(me) {
            self.ask_tail(Query::Read { gateway, requester, op }, out);
        } else if self.spec.craq && self.place(me).is_some() && !self.is_dirty(op.key) {
            let answer = self.machine.machine_mut().apply(&op);
            self.deliver(gateway, requester, answer, out);
        } else if let Some(tail) = self.tail()
            && gateway == me
        {
            let epoch = self.chain.epoch;
            self.send(tail, Msg::VersionQuery { epoch, requester }, out);
        }
    }

    fn deliver(&mut self, gateway: u32, requester: Requester, answer: Answer, out: &mut Out<'_, Self>) {
        if gateway != out.index() {
            self.send(gateway, Msg::Answered { requester, answer }, out);
        } else if let Some(call) = self.gateway.end(requester) {
            out.answer(&call, answer);
        }
    }

    fn on_beat(&mut self, out: &mut Out<'_, Self>) {
        out.arm(Timer::Beat, self.spec.after / BEATS);
        if self.master.is_some() {
            self.look_around(out);
            return;
        }
        let me = out.index();
        self.beat += 1;
        self.beats.push((self.beat, out.now()));
        let ready = self.chain.joining == Some(me) && self.coupled;
        let (epoch, beat) = (self.chain.epoch, self.beat);
        self.send(self.group.count - 1, Msg::Alive { epoch, ready, beat }, out);
        // Should something be lost on the way, the successor says so.
        self.probe(out);
    }

    fn on_view(&mut self, chain: Chain, beat: u64, out: &mut Out<'_, Self>) {
        let listed = chain.servers.contains(&out.index());
        if let Some((_, sent)) = self.beats.iter().find(|(b, _)| *b == beat)
            && listed
        {
            // Nine tenths: clocks run at different rates.
            self.lease_until = self.lease_until.max(*sent + self.spec.after * 9 / 10);
        }
        self.beats.retain(|(b, _)| *b > beat);
        self.adopt(chain, out);
    }
}

impl<M: StateMachine> Process for ChainServer<M> {
    type Msg = Msg;
    type Timer = Timer;
    type Record = Record;

    fn start(&mut self, log: &[Record], out: &mut Out<'_, Self>) {
        let fresh: ChainServer<M> = ChainServer::new(self.group, self.object, self.spec.clone());
        *self = fresh;
        self.me = out.index();
        for record in log {
            match record {
                Record::View(chain) => self.chain = chain.clone(),
                Record::Updates { prev, entries } if self.log.has(*prev) => {
                    self.log.truncate(prev.index + 1);
                    self.log.extend(entries);
                }
                Record::Updates { .. } => {}
            }
        }
        self.durable = self.log.last().index;
        self.next = self.durable + 1;
        if out.index() == self.group.count - 1 {
            self.master = Some(Master::new(self.group.count, out.now()));
        } else if log.is_empty() && self.head() == Some(out.index()) {
            let (at, object, term) = (out.true_now(), self.object, self.chain.epoch);
            out.observe(Observation::Leader { at, object, term, process: out.index() });
        }
        // The tail that was letting somebody join may have promised to acknowledge nothing without it; what is on this disk
        // is stable when the joiner has it, or when the master says that nobody joins any more.
        self.coupled = self.chain.joining.is_some() && self.tail() == Some(self.me);
        if self.master.is_none() {
            self.settle(out);
        }
        self.on_beat(out);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if !carries(call.op.verb) {
            out.answer(&call, Answer::of(Outcome::Error));
            return;
        }
        let requester = call.requester;
        if let Some(after) = self.gateway.hold(call, out.now()) {
            out.arm(Timer::Patience, after);
        }
        self.route(requester, out);
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        let who = self.group.index(from);
        let me = out.index();
        match msg {
            Msg::Alive { epoch, ready, beat } => self.on_alive(who, epoch, ready, beat, out),
            Msg::View { chain, beat } => self.on_view(chain, beat, out),
            Msg::Update { epoch, prev, entries, stable, coupled } => {
                if epoch == self.chain.epoch && self.predecessor(me) == Some(who) {
                    if self.chain.joining == Some(me) {
                        self.coupled = coupled;
                    }
                    self.on_update(who, prev, &entries, stable, out);
                }
            }
            Msg::Stored { epoch, index, stable } => {
                if epoch == self.chain.epoch && self.successor(me) == Some(who) {
                    self.stored = self.stored.max(index);
                    self.next = self.next.max(index + 1).min(self.durable + 1);
                    self.streaming = true;
                    if self.tail() != Some(me) {
                        self.learn_stable(stable.min(index), out);
                    } else {
                        // A server that joins has nearly everything: from now on nothing is acknowledged without it.
                        self.coupled |= self.durable <= index + BATCH;
                    }
                    self.settle(out);
                }
            }
            Msg::Missing { epoch, hint } => {
                if epoch == self.chain.epoch && self.successor(me) == Some(who) {
                    // One batch, and more once that is there. Were all of them sent again for each that found no place,
                    // they would multiply: a long log is many, and each comes back as another `Missing`.
                    self.next = hint + 1;
                    self.streaming = false;
                    self.ship_batch(who, out);
                }
            }
            Msg::Forward { requester, op } => self.serve(who, requester, op, out),
            Msg::Answered { requester, answer } => self.deliver(me, requester, answer, out),
            Msg::VersionQuery { epoch, requester } => {
                if epoch == self.chain.epoch && self.tail() == Some(me) {
                    self.ask_tail(Query::Version { server: who, requester }, out);
                }
            }
            Msg::Version { epoch, requester, index } => {
                if epoch == self.chain.epoch {
                    self.on_version(requester, index, out);
                }
            }
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Beat => self.on_beat(out),
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

    fn record_bytes(record: &Record) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        self.journal.synced(token);
        while let Some(after) = self.journal.take_next() {
            match after {
                After::Nothing => {}
                After::Stored(position) => {
                    if self.log.has(position) {
                        self.durable = self.durable.max(position.index);
                        self.settle(out);
                    }
                }
                After::Announce(chain) => self.announce(chain, out),
            }
        }
    }

    fn role(&self) -> Role {
        match (self.head(), self.tail()) {
            (Some(head), _) if head == self.me => Role::Head,
            (_, Some(tail)) if tail == self.me => Role::Tail,
            _ => Role::Peer,
        }
    }

    fn holds(&self, key: u64) -> Option<Held> {
        Some(Held { values: self.machine.machine().held(key), term: Some(self.chain.epoch) })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        self.master.is_none().then(|| fingerprints(self.machine.machine().contents()))
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let (object, replica) = (self.object, out.index());
        if self.master.is_some() {
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
