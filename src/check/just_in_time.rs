//! Linearizability of one register with compare-and-set where values repeat: a walk over time with all pasts that differ.
//!
//! Source: Lowe, Testing for linearizability, Concurrency and Computation 29(4), 2017: configurations are carried from
//! event to event, and an operation takes effect only when a completion forces it. Memory is that of one instant's
//! configurations. What keeps them few is specific to registers:
//!
//! An order of all operations is a row of **segments**: a write with the compare-and-sets, reads and refusals that follow
//! before the next write. A write takes any value, so segments may stand in any order as far as values go; only time
//! binds them. Hence nothing that is not the present segment need be decided early:
//!
//! - When a write begins a new present segment, this is the **cut**. Whatever is open at the cut (it is `old`) may also be
//!   put before it, at any later time until it is over, as a whole segment that leaves the present as it is. The latest
//!   cut serves for all: what was open at an earlier one and still is was open at the latest one too. An old write has no
//!   duty when it ends: nobody sees it before the cut. A young one must begin a segment when it ends at the latest; it is
//!   enough to let it begin the segment itself, since another write that hides it can do so later.
//! - When an operation ends, it is therefore either in the present segment, or begins or ends the next one (**now**), or
//!   is part of a segment before the cut (**before**), or, if it has no duty, it has not been needed. In each case the
//!   segments are built up to what ends, or as a whole where they are closed. Segments that a continuation wants between
//!   the present and the next one are put before the next one's cut when their first operation ends.
//! - A segment that closes may be prolonged: by compare-and-sets that are open and fit, and by what they make possible.
//!   All such tails are tried, except that the last compare-and-set of a tail becomes **free** rather than being bound to
//!   it: without duty, and still there for another use. That is never worse than leaving it out, nor than binding it,
//!   unless an open read wants what it leaves. Every old write that ends unneeded closes a segment of its own before the
//!   cut, so most compare-and-sets become free soon.
//! - Of open writes of one value the one that ends first is used; the others can do later whatever it could.
//!
//! Some order exists iff some configuration is left at the end: each step above is a step in some order, and each order
//! has its steps among them or among those of a configuration that covers it (`Supply::covers`).

use std::ops::Range;

use super::configuration::{Antichain, Configuration, SLOTS};
use super::segments::{Act, Extras, Open};
use super::verdict::{Budget, Spent};
use crate::engine::Instant;
use crate::history::{Function, Operation, Status};

/// What the walk came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// Some order explains everything.
    Order,
    /// Nothing explains what completed until this operation did. Its position, its event and the values that it could
    /// meet.
    Stuck(u32, usize, Vec<u64>),
    /// More operations are open at once than there are slots, or there are operations that no register has.
    Unfit,
}

/// Walks over the operations of one register in the order of their events.
pub(super) fn walk(operations: &[Operation], budget: &mut Budget) -> Result<Walked, Spent> {
    walk_with(operations, WINDOW, budget)
}

fn walk_with(operations: &[Operation], window: usize, budget: &mut Budget) -> Result<Walked, Spent> {
    let Some(mut walk) = Walk::new(operations) else { return Ok(Walked::Unfit) };
    let all = 0..walk.events.len();
    if !walk.open.supply.kinds.iter().any(|kind| kind.from.is_some()) {
        return walk.run(all, |_| Extras::Counted, budget);
    }
    // Compare-and-sets of unknown outcome fit nearly everywhere and are needed nearly nowhere: they are left alone but
    // for a window before each event that nothing explains without them.
    let mut windows: Vec<Range<usize>> = Vec::new();
    loop {
        let within = |event: usize| windows.iter().any(|window| window.contains(&event));
        let extras = |event: usize| if within(event) { Extras::Counted } else { Extras::Alone };
        let Walked::Stuck(_, event, _) = walk.run(all.clone(), extras, budget)? else { return Ok(Walked::Order) };
        if windows.is_empty()
            && let stuck @ Walked::Stuck(..) = walk.run(all.clone(), |_| Extras::Endless, budget)?
        {
            return Ok(stuck);
        }
        if within(event) {
            break;
        }
        windows.push(event.saturating_sub(window)..event + window / 4 + 1);
    }
    // It may be that nothing explains what is in the last window, whatever was before.
    if let Some(last) = windows.last().filter(|last| last.start > 0)
        && let stuck @ Walked::Stuck(..) = walk.run(last.start..last.end + window, |_| Extras::Counted, budget)?
    {
        return Ok(stuck);
    }
    walk.run(all, |_| Extras::Counted, budget)
}

