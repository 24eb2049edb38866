//! Providers of OAuth 2 without OpenID Connect, as GitHub is one.

use postern::http::header;
use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, Endpoint, World, answer, gateway, variables};

fn github() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"] = json!({ "corp": {
        "preset": "github", "issuer": CORP, "client_id": "app",
        "authorization_endpoint": format!("{CORP}/authorize"), "token_endpoint": format!("{CORP}/token"),
        "user_endpoint": format!("{CORP}/userinfo"), "emails_endpoint": format!("{CORP}/introspect"),
    } });
    variables["SESSION"] = json!({ "claims": ["name", "email", "email_verified", "preferred_username", "roles"] });
    variables
}

/// As GitHub is: no ID token, no metadata, scopes with commas.
fn prepare(world: &World) {
    world.corp.metadata.borrow_mut()["authorization_response_iss_parameter_supported"] = false.into();
    world.corp.script(Endpoint::Metadata, Err(FetchError::Network));
    world.corp.script(Endpoint::Keys, Err(FetchError::Network));
    world.corp.bend_tokens(|tokens| {
        let token = tokens["access_token"].clone();
        *tokens = json!({ "access_token": token, "token_type": "bearer", "scope": "read:user,user:email" });
    });
    *world.corp.user.borrow_mut() = json!({ "id": 583_231, "login": "octocat", "name": "The Octocat", "email": "public@example.com", "roles": ["admin"] });
    let emails = json!([{ "email": "octocat@example.com", "primary": true, "verified": true }]);
    world.corp.script(Endpoint::Introspection, Ok(answer(200, &emails)));
}

fn login(bend: impl Fn(&World)) -> (World, Answered) {
    let (world, gateway) = (World::new(), gateway(&github()));
    prepare(&world);
    bend(&world);
    let answered = Browser::new(&world, &gateway).login();
    (world, answered)
}

