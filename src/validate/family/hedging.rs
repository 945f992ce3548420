//! Hedged calls to a server on which nobody queues: a second copy when the first is late, and the first answer counts.

use crate::metric::{ClassSet, Tally};
use crate::run::Outcome;
use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, Runs, edge, group};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};

pub(super) const DISTRIBUTION: Family = Family {
    name: "hedging_mc",
    model: "min(X1, d + X2), X a mixture of shifted exponentials",
    parts: "service, client hedges",
    source: "exact integral",
    table: include_str!("../data/hedging_mc.csv"),
    results: &["p50_ms", "p90_ms", "p95_ms", "p98_ms", "p99_ms", "p999_ms", "mean_ms", "requests_per_op"],
    oracle: Some(integral),
    measure: measure_distribution,
};

pub(super) const BIMODAL: Family = Family {
    name: "hedge_bimodal",
    model: "each copy slow with p; hedge once the first is known to be slow",
    parts: "service, client hedges",
    source: "p², 1 + p",
    table: include_str!("../data/hedge_bimodal.csv"),
    results: &["P_latency_slow", "E_requests_per_op"],
    oracle: Some(squares),
    measure: measure_bimodal,
};

/// One part of a mixture: weight, shift and mean of what is added to it, ms.
type Part = (f64, f64, f64);

const PERCENTILES: [(&str, f64); 6] =
    [("p50_ms", 50.0), ("p90_ms", 90.0), ("p95_ms", 95.0), ("p98_ms", 98.0), ("p99_ms", 99.0), ("p999_ms", 99.9)];

/// Reads `0.99 Exp(mean 5 ms) + 0.01 (100 ms + Exp(mean 50 ms))`.
fn mixture(row: &Row) -> Result<Vec<Part>, Malformed> {
    let text = row.text("dist").ok_or_else(|| Malformed("`dist` is missing".to_owned()))?;
    let unknown = || Malformed(format!("`{text}` is not like `0.99 Exp(mean 5 ms) + 0.01 (100 ms + Exp(mean 50 ms))`"));
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0, 0);
    let mut terms = Vec::new();
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '+' if depth == 0 => {
                terms.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[from..]);
    for term in terms {
        let term = term.trim();
        let weight: f64 = term.split_whitespace().next().and_then(|w| w.parse().ok()).unwrap_or(1.0);
        let mean = term.split_once("mean").and_then(|(_, m)| m.split("ms").next()?.trim().parse::<f64>().ok());
        let shift = match term.split_once('(') {
            Some((_, inner)) if inner.contains("Exp") => {
                inner.split("ms").next().and_then(|s| s.trim().parse().ok()).ok_or_else(unknown)?
            }
            _ => 0.0,
        };
        parts.push((weight, shift, mean.filter(|m| *m > 0.0).ok_or_else(unknown)?));
    }
    let total: f64 = parts.iter().map(|p| p.0).sum();
    if (total - 1.0).abs() > 1e-9 {
        Err(Malformed(format!("the weights of `{text}` add up to {total}")))
    } else {
        Ok(parts)
    }
}

fn delay(row: &Row) -> Result<Option<f64>, Malformed> {
    if row.text("hedge_delay_ms").is_some() { row.positive("hedge_delay_ms").map(Some) } else { Ok(None) }
}

/// P(X > t).
fn survival(parts: &[Part], t: f64) -> f64 {
    parts.iter().map(|(w, shift, mean)| if t < *shift { *w } else { w * libm::exp(-(t - shift) / mean) }).sum()
}

fn integral(row: &Row) -> Result<Row, Malformed> {
    let parts = mixture(row)?;
    let delay = delay(row)?;
    let above = |t: f64| {
        let second = delay.map_or(1.0, |d| if t < d { 1.0 } else { survival(&parts, t - d) });
        survival(&parts, t) * second
    };
    let mut row = row.clone();
    for (name, percent) in PERCENTILES {
        row.set(name, format!("{}", oracle::bisect(|t| above(t) - (1.0 - percent / 100.0))));
    }
    // The mean is the integral of the survival function, by Simpson's rule between the places where it has corners.
    let end = 60.0 * parts.iter().map(|p| p.1 + p.2).fold(0.0, f64::max);
    let mut corners: Vec<f64> = parts.iter().map(|p| p.1).chain([0.0, end]).collect();
    corners.extend(delay.iter().flat_map(|d| parts.iter().map(move |p| p.1 + d)));
    corners.sort_by(f64::total_cmp);
    let mean: f64 = corners.windows(2).map(|w| simpson(&above, w[0], w[1])).sum();
    row.set("mean_ms", format!("{mean}"));
    row.set("requests_per_op", format!("{}", 1.0 + delay.map_or(0.0, |d| survival(&parts, d))));
    Ok(row)
}

