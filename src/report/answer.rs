//! The finding in a few sentences, made of the numbers. Terminal and page say the same.

use super::kept::{Kept, errors_and_past, lost_writes};
use super::measure::{self, least_answered, listed};
use super::number::{Unit, fmt_rate, fmt_share};
use super::summary::{Seen, Summary, summary};
use super::told;
use crate::engine::{Instant, Span};
use crate::metric::EpochSet;
use crate::run::{Outcome, Run};
use crate::world::meters::{ANSWERED, OK};

/// Beside so many sentences of the author there is no room for one on the bottleneck.
const SENTENCES_MAX: usize = 3;

/// The finding. `**bold**` marks what to say aloud; numbers carry narrow no-break spaces.
pub fn answer(runs: &[&Run]) -> String {
    let sums: Vec<(&str, Summary)> =
        runs.iter().map(|r| (r.outcome.plan.variant.as_str(), summary(&r.outcome))).collect();
    let Some((base, first)) = sums.first() else { return String::new() };
    let who: Vec<&Seen> = first.seen.iter().collect();
    let measures = || measure::told(runs).iter().map(|m| format!(" {}.", capital(&m.sentence()))).collect::<String>();
    let limit = if first.bottleneck.limits() { format!(" {}", first.bottleneck.sentence) } else { String::new() };
    match told::told(runs).as_slice() {
        [] => {}
        // The author says what it comes to.
        few if few.len() < SENTENCES_MAX => return few.join(" ") + &limit,
        many => return many.join(" "),
    }
    if who.is_empty() {
        return measures().trim_start().to_owned();
    }
    let served = format!(" {}", served(base, &who));
    let (lead, asked) = (measure::lead(runs), measure::asked(runs));
    let properties = measure::properties(runs).map_or_else(String::new, |told| format!(" {told}."));
    // Of a store that may refuse or lie, that comes first: who is fast by it is no better.
    let kept: Vec<Kept<'_>> = runs.iter().filter_map(|r| Kept::of(&r.outcome.plan.variant, &r.outcome)).collect();
    let mut lost = lost(gone(runs, &kept), runs.len());
    if lost.is_empty() {
        lost = measure::nothing_lost(runs).map_or_else(String::new, |told| format!(" {told}."));
    }
    let text = if let Some(told) = errors_and_past(&kept.iter().collect::<Vec<_>>()) {
        // How several groups fared stands in the table.
        let rest = match (lead, who.len() > 1 && runs.len() > 1) {
            (true, _) => measures(),
            (false, true) => String::new(),
            (false, false) => served,
        };
        format!("**{told}.**{lost}{properties}{rest}{limit}")
    } else if asked {
        format!("{lost}{}{properties}{limit}", measures())
    } else if lead {
        format!("{lost}{}{properties}{served} {}", measures(), first.bottleneck.sentence)
    } else {
        let phases = runs.first().and_then(|r| phases(&r.outcome)).map_or_else(String::new, |told| format!(" {told}."));
        let best = best_told(runs, &sums);
        format!("{lost}{properties}{served}{phases} {}{best}", first.bottleneck.sentence)
    };
    text.trim_start().to_owned()
}

/// Acknowledged writes that are gone, by design, if any store keeps copies. A store with one copy is no choice, but it may
/// lose writes like the others.
fn gone<'r>(runs: &[&'r Run], kept: &[Kept<'_>]) -> Vec<(&'r str, u64)> {
    let mut gone = Vec::new();
    for run in runs.iter().filter(|_| !kept.is_empty()) {
        let variant = run.outcome.plan.variant.as_str();
        let known = kept.iter().find(|k| k.name == variant);
        gone.extend(known.map_or_else(|| lost_writes(&run.outcome), |k| k.lost).map(|n| (variant, n)));
    }
    gone
}

/// Which design is better than the base, by what, and what it gives up for it.
fn best_told(runs: &[&Run], sums: &[(&str, Summary)]) -> String {
    let Some(best) = best(sums).filter(|best| *best > 0) else { return String::new() };
    let Some(seen) = sums[best].1.seen.first() else { return String::new() };
    let numbers = format!("{}, {} on average", fmt_rate(seen.goodput), time(seen.mean_ns));
    let gives_up = measure::gives_up(runs, best).map_or_else(String::new, |what| format!(", but it violates {what}"));
    format!(" By what is answered, then by the mean, the best is **{}**: {numbers}{gives_up}.", sums[best].0)
}

/// How the base serves its users, each group for itself.
fn served(base: &str, who: &[&Seen]) -> String {
    let some = who.iter().any(|seen| seen.mean_ns.is_some());
    if !some {
        return format!("{}: no request ended.", capital(base));
    }
    let several = who.len() > 1;
    let rate = |(i, seen): (usize, &&Seen)| {
        let of = if several { format!(" of {}", seen.name) } else { String::new() };
        let unit = if i == 0 { " requests/s" } else { "" };
        let (got, asked) = (Unit::PerSecond.tick(seen.goodput), Unit::PerSecond.tick(seen.offered));
        format!("**{got} of {asked}**{unit}{of}")
    };
    let rates: Vec<String> = who.iter().enumerate().map(rate).collect();
    if who.iter().all(|seen| seen.goodput == 0.0) {
        return format!("{}: {} are answered in full.", capital(base), listed(&rates));
    }
    let means: Vec<String> = who.iter().map(|seen| format!("**{}**", time(seen.mean_ns))).collect();
    let tails: Vec<String> =
        who.iter().map(|seen| format!("**{}**", time(seen.latency_ns[2].map(|ns| ns as f64)))).collect();
    format!(
        "{}: {} are answered in full; a request takes {} on average and {} at p99.",
        capital(base),
        listed(&rates),
        listed(&means),
        listed(&tails)
    )
}

