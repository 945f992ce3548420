//! The one constructor of every axis: finite, non-empty, with a bounded number of ticks, whatever the data says.
//!
//! Logarithmic axes are mapped here, before a chart library sees them: plotters' own log axis never returns when a
//! bound is infinite.

use serde::{Deserialize, Serialize};

use crate::engine::Span;
use crate::report::number::{NARROW_SPACE, Unit};

/// How values spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scale {
    /// Evenly, from 0.
    Linear,
    /// By decades; values of 0 or less have no place on it.
    Log,
}

/// A finite range of values laid over pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    start_px: f64,
    end_px: f64,
    ticks: Vec<f64>,
}

// A log axis stays inside these bounds (in the unit of the values), a linear one inside the negative of the second too.
const SMALLEST: f64 = 1e-6;
const LARGEST: f64 = 1e18;

impl Axis {
    /// An axis that shows every finite value: linear from 0 to a round number, or log over whole decades, with at most
    /// `ticks_max` ticks. NaN and infinity are left out. If all values are the same, a log axis becomes a linear one
    /// padded by half the value, with three ticks. Pixels run from `start_px` (low end) to `end_px`.
    pub fn fit(
        scale: Scale,
        values: impl IntoIterator<Item = f64>,
        ticks_max: usize,
        start_px: f64,
        end_px: f64,
    ) -> Axis {
        let mut low = f64::MAX;
        let mut high = f64::MIN;
        for value in values {
            if value.is_finite() && (scale == Scale::Linear || value > 0.0) {
                low = low.min(value);
                high = high.max(value);
            }
        }
        if low > high {
            (low, high) = if scale == Scale::Log { (1e6, 1e9) } else { (0.0, 1.0) };
        }
        match scale {
            Scale::Linear => Axis::linear(low.min(0.0), high, ticks_max, start_px, end_px),
            Scale::Log if low == high => {
                let value = low.clamp(SMALLEST, LARGEST);
                let (low, high) = (value / 2.0, value * 1.5);
                Axis { scale: Scale::Linear, low, high, start_px, end_px, ticks: vec![low, value, high] }
            }
            Scale::Log => Axis::log(low, high, ticks_max, start_px, end_px),
        }
    }

    /// A linear axis from `low` to the round number at or above `high`. Bounds that aren't finite are replaced.
    pub fn linear(low: f64, high: f64, ticks_max: usize, start_px: f64, end_px: f64) -> Axis {
        let (low, high) = ordered(low, high, -LARGEST, LARGEST);
        let ticks_max = ticks_max.clamp(2, 12);
        let step = nice_step((high - low) / (ticks_max - 1) as f64, &[1.0, 2.0, 5.0, 10.0]);
        let first = (low / step).floor();
        let last = (high / step - 1e-9).ceil().max(first + 1.0);
        let ticks: Vec<f64> =
            (0..=16).map(|i| first + f64::from(i)).take_while(|i| *i <= last).map(|i| i * step).collect();
        // A coarse step may leave most of the plot empty; then the axis ends between two ticks, just above the data.
        let (mut top, mut ticks) = (last * step, ticks);
        if top > 1.25 * high && last >= 2.0 && high > 0.0 {
            top = high * 1.05;
            ticks.retain(|tick| *tick <= top);
        }
        Axis { scale: Scale::Linear, low: first * step, high: top, start_px, end_px, ticks }
    }

    /// A linear axis that ends exactly at its bounds, with ticks at round numbers inside. For time and for sweeps.
    pub fn exact(low: f64, high: f64, ticks_max: usize, start_px: f64, end_px: f64) -> Axis {
        let (low, high) = ordered(low, high, -LARGEST, LARGEST);
        let step = nice_step((high - low) / ticks_max.clamp(2, 12) as f64, &[1.0, 2.0, 5.0, 10.0]);
        Axis { scale: Scale::Linear, low, high, start_px, end_px, ticks: multiples(low, high, step) }
    }

