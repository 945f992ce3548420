//! The open operations of a register, and the segments that can be built of them.
//!
//! See [`super::just_in_time`] for what segments, the present one, the cut and tails are.

use super::configuration::{Antichain, Configuration, Kind, SLOTS, Slots, Supply};

/// What an operation is to a register. Values are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It leaves a value.
    Write(u32),
    /// It saw a value.
    Read(u32),
    /// A compare-and-set that found another value.
    Refused(u32),
    /// It found one value and left another.
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

/// What becomes of compare-and-sets of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extras {
    /// They are left alone. What can be explained without them can be explained.
    Alone,
    /// Each may be used once.
    Counted,
    /// Each may be used again and again. What can't be explained even so can't be explained.
    Endless,
}

/// What is open, by what it is.
#[derive(Debug)]
pub(super) struct Open {
    /// What each slot's operation does.
    acts: Vec<Act>,
    /// The event of its completion.
    ends: Vec<u32>,
    all: Slots,
    refused: Slots,
    /// By what they saw, did not find, leave and find.
    reads_of: Vec<Slots>,
    refused_of: Vec<Slots>,
    writes_of: Vec<Slots>,
    swaps_from: Vec<Slots>,
    /// Kinds of writes and of compare-and-sets of unknown outcome, by what they leave and what they find.
    write_kind: Vec<Option<u32>>,
    kinds_from: Vec<Vec<u32>>,
    kinds_to: Vec<Vec<u32>>,
    pub(super) supply: Supply,
    pub(super) extras: Extras,
    /// How many operations have been invoked.
    pub(super) born: u32,
    /// Work done since somebody looked.
    pub(super) work: u64,
}

fn bits(mut set: Slots) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let first = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(first)
    })
}

impl Open {
    /// Nothing is open. Values are numbered below `values`.
    pub(super) fn new(values: usize) -> Open {
        Open {
            acts: vec![Act::Read(0); SLOTS],
            ends: vec![0; SLOTS],
            all: 0,
            refused: 0,
            reads_of: vec![0; values],
            refused_of: vec![0; values],
            writes_of: vec![0; values],
            swaps_from: vec![0; values],
            write_kind: vec![None; values],
            kinds_from: vec![Vec::new(); values],
            kinds_to: vec![Vec::new(); values],
            supply: Supply::default(),
            extras: Extras::Counted,
            born: 0,
            work: 0,
        }
    }

    /// A new kind of unknown outcome.
    pub(super) fn kind(&mut self, from: Option<u32>, to: u32) -> u32 {
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
    }

    /// Nothing is open again, and nothing has been invoked.
    pub(super) fn reset(&mut self, demand: u32) {
        (self.all, self.refused, self.born) = (0, 0, 0);
        for sets in [&mut self.reads_of, &mut self.refused_of, &mut self.writes_of, &mut self.swaps_from] {
            sets.fill(0);
        }
        let supply = &mut self.supply;
        (supply.writes, supply.looks, supply.swaps, supply.demand) = (0, 0, 0, demand);
        supply.kinds.iter_mut().for_each(|kind| kind.seen = 0);
    }

    /// What covers every past that ends with this value.
    pub(super) fn anything(&self, value: u32) -> Configuration {
        let (gone, free) = (self.supply.looks, self.supply.swaps);
        Configuration { value, cut: self.born, old: self.all, gone, free, used: Vec::new() }
    }

    /// Opens an operation that ends with the event `end`; its slot. Reads and refusals may be explained at once.
    pub(super) fn invoke(&mut self, act: Act, end: u32, present: &mut Antichain) -> u32 {
        self.born += 1;
        let slot = self.all.trailing_ones();
        let bit = 1 << slot;
        self.acts[slot as usize] = act;
        self.ends[slot as usize] = end;
        self.all |= bit;
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
        slot
    }

    /// The operation in a slot is over.
    pub(super) fn retire(&mut self, slot: u32, act: Act) {
        let rest = !(1 << slot);
        self.all &= rest;
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
    pub(super) fn complete(&mut self, configuration: Configuration, slot: u32, act: Act, out: &mut Vec<Configuration>) {
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
            Place::Now => self.all,
            Place::Before => configuration.old,
        }
    }

    fn left(&self, configuration: &Configuration, kind: u32, place: Place) -> u32 {
        match place {
            Place::Now => self.supply.now(configuration, kind),
            Place::Before => self.supply.before(configuration, kind),
        }
    }

    /// Kinds of compare-and-sets of unknown outcome that may be used at a value.
    fn kinds_at(&self, value: u32) -> &[u32] {
        if self.extras == Extras::Alone { &[] } else { &self.kinds_from[value as usize] }
    }

    /// Uses an unknown outcome: of those that fit, the one invoked last.
    fn take(&self, configuration: &mut Configuration, kind: u32, place: Place) {
        if self.extras == Extras::Endless && self.supply.kinds[kind as usize].from.is_some() {
            return;
        }
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
            configuration.begin(value, self.born, self.all);
            self.explain(configuration, value, Place::Now);
        }
    }

    /// Every tail that a segment may have that closes with this value.
    fn close(&mut self, configuration: Configuration, value: u32, place: Place, out: &mut Vec<Configuration>) {
        let fitting = |open: &Open, configuration: &Configuration, at: u32| {
            open.swaps_from[at as usize] & open.within(configuration, place) & !configuration.gone
        };
        let none = |open: &Open, configuration: &Configuration, at: u32| {
            let kinds = open.kinds_at(at);
            fitting(open, configuration, at) == 0
                && kinds.iter().all(|&kind| open.left(configuration, kind, place) == 0)
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
                let Act::Swap(_, to) = self.acts[slot as usize] else { continue };
                let mut bound = configuration.clone();
                bound.gone |= bit;
                bound.free &= !bit;
                if self.explain(&mut bound, to, place) || !none(self, &bound, to) {
                    todo.push((to, bound));
                }
            }
            for &kind in self.kinds_at(at) {
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
                let Act::Swap(_, to) = self.acts[slot as usize] else { continue };
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
            for &kind in self.kinds_at(at) {
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
            Goal::Swap(slot) => match self.acts[slot as usize] {
                Act::Swap(from, _) => vec![from],
                _ => Vec::new(),
            },
            Goal::Other(unwanted) => {
                let open = bits(self.supply.writes).filter_map(|slot| match self.acts[slot as usize] {
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
            let known = bits(open).filter_map(|slot| match self.acts[slot as usize] {
                Act::Swap(from, leads) if leads == to => Some(from),
                _ => None,
            });
            let kinds = &self.supply.kinds;
            let unknown = self.kinds_to[to as usize]
                .iter()
                .filter(|_| self.extras != Extras::Alone)
                .map(|&kind| &kinds[kind as usize]);
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
        let first = bits(open).min_by_key(|&slot| self.ends[slot as usize]);
        let kind = self.write_kind[value as usize].filter(|&kind| self.left(configuration, kind, place) > 0);
        [first.map(Source::Slot), kind.map(Source::Kind)]
    }
}
