//! ID tokens that the provider encrypted for us (OpenID Connect Core §10.2): opened, and then checked like any other.

use std::rc::Rc;

use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::ports::OutboundResponse;
use serde_json::{Value, json};

use super::jarm::claims_of;
use super::renewal::{LIFE, api, events, relayed};
use crate::support::encrypt::encrypted;
use crate::support::{Asked, AuthorizationResponse, Browser, Endpoint, World, gateway, signer, variables};

fn encrypting(how: &str) -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["encrypted_id_token"] = how.into();
    variables
}

/// Our public keys for encryption, as the provider finds them at the `jwks_uri` of its client.
fn published(world: &World, variables: &Value) -> Vec<Value> {
    let gateway = gateway(variables);
    let answered = Browser::new(world, &gateway).send(&Asked::script("GET", "/auth/clients/corp/jwks.json"));
    let keys = answered.json()["keys"].as_array().unwrap().clone();
    keys.into_iter().filter(|key| key["use"] == "enc").collect()
}

/// The provider encrypts every ID token for this key from now on.
fn encrypt(world: &World, key: &Value, algs: (&'static str, &'static str), header: &Value) {
    let (key, header) = (key.clone(), header.clone());
    world.corp.bend_tokens(move |tokens| {
        let inner = tokens["id_token"].as_str().unwrap().to_owned();
        tokens["id_token"] = encrypted(&key, algs, &inner, &header).into();
    });
}

fn kind<'a>(keys: &'a [Value], kty: &str) -> &'a Value {
    keys.iter().find(|key| key["kty"] == kty).unwrap()
}

#[test]
fn people_sign_in_by_tokens_that_are_encrypted_for_either_key() {
    // two keys at once, and every algorithm
    let variables = encrypting("required");
    for (kty, alg, enc) in [
        ("RSA", "RSA-OAEP-256", "A128GCM"),
        ("RSA", "RSA-OAEP-256", "A256GCM"),
        ("EC", "ECDH-ES", "A128GCM"),
        ("EC", "ECDH-ES", "A256GCM"),
        ("EC", "ECDH-ES+A256KW", "A128GCM"),
        ("EC", "ECDH-ES+A256KW", "A256GCM"),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables));
        let keys = published(&world, &variables);
        assert_eq!(keys.len(), 2);
        let key = kind(&keys, kty);
        encrypt(&world, key, (alg, enc), &json!({ "kid": key["kid"] }));
        let browser = Browser::new(&world, &gateway).signed_in();
        assert_eq!(browser.send(&Asked::script("GET", "/auth/me")).json()["claims"]["name"], "Alice", "{alg} {enc}");
    }
}

#[test]
fn what_is_inside_is_checked_like_any_other_token() {
    // Whoever has our public key can encrypt: that proves nothing.
    let variables = encrypting("required");
    let (world, gateway) = (World::new(), gateway(&variables));
    let key = kind(&published(&world, &variables), "EC").clone();
    let forger = signer(9);
    let sealed = key.clone();
    world.corp.bend_tokens(move |tokens| {
        let inner = forger.sign(None, json!({ "iss": "x" }).as_object().unwrap());
        tokens["id_token"] = encrypted(&sealed, ("ECDH-ES", "A128GCM"), &inner, &json!({})).into();
    });
    Browser::new(&world, &gateway).login().assert_refused(400, "jwt.key_unknown");
    // `alg: none` inside is no signature.
    let sealed = key.clone();
    world.corp.bend_tokens(move |tokens| {
        let text = "eyJhbGciOiJub25lIn0.e30.AA";
        tokens["id_token"] = encrypted(&sealed, ("ECDH-ES", "A128GCM"), text, &json!({})).into();
    });
    Browser::new(&world, &gateway).login().assert_refused(400, "jwt.alg_unsupported");
    // Nor is a text that is no token at all.
    world.corp.bend_tokens(move |tokens| {
        tokens["id_token"] = encrypted(&key, ("ECDH-ES", "A128GCM"), "{}", &json!({})).into();
    });
    Browser::new(&world, &gateway).login().assert_refused(400, "jwt.malformed");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn what_cannot_be_opened_ends_the_login_and_says_why_in_the_log_alone() {
    let variables = encrypting("required");
    let (world, gateway) = (World::new(), gateway(&variables));
    let key = kind(&published(&world, &variables), "EC").clone();
    for (header, reason) in [
        (json!({ "alg": "RSA1_5" }), "jwe.alg_refused"),
        (json!({ "enc": "A128CBC-HS256" }), "jwe.enc_refused"),
        (json!({ "zip": "DEF" }), "jwe.compressed"),
        (json!({ "crit": ["x"] }), "jwe.crit_unknown"),
        (json!({ "cty": null }), "jwe.content_refused"),
        (json!({ "kid": "another" }), "jwe.key_unknown"),
        (json!({ "apu": "QQ" }), "jwe.undecryptable"),
        (json!({ "apu": 7 }), "jwe.malformed"),
    ] {
        encrypt(&world, &key, ("ECDH-ES", "A128GCM"), &header);
        Browser::new(&world, &gateway).login().assert_refused(400, reason);
    }
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_token_that_is_not_encrypted_is_taken_only_where_the_configuration_says_so() {
    let (world, required) = (World::new(), gateway(&encrypting("required")));
    Browser::new(&world, &required).login().assert_refused(400, "jwe.not_encrypted");
    let accepting = gateway(&encrypting("accepted"));
    Browser::new(&world, &accepting).signed_in();
    // And without keys, an encrypted one is no token.
    let key = kind(&published(&world, &encrypting("required")), "EC").clone();
    encrypt(&world, &key, ("ECDH-ES", "A128GCM"), &json!({}));
    let without = gateway(&variables());
    Browser::new(&world, &without).login().assert_refused(400, "jwt.encrypted");
    Browser::new(&world, &accepting).signed_in();
}

#[test]
fn a_refreshed_token_is_opened_by_the_object_too() {
    let variables = encrypting("required");
    let (world, gateway_here) = (World::new(), gateway(&variables));
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&variables)));
    let key = kind(&published(&world, &variables), "RSA").clone();
    encrypt(&world, &key, ("RSA-OAEP-256", "A256GCM"), &json!({}));
    let browser = Browser::new(&world, &gateway_here).signed_in();
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 2);
    // One that does not open is not used, and what came with it is not lost: its key may be missing for a moment.
    encrypt(&world, &key, ("RSA-OAEP-256", "A256GCM"), &json!({ "kid": "another" }));
    world.wait(LIFE);
    assert_eq!(browser.send(&api()).reply().status.as_u16(), 503);
    assert_eq!(events(&world, "session.refresh").last().unwrap()["reason"], "jwe.key_unknown");
    encrypt(&world, &key, ("RSA-OAEP-256", "A256GCM"), &json!({}));
    world.wait(60);
    relayed(&browser.send(&api()));
}

