//! When and from where something is asked: only policies look at more than the time.

use serde::Deserialize;

use crate::config::{MOMENT, moment};
#[cfg(feature = "policies")]
use crate::http::{ClientCertificate, Peer};
use crate::time::Timestamp;

/// What is known of a connection, as people write it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at the connection"))]
pub(in crate::command) struct Context {
    pub(in crate::command) time: Option<String>,
    pub(in crate::command) address: Option<String>,
    pub(in crate::command) country: Option<String>,
    /// The SHA-256 of a client certificate that was verified, in hexadecimal.
    pub(in crate::command) certificate: Option<String>,
}

impl Context {
    /// The moment, where one is given.
    ///
    /// # Errors
    /// When it is none.
    pub(in crate::command) fn now(&self) -> Result<Option<Timestamp>, String> {
        let read = |text: &String| moment(text).ok_or_else(|| format!("expected {MOMENT}, found `{text}`"));
        self.time.as_ref().map(read).transpose()
    }

    /// What the platform would say of the caller.
    #[cfg(feature = "policies")]
    pub(in crate::command) fn peer(&self) -> Peer {
        let certificate = self.certificate.as_ref().map(|sha256| ClientCertificate {
            presented: Some("1".to_owned()),
            verified: Some("SUCCESS".to_owned()),
            revoked: Some("0".to_owned()),
            fingerprint_sha256: Some(sha256.clone()),
        });
        Peer { address: self.address.clone(), country: self.country.clone(), certificate, ..Peer::default() }
    }
}