    /// A log axis over the whole decades around `low..=high`, labelled every first, second, third, … decade so that at
    /// most `ticks_max` ticks remain (every third from seven decades on).
    pub fn log(low: f64, high: f64, ticks_max: usize, start_px: f64, end_px: f64) -> Axis {
        let (low, high) = ordered(low.max(SMALLEST), high, SMALLEST, LARGEST);
        let first = (libm::log10(low) + 1e-9).floor();
        let last = (libm::log10(high) - 1e-9).ceil().max(first + 1.0);
        let decades = (last - first).clamp(1.0, 24.0) as usize;
        let mut every = decades.div_ceil(ticks_max.clamp(2, 12) - 1).max(1);
        if decades > 6 {
            every = every.max(3);
        }
        let ticks = (0..=decades).step_by(every).map(|i| libm::pow(10.0, first + i as f64)).collect();
        Axis { scale: Scale::Log, low: libm::pow(10.0, first), high: libm::pow(10.0, last), start_px, end_px, ticks }
    }

    /// A log axis that ends exactly at its bounds, of at least one decade: for data that would be a strip at the edge of
    /// whole decades. Ticks at 1, 2 and 5 times a power of ten, or at 1 and 3, or at decades: as many as there may be.
    pub fn log_within(low: f64, high: f64, ticks_max: usize, start_px: f64, end_px: f64) -> Axis {
        let (mut low, mut high) = ordered(low.max(SMALLEST), high, SMALLEST, LARGEST);
        if high / low < 10.0 {
            let widen = libm::sqrt(10.0 * low / high);
            (low, high) = (low / widen, high * widen);
        }
        let ticks_max = ticks_max.clamp(2, 12);
        let (first, last) = (libm::log10(low).floor() as i32, libm::log10(high).ceil() as i32);
        let at = |factors: &[f64]| -> Vec<f64> {
            let powers = (first..=last).map(|exponent| libm::pow(10.0, f64::from(exponent)));
            let all = powers.flat_map(|power| factors.iter().map(move |factor| factor * power));
            all.filter(|tick| *tick >= low * (1.0 - 1e-9) && *tick <= high * (1.0 + 1e-9)).collect()
        };
        let fine = [[1.0, 2.0, 5.0].as_slice(), &[1.0, 3.0]].into_iter().map(at).find(|ticks| ticks.len() <= ticks_max);
        let ticks = fine.unwrap_or_else(|| {
            let decades = at(&[1.0]);
            let every = decades.len().div_ceil(ticks_max).max(1);
            decades.into_iter().step_by(every).collect()
        });
        Axis { scale: Scale::Log, low, high, start_px, end_px, ticks }
    }

    /// A time axis from 0 to `until`, in ns, with ticks at round seconds, minutes or hours.
    pub fn time(until: Span, ticks_max: usize, start_px: f64, end_px: f64) -> Axis {
        Axis::time_between(0.0, until.0.clamp(1, LARGEST as u64) as f64, ticks_max, start_px, end_px)
    }

