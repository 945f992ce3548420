//! Small random histories: what a real object would have answered, with some answers changed.

use netsplit::engine::Instant;
use netsplit::history::{Function, History, Invocation, Status};
use proptest::prelude::*;

use crate::brute::Object;

/// Which operations a history is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Reads, writes and deletes of one register.
    Register,
    /// The same, every value written once.
    Distinct,
    /// Reads, writes and compare-and-sets, refused ones too.
    Cas,
    /// The same of two values, a third of the outcomes unknown.
    CasOfTwo,
    /// The same, without refusals and every value written once.
    DistinctCas,
    /// Two keys: one register, one list.
    Kv,
    /// Two registers, every value written once.
    DistinctKv,
    /// Appends, scans and overwrites.
    List,
    /// Appends of distinct elements and scans.
    DistinctList,
    /// Adds, removes, tests of membership.
    Set,
    /// Adds of distinct elements and reads of the whole set.
    GrowingSet,
    /// Adds, removes, tests and reads of the whole set.
    SetScan,
    /// Additions of 1 and reads.
    Counter,
    /// Additions of any number and reads.
    Sums,
    /// Few values in a queue.
    Queue,
    /// Distinct values in a queue.
    DistinctQueue,
    /// Acquire and release, refused ones too.
    Lock,
}

/// The bytes that an operation is made of.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    process: u8,
    gap: u8,
    length: u8,
    kind: u8,
    value: u8,
    fate: u8,
    point: u8,
    noise: u8,
}

/// One answer in how many is changed: seldom, so that much holds, up to always, so that the weakest guarantee breaks too.
pub(crate) fn lies() -> impl Strategy<Value = u8> {
    prop_oneof![Just(5), Just(2), Just(1)]
}

/// Up to `most` operations of up to `processes`, eight at most.
pub(crate) fn raws(processes: u8, most: usize) -> impl Strategy<Value = Vec<Raw>> {
    let raw = (0..processes, 0..4_u8, 0..6_u8, any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>())
        .prop_map(|(process, gap, length, kind, value, fate, point, noise)| Raw {
            process,
            gap,
            length,
            kind,
            value,
            fate,
            point,
            noise,
        });
    prop::collection::vec(raw, 1..=most)
}

/// The history that these bytes make, one answer in `lies` changed.
pub(crate) fn history(domain: Domain, lies: u8, raws: &[Raw]) -> History {
    let mut history = History::new();
    let object = history.object("kv");
    let mut clocks = [0_u64; 8];
    // Successors of processes whose operation ended unknown.
    let mut names = [0_u32, 1, 2, 3, 4, 5, 6, 7];
    let mut next_name = 8;
    let mut calls = Vec::new();
    for (number, raw) in raws.iter().enumerate() {
        let process = usize::from(raw.process);
        let invoked = clocks[process] + u64::from(raw.gap / 2);
        let completed = invoked + u64::from(raw.length);
        let (key, function, value, expected) = arguments(domain, raw, number as u64 + 1);
        let value = if function.takes_list() { history.add_list(&[value, value]) } else { value };
        let call = Invocation { at: Instant(invoked), process: names[process], object, key, function, value, expected };
        let often = if domain == Domain::CasOfTwo { 3 } else { 6 };
        let unknown = raw.fate % often == 0 && !function.is_read();
        let effect = invoked + u64::from(raw.point) % (u64::from(raw.length) + 1 + if unknown { 4 } else { 0 });
        calls.push((effect, completed, unknown, raw, call));
        clocks[process] = completed;
        if unknown {
            names[process] = next_name;
            next_name += 1;
        }
    }
    let mut answers: Vec<(usize, Answer)> = Vec::new();
    let mut order: Vec<usize> = (0..calls.len()).collect();
    order.sort_by_key(|&at| calls[at].0);
    let mut objects = [Object::default(), Object::default(), Object::default()];
    for at in order {
        let (_, _, unknown, raw, call) = &calls[at];
        if *unknown && raw.fate % 12 == 0 {
            continue;
        }
        answers.push((at, answer(&mut objects[call.key as usize], call, &history)));
    }
    answers.sort_by_key(|&(at, _)| at);
    // A lie is seldom a value from nowhere: what a process must not have seen is mostly what another wrote.
    let mut written = [vec![0], vec![0], vec![0]];
    for (_, _, _, _, call) in calls.iter().filter(|(.., call)| call.value != 0) {
        written[call.key as usize].push(call.value);
    }
    let mut answers = answers.into_iter().peekable();
    for (at, (_, completed, unknown, raw, call)) in calls.into_iter().enumerate() {
        let index = history.invoke(call);
        let answer = answers.next_if(|&(of, _)| of == at).map(|(_, answer)| answer);
        let Some(mut answer) = answer.filter(|_| !unknown) else { continue };
        if raw.noise.is_multiple_of(lies) {
            answer.change(domain, raw, call.function, &written[call.key as usize]);
        }
        if call.function.returns_list() && answer.status == Status::Ok {
            history.complete_with_list(index, &answer.list, Instant(completed));
        } else {
            history.complete(index, answer.status, answer.word, Instant(completed));
        }
    }
    history
}

struct Answer {
    status: Status,
    word: u64,
    list: Vec<u64>,
}

