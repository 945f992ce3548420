//! Wing and Gong's search with Lowe's memory: any sequential specification, exponential in the worst case.
//!
//! Source: Lowe, Testing for linearizability, Concurrency and Computation 29(4), 2017, after Wing and Gong, JPDC 17,
//! 1993. Three shortcuts that lose nothing: an operation that only looks and fits is taken at once; of open operations
//! with one effect the one that must end first is taken first; an unknown outcome that changes nothing is not taken.
//! A configuration is remembered exactly: the state and which operations were taken, as bits from the first one on that
//! was not.

use super::model::{Model, States, only_looks};
use super::seen::Seen;
use super::verdict::{Budget, Spent};
use crate::engine::Instant;
use crate::history::{Function, History, Operation, Status};

/// What a search came to. Numbers are positions in the operations that it was given.
#[derive(Debug)]
pub(super) enum Found {
    /// Some order explains everything.
    Order,
    /// There is none.
    Stuck(Stuck),
}

/// Where a search ends that fails.
#[derive(Clone, Debug)]
pub(super) struct Stuck {
    /// The operation whose completion cannot be explained; everything that completed earlier can.
    pub(super) culprit: u32,
    /// An order that explains everything that completed before the culprit did.
    pub(super) prefix: Vec<u32>,
    /// The states that the culprit could meet, in words, without repetition.
    pub(super) states: Vec<String>,
}

/// More states than this are not listed as reasons.
const STATES_SHOWN: usize = 8;

/// The same answer, much sooner where a list or set only grows and many effects are optional: nothing is put into it that
/// the shortest read of all of it that is still to come did not see. What cannot be explained is then known of the history
/// up to the culprit's completion, but perhaps of a shorter part too; in that case there is no prefix.
pub(super) fn refute(
    history: &History,
    model: Model,
    operations: &[Operation],
    budget: &mut Budget,
) -> Result<Found, Spent> {
    let mut search = Search::new(history, model, operations);
    search.reads = whole_reads(history, model, operations);
    if model == Model::List && search.reads.is_none() {
        let reads: Vec<u32> =
            (0..operations.len() as u32).filter(|&at| is_whole_read(&operations[at as usize])).collect();
        search.readers = Some(Chain::new(&reads, operations.len() as u32));
    }
    search.run(budget)
}

/// Reads of all of a list or set that only grows, the shortest first.
fn whole_reads(history: &History, model: Model, operations: &[Operation]) -> Option<Chain> {
    let grows = |operation: &Operation| match model {
        Model::List => {
            matches!(operation.function, Function::Append | Function::AppendList) || is_whole_read(operation)
        }
        Model::Set => operation.function == Function::SetAdd || is_whole_read(operation),
        _ => false,
    };
    if !operations.iter().all(grows) {
        return None;
    }
    let mut reads: Vec<u32> =
        (0..operations.len() as u32).filter(|&at| is_whole_read(&operations[at as usize])).collect();
    let length = |at: u32| history.list(operations[at as usize].result()).len();
    reads.sort_by_key(|&at| (length(at), operations[at as usize].completed));
    Some(Chain::new(&reads, operations.len() as u32))
}

fn is_whole_read(operation: &Operation) -> bool {
    matches!(operation.function, Function::Scan | Function::SetScan) && operation.status == Status::Ok
}

/// Searches an order of operations of one object and key that respects their intervals and explains their results.
pub(super) fn search(
    history: &History,
    model: Model,
    operations: &[Operation],
    budget: &mut Budget,
) -> Result<Found, Spent> {
    Search::new(history, model, operations).run(budget)
}

struct Frame {
    taken: u32,
    state: u64,
    low: u32,
    high: u32,
    /// Taking it was never worse than anything else, so there is nothing else to try here.
    forced: bool,
}

