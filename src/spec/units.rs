//! Quantities with their units: `50ms`, `700/s`, `4MiB`, `5%`.
//!
//! Nothing is guessed: a bare number where a unit belongs is an error that names the units that fit.

mod quantities;

use std::ops::Range;

use super::nearest;
use super::text::TextError;

pub(crate) use quantities::split_range;
pub use quantities::{
    Bandwidth, Bounds, Count, Number, Percent, Rate, Share, Size, WholeRange, bounds, span_above_zero,
};

/// What a quantity measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Time; base unit nanosecond.
    Duration,
    /// Events per time; base unit per second.
    Rate,
    /// Data; base unit byte.
    Size,
    /// Data per time; base unit byte per second.
    Bandwidth,
    /// A part of a whole; base unit 1 (so 5% is 0.05).
    Share,
    /// How much faster a clock runs; base unit part per million.
    Drift,
    /// How many; no unit.
    Count,
    /// A plain number, such as a factor; no unit.
    Number,
}

/// A number with what it measures, in the base unit of that dimension.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// In the dimension's base unit.
    pub value: f64,
    /// What it measures.
    pub dimension: Dimension,
}

/// Whether a quantity may be below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It may not: a service time, a rate.
    Positive,
    /// It may: a clock offset, a number to add.
    Any,
}

/// One unit: how it is written, what it is worth in the base unit.
struct Unit {
    name: &'static str,
    worth: f64,
}

const fn unit(name: &'static str, worth: f64) -> Unit {
    Unit { name, worth }
}

const DURATIONS: &[Unit] = &[
    unit("ns", 1.0),
    unit("us", 1e3),
    unit("ms", 1e6),
    unit("s", 1e9),
    unit("m", 60e9),
    unit("h", 3600e9),
    unit("d", 86400e9),
];
const RATES: &[Unit] =
    &[unit("/s", 1.0), unit("/m", 1.0 / 60.0), unit("/h", 1.0 / 3600.0), unit("/day", 1.0 / 86400.0)];
const SIZES: &[Unit] = &[
    unit("B", 1.0),
    unit("KB", 1e3),
    unit("MB", 1e6),
    unit("GB", 1e9),
    unit("TB", 1e12),
    unit("PB", 1e15),
    unit("KiB", 1024.0),
    unit("MiB", 1_048_576.0),
    unit("GiB", 1_073_741_824.0),
    unit("TiB", 1_099_511_627_776.0),
];
const BANDWIDTHS: &[Unit] = &[
    unit("bps", 0.125),
    unit("Kbps", 125.0),
    unit("Mbps", 125e3),
    unit("Gbps", 125e6),
    unit("Tbps", 125e9),
    unit("B/s", 1.0),
    unit("KB/s", 1e3),
    unit("MB/s", 1e6),
    unit("GB/s", 1e9),
    unit("KiB/s", 1024.0),
    unit("MiB/s", 1_048_576.0),
    unit("GiB/s", 1_073_741_824.0),
];
const SHARES: &[Unit] = &[unit("%", 0.01)];
const DRIFTS: &[Unit] = &[unit("ppm", 1.0)];
/// Multiples that stand before a rate's slash, and behind a count.
const MULTIPLES: &[Unit] = &[unit("K", 1e3), unit("M", 1e6), unit("B", 1e9)];

/// Units people know from elsewhere, and what they are called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("usec", "us"),
    ("µs", "us"),
    ("μs", "us"),
    ("micros", "us"),
    ("nanos", "ns"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("rps", "/s"),
    ("qps", "/s"),
    ("tps", "/s"),
    ("req/s", "/s"),
    ("k/s", "K/s"),
    ("krps", "K/s"),
    ("kqps", "K/s"),
    ("ops/s", "/s"),
    ("/sec", "/s"),
    ("/second", "/s"),
    ("/min", "/m"),
    ("/minute", "/m"),
    ("/hour", "/h"),
    ("/hr", "/h"),
    ("/d", "/day"),
    ("kB", "KB"),
    ("kb", "KB"),
    ("Kb", "KB"),
    ("mb", "MB"),
    ("Mb", "MB"),
    ("gb", "GB"),
    ("Gb", "GB"),
    ("bytes", "B"),
    ("byte", "B"),
    ("kbps", "Kbps"),
    ("mbps", "Mbps"),
    ("gbps", "Gbps"),
    ("bit/s", "bps"),
    ("Mbit/s", "Mbps"),
    ("Gbit/s", "Gbps"),
    ("percent", "%"),
    ("pct", "%"),
    ("k", "K"),
    ("G", "B"),
    ("bn", "B"),
    ("mn", "M"),
];

