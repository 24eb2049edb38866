use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use super::*;
use crate::authn::Principal;
use crate::config::testing::config;
use crate::ids::principal_kind::PrincipalKind;

const AUTHORITY: &str = "54be0e0a5200a8bb2ea56cdde712d4441098b597";
const PARTNER: &str = include_str!("../../../fixtures/certificates/partner.pem");
/// Its common name is `api.partner.example`, and its name `dns:other.example`.
const COMMON_NAME: &str = include_str!("../../../fixtures/certificates/common-name.pem");

fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn sha256(pem: &str) -> String {
    Sha256::digest(Base64::decode_vec(&body(pem)).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the platform says of a connection with this certificate.
fn presented(pem: &str, subject: &str) -> ClientCertificate {
    let told = |text: &str| Some(text.to_owned());
    ClientCertificate {
        presented: told("1"),
        verified: told("SUCCESS"),
        revoked: told("0"),
        fingerprint_sha256: Some(sha256(pem)),
        subject: told(subject),
        issuer: told("CN=Partner CA,O=Partner"),
        serial: told("01"),
        issuer_ski: Some(AUTHORITY.to_uppercase()),
        encoded: Some(format!(":{}:", body(pem))),
    }
}

fn partner() -> ClientCertificate {
    presented(PARTNER, "CN=partner-7,O=Example")
}

fn rules(entries: Value) -> Vec<CertificateRule> {
    config(|vars| vars["CERTIFICATES"] = entries).certificates
}

fn rule(subject: Value) -> Vec<CertificateRule> {
    let mut entry = json!({ "issuer_ski": AUTHORITY, "scopes": ["orders:read"], "roles": ["partner"] });
    entry.as_object_mut().unwrap().extend(subject.as_object().unwrap().clone());
    rules(json!({ "partner": entry }))
}

fn judged(certificate: Option<ClientCertificate>, rules: &[CertificateRule]) -> Result<String, &'static str> {
    let peer = Peer { certificate, ..Peer::default() };
    let found = identify(&peer, rules, Timestamp::from_unix(1_800_000_000));
    found.map(|facts| facts.name).map_err(|refusal| refusal.code())
}

#[test]
fn each_kind_of_rule_takes_its_certificate_and_no_other() {
    //
    let other = presented(COMMON_NAME, "CN=api.partner.example,O=Example");
    for (subject, name) in [
        (json!({ "fingerprints": [sha256(PARTNER).to_uppercase()] }), format!("sha256:{}", sha256(PARTNER))),
        (json!({ "subject": "CN=partner-7,O=Example" }), "CN=partner-7,O=Example".to_owned()),
        (json!({ "san": "dns:api.partner.example" }), "dns:api.partner.example".to_owned()),
        (json!({ "san": "uri:spiffe://partner.example/billing" }), "uri:spiffe://partner.example/billing".to_owned()),
        (json!({ "san": "email:billing@partner.example" }), "email:billing@partner.example".to_owned()),
    ] {
        let rules = rule(subject.clone());
        assert_eq!(judged(Some(partner()), &rules), Ok(name), "{subject}");
        // The second has the name of the first as its common name alone.
        assert_eq!(judged(Some(other.clone()), &rules), Err("certificate.unlisted"), "{subject}");
    }
    for near in [
        json!({ "subject": "CN=partner-7" }),
        json!({ "subject": "CN=Partner-7,O=Example" }),
        json!({ "subject": "O=Example,CN=partner-7" }),
        json!({ "san": "dns:partner.example" }),
        json!({ "san": "dns:www.partner.example" }),
        json!({ "san": "uri:spiffe://partner.example/billing/" }),
        json!({ "san": "uri:spiffe://partner.example/Billing" }),
        json!({ "san": "email:Billing@partner.example" }),
    ] {
        assert_eq!(judged(Some(partner()), &rule(near.clone())), Err("certificate.unlisted"), "{near}");
    }
}

#[test]
fn a_field_that_is_missing_or_says_no_opens_nothing() {
    //
    type Change = fn(&mut ClientCertificate, Option<String>);
    let fields: [(Change, &str, &[&str]); 5] = [
        (|it, to| it.presented = to, "mtls.certificate_missing", &["0", "", "true"]),
        (
            |it, to| it.verified = to,
            "mtls.certificate_not_verified",
            &["NONE", "FAILED:self signed certificate", "success", ""],
        ),
        (|it, to| it.revoked = to, "mtls.certificate_revoked", &["1", "", "false"]),
        (|it, to| it.fingerprint_sha256 = to, "mtls.certificate_unnamed", &["", "ab"]),
        (|it, to| it.issuer_ski = to, "certificate.no_authority", &["", "54:BE", "54b", "zz"]),
    ];
    for subject in [
        json!({ "fingerprints": [sha256(PARTNER)] }),
        json!({ "subject": "CN=partner-7,O=Example" }),
        json!({ "san": "dns:api.partner.example" }),
    ] {
        let rules = rule(subject);
        for (change, code, values) in fields {
            for value in values.iter().map(|value| Some((*value).to_owned())).chain([None]) {
                let mut certificate = partner();
                change(&mut certificate, value.clone());
                assert_eq!(judged(Some(certificate), &rules), Err(code), "{value:?}");
            }
        }
        for authority in ["54be0e0a5200a8bb2ea56cdde712d4441098b598", "54be"] {
            let other = ClientCertificate { issuer_ski: Some(authority.to_owned()), ..partner() };
            assert_eq!(judged(Some(other), &rules), Err("certificate.unlisted"), "{authority}");
        }
        assert_eq!(judged(None, &rules), Err("mtls.certificate_missing"));
        assert_eq!(judged(Some(partner()), &[]), Err("certificate.unlisted"));
    }
    let no_subject = ClientCertificate { subject: None, ..partner() };
    let by_subject = rule(json!({ "subject": "CN=partner-7,O=Example" }));
    assert_eq!(judged(Some(no_subject), &by_subject), Err("certificate.unlisted"));
}

#[test]
fn an_authority_goes_by_its_key_or_by_its_whole_name() {
    //
    let named = |issuer: &str| rules(json!({ "partner": { "issuer": issuer, "subject": "CN=partner-7,O=Example" } }));
    assert!(judged(Some(partner()), &named("CN=Partner CA,O=Partner")).is_ok());
    for other in ["CN=Partner CA", "CN=partner CA,O=Partner", "O=Partner,CN=Partner CA"] {
        assert_eq!(judged(Some(partner()), &named(other)), Err("certificate.unlisted"), "{other}");
    }
    let unsaid = ClientCertificate { issuer: None, ..partner() };
    assert_eq!(judged(Some(unsaid), &named("CN=Partner CA,O=Partner")), Err("certificate.unlisted"));
    // Its key is told all the same: the principal is named by it.
    let no_key = ClientCertificate { issuer_ski: None, ..partner() };
    assert_eq!(judged(Some(no_key), &named("CN=Partner CA,O=Partner")), Err("certificate.no_authority"));
}

#[test]
fn names_are_read_in_the_certificate_that_was_verified_alone() {
    //
    let rules = rule(json!({ "san": "dns:api.partner.example" }));
    let with = |encoded: Option<String>| judged(Some(ClientCertificate { encoded, ..partner() }), &rules);
    assert_eq!(with(Some(format!(":{}:", body(COMMON_NAME)))), Err("certificate.contradictory"));
    for unreadable in [None, Some(String::new()), Some(body(PARTNER)), Some(":MIIB:".to_owned()), Some("::".to_owned())]
    {
        let code = if unreadable.as_deref() == Some(":MIIB:") {
            "certificate.contradictory"
        } else {
            "certificate.unreadable"
        };
        assert_eq!(with(unreadable.clone()), Err(code), "{unreadable:?}");
    }
    // Who asks for no name needs none of it.
    let by_subject = rule(json!({ "subject": "CN=partner-7,O=Example" }));
    assert!(judged(Some(ClientCertificate { encoded: None, ..partner() }), &by_subject).is_ok());
}

#[test]
fn a_certificate_of_two_entries_is_nobodys() {
    let both = rules(json!({
        "by-name": { "issuer_ski": AUTHORITY, "subject": "CN=partner-7,O=Example" },
        "by-san": { "issuer_ski": AUTHORITY, "san": "dns:api.partner.example" },
    }));
    let peer = Peer { certificate: Some(partner()), ..Peer::default() };
    let refusal = identify(&peer, &both, Timestamp::from_unix(0)).unwrap_err();
    assert_eq!((refusal.code(), refusal.detail().as_deref()), ("certificate.ambiguous", Some("by-name by-san")));
}

#[test]
fn the_program_is_the_authority_and_the_attribute_and_never_a_person() {
    //
    let principal = |rules: &[CertificateRule]| {
        let peer = Peer { certificate: Some(partner()), ..Peer::default() };
        Principal::by_certificate(identify(&peer, rules, Timestamp::from_unix(0)).unwrap())
    };
    let by_name = principal(&rule(json!({ "subject": "CN=partner-7,O=Example" })));
    assert_eq!((by_name.kind(), by_name.is_in_person()), (PrincipalKind::Service, false));
    assert_eq!(by_name.issuer(), format!("x509:{AUTHORITY}"));
    assert_eq!((by_name.subject(), by_name.provider(), by_name.client_id()), ("CN=partner-7,O=Example", None, None));
    assert_eq!((by_name.scopes(), by_name.roles()), (&["orders:read".to_owned()][..], &["partner".to_owned()][..]));
    assert_eq!(by_name.authentication().means.as_str(), "certificate");
    assert_eq!((by_name.authentication().time, by_name.owner().is_some(), by_name.key_id()), (None, false, None));
    // The same text as another attribute is another program.
    let uri = principal(&rule(json!({ "san": "uri:spiffe://partner.example/billing" })));
    let dns = principal(&rule(json!({ "san": "dns:api.partner.example" })));
    let names = [by_name.subject(), uri.subject(), dns.subject()];
    assert!(names.iter().enumerate().all(|(i, name)| !names[..i].contains(name)), "{names:?}");
}
