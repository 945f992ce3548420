//! How soon SWIM probes a dead member and how often it takes a live one for dead (Das, Gupta, Motivala, DSN 2002); how
//! silent a member must be for phi (Hayashibara et al., SRDS 2004).

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::engine::{Instant, ProcessId, Span};
use crate::protocol::Group;
use crate::protocol::phi_accrual::Law;
use crate::protocol::swim::{Selection, State, Swim, SwimSpec};
use crate::validate::check::Check;
use crate::validate::cluster::{add, finished, mean, play, runs, setup, share};
use crate::validate::experiment::{Effort, instant};
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::{Control, Focus, Passage, Power, Role, Scheduled, Setup, Target, TraceEvent, When};

pub(super) const DETECTION: Family = Family {
    name: "swim_detection",
    model: "SWIM: periods until a dead member is first probed, and between two probes of one by another",
    parts: "membership by SWIM, a crash",
    source: "Das et al. 2002, sections 3.1, 4.3",
    table: include_str!("../data/swim_detection.csv"),
    results: &[
        "P_pinged_in_period",
        "E_periods_uniform",
        "E_periods_uniform_limit",
        "E_periods_round_robin_aligned",
        "E_periods_round_robin_stationary",
        "E_time_periods_uniform_desynchronised",
        "round_robin_max_gap_periods",
        "suspicion_periods_3_ceil_log10",
    ],
    oracle: Some(detections),
    measure: measure_detections,
};

pub(super) const ONE_DETECTION: Family = Family {
    name: "swim_detection_mc",
    model: "SWIM: periods until a dead member is first probed",
    parts: "membership by SWIM, a crash",
    source: "Das et al. 2002, sections 3.1, 4.3",
    table: include_str!("../data/swim_detection_mc.csv"),
    results: &["E_periods_to_first_ping"],
    oracle: Some(detection),
    measure: measure_detection,
};

pub(super) const FALSE_PING: Family = Family {
    name: "swim_false_ping",
    model: "SWIM: probes of live members that fail",
    parts: "membership by SWIM, lossy links",
    source: "Das et al. 2002, section 3.1",
    table: include_str!("../data/swim_false_ping.csv"),
    results: &["P_probe_of_live_node_fails"],
    oracle: Some(fails),
    measure: measure_false_ping,
};

pub(super) const PHI: Family = Family {
    name: "phi_accrual",
    model: "silence at which an exponential law reaches phi",
    parts: "phi accrual detector",
    source: "Cassandra 4.1",
    table: include_str!("../data/phi_accrual.csv"),
    results: &["P_mistake", "silence_over_mean_exponential"],
    oracle: None,
    measure: measure_phi,
};

pub(super) const PHI_NORMAL: Family = Family {
    name: "phi_accrual_normal",
    model: "silence at which a normal law reaches phi",
    parts: "phi accrual detector",
    source: "Hayashibara et al. 2004; Akka 2.6",
    table: include_str!("../data/phi_accrual_normal.csv"),
    results: &["silence_ms_normal", "silence_ms_logistic_approx"],
    oracle: None,
    measure: measure_phi_normal,
};

/// How members pick whom they probe, and how their periods and passes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// Any of the others, all periods together.
    Uniform,
    /// One after the other, all periods together, all passes begin with the crash.
    Aligned,
    /// One after the other, all periods together, each somewhere in its pass.
    Stationary,
    /// Any of the others, each member's periods at a phase of their own.
    Apart,
}

