//! Stations that refuse what finds no place: M/M/1/K, and Erlang's loss system, whose loss depends on the service law
//! by its mean only. The latter is played with a service time of squared coefficient of variation 4.

use crate::metric::ClassSet;
use crate::rpc::Outcome;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, group, member};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::meters::OK;

use super::queueing_open::law_of;

pub(super) const FAMILY: Family = Family {
    name: "queueing_loss",
    model: "M/M/1/K and M/G/c/c (Erlang B)",
    parts: "service with a bounded queue that rejects, open clients",
    source: "Erlang 1917; Kleinrock 1975",
    table: include_str!("../data/queueing_loss.csv"),
    results: &["P_block", "carried_over_mu", "L", "W_accepted"],
    oracle: Some(closed_form),
    measure,
};

struct Loss {
    servers: u32,
    /// Places beside those in service.
    waiting: u32,
    /// Offered load, λ/μ.
    load: f64,
    mu: f64,
    law: String,
}

fn loss(row: &Row) -> Result<Loss, Malformed> {
    let mu = if row.text("mu").is_some() { row.positive("mu")? } else { 1.0 };
    if row.text("K").is_some() {
        let places = row.whole("K", 1, 1_000_000)? as u32;
        let load = row.positive("rho")?;
        return Ok(Loss { servers: 1, waiting: places - 1, load, mu, law: format!("exp({:.9}s)", 1.0 / mu) });
    }
    let servers = row.whole("c", 1, 100_000)? as u32;
    Ok(Loss { servers, waiting: 0, load: row.positive("a")?, mu, law: law_of(1.0 / mu, 4.0) })
}

fn closed_form(row: &Row) -> Result<Row, Malformed> {
    let Loss { servers, waiting, load, mu, .. } = loss(row)?;
    let mut row = row.clone();
    let (lost, inside) = if servers == 1 {
        let probabilities = oracle::mm1k(waiting + 1, load);
        let inside = probabilities.iter().enumerate().map(|(n, p)| n as f64 * p).sum();
        (probabilities[waiting as usize + 1], inside)
    } else {
        let lost = oracle::erlang_b(servers, load);
        (lost, load * (1.0 - lost))
    };
    let carried = load * (1.0 - lost);
    for (name, value) in
        [("P_block", lost), ("carried_over_mu", carried), ("L", inside), ("W_accepted", inside / carried / mu)]
    {
        row.set(name, format!("{value}"));
    }
    Ok(row)
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let Loss { servers, waiting, load, mu, law } = loss(row)?;
    let lambda = load * mu;
    let body = format!(
        "[service.station]\nworkers = {servers}\nservice_time = \"{law}\"\n\
         queue = {{ limit = {waiting}, when_full = \"reject\" }}\n\
         [clients.source]\nrate = \"{lambda}/s\"\ntarget = \"station\"\n"
    );
    // A bounded queue forgets within K² services at a load of 1.
    let places = f64::from(waiting + 1);
    let requests = (4e5 * (1.0 + places * places / 400.0)).min(2e6) * effort.scale;
    let runs = Experiment::new(body, requests / lambda).play(effort)?;
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("P_block") {
        let rejected = ClassSet::of(&[Outcome::Rejected as u8]);
        checks.push(Check::probability("P_block", expected, runs.share(|run| &group(run, "source").visits, rejected)));
    }
    if let Some(expected) = row.figure("carried_over_mu") {
        let carried = runs.ratio(|run, batch| {
            let seconds = run.meters.frame().duration(batch).as_secs_f64();
            (group(run, "station").visits.count(batch, OK) as f64, seconds * mu)
        });
        checks.push(Check::statistic("carried_over_mu", expected, carried));
    }
    if let Some(expected) = row.figure("L") {
        checks.push(Check::statistic("L", expected, runs.level(|run| &member(run, "station").levels.inside)));
    }
    if let Some(expected) = row.figure("W_accepted") {
        checks.push(Check::statistic("W_accepted", expected, runs.mean(|run| &group(run, "source").visits, OK)));
    }
    Ok(checks)
}
