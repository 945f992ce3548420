//! A cache in front of something slower: it reads through by itself, or its callers fill it (cache aside).
//!
//! What it holds is memory: a restart finds it empty. Only single values are kept (`read`, and what a service answers);
//! scans and the like pass through. Leaves out cooperation between caches: replicas are each on their own.

mod entries;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use entries::{Capacity, Entries, Entry, Eviction, Ghosts};

use crate::engine::{Bits as _, Dist, Draws, EdgeId, Instant, Seed, Span, mix};
use crate::rpc::{Answer, Call, Cause, Op, Outcome, Token, Verb};
use crate::world::{Counted, Level, Never, Out, Process};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// The backing is written, then the entry dropped.
    Invalidate,
    /// The backing is written, then the entry.
    Through,
    /// The entry is written and the answer given; the backing follows.
    Behind,
    /// The backing is written; the entry stays as it is.
    Around,
}

/// What keeps many misses of one key from all asking the backing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stampede {
    /// Nothing.
    Any,
    /// One asks, the others wait for it. Where callers fill: for the lease that the cache gives to one of them, for at
    /// most [`LEASE`] (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013).
    SingleFlight,
    /// Now and then a reader refreshes an entry before it expires, the likelier the longer it takes and the sooner it
    /// expires: XFetch with this β (Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede
    /// Prevention", VLDB 2015).
    EarlyExpiry(f64),
}

/// How long a lease keeps others waiting: Facebook's tokens are given once in 10 s per key.
pub const LEASE: Span = Span::secs(10);

/// What a cache is told.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// To the backing, if the cache asks it itself.
    pub backing: Option<EdgeId>,
    /// Room.
    pub capacity: Capacity,
    /// Who goes when it is full.
    pub eviction: Eviction,
    /// Whether a key must have been asked for before it is let in.
    pub second_hit: bool,
    /// At the start, this share of the room is filled with the keys ranked first.
    pub prefill: f64,
    /// How many keys there are to prefill with.
    pub keys: u64,
    /// Size of an entry whose answer doesn't tell its own, bytes.
    pub bytes: Dist,
    /// Whether it asks the backing on a miss; otherwise callers do, and fill it.
    pub reads_through: bool,
    /// What becomes of writes that it is asked for.
    pub writes: WriteMode,
    /// How long an entry is fresh; `None` = for good.
    pub ttl: Option<Span>,
    /// By up to this share more or less, drawn for each entry.
    pub ttl_jitter: f64,
    /// How long it is remembered that a key was deleted; `None` = not at all.
    pub negative_ttl: Option<Span>,
    /// Against many misses of one key.
    pub stampede: Stampede,
    /// For so long after it expired, an entry still answers while a fresh one is fetched (RFC 5861).
    pub stale_while_revalidate: Span,
    /// For so long after it expired, an entry answers where the backing fails (RFC 5861).
    pub stale_if_error: Span,
    /// From an invalidation's arrival until it takes effect.
    pub purge_delay: Span,
}

/// What the cache waits for.
#[derive(Clone, Debug)]
enum Task {
    /// The backing's answer to a read.
    Fetch { key: u64, waiting: Vec<Call>, since: Instant, outdated: bool },
    /// The backing's answer to a write.
    Write { call: Option<Call>, op: Op, cause: Cause },
    /// The delay of a purge.
    Purge { key: u64 },
    /// Callers wait for whoever got the lease.
    Lease { key: u64, id: u64, since: Instant, waiting: Vec<Call> },
}

/// The process.
#[derive(Clone, Debug)]
pub struct Cache {
    spec: Arc<CacheSpec>,
    draws: Draws,
    sizes: Draws,
    entries: Entries,
    ghosts: Ghosts,
    tasks: Vec<Option<Task>>,
    free: Vec<u32>,
    /// The fetch or lease under way for a key.
    flights: BTreeMap<u64, u32>,
    leases: u64,
    told: u64,
}

