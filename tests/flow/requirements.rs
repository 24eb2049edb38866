//! What a route asks of who comes, by session and by token.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::bearer::token;
use crate::support::{Answered, Asked, Browser, Endpoint, PARTNER, World, gateway, variables};

const API: &str = "https://api.example.com";

/// A deployment with roles of sessions and tokens, and routes that ask for each kind of thing.
fn deployment() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["/realm_access/roles"]);
    variables["PROVIDERS"]["corp"]["permissions"] = json!(["permissions"]);
    variables["SESSION"] = json!({ "claims": ["name", "email", "email_verified", "department", "groups"] });
    variables["ISSUERS"]["machines"] = json!({
        "issuer": PARTNER, "audience": API, "algs": ["ES256"], "roles": ["roles"], "permissions": ["permissions"],
    });
    variables["ROLES"] = json!({ "viewer": ["read:*"], "editor": ["read:*", "write:orders"], "admin": ["*"] });
    for (path, require) in [
        ("/any", json!({ "any_scope": ["orders:read", "orders:admin"] })),
        ("/role", json!({ "roles": ["editor", "admin"] })),
        ("/read", json!({ "permissions": ["read:orders"] })),
        ("/write", json!({ "permissions": ["read:orders", "write:orders"] })),
        ("/wipe", json!({ "permissions": ["delete:orders"] })),
        ("/dept/{department}/{*rest}", json!({ "claims": { "department": "{department}" } })),
        ("/groups/{group}", json!({ "claims": { "groups": { "contains": "{group}" } } })),
        ("/staff", json!({ "email_domain": ["example.com"] })),
    ] {
        variables["ROUTES"][path] =
            json!({ "upstream": "service:API", "authenticate": ["session", "bearer"], "require": require });
    }
    variables["ROUTES"]["/told"] =
        json!({ "upstream": "service:API", "require": { "roles": ["viewer"] }, "headers": { "X-Roles": "roles" } });
    variables
}

/// Somebody of whom the same is said at sign-in and in a token, with the answers to both.
fn both(world: &World, gateway: &Gateway, facts: &Value, path: &str) -> [Answered; 2] {
    let told = facts.clone();
    world.corp.bend_claims(move |claims| {
        claims.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        claims["realm_access"] = json!({ "roles": told["roles"] });
    });
    let by_session = Browser::new(world, gateway).signed_in().send(&Asked::script("GET", path));
    let token = token(world, Some("at+jwt"), facts);
    [by_session, Browser::new(world, gateway).send(&Asked::bearing(path, &token))]
}

#[track_caller]
fn lets_in(facts: Value, paths: &[&str]) {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    for path in paths {
        both(&world, &gateway, &facts, path).iter().map(Answered::forwarded).for_each(|_| ());
    }
}

#[track_caller]
fn keeps_out(facts: Value, reason: &str, detail: Option<&str>, paths: &[&str]) {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    for path in paths {
        for answered in both(&world, &gateway, &facts, path) {
            answered.assert_refused(403, reason);
            assert_eq!(answered.event["detail"].as_str(), detail, "{path}");
            assert!(answered.event["route"].is_string() && answered.event["subject"] == "alice");
            // Which of the requirements it was is for the log alone.
            let problem = answered.json();
            assert_eq!((&problem["type"], problem.get("scope")), (&json!("urn:postern:problem:forbidden"), None));
        }
    }
}

#[test]
fn roles_and_what_they_may_come_with_a_session_as_with_a_token() {
    // R-193
    lets_in(json!({ "roles": ["viewer"] }), &["/read"]);
    lets_in(json!({ "roles": ["stranger", "editor"] }), &["/role", "/read", "/write"]);
    lets_in(json!({ "roles": ["admin"] }), &["/role", "/read", "/write", "/wipe"]);
    let expected = "expected `editor` or `admin`, found";
    let viewer = format!("{expected} `viewer`");
    keeps_out(json!({ "roles": ["viewer"] }), "authz.role_missing", Some(&viewer), &["/role"]);
    keeps_out(json!({ "roles": ["viewer"] }), "authz.permission_missing", Some("write:orders"), &["/write"]);
    keeps_out(json!({ "roles": ["editor"] }), "authz.permission_missing", Some("delete:orders"), &["/wipe"]);
    for (nobody, found) in [
        (json!({}), "none"),
        (json!({ "roles": [] }), "none"),
        (json!({ "roles": ["Admin", "admins"] }), "`Admin` or `admins`"),
        (json!({ "roles": 7 }), "none"),
    ] {
        let detail = format!("{expected} {found}");
        keeps_out(nobody.clone(), "authz.role_missing", Some(&detail), &["/role"]);
        keeps_out(nobody, "authz.permission_missing", Some("read:orders"), &["/read"]);
    }
}

