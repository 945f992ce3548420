//! What stores promised and kept: who was answered during a partition, which model held, how stale reads were, and the
//! smallest history that shows a violation.

use rayon::prelude::*;

use super::Design;
use crate::check::{self, Property, Staleness, Standing, Steps, Verdict as Checked, View, hierarchy::MODELS};
use crate::engine::Instant;
use crate::history::{History, Status};
use crate::report::answer::capital;
use crate::report::figure::freshness::{Fresh, Freshness};
use crate::report::figure::{Drawing, Table};
use crate::report::number::{NOTHING, fmt_count, fmt_duration, fmt_share};
use crate::report::page::Section;
use crate::report::theme::State;
use crate::run::{Outcome, Served, alone_since, cap_word, served};
use crate::scenario::{FaultPlan, Kind};

/// A share of stale reads that is worth a word.
const STALE: f64 = 0.001;
/// Bins of write age: this many a decade, from 1 ms to 100 s.
const BINS_A_DECADE: f64 = 4.0;
const DECADES: f64 = 5.0;
/// A bin with fewer reads says nothing.
const READS_MIN: u64 = 20;

/// The four that concern one client's own order (Terry et al., "Session guarantees for weakly consistent replicated
/// data", PDIS 1994), in the order of the models.
const SESSION: [Property; 4] =
    [Property::WritesFollowReads, Property::MonotonicReads, Property::MonotonicWrites, Property::ReadYourWrites];

/// What one design's history shows. Judging takes a while, so it is done once a page.
pub(super) struct Shown<'a> {
    pub(super) name: &'a str,
    pub(super) outcome: &'a Outcome,
    /// The partition that is looked at: the first.
    cut: Option<&'a FaultPlan>,
    served: Vec<Served>,
    standing: Standing,
    converged: Checked,
    staleness: Staleness,
    lost: Option<u64>,
    p99_write_ns: Option<u64>,
}

/// Of every design that has a replicated store and recorded operations.
pub(super) fn shown<'a>(designs: &'a [Design<'_>]) -> Vec<Shown<'a>> {
    designs.par_iter().filter_map(|d| Shown::of(d.name(), &d.run.outcome)).collect()
}

impl<'a> Shown<'a> {
    fn of(name: &'a str, outcome: &'a Outcome) -> Option<Shown<'a>> {
        let plan = &outcome.plan;
        let history = &outcome.history;
        let replicated = plan.components.iter().any(|c| matches!(c.kind, Kind::Store(Some(_))));
        if !replicated || history.operations().is_empty() {
            return None;
        }
        let served = served(outcome);
        let cut = served.first().and_then(|s| plan.faults.iter().find(|f| f.name == s.fault));
        let view = View::new(history, None).left_alone_since(alone_since(outcome));
        Some(Shown {
            name,
            outcome,
            cut,
            served: served.into_iter().filter(|s| cut.is_some_and(|c| c.name == s.fault)).collect(),
            standing: check::standing(&view, Steps::DEFAULT),
            converged: check::judge_with(&view, Property::Converged, check::Engine::Fastest, Steps::DEFAULT),
            staleness: check::staleness(&view),
            lost: check::lost_writes(&view),
            p99_write_ns: p99_write(outcome, cut),
        })
    }

    pub(super) fn history(&self) -> &'a History {
        &self.outcome.history
    }

    pub(super) fn linearizable(&self) -> Option<&Checked> {
        self.standing.of(Property::Linearizable)
    }

    fn cap(&self) -> Option<&'static str> {
        match self.linearizable()? {
            Checked::Holds => cap_word(true, &self.served),
            Checked::Violated(_) => cap_word(false, &self.served),
            Checked::Unknown(_) | Checked::Vacuous(_) => None,
        }
    }

    /// Share of the reads invoked in a window that were behind; of all clients or of one group.
    fn stale(&self, (from, to): (Instant, Instant), group: Option<&str>) -> Option<f64> {
        let plan = &self.outcome.plan;
        // A client's number begins with its group.
        let number =
            |name: &str| plan.clients.iter().position(|(c, _)| c.name == name).map(|c| c + plan.components.len());
        let group = group.and_then(number);
        let (mut all, mut stale) = (0_u64, 0_u64);
        for read in &self.staleness.reads {
            let operation = self.history().operation(read.read);
            let theirs = group.is_none_or(|g| (operation.process >> 24) as usize == g);
            if theirs && operation.invoked >= from && operation.invoked < to {
                all += 1;
                stale += u64::from(read.behind > 0);
            }
        }
        (all > 0).then(|| stale as f64 / all as f64)
    }

    fn stale_in_cut(&self, group: Option<&str>) -> Option<f64> {
        self.stale(self.cut?.span()?, group)
    }

    fn whole(&self) -> (Instant, Instant) {
        (Instant::ZERO + self.outcome.plan.warmup, self.outcome.plan.end)
    }
}