#[track_caller]
fn refused(bend: impl Fn(&World), status: u16, reason: &str) {
    let (world, answered) = login(bend);
    answered.assert_refused(status, reason);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn an_answer_that_names_its_issuer_is_held_to_it() {
    // GitHub says it, though it has no metadata that would announce it.
    for (iss, reason) in [(CORP, "login.succeeded"), ("https://github.com", "callback.iss_mismatch")] {
        let (world, gateway) = (World::new(), gateway(&github()));
        prepare(&world);
        let browser = Browser::new(&world, &gateway);
        let mut answer = world.corp.authorize(&browser.begin("provider=corp"));
        answer.set("iss", iss);
        assert_eq!(browser.come_back(&answer).event["reason"], reason);
    }
}

#[test]
fn a_person_is_who_the_user_endpoint_says_and_no_more() {
    //
    let (world, gateway) = (World::new(), gateway(&github()));
    prepare(&world);
    let browser = Browser::new(&world, &gateway).signed_in();
    let me = browser.send(&Asked::script("GET", "/auth/me")).json();
    let told = json!({
        "name": "The Octocat", "preferred_username": "octocat", "email": "octocat@example.com", "email_verified": true,
    });
    assert_eq!(me["claims"], told);
    let event = browser.send(&Asked::script("GET", "/quiet")).event;
    assert_eq!((&event["issuer"], &event["subject"]), (&json!(CORP), &json!("583231")));
    assert_eq!((world.asked(Endpoint::Metadata), world.asked(Endpoint::Keys)), (0, 0));
    let sent = world.sent.borrow();
    let user = sent.iter().find(|request| request.url.ends_with("/userinfo")).unwrap();
    assert!(user.headers[header::AUTHORIZATION].to_str().unwrap().starts_with("Bearer access-"));
}

#[test]
fn the_request_has_no_nonce_and_the_code_is_bound_by_pkce() {
    //
    let (world, gateway) = (World::new(), gateway(&github()));
    prepare(&world);
    let asked = Browser::new(&world, &gateway).begin("provider=corp&max_age=60&acr_values=high&prompt=login");
    for name in ["nonce=", "max_age=", "acr_values=", "openid"] {
        assert!(!asked.contains(name), "{name} {asked}");
    }
    for name in ["state=", "code_challenge=", "code_challenge_method=S256", "scope=read%3Auser+user%3Aemail"] {
        assert!(asked.contains(name), "{name} {asked}");
    }
}

#[test]
fn an_error_with_status_200_is_an_error() {
    //
    for (error, status, reason) in [
        ("bad_verification_code", 400, "token.invalid_grant"),
        ("incorrect_client_credentials", 400, "token.invalid_client"),
        ("redirect_uri_mismatch", 400, "token.refused"),
    ] {
        let body = json!({ "error": error, "access_token": "access", "token_type": "bearer" });
        refused(|world| world.corp.script(Endpoint::Token, Ok(answer(200, &body))), status, reason);
    }
}

#[test]
fn an_answer_that_names_nobody_lets_nobody_in() {
    //
    for id in [json!(1e20), json!(-1), json!(null), json!(""), json!(true), json!([1])] {
        refused(|world| world.corp.user.borrow_mut()["id"] = id.clone(), 400, "userinfo.id_malformed");
    }
    refused(|world| *world.corp.user.borrow_mut() = json!({ "login": "octocat" }), 400, "userinfo.id_malformed");
    refused(|world| world.corp.script(Endpoint::UserInfo, Ok(answer(401, &json!({})))), 400, "userinfo.refused");
    refused(
        |world| world.corp.script(Endpoint::UserInfo, Ok(answer(502, &json!({})))),
        503,
        "provider.unexpected_status",
    );
    refused(|world| world.corp.script(Endpoint::UserInfo, Err(FetchError::Network)), 503, "provider.unreachable");
    refused(|world| world.corp.script(Endpoint::Introspection, Ok(answer(200, &json!({})))), 400, "userinfo.not_json");
    let nothing = |world: &World| world.corp.bend_tokens(|tokens| *tokens = json!({ "token_type": "bearer" }));
    refused(nothing, 400, "userinfo.no_token");
}

#[test]
fn an_id_token_that_comes_along_proves_nothing() {
    // it was not asked for, and nothing binds it to this login.
    let (world, answered) = login(|world| {
        world.corp.bend_tokens(|tokens| {
            tokens["scope"] = "read:user".into();
            tokens["id_token"] = "e30.e30.AAAA".into();
        });
    });
    assert_eq!((&answered.event["reason"], &answered.event["subject"]), (&json!("login.succeeded"), &json!("583231")));
    assert!(!world.dump().contains("e30.e30.AAAA"));
}

#[test]
fn scopes_that_were_unticked_are_not_there() {
    //
    for (granted, status) in [("read:user,admin", 200), ("read:user", 403), ("", 403)] {
        let (world, gateway) = (World::new(), gateway(&github()));
        prepare(&world);
        world.corp.bend_tokens(move |tokens| {
            let token = tokens["access_token"].clone();
            *tokens = json!({ "access_token": token, "token_type": "bearer", "scope": granted });
        });
        let browser = Browser::new(&world, &gateway).signed_in();
        let answered = browser.send(&Asked::script("GET", "/admin/x"));
        assert_eq!(answered.event["status"], status, "{granted}");
    }
}

#[test]
fn a_token_without_an_end_does_not_end_after_an_hour() {
    let (world, gateway) = (World::new(), gateway(&github()));
    prepare(&world);
    let browser = Browser::new(&world, &gateway).signed_in();
    for _ in 0..7 {
        world.wait(3000);
        assert!(browser.send(&Asked::script("GET", "/api/x")).forwarded().path_and_query.ends_with("/api/x"));
    }
}

#[test]
fn nobody_can_send_notices_of_sign_outs() {
    //
    let (world, gateway) = (World::new(), gateway(&github()));
    prepare(&world);
    let browser = Browser::new(&world, &gateway).signed_in();
    let token = world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "583231" }));
    let body = format!("logout_token={token}");
    let answered = browser.send(
        &Asked::new("POST", "/auth/backchannel-logout/corp")
            .with("content-type", "application/x-www-form-urlencoded")
            .with_body(Ok(&body)),
    );
    assert_eq!(answered.event["reason"], "route.none");
    assert!(browser.is_in());
    assert_eq!(browser.send(&Asked::form("/auth/logout")).location(), "/auth/logged-out");
}

#[test]
fn a_token_that_ends_is_renewed_and_a_refusal_with_status_200_ends_the_session() {
    // R-389, as of a GitHub App
    let (world, gateway) = (World::new(), gateway(&github()));
    *world.object_gateway.borrow_mut() = Some(std::rc::Rc::new(crate::support::gateway(&github())));
    prepare(&world);
    world.corp.bend_tokens(|tokens| {
        tokens["scope"] = "".into();
        tokens["id_token"] = "e30.e30.AAAA".into();
    });
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(590);
    assert!(browser.send(&Asked::script("GET", "/api/a")).forwarded().path_and_query.ends_with("/api/a"));
    assert_eq!(crate::renewal::events(&world, "session.refresh")[0]["reason"], "session.renewed");
    let refusal =
        json!({ "error": "bad_refresh_token", "error_description": "The refresh token is incorrect or expired." });
    world.corp.script(Endpoint::Token, Ok(answer(200, &refusal)));
    world.wait(590);
    browser.send(&Asked::script("GET", "/api/a"));
    assert_eq!(crate::renewal::events(&world, "session.refresh")[1]["reason"], "token.invalid_grant");
    assert!(!browser.is_in());
}

#[test]
fn an_issuer_of_access_tokens_is_refreshed_though_people_sign_in_there_without_metadata() {
    //
    let mut variables = github();
    variables["ISSUERS"] = json!({ "machines": { "issuer": CORP, "audience": "urn:api", "algs": ["ES256"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    world.refresh(&gateway);
    let url = format!("{CORP}/.well-known/openid-configuration");
    assert!(world.sent.borrow().iter().any(|request| request.url == url));
}