impl Answer {
    fn change(&mut self, domain: Domain, raw: &Raw, function: Function, written: &[u64]) {
        let other = u64::from(raw.noise / 5 % 4);
        match function {
            Function::Read | Function::Dequeue => {
                let any = usize::from(raw.noise / 5);
                self.word = match domain.distinct() {
                    true if any % 16 == 0 => any as u64 % 7,
                    true => written[any % written.len()],
                    false => other,
                };
            }
            Function::SetContains => self.word ^= 1,
            Function::Scan | Function::SetScan => match other {
                0 => drop(self.list.pop()),
                1 => self.list.reverse(),
                2 => self.list.truncate(1),
                _ if domain.distinct() && !self.list.is_empty() => drop(self.list.remove(0)),
                _ => self.list.push(1),
            },
            Function::Cas | Function::Acquire | Function::Release if !domain.distinct() => {
                self.status = match self.status {
                    Status::Ok => Status::Refused,
                    _ => Status::Ok,
                };
            }
            _ => {}
        }
    }
}

fn answer(object: &mut Object, call: &Invocation, history: &History) -> Answer {
    let list = |number: u64| history.list(number).to_vec();
    let mut answer = Answer { status: Status::Ok, word: 0, list: Vec::new() };
    let owner = if call.value == 0 { u64::from(call.process) + 1 } else { call.value };
    match call.function {
        Function::Read => answer.word = object.word,
        Function::Write => object.write(call.value),
        Function::Delete => object.write(0),
        Function::Cas if object.word == call.expected => object.word = call.value,
        Function::Acquire if object.word == 0 => object.word = owner,
        Function::Release if object.word == owner => object.word = 0,
        Function::Cas | Function::Acquire | Function::Release => answer.status = Status::Refused,
        Function::Add => object.word = object.word.wrapping_add(call.value),
        Function::Append | Function::Enqueue => object.items.push(call.value),
        Function::WriteList => object.items = list(call.value),
        Function::AppendList => object.items.extend(list(call.value)),
        Function::Scan | Function::SetScan => answer.list = object.items.clone(),
        Function::SetAdd => {
            object.items.retain(|&element| element != call.value);
            object.items.push(call.value);
        }
        Function::SetRemove => object.items.retain(|&element| element != call.value),
        Function::SetContains => answer.word = u64::from(object.items.contains(&call.value)),
        Function::Dequeue => answer.word = if object.items.is_empty() { 0 } else { object.items.remove(0) },
    }
    answer
}

impl Domain {
    /// Whether a value names the operation that wrote it.
    pub(crate) fn distinct(self) -> bool {
        matches!(
            self,
            Domain::Distinct
                | Domain::DistinctCas
                | Domain::DistinctKv
                | Domain::DistinctList
                | Domain::DistinctQueue
                | Domain::GrowingSet
        )
    }
}

/// Key, function, value and what a cas expects.
fn arguments(domain: Domain, raw: &Raw, number: u64) -> (u64, Function, u64, u64) {
    let few = u64::from(raw.value % 3) + 1;
    let expected = u64::from(raw.value / 3 % 3);
    let pick = |functions: &[Function]| functions[usize::from(raw.kind) % functions.len()];
    use Function::*;
    let key = u64::from(raw.kind / 16 % 2) + 1;
    match domain {
        Domain::Register => (0, pick(&[Read, Write, Read, Write, Read, Delete]), few, 0),
        Domain::Distinct => (0, pick(&[Read, Write, Read, Write, Read]), number, 0),
        Domain::Cas => (0, pick(&[Read, Write, Cas, Cas]), few, expected),
        Domain::CasOfTwo => (0, pick(&[Read, Write, Cas, Cas]), few.min(2), expected),
        Domain::DistinctCas => (0, pick(&[Read, Write, Cas, Cas]), number, u64::from(raw.value) % number),
        Domain::Kv if key == 1 => (key, pick(&[Read, Write, Delete, Read]), few, 0),
        Domain::Kv => (key, pick(&[Append, Scan, Write, Append, Scan]), few, 0),
        Domain::DistinctKv => (key, pick(&[Read, Write, Read, Write, Read]), number, 0),
        Domain::List => (0, pick(&[Append, Scan, Write, AppendList, Scan, WriteList, Delete]), few, 0),
        Domain::DistinctList => (0, pick(&[Append, Scan]), number, 0),
        Domain::Set => (0, pick(&[SetAdd, SetContains, SetRemove, SetContains]), few, 0),
        Domain::GrowingSet => (0, pick(&[SetAdd, SetScan]), number, 0),
        Domain::SetScan => (0, pick(&[SetAdd, SetScan, SetRemove, SetContains, SetAdd]), few, 0),
        Domain::Counter => (0, pick(&[Add, Read]), 1, 0),
        Domain::Sums => (0, pick(&[Add, Read, Add]), if few == 3 { (-1_i64) as u64 } else { few }, 0),
        Domain::Queue => (0, pick(&[Enqueue, Dequeue]), few, 0),
        Domain::DistinctQueue => (0, pick(&[Enqueue, Dequeue]), number, 0),
        Domain::Lock => (0, pick(&[Acquire, Release]), u64::from(raw.value % 2) * few, 0),
    }
    .without_value()
}

trait WithoutValue {
    fn without_value(self) -> Self;
}

impl WithoutValue for (u64, Function, u64, u64) {
    /// Functions without an argument get none.
    fn without_value(self) -> Self {
        let (key, function, value, expected) = self;
        match function {
            Function::Read | Function::Scan | Function::SetScan | Function::Dequeue | Function::Delete => {
                (key, function, 0, 0)
            }
            Function::Cas => (key, function, value, expected),
            _ => (key, function, value, 0),
        }
    }
}