/// The key of an entry: a store's own, or that of an operation's answer.
fn entry_key(op: &Op) -> u64 {
    match op.verb {
        Verb::Serve(operation) => mix(op.key, 1 + u64::from(operation.0)),
        Verb::Run(flow) => mix(op.key, 1 << 32 | u64::from(flow.0)),
        _ => op.key,
    }
}

impl Cache {
    /// An empty cache of that name.
    pub fn new(name: &str, spec: Arc<CacheSpec>, seed: Seed) -> Cache {
        Cache {
            draws: Draws::named(seed, &format!("{name}/cache")),
            sizes: Draws::named(seed, &format!("{name}/sizes")),
            entries: Entries::new(spec.capacity, spec.eviction),
            ghosts: Ghosts::default(),
            tasks: Vec::new(),
            free: Vec::new(),
            flights: BTreeMap::new(),
            leases: 0,
            told: 0,
            spec,
        }
    }

    fn task(&mut self, task: Task) -> u32 {
        match self.free.pop() {
            Some(free) => {
                self.tasks[free as usize] = Some(task);
                free
            }
            None => {
                self.tasks.push(Some(task));
                self.tasks.len() as u32 - 1
            }
        }
    }

    fn end_task(&mut self, slot: u32) -> Option<Task> {
        let task = self.tasks.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        if let Task::Fetch { key, .. } | Task::Lease { key, .. } = &task
            && self.flights.get(key) == Some(&slot)
        {
            self.flights.remove(key);
        }
        Some(task)
    }

    fn bytes_of(&self, key: u64, told: u32) -> u32 {
        if told > 0 {
            return told;
        }
        self.spec.bytes.sample(&mut self.sizes.at(key, 0)).clamp(0.0, f64::from(u32::MAX)) as u32
    }

    fn tell(&mut self, out: &mut Out<'_, Self>) {
        if self.entries.len() != self.told {
            self.told = self.entries.len();
            out.level(Level::Entries, self.told);
        }
    }

    /// Counts a lookup.
    fn count(&self, key: u64, found: Option<&Entry>, out: &mut Out<'_, Self>) {
        out.count(if found.is_some() { Counted::CacheHit } else { Counted::CacheMiss }, 1);
        if matches!(self.spec.capacity, Capacity::Bytes(_)) {
            match found {
                Some(entry) => out.count(Counted::HitBytes, entry.bytes),
                None => out.count(Counted::MissBytes, self.bytes_of(key, 0)),
            }
        }
    }

    /// Keeps what the backing answered.
    fn keep(&mut self, key: u64, answer: (u64, u64, u32), took: Span, cause: &Cause, out: &mut Out<'_, Self>) {
        if is_deleted(answer) && self.spec.negative_ttl.is_none() {
            self.entries.remove(key);
            return;
        }
        if self.spec.second_hit && self.entries.peek(key).is_none() && !self.ghosts.knows(key) {
            let limit = match self.spec.capacity {
                Capacity::Entries(n) => n,
                Capacity::Bytes(n) => n / (self.spec.bytes.mean().unwrap_or(1000.0).max(1.0) as u64).max(1),
            };
            self.ghosts.remember(key, usize::try_from(limit).unwrap_or(usize::MAX));
            return;
        }
        self.store(key, answer, took, cause, out);
    }

    /// Puts it in, for as long as it is fresh.
    fn store(&mut self, key: u64, answer: (u64, u64, u32), took: Span, cause: &Cause, out: &mut Out<'_, Self>) {
        let (value, version, bytes) = answer;
        let ttl = if is_deleted(answer) { self.spec.negative_ttl } else { self.spec.ttl };
        let mut bits = self.draws.at(cause.root, mix(cause.path, key));
        let expires = ttl.map_or(Instant::NEVER, |ttl| {
            let jitter = 1.0 + self.spec.ttl_jitter * (2.0 * bits.unit() - 1.0);
            out.now() + Span::from_nanos_f64(ttl.0 as f64 * jitter)
        });
        let bytes = self.bytes_of(key, bytes);
        self.entries.insert(key, Entry { value, version, bytes, expires, took }, &mut bits);
        self.tell(out);
    }

