//! Linearizability where it is known which write each read saw: sort and sweep, O(n log n).
//!
//! Source: Gibbons and Korach, Testing shared memories, SIAM Journal on Computing 26(4), 1997. A cluster is a write and
//! the reads that return its value. With f its earliest completion and s its latest invocation, cluster a must come
//! before cluster b if f(a) < s(b), and a cycle always contains one of length two. So any operations that must stand
//! together may form a cluster: here a write with everything that compare-and-sets make of it, and a list with all that
//! was appended to it and seen. A write of unknown outcome that nobody saw is left out; one that was seen never
//! completes. An appended element that nobody saw is a write of a value that nobody reads.
//!
//! A value may be written several times as long as time leaves one candidate for each read. What is left for the search:
//! reads with several candidates, refused compare-and-sets, lists that are emptied or written as a whole.

use super::layers::{growing_set, queue};
use super::model::Model;
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation, Status};

/// What the sweep says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Swept {
    /// There is an order.
    Holds,
    /// There is none: these operations contradict one another.
    Conflict(Vec<OpIndex>),
    /// Some read has several candidates, or an operation is of another kind.
    Open,
}

/// An operation in terms of registers.
#[derive(Clone, Copy, Debug)]
struct Step {
    index: OpIndex,
    invoked: u64,
    completed: u64,
    /// What it must find; reads and compare-and-sets.
    wants: Option<u64>,
    /// What it leaves; writes and compare-and-sets.
    leaves: Option<u64>,
}

impl Step {
    fn is_unknown(&self) -> bool {
        self.completed == u64::MAX
    }
}

/// A candidate of a read: a step, or the initial value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Initial,
    Step(u32),
}

/// A cluster as an interval, with the operations at its ends.
#[derive(Clone, Copy, Debug)]
struct Zone {
    first_completed: u64,
    first: u32,
    last_invoked: u64,
    last: u32,
}

// More writes of one value than this near one read are left to the search.
const NEARBY: usize = 64;
/// Of the initial cluster: the earliest completion and no operation.
const NOBODY: u32 = u32::MAX;

/// Judges the operations of one key.
pub(super) fn sweep(history: &History, model: Model, operations: &[OpIndex]) -> Swept {
    let steps = match model {
        Model::Register => register(history, operations),
        Model::List => list(history, operations),
        Model::Queue => return queue(history, operations),
        Model::Set => return growing_set(history, operations),
        _ => Err(Swept::Open),
    };
    match steps.and_then(|steps| Sweep::new(steps).run()) {
        Ok(()) => Swept::Holds,
        Err(swept) => swept,
    }
}

/// Shifted by one, so that the initial value can be before everything.
fn time(at: Instant) -> u64 {
    at.0.saturating_add(1)
}

fn step(index: OpIndex, operation: &Operation, wants: Option<u64>, leaves: Option<u64>) -> Step {
    let completed = if operation.status == Status::Unknown { u64::MAX } else { time(operation.completed) };
    Step { index, invoked: time(operation.invoked), completed, wants, leaves }
}

fn register(history: &History, operations: &[OpIndex]) -> Result<Vec<Step>, Swept> {
    let mut steps = Vec::with_capacity(operations.len());
    let mut refused = Vec::new();
    for &index in operations {
        let operation = history.operation(index);
        let (wants, leaves) = match operation.function {
            Function::Read => (Some(operation.result()), None),
            Function::Write => (None, Some(operation.value)),
            Function::Delete => (None, Some(0)),
            Function::Cas if operation.status == Status::Refused => {
                refused.push(operation.expected());
                continue;
            }
            // It changes nothing, so it is a read.
            Function::Cas if operation.expected() == operation.value => match operation.status {
                Status::Unknown => continue,
                _ => (Some(operation.value), None),
            },
            Function::Cas => (Some(operation.expected()), Some(operation.value)),
            _ => return Err(Swept::Open),
        };
        steps.push(step(index, operation, wants, leaves));
    }
    // A refusal says nothing if the value was never there.
    if !refused.is_empty() {
        let mut there: Vec<u64> = steps.iter().filter_map(|step| step.leaves).chain([0]).collect();
        there.sort_unstable();
        if refused.iter().any(|value| there.binary_search(value).is_ok()) {
            return Err(Swept::Open);
        }
    }
    Ok(steps)
}

