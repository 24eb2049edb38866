//! JSON of our own (messages to objects, stored records) → types.
//!
//! `serde_json` compiles its parser anew into the reader of every type, which adds up to a tenth of the Worker. Here one
//! parser makes a [`Value`] of any text, and a type is read from that. Structs are objects and never lists; they are asked for
//! their members in turn, which takes half the code of taking members as they come.
//!
//! `deny_unknown_fields` of a type says nothing here. Read it by [`exactly_from_text`] or [`exactly_from_value`].

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
///
/// No larger than a pointer, for every reader hands it on in many places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no JSON, or JSON that has two meanings.
    Syntax,
    /// It is JSON, but of another form.
    Form(Box<WrongForm>),
}

/// Why JSON is of another form. The message may quote the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongForm(String);

impl Unread {
    fn form(message: String) -> Self {
        Self::Form(Box::new(WrongForm(message)))
    }
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
        Self::form(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::form(format!("not {expected}"))
    }

    /// [`Fields`] names the member instead, and lists are counted before they are read.
    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::Syntax
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::form(format!("not {expected}"))
    }
}

/// Reads a whole text as a `T`; members of objects that it does not know are passed over.
///
/// # Errors
/// When it is none.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    T::deserialize(Reader::of_text(text, Unknown::Ignored)?)
}

/// [`from_text`], where each member has to be one that `T` knows.
///
/// # Errors
/// When it is none.
pub fn exactly_from_text<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    T::deserialize(Reader::of_text(text, Unknown::Refused)?)
}

/// [`from_text`] of a text in UTF-8.
///
/// # Errors
/// When it is none.
pub fn from_bytes<T: DeserializeOwned>(text: &[u8]) -> Result<T, Unread> {
    from_text(std::str::from_utf8(text).map_err(|_| Unread::Syntax)?)
}

/// Reads a value as a `T`; members of objects that it does not know are passed over.
///
/// # Errors
/// When it is none; the message says why, for the author of the value.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    T::deserialize(Reader { value: Some(value), unknown: Unknown::Ignored }).map_err(told)
}

/// [`from_value`], where each member has to be one that `T` knows.
///
/// # Errors
/// When it is none; the message says why, for the author of the value.
pub fn exactly_from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    T::deserialize(Reader { value: Some(value), unknown: Unknown::Refused }).map_err(told)
}

fn told(error: Unread) -> String {
    match error {
        Unread::Syntax => error.to_string(),
        Unread::Form(why) => why.0,
    }
}

/// What becomes of a member that a type does not know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Ignored,
    Refused,
}

/// What a type is read from: a value, or a member that is not there.
struct Reader {
    value: Option<Value>,
    unknown: Unknown,
}

impl Reader {
    fn of_text(text: &str, unknown: Unknown) -> Result<Self, Unread> {
        let value = read(text, MAX_DEPTH).map_err(|_| Unread::Syntax)?;
        Ok(Self { value: Some(value), unknown })
    }

    /// Not what was asked for.
    fn unexpected<T>(&self, expected: &str) -> Result<T, Unread> {
        let found = match &self.value {
            // No caller sees this: `Fields` takes the default, or names the missing member. So no message is written.
            None => return Err(Unread::Syntax),
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number",
            Some(Value::String(_)) => "a text",
            Some(Value::Array(_)) => "a list",
            Some(Value::Object(_)) => "an object",
        };
        Err(Unread::form(format!("{found}, where {expected} is expected")))
    }

    fn text(self) -> Result<String, Unread> {
        match self.value {
            Some(Value::String(text)) => Ok(text),
            _ => self.unexpected("a text"),
        }
    }

    fn items(self) -> Result<Items, Unread> {
        match self.value {
            Some(Value::Array(items)) => Ok(Items { rest: items.into_iter(), unknown: self.unknown }),
            _ => self.unexpected("a list"),
        }
    }

    fn object(self) -> Result<Map<String, Value>, Unread> {
        match self.value {
            Some(Value::Object(members)) => Ok(members),
            _ => self.unexpected("an object"),
        }
    }

    /// The members of this object, any names.
    fn members(self) -> Result<Members, Unread> {
        let unknown = self.unknown;
        Ok(Members { rest: self.object()?.into_iter(), value: None, unknown })
    }

