//! What a value measures: products of time and data, so that `700/s * 3s` is a number and `1 / (100/s - 80/s)` a
//! duration.

use std::fmt;

/// The dimension of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// Power of seconds.
    time: i8,
    /// Power of bytes.
    size: i8,
    /// What a value without either is.
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Count,
    Share,
}

impl Dimension {
    /// Time; in seconds.
    pub const DURATION: Dimension = Dimension { time: 1, size: 0, kind: Kind::Number };
    /// Events per second.
    pub const RATE: Dimension = Dimension { time: -1, size: 0, kind: Kind::Number };
    /// Bytes.
    pub const SIZE: Dimension = Dimension { time: 0, size: 1, kind: Kind::Number };
    /// Bytes per second.
    pub const BANDWIDTH: Dimension = Dimension { time: -1, size: 1, kind: Kind::Number };
    /// A part of a whole; 1 is all of it.
    pub const SHARE: Dimension = Dimension { time: 0, size: 0, kind: Kind::Share };
    /// How many.
    pub const COUNT: Dimension = Dimension { time: 0, size: 0, kind: Kind::Count };
    /// A plain number.
    pub const NUMBER: Dimension = Dimension { time: 0, size: 0, kind: Kind::Number };

    /// Whether it has no unit: a number, a count or a share.
    pub fn is_plain(self) -> bool {
        self.time == 0 && self.size == 0
    }

    /// How many a second of these: what `rate` makes of them.
    pub fn per_second(self) -> Dimension {
        Dimension { time: self.time.saturating_sub(1), size: self.size, kind: Kind::Number }
    }

    /// Of a product.
    pub(super) fn times(self, other: Dimension) -> Dimension {
        let (time, size) = (self.time.saturating_add(other.time), self.size.saturating_add(other.size));
        let kind = if !self.is_plain() || !other.is_plain() {
            // What remains when seconds cancel may be how many there were, 700/s * 3s, or a load, 70/s * 10ms.
            Kind::Number
        } else {
            match (self.kind, other.kind) {
                (Kind::Count, _) | (_, Kind::Count) => Kind::Count,
                (Kind::Share, _) | (_, Kind::Share) => Kind::Share,
                _ => Kind::Number,
            }
        };
        Dimension { time, size, kind }
    }

    /// Of a quotient.
    pub(super) fn over(self, other: Dimension) -> Dimension {
        let (time, size) = (self.time.saturating_sub(other.time), self.size.saturating_sub(other.size));
        let kind =
            if self.is_plain() && other.is_plain() && other.kind == Kind::Number { self.kind } else { Kind::Number };
        Dimension { time, size, kind }
    }

    /// Of a sum, difference or comparison; `None` if that makes no sense. A plain number goes with counts and shares
    /// (`1 - availability(x)`), which don't go with one another.
    pub(super) fn with(self, other: Dimension) -> Option<Dimension> {
        if (self.time, self.size) != (other.time, other.size) {
            return None;
        }
        match (self.kind, other.kind) {
            (a, b) if a == b => Some(self),
            (Kind::Number, _) => Some(other),
            (_, Kind::Number) => Some(self),
            _ => None,
        }
    }

    /// Of a whole power.
    pub(super) fn power(self, exponent: i8) -> Dimension {
        let kind = if self.is_plain() { self.kind } else { Kind::Number };
        Dimension { time: self.time.saturating_mul(exponent), size: self.size.saturating_mul(exponent), kind }
    }
}

/// With its article: "a duration".
impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.time, self.size, self.kind) {
            (1, 0, _) => f.write_str("a duration"),
            (-1, 0, _) => f.write_str("a rate"),
            (0, 1, _) => f.write_str("a size"),
            (-1, 1, _) => f.write_str("a bandwidth"),
            (0, 0, Kind::Number) => f.write_str("a number"),
            (0, 0, Kind::Count) => f.write_str("a count"),
            (0, 0, Kind::Share) => f.write_str("a share"),
            (time, 0, _) => write!(f, "a value in s^{time}"),
            (0, size, _) => write!(f, "a value in B^{size}"),
            (time, size, _) => write!(f, "a value in B^{size} s^{time}"),
        }
    }
}

