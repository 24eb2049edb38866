//! Client certificates as identity, through both doors: relations, policies aside, headers, and what is supposed of them.

use postern::gateway::Gateway;
use postern::http::{ClientCertificate, HeaderMap, HeaderValue, StatusCode, header};
use postern::route::Access;
use postern::upstream::{AnswerTerms, CacheScope};
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, World, gateway, variables};

const AUTHORITY: &str = "54be0e0a5200a8bb2ea56cdde712d4441098b597";
const FINGERPRINT: &str = "d1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382";

fn taking() -> Value {
    let mut variables = variables();
    let entry =
        |subject: &str, value: Value| json!({ "issuer_ski": AUTHORITY, subject: value, "scopes": ["orders:read"] });
    variables["CERTIFICATES"] = json!({
        "partner": entry("subject", json!("CN=partner-7,O=Example")),
        "scanner": entry("fingerprints", json!([FINGERPRINT])),
    });
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    variables["RELATIONS"] = json!({ "document": { "viewer": "[user, service]" } });
    for (path, more) in [
        ("/partners/{*rest}", json!({ "require": { "scopes": ["orders:read"], "certificates": ["partner"] } })),
        ("/documents/{id}", json!({ "require": { "relations": ["document:{id}#viewer"] } })),
        (
            "/told/{*rest}",
            json!({ "headers": { "X-Seat": "subject", "X-Seat-Issuer": "issuer", "X-Seat-Scopes": "scopes" } }),
        ),
    ] {
        let mut route = json!({ "upstream": "service:API", "authenticate": ["certificate"] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        variables["ROUTES"][path] = route;
    }
    variables
}

/// A connection with a certificate of this subject.
fn shown(subject: &str) -> ClientCertificate {
    let told = |text: &str| Some(text.to_owned());
    ClientCertificate {
        presented: told("1"),
        verified: told("SUCCESS"),
        revoked: told("0"),
        fingerprint_sha256: Some("ab".repeat(32)),
        subject: told(subject),
        issuer_ski: told(AUTHORITY),
        ..ClientCertificate::default()
    }
}

fn ask(world: &World, gateway: &Gateway, path: &str, certificate: ClientCertificate) -> Answered {
    Browser::new(world, gateway).send(&Asked::new("GET", path).on_connection(certificate))
}

const PARTNER: &str = "CN=partner-7,O=Example";

#[test]
fn a_program_gets_where_its_entry_and_its_relations_let_it() {
    //
    let (world, gateway) = (World::new(), gateway(&taking()));
    let event = ask(&world, &gateway, "/partners/a", shown(PARTNER)).event;
    assert_eq!(
        (&event["outcome"], &event["means"], &event["kind"]),
        (&json!("allow"), &json!("certificate"), &json!("service"))
    );
    let other = ask(&world, &gateway, "/partners/a", shown("CN=partner-8,O=Example"));
    other.assert_refused(403, "certificate.unlisted");
    ask(&world, &gateway, "/partners/a", ClientCertificate::default()).assert_refused(403, "mtls.certificate_missing");
    let scanner = ClientCertificate { fingerprint_sha256: Some(FINGERPRINT.to_owned()), ..shown("CN=x") };
    ask(&world, &gateway, "/partners/a", scanner).assert_refused(403, "authz.certificate_not_accepted");
    ask(&world, &gateway, "/documents/7", shown(PARTNER)).assert_refused(403, "authz.relation_missing");
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s-root");
    let add = json!({ "add": [format!("document:7#viewer@service:partner|{PARTNER}")] });
    let written = Asked::script("POST", "/auth/admin/relations").with("content-type", "application/json");
    root.send(&written.with_body(Ok(&add.to_string()))).reply();
    ask(&world, &gateway, "/documents/7", shown(PARTNER)).forwarded();
    ask(&world, &gateway, "/documents/8", shown(PARTNER)).assert_refused(403, "authz.relation_missing");
}

#[test]
fn an_upstream_is_told_of_it_like_of_anybody() {
    let (world, gateway) = (World::new(), gateway(&taking()));
    let answered = ask(&world, &gateway, "/told/a", shown(PARTNER));
    let headers = &answered.forwarded().headers;
    assert_eq!(headers["x-seat"], PARTNER);
    assert_eq!(headers["x-seat-issuer"], format!("x509:{AUTHORITY}"));
    assert_eq!(headers["x-seat-scopes"], "orders:read");
}

#[test]
fn what_would_be_decided_about_programs_can_be_asked() {
    let (world, gateway) = (World::new(), gateway(&taking()));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s-root");
    let suppose = |who: Value, request: &str| {
        let asked = Asked::script("POST", "/auth/admin/explain").with("content-type", "application/json");
        root.send(&asked.with_body(Ok(&json!({ "who": who, "request": request }).to_string()))).json()
    };
    let outcome = |who: Value, request: &str| {
        let told = suppose(who, request);
        (
            told["outcome"].as_str().unwrap_or_default().to_owned(),
            told["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let said = |outcome: &str, reason: &str| (outcome.to_owned(), reason.to_owned());
    let partner = || json!({ "certificate": "partner" });
    assert_eq!(outcome(partner(), "GET /partners/a"), said("allow", "authz.requirements_met"));
    let scanner = outcome(json!({ "certificate": "scanner" }), "GET /partners/a");
    assert_eq!(scanner, said("deny", "authz.certificate_not_accepted"));
    // Where the route takes no certificates, it is as if there were none.
    assert_eq!(outcome(partner(), "GET /api/a"), said("401", "authn.no_credential"));
    let key = json!({ "key": "0011223344556677", "owner": { "provider": "corp", "subject": "alice" }, "scopes": ["orders:read"] });
    assert_eq!(outcome(key, "GET /partners/a").0, "401");
    for bad in [
        json!({ "certificate": "nobody" }),
        json!({ "certificate": "partner", "provider": "corp" }),
        json!({ "key": "0011223344556677" }),
        json!({ "key": "0011223344556677", "owner": { "provider": "nobody", "subject": "a" } }),
    ] {
        assert_eq!(suppose(bad.clone(), "GET /partners/a").get("outcome"), None, "{bad}");
    }
}

/// Every set of ways to prove an identity, none left out.
fn subsets() -> impl Iterator<Item = Vec<&'static str>> {
    const WAYS: [&str; 5] = ["session", "bearer", "workload", "certificate", "key"];
    (1_u32..1 << WAYS.len())
        .map(|set| (0..).zip(WAYS).filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, way)| way).collect())
}

#[test]
fn whatever_told_who_asked_the_answer_is_theirs_alone() {
    //
    let mut variables = taking();
    variables["KEYS"] = json!({ "prefix": "exa", "header": "X-API-Key" });
    let rule = json!({ "name": "main", "repository_id": "1", "repository_owner_id": "2", "scopes": ["deploy"] });
    variables["ISSUERS"]["keys"] = json!({ "issuer": "https://issuer.example", "audience": "https://api.example.com" });
    variables["ISSUERS"]["ci"] =
        json!({ "preset": "github-actions", "audience": "https://app.example.com", "trust": [rule] });
    let path = |ways: &[&str]| format!("/ways/{}", ways.join("-"));
    for ways in subsets() {
        variables["ROUTES"][path(&ways)] = json!({ "upstream": "https://api.example", "authenticate": ways });
    }
    let gateway = gateway(&variables);
    for ways in subsets() {
        let route = gateway.config().routes.routes().iter().find(|route| route.name == path(&ways)).unwrap();
        let scope = CacheScope::of(&route.access, gateway.config().key_header());
        assert!(scope.is_private(), "{ways:?}");
        let public = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=600"))]);
        let kept = AnswerTerms { scope, ..AnswerTerms::default() }.edits(StatusCode::OK, &public).applied();
        assert_eq!(kept["cache-control"], "private, no-store", "{ways:?}");
        let told = kept.get("vary").map(|vary| vary.to_str().unwrap()).unwrap_or_default();
        for (name, way) in [("Cookie", "session"), ("x-api-key", "key"), ("cf-access-jwt-assertion", "workload")] {
            assert_eq!(told.contains(name), ways.contains(&way), "{name}: {ways:?}");
        }
        assert_eq!(
            told.contains("Authorization"),
            ["bearer", "workload", "key"].iter().any(|way| ways.contains(way)),
            "{ways:?}"
        );
    }
    let key_header = gateway.config().key_header();
    assert_eq!(CacheScope::of(&Access::Public, key_header), CacheScope::Shared);
}

#[test]
fn a_certificate_alone_makes_an_answer_private_and_no_other_credential_goes_on() {
    //
    let (world, gateway) = (World::new(), gateway(&taking()));
    let asked = Asked::new("GET", "/told/a").on_connection(shown(PARTNER));
    let asked = asked.with("authorization", "Basic callers").with("dpop", "proof").with("accept", "*/*");
    let answered = Browser::new(&world, &gateway).send(&asked);
    let plan = answered.forwarded();
    assert!(plan.private && plan.headers["accept"] == "*/*");
    assert!(!plan.headers.contains_key("authorization") && !plan.headers.contains_key("dpop"));
    let public = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=600"))]);
    let answer = plan.answer_edits(StatusCode::OK, &public).applied();
    assert_eq!((&answer["cache-control"], answer.get("vary")), (&HeaderValue::from_static("private, no-store"), None));
}
