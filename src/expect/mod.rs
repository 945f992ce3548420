//! The expectation grammar: comparisons of metrics, and properties.
//!
//! [`grammar`] reads the text of `that`, `during` and `within` into the tree of [`ast`]; [`mod@check`] finds what can be
//! found before a run (units, unknown words); [`mod@evaluate`] judges it against whoever knows the numbers ([`Source`]).
//! Whether a name in a scope exists is for the scenario to say: every node carries its bytes.

pub mod ast;
pub mod check;
pub mod dimension;
pub mod evaluate;
pub mod grammar;
mod lexer;
pub mod names;
mod quantity;
mod scope;
mod sentence;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use ast::{Expr, Label, Metric, Operand, Phase, Property, Scope, That, Within};
pub use check::{AnyName, Names, check};
pub use dimension::{Dimension, show};
pub use evaluate::{Ask, Finding, Judgement, Measured, Missing, Source, Terms, evaluate, judge_means, value};
pub use grammar::{parse_expr, parse_phase, parse_that, parse_within};
pub use quantity::Quantity;
pub use sentence::{Piece, Sentence, parse_sentence, say};
pub use verdict::{Expected, Outcome, Verdict};
