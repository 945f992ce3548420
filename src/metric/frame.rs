//! How one run's time is cut: epochs between the boundaries of phases, and equal bins for series.

use std::ops::Range;

use crate::engine::{Instant, Span};

/// The cuts of one run. Shared by everything that is measured in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    // Invariant: strictly ascending, first 0, at least two.
    boundaries: Vec<Instant>,
    // Invariant: not zero.
    bin: Span,
    bins: usize,
}

/// Why a frame can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The run has no length.
    Empty,
    /// A bin has no length, or there would be more than a million of them.
    Bin,
    /// More than 4096 epochs: each costs histograms in everything that is measured.
    Epochs,
}

/// Two measurements were cut differently, so their epochs can't be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl Frame {
    /// Cuts `[0, end)` at `boundaries`, which may come in any order, twice, and beyond the end (then they cut nothing).
    pub fn new(end: Instant, boundaries: &[Instant], bin: Span) -> Result<Frame, FrameError> {
        if end == Instant::ZERO {
            return Err(FrameError::Empty);
        }
        if bin.is_zero() || end.0.div_ceil(bin.0) > 1_000_000 {
            return Err(FrameError::Bin);
        }
        let mut cuts: Vec<Instant> = boundaries.iter().copied().filter(|at| *at < end).collect();
        cuts.extend([Instant::ZERO, end]);
        cuts.sort_unstable();
        cuts.dedup();
        if cuts.len() > 4097 {
            return Err(FrameError::Epochs);
        }
        let bins = end.0.div_ceil(bin.0) as usize;
        Ok(Frame { boundaries: cuts, bin, bins })
    }

    /// The bin for a run of this length: of 1, 2 or 5 times a power of ten, the longest that makes at least 400 bins
    /// (and then at most 1000, whatever the length). Enough for a chart and for batch means.
    pub fn bin_for(end: Instant) -> Span {
        let longest = (end.0 / 400).max(1);
        let mut decade = 1u64;
        while decade <= longest / 10 {
            decade *= 10;
        }
        // decade <= longest < 10 decade
        let factor = [5, 2].into_iter().find(|factor| longest / factor >= decade).unwrap_or(1);
        Span(decade * factor)
    }

    /// The end of the run.
    pub fn end(&self) -> Instant {
        self.boundaries[self.boundaries.len() - 1]
    }

    /// The cuts: ascending, the first 0, the last the end.
    pub fn boundaries(&self) -> &[Instant] {
        &self.boundaries
    }

    /// How many epochs there are; at least one.
    pub fn epochs(&self) -> usize {
        self.boundaries.len() - 1
    }

    /// From and to of an epoch; the end is the first instant outside.
    pub fn epoch(&self, epoch: usize) -> Range<Instant> {
        self.boundaries[epoch]..self.boundaries[epoch + 1]
    }

    /// The epoch that contains `at`; the last one for the end and beyond.
    pub fn epoch_of(&self, at: Instant) -> usize {
        let inner = &self.boundaries[1..self.boundaries.len() - 1];
        inner.partition_point(|boundary| *boundary <= at)
    }

    /// The epochs that lie wholly in `[from, to)`. Exact if both are boundaries.
    pub fn epochs_in(&self, from: Instant, to: Instant) -> EpochSet {
        let mut set = EpochSet::default();
        for epoch in 0..self.epochs() {
            let Range { start, end } = self.epoch(epoch);
            if from <= start && end <= to {
                set.insert(epoch);
            }
        }
        set
    }

    /// All epochs.
    pub fn all(&self) -> EpochSet {
        self.epochs_in(Instant::ZERO, self.end())
    }

    /// How long the epochs of a set take together.
    pub fn duration(&self, epochs: &EpochSet) -> Span {
        epochs.iter().filter(|epoch| *epoch < self.epochs()).fold(Span::ZERO, |sum, epoch| {
            let Range { start, end } = self.epoch(epoch);
            sum + (end - start)
        })
    }

    /// The length of a bin; the last one may be cut short by the end.
    pub fn bin(&self) -> Span {
        self.bin
    }

    /// How many bins there are; at least one.
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// The bin that contains `at`; the last one for the end and beyond.
    pub fn bin_of(&self, at: Instant) -> usize {
        ((at.0 / self.bin.0) as usize).min(self.bins - 1)
    }

    /// From and to of a bin.
    pub fn bin_bounds(&self, bin: usize) -> Range<Instant> {
        let start = Instant(bin as u64 * self.bin.0);
        start..(start + self.bin).min(self.end())
    }

    /// The bins of full length that lie wholly in the epochs of a set, ascending: those from which a standard error of
    /// that set can be told.
    pub fn bins_in(&self, epochs: &EpochSet) -> Vec<usize> {
        let mut bins = Vec::new();
        for bin in 0..self.bins {
            let Range { start, end } = self.bin_bounds(bin);
            let whole = end.since(start) == self.bin;
            let (first, last) = (self.epoch_of(start), self.epoch_of(Instant(end.0 - 1)));
            if whole && (first..=last).all(|epoch| epochs.contains(epoch)) {
                bins.push(bin);
            }
        }
        bins
    }
}

