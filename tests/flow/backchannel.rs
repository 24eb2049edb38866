//! `/auth/backchannel-logout/{provider}`: exactly what the provider ended ends here, on the next request.

use postern::gateway::Gateway;
use postern::ports::BodyError;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, Endpoint, Fault, World, gateway, two_providers, variables};

const TYP: Option<&str> = Some("logout+jwt");

fn posted(provider: &str, body: &str) -> Asked {
    let asked = Asked::new("POST", &format!("/auth/backchannel-logout/{provider}"));
    asked.with("content-type", "application/x-www-form-urlencoded").with_body(Ok(body))
}

/// The provider's server, which is nobody's browser.
fn send(world: &World, gateway: &Gateway, asked: &Asked) -> Answered {
    Browser::new(world, gateway).send(asked)
}

fn tell(world: &World, gateway: &Gateway, claims: &Value) -> Answered {
    let token = world.corp.logout_token(TYP, world.now.get(), claims);
    send(world, gateway, &posted("corp", &format!("logout_token={token}")))
}

#[track_caller]
fn assert_done(answered: &Answered, reason: &str) {
    let reply = answered.reply();
    assert_eq!((&answered.event["reason"], reply.status.as_u16()), (&Value::from(reason), 200), "{}", answered.event);
    assert_eq!((&answered.event["event"], reply.body.as_str()), (&Value::from("logout.backchannel"), ""));
    assert_eq!(reply.headers["cache-control"], "private, no-store");
}

#[track_caller]
fn assert_invalid(answered: &Answered, reason: &str) {
    //
    let reply = answered.reply();
    assert_eq!((&answered.event["reason"], reply.status.as_u16()), (&Value::from(reason), 400), "{}", answered.event);
    assert_eq!(
        (&answered.event["outcome"], answered.json()),
        (&Value::from("deny"), json!({ "error": "invalid_request" }))
    );
    assert_eq!(reply.headers["cache-control"], "private, no-store");
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[test]
fn exactly_the_sessions_that_are_meant_end() {
    //
    for (claims, expected, count) in [
        (json!({ "sub": "alice", "sid": "a-1" }), [false, true, true, true], 1),
        (json!({ "sid": "a-1" }), [false, true, true, true], 1),
        (json!({ "sub": "alice" }), [false, false, true, true], 2),
        (json!({ "sid": "b-1" }), [true, true, false, true], 1),
        (json!({ "sub": "bob", "sid": "a-1" }), [true, true, true, true], 0),
        (json!({ "sub": "nobody" }), [true, true, true, true], 0),
        (json!({ "sid": "none" }), [true, true, true, true], 0),
    ] {
        let (world, gateway) = (World::new(), gateway(&two_providers()));
        let other = crate::support::gateway(&two_providers());
        let first = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let second = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
        let third = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
        world.partner.bend_claims(|claims| claims["sid"] = "a-1".into());
        let fourth = Browser::new(&world, &gateway);
        assert_eq!(fourth.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
        // Told to one isolate, asked in another.
        let answered = tell(&world, &other, &claims);
        assert_done(&answered, if count == 0 { "logout.no_session" } else { "logout.sessions_ended" });
        assert_eq!(answered.event["ended"], count, "{claims}");
        assert_eq!([&first, &second, &third, &fourth].map(Browser::is_in), expected, "{claims}");
    }
}

#[test]
fn a_token_works_once_and_a_copy_of_it_ends_no_newer_session() {
    //
    for claims in [json!({ "sub": "alice" }), json!({ "sid": "a-1" }), json!({ "sub": "alice", "sid": "a-1" })] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let before = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let token = world.corp.logout_token(TYP, world.now.get(), &claims);
        let told = posted("corp", &format!("logout_token={token}"));
        assert_done(&send(&world, &gateway, &told), "logout.sessions_ended");
        world.wait(1);
        let after = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        assert_invalid(&send(&world, &gateway, &told), "logout_request.already_used");
        assert_eq!((before.is_in(), after.is_in()), (false, true), "{claims}");
        // When its jti is forgotten it is too old by itself.
        world.wait(20 * 60);
        assert_invalid(&send(&world, &gateway, &told), "logout_token.expired");
    }
}

#[test]
fn a_copy_of_a_token_is_refused_for_as_long_as_it_would_be_believed() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let _before = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let exp = world.now.get() + 600;
    let claims = json!({ "sub": "alice", "sid": "a-1", "exp": exp });
    let token = world.corp.logout_token(TYP, world.now.get(), &claims);
    let told = posted("corp", &format!("logout_token={token}"));
    assert_done(&send(&world, &gateway, &told), "logout.sessions_ended");
    world.wait(1);
    let after = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let mut copies = 0;
    let last = loop {
        let answered = send(&world, &gateway, &told);
        assert_eq!(answered.reply().status.as_u16(), 400, "{}", answered.event);
        assert!(after.is_in(), "after {copies} copies");
        if answered.event["reason"] != "logout_request.already_used" {
            break answered.event["reason"].clone();
        }
        copies += 1;
        world.wait(65);
    };
    // It is refused for its age, by either clock.
    assert!(last == "logout_token.iat_too_old" || last == "logout_token.expired", "{last}");
    assert!(copies * 65 >= 600, "{copies}");
}

