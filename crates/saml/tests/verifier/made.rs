//! Messages and metadata that the SAML verifier writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::{
    Made, MakeLogoutRequest, MakeLogoutResponse, MakeRequest, NameId, OwnMetadata, Question, Reply,
};

use super::idp::{ACS, NOW, US, ask, certificate};

fn xml(question: Question) -> String {
    let Reply::Made(Made { deflated, posted }) = ask(question) else { panic!("not made") };
    let posted = STANDARD.decode(posted).unwrap();
    let inflated = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(deflated).unwrap()).unwrap();
    assert_eq!(inflated, posted);
    String::from_utf8(posted).unwrap()
}

fn request() -> MakeRequest {
    MakeRequest {
        id: "_id".to_owned(),
        destination: "https://idp.example/sso?a=1&b=2".to_owned(),
        acs: ACS.to_owned(),
        entity_id: US.to_owned(),
        now: NOW,
        ..MakeRequest::default()
    }
}

#[test]
fn a_request_says_what_is_wanted() {
    // R-360
    let plain = xml(Question::MakeRequest(request()));
    assert_eq!(
        plain,
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_id" Version="2.0" IssueInstant="2026-09-21T14:13:20Z" Destination="https://idp.example/sso?a=1&amp;b=2" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" AssertionConsumerServiceURL="{ACS}"><saml:Issuer>{US}</saml:Issuer><samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>"#
        )
    );
    let strict = xml(Question::MakeRequest(MakeRequest {
        force_authn: true,
        is_passive: true,
        name_id_format: Some("urn:format".to_owned()),
        authn_contexts: vec!["urn:mfa".to_owned(), "<\"&'>".to_owned()],
        ..request()
    }));
    for part in [
        r#" ForceAuthn="true""#,
        r#" IsPassive="true""#,
        r#"<samlp:NameIDPolicy Format="urn:format" AllowCreate="true"/>"#,
        r#"<samlp:RequestedAuthnContext Comparison="exact"><saml:AuthnContextClassRef>urn:mfa</saml:AuthnContextClassRef>"#,
        "<saml:AuthnContextClassRef>&lt;&quot;&amp;'&gt;</saml:AuthnContextClassRef>",
    ] {
        assert!(strict.contains(part), "{part} in {strict}");
        assert!(!plain.contains(part), "{part}");
    }
}

#[test]
fn a_transient_name_is_made_whether_or_not_it_is_allowed() {
    // R-360
    let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let asked = xml(Question::MakeRequest(MakeRequest { name_id_format: Some(format.to_owned()), ..request() }));
    assert!(asked.contains(&format!(r#"<samlp:NameIDPolicy Format="{format}"/>"#)), "{asked}");
}

#[test]
fn logout_messages_name_person_and_request() {
    let name_id = NameId {
        value: "a<b>&\u{1}".to_owned(),
        format: "urn:f".to_owned(),
        name_qualifier: Some("q".to_owned()),
        sp_name_qualifier: None,
    };
    let asked = xml(Question::MakeLogoutRequest(MakeLogoutRequest {
        id: "_id".to_owned(),
        destination: "https://idp.example/slo".to_owned(),
        entity_id: US.to_owned(),
        now: NOW,
        not_on_or_after: NOW + 60,
        name_id,
        session_index: Some("_session".to_owned()),
    }));
    assert!(asked.contains(r#"NotOnOrAfter="2026-09-21T14:14:20Z""#), "{asked}");
    let name = r#"<saml:NameID Format="urn:f" NameQualifier="q">a&lt;b&gt;&amp;</saml:NameID><samlp:SessionIndex>_session</samlp:SessionIndex>"#;
    assert!(asked.contains(name), "{asked}");
    let answer = |success| {
        xml(Question::MakeLogoutResponse(MakeLogoutResponse {
            id: "_id".to_owned(),
            in_response_to: "_theirs".to_owned(),
            success,
            ..MakeLogoutResponse::default()
        }))
    };
    assert!(answer(true).contains(r#"InResponseTo="_theirs"><saml:Issuer/><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>"#), "{}", answer(true));
    assert!(answer(false).contains("status:PartialLogout") && !answer(false).contains("Success"));
}

#[test]
fn our_metadata_is_read_by_the_library() {
    let question = OwnMetadata {
        entity_id: US.to_owned(),
        acs: ACS.to_owned(),
        slo: Some("https://app.example/auth/saml/slo/corp".to_owned()),
        signing_certificates: vec![certificate("idp")],
        encryption_certificates: vec![certificate("spare")],
        signs_requests: true,
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned()),
    };
    let Reply::Xml(xml) = ask(Question::OwnMetadata(question)) else { panic!("no document") };
    let read = saml::SpDescriptor::from_metadata_xml(xml.as_bytes()).unwrap();
    assert_eq!((read.entity_id.as_str(), read.assertion_consumer_services[0].url.as_str()), (US, ACS));
    assert_eq!((read.signing_certs.len(), read.encryption_certs.len(), read.single_logout_services.len()), (1, 1, 2));
    assert!(read.authn_requests_signed && read.want_assertions_signed);
}
