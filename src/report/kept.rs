//! What clients of a replicated store got while it was cut in two: answers or errors, the newest or the past. The same
//! numbers for the page, the terminal and the sentence that both begin with.

use super::number::fmt_share;
use crate::check::{self, Staleness, View};
use crate::engine::Instant;
use crate::history::Status;
use crate::run::{Outcome, Served, served};
use crate::scenario::{FaultPlan, Kind};

/// A share of stale reads that is worth a word.
pub const STALE: f64 = 0.001;

/// What the clients of one run got.
#[derive(Debug)]
pub struct Kept<'a> {
    /// The design.
    pub name: &'a str,
    /// The run.
    pub outcome: &'a Outcome,
    /// All partitions during which somebody asked.
    pub cuts: Vec<&'a FaultPlan>,
    /// What each client group got during each of them.
    pub served: Vec<Served>,
    /// How old what was read was.
    pub staleness: Staleness,
    /// Acknowledged writes that are gone in the end, if anybody looked.
    pub lost: Option<u64>,
}

/// Acknowledged writes of a run that are gone in the end, if anybody looked; of a store with one copy, too.
pub fn lost_writes(outcome: &Outcome) -> Option<u64> {
    if outcome.history.operations().is_empty() {
        return None;
    }
    check::lost_writes(&View::new(&outcome.history, None))
}

/// A percentile of what answered reads, or acknowledged writes, took, in ns: before the first cut if there is one, after the
/// warm-up.
pub fn taken(outcome: &Outcome, cuts: &[&FaultPlan], reads: bool, percent: usize) -> Option<u64> {
    let from = Instant::ZERO + outcome.plan.warmup;
    let to = cuts.iter().filter_map(|cut| cut.span()).map(|span| span.0).min().unwrap_or(outcome.plan.end);
    let operations = outcome.history.operations().iter();
    let mut taken: Vec<u64> = operations
        .filter(|o| o.status == Status::Ok && o.function.is_read() == reads && o.invoked >= from && o.invoked < to)
        .map(|o| o.completed.since(o.invoked).0)
        .collect();
    taken.sort_unstable();
    let place = (taken.len() * percent).div_ceil(100).checked_sub(1)?;
    taken.get(place).copied()
}

/// One number of the finding: a design, a partition, a client group, a share.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Worst<'k> {
    design: &'k str,
    cut: &'k str,
    clients: &'k str,
    share: f64,
}

impl<'a> Kept<'a> {
    /// Nothing if the run has no replicated store, or nobody asked it.
    pub fn of(name: &'a str, outcome: &'a Outcome) -> Option<Kept<'a>> {
        let plan = &outcome.plan;
        let replicated = plan.components.iter().any(|c| matches!(c.kind, Kind::Store(Some(_))));
        if !replicated || outcome.history.operations().is_empty() {
            return None;
        }
        let served = served(outcome);
        let cuts = plan.faults.iter().filter(|f| served.iter().any(|s| s.fault == f.name)).collect();
        let view = View::new(&outcome.history, None);
        let (staleness, lost) = (check::staleness(&view), lost_writes(outcome));
        Some(Kept { name, outcome, cuts, served, staleness, lost })
    }

    /// The client groups, in the order of the file.
    pub fn groups(&self) -> Vec<&'a str> {
        self.outcome.plan.clients.iter().map(|(clients, _)| clients.name.as_str()).collect()
    }

    /// Share of a group's requests that were answered during a partition.
    pub fn answered(&self, cut: &str, group: &str) -> Option<f64> {
        self.served.iter().find(|s| s.fault == cut && s.clients == group).map(|s| s.answered)
    }

    /// Share of the reads invoked in a stretch that missed an acknowledged write; of all clients or of one group.
    pub fn stale(&self, (from, to): (Instant, Instant), group: Option<&str>) -> Option<f64> {
        let plan = &self.outcome.plan;
        let number =
            |name: &str| plan.clients.iter().position(|(c, _)| c.name == name).map(|c| c + plan.components.len());
        let group = group.and_then(number);
        let (mut all, mut stale) = (0_u64, 0_u64);
        for read in &self.staleness.reads {
            let operation = self.outcome.history.operation(read.read);
            let theirs = group.is_none_or(|g| self.outcome.client(operation.process).0 == g);
            if theirs && operation.invoked >= from && operation.invoked < to {
                all += 1;
                stale += u64::from(read.behind > 0);
            }
        }
        (all > 0).then(|| stale as f64 / all as f64)
    }

    /// The same of one group during a partition.
    pub fn stale_in(&self, cut: &str, group: &str) -> Option<f64> {
        let cut = self.cuts.iter().find(|c| c.name == cut)?;
        self.stale(cut.span()?, Some(group))
    }

    /// See [`taken`].
    pub fn taken(&self, reads: bool, percent: usize) -> Option<u64> {
        taken(self.outcome, &self.cuts, reads, percent)
    }

    /// From the end of the warm-up to the end.
    pub fn whole(&self) -> (Instant, Instant) {
        (Instant::ZERO + self.outcome.plan.warmup, self.outcome.plan.end)
    }

    /// From the end of the last partition to the end.
    pub fn after(&self) -> Option<(Instant, Instant)> {
        let last = self.cuts.iter().filter_map(|cut| cut.span()).map(|(_, to)| to).max()?;
        (last < self.outcome.plan.end).then_some((last, self.outcome.plan.end))
    }

    /// Where fewest were answered, if any group was refused more than any run loses.
    fn refusing(&self) -> Option<Worst<'_>> {
        let refused = self.served.iter().filter(|s| !s.enough());
        let worst = refused.min_by(|a, b| a.answered.total_cmp(&b.answered))?;
        Some(Worst { design: self.name, cut: &worst.fault, clients: &worst.clients, share: worst.answered })
    }

    /// Where most reads were stale during a partition, of one group or of any.
    fn stalest(&self, group: Option<&str>) -> Option<Worst<'_>> {
        let asked = self.served.iter().filter(|s| group.is_none_or(|g| g == s.clients));
        let shares = asked.filter_map(|s| {
            let share = self.stale_in(&s.fault, &s.clients).filter(|share| *share >= STALE)?;
            Some(Worst { design: self.name, cut: &s.fault, clients: &s.clients, share })
        });
        shares.max_by(|a, b| a.share.total_cmp(&b.share))
    }
}