    /// The members of these names.
    fn fields(self, names: &'static [&'static str]) -> Result<Fields, Unread> {
        let unknown = self.unknown;
        let members = self.object()?;
        let is_unknown = |name: &&String| !names.contains(&name.as_str());
        match members.keys().find(is_unknown).filter(|_| unknown == Unknown::Refused) {
            Some(name) => Err(Error::unknown_field(name, names)),
            None => Ok(Fields { members, names: names.iter(), missing: None, unknown }),
        }
    }
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.value {
            None => self.unexpected("a value"),
            Some(Value::Null) => visitor.visit_unit(),
            Some(Value::Bool(value)) => visitor.visit_bool(value),
            Some(Value::Number(ref number)) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Some(Value::String(text)) => visitor.visit_string(text),
            Some(Value::Array(_)) => visitor.visit_seq(self.items()?),
            Some(Value::Object(_)) => visitor.visit_map(self.members()?),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.value {
            Some(Value::Bool(value)) => visitor.visit_bool(value),
            _ => self.unexpected("a boolean"),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.value.as_ref().and_then(Value::as_u64) {
            Some(value) => visitor.visit_u64(value),
            None => self.unexpected("a whole number"),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.value.as_ref().and_then(Value::as_i64) {
            Some(value) => visitor.visit_i64(value),
            None => self.unexpected("a whole number"),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.value.as_ref().and_then(Value::as_f64) {
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
        if matches!(self.value, None | Some(Value::Null)) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unread> {
        let items = self.items()?;
        let found = items.rest.len();
        if found != length {
            return Err(Unread::form(format!("a list of {found}, where one of {length} is expected")));
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
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        let mut fields = self.fields(names)?;
        visitor.visit_seq(&mut fields).map_err(|error| fields.named(error))
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

struct Items {
    rest: std::vec::IntoIter<Value>,
    unknown: Unknown,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unread> {
        let unknown = self.unknown;
        self.rest.next().map(|item| seed.deserialize(Reader { value: Some(item), unknown })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The members of a struct, in the order in which it names them.
struct Fields {
    members: Map<String, Value>,
    names: std::slice::Iter<'static, &'static str>,
    /// The last that was asked for, if it is not there.
    missing: Option<&'static str>,
    unknown: Unknown,
}

impl Fields {
    fn next(&mut self) -> Option<Reader> {
        let name = *self.names.next()?;
        let value = self.members.get_mut(name).map(Value::take);
        self.missing = value.is_none().then_some(name);
        Some(Reader { value, unknown: self.unknown })
    }

    /// A struct that ends after a member that is not there ends for that.
    fn named(&self, error: Unread) -> Unread {
        self.missing.map_or(error, Error::missing_field)
    }
}

impl<'de> SeqAccess<'de> for Fields {
    type Error = Unread;

    /// `None` for a member that is not there, unless the type is read from nothing, as an option is: then its default counts, or
    /// the struct is none.
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unread> {
        let Some(reader) = self.next() else { return Ok(None) };
        match seed.deserialize(reader) {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.missing.is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

struct Members {
    rest: map::IntoIter,
    value: Option<Value>,
    unknown: Unknown,
}

impl Members {
    /// The next name; its value is ready to be taken.
    fn next(&mut self) -> Option<String> {
        let (name, value) = self.rest.next()?;
        self.value = Some(value);
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unread> {
        let unknown = self.unknown;
        self.next().map(|name| seed.deserialize(Reader { value: Some(Value::String(name)), unknown })).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Unread> {
        seed.deserialize(Reader { value: self.value.take(), unknown: self.unknown })
    }
}

/// A variant by its name alone, or an object of its name and what it holds.
struct Variant {
    name: String,
    held: Held,
}

impl Variant {
    fn of(reader: Reader) -> Result<Self, Unread> {
        let unknown = reader.unknown;
        match reader.value {
            Some(Value::String(name)) => Ok(Self { name, held: Held { value: None, unknown } }),
            Some(Value::Object(members)) if members.len() == 1 => {
                let mut members = Members { rest: members.into_iter(), value: None, unknown };
                let name = members.next().unwrap_or_default();
                Ok(Self { name, held: Held { value: members.value, unknown } })
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
        Ok((seed.deserialize(name)?, self.held))
    }
}

/// What a variant holds.
struct Held {
    value: Option<Value>,
    unknown: Unknown,
}

impl Held {
    fn reader(self) -> Result<Reader, Unread> {
        let Self { value: Some(value), unknown } = self else {
            return Err(Unread::form("a name by itself, where it holds something".to_owned()));
        };
        Ok(Reader { value: Some(value), unknown })
    }
}

impl<'de> VariantAccess<'de> for Held {
    type Error = Unread;

    fn unit_variant(self) -> Result<(), Unread> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(Unread::form("a name that holds something, where it stands by itself".to_owned())),
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
