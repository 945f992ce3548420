//! The system as boxes and lines, and the designs side by side.

use super::Design;
use super::over_time::{Columns, faults, goodput, offered, users};
use crate::engine::{Instant, Span};
use crate::metric::{CLASSES, EpochSet};
use crate::report::answer::{answered_in_full, capital, still_open};
use crate::report::axis::Scale;
use crate::report::figure::Drawing;
use crate::report::figure::topology::{Link, Node, Topology};
use crate::report::figure::variants::{Small, Variants};
use crate::report::measure::{least_answered, listed};
use crate::report::number::{Unit, digits3, fmt_duration, fmt_rate, fmt_share};
use crate::report::page::Section;
use crate::report::theme::State;
use crate::run::Outcome;
use crate::world::meters::ANSWERED;

/// Share of answered requests from which a design counts as serving its users; the finding says so.
const SERVED: f64 = 0.98;
/// Whether a share counts as served, as it is told: 97.96 % is 98 %.
fn serves(share: f64) -> bool {
    share >= SERVED || fmt_share(share) == fmt_share(SERVED)
}

/// A difference in goodput between designs that is worth a picture of its own.
const DIFFERENT: f64 = 0.01;

pub(super) fn topology(designs: &[Design<'_>]) -> Option<Section> {
    let design = designs.first()?;
    let outcome = &design.run.outcome;
    let plan = &outcome.plan;
    if plan.components.is_empty() || plan.edges.is_empty() {
        return None;
    }
    let epochs = outcome.meters.frame().epochs_in(Instant::ZERO + plan.warmup, plan.end);
    let mut nodes: Vec<Node> = design
        .sum
        .parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let each = if part.replicas > 1 { " each" } else { "" };
            let workers = part.workers;
            Node {
                name: part.name.clone(),
                replicas: part.replicas,
                note: format!("{workers} worker{}{each}", if workers == 1 { "" } else { "s" }),
                busy: Some(part.utilisation),
                below: format!("queue {}", digits3(part.waiting)),
                bottleneck: design.sum.bottleneck.part == Some(i),
            }
        })
        .collect();
    nodes.extend(design.sum.seen.iter().map(|seen| Node {
        name: seen.name.clone(),
        replicas: 1,
        note: "clients".to_owned(),
        busy: None,
        below: format!("goodput {}", fmt_rate(seen.goodput)),
        bottleneck: false,
    }));
    let links = plan.edges.iter().zip(&outcome.meters.edges).flat_map(|(edge, meters)| {
        let one = std::slice::from_ref(&meters.attempts);
        let attempts = if edge.beside.is_empty() { one } else { meters.attempts_at.as_slice() };
        edge.callees().zip(attempts).map(|(callee, attempts)| Link {
            from: edge.caller.index(),
            to: callee.group.index(),
            per_second: attempts.rate_per_second(&epochs),
            // The edges that nobody wrote are those of health checks.
            what: if edge.name.contains(" checks -> ") { "checks".to_owned() } else { String::new() },
        })
    });
    let links = links.collect();
    Some(Section {
        name: "Topology".to_owned(),
        anchor: "topology".to_owned(),
        finding: design.sum.bottleneck.sentence.trim_end_matches('.').to_owned(),
        caption: format!(
            "Design {}, means after the warm-up. Bar: share of worker time in use. Line: requests sent per second, \
             retries included.",
            design.name()
        ),
        figures: vec![Drawing::Topology(Topology { title: format!("{}: who calls whom", plan.title), nodes, links })],
        tables: Vec::new(),
        how_to_read: "Follow the lines from the clients to the right; heavy means loaded. In every run Little’s law \
                      and the conservation of requests are checked at every box."
            .to_owned(),
        folded: false,
    })
}

