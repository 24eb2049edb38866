//! Where a sign-out ends, what is said of it, and which tokens the provider is told to forget.

use serde_json::{Value, json};

use crate::renewal::{LIFE, events, out, refresh_token, world};
use crate::support::{Asked, Browser, CANARY, CORP, Endpoint, Fault, World, answer, gateway, variables};

const HERE: &str = "You are signed out of this site.";

/// The usual deployment, with this at the provider.
fn with(name: &str, value: Value) -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"][name] = value;
    variables
}

#[test]
fn a_sign_out_may_be_here_only() {
    //
    let (world, gateway) = (World::new(), gateway(&with("logout", json!("local"))));
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&out());
    assert_eq!(answered.json(), json!({ "location": "/auth/logged-out" }));
    assert_eq!((answered.event["reason"].as_str(), world.sessions()), (Some("logout.session_ended"), 0));
    let browser = browser.signed_in();
    assert_eq!(browser.send(&Asked::form("/auth/logout")).location(), "/auth/logged-out");
    assert!(browser.go("/auth/logged-out").reply().body.contains(HERE));
    // Nothing else changes: who is not a page of ours ends nothing.
    let browser = browser.signed_in();
    browser.send(&Asked::form_from_elsewhere("/auth/logout", "")).assert_refused(403, "csrf.fetch_site");
    assert_eq!(world.sessions(), 1);
}

#[test]
fn a_provider_gets_the_parameters_that_it_wants_of_a_sign_out() {
    //
    let params = json!({ "logout_uri": "https://app.example.com/auth/logged-out" });
    let (world, gateway) = (World::new(), gateway(&with("logout_params", params)));
    let location =
        Browser::new(&world, &gateway).signed_in().send(&out()).json()["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with(CORP), "{location}");
    assert!(location.contains("&logout_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Flogged-out"), "{location}");
    assert!(
        location.contains("post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Flogged-out"),
        "{location}"
    );
}

#[test]
fn the_page_after_a_sign_out_says_no_more_than_is_known() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let still = browser.go("/auth/logged-out");
    assert!(
        still.reply().body.contains("You are still signed in") && !still.reply().body.contains("You are signed out")
    );
    assert_eq!(world.sessions(), 1, "a page that is opened ends nothing");
    // Sent back by the provider, or not.
    browser.send(&out());
    let by_provider = browser.send(&Asked::from_elsewhere("/auth/logged-out?state=abc")).reply().body.clone();
    assert!(by_provider.contains("You are signed out") && !by_provider.contains(HERE), "{by_provider}");
    let not = browser.go("/auth/logged-out").reply().body.clone();
    assert!(not.contains("You are signed out") && not.contains(HERE), "{not}");
    // Where the provider does not answer, or cannot be asked.
    let browser = browser.signed_in();
    world.corp.metadata.borrow_mut().as_object_mut().unwrap().remove("end_session_endpoint");
    world.wait(48 * 3600);
    let browser = browser.signed_in();
    assert_eq!(browser.send(&out()).json()["location"], "/auth/logged-out");
    // Who cannot be asked about is nobody.
    world.fault.set(Fault::Sessions);
    assert_eq!(browser.go("/auth/logged-out").reply().status.as_u16(), 200);
    browser.send(&Asked::new("POST", "/auth/logged-out")).assert_refused(405, "route.method_not_allowed");
}

/// A provider that gives no refresh tokens.
fn without_refresh_tokens(world: &World) {
    world.corp.bend_tokens(|tokens| {
        tokens.as_object_mut().unwrap().remove("refresh_token");
    });
}

#[test]
fn a_session_without_a_refresh_token_has_its_access_token_forgotten() {
    //
    let world = world();
    let gateway = gateway(&variables());
    without_refresh_tokens(&world);
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&out());
    assert!(!world.dump().contains(CANARY), "it is noted under seal");
    world.ring();
    assert_eq!(*world.corp.forgotten.borrow(), [format!("access-{CANARY}-1")]);
    let sent = world.sent.borrow();
    let request = sent.iter().rfind(|request| request.url.ends_with("/revoke")).unwrap();
    assert!(request.body.contains("token_type_hint=access_token"));
    assert_eq!(events(&world, "token.revoke")[0]["reason"], "revocation.done");
}

#[test]
fn so_has_one_that_is_ended_from_elsewhere() {
    //
    let world = world();
    let gateway = gateway(&variables());
    without_refresh_tokens(&world);
    let other = Browser::new(&world, &gateway).signed_in();
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("DELETE", "/auth/sessions"));
    assert_eq!((other.is_in(), browser.is_in()), (false, true));
    world.ring();
    assert_eq!(*world.corp.forgotten.borrow(), [format!("access-{CANARY}-1")]);
}

#[test]
fn looking_at_the_page_after_a_sign_out_is_no_use_of_the_session() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(59 * 60);
    assert!(browser.go("/auth/logged-out").reply().body.contains("You are still signed in"));
    world.wait(60);
    assert!(!browser.is_in());
}

#[test]
fn an_access_token_that_is_over_or_whose_session_goes_on_elsewhere_is_left_alone() {
    let world = world();
    let gateway = gateway(&variables());
    without_refresh_tokens(&world);
    // Over.
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    browser.send(&out());
    world.ring();
    // Replaced by another sign-in of the same person: at some providers to forget one token ends them all.
    let browser = browser.signed_in();
    let browser = browser.signed_in();
    world.ring();
    assert!(world.corp.forgotten.borrow().is_empty(), "{:?}", world.corp.forgotten.borrow());
    // It is asked again while the provider fails, as with refresh tokens.
    world.corp.script(Endpoint::Revocation, Ok(answer(429, &Value::Null)));
    browser.send(&out());
    world.ring();
    world.corp.recover();
    world.wait(60);
    world.ring();
    assert_eq!(*world.corp.forgotten.borrow(), [format!("access-{CANARY}-3")]);
    let sent = world.sent.borrow();
    let asked: Vec<_> = sent.iter().filter(|request| request.url.ends_with("/revoke")).collect();
    assert!(asked.len() == 2 && asked.iter().all(|request| request.body.contains("token_type_hint=access_token")));
}

#[test]
fn the_refresh_token_of_a_login_that_is_refused_is_forgotten() {
    //
    type Break = fn(&World);
    let breaks: [(Break, &str); 4] = [
        (|world| world.corp.bend_claims(|claims| claims["nonce"] = "other".into()), "id_token.nonce_mismatch"),
        (|world| world.corp.bend_claims(|claims| claims["aud"] = "other".into()), "id_token.aud_mismatch"),
        (|world| world.corp.bend_tokens(|tokens| tokens["id_token"] = Value::Null), "token.member_missing"),
        (|world| world.fault.set(Fault::Sessions), "store.unavailable"),
    ];
    for (break_it, reason) in breaks {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let response = world.corp.authorize(&browser.begin(""));
        break_it(&world);
        assert_eq!(browser.come_back(&response).event["reason"], reason);
        assert_eq!(*world.corp.forgotten.borrow(), [refresh_token(1)], "{reason}");
        assert_eq!(world.sessions(), 0);
    }
    // Of a login that brings none, or that is not refused, nothing is forgotten.
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_eq!(Browser::new(&world, &gateway).login().event["reason"], "login.succeeded");
    without_refresh_tokens(&world);
    world.corp.bend_claims(|claims| claims["nonce"] = "other".into());
    assert_eq!(Browser::new(&world, &gateway).login().event["reason"], "id_token.nonce_mismatch");
    assert!(world.corp.forgotten.borrow().is_empty());
}
