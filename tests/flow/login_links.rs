//! What a login link, or a form in its place, makes of the authorization request, and what comes of a silent sign-in.

use std::collections::BTreeMap;
use std::rc::Rc;

use postern::ports::BodyError;
use serde_json::json;

use crate::renewal::{LIFE, api, refresh_token, relayed, world};
use crate::support::{Answered, Asked, AuthorizationResponse, Browser, CORP, World, gateway, two_providers, variables};

fn asked_of_the_provider(request: &str) -> BTreeMap<String, String> {
    url::Url::parse(request).unwrap().query_pairs().into_owned().collect()
}

/// The answer of a provider that may not ask the person anything and would have to.
fn refused(world: &World, browser: &Browser<'_>, query: &str, error: &str) -> Answered {
    let mut response: AuthorizationResponse = world.corp.authorize(&browser.begin(query));
    response.remove("code");
    response.set("error", error);
    browser.come_back(&response)
}

#[test]
fn a_form_is_read_as_the_query_of_a_link_and_answered_by_303() {
    //
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway);
    let target = "https%3A%2F%2Fapp.example.com%2Fapp%2Fa";
    let form = format!(
        "iss={}&target_link_uri={target}&login_hint=alice&scope=admin&fragment=keep",
        "https%3A%2F%2Flogin.corp.example%2Ft1"
    );
    let answered = browser.send(&Asked::form_from_elsewhere("/auth/login", &form));
    assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (303, &json!("login.posted")));
    let link = answered.location();
    assert!(link.starts_with("/auth/login?iss=") && !link.contains("scope") && !link.contains("fragment"), "{link}");
    let request = browser.begin(link.split_once('?').unwrap().1);
    let asked = asked_of_the_provider(&request);
    assert_eq!((asked["login_hint"].as_str(), asked["scope"].as_str()), ("alice", "openid profile orders:read"));
    let finished = browser.come_back(&world.corp.authorize(&request));
    assert!(request.starts_with(CORP) && finished.reply().body.contains("0;url=/app/a\""));
    // An empty form is an empty link.
    assert_eq!(browser.send(&Asked::form_from_elsewhere("/auth/login", "")).location(), "/auth/login");
}

#[test]
fn a_form_keeps_the_parameters_that_a_provider_is_passed() {
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["pass_through"] = json!(["prompt", "kc_idp_hint"]);
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let form = "provider=corp&kc_idp_hint=azure+ad&hd=example.com&fragment=keep";
    let link = browser.send(&Asked::form_from_elsewhere("/auth/login", form)).location();
    assert_eq!(link, "/auth/login?provider=corp&kc_idp_hint=azure+ad");
    let asked = asked_of_the_provider(&browser.begin(link.split_once('?').unwrap().1));
    assert_eq!(asked["kc_idp_hint"], "azure ad");
    // Another provider's is not passed on.
    let asked = asked_of_the_provider(&browser.begin("provider=partner&kc_idp_hint=azure+ad"));
    assert!(!asked.contains_key("kc_idp_hint"));
}

#[test]
fn only_a_persons_form_starts_a_login() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let form = "application/x-www-form-urlencoded";
    let by_script = Asked::script("POST", "/auth/login").with("content-type", form);
    browser.send(&by_script).assert_refused(403, "login.not_a_navigation");
    browser
        .send(&Asked::new("POST", "/auth/login").with("content-type", form))
        .assert_refused(403, "login.not_a_navigation");
    let no_form =
        Asked::new("POST", "/auth/login").with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "document");
    browser.send(&no_form).assert_refused(405, "route.method_not_allowed");
    browser
        .send(&Asked::new("PUT", "/auth/login").with("content-type", form))
        .assert_refused(405, "route.method_not_allowed");
    let twice = Asked::form_from_elsewhere("/auth/login", "iss=a&iss=b");
    browser.send(&twice).assert_refused(400, "login.parameter_unusable");
    let long = Asked::form_from_elsewhere("/auth/login", &format!("login_hint={}", "x".repeat(20_000)));
    browser.send(&long).assert_refused(400, "request.bad_input");
    let broken = Asked::form_from_elsewhere("/auth/login", "").with_body(Err(BodyError::Unreadable));
    browser.send(&broken).assert_refused(400, "request.bad_input");
    assert!(world.sent.borrow().is_empty() && browser.logins_under_way().is_empty());
}

#[test]
fn who_is_signed_in_and_has_to_sign_in_more_recently_is_asked_by_prompt_too() {
    //
    let prompt_of = |provider: serde_json::Value, is_signed_in: bool, query: &str| {
        let mut variables = variables();
        for (name, value) in provider.as_object().unwrap() {
            variables["PROVIDERS"]["corp"][name] = value.clone();
        }
        let (world, gateway) = (World::new(), gateway(&variables));
        let browser = Browser::new(&world, &gateway);
        let browser = if is_signed_in { browser.signed_in() } else { browser };
        asked_of_the_provider(&browser.begin(query)).get("prompt").cloned()
    };
    let none = || json!({});
    assert_eq!(prompt_of(none(), true, "max_age=300").as_deref(), Some("login"));
    assert_eq!(prompt_of(json!({ "prompt": "consent" }), true, "max_age=300").as_deref(), Some("login consent"));
    assert_eq!(prompt_of(json!({ "prompt": "login" }), true, "max_age=300").as_deref(), Some("login"));
    assert_eq!(prompt_of(json!({ "prompt": "create consent" }), true, "max_age=300").as_deref(), Some("login consent"));
    assert_eq!(prompt_of(none(), true, "max_age=300&prompt=select_account").as_deref(), Some("select_account"));
    // Who is not signed in yet, or has signed in recently enough, may have a session at the provider that will do.
    assert_eq!(prompt_of(none(), false, "max_age=300"), None);
    assert_eq!(prompt_of(none(), true, "acr_values=gold"), None);
    assert_eq!(prompt_of(json!({ "max_age": "1h" }), true, ""), None);
    assert_eq!(prompt_of(json!({ "pass_through": ["max_age"] }), true, "max_age=300"), None);
}

