//! What stores promised and kept: who was answered during a partition, which model held, how stale reads were, and the
//! smallest history that shows a violation.

use rayon::prelude::*;

use super::pram::more_than_its_parts;
use super::{Design, trade_off};
use crate::check::{self, Property, Standing, Steps, Verdict as Checked, View, hierarchy::MODELS};
use crate::engine::Instant;
use crate::history::History;
use crate::report::answer::capital;
use crate::report::figure::freshness::{End, Fresh, Freshness};
use crate::report::figure::ladder::{Ladder, Rung, Standpoint};
use crate::report::figure::{Drawing, Table};
use crate::report::kept::{Kept, STALE, errors_and_past};
use crate::report::measure::listed;
use crate::report::number::{NOTHING, fmt_count, fmt_duration, fmt_share};
use crate::report::page::Section;
use crate::report::theme::{Mark, State};
use crate::run::{Outcome, cap_word, pacelc_word};
use crate::scenario::FaultPlan;

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
    mark: Mark,
    pub(super) kept: Kept<'a>,
    pub(super) standing: Standing,
    converged: Checked,
    pub(super) p99_write_ns: Option<u64>,
    pacelc: Option<String>,
}

/// Of every design that has a replicated store and recorded operations.
pub(super) fn shown<'a>(designs: &'a [Design<'_>]) -> Vec<Shown<'a>> {
    designs.par_iter().filter_map(Shown::of).collect()
}

impl<'a> Shown<'a> {
    fn of(design: &'a Design<'_>) -> Option<Shown<'a>> {
        let (name, outcome) = (design.name(), &design.run.outcome);
        let kept = Kept::of(name, outcome)?;
        let view = View::new(&outcome.history, None);
        Some(Shown {
            name,
            outcome,
            mark: design.mark,
            standing: check::standing(&view, Steps::DEFAULT),
            converged: check::judge_with(&view, Property::Converged, check::Engine::Fastest, Steps::DEFAULT),
            p99_write_ns: kept.taken(false, 99),
            pacelc: pacelc_word(outcome),
            kept,
        })
    }

    pub(super) fn history(&self) -> &'a History {
        &self.outcome.history
    }

    pub(super) fn linearizable(&self) -> Option<&Checked> {
        self.standing.of(Property::Linearizable)
    }

    pub(super) fn cap(&self) -> Option<&'static str> {
        match self.linearizable()? {
            Checked::Holds => cap_word(true, &self.kept.served),
            Checked::Violated(_) => cap_word(false, &self.kept.served),
            Checked::Unknown(_) | Checked::Vacuous(_) => None,
        }
    }

    /// `CP, PC/EC`: what it chose during partitions, and what without; as far as the run tells.
    pub(super) fn classes(&self) -> String {
        [self.cap(), self.pacelc.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// What a group got during a partition: `100 %, 47 % stale`.
    fn got(&self, cut: &str, group: &str) -> String {
        let Some(answered) = self.kept.answered(cut, group) else { return NOTHING.to_owned() };
        match self.kept.stale_in(cut, group).filter(|share| *share >= STALE) {
            Some(stale) => format!("{}, **{}\u{a0}stale**", fmt_share(answered), fmt_share(stale)),
            None => fmt_share(answered),
        }
    }
}

/// The head of a column of the 99th percentile of writes: whose writes, and when.
pub(super) fn p99_of_writes(cuts: &[&str]) -> String {
    match cuts {
        [] => "p99 of answered writes".to_owned(),
        [cut] => format!("p99 of answered writes, before {cut}"),
        _ => "p99 of answered writes, before the first partition".to_owned(),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), fmt_share)
}

