//! What the terminal says: answer, numbers, expectations, and the line that repeats it.

use super::answer::{answer, facts, plain};
use super::number::Unit;
use super::summary::summary;
use crate::expect;
use crate::run::{Judged, Run, Served, cap_word, served};

/// How signs and colours are written.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    /// Escape sequences for colour.
    pub colour: bool,
    /// Signs beyond ASCII.
    pub unicode: bool,
    /// Every expectation, met or not.
    pub verbose: bool,
}

impl Ink {
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A duration in ns for people: at most three significant digits, as on the page, with plain spaces.
pub fn duration(ns: f64) -> String {
    plain(&Unit::Nanos.write(ns))
}

fn share(value: Option<f64>) -> String {
    plain(&Unit::Share.write(value.unwrap_or(f64::NAN)))
}

fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += len;
    }
    out
}

/// The table of numbers: a row a variant.
fn numbers(runs: &[&Run]) -> String {
    let many = runs.first().is_some_and(|r| r.outcome.plan.clients.len() > 1);
    let mut rows: Vec<Vec<String>> =
        vec![["", "goodput", "mean", "p50", "p90", "p99", "p99.9", "max", "answered"].map(str::to_owned).to_vec()];
    for run in runs {
        let summary = summary(&run.outcome);
        for seen in &summary.seen {
            let name = if many {
                format!("{} {}", run.outcome.plan.variant, seen.name)
            } else {
                run.outcome.plan.variant.clone()
            };
            let mut row =
                vec![name, plain(&Unit::PerSecond.write(seen.goodput)), seen.mean_ns.map_or("–".into(), duration)];
            row.extend(seen.latency_ns.iter().map(|ns| ns.map_or("–".to_owned(), |ns| duration(ns as f64))));
            row.push(share(seen.answered));
            rows.push(row);
        }
    }
    // Where there are no clients, nobody was answered.
    if rows.len() == 1 { String::new() } else { aligned(&rows) }
}

