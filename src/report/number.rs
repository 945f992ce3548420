//! Numbers as a reader sees them: a narrow no-break space before the unit, groups of three, at most three significant
//! digits, U+2212 for minus, "–" where there is nothing to say. Counts are exact.
//!
//! Leaves out machine output: CSV and JSON carry integer nanoseconds and never pass through here.

use serde::{Deserialize, Serialize};

use std::fmt;

use crate::engine::Span;

/// U+202F, between a number and its unit and between groups of three digits.
pub const NARROW_SPACE: char = '\u{202f}';
/// U+2212.
pub const MINUS: char = '\u{2212}';
/// "Not applicable" or "no data"; never 0.
pub const NOTHING: &str = "\u{2013}";

/// A number split from its unit, so that a table can set the digits large and the unit small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quantity {
    /// Sign, digits, grouping and decimal point; [`NOTHING`] where there is no data.
    pub digits: String,
    /// `ms`, `%`, `/s`; empty for counts and for no data.
    pub unit: String,
}

impl Quantity {
    /// No data.
    pub fn nothing() -> Quantity {
        Quantity { digits: NOTHING.to_string(), unit: String::new() }
    }
    /// Digits and unit as given.
    pub fn new(digits: impl Into<String>, unit: impl Into<String>) -> Quantity {
        Quantity { digits: digits.into(), unit: unit.into() }
    }
}

impl fmt::Display for Quantity {
    /// `6.1 ms` with U+202F; rates attach their unit: `698/s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = !self.unit.is_empty() && !self.unit.starts_with('/') && !self.unit.starts_with('×');
        write!(f, "{}{}{}", self.digits, if space { "\u{202f}" } else { "" }, self.unit)
    }
}

/// What a number measures, and so how it is written on axes, labels and in tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds, written in the fitting unit of time.
    Nanos,
    /// Events per second.
    PerSecond,
    /// A share from 0 to 1, written in percent.
    Share,
    /// Things counted, without a unit of their own (requests, messages); the row's name says which.
    Count,
    /// Bytes, in powers of 1024.
    Bytes,
}

impl Unit {
    /// `value` in this unit; [`Quantity::nothing`] for NaN and infinity.
    pub fn quantity(self, value: f64) -> Quantity {
        match self {
            Unit::Nanos => duration(value),
            Unit::PerSecond => rate(value),
            Unit::Share => share(value),
            Unit::Count => count(value),
            Unit::Bytes => bytes(value),
        }
    }
    /// [`Unit::quantity`] as text.
    pub fn write(self, value: f64) -> String {
        self.quantity(value).to_string()
    }
    /// Text for an axis tick: as [`Unit::write`], but rates go without `/s` because the row's name carries it.
    pub fn tick(self, value: f64) -> String {
        match self {
            Unit::PerSecond => rate(value).to_string().trim_end_matches("/s").to_string(),
            _ => self.write(value),
        }
    }
}

/// A duration in ns, as text: `6.1 ms`, `4 s`, `16.7 min`.
pub fn fmt_duration(ns: f64) -> String {
    duration(ns).to_string()
}
/// A [`Span`] as text.
pub fn fmt_span(span: Span) -> String {
    if span == Span::FOREVER { NOTHING.to_string() } else { fmt_duration(span.0 as f64) }
}
/// An exact count, grouped: `18 947`.
pub fn fmt_count(n: u64) -> String {
    group(&n.to_string())
}
/// A count where there is no room for all digits: exact below ten million, then three digits and `M`, `G`, …
pub fn fmt_about(n: u64) -> String {
    let mut value = n as f64;
    if n < 10_000_000 {
        return fmt_count(n);
    }
    for unit in ["", "k", "M", "G", "T", "P"] {
        if round3(value) < 1000.0 {
            return format!("{}{NARROW_SPACE}{unit}", digits3(value));
        }
        value /= 1000.0;
    }
    format!("{}{NARROW_SPACE}E", digits3(value))
}
/// A rate per second, as text: `698/s`, `2 801/s`, `1.5 M/s`.
pub fn fmt_rate(per_second: f64) -> String {
    rate(per_second).to_string()
}
/// A share from 0 to 1, as text: `98.6 %`. Only an exact 1 becomes `100 %`, only an exact 0 becomes `0 %`.
pub fn fmt_share(share_of_one: f64) -> String {
    share(share_of_one).to_string()
}
/// A signed relative error, one decimal: `+0.4 %`, `−0.1 %`.
pub fn fmt_error(relative: f64) -> String {
    if !relative.is_finite() {
        return NOTHING.to_string();
    }
    let percent = (relative * 100.0).clamp(-1e9, 1e9);
    let sign = if percent < 0.0 { MINUS } else { '+' };
    format!("{sign}{}{NARROW_SPACE}%", group(&format!("{:.1}", percent.abs())))
}

