//! `/auth/revocation/{provider}`: a provider ends all that a person has here, before it is answered.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::agents_server as server;
use super::{agents, agents_enterprise, agents_tokens};
use crate::support::{Answered, Asked, Browser, CORP, Fault, PARTNER, World, gateway, two_providers};

const TYP: Option<&str> = Some("global-token-revocation+jwt");
const HERE: &str = "https://app.example.com/auth/revocation/corp";

fn variables(revocation: Value) -> Value {
    let mut variables = agents::with_agents();
    variables["PROVIDERS"] = two_providers()["PROVIDERS"].clone();
    variables["PROVIDERS"]["corp"]["revocation"] = revocation;
    variables
}

fn token(world: &World, changes: &Value) -> String {
    let mut claims = json!({ "aud": HERE, "sub": "app", "events": null });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    world.corp.logout_token(TYP, world.now.get(), &claims)
}

fn asked(token: &str, body: &Value) -> Asked {
    let asked = Asked::new("POST", "/auth/revocation/corp").with("content-type", "application/json");
    asked.with("authorization", &format!("Bearer {token}")).with_body(Ok(&body.to_string()))
}

fn alice() -> Value {
    json!({ "sub_id": { "format": "iss_sub", "iss": CORP, "sub": "alice" } })
}

fn by_mail(address: &str) -> Value {
    json!({ "sub_id": { "format": "email", "email": address } })
}

/// The provider's server, which is nobody's browser.
fn send(world: &World, gateway: &Gateway, asked: &Asked) -> Answered {
    Browser::new(world, gateway).send(asked)
}

#[track_caller]
fn assert_done(answered: &Answered, reason: &str, ended: u32) {
    let reply = answered.reply();
    assert_eq!((&answered.event["reason"], reply.status.as_u16()), (&json!(reason), 204), "{}", answered.event);
    assert_eq!((&answered.event["event"], &answered.event["ended"]), (&json!("revocation.global"), &json!(ended)));
    assert_eq!(reply.body, "");
}

#[test]
fn every_session_and_grant_of_the_person_ends_for_the_next_request() {
    // R-365
    let (world, gateway) = (World::new(), gateway(&variables(json!({}))));
    let elsewhere = crate::support::gateway(&variables(json!({})));
    let [first, second] = ["a-1", "a-2"].map(|sid| Browser::new(&world, &gateway).signed_in_as("alice", sid));
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    let claude = agents::granted(&first, "/mcp", |_| ());
    assert!(agents::opens(&first, "/mcp", &claude.token));
    assert_done(
        &send(&world, &elsewhere, &asked(&token(&world, &json!({})), &alice())),
        "revocation.sessions_ended",
        3,
    );
    assert_eq!([&first, &second, &bob].map(Browser::is_in), [false, false, true]);
    assert!(!agents::opens(&bob, "/mcp", &claude.token));
    // Whom nobody knows is answered alike.
    let nobody = json!({ "sub_id": { "format": "iss_sub", "iss": CORP, "sub": "nobody" } });
    assert_done(&send(&world, &gateway, &asked(&token(&world, &json!({})), &nobody)), "revocation.nothing_to_end", 0);
}

#[test]
fn what_is_not_the_provider_s_word_for_this_address_ends_nothing() {
    // R-364
    let (world, gateway) = (World::new(), gateway(&variables(json!({ "email": true }))));
    let person = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let good = || token(&world, &json!({}));
    let logout = world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "alice" }));
    let foreign = world.partner.logout_token(TYP, world.now.get(), &json!({ "aud": HERE, "sub": "app" }));
    let refused = |asked: &Asked, status: u16, reason: &str, error: &str| {
        let answered = send(&world, &gateway, asked);
        assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!(reason), status));
        assert_eq!(answered.json(), json!({ "error": error }));
    };
    refused(&asked(&logout, &alice()), 401, "revocation_token.typ_refused", "invalid_token");
    for (changes, reason) in [
        (json!({ "aud": "https://app.example.com/auth/revocation/partner" }), "revocation_token.aud_mismatch"),
        (json!({ "sub": "other" }), "revocation_token.sub_mismatch"),
        (json!({ "exp": 1 }), "revocation_token.expired"),
    ] {
        refused(&asked(&token(&world, &changes), &alice()), 401, reason, "invalid_token");
    }
    assert_eq!(send(&world, &gateway, &asked(&foreign, &alice())).reply().status.as_u16(), 401);
    let of_partner = json!({ "sub_id": { "format": "iss_sub", "iss": PARTNER, "sub": "alice" } });
    refused(&asked(&good(), &of_partner), 400, "revocation_request.iss_mismatch", "invalid_request");
    refused(&asked(&good(), &json!({})), 400, "revocation_request.malformed", "invalid_request");
    let form = Asked::new("POST", "/auth/revocation/corp").with("authorization", &format!("Bearer {}", good()));
    refused(
        &form.with("content-type", "text/plain").with_body(Ok("{}")),
        400,
        "revocation_request.not_json",
        "invalid_request",
    );
    let bare = Asked::new("POST", "/auth/revocation/corp").with("content-type", "application/json");
    refused(&bare.with_body(Ok(&alice().to_string())), 400, "revocation_request.no_token", "invalid_request");
    assert!(person.is_in());
    // Where the configuration does not say so, there is no such address.
    let other = Asked::new("POST", "/auth/revocation/partner").with("content-type", "application/json");
    assert_eq!(send(&world, &gateway, &other.with_body(Ok("{}"))).reply().status.as_u16(), 404);
}

