//! Metadata of identity providers.

use postern_saml_messages::{Metadata, Question, ReadMetadata, Reply};

use super::idp::{IDP, NOW, Signer, ask, certificate, code, time};

const MARK: &str = "{signature}";

fn key(name: &str, used: &str) -> String {
    format!(
        r#"<md:KeyDescriptor{used}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"#,
        certificate(name)
    )
}

fn service(name: &str, binding: &str, location: &str) -> String {
    format!(r#"<md:{name} Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" Location="{location}"></md:{name}>"#)
}

fn document(keys: &str, services: &str, mark: &str) -> String {
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_m" entityID="{IDP}" validUntil="{}">{mark}<md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}{services}</md:IDPSSODescriptor></md:EntityDescriptor>"#,
        time(3600)
    )
}

fn services() -> String {
    let slo = service("SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo");
    slo.replace("/slo\"", r#"/slo" ResponseLocation="https://idp.example/slo-answer""#)
        + &service("SingleSignOnService", "HTTP-Redirect", "https://idp.example/sso")
        + &service("SingleSignOnService", "HTTP-POST", "https://idp.example/sso-post")
        + &service("SingleSignOnService", "SOAP", "https://idp.example/soap")
}

fn good() -> String {
    document(&key("idp", r#" use="signing""#), &services(), "")
}

fn read(xml: &str) -> Reply {
    ask(Question::ReadMetadata(ReadMetadata { xml: xml.to_owned(), entity_id: IDP.to_owned(), now: NOW }))
}

fn told(xml: &str) -> Metadata {
    match read(xml) {
        Reply::Metadata(metadata) => metadata,
        other => panic!("{other:?}"),
    }
}

#[test]
fn metadata_tells_the_addresses_and_keys() {
    let metadata = told(&good());
    assert_eq!(metadata.sso_redirect.as_deref(), Some("https://idp.example/sso"));
    assert_eq!(metadata.sso_post.as_deref(), Some("https://idp.example/sso-post"));
    assert_eq!(metadata.slo_redirect.as_deref(), Some("https://idp.example/slo"));
    assert_eq!(metadata.slo_redirect_response.as_deref(), Some("https://idp.example/slo-answer"));
    assert_eq!((metadata.slo_post, metadata.slo_post_response), (None, None));
    assert_eq!((metadata.wants_signed_requests, metadata.valid_until), (true, Some(NOW + 3600)));
    let [certificate] = metadata.certificates.as_slice() else { panic!("not one") };
    assert_eq!((certificate.der.clone(), certificate.weak), (super::idp::certificate("idp"), false));
    assert!(certificate.not_after > NOW);
    let commented = good().replace("<md:IDPSSODescriptor", "<!-- ours -->\n  <md:IDPSSODescriptor");
    assert_eq!(told(&commented).entity_id, IDP);
}

#[test]
fn only_signing_keys_are_told_each_once_and_weak_ones_are_marked() {
    // R-359
    let keys =
        [key("idp", r#" use="signing""#), key("idp", ""), key("weak", ""), key("ec", r#" use="signing""#)].concat();
    let found = told(&document(&(keys + &key("spare", r#" use="encryption""#)), &services(), "")).certificates;
    let weak: Vec<_> = found.iter().map(|one| (one.der == certificate("weak"), one.weak)).collect();
    assert_eq!(weak, [(false, false), (true, true), (false, false)]);
    assert_eq!(code(read(&document("", &services(), ""))), "certificate.count");
    let broken = good().replace("<ds:X509Certificate>", "<ds:X509Certificate>AAAA");
    assert!(code(read(&broken)).starts_with("certificate."), "{}", code(read(&broken)));
}

#[test]
fn addresses_are_https_or_on_this_machine() {
    let at = |address: &str| {
        let services = service("SingleSignOnService", "HTTP-Redirect", address);
        read(&document(&key("idp", ""), &services, ""))
    };
    for good in ["https://idp.example/sso", "http://localhost:8080/sso", "http://127.0.0.1/sso", "http://[::1]:81/"] {
        assert!(matches!(at(good), Reply::Metadata(found) if found.sso_redirect.as_deref() == Some(good)), "{good}");
    }
    for bad in [
        "http://idp.example/sso",
        "javascript:alert(1)",
        "http://localhost.evil.example/",
        "ftp://a/",
        "https://a b/",
        "/sso",
        "",
    ] {
        assert_eq!(code(at(bad)), "metadata.address", "{bad}");
    }
}

#[test]
fn metadata_is_of_exactly_one_provider_and_not_expired() {
    let good = good();
    let second = good.replace(
        "</md:EntityDescriptor>",
        "<md:IDPSSODescriptor protocolSupportEnumeration=\"urn:x\"/></md:EntityDescriptor>",
    );
    let cases = [
        (good.replace(IDP, "https://other.example"), "metadata.entity"),
        (good.replace("IDPSSODescriptor", "SPSSODescriptor"), "metadata.entity"),
        (second, "metadata.entity"),
        (good.replace(&time(3600), &time(0)), "metadata.expired"),
        (
            format!(
                "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{good}</md:EntitiesDescriptor>"
            ),
            "gate.root",
        ),
        (format!("<!DOCTYPE a>{good}"), "gate.doctype"),
        ("{}".to_owned(), "gate.roots"),
    ];
    for (xml, expected) in cases {
        assert_eq!(code(read(&xml)), expected, "{xml}");
    }
}

#[test]
fn a_signature_in_it_is_not_looked_at() {
    // R-359: what counts is which certificates the configuration pins.
    let xml = document(&key("idp", r#" use="signing""#), &services(), MARK);
    let signed = Signer::new("other").sign(&xml, "_m", MARK);
    assert_eq!(told(&signed), told(&good()));
}