/// The numbers, the models, and the freshness of reads.
pub(super) fn sections(all: &[Shown<'_>]) -> Vec<Section> {
    [numbers(all), trade_off::section(all), ladder(all), freshness(all)].into_iter().flatten().collect()
}

/// Names of the partitions and of the client groups that asked during any of them, of all designs.
/// Partitions by when they begin, groups as in the file.
fn cuts_and_groups<'s>(all: &'s [Shown<'_>]) -> (Vec<&'s str>, Vec<&'s str>) {
    let (mut cuts, mut groups): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for served in all.iter().flat_map(|s| &s.kept.served) {
        if !cuts.contains(&served.fault.as_str()) {
            cuts.push(&served.fault);
        }
        if !groups.contains(&served.clients.as_str()) {
            groups.push(&served.clients);
        }
    }
    let begins = |name: &str| {
        let plans = all.iter().flat_map(|s| &s.kept.cuts).filter(|cut| cut.name == name);
        plans.filter_map(|cut| cut.span()).map(|(from, _)| from).min()
    };
    cuts.sort_by_key(|name| begins(name));
    (cuts, groups)
}

fn numbers(all: &[Shown<'_>]) -> Option<Section> {
    all.first()?;
    let (cuts, groups) = cuts_and_groups(all);
    let mut table = Table::new(&["design"]);
    let pacelc = all.iter().any(|s| s.pacelc.is_some());
    if !cuts.is_empty() {
        table.columns.push("CAP".to_owned());
        table.columns.extend(pacelc.then(|| "PACELC".to_owned()));
    }
    // What one partition did has room in the same table.
    if let [cut] = cuts.as_slice() {
        table.columns.extend(groups.iter().map(|g| format!("{g} in {cut}")));
    }
    table.columns.push("strongest model".to_owned());
    let stale = match cuts.as_slice() {
        [] => "stale reads",
        [_] => "stale after",
        _ => "stale reads, whole run",
    };
    table.columns.extend([stale.to_owned(), "lost writes".to_owned(), p99_of_writes(&cuts)]);
    for shown in all {
        let mut row = vec![format!("**{}**", shown.name)];
        if !cuts.is_empty() {
            row.push(shown.cap().unwrap_or("?").to_owned());
            row.extend(pacelc.then(|| shown.pacelc.clone().unwrap_or_else(|| "?".to_owned())));
        }
        if let [cut] = cuts.as_slice() {
            row.extend(groups.iter().map(|g| shown.got(cut, g)));
        }
        row.push(strongest(&shown.standing));
        let kept = &shown.kept;
        row.push(percent(match cuts.as_slice() {
            [_] => kept.after().and_then(|after| kept.stale(after, None)),
            _ => kept.stale(kept.whole(), None),
        }));
        row.push(kept.lost.map_or_else(|| NOTHING.to_owned(), fmt_count));
        row.push(shown.p99_write_ns.map_or_else(|| NOTHING.to_owned(), |ns| fmt_duration(ns as f64)));
        table.rows.push(row);
    }
    let table = table.told();
    // Words only of what stands there: who never reads has no stale reads.
    let has = |column: &str| table.columns.iter().any(|known| known.starts_with(column));
    let listed_if = |parts: &[(&str, String)]| {
        let there = parts.iter().filter(|(column, _)| has(column)).map(|(_, words)| words.clone());
        listed(&there.collect::<Vec<_>>())
    };
    let whose = if cuts.is_empty() { "reads that missed an acknowledged write" } else { "stale reads of all clients" };
    let caption = |model: &str, stale: &str, cost: &str| {
        listed_if(&[
            ("strongest model", model.to_owned()),
            ("stale", format!("{whose}{stale}")),
            ("lost writes", "acknowledged writes that are gone in the end".to_owned()),
            ("p99", format!("what a write costs{cost}")),
        ])
    };
    let caption = match cuts.as_slice() {
        [] => format!("{}.", capital(&caption("the strongest model that the whole history keeps", "", ""))),
        [cut] => format!(
            "In {cut}: requests answered and, if any, stale reads of each group. Then {}.",
            caption("the strongest model that held", &format!(" after {cut}"), &format!(" before {cut}"))
        ),
        cuts => format!(
            "{} partitions. Above, of the whole run: {}. Below, of each partition and group: requests answered and, if \
             any, stale reads.",
            cuts.len(),
            caption("the strongest model", "", " before the first partition")
        ),
    };
    let mut tables = vec![table];
    if cuts.len() > 1 {
        tables.push(by_cut(all, &cuts, &groups).told());
    }
    let cap = "CAP is read off the run: consistent if all of it is linearizable, available if every client group was \
               answered in 99\u{202f}% of cases in every partition. PACELC: PA if it is available, else PC; and EC if what came \
               before the first fault is linearizable, else EL. ";
    Some(Section {
        name: "Consistency".to_owned(),
        anchor: "consistency".to_owned(),
        finding: finding(all),
        caption,
        figures: Vec::new(),
        tables,
        how_to_read: format!(
            "{}A lucky run can look better than its protocol, never worse. Stale and lost count what clients were told, \
             not what replicas hold.",
            if cuts.is_empty() { "" } else { cap }
        ),
        folded: false,
    })
}

/// What each group got in each partition: a row each, a column a design.
fn by_cut(all: &[Shown<'_>], cuts: &[&str], groups: &[&str]) -> Table {
    let mut table = Table::new(&["partition", "when", "clients"]);
    table.columns.extend(all.iter().map(|s| s.name.to_owned()));
    for cut in cuts {
        let plan = all.iter().flat_map(|s| &s.kept.cuts).find(|c| c.name == *cut);
        let when = plan.map_or_else(String::new, |plan| when(plan));
        for group in groups {
            let mut row = vec![format!("**{cut}**"), when.clone(), (*group).to_owned()];
            row.extend(all.iter().map(|s| s.got(cut, group)));
            table.rows.push(row);
        }
    }
    table
}

/// `40 s to 70 s`; of a fault that comes and goes, how often, and from when to when it does.
fn when(cut: &FaultPlan) -> String {
    let Some((from, to)) = cut.span() else { return String::new() };
    let at = |at: Instant| fmt_duration(at.0 as f64);
    match cut.windows.len() {
        0 | 1 => format!("{} to {}", at(from), at(to)),
        times => format!("{times} times, {} to {}", at(from), at(to)),
    }
}

fn strongest(standing: &Standing) -> String {
    if standing.strongest() == SESSION {
        return "all session guarantees".to_owned();
    }
    let names: Vec<String> = standing.strongest().into_iter().map(spoken).collect();
    let tested = |model: &Property| standing.of(*model).is_some_and(|v| !matches!(v, Checked::Vacuous(_)));
    match names.as_slice() {
        [] if MODELS.iter().any(tested) => "none".to_owned(),
        [] => NOTHING.to_owned(),
        names => names.join(", "),
    }
}

fn spoken(model: Property) -> String {
    match model {
        Property::Pram => "PRAM".to_owned(),
        model => model.name().replace('_', " "),
    }
}

/// Errors with whom, the past with whom; else whether all was as with a single copy.
fn finding(all: &[Shown<'_>]) -> String {
    let kept: Vec<&Kept<'_>> = all.iter().map(|s| &s.kept).collect();
    if let Some(told) = errors_and_past(&kept) {
        return told;
    }
    let cuts = cuts_and_groups(all).0;
    let when = match cuts.as_slice() {
        [] => String::new(),
        [cut] => format!(", also during {cut}"),
        _ => ", also during partitions".to_owned(),
    };
    let held = all.iter().filter(|s| s.linearizable() == Some(&Checked::Holds)).count();
    let of = tested(all);
    match held {
        n if n == all.len() => format!("Every answer is that of a single copy{when}"),
        n if n > 0 && of < all.len() => {
            format!("{n} of the {of} designs that could be judged answer like a single copy{when}")
        }
        0 if untestable(all) => "Nothing was read, so writes are judged by what is left in the end".to_owned(),
        0 => format!("Nobody reads the past{when}, and yet no single copy could have answered so"),
        n => format!("{n} of {} designs answer like a single copy{when}", all.len()),
    }
}

/// Of how many designs it is known whether they are linearizable.
fn tested(all: &[Shown<'_>]) -> usize {
    let known = |s: &&Shown<'_>| matches!(s.linearizable(), Some(Checked::Holds | Checked::Violated(_)));
    all.iter().filter(known).count()
}

/// Whether no design's operations say anything about what it held: nobody read.
fn untestable(all: &[Shown<'_>]) -> bool {
    all.iter().all(|s| matches!(s.linearizable(), None | Some(Checked::Vacuous(_))))
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
    let rung = |model: Property| Rung { name: spoken(model), promise: promise(model).to_owned() };
    let mut rungs: Vec<Rung> = MODELS.into_iter().map(rung).collect();
    rungs.push(Rung { name: "converged".to_owned(), promise: promise(Property::Converged).to_owned() });
    let state = |verdict: Option<&Checked>| match verdict {
        Some(Checked::Holds) => State::Ok,
        Some(Checked::Violated(_)) => State::Error,
        Some(Checked::Unknown(_)) => State::Unknown,
        Some(Checked::Vacuous(_)) | None => State::Vacuous,
    };
    let mut designs: Vec<Standpoint> = all
        .iter()
        .map(|s| {
            let mut states: Vec<State> = MODELS.into_iter().map(|model| state(s.standing.of(model))).collect();
            states.push(state(Some(&s.converged)));
            let strongest = s.standing.strongest();
            let frames = MODELS.into_iter().map(|model| strongest.contains(&model)).collect();
            Standpoint { name: s.name.to_owned(), mark: s.mark, states, strongest: frames }
        })
        .collect();
    // What no design was put to the test in is no row; why stands below.
    for rung in (0..rungs.len()).rev() {
        if designs.iter().all(|d| d.states[rung] == State::Vacuous) {
            rungs.remove(rung);
            for design in &mut designs {
                design.states.remove(rung);
                if rung < design.strongest.len() {
                    design.strongest.remove(rung);
                }
            }
        }
    }
    if rungs.is_empty() {
        return None;
    }
    let held: Vec<&str> = all.iter().filter(|s| s.linearizable() == Some(&Checked::Holds)).map(|s| s.name).collect();
    let finding = match held.as_slice() {
        [] if untestable(all) => {
            let converged = |verdict| all.iter().filter(|s| s.converged == verdict).count();
            let (equal, judged) = (
                converged(Checked::Holds),
                all.iter().filter(|s| matches!(s.converged, Checked::Holds | Checked::Violated(_))).count(),
            );
            let nothing = "Nothing was read, so no model is put to the test";
            match equal {
                0 if judged == 0 => nothing.to_owned(),
                n if n == judged => format!("{nothing}; in the end all copies are equal"),
                n => format!("{nothing}; copies end up equal with {n} of {judged}"),
            }
        }
        [] if all.len() == 1 => format!("The strongest promise that held: {}", strongest(&all[0].standing)),
        [] => "No design is linearizable".to_owned(),
        held if held.len() == all.len() => "Linearizable, so everything below holds too".to_owned(),
        [one] => format!("Only {one} is linearizable"),
        held if held.len() <= 3 => format!("Linearizable: {}", held.join(", ")),
        held if tested(all) < all.len() => {
            format!("{} of the {} designs that could be judged are linearizable", held.len(), tested(all))
        }
        held => format!("{} of {} designs are linearizable", held.len(), all.len()),
    };
    let count = all.iter().map(|s| s.history().operations().len() as u64).sum();
    Some(Section {
        name: "Models".to_owned(),
        anchor: "models".to_owned(),
        finding,
        caption: format!(
            "Each model judged over the whole history, strongest first; {} operations. Framed: the strongest that held.",
            fmt_count(count)
        ),
        figures: vec![Drawing::Ladder(Ladder {
            title: "Models that held".to_owned(),
            rungs,
            designs,
            notes: untold(all),
        })],
        tables: Vec::new(),
        how_to_read: format!(
            "✓ holds, ✕ violated, ? not told, – nothing to judge. A model that holds brings those that it implies; no \
             system can be linearizable or sequential and answer everybody during a partition.{}",
            more_than_its_parts(all)
        ),
        folded: false,
    })
}

/// Why a sign is `?` or `–`: a sentence for each reason.
fn untold(all: &[Shown<'_>]) -> Vec<String> {
    let mut reasons: Vec<(State, String, Vec<String>, Vec<&str>)> = Vec::new();
    for shown in all {
        let models = MODELS.into_iter().map(|model| (spoken(model), shown.standing.of(model)));
        for (model, verdict) in models.chain([("converged".to_owned(), Some(&shown.converged))]) {
            let (state, reason) = match verdict {
                Some(Checked::Unknown(reason)) => (State::Unknown, &reason.0),
                Some(Checked::Vacuous(reason)) => (State::Vacuous, &reason.0),
                _ => continue,
            };
            let found = reasons.iter_mut().find(|(s, r, ..)| (*s, r.as_str()) == (state, reason.as_str()));
            match found {
                Some((_, _, models, designs)) => {
                    if !models.contains(&model) {
                        models.push(model);
                    }
                    if !designs.contains(&shown.name) {
                        designs.push(shown.name);
                    }
                }
                None => reasons.push((state, reason.clone(), vec![model], vec![shown.name])),
            }
        }
    }
    let sentence = |(state, reason, models, designs): (State, String, Vec<String>, Vec<&str>)| {
        let whose = match designs.len() {
            _ if all.len() == 1 => String::new(),
            some if some == all.len() => " of every design".to_owned(),
            _ => format!(" of {}", designs.join(", ")),
        };
        // What would help stands in the verdicts of `netsplit judge`.
        let reason = reason.split([';', ':']).next().unwrap_or_default();
        format!("{} {}{whose}: {reason}.", state.sign(), models.join(", "))
    };
    reasons.into_iter().map(sentence).collect()
}

fn freshness(all: &[Shown<'_>]) -> Option<Section> {
    let panels: Vec<Fresh> = all.iter().map(fresh).collect();
    if panels.iter().all(|p| p.calm.is_empty() && p.cut.is_empty()) {
        return None;
    }
    let cut = match cuts_and_groups(all).0.as_slice() {
        [] => None,
        [cut] => Some((*cut).to_owned()),
        _ => Some("partitions".to_owned()),
    };
    let late = panels.iter().filter(|p| p.settles_ns() != Some(0.0)).count();
    let never = panels.iter().filter(|p| p.settles_ns().is_none()).count();
    let finding = match (late, never, panels.len()) {
        (0, _, 1) => "Readers see at once what was acknowledged".to_owned(),
        (0, _, _) => "With every design readers see at once what was acknowledged".to_owned(),
        (_, 0, 1) => {
            let after = panels.first().and_then(Fresh::settles_ns).unwrap_or(0.0);
            format!("Readers catch up within {}", fmt_duration(after))
        }
        (_, 1, n) => {
            let lagging = panels.iter().find_map(|p| Some((p.name.as_str(), p.end()?)));
            lagging.map_or_else(String::new, |(name, end)| {
                let text = still_stale(&end, cut.as_deref());
                if n == 1 { capital(&text) } else { format!("With {name}, {text}") }
            })
        }
        (late, 0, n) => format!("With {late} of {n} designs readers lag behind, and catch up"),
        (_, never, n) => {
            let ends = panels.iter().filter_map(|p| Some((p.name.as_str(), p.end()?)));
            let worst = ends.max_by(|a, b| a.1.stale.total_cmp(&b.1.stale));
            let text = worst.map_or_else(String::new, |(name, end)| {
                format!(": with {name}, {}", still_stale(&end, cut.as_deref()))
            });
            format!("With {never} of {n} designs old writes are missed, too{text}")
        }
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

/// What the end of a curve says: the age is that of the write, not the end of the run.
fn still_stale(end: &End, cut: Option<&str>) -> String {
    let (age, stale) = (fmt_duration(end.age_ns), fmt_share(end.stale));
    let when = match cut {
        None => String::new(),
        Some(cut) if end.inside => format!(" in {cut} (thick line)"),
        Some(cut) => format!(" outside {cut} (dashed line)"),
    };
    format!("of reads about {age} after a write {stale} still miss it{when}")
}

fn fresh(shown: &Shown<'_>) -> Fresh {
    let spans: Vec<(Instant, Instant)> = shown.kept.cuts.iter().filter_map(|cut| cut.span()).collect();
    let warm = shown.kept.whole().0;
    let bins = (BINS_A_DECADE * DECADES) as usize;
    let mut counts = vec![[(0_u64, 0_u64); 2]; bins];
    for read in &shown.kept.staleness.reads {
        let at = shown.history().operation(read.read).invoked;
        let Some(age) = read.since_write.filter(|_| at >= warm) else { continue };
        let inside = spans.iter().any(|(from, to)| at >= *from && at < *to);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::answer::plain;

    #[test]
    fn stale_reads_are_told_by_the_age_of_the_write_and_by_their_line() {
        let told = |inside, cut| plain(&still_stale(&End { age_ns: 75e9, stale: 0.208, inside }, cut));
        let about = "of reads about 75 s after a write 20.8 % still miss it";
        assert_eq!(told(true, Some("cut")), format!("{about} in cut (thick line)"));
        assert_eq!(told(false, Some("cut")), format!("{about} outside cut (dashed line)"));
        assert_eq!(told(false, None), about);
    }
}
