//! Values that remember where they were written.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de::value::MapAccessDeserializer};

use super::source::Place;
use super::text::{FromText, TextError};

/// A value and where it was written. Equal if the values are.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// Where.
    pub place: Place,
    /// What.
    pub value: T,
}

impl<T> At<T> {
    /// A value written at this place.
    pub fn new(place: Place, value: T) -> At<T> {
        At { place, value }
    }
    /// The same place for a reference to the value.
    pub fn as_ref(&self) -> At<&T> {
        At { place: self.place.clone(), value: &self.value }
    }
    /// The same place for another value.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> At<U> {
        At { place: self.place, value: map(self.value) }
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &At<T>) -> bool {
        self.value == other.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(At { place: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A value written as a text, and where: `"50ms"`, `"zipf(0.99)"`.
#[derive(Clone, Debug)]
pub struct Written<T> {
    /// Where, quotes included.
    pub place: Place,
    /// What it says.
    pub value: T,
}

impl<T> Deref for Written<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Written<T> {
    fn eq(&self, other: &Written<T>) -> bool {
        self.value == other.value
    }
}

impl<'de, T: FromText> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Written<T>, D::Error> {
        let spanned = toml::Spanned::<Scalar<T>>::deserialize(deserializer)?;
        Ok(Written { place: spanned.span(), value: spanned.into_inner().0 })
    }
}

impl<T: FromText> JsonSchema for Written<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Written<{}>", T::WHAT).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text_schema::<T>()
    }
}

/// The schema of a text that is read as a `T`.
fn text_schema<T: FromText>() -> Schema {
    let mut schema = json_schema!({ "type": "string" });
    if T::numbers() {
        schema.insert("type".into(), serde_json::json!(["string", "number"]));
    }
    if !T::words().is_empty() {
        schema.insert("enum".into(), serde_json::json!(T::words()));
    }
    if let Some(pattern) = T::pattern() {
        schema.insert("pattern".into(), pattern.into());
    }
    if !T::examples().is_empty() {
        schema.insert("examples".into(), serde_json::json!(T::examples()));
    }
    schema.insert("description".into(), T::WHAT.into());
    schema
}

/// A scalar of TOML, read by `T`'s own grammar.
struct Scalar<T>(T);

