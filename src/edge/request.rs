//! The runtime's request → [`RequestHead`] and body.

use wasm_bindgen::JsValue;
use web_sys::Request;

use super::headers;
use super::js::property;
use super::stream::{self, ReadError};
use crate::http::{ClientCertificate, HeaderMap, Method, Peer, RequestHead};
use crate::ports::{BodyError, RequestBody};

/// A request that is not HTTP as we know it; answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRequest;

/// The head of `request`.
///
/// # Errors
/// When a header or the method is not valid by RFC 9110.
pub fn head(request: &Request) -> Result<RequestHead, BadRequest> {
    let headers = headers::read_all(&request.headers()).map_err(|_| BadRequest)?;
    let method = Method::from_bytes(request.method().as_bytes()).map_err(|_| BadRequest)?;
    let mut url = request.url();
    if let Some(fragment) = url.find('#') {
        url.truncate(fragment);
    }
    let peer = peer(request, &headers);
    Ok(RequestHead { method, url, headers, peer })
}

/// What Cloudflare says of the caller. The edge overwrites what a client sends under these names.
fn peer(request: &Request, headers: &HeaderMap) -> Peer {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let cf = property(request, "cf").ok();
    let known = |name: &str| property(cf.as_ref()?, name).ok()?.as_string();
    Peer {
        address: header("cf-connecting-ip"),
        country: known("country"),
        city: known("city"),
        ray: header("cf-ray"),
        certificate: cf.as_ref().and_then(certificate),
    }
}

/// The certificate of the connection: by `cf` alone, which no client can write.
fn certificate(cf: &JsValue) -> Option<ClientCertificate> {
    let tls = property(cf, "tlsClientAuth").ok().filter(JsValue::is_object)?;
    let told = |name: &str| property(&tls, name).ok()?.as_string();
    Some(ClientCertificate {
        presented: told("certPresented"),
        verified: told("certVerified"),
        revoked: told("certRevoked"),
        fingerprint_sha256: told("certFingerprintSHA256"),
    })
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
        let bytes = stream::read(self.0.body(), max_bytes).await.map_err(|error| match error {
            ReadError::TooLarge => BodyError::TooLarge,
            ReadError::Broken(_) => BodyError::Unreadable,
        })?;
        String::from_utf8(bytes).map_err(|_| BodyError::Unreadable)
    }
}
