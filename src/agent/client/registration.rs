//! Clients that register here (RFC 7591). Nothing is stored: a client's id holds what it said, with a mark that only we make,
//! so that no number of registrations costs anything (R-316).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use super::document::{self, ClientDocument};
use crate::http::public_url::PublicUrl;
use crate::json::{self, said, texts};
use crate::keyring::{KeyPurpose, KeyRing};
use crate::time::Timestamp;

/// The longest request.
pub const MAX_BYTES: usize = 1024;
/// Ids of registered clients lie below this.
pub const PREFIX: &str = "/auth/agents/clients/";
/// The longest id that is read: twice what a request makes.
const MAX_ID_BYTES: usize = 2 * MAX_BYTES;
/// The most addresses of a registered client.
const MAX_REDIRECT_URIS: usize = 10;

/// What a client registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    name: String,
    redirect_uris: Vec<String>,
    at: Timestamp,
}

/// Why a client is not registered (RFC 7591 §3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationError {
    /// `invalid_redirect_uri`
    RedirectUri,
    /// `invalid_client_metadata`; the named member.
    Metadata(&'static str),
}

impl RegistrationError {
    /// `error` of the answer.
    #[must_use]
    pub const fn error(self) -> &'static str {
        match self {
            Self::RedirectUri => "invalid_redirect_uri",
            Self::Metadata(_) => "invalid_client_metadata",
        }
    }

    /// Which member is the reason.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::RedirectUri => "redirect_uris",
            Self::Metadata(name) => name,
        }
    }
}

impl Registration {
    /// Reads a request. Members that are not known are ignored (RFC 7591 §2).
    ///
    /// # Errors
    /// When the client is none that can be registered: each is public, has a name, and addresses to answer at.
    pub fn parse(bytes: &[u8], now: Timestamp) -> Result<Self, RegistrationError> {
        let members = json::parse_object(bytes, MAX_BYTES).map_err(|_| RegistrationError::Metadata("body"))?;
        let method = said(&members, "token_endpoint_auth_method");
        if method.is_some_and(|method| method != "none") {
            return Err(RegistrationError::Metadata("token_endpoint_auth_method"));
        }
        if ["jwks", "jwks_uri", "software_statement"].iter().any(|name| said(&members, name).is_some()) {
            return Err(RegistrationError::Metadata("jwks"));
        }
        let other_grants = |types: &Value| !texts(types).any(|one| one == "authorization_code");
        if said(&members, "grant_types").is_some_and(other_grants) {
            return Err(RegistrationError::Metadata("grant_types"));
        }
        let name = document::name(&members).ok_or(RegistrationError::Metadata("client_name"))?;
        let redirect_uris = document::redirect_uris(&members).filter(|uris| uris.len() <= MAX_REDIRECT_URIS);
        Ok(Self { name, redirect_uris: redirect_uris.ok_or(RegistrationError::RedirectUri)?, at: now })
    }

    /// The id of the client.
    #[must_use]
    pub fn client_id(&self, own: &PublicUrl, keys: &KeyRing) -> String {
        let body = json!({ "n": self.name, "r": self.redirect_uris, "t": self.at }).to_string();
        let body = Base64UrlUnpadded::encode_string(body.as_bytes());
        let mac = Base64UrlUnpadded::encode_string(&keys.mac(KeyPurpose::AgentClient, body.as_bytes()));
        own.join(&format!("{PREFIX}{}.{body}.{mac}", keys.newest_id().as_str()))
    }

    /// Whether an id is of the form that clients have which register here: then no document is fetched for it.
    #[must_use]
    pub fn is_id(text: &str, own: &PublicUrl) -> bool {
        text.strip_prefix(own.origin()).is_some_and(|rest| rest.starts_with(PREFIX))
    }

