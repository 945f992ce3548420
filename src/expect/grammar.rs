//! From the text of an expectation to its tree: recursive descent, one method a rule of the language's EBNF.
//!
//! Stops at the first error, which says where it is, what was expected, and what to write.

use super::ast::{
    Arg, Arithmetic, Bytes, Comparison, Expr, Label, Metric, Operand, Phase, Property, Stat, That, Tolerance, Within,
};
use super::dimension::Dimension;
use super::lexer::{Kind, Token, lex};
use super::names::{self, Shape, Takes};
use super::quantity::{Quantity, quantity};
use crate::spec::TextError;

/// How deep parentheses may stand in one another; deeper is a mistake, and would cost the stack.
const DEPTH_MAX: usize = 32;

/// The longest text in words and signs, for the same reason: the tree of a sum is as deep as the sum is long.
const TOKENS_MAX: usize = 1000;

/// Reads what stands behind `that`.
pub fn parse_that(text: &str) -> Result<That, TextError> {
    Parser::of(text)?.whole(Parser::that)
}

/// Reads a value without a comparison: a formula, a metric to plot.
pub fn parse_expr(text: &str) -> Result<Expr, TextError> {
    Parser::of(text)?.whole(Parser::expr)
}

/// Reads what stands behind `during`.
pub fn parse_phase(text: &str) -> Result<Phase, TextError> {
    Parser::of(text)?.whole(Parser::phase)
}

