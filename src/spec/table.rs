//! From text to tree, and from tree to types, with all errors at once.
//!
//! serde stops at the first error. It is noted, the tree is mended there (a misspelt key takes the name it was meant
//! to have and is still read; anything else wrong is taken out), and the reading begins again.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::source::{LONGEST, Place, Sources};
use super::text::TextError;
use super::written::Carried;

/// A value of the tree with its place.
pub type Node<'a> = Spanned<DeValue<'a>>;

/// Errors after which one object is given up: beyond that nobody reads them.
const MOST_ERRORS: usize = 50;

/// Parses the scenario file. With syntax errors the tree is not worth reading: then there is none.
pub fn parse<'a>(sources: &'a Sources, out: &mut Diagnostics) -> Option<DeTable<'a>> {
    let text = sources.file().text.as_ref();
    if let Some(at) = sources.not_utf8() {
        let place = at..at + 1;
        out.push(
            Diagnostic::error(place, "the file is not UTF-8")
                .label("the first byte that is not")
                .help("save it as UTF-8; is it a scenario at all?"),
        );
        return None;
    }
    if text.len() > LONGEST {
        let megabytes = LONGEST / (1024 * 1024);
        out.push(Diagnostic::overall(format!("the file is longer than {megabytes} MiB, which no scenario is")));
        return None;
    }
    if text.trim().is_empty() {
        out.push(
            Diagnostic::overall("the file is empty")
                .help("a scenario begins with `schema = 1`, `title`, `question`, `duration`"),
        );
        return None;
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        out.push(syntax(sources, error, text, 0));
    }
    errors.is_empty().then(|| tree.into_inner())
}

/// A syntax error in a text that begins at `start`.
pub(crate) fn syntax(sources: &Sources, error: &toml::de::Error, text: &str, start: usize) -> Diagnostic {
    let place = error.span().unwrap_or(text.len()..text.len());
    let place = place.start + start..place.end + start;
    let message = match error.message() {
        "duplicate key" => format!("`{}` is written twice", sources.text(&place)),
        message => format!("syntax: {message}"),
    };
    Diagnostic::error(place, message)
}

/// A word from elsewhere, and what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It is called this here: read on under that name.
    Here(&'static str),
    /// Say this: a message and a help.
    Say(String, String),
}

/// An unknown key, for the function that knows words from elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Unknown<'a> {
    /// The kind of the object it is in: "service".
    pub kind: &'a str,
    /// The keys from the object to the table it is in; empty at the top.
    pub path: &'a [String],
    /// The key.
    pub key: &'a str,
    /// Its value.
    pub value: Option<&'a DeValue<'a>>,
}

