//! What a check says, and why.

use crate::history::{History, OpIndex};

/// A budget in configurations visited, never in seconds: the same verdict on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steps(pub u64);

impl Steps {
    /// Enough for every history that people look at; a few seconds of one core at worst.
    pub const DEFAULT: Steps = Steps(20_000_000);
}

/// A property of histories.
pub trait Check {
    /// Judges the history within the budget.
    fn check(&self, history: &History, budget: Steps) -> Verdict;
}

/// What a check says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The property holds.
    Holds,
    /// It does not, and this is why.
    Violated(Box<Evidence>),
    /// Nobody can tell: the budget was spent, or the history lacks what the question needs.
    Unknown(Reason),
    /// Nothing in the history exercised the property.
    Vacuous(Reason),
}

impl Verdict {
    /// `holds`, `violated`, `unknown` or `vacuous`.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Violated(_) => "violated",
            Verdict::Unknown(_) => "unknown",
            Verdict::Vacuous(_) => "vacuous",
        }
    }

    /// Whether the property is known not to hold.
    pub fn is_violated(&self) -> bool {
        matches!(self, Verdict::Violated(_))
    }

    /// The evidence of a violation.
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Verdict::Violated(evidence) => Some(evidence),
            _ => None,
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Verdict {
        Verdict::Unknown(Reason(reason.into()))
    }

    pub(super) fn vacuous(reason: impl Into<String>) -> Verdict {
        Verdict::Vacuous(Reason(reason.into()))
    }
}

/// Why there is no answer: one sentence without a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub String);

/// Why a property does not hold: a small history that breaks it by itself, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The violation in one sentence without a period.
    pub sentence: String,
    /// Operations that suffice, in order of invocation.
    pub operations: Vec<OpIndex>,
    /// Those of them that explain nothing whenever they happened, if at all. The outcome of some is unknown; others
    /// completed, but the contradiction doesn't need that.
    pub optional: Vec<OpIndex>,
    /// The operation that fits nowhere, if one can be named.
    pub culprit: Option<OpIndex>,
    /// An order of other operations of the witness that explains everything up to the culprit.
    pub prefix: Vec<OpIndex>,
    /// Why the culprit has no place: one sentence for each state that it could meet.
    pub why_not: Vec<String>,
    /// What must come before what, and why; together a contradiction.
    pub edges: Vec<Edge>,
    /// Facts that no client saw and that take part, in words.
    pub facts: Vec<String>,
    /// Whether no operation can be left out of the witness.
    pub minimal: bool,
    /// The engine that found it.
    pub engine: &'static str,
}

/// One operation must come before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The earlier one.
    pub from: OpIndex,
    /// The later one.
    pub to: OpIndex,
    /// Why, in a few words.
    pub because: String,
}

/// What one search may remember of what it visited: 1 GiB. A search that needs more has many more steps ahead of it than
/// anybody waits for.
pub(super) const REMEMBERED_BYTES_MAX: u64 = 1 << 30;

/// Counts down what a search may still visit, and bounds what it may remember at a time.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
    remembered_bytes_max: u64,
    /// The most that any search has remembered.
    remembered_bytes: u64,
}

impl Budget {
    pub(super) fn new(steps: Steps) -> Budget {
        Budget { left: steps.0, remembered_bytes_max: REMEMBERED_BYTES_MAX, remembered_bytes: 0 }
    }

    /// The same steps, but less to remember.
    pub(super) fn remembering(self, bytes: u64) -> Budget {
        Budget { remembered_bytes_max: bytes, ..self }
    }

    /// Whether a search may remember so much. Bytes are computed from lengths, so the answer is the same everywhere.
    pub(super) fn affords(&mut self, bytes: u64) -> bool {
        self.remembered_bytes = self.remembered_bytes.max(bytes);
        bytes <= self.remembered_bytes_max
    }

    /// Takes steps; false once they are used up.
    pub(super) fn spend(&mut self, steps: u64) -> bool {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left = 0;
                false
            }
        }
    }

    /// The most bytes that any search has remembered.
    pub(super) fn remembered_bytes(&self) -> u64 {
        self.remembered_bytes
    }

    pub(super) fn left(&self) -> Steps {
        Steps(self.left)
    }
}

/// The budget was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// As many configurations were visited as may be.
    Steps,
    /// More would have to be remembered of them than may be.
    Memory,
}
