//! Enterprise-managed authorization: the provider lets a client act for a person (ID-JAG; R-319…R-322), and helpers that exchange
//! the token of another client.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::executor::block_on;
use futures::future::join_all;
use postern::agent::handle::GrantHandle;
use postern::gateway::Gateway;
use postern::ids::actor::Actor;
use postern::jose::Es256Signer;
use postern::session::Command;
use serde_json::{Value, json};

use super::agents_server::publish;
use super::blocks::{block, lift, not_before, root};
use super::sender::Machine;
use super::strangers::bent;
use crate::agents_approvals::{granted, tell, token, with_agents};
use crate::support::{Answered, Asked, Browser, CORP, ORIGIN, World, gateway, signer_named};

/// How many proofs clients made of themselves.
static PROOFS: AtomicU32 = AtomicU32::new(0);
const TOKEN: &str = "/auth/agents/token";
const FORM: &str = "application/x-www-form-urlencoded";
const JWT_BEARER: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
/// A client that the provider may let act for people.
pub const CLIENT: &str = "https://client.example/oauth/client.json";
const OTHER: &str = "https://other.example/oauth/client.json";

fn deployment() -> (World, Gateway) {
    deployment_with(|_| ())
}

/// One where administrators prove a second factor.
fn second_for_admins() -> (World, Gateway) {
    deployment_with(|variables| variables["SECOND"] = json!({ "required_for": { "roles": ["admin"] } }))
}

