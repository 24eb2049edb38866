//! Access tokens that are bound to a key or a certificate: what has to come with them.

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use futures::executor::block_on;
use futures::future::join_all;
use postern::config::Config;
use postern::gateway::Gateway;
use postern::http::{ClientCertificate, header};
use postern::jose::PublicKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Answered, Asked, Browser, CANARY, CORP, Fault, ORIGIN, PARTNER, World, gateway, key, variables};

const API: &str = "https://api.example.com";
const HEX: &str = "d1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382";
const X5T: &str = "0ZcOCORZNYi-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// Of `partner`'s tokens any are taken, of `corp`'s those bound as `corp` says.
fn deployment(corp: &Value) -> Value {
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
struct Machine(SigningKey);

impl Machine {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(self.0.verifying_key().as_bytes()) })
    }

    fn jkt(&self) -> String {
        PublicKey::from_jwk(self.jwk().as_object().unwrap()).unwrap().thumbprint().to_owned()
    }

    /// A token of `issuer`'s that is bound to the key.
    fn token(&self, world: &World, issuer: &str) -> String {
        token(world, issuer, &json!({ "jkt": self.jkt() }))
    }

    /// A proof for `GET path` with that token, its claims changed; `null` takes one away.
    fn proof(&self, world: &World, path: &str, token: &str, changes: &Value) -> String {
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
fn token(world: &World, issuer: &str, cnf: &Value) -> String {
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

fn asked(path: &str, token: &str, proof: &str) -> Asked {
    Asked::new("GET", path).with("authorization", &format!("DPoP {token}")).with("dpop", proof)
}

fn certificate() -> ClientCertificate {
    ClientCertificate {
        presented: Some("1".to_owned()),
        verified: Some("SUCCESS".to_owned()),
        revoked: Some("0".to_owned()),
        fingerprint_sha256: Some(HEX.to_owned()),
    }
}

fn challenges(answered: &Answered) -> Vec<String> {
    let all = answered.reply().headers.get_all(header::WWW_AUTHENTICATE);
    all.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// Refused, with this error in the first challenge and nowhere else.
#[track_caller]
fn refused(answered: &Answered, reason: &str, challenge: &str) {
    answered.assert_refused(401, reason);
    let all = challenges(answered);
    assert!(all[0].starts_with(challenge), "{all:?}");
    assert_eq!(all.iter().filter(|line| line.contains("error=")).count(), 1, "{all:?}");
    let shown = format!("{}{:?}{}", answered.reply().body, answered.reply().headers, answered.event);
    assert!(!shown.contains(CANARY) && !shown.contains("eyJ"), "{shown}");
}

const INVALID_PROOF: &str = r#"DPoP error="invalid_dpop_proof", algs="ES256 ES384 EdDSA PS256""#;
const INVALID_TOKEN: &str = r#"DPoP error="invalid_token", algs="ES256 ES384 EdDSA PS256""#;
const INVALID_BEARER: &str = r#"Bearer error="invalid_token""#;
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
    let bearer = |token: &str| Asked::new("GET", "/any/a").with("authorization", &format!("Bearer {token}"));
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
fn an_issuer_may_ask_for_a_key_or_a_certificate() {
    // R-129, R-133
    let world = World::new();
    let machine = Machine::new(1);
    let (unbound, key) = (token(&world, CORP, &Value::Null), machine.token(&world, CORP));
    let by_certificate = token(&world, CORP, &json!({ "x5t#S256": X5T }));
    let bearer = |token: &str| {
        let asked = Asked::new("GET", "/corp").with("authorization", &format!("Bearer {token}"));
        asked.on_connection(certificate())
    };
    let with_key = asked("/corp", &key, &machine.proof(&world, "/corp", &key, &json!({})));
    let certificate_as_key =
        asked("/corp", &by_certificate, &machine.proof(&world, "/corp", &by_certificate, &json!({})));

    let gateway_of = |sender: &str| gateway(&deployment(&json!({ "sender": sender })));
    let gateway = gateway_of("dpop");
    let browser = Browser::new(&world, &gateway);
    refused(&browser.send(&bearer(&unbound)), "sender.token_not_bound", INVALID_TOKEN);
    refused(&browser.send(&bearer(&by_certificate)), "sender.token_bound_otherwise", INVALID_TOKEN);
    refused(&browser.send(&certificate_as_key), "sender.token_bound_otherwise", INVALID_TOKEN);
    browser.send(&with_key).forwarded();

    let gateway = gateway_of("mtls");
    let browser = Browser::new(&world, &gateway);
    refused(&browser.send(&bearer(&unbound)), "sender.token_not_bound", INVALID_BEARER);
    refused(&browser.send(&with_key), "sender.token_bound_otherwise", INVALID_BEARER);
    refused(&browser.send(&certificate_as_key), "sender.token_bound_otherwise", INVALID_BEARER);
    let answered = browser.send(&bearer(&by_certificate));
    answered.forwarded();
    assert_eq!((&answered.event["means"], &answered.event["jkt"]), (&json!("mtls"), &Value::Null));
}

#[test]
fn a_token_of_a_certificate_needs_that_connection() {
    // R-133, R-134
    let (world, gateway) = plain();
    let browser = Browser::new(&world, &gateway);
    let token = token(&world, PARTNER, &json!({ "x5t#S256": X5T }));
    let asked = || Asked::new("GET", "/any/a").with("authorization", &format!("Bearer {token}"));
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
fn a_bound_token_is_not_passed_on_without_its_proof() {
    // R-130
    let (world, gateway) = plain();
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let bound = machine.token(&world, PARTNER);
    let proof = machine.proof(&world, "/relay", &bound, &json!({}));
    refused(&browser.send(&asked("/relay", &bound, &proof)), "sender.bound_token_not_relayed", INVALID_TOKEN);
    let by_certificate = token(&world, PARTNER, &json!({ "x5t#S256": X5T }));
    let bearer = |token: &str| Asked::new("GET", "/relay").with("authorization", &format!("Bearer {token}"));
    let answered = browser.send(&bearer(&by_certificate).on_connection(certificate()));
    refused(&answered, "sender.bound_token_not_relayed", INVALID_BEARER);
    browser.send(&bearer(&token(&world, PARTNER, &Value::Null))).forwarded();
}

#[test]
fn a_configuration_that_would_pass_bound_tokens_on_is_refused() {
    // R-130
    let parse = |variables: &Value| {
        let secret = |name: &str| Some(if name == "POSTERN_KEYS" { key("k1", "A") } else { "secret".to_owned() });
        let problems = Config::parse(variables.as_object().unwrap(), &secret).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for sender in ["dpop", "mtls"] {
        let mut variables = deployment(&json!({ "sender": sender }));
        assert_eq!(parse(&variables), Vec::<String>::new());
        for relay in [json!({}), json!({ "require": { "issuers": ["corp"] } })] {
            variables["ROUTES"]["/passed"] =
                json!({ "upstream": "service:API", "authenticate": ["bearer"], "token": "relay" });
            variables["ROUTES"]["/passed"].as_object_mut().unwrap().extend(relay.as_object().unwrap().clone());
            let problems = parse(&variables);
            assert!(problems.len() == 1 && problems[0].contains("cannot pass on the tokens of `corp`"), "{problems:?}");
        }
    }
    let problems = parse(&deployment(&json!({ "sender": "mtls", "dpop_nonce": true })));
    assert!(problems.len() == 1 && problems[0].contains("`sender` is `mtls`"), "{problems:?}");
    let problems = parse(&deployment(&json!({ "sender": "both" })));
    assert!(problems.len() == 1 && problems[0].contains("`any` or `dpop` or `mtls`"), "{problems:?}");
}

#[test]
fn a_route_says_by_which_schemes_it_takes_tokens() {
    // RFC 9449 §7.1, §7.2
    let algs = r#"DPoP algs="ES256 ES384 EdDSA PS256", "#;
    let world = World::new();
    for (sender, expected) in [("any", vec!["Bearer ", algs]), ("dpop", vec![algs]), ("mtls", vec!["Bearer "])] {
        let gateway = gateway(&deployment(&json!({ "sender": sender })));
        let browser = Browser::new(&world, &gateway);
        let answered = browser.send(&Asked::new("GET", "/corp"));
        answered.assert_refused(401, "authn.no_token");
        let metadata =
            |path: &str| format!(r#"resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource{path}""#);
        let with =
            |lines: &[&str], path| lines.iter().map(|line| format!("{line}{}", metadata(path))).collect::<Vec<_>>();
        assert_eq!(challenges(&answered), with(&expected, "/corp"), "{sender}");
        let all = challenges(&browser.send(&Asked::new("GET", "/all")));
        assert_eq!(all, with(&["Bearer ", algs], "/all"), "{sender}");
    }
}

#[test]
fn the_metadata_of_a_resource_tells_what_tokens_are_bound_to() {
    // RFC 9728 §2
    let world = World::new();
    let algs = json!(["ES256", "ES384", "EdDSA", "PS256"]);
    for (sender, path, supported, required, by_certificate) in [
        ("any", "/corp", algs.clone(), Value::Null, Value::Null),
        ("dpop", "/corp", algs.clone(), json!(true), Value::Null),
        ("mtls", "/corp", Value::Null, Value::Null, json!(true)),
        ("dpop", "/all", algs.clone(), Value::Null, Value::Null),
        ("mtls", "/all", algs.clone(), Value::Null, json!(true)),
    ] {
        let gateway = gateway(&deployment(&json!({ "sender": sender })));
        let asked = Asked::new("GET", &format!("/.well-known/oauth-protected-resource{path}"));
        let metadata = Browser::new(&world, &gateway).send(&asked).json();
        assert_eq!(metadata["dpop_signing_alg_values_supported"], supported, "{sender} {path}");
        assert_eq!(metadata["dpop_bound_access_tokens_required"], required, "{sender} {path}");
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], by_certificate, "{sender} {path}");
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
