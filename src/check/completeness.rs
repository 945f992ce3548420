//! Leader completeness: an entry that was committed in a term is in the log of every leader of a later term (Ongaro and
//! Ousterhout, In search of an understandable consensus algorithm, USENIX ATC 2014, figure 3 and 5.4.3).
//!
//! Nobody recorded what a leader's log held when it was elected. But it never overwrites its own log and everybody takes
//! over what precedes its entries: whoever has an entry of its term, in the log or applied, shows its log up to there. So
//! all that was committed before must stand before the first entry of its term, unchanged.
//!
//! Nor did anybody record in which term an entry was committed. But it was committed by a leader that had it, and that
//! had been elected when it was applied. So a leader that lacks it is one too many, unless some leader of a still later
//! term had been elected by then that is not seen to lack it too: that one may have committed it. What is missed: leaders
//! that left no entry of their term with anybody, entries that only snapshots carried, and entries that nobody applied.

use std::collections::{BTreeMap, BTreeSet};

use super::describe;
use super::verdict::{Evidence, Verdict};
use super::view::View;
use crate::engine::Instant;
use crate::history::{History, ObjectId, Observation};

/// An entry that is known to be committed, and who applied it first.
#[derive(Clone, Copy, Debug)]
struct Committed {
    /// The first time that this entry or a later one was applied.
    at: Instant,
    entry: Entry,
    by: u32,
}

/// Term and fingerprint.
type Entry = (u64, u64);

/// Who was elected, and what was committed.
#[derive(Debug, Default)]
struct Facts {
    /// By term: who and when.
    leaders: BTreeMap<u64, (u32, Instant)>,
    committed: BTreeMap<u64, Committed>,
    /// Which entry the leader of which term lacks.
    lacking: BTreeSet<(u64, u64)>,
    /// Whether any leader was elected after something was committed.
    exercised: bool,
    /// Whether leaders were observed when they began, so that logs need not tell.
    adopts: bool,
}

/// What one replica was seen to have.
#[derive(Debug, Default)]
struct Sequence {
    entries: BTreeMap<u64, Entry>,
    /// The term of the last entry that was looked at.
    term: u64,
    /// Up to here it has been compared with what is committed.
    compared: u64,
}

/// Whether every leader had what was committed in earlier terms.
pub(super) fn leader_completeness(view: &View<'_>) -> Verdict {
    let history = view.history;
    let mut objects: BTreeMap<ObjectId, Facts> = BTreeMap::new();
    for observation in history.observations() {
        match *observation {
            Observation::Leader { at, object, term, process } => {
                objects.entry(object).or_default().leaders.entry(term).or_insert((process, at));
            }
            Observation::Applied { at, object, replica, index, term, entry } => {
                let first = Committed { at, entry: (term, entry), by: replica };
                objects.entry(object).or_default().committed.entry(index).or_insert(first);
            }
            Observation::Adopted { object, .. } => objects.entry(object).or_default().adopts = true,
            _ => {}
        }
    }
    objects.retain(|object, _| view.object.is_none_or(|only| only == *object));
    objects.values_mut().for_each(Facts::order);
    let mut applied: BTreeMap<(ObjectId, u32), Sequence> = BTreeMap::new();
    let mut logs: BTreeMap<(ObjectId, u32), Sequence> = BTreeMap::new();
    for observation in history.observations() {
        let (object, replica, index, entry, seen) = match *observation {
            Observation::Applied { object, replica, index, term, entry, .. } => {
                (object, replica, index, (term, entry), &mut applied)
            }
            Observation::LogEntry { object, replica, index, term, entry } => {
                (object, replica, index, (term, entry), &mut logs)
            }
            Observation::Adopted { object, replica, term, first, ref entries } => {
                let Some(facts) = objects.get_mut(&object) else { continue };
                applied.entry((object, replica)).or_default().adopt(facts, term, first, entries);
                continue;
            }
            _ => continue,
        };
        let Some(facts) = objects.get_mut(&object) else { continue };
        let sequence = seen.entry((object, replica)).or_default();
        sequence.put(index, entry);
        if !facts.adopts {
            sequence.judge(facts, index, entry.0);
        }
    }
    if let Some(sentence) = objects.values().find_map(|facts| facts.incomplete(history)) {
        return Verdict::Violated(Box::new(Evidence {
            sentence,
            minimal: true,
            engine: "scan",
            ..Evidence::default()
        }));
    }
    if objects.values().any(|facts| facts.exercised) {
        Verdict::Holds
    } else {
        Verdict::vacuous("nobody was elected after something was committed")
    }
}

