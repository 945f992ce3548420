//! Things that happen: counted per epoch and per bin.

use std::hint::cold_path;
use std::sync::Arc;

use super::frame::{EpochSet, Frame, Mismatch, Stretch};
use crate::engine::Instant;

/// A counter of events, or of bytes.
#[derive(Clone, Debug)]
pub struct Counter {
    frame: Arc<Frame>,
    epochs: Vec<u64>,
    bins: Vec<u64>,
    here: Stretch,
    runs: u32,
}

impl Counter {
    /// A counter at zero.
    pub fn new(frame: Arc<Frame>) -> Counter {
        let (epochs, bins) = (vec![0; frame.epochs()], vec![0; frame.bins()]);
        Counter { frame, epochs, bins, here: Stretch::NOTHING, runs: 1 }
    }

    /// Counts `n` more.
    #[inline]
    pub fn add(&mut self, at: Instant, n: u64) {
        if !self.here.has(at) {
            cold_path();
            self.here = Stretch::around(&self.frame, at);
        }
        let (epoch, bin) = (&mut self.epochs[self.here.epoch], &mut self.bins[self.here.bin]);
        *epoch = epoch.saturating_add(n);
        *bin = bin.saturating_add(n);
    }

    /// How many in these epochs, of all merged runs together.
    pub fn count(&self, epochs: &EpochSet) -> u64 {
        epochs.iter().filter_map(|epoch| self.epochs.get(epoch)).fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// How many a second in these epochs; the mean over merged runs.
    pub fn rate_per_second(&self, epochs: &EpochSet) -> f64 {
        let seconds = self.frame.duration(epochs).as_secs_f64() * f64::from(self.runs);
        if seconds > 0.0 { self.count(epochs) as f64 / seconds } else { 0.0 }
    }

    /// The standard error of [`Counter::rate_per_second`], by batch means.
    pub fn rate_standard_error(&self, epochs: &EpochSet) -> Option<f64> {
        let seconds = self.frame.bin().as_secs_f64() * f64::from(self.runs);
        super::batch::rate_error(self.frame.bins_in(epochs).into_iter().map(|bin| self.bins[bin] as f64), seconds)
    }

    /// Per bin, of all merged runs together.
    pub fn bins(&self) -> &[u64] {
        &self.bins
    }

    /// The cuts it was counted by.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Counter) -> Result<(), Mismatch> {
        if self.frame != other.frame {
            return Err(Mismatch);
        }
        self.runs += other.runs;
        for (mine, theirs) in self.epochs.iter_mut().zip(&other.epochs).chain(self.bins.iter_mut().zip(&other.bins)) {
            *mine = mine.saturating_add(*theirs);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::frame::tests::frame;

    #[test]
    fn events_are_counted_where_they_happen() {
        let frame = Arc::new(frame(4_000_000_000, &[1_000_000_000], 500_000_000));
        let mut counter = Counter::new(frame.clone());
        for (at, n) in [(0, 1), (999_999_999, 2), (1_000_000_000, 4), (3_999_999_999, 8), (4_000_000_000, 16)] {
            counter.add(Instant(at), n);
        }
        let late = frame.epochs_in(Instant(1_000_000_000), frame.end());
        assert_eq!(counter.count(&late), 28);
        assert_eq!(counter.rate_per_second(&late), 28.0 / 3.0);
        assert_eq!(counter.bins(), [1, 2, 4, 0, 0, 0, 0, 24]);
        let twin = counter.clone();
        counter.merge(&twin).expect("the same frame");
        assert_eq!(counter.count(&late), 56);
        assert_eq!(counter.rate_per_second(&late), 28.0 / 3.0, "a mean over runs");
        let other = Counter::new(Arc::new(crate::metric::frame::tests::frame(9, &[], 1)));
        assert_eq!(counter.merge(&other), Err(Mismatch));
    }
}
