//! Proof of a passkey that is known (§7.2). Who the person is, their session says.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::authenticator_data::AuthenticatorData;
use super::client_data::{CeremonyKind, ClientData};
use super::error::CeremonyError;
use super::response::{bytes, parts, signature_verifies};
use super::{ALGORITHMS, CeremonyExpectations};
use crate::jose::{Algorithm, PublicKey, Signatures};
use crate::json;

/// The longest key that is stored: RSA of 8192 bits.
const MAX_JWK_BYTES: usize = 2048;

/// A browser's answer to [`options::request`](super::options::request), taken apart; nothing of it is checked.
#[derive(Clone, Debug)]
pub struct AssertionResponse {
    credential_id: String,
    client_data: ClientData,
    raw_client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<String>,
}

/// A passkey of the person, as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct KnownPasskey<'a> {
    /// The credential id, in base64url.
    pub id: &'a str,
    /// The public key, as a JWK with its one `alg`.
    pub jwk: &'a str,
    /// The user handle it was made for, in base64url.
    pub user_handle: &'a str,
    /// Whether it may be copied.
    pub backup_eligible: bool,
    /// How often its authenticator said that it signed, when it was last used.
    pub sign_count: u32,
}

/// Proof of a passkey. Only [`AssertionResponse::verify`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(id: String) -> postern::webauthn::VerifiedAssertion {
/// postern::webauthn::VerifiedAssertion { id, ..panic!() }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAssertion {
    id: String,
    sign_count: u32,
    backup_eligible: bool,
    backed_up: bool,
}

impl AssertionResponse {
    /// Takes an answer apart: the members of `PublicKeyCredential.toJSON()`.
    ///
    /// # Errors
    /// When a part is missing, or has another form.
    pub fn parse(credential: &Map<String, Value>) -> Result<Self, CeremonyError> {
        let (credential_id, response) = parts(credential)?;
        let raw_client_data = bytes(response, "clientDataJSON")?;
        let client_data = ClientData::parse(&raw_client_data)?;
        let user_handle = match response.get("userHandle") {
            None | Some(Value::Null) => None,
            Some(_) => Some(Base64UrlUnpadded::encode_string(&bytes(response, "userHandle")?)),
        };
        Ok(Self {
            credential_id: Base64UrlUnpadded::encode_string(&credential_id),
            client_data,
            raw_client_data,
            authenticator_data: bytes(response, "authenticatorData")?,
            signature: bytes(response, "signature")?,
            user_handle,
        })
    }

    /// The challenge that it says it answers, in base64url: to be looked up among those that were kept, and used up there.
    #[must_use]
    pub fn challenge(&self) -> &str {
        self.client_data.challenge()
    }

    /// Passes it through the ceremony, by the passkeys of the person whose session asks. The person's object compares the counter
    /// once more, when it stores it: two proofs may be on their way at once (R-210).
    ///
    /// # Errors
    /// At the first step that it does not pass.
    pub async fn verify(
        &self,
        expected: &CeremonyExpectations<'_>,
        passkeys: &[KnownPasskey<'_>],
        signatures: &impl Signatures,
    ) -> Result<VerifiedAssertion, CeremonyError> {
        // R-208
        let known = passkeys.iter().find(|known| known.id == self.credential_id);
        let known = known.ok_or(CeremonyError::UnknownCredential)?;
        if self.user_handle.as_ref().is_some_and(|handle| handle != known.user_handle) {
            return Err(CeremonyError::UserHandle);
        }
        self.client_data.check(CeremonyKind::Assertion, expected)?;
        let data = AuthenticatorData::parse(&self.authenticator_data)?;
        data.check(expected.rp_id)?;
        // R-207
        if data.backup_eligible() != known.backup_eligible {
            return Err(CeremonyError::BackupEligibility);
        }
        // R-209
        let message = [&self.authenticator_data[..], &Sha256::digest(&self.raw_client_data)].concat();
        let (key, algorithm) = key(known.jwk).ok_or(CeremonyError::Key)?;
        if !signature_verifies(&key, algorithm, &message, &self.signature, signatures).await {
            return Err(CeremonyError::Signature);
        }
        if !counter_goes_on(known.sign_count, data.sign_count) {
            return Err(CeremonyError::SignCount);
        }
        Ok(VerifiedAssertion {
            id: self.credential_id.clone(),
            sign_count: data.sign_count,
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
        })
    }
}

/// Whether a counter may follow another (§7.2 step 22): it grows, unless its authenticator does not count at all (R-210).
#[must_use]
pub const fn counter_goes_on(before: u32, now: u32) -> bool {
    now > before || (now == 0 && before == 0)
}

/// A key as it is stored.
fn key(jwk: &str) -> Option<(PublicKey, Algorithm)> {
    let members = json::parse_object(jwk.as_bytes(), MAX_JWK_BYTES).ok()?;
    let algorithm = Algorithm::from_name(members.get("alg")?.as_str()?)?;
    ALGORITHMS.iter().find(|(_, known)| *known == algorithm)?;
    Some((PublicKey::from_jwk(&members)?, algorithm))
}

impl VerifiedAssertion {
    /// The credential id, in base64url.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How often its authenticator says that it signed.
    #[must_use]
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Whether it may be copied.
    #[must_use]
    pub const fn backup_eligible(&self) -> bool {
        self.backup_eligible
    }

    /// Whether it was.
    #[must_use]
    pub const fn backed_up(&self) -> bool {
        self.backed_up
    }
}

#[cfg(test)]
mod tests;