impl Facts {
    /// Entries are committed in their order.
    fn order(&mut self) {
        let mut first = Instant::NEVER;
        for committed in self.committed.values_mut().rev() {
            first = first.min(committed.at);
            committed.at = first;
        }
    }

    /// A leader that lacks what was committed in an earlier term than its own.
    fn incomplete(&self, history: &History) -> Option<String> {
        let found = self.lacking.iter().find(|&&(place, term)| {
            let at = self.committed[&place].at;
            let mut later = self.leaders.range(term + 1..);
            !later.any(|(&later, &(_, since))| since <= at && !self.lacking.contains(&(place, later)))
        });
        let &(place, term) = found?;
        let (leader, since) = self.leaders[&term];
        let committed = &self.committed[&place];
        let when = |at| describe::time(history, at);
        Some(format!(
            "replica {leader}, leader of term {term} from {}, lacks entry {place} of term {}, which replica {} had applied \
             by {}",
            when(since),
            committed.entry.0,
            committed.by,
            when(committed.at)
        ))
    }
}

impl Sequence {
    /// Takes one more entry into the picture.
    fn put(&mut self, index: u64, entry: Entry) {
        if self.entries.insert(index, entry) != Some(entry) {
            self.compared = self.compared.min(index.saturating_sub(1));
        }
    }

    /// Notes what the leader of the last entry's term lacked, if it is the first of that term.
    fn judge(&mut self, facts: &mut Facts, index: u64, term: u64) {
        let before = self.term;
        self.term = term;
        if term != before {
            let lacks = |entries: &BTreeMap<u64, Entry>, place, committed: Entry| {
                place >= index || entries.get(&place).is_some_and(|own| *own != committed)
            };
            self.compare(facts, term, lacks);
        }
    }

    /// Notes what a leader of Paxos lacked when it began: of what it had applied, and of what it adopted from `first` on.
    fn adopt(&mut self, facts: &mut Facts, term: u64, first: u64, adopted: &[u64]) {
        let lacks = |entries: &BTreeMap<u64, Entry>, place: u64, (_, committed): Entry| match place.checked_sub(first) {
            Some(at) => adopted.get(at as usize) != Some(&committed),
            None => entries.get(&place).is_some_and(|own| own.1 != committed),
        };
        self.compare(facts, term, lacks);
        // What was adopted may yet be applied otherwise.
        self.compared = self.compared.min(first.saturating_sub(1));
    }

