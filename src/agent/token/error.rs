//! Why a client gets no token: what the log says, and `error` of the answer (RFC 6749 §5.2).

use crate::agent::client::DocumentError;
use crate::agent::client::assertion::AssertionError;
use crate::agent::enterprise::EnterpriseRefusal;
use crate::agent::exchange::ExchangeError;
use crate::agent::grant::GrantRefusal;
use crate::jose::JwtError;

/// Why a client gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEndpointError {
    /// The named parameter is missing, stands twice, or is not what it must be.
    InvalidRequest(&'static str),
    /// The client is not known, or does not prove that it is the one.
    InvalidClient(ClientRefusal),
    /// The code or token is not good.
    InvalidGrant(GrantError),
    /// Nothing is exchanged.
    Exchange(ExchangeError),
    /// What a provider vouches for is not taken.
    Enterprise(EnterpriseRefusal),
    /// `grant_type` is none of ours.
    UnsupportedGrantType,
    /// A scope that was not granted.
    InvalidScope,
    /// A resource that was not granted, or is none of ours.
    InvalidTarget,
    /// The proof of a key is not good.
    Proof {
        /// The name of the reason in the log.
        code: &'static str,
        /// Whether all it lacks is a nonce of ours.
        wants_nonce: bool,
    },
}

/// Why a client is not believed to be the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRefusal {
    /// There is no such client, or its document cannot be had.
    Unknown,
    /// Its document says nothing that may be relied on.
    Document(DocumentError),
    /// It has to prove itself, and does not.
    NoProof,
    /// It proves itself in a way that is not known here, or has nothing to do it with.
    Method,
    /// Its assertion is no good JWT.
    Signature(JwtError),
    /// Its assertion does not say what it must.
    Assertion(AssertionError),
    /// Its assertion was used before.
    Replayed,
    /// It is none of those that are let in here.
    NotAllowed,
    /// It is blocked.
    Blocked,
}

/// Why a code or token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// We did not make it, or it is of another kind.
    Forged,
    /// The grant has ended, or never was.
    Gone,
    /// The person's object refuses it.
    Refused(GrantRefusal),
}

impl GrantError {
    const fn code(self) -> &'static str {
        match self {
            Self::Forged => "agent.grant_forged",
            Self::Gone => "agent.grant_gone",
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

impl From<GrantRefusal> for TokenEndpointError {
    fn from(refusal: GrantRefusal) -> Self {
        match refusal {
            GrantRefusal::OtherResource => Self::InvalidTarget,
            GrantRefusal::TooMuch => Self::InvalidScope,
            _ => Self::InvalidGrant(GrantError::Refused(refusal)),
        }
    }
}

impl ClientRefusal {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "agent.client_unknown",
            Self::Document(error) => error.code(),
            Self::NoProof => "agent.client_unproven",
            Self::Method => "agent.client_method",
            Self::Signature(error) => error.code(),
            Self::Assertion(error) => error.code(),
            Self::Replayed => "agent.assertion_reused",
            Self::NotAllowed => "agent.client_not_allowed",
            Self::Blocked => "agent.client_blocked",
        }
    }
}

impl TokenEndpointError {
    /// `error`
    #[must_use]
    pub const fn error(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::Exchange(error) => error.error(),
            Self::Enterprise(refusal) => refusal.error(),
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::Proof { wants_nonce: true, .. } => "use_dpop_nonce",
            Self::Proof { .. } => "invalid_dpop_proof",
        }
    }

    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "agent.invalid_request",
            Self::InvalidClient(refusal) => refusal.code(),
            Self::InvalidGrant(error) => error.code(),
            Self::Exchange(error) => error.code(),
            Self::Enterprise(refusal) => refusal.code(),
            Self::UnsupportedGrantType => "agent.grant_type",
            Self::InvalidScope => "agent.invalid_scope",
            Self::InvalidTarget => "agent.invalid_target",
            Self::Proof { code, .. } => code,
        }
    }

    /// The parameter that it is about.
    #[must_use]
    pub const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest(name) | Self::Exchange(ExchangeError::Malformed(name)) => Some(name),
            _ => None,
        }
    }
}
