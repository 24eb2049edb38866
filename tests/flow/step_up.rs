//! A route that asks for a better or a more recent sign-in than the one at hand (RFC 9470): people are sent for it and
//! come back with the same session under another name, programs are told.

use std::rc::Rc;

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::bearer::token;
use super::sender::{Machine, asked, challenges};
use super::verify::forwarded;
use crate::support::{Answered, Asked, Browser, ORIGIN, PARTNER, World, gateway, two_providers};

const API: &str = "https://api.example.com";
const START: i64 = 1_800_000_000;
/// What `/pii` asks for, and a minute for clocks that are apart.
const LATEST: i64 = 300 + 60;

/// Two providers, an issuer of access tokens, and routes that ask how and when people signed in.
fn deployment() -> Value {
    let mut variables = two_providers();
    variables["VERIFY"] = json!({});
    variables["ISSUERS"]["machines"] = json!({ "issuer": PARTNER, "audience": API, "algs": ["ES256"] });
    let route = |ways: Value, require: Value| {
        let mut route = json!({ "upstream": "service:API", "authenticate": ways });
        route["require"] = require;
        route
    };
    let strict = || json!({ "acr": ["gold", "platinum"], "max_age": "5m" });
    variables["ROUTES"]["/pii/{*rest}"] = route(json!(["session"]), strict());
    variables["ROUTES"]["/both"] = route(json!(["session", "bearer"]), strict());
    variables["ROUTES"]["/recent"] = route(json!(["session"]), json!({ "max_age": "5m" }));
    variables["ROUTES"]["/gold"] = route(json!(["session"]), json!({ "acr": ["gold"] }));
    variables["ROUTES"]["/scoped"] =
        route(json!(["session", "bearer"]), json!({ "scopes": ["admin"], "acr": ["gold"] }));
    variables["ROUTES"]["/elsewhere"] = json!({
        "upstream": "service:API", "require": strict(),
        "cors": { "origins": ["https://spa.example.com"], "credentials": true },
    });
    variables
}

/// The provider says so of every sign-in from now on.
fn says(world: &World, acr: &str, auth_time: i64) {
    let acr = acr.to_owned();
    world.corp.bend_claims(move |claims| {
        claims["acr"] = json!(acr);
        claims["auth_time"] = json!(auth_time);
    });
}

/// The link that a person is sent to, without the detour for what is behind `#`.
#[track_caller]
fn sent_to(answered: &Answered, reason: &str) -> String {
    assert_eq!((&answered.event["outcome"], &answered.event["reason"]), (&json!("redirect"), &json!(reason)));
    answered.location().replace("&fragment=keep", "")
}

/// Follows the link to the provider, and comes back from there.
fn sign_in(browser: &Browser<'_>, link: &str) -> Answered {
    let request = browser.begin(link.strip_prefix("/auth/login?").unwrap());
    browser.come_back(&browser.world.corp.authorize(&request))
}

/// Somebody who signed in plainly.
fn plainly<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    says(world, "silver", world.now.get());
    Browser::new(world, gateway).signed_in()
}

#[test]
fn a_person_is_sent_for_a_better_sign_in_and_comes_back_with_the_session_under_another_name() {
    // R-123, R-177
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    let before = browser.cookie("__Host-postern").unwrap();
    let link = sent_to(&browser.go("/pii/a?b=c"), "authz.acr_not_accepted");
    assert_eq!(link, "/auth/login?provider=corp&acr_values=gold+platinum&max_age=300&return_to=%2Fpii%2Fa%3Fb%3Dc");
    // The way that takes along what is behind `#` loses nothing of it.
    let detour = browser.go(&format!("{link}&fragment=keep")).reply().body.replace("&amp;", "&");
    assert!(detour.contains(&format!("href=\"{link}\"")), "{detour}");

    world.wait(20);
    let request = browser.begin(link.strip_prefix("/auth/login?").unwrap());
    assert!(request.contains("acr_values=gold+platinum&max_age=300"), "{request}");
    says(&world, "platinum", world.now.get());
    let finished = browser.come_back(&world.corp.authorize(&request));
    assert!(finished.reply().body.contains("0;url=/pii/a?b=c"), "{}", finished.reply().body);
    browser.go("/pii/a?b=c").forwarded();

    let after = browser.cookie("__Host-postern").unwrap();
    assert!(before != after && world.sessions() == 1);
    let thief = Browser::new(&world, &gateway);
    thief.plant("__Host-postern", &before);
    thief.send(&Asked::script("GET", "/auth/me")).assert_refused(401, "session.gone");
}

#[test]
fn who_is_not_signed_in_at_all_is_sent_for_the_right_sign_in_at_once() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = Browser::new(&world, &gateway);
    let link = sent_to(&browser.go("/pii/a"), "authn.no_credential");
    assert_eq!(link, "/auth/login?acr_values=gold+platinum&max_age=300&return_to=%2Fpii%2Fa");
    says(&world, "gold", START);
    sign_in(&browser, &format!("{link}&provider=corp"));
    browser.go("/pii/a").forwarded();
    let refused = Browser::new(&world, &gateway).send(&Asked::script("GET", "/pii/a"));
    refused.assert_refused(401, "authn.no_credential");
    assert_eq!(refused.json()["login_url"], "/auth/login?acr_values=gold+platinum&max_age=300");
}

