//! What replicas and lock holders must never do, judged by what was observed of them.
//!
//! Sources: Ongaro and Ousterhout, In search of an understandable consensus algorithm, USENIX ATC 2014, figure 3
//! (election safety, log matching, state machine safety); Kleppmann, How to do distributed locking, 2016 (fencing).

use std::collections::BTreeMap;

use super::describe;
use super::verdict::{Evidence, Verdict};
use super::view::View;
use crate::engine::Instant;
use crate::history::{History, ObjectId, Observation};

fn violated(sentence: String) -> Verdict {
    Verdict::Violated(Box::new(Evidence { sentence, minimal: true, engine: "scan", ..Evidence::default() }))
}

fn at(history: &History, when: Instant) -> String {
    describe::time(history, when)
}

/// Whether no two processes became leader of one term.
pub(super) fn single_leader_per_term(view: &View<'_>) -> Verdict {
    let (history, only) = (view.history, view.object);
    let mut leaders: BTreeMap<(ObjectId, u64), (u32, Instant)> = BTreeMap::new();
    for observation in history.observations() {
        let Observation::Leader { at: when, object, term, process } = observation else { continue };
        if only.is_some_and(|only| only != *object) {
            continue;
        }
        let (first, since) = *leaders.entry((*object, *term)).or_insert((*process, *when));
        if first != *process {
            return violated(format!(
                "term {term} has two leaders: {first} from {}, {process} from {}",
                at(history, since),
                at(history, *when)
            ));
        }
    }
    if leaders.is_empty() { Verdict::vacuous("nobody became leader") } else { Verdict::Holds }
}

/// Whether logs that agree in the term of an entry agree in everything up to it.
pub(super) fn log_matching(view: &View<'_>) -> Verdict {
    let (history, only) = (view.history, view.object);
    let mut logs: BTreeMap<(ObjectId, u32), BTreeMap<u64, (u64, u64)>> = BTreeMap::new();
    for observation in history.observations() {
        let Observation::LogEntry { object, replica, index, term, entry } = observation else { continue };
        if only.is_none_or(|only| only == *object) {
            logs.entry((*object, *replica)).or_default().insert(*index, (*term, *entry));
        }
    }
    if logs.is_empty() {
        return Verdict::vacuous("no log was recorded");
    }
    for (&(object, a), mine) in &logs {
        for (&(other, b), theirs) in logs.range((object, a + 1)..) {
            if other != object {
                break;
            }
            let agree = mine.iter().rev().find(|(index, (term, _))| theirs.get(index).is_some_and(|e| e.0 == *term));
            let Some((&last, _)) = agree else { continue };
            let differ =
                mine.range(..=last).find(|(index, entry)| theirs.get(index).is_some_and(|other| other != *entry));
            if let Some((index, _)) = differ {
                return violated(format!(
                    "the logs of replicas {a} and {b} have the same term at index {last}, but differ at index {index}"
                ));
            }
        }
    }
    Verdict::Holds
}

/// Whether no two replicas applied different entries at one index.
pub(super) fn state_machine_safety(view: &View<'_>) -> Verdict {
    let (history, only) = (view.history, view.object);
    let mut applied: BTreeMap<(ObjectId, u64), (u64, u32)> = BTreeMap::new();
    for observation in history.observations() {
        let Observation::Applied { at: when, object, replica, index, entry, .. } = observation else { continue };
        if only.is_some_and(|only| only != *object) {
            continue;
        }
        let (first, by) = *applied.entry((*object, *index)).or_insert((*entry, *replica));
        if first != *entry {
            return violated(format!(
                "replicas {by} and {replica} applied different entries at index {index}, the second at {}",
                at(history, *when)
            ));
        }
    }
    if applied.is_empty() { Verdict::vacuous("nothing was applied") } else { Verdict::Holds }
}

/// Whether a protected resource never accepts an older token after a newer one.
pub(super) fn fencing_monotonic(view: &View<'_>) -> Verdict {
    let (history, only) = (view.history, view.object);
    let mut newest: BTreeMap<(ObjectId, u64), (u64, u32)> = BTreeMap::new();
    for observation in history.observations() {
        let Observation::Effect { at: when, object, key, token, process } = observation else { continue };
        if only.is_some_and(|only| only != *object) {
            continue;
        }
        let last = newest.entry((*object, *key)).or_insert((*token, *process));
        if last.0 > *token {
            return violated(format!(
                "an effect of process {process} with token {token} was accepted at {} after one of process {} with \
                 token {}",
                at(history, *when),
                last.1,
                last.0
            ));
        }
        *last = (*token, *process);
    }
    if newest.is_empty() { Verdict::vacuous("no effect was accepted") } else { Verdict::Holds }
}
