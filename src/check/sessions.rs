//! What one client may expect of its own session: read your writes, monotonic reads, monotonic writes, writes follow
//! reads.
//!
//! Source: Terry, Demers, Petersen, Spreitzer, Theimer, Welch, Session guarantees for weakly consistent replicated data,
//! PDIS 1994. A read misses a write if what it saw is certainly older: the initial value, a value that the writer of the
//! write had written before it, or one that whoever reads had known before it knew the write (if it did, by now). That is
//! what clients can tell without the store's own order of versions. Then, for a process p:
//!
//! | guarantee | violated if |
//! |---|---|
//! | read your writes | p wrote w, then read and missed w |
//! | monotonic reads | p saw w, then read and missed w |
//! | monotonic writes | somebody wrote v, then w; p saw w, then read and missed v |
//! | writes follow reads | somebody saw v, then wrote w; p saw w, then read and missed v |
//!
//! For writes follow reads, what the writer had only seen is older too. PRAM implies the first three and causal memory
//! all of them.

use std::collections::BTreeMap;

use super::describe;
use super::known::{Known, Saw, Why, known};
use super::verdict::{Evidence, Steps, Verdict};
use super::view::View;
use super::weak::{Weak, weak};
use crate::check::Engine;

/// The four guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guarantee {
    /// A process's reads see its own writes.
    ReadYourWrites,
    /// A process never reads backwards.
    MonotonicReads,
    /// A process's writes are seen in its order.
    MonotonicWrites,
    /// A write is seen after the writes that its process had seen.
    WritesFollowReads,
}

/// Whether every session has a guarantee.
pub(super) fn session(view: &View<'_>, guarantee: Guarantee, steps: Steps) -> Verdict {
    if view.observers() == 0 {
        return Verdict::vacuous("no completed operation says anything about the state");
    }
    match known(view) {
        Ok(facts) => by_facts(view, &facts, guarantee),
        // Values don't tell, but a stronger model may.
        Err(why) => {
            let stronger = match guarantee {
                Guarantee::WritesFollowReads => Weak::Causal,
                _ => Weak::Pram,
            };
            match (weak(view, stronger, Engine::Fastest, steps), why) {
                (Verdict::Holds, _) => Verdict::Holds,
                (_, Why::Ambiguous(reason)) => Verdict::unknown(reason),
                (_, Why::Phantom(read)) => {
                    Verdict::unknown(format!("nobody wrote what {} returned", describe::name(view.history, read)))
                }
            }
        }
    }
}

/// A write that a process must not miss.
#[derive(Clone, Copy, Debug)]
struct Duty {
    write: u32,
    /// The operation by which the process came to know of it.
    by: u32,
}

/// What a process has to see of a key. Of a register, the last write of each writer and the one that the process
/// learnt of last say it all, as long as nobody saw his own write before he wrote it; of a list or set each element
/// counts.
#[derive(Debug, Default)]
struct Duties {
    last_of: BTreeMap<u32, Duty>,
    /// Writes that another of the same writer replaced though he had seen that one before he wrote it.
    foreseen: Vec<Duty>,
    newest: Option<(u32, Duty)>,
    /// Writes that the process does not know itself yet.
    unknown: BTreeMap<u32, Duty>,
    elements: BTreeMap<u32, u32>,
}

struct Judge<'a> {
    facts: &'a Known,
    guarantee: Guarantee,
    /// When a process first knew a write, as (process, write) → position.
    first_known: BTreeMap<(u32, u32), u32>,
    /// Sorted elements of each read of a list or set.
    elements: Vec<Vec<u32>>,
}

fn by_facts(view: &View<'_>, facts: &Known, guarantee: Guarantee) -> Verdict {
    let mut first_known = BTreeMap::new();
    let mut elements = vec![Vec::new(); facts.facts.len()];
    for (at, fact) in facts.facts.iter().enumerate() {
        let mut note = |write: u32| {
            first_known.entry((fact.process, write)).or_insert(at as u32);
        };
        if let Saw::Write(write) = fact.saw {
            note(write);
        }
        if fact.writes && fact.over {
            note(at as u32);
        }
        if let Saw::Elements(writers) = &fact.saw {
            elements[at] = writers.clone();
            elements[at].sort_unstable();
        }
    }
    let judge = Judge { facts, guarantee, first_known, elements };
    match judge.first_violation(guarantee) {
        None => Verdict::Holds,
        Some((read, duty)) => judge.violated(view, guarantee, read, &duty),
    }
}

