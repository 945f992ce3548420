//! One row's runs: a scenario text played under several seeds and cut into batches, and what is estimated from them.
//!
//! Everything is estimated as the ratio of two sums over batches (latency over requests, time over time, events over
//! trials), so one estimator of the standard error serves all: batch means of ratios
//! ([`crate::metric::batch::ratio_error`]) over the batches of all seeds. The first tenth of each run is discarded,
//! and so is a tail of half that length: what starts there may not end.

use std::sync::Arc;

use rayon::prelude::*;

use crate::engine::{Instant, Span};
use crate::metric::{ClassSet, EpochSet, Gauge, Latencies, Tally, batch};
use crate::run::{Outcome, play};
use crate::scenario;
use crate::spec::Sources;
use crate::world::{EdgeMeters, GroupMeters, MemberMeters};

use super::rows::Malformed;

/// How long and with which numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Run lengths are multiplied by it.
    pub scale: f64,
    /// The first seed; further runs of a row take the following ones.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { scale: 1.0, seed: 1 }
    }
}

/// A scenario to play, but for its head.
#[derive(Clone, Debug)]
pub(super) struct Experiment {
    /// Everything below the head, as TOML.
    pub(super) body: String,
    /// Virtual time that is measured in all runs together, s.
    pub(super) seconds: f64,
    /// Runs.
    pub(super) runs: u32,
    /// Batches per run.
    pub(super) batches: u32,
    /// Whether a run begins with a part that isn't measured, and ends with one.
    pub(super) warm: bool,
    /// Further cuts of every run, s.
    pub(super) cuts: Vec<f64>,
}

impl Experiment {
    /// One run, not cut and measured from its start.
    pub(super) fn whole(body: String, seconds: f64) -> Experiment {
        Experiment { body, seconds, runs: 1, batches: 1, warm: false, cuts: Vec::new() }
    }

    /// Four runs of 25 batches.
    pub(super) fn new(body: String, seconds: f64) -> Experiment {
        Experiment { body, seconds, runs: 4, batches: 25, warm: true, cuts: Vec::new() }
    }

    /// The scenario as somebody would write it.
    pub(super) fn text(&self) -> String {
        let (_, end) = self.ends();
        format!(
            "schema = 1\ntitle = \"validation\"\nquestion = \"Does it measure what theory says?\"\nmax_events = \"1000B\"\n\
             duration = \"{end:.9}s\"\nnetwork.within_zone = {{ rtt = \"0ms\" }}\n{}",
            self.body
        )
    }

    /// Start of the first batch and end of the run, s.
    fn ends(&self) -> (f64, f64) {
        let measured = self.seconds / f64::from(self.runs);
        let warm = if self.warm { measured / 9.0 } else { 0.0 };
        (warm, warm + measured + warm / 2.0)
    }

    /// Plays it. An error is one of ours: the texts are made here.
    pub(super) fn play(&self, effort: Effort) -> Result<Runs, Malformed> {
        let (warm, _) = self.ends();
        let measured = self.seconds / f64::from(self.runs);
        let cut = |b: u32| instant(warm + measured * f64::from(b) / f64::from(self.batches));
        let sources = Sources::new("validation.toml", self.text());
        let runs: Result<Vec<Outcome>, Malformed> = (0..self.runs)
            .into_par_iter()
            .map(|i| {
                let seed = effort.seed + u64::from(i);
                let none = |_: &str| Err("validations read no file".to_owned());
                let (plan, diagnostics) = scenario::load(&sources, None, Some(seed), &none);
                let Some(mut plan) = plan else { return Err(Malformed(diagnostics.lines(&sources))) };
                plan.cuts = (0..=self.batches).map(cut).chain(self.cuts.iter().map(|s| instant(*s))).collect();
                let outcome = play(&Arc::new(plan), &mut |_, _| true)
                    .map_err(|stopped| Malformed(format!("stopped at {:?}", stopped.at)))?;
                if outcome.broken.is_empty() { Ok(outcome) } else { Err(Malformed(outcome.broken.join("; "))) }
            })
            .collect();
        let runs = runs?;
        let Some(first) = runs.first() else { return Err(Malformed("no run was asked for".to_owned())) };
        let frame = first.meters.frame();
        let batches = (0..self.batches).map(|b| frame.epochs_in(cut(b), cut(b + 1))).collect();
        Ok(Runs { runs, batches })
    }
}