/// A duration in ns. Rounds to three digits first, so that 999.9 ms is written `1 s`.
pub fn duration(ns: f64) -> Quantity {
    if !ns.is_finite() {
        return Quantity::nothing();
    }
    // (unit, ns in it, used below this many of it)
    const UNITS: [(&str, f64, f64); 7] = [
        ("ns", 1.0, 1e3),
        ("µs", 1e3, 1e3),
        ("ms", 1e6, 1e3),
        ("s", 1e9, 1e3),
        ("min", 60e9, 180.0),
        ("h", 3600e9, 72.0),
        ("d", 86_400e9, f64::INFINITY),
    ];
    if ns == 0.0 {
        return Quantity::new("0", "ms");
    }
    let size = ns.abs();
    let (unit, scale) = UNITS
        .iter()
        .find(|(_, scale, below)| round3(size / scale) < *below)
        .map_or(("d", 86_400e9), |(unit, scale, _)| (*unit, *scale));
    Quantity::new(digits3(ns / scale), unit)
}

/// A rate per second; whole numbers from 100 on, as counts are exact, with `k`-free digits up to ten million.
pub fn rate(per_second: f64) -> Quantity {
    if !per_second.is_finite() {
        return Quantity::nothing();
    }
    let size = per_second.abs();
    if size >= 1e10 {
        Quantity::new(digits3(per_second / 1e9), "G/s")
    } else if size >= 1e7 {
        Quantity::new(digits3(per_second / 1e6), "M/s")
    } else if size >= 100.0 {
        Quantity::new(signed(per_second, &format!("{:.0}", size)), "/s")
    } else {
        Quantity::new(digits3(per_second), "/s")
    }
}

/// A share from 0 to 1, in percent.
pub fn share(share_of_one: f64) -> Quantity {
    if !share_of_one.is_finite() {
        return Quantity::nothing();
    }
    let percent = share_of_one * 100.0;
    if share_of_one < 1.0 && round3(percent) >= 100.0 {
        // 99.997 % must not read as "all of them": two digits behind the nines, rounded down.
        let rest = (1.0 - share_of_one) * 100.0;
        let places = (2..9).find(|p| rest * libm::pow(10.0, f64::from(*p - 1)) >= 0.999).unwrap_or(9);
        let scale = libm::pow(10.0, f64::from(places));
        let down = ((percent * scale + 1e-6).floor() / scale).min(100.0 - 1.0 / scale);
        return Quantity::new(format!("{down:.*}", places as usize).trim_end_matches('0').to_owned(), "%");
    }
    if percent > 0.0 && percent < 0.001 {
        return Quantity::new("<\u{202f}0.001", "%");
    }
    Quantity::new(digits3(percent), "%")
}

/// A count that may be an average: exact when whole, else three digits.
pub fn count(n: f64) -> Quantity {
    if !n.is_finite() {
        return Quantity::nothing();
    }
    if n.abs() >= 1e15 {
        return Quantity::new(signed(n, &format!("{:.2e}", n.abs())), "");
    }
    if n == n.trunc() || n.abs() >= 1000.0 {
        return Quantity::new(signed(n, &format!("{:.0}", n.abs())), "");
    }
    Quantity::new(digits3(n), "")
}

/// Bytes, in powers of 1024.
pub fn bytes(n: f64) -> Quantity {
    if !n.is_finite() {
        return Quantity::nothing();
    }
    let mut value = n;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if round3(value.abs()) < 1000.0 {
            return Quantity::new(digits3(value), unit);
        }
        value /= 1024.0;
    }
    Quantity::new(digits3(value), "PiB")
}

