//! Why a proof is not good.

use crate::jose::{JwtError, KeyProofError};

/// The check a proof failed. Each stands for one member, or one rule about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopError {
    /// There is no `DPoP` header.
    Missing,
    /// There are several, or one that holds several.
    Repeated,
    /// It is longer than any proof that is looked at.
    TooLarge,
    /// It is not visible ASCII.
    NotText,
    /// It is no compact JWS, of no allowed algorithm, or its signature is wrong.
    Jwt(JwtError),
    /// `jwk` is missing or no object.
    KeyMissing,
    /// `jwk` holds the private key.
    KeyPrivate,
    /// `jwk` is no public key of a kind and size that is used here.
    KeyUnusable,
    /// `typ` is not `dpop+jwt`.
    TypRefused,
    /// The key is not the one that the token is bound to.
    KeyMismatch,
    /// `jti` is missing, no string, empty, or too long.
    JtiMalformed,
    /// `htm` is missing, no string, empty, or too long.
    HtmMalformed,
    /// `htm` is not the method of the request.
    HtmMismatch,
    /// `htu` is missing, or no `http` or `https` URI.
    HtuMalformed,
    /// `htu` is not the URI of the request.
    HtuMismatch,
    /// A nonce is asked for and there is none.
    NonceMissing,
    /// The nonce is not ours, or too old.
    NonceRefused,
    /// `iat` is missing or no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// `iat` is too long ago.
    IatTooOld,
    /// `ath` is missing or no string.
    AthMalformed,
    /// `ath` is not the hash of the token.
    AthMismatch,
    /// It was used before.
    Replayed,
}

/// What a client has to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blame {
    /// The token: `invalid_token`.
    Token,
    /// The proof: `invalid_dpop_proof`.
    Proof,
    /// Nothing but the proof's nonce: `use_dpop_nonce`.
    Nonce,
}

impl DpopError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "dpop.missing",
            Self::Repeated => "dpop.repeated",
            Self::TooLarge => "dpop.too_large",
            Self::NotText => "dpop.not_text",
            Self::Jwt(_) => "dpop.not_verified",
            Self::KeyMissing => "dpop.key_missing",
            Self::KeyPrivate => "dpop.key_private",
            Self::KeyUnusable => "dpop.key_unusable",
            Self::TypRefused => "dpop.typ_refused",
            Self::KeyMismatch => "dpop.key_mismatch",
            Self::JtiMalformed => "dpop.jti_malformed",
            Self::HtmMalformed => "dpop.htm_malformed",
            Self::HtmMismatch => "dpop.htm_mismatch",
            Self::HtuMalformed => "dpop.htu_malformed",
            Self::HtuMismatch => "dpop.htu_mismatch",
            Self::NonceMissing => "dpop.nonce_missing",
            Self::NonceRefused => "dpop.nonce_refused",
            Self::IatMalformed => "dpop.iat_malformed",
            Self::IatInFuture => "dpop.iat_in_future",
            Self::IatTooOld => "dpop.iat_too_old",
            Self::AthMalformed => "dpop.ath_malformed",
            Self::AthMismatch => "dpop.ath_mismatch",
            Self::Replayed => "dpop.replayed",
        }
    }

    /// What more the log should know.
    #[must_use]
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Jwt(error) => Some(error.code()),
            _ => None,
        }
    }

    /// What the client has to do about it (RFC 9449 §7.1, §9): a binding that does not hold is the token's fault, as in
    /// the example there; everything else is the proof's.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::NonceMissing | Self::NonceRefused => Blame::Nonce,
            Self::KeyMismatch | Self::AthMismatch => Blame::Token,
            _ => Blame::Proof,
        }
    }
}

impl From<KeyProofError> for DpopError {
    fn from(error: KeyProofError) -> Self {
        match error {
            KeyProofError::Jwt(error) => Self::Jwt(error),
            KeyProofError::KeyMissing => Self::KeyMissing,
            KeyProofError::KeyPrivate => Self::KeyPrivate,
            KeyProofError::KeyUnusable => Self::KeyUnusable,
        }
    }
}