    fn forget(&mut self, key: u64, out: &mut Out<'_, Self>) {
        self.entries.remove(key);
        // A value that is on its way may be older than what made the entry invalid.
        if self.spec.stampede == Stampede::SingleFlight
            && let Some(slot) = self.flights.get(&key)
        {
            match &mut self.tasks[*slot as usize] {
                Some(Task::Fetch { outdated, .. }) => *outdated = true,
                Some(Task::Lease { id, .. }) => *id = 0,
                _ => {}
            }
        }
        self.tell(out);
    }

    fn read(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let key = entry_key(&call.op);
        let now = out.now();
        let found = self.entries.get(key);
        let hit = |entry: &Entry, out: &Out<'_, Self>| Answer {
            redirect: Some(out.index()),
            bytes: entry.bytes,
            ..Answer::value(entry.value, entry.version)
        };
        if let Some(entry) = found.filter(|e| now < e.expires) {
            if !self.refreshes_early(&entry, now, &call) {
                self.count(key, Some(&entry), out);
                out.answer(&call, hit(&entry, out));
                return;
            }
        } else if let Some(entry) = found {
            let late = now.since(entry.expires);
            if self.spec.reads_through && late < self.spec.stale_while_revalidate {
                self.count(key, Some(&entry), out);
                out.count(Counted::StaleServed, 1);
                out.answer(&call, hit(&entry, out));
                if !self.flights.contains_key(&key) {
                    self.fetch(key, &call, Vec::new(), out);
                }
                return;
            }
            if self.spec.stale_if_error.is_zero() || late >= self.spec.stale_if_error {
                self.entries.remove(key);
                self.tell(out);
            }
        }
        self.count(key, None, out);
        let alone = self.spec.stampede != Stampede::SingleFlight;
        if self.spec.reads_through {
            if !alone
                && let Some(slot) = self.flights.get(&key)
                && let Some(Task::Fetch { waiting, .. }) = &mut self.tasks[*slot as usize]
            {
                waiting.push(call);
                return;
            }
            let asked = call.clone();
            self.fetch(key, &asked, vec![call], out);
            return;
        }
        if alone {
            out.answer(&call, Answer { missed: true, redirect: Some(out.index()), ..Answer::ok() });
            return;
        }
        if let Some(slot) = self.flights.get(&key)
            && let Some(Task::Lease { waiting, .. }) = &mut self.tasks[*slot as usize]
        {
            waiting.push(call);
            return;
        }
        self.lease(key, call, Vec::new(), out);
    }

    fn refreshes_early(&self, entry: &Entry, now: Instant, call: &Call) -> bool {
        let Stampede::EarlyExpiry(beta) = self.spec.stampede else { return false };
        if entry.expires == Instant::NEVER {
            return false;
        }
        let u = 1.0 - self.draws.at(call.cause.root, mix(call.cause.path, 0xea51)).unit();
        now + Span::from_nanos_f64(entry.took.0 as f64 * beta * -libm::log(u)) >= entry.expires
    }

    fn fetch(&mut self, key: u64, asked: &Call, waiting: Vec<Call>, out: &mut Out<'_, Self>) {
        let Some(edge) = self.spec.backing else {
            for call in waiting {
                out.answer(&call, Answer::of(Outcome::Unavailable));
            }
            return;
        };
        let slot = self.task(Task::Fetch { key, waiting, since: out.now(), outdated: false });
        self.flights.insert(key, slot);
        out.call(edge, asked.op.clone(), asked.cause.child(0, 0), Token(u64::from(slot)));
    }

    /// Gives one caller the lease of a key.
    fn lease(&mut self, key: u64, call: Call, waiting: Vec<Call>, out: &mut Out<'_, Self>) {
        self.leases += 1;
        let id = self.leases;
        let slot = self.task(Task::Lease { key, id, since: out.now(), waiting });
        self.flights.insert(key, slot);
        out.wake(Token(id << 32 | u64::from(slot)), out.true_now() + LEASE);
        out.answer(&call, Answer { missed: true, redirect: Some(out.index()), ..Answer::value(0, id) });
    }

    /// A caller brings what it found in the backing.
    fn fill(&mut self, call: &Call, out: &mut Out<'_, Self>) {
        let key = call.op.key;
        let flight = self.flights.get(&key).copied();
        let lease = match flight.map(|slot| &self.tasks[slot as usize]) {
            Some(Some(Task::Lease { id, since, .. })) => Some((*id, *since)),
            _ => None,
        };
        let leased = self.spec.stampede != Stampede::SingleFlight || lease.is_some_and(|l| l.0 == call.op.expected);
        let took = lease.map_or(Span::ZERO, |(_, since)| out.now().since(since));
        if leased {
            self.keep(key, (call.op.value, 0, call.op.bytes), took, &call.cause, out);
        }
        if lease.is_some_and(|l| l.0 == call.op.expected || l.0 == 0)
            && let Some(slot) = flight
            && let Some(Task::Lease { waiting, .. }) = self.end_task(slot)
        {
            let mut waiting = waiting.into_iter();
            if leased {
                let bytes = call.op.bytes;
                let answer = Answer { redirect: Some(out.index()), bytes, ..Answer::value(call.op.value, 0) };
                waiting.for_each(|waiting| out.answer(&waiting, answer.clone()));
            } else if let Some(next) = waiting.next() {
                // The key was written meanwhile: what was brought is too old for those that wait.
                self.lease(key, next, waiting.collect(), out);
            }
        }
        out.answer(call, Answer::ok());
    }

    fn write(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let Some(edge) = self.spec.backing else {
            out.answer(&call, Answer::of(Outcome::Unavailable));
            return;
        };
        let (op, cause) = (call.op.clone(), call.cause);
        let mut caller = Some(call);
        if self.spec.writes == WriteMode::Behind && op.verb == Verb::Write {
            self.keep(op.key, (op.value, 0, op.bytes), Span::ZERO, &cause, out);
            if let Some(call) = caller.take() {
                out.answer(&call, Answer::value(op.value, 0));
            }
        }
        let slot = self.task(Task::Write { call: caller, op: op.clone(), cause });
        out.call(edge, op, cause.child(0, 0), Token(u64::from(slot)));
    }

    fn fetched(
        &mut self,
        (key, waiting): (u64, Vec<Call>),
        took: Span,
        outdated: bool,
        answer: Answer,
        out: &mut Out<'_, Self>,
    ) {
        if answer.outcome == Outcome::Ok {
            if !outdated {
                let cause = waiting.first().map_or_else(
                    // A background fetch: nobody waits, so the entry's own key addresses its draws.
                    || Cause { root: key, path: out.now().0, deadline: Instant::NEVER, request: 0, client: 0 },
                    |call| call.cause,
                );
                // How large what nobody has written is, is this cache's to say: always the same.
                let told = if answer.value == 0 { 0 } else { answer.bytes };
                self.keep(key, (answer.value, answer.version, told), took, &cause, out);
            }
        } else if !answer.outcome.answered()
            && let Some(stale) = self.entries.peek(key)
            && out.now() < stale.expires + self.spec.stale_if_error
        {
            out.count(Counted::StaleServed, waiting.len() as u32);
            for call in waiting {
                out.answer(&call, Answer { bytes: stale.bytes, ..Answer::value(stale.value, stale.version) });
            }
            return;
        }
        for call in waiting {
            out.answer(&call, answer.clone());
        }
    }

    fn written(&mut self, call: Option<Call>, op: &Op, cause: &Cause, answer: Answer, out: &mut Out<'_, Self>) {
        let done = answer.outcome.answered();
        match self.spec.writes {
            WriteMode::Through if done && op.verb == Verb::Write => {
                self.keep(op.key, (op.value, answer.version, op.bytes), Span::ZERO, cause, out);
            }
            WriteMode::Around => {}
            WriteMode::Behind if op.verb == Verb::Write => {}
            // Whatever may have taken effect makes the entry wrong.
            _ if done || !answer.definite => self.forget(op.key, out),
            _ => {}
        }
        if let Some(call) = call {
            out.answer(&call, answer);
        }
    }
}

