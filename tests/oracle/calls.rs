//! Histories of any size: what a real object would have answered to many clients, and the same with one wrong answer.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use netsplit::engine::Instant;
use netsplit::history::{Function, History, Invocation, Status};

/// Steele, Lea and Flood's SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }
}

/// What clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads and writes; every value once.
    Register,
    /// Reads and writes of five values.
    FewValues,
    /// Reads, writes and compare-and-sets; every value once.
    CasChains,
    /// Reads, writes and compare-and-sets of five values.
    FewCas,
    /// Appends and scans of many short lists.
    List,
    /// Adds, removes and tests of many elements.
    Set,
    /// Adds to and scans of a growing set.
    GrowingSet,
    /// A queue of distinct values.
    Queue,
    /// Increments and reads.
    Counter,
    /// Acquire and release.
    Lock,
}

impl Kind {
    pub(crate) const ALL: [Kind; 10] = [
        Kind::Register,
        Kind::FewValues,
        Kind::CasChains,
        Kind::FewCas,
        Kind::List,
        Kind::Set,
        Kind::GrowingSet,
        Kind::Queue,
        Kind::Counter,
        Kind::Lock,
    ];
}

/// An operation before it is in a history.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) process: u32,
    pub(crate) key: u64,
    pub(crate) function: Function,
    pub(crate) value: u64,
    pub(crate) expected: u64,
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) status: Status,
    pub(crate) word: u64,
    pub(crate) list: Vec<u64>,
}

/// The history of these calls, in their order.
pub(crate) fn build(calls: &[Call]) -> History {
    let mut history = History::new();
    let object = history.object("kv");
    for call in calls {
        let Call { process, key, function, value, expected, .. } = *call;
        let index =
            history.invoke(Invocation { at: Instant(call.invoked), process, object, key, function, value, expected });
        if call.status == Status::Unknown {
            continue;
        }
        if function.returns_list() {
            history.complete_with_list(index, &call.list, Instant(call.completed));
        } else {
            history.complete(index, call.status, call.word, Instant(call.completed));
        }
    }
    history
}

/// How many, by how many, how many of a thousand unknown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) operations: usize,
    pub(crate) clients: usize,
    pub(crate) unknown_permille: u64,
}

/// What clients of an object that works would have seen, in order of invocation. The first call leaves the value 6,
/// which nobody else writes where values are few.
pub(crate) fn truthful(kind: Kind, size: Size, random: &mut Random) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::with_capacity(size.operations);
    let mut cells: BTreeMap<u64, VecDeque<u64>> = BTreeMap::new();
    let mut names: Vec<u32> = (0..size.clients as u32).collect();
    // Who holds the lock, as far as each client knows of itself.
    let mut holds = vec![false; size.clients];
    let mut under_way: Vec<Option<usize>> = vec![None; size.clients];
    // Time, order, client, whether it is an effect.
    let mut events: BinaryHeap<std::cmp::Reverse<(u64, u64, usize, bool)>> = BinaryHeap::new();
    let mut order = 0;
    for client in 0..size.clients {
        events.push(std::cmp::Reverse((client as u64 * 3, order, client, false)));
        order += 1;
    }
    while let Some(std::cmp::Reverse((now, _, client, effect))) = events.pop() {
        if effect {
            let at = under_way[client].expect("effects come before completions");
            take_effect(&mut calls[at], &mut cells);
            if kind == Kind::CasChains && calls[at].status == Status::Refused {
                calls[at].status = Status::Fail;
            }
            continue;
        }
        if let Some(at) = under_way[client].take() {
            match (calls[at].function, calls[at].status) {
                (_, Status::Unknown) => {
                    names[client] = (size.clients + at) as u32;
                    holds[client] = false;
                }
                (Function::Acquire | Function::Release, Status::Ok) => {
                    holds[client] = calls[at].function == Function::Acquire;
                }
                _ => {}
            }
        }
        if calls.len() == size.operations {
            continue;
        }
        let word = cells.get(&0).and_then(|cell| cell.front()).copied().unwrap_or(0);
        let number = calls.len() as u64 + 1;
        let (key, function, value, expected) = arguments(kind, number, word, holds[client], size, random);
        let length = 20 + random.below(100);
        let unknown = !function.is_read() && random.below(1000) < size.unknown_permille && !calls.is_empty();
        let status = if unknown { Status::Unknown } else { Status::Ok };
        under_way[client] = Some(calls.len());
        calls.push(Call {
            process: names[client],
            key,
            function,
            value,
            expected,
            invoked: now,
            completed: now + length,
            status,
            word: 0,
            list: Vec::new(),
        });
        if !(unknown && random.below(2) == 0) {
            events.push(std::cmp::Reverse((now + random.below(length), order, client, true)));
        }
        // Whoever has a lock works a while.
        let pause = if kind == Kind::Lock && !holds[client] { random.below(400) } else { random.below(3) };
        events.push(std::cmp::Reverse((now + length + 1 + pause, order + 1, client, false)));
        order += 2;
    }
    calls
}

