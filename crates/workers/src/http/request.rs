//! The runtime's request → [`RequestHead`] and body.

use std::borrow::Cow;

use serde::Deserialize;
use web_sys::Request;

use crate::http::body::{self, ReadError};
use crate::http::headers::{self, Line};
use crate::js::glue;
use postern::http::{ClientCertificate, Method, Peer, RequestHead, Tls};
use postern::ports::{BodyError, RequestBody};

/// A request that is not HTTP as we know it; answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRequest;

/// A request as `glue.js` describes it.
#[derive(Deserialize)]
struct Described<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    url: String,
    #[serde(borrow)]
    headers: Vec<Line<'a>>,
    country: Option<String>,
    city: Option<String>,
    tls: Option<Connection>,
    certificate: Option<Certificate>,
}

#[derive(Deserialize)]
struct Certificate {
    presented: Option<String>,
    verified: Option<String>,
    revoked: Option<String>,
    fingerprint_sha256: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
}

#[derive(Deserialize)]
struct Connection {
    version: String,
    cipher: String,
}

/// The head of `request`.
///
/// # Errors
/// When a header or the method is not valid by RFC 9110.
pub fn head(request: &Request) -> Result<RequestHead, BadRequest> {
    let text = glue::described(request).map_err(|_| BadRequest)?;
    let described: Described<'_> = serde_json::from_str(&text).map_err(|_| BadRequest)?;
    let headers = headers::parse_all(&described.headers).map_err(|_| BadRequest)?;
    let method = Method::from_bytes(described.method.as_bytes()).map_err(|_| BadRequest)?;
    let mut url = described.url;
    if let Some(fragment) = url.find('#') {
        url.truncate(fragment);
    }
    // The edge overwrites what a client sends under these names.
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let peer = Peer {
        address: header("cf-connecting-ip"),
        country: described.country,
        city: described.city,
        ray: header("cf-ray"),
        user_agent: header("user-agent"),
        tls: described.tls.map(|Connection { version, cipher }| Tls { version, cipher }),
        certificate: described.certificate.map(ClientCertificate::from),
    };
    Ok(RequestHead { method, url, headers, peer })
}

/// The certificate of the connection: by `cf` alone, which no client can write.
impl From<Certificate> for ClientCertificate {
    fn from(told: Certificate) -> Self {
        let Certificate { presented, verified, revoked, fingerprint_sha256, subject, issuer, serial } = told;
        Self { presented, verified, revoked, fingerprint_sha256, subject, issuer, serial }
    }
}

/// The body of a request from outside.
#[derive(Debug)]
pub struct IncomingBody(Request);

impl IncomingBody {
    /// The body of `request`, not read yet.
    #[must_use]
    pub const fn of(request: Request) -> Self {
        Self(request)
    }
}

impl RequestBody for IncomingBody {
    async fn text(self, max_bytes: usize) -> Result<String, BodyError> {
        let bytes = body::read(self.0.body(), max_bytes).await.map_err(|error| match error {
            ReadError::TooLarge => BodyError::TooLarge,
            ReadError::Broken(_) => BodyError::Unreadable,
        })?;
        String::from_utf8(bytes).map_err(|_| BodyError::Unreadable)
    }
}
