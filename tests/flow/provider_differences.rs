//! Providers and issuers as they are: what a setting lets in, and what it still refuses.

use std::collections::BTreeMap;

use postern::ports::OutboundRequest;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, CORP, Endpoint, PARTNER, World, answer, gateway, variables};

const IN: &str = "login.succeeded";
const API: &str = "https://api.example.com";

/// The usual deployment with this in its provider's table.
fn with(key: &str, value: Value) -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"][key] = value;
    variables
}

/// What comes of a login whose ID token has these claims too.
fn login(variables: &Value, claims: &Value) -> String {
    let (world, gateway) = (World::new(), gateway(variables));
    let claims = claims.as_object().unwrap().clone();
    world.corp.bend_claims(move |all| all.as_object_mut().unwrap().extend(claims.clone()));
    Browser::new(&world, &gateway).login().event["reason"].as_str().unwrap().to_owned()
}

fn form(request: &OutboundRequest) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

#[test]
fn a_token_for_others_too_signs_in_where_it_was_issued_to_us() {
    //
    let others = json!(["app", "https://identity.example.com/"]);
    for (claims, reason) in [
        (json!({ "aud": others, "azp": "app" }), IN),
        (json!({ "aud": others }), "id_token.azp_missing"),
        (json!({ "aud": others, "azp": "other" }), "id_token.azp_mismatch"),
        (json!({ "aud": ["https://identity.example.com/"], "azp": "app" }), "id_token.aud_mismatch"),
    ] {
        assert_eq!(login(&variables(), &claims), reason, "{claims}");
    }
    let named = with("trusted_audiences", json!(["https://identity.example.com/"]));
    let nobody = with("trusted_audiences", json!([]));
    for (variables, claims, reason) in [
        (&named, json!({ "aud": others }), IN),
        (&named, json!({ "aud": ["app", "third"], "azp": "app" }), "id_token.aud_untrusted"),
        (&named, json!({ "aud": others, "azp": "third" }), "id_token.azp_mismatch"),
        (&nobody, json!({ "aud": others, "azp": "app" }), "id_token.aud_untrusted"),
        (&nobody, json!({ "aud": ["app"] }), IN),
    ] {
        assert_eq!(login(variables, &claims), reason, "{claims}");
    }
}

#[test]
fn a_verified_address_or_number_may_be_said_by_a_text() {
    //
    let mut variables = with("scopes", json!(["openid"]));
    variables["SESSION"] = json!({ "claims": ["phone_number", "phone_number_verified", "email", "email_verified"] });
    for (path, require) in [
        ("/phone", json!({ "claims": { "phone_number": "+49301234" } })),
        ("/mail", json!({ "email_domain": ["example.com"] })),
    ] {
        variables["ROUTES"][path] = json!({ "upstream": "service:API", "require": require });
    }
    for (verified, believed) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("True"), false),
        (json!("TRUE"), false),
        (json!("1"), false),
        (json!(1), false),
        (json!("yes"), false),
        (json!("false"), false),
        (json!([true]), false),
        (json!(["true"]), false),
        (json!(false), false),
        (json!(""), false),
        (Value::Null, false),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables));
        let said = verified.clone();
        world.corp.bend_claims(move |claims| {
            claims["phone_number"] = "+49301234".into();
            claims["email"] = "alice@example.com".into();
            claims["phone_number_verified"] = said.clone();
            claims["email_verified"] = said.clone();
        });
        let browser = Browser::new(&world, &gateway).signed_in();
        for path in ["/phone", "/mail"] {
            let answered = browser.send(&Asked::script("GET", path));
            assert_eq!(answered.event["outcome"] == "allow", believed, "{path} {verified}");
        }
    }
}