/// The hint that the provider is shown at a sign-out.
fn hint(variables: &Value) -> Option<String> {
    let (world, gateway) = (World::new(), gateway(variables));
    let key = kind(&published(&world, variables), "EC").clone();
    encrypt(&world, &key, ("ECDH-ES", "A128GCM"), &json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let location = browser.send(&Asked::form("/auth/logout")).location();
    let url = url::Url::parse(&location).unwrap();
    url.query_pairs().find(|(name, _)| name == "id_token_hint").map(|(_, value)| value.into_owned())
}

#[test]
fn what_was_encrypted_is_not_shown_in_the_address_of_a_sign_out() {
    let mut variables = encrypting("required");
    assert_eq!(hint(&variables), None);
    // OpenID Connect Core §3.1.2.1: where it is wanted, it is the signed token, decrypted.
    variables["PROVIDERS"]["corp"]["id_token_hint"] = true.into();
    assert_eq!(hint(&variables).unwrap().split('.').count(), 3);
}

#[test]
fn logout_tokens_come_encrypted_too() {
    // Back-Channel Logout §2.4 and §2.6
    let variables = encrypting("required");
    let (world, gateway) = (World::new(), gateway(&variables));
    let key = kind(&published(&world, &variables), "RSA").clone();
    let algs = ("RSA-OAEP-256", "A128GCM");
    encrypt(&world, &key, algs, &json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let notice = || world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "alice" }));
    let send = |token: &str| {
        let body = format!("logout_token={token}");
        Browser::new(&world, &gateway).send(&Asked::form_from_elsewhere("/auth/backchannel-logout/corp", &body))
    };
    for (token, reason) in [
        (notice(), "jwe.not_encrypted"),
        (encrypted(&key, algs, &notice(), &json!({ "kid": "another" })), "jwe.key_unknown"),
        (encrypted(&key, algs, &notice(), &json!({ "zip": "DEF" })), "jwe.compressed"),
    ] {
        let answered = send(&token);
        assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (400, &json!(reason)));
        assert_eq!(answered.json(), json!({ "error": "invalid_request" }), "no oracle");
    }
    assert!(browser.is_in());
    let answered = send(&encrypted(&key, algs, &notice(), &json!({})));
    assert_eq!(answered.event["reason"], "logout.sessions_ended");
    assert!(!browser.is_in());
}

