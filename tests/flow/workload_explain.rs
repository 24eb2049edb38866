//! What would be decided about programs with a platform's token, asked before one comes.

use serde_json::{Value, json};

use crate::support::{Asked, Browser, World, gateway, variables};

fn taking() -> Value {
    let mut variables = variables();
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    variables["ISSUERS"] = json!({
        "actions": {
            "preset": "github-actions", "audience": "https://app.example.com",
            "trust": [{ "name": "main", "repository_id": "456789", "ref": "refs/heads/main", "scopes": ["deploy"] }],
        },
        "mesh": {
            "preset": "spiffe", "audience": "https://app.example.com", "trust_domain": "prod.example.com",
            "jwks_uri": "https://bundle.example.com/keys",
            "trust": [{ "sub": "spiffe://prod.example.com/billing", "scopes": ["read"] }],
        },
    });
    for (path, ways, scope) in [
        ("/deploy", json!(["workload"]), "deploy"),
        ("/read", json!(["workload"]), "read"),
        ("/people", json!(["session"]), "read"),
    ] {
        variables["ROUTES"][path] =
            json!({ "upstream": "service:API", "authenticate": ways, "require": { "scopes": [scope] } });
    }
    variables
}

#[test]
fn a_platform_s_program_is_supposed_by_its_claims_and_judged_by_the_rules_of_trust() {
    //
    let (world, gateway) = (World::new(), gateway(&taking()));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s-root");
    let suppose = |issuer: &str, claims: Value, request: &str| {
        let order = json!({ "who": { "issuer": issuer, "claims": claims }, "request": request });
        let asked = Asked::script("POST", "/auth/admin/explain").with("content-type", "application/json");
        root.send(&asked.with_body(Ok(&order.to_string())))
    };
    let outcome = |issuer: &str, claims: Value, request: &str| {
        let told = suppose(issuer, claims, request).json();
        let said = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        (said("outcome"), said("reason"))
    };
    let said = |outcome: &str, reason: &str| (outcome.to_owned(), reason.to_owned());
    let allowed = || said("allow", "authz.requirements_met");
    let job =
        |changes: Value| crate::workload::with(json!({ "repository_id": "456789", "ref": "refs/heads/main" }), changes);
    assert_eq!(outcome("actions", job(json!({ "event_name": "push" })), "GET /deploy"), allowed());
    let elsewhere = outcome("actions", job(json!({ "event_name": "push" })), "GET /read");
    assert_eq!(elsewhere, said("deny", "authz.insufficient_scope"));
    assert_eq!(outcome("actions", job(json!({ "event_name": "push" })), "GET /people").0, "401");
    let billing = || json!({ "sub": "spiffe://prod.example.com/billing" });
    assert_eq!(outcome("mesh", billing(), "GET /read"), allowed());
    assert_eq!(outcome("mesh", billing(), "GET /deploy"), said("deny", "authz.insufficient_scope"));
    // Whom no rule takes is nobody: the answer names the rule and the claim.
    for (issuer, claims, why) in [
        ("actions", job(json!({ "event_name": "push", "ref": "refs/heads/other" })), "rule main: ref is"),
        ("actions", job(json!({ "event_name": "push", "repository_id": "1" })), "rule main: repository_id is"),
        ("actions", job(json!({ "event_name": "pull_request_target" })), "event_name"),
        ("actions", job(json!({ "repository_id": null })), "workload.id_malformed"),
        ("mesh", json!({}), "sub is"),
        ("mesh", json!({ "sub": "spiffe://other.example.com/billing" }), "workload.trust_domain_mismatch"),
    ] {
        let refused = suppose(issuer, claims.clone(), "GET /read");
        assert_eq!(refused.reply().status.as_u16(), 422, "{claims}");
        assert!(refused.reply().body.contains(why), "{claims}: {}", refused.reply().body);
    }
}
