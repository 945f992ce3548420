//! What the terminal says of many seeds: a line an expectation, and the first seed that fails with how to replay it.

use serde_json::{Value, json};

use super::text::{Ink, Tallied, head, indented};
use super::wording::sentence_alone;
use crate::engine::digest::Digest;
use crate::expect::{self, Measured};
use crate::run::{Judged, Seeded};

/// One expectation of one variant over all seeds.
struct Row<'a> {
    variant: &'a str,
    name: &'a str,
    met: usize,
    all: usize,
    lowest: Option<Measured>,
    highest: Option<Measured>,
    /// The first seed that decides the row's sign, and what was said there.
    telling: Option<(u64, &'a Judged)>,
    tallied: Tallied,
}

/// Counts of what came of all expectations under all seeds.
pub fn tallied(seeds: &[Seeded]) -> Tallied {
    let mut t = Tallied::default();
    for judged in seeds.iter().flat_map(|s| &s.runs).flat_map(|r| &r.judged) {
        count(&mut t, judged);
    }
    t
}

fn count(t: &mut Tallied, judged: &Judged) {
    match judged.finding.outcome {
        expect::Outcome::Met | expect::Outcome::Reported => t.met += 1,
        expect::Outcome::NotMet => t.not_met += 1,
        expect::Outcome::Unknown => t.unknown += 1,
        expect::Outcome::Vacuous => t.vacuous += 1,
    }
}

fn rows(seeds: &[Seeded]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for seeded in seeds {
        for run in &seeded.runs {
            for judged in &run.judged {
                let found = rows.iter().position(|r| r.variant == run.variant && r.name == judged.name);
                let at = found.unwrap_or_else(|| {
                    rows.push(Row {
                        variant: &run.variant,
                        name: &judged.name,
                        met: 0,
                        all: 0,
                        lowest: None,
                        highest: None,
                        telling: None,
                        tallied: Tallied::default(),
                    });
                    rows.len() - 1
                });
                let row = &mut rows[at];
                row.all += 1;
                count(&mut row.tallied, judged);
                row.met = row.tallied.met;
                let rank = |j: &Judged| match j.finding.outcome {
                    expect::Outcome::NotMet => 0,
                    expect::Outcome::Unknown => 1,
                    expect::Outcome::Vacuous => 2,
                    expect::Outcome::Met | expect::Outcome::Reported => 3,
                };
                if row.telling.is_none_or(|(_, j)| rank(judged) < rank(j)) {
                    row.telling = Some((seeded.seed, judged));
                }
                if let Some(measured) = judged.finding.left {
                    if row.lowest.is_none_or(|m| measured.value < m.value) {
                        row.lowest = Some(measured);
                    }
                    if row.highest.is_none_or(|m| measured.value > m.value) {
                        row.highest = Some(measured);
                    }
                }
            }
        }
    }
    rows
}

fn amount(measured: Measured) -> String {
    expect::show(measured.value, measured.dimension, 3)
}

/// The digest of all runs in order.
pub fn digest(seeds: &[Seeded]) -> u64 {
    let mut digest = Digest::new();
    seeds.iter().flat_map(|s| &s.runs).for_each(|run| digest.fold(run.digest));
    digest.value()
}

/// What `run --seeds` prints. `replay` gives the line that repeats one variant under one seed.
pub fn render(
    title: &str,
    question: &str,
    seeds: &[Seeded],
    ink: Ink,
    folder: Option<&str>,
    again: &str,
    replay: &dyn Fn(u64, &str) -> String,
) -> String {
    let (Some(first), Some(last)) = (seeds.first(), seeds.last()) else { return String::new() };
    let right = format!("seeds {} to {}", first.seed, last.seed);
    let mut text = head(title, &right, question, ink);
    let rows = rows(seeds);
    let many = first.runs.len() > 1;
    let name = |row: &Row<'_>| if many { format!("{}: {}", row.variant, row.name) } else { row.name.to_owned() };
    let width = rows.iter().map(|r| name(r).chars().count()).max().unwrap_or(0);
    for row in &rows {
        let t = row.tallied;
        let (sign, plain, code) = match (t.not_met, t.unknown, t.vacuous) {
            (0, 0, 0) => ("✓", "ok  ", "32"),
            (0, 0, _) => ("–", "-   ", "33"),
            (0, ..) => ("?", "?   ", "33"),
            _ => ("✕", "FAIL", "31"),
        };
        let sign = ink.paint(code, if ink.unicode { sign } else { plain });
        let name = name(row);
        let gap = " ".repeat(width - name.chars().count());
        let span = match (row.lowest, row.highest) {
            (Some(low), Some(high)) if low.value == high.value => format!("   {}", amount(low)),
            (Some(low), Some(high)) => format!("   {} to {}", amount(low), amount(high)),
            _ => String::new(),
        };
        text += format!("  {sign} {name}{gap}  {} of {}{span}", row.met, row.all).trim_end();
        text.push('\n');
    }
    text.push('\n');
    for row in rows.iter().filter(|r| r.tallied.not_met + r.tallied.unknown + r.tallied.vacuous > 0) {
        let Some((seed, judged)) = row.telling else { continue };
        let code = if row.tallied.not_met > 0 { "31" } else { "33" };
        text += &ink.paint(code, &format!("{}, first at seed {seed}", name(row)));
        text += &format!(
            "\n{}\n  again      {}\n\n",
            indented(&sentence_alone(judged), 2, ink.width),
            ink.paint("36", &replay(seed, row.variant))
        );
    }
    for broken in seeds.iter().flat_map(|s| s.runs.iter().map(move |r| (s.seed, r))) {
        for what in &broken.1.broken {
            text += &ink.paint("31", &format!("  internal error at seed {}: {what}\n", broken.0));
        }
    }
    if let Some(folder) = folder {
        text += &format!("  report     {}\n", ink.paint("36", &format!("{folder}/report.html")));
    }
    text += &format!("  again      {}\n", ink.paint("36", again));
    let t = tallied(seeds);
    let all = t.met + t.not_met + t.unknown + t.vacuous;
    let head = if t.not_met > 0 {
        ink.paint("31", "NOT MET")
    } else if t.unknown + t.vacuous > 0 {
        ink.paint("33", "INCONCLUSIVE")
    } else {
        ink.paint("32", "ALL MET")
    };
    text += &format!(
        "{head}  {} of {all} met · {} not met · {} inconclusive · digest {:016x}\n",
        t.met,
        t.not_met,
        t.unknown + t.vacuous,
        digest(seeds)
    );
    text
}

/// The same for programs.
pub fn json(title: &str, seeds: &[Seeded]) -> Value {
    let t = tallied(seeds);
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
        "runs": runs.collect::<Vec<_>>(),
    })
}
