//! A sweep: one scenario played at many points, each run reduced to a few numbers at once so that a thousand of them
//! fit in memory.

use std::sync::Arc;

use super::judge::value;
use super::outcome::{Outcome, Stopped, play};
use super::session::{Progress, in_order};
use crate::engine::Instant;
use crate::expect::Measured;
use crate::metric::Tally;
use crate::scenario::Plan;
use crate::world::meters::{ANSWERED, OK};

/// One run of a sweep, to be played.
#[derive(Clone, Debug)]
pub struct Job {
    /// Number of its point.
    pub point: usize,
    /// What is run.
    pub plan: Plan,
}

/// What one run of a sweep came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Number of its point.
    pub point: usize,
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// Asked by all users, per second, after the warm-up.
    pub offered: f64,
    /// Answered in full, per second.
    pub goodput: f64,
    /// p99 of answers to the first client group, ns; `None` if nobody of it was answered.
    pub p99_ns: Option<f64>,
    /// The expressions that the sweep shows; `None` where they have no value.
    pub shown: Vec<Option<Measured>>,
    /// The digest of the run.
    pub digest: u64,
    /// Self-checks that failed.
    pub broken: Vec<String>,
}

/// Plays all runs, whatever the number of threads with the same results in the order of the jobs.
pub fn sweep(jobs: Vec<Job>, show: &[String], progress: &Progress<'_>) -> Result<Vec<Sample>, Stopped> {
    in_order(jobs, |i, job, wanted| {
        let plan = Arc::new(job.plan);
        let outcome = play(&plan, &mut |at, events| wanted() && progress(i, at, events))?;
        Ok(sample(job.point, &outcome, show))
    })
}

fn sample(point: usize, outcome: &Outcome, show: &[String]) -> Sample {
    let plan = &outcome.plan;
    let epochs = outcome.meters.frame().epochs_in(Instant::ZERO + plan.warmup, plan.end);
    let users: Vec<&Tally> = outcome.meters.groups[plan.components.len()..].iter().map(|g| &g.visits).collect();
    let latencies = users.first().map(|t| t.latencies(&epochs, ANSWERED));
    Sample {
        point,
        variant: plan.variant.clone(),
        seed: plan.seed.0,
        offered: users.iter().map(|t| t.offered_per_second(&epochs)).sum(),
        goodput: users.iter().map(|t| t.rate_per_second(&epochs, OK)).sum(),
        p99_ns: latencies.and_then(|l| l.percentile(99.0)).map(|s| s.0 as f64),
        shown: show.iter().map(|text| value(text, outcome)).collect(),
        digest: outcome.digest,
        broken: outcome.broken.clone(),
    }
}
