//! A number with its unit, as it stands in an expression: `50ms`, `95%`, `8K/s`, `4MiB`, `5M`.

use std::fmt;

use super::dimension::Dimension;
use crate::spec::{TextError, units};

/// A number with its unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// In seconds, per second, bytes, or 1.
    pub value: f64,
    /// What it measures.
    pub dimension: Dimension,
    /// As it was written.
    pub written: String,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Quantity {
    /// The same below zero.
    pub(super) fn negated(self) -> Quantity {
        Quantity { value: -self.value, dimension: self.dimension, written: format!("-{}", self.written) }
    }
}

/// Reads a number with its unit; `offset` is where it stands.
pub(super) fn quantity(written: &str, offset: usize) -> Result<Quantity, TextError> {
    let read = units::quantity(written).map_err(|error| error.shifted(offset))?;
    let (value, dimension) = match read.dimension {
        // A measured number of nanoseconds is divided in the same way, so that equal times are equal numbers.
        units::Dimension::Duration => (read.value / 1e9, Dimension::DURATION),
        units::Dimension::Rate => (read.value, Dimension::RATE),
        units::Dimension::Size => (read.value, Dimension::SIZE),
        units::Dimension::Bandwidth => (read.value, Dimension::BANDWIDTH),
        // Read as a decimal again: 99.9 / 100 need not be the double nearest to 0.999, as 999 of 1000 is.
        units::Dimension::Share => {
            let decimal = format!("{}e-2", written.trim_end_matches('%').replace('_', "")).parse();
            (decimal.unwrap_or(read.value), Dimension::SHARE)
        }
        units::Dimension::Drift => (read.value / 1e6, Dimension::NUMBER),
        // A bare number fits counts and numbers alike.
        units::Dimension::Count | units::Dimension::Number => (read.value, Dimension::NUMBER),
    };
    Ok(Quantity { value, dimension, written: written.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_to_the_last_bit() {
        for (written, value, dimension) in [
            ("0.3ms", 300_000.0 / 1e9, Dimension::DURATION),
            ("60ms", 60_000_000.0 / 1e9, Dimension::DURATION),
            ("1.5m", 90.0, Dimension::DURATION),
            ("95%", 0.95, Dimension::SHARE),
            ("99.9%", 999.0 / 1000.0, Dimension::SHARE),
            ("16.57%", 0.1657, Dimension::SHARE),
            ("700/s", 700.0, Dimension::RATE),
            ("40/day", 40.0 / 86_400.0, Dimension::RATE),
            ("100_000", 1e5, Dimension::NUMBER),
            ("1M", 1e6, Dimension::NUMBER),
            ("0.3", 0.3, Dimension::NUMBER),
            ("4MiB", 4_194_304.0, Dimension::SIZE),
            ("10Gbps", 1.25e9, Dimension::BANDWIDTH),
        ] {
            let read = quantity(written, 0).expect(written);
            assert_eq!((read.value, read.dimension), (value, dimension), "{written}");
        }
    }

    #[test]
    fn errors_stand_where_the_unit_does() {
        let error = quantity("10min", 7).unwrap_err();
        assert_eq!(error.at.end, 12, "{error:?}");
        assert!(error.help.is_some_and(|help| help.contains("`10m`")));
        assert!(quantity("3q/s", 0).is_err());
        assert!(quantity(&"9".repeat(400), 0).is_err());
    }
}
