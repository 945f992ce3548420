//! The tree of a scenario: read from text, edited by `--set` and variants, and still pointing at what was written.
//!
//! Setting replaces what is at a path; nothing is merged. The object must exist; a key of it need not.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::spec::{Diagnostic, Diagnostics, Place, Sources};

/// A value with its place.
pub(super) type Node<'t> = Spanned<DeValue<'t>>;

/// Reads the file.
pub(super) fn read<'t>(sources: &'t Sources, diagnostics: &mut Diagnostics) -> Option<DeTable<'t>> {
    let file = sources.file();
    if let Some(at) = sources.not_utf8() {
        diagnostics.push(
            Diagnostic::error(at..at, "this byte is not UTF-8")
                .label("from here on")
                .help("save the scenario as UTF-8 text"),
        );
        return None;
    }
    if file.text.len() > crate::spec::source::LONGEST {
        diagnostics.push(Diagnostic::overall(format!("a scenario of {} bytes is too long", file.text.len())));
        return None;
    }
    if nests_too_deeply(&file.text) {
        diagnostics.push(Diagnostic::overall("brackets nest more than 64 deep"));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    let broken = !errors.is_empty();
    for error in errors {
        let place = error.span().unwrap_or(0..0);
        let message = error.message().lines().next().unwrap_or("this is not TOML").trim().to_owned();
        diagnostics.push(Diagnostic::error(place, format!("syntax: {message}")));
    }
    if broken {
        return None;
    }
    let table = table.into_inner();
    if table.is_empty() {
        diagnostics
            .push(Diagnostic::overall("the scenario is empty").help("begin with `schema = 1`, or run `netsplit new`"));
        return None;
    }
    Some(table)
}

/// Puts every `--set` in its place; they count over variants.
pub(super) fn set<'t>(sources: &'t Sources, table: &mut DeTable<'t>, diagnostics: &mut Diagnostics) {
    for set in sources.sets() {
        let text: &'t str = &set.text;
        let Some((path, value)) = text.split_once('=') else {
            let place = set.start..set.start + text.len();
            diagnostics.push(Diagnostic::error(place, "expected PATH=VALUE").help("such as `clients.web.rate=90/s`"));
            continue;
        };
        let (path, value) = (path.trim_end(), value.trim());
        let start = set.start + (value.as_ptr() as usize - text.as_ptr() as usize);
        let value = parse_value(value, start);
        assign(table, path, set.start..set.start + path.len(), value, diagnostics);
    }
}

fn nests_too_deeply(text: &str) -> bool {
    let mut depth = 0_i32;
    text.bytes().any(|b| {
        match b {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b'\n' if depth < 0 => depth = 0,
            _ => {}
        }
        depth > 64
    })
}

/// A TOML value, or, if it is none, the text itself.
fn parse_value(text: &str, start: usize) -> Node<'_> {
    if let Ok(value) = DeValue::parse(text) {
        let (from, to) = (value.span().start + start, value.span().end + start);
        return Spanned::new(from..to, shifted(value.into_inner(), start));
    }
    Spanned::new(start..start + text.len(), DeValue::String(text.into()))
}

fn shifted(value: DeValue<'_>, by: usize) -> DeValue<'_> {
    let moved = |span: Place| span.start + by..span.end + by;
    match value {
        DeValue::Array(array) => {
            let mut out = DeArray::new();
            for item in array {
                let span = moved(item.span());
                out.push(Spanned::new(span, shifted(item.into_inner(), by)));
            }
            DeValue::Array(out)
        }
        DeValue::Table(table) => {
            let mut out = DeTable::new();
            for (key, item) in table {
                let (at, span) = (moved(key.span()), moved(item.span()));
                out.insert(Spanned::new(at, key.into_inner()), Spanned::new(span, shifted(item.into_inner(), by)));
            }
            DeValue::Table(out)
        }
        other => other,
    }
}

/// The segments of a path: bare, or quoted where they hold other characters.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut rest = path.trim();
    loop {
        let segment;
        if let Some(quote) = rest.chars().next().filter(|c| *c == '"' || *c == '\'') {
            let end = rest[1..].find(quote)? + 1;
            segment = rest[1..end].to_owned();
            rest = rest[end + 1..].trim_start();
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            segment = rest[..end].trim().to_owned();
            rest = &rest[end..];
        }
        if segment.is_empty() {
            return None;
        }
        out.push(segment);
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => return Some(out),
            None => return None,
        }
    }
}

