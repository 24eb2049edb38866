//! Access tokens that are bound to a key or a certificate: what has to come with them.

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use futures::executor::block_on;
use futures::future::join_all;
use postern::gateway::Gateway;
use postern::http::{ClientCertificate, header};
use postern::jose::PublicKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Answered, Asked, Browser, CANARY, CORP, Fault, ORIGIN, PARTNER, World, gateway, variables};

const API: &str = "https://api.example.com";
const HEX: &str = "d1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382";
pub const X5T: &str = "0ZcOCORZNYi-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// Of `partner`'s tokens any are taken, of `corp`'s those bound as `corp` says.
pub fn deployment(corp: &Value) -> Value {
    let mut variables = variables();
    let issuer = |issuer: &str| json!({ "issuer": issuer, "audience": API, "algs": ["ES256"], "kind": "service" });
    variables["ISSUERS"] = json!({ "any": issuer(PARTNER), "corp": issuer(CORP) });
    variables["ISSUERS"]["corp"].as_object_mut().unwrap().extend(corp.as_object().unwrap().clone());
    let route = |issuers: &[&str], more: &Value| {
        let mut route =
            json!({ "upstream": "service:API", "authenticate": ["bearer"], "require": { "issuers": issuers } });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    variables["ROUTES"]["/any/{*rest}"] = route(&["any"], &json!({}));
    variables["ROUTES"]["/corp"] = route(&["corp"], &json!({}));
    variables["ROUTES"]["/all"] = route(&["any", "corp"], &json!({}));
    variables["ROUTES"]["/relay"] = route(&["any"], &json!({ "token": "relay" }));
    variables["ROUTES"]["/write"] = route(&["any"], &json!({ "require": { "issuers": ["any"], "scopes": ["write"] } }));
    variables
}

fn plain() -> (World, Gateway) {
    (World::new(), gateway(&deployment(&json!({}))))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// A program with a key of its own.
pub struct Machine(SigningKey);

impl Machine {
    pub fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(self.0.verifying_key().as_bytes()) })
    }

    /// The thumbprint of its key.
    pub fn jkt(&self) -> String {
        PublicKey::from_jwk(self.jwk().as_object().unwrap()).unwrap().thumbprint().to_owned()
    }

    /// A token of `issuer`'s that is bound to the key.
    pub fn token(&self, world: &World, issuer: &str) -> String {
        token(world, issuer, &json!({ "jkt": self.jkt() }))
    }

    /// A proof for `GET path` with that token, its claims changed; `null` takes one away.
    pub fn proof(&self, world: &World, path: &str, token: &str, changes: &Value) -> String {
        let mut claims = json!({
            "jti": format!("{CANARY}-proof"), "htm": "GET", "htu": format!("{ORIGIN}{path}"), "iat": world.now.get(),
            "ath": encode(Sha256::digest(token)),
        });
        let claims = claims.as_object_mut().unwrap();
        claims.extend(changes.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk() });
        let input = format!("{}.{}", encode(header.to_string()), encode(Value::from(claims.clone()).to_string()));
        format!("{input}.{}", encode(self.0.sign(input.as_bytes()).to_bytes()))
    }
}

/// A token of `issuer`'s with this `cnf`; `null` for none.
pub fn token(world: &World, issuer: &str, cnf: &Value) -> String {
    let now = world.now.get();
    let claims = json!({
        "iss": issuer, "aud": API, "sub": "reporter", "client_id": "reporter", "jti": format!("jti-{CANARY}"),
        "iat": now, "exp": now + 3600, "scope": "read", "cnf": cnf,
    });
    let claims: Map<String, Value> =
        claims.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
    let provider = if issuer == CORP { &world.corp } else { &world.partner };
    provider.key.borrow().sign(Some("at+jwt"), &claims)
}

pub fn asked(path: &str, token: &str, proof: &str) -> Asked {
    Asked::new("GET", path).with("authorization", &format!("DPoP {token}")).with("dpop", proof)
}

pub fn certificate() -> ClientCertificate {
    ClientCertificate {
        presented: Some("1".to_owned()),
        verified: Some("SUCCESS".to_owned()),
        revoked: Some("0".to_owned()),
        fingerprint_sha256: Some(HEX.to_owned()),
        ..ClientCertificate::default()
    }
}

