//! What a value may be.

use serde::Deserialize;

/// What the value of a key may be.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(super) enum Kind {
    /// Anything.
    Any,
    /// `true` or `false`.
    Flag,
    /// `false` alone.
    False,
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// `30s`, `15m`, `8h`, `7d`.
    Duration,
    /// RFC 3339.
    Moment,
    /// `100/1m`.
    Rate,
    /// A URL.
    Url,
    /// A table of the catalogue.
    Table(String),
    /// A table with free names.
    Map(Box<Kind>),
    /// One of these.
    Either(Vec<Kind>),
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // A table whose values are of several kinds, as in `map (text | texts)`.
        if let Some(inner) = text.strip_prefix("map (").and_then(|rest| rest.strip_suffix(')')) {
            return Self::try_from(inner.to_owned()).map(|inner| Self::Map(Box::new(inner)));
        }
        if text.contains(" | ") {
            let all = text.split(" | ").map(|one| Self::try_from(one.to_owned()));
            return all.collect::<Result<_, _>>().map(Self::Either);
        }
        if let Some(inner) = text.strip_prefix("map ") {
            let inner = Self::try_from(inner.to_owned()).unwrap_or_else(Self::Table);
            return Ok(Self::Map(Box::new(inner)));
        }
        if let Some(name) = text.strip_prefix("table ") {
            return Ok(Self::Table(name.to_owned()));
        }
        Ok(match text.as_str() {
            "any" => Self::Any,
            "flag" => Self::Flag,
            "false" => Self::False,
            "integer" => Self::Integer,
            "text" => Self::Text,
            "texts" => Self::Texts,
            "duration" => Self::Duration,
            "moment" => Self::Moment,
            "rate" => Self::Rate,
            "url" => Self::Url,
            _ => return Err(text),
        })
    }
}
