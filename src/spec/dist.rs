//! Distributions as texts: `5ms`, `150ms..300ms`, `exp(5ms)`, `lognormal(p50=1ms, p99=8ms)`, `mix(90%: 1ms, 10%: 1s)`.

use std::marker::PhantomData;
use std::sync::Arc;

use super::call::{Bound, Call, Signature, unknown_word};
use super::text::{FromText, TextError};
use super::units::{Dimension, Sign, bounds, quantity_in, split_range};
use crate::engine::{Dist, Shape};

/// Gives the text of a file that `empirical(file.csv)` names, or says why it can't.
pub type Loader<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

/// The 99th percentile of the standard normal distribution.
const Z_99: f64 = 2.326_347_874_040_840_8;

/// Every distribution by name, for messages and documentation.
pub const NAMES: &[&str] = &["exp", "normal", "lognormal", "pareto", "erlang", "mix", "sum", "empirical"];

/// What is drawn: a dimension, and whether draws may be negative.
pub trait Draw {
    /// Of the draws.
    const DIMENSION: Dimension;
    /// Whether they may be below zero.
    const SIGN: Sign;
    /// With its article: "a distribution of durations".
    const WHAT: &'static str;
    /// A few texts that are read without error.
    const EXAMPLES: &'static [&'static str];
}

macro_rules! draws {
    ($($(#[$doc:meta])* $name:ident: $dimension:ident, $sign:ident, $what:literal, $examples:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name;
            impl Draw for $name {
                const DIMENSION: Dimension = Dimension::$dimension;
                const SIGN: Sign = Sign::$sign;
                const WHAT: &'static str = $what;
                const EXAMPLES: &'static [&'static str] = $examples;
            }
        )*
    };
}

draws! {
    /// Durations, drawn in ns.
    Durations: Duration, Positive, "a duration or a distribution of durations",
        &["5ms", "150ms..300ms", "exp(5ms)", "lognormal(p50=1ms, p99=8ms)"];
    /// Durations that may be negative, such as clock offsets; drawn in ns.
    Offsets: Duration, Any, "a distribution of durations, negative ones too", &["0s", "normal(0ms, 10ms)"];
    /// Parts per million that may be negative.
    Drifts: Drift, Any, "a distribution of drifts", &["0ppm", "-50ppm..50ppm"];
    /// Sizes, drawn in bytes.
    Sizes: Size, Positive, "a size or a distribution of sizes", &["1KB", "lognormal(p50=120B, p99=2KB)"];
    /// Rates, drawn per second.
    Rates: Rate, Positive, "a rate or a distribution of rates", &["100/s", "exp(100/s)"];
    /// Counts; draws are rounded to the nearest whole number.
    Counts: Count, Positive, "a count or a distribution of counts", &["5", "1..=5", "lognormal(p50=150, p99=1000)"];
}

/// A distribution of `D`s, as a scenario writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn<D> {
    text: String,
    /// Without the samples of the files it names.
    plain: Dist,
    files: Vec<String>,
    draws: PhantomData<D>,
}

impl<D: Draw> Drawn<D> {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files it names, each of which [`Drawn::dist`] will ask for.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The distribution itself, in base units. The error is in [`Drawn::text`].
    pub fn dist(&self, load: &mut Loader<'_>) -> Result<Dist, TextError> {
        if self.files.is_empty() { Ok(self.plain.clone()) } else { dist(&self.text, D::DIMENSION, D::SIGN, load) }
    }
}

impl<D: Draw> FromText for Drawn<D> {
    const WHAT: &'static str = D::WHAT;
    fn from_text(text: &str) -> Result<Drawn<D>, TextError> {
        let mut files = Vec::new();
        let plain = dist(text, D::DIMENSION, D::SIGN, &mut |file: &str| {
            files.push(file.to_string());
            Ok(sample_file(D::DIMENSION).to_string())
        })?;
        Ok(Drawn { text: text.to_string(), plain, files, draws: PhantomData })
    }
    fn examples() -> &'static [&'static str] {
        D::EXAMPLES
    }
}