/// That many seconds after the start, to the nanosecond.
pub(super) fn instant(seconds: f64) -> Instant {
    Instant::ZERO + Span::from_nanos_f64(seconds * 1e9)
}

/// The runs of one row.
#[derive(Debug)]
pub(super) struct Runs {
    pub(super) runs: Vec<Outcome>,
    batches: Vec<EpochSet>,
}

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// Its standard error; NaN where the runs can't tell.
    pub(super) error: f64,
    /// How many observations it rests on.
    pub(super) n: f64,
}

impl Runs {
    /// Σ y / Σ x over all batches of all runs; `of` gives `(y, x)` of one batch.
    pub(super) fn ratio(&self, of: impl Fn(&Outcome, &EpochSet) -> (f64, f64)) -> Estimate {
        let pairs = self.pairs(of);
        let (y, x) = pairs.iter().fold((0.0, 0.0), |(ys, xs), (y, x)| (ys + y, xs + x));
        let error = batch::ratio_error(pairs.into_iter()).unwrap_or(f64::NAN);
        Estimate { value: y / x, error, n: x }
    }

    fn pairs(&self, of: impl Fn(&Outcome, &EpochSet) -> (f64, f64)) -> Vec<(f64, f64)> {
        self.runs.iter().flat_map(|run| self.batches.iter().map(|b| of(run, b)).collect::<Vec<_>>()).collect()
    }

    /// All batches of a run together.
    pub(super) fn measured(&self) -> EpochSet {
        self.batches.iter().fold(EpochSet::default(), |all, b| all.union(b))
    }

    /// Mean latency, s.
    pub(super) fn mean(&self, tally: impl Fn(&Outcome) -> &Tally, classes: ClassSet) -> Estimate {
        self.ratio(|run, batch| {
            let latencies = tally(run).latencies(batch, classes);
            (latencies.sum_ns() as f64 / 1e9, latencies.count() as f64)
        })
    }

    /// A percentile of the latency, s. Its error is that of the share of requests above it, by batch means, carried over
    /// to latencies by the distribution around it (Bahadur 1966).
    ///
    /// Long latencies come in clusters, one for each time the queue was long, and of a high percentile there may be few.
    /// By how much they inflate the variance is therefore taken from wherever it is largest among the percentiles with
    /// three and ten times as many requests above, and up to a hundred times if there are fewer than ten clusters; with
    /// fewer than a hundred, the slope of the tail is taken from further in as well. Both change slowly with the level
    /// (above any level a queue begins anew), and alone the few would tell too small an error.
    pub(super) fn percentile(&self, tally: impl Fn(&Outcome) -> &Tally, classes: ClassSet, percent: f64) -> Estimate {
        let mut all: Option<Tally> = None;
        for run in &self.runs {
            match &mut all {
                Some(all) => all.merge(tally(run)).expect("the runs of a row are cut alike"),
                None => all = Some(tally(run).clone()),
            }
        }
        let all = all.map_or_else(Latencies::default, |t| t.latencies(&self.measured(), classes));
        let cut = |run: &Outcome| self.batches.iter().map(|b| tally(run).latencies(b, classes)).collect::<Vec<_>>();
        let batches: Vec<Latencies> = self.runs.iter().flat_map(cut).collect();
        let above = 1.0 - percent / 100.0;
        let inflation = |above: f64| {
            let bound = Span::from_nanos_f64(at(&all, 100.0 * (1.0 - above)) * 1e9);
            let pairs = batches.iter().map(|b| ((b.count() - b.count_within(bound)) as f64, b.count() as f64));
            batch::ratio_error(pairs).map_or(f64::NAN, |error| error * error / above)
        };
        let tail = above <= 0.1;
        let most = |times: &[f64]| {
            let levels = times.iter().map(|f| above * f).filter(|a| tail && *a <= 0.2);
            levels.map(inflation).fold(inflation(above), f64::max)
        };
        let clusters = |inflation: f64| above / inflation;
        let near = most(&[3.0, 10.0]);
        let inflated = if clusters(near) < 10.0 { most(&[3.0, 10.0, 30.0, 100.0]) } else { near };
        let few = tail && clusters(inflated) < 100.0;
        let step = (above * inflated).sqrt();
        let value = at(&all, percent);
        let around = |step: f64| at(&all, (percent + 100.0 * step).clamp(0.0, 100.0));
        // A run that missed the longest waits has too steep a tail at its end: further in it knows better.
        let further_in = (around(-2.0 * above) - around(-29.0 * above)) / libm::log(10.0);
        let slope = if few { ((value - around(-2.0 * above)) / libm::log(3.0)).max(further_in) } else { 0.0 };
        let error = ((around(step) - around(-step)) / 2.0).max(step / above * slope);
        Estimate { value, error, n: all.count() as f64 }
    }

