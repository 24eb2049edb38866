//! Why an answer of a browser is no passkey, or no proof of one.

use std::fmt;

use super::cbor::CborError;
use crate::json::JsonError;

/// The step of the ceremony that an answer did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CeremonyError {
    /// The answer lacks this member, or it has another form.
    Response(&'static str),
    /// The client data is no JSON object in UTF-8.
    ClientDataJson(JsonError),
    /// The client data lacks this member, or it has another form.
    ClientDataMember(&'static str),
    /// It is about another kind of ceremony.
    Type,
    /// It answers another question.
    Challenge,
    /// It was made for another origin.
    Origin,
    /// It was made in a frame of another origin.
    CrossOrigin,
    /// What the authenticator wrote is no CBOR as authenticators write it.
    Cbor(CborError),
    /// The attestation object has other members than its three.
    AttestationObject,
    /// The authenticator data is shorter or longer than it says.
    AuthenticatorData,
    /// It was made for another RP ID.
    RpId,
    /// Nobody touched the authenticator.
    UserAbsent,
    /// The authenticator did not verify who touched it.
    UserUnverified,
    /// It says that it was copied, and that it cannot be.
    BackupState,
    /// It can be copied and could not be before, or the other way round.
    BackupEligibility,
    /// There is no credential in it.
    NoCredential,
    /// The credential id is empty, or longer than 1023 bytes.
    CredentialId,
    /// The answer is about another credential than its parts.
    CredentialMismatch,
    /// The key is for an algorithm that was not asked for.
    Algorithm,
    /// The key is no public key of its kind.
    Key,
    /// It brings an attestation that was not asked for, or a wrong one of its own.
    Attestation,
    /// The person has no such passkey.
    UnknownCredential,
    /// The passkey is of somebody else.
    UserHandle,
    /// The passkey did not sign this.
    Signature,
    /// Its counter did not go on: there may be a copy of its authenticator.
    SignCount,
}

impl CeremonyError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Response(_) => "passkey.response",
            Self::ClientDataJson(_) | Self::ClientDataMember(_) => "passkey.client_data",
            Self::Type => "passkey.type",
            Self::Challenge => "passkey.challenge",
            Self::Origin => "passkey.origin",
            Self::CrossOrigin => "passkey.cross_origin",
            Self::Cbor(_) => "passkey.cbor",
            Self::AttestationObject => "passkey.attestation_object",
            Self::AuthenticatorData => "passkey.authenticator_data",
            Self::RpId => "passkey.rp_id",
            Self::UserAbsent => "passkey.user_absent",
            Self::UserUnverified => "passkey.user_unverified",
            Self::BackupState => "passkey.backup_state",
            Self::BackupEligibility => "passkey.backup_eligibility",
            Self::NoCredential => "passkey.no_credential",
            Self::CredentialId => "passkey.credential_id",
            Self::CredentialMismatch => "passkey.credential_mismatch",
            Self::Algorithm => "passkey.algorithm",
            Self::Key => "passkey.key",
            Self::Attestation => "passkey.attestation",
            Self::UnknownCredential => "passkey.unknown_credential",
            Self::UserHandle => "passkey.user_handle",
            Self::Signature => "passkey.signature",
            Self::SignCount => "passkey.sign_count",
        }
    }
}

impl CeremonyError {
    /// What more the log should know; of what the browser sent nothing is in it.
    #[must_use]
    pub fn detail(self) -> Option<String> {
        match self {
            Self::Response(member) | Self::ClientDataMember(member) => Some(member.to_owned()),
            Self::ClientDataJson(error) => Some(error.to_string()),
            Self::Cbor(error) => Some(error.to_string()),
            _ => None,
        }
    }
}

impl fmt::Display for CeremonyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        self.detail().map_or(Ok(()), |detail| write!(f, " ({detail})"))
    }
}

impl std::error::Error for CeremonyError {}

impl From<CborError> for CeremonyError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}