#[test]
fn a_route_that_wants_a_recent_sign_in_gets_it_of_a_provider_that_ignores_max_age() {
    //
    let mut variables = variables();
    variables["ROUTES"]["/recent"] = json!({ "upstream": "service:API", "require": { "max_age": "5m" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(1800);
    let link = browser.go("/recent").location().replace("&fragment=keep", "");
    let request = browser.begin(link.split_once('?').unwrap().1);
    assert_eq!(asked_of_the_provider(&request)["prompt"], "login");
    let now = world.now.get();
    world.corp.bend_claims(move |claims| claims["auth_time"] = now.into());
    assert_eq!(browser.come_back(&world.corp.authorize(&request)).event["reason"], "login.succeeded");
    browser.go("/recent").forwarded();
}

#[test]
fn a_silent_sign_in_that_needs_the_person_goes_back_as_nobody() {
    for error in ["login_required", "interaction_required", "consent_required", "account_selection_required"] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let answered = refused(&world, &browser, "prompt=none&return_to=%2Fapp%2Fa", error);
        assert_eq!(answered.reply().status.as_u16(), 200, "{error}");
        assert!(answered.reply().body.contains("content=\"0;url=/app/a\""), "{}", answered.reply().body);
        let event = &answered.event;
        assert_eq!((&event["outcome"], &event["reason"]), (&json!("redirect"), &json!("callback.person_wanted")));
        assert_eq!((&event["detail"], world.sessions()), (&json!(error), 0));
        // A guarded page does not send them round and round.
        browser.go("/app/a").assert_refused(401, "authn.no_credential");
        world.wait(11);
        assert!(browser.go("/app/a").location().starts_with("/auth/login"));
    }
}

#[test]
fn a_silent_sign_in_that_fails_otherwise_says_so_and_one_that_was_not_silent_too() {
    for (query, error, status, reason) in [
        ("prompt=none", "server_error", 503, "callback.provider_failed"),
        ("prompt=none", "access_denied", 403, "callback.provider_refused"),
        ("prompt=none", "invalid_scope", 400, "callback.provider_refused"),
        ("", "login_required", 401, "callback.person_wanted"),
        ("prompt=login", "login_required", 401, "callback.person_wanted"),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        refused(&world, &Browser::new(&world, &gateway), query, error).assert_refused(status, reason);
    }
    // Where links may not say it, it is not said, and was not silent.
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["pass_through"] = json!([]);
    let (world, gateway) = (World::new(), gateway(&variables));
    refused(&world, &Browser::new(&world, &gateway), "prompt=none", "login_required")
        .assert_refused(401, "callback.person_wanted");
}

#[test]
fn a_sign_in_that_brings_no_refresh_token_keeps_the_one_that_the_person_has_here() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_tokens(|tokens| {
        tokens.as_object_mut().unwrap().remove("refresh_token");
    });
    assert_eq!(browser.login_at(&world.corp, "prompt=none").event["reason"], "login.succeeded");
    world.corp.recover();
    world.ring();
    assert!(world.corp.forgotten.borrow().is_empty(), "it is in use");
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 3);
    assert_eq!(*world.corp.used.borrow(), [refresh_token(1)]);
    assert_eq!(world.sessions(), 1);
}

#[test]
fn what_a_kept_refresh_token_brings_repeats_the_nonce_of_its_own_sign_in() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway);
    let begun = browser.begin("");
    let nonce = asked_of_the_provider(&begun)["nonce"].clone();
    browser.come_back(&world.corp.authorize(&begun));
    world.corp.bend_tokens(|tokens| {
        tokens.as_object_mut().unwrap().remove("refresh_token");
    });
    assert_eq!(browser.login_at(&world.corp, "prompt=none").event["reason"], "login.succeeded");
    world.corp.recover();
    world.corp.bend_claims(move |claims| claims["nonce"] = nonce.clone().into());
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 3);
}

#[test]
fn a_provider_that_goes_by_another_id_now_gets_none_of_what_the_old_one_had() {
    let world = world();
    let before = gateway(&variables());
    let browser = Browser::new(&world, &before).signed_in();
    let mut renamed = variables();
    let corp = renamed["PROVIDERS"].as_object_mut().unwrap().remove("corp").unwrap();
    renamed["PROVIDERS"]["firm"] = corp;
    let after = gateway(&renamed);
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&renamed)));
    let moved = Browser::new(&world, &after);
    moved.plant("__Host-postern", &browser.cookie("__Host-postern").unwrap());
    world.corp.bend_tokens(|tokens| {
        tokens.as_object_mut().unwrap().remove("refresh_token");
    });
    assert_eq!(moved.login_at(&world.corp, "provider=firm").event["reason"], "login.succeeded");
    world.ring();
    assert_eq!(*world.corp.forgotten.borrow(), [refresh_token(1)]);
    assert_eq!(world.sessions(), 1);
}

#[test]
fn nobody_gets_the_refresh_token_of_somebody_else() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_claims(|claims| claims["sub"] = "mallory".into());
    world.corp.bend_tokens(|tokens| {
        tokens.as_object_mut().unwrap().remove("refresh_token");
    });
    assert_eq!(browser.login().event["subject"], "mallory");
    world.ring();
    assert_eq!(*world.corp.forgotten.borrow(), [refresh_token(1)]);
    world.wait(LIFE);
    browser.send(&api()).assert_refused(401, "session.access_token_expired");
    assert!(world.corp.used.borrow().is_empty());
}
