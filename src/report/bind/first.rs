//! The first screen: numbers to say aloud, the verdict, remarks.

use super::Design;
use crate::report::number::{Unit, fmt_rate};
use crate::report::page::{Cell, NumberRow, Numbers, Verdict};
use crate::report::text::tallied;
use crate::report::theme::State;
use crate::run::Run;

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
        () => (State::Ok, format!("all {all} expectations met")),
    };
    Verdict { state, words }
}

/// A row per design and client group, with the numbers of the terminal.
pub(super) fn numbers(designs: &[Design<'_>]) -> Numbers {
    let groups = designs.iter().map(|d| d.sum.seen.len()).max().unwrap_or(0);
    let mut rows = Vec::new();
    for design in designs {
        for seen in &design.sum.seen {
            let time = |ns: Option<f64>| Cell::Number(Unit::Nanos.quantity(ns.unwrap_or(f64::NAN)));
            let mut cells = vec![Cell::Number(Unit::PerSecond.quantity(seen.goodput)), time(seen.mean_ns)];
            cells.extend(seen.latency_ns.iter().map(|ns| time(ns.map(|ns| ns as f64))));
            cells.push(Cell::Number(Unit::Share.quantity(seen.answered.unwrap_or(f64::NAN))));
            let note = if groups > 1 { seen.name.clone() } else { design.why().to_owned() };
            rows.push(NumberRow { mark: design.mark, name: design.name().to_owned(), note, cells });
        }
    }
    let offered = designs.first().and_then(|d| d.sum.seen.first()).filter(|_| groups == 1);
    Numbers {
        corner: offered.map_or_else(|| "design".to_owned(), |s| format!("{} offered", fmt_rate(s.offered))),
        columns: ["goodput", "mean", "p50", "p90", "p99", "p99.9", "max", "answered"].map(str::to_owned).to_vec(),
        rows,
    }
}

/// What limits the base design, and the best of the others.
pub(super) fn remarks(designs: &[Design<'_>]) -> Vec<(String, String)> {
    let Some(base) = designs.first() else { return Vec::new() };
    let name = if designs.len() > 1 { format!(" ({})", base.name()) } else { String::new() };
    vec![("Bottleneck".to_owned(), format!("{}{name}", base.sum.bottleneck.words))]
}
