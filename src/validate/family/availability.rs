//! How much of the time a majority of nodes is up, when each fails and is repaired on its own.

use crate::engine::Instant;
use crate::metric::EpochSet;
use crate::run::Outcome;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Estimate, Experiment};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

pub(super) const FAMILY: Family = Family {
    name: "quorum_availability",
    model: "n independent nodes, up with probability A",
    parts: "replicas, random crashes and repairs",
    source: "Barlow & Proschan 1975",
    table: include_str!("../data/quorum_availability.csv"),
    results: &["majority", "A_majority_up", "A_any_up", "A_all_up", "U_majority_down", "U_all_down"],
    oracle: Some(closed_form),
    measure,
};

fn parameters(row: &Row) -> Result<(f64, u32), Malformed> {
    let up = row.probability("node_avail")?;
    if up == 0.0 || up == 1.0 {
        return Err(Malformed("nodes that are always up or down need no run".to_owned()));
    }
    Ok((up, row.whole("n", 1, 1000)? as u32))
}

fn closed_form(row: &Row) -> Result<Row, Malformed> {
    let (up, n) = parameters(row)?;
    let majority = n / 2 + 1;
    let down = oracle::binomial_at_least(n, n - majority + 1, 1.0 - up);
    let none = oracle::binomial_at_least(n, n, 1.0 - up);
    let mut row = row.clone();
    row.set("majority", majority.to_string());
    for (name, value) in [
        ("A_majority_up", 1.0 - down),
        ("A_any_up", 1.0 - none),
        ("A_all_up", oracle::binomial_at_least(n, n, up)),
        ("U_majority_down", down),
        ("U_all_down", none),
    ] {
        row.set(name, format!("{value}"));
    }
    Ok(row)
}

/// The stretches of a run in which at least `k` nodes were down, from what its faults did.
fn outages(run: &Outcome, k: i64) -> Vec<(Instant, Instant)> {
    let mut down = 0;
    let mut since = None;
    let mut found = Vec::new();
    for acted in &run.acted {
        let hit = acted.hit.len() as i64;
        down += if acted.what == "crash" { hit } else { -hit };
        match since {
            None if down >= k => since = Some(acted.at),
            Some(from) if down < k => {
                found.push((from, acted.at));
                since = None;
            }
            _ => {}
        }
    }
    found.extend(since.map(|from| (from, run.plan.end)));
    found
}

fn inside(run: &Outcome, batch: &EpochSet, outages: &[(Instant, Instant)]) -> f64 {
    let frame = run.meters.frame();
    let mut sum = 0.0;
    for epoch in batch.iter() {
        let bounds = frame.epoch(epoch);
        let first = outages.partition_point(|(_, to)| *to <= bounds.start);
        let here = outages[first..].iter().take_while(|(from, _)| *from < bounds.end);
        sum += here.map(|(from, to)| (*to).min(bounds.end).since((*from).max(bounds.start)).0 as f64).sum::<f64>();
    }
    sum
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let (up, n) = parameters(row)?;
    let majority = n / 2 + 1;
    // Repairs take a second on average.
    let body = format!(
        "[service.node]\nreplicas = {n}\n\
         [fault.wear]\nrandom = {{ mtbf = \"{:.9}s\", mttr = \"1s\" }}\ncrash = \"node\"\n\
         [clients.watch]\nrate = \"{:.9}/s\"\ntarget = \"node\"\n",
        up / (1.0 - up),
        1e-3 * (1.0 - up),
    );
    let cycles = 1e5 * effort.scale;
    let runs = Experiment::new(body, cycles / (1.0 - up)).play(effort)?;
    // A state with k nodes down ends, most of all by a repair, after 1/k of a second.
    let share = |k: u32| {
        let by_run: Vec<Vec<(Instant, Instant)>> = runs.runs.iter().map(|run| outages(run, i64::from(k))).collect();
        let of = |run: &Outcome| {
            let at = runs.runs.iter().position(|r| std::ptr::eq(r, run));
            &by_run[at.expect("it is one of these runs")]
        };
        let share = runs.ratio(|run, batch| (inside(run, batch, of(run)), run.meters.frame().duration(batch).0 as f64));
        // Stretches are exponential: as a share of time they say half as much as their number.
        Estimate { n: share.n / 1e9 * f64::from(k) / 2.0, ..share }
    };
    let mut checks = Vec::new();
    for (name, k, complement) in
        [("U_majority_down", n - majority + 1, false), ("U_all_down", n, false), ("A_all_up", 1, true)]
    {
        if let Some(expected) = row.figure(name) {
            let down = share(k);
            let value = if complement { 1.0 - down.value } else { down.value };
            checks.push(Check::probability(name, expected, Estimate { value, ..down }));
        }
    }
    Ok(checks)
}
