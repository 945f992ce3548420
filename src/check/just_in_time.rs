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

use super::configuration::{Antichain, Configuration, Kind, Slots, Supply};
use super::verdict::{Budget, Spent};
use crate::engine::Instant;
use crate::history::{Function, Operation, Status};

/// What the walk came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// Some order explains everything.
    Order,
    /// Nothing explains this operation, by its position; everything that completed earlier is explained. Beside it the
    /// values that it could meet.
    Stuck(u32, Vec<u64>),
    /// More operations are open at once than there are slots, or there are operations that no register has.
    Unfit,
}

/// Walks over the operations of one register in the order of their events.
pub(super) fn walk(operations: &[Operation], budget: &mut Budget) -> Result<Walked, Spent> {
    match Walk::new(operations) {
        Some(walk) => walk.run(budget),
        None => Ok(Walked::Unfit),
    }
}

/// What an operation is to a register. Values are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Write(u32),
    Read(u32),
    /// A compare-and-set that found another value.
    Refused(u32),
    Swap(u32, u32),
}

/// Where a tail or a segment is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the end of the present segment.
    Now,
    /// Before the cut, of what is old.
    Before,
}

/// What a segment must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Value(u32),
    Other(u32),
    /// The compare-and-set in this slot.
    Swap(u32),
}

/// A write that begins a segment.
#[derive(Clone, Copy, Debug)]
enum Source {
    Slot(u32),
    Kind(u32),
}

struct Walk {
    acts: Vec<Option<Act>>,
    /// Invocations and completions in their order; at one instant invocations first.
    events: Vec<(bool, u32)>,
    values: Vec<u64>,
    /// Of each slot its operation, what it does and the number of its completion.
    acts_of: Vec<Act>,
    ends_of: Vec<u32>,
    slot_of: Vec<u32>,
    kind_of: Vec<u32>,
    open: Slots,
    refused: Slots,
    reads_of: Vec<Slots>,
    refused_of: Vec<Slots>,
    writes_of: Vec<Slots>,
    swaps_from: Vec<Slots>,
    /// Kinds of writes and of compare-and-sets of unknown outcome, by what they leave and what they find.
    write_kind: Vec<Option<u32>>,
    kinds_from: Vec<Vec<u32>>,
    kinds_to: Vec<Vec<u32>>,
    supply: Supply,
    born: u32,
    work: u64,
}

const SLOTS: usize = Slots::BITS as usize;

