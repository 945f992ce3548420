//! Who saw what, where the values tell: the ground of every judgement that is weaker than linearizability.
//!
//! A read of a register saw the one write of its value; a read of a list or set that only grows saw every element in
//! it. Where several operations wrote one value nothing is known, and only searches can judge.

use super::describe;
use super::model::Model;
use super::view::View;
use crate::engine::Instant;
use crate::history::{Function, OpIndex, Status};

/// What an operation saw of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Saw {
    /// It does not look.
    Nothing,
    /// Nobody's write.
    Initial,
    /// The value that this operation wrote.
    Write(u32),
    /// All these elements and no others; in this order, if the key is a list.
    Elements(Vec<u32>),
}

/// One operation that counts.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    /// Which one.
    pub(super) index: OpIndex,
    /// Its key, numbered from 0 over all objects.
    pub(super) key: u32,
    /// Its chain: operations of one process in their order. An unknown outcome ends its chain.
    pub(super) chain: u32,
    /// Its place in the chain, from 0.
    pub(super) place: u32,
    /// The last operation of its process that was over before, if that is in another chain.
    pub(super) after: Option<u32>,
    /// Its process.
    pub(super) process: u32,
    /// Whether it is known to be over when its process goes on.
    pub(super) over: bool,
    /// Whether it changes the key.
    pub(super) writes: bool,
    /// What it saw.
    pub(super) saw: Saw,
}

/// A history in which every read is bound.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// All operations that count, in order of invocation.
    pub(super) facts: Vec<Fact>,
    /// How many chains there are.
    pub(super) chains: usize,
    /// Of each key, whether it is a list (`Some(true)`), a set (`Some(false)`) or a register.
    pub(super) grows: Vec<Option<bool>>,
    /// Of each key and chain its writes, by place: sorted by (key, chain, place).
    writes: Vec<(u32, u32, u32, u32)>,
}

/// Why nothing is known.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// Somebody read what nobody wrote.
    Phantom(OpIndex),
    /// Values don't tell.
    Ambiguous(String),
}

/// Binds every read of the view, without using time.
pub(super) fn known(view: &View<'_>) -> Result<Known, Why> {
    let history = view.history;
    let (sorted, ranges) = view.by_key();
    // Of each operation of the history its key and what it saw, by OpIndex until all are known.
    let mut found: Vec<(OpIndex, u32, bool, Result<Saw, OpIndex>)> = Vec::with_capacity(sorted.len());
    let mut grows = Vec::with_capacity(ranges.len());
    let mut phantom: Option<OpIndex> = None;
    for (key, range) in ranges.into_iter().enumerate() {
        let operations = &sorted[range];
        let ambiguous = |what: &str| {
            let name = describe::key(history, history.operation(operations[0]));
            let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
            Why::Ambiguous(format!("{what}{of}"))
        };
        let model = view.model(operations).map_err(|_| ambiguous("functions of several kinds of objects"))?;
        let bound = match model {
            Model::Register => register(view, operations),
            Model::List | Model::Set => growing(view, operations),
            _ => Err(Failed::Kind),
        };
        match bound {
            Ok(bound) => {
                for (index, writes, saw) in bound {
                    found.push((index, key as u32, writes, saw));
                }
            }
            Err(Failed::Phantom(index)) => {
                phantom = Some(phantom.map_or(index, |first| first.min(index)));
            }
            Err(Failed::Repeated) => return Err(ambiguous("several operations wrote the same value")),
            Err(Failed::Kind) => {
                return Err(ambiguous(&format!("the values of a {} do not tell who saw what", model.noun())));
            }
        }
        grows.push(match model {
            Model::List => Some(true),
            Model::Set => Some(false),
            _ => None,
        });
    }
    if let Some(index) = phantom {
        return Err(Why::Phantom(index));
    }
    Ok(Known::new(view, found, grows))
}

enum Failed {
    Phantom(OpIndex),
    Repeated,
    Kind,
}

type Bound = Vec<(OpIndex, bool, Result<Saw, OpIndex>)>;

/// The operation of a value among sorted pairs; `None` if there is none.
fn writer_of(writers: &[(u64, OpIndex)], value: u64) -> Result<Option<OpIndex>, Failed> {
    let at = writers.partition_point(|&(known, _)| known < value);
    let same = |at: usize| writers.get(at).filter(|&&(known, _)| known == value).map(|&(_, index)| index);
    if same(at + 1).is_some() { Err(Failed::Repeated) } else { Ok(same(at)) }
}

