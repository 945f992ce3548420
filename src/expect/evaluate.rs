//! Judges an expectation against whoever knows the numbers.
//!
//! Standard errors are carried through arithmetic by the delta method, as if the metrics of one expression were
//! independent.

use std::ops::Range;

use super::ast::{Arithmetic, Comparison, Expr, Label, Metric, Operand, Phase, Property, That, Tolerance, Within};
use super::dimension::{Dimension, show};
use super::verdict::{Expected, Outcome, Verdict};
use crate::engine::Instant;

/// A value and how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// In seconds, per second, bytes, or 1.
    pub value: f64,
    /// What it measures.
    pub dimension: Dimension,
    /// How far it may be off by chance; `None` if that can't be told, 0 if it is exact.
    pub standard_error: Option<f64>,
    /// How many observations it rests on; for a count, how many could have been counted. None make it vacuous.
    pub samples: u64,
}

impl Measured {
    /// A value that isn't measured but given.
    pub fn exact(value: f64, dimension: Dimension) -> Measured {
        Measured { value, dimension, standard_error: Some(0.0), samples: u64::MAX }
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing happened that could have been measured: vacuous.
    NoSamples(String),
    /// It can't be told: a budget was spent, a variant or sweep wasn't run.
    Unknown(String),
}

/// What a property came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in half a sentence: the witness, the budget, what never happened.
    pub because: String,
}

/// What is asked about a metric.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The metric.
    pub metric: &'a Metric,
    /// The phase that counts unless the metric's scope names one itself; `None` is everything after warm-up.
    pub during: Option<&'a Phase>,
    /// Only what was invoked in this window.
    pub window: Option<&'a Range<Instant>>,
    /// Whether what was simulated is asked for, not multiplied back by a cell's scale.
    pub simulated: bool,
}

/// Who knows the numbers of a run, or of several.
pub trait Source {
    /// The value of a metric.
    fn metric(&self, ask: Ask<'_>) -> Result<Measured, Missing>;
    /// The value the scenario has at a path, in the variant being judged.
    fn path(&self, path: &str) -> Result<Measured, Missing>;
    /// Whether a property holds; on every seed, if there are several.
    fn property(&self, property: &Property, within: Option<&Within>) -> Judgement;
    /// The word that observation gives a component.
    fn label(&self, label: &Label) -> Result<String, Missing>;
}

/// One expectation, as far as judging it needs.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What it says.
    pub that: &'a That,
    /// What is expected of that.
    pub expected: Expected,
    /// What must be true for a verdict to mean anything.
    pub needs: &'a [That],
    /// When; `None` is after warm-up.
    pub during: Option<&'a Phase>,
    /// How soon; properties are asked about it, and for comparisons `windows` says what it comes to.
    pub within: Option<&'a Within>,
    /// For `60s after spike`: from 60 s after each end of the fault until the next fault or the end. What it says must
    /// be true of each window as a whole. `None` without `within`; none at all are vacuous.
    pub windows: Option<&'a [Range<Instant>]>,
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The verdict on what it says.
    pub verdict: Verdict,
    /// Whether that was expected.
    pub outcome: Outcome,
    /// What was measured.
    pub left: Option<Measured>,
    /// What it was compared with.
    pub right: Option<Measured>,
    /// Both in words: `mean(api) = 50.3 ms, expected 50 ms ± 10%`.
    pub sentence: String,
}

/// Judges an expectation.
pub fn evaluate(terms: &Terms<'_>, source: &dyn Source) -> Finding {
    if let Some(unmet) = unmet(terms.needs, source) {
        return finding(terms.expected, unmet);
    }
    let timeless = matches!(terms.that, That::Property(_) | That::Label { .. });
    let statement = match terms.windows {
        Some(windows) if !timeless => {
            let judged: Vec<Statement> = windows.iter().map(|window| judge(terms, Some(window), source)).collect();
            let verdict = Verdict::on_each(judged.iter().map(|statement| statement.verdict));
            // Tell about the first window that decided it.
            let deciding = judged.into_iter().find(|statement| statement.verdict == verdict);
            deciding.unwrap_or_else(|| Statement::none(Verdict::Vacuous, "the run ends before that".into()))
        }
        _ => judge(terms, None, source),
    };
    finding(terms.expected, statement)
}