    /// As [`Axis::time`], from `low` ns, for windows inside a run.
    pub fn time_between(low: f64, high: f64, ticks_max: usize, start_px: f64, end_px: f64) -> Axis {
        let (low, high) = ordered(low, high, 0.0, LARGEST);
        let unit = time_unit(high - low).1;
        // Units that divide by sixty or twenty-four want other round numbers than units that divide by ten.
        let steps: &[f64] = if unit == 3600e9 {
            &[1.0, 2.0, 3.0, 6.0, 12.0, 24.0]
        } else if unit == 60e9 || unit == 1e9 {
            &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0]
        } else {
            &[1.0, 2.0, 5.0, 10.0]
        };
        let raw = (high - low) / unit / ticks_max.clamp(2, 12) as f64;
        let step = steps
            .iter()
            .copied()
            .find(|s| *s >= raw && raw > 0.5)
            .unwrap_or_else(|| nice_step(raw, &[1.0, 2.0, 5.0, 10.0]))
            * unit;
        Axis { scale: Scale::Linear, low, high, start_px, end_px, ticks: multiples(low, high, step) }
    }

    /// Linear or log.
    pub fn scale(&self) -> Scale {
        self.scale
    }
    /// The value at the low end.
    pub fn low(&self) -> f64 {
        self.low
    }
    /// The value at the high end.
    pub fn high(&self) -> f64 {
        self.high
    }
    /// The pixel of the low end.
    pub fn start_px(&self) -> f64 {
        self.start_px
    }
    /// The pixel of the high end.
    pub fn end_px(&self) -> f64 {
        self.end_px
    }
    /// Where ticks stand, ascending, at most seventeen.
    pub fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// The position of `value` between 0 (low) and 1 (high). Clamped; NaN sits at 0.
    pub fn fraction(&self, value: f64) -> f64 {
        let fraction = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => {
                let low = libm::log10(self.low);
                (libm::log10(value.min(LARGEST)) - low) / (libm::log10(self.high) - low)
            }
            Scale::Log => 0.0,
        };
        if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) }
    }

    /// The pixel of `value`. Clamped to the axis; NaN sits at the low end.
    pub fn at(&self, value: f64) -> f64 {
        self.start_px + self.fraction(value) * (self.end_px - self.start_px)
    }

    /// Each tick's pixel and text in `unit`.
    pub fn labels(&self, unit: Unit) -> Vec<(f64, String)> {
        self.ticks.iter().map(|tick| (self.at(*tick), unit.tick(*tick))).collect()
    }

    /// Each tick's pixel and text on a time axis, the unit on the last tick only: `0 30 60 s`.
    pub fn time_labels(&self) -> Vec<(f64, String)> {
        let (name, unit) = time_unit(self.high - self.low);
        let last = self.ticks.len().saturating_sub(1);
        let text = |i: usize, tick: f64| {
            let digits = crate::report::number::digits3(tick / unit);
            if i == last { format!("{digits}{NARROW_SPACE}{name}") } else { digits }
        };
        self.ticks.iter().enumerate().map(|(i, tick)| (self.at(*tick), text(i, *tick))).collect()
    }
}

/// The unit that a stretch of time is counted in on an axis, and its length in ns.
pub fn time_unit(length_ns: f64) -> (&'static str, f64) {
    match length_ns {
        l if l < 2e3 => ("ns", 1.0),
        l if l < 2e6 => ("µs", 1e3),
        l if l < 2e9 => ("ms", 1e6),
        l if l <= 300e9 => ("s", 1e9),
        l if l <= 5.0 * 3600e9 => ("min", 60e9),
        l if l <= 4.0 * 86_400e9 => ("h", 3600e9),
        _ => ("d", 86_400e9),
    }
}

fn ordered(low: f64, high: f64, smallest: f64, largest: f64) -> (f64, f64) {
    let low = if low.is_finite() { low.clamp(smallest, largest) } else { smallest.max(0.0) };
    let high = if high.is_finite() { high.clamp(smallest, largest) } else { low };
    // A range too narrow for f64 to step through is as good as empty.
    if high - low > low.abs() * 1e-9 && high > low {
        (low, high)
    } else if low == 0.0 {
        (0.0, 1.0)
    } else {
        (low, low + low.abs())
    }
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    let ticks: Vec<f64> =
        (0..17).map(|i| (first + f64::from(i)) * step).take_while(|t| *t <= high + step * 1e-9).collect();
    if ticks.is_empty() { vec![low, high] } else { ticks }
}