#[test]
fn a_session_is_found_by_its_name_to_its_last_second() {
    //
    let mut vars = variables();
    vars["SESSION"] = json!({ "idle": "7d", "absolute": "30d" });
    let (world, gateway) = (World::new(), gateway(&vars));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    for _ in 0..29 {
        world.wait(86_400);
        alice.go("/app/a").forwarded();
    }
    world.wait(86_400 - 1);
    alice.go("/app/a").forwarded();
    assert_done(&tell(&world, &gateway, &json!({ "sid": "a-1" })), "logout.sessions_ended");
    assert!(!alice.is_in());
}

#[test]
fn a_logout_that_failed_on_our_side_may_be_told_again() {
    for (fault, reason) in [
        (Fault::Sessions, "store.unavailable"),
        (Fault::Killed, "store.unavailable"),
        (Fault::OddAnswers, "store.malformed"),
        (Fault::SidIndex, "store.unavailable"),
        (Fault::Once, "store.unavailable"),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let token = world.corp.logout_token(TYP, world.now.get(), &json!({ "sid": "a-1" }));
        let told = posted("corp", &format!("logout_token={token}"));
        world.fault.set(fault);
        let failed = send(&world, &gateway, &told);
        failed.assert_refused(503, reason);
        assert!(failed.reply().headers.contains_key("retry-after"));
        world.fault.set(Fault::None);
        assert!(browser.is_in());
        assert_done(&send(&world, &gateway, &told), "logout.sessions_ended");
        assert!(!browser.is_in());
    }
}

#[test]
fn a_logout_wins_over_the_login_it_overtakes() {
    //
    for claims in [json!({ "sid": "a-1" }), json!({ "sub": "alice" }), json!({ "sub": "alice", "sid": "a-1" })] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        world.corp.bend_claims(|claims| claims["sid"] = "a-1".into());
        let browser = Browser::new(&world, &gateway);
        let response = world.corp.authorize(&browser.begin("provider=corp"));
        world.wait(2);
        assert_done(&tell(&world, &gateway, &claims), "logout.no_session");
        let answered = browser.come_back(&response);
        answered.assert_refused(400, "login.overtaken_by_logout");
        assert_eq!(world.sessions(), 0, "{claims}");
        // The next one is not.
        world.wait(1);
        assert!(browser.signed_in().is_in(), "{claims}");
    }
}

