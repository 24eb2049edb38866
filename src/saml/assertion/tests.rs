use super::*;
use crate::config::testing::provider;

const NOW: i64 = 1_800_000_000;
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

fn rules(bend: impl FnOnce(&mut Value)) -> Saml {
    let mut table = json!({ "metadata": "<EntityDescriptor/>" });
    bend(&mut table);
    let provider = provider(|provider| *provider = json!({ "issuer": "urn:idp", "saml": table }));
    *provider.saml.unwrap()
}

fn verified(bend: impl FnOnce(&mut Value)) -> Map<String, Value> {
    let mut verified = json!({
        "assertion_id": "_a1",
        "name_id": { "value": "alice", "format": PERSISTENT, "name_qualifier": null, "sp_name_qualifier": null },
        "attributes": [
            { "name": "urn:oid:0.9.2342.19200300.100.1.3", "friendly_name": "mail", "values": ["alice@example.com"] },
            { "name": "groups", "friendly_name": null, "values": ["admins", "staff"] },
        ],
        "session_index": "s1",
        "session_not_on_or_after": null,
        "authn_instant": NOW - 10,
        "authn_context": PASSWORD,
        "not_on_or_after": NOW + 300,
    });
    bend(&mut verified);
    verified.as_object().unwrap().clone()
}

fn check_with(
    saml: &Saml,
    verified: &Map<String, Value>,
    max_age: Option<u32>,
    acr_values: &[String],
) -> Result<SamlAssertion, SamlError> {
    let expected = SamlExpectations {
        saml,
        parties: Parties { provider: "urn:idp", own: "urn:sp" },
        max_age: max_age.map(Seconds::new),
        acr_values,
        now: Timestamp::from_unix(NOW),
    };
    SamlAssertion::check(verified, &expected)
}

fn check(saml: &Saml, bend: impl FnOnce(&mut Value)) -> Result<SamlAssertion, SamlError> {
    check_with(saml, &verified(bend), None, &[])
}

#[test]
fn a_good_one_says_who_how_and_when() {
    let one = check(&rules(|_| ()), |_| ()).unwrap();
    assert_eq!(one.subject, "persistent!alice");
    assert_eq!((one.auth_time, one.acr.as_deref()), (Timestamp::from_unix(NOW - 10), Some(PASSWORD)));
    assert_eq!(one.usable_until(), Timestamp::from_unix(NOW + 300));
    assert_eq!(one.claims.get("mail"), None);
    assert_eq!(one.claims["urn:oid:0.9.2342.19200300.100.1.3"], "alice@example.com");
    assert_eq!(one.claims["groups"], json!(["admins", "staff"]));
    assert_eq!((&one.claims["iss"], &one.claims["sub"]), (&json!("urn:idp"), &json!("persistent!alice")));
    let logout = json::parse_object(one.logout().expose().as_bytes(), 4096).unwrap();
    assert_eq!((&logout["name_id"]["value"], &logout["session_index"]), (&json!("alice"), &json!("s1")));
}

#[test]
fn a_transient_name_signs_nobody_in_unless_an_attribute_names_the_person() {
    //
    let transient = |verified: &mut Value| verified["name_id"]["format"] = TRANSIENT.into();
    assert_eq!(check(&rules(|_| ()), transient).unwrap_err(), SamlError::TransientName);
    let by_mail = rules(|table| table["subject"] = "attr:urn:oid:0.9.2342.19200300.100.1.3".into());
    assert_eq!(check(&by_mail, transient).unwrap().subject, "alice@example.com");
    for bent in
        [json!([]), json!(["a@example.com", "b@example.com"]), json!([""]), json!(["ä@example.com"]), json!(["a b"])]
    {
        let found = check(&by_mail, |verified| verified["attributes"][0]["values"] = bent.clone());
        assert_eq!(found.unwrap_err(), SamlError::NoSubject, "{bent}");
    }
    // The same attribute in two places is two values.
    let twice = |verified: &mut Value| {
        let again = json!({ "name": "urn:oid:0.9.2342.19200300.100.1.3", "values": ["mallory@example.com"] });
        verified["attributes"].as_array_mut().unwrap().push(again);
    };
    assert_eq!(check(&by_mail, twice).unwrap_err(), SamlError::NoSubject);
}

const TRANSIENT: &str = crate::config::NameIdFormat::TRANSIENT;

#[test]
fn a_name_for_people_identifies_nothing() {
    let posing = |verified: &mut Value| {
        let all = verified["attributes"].as_array_mut().unwrap();
        all.push(json!({ "name": "urn:x", "friendly_name": "groups", "values": ["root"] }));
        all.push(json!({ "name": "urn:y", "friendly_name": "uid", "values": ["mallory"] }));
        all.push(json!({ "name": "sub", "values": ["somebody else"] }));
    };
    let one = check(&rules(|_| ()), posing).unwrap();
    assert_eq!((&one.claims["groups"], one.claims.get("uid")), (&json!(["admins", "staff"]), None));
    assert_eq!(one.claims["sub"], "persistent!alice");
    let by_uid = rules(|table| table["subject"] = "attr:uid".into());
    assert_eq!(check(&by_uid, posing).unwrap_err(), SamlError::NoSubject);
}

