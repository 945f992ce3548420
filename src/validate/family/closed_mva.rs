//! Closed populations that think, then visit stations in series: exact mean value analysis.

use crate::metric::ClassSet;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Estimate, Experiment, group, member};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::meters::OK;

pub(super) const FAMILY: Family = Family {
    name: "closed_mva",
    model: "N clients, think time, single exponential servers in series",
    parts: "services under one flow, closed clients",
    source: "Reiser & Lavenberg 1980",
    table: include_str!("../data/closed_mva.csv"),
    results: &["model", "X_throughput", "R_response", "U_bottleneck", "R_lower_bound"],
    oracle: Some(closed_form),
    measure,
};

struct Network {
    demands: Vec<f64>,
    think: f64,
    clients: u32,
}

fn network(row: &Row) -> Result<Network, Malformed> {
    let demands = row.list("D")?;
    if demands.iter().any(|d| *d <= 0.0) {
        return Err(Malformed("a demand must be above 0".to_owned()));
    }
    let think = if row.text("Z").is_some() { row.number("Z")?.max(0.0) } else { 0.0 };
    Ok(Network { demands, think, clients: row.whole("N", 1, 100_000)? as u32 })
}

fn closed_form(row: &Row) -> Result<Row, Malformed> {
    let Network { demands, think, clients } = network(row)?;
    let (x, r) = oracle::mva(&demands, think, clients);
    let mut row = row.clone();
    row.set("X_throughput", format!("{x}"));
    row.set("R_response", format!("{r}"));
    row.set("U_bottleneck", format!("{}", x * demands.iter().copied().fold(0.0, f64::max)));
    Ok(row)
}

/// A front that does nothing but walk through the stations `s0`, `s1`, … in order.
pub(super) fn series(means: &[f64]) -> String {
    let mut text = String::from("[service.front]\n");
    for (i, mean) in means.iter().enumerate() {
        text += &format!("[service.s{i}]\nservice_time = \"exp({mean:.9}s)\"\n");
    }
    let steps: Vec<String> = (0..means.len()).map(|i| format!("{{ call = \"s{i}\" }}")).collect();
    text + &format!("[flow.visit]\nruns_on = \"front\"\nsteps = [{}]\n", steps.join(", "))
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let Network { demands, think, clients } = network(row)?;
    // Exponential thinking; the oracle holds for any law.
    let think_time = if think == 0.0 { String::new() } else { format!("think = \"exp({think:.9}s)\"\n") };
    let body = format!(
        "{}[clients.crowd]\ncount = {clients}\n{think_time}target = \"front\"\nmix = {{ visit = \"100%\" }}\n",
        series(&demands)
    );
    let (x, _) = oracle::mva(&demands, think, clients);
    // A crowd queues in one place for as long as it takes all of it to pass.
    let cycles = (2e5 + 5e3 * f64::from(clients).min(200.0)) * effort.scale;
    let runs = Experiment::new(body, cycles / x).play(effort)?;
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("X_throughput") {
        let rate = runs.ratio(|run, batch| {
            let seconds = run.meters.frame().duration(batch).as_secs_f64();
            (group(run, "crowd").visits.count(batch, OK) as f64, seconds)
        });
        checks.push(Check::statistic("X_throughput", expected, rate));
    }
    if let Some(expected) = row.figure("R_response") {
        checks.push(Check::statistic(
            "R_response",
            expected,
            runs.mean(|run| &group(run, "crowd").visits, ClassSet::ALL),
        ));
    }
    if let Some(expected) = row.figure("U_bottleneck") {
        let slowest = (0..demands.len()).max_by(|a, b| demands[*a].total_cmp(&demands[*b])).unwrap_or(0);
        let idle = runs.idle(|run| &member(run, &format!("s{slowest}")).levels.busy);
        let busy = Estimate { value: 1.0 - idle.value, n: cycles, ..idle };
        checks.push(Check::probability("U_bottleneck", expected, busy));
    }
    Ok(checks)
}