#[test]
fn one_method_may_be_said_by_a_text_and_roles_by_the_names_of_members() {
    let mut variables = with("roles", json!(["urn:zitadel:iam:org:project:roles"]));
    variables["ROUTES"]["/mfa"] = json!({ "upstream": "service:API", "require": { "amr": ["mfa"] } });
    variables["ROUTES"]["/editors"] = json!({ "upstream": "service:API", "require": { "roles": ["admin"] } });
    let opens = |claims: Value, path: &str| {
        let (world, gateway) = (World::new(), gateway(&variables));
        world.corp.bend_claims(move |all| all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone()));
        Browser::new(&world, &gateway).signed_in().send(&Asked::script("GET", path)).event["outcome"] == "allow"
    };
    for (amr, enough) in [
        (json!("mfa"), true),
        (json!(["pwd", "mfa"]), true),
        (json!("pwd mfa"), false),
        (json!("MFA"), false),
        (json!({ "mfa": true }), false),
        (json!([["mfa"]]), false),
    ] {
        assert_eq!(opens(json!({ "amr": amr }), "/mfa"), enough, "{amr}");
    }
    for (roles, enough) in [
        (json!({ "admin": { "28015": "example.com" }, "user": { "28015": "example.com" } }), true),
        (json!({ "admin": true }), true),
        (json!({ "admin": false }), false),
        (json!({ "admin": ["x"] }), false),
        (json!({ "user": { "admin": "example.com" } }), false),
        (json!("admin"), true),
    ] {
        assert_eq!(opens(json!({ "urn:zitadel:iam:org:project:roles": roles }), "/editors"), enough, "{roles}");
    }
}

#[test]
fn a_login_without_an_access_token_is_one_all_the_same() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.bend_claims(|claims| claims["at_hash"] = "of no token at all".into());
    world.corp.bend_tokens(|tokens| {
        let members = tokens.as_object_mut().unwrap();
        members.retain(|name, _| ["id_token", "scope"].contains(&name.as_str()));
    });
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.go("/app/a").forwarded();
    let answered = browser.send(&Asked::script("GET", "/api/a"));
    answered.assert_refused(401, "session.access_token_expired");
    assert!(browser.is_in(), "what relays nothing works on");
    browser.go("/app/a").forwarded();
    assert_ne!(browser.go("/api/a").event["outcome"], "allow");
}

#[test]
fn a_refresh_token_brings_the_access_token_that_did_not_come() {
    let world = super::renewal::world();
    let gateway = gateway(&variables());
    world.corp.bend_tokens(|tokens| tokens["access_token"] = Value::Null);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.recover();
    assert_eq!(super::renewal::relayed(&browser.send(&super::renewal::api())), 2);
    // A refresh that brings none is of no use.
    let world = super::renewal::world();
    world.corp.bend_tokens(|tokens| tokens["access_token"] = Value::Null);
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&super::renewal::api());
    assert!(answered.reply().status.as_u16() >= 400, "{}", answered.event);
    assert_eq!(super::renewal::events(&world, "session.refresh")[0]["reason"], "token.member_missing");
}

#[test]
fn userinfo_cannot_be_asked_without_an_access_token() {
    let (world, gateway) = (World::new(), gateway(&with("userinfo", json!(true))));
    world.corp.bend_tokens(|tokens| tokens["access_token"] = Value::Null);
    Browser::new(&world, &gateway).login().assert_refused(400, "userinfo.no_token");
    assert_eq!(world.asked(Endpoint::UserInfo), 0);
}

fn groups(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("0f8fad5b-d9cb-469f-a165-{number:012}")).collect()
}

#[test]
fn what_providers_deliver_may_be_longer_than_what_callers_present() {
    //
    let (world, gateway) = (World::new(), gateway(&with("userinfo", json!(true))));
    world.corp.bend_claims(|claims| claims["groups"] = json!(groups(1500)));
    world.corp.user.borrow_mut()["groups"] = json!(groups(2500));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.go("/app/a").forwarded();
    // Beyond what any answer may have.
    world.corp.bend_claims(|claims| claims["groups"] = json!(groups(2600)));
    Browser::new(&world, &gateway).login().assert_refused(503, "provider.answer_too_large");
    // A logout token is presented: anybody may send one.
    let token =
        world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "alice", "x": groups(320) }));
    let asked = Asked::new("POST", "/auth/backchannel-logout/corp")
        .with("content-type", "application/x-www-form-urlencoded")
        .with_body(Ok(&format!("logout_token={token}")));
    assert_eq!(Browser::new(&world, &gateway).send(&asked).event["reason"], "jwt.too_large");
    assert!(browser.is_in());
}

