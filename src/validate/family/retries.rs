//! Retries: how many attempts a call takes, and what becomes of them when every layer makes its own.

use crate::metric::ClassSet;
use crate::rpc::Outcome;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, edge, group};
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

pub(super) const EXPECTED: Family = Family {
    name: "retry_expected",
    model: "attempts fail independently, at most r retries",
    parts: "edge retries, gray failure",
    source: "geometric series",
    table: include_str!("../data/retry_expected.csv"),
    results: &["E_attempts", "P_all_fail"],
    oracle: Some(series),
    measure: measure_attempts,
};

pub(super) const AMPLIFICATION: Family = Family {
    name: "retry_amplification",
    model: "L layers that each retry r times while everything fails",
    parts: "chain of services, edge retries",
    source: "Google SRE Book 2016, ch. 22",
    table: include_str!("../data/retry_amplification.csv"),
    results: &["max_amplification"],
    oracle: Some(power),
    measure: measure_amplification,
};

fn series(row: &Row) -> Result<Row, Malformed> {
    let p = row.probability("p_fail_iid")?;
    let r = row.whole("max_retries", 0, 998)?;
    let all = libm::pow(p, r as f64 + 1.0);
    let attempts = if p == 1.0 { r as f64 + 1.0 } else { (1.0 - all) / (1.0 - p) };
    let mut row = row.clone();
    row.set("E_attempts", format!("{attempts}"));
    row.set("P_all_fail", format!("{all}"));
    Ok(row)
}

fn measure_attempts(row: &Row, effort: Effort) -> Checks {
    let p = row.probability("p_fail_iid")?;
    let attempts = row.whole("max_retries", 0, 998)? + 1;
    let body = format!(
        "[service.front]\n[service.flaky]\n[flow.ask]\nruns_on = \"front\"\nsteps = [{{ call = \"flaky\" }}]\n\
         [edge.front.flaky]\nretry = {{ attempts = {attempts}, backoff = \"none\" }}\n\
         [clients.source]\nrate = \"100/s\"\ntarget = \"front\"\nmix = {{ ask = \"100%\" }}\n\
         [fault.failures]\nat = \"0s\"\ngray = \"flaky\"\nerrors = \"{:.10}%\"\n",
        p * 100.0
    );
    let runs = Experiment::new(body, 3000.0 * effort.scale).play(effort)?;
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("E_attempts") {
        let attempts = runs.ratio(|run, batch| {
            let edge = edge(run, "front -> flaky");
            (edge.attempts.count(batch) as f64, edge.calls.offered(batch) as f64)
        });
        checks.push(Check::statistic("E_attempts", expected, attempts));
    }
    if let Some(expected) = row.figure("P_all_fail") {
        let failed = ClassSet::of(&[Outcome::Error as u8]);
        checks.push(Check::probability("P_all_fail", expected, runs.share(|run| &group(run, "source").visits, failed)));
    }
    Ok(checks)
}

fn power(row: &Row) -> Result<Row, Malformed> {
    let (r, layers) = (row.whole("retries_per_layer", 0, 999)?, row.whole("layers", 1, 50)?);
    let mut row = row.clone();
    row.set("max_amplification", format!("{}", libm::pow(r as f64 + 1.0, layers as f64)));
    Ok(row)
}

fn measure_amplification(row: &Row, effort: Effort) -> Checks {
    let (attempts, layers) = (row.whole("retries_per_layer", 0, 999)? + 1, row.whole("layers", 1, 50)?);
    if libm::pow(attempts as f64, layers as f64) > 1e6 {
        return Err(Malformed("more than a million calls for one request".to_owned()));
    }
    let mut body = String::from("[service.s0]\n");
    for layer in 1..=layers {
        let above = layer - 1;
        let step = if layer == layers { format!("s{layer}") } else { format!("f{layer}") };
        body += &format!(
            "[service.s{layer}]\n[flow.f{above}]\nruns_on = \"s{above}\"\nsteps = [{{ call = \"{step}\" }}]\n\
             [edge.s{above}.s{layer}]\nretry = {{ attempts = {attempts}, backoff = \"none\" }}\n"
        );
    }
    body += &format!(
        "[fault.dead]\nat = \"0s\"\ngray = \"s{layers}\"\nerrors = \"100%\"\n\
         [clients.source]\nrate = \"1/s\"\ntarget = \"s0\"\nmix = {{ f0 = \"100%\" }}\n"
    );
    let runs = Experiment::whole(body, 20.0).play(effort)?;
    let asked = runs.ratio(|run, all| {
        (group(run, &format!("s{layers}")).visits.offered(all) as f64, group(run, "source").visits.offered(all) as f64)
    });
    let expected = row.figure("max_amplification");
    Ok(expected.into_iter().map(|e| Check::exact("max_amplification", e, asked.value)).collect())
}
