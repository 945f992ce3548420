use super::*;
use crate::spec::text::FromText;

#[test]
fn quantities_in_their_base_units() {
    use Dimension::*;
    for (text, dimension, value) in [
        ("0s", Duration, 0.0),
        ("250us", Duration, 250e3),
        ("1.5s", Duration, 1.5e9),
        ("0.3ms", Duration, 300e3),
        ("5m", Duration, 300e9),
        ("3h", Duration, 10800e9),
        ("10d", Duration, 864_000e9),
        ("700/s", Rate, 700.0),
        ("69.4K/s", Rate, 69_400.0),
        ("40/day", Rate, 40.0 / 86400.0),
        ("100/m", Rate, 100.0 / 60.0),
        ("2M/s", Rate, 2e6),
        ("1.2B/day", Rate, 1.2e9 / 86400.0),
        ("120B", Size, 120.0),
        ("10KB", Size, 10_000.0),
        ("4MiB", Size, 4_194_304.0),
        ("10Gbps", Bandwidth, 1.25e9),
        ("50MB/s", Bandwidth, 50e6),
        ("5%", Share, 0.05),
        ("150%", Share, 1.5),
        ("50ppm", Drift, 50.0),
        ("100_000", Count, 100_000.0),
        ("50M", Count, 50e6),
        ("69.4K", Count, 69_400.0),
        ("2.5", Number, 2.5),
    ] {
        let read = quantity_in(text, dimension, Sign::Positive).unwrap_or(f64::NAN);
        assert!((read - value).abs() <= value.abs() * 1e-15, "{text}: {read} is not {value}");
    }
    assert_eq!(quantity_in("-2s", Duration, Sign::Any), Ok(-2e9));
}

#[test]
fn quantities_that_are_refused() {
    use Dimension::*;
    for (text, dimension, message, help) in [
        (
            "50",
            Duration,
            "`50` of what? a duration needs a unit",
            "write `50ms`, `50s` or `50m`; units that fit: ns, us, ms, s, m, h, d",
        ),
        ("0.05", Share, "`0.05` of what? a share needs a unit", "write `5%` for a share of 0.05; units that fit: %"),
        ("10min", Duration, "unknown unit `min`", "write `10m`"),
        ("5 ms", Duration, "no blank between a number and its unit", "write `5ms`"),
        ("5MS", Duration, "unknown unit `MS`", "did you mean `5ms`? Units that fit: ns, us, ms, s, m, h, d"),
        ("700rps", Rate, "unknown unit `rps`", "write `700/s`"),
        ("5k/s", Rate, "unknown unit `k/s`", "write `5K/s`"),
        ("5ms", Rate, "`5ms` is a duration, expected a rate", "units that fit: /s, /m, /h, /day, also K/s, M/s, B/s"),
        (
            "5ms",
            Count,
            "`5ms` is a duration, expected a count",
            "units that fit: none, or K, M, B for thousands, millions, billions",
        ),
        ("-5ms", Duration, "a duration can't be negative: `-5ms`", ""),
        ("999999999999d", Duration, "`999999999999d` is too large", "the longest duration is 292 years, `106_000d`"),
        ("0.01ns", Duration, "`0.01ns` is shorter than a nanosecond", "time goes in whole ns"),
        ("1.5", Count, "a count must be whole: `1.5`", ""),
        (
            "1e3/s",
            Rate,
            "`1e3/s`: powers of ten are written out",
            "write digits, with `_` between thousands, or K, M, B",
        ),
        (".5s", Duration, "`.5s` lacks the digit before the point", "write `0.5s`"),
        (
            "fast",
            Duration,
            "`fast` is not a duration",
            "write a number and a unit, such as `50ms`; units that fit: ns, us, ms, s, m, h, d",
        ),
        (
            "",
            Rate,
            "a rate is missing here",
            "write a number and a unit, such as `50/s`; units that fit: /s, /m, /h, /day, also K/s, M/s, B/s",
        ),
    ] {
        let error = quantity_in(text, dimension, Sign::Positive).expect_err(text);
        assert_eq!((error.message.as_str(), error.help.as_deref().unwrap_or("")), (message, help));
    }
}

#[test]
fn the_unit_says_the_dimension_in_expressions() {
    use Dimension::*;
    for (text, dimension) in [
        ("50ms", Duration),
        ("5m", Duration),
        ("5M", Count),
        ("5B", Size),
        ("5B/s", Rate),
        ("5KB/s", Bandwidth),
        ("95%", Share),
        ("50ppm", Drift),
        ("3", Count),
        ("0.3", Number),
    ] {
        assert_eq!(quantity(text).map(|quantity| quantity.dimension), Ok(dimension), "{text}");
    }
    assert!(quantity("5parsec").is_err());
}

#[test]
fn ranges_with_both_ends() {
    let range = |text: &str| bounds(text, None, Sign::Any);
    assert_eq!(range("150ms..300ms"), Ok(Bounds { low: 150e6, high: 300e6, dimension: Dimension::Duration }));
    assert_eq!(range("-50ppm..50ppm"), Ok(Bounds { low: -50.0, high: 50.0, dimension: Dimension::Drift }));
    assert_eq!(range("0.1s..5s"), Ok(Bounds { low: 1e8, high: 5e9, dimension: Dimension::Duration }));
    assert_eq!(WholeRange::from_text("1..=5"), Ok(WholeRange { first: 1, last: 5 }));
    for (text, message) in [
        ("1..5", "a range of whole numbers is written `..=`"),
        ("1ms..=5ms", "`..=` is for whole numbers"),
        ("5ms..1ms", "`5ms..1ms` is empty: it ends before it begins"),
        ("1ms..5KB", "`1ms..5KB` goes from a duration to a size"),
        ("1ms..", "`1ms..` lacks one end"),
        ("1ms", "`1ms` is not a range"),
    ] {
        assert_eq!(range(text).expect_err(text).message, message);
    }
}
