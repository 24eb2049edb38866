//! A session counts only while its provider is configured, with the very issuer that it began with.

use std::rc::Rc;

use postern::gateway::{Gateway, MANAGEMENT};
use serde_json::{Value, json};

use super::management::{managed, request};
use super::renewal::{LIFE, world as renewing};
use super::verify::{forwarded, script};
use crate::support::{
    Asked, Browser, CORP, Endpoint, PARTNER, World, gateway, gateway_without_policies, two_providers,
};

const SESSION: &str = "__Host-postern";
const GONE: &str = "session.provider_not_configured";

/// The same browser, at a deployment that was configured anew.
fn moved<'w>(browser: &Browser<'w>, gateway: &'w Gateway) -> Browser<'w> {
    let there = Browser::new(browser.world, gateway);
    there.plant(SESSION, &browser.cookie(SESSION).unwrap());
    there
}

/// A change of the variables, in words and in deeds.
type Change = (&'static str, fn(&mut Value));

/// What may be made of the provider `corp` so that none of its sessions counts.
fn ways() -> [Change; 3] {
    [
        ("taken out", |vars| drop(vars["PROVIDERS"].as_object_mut().unwrap().remove("corp"))),
        ("its id given to another issuer", |vars| {
            vars["PROVIDERS"]["corp"]["issuer"] = json!("https://other.example");
            vars["PROVIDERS"]["partner"]["issuer"] = json!(PARTNER);
        }),
        ("its id and another's exchanged", |vars| {
            vars["PROVIDERS"]["corp"]["issuer"] = json!(PARTNER);
            vars["PROVIDERS"]["partner"]["issuer"] = json!(CORP);
        }),
    ]
}

/// A deployment in which everything asks for sessions that can.
fn deployment() -> Value {
    let mut vars = two_providers();
    vars["VERIFY"] = json!({});
    vars["LIMITS"]["frontchannel_logout"] = json!(false);
    vars["ROUTES"]["/corp/{*rest}"] =
        json!({ "upstream": "service:API", "token": "assertion", "require": { "providers": ["corp"] } });
    vars["ROUTES"]["/stale/{*rest}"] = json!({ "upstream": "service:API", "revocation": "1m" });
    vars
}

#[test]
fn a_session_ends_with_its_provider_whatever_it_is_used_for() {
    //
    for (way, bend) in ways() {
        for asked in [
            Asked::script("GET", "/app/a"),
            Asked::script("GET", "/api/a"),
            Asked::script("GET", "/corp/a"),
            Asked::script("GET", "/stale/a"),
            Asked::script("GET", "/quiet"),
            Asked::script("GET", "/partners/a"),
            Asked::script("GET", "/auth/me"),
            Asked::script("GET", "/auth/me?touch=false"),
            Asked::script("GET", "/auth/sessions"),
            Asked::script("DELETE", "/auth/sessions"),
            Asked::script("DELETE", "/auth/sessions/AAAAAAAAAAAAAAAA"),
            forwarded(script(), "GET", "/app/a"),
        ] {
            let (world, before) = (World::new(), gateway(&deployment()));
            let alice = Browser::new(&world, &before).signed_in();
            let partner = Browser::new(&world, &before);
            partner.login_at(&world.partner, "provider=partner");
            let mut vars = deployment();
            if way == "taken out" {
                vars["ROUTES"].as_object_mut().unwrap().remove("/corp/{*rest}");
                vars["ROUTES"]["/corp/{*rest}"] = json!({ "upstream": "service:API", "token": "assertion" });
            }
            bend(&mut vars);
            let after = gateway(&vars);
            let there = moved(&alice, &after);
            there.send(&asked).assert_refused(401, GONE);
            // It has ended, for good: not even the old configuration finds it.
            alice.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.gone");
            let goes_on = way != "its id and another's exchanged";
            assert_eq!(moved(&partner, &after).is_in(), goes_on, "{way}");
        }
    }
}

#[test]
fn people_are_sent_to_sign_in_again_and_their_cookie_is_taken_away() {
    for (way, bend) in ways() {
        let (world, before) = (World::new(), gateway(&two_providers()));
        let alice = Browser::new(&world, &before).signed_in();
        let mut vars = two_providers();
        bend(&mut vars);
        let after = gateway(&vars);
        let there = moved(&alice, &after);
        let answered = there.go("/app/a");
        assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!(GONE), 302), "{way}");
        assert!(there.cookie(SESSION).is_none(), "{way}");
    }
}

