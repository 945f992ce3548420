//! What can be found before a run: units that don't match, statistics that don't fit, words nobody knows.

use super::ast::{Arithmetic, Expr, Metric, Operand, Stat, That, Tolerance};
use super::dimension::Dimension;
use super::grammar::unknown_word;
use super::names::{self, Shape};
use crate::spec::TextError;

/// Who knows what a scenario's own names are.
pub trait Names {
    /// What the value at a path measures; `Ok(None)` if it can't be said. An error is what to write instead, if
    /// anything is near.
    fn path(&self, path: &str) -> Result<Option<Dimension>, Option<String>>;

    /// Whether this is the name of a `record`, and so a counter.
    fn is_record(&self, name: &str) -> bool;
}

/// Knows no names, and lets every path be anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyName;

impl Names for AnyName {
    fn path(&self, _: &str) -> Result<Option<Dimension>, Option<String>> {
        Ok(None)
    }

    fn is_record(&self, _: &str) -> bool {
        false
    }
}

/// Everything that is wrong with an expectation, as far as it can be told before a run.
pub fn check(that: &That, names: &dyn Names) -> Vec<TextError> {
    let mut checker = Checker { names, errors: Vec::new() };
    match that {
        That::Compare { left, right, .. } => {
            checker.pair(left, right, "compared with");
            checker.reach(left, right);
        }
        That::Near { left, right, tolerance } => {
            checker.pair(left, right, "compared with");
            checker.reach(left, right);
            let (left, right) = (checker.quietly(left), checker.quietly(right));
            if let (Tolerance::Quantity(tolerance), Some(of)) = (tolerance, left.or(right))
                && tolerance.dimension.with(of).is_none()
            {
                let message = format!("the tolerance `{tolerance}` is {}, the value is {of}", tolerance.dimension);
                let at = that_end(that);
                checker
                    .errors
                    .push(TextError::new(at, message).help("write `± 5%`, or a tolerance in the value's unit"));
            }
        }
        That::Between { value, low, high, at } => {
            let of = checker.dimension(value);
            for end in [low, high] {
                if let Some(of) = of
                    && !fits(of, end.dimension, Some(end.value))
                {
                    let message = format!("`{end}` is {}, the value is {of}", end.dimension);
                    let error = TextError::new(at.clone(), message);
                    checker.errors.push(with_unit(error, of, end.dimension, &end.written));
                } else if end.value > 1.0 && is_share(value, names) {
                    checker.errors.push(beyond(at.clone(), &end.written, value));
                }
            }
            // A range around 0 says how much at most.
            if high.value < 0.0 && is_measured(value, names) && checker.errors.is_empty() {
                checker.errors.push(below(at.clone(), value));
            }
        }
        That::Label { label, word, word_at } => {
            let known: &[&str] = match label.name.as_str() {
                "cap" => &["CP", "AP", "CA", "neither"],
                _ => &[],
            };
            if !known.is_empty() && !known.contains(&word.as_str()) {
                let error = TextError::new(word_at.clone(), format!("`{}` is never `{word}`", label.name));
                checker.errors.push(error.help(format!("it is one of {}", known.join(", "))));
            }
        }
        That::Property(_) => {}
    }
    let mut measures = matches!(that, That::Label { .. } | That::Property(_));
    let mut whole = that_end(that);
    that.each_expr(&mut |expr| {
        measures |= matches!(expr.operand, Operand::Metric(_) | Operand::Path(_));
        whole.start = whole.start.min(expr.at.start);
    });
    if !measures && checker.errors.is_empty() {
        let error = TextError::new(whole, "this says nothing of a run: nothing in it is measured");
        checker.errors.push(error.help("write what should come out, such as `p99(api) < 50ms`"));
    }
    checker.errors
}

/// Whether it measures a part of a whole.
fn is_share(expr: &Expr, names: &dyn Names) -> bool {
    let Operand::Metric(metric) = &expr.operand else { return false };
    metric.stat != Some(Stat::Sum) && matches!(metric_dimension(metric, names), Ok(Some(Dimension::SHARE)))
}