/// A value as people write it, to `digits` significant digits: `50.3 ms`, `698/s`, `99.9%`, `226 202`.
pub fn show(value: f64, dimension: Dimension, digits: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "undefined".into() } else { "unbounded".into() };
    }
    match dimension {
        Dimension::DURATION => {
            let steps = [(86400.0, " d"), (3600.0, " h"), (60.0, " m"), (1.0, " s"), (1e-3, " ms"), (1e-6, " us")];
            // Minutes and more only if they are whole, as "1.53 m" says less than "92 s".
            let fits =
                |size: f64| value.abs() >= size && (size <= 1.0 || value % size == 0.0 && value.abs() >= 2.0 * size);
            let (size, unit) = match steps.into_iter().find(|(size, _)| fits(*size)) {
                Some(step) => step,
                None if value == 0.0 => (1.0, " s"),
                None => (1e-9, " ns"),
            };
            format!("{}{unit}", significant(value / size, digits))
        }
        Dimension::RATE => format!("{}/s", significant(value, digits)),
        Dimension::SHARE => {
            // Nearly all is not all: 99.97% isn't shown as 100%.
            let shown = (digits..15).map(|digits| significant(value * 100.0, digits));
            let shown = shown.into_iter().find(|text| text != "100" || value == 1.0);
            format!("{}%", shown.unwrap_or_else(|| "100".into()))
        }
        Dimension::SIZE | Dimension::BANDWIDTH => {
            let steps = [(1e12, " TB"), (1e9, " GB"), (1e6, " MB"), (1e3, " KB")];
            let (size, unit) = steps.into_iter().find(|(size, _)| value.abs() >= *size).unwrap_or((1.0, " B"));
            let per = if dimension == Dimension::BANDWIDTH { "/s" } else { "" };
            format!("{}{unit}{per}", significant(value / size, digits))
        }
        _ if dimension.is_plain() => significant(value, digits),
        _ => format!("{} ({})", significant(value, digits), dimension.to_string().trim_start_matches("a value in ")),
    }
}

/// Rounded to so many significant digits, but never before the point: 226 202, 50.3, 0.0012.
fn significant(value: f64, digits: usize) -> String {
    let whole_digits = if value.abs() < 1e-12 { 0 } else { libm::floor(libm::log10(value.abs())) as i64 + 1 };
    let decimals = (digits as i64 - whole_digits).clamp(0, 12) as usize;
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text = text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    if text == "-0" { "0".into() } else { grouped(&text) }
}

/// Groups of three digits before the point, from five digits on, separated by a blank.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.find('.').map_or((rest, ""), |point| rest.split_at(point));
    if whole.len() < 5 {
        return text.to_string();
    }
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_multiply_and_cancel() {
        let (rate, duration) = (Dimension::RATE, Dimension::DURATION);
        // How many there were, or a load: it goes with counts as with shares.
        assert_eq!(rate.times(duration), Dimension::NUMBER);
        assert_eq!(Dimension::NUMBER.over(rate), duration);
        assert_eq!(Dimension::COUNT.over(duration), rate);
        assert_eq!(rate.over(rate), Dimension::NUMBER);
        assert_eq!(Dimension::SIZE.over(duration), Dimension::BANDWIDTH);
        assert_eq!(Dimension::SHARE.times(Dimension::COUNT), Dimension::COUNT);
        assert_eq!(Dimension::COUNT.over(Dimension::COUNT), Dimension::NUMBER);
        assert_eq!(Dimension::NUMBER.with(Dimension::SHARE), Some(Dimension::SHARE));
        assert_eq!(Dimension::COUNT.with(Dimension::SHARE), None);
        assert_eq!(rate.with(duration), None);
        assert_eq!(duration.power(2).to_string(), "a value in s^2");
        assert_eq!(Dimension::COUNT.per_second(), rate);
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        for (value, dimension, text) in [
            (0.050_34, Dimension::DURATION, "50.3 ms"),
            (0.0, Dimension::DURATION, "0 s"),
            (4.0, Dimension::DURATION, "4 s"),
            (1.638, Dimension::DURATION, "1.64 s"),
            (92.0, Dimension::DURATION, "92 s"),
            (300.0, Dimension::DURATION, "5 m"),
            (-0.0005, Dimension::DURATION, "-500 us"),
            (17e-9, Dimension::DURATION, "17 ns"),
            (698.2, Dimension::RATE, "698/s"),
            (0.9987, Dimension::SHARE, "99.9%"),
            (0.9997, Dimension::SHARE, "99.97%"),
            (1.0, Dimension::SHARE, "100%"),
            (226_202.0, Dimension::COUNT, "226 202"),
            (1000.0, Dimension::COUNT, "1000"),
            (4_194_304.0, Dimension::SIZE, "4.19 MB"),
            (0.001_234, Dimension::NUMBER, "0.00123"),
            (f64::NAN, Dimension::NUMBER, "undefined"),
        ] {
            assert_eq!(show(value, dimension, 3), text);
        }
    }
}
