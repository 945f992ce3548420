//! The tree of an expectation. Every node knows its bytes; printing gives a text that reads as the same tree.

use std::fmt;
use std::ops::Range;

use super::quantity::Quantity;

/// Where a node stands in its text, in bytes.
pub type Bytes = Range<usize>;

/// What an expectation says.
#[derive(Clone, Debug, PartialEq)]
pub enum That {
    /// `left < right`.
    Compare {
        /// Left of the sign.
        left: Expr,
        /// The sign.
        comparison: Comparison,
        /// Right of the sign.
        right: Expr,
    },
    /// `left ~ right ± tolerance`.
    Near {
        /// What is measured.
        left: Expr,
        /// What it should be.
        right: Expr,
        /// How far it may be off.
        tolerance: Tolerance,
    },
    /// `value in low..high`, ends included.
    Between {
        /// What is measured.
        value: Expr,
        /// The lowest that is right.
        low: Quantity,
        /// The highest that is right.
        high: Quantity,
        /// Where the range stands.
        at: Bytes,
    },
    /// `cap(kv) == CP`.
    Label {
        /// What is labelled.
        label: Label,
        /// The word it should be.
        word: String,
        /// Where the word stands.
        word_at: Bytes,
    },
    /// `linearizable(kv)`.
    Property(Property),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

impl Comparison {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
            Comparison::Equal => "==",
        }
    }
}

/// How far a value may be off.
#[derive(Clone, Debug, PartialEq)]
pub enum Tolerance {
    /// A share of what it should be.
    Share(Quantity),
    /// That much.
    Quantity(Quantity),
    /// So many standard errors of the run itself.
    Errors(Quantity),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub operand: Operand,
    /// Where it stands.
    pub at: Bytes,
}

/// What a value is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// `50ms`.
    Quantity(Quantity),
    /// `service.web.replicas`: what the scenario says there.
    Path(String),
    /// `p99(read)`.
    Metric(Box<Metric>),
    /// `-x`.
    Negative(Box<Expr>),
    /// `exp(x)`.
    Exp(Box<Expr>),
    /// `x + y`.
    Binary(Box<Expr>, Arithmetic, Box<Expr>),
}

/// How two values make a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Arithmetic {
    Plus,
    Minus,
    Times,
    Over,
    Power,
}

impl Arithmetic {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Arithmetic::Plus => "+",
            Arithmetic::Minus => "-",
            Arithmetic::Times => "*",
            Arithmetic::Over => "/",
            Arithmetic::Power => "^",
        }
    }

    pub(super) fn binds(self) -> u8 {
        match self {
            Arithmetic::Plus | Arithmetic::Minus => 1,
            Arithmetic::Times | Arithmetic::Over => 2,
            Arithmetic::Power => 4,
        }
    }
}

/// Something measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The statistic, if one is named.
    pub stat: Option<Stat>,
    /// The measure; `None` for a bare scope, which means its latency.
    pub measure: Option<String>,
    /// Where the measure's name stands; where the scope stands if there is none.
    pub measure_at: Bytes,
    /// Of what.
    pub scope: Scope,
    /// In which variant; `None` for the one being judged.
    pub variant: Option<String>,
    /// Where it stands.
    pub at: Bytes,
}

/// A statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Stat {
    Mean,
    Min,
    Max,
    Sum,
    Rate,
    Count,
    /// In percent: 99.9.
    Percentile(f64),
}

/// A label that observation gives a component.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// `cap`, `pacelc` or `strongest`.
    pub name: String,
    /// Of what.
    pub scope: Scope,
    /// Where it stands.
    pub at: Bytes,
}

/// What is measured; all parts must match.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Its parts and where they stand.
    pub parts: Vec<(Part, Bytes)>,
}

impl Scope {
    /// Whether it means one value per instance: `db/*`.
    pub fn is_per_instance(&self) -> bool {
        self.parts
            .iter()
            .any(|(part, _)| matches!(part, Part::Instance { members, .. } if members.contains(&Member::Every)))
    }

    /// The phase it names, if that can be told from the grammar alone; a fault's bare name can't.
    pub fn phase(&self) -> Option<&Phase> {
        self.parts.iter().find_map(|(part, _)| match part {
            Part::Phase(phase) => Some(phase),
            _ => None,
        })
    }
}

