//! Types of quantities that keys are read as, and ranges of them.

use super::{Dimension, Quantity, Sign, quantity, quantity_in};
use crate::engine::Span;
use crate::spec::text::{FromText, TextError};

macro_rules! quantity_type {
    ($(#[$doc:meta])* $name:ident($inner:ty), $dimension:ident, $what:literal, $examples:expr, |$value:ident| $make:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name(pub $inner);

        impl FromText for $name {
            const WHAT: &'static str = $what;
            fn from_text(text: &str) -> Result<$name, TextError> {
                let $value = quantity_in(text, Dimension::$dimension, Sign::Positive)?;
                Ok($name($make))
            }
            fn numbers() -> bool {
                matches!(Dimension::$dimension, Dimension::Count)
            }
            fn pattern() -> Option<String> {
                Some(format!("^{}$", Dimension::$dimension.regex()))
            }
            fn examples() -> &'static [&'static str] {
                $examples
            }
        }
    };
}

quantity_type!(
    /// Events per second.
    Rate(f64), Rate, "a rate", &["700/s", "69.4K/s", "40/day"], |value| value
);
quantity_type!(
    /// Bytes.
    Size(u64), Size, "a size", &["120B", "10KB", "4MiB"], |value| value as u64
);
quantity_type!(
    /// A part per whole that may exceed the whole: 1.5 is 150%.
    Percent(f64), Share, "a percentage", &["10%", "150%"], |value| value
);
quantity_type!(
    /// How many.
    Count(u64), Count, "a count", &["100", "100_000", "50M"], |value| value as u64
);

/// Bytes per second, at least one.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Bandwidth(pub u64);

impl FromText for Bandwidth {
    const WHAT: &'static str = "a bandwidth";
    fn from_text(text: &str) -> Result<Bandwidth, TextError> {
        let bytes = libm::round(quantity_in(text, Dimension::Bandwidth, Sign::Positive)?) as u64;
        if bytes == 0 {
            return Err(TextError::new(0..text.len(), "a bandwidth is at least one byte a second")
                .help("what nothing gets through is cut: `partition` or `cut` in a fault"));
        }
        Ok(Bandwidth(bytes))
    }
    fn pattern() -> Option<String> {
        Some(format!("^{}$", Dimension::Bandwidth.regex()))
    }
    fn examples() -> &'static [&'static str] {
        &["10Gbps", "50MB/s"]
    }
}

/// A duration above zero, for arguments where none makes no sense.
pub fn span_above_zero(text: &str) -> Result<Span, TextError> {
    match Span::from_text(text)? {
        Span::ZERO => Err(TextError::new(0..text.len(), "this must be longer than 0s")),
        span => Ok(span),
    }
}

/// A plain number, such as a factor.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Number(pub f64);

impl FromText for Number {
    const WHAT: &'static str = "a number";
    fn from_text(text: &str) -> Result<Number, TextError> {
        if quantity_in(text, Dimension::Number, Sign::Any).is_ok() {
            return Err(TextError::new(0..text.len(), format!("`{text}` is a text, expected a number"))
                .help(format!("write {text} without quotes")));
        }
        quantity_in(text, Dimension::Number, Sign::Any).map(Number)
    }
    fn from_number(written: &str) -> Result<Number, TextError> {
        let value: f64 = written.parse().unwrap_or(f64::NAN);
        if value.is_finite() {
            return Ok(Number(value));
        }
        Err(TextError::new(0..written.len(), format!("`{written}` is not a finite number")))
    }
    fn numbers() -> bool {
        true
    }
    fn examples() -> &'static [&'static str] {
        &[]
    }
}

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl FromText for Share {
    const WHAT: &'static str = "a share";
    fn from_text(text: &str) -> Result<Share, TextError> {
        let value = quantity_in(text, Dimension::Share, Sign::Positive)?;
        if value > 1.0 {
            return Err(TextError::new(0..text.len(), format!("`{text}` is more than everything")).label("above 100%"));
        }
        Ok(Share(value))
    }
    fn pattern() -> Option<String> {
        Some(format!("^{}$", Dimension::Share.regex()))
    }
    fn examples() -> &'static [&'static str] {
        &["5%", "0.1%"]
    }
}

