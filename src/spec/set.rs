//! `PATH = VALUE`: what `--set`, variants, sweeps and `set` faults do to the tree before it is read.
//!
//! Setting replaces what is there. The object must exist; a feature that is off is set whole.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::source::{Place, Source, Sources};
use super::table::{self, Node};
use super::written::At;

/// A path and what is to stand there.
#[derive(Clone, Debug)]
pub struct Assignment<'a> {
    /// The path's keys.
    pub path: Vec<At<String>>,
    /// The path as a whole.
    pub place: Place,
    /// The value.
    pub value: Node<'a>,
}

/// What the tree's kinds look like, so that a path can be checked.
#[derive(Clone, Copy)]
pub struct Grammar {
    /// How many names follow a kind: `service.api` one, `edge.web.db` two, `network` none. `None`: no such kind.
    pub names: fn(kind: &str) -> Option<usize>,
    /// Keys of the file itself: `duration`.
    pub top: &'static [&'static str],
    /// Kinds, for messages.
    pub kinds: &'static [&'static str],
    /// Whether a table has defaults even if it isn't written, so that one key of it may be set: `queue`.
    pub always_on: fn(kind: &str, key: &str) -> bool,
}

impl std::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grammar").field("kinds", &self.kinds).finish_non_exhaustive()
    }
}

/// Reads a `PATH=VALUE`. A value that isn't TOML is taken as text: `rate=2000/s`.
pub fn assignment<'a>(sources: &'a Sources, source: &'a Source, out: &mut Diagnostics) -> Option<Assignment<'a>> {
    let text = source.text.as_ref();
    let whole = source.start..source.start + text.len();
    let Some(equals) = equals_outside_quotes(text) else {
        out.push(Diagnostic::error(whole, format!("`{text}` lacks its `=`")).help("write `--set PATH=VALUE`"));
        return None;
    };
    let path_text = text[..equals].trim();
    let path_start = source.start + (text.len() - text.trim_start().len());
    let path = path(sources, path_text, path_start, out)?;
    let value_text = text[equals + 1..].trim();
    let value_start = source.start + equals + 1 + (text[equals + 1..].len() - text[equals + 1..].trim_start().len());
    let place = path_start..path_start + path_text.len();
    let value_place = value_start..value_start + value_text.len();
    if value_text.is_empty() {
        out.push(
            Diagnostic::error(place, format!("`{path_text}` is set to nothing"))
                .help("write `\"none\"` to switch it off"),
        );
        return None;
    }
    let value = match DeValue::parse(value_text) {
        Ok(value) if !matches!(value.get_ref(), DeValue::Datetime(_)) => {
            table::replaced(&value, &mut |place| place.start + value_start..place.end + value_start)
        }
        Err(error) if value_text.starts_with(['{', '[', '"', '\'']) => {
            out.push(table::syntax(sources, &error, value_text, value_start));
            return None;
        }
        _ => Spanned::new(value_place, DeValue::String(value_text.into())),
    };
    Some(Assignment { path, place, value })
}

fn equals_outside_quotes(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '=') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// Splits a dotted path, quoted keys included; `start` is where the text begins.
pub fn path(sources: &Sources, text: &str, start: usize, out: &mut Diagnostics) -> Option<Vec<At<String>>> {
    let place = start..start + text.len();
    let bad = |out: &mut Diagnostics| {
        let error = Diagnostic::error(place.clone(), format!("`{text}` is not a path"));
        out.push(error.help("a path is what a header says, then the key: `service.api.workers`"));
    };
    let line = format!("{text} = 0");
    let Ok(tree) = DeTable::parse(&line) else {
        bad(out);
        return None;
    };
    let mut keys = Vec::new();
    let mut table = tree.into_inner();
    loop {
        let mut entries = table.into_iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else {
            bad(out);
            return None;
        };
        let at = key.span().start + start..key.span().end + start;
        // `edge."web -> db"` is how a report prints an edge; its header is `edge.web.db`.
        let two_names = keys.last().is_some_and(|kind: &At<String>| matches!(kind.value.as_str(), "edge" | "link"));
        match key.get_ref().split_once(" -> ") {
            Some((from, to)) if two_names && keys.len() == 1 => {
                keys.push(At::new(at.clone(), from.trim().to_string()));
                keys.push(At::new(at, to.trim().to_string()));
            }
            _ => keys.push(At::new(at, key.get_ref().to_string())),
        }
        match value.into_inner() {
            DeValue::Table(inner) => table = inner,
            DeValue::Integer(_) => break,
            _ => {
                bad(out);
                return None;
            }
        }
    }
    debug_assert!(sources.text(&place).len() <= place.len());
    Some(keys)
}