#[test]
fn what_else_changes_of_a_provider_ends_nothing() {
    let bends: [Change; 5] = [
        ("client_id", |vars| vars["PROVIDERS"]["corp"]["client_id"] = json!("another")),
        ("name", |vars| vars["PROVIDERS"]["corp"]["name"] = json!("Corp")),
        ("scopes", |vars| vars["PROVIDERS"]["corp"]["scopes"] = json!(["openid"])),
        ("one more", |vars| {
            vars["PROVIDERS"]["third"] =
                json!({ "issuer": "https://third.example", "client_id": "app", "id_token_algs": ["ES256"] });
        }),
        ("one less", |vars| {
            vars["PROVIDERS"].as_object_mut().unwrap().remove("partner");
            vars["ROUTES"].as_object_mut().unwrap().remove("/partners/{*rest}");
        }),
    ];
    for (what, bend) in bends {
        let (world, before) = (World::new(), gateway(&two_providers()));
        let alice = Browser::new(&world, &before).signed_in();
        let mut vars = two_providers();
        bend(&mut vars);
        assert!(moved(&alice, &gateway(&vars)).is_in(), "{what}");
    }
}

#[test]
fn no_session_of_an_id_that_another_issuer_has_now_is_an_administrators() {
    //
    let mut vars = managed();
    let all = MANAGEMENT.iter().filter(|endpoint| !endpoint.is_about_policies());
    for endpoint in all {
        let world = World::new();
        vars["PROVIDERS"]["corp"]["issuer"] = json!(CORP);
        let before = gateway_without_policies(&vars);
        let root = Browser::new(&world, &before).signed_in_as("root", "root");
        vars["PROVIDERS"]["corp"]["issuer"] = json!("https://other.example");
        let after = gateway_without_policies(&vars);
        moved(&root, &after).send(&request(endpoint)).assert_refused(401, GONE);
    }
    for endpoint in MANAGEMENT {
        let world = World::new();
        vars["PROVIDERS"]["corp"]["issuer"] = json!(CORP);
        let before = gateway(&vars);
        let root = Browser::new(&world, &before).signed_in_as("root", "root");
        vars["PROVIDERS"]["corp"]["issuer"] = json!("https://other.example");
        let after = gateway(&vars);
        moved(&root, &after).send(&request(endpoint)).assert_refused(401, GONE);
    }
}

#[test]
fn no_token_of_a_provider_is_shown_to_another_that_has_its_id_now() {
    //
    let mut exchanged = two_providers();
    exchanged["PROVIDERS"]["corp"]["issuer"] = json!(PARTNER);
    exchanged["PROVIDERS"]["partner"]["issuer"] = json!(CORP);
    for asked in [
        Asked::script("GET", "/api/a"),
        Asked::script("GET", "/auth/me"),
        Asked::form("/auth/logout"),
        Asked::script("POST", "/auth/logout"),
    ] {
        let world = renewing();
        let before = gateway(&two_providers());
        let alice = Browser::new(&world, &before).signed_in();
        let after = Rc::new(gateway(&exchanged));
        *world.object_gateway.borrow_mut() = Some(Rc::clone(&after));
        // The access token is due: the object would ask for another.
        world.wait(LIFE);
        let there = moved(&alice, &after);
        let answered = there.send(&asked);
        if let postern::gateway::Disposition::Respond(reply) = &answered.outcome {
            let shown = format!("{:?} {}", reply.headers, reply.body);
            assert!(!shown.contains(PARTNER) && !shown.contains("id_token_hint"), "{shown}");
        }
        world.ring();
        world.wait(60);
        world.ring();
        assert_eq!(world.sessions(), 0);
        let all_sent = world.sent.borrow().iter().map(|request| request.url.clone()).collect::<Vec<_>>();
        assert!(!all_sent.iter().any(|url| url.starts_with(PARTNER)), "{all_sent:?}");
        // Its own issuer goes by another id now, and is told all the same.
        assert_eq!((world.asked(Endpoint::Token), world.corp.forgotten.borrow().len()), (1, 1), "{}", answered.event);
    }
}

#[test]
fn the_objects_end_what_counts_no_more_when_they_clean_up() {
    let world = renewing();
    let before = gateway(&two_providers());
    let alice = Browser::new(&world, &before).signed_in();
    let mut vars = two_providers();
    vars["PROVIDERS"]["corp"]["issuer"] = json!("https://other.example");
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&vars)));
    world.wait(3600);
    world.ring();
    assert_eq!(world.sessions(), 0);
    drop(alice);
}

