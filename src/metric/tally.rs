//! The requests of one meter: how many were asked, how each ended, and how long it took.

use std::hint::cold_path;
use std::sync::Arc;

use super::frame::{EpochSet, Frame, Mismatch, Stretch};
use super::heat::{HEAT_ROWS, row_of};
use super::latency::{Latencies, Recorder};
use crate::engine::{Instant, Span};

/// How many classes a request can end in. What they mean is the caller's business.
pub const CLASSES: usize = 7;

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassSet(u8);

impl ClassSet {
    /// Every class.
    pub const ALL: ClassSet = ClassSet((1 << CLASSES) - 1);

    /// These classes; numbers from [`CLASSES`] on are ignored.
    pub const fn of(classes: &[u8]) -> ClassSet {
        let mut bits = 0u8;
        let mut i = 0;
        while i < classes.len() {
            if (classes[i] as usize) < CLASSES {
                bits |= 1 << classes[i];
            }
            i += 1;
        }
        ClassSet(bits)
    }

    /// What is in both.
    pub const fn and(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 & other.0)
    }

    /// Whether a class is in the set.
    pub fn contains(self, class: u8) -> bool {
        (class as usize) < CLASSES && self.0 >> class & 1 == 1
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        (0..CLASSES).filter(move |class| self.0 >> class & 1 == 1)
    }
}

/// How closely a tally looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Percentiles to three digits, and a heat map: what users saw.
    Users,
    /// Percentiles to three digits: a group, an edge.
    Group,
    /// Percentiles to two digits: one instance of many.
    Instance,
}

impl Detail {
    fn digits(self) -> u8 {
        match self {
            Detail::Users | Detail::Group => 3,
            Detail::Instance => 2,
        }
    }
}

/// One class in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bin {
    /// How many ended in this bin.
    pub ended: u32,
    /// How many started in this bin (and ended at any time).
    pub started: u32,
    /// The latencies of those who started in this bin, added up.
    pub latency: Span,
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
struct Over {
    start: Instant,
    end: Instant,
    class: u8,
}

impl Over {
    fn latency_ns(&self) -> u64 {
        self.end.since(self.start).0
    }
}

/// How many that are over are counted at a time.
const AT_ONCE: usize = 32;

/// The requests of one meter, by the epoch and bin in which they started.
///
/// What is counted waits a little and is counted together: most of it lies in one epoch, bin and class. Call
/// [`Tally::settle`] when the run is over, before asking; asking earlier panics.
#[derive(Clone, Debug)]
pub struct Tally {
    frame: Arc<Frame>,
    detail: Detail,
    offered: Vec<u64>,
    // [epoch × CLASSES + class], allocated at first use: a histogram is large, and most classes never occur.
    recorders: Vec<Option<Box<Recorder>>>,
    started: Vec<u32>,
    bins: [Option<Box<[Bin]>>; CLASSES],
    // [bin], allocated at first use.
    heat: Vec<Option<Box<[u32; HEAT_ROWS]>>>,
    // Started in `here` and not counted yet: how many, and the sum of their start times.
    here: Stretch,
    asked: u64,
    asked_starts_ns: u128,
    // Over and not counted yet.
    over: Vec<Over>,
    open: u64,
    // The start times of all that are open, added up.
    open_starts_ns: u128,
    // (end − start) of all that ended, added up.
    sojourn_ns: u128,
    runs: u32,
}

impl Tally {
    /// A tally of nothing.
    pub fn new(frame: Arc<Frame>, detail: Detail) -> Tally {
        let heat = if detail == Detail::Users { vec![None; frame.bins()] } else { Vec::new() };
        Tally {
            detail,
            offered: vec![0; frame.epochs()],
            recorders: vec![None; frame.epochs() * CLASSES],
            started: vec![0; frame.bins()],
            bins: Default::default(),
            heat,
            here: Stretch::NOTHING,
            asked: 0,
            asked_starts_ns: 0,
            over: Vec::new(),
            open: 0,
            open_starts_ns: 0,
            sojourn_ns: 0,
            runs: 1,
            frame,
        }
    }

