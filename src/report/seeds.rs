//! What the terminal says of many seeds: a line an expectation, the mean where it is judged by one, and the first seed
//! that fails with how to replay it.

use serde_json::{Value, json};

use super::text::{Ink, Tallied, head, indented};
use super::wording::sentence_of;
use crate::engine::digest::Digest;
use crate::expect::{self, Outcome};
use crate::run::{Pooled, Seeded, Spread};

/// Counts of what came of the expectations of all variants.
pub fn tallied(all: &[Pooled]) -> Tallied {
    let mut t = Tallied::default();
    for pooled in all {
        match pooled.finding.outcome {
            Outcome::Met | Outcome::Reported => t.met += 1,
            Outcome::NotMet => t.not_met += 1,
            Outcome::Unknown => t.unknown += 1,
            Outcome::Vacuous => t.vacuous += 1,
        }
    }
    t
}

/// The mean with what it may be off by, and what single seeds came to.
fn spread(spread: &Spread) -> String {
    let show = |value| expect::show(value, spread.dimension, 3);
    if spread.lowest == spread.highest {
        return format!("{} on each", show(spread.mean));
    }
    let off =
        spread.half_width.map_or_else(String::new, |half| format!(" ± {}", expect::show(half, spread.dimension, 2)));
    format!("{}{off} (95 %), single seeds {} to {}", show(spread.mean), show(spread.lowest), show(spread.highest))
}

/// The digest of all runs in order.
pub fn digest(seeds: &[Seeded]) -> u64 {
    let mut digest = Digest::new();
    seeds.iter().flat_map(|s| &s.runs).for_each(|run| digest.fold(run.digest));
    digest.value()
}

/// What `run --seeds` prints. `replay` gives the line that repeats one variant under one seed.
pub fn render(
    (title, question): (&str, &str),
    seeds: &[Seeded],
    all: &[Pooled],
    ink: Ink,
    folder: Option<(&str, u64)>,
    again: &str,
    replay: &dyn Fn(u64, &str) -> String,
) -> String {
    let (Some(first), Some(last)) = (seeds.first(), seeds.last()) else { return String::new() };
    let right = format!("seeds {} to {}", first.seed, last.seed);
    let mut text = head(title, &right, question, ink);
    let many = first.runs.len() > 1;
    let name = |p: &Pooled| if many { format!("{}: {}", p.variant, p.name) } else { p.name.clone() };
    let width = all.iter().map(|p| name(p).chars().count()).max().unwrap_or(0);
    for pooled in all {
        let (sign, plain, code) = match pooled.finding.outcome {
            Outcome::Met | Outcome::Reported => ("✓", "ok  ", "32"),
            Outcome::Vacuous => ("–", "-   ", "33"),
            Outcome::Unknown => ("?", "?   ", "33"),
            Outcome::NotMet => ("✕", "FAIL", "31"),
        };
        let sign = ink.paint(code, if ink.unicode { sign } else { plain });
        let name = name(pooled);
        let gap = " ".repeat(width - name.chars().count());
        let (met, of) = pooled.alone;
        let span = pooled.spread.as_ref().map_or_else(String::new, |s| format!("   {}", spread(s)));
        let meant = pooled.finding.outcome == Outcome::Met && pooled.finding.verdict == expect::Verdict::Violated;
        let meant = if meant { ", violated as expected" } else { "" };
        text += format!("  {sign} {name}{gap}  {met} of {of}{meant}{span}").trim_end();
        text.push('\n');
    }
    text.push('\n');
    for pooled in all {
        let met = pooled.finding.outcome == Outcome::Met;
        let (code, what) = match pooled.finding.outcome {
            Outcome::Reported => continue,
            Outcome::Met if pooled.telling.is_none() => continue,
            Outcome::Met => ("33", "met by the mean, not alone"),
            Outcome::NotMet => ("31", "not met"),
            Outcome::Unknown | Outcome::Vacuous => ("33", "inconclusive"),
        };
        let first = pooled.telling.map_or_else(String::new, |seed| format!(", first at seed {seed}"));
        text += &ink.paint(code, &format!("{}: {what}{first}", name(pooled)));
        text.push('\n');
        if !met {
            let of = if pooled.spread.is_some() { "mean over the seeds: " } else { "" };
            let sentence = format!("{of}{}", sentence_of(&pooled.finding.sentence, &pooled.text));
            text += &indented(&sentence, 2, ink.width);
            text.push('\n');
        }
        if let Some(seed) = pooled.telling {
            text += &format!("  again      {}\n", ink.paint("36", &replay(seed, &pooled.variant)));
        }
        text.push('\n');
    }
    for broken in seeds.iter().flat_map(|s| s.runs.iter().map(move |r| (s.seed, r))) {
        for what in &broken.1.broken {
            text += &ink.paint("31", &format!("  internal error at seed {}: {what}\n", broken.0));
        }
    }
    if let Some((folder, seed)) = folder {
        let of = format!(" (seed {seed} alone)");
        text += &format!("  report     {}{of}\n", ink.paint("36", &format!("{folder}/report.html")));
    }
    text += &format!("  again      {}\n", ink.paint("36", again));
    let t = tallied(all);
    let count = t.met + t.not_met + t.unknown + t.vacuous;
    if count == 0 {
        let head = ink.paint("33", "NOTHING EXPECTED");
        return text + &format!("{head}  over {} seeds · digest {:016x}\n", seeds.len(), digest(seeds));
    }
    let head = if t.not_met > 0 {
        ink.paint("31", "NOT MET")
    } else if t.unknown + t.vacuous > 0 {
        ink.paint("33", "INCONCLUSIVE")
    } else {
        ink.paint("32", "ALL MET")
    };
    text += &format!(
        "{head}  {} of {count} met over {} seeds · {} not met · {} inconclusive · digest {:016x}\n",
        t.met,
        seeds.len(),
        t.not_met,
        t.unknown + t.vacuous,
        digest(seeds)
    );
    text
}

