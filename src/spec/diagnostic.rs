//! What is wrong with a scenario, all of it at once, and how that looks.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::source::{Place, Sources, floor};
use super::text::TextError;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs, but probably isn't what was meant.
    Warning,
}

/// One thing that is wrong, or looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Where; `None` if it is about the whole.
    pub place: Option<Place>,
    /// One sentence without a period.
    pub message: String,
    /// A few words under the marked place; without a place, the argument of the command that is wrong.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// The word that was probably meant.
    pub nearest: Option<String>,
}

/// Everything that is wrong with one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

/// What the reader's screen can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether to colour; off for pipes, `NO_COLOR` and `TERM=dumb`.
    pub colour: bool,
    /// Whether to draw lines beyond ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

impl Screen {
    /// A pipe: no colour, a hundred columns.
    pub const PLAIN: Screen = Screen { colour: false, unicode: true, width: 100 };
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            place: Some(place),
            message: message.into(),
            label: None,
            help: None,
            nearest: None,
        }
    }

    /// A warning at a place.
    pub fn warning(place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(place, message) }
    }

    /// An error about the whole.
    pub fn overall(message: impl Into<String>) -> Diagnostic {
        Diagnostic { place: None, ..Diagnostic::error(0..0, message) }
    }

    /// An error inside a text whose first byte is at `start`.
    pub fn in_text(start: usize, error: TextError) -> Diagnostic {
        let TextError { at, message, label, help } = error;
        Diagnostic { label, help, ..Diagnostic::error(at.start + start..at.end + start, message) }
    }

    /// Whether nothing runs because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// At another place.
    pub fn place(mut self, place: Place) -> Diagnostic {
        self.place = Some(place);
        self
    }

    /// With a few words under the marked place.
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = Some(label.into());
        self
    }

    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// With the nearest of the words that would have fitted, and the list of them.
    ///
    /// `what` names them in the plural: "regions".
    pub fn nearest<'a>(mut self, word: &str, what: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        let known: Vec<&str> = known.into_iter().collect();
        // What was rejected isn't what was meant.
        let meant = super::nearest(word, known.iter().copied().filter(|k| *k != word));
        let mut help = meant.map_or(String::new(), |meant| format!("did you mean `{meant}`? "));
        if known.is_empty() && what == "there are" {
            help.push_str("there are none");
        } else if known.is_empty() {
            let _ = write!(help, "there are no {what}");
        } else if known.len() <= 24 || meant.is_none() {
            let shown = known.len().min(40);
            let more = if known.len() > shown { format!(" and {} more", known.len() - shown) } else { String::new() };
            let mut letters = what.chars();
            let what: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
            let _ = write!(help, "{what}: {}{more}", known[..shown].join(", "));
        }
        self.nearest = meant.map(str::to_string);
        self.help = Some(help.trim_end().to_string());
        self
    }
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// One more. The same thing at the same place is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// All of another list.
    pub fn append(&mut self, other: Diagnostics) {
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// In order of place; those about the whole first.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.list.iter().collect();
        sorted.sort_by_key(|diagnostic| diagnostic.place.clone().map(|place| (place.start, place.end)));
        sorted
    }

    /// How many are errors.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// How many are warnings.
    pub fn warnings(&self) -> usize {
        self.list.len() - self.errors()
    }

    /// Whether anything is an error.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// With the line, the word and the help, for people; an empty line between two.
    pub fn render(&self, sources: &Sources, screen: Screen) -> String {
        let blocks: Vec<String> = self.sorted().into_iter().map(|one| render(one, sources, screen)).collect();
        let mut text = blocks.join("\n\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// One a line: `file:line:col: error: message; help`, for editors and CI.
    pub fn lines(&self, sources: &Sources) -> String {
        let mut text = String::new();
        for one in self.sorted() {
            let severity = match one.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let (name, at) = match &one.place {
                Some(place) => {
                    let at = sources.line_column(place);
                    (at.name, format!(":{}:{}", at.line, at.column))
                }
                None => (sources.file().name.clone(), ":1:1".to_owned()),
            };
            let help = one.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
            let _ = writeln!(text, "{name}{at}: {severity}: {}{help}", one_line(&one.message));
        }
        text
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

fn render(one: &Diagnostic, sources: &Sources, screen: Screen) -> String {
    let style = if screen.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let renderer = if screen.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(style).term_width(screen.width);
    let level = match one.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one.message.as_str());
    let help = one.help.as_deref().map(|help| Level::HELP.message(help));
    let Some(place) = &one.place else {
        use annotate_snippets::Origin;
        let mut group = title.element(match &one.label {
            Some(argument) => Origin::path(argument.as_str()),
            None => Origin::path(sources.file().name.as_ref()).line(1).char_column(1),
        });
        if let Some(help) = help {
            group = group.element(help);
        }
        return renderer.render(&[group]);
    };
    let source = sources.source(place);
    // Only the lines that matter go to the renderer: a scenario may be long, and a line may be too.
    let text = source.text.as_ref();
    let start = floor(text, place.start.saturating_sub(source.start));
    let end = floor(text, place.end.saturating_sub(source.start)).max(start);
    let first = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let last = text[end..].find('\n').map_or(text.len(), |newline| end + newline);
    // A place over several lines is shown by its first.
    let first_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let (end, last) = if end > first_end { (first_end, first_end) } else { (end, last) };
    let line = text[..first].matches('\n').count() + 1;
    let excerpt = &text[first..last];
    let mut annotation = AnnotationKind::Primary.span(start - first..end - first);
    if let Some(label) = &one.label {
        annotation = annotation.label(label.as_str());
    }
    let snippet = Snippet::source(excerpt).line_start(line).path(source.name.as_ref()).annotation(annotation);
    let mut group = title.element(snippet);
    if let Some(help) = help {
        group = group.element(help);
    }
    renderer.render(&[group])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> (Sources, Diagnostics) {
        let sources = Sources::new("cut.toml", "[fault.cut]\npartition = [\"region:east\", \"region:wset\"]\n");
        let mut diagnostics = Diagnostics::new();
        let at = sources.file().text.find("wset").expect("the word is there");
        diagnostics.push(Diagnostic::error(at..at + 4, "no region is called `wset`").label("not a region").nearest(
            "wset",
            "regions",
            ["east", "west"],
        ));
        diagnostics.push(Diagnostic::warning(0..11, "`cut` has no `at`"));
        (sources, diagnostics)
    }

    #[test]
    fn an_error_shows_line_word_and_help() {
        let (sources, diagnostics) = broken();
        insta::assert_snapshot!(diagnostics.render(&sources, Screen::PLAIN), @r#"
        warning: `cut` has no `at`
          ╭▸ cut.toml:1:1
          │
        1 │ [fault.cut]
          ╰╴━━━━━━━━━━━

        error: no region is called `wset`
          ╭▸ cut.toml:2:37
          │
        2 │ partition = ["region:east", "region:wset"]
          │                                     ━━━━ not a region
          │
          ╰ help: did you mean `west`? Regions: east, west
        "#);
    }

    #[test]
    fn a_line_an_error_for_machines() {
        let (sources, diagnostics) = broken();
        insta::assert_snapshot!(diagnostics.lines(&sources), @r#"
        cut.toml:1:1: warning: `cut` has no `at`
        cut.toml:2:37: error: no region is called `wset`; did you mean `west`? Regions: east, west
        "#);
    }

    #[test]
    fn places_that_are_out_of_reach_do_not_panic() {
        let sources = Sources::new("é.toml", "é");
        for place in [0..0, 0..1, 1..1, 1..2, 2..2, 5..9, 9..usize::MAX] {
            let mut diagnostics = Diagnostics::new();
            diagnostics.push(Diagnostic::error(place, "somewhere").label("here"));
            assert!(diagnostics.render(&sources, Screen::PLAIN).contains("somewhere"));
            assert!(diagnostics.lines(&sources).contains("somewhere"));
        }
    }
}
