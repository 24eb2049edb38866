//! Signed authorization responses (JARM).

use serde_json::{Value, json};

use crate::support::{
    Answered, Asked, AuthorizationResponse, Browser, Endpoint, World, gateway, signer, signer_named, variables,
};

/// A deployment that asks for responses in this mode, and a login under way in a browser of it.
fn under_way(mode: &str, test: impl FnOnce(&World, &Browser<'_>, AuthorizationResponse)) {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["response_mode"] = mode.into();
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let request = browser.begin("return_to=%2Fapp%2Fa");
    assert_eq!(request.contains(&format!("response_mode={mode}")), mode != "query", "{request}");
    test(&world, &browser, world.corp.authorize(&request));
}

/// What a response is answered that is bent so.
fn answered(changes: &Value, bend: impl Fn(&World, &mut AuthorizationResponse)) -> (Answered, usize, bool) {
    let mut found = None;
    under_way("jwt", |world, browser, response| {
        let mut signed = world.corp.signed(&response, world.now.get(), changes);
        bend(world, &mut signed);
        let answered = browser.come_back(&signed);
        found = Some((answered, world.asked(Endpoint::Token), !browser.logins_under_way().is_empty()));
    });
    found.unwrap()
}

#[track_caller]
fn refused(changes: &Value, bend: impl Fn(&World, &mut AuthorizationResponse), reason: &str) -> Answered {
    let (answered, redeemed, _) = answered(changes, bend);
    answered.assert_refused(400, reason);
    assert_eq!(redeemed, 0, "the code was sent");
    answered
}

#[test]
fn a_signed_response_ends_the_login_in_each_mode() {
    // R-384
    for mode in ["jwt", "query.jwt", "form_post.jwt"] {
        under_way(mode, |world, browser, response| {
            let signed = world.corp.signed(&response, world.now.get(), &json!({}));
            let finished = if mode == "form_post.jwt" {
                browser.send(&Asked::form_from_elsewhere(signed.path(), &signed.encoded()))
            } else {
                browser.come_back(&signed)
            };
            assert_eq!(finished.event["reason"], "login.succeeded");
            assert!(finished.reply().body.contains("0;url=/app/a"));
            browser.go("/app/a").forwarded();
        });
    }
}

#[test]
fn a_response_that_the_provider_did_not_sign_for_us_and_now_says_nothing() {
    // R-146, R-384
    let now = 1_800_000_000;
    for (changes, reason) in [
        (json!({ "iss": null }), "response.iss_mismatch"),
        (json!({ "iss": "https://evil.example" }), "response.iss_mismatch"),
        (json!({ "aud": null }), "response.aud_mismatch"),
        (json!({ "aud": "somebody else" }), "response.aud_mismatch"),
        (json!({ "exp": null }), "response.exp_malformed"),
        (json!({ "exp": now - 3600 }), "response.expired"),
        (json!({ "code": 7 }), "response.parameter_malformed"),
        (json!({ "code": null }), "callback.code_missing"),
        (json!({ "id_token": "x.y.z" }), "callback.unasked_token"),
        (json!({ "state": null }), "callback.state_missing"),
        (json!({ "state": "another" }), "callback.no_transaction"),
    ] {
        refused(&changes, |_, _| (), reason);
    }
    let told = refused(&json!({ "iss": "https://evil.example" }), |_, _| (), "response.iss_mismatch");
    let detail = "iss: expected `https://login.corp.example/t1`, found `https://evil.example`";
    assert_eq!(told.event["detail"], detail);
}

#[test]
fn a_response_is_signed_by_a_key_of_the_provider_and_an_algorithm_that_it_may_use() {
    // R-146
    let by = |number: u8, kid: &'static str| {
        move |world: &World, response: &mut AuthorizationResponse| {
            let claims = claims_of(response.get("response"));
            response.set("response", &signer_named(number, kid).sign(None, claims.as_object().unwrap()));
            assert!(world.now.get() > 0);
        }
    };
    refused(&json!({}), by(9, "key-1"), "jwt.bad_signature");
    refused(&json!({}), by(9, "key-9"), "jwt.key_unknown");
    let bent = |bend: fn(&str) -> String| {
        move |_: &World, response: &mut AuthorizationResponse| {
            let token = bend(response.get("response"));
            response.set("response", &token);
        }
    };
    let none = |token: &str| {
        let payload = token.split('.').nth(1).unwrap();
        format!("{}.{payload}.", encode(r#"{"alg":"none"}"#))
    };
    refused(&json!({}), bent(none), "jwt.malformed");
    let hollow = |token: &str| {
        let mut parts = token.split('.');
        let (_, payload, signature) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        format!("{}.{payload}.{signature}", encode(r#"{"alg":"none"}"#))
    };
    refused(&json!({}), bent(hollow), "jwt.alg_unsupported");
    let rs256 = |token: &str| {
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{}.{}", encode(r#"{"alg":"RS256","kid":"key-1"}"#), parts[1], parts[2])
    };
    refused(&json!({}), bent(rs256), "jwt.alg_not_allowed");
    let cut = |token: &str| token.rsplit_once('.').unwrap().0.to_owned() + "." + &encode("short");
    refused(&json!({}), bent(cut), "jwt.bad_signature");
    let encrypted = |token: &str| format!("{token}.a.b");
    refused(&json!({}), bent(encrypted), "jwt.encrypted");
}

#[test]
fn a_response_that_comes_twice_counts_for_nothing() {
    // R-023
    let twice = |_: &World, response: &mut AuthorizationResponse| {
        let first = response.get("response").to_owned();
        response.add("response", &first);
    };
    refused(&json!({}), twice, "callback.parameter_repeated");
}

#[test]
fn a_key_that_is_new_is_asked_for() {
    under_way("jwt", |world, browser, response| {
        world.corp.rotate(3);
        assert_eq!(world.corp.key.borrow().kid(), signer(3).kid());
        world.wait(120);
        let signed = world.corp.signed(&response, world.now.get(), &json!({}));
        assert_eq!(browser.come_back(&signed).event["reason"], "login.succeeded");
    });
}

#[test]
fn what_is_not_signed_counts_for_nothing_where_responses_are_signed() {
    // R-384: neither instead, nor beside.
    under_way("jwt", |world, browser, response| {
        browser.come_back(&response).assert_refused(400, "callback.wrong_response_mode");
        assert_eq!(world.asked(Endpoint::Token), 0);
    });
    under_way("jwt", |world, browser, response| {
        let mut signed =
            world.corp.signed(&response, world.now.get(), &json!({ "code": null, "error": "access_denied" }));
        signed.add("code", response.get("code"));
        signed.add("state", response.get("state"));
        browser.come_back(&signed).assert_refused(403, "callback.provider_refused");
        assert_eq!(world.asked(Endpoint::Token), 0);
    });
}

#[test]
fn a_signed_response_counts_for_nothing_where_none_was_asked_for() {
    under_way("query", |world, browser, response| {
        let mut signed = world.corp.signed(&response, world.now.get(), &json!({}));
        browser.come_back(&signed).assert_refused(400, "callback.wrong_response_mode");
        signed.add("state", response.get("state"));
        browser.come_back(&signed).assert_refused(400, "callback.wrong_response_mode");
        assert!(browser.logins_under_way().is_empty(), "the login that it names is over");
        assert_eq!(world.asked(Endpoint::Token), 0);
    });
}

#[test]
fn a_response_ends_the_login_that_it_names_whatever_comes_of_it_and_no_other() {
    // R-022
    for changes in [json!({ "iss": null }), json!({ "exp": 5 })] {
        let (_, _, under_way) = answered(&changes, |_, _| ());
        assert!(!under_way, "{changes}");
    }
    let (_, _, under_way) = answered(&json!({ "state": "another" }), |_, _| ());
    assert!(under_way);
    under_way_of_others();
}

/// Whose login it is not has nothing verified, and no keys asked for.
fn under_way_of_others() {
    under_way("jwt", |world, browser, response| {
        let signed = world.corp.signed(&response, world.now.get(), &json!({}));
        for name in browser.logins_under_way() {
            browser.forget(&name);
        }
        let keys = world.asked(Endpoint::Keys);
        browser.come_back(&signed).assert_refused(400, "callback.no_transaction");
        assert_eq!((world.verifications.get(), world.asked(Endpoint::Keys)), (0, keys));
    });
}

#[test]
fn an_error_in_a_signed_response_is_the_providers() {
    // R-028
    let error = json!({ "code": null, "error": "access_denied", "error_description": "no" });
    let (told, redeemed, _) = answered(&error, |_, _| ());
    told.assert_refused(403, "callback.provider_refused");
    assert_eq!((told.event["detail"].as_str(), redeemed), (Some("access_denied"), 0));
}

/// What a token says.
pub fn claims_of(token: &str) -> Value {
    use base64ct::Encoding;
    let payload = base64ct::Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn encode(text: &str) -> String {
    use base64ct::Encoding;
    base64ct::Base64UrlUnpadded::encode_string(text.as_bytes())
}