    /// A request starts (or should: clients count from the intended start).
    #[inline]
    pub fn asked(&mut self, start: Instant) {
        if !self.here.has(start) {
            self.ask_elsewhere(start);
        }
        self.asked += 1;
        self.asked_starts_ns += u128::from(start.0);
    }

    #[cold]
    fn ask_elsewhere(&mut self, start: Instant) {
        self.settle_asked();
        self.here = Stretch::around(&self.frame, start);
    }

    /// A request that was [`Tally::asked`] at `start` ends; its latency is the time between. `class` is below
    /// [`CLASSES`].
    // One body for all tallies: what a request runs through has to fit the processor's first cache.
    #[inline(never)]
    pub fn ended(&mut self, start: Instant, end: Instant, class: u8) {
        debug_assert!((class as usize) < CLASSES, "class {class} of {CLASSES}");
        self.over.push(Over { start, end, class });
        if self.over.len() >= AT_ONCE {
            cold_path();
            self.settle();
        }
    }

    /// Counts what is not counted yet. Any time, and once more when the run is over.
    pub fn settle(&mut self) {
        self.settle_asked();
        let over = std::mem::take(&mut self.over);
        let mut rest = over.as_slice();
        while let Some(first) = rest.first() {
            let stretch = Stretch::around(&self.frame, first.start);
            let other = |over: &Over| over.class != first.class || !stretch.has(over.start);
            let alike = rest.iter().position(other).unwrap_or(rest.len());
            self.count_over(stretch, (first.class as usize).min(CLASSES - 1), &rest[..alike.max(1)]);
            rest = &rest[alike.max(1)..];
        }
        self.over = over;
        self.over.clear();
    }

