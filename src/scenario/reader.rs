//! Reads the tables of a scenario: each key once, each value by its own grammar, everything wrong collected.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::shape::{Need, Value};
use super::tree::Node;
use crate::engine::Span;
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Diagnostics, FromText, Place, TextError};

/// Where everything wrong goes. Shared, so that readers of nested tables can use it at once.
#[derive(Debug, Default)]
pub(super) struct Log {
    list: RefCell<Diagnostics>,
    /// Names of objects that are there but broken: who refers to them need not be told once more.
    spoiled: RefCell<BTreeSet<String>>,
    /// What was read otherwise than it is declared. Our mistake, not the user's: a test holds it to nothing.
    undeclared: RefCell<BTreeSet<String>>,
}

impl Log {
    pub(super) fn new(diagnostics: Diagnostics) -> Log {
        Log { list: RefCell::new(diagnostics), ..Log::default() }
    }

    pub(super) fn borrow(&self) -> Ref<'_, Diagnostics> {
        self.list.borrow()
    }

    pub(super) fn borrow_mut(&self) -> RefMut<'_, Diagnostics> {
        self.list.borrow_mut()
    }

    pub(super) fn into_inner(self) -> Diagnostics {
        self.list.into_inner()
    }

    pub(super) fn spoil(&self, name: &str) {
        self.spoiled.borrow_mut().insert(name.to_owned());
    }

    pub(super) fn is_spoiled(&self, name: &str) -> bool {
        self.spoiled.borrow().contains(name)
    }

    #[cfg(test)]
    pub(super) fn undeclared(&self) -> BTreeSet<String> {
        self.undeclared.borrow().clone()
    }
}

/// One table being read.
pub(super) struct Fields<'a, 't> {
    table: &'a DeTable<'t>,
    /// Where its header or its braces stand.
    pub(super) place: Place,
    log: &'a Log,
    /// What is declared of it; `None` if nothing is, and then its keys are those that are asked for.
    shape: Option<Value>,
    asked: RefCell<Vec<&'static str>>,
    /// Keys that were complained about already.
    settled: RefCell<Vec<String>>,
    /// Errors that there were before it was read.
    errors: usize,
    /// Whether its unknown keys were told.
    finished: Cell<bool>,
}

/// A table that is left half read still says which of its keys nobody knows: one of them may be why.
impl Drop for Fields<'_, '_> {
    fn drop(&mut self) {
        if matches!(self.shape, Some(Value::Table(_))) {
            self.finish(false);
        }
    }
}

impl<'a, 't> Fields<'a, 't> {
    /// The whole file.
    pub(super) fn root(table: &'a DeTable<'t>, log: &'a Log) -> Fields<'a, 't> {
        Fields::new(table, 0..0, log, Some(super::language::FILE))
    }

    fn new(table: &'a DeTable<'t>, place: Place, log: &'a Log, shape: Option<Value>) -> Fields<'a, 't> {
        let errors = log.borrow().errors();
        let (asked, settled, finished) = (RefCell::default(), RefCell::default(), Cell::new(false));
        Fields { table, place, log, shape, asked, settled, errors, finished }
    }

    /// Notes a key that is read otherwise than it is declared.
    fn declared(&self, key: &str, read: &str, fits: impl Fn(Value) -> bool) {
        let Some(shape) = self.shape else { return };
        if !shape.at(key).is_some_and(fits) {
            self.log.undeclared.borrow_mut().insert(format!("`{key}` is read as {read}"));
        }
    }

    /// The table itself.
    pub(super) fn tree(&self) -> &'a DeTable<'t> {
        self.table
    }

    pub(super) fn error(&self, diagnostic: Diagnostic) {
        self.log.borrow_mut().push(diagnostic);
    }

