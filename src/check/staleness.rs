//! How old what was read was: in time and in versions.
//!
//! Source: Bailis, Venkataraman, Franklin, Hellerstein, Stoica, Probabilistically bounded staleness for practical
//! partial quorums, PVLDB 5(8), 2012. A read is behind by the acknowledged writes that were over before it began and are
//! newer than what it saw; newer by real time, invoked after the write that was seen had completed, or by the store's own
//! versions where it told them. Without versions, concurrent writes count as not newer, so figures are lower bounds; so
//! they are where several operations wrote one value. Its age is how long the first of those had been acknowledged.

use super::describe;
use super::verdict::{Evidence, Verdict};
use super::view::View;
use crate::engine::{Instant, Span};
use crate::history::{Function, OpIndex, Status};

/// What one completed read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAge {
    /// The read.
    pub read: OpIndex,
    /// How many acknowledged writes it was behind.
    pub behind: u64,
    /// How long what it saw had been overwritten; zero if it was fresh.
    pub age: Span,
    /// How long before it the last acknowledged write of its key had been answered; `None` if there was none.
    pub since_write: Option<Span>,
    /// The first acknowledged write that it missed.
    pub missed: Option<OpIndex>,
    /// The write that it saw; `None` for the initial value.
    pub saw: Option<OpIndex>,
}

/// The staleness of a history's reads of registers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Staleness {
    /// One entry a read, by key, then in order of invocation.
    pub reads: Vec<ReadAge>,
    /// Of each acknowledged write, how long after its answer the last read began that missed it; zero if none did.
    pub visible_after: Vec<(OpIndex, Span)>,
    /// Reads whose source cannot be told.
    pub unbound: u64,
}

impl Staleness {
    /// Reads that were behind.
    pub fn stale(&self) -> u64 {
        self.reads.iter().filter(|read| read.behind > 0).count() as u64
    }

    /// t-visibility: reads by the time since the last write, in groups of equal size; of each group its longest time and
    /// the share that was fresh.
    pub fn t_visibility(&self, groups: usize) -> Vec<(Span, f64)> {
        let mut reads: Vec<(Span, bool)> =
            self.reads.iter().filter_map(|read| Some((read.since_write?, read.behind == 0))).collect();
        reads.sort_unstable();
        let size = reads.len().div_ceil(groups.max(1)).max(1);
        let share = |group: &[(Span, bool)]| {
            let fresh = group.iter().filter(|&&(_, fresh)| fresh).count();
            (group[group.len() - 1].0, fresh as f64 / group.len() as f64)
        };
        reads.chunks(size).map(share).collect()
    }

    /// k-staleness: for every k from 0 up, the share of reads that were at most k versions behind, until all are.
    pub fn k_staleness(&self) -> Vec<(u64, f64)> {
        let mut behind: Vec<u64> = self.reads.iter().map(|read| read.behind).collect();
        behind.sort_unstable();
        let total = behind.len();
        let mut curve = Vec::new();
        let mut at = 0;
        while at < total {
            let k = behind[at];
            at = behind.partition_point(|&behind| behind <= k);
            curve.push((k, at as f64 / total as f64));
        }
        if curve.first().is_some_and(|&(k, _)| k > 0) {
            curve.insert(0, (0, 0.0));
        }
        curve
    }
}