/// A list of distinct elements as a register: its value is its last element, and an append that was seen is a
/// compare-and-set from the element before it.
fn list(history: &History, operations: &[OpIndex]) -> Result<Vec<Step>, Swept> {
    let mut writers: Vec<(u64, OpIndex)> = Vec::new();
    for &index in operations {
        let operation = history.operation(index);
        match operation.function {
            Function::Append | Function::Write if operation.value != 0 => writers.push((operation.value, index)),
            Function::Scan => {}
            _ => return Err(Swept::Open),
        }
    }
    writers.sort_unstable();
    if writers.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Swept::Open);
    }
    // Of each writer what the list ended with before, and who saw that.
    let mut before: Vec<Option<(u64, OpIndex)>> = vec![None; writers.len()];
    for &index in operations {
        let operation = history.operation(index);
        if operation.function != Function::Scan {
            continue;
        }
        let elements = history.list(operation.result());
        let mut last = 0;
        for &element in elements {
            let Ok(at) = writers.binary_search_by_key(&element, |&(value, _)| value) else {
                return Err(Swept::Conflict(vec![index]));
            };
            let writer = writers[at].1;
            let overwrites = history.operation(writer).function == Function::Write;
            match before[at] {
                // Nothing can stand before what a write left.
                _ if overwrites && last != 0 => return Err(conflict(&writers, history, &[index, writer])),
                Some((known, other)) if known != last => return Err(conflict(&writers, history, &[index, other])),
                Some(_) => {}
                None => before[at] = Some((last, index)),
            }
            last = element;
        }
    }
    let mut steps = Vec::with_capacity(operations.len());
    for &index in operations {
        let operation = history.operation(index);
        let (wants, leaves) = match operation.function {
            Function::Scan => (Some(history.list(operation.result()).last().copied().unwrap_or(0)), None),
            Function::Write => (None, Some(operation.value)),
            _ => {
                let at = writers.partition_point(|&(value, _)| value < operation.value);
                (before[at].map(|(last, _)| last), Some(operation.value))
            }
        };
        steps.push(step(index, operation, wants, leaves));
    }
    Ok(steps)
}

/// Scans that disagree, with everything that they saw.
fn conflict(writers: &[(u64, OpIndex)], history: &History, operations: &[OpIndex]) -> Swept {
    let mut all = operations.to_vec();
    for &index in operations {
        let operation = history.operation(index);
        if operation.function == Function::Scan {
            all.extend(history.list(operation.result()).iter().filter_map(|element| {
                writers.binary_search_by_key(element, |&(value, _)| value).ok().map(|at| writers[at].1)
            }));
        }
    }
    all.sort_unstable();
    all.dedup();
    Swept::Conflict(all)
}

struct Sweep {
    steps: Vec<Step>,
    /// Steps that leave something: by value, then by completion.
    writers: Vec<u32>,
    /// The earliest invocation in `writers` from each place to the end of its value.
    earliest: Vec<u64>,
    /// Completed writers by completion, with the latest invocation so far and whose it is.
    over: Vec<(u64, u64, u32)>,
    /// Whom each step read from.
    source: Vec<Option<Writer>>,
}