/// Reads what stands behind `within`.
pub fn parse_within(text: &str) -> Result<Within, TextError> {
    Parser::of(text)?.whole(Parser::within)
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    // The next token; the last one, the end, is never passed.
    pub(super) next: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn of(text: &'a str) -> Result<Parser<'a>, TextError> {
        let tokens = lex(text)?;
        if let Some(first_over) = tokens.get(TOKENS_MAX) {
            let message = format!("an expression has at most {TOKENS_MAX} words and signs");
            return Err(TextError::new(first_over.at.clone(), message));
        }
        Ok(Parser { text, tokens, next: 0, depth: 0 })
    }

    fn whole<T>(mut self, rule: impl FnOnce(&mut Self) -> Result<T, TextError>) -> Result<T, TextError> {
        let read = rule(&mut self)?;
        if self.kind() != Kind::End {
            return Err(self.unexpected("the end"));
        }
        Ok(read)
    }

    // ---- that ----

    fn that(&mut self) -> Result<That, TextError> {
        if self.kind() == Kind::Word && self.kind_after(1) == Kind::Sign("(") {
            let word = self.word_text();
            if names::property_named(word).is_some() {
                return self.property().map(That::Property);
            }
            if names::measure_named(word).is_some_and(|measure| measure.shape == Shape::Label) {
                return self.label();
            }
        }
        let left = self.expr()?;
        let sign = self.at();
        if self.eat("~") {
            let right = self.expr()?;
            let tolerance = self.tolerance(&sign)?;
            return Ok(That::Near { left, right, tolerance });
        }
        if self.eat_word("in") {
            let start = self.at().start;
            let low = self.signed_quantity()?;
            self.expect("..", "`..` and the upper end of the range")?;
            let high = self.signed_quantity()?;
            let at = start..self.end_of_last();
            if low.value > high.value {
                return Err(TextError::new(at, format!("nothing is in {low}..{high}: it ends below its start")));
            }
            return Ok(That::Between { value: left, low, high, at });
        }
        let comparison =
            [Comparison::AtMost, Comparison::AtLeast, Comparison::Equal, Comparison::Less, Comparison::Greater]
                .into_iter()
                .find(|comparison| self.eat(comparison.sign()));
        match comparison {
            Some(comparison) => {
                let right = self.expr()?;
                Ok(That::Compare { left, comparison, right })
            }
            None => Err(self.no_comparison(&left)),
        }
    }

    fn no_comparison(&self, left: &Expr) -> TextError {
        if self.kind() != Kind::End {
            return self.unexpected(
                "an operator with a space on each side, or a comparison (`<`, `<=`, `>`, `>=`, `==`, `~`, `in`)",
            );
        }
        if let Operand::Metric(metric) = &left.operand
            && let (None, Some(name)) = (metric.stat, &metric.measure)
            && names::measure_named(name).is_none()
        {
            return unknown_word(name, metric.measure_at.clone(), "property");
        }
        let what = &self.text[left.at.clone()];
        TextError::new(self.at(), "a comparison is missing")
            .help(format!("compare it with something, such as `{what} <= 50ms`"))
    }

    fn tolerance(&mut self, near: &Bytes) -> Result<Tolerance, TextError> {
        if !self.eat("±") && !self.eat("+-") {
            if self.kind() != Kind::End {
                return Err(self.unexpected("an operator, or `±` and a tolerance"));
            }
            return Err(TextError::new(near.clone(), "`~` needs a tolerance")
                .help("end with `± 5%`, `± 2ms` or `± 3 se`; `+-` is the same as `±`"));
        }
        let token = self.here().clone();
        let written = &self.text[token.at.clone()];
        if token.kind == Kind::Number
            && let Some(number) = written.strip_suffix("se")
        {
            self.next += 1;
            return Ok(Tolerance::Errors(quantity(number, token.at.start)?));
        }
        let tolerance = self.quantity()?;
        if self.eat_word("se") {
            return if tolerance.dimension == Dimension::NUMBER {
                Ok(Tolerance::Errors(tolerance))
            } else {
                Err(TextError::new(token.at, "a number of standard errors has no unit").help("write `± 3 se`"))
            };
        }
        Ok(if tolerance.dimension == Dimension::SHARE {
            Tolerance::Share(tolerance)
        } else {
            Tolerance::Quantity(tolerance)
        })
    }

    fn label(&mut self) -> Result<That, TextError> {
        let start = self.at().start;
        let name = self.name("a label")?.0;
        self.expect("(", "`(`")?;
        let scope = self.scope()?;
        self.expect(")", "`)`")?;
        let label = Label { name, scope, at: start..self.end_of_last() };
        if !self.eat("==") {
            return Err(self.unexpected("`==` and a word").help(format!("write `{label} == CP`")));
        }
        if self.kind() != Kind::Word {
            return Err(self.unexpected("a word, such as CP, AP or causal"));
        }
        let word_at = self.at();
        let word = self.word_text().to_string();
        self.next += 1;
        Ok(That::Label { label, word, word_at })
    }

    fn property(&mut self) -> Result<Property, TextError> {
        let start = self.at();
        let word = self.word_text();
        let known = names::property_named(word).expect("the caller looked");
        let name = word.to_string();
        self.next += 1;
        self.expect("(", "`(`")?;
        let mut args = Vec::new();
        while !(args.is_empty() && self.is(")")) {
            let takes = known.takes.get(args.len()).copied();
            let at = self.at().start;
            let arg = self.arg(takes)?;
            args.push((arg, at..self.end_of_last()));
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")", "`,` or `)`")?;
        let at = start.start..self.end_of_last();
        if args.len() != known.takes.len() {
            let usage: Vec<&str> = known
                .takes
                .iter()
                .map(|takes| match takes {
                    Takes::Name => "name",
                    Takes::Word => "G1c",
                    Takes::Duration => "5s",
                })
                .collect();
            let (given, needed) = (args.len(), usage.len());
            return Err(TextError::new(at, format!("`{name}` takes {needed} argument(s), here are {given}"))
                .help(format!("write `{name}({})`", usage.join(", "))));
        }
        if !matches!(self.kind(), Kind::End) {
            return Err(self
                .unexpected("the end, as a property holds or doesn't")
                .help("expect the opposite with verdict = \"violated\""));
        }
        Ok(Property { name, args, at })
    }

    fn arg(&mut self, takes: Option<Takes>) -> Result<Arg, TextError> {
        match takes {
            Some(Takes::Duration) => {
                let at = self.at();
                let read = self.quantity()?;
                if read.dimension != Dimension::DURATION {
                    return Err(TextError::new(at, format!("expected a duration, this is {}", read.dimension))
                        .help(format!("write `{0}s` or `{0}ms`", read.written.trim_end_matches(char::is_alphabetic))));
                }
                Ok(Arg::Quantity(read))
            }
            Some(Takes::Word) => {
                if self.kind() != Kind::Word {
                    return Err(self.unexpected("a word, such as `G1c`"));
                }
                let word = self.word_text().to_string();
                self.next += 1;
                Ok(Arg::Word(word))
            }
            // One too many is read as a name, and counted by the caller.
            None if self.kind() == Kind::Number => self.quantity().map(Arg::Quantity),
            Some(Takes::Name) | None => {
                if self.kind() == Kind::Word && is_path(self.word_text()) {
                    let field = self.word_text().to_string();
                    self.next += 1;
                    return Ok(Arg::Field(field));
                }
                self.part().map(Arg::Part)
            }
        }
    }

    // ---- values ----

    /// A sum: its first product may have a minus before it.
    fn expr(&mut self) -> Result<Expr, TextError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(TextError::new(self.at(), format!("parentheses stand more than {DEPTH_MAX} deep")));
        }
        let start = self.at().start;
        let mut left = if self.eat("-") {
            let inner = self.product()?;
            Expr { at: start..inner.at.end, operand: Operand::Negative(Box::new(inner)) }
        } else {
            self.product()?
        };
        while let Some(arithmetic) = self.operator(&[Arithmetic::Plus, Arithmetic::Minus])? {
            let right = self.product()?;
            left = binary(left, arithmetic, right);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, TextError> {
        let mut left = self.power()?;
        while let Some(arithmetic) = self.operator(&[Arithmetic::Times, Arithmetic::Over])? {
            let right = self.power()?;
            left = binary(left, arithmetic, right);
        }
        Ok(left)
    }

    /// Powers associate to the right, as in mathematics.
    fn power(&mut self) -> Result<Expr, TextError> {
        let mut bases = vec![self.factor()?];
        while self.operator(&[Arithmetic::Power])?.is_some() {
            bases.push(self.factor()?);
        }
        let mut power = bases.pop().expect("at least the first");
        while let Some(base) = bases.pop() {
            power = binary(base, Arithmetic::Power, power);
        }
        Ok(power)
    }

    fn operator(&mut self, among: &[Arithmetic]) -> Result<Option<Arithmetic>, TextError> {
        let Some(arithmetic) = among.iter().copied().find(|arithmetic| self.is(arithmetic.sign())) else {
            return Ok(None);
        };
        let at = self.at();
        let spaced = self.text[..at.start].ends_with(char::is_whitespace)
            && self.text[at.end..].starts_with(char::is_whitespace);
        if !spaced {
            let sign = arithmetic.sign();
            return Err(TextError::new(at, format!("`{sign}` needs a space on each side"))
                .help("without spaces, `-` and `/` belong to names and units"));
        }
        self.next += 1;
        Ok(Some(arithmetic))
    }

    fn factor(&mut self) -> Result<Expr, TextError> {
        let start = self.at().start;
        if self.kind() == Kind::Number {
            let operand = Operand::Quantity(self.quantity()?);
            return Ok(Expr { operand, at: start..self.end_of_last() });
        }
        if self.eat("(") {
            let inner = self.expr()?;
            self.expect(")", "an operator or `)`")?;
            return Ok(Expr { operand: inner.operand, at: start..self.end_of_last() });
        }
        if self.kind() != Kind::Word {
            return Err(self.unexpected("a quantity, a metric or a path"));
        }
        let word = self.word_text();
        if self.kind_after(1) != Kind::Sign("(") {
            return self.path();
        }
        if word == "exp" {
            self.next += 2;
            let inner = self.expr()?;
            self.expect(")", "an operator or `)`")?;
            return Ok(Expr { operand: Operand::Exp(Box::new(inner)), at: start..self.end_of_last() });
        }
        let metric = self.metric()?;
        Ok(Expr { at: metric.at.clone(), operand: Operand::Metric(Box::new(metric)) })
    }

    fn path(&mut self) -> Result<Expr, TextError> {
        let (at, word) = (self.at(), self.word_text());
        if !is_path(word) {
            let error = TextError::new(at.clone(), format!("`{word}` alone is no value"));
            return Err(if word.contains('/') && self.kind_after(1) != Kind::End {
                error.help("a division has spaces: `a / b`; of an instance, take a statistic: `mean(kv/2)`")
            } else {
                error.help(format!(
                    "take a statistic of it, such as `p99({word})`, or write a path, such as `service.{word}.replicas`"
                ))
            });
        }
        self.next += 1;
        Ok(Expr { operand: Operand::Path(word.to_string()), at })
    }

    fn metric(&mut self) -> Result<Metric, TextError> {
        let at = self.at();
        let word = self.word_text();
        let stat = stat(word, &at)?;
        if stat.is_none() && word == "p" {
            let argument = match self.tokens.get(self.next + 2) {
                Some(token) if token.kind == Kind::Number => &self.text[token.at.clone()],
                _ => "99",
            };
            return Err(TextError::new(at, "a percentile is written `p` and its number, then what it is of")
                .help(format!("write `p{argument}(x) < 500ms`")));
        }
        let (mut measure, mut measure_at) = (None, at.clone());
        if stat.is_none() {
            measure = Some(self.plain(word, &at)?);
        }
        self.next += 1;
        self.expect("(", "`(`")?;
        let scope = if stat.is_some() && self.kind() == Kind::Word && self.kind_after(1) == Kind::Sign("(") {
            measure_at = self.at();
            let word = self.word_text();
            if self::stat(word, &measure_at)?.is_some() {
                return Err(TextError::new(measure_at, "a statistic of a statistic")
                    .help("over instances write `max(utilization(db/*))`: a statistic, a measure, a scope"));
            }
            measure = Some(self.plain(word, &measure_at)?);
            self.next += 2;
            let scope = self.scope()?;
            self.expect(")", "`,` or `)`")?;
            if self.is(",") {
                return Err(self.unexpected("`)`").help(
                    "a scope stands within the measure, and a variant after all: \
                     `p99(latency(api, cut))@variant`",
                ));
            }
            scope
        } else {
            if measure.is_none() {
                measure_at = self.at();
            }
            self.scope()?
        };
        self.expect(")", "`,` or `)`")?;
        let mut variant = None;
        if self.eat("@") {
            variant = Some(self.name("a variant")?.0);
        }
        Ok(Metric { stat, measure, measure_at, scope, variant, at: at.start..self.end_of_last() })
    }

    // ---- tokens ----

    fn signed_quantity(&mut self) -> Result<Quantity, TextError> {
        if self.eat("-") { self.quantity().map(Quantity::negated) } else { self.quantity() }
    }

    pub(super) fn quantity(&mut self) -> Result<Quantity, TextError> {
        if self.kind() != Kind::Number {
            return Err(self.unexpected("a quantity, such as `50ms` or `5%`"));
        }
        let at = self.at();
        let read = quantity(&self.text[at.clone()], at.start)?;
        self.next += 1;
        Ok(read)
    }

    /// A plain name, and where it stands.
    pub(super) fn name(&mut self, what: &str) -> Result<(String, Bytes), TextError> {
        if self.kind() != Kind::Word {
            return Err(self.unexpected(what));
        }
        let at = self.at();
        let name = self.plain(self.word_text(), &at)?;
        self.next += 1;
        Ok((name, at))
    }

    pub(super) fn plain(&self, word: &str, at: &Bytes) -> Result<String, TextError> {
        if is_name(word) {
            return Ok(word.to_string());
        }
        let lower = word.to_ascii_lowercase();
        let error = TextError::new(at.clone(), format!("`{word}` is no name"));
        Err(if is_name(&lower) {
            error.help(format!("names are lower case: `{lower}`"))
        } else {
            error.help("a name is letters, digits, `-` and `_`, and begins with a letter")
        })
    }

    fn here(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    pub(super) fn kind(&self) -> Kind {
        self.here().kind
    }

    pub(super) fn kind_after(&self, by: usize) -> Kind {
        self.tokens.get(self.next + by).map_or(Kind::End, |token| token.kind)
    }

    pub(super) fn at(&self) -> Bytes {
        self.here().at.clone()
    }

    pub(super) fn word_text(&self) -> &'a str {
        &self.text[self.at()]
    }

    pub(super) fn end_of_last(&self) -> usize {
        self.next.checked_sub(1).map_or(0, |last| self.tokens[last.min(self.tokens.len() - 1)].at.end)
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.kind(), Kind::Sign(here) if here == sign)
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.next += usize::from(is);
        is
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let is = self.kind() == Kind::Word && self.word_text() == word;
        self.next += usize::from(is);
        is
    }

    pub(super) fn expect(&mut self, sign: &str, what: &str) -> Result<(), TextError> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(what)) }
    }

    pub(super) fn unexpected(&self, what: &str) -> TextError {
        let at = self.at();
        if self.kind() == Kind::End {
            return TextError::new(at, format!("expected {what}, here the text ends"));
        }
        let found = &self.text[at.clone()];
        TextError::new(at, format!("expected {what}, found `{found}`"))
    }
}