/// Judges a comparison by the means of what several runs, independent of each other, found on its two sides.
///
/// Both have a value from each run, or the right side has none at all where the comparison is with a range. The standard
/// error of a mean is that of the values about it.
pub fn judge_means(that: &That, expected: Expected, left: &[Measured], right: &[Measured]) -> Option<Finding> {
    let right = if right.is_empty() { None } else { Some(mean(right)?) };
    Some(finding(expected, compared(that, mean(left)?, right)))
}

/// The mean of values from independent runs; `None` of none.
fn mean(values: &[Measured]) -> Option<Measured> {
    let first = values.first()?;
    if values.iter().all(|v| v.value == first.value) {
        let samples = values.iter().fold(0_u64, |sum, v| sum.saturating_add(v.samples));
        let standard_error = if values.len() > 1 { Some(0.0) } else { first.standard_error };
        return Some(Measured { standard_error, samples, ..*first });
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|v| v.value).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v.value - mean) * (v.value - mean)).sum();
    let standard_error = (squares / (n - 1.0) / n).sqrt();
    let samples = values.iter().fold(0_u64, |sum, v| sum.saturating_add(v.samples));
    let standard_error = standard_error.is_finite().then_some(standard_error);
    Some(Measured { value: mean, dimension: first.dimension, standard_error, samples })
}

/// The value of an expression: a formula, a metric to plot.
pub fn value(expr: &Expr, during: Option<&Phase>, source: &dyn Source) -> Result<Measured, Missing> {
    Evaluator { source, during, window: None, simulated: false }.value(expr)
}

fn finding(expected: Expected, statement: Statement) -> Finding {
    let Statement { verdict, left, right, sentence } = statement;
    Finding { verdict, outcome: expected.judge(verdict), left, right, sentence }
}

/// A verdict with what it rests on.
struct Statement {
    verdict: Verdict,
    left: Option<Measured>,
    right: Option<Measured>,
    sentence: String,
}

impl Statement {
    fn none(verdict: Verdict, sentence: String) -> Statement {
        Statement { verdict, left: None, right: None, sentence }
    }

    fn missing(missing: Missing) -> Statement {
        match missing {
            Missing::NoSamples(why) => Statement::none(Verdict::Vacuous, why),
            Missing::Unknown(why) => Statement::none(Verdict::Unknown, why),
        }
    }
}

fn unmet(needs: &[That], source: &dyn Source) -> Option<Statement> {
    let evaluator = Evaluator { source, during: None, window: None, simulated: true };
    needs.iter().find_map(|need| {
        let statement = evaluator.judge(need, None);
        let verdict = match statement.verdict {
            Verdict::Holds => return None,
            Verdict::Unknown => Verdict::Unknown,
            Verdict::Violated | Verdict::Vacuous => Verdict::Vacuous,
        };
        Some(Statement::none(verdict, format!("needs {need}: {}", statement.sentence)))
    })
}

fn judge(terms: &Terms<'_>, window: Option<&Range<Instant>>, source: &dyn Source) -> Statement {
    Evaluator { source, during: terms.during, window, simulated: false }.judge(terms.that, terms.within)
}

struct Evaluator<'a> {
    source: &'a dyn Source,
    during: Option<&'a Phase>,
    window: Option<&'a Range<Instant>>,
    simulated: bool,
}

