//! Tokens of a provider that are bound to a key of the session's own (DPoP), from the sign-in to the upstream.

use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::http::header;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::renewal::{LIFE, events};
use crate::support::{Asked, Browser, Endpoint, World, gateway, gateway as gateway_from, variables};

/// A deployment whose provider binds its tokens, and an upstream that gets them with a proof.
fn bound() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["sender_constrained"] = "dpop".into();
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    variables["ROUTES"]["/api/{*rest}"] = json!({ "upstream": "https://api.example.net/v1", "token": "dpop" });
    variables
}

fn world() -> World {
    let world = World::new();
    world.corp.dpop.on.set(true);
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&bound())));
    world
}

/// The paths of the proofs that came, and whether each had a nonce.
fn proofs(world: &World) -> Vec<(String, Option<String>)> {
    let proofs = world.corp.dpop.proofs.borrow();
    proofs.iter().map(|(path, claims, _)| (path.clone(), claims["nonce"].as_str().map(str::to_owned))).collect()
}

fn jkts(world: &World) -> Vec<String> {
    let mut all: Vec<String> = world.corp.dpop.proofs.borrow().iter().map(|(_, _, jkt)| jkt.clone()).collect();
    all.dedup();
    all
}

/// What an upstream sees in `Authorization` and in the proof beside it.
#[track_caller]
fn at_upstream(world: &World, browser: &Browser<'_>, path: &str) -> (String, Value) {
    let answered = browser.send(&Asked::script("GET", path));
    let headers = &answered.forwarded().headers;
    let authorization = &headers[header::AUTHORIZATION];
    assert!(authorization.is_sensitive());
    let token = authorization.to_str().unwrap().strip_prefix("DPoP ").unwrap().to_owned();
    let proof = headers["dpop"].to_str().unwrap();
    let (jkt, claims) = opened(proof);
    assert_eq!(world.corp.dpop.bound_to(&token), Some(jkt), "the proof is by the key that the token is bound to");
    (token, claims)
}

/// The thumbprint of the key of a proof, and its claims.
fn opened(proof: &str) -> (String, Value) {
    let part = |index: usize| -> Value {
        let text = proof.split('.').nth(index).unwrap();
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(text).unwrap()).unwrap()
    };
    let (head, claims) = (part(0), part(1));
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, head["jwk"]["x"], head["jwk"]["y"]);
    (Base64UrlUnpadded::encode_string(&Sha256::digest(canonical)), claims)
}

#[test]
fn one_key_of_the_session_proves_every_request_to_the_provider() {
    // R-379
    let (world, gateway) = (world(), gateway(&bound()));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(proofs(&world), [("token".to_owned(), None), ("userinfo".to_owned(), None)]);
    let (first, claims) = at_upstream(&world, &browser, "/api/a?b=c");
    assert_eq!((&claims["htm"], &claims["htu"]), (&json!("GET"), &json!("https://api.example.net/v1/api/a")));
    assert_eq!(claims["ath"], Base64UrlUnpadded::encode_string(&Sha256::digest(&first)));
    world.wait(LIFE);
    let (second, _) = at_upstream(&world, &browser, "/api/a");
    assert_ne!(first, second);
    assert_eq!(jkts(&world).len(), 1, "the session has one key, whichever isolate proves by it");
    let other = Browser::new(&world, &gateway).signed_in();
    at_upstream(&world, &other, "/api/a");
    assert_eq!(jkts(&world).len(), 2, "and no two sessions share one");
    assert_eq!(events(&world, "session.refresh")[0]["reason"], "session.renewed");
}

