//! The grammar inside strings: what a text may be read as, and what is wrong with it.

use std::ops::Range;

/// What is wrong inside a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Bytes of the text that are wrong; empty at the place where something is missing.
    pub at: Range<usize>,
    /// What is wrong, one sentence without a period.
    pub message: String,
    /// A few words to stand under the marked bytes.
    pub label: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}

impl TextError {
    /// An error about these bytes.
    pub fn new(at: Range<usize>, message: impl Into<String>) -> TextError {
        TextError { at, message: message.into(), label: None, help: None }
    }
    /// With a few words under the marked bytes.
    pub fn label(mut self, label: impl Into<String>) -> TextError {
        self.label = Some(label.into());
        self
    }
    /// With what to write instead.
    pub fn help(mut self, help: impl Into<String>) -> TextError {
        self.help = Some(help.into());
        self
    }
    /// The same error in a text that begins `by` bytes earlier.
    pub fn shifted(mut self, by: usize) -> TextError {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

/// A value that a scenario writes as a text.
pub trait FromText: Sized {
    /// What is expected, with its article: "a duration".
    const WHAT: &'static str;

    /// Reads the whole text.
    fn from_text(text: &str) -> Result<Self, TextError>;

    /// Reads a bare number, given as it is written. Most values refuse it: units are written.
    fn from_number(written: &str) -> Result<Self, TextError> {
        Self::from_text(written)
    }

    /// Whether some bare numbers are read.
    fn numbers() -> bool {
        false
    }

    /// If only these texts are read: all of them.
    fn words() -> &'static [&'static str] {
        &[]
    }

    /// Regular expression for editors; `None` if the grammar is richer than one.
    fn pattern() -> Option<String> {
        None
    }

    /// A few texts that are read without error, for editors and documentation.
    fn examples() -> &'static [&'static str] {
        &[]
    }
}

/// The position of `part` in `whole`; `part` must be a slice of it.
pub(crate) fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

/// The bytes of `part` in `whole`; `part` must be a slice of it.
pub(crate) fn range(whole: &str, part: &str) -> Range<usize> {
    let start = offset(whole, part);
    start..(start + part.len()).min(whole.len())
}
