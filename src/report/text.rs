//! What the terminal says: answer, numbers, expectations, and the line that repeats it.

use std::collections::BTreeSet;

use super::answer::{answer, facts, plain};
use super::bind::names_its_designs;
use super::headline::{self, LEFT_OUT};
use super::number::{Unit, elide};
use super::summary::{Seen, Summary, summary};
use super::wording::sentence;
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
    /// How many columns there are.
    pub width: usize,
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

/// Wrapped, each line so many blanks in.
pub(super) fn indented(text: &str, blanks: usize, width: usize) -> String {
    // Groups of digits stay on one line: blanks between them come last.
    let lines = plain(&wrap(text, width.saturating_sub(blanks + 2)));
    lines.lines().map(|line| format!("{}{line}", " ".repeat(blanks))).collect::<Vec<_>>().join("\n")
}

/// The title with what stands at its right, and the question.
pub(super) fn head(title: &str, right: &str, question: &str, ink: Ink) -> String {
    let room = (ink.width - 2).checked_sub(title.chars().count() + right.chars().count()).filter(|room| *room >= 2);
    let gap = room.map_or_else(|| "\n".to_owned(), |room| " ".repeat(room));
    format!("{}{gap}{right}\n{}\n\n", ink.paint("1", &wrap(title, ink.width - 2)), wrap(question, ink.width - 2))
}

/// The table of numbers: a row a variant, a block a client group.
fn numbers(runs: &[&Run], width: usize) -> String {
    let sums: Vec<(&str, Summary)> =
        runs.iter().map(|r| (r.outcome.plan.variant.as_str(), summary(&r.outcome))).collect();
    let mut groups: Vec<&str> = Vec::new();
    for seen in sums.iter().flat_map(|(_, sum)| &sum.seen) {
        if !groups.contains(&seen.name.as_str()) {
            groups.push(&seen.name);
        }
    }
    let columns = headline::columns(sums.iter().flat_map(|(_, sum)| &sum.seen));
    let row = |name: &str, seen: &Seen| {
        let cells = columns.iter().map(|column| plain(&column.unit.write(column.value(seen))));
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    // One variant has a row a group; several have a block a group, so that like stands below like.
    let blocks: Vec<Vec<Vec<String>>> = match (sums.as_slice(), groups.as_slice()) {
        (_, []) => return String::new(),
        ([(_, sum)], [_, _, ..]) => {
            vec![sum.seen.iter().map(|seen| row(&seen.name, seen)).collect()]
        }
        _ => groups
            .iter()
            .map(|group| {
                let of = |sum: &Summary| sum.seen.iter().find(|seen| seen.name == *group).cloned();
                sums.iter().filter_map(|(name, sum)| Some(row(name, &of(sum)?))).collect()
            })
            .collect(),
    };
    let corner = |block: usize| if blocks.len() > 1 { groups[block].to_owned() } else { String::new() };
    let head: Vec<&str> = columns.iter().map(|column| column.name).collect();
    number_table(&head, &blocks, &corner, width)
}

/// Blocks below one another in the same columns: all of them, or as many as fit.
fn number_table(head: &[&str], blocks: &[Vec<Vec<String>>], corner: &dyn Fn(usize) -> String, width: usize) -> String {
    let table = |left_out: usize, name_chars: usize| {
        let kept = |column: usize| column == 0 || !LEFT_OUT[..left_out].contains(&head[column - 1]);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            let mut first = vec![corner(number)];
            first.extend(head.iter().map(|name| (*name).to_owned()));
            for mut row in std::iter::once(first).chain(block.iter().cloned()) {
                row[0] = elide(&row[0], name_chars);
                rows.push(row.into_iter().enumerate().filter(|(c, _)| kept(*c)).map(|(_, cell)| cell).collect());
            }
        }
        aligned(&rows)
    };
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= width);
    let tries = (0..=LEFT_OUT.len()).flat_map(|left_out| [(left_out, usize::MAX), (left_out, NAME_CHARS)]);
    let text = tries
        .map(|(left_out, name_chars)| table(left_out, name_chars))
        .find(|text| fits(text))
        .unwrap_or_else(|| table(LEFT_OUT.len(), NAME_CHARS));
    // A blank line between blocks.
    let mut lines = text.lines();
    let blocks = blocks.iter().map(|block| lines.by_ref().take(block.len() + 1).map(|l| format!("{l}\n")).collect());
    blocks.collect::<Vec<String>>().join("\n")
}