/// One part of a scope.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A component, client group, flow, operation, outcome, record, key set, or a fault (as a phase): the scenario
    /// knows which.
    Name(String),
    /// `kv/2`, `db/*`, `db/3/primary`.
    Instance {
        /// The component.
        of: String,
        /// Which of it.
        members: Vec<Member>,
    },
    /// `region:east`.
    Region(String),
    /// `zone:a`, `zone:east/a`.
    Zone(String),
    /// `web -> db`, `region:east <-> region:west`.
    Link {
        /// One end.
        from: Box<Part>,
        /// The other end.
        to: Box<Part>,
        /// Both ways.
        both: bool,
    },
    /// `steady`, `before cut`, `10s..20s`.
    Phase(Phase),
}

/// Which of a component's instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// Counted from 0.
    Index(u32),
    /// Every one on its own.
    Every,
    /// Whoever holds the role.
    Role(String),
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The whole run, warm-up too.
    All,
    /// After warm-up, before the first fault.
    Steady,
    /// From a fault's first start to its last end. Only where a phase stands alone: in a scope it is a [`Part::Name`].
    During(String),
    /// After warm-up, before that fault.
    Before(String),
    /// From that fault's last end on.
    After(String),
    /// From and to.
    Window(Quantity, Quantity),
}

/// How soon it must be true.
#[derive(Clone, Debug, PartialEq)]
pub enum Within {
    /// `60s after spike`: from then until the next fault or the end.
    After {
        /// How long after it.
        delay: Quantity,
        /// The fault.
        fault: String,
        /// Where its name stands.
        fault_at: Bytes,
    },
    /// `60s`: each effect that long after its cause.
    Each(Quantity),
}

/// A property and what it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its name, one of [`super::names::PROPERTIES`].
    pub name: String,
    /// Its arguments, and where they stand.
    pub args: Vec<(Arg, Bytes)>,
    /// Where it stands.
    pub at: Bytes,
}

/// An argument of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `kv`, `kv/2`, `web -> db`.
    Part(Part),
    /// `accounts.balance`: a field of keys.
    Field(String),
    /// `G1c`.
    Word(String),
    /// `5s`.
    Quantity(Quantity),
}

impl That {
    /// Calls `visit` with every value in it, outer ones first.
    pub fn each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            That::Compare { left, right, .. } | That::Near { left, right, .. } => {
                left.each(visit);
                right.each(visit);
            }
            That::Between { value, .. } => value.each(visit),
            That::Label { .. } | That::Property(_) => {}
        }
    }

    /// Every metric in it, in the order of the text.
    pub fn metrics(&self) -> Vec<&Metric> {
        let mut metrics = Vec::new();
        self.each_expr(&mut |expr| {
            if let Operand::Metric(metric) = &expr.operand {
                metrics.push(&**metric);
            }
        });
        metrics
    }

    /// Every scope in it, in the order of the text: what must exist, if an expectation is to make sense.
    pub fn scopes(&self) -> Vec<&Scope> {
        match self {
            That::Label { label, .. } => vec![&label.scope],
            _ => self.metrics().into_iter().map(|metric| &metric.scope).collect(),
        }
    }

    /// Every path in it, and where it stands.
    pub fn paths(&self) -> Vec<(&str, Bytes)> {
        let mut paths = Vec::new();
        self.each_expr(&mut |expr| {
            if let Operand::Path(path) = &expr.operand {
                paths.push((path.as_str(), expr.at.clone()));
            }
        });
        paths
    }

    /// Every variant it reads, beside the one being judged.
    pub fn variants(&self) -> Vec<&str> {
        self.metrics().into_iter().filter_map(|metric| metric.variant.as_deref()).collect()
    }
}

