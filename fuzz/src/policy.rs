//! Policies that anybody may publish: what is read is asked, what is asked has one answer, and that is the one which all of
//! the policies give who know everything. Nothing permits what no policy permits, or what one forbids.
//!
//! The input is the stored form of a version, or else its files: one of policies and, after a line `---`, one of schemas.

use postern::config::{Build, Config};
use postern::explain::{self, Case, Context, Reading, Who};
use postern::policy::{Bundle, Cause, Pointer, PolicyInput, PolicyVerdict};
use postern::time::Timestamp;
use postern_policy_cedar::PolicySet;
use serde_json::{Value, json};

use crate::fixed::{CLIENT_ID, ISSUER, config_for};

/// 2026-11-23T10:00:00Z.
const NOW: Timestamp = Timestamp::from_unix(1_795_428_000);
/// What is asked for at the routes of the examples, which the seeds are about.
const REQUESTS: [&str; 8] = [
    "GET /api/orders/7",
    "DELETE /api/orders/7",
    "GET /api/departments/sales/orders/7",
    "PUT /api/departments/hr/orders/7",
    "GET /api/customers/7",
    "GET /api/documents/7",
    "PUT /api/documents/7",
    "GET /api/news",
];
const ROUTES: [&str; 5] = [
    "/api/orders/{*rest}",
    "/api/departments/{department}/orders/{id}",
    "/api/customers/{id}",
    "/api/documents/{id}",
    "/api/news",
];
const FORBID_ALL: &str = "forbid(principal, action, resource);";

thread_local! {
    static CONFIG: Config = deployment();
}

fn deployment() -> Config {
    let route = json!({ "upstream": "service:API", "authenticate": ["session", "bearer"], "policy": true });
    let vars = json!({
        "PUBLIC_URL": "https://app.example",
        "PROVIDERS": { "op": { "issuer": ISSUER, "client_id": CLIENT_ID, "roles": ["/roles"], "tenant": "/org_id" } },
        "SESSION": { "claims": ["department", "clearance", "groups"] },
        "ISSUERS": { "op": { "issuer": ISSUER, "audience": "urn:api", "algs": ["EdDSA"], "kind": "service" } },
        "ROUTES": ROUTES.map(|path| (path.to_owned(), route.clone())).into_iter().collect::<serde_json::Map<_, _>>(),
    });
    config_for(Build { policies: true, ..Build::PLAIN }, &vars)
}

/// Of whom much is known, and of whom little, with what is known of their connections.
fn asking() -> [(Value, Value); 2] {
    let claims = json!({
        "sub": "alice", "roles": ["editor", "support"], "org_id": "acme", "acr": "urn:example:mfa", "amr": ["pwd"],
        "department": "sales", "clearance": 3, "groups": ["a", "b"],
    });
    let place = json!({
        "address": "203.0.113.7", "country": "DE", "user_agent": "Example/1.0",
        "tls": { "version": "TLSv1.3", "cipher": "AEAD-AES128-GCM-SHA256" },
        "certificate": { "sha256": "ab".repeat(32), "subject": "CN=laptop-7", "issuer": "CN=Devices", "serial": "1A2B" },
    });
    [
        (json!({ "provider": "op", "claims": claims, "scopes": ["orders:read"], "signed_in": "5m" }), place),
        (json!({ "issuer": "op", "claims": { "sub": "search" } }), json!({})),
    ]
}

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(pointer) = Pointer::from_text(text) {
        assert_eq!(Pointer::from_text(&pointer.to_text()), Some(pointer));
    }
    let Some(bundle) = bundle(text) else { return };
    assert_eq!(Bundle::from_text(&bundle.to_text()), Ok(bundle.clone()), "stored otherwise");
    match PolicySet::parse(&bundle) {
        Ok(set) => decides(&bundle, &set),
        Err(problems) => assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.message.is_empty())),
    }
}

fn bundle(text: &str) -> Option<Bundle> {
    if text.starts_with('{') {
        return Bundle::from_text(text).ok();
    }
    let (policies, schema) = text.split_once("\n---\n").unwrap_or((text, ""));
    let files = [("a.cedar", policies), ("a.cedarschema", schema)];
    let files = files.into_iter().filter(|(_, text)| !text.is_empty());
    Bundle::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()).ok()
}

fn decides(bundle: &Bundle, set: &PolicySet) {
    let forbidden = without_a_way(bundle);
    each_question(|input| {
        decides_one(bundle, set, input);
        let Some(forbidden) = &forbidden else { return };
        let verdict = forbidden.decide(input).verdict;
        assert!(
            matches!(verdict, PolicyVerdict::Deny(Cause::Forbidden | Cause::Failed | Cause::Unanswerable)),
            "what is forbidden: {verdict:?}"
        );
    });
}

/// Everybody asks for everything.
fn each_question(mut ask: impl FnMut(&PolicyInput<'_>)) {
    CONFIG.with(|config| {
        for (who, place) in asking() {
            let who: Who = serde_json::from_value(who).unwrap();
            let who = who.suppose(config, NOW).unwrap();
            let peer = serde_json::from_value::<Context>(place).unwrap().peer();
            for request in REQUESTS {
                let Ok(Reading::Case(case)) = explain::read(config, Some(&who), request, NOW) else {
                    panic!("no route answers {request}")
                };
                ask(&Case::for_policies(&case, &peer, &["viewer".to_owned()]).unwrap());
            }
        }
    });
}

fn decides_one(bundle: &Bundle, set: &PolicySet, input: &PolicyInput<'_>) {
    let decision = set.decide(input);
    assert_eq!(decision, set.decide(input), "two answers");
    assert_eq!(decision, set.decide_whole(input), "a part of the policies or of the facts was missing");
    if decision.allows() {
        assert!(!decision.policies.is_empty() && decision.failures.is_empty());
        assert!(bundle.files().any(|(_, text)| text.contains("permit")), "permitted by nobody");
    }
}

/// The same with a policy that forbids everything, where there is room for one more.
fn without_a_way(bundle: &Bundle) -> Option<PolicySet> {
    let files = bundle.files().map(|(name, text)| (name.to_owned(), text.to_owned()));
    let more = Bundle::new(files.chain([("forbid-all.cedar".to_owned(), FORBID_ALL.to_owned())]).collect()).ok()?;
    PolicySet::parse(&more).ok()
}