    /// Whether the language, in this version or a later one, has this key here.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.shape.is_some_and(|shape| shape.at(key).is_some())
    }

    /// What is wrong with this key was said.
    pub(super) fn said(&self, key: &str) {
        self.settled.borrow_mut().push(key.to_owned());
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The raw value of a key.
    pub(super) fn node(&self, key: &'static str) -> Option<&'a Node<'t>> {
        self.asked.borrow_mut().push(key);
        if let Some(Value::Table(keys)) = self.shape
            && !keys.iter().any(|k| k.name == key && k.need != Need::Later)
        {
            self.log.undeclared.borrow_mut().insert(format!("`{key}` is read at all"));
        }
        self.table.get(key)
    }

    /// A value by its grammar, with its place.
    pub(super) fn at<T: FromText>(&self, key: &'static str) -> Option<(T, Place)> {
        self.declared(key, T::WHAT, |value| value.is_read_as(T::WHAT));
        let node = self.node(key)?;
        let value = parse::<T>(node, self.log)?;
        Some((value, node.span()))
    }

    /// A value by its grammar.
    pub(super) fn get<T: FromText>(&self, key: &'static str) -> Option<T> {
        self.at(key).map(|(value, _)| value)
    }

    /// A count from 1 to `most`.
    pub(super) fn count_up_to(&self, key: &'static str, most: u32) -> Option<u32> {
        let (Count(count), place) = self.at::<Count>(key)?;
        match u32::try_from(count) {
            Ok(count) if (1..=most).contains(&count) => Some(count),
            _ => {
                self.error(Diagnostic::error(place, format!("`{key}` is a number from 1 to {most}")));
                None
            }
        }
    }

    /// A duration that isn't none; `otherwise` says what one of 0s would mean.
    pub(super) fn above_zero(&self, key: &'static str, otherwise: &str) -> Option<Span> {
        let (span, place) = self.at::<Span>(key)?;
        if span.is_zero() {
            self.error(Diagnostic::error(place, otherwise.to_owned()));
            return None;
        }
        Some(span)
    }

    /// A value that may be switched off with `none`: `Some(None)` if it is.
    pub(super) fn or_none<T: FromText>(&self, key: &'static str) -> Option<Option<T>> {
        self.declared(key, T::WHAT, |value| matches!(value, Value::OrNone(_)) && value.is_read_as(T::WHAT));
        let node = self.node(key)?;
        if is_none(node) {
            return Some(None);
        }
        Some(parse::<T>(node, self.log))
    }

    /// One of these words.
    pub(super) fn word(&self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        self.declared(key, "a word", |value| value.is_word_of(words));
        let node = self.node(key)?;
        let text = self.text_of(node)?;
        if let Some(word) = words.iter().find(|w| **w == text) {
            return Some(word);
        }
        self.error(Diagnostic::error(inside(node), format!("`{text}` is no value of `{key}`")).nearest(
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
        let found = found(node.get_ref());
        self.error(Diagnostic::error(node.span(), format!("expected a text in quotes, found {found}")));
        None
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        self.declared(key, "a flag", |value| matches!(value, Value::Flag));
        let node = self.node(key)?;
        if let DeValue::Boolean(flag) = node.get_ref() {
            return Some(*flag);
        }
        self.error(
            Diagnostic::error(node.span(), format!("expected true or false, found {}", found(node.get_ref())))
                .help(format!("write `{key} = true`, without quotes")),
        );
        None
    }

    /// Texts: one, or a list.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<(String, Place)>> {
        self.declared(key, "texts", |value| matches!(value, Value::Texts));
        let node = self.node(key)?;
        let one = |node: &Node<'t>| self.text_of(node).map(|text| (text, inside(node)));
        Some(match node.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(one).collect(),
            _ => one(node).into_iter().collect(),
        })
    }

    /// Names: one, or a list in which each stands once.
    pub(super) fn names(&self, key: &'static str) -> Option<Vec<(String, Place)>> {
        let all = self.texts(key)?;
        self.once(&all);
        Some(all)
    }

    /// Says so of every name that stands in a list before.
    pub(super) fn once(&self, all: &[(String, Place)]) {
        for (i, (name, place)) in all.iter().enumerate() {
            if all[..i].iter().any(|(before, _)| before == name) {
                self.error(
                    Diagnostic::error(place.clone(), format!("`{name}` is named twice")).label("once is enough"),
                );
            }
        }
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
        let (key, shape) = self.where_it_stands(node);
        if let DeValue::Table(table) = node.get_ref() {
            return Some(Fields::new(table, node.span(), self.log, shape.and_then(Value::table)));
        }
        let what = found(node.get_ref());
        let diagnostic = match (shape.and_then(Value::table), key) {
            // `[[service.api]]`.
            (Some(Value::Table(_)), Some((name, place)))
                if matches!(self.shape, Some(Value::Names(_))) && node.get_ref().is_array() =>
            {
                self.log.spoil(&name);
                Diagnostic::error(place, format!("`{name}` is a list; there is one of each name"))
                    .help("write the header in single brackets: `[service.api]`")
            }
            // `[service]` with keys below it, instead of `[service.api]`.
            (Some(Value::Table(_)), Some((name, place))) if matches!(self.shape, Some(Value::Names(_))) => {
                self.log.spoil(&name);
                Diagnostic::error(place, format!("`{name}` stands where a name and its table belong"))
                    .help("everything has a name of its own, in its header: `[service.api]`, `[edge.web.db]`")
            }
            (Some(Value::Names(_)), Some((name, place))) if matches!(self.shape, Some(Value::Table(_))) => {
                Diagnostic::error(node.span(), format!("expected a table, found {what}"))
                    .help(format!("write `[{name}.NAME]` on a line of its own, or `{name} = {{ NAME = … }}`"))
                    .place(place)
            }
            (Some(Value::Table(keys)), _) if keys.iter().any(|k| k.need == Need::OneOf) => {
                let first = keys.iter().find(|k| k.need == Need::OneOf).map_or("call", |k| k.name);
                Diagnostic::error(node.span(), format!("expected a table, found {what}"))
                    .help(format!("write `{{ {first} = \"…\" }}`"))
            }
            (Some(Value::Table(keys)), _) => {
                let names: Vec<&str> = keys.iter().filter(|k| k.need != Need::Later).map(|k| k.name).collect();
                Diagnostic::error(node.span(), format!("expected a table, found {what}")).help(format!(
                    "write `{{ {} = … }}`; its keys: {}",
                    names[0],
                    names.join(", ")
                ))
            }
            _ => Diagnostic::error(node.span(), format!("expected a table, found {what}"))
                .help("write `{ key = value }`"),
        };
        self.error(diagnostic);
        None
    }

    /// The key that a node stands at, and what is declared of the node: it is a value of this table, or in a list that
    /// is one.
    fn where_it_stands(&self, node: &Node<'t>) -> (Option<(String, Place)>, Option<Value>) {
        for (key, value) in self.table {
            let within = value.get_ref().as_array().is_some_and(|items| items.iter().any(|i| std::ptr::eq(i, node)));
            if within || std::ptr::eq(value, node) {
                let shape = self.shape.and_then(|shape| shape.at(key.get_ref()));
                return (Some((key.get_ref().to_string(), key.span())), shape);
            }
        }
        (None, None)
    }

    /// Every entry, with the place of its name.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, Place, &'a Node<'t>)> + use<'a, 't> {
        self.table.iter().map(|(k, v)| (k.get_ref().to_string(), k.span(), v))
    }

    /// Whether a key that isn't there is accounted for by what is said anyway: it is there but misspelt, or would have
    /// come from a `like` that leads nowhere.
    pub(super) fn excused(&self, key: &str) -> bool {
        let Some(Value::Table(keys)) = self.shape else { return false };
        let known = || keys.iter().filter(|k| k.need != Need::Later).map(|k| k.name);
        let meant = |name: &str| !self.knows(name) && crate::spec::nearest(name, known()) == Some(key);
        self.has("like") || self.entries().any(|(name, ..)| meant(&name))
    }

    /// Says so if a key that must be there isn't.
    pub(super) fn require(&self, key: &'static str, example: &str) {
        if !self.has(key) && !self.excused(key) {
            self.error(
                Diagnostic::error(self.place.clone(), format!("`{key}` is missing"))
                    .help(format!("such as `{key} = {example}`")),
            );
        }
    }

    /// Says so of every key that isn't one, and of every one that was of no use here.
    pub(super) fn done(self) {
        self.finish(true);
    }

    /// Of a table that is given up: keys that weren't asked for are passed over.
    pub(super) fn give_up(self) {
        self.finish(false);
    }

    fn finish(&self, complete: bool) {
        if self.finished.replace(true) {
            return;
        }
        // Beside something wrong, keys may have been passed over.
        let complete = complete && self.log.borrow().errors() == self.errors;
        let asked = self.asked.borrow();
        let declared = match self.shape {
            Some(Value::Table(keys)) => keys,
            _ => &[],
        };
        for (key, value) in self.table {
            let name: &str = key.get_ref();
            // A `like` that is still there was complained about.
            let like = name == "like" && declared.iter().any(|k| k.name == name);
            if like || asked.contains(&name) || self.settled.borrow().iter().any(|s| s == name) {
                continue;
            }
            let diagnostic = match declared.iter().find(|k| k.name == name) {
                Some(k) if k.need == Need::Later => {
                    Diagnostic::error(key.span(), format!("`{name}` belongs to a later version of the language"))
                        .label("not in this version")
                }
                // Without a declaration only what was asked for is known.
                Some(_) if !complete => continue,
                None if !complete && self.shape.is_none() => continue,
                Some(_) => {
                    // What stands beside an action depends on it.
                    let action = declared.iter().find(|k| k.need == Need::OneOf && self.table.contains_key(k.name));
                    let to = action.map_or("here".to_owned(), |k| format!("for `{}`", k.name));
                    Diagnostic::error(key.span(), format!("`{name}` has no meaning {to}")).label("of no use")
                }
                None => {
                    let mut all: Vec<&str> =
                        declared.iter().filter(|k| k.need != Need::Later).map(|k| k.name).collect();
                    all.extend(asked.iter().filter(|k| !declared.iter().any(|d| d.name == **k)));
                    // At the top, most keys are kinds.
                    let kind = self.place == (0..0) && value.get_ref().is_table();
                    if kind {
                        all = declared.iter().filter(|k| k.value.table().is_some()).map(|k| k.name).collect();
                    }
                    let (what, plural) = if kind { ("kind", "kinds") } else { ("key", "keys here") };
                    let unknown = Diagnostic::error(key.span(), format!("unknown {what} `{name}`"));
                    let later = declared.iter().filter(|k| k.need == Need::Later).map(|k| k.name);
                    match elsewhere(name) {
                        Some(word) => unknown.help(word),
                        None => match crate::spec::nearest(name, all.iter().copied().chain(later.clone())) {
                            Some(near) if later.into_iter().any(|l| l == near) => {
                                unknown.help(format!("`{near}` belongs to a later version of the language"))
                            }
                            _ => unknown.nearest(name, plural, all),
                        },
                    }
                }
            };
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
    let result = match node.get_ref() {
        DeValue::String(text) => T::from_text(text),
        DeValue::Integer(i) => T::from_number(i.as_str()),
        DeValue::Float(f) => T::from_number(f.as_str()),
        other => {
            let message = format!("expected {}, found {}", T::WHAT, found(other));
            log.borrow_mut().push(Diagnostic::error(node.span(), message));
            return None;
        }
    };
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            log.borrow_mut().push(in_node(node, error));
            None
        }
    }
}

