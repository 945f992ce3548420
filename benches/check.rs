//! How long verdicts on large histories take: `cargo bench --bench check [-- WORD]`.
//!
//! The histories have the shape of those that other checkers were measured on (one core of a shared machine, 7 GiB):
//! closed clients, intervals of 20 to 120, effects at a random moment inside, half of the operations reads.
//! Figures of others in the last column: porcupine at 55508eb, Knossos at 9b2c79e (WGL, 3 GB heap), stateright 0.31.

#![expect(clippy::disallowed_types, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

use std::time::Instant as Clock;

use netsplit::check::{Property, Steps, judge};
use netsplit::engine::Instant;
use netsplit::history::{Function, History, Invocation, Status};

/// What a history looks like.
#[derive(Clone, Copy)]
struct Shape {
    operations: usize,
    clients: usize,
    keys: u64,
    /// Written values; 0: every one is written once.
    values: u64,
    unknown_permille: u64,
    stale_read: bool,
    object: Object,
}

#[derive(Clone, Copy, PartialEq)]
enum Object {
    Register,
    Cas,
    Queue,
    Counter,
    Set,
    List,
}

const BASE: Shape = Shape {
    operations: 10_000,
    clients: 10,
    keys: 1,
    values: 0,
    unknown_permille: 0,
    stale_read: false,
    object: Object::Register,
};

/// Steele, Lea and Flood's SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[derive(Clone, Copy)]
enum Event {
    Effect(usize),
    Done(usize),
}

/// What one client has under way.
#[derive(Clone, Copy, Default)]
struct Open {
    index: Option<netsplit::history::OpIndex>,
    function: u8,
    value: u64,
    expected: u64,
    key: u64,
    result: u64,
    status_refused: bool,
    unknown: bool,
}

fn history(shape: Shape) -> History {
    let mut history = History::new();
    let object = history.object("bench");
    let mut random = Random(7);
    let mut state = vec![std::collections::VecDeque::<u64>::new(); shape.keys as usize + 1];
    let mut old = 0_u64;
    let mut open = vec![Open::default(); shape.clients];
    let mut names: Vec<u32> = (0..shape.clients as u32).collect();
    let mut next_name = shape.clients as u32;
    // A calendar: (time, order, event).
    let mut events = std::collections::BinaryHeap::new();
    let mut order = 0_u64;
    let mut fresh = 0_u64;
    let mut push = |events: &mut std::collections::BinaryHeap<_>, at: u64, event: (u8, usize)| {
        order += 1;
        events.push(std::cmp::Reverse((at, order, event)));
    };
    let mut invoked = 0;
    for client in 0..shape.clients {
        push(&mut events, client as u64, (2, client));
    }
    while let Some(std::cmp::Reverse((now, _, (kind, client)))) = events.pop() {
        let event = if kind == 0 { Event::Effect(client) } else { Event::Done(client) };
        match event {
            Event::Effect(client) => {
                let this = &mut open[client];
                let cell = &mut state[this.key as usize];
                let word = cell.front().copied().unwrap_or(0);
                match (shape.object, this.function) {
                    (Object::Register | Object::Cas, 0) => this.result = word,
                    (Object::Register | Object::Cas, 1) => {
                        old = word;
                        cell.clear();
                        cell.push_front(this.value);
                    }
                    (Object::Cas, _) if word == this.expected => {
                        cell.clear();
                        cell.push_front(this.value);
                    }
                    (Object::Cas, _) => this.status_refused = true,
                    (Object::Queue, 1) => cell.push_back(this.value),
                    (Object::Queue, _) => this.result = cell.pop_front().unwrap_or(0),
                    (Object::Counter, 1) => {
                        cell.clear();
                        cell.push_front(word + this.value);
                    }
                    (Object::Counter, _) => this.result = word,
                    (Object::Set | Object::List, 1) => cell.push_back(this.value),
                    (Object::Set | Object::List, _) => {
                        let seen: Vec<u64> = cell.iter().copied().collect();
                        this.result = history.add_list(&seen);
                    }
                    _ => {}
                }
            }
            Event::Done(client) => {
                let this = open[client];
                if let Some(index) = this.index
                    && !this.unknown
                {
                    let mut result = this.result;
                    if shape.stale_read && this.function == 0 && invoked > shape.operations * 9 / 10 && old != 0 {
                        // One read of a value from long ago.
                        result = if shape.values == 0 { 5 } else { shape.values + 1 };
                        old = 0;
                    }
                    let status = if this.status_refused { Status::Refused } else { Status::Ok };
                    history.complete(index, status, result, Instant(now));
                }
                if this.unknown {
                    names[client] = next_name;
                    next_name += 1;
                }
                if invoked >= shape.operations {
                    open[client].index = None;
                    continue;
                }
                invoked += 1;
                let mut function = random.below(2) as u8;
                if shape.object == Object::Cas {
                    function = random.below(3) as u8;
                }
                if shape.stale_read && invoked == 1 {
                    function = 1;
                }
                // Whole lists and sets are read now and then, or the history would be quadratic.
                if matches!(shape.object, Object::Set | Object::List) {
                    function = u8::from(random.below(50) != 0);
                }
                fresh += 1;
                let value = match (shape.object, shape.values) {
                    (Object::Counter, _) => 1,
                    (_, 0) => fresh,
                    (_, values) if shape.stale_read && invoked == 1 => values + 1,
                    (_, values) => random.below(values) + 1,
                };
                let expected = random.below(shape.values.max(1)) + 1;
                let key = if shape.keys == 1 { 0 } else { random.below(shape.keys) + 1 };
                let name = match (shape.object, function) {
                    (Object::Register | Object::Cas | Object::Counter, 0) => Function::Read,
                    (Object::Register | Object::Cas, 1) => Function::Write,
                    (Object::Cas, _) => Function::Cas,
                    (Object::Queue, 1) => Function::Enqueue,
                    (Object::Queue, _) => Function::Dequeue,
                    (Object::Counter, _) => Function::Add,
                    (Object::Set, 1) => Function::SetAdd,
                    (Object::Set, _) => Function::SetScan,
                    (Object::List, 1) => Function::Append,
                    (Object::List, _) => Function::Scan,
                    _ => Function::Read,
                };
                let reads = matches!(name, Function::Read | Function::Scan | Function::SetScan | Function::Dequeue);
                let index = history.invoke(Invocation {
                    at: Instant(now),
                    process: names[client],
                    object,
                    key,
                    function: name,
                    value: if reads { 0 } else { value },
                    expected: if name == Function::Cas { expected } else { 0 },
                });
                let length = 20 + random.below(100);
                let unknown = random.below(1000) < shape.unknown_permille;
                open[client] = Open { index: Some(index), function, value, expected, key, unknown, ..Open::default() };
                if !(unknown && random.below(2) == 0) {
                    push(&mut events, now + random.below(length), (0, client));
                }
                push(&mut events, now + length + 1, (1, client));
            }
        }
    }
    history
}