// Events in which compare-and-sets of unknown outcome are used before one that cannot be explained without them. That
// is many times what clients have open; more costs time, fewer costs the answer.
const WINDOW: usize = 1024;

struct Walk {
    acts: Vec<Option<Act>>,
    /// Invocations and completions in their order; at one instant invocations first.
    events: Vec<(bool, u32)>,
    /// Of each operation the event of its completion.
    ends: Vec<u32>,
    slot_of: Vec<u32>,
    /// Of each operation of unknown outcome its kind.
    kind_of: Vec<u32>,
    values: Vec<u64>,
    /// Known operations that some unknown outcome might help to explain.
    demand: u32,
    open: Open,
}

/// Of operations of unknown outcome: the event of their completion.
const NEVER: u32 = u32::MAX;

impl Walk {
    fn new(operations: &[Operation]) -> Option<Walk> {
        let mut values: Vec<u64> = vec![0];
        for operation in operations {
            match operation.function {
                Function::Read => values.push(operation.result()),
                Function::Write => values.push(operation.value),
                Function::Cas => values.extend([operation.expected(), operation.value]),
                Function::Delete => {}
                _ => return None,
            }
        }
        values.sort_unstable();
        values.dedup();
        let number = |value: u64| values.partition_point(|&known| known < value) as u32;
        let acts: Vec<Option<Act>> = operations
            .iter()
            .map(|operation| {
                let unknown = operation.status == Status::Unknown;
                let (from, to) = (number(operation.expected()), number(operation.value));
                match operation.function {
                    Function::Read => (!unknown).then(|| Act::Read(number(operation.result()))),
                    Function::Write => Some(Act::Write(to)),
                    Function::Delete => Some(Act::Write(number(0))),
                    _ if operation.status == Status::Refused => Some(Act::Refused(from)),
                    // It changes nothing.
                    _ if from == to => (!unknown).then_some(Act::Read(from)),
                    _ => Some(Act::Swap(from, to)),
                }
            })
            .collect();
        let mut events: Vec<(Instant, bool, u32)> = Vec::with_capacity(operations.len() * 2);
        for (at, operation) in operations.iter().enumerate().filter(|&(at, _)| acts[at].is_some()) {
            events.push((operation.invoked, false, at as u32));
            if operation.completed != Instant::NEVER {
                events.push((operation.completed, true, at as u32));
            }
        }
        events.sort_unstable();
        let events: Vec<(bool, u32)> = events.into_iter().map(|(_, over, at)| (over, at)).collect();
        let mut walk = Walk {
            events,
            ends: vec![NEVER; operations.len()],
            slot_of: vec![0; operations.len()],
            kind_of: vec![0; operations.len()],
            demand: 0,
            open: Open::new(values.len()),
            values,
            acts,
        };
        walk.count(operations).then_some(walk)
    }

