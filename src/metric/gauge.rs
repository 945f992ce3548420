//! A number that holds for a while: queue length, workers in use, live replicas. Weighted by time.

use std::sync::Arc;

use hdrhistogram::Histogram;

use super::frame::{EpochSet, Frame, Mismatch};
use crate::engine::{Instant, Span};

/// A time-weighted number. Time only moves forward; what was set last holds until the next change.
///
/// Nothing happens at boundaries: a value that held across many epochs and bins is laid out over them when it ends.
#[derive(Clone, Debug)]
pub struct Gauge {
    frame: Arc<Frame>,
    value: u64,
    since: Instant,
    // The epoch and bin of `since`, where they end, and which of them ends first.
    epoch: usize,
    epoch_end: Instant,
    bin: usize,
    bin_end: Instant,
    next_end: Instant,
    // What held since `near_since` and is in neither yet: most changes fall between two ends.
    near: Near,
    near_since: Instant,
    epochs: Vec<Level>,
    bins: Vec<u128>,
    // Per epoch, how many nanoseconds each value held; empty unless percentiles are wanted.
    held: Vec<Option<Box<Histogram<u64>>>>,
    runs: u32,
}

/// What one epoch, or a set of them, saw of a gauge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Value times nanoseconds.
    pub area: u128,
    /// Time at other than zero.
    pub nonzero: Span,
    /// The highest value that held for any time at all. What comes and goes within one instant is an artefact of how
    /// a step is split into events, and isn't seen.
    pub max: u64,
    /// The lowest value that held for any time at all.
    pub min: u64,
    /// How long it was watched.
    pub watched: Span,
}

impl Level {
    /// The mean over time; `None` if it was watched for no time.
    pub fn mean(&self) -> Option<f64> {
        (!self.watched.is_zero()).then(|| self.area as f64 / self.watched.0 as f64)
    }

    /// The share of time at other than zero: the utilisation of a single server.
    pub fn busy_share(&self) -> Option<f64> {
        (!self.watched.is_zero()).then(|| self.nonzero.0 as f64 / self.watched.0 as f64)
    }