/// What is gone in the end, with each design that loses something, or the two that lose most.
fn lost(mut losing: Vec<(&str, u64)>, designs: usize) -> String {
    losing.retain(|(_, n)| *n > 0);
    losing.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let Some((name, most)) = losing.first() else { return String::new() };
    let writes = if *most == 1 { "acknowledged write is" } else { "acknowledged writes are" };
    let with = if designs > 1 { format!(" with {name}") } else { String::new() };
    let next = losing.get(1).map_or(String::new(), |(name, n)| {
        let others = match losing.len() - 2 {
            0 => String::new(),
            n => format!(", and some with {n} more"),
        };
        format!(" and **{}** with {name}{others}", super::number::fmt_count(*n))
    });
    format!(" In the end **{} {writes} lost**{with}{next}.", super::number::fmt_count(*most))
}

/// The variant that serves its users best: whoever leaves fewer unserved, by a thousandth of what was asked, or by half
/// where few are; then the mean. The base unless another is better in that or by a twentieth of the mean.
pub fn best(sums: &[(&str, Summary)]) -> Option<usize> {
    let rank = |s: &Summary| {
        let seen = s.seen.first();
        let unserved = seen.map_or(1.0, |s| 1.0 - s.goodput / s.offered.max(1e-9));
        (unserved, seen.and_then(|s| s.mean_ns).unwrap_or(f64::MAX))
    };
    // Of ten thousand a few are still under way when the run ends.
    let fewer = |a: f64, b: f64| b - a > 1e-3 || b - a > 1e-4 && a < b / 2.0;
    let better = |(unserved, mean): (f64, f64), (others, than): (f64, f64), margin: f64| {
        fewer(unserved, others) || !fewer(others, unserved) && mean < than * margin
    };
    let base = rank(&sums.first()?.1);
    let mut best = (0, base);
    for (i, (_, sum)) in sums.iter().enumerate().skip(1) {
        let this = rank(sum);
        if better(this, base, 0.95) && better(this, best.1, 1.0) {
            best = (i, this);
        }
    }
    Some(best.0)
}

/// What share was answered before, during and after the first fault, if that tells anything.
pub fn phases(outcome: &Outcome) -> Option<String> {
    let plan = &outcome.plan;
    let fault = plan.faults.iter().find(|f| f.windows.len() == 1)?;
    let (from, to) = fault.span()?;
    let frame = outcome.meters.frame();
    let epochs = |from: Instant, to: Instant| frame.epochs_in(from, to.min(plan.end));
    let share = |from: Instant, to: Instant| answered(outcome, &epochs(from, to));
    let during = share(from, to)?;
    let least = least_answered(outcome, &epochs(from, to), during).filter(|_| fault.parts());
    let whose = least.map_or_else(String::new, |(group, share)| format!(" (of {group} **{}**)", fmt_share(share)));
    let before = share(Instant::ZERO + plan.warmup, from);
    let after = if to < plan.end { share(to, plan.end) } else { None };
    let said = [before, Some(during), after];
    let lowest = said.iter().flatten().copied().fold(1.0, f64::min);
    if lowest > 0.9995 {
        return None;
    }
    let mut text = match before {
        Some(before) => {
            format!(
                "Before {} {} are answered, during it **{}**{whose}",
                fault.name,
                share_of(before),
                share_of(during)
            )
        }
        None => format!("During {} **{}** are answered{whose}", fault.name, share_of(during)),
    };
    if let Some(after) = after {
        text += &format!(", after it {}", share_of(after));
    }
    Some(text)
}

/// The share of all users' requests in these epochs that were answered.
pub fn answered(outcome: &Outcome, epochs: &EpochSet) -> Option<f64> {
    let groups = &outcome.meters.groups[outcome.plan.components.len()..];
    let offered: u64 = groups.iter().map(|g| g.visits.offered(epochs)).sum();
    let answered: u64 = groups.iter().map(|g| g.visits.count(epochs, ANSWERED)).sum();
    (offered > 0).then(|| answered as f64 / offered as f64)
}

/// The share of all users' requests in these epochs that were answered in full.
pub fn answered_in_full(outcome: &Outcome, epochs: &EpochSet) -> Option<f64> {
    let groups = &outcome.meters.groups[outcome.plan.components.len()..];
    let offered: u64 = groups.iter().map(|g| g.visits.offered(epochs)).sum();
    let answered: u64 = groups.iter().map(|g| g.visits.count(epochs, OK)).sum();
    (offered > 0).then(|| answered as f64 / offered as f64)
}

fn share_of(share: f64) -> String {
    fmt_share(share)
}

fn time(ns: Option<f64>) -> String {
    Unit::Nanos.write(ns.unwrap_or(f64::NAN))
}

/// With a capital letter in front.
pub fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().collect::<String>() + chars.as_str())
}

/// `seed 7 · 300 s simulated`, as facts.
pub fn facts(runs: &[Run]) -> Vec<String> {
    let seeds = || runs.iter().map(|r| r.outcome.plan.seed.0);
    let (low, high) = (seeds().min().unwrap_or(1), seeds().max().unwrap_or(1));
    let seed = if low == high { format!("seed {low}") } else { format!("seeds {low} to {high}") };
    let end = runs.first().map_or(Instant::ZERO, |r| r.outcome.plan.end);
    vec![seed, format!("{} simulated", super::number::fmt_span(Span(end.0)))]
}

/// The same on a terminal: no marks, plain spaces.
pub fn plain(text: &str) -> String {
    text.replace("**", "").replace(super::number::NARROW_SPACE, " ")
}
