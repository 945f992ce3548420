//! Open networks of product form: stations in tandem, and a station to which a share of what it did returns.
//!
//! A return is an attempt that failed and is made again at once: it goes to the tail of the queue and works anew.

use crate::metric::ClassSet;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, group, member};
use crate::validate::rows::{Figure, Malformed, Row};
use crate::validate::{Checks, Family};

use super::closed_mva::series;
use super::queueing_open::requests;

pub(super) const FAMILY: Family = Family {
    name: "jackson",
    model: "M/M/1 in tandem; M/M/1 with Bernoulli feedback",
    parts: "services under one flow; failures that are retried; open clients",
    source: "Jackson 1957",
    table: include_str!("../data/jackson.csv"),
    results: &["W_total", "L_total", "detail"],
    oracle: Some(closed_form),
    measure,
};

struct Network {
    lambda: f64,
    rates: Vec<f64>,
    p_return: f64,
}

fn network(row: &Row) -> Result<Network, Malformed> {
    let lambda = row.positive("lambda")?;
    let rates = row.list("mu")?;
    let p_return = if row.text("p_return").is_some() { row.probability("p_return")? } else { 0.0 };
    if p_return > 0.0 && rates.len() > 1 {
        return Err(Malformed("feedback is of one station".to_owned()));
    }
    if rates.iter().any(|mu| lambda / (1.0 - p_return) >= *mu) {
        return Err(Malformed("a station's load is 1 or more: nothing is stationary".to_owned()));
    }
    Ok(Network { lambda, rates, p_return })
}

fn closed_form(row: &Row) -> Result<Row, Malformed> {
    let Network { lambda, rates, p_return } = network(row)?;
    let through = lambda / (1.0 - p_return);
    let levels: Vec<f64> = rates.iter().map(|mu| through / (mu - through)).collect();
    let total: f64 = levels.iter().sum();
    let mut row = row.clone();
    row.set("W_total", format!("{}", total / lambda));
    row.set("L_total", format!("{total}"));
    let detail: Vec<String> = levels.iter().map(f64::to_string).collect();
    row.set("detail", if p_return > 0.0 { format!("effective lambda={through}") } else { detail.join(";") });
    Ok(row)
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let Network { lambda, rates, p_return } = network(row)?;
    let means: Vec<f64> = rates.iter().map(|mu| 1.0 / mu).collect();
    let mut body = series(&means);
    body += &format!("[clients.source]\nrate = \"{lambda}/s\"\ntarget = \"front\"\nmix = {{ visit = \"100%\" }}\n");
    if p_return > 0.0 {
        body += &format!(
            "[edge.front.s0]\nretry = {{ attempts = 1000, backoff = \"none\" }}\n\
             [fault.return]\nat = \"0s\"\ngray = \"s0\"\nerrors = \"{:.10}%\"\n",
            p_return * 100.0
        );
    }
    let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let load = lambda / (1.0 - p_return) / slowest;
    let runs = Experiment::new(body, requests(load, 1.0, 5e5, effort) / lambda).play(effort)?;
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("W_total") {
        checks.push(Check::statistic(
            "W_total",
            expected,
            runs.mean(|run| &group(run, "source").visits, ClassSet::ALL),
        ));
    }
    if let Some(expected) = row.figure("L_total") {
        checks.push(Check::statistic("L_total", expected, runs.level(|run| &member(run, "front").levels.inside)));
    }
    let detail = row.text("detail").unwrap_or_default();
    if let Some(expected) = detail.strip_prefix("effective lambda=").and_then(Figure::read) {
        let through = runs.ratio(|run, batch| {
            let seconds = run.meters.frame().duration(batch).as_secs_f64();
            (group(run, "s0").visits.offered(batch) as f64, seconds)
        });
        checks.push(Check::statistic("effective lambda", expected, through));
    } else {
        let levels: Option<Vec<Figure>> = detail.split(';').map(Figure::read).collect();
        for (i, expected) in levels.unwrap_or_default().into_iter().enumerate().take(rates.len()) {
            let level = runs.level(|run| &member(run, &format!("s{i}")).levels.inside);
            checks.push(Check::statistic(&format!("L of station {}", i + 1), expected, level));
        }
    }
    Ok(checks)
}