impl Sweep {
    fn new(steps: Vec<Step>) -> Sweep {
        let leaves = |at: u32| steps[at as usize].leaves;
        let mut writers: Vec<u32> = (0..steps.len() as u32).filter(|&at| leaves(at).is_some()).collect();
        writers.sort_unstable_by_key(|&at| (leaves(at), steps[at as usize].completed, at));
        let mut earliest = vec![u64::MAX; writers.len()];
        for place in (0..writers.len()).rev() {
            let later = match writers.get(place + 1) {
                Some(&next) if leaves(next) == leaves(writers[place]) => earliest[place + 1],
                _ => u64::MAX,
            };
            earliest[place] = later.min(steps[writers[place] as usize].invoked);
        }
        let mut over: Vec<(u64, u64, u32)> = writers
            .iter()
            .map(|&at| (steps[at as usize].completed, steps[at as usize].invoked, at))
            .filter(|&(completed, ..)| completed != u64::MAX)
            .collect();
        over.sort_unstable();
        for at in 1..over.len() {
            if over[at - 1].1 > over[at].1 {
                (over[at].1, over[at].2) = (over[at - 1].1, over[at - 1].2);
            }
        }
        let source = vec![None; steps.len()];
        Sweep { steps, writers, earliest, over, source }
    }

    fn run(mut self) -> Result<(), Swept> {
        self.bind_all()?;
        let (after, reads) = self.chains()?;
        let mut zones = Vec::new();
        let mut placed = 0;
        for root in self.roots() {
            zones.extend(self.zone(root, &after, &reads, &mut placed)?);
        }
        let bound = self.source.iter().filter(|source| source.is_some()).count();
        if placed < bound {
            // Compare-and-sets that feed one another in a circle.
            let circle = (0..self.steps.len()).filter(|&at| self.source[at].is_some());
            return Err(Swept::Conflict(circle.map(|at| self.steps[at].index).collect()));
        }
        self.apart(zones)
    }

    /// Who wrote what each read saw. Compare-and-sets of unknown outcome only count if somebody saw what they left.
    fn bind_all(&mut self) -> Result<(), Swept> {
        let known = |step: &Step| step.wants.is_some() && !step.is_unknown();
        let mut open: Vec<u32> = (0..self.steps.len() as u32).filter(|&at| known(&self.steps[at as usize])).collect();
        let mut failed = None;
        while let Some(at) = open.pop() {
            match self.bind(at) {
                Ok(writer) => {
                    self.source[at as usize] = Some(writer);
                    if let Writer::Step(writer) = writer {
                        let step = &self.steps[writer as usize];
                        if step.wants.is_some() && step.is_unknown() && self.source[writer as usize].is_none() {
                            open.push(writer);
                        }
                    }
                }
                Err(Swept::Open) => return Err(Swept::Open),
                Err(conflict) => {
                    // Tell about the read that completed first.
                    let completed = self.steps[at as usize].completed;
                    if failed.as_ref().is_none_or(|&(earliest, _)| completed < earliest) {
                        failed = Some((completed, conflict));
                    }
                }
            }
        }
        failed.map_or(Ok(()), |(_, conflict)| Err(conflict))
    }

    /// The only write that a step can have seen.
    fn bind(&self, at: u32) -> Result<Writer, Swept> {
        let step = &self.steps[at as usize];
        let value = step.wants.unwrap_or(0);
        // The write that began last of those that were over before the step began.
        let done = self.over.partition_point(|&(completed, ..)| completed < step.invoked);
        let last = done.checked_sub(1).map(|place| self.over[place]);
        let since = last.map_or(0, |(_, invoked, _)| invoked);
        let begin = self.writers.partition_point(|&at| {
            let writer = &self.steps[at as usize];
            (writer.leaves, writer.completed) < (Some(value), since)
        });
        let mut found = if value == 0 && last.is_none() { Some(Writer::Initial) } else { None };
        for (tried, place) in (begin..self.writers.len()).enumerate() {
            let writer = self.writers[place];
            if self.steps[writer as usize].leaves != Some(value) || self.earliest[place] > step.completed {
                break;
            }
            if tried == NEARBY {
                return Err(Swept::Open);
            }
            if self.steps[writer as usize].invoked <= step.completed && writer != at {
                if found.is_some() {
                    return Err(Swept::Open);
                }
                found = Some(Writer::Step(writer));
            }
        }
        found.ok_or_else(|| {
            let first = self.writers.partition_point(|&at| self.steps[at as usize].leaves < Some(value));
            let same = self.writers[first..].iter().take_while(|&&at| self.steps[at as usize].leaves == Some(value));
            let all: Vec<u32> = same.copied().chain(last.map(|(.., at)| at)).chain([at]).collect();
            self.contradiction(all)
        })
    }