/// From three designs on: small multiples of what tells them apart.
pub(super) fn variants(designs: &[Design<'_>]) -> Option<Section> {
    let asked = |d: &Design<'_>| d.sum.seen.iter().any(|seen| seen.requests > 0);
    if designs.len() < 3 || !designs.iter().any(asked) {
        return None;
    }
    let plan = &designs[0].run.outcome.plan;
    let shares: Vec<f64> =
        designs.iter().filter_map(|d| d.sum.seen.first().map(|s| s.goodput / s.offered.max(1e-9))).collect();
    let (low, high) = shares.iter().fold((f64::MAX, 0.0_f64), |(l, h), s| (l.min(*s), h.max(*s)));
    let by_goodput = high - low > DIFFERENT;
    let outcomes: Vec<&Outcome> = designs.iter().map(|d| &d.run.outcome).collect();
    let phase = by_goodput.then(|| Phase::telling(&outcomes));
    let panels: Vec<Small> = designs.iter().map(|d| small(d, phase.as_ref())).collect();
    let (measure, unit, scale) =
        if by_goodput { ("Goodput/s", Unit::PerSecond, Scale::Linear) } else { ("Mean", Unit::Nanos, Scale::Log) };
    let finding = if let Some(phase) = &phase {
        let good: Vec<&str> = panels.iter().filter(|p| p.state == Some(State::Ok)).map(|p| p.name.as_str()).collect();
        let when = capital(&phase.words());
        let shares: Vec<(f64, &str)> =
            designs.iter().filter_map(|d| Some((phase.share(&d.run.outcome)?, d.name()))).collect();
        let best = shares.iter().map(|s| s.0).fold(0.0, f64::max);
        let by = shares.iter().filter(|s| fmt_share(s.0) == fmt_share(best)).map(|s| s.1.to_owned());
        let s = if good.len() == 1 { "s" } else { "" };
        let serve = format!("answer{s} {} of all requests in full, or more", fmt_share(SERVED));
        let served = match good.as_slice() {
            [] => format!(
                "{when} no design answers {} of all requests in full; {} are answered with {}",
                fmt_share(SERVED),
                fmt_share(best),
                listed(&by.collect::<Vec<_>>())
            ),
            all if all.len() == designs.len() => format!("{when} all designs {serve}"),
            few if few.len() <= 3 => {
                format!("{when} only {} of {} designs {serve}: {}", few.len(), designs.len(), few.join(", "))
            }
            few => format!("{when} {} of {} designs {serve}", few.len(), designs.len()),
        };
        served + &phase.cut_off(designs)
    } else {
        let mean = |d: &Design<'_>| d.sum.seen.first().and_then(|s| s.answers.mean_ns);
        let means: Vec<(f64, &str)> = designs.iter().filter_map(|d| Some((mean(d)?, d.name()))).collect();
        let slow = means.iter().copied().reduce(|a, b| if b.0 > a.0 { b } else { a });
        let fast = means.iter().copied().reduce(|a, b| if b.0 < a.0 { b } else { a });
        match slow.zip(fast) {
            Some((slow, fast)) if fmt_duration(slow.0) == fmt_duration(fast.0) => {
                format!("{} on average with every design", fmt_duration(slow.0))
            }
            Some((slow, fast)) => {
                format!(
                    "From {} with {} down to {} with {}",
                    fmt_duration(slow.0),
                    slow.1,
                    fmt_duration(fast.0),
                    fast.1
                )
            }
            None => "No request was answered".to_owned(),
        }
    };
    Some(Section {
        name: "Variants side by side".to_owned(),
        anchor: "variants".to_owned(),
        finding,
        caption: if let Some(phase) = &phase {
            let together = if several(&outcomes) { ", all users together" } else { "" };
            format!(
                "Goodput{} Under each name: answered in full {}{together}.",
                arrivals(&outcomes).dashed(),
                phase.words()
            )
        } else {
            format!("Mean latency of answers by the start of requests{}", arrivals(&outcomes).beside())
        },
        figures: vec![Drawing::Variants(Variants {
            title: format!("{}: all designs", plan.title),
            measure: measure.to_owned(),
            unit,
            scale,
            until: Span(plan.end.0),
            panels,
        })],
        tables: Vec::new(),
        how_to_read: if by_goodput {
            "When the solid line is on the dashed one, users are served. All panels have the same axes.".to_owned()
        } else {
            "Lower is better. All panels have the same axes.".to_owned()
        },
        folded: false,
    })
}

/// What the designs were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The same at the same time.
    Alike,
    /// Not the same, by users of whom none waits for an answer.
    Otherwise,
    /// What the answers left time for.
    ByThoseWhoWait,
}

impl Asked {
    fn dashed(self) -> &'static str {
        match self {
            Asked::Alike => " under the same arrivals. Dashed: what users asked for.",
            Asked::Otherwise => "; dashed: what users asked for, which is not the same with every design.",
            Asked::ByThoseWhoWait => {
                "; dashed: what users asked for. Users who wait for an answer ask less when it is late."
            }
        }
    }
    fn beside(self) -> &'static str {
        match self {
            Asked::Alike => ", under the same arrivals.",
            Asked::Otherwise => ". Designs are not asked for the same.",
            Asked::ByThoseWhoWait => ". Users who wait for an answer ask less when it is late.",
        }
    }
}

fn arrivals(outcomes: &[&Outcome]) -> Asked {
    let started =
        |outcome: &Outcome| -> Vec<Vec<u32>> { users(outcome).iter().map(|t| t.started().to_vec()).collect() };
    match outcomes {
        all if !all.iter().all(|outcome| outcome.asks_regardless()) => Asked::ByThoseWhoWait,
        [base, rest @ ..] if rest.iter().any(|outcome| started(outcome) != started(base)) => Asked::Otherwise,
        _ => Asked::Alike,
    }
}

fn several(outcomes: &[&Outcome]) -> bool {
    outcomes.iter().any(|outcome| outcome.plan.clients.len() > 1)
}

/// A stretch of the run in which designs differ.
pub(super) enum Phase {
    Whole,
    During(String, Instant, Instant),
    After(String, Instant),
}

