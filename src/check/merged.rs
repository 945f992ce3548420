//! Writes that a store dropped by comparing clocks, and that nobody meant to overwrite.
//!
//! A blind write says nothing of what it replaces, so a history alone can't tell an overwritten value from one that was
//! lost when two sides of a cut came together: any single copy could have taken the two writes in that order. What tells
//! them apart is when the two met. If a replica that acknowledged one had seen the other, the later was written over the
//! earlier. If both had been acknowledged before anybody had seen both, the store decided by itself which client's write
//! to throw away. Version vectors would have kept both (Shapiro et al. 2011, section 3.1; Kingsbury, "Jepsen:
//! Cassandra", 2013).
//!
//! Left out: versions that cross each other on their way without a cut, before either is repaired.

use std::collections::BTreeMap;

use super::view::View;
use crate::history::{ObjectId, Observation, OpIndex, Status};

/// An acknowledged write that was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// The write that is gone.
    pub write: OpIndex,
    /// The one that was kept instead.
    pub kept: OpIndex,
    /// The first replica that so decided.
    pub replica: u32,
}

/// An acknowledgement as its coordinator saw it.
#[derive(Clone, Copy)]
struct Event<'a> {
    event: (u32, u64),
    met: &'a [(u32, u64)],
}

impl Event<'_> {
    fn had_met(&self, other: &Event<'_>) -> bool {
        let (writer, count) = other.event;
        self.met.iter().any(|&(who, last)| who == writer && last >= count)
    }
}

/// All writes that were dropped for one that they had never met, each once, in the order of the history.
pub fn dropped(view: &View<'_>) -> Vec<Dropped> {
    let history = view.history;
    let here = |object: ObjectId| view.object.is_none_or(|only| only == object);
    let mut merges: BTreeMap<(ObjectId, u64, u64, u64), u32> = BTreeMap::new();
    for observation in history.observations() {
        if let Observation::Merged { object, replica, key, kept, dropped, .. } = *observation
            && here(object)
        {
            merges.entry((object, key, dropped, kept)).or_insert(replica);
        }
    }
    if merges.is_empty() {
        return Vec::new();
    }
    let mut events: BTreeMap<(ObjectId, u64, u64), Event<'_>> = BTreeMap::new();
    for observation in history.observations() {
        if let Observation::Acknowledged { object, key, value, event, met } = observation
            && here(*object)
        {
            events.insert((*object, *key, *value), Event { event: *event, met });
        }
    }
    let mut writes: BTreeMap<(ObjectId, u64, u64), OpIndex> = BTreeMap::new();
    for &index in &view.operations {
        let operation = history.operation(index);
        if !operation.function.is_read() && operation.status == Status::Ok {
            writes.insert((operation.object, operation.key, operation.value), index);
        }
    }
    let mut found: BTreeMap<OpIndex, Dropped> = BTreeMap::new();
    for ((object, key, lost, kept), replica) in merges {
        let of = |value: u64| Some((events.get(&(object, key, value))?, *writes.get(&(object, key, value))?));
        let (Some((theirs, write)), Some((ours, by))) = (of(lost), of(kept)) else { continue };
        if !ours.had_met(theirs) && !theirs.had_met(ours) {
            found.entry(write).or_insert(Dropped { write, kept: by, replica });
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Engine;
    use crate::check::{Property, Steps, Verdict, judge_with, lost_writes};
    use crate::engine::Instant;
    use crate::history::{Function, History, Invocation};

    /// Two writes of key 7, one after the other, both acknowledged by the second 3; then replica 0 hears of both.
    fn two_sides(met_by_second: &[(u32, u64)], second_answers: bool) -> History {
        let mut history = History::new();
        let object = history.object("kv");
        for (process, value, at) in [(0, 11, 1), (1, 22, 2)] {
            let call = Invocation {
                at: Instant(at * 1_000),
                process,
                object,
                key: 7,
                function: Function::Write,
                value,
                expected: 0,
            };
            let index = history.invoke(call);
            if value == 11 || second_answers {
                history.complete(index, Status::Ok, 0, Instant(at * 1_000 + 500));
                let met = if value == 22 { met_by_second.to_vec() } else { vec![(0, 1)] };
                let event = (process, 1);
                history.observe(Observation::Acknowledged { object, key: 7, value, event, met });
            }
        }
        history.observe(Observation::Merged { at: Instant(9_000), object, replica: 0, key: 7, kept: 22, dropped: 11 });
        history.observe(Observation::FinalState { object, replica: 0, key: 7, values: vec![22] });
        history
    }

    fn verdict(history: &History) -> Verdict {
        judge_with(&View::new(history, None), Property::NoLostAckedWrite, Engine::Fastest, Steps::DEFAULT)
    }

    #[test]
    fn a_write_dropped_for_one_that_it_never_met_is_lost() {
        let history = two_sides(&[(1, 1)], true);
        assert_eq!(lost_writes(&View::new(&history, None)), Some(1));
        let Verdict::Violated(evidence) = verdict(&history) else { panic!("{:?}", verdict(&history)) };
        assert!(evidence.sentence.contains("before the two had met"), "{}", evidence.sentence);
        assert_eq!(evidence.operations, [OpIndex(0), OpIndex(1)]);
    }

    #[test]
    fn a_write_that_somebody_meant_to_overwrite_is_not() {
        let history = two_sides(&[(0, 1), (1, 1)], true);
        assert_eq!(lost_writes(&View::new(&history, None)), Some(0));
        assert_eq!(verdict(&history), Verdict::Holds);
    }

    #[test]
    fn nobody_knows_whether_what_ended_unknown_had_met_the_other() {
        assert_eq!(verdict(&two_sides(&[], false)), Verdict::Holds);
    }
}
