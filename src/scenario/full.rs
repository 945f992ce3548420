//! A scenario in full: what the file writes, with `like`, `preset`, the variant and every `--set` in place, and for every
//! key that nobody wrote what is there instead, with its source.
//!
//! It is TOML again, and plays the same run. As comments stand what is off (so that a path can still switch it on), what
//! depends on other keys or has no word in the language, and objects that are there without being in the file. An object is
//! `like` no other any more: what a variant sets of the one, it doesn't set of the other.

use toml::{Table, Value as Toml};

use super::language;
use super::plan::Plan;
use super::shape::{Absent, Key, Need, Origin, Value};

#[cfg(test)]
mod tests;

/// Comments begin here, unless what they are about is longer.
const COMMENTS_AT: usize = 44;

/// The scenario of a plan, in full.
pub fn text(plan: &Plan) -> String {
    let of = if plan.variant == plan.base { String::new() } else { format!(", variant {}", plan.variant) };
    let (kinds, head): (Vec<Key>, Vec<Key>) = language::FILE_KEYS.iter().partition(|key| key.value.table().is_some());
    let mut text = format!(
        "# {}{of}, in full.\n#\n\
         # What has no comment is written in the file. On a line of its own stands what is off, and what is there by default\n\
         # but depends on other keys, or has no word in the language.\n\n{}",
        plan.name,
        rendered(&lines(&head, &plan.tree, ""))
    );
    for key in &kinds {
        text += &kind(plan, key);
        text += &match key.name {
            "region" if !plan.tree.contains_key("region") => {
                implied("region.local", language::REGION_KEYS, "without a region there is one")
            }
            "edge" => edges(plan),
            _ => String::new(),
        };
    }
    text
}

/// What is there at a path that the file doesn't write, if it belongs to an object that is there; `written` says which
/// paths are in the file.
pub(crate) fn default_at(at: &str, written: impl Fn(&str) -> bool) -> Option<Toml> {
    let (mut shape, mut so_far) = (language::FILE, String::new());
    let mut names = at.split('.').peekable();
    while let Some(name) = names.next() {
        so_far = path(&so_far, name);
        let (next, there) = match shape.table()? {
            Value::Names(one) => (*one, written(&so_far)),
            Value::Table(keys) => {
                let key = keys.iter().find(|key| key.name == name && key.need != Need::Later)?;
                if names.peek().is_none() {
                    let always = key.beside.is_empty() && key.instead_of.is_empty();
                    return key.default_value().filter(|_| always);
                }
                (key.value, written(&so_far) || matches!(key.absent, Absent::Table))
            }
            _ => return None,
        };
        shape = next;
        if !there {
            return None;
        }
    }
    None
}

/// Every object of a kind.
fn kind(plan: &Plan, key: &Key) -> String {
    let table = plan.tree.get(key.name).and_then(Toml::as_table);
    match (key.value.table(), table, key.absent) {
        (Some(Value::Table(keys)), Some(table), _) => object(key.name, keys, table),
        (Some(Value::Table(keys)), None, Absent::Table) => object(key.name, keys, &Table::new()),
        (Some(Value::Names(one)), Some(table), _) => {
            // Designs are shown in the order of the file, which a table doesn't keep.
            let designs = plan.variants.iter().filter_map(|(name, _)| table.get_key_value(name));
            let named: Vec<_> = if key.name == "variant" { designs.collect() } else { table.iter().collect() };
            named.into_iter().map(|(name, each)| objects(&path(key.name, name), *one, each)).collect()
        }
        _ => String::new(),
    }
}

/// Every object below a name, each with its header.
fn objects(header: &str, shape: Value, written: &Toml) -> String {
    let Some(table) = written.as_table() else { return String::new() };
    match shape {
        Value::Table(keys) => object(header, keys, table),
        Value::Names(one) => table.iter().map(|(name, each)| objects(&path(header, name), *one, each)).collect(),
        _ => String::new(),
    }
}

fn object(header: &str, keys: &[Key], table: &Table) -> String {
    format!("\n[{header}]\n{}", rendered(&lines(keys, table, "")))
}

/// An object that is there without being written, as a comment.
fn implied(header: &str, keys: &[Key], why: &str) -> String {
    let text = rendered(&lines(keys, &Table::new(), ""));
    let lines =
        text.lines().map(|line| if line.starts_with('#') { format!("{line}\n") } else { format!("# {line}\n") });
    format!("\n# [{header}]  # not in the file: {why}\n{}", lines.collect::<String>())
}

