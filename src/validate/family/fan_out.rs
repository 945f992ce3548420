//! A request that asks several others side by side and waits for some or all of them; nobody queues.

use crate::metric::ClassSet;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, group};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

pub(super) const ORDER_STATISTICS: Family = Family {
    name: "order_statistics_exp",
    model: "mean of the k-th smallest of n Exp(1)",
    parts: "flow that waits for k of n parallel calls",
    source: "Rényi 1953",
    table: include_str!("../data/order_statistics_exp.csv"),
    results: &["E_kth_smallest"],
    oracle: Some(kth_smallest),
    measure: measure_order,
};

pub(super) const TAIL: Family = Family {
    name: "fanout_tail",
    model: "P(one of n calls is slow)",
    parts: "flow that waits for n parallel calls",
    source: "Dean & Barroso 2013",
    table: include_str!("../data/fanout_tail.csv"),
    results: &["P_any_slow"],
    oracle: Some(any_slow),
    measure: measure_tail,
};

fn kth_smallest(row: &Row) -> Result<Row, Malformed> {
    let n = row.whole("n", 1, 10_000)? as u32;
    let k = row.whole("k", 1, u64::from(n))? as u32;
    let mut row = row.clone();
    row.set("E_kth_smallest", format!("{}", oracle::kth_smallest(n, k)));
    Ok(row)
}

fn any_slow(row: &Row) -> Result<Row, Malformed> {
    let p = row.probability("p_single_slow")?;
    let n = row.whole("fanout", 1, 10_000)?;
    let mut row = row.clone();
    row.set("P_any_slow", format!("{}", -libm::expm1(n as f64 * libm::log1p(-p))));
    Ok(row)
}

/// Requests come so seldom, and there are so many workers, that no call waits for another.
fn scenario(n: u64, wait: &str, law: &str, mean: f64, rate: f64) -> String {
    let under_way = n as f64 * rate * mean;
    let workers = (2.0 * under_way + 20.0 * (n as f64 * under_way).sqrt() + 20.0 * n as f64).min(200_000.0) as u64;
    let calls = vec!["\"ask\""; n as usize].join(", ");
    format!(
        "[service.front]\n[service.leaf]\nworkers = {workers}\nservice_time = \"{law}\"\n\
         [flow.ask]\nsteps = [{{ call = \"leaf\" }}]\n\
         [flow.gather]\nruns_on = \"front\"\nsteps = [{{ parallel = [{calls}], wait = {wait} }}]\n\
         [clients.source]\nrate = \"{rate}/s\"\ntarget = \"front\"\nmix = {{ gather = \"100%\" }}\n"
    )
}

/// That nobody waited is part of the model.
fn nobody_waited(runs: &crate::validate::experiment::Runs) -> Result<(), Malformed> {
    let waited = runs.share_above(|run| &group(run, "leaf").waits, 0.0);
    if waited.value > 0.0 { Err(Malformed("a call had to wait for a worker".to_owned())) } else { Ok(()) }
}

fn measure_order(row: &Row, effort: Effort) -> Checks {
    let n = row.whole("n", 1, 10_000)?;
    let k = row.whole("k", 1, n)?;
    let rate = 0.5;
    let requests = (8e5 / n as f64).clamp(4e3, 2e5) * effort.scale;
    let runs = Experiment::new(scenario(n, &k.to_string(), "exp(1s)", 1.0, rate), requests / rate).play(effort)?;
    nobody_waited(&runs)?;
    let mean = runs.mean(|run| &group(run, "source").visits, ClassSet::ALL);
    let expected = row.figure("E_kth_smallest");
    Ok(expected.into_iter().map(|e| Check::statistic("E_kth_smallest", e, mean)).collect())
}

fn measure_tail(row: &Row, effort: Effort) -> Checks {
    let p = row.probability("p_single_slow")?;
    let n = row.whole("fanout", 1, 10_000)?;
    let law = format!("mix({:.10}%: 1ms, {:.10}%: 100ms)", 100.0 - p * 100.0, p * 100.0);
    let rate = 1.0;
    let requests = (1e6 / n as f64).clamp(1e3, 2e5) * effort.scale;
    let runs = Experiment::new(scenario(n, "\"all\"", &law, 0.1, rate), requests / rate).play(effort)?;
    nobody_waited(&runs)?;
    let slow = runs.share_above(|run| &group(run, "source").visits, 0.05);
    let expected = row.figure("P_any_slow");
    Ok(expected.into_iter().map(|e| Check::probability("P_any_slow", e, slow)).collect())
}