/// Three significant digits, trailing zeros dropped, grouped from 1 000, U+2212. [`NOTHING`] if not finite.
pub fn digits3(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_string();
    }
    let size = round3(value.abs());
    if size >= 1e15 {
        return signed(value, &format!("{size:.2e}"));
    }
    if size < 1e-9 {
        return "0".to_string();
    }
    // The number of decimals that leaves three significant digits.
    let mut decimals = 2_usize;
    let mut bound = 10.0;
    while size >= bound && decimals > 0 {
        decimals -= 1;
        bound *= 10.0;
    }
    let mut bound = 1.0;
    while size < bound && decimals < 12 {
        decimals += 1;
        bound /= 10.0;
    }
    let mut text = format!("{size:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    signed(value, &text)
}

/// Rounds a non-negative number to three significant digits.
fn round3(value: f64) -> f64 {
    if !(1e-12..1e18).contains(&value) {
        return value;
    }
    let mut scale = 1.0;
    while value * scale < 100.0 {
        scale *= 10.0;
    }
    while value * scale >= 1000.0 {
        scale /= 10.0;
    }
    (value * scale).round() / scale
}

fn signed(value: f64, digits: &str) -> String {
    let minus = value < 0.0 && digits.bytes().any(|b| (b'1'..=b'9').contains(&b));
    format!("{}{}", if minus { "\u{2212}" } else { "" }, group(digits))
}

/// Groups the digits before the point by three, from four digits on.
fn group(digits: &str) -> String {
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let mut out = String::with_capacity(digits.len() + 8);
    for (i, c) in digits[..end].chars().enumerate() {
        if i > 0 && (end - i) % 3 == 0 {
            out.push(NARROW_SPACE);
        }
        out.push(c);
    }
    out.push_str(&digits[end..]);
    out
}

/// Cuts a long name in the middle so that `max_chars` remain: `checkout-…-west-1b`. The full name belongs in the
/// title and the table.
pub fn elide(name: &str, max_chars: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= max_chars {
        return name.to_string();
    }
    let kept = max_chars.saturating_sub(1);
    let front = kept.div_ceil(2);
    let back = kept - front;
    let mut out: String = chars[..front].iter().collect();
    out.push('…');
    out.extend(&chars[chars.len() - back..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace(NARROW_SPACE, " ")
    }

    #[test]
    fn durations_change_unit_and_keep_three_digits() {
        for (ns, expected) in [
            (0.0, "0 ms"),
            (1.0, "1 ns"),
            (999.0, "999 ns"),
            (999.9, "1 µs"),
            (6.1e6, "6.1 ms"),
            (171.0e6, "171 ms"),
            (999.96e6, "1 s"),
            (1.644e9, "1.64 s"),
            (86e9, "86 s"),
            (924e9, "924 s"),
            (1000e9, "16.7 min"),
            (4.0 * 3600e9, "4 h"),
            (-5e6, "\u{2212}5 ms"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(plain(fmt_duration(ns)), expected, "{ns}");
        }
        assert_eq!(fmt_span(Span::FOREVER), "–");
    }

    #[test]
    fn counts_are_exact_and_grouped() {
        assert_eq!(plain(fmt_count(0)), "0");
        assert_eq!(plain(fmt_count(999)), "999");
        assert_eq!(plain(fmt_count(18_947)), "18 947");
        assert_eq!(plain(fmt_count(226_202)), "226 202");
        assert_eq!(plain(fmt_count(u64::MAX)), "18 446 744 073 709 551 615");
    }

    #[test]
    fn rates_attach_their_unit() {
        for (value, expected) in
            [(0.0, "0/s"), (698.0, "698/s"), (2801.2, "2 801/s"), (1.234, "1.23/s"), (1.5e7, "15 M/s")]
        {
            assert_eq!(plain(fmt_rate(value)), expected);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        for (value, expected) in [
            (0.0, "0 %"),
            (0.44, "44 %"),
            (0.986, "98.6 %"),
            (0.9997, "99.97 %"),
            (0.999_986, "99.9986 %"),
            (1.0 - 1e-15, "99.999999999 %"),
            (1.0, "100 %"),
            (1e-9, "< 0.001 %"),
            (0.00034, "0.034 %"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(plain(fmt_share(value)), expected);
        }
        assert_eq!(plain(fmt_error(0.0041)), "+0.4 %");
        assert_eq!(plain(fmt_error(-0.001)), "\u{2212}0.1 %");
    }

    #[test]
    fn long_names_are_cut_in_the_middle() {
        assert_eq!(elide("checkout-service-eu-west-1b", 18), "checkout-…-west-1b");
        assert_eq!(elide("kv", 18), "kv");
        assert_eq!(elide("abc", 0), "…");
    }
}
