//! Reads the tables of a scenario: each key once, each value by its own grammar, everything wrong collected.

use std::cell::RefCell;

use toml::de::{DeTable, DeValue};

use super::tree::Node;
use crate::spec::{Diagnostic, Diagnostics, FromText, Place};

/// Where everything wrong goes. Shared, so that readers of nested tables can use it at once.
pub(super) type Log = RefCell<Diagnostics>;

/// One table being read.
pub(super) struct Fields<'a, 't> {
    table: &'a DeTable<'t>,
    /// Where its header or its braces stand.
    pub(super) place: Place,
    log: &'a Log,
    known: RefCell<Vec<&'static str>>,
}

impl<'a, 't> Fields<'a, 't> {
    pub(super) fn new(table: &'a DeTable<'t>, place: Place, log: &'a Log) -> Fields<'a, 't> {
        Fields { table, place, log, known: RefCell::new(Vec::new()) }
    }

    /// The table itself.
    pub(super) fn tree(&self) -> &'a DeTable<'t> {
        self.table
    }

    pub(super) fn error(&self, diagnostic: Diagnostic) {
        self.log.borrow_mut().push(diagnostic);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The raw value of a key.
    pub(super) fn node(&self, key: &'static str) -> Option<&'a Node<'t>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// A value by its grammar, with its place.
    pub(super) fn at<T: FromText>(&self, key: &'static str) -> Option<(T, Place)> {
        let node = self.node(key)?;
        let value = parse::<T>(node, self.log)?;
        Some((value, node.span()))
    }

    /// A value by its grammar.
    pub(super) fn get<T: FromText>(&self, key: &'static str) -> Option<T> {
        self.at(key).map(|(value, _)| value)
    }

    /// A value that may be switched off with `none`: `Some(None)` if it is.
    pub(super) fn or_none<T: FromText>(&self, key: &'static str) -> Option<Option<T>> {
        let node = self.node(key)?;
        if is_none(node) {
            return Some(None);
        }
        Some(parse::<T>(node, self.log))
    }

    /// One of these words.
    pub(super) fn word(&self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let node = self.node(key)?;
        let text = self.text_of(node)?;
        if let Some(word) = words.iter().find(|w| **w == text) {
            return Some(word);
        }
        self.error(Diagnostic::error(inside(node), format!("`{text}` is not a {key}")).nearest(
            &text,
            "expected one of",
            words.iter().copied(),
        ));
        None
    }

    /// A plain text.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.text_of(self.node(key)?)
    }

    pub(super) fn text_of(&self, node: &Node<'t>) -> Option<String> {
        if let DeValue::String(text) = node.get_ref() {
            return Some(text.to_string());
        }
        self.error(Diagnostic::error(node.span(), format!("expected a text, found {}", kind(node.get_ref()))));
        None
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let DeValue::Boolean(flag) = node.get_ref() {
            return Some(*flag);
        }
        self.error(
            Diagnostic::error(node.span(), format!("expected true or false, found {}", kind(node.get_ref())))
                .help(format!("write `{key} = true`, without quotes")),
        );
        None
    }

    /// Texts: one, or a list.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<(String, Place)>> {
        let node = self.node(key)?;
        let one = |node: &Node<'t>| self.text_of(node).map(|text| (text, inside(node)));
        Some(match node.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(one).collect(),
            _ => one(node).into_iter().collect(),
        })
    }

    /// A nested table; `Some(None)` if it is switched off.
    pub(super) fn table(&self, key: &'static str) -> Option<Option<Fields<'a, 't>>> {
        let node = self.node(key)?;
        if is_none(node) {
            return Some(None);
        }
        self.table_of(node).map(Some)
    }

    pub(super) fn table_of(&self, node: &'a Node<'t>) -> Option<Fields<'a, 't>> {
        if let DeValue::Table(table) = node.get_ref() {
            return Some(Fields::new(table, node.span(), self.log));
        }
        self.error(
            Diagnostic::error(node.span(), format!("expected a table, found {}", kind(node.get_ref())))
                .help("write `{ key = value }`, or \"none\" to switch it off"),
        );
        None
    }

    /// Every entry, with the place of its name.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, Place, &'a Node<'t>)> + use<'a, 't> {
        self.table.iter().map(|(k, v)| (k.get_ref().to_string(), k.span(), v))
    }

    /// Says so if a key that must be there isn't.
    pub(super) fn require(&self, key: &'static str, example: &str) {
        if !self.has(key) {
            self.error(
                Diagnostic::error(self.place.clone(), format!("`{key}` is missing"))
                    .help(format!("such as `{key} = {example}`")),
            );
        }
    }

    /// Says so of keys that are of the language but not played.
    pub(super) fn later(&self, keys: &[&'static str]) {
        for key in keys {
            if let Some((_, place, _)) = self.entries().find(|(name, ..)| name == key) {
                self.node(key);
                let message = format!("`{key}` is a key of the language that this version does not play yet");
                self.error(Diagnostic::error(place, message));
            }
        }
    }

    /// Every key that nobody asked for is unknown.
    pub(super) fn done(self) {
        self.done_also(&[]);
    }

    /// The same, for tables that know further keys.
    pub(super) fn done_also(self, also: &[&'static str]) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if known.contains(&name) || also.contains(&name) {
                continue;
            }
            let mut all: Vec<&str> = known.iter().copied().chain(also.iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            let mut diagnostic =
                Diagnostic::error(key.span(), format!("unknown key `{name}`")).nearest(name, "keys here", all);
            if let Some(word) = elsewhere(name) {
                diagnostic = diagnostic.help(word);
            }
            self.error(diagnostic);
        }
    }
}

/// Words from elsewhere, and the word from here.
fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "instances" | "count_of_instances" | "nodes" => "here it is `replicas`",
        "latency" => "of a link it is `rtt` (both ways) or `delay` (one way); of a component `service_time`",
        "retries" => "write `retry = { attempts = 4 }`: the first attempt counts, so 3 retries are 4 attempts",
        "qps" | "rps" | "throughput" => "here it is `rate`, such as `rate = \"700/s\"`",
        "threads" | "concurrency_limit" => "here they are `workers`",
        "seed" => "seeds are a range: `seeds = \"1..=1\"`; one seed is chosen with --seed",
        _ => return None,
    })
}

/// Reads one value by its grammar.
pub(super) fn parse<T: FromText>(node: &Node<'_>, log: &Log) -> Option<T> {
    let start = node.span().start;
    let result = match node.get_ref() {
        DeValue::String(text) => T::from_text(text).map_err(|e| (start + 1, e)),
        DeValue::Integer(i) => T::from_number(i.as_str()).map_err(|e| (start, e)),
        DeValue::Float(f) => T::from_number(f.as_str()).map_err(|e| (start, e)),
        other => {
            let message = format!("expected {}, found {}", T::WHAT, kind(other));
            log.borrow_mut().push(Diagnostic::error(node.span(), message));
            return None;
        }
    };
    match result {
        Ok(value) => Some(value),
        Err((start, error)) => {
            log.borrow_mut().push(Diagnostic::in_text(start, error));
            None
        }
    }
}

/// The text of a quoted value, without its quotes.
pub(super) fn inside(node: &Node<'_>) -> Place {
    let span = node.span();
    if matches!(node.get_ref(), DeValue::String(_)) && span.end >= span.start + 2 {
        span.start + 1..span.end - 1
    } else {
        span
    }
}

pub(super) fn is_none(node: &Node<'_>) -> bool {
    matches!(node.get_ref(), DeValue::String(text) if text == "none")
}

pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
