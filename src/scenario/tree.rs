//! The tree of a scenario: read from text, edited by `--set` and variants, and still pointing at what was written.
//!
//! Setting replaces what is at a path; nothing is merged. The object must exist; a key of it need not.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::shape::{Need, Value};
use crate::spec::source::LONGEST;
use crate::spec::{Diagnostic, Diagnostics, Place, Sources};

/// A value with its place.
pub(super) type Node<'t> = Spanned<DeValue<'t>>;

/// Reads the file.
pub(super) fn read<'t>(sources: &'t Sources, diagnostics: &mut Diagnostics) -> Option<DeTable<'t>> {
    let file = sources.file();
    if let Some(at) = sources.not_utf8() {
        let wide = file.text.chars().take(64).filter(|c| *c == '\0').count() > 8;
        let message = if wide { "this is UTF-16, or no text at all" } else { "this byte is not UTF-8" };
        diagnostics
            .push(Diagnostic::error(at..at, message).label("from here on").help("save the scenario as UTF-8 text"));
        return None;
    }
    if file.text.len() > LONGEST {
        let (long, most) = (file.text.len() / (1024 * 1024), LONGEST / (1024 * 1024));
        diagnostics.push(
            Diagnostic::overall(format!("the file has {long} MiB; no scenario has more than {most}"))
                .help("is it a scenario at all?"),
        );
        return None;
    }
    if let Some(at) = too_deep(&file.text) {
        diagnostics
            .push(Diagnostic::error(at..at + 1, format!("brackets nest more than {DEEPEST} deep")).label("too deep"));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    if !errors.is_empty() {
        for error in super::syntax::errors(sources, &errors) {
            diagnostics.push(error);
        }
        return None;
    }
    let table = table.into_inner();
    if table.is_empty() {
        diagnostics.push(
            Diagnostic::overall("the scenario is empty")
                .help("it begins with `schema = 1`; `netsplit new NAME` writes one to start from"),
        );
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
        let start = set.start + path.len() + 1 + (value.len() - value.trim_start().len());
        let (path, value) = (path.trim_end(), value.trim());
        let Some(value) = parse_value(value, start, diagnostics) else { continue };
        assign(table, path, set.start..set.start + path.len(), value, diagnostics);
    }
}

/// Brackets nest this deep at most: beyond it a parser would run out of stack.
const DEEPEST: usize = 64;

/// The bracket that nests too deeply. Dots in a header or a key nest as well.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut dots) = (0_usize, 0_usize);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'.' => dots += 1,
            b'\n' | b'"' | b'\'' | b'=' | b',' => dots = 0,
            _ => {}
        }
        if depth > DEEPEST || dots > DEEPEST {
            return Some(at);
        }
    }
    None
}

/// A TOML value, or, if it is none, the text itself.
fn parse_value<'t>(text: &'t str, start: usize, diagnostics: &mut Diagnostics) -> Option<Node<'t>> {
    if let Some(at) = too_deep(text) {
        let at = start + at;
        diagnostics.push(Diagnostic::error(at..at + 1, format!("brackets nest more than {DEEPEST} deep")));
        return None;
    }
    match DeValue::parse(text) {
        Ok(value) => {
            let (from, to) = (value.span().start + start, value.span().end + start);
            Some(Spanned::new(from..to, shifted(value.into_inner(), start)))
        }
        // A table, a list or a text that isn't one is not meant as a word.
        Err(error) if text.starts_with(['{', '[', '"', '\'']) => {
            let place = error.span().unwrap_or(0..text.len());
            let message = error.message().lines().next().unwrap_or("this is no value").to_owned();
            diagnostics.push(
                Diagnostic::error(
                    place.start + start..place.end + start,
                    format!("not TOML: {}", super::syntax::plain(&message)),
                )
                .help("in a shell, put the whole setting in single quotes: --set 'service.web.queue={ limit = 10 }'"),
            );
            None
        }
        Err(_) => Some(Spanned::new(start..start + text.len(), DeValue::String(text.into()))),
    }
}

/// Whether a name stands somewhere in a value, as a key or as a text.
pub(super) fn names(node: &Node<'_>, name: &str) -> bool {
    match node.get_ref() {
        DeValue::Table(table) => table.iter().any(|(key, value)| key.get_ref() == name || names(value, name)),
        DeValue::Array(items) => items.iter().any(|item| names(item, name)),
        DeValue::String(text) => text == name,
        _ => false,
    }
}

/// The name in a `like`, what it copies from, and where it stands.
type Like = (String, String, Place);