#[test]
fn an_administrator_names_people_of_issuers_that_are_not_configured_any_more() {
    //
    let mut vars = two_providers();
    vars["ADMIN"] = json!({ "principals": ["partner|root"] });
    let (world, before) = (World::new(), gateway(&vars));
    let alice = Browser::new(&world, &before).signed_in_as("alice", "a-1");
    let other = Browser::new(&world, &before).signed_in_as("alice", "a-2");
    world.partner.bend_claims(|claims| claims["sub"] = "root".into());
    let root = Browser::new(&world, &before);
    root.login_at(&world.partner, "provider=partner");
    let list = |root: &Browser<'_>, who: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair(who, if who == "issuer" { CORP } else { "corp" })
            .append_pair("subject", "alice")
            .finish();
        root.send(&Asked::script("GET", &format!("/auth/admin/sessions?{query}")))
    };
    let revoke = |root: &Browser<'_>, order: &Value| {
        let asked = Asked::script("POST", "/auth/admin/revoke").with("content-type", "application/json");
        root.send(&asked.with_body(Ok(&order.to_string())))
    };
    // While it is configured, by either name.
    for who in ["issuer", "provider"] {
        assert_eq!(list(&root, who).json()["sessions"].as_array().unwrap().len(), 2, "{who}");
    }
    vars["PROVIDERS"].as_object_mut().unwrap().remove("corp");
    let after = gateway(&vars);
    let root = moved(&root, &after);
    list(&root, "provider").assert_refused(400, "request.bad_input");
    // None of them counts, so none is there to see; what is stored can be ended all the same.
    assert_eq!(list(&root, "issuer").json()["sessions"], json!([]));
    let ended = revoke(&root, &json!({ "issuer": CORP, "subject": "alice" }));
    assert_eq!(ended.json()["ended"], 2);
    assert_eq!(ended.event["target"], format!("{CORP}|alice"));
    assert_eq!(world.sessions(), 1);
    assert!(!alice.is_in() && !other.is_in());
    for order in [
        json!({ "issuer": CORP, "provider": "partner", "subject": "alice" }),
        json!({ "issuer": "", "subject": "alice" }),
        json!({ "issuer": "https://a b", "subject": "alice" }),
        json!({ "issuer": "https://a\u{0}b", "subject": "alice" }),
        json!({ "issuer": "x".repeat(1025), "subject": "alice" }),
        json!({ "issuer": 1, "subject": "alice" }),
        json!({ "issuer": null, "subject": "alice" }),
        json!({ "issuer": CORP }),
    ] {
        revoke(&root, &order).assert_refused(400, "request.bad_input");
    }
}

#[test]
fn sessions_of_an_issuer_are_not_listed_while_another_has_its_id() {
    // also where the object goes by the configuration before.
    let mut vars = two_providers();
    vars["ADMIN"] = json!({ "principals": ["partner|root"] });
    let (world, before) = (World::new(), gateway(&vars));
    let _alice = Browser::new(&world, &before).signed_in_as("alice", "a-1");
    world.partner.bend_claims(|claims| claims["sub"] = "root".into());
    let root = Browser::new(&world, &before);
    root.login_at(&world.partner, "provider=partner");
    let who = form_urlencoded::Serializer::new(String::new()).append_pair("issuer", CORP).finish();
    let path = format!("/auth/admin/sessions?subject=alice&{who}");
    let seen =
        |root: &Browser<'_>| root.send(&Asked::script("GET", &path)).json()["sessions"].as_array().unwrap().len();
    assert_eq!(seen(&root), 1);
    vars["PROVIDERS"]["corp"]["issuer"] = json!("https://other.example");
    assert_eq!(seen(&moved(&root, &gateway(&vars))), 0);
}

#[test]
fn sessions_that_are_over_are_not_listed() {
    //
    let mut vars = two_providers();
    vars["ADMIN"] = json!({ "principals": ["partner|root"] });
    world_of_lists(&vars, |_| (), 2);
    world_of_lists(&vars, |vars| vars["SESSION"] = json!({ "not_before": "2027-01-15T08:05:00Z" }), 1);
    world_of_lists(&vars, |vars| vars["PROVIDERS"]["corp"]["not_before"] = json!("2027-01-15T08:05:00Z"), 1);
    world_of_lists(&vars, |vars| vars["PROVIDERS"]["corp"]["session_max"] = json!("10m"), 1);
    world_of_lists(&vars, |vars| vars["SESSION"] = json!({ "idle": "10m" }), 1);
    world_of_lists(&vars, |vars| vars["SESSION"] = json!({ "absolute": "10m", "idle": "10m" }), 1);
}

/// Alice signs in at eight, and again ten minutes later; then the configuration changes. How many sessions of hers does the
/// administrator see, and she herself?
#[track_caller]
fn world_of_lists(vars: &Value, bend: impl Fn(&mut Value), expected: usize) {
    for by_object in [false, true] {
        let mut vars = vars.clone();
        let (world, before) = (World::new(), gateway(&vars));
        let _first = Browser::new(&world, &before).signed_in();
        world.wait(600);
        let second = Browser::new(&world, &before).signed_in();
        world.partner.bend_claims(|claims| claims["sub"] = "root".into());
        let root = Browser::new(&world, &before);
        root.login_at(&world.partner, "provider=partner");
        bend(&mut vars);
        let after = Rc::new(gateway(&vars));
        if by_object {
            *world.object_gateway.borrow_mut() = Some(Rc::clone(&after));
        }
        let (root, alice) = (moved(&root, &after), moved(&second, &after));
        let seen = root.send(&Asked::script("GET", "/auth/admin/sessions?provider=corp&subject=alice")).json();
        assert_eq!(seen["sessions"].as_array().unwrap().len(), expected, "{by_object} {seen}");
        let own = alice.send(&Asked::script("GET", "/auth/sessions")).json();
        assert_eq!(own["sessions"].as_array().unwrap().len(), expected, "{by_object} {own}");
    }
}
