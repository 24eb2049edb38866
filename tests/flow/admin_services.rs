//! Programs that administer: what they come with, and what they may do.

use postern::gateway::{Gateway, MANAGEMENT};
use postern::http::ClientCertificate;
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::management::request;
use super::sender::X5T;
use crate::support::{Answered, Asked, Browser, PARTNER, World, gateway, gateway_without_policies};

const HEX: &str = "d1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382";

/// A deployment in which `offboarding` may end sessions and block people, by a token that is bound to its certificate.
fn deployment(change: impl FnOnce(&mut Value)) -> Value {
    let mut variables = with_issuers();
    variables["ISSUERS"]["machines"]["kind"] = json!("service");
    let mut service = json!({
        "issuer": "machines", "client_id": "offboarding", "actions": ["sessions.list", "sessions.revoke", "blocks.add"],
    });
    change(&mut service);
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true, "services": { "offboarding": service } });
    variables
}

fn claims(changes: &Value) -> Value {
    let mut claims = json!({ "sub": "svc-7", "client_id": "offboarding", "cnf": { "x5t#S256": X5T } });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

fn certificate() -> ClientCertificate {
    ClientCertificate {
        presented: Some("1".to_owned()),
        verified: Some("SUCCESS".to_owned()),
        revoked: Some("0".to_owned()),
        fingerprint_sha256: Some(HEX.to_owned()),
        ..ClientCertificate::default()
    }
}

fn revoke() -> Asked {
    let order = json!({ "provider": "corp", "subject": "alice" }).to_string();
    Asked::new("POST", "/auth/admin/revoke").with("content-type", "application/json").with_body(Ok(&order))
}

fn by(world: &World, asked: Asked, changes: &Value) -> Asked {
    let token = token(world, Some("at+jwt"), &claims(changes));
    asked.with("authorization", &format!("Bearer {token}")).on_connection(certificate())
}

fn sent(world: &World, gateway: &Gateway, changes: &Value) -> Answered {
    Browser::new(world, gateway).send(&by(world, revoke(), changes))
}

#[test]
fn a_service_does_what_its_entry_names_and_nothing_else() {
    // R-430
    for gateway in [gateway(&deployment(|_| ())), gateway_without_policies(&deployment(|_| ()))] {
        let world = World::new();
        let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
        let answered = sent(&world, &gateway, &json!({}));
        assert_eq!(answered.json(), json!({ "ended": 1 }), "{}", answered.event);
        let told = ["event", "action", "subject", "kind"].map(|name| answered.event[name].as_str().unwrap());
        assert_eq!(told, ["admin", "sessions.revoke", "svc-7", "service"]);
        assert!(!alice.is_in());
        let may = ["sessions.list", "sessions.revoke", "blocks.add"];
        for endpoint in MANAGEMENT.iter().filter(|endpoint| !endpoint.is_about_policies()) {
            let answered = Browser::new(&world, &gateway).send(&by(&world, request(endpoint), &json!({})));
            if may.contains(&endpoint.action) {
                let status = answered.reply().status.as_u16();
                assert!(![401, 403, 404, 500].contains(&status), "{} {status}", endpoint.action);
            } else {
                answered.assert_refused(403, "admin.not_an_administrator");
            }
        }
    }
}

#[test]
fn another_service_and_another_issuer_s_is_refused() {
    // R-430
    let (world, gateway) = (World::new(), gateway(&deployment(|_| ())));
    for changes in [
        json!({ "client_id": "other" }),
        json!({ "client_id": "Offboarding" }),
        json!({ "sub": "offboarding", "client_id": "x" }),
    ] {
        sent(&world, &gateway, &changes).assert_refused(403, "admin.not_an_administrator");
    }
    sent(&world, &gateway, &json!({ "aud": "another" })).assert_refused(401, "access_token.aud_mismatch");
    sent(&world, &gateway, &json!({ "iss": "https://another.example" })).assert_refused(401, "bearer.issuer_unknown");
}

#[test]
fn subject_and_scope_narrow_an_entry() {
    // R-430
    let narrow = |service: &mut Value| {
        service["subject"] = json!("svc-7");
        service["scope"] = json!("postern:admin");
    };
    let (world, gateway) = (World::new(), gateway(&deployment(narrow)));
    sent(&world, &gateway, &json!({})).assert_refused(403, "admin.not_an_administrator");
    sent(&world, &gateway, &json!({ "scope": "postern:admin", "sub": "svc-8" }))
        .assert_refused(403, "admin.not_an_administrator");
    let good = sent(&world, &gateway, &json!({ "scope": "read postern:admin" }));
    assert_eq!(good.event["reason"], "admin.done", "{}", good.event);
}

#[test]
fn a_token_that_anybody_could_send_is_of_use_only_where_the_entry_says_so() {
    // R-431
    let plain = json!({ "cnf": null });
    let world = World::new();
    let strict = gateway(&deployment(|_| ()));
    sent(&world, &strict, &plain).assert_refused(403, "admin.not_an_administrator");
    let lenient = gateway(&deployment(|service| service["bearer"] = json!(true)));
    assert_eq!(sent(&world, &lenient, &plain).event["reason"], "admin.done");
    // A bound token without its certificate is none, whatever the entry says.
    for gateway in [&strict, &lenient] {
        let token = token(&world, Some("at+jwt"), &claims(&json!({})));
        let stolen = revoke().with("authorization", &format!("Bearer {token}"));
        let refused = Browser::new(&world, gateway).send(&stolen);
        assert_eq!(refused.reply().status.as_u16(), 401, "{}", refused.event);
    }
}

#[test]
fn no_agent_no_person_and_nobody_for_whom_another_acts_administers_by_token() {
    // R-431
    let world = World::new();
    for kind in ["agent", "human"] {
        let mut variables = deployment(|_| ());
        variables["ISSUERS"]["machines"]["kind"] = json!(kind);
        let changes = json!({ "sub": "root" });
        sent(&world, &gateway(&variables), &changes).assert_refused(403, "admin.not_an_administrator");
    }
    let gateway = gateway(&deployment(|_| ()));
    sent(&world, &gateway, &json!({ "act": { "sub": "assistant" } })).assert_refused(403, "admin.not_an_administrator");
}

#[test]
fn a_token_beside_a_session_is_judged_alone_and_a_session_needs_its_page_as_before() {
    // R-431
    let (world, gateway) = (World::new(), gateway(&deployment(|_| ())));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "root");
    root.send(&by(&world, revoke(), &json!({ "client_id": "other" })))
        .assert_refused(403, "admin.not_an_administrator");
    root.send(&revoke().with("authorization", "Bearer nonsense").with("sec-fetch-site", "same-origin"))
        .assert_refused(401, "jwt.malformed");
    root.send(&revoke()).assert_refused(403, "csrf.no_evidence");
    // No page is asked for where a token is judged: none can send it.
    let good = root.send(&by(&world, revoke(), &json!({})).with("sec-fetch-site", "cross-site"));
    assert_eq!(good.event["reason"], "admin.done");
}