#[test]
fn the_key_is_kept_sealed_and_nowhere_else() {
    let (world, gateway) = (world(), gateway(&bound()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&Asked::script("GET", "/auth/me"));
    let seen = format!("{:?}{}{}", answered.reply().headers, world.dump(), world.lines.borrow().join("\n"));
    assert!(!seen.contains("proof_key") && !seen.contains("\"d\""), "{seen}");
    world.wait(LIFE);
    at_upstream(&world, &browser, "/api/a");
}

#[test]
fn a_code_that_somebody_else_redeems_is_worth_nothing() {
    // R-380: the code is bound to the key of the login that it is for.
    let (world, gateway) = (world(), gateway(&bound()));
    world.corp.dpop.without_pkce.set(true);
    let (thief, victim) = (Browser::new(&world, &gateway), Browser::new(&world, &gateway));
    let mut theirs = world.corp.authorize(&thief.begin(""));
    let request = victim.begin("");
    let jkt =
        url::Url::parse(&request).unwrap().query_pairs().find(|(name, _)| name == "dpop_jkt").unwrap().1.into_owned();
    assert_eq!(Base64UrlUnpadded::decode_vec(&jkt).unwrap().len(), 32);
    let stolen = world.corp.authorize(&request);
    theirs.set("code", stolen.get("code"));
    thief.go(&theirs.target()).assert_refused(400, "token.invalid_grant");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_nonce_is_taken_over_and_kept_for_each_kind_of_endpoint() {
    // R-132, R-381
    let (world, gateway) = (world(), gateway(&bound()));
    *world.corp.dpop.nonce.borrow_mut() = Some("as-1".to_owned());
    *world.corp.dpop.resource_nonce.borrow_mut() = Some("rs-1".to_owned());
    Browser::new(&world, &gateway).signed_in();
    let named = |path: &str, nonce: Option<&str>| (path.to_owned(), nonce.map(str::to_owned));
    let first =
        [named("token", None), named("token", Some("as-1")), named("userinfo", None), named("userinfo", Some("rs-1"))];
    assert_eq!(proofs(&world), first);
    // What is known is said at once.
    world.corp.dpop.proofs.borrow_mut().clear();
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(proofs(&world), [named("token", Some("as-1")), named("userinfo", Some("rs-1"))]);
    // The isolate of the object has not heard of it, and asks once more itself.
    world.corp.dpop.proofs.borrow_mut().clear();
    world.wait(LIFE);
    at_upstream(&world, &browser, "/api/a");
    assert_eq!(proofs(&world), [named("token", None), named("token", Some("as-1"))]);
}

#[test]
fn each_attempt_has_an_assertion_and_a_proof_of_its_own() {
    let mut variables = bound();
    variables["PROVIDERS"]["corp"]["client_auth"] = "private_key_jwt".into();
    let (world, gateway) = (world(), gateway(&variables));
    *world.corp.dpop.nonce.borrow_mut() = Some("as-1".to_owned());
    Browser::new(&world, &gateway).signed_in();
    let sent = world.sent.borrow();
    let assertions: Vec<String> = sent
        .iter()
        .filter(|request| request.url.ends_with("/token"))
        .map(|request| {
            form_urlencoded::parse(request.body.as_bytes())
                .find(|(name, _)| name == "client_assertion")
                .unwrap()
                .1
                .into_owned()
        })
        .collect();
    assert_eq!(assertions.len(), 2);
    assert_ne!(assertions[0], assertions[1]);
}

#[test]
fn a_provider_that_is_never_content_is_asked_twice_and_no_more() {
    // R-381
    let (world, gateway) = (world(), gateway(&bound()));
    world.corp.dpop.never_content.set(true);
    Browser::new(&world, &gateway).login().assert_refused(400, "token.refused");
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (2, 0));
}

#[test]
fn a_refusal_that_names_no_nonce_is_not_asked_again() {
    // R-381
    let (world, gateway) = (world(), gateway(&bound()));
    *world.corp.dpop.nonce.borrow_mut() = Some("as-1".to_owned());
    world.corp.dpop.silent.set(true);
    Browser::new(&world, &gateway).login().assert_refused(400, "token.refused");
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (1, 0));
}

#[test]
fn a_token_that_is_not_bound_is_refused_where_one_was_asked_for() {
    let (world, gateway) = (world(), gateway(&bound()));
    world.corp.dpop.ignored.set(true);
    Browser::new(&world, &gateway).login().assert_refused(400, "token.not_bound");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_bound_token_is_refused_where_none_was_asked_for() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.bend_tokens(|tokens| tokens["token_type"] = "DPoP".into());
    Browser::new(&world, &gateway).login().assert_refused(400, "token.type_unknown");
}

