//! What a provider calls a person → one text that names them there and nobody else.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::saml_worker::said;
use crate::config::NameIdFormat;

/// OpenID Connect Core §2 allows a `sub` as much; stores and logs count on it.
pub const MAX_BYTES: usize = 255;

/// The formats that have a short name here. Others stand there whole, so that no two are one.
const FORMATS: [(&str, &str); 4] = [
    ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "persistent"),
    (NameIdFormat::TRANSIENT, "transient"),
    ("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "email"),
    ("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "unspecified"),
];

/// The parties between whom a name holds.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// The provider's entityID.
    pub provider: &'a str,
    /// Ours.
    pub own: &'a str,
}

/// A `NameID`, as the SAML Worker gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// As it came, to be sent back in a logout.
    pub raw: Map<String, Value>,
    text: String,
    is_transient: bool,
}

impl NameId {
    /// Reads it. `None` where it names nobody.
    #[must_use]
    pub fn read(name: &Value, parties: Parties<'_>) -> Option<Self> {
        let raw = name.as_object()?;
        // A format is a URI (SAML Core §8.3): another text could pose as the short name of a format.
        let (value, format) = (said(raw, "value")?, said(raw, "format").filter(|format| format.contains(':'))?);
        // SAML Core §2.2.2: left out, it is the one who says it, or the one who asked.
        let other = |key, usual| said(raw, key).filter(|found| *found != usual).unwrap_or_default();
        let (by, whom) = (other("name_qualifier", parties.provider), other("sp_name_qualifier", parties.own));
        let known = FORMATS.iter().find(|(urn, _)| *urn == format).map(|(_, short)| *short);
        let kind = known.map_or_else(|| escaped(format), str::to_owned);
        let text = match (by, whom) {
            ("", "") => format!("{kind}!{}", escaped(value)),
            _ => format!("{kind}!{}!{}!{}", escaped(by), escaped(whom), escaped(value)),
        };
        Some(Self { raw: raw.clone(), text, is_transient: format == NameIdFormat::TRANSIENT })
    }

    /// The name with what it is qualified by: the same text for the same person alone.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is another one at each sign-in.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.is_transient
    }

    /// The person, in the index of sessions at the provider.
    #[must_use]
    pub fn index_key(&self) -> String {
        digest(&[&self.text])
    }

    /// One session of the person at the provider.
    #[must_use]
    pub fn session_key(&self, session_index: &str) -> String {
        digest(&[&self.text, session_index])
    }
}

/// In visible ASCII without `!`, and no two texts the same.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'!' && byte != b'%' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Parts never hold a line break: they are escaped, or the last.
fn digest(parts: &[&str]) -> String {
    Sha256::digest(parts.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    const PARTIES: Parties<'static> = Parties { provider: "urn:idp", own: "urn:sp" };

    fn text(name: Value) -> Option<String> {
        NameId::read(&name, PARTIES).map(|name| name.text().to_owned())
    }

    #[test]
    fn a_name_is_qualified_by_its_format_and_for_whom_it_was_made() {
        //
        for (name, expected) in [
            (json!({ "value": "a1", "format": PERSISTENT }), "persistent!a1"),
            (
                json!({ "value": "a1", "format": PERSISTENT, "sp_name_qualifier": "urn:sp", "name_qualifier": "urn:idp" }),
                "persistent!a1",
            ),
            (
                json!({ "value": "a1", "format": PERSISTENT, "sp_name_qualifier": "urn:group" }),
                "persistent!!urn:group!a1",
            ),
            (json!({ "value": "a1", "format": PERSISTENT, "name_qualifier": "urn:other" }), "persistent!urn:other!!a1"),
            (json!({ "value": "a!b%c d", "format": PERSISTENT }), "persistent!a%21b%25c%20d"),
            (json!({ "value": "ä", "format": "urn:x!y" }), "urn:x%21y!%C3%A4"),
            (
                json!({ "value": "a@b.example", "format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" }),
                "email!a@b.example",
            ),
            (
                json!({ "value": "a1", "format": "urn:oasis:names:tc:SAML:1.1:nameid-format:persistent" }),
                "urn:oasis:names:tc:SAML:1.1:nameid-format:persistent!a1",
            ),
        ] {
            assert_eq!(text(name.clone()).as_deref(), Some(expected), "{name}");
        }
        for nobody in [
            json!({ "value": "a1", "format": "persistent" }),
            json!({ "value": "a1", "format": "transient" }),
            json!({ "value": "", "format": PERSISTENT }),
            json!({ "value": "a" }),
            json!("a"),
            json!(null),
        ] {
            assert_eq!(text(nobody.clone()), None, "{nobody}");
        }
    }

    #[test]
    fn a_session_is_found_by_name_and_index_together() {
        let read = |value: &str| NameId::read(&json!({ "value": value, "format": PERSISTENT }), PARTIES).unwrap();
        let (alice, bob) = (read("alice"), read("bob"));
        assert_eq!(alice.session_key("1"), read("alice").session_key("1"));
        assert_ne!(alice.session_key("1"), alice.session_key("2"));
        assert_ne!(alice.session_key("1"), bob.session_key("1"));
        assert_ne!(alice.index_key(), alice.session_key(""));
        assert_ne!(alice.index_key(), bob.index_key());
    }
}