/// Whether it is something measured, none of which is ever negative; what a sweep finds may be.
fn is_measured(expr: &Expr, names: &dyn Names) -> bool {
    let Operand::Metric(metric) = &expr.operand else { return false };
    matches!(metric_dimension(metric, names), Ok(Some(_)))
}

fn below(at: std::ops::Range<usize>, metric: &Expr) -> TextError {
    TextError::new(at, format!("`{metric}` is never less than nothing"))
}

fn beyond(at: std::ops::Range<usize>, written: &str, share: &Expr) -> TextError {
    TextError::new(at, format!("`{share}` is a share: it never comes to {written}")).help("a share is at most 100%")
}

/// What a value measures, and everything that is wrong with it: for formulas and for metrics to plot.
pub fn check_expr(expr: &Expr, names: &dyn Names) -> (Option<Dimension>, Vec<TextError>) {
    let mut checker = Checker { names, errors: Vec::new() };
    let dimension = checker.dimension(expr);
    (dimension, checker.errors)
}

struct Checker<'a> {
    names: &'a dyn Names,
    errors: Vec<TextError>,
}

impl Checker<'_> {
    /// Checks that two values can be compared, or added.
    fn pair(&mut self, left: &Expr, right: &Expr, joined: &str) -> Option<Dimension> {
        let (of_left, of_right) = (self.dimension(left), self.dimension(right));
        let (Some(of_left), Some(of_right)) = (of_left, of_right) else {
            return of_left.or(of_right);
        };
        if fits(of_left, of_right, literal(right)) && fits(of_right, of_left, literal(left)) {
            return of_left.with(of_right);
        }
        // Blame the bare number, if there is one.
        let (blamed, of_blamed, other, of_other) = if literal(left).is_some() && literal(right).is_none() {
            (left, of_left, right, of_right)
        } else {
            (right, of_right, left, of_left)
        };
        let message = format!("`{blamed}` is {of_blamed}, {joined} `{other}`, {of_other}");
        let error = TextError::new(blamed.at.clone(), message);
        self.errors.push(match &blamed.operand {
            Operand::Quantity(quantity) => with_unit(error, of_other, of_blamed, &quantity.written),
            _ => error,
        });
        None
    }

    /// A share is never compared with more than everything, nor what is measured with less than nothing.
    fn reach(&mut self, left: &Expr, right: &Expr) {
        if !self.errors.is_empty() {
            return;
        }
        for (share, limit) in [(left, right), (right, left)] {
            if literal(limit).is_some_and(|limit| limit > 1.0) && is_share(share, self.names) {
                self.errors.push(beyond(limit.at.clone(), &limit.to_string(), share));
            }
            if literal(limit).is_some_and(|limit| limit < 0.0) && is_measured(share, self.names) {
                self.errors.push(below(limit.at.clone(), share));
            }
        }
    }

    fn quietly(&mut self, expr: &Expr) -> Option<Dimension> {
        let before = self.errors.len();
        let dimension = self.dimension(expr);
        self.errors.truncate(before);
        dimension
    }

    /// What a value measures; `None` if it can't be told, or is wrong.
    fn dimension(&mut self, expr: &Expr) -> Option<Dimension> {
        match &expr.operand {
            Operand::Quantity(quantity) => Some(quantity.dimension),
            Operand::Path(path) => match self.names.path(path) {
                Ok(dimension) => dimension,
                Err(near) => {
                    let error = TextError::new(expr.at.clone(), format!("there is nothing at `{path}`"));
                    self.errors.push(match near {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error,
                    });
                    None
                }
            },
            Operand::Metric(metric) => match metric_dimension(metric, self.names) {
                Ok(dimension) => dimension,
                Err(error) => {
                    self.errors.push(error);
                    None
                }
            },
            Operand::Negative(inner) => self.dimension(inner),
            Operand::Exp(inner) => {
                self.plain(inner, "exp() takes");
                Some(Dimension::NUMBER)
            }
            Operand::Binary(left, Arithmetic::Plus, right) => self.pair(left, right, "added to"),
            Operand::Binary(left, Arithmetic::Minus, right) => self.pair(left, right, "subtracted from"),
            Operand::Binary(left, Arithmetic::Times, right) => {
                let (left, right) = (self.dimension(left), self.dimension(right));
                Some(left?.times(right?))
            }
            Operand::Binary(left, Arithmetic::Over, right) => {
                if literal(right) == Some(0.0) {
                    let message = format!("`{left}` is divided by nothing");
                    self.errors.push(TextError::new(right.at.clone(), message).help("divide by what isn't 0"));
                }
                let (left, right) = (self.dimension(left), self.dimension(right));
                Some(left?.over(right?))
            }
            Operand::Binary(base, Arithmetic::Power, exponent) => {
                let of_base = self.dimension(base);
                self.plain(exponent, "an exponent is");
                if of_base?.is_plain() {
                    return of_base;
                }
                match literal(exponent) {
                    Some(power) if power == libm::trunc(power) && power.abs() <= 9.0 => {
                        Some(of_base?.power(power as i8))
                    }
                    _ => {
                        let message = format!("`{base}` has a unit, so its exponent must be a whole number");
                        self.errors.push(TextError::new(exponent.at.clone(), message));
                        None
                    }
                }
            }
        }
    }

    fn plain(&mut self, expr: &Expr, what: &str) {
        if let Some(dimension) = self.dimension(expr)
            && !dimension.is_plain()
        {
            let message = format!("{what} a number, `{expr}` is {dimension}");
            self.errors.push(TextError::new(expr.at.clone(), message).help("divide it by something of its unit"));
        }
    }
}