pub fn deployment_with(change: impl FnOnce(&mut Value)) -> (World, Gateway) {
    let mut variables = with_agents();
    variables["AGENTS"] = json!({
        "access": "5m",
        "delegates": [OTHER],
        "enterprise": { "corp": { "clients": { CLIENT: ["docs:read", "docs:write"], OTHER: ["docs:read"] } } },
    });
    change(&mut variables);
    let world = World::new();
    for (client, key) in [(CLIENT, key(CLIENT)), (OTHER, key(OTHER))] {
        let document = json!({
            "client_id": client,
            "client_name": "Example",
            "redirect_uris": ["http://127.0.0.1/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [key.public_jwk()] },
        });
        publish(&world, client, 200, &document);
    }
    (world, gateway(&variables))
}

fn key(client: &str) -> Es256Signer {
    signer_named(if client == CLIENT { 21 } else { 22 }, "one")
}

/// What somebody granted to the client.
fn owned(world: &World, subject: &str) -> GrantHandle {
    granted(world, subject, |grant| {
        CLIENT.clone_into(&mut grant.client);
        grant.actors = vec![Actor { issuer: Some(ORIGIN.to_owned()), subject: CLIENT.to_owned() }];
    })
}

/// What the provider lets a client do.
pub fn jag(world: &World, client: &str, changes: &Value) -> String {
    let now = world.now.get();
    let mut claims = json!({
        "events": null, "aud": ORIGIN, "client_id": client, "sub": "alice", "jti": "jag-1", "exp": now + 300,
        "scope": "docs:read docs:write", "resource": format!("{ORIGIN}/mcp"),
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    world.corp.logout_token(Some("oauth-id-jag+jwt"), now, &claims)
}

/// The client's proof of itself, new each time.
fn proof(world: &World, client: &str) -> String {
    let now = world.now.get();
    let jti = format!("proof-{}", PROOFS.fetch_add(1, Ordering::Relaxed));
    let claims = json!({ "iss": client, "sub": client, "aud": ORIGIN, "jti": jti, "iat": now, "exp": now + 60 });
    key(client).sign(None, claims.as_object().unwrap())
}

fn post(world: &World, gateway: &Gateway, client: Option<&str>, fields: &[(&str, &str)]) -> Answered {
    Browser::new(world, gateway).send(&asked(world, client, fields))
}

fn asked(world: &World, client: Option<&str>, fields: &[(&str, &str)]) -> Asked {
    let proof = client.map(|client| proof(world, client)).unwrap_or_default();
    let mut all = fields.to_vec();
    if let Some(client) = client {
        all.extend([
            ("client_id", client),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &proof),
        ]);
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    Asked::new("POST", TOKEN).with("content-type", FORM).with_body(Ok(&body))
}

pub fn bring(world: &World, gateway: &Gateway, client: &str, assertion: &str, more: &[(&str, &str)]) -> Answered {
    let fields = [&[JWT_BEARER, ("assertion", assertion)], more].concat();
    post(world, gateway, Some(client), &fields)
}

pub fn calls(world: &World, gateway: &Gateway, token: &Value) -> Answered {
    let token = token.as_str().unwrap();
    Browser::new(world, gateway).send(&Asked::new("POST", "/mcp").with("authorization", &format!("Bearer {token}")))
}

/// A client has a token made for one of another client.
pub fn exchange(world: &World, gateway: &Gateway, client: &str, token: &str) -> Answered {
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("scope", "docs:read"),
    ];
    post(world, gateway, Some(client), &fields)
}

fn assert_error(answered: &Answered, error: &str, reason: &str) {
    assert_eq!(
        (&answered.json()["error"], &answered.event["reason"]),
        (&json!(error), &json!(reason)),
        "{}",
        answered.event
    );
}

#[test]
fn the_provider_lets_a_client_act_for_a_person() {
    //
    let (world, gateway) = deployment();
    let answered = bring(&world, &gateway, CLIENT, &jag(&world, CLIENT, &json!({ "roles": ["editor"] })), &[]);
    let told = answered.json();
    assert_eq!(
        (&told["scope"], &told["expires_in"]),
        (&json!("docs:read docs:write"), &json!(300)),
        "{}",
        answered.event
    );
    assert_eq!((told.get("refresh_token"), told.get("issued_token_type")), (None, None));
    assert_eq!(
        (&answered.event["reason"], &answered.event["provider"]),
        (&json!("agent.token_vouched_for"), &json!("corp"))
    );
    let used = calls(&world, &gateway, &told["access_token"]);
    assert_eq!(
        (&used.event["outcome"], &used.event["subject"], &used.event["issuer"]),
        (&json!("allow"), &json!("alice"), &json!(CORP))
    );
    assert_eq!((&used.event["actors"], &used.event["roles"]), (&json!([CLIENT]), &json!(["editor"])));
    // The very same person as at sign-in sees and ends it.
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let listed = alice.send(&Asked::script("GET", "/auth/sessions")).json();
    let grant = listed["sessions"].as_array().unwrap().iter().find(|one| one.get("grant").is_some()).unwrap().clone();
    let path = format!("/auth/sessions/{}", grant["id"].as_str().unwrap());
    assert_eq!(alice.send(&Asked::script("DELETE", &path)).json()["ended"], 1);
    calls(&world, &gateway, &told["access_token"]).assert_refused(401, "agent.gone");
    // And the same assertion does not bring it back.
    let again = jag(&world, CLIENT, &json!({ "roles": ["editor"] }));
    assert_error(&bring(&world, &gateway, CLIENT, &again, &[]), "invalid_grant", "id_jag.ended");
    let metadata = alice.send(&Asked::new("GET", "/.well-known/oauth-authorization-server")).json();
    assert_eq!(
        metadata["authorization_grant_profiles_supported"],
        json!(["urn:ietf:params:oauth:grant-profile:id-jag"])
    );
}

#[test]
fn where_people_come_too_the_provider_says_what_scopes_the_person_has() {
    //
    let (world, gateway) = deployment_with(|variables| {
        variables["ROUTES"]["/shared"] = json!({
            "upstream": "service:MCP", "authenticate": ["session", "agent"], "require": { "scopes": ["docs:write"] },
        });
    });
    let called = |changes: Value| {
        let mut changes = changes;
        changes["resource"] = format!("{ORIGIN}/shared").into();
        let told = bring(&world, &gateway, CLIENT, &jag(&world, CLIENT, &changes), &[]);
        assert_eq!(told.event["reason"], "agent.token_vouched_for", "{}", told.event);
        let token = told.json()["access_token"].as_str().unwrap().to_owned();
        Browser::new(&world, &gateway).send(&Asked::bearing("/shared", &token))
    };
    assert_eq!(called(json!({ "jti": "said" })).event["outcome"], "allow");
    called(json!({ "jti": "less", "scope": "docs:read" })).assert_refused(403, "authz.insufficient_scope");
    // Where it says nothing, the client may have all that is configured; of the person nothing is known.
    called(json!({ "jti": "unsaid", "scope": null })).assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn what_the_provider_did_not_mean_so_is_refused() {
    //
    let (world, gateway) = deployment();
    for (changes, error, reason) in [
        (json!({ "aud": "https://other.example" }), "invalid_grant", "id_jag.aud_mismatch"),
        (json!({ "client_id": OTHER }), "invalid_grant", "id_jag.client_mismatch"),
        (json!({ "iss": "https://evil.example" }), "invalid_grant", "id_jag.not_trusted"),
        (
            json!({ "iat": world.now.get() - 30, "exp": world.now.get() + 271 }),
            "invalid_grant",
            "id_jag.lives_too_long",
        ),
        (json!({ "resource": format!("{ORIGIN}/other") }), "invalid_target", "id_jag.resource"),
        (json!({ "resource": null }), "invalid_target", "id_jag.resource"),
        (json!({ "scope": "admin" }), "invalid_scope", "id_jag.scope"),
        (json!({ "authorization_details": [{ "type": "x" }] }), "invalid_grant", "id_jag.too_specific"),
        (json!({ "cnf": { "jkt": "A".repeat(43) } }), "invalid_grant", "id_jag.key"),
    ] {
        assert_error(&bring(&world, &gateway, CLIENT, &jag(&world, CLIENT, &changes), &[]), error, reason);
        world.wait(1);
    }
    let id_token = world.corp.logout_token(
        Some("JWT"),
        world.now.get(),
        &json!({
            "events": null, "aud": ORIGIN, "client_id": CLIENT, "sub": "alice", "exp": world.now.get() + 300,
        }),
    );
    assert_error(&bring(&world, &gateway, CLIENT, &id_token, &[]), "invalid_grant", "id_jag.typ_refused");
    world.wait(1);
    let good = jag(&world, CLIENT, &json!({}));
    assert_error(
        &bring(&world, &gateway, CLIENT, &good, &[("scope", "docs:read admin")]),
        "invalid_scope",
        "id_jag.scope",
    );
    world.wait(1);
    let other = [("resource", "https://app.example.com/other")];
    assert_error(&bring(&world, &gateway, CLIENT, &good, &other), "invalid_target", "id_jag.resource");
}

#[test]
fn a_client_has_to_prove_itself_and_strangers_have_nothing_fetched() {
    //
    let (world, gateway) = deployment();
    let good = jag(&world, CLIENT, &json!({}));
    let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", good.as_str())];
    let public = post(&world, &gateway, None, &[&fields[..], &[("client_id", CLIENT)]].concat());
    assert_error(&public, "invalid_client", "agent.client_unproven");
    let sent = world.sent.borrow().len();
    let stranger = post(&world, &gateway, None, &[&fields[..], &[("client_id", "https://evil.example/c")]].concat());
    assert_error(&stranger, "invalid_grant", "id_jag.not_trusted");
    // Nor for what nobody signed, whatever client it says it is from.
    let forged = bent(&good);
    for (client, reason) in [("https://evil.example/c", "id_jag.not_trusted"), (OTHER, "jwt.bad_signature")] {
        let claims = json!({ "iss": client, "sub": client });
        let proof = key(CLIENT).sign(None, claims.as_object().unwrap());
        let fields = [
            JWT_BEARER,
            ("assertion", &forged),
            ("client_assertion", &proof),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ];
        assert_error(&post(&world, &gateway, None, &fields), "invalid_grant", reason);
    }
    assert_eq!(world.sent.borrow().len(), sent);
}

#[test]
fn a_client_that_could_come_without_proof_brings_none_either() {
    //
    let (world, gateway) = deployment();
    let public = json!({ "client_id": CLIENT, "client_name": "Example", "redirect_uris": ["http://127.0.0.1/cb"] });
    publish(&world, CLIENT, 200, &public);
    let good = jag(&world, CLIENT, &json!({}));
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let fields = [grant, ("assertion", good.as_str()), ("client_id", CLIENT)];
    assert_error(&post(&world, &gateway, None, &fields), "invalid_client", "agent.client_unproven");
}

#[test]
fn the_request_and_the_assertion_name_one_resource() {
    //
    let (world, gateway) = deployment_with(|variables| {
        variables["ROUTES"]["/other"] = json!({ "upstream": "service:MCP", "authenticate": ["agent"] });
    });
    let other = [("resource", "https://app.example.com/other")];
    let good = jag(&world, CLIENT, &json!({}));
    assert_error(&bring(&world, &gateway, CLIENT, &good, &other), "invalid_target", "id_jag.resource");
    world.wait(1);
    let free = jag(&world, CLIENT, &json!({ "resource": null, "jti": "jag-2" }));
    assert_eq!(bring(&world, &gateway, CLIENT, &free, &other).event["reason"], "agent.token_vouched_for");
    // What was given for it is for that one.
    let own = [("resource", "https://app.example.com/mcp")];
    assert_error(&bring(&world, &gateway, CLIENT, &free, &own), "invalid_target", "id_jag.resource");
    assert_eq!(bring(&world, &gateway, CLIENT, &free, &other).event["reason"], "agent.token_vouched_for");
}

#[test]
fn one_client_brings_it_again_and_no_other_does() {
    //
    let (world, gateway) = deployment();
    let good = jag(&world, CLIENT, &json!({}));
    let first = bring(&world, &gateway, CLIENT, &good, &[]);
    world.wait(20);
    let again = bring(&world, &gateway, CLIENT, &good, &[]);
    assert_eq!((&again.event["detail"], &again.event["grant"]), (&json!("repeated"), &first.event["grant"]));
    assert_eq!(again.json()["expires_in"], 280);
    // Nobody gets more than they ask for.
    let less = bring(&world, &gateway, CLIENT, &good, &[("scope", "docs:read")]);
    assert_error(&less, "invalid_scope", "id_jag.scope");
    // A provider that gives two clients one `jti`.
    let theirs = jag(&world, OTHER, &json!({}));
    assert_error(&bring(&world, &gateway, OTHER, &theirs, &[]), "invalid_grant", "id_jag.used_by_another");
    world.wait(1);
    assert_error(&bring(&world, &gateway, OTHER, &theirs, &[]), "invalid_grant", "id_jag.used_by_another");
    world.wait(400);
    assert_error(&bring(&world, &gateway, CLIENT, &good, &[]), "invalid_grant", "id_jag.expired");
}

#[test]
fn of_two_clients_that_bring_one_jti_at_once_one_has_it() {
    //
    let (world, gateway) = deployment();
    let machine = Browser::new(&world, &gateway);
    for round in 0..10 {
        let jti = json!({ "jti": format!("at-once-{round}") });
        let clients = if round % 2 == 0 { [CLIENT, OTHER] } else { [OTHER, CLIENT] };
        let assertions = clients.map(|client| jag(&world, client, &jti));
        let asked: Vec<Asked> = (0..12)
            .map(|number| {
                let fields = [JWT_BEARER, ("assertion", assertions[number % 2].as_str())];
                asked(&world, Some(clients[number % 2]), &fields)
            })
            .collect();
        let all = block_on(join_all(asked.iter().map(|one| machine.send_later(one))));
        let good = |who: usize| all.iter().skip(who).step_by(2).filter(|one| one.reply().status == 200).count();
        assert!(matches!((good(0), good(1)), (6, 0) | (0, 6)), "{} and {}", good(0), good(1));
    }
}

#[test]
fn an_assertion_that_is_bound_to_a_key_is_for_that_key() {
    //
    let (world, gateway) = deployment();
    let (own, thief) = (Machine::new(31), Machine::new(32));
    let bound = jag(&world, CLIENT, &json!({ "cnf": { "jkt": own.jkt() } }));
    let brought = |assertion: &str, key: &Machine| {
        world.wait(1);
        let jti = world.now.get().to_string();
        let proof = key.proof(&world, TOKEN, "", &json!({ "htm": "POST", "ath": null, "jti": jti }));
        let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
        Browser::new(&world, &gateway).send(&asked(&world, Some(CLIENT), &fields).with("dpop", &proof))
    };
    assert_error(&brought(&bound, &thief), "invalid_grant", "id_jag.key");
    let answered = brought(&bound, &own);
    assert_eq!(answered.json()["token_type"], "DPoP", "{}", answered.event);
    calls(&world, &gateway, &answered.json()["access_token"]).assert_refused(401, "sender.bound_token_as_bearer");
    // What makes the same grant again has the key that it was made with.
    let free = jag(&world, CLIENT, &json!({ "jti": "free" }));
    assert_eq!(brought(&free, &own).json()["token_type"], "DPoP");
    assert_error(&brought(&free, &thief), "invalid_grant", "id_jag.key");
    world.wait(1);
    assert_error(&bring(&world, &gateway, CLIENT, &free, &[]), "invalid_grant", "id_jag.key");
}

#[test]
fn a_sign_out_everywhere_outlives_what_the_provider_said_before() {
    //
    let (world, gateway) = deployment();
    let before = jag(&world, CLIENT, &json!({}));
    world.wait(10);
    tell(&world, "alice", &Command::EndAll { before: None });
    world.wait(10);
    assert_error(&bring(&world, &gateway, CLIENT, &before, &[]), "invalid_grant", "id_jag.ended");
    let after = jag(&world, CLIENT, &json!({ "jti": "after" }));
    assert_eq!(bring(&world, &gateway, CLIENT, &after, &[]).event["reason"], "agent.token_vouched_for");
}

#[test]
fn a_helper_that_proves_nothing_has_no_part_of_another_clients_token() {
    //
    let (world, gateway) = deployment();
    let public = json!({ "client_id": OTHER, "client_name": "Example", "redirect_uris": ["http://127.0.0.1/cb"] });
    publish(&world, OTHER, 200, &public);
    let text = token(&gateway, &owned(&world, "alice"));
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", text.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("client_id", OTHER),
    ];
    assert_error(&post(&world, &gateway, None, &fields), "unauthorized_client", "exchange.not_for_client");
    // Nor one that proves itself and is not named: the helper's own token is not for the other client.
    let helper = granted(&world, "alice", |grant| {
        OTHER.clone_into(&mut grant.client);
        grant.actors = vec![Actor { issuer: Some(ORIGIN.to_owned()), subject: OTHER.to_owned() }];
    });
    let text = token(&gateway, &helper);
    let fields = [fields[0], ("subject_token", text.as_str()), fields[2]];
    assert_error(&post(&world, &gateway, Some(CLIENT), &fields), "unauthorized_client", "exchange.not_for_client");
}

#[test]
fn one_assertion_makes_only_so_many_tokens() {
    //
    let (world, gateway) = deployment();
    let good = jag(&world, CLIENT, &json!({}));
    for _ in 0..60 {
        assert_eq!(bring(&world, &gateway, CLIENT, &good, &[]).reply().status.as_u16(), 200);
    }
    let refused = bring(&world, &gateway, CLIENT, &good, &[]);
    assert_eq!((&refused.event["reason"], refused.reply().status.as_u16()), (&json!("limit.agent_tokens"), 429));
}

#[test]
fn a_helper_that_is_named_exchanges_the_token_of_another_client() {
    //
    let (world, gateway) = deployment();
    let answered = exchange(&world, &gateway, OTHER, &token(&gateway, &owned(&world, "alice")));
    assert_eq!(answered.event["reason"], "agent.token_exchanged", "{}", answered.event);
    let used = calls(&world, &gateway, &answered.json()["access_token"]);
    assert_eq!((&used.event["client_id"], &used.event["actors"]), (&json!(OTHER), &json!([OTHER, CLIENT])));
}

#[test]
fn who_acts_for_a_client_that_is_shut_out_is_shut_out_too() {
    //
    let (world, gateway) = deployment_with(|variables| {
        variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    });
    let root = root(&world, &gateway);
    let grant = owned(&world, "alice");
    let text = token(&gateway, &grant);
    let helper = exchange(&world, &gateway, OTHER, &text).json()["access_token"].clone();
    assert_eq!(calls(&world, &gateway, &helper).event["outcome"], "allow");
    block(&root, &json!({ "agent": CLIENT }));
    calls(&world, &gateway, &helper).assert_refused(401, "block.client");
    for token in [text.as_str(), helper.as_str().unwrap()] {
        world.wait(1);
        let refused = exchange(&world, &gateway, OTHER, token);
        assert_error(&refused, "invalid_request", "exchange.token_refused");
        assert_eq!(refused.event["detail"], "block.client");
    }
    lift(&root, &json!({ "agent": CLIENT }));
    assert_eq!(calls(&world, &gateway, &helper).event["outcome"], "allow");
    // Likewise where the configuration names the client no more.
    let mut variables = with_agents();
    variables["AGENTS"] = json!({ "clients": ["https://claude.ai/**"], "delegates": [OTHER], "register": true });
    let closed = crate::support::gateway(&variables);
    calls(&world, &closed, &helper).assert_refused(401, "agent.client_not_admitted");
    world.wait(1);
    let refused = exchange(&world, &closed, OTHER, &text);
    assert_eq!(refused.event["reason"], "agent.client_not_allowed", "who exchanges has to be admitted itself");
}

#[test]
fn a_helper_gets_nothing_younger_for_a_grant_that_counts_no_more() {
    //
    let (world, gateway) = deployment_with(|variables| {
        variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    });
    let root = root(&world, &gateway);
    let text = token(&gateway, &owned(&world, "alice"));
    world.wait(10);
    not_before(&root, &json!({ "everybody": true }));
    world.wait(10);
    calls(&world, &gateway, &json!(text)).assert_refused(401, "session.began_before_not_before");
    let refused = exchange(&world, &gateway, OTHER, &text);
    assert_error(&refused, "invalid_request", "exchange.token_refused");
    assert_eq!(refused.event["detail"], "session.began_before_not_before");
}

#[test]
fn whoever_owes_a_second_factor_is_not_reached_around_it() {
    //
    let (world, gateway) = second_for_admins();
    let bring = |roles: &[&str], jti: &str| {
        let assertion = jag(&world, CLIENT, &json!({ "roles": roles, "jti": jti }));
        bring(&world, &gateway, CLIENT, &assertion, &[])
    };
    assert_error(&bring(&["editor", "admin"], "a"), "invalid_grant", "id_jag.second_factor");
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    assert_eq!(alice.send(&Asked::script("GET", "/auth/sessions")).json()["sessions"].as_array().unwrap().len(), 1);
    // Who gets the role later, by a sign-in, owes it from then on.
    let token = bring(&["editor"], "b").json()["access_token"].clone();
    assert_eq!(calls(&world, &gateway, &token).event["outcome"], "allow");
    world.corp.bend_claims(|claims| {
        claims["sub"] = "alice".into();
        claims["roles"] = json!(["admin"]);
    });
    let _again = Browser::new(&world, &gateway).signed_in();
    calls(&world, &gateway, &token).assert_refused(401, "agent.no_second_factor");
    assert_error(&bring(&["editor"], "b"), "invalid_grant", "id_jag.second_factor");
}

#[test]
fn a_grant_that_the_person_gave_after_a_proof_goes_on() {
    // they proved one before they allowed it.
    let (world, gateway) = second_for_admins();
    let grant = granted(&world, "alice", |grant| grant.redirect_uri = "http://127.0.0.1/cb".to_owned());
    world.corp.bend_claims(|claims| {
        claims["sub"] = "alice".into();
        claims["roles"] = json!(["admin"]);
    });
    let _alice = Browser::new(&world, &gateway).signed_in();
    let used = calls(&world, &gateway, &json!(token(&gateway, &grant)));
    assert_eq!(used.event["outcome"], "allow", "{}", used.event);
}
