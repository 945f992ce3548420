//! Stations with one unlimited queue under Poisson arrivals: M/M/c, M/D/1, M/E_k/1, M/G/1 and processor sharing.

use crate::metric::ClassSet;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Estimate, Experiment, group, member};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

pub(super) const FAMILY: Family = Family {
    name: "queueing_open",
    model: "M/M/c, M/D/1, M/E_k/1, M/G/1, M/G/1-PS",
    parts: "service, open clients",
    source: "Kleinrock 1975",
    table: include_str!("../data/queueing_open.csv"),
    results: &[
        "rho",
        "W_mean_sojourn",
        "Wq_mean_wait",
        "L",
        "Lq",
        "T_p50",
        "T_p99",
        "T_p999",
        "Wq_p99",
        "Wq_p999",
        "P0",
        "P_wait",
        "note",
    ],
    oracle: Some(closed_form),
    measure,
};

/// What a row describes.
struct Queue {
    lambda: f64,
    /// Mean service time, s.
    mean: f64,
    /// Squared coefficient of variation of the service time.
    scv: f64,
    servers: u32,
    /// The law as the scenario language writes it.
    law: String,
    sharing: bool,
    exponential: bool,
}

/// `exp(2s)` and its kin for a mean and a squared coefficient of variation: two exponentials with balanced means above 1,
/// two equally likely constants up to 1.
pub(super) fn law_of(mean: f64, scv: f64) -> String {
    if scv == 0.0 {
        return format!("{mean:.9}s");
    }
    if scv <= 1.0 {
        let spread = scv.sqrt();
        return format!("mix(50%: {:.9}s, 50%: {:.9}s)", mean * (1.0 - spread), mean * (1.0 + spread));
    }
    let p = (1.0 + ((scv - 1.0) / (scv + 1.0)).sqrt()) / 2.0;
    let (fast, slow) = (mean / (2.0 * p), mean / (2.0 * (1.0 - p)));
    let percent = (p * 1e12).round() / 1e10;
    format!("mix({percent:.10}%: exp({fast:.9}s), {:.10}%: exp({slow:.9}s))", 100.0 - percent)
}

fn queue(row: &Row) -> Result<Queue, Malformed> {
    let lambda = row.positive("lambda")?;
    let model = row.text("model").unwrap_or(match (row.text("D"), row.text("scv"), row.text("ES2")) {
        (Some(_), ..) => "M/D/1",
        (None, None, None) => "M/M/c",
        _ => "M/G/1",
    });
    let unknown = || Malformed(format!("`{model}` is no queue known here"));
    let default = |name: &str| if row.text(name).is_some() { row.positive(name) } else { Ok(1.0) };
    let mean = match (row.text("ES"), row.text("E[S]"), row.text("D")) {
        (Some(_), ..) => row.positive("ES")?,
        (None, Some(_), _) => row.positive("E[S]")?,
        (None, None, Some(_)) => row.positive("D")?,
        _ => 1.0 / default("mu")?,
    };
    let mut queue =
        Queue { lambda, mean, scv: 1.0, servers: 1, law: String::new(), sharing: false, exponential: false };
    let rest = model.strip_prefix("M/").ok_or_else(unknown)?;
    let named = |key: &str| rest.split_once(key).and_then(|(_, v)| v.trim_end_matches(')').trim().parse::<f64>().ok());
    let mix = rest.split_once("bimodal(").map(|(_, parts)| parts.trim_end_matches(')'));
    if let Some(servers) = rest.strip_prefix("M/") {
        queue.servers = match (row.text("c"), servers.parse()) {
            (Some(_), _) => row.whole("c", 1, 100_000)? as u32,
            (None, Ok(n)) => n,
            (None, Err(_)) if servers == "c" => 1,
            _ => return Err(unknown()),
        };
        queue.law = format!("exp({mean:.9}s)");
        queue.exponential = true;
    } else if rest == "D/1" {
        queue.scv = 0.0;
        queue.law = format!("{mean:.9}s");
    } else if let Some(k) = rest.strip_prefix('E').and_then(|r| r.strip_suffix("/1")) {
        let k: u32 = k.parse().map_err(|_| unknown())?;
        queue.scv = 1.0 / f64::from(k.max(1));
        queue.law = format!("erlang({}, {mean:.9}s)", k.max(1));
    } else if rest.starts_with("G/1-PS") {
        queue.sharing = true;
        queue.scv = if row.text("scv").is_some() { row.number("scv")? } else { 3.0 };
        queue.law = law_of(mean, queue.scv);
    } else if let Some(sigma) = named("sigma=") {
        queue.scv = libm::expm1(sigma * sigma);
        queue.law = format!("lognormal(p50={:.9}s, sigma={sigma})", mean * libm::exp(-sigma * sigma / 2.0));
    } else if let Some(parts) = mix {
        let read = |part: &str| {
            let (share, value) = part.split_once(':')?;
            Some((share.trim().strip_suffix('%')?.parse::<f64>().ok()? / 100.0, value.trim().parse::<f64>().ok()?))
        };
        let read: Option<Vec<(f64, f64)>> = parts.split(',').map(read).collect();
        let read = read.ok_or_else(unknown)?;
        let moment = |k: f64| read.iter().map(|(p, x)| p * libm::pow(*x, k)).sum::<f64>();
        queue.mean = moment(1.0);
        queue.scv = moment(2.0) / (queue.mean * queue.mean) - 1.0;
        let parts: Vec<String> = read.iter().map(|(p, x)| format!("{:.9}%: {x:.9}s", p * 100.0)).collect();
        queue.law = format!("mix({})", parts.join(", "));
    } else if rest.starts_with("G/1") {
        queue.scv = match (row.text("scv"), row.text("ES2"), named("scv=")) {
            (Some(_), ..) => row.number("scv")?,
            (None, Some(_), _) => row.positive("ES2")? / (mean * mean) - 1.0,
            (None, None, Some(scv)) => scv,
            _ => return Err(Malformed("M/G/1 needs `scv`, or `ES` and `ES2`".to_owned())),
        };
        if queue.scv < 0.0 {
            return Err(Malformed("no service time has a negative variance".to_owned()));
        }
        queue.law = law_of(mean, queue.scv);
    } else {
        return Err(unknown());
    }
    if queue.lambda * queue.mean >= f64::from(queue.servers) {
        return Err(Malformed("the load is 1 or more: nothing is stationary".to_owned()));
    }
    Ok(queue)
}