/// The same for programs.
pub fn json(title: &str, seeds: &[Seeded], all: &[Pooled]) -> Value {
    let t = tallied(all);
    let pooled = all.iter().map(|p| {
        json!({
            "variant": p.variant,
            "name": p.name,
            "outcome": p.finding.outcome.to_string(),
            "verdict": p.finding.verdict.to_string(),
            "sentence": p.finding.sentence,
            "mean": p.spread.map(|s| s.mean),
            "half_width_95": p.spread.and_then(|s| s.half_width),
            "lowest": p.spread.map(|s| s.lowest),
            "highest": p.spread.map(|s| s.highest),
            "met_alone": p.alone.0,
            "seeds": p.alone.1,
            "first_failing_seed": p.telling,
        })
    });
    let runs = seeds.iter().flat_map(|s| {
        s.runs.iter().map(move |run| {
            let judged = run.judged.iter().map(|j| {
                json!({
                    "name": j.name,
                    "outcome": j.finding.outcome.to_string(),
                    "verdict": j.finding.verdict.to_string(),
                    "value": j.finding.left.map(|m| m.value),
                    "sentence": j.finding.sentence,
                })
            });
            json!({
                "seed": s.seed,
                "variant": run.variant,
                "digest": format!("{:016x}", run.digest),
                "events": run.events,
                "expectations": judged.collect::<Vec<_>>(),
                "internal_errors": run.broken,
            })
        })
    });
    json!({
        "netsplit": env!("CARGO_PKG_VERSION"),
        "title": title,
        "met": t.met,
        "not_met": t.not_met,
        "unknown": t.unknown,
        "vacuous": t.vacuous,
        "digest": format!("{:016x}", digest(seeds)),
        "expectations": pooled.collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(),
    })
}
