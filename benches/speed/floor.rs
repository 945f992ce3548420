//! What an expert would write by hand: one enum of events, one loop, no dispatch, no named randomness, no digest. The
//! workloads are those of the module's functions; `engine` and `scenario` do the same work.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use hdrhistogram::Histogram;
use netsplit::engine::Instant;
use netsplit::engine::queue::EventQueue;

use super::Done;
use super::clock::timed;

/// Pending events, in the order of time and insertion.
pub(crate) trait Pending<T>: Default {
    fn push(&mut self, at: u64, item: T);
    fn pop(&mut self) -> Option<(u64, T)>;
}

/// Which structure keeps pending events.
pub(crate) trait Structure {
    type Of<T: Ord + Copy>: Pending<T>;
}

/// The standard library's heap, events inside.
pub(crate) struct Heap;
/// A timing wheel over a slab: the structure that netsplit uses too.
pub(crate) struct Wheel;

impl Structure for Heap {
    type Of<T: Ord + Copy> = (BinaryHeap<Reverse<(u64, u64, T)>>, u64);
}
impl Structure for Wheel {
    type Of<T: Ord + Copy> = EventQueue<T>;
}

impl<T: Ord + Copy> Pending<T> for (BinaryHeap<Reverse<(u64, u64, T)>>, u64) {
    fn push(&mut self, at: u64, item: T) {
        self.1 += 1;
        self.0.push(Reverse((at, self.1, item)));
    }
    fn pop(&mut self) -> Option<(u64, T)> {
        self.0.pop().map(|Reverse((at, _, item))| (at, item))
    }
}
impl<T> Pending<T> for EventQueue<T> {
    fn push(&mut self, at: u64, item: T) {
        EventQueue::push(self, Instant(at), item);
    }
    fn pop(&mut self) -> Option<(u64, T)> {
        EventQueue::pop(self).map(|(at, item)| (at.0, item))
    }
}

/// xoshiro256++ (Blackman and Vigna, TOMS 2021).
struct Random([u64; 4]);

