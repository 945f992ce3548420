//! What may stand where, as data: the reader takes the keys of every table from here, and so does the JSON schema.
//! Leaves out what only the rest of a file can tell, such as whether a name is one.

use crate::spec::FromText;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number, without quotes.
    Whole,
    /// What a grammar reads.
    Read(Grammar),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose keys are names.
    Names(&'static Value),
    /// A value, or `"none"`.
    OrNone(&'static Value),
    /// Any of these.
    Either(&'static [Value]),
    /// One text, or a list of texts.
    Texts,
    /// A list.
    List(&'static Value),
    /// Whatever TOML can say: what it means depends on a path.
    Any,
}

/// What a text, or a bare number, is read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grammar {
    /// With its article: "a duration".
    pub(super) what: &'static str,
    pub(super) pattern: fn() -> Option<String>,
    pub(super) examples: fn() -> &'static [&'static str],
    pub(super) numbers: fn() -> bool,
}

/// The values that `T` reads.
pub(super) const fn read<T: FromText>() -> Value {
    Value::Read(Grammar { what: T::WHAT, pattern: T::pattern, examples: T::examples, numbers: T::numbers })
}

/// How a key relates to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Optional,
    Required,
    /// Exactly one of these keys is there.
    OneOf,
    /// Of the language, but not of this version.
    Later,
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) need: Need,
    /// One line, for editors.
    pub(super) doc: &'static str,
    /// What is there where it isn't written.
    pub(super) absent: Absent,
    /// It means something only beside one of these; empty: always.
    pub(super) beside: &'static [&'static str],
    /// It has no default beside any of these, which say the same otherwise.
    pub(super) instead_of: &'static [&'static str],
}

/// What is there where a key isn't written. The loader is held to it by tests (`scenario/full/tests.rs`).
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    /// Nothing that could be said: it must be written, is one of several ways, or is only told to people.
    Nothing,
    /// This value, and where it is from.
    Value(&'static str, Origin),
    /// Its table, with what is there in place of each of its keys.
    Table,
    /// Nothing happens: a feature is off.
    Off,
    /// What no value says: it depends on something else, or the language has no word for it.
    Words(&'static str),
}

/// Where a default is from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// The simplest: no time, no limit, no loss, one of it.
    Plain,
    /// A number that makes sense, and no more.
    Illustrative,
    /// What this documents.
    Published(&'static str),
}

/// A key that may be there.
pub(super) const fn key(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, need: Need::Optional, doc, absent: Absent::Nothing, beside: &[], instead_of: &[] }
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { need: Need::Required, ..key(name, value, doc) }
}

/// One of several keys, exactly one of which must be there.
pub(super) const fn action(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { need: Need::OneOf, ..key(name, value, doc) }
}

/// A key that this version only knows by name.
pub(super) const fn later(name: &'static str) -> Key {
    Key { need: Need::Later, ..key(name, Value::Any, "") }
}

impl Key {
    /// It has this value where it isn't written.
    pub(super) const fn default(self, value: &'static str) -> Key {
        Key { absent: Absent::Value(value, Origin::Plain), ..self }
    }

    /// The same, of a number that makes sense and no more.
    pub(super) const fn illustrative(self, value: &'static str) -> Key {
        Key { absent: Absent::Value(value, Origin::Illustrative), ..self }
    }

    /// The same, of what a source documents.
    pub(super) const fn published(self, value: &'static str, source: &'static str) -> Key {
        Key { absent: Absent::Value(value, Origin::Published(source)), ..self }
    }

    /// Its table is there even if it isn't written.
    pub(super) const fn table(self) -> Key {
        Key { absent: Absent::Table, ..self }
    }

    /// It is off where it isn't written.
    pub(super) const fn off(self) -> Key {
        Key { absent: Absent::Off, ..self }
    }

    /// What is there where it isn't written, if no value says it.
    pub(super) const fn words(self, words: &'static str) -> Key {
        Key { absent: Absent::Words(words), ..self }
    }

    /// It means something only beside one of these keys.
    pub(super) const fn beside(self, keys: &'static [&'static str]) -> Key {
        Key { beside: keys, ..self }
    }

    /// It has no default beside any of these keys.
    pub(super) const fn instead_of(self, keys: &'static [&'static str]) -> Key {
        Key { instead_of: keys, ..self }
    }

    /// The value that it has where it isn't written, as the language writes it.
    pub(super) fn default_value(&self) -> Option<toml::Value> {
        match self.absent {
            Absent::Value(text, _) if self.value.is_bare(text) => text.parse().ok(),
            Absent::Value(text, _) => Some(text.into()),
            Absent::Off if matches!(self.value, Value::OrNone(_)) => Some("none".into()),
            _ => None,
        }
    }
}

impl Value {
    /// The tables inside, without what else it may be.
    pub(super) fn table(self) -> Option<Value> {
        match self {
            Value::Table(_) | Value::Names(_) => Some(self),
            Value::OrNone(inner) | Value::List(inner) => inner.table(),
            Value::Either(all) => all.iter().find_map(|one| one.table()),
            _ => None,
        }
    }

    /// What the value of a key may be; `None` if this is no table, or knows no such key.
    pub(super) fn at(self, name: &str) -> Option<Value> {
        match self {
            Value::Table(keys) => keys.iter().find(|key| key.name == name).map(|key| key.value),
            Value::Names(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is read by a grammar of this name.
    pub(super) fn is_read_as(self, what: &str) -> bool {
        match self {
            Value::Read(grammar) => grammar.what == what,
            Value::Whole => what == "a count",
            Value::OrNone(inner) | Value::List(inner) => inner.is_read_as(what),
            Value::Either(all) => all.iter().any(|one| one.is_read_as(what)),
            _ => false,
        }
    }

    /// Whether this is written without quotes.
    fn is_bare(self, text: &str) -> bool {
        match self {
            Value::Flag | Value::Whole => true,
            Value::Texts | Value::List(_) => text.starts_with('['),
            Value::Read(grammar) => (grammar.numbers)() && text.parse::<f64>().is_ok(),
            Value::OrNone(inner) => text != "none" && inner.is_bare(text),
            Value::Either(all) => all.iter().any(|one| one.is_bare(text)),
            _ => false,
        }
    }

    /// Whether it is one of exactly these words.
    pub(super) fn is_word_of(self, words: &[&str]) -> bool {
        match self {
            Value::Words(known) => known == words,
            Value::OrNone(inner) => inner.is_word_of(words),
            Value::Either(all) => all.iter().any(|one| one.is_word_of(words)),
            _ => false,
        }
    }
}