    fn settle_asked(&mut self) {
        let (asked, starts_ns) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.asked_starts_ns));
        if asked > 0 {
            self.offered[self.here.epoch] += asked;
            let started = &mut self.started[self.here.bin];
            *started = started.saturating_add(asked.min(u64::from(u32::MAX)) as u32);
            self.open += asked;
            self.open_starts_ns += starts_ns;
        }
    }

    /// Counts these, which started in one stretch and ended in one class.
    fn count_over(&mut self, stretch: Stretch, class: usize, these: &[Over]) {
        let digits = self.detail.digits();
        let recorder = &mut self.recorders[stretch.epoch * CLASSES + class];
        let recorder = recorder.get_or_insert_with(|| Box::new(Recorder::new(digits)));
        let sojourn_ns = recorder.record(these.iter().map(Over::latency_ns));
        if let Some(column) = self.heat.get_mut(stretch.bin) {
            let column = column.get_or_insert_with(|| Box::new([0; HEAT_ROWS]));
            for over in these {
                let cell = &mut column[row_of(over.latency_ns())];
                *cell = cell.saturating_add(1);
            }
        }
        let count = self.frame.bins();
        let bins = self.bins[class].get_or_insert_with(|| vec![Bin::default(); count].into_boxed_slice());
        let (mut here, mut starts_ns) = (0, 0);
        for over in these {
            starts_ns += u128::from(over.start.0);
            if stretch.has(over.end) {
                here += 1;
            } else {
                let bin = &mut bins[self.frame.bin_of(over.end)];
                bin.ended = bin.ended.saturating_add(1);
            }
        }
        let bin = &mut bins[stretch.bin];
        bin.ended = bin.ended.saturating_add(here);
        bin.started = bin.started.saturating_add(these.len() as u32);
        bin.latency += Span(sojourn_ns.min(u128::from(u64::MAX)) as u64);

        debug_assert!(self.open >= these.len() as u64, "a request ended that was never asked");
        self.open = self.open.saturating_sub(these.len() as u64);
        self.open_starts_ns = self.open_starts_ns.saturating_sub(starts_ns);
        self.sojourn_ns += sojourn_ns;
    }

    /// Everything is counted: `self`, to be asked.
    fn settled(&self) -> &Tally {
        assert!(self.over.is_empty() && self.asked == 0, "a tally is asked before it is settled");
        self
    }

    /// How many were asked in these epochs, of all merged runs together.
    pub fn offered(&self, epochs: &EpochSet) -> u64 {
        epochs.iter().filter_map(|epoch| self.settled().offered.get(epoch)).sum()
    }

    /// How many that were asked in these epochs ended in one of these classes, of all merged runs together.
    pub fn count(&self, epochs: &EpochSet, classes: ClassSet) -> u64 {
        self.recorders(epochs, classes).map(Recorder::count).sum()
    }

    /// How many are still open: neither counted in a class nor in any latency.
    pub fn open(&self) -> u64 {
        self.settled().open
    }

    /// Asked per second in these epochs; the mean over merged runs.
    pub fn offered_per_second(&self, epochs: &EpochSet) -> f64 {
        self.per_second(self.offered(epochs), epochs)
    }

    /// Asked in these epochs and ended in one of these classes, per second; the mean over merged runs.
    pub fn rate_per_second(&self, epochs: &EpochSet, classes: ClassSet) -> f64 {
        self.per_second(self.count(epochs, classes), epochs)
    }

    /// The share of those asked in these epochs that ended in one of these classes; those still open count as not.
    pub fn share(&self, epochs: &EpochSet, classes: ClassSet) -> Option<f64> {
        let offered = self.offered(epochs);
        (offered > 0).then(|| self.count(epochs, classes) as f64 / offered as f64)
    }

    /// The share of those asked in these epochs that ended in one of these classes, among those that ended at all: who is
    /// still open has not been given up. `None` if none ended.
    pub fn share_of_ended(&self, epochs: &EpochSet, classes: ClassSet) -> Option<f64> {
        let ended = self.count(epochs, ClassSet::ALL);
        (ended > 0).then(|| self.count(epochs, classes) as f64 / ended as f64)
    }

    /// The latencies of those who were asked in these epochs and ended in one of these classes.
    pub fn latencies(&self, epochs: &EpochSet, classes: ClassSet) -> Latencies {
        Latencies::of(self.recorders(epochs, classes))
    }

    /// The standard error of the mean latency in nanoseconds, by batch means.
    pub fn mean_standard_error_ns(&self, epochs: &EpochSet, classes: ClassSet) -> Option<f64> {
        super::batch::ratio_error(self.frame.bins_in(epochs).into_iter().map(|bin| {
            let (started, latency) = self.in_bin(bin, classes);
            (latency.0 as f64, started as f64)
        }))
    }

    /// By how much the variance of a mean latency exceeds that of as many independent ones: above 1 where requests
    /// queue for one another, 1 if it can't be told.
    pub fn variance_inflation(&self, epochs: &EpochSet, classes: ClassSet) -> f64 {
        let latencies = self.latencies(epochs, classes);
        match (self.mean_standard_error_ns(epochs, classes), latencies.standard_deviation_ns()) {
            (Some(error), Some(sd)) if sd > 0.0 => (error * error * latencies.count() as f64 / (sd * sd)).max(1.0),
            _ => 1.0,
        }
    }

    /// The standard error of [`Tally::rate_per_second`], by batch means.
    pub fn rate_standard_error(&self, epochs: &EpochSet, classes: ClassSet) -> Option<f64> {
        let seconds = self.frame.bin().as_secs_f64() * f64::from(self.runs);
        let counts = self.frame.bins_in(epochs).into_iter().map(|bin| self.in_bin(bin, classes).0 as f64);
        super::batch::rate_error(counts, seconds)
    }

    /// The standard error of [`Tally::offered_per_second`], by batch means.
    pub fn offered_standard_error(&self, epochs: &EpochSet) -> Option<f64> {
        let seconds = self.frame.bin().as_secs_f64() * f64::from(self.runs);
        let counts = self.frame.bins_in(epochs).into_iter().map(|bin| f64::from(self.started[bin]));
        super::batch::rate_error(counts, seconds)
    }

    /// The standard error of [`Tally::share`], by batch means.
    pub fn share_standard_error(&self, epochs: &EpochSet, classes: ClassSet) -> Option<f64> {
        super::batch::ratio_error(
            self.frame
                .bins_in(epochs)
                .into_iter()
                .map(|bin| (self.in_bin(bin, classes).0 as f64, f64::from(self.started[bin]))),
        )
    }

    /// Asked, per bin.
    pub fn started(&self) -> &[u32] {
        &self.settled().started
    }

    /// One class, per bin; `None` if nothing ever ended in it.
    pub fn bins(&self, class: u8) -> Option<&[Bin]> {
        self.settled().bins.get(class as usize)?.as_deref()
    }

    /// The heat map: how many that started in this bin took that long, of all classes. `None` for an empty column.
    /// See [`super::heat_row_bounds`].
    pub fn heat(&self, bin: usize) -> Option<&[u32; HEAT_ROWS]> {
        self.settled().heat.get(bin)?.as_deref()
    }

    /// The cuts it was counted by.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// How many runs were merged into it.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// Both sides of Little's law over the whole run, in request-nanoseconds, for a gauge that counted the same
    /// requests while they were open. An identity, not an approximation: `∫ N(t) dt` is the time spent by those who
    /// left plus the time spent so far by those who didn't (Little 1961; Stidham 1974 for finite horizons).
    pub fn littles_law(&self, in_flight: &super::Gauge) -> LittlesLaw {
        let unfinished_ns = u128::from(self.frame.end().0) * u128::from(self.settled().open);
        let unfinished_ns = unfinished_ns.saturating_sub(self.open_starts_ns);
        LittlesLaw { area_ns: in_flight.area(), sojourn_ns: self.sojourn_ns + unfinished_ns }
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Tally) -> Result<(), Mismatch> {
        if self.frame != other.frame || self.detail != other.detail {
            return Err(Mismatch);
        }
        self.settle();
        let other = other.settled();
        self.runs += other.runs;
        self.open += other.open;
        self.open_starts_ns += other.open_starts_ns;
        self.sojourn_ns += other.sojourn_ns;
        for (mine, theirs) in self.offered.iter_mut().zip(&other.offered) {
            *mine += theirs;
        }
        for (mine, theirs) in self.started.iter_mut().zip(&other.started) {
            *mine = mine.saturating_add(*theirs);
        }
        for (mine, theirs) in self.recorders.iter_mut().zip(&other.recorders) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => mine.merge(theirs),
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
                (_, None) => {}
            }
        }
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => {
                    for (mine, theirs) in mine.iter_mut().zip(theirs.iter()) {
                        mine.ended = mine.ended.saturating_add(theirs.ended);
                        mine.started = mine.started.saturating_add(theirs.started);
                        mine.latency += theirs.latency;
                    }
                }
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
                (_, None) => {}
            }
        }
        for (mine, theirs) in self.heat.iter_mut().zip(&other.heat) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => {
                    for (mine, theirs) in mine.iter_mut().zip(theirs.iter()) {
                        *mine = mine.saturating_add(*theirs);
                    }
                }
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
                (_, None) => {}
            }
        }
        Ok(())
    }

    fn recorders(&self, epochs: &EpochSet, classes: ClassSet) -> impl Iterator<Item = &Recorder> {
        let tally = self.settled();
        epochs.iter().filter(|epoch| *epoch < tally.frame.epochs()).flat_map(move |epoch| {
            classes.indices().filter_map(move |class| tally.recorders[epoch * CLASSES + class].as_deref())
        })
    }

    fn in_bin(&self, bin: usize, classes: ClassSet) -> (u64, Span) {
        classes
            .indices()
            .filter_map(|class| self.settled().bins[class].as_ref())
            .fold((0, Span::ZERO), |(started, latency), bins| {
                (started + u64::from(bins[bin].started), latency + bins[bin].latency)
            })
    }

    fn per_second(&self, count: u64, epochs: &EpochSet) -> f64 {
        let seconds = self.frame.duration(epochs).as_secs_f64() * f64::from(self.runs);
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }
}

