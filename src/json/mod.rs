//! Bytes of others → one JSON object, or a refusal. Strict where `serde_json` alone is lenient.
//!
//! Refused: a member name twice in one object (at any depth, however it is spelt), nesting deeper than
//! [`MAX_DEPTH`], a byte order mark, anything after the object, invalid UTF-8, numbers outside the range of
//! a double, and texts longer than the caller allows, before they are read.

pub mod raw;
#[cfg(test)]
pub(crate) mod testing;
mod typed;

pub use typed::{Unread, exactly_from_text, exactly_from_value, from_bytes, from_text, from_value};

use crate::ordered;
use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The deepest nesting read; the outer object is the first level.
pub const MAX_DEPTH: usize = 16;

/// Why a text is not taken as a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Longer than the caller allows.
    TooLarge,
    /// Not UTF-8.
    NotUtf8,
    /// Not JSON, or more than one JSON text.
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
    /// One object has two members of the same name.
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "too large",
            Self::NotUtf8 => "not utf-8",
            Self::Syntax => "not json",
            Self::NotAnObject => "not a json object",
            Self::DuplicateMember => "a member name is there twice",
            Self::TooDeep => "nested too deep",
        })
    }
}

impl std::error::Error for JsonError {}

/// Reads `bytes`, at most `max_bytes` of them, as exactly one JSON object (RFC 8259, RFC 7493 §2.3).
///
/// # Errors
/// When it is not one, or breaks a limit; which of several faults is named is not promised.
pub fn parse_object(bytes: &[u8], max_bytes: usize) -> Result<Map<String, Value>, JsonError> {
    parse_object_within(bytes, max_bytes, MAX_DEPTH)
}

/// [`parse_object`] with another limit of nesting: for messages that carry what is deeper than a token.
///
/// # Errors
/// The same.
pub fn parse_object_within(bytes: &[u8], max_bytes: usize, max_depth: usize) -> Result<Map<String, Value>, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLarge);
    }
    match read(std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?, max_depth)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// The same for one JSON array.
///
/// # Errors
/// The same; [`JsonError::NotAnObject`] where it is neither.
pub fn parse_array(bytes: &[u8], max_bytes: usize) -> Result<Vec<Value>, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLarge);
    }
    match read(std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?, MAX_DEPTH)? {
        Value::Array(items) => Ok(items),
        _ => Err(JsonError::NotAnObject),
    }
}

/// An object of these members. One piece of code for all: collecting a map has its own for each iterator, sorting included.
pub fn object(members: impl Iterator<Item = (String, Value)>) -> Map<String, Value> {
    ordered::collected(members)
}

/// Writes an object of these members, with its own and all others' in the order of their names. Some builds of `serde_json`
/// keep objects in the order in which they are written.
pub fn write_object_sorted(members: Vec<(&String, &Value)>, text: &mut Vec<u8>) {
    let members = ordered::by_key(members, |(name, _)| *name);
    text.push(b'{');
    for (place, (name, value)) in members.into_iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        write_scalar(name, text);
        text.push(b':');
        write_sorted(value, text);
    }
    text.push(b'}');
}

fn write_sorted(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(members) => write_object_sorted(members.iter().collect(), text),
        Value::Array(items) => {
            text.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(b',');
                }
                write_sorted(item, text);
            }
            text.push(b']');
        }
        scalar => write_scalar(scalar, text),
    }
}

/// A text or a value is always JSON, and a vector takes all that is written.
fn write_scalar<T: Serialize + ?Sized>(value: &T, text: &mut Vec<u8>) {
    let _always = serde_json::to_writer(text, value);
}

/// What a member says: `None` where it is missing, or says nothing (`null`, an empty text, an empty list), which is how
/// many serialisers write what is missing. Every optional member of a document of others is read by it.
#[must_use]
pub fn said<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !says_nothing(value))
}

/// A number that is written as one of JSON. The standard library reads more, and takes ten thousand bytes for it.
#[must_use]
pub fn number(text: &str) -> Option<Number> {
    match read(text, 0) {
        Ok(Value::Number(number)) if !text.contains(|c: char| c.is_ascii_whitespace()) => Some(number),
        _ => None,
    }
}

/// The texts of a member that is a list of them, where one text by itself is a list of one.
pub fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(several)
}

/// Whether a member says `true`, be it as a text: as some providers write what they keep as texts. Nothing else is true.
#[must_use]
pub fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true) || value == "true"
}

/// An empty object says something: a back-channel logout event is one.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Exactly one JSON text, nested no deeper than `max_depth`.
fn read(text: &str, max_depth: usize) -> Result<Value, JsonError> {
    let failure = Cell::new(JsonError::Syntax);
    let mut reader = serde_json::Deserializer::from_str(text);
    let strict = Strict { levels_left: max_depth, failure: &failure };
    let value = strict.deserialize(&mut reader).map_err(|_| failure.get())?;
    reader.end().map_err(|_| JsonError::Syntax)?;
    Ok(value)
}

/// Builds a [`Value`] at one depth. `failure` keeps our own reason, which serde's error type cannot carry.
#[derive(Clone, Copy)]
struct Strict<'a> {
    levels_left: usize,
    failure: &'a Cell<JsonError>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(&self, reason: JsonError) -> E {
        self.failure.set(reason);
        E::custom(reason)
    }

    fn nested<E: serde::de::Error>(self) -> Result<Self, E> {
        let levels_left = self.levels_left.checked_sub(1).ok_or_else(|| self.refuse(JsonError::TooDeep))?;
        Ok(Self { levels_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.nested()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.nested()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.insert(name, members.next_value_seed(inner)?).is_some() {
                return Err(self.refuse(JsonError::DuplicateMember));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