fn closed_form(row: &Row) -> Result<Row, Malformed> {
    let queue = queue(row)?;
    let mut row = row.clone();
    let a = queue.lambda * queue.mean;
    let rho = a / f64::from(queue.servers);
    let mut put = |name: &str, value: f64| row.set(name, format!("{value}"));
    put("rho", rho);
    if queue.sharing {
        put("W_mean_sojourn", queue.mean / (1.0 - rho));
        put("L", rho / (1.0 - rho));
        put("P0", 1.0 - rho);
        return Ok(row);
    }
    let wait = if queue.exponential {
        let (wait, empty) = oracle::erlang_c(queue.servers, a);
        for (name, q) in [("T_p50", 0.5), ("T_p99", 0.01), ("T_p999", 0.001)] {
            put(name, queue.mean * oracle::mmc_sojourn_above(queue.servers, a, q));
        }
        for (name, q) in [("Wq_p99", 0.01), ("Wq_p999", 0.001)] {
            put(name, queue.mean * oracle::mmc_wait_above(queue.servers, a, q));
        }
        put("P0", empty);
        put("P_wait", wait);
        wait * queue.mean / (f64::from(queue.servers) - a)
    } else {
        put("P0", 1.0 - rho);
        put("P_wait", rho);
        // Pollaczek-Khinchine.
        queue.lambda * queue.mean * queue.mean * (1.0 + queue.scv) / (2.0 * (1.0 - rho))
    };
    put("Wq_mean_wait", wait);
    put("W_mean_sojourn", wait + queue.mean);
    put("L", queue.lambda * (wait + queue.mean));
    put("Lq", queue.lambda * wait);
    Ok(row)
}

/// Requests that make four standard errors of the mean 2% of it, by the heavy-traffic formula (Whitt, Planning Queueing
/// Simulations, Management Science 35(11), 1989), as far as a validation may take.
pub(super) fn requests(rho: f64, scv: f64, least: f64, effort: Effort) -> f64 {
    let needed = rho * 2.0 * (1.0 + scv) / ((1.0 - rho) * (1.0 - rho) * 2.5e-5);
    // A hundred batches of some relaxation times each, or their errors could not be told (relaxation: Newell 1982).
    let told = 100.0 * rho * 2.0 * (1.0 + scv) / ((1.0 - rho) * (1.0 - rho));
    needed.clamp(least, 2e6).max(told) * effort.scale
}

