//! The first screen: numbers to say aloud, the verdict, remarks.

use super::Design;
use super::consistency::{Shown, p99_of_writes};
use super::planted;
use crate::check::Verdict as Checked;
use crate::report::figure::Table;
use crate::report::headline::{self, Column, LEFT_OUT};
use crate::report::kept::lost_writes;
use crate::report::kept::taken;
use crate::report::measure;
use crate::report::number::{Unit, fmt_rate};
use crate::report::page::{Cell, NumberRow, Numbers, Verdict};
use crate::report::text::tallied;
use crate::report::theme::State;
use crate::run::Run;

/// More groups than these share a column.
const GROUPS_MAX: usize = 3;
/// Lines of measured values under the numbers.
const MEASURES_MAX: usize = 3;

/// All expectations of all runs together.
pub(super) fn verdict(runs: &[Run]) -> Verdict {
    let t = tallied(runs);
    let all = t.met + t.not_met + t.unknown + t.vacuous;
    let of = |n: usize, what: &str| format!("{n} of {all} expectations {what}");
    let (state, words) = match () {
        () if all == 0 => (State::Vacuous, "nothing was expected".to_owned()),
        () if t.not_met > 0 => (State::Error, of(t.not_met, "not met")),
        () if t.unknown > 0 => (State::Unknown, of(t.unknown, "unknown")),
        () if t.vacuous > 0 => (State::Vacuous, of(t.vacuous, "vacuous")),
        () if all == 1 => (State::Ok, "the expectation is met".to_owned()),
        () if all == 2 => (State::Ok, "both expectations met".to_owned()),
        () => (State::Ok, format!("all {all} expectations met")),
    };
    Verdict { state, words }
}

/// As many columns as fit the first screen.
const COLUMNS_MAX: usize = 8;

/// A row per design and client group, with the numbers of the terminal; what doesn't fit stands in the table below the
/// percentiles.
pub(super) fn numbers(designs: &[Design<'_>]) -> Numbers {
    let mut columns = columns_of(designs);
    for name in LEFT_OUT {
        if columns.len() > COLUMNS_MAX {
            columns.retain(|column| column.name != name);
        }
    }
    numbers_in(designs, &columns)
}

fn columns_of(designs: &[Design<'_>]) -> Vec<Column> {
    headline::columns(designs.iter().flat_map(|d| &d.sum.seen))
}

fn numbers_in(designs: &[Design<'_>], columns: &[Column]) -> Numbers {
    let groups = designs.iter().map(|d| d.sum.seen.len()).max().unwrap_or(0);
    let mut rows = Vec::new();
    for design in designs {
        for seen in &design.sum.seen {
            let cells = columns.iter().map(|column| Cell::Number(column.unit.quantity(column.value(seen)))).collect();
            let note = if groups > 1 { seen.name.clone() } else { design.why().to_owned() };
            rows.push(NumberRow { mark: design.mark, name: design.name().to_owned(), note, cells });
        }
    }
    let offered = designs.first().and_then(|d| d.sum.seen.first()).filter(|_| groups == 1);
    Numbers {
        corner: offered.map_or_else(|| "design".to_owned(), |s| format!("{} offered", fmt_rate(s.offered))),
        columns: columns.iter().map(|column| column.name.to_owned()).collect(),
        rows,
    }
}

/// The numbers of a replicated store: what each design refused, lied about and lost, and what that cost. Nothing if no
/// design has one.
pub(super) fn promises(designs: &[Design<'_>], promised: &[Shown<'_>]) -> Option<Numbers> {
    let groups = promised.first()?.kept.groups();
    let mut cuts: Vec<&str> = Vec::new();
    for cut in promised.iter().flat_map(|s| &s.kept.cuts) {
        if !cuts.contains(&cut.name.as_str()) {
            cuts.push(&cut.name);
        }
    }
    let each = cuts.len() == 1 && groups.len() <= GROUPS_MAX;
    let mut columns: Vec<String> = match cuts.as_slice() {
        [] => vec!["answered".to_owned()],
        [cut] if each => groups.iter().map(|group| format!("{group} answered in {cut}")).collect(),
        [cut] => vec![format!("answered in {cut}, at least")],
        _ => vec!["answered in a partition, at least".to_owned()],
    };
    columns.push(match cuts.as_slice() {
        [cut] => format!("reads stale in {cut}, at most"),
        _ => "reads stale".to_owned(),
    });
    // Of several groups, the one that waits longest with the base.
    let base = &designs.first()?.sum.seen;
    let slowest = base.iter().filter_map(|s| Some((s.answers.at_ns[0]?, s.name.as_str()))).max().map(|s| s.1);
    columns.extend([
        "writes lost".to_owned(),
        slowest.filter(|_| groups.len() > 1).map_or("p50".to_owned(), |group| format!("p50 of {group}")),
        p99_of_writes(&cuts),
        "linearizable?".to_owned(),
    ]);
    let share = |share: Option<f64>| Cell::Number(Unit::Share.quantity(share.unwrap_or(f64::NAN)));
    let time = |ns: Option<u64>| Cell::Number(Unit::Nanos.quantity(ns.map_or(f64::NAN, |ns| ns as f64)));
    let least =
        |shares: &mut dyn Iterator<Item = f64>| shares.fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.min(b))));
    let mut told = false;
    let rows = designs.iter().map(|design| {
        let shown = promised.iter().find(|s| s.name == design.name());
        let mut cells: Vec<Cell> = match (shown, cuts.as_slice()) {
            (_, []) => vec![share(least(&mut design.sum.seen.iter().filter_map(|s| s.answered)))],
            (Some(s), [cut]) if each => groups.iter().map(|group| share(s.kept.answered(cut, group))).collect(),
            (Some(s), _) => vec![share(least(&mut s.kept.served.iter().map(|s| s.answered)))],
            (None, _) => columns.iter().take(if each { groups.len() } else { 1 }).map(|_| share(None)).collect(),
        };
        let stale = shown.and_then(|s| match cuts.as_slice() {
            [cut] => groups.iter().filter_map(|g| s.kept.stale_in(cut, g)).reduce(f64::max),
            _ => s.kept.stale(s.kept.whole(), None),
        });
        cells.push(share(stale));
        let lost = shown.map_or_else(|| lost_writes(&design.run.outcome), |s| s.kept.lost);
        cells.push(Cell::Number(Unit::Count.quantity(lost.map_or(f64::NAN, |n| n as f64))));
        let of = |name: &str| design.sum.seen.iter().find(|s| s.name == name);
        cells.push(time(slowest.and_then(of).and_then(|s| s.answers.at_ns[0])));
        // One copy, too, has writes to answer.
        let p99 =
            shown.map_or_else(|| taken(&design.run.outcome, &promised[0].kept.cuts, false, 99), |s| s.p99_write_ns);
        cells.push(time(p99));
        let (state, words) = match shown.and_then(Shown::linearizable) {
            Some(Checked::Holds) => (State::Ok, "holds"),
            Some(Checked::Violated(_)) => (State::Error, "violated"),
            Some(Checked::Unknown(_)) => (State::Unknown, "unknown"),
            Some(Checked::Vacuous(_)) | None => (State::Vacuous, "not tested"),
        };
        // The first violation is the one that the page shows.
        let first = state == State::Error && !told;
        told |= first;
        let note = shown.filter(|_| !cuts.is_empty()).map_or_else(String::new, Shown::classes);
        let (note, link) = match (first, note.is_empty()) {
            (true, true) => ("see why".to_owned(), Some("#witness".to_owned())),
            (true, false) => (format!("{note}, see why"), Some("#witness".to_owned())),
            _ => (note, None),
        };
        cells.push(Cell::Judged { state, words: words.to_owned(), note, link });
        NumberRow { mark: design.mark, name: design.name().to_owned(), note: design.why().to_owned(), cells }
    });
    let rows = rows.collect();
    Some(Numbers { corner: "design".to_owned(), columns, rows }.told())
}