/// Both sides of Little's law, `L T = Σ W`. See [`Tally::littles_law`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LittlesLaw {
    /// The number in the system, integrated over time.
    pub area_ns: u128,
    /// The time in the system, added up over requests.
    pub sojourn_ns: u128,
}

impl LittlesLaw {
    /// Whether both sides agree, to the nanosecond.
    pub fn holds(&self) -> bool {
        self.area_ns == self.sojourn_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Gauge;
    use crate::metric::frame::tests::frame;
    use proptest::prelude::*;

    const OK: ClassSet = ClassSet::of(&[0]);
    const LATE: ClassSet = ClassSet::of(&[6]);

    #[test]
    fn a_request_belongs_to_the_epoch_in_which_it_started() {
        let frame = Arc::new(frame(4_000_000_000, &[2_000_000_000], 1_000_000_000));
        let mut tally = Tally::new(frame.clone(), Detail::Users);
        for (start, end, class) in [(0, 500, 0), (1999, 2500, 0), (1500, 3500, 6), (3000, 3001, 0)] {
            let (start, end) = (Instant(start * 1_000_000), Instant(end * 1_000_000));
            tally.asked(start);
            tally.ended(start, end, class);
        }
        tally.asked(Instant(3_900_000_000));
        tally.settle();
        let (early, late) = ([0].into_iter().collect(), [1].into_iter().collect());
        assert_eq!((tally.offered(&early), tally.offered(&late), tally.open()), (3, 2, 1));
        assert_eq!((tally.count(&early, OK), tally.count(&early, LATE), tally.count(&late, LATE)), (2, 1, 0));
        assert_eq!(tally.offered_per_second(&early), 1.5);
        assert_eq!(tally.rate_per_second(&frame.all(), ClassSet::ALL), 1.0);
        assert_eq!(tally.share(&late, OK), Some(0.5), "one is still open");
        assert_eq!(tally.share(&EpochSet::default(), OK), None);
        assert_eq!(tally.latencies(&early, OK).mean_ns(), Some(500.5e6));
        assert_eq!(tally.latencies(&frame.all(), ClassSet::ALL).max(), Some(Span::millis(2000)));
        assert_eq!(tally.started(), [1, 2, 0, 2]);
        let bins = tally.bins(0).expect("three were well");
        assert_eq!(bins.iter().map(|bin| bin.ended).collect::<Vec<_>>(), [1, 0, 1, 1]);
        assert_eq!(bins.iter().map(|bin| bin.started).collect::<Vec<_>>(), [1, 1, 0, 1]);
        assert_eq!(bins[1].latency, Span::millis(501));
        assert!(tally.bins(3).is_none());
        assert_eq!(tally.heat(0).expect("one request")[row_of(500_000_000)], 1);
        assert!(tally.heat(2).is_none());
    }

    #[test]
    fn class_sets_are_what_they_are_made_of() {
        assert_eq!(ClassSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 200]), ClassSet::ALL);
        assert!(LATE.contains(6) && !LATE.contains(0) && !ClassSet::ALL.contains(7));
    }

    #[test]
    fn merged_runs_add_counts_and_average_rates() {
        let frame = Arc::new(frame(2_000_000_000, &[], 500_000_000));
        let run = |latency: u64, class| {
            let mut tally = Tally::new(frame.clone(), Detail::Users);
            tally.asked(Instant(7));
            tally.ended(Instant(7), Instant(7 + latency), class);
            tally.settle();
            tally
        };
        let mut both = run(10, 0);
        both.merge(&run(30, 0)).expect("the same frame");
        both.merge(&run(500, 6)).expect("the same frame");
        assert_eq!(both.runs(), 3);
        assert_eq!(both.latencies(&frame.all(), OK).mean_ns(), Some(20.0));
        assert_eq!(both.rate_per_second(&frame.all(), OK), 2.0 / 6.0);
        assert_eq!(both.bins(6).expect("merged")[0].latency, Span(500));
        assert_eq!(both.heat(0).expect("merged").iter().sum::<u32>(), 3);
        let coarse = Tally::new(frame, Detail::Instance);
        assert_eq!(both.merge(&coarse), Err(Mismatch));
    }

    #[test]
    fn errors_come_from_the_bins_of_the_phase() {
        let frame = Arc::new(frame(100_000, &[50_000], 1000));
        let mut tally = Tally::new(frame.clone(), Detail::Users);
        for bin in 0..100 {
            // Two requests in even bins, of 10 and 30 ns; four in odd ones, of 10 and thrice 30 ns.
            for i in 0..2 + 2 * (bin % 2) {
                let (start, latency) = (Instant(bin * 1000 + i), if i == 0 { 10 } else { 30 });
                tally.asked(start);
                tally.ended(start, start + Span(latency), u8::from(latency == 10));
            }
        }
        tally.settle();
        let early = frame.epochs_in(Instant(0), Instant(50_000));
        // 150 requests in 50 bins, mean 70/3; residuals 40 − 2 × 70/3 and 100 − 4 × 70/3, alternating.
        let residual = 20.0f64 / 3.0;
        let expected = (50.0 * residual * residual / 49.0 / 50.0).sqrt() / 3.0;
        let error = tally.mean_standard_error_ns(&early, ClassSet::ALL).expect("50 bins");
        assert!((error - expected).abs() < 1e-12, "{error} instead of {expected}");
        let rate_error = tally.offered_standard_error(&early).expect("50 bins");
        assert!((rate_error - (1.0f64 / 49.0).sqrt() / 1e-6).abs() < 1e-3, "{rate_error}");
        assert!(tally.share_standard_error(&early, OK).expect("50 bins") > 0.0);
        assert!(tally.rate_standard_error(&early, OK).expect("50 bins") > 0.0);
        assert_eq!(tally.mean_standard_error_ns(&early, LATE), None);
        assert_eq!(tally.variance_inflation(&early, ClassSet::ALL), 1.0, "alternation is no queueing");
    }

    proptest! {
        #[test]
        fn littles_law_holds_to_the_nanosecond(
            requests in prop::collection::vec((0u64..1000, 0u64..1500), 0..40), cuts in prop::collection::vec(0u64..1000, 0..4),
        ) {
            let frame = Arc::new(frame(1000, &cuts, 37));
            let mut tally = Tally::new(frame.clone(), Detail::Instance);
            let mut in_flight = Gauge::new(frame.clone(), 0);
            // (when, whether it ends: after all that start then, the start)
            let mut events: Vec<(u64, bool, u64)> = Vec::new();
            for (start, length) in &requests {
                events.push((*start, false, *start));
                if start + length < 1000 {
                    events.push((start + length, true, *start));
                }
            }
            events.sort_unstable();
            for (at, ends, start) in events {
                if ends {
                    tally.ended(Instant(start), Instant(at), 2);
                } else {
                    tally.asked(Instant(start));
                }
                in_flight.change(Instant(at), if ends { -1 } else { 1 });
            }
            in_flight.finish(frame.end());
            tally.settle();
            let law = tally.littles_law(&in_flight);
            prop_assert!(law.holds(), "{:?}", law);
            let naive: u64 = requests.iter().map(|(start, length)| (*length).min(1000 - start)).sum();
            prop_assert_eq!(law.area_ns, u128::from(naive));
            let mut twice = tally.clone();
            twice.merge(&tally).expect("the same frame");
            let mut flight_twice = in_flight.clone();
            flight_twice.merge(&in_flight).expect("the same frame");
            prop_assert!(twice.littles_law(&flight_twice).holds());
        }
    }
}
