//! The finding in a few sentences, made of the numbers. Terminal and page say the same.

use super::best::{By, best};
use super::kept::{Kept, errors_and_past, lost_writes};
use super::measure::{self, least_answered, listed};
use super::number::{Unit, fmt_rate, fmt_share};
use super::summary::{Seen, Summary, summary};
use super::told;
use crate::engine::{Instant, Span};
use crate::metric::{ClassSet, EpochSet};
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
    let by = runs.first().map_or(By::Answered, |run| By::of(&run.outcome.plan.question));
    let all: Vec<&Summary> = sums.iter().map(|(_, sum)| sum).collect();
    let Some(best) = best(&all, by).filter(|best| best.place > 0) else { return String::new() };
    let Some(seen) = sums[best.place].1.seen.first() else { return String::new() };
    let name = best.percentile_name();
    let tail = time(seen.answers.at_ns[best.percentile].map(|ns| ns as f64));
    let numbers = format!("{}, {tail} at {name}", fmt_rate(seen.goodput));
    let gives_up =
        measure::gives_up(runs, best.place).map_or_else(String::new, |what| format!(", but it violates {what}"));
    let by = match by {
        By::Answered => format!("By what is answered, then by {name} of answers,"),
        By::Tail => format!("By {name} of answers, of designs that answer as many,"),
    };
    format!(" {by} the best is **{}**: {numbers}{gives_up}.", sums[best.place].0)
}

/// How the base serves its users, each group for itself.
fn served(base: &str, who: &[&Seen]) -> String {
    let some = who.iter().any(|seen| seen.ended.count > 0);
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
    let apart = apart(who);
    if who.iter().all(|seen| seen.answers.count == 0) {
        return format!("{}: {} are answered in full{apart}.", capital(base), listed(&rates));
    }
    let means: Vec<String> = who.iter().map(|seen| format!("**{}**", time(seen.answers.mean_ns))).collect();
    let tails: Vec<String> =
        who.iter().map(|seen| format!("**{}**", time(seen.answers.at_ns[2].map(|ns| ns as f64)))).collect();
    format!(
        "{}: {} are answered in full; an answer takes {} on average and {} at p99{apart}.",
        capital(base),
        listed(&rates),
        listed(&means),
        listed(&tails)
    )
}

/// Those who got no answer, after a semicolon: `; 4 % are refused and 12 % time out`. They have no part in the latency.
fn apart(who: &[&Seen]) -> String {
    let kinds = ["are refused", "time out", "are still open at the end"];
    let told = kinds.iter().enumerate().filter_map(|(kind, what)| {
        let share = |seen: &Seen| [seen.refused, seen.timed_out, seen.open_share()][kind];
        let shares = who.iter().filter_map(|seen| Some((share(seen).filter(|share| *share >= WORTH_A_WORD)?, seen)));
        let of = |seen: &Seen| if who.len() > 1 { format!(" of {}", seen.name) } else { String::new() };
        let shares: Vec<String> = shares.map(|(share, seen)| format!("**{}**{}", fmt_share(share), of(seen))).collect();
        (!shares.is_empty()).then(|| format!("{} {what}", listed(&shares)))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("; {}", listed(&told)) }
}

/// Fewer of all requests are not told of.
const WORTH_A_WORD: f64 = 0.001;

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

/// The share of all users' requests in these epochs that were answered, of those that ended.
pub fn answered(outcome: &Outcome, epochs: &EpochSet) -> Option<f64> {
    share_of_ended(outcome, epochs, ANSWERED)
}

/// The share of all users' requests in these epochs that were answered in full, of those that ended.
pub fn answered_in_full(outcome: &Outcome, epochs: &EpochSet) -> Option<f64> {
    share_of_ended(outcome, epochs, OK)
}

fn share_of_ended(outcome: &Outcome, epochs: &EpochSet, classes: ClassSet) -> Option<f64> {
    let groups = &outcome.meters.groups[outcome.plan.components.len()..];
    let count = |classes| groups.iter().map(|g| g.visits.count(epochs, classes)).sum::<u64>();
    let ended = count(ClassSet::ALL);
    (ended > 0).then(|| count(classes) as f64 / ended as f64)
}

/// The share of all users' requests in these epochs that are still open when the run ends.
pub fn still_open(outcome: &Outcome, epochs: &EpochSet) -> f64 {
    let groups = &outcome.meters.groups[outcome.plan.components.len()..];
    let offered: u64 = groups.iter().map(|g| g.visits.offered(epochs)).sum();
    let ended: u64 = groups.iter().map(|g| g.visits.count(epochs, ClassSet::ALL)).sum();
    offered.saturating_sub(ended) as f64 / offered.max(1) as f64
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