/// One sample that parses, to check a text before its files are there.
fn sample_file(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Duration => "1ms",
        Dimension::Rate => "1/s",
        Dimension::Size => "1B",
        Dimension::Bandwidth => "1B/s",
        Dimension::Share => "1%",
        Dimension::Drift => "1ppm",
        Dimension::Count | Dimension::Number => "1",
    }
}

/// Reads a distribution; its parameters and draws are in the dimension's base unit.
pub fn dist(text: &str, dimension: Dimension, sign: Sign, load: &mut Loader<'_>) -> Result<Dist, TextError> {
    nested(text, dimension, sign, load, 0)
}

fn nested(text: &str, dimension: Dimension, sign: Sign, load: &mut Loader<'_>, depth: u32) -> Result<Dist, TextError> {
    if depth > 8 {
        return Err(TextError::new(0..text.len(), "distributions nest too deeply"));
    }
    let trimmed = text.trim();
    let lead = text.len() - text.trim_start().len();
    let call_like = trimmed.starts_with(|c: char| c.is_ascii_alphabetic());
    if !call_like {
        return unnamed(trimmed, dimension, sign).map_err(|error| error.shifted(lead));
    }
    let call = Call::parse(text)?;
    let base = |part: &str| quantity_in(part, dimension, sign);
    let positive = |part: &str| above_zero(part, dimension);
    let (shape, bound) = match call.name {
        "exp" => {
            let bound = bind(&call, "`exp(mean)`", &["mean"], &["min", "max"])?;
            (Shape::Exponential(bound.read("mean", positive)?), bound)
        }
        "normal" => {
            let bound = bind(&call, "`normal(mean, sd)`", &["mean", "sd"], &["min", "max"])?;
            let mean = bound.read("mean", base)?;
            let sd = bound.read("sd", |part| quantity_in(part, dimension, Sign::Positive))?;
            (Shape::Normal(mean, sd), bound)
        }
        "lognormal" => {
            let usage = "`lognormal(p50=…, p99=…)` or `lognormal(p50=…, sigma=…)`";
            let bound = bind(&call, usage, &[], &["p50", "p99", "sigma", "min", "max"])?;
            (lognormal(&call, &bound, usage, dimension)?, bound)
        }
        "pareto" => {
            // The first argument is the smallest value itself, so `min=` would say it twice.
            let bound = bind(&call, "`pareto(min, alpha)`", &["min", "alpha"], &["max"])?;
            let least = bound.read("min", positive)?;
            let alpha = bound.read("alpha", |part| above_zero(part, Dimension::Number))?;
            (Shape::Pareto(least, alpha), bound)
        }
        "erlang" => {
            let bound = bind(&call, "`erlang(k, mean)`", &["k", "mean"], &["min", "max"])?;
            let k = bound.read("k", |part| {
                let k = quantity_in(part, Dimension::Count, Sign::Positive)?;
                let fits = (1.0..=1000.0).contains(&k);
                if fits {
                    Ok(k as u32)
                } else {
                    Err(TextError::new(0..part.len(), "k is a whole number from 1 to 1000"))
                }
            })?;
            (Shape::Erlang(k, bound.read("mean", positive)?), bound)
        }
        "mix" => return mix(&call, dimension, sign, load, depth),
        "sum" => return sum(&call, dimension, sign, load, depth),
        "empirical" => {
            let bound = bind(&call, "`empirical(file.csv)`", &["file"], &["min", "max"])?;
            let file = bound.need("file")?;
            let samples = load(file.text).and_then(|content| samples(&content, dimension, sign)).map_err(|why| {
                TextError::new(file.at(), format!("`{}` can't be used: {why}", file.text))
                    .help("files are looked for beside the scenario")
            })?;
            (Shape::Empirical(samples), bound)
        }
        "uniform" => {
            return Err(TextError::new(call.name_at(), "unknown distribution `uniform`")
                .help("a uniform distribution is a range: `150ms..300ms`"));
        }
        "constant" => {
            return Err(TextError::new(call.name_at(), "unknown distribution `constant`")
                .help("a constant is the value alone: `5ms`"));
        }
        "exponential" => {
            return Err(TextError::new(call.name_at(), "unknown distribution `exponential`")
                .help("the exponential distribution is `exp(mean)`"));
        }
        _ if call.args.is_none() && NAMES.iter().all(|name| super::nearest(call.name, [*name]).is_none()) => {
            let what = dimension.what();
            return Err(TextError::new(call.at(), format!("`{}` is not {what} or a distribution", call.name)).help(
                format!("write {what} such as `{}`, a range, or a call such as `exp({0})`", sample_file(dimension)),
            ));
        }
        _ => return Err(unknown_word(call.name, call.name_at(), "distribution", NAMES.iter().copied())),
    };
    let min = bound.get("min").filter(|_| call.name != "pareto").map(|arg| arg.read(base)).transpose()?;
    let max = bound.read_if("max", base)?;
    if let (Some(low), Some(high)) = (min, max)
        && low > high
    {
        return Err(TextError::new(call.at(), "`min` is above `max`"));
    }
    Ok(Dist { shape, min, max })
}