/// A stretch of time within one epoch and one bin: most of what happens is in the one of what happened last.
#[derive(Clone, Copy, Debug)]
pub(in crate::metric) struct Stretch {
    pub(in crate::metric) epoch: usize,
    pub(in crate::metric) bin: usize,
    from: Instant,
    to: Instant,
}

impl Stretch {
    /// Contains nothing.
    pub(in crate::metric) const NOTHING: Stretch =
        Stretch { epoch: 0, bin: 0, from: Instant::NEVER, to: Instant::ZERO };

    /// The stretch around `at`. The last one has no end, as the last epoch and bin have none.
    pub(in crate::metric) fn around(frame: &Frame, at: Instant) -> Stretch {
        let (epoch, bin) = (frame.epoch_of(at), frame.bin_of(at));
        let (phase, bounds) = (frame.epoch(epoch), frame.bin_bounds(bin));
        let last = epoch + 1 == frame.epochs() && bin + 1 == frame.bins();
        let to = if last { Instant::NEVER } else { phase.end.min(bounds.end) };
        Stretch { epoch, bin, from: phase.start.max(bounds.start), to }
    }

    #[inline]
    pub(in crate::metric) fn has(&self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }
}

/// A set of epochs of one frame: a phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochSet {
    // Invariant: no trailing zero words, so that equal sets are equal.
    words: Vec<u64>,
}

impl EpochSet {
    /// Adds an epoch.
    pub fn insert(&mut self, epoch: usize) {
        let word = epoch / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (epoch % 64);
    }

    /// Whether an epoch is in the set.
    pub fn contains(&self, epoch: usize) -> bool {
        self.words.get(epoch / 64).is_some_and(|word| word >> (epoch % 64) & 1 == 1)
    }

    /// Whether there is no epoch in the set.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The epochs, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.words.len() * 64).filter(|epoch| self.contains(*epoch))
    }

    /// The epochs that are in both.
    pub fn intersection(&self, other: &EpochSet) -> EpochSet {
        self.iter().filter(|epoch| other.contains(*epoch)).collect()
    }

    /// The epochs that are in either.
    pub fn union(&self, other: &EpochSet) -> EpochSet {
        self.iter().chain(other.iter()).collect()
    }
}

impl FromIterator<usize> for EpochSet {
    fn from_iter<I: IntoIterator<Item = usize>>(epochs: I) -> EpochSet {
        let mut set = EpochSet::default();
        for epoch in epochs {
            set.insert(epoch);
        }
        set
    }
}