/// The 99th percentile of acknowledged writes: before the cut if there is one, after the warm-up.
fn p99_write(outcome: &Outcome, cut: Option<&FaultPlan>) -> Option<u64> {
    let from = Instant::ZERO + outcome.plan.warmup;
    let to = cut.and_then(FaultPlan::span).map_or(outcome.plan.end, |span| span.0);
    let operations = outcome.history.operations().iter();
    let mut taken: Vec<u64> = operations
        .filter(|o| o.status == Status::Ok && !o.function.is_read() && o.invoked >= from && o.invoked < to)
        .map(|o| o.completed.since(o.invoked).0)
        .collect();
    taken.sort_unstable();
    let place = (taken.len() * 99).div_ceil(100).checked_sub(1)?;
    taken.get(place).copied()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), fmt_share)
}

/// The numbers, the models, and the freshness of reads.
pub(super) fn sections(all: &[Shown<'_>]) -> Vec<Section> {
    [numbers(all), ladder(all), freshness(all)].into_iter().flatten().collect()
}

fn numbers(all: &[Shown<'_>]) -> Option<Section> {
    let first = all.first()?;
    let cut = first.cut.map(|c| c.name.as_str());
    let mut table = Table::new(&["design"]);
    let groups: Vec<&str> = first.served.iter().map(|s| s.clients.as_str()).collect();
    if let Some(cut) = cut {
        table.columns.push("CAP".to_owned());
        table.columns.extend(groups.iter().map(|g| format!("{g} in {cut}")));
    }
    table.columns.push("strongest model".to_owned());
    match cut {
        Some(cut) => table.columns.extend([format!("stale in {cut}"), "stale after".to_owned()]),
        None => table.columns.push("stale reads".to_owned()),
    }
    table.columns.extend(["lost writes", "p99 write"].map(str::to_owned));
    for shown in all {
        let mut row = vec![format!("**{}**", shown.name)];
        if cut.is_some() {
            row.push(shown.cap().unwrap_or("?").to_owned());
            let of = |g: &&str| shown.served.iter().find(|s| s.clients == **g).map(|s| s.answered);
            row.extend(groups.iter().map(|g| percent(of(g))));
        }
        row.push(strongest(&shown.standing));
        match shown.cut.and_then(FaultPlan::span) {
            Some((_, to)) => {
                row.push(percent(shown.stale_in_cut(None)));
                row.push(percent(shown.stale((to, shown.outcome.plan.end), None)));
            }
            None => row.push(percent(shown.stale(shown.whole(), None))),
        }
        row.push(shown.lost.map_or_else(|| NOTHING.to_owned(), fmt_count));
        row.push(shown.p99_write_ns.map_or_else(|| NOTHING.to_owned(), |ns| fmt_duration(ns as f64)));
        table.rows.push(row);
    }
    let caption = match cut {
        Some(cut) => format!(
            "Share of requests answered in {cut}, the strongest model the whole history keeps, reads that missed an \
             acknowledged write, acknowledged writes gone in the end, and what a write costs before {cut}."
        ),
        None => "The strongest model the whole history keeps, reads that missed an acknowledged write, acknowledged \
                 writes gone in the end, and what a write costs."
            .to_owned(),
    };
    let cap = "CAP is read off the run: consistent if all of it is linearizable, available if every client group was \
               answered in 99\u{202f}% of cases. ";
    Some(Section {
        name: "Consistency".to_owned(),
        anchor: "consistency".to_owned(),
        finding: finding(all),
        caption,
        figures: Vec::new(),
        tables: vec![table],
        how_to_read: format!(
            "{}A lucky run can look better than its protocol, never worse. Stale and lost count what clients were told, \
             not what replicas hold.",
            if cut.is_some() { cap } else { "" }
        ),
        folded: false,
    })
}

fn strongest(standing: &Standing) -> String {
    if standing.strongest() == SESSION {
        return "all session guarantees".to_owned();
    }
    let names: Vec<String> = standing.strongest().into_iter().map(spoken).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn spoken(model: Property) -> String {
    model.name().replace('_', " ")
}

/// Errors with whom, the past with whom.
fn finding(all: &[Shown<'_>]) -> String {
    let refusing = all.iter().find(|s| s.served.iter().any(|s| !s.enough()));
    let group = refusing.and_then(|s| s.served.iter().min_by(|a, b| a.answered.total_cmp(&b.answered)));
    let cut = all.first().and_then(|s| s.cut);
    let share = |s: &Shown<'_>| match cut {
        Some(_) => s.stale_in_cut(group.map(|g| g.clients.as_str())),
        None => s.stale(s.whole(), None),
    };
    let stale = all
        .iter()
        .filter_map(|s| Some((s, share(s).filter(|share| *share >= STALE)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let with = |name: &str| if all.len() > 1 { format!(" with {name}") } else { String::new() };
    let past = stale.map(|(s, share)| format!("stale data{} ({} of reads)", with(s.name), fmt_share(share)));
    let errors =
        refusing.zip(group).map(|(s, g)| format!("errors{} ({} answered)", with(s.name), fmt_share(g.answered)));
    let who = group.map_or("clients", |g| g.clients.as_str());
    let got: Vec<String> = errors.into_iter().chain(past).collect();
    match (cut, got.is_empty()) {
        (Some(cut), false) => format!("During {}, {who} get {}", cut.name, got.join(" and ")),
        (None, false) => format!("{} get {}", capital(who), got.join(" and ")),
        (cut, true) => {
            let when = cut.map_or_else(String::new, |c| format!(", also during {}", c.name));
            let held = all.iter().filter(|s| s.linearizable() == Some(&Checked::Holds)).count();
            match held {
                n if n == all.len() => format!("Every answer is that of a single copy{when}"),
                0 => format!("Nobody reads the past{when}, and yet no single copy could have answered so"),
                n => format!("{n} of {} designs answer like a single copy{when}", all.len()),
            }
        }
    }
}

/// What a model promises, in a few words.
fn promise(model: Property) -> &'static str {
    match model {
        Property::Linearizable => "one copy, real time",
        Property::Sequential => "one order for all",
        Property::Causal => "effects after causes",
        Property::WritesFollowReads => "an answer after its question",
        Property::Pram => "each client's writes in order",
        Property::MonotonicReads => "never backwards",
        Property::MonotonicWrites => "own writes in order",
        Property::ReadYourWrites => "in one session",
        _ => "equal in the end",
    }
}

fn ladder(all: &[Shown<'_>]) -> Option<Section> {
    if all.is_empty() {
        return None;
    }
    let mut table = Table::new(&["model", "promises"]);
    table.columns.extend(all.iter().map(|s| s.name.to_owned()));
    let sign = |verdict: Option<&Checked>| match verdict {
        Some(Checked::Holds) => State::Ok.sign(),
        Some(Checked::Violated(_)) => State::Error.sign(),
        Some(Checked::Unknown(_)) => State::Unknown.sign(),
        Some(Checked::Vacuous(_)) | None => NOTHING,
    };
    for model in MODELS {
        let mut row = vec![format!("**{}**", spoken(model)), promise(model).to_owned()];
        row.extend(all.iter().map(|s| {
            let sign = sign(s.standing.of(model));
            if s.standing.strongest().contains(&model) { format!("**{sign} strongest**") } else { sign.to_owned() }
        }));
        table.rows.push(row);
    }
    let mut row = vec!["**converged**".to_owned(), promise(Property::Converged).to_owned()];
    row.extend(all.iter().map(|s| sign(Some(&s.converged)).to_owned()));
    table.rows.push(row);
    let held: Vec<&str> = all.iter().filter(|s| s.linearizable() == Some(&Checked::Holds)).map(|s| s.name).collect();
    let finding = match held.as_slice() {
        [] if all.len() == 1 => format!("The strongest promise that held: {}", strongest(&all[0].standing)),
        [] => "No design is linearizable".to_owned(),
        held if held.len() == all.len() => "Linearizable, so everything below holds too".to_owned(),
        [one] => format!("Only {one} is linearizable"),
        held if held.len() <= 3 => format!("Linearizable: {}", held.join(", ")),
        held => format!("{} of {} designs are linearizable", held.len(), all.len()),
    };
    let count = all.iter().map(|s| s.history().operations().len() as u64).sum();
    Some(Section {
        name: "Models".to_owned(),
        anchor: "models".to_owned(),
        finding,
        caption: format!("Each model judged over the whole history, strongest first; {} operations.", fmt_count(count)),
        figures: Vec::new(),
        tables: vec![table],
        how_to_read: "✓ holds, ✕ violated, ? not told within the budget. A model that holds brings those that it \
                      implies; no system can be linearizable or sequential and answer everybody during a partition."
            .to_owned(),
        folded: false,
    })
}

fn freshness(all: &[Shown<'_>]) -> Option<Section> {
    let panels: Vec<Fresh> = all.iter().map(fresh).collect();
    if panels.iter().all(|p| p.calm.is_empty() && p.cut.is_empty()) {
        return None;
    }
    let cut = all.first().and_then(|s| s.cut).map(|c| c.name.clone());
    let late = panels.iter().filter(|p| p.settles_ns() != Some(0.0)).count();
    let never = panels.iter().filter(|p| p.settles_ns().is_none()).count();
    let finding = match (late, never, panels.len()) {
        (0, _, 1) => "Readers see at once what was acknowledged".to_owned(),
        (0, _, _) => "With every design readers see at once what was acknowledged".to_owned(),
        (_, 0, 1) => {
            let after = panels.first().and_then(Fresh::settles_ns).unwrap_or(0.0);
            format!("Readers catch up within {}", fmt_duration(after))
        }
        (_, _, 1) => "Readers don't always catch up".to_owned(),
        (late, 0, n) => format!("With {late} of {n} designs readers lag behind, and catch up"),
        (_, 1, _) => {
            let name = panels.iter().find(|p| p.settles_ns().is_none()).map_or("", |p| p.name.as_str());
            format!("With {name} readers don't always catch up")
        }
        (_, never, n) => format!("With {never} of {n} designs readers don't always catch up"),
    };
    let whole = match &cut {
        Some(cut) => format!("Thick: reads in {cut}. Thin and dashed: all others after the warm-up."),
        None => "All reads after the warm-up.".to_owned(),
    };
    let caption =
        format!("Reads that return the newest acknowledged write of their key, by how long ago that was. {whole}");
    Some(Section {
        name: "Freshness".to_owned(),
        anchor: "freshness".to_owned(),
        finding,
        caption,
        figures: vec![Drawing::Freshness(Freshness {
            title: "Reads that see the newest acknowledged write".to_owned(),
            phase: cut,
            panels,
        })],
        tables: Vec::new(),
        how_to_read: format!(
            "A flat line at 100\u{202f}% is a single copy; the further right a curve climbs, the longer readers see the past. \
             Bins with fewer than {READS_MIN} reads are left out."
        ),
        folded: false,
    })
}

fn fresh(shown: &Shown<'_>) -> Fresh {
    let span = shown.cut.and_then(FaultPlan::span);
    let warm = shown.whole().0;
    let bins = (BINS_A_DECADE * DECADES) as usize;
    let mut counts = vec![[(0_u64, 0_u64); 2]; bins];
    for read in &shown.staleness.reads {
        let at = shown.history().operation(read.read).invoked;
        let Some(age) = read.since_write.filter(|_| at >= warm) else { continue };
        let inside = span.is_some_and(|(from, to)| at >= from && at < to);
        let decades = libm::log10((age.0 as f64 / 1e6).max(1.0));
        let bin = ((decades * BINS_A_DECADE) as usize).min(bins - 1);
        let (all, fresh) = &mut counts[bin][usize::from(inside)];
        *all += 1;
        *fresh += u64::from(read.behind == 0);
    }
    let curve = |phase: usize| -> Vec<(f64, f64)> {
        let told = counts.iter().enumerate().filter(|(_, c)| c[phase].0 >= READS_MIN);
        told.map(|(i, c)| {
            let middle = 1e6 * libm::pow(10.0, (i as f64 + 0.5) / BINS_A_DECADE);
            (middle, c[phase].1 as f64 / c[phase].0 as f64)
        })
        .collect()
    };
    Fresh { name: shown.name.to_owned(), calm: curve(0), cut: curve(1) }
}
