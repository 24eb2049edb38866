//! Signature wrapping: a good signature stays in the message, and another part names somebody else. The numbers are those of
//! Somorovsky et al., *On Breaking SAML* (2012).

use super::idp::{Response, Signer, code, verified, verify};

/// Not exactly one assertion, directly in the response.
const ASSERTIONS: &str = "gate.assertions";
/// The same ID twice.
const ID: &str = "gate.id";
const OPEN: &str = "<ds:Object>";
const CLOSE: &str = "</ds:Object></ds:Signature>";

/// The assertion of an attacker: unsigned, of somebody else.
fn evil() -> String {
    let evil = Response::bent(|one| {
        one.of_assertion = None;
        one.assertion_id = "_evil".to_owned();
        one.name_id = one.name_id.replace("alice", "mallory");
    });
    evil.assertion()
}

/// The assertion with its signature, the same without, and the signature alone.
fn good() -> (String, String, String) {
    let signed = Response::default().assertion();
    let start = signed.find("<ds:Signature ").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = signed[start..end].to_owned();
    (signed.clone(), signed.replace(&signature, ""), signature)
}

fn within(signature: &str, inside: &str) -> String {
    signature.replace("</ds:Signature>", &format!("{OPEN}{inside}{CLOSE}"))
}

fn code_of(xml: &str) -> String {
    code(verify(xml))
}

#[test]
fn wrapped_responses_are_refused() {
    //
    let response = Response::bent(|one| (one.of_assertion, one.of_response) = (None, Some(Signer::new("idp"))));
    let xml = response.xml();
    assert_eq!(code_of(&xml), "verified");
    let start = xml.find("<ds:Signature ").unwrap();
    let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &xml[start..end];
    let unsigned = xml.replace(signature, "");
    let outer = |signature: &str, more: &str| {
        let evil = Response::bent(|one| {
            one.of_assertion = None;
            one.attributes = one.attributes.replace("_response", "_outer");
            one.more = more.to_owned();
        });
        evil.around(&self::evil()).replacen("<samlp:Status>", &format!("{signature}<samlp:Status>"), 1)
    };
    // XSW1: the original in the signature. XSW2: beside it.
    assert_eq!(code_of(&outer(&within(signature, &unsigned), "")), "gate.repeated");
    assert_eq!(code_of(&outer(signature, &unsigned)), "gate.repeated");
    let moved = outer("", "").replacen("</samlp:Response>", &format!("{signature}</samlp:Response>"), 1);
    assert_eq!(code_of(&moved), "gate.reference", "its signature alone");
    let hidden = unsigned.replace("<samlp:Status>", &format!("<samlp:Status>{signature}"));
    assert_eq!(code_of(&hidden), "gate.signature_place");
}

fn around(assertions: &str) -> String {
    Response::default().around(assertions)
}

/// The attacker's assertion, with a signature where one stands.
fn evil_with(signature: &str) -> String {
    evil().replacen("<saml:Subject>", &format!("{signature}<saml:Subject>"), 1)
}

/// A response whose extensions have an assertion.
fn extended(response: &str, inside: &str) -> String {
    response.replace("<samlp:Status>", &format!("<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>"))
}

fn assert_refused(cases: impl IntoIterator<Item = (&'static str, &'static str, String)>) {
    for (what, expected, xml) in cases {
        assert_eq!(code_of(&xml), expected, "{what}");
    }
}

#[test]
fn wrapped_assertions_are_refused() {
    //
    let (signed, unsigned, signature) = good();
    let evil = evil();
    let around_it = evil.replace("</saml:Assertion>", &format!("{signed}</saml:Assertion>"));
    let directly = signature.replace("</ds:Signature>", &format!("{unsigned}</ds:Signature>"));
    let in_object = within(&signature, &unsigned);
    let followed = format!("{}{unsigned}", evil_with(&signature));
    assert_eq!(code_of(&around(&signed)), "verified");
    assert_refused([
        ("XSW3: another one before it", ASSERTIONS, around(&format!("{evil}{signed}"))),
        ("XSW4: it is in another one", ASSERTIONS, around(&around_it)),
        ("XSW5: another one has the signature, it follows", ASSERTIONS, around(&followed)),
        ("XSW6: it is in the signature of another one", ASSERTIONS, around(&evil_with(&directly))),
        ("XSW7: another one in extensions", ASSERTIONS, extended(&around(&signed), &evil)),
        ("XSW8: it is in an object of that signature", ASSERTIONS, around(&evil_with(&in_object))),
        ("XSW5 with the ID of the good one", ID, around(&followed.replace("_evil", "_assertion"))),
    ]);
    assert_eq!(code_of(&around(&evil_with(&signature))), "gate.reference", "the signature of another");
    let renamed = evil_with(&signature).replace("_evil", "_assertion");
    assert_eq!(code_of(&around(&renamed)), "signature.bad", "with its ID as well");
}

#[test]
fn a_second_assertion_is_refused_wherever_it_stands() {
    //
    let (signed, evil) = (good().0, evil());
    let advice = format!("<saml:Advice>{evil}</saml:Advice></saml:Assertion>");
    let encrypted =
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:EncryptedAssertion>";
    assert_refused([
        ("after it", ASSERTIONS, around(&format!("{signed}{evil}"))),
        ("the same twice", ID, around(&format!("{signed}{signed}"))),
        ("in an attribute", ASSERTIONS, around(&signed.replace("staff", &evil))),
        ("in advice", ASSERTIONS, around(&signed.replace("</saml:Assertion>", &advice))),
        ("none but deeper", ASSERTIONS, extended(&around(""), &signed)),
        ("an encrypted one beside it", ASSERTIONS, around(&format!("{encrypted}{signed}"))),
    ]);
}

#[test]
fn a_hidden_assertion_in_another_namespace_is_seen() {
    //
    let (signed, _, _) = good();
    let other = evil().replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:other:assertion");
    assert_eq!(code_of(&Response::default().around(&format!("{other}{signed}"))), "gate.assertions");
    let moved = signed.replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:other:assertion");
    assert_eq!(code_of(&Response::default().around(&moved)), "gate.assertions");
}

#[test]
fn a_second_signature_is_refused() {
    //
    let (signed, _, signature) = good();
    let twice = signed.replace(&signature, &signature.repeat(2));
    assert_eq!(code_of(&Response::default().around(&twice)), "gate.signature_place");
    let elsewhere = signed.replace("<saml:AttributeValue>staff", &format!("<saml:AttributeValue>{signature}"));
    let elsewhere =
        elsewhere.replace("</ds:Signature></saml:AttributeValue>", "</ds:Signature>").replacen(&signature, "", 1);
    assert_ne!(code_of(&Response::default().around(&elsewhere)), "verified");
}

#[test]
fn only_signed_content_is_told_however_a_message_is_changed() {
    //
    let xml = Response::default().xml();
    let told = verified(&xml);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = (0..xml.len(), 0_usize..40, "[ -~]{0,12}");
    let checked = runner.run(&strategy, |(at, cut, put)| {
        let end = (at + cut).min(xml.len());
        let changed = format!("{}{put}{}", &xml[..at], &xml[end..]);
        if let postern_saml_messages::Reply::Verified(other) = verify(&changed) {
            assert_eq!(other, told, "{changed}");
        }
        Ok(())
    });
    checked.unwrap();
}