#[test]
fn a_copy_of_a_token_ends_nothing_that_began_since_and_a_lost_answer_can_be_had_again() {
    // R-364, R-365
    let (world, gateway) = (World::new(), gateway(&variables(json!({}))));
    let before = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let told = asked(&token(&world, &json!({})), &alice());
    assert_done(&send(&world, &gateway, &told), "revocation.sessions_ended", 1);
    world.wait(1);
    let after = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
    assert_done(&send(&world, &gateway, &told), "revocation.repeated", 0);
    assert_eq!((before.is_in(), after.is_in()), (false, true));
    // The token is for one person.
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    let stolen = token(&world, &json!({}));
    assert_done(&send(&world, &gateway, &asked(&stolen, &alice())), "revocation.sessions_ended", 1);
    let theirs = json!({ "sub_id": { "format": "iss_sub", "iss": CORP, "sub": "bob" } });
    let answered = send(&world, &gateway, &asked(&stolen, &theirs));
    assert_eq!(
        (&answered.event["reason"], answered.reply().status.as_u16()),
        (&json!("revocation_token.already_used"), 401)
    );
    assert!(bob.is_in());
    assert_done(&send(&world, &gateway, &asked(&stolen, &alice())), "revocation.repeated", 0);
}

#[test]
fn what_fails_on_our_side_is_not_said_to_be_done() {
    // R-365
    let (world, gateway) = (World::new(), gateway(&variables(json!({}))));
    let person = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let told = asked(&token(&world, &json!({})), &alice());
    world.fault.set(Fault::Sessions);
    assert_eq!(send(&world, &gateway, &told).reply().status.as_u16(), 503);
    world.fault.set(Fault::None);
    assert!(person.is_in());
    assert_done(&send(&world, &gateway, &told), "revocation.sessions_ended", 1);
    assert!(!person.is_in());
}

#[test]
fn a_token_whose_work_was_cut_short_does_all_of_it_when_it_comes_again() {
    // R-365, R-084
    for (fault, ended) in [(Fault::Killed, 2), (Fault::EndAnswers, 0)] {
        let (world, gateway) = (World::new(), gateway(&variables(json!({}))));
        let person = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let late = Browser::new(&world, &gateway);
        let begun = late.begin("provider=corp");
        world.wait(1);
        let told = asked(&token(&world, &json!({})), &alice());
        world.fault.set(fault);
        assert_eq!(send(&world, &gateway, &told).reply().status.as_u16(), 503);
        world.fault.set(Fault::None);
        world.wait(1);
        // A login that began before the revocation ends before the token comes again.
        let came = late.come_back(&world.corp.authorize(&begun));
        assert_eq!(came.event["reason"] == "login.succeeded", ended > 0, "{}", came.event);
        let reason = if ended > 0 { "revocation.sessions_ended" } else { "revocation.nothing_to_end" };
        assert_done(&send(&world, &gateway, &told), reason, ended);
        assert_eq!((person.is_in(), late.is_in()), (false, false), "{fault:?}");
        // Now it is done, for good.
        world.wait(1);
        let after = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
        assert_done(&send(&world, &gateway, &told), "revocation.repeated", 0);
        assert!(after.is_in(), "{fault:?}");
    }
}