/// Reads objects of one kind.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The texts the tree was parsed from.
    pub sources: &'a Sources,
    /// The kind of object: "service".
    pub kind: &'a str,
    /// Words from elsewhere.
    pub hints: fn(Unknown<'_>) -> Option<Hint>,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// Reads a table into a type. `place` is where the object is named, for what is missing in it.
    ///
    /// Returns what could be read after mending; `None` if something required is missing.
    pub fn read<T: DeserializeOwned + JsonSchema>(
        &self,
        node: Node<'_>,
        place: &Place,
        out: &mut Diagnostics,
    ) -> Option<T> {
        let mut node = node;
        let mut removed: Vec<Removed> = Vec::new();
        for _ in 0..MOST_ERRORS {
            let error = match T::deserialize(ValueDeserializer::from(node.clone())) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let span = error.span().unwrap_or_else(|| node.span());
            if let Some(field) = between(error.message(), "missing field `", "`") {
                self.missing::<T>(&node, field, span, place, &removed, out);
                return None;
            }
            let Some(path) = locate(&node, &span, error.message().starts_with("unknown field")) else {
                // An error that no part of the tree stands for: nothing can be mended.
                out.push(Diagnostic::error(place.clone(), error.message().to_string()));
                return None;
            };
            if let Some(diagnostic) = self.mend(&mut node, &path, &span, error.message(), &mut removed) {
                out.push(diagnostic);
            }
        }
        out.push(Diagnostic::error(place.clone(), format!("more than {MOST_ERRORS} errors in one table")));
        None
    }

    /// Says what is missing, unless it was there and wrong.
    fn missing<T: JsonSchema>(
        &self,
        node: &Node<'_>,
        field: &str,
        span: Place,
        place: &Place,
        removed: &[Removed],
        out: &mut Diagnostics,
    ) {
        let top = node.span() == span;
        let mut fields = vec![field.to_string()];
        if top {
            let schema = SchemaGenerator::default().into_root_schema_for::<T>();
            let required = schema.get("required").and_then(|required| required.as_array());
            let names = required.into_iter().flatten().filter_map(|name| name.as_str());
            let has = |name: &str| node.get_ref().as_table().is_some_and(|table| table.contains_key(name));
            fields = names.filter(|name| !has(name)).map(str::to_string).collect();
            if !fields.iter().any(|name| name == field) {
                fields.push(field.to_string());
            }
        }
        fields.retain(|name| !removed.iter().any(|gone| gone.key == *name && gone.parent == span));
        let at = if top { place.clone() } else { span };
        for name in fields {
            out.push(
                Diagnostic::error(at.clone(), format!("`{name}` is missing")).label(format!("needs `{name} = …`")),
            );
        }
    }

    /// Turns serde's error into ours, and takes its cause out of the tree.
    fn mend(
        &self,
        node: &mut Node<'_>,
        path: &[Step],
        span: &Place,
        message: &str,
        removed: &mut Vec<Removed>,
    ) -> Option<Diagnostic> {
        if let Some(carried) = Carried::open(message) {
            remove(node, path, removed);
            return Some(self.carried(span, carried));
        }
        if let Some(key) = between(message, "unknown field `", "`") {
            return Some(self.unknown_field(node, path, span, key, message, removed));
        }
        let found = get(node, path).map(|node| node.get_ref().clone());
        let emptied = found.as_ref().is_some_and(|value| value.as_table().is_some_and(DeTable::is_empty));
        let echo = emptied && removed.iter().any(|gone| gone.parent == *span);
        remove(node, path, removed);
        if echo {
            return None;
        }
        Some(rewritten(span.clone(), message, found.as_ref()))
    }

    fn carried(&self, span: &Place, carried: Carried) -> Diagnostic {
        match carried {
            Carried::In(error) => match self.inside(span) {
                Some(start) if !self.sources.text(span).contains('\\') => Diagnostic::in_text(start, error),
                // Escapes move bytes about: mark the whole text.
                _ => {
                    let TextError { message, label, help, .. } = error;
                    Diagnostic { label, help, ..Diagnostic::error(span.clone(), message) }
                }
            },
            Carried::Number(error) => {
                let TextError { message, label, help, .. } = error;
                // A unit belongs in quotes.
                let help = help.map(|help| help.replace("write `", "write `\"").replace("`;", "\"`;"));
                let help = help.filter(|help| help.matches("`\"").count() == help.matches("\"`").count());
                Diagnostic { label, help, ..Diagnostic::error(span.clone(), message) }
            }
        }
    }

    /// The first byte inside the quotes of a text.
    fn inside(&self, span: &Place) -> Option<usize> {
        let raw = self.sources.text(span);
        for quotes in ["\"\"\"", "'''", "\"", "'"] {
            if let Some(rest) = raw.strip_prefix(quotes) {
                let newline =
                    if quotes.len() == 3 { rest.len() - rest.trim_start_matches(['\r', '\n']).len() } else { 0 };
                return Some(span.start + quotes.len() + newline.min(2));
            }
        }
        // The value of a `--set` that isn't TOML has no quotes.
        (!raw.is_empty()).then_some(span.start)
    }

    fn unknown_field(
        &self,
        node: &mut Node<'_>,
        path: &[Step],
        span: &Place,
        key: &str,
        message: &str,
        removed: &mut Vec<Removed>,
    ) -> Diagnostic {
        let known = backticked(message.split_once("expected").map_or("", |(_, list)| list));
        let parents: Vec<String> = path[..path.len().saturating_sub(1)]
            .iter()
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Index(_) => None,
            })
            .collect();
        let value = get(node, path).map(|node| node.get_ref().clone());
        let unknown = Unknown { kind: self.kind, path: &parents, key, value: value.as_ref() };
        let inside = parents.last().map_or(self.kind, String::as_str);
        let error = Diagnostic::error(span.clone(), format!("unknown key `{key}` in `{inside}`"));
        let (meant, diagnostic) = match (self.hints)(unknown) {
            Some(Hint::Here(here)) => {
                (Some(here), error.label(format!("`{here}` here")).help(format!("`{key}` is called `{here}` here")))
            }
            Some(Hint::Say(message, help)) => {
                remove(node, path, removed);
                return Diagnostic::error(span.clone(), message).help(help);
            }
            None => {
                let meant = super::nearest(key, known.iter().copied());
                (meant, error.label("not a key of this table").nearest(key, "keys", known.iter().copied()))
            }
        };
        if !meant.is_some_and(|meant| rename(node, path, meant)) {
            remove(node, path, removed);
        }
        diagnostic
    }
}