pub fn challenges(answered: &Answered) -> Vec<String> {
    let all = answered.reply().headers.get_all(header::WWW_AUTHENTICATE);
    all.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// Refused, with this error in the first challenge and nowhere else.
#[track_caller]
pub fn refused(answered: &Answered, reason: &str, challenge: &str) {
    answered.assert_refused(401, reason);
    let all = challenges(answered);
    assert!(all[0].starts_with(challenge), "{all:?}");
    assert_eq!(all.iter().filter(|line| line.contains("error=")).count(), 1, "{all:?}");
    let shown = format!("{}{:?}{}", answered.reply().body, answered.reply().headers, answered.event);
    assert!(!shown.contains(CANARY) && !shown.contains("eyJ"), "{shown}");
}

const INVALID_PROOF: &str = r#"DPoP error="invalid_dpop_proof", algs="ES256 ES384 EdDSA PS256""#;
pub const INVALID_TOKEN: &str = r#"DPoP error="invalid_token", algs="ES256 ES384 EdDSA PS256""#;
pub const INVALID_BEARER: &str = r#"Bearer error="invalid_token""#;
const WANTS_NONCE: &str = r#"DPoP error="use_dpop_nonce", algs="ES256 ES384 EdDSA PS256""#;

#[test]
fn the_key_of_a_token_opens_a_route_and_its_proof_stays_behind() {
    // R-125 to R-129, R-124
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    for (path, scheme) in [("/any/a", "DPoP"), ("/any/~b", "dpop"), ("/all", "dPoP")] {
        let proof = machine.proof(&world, path, &token, &json!({}));
        let asked = Asked::new("GET", path).with("authorization", &format!("{scheme} {token}")).with("dpop", &proof);
        let answered = browser.send(&asked);
        let plan = answered.forwarded();
        assert!(!plan.headers.contains_key("dpop") && !plan.headers.contains_key("authorization"));
        let event = &answered.event;
        assert_eq!((&event["means"], &event["jkt"]), (&json!("dpop"), &json!(machine.jkt())));
        assert_eq!((&event["subject"], &event["kind"]), (&json!("reporter"), &json!("service")));
    }
}

#[test]
fn a_proof_works_once() {
    // R-128
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    let asked = asked("/any/a", &token, &machine.proof(&world, "/any/a", &token, &json!({})));
    browser.send(&asked).forwarded();
    refused(&browser.send(&asked), "dpop.replayed", INVALID_PROOF);
    world.wait(60);
    refused(&browser.send(&asked), "dpop.replayed", INVALID_PROOF);
    world.wait(1);
    refused(&browser.send(&asked), "dpop.iat_too_old", INVALID_PROOF);
}

#[test]
fn a_token_that_is_remembered_still_needs_its_proof_every_time() {
    // R-128, R-130, R-133
    let (world, gateway) = plain();
    let (browser, machine, thief) = (Browser::new(&world, &gateway), Machine::new(1), Machine::new(2));
    let token = machine.token(&world, PARTNER);
    let send = |machine: &Machine, jti: &str| {
        browser.send(&asked("/any/a", &token, &machine.proof(&world, "/any/a", &token, &json!({ "jti": jti }))))
    };
    send(&machine, "1").forwarded();
    for jti in ["2", "3"] {
        let answered = send(&machine, jti);
        answered.forwarded();
        assert_eq!(answered.event["remembered"], true);
    }
    refused(&send(&machine, "3"), "dpop.replayed", INVALID_PROOF);
    refused(&send(&thief, "4"), "dpop.key_mismatch", INVALID_TOKEN);
    let bearer = Asked::bearing("/any/a", &token);
    refused(&browser.send(&bearer), "sender.bound_token_as_bearer", INVALID_BEARER);
    let naked = Asked::new("GET", "/any/a").with("authorization", &format!("DPoP {token}"));
    refused(&browser.send(&naked), "dpop.missing", INVALID_PROOF);
}

#[test]
fn an_opaque_token_is_bound_to_what_its_issuer_says() {
    // R-129, R-130, R-133, RFC 9449 §6.2, RFC 8705 §3.2
    let world = World::new();
    let opaque = json!({ "issuer": PARTNER, "audience": API, "tokens": "opaque", "client_id": "api" });
    let mut variables = deployment(&json!({}));
    variables["ISSUERS"]["any"] = opaque;
    let gateway = gateway(&variables);
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let issue = |name: &str, kind: &str, cnf: Value| {
        let said = json!({
            "active": true, "iss": PARTNER, "aud": API, "sub": "reporter", "client_id": "reporter",
            "token_type": kind, "exp": world.now.get() + 3600, "cnf": cnf,
        });
        world.partner.opaque.borrow_mut().insert(name.to_owned(), said);
        name.to_owned()
    };
    let by_key = issue("by-key~+/==", "DPoP", json!({ "jkt": machine.jkt() }));
    for jti in ["1", "2"] {
        let proof = machine.proof(&world, "/any/a", &by_key, &json!({ "jti": jti }));
        let answered = browser.send(&asked("/any/a", &by_key, &proof));
        answered.forwarded();
        assert_eq!(answered.event["means"], "dpop");
        refused(&browser.send(&asked("/any/a", &by_key, &proof)), "dpop.replayed", INVALID_PROOF);
    }
    let bearer = |token: &str| Asked::bearing("/any/a", token);
    refused(&browser.send(&bearer(&by_key)), "sender.bound_token_as_bearer", INVALID_BEARER);
    let by_certificate = issue("by-certificate", "Bearer", json!({ "x5t#S256": X5T }));
    refused(&browser.send(&bearer(&by_certificate)), "mtls.certificate_missing", INVALID_BEARER);
    browser.send(&bearer(&by_certificate).on_connection(certificate())).forwarded();
    refused(&browser.send(&bearer(&by_certificate)), "mtls.certificate_missing", INVALID_BEARER);
}

#[test]
fn of_many_copies_at_once_one_gets_through() {
    // R-128
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    let asked = asked("/any/a", &token, &machine.proof(&world, "/any/a", &token, &json!({})));
    let all = block_on(join_all((0..20).map(|_| browser.send_later(&asked))));
    let reasons: BTreeSet<String> = all.iter().map(|one| one.event["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons, BTreeSet::from(["authz.requirements_met".to_owned(), "dpop.replayed".to_owned()]));
    assert_eq!(all.iter().filter(|one| one.event["outcome"] == "allow").count(), 1);
}

#[test]
fn one_jti_may_be_used_again_for_another_address_or_by_another_key() {
    // R-128
    let (world, gateway) = plain();
    let browser = Browser::new(&world, &gateway);
    for machine in [Machine::new(1), Machine::new(2)] {
        let token = machine.token(&world, PARTNER);
        for path in ["/any/a", "/any/b"] {
            browser.send(&asked(path, &token, &machine.proof(&world, path, &token, &json!({})))).forwarded();
        }
    }
}

#[test]
fn a_refusal_does_not_use_a_proof_up() {
    let (world, gateway) = plain();
    let (browser, machine, other) = (Browser::new(&world, &gateway), Machine::new(1), Machine::new(2));
    let token = machine.token(&world, PARTNER);
    let proof = machine.proof(&world, "/any/a", &token, &json!({}));
    let others = other.token(&world, PARTNER);
    for (asked, reason, challenge) in [
        (asked("/any/b", &token, &proof), "dpop.htu_mismatch", INVALID_PROOF),
        (asked("/any/a", &others, &proof), "dpop.key_mismatch", INVALID_TOKEN),
        (asked("/any/a", &token, &proof).with("dpop", &proof), "dpop.repeated", INVALID_PROOF),
        (asked("/any/a", &format!("{token}A"), &proof), "jwt.bad_signature", INVALID_TOKEN),
    ] {
        refused(&browser.send(&asked), reason, challenge);
    }
    browser.send(&asked("/any/a", &token, &proof)).forwarded();
}

#[test]
fn what_is_bound_is_never_taken_for_plain_nor_the_other_way_round() {
    // R-129, R-130, R-136
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let bound = machine.token(&world, PARTNER);
    let proof = machine.proof(&world, "/any/a", &bound, &json!({}));
    let bearer = |token: &str| Asked::bearing("/any/a", token);
    refused(&browser.send(&bearer(&bound)), "sender.bound_token_as_bearer", INVALID_BEARER);
    refused(&browser.send(&bearer(&bound).with("dpop", &proof)), "sender.bound_token_as_bearer", INVALID_BEARER);
    let unbound = token(&world, PARTNER, &Value::Null);
    let proof = machine.proof(&world, "/any/a", &unbound, &json!({}));
    refused(&browser.send(&asked("/any/a", &unbound, &proof)), "sender.token_not_bound", INVALID_TOKEN);
    // What comes along with a plain token is not asked for, and not judged.
    browser.send(&bearer(&unbound).with("dpop", "anything")).forwarded();
    for (cnf, reason) in [
        (json!({ "foo": 1 }), "confirmation.unknown"),
        (json!({}), "confirmation.malformed"),
        (json!({ "jkt": machine.jkt(), "x5t#S256": X5T }), "confirmation.several"),
        (json!({ "jwk": machine.jwk() }), "confirmation.unknown"),
    ] {
        let token = token(&world, PARTNER, &cnf);
        let proof = machine.proof(&world, "/any/a", &token, &json!({}));
        refused(&browser.send(&asked("/any/a", &token, &proof)), reason, INVALID_TOKEN);
        refused(&browser.send(&bearer(&token).on_connection(certificate())), reason, INVALID_BEARER);
    }
}

#[test]
fn a_proof_that_fails_says_why_in_the_log_alone() {
    // R-125 to R-129
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    for (changes, reason, challenge) in [
        (json!({ "htm": "POST" }), "dpop.htm_mismatch", INVALID_PROOF),
        (json!({ "htu": "https://other.example/any/a" }), "dpop.htu_mismatch", INVALID_PROOF),
        (json!({ "jti": null }), "dpop.jti_malformed", INVALID_PROOF),
        (json!({ "ath": null }), "dpop.ath_malformed", INVALID_PROOF),
        (json!({ "ath": X5T }), "dpop.ath_mismatch", INVALID_TOKEN),
    ] {
        let answered = browser.send(&asked("/any/a", &token, &machine.proof(&world, "/any/a", &token, &changes)));
        refused(&answered, reason, challenge);
        let body: Value = serde_json::from_str(&answered.reply().body).unwrap();
        assert!(!body.to_string().contains("mismatch") && !body.to_string().contains("malformed"), "{body}");
        assert!(!answered.reply().headers.contains_key("dpop-nonce"));
    }
    let good = machine.proof(&world, "/any/a", &token, &json!({}));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", encode([0; 64]));
    assert!(signature.len() > 80);
    let answered = browser.send(&asked("/any/a", &token, &forged));
    refused(&answered, "dpop.not_verified", INVALID_PROOF);
    assert_eq!(answered.event["detail"], "jwt.bad_signature");
}

#[test]
fn a_memory_that_does_not_answer_lets_nobody_in() {
    // R-186
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    let asked = asked("/any/a", &token, &machine.proof(&world, "/any/a", &token, &json!({})));
    world.fault.set(Fault::Once);
    browser.send(&asked).assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    browser.send(&asked).forwarded();
}

#[test]
fn where_a_nonce_is_asked_for_a_proof_needs_a_fresh_one() {
    // R-131
    let world = World::new();
    let gateway = gateway(&deployment(&json!({ "sender": "dpop", "dpop_nonce": true })));
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, CORP);
    let send = |jti: &str, nonce: Value| {
        let proof = machine.proof(&world, "/corp", &token, &json!({ "jti": jti, "nonce": nonce }));
        browser.send(&asked("/corp", &token, &proof))
    };
    let nonce_of = |answered: &Answered| {
        let all: Vec<_> = answered.reply().headers.get_all("dpop-nonce").iter().collect();
        assert_eq!(all.len(), 1);
        all[0].to_str().unwrap().to_owned()
    };
    let first = send("1", Value::Null);
    refused(&first, "dpop.nonce_missing", WANTS_NONCE);
    let nonce = nonce_of(&first);
    send("1", json!(nonce)).forwarded();
    refused(&send("1", json!(nonce)), "dpop.replayed", INVALID_PROOF);
    for foreign in [json!("of-the-authorization-server"), json!(1), json!("")] {
        let answered = send("2", foreign);
        refused(&answered, "dpop.nonce_refused", WANTS_NONCE);
        assert_eq!(nonce_of(&answered), nonce);
    }
    world.wait(300);
    send("3", json!(nonce)).forwarded();
    world.wait(300);
    let stale = send("4", json!(nonce));
    refused(&stale, "dpop.nonce_refused", WANTS_NONCE);
    send("4", json!(nonce_of(&stale))).forwarded();
    // Another issuer's tokens need none.
    let token = machine.token(&world, PARTNER);
    browser.send(&asked("/any/a", &token, &machine.proof(&world, "/any/a", &token, &json!({})))).forwarded();
}

#[test]
fn a_token_of_a_certificate_needs_that_connection() {
    // R-133, R-134
    let (world, gateway) = plain();
    let browser = Browser::new(&world, &gateway);
    let token = token(&world, PARTNER, &json!({ "x5t#S256": X5T }));
    let asked = || Asked::bearing("/any/a", &token);
    browser.send(&asked().on_connection(certificate())).forwarded();
    let other = ClientCertificate { fingerprint_sha256: Some("0".repeat(64)), ..certificate() };
    let failed = ClientCertificate { verified: Some("FAILED:expired".to_owned()), ..certificate() };
    for (asked, reason) in [
        (asked(), "mtls.certificate_missing"),
        (asked().with("client-cert", HEX).with("x-ssl-client-verify", "SUCCESS"), "mtls.certificate_missing"),
        (asked().with("cf-client-cert-sha256", HEX), "mtls.certificate_missing"),
        (asked().on_connection(other), "mtls.certificate_mismatch"),
        (asked().on_connection(failed), "mtls.certificate_not_verified"),
    ] {
        refused(&browser.send(&asked), reason, INVALID_BEARER);
    }
}

#[test]
fn what_a_token_does_not_allow_is_said_in_its_own_scheme() {
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    let proof = machine.proof(&world, "/write", &token, &json!({}));
    let answered = browser.send(&asked("/write", &token, &proof));
    answered.assert_refused(403, "authz.insufficient_scope");
    let all = challenges(&answered);
    assert!(all[0].starts_with(r#"DPoP error="insufficient_scope", algs="#), "{all:?}");
    assert!(all[1].starts_with("Bearer scope="), "{all:?}");
}