/// Whether a value may stand beside another. A share is written with `%`, unless it is nothing or everything.
fn fits(value: Dimension, other: Dimension, literal: Option<f64>) -> bool {
    let bare_share = value == Dimension::SHARE && other == Dimension::NUMBER;
    if let Some(number) = literal
        && bare_share
        && number != 0.0
        && number != 1.0
    {
        return false;
    }
    value.with(other).is_some()
}

fn literal(expr: &Expr) -> Option<f64> {
    match &expr.operand {
        Operand::Quantity(quantity) => Some(quantity.value),
        Operand::Negative(inner) => literal(inner).map(|value| -value),
        _ => None,
    }
}

fn with_unit(error: TextError, wanted: Dimension, found: Dimension, written: &str) -> TextError {
    if found != Dimension::NUMBER {
        return error;
    }
    match wanted {
        Dimension::DURATION => error.help(format!("write `{written}ms` or `{written}s`")),
        Dimension::RATE => error.help(format!("write `{written}/s`")),
        Dimension::SIZE => error.help(format!("write `{written}KB` or `{written}MiB`")),
        Dimension::BANDWIDTH => error.help(format!("write `{written}MB/s` or `{written}Mbps`")),
        Dimension::SHARE => match written.parse::<f64>() {
            Ok(value) if value < 1.0 => {
                let percent = format!("{:.6}", value * 100.0);
                error.help(format!("write `{}%`", percent.trim_end_matches('0').trim_end_matches('.')))
            }
            _ => error.help(format!("write `{written}%`")),
        },
        _ => error,
    }
}

fn that_end(that: &That) -> std::ops::Range<usize> {
    let mut end = 0..0;
    that.each_expr(&mut |expr| {
        if expr.at.end > end.end {
            end = expr.at.clone();
        }
    });
    end
}

