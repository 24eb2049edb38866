//! The client data: what the browser says of the page that asked (§5.8.1). Its bytes are what was signed; what they say is
//! compared with what was asked.

use serde_json::{Map, Value};

use super::CeremonyExpectations;
use super::error::CeremonyError;
use crate::json;
use crate::secret::constant_time_eq;

/// The largest client data read. A browser writes some 200 bytes.
const MAX_BYTES: usize = 4096;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Which ceremony an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CeremonyKind {
    /// `webauthn.create`.
    Registration,
    /// `webauthn.get`.
    Assertion,
}

impl CeremonyKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

/// Client data as read; nothing of it is checked.
#[derive(Clone, Debug)]
pub(super) struct ClientData {
    members: Map<String, Value>,
    challenge: String,
}

impl ClientData {
    /// Reads client data. Members that are not known are left alone: browsers add some on purpose (R-213).
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, CeremonyError> {
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let members = json::parse_object(text, MAX_BYTES).map_err(CeremonyError::ClientDataJson)?;
        let challenge = text_of(&members, "challenge")?.to_owned();
        Ok(Self { members, challenge })
    }

    /// The challenge that it says it answers.
    pub(super) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// §7.1 steps 7 to 11, §7.2 steps 10 to 14.
    pub(super) fn check(&self, kind: CeremonyKind, expected: &CeremonyExpectations<'_>) -> Result<(), CeremonyError> {
        // R-201
        if text_of(&self.members, "type")? != kind.name() {
            return Err(CeremonyError::Type);
        }
        // R-202
        if expected.challenge.is_empty() || !constant_time_eq(self.challenge.as_bytes(), expected.challenge.as_bytes())
        {
            return Err(CeremonyError::Challenge);
        }
        // R-203
        if text_of(&self.members, "origin")? != expected.origin {
            return Err(CeremonyError::Origin);
        }
        // R-204
        match self.members.get("crossOrigin") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => return Err(CeremonyError::CrossOrigin),
            Some(_) => return Err(CeremonyError::ClientDataMember("crossOrigin")),
        }
        if self.members.contains_key("topOrigin") { Err(CeremonyError::CrossOrigin) } else { Ok(()) }
    }
}

fn text_of<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, CeremonyError> {
    members.get(name).and_then(Value::as_str).ok_or(CeremonyError::ClientDataMember(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonError;

    const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const EXPECTED: CeremonyExpectations<'static> =
        CeremonyExpectations { rp_id: "app.example", origin: "https://app.example", challenge: CHALLENGE };

    fn check(text: &str) -> Result<(), CeremonyError> {
        ClientData::parse(text.as_bytes())?.check(CeremonyKind::Assertion, &EXPECTED)
    }

    fn good() -> String {
        format!(
            r#"{{"type":"webauthn.get","challenge":"{CHALLENGE}","origin":"https://app.example","crossOrigin":false}}"#
        )
    }

    // R-213
    #[test]
    fn client_data_is_json_in_utf_8_with_whatever_members_besides() {
        assert_eq!(check(&good()), Ok(()));
        assert_eq!(check(&format!("\u{feff}{}", good())), Ok(()));
        assert_eq!(check(&good().replace(r#","crossOrigin":false"#, "")), Ok(()));
        assert_eq!(check(&good().replace('}', r#","extraData":"…","tokenBinding":{"status":"supported"}}"#)), Ok(()));
        let json = |text: &str, error| assert_eq!(check(text), Err(CeremonyError::ClientDataJson(error)), "{text}");
        json(&format!("\u{feff}\u{feff}{}", good()), JsonError::Syntax);
        json(&good().replace('}', r#","type":"webauthn.get"}"#), JsonError::DuplicateMember);
        json(&good().replace('}', r#","t\u0079pe":"webauthn.get"}"#), JsonError::DuplicateMember);
        json(&format!("{}x", good()), JsonError::Syntax);
        json(&format!("[{}]", good()), JsonError::NotAnObject);
        json(&good().replace('}', &format!(r#","a":"{}"}}"#, "x".repeat(MAX_BYTES))), JsonError::TooLarge);
        let not_utf8 = [good().as_bytes(), b"\xff"].concat();
        let error = ClientData::parse(&not_utf8).unwrap_err();
        assert_eq!(error, CeremonyError::ClientDataJson(JsonError::NotUtf8));
    }

    // R-201
    #[test]
    fn the_type_is_that_of_the_ceremony_letter_for_letter() {
        for other in ["webauthn.create", "webauthn.Get", "webauthn.get ", "payment.get", ""] {
            assert_eq!(check(&good().replace("webauthn.get", other)), Err(CeremonyError::Type), "{other}");
        }
        let registration = good().replace("webauthn.get", "webauthn.create");
        let kind = |text: &str, kind| ClientData::parse(text.as_bytes()).unwrap().check(kind, &EXPECTED);
        assert_eq!(kind(&registration, CeremonyKind::Registration), Ok(()));
        assert_eq!(kind(&good(), CeremonyKind::Registration), Err(CeremonyError::Type));
        let absent = good().replace(r#""type":"webauthn.get","#, "");
        assert_eq!(check(&absent), Err(CeremonyError::ClientDataMember("type")));
    }

    // R-202
    #[test]
    fn the_challenge_is_the_one_that_was_kept() {
        let padded = format!("{CHALLENGE}=");
        for other in ["", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", CHALLENGE.get(1..).unwrap(), &padded] {
            assert_eq!(check(&good().replace(CHALLENGE, other)), Err(CeremonyError::Challenge), "{other}");
        }
        let number = good().replace(&format!("\"{CHALLENGE}\""), "1");
        assert_eq!(check(&number), Err(CeremonyError::ClientDataMember("challenge")));
        let empty = CeremonyExpectations { challenge: "", ..EXPECTED };
        let data = ClientData::parse(good().replace(CHALLENGE, "").as_bytes()).unwrap();
        assert_eq!(data.check(CeremonyKind::Assertion, &empty), Err(CeremonyError::Challenge));
    }

    // R-203
    #[test]
    fn the_origin_is_ours_letter_for_letter() {
        let others = [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example:443",
            "https://app.example/",
            "https://www.app.example",
            "https://app.example.evil.test",
            "https://evil-app.example",
            "https://APP.example",
            "https://example",
            "null",
            "android:apk-key-hash:abc",
            "",
        ];
        for other in others {
            assert_eq!(check(&good().replace("https://app.example", other)), Err(CeremonyError::Origin), "{other}");
        }
        let absent = good().replace("origin", "origins");
        assert_eq!(check(&absent), Err(CeremonyError::ClientDataMember("origin")));
    }

    // R-204
    #[test]
    fn nothing_made_in_a_frame_of_another_origin_is_taken() {
        let with = |text: &str| check(&good().replace(r#""crossOrigin":false"#, text));
        assert_eq!(with(r#""crossOrigin":true"#), Err(CeremonyError::CrossOrigin));
        assert_eq!(with(r#""crossOrigin":true,"topOrigin":"https://app.example""#), Err(CeremonyError::CrossOrigin));
        assert_eq!(with(r#""crossOrigin":false,"topOrigin":"https://app.example""#), Err(CeremonyError::CrossOrigin));
        assert_eq!(with(r#""topOrigin":null"#), Err(CeremonyError::CrossOrigin));
        for other in ["1", "null", "\"false\""] {
            let refused = with(&format!(r#""crossOrigin":{other}"#));
            assert_eq!(refused, Err(CeremonyError::ClientDataMember("crossOrigin")), "{other}");
        }
    }
}