fn simpson(f: &impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let steps = 20_000;
    let h = (to - from) / f64::from(steps);
    // The function may jump at the ends: it is looked at just inside.
    let at = |i: i32| f((from + h * f64::from(i)).clamp(from, to - h * 1e-9));
    let inner: f64 = (1..steps).map(|i| if i % 2 == 1 { 4.0 * at(i) } else { 2.0 * at(i) }).sum();
    (at(0) + inner + at(steps)) * h / 3.0
}

fn scenario(law: &str, hedge_after: Option<String>) -> String {
    let hedge = hedge_after.map_or(String::new(), |d| format!("hedge = {{ after = \"{d}\", max = \"100%\" }}\n"));
    format!(
        "[service.leaf]\nworkers = 2000\nservice_time = \"{law}\"\n\
         [clients.source]\nrate = \"200/s\"\ntarget = \"leaf\"\n{hedge}"
    )
}

fn latency(run: &Outcome) -> &Tally {
    &group(run, "source").visits
}

fn requests_per_op(runs: &Runs) -> super::Estimate {
    runs.ratio(|run, batch| {
        let edge = edge(run, "source -> leaf");
        (edge.attempts.count(batch) as f64, edge.calls.offered(batch) as f64)
    })
}

fn nobody_waited(runs: &Runs) -> Result<(), Malformed> {
    let waited = runs.share_above(|run| &group(run, "leaf").waits, 0.0);
    if waited.value > 0.0 { Err(Malformed("a call had to wait for a worker".to_owned())) } else { Ok(()) }
}

fn measure_distribution(row: &Row, effort: Effort) -> Checks {
    let parts = mixture(row)?;
    let law: Vec<String> = parts
        .iter()
        .map(|(w, shift, mean)| {
            let part = if *shift > 0.0 { format!("sum({shift}ms, exp({mean}ms))") } else { format!("exp({mean}ms)") };
            format!("{:.10}%: {part}", w * 100.0)
        })
        .collect();
    let after = delay(row)?.map(|d| format!("{d}ms"));
    let body = scenario(&format!("mix({})", law.join(", ")), after);
    let runs = Experiment::new(body, 1.5e6 / 200.0 * effort.scale).play(effort)?;
    nobody_waited(&runs)?;
    let ms = |e: super::Estimate| super::Estimate { value: e.value * 1e3, error: e.error * 1e3, ..e };
    let mut checks = Vec::new();
    for (name, percent) in PERCENTILES {
        if let Some(expected) = row.figure(name) {
            checks.push(Check::statistic(name, expected, ms(runs.percentile(latency, ClassSet::ALL, percent))));
        }
    }
    if let Some(expected) = row.figure("mean_ms") {
        checks.push(Check::statistic("mean_ms", expected, ms(runs.mean(latency, ClassSet::ALL))));
    }
    if let Some(expected) = row.figure("requests_per_op") {
        checks.push(Check::statistic("requests_per_op", expected, requests_per_op(&runs)));
    }
    Ok(checks)
}

fn hedges(row: &Row) -> bool {
    row.text("policy").is_none_or(|p| p != "no hedge" && p != "none")
}

fn squares(row: &Row) -> Result<Row, Malformed> {
    let p = row.probability("p_slow")?;
    let mut row = row.clone();
    let hedged = hedges(&row);
    row.set("P_latency_slow", format!("{}", if hedged { p * p } else { p }));
    row.set("E_requests_per_op", format!("{}", if hedged { 1.0 + p } else { 1.0 }));
    Ok(row)
}

fn measure_bimodal(row: &Row, effort: Effort) -> Checks {
    let p = row.probability("p_slow")?;
    let law = format!("mix({:.10}%: 1ms, {:.10}%: 100ms)", 100.0 - p * 100.0, p * 100.0);
    // Half a millisecond behind the body, the first is known to be slow.
    let body = scenario(&law, hedges(row).then(|| "1.5ms".to_owned()));
    let runs = Experiment::new(body, 1e6 / 200.0 * effort.scale).play(effort)?;
    nobody_waited(&runs)?;
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("P_latency_slow") {
        let slow = runs.share_above(|run| &group(run, "source").visits, 0.05);
        checks.push(Check::probability("P_latency_slow", expected, slow));
    }
    if let Some(expected) = row.figure("E_requests_per_op") {
        // Each call takes one request, and with probability p another.
        let measured = requests_per_op(&runs);
        let binomial = ((expected.value - 1.0) * (2.0 - expected.value) / measured.n).max(0.0).sqrt();
        let measured = super::Estimate { error: measured.error.max(binomial), ..measured };
        checks.push(Check::statistic("E_requests_per_op", expected, measured));
    }
    Ok(checks)
}
