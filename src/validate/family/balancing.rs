//! Many servers with a queue each behind a balancer that looks at some of them: the supermarket model, of finite size.

use crate::metric::ClassSet;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, group};
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

use super::queueing_open::requests;

pub(super) const REPLACEMENT: Family = Family {
    name: "power_of_d_finite_mc",
    model: "n × M/M/1, join the shortest of d drawn with replacement (0: of all)",
    parts: "load balancer, replicas, open clients",
    source: "Mitzenmacher 2001, MC",
    table: include_str!("../data/power_of_d_finite_mc.csv"),
    results: &["W_mean", "se"],
    oracle: None,
    measure: |row, effort| measure(row, effort, true),
};

pub(super) const NO_REPLACEMENT: Family = Family {
    name: "power_of_d_finite_mc_noreplacement",
    model: "n × M/M/1, join the shortest of d different ones",
    parts: "load balancer, replicas, open clients",
    source: "Mitzenmacher 2001, MC",
    table: include_str!("../data/power_of_d_finite_mc_noreplacement.csv"),
    results: &["W_mean", "se"],
    oracle: None,
    measure: |row, effort| measure(row, effort, false),
};

fn measure(row: &Row, effort: Effort, replace: bool) -> Checks {
    let n = row.whole("n", 1, 10_000)?;
    let lambda = row.positive("lambda")?;
    if lambda >= 1.0 {
        return Err(Malformed("the load is 1 or more: nothing is stationary".to_owned()));
    }
    let d = if row.text("d").is_some() { row.whole("d", 0, 16)? } else { row.whole("d(0=JSQ)", 0, 16)? };
    let policy = if d == 0 { "least_request".to_owned() } else { format!("power_of_d({d}, replace={replace})") };
    let rate = lambda * n as f64;
    let body = format!(
        "[load_balancer.front]\ntargets = \"server\"\npolicy = \"{policy}\"\n\
         [service.server]\nreplicas = {n}\nservice_time = \"exp(1s)\"\n\
         [clients.source]\nrate = \"{rate}/s\"\ntarget = \"front\"\n"
    );
    // The servers' mean varies less than one queue's.
    let needed = requests(lambda, 1.0, 0.0, Effort { scale: 1.0, ..effort }) * 4.0 / n as f64;
    let runs = Experiment::new(body, needed.clamp(4e5, 1.5e6) * effort.scale / rate).play(effort)?;
    let mean = runs.mean(|run| &group(run, "source").visits, ClassSet::ALL);
    let expected = row.figure("W_mean");
    let own = row.figure("se").map_or(0.0, |f| f.value);
    let check = |e| Check { expected_error: own, ..Check::statistic("W_mean", e, mean) };
    Ok(expected.into_iter().map(check).collect())
}