/// The numbers of requests as a table of its own, for pages whose first screen has others.
pub(super) fn table(designs: &[Design<'_>]) -> Table {
    let numbers = numbers_in(designs, &columns_of(designs));
    let several = designs.iter().any(|d| d.sum.seen.len() > 1);
    let mut table = Table::new(if several { &["design", "clients"] } else { &["design"] });
    table.columns.extend(numbers.columns);
    for row in numbers.rows {
        let mut cells = vec![row.name];
        cells.extend(several.then_some(row.note));
        cells.extend(row.cells.iter().map(|cell| match cell {
            Cell::Number(quantity) => quantity.to_string(),
            Cell::Judged { words, .. } => words.clone(),
        }));
        table.rows.push(cells);
    }
    table
}

/// What expectations measured beyond what the answer says; what is planted; what limits the base design.
pub(super) fn remarks(designs: &[Design<'_>], stores: bool, source: &str) -> Vec<(String, String)> {
    let runs: Vec<&Run> = designs.iter().map(|d| d.run).collect();
    // What the answer begins with is not said again.
    let told = if measure::lead(&runs) { measure::told(&runs) } else { Vec::new() };
    let mut all: Vec<(String, String)> = measure::measures(&runs)
        .into_iter()
        .filter(|m| !(stores && m.what.starts_with("lost writes")))
        .filter(|m| !told.iter().any(|known| known.what == m.what))
        .take(MEASURES_MAX)
        .map(|m| ("Measured".to_owned(), m.sentence()))
        .collect();
    all.extend(planted::remark(designs, source).map(|words| ("Planted".to_owned(), words)));
    all.extend(limit(designs));
    all.extend(missed(&runs).into_iter().map(|sentence| ("Missed".to_owned(), sentence)));
    all
}

/// Faults that hit nobody, with the designs in which they did not.
pub(in crate::report) fn missed(runs: &[&Run]) -> Vec<String> {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for run in runs {
        for (fault, times) in run.outcome.missed() {
            let how_often = if times == 1 { String::new() } else { format!(" all {times} times") };
            let sentence =
                format!("fault {fault} hit nobody{how_often}: nobody had the role that it aims at, or was up");
            match told.iter_mut().find(|(known, _)| *known == sentence) {
                Some((_, designs)) => designs.push(&run.outcome.plan.variant),
                None => told.push((sentence, vec![&run.outcome.plan.variant])),
            }
        }
    }
    let with = |designs: &[&str]| match designs.len() == runs.len() {
        true => String::new(),
        false => format!(" ({})", designs.join(", ")),
    };
    told.into_iter().map(|(sentence, designs)| format!("{sentence}{}", with(&designs))).collect()
}

fn limit(designs: &[Design<'_>]) -> Vec<(String, String)> {
    let Some(base) = designs.first().filter(|d| !d.sum.seen.is_empty()) else { return Vec::new() };
    let name = if designs.len() > 1 { format!(" ({})", base.name()) } else { String::new() };
    vec![("Bottleneck".to_owned(), format!("{}{name}", base.sum.bottleneck.words))]
}
