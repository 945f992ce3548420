//! How a rate changes over time: `700/s`, `ramp(…)`, `steps(…)`, `diurnal(…)`, `bursts(…)`, `trace(file.csv)`.

use super::call::{Call, Signature, unknown_word};
use super::dist::{Drawn, Durations};
use super::text::{FromText, TextError};
use super::units::{Dimension, Rate, Sign, quantity_in};
use crate::engine::Span;

/// A rate over time, per second.
#[derive(Clone, Debug, PartialEq)]
pub enum RateOverTime {
    /// Always the same.
    Constant(f64),
    /// Linear between two rates, then the second for good.
    Ramp {
        /// At the start.
        from: f64,
        /// At the end.
        to: f64,
        /// How long the climb takes.
        over: Span,
    },
    /// From each moment on, this rate; the first moment is 0s.
    Steps(Vec<(Span, f64)>),
    /// A sine around the mean that reaches the peak once a period.
    Diurnal {
        /// Over a period.
        mean: f64,
        /// Highest.
        peak: f64,
        /// Of the sine.
        period: Span,
    },
    /// Two rates in turn, each for a drawn time: a Markov-modulated Poisson process.
    Bursts {
        /// Between bursts.
        low: f64,
        /// In a burst.
        high: f64,
        /// How long it stays low.
        low_for: Drawn<Durations>,
        /// How long it stays high.
        high_for: Drawn<Durations>,
    },
    /// Arrivals recorded in a file, one moment a line.
    Trace(String),
}

const NAMES: &[&str] = &["ramp", "steps", "diurnal", "bursts", "trace"];

impl FromText for RateOverTime {
    const WHAT: &'static str = "a rate, or a rate over time";
    fn from_text(text: &str) -> Result<RateOverTime, TextError> {
        if !text.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Rate::from_text(text).map(|rate| RateOverTime::Constant(rate.0));
        }
        let rate = |part: &str| quantity_in(part, Dimension::Rate, Sign::Positive);
        let call = Call::parse(text)?;
        match call.name {
            "ramp" => {
                let usage = "`ramp(100/s, 8K/s, over=300s)`";
                let bound = call.bind(Signature { usage, positional: &["from", "to", "over"], named: &[] })?;
                let over = bound.read("over", Span::from_text)?;
                Ok(RateOverTime::Ramp { from: bound.read("from", rate)?, to: bound.read("to", rate)?, over })
            }
            "steps" => steps(&call).map(RateOverTime::Steps),
            "diurnal" => {
                let usage = "`diurnal(mean=23K/s, peak=69K/s, period=24h)`";
                let bound = call.bind(Signature { usage, positional: &["mean", "peak", "period"], named: &[] })?;
                let (mean, peak) = (bound.read("mean", rate)?, bound.read("peak", rate)?);
                let at = bound.need("peak")?.at();
                if peak < mean {
                    return Err(TextError::new(at, "the peak is below the mean"));
                }
                // A sine around the mean would fall below zero.
                if peak > 2.0 * mean {
                    return Err(TextError::new(at, "the peak is above twice the mean: the rate would fall below zero")
                        .help("a sine reaches at most twice its mean; use `steps(…)` for a sharper day"));
                }
                let period = bound.read("period", Span::from_text)?;
                if period.is_zero() {
                    return Err(TextError::new(bound.need("period")?.at(), "the period must be above zero"));
                }
                Ok(RateOverTime::Diurnal { mean, peak, period })
            }
            "bursts" => {
                let usage = "`bursts(100/s, 1K/s, low=exp(55s), high=exp(5s))`";
                let bound = call.bind(Signature { usage, positional: &["from", "to"], named: &["low", "high"] })?;
                Ok(RateOverTime::Bursts {
                    low: bound.read("from", rate)?,
                    high: bound.read("to", rate)?,
                    low_for: bound.read("low", Drawn::from_text)?,
                    high_for: bound.read("high", Drawn::from_text)?,
                })
            }
            "trace" => {
                let usage = "`trace(arrivals.csv)`";
                let bound = call.bind(Signature { usage, positional: &["file"], named: &[] })?;
                Ok(RateOverTime::Trace(bound.need("file")?.text.to_string()))
            }
            _ => Err(unknown_word(call.name, call.name_at(), "rate over time", NAMES.iter().copied())),
        }
    }
    fn examples() -> &'static [&'static str] {
        &["700/s", "ramp(100/s, 8K/s, over=300s)", "steps(0s: 100/s, 60s: 2K/s)"]
    }
}

fn steps(call: &Call<'_>) -> Result<Vec<(Span, f64)>, TextError> {
    let usage = "write `steps(0s: 100/s, 60s: 2K/s)`";
    let mut steps: Vec<(Span, f64)> = Vec::new();
    for arg in call.args.iter().flatten() {
        let (at, rate) = arg.pair().map_err(|error| error.help(usage))?;
        let moment = at.read(Span::from_text)?;
        match steps.last() {
            None if !moment.is_zero() => {
                return Err(TextError::new(at.at(), "the first step begins at `0s`").help(usage));
            }
            Some((before, _)) if *before >= moment => {
                return Err(TextError::new(at.at(), "steps go forward in time").help(usage));
            }
            _ => {}
        }
        steps.push((moment, rate.read(Rate::from_text)?.0));
    }
    if steps.is_empty() {
        return Err(TextError::new(call.at(), "`steps` has no steps").help(usage));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_over_time() {
        for (text, rate) in [
            ("700/s", RateOverTime::Constant(700.0)),
            ("ramp(100/s, 8K/s, over=300s)", RateOverTime::Ramp { from: 100.0, to: 8000.0, over: Span::secs(300) }),
            ("steps(0s: 100/s, 60s: 2K/s)", RateOverTime::Steps(vec![(Span::ZERO, 100.0), (Span::secs(60), 2000.0)])),
            (
                "diurnal(mean=40/s, peak=69/s, period=24h)",
                RateOverTime::Diurnal { mean: 40.0, peak: 69.0, period: Span::secs(86400) },
            ),
            ("trace(arrivals.csv)", RateOverTime::Trace("arrivals.csv".into())),
        ] {
            assert_eq!(RateOverTime::from_text(text), Ok(rate), "{text}");
        }
        let bursts = RateOverTime::from_text("bursts(100/s, 1K/s, low=exp(55s), high=exp(5s))");
        assert!(matches!(bursts, Ok(RateOverTime::Bursts { low: 100.0, high: 1000.0, .. })));
    }

    #[test]
    fn rates_that_are_refused() {
        for (text, message) in [
            ("700", "`700` of what? a rate needs a unit"),
            ("ramp(100/s, 8K/s)", "`ramp` lacks its `over`"),
            ("steps(5s: 100/s)", "the first step begins at `0s`"),
            ("steps(0s: 100/s, 0s: 1/s)", "steps go forward in time"),
            ("steps()", "`steps` has no steps"),
            ("diurnal(23/s, 69/s, 24h)", "the peak is above twice the mean: the rate would fall below zero"),
            ("rampup(1/s, 2/s, 3s)", "unknown rate over time `rampup`"),
        ] {
            assert_eq!(RateOverTime::from_text(text).expect_err(text).message, message);
        }
    }
}
