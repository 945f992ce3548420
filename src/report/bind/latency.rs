//! Latency by percentile, and where the time of a real median and a real slow request went.

use super::{Design, Told};
use crate::engine::Instant;
use crate::report::best::{By, best};
use crate::report::figure::Drawing;
use crate::report::figure::hops::{Fall, Hops, Piece, Spent, length_ns};
use crate::report::figure::percentiles::{NAMED, PercentileCurve, Percentiles};
use crate::report::number::{digits3, fmt_duration, fmt_share};
use crate::report::page::Section;
use crate::report::theme::Mark;
use crate::run::Exemplar;
use crate::scenario::plan::Kind;
use crate::world::meters::ANSWERED;
use crate::world::{Trace, TraceEvent};

/// Points a decade of a percentile curve.
const FINE: f64 = 24.0;
/// Rows of a waterfall.
const ROWS_MAX: usize = 8;

/// The designs that are drawn over each other: all of up to three, else the base and the best.
fn overlaid<'a, 'r>(designs: &'a [Design<'r>]) -> Vec<(&'a Design<'r>, Mark)> {
    if designs.len() <= 3 {
        return designs.iter().map(|d| (d, d.mark)).collect();
    }
    let sums: Vec<&crate::report::summary::Summary> = designs.iter().map(|d| &d.sum).collect();
    let by = By::of(&designs[0].run.outcome.plan.question);
    let mut picked = vec![(&designs[0], Mark::First)];
    if let Some(best) = best(&sums, by).filter(|best| best.place > 0) {
        picked.push((&designs[best.place], Mark::Second));
    }
    picked
}

pub(super) fn percentiles(designs: &[Design<'_>]) -> Option<Section> {
    let shown = overlaid(designs);
    let group = shown.first()?.0.sum.seen.first()?.name.clone();
    let curves: Vec<PercentileCurve> = shown.iter().map(|(d, mark)| curve(d, *mark)).collect();
    if curves.iter().all(|c| c.points.is_empty()) {
        return None;
    }
    // Of the rarest percentile that a finding speaks of and every curve reaches.
    let named = |name: &str| NAMED.iter().find(|named| named.0 == name).map_or(f64::MAX, |named| named.1);
    let reached = |name: &str| curves.iter().filter(|c| c.samples > 0).all(|c| c.samples as f64 / 10.0 >= named(name));
    let told = [("p99", 2), ("p90", 1)].into_iter().find(|(name, _)| reached(name));
    let tail = |d: &Design<'_>| {
        let seen = d.sum.seen.first()?;
        Some(seen.answers.at_ns[told?.1]? as f64 / (seen.answers.at_ns[0]? as f64).max(1.0))
    };
    let flat = shown.iter().all(|(d, _)| tail(d).is_none_or(|times| times < 1.005));
    let slow: Vec<String> = shown
        .iter()
        .filter_map(|(d, _)| {
            let times = tail(d)?;
            let name = if shown.len() > 1 { format!(" with {}", d.name()) } else { String::new() };
            Some(format!("{} times the median{name}", digits3(times)))
        })
        .collect();
    let mut caption = format!("Answers to {group} after the warm-up; who was refused or gave up has no part in it.");
    if shown.len() < designs.len() {
        caption += " The base and the best of the others.";
    }
    Some(Section {
        name: "Latency".to_owned(),
        anchor: "latency".to_owned(),
        finding: match (told, flat) {
            (None, _) => "So few were answered that nothing can be said of the slow ones".to_owned(),
            (Some((name, _)), true) => format!("The slow ones take as long as all others: {name} is the median"),
            (Some((name, _)), false) => format!("{name} is {}", slow.join(", ")),
        },
        caption,
        figures: vec![Drawing::Percentiles(Percentiles {
            title: "Latency by percentile".to_owned(),
            half: false,
            curves,
        })],
        tables: Vec::new(),
        how_to_read:
            "Each gridline to the right is ten times rarer. A curve ends where fewer than ten answers are slower."
                .to_owned(),
        folded: false,
    })
}