/// Where the browser is sent at sign-out, as a person.
fn signed_out(world: &World) -> BTreeMap<String, String> {
    let gateway = gateway(&variables());
    let location = Browser::new(world, &gateway).signed_in().send(&Asked::form("/auth/logout")).location();
    assert!(location.len() <= 2000, "{} bytes", location.len());
    url::Url::parse(&location).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn a_hint_that_makes_the_address_too_long_is_left_out() {
    //
    let world = World::new();
    assert!(signed_out(&world).contains_key("id_token_hint"));
    for count in [30, 200] {
        world.corp.bend_claims(move |claims| claims["groups"] = json!(groups(count)));
        let sent = signed_out(&world);
        assert!(!sent.contains_key("id_token_hint"));
        assert_eq!((sent["client_id"].as_str(), sent.contains_key("post_logout_redirect_uri")), ("app", true));
    }
}

#[test]
fn a_callback_may_bring_along_what_nobody_reads() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let mut response = world.corp.authorize(&browser.begin(""));
    response.add("session_state", &"x".repeat(6000));
    assert_eq!(browser.come_back(&response).event["reason"], IN);
    for name in ["code", "error", "iss"] {
        let browser = Browser::new(&world, &gateway);
        let mut response = world.corp.authorize(&browser.begin(""));
        response.set(name, &"x".repeat(6000));
        browser.come_back(&response).assert_refused(400, "callback.too_large");
    }
}

#[test]
fn a_public_client_signs_people_in_with_pkce_alone() {
    let (world, gateway) = (World::new(), gateway(&with("client_auth", json!("none"))));
    Browser::new(&world, &gateway).signed_in();
    let sent = world.sent.borrow();
    let request = sent.iter().find(|request| request.url.ends_with("/token")).unwrap();
    let form = form(request);
    assert_eq!((form["client_id"].as_str(), form["code_verifier"].len()), ("app", 43));
    assert!(!request.headers.contains_key("authorization") && !form.contains_key("client_secret"));
}