impl Expr {
    /// Calls `visit` with it and every value in it, outer ones first.
    pub fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        match &self.operand {
            Operand::Quantity(_) | Operand::Path(_) | Operand::Metric(_) => {}
            Operand::Negative(inner) | Operand::Exp(inner) => inner.each(visit),
            Operand::Binary(left, _, right) => {
                left.each(visit);
                right.each(visit);
            }
        }
    }

    fn binds(&self) -> u8 {
        match &self.operand {
            Operand::Binary(_, arithmetic, _) => arithmetic.binds(),
            Operand::Negative(_) => 0,
            _ => 5,
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        if self.binds() < least { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for That {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            That::Compare { left, comparison, right } => write!(f, "{left} {} {right}", comparison.sign()),
            That::Near { left, right, tolerance } => write!(f, "{left} ~ {right} ± {tolerance}"),
            That::Between { value, low, high, .. } => write!(f, "{value} in {low}..{high}"),
            That::Label { label, word, .. } => write!(f, "{label} == {word}"),
            That::Property(property) => write!(f, "{property}"),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tolerance::Share(quantity) | Tolerance::Quantity(quantity) => write!(f, "{quantity}"),
            Tolerance::Errors(number) => write!(f, "{number} se"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operand {
            Operand::Quantity(quantity) => write!(f, "{quantity}"),
            Operand::Path(path) => f.write_str(path),
            Operand::Metric(metric) => write!(f, "{metric}"),
            // A minus stands before the first product of a sum, and nowhere else without parentheses.
            Operand::Negative(inner) => {
                f.write_str("-")?;
                inner.print(f, Arithmetic::Times.binds())
            }
            Operand::Exp(inner) => write!(f, "exp({inner})"),
            Operand::Binary(left, arithmetic, right) => {
                let binds = arithmetic.binds();
                match (&left.operand, arithmetic) {
                    (Operand::Negative(_), Arithmetic::Plus | Arithmetic::Minus) => write!(f, "{left}")?,
                    _ => left.print(f, if *arithmetic == Arithmetic::Power { binds + 1 } else { binds })?,
                }
                write!(f, " {} ", arithmetic.sign())?;
                // All but powers associate to the left.
                right.print(f, if *arithmetic == Arithmetic::Power { binds } else { binds + 1 })
            }
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Metric { stat, measure, scope, variant, .. } = self;
        match (stat, measure) {
            (Some(stat), Some(measure)) => write!(f, "{stat}({measure}({scope}))")?,
            (Some(stat), None) => write!(f, "{stat}({scope})")?,
            (None, Some(measure)) => write!(f, "{measure}({scope})")?,
            (None, None) => write!(f, "({scope})")?,
        }
        variant.as_ref().map_or(Ok(()), |variant| write!(f, "@{variant}"))
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stat::Mean => f.write_str("mean"),
            Stat::Min => f.write_str("min"),
            Stat::Max => f.write_str("max"),
            Stat::Sum => f.write_str("sum"),
            Stat::Rate => f.write_str("rate"),
            Stat::Count => f.write_str("count"),
            Stat::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.scope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (part, _)) in self.parts.iter().enumerate() {
            write!(f, "{}{part}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Name(name) => f.write_str(name),
            Part::Instance { of, members } => {
                f.write_str(of)?;
                members.iter().try_for_each(|member| match member {
                    Member::Index(index) => write!(f, "/{index}"),
                    Member::Every => f.write_str("/*"),
                    Member::Role(role) => write!(f, "/{role}"),
                })
            }
            Part::Region(region) => write!(f, "region:{region}"),
            Part::Zone(zone) => write!(f, "zone:{zone}"),
            Part::Link { from, to, both } => write!(f, "{from} {} {to}", if *both { "<->" } else { "->" }),
            Part::Phase(phase) => write!(f, "{phase}"),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::All => f.write_str("all"),
            Phase::Steady => f.write_str("steady"),
            Phase::During(fault) => f.write_str(fault),
            Phase::Before(fault) => write!(f, "before {fault}"),
            Phase::After(fault) => write!(f, "after {fault}"),
            Phase::Window(from, to) => write!(f, "{from}..{to}"),
        }
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Within::After { delay, fault, .. } => write!(f, "{delay} after {fault}"),
            Within::Each(delay) => write!(f, "{delay}"),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (i, (arg, _)) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Part(part) => write!(f, "{part}"),
            Arg::Field(word) | Arg::Word(word) => f.write_str(word),
            Arg::Quantity(quantity) => write!(f, "{quantity}"),
        }
    }
}
