//! The workloads of `floor` on the bare engine: its queue, named randomness, and the running digest.

use std::collections::VecDeque;

use netsplit::engine::digest::Digest;
use netsplit::engine::dist::exponential;
use netsplit::engine::queue::EventQueue;
use netsplit::engine::{Bits, Draws, Instant, Seed, Span, Stream};

use super::Done;
use super::clock::timed;
use super::floor::histogram;

/// Queue, clock and digest: what every program here shares.
struct Engine<T> {
    queue: EventQueue<T>,
    now: Instant,
    digest: Digest,
}

impl<T> Engine<T> {
    fn new() -> Engine<T> {
        Engine { queue: EventQueue::new(), now: Instant::ZERO, digest: Digest::new() }
    }
    fn after(&mut self, delay: Span, event: T) {
        self.queue.push(self.now + delay, event);
    }
    fn next(&mut self, words: impl Fn(&T) -> u64) -> Option<T> {
        let (at, event) = self.queue.pop()?;
        self.now = at;
        self.digest.fold2(at.0, words(&event));
        Some(event)
    }
}

fn span(bits: &mut impl Bits, mean_ns: f64) -> Span {
    Span::from_nanos_f64(mean_ns * exponential(bits))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Customer {
    Arrives,
    Served,
}

pub(crate) fn mm1(n: u64) -> Done {
    let mut engine = Engine::new();
    let mut arrivals = Stream::named(Seed(42), "arrivals");
    let mut service = Stream::named(Seed(42), "service");
    let (mut line, mut times) = (VecDeque::new(), histogram());
    let (mut arrived, mut sum, mut events) = (0, Span::ZERO, 0);
    let (ns, ()) = timed(|| {
        engine.after(Span::ZERO, Customer::Arrives);
        while let Some(event) = engine.next(|event| *event as u64) {
            events += 1;
            if event == Customer::Arrives {
                arrived += 1;
                line.push_back(engine.now);
                if line.len() == 1 {
                    engine.after(span(&mut service, 1e9), Customer::Served);
                }
                if arrived < n {
                    engine.after(span(&mut arrivals, 1.25e9), Customer::Arrives);
                }
            } else {
                let took = engine.now.since(line.pop_front().expect("somebody is served"));
                times.saturating_record((took.0 / 1000).max(1));
                sum += took;
                if !line.is_empty() {
                    engine.after(span(&mut service, 1e9), Customer::Served);
                }
            }
        }
    });
    let mean = sum.as_secs_f64() / n as f64;
    Done { events, ns, check: format!("mean {mean:.2} s for 5, digest {:016x}", engine.digest.value()) }
}

#[derive(Clone, Copy)]
enum Hop {
    Request { from: u32, to: u32, id: u64 },
    Answer { to: u32, id: u64 },
}

pub(crate) fn mesh(n: u32, messages: u64) -> Done {
    let mut engine = Engine::new();
    let mut network = Stream::named(Seed(42), "network");
    // Addressed: whom a node asks is its own matter, whatever the others do.
    let peers = Draws::named(Seed(42), "peers");
    let other = |me: u32, id: u64| {
        let to = peers.at(u64::from(me), id).below(u64::from(n) - 1) as u32;
        to + u32::from(to >= me)
    };
    for from in 0..n {
        for id in 0..10 {
            engine.after(span(&mut network, 1e6), Hop::Request { from, to: other(from, id), id });
        }
    }
    let mut nodes = vec![(0_u64, 0_u64); n as usize];
    let words = |hop: &Hop| match hop {
        Hop::Request { from, to, id } => (u64::from(*from) << 32 | u64::from(*to)) ^ id << 1,
        Hop::Answer { to, id } => u64::from(*to) ^ (id << 1 | 1),
    };
    let (ns, ()) = timed(|| {
        for _ in 0..messages {
            match engine.next(words).expect("requests are outstanding") {
                Hop::Request { from, to, id } => {
                    nodes[to as usize].0 += 1;
                    engine.after(span(&mut network, 1e6), Hop::Answer { to: from, id });
                }
                Hop::Answer { to: me, id } => {
                    nodes[me as usize].1 = nodes[me as usize].1.wrapping_add(id);
                    let id = id + 10;
                    engine.after(span(&mut network, 1e6), Hop::Request { from: me, to: other(me, id), id });
                }
            }
        }
    });
    let check = format!("{:.1} ms, digest {:016x}", engine.now.0 as f64 / 1e6, engine.digest.value());
    Done { events: messages, ns, check }
}

#[derive(Clone, Copy)]
enum Beat {
    Tick(u32),
    Arrives(u32),
}

pub(crate) fn timers(n: u32, seconds: u64) -> Done {
    let mut engine = Engine::new();
    let mut phases = Stream::named(Seed(42), "phases");
    let mut network = Stream::named(Seed(42), "network");
    let mut seen = vec![0_u32; n as usize];
    for client in 0..n {
        engine.after(Span(phases.below(1_000_000_000)), Beat::Tick(client));
    }
    let end = Instant::ZERO + Span::secs(seconds);
    let words = |beat: &Beat| match beat {
        Beat::Tick(client) => u64::from(*client) << 1,
        Beat::Arrives(client) => u64::from(*client) << 1 | 1,
    };
    let (ns, events) = timed(|| {
        let mut events = 0;
        while let Some(event) = engine.next(words) {
            events += 1;
            match event {
                Beat::Tick(client) => {
                    engine.after(span(&mut network, 1e6), Beat::Arrives(client));
                    if engine.now + Span::secs(1) < end {
                        engine.after(Span::secs(1), Beat::Tick(client));
                    }
                }
                Beat::Arrives(client) => seen[client as usize] += 1,
            }
        }
        events
    });
    let all = seen.iter().all(|s| u64::from(*s) == seconds);
    Done { events, ns, check: format!("all {all}, digest {:016x}", engine.digest.value()) }
}
