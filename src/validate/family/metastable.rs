//! A retry storm that outlives its cause: one server, a constant service time, clients that time out after a second and
//! try once more, and ten seconds in which nothing is served (Bronson et al., HotOS 2021, §2.1).
//!
//! The outage is a pause: what is sent in the meantime waits, in order, and is served from its end on. Seconds of the
//! model are played as three, so that the service time is a whole number of nanoseconds, and timeouts are a nanosecond
//! late: an answer at the very moment of a timeout counts, and a fresh request goes before a retry of that moment.

use crate::engine::Instant;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Estimate, Experiment, Runs, group, instant};
use crate::validate::rows::{Figure, Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::meters::OK;

pub(super) const RETRY: Family = Family {
    name: "metastable_retry",
    model: "300/s server, timeout 1 s, one retry, outage of 10 s",
    parts: "service, client timeouts and retries, pause",
    source: "Bronson et al. 2021, §2.1",
    table: include_str!("../data/metastable_retry.csv"),
    results: &[
        "last_failed_op_start_after_heal_s",
        "last_failure_after_heal_s",
        "formula_start_s",
        "ok_fraction_of_ops_started_500_to_590_s",
        "poisson_mean_start_s",
        "poisson_sd_start_s",
    ],
    oracle: Some(formula),
    measure: measure_recovery,
};

pub(super) const THRESHOLD: Family = Family {
    name: "metastable_threshold",
    model: "overload feeds itself from λ(1 + r) = μ on",
    parts: "service, client timeouts and retries, pause",
    source: "Bronson et al. 2021, §2.1",
    table: include_str!("../data/metastable_threshold.csv"),
    results: &["vulnerable_above_rho"],
    oracle: Some(threshold),
    measure: measure_threshold,
};

/// Capacity of the server, requests a second.
const MU: f64 = 300.0;
/// Start of the outage, s.
const OUTAGE: f64 = 10.0;
/// End of the outage, s.
const HEAL: f64 = 20.0;

/// With constant arrivals everything is determined: the attempts in the order in which they are sent, each served when
/// its turn comes, are followed here by hand until failures end.
fn formula(row: &Row) -> Result<Row, Malformed> {
    let lambda = row.positive("offered_qps")?;
    let mut row = row.clone();
    let seconds = length(lambda);
    let (starts, in_window, ok_in_window) = failures_by_hand(lambda, seconds);
    let last = starts.filter(|start| *start < seconds - 5.0).map(|start| start - HEAL);
    let text = |offset: f64| last.map_or("never".to_owned(), |start| format!("{:.6}", start + offset));
    row.set("last_failed_op_start_after_heal_s", text(0.0));
    row.set("last_failure_after_heal_s", text(2.0));
    row.set(
        "ok_fraction_of_ops_started_500_to_590_s",
        format!("{}", f64::from(ok_in_window) / f64::from(in_window.max(1))),
    );
    Ok(row)
}

/// Start of the last failed operation, and of those that start in 500..590 s: how many, how many are answered.
fn failures_by_hand(lambda: f64, seconds: f64) -> (Option<f64>, u32, u32) {
    let mut retries: std::collections::VecDeque<(f64, f64)> = std::collections::VecDeque::new();
    let (mut next, mut free) = (0_u32, 0.0_f64);
    let (mut last, mut inside, mut answered) = (None, 0, 0);
    loop {
        let fresh = f64::from(next) / lambda;
        // Of two that are sent at once the fresh one goes first.
        let (sent, start, again) = match retries.front() {
            Some((sent, start)) if *sent < fresh - 1e-9 => (*sent, *start, true),
            _ => (fresh, fresh, false),
        };
        if sent >= seconds {
            return (last, inside, answered);
        }
        if again {
            retries.pop_front();
        } else {
            next += 1;
        }
        let reaches = if (OUTAGE..HEAL).contains(&sent) { HEAL } else { sent };
        free = free.max(reaches) + 1.0 / MU;
        let in_time = free <= sent + 1.0 + 1e-9;
        let counts = (500.0..590.0).contains(&start);
        inside += u32::from(counts && !again);
        answered += u32::from(counts && in_time);
        match (in_time, again) {
            (true, _) => {}
            (false, false) => retries.push_back((sent + 1.0, start)),
            (false, true) => last = Some(start),
        }
    }
}

/// How long a run takes in which failures end, if they do, s.
fn length(lambda: f64) -> f64 {
    let fluid = if 2.0 * lambda < MU { (19.0 * lambda - MU) / (MU - 2.0 * lambda) } else { 0.0 };
    (HEAL + fluid + 60.0).max(900.0)
}

/// Seconds that are played for one of the model.
const SLOW: f64 = 3.0;

fn storm(rate: f64, arrivals: &str, retries: u64, seconds: f64) -> Experiment {
    let body = format!(
        "[service.database]\nservice_time = \"{:.9}s\"\n\
         [clients.users]\nrate = \"{}/s\"\narrivals = \"{arrivals}\"\ntarget = \"database\"\ntimeout = \"{:.9}s\"\n\
         retry = {{ attempts = {}, on = [\"timeout\"], backoff = \"none\" }}\n\
         [fault.outage]\nat = \"{}s\"\nfor = \"{}s\"\npause = \"database\"\n",
        SLOW / MU,
        rate / SLOW,
        SLOW + 1e-9,
        retries + 1,
        SLOW * OUTAGE,
        SLOW * (HEAL - OUTAGE),
    );
    Experiment::whole(body, seconds * SLOW)
}

/// The moment of the run that is that many seconds of the model after its start.
fn moment(seconds: f64) -> Instant {
    instant(seconds * SLOW)
}

/// Start and end of the last operation that failed, s after the end of the outage; infinite if they fail to the end.
fn last_failure(runs: &Runs, of: usize, seconds: f64) -> (f64, f64) {
    let run = &runs.runs[of];
    let Some((start, end)) = group(run, "users").last_unanswered else { return (0.0, 0.0) };
    // Whoever fails so late fails for good: nobody answered has started since.
    let late = run.meters.frame().epochs_in(moment(seconds - 20.0), moment(seconds));
    if group(run, "users").visits.count(&late, OK) == 0 && start >= moment(seconds - 20.0) {
        return (f64::INFINITY, f64::INFINITY);
    }
    (start.as_secs_f64() / SLOW - HEAL, end.as_secs_f64() / SLOW - HEAL)
}

fn measure_recovery(row: &Row, effort: Effort) -> Checks {
    let lambda = row.positive("offered_qps")?;
    let seconds = length(lambda);
    let mut experiment = storm(lambda, "constant", 1, seconds);
    experiment.cuts = [500.0, 590.0, seconds - 20.0].map(|s| s * SLOW).to_vec();
    let runs = experiment.play(effort)?;
    let (start, end) = last_failure(&runs, 0, seconds);
    let mut checks = Vec::new();
    let mut exact = |name: &str, measured: f64| {
        if let Some(expected) = row.figure(name) {
            checks.push(Check::exact(name, expected, measured));
        }
    };
    exact("last_failed_op_start_after_heal_s", start);
    exact("last_failure_after_heal_s", end);
    let window = runs.runs[0].meters.frame().epochs_in(moment(500.0), moment(590.0));
    let users = &group(&runs.runs[0], "users").visits;
    exact("ok_fraction_of_ops_started_500_to_590_s", users.share(&window, OK).unwrap_or(0.0));
    if let (Some(mean), Some(sd)) = (row.figure("poisson_mean_start_s"), row.figure("poisson_sd_start_s")) {
        let mut experiment = storm(lambda, "poisson", 1, seconds);
        experiment.runs = 20;
        experiment.seconds *= 20.0;
        experiment.cuts = vec![(seconds - 20.0) * SLOW];
        let runs = experiment.play(effort)?;
        let starts: Vec<f64> = (0..20).map(|i| last_failure(&runs, i, seconds).0).collect();
        let across = crate::metric::stats::Across::of(&starts);
        let measured = across.and_then(|a| Some(Estimate { value: a.mean, error: a.standard_error()?, n: 20.0 }));
        if let Some(measured) = measured {
            // The oracle is a mean over 20 seeds too.
            let own = sd.value / 20_f64.sqrt();
            checks.push(Check { expected_error: own, ..Check::statistic("poisson_mean_start_s", mean, measured) });
        }
    }
    Ok(checks)
}

fn threshold(row: &Row) -> Result<Row, Malformed> {
    let r = row.whole("max_retries", 1, 100)?;
    let mut row = row.clone();
    row.set("vulnerable_above_rho", format!("{:.8}", 1.0 / (1.0 + r as f64)));
    Ok(row)
}

/// Where the storm stops going out by itself: loads are tried until it is known to half a hundredth.
fn measure_threshold(row: &Row, effort: Effort) -> Checks {
    let retries = row.whole("max_retries", 1, 100)?;
    let (mut goes_out, mut stays) = (0.02, 0.98);
    while stays - goes_out > 0.005 {
        let rho = (stays + goes_out) / 2.0;
        // The backlog of the outage and of the attempts in it drains at μ − λ(1 + r).
        let left = (1.0 - rho * (1.0 + retries as f64)).abs().max(0.005);
        let seconds = HEAL + 40.0 + 30.0 * rho * (1.0 + retries as f64) / left;
        let mut experiment = storm(rho * MU, "constant", retries, seconds);
        experiment.cuts = vec![(seconds - 20.0) * SLOW];
        let runs = experiment.play(effort)?;
        if last_failure(&runs, 0, seconds).0.is_finite() { goes_out = rho } else { stays = rho }
    }
    // It can't be told more closely than it was searched for.
    let check = |e: Figure| {
        let searched = Figure { unit: 2.0 * (stays - goes_out), ..e };
        Check::exact("vulnerable_above_rho", searched, (goes_out + stays) / 2.0)
    };
    Ok(row.figure("vulnerable_above_rho").into_iter().map(check).collect())
}
