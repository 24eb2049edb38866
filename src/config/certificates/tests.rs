use serde_json::{Value, json};

use super::super::tests::{parse, problems, small, with};
use super::*;

const SKI_HEX: &str = "54BE0E0A5200A8BB2EA56CDDE712D4441098B597";

/// A deployment that takes certificates, with this entry.
fn deployment(entry: Value) -> Value {
    let vars = with(small(), &["CERTIFICATES"], json!({ "partner": entry }));
    with(vars, &["ROUTES", "/partners/{*rest}"], json!({ "upstream": "service:API", "authenticate": ["certificate"] }))
}

fn entry(subject: &str, value: Value) -> Value {
    json!({ "issuer_ski": SKI_HEX, subject: value, "scopes": ["orders:read"], "roles": ["partner"] })
}

fn rule(entry: Value) -> CertificateRule {
    parse(&deployment(entry)).unwrap().certificates.remove(0)
}

#[test]
fn an_entry_names_an_authority_and_one_attribute() {
    //
    let fingerprint = "d1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382";
    let by_name = rule(entry("subject", json!("CN=partner-7,O=Example")));
    assert_eq!(by_name.authority, Authority::Ski(SKI_HEX.to_lowercase()));
    assert_eq!(by_name.principal_issuer, Some(format!("x509:{}", SKI_HEX.to_lowercase())));
    assert_eq!(by_name.subject, CertificateSubject::Name("CN=partner-7,O=Example".to_owned()));
    assert_eq!((by_name.scopes, by_name.roles), (vec!["orders:read".to_owned()], vec!["partner".to_owned()]));
    let by_fingerprint =
        rule(entry("fingerprints", json!([fingerprint, fingerprint.to_uppercase().replace('D', "E")])));
    assert!(matches!(by_fingerprint.subject, CertificateSubject::Fingerprints(all) if all.len() == 2));
    for (san, kind, name) in [
        ("dns:api.partner.example", AltNameKind::Dns, "api.partner.example"),
        ("uri:spiffe://partner.example/a", AltNameKind::Uri, "spiffe://partner.example/a"),
        ("email:a@partner.example", AltNameKind::Email, "a@partner.example"),
    ] {
        let expected = CertificateSubject::AltName(kind, name.to_owned());
        assert_eq!(rule(entry("san", json!(san))).subject, expected);
    }
    let named = rule(json!({ "issuer": "CN=Partner CA,O=Partner", "subject": "CN=partner-7" }));
    assert_eq!(named.authority, Authority::Name("CN=Partner CA,O=Partner".to_owned()));
    assert_eq!((named.principal_issuer, named.scopes.len()), (None, 0));
}

#[test]
fn what_could_take_more_than_one_program_is_refused() {
    //
    for (entry, expected) in [
        (json!({ "subject": "CN=a" }), "CERTIFICATES.partner: expected one of `issuer_ski`, `issuer`"),
        (json!({ "issuer_ski": SKI_HEX }), "CERTIFICATES.partner: expected one of `fingerprints`, `subject`, `san`"),
        (
            json!({ "issuer_ski": SKI_HEX, "issuer": "CN=a", "subject": "CN=a" }),
            "CERTIFICATES.partner.issuer: expected only one of",
        ),
        (
            json!({ "issuer_ski": SKI_HEX, "subject": "CN=a", "san": "dns:a.example" }),
            "CERTIFICATES.partner.san: expected only one of",
        ),
        (entry("san", json!("dns:*.partner.example")), "CERTIFICATES.partner.san: expected a whole name"),
        (entry("san", json!("api.partner.example")), "CERTIFICATES.partner.san: expected `dns:`, `uri:` or `email:`"),
        (entry("san", json!("dns:API.partner.example")), "CERTIFICATES.partner.san: expected"),
        (entry("san", json!("ip:192.0.2.7")), "CERTIFICATES.partner.san: expected"),
        (entry("san", json!("email:partner")), "CERTIFICATES.partner.san: expected"),
        (entry("subject", json!("partner-7")), "CERTIFICATES.partner.subject: expected a distinguished name"),
        (entry("subject", json!(" CN=partner-7")), "CERTIFICATES.partner.subject: expected a distinguished name"),
        (entry("fingerprints", json!([])), "CERTIFICATES.partner.fingerprints: expected at least one"),
        (entry("fingerprints", json!(["ab"])), "CERTIFICATES.partner.fingerprints: expected a SHA-256"),
        (entry("common_name", json!("a")), "CERTIFICATES.partner"),
        (
            json!({ "issuer_ski": "54:BE:0E", "subject": "CN=a" }),
            "CERTIFICATES.partner.issuer_ski: expected a Subject Key Identifier",
        ),
    ] {
        let lines = problems(&deployment(entry.clone()));
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{entry}: {lines:?}");
    }
    let twice =
        with(deployment(entry("subject", json!("CN=a"))), &["CERTIFICATES", "zweite"], entry("subject", json!("CN=a")));
    assert!(
        problems(&twice)[0].contains("is for a certificate that `partner` is for already"),
        "{:?}",
        problems(&twice)
    );
    assert!(problems(&with(small(), &["CERTIFICATES"], json!({})))[0].contains("expected at least one entry"));
}

