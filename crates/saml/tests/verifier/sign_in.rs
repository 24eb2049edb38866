//! Each claim of a response, right and wrong; all of them are signed.

use postern_saml_messages::Question;

use super::idp::{
    ACS, NOW, REQUEST, Response, Signer, US, ask, certificate, code, conditions, confirmation, question, time,
    verified, verify,
};

#[test]
fn a_good_response_tells_the_person() {
    let told = verified(&Response::default().xml());
    assert_eq!(told.assertion_id, "_assertion");
    assert_eq!((told.name_id.value.as_str(), told.name_id.sp_name_qualifier), ("alice", None));
    assert_eq!(told.name_id.format, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    let attributes: Vec<_> = told.attributes.iter().map(|one| (one.name.as_str(), one.values.join(","))).collect();
    let mail = ("urn:oid:0.9.2342.19200300.100.1.3", "alice@example.com".to_owned());
    assert_eq!(attributes, [mail, ("groups", "R&D,staff".to_owned())]);
    assert_eq!(told.attributes[0].friendly_name.as_deref(), Some("mail"));
    assert_eq!((told.session_index.as_deref(), told.session_not_on_or_after), (Some("_session"), Some(NOW + 3600)));
    assert_eq!((told.authn_instant, told.not_on_or_after), (NOW - 10, NOW + 300 + 60));
    assert_eq!(told.authn_context.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:ac:classes:Password"));
    assert_eq!(told.certificate_sha256.len(), 64);
}

#[test]
fn response_or_assertion_or_both_may_be_signed_by_rsa_or_ecdsa() {
    // R-223
    let both = |assertion: Option<&'static str>, response: Option<&'static str>| {
        let bent = Response::bent(|one| {
            one.of_assertion = assertion.map(Signer::new);
            one.of_response = response.map(Signer::new);
        });
        let mut question = question(&bent.xml());
        question.certificates.push(certificate("ec"));
        code(ask(Question::Verify(question)))
    };
    for (assertion, response) in [
        (Some("idp"), None),
        (None, Some("idp")),
        (Some("idp"), Some("idp")),
        (Some("ec"), None),
        (Some("idp"), Some("ec")),
    ] {
        assert_eq!(both(assertion, response), "verified", "{assertion:?} {response:?}");
    }
    assert_eq!(both(None, None), "signature.missing");
    for (assertion, response) in
        [(Some("other"), None), (None, Some("other")), (Some("other"), Some("idp")), (Some("idp"), Some("other"))]
    {
        assert_eq!(both(assertion, response), "signature.bad", "each signature counts: {assertion:?} {response:?}");
    }
}

/// What is changed, how, and the code of the refusal.
type Bent = (&'static str, fn(&mut Response), &'static str);

#[test]
fn a_response_names_its_issuer_our_address_and_our_request() {
    // R-227
    let cases: &[Bent] = &[
        ("another issuer of the response", |one| one.issuer = "https://other.example".into(), "message.issuer"),
        ("no issuer of the response", |one| one.issuer = String::new(), "message.issuer"),
        (
            "another issuer of the assertion",
            |one| one.assertion_issuer = "https://other.example".into(),
            "message.issuer",
        ),
        (
            "another destination",
            |one| one.attributes = one.attributes.replace("acs/corp", "acs/other"),
            "message.destination",
        ),
        ("an empty destination", |one| one.attributes = one.attributes.replace(ACS, ""), "message.destination"),
        (
            "no destination",
            |one| one.attributes = one.attributes.replace("Destination=", "Other="),
            "message.destination",
        ),
        ("another request", |one| one.attributes = one.attributes.replace(REQUEST, "_other"), "message.in_response_to"),
        (
            "no request",
            |one| one.attributes = one.attributes.replace("InResponseTo=", "Other="),
            "message.in_response_to",
        ),
        ("another version", |one| one.attributes = one.attributes.replace("2.0", "1.1"), "message.form"),
        ("no version", |one| one.attributes = one.attributes.replace("Version=", "Other="), "message.form"),
        ("another version of the assertion", |one| one.assertion_version = "1.1".into(), "message.form"),
        ("no ID", |one| one.attributes = one.attributes.replace("ID=", "Id2="), "gate.id"),
    ];
    refuses(cases);
}

#[test]
fn an_issuer_is_an_entity_or_says_nothing_of_what_it_is() {
    // R-227
    let of = |format: &str| {
        let attribute = || format!(r#" Format="{format}""#);
        let bent = |both: [String; 2]| Response::bent(|one| one.of_issuers = both).xml();
        [bent([attribute(), String::new()]), bent([String::new(), attribute()])]
    };
    for xml in of("urn:oasis:names:tc:SAML:2.0:nameid-format:entity") {
        assert_eq!(verified(&xml).name_id.value, "alice");
    }
    for format in ["", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"] {
        assert_eq!(of(format).map(|xml| code_of(&xml)), ["message.issuer", "message.issuer"], "{format}");
    }
}

#[test]
fn a_status_other_than_success_has_a_code_of_its_own() {
    // R-227
    let status = |inner: &str| {
        let code = |name: &str, inside: &str| {
            format!(
                r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{name}">{inside}</samlp:StatusCode>"#
            )
        };
        let bent = Response::bent(|one| one.status = code("Responder", &code(inner, "")));
        (code_of(&bent.around("")), code_of(&bent.xml()))
    };
    for (inner, expected) in [
        ("NoPassive", "status.no_passive"),
        ("AuthnFailed", "status.authn_failed"),
        ("NoAuthnContext", "status.no_authn_context"),
        ("RequestDenied", "status.request_denied"),
        ("Success", "status.other"),
        ("Other", "status.other"),
    ] {
        assert_eq!(status(inner), (expected.to_owned(), expected.to_owned()), "with an assertion or without");
    }
    assert_eq!(code_of(&Response::bent(|one| one.status = String::new()).xml()), "message.form");
    assert_eq!(code_of(&Response::default().around("")), "gate.assertions", "success without an assertion");
}

#[test]
fn the_confirmation_names_our_address_our_request_and_an_end() {
    // R-228
    let cases: &[Bent] = &[
        ("no confirmation", |one| one.confirmation = String::new(), "assertion.confirmation"),
        (
            "not of type bearer",
            |one| one.confirmation = one.confirmation.replace("cm:bearer", "cm:sender-vouches"),
            "assertion.confirmation",
        ),
        (
            "a holder of a key",
            |one| one.confirmation = one.confirmation.replace("cm:bearer", "cm:holder-of-key"),
            "assertion.confirmation",
        ),
        (
            "another recipient",
            |one| one.confirmation = one.confirmation.replace("acs/corp", "acs/other"),
            "assertion.recipient",
        ),
        (
            "no recipient",
            |one| one.confirmation = one.confirmation.replace("Recipient=", "Other="),
            "assertion.recipient",
        ),
        (
            "another request",
            |one| one.confirmation = one.confirmation.replace(REQUEST, "_other"),
            "message.in_response_to",
        ),
        (
            "no request",
            |one| one.confirmation = one.confirmation.replace("InResponseTo=", "InOther="),
            "message.in_response_to",
        ),
        ("expired", |one| one.confirmation = one.confirmation.replace(&time(300), &time(-61)), "assertion.expired"),
        ("no end", |one| one.confirmation = one.confirmation.replace("NotOnOrAfter=", "Other="), "assertion.expired"),
        (
            "a beginning",
            |one| one.confirmation = confirmation(&format!(r#" NotBefore="{}""#, time(-30))),
            "assertion.confirmation",
        ),
    ];
    refuses(cases);
    let within = Response::bent(|one| one.confirmation = one.confirmation.replace(&time(300), &time(-59)));
    assert_eq!(code_of(&within.xml()), "verified", "clocks differ");
}

#[test]
fn the_conditions_of_an_assertion_are_checked() {
    // R-229
    let cases: &[Bent] = &[
        ("no conditions", |one| one.conditions = String::new(), "assertion.conditions"),
        ("for another audience", |one| one.conditions = conditions("https://other.example"), "assertion.audience"),
        ("for a longer name", |one| one.conditions = conditions(&format!("{US}2")), "assertion.audience"),
        (
            "for no audience",
            |one| one.conditions = format!(r#"<saml:Conditions NotOnOrAfter="{}"></saml:Conditions>"#, time(300)),
            "assertion.audience",
        ),
        ("valid later", |one| one.conditions = one.conditions.replace(&time(-30), &time(61)), "assertion.not_yet"),
        ("expired", |one| one.conditions = one.conditions.replace(&time(300), &time(-60)), "assertion.expired"),
        (
            "an unknown condition",
            |one| {
                one.conditions =
                    one.conditions.replace("</saml:Conditions>", "<saml:Condition></saml:Condition></saml:Conditions>");
            },
            "assertion.conditions",
        ),
        (
            "a second audience that is not us",
            |one| {
                let more = "<saml:AudienceRestriction><saml:Audience>urn:x</saml:Audience></saml:AudienceRestriction></saml:Conditions>";
                one.conditions = one.conditions.replace("</saml:Conditions>", more);
            },
            "assertion.audience",
        ),
        (
            "a session that is over",
            |one| one.statements = one.statements.replace(&time(3600), &time(-61)),
            "assertion.expired",
        ),
        ("no statement of how the person signed in", |one| one.statements = String::new(), "assertion.authn_statement"),
        (
            "two",
            |one| {
                let (statement, _) = one.statements.split_once("<saml:AttributeStatement>").unwrap();
                one.statements = statement.repeat(2);
            },
            "assertion.authn_statement",
        ),
    ];
    refuses(cases);
    let once = Response::bent(|one| {
        one.conditions =
            one.conditions.replace("</saml:Conditions>", "<saml:OneTimeUse></saml:OneTimeUse></saml:Conditions>");
    });
    assert_eq!(code_of(&once.xml()), "verified", "the Worker takes each assertion once");
    let early = Response::bent(|one| one.conditions = one.conditions.replace(&time(-30), &time(59)));
    assert_eq!(code_of(&early.xml()), "verified", "clocks differ");
}

#[test]
fn the_subject_has_exactly_one_plain_name() {
    let cases: &[Bent] = &[
        ("no name", |one| one.name_id = String::new(), "assertion.subject"),
        ("an empty name", |one| one.name_id = "<saml:NameID> </saml:NameID>".into(), "assertion.subject"),
        ("white space after it", |one| one.name_id = one.name_id.replace("alice", "alice "), "assertion.subject"),
        (
            "another kind of white space after it",
            |one| one.name_id = one.name_id.replace("alice", "alice\u{a0}"),
            "assertion.subject",
        ),
        (
            "white space before it",
            |one| one.name_id = one.name_id.replace("alice", "\u{3000}alice"),
            "assertion.subject",
        ),
        ("an encrypted name", |one| one.name_id = "<saml:EncryptedID></saml:EncryptedID>".into(), "assertion.subject"),
        ("two names", |one| one.name_id = one.name_id.repeat(2), "gate.repeated"),
        (
            "elements in the name",
            |one| one.name_id = "<saml:NameID><saml:a>alice</saml:a></saml:NameID>".into(),
            "assertion.subject",
        ),
        (
            "a name made for somebody else",
            |one| {
                one.name_id = one.name_id.replace(">alice", r#" SPNameQualifier="https://other.example">alice"#);
            },
            "assertion.subject_qualifier",
        ),
    ];
    refuses(cases);
}

#[test]
fn the_keys_are_the_configured_ones() {
    // R-225, R-359
    let with = |certificates: &[&str]| {
        let mut question = question(&Response::default().xml());
        question.certificates = certificates.iter().map(|name| certificate(name)).collect();
        code(ask(Question::Verify(question)))
    };
    assert_eq!(with(&["idp"]), "verified");
    assert_eq!(with(&["other", "idp"]), "verified", "two, while keys change");
    assert_eq!(with(&["other"]), "signature.bad");
    assert_eq!(with(&["ec"]), "signature.bad");
    assert_eq!(with(&[]), "certificate.count");
    assert_eq!(with(&["idp", "weak"]), "certificate.weak");
    assert_eq!(with(&["idp", "largest"]), "verified");
    assert_eq!(with(&["idp", "oversized"]), "certificate.form");
    assert_eq!(with(&["idp"; 9]), "certificate.count");
}

#[test]
fn a_question_that_cannot_be_read_is_refused() {
    let answer = |text: &str| postern_saml::answer(text.as_bytes());
    assert!(answer("").contains("question.form"));
    assert!(answer(r#"{"v":1,"question":{"other":{}}}"#).contains("question.form"));
    assert!(answer(&" ".repeat(1024 * 1024 + 1)).contains("question.form"));
    let made = r#"{"v":2,"question":{"own_metadata":{"entity_id":"a","acs":"b"}}}"#;
    assert!(answer(made).contains("question.version"));
    assert!(answer(&made.replace("\"v\":2", "\"v\":1")).contains("EntityDescriptor"));
}

fn code_of(xml: &str) -> String {
    code(verify(xml))
}

/// Each changed response is refused for its reason, and the unchanged one is accepted.
fn refuses(cases: &[Bent]) {
    let both: [fn(&mut Response); 2] =
        [|_| {}, |one| (one.of_assertion, one.of_response) = (None, Some(Signer::new("idp")))];
    for signed in both {
        assert_eq!(code_of(&Response::bent(signed).xml()), "verified");
        for (what, bend, expected) in cases {
            let bent = Response::bent(|one| {
                signed(one);
                bend(one);
            });
            assert_eq!(code_of(&bent.xml()), *expected, "{what}");
        }
    }
}