fn query(location: &str) -> BTreeMap<String, String> {
    url::Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn a_link_sets_the_providers_own_parameters_that_are_named_and_no_others() {
    //
    let variables = with("pass_through", json!(["prompt", "kc_idp_hint", "ui_locales"]));
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let sent =
        query(&browser.begin("kc_idp_hint=google&ui_locales=de+en&prompt=login&organization=x&scope=admin&max_age=1"));
    assert_eq!((sent["kc_idp_hint"].as_str(), sent["ui_locales"].as_str()), ("google", "de en"));
    assert_eq!((sent["prompt"].as_str(), sent["scope"].as_str()), ("login", "openid profile orders:read"));
    assert!(!sent.contains_key("organization") && !sent.contains_key("max_age"));
    let long = format!("kc_idp_hint={}", "x".repeat(1025));
    for link in ["kc_idp_hint=a&kc_idp_hint=b", "kc_idp_hint=a%0D%0Ab", &long] {
        browser.go(&format!("/auth/login?{link}")).assert_refused(400, "login.parameter_unusable");
    }
    let usual = crate::support::gateway(&crate::support::variables());
    let nothing = query(&Browser::new(&world, &usual).begin("kc_idp_hint=google"));
    assert!(!nothing.contains_key("kc_idp_hint"));
}

#[test]
fn claims_are_asked_for_where_the_configuration_says_so() {
    let asked = json!({ "id_token": { "acr": { "essential": true } } });
    let variables = with("authorization_params", json!({ "claims": asked.to_string() }));
    let (world, gateway) = (World::new(), gateway(&variables));
    let sent = query(&Browser::new(&world, &gateway).begin("claims=%7B%7D"));
    assert_eq!(serde_json::from_str::<Value>(&sent["claims"]).unwrap(), asked);
}

/// The usual deployment that takes `partner`'s tokens by this table.
fn issuing(more: Value) -> Value {
    let mut variables = variables();
    let mut table = json!({ "issuer": PARTNER, "audience": API, "algs": ["ES256"] });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    variables["ISSUERS"] = json!({ "machines": table });
    variables["ROUTES"]["/v1/{*rest}"] = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    variables
}

fn bearing(world: &World, variables: &Value, claims: &Value) -> Answered {
    let token = world.partner.key.borrow().sign(None, claims.as_object().unwrap());
    Browser::new(world, &gateway(variables)).send(&Asked::bearing("/v1/a", &token))
}

#[test]
fn an_issuer_may_name_the_audience_in_another_claim() {
    // as Cognito does.
    let world = World::new();
    let now = world.now.get();
    let variables = issuing(json!({ "audience": "spa", "tokens": "legacy", "audience_claim": "client_id" }));
    let claims = |more: Value| {
        let mut claims = json!({
            "iss": PARTNER, "sub": "alice", "client_id": "spa", "token_use": "access", "scope": "read",
            "jti": format!("jti-{CANARY}"), "iat": now, "exp": now + 300,
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    bearing(&world, &variables, &claims(json!({}))).forwarded();
    for (more, reason) in [
        (json!({ "client_id": "another" }), "access_token.aud_mismatch"),
        (json!({ "client_id": null }), "access_token.aud_malformed"),
        (json!({ "client_id": { "spa": true } }), "access_token.aud_malformed"),
        // For another API, or an ID token.
        (json!({ "aud": "https://other.example" }), "access_token.aud_mismatch"),
        (json!({ "aud": "spa" }), "access_token.aud_mismatch"),
        (json!({ "aud": "spa", "client_id": null, "token_use": "id" }), "access_token.kind_refused"),
        (json!({ "token_use": "id" }), "access_token.kind_refused"),
        (json!({ "nonce": "n" }), "access_token.kind_refused"),
    ] {
        bearing(&world, &variables, &claims(more)).assert_refused(401, reason);
    }
    // Where nothing is said, it is `aud` alone.
    let usual = issuing(json!({ "audience": "spa", "tokens": "legacy" }));
    bearing(&world, &usual, &claims(json!({}))).assert_refused(401, "access_token.aud_malformed");
}

#[test]
fn an_issuer_that_is_only_a_name_is_never_asked() {
    // as AD FS.
    const NAME: &str = "http://adfs.example/adfs/services/trust";
    let world = World::new();
    let variables = issuing(json!({ "issuer": NAME, "tokens": "legacy", "jwks_uri": format!("{PARTNER}/jwks") }));
    let now = world.now.get();
    let claims = |issuer: &str| json!({ "iss": issuer, "aud": API, "sub": "alice", "appid": "spa", "scp": "read", "iat": now, "exp": now + 300 });
    bearing(&world, &variables, &claims(NAME)).forwarded();
    for other in ["https://adfs.example/adfs/services/trust", PARTNER, CORP] {
        bearing(&world, &variables, &claims(other)).assert_refused(401, "bearer.issuer_unknown");
    }
    let gateway = gateway(&variables);
    world.refresh(&gateway);
    assert!(world.sent.borrow().iter().all(|request| !request.url.starts_with("http://")));
    let described = Browser::new(&world, &gateway).send(&Asked::new("GET", "/.well-known/oauth-protected-resource/v1"));
    assert_eq!(described.json()["authorization_servers"], json!([]));
}

#[test]
fn an_answer_without_audience_and_kind_counts_where_the_endpoint_is_trusted_with_both() {
    //
    let opaque = |more: Value| {
        let mut variables = issuing(json!({}));
        let mut table = json!({ "issuer": PARTNER, "audience": API, "tokens": "opaque", "client_id": "api" });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        variables["ISSUERS"]["machines"] = table;
        variables
    };
    let bare = json!({ "active": true, "sub": "alice", "client_id": "reporter", "scope": "read" });
    let refresh = json!({ "active": true, "sub": "alice", "token_type": "refresh_token" });
    for (settings, said, reason) in [
        (json!({}), &bare, "introspection.aud_missing"),
        (json!({ "require_aud": false }), &bare, "introspection.token_type_refused"),
        (json!({ "require_aud": false, "require_token_type": false }), &bare, "authz.requirements_met"),
        (json!({ "require_aud": false, "require_token_type": false }), &refresh, "introspection.token_type_refused"),
    ] {
        let (world, gateway) = (World::new(), gateway(&opaque(settings.clone())));
        world.partner.script(Endpoint::Introspection, Ok(answer(200, said)));
        let answered = Browser::new(&world, &gateway).send(&Asked::bearing("/v1/a", "opaque"));
        assert_eq!(answered.event["reason"], reason, "{settings} {said}");
    }
}