/// The standard error of the mean wait if fewer than a hundred waits are expected among so many arrivals: as if they came
/// alone, each exponential. Where they come in bursts it is larger.
fn rare_waits(row: &Row, arrivals: f64) -> Option<f64> {
    let (p, wait) = (row.figure("P_wait")?.value, row.figure("Wq_mean_wait")?.value);
    (p > 0.0 && arrivals * p < 100.0).then(|| wait / p * (2.0 * p / arrivals).sqrt())
}

/// The standard error of a percentile of M/M/c that lies at `time`, after so many arrivals; 0 if it lies at 0.
fn percentile_error(queue: &Queue, time: f64, service: bool, arrivals: f64) -> f64 {
    let (a, time) = (queue.lambda * queue.mean, time / queue.mean);
    if time <= 0.0 {
        return 0.0;
    }
    let longer = if service { oracle::mmc_sojourn_longer } else { oracle::mmc_wait_longer };
    let density = (longer(queue.servers, a, time * 0.999) - longer(queue.servers, a, time * 1.001)) / (0.002 * time);
    (oracle::mmc_share_variance(queue.servers, a, time, service) / arrivals).sqrt() / density * queue.mean
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let queue = queue(row)?;
    let rho = queue.lambda * queue.mean / f64::from(queue.servers);
    let tails = row.figure("T_p999").is_some();
    let requests = requests(rho, queue.scv, if tails { 6e5 } else { 3e5 }, effort);
    let discipline = if queue.sharing { "queue = { discipline = \"ps\" }\n" } else { "" };
    let body = format!(
        "[service.station]\nworkers = {}\nservice_time = \"{}\"\n{discipline}[clients.source]\nrate = \"{}/s\"\n\
         target = \"station\"\n",
        queue.servers, queue.law, queue.lambda
    );
    let runs = Experiment::new(body, requests / queue.lambda).play(effort)?;
    let arrivals = runs.ratio(|run, batch| (0.0, group(run, "source").visits.offered(batch) as f64)).n;
    let mut checks = Vec::new();
    // Where hardly anybody waits, the batches know less of the error than the law of rare, exponential waits.
    let rare = rare_waits(row, arrivals);
    let mut statistic = |name: &str, measured: &dyn Fn() -> Estimate| {
        if let Some(expected) = row.figure(name) {
            let mut measured = measured();
            match (name, rare) {
                ("Wq_mean_wait", Some(error)) => measured.error = measured.error.max(error),
                ("Lq", Some(error)) => measured.error = measured.error.max(error * queue.lambda),
                _ => {}
            }
            checks.push(Check::statistic(name, expected, measured));
        }
    };
    let all = ClassSet::ALL;
    statistic("W_mean_sojourn", &|| runs.mean(|run| &group(run, "source").visits, all));
    statistic("Wq_mean_wait", &|| runs.mean(|run| &group(run, "station").waits, all));
    statistic("L", &|| runs.level(|run| &member(run, "station").levels.inside));
    statistic("Lq", &|| runs.level(|run| &member(run, "station").levels.waiting));
    // Of the longest the batches see few clusters or none; the chain knows what a run of this length can tell.
    let known = |estimate: Estimate, name: &str, service: bool| {
        let expected = row.figure(name).filter(|_| queue.exponential);
        let known = expected.map_or(0.0, |time| percentile_error(&queue, time.value, service, arrivals));
        Estimate { error: estimate.error.max(known), ..estimate }
    };
    for (name, percent) in [("T_p50", 50.0), ("T_p99", 99.0), ("T_p999", 99.9)] {
        statistic(name, &|| known(runs.percentile(|run| &group(run, "source").visits, all, percent), name, true));
    }
    for (name, percent) in [("Wq_p99", 99.0), ("Wq_p999", 99.9)] {
        statistic(name, &|| known(runs.percentile(|run| &group(run, "station").waits, all, percent), name, false));
    }
    if let Some(expected) = row.figure("P0") {
        // Each arrival sees one moment; but idle periods are exponential, and a share of time so has twice the variance
        // of a share of arrivals.
        let idle = runs.idle(|run| &member(run, "station").levels.inside);
        checks.push(Check::probability("P0", expected, Estimate { n: arrivals / 2.0, ..idle }));
    }
    if let Some(expected) = row.figure("P_wait") {
        checks.push(Check::probability("P_wait", expected, runs.share_above(|run| &group(run, "station").waits, 0.0)));
    }
    Ok(checks)
}