fn register(view: &View<'_>, operations: &[OpIndex]) -> Result<Bound, Failed> {
    let mut writers: Vec<(u64, OpIndex)> = Vec::new();
    for &index in operations {
        let operation = view.operation(index);
        match operation.function {
            Function::Write => writers.push((operation.value, index)),
            Function::Delete => writers.push((0, index)),
            Function::Cas if operation.status == Status::Refused => return Err(Failed::Kind),
            Function::Cas => writers.push((operation.value, index)),
            _ => {}
        }
    }
    writers.sort_unstable();
    let mut bound = Vec::with_capacity(operations.len());
    for &index in operations {
        let operation = view.operation(index);
        let wants = match operation.function {
            Function::Read => Some(operation.result()),
            Function::Cas if operation.status == Status::Ok => Some(operation.expected()),
            _ => None,
        };
        let saw = match wants {
            None => Ok(Saw::Nothing),
            Some(value) => match (writer_of(&writers, value)?, value) {
                (Some(_), 0) => return Err(Failed::Repeated),
                (Some(writer), _) => Err(writer),
                (None, 0) => Ok(Saw::Initial),
                (None, _) => return Err(Failed::Phantom(index)),
            },
        };
        bound.push((index, operation.function != Function::Read, saw));
    }
    Ok(bound)
}

fn growing(view: &View<'_>, operations: &[OpIndex]) -> Result<Bound, Failed> {
    let mut writers: Vec<(u64, OpIndex)> = Vec::new();
    for &index in operations {
        let operation = view.operation(index);
        match operation.function {
            Function::Append | Function::SetAdd if operation.value != 0 => writers.push((operation.value, index)),
            Function::Scan | Function::SetScan => {}
            _ => return Err(Failed::Kind),
        }
    }
    writers.sort_unstable();
    let mut bound = Vec::with_capacity(operations.len());
    for &index in operations {
        let operation = view.operation(index);
        if !operation.function.is_read() {
            bound.push((index, true, Ok(Saw::Nothing)));
            continue;
        }
        let elements = view.history.list(operation.result());
        let mut saw = Vec::with_capacity(elements.len());
        for &element in elements {
            match writer_of(&writers, element)? {
                Some(writer) => saw.push(writer.0),
                None => return Err(Failed::Phantom(index)),
            }
        }
        bound.push((index, false, Ok(Saw::Elements(saw))));
    }
    Ok(bound)
}

impl Known {
    fn new(
        view: &View<'_>,
        mut found: Vec<(OpIndex, u32, bool, Result<Saw, OpIndex>)>,
        grows: Vec<Option<bool>>,
    ) -> Known {
        let history = view.history;
        let count = history.operations().len();
        let mut seen = vec![false; count];
        for (.., saw) in &found {
            match saw {
                Err(writer) => seen[writer.index()] = true,
                Ok(Saw::Elements(writers)) => writers.iter().for_each(|&writer| seen[writer as usize] = true),
                Ok(_) => {}
            }
        }
        // Nobody can tell that an effect of unknown outcome is missing if nobody saw it. Only a compare-and-set of
        // unknown outcome needs what it compares with.
        let unknown = |index: OpIndex| history.operation(index).status == Status::Unknown;
        let compares = |index: OpIndex| unknown(index) && history.operation(index).function == Function::Cas;
        if !found.iter().any(|&(index, ..)| compares(index)) {
            found.retain(|&(index, ..)| !unknown(index) || seen[index.index()]);
        }
        found.sort_by_key(|&(index, ..)| (history.operation(index).invoked, index));
        let mut at = vec![u32::MAX; count];
        for (place, (index, ..)) in found.iter().enumerate() {
            at[index.index()] = place as u32;
        }
        // The chain of each process, and its last operation that is known to be over.
        let mut processes: Vec<(u32, u32, u32)> = Vec::new();
        let mut chain_ends: Vec<Option<u32>> = Vec::new();
        let mut lengths: Vec<u32> = Vec::new();
        let mut facts: Vec<Fact> = Vec::with_capacity(found.len());
        for (index, key, writes, saw) in found {
            let operation = history.operation(index);
            let process = match processes.binary_search_by_key(&operation.process, |&(process, ..)| process) {
                Ok(known) => known,
                Err(place) => {
                    processes.insert(place, (operation.process, lengths.len() as u32, 0));
                    lengths.push(0);
                    chain_ends.push(None);
                    place
                }
            };
            let home = processes[process].1;
            let this = facts.len() as u32;
            let (chain, after) = if operation.completed == Instant::NEVER {
                lengths.push(0);
                chain_ends.push(None);
                (lengths.len() as u32 - 1, chain_ends[home as usize])
            } else {
                chain_ends[home as usize] = Some(this);
                (home, None)
            };
            let place = lengths[chain as usize];
            lengths[chain as usize] += 1;
            let saw = match saw {
                Ok(Saw::Elements(writers)) => {
                    Saw::Elements(writers.into_iter().map(|writer| at[writer as usize]).collect())
                }
                Ok(saw) => saw,
                Err(writer) => Saw::Write(at[writer.index()]),
            };
            let over = operation.completed != Instant::NEVER;
            facts.push(Fact { index, key, chain, place, after, process: operation.process, over, writes, saw });
        }
        Known::indexed(facts, lengths.len(), grows)
    }

