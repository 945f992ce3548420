//! What isn't TOML, in words: the parser's messages tell what a grammar expected, not what was probably meant.

use crate::spec::{Diagnostic, Place, Sources};

/// More would only echo the first ones.
const MOST: usize = 5;

/// The errors of a file that isn't TOML.
pub(super) fn errors(sources: &Sources, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let text = sources.file().text.as_ref();
    if let Some(other) = another_language(text) {
        let start = text.len() - text.trim_start().len();
        let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        return vec![
            Diagnostic::error(start..end, format!("this looks like {other}; a scenario is TOML"))
                .help("it begins with `schema = 1`; `netsplit new NAME` writes one to start from"),
        ];
    }
    let mut out: Vec<Diagnostic> = Vec::new();
    for error in errors {
        let place = error.span().unwrap_or(text.len()..text.len());
        // A second header of the same object repeats its keys as well.
        let repeated = out.last().is_some_and(|last| last.message.ends_with("is written twice"));
        if repeated && error.message() == "duplicate key" && follows(text, &out, &place) {
            continue;
        }
        out.push(one(sources, error.message(), place));
        if out.len() == MOST {
            break;
        }
    }
    out
}

/// Whether a place lies in the table whose header was complained about last.
fn follows(text: &str, out: &[Diagnostic], place: &Place) -> bool {
    let Some(last) = out.last().and_then(|last| last.place.clone()) else { return false };
    let between = text.get(last.end..place.start).unwrap_or("");
    between.starts_with(']') && !between.contains("\n[")
}

fn one(sources: &Sources, message: &str, place: Place) -> Diagnostic {
    let text = sources.file().text.as_ref();
    let written = sources.text(&place);
    let message = message.lines().next().unwrap_or("this is not TOML").trim();
    let at_end = text.get(place.start..).is_some_and(|rest| rest.trim().is_empty());
    let rest_of_line = text.get(place.start..).unwrap_or("").lines().next().unwrap_or("");
    let control = rest_of_line.chars().next().filter(|c| c.is_control() && !matches!(c, '\t' | '\r'));
    if message == "duplicate key" {
        let error = Diagnostic::error(place.clone(), format!("`{written}` is written twice"));
        return match first(text, written, &place) {
            Some(line) => error.label(format!("the first is in line {line}")),
            None => error,
        };
    }
    if let Some(control) = control {
        return Diagnostic::error(place, format!("a control character, U+{:04X}, stands in the file", control as u32))
            .help("take it out; in a text, write it as an escape such as `\\u0007`");
    }
    if message.starts_with("string values must be quoted") {
        let plain = written.trim_matches(|c: char| !c.is_alphanumeric());
        let error = Diagnostic::error(place, format!("a text stands in quotes: `{written}`"));
        return error.help(match plain {
            "True" | "TRUE" | "False" | "FALSE" => format!("write {}", plain.to_lowercase()),
            _ => format!("write \"{plain}\", with straight quotes"),
        });
    }
    if message.starts_with("key with no value") {
        return Diagnostic::error(place, "a key without a value").help("write `key = value`");
    }
    if message.starts_with("invalid basic string, expected `\"`")
        || message.starts_with("invalid literal string, expected")
    {
        return Diagnostic::error(place, "this text is never closed").label("expected a quote");
    }
    if message.starts_with("missing comma") {
        return Diagnostic::error(place, "a comma is missing here");
    }
    if message.starts_with("cannot extend value") {
        return Diagnostic::error(place, format!("`{written}` has a value already, and can't be a table as well"));
    }
    if at_end {
        return Diagnostic::error(place, format!("the file ends too early: {}", plain(message)))
            .help("is it complete?");
    }
    Diagnostic::error(place, format!("not TOML: {}", plain(message)))
}

/// Without the rules of the parser's grammar.
pub(super) fn plain(message: &str) -> String {
    if message.starts_with("invalid literal string") {
        return "a value is missing here, or stands without quotes".to_owned();
    }
    match message.split_once(", expected ") {
        Some((what, expected)) if expected.len() <= 3 => format!("{what}, expected {expected}"),
        Some((what, _)) => what.to_owned(),
        None => message.to_owned(),
    }
}

/// The line of the first of two keys or headers; `None` if that can't be told from the text alone.
fn first(text: &str, written: &str, second: &Place) -> Option<usize> {
    let before = text.get(..second.start)?;
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let header = text[line..].lines().next().unwrap_or("").trim();
    let lines: Vec<&str> = text[..line].lines().collect();
    if header.starts_with('[') {
        return lines.iter().position(|l| l.trim() == header).map(|at| at + 1);
    }
    let begins = lines.iter().rposition(|l| l.trim_start().starts_with('[')).unwrap_or(0);
    let same = |l: &str| l.split('=').next().is_some_and(|key| key.trim() == written);
    lines.iter().enumerate().skip(begins).find(|(_, l)| same(l)).map(|(at, _)| at + 1)
}

/// A language that is taken for TOML now and then.
fn another_language(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let first = lines.next()?;
    if first.starts_with('{') {
        return Some("JSON");
    }
    if first.starts_with('<') {
        return Some("XML");
    }
    let yaml = |line: &str| {
        let name = line.split(':').next().unwrap_or("");
        let word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == ' ');
        line == "---" || word && line.contains(':') && !line.contains('=')
    };
    (yaml(first) && lines.next().is_none_or(yaml)).then_some("YAML")
}
