//! How soon SWIM probes a dead member and how often it takes a live one for dead (Das, Gupta, Motivala, DSN 2002); how
//! silent a member must be for phi (Hayashibara et al., SRDS 2004).

use rayon::prelude::*;

use crate::engine::{ProcessId, Span};
use crate::protocol::Group;
use crate::protocol::phi_accrual::Law;
use crate::protocol::swim::{Selection, Swim, SwimSpec};
use crate::validate::check::Check;
use crate::validate::cluster::{add, mean, play, runs, setup, share};
use crate::validate::experiment::{Effort, instant};
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::{Control, Power, Scheduled, Setup, Target, When};

pub(super) const DETECTION: Family = Family {
    name: "swim_detection",
    model: "SWIM: periods until a dead member is first probed",
    parts: "membership by SWIM, a crash",
    source: "Das et al. 2002, section 3.1",
    table: include_str!("../data/swim_detection.csv"),
    results: &["E_periods_to_first_ping"],
    oracle: None,
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

/// When the first of the others suspects member 0, which crashes just before a period begins: since the crash. A
/// suspicion comes at the end of the probe's period.
fn suspected(seed: u64, n: u32, selection: Selection, together: bool) -> Result<Span, Malformed> {
    let spec = SwimSpec { selection, together, suspicion: 1000, ..SwimSpec::default() };
    let (crash, end) = (instant(2.0 - 1e-3), instant(14.0));
    let mut made: Setup<Swim> = setup(seed, end, Span::micros(100), 0.0);
    let group = Group { first: ProcessId(0), count: n };
    add(&mut made, "members", n, |_| Swim::new(group, spec));
    let control = Control::Crash(Target::Process(ProcessId(0)), Power::Machine);
    made.schedule.push(Scheduled { when: When::At(crash), fault: 0, control });
    let members = play(made, end)?;
    let since = members.iter().skip(1).filter_map(|m| m.state(0)).map(|(_, since)| since).filter(|s| *s > crash);
    Ok(since.min().unwrap_or(end).since(crash))
}

fn measure_detection(row: &Row, effort: Effort) -> Checks {
    let n = row.whole("n", 2, 1000)? as u32;
    let selection = match row.text("selection") {
        Some("uniform random") => Selection::Uniform,
        Some("shuffled round-robin") => Selection::RoundRobin,
        _ => return Err(Malformed("`selection` is `uniform random` or `shuffled round-robin`".to_owned())),
    };
    let phase = row.text("phase").unwrap_or("");
    let together = phase.starts_with("synchronised");
    let count = runs(400_000 / u64::from(n), effort.scale);
    let values: Result<Vec<f64>, Malformed> = (0..count)
        .into_par_iter()
        .map(|i| {
            let since = suspected(effort.seed + i, n, selection, together)?.as_secs_f64();
            Ok(if together { since.floor() } else { since - 1.0 })
        })
        .collect();
    let expected = row.figure("E_periods_to_first_ping");
    let measured = mean(&values?);
    Ok(expected.map(|e| Check::statistic("E_periods_to_first_ping", e, measured)).into_iter().collect())
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
