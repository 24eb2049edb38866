//! The certificates of a provider: each carries a key, and nothing else of it counts.

use std::fmt::Write as _;

use postern_saml_messages::Certificate;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use saml::X509Certificate;

use crate::refusal::{Code, Refusal};
use crate::time::to_unix;

/// A provider has no more.
pub(crate) const MAX: usize = 8;
/// The smallest RSA key that is accepted. The library reads no certificate with one of more than 4096 bits.
const MIN_RSA_BITS: usize = 2048;

/// The keys that may have signed.
pub(crate) fn all(certificates: &[String]) -> Result<Vec<X509Certificate>, Refusal> {
    if certificates.is_empty() || certificates.len() > MAX {
        return Err(Code::Certificates.because(&certificates.len().to_string()));
    }
    certificates.iter().map(|der| strong(der)).collect()
}

fn strong(der: &str) -> Result<X509Certificate, Refusal> {
    let certificate =
        X509Certificate::from_base64_x509(der).map_err(|error| Code::Certificate.because(&error.to_string()))?;
    if is_weak(&certificate) { Err(Code::CertificateWeak.into()) } else { Ok(certificate) }
}

/// The library knows keys of RSA, P-256 and P-384 only.
fn is_weak(certificate: &X509Certificate) -> bool {
    RsaPublicKey::from_public_key_der(certificate.subject_public_key_info_der())
        .is_ok_and(|key| key.n().bits() < MIN_RSA_BITS)
}

pub(crate) fn told(certificate: &X509Certificate) -> Certificate {
    Certificate {
        der: certificate.to_base64_x509(),
        sha256: hex(&certificate.fingerprint_sha256()),
        not_after: to_unix(certificate.not_after()),
        weak: is_weak(certificate),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