impl Dimension {
    /// Every dimension, for error messages.
    pub const ALL: [Dimension; 8] = [
        Dimension::Duration,
        Dimension::Rate,
        Dimension::Size,
        Dimension::Bandwidth,
        Dimension::Share,
        Dimension::Drift,
        Dimension::Count,
        Dimension::Number,
    ];

    /// With its article: "a duration".
    pub const fn what(self) -> &'static str {
        match self {
            Dimension::Duration => "a duration",
            Dimension::Rate => "a rate",
            Dimension::Size => "a size",
            Dimension::Bandwidth => "a bandwidth",
            Dimension::Share => "a share",
            Dimension::Drift => "a drift",
            Dimension::Count => "a count",
            Dimension::Number => "a number",
        }
    }

    /// The units that fit, written out.
    pub const fn units(self) -> &'static str {
        match self {
            Dimension::Duration => "ns, us, ms, s, m, h, d",
            Dimension::Rate => "/s, /m, /h, /day, also K/s, M/s, B/s",
            Dimension::Size => "B, KB, MB, GB, TB, PB, KiB, MiB, GiB, TiB",
            Dimension::Bandwidth => "bps, Kbps, Mbps, Gbps, Tbps, KB/s, MB/s, GB/s",
            Dimension::Share => "%",
            Dimension::Drift => "ppm",
            Dimension::Count => "none, or K, M, B for thousands, millions, billions",
            Dimension::Number => "none",
        }
    }

    fn table(self) -> &'static [Unit] {
        match self {
            Dimension::Duration => DURATIONS,
            Dimension::Rate => RATES,
            Dimension::Size => SIZES,
            Dimension::Bandwidth => BANDWIDTHS,
            Dimension::Share => SHARES,
            Dimension::Drift => DRIFTS,
            Dimension::Count => MULTIPLES,
            Dimension::Number => &[],
        }
    }

    /// The unit a bare number most often meant.
    fn usual(self) -> &'static str {
        match self {
            Dimension::Duration => "ms",
            Dimension::Rate => "/s",
            Dimension::Size => "KB",
            Dimension::Bandwidth => "MB/s",
            Dimension::Share => "%",
            Dimension::Drift => "ppm",
            Dimension::Count | Dimension::Number => "",
        }
    }

    /// Worth of a unit, if it is one of this dimension.
    fn worth(self, name: &str) -> Option<f64> {
        if let Some(unit) = self.table().iter().find(|unit| unit.name == name) {
            return Some(unit.worth);
        }
        if self == Dimension::Count && name.is_empty() || self == Dimension::Number && name.is_empty() {
            return Some(1.0);
        }
        if self == Dimension::Rate {
            let multiple = MULTIPLES.iter().find(|multiple| name.starts_with(multiple.name))?;
            let per = RATES.iter().find(|unit| unit.name == &name[multiple.name.len()..])?;
            return Some(multiple.worth * per.worth);
        }
        None
    }

    /// Regular expression of one quantity, without anchors.
    pub fn regex(self) -> String {
        let number = r"[0-9][0-9_]*(\.[0-9]+)?";
        let units: Vec<String> = self.table().iter().map(|unit| unit.name.replace('/', "\\/")).collect();
        match self {
            Dimension::Rate => format!(r"{number}[KMB]?({})", units.join("|")),
            Dimension::Count => format!(r"{number}[KMB]?"),
            Dimension::Number => format!("-?{number}"),
            _ => format!("{number}({})", units.join("|")),
        }
    }
}

/// A number and the unit behind it, as written.
struct Split<'a> {
    number: &'a str,
    unit: &'a str,
}