/// serde's words in ours.
fn rewritten(place: Place, message: &str, found: Option<&DeValue<'_>>) -> Diagnostic {
    if let Some(variant) = between(message, "unknown variant `", "`") {
        let known = backticked(message.split_once("expected").map_or("", |(_, list)| list));
        return Diagnostic::error(place, format!("unknown choice `{variant}`"))
            .label("not a choice")
            .nearest(variant, "choices", known);
    }
    if message.starts_with("invalid type: unit variant") {
        let word = match found {
            Some(DeValue::String(text)) => text.as_ref(),
            _ => "…",
        };
        return Diagnostic::error(place, format!("`{word}` has knobs, so it is a table"))
            .help(format!("write `{{ {word} = {{}} }}` for its defaults"));
    }
    if message.starts_with("wanted exactly 1 element") {
        let message = if message.contains("more than") {
            "exactly one key belongs in this table"
        } else {
            "one key belongs in this table"
        };
        return Diagnostic::error(place, message);
    }
    if let Some((kind, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let expected = match expected {
            "a string" => "a text in quotes",
            "a boolean" => "`true` or `false`",
            "a sequence" => "a list",
            "a map" => "a table",
            expected if expected.starts_with("struct") => "a table",
            expected if expected.starts_with("tuple") => "a list",
            expected => expected,
        };
        let found = match found {
            Some(value) => self::found(value),
            None => kind.to_string(),
        };
        return Diagnostic::error(place, format!("expected {expected}, found {found}"))
            .label(format!("not {expected}"));
    }
    Diagnostic::error(place, message.to_string())
}

/// With its article and, if short, what it says.
pub(crate) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.len() <= 40 => format!("the text `{text}`"),
        DeValue::String(_) => "a text".into(),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(yes) => format!("`{yes}`"),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// One step down the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A key that mending took out: what is then missing isn't missing in the file.
#[derive(Debug)]
struct Removed {
    key: String,
    parent: Place,
}

/// The way to the part with this place: a key, or the deepest value.
fn locate(node: &Node<'_>, span: &Place, key_only: bool) -> Option<Vec<Step>> {
    let mut best = Best { span, key_only, found: None };
    best.search(node, &mut Vec::new());
    best.found.map(|(path, _)| path)
}

/// The best part found so far, and its rank: 0 for an exact one, else by how much more than the place it covers.
struct Best<'p> {
    span: &'p Place,
    key_only: bool,
    found: Option<(Vec<Step>, usize)>,
}