/// What stores kept, a row a variant: who was answered during a partition, and whether all was like a single copy.
/// Nothing if no run was judged for it.
fn kept(runs: &[&Run]) -> String {
    let verdict = |run: &Run| {
        let judged = run.judged.iter().find(|j| j.text.starts_with("linearizable("));
        judged.map(|j| j.finding.verdict)
    };
    let served: Vec<Vec<Served>> = runs.iter().map(|r| served(&r.outcome)).collect();
    if runs.iter().all(|r| verdict(r).is_none()) {
        return String::new();
    }
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for one in served.iter().flatten() {
        let group = (one.clients.as_str(), one.fault.as_str());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    // More columns no terminal has room for.
    groups.truncate(4);
    let mut head = vec![String::new()];
    head.extend(groups.iter().map(|(clients, fault)| format!("{clients} in {fault}")));
    head.extend((!groups.is_empty()).then(|| "CAP".to_owned()));
    head.push("linearizable".to_owned());
    let mut rows = vec![head];
    for (run, served) in runs.iter().zip(&served) {
        let mut row = vec![run.outcome.plan.variant.clone()];
        row.extend(groups.iter().map(|(clients, fault)| {
            share(served.iter().find(|s| s.clients == *clients && s.fault == *fault).map(|s| s.answered))
        }));
        let verdict = verdict(run);
        if !groups.is_empty() {
            let word = match verdict {
                Some(expect::Verdict::Holds) => cap_word(true, served),
                Some(expect::Verdict::Violated) => cap_word(false, served),
                _ => None,
            };
            row.push(word.unwrap_or("–").to_owned());
        }
        row.push(verdict.map_or_else(|| "–".to_owned(), |v| v.to_string()));
        rows.push(row);
    }
    format!("\n{}", aligned(&rows))
}

/// A table in columns: the first to the left, the others to the right.
pub fn columns(table: &super::figure::Table) -> String {
    let mut rows = vec![table.columns.clone()];
    rows.extend(table.rows.iter().cloned());
    aligned(&rows)
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (c, cell) in row.iter().enumerate().take(columns) {
            let pad = " ".repeat(widths[c] - cell.chars().count());
            line += &if c == 0 { format!(" {cell}{pad}") } else { format!("  {pad}{cell}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Counts of what came of all expectations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// As expected, or only reported.
    pub met: usize,
    /// Not as expected.
    pub not_met: usize,
    /// Couldn't be told.
    pub unknown: usize,
    /// Nothing exercised it.
    pub vacuous: usize,
}

/// Counts.
pub fn tallied(runs: &[Run]) -> Tallied {
    let mut t = Tallied::default();
    for judged in runs.iter().flat_map(|r| &r.judged) {
        match judged.finding.outcome {
            expect::Outcome::Met | expect::Outcome::Reported => t.met += 1,
            expect::Outcome::NotMet => t.not_met += 1,
            expect::Outcome::Unknown => t.unknown += 1,
            expect::Outcome::Vacuous => t.vacuous += 1,
        }
    }
    t
}

fn line(run: &Run, judged: &Judged, ink: Ink, variants: bool) -> String {
    use expect::Outcome as O;
    let (sign, plain, code) = match judged.finding.outcome {
        O::Met if judged.finding.verdict == expect::Verdict::Violated => ("✓", "ok  ", "33"),
        O::Met | O::Reported => ("✓", "ok  ", "32"),
        O::NotMet => ("✕", "FAIL", "31"),
        O::Unknown => ("?", "?   ", "33"),
        O::Vacuous => ("–", "-   ", "33"),
    };
    let sign = if ink.unicode { sign } else { plain };
    let word = match judged.finding.outcome {
        O::Met if judged.finding.verdict == expect::Verdict::Violated => "met, violated as expected".to_owned(),
        other => other.to_string(),
    };
    let variant = if variants { format!("{}: ", run.outcome.plan.variant) } else { String::new() };
    let head = ink.paint(code, &format!("{sign} {word}"));
    format!("  {head}  {variant}{}\n      {}\n", judged.name, judged.finding.sentence)
}

/// What `run` prints. `folder` is where the report is, `again` the command that repeats it.
pub fn render(runs: &[Run], ink: Ink, folder: Option<&str>, again: &str) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let plan = &first.outcome.plan;
    let seeds = || runs.iter().map(|r| r.outcome.plan.seed.0);
    let (low, high) = (seeds().min().unwrap_or(1), seeds().max().unwrap_or(1));
    let right = plain(&facts(runs).join(" · "));
    let pad = 98_usize.saturating_sub(plan.title.chars().count() + right.chars().count()).max(2);
    let mut text = format!("{}{}{right}\n", ink.paint("1", &plan.title), " ".repeat(pad));
    text += &format!("{}\n\n", wrap(&plan.question, 98));
    // Numbers are those of the first seed; further seeds count for the verdicts.
    let shown: Vec<&Run> = runs.iter().filter(|r| r.outcome.plan.seed.0 == low).collect();
    text += &format!("{}\n\n", ink.paint("1", &wrap(&plain(&answer(&shown)), 98)));
    text += &numbers(&shown);
    text += &kept(&shown);
    let sum = summary(&first.outcome);
    text += &format!(
        "  bottleneck   {} ({})
",
        plain(&sum.bottleneck.words),
        plan.variant
    );
    text.push('\n');
    let variants = runs.iter().any(|r| r.outcome.plan.variant != plan.variant);
    let mut lines: Vec<(u8, String)> = Vec::new();
    for run in runs {
        for judged in &run.judged {
            let rank = match judged.finding.outcome {
                expect::Outcome::NotMet => 0,
                expect::Outcome::Unknown => 1,
                expect::Outcome::Vacuous => 2,
                expect::Outcome::Met | expect::Outcome::Reported => 3,
            };
            let mut l = line(run, judged, ink, variants);
            if low != high {
                l = l.replacen('\n', &format!("   seed {}\n", run.outcome.plan.seed.0), 1);
            }
            lines.push((rank, l));
        }
    }
    lines.sort_by_key(|(rank, _)| *rank);
    let bad = lines.iter().filter(|(rank, _)| *rank < 3).count();
    let most = if ink.verbose { usize::MAX } else { bad.max(5) };
    let more = lines.len().saturating_sub(most);
    for (_, l) in lines.iter().take(most) {
        text += l;
    }
    if more > 0 {
        text += &format!("  … {more} more met; --verbose lists them\n");
    }
    text.push('\n');
    for broken in runs.iter().flat_map(|r| &r.outcome.broken) {
        text += &ink.paint("31", &format!("  internal error: {broken}\n"));
    }
    if let Some(folder) = folder {
        text += &format!("  report     {}\n", ink.paint("36", &format!("{folder}/report.html")));
    }
    text += &format!("  again      {}\n", ink.paint("36", again));
    let t = tallied(runs);
    let all = t.met + t.not_met + t.unknown + t.vacuous;
    let digest = super::data::digest(runs);
    let last = if t.not_met > 0 {
        ink.paint("31", "NOT MET") + &format!("  {} of {all} · {} met", t.not_met, t.met)
    } else if t.unknown + t.vacuous > 0 {
        ink.paint("33", "INCONCLUSIVE") + &format!("  {} of {all} · {} met", t.unknown + t.vacuous, t.met)
    } else {
        ink.paint("32", "ALL MET") + &format!("  {} of {all}", t.met)
    };
    let doubts = [(t.unknown, "unknown"), (t.vacuous, "vacuous")];
    let doubts: String = doubts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(" · {n} {what}")).collect();
    text += &format!("{last}{doubts} · digest {digest:016x}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_page_with_plain_spaces() {
        for (ns, text) in [(50_300_000.0, "50.3 ms"), (1_234_000_000.0, "1.23 s"), (1500.0, "1.5 µs")] {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(share(None), "–");
    }
}
