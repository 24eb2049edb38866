//! Why an ID token is not believed.

/// The check an ID token failed. Each stands for one claim, or one rule about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenError {
    /// `typ` says that it is another kind of token.
    TypRefused,
    /// It has `events`, so it is a logout or security event token.
    EventsPresent,
    /// `iss` is not the issuer, or missing.
    IssMismatch,
    /// `tid` is missing or no string, at an issuer with a name for each tenant.
    TidMalformed,
    /// `tid` is no tenant whose people may sign in.
    TidRefused,
    /// The key that verified it is for the tokens of another issuer.
    KeyIssuerMismatch,
    /// `aud` is missing, empty, or neither a string nor an array of strings.
    AudMalformed,
    /// `aud` does not contain our id.
    AudMismatch,
    /// `aud` contains others beside us, of whom one is not trusted.
    AudUntrusted,
    /// `aud` contains others beside us, and no `azp` says that the token was issued to us.
    AzpMissing,
    /// `azp` is not our id.
    AzpMismatch,
    /// `exp` is missing or no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// `iat` is missing or no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// `iat` is too long ago for a login.
    IatTooOld,
    /// `nbf` is there and no time.
    NbfMalformed,
    /// Before `nbf`.
    NotYetValid,
    /// `nonce` is missing or no string.
    NonceMissing,
    /// `nonce` is that of another login.
    NonceMismatch,
    /// `sub` is missing, no string, empty, longer than 255 characters, or not ASCII.
    SubMalformed,
    /// `sub` of a refreshed ID token is somebody else's.
    SubMismatch,
    /// `sid` is there and no such string.
    SidMalformed,
    /// `at_hash` does not belong to the access token.
    AtHashMismatch,
    /// `auth_time` is there and no time.
    AuthTimeMalformed,
    /// `auth_time` is in the future.
    AuthTimeInFuture,
    /// `max_age` was asked for, and there is no `auth_time`.
    AuthTimeMissing,
    /// The person signed in longer ago than `max_age`.
    AuthTimeTooOld,
    /// No `acr` of those required.
    AcrUnsatisfied,
}

impl IdTokenError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TypRefused => "id_token.typ_refused",
            Self::EventsPresent => "id_token.events_present",
            Self::IssMismatch => "id_token.iss_mismatch",
            Self::TidMalformed => "id_token.tid_malformed",
            Self::TidRefused => "id_token.tid_refused",
            Self::KeyIssuerMismatch => "id_token.key_issuer_mismatch",
            Self::AudMalformed => "id_token.aud_malformed",
            Self::AudMismatch => "id_token.aud_mismatch",
            Self::AudUntrusted => "id_token.aud_untrusted",
            Self::AzpMissing => "id_token.azp_missing",
            Self::AzpMismatch => "id_token.azp_mismatch",
            Self::ExpMalformed => "id_token.exp_malformed",
            Self::Expired => "id_token.expired",
            Self::IatMalformed => "id_token.iat_malformed",
            Self::IatInFuture => "id_token.iat_in_future",
            Self::IatTooOld => "id_token.iat_too_old",
            Self::NbfMalformed => "id_token.nbf_malformed",
            Self::NotYetValid => "id_token.not_yet_valid",
            Self::NonceMissing => "id_token.nonce_missing",
            Self::NonceMismatch => "id_token.nonce_mismatch",
            Self::SubMalformed => "id_token.sub_malformed",
            Self::SubMismatch => "id_token.sub_mismatch",
            Self::SidMalformed => "id_token.sid_malformed",
            Self::AtHashMismatch => "id_token.at_hash_mismatch",
            Self::AuthTimeMalformed => "id_token.auth_time_malformed",
            Self::AuthTimeInFuture => "id_token.auth_time_in_future",
            Self::AuthTimeMissing => "id_token.auth_time_missing",
            Self::AuthTimeTooOld => "id_token.auth_time_too_old",
            Self::AcrUnsatisfied => "id_token.acr_unsatisfied",
        }
    }
}
