//! One address space for every text that a scenario is made of: the file first, each `--set` behind it.
//!
//! A span is a range of bytes in that space, so it finds its own text.

use std::ops::Range;
use std::sync::Arc;

/// Where something was written: a range of bytes in [`Sources`].
pub type Place = Range<usize>;

/// Longest scenario that is read, in bytes.
pub const LONGEST: usize = 4 * 1024 * 1024;

/// The texts of one scenario.
#[derive(Clone, Debug)]
pub struct Sources {
    texts: Vec<Source>,
    not_utf8: Option<usize>,
}

/// One text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// For messages: a path, or `--set`.
    pub name: Arc<str>,
    /// The text itself.
    pub text: Arc<str>,
    /// Where it begins in the address space.
    pub start: usize,
    /// Whether it is an expression to show, and sets nothing.
    pub shown: bool,
}

/// A place as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineColumn {
    /// Name of the text.
    pub name: Arc<str>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Sources {
    /// A scenario read from this text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Sources {
        Sources { texts: vec![Source { name: name.into(), text: text.into(), start: 0, shown: false }], not_utf8: None }
    }

    /// A scenario read from these bytes. If they aren't UTF-8, reading will say where.
    pub fn from_bytes(name: impl Into<Arc<str>>, bytes: &[u8]) -> Sources {
        let mut sources = Sources::new(name, String::from_utf8_lossy(bytes));
        sources.not_utf8 = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
        sources
    }

    /// With a `PATH=VALUE` that replaces what the file says.
    pub fn with_set(self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Sources {
        self.with(name.into(), text.into(), false)
    }

    /// With an expression that is checked against the scenario, as those of a sweep are.
    pub fn with_shown(self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Sources {
        self.with(name.into(), text.into(), true)
    }

    fn with(mut self, name: Arc<str>, text: Arc<str>, shown: bool) -> Sources {
        // One byte apart, so that the end of one text is not the start of the next.
        let start = self.texts.last().map_or(0, |last| last.start + last.text.len() + 1);
        self.texts.push(Source { name, text, start, shown });
        self
    }

    /// The scenario file.
    pub fn file(&self) -> &Source {
        self.texts.first().expect("a scenario has a file")
    }

    /// The `PATH=VALUE`s, in order.
    pub fn sets(&self) -> impl Iterator<Item = &Source> {
        self.texts[1..].iter().filter(|text| !text.shown)
    }

    /// The expressions to show, in order.
    pub fn shown(&self) -> impl Iterator<Item = &Source> {
        self.texts[1..].iter().filter(|text| text.shown)
    }

    /// Where the file stops being UTF-8.
    pub fn not_utf8(&self) -> Option<usize> {
        self.not_utf8
    }

    /// The text that a place is in.
    pub fn source(&self, place: &Place) -> &Source {
        let after = self.texts.partition_point(|source| source.start <= place.start);
        &self.texts[after.saturating_sub(1)]
    }

    /// What is written there; empty if the place isn't in one text.
    pub fn text(&self, place: &Place) -> &str {
        let source = self.source(place);
        let range = place.start.saturating_sub(source.start)..place.end.saturating_sub(source.start);
        source.text.get(range).unwrap_or("")
    }

    /// Line and column of the start of a place.
    pub fn line_column(&self, place: &Place) -> LineColumn {
        let source = self.source(place);
        let at = floor(&source.text, place.start.saturating_sub(source.start));
        let before = &source.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        LineColumn {
            name: source.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// The last character boundary at or before `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_finds_its_own_text() {
        let sources = Sources::new("a.toml", "x = 1\nyé = 2\n").with_set("--set", "x=5").with_set("--set", "z=7");
        assert_eq!(sources.sets().count(), 2);
        let set = sources.sets().nth(1).expect("there are two").start;
        assert_eq!(sources.text(&(set..set + 1)), "z");
        assert_eq!(sources.text(&(10..11)), "=");
        let seen = sources.line_column(&(10..11));
        assert_eq!((seen.name.as_ref(), seen.line, seen.column), ("a.toml", 2, 4));
        assert_eq!(sources.line_column(&(set..set + 1)).name.as_ref(), "--set");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_track_of() {
        assert_eq!(Sources::from_bytes("a", b"ab\xffc").not_utf8(), Some(2));
        assert_eq!(Sources::from_bytes("a", b"abc").not_utf8(), None);
    }
}
