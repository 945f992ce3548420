//! The finding in a few sentences, made of the numbers. Terminal and page say the same.

use super::kept::{Kept, errors_and_past};
use super::number::{Unit, fmt_rate, fmt_share};
use super::summary::{Seen, Summary, summary};
use crate::engine::{Instant, Span};
use crate::metric::EpochSet;
use crate::run::{Outcome, Run};
use crate::world::meters::ANSWERED;

/// The finding. `**bold**` marks what to say aloud; numbers carry narrow no-break spaces.
pub fn answer(runs: &[&Run]) -> String {
    let sums: Vec<(&str, Summary)> =
        runs.iter().map(|r| (r.outcome.plan.variant.as_str(), summary(&r.outcome))).collect();
    let Some((base, first)) = sums.first() else { return String::new() };
    let who: Vec<&Seen> = first.seen.iter().collect();
    if who.is_empty() {
        return String::new();
    }
    let mut text = served(base, &who);
    // Of a store that may refuse or lie, that comes first: who is fast by it is no better.
    let kept: Vec<Kept<'_>> = runs.iter().filter_map(|r| Kept::of(&r.outcome.plan.variant, &r.outcome)).collect();
    if let Some(told) = errors_and_past(&kept.iter().collect::<Vec<_>>()) {
        text = format!("**{told}.**{} {text}", lost(&kept));
        if first.bottleneck.part.is_some() {
            text += &format!(" {}", first.bottleneck.sentence);
        }
        return text;
    }
    if let Some(phases) = runs.first().and_then(|r| phases(&r.outcome)) {
        text += &format!(" {phases}.");
    }
    text += &format!(" {}", first.bottleneck.sentence);
    if let Some(best) = best(&sums)
        && best > 0
        && let Some(seen) = sums[best].1.seen.first()
    {
        text +=
            &format!(" Best is **{}**: {}, {} on average.", sums[best].0, fmt_rate(seen.goodput), time(seen.mean_ns));
    }
    text
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

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// What is gone in the end, with each design that loses something, or the two that lose most.
fn lost(kept: &[Kept<'_>]) -> String {
    let mut losing: Vec<(&str, u64)> = kept.iter().filter_map(|k| Some((k.name, k.lost.filter(|n| *n > 0)?))).collect();
    losing.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let Some((name, most)) = losing.first() else { return String::new() };
    let writes = if *most == 1 { "acknowledged write is" } else { "acknowledged writes are" };
    let with = if kept.len() > 1 { format!(" with {name}") } else { String::new() };
    let next = losing.get(1).map_or(String::new(), |(name, n)| {
        let others = match losing.len() - 2 {
            0 => String::new(),
            n => format!(", and some with {n} more"),
        };
        format!(" and **{}** with {name}{others}", super::number::fmt_count(*n))
    });
    format!(" In the end **{} {writes} lost**{with}{next}.", super::number::fmt_count(*most))
}

/// The variant that serves its users best: goodput first, to a thousandth of what was asked; then the mean. The base
/// unless another is better by a thousandth in goodput or a twentieth of the mean.
pub fn best(sums: &[(&str, Summary)]) -> Option<usize> {
    let rank = |s: &Summary| {
        let seen = s.seen.first();
        let share = seen.map_or(0.0, |s| s.goodput / s.offered.max(1e-9));
        ((share * 1000.0).round(), seen.and_then(|s| s.mean_ns).unwrap_or(f64::MAX))
    };
    let base = rank(&sums.first()?.1);
    let mut best = (0, base);
    for (i, (_, sum)) in sums.iter().enumerate().skip(1) {
        let (goodput, mean) = rank(sum);
        let better_than = |(g, m): (f64, f64), margin: f64| goodput > g || (goodput == g && mean < m * margin);
        if better_than(base, 0.95) && better_than(best.1, 1.0) {
            best = (i, (goodput, mean));
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
    let share = |from: Instant, to: Instant| answered(outcome, &frame.epochs_in(from, to.min(plan.end)));
    let during = share(from, to)?;
    let before = share(Instant::ZERO + plan.warmup, from);
    let after = if to < plan.end { share(to, plan.end) } else { None };
    let said = [before, Some(during), after];
    let least = said.iter().flatten().copied().fold(1.0, f64::min);
    if least > 0.9995 {
        return None;
    }
    let mut text = match before {
        Some(before) => {
            format!("Before {} {} are answered, during it **{}**", fault.name, share_of(before), share_of(during))
        }
        None => format!("During {} **{}** are answered", fault.name, share_of(during)),
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
