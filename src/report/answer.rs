//! The finding in a few sentences, made of the numbers. Terminal and page say the same.

use super::kept::{Kept, errors_and_past, lost_writes};
use super::number::{Unit, fmt_rate, fmt_share};
use super::summary::{Seen, Summary, summary};
use crate::engine::{Instant, Span};
use crate::expect::ast::Phase;
use crate::metric::EpochSet;
use crate::run::{Outcome, Run};
use crate::world::meters::ANSWERED;

/// The finding. `**bold**` marks what to say aloud; numbers carry narrow no-break spaces.
pub fn answer(runs: &[&Run]) -> String {
    let sums: Vec<(&str, Summary)> =
        runs.iter().map(|r| (r.outcome.plan.variant.as_str(), summary(&r.outcome))).collect();
    let Some((base, first)) = sums.first() else { return String::new() };
    let who: Vec<&Seen> = first.seen.iter().collect();
    let told = || {
        let told = measures(runs).into_iter().take(TOLD).map(|m| format!("{}.", capital(&m.sentence())));
        told.collect::<Vec<_>>().join(" ")
    };
    if who.is_empty() {
        return told();
    }
    let mut text = served(base, &who);
    // Of a store that may refuse or lie, that comes first: who is fast by it is no better.
    let kept: Vec<Kept<'_>> = runs.iter().filter_map(|r| Kept::of(&r.outcome.plan.variant, &r.outcome)).collect();
    // A store with one copy is no choice, but it may lose writes like the others.
    let mut gone: Vec<(&str, u64)> = Vec::new();
    for run in runs.iter().filter(|_| !kept.is_empty()) {
        let variant = run.outcome.plan.variant.as_str();
        let known = kept.iter().find(|k| k.name == variant);
        gone.extend(known.map_or_else(|| lost_writes(&run.outcome), |k| k.lost).map(|n| (variant, n)));
    }
    let lost = lost(gone, runs.len());
    if let Some(told) = errors_and_past(&kept.iter().collect::<Vec<_>>()) {
        // How several groups fared stands in the table.
        let served = if who.len() > 1 && runs.len() > 1 { String::new() } else { format!(" {text}") };
        text = format!("**{told}.**{lost}{served}");
        if first.bottleneck.part.is_some() {
            text += &format!(" {}", first.bottleneck.sentence);
        }
        return text;
    }
    if !lost.is_empty() {
        text = format!("{}{text}", lost.trim_start().to_owned() + " ");
    }
    if measures_lead(runs) {
        return format!("{} {text} {}", told(), first.bottleneck.sentence);
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

/// What an expectation measured beyond the numbers of requests, for every design that it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// In words: `mean detection time (crash)`.
    pub what: String,
    /// Design and value; the design is empty if there is but one.
    pub values: Vec<(String, String)>,
}

impl Measure {
    /// `mean detection time (crash): **2.92 s** with timeout and **980 ms** with phi`.
    pub fn sentence(&self) -> String {
        let values: Vec<String> = match self.values.as_slice() {
            [(design, only)] if design.is_empty() => vec![format!("**{only}**")],
            all => all
                .chunk_by(|a, b| a.1 == b.1)
                .map(|alike| {
                    let designs: Vec<String> = alike.iter().map(|(design, _)| design.clone()).collect();
                    format!("**{}** with {}", alike[0].1, listed(&designs))
                })
                .collect(),
        };
        format!("{}: {}", self.what, listed(&values))
    }
}

/// So many measures make the answer, or begin it.
pub const TOLD: usize = 2;

/// Whether the scenario asks for what its expectations measure beyond requests: no client asks anything, or no
/// expectation names those who do and most are about other things. The answer then begins with the first [`TOLD`] of
/// [`measures`].
pub fn measures_lead(runs: &[&Run]) -> bool {
    let Some(plan) = runs.first().map(|run| &run.outcome.plan) else { return false };
    let texts = || runs.iter().flat_map(|run| run.judged.iter().map(|judged| judged.text.as_str()));
    let names = |text: &str| {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)));
        words.into_iter().any(|word| plan.clients.iter().any(|(clients, _)| clients.name == word))
    };
    let spoken = texts().filter(|text| spoken(text).is_some()).count();
    plan.clients.is_empty() || spoken > 0 && 2 * spoken >= texts().count() && !texts().any(names)
}
/// Statistics that need no word beside the unit of their value.
const SILENT: [&str; 2] = ["count", "rate"];
/// What the table of numbers has already.
const TABLED: [&str; 9] =
    ["goodput", "availability", "error_ratio", "offered", "utilization", "attempts", "errors", "timeouts", "ok"];