#[test]
fn a_sign_in_grows_old_and_no_refresh_makes_it_younger() {
    // R-122
    let (mut world, variables) = (World::new(), deployment());
    *world.object_gateway.get_mut() = Some(Rc::new(gateway(&variables)));
    let gateway = gateway(&variables);
    says(&world, "gold", START);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LATEST);
    browser.go("/pii/a").forwarded();
    world.wait(1);
    sent_to(&browser.go("/pii/a"), "authz.authentication_too_old");
    // The access token is renewed, the sign-in is not.
    world.wait(200);
    let relayed = browser.send(&Asked::script("GET", "/api/a"));
    assert_eq!((relayed.forwarded().headers.contains_key("authorization"), world.corp.used.borrow().len()), (true, 1));
    browser.send(&Asked::script("GET", "/pii/a")).assert_refused(401, "authz.authentication_too_old");
    // A provider that says otherwise with the refresh is not believed: the sign-in is as old as it was.
    says(&world, "gold", world.now.get());
    world.wait(600);
    browser.send(&Asked::script("GET", "/api/a")).forwarded();
    assert_eq!(world.corp.used.borrow().len(), 2);
    browser.send(&Asked::script("GET", "/pii/a")).assert_refused(401, "authz.authentication_too_old");
}

#[test]
fn a_provider_that_does_not_do_as_asked_changes_nothing() {
    // R-052, R-053, R-123
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    let before = browser.cookie("__Host-postern");
    let link = sent_to(&browser.go("/pii/a"), "authz.acr_not_accepted");
    world.wait(1000);
    for (acr, auth_time, reason) in [
        ("silver", world.now.get(), "id_token.acr_unsatisfied"),
        ("gold", world.now.get() - LATEST - 1, "id_token.auth_time_too_old"),
    ] {
        says(&world, acr, auth_time);
        sign_in(&browser, &link).assert_refused(400, reason);
        // Who has a session keeps it as it was: neither lost nor any better.
        assert_eq!((browser.cookie("__Host-postern"), world.sessions()), (before.clone(), 1));
        browser.send(&Asked::script("GET", "/app/a")).forwarded();
        sent_to(&browser.go("/pii/a"), "authz.acr_not_accepted");
    }
}

#[test]
fn nobody_goes_round_in_circles() {
    // R-123
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    world.wait(1000);
    // It does as asked, just; and a moment later that is too old. It would be so again and again.
    says(&world, "gold", world.now.get() - LATEST);
    let finished = sign_in(&browser, &sent_to(&browser.go("/pii/a"), "authz.acr_not_accepted"));
    assert_eq!(finished.event["reason"], "login.succeeded");
    world.wait(2);
    let refused = browser.go("/pii/a");
    refused.assert_refused(401, "authz.authentication_too_old");
    // The way stays open to who chooses it.
    let link = "/auth/login?provider=corp&amp;acr_values=gold+platinum&amp;max_age=300&amp;return_to=%2Fpii%2Fa";
    assert!(refused.reply().body.contains(&format!("href=\"{link}\"")), "{}", refused.reply().body);
    // Another page that asks for something else is another matter, and so is this one later.
    sent_to(&browser.go("/recent"), "authz.authentication_too_old");
    world.wait(10);
    sent_to(&browser.go("/pii/a"), "authz.authentication_too_old");
}

#[test]
fn what_one_sign_in_proved_is_never_mixed_with_what_another_did() {
    // R-123
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    says(&world, "gold", START);
    sign_in(&browser, &sent_to(&browser.go("/gold"), "authz.acr_not_accepted"));
    browser.go("/gold").forwarded();
    world.wait(1000);
    // A recent one, but a plain one: both together would be a recent good one, which never was.
    says(&world, "silver", world.now.get());
    sign_in(&browser, &sent_to(&browser.go("/recent"), "authz.authentication_too_old"));
    browser.go("/recent").forwarded();
    sent_to(&browser.go("/pii/a"), "authz.acr_not_accepted");
}

#[test]
fn a_script_is_told_what_to_ask_for_and_where() {
    // R-121
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    let refused = browser.send(&Asked::script("GET", "/pii/a"));
    refused.assert_refused(401, "authz.acr_not_accepted");
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:postern:problem:insufficient-user-authentication");
    assert_eq!((&problem["acr_values"], &problem["max_age"]), (&json!("gold platinum"), &json!(300)));
    let link = "/auth/login?provider=corp&acr_values=gold+platinum&max_age=300";
    assert_eq!(problem["login_url"], link);
    let expected = format!(
        r#"Cookie realm="postern", form-action="{link}", cookie-name="__Host-postern", error="insufficient_user_authentication", acr_values="gold platinum", max_age="300""#
    );
    assert_eq!(challenges(&refused), [expected]);
    // A page of another origin is told the whole address.
    let script = Asked::script("GET", "/elsewhere").with("origin", "https://spa.example.com");
    assert_eq!(browser.send(&script).json()["login_url"], format!("{ORIGIN}{link}"));
}