/// Where no partition made a difference: how many reads of the whole run were stale.
fn past_of_the_whole(all: &[&Kept<'_>]) -> Option<String> {
    let share = |kept: &Kept<'_>| kept.stale(kept.whole(), None).filter(|share| *share >= STALE);
    let stale: Vec<(&str, f64)> = all.iter().filter_map(|kept| Some((kept.name, share(kept)?))).collect();
    let (name, share) = stale.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let share = fmt_share(*share);
    Some(match (all.len(), stale.len()) {
        (1, _) => format!("{share} of reads are stale"),
        (_, 1) => format!("Only with {name} reads are stale: {share} of them"),
        (all, some) if all == some => format!("Reads are stale with every design: {share} of them with {name}"),
        (all, some) => format!("Reads are stale with {some} of {all} designs: {share} of them with {name}"),
    })
}

/// ` with CP`, or with how many; nothing if there is but one. Of several, the share is that of the worst.
fn with(found: &[Worst<'_>], worst: &Worst<'_>, all: usize) -> String {
    match (all, found.len()) {
        (1, _) => String::new(),
        (_, 1) => format!(" with {}", worst.design),
        (all, some) if all == some => " with every design".to_owned(),
        (all, some) => format!(" with {some} of {all} designs"),
    }
}

/// Who gets errors, who gets the past, with which design, without a full stop; nothing if nobody does.
pub fn errors_and_past(all: &[&Kept<'_>]) -> Option<String> {
    let refusing: Vec<Worst<'_>> = all.iter().filter_map(|kept| kept.refusing()).collect();
    let errors = refusing.iter().min_by(|a, b| a.share.total_cmp(&b.share));
    // The past is told of those who are refused elsewhere, if they see it: that is the choice.
    let most = |group: Option<&str>| -> Vec<Worst<'_>> { all.iter().filter_map(|kept| kept.stalest(group)).collect() };
    let mut stale = most(errors.map(|e| e.clients));
    if stale.is_empty() {
        stale = most(None);
    }
    let past = stale.iter().max_by(|a, b| a.share.total_cmp(&b.share));
    let told = |worst: &Worst<'_>, found: &[Worst<'_>], what: &str, limit: &str, of: &str| {
        let limit = if found.len() > 1 { limit } else { "" };
        format!("{what}{} ({limit}{} {of})", with(found, worst, all.len()), fmt_share(worst.share))
    };
    let errors_words = errors.map(|e| told(e, &refusing, "errors", "down to ", "answered"));
    let past_words = past.map(|p| told(p, &stale, "stale data", "up to ", "of their reads"));
    Some(match (errors.zip(errors_words), past.zip(past_words)) {
        (None, None) => return past_of_the_whole(all),
        (Some((e, errors)), None) => format!("During {}, {} get {errors}", e.cut, e.clients),
        (None, Some((p, past))) => format!("During {}, {} get {past}", p.cut, p.clients),
        (Some((e, errors)), Some((p, past))) if (e.cut, e.clients) == (p.cut, p.clients) => {
            format!("During {}, {} get {errors} and {past}", e.cut, e.clients)
        }
        (Some((e, errors)), Some((p, past))) if e.cut == p.cut => {
            format!("During {}, {} get {errors}, and {} get {past}", e.cut, e.clients, p.clients)
        }
        (Some((e, errors)), Some((p, past))) => {
            format!("During {}, {} get {errors}; during {}, {} get {past}", e.cut, e.clients, p.cut, p.clients)
        }
    })
}