#[test]
fn a_login_under_way_loses_to_a_revocation() {
    // R-365, R-084
    for (body, config) in [(alice(), json!({})), (by_mail("alice@example.com"), json!({ "email": true }))] {
        let (world, gateway) = (World::new(), gateway(&variables(config)));
        world.corp.bend_claims(|claims| {
            claims["email"] = "alice@example.com".into();
            claims["email_verified"] = true.into();
        });
        let person = Browser::new(&world, &gateway);
        let begun = person.begin("provider=corp");
        world.wait(1);
        assert_eq!(send(&world, &gateway, &asked(&token(&world, &json!({})), &body)).reply().status.as_u16(), 204);
        let answered = person.come_back(&world.corp.authorize(&begun));
        assert_eq!(answered.event["reason"], "login.overtaken_by_logout", "{body}");
    }
}

#[test]
fn by_address_only_verified_ones_at_that_provider_end() {
    // R-366
    let email = |address: &'static str, verified: Value| {
        move |claims: &mut Value| {
            claims["email"] = address.into();
            claims["email_verified"] = verified.clone();
        }
    };
    for (address, verified, named, is_in) in [
        ("alice@Example.com", json!(true), "alice@example.COM", false),
        ("alice@example.com", json!(true), "Alice@example.com", true),
        ("alice@example.com", json!(false), "alice@example.com", true),
        ("alice@example.com", Value::Null, "alice@example.com", true),
        ("alice@example.com", json!(true), "alice@example.com.evil.example", true),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables(json!({ "email": true }))));
        world.corp.bend_claims(email(address, verified));
        let person = Browser::new(&world, &gateway);
        assert_eq!(person.login().event["reason"], "login.succeeded");
        // The same address at another provider is another person.
        world.partner.bend_claims(email("alice@example.com", json!(true)));
        let other = Browser::new(&world, &gateway);
        assert_eq!(other.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
        let answered = send(&world, &gateway, &asked(&token(&world, &json!({})), &by_mail(named)));
        assert_eq!(answered.reply().status.as_u16(), 204);
        assert_eq!((person.is_in(), other.is_in()), (is_in, true), "{address} {named}");
    }
}

