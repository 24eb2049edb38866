//! Logout messages, by redirect and by form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::{LogoutMessage, LogoutRequest, Question, ReadLogout, Reply};

use super::idp::{IDP, NOW, RSA_SHA256, Signer, ask, certificate, code, time};

const SLO: &str = "https://app.example/auth/saml/slo/corp";
const MARK: &str = "{signature}";

fn message(name: &str, attributes: &str, inside: &str) -> String {
    format!(
        r#"<samlp:{name} xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="{SLO}" ID="_logout"{attributes} IssueInstant="{}" Version="2.0"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{IDP}</saml:Issuer>{MARK}{inside}</samlp:{name}>"#,
        time(-5)
    )
}

fn request() -> String {
    message(
        "LogoutRequest",
        "",
        r#"<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">alice</saml:NameID><samlp:SessionIndex>_one</samlp:SessionIndex><samlp:SessionIndex> _two </samlp:SessionIndex>"#,
    )
}

fn response(status: &str) -> String {
    let inside = format!(
        r#"<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"></samlp:StatusCode></samlp:Status>"#
    );
    message("LogoutResponse", "", &inside).replace(" IssueInstant", r#" InResponseTo="_ours" IssueInstant"#)
}

fn read(message: LogoutMessage) -> Reply {
    ask(Question::ReadLogout(ReadLogout {
        message,
        certificates: vec![certificate("idp")],
        idp_entity_id: IDP.to_owned(),
        destination: SLO.to_owned(),
        now: NOW,
        skew: 60,
    }))
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn compressed(xml: &str) -> String {
    percent(&STANDARD.encode(miniz_oxide::deflate::compress_to_vec(xml.replace(MARK, "").as_bytes(), 6)))
}

fn query(parameter: &str, xml: &str, key: &'static str) -> String {
    let signed = format!("{parameter}={}&RelayState=a%2fb&SigAlg={}", compressed(xml), percent(RSA_SHA256));
    let signature = percent(&STANDARD.encode(Signer::new(key).signature(&signed)));
    format!("{signed}&Signature={signature}")
}

fn by_redirect(xml: &str) -> Reply {
    read(LogoutMessage::Redirect(query("SAMLRequest", xml, "idp")))
}

fn by_form(xml: &str, key: &'static str) -> Reply {
    read(LogoutMessage::PostedRequest(STANDARD.encode(Signer::new(key).sign(xml, "_logout", MARK))))
}

#[test]
fn a_signed_request_names_the_sessions() {
    // R-234
    for reply in [by_redirect(&request()), by_form(&request(), "idp")] {
        let Reply::LogoutRequest(LogoutRequest { id, name_id, session_indexes, issue_instant, not_on_or_after }) =
            reply
        else {
            panic!("{reply:?}")
        };
        assert_eq!(
            (id.as_str(), name_id.value.as_str(), issue_instant, not_on_or_after),
            ("_logout", "alice", NOW - 5, None)
        );
        assert_eq!(name_id.format, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified");
        assert_eq!(session_indexes, ["_one", "_two"]);
    }
}

#[test]
fn requests_that_are_not_signed_or_not_for_us_are_refused() {
    // R-234
    let bent = |was: &str, is: &str| {
        let xml = request().replace(was, is);
        assert_ne!(xml, request());
        let found = (code(by_redirect(&xml)), code(by_form(&xml, "idp")));
        assert_eq!(found.0, found.1, "{is}");
        found.0
    };
    assert_eq!(bent(SLO, "https://other.example/slo"), "message.destination");
    assert_eq!(bent("Destination=", "Other="), "message.destination");
    assert_eq!(bent(IDP, "https://other.example"), "message.issuer");
    assert_eq!(bent(&time(-5), &time(-361)), "message.time");
    assert_eq!(bent(&time(-5), &time(61)), "message.time");
    assert_eq!(bent(" Version=", &format!(r#" NotOnOrAfter="{}" Version="#, time(-61))), "assertion.expired");
    assert_eq!(bent(">alice<", "> <"), "assertion.subject");
    assert_eq!(bent(">alice<", ">alice\u{a0}<"), "assertion.subject");
    assert_eq!(bent(">alice<", ">al<!-- -->ice<"), "gate.comment");
    assert_eq!(bent("saml:NameID", "saml:EncryptedID"), "assertion.subject");
    assert_eq!(bent("LogoutRequest", "AuthnRequest"), "gate.root");
    let good = query("SAMLRequest", &request(), "idp");
    let redirect = |query: String| code(read(LogoutMessage::Redirect(query)));
    assert!(redirect(good.clone()).starts_with("LogoutRequest"));
    assert_eq!(redirect(query("SAMLRequest", &request(), "other")), "signature.bad");
    assert_eq!(redirect(good.replace("%2fb", "%2Fb")), "signature.bad", "over the letters as they came");
    assert_eq!(redirect(good.replace("RelayState=a%2fb&", "")), "signature.bad");
    assert_eq!(redirect(format!("{good}&RelayState=other")), "gate.repeated");
    assert_eq!(redirect(format!("SAMLRequest={}&{good}", compressed(&request()))), "gate.repeated");
    assert_eq!(redirect(format!("SAMLResponse={}&{good}", compressed(&request()))), "message.form");
    assert_eq!(redirect(format!("{good}&RelayState")), "message.form", "without a value");
    assert_eq!(redirect(good.replace("RelayState", "Relay%53tate")), "message.form", "in another spelling");
    assert_eq!(redirect(format!("{good}&SAMLRequest")), "message.form");
    assert_eq!(redirect(good.split_once("&SigAlg").unwrap().0.to_owned()), "signature.missing");
    assert_eq!(redirect(good.replace("rsa%2Dsha256", "rsa%2Dsha1")), "gate.algorithm");
    assert_eq!(code(by_form(&request(), "other")), "signature.bad");
    assert_eq!(
        code(read(LogoutMessage::PostedRequest(STANDARD.encode(request().replace(MARK, ""))))),
        "signature.missing"
    );
    let embedded = Signer::new("idp").sign(&request(), "_logout", MARK);
    assert_eq!(redirect(query("SAMLRequest", &embedded, "idp")), "gate.signature_place");
}

#[test]
fn a_bomb_is_not_unpacked() {
    // R-361
    let bomb = |spaces: usize| {
        let xml = request().replace("</samlp:LogoutRequest>", &format!("{}</samlp:LogoutRequest>", " ".repeat(spaces)));
        code(read(LogoutMessage::Redirect(query("SAMLRequest", &xml, "idp"))))
    };
    assert!(bomb(200 * 1024).starts_with("LogoutRequest"));
    assert_eq!(bomb(256 * 1024), "gate.inflate");
    assert_eq!(bomb(50 * 1024 * 1024), "gate.inflate");
    let none = query("SAMLRequest", &request(), "idp").replace(&compressed(&request()), "AAAA");
    assert_eq!(code(read(LogoutMessage::Redirect(none))), "gate.inflate");
}

#[test]
fn an_answer_names_our_request() {
    let posted =
        |xml: &str| read(LogoutMessage::PostedResponse(STANDARD.encode(Signer::new("idp").sign(xml, "_logout", MARK))));
    for (status, success) in [("Success", true), ("Responder", false)] {
        let redirected = read(LogoutMessage::Redirect(query("SAMLResponse", &response(status), "idp")));
        for reply in [redirected, posted(&response(status))] {
            let Reply::LogoutResponse(found) = reply else { panic!("{reply:?}") };
            assert_eq!((found.in_response_to.as_str(), found.success), ("_ours", success));
        }
    }
    assert_eq!(code(posted(&response("Success").replace("InResponseTo", "Other"))), "message.in_response_to");
    assert_eq!(code(posted(&request())), "gate.root");
    let unsigned = STANDARD.encode(response("Success").replace(MARK, ""));
    assert_eq!(code(read(LogoutMessage::PostedResponse(unsigned))), "signature.missing");
}