impl<'de, T: FromText> Deserialize<'de> for Scalar<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar<T>, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: FromText> Visitor<'de> for Reader<T> {
            type Value = Scalar<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar<T>, E> {
                T::from_text(text).map(Scalar).map_err(|error| E::custom(Carried::In(error)))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar<T>, E> {
                from_number(&number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar<T>, E> {
                from_number(&number.to_string())
            }
            fn visit_i128<E: de::Error>(self, number: i128) -> Result<Scalar<T>, E> {
                from_number(&number.to_string())
            }
            fn visit_u128<E: de::Error>(self, number: u128) -> Result<Scalar<T>, E> {
                from_number(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar<T>, E> {
                from_number(&number.to_string())
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

fn from_number<T: FromText, E: de::Error>(written: &str) -> Result<Scalar<T>, E> {
    T::from_number(written).map(Scalar).map_err(|error| E::custom(Carried::Number(error)))
}

/// How a [`TextError`] travels through serde, whose errors are texts: marked, and taken apart again by [`Carried::open`].
#[derive(Debug)]
pub(crate) enum Carried {
    /// Its range counts from the first byte inside the quotes.
    In(TextError),
    /// It is about a bare number: the whole of it.
    Number(TextError),
}

const MARK: char = '\u{1}';

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, error) = match self {
            Carried::In(error) => ("in", error),
            Carried::Number(error) => ("number", error),
        };
        let TextError { at, message, label, help } = error;
        let (label, help) = (label.as_deref().unwrap_or(""), help.as_deref().unwrap_or(""));
        write!(f, "{MARK}{kind}{MARK}{}{MARK}{}{MARK}{message}{MARK}{label}{MARK}{help}", at.start, at.end)
    }
}

impl Carried {
    /// What [`fmt::Display`] wrote, if it did.
    pub(crate) fn open(message: &str) -> Option<Carried> {
        let mut parts = message.strip_prefix(MARK)?.splitn(6, MARK);
        let kind = parts.next()?;
        let (start, end) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mut error = TextError::new(start..end, parts.next()?);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
        error.label = some(parts.next()?);
        error.help = some(parts.next()?);
        Some(if kind == "in" { Carried::In(error) } else { Carried::Number(error) })
    }
}

/// `"none"`, or a value: an optional feature, switched off or set.
#[derive(Clone, Debug, PartialEq)]
pub enum OrNone<T> {
    /// Switched off.
    None,
    /// Set.
    Some(T),
}

impl<T> OrNone<T> {
    /// As an option of a reference.
    pub fn as_option(&self) -> Option<&T> {
        match self {
            OrNone::None => None,
            OrNone::Some(value) => Some(value),
        }
    }
}

impl<T: FromText> FromText for OrNone<T> {
    const WHAT: &'static str = T::WHAT;
    fn from_text(text: &str) -> Result<OrNone<T>, TextError> {
        if text == "none" { Ok(OrNone::None) } else { T::from_text(text).map(OrNone::Some) }
    }
    fn from_number(written: &str) -> Result<OrNone<T>, TextError> {
        T::from_number(written).map(OrNone::Some)
    }
    fn numbers() -> bool {
        T::numbers()
    }
    fn pattern() -> Option<String> {
        T::pattern().map(|pattern| format!("^none$|{pattern}"))
    }
    fn examples() -> &'static [&'static str] {
        T::examples()
    }
}

/// A table of knobs, or `"none"`.
impl<'de, T: DeserializeOwned> Deserialize<'de> for OrNone<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrNone<T>, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Reader<T> {
            type Value = OrNone<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or \"none\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OrNone<T>, E> {
                if text == "none" {
                    return Ok(OrNone::None);
                }
                Err(E::invalid_type(de::Unexpected::Str(text), &self))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OrNone<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OrNone::Some)
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OrNone<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("None_or_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let some = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "const": "none" }, some] })
    }
}

/// A text, or a table in its place: a service time, or one for each operation.
#[derive(Clone, Debug, PartialEq)]
pub enum TextOr<T, B> {
    /// The text.
    Text(T),
    /// The table.
    Table(B),
}

impl<'de, T: FromText, B: DeserializeOwned> Deserialize<'de> for TextOr<T, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOr<T, B>, D::Error> {
        struct Reader<T, B>(PhantomData<(T, B)>);
        impl<'de, T: FromText, B: DeserializeOwned> Visitor<'de> for Reader<T, B> {
            type Value = TextOr<T, B>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}, or a table", T::WHAT)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TextOr<T, B>, E> {
                T::from_text(text).map(TextOr::Text).map_err(|error| E::custom(Carried::In(error)))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<TextOr<T, B>, E> {
                from_number::<T, E>(&number.to_string()).map(|scalar| TextOr::Text(scalar.0))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<TextOr<T, B>, E> {
                from_number::<T, E>(&number.to_string()).map(|scalar| TextOr::Text(scalar.0))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOr<T, B>, A::Error> {
                B::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Table)
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<T: FromText, B: JsonSchema> JsonSchema for TextOr<T, B> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Text_or_{}", B::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<B>();
        json_schema!({ "anyOf": [text_schema::<T>(), table] })
    }
}

/// One, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany<T>, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Reader<T> {
            type Value = Vec<One<T>>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<One<T>>, E> {
                // The place is known one level up, where the whole value is one text.
                Ok(vec![One::Text(text.to_string())])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<One<T>>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element::<T>()? {
                    all.push(One::Read(one));
                }
                Ok(all)
            }
        }
        struct Inner<T>(Vec<One<T>>);
        impl<'de, T: DeserializeOwned> Deserialize<'de> for Inner<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inner<T>, D::Error> {
                deserializer.deserialize_any(Reader(PhantomData)).map(Inner)
            }
        }
        enum One<T> {
            Text(String),
            Read(T),
        }
        let spanned = toml::Spanned::<Inner<T>>::deserialize(deserializer)?;
        let place = spanned.span();
        let read = |one| match one {
            One::Read(value) => Ok(value),
            One::Text(text) => T::deserialize(Lone { text, place: place.clone(), error: PhantomData }),
        };
        spanned.into_inner().0.into_iter().map(read).collect::<Result<_, _>>().map(OneOrMany)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("One_or_many_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// Deserializes one text whose place is known.
struct Lone<E> {
    text: String,
    place: Place,
    error: PhantomData<E>,
}

impl<'de, E: de::Error> Deserializer<'de> for Lone<E> {
    type Error = E;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_string(self.text)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        // toml's own name for a spanned value; its three fields are start, end, value.
        if name != "$__serde_spanned_private_Spanned" || fields.len() != 3 {
            return self.deserialize_any(visitor);
        }
        visitor.visit_map(LoneFields { fields, next: 0, lone: self })
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct LoneFields<E> {
    fields: &'static [&'static str],
    next: usize,
    lone: Lone<E>,
}

impl<'de, E: de::Error> MapAccess<'de> for LoneFields<E> {
    type Error = E;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, E> {
        let Some(field) = self.fields.get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(de::value::BorrowedStrDeserializer::new(field)).map(Some)
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, E> {
        let number = |at: usize| de::value::U64Deserializer::new(at as u64);
        match self.next {
            1 => seed.deserialize(number(self.lone.place.start)),
            2 => seed.deserialize(number(self.lone.place.end)),
            _ => seed.deserialize(Lone {
                text: std::mem::take(&mut self.lone.text),
                place: self.lone.place.clone(),
                error: PhantomData,
            }),
        }
    }
}

/// A table from names to values, in order of name, each name with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<T>(pub Vec<(At<String>, T)>);

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(Vec::new())
    }
}

