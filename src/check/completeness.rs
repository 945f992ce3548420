//! Leader completeness: an entry that was committed in a term is in the log of every leader of a later term (Ongaro and
//! Ousterhout, In search of an understandable consensus algorithm, USENIX ATC 2014, figure 3 and 5.4.3).
//!
//! Nobody recorded what a leader's log held when it was elected. But it never overwrites its own log and everybody takes
//! over what precedes its entries: whoever has an entry of its term, in the log or applied, shows its log up to there. So
//! all that was committed before must stand before the first entry of its term, unchanged. What was applied before
//! anybody led that or a later term was certainly committed in an earlier one.

use std::collections::BTreeMap;

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
    /// By term: who, when, and since when there was a leader of it or a later one.
    leaders: BTreeMap<u64, (u32, Instant, Instant)>,
    committed: BTreeMap<u64, Committed>,
    /// Whether any leader was elected after something was committed.
    exercised: bool,
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
                objects.entry(object).or_default().leaders.entry(term).or_insert((process, at, at));
            }
            Observation::Applied { at, object, replica, index, term, entry } => {
                let first = Committed { at, entry: (term, entry), by: replica };
                objects.entry(object).or_default().committed.entry(index).or_insert(first);
            }
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
            _ => continue,
        };
        let Some(facts) = objects.get_mut(&object) else { continue };
        let sequence = seen.entry((object, replica)).or_default();
        if let Some(sentence) = sequence.take(history, facts, index, entry) {
            return Verdict::Violated(Box::new(Evidence {
                sentence,
                minimal: true,
                engine: "scan",
                ..Evidence::default()
            }));
        }
    }
    if objects.values().any(|facts| facts.exercised) {
        Verdict::Holds
    } else {
        Verdict::vacuous("nobody was elected after something was committed")
    }
}

impl Facts {
    /// Entries are committed in their order, and what a later term's leader commits may be news to a leader that was
    /// elected after it for an earlier one.
    fn order(&mut self) {
        let mut first = Instant::NEVER;
        for committed in self.committed.values_mut().rev() {
            first = first.min(committed.at);
            committed.at = first;
        }
        let mut first = Instant::NEVER;
        for (_, at, since) in self.leaders.values_mut().rev() {
            first = first.min(*at);
            *since = first;
        }
    }
}

impl Sequence {
    /// Takes one more entry into the picture. What comes back is what the leader of its term lacked.
    fn take(&mut self, history: &History, facts: &mut Facts, index: u64, entry: Entry) -> Option<String> {
        if self.entries.insert(index, entry) != Some(entry) {
            self.compared = self.compared.min(index.saturating_sub(1));
        }
        let (term, before) = (entry.0, self.term);
        self.term = term;
        if term == before {
            return None;
        }
        let &(leader, at, since) = facts.leaders.get(&term)?;
        for (&place, committed) in facts.committed.range(self.compared + 1..) {
            if committed.at >= since || committed.entry.0 >= term {
                break;
            }
            facts.exercised = true;
            let lacks = place >= index || self.entries.get(&place).is_some_and(|own| *own != committed.entry);
            if lacks {
                let when = |at| describe::time(history, at);
                return Some(format!(
                    "replica {leader}, leader of term {term} from {}, lacks entry {place} of term {}, which replica {} \
                     had applied by {}",
                    when(at),
                    committed.entry.0,
                    committed.by,
                    when(committed.at)
                ));
            }
            self.compared = place;
        }
        None
    }
}