fn route(route: Value) -> Vec<String> {
    let vars = deployment(entry("subject", json!("CN=a")));
    problems(&with(vars, &["ROUTES", "/partners/{*rest}"], route))
}

#[test]
fn a_route_that_no_certificate_could_open_is_refused() {
    let asks = |more: Value| {
        let mut table = json!({ "upstream": "service:API", "authenticate": ["certificate"] });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        table
    };
    for (more, expected) in [
        (json!({ "token": "relay" }), "`relay` has nothing to pass on"),
        (json!({ "require": { "in_person": true } }), "names `in_person`, which certificates never meet"),
        (json!({ "require": { "max_age": "5m" } }), "names `max_age`, which certificates never meet"),
        (json!({ "require": { "acr": ["gold"] } }), "names `acr`, which certificates never meet"),
        (json!({ "require": { "claims": { "a": "b" } } }), "names `claims`, which certificates never meet"),
        (json!({ "require": { "tenant": "acme" } }), "names `tenant`, which certificates never meet"),
        (json!({ "require": { "kinds": ["human"] } }), "`kinds` has no `service`"),
        (json!({ "require": { "providers": ["corp"] } }), "`providers` is about sessions"),
        (json!({ "require": { "scopes": ["orders:write"] } }), "that no entry of `CERTIFICATES` it takes has"),
        (json!({ "require": { "roles": ["admin"] } }), "that no entry of `CERTIFICATES` it takes has"),
        (json!({ "require": { "permissions": ["orders:read"] } }), "that no entry of `CERTIFICATES` it takes has"),
        (json!({ "require": { "certificates": ["nobody"] } }), "the id of an entry of `CERTIFICATES`"),
        (
            json!({ "authenticate": ["session"], "require": { "certificates": ["partner"] } }),
            "`certificates` is about certificates",
        ),
        (
            json!({ "authenticate": ["session", "certificate"], "require": { "certificates": ["partner"] } }),
            "names `certificates` for certificates, so expected `providers` for sessions too",
        ),
        (json!({ "revocation": "30s" }), "is about sessions"),
    ] {
        let lines = route(asks(more.clone()));
        assert!(lines.iter().any(|line| line.contains(expected)), "{more}: {lines:?}");
    }
    let good = json!({
        "scopes": ["orders:read"], "roles": ["partner", "admin"], "kinds": ["service"], "certificates": ["partner"],
    });
    let vars = with(
        deployment(entry("subject", json!("CN=a"))),
        &["ROUTES", "/partners/{*rest}"],
        asks(json!({ "require": good })),
    );
    assert!(parse(&vars).is_ok(), "{:?}", problems(&vars));
}

#[test]
fn where_nobody_is_asked_for_a_certificate_no_route_takes_one() {
    //
    let none = with(
        small(),
        &["ROUTES", "/partners/{*rest}"],
        json!({ "upstream": "service:API", "authenticate": ["certificate"] }),
    );
    assert!(problems(&none)[0].contains("`CERTIFICATES`, and there are none"), "{:?}", problems(&none));
    let host = |host: &str| with(deployment(entry("subject", json!("CN=a"))), &["PUBLIC_URL"], json!(host));
    for dev in ["https://app.example.workers.dev", "https://app.example.workers.dev:8443"] {
        assert!(problems(&host(dev))[0].contains("on `workers.dev` nobody is asked for one"), "{dev}");
    }
    assert!(parse(&host("https://workers.dev.example")).is_ok());
    let vars = with(deployment(entry("subject", json!("CN=a"))), &["VERIFY"], json!({}));
    let asked =
        with(vars, &["ROUTES", "/partners/{*rest}"], json!({ "upstream": "none", "authenticate": ["certificate"] }));
    assert!(
        problems(&asked).iter().any(|line| line.contains("of that another proxy tells nothing")),
        "{:?}",
        problems(&asked)
    );
}