impl FromText for Span {
    const WHAT: &'static str = "a duration";
    fn from_text(text: &str) -> Result<Span, TextError> {
        Ok(Span::from_nanos_f64(quantity_in(text, Dimension::Duration, Sign::Positive)?))
    }
    fn pattern() -> Option<String> {
        Some(format!("^{}$", Dimension::Duration.regex()))
    }
    fn examples() -> &'static [&'static str] {
        &["250us", "1.5s", "5m", "3h"]
    }
}

/// Two quantities of one dimension, ends included: `150ms..300ms`; whole numbers `1..=5`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lowest, in the base unit.
    pub low: f64,
    /// Highest, in the base unit; not below `low`.
    pub high: f64,
    /// What both measure.
    pub dimension: Dimension,
}

/// Splits at the two dots of a range: low text, high text, whether it was `..=`.
pub(crate) fn split_range(text: &str) -> Option<(&str, &str, bool)> {
    let (low, high) = text.split_once("..")?;
    match high.strip_prefix('=') {
        Some(high) => Some((low, high, true)),
        None => Some((low, high, false)),
    }
}

/// Reads a range. With a dimension both ends must have it; without, the ends say, and must agree.
pub fn bounds(text: &str, dimension: Option<Dimension>, sign: Sign) -> Result<Bounds, TextError> {
    let Some((low_text, high_text, closed)) = split_range(text) else {
        return Err(TextError::new(0..text.len(), format!("`{text}` is not a range"))
            .help("write both ends: `150ms..300ms`, or `1..=5` for whole numbers"));
    };
    let high_at = text.len() - high_text.len();
    let read = |part: &str, at: usize| -> Result<Quantity, TextError> {
        if part.is_empty() {
            return Err(
                TextError::new(at..at, format!("`{text}` lacks one end")).help("both ends of a range are written")
            );
        }
        let read = match dimension {
            Some(dimension) => quantity_in(part, dimension, sign).map(|value| Quantity { value, dimension }),
            None => quantity(part),
        };
        read.map_err(|error| error.shifted(at))
    };
    let low = read(low_text, 0)?;
    let high = read(high_text, high_at)?;
    if low.dimension != high.dimension {
        return Err(TextError::new(
            0..text.len(),
            format!("`{text}` goes from {} to {}", low.dimension.what(), high.dimension.what()),
        )
        .help("both ends need a unit of the same kind"));
    }
    if low.value > high.value {
        return Err(TextError::new(0..text.len(), format!("`{text}` is empty: it ends before it begins"))
            .help(format!("write `{high_text}..{}{low_text}`", if closed { "=" } else { "" })));
    }
    let whole = low.dimension == Dimension::Count;
    if whole && !closed {
        return Err(TextError::new(low_text.len()..high_at, "a range of whole numbers is written `..=`")
            .help(format!("write `{low_text}..={high_text}`; both ends are included")));
    }
    if !whole && closed {
        return Err(TextError::new(low_text.len()..high_at, "`..=` is for whole numbers")
            .help(format!("write `{low_text}..{high_text}`; both ends are included")));
    }
    Ok(Bounds { low: low.value, high: high.value, dimension: low.dimension })
}

/// A range of whole numbers, ends included: `1..=5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeRange {
    /// First.
    pub first: u64,
    /// Last; not below `first`.
    pub last: u64,
}

impl FromText for WholeRange {
    const WHAT: &'static str = "a range of whole numbers";
    fn from_text(text: &str) -> Result<WholeRange, TextError> {
        let bounds = bounds(text, Some(Dimension::Count), Sign::Positive).map_err(|error| match error.help {
            None => error.help("write both ends: `1..=5`"),
            Some(_) => error,
        })?;
        Ok(WholeRange { first: bounds.low as u64, last: bounds.high as u64 })
    }
    fn from_number(written: &str) -> Result<WholeRange, TextError> {
        Err(TextError::new(0..written.len(), format!("`{written}` is not a range"))
            .help(format!("write `\"{written}..={written}\"` for that one alone, or `\"1..={written}\"`")))
    }
    fn pattern() -> Option<String> {
        Some("^[0-9][0-9_]*[KMB]?\\.\\.=[0-9][0-9_]*[KMB]?$".into())
    }
    fn examples() -> &'static [&'static str] {
        &["1..=5"]
    }
}