impl Phase {
    /// Of all phases the one in which the shares of answered requests differ most.
    pub(super) fn telling(outcomes: &[&Outcome]) -> Phase {
        let mut phases = vec![Phase::Whole];
        let plans = outcomes.first().map(|outcome| &outcome.plan);
        for (plan, fault) in plans.iter().flat_map(|plan| plan.faults.iter().map(move |fault| (plan, fault))) {
            if fault.windows.len() != 1 {
                continue;
            }
            if let Some((from, to)) = fault.span() {
                // What stays broken after a fault tells more than what breaks in it.
                if to < plan.end {
                    phases.push(Phase::After(fault.name.clone(), to));
                }
                phases.push(Phase::During(fault.name.clone(), from, to.min(plan.end)));
            }
        }
        let spread = |phase: &Phase| {
            let shares = outcomes.iter().filter_map(|outcome| phase.share(outcome));
            let (low, high) = shares.fold((f64::MAX, 0.0_f64), |(l, h), s| (l.min(s), h.max(s)));
            high - low
        };
        let mut best = (Phase::Whole, f64::MIN);
        for phase in phases {
            let spread = spread(&phase);
            if spread > best.1 + 0.005 {
                best = (phase, spread);
            }
        }
        best.0
    }
    fn epochs(&self, outcome: &Outcome) -> EpochSet {
        let (from, to) = match self {
            Phase::Whole => (Instant::ZERO + outcome.plan.warmup, outcome.plan.end),
            Phase::During(_, from, to) => (*from, *to),
            Phase::After(_, from) => (*from, outcome.plan.end),
        };
        outcome.meters.frame().epochs_in(from, to)
    }
    pub(super) fn share(&self, outcome: &Outcome) -> Option<f64> {
        answered_in_full(outcome, &self.epochs(outcome))
    }
    fn still_open(&self, outcome: &Outcome) -> f64 {
        still_open(outcome, &self.epochs(outcome))
    }

    /// During a partition: the group that got clearly less than all users together, and what.
    fn least<'a>(&self, outcome: &'a Outcome) -> Option<(&'a str, f64)> {
        let Phase::During(name, from, to) = self else { return None };
        outcome.plan.faults.iter().find(|fault| fault.name == *name && fault.parts())?;
        least_answered(outcome, &outcome.meters.frame().epochs_in(*from, *to), self.share(outcome)?)
    }

    /// During a partition: the group that got least of all, where all users together got more. Else nothing.
    fn cut_off(&self, designs: &[Design<'_>]) -> String {
        let least = |design: &Design<'_>| {
            let outcome = &design.run.outcome;
            let (group, share) = self.least(outcome)?;
            Some((share, format!("; of {group} {} are answered with {}", fmt_share(share), design.name())))
        };
        let worst = designs.iter().filter_map(least).reduce(|a, b| if b.0 < a.0 { b } else { a });
        worst.map_or_else(String::new, |(_, words)| words)
    }
    pub(super) fn words(&self) -> String {
        match self {
            Phase::Whole => "in the whole run".to_owned(),
            Phase::During(name, ..) => format!("during {name}"),
            Phase::After(name, _) => format!("after {name}"),
        }
    }
}

fn small(design: &Design<'_>, phase: Option<&Phase>) -> Small {
    let by_goodput = phase.is_some();
    let outcome = &design.run.outcome;
    let columns = Columns::of(outcome, 120);
    let (mut state, words);
    match phase {
        Some(phase) => {
            let share = phase.share(outcome);
            let open = phase.still_open(outcome);
            // Whoever lets that many wait doesn't serve them, though nobody has given up.
            let serves = |s| serves(s) && open <= 1.0 - SERVED;
            state = share.map(|s| if serves(s) { State::Ok } else { State::Error });
            let least =
                phase.least(outcome).map_or_else(String::new, |(group, s)| format!(", {group} {}", fmt_share(s)));
            let open = if open > 1.0 - SERVED { format!(", {} still open", fmt_share(open)) } else { String::new() };
            words = share.map_or("no requests".to_owned(), |s| format!("{} in full{least}{open}", fmt_share(s)));
        }
        None => {
            state = None;
            let mean = design.sum.seen.first().and_then(|s| s.answers.mean_ns);
            words = format!("{} on average", Unit::Nanos.write(mean.unwrap_or(f64::NAN)));
        }
    }
    if design.run.judged.iter().any(|j| j.finding.outcome == crate::expect::Outcome::NotMet) {
        state = Some(State::Error);
    }
    let users = users(outcome);
    let points = if by_goodput {
        goodput(outcome, &columns)
    } else {
        columns.mean(|bin| {
            let classes = || (0..CLASSES as u8).filter(|class| ANSWERED.contains(*class));
            let rows = users.iter().flat_map(|t| classes().filter_map(|c| t.bins(c).map(|b| b[bin])));
            rows.fold((0, 0), |(n, ns), row| (n + u64::from(row.started), ns + row.latency.0))
        })
    };
    let reference = if by_goodput { offered(outcome, &columns) } else { Vec::new() };
    Small { name: design.name().to_owned(), state, words, faults: faults(outcome), reference, points }
}
