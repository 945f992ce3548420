//! Exit codes: one list, also in the help.

/// What the process says when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything as expected.
    Pass = 0,
    /// An expectation was not met.
    NotMet = 1,
    /// The command line, a scenario or a file is wrong.
    Usage = 2,
    /// Nothing was violated, but something could not be told: unknown or vacuous.
    Inconclusive = 3,
    /// Nothing was selected.
    Nothing = 4,
    /// Two passes of one run differed.
    NotDeterministic = 5,
    /// An error of ours: a self-check failed.
    Internal = 70,
    /// Interrupted.
    Interrupted = 130,
}

/// For the help.
pub(super) const HELP: &str = "\
Exit codes: 0 as expected · 1 an expectation was not met · 2 wrong usage or scenario ·
3 inconclusive · 4 nothing selected · 5 not deterministic · 70 an error of ours · 130 interrupted";

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        std::process::ExitCode::from(exit as u8)
    }
}