/// No table of what stores kept is wider than this.
const COLUMNS: usize = 80;
/// Longer names are cut in the middle there.
const NAME_CHARS: usize = 22;

/// What stores kept, a row a variant: who was answered during each partition, whether all was like a single copy, and
/// what that makes of it. Nothing if no run was judged for it.
fn kept(runs: &[&Run]) -> String {
    let verdict = |run: &Run| {
        let judged = run.judged.iter().find(|j| j.text.starts_with("linearizable("));
        judged.map(|j| j.finding.verdict)
    };
    if runs.iter().all(|r| verdict(r).is_none()) {
        return String::new();
    }
    let rows: Vec<KeptRow> = runs
        .iter()
        .map(|run| {
            let served = served(&run.outcome);
            let verdict = verdict(run);
            let word = match verdict {
                Some(expect::Verdict::Holds) => cap_word(true, &served),
                Some(expect::Verdict::Violated) => cap_word(false, &served),
                _ => None,
            };
            KeptRow {
                name: run.outcome.plan.variant.clone(),
                served,
                cap: word.unwrap_or("–").to_owned(),
                linearizable: verdict.map_or_else(|| "–".to_owned(), |v| v.to_string()),
            }
        })
        .collect();
    format!("\n{}", kept_table(&rows))
}

/// What one run kept.
struct KeptRow {
    name: String,
    served: Vec<Served>,
    cap: String,
    linearizable: String,
}

/// As wide as it may be: a column for each group and partition; else a row for each partition; else one for each group
/// as well. None is left out.
fn kept_table(rows: &[KeptRow]) -> String {
    let mut asked: Vec<(&str, &str)> = Vec::new();
    for one in rows.iter().flat_map(|r| &r.served) {
        let pair = (one.clients.as_str(), one.fault.as_str());
        if !asked.contains(&pair) {
            asked.push(pair);
        }
    }
    let got = |row: &KeptRow, clients: &str, fault: &str| {
        share(row.served.iter().find(|s| s.clients == clients && s.fault == fault).map(|s| s.answered))
    };
    let once = |list: &mut Vec<String>, word: &str| {
        if list.iter().all(|known| known != word) {
            list.push(word.to_owned());
        }
    };
    let (mut groups, mut faults) = (Vec::new(), Vec::new());
    asked.iter().for_each(|(clients, fault)| {
        once(&mut groups, clients);
        once(&mut faults, fault);
    });
    // One partition is named once.
    let (corner, named) = match faults.as_slice() {
        [one] => (format!("in {}", elide(one, NAME_CHARS)), false),
        _ => (String::new(), true),
    };
    let mut head = vec![corner];
    head.extend(asked.iter().map(
        |(clients, fault)| {
            if named { format!("{clients} in {fault}") } else { elide(clients, NAME_CHARS) }
        },
    ));
    head.extend((!asked.is_empty()).then(|| "CAP".to_owned()));
    head.push("linearizable".to_owned());
    let line = |row: &KeptRow| {
        let mut cells = vec![row.name.clone()];
        cells.extend(asked.iter().map(|(clients, fault)| got(row, clients, fault)));
        cells.extend((!asked.is_empty()).then(|| row.cap.clone()));
        cells.push(row.linearizable.clone());
        cells
    };
    let wide: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(line)).collect();
    if fits(&wide) {
        return aligned(&wide);
    }
    // Names stand once, above what they are the name of.
    let verdicts: Vec<Vec<String>> = std::iter::once(["", "CAP", "linearizable"].map(str::to_owned).to_vec())
        .chain(rows.iter().map(|row| vec![elide(&row.name, NAME_CHARS), row.cap.clone(), row.linearizable.clone()]))
        .collect();
    let mut by_fault = vec![vec!["answered".to_owned(), "in".to_owned()]];
    by_fault[0].extend(groups.iter().map(|group| elide(group, NAME_CHARS)));
    let mut by_group = vec![["answered", "in", "clients", "share"].map(str::to_owned).to_vec()];
    for row in rows {
        for (f, fault) in faults.iter().enumerate() {
            let name = if f == 0 { elide(&row.name, NAME_CHARS) } else { String::new() };
            let mut cells = vec![name.clone(), elide(fault, NAME_CHARS)];
            cells.extend(groups.iter().map(|group| got(row, group, fault)));
            by_fault.push(cells);
            for (g, group) in groups.iter().enumerate() {
                let name = if g == 0 { name.clone() } else { String::new() };
                let (fault_name, group_name) = (elide(fault, NAME_CHARS), elide(group, NAME_CHARS));
                by_group.push(vec![name, fault_name, group_name, got(row, group, fault)]);
            }
        }
    }
    let answered = if fits(&by_fault) { aligned(&by_fault) } else { aligned(&by_group) };
    format!("{}\n{answered}", aligned(&verdicts))
}

