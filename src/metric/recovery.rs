//! Interruptions: the longest time without an answer, and how long until things went well again.

use std::hint::cold_path;
use std::sync::Arc;

use super::frame::{EpochSet, Frame, Stretch};
use super::tally::{ClassSet, Tally};
use crate::engine::{Instant, Span};

/// Watches for the longest time without an answer.
#[derive(Clone, Debug)]
pub struct Silence {
    frame: Arc<Frame>,
    epochs: Vec<Option<Answers>>,
    here: Stretch,
}

#[derive(Clone, Copy, Debug)]
struct Answers {
    first: Instant,
    last: Instant,
    longest_between: Span,
}

impl Silence {
    /// Silence from the start on.
    pub fn new(frame: Arc<Frame>) -> Silence {
        Silence { epochs: vec![None; frame.epochs()], here: Stretch::NOTHING, frame }
    }

    /// An answer; in the order of time.
    #[inline]
    pub fn answered(&mut self, at: Instant) {
        if !self.here.has(at) {
            cold_path();
            self.here = Stretch::around(&self.frame, at);
        }
        let first = Answers { first: at, last: at, longest_between: Span::ZERO };
        let answers = self.epochs[self.here.epoch].get_or_insert(first);
        answers.longest_between = answers.longest_between.max(at.since(answers.last));
        answers.last = at;
    }

    /// The longest time without an answer within these epochs, from their start and to their end counted in; zero for
    /// no epochs. A silence that goes on across neighbouring epochs of the set is one.
    pub fn longest(&self, epochs: &EpochSet) -> Span {
        let mut longest = Span::ZERO;
        let mut silent_since = Instant::ZERO;
        for epoch in epochs.iter().filter(|epoch| *epoch < self.epochs.len()) {
            let bounds = self.frame.epoch(epoch);
            if epoch == 0 || !epochs.contains(epoch - 1) {
                silent_since = bounds.start;
            }
            if let Some(answers) = self.epochs[epoch] {
                longest = longest.max(answers.first.since(silent_since)).max(answers.longest_between);
                silent_since = answers.last;
            }
            longest = longest.max(bounds.end.since(silent_since));
        }
        longest
    }
}

/// How long after `from` at least `share` of those who asked got an answer of `good` classes, for all of `window`: the
/// time from `from` to the start of the first such bin. `None` if that didn't happen before `until`.
///
/// By the time of asking, and to the length of a bin. A window in which nobody asked shows nothing, and is passed over.
pub fn recovery_time(
    tally: &Tally,
    good: ClassSet,
    share: f64,
    window: Span,
    from: Instant,
    until: Instant,
) -> Option<Span> {
    let frame = tally.frame();
    let width = window.0.div_ceil(frame.bin().0).max(1) as usize;
    let count_good = |bin: usize| -> u64 {
        (0..super::CLASSES as u8)
            .filter(|class| good.contains(*class))
            .filter_map(|class| tally.bins(class))
            .map(|bins| u64::from(bins[bin].started))
            .sum()
    };
    let enough = |bins: std::ops::Range<usize>| {
        let asked: u64 = bins.clone().map(|bin| u64::from(tally.started()[bin])).sum();
        let answered: u64 = bins.map(count_good).sum();
        (asked > 0).then_some(answered as f64 >= share * asked as f64)
    };
    let first = from.0.div_ceil(frame.bin().0) as usize;
    let last = (until.min(frame.end()).0 / frame.bin().0) as usize;
    (first..=last.saturating_sub(width))
        .take_while(|bin| bin + width <= last)
        .find(|bin| enough(*bin..bin + 1) != Some(false) && enough(*bin..bin + width) == Some(true))
        .map(|bin| frame.bin_bounds(bin).start.since(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Detail;
    use crate::metric::frame::tests::frame;
    use proptest::prelude::*;

    #[test]
    fn a_silence_across_epochs_is_one() {
        let frame = Arc::new(frame(100, &[20, 40, 60], 10));
        let mut silence = Silence::new(frame.clone());
        for at in [5, 15, 70, 90] {
            silence.answered(Instant(at));
        }
        let longest = |from, to| silence.longest(&frame.epochs_in(Instant(from), Instant(to)));
        assert_eq!(longest(0, 100), Span(55));
        assert_eq!(longest(0, 20), Span(10));
        assert_eq!(longest(20, 60), Span(40));
        assert_eq!(longest(60, 100), Span(20));
        let ends: EpochSet = [0, 3].into_iter().collect();
        assert_eq!(silence.longest(&ends), Span(20), "what lies between isn't asked about");
        assert_eq!(silence.longest(&EpochSet::default()), Span::ZERO);
    }

    #[test]
    fn recovery_is_when_it_goes_well_and_stays_so() {
        let frame = Arc::new(frame(1000, &[], 10));
        let mut tally = Tally::new(frame, Detail::Instance);
        for at in (0..1000).step_by(2) {
            tally.asked(Instant(at));
            // Bad from 300 to 500, but for one good bin at 400.
            let class = u8::from((300..400).contains(&at) || (410..500).contains(&at));
            tally.ended(Instant(at), Instant(at + 1), class);
        }
        tally.settle();
        let good = ClassSet::of(&[0]);
        let recovered = |window, until| recovery_time(&tally, good, 0.95, Span(window), Instant(300), Instant(until));
        assert_eq!(recovered(10, 1000), Some(Span(100)));
        assert_eq!(recovered(50, 1000), Some(Span(200)));
        assert_eq!(recovered(50, 540), None, "the window doesn't fit before the end");
        assert_eq!(recovery_time(&tally, good, 0.95, Span(50), Instant(0), Instant(1000)), Some(Span(0)));
        assert_eq!(recovery_time(&tally, good, 0.95, Span(50), Instant(2000), Instant(3000)), None);
    }

    proptest! {
        #[test]
        fn the_longest_silence_agrees_with_a_list(
            cuts in prop::collection::vec(0u64..200, 0..6), mut answers in prop::collection::vec(0u64..200, 0..20),
            from in 0usize..8, to in 0usize..8,
        ) {
            answers.sort_unstable();
            let frame = Arc::new(frame(200, &cuts, 10));
            let mut silence = Silence::new(frame.clone());
            answers.iter().for_each(|at| silence.answered(Instant(*at)));
            let cuts = frame.boundaries();
            let (from, to) = (cuts[from % cuts.len()], cuts[to % cuts.len()]);
            let mut moments = vec![from];
            moments.extend(answers.iter().copied().map(Instant).filter(|at| from <= *at && *at < to));
            moments.push(to);
            let expected = if from < to { moments.windows(2).map(|two| two[1] - two[0]).max().unwrap() } else { Span::ZERO };
            prop_assert_eq!(silence.longest(&frame.epochs_in(from, to)), expected);
        }
    }
}