#[test]
fn a_session_that_no_logout_could_find_does_not_begin() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.bend_claims(|claims| claims["sid"] = "a-1".into());
    world.fault.set(Fault::SidIndex);
    let browser = Browser::new(&world, &gateway);
    browser.login().assert_refused(503, "store.unavailable");
    assert_eq!(world.sessions(), 0);
    // A provider without `sid` needs no index.
    world.corp.recover();
    assert!(browser.signed_in().is_in());
}

#[test]
fn whatever_else_is_posted_ends_nothing() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let token = world.corp.logout_token(TYP, world.now.get(), &json!({ "sub": "alice" }));
    let path = "/auth/backchannel-logout/corp";
    for body in [
        String::new(),
        "logout_token=".to_owned(),
        token.clone(),
        format!("logout-token={token}"),
        format!("Logout_Token={token}"),
        format!("logout_token={token}&logout_token={token}"),
        format!("logout_token={token}&logout_token="),
        format!("logout_token=x{token}"),
        format!("logout_token={token}&pad={}", "x".repeat(40_000)),
    ] {
        let answered = send(&world, &gateway, &posted("corp", &body));
        assert_eq!((answered.reply().status.as_u16(), answered.json()), (400, json!({ "error": "invalid_request" })));
    }
    let broken = posted("corp", "").with_body(Err(BodyError::Unreadable));
    assert_invalid(&send(&world, &gateway, &broken), "logout_request.unreadable");
    let form = format!("logout_token={token}");
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencodedx", "multipart/form-data"] {
        let asked = Asked::new("POST", path).with("content-type", kind).with_body(Ok(&form));
        assert_invalid(&send(&world, &gateway, &asked), "logout_request.not_a_form");
    }
    assert_invalid(&send(&world, &gateway, &Asked::new("POST", path)), "logout_request.not_a_form");
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answered = send(&world, &gateway, &Asked::new(method, &format!("{path}?{form}")));
        answered.assert_refused(405, "route.method_not_allowed");
        assert_eq!(answered.reply().headers["allow"], "POST");
    }
    send(&world, &gateway, &posted("nobody", &form)).assert_refused(404, "route.none");
    assert!(browser.is_in());
    // The token itself was good, and what stands beside it does not matter.
    let whole = format!("a=1&{form}&a=2");
    let asked = Asked::new("POST", path).with("content-type", "Application/X-WWW-Form-urlencoded; charset=utf-8");
    assert_done(&send(&world, &gateway, &asked.with_body(Ok(&whole))), "logout.sessions_ended");
}

#[test]
fn a_token_that_is_not_the_providers_word_on_a_logout_ends_nothing() {
    // every claim by itself in `oidc::logout_token`
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let now = world.now.get();
    let alice = json!({ "sub": "alice" });
    let of = |typ, changes: Value| world.corp.logout_token(typ, now, &changes);
    let good = of(TYP, alice.clone());
    let (head, _) = good.rsplit_once('.').unwrap();
    let other = of(TYP, json!({ "sub": "bob" }));
    for (token, reason) in [
        (format!("{head}.{}", other.rsplit_once('.').unwrap().1), "jwt.bad_signature"),
        (format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap()), "jwt.malformed"),
        (format!("eyJhbGciOiJub25lIn0.{}.AA", good.split('.').nth(1).unwrap()), "jwt.alg_unsupported"),
        (world.partner.logout_token(TYP, now, &alice), "jwt.key_unknown"),
        (of(Some("JWT"), alice.clone()), "logout_token.typ_refused"),
        (of(Some("at+jwt"), alice.clone()), "logout_token.typ_refused"),
        (of(None, json!({ "sub": "alice", "exp": null })), "logout_token.exp_malformed"),
        (of(None, json!({ "sub": "alice", "events": {} })), "logout_token.events_malformed"),
        (of(TYP, json!({})), "logout_token.nobody_named"),
        (of(TYP, json!({ "sub": "alice", "iss": "https://op.partner.example" })), "logout_token.iss_mismatch"),
        (of(TYP, json!({ "sub": "alice", "aud": "other" })), "logout_token.aud_mismatch"),
        (of(TYP, json!({ "sub": "alice", "exp": null })), "logout_token.exp_malformed"),
        (of(TYP, json!({ "sub": "alice", "exp": now - 60 })), "logout_token.expired"),
        (of(TYP, json!({ "sub": "alice", "iat": now + 61 })), "logout_token.iat_in_future"),
        (of(TYP, json!({ "sub": "alice", "events": [] })), "logout_token.events_malformed"),
        (of(TYP, json!({ "sub": "alice", "nonce": "n" })), "logout_token.nonce_present"),
        (of(TYP, json!({ "sub": "alice", "jti": null })), "logout_token.jti_malformed"),
    ] {
        assert_invalid(&send(&world, &gateway, &posted("corp", &format!("logout_token={token}"))), reason);
    }
    assert!(browser.is_in());
    assert_invalid(&send(&world, &gateway, &posted("partner", &format!("logout_token={good}"))), "jwt.key_unknown");
    assert_done(&send(&world, &gateway, &posted("corp", &format!("logout_token={good}"))), "logout.sessions_ended");
}

