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
}

/// A key that may be there.
pub(super) const fn key(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, need: Need::Optional, doc }
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, need: Need::Required, doc }
}

/// One of several keys, exactly one of which must be there.
pub(super) const fn action(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, need: Need::OneOf, doc }
}

/// A key that this version only knows by name.
pub(super) const fn later(name: &'static str) -> Key {
    Key { name, value: Value::Any, need: Need::Later, doc: "" }
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