#[test]
fn user_info_may_be_encrypted_too() {
    let mut variables = encrypting("required");
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    let (world, gateway) = (World::new(), gateway(&variables));
    let key = kind(&published(&world, &variables), "EC").clone();
    encrypt(&world, &key, ("ECDH-ES", "A128GCM"), &json!({}));
    let claims = json!({ "iss": crate::support::CORP, "aud": "app", "sub": "alice", "email": "inside@example.com" });
    let signed = world.corp.key.borrow().sign(None, claims.as_object().unwrap());
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"))]);
    let body = encrypted(&key, ("ECDH-ES", "A256GCM"), &signed, &json!({})).into_bytes();
    world.corp.script(Endpoint::UserInfo, Ok(OutboundResponse { status: StatusCode::OK, headers, body }));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(browser.send(&Asked::script("GET", "/auth/me")).json()["claims"]["email"], "inside@example.com");
}

/// A deployment that asks for signed responses, a login under way in a browser of it, and the response that the provider signed.
fn coming_back(how: Option<&str>, test: impl FnOnce(&World, &Browser<'_>, &Value, AuthorizationResponse)) {
    let with_keys = encrypting("accepted");
    let mut variables = how.map_or_else(variables, encrypting);
    variables["PROVIDERS"]["corp"]["response_mode"] = "jwt".into();
    let (world, gateway) = (World::new(), gateway(&variables));
    let key = kind(&published(&world, &with_keys), "EC").clone();
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin("return_to=%2Fapp%2Fa"));
    let signed = world.corp.signed(&response, world.now.get(), &json!({}));
    test(&world, &browser, &key, signed);
}

const ALGS: (&str, &str) = ("ECDH-ES", "A128GCM");

/// Puts an encrypted token in the place of the signed one.
fn seal(response: &mut AuthorizationResponse, key: &Value, header: &Value, inner: Option<&str>) {
    let token = encrypted(key, ALGS, inner.unwrap_or_else(|| response.get("response")), header);
    response.set("response", &token);
}

#[test]
fn a_signed_response_may_be_encrypted_too() {
    //
    coming_back(Some("accepted"), |_, browser, key, mut response| {
        seal(&mut response, key, &json!({ "kid": key["kid"] }), None);
        let finished = browser.come_back(&response);
        assert_eq!(finished.event["reason"], "login.succeeded");
        assert!(finished.reply().body.contains("0;url=/app/a"));
        assert!(browser.logins_under_way().is_empty());
        // It ends its login once.
        browser.come_back(&response).assert_refused(400, "callback.no_transaction");
    });
}

#[test]
fn an_encrypted_response_that_does_not_open_or_is_not_signed_signs_nobody_in() {
    // whoever has our public key can encrypt.
    let unsigned = "eyJhbGciOiJub25lIn0.e30.AA";
    let twice = |key: &Value| encrypted(key, ALGS, unsigned, &json!({}));
    for (header, reason) in [
        (json!({ "kid": "another" }), "jwe.key_unknown"),
        (json!({ "zip": "DEF" }), "jwe.compressed"),
        (json!({ "cty": null }), "jwe.content_refused"),
        (json!({ "apu": "QQ" }), "jwe.undecryptable"),
    ] {
        coming_back(Some("required"), |world, browser, key, mut response| {
            seal(&mut response, key, &header, None);
            browser.come_back(&response).assert_refused(400, reason);
            assert_eq!((world.asked(Endpoint::Token), world.sessions()), (0, 0));
        });
    }
    coming_back(Some("required"), |world, browser, key, mut response| {
        let forged = signer(9).sign(None, claims_of(response.get("response")).as_object().unwrap());
        let mut other = response.clone();
        seal(&mut other, key, &json!({}), Some(&twice(key)));
        browser.come_back(&other).assert_refused(400, "jwe.content_refused");
        seal(&mut other, key, &json!({}), Some(unsigned));
        browser.come_back(&other).assert_refused(400, "callback.state_missing");
        assert!(!browser.logins_under_way().is_empty());
        seal(&mut response, key, &json!({}), Some(&forged));
        browser.come_back(&response).assert_refused(400, "jwt.key_unknown");
        assert!(browser.logins_under_way().is_empty(), "the login that it names is over");
        assert_eq!((world.asked(Endpoint::Token), world.sessions()), (0, 0));
    });
}

#[test]
fn an_encrypted_response_says_so_where_there_is_no_key_for_it() {
    coming_back(None, |world, browser, key, mut response| {
        seal(&mut response, key, &json!({}), None);
        browser.come_back(&response).assert_refused(400, "jwt.encrypted");
        assert_eq!(world.asked(Endpoint::Token), 0);
    });
}

#[test]
fn nothing_is_opened_for_a_browser_that_has_no_login_of_ours_under_way() {
    coming_back(Some("accepted"), |_, browser, key, mut response| {
        for name in browser.logins_under_way() {
            browser.forget(&name);
        }
        // It would not open.
        seal(&mut response, key, &json!({ "kid": "another" }), None);
        browser.come_back(&response).assert_refused(400, "callback.no_transaction");
    });
}