    fn hold(&mut self, value: u64, span: Span) {
        self.area += u128::from(value) * u128::from(span.0);
        self.min = if self.watched.is_zero() { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.watched += span;
        if value != 0 {
            self.nonzero += span;
        }
    }

    fn join(&mut self, other: &Level) {
        if other.watched.is_zero() {
            return;
        }
        self.min = if self.watched.is_zero() { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.area += other.area;
        self.nonzero += other.nonzero;
        self.watched += other.watched;
    }
}

/// A [`Level`] in the making, within one epoch and one bin.
#[derive(Clone, Copy, Debug)]
struct Near {
    area: u128,
    nonzero: Span,
    max: u64,
    min: u64,
}

impl Near {
    const NOTHING: Near = Near { area: 0, nonzero: Span::ZERO, max: 0, min: u64::MAX };

    /// Holds for some time, not none.
    #[inline]
    fn hold(&mut self, value: u64, span: Span) {
        self.area += u128::from(value) * u128::from(span.0);
        self.nonzero.0 += if value == 0 { 0 } else { span.0 };
        self.max = self.max.max(value);
        self.min = self.min.min(value);
    }

    fn level(&self, watched: Span) -> Level {
        let Near { area, nonzero, max, min } = *self;
        Level { area, nonzero, max, min, watched }
    }
}

impl Gauge {
    /// A gauge that starts at `value`.
    pub fn new(frame: Arc<Frame>, value: u64) -> Gauge {
        Gauge {
            value,
            since: Instant::ZERO,
            epoch: 0,
            epoch_end: frame.epoch(0).end,
            bin: 0,
            bin_end: frame.bin_bounds(0).end,
            next_end: frame.epoch(0).end.min(frame.bin_bounds(0).end),
            near: Near::NOTHING,
            near_since: Instant::ZERO,
            epochs: vec![Level::default(); frame.epochs()],
            bins: vec![0; frame.bins()],
            held: Vec::new(),
            runs: 1,
            frame,
        }
    }

    /// A gauge that also keeps how long each value held, to two digits, for [`Gauge::percentile`].
    pub fn with_percentiles(frame: Arc<Frame>, value: u64) -> Gauge {
        let held = vec![None; frame.epochs()];
        Gauge { held, ..Gauge::new(frame, value) }
    }

    /// From `at` on it is `value`.
    #[inline]
    pub fn set(&mut self, at: Instant, value: u64) {
        // What doesn't change goes on holding: its time is laid out when it ends.
        if value != self.value {
            self.turn(at, value);
        }
    }

    // One body for all gauges: what a request runs through has to fit the processor's first cache.
    #[inline(never)]
    fn turn(&mut self, at: Instant, value: u64) {
        self.flush(at);
        self.value = value;
    }

    /// From `at` on it is that much more, or less; never below zero.
    #[inline]
    pub fn change(&mut self, at: Instant, by: i64) {
        debug_assert!(self.value.checked_add_signed(by).is_some(), "gauge at {} can't change by {by}", self.value);
        self.turn(at, self.value.saturating_add_signed(by));
    }

    /// The value now.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// Accounts for the time until `end`. Call it once, when the run is over, before asking.
    pub fn finish(&mut self, end: Instant) {
        self.flush(end);
        self.lay_out_far(self.since);
    }

    #[inline]
    fn flush(&mut self, at: Instant) {
        debug_assert!(at >= self.since, "a gauge set at {at:?} after {:?}", self.since);
        if at > self.since {
            self.lay_out(at);
        }
    }

    fn lay_out(&mut self, at: Instant) {
        if self.held.is_empty() && at < self.next_end {
            self.near.hold(self.value, at - self.since);
            self.since = at;
            return;
        }
        self.lay_out_far(at);
    }

    /// Lays out over epochs and bins that end until then, and what held before within the first of them.
    #[cold]
    fn lay_out_far(&mut self, at: Instant) {
        let near = std::mem::replace(&mut self.near, Near::NOTHING);
        self.epochs[self.epoch].join(&near.level(self.since.since(self.near_since)));
        self.bins[self.bin] += near.area;
        let at = at.min(self.frame.end());
        while self.since < at {
            let until = at.min(self.epoch_end).min(self.bin_end);
            let span = until - self.since;
            self.epochs[self.epoch].hold(self.value, span);
            if let Some(held) = self.held.get_mut(self.epoch) {
                let held = held.get_or_insert_with(|| Box::new(Histogram::new(2).expect("two digits are supported")));
                held.record_n(self.value, span.0).expect("an auto-resizing histogram takes every u64");
            }
            self.bins[self.bin] += u128::from(self.value) * u128::from(span.0);
            self.since = until;
            if until == self.epoch_end && self.epoch + 1 < self.frame.epochs() {
                self.epoch += 1;
                self.epoch_end = self.frame.epoch(self.epoch).end;
            }
            if until == self.bin_end && self.bin + 1 < self.frame.bins() {
                self.bin += 1;
                self.bin_end = self.frame.bin_bounds(self.bin).end;
            }
        }
        self.next_end = self.epoch_end.min(self.bin_end);
        self.near_since = self.since;
    }

    /// Value times nanoseconds up to `at`, which is no earlier than the last change. At any time before the end.
    pub fn area_until(&self, at: Instant) -> u128 {
        debug_assert!(at >= self.since, "a gauge asked at {at:?} after {:?}", self.since);
        let past: u128 = self.epochs.iter().map(|level| level.area).sum();
        past + self.near.area + u128::from(self.value) * u128::from(at.since(self.since).0)
    }

    /// What these epochs saw of it. Only after [`Gauge::finish`].
    pub fn level(&self, epochs: &EpochSet) -> Level {
        let mut level = Level::default();
        for epoch in epochs.iter().filter_map(|epoch| self.epochs.get(epoch)) {
            level.join(epoch);
        }
        level
    }

    /// The smallest value such that it held that or less for `percent` of the time, to two digits, rounded up. `None`
    /// if it was watched for no time, or without [`Gauge::with_percentiles`].
    pub fn percentile(&self, epochs: &EpochSet, percent: f64) -> Option<u64> {
        let level = self.level(epochs);
        let mut held: Option<Histogram<u64>> = None;
        for more in epochs.iter().filter_map(|epoch| self.held.get(epoch)?.as_deref()) {
            match &mut held {
                Some(held) => held.add(more).expect("an auto-resizing histogram takes every other"),
                None => held = Some(more.clone()),
            }
        }
        let held = held?;
        let millionths = (percent * 1e6).round().clamp(0.0, 1e8) as u128;
        let wanted_ns = (u128::from(level.watched.0) * millionths).div_ceil(100_000_000).max(1);
        let mut until_ns = 0u128;
        for step in held.iter_recorded() {
            until_ns += u128::from(step.count_since_last_iteration());
            if until_ns >= wanted_ns {
                return Some(held.highest_equivalent(step.value_iterated_to()).clamp(level.min, level.max));
            }
        }
        Some(level.max)
    }

    /// The standard error of the mean of [`Gauge::level`], by batch means.
    pub fn mean_standard_error(&self, epochs: &EpochSet) -> Option<f64> {
        let weight = self.frame.bin().0 as f64 * f64::from(self.runs);
        super::batch::rate_error(self.frame.bins_in(epochs).into_iter().map(|bin| self.bins[bin] as f64), weight)
    }

    /// The mean of each bin, over all merged runs.
    pub fn bin_means(&self) -> Vec<f64> {
        let mean = |(bin, area): (usize, &u128)| {
            let bounds = self.frame.bin_bounds(bin);
            *area as f64 / ((bounds.end - bounds.start).0 as f64 * f64::from(self.runs))
        };
        self.bins.iter().enumerate().map(mean).collect()
    }

    /// Value times nanoseconds over the whole run: the left side of Little's law.
    pub fn area(&self) -> u128 {
        self.epochs.iter().map(|level| level.area).sum()
    }

    /// The cuts it was measured by.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Adds what another run measured. Both must be finished.
    pub fn merge(&mut self, other: &Gauge) -> Result<(), Mismatch> {
        if self.frame != other.frame || self.held.len() != other.held.len() {
            return Err(Mismatch);
        }
        for (mine, theirs) in self.held.iter_mut().zip(&other.held) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => {
                    mine.add(&**theirs).expect("an auto-resizing histogram takes every other")
                }
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
                (_, None) => {}
            }
        }
        self.runs += other.runs;
        for (mine, theirs) in self.epochs.iter_mut().zip(&other.epochs) {
            mine.join(theirs);
        }
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            *mine += theirs;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::frame::tests::frame;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_laid_out_over_the_epochs_it_spans() {
        let frame = Arc::new(frame(100, &[30, 60], 25));
        let mut gauge = Gauge::new(frame.clone(), 0);
        gauge.set(Instant(10), 3);
        assert_eq!(gauge.area_until(Instant(20)), 30);
        gauge.change(Instant(90), -2);
        assert_eq!(gauge.area_until(Instant(95)), 245);
        gauge.finish(frame.end());
        let level = |epoch: usize| gauge.level(&[epoch].into_iter().collect());
        assert_eq!(level(0), Level { area: 60, nonzero: Span(20), max: 3, min: 0, watched: Span(30) });
        assert_eq!(level(1), Level { area: 90, nonzero: Span(30), max: 3, min: 3, watched: Span(30) });
        assert_eq!(level(2), Level { area: 100, nonzero: Span(40), max: 3, min: 1, watched: Span(40) });
        assert_eq!(gauge.level(&frame.all()).mean(), Some(2.5));
        assert_eq!(level(0).busy_share(), Some(20.0 / 30.0));
        assert_eq!(gauge.bin_means(), [45.0 / 25.0, 3.0, 3.0, (45.0 + 10.0) / 25.0]);
        assert_eq!(gauge.area(), 250);
    }

    #[test]
    fn what_lasts_no_time_is_no_maximum() {
        let frame = Arc::new(frame(10, &[], 10));
        let mut gauge = Gauge::new(frame.clone(), 1);
        gauge.set(Instant(5), 100);
        gauge.set(Instant(5), 2);
        gauge.finish(Instant(10));
        assert_eq!(gauge.level(&frame.all()), Level { area: 15, nonzero: Span(10), max: 2, min: 1, watched: Span(10) });
        assert_eq!(gauge.level(&EpochSet::default()).mean(), None);
    }

    #[test]
    fn percentiles_are_weighted_by_time() {
        let frame = Arc::new(frame(1000, &[500], 100));
        let mut gauge = Gauge::with_percentiles(frame.clone(), 0);
        gauge.set(Instant(300), 7);
        gauge.set(Instant(990), 50);
        gauge.finish(frame.end());
        let all = frame.all();
        assert_eq!([30.0, 30.1, 50.0, 99.0, 99.1].map(|p| gauge.percentile(&all, p)), [0, 7, 7, 7, 50].map(Some));
        assert_eq!(gauge.percentile(&[0].into_iter().collect(), 60.0), Some(0));
        let twin = gauge.clone();
        gauge.merge(&twin).expect("the same frame");
        assert_eq!(gauge.percentile(&all, 99.0), Some(7));
        assert_eq!(Gauge::new(frame.clone(), 3).percentile(&all, 50.0), None);
        assert_eq!(gauge.merge(&Gauge::new(frame, 0)), Err(Mismatch));
    }

    #[test]
    fn merged_runs_give_the_mean_over_both() {
        let frame = Arc::new(frame(10, &[], 5));
        let run = |value| {
            let mut gauge = Gauge::new(frame.clone(), value);
            gauge.finish(Instant(10));
            gauge
        };
        let mut both = run(2);
        both.merge(&run(5)).expect("the same frame");
        assert_eq!(both.level(&frame.all()).mean(), Some(3.5));
        assert_eq!(both.bin_means(), [3.5, 3.5]);
        assert_eq!((both.level(&frame.all()).min, both.level(&frame.all()).max), (2, 5));
    }

    proptest! {
        #[test]
        fn agrees_with_a_twin_that_looks_every_nanosecond(
            cuts in prop::collection::vec(0u64..200, 0..6), bin in 1u64..60,
            mut steps in prop::collection::vec((0u64..200, 0u64..9), 0..20),
        ) {
            steps.sort_by_key(|(at, _)| *at);
            let frame = Arc::new(frame(200, &cuts, bin));
            let mut gauge = Gauge::new(frame.clone(), 0);
            for (at, value) in &steps {
                gauge.set(Instant(*at), *value);
            }
            gauge.finish(frame.end());
            let value_at = |now: u64| steps.iter().rev().find(|(at, _)| *at <= now).map_or(0, |(_, value)| *value);
            for epoch in 0..frame.epochs() {
                let bounds = frame.epoch(epoch);
                let values: Vec<u64> = (bounds.start.0..bounds.end.0).map(value_at).collect();
                let level = gauge.level(&[epoch].into_iter().collect());
                prop_assert_eq!(level.area, values.iter().map(|value| u128::from(*value)).sum::<u128>());
                prop_assert_eq!(Some(level.max), values.iter().copied().max());
                prop_assert_eq!(Some(level.min), values.iter().copied().min());
                prop_assert_eq!(level.nonzero.0 as usize, values.iter().filter(|value| **value > 0).count());
                prop_assert_eq!(level.watched.0 as usize, values.len());
            }
            for (bin, mean) in gauge.bin_means().into_iter().enumerate() {
                let bounds = frame.bin_bounds(bin);
                let sum: u64 = (bounds.start.0..bounds.end.0).map(value_at).sum();
                prop_assert_eq!(mean, sum as f64 / (bounds.end - bounds.start).0 as f64);
            }
        }
    }
}