#[cfg(test)]
pub(in crate::metric) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::metric) fn frame(end: u64, boundaries: &[u64], bin: u64) -> Frame {
        let boundaries: Vec<_> = boundaries.iter().map(|at| Instant(*at)).collect();
        Frame::new(Instant(end), &boundaries, Span(bin)).expect("a frame that can be made")
    }

    #[test]
    fn boundaries_are_sorted_and_cut_to_the_run() {
        let frame = frame(100, &[60, 30, 60, 0, 100, 250], 30);
        assert_eq!(frame.boundaries(), [0, 30, 60, 100].map(Instant));
        assert_eq!(frame.epochs(), 3);
        assert_eq!([0, 29, 30, 59, 60, 99, 100, 7000].map(|at| frame.epoch_of(Instant(at))), [0, 0, 1, 1, 2, 2, 2, 2]);
        assert_eq!([0, 29, 30, 89, 90, 100, 7000].map(|at| frame.bin_of(Instant(at))), [0, 0, 1, 2, 3, 3, 3]);
        assert_eq!(frame.bin_bounds(3), Instant(90)..Instant(100));
    }

    #[test]
    fn a_phase_is_a_set_of_whole_epochs() {
        let frame = frame(100, &[30, 60], 10);
        let late = frame.epochs_in(Instant(30), Instant(100));
        assert_eq!(late.iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(frame.duration(&late), Span(70));
        assert!(frame.epochs_in(Instant(31), Instant(59)).is_empty());
        assert_eq!(late.intersection(&frame.epochs_in(Instant(0), Instant(60))), [1].into_iter().collect());
        assert_eq!(late.union(&frame.epochs_in(Instant(0), Instant(30))), frame.all());
    }

    #[test]
    fn only_whole_bins_inside_the_phase_make_a_standard_error() {
        let frame = frame(100, &[25, 60], 15);
        // Bins start at 0, 15, 30, 45, 60, 75, 90; the last one is short, and the second lies across a boundary.
        assert_eq!(frame.bins_in(&[1].into_iter().collect()), [2, 3]);
        assert_eq!(frame.bins_in(&frame.all()), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn every_run_has_four_hundred_to_a_thousand_bins() {
        assert_eq!(Frame::bin_for(Instant(60_000_000_000)), Span::millis(100));
        assert_eq!(Frame::bin_for(Instant(400_000_000_000)), Span::secs(1));
        assert_eq!(Frame::bin_for(Instant(3_600_000_000_000)), Span::secs(5));
        for end in (400..3_000_000).step_by(997) {
            let bins = end / Frame::bin_for(Instant(end)).0;
            assert!((400..=1000).contains(&bins), "{bins} bins for {end} ns");
        }
        assert_eq!(Frame::bin_for(Instant(3)), Span(1));
    }

    #[test]
    fn frames_that_mean_nothing_are_refused() {
        assert_eq!(Frame::new(Instant(0), &[], Span(1)), Err(FrameError::Empty));
        assert_eq!(Frame::new(Instant(10), &[], Span(0)), Err(FrameError::Bin));
        assert_eq!(Frame::new(Instant(u64::MAX), &[], Span(1)), Err(FrameError::Bin));
        let many: Vec<_> = (1..=5000).map(Instant).collect();
        assert_eq!(Frame::new(Instant(10_000), &many, Span(10)), Err(FrameError::Epochs));
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_its_epoch_and_its_bin(
            end in 1u64..5000, cuts in prop::collection::vec(0u64..6000, 0..12), bin in 1u64..700, at in 0u64..5000,
        ) {
            let frame = frame(end, &cuts, bin);
            let at = at % end;
            prop_assert!(frame.epoch(frame.epoch_of(Instant(at))).contains(&Instant(at)));
            prop_assert!(frame.bin_bounds(frame.bin_of(Instant(at))).contains(&Instant(at)));
            prop_assert_eq!(frame.duration(&frame.all()), Span(end));
        }
    }
}
