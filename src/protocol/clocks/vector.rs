//! Vector clocks (Fidge 1988, Mattern 1989) and dots (Preguica et al., "Dotted version vectors", 2012): one counter a
//! writer. One vector is below another exactly if what it stands for happened before.

/// One event: the `count`-th of a writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Whose event.
    pub writer: u32,
    /// Its number there, from 1.
    pub count: u64,
}

/// How two vectors stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Causality {
    /// The same events.
    Equal,
    /// The first happened before the second.
    Before,
    /// The first happened after the second.
    After,
    /// Neither knows of the other.
    Concurrent,
}

/// A set of events that holds, with each event of a writer, all earlier ones of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VectorClock {
    /// By writer, ascending; no zeros.
    counts: Vec<(u32, u64)>,
}

impl VectorClock {
    /// How many events of a writer it holds.
    pub fn count(&self, writer: u32) -> u64 {
        self.counts.binary_search_by_key(&writer, |(w, _)| *w).map_or(0, |i| self.counts[i].1)
    }
    /// Whether it holds this event.
    pub fn holds(&self, dot: Dot) -> bool {
        self.count(dot.writer) >= dot.count
    }
    /// Adds an event and all earlier ones of its writer.
    pub fn add(&mut self, dot: Dot) {
        match self.counts.binary_search_by_key(&dot.writer, |(w, _)| *w) {
            Ok(i) => self.counts[i].1 = self.counts[i].1.max(dot.count),
            Err(i) if dot.count > 0 => self.counts.insert(i, (dot.writer, dot.count)),
            Err(_) => {}
        }
    }
    /// An event of one's own: its dot.
    pub fn tick(&mut self, writer: u32) -> Dot {
        let dot = Dot { writer, count: self.count(writer) + 1 };
        self.add(dot);
        dot
    }
    /// Adds everything that `other` holds.
    pub fn join(&mut self, other: &VectorClock) {
        for (writer, count) in &other.counts {
            self.add(Dot { writer: *writer, count: *count });
        }
    }
    /// Whether everything it holds is in `other`.
    pub fn within(&self, other: &VectorClock) -> bool {
        self.counts.iter().all(|(writer, count)| other.count(*writer) >= *count)
    }
    /// How it stands to another.
    pub fn compare(&self, other: &VectorClock) -> Causality {
        match (self.within(other), other.within(self)) {
            (true, true) => Causality::Equal,
            (true, false) => Causality::Before,
            (false, true) => Causality::After,
            (false, false) => Causality::Concurrent,
        }
    }
    /// Each writer's last event, by writer.
    pub fn dots(&self) -> impl Iterator<Item = Dot> + '_ {
        self.counts.iter().map(|(writer, count)| Dot { writer: *writer, count: *count })
    }
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
    /// Bytes on the wire: a number and a counter each.
    pub fn bytes(&self) -> u32 {
        12 * u32::try_from(self.counts.len()).unwrap_or(u32::MAX / 12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn events_that_do_not_know_of_each_other_are_concurrent() {
        let (mut a, mut b) = (VectorClock::default(), VectorClock::default());
        a.tick(0);
        b.tick(1);
        assert_eq!(a.compare(&b), Causality::Concurrent);
        b.join(&a);
        assert_eq!(a.compare(&b), Causality::Before);
        assert_eq!(b.compare(&a), Causality::After);
        assert_eq!(b.compare(&b.clone()), Causality::Equal);
    }

    proptest! {
        /// Vector order is happens-before: three processes send one another messages, and the set of events behind
        /// each is kept beside.
        #[test]
        fn one_vector_is_below_another_exactly_if_it_happened_before(steps in prop::collection::vec((0_u32..3, 0_u32..3), 1..40)) {
            use std::collections::BTreeSet;
            let mut clocks = vec![VectorClock::default(); 3];
            let mut pasts: Vec<BTreeSet<Dot>> = vec![BTreeSet::new(); 3];
            let mut events = Vec::new();
            for (from, to) in steps {
                let dot = clocks[from as usize].tick(from);
                pasts[from as usize].insert(dot);
                events.push((dot, clocks[from as usize].clone(), pasts[from as usize].clone()));
                if from != to {
                    let (sent, past) = (clocks[from as usize].clone(), pasts[from as usize].clone());
                    clocks[to as usize].join(&sent);
                    pasts[to as usize].extend(past);
                }
            }
            for (dot, clock, _) in &events {
                for (_, later, past) in &events {
                    prop_assert_eq!(past.contains(dot), clock.within(later));
                }
            }
        }
    }
}