/// What a metric measures; `None` if only its scenario knows.
fn metric_dimension(metric: &Metric, names: &dyn Names) -> Result<Option<Dimension>, TextError> {
    let shape = match &metric.measure {
        None => Shape::Distribution(Dimension::DURATION),
        Some(name) => match names::measure_named(name) {
            Some(measure) => measure.shape,
            None if names.is_record(name) => Shape::Counter(Dimension::COUNT),
            None if names::property_named(name).is_some() => {
                return Err(TextError::new(metric.at.clone(), format!("`{name}` is a property, not a value"))
                    .help("a property stands alone: it holds or doesn't"));
            }
            None => return Err(unknown_word(name, metric.measure_at.clone(), "measure")),
        },
    };
    let name = metric.measure.as_deref().unwrap_or("latency");
    let each = metric.scope.is_per_instance();
    let wrong = |message: String, help: String| Err(TextError::new(metric.at.clone(), message).help(help));
    let inner = match &metric.measure {
        Some(name) => format!("{name}({})", metric.scope),
        None => metric.scope.to_string(),
    };
    match (shape, metric.stat) {
        (Shape::Label, _) => wrong(
            format!("`{name}` is a word, not a value"),
            format!("compare it alone: `{name}({}) == ...`", metric.scope),
        ),
        (Shape::Open, None) => Ok(None),
        (Shape::Open, Some(_)) => wrong(format!("`{name}` is one value already"), format!("write `{inner}`")),
        (Shape::Distribution(of), Some(stat)) => Ok(Some(match stat {
            Stat::Count => Dimension::COUNT,
            Stat::Rate => Dimension::RATE,
            _ => of,
        })),
        (Shape::Distribution(_), None) => {
            wrong(format!("`{name}` is many values"), format!("take a statistic: `p99({inner})`, `mean({inner})`"))
        }
        (Shape::Counter(of), Some(Stat::Count)) => Ok(Some(of)),
        (Shape::Counter(of), Some(Stat::Rate)) => Ok(Some(of.per_second())),
        (Shape::Counter(of), Some(_)) if each => Ok(Some(of)),
        (Shape::Counter(_), _) => {
            wrong(format!("`{name}` counts what happens"), format!("write `count({inner})` or `rate({inner})`"))
        }
        (Shape::Gauge(_), Some(Stat::Count | Stat::Rate)) => wrong(
            format!("`{name}` is a level, it can't be counted"),
            format!("write `mean({inner})` or `max({inner})`"),
        ),
        (Shape::Gauge(_), Some(Stat::Sum)) if !each => wrong(
            format!("`{name}` is one level"),
            format!("a sum goes over instances, `sum({name}(x/*))`; over time, take `mean({inner})`"),
        ),
        (Shape::Gauge(of), Some(_)) => Ok(Some(of)),
        (Shape::Gauge(_), None) => {
            wrong(format!("`{name}` is a level over time"), format!("write `mean({inner})` or `max({inner})`"))
        }
        (Shape::PerSecond, Some(Stat::Count)) => Ok(Some(Dimension::COUNT)),
        (Shape::PerSecond, Some(Stat::Rate)) => Ok(Some(Dimension::RATE)),
        (Shape::PerSecond, Some(_)) if each => Ok(Some(Dimension::RATE)),
        (Shape::PerSecond, None) if !each => Ok(Some(Dimension::RATE)),
        (Shape::Scalar(_), Some(Stat::Count | Stat::Rate)) => {
            wrong(format!("`{name}` is one value, it can't be counted"), format!("write `{inner}`"))
        }
        (Shape::Scalar(of), Some(_)) if each => Ok(Some(of)),
        (Shape::Scalar(_) | Shape::PerSecond, Some(_)) => wrong(
            format!("`{name}` is one value already"),
            format!("write `{inner}`; a statistic goes over instances: `max({name}(x/*))`"),
        ),
        (Shape::Scalar(of), None) if !each => Ok(Some(of)),
        (Shape::Scalar(_) | Shape::PerSecond, None) => {
            wrong(format!("`{inner}` is one value per instance"), format!("take a statistic over them: `max({inner})`"))
        }
    }
}