    /// Compares what this replica has with what was committed in terms before `term`, whose leader is to have all of it.
    fn compare(&mut self, facts: &mut Facts, term: u64, lacks: impl Fn(&BTreeMap<u64, Entry>, u64, Entry) -> bool) {
        let Some(&(_, since)) = facts.leaders.get(&term) else { return };
        let mut whole = true;
        for (&place, committed) in facts.committed.range(self.compared + 1..) {
            if committed.entry.0 >= term {
                break;
            }
            facts.exercised |= committed.at < since;
            if lacks(&self.entries, place, committed.entry) {
                facts.lacking.insert((place, term));
                whole = false;
            }
            if whole {
                self.compared = place;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KV: ObjectId = ObjectId(0);

    fn history(observations: &[Observation]) -> History {
        let mut history = History::new();
        history.object("kv");
        observations.iter().for_each(|observation| history.observe(observation.clone()));
        history
    }

    fn leader(at: u64, term: u64, process: u32) -> Observation {
        Observation::Leader { at: Instant(at), object: KV, term, process }
    }

    fn applied(at: u64, replica: u32, index: u64, term: u64) -> Observation {
        Observation::Applied { at: Instant(at), object: KV, replica, index, term, entry: term * 10 + index }
    }

    fn verdict(observations: &[Observation]) -> &'static str {
        leader_completeness(&View::new(&history(observations), None)).name()
    }

    // 1. Replica 0 leads term 1 and is cut off. 2. Replica 1 leads term 2 and writes entry 1. 3. Replica 0 still counts
    // acknowledgements, and applies its own entry 1.
    #[test]
    fn what_a_replaced_leader_commits_late_is_lacked_by_its_successor() {
        assert_eq!(verdict(&[leader(1, 1, 0), leader(5, 2, 1), applied(6, 0, 1, 1), applied(7, 1, 1, 2)]), "violated");
    }

    #[test]
    fn a_leader_in_between_need_not_have_what_a_still_later_one_may_have_committed() {
        let elected = [leader(1, 1, 0), leader(2, 2, 1), leader(3, 3, 0)];
        // Replica 1 never got rid of its entry 1 of term 2; replica 0 leads term 3 with its own of term 1.
        let mut all = elected.to_vec();
        all.extend([applied(4, 0, 1, 1), applied(4, 0, 2, 3)]);
        let log = |index, term| Observation::LogEntry { object: KV, replica: 1, index, term, entry: term * 10 + index };
        all.push(log(1, 2));
        assert_eq!(verdict(&all), "vacuous");
        // If term 3 had begun only after entry 1 was applied, nobody but the leader of term 1 could have committed it.
        all[2] = leader(5, 3, 0);
        assert_eq!(verdict(&all), "violated");
    }

    #[test]
    fn a_later_leader_that_lacks_it_too_is_no_excuse() {
        let elected = [leader(1, 1, 0), leader(2, 2, 1), leader(3, 3, 2)];
        let mut all = elected.to_vec();
        all.extend([applied(4, 0, 1, 1), applied(5, 1, 1, 2), applied(6, 2, 1, 3)]);
        assert_eq!(verdict(&all), "violated");
    }

    fn adopted(replica: u32, term: u64, first: u64, entries: &[u64]) -> Observation {
        Observation::Adopted { object: KV, replica, term, first, entries: entries.to_vec() }
    }

    fn chosen(at: u64, replica: u32, index: u64, term: u64, entry: u64) -> Observation {
        Observation::Applied { at: Instant(at), object: KV, replica, index, term, entry }
    }

    // 1. Replica 0 has entries 1 and 2 chosen in ballot 1, and alone knows of it. 2. Replica 1 gets both from a promise and
    // proposes them again in ballot 2, under which it applies them.
    #[test]
    fn what_a_leader_of_paxos_proposes_again_it_does_not_lack() {
        let begun = [leader(1, 1, 0), adopted(0, 1, 1, &[]), chosen(2, 0, 1, 1, 71), chosen(3, 0, 2, 1, 72)];
        let mut all = begun.to_vec();
        all.extend([leader(5, 2, 1), adopted(1, 2, 1, &[71, 72])]);
        all.extend([chosen(6, 1, 1, 2, 71), chosen(6, 1, 2, 2, 72), chosen(7, 1, 3, 2, 73)]);
        assert_eq!(verdict(&all), "holds");
        // So it is if it had applied the first of them itself.
        all.insert(4, chosen(4, 1, 1, 1, 71));
        all[6] = adopted(1, 2, 2, &[72]);
        assert_eq!(verdict(&all), "holds");
    }

    #[test]
    fn a_leader_of_paxos_that_adopts_less_or_something_else_lacks_what_was_chosen() {
        let begun = [leader(1, 1, 0), adopted(0, 1, 1, &[]), chosen(2, 0, 1, 1, 71), chosen(3, 0, 2, 1, 72)];
        for (first, entries) in [(1, &[71_u64][..]), (1, &[]), (1, &[71, 99]), (1, &[99, 72]), (2, &[])] {
            let mut all = begun.to_vec();
            all.extend([leader(5, 2, 1), adopted(1, 2, first, entries)]);
            assert_eq!(verdict(&all), "violated", "{first} {entries:?}");
        }
    }

    #[test]
    fn a_leader_of_paxos_that_had_applied_something_else_lacks_what_was_chosen() {
        let all = [leader(1, 1, 0), adopted(0, 1, 1, &[]), chosen(2, 0, 1, 1, 71), chosen(3, 1, 1, 1, 72)];
        assert_eq!(verdict(&[&all[..], &[leader(5, 2, 1), adopted(1, 2, 2, &[])]].concat()), "violated");
    }

    #[test]
    fn a_leader_of_an_earlier_ballot_need_not_have_what_a_later_one_chose() {
        let all =
            [leader(1, 2, 1), adopted(1, 2, 1, &[]), chosen(2, 1, 1, 2, 71), leader(3, 1, 0), adopted(0, 1, 1, &[])];
        assert_eq!(verdict(&all), "vacuous");
    }
}