#[test]
fn a_service_blocks_no_administrator_and_is_itself_blocked_at_once() {
    // R-432
    let (world, gateway) = (World::new(), gateway(&deployment(|_| ())));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "root");
    let order = |subject: &str| {
        let order = json!({ "provider": "corp", "subject": subject }).to_string();
        let asked = Asked::new("POST", "/auth/admin/blocks").with("content-type", "application/json");
        Browser::new(&world, &gateway).send(&by(&world, asked.with_body(Ok(&order)), &json!({})))
    };
    assert_eq!(order("root").reply().status.as_u16(), 422);
    assert!(root.is_in());
    assert_eq!(order("alice").event["reason"], "admin.done");
    super::blocks::block(&root, &json!({ "issuer": PARTNER, "client_id": "offboarding" }));
    sent(&world, &gateway, &json!({})).assert_refused(401, "block.client");
}

#[test]
fn without_services_no_token_is_looked_at() {
    // R-430
    let mut variables = deployment(|_| ());
    variables["ADMIN"].as_object_mut().unwrap().remove("services");
    let (world, gateway) = (World::new(), gateway(&variables));
    sent(&world, &gateway, &json!({})).assert_refused(401, "authn.no_credential");
}

#[test]
fn a_certificate_that_no_entry_is_for_shuts_no_person_out() {
    // R-430
    let mut variables = deployment(|_| ());
    let entry = json!({ "issuer_ski": "AA".repeat(20), "subject": "CN=offboarding" });
    variables["CERTIFICATES"] = json!({ "offboarding": entry });
    variables["ADMIN"]["services"] =
        json!({ "offboarding": { "certificate": "offboarding", "actions": ["blocks.add"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let asked = Asked::script("GET", "/auth/admin/not-before").on_connection(certificate());
    Browser::new(&world, &gateway).send(&asked).assert_refused(401, "authn.no_credential");
}

#[test]
fn the_token_of_another_issuer_stops_at_the_door() {
    // R-430
    let mut variables = deployment(|_| ());
    let mut other = variables["ISSUERS"]["machines"].clone();
    other["issuer"] = json!("https://other.example");
    variables["ISSUERS"]["other"] = other;
    variables["ADMIN"]["services"]["offboarding"]["issuer"] = json!("other");
    let (world, gateway) = (World::new(), gateway(&variables));
    sent(&world, &gateway, &json!({})).assert_refused(403, "admin.not_an_administrator");
}

#[test]
fn a_service_blocks_neither_itself_nor_another_that_administers() {
    // R-432
    let mut variables = deployment(|_| ());
    let other = json!({ "issuer": "machines", "client_id": "audit", "actions": ["sessions.list"] });
    variables["ADMIN"]["services"]["audit"] = other;
    let (world, gateway) = (World::new(), gateway(&variables));
    let order = |target: Value| {
        let asked = Asked::new("POST", "/auth/admin/blocks").with("content-type", "application/json");
        let asked = asked.with_body(Ok(&target.to_string()));
        Browser::new(&world, &gateway).send(&by(&world, asked, &json!({}))).reply().status.as_u16()
    };
    assert_eq!(order(json!({ "issuer": PARTNER, "client_id": "offboarding" })), 422);
    assert_eq!(order(json!({ "issuer": PARTNER, "subject": "svc-7" })), 422);
    assert_eq!(order(json!({ "issuer": PARTNER, "client_id": "audit" })), 422);
    assert_eq!(order(json!({ "issuer": PARTNER, "client_id": "someone" })), 200);
}

/// Programs that come with a certificate or a platform's token, each with one action.
fn by_other_means() -> Value {
    let mut variables = deployment(|_| ());
    let entry = json!({ "issuer_ski": "AA".repeat(20), "subject": "CN=offboarding" });
    variables["CERTIFICATES"] = json!({ "offboarding": entry });
    variables["ISSUERS"]["machines"]["issuer"] = json!("https://other.example");
    variables["ISSUERS"]["actions"] = json!({
        "preset": "github-actions", "issuer": PARTNER, "audience": "https://app.example.com", "algs": ["ES256"],
        "trust": [{ "repository_id": "456789", "ref": "refs/heads/main", "scopes": ["offboard"] }],
    });
    variables["ADMIN"]["services"] = json!({
        "partner": { "certificate": "offboarding", "actions": ["sessions.revoke"] },
        "job": { "issuer": "actions", "scope": "offboard", "bearer": true, "actions": ["sessions.revoke"] },
    });
    variables
}

#[test]
fn a_service_with_a_certificate_of_its_entry_is_let_in_for_what_that_names() {
    // R-430, R-431
    let (world, gateway) = (World::new(), gateway(&by_other_means()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    let shown = |subject: &str, revoked: &str| ClientCertificate {
        subject: Some(subject.to_owned()),
        issuer_ski: Some("aa".repeat(20)),
        revoked: Some(revoked.to_owned()),
        ..certificate()
    };
    let by = |asked: Asked, certificate| Browser::new(&world, &gateway).send(&asked.on_connection(certificate));
    for wrong in [shown("CN=other", "0"), shown("CN=offboarding", "1")] {
        let refused = by(revoke(), wrong);
        assert_eq!(refused.reply().status.as_u16(), 401, "{}", refused.event);
    }
    let other = Asked::new("GET", "/auth/admin/sessions?provider=corp&subject=alice");
    by(other, shown("CN=offboarding", "0")).assert_refused(403, "admin.not_an_administrator");
    assert!(alice.is_in());
    let answered = by(revoke(), shown("CN=offboarding", "0"));
    assert_eq!(answered.json(), json!({ "ended": 1 }), "{}", answered.event);
    assert_eq!((&answered.event["means"], &answered.event["kind"]), (&json!("certificate"), &json!("service")));
    assert!(!alice.is_in());
}

#[test]
fn a_job_of_a_platform_is_let_in_where_its_rule_gives_the_scope_and_the_entry_takes_plain_tokens() {
    // R-430, R-431
    let (world, gateway) = (World::new(), gateway(&by_other_means()));
    let job = |branch: &str| {
        let now = world.now.get();
        let claims = json!({
            "iss": PARTNER, "aud": "https://app.example.com", "jti": "one", "iat": now, "nbf": now, "exp": now + 300,
            "sub": format!("repo:octo@123456/site@456789:ref:{branch}"), "repository": "octo/site",
            "repository_id": "456789", "repository_owner": "octo", "repository_owner_id": "123456", "ref": branch,
            "ref_type": "branch", "event_name": "push", "runner_environment": "github-hosted",
            "job_workflow_ref": "octo/site/.github/workflows/d.yml@refs/heads/main",
        });
        let token = world.partner.key.borrow().sign(Some("JWT"), claims.as_object().unwrap());
        Browser::new(&world, &gateway).send(&revoke().with("authorization", &format!("Bearer {token}")))
    };
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    job("refs/heads/other").assert_refused(401, "workload.untrusted");
    assert!(alice.is_in());
    let answered = job("refs/heads/main");
    assert_eq!(answered.json(), json!({ "ended": 1 }), "{}", answered.event);
    assert_eq!((&answered.event["means"], alice.is_in()), (&json!("workload"), false));
}

#[test]
fn keys_of_a_service_that_administers_are_for_those_alone_whom_the_configuration_names() {
    // R-430, R-270
    let mut variables = deployment(|_| ());
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["KEYS"] = json!({ "prefix": "acme" });
    variables["ADMIN"]["services"] =
        json!({ "offboarding": { "key": "offboarding", "bearer": true, "actions": ["sessions.revoke"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let policy = r#"@id("keys") permit(principal in Role::"keys",
        action in [Action::"keys.make", Action::"keys.rotate"], resource);"#;
    super::policies::publish(&world, 1, policy, None);
    let order = |path: &str, order: Value| {
        Asked::script("POST", path).with("content-type", "application/json").with_body(Ok(&order.to_string()))
    };
    let new = |service: &str| order("/auth/admin/keys", json!({ "service": service, "name": "x", "scopes": [] }));
    let keeper = super::own_keys::developer(&world, &gateway, "carol", json!(["keys"]));
    keeper.send(&new("offboarding")).assert_refused(403, "admin.not_an_administrator");
    let other = keeper.send(&new("billing"));
    assert_eq!(other.reply().status.as_u16(), 201, "{}", other.event);
    let root = super::own_keys::developer(&world, &gateway, "root", json!([]));
    let made = root.send(&new("offboarding"));
    assert_eq!(made.reply().status.as_u16(), 201, "{}", made.event);
    let rotate = order("/auth/admin/keys/rotate", json!({ "service": "offboarding", "key": made.json()["id"] }));
    keeper.send(&rotate).assert_refused(403, "admin.not_an_administrator");
    let rotated = root.send(&rotate).json();
    let key = rotated["key"].as_str().unwrap();
    let by_key = revoke().with("authorization", &format!("Bearer {key}"));
    assert_eq!(Browser::new(&world, &gateway).send(&by_key).event["reason"], "admin.done");
    // What it may do as a service, it may not to make or rotate keys.
    let bearing =
        |asked: Asked| Browser::new(&world, &gateway).send(&asked.with("authorization", &format!("Bearer {key}")));
    for asked in [new("offboarding"), rotate] {
        bearing(asked).assert_refused(403, "admin.not_an_administrator");
    }
}
