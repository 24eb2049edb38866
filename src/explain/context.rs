//! When and from where something is supposed to be asked: only policies look at more than the time.

use serde::Deserialize;
use serde_json::Value;

use crate::config::{MOMENT, moment};
use crate::http::{ClientCertificate, Peer};
use crate::time::Timestamp;

/// What is known of a connection, as people write it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The moment: now where it is not said.
    pub time: Option<String>,
    /// The IP address of the caller.
    pub address: Option<String>,
    /// The country of that address, in two letters.
    pub country: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The TLS connection.
    pub tls: Option<HypotheticalTls>,
    /// The client certificate.
    pub certificate: Option<Certificate>,
}

/// A TLS connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HypotheticalTls {
    version: String,
    cipher: String,
}

/// A client certificate that was verified: by its SHA-256 alone, in hexadecimal, or with what it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Certificate {
    sha256: String,
    subject: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
}

impl TryFrom<Value> for Certificate {
    type Error = &'static str;

    fn try_from(told: Value) -> Result<Self, Self::Error> {
        const EXPECTED: &str = "expected a SHA-256, or `sha256`, `subject`, `issuer`, `serial` of a certificate";
        let mut members = match told {
            Value::String(sha256) => return Ok(Self { sha256, subject: None, issuer: None, serial: None }),
            Value::Object(members) => members,
            _ => return Err(EXPECTED),
        };
        let mut text = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(EXPECTED),
        };
        let certificate = Self {
            sha256: text("sha256")?.ok_or(EXPECTED)?,
            subject: text("subject")?,
            issuer: text("issuer")?,
            serial: text("serial")?,
        };
        if members.is_empty() { Ok(certificate) } else { Err(EXPECTED) }
    }
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
    #[must_use]
    pub fn peer(&self) -> Peer {
        Peer {
            address: self.address.clone(),
            country: self.country.clone(),
            user_agent: self.user_agent.clone(),
            tls: self.tls.clone().map(|HypotheticalTls { version, cipher }| crate::http::Tls { version, cipher }),
            certificate: self.certificate.clone().map(verified),
            ..Peer::default()
        }
    }
}

fn verified(certificate: Certificate) -> ClientCertificate {
    let Certificate { sha256, subject, issuer, serial } = certificate;
    ClientCertificate {
        presented: Some("1".to_owned()),
        verified: Some("SUCCESS".to_owned()),
        revoked: Some("0".to_owned()),
        fingerprint_sha256: Some(sha256),
        subject,
        issuer,
        serial,
        ..ClientCertificate::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_certificate_goes_by_its_fingerprint_or_with_what_it_says() {
        let read = |told: Value| serde_json::from_value::<Context>(json!({ "certificate": told })).map(drop);
        for good in [
            json!("ab"),
            json!({ "sha256": "ab" }),
            json!({ "sha256": "ab", "subject": "CN=a", "issuer": "CN=b", "serial": "1" }),
        ] {
            assert!(read(good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!(7),
            json!({}),
            json!({ "subject": "CN=a" }),
            json!({ "sha256": 7 }),
            json!({ "sha256": "ab", "name": "x" }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        assert!(serde_json::from_value::<Context>(json!({ "adress": "192.0.2.1" })).is_err());
    }
}