fn take_effect(call: &mut Call, cells: &mut BTreeMap<u64, VecDeque<u64>>) {
    let cell = cells.entry(if call.function == Function::SetContains { u64::MAX } else { call.key }).or_default();
    let word = cell.front().copied().unwrap_or(0);
    let owner = u64::from(call.process) + 1;
    let mut replace = |value: u64| *cell = VecDeque::from([value]);
    match call.function {
        Function::Read => call.word = word,
        Function::Write => replace(call.value),
        Function::Add => replace(word + call.value),
        Function::Cas if word == call.expected => replace(call.value),
        Function::Acquire if word == 0 => replace(owner),
        Function::Release if word == owner => replace(0),
        Function::Cas | Function::Acquire | Function::Release if call.status == Status::Ok => {
            call.status = Status::Refused;
        }
        Function::Append | Function::Enqueue => cell.push_back(call.value),
        Function::SetAdd if !cell.contains(&call.value) => cell.push_back(call.value),
        Function::SetRemove => cell.retain(|&element| element != call.value),
        Function::Scan | Function::SetScan => call.list = cell.iter().copied().collect(),
        Function::Dequeue => call.word = cell.pop_front().unwrap_or(0),
        Function::SetContains => {
            let there = cells.get(&call.key).is_some_and(|cell| cell.contains(&call.value));
            call.word = u64::from(there);
        }
        _ => {}
    }
}

/// Makes one answer wrong, at a random place or the first one behind it where that can be done so that the truth can't
/// explain it: what was certainly overwritten, gone or there. The position of that call.
pub(crate) fn plant(kind: Kind, calls: &mut [Call], random: &mut Random) -> Option<usize> {
    let start = random.below(calls.len() as u64) as usize;
    (start..calls.len()).find(|&at| lie(kind, calls, at))
}

fn lie(kind: Kind, calls: &mut [Call], at: usize) -> bool {
    let call = &calls[at].clone();
    if call.status == Status::Unknown || call.status == Status::Fail {
        return false;
    }
    // Calls of the last thousand that were certainly over before, latest first.
    let before = |function: Function| {
        let near = &calls[at.saturating_sub(1000)..at];
        let over = move |other: &&Call| {
            other.function == function && other.status == Status::Ok && other.completed < call.invoked
        };
        near.iter().rev().filter(over)
    };
    match (kind, call.function) {
        (Kind::Register | Kind::CasChains, Function::Read) => {
            let Some(late) = before(Function::Write).next() else { return false };
            let Some(early) = before(Function::Write).find(|early| early.completed < late.invoked) else {
                return false;
            };
            calls[at].word = early.value;
        }
        (Kind::FewValues | Kind::FewCas, Function::Read) => {
            // The first call wrote what nobody else does.
            let first = calls[0].completed;
            if !before(Function::Write).any(|write| write.invoked > first) {
                return false;
            }
            calls[at].word = calls[0].value;
        }
        (Kind::List | Kind::GrowingSet, Function::Scan | Function::SetScan) => {
            let appends = if kind == Kind::List { Function::Append } else { Function::SetAdd };
            let Some(missing) = before(appends).find(|append| append.key == call.key) else { return false };
            let (missing, list) = (missing.value, &mut calls[at].list);
            list.retain(|&element| element != missing);
        }
        (Kind::Set, Function::SetContains) => {
            let Some(add) = before(Function::SetAdd).find(|add| add.value == call.value) else { return false };
            let from = add.invoked;
            // Whoever may have removed it since. Of unknown outcome it may be anybody earlier.
            let removes = |other: &Call| {
                let late = other.status == Status::Unknown || other.completed >= from;
                other.function == Function::SetRemove && other.value == call.value && late
            };
            if calls.iter().any(|other| removes(other) && other.invoked <= call.completed) {
                return false;
            }
            calls[at].word = 0;
        }
        (Kind::Queue, Function::Dequeue) if call.word == 0 => {
            let Some(twice) = before(Function::Dequeue).find(|dequeue| dequeue.word != 0) else { return false };
            calls[at].word = twice.word;
        }
        (Kind::Counter, Function::Read) => {
            let acked = calls.iter().filter(|other| {
                other.function == Function::Add && other.status == Status::Ok && other.completed < call.invoked
            });
            let Some(less) = (acked.count() as u64).checked_sub(1) else { return false };
            calls[at].word = less;
        }
        (Kind::Lock, Function::Acquire) if call.status == Status::Refused => {
            let holder = before(Function::Acquire).find(|holder| {
                let releases = |other: &&Call| {
                    other.function == Function::Release
                        && other.process == holder.process
                        && other.invoked >= holder.completed
                };
                let release = calls.iter().find(releases);
                release.is_none_or(|release| release.invoked > call.completed)
            });
            if holder.is_none() {
                return false;
            }
            calls[at].status = Status::Ok;
        }
        _ => return false,
    }
    true
}