/// Puts the value in its place.
pub fn assign<'a>(tree: &mut DeTable<'a>, set: &Assignment<'a>, grammar: &Grammar, out: &mut Diagnostics) {
    let Some((kind, rest)) = set.path.split_first() else { return };
    if rest.is_empty() && grammar.top.contains(&kind.value.as_str()) {
        put(tree, kind, &set.value);
        return;
    }
    let Some(names) = (grammar.names)(&kind.value) else {
        let known = grammar.kinds.iter().chain(grammar.top).copied();
        let error = Diagnostic::error(kind.place.clone(), format!("no kind or key is called `{}`", kind.value));
        out.push(error.nearest(&kind.value, "a path begins with one of", known));
        return;
    };
    if rest.len() <= names {
        let shape = ["`KEY`", "`NAME.KEY`", "`A.B.KEY`"][names.min(2)];
        let error = Diagnostic::error(set.place.clone(), format!("this path names no key of `{}`", kind.value));
        out.push(error.help(format!("after `{}.` comes {shape}", kind.value)));
        return;
    }
    let (object, keys) = rest.split_at(names);
    let mut table = &mut *tree;
    if names == 0 && !table.contains_key(kind.value.as_str()) {
        put(table, kind, &Spanned::new(kind.place.clone(), DeValue::Table(DeTable::new())));
    }
    let mut walked = kind.value.clone();
    for name in std::iter::once(kind).chain(object) {
        if name.place != kind.place {
            walked = format!("{walked}.{}", name.value);
        }
        let known: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
        match table.get_mut(name.value.as_str()).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => table = inner,
            _ => {
                let error = Diagnostic::error(name.place.clone(), format!("there is no `{walked}` to set"));
                let known = if name.place == kind.place { Vec::new() } else { known };
                let what = format!("written with `{}`", kind.value);
                out.push(error.label("not in the file").nearest(&name.value, &what, known.iter().map(String::as_str)));
                return;
            }
        }
    }
    inside(table, &kind.value, keys, set, grammar, out);
}

/// Walks from the object to the table that holds the last key.
fn inside<'a>(
    object: &mut DeTable<'a>,
    kind: &str,
    keys: &[At<String>],
    set: &Assignment<'a>,
    grammar: &Grammar,
    out: &mut Diagnostics,
) {
    let Some((last, parents)) = keys.split_last() else { return };
    let mut table = object;
    for (depth, key) in parents.iter().enumerate() {
        let created = depth == 0 && (grammar.always_on)(kind, &key.value);
        if created && !table.contains_key(key.value.as_str()) {
            put(table, key, &Spanned::new(key.place.clone(), DeValue::Table(DeTable::new())));
        }
        let known: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
        let whole = format!("{} = {{ {} = … }}", key.value, last.value);
        match table.get_mut(key.value.as_str()).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => table = inner,
            Some(other) => {
                let found = table::found(other);
                let error =
                    Diagnostic::error(key.place.clone(), format!("`{}` is {found} here, not a table", key.value));
                out.push(error.help(format!("set it whole: `{whole}`")));
                return;
            }
            None => {
                let error = Diagnostic::error(key.place.clone(), format!("`{}` is not written there", key.value));
                let meant = super::nearest(&key.value, known.iter().map(String::as_str));
                out.push(match meant {
                    Some(meant) => {
                        error.help(format!("did you mean `{meant}`? A feature that is off is set whole: `{whole}`"))
                    }
                    None => error.help(format!("a feature that is off is set whole: `{whole}`")),
                });
                return;
            }
        }
    }
    put(table, last, &set.value);
}