/// A constant or a range.
fn unnamed(text: &str, dimension: Dimension, sign: Sign) -> Result<Dist, TextError> {
    if split_range(text).is_none() {
        return Ok(Dist::constant(quantity_in(text, dimension, sign)?));
    }
    let range = bounds(text, Some(dimension), sign)?;
    if dimension == Dimension::Count {
        // Draws of counts are rounded: half a step beyond both ends gives every number the same chance.
        let shape = Shape::Uniform(range.low - 0.5, range.high + 0.5);
        return Ok(Dist { shape, min: Some(range.low), max: Some(range.high) });
    }
    Ok(Dist::new(Shape::Uniform(range.low, range.high)))
}

fn bind<'a>(
    call: &'a Call<'a>,
    usage: &'static str,
    positional: &'static [&'static str],
    named: &'static [&'static str],
) -> Result<Bound<'a>, TextError> {
    call.bind(Signature { usage, positional, named })
}

fn above_zero(part: &str, dimension: Dimension) -> Result<f64, TextError> {
    let value = quantity_in(part, dimension, Sign::Positive)?;
    if value > 0.0 { Ok(value) } else { Err(TextError::new(0..part.len(), "this must be above zero")) }
}

fn lognormal(call: &Call<'_>, bound: &Bound<'_>, usage: &str, dimension: Dimension) -> Result<Shape, TextError> {
    let p50 = bound.read("p50", |part| above_zero(part, dimension))?;
    let p99 = bound.read_if("p99", |part| above_zero(part, dimension))?;
    let sigma = bound.read_if("sigma", |part| quantity_in(part, Dimension::Number, Sign::Positive))?;
    let sigma = match (p99, sigma) {
        (Some(p99), None) if p99 < p50 => {
            return Err(TextError::new(call.at(), "p99 is below p50").help(format!("write {usage}")));
        }
        (Some(p99), None) => libm::log(p99 / p50) / Z_99,
        (None, Some(sigma)) => sigma,
        (Some(_), Some(_)) => {
            return Err(TextError::new(call.at(), "p99 and sigma say the same thing").help(format!("write {usage}")));
        }
        (None, None) => {
            return Err(
                TextError::new(call.at(), "`lognormal` lacks its `p99` or `sigma`").help(format!("write {usage}"))
            );
        }
    };
    Ok(Shape::Lognormal(libm::log(p50), sigma))
}