impl Best<'_> {
    fn offer(&mut self, path: &[Step], place: Place, is_key: bool) {
        let rank = if place == *self.span && (is_key || !self.key_only) {
            0
        } else if !self.key_only && place.start <= self.span.start && self.span.end <= place.end {
            1 + (place.end - place.start)
        } else {
            return;
        };
        // A key and a table made of dotted keys may have one place: the value is deeper, and wins.
        if self.found.as_ref().is_none_or(|(_, least)| rank < *least || rank == *least && !is_key) {
            self.found = Some((path.to_vec(), rank));
        }
    }

    fn search(&mut self, node: &Node<'_>, path: &mut Vec<Step>) {
        if !path.is_empty() {
            self.offer(path, node.span(), false);
        }
        match node.get_ref() {
            DeValue::Table(table) => {
                for (key, value) in table.iter() {
                    path.push(Step::Key(key.get_ref().to_string()));
                    self.offer(path, key.span(), true);
                    self.search(value, path);
                    path.pop();
                }
            }
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Step::Index(index));
                    self.search(item, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

fn get<'t, 'a>(node: &'t Node<'a>, path: &[Step]) -> Option<&'t Node<'a>> {
    path.iter().try_fold(node, |node, step| match (node.get_ref(), step) {
        (DeValue::Table(table), Step::Key(key)) => table.get(key.as_str()),
        (DeValue::Array(items), Step::Index(index)) => items.get(*index),
        _ => None,
    })
}

fn get_mut<'t, 'a>(node: &'t mut Node<'a>, path: &[Step]) -> Option<&'t mut Node<'a>> {
    path.iter().try_fold(node, |node, step| match (node.get_mut(), step) {
        (DeValue::Table(table), Step::Key(key)) => table.get_mut(key.as_str()),
        (DeValue::Array(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

/// Takes a part out. A table or list that this empties goes with its last entry.
fn remove(node: &mut Node<'_>, path: &[Step], removed: &mut Vec<Removed>) {
    let Some((last, parents)) = path.split_last() else { return };
    let Some(parent) = get_mut(node, parents) else { return };
    let place = parent.span();
    let emptied = match (parent.get_mut(), last) {
        (DeValue::Table(table), Step::Key(key)) => {
            table.remove(key.as_str());
            removed.push(Removed { key: key.clone(), parent: place });
            table.is_empty()
        }
        (DeValue::Array(items), Step::Index(index)) => {
            let mut kept = DeArray::new();
            for (at, item) in items.iter().enumerate() {
                if at != *index {
                    kept.push(item.clone());
                }
            }
            *items = kept;
            items.is_empty()
        }
        _ => false,
    };
    if emptied && !parents.is_empty() {
        remove(node, parents, removed);
    }
}

/// Gives a key another name, unless that one is taken.
fn rename(node: &mut Node<'_>, path: &[Step], name: &str) -> bool {
    let Some((Step::Key(old), parents)) = path.split_last() else { return false };
    let Some(DeValue::Table(table)) = get_mut(node, parents).map(Spanned::get_mut) else { return false };
    if table.contains_key(name) {
        return false;
    }
    match table.remove_entry(old.as_str()) {
        Some((key, value)) => {
            table.insert(Spanned::new(key.span(), name.to_string().into()), value);
            true
        }
        None => false,
    }
}

/// The same value with every place replaced.
pub fn replaced<'a>(node: &Node<'a>, place: &mut dyn FnMut(Place) -> Place) -> Node<'a> {
    let value = match node.get_ref() {
        DeValue::Array(items) => {
            let mut moved = DeArray::new();
            for item in items.iter() {
                moved.push(replaced(item, place));
            }
            DeValue::Array(moved)
        }
        DeValue::Table(table) => {
            let mut moved = DeTable::new();
            for (key, value) in table.iter() {
                moved.insert(Spanned::new(place(key.span()), key.get_ref().clone()), replaced(value, place));
            }
            DeValue::Table(moved)
        }
        value => value.clone(),
    };
    Spanned::new(place(node.span()), value)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split_once(after).map(|(word, _)| word)
}

/// Every word between backticks.
fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Span;
    use crate::spec::{At, OrNone, Screen, Table, Written};
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read for its errors")]
    struct Sample {
        target: At<String>,
        timeout: Option<Written<Span>>,
        pool: Option<OrNone<Pool>>,
        mix: Option<Table<Written<Span>>>,
        choice: Option<Choice>,
        list: Option<Vec<Written<Span>>>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read for its errors")]
    struct Pool {
        size: Option<u32>,
        max_wait: Option<Written<Span>>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "read for its errors")]
    enum Choice {
        Raft(Pool),
        None,
    }

    fn hints(unknown: Unknown<'_>) -> Option<Hint> {
        (unknown.key == "latency").then_some(Hint::Here("timeout"))
    }

    fn errors(text: &str) -> String {
        let sources = Sources::new("x.toml", text);
        let mut out = Diagnostics::new();
        if let Some(tree) = parse(&sources, &mut out) {
            let reader = Reader { sources: &sources, kind: "sample", hints };
            let node = Spanned::new(0..0, DeValue::Table(tree));
            reader.read::<Sample>(node, &(0..0), &mut out);
        }
        out.render(&sources, Screen::PLAIN);
        out.lines(&sources)
    }

    #[test]
    fn all_errors_of_a_table_are_found() {
        let text = r#"
target = 5
timeot = "50"
pool = { siz = "x", max_wait = "5min" }
mix = { a = "1ms", b = "1KB" }
choice = { rafd = {} }
list = ["1ms", "2", true]
colour = "red"
"#;
        insta::assert_snapshot!(errors(text), @r#"
        x.toml:2:10: error: expected a text in quotes, found the number 5
        x.toml:3:1: error: unknown key `timeot` in `sample`; did you mean `timeout`? Keys: target, timeout, pool, mix, choice, list
        x.toml:3:11: error: `50` of what? a duration needs a unit; write `50ms`, `50s` or `50m`; units that fit: ns, us, ms, s, m, h, d
        x.toml:4:10: error: unknown key `siz` in `pool`; did you mean `size`? Keys: size, max_wait
        x.toml:4:16: error: expected u32, found the text `x`
        x.toml:4:34: error: unknown unit `min`; write `5m`
        x.toml:5:25: error: `1KB` is a size, expected a duration; units that fit: ns, us, ms, s, m, h, d
        x.toml:6:12: error: unknown choice `rafd`; did you mean `raft`? Choices: raft, none
        x.toml:7:17: error: `2` of what? a duration needs a unit; write `2ms`, `2s` or `2m`; units that fit: ns, us, ms, s, m, h, d
        x.toml:7:21: error: expected a duration, found `true`
        x.toml:8:1: error: unknown key `colour` in `sample`; Keys: target, timeout, pool, mix, choice, list
        "#);
    }

    #[test]
    fn words_from_elsewhere_are_read_under_their_name_here() {
        insta::assert_snapshot!(errors("latency = \"fast\"\n"), @r#"
        x.toml:1:1: error: `target` is missing
        x.toml:1:1: error: unknown key `latency` in `sample`; `latency` is called `timeout` here
        x.toml:1:12: error: `fast` is not a duration; write a number and a unit, such as `50ms`; units that fit: ns, us, ms, s, m, h, d
        "#);
    }

    #[test]
    fn choices_and_knobs() {
        insta::assert_snapshot!(errors("target = \"a\"\nchoice = \"raft\"\n"), @r#"x.toml:2:10: error: `raft` has knobs, so it is a table; write `{ raft = {} }` for its defaults"#);
        insta::assert_snapshot!(errors("target = \"a\"\nchoice = { raft = {}, none = {} }\n"), @r#"x.toml:2:10: error: exactly one key belongs in this table"#);
        insta::assert_snapshot!(errors("target = \"a\"\npool = \"off\"\n"), @r#"x.toml:2:8: error: expected a table, or "none", found the text `off`"#);
        insta::assert_snapshot!(errors("target = \"a\"\npool = { size = \"x\" }\nchoice = { raft = { size = -1 } }"), @r#"
        x.toml:2:17: error: expected u32, found the text `x`
        x.toml:3:28: error: invalid value: integer `-1`, expected u32
        "#);
        assert_eq!(errors("target = \"a\"\npool = \"none\"\nchoice = \"none\"\n"), "");
    }

    #[test]
    fn files_that_are_no_scenario() {
        insta::assert_snapshot!(errors(""), @r#"x.toml:1:1: error: the file is empty; a scenario begins with `schema = 1`, `title`, `question`, `duration`"#);
        insta::assert_snapshot!(errors("target = \"a\ntimeout = \n"), @r#"
        x.toml:1:12: error: syntax: invalid basic string, expected `"`
        x.toml:2:11: error: syntax: string values must be quoted, expected literal string
        "#);
        insta::assert_snapshot!(errors("target = \"a\"\ntarget = \"b\"\n"), @r#"x.toml:2:1: error: `target` is written twice"#);
        assert!(errors(&format!("list = {}{}", "[".repeat(10_000), "]".repeat(10_000))).contains("recurs"));
        assert!(errors(&"a".repeat(LONGEST + 1)).contains("longer than"));
    }
}
