//! A new passkey (§7.1).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::CeremonyExpectations;
use super::attestation::AttestationObject;
use super::client_data::{CeremonyKind, ClientData};
use super::cose::CredentialKey;
use super::error::CeremonyError;
use super::response::{bytes, parts, transports};
use crate::jose::Signatures;
use crate::json;

/// A browser's answer to [`options::creation`](super::options::creation), taken apart; nothing of it is checked.
#[derive(Clone, Debug)]
pub struct RegistrationResponse {
    credential_id: Vec<u8>,
    client_data: ClientData,
    raw_client_data: Vec<u8>,
    attestation_object: Vec<u8>,
    transports: Vec<String>,
}

/// A passkey that passed the ceremony. Only [`RegistrationResponse::verify`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(id: String) -> postern::webauthn::NewPasskey {
/// postern::webauthn::NewPasskey { id, ..panic!() }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    id: String,
    jwk: String,
    sign_count: u32,
    backup_eligible: bool,
    backed_up: bool,
    transports: Vec<String>,
    aaguid: String,
}

impl RegistrationResponse {
    /// Takes an answer apart: the members of `PublicKeyCredential.toJSON()`.
    ///
    /// # Errors
    /// When a part is missing, or has another form.
    pub fn parse(credential: &Map<String, Value>) -> Result<Self, CeremonyError> {
        let (credential_id, response) = parts(credential)?;
        let raw_client_data = bytes(response, "clientDataJSON")?;
        let client_data = ClientData::parse(&raw_client_data)?;
        let attestation_object = bytes(response, "attestationObject")?;
        Ok(Self { credential_id, client_data, raw_client_data, attestation_object, transports: transports(response) })
    }

    /// The challenge that it says it answers, in base64url: to be looked up among those that were kept, and used up there.
    #[must_use]
    pub fn challenge(&self) -> &str {
        self.client_data.challenge()
    }

    /// Passes it through the ceremony. Whether the credential is known already, the person's object sees (R-212).
    ///
    /// # Errors
    /// At the first step that it does not pass.
    pub async fn verify(
        &self,
        expected: &CeremonyExpectations<'_>,
        signatures: &impl Signatures,
    ) -> Result<NewPasskey, CeremonyError> {
        self.client_data.check(CeremonyKind::Registration, expected)?;
        let object = AttestationObject::parse(&self.attestation_object)?;
        object.data.check(expected.rp_id)?;
        let credential = object.data.credential.as_ref().ok_or(CeremonyError::NoCredential)?;
        if credential.id != self.credential_id {
            return Err(CeremonyError::CredentialMismatch);
        }
        let key = CredentialKey::read(&credential.key)?;
        object.check_statement(&key, &Sha256::digest(&self.raw_client_data), signatures).await?;
        Ok(NewPasskey {
            id: Base64UrlUnpadded::encode_string(credential.id),
            jwk: jwk(&key),
            sign_count: object.data.sign_count,
            backup_eligible: object.data.backup_eligible(),
            backed_up: object.data.backed_up(),
            transports: self.transports.clone(),
            aaguid: credential.aaguid.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

pub(super) fn jwk(key: &CredentialKey) -> String {
    let members = key.key.members().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let alg = ("alg".to_owned(), key.algorithm.name().into());
    Value::Object(json::object(members.chain([alg]))).to_string()
}

impl NewPasskey {
    /// The credential id, in base64url.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key, as a JWK with its one `alg`.
    #[must_use]
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// How often its authenticator says that it signed.
    #[must_use]
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Whether it may be copied to other devices.
    #[must_use]
    pub const fn backup_eligible(&self) -> bool {
        self.backup_eligible
    }

    /// Whether it was.
    #[must_use]
    pub const fn backed_up(&self) -> bool {
        self.backed_up
    }

    /// How the browser says that its authenticator is reached.
    #[must_use]
    pub fn transports(&self) -> &[String] {
        &self.transports
    }

    /// What its authenticator calls its model, in hexadecimal digits. Nobody vouches for it (R-215).
    #[must_use]
    pub fn aaguid(&self) -> &str {
        &self.aaguid
    }
}

#[cfg(test)]
mod tests;