/// Puts a value at a path.
pub(super) fn assign<'t>(
    root: &mut DeTable<'t>,
    path: &str,
    place: Place,
    value: Node<'t>,
    diagnostics: &mut Diagnostics,
) {
    let Some(parts) = segments(path) else {
        diagnostics
            .push(Diagnostic::error(place, format!("`{path}` is not a path")).help("a path is `service.web.workers`"));
        return;
    };
    // `[service.web]` must be there; below it, what is off may be set whole. `network`, `clock` stand for themselves.
    let mut here = root;
    let last = parts.len() - 1;
    for (depth, part) in parts[..last].iter().enumerate() {
        let known: Vec<String> = here.keys().map(|k| k.get_ref().to_string()).collect();
        let named = depth <= 1 && !["network", "clock", "teach"].contains(&parts[0].as_str());
        // An edge that follows from flows and targets needs no table of its own.
        let implied = parts[0] == "edge" || depth == 0 && parts.len() == 2;
        if !here.contains_key(part.as_str()) {
            if named && !implied {
                diagnostics.push(
                    Diagnostic::error(place, format!("there is no `{}` to set", parts[..=depth].join("."))).nearest(
                        part,
                        "names here",
                        known.iter().map(String::as_str),
                    ),
                );
                return;
            }
            let key = Spanned::new(place.clone(), part.clone().into());
            here.insert(key, Spanned::new(place.clone(), DeValue::Table(DeTable::new())));
        }
        let Some(next) = here.get_mut(part.as_str()) else { return };
        let span = next.span();
        match next.get_mut() {
            DeValue::Table(table) => here = table,
            _ => {
                diagnostics.push(
                    Diagnostic::error(place, format!("`{}` is no table", parts[..=depth].join(".")))
                        .help("set the whole value instead"),
                );
                let _ = span;
                return;
            }
        }
    }
    here.remove(parts[last].as_str());
    here.insert(Spanned::new(place, parts[last].clone().into()), value);
}

/// The value at a path.
pub(super) fn find<'a, 't>(root: &'a DeTable<'t>, path: &str) -> Option<&'a Node<'t>> {
    let parts = segments(path)?;
    let (last, first) = parts.split_last()?;
    let mut here = root;
    for part in first {
        match here.get(part.as_str())?.get_ref() {
            DeValue::Table(table) => here = table,
            _ => return None,
        }
    }
    here.get(last.as_str())
}

/// The tree as plain TOML, to be printed.
pub(super) fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(s) => toml::Value::String(s.to_string()),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .map_or_else(|_| toml::Value::String(i.to_string()), toml::Value::Integer),
        DeValue::Float(f) => f.as_str().parse().map_or_else(|_| toml::Value::String(f.to_string()), toml::Value::Float),
        DeValue::Boolean(b) => toml::Value::Boolean(*b),
        DeValue::Datetime(d) => toml::Value::Datetime(*d),
        DeValue::Array(a) => toml::Value::Array(a.iter().map(|v| plain(v.get_ref())).collect()),
        DeValue::Table(t) => toml::Value::Table(plain_table(t)),
    }
}

/// The same for a table.
pub(super) fn plain_table(table: &DeTable<'_>) -> toml::Table {
    table.iter().map(|(k, v)| (k.get_ref().to_string(), plain(v.get_ref()))).collect()
}