#[test]
fn the_type_may_be_missing_unless_the_configuration_asks_for_it() {
    //
    for (kind, typ, done) in [
        (None, None, true),
        (None, Some("application/logout+jwt"), true),
        (Some("standard"), None, true),
        (Some("strict"), None, false),
        (Some("strict"), TYP, true),
    ] {
        let mut variables = variables();
        if let Some(kind) = kind {
            variables["PROVIDERS"]["corp"]["logout_tokens"] = kind.into();
        }
        let (world, gateway) = (World::new(), gateway(&variables));
        let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let token = world.corp.logout_token(typ, world.now.get(), &json!({ "sub": "alice" }));
        let answered = send(&world, &gateway, &posted("corp", &format!("logout_token={token}")));
        if done {
            assert_done(&answered, "logout.sessions_ended");
        } else {
            assert_invalid(&answered, "logout_token.typ_refused");
        }
        assert_eq!(browser.is_in(), !done, "{kind:?} {typ:?}");
    }
}

#[test]
fn a_legacy_provider_may_leave_out_what_earlier_drafts_did_not_ask_for() {
    //
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["logout_tokens"] = json!("legacy");
    for typ in [None, Some("JWT"), TYP] {
        let (world, gateway) = (World::new(), gateway(&variables));
        let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let claims = json!({ "sub": "alice", "exp": null });
        let token = world.corp.logout_token(typ, world.now.get(), &claims);
        let told = posted("corp", &format!("logout_token={token}"));
        assert_done(&send(&world, &gateway, &told), "logout.sessions_ended");
        assert!(!browser.is_in());
        assert_invalid(&send(&world, &gateway, &told), "logout_request.already_used");
    }
}

#[test]
fn a_provider_with_a_new_key_is_understood_and_one_that_is_down_is_not_an_error_of_its_own() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    world.wait(60);
    world.corp.rotate(9);
    assert_done(&tell(&world, &gateway, &json!({ "sub": "alice" })), "logout.sessions_ended");
    assert!(!browser.is_in());
    // An isolate that knows nothing of the provider, which does not answer.
    let fresh = crate::support::gateway(&variables());
    world.cache.borrow_mut().clear();
    world.corp.go_down();
    tell(&world, &fresh, &json!({ "sub": "alice" })).assert_refused(503, "provider.unreachable");
    assert!(world.asked(Endpoint::Metadata) > 0);
}

#[test]
fn the_event_names_the_provider_and_whom_it_spoke_of() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let _browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let event = tell(&world, &gateway, &json!({ "sub": "alice" })).event;
    assert_eq!(
        (&event["provider"], &event["issuer"], &event["subject"]),
        (&"corp".into(), &CORP.into(), &"alice".into())
    );
    assert_eq!((&event["outcome"], &event["ended"]), (&"allow".into(), &1.into()));
}