    /// Counts unknown outcomes by kind. False if too much is open at once.
    fn count(&mut self, operations: &[Operation]) -> bool {
        let mut kinds: std::collections::BTreeMap<(Option<u32>, u32), u32> = std::collections::BTreeMap::new();
        let (mut born, mut open) = (0, 0);
        for (place, &(over, at)) in self.events.iter().enumerate() {
            let Some(act) = self.acts[at as usize] else { continue };
            if over {
                self.ends[at as usize] = place as u32;
                open -= 1;
                continue;
            }
            born += 1;
            if operations[at as usize].completed != Instant::NEVER {
                open += 1;
                if open > SLOTS {
                    return false;
                }
                self.demand += u32::from(!matches!(act, Act::Write(_)));
                continue;
            }
            let (from, to) = match act {
                Act::Write(to) => (None, to),
                Act::Swap(from, to) => (Some(from), to),
                _ => continue,
            };
            let kind = *kinds.entry((from, to)).or_insert_with(|| self.open.kind(from, to));
            self.kind_of[at as usize] = kind;
            self.open.supply.kinds[kind as usize].born.push(born - 1);
            self.open.supply.unknown_born.push(born - 1);
        }
        true
    }

    /// Walks over these events. Where they don't begin with the first, whatever may have been before is possible.
    fn run(
        &mut self,
        events: Range<usize>,
        extras: impl Fn(usize) -> Extras,
        budget: &mut Budget,
    ) -> Result<Walked, Spent> {
        let from = events.start;
        self.open.reset(self.demand);
        let mut present = Antichain::default();
        if from == 0 {
            present.add(&self.open.supply, Configuration::initial(0));
        }
        let mut next = Antichain::default();
        let mut successors = Vec::new();
        let all = std::mem::take(&mut self.events);
        let mut walked = Ok(Walked::Order);
        for (place, &(over, at)) in all.iter().enumerate().take(events.end) {
            let Some(act) = self.acts[at as usize] else { continue };
            if place == from && from > 0 {
                for value in 0..self.values.len() as u32 {
                    present.add(&self.open.supply, self.open.anything(value));
                }
            }
            if !over {
                self.invoke(at, act, &mut present);
                continue;
            }
            let slot = self.slot_of[at as usize];
            if place < from {
                self.open.retire(slot, act);
                continue;
            }
            self.open.extras = extras(place);
            let met: Vec<u32> = present.members().iter().map(|configuration| configuration.value).collect();
            let mut visited = 1;
            for configuration in present.drain() {
                self.open.complete(configuration, slot, act, &mut successors);
                visited += successors.len() as u64;
                for mut successor in successors.drain(..) {
                    successor.forget(1 << slot);
                    next.add(&self.open.supply, successor);
                }
            }
            visited += (std::mem::take(&mut self.open.work) + std::mem::take(&mut next.compared)) / 16;
            self.open.retire(slot, act);
            std::mem::swap(&mut present, &mut next);
            if present.members().is_empty() {
                let mut met: Vec<u64> = met.into_iter().map(|value| self.values[value as usize]).collect();
                met.sort_unstable();
                met.dedup();
                walked = Ok(Walked::Stuck(at, place, met));
                break;
            }
            if !budget.spend(visited) {
                walked = Err(Spent::Steps);
                break;
            }
        }
        self.events = all;
        walked
    }