fn put<'a>(table: &mut DeTable<'a>, key: &At<String>, value: &Node<'a>) {
    // The key takes the place of the new path, so that an error about it points at who set it.
    table.remove(key.value.as_str());
    table.insert(Spanned::new(key.place.clone(), key.value.clone().into()), value.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: Grammar = Grammar {
        names: |kind| match kind {
            "service" => Some(1),
            "edge" => Some(2),
            "network" => Some(0),
            _ => None,
        },
        top: &["duration"],
        kinds: &["edge", "network", "service"],
        always_on: |_, key| key == "queue",
    };

    fn set(text: &str) -> Result<String, String> {
        let file = "duration = \"1h\"\n[service.api]\nworkers = 1\nretry = { attempts = 3 }\n[edge.web.db]\ntimeout = \"1s\"\n";
        let sources = Sources::new("x.toml", file).with_set("--set", text);
        let mut out = Diagnostics::new();
        let mut tree = table::parse(&sources, &mut out).expect("the file is fine");
        if let Some(assignment) = assignment(&sources, &sources.sets()[0], &mut out) {
            assign(&mut tree, &assignment, &GRAMMAR, &mut out);
        }
        if out.has_errors() { Err(out.lines(&sources)) } else { Ok(format!("{:?}", plain(&DeValue::Table(tree)))) }
    }

    fn plain(value: &DeValue<'_>) -> toml::Value {
        match value {
            DeValue::String(text) => text.to_string().into(),
            DeValue::Integer(number) => number.as_str().parse::<i64>().unwrap_or(0).into(),
            DeValue::Float(number) => number.as_str().parse::<f64>().unwrap_or(0.0).into(),
            DeValue::Boolean(yes) => (*yes).into(),
            DeValue::Datetime(date) => (*date).into(),
            DeValue::Array(items) => items.iter().map(|item| plain(item.get_ref())).collect::<Vec<_>>().into(),
            DeValue::Table(table) => table
                .iter()
                .map(|(key, value)| (key.to_string(), plain(value.get_ref())))
                .collect::<toml::Table>()
                .into(),
        }
    }

    #[test]
    fn a_value_replaces_what_is_there() {
        for (text, part) in [
            ("duration=5m", r#""duration": String("5m")"#),
            ("service.api.workers=32", r#""workers": Integer(32)"#),
            ("service.api.speed=2.0", r#""speed": Float(2.0)"#),
            ("service.api.model = \"thread\"", r#""model": String("thread")"#),
            ("edge.web.db.timeout=50ms", r#""timeout": String("50ms")"#),
            ("edge.\"web -> db\".timeout=50ms", r#""timeout": String("50ms")"#),
            ("service.api.retry.attempts=1", r#""retry": Table({"attempts": Integer(1)})"#),
            ("service.api.retry={ budget = \"10%\" }", r#""retry": Table({"budget": String("10%")})"#),
            ("service.api.queue.limit=5", r#""queue": Table({"limit": Integer(5)})"#),
            ("network.within_zone={ rtt = \"0ms\" }", r#""network": Table({"within_zone""#),
        ] {
            let tree = set(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(tree.contains(part), "{text}: {tree}");
        }
    }

    #[test]
    fn paths_that_lead_nowhere() {
        let all: Vec<String> = [
            "service.ap.workers=1",
            "servce.api.workers=1",
            "service.api=1",
            "service.api.workers",
            "service.api.workers=",
            "service..api=1",
            "service.api.breaker.open=1s",
            "service.api.workers.deep=1",
            "edge.web.pricing.timeout=1s",
            "service.api.retry={ attempts = ",
            "=5",
        ]
        .into_iter()
        .map(|text| set(text).expect_err(text))
        .collect();
        insta::assert_snapshot!(all.concat(), @r#"
        --set:1:9: error: there is no `service.ap` to set; did you mean `api`? Written with `service`: api
        --set:1:1: error: no kind or key is called `servce`; did you mean `service`? A path begins with one of: edge, network, service, duration
        --set:1:1: error: this path names no key of `service`; after `service.` comes `NAME.KEY`
        --set:1:1: error: `service.api.workers` lacks its `=`; write `--set PATH=VALUE`
        --set:1:1: error: `service.api.workers` is set to nothing; write `"none"` to switch it off
        --set:1:1: error: `service..api` is not a path; a path is what a header says, then the key: `service.api.workers`
        --set:1:13: error: `breaker` is not written there; a feature that is off is set whole: `breaker = { open = … }`
        --set:1:13: error: `workers` is the number 1 here, not a table; set it whole: `workers = { deep = … }`
        --set:1:10: error: there is no `edge.web.pricing` to set; Written with `edge`: db
        --set:1:31: error: syntax: unclosed inline table, expected `}`
        --set:1:1: error: `` is not a path; a path is what a header says, then the key: `service.api.workers`
        "#);
    }
}