fn fits(rows: &[Vec<String>]) -> bool {
    aligned(rows).lines().all(|line| line.chars().count() <= COLUMNS)
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
        O::NotMet if judged.finding.verdict == expect::Verdict::Holds => {
            "not met: it holds, and a violation was expected".to_owned()
        }
        other => other.to_string(),
    };
    let variant = if variants { format!("{}: ", run.outcome.plan.variant) } else { String::new() };
    let head = ink.paint(code, &format!("{sign} {word}"));
    format!("  {head}  {variant}{}\n{}\n", judged.name, indented(&sentence(run, judged), 6, ink.width))
}

/// What `run` prints. `folder` is where the report is, `again` the command that repeats it.
pub fn render(runs: &[Run], ink: Ink, folder: Option<&str>, again: &str) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let plan = &first.outcome.plan;
    let seeds = || runs.iter().map(|r| r.outcome.plan.seed.0);
    let (low, high) = (seeds().min().unwrap_or(1), seeds().max().unwrap_or(1));
    let right = plain(&facts(runs).join(" · "));
    let mut text = head(&plan.title, &right, &plan.question, ink);
    // Numbers are those of the first seed; further seeds count for the verdicts.
    let shown: Vec<&Run> = runs.iter().filter(|r| r.outcome.plan.seed.0 == low).collect();
    text += &format!("{}\n\n", ink.paint("1", &plain(&wrap(&answer(&shown).replace("**", ""), ink.width - 2))));
    text += &numbers(&shown, ink.width);
    text += &kept(&shown);
    let sum = summary(&first.outcome);
    if !sum.seen.is_empty() {
        let words = format!("{} ({})", sum.bottleneck.words, plan.variant);
        text += &format!("{}\n\n", indented(&format!("bottleneck   {words}"), 2, ink.width));
    }
    for sentence in super::bind::missed(&shown) {
        text += &format!("{}\n\n", indented(&format!("missed       {sentence}"), 2, ink.width));
    }
    let variants = runs.iter().any(|r| r.outcome.plan.variant != plan.variant);
    let rank = |judged: &Judged| match judged.finding.outcome {
        expect::Outcome::NotMet => 0,
        expect::Outcome::Unknown => 1,
        expect::Outcome::Vacuous => 2,
        expect::Outcome::Met | expect::Outcome::Reported => 3,
    };
    let mut all: Vec<(&Run, &Judged)> = runs.iter().flat_map(|r| r.judged.iter().map(move |j| (r, j))).collect();
    // What compares designs that it names is the same with every design: it is told once for each seed.
    let mut compared: BTreeSet<(&str, u64)> = BTreeSet::new();
    all.retain(|(run, judged)| {
        let plan = &run.outcome.plan;
        let alike = names_its_designs(plan, &judged.name).is_some();
        !alike || compared.insert((judged.name.as_str(), plan.seed.0))
    });
    all.sort_by_key(|(_, judged)| rank(judged));
    let bad = all.iter().filter(|(_, judged)| rank(judged) < 3).count();
    let most = if ink.verbose { usize::MAX } else { bad.max(5) };
    let more = all.len().saturating_sub(most);
    for (run, judged) in all.into_iter().take(most) {
        let told = line(run, judged, ink, variants);
        text += &match low == high {
            true => told,
            false => told.replacen('\n', &format!("   seed {}\n", run.outcome.plan.seed.0), 1),
        };
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
    } else if all == 0 {
        ink.paint("33", "NOTHING EXPECTED")
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

    fn row(name: &str, linearizable: &str, cap: &str, served: &[(&str, &str, f64)]) -> KeptRow {
        let one = |(clients, fault, answered): &(&str, &str, f64)| Served {
            clients: (*clients).to_owned(),
            fault: (*fault).to_owned(),
            answered: *answered,
            asked: 100,
            met: true,
        };
        KeptRow {
            name: name.to_owned(),
            served: served.iter().map(one).collect(),
            cap: cap.to_owned(),
            linearizable: linearizable.to_owned(),
        }
    }

    fn narrow(table: &str) {
        assert!(table.lines().all(|line| line.chars().count() <= COLUMNS), "{table}");
        assert!(!table.contains('\x1b') && !table.contains('\u{202f}'), "{table}");
    }

    #[test]
    fn a_block_a_group_and_fewer_percentiles_where_there_is_no_room() {
        let row = |name: &str| {
            let cells = [name, "1 000/s", "4.21 ms", "3.91 ms", "79.9 ms", "8.9 ms", "12.6 ms", "20.1 ms", "99.9939 %"];
            cells.map(str::to_owned).to_vec()
        };
        let blocks = [vec![row("cp-raft"), row("cp-quorum-no-writeback")], vec![row("cp-raft")]];
        let group = |block: usize| ["east-users", "west-users"][block].to_owned();
        let head = ["goodput", "mean", "p50", "p90", "p99", "p99.9", "max", "answered"];
        let table = |width| number_table(&head, &blocks, &group, width);
        let (wide, narrow_one) = (table(100), table(80));
        assert!(wide.contains("p99.9") && wide.contains("cp-quorum-no-writeback"), "{wide}");
        assert!(
            !narrow_one.contains("p99.9") && narrow_one.contains("p99") && narrow_one.contains("p50"),
            "{narrow_one}"
        );
        narrow(&narrow_one);
        assert!(wide.lines().all(|line| line.chars().count() <= 100), "{wide}");
        let starts: Vec<&str> = wide.lines().map(|line| line.split_whitespace().next().unwrap_or("")).collect();
        assert_eq!(starts, ["east-users", "cp-raft", "cp-quorum-no-writeback", "", "west-users", "cp-raft"]);
    }

    #[test]
    fn one_partition_is_a_row_a_design() {
        let served = |west| [("east-users", "cut", 0.998), ("west-users", "cut", west)];
        let rows = [
            row("cp-quorum-no-writeback", "violated", "neither", &served(0.0)),
            row("ap", "violated", "AP", &served(1.0)),
        ];
        let table = kept_table(&rows);
        narrow(&table);
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split("  ").filter(|w| !w.is_empty()).collect()).collect();
        let words = |line: &[&str]| line.iter().map(|w| w.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(words(&lines[0]), ["in cut", "east-users", "west-users", "CAP", "linearizable"]);
        assert_eq!(words(&lines[1]), ["cp-quorum-no-writeback", "99.8 %", "0 %", "neither", "violated"]);
        assert_eq!(words(&lines[2]), ["ap", "99.8 %", "100 %", "AP", "violated"]);
    }

    #[test]
    fn no_partition_and_no_group_is_left_out_where_there_are_many() {
        let faults = ["isolate", "deaf", "cut", "flapping-link-between-regions"];
        for groups in [&["us"][..], &["us-users", "eu-users", "ap-users"], &["a-group-of-clients-with-a-long-name"; 1]]
        {
            let mut served = Vec::new();
            for (f, fault) in faults.iter().enumerate() {
                for (g, group) in groups.iter().enumerate() {
                    served.push((*group, *fault, 0.5 + 0.01 * (f * 10 + g) as f64));
                }
            }
            let table = kept_table(&[row("split-brain-fenced", "holds", "CP", &served)]);
            narrow(&table);
            for (group, fault, answered) in served {
                assert!(
                    table.contains(&elide(group, NAME_CHARS)) && table.contains(&elide(fault, NAME_CHARS)),
                    "{table}"
                );
                assert!(table.contains(&share(Some(answered))), "{answered} is missing in {table}");
            }
            assert!(table.contains("CP") && table.contains("holds"));
        }
    }

    #[test]
    fn numbers_are_those_of_the_page_with_plain_spaces() {
        for (ns, text) in [(50_300_000.0, "50.3 ms"), (1_234_000_000.0, "1.23 s"), (1500.0, "1.5 µs")] {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(share(None), "–");
    }
}