impl Duties {
    /// One more. `own` says when the process itself learns of the write.
    fn add(&mut self, duty: Duty, writer: u32, own: Option<u32>, foreseen: impl Fn(u32) -> bool) {
        let last = self.last_of.entry(writer).or_insert(duty);
        let earlier = if duty.write < last.write { duty } else { *last };
        if duty.write > last.write {
            *last = duty;
        }
        if earlier.write != last.write && foreseen(last.write) {
            self.foreseen.push(earlier);
        }
        match own {
            Some(own) if own <= duty.by => self.learnt(own, duty),
            Some(_) => {
                self.unknown.entry(duty.write).or_insert(duty);
            }
            None => {}
        }
    }

    /// The process has learnt of a write.
    fn learnt(&mut self, own: u32, duty: Duty) {
        if self.newest.is_none_or(|(newest, _)| own > newest) {
            self.newest = Some((own, duty));
        }
    }
}

impl Judge<'_> {
    fn first_violation(&self, guarantee: Guarantee) -> Option<(u32, Duty)> {
        let facts = &self.facts.facts;
        // Of each process and key what it must see, and of each process the writes that it knew of.
        let mut duties: BTreeMap<(u32, u32), Duties> = BTreeMap::new();
        let mut own_writes: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut own_seen: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        // What each write carries: how many of its process's earlier writes, and of what it had seen.
        let mut carried: Vec<(u32, u32)> = vec![(0, 0); facts.len()];
        for (at, fact) in facts.iter().enumerate() {
            if fact.writes {
                let count = |known: &BTreeMap<u32, Vec<u32>>| known.get(&fact.process).map_or(0, Vec::len) as u32;
                carried[at] = (count(&own_writes), count(&own_seen));
                if fact.over {
                    own_writes.entry(fact.process).or_default().push(at as u32);
                }
            }
            self.seen(at as u32).for_each(|write| own_seen.entry(fact.process).or_default().push(write));
        }
        // How much of another process's list each process already owes.
        let mut owed: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for (at, fact) in facts.iter().enumerate() {
            let at = at as u32;
            let owe = |write: u32, duties: &mut BTreeMap<(u32, u32), Duties>| {
                let key = facts[write as usize].key;
                let own = self.first_known.get(&(fact.process, write)).copied();
                let writer = facts[write as usize].process;
                let duties = duties.entry((fact.process, key)).or_default();
                if self.facts.grows[key as usize].is_some() {
                    duties.elements.entry(write).or_insert(at);
                    return;
                }
                let foreseen = |write: u32| self.first_known.get(&(writer, write)).is_some_and(|&known| known < write);
                duties.add(Duty { write, by: at }, writer, own, foreseen);
            };
            // A read owes what it knew before; in lists and sets also what this very read brings.
            let grows = self.facts.grows[fact.key as usize].is_some();
            if !grows && let Some(found) = self.missed(at, &duties) {
                return Some((at, found));
            }
            for write in self.seen(at) {
                if let Some(duties) = duties.get_mut(&(fact.process, facts[write as usize].key))
                    && let Some(duty) = duties.unknown.remove(&write)
                {
                    duties.learnt(at, duty);
                }
                match guarantee {
                    Guarantee::ReadYourWrites => {}
                    Guarantee::MonotonicReads => owe(write, &mut duties),
                    Guarantee::MonotonicWrites | Guarantee::WritesFollowReads => {
                        let other = facts[write as usize].process;
                        let (writes, seen) = carried[write as usize];
                        let (list, length) = match guarantee {
                            Guarantee::MonotonicWrites => (own_writes.get(&other), writes),
                            _ => (own_seen.get(&other), seen),
                        };
                        let from = owed.entry((fact.process, other)).or_insert(0);
                        let list = list.map_or(&[][..], |list| &list[..length as usize]);
                        for &write in list.get(*from as usize..).unwrap_or(&[]) {
                            owe(write, &mut duties);
                        }
                        *from = (*from).max(length);
                    }
                }
            }
            if grows && let Some(found) = self.missed(at, &duties) {
                return Some((at, found));
            }
            if fact.writes && fact.over && guarantee == Guarantee::ReadYourWrites {
                owe(at, &mut duties);
            }
        }
        None
    }

    /// Writes that an operation saw.
    fn seen(&self, at: u32) -> impl Iterator<Item = u32> {
        let (one, many) = match &self.facts.facts[at as usize].saw {
            Saw::Write(write) => (Some(*write), &[][..]),
            Saw::Elements(writers) => (None, writers.as_slice()),
            Saw::Nothing | Saw::Initial => (None, &[][..]),
        };
        one.into_iter().chain(many.iter().copied())
    }

    /// A duty that a read does not meet.
    fn missed(&self, read: u32, duties: &BTreeMap<(u32, u32), Duties>) -> Option<Duty> {
        let fact = &self.facts.facts[read as usize];
        if fact.saw == Saw::Nothing {
            return None;
        }
        let duties = duties.get(&(fact.process, fact.key))?;
        let registers =
            duties.last_of.values().chain(duties.newest.iter().map(|(_, duty)| duty)).chain(&duties.foreseen).copied();
        let elements = duties.elements.iter().map(|(&write, &by)| Duty { write, by });
        registers.chain(elements).find(|duty| self.misses(read, duty))
    }

    /// Whether what a read saw is certainly older than a write.
    fn misses(&self, read: u32, duty: &Duty) -> bool {
        let fact = &self.facts.facts[read as usize];
        let write = duty.write;
        match &fact.saw {
            Saw::Nothing => false,
            Saw::Initial => true,
            Saw::Elements(_) => self.elements[read as usize].binary_search(&write).is_err(),
            Saw::Write(source) if *source == write => false,
            Saw::Write(source) => {
                let writer = self.facts.facts[write as usize].process;
                let knew = |process: u32, before: u32| {
                    self.first_known.get(&(process, *source)).is_some_and(|&at| at < before)
                };
                let own = self.first_known.get(&(fact.process, write)).filter(|&&own| own < read);
                let older = match self.guarantee {
                    Guarantee::WritesFollowReads => knew(writer, write),
                    _ => self.wrote(writer, *source) && *source < write,
                };
                older || own.is_some_and(|&own| knew(fact.process, own))
            }
        }
    }

    fn wrote(&self, process: u32, write: u32) -> bool {
        let fact = &self.facts.facts[write as usize];
        fact.process == process && fact.over
    }

    fn violated(&self, view: &View<'_>, guarantee: Guarantee, read: u32, duty: &Duty) -> Verdict {
        let facts = &self.facts.facts;
        let index = |at: u32| facts[at as usize].index;
        let mut operations = vec![index(read), index(duty.write), index(duty.by)];
        let reader = facts[read as usize].process;
        let writer = facts[duty.write as usize].process;
        let mut came_by = |process: u32, write: u32, before: u32| {
            let known = self.first_known.get(&(process, write)).filter(|&&at| at < before);
            operations.extend(known.map(|&at| index(at)));
        };
        // How it is known that what was read is older.
        if let Saw::Write(source) = facts[read as usize].saw {
            came_by(reader, duty.write, read);
            came_by(reader, source, read);
            came_by(writer, source, duty.write);
            operations.push(index(source));
        }
        // What the write came with.
        let carriers = self.seen(duty.by);
        operations.extend(
            carriers
                .filter(|&write| facts[write as usize].process == facts[duty.write as usize].process)
                .map(index)
                .take(1),
        );
        operations.sort_unstable();
        operations.dedup();
        let name = |at: u32| describe::name(view.history, index(at));
        let knows = match guarantee {
            Guarantee::ReadYourWrites => "its own process had done",
            Guarantee::MonotonicReads => "its process had seen",
            Guarantee::MonotonicWrites => "came before a write that its process had seen",
            Guarantee::WritesFollowReads => "had been seen by the writer of what its process had seen",
        };
        Verdict::Violated(Box::new(Evidence {
            sentence: format!("{} misses {}, which {knows}", name(read), name(duty.write)),
            operations,
            culprit: Some(index(read)),
            minimal: false,
            engine: "sessions",
            ..Evidence::default()
        }))
    }
}
