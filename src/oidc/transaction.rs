//! One login under way: what must come back, sealed in a cookie of the browser that began it.
//!
//! Nothing is stored on our side when a login starts, so nobody can fill our storage by asking to log in.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::login_values::{CodeVerifier, Nonce, State};
use super::proof_key::ProofKey;
use crate::config::ProviderId;
use crate::http::cookie::LOGIN_PREFIX;
use crate::json;
use crate::keyring::{KeyPurpose, KeyRing, SealError};
use crate::ports::Random;
use crate::secret::{self, Secret, constant_time_eq};
use crate::time::{Seconds, Timestamp};

/// How long a person may take at the provider (R-022).
pub const LIFETIME: Seconds = Seconds::minutes(10);

/// How many logins one browser may have under way; the oldest makes room.
pub const MAX_AT_ONCE: usize = 4;

const MAX_SEALED_BYTES: usize = 3800;

/// One login under way. Consumed by value when it ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transaction {
    #[serde(rename = "v")]
    version: u8,
    /// `state`
    #[serde(rename = "s")]
    pub state: State,
    /// `nonce`
    #[serde(rename = "n")]
    pub nonce: Nonce,
    /// `code_verifier`
    #[serde(rename = "c")]
    pub code_verifier: CodeVerifier,
    /// The provider it was begun with.
    #[serde(rename = "p")]
    pub provider: String,
    /// Where to go afterwards; read again with [`super::return_to::ReturnTo::parse`] before it is used.
    #[serde(rename = "r")]
    pub return_to: String,
    /// When it began.
    #[serde(rename = "t")]
    pub started_at: Timestamp,
    /// `acr_values` asked for, one of which the ID token must then have (R-053).
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// `max_age` asked for (R-052).
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Seconds>,
    /// Whether the provider was to ask the person nothing (`prompt=none`).
    #[serde(rename = "z", default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// The session cookie this browser had: a `Strict` cookie does not come along on the way back,
    /// and the session must end when the new one begins (R-177).
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none", with = "secret::stored::option")]
    pub previous_session: Option<Secret<String>>,
    /// The key that the tokens will be bound to, where they are to be.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub proof_key: Option<ProofKey>,
}

/// What a login asks for, before it has its random parts.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    /// With whom.
    pub provider: &'a ProviderId,
    /// Where to go afterwards.
    pub return_to: String,
    /// Which `acr` must result; empty for any.
    pub acr_values: Vec<String>,
    /// How long ago the person may have proven themselves at most.
    pub max_age: Option<Seconds>,
    /// Whether the provider is to ask the person nothing.
    pub silent: bool,
    /// The browser's session cookie, if it has one.
    pub previous_session: Option<Secret<String>>,
}

impl Transaction {
    /// Begins: `state`, `nonce` and `code_verifier` are 256 random bits each (R-018, R-020).
    #[must_use]
    pub fn begin(intent: Intent<'_>, now: Timestamp, random: &impl Random) -> Self {
        Self {
            version: 1,
            state: State::random(random),
            nonce: Nonce::random(random),
            code_verifier: CodeVerifier::random(random),
            provider: intent.provider.as_str().to_owned(),
            return_to: intent.return_to,
            started_at: now,
            acr_values: intent.acr_values,
            max_age: intent.max_age,
            silent: intent.silent,
            previous_session: intent.previous_session,
            proof_key: None,
        }
    }

    /// `code_challenge` under `S256` (RFC 7636 §4.2).
    #[must_use]
    pub fn code_challenge(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(self.code_verifier.expose()))
    }

    /// The name of its cookie, and the value.
    ///
    /// # Errors
    /// When it would not fit into a cookie.
    pub fn seal(&self, keys: &KeyRing, random: &impl Random) -> Result<(String, Secret<String>), SealError> {
        let name = cookie_name(self.state.expose());
        let plain = Secret::new(serde_json::to_vec(self).map_err(|_| SealError)?);
        let sealed = keys.seal(KeyPurpose::LoginTransaction, name.as_bytes(), plain.expose(), random)?;
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(SealError);
        }
        Ok((name, Secret::new(sealed)))
    }

    /// Opens the cookie `name`; `None` if it was not made here, or not for this name, or is too old.
    #[must_use]
    pub fn open(name: &str, value: &str, keys: &KeyRing, now: Timestamp) -> Option<Self> {
        if value.len() > MAX_SEALED_BYTES {
            return None;
        }
        let plain = keys.open(KeyPurpose::LoginTransaction, name.as_bytes(), value).ok()?;
        let transaction: Self = json::from_bytes(plain.expose()).ok()?;
        (transaction.version == 1 && now < transaction.expires_at()).then_some(transaction)
    }

    /// When it is too late.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.started_at.plus(LIFETIME)
    }

    /// Whether `state` is the one sent, in constant time (R-108).
    #[must_use]
    pub fn has_state(&self, state: &str) -> bool {
        constant_time_eq(self.state.expose().as_bytes(), state.as_bytes())
    }

    /// What it asks of the sign-in, by [`asked_tag`].
    #[must_use]
    pub fn asked_tag(&self) -> Option<String> {
        asked_tag(&self.acr_values, self.max_age)
    }

    /// What is remembered of it once it ended, so that it ends once (R-022).
    #[must_use]
    pub fn once_key(&self) -> [u8; 32] {
        Sha256::new().chain_update(b"postern/login-transaction/").chain_update(self.state.expose()).finalize().into()
    }
}

/// Names what a login asks of the sign-in: the same for the same. `None` where it asks for nothing.
#[must_use]
pub fn asked_tag(acr_values: &[String], max_age: Option<Seconds>) -> Option<String> {
    let max_age = max_age.map(|max_age| max_age.get().to_string());
    if acr_values.is_empty() && max_age.is_none() {
        return None;
    }
    // No value of `acr` holds a space.
    let asked = format!("{} {}", max_age.unwrap_or_default(), acr_values.join(" "));
    Some(Sha256::digest(asked).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// The name of the cookie of the login that sent `state`.
#[must_use]
pub fn cookie_name(state: &str) -> String {
    let digest = Sha256::digest(state);
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{LOGIN_PREFIX}{tag}")
}

#[cfg(test)]
mod tests;