#[test]
fn no_attribute_says_by_itself_that_an_address_was_verified() {
    //
    let claiming = |verified: &mut Value| {
        let all = verified["attributes"].as_array_mut().unwrap();
        all.push(json!({ "name": "email", "values": ["ceo@example.com"] }));
        all.push(json!({ "name": "email_verified", "values": ["true"] }));
        all.push(json!({ "name": "phone_number_verified", "values": ["true"] }));
    };
    let one = check(&rules(|_| ()), claiming).unwrap();
    assert_eq!(one.claims["email"], "ceo@example.com");
    assert!(
        !crate::claims::is_believed(&one.claims, "email") && !crate::claims::is_believed(&one.claims, "phone_number")
    );
    let mapped = rules(|table| table["claims"] = json!({ "email_verified": "email_verified" }));
    assert!(crate::claims::is_believed(&check(&mapped, claiming).unwrap().claims, "email"));
}

#[test]
fn a_claim_that_the_configuration_gives_to_one_attribute_comes_from_no_other() {
    let saml = rules(|table| table["claims"] = json!({ "groups": "urn:oid:1.2.3" }));
    assert_eq!(check(&saml, |_| ()).unwrap().claims.get("groups"), None);
    let with = check(&saml, |verified| {
        let all = verified["attributes"].as_array_mut().unwrap();
        all.push(json!({ "name": "urn:oid:1.2.3", "values": ["staff"] }));
    });
    assert_eq!(with.unwrap().claims["groups"], "staff");
}

#[test]
fn attributes_become_claims_by_the_names_that_the_configuration_gives() {
    let saml = rules(|table| {
        table["claims"] = json!({ "email": "urn:oid:0.9.2342.19200300.100.1.3", "nickname": "absent" });
    });
    let one = check(&saml, |_| ()).unwrap();
    assert_eq!(one.claims["email"], "alice@example.com");
    assert_eq!((one.claims.get("email_verified"), one.claims.get("nickname")), (None, None));
    let trusting = rules(|table| {
        table["claims"] = json!({ "email": "urn:oid:0.9.2342.19200300.100.1.3" });
        table["emails_verified"] = true.into();
    });
    assert_eq!(check(&trusting, |_| ()).unwrap().claims["email_verified"], true);
    let several =
        check(&trusting, |verified| verified["attributes"][0]["values"] = json!(["a@b.example", "c@d.example"]));
    assert_eq!(several.unwrap().claims.get("email_verified"), None);
}

#[test]
fn a_person_has_to_have_signed_in_as_was_asked_for() {
    let saml = rules(|_| ());
    let aged = |ago: i64, max_age: Option<u32>| {
        check_with(&saml, &verified(|verified| verified["authn_instant"] = json!(NOW - ago)), max_age, &[]).map(drop)
    };
    assert_eq!(aged(86_400, None), Ok(()));
    assert_eq!(aged(60, Some(30)), Ok(()));
    assert_eq!(aged(91, Some(30)), Err(SamlError::AuthnInstant));
    assert_eq!(aged(-61, None), Err(SamlError::AuthnInstant));
    let by = |context: Option<&str>, asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(|one| (*one).to_owned()).collect();
        check_with(&saml, &verified(|verified| verified["authn_context"] = json!(context)), None, &asked).map(drop)
    };
    assert_eq!(by(Some(PASSWORD), &["urn:mfa", PASSWORD]), Ok(()));
    assert_eq!(by(Some(PASSWORD), &["urn:mfa"]), Err(SamlError::AuthnContext));
    assert_eq!(by(None, &["urn:mfa"]), Err(SamlError::AuthnContext));
    assert_eq!(by(None, &[]), Ok(()));
}

#[test]
fn a_session_that_is_over_at_the_provider_begins_nowhere() {
    //
    let until = |at: i64| check(&rules(|_| ()), |verified| verified["session_not_on_or_after"] = json!(at));
    assert_eq!(until(NOW).unwrap_err(), SamlError::SessionOver);
    assert_eq!(until(NOW + 60).unwrap().until, Some(Timestamp::from_unix(NOW + 60)));
}

#[test]
fn each_assertion_has_a_name_of_its_own_in_the_memory_of_what_was_used() {
    //
    let once = |kind, provider, id| once_key(kind, provider, id);
    let first = once("assertion", "urn:idp", "_a1");
    assert_eq!(check(&rules(|_| ()), |_| ()).unwrap().once_key(), &first);
    for other in
        [once("assertion", "urn:idp", "_a2"), once("assertion", "urn:other", "_a1"), once("logout", "urn:idp", "_a1")]
    {
        assert_ne!(first, other);
    }
}

#[test]
fn an_answer_without_a_required_part_counts_as_no_answer() {
    for name in ["assertion_id", "not_on_or_after"] {
        let mut verified = verified(|_| ());
        verified.remove(name);
        assert_eq!(check_with(&rules(|_| ()), &verified, None, &[]).unwrap_err(), SamlError::WorkerAway, "{name}");
    }
    assert_eq!(check(&rules(|_| ()), |verified| verified["name_id"] = json!(null)).unwrap_err(), SamlError::NoSubject);
    assert_eq!(
        check(&rules(|_| ()), |verified| verified["authn_instant"] = json!("now")).unwrap_err(),
        SamlError::AuthnInstant
    );
    let long = check(&rules(|_| ()), |verified| verified["session_index"] = "x".repeat(3000).into()).unwrap();
    assert!(long.logout().expose().is_empty());
}