struct Search<'a> {
    operations: &'a [Operation],
    states: States<'a>,
    /// Bit of each operation: completed ones in order of invocation, then unknown ones.
    bit: Vec<u32>,
    completed: u32,
    done: Vec<u64>,
    /// Every word of `done` below is full, as far as completed operations go.
    low: u32,
    /// The highest word in which a completed operation was taken.
    high: u32,
    by_invocation: Chain,
    by_completion: Chain,
    rank: Vec<u32>,
    /// Of a list or set that only grows, the reads that bar what they did not see.
    reads: Option<Chain>,
    /// Of a list that may be replaced too, all reads: what leads to none of them need not have happened.
    readers: Option<Chain>,
    /// Of those that barred anything, the one that completes last.
    barred: Option<u32>,
    seen: Seen,
    stack: Vec<Frame>,
}

impl<'a> Search<'a> {
    fn new(history: &'a History, model: Model, operations: &'a [Operation]) -> Search<'a> {
        let count = operations.len() as u32;
        let ends = |at: u32| operations[at as usize].completed != Instant::NEVER;
        let mut by_invocation: Vec<u32> = (0..count).collect();
        by_invocation.sort_by_key(|&at| operations[at as usize].invoked);
        let mut by_completion: Vec<u32> = (0..count).filter(|&at| ends(at)).collect();
        by_completion.sort_by_key(|&at| operations[at as usize].completed);
        let mut bit = vec![0; operations.len()];
        let completed = by_completion.len() as u32;
        let (mut next_completed, mut next_unknown) = (0, completed.next_multiple_of(64));
        for &at in &by_invocation {
            let next = if ends(at) { &mut next_completed } else { &mut next_unknown };
            bit[at as usize] = *next;
            *next += 1;
        }
        let mut rank = vec![0; operations.len()];
        for (place, &at) in by_completion.iter().enumerate() {
            rank[at as usize] = place as u32;
        }
        Search {
            operations,
            states: States::new(history, model),
            bit,
            completed,
            done: vec![0; next_unknown.div_ceil(64) as usize],
            low: 0,
            high: 0,
            by_invocation: Chain::new(&by_invocation, count),
            by_completion: Chain::new(&by_completion, count),
            rank,
            reads: None,
            readers: None,
            barred: None,
            seen: Seen::default(),
            stack: Vec::new(),
        }
    }

    fn run(&mut self, budget: &mut Budget) -> Result<Found, Spent> {
        let mut state = 0;
        let mut resume: Option<(Instant, u32)> = None;
        let mut stuck: Option<(u32, Vec<u32>, Vec<u64>)> = None;
        let mut candidates: Vec<(Instant, u32)> = Vec::new();
        'node: loop {
            let Some(urgent) = self.by_completion.first() else {
                return Ok(Found::Order);
            };
            let deadline = self.operations[urgent as usize].completed;
            let fresh = resume.is_none();
            if fresh {
                self.note(&mut stuck, urgent, state);
            }
            candidates.clear();
            let mut next = self.by_invocation.first();
            while let Some(at) = next {
                let operation = &self.operations[at as usize];
                if operation.invoked > deadline {
                    break;
                }
                if fresh && only_looks(operation) {
                    if !budget.spend(1) {
                        return Err(Spent::Steps);
                    }
                    if self.states.step(state, operation).is_some() {
                        self.take(at, state, true);
                        continue 'node;
                    }
                }
                candidates.push((operation.completed, at));
                next = self.by_invocation.after(at);
            }
            candidates.sort_unstable();
            for (place, &(completed, at)) in candidates.iter().enumerate() {
                let operation = &self.operations[at as usize];
                if resume.is_some_and(|last| (completed, at) <= last) || only_looks(operation) {
                    continue;
                }
                if candidates[..place]
                    .iter()
                    .any(|&(_, earlier)| same_effect(&self.operations[earlier as usize], operation))
                {
                    continue;
                }
                if !budget.spend(1) {
                    return Err(Spent::Steps);
                }
                if let Some(read) = self.reads.as_ref().and_then(Chain::first)
                    && !self.states.leads_to(state, operation, &self.operations[read as usize])
                {
                    let rank = |at: u32| self.rank[at as usize];
                    self.barred = self.barred.filter(|&last| rank(last) >= rank(read)).or(Some(read));
                    continue;
                }
                let Some(then) = self.states.step(state, operation) else { continue };
                if operation.status == Status::Unknown && (then == state || self.is_idle(then)) {
                    continue;
                }
                if self.reads.is_some() && operation.function == Function::SetAdd {
                    // The next read saw it, so it has to come, and no order among those that come matters.
                    self.take(at, state, true);
                    if !budget.affords(self.seen.bytes() + self.states.bytes()) {
                        return Err(Spent::Memory);
                    }
                    state = then;
                    resume = None;
                    continue 'node;
                }
                self.take(at, state, false);
                let new = self.remember(then);
                if !budget.affords(self.seen.bytes() + self.states.bytes()) {
                    return Err(Spent::Memory);
                }
                if new {
                    state = then;
                    resume = None;
                    continue 'node;
                }
                self.untake();
            }
            loop {
                let Some(frame) = self.untake() else {
                    let (culprit, prefix, states) = stuck.expect("the first node was noted");
                    if let Some(barred) = self.barred.filter(|&at| self.rank[at as usize] > self.rank[culprit as usize])
                    {
                        return Ok(Found::Stuck(Stuck { culprit: barred, prefix: Vec::new(), states: Vec::new() }));
                    }
                    let states = states.iter().map(|&state| self.states.show(state)).collect();
                    return Ok(Found::Stuck(Stuck { culprit, prefix, states }));
                };
                state = frame.state;
                resume = Some((self.operations[frame.taken as usize].completed, frame.taken));
                if !frame.forced {
                    break;
                }
            }
        }
    }

    /// Whether nobody who is left could see this state, whatever is appended to it.
    fn is_idle(&self, state: u64) -> bool {
        let Some(readers) = &self.readers else { return false };
        let mut next = readers.first();
        while let Some(at) = next {
            if self.states.begins(state, &self.operations[at as usize]) {
                return false;
            }
            next = readers.after(at);
        }
        true
    }

    fn note(&self, stuck: &mut Option<(u32, Vec<u32>, Vec<u64>)>, urgent: u32, state: u64) {
        let rank = |at: u32| self.rank[at as usize];
        match stuck {
            Some((culprit, ..)) if rank(*culprit) > rank(urgent) => {}
            Some((culprit, _, states)) if *culprit == urgent => {
                if states.len() < STATES_SHOWN && !states.contains(&state) {
                    states.push(state);
                }
            }
            _ => *stuck = Some((urgent, self.stack.iter().map(|frame| frame.taken).collect(), vec![state])),
        }
    }

    /// Notes the configuration with this state; false if it was known.
    fn remember(&mut self, state: u64) -> bool {
        let Search { seen, done, low, high, completed, .. } = self;
        let key = seen.key();
        key.extend([state, u64::from(*low) << 32 | u64::from(*high)]);
        if low <= high {
            key.extend_from_slice(&done[*low as usize..=(*high as usize).min(done.len() - 1)]);
        }
        let unknown = &done[completed.div_ceil(64) as usize..];
        let used = unknown.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
        key.extend_from_slice(&unknown[..used]);
        seen.insert()
    }

    fn take(&mut self, at: u32, state: u64, forced: bool) {
        self.stack.push(Frame { taken: at, state, low: self.low, high: self.high, forced });
        self.by_invocation.remove(at);
        let bit = self.bit[at as usize];
        self.done[(bit / 64) as usize] |= 1 << (bit % 64);
        if self.operations[at as usize].completed == Instant::NEVER {
            return;
        }
        self.by_completion.remove(at);
        if is_whole_read(&self.operations[at as usize]) {
            self.reads.iter_mut().chain(&mut self.readers).for_each(|reads| reads.remove(at));
        }
        self.high = self.high.max(bit / 64);
        while self.low < self.completed / 64 && self.done[self.low as usize] == u64::MAX {
            self.low += 1;
        }
    }

    fn untake(&mut self) -> Option<Frame> {
        let frame = self.stack.pop()?;
        let bit = self.bit[frame.taken as usize];
        self.done[(bit / 64) as usize] &= !(1 << (bit % 64));
        if self.operations[frame.taken as usize].completed != Instant::NEVER {
            self.by_completion.restore(frame.taken);
            if is_whole_read(&self.operations[frame.taken as usize]) {
                self.reads.iter_mut().chain(&mut self.readers).for_each(|reads| reads.restore(frame.taken));
            }
        }
        self.by_invocation.restore(frame.taken);
        (self.low, self.high) = (frame.low, frame.high);
        Some(frame)
    }
}