fn curve(design: &Design<'_>, mark: Mark) -> PercentileCurve {
    let outcome = &design.run.outcome;
    let epochs = outcome.meters.frame().epochs_in(Instant::ZERO + outcome.plan.warmup, outcome.plan.end);
    let latencies = outcome.meters.groups[outcome.plan.components.len()].visits.latencies(&epochs, ANSWERED);
    let samples = latencies.count();
    let at = |rarity: f64| Some((rarity, latencies.percentile(100.0 * (1.0 - 1.0 / rarity))?.0 as f64));
    let mut points: Vec<(f64, f64)> = rarities(samples).into_iter().filter_map(at).collect();
    // The very fastest request may be so much faster than all others that it would take half the picture.
    if points.len() > 2 && points[0].1 * 10.0 < points[1].1 {
        points.remove(0);
    }
    PercentileCurve { name: design.name().to_owned(), mark, points, samples }
}

/// Where a curve has points, as far as ten samples lie beyond: the percentiles that have a name are among them, so that
/// a mark shows the same number as the tables.
fn rarities(samples: u64) -> Vec<f64> {
    let end = (samples as f64 / 10.0).max(1.0);
    let fine = (0..).map(|i| libm::pow(10.0, f64::from(i) / FINE));
    let mut all: Vec<f64> = fine.take_while(|rarity| *rarity <= end && samples > 0).collect();
    for (_, rarity) in NAMED.iter().filter(|named| named.1 <= end) {
        // Rounding may have left it beside its place.
        match all.iter_mut().find(|r| (**r - rarity).abs() < rarity * 1e-9) {
            Some(near) => *near = *rarity,
            None => all.push(*rarity),
        }
    }
    all.sort_by(f64::total_cmp);
    all
}