impl Watch {
    /// By the column that holds its result.
    const COLUMNS: [(&'static str, Watch); 4] = [
        ("E_periods_uniform", Watch::Uniform),
        ("E_periods_round_robin_aligned", Watch::Aligned),
        ("E_periods_round_robin_stationary", Watch::Stationary),
        ("E_time_periods_uniform_desynchronised", Watch::Apart),
    ];

    /// As a row describes it.
    fn read(row: &Row) -> Result<Watch, Malformed> {
        let phase = row.text("phase").unwrap_or("");
        match (row.text("selection"), phase.starts_with("desynchronised")) {
            (Some("uniform random"), false) => Ok(Watch::Uniform),
            (Some("uniform random"), true) => Ok(Watch::Apart),
            (Some("shuffled round-robin"), false) if phase.contains("all passes start at the crash") => {
                Ok(Watch::Aligned)
            }
            (Some("shuffled round-robin"), false) => Ok(Watch::Stationary),
            (Some("shuffled round-robin"), true) => {
                Err(Malformed("`phase`: passes are known here of synchronised periods only".to_owned()))
            }
            _ => Err(Malformed("`selection` is `uniform random` or `shuffled round-robin`".to_owned())),
        }
    }

    fn spec(self) -> SwimSpec {
        SwimSpec {
            selection: match self {
                Watch::Uniform | Watch::Apart => Selection::Uniform,
                Watch::Aligned | Watch::Stationary => Selection::RoundRobin,
            },
            together: self != Watch::Apart,
            from_first: self == Watch::Aligned,
            suspicion: 1_000_000,
            ..SwimSpec::default()
        }
    }

    /// Periods until the first probe, on average.
    fn mean(self, n: u64) -> f64 {
        let others = (n - 1) as f64;
        // Nobody probes it in a period.
        let none = libm::pow(1.0 - 1.0 / others, others);
        let all_pass = |none: &dyn Fn(u64) -> f64| (0..2 * n).map(|j| libm::pow(none(j).max(0.0), others)).sum();
        match self {
            Watch::Uniform => 1.0 / (1.0 - none),
            // In a pass each place is as likely as any other.
            Watch::Aligned => all_pass(&|j| 1.0 - j as f64 / others),
            // The gap between two probes is triangular on 1..2(n-1), and seen from anywhere within.
            Watch::Stationary => {
                let left = |j: u64| {
                    let gaps = (j + 1..2 * (n - 1)).map(|gap| {
                        let share = (others - (gap as f64 - others).abs()) / (others * others);
                        (gap - j) as f64 * share
                    });
                    gaps.sum::<f64>() / others
                };
                all_pass(&left)
            }
            // Within the first period of each, those whose phase has come have had their chance.
            Watch::Apart => others / (others + 1.0) * (1.0 - none * (1.0 - 1.0 / others)) / (1.0 - none),
        }
    }
}

fn members(row: &Row) -> Result<u64, Malformed> {
    row.whole("n", 2, 2000)
}

fn detection(row: &Row) -> Result<Row, Malformed> {
    let mean = Watch::read(row)?.mean(members(row)?);
    let mut row = row.clone();
    row.set("E_periods_to_first_ping", format!("{mean}"));
    Ok(row)
}

fn detections(row: &Row) -> Result<Row, Malformed> {
    let n = members(row)?;
    let mut row = row.clone();
    for (column, watch) in Watch::COLUMNS {
        row.set(column, format!("{}", watch.mean(n)));
    }
    row.set("P_pinged_in_period", format!("{}", 1.0 / Watch::Uniform.mean(n)));
    row.set("round_robin_max_gap_periods", (2 * (n - 1) - 1).to_string());
    Ok(row)
}

/// When the first of the others suspects member 0, which crashes just before a period begins: since then. A suspicion
/// comes at the end of the probe's period; there is nothing more to see after it.
fn suspected(seed: u64, n: u32, watch: Watch) -> Result<Span, Malformed> {
    const BEFORE: Span = Span::micros(1);
    let (begin, end) = (instant(1.0), instant(100.0));
    let mut made: Setup<Swim> = setup(seed, end, Span::micros(1), 0.0);
    let group = Group { first: ProcessId(0), count: n };
    let all = add(&mut made, "members", n, |_| Swim::new(group, watch.spec()));
    let mut crash = |when: When, target: Target| {
        made.schedule.push(Scheduled { when, fault: 0, control: Control::Crash(target, Power::Machine) });
    };
    crash(When::At(Instant(begin.0 - BEFORE.0)), Target::Process(ProcessId(0)));
    let first = When::Point(Passage::nth(1, "member_suspected"), Span::ZERO);
    crash(first, Target::Role(all, Role::Peer));
    let members = play(made, end)?;
    let since = members.iter().skip(1).filter_map(|m| m.state(0));
    let suspicion = since.filter(|(state, _)| *state == State::Suspect).map(|(_, since)| since).min();
    suspicion.map(|at| at.since(begin)).ok_or_else(|| Malformed("nobody ever suspected it".to_owned()))
}

/// Periods until the first probe, run by run.
fn periods(n: u64, watch: Watch, effort: Effort) -> Result<Vec<f64>, Malformed> {
    (0..runs((400_000 / n).min(15_000), effort.scale))
        .into_par_iter()
        .map(|i| {
            let seconds = suspected(effort.seed + i, n as u32, watch)?.as_secs_f64();
            // Together, the first period begins with the crash, and its probe is over when the second does.
            Ok(if watch == Watch::Apart { seconds - 1.0 } else { seconds.round() })
        })
        .collect()
}

fn measure_detection(row: &Row, effort: Effort) -> Checks {
    let values = periods(members(row)?, Watch::read(row)?, effort)?;
    let expected = row.figure("E_periods_to_first_ping");
    Ok(expected.map(|e| Check::statistic("E_periods_to_first_ping", e, mean(&values))).into_iter().collect())
}

fn measure_detections(row: &Row, effort: Effort) -> Checks {
    let n = members(row)?;
    let mut checks = Vec::new();
    for (column, watch) in Watch::COLUMNS {
        let pinged = row.figure("P_pinged_in_period").filter(|_| watch == Watch::Uniform);
        let expected = row.figure(column);
        if expected.is_none() && pinged.is_none() {
            continue;
        }
        let values = periods(n, watch, effort)?;
        if let Some(expected) = pinged {
            let at_once = values.iter().filter(|v| **v == 1.0).count() as u64;
            checks.push(Check::probability("P_pinged_in_period", expected, share(at_once, values.len() as u64)));
        }
        checks.extend(expected.map(|e| Check::statistic(column, e, mean(&values))));
    }
    if let Some(expected) = row.figure("round_robin_max_gap_periods") {
        checks.push(Check::exact("round_robin_max_gap_periods", expected, widest_gap(n as u32, effort.seed)?));
    }
    Ok(checks)
}

/// The most periods between two probes of one member by another. In each pass about one of all pairs meets it.
fn widest_gap(n: u32, seed: u64) -> Result<f64, Malformed> {
    const PASSES: f64 = 12.0;
    if n > 200 {
        return Err(Malformed("round_robin_max_gap_periods: more than 200 members take too many probes".to_owned()));
    }
    let end = instant(PASSES * f64::from(n) + 0.5);
    let mut made: Setup<Swim> = setup(seed, end, Span::micros(1), 0.0);
    let group = Group { first: ProcessId(0), count: n };
    add(&mut made, "members", n, |_| Swim::new(group, Watch::Stationary.spec()));
    let focus = Focus { windows: vec![(Instant::ZERO, end)], limit: usize::MAX, ..Focus::default() };
    let mut last: BTreeMap<(ProcessId, ProcessId), Instant> = BTreeMap::new();
    let mut widest = Span::ZERO;
    for event in finished(made, end, focus)?.trace.events {
        if let TraceEvent::Message { at, from, to, name: "Ping", .. } = event
            && let Some(before) = last.insert((from, to), at)
        {
            widest = widest.max(at.since(before));
        }
    }
    Ok(widest.as_secs_f64())
}

fn fails(row: &Row) -> Result<Row, Malformed> {
    let q = row.probability("msg_loss")?;
    let k = row.whole("k_indirect", 0, 100)?;
    let arrives = 1.0 - q;
    let direct = 1.0 - arrives * arrives;
    let indirect = 1.0 - arrives * arrives * arrives * arrives;
    let mut row = row.clone();
    row.set("P_probe_of_live_node_fails", format!("{}", direct * libm::pow(indirect, k as f64)));
    Ok(row)
}

fn measure_false_ping(row: &Row, effort: Effort) -> Checks {
    const MEMBERS: u32 = 20;
    let q = row.probability("msg_loss")?;
    let k = row.whole("k_indirect", 0, u64::from(MEMBERS) - 2)? as u32;
    // Nobody may be held for dead: the dead aren't probed.
    let spec = SwimSpec { indirect: k, suspicion: 1_000_000, ..SwimSpec::default() };
    let end = instant(runs(10_000, effort.scale) as f64);
    let mut made: Setup<Swim> = setup(effort.seed, end, Span::millis(1), q);
    let group = Group { first: ProcessId(0), count: MEMBERS };
    add(&mut made, "members", MEMBERS, |_| Swim::new(group, spec));
    let members = play(made, end)?;
    let (probes, failed) = members.iter().map(Swim::probes).fold((0, 0), |(p, f), (q, g)| (p + q, f + g));
    let expected = row.figure("P_probe_of_live_node_fails");
    let check = |e| Check::probability("P_probe_of_live_node_fails", e, share(failed, probes));
    Ok(expected.map(check).into_iter().collect())
}

fn measure_phi(row: &Row, _effort: Effort) -> Checks {
    let phi = row.positive("phi")?;
    let expected = row.figure("silence_over_mean_exponential");
    let silence = Law::Exponential.silence(phi, 1.0, 0.0);
    Ok(expected.map(|e| Check::exact("silence_over_mean_exponential", e, silence)).into_iter().collect())
}

fn measure_phi_normal(row: &Row, _effort: Effort) -> Checks {
    let (mean, deviation, phi) = (row.positive("mean_ms")?, row.positive("sd_ms")?, row.positive("phi")?);
    let mut checks = Vec::new();
    for (column, law) in [("silence_ms_normal", Law::Normal), ("silence_ms_logistic_approx", Law::Logistic)] {
        if let Some(expected) = row.figure(column) {
            checks.push(Check::exact(column, expected, law.silence(phi, mean, deviation)));
        }
    }
    Ok(checks)
}