/// The smallest of `steps` times a power of ten that is at least `raw`.
fn nice_step(raw: f64, steps: &[f64]) -> f64 {
    if !raw.is_finite() || raw <= 0.0 {
        return 1.0;
    }
    let power = libm::pow(10.0, libm::floor(libm::log10(raw) + 1e-12));
    steps.iter().map(|s| s * power).find(|s| *s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(labels: Vec<(f64, String)>) -> String {
        labels.into_iter().map(|l| l.1.replace(NARROW_SPACE, "_")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn time_ticks_are_round_and_carry_the_unit_once() {
        assert_eq!(texts(Axis::time(Span::secs(90), 6, 0.0, 1.0).time_labels()), "0 15 30 45 60 75 90_s");
        assert_eq!(texts(Axis::time(Span::secs(120), 6, 0.0, 1.0).time_labels()), "0 20 40 60 80 100 120_s");
        assert_eq!(texts(Axis::time(Span::millis(40), 8, 0.0, 1.0).time_labels()), "0 5 10 15 20 25 30 35 40_ms");
        assert_eq!(texts(Axis::time(Span::secs(600), 6, 0.0, 1.0).time_labels()), "0 2 4 6 8 10_min");
    }

    #[test]
    fn rates_start_at_zero_and_end_round() {
        let axis = Axis::fit(Scale::Linear, [698.0, 2801.0], 4, 100.0, 0.0);
        assert_eq!(texts(axis.labels(Unit::PerSecond)), "0 1_000 2_000 3_000");
        assert_eq!(axis.at(0.0), 100.0);
        assert_eq!(axis.at(3000.0), 0.0);
    }

    #[test]
    fn nine_decades_show_every_third_with_changing_units() {
        let axis = Axis::fit(Scale::Log, [1e3, 0.9e12], 9, 0.0, 100.0);
        assert_eq!(texts(axis.labels(Unit::Nanos)), "1_µs 1_ms 1_s 16.7_min");
    }

    #[test]
    fn a_log_axis_may_end_between_decades() {
        let axis = Axis::log_within(4e6, 70e6, 9, 0.0, 100.0);
        assert_eq!(texts(axis.labels(Unit::Nanos)), "5_ms 10_ms 20_ms 50_ms");
        assert_eq!(texts(Axis::log_within(4e6, 70e6, 3, 0.0, 1.0).labels(Unit::Nanos)), "10_ms 30_ms");
        assert_eq!((axis.at(4e6), axis.at(70e6)), (0.0, 100.0));
        assert_eq!(
            texts(Axis::log_within(2e3, 5e8, 5, 0.0, 1.0).labels(Unit::Nanos)),
            "10_µs 100_µs 1_ms 10_ms 100_ms"
        );
        let one = Axis::log_within(2e6, 2e6, 5, 0.0, 100.0);
        assert!((one.high() / one.low() - 10.0).abs() < 1e-6, "{one:?}");
    }

    #[test]
    fn all_equal_is_padded_by_half_the_value() {
        let axis = Axis::fit(Scale::Log, [2e6, 2e6], 5, 0.0, 100.0);
        assert_eq!(texts(axis.labels(Unit::Nanos)), "1_ms 2_ms 3_ms");
        assert_eq!(axis.at(2e6), 50.0);
    }

    #[test]
    fn no_data_still_gives_an_axis() {
        let axis = Axis::fit(Scale::Linear, [f64::NAN, f64::INFINITY], 4, 0.0, 100.0);
        assert!(axis.high() > axis.low());
        assert!(axis.ticks().len() >= 2);
    }

    proptest! {
        #[test]
        fn any_input_gives_a_finite_axis_with_few_ticks(
            low in proptest::num::f64::ANY, high in proptest::num::f64::ANY, value in proptest::num::f64::ANY,
            ticks in 0_usize..100, ns in any::<u64>(),
        ) {
            for axis in [
                Axis::fit(Scale::Linear, [low, high], ticks, 0.0, 100.0),
                Axis::fit(Scale::Log, [low, high], ticks, 0.0, 100.0),
                Axis::linear(low, high, ticks, 0.0, 100.0),
                Axis::exact(low, high, ticks, 0.0, 100.0),
                Axis::log(low, high, ticks, 0.0, 100.0),
                Axis::log_within(low, high, ticks, 0.0, 100.0),
                Axis::time(Span(ns), ticks, 0.0, 100.0),
                Axis::time_between(low, high, ticks, 0.0, 100.0),
            ] {
                prop_assert!(axis.low().is_finite() && axis.high().is_finite() && axis.low() < axis.high(), "{axis:?}");
                prop_assert!(!axis.ticks().is_empty() && axis.ticks().len() <= 17, "{axis:?}");
                prop_assert!(axis.ticks().iter().all(|t| t.is_finite()), "{axis:?}");
                let px = axis.at(value);
                prop_assert!((0.0..=100.0).contains(&px));
            }
        }
    }
}