/// Cuts `12.5ms` between number and unit; `None` if it doesn't begin with a number.
fn split(text: &str) -> Option<Split<'_>> {
    let bytes = text.as_bytes();
    let mut end = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = end;
    while end < bytes.len() && (bytes[end].is_ascii_digit() || bytes[end] == b'_' && end > digits) {
        end += 1;
    }
    if end == digits {
        return None;
    }
    // `1..5` is a range, not `1.` and `.5`.
    if end + 1 < bytes.len() && bytes[end] == b'.' && bytes[end + 1].is_ascii_digit() {
        end += 1;
        while end < bytes.len() && (bytes[end].is_ascii_digit() || bytes[end] == b'_') {
            end += 1;
        }
    }
    Some(Split { number: &text[..end], unit: &text[end..] })
}

fn number(written: &str) -> Option<f64> {
    written.replace('_', "").parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Reads one quantity of one dimension, in its base unit.
pub fn quantity_in(text: &str, dimension: Dimension, sign: Sign) -> Result<f64, TextError> {
    let whole = 0..text.len();
    let Some(parts) = split(text) else {
        return Err(no_number(text, dimension));
    };
    let Some(worth) = dimension.worth(parts.unit) else {
        return Err(wrong_unit(text, &parts, dimension));
    };
    let too_large = || TextError::new(whole.clone(), format!("`{text}` is too large"));
    let value = number(parts.number).ok_or_else(too_large)?;
    if value < 0.0 && sign == Sign::Positive {
        let what = dimension.what();
        return Err(TextError::new(whole, format!("{what} can't be negative: `{text}`")).label("below zero"));
    }
    let scaled = if dimension == Dimension::Duration {
        exact_nanos(parts.number, worth).unwrap_or(value * worth)
    } else if dimension == Dimension::Share {
        value / 100.0
    } else if dimension == Dimension::Rate && worth < 1.0 {
        // One correctly rounded division, so that 40/day is what 40 / 86400 is.
        value / libm::round(1.0 / worth)
    } else {
        value * worth
    };
    match dimension {
        // 292 years: half of what virtual time can hold, so that the sum of two still fits.
        Dimension::Duration if scaled.abs() > i64::MAX as f64 => {
            return Err(too_large().help("the longest duration is 292 years, `106_000d`"));
        }
        Dimension::Duration if scaled != 0.0 && scaled.abs() < 0.5 => {
            return Err(
                TextError::new(whole, format!("`{text}` is shorter than a nanosecond")).help("time goes in whole ns")
            );
        }
        Dimension::Count | Dimension::Size | Dimension::Bandwidth if scaled.abs() > 9e15 => return Err(too_large()),
        Dimension::Count | Dimension::Size if scaled != libm::trunc(scaled) => {
            let what = dimension.what();
            return Err(TextError::new(whole, format!("{what} must be whole: `{text}`"))
                .label(format!("{scaled} is not a whole number")));
        }
        _ if !scaled.is_finite() => return Err(too_large()),
        _ => {}
    }
    Ok(scaled)
}

/// `written × worth`, exactly where binary fractions would be a hair off: `0.3ms` is 300000 ns.
fn exact_nanos(written: &str, worth: f64) -> Option<f64> {
    let clean = written.replace(['_', '+'], "");
    let (whole, fraction) = clean.split_once('.').unwrap_or((&clean, ""));
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let mut divisor: i128 = 1;
    for _ in 0..fraction.len() {
        divisor = divisor.checked_mul(10)?;
    }
    let nanos = mantissa.checked_mul(worth as i128)?;
    if nanos % divisor == 0 { Some((nanos / divisor) as f64) } else { None }
}

/// Reads one quantity of whatever dimension its unit says; without a unit it is a count if whole, else a number.
pub fn quantity(text: &str) -> Result<Quantity, TextError> {
    let Some(parts) = split(text) else {
        return Err(TextError::new(0..text.len(), format!("`{text}` is no quantity"))
            .help("write a number and a unit, such as `50ms`"));
    };
    // `5B` is five bytes, not five billion: say `5000M` in an expression.
    let order = [
        Dimension::Duration,
        Dimension::Size,
        Dimension::Rate,
        Dimension::Bandwidth,
        Dimension::Share,
        Dimension::Drift,
        Dimension::Count,
    ];
    for dimension in order {
        if dimension.worth(parts.unit).is_some() {
            if dimension == Dimension::Count && parts.number.contains('.') && parts.unit.is_empty() {
                continue;
            }
            let value = quantity_in(text, dimension, Sign::Any)?;
            return Ok(Quantity { value, dimension });
        }
    }
    if parts.unit.is_empty() {
        return Ok(Quantity { value: quantity_in(text, Dimension::Number, Sign::Any)?, dimension: Dimension::Number });
    }
    Err(wrong_unit(text, &parts, Dimension::Number))
}

fn no_number(text: &str, dimension: Dimension) -> TextError {
    let what = dimension.what();
    if text.is_empty() {
        return TextError::new(0..0, format!("{what} is missing here")).help(sample(dimension));
    }
    if text.starts_with('.') {
        return TextError::new(0..text.len(), format!("`{text}` lacks the digit before the point"))
            .help(format!("write `0{text}`"));
    }
    TextError::new(0..text.len(), format!("`{text}` is not {what}"))
        .label(format!("expected {what}"))
        .help(sample(dimension))
}

fn sample(dimension: Dimension) -> String {
    match dimension {
        Dimension::Count => "write a whole number such as `100`, `100_000` or `50M`".into(),
        Dimension::Number => "write a number such as `2.5`".into(),
        _ => {
            let units = dimension.units();
            format!("write a number and a unit, such as `50{}`; units that fit: {units}", dimension.usual())
        }
    }
}

fn wrong_unit(text: &str, parts: &Split<'_>, dimension: Dimension) -> TextError {
    let what = dimension.what();
    let digits = parts.number;
    let unit = parts.unit;
    let at: Range<usize> = digits.len()..text.len();
    if unit.is_empty() {
        let usual = dimension.usual();
        let write = match dimension {
            Dimension::Duration => format!("write `{digits}ms`, `{digits}s` or `{digits}m`"),
            Dimension::Share => match number(digits) {
                Some(value) if value > 0.0 && value <= 1.0 => {
                    format!("write `{}%` for a share of {digits}", trimmed(value * 100.0))
                }
                _ => format!("write `{digits}%`"),
            },
            _ => format!("write `{digits}{usual}`"),
        };
        return TextError::new(0..text.len(), format!("`{digits}` of what? {what} needs a unit",))
            .label("no unit")
            .help(format!("{write}; units that fit: {}", dimension.units()));
    }
    if let Some(bare) = unit.strip_prefix(' ').map(str::trim_start)
        && (dimension.worth(bare).is_some() || elsewhere(bare, dimension).is_some())
    {
        let bare = elsewhere(bare, dimension).unwrap_or(bare);
        return TextError::new(at, "no blank between a number and its unit").help(format!("write `{digits}{bare}`"));
    }
    if matches!(unit.as_bytes(), [b'e' | b'E', b'0'..=b'9' | b'+' | b'-', ..]) {
        return TextError::new(0..text.len(), format!("`{text}`: powers of ten are written out"))
            .help("write digits, with `_` between thousands, or K, M, B");
    }
    if let Some(here) = elsewhere(unit, dimension) {
        return TextError::new(at, format!("unknown unit `{unit}`"))
            .label(format!("`{here}` here"))
            .help(format!("write `{digits}{here}`"));
    }
    for other in Dimension::ALL {
        if other != dimension && !unit.is_empty() && other.worth(unit).is_some() && dimension != Dimension::Number {
            return TextError::new(0..text.len(), format!("`{text}` is {}, expected {what}", other.what()))
                .label(format!("not {what}"))
                .help(format!("units that fit: {}", dimension.units()));
        }
    }
    let fitting: Vec<&str> = dimension.table().iter().map(|unit| unit.name).collect();
    let help = match nearest(unit, fitting.iter().copied()) {
        Some(meant) => format!("did you mean `{digits}{meant}`? Units that fit: {}", dimension.units()),
        None => format!("units that fit: {}", dimension.units()),
    };
    TextError::new(at, format!("unknown unit `{unit}`")).label(format!("not a unit of {what}")).help(help)
}

/// What a unit known from elsewhere is called here, if that fits the dimension.
fn elsewhere(unit: &str, dimension: Dimension) -> Option<&'static str> {
    let fits = |here: &'static str| (dimension == Dimension::Number || dimension.worth(here).is_some()).then_some(here);
    ELSEWHERE.iter().filter(|(word, _)| *word == unit).find_map(|(_, here)| fits(here)).or_else(|| {
        ELSEWHERE.iter().filter(|(word, _)| word.eq_ignore_ascii_case(unit)).find_map(|(_, here)| fits(here))
    })
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests;