#[test]
fn keys_end_where_the_configuration_says_so() {
    // R-365
    for (rules, is_alive) in [(json!({}), true), (json!({ "keys": true }), false)] {
        let mut variables = variables(rules);
        variables["KEYS"] = json!({ "self_service": { "scopes": ["a"] } });
        let (world, gateway) = (World::new(), gateway(&variables));
        let person = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
        let made = person.send(
            &Asked::script("POST", "/auth/keys")
                .with("content-type", "application/json")
                .with_body(Ok(r#"{"name":"ci","scopes":["a"]}"#)),
        );
        assert_eq!(made.reply().status.as_u16(), 201, "{}", made.event);
        assert_eq!(send(&world, &gateway, &asked(&token(&world, &json!({})), &alice())).reply().status.as_u16(), 204);
        world.wait(1);
        let again = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
        let keys = again.send(&Asked::script("GET", "/auth/keys")).json();
        assert_eq!(keys["keys"][0].get("ended").is_none(), is_alive, "{keys}");
    }
}

#[test]
fn who_is_named_by_an_address_is_found_by_their_grants_when_no_session_is_left() {
    // R-366
    let mut vars = server::with_agents(json!({}));
    vars["PROVIDERS"]["corp"]["revocation"] = json!({ "email": true });
    vars["SESSION"] = json!({ "absolute": "30d", "idle": "30d" });
    let (world, gateway) = (server::world(), gateway(&vars));
    world.corp.bend_claims(|claims| {
        claims["email"] = "alice@example.com".into();
        claims["email_verified"] = true.into();
    });
    let person = Browser::new(&world, &gateway).signed_in();
    world.wait(29 * 24 * 3600);
    let code = server::code(&person, &[]);
    let redeemed = Browser::new(&world, &gateway).send(&agents_tokens::redeeming(&code, &[]));
    assert_eq!(redeemed.event["reason"], "agent.token_issued", "{}", redeemed.event);
    world.wait(2 * 24 * 3600);
    assert!(!person.is_in());
    let listed = || redeemed.json()["refresh_token"].as_str().unwrap().to_owned();
    let answered = send(&world, &gateway, &asked(&token(&world, &json!({})), &by_mail("alice@example.com")));
    assert_eq!(answered.event["reason"], "revocation.sessions_ended", "{}", answered.event);
    let refused = Browser::new(&world, &gateway).send(&agents_tokens::refreshing(&listed()));
    assert_eq!(refused.json()["error"], "invalid_grant");
}

#[test]
fn a_grant_of_many_weeks_is_found_by_the_address_of_its_person() {
    // R-366
    for address_comes_later in [false, true] {
        let mut vars = server::with_agents(json!({ "grant": "90d" }));
        vars["PROVIDERS"]["corp"]["revocation"] = json!({ "email": true });
        let (world, gateway) = (server::world(), gateway(&vars));
        let with_address = || {
            world.corp.bend_claims(|claims| {
                claims["email"] = "alice@example.com".into();
                claims["email_verified"] = true.into();
            });
        };
        if !address_comes_later {
            with_address();
        }
        let refresh = server::granted_for(&Browser::new(&world, &gateway).signed_in(), "90");
        world.wait(5 * 24 * 3600);
        if address_comes_later {
            with_address();
            Browser::new(&world, &gateway).signed_in();
        }
        world.wait(45 * 24 * 3600);
        let answered = send(&world, &gateway, &asked(&token(&world, &json!({})), &by_mail("alice@example.com")));
        assert_eq!(answered.event["reason"], "revocation.sessions_ended", "{}", answered.event);
        let refused = Browser::new(&world, &gateway).send(&agents_tokens::refreshing(&refresh));
        assert_eq!(refused.json()["error"], "invalid_grant");
    }
}

#[test]
fn a_consent_under_way_loses_to_a_revocation_by_address() {
    // R-366, R-084
    let mut vars = server::with_agents(json!({}));
    vars["PROVIDERS"]["corp"]["revocation"] = json!({ "email": true });
    let (world, gateway) = (server::world(), gateway(&vars));
    world.corp.bend_claims(|claims| {
        claims["email"] = "alice@example.com".into();
        claims["email_verified"] = true.into();
    });
    let person = Browser::new(&world, &gateway).signed_in();
    let question = server::question(&server::sent(&person, &server::authorize(&[])));
    world.wait(1);
    let told = asked(&token(&world, &json!({})), &by_mail("alice@example.com"));
    assert_done(&send(&world, &gateway, &told), "revocation.sessions_ended", 1);
    let answered = person.send(&server::form(&question, "allow", "30"));
    assert_ne!(answered.event["reason"], "agent.consent_given", "{}", answered.event);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn what_the_provider_let_a_client_do_before_a_revocation_by_address_is_over() {
    // R-366, R-322
    let (world, gateway) = agents_enterprise::deployment_with(|variables| {
        variables["PROVIDERS"]["corp"]["revocation"] = json!({ "email": true });
    });
    let vouched = |jti: &str| {
        let claims = json!({ "jti": jti, "email": "alice@example.com", "email_verified": true });
        agents_enterprise::jag(&world, agents_enterprise::CLIENT, &claims)
    };
    let bring = |assertion: &str| agents_enterprise::bring(&world, &gateway, agents_enterprise::CLIENT, assertion, &[]);
    let (brought, kept) = (vouched("jag-1"), vouched("jag-2"));
    let access = bring(&brought).json()["access_token"].clone();
    assert_eq!(agents_enterprise::calls(&world, &gateway, &access).event["outcome"], "allow");
    world.wait(1);
    let told = asked(&token(&world, &json!({})), &by_mail("alice@example.com"));
    assert_done(&send(&world, &gateway, &told), "revocation.sessions_ended", 1);
    agents_enterprise::calls(&world, &gateway, &access).assert_refused(401, "agent.gone");
    for assertion in [&brought, &kept] {
        assert_eq!(bring(assertion).event["reason"], "id_jag.ended");
    }
    // What it lets the client do since then counts.
    world.wait(1);
    assert_eq!(bring(&vouched("jag-3")).event["reason"], "agent.token_vouched_for");
}

#[test]
fn where_the_provider_may_not_be_asked_for_its_keys_it_is_to_send_it_again() {
    // R-365
    let (world, gateway) = (World::new(), gateway(&variables(json!({}))));
    let person = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    // Anybody names keys that nobody has.
    let made_up = |number: i32| {
        let header = json!({ "alg": "ES256", "typ": TYP, "kid": format!("random-{number}") }).to_string();
        let encoded = super::device::encode(header);
        send(&world, &gateway, &asked(&format!("{encoded}.e30.{}", "A".repeat(86)), &alice()))
    };
    let statuses: Vec<u16> = (0..50).map(|number| made_up(number).reply().status.as_u16()).collect();
    assert!(statuses.contains(&401) && statuses.ends_with(&[503]), "{statuses:?}");
    world.corp.rotate(3);
    let told = asked(&token(&world, &json!({})), &alice());
    let answered = send(&world, &gateway, &told);
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!("keys.unasked"), 503));
    assert!(answered.reply().headers.contains_key("retry-after"));
    assert!(person.is_in());
    world.wait(30);
    assert_done(&send(&world, &gateway, &told), "revocation.sessions_ended", 1);
    assert!(!person.is_in());
}