#[test]
fn a_bound_token_is_never_relayed_by_itself() {
    // R-130: the configuration changed while the session lives.
    let world = world();
    let before = gateway(&bound());
    let mut browser = Browser::new(&world, &before).signed_in();
    let after = gateway(&variables());
    browser.gateway = &after;
    let answered = browser.send(&Asked::script("GET", "/api/a"));
    assert_eq!(answered.reply().status.as_u16(), 401);
    // And the other way round: a token that is not bound is not called one.
    let world = World::new();
    let before = gateway(&variables());
    let mut browser = Browser::new(&world, &before).signed_in();
    let after = gateway(&bound());
    browser.gateway = &after;
    assert_eq!(browser.send(&Asked::script("GET", "/api/a")).reply().status.as_u16(), 401);
}

#[test]
fn a_session_from_before_its_tokens_were_bound_is_not_renewed_without() {
    let world = World::new();
    let before = gateway(&variables());
    let browser = Browser::new(&world, &before).signed_in();
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&bound())));
    world.wait(LIFE);
    assert_eq!(browser.send(&Asked::script("GET", "/api/a")).reply().status.as_u16(), 401);
    assert_eq!(events(&world, "session.refresh")[0]["reason"], "token.no_proof_key");
    assert!(world.corp.used.borrow().is_empty(), "the refresh token did not leave");
}

#[test]
fn what_a_caller_calls_a_proof_does_not_reach_the_upstream() {
    let (world, gateway) = (world(), gateway(&bound()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = Asked::script("GET", "/api/a").with("dpop", "mine");
    let answered = browser.send(&asked);
    let proofs: Vec<_> = answered.forwarded().headers.get_all("dpop").iter().collect();
    assert_eq!(proofs.len(), 1);
    assert_ne!(proofs[0], "mine");
}

/// A deployment whose provider binds its tokens to our certificate.
fn by_certificate(auth: &str) -> Value {
    let mut variables = variables();
    let corp = &mut variables["PROVIDERS"]["corp"];
    corp["sender_constrained"] = "mtls".into();
    corp["mtls_certificate"] = "CERT".into();
    corp["client_auth"] = auth.into();
    corp["userinfo"] = true.into();
    variables["ROUTES"]["/api/{*rest}"]["token"] = "none".into();
    variables
}

#[test]
fn where_tokens_are_bound_to_a_certificate_it_is_shown_wherever_they_come_from_or_go() {
    // R-135
    for auth in ["private_key_jwt", "tls_client_auth"] {
        let (world, gateway) = (World::new(), gateway(&by_certificate(auth)));
        let base = "https://mtls.corp.example";
        world.corp.metadata.borrow_mut()["mtls_endpoint_aliases"] = json!({
            "token_endpoint": format!("{base}/token"), "userinfo_endpoint": format!("{base}/userinfo"),
            "revocation_endpoint": format!("{base}/revoke"),
        });
        world.corp.aliases.set(true);
        let browser = Browser::new(&world, &gateway).signed_in();
        *world.object_gateway.borrow_mut() = Some(Rc::new(gateway_from(&by_certificate(auth))));
        browser.send(&Asked::script("POST", "/auth/logout"));
        world.ring();
        let sent = world.sent.borrow();
        let shown: Vec<(&str, Option<&str>)> = sent
            .iter()
            .filter(|request| !request.url.contains("/jwks") && !request.url.contains(".well-known"))
            .map(|request| (request.url.as_str(), request.certificate.as_deref()))
            .collect();
        let at = |path: &str| format!("{base}/{path}");
        let (token, userinfo, revoke) = (at("token"), at("userinfo"), at("revoke"));
        assert_eq!(
            shown,
            [(token.as_str(), Some("CERT")), (&userinfo, Some("CERT")), (&revoke, Some("CERT"))],
            "{auth}"
        );
    }
}

#[test]
fn without_aliases_the_certificate_is_shown_at_the_usual_addresses() {
    let (world, gateway) = (World::new(), gateway(&by_certificate("tls_client_auth")));
    Browser::new(&world, &gateway).signed_in();
    let sent = world.sent.borrow();
    let token = sent.iter().find(|request| request.url.ends_with("/t1/token")).unwrap();
    assert_eq!(token.certificate.as_deref(), Some("CERT"));
    let keys = sent.iter().find(|request| request.url.ends_with("/jwks")).unwrap();
    assert_eq!(keys.certificate, None);
}