    fn invoke(&mut self, at: u32, act: Act, present: &mut Antichain) {
        let (place, end) = (at as usize, self.ends[at as usize]);
        if end == NEVER {
            self.open.born += 1;
            self.open.supply.kinds[self.kind_of[place] as usize].seen += 1;
        } else {
            self.slot_of[place] = self.open.invoke(act, end, present);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::model::Model;
    use crate::check::search::{Found, search};
    use crate::check::verdict::Steps;
    use crate::engine::{Bits, Seed, Stream};
    use crate::history::{History, Invocation};

    /// Up to `most` operations of up to `clients` on a register of `values` that works, but for a lie now and then.
    fn history(random: &mut impl FnMut(u64) -> u64, most: u64, clients: u64, values: u64) -> History {
        let mut history = History::new();
        let object = history.object("r");
        let mut calls = Vec::new();
        let mut clock = vec![0; clients as usize];
        for _ in 0..1 + random(most) {
            let client = random(clients) as usize;
            let from = clock[client] + random(3);
            let to = from + random(8);
            clock[client] = to + random(2);
            let function = [Function::Read, Function::Write, Function::Cas, Function::Cas][random(4) as usize];
            let unknown = function != Function::Read && random(3) == 0;
            let instant = from + random(to - from + 1 + if unknown { 6 } else { 0 });
            calls.push((instant, from, to, client, function, 1 + random(values), random(values + 1), unknown));
        }
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_by_key(|&at| calls[at].0);
        let mut word = 0;
        let mut answers = vec![(Status::Ok, 0); calls.len()];
        for at in order {
            let (.., function, value, expected, unknown) = calls[at];
            let skipped = unknown && random(2) == 0;
            match function {
                _ if skipped => {}
                Function::Read => answers[at].1 = if random(8) == 0 { random(values + 1) } else { word },
                Function::Cas if word != expected => answers[at].0 = Status::Refused,
                _ => word = value,
            }
            if random(24) == 0 && function == Function::Cas {
                answers[at].0 = if answers[at].0 == Status::Ok { Status::Refused } else { Status::Ok };
            }
        }
        for (call, (status, result)) in calls.into_iter().zip(answers) {
            let (_, from, to, client, function, value, expected, unknown) = call;
            let (at, process) = (Instant(from), client as u32);
            let value = if function == Function::Read { 0 } else { value };
            let index = history.invoke(Invocation { at, process, object, key: 0, function, value, expected });
            if !unknown {
                history.complete(index, status, result, Instant(to));
            }
        }
        history
    }

    /// How often each answer was right, and how often a window was not enough.
    fn agree(cases: u32, most: u64, clients: u64, values: u64, window: usize) -> [u32; 2] {
        let mut stream = Stream::named(Seed(most << 32 ^ clients << 24 ^ values << 16 ^ window as u64), "walk");
        let mut random = move |bound: u64| stream.below(bound);
        let mut answers = [0; 2];
        for _ in 0..cases {
            let history = history(&mut random, most, clients, values);
            let operations = history.operations();
            let mut budget = Budget::new(Steps::DEFAULT);
            let truth = search(&history, Model::Register, operations, &mut budget).expect("few operations");
            let walked = walk_with(operations, window, &mut Budget::new(Steps::DEFAULT)).expect("few operations");
            match (&truth, &walked) {
                (Found::Order, Walked::Order) => answers[0] += 1,
                (Found::Stuck(_), Walked::Stuck(..)) => answers[1] += 1,
                _ => panic!("{truth:?}, but {walked:?}: {operations:#?}"),
            }
        }
        answers
    }

    #[test]
    fn the_walk_agrees_with_the_search() {
        for (most, clients, values) in [(8, 4, 2), (14, 5, 2), (14, 6, 3), (20, 5, 3), (24, 8, 4)] {
            let [order, stuck] = agree(4_000, most, clients, values, WINDOW);
            assert!(order > 200 && stuck > 200, "{order} {stuck}");
        }
    }

    #[test]
    fn a_window_that_is_too_small_changes_no_answer() {
        for window in [1, 3, 8] {
            let [order, stuck] = agree(4_000, 20, 4, 3, window);
            assert!(order > 200 && stuck > 200, "{order} {stuck}");
        }
    }

    #[test]
    fn more_open_operations_than_slots_are_left_to_the_search() {
        let mut history = History::new();
        let object = history.object("r");
        for process in 0..=SLOTS as u32 {
            let (at, function) = (Instant(0), Function::Write);
            let call = Invocation { at, process, object, key: 0, function, value: 1, expected: 0 };
            let index = history.invoke(call);
            history.complete(index, Status::Ok, 0, Instant(1));
        }
        let unfit = walk(history.operations(), &mut Budget::new(Steps::DEFAULT)).expect("nothing was visited");
        assert_eq!(unfit, Walked::Unfit);
        let fit = walk(&history.operations()[1..], &mut Budget::new(Steps::DEFAULT)).expect("few configurations");
        assert_eq!(fit, Walked::Order);
    }
}