/// The edges that follow from flows and targets and have no table of their own. Clients have theirs in their own.
fn edges(plan: &Plan) -> String {
    let mut text = String::new();
    for edge in &plan.edges {
        let Some((from, to)) = edge.name.split_once(" -> ") else { continue };
        let written = |to: &str| plan.tree.get("edge").and_then(|edges| edges.get(from)?.get(to)).is_some();
        if from.ends_with(" checks") || plan.clients.iter().any(|(c, _)| c.name == from) || to.split(", ").any(written)
        {
            continue;
        }
        let to = to.split(", ").next().unwrap_or(to);
        let header = path(&path("edge", from), to);
        text += &implied(&header, language::EDGE_KEYS, "it follows from flows and targets");
    }
    text
}

/// A line of an object: what it sets, if anything, and what is said of that.
struct Line {
    set: String,
    said: String,
}

/// What stands at these keys of a table, or is there without them, in the order of their declaration.
fn lines(keys: &[Key], table: &Table, prefix: &str) -> Vec<Line> {
    let mut all = Vec::new();
    for key in keys.iter().filter(|key| key.need != Need::Later) {
        let at = path(prefix, key.name);
        let any = |names: &[&str]| names.iter().any(|name| table.contains_key(*name));
        match table.get(key.name) {
            Some(value) => all.extend(written(&at, key.value, value)),
            None if !key.beside.is_empty() && !any(key.beside) || any(key.instead_of) => {}
            None => all.extend(absent(&at, key)),
        }
    }
    all
}

/// What is there in place of a key.
fn absent(at: &str, key: &Key) -> Vec<Line> {
    let comment = |said: String| vec![Line { set: String::new(), said }];
    match key.absent {
        Absent::Nothing => Vec::new(),
        Absent::Off => comment(format!("{at}: none by default")),
        Absent::Words(words) => comment(format!("{at}: by default {words}")),
        Absent::Table => match key.value.table() {
            Some(Value::Table(keys)) => lines(keys, &Table::new(), at),
            _ => Vec::new(),
        },
        Absent::Value(_, origin) => {
            let said = match origin {
                Origin::Plain => "default".to_owned(),
                Origin::Illustrative => "default, illustrative".to_owned(),
                Origin::Published(source) => format!("default [{source}]"),
            };
            key.default_value().map(|value| Line { set: format!("{at} = {value}"), said }).into_iter().collect()
        }
    }
}

/// What was written at a key, with what is there in place of keys below it.
fn written(at: &str, shape: Value, value: &Toml) -> Vec<Line> {
    let mut below = match (shape.table(), value) {
        (Some(Value::Table(keys)), Toml::Table(table)) => lines(keys, table, at),
        (Some(Value::Names(one)), Toml::Table(table)) => {
            table.iter().flat_map(|(name, value)| written(&path(at, name), *one, value)).collect()
        }
        (Some(Value::Table(keys)), Toml::Array(items)) if !items.is_empty() => return list(at, keys, items),
        _ => return vec![Line { set: format!("{at} = {value}"), said: String::new() }],
    };
    if below.iter().all(|line| line.set.is_empty()) {
        below.insert(0, Line { set: format!("{at} = {{}}"), said: String::new() });
    }
    below
}

/// A list of tables, one a line.
fn list(at: &str, keys: &[Key], items: &[Toml]) -> Vec<Line> {
    let bare = |set: String| Line { set, said: String::new() };
    let mut all = vec![bare(format!("{at} = ["))];
    for table in items.iter().filter_map(Toml::as_table) {
        let (mut sets, mut said) = (Vec::new(), Vec::new());
        for line in lines(keys, table, "") {
            let name = line.set.split(" = ").next().unwrap_or("");
            match (line.set.is_empty(), line.said.is_empty()) {
                (true, _) => said.push(line.said),
                (false, false) => said.push(format!("{name}: {}", line.said)),
                (false, true) => {}
            }
            sets.extend(Some(line.set).filter(|set| !set.is_empty()));
        }
        all.push(Line { set: format!("    {{ {} }},", sets.join(", ")), said: said.join("; ") });
    }
    all.push(bare("]".to_owned()));
    all
}

/// The lines of an object, comments below one another.
fn rendered(lines: &[Line]) -> String {
    let mut text = String::new();
    for Line { set, said } in lines {
        match (set.is_empty(), said.is_empty()) {
            (true, _) => text += &format!("# {said}\n"),
            (false, true) => text += &format!("{set}\n"),
            (false, false) => text += &format!("{set:<COMMENTS_AT$} # {said}\n"),
        }
    }
    text
}

/// A name below a path, in quotes where TOML wants them.
fn path(prefix: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let name = if bare { name.to_owned() } else { Toml::from(name).to_string() };
    if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
}