fn binary(left: Expr, arithmetic: Arithmetic, right: Expr) -> Expr {
    let at = left.at.start..right.at.end;
    Expr { operand: Operand::Binary(Box::new(left), arithmetic, Box::new(right)), at }
}

/// The statistic of a word; `None` if it is none.
fn stat(word: &str, at: &Bytes) -> Result<Option<Stat>, TextError> {
    Ok(Some(match word {
        "mean" => Stat::Mean,
        "min" => Stat::Min,
        "max" => Stat::Max,
        "sum" => Stat::Sum,
        "rate" => Stat::Rate,
        "count" => Stat::Count,
        _ => {
            let digits = word.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
            let Some(percent) = digits.and_then(|digits| digits.parse::<f64>().ok()) else {
                return Ok(None);
            };
            if !(percent > 0.0 && percent <= 100.0) {
                return Err(TextError::new(at.clone(), format!("there is no percentile {percent}"))
                    .help("percentiles lie above 0 and up to 100: `p50`, `p99.9`"));
            }
            Stat::Percentile(percent)
        }
    }))
}

pub(super) fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

pub(super) fn is_path(word: &str) -> bool {
    word.contains('.') && !word.contains(['/', ':'])
}

/// An error about a word that is neither a statistic, nor a measure, nor a property.
pub(super) fn unknown_word(word: &str, at: Bytes, what: &str) -> TextError {
    let error = TextError::new(at, format!("there is no {what} `{word}`"));
    match names::meant(word) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => {
            let measures: Vec<&str> = names::MEASURES.iter().map(|measure| measure.name).collect();
            error.help(format!("measures are {}", measures.join(", ")))
        }
    }
}