fn mix(
    call: &Call<'_>,
    dimension: Dimension,
    sign: Sign,
    load: &mut Loader<'_>,
    depth: u32,
) -> Result<Dist, TextError> {
    let usage = "write `mix(90%: 1ms, 10%: exp(1s))`";
    let mut parts = Vec::new();
    let (mut min, mut max) = (None, None);
    let mut total = 0.0;
    for arg in call.args.iter().flatten() {
        match arg.key {
            Some("min") => min = Some(arg.read(|part| quantity_in(part, dimension, sign))?),
            Some("max") => max = Some(arg.read(|part| quantity_in(part, dimension, sign))?),
            // `lognormal(p50=1ms)` inside has its `=` behind a parenthesis, so it is no key.
            Some(key) => {
                return Err(TextError::new(arg.at(), format!("`mix` takes no `{key}`")).help(usage));
            }
            None => {
                let (share, part) = arg.pair().map_err(|error| error.help(usage))?;
                let weight = share.read(|part| quantity_in(part, Dimension::Share, Sign::Positive))?;
                total += weight;
                parts.push((weight, part.read(|part| nested(part, dimension, sign, load, depth + 1))?));
            }
        }
    }
    if parts.is_empty() {
        return Err(TextError::new(call.at(), "`mix` has no parts").help(usage));
    }
    if (total - 1.0).abs() > 1e-9 {
        let percent = libm::round(total * 1e8) / 1e6;
        return Err(TextError::new(call.at(), format!("the shares of `mix` add up to {percent}%, not 100%")));
    }
    Ok(Dist { shape: Shape::Mix(parts.into()), min, max })
}

/// Independent draws of each, added up: a fixed delay and a random one.
fn sum(
    call: &Call<'_>,
    dimension: Dimension,
    sign: Sign,
    load: &mut Loader<'_>,
    depth: u32,
) -> Result<Dist, TextError> {
    let usage = "write `sum(100ms, exp(50ms))`";
    let mut parts = Vec::new();
    for arg in call.args.iter().flatten() {
        if let Some(key) = arg.key {
            return Err(TextError::new(arg.at(), format!("`sum` takes no `{key}`")).help(usage));
        }
        parts.push(arg.read(|part| nested(part, dimension, sign, load, depth + 1))?);
    }
    if parts.is_empty() {
        return Err(TextError::new(call.at(), "`sum` has no parts").help(usage));
    }
    Ok(Dist::sum(&parts))
}

