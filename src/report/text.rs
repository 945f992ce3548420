//! What the terminal says: answer, numbers, expectations, and the line that repeats it.

use super::summary::{Summary, summary};
use crate::expect;
use crate::run::{Judged, Run};

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

/// A duration in ns for people: at most three significant digits.
pub fn duration(ns: f64) -> String {
    if !ns.is_finite() {
        return "never".to_owned();
    }
    let (value, unit) = match ns {
        n if n >= 1e9 => (n / 1e9, "s"),
        n if n >= 1e6 => (n / 1e6, "ms"),
        n if n >= 1e3 => (n / 1e3, "us"),
        n => (n, "ns"),
    };
    format!("{} {unit}", digits(value))
}

/// At most three significant digits, groups of three from a thousand on.
pub fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size >= 999.5 {
        let whole = value.round() as i64;
        let text = whole.abs().to_string();
        let mut out = String::new();
        for (i, c) in text.chars().enumerate() {
            if i > 0 && (text.len() - i).is_multiple_of(3) {
                out.push(' ');
            }
            out.push(c);
        }
        return if whole < 0 { format!("-{out}") } else { out };
    }
    let places = if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn share(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |v| format!("{} %", digits(v * 100.0)))
}

/// The finding in a sentence, made of the numbers.
pub fn answer(runs: &[&Run]) -> String {
    let sums: Vec<(&str, Summary)> =
        runs.iter().map(|r| (r.outcome.plan.variant.as_str(), summary(&r.outcome))).collect();
    let Some((base, first)) = sums.first() else { return String::new() };
    let Some(users) = first.seen.first() else { return String::new() };
    let mean = |s: &Summary| s.seen.first().and_then(|s| s.mean_ns);
    let mut text = match mean(first) {
        Some(ns) => format!(
            "{}: {} of {} requests/s are answered in full; a request takes {} on average and {} at p99.",
            capital(base),
            digits(users.goodput),
            digits(users.offered),
            duration(ns),
            users.latency_ns[2].map_or("–".to_owned(), |ns| duration(ns as f64)),
        ),
        None => format!("{}: no request ended.", capital(base)),
    };
    if let Some(bottleneck) = first.bottleneck {
        let part = &first.parts[bottleneck];
        text += &format!(" The bottleneck is {}, {} busy.", part.name, share(Some(part.busiest)));
    }
    if sums.len() > 1 {
        let rank = |s: &Summary| {
            let seen = s.seen.first();
            (seen.map_or(0.0, |s| s.goodput / s.offered.max(1e-9)), seen.and_then(|s| s.mean_ns).unwrap_or(f64::MAX))
        };
        let better = |a: &(&str, Summary), b: &(&str, Summary)| {
            let ((ga, la), (gb, lb)) = (rank(&a.1), rank(&b.1));
            // Goodput first, to the percent; then the mean.
            ((ga * 100.0).round()).total_cmp(&(gb * 100.0).round()).then(lb.total_cmp(&la))
        };
        let best = sums.iter().max_by(|a, b| better(a, b));
        if let Some((name, best)) = best
            && name != base
            && let Some(seen) = best.seen.first()
        {
            text += &format!(
                " Best is {name}: {} requests/s, {} on average.",
                digits(seen.goodput),
                seen.mean_ns.map_or("–".to_owned(), duration),
            );
        }
    }
    text
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().collect::<String>() + chars.as_str())
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
            let mut row = vec![name, format!("{}/s", digits(seen.goodput)), seen.mean_ns.map_or("–".into(), duration)];
            row.extend(seen.latency_ns.iter().map(|ns| ns.map_or("–".to_owned(), |ns| duration(ns as f64))));
            row.push(share(seen.answered));
            rows.push(row);
        }
    }
    let columns = rows[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (c, cell) in row.iter().enumerate() {
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
    let seeds: Vec<u64> = runs.iter().map(|r| r.outcome.plan.seed.0).collect();
    let (low, high) = (seeds.iter().min().copied().unwrap_or(1), seeds.iter().max().copied().unwrap_or(1));
    let seed = if low == high { format!("seed {low}") } else { format!("seeds {low} to {high}") };
    let simulated = crate::engine::Span(plan.end.0).to_string();
    let right = format!("{seed} · {simulated} simulated");
    let pad = 98_usize.saturating_sub(plan.title.chars().count() + right.chars().count()).max(2);
    let mut text = format!("{}{}{right}\n", ink.paint("1", &plan.title), " ".repeat(pad));
    text += &format!("{}\n\n", wrap(&plan.question, 98));
    // Numbers are those of the first seed; further seeds count for the verdicts.
    let shown: Vec<&Run> = runs.iter().filter(|r| r.outcome.plan.seed.0 == low).collect();
    text += &format!("{}\n\n", ink.paint("1", &wrap(&answer(&shown), 98)));
    text += &numbers(&shown);
    let sum = summary(&first.outcome);
    if let Some(b) = sum.bottleneck {
        let part = &sum.parts[b];
        text += &format!(
            "  bottleneck   {}, {} busy, {} waiting on average ({})\n",
            part.name,
            share(Some(part.busiest)),
            digits(part.waiting),
            plan.variant
        );
    }
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
    fn numbers_have_three_digits_and_a_unit() {
        for (ns, text) in
            [(50_300_000.0, "50.3 ms"), (1_234_000_000.0, "1.23 s"), (999.0, "999 ns"), (1500.0, "1.5 us")]
        {
            assert_eq!(duration(ns), text);
        }
        for (value, text) in [(226_202.0, "226 202"), (0.5, "0.5"), (99.99, "100"), (f64::NAN, "–")] {
            assert_eq!(digits(value), text);
        }
    }
}