/// What expectations measured of things that are no requests: elections, detections, staleness. In the order of the file,
/// each once.
pub fn measures(runs: &[&Run]) -> Vec<Measure> {
    let mut all: Vec<(usize, Measure)> = Vec::new();
    for run in runs {
        for judged in &run.judged {
            let Some((left, what)) = judged.finding.left.as_ref().zip(spoken(&judged.text)) else { continue };
            // A number of a stretch is none of the whole.
            let terms = run.outcome.plan.expects.iter().find(|e| e.name == judged.name);
            let what = match terms.and_then(|e| e.during.as_ref()) {
                Some(phase @ (Phase::During(_) | Phase::Window(..))) => format!("{what} during {phase}"),
                Some(phase @ (Phase::Before(_) | Phase::After(_))) => format!("{what} {phase}"),
                Some(Phase::Steady) => format!("{what}, steady"),
                Some(Phase::All) | None => what,
            };
            let design = if runs.len() > 1 { run.outcome.plan.variant.clone() } else { String::new() };
            let value = (design, super::bind::measured(left));
            match all.iter_mut().find(|(_, m)| m.what == what) {
                Some((_, known)) if known.values.iter().any(|(design, _)| *design == value.0) => {}
                Some((_, known)) => known.values.push(value),
                None => all.push((judged.line, Measure { what, values: vec![value] })),
            }
        }
    }
    all.sort_by_key(|(line, _)| *line);
    all.into_iter().map(|(_, measure)| measure).collect()
}

/// `mean detection time (crash)` of `mean(detection_time(crash)) ~ 3.5s - 1s / 2 ± 4 se`; nothing if it is about requests
/// or compares several numbers.
fn spoken(text: &str) -> Option<String> {
    let metric = [" ~ ", " <= ", " >= ", " < ", " > ", " == ", " in "]
        .iter()
        .fold(text, |text, sign| text.split(sign).next().unwrap_or(text));
    let (metric, unit) = match metric.rsplit_once(") / ") {
        Some((metric, unit)) if !unit.contains(['(', ')', ' ']) => (metric, format!(" / {unit}")),
        _ => (metric.strip_suffix(')')?, String::new()),
    };
    let (outer, rest) = metric.split_once('(')?;
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let (measure, of) = match rest.strip_suffix(')') {
        Some(inner) => inner.split_once('(')?,
        None => (outer, rest),
    };
    let nested = rest.ends_with(')');
    let statistic = ["mean", "min", "max", "sum"].contains(&outer)
        || outer.starts_with('p') && outer[1..].starts_with(|c: char| c.is_ascii_digit());
    if !plain(outer) || !plain(measure) || TABLED.contains(&measure) || of.contains(['(', ')']) || !nested && statistic
    {
        return None;
    }
    let word = if !nested || SILENT.contains(&outer) { String::new() } else { format!("{outer} ") };
    Some(format!("{word}{} ({of}){unit}", measure.replace('_', " ")))
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

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_is_told_in_words() {
        for (text, words) in [
            ("mean(detection_time(crash)) ~ 3.5s - 1s / 2 ± 4 se", Some("mean detection time (crash)")),
            ("count(false_positives(cluster, storm)) <= 31", Some("false positives (cluster, storm)")),
            ("rate(messages(cluster)) ~ 32 * 31 / 1s ± 1%", Some("messages (cluster)")),
            ("threshold(collapse) ~ 909ms ± 15%", Some("threshold (collapse)")),
            ("p99(staleness(kv)) >= 5ms", Some("p99 staleness (kv)")),
            ("p99(users) <= 5ms", None),
            ("mean(utilization(server/*)) ~ 90% ± 1%", None),
            ("count(false_positives(a)) >= 10 * count(false_positives(a))@timeout", Some("false positives (a)")),
            ("mean(server)@two-choices <= 30ms", None),
            ("1 - availability(users) < 1%", None),
            ("mean(spread_time(cluster)) / 1s ~ 12.305 ± 4 se", Some("mean spread time (cluster) / 1s")),
            ("count(messages(kv)) / count(ok(writers)) ~ 5", None),
        ] {
            assert_eq!(spoken(text).as_deref(), words, "{text}");
        }
    }
}
