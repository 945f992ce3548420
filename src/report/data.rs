//! The files beside the page: summary.json, series.csv, latency.csv. Integer nanoseconds, no wall time, no host name.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::summary::summary;
use crate::engine::digest::Digest;
use crate::metric::ClassSet;
use crate::rpc::Outcome as Ended;
use crate::run::Run;
use crate::world::meters::ANSWERED;

/// One digest of all runs, in their order.
pub fn digest(runs: &[Run]) -> u64 {
    let mut digest = Digest::new();
    for run in runs {
        digest.fold(run.outcome.digest);
    }
    digest.value()
}

/// `summary.json`. Of each client group, `answer_*` are latencies of answers and `ended_*` those of everything that ended,
/// refused or given up too, as a statistic of the language without an outcome has them; shares are of what ended.
pub fn summary_json(runs: &[Run]) -> Value {
    let first = runs.first().map(|r| &r.outcome.plan);
    let rows: Vec<Value> = runs.iter().map(run_json).collect();
    json!({
        "netsplit": env!("CARGO_PKG_VERSION"),
        "scenario": first.map(|p| &p.name),
        "title": first.map(|p| &p.title),
        "question": first.map(|p| &p.question),
        "duration_ns": first.map(|p| p.end.0),
        "warmup_ns": first.map(|p| p.warmup.0),
        "digest": format!("{:016x}", digest(runs)),
        "runs": rows,
    })
}

fn run_json(run: &Run) -> Value {
    let plan = &run.outcome.plan;
    let sum = summary(&run.outcome);
    let clients: Vec<Value> = sum
        .seen
        .iter()
        .map(|s| {
            let mut all = json!({
                "name": s.name, "offered_per_s": s.offered, "goodput_per_s": s.goodput, "requests": s.requests,
                "open": s.open, "answered": s.answered, "refused": s.refused, "timed_out": s.timed_out,
            });
            for (whose, times) in [("answer", &s.answers), ("ended", &s.ended)] {
                all[format!("{whose}_mean_ns")] = json!(times.mean_ns.map(|n| n.round() as u64));
                for (name, ns) in ["p50", "p90", "p99", "p99_9", "max"].iter().zip(times.at_ns) {
                    all[format!("{whose}_{name}_ns")] = json!(ns);
                }
            }
            all
        })
        .collect();
    let components: Vec<Value> = sum
        .parts
        .iter()
        .map(|p| {
            json!({
                "name": p.name, "replicas": p.replicas, "workers": p.workers, "utilization": p.utilisation,
                "busiest": p.busiest, "waiting_mean": p.waiting, "waiting_max": p.waiting_max,
                "visits_per_s": p.visits, "visit_mean_ns": p.visit_ns.map(|n| n.round() as u64),
            })
        })
        .collect();
    let expects: Vec<Value> = run
        .judged
        .iter()
        .map(|j| {
            json!({
                "name": j.name, "that": j.text, "line": j.line, "verdict": j.finding.verdict.to_string(),
                "outcome": j.finding.outcome.to_string(), "measured": j.finding.left.as_ref().map(|m| finite(m.value)),
                "standard_error": j.finding.left.as_ref().and_then(|m| m.standard_error).map(finite),
                "expected": j.finding.right.as_ref().map(|m| finite(m.value)), "sentence": j.finding.sentence,
                "source": j.source,
            })
        })
        .collect();
    let mut all = json!({
        "variant": plan.variant, "seed": plan.seed.0, "digest": format!("{:016x}", run.outcome.digest),
        "events": run.outcome.events, "asks_regardless": run.outcome.asks_regardless(), "clients": clients, "components": components,
        "bottleneck": sum.bottleneck.part.map(|b| sum.parts[b].name.clone()),
        "limit": super::answer::plain(&sum.bottleneck.words),
        "faults": plan.faults.iter().map(|f| json!({
            "name": f.name, "what": f.what,
            "windows_ns": f.windows.iter().map(|(a, b)| json!([a.0, b.0])).collect::<Vec<_>>(),
            "awaits": f.awaits.as_ref().map(crate::scenario::Awaited::words),
        })).collect::<Vec<_>>(),
        "expectations": expects, "self_checks": run.outcome.broken,
    });
    if !run.outcome.scaled.is_empty() {
        let step = |s: &crate::world::Scaled| {
            let mut step = json!({
                "at_ns": s.at.0, "component": plan.components[s.group.index()].name, "ready": s.seen.ready,
                "utilization": finite(s.seen.busy as f64 / s.seen.all as f64), "from": s.from, "to": s.to,
            });
            if let Some(messages) = s.messages {
                step["messages"] = messages.into();
            }
            step
        };
        all["scaled"] = run.outcome.scaled.iter().map(step).collect();
    }
    all
}

fn finite(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

/// `series.csv`: one row a run, client group and bin.
pub fn series_csv(runs: &[Run]) -> String {
    let mut text = String::from("variant,seed,clients,start_ns,end_ns,offered");
    for outcome in Ended::ALL {
        let _ = write!(text, ",{}", outcome.name());
    }
    text.push_str(",latency_mean_ns\n");
    for run in runs {
        let plan = &run.outcome.plan;
        let frame = run.outcome.meters.frame();
        for (c, (clients, _)) in plan.clients.iter().enumerate() {
            let tally = &run.outcome.meters.groups[plan.components.len() + c].visits;
            for bin in 0..frame.bins() {
                let bounds = frame.bin_bounds(bin);
                let (from, to) = (bounds.start.0, bounds.end.0);
                let _ = write!(text, "{},{},{},{from},{to}", plan.variant, plan.seed.0, clients.name);
                let _ = write!(text, ",{}", tally.started()[bin]);
                let (mut sum, mut n) = (0_u64, 0_u64);
                for outcome in Ended::ALL {
                    let row = tally.bins(outcome as u8).map(|b| b[bin]).unwrap_or_default();
                    let _ = write!(text, ",{}", row.ended);
                    sum = sum.saturating_add(row.latency.0);
                    n += u64::from(row.started);
                }
                let _ = match sum.checked_div(n) {
                    Some(mean) => writeln!(text, ",{mean}"),
                    None => writeln!(text, ","),
                };
            }
        }
    }
    text
}

/// `latency.csv`: the cumulative distributions of each client group, after warm-up: of answers, and of everything that
/// ended, refused or given up too.
pub fn latency_csv(runs: &[Run]) -> String {
    let mut text = String::from("variant,seed,clients,of,latency_ns,at_most\n");
    for run in runs {
        let plan = &run.outcome.plan;
        let frame = run.outcome.meters.frame();
        let epochs = frame.epochs_in(crate::engine::Instant::ZERO + plan.warmup, plan.end);
        for (c, (clients, _)) in plan.clients.iter().enumerate() {
            let tally = &run.outcome.meters.groups[plan.components.len() + c].visits;
            for (of, classes) in [("answer", ANSWERED), ("ended", ClassSet::ALL)] {
                for (ns, n) in tally.latencies(&epochs, classes).cumulative() {
                    let _ = writeln!(text, "{},{},{},{of},{ns},{n}", plan.variant, plan.seed.0, clients.name);
                }
            }
        }
    }
    text
}
