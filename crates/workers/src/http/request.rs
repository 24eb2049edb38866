//! The runtime's request → [`RequestHead`] and body.

use web_sys::Request;

use crate::http::body::{self, ReadError};
use crate::http::headers;
use crate::js::glue;
use postern::http::{ClientCertificate, Method, Peer, RequestHead, Tls};
use postern::ports::{BodyError, RequestBody};

/// A request that is not HTTP as we know it; answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRequest;

/// The head of `request`.
///
/// # Errors
/// When a header or the method is not valid by RFC 9110.
pub fn head(request: &Request) -> Result<RequestHead, BadRequest> {
    let described = glue::described(request).map_err(|_| BadRequest)?;
    let mut texts = headers::texts(&described);
    let about_peer = texts.next().and_then(|count| count.parse().ok()).ok_or(BadRequest)?;
    let peer = connection(texts.by_ref().take(about_peer));
    let method = Method::from_bytes(texts.next().ok_or(BadRequest)?.as_bytes()).map_err(|_| BadRequest)?;
    let url = texts.next().ok_or(BadRequest)?;
    let url = url.split_once('#').map_or(url, |(url, _)| url).to_owned();
    let headers = headers::parse_all(texts).map_err(|_| BadRequest)?;
    // The edge overwrites what a client sends under these names.
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let peer =
        Peer { address: header("cf-connecting-ip"), ray: header("cf-ray"), user_agent: header("user-agent"), ..peer };
    Ok(RequestHead { method, url, headers, peer })
}

/// What the platform says of the connection by `cf` alone, which no client can write: texts in the order of `glue.js`,
/// each behind a `=` if there is one.
fn connection<'a>(told: impl Iterator<Item = &'a str>) -> Peer {
    let mut texts = told.map(|text| text.strip_prefix('=').map(str::to_owned));
    let mut next = || texts.next().flatten();
    let (country, city, network_number, version, cipher) = (next(), next(), next(), next(), next());
    let tls = version.zip(cipher).map(|(version, cipher)| Tls { version, cipher });
    let certificate = ClientCertificate {
        presented: next(),
        verified: next(),
        revoked: next(),
        fingerprint_sha256: next(),
        subject: next(),
        issuer: next(),
        serial: next(),
        issuer_ski: next(),
        encoded: next().filter(|encoded| !encoded.is_empty()),
    };
    let certificate = (certificate != ClientCertificate::default()).then_some(certificate);
    Peer { country, city, network_number, tls, certificate, ..Peer::default() }
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