    /// The share of requests that ended in one of these classes.
    pub(super) fn share(&self, tally: impl Fn(&Outcome) -> &Tally, classes: ClassSet) -> Estimate {
        self.ratio(|run, batch| {
            let tally = tally(run);
            (tally.count(batch, classes) as f64, tally.count(batch, ClassSet::ALL) as f64)
        })
    }

    /// The share of requests that took longer than this, s.
    pub(super) fn share_above(&self, tally: impl Fn(&Outcome) -> &Tally, seconds: f64) -> Estimate {
        let span = Span::from_nanos_f64(seconds * 1e9);
        self.ratio(|run, batch| {
            let latencies = tally(run).latencies(batch, ClassSet::ALL);
            ((latencies.count() - latencies.count_within(span)) as f64, latencies.count() as f64)
        })
    }

    /// The mean over time of a level.
    pub(super) fn level(&self, gauge: impl Fn(&Outcome) -> &Gauge) -> Estimate {
        self.ratio(|run, batch| {
            let level = gauge(run).level(batch);
            (level.area as f64, level.watched.0 as f64)
        })
    }

    /// The share of time at zero; `n` is left as nanoseconds.
    pub(super) fn idle(&self, gauge: impl Fn(&Outcome) -> &Gauge) -> Estimate {
        self.ratio(|run, batch| {
            let level = gauge(run).level(batch);
            ((level.watched.0 - level.nonzero.0) as f64, level.watched.0 as f64)
        })
    }
}

/// The percentile between the histogram's bounds around it, s: the bounds alone lie up to a thousandth too high.
fn at(latencies: &Latencies, percent: f64) -> f64 {
    let wanted = latencies.count() as f64 * percent / 100.0;
    let mut before = (latencies.min().map_or(0.0, |m| m.0 as f64), 0.0);
    for (highest, until) in latencies.cumulative() {
        let here = (*highest as f64, *until as f64);
        if here.1 >= wanted {
            // A bucket is no wider than a thousandth; what lies before it may be far away.
            let low = before.0.max(here.0 * (1.0 - 1.0 / 1024.0));
            return (low + (here.0 - low) * (wanted - before.1) / (here.1 - before.1).max(1.0)) / 1e9;
        }
        before = here;
    }
    latencies.max().map_or(0.0, |m| m.0 as f64 / 1e9)
}

/// The meters of an edge.
pub(super) fn edge<'a>(run: &'a Outcome, name: &str) -> &'a EdgeMeters {
    let number = run.plan.edges.iter().position(|e| e.name == name);
    &run.meters.edges[number.expect("the scenario was written here, with that edge")]
}

/// The meters of a component or a client group.
pub(super) fn group<'a>(run: &'a Outcome, name: &str) -> &'a GroupMeters {
    let number = run.plan.group(name).expect("the scenario was written here, with that name");
    &run.meters.groups[number]
}

/// The meters of a component's only instance.
pub(super) fn member<'a>(run: &'a Outcome, name: &str) -> &'a MemberMeters {
    &group(run, name).members[0]
}
