//! The platform's word about a client certificate → proof that its owner sends the request (RFC 8705 §3).
//!
//! The certificate is the one of the TLS connection, by `request.cf.tlsClientAuth`; no header says anything about it
//! . Cloudflare fills the fields in for certificates that failed its checks too, so each of them counts.

use crate::config::fingerprint as unhex;
use crate::http::{ClientCertificate, Peer};

/// Why a connection does not prove possession of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// None was presented, or the platform says nothing of one.
    Missing,
    /// No authority that the zone trusts signed it, it has expired, or its key was not shown.
    NotVerified,
    /// It was revoked, or the platform does not say.
    Revoked,
    /// The platform does not say which one it is.
    Unnamed,
    /// It is not the one that the token is bound to.
    Mismatch,
}

impl CertificateError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "mtls.certificate_missing",
            Self::NotVerified => "mtls.certificate_not_verified",
            Self::Revoked => "mtls.certificate_revoked",
            Self::Unnamed => "mtls.certificate_unnamed",
            Self::Mismatch => "mtls.certificate_mismatch",
        }
    }
}

/// Checks that the caller's certificate is the one with this SHA-256.
///
/// # Errors
/// The first check that fails.
pub fn check(peer: &Peer, x5t_s256: &[u8; 32]) -> Result<(), CertificateError> {
    if verified(peer)? == *x5t_s256 { Ok(()) } else { Err(CertificateError::Mismatch) }
}

/// The SHA-256 of the DER form of the caller's certificate.
///
/// # Errors
/// When none was presented, or it was not verified, or is revoked.
pub fn verified(peer: &Peer) -> Result<[u8; 32], CertificateError> {
    fingerprint(peer.certificate.as_ref().ok_or(CertificateError::Missing)?)
}

/// The SHA-256 of the DER form of a certificate that was presented, verified, and not revoked.
fn fingerprint(certificate: &ClientCertificate) -> Result<[u8; 32], CertificateError> {
    if certificate.presented.as_deref() != Some("1") {
        return Err(CertificateError::Missing);
    }
    if certificate.verified.as_deref() != Some("SUCCESS") {
        return Err(CertificateError::NotVerified);
    }
    if certificate.revoked.as_deref() != Some("0") {
        return Err(CertificateError::Revoked);
    }
    certificate.fingerprint_sha256.as_deref().and_then(unhex).ok_or(CertificateError::Unnamed)
}

#[cfg(test)]
mod tests;
