//! A device with a key, and what a browser does with it that binds sessions to it.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use postern::gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, World, variables};

pub const SESSION: &str = "__Host-postern";
pub const BOUND: &str = "__Host-postern-bound";
/// What the browser calls its session here.
pub const ID: &str = "postern:app.example.com";

/// A deployment that offers to bind, and one route for each thing to ask for.
pub fn deployment(mode: &str) -> Value {
    let mut variables = variables();
    variables["SESSION"] = json!({ "device": mode });
    variables["ROUTES"]["/bound"] = json!({ "upstream": "service:API", "require": { "device": "bound" } });
    variables["ROUTES"]["/pay"] =
        json!({ "methods": ["GET", "POST"], "upstream": "service:API", "require": { "device": "now" } });
    variables["ROUTES"]["/lazy"] = json!({ "upstream": "service:API", "revocation": "30s" });
    variables["ROUTES"]["/files/{*rest}"] = json!({ "upstream": "assets", "public": true });
    variables
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// The part of a device that no page reaches: a key.
pub struct Device(SigningKey);

impl Device {
    pub fn new(seed: u8) -> Self {
        Self(SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_encoded_point(false);
        json!({ "kty": "EC", "crv": "P-256", "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()) })
    }

    /// A JWS of these.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature: p256::ecdsa::Signature = self.0.sign(input.as_bytes());
        format!("{input}.{}", encode(signature.to_bytes()))
    }

    /// What Chromium sends with a registration.
    pub fn registration(&self, offer: &Offer) -> String {
        let header = json!({ "alg": "ES256", "jwk": self.jwk(), "typ": "dbsc+jwt" });
        self.sign(&header, &json!({ "authorization": offer.authorization, "jti": offer.challenge }))
    }

    /// What it sends with a refresh.
    pub fn proof(&self, challenge: &str) -> String {
        self.sign(&json!({ "alg": "ES256", "typ": "dbsc+jwt" }), &json!({ "jti": challenge }))
    }
}

/// What an answer offers a browser.
pub struct Offer {
    pub challenge: String,
    pub authorization: String,
}

/// The offer of a sign-in, if there is one.
pub fn offer(answered: &Answered) -> Option<Offer> {
    let value = answered.reply().headers.get("secure-session-registration")?.to_str().unwrap();
    let rest = value.strip_prefix(r#"(ES256);path="/auth/bound/register";challenge=""#).unwrap();
    let (challenge, rest) = rest.split_once(r#"";authorization=""#).unwrap();
    let (challenge, authorization) = (challenge.to_owned(), rest.strip_suffix('"').unwrap().to_owned());
    Some(Offer { challenge, authorization })
}

/// As Chromium asks after a sign-in: by itself, without an origin, and without the `Strict` cookies, since the browser came
/// from another site.
pub fn register(browser: &Browser<'_>, proof: &str) -> Answered {
    let plain = Browser::new(browser.world, browser.gateway);
    let answered = plain.send(&Asked::new("POST", "/auth/bound/register").with("secure-session-response", proof));
    browser.keep_all(&answered);
    answered
}

/// The same with the cookies that the browser has.
pub fn register_with_cookies(browser: &Browser<'_>, proof: &str) -> Answered {
    browser.send(&Asked::new("POST", "/auth/bound/register").with("secure-session-response", proof))
}

pub fn refresh(browser: &Browser<'_>, proof: Option<&str>) -> Answered {
    let asked = Asked::new("POST", "/auth/bound/refresh").with("sec-secure-session-id", ID);
    browser.send(&match proof {
        Some(proof) => asked.with("secure-session-response", proof),
        None => asked,
    })
}

/// What the answer asks to be signed.
pub fn challenge(answered: &Answered) -> String {
    let value = answered.reply().headers["secure-session-challenge"].to_str().unwrap();
    let (challenge, id) = value.split_once(r#";id=""#).unwrap();
    assert_eq!(id, format!("{ID}\""));
    challenge.trim_matches('"').to_owned()
}

/// One refresh, as browsers do it: asked without a proof first.
pub fn prove(browser: &Browser<'_>, device: &Device) -> Answered {
    let asked = refresh(browser, None);
    assert_eq!((asked.reply().status.as_u16(), &asked.event["reason"]), (403, &json!("device.challenged")));
    refresh(browser, Some(&device.proof(&challenge(&asked))))
}

/// Somebody who signed in and whose browser bound the session to this device.
pub fn bound<'w>(world: &'w World, gateway: &'w Gateway, device: &Device) -> Browser<'w> {
    let browser = Browser::new(world, gateway);
    let offered = offer(&browser.login()).unwrap();
    let answered = register(&browser, &device.registration(&offered));
    assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (200, &json!("device.bound")));
    browser
}