impl Random {
    fn new() -> Random {
        Random([1, 2, 3, 4].map(|n| netsplit::engine::mix(42, n)))
    }
    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
    #[expect(clippy::disallowed_methods, reason = "a floor may use the platform's logarithm")]
    fn exponential(&mut self, mean: f64) -> u64 {
        let unit = ((self.next() >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64);
        (-mean * unit.ln()) as u64
    }
    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000_000, 3).expect("bounds in order")
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Customer {
    Arrives,
    Reaches(u32),
    Served,
    Back(u32, u64),
}

/// `n` customers, Poisson at 0.8/s, one server, exponential service of mean 1 s; each sojourn into a histogram.
pub(crate) fn mm1<S: Structure>(n: u64) -> Done {
    let (mut queue, mut random, mut times) = (S::Of::default(), Random::new(), histogram());
    let mut line = VecDeque::new();
    let (mut arrived, mut sum, mut events) = (0, 0, 0);
    let (ns, ()) = timed(|| {
        queue.push(0, Customer::Arrives);
        while let Some((now, event)) = queue.pop() {
            events += 1;
            if event == Customer::Arrives {
                arrived += 1;
                line.push_back(now);
                if line.len() == 1 {
                    queue.push(now + random.exponential(1e9), Customer::Served);
                }
                if arrived < n {
                    queue.push(now + random.exponential(1.25e9), Customer::Arrives);
                }
            } else {
                let took = now - line.pop_front().expect("somebody is served");
                times.saturating_record((took / 1000).max(1));
                sum += took;
                if !line.is_empty() {
                    queue.push(now + random.exponential(1e9), Customer::Served);
                }
            }
        }
    });
    Done { events, ns, check: format!("mean {:.2} s for 5", sum as f64 / 1e9 / n as f64) }
}

#[derive(Clone, Copy)]
struct Operation {
    invoked: u64,
    returned: u64,
    value: u64,
}

/// The same behind a network that takes Exp(1 ms) each way, with a history of operations.
pub(crate) fn path<S: Structure>(n: u64) -> Done {
    let (mut queue, mut random, mut times) = (S::Of::default(), Random::new(), histogram());
    let mut history: Vec<Operation> = Vec::new();
    let mut line = VecDeque::new();
    let (mut value, mut sum, mut events) = (0, 0, 0);
    let (ns, ()) = timed(|| {
        queue.push(0, Customer::Arrives);
        while let Some((now, event)) = queue.pop() {
            events += 1;
            match event {
                Customer::Arrives => {
                    let c = history.len() as u32;
                    history.push(Operation { invoked: now, returned: 0, value: 0 });
                    queue.push(now + random.exponential(1e6), Customer::Reaches(c));
                    if u64::from(c) + 1 < n {
                        queue.push(now + random.exponential(1.25e9), Customer::Arrives);
                    }
                }
                Customer::Reaches(c) => {
                    line.push_back(c);
                    if line.len() == 1 {
                        queue.push(now + random.exponential(1e9), Customer::Served);
                    }
                }
                Customer::Served => {
                    let c = line.pop_front().expect("somebody is served");
                    value += 1;
                    queue.push(now + random.exponential(1e6), Customer::Back(c, value));
                    if !line.is_empty() {
                        queue.push(now + random.exponential(1e9), Customer::Served);
                    }
                }
                Customer::Back(c, value) => {
                    let operation = &mut history[c as usize];
                    (operation.returned, operation.value) = (now, value);
                    let took = now - operation.invoked;
                    times.saturating_record((took / 1000).max(1));
                    sum += took;
                }
            }
        }
    });
    let last = history.iter().map(|o| o.returned.min(o.value << 20)).max();
    Done { events, ns, check: format!("mean {:.2} s for 5, {}", sum as f64 / 1e9 / n as f64, last.is_some()) }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hop {
    Request { from: u32, to: u32, id: u64 },
    Answer { to: u32, id: u64 },
}

/// `n` nodes with ten requests outstanding each, to a random other node; every message takes Exp(1 ms).
pub(crate) fn mesh<S: Structure>(n: u32, messages: u64) -> Done {
    let (mut queue, mut random) = (S::Of::default(), Random::new());
    let other = |random: &mut Random, me: u32| {
        let to = random.below(u64::from(n) - 1) as u32;
        to + u32::from(to >= me)
    };
    for from in 0..n {
        for id in 0..10 {
            let to = other(&mut random, from);
            queue.push(random.exponential(1e6), Hop::Request { from, to, id });
        }
    }
    let mut nodes = vec![(0_u64, 0_u64); n as usize];
    let (ns, now) = timed(|| {
        let mut now = 0;
        for _ in 0..messages {
            let (at, event) = queue.pop().expect("requests are outstanding");
            now = at;
            match event {
                Hop::Request { from, to, id } => {
                    nodes[to as usize].0 += 1;
                    queue.push(now + random.exponential(1e6), Hop::Answer { to: from, id });
                }
                Hop::Answer { to: me, id } => {
                    nodes[me as usize].1 = nodes[me as usize].1.wrapping_add(id);
                    let to = other(&mut random, me);
                    queue.push(now + random.exponential(1e6), Hop::Request { from: me, to, id: id + 10 });
                }
            }
        }
        now
    });
    Done { events: messages, ns, check: format!("{:.1} ms", now as f64 / 1e6) }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beat {
    Tick(u32),
    Arrives(u32),
}

/// `n` clients, each beats once a second: a timer, and a message to one server that takes Exp(1 ms).
pub(crate) fn timers<S: Structure>(n: u32, seconds: u64) -> Done {
    let (mut queue, mut random) = (S::Of::default(), Random::new());
    let mut seen = vec![0_u32; n as usize];
    for client in 0..n {
        queue.push(random.below(1_000_000_000), Beat::Tick(client));
    }
    let end = seconds * 1_000_000_000;
    let (ns, events) = timed(|| {
        let mut events = 0;
        while let Some((now, event)) = queue.pop() {
            events += 1;
            match event {
                Beat::Tick(client) => {
                    queue.push(now + random.exponential(1e6), Beat::Arrives(client));
                    if now + 1_000_000_000 < end {
                        queue.push(now + 1_000_000_000, Beat::Tick(client));
                    }
                }
                Beat::Arrives(client) => seen[client as usize] += 1,
            }
        }
        events
    });
    Done { events, ns, check: format!("all {}", seen.iter().all(|s| u64::from(*s) == seconds)) }
}
