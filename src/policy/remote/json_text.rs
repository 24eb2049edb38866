//! JSON within a message: as its text, for the form of messages (postcard) does not describe itself.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer, ser};
use serde_json::{Map, Value};

type Members<'a> = Cow<'a, Map<String, Value>>;

pub(super) fn serialize<S: Serializer>(members: &Members<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&serde_json::to_string(&**members).map_err(ser::Error::custom)?)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members<'static>, D::Error> {
    let text = <&str>::deserialize(deserializer)?;
    serde_json::from_str(text).map(Cow::Owned).map_err(D::Error::custom)
}