#[test]
fn a_form_that_needs_a_better_sign_in_is_not_lost() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    let refused = browser.send(&Asked::form("/pii/a").with_body(Ok("a=b")));
    refused.assert_refused(401, "authz.acr_not_accepted");
    let page = refused.reply().body.replace("&amp;", "&");
    let link = "/auth/login?provider=corp&acr_values=gold+platinum&max_age=300&return_to=%2Fauth%2Fsigned-in";
    assert!(page.contains("Not sent yet") && page.contains("another sign-in first") && page.contains(link), "{page}");
    says(&world, "gold", START);
    sign_in(&browser, link);
    browser.send(&Asked::form("/pii/a").with_body(Ok("a=b"))).forwarded();
}

#[test]
fn a_token_of_a_poorer_sign_in_is_answered_by_the_book() {
    // R-121, R-122
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = Browser::new(&world, &gateway);
    let call = |facts: Value| browser.send(&Asked::bearing("/both", &token(&world, Some("at+jwt"), &facts)));
    call(json!({ "acr": "gold", "auth_time": START - LATEST })).forwarded();
    for (facts, reason) in [
        (json!({ "acr": "silver", "auth_time": START }), "authz.acr_not_accepted"),
        (json!({ "acr": ["gold"], "auth_time": START }), "authz.acr_not_accepted"),
        (json!({ "auth_time": START }), "authz.acr_not_accepted"),
        (json!({ "acr": "gold" }), "authz.auth_time_unknown"),
        (json!({ "acr": "gold", "auth_time": START - LATEST - 1 }), "authz.authentication_too_old"),
    ] {
        let refused = call(facts);
        refused.assert_refused(401, reason);
        let all = challenges(&refused);
        let error = r#"Bearer error="insufficient_user_authentication", acr_values="gold platinum", max_age="300", resource_metadata="#;
        assert!(all[0].starts_with(error), "{all:?}");
        assert!(all.iter().all(|line| !line.starts_with("Cookie")) && refused.json().get("login_url").is_none());
    }
    // Who comes with a token is a program, whatever it prefers to read.
    let poor = token(&world, Some("at+jwt"), &json!({}));
    let reader = Asked::navigation("/both").with("authorization", &format!("Bearer {poor}"));
    browser.send(&reader).assert_refused(401, "authz.acr_not_accepted");
    // A token that is bound to a key is told so by its own scheme.
    let machine = Machine::new(1);
    let bound = token(&world, Some("at+jwt"), &json!({ "cnf": { "jkt": machine.jkt() } }));
    let refused = browser.send(&asked("/both", &bound, &machine.proof(&world, "/both", &bound, &json!({}))));
    refused.assert_refused(401, "authz.acr_not_accepted");
    assert!(challenges(&refused)[0].starts_with(r#"DPoP error="insufficient_user_authentication", acr_values="#));
    // A service cannot sign in any better.
    let own = machine.token(&world, PARTNER);
    let refused =
        browser.send(&asked("/both", &own, &machine.proof(&world, "/both", &own, &json!({ "jti": "another" }))));
    refused.assert_refused(403, "authz.acr_not_accepted");
}

#[test]
fn nobody_is_sent_to_sign_in_for_what_that_does_not_mend() {
    // R-123
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    browser.go("/scoped").assert_refused(403, "authz.insufficient_scope");
    let poor = token(&world, Some("at+jwt"), &json!({}));
    browser.send(&Asked::bearing("/scoped", &poor)).assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn who_signed_in_where_no_better_sign_in_can_be_had_is_told_no() {
    // R-123
    let mut variables = deployment();
    variables["PROVIDERS"]["partner"]["pass_through"] = json!(["login_hint"]);
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    browser.login_at(&world.partner, "provider=partner");
    for path in ["/pii/a", "/gold"] {
        browser.go(path).assert_refused(403, "authz.acr_not_accepted");
        browser.send(&Asked::script("GET", path)).assert_refused(403, "authz.acr_not_accepted");
    }
    browser.go("/recent").forwarded();
    world.wait(1000);
    browser.go("/recent").assert_refused(403, "authz.authentication_too_old");
}

#[test]
fn another_proxy_is_told_to_send_people_the_same_way() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = plainly(&world, &gateway);
    let answered = browser.send(&forwarded(Asked::navigation("/auth/verify"), "GET", "/pii/a"));
    let link = "/auth/login?provider=corp&acr_values=gold+platinum&max_age=300&return_to=%2Fpii%2Fa&fragment=keep";
    assert_eq!((answered.reply().status.as_u16(), answered.location()), (302, format!("{ORIGIN}{link}")));
}
