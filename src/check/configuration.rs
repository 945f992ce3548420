//! One way in which a register's past may have gone, and when one such way makes another superfluous.
//!
//! See [`super::just_in_time`] for what the parts mean.

/// A set of open operations, by slot.
pub(super) type Slots = u128;

/// So many operations may be open at once, beside those of unknown outcome.
pub(super) const SLOTS: usize = Slots::BITS as usize;

/// What may still be used of operations of unknown outcome that do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Used {
    /// Which kind.
    pub(super) kind: u32,
    /// How many of those invoked before the cut.
    pub(super) before: u32,
    /// How many of the others.
    pub(super) after: u32,
}

/// A past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Configuration {
    /// The value that is there.
    pub(super) value: u32,
    /// How many operations had been invoked when the present segment began: the cut.
    pub(super) cut: u32,
    /// Open operations that were invoked before the cut. They may be put before it.
    pub(super) old: Slots,
    /// Writes and compare-and-sets that have their place, reads and refusals that are explained.
    pub(super) gone: Slots,
    /// Compare-and-sets that fit at the end of an earlier segment, if nothing better is found for them.
    pub(super) free: Slots,
    /// Operations of unknown outcome that have their place, by kind.
    pub(super) used: Vec<Used>,
}

/// Operations of unknown outcome that do the same.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// What it must find; a write takes anything.
    pub(super) from: Option<u32>,
    /// What it leaves.
    pub(super) to: u32,
    /// Their numbers in the order of all invocations.
    pub(super) born: Vec<u32>,
    /// How many have been invoked by now.
    pub(super) seen: u32,
}

impl Kind {
    fn before(&self, cut: u32) -> u32 {
        self.born.partition_point(|&born| born < cut) as u32
    }
}

/// What is open, by what it is, and what may be used of unknown outcomes: the same for every configuration.
#[derive(Debug, Default)]
pub(super) struct Supply {
    /// Open writes.
    pub(super) writes: Slots,
    /// Open reads and refused compare-and-sets.
    pub(super) looks: Slots,
    /// Open compare-and-sets that succeeded.
    pub(super) swaps: Slots,
    /// Everything of unknown outcome.
    pub(super) kinds: Vec<Kind>,
    /// The numbers of all unknown outcomes in the order of all invocations.
    pub(super) unknown_born: Vec<u32>,
    /// Known operations that are not over and that some unknown outcome might help to explain.
    pub(super) demand: u32,
}

impl Supply {
    /// How many of a kind may still be used in the present.
    pub(super) fn now(&self, configuration: &Configuration, kind: u32) -> u32 {
        let used = configuration.used(kind);
        self.kinds[kind as usize].seen - used.before - used.after
    }

    /// How many of a kind may still be put before the cut.
    pub(super) fn before(&self, configuration: &Configuration, kind: u32) -> u32 {
        self.kinds[kind as usize].before(configuration.cut) - configuration.used(kind).before
    }

    /// Whether every continuation of `b` is one of `a` too, so that `b` can be forgotten. Both have the same value.
    ///
    /// An operation without duty that is still usable is never worse than one that has its place, or one that needs
    /// one; an explained read is never worse than an open one; what may be put before the cut is never worse than what
    /// may not. Of unknown outcomes of one kind only the number left counts, and of that only as many as there are
    /// operations left that they could help: between two of those no kind is needed twice.
    pub(super) fn covers(&self, a: &Configuration, b: &Configuration) -> bool {
        let taken = a.gone & !b.gone & (self.writes | self.swaps);
        let unexplained = b.gone & !a.gone & self.looks;
        let younger = b.old & !a.old & !a.gone & !b.gone;
        let duty = |of: &Configuration| (!of.gone & !of.old & self.writes) | (!of.gone & !of.free & self.swaps);
        let owed = duty(a) & !duty(b);
        if taken | unexplained | younger | owed != 0 {
            return false;
        }
        self.kinds.is_empty() || self.as_many_left(a, b)
    }

    fn as_many_left(&self, a: &Configuration, b: &Configuration) -> bool {
        let before = |cut: u32| self.unknown_born.partition_point(|&born| born < cut);
        if a.cut < b.cut && before(a.cut) < before(b.cut) {
            return false;
        }
        a.used.iter().all(|used| {
            let enough = |a: u32, b: u32| a.min(self.demand) >= b.min(self.demand);
            enough(self.now(a, used.kind), self.now(b, used.kind))
                && enough(self.before(a, used.kind), self.before(b, used.kind))
        })
    }
}

impl Configuration {
    /// Nothing has happened.
    pub(super) fn initial(value: u32) -> Configuration {
        Configuration { value, cut: 0, old: 0, gone: 0, free: 0, used: Vec::new() }
    }

    fn used(&self, kind: u32) -> Used {
        match self.used.binary_search_by_key(&kind, |used| used.kind) {
            Ok(at) => self.used[at],
            Err(_) => Used { kind, before: 0, after: 0 },
        }
    }

    /// Uses one of a kind: one invoked before the cut, or one invoked since.
    pub(super) fn take(&mut self, kind: u32, before: bool) {
        let at = match self.used.binary_search_by_key(&kind, |used| used.kind) {
            Ok(at) => at,
            Err(at) => {
                self.used.insert(at, Used { kind, before: 0, after: 0 });
                at
            }
        };
        if before {
            self.used[at].before += 1;
        } else {
            self.used[at].after += 1;
        }
    }

    /// Begins a segment: everything that is open may now be put before it.
    pub(super) fn begin(&mut self, value: u32, born: u32, open: Slots) {
        self.value = value;
        self.cut = born;
        self.old = open;
        for used in &mut self.used {
            used.before += used.after;
            used.after = 0;
        }
    }

    /// Forgets a slot: its operation is over.
    pub(super) fn forget(&mut self, slot: Slots) {
        self.old &= !slot;
        self.gone &= !slot;
        self.free &= !slot;
    }
}

/// Configurations none of which makes another superfluous, by value.
#[derive(Debug, Default)]
pub(super) struct Antichain {
    /// By value; emptied, not dropped.
    members: Vec<Configuration>,
    /// Comparisons made so far.
    pub(super) compared: u64,
}

impl Antichain {
    /// Adds a configuration unless another covers it; drops those that it covers. False if it was covered.
    pub(super) fn add(&mut self, supply: &Supply, new: Configuration) -> bool {
        self.compared += self.members.len() as u64;
        let same = |old: &Configuration| old.value == new.value;
        if self.members.iter().any(|old| same(old) && supply.covers(old, &new)) {
            return false;
        }
        self.members.retain(|old| !(same(old) && supply.covers(&new, old)));
        self.members.push(new);
        true
    }

    /// All of them.
    pub(super) fn members(&self) -> &[Configuration] {
        &self.members
    }

    /// All of them, to be changed in ways that keep them apart.
    pub(super) fn members_mut(&mut self) -> &mut [Configuration] {
        &mut self.members
    }

    /// Takes all out.
    pub(super) fn drain(&mut self) -> std::vec::Drain<'_, Configuration> {
        self.members.drain(..)
    }
}
