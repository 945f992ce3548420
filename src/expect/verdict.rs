//! What comes of an expectation: a verdict on what it says, and whether that was expected.

use std::fmt;

/// The verdict on a statement about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is true.
    Holds,
    /// It is false.
    Violated,
    /// It can't be told: a step budget was spent, a variant or sweep wasn't run.
    Unknown,
    /// Nothing exercised it.
    Vacuous,
}

impl Verdict {
    /// The verdict on a statement that must be true in each of several windows, or on every seed: one violation is
    /// enough; without one, whatever can't be told leaves the whole open. Vacuous for none at all.
    pub fn on_each(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        let mut all = None;
        for verdict in verdicts {
            all = Some(match (all, verdict) {
                (None, verdict) => verdict,
                (Some(Verdict::Violated), _) | (_, Verdict::Violated) => Verdict::Violated,
                (Some(Verdict::Unknown), _) | (_, Verdict::Unknown) => Verdict::Unknown,
                (Some(Verdict::Vacuous), _) | (_, Verdict::Vacuous) => Verdict::Vacuous,
                (Some(Verdict::Holds), Verdict::Holds) => Verdict::Holds,
            });
        }
        all.unwrap_or(Verdict::Vacuous)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Holds => "holds",
            Verdict::Violated => "violated",
            Verdict::Unknown => "unknown",
            Verdict::Vacuous => "vacuous",
        })
    }
}

/// What a scenario expects: the key `verdict`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// That it holds.
    #[default]
    Holds,
    /// That it is violated: a lesson may be about that.
    Violated,
    /// Nothing: it is reported without being judged.
    Any,
}

impl Expected {
    /// The words of the language.
    pub const WORDS: [&'static str; 3] = ["holds", "violated", "any"];

    /// Of a word of the language.
    pub fn of(word: &str) -> Option<Expected> {
        match word {
            "holds" => Some(Expected::Holds),
            "violated" => Some(Expected::Violated),
            "any" => Some(Expected::Any),
            _ => None,
        }
    }

    /// What comes of a verdict.
    pub fn judge(self, verdict: Verdict) -> Outcome {
        match (self, verdict) {
            (Expected::Any, _) => Outcome::Reported,
            (_, Verdict::Unknown) => Outcome::Unknown,
            (_, Verdict::Vacuous) => Outcome::Vacuous,
            (Expected::Holds, Verdict::Holds) | (Expected::Violated, Verdict::Violated) => Outcome::Met,
            (Expected::Holds, Verdict::Violated) | (Expected::Violated, Verdict::Holds) => Outcome::NotMet,
        }
    }
}

/// What comes of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As expected.
    Met,
    /// Told, and not judged.
    Reported,
    /// Not as expected.
    NotMet,
    /// It can't be told.
    Unknown,
    /// Nothing exercised it.
    Vacuous,
}

impl Outcome {
    /// Whether a continuous integration may go on: what is unknown or vacuous is no pass.
    pub fn passes(self) -> bool {
        matches!(self, Outcome::Met | Outcome::Reported)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Met => "met",
            Outcome::Reported => "reported",
            Outcome::NotMet => "not met",
            Outcome::Unknown => "unknown",
            Outcome::Vacuous => "vacuous",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Holds, Unknown, Vacuous, Violated};
    use super::*;

    #[test]
    fn one_violation_is_enough_and_one_doubt_is_a_doubt() {
        for (verdicts, all) in [
            (vec![], Vacuous),
            (vec![Holds, Holds], Holds),
            (vec![Vacuous, Holds], Vacuous),
            (vec![Holds, Vacuous, Unknown], Unknown),
            (vec![Unknown, Vacuous, Violated, Holds], Violated),
        ] {
            assert_eq!(Verdict::on_each(verdicts.clone()), all, "{verdicts:?}");
        }
    }

    #[test]
    fn unknown_and_vacuous_are_no_pass_whatever_was_expected() {
        for (expected, verdict, outcome, passes) in [
            (Expected::Holds, Holds, Outcome::Met, true),
            (Expected::Holds, Violated, Outcome::NotMet, false),
            (Expected::Violated, Violated, Outcome::Met, true),
            (Expected::Violated, Holds, Outcome::NotMet, false),
            (Expected::Violated, Vacuous, Outcome::Vacuous, false),
            (Expected::Holds, Unknown, Outcome::Unknown, false),
            (Expected::Any, Violated, Outcome::Reported, true),
            (Expected::Any, Vacuous, Outcome::Reported, true),
        ] {
            assert_eq!(expected.judge(verdict), outcome);
            assert_eq!(outcome.passes(), passes);
        }
        assert!(Expected::WORDS.iter().all(|word| Expected::of(word).is_some()));
    }
}