/// Judges every completed read of a register in the view.
pub fn staleness(view: &View<'_>) -> Staleness {
    let history = view.history;
    let mut all = Staleness::default();
    let (sorted, ranges) = view.by_key();
    for range in ranges {
        let operations = &sorted[range];
        // Acknowledged writes by completion, and whoever may have written a value.
        let mut acked: Vec<(Instant, OpIndex)> = Vec::new();
        let mut writers: Vec<(u64, OpIndex)> = Vec::new();
        for &index in operations {
            let operation = view.operation(index);
            let value = match operation.function {
                Function::Write | Function::Cas if operation.status != Status::Refused => operation.value,
                Function::Delete => 0,
                _ => continue,
            };
            writers.push((value, index));
            if operation.status == Status::Ok {
                acked.push((operation.completed, index));
            }
        }
        acked.sort_unstable();
        writers.sort_unstable();
        let versions = acked.iter().all(|&(_, index)| history.version(index) > 0) && history.has_versions();
        let mut visible: Vec<Span> = vec![Span::ZERO; acked.len()];
        for &index in operations {
            let read = view.operation(index);
            if read.function != Function::Read || read.status != Status::Ok {
                continue;
            }
            let begin = writers.partition_point(|&(value, _)| value < read.result());
            let same = writers[begin..].iter().take_while(|&&(value, _)| value == read.result());
            let before = same.map(|&(_, index)| index).filter(|&index| view.operation(index).invoked <= read.completed);
            // Of several writes of one value the one that ended last is meant: it makes the read least stale.
            let saw = before.max_by_key(|&index| (view.operation(index).completed, index));
            if saw.is_none() && read.result() != 0 {
                all.unbound += 1;
                continue;
            }
            let done = acked.partition_point(|&(completed, _)| completed < read.invoked);
            let since_write = done.checked_sub(1).map(|last| read.invoked.since(acked[last].0));
            let seen_at = saw.map_or(Instant::ZERO, |index| view.operation(index).completed);
            let seen_version = if versions { history.version(index) } else { 0 };
            let first = if saw.is_none() || versions {
                0
            } else {
                acked.partition_point(|&(completed, _)| completed < seen_at)
            };
            // Versions tell concurrent writes apart. Of a write that began after the other was over no clock that gives
            // it the lower version can say that it is the older one.
            let newer = |index: OpIndex| match (saw, versions && seen_version > 0) {
                (Some(saw), _) if saw == index => false,
                (Some(_), by_version) => {
                    by_version && history.version(index) > seen_version || view.operation(index).invoked > seen_at
                }
                (None, true) => history.version(index) > seen_version,
                (None, false) => true,
            };
            let mut age = ReadAge { read: index, behind: 0, age: Span::ZERO, since_write, missed: None, saw };
            for at in first..done {
                let (completed, write) = acked[at];
                if !newer(write) {
                    continue;
                }
                let late = read.invoked.since(completed);
                age.behind += 1;
                if age.missed.is_none() {
                    (age.missed, age.age) = (Some(write), late);
                }
                visible[at] = visible[at].max(late);
            }
            all.reads.push(age);
        }
        all.visible_after.extend(acked.iter().zip(visible).map(|(&(_, index), late)| (index, late)));
    }
    all
}

/// Whether nothing that was read had been overwritten longer ago than a bound.
pub(super) fn bounded(view: &View<'_>, bound: Span) -> Verdict {
    let all = staleness(view);
    let Some(worst) = all.reads.iter().filter(|read| read.age > bound).max_by_key(|read| read.age) else {
        return match (all.reads.is_empty(), all.unbound) {
            (true, 0) => Verdict::vacuous("no register was read"),
            (_, 0) => Verdict::Holds,
            (_, unbound) => Verdict::unknown(format!("{unbound} reads returned what nobody wrote")),
        };
    };
    let mut operations: Vec<OpIndex> = [Some(worst.read), worst.missed, worst.saw].into_iter().flatten().collect();
    operations.sort_unstable();
    let name = |index| describe::name(view.history, index);
    let missed = worst.missed.map_or(String::new(), name);
    Verdict::Violated(Box::new(Evidence {
        sentence: format!(
            "{} misses {} writes; the first of them, {missed}, had been acknowledged {} before",
            name(worst.read),
            worst.behind,
            describe::span(view.history, worst.age)
        ),
        operations,
        culprit: Some(worst.read),
        minimal: true,
        engine: "scan",
        ..Evidence::default()
    }))
}
