//! `cnf` of an access token → what it is bound to (RFC 7800 §3.1).
//!
//! A token that is bound to something is no bearer token. One that is bound in a way not known here, or in several, is
//! refused: what cannot be checked must not be passed over.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

/// What a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Nothing: whoever has it may use it.
    None,
    /// `jkt`: a key, by the SHA-256 thumbprint of its JWK in base64url (RFC 9449 §6.1).
    Jkt(String),
    /// `x5t#S256`: a certificate, by the SHA-256 of its DER form (RFC 8705 §3.1).
    X5tS256([u8; 32]),
}

/// What is wrong with a `cnf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmationError {
    /// It is no object, empty, or its member is no SHA-256 hash in base64url.
    Malformed,
    /// Its member is none that is known here.
    Unknown,
    /// It has several members.
    Several,
}

impl ConfirmationError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "confirmation.malformed",
            Self::Unknown => "confirmation.unknown",
            Self::Several => "confirmation.several",
        }
    }
}

impl Confirmation {
    /// Reads a token's `cnf`; `None` when it has no such member.
    ///
    /// # Errors
    /// When it is bound in a way that cannot be checked.
    pub fn parse(cnf: Option<&Value>) -> Result<Self, ConfirmationError> {
        match cnf {
            None => Ok(Self::None),
            Some(Value::Object(members)) => Self::of(members),
            Some(_) => Err(ConfirmationError::Malformed),
        }
    }

    fn of(members: &Map<String, Value>) -> Result<Self, ConfirmationError> {
        let mut members = members.iter();
        let (name, value) = members.next().ok_or(ConfirmationError::Malformed)?;
        if members.next().is_some() {
            return Err(ConfirmationError::Several);
        }
        match name.as_str() {
            "jkt" => sha256(value).map(|hash| Self::Jkt(Base64UrlUnpadded::encode_string(&hash))),
            "x5t#S256" => sha256(value).map(Self::X5tS256),
            _ => Err(ConfirmationError::Unknown),
        }
    }
}

fn sha256(value: &Value) -> Result<[u8; 32], ConfirmationError> {
    let mut hash = [0; 32];
    let text = value.as_str().ok_or(ConfirmationError::Malformed)?;
    let decoded = Base64UrlUnpadded::decode(text, &mut hash).map_err(|_| ConfirmationError::Malformed)?;
    if decoded.len() == hash.len() { Ok(hash) } else { Err(ConfirmationError::Malformed) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HASH: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    // RFC 9449 §6.1, RFC 8705 §3.1
    #[test]
    fn a_token_is_bound_to_nothing_a_key_or_a_certificate() {
        assert_eq!(Confirmation::parse(None), Ok(Confirmation::None));
        assert_eq!(Confirmation::parse(Some(&json!({"jkt": HASH}))), Ok(Confirmation::Jkt(HASH.to_owned())));
        let x5t = Confirmation::parse(Some(&json!({"x5t#S256": HASH}))).unwrap();
        assert!(matches!(x5t, Confirmation::X5tS256([0xd1, 0x97, ..])), "{x5t:?}");
    }

    //
    #[test]
    fn what_cannot_be_checked_is_an_error_and_never_nothing() {
        let cases = [
            (json!(null), ConfirmationError::Malformed),
            (json!(HASH), ConfirmationError::Malformed),
            (json!([]), ConfirmationError::Malformed),
            (json!({}), ConfirmationError::Malformed),
            (json!({"foo": 1}), ConfirmationError::Unknown),
            (json!({"JKT": HASH}), ConfirmationError::Unknown),
            (json!({"jkt ": HASH}), ConfirmationError::Unknown),
            (json!({"kid": "k1"}), ConfirmationError::Unknown),
            (json!({"jwk": {"kty": "EC"}}), ConfirmationError::Unknown),
            (json!({"jwe": "a.b.c.d.e"}), ConfirmationError::Unknown),
            (json!({"x5t": HASH}), ConfirmationError::Unknown),
            (json!({"jkt": HASH, "x5t#S256": HASH}), ConfirmationError::Several),
            (json!({"jkt": HASH, "foo": 1}), ConfirmationError::Several),
            (json!({"jkt": null}), ConfirmationError::Malformed),
            (json!({"jkt": [HASH]}), ConfirmationError::Malformed),
            (json!({"jkt": ""}), ConfirmationError::Malformed),
            (json!({"jkt": "AAAA"}), ConfirmationError::Malformed),
            (json!({"jkt": format!("{HASH}=")}), ConfirmationError::Malformed),
            (json!({"jkt": format!("{HASH}AAAA")}), ConfirmationError::Malformed),
            // The last two bits of 43 characters are over and must be zero.
            (json!({"jkt": HASH.replace("A4I", "A4J")}), ConfirmationError::Malformed),
            (json!({"x5t#S256": HASH.replace('-', "+")}), ConfirmationError::Malformed),
            (json!({"x5t#S256": "d1".repeat(32)}), ConfirmationError::Malformed),
        ];
        for (cnf, expected) in cases {
            assert_eq!(Confirmation::parse(Some(&cnf)), Err(expected), "{cnf}");
        }
    }
}