    /// These steps, with all that compare-and-sets among them may have found: without it they would contradict
    /// themselves for a reason that is none.
    fn contradiction(&self, mut all: Vec<u32>) -> Swept {
        all.sort_unstable();
        all.dedup();
        let mut known = vec![false; self.steps.len()];
        all.iter().for_each(|&step| known[step as usize] = true);
        let mut at = 0;
        while at < all.len() {
            let step = &self.steps[all[at] as usize];
            at += 1;
            let Some(value) = step.wants.filter(|_| step.leaves.is_some()) else { continue };
            let first = self.writers.partition_point(|&at| self.steps[at as usize].leaves < Some(value));
            for &writer in &self.writers[first..] {
                if self.steps[writer as usize].leaves != Some(value) {
                    break;
                }
                if !std::mem::replace(&mut known[writer as usize], true) {
                    all.push(writer);
                }
            }
        }
        all.sort_unstable();
        Swept::Conflict(all.into_iter().map(|at| self.steps[at as usize].index).collect())
    }

    /// Of each writer the compare-and-set that follows it, and its reads; the last entry is the initial value's.
    fn chains(&self) -> Result<(Vec<Option<u32>>, Reads), Swept> {
        let count = self.steps.len();
        let mut after: Vec<Option<u32>> = vec![None; count + 1];
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (at, source) in self.source.iter().enumerate() {
            let Some(source) = source else { continue };
            let writer = match source {
                Writer::Initial => count,
                Writer::Step(writer) => *writer as usize,
            };
            if self.steps[at].leaves.is_none() {
                pairs.push((writer as u32, at as u32));
            } else if let Some(other) = after[writer].replace(at as u32) {
                let mut all = vec![at as u32, other];
                all.extend((writer < count).then_some(writer as u32));
                return Err(self.conflict(&all));
            }
        }
        Ok((after, Reads::new(count + 1, pairs)))
    }

    /// Writes that depend on nothing, and the initial value.
    fn roots(&self) -> Vec<Writer> {
        let mut seen = vec![false; self.steps.len()];
        for source in self.source.iter().flatten() {
            if let Writer::Step(writer) = source {
                seen[*writer as usize] = true;
            }
        }
        let roots = (0..self.steps.len()).filter(|&at| {
            let step = &self.steps[at];
            let counts = !step.is_unknown() || seen[at];
            step.leaves.is_some() && self.source[at].is_none() && counts && (step.wants.is_none() || !step.is_unknown())
        });
        std::iter::once(Writer::Initial).chain(roots.map(|at| Writer::Step(at as u32))).collect()
    }

    /// The interval of a cluster, if it is in order by itself. Nothing if nobody saw the initial value.
    fn zone(
        &self,
        root: Writer,
        after: &[Option<u32>],
        reads: &Reads,
        placed: &mut usize,
    ) -> Result<Option<Zone>, Swept> {
        let count = self.steps.len() as u32;
        let mut zone = match root {
            Writer::Initial => Zone { first_completed: 0, first: NOBODY, last_invoked: 0, last: NOBODY },
            Writer::Step(at) => {
                let step = &self.steps[at as usize];
                Zone { first_completed: step.completed, first: at, last_invoked: step.invoked, last: at }
            }
        };
        let mut writer = if let Writer::Step(at) = root { at } else { count };
        loop {
            // Reads of one value may stand in any order.
            let (invoked, last) = (zone.last_invoked, zone.last);
            for &read in reads.of(writer) {
                self.follow(&mut zone, read, invoked, last)?;
                *placed += 1;
            }
            let Some(next) = after[writer as usize] else { break };
            let (invoked, last) = (zone.last_invoked, zone.last);
            self.follow(&mut zone, next, invoked, last)?;
            *placed += 1;
            writer = next;
        }
        Ok((zone.last != NOBODY).then_some(zone))
    }

