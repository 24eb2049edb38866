//! JSON of our own (messages to objects, stored records) → types.
//!
//! `serde_json` compiles its parser anew into the reader of every type, which adds up to a tenth of the Worker. Here one
//! parser makes a [`Value`] of any text, and a type is read from that. Structs are objects and never lists.

use std::fmt::{self, Display};

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

use super::read;

/// Records hold claims, which themselves are nested as deep as tokens may be.
const MAX_DEPTH: usize = 2 * super::MAX_DEPTH;

/// Why a text is not a `T`. What it shows by itself can be logged: it quotes nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no JSON, or JSON that has two meanings.
    Syntax,
    /// It is JSON, but of another form, as the message says. The message may quote the text.
    Form(String),
}

impl Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not json",
            Self::Form(_) => "not the json expected",
        })
    }
}

impl std::error::Error for Unread {}

impl Error for Unread {
    fn custom<T: Display>(message: T) -> Self {
        Self::Form(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Form(format!("not {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Form(format!("not {expected}"))
    }
}

/// Reads a whole text as a `T`.
///
/// # Errors
/// When it is none.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    T::deserialize(Reader(read(text, MAX_DEPTH).map_err(|_| Unread::Syntax)?))
}

/// [`from_text`] of a text in UTF-8.
///
/// # Errors
/// When it is none.
pub fn from_bytes<T: DeserializeOwned>(text: &[u8]) -> Result<T, Unread> {
    from_text(std::str::from_utf8(text).map_err(|_| Unread::Syntax)?)
}

/// Reads a value as a `T`.
///
/// # Errors
/// When it is none; the message says why, for whoever wrote it.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    T::deserialize(Reader(value)).map_err(|error| match error {
        Unread::Syntax => error.to_string(),
        Unread::Form(message) => message,
    })
}

struct Reader(Value);

impl Reader {
    /// Not what was asked for.
    fn unexpected<T>(&self, expected: &str) -> Result<T, Unread> {
        let found = match &self.0 {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Err(Unread::Form(format!("{found}, where {expected} is expected")))
    }

    fn text(self) -> Result<String, Unread> {
        match self.0 {
            Value::String(text) => Ok(text),
            _ => self.unexpected("a text"),
        }
    }

    fn items(self) -> Result<Items, Unread> {
        match self.0 {
            Value::Array(items) => Ok(Items(items.into_iter())),
            _ => self.unexpected("a list"),
        }
    }

    fn members(self) -> Result<Members, Unread> {
        match self.0 {
            Value::Object(members) => Ok(Members::of(members)),
            _ => self.unexpected("an object"),
        }
    }
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(ref number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            Value::Object(members) => visitor.visit_map(Members::of(members)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => self.unexpected("a boolean"),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0.as_u64() {
            Some(value) => visitor.visit_u64(value),
            None => self.unexpected("a whole number"),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0.as_i64() {
            Some(value) => visitor.visit_i64(value),
            None => self.unexpected("a whole number"),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0.as_f64() {
            Some(value) => visitor.visit_f64(value),
            None => self.unexpected("a number"),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_str(&self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unread> {
        let items = self.items()?;
        if items.0.len() != length {
            return Err(Unread::Form(format!("a list of {}, where one of {length} is expected", items.0.len())));
        }
        visitor.visit_seq(items)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_map(self.members()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_map(self.members()?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_enum(Variant::of(self)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct }
}

impl IntoDeserializer<'_, Unread> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unread> {
        self.0.next().map(|item| seed.deserialize(Reader(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Members {
    rest: map::IntoIter,
    value: Value,
}

impl Members {
    fn of(members: Map<String, Value>) -> Self {
        Self { rest: members.into_iter(), value: Value::Null }
    }

    /// The next name; its value is ready to be taken.
    fn next(&mut self) -> Option<String> {
        let (name, value) = self.rest.next()?;
        self.value = value;
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unread> {
        self.next().map(|name| seed.deserialize(Reader(Value::String(name)))).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Unread> {
        seed.deserialize(Reader(self.value.take()))
    }
}

/// A variant by its name alone, or an object of its name and what it holds.
struct Variant {
    name: String,
    held: Option<Value>,
}

impl Variant {
    fn of(reader: Reader) -> Result<Self, Unread> {
        match reader.0 {
            Value::String(name) => Ok(Self { name, held: None }),
            Value::Object(members) if members.len() == 1 => {
                let mut members = Members::of(members);
                let name = members.next().unwrap_or_default();
                Ok(Self { name, held: Some(members.value) })
            }
            _ => reader.unexpected("a name, or an object of one member"),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Unread;
    type Variant = Held;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Held), Unread> {
        let name: StringDeserializer<Unread> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Held(self.held)))
    }
}

/// What a variant holds.
struct Held(Option<Value>);

impl Held {
    fn reader(self) -> Result<Reader, Unread> {
        self.0.map(Reader).ok_or_else(|| Unread::Form("a name by itself, where it holds something".to_owned()))
    }
}

impl<'de> VariantAccess<'de> for Held {
    type Error = Unread;

    fn unit_variant(self) -> Result<(), Unread> {
        match self.0 {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(Unread::Form("a name that holds something, where it stands by itself".to_owned())),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unread> {
        seed.deserialize(self.reader()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unread> {
        self.reader()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Unread> {
        self.reader()?.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests;
