//! DPoP from the provider's side (RFC 9449), written apart from ours: what a proof must be, and what a token is bound to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::Verifier;
use postern::http::{HeaderValue, StatusCode, header};
use postern::ports::{OutboundRequest, OutboundResponse};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::provider::answer;

/// What it wants of proofs, and what it has seen.
#[derive(Default)]
pub struct DpopServer {
    /// Whether tokens are bound at all.
    pub on: Cell<bool>,
    /// Whether it gives unbound tokens all the same.
    pub ignored: Cell<bool>,
    /// What proofs at the token endpoint have to hold.
    pub nonce: RefCell<Option<String>>,
    /// What proofs at UserInfo have to hold.
    pub resource_nonce: RefCell<Option<String>>,
    /// Whether it never is content with a nonce.
    pub never_content: Cell<bool>,
    /// Whether it does not look at `code_verifier`, so that nothing but the key binds a code.
    pub without_pkce: Cell<bool>,
    /// Whether its challenges spell the name of the scheme in another way.
    pub odd_case: Cell<bool>,
    /// Whether it says that it wants a nonce, and does not say which.
    pub silent: Cell<bool>,
    /// The proofs that came, in order: path, claims, and the thumbprint of the key.
    pub proofs: RefCell<Vec<(String, Value, String)>>,
    ids: RefCell<BTreeSet<String>>,
    bound: RefCell<BTreeMap<String, String>>,
}

impl DpopServer {
    /// Binds a token to the key of the last proof.
    pub fn bind(&self, token: &str) {
        let jkt = self.proofs.borrow().last().unwrap().2.clone();
        self.bound.borrow_mut().insert(token.to_owned(), jkt);
    }

    /// The thumbprint that a token is bound to.
    pub fn bound_to(&self, token: &str) -> Option<String> {
        self.bound.borrow().get(token).cloned()
    }

    /// The key of the proof; or the answer to a request that has none that is good.
    pub fn check(
        &self,
        request: &OutboundRequest,
        access_token: Option<&str>,
        now: i64,
    ) -> Result<String, Box<OutboundResponse>> {
        let (path, claims, jkt) = self.read(request, access_token, now)?;
        self.proofs.borrow_mut().push((path, claims.clone(), jkt.clone()));
        let nonce = if access_token.is_some() { &self.resource_nonce } else { &self.nonce };
        let wanted = nonce.borrow().clone();
        if self.never_content.get() || wanted.is_some() && claims["nonce"].as_str() != wanted.as_deref() {
            return Err(Box::new(self.other_nonce(wanted.as_deref().unwrap_or("once-more"), access_token.is_some())));
        }
        if access_token.is_some_and(|token| self.bound_to(token).as_ref() != Some(&jkt)) {
            return Err(Box::new(answer(401, &json!({ "error": "invalid_token" }))));
        }
        Ok(jkt)
    }

    fn other_nonce(&self, nonce: &str, at_resource: bool) -> OutboundResponse {
        let mut refusal = if at_resource {
            let mut refusal = OutboundResponse { body: Vec::new(), ..answer(401, &Value::Null) };
            let scheme = if self.odd_case.get() { "dPoP" } else { "DPoP" };
            let challenge = format!("{scheme} error=\"use_dpop_nonce\", algs=\"ES256\"");
            refusal.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::try_from(challenge).unwrap());
            refusal
        } else {
            answer(400, &json!({ "error": "use_dpop_nonce" }))
        };
        if !self.silent.get() {
            refusal.headers.insert("dpop-nonce", HeaderValue::try_from(nonce).unwrap());
        }
        refusal.status = StatusCode::from_u16(if at_resource { 401 } else { 400 }).unwrap();
        refusal
    }

    /// RFC 9449 §4.3, from the other side.
    fn read(
        &self,
        request: &OutboundRequest,
        access_token: Option<&str>,
        now: i64,
    ) -> Result<(String, Value, String), Box<OutboundResponse>> {
        let refused =
            |why: &str| Box::new(answer(400, &json!({ "error": "invalid_dpop_proof", "error_description": why })));
        let proofs: Vec<_> = request.headers.get_all("dpop").iter().collect();
        let [proof] = proofs.as_slice() else { return Err(refused("not one proof")) };
        let parts: Vec<&str> = proof.to_str().unwrap().split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { return Err(refused("no JWS")) };
        let json = |part: &str| -> Value { serde_json::from_slice(&decode(part)).unwrap() };
        let (head, body) = (json(header), json(claims));
        let jwk = &head["jwk"];
        assert!(jwk.get("d").is_none() && jwk["kty"] == "EC" && jwk["crv"] == "P-256", "{jwk}");
        let (x, y) = (decode(jwk["x"].as_str().unwrap()), decode(jwk["y"].as_str().unwrap()));
        let point = p256::EncodedPoint::from_affine_coordinates(x.as_slice().into(), y.as_slice().into(), false);
        let key = p256::ecdsa::VerifyingKey::from_encoded_point(&point).unwrap();
        let signature = p256::ecdsa::Signature::from_slice(&decode(signature)).unwrap();
        let is_signed = key.verify(format!("{header}.{claims}").as_bytes(), &signature).is_ok();
        let url = request.url.split(['?', '#']).next().unwrap();
        let hash = access_token.map(|token| encode(&Sha256::digest(token)));
        let is_good = is_signed
            && head["typ"] == "dpop+jwt"
            && head["alg"] == "ES256"
            && body["htm"] == request.method.as_str()
            && body["htu"] == url
            && (now - body["iat"].as_i64().unwrap()).abs() <= 5
            && body["ath"].as_str() == hash.as_deref();
        if !is_good {
            return Err(refused("it is about something else"));
        }
        if !self.ids.borrow_mut().insert(body["jti"].as_str().unwrap().to_owned()) {
            return Err(refused("used before"));
        }
        let jkt = encode(&Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"])));
        Ok((url.rsplit('/').next().unwrap().to_owned(), body, jkt))
    }
}

fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