/// Key, function, value and what a compare-and-set expects.
fn arguments(
    kind: Kind,
    number: u64,
    word: u64,
    holds: bool,
    size: Size,
    random: &mut Random,
) -> (u64, Function, u64, u64) {
    use Function::*;
    let pick = random.below(100);
    let few = if number == 1 { 6 } else { 1 + random.below(5) };
    let writes = number == 1 || pick < 50;
    let many = size.operations as u64 / 50 + 1;
    match kind {
        Kind::Register | Kind::CasChains if writes => (0, Write, number, 0),
        Kind::FewValues | Kind::FewCas if number == 1 || pick < 33 => (0, Write, few, 0),
        Kind::CasChains if pick < 75 => (0, Cas, number, word),
        Kind::FewCas if pick < 66 => (0, Cas, few, random.below(6)),
        Kind::Register | Kind::FewValues | Kind::CasChains | Kind::FewCas => (0, Read, 0, 0),
        Kind::List if pick < 66 => (1 + random.below(many), Append, number, 0),
        Kind::List => (1 + random.below(many), Scan, 0, 0),
        Kind::Set if pick < 30 => (0, SetAdd, 1 + random.below(many), 0),
        Kind::Set if pick < 45 => (0, SetRemove, 1 + random.below(many), 0),
        Kind::Set => (0, SetContains, 1 + random.below(many), 0),
        // Each set is small, or the history would be quadratic.
        Kind::GrowingSet if pick < 66 => (1 + random.below(many), SetAdd, number, 0),
        Kind::GrowingSet => (1 + random.below(many), SetScan, 0, 0),
        Kind::Queue if pick < 45 => (0, Enqueue, number, 0),
        Kind::Queue => (0, Dequeue, 0, 0),
        Kind::Counter if writes => (0, Add, 1, 0),
        Kind::Counter => (0, Read, 0, 0),
        Kind::Lock if holds => (0, Release, 0, 0),
        Kind::Lock => (0, Acquire, 0, 0),
    }
}

/// The same history to every judge: other names for values.
pub(crate) fn rename_values(calls: &mut [Call]) {
    let rename = |value: &mut u64| {
        if *value != 0 {
            *value = *value * 7919 + 13;
        }
    };
    // What a counter shows is a number, not a name.
    if calls.iter().any(|call| call.function == Function::Add) {
        return;
    }
    for call in calls {
        if matches!(call.function, Function::Acquire | Function::Release) {
            continue;
        }
        rename(&mut call.value);
        rename(&mut call.expected);
        if call.function != Function::SetContains {
            rename(&mut call.word);
        }
        call.list.iter_mut().for_each(rename);
    }
}

/// The same history to every judge: clients change their names.
pub(crate) fn permute_clients(calls: &mut [Call]) {
    let last = calls.iter().map(|call| call.process).max().unwrap_or(0);
    for call in calls {
        call.process = last - call.process;
    }
}

/// One interval in four begins earlier and ends later: what was explained stays so.
pub(crate) fn stretch(calls: &mut [Call], random: &mut Random) {
    for call in calls.iter_mut() {
        call.invoked += 200;
        call.completed += 200;
        if random.below(4) == 0 {
            call.invoked -= random.below(200);
            call.completed += random.below(200);
        }
    }
    calls.sort_by_key(|call| call.invoked);
}

/// Adds changes of unknown outcome that nobody sees: what was explained stays so.
pub(crate) fn add_unseen(kind: Kind, calls: &mut Vec<Call>, random: &mut Random) {
    let function = match kind {
        Kind::Register | Kind::FewValues | Kind::CasChains | Kind::FewCas => Function::Write,
        Kind::List => Function::Append,
        Kind::Set | Kind::GrowingSet => Function::SetAdd,
        Kind::Queue => Function::Enqueue,
        Kind::Counter => Function::Add,
        Kind::Lock => Function::Acquire,
    };
    for number in 0..5 {
        let at = random.below(calls.len() as u64) as usize;
        let value = if kind == Kind::Lock { 0 } else { 1_000_000 + number };
        let call = Call {
            process: 1_000_000 + number as u32,
            function,
            value,
            expected: 0,
            status: Status::Unknown,
            ..calls[at].clone()
        };
        calls.insert(at, call);
    }
}