/// Puts what `like` copies in its place: keys that aren't written, from another object of the same kind. A `like` that
/// leads nowhere stays, and was complained about.
pub(super) fn like(root: &mut DeTable<'_>, diagnostics: &mut Diagnostics) {
    for (kind, objects) in root.iter_mut() {
        let kind = kind.get_ref().as_ref();
        let DeValue::Table(objects) = objects.get_mut() else { continue };
        let one = super::language::FILE.at(kind).and_then(|kind| kind.at(""));
        if one.and_then(|one| one.at("like")).is_none() {
            continue;
        }
        let known: Vec<String> = objects.keys().map(|k| k.get_ref().to_string()).collect();
        let mut open: Vec<Like> = Vec::new();
        for (name, object) in objects.iter_mut() {
            let DeValue::Table(table) = object.get_mut() else { continue };
            let Some((key, node)) = table.remove_entry("like") else { continue };
            let (name, place) = (name.get_ref().to_string(), node.span());
            let DeValue::String(from) = node.get_ref() else {
                let found = super::reader::found(node.get_ref());
                diagnostics.push(Diagnostic::error(place, format!("expected a name in quotes, found {found}")));
                table.insert(key, node);
                continue;
            };
            if known.contains(&from.to_string()) && *from != name {
                open.push((name, from.to_string(), place));
                continue;
            }
            let message = if *from == name {
                format!("`{name}` can't be like itself")
            } else {
                format!("no {kind} is called `{from}`")
            };
            let others = known.iter().map(String::as_str).filter(|k| *k != name);
            diagnostics.push(Diagnostic::error(place, message).nearest(from, "there are", others));
            // It stays: what should have come from there isn't told as missing.
            table.insert(key, node);
        }
        // Whoever copies from nobody who still copies goes first, then who copies from him.
        let copies: BTreeSet<String> = open.iter().map(|(name, ..)| name.clone()).collect();
        let (mut waiting, mut ready) = (BTreeMap::<String, Vec<Like>>::new(), Vec::new());
        for like in open {
            match copies.contains(&like.1) {
                true => waiting.entry(like.1.clone()).or_default().push(like),
                false => ready.push(like),
            }
        }
        while let Some((name, from, _)) = ready.pop() {
            ready.extend(waiting.remove(&name).unwrap_or_default());
            let origin = objects.get(from.as_str()).and_then(|o| o.get_ref().as_table()).cloned();
            let Some(DeValue::Table(copy)) = objects.get_mut(name.as_str()).map(Spanned::get_mut) else { continue };
            for (key, value) in origin.into_iter().flatten() {
                if !copy.contains_key(key.get_ref().as_ref()) {
                    copy.insert(key, value);
                }
            }
        }
        let mut circle: Vec<&Like> = waiting.values().flatten().collect();
        circle.sort_by_key(|(.., place)| place.start);
        if let Some((name, from, place)) = circle.first() {
            diagnostics.push(Diagnostic::error(place.clone(), format!("`{name}` is like `{from}`, which is like it")));
        }
    }
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
    if let Some(diagnostic) = no_table(&parts, &value) {
        diagnostics.push(diagnostic);
        return;
    }
    if let [kind, name] = parts.as_slice()
        && !["edge", "link"].contains(&kind.as_str())
        && matches!(super::language::FILE.at(kind), Some(Value::Names(_)))
        && let known = root.get(kind.as_str()).and_then(|node| node.get_ref().as_table())
        && !known.is_some_and(|known| known.contains_key(name.as_str()))
    {
        let known: Vec<String> = known.into_iter().flat_map(|t| t.keys().map(|k| k.get_ref().to_string())).collect();
        let missing = Diagnostic::error(place, format!("there is no `{path}` to set"));
        diagnostics.push(match known.is_empty() {
            true => missing.help(format!("what is set is there: begin with `[{path}]` in the file")),
            false => missing.nearest(name, "names here", known.iter().map(String::as_str)),
        });
        return;
    }
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
        match next.get_mut() {
            DeValue::Table(table) => here = table,
            _ => {
                diagnostics.push(
                    Diagnostic::error(place, format!("`{}` is no table", parts[..=depth].join(".")))
                        .help("set the whole value instead"),
                );
                return;
            }
        }
    }
    here.remove(parts[last].as_str());
    here.insert(Spanned::new(place, parts[last].clone().into()), value);
}

/// What is wrong if a value that is no table is put where only a table can stand: nothing below it could be read.
fn no_table(parts: &[String], value: &Node<'_>) -> Option<Diagnostic> {
    let mut shape = super::language::FILE;
    for part in parts {
        shape = shape.table()?.at(part)?;
    }
    let off = super::reader::is_none(value);
    let (keys, off) = match shape {
        Value::OrNone(Value::Table(keys)) => (Some(*keys), off),
        Value::Table(keys) => (Some(keys), false),
        Value::OrNone(Value::Names(_)) => (None, off),
        Value::Names(_) => (None, false),
        _ => return None,
    };
    if value.get_ref().is_table() || off {
        return None;
    }
    let (path, found) = (parts.join("."), super::reader::found(value.get_ref()));
    let key = keys.and_then(|keys| keys.iter().find(|key| key.need != Need::Later)).map_or("NAME", |key| key.name);
    Some(
        Diagnostic::error(value.span(), format!("`{path}` is a table; {found} can't stand in its place"))
            .help(format!("set one of its keys, such as `{path}.{key}`, or write `{{ {key} = … }}`")),
    )
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

/// A path into a table that was written without quotes: `service.api.workers`.
pub(super) fn example(first: &str, value: &Node<'_>) -> String {
    let mut path = first.to_owned();
    let mut here = value.get_ref();
    while let Some((key, next)) = here.as_table().and_then(|t| t.iter().next()) {
        path = format!("{path}.{}", key.get_ref());
        here = next.get_ref();
    }
    path
}

/// The path that was probably meant by one at which there is nothing.
pub(super) fn near(root: &DeTable<'_>, path: &str) -> Option<String> {
    let parts = segments(path)?;
    let mut here = root;
    for (depth, part) in parts.iter().enumerate() {
        match here.get(part.as_str()).map(|node| node.get_ref()) {
            Some(DeValue::Table(table)) => here = table,
            Some(_) => return None,
            None => {
                let names: Vec<&str> = here.keys().map(|k| k.get_ref().as_ref()).collect();
                let meant = crate::spec::nearest(part, names)?;
                let mut parts = parts.clone();
                parts[depth] = meant.to_owned();
                return Some(parts.join("."));
            }
        }
    }
    None
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