impl Evaluator<'_> {
    fn judge(&self, that: &That, within: Option<&Within>) -> Statement {
        match that {
            That::Compare { left, right, .. } | That::Near { left, right, .. } => {
                let (l, r) = match (self.value(left), self.value(right)) {
                    (Ok(l), Ok(r)) => (l, r),
                    // What can't be told outweighs what didn't happen: it may have.
                    (Err(unknown @ Missing::Unknown(_)), _) | (_, Err(unknown @ Missing::Unknown(_))) => {
                        return Statement::missing(unknown);
                    }
                    (Err(missing), _) | (_, Err(missing)) => return Statement::missing(missing),
                };
                compared(that, l, Some(r))
            }
            That::Between { value, .. } => match self.value(value) {
                Err(missing) => Statement::missing(missing),
                Ok(measured) => compared(that, measured, None),
            },
            That::Label { label, word, .. } => match self.source.label(label) {
                Err(missing) => Statement::missing(missing),
                Ok(observed) => {
                    Statement::none(holds(observed == *word), format!("{label} is {observed}, expected {word}"))
                }
            },
            That::Property(property) => {
                let Judgement { verdict, because } = self.source.property(property, within);
                let colon = if because.is_empty() { "" } else { ": " };
                let sentence = match verdict {
                    Verdict::Holds => format!("{property} holds{colon}{because}"),
                    _ => format!("{property} is {verdict}{colon}{because}"),
                };
                Statement::none(verdict, sentence)
            }
        }
    }

    fn value(&self, expr: &Expr) -> Result<Measured, Missing> {
        let measured = match &expr.operand {
            Operand::Quantity(quantity) => Measured::exact(quantity.value, quantity.dimension),
            Operand::Path(path) => self.source.path(path)?,
            Operand::Metric(metric) => {
                let Evaluator { during, window, simulated, .. } = *self;
                self.source.metric(Ask { metric, during, window, simulated })?
            }
            Operand::Negative(inner) => {
                let inner = self.value(inner)?;
                Measured { value: -inner.value, ..inner }
            }
            Operand::Exp(inner) => {
                let inner = self.value(inner)?;
                let value = libm::exp(inner.value);
                let standard_error = inner.standard_error.map(|error| error * value);
                Measured { value, dimension: Dimension::NUMBER, standard_error, samples: inner.samples }
            }
            Operand::Binary(left, arithmetic, right) => {
                let (l, r) = match (self.value(left), self.value(right)) {
                    (_, Err(unknown @ Missing::Unknown(_))) => return Err(unknown),
                    (l, r) => (l?, r?),
                };
                combine(l, *arithmetic, r)
                    .ok_or_else(|| Missing::Unknown(format!("{left} is {}, {right} is {}", l.dimension, r.dimension)))?
            }
        };
        if measured.samples == 0 {
            return Err(Missing::NoSamples(format!("{expr}: no samples")));
        }
        // Of itself a measure may be unbounded: what never recovers takes for ever.
        let measure = matches!(expr.operand, Operand::Metric(_)) && !measured.value.is_nan();
        if !measured.value.is_finite() && !measure {
            return Err(Missing::NoSamples(format!("{expr} is undefined: a division by nothing")));
        }
        Ok(measured)
    }
}

/// What a comparison comes to, given its values; a range has no right one, and a property or label none at all.
fn compared(that: &That, l: Measured, r: Option<Measured>) -> Statement {
    let (verdict, sentence) = match (that, r) {
        (That::Compare { left, right, .. } | That::Near { left, right, .. }, Some(r))
            if l.dimension.with(r.dimension).is_none() =>
        {
            (None, format!("{left} is {}, {right} is {}", l.dimension, r.dimension))
        }
        (That::Compare { left, comparison, .. }, Some(r)) => {
            let sign = comparison.sign();
            let (shown_left, shown_right) = show_both(l, r);
            let expected = if sign == "==" { shown_right } else { format!("{sign} {shown_right}") };
            (compares(l.value, *comparison, r.value), format!("{left} = {shown_left}, expected {expected}"))
        }
        (That::Near { left, tolerance, .. }, Some(r)) => {
            let (shown_left, shown_right) = show_both(l, r);
            let sentence = format!("{left} = {shown_left}, expected {shown_right} ± {tolerance}");
            match is_near(l, r, tolerance) {
                Some(near) => (Some(near), sentence),
                None => (None, format!("{sentence}: too short a run to tell its standard error")),
            }
        }
        (That::Between { value, low, high, .. }, _) => {
            let nearer = if l.value > high.value { high.value } else { low.value };
            let (shown, _) = show_both(l, Measured::exact(nearer, l.dimension));
            let inside = low.value <= l.value && l.value <= high.value;
            (Some(inside), format!("{value} = {shown}, expected {low}..{high}"))
        }
        _ => (None, "no values are compared in it".to_owned()),
    };
    Statement { verdict: verdict.map_or(Verdict::Unknown, holds), left: Some(l), right: r, sentence }
}