/// Samples from the first column of a CSV text: quantities with units, or bare numbers below a header that is a unit.
pub fn samples(content: &str, dimension: Dimension, sign: Sign) -> Result<Arc<[f64]>, String> {
    let mut unit = "";
    let mut samples = Vec::new();
    for (index, line) in content.lines().enumerate() {
        let cell = line.split(',').next().unwrap_or("").trim().trim_matches('"');
        if cell.is_empty() || cell.starts_with('#') {
            continue;
        }
        if samples.is_empty() && unit.is_empty() && quantity_in(&format!("1{cell}"), dimension, sign).is_ok() {
            let is_number = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            if !is_number {
                unit = cell;
                continue;
            }
        }
        let value = quantity_in(&format!("{cell}{unit}"), dimension, sign)
            .map_err(|error| format!("line {} of the samples: {}", index + 1, error.message))?;
        samples.push(value);
    }
    if samples.is_empty() { Err("the file holds no samples".into()) } else { Ok(samples.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Dist, TextError> {
        dist(text, Dimension::Duration, Sign::Positive, &mut |file: &str| match file {
            "slow.csv" => Ok("ms\n1\n2.5\n".into()),
            "units.csv" => Ok("5ms,first\n1s,second\n".into()),
            "bad.csv" => Ok("5ms\nfast\n".into()),
            _ => Err(format!("can't read {file}")),
        })
    }

    #[test]
    fn distributions_become_shapes_in_nanoseconds() {
        for (text, shape) in [
            ("5ms", Shape::Constant(5e6)),
            ("sum(5ms, exp(1ms))", Shape::Sum([Dist::constant(5e6), Dist::exponential(1e6)].into())),
            ("150ms..300ms", Shape::Uniform(150e6, 300e6)),
            ("exp(5ms)", Shape::Exponential(5e6)),
            ("exp( mean = 5ms )", Shape::Exponential(5e6)),
            ("normal(5ms, 1ms)", Shape::Normal(5e6, 1e6)),
            ("lognormal(p50=1ms, sigma=0.5)", Shape::Lognormal(libm::log(1e6), 0.5)),
            ("lognormal(p50=1ms, p99=8ms)", Shape::Lognormal(libm::log(1e6), libm::log(8.0) / Z_99)),
            ("pareto(1ms, 1.5)", Shape::Pareto(1e6, 1.5)),
            ("erlang(3, 9ms)", Shape::Erlang(3, 9e6)),
            ("empirical(slow.csv)", Shape::Empirical([1e6, 2.5e6].into())),
            ("empirical(units.csv)", Shape::Empirical([5e6, 1e9].into())),
            (
                "mix(90%: 1ms, 10%: exp(1s))",
                Shape::Mix([(0.9, Dist::constant(1e6)), (0.1, Dist::exponential(1e9))].into()),
            ),
        ] {
            assert_eq!(read(text), Ok(Dist::new(shape)), "{text}");
        }
        let clipped = read("lognormal(p50=5ms, sigma=1, min=3ms, max=256ms)").expect("a clipped distribution");
        assert_eq!((clipped.min, clipped.max), (Some(3e6), Some(256e6)));
    }

    #[test]
    fn distributions_that_are_refused() {
        for (text, at, message) in [
            ("exp(5)", 4..5, "`5` of what? a duration needs a unit"),
            ("exp()", 0..5, "`exp` lacks its `mean`"),
            ("exp(0ms)", 4..7, "this must be above zero"),
            ("expo(5ms)", 0..4, "unknown distribution `expo`"),
            ("exponential(5ms)", 0..11, "unknown distribution `exponential`"),
            ("uniform(1ms, 2ms)", 0..7, "unknown distribution `uniform`"),
            ("lognormal(p50=1ms)", 0..18, "`lognormal` lacks its `p99` or `sigma`"),
            ("lognormal(p50=9ms, p99=8ms)", 0..27, "p99 is below p50"),
            ("mix(90%: 1ms, 20%: 2ms)", 0..23, "the shares of `mix` add up to 110%, not 100%"),
            ("mix(90%: 1ms, 10%: 2)", 19..20, "`2` of what? a duration needs a unit"),
            ("mix(1ms)", 4..7, "`1ms` lacks its `:`"),
            ("erlang(0, 1ms)", 7..8, "k is a whole number from 1 to 1000"),
            ("empirical(bad.csv)", 10..17, "`bad.csv` can't be used: line 2 of the samples: `fast` is not a duration"),
            ("empirical(gone.csv)", 10..18, "`gone.csv` can't be used: can't read gone.csv"),
            ("300ms..150ms", 0..12, "`300ms..150ms` is empty: it ends before it begins"),
            ("quick", 0..5, "`quick` is not a duration or a distribution"),
            ("5", 0..1, "`5` of what? a duration needs a unit"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        }
    }

    #[test]
    fn every_whole_number_of_a_range_has_the_same_chance() {
        let drawn = Drawn::<Counts>::from_text("1..=5").expect("a range");
        let dist = drawn.dist(&mut |_: &str| Err("no files here".into())).expect("no file is asked for");
        assert_eq!(dist, Dist { shape: Shape::Uniform(0.5, 5.5), min: Some(1.0), max: Some(5.0) });
    }

    #[test]
    fn files_are_asked_for_when_the_distribution_is() {
        let drawn = Drawn::<Durations>::from_text("empirical(slow.csv)").expect("a distribution");
        assert_eq!(drawn.files(), ["slow.csv"]);
        assert_eq!(drawn.dist(&mut |_: &str| Ok("7ms".into())), Ok(Dist::new(Shape::Empirical([7e6].into()))));
    }
}