impl<T> Table<T> {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
    }
    /// Names and values, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&At<String>, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table<T>, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Reader<T> {
            type Value = Table<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<At<String>>()? {
                    entries.push((name, map.next_value::<T>()?));
                }
                Ok(Table(entries))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Table_of_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": values })
    }
}

/// Any TOML value, for what `set` assigns.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// A text.
    String(String),
    /// A whole number, as written in decimal.
    Integer(i128),
    /// A number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    Array(Vec<At<Raw>>),
    /// A table.
    Table(Table<At<Raw>>),
}

impl Raw {
    /// As TOML on one line, so that `PATH = VALUE` can be put together again.
    pub fn to_toml(&self) -> String {
        match self {
            Raw::String(text) => toml::Value::String(text.clone()).to_string(),
            Raw::Integer(number) => number.to_string(),
            Raw::Float(number) => toml::Value::Float(*number).to_string(),
            Raw::Boolean(yes) => yes.to_string(),
            Raw::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| item.to_toml()).collect();
                format!("[{}]", items.join(", "))
            }
            Raw::Table(table) => {
                let entry = |(name, value): (&At<String>, &At<Raw>)| format!("{} = {}", quoted(name), value.to_toml());
                let entries: Vec<String> = table.iter().map(entry).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// A key as TOML writes it.
pub(crate) fn quoted(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_string() } else { toml::Value::String(name.to_string()).to_string() }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::String(text.to_string()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Raw, E> {
                Ok(Raw::Integer(number.into()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Raw, E> {
                Ok(Raw::Integer(number.into()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Raw, E> {
                Ok(Raw::Float(number))
            }
            fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Raw, E> {
                Ok(Raw::Boolean(yes))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Raw::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(Raw::Table)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Raw {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Any".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

/// Makes an enum of plain words that a scenario may write.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }
        impl $name {
            /// As written.
            pub const fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }
        impl $crate::spec::FromText for $name {
            const WHAT: &'static str = $what;
            fn from_text(text: &str) -> Result<$name, $crate::spec::TextError> {
                match text {
                    $($word => Ok($name::$variant),)*
                    _ => Err($crate::spec::call::unknown_word(text, 0..text.len(), $what, Self::words().iter().copied())),
                }
            }
            fn words() -> &'static [&'static str] {
                &[$($word,)*]
            }
        }
    };
}