    fn indexed(facts: Vec<Fact>, chains: usize, grows: Vec<Option<bool>>) -> Known {
        let mut writes: Vec<(u32, u32, u32, u32)> = facts
            .iter()
            .enumerate()
            .filter(|(_, fact)| fact.writes)
            .map(|(at, fact)| (fact.key, fact.chain, fact.place, at as u32))
            .collect();
        writes.sort_unstable();
        Known { facts, chains, grows, writes }
    }

    /// What pipelined RAM asks of one process: its own operations and all writes of the keys that it looked at, in the
    /// chains and the order that they had. Nothing else can be in a circle that its reads close.
    pub(super) fn looked_at_by(&self, process: u32) -> Known {
        let own = |fact: &Fact| fact.process == process;
        let mut looked = vec![false; self.grows.len()];
        for fact in self.facts.iter().filter(|fact| own(fact) && fact.saw != Saw::Nothing) {
            looked[fact.key as usize] = true;
        }
        // Of each old fact the last that is kept of its chain until then; of each old chain its new number and length.
        let mut until: Vec<Option<u32>> = Vec::with_capacity(self.facts.len());
        let mut last: Vec<Option<u32>> = vec![None; self.chains];
        let mut chains: Vec<Option<(u32, u32)>> = vec![None; self.chains];
        let mut count = 0;
        let mut facts: Vec<Fact> = Vec::new();
        for fact in &self.facts {
            let old = fact.chain as usize;
            if own(fact) || fact.writes && looked[fact.key as usize] {
                let (chain, place) = chains[old].get_or_insert_with(|| {
                    count += 1;
                    (count - 1, 0)
                });
                let after = fact.after.and_then(|after| until[after as usize]);
                let saw = match &fact.saw {
                    _ if !own(fact) => Saw::Nothing,
                    // A writer may have been invoked later; all are known only in the end.
                    saw => saw.clone(),
                };
                last[old] = Some(facts.len() as u32);
                facts.push(Fact { chain: *chain, place: *place, after, saw, ..*fact });
                *place += 1;
            }
            until.push(last[old]);
        }
        let new = |writer: u32| until[writer as usize].expect("the writes of what it looked at are kept");
        for fact in &mut facts {
            match &mut fact.saw {
                Saw::Write(writer) => *writer = new(*writer),
                Saw::Elements(writers) => writers.iter_mut().for_each(|writer| *writer = new(*writer)),
                Saw::Nothing | Saw::Initial => {}
            }
        }
        Known::indexed(facts, count as usize, self.grows.clone())
    }

    /// The writes of a key, by chain and place.
    pub(super) fn written(&self, key: u32) -> &[(u32, u32, u32, u32)] {
        let start = self.writes.partition_point(|&(k, ..)| k < key);
        let end = start + self.writes[start..].partition_point(|&(k, ..)| k == key);
        &self.writes[start..end]
    }

    /// The writes of a key by chain.
    pub(super) fn writes_of(&self, key: u32) -> impl Iterator<Item = &[(u32, u32, u32, u32)]> {
        self.written(key).chunk_by(|a, b| a.1 == b.1)
    }
}