/// Whether taking one operation does what taking the other does. Of a dequeue it matters whether the result is known.
fn same_effect(a: &Operation, b: &Operation) -> bool {
    a.function == b.function
        && a.value == b.value
        && match a.function {
            Function::Cas => a.expected() == b.expected(),
            Function::Dequeue => a.result() == b.result() && a.status == b.status,
            Function::Acquire | Function::Release => a.value != 0 || a.process == b.process,
            _ => true,
        }
        && only_looks(a) == only_looks(b)
}

/// A list with two ends from which elements are taken and to which they return in reverse order.
struct Chain {
    next: Vec<u32>,
    previous: Vec<u32>,
    end: u32,
}

impl Chain {
    fn new(order: &[u32], end: u32) -> Chain {
        let mut chain = Chain { next: vec![end; end as usize + 1], previous: vec![end; end as usize + 1], end };
        let mut last = end;
        for &at in order {
            chain.next[last as usize] = at;
            chain.previous[at as usize] = last;
            last = at;
        }
        chain.next[last as usize] = end;
        chain.previous[end as usize] = last;
        chain
    }

    fn first(&self) -> Option<u32> {
        self.after(self.end)
    }

    fn after(&self, at: u32) -> Option<u32> {
        Some(self.next[at as usize]).filter(|&next| next != self.end)
    }

