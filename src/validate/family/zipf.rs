//! Popularity of keys, as clients of a store ask for them.

use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Estimate, Experiment};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

pub(super) const FAMILY: Family = Family {
    name: "zipf",
    model: "P(i) = i^-θ / ζ(n, θ)",
    parts: "key sets, clients of a store",
    source: "Zipf 1949",
    table: include_str!("../data/zipf.csv"),
    results: &["zeta_n_theta", "p_top1", "share_top10", "share_top_1pct", "share_top_10pct"],
    oracle: Some(closed_form),
    measure,
};

/// Columns with the number of most popular keys that each is about.
fn tops(n: u64) -> [(&'static str, u64); 4] {
    let part = |share: u64| (n / share).max(1);
    [("p_top1", 1), ("share_top10", 10.min(n)), ("share_top_1pct", part(100)), ("share_top_10pct", part(10))]
}

fn parameters(row: &Row) -> Result<(f64, u64), Malformed> {
    let theta = row.number("theta")?;
    if !(0.0..=10.0).contains(&theta) {
        return Err(Malformed(format!("theta = {theta}: it must lie in 0..10")));
    }
    Ok((theta, row.whole("n_items", 1, 100_000_000)?))
}

fn closed_form(row: &Row) -> Result<Row, Malformed> {
    let (theta, n) = parameters(row)?;
    let mut row = row.clone();
    row.set("zeta_n_theta", format!("{}", oracle::zeta(n, theta, 1).0));
    for (name, top) in tops(n) {
        let (all, head) = oracle::zeta(n, theta, top);
        row.set(name, format!("{}", head / all));
    }
    Ok(row)
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let (theta, n) = parameters(row)?;
    let body = format!(
        "[store.shelf]\n[keys.books]\ncount = {n}\npopularity = \"zipf({theta})\"\n\
         [clients.readers]\nrate = \"1000/s\"\ntarget = \"shelf\"\nkeys = \"books\"\nmix = {{ read = \"100%\" }}\n"
    );
    let mut experiment = Experiment::new(body, 400.0 * effort.scale);
    (experiment.warm, experiment.batches) = (false, 1);
    let runs = experiment.play(effort)?;
    let share = |top: u64| {
        let operations = || runs.runs.iter().flat_map(|run| run.history.operations());
        let asked = operations().count() as f64;
        let hits = operations().filter(|op| op.key < top).count() as f64;
        // Requests are independent: the binomial error is the error.
        Estimate { value: hits / asked, error: f64::NAN, n: asked }
    };
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("zeta_n_theta") {
        // The most popular key has the share 1/ζ.
        let Estimate { value: p, n, .. } = share(1);
        let error = (p * (1.0 - p) / n).sqrt() / (p * p);
        checks.push(Check::statistic("zeta_n_theta", expected, Estimate { value: 1.0 / p, error, n }));
    }
    for (name, top) in tops(n) {
        if let Some(expected) = row.figure(name) {
            checks.push(Check::probability(name, expected, share(top)));
        }
    }
    Ok(checks)
}
