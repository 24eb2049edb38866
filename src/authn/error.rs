//! Why an access token is refused: how it was presented, what it is, and whose it is to use.

use super::access_token::AccessTokenError;
use super::confirmation::ConfirmationError;
use super::dpop::DpopError;
use super::mtls::CertificateError;
use super::workload::WorkloadError;
use crate::jose::JwtError;
use crate::oidc::introspection::IntrospectionError;
use crate::ports::StoreError;

/// Why a request does not present one token in the one way there is: the caller's mistake, 400 (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresentationError {
    /// `Authorization` is there twice, or holds several credentials.
    Repeated,
    /// No scheme, no token, or more than one `token68` after the scheme.
    Malformed,
    /// Longer than any token that is looked at.
    TooLarge,
    /// The token is in the URL.
    InQuery,
}

/// Why a token is not good: `invalid_token`, 401 (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRejection {
    /// Its `iss` is none of the configured issuers.
    IssuerUnknown,
    /// It is no JWT that its issuer signed.
    Jwt(JwtError),
    /// It does not say what it must.
    Claims(AccessTokenError),
    /// It is opaque, and its issuer says that it is not good, or something of it that must not be.
    Introspection(IntrospectionError),
    /// It is opaque, and no text that its issuer is asked about.
    NoToken,
    /// It is a program's, and does not say what the platform's tokens must.
    Workload(WorkloadError),
    /// It is for another resource of this deployment than the one that is asked for.
    OtherResource,
    /// Its presenter has not shown to be who it is for.
    Sender(SenderError),
}

impl PresentationError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Repeated => "bearer.repeated",
            Self::Malformed => "bearer.malformed",
            Self::TooLarge => "bearer.too_large",
            Self::InQuery => "bearer.in_query",
        }
    }
}

impl TokenRejection {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::IssuerUnknown => "bearer.issuer_unknown",
            Self::Jwt(error) => error.code(),
            Self::Claims(error) => error.code(),
            Self::Introspection(error) => error.code(),
            Self::NoToken => "introspection.no_token",
            Self::Workload(error) => error.code(),
            Self::OtherResource => "access_token.other_resource",
            Self::Sender(error) => error.code(),
        }
    }
}

/// Why a token is not its presenter's to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderError {
    /// It is bound in a way that cannot be checked.
    Confirmation(ConfirmationError),
    /// It is bound to a key and came as `Bearer`.
    BoundTokenAsBearer,
    /// It is bound to nothing, and its scheme or its issuer's rule wants it bound.
    NotBound,
    /// It is bound to a key where a certificate is asked for, or the other way round.
    BoundOtherwise,
    /// It is bound, and the route would pass it on to an upstream that gets no proof.
    NotRelayed,
    /// The proof of the key is not good.
    Dpop(DpopError),
    /// The certificate of the connection is not the one.
    Certificate(CertificateError),
}

/// Why nobody came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderFailure {
    /// The token is not theirs to use.
    Rejected(TokenRejection),
    /// The memory of used proofs does not answer: nobody is let in on a guess.
    Store(StoreError),
}

impl SenderError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Confirmation(error) => error.code(),
            Self::BoundTokenAsBearer => "sender.bound_token_as_bearer",
            Self::NotBound => "sender.token_not_bound",
            Self::BoundOtherwise => "sender.token_bound_otherwise",
            Self::NotRelayed => "sender.bound_token_not_relayed",
            Self::Dpop(error) => error.code(),
            Self::Certificate(error) => error.code(),
        }
    }
}

impl From<SenderError> for SenderFailure {
    fn from(error: SenderError) -> Self {
        Self::Rejected(TokenRejection::Sender(error))
    }
}