    /// Adds a step to a cluster that follows everything invoked until `invoked`.
    fn follow(&self, zone: &mut Zone, at: u32, invoked: u64, last: u32) -> Result<(), Swept> {
        let step = &self.steps[at as usize];
        if step.completed < invoked {
            return Err(self.conflict(&[at, last]));
        }
        if step.completed < zone.first_completed {
            (zone.first_completed, zone.first) = (step.completed, at);
        }
        if step.invoked > zone.last_invoked {
            (zone.last_invoked, zone.last) = (step.invoked, at);
        }
        Ok(())
    }

    /// Whether no two clusters must each come before the other.
    fn apart(&self, zones: Vec<Zone>) -> Result<(), Swept> {
        let (mut forward, backward): (Vec<Zone>, Vec<Zone>) =
            zones.into_iter().partition(|zone| zone.first_completed < zone.last_invoked);
        forward.sort_unstable_by_key(|zone| (zone.first_completed, zone.first));
        let mut worst: Option<(u64, Zone, Zone)> = None;
        // A conflict is visible once both clusters have completed something that the other must precede.
        let mut note = |a: Zone, b: Zone| {
            let at = a.last_invoked.max(b.last_invoked);
            if worst.as_ref().is_none_or(|&(earliest, ..)| at < earliest) {
                worst = Some((at, a, b));
            }
        };
        let mut last: Option<Zone> = None;
        for &zone in &forward {
            if let Some(last) = last.filter(|last| zone.first_completed < last.last_invoked) {
                note(last, zone);
            }
            if last.is_none_or(|last| zone.last_invoked > last.last_invoked) {
                last = Some(zone);
            }
        }
        for zone in backward {
            let before = forward.partition_point(|other| other.first_completed < zone.last_invoked);
            if let Some(other) = before.checked_sub(1).map(|place| forward[place])
                && zone.first_completed < other.last_invoked
            {
                note(other, zone);
            }
        }
        match worst {
            None => Ok(()),
            Some((_, a, b)) => {
                let ends = [a, b].into_iter().flat_map(|zone| [zone.first, zone.last]);
                Err(self.conflict(&ends.filter(|&at| at != NOBODY).collect::<Vec<_>>()))
            }
        }
    }

    /// These steps, whatever they read from, and what makes other writes of the same values impossible.
    fn conflict(&self, steps: &[u32]) -> Swept {
        let mut all = steps.to_vec();
        let mut at = 0;
        while at < all.len() {
            let step = all[at];
            at += 1;
            if let Some(Writer::Step(writer)) = self.source[step as usize]
                && !all.contains(&writer)
            {
                all.push(writer);
            }
        }
        for step in all.clone() {
            let Some(value) = self.steps[step as usize].wants else { continue };
            let first = self.writers.partition_point(|&at| self.steps[at as usize].leaves < Some(value));
            let same = || self.writers[first..].iter().take_while(|&&at| self.steps[at as usize].leaves == Some(value));
            if value == 0 || same().nth(1).is_some() {
                let done = self.over.partition_point(|&(done, ..)| done < self.steps[step as usize].invoked);
                all.extend(done.checked_sub(1).map(|place| self.over[place].2));
                all.extend(same().take(NEARBY));
            }
        }
        self.contradiction(all)
    }
}

/// Reads by whom they saw.
struct Reads {
    start: Vec<u32>,
    reads: Vec<u32>,
}

impl Reads {
    fn new(writers: usize, mut pairs: Vec<(u32, u32)>) -> Reads {
        pairs.sort_unstable();
        let mut start = vec![0; writers + 1];
        for &(writer, _) in &pairs {
            start[writer as usize + 1] += 1;
        }
        for at in 0..writers {
            start[at + 1] += start[at];
        }
        Reads { start, reads: pairs.into_iter().map(|(_, read)| read).collect() }
    }

    fn of(&self, writer: u32) -> &[u32] {
        &self.reads[self.start[writer as usize] as usize..self.start[writer as usize + 1] as usize]
    }
}