/// A store answers nil with a version for what was deleted, nil without one for what was never written.
fn is_deleted((value, version, _): (u64, u64, u32)) -> bool {
    value == 0 && version > 0
}

impl Process for Cache {
    type Msg = Never;
    type Timer = ();
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        self.entries.clear();
        self.ghosts = Ghosts::default();
        self.tasks.clear();
        self.free.clear();
        self.flights.clear();
        if out.true_now() == Instant::ZERO && self.spec.prefill > 0.0 {
            let (most, bytes) = match self.spec.capacity {
                Capacity::Entries(n) => ((n as f64 * self.spec.prefill) as u64, u64::MAX),
                Capacity::Bytes(n) => (u64::MAX, (n as f64 * self.spec.prefill) as u64),
            };
            let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
            for key in 0..self.spec.keys.min(most) {
                let size = self.bytes_of(key, 0);
                if self.entries.bytes() + u64::from(size) > bytes {
                    break;
                }
                // Nobody asks whether it was asked for before.
                self.store(key, (0, 0, size), Span::ZERO, &cause, out);
            }
        }
        self.told = u64::MAX;
        self.tell(out);
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        match call.op.verb {
            Verb::Read | Verb::Serve(_) | Verb::Run(_) => self.read(call, out),
            Verb::Fill => self.fill(&call, out),
            Verb::Invalidate => {
                let key = call.op.key;
                if self.spec.purge_delay.is_zero() {
                    self.forget(key, out);
                } else {
                    let slot = self.task(Task::Purge { key });
                    out.wake(Token(u64::from(slot)), out.true_now() + self.spec.purge_delay);
                }
                out.answer(&call, Answer::ok());
            }
            Verb::Scan | Verb::SetContains => match self.spec.backing {
                Some(edge) => {
                    let (op, cause) = (call.op.clone(), call.cause);
                    let slot = self.task(Task::Fetch { key: 0, waiting: vec![call], since: out.now(), outdated: true });
                    out.call(edge, op, cause.child(0, 0), Token(u64::from(slot)));
                }
                None => out.answer(&call, Answer::of(Outcome::Unavailable)),
            },
            _ => self.write(call, out),
        }
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        match self.end_task(token.0 as u32) {
            Some(Task::Fetch { key, waiting, since, outdated }) => {
                let took = out.now().since(since);
                self.fetched((key, waiting), took, outdated, answer, out);
            }
            Some(Task::Write { call, op, cause }) => self.written(call, &op, &cause, answer, out),
            Some(Task::Purge { .. } | Task::Lease { .. }) | None => {}
        }
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        let (slot, lease) = (token.0 as u32, token.0 >> 32);
        match self.tasks.get(slot as usize).and_then(Option::as_ref) {
            Some(Task::Purge { .. }) if lease == 0 => {
                if let Some(Task::Purge { key }) = self.end_task(slot) {
                    self.forget(key, out);
                }
            }
            // Whoever had the lease never came back: the next one gets it.
            Some(Task::Lease { id, .. }) if *id == lease || *id == 0 => {
                if let Some(Task::Lease { key, mut waiting, .. }) = self.end_task(slot)
                    && !waiting.is_empty()
                {
                    let next = waiting.remove(0);
                    self.lease(key, next, waiting, out);
                }
            }
            _ => {}
        }
    }

    fn ask(&mut self, op: &Op, out: &mut Out<'_, Self>) {
        if op.verb == Verb::Flush {
            self.entries.clear();
            self.tell(out);
        }
    }
}
