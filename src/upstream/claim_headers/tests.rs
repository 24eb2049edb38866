use serde_json::json;

use super::*;
use crate::api_key::KeyHolder;
use crate::authn::testing::{certificate, key, owner};

/// How a kept claim stands in a header: `None` without one, `Some(None)` where it is withheld.
fn shown(name: &str, value: &Value) -> Option<Option<String>> {
    kept(name, value).map(|fact| fact.written())
}

#[test]
fn a_claim_stands_in_a_header_as_it_is() {
    for (value, expected) in [
        (json!("Jane Doe"), "Jane Doe"),
        (json!(true), "true"),
        (json!(7), "7"),
        (json!(["a", "b c", 7, false]), "a,b c,7,false"),
        (json!(["a"]), "a"),
        (json!("!~"), "!~"),
    ] {
        assert_eq!(shown("x", &value), Some(Some(expected.to_owned())), "{value}");
    }
    assert_eq!(shown("name", &json!("Doe, Jane")), Some(Some("Doe, Jane".to_owned())));
}

#[test]
fn nothing_to_tell_is_no_header() {
    for value in [json!(null), json!(""), json!([])] {
        assert_eq!(shown("x", &value), None, "{value}");
    }
}

#[test]
fn what_would_have_another_reading_is_withheld() {
    // neither another header, nor another item of a list
    for value in [
        json!("a\r\nX-Admin: 1"),
        json!("a\nb"),
        json!("a\tb"),
        json!("a\u{0}"),
        json!("José"),
        json!(" a"),
        json!("a "),
        json!("x,admin"),
        json!(["x,admin"]),
        json!(["a", "x,admin"]),
        json!(["a", ""]),
        json!(["a", " b"]),
        json!(["a", null]),
        json!(["a", ["b"]]),
        json!({ "a": "b" }),
        json!("x".repeat(MAX_VALUE_BYTES + 1)),
        json!(vec!["x".repeat(100); 41]),
    ] {
        assert_eq!(shown("x", &value), Some(None), "{value}");
    }
    assert_eq!(shown("name", &json!("Jane\r\nX-Admin: 1")), Some(None));
    assert_eq!(shown("name", &json!(["Doe, Jane"])), Some(None));
    assert!(shown("x", &json!("x".repeat(MAX_VALUE_BYTES))).unwrap().is_some());
}

#[test]
fn percent_encoding_leaves_one_reading_to_every_text() {
    //
    let shown = |value: Value| kept("x", &value).and_then(|fact| fact.encoded());
    for (value, expected) in [
        (json!("Zoë Müller"), "Zo%C3%AB%20M%C3%BCller"),
        (json!("a%20b"), "a%2520b"),
        (json!("a\r\nX-Admin: 1"), "a%0D%0AX-Admin%3A%201"),
        (json!(["Zoë", "x,admin"]), "Zo%C3%AB,x%2Cadmin"),
        (json!("x,admin"), "x%2Cadmin"),
        (json!("-._~09azAZ"), "-._~09azAZ"),
        (json!(true), "true"),
    ] {
        assert_eq!(shown(value.clone()).as_deref(), Some(expected), "{value}");
    }
    for withheld in [json!({ "a": "b" }), json!(["a", ""]), json!(["a", null]), json!("é".repeat(700))] {
        assert_eq!(shown(withheld.clone()), None, "{withheld}");
    }
}

#[test]
fn an_api_key_is_told_with_its_owner_and_nobody_else_has_any() {
    let chosen: Vec<ClaimHeader> = ["key_id", "owner", "owner_issuer", "kind"]
        .iter()
        .map(|word| {
            let (_, claim) = Claim::WORDS.into_iter().find(|(known, _)| known == word).unwrap();
            let name = HeaderName::try_from(format!("x-seat-{}", word.replace('_', "-"))).unwrap();
            ClaimHeader { name, claim, encoding: HeaderEncoding::Plain }
        })
        .collect();
    let told = |principal: &crate::authn::Principal| {
        let told = claim_headers(&chosen, &Identity { principal, session: None });
        told.headers.iter().map(|(_, value)| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let person = key(KeyHolder::Person(owner("corp")));
    assert_eq!(told(&person), ["0011223344556677", "alice", "https://login.example.com", "service"]);
    assert_eq!(told(&key(KeyHolder::Service("billing".to_owned()))), ["0011223344556677", "service"]);
    assert_eq!(told(&certificate("partner")), ["service"]);
}
