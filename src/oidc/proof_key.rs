//! The key that the tokens of one session are bound to, and the proofs made with it (RFC 9449 §4.2).
//!
//! It is made when a login starts, so that the code is bound to it too, and is kept sealed: in the cookie of the login, then with
//! the tokens of the session.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use crate::jose::{Es256Signer, Hash};
use crate::json;
use crate::ports::{OutboundRequest, OutboundResponse, Random};
use crate::secret::{self, Secret};
use crate::time::Timestamp;

const TYP: &str = "dpop+jwt";
const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// Every nonce that is met is shorter.
const MAX_NONCE_BYTES: usize = 512;
const MAX_ERROR_BYTES: usize = 16 * 1024;
const NONCE_WANTED: &str = "use_dpop_nonce";

/// A private P-256 key. Only what is sealed holds one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProofKey(#[serde(with = "secret::stored")] Secret<String>);

/// What a proof is about.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'a> {
    /// `htm`
    pub method: &'a str,
    /// The URL, of which `htu` is all before the query.
    pub url: &'a str,
    /// The access token that it comes with.
    pub access_token: Option<&'a Secret<String>>,
    /// What the server gave to put in.
    pub nonce: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

impl ProofKey {
    /// A new key. All but some in 2³² numbers are one.
    #[must_use]
    pub fn generate(random: &impl Random) -> Option<Self> {
        (0..8).find_map(|_| {
            let mut scalar = [0; 32];
            random.fill(&mut scalar);
            let scalar = Secret::new(scalar);
            Es256Signer::from_scalar(&scalar)?;
            Some(Self(Secret::new(Base64UrlUnpadded::encode_string(scalar.expose()))))
        })
    }

    /// `dpop_jkt` (RFC 9449 §10): what the code is bound to.
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        Some(self.signer()?.public().thumbprint().to_owned())
    }

    /// A proof for one request. `None` when this is no key.
    #[must_use]
    pub fn prove(&self, of: &ProvenRequest<'_>, random: &impl Random) -> Option<HeaderValue> {
        let mut id = [0; 16];
        random.fill(&mut id);
        let htu = of.url.split(['?', '#']).next()?;
        let mut claims =
            json!({ "jti": Base64UrlUnpadded::encode_string(&id), "htm": of.method, "htu": htu, "iat": of.now });
        let claims = claims.as_object_mut()?;
        if let Some(token) = of.access_token {
            let hash = Hash::Sha256.digest(token.expose().as_bytes());
            claims.insert("ath".to_owned(), Base64UrlUnpadded::encode_string(&hash).into());
        }
        if let Some(nonce) = of.nonce {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        HeaderValue::try_from(self.signer()?.sign_with_key(TYP, claims)).ok()
    }

    fn signer(&self) -> Option<Es256Signer> {
        let mut scalar = [0; 32];
        let decoded = Base64UrlUnpadded::decode(self.0.expose(), &mut scalar).ok()?.len();
        let scalar = Secret::new(scalar);
        if decoded == scalar.expose().len() { Es256Signer::from_scalar(&scalar) } else { None }
    }
}

/// Puts the proof into a request, and the token that it is for.
///
/// `None` when either fits into no header.
#[must_use]
pub fn add_proof(headers: &mut HeaderMap, key: &ProofKey, of: &ProvenRequest<'_>, random: &impl Random) -> Option<()> {
    if let Some(token) = of.access_token {
        let mut value = HeaderValue::try_from(format!("DPoP {}", token.expose())).ok()?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    headers.insert(PROOF, key.prove(of, random)?);
    Some(())
}

/// The same for a request to a provider.
#[must_use]
pub fn prove_request(
    request: &mut OutboundRequest,
    key: &ProofKey,
    (access_token, nonce): (Option<&Secret<String>>, Option<&str>),
    (now, random): (Timestamp, &impl Random),
) -> Option<()> {
    let of = ProvenRequest { method: request.method.as_str(), url: &request.url, access_token, nonce, now };
    add_proof(&mut request.headers, key, &of, random)
}

/// The nonce that an answer gives for the next proof (§8.2): one header, of the characters of §8.1.
#[must_use]
pub fn nonce_of(answer: &OutboundResponse) -> Option<&str> {
    let mut values = answer.headers.get_all(NONCE).iter();
    let (value, more) = (values.next()?.to_str().ok()?, values.next());
    let fits = (1..=MAX_NONCE_BYTES).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    Some(value).filter(|_| fits && more.is_none())
}

/// Whether an answer refuses a request for the nonce alone (§8, §9): then the same with the new one may go well.
#[must_use]
pub fn wants_nonce(answer: &OutboundResponse) -> bool {
    let is_refusal = matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
    if !is_refusal || nonce_of(answer).is_none() {
        return false;
    }
    let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE);
    let challenged = challenges.iter().any(|one| one.to_str().is_ok_and(|text| text.contains(NONCE_WANTED)));
    let document = json::parse_object(&answer.body, MAX_ERROR_BYTES).ok();
    challenged || document.is_some_and(|body| body.get("error").and_then(Value::as_str) == Some(NONCE_WANTED))
}

#[cfg(test)]
mod tests;