/// An error inside the text of a value.
pub(super) fn in_node(node: &Node<'_>, error: TextError) -> Diagnostic {
    let place = inside(node);
    let whole = match node.get_ref() {
        // Escapes move bytes about: mark the whole text.
        DeValue::String(text) => place.len() != text.len(),
        // Digits may be written with `_` between them.
        _ => true,
    };
    let error = if whole { TextError { at: 0..place.len(), ..error } } else { error };
    Diagnostic::in_text(place.start, error)
}

/// The text of a value, without its quotes.
pub(super) fn inside(node: &Node<'_>) -> Place {
    let span = node.span();
    let DeValue::String(text) = node.get_ref() else { return span };
    let quotes = match span.len().saturating_sub(text.len()) {
        // The value of a `--set`, which needs none.
        0 => (0, 0),
        6 => (3, 3),
        // A text in three quotes that begins on the next line.
        7 => (4, 3),
        8 if span.len() >= 8 => (5, 3),
        _ => (1, 1),
    };
    if span.len() < quotes.0 + quotes.1 { span } else { span.start + quotes.0..span.end - quotes.1 }
}

pub(super) fn is_none(node: &Node<'_>) -> bool {
    matches!(node.get_ref(), DeValue::String(text) if text == "none")
}

/// What was found instead, with what it says if that is short.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 && !text.contains(char::is_control) => {
            format!("the text `{text}`")
        }
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(yes) => format!("{yes}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
