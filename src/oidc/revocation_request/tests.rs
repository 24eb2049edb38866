use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://acme.okta.example";

fn parse(body: &Value, takes_email: bool) -> Result<RevokedSubject, RevocationRequestError> {
    RevokedSubject::parse(&body.to_string(), ISSUER, takes_email)
}

#[test]
fn a_body_names_one_person() {
    // R-364, R-366
    let alice = json!({ "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": "alice" } });
    assert_eq!(parse(&alice, false), Ok(RevokedSubject::Subject("alice".to_owned())));
    let mail = json!({ "sub_id": { "format": "email", "email": "Alice@Example.com" } });
    let address = MailAddress::parse("Alice@example.com").unwrap();
    assert_eq!(parse(&mail, true), Ok(RevokedSubject::Email(address)));
    assert_eq!(parse(&mail, false), Err(RevocationRequestError::EmailRefused));
}

#[test]
fn whatever_else_it_says_ends_nothing() {
    // R-364
    use RevocationRequestError::*;
    for (body, expected) in [
        (json!({}), Malformed),
        (json!({ "sub_id": "alice" }), Malformed),
        (json!({ "sub_id": [] }), Malformed),
        (json!({ "sub_id": {} }), Malformed),
        (json!({ "sub_id": { "format": 1 } }), Malformed),
        (json!({ "sub_id": { "format": "iss_sub", "iss": ISSUER } }), Malformed),
        (json!({ "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": "" } }), Malformed),
        (json!({ "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": ["alice"] } }), Malformed),
        (json!({ "sub_id": { "format": "iss_sub", "sub": "alice" } }), IssMismatch),
        (json!({ "sub_id": { "format": "iss_sub", "iss": "https://other.example", "sub": "alice" } }), IssMismatch),
        (json!({ "sub_id": { "format": "opaque", "id": "alice" } }), FormatUnknown),
        (json!({ "sub_id": { "format": "aliases", "identifiers": [] } }), FormatUnknown),
        (json!({ "sub_id": { "format": "email", "email": "alice" } }), Malformed),
        (json!({ "sub_id": { "format": "email" } }), Malformed),
    ] {
        assert_eq!(parse(&body, true), Err(expected), "{body}");
    }
    for text in ["", "[]", "{", "null", r#"{"sub_id":{"format":"iss_sub","iss":"a","sub":"b"},"sub_id":{}}"#] {
        assert_eq!(RevokedSubject::parse(text, ISSUER, true), Err(Unreadable), "{text}");
    }
    let long =
        format!(r#"{{"sub_id":{{"format":"email","email":"a@b.example"}},"x":"{}"}}"#, "a".repeat(MAX_BODY_BYTES));
    assert_eq!(RevokedSubject::parse(&long, ISSUER, true), Err(Unreadable));
}