    /// The client with this id. `None` for whatever [`Registration::client_id`] did not make, with a key still in the ring.
    #[must_use]
    pub fn read(text: &str, own: &PublicUrl, keys: &KeyRing) -> Option<ClientDocument> {
        let marked = text.strip_prefix(own.origin())?.strip_prefix(PREFIX).filter(|_| text.len() <= MAX_ID_BYTES)?;
        let mut parts = marked.split('.');
        let (key, body, mac, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
        let mac = Base64UrlUnpadded::decode_vec(mac).ok()?;
        if !keys.mac_is_valid(KeyPurpose::AgentClient, key, body.as_bytes(), &mac) {
            return None;
        }
        let members = json::parse_object(&Base64UrlUnpadded::decode_vec(body).ok()?, MAX_ID_BYTES).ok()?;
        let uris = members.get("r").map(|uris| texts(uris).map(str::to_owned).collect())?;
        Some(ClientDocument {
            id: text.to_owned(),
            name: members.get("n")?.as_str()?.to_owned(),
            redirect_uris: uris,
            keys: None,
            is_public: true,
            is_registered: true,
        })
    }

    /// The answer to the client (RFC 7591 §3.2.1).
    #[must_use]
    pub fn to_json(&self, client_id: &str) -> Value {
        let mut members = Map::new();
        let all = [
            ("client_id", client_id.into()),
            ("client_id_issued_at", json!(self.at)),
            ("client_name", self.name.as_str().into()),
            ("redirect_uris", json!(self.redirect_uris)),
            ("grant_types", json!(["authorization_code", "refresh_token"])),
            ("response_types", json!(["code"])),
            ("token_endpoint_auth_method", "none".into()),
        ];
        members.extend(all.map(|(name, value): (&str, Value)| (name.to_owned(), value)));
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn ring(id: &str) -> KeyRing {
        KeyRing::parse(&format!("{id}:{}A", id.repeat(42))).unwrap()
    }

    fn own() -> PublicUrl {
        PublicUrl::parse("https://app.example.com").unwrap()
    }

    fn register(change: impl FnOnce(&mut Value)) -> Result<Registration, RegistrationError> {
        let mut request = json!({ "client_name": "Some client", "redirect_uris": ["http://127.0.0.1/cb"] });
        change(&mut request);
        Registration::parse(request.to_string().as_bytes(), NOW)
    }

    // R-316
    #[test]
    fn a_client_is_known_by_its_id_alone() {
        let id = register(|_| {}).unwrap().client_id(&own(), &ring("a"));
        let client = Registration::read(&id, &own(), &ring("a")).unwrap();
        assert_eq!((client.id.as_str(), client.name.as_str()), (id.as_str(), "Some client"));
        assert_eq!(client.redirect_uris, ["http://127.0.0.1/cb"]);
        assert!(client.is_public && client.is_registered && client.keys.is_none());
        assert!(
            Registration::is_id(&id, &own())
                && !Registration::is_id("https://client.example/auth/agents/clients/x", &own())
        );
    }

    // R-316
    #[test]
    fn an_id_that_others_made_or_changed_is_nobodys() {
        let id = register(|_| {}).unwrap().client_id(&own(), &ring("a"));
        assert!(Registration::read(&id, &own(), &ring("b")).is_none());
        assert!(Registration::read(&id, &PublicUrl::parse("https://other.example").unwrap(), &ring("a")).is_none());
        let start = own().origin().len() + PREFIX.len();
        for at in start..id.len() {
            let mut bytes = id.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(Registration::read(&String::from_utf8(bytes).unwrap(), &own(), &ring("a")).is_none(), "{at}");
        }
        for odd in
            ["", "https://app.example.com/auth/agents/clients/", "https://app.example.com/auth/agents/clients/a.b.c.d"]
        {
            assert!(Registration::read(odd, &own(), &ring("a")).is_none(), "{odd}");
        }
        let other = ring("a").mac(KeyPurpose::SessionHandle, b"e30");
        let other = Base64UrlUnpadded::encode_string(&other);
        assert!(Registration::read(&own().join(&format!("{PREFIX}a.e30.{other}")), &own(), &ring("a")).is_none());
    }

    // R-316
    #[test]
    fn only_public_clients_with_a_name_and_an_address_are_registered() {
        type Change = fn(&mut Value);
        let cases: [(Change, RegistrationError); 8] = [
            (
                |request| request["token_endpoint_auth_method"] = "client_secret_basic".into(),
                RegistrationError::Metadata("token_endpoint_auth_method"),
            ),
            (
                |request| request["token_endpoint_auth_method"] = "private_key_jwt".into(),
                RegistrationError::Metadata("token_endpoint_auth_method"),
            ),
            (|request| request["jwks"] = json!({ "keys": [] }), RegistrationError::Metadata("jwks")),
            (|request| request["client_name"] = "".into(), RegistrationError::Metadata("client_name")),
            (|request| request["redirect_uris"] = json!([]), RegistrationError::RedirectUri),
            (|request| request["redirect_uris"] = json!(["http://client.example/cb"]), RegistrationError::RedirectUri),
            (
                |request| request["grant_types"] = json!(["client_credentials"]),
                RegistrationError::Metadata("grant_types"),
            ),
            (|request| request["x"] = "a".repeat(MAX_BYTES).into(), RegistrationError::Metadata("body")),
        ];
        for (number, (change, error)) in cases.into_iter().enumerate() {
            assert_eq!(register(change).unwrap_err(), error, "{number}");
        }
        let longest = register(|request| {
            request["redirect_uris"] =
                json!([format!("https://client.example/{}", "a".repeat(480)), "http://127.0.0.1/cb"]);
            request["client_name"] = "n".repeat(80).into();
        });
        let id = longest.unwrap().client_id(&own(), &ring("a"));
        assert!(Registration::read(&id, &own(), &ring("a")).is_some(), "{}", id.len());
    }
}