fn bits(mut set: Slots) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let first = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(first)
    })
}

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
        let count = values.len();
        let mut walk = Walk {
            events,
            acts_of: vec![Act::Read(0); SLOTS],
            ends_of: vec![0; SLOTS],
            slot_of: vec![0; operations.len()],
            kind_of: vec![0; operations.len()],
            open: 0,
            refused: 0,
            reads_of: vec![0; count],
            refused_of: vec![0; count],
            writes_of: vec![0; count],
            swaps_from: vec![0; count],
            write_kind: vec![None; count],
            kinds_from: vec![Vec::new(); count],
            kinds_to: vec![Vec::new(); count],
            supply: Supply::default(),
            born: 0,
            work: 0,
            values,
            acts,
        };
        walk.count(operations).then_some(walk)
    }

    /// Counts unknown outcomes by kind. False if too much is open at once.
    fn count(&mut self, operations: &[Operation]) -> bool {
        let mut kinds: std::collections::BTreeMap<(Option<u32>, u32), u32> = std::collections::BTreeMap::new();
        let (mut born, mut open) = (0, 0);
        for &(over, at) in &self.events {
            let Some(act) = self.acts[at as usize] else { continue };
            if over {
                open -= 1;
                continue;
            }
            born += 1;
            if operations[at as usize].completed != Instant::NEVER {
                open += 1;
                if open > SLOTS {
                    return false;
                }
                self.supply.demand += u32::from(!matches!(act, Act::Write(_)));
                continue;
            }
            let (from, to) = match act {
                Act::Write(to) => (None, to),
                Act::Swap(from, to) => (Some(from), to),
                _ => continue,
            };
            let kind = *kinds.entry((from, to)).or_insert_with(|| {
                let kind = self.supply.kinds.len() as u32;
                self.supply.kinds.push(Kind { from, to, born: Vec::new(), seen: 0 });
                match from {
                    None => self.write_kind[to as usize] = Some(kind),
                    Some(from) => {
                        self.kinds_from[from as usize].push(kind);
                        self.kinds_to[to as usize].push(kind);
                    }
                }
                kind
            });
            self.kind_of[at as usize] = kind;
            self.supply.kinds[kind as usize].born.push(born - 1);
            self.supply.unknown_born.push(born - 1);
        }
        true
    }

    fn run(mut self, budget: &mut Budget) -> Result<Walked, Spent> {
        let mut present = Antichain::default();
        present.add(&self.supply, Configuration::initial(0));
        let mut next = Antichain::default();
        let mut successors = Vec::new();
        let mut ends = vec![0_u32; self.acts.len()];
        for (place, &(_, at)) in self.events.iter().enumerate().filter(|(_, event)| event.0) {
            ends[at as usize] = place as u32;
        }
        for (over, at) in std::mem::take(&mut self.events) {
            let Some(act) = self.acts[at as usize] else { continue };
            if !over {
                let known = ends[at as usize] != 0;
                self.invoke(at, act, known.then_some(ends[at as usize]), &mut present);
                continue;
            }
            let slot = self.slot_of[at as usize];
            let met: Vec<u32> = present.members().iter().map(|configuration| configuration.value).collect();
            for configuration in present.drain() {
                self.complete(configuration, slot, act, &mut successors);
                let visited = successors.len() as u64 + self.work / 8 + next.compared / 32;
                self.work = 0;
                next.compared = 0;
                if !budget.spend(visited) {
                    return Err(Spent);
                }
                for mut successor in successors.drain(..) {
                    successor.forget(1 << slot);
                    next.add(&self.supply, successor);
                }
            }
            self.retire(slot, act);
            std::mem::swap(&mut present, &mut next);
            if present.members().is_empty() {
                let mut met: Vec<u64> = met.into_iter().map(|value| self.values[value as usize]).collect();
                met.sort_unstable();
                met.dedup();
                return Ok(Walked::Stuck(at, met));
            }
        }
        Ok(Walked::Order)
    }

    fn invoke(&mut self, at: u32, act: Act, ends: Option<u32>, present: &mut Antichain) {
        self.born += 1;
        let Some(ends) = ends else {
            self.supply.kinds[self.kind_of[at as usize] as usize].seen += 1;
            return;
        };
        let slot = self.open.trailing_ones();
        let bit = 1 << slot;
        self.slot_of[at as usize] = slot;
        self.acts_of[slot as usize] = act;
        self.ends_of[slot as usize] = ends;
        self.open |= bit;
        match act {
            Act::Write(to) => {
                self.writes_of[to as usize] |= bit;
                self.supply.writes |= bit;
            }
            Act::Swap(from, _) => {
                self.swaps_from[from as usize] |= bit;
                self.supply.swaps |= bit;
            }
            Act::Read(value) => {
                self.reads_of[value as usize] |= bit;
                self.supply.looks |= bit;
            }
            Act::Refused(value) => {
                self.refused_of[value as usize] |= bit;
                self.refused |= bit;
                self.supply.looks |= bit;
            }
        }
        for configuration in present.members_mut() {
            let explained = match act {
                Act::Read(value) => configuration.value == value,
                Act::Refused(value) => configuration.value != value,
                _ => false,
            };
            if explained {
                configuration.gone |= bit;
            }
        }
    }

    fn retire(&mut self, slot: u32, act: Act) {
        let rest = !(1 << slot);
        self.open &= rest;
        self.supply.writes &= rest;
        self.supply.looks &= rest;
        self.supply.swaps &= rest;
        self.refused &= rest;
        match act {
            Act::Write(value) => self.writes_of[value as usize] &= rest,
            Act::Swap(from, _) => self.swaps_from[from as usize] &= rest,
            Act::Read(value) => self.reads_of[value as usize] &= rest,
            Act::Refused(value) => self.refused_of[value as usize] &= rest,
        }
        self.supply.demand -= u32::from(!matches!(act, Act::Write(_)));
    }

    /// All that may have become of a configuration by the time that the operation in a slot ends.
    fn complete(&mut self, configuration: Configuration, slot: u32, act: Act, out: &mut Vec<Configuration>) {
        let bit: Slots = 1 << slot;
        if configuration.gone & bit != 0 {
            out.push(configuration);
            return;
        }
        match act {
            Act::Write(value) => {
                // Where its value is there anyway, nothing is better than to begin the segment anew.
                if configuration.old & bit != 0 && configuration.value != value {
                    let mut dropped = configuration.clone();
                    dropped.gone |= bit;
                    self.explain(&mut dropped, value, Place::Before);
                    self.close(dropped, value, Place::Before, out);
                }
                self.begin(configuration, Source::Slot(slot), value, out);
            }
            Act::Read(value) => self.reach(configuration, Goal::Value(value), bit, out),
            Act::Refused(value) => self.reach(configuration, Goal::Other(value), bit, out),
            Act::Swap(..) => {
                if configuration.free & bit != 0 {
                    out.push(configuration.clone());
                }
                self.reach(configuration, Goal::Swap(slot), bit, out);
            }
        }
    }

    /// Reads and refusals that a value explains.
    fn explain(&self, configuration: &mut Configuration, value: u32, place: Place) -> bool {
        let at = value as usize;
        let within = self.within(configuration, place);
        let explained = (self.reads_of[at] | (self.refused & !self.refused_of[at])) & within & !configuration.gone;
        configuration.gone |= explained;
        explained != 0
    }

    fn within(&self, configuration: &Configuration, place: Place) -> Slots {
        match place {
            Place::Now => self.open,
            Place::Before => configuration.old,
        }
    }

    fn left(&self, configuration: &Configuration, kind: u32, place: Place) -> u32 {
        match place {
            Place::Now => self.supply.now(configuration, kind),
            Place::Before => self.supply.before(configuration, kind),
        }
    }

    /// Uses an unknown outcome: of those that fit, the one invoked last.
    fn take(&self, configuration: &mut Configuration, kind: u32, place: Place) {
        let young = self.supply.now(configuration, kind) > self.supply.before(configuration, kind);
        configuration.take(kind, !(place == Place::Now && young));
    }

    /// Closes the present segment and begins another.
    fn begin(&mut self, configuration: Configuration, source: Source, value: u32, out: &mut Vec<Configuration>) {
        let first = out.len();
        let at = configuration.value;
        self.close(configuration, at, Place::Now, out);
        for configuration in &mut out[first..] {
            match source {
                Source::Slot(slot) => configuration.gone |= 1 << slot,
                Source::Kind(kind) => self.take(configuration, kind, Place::Now),
            }
            configuration.begin(value, self.born, self.open);
            self.explain(configuration, value, Place::Now);
        }
    }

    /// Every tail that a segment may have that closes with this value.
    fn close(&mut self, configuration: Configuration, value: u32, place: Place, out: &mut Vec<Configuration>) {
        let fitting = |walk: &Walk, configuration: &Configuration, at: u32| {
            walk.swaps_from[at as usize] & walk.within(configuration, place) & !configuration.gone
        };
        let none = |walk: &Walk, configuration: &Configuration, at: u32| {
            let kinds = &walk.kinds_from[at as usize];
            fitting(walk, configuration, at) == 0
                && kinds.iter().all(|&kind| walk.left(configuration, kind, place) == 0)
        };
        if none(self, &configuration, value) {
            out.push(configuration);
            return;
        }
        let mut seen: Vec<(u32, Configuration)> = Vec::new();
        let mut ends = Antichain::default();
        let mut todo = vec![(value, configuration)];
        while let Some((at, configuration)) = todo.pop() {
            if self.visited(&mut seen, at, &configuration) {
                continue;
            }
            let mut superfluous = false;
            for slot in bits(fitting(self, &configuration, at)) {
                let bit = 1 << slot;
                if configuration.free & bit == 0 {
                    superfluous = true;
                    let mut free = configuration.clone();
                    free.free |= bit;
                    ends.add(&self.supply, free);
                }
                let Act::Swap(_, to) = self.acts_of[slot as usize] else { continue };
                let mut bound = configuration.clone();
                bound.gone |= bit;
                bound.free &= !bit;
                if self.explain(&mut bound, to, place) || !none(self, &bound, to) {
                    todo.push((to, bound));
                }
            }
            for &kind in &self.kinds_from[at as usize] {
                if self.left(&configuration, kind, place) == 0 {
                    continue;
                }
                let to = self.supply.kinds[kind as usize].to;
                let mut bound = configuration.clone();
                self.take(&mut bound, kind, place);
                if self.explain(&mut bound, to, place) || !none(self, &bound, to) {
                    todo.push((to, bound));
                }
            }
            if !superfluous {
                ends.add(&self.supply, configuration);
            }
        }
        self.work += ends.compared;
        out.extend(ends.drain());
    }

    /// Whether a walk along compare-and-sets has been here with no less; notes it if not.
    fn visited(&mut self, seen: &mut Vec<(u32, Configuration)>, at: u32, configuration: &Configuration) -> bool {
        self.work += 1 + seen.len() as u64 / 4;
        if seen.iter().any(|(place, other)| *place == at && self.supply.covers(other, configuration)) {
            return true;
        }
        seen.push((at, configuration.clone()));
        false
    }

    /// Every way to explain an operation that ends: in the present segment, by the next one, or by one before the cut.
    fn reach(&mut self, configuration: Configuration, goal: Goal, bit: Slots, out: &mut Vec<Configuration>) {
        let from = self.towards(&configuration, goal);
        let mut reached = Vec::new();
        self.follow(configuration.clone(), configuration.value, Place::Now, goal, &mut reached);
        for &value in &from {
            for source in self.sources(&configuration, value, Place::Now).into_iter().flatten() {
                let mut begun = Vec::new();
                self.begin(configuration.clone(), source, value, &mut begun);
                for begun in begun {
                    self.follow(begun, value, Place::Now, goal, &mut reached);
                }
            }
        }
        out.extend(reached.drain(..).map(|(value, configuration)| Configuration { value, ..configuration }));
        if configuration.old & bit == 0 {
            return;
        }
        for &value in &from {
            for source in self.sources(&configuration, value, Place::Before).into_iter().flatten() {
                let mut inserted = configuration.clone();
                match source {
                    Source::Slot(slot) => inserted.gone |= 1 << slot,
                    Source::Kind(kind) => self.take(&mut inserted, kind, Place::Before),
                }
                self.explain(&mut inserted, value, Place::Before);
                self.follow(inserted, value, Place::Before, goal, &mut reached);
            }
        }
        for (value, configuration) in reached {
            self.close(configuration, value, Place::Before, out);
        }
    }

    /// Follows compare-and-sets from a value until the goal is reached.
    fn follow(
        &mut self,
        configuration: Configuration,
        value: u32,
        place: Place,
        goal: Goal,
        out: &mut Vec<(u32, Configuration)>,
    ) {
        let mut seen: Vec<(u32, Configuration)> = Vec::new();
        let mut todo = vec![(value, configuration)];
        while let Some((at, configuration)) = todo.pop() {
            let there = match goal {
                Goal::Value(wanted) => at == wanted,
                Goal::Other(unwanted) => at != unwanted,
                Goal::Swap(_) => false,
            };
            if there {
                out.push((at, configuration));
                continue;
            }
            if self.visited(&mut seen, at, &configuration) {
                continue;
            }
            let fitting = self.swaps_from[at as usize] & self.within(&configuration, place) & !configuration.gone;
            for slot in bits(fitting) {
                let Act::Swap(_, to) = self.acts_of[slot as usize] else { continue };
                let mut bound = configuration.clone();
                bound.gone |= 1 << slot;
                bound.free &= !(1 << slot);
                self.explain(&mut bound, to, place);
                if goal == Goal::Swap(slot) {
                    out.push((to, bound));
                } else {
                    todo.push((to, bound));
                }
            }
            for &kind in &self.kinds_from[at as usize] {
                if self.left(&configuration, kind, place) > 0 {
                    let to = self.supply.kinds[kind as usize].to;
                    let mut bound = configuration.clone();
                    self.take(&mut bound, kind, place);
                    self.explain(&mut bound, to, place);
                    todo.push((to, bound));
                }
            }
        }
    }

    /// Values from which compare-and-sets may lead to the goal.
    fn towards(&self, configuration: &Configuration, goal: Goal) -> Vec<u32> {
        let mut values = match goal {
            Goal::Value(value) => vec![value],
            Goal::Swap(slot) => match self.acts_of[slot as usize] {
                Act::Swap(from, _) => vec![from],
                _ => Vec::new(),
            },
            Goal::Other(unwanted) => {
                let open = bits(self.supply.writes).filter_map(|slot| match self.acts_of[slot as usize] {
                    Act::Write(value) => Some(value),
                    _ => None,
                });
                let unknown = self.supply.kinds.iter().filter(|kind| kind.from.is_none() && kind.seen > 0);
                let mut values: Vec<u32> = open.chain(unknown.map(|kind| kind.to)).collect();
                values.sort_unstable();
                values.dedup();
                values.retain(|&value| value != unwanted);
                // From the unwanted value one step leads away.
                values.push(unwanted);
                return values;
            }
        };
        let open = self.supply.swaps & !configuration.gone;
        let mut at = 0;
        while at < values.len() {
            let to = values[at];
            at += 1;
            let known = bits(open).filter_map(|slot| match self.acts_of[slot as usize] {
                Act::Swap(from, leads) if leads == to => Some(from),
                _ => None,
            });
            let kinds = &self.supply.kinds;
            let unknown = self.kinds_to[to as usize].iter().map(|&kind| &kinds[kind as usize]);
            let unknown = unknown.filter(|kind| kind.seen > 0).filter_map(|kind| kind.from);
            let more: Vec<u32> = known.chain(unknown).collect();
            for from in more {
                if !values.contains(&from) {
                    values.push(from);
                }
            }
        }
        values
    }

    /// Writes of a value that may begin a segment: of those that end the one that ends first, and one of unknown outcome.
    fn sources(&self, configuration: &Configuration, value: u32, place: Place) -> [Option<Source>; 2] {
        let open = self.writes_of[value as usize] & self.within(configuration, place) & !configuration.gone;
        let first = bits(open).min_by_key(|&slot| self.ends_of[slot as usize]);
        let kind = self.write_kind[value as usize].filter(|&kind| self.left(configuration, kind, place) > 0);
        [first.map(Source::Slot), kind.map(Source::Kind)]
    }
}
