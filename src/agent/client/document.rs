//! What a client publishes about itself (Client ID Metadata Document §4): untrusted bytes → what may be relied on.

use serde_json::{Map, Value};

use super::id::{self, ClientId};
use super::redirect::RedirectUri;
use crate::config::MAX_CLIENT_ID_BYTES;
use crate::jose::KeySet;
use crate::json::raw::is_deceptive;
use crate::json::{self, said, texts};

/// The longest document.
pub const MAX_BYTES: usize = 16 * 1024;
/// The longest name, in characters: it stands on a page.
pub const MAX_NAME_CHARACTERS: usize = 80;
/// The most addresses that a client may be answered at.
const MAX_REDIRECT_URIS: usize = 50;

/// A client, by what it publishes, or by what it registered here.
#[derive(Clone, Debug)]
pub struct ClientDocument {
    /// Its id.
    pub id: String,
    /// What it calls itself: `client_name`.
    pub name: String,
    /// Where it may be answered: `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// What it signs with. `None`: it proves nothing about itself.
    pub keys: Option<ClientKeys>,
    /// Whether it may come without proof: `none`.
    pub is_public: bool,
    /// Whether it registered here, so that not even a host stands for its name.
    pub is_registered: bool,
}

/// Where a client's keys are.
#[derive(Clone, Debug)]
pub enum ClientKeys {
    /// `jwks_uri`
    At(String),
    /// `jwks`
    Given(KeySet),
}

/// Why a document says nothing that may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// No JSON object, or longer than a document may be.
    NotJson,
    /// `client_id` is not the address of the document.
    OtherId,
    /// The named member is missing, or not what it must be.
    Unusable(&'static str),
    /// It holds a secret, or asks for one.
    Secret,
}

impl DocumentError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "agent.document_not_json",
            Self::OtherId => "agent.document_of_another",
            Self::Unusable(_) => "agent.document_unusable",
            Self::Secret => "agent.document_with_secret",
        }
    }
}

impl ClientDocument {
    /// Reads the document at `id`. Members that are not known here are no fault.
    ///
    /// # Errors
    /// When it does not say what it must.
    pub fn parse(bytes: &[u8], id: &ClientId, development: bool) -> Result<Self, DocumentError> {
        let members = json::parse_object(bytes, MAX_BYTES).map_err(|_| DocumentError::NotJson)?;
        if members.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
            return Err(DocumentError::OtherId);
        }
        let holds_secret =
            said(&members, "client_secret").is_some() || said(&members, "client_secret_expires_at").is_some();
        if holds_secret || jwks_hold_secret(&members) {
            return Err(DocumentError::Secret);
        }
        let name = name(&members).ok_or(DocumentError::Unusable("client_name"))?;
        let redirect_uris = redirect_uris(&members).ok_or(DocumentError::Unusable("redirect_uris"))?;
        let keys = keys(&members, development)?;
        let is_public = check_methods(&members, keys.is_some())?;
        if said(&members, "grant_types").is_some_and(|types| !texts(types).any(|one| one == "authorization_code")) {
            return Err(DocumentError::Unusable("grant_types"));
        }
        Ok(Self { id: id.as_str().to_owned(), name, redirect_uris, keys, is_public, is_registered: false })
    }
}

/// A name for people: printable, and not so long that it hides what follows it.
pub(super) fn name(members: &Map<String, Value>) -> Option<String> {
    let name = members.get("client_name")?.as_str()?.trim();
    // A name with other signs that are not seen may look like another. This one stands behind an emoji.
    let is_shown = |c: char| c == '\u{fe0f}' || !is_deceptive(c);
    let is_name = !name.is_empty() && name.chars().count() <= MAX_NAME_CHARACTERS && name.chars().all(is_shown);
    is_name.then(|| name.to_owned())
}

/// Only those that are of use; a client may list others for other servers.
pub(super) fn redirect_uris(members: &Map<String, Value>) -> Option<Vec<String>> {
    let listed = members.get("redirect_uris")?.as_array()?;
    if listed.len() > MAX_REDIRECT_URIS {
        return None;
    }
    let usable = listed.iter().filter_map(Value::as_str).filter(|uri| RedirectUri::parse(uri).is_some());
    let usable: Vec<String> = usable.map(str::to_owned).collect();
    (!usable.is_empty()).then_some(usable)
}

fn keys(members: &Map<String, Value>, development: bool) -> Result<Option<ClientKeys>, DocumentError> {
    match (said(members, "jwks_uri"), said(members, "jwks")) {
        (None, None) => Ok(None),
        (Some(Value::String(uri)), None)
            if uri.len() <= MAX_CLIENT_ID_BYTES && id::public(uri, development).is_some() =>
        {
            Ok(Some(ClientKeys::At(uri.clone())))
        }
        (None, Some(jwks @ Value::Object(_))) => {
            let set = KeySet::parse(jwks.to_string().as_bytes()).map_err(|_| DocumentError::Unusable("jwks"))?;
            Ok(Some(ClientKeys::Given(set)))
        }
        (Some(_), None) => Err(DocumentError::Unusable("jwks_uri")),
        // RFC 7591 §2: not both.
        (_, Some(_)) => Err(DocumentError::Unusable("jwks")),
    }
}

/// Whether a key set shows what only its owner should know.
fn jwks_hold_secret(members: &Map<String, Value>) -> bool {
    let keys = members.get("jwks").and_then(|jwks| jwks.get("keys")).and_then(Value::as_array);
    keys.into_iter().flatten().any(|key| ["d", "k", "p"].iter().any(|secret| key.get(secret).is_some()))
}

/// Whether the client may come without proof. It says how it proves itself by `token_endpoint_auth_method`, and some beside
/// that by `token_endpoint_auth_methods_supported` what else it could do.
fn check_methods(members: &Map<String, Value>, has_keys: bool) -> Result<bool, DocumentError> {
    const MEMBER: &str = "token_endpoint_auth_method";
    let offers = |method: &str| {
        said(members, "token_endpoint_auth_methods_supported").is_some_and(|all| texts(all).any(|one| one == method))
    };
    match said(members, MEMBER) {
        // no client of this kind has a secret, so the default of RFC 7591 is not meant.
        None => Ok(true),
        Some(Value::String(method)) => match method.as_str() {
            "none" => Ok(true),
            "private_key_jwt" if has_keys => Ok(offers("none")),
            "private_key_jwt" if offers("none") => Ok(true),
            "private_key_jwt" => Err(DocumentError::Unusable("jwks_uri")),
            secret if secret.starts_with("client_secret") => Err(DocumentError::Secret),
            _ if offers("none") => Ok(true),
            _ => Err(DocumentError::Unusable(MEMBER)),
        },
        Some(_) => Err(DocumentError::Unusable(MEMBER)),
    }
}

#[cfg(test)]
mod tests;