fn is_near(l: Measured, r: Measured, tolerance: &Tolerance) -> Option<bool> {
    let distance = (l.value - r.value).abs();
    match tolerance {
        Tolerance::Share(share) => Some(distance <= share.value * r.value.abs()),
        Tolerance::Quantity(quantity) => Some(distance <= quantity.value),
        Tolerance::Errors(count) => {
            let of_left = l.standard_error.map(|error| error * error);
            let of_right = r.standard_error.map(|error| error * error);
            both(of_left, of_right).map(|(a, b)| distance <= count.value * (a + b).sqrt())
        }
    }
}

/// `None` if the units don't go together.
fn combine(l: Measured, arithmetic: Arithmetic, r: Measured) -> Option<Measured> {
    let (a, b) = (l.value, r.value);
    // The value, what it measures, and how much it changes with the left and the right one.
    let (value, dimension, by_left, by_right) = match arithmetic {
        Arithmetic::Plus => (a + b, l.dimension.with(r.dimension)?, 1.0, 1.0),
        Arithmetic::Minus => (a - b, l.dimension.with(r.dimension)?, 1.0, -1.0),
        Arithmetic::Times => (a * b, l.dimension.times(r.dimension), b, a),
        Arithmetic::Over => (a / b, l.dimension.over(r.dimension), 1.0 / b, -a / (b * b)),
        Arithmetic::Power => {
            let value = libm::pow(a, b);
            let dimension = if l.dimension.is_plain() {
                l.dimension
            } else {
                (b == libm::trunc(b) && b.abs() <= 9.0).then(|| l.dimension.power(b as i8))?
            };
            let by_right = if r.standard_error == Some(0.0) { 0.0 } else { value * libm::log(a) };
            (value, dimension, b * libm::pow(a, b - 1.0), by_right)
        }
    };
    let part = |by: f64, error: f64| if error == 0.0 { 0.0 } else { by * error };
    let standard_error = both(l.standard_error, r.standard_error).map(|(left, right)| {
        let (left, right) = (part(by_left, left), part(by_right, right));
        (left * left + right * right).sqrt()
    });
    // 0 to a measured power, for one: the value may be right, but not how much it changes.
    let standard_error = standard_error.filter(|error| error.is_finite());
    Some(Measured { value, dimension, standard_error, samples: l.samples.min(r.samples) })
}

fn both(a: Option<f64>, b: Option<f64>) -> Option<(f64, f64)> {
    Some((a?, b?))
}

fn compares(left: f64, comparison: Comparison, right: f64) -> Option<bool> {
    Some(match comparison {
        Comparison::Less => left < right,
        Comparison::AtMost => left <= right,
        Comparison::Greater => left > right,
        Comparison::AtLeast => left >= right,
        Comparison::Equal => left == right,
    })
}

fn holds(is: bool) -> Verdict {
    if is { Verdict::Holds } else { Verdict::Violated }
}

/// With as many digits as it takes to tell them apart.
fn show_both(left: Measured, right: Measured) -> (String, String) {
    let dimension = left.dimension.with(right.dimension).unwrap_or(left.dimension);
    let shown = |digits| (show(left.value, dimension, digits), show(right.value, dimension, digits));
    (3..12).map(shown).find(|(l, r)| l != r || left.value == right.value).unwrap_or_else(|| shown(12))
}