#[test]
fn a_permission_may_be_the_issuers_own_word_and_a_star_in_it_is_only_a_sign() {
    lets_in(json!({ "permissions": ["read:orders"] }), &["/read"]);
    lets_in(json!({ "permissions": ["write:orders"], "roles": ["viewer"] }), &["/write"]);
    for boast in [json!(["read:*"]), json!(["*"]), json!(["read:orders:own"]), json!("read:orders write:orders")] {
        keeps_out(json!({ "permissions": boast }), "authz.permission_missing", Some("read:orders"), &["/read"]);
    }
}

#[test]
fn a_claim_is_held_against_the_path_as_it_is_decoded() {
    // R-194
    let facts = json!({ "department": "sales", "groups": ["a", "b c"] });
    lets_in(facts.clone(), &["/dept/sales/x", "/dept/sales/", "/groups/a", "/groups/b%20c"]);
    for path in ["/dept/support/x", "/dept/Sales/x", "/dept/sales%20/x"] {
        keeps_out(facts.clone(), "authz.claim_not_accepted", Some("department"), &[path]);
    }
    keeps_out(facts, "authz.claim_not_accepted", Some("groups"), &["/groups/c", "/groups/b"]);
    keeps_out(json!({}), "authz.claim_not_accepted", Some("department"), &["/dept/null/x", "/dept/sales/x"]);
    keeps_out(json!({ "department": ["sales"] }), "authz.claim_not_accepted", Some("department"), &["/dept/sales/x"]);
}

#[test]
fn an_address_opens_a_door_only_once_it_is_verified() {
    // R-057
    lets_in(json!({ "email": "a@example.com", "email_verified": true }), &["/staff"]);
    lets_in(json!({ "email": "a@example.com", "email_verified": "true" }), &["/staff"]);
    for facts in [
        json!({ "email": "a@example.com" }),
        json!({ "email": "a@example.com", "email_verified": false }),
        json!({ "email": "a@example.com", "email_verified": "TRUE" }),
        json!({ "email": "a@evil.com", "email_verified": true }),
        json!({ "email": ["a@example.com"], "email_verified": true }),
        json!({ "email_verified": true }),
    ] {
        keeps_out(facts, "authz.email_domain_not_accepted", None, &["/staff"]);
    }
}

#[test]
fn one_scope_of_several_is_enough_and_who_has_none_is_told_which_to_ask_for() {
    // R-113, R-117
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let call = |scope: &str| {
        let token = token(&world, Some("at+jwt"), &json!({ "scope": scope }));
        Browser::new(&world, &gateway).send(&Asked::bearing("/any", &token))
    };
    for good in ["orders:read", "orders:admin", "x orders:admin"] {
        call(good).forwarded();
    }
    for bad in ["", "orders", "orders:read:own", "Orders:read"] {
        let answered = call(bad);
        answered.assert_refused(403, "authz.insufficient_scope");
        assert_eq!(answered.json()["scope"], "orders:read");
        let challenge = answered.reply().headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with(r#"Bearer error="insufficient_scope", scope="orders:read", "#), "{challenge}");
    }
    let metadata = Browser::new(&world, &gateway).send(&Asked::new("GET", "/.well-known/oauth-protected-resource/any"));
    assert_eq!(metadata.json()["scopes_supported"], json!(["orders:read", "orders:admin"]));
}

#[test]
fn roles_that_the_id_token_lacks_are_asked_for_at_userinfo_and_told_upstream() {
    let mut variables = deployment();
    variables["PROVIDERS"]["corp"]["userinfo"] = json!(true);
    let (world, gateway) = (World::new(), gateway(&variables));
    *world.corp.user.borrow_mut() = json!({ "sub": "alice", "realm_access": { "roles": ["viewer", "clerk"] } });
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(world.asked(Endpoint::UserInfo), 1);
    let answered = browser.send(&Asked::script("GET", "/told"));
    assert_eq!(answered.forwarded().headers["x-roles"], "viewer,clerk");
    // They are for deciding; what /auth/me tells is what `SESSION.claims` names.
    assert_eq!(browser.send(&Asked::script("GET", "/auth/me")).json()["claims"], json!({ "name": "Alice" }));
}

#[test]
fn roles_are_those_of_the_last_sign_in() {
    // R-177
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let roles = |roles: Value| world.corp.bend_claims(move |claims| claims["realm_access"] = json!({ "roles": roles }));
    roles(json!(["editor"]));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/role")).forwarded();
    roles(json!(["viewer"]));
    let browser = browser.signed_in();
    browser.send(&Asked::script("GET", "/role")).assert_refused(403, "authz.role_missing");
    assert_eq!(world.sessions(), 1);
}
