//! When and from where something is supposed to be asked: only policies look at more than the time.

use serde::Deserialize;

use crate::config::{MOMENT, moment};
#[cfg(feature = "policies")]
use crate::http::{ClientCertificate, Peer};
use crate::time::Timestamp;

/// What is known of a connection, as people write it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at the connection"))]
pub struct Context {
    pub(crate) time: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) certificate: Option<Certificate>,
}

/// A TLS connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at the connection"))]
pub(crate) struct Tls {
    version: String,
    cipher: String,
}

/// A client certificate that was verified.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
#[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at the connection"))]
pub(crate) enum Certificate {
    /// By its SHA-256 alone, in hexadecimal.
    Sha256(String),
    /// With what it says.
    Known { sha256: String, subject: Option<String>, issuer: Option<String>, serial: Option<String> },
}

impl Context {
    /// The moment, where one is given.
    ///
    /// # Errors
    /// When it is none.
    pub fn now(&self) -> Result<Option<Timestamp>, String> {
        let read = |text: &String| moment(text).ok_or_else(|| format!("expected {MOMENT}, found `{text}`"));
        self.time.as_ref().map(read).transpose()
    }

    /// What would be known of the caller.
    #[cfg(feature = "policies")]
    #[must_use]
    pub fn peer(&self) -> Peer {
        Peer {
            address: self.address.clone(),
            country: self.country.clone(),
            user_agent: self.user_agent.clone(),
            tls: self.tls.clone().map(|Tls { version, cipher }| crate::http::Tls { version, cipher }),
            certificate: self.certificate.clone().map(verified),
            ..Peer::default()
        }
    }
}

#[cfg(feature = "policies")]
fn verified(certificate: Certificate) -> ClientCertificate {
    let (sha256, subject, issuer, serial) = match certificate {
        Certificate::Sha256(sha256) => (sha256, None, None, None),
        Certificate::Known { sha256, subject, issuer, serial } => (sha256, subject, issuer, serial),
    };
    ClientCertificate {
        presented: Some("1".to_owned()),
        verified: Some("SUCCESS".to_owned()),
        revoked: Some("0".to_owned()),
        fingerprint_sha256: Some(sha256),
        subject,
        issuer,
        serial,
    }
}