    fn remove(&mut self, at: u32) {
        let (next, previous) = (self.next[at as usize], self.previous[at as usize]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    fn restore(&mut self, at: u32) {
        let (next, previous) = (self.next[at as usize], self.previous[at as usize]);
        self.next[previous as usize] = at;
        self.previous[next as usize] = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::verdict::Steps;
    use crate::history::Invocation;

    /// So many elements that come in at once, in any order, and one that comes out though it never came in.
    fn crowd(elements: u64) -> History {
        let mut history = History::new();
        let object = history.object("q");
        for n in 1..=elements {
            let (at, process, function) = (Instant(n), n as u32, Function::Enqueue);
            let index = history.invoke(Invocation { at, process, object, key: 0, function, value: n, expected: 0 });
            history.complete(index, Status::Ok, 0, Instant(1_000));
        }
        let (at, process, function) = (Instant(2_000), 0, Function::Dequeue);
        let index = history.invoke(Invocation { at, process, object, key: 0, function, value: 0, expected: 0 });
        history.complete(index, Status::Ok, elements + 1, Instant(2_001));
        history
    }

    #[test]
    fn what_is_remembered_is_bounded_in_bytes() {
        let history = crowd(7);
        let search = |bytes: u64| {
            let mut budget = Budget::new(Steps::DEFAULT).remembering(bytes);
            let mut all = Search::new(&history, Model::Queue, history.operations());
            let found = all.run(&mut budget);
            (found.map(|_| ()), all.seen.bytes() + all.states.bytes())
        };
        let (found, whole) = search(1 << 30);
        assert!(found.is_ok() && whole > 1 << 21, "{whole}");
        let (found, some) = search(1 << 20);
        assert_eq!(found, Err(Spent::Memory));
        // What is over is what came with one configuration, at most a doubling of the table.
        assert!(some > 1 << 20 && some < 1 << 21, "{some}");
        assert_eq!(search(1 << 20), (found, some), "it depends on nothing but lengths");
    }
}