fn row(name: &str, shape: Shape, others: &str) {
    let word = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    if word.is_some_and(|word| !name.contains(&word)) {
        return;
    }
    let history = history(shape);
    let start = Clock::now();
    let verdict = judge(&history, None, Property::Linearizable, Steps::DEFAULT);
    let took = start.elapsed();
    let engine = verdict.evidence().map_or("", |evidence| evidence.engine);
    println!("{name:<52} {:>9.1} ms  {:<9} {engine:<8} {others}", took.as_secs_f64() * 1e3, verdict.name());
}

fn main() {
    let many = |operations| Shape { operations, clients: 50, ..BASE };
    row("register 10k, 10 clients", BASE, "porcupine 200-400 ms");
    row("register 10k, 10 clients, stale read", Shape { stale_read: true, ..BASE }, "porcupine 2300 ms");
    row("register 10k, 50 clients", many(10_000), "porcupine: out of memory, 6.4 GB");
    row("register 100k, 50 clients", many(100_000), "porcupine: one of four finished, 20 s, 11 GB");
    let mixed = Shape { unknown_permille: 1, stale_read: true, ..many(1_000_000) };
    row("register 1M, 50 clients, .1% unknown, stale read", mixed, "none");
    row("kv 1M, 100 keys", Shape { keys: 100, ..many(1_000_000) }, "porcupine 3.7-7.5 s, 1-2 GB");
    let five = Shape { values: 5, unknown_permille: 10, ..BASE };
    row("register of 5 values 10k, 10 clients, 1% unknown", five, "porcupine 470 ms");
    row(
        "register of 5 values 10k, 50 clients",
        Shape { values: 5, ..many(10_000) },
        "porcupine: out of memory, 6.4 GB",
    );
    row(
        "register of 5 values 10k, 50 clients, 1% unknown",
        Shape { clients: 50, ..five },
        "porcupine: out of memory, 6.4 GB",
    );
    for values in [2, 20, 100, 1000] {
        let some = Shape { values, ..many(10_000) };
        row(&format!("register of {values} values 10k, 50 clients"), some, "");
        let unknown = Shape { unknown_permille: 10, stale_read: true, ..some };
        row(&format!("register of {values} values 10k, 50 clients, 1% unknown, stale"), unknown, "");
    }
    let cas = Shape { object: Object::Cas, values: 5, ..BASE };
    row("cas of 5 values 10k, 10 clients", cas, "");
    row(
        "cas of 5 values 10k, 50 clients",
        Shape { clients: 50, ..cas },
        "porcupine: out of memory; Knossos gives up, 30 s, 3 GB",
    );
    let unknown = Shape { clients: 50, unknown_permille: 10, ..cas };
    row("cas of 5 values 10k, 50 clients, 1% unknown", unknown, "as above");
    let stale = Shape { stale_read: true, ..unknown };
    row("cas of 5 values 10k, 50 clients, 1% unknown, stale", stale, "as above");
    for values in [2, 20, 100] {
        let some = Shape { values, clients: 50, ..cas };
        row(&format!("cas of {values} values 10k, 50 clients"), some, "");
        let unknown = Shape { unknown_permille: 10, ..some };
        row(&format!("cas of {values} values 10k, 50 clients, 1% unknown"), unknown, "");
    }
    row("register 2000, 5 clients", Shape { operations: 2000, clients: 5, ..BASE }, "stateright 2800 ms, .5 GB");
    row("counter 10k, 50 clients", Shape { object: Object::Counter, ..many(10_000) }, "");
    row("queue 10k, 10 clients", Shape { object: Object::Queue, ..BASE }, "");
    row("queue 100k, 50 clients", Shape { object: Object::Queue, ..many(100_000) }, "");
    row("set 10k, 50 clients", Shape { object: Object::Set, ..many(10_000) }, "");
    row("list 10k, 50 clients", Shape { object: Object::List, ..many(10_000) }, "");
}
