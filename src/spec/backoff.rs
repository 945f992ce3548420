//! Pauses between attempts as texts, under AWS's names: `full_jitter(50ms, 1s)`.

use super::call::{Call, Signature, unknown_word};
use super::text::{FromText, TextError};
use super::units::span_above_zero;
use crate::engine::Span;

/// The pause before a retry (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// At once.
    None,
    /// Always the same.
    Constant(Span),
    /// Doubles from base to cap.
    Exponential {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
    /// Uniform between nothing and the exponential.
    FullJitter {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
    /// Half of the exponential, and uniform up to the other half.
    EqualJitter {
        /// First pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
    /// Uniform between the base and three times the last pause.
    DecorrelatedJitter {
        /// Shortest pause.
        base: Span,
        /// Longest pause.
        cap: Span,
    },
}

const NAMES: &[&str] = &["none", "constant", "exponential", "full_jitter", "equal_jitter", "decorrelated_jitter"];

impl FromText for Backoff {
    const WHAT: &'static str = "a backoff";
    fn from_text(text: &str) -> Result<Backoff, TextError> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(TextError::new(0..text.len(), format!("`{text}` is not a backoff"))
                .help(format!("a pause that is always the same is `constant({text})`")));
        }
        let call = Call::parse(text)?;
        let both = |usage| -> Result<(Span, Span), TextError> {
            let bound = call.bind(Signature { usage, positional: &["base", "cap"], named: &[] })?;
            let (base, cap) = (bound.read("base", span_above_zero)?, bound.read("cap", span_above_zero)?);
            if base > cap {
                return Err(TextError::new(call.at(), "the base is above the cap").help(format!("write {usage}")));
            }
            Ok((base, cap))
        };
        match call.name {
            "none" => call.no_args().map(|()| Backoff::None),
            "constant" => {
                let bound = call.bind(Signature { usage: "`constant(1s)`", positional: &["pause"], named: &[] })?;
                Ok(Backoff::Constant(bound.read("pause", span_above_zero)?))
            }
            "exponential" => both("`exponential(50ms, 1s)`").map(|(base, cap)| Backoff::Exponential { base, cap }),
            "full_jitter" => both("`full_jitter(50ms, 1s)`").map(|(base, cap)| Backoff::FullJitter { base, cap }),
            "equal_jitter" => both("`equal_jitter(50ms, 1s)`").map(|(base, cap)| Backoff::EqualJitter { base, cap }),
            "decorrelated_jitter" => {
                both("`decorrelated_jitter(50ms, 1s)`").map(|(base, cap)| Backoff::DecorrelatedJitter { base, cap })
            }
            _ => Err(unknown_word(call.name, call.name_at(), "backoff", NAMES.iter().copied())),
        }
    }
    fn examples() -> &'static [&'static str] {
        &["none", "constant(1s)", "full_jitter(50ms, 1s)"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoffs() {
        let (base, cap) = (Span::millis(50), Span::secs(1));
        for (text, backoff) in [
            ("none", Backoff::None),
            ("constant(1s)", Backoff::Constant(cap)),
            ("exponential(50ms, 1s)", Backoff::Exponential { base, cap }),
            ("full_jitter(50ms, cap=1s)", Backoff::FullJitter { base, cap }),
            ("equal_jitter(base=50ms, cap=1s)", Backoff::EqualJitter { base, cap }),
            ("decorrelated_jitter(50ms, 1s)", Backoff::DecorrelatedJitter { base, cap }),
        ] {
            assert_eq!(Backoff::from_text(text), Ok(backoff), "{text}");
        }
    }

    #[test]
    fn backoffs_that_are_refused() {
        for (text, message) in [
            ("50ms", "`50ms` is not a backoff"),
            ("jitter(50ms, 1s)", "unknown backoff `jitter`"),
            ("full_jitter(50ms)", "`full_jitter` lacks its `cap`"),
            ("full_jitter(2s, 1s)", "the base is above the cap"),
            ("full_jitter(50, 1s)", "`50` of what? a duration needs a unit"),
        ] {
            assert_eq!(Backoff::from_text(text).expect_err(text).message, message);
        }
    }
}