/// Where the time went, from a second pass of the base design.
pub(super) fn hops(designs: &[Design<'_>], told: &Told) -> Option<Section> {
    let design = designs.first()?;
    let (exemplars, trace) = told.second_pass.as_ref()?;
    let picked: Vec<&Exemplar> = exemplars.iter().filter(|e| e.clients == 0).collect();
    let names = design.run.outcome.plan.group_names();
    let places = places(design);
    let mut rows = vec!["on the way, or paused".to_owned()];
    let taken: Vec<Vec<(String, Piece)>> = picked.iter().map(|e| pieces(design, &places, &names, e, trace)).collect();
    for (name, _) in taken.iter().flatten() {
        if !rows.contains(name) && rows.len() < ROWS_MAX {
            rows.push(name.clone());
        }
    }
    let panels: Vec<Fall> = picked.iter().zip(taken).map(|(e, pieces)| fall(e, &rows, pieces)).collect();
    let slow = panels.last()?;
    let total = slow.total_ns;
    let spent = |kind| {
        let of = slow.rows.iter().map(move |p| length_ns(p, |k| k == kind)).enumerate();
        of.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    };
    let (wait, work, between) = (spent(Spent::Wait), spent(Spent::Work), spent(Spent::Between));
    let finding = match () {
        () if total <= 0.0 => "Where the time went".to_owned(),
        () if wait.1 >= work.1 && wait.1 >= between.1 => {
            format!("The slow request spent {} of its time waiting: {}", fmt_share(wait.1 / total), rows[wait.0])
        }
        () if work.1 >= between.1 => {
            format!("The slow request spent {} of its time in work: {}", fmt_share(work.1 / total), rows[work.0])
        }
        () => format!("The slow request spent {} of its time on the way, or paused", fmt_share(between.1 / total)),
    };
    Some(Section {
        name: "Where the time went".to_owned(),
        anchor: "hops".to_owned(),
        finding,
        caption: format!(
            "Design {}: one real request at each percentile. Solid: being worked on. Hatched: waiting. Thin: on the \
             network, or paused before another attempt.",
            design.name()
        ),
        figures: vec![Drawing::Hops(Hops { title: "Where the time went".to_owned(), rows, panels })],
        tables: Vec::new(),
        how_to_read: "Read top to bottom like a trace; both panels have the same scale. The number is the time spent \
                      in that row; what overlaps counts once."
            .to_owned(),
        folded: false,
    })
}

/// The group of every process.
fn places(design: &Design<'_>) -> Vec<usize> {
    let groups = design.run.outcome.meters.groups.iter().enumerate();
    groups.flat_map(|(g, meters)| std::iter::repeat_n(g, meters.members.len())).collect()
}

fn fall(exemplar: &Exemplar, rows: &[String], pieces: Vec<(String, Piece)>) -> Fall {
    let total_ns = exemplar.example.latency.0 as f64;
    let mut split: Vec<Vec<Piece>> = vec![Vec::new(); rows.len()];
    for (name, piece) in pieces {
        if let Some(row) = rows.iter().position(|r| *r == name) {
            split[row].push(piece);
        }
    }
    // What no station had is the network's, or a pause.
    let mut busy: Vec<(f64, f64)> = split.iter().flatten().map(|p| (p.from_ns, p.to_ns)).collect();
    busy.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut at = 0.0;
    for (from, to) in busy.into_iter().chain([(total_ns, total_ns)]) {
        if from > at {
            split[0].push(Piece { from_ns: at, to_ns: from, kind: Spent::Between });
        }
        at = at.max(to);
    }
    let name = format!(
        "p{} request: {}, {}",
        digits3(exemplar.percent),
        fmt_duration(total_ns),
        exemplar.example.outcome.name()
    );
    Fall { name, total_ns, rows: split }
}

/// The stretches of one request at stations, by the name of the row, clipped to the life of the request.
fn pieces(
    design: &Design<'_>,
    places: &[usize],
    names: &[&str],
    exemplar: &Exemplar,
    trace: &Trace,
) -> Vec<(String, Piece)> {
    let (root, start) = (exemplar.example.root, exemplar.example.intended);
    let total = exemplar.example.latency.0 as f64;
    let since = |at: Instant| (at.0.saturating_sub(start.0) as f64).min(total);
    let name = |process: crate::engine::ProcessId| {
        places.get(process.index()).and_then(|g| names.get(*g)).map_or_else(String::new, |n| (*n).to_owned())
    };
    let mut all: Vec<(String, Piece)> = Vec::new();
    let mut keep = |name: String, from: Instant, to: Instant, kind: Spent| {
        let piece = Piece { from_ns: since(from), to_ns: since(to), kind };
        if piece.to_ns > piece.from_ns {
            all.push((name, piece));
        }
    };
    let inside = |process: crate::engine::ProcessId| {
        let component = design.run.outcome.plan.components.get(*places.get(process.index())?)?;
        match &component.kind {
            Kind::Store(Some(_)) => Some("disk, other replicas"),
            Kind::Store(None) => Some("disk"),
            _ => None,
        }
    };
    let visited = |to, arrives| {
        trace.events.iter().any(|e| {
            matches!(e, TraceEvent::Visited { process, work, arrived, .. }
                if work.root == root && *process == to && *arrived == arrives)
        })
    };
    for event in &trace.events {
        match event {
            TraceEvent::Visited { process, work, arrived, begun, served, replied, .. } if work.root == root => {
                keep(name(*process), *arrived, *begun, Spent::Wait);
                keep(name(*process), *begun, *served, Spent::Work);
                // From there on a store waits for its disk, and for those who keep copies.
                if let Some(others) = inside(*process) {
                    keep(format!("{}: {others}", name(*process)), *served, *replied, Spent::Wait);
                }
            }
            // It arrived, and nobody has answered it when the run ended: it waits there still.
            TraceEvent::Sent { to, work, arrives: Some(arrives), .. }
                if work.root == root && !visited(*to, *arrives) =>
            {
                keep(name(*to), *arrives, Instant::NEVER, Spent::Wait);
            }
            TraceEvent::Called { at, edge, caller, work, .. } if work.root == root => {
                let sent = trace.events.iter().find_map(|e| match e {
                    TraceEvent::Sent { at: sent, from, work, .. }
                        if work.root == root && from == caller && sent >= at =>
                    {
                        Some(*sent)
                    }
                    _ => None,
                });
                let edge = &design.run.outcome.plan.edges[edge.index()].name;
                keep(format!("a slot of {edge}"), *at, sent.unwrap_or(*at), Spent::Wait);
            }
            _ => {}
        }
    }
    all.sort_by(|a, b| a.1.from_ns.total_cmp(&b.1.from_ns));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_a_point_at_every_percentile_with_a_name() {
        let all = rarities(1_000_000);
        assert!(all.is_sorted());
        for (name, rarity) in NAMED {
            assert_eq!(all.iter().filter(|r| (**r - rarity).abs() < 1e-6).count(), 1, "{name}");
            assert!(all.contains(&rarity), "{name}");
        }
        // As far as ten lie beyond.
        assert_eq!(rarities(1000).last(), Some(&100.0));
        assert_eq!((rarities(0), rarities(9)), (vec![], vec![1.0]));
    }
}
