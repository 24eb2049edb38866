use serde_json::json;

use super::*;
use crate::config::testing::token_issuer;
use crate::jose::testing::verified;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://as.example.com/t1";

/// A good token's claims with these changes; `null` takes one away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "https://api.example.com", "sub": "alice", "client_id": "app", "jti": "j1",
        "iat": NOW - 10, "exp": NOW + 300, "scope": "a b",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn check_as(tokens: &str, typ: Option<&str>, changes: &Value) -> Result<AccessTokenClaims, AccessTokenError> {
    let issuer = token_issuer(|table| table["tokens"] = tokens.into());
    let profile = issuer.signed().unwrap().profile;
    let expected = AccessTokenExpectations { issuer: &issuer, profile, now: Timestamp::from_unix(NOW) };
    AccessTokenClaims::check(verified(typ, &claims(changes)), &expected)
}

fn check(changes: &Value) -> Result<AccessTokenClaims, AccessTokenError> {
    check_as("rfc9068", Some("at+jwt"), changes)
}

#[track_caller]
fn refused(changes: &Value, error: AccessTokenError) {
    assert_eq!(check(changes).map(|_| ()), Err(error), "{changes}");
}

#[test]
fn a_token_by_rfc_9068_says_who_and_for_how_long() {
    //
    let good = check(&json!({ "auth_time": NOW - 100 })).unwrap();
    assert_eq!((good.subject(), good.client_id(), good.jti()), ("alice", Some("app"), Some("j1")));
    assert_eq!(good.expires_at(), Timestamp::from_unix(NOW + 300));
    assert_eq!(good.auth_time(), Some(Timestamp::from_unix(NOW - 100)));
    assert!(good.actors().is_empty() && good.confirmation().is_none() && !good.is_clients_own());
    assert!(!format!("{good:?}").contains("alice"));
}

#[test]
fn typ_says_that_it_is_an_access_token() {
    // R-114, RFC 9068 §4
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT", "Application/AT+jwt"] {
        assert!(check_as("rfc9068", Some(typ), &json!({})).is_ok(), "{typ}");
        assert!(check_as("legacy", Some(typ), &json!({})).is_ok(), "{typ}");
    }
    for typ in [None, Some("JWT"), Some("jwt"), Some("application/jwt")] {
        assert_eq!(check_as("rfc9068", typ, &json!({})).unwrap_err(), AccessTokenError::TypRefused, "{typ:?}");
        assert!(check_as("legacy", typ, &json!({})).is_ok(), "{typ:?}");
    }
    for typ in [
        "at+jwt ",
        "at",
        "x/at+jwt",
        "application/application/at+jwt",
        "id_token+jwt",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "client-authentication+jwt",
        "oauth-authz-req+jwt",
    ] {
        for tokens in ["rfc9068", "legacy"] {
            let refused = check_as(tokens, Some(typ), &json!({})).unwrap_err();
            assert_eq!(refused, AccessTokenError::TypRefused, "{tokens} {typ}");
        }
    }
}

#[test]
fn every_claim_that_rfc_9068_requires_is_there() {
    // R-115, RFC 9068 §2.2
    for (name, error) in [
        ("iss", AccessTokenError::IssMismatch),
        ("exp", AccessTokenError::ExpMalformed),
        ("aud", AccessTokenError::AudMalformed),
        ("sub", AccessTokenError::SubMalformed),
        ("client_id", AccessTokenError::ClientIdMalformed),
        ("iat", AccessTokenError::IatMalformed),
        ("jti", AccessTokenError::JtiMalformed),
    ] {
        refused(&json!({ name: null }), error);
        for wrong in [json!({}), json!([]), json!(true), json!([1])] {
            refused(&json!({ name: wrong }), error);
        }
    }
    for wrong in [json!(""), json!("é"), json!("a".repeat(256)), json!(7)] {
        refused(&json!({ "sub": wrong }), AccessTokenError::SubMalformed);
        refused(&json!({ "client_id": wrong }), AccessTokenError::ClientIdMalformed);
    }
    refused(&json!({ "jti": "" }), AccessTokenError::JtiMalformed);
    refused(&json!({ "jti": 1 }), AccessTokenError::JtiMalformed);
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    //
    for other in ["https://as.example.com/t1/", "https://as.example.com/T1", "https://as.example.com", ""] {
        refused(&json!({ "iss": other }), AccessTokenError::IssMismatch);
    }
}

#[test]
fn one_of_the_audiences_is_ours() {
    //
    for good in [json!("urn:api"), json!(["https://other.example", "urn:api"]), json!(["https://api.example.com"])] {
        assert!(check(&json!({ "aud": good })).is_ok(), "{good}");
    }
    for other in ["https://api.example.com/", "https://API.example.com", "https://api.example.com https://b", "", "app"]
    {
        refused(&json!({ "aud": other }), AccessTokenError::AudMismatch);
        refused(&json!({ "aud": [other] }), AccessTokenError::AudMismatch);
    }
    refused(&json!({ "aud": [] }), AccessTokenError::AudMalformed);
    refused(&json!({ "aud": ["urn:api", 1] }), AccessTokenError::AudMalformed);
}

#[test]
fn times_are_numbers_within_a_minute_of_ours() {
    //
    for good in [
        json!({ "exp": NOW - 59 }),
        json!({ "iat": NOW + 60 }),
        json!({ "nbf": NOW + 60 }),
        json!({ "exp": NOW as f64 + 0.5 }),
        json!({ "iat": 0 }),
    ] {
        assert!(check(&good).is_ok(), "{good}");
    }
    for (name, malformed) in [
        ("exp", AccessTokenError::ExpMalformed),
        ("iat", AccessTokenError::IatMalformed),
        ("nbf", AccessTokenError::NbfMalformed),
        ("auth_time", AccessTokenError::AuthTimeMalformed),
    ] {
        for wrong in [json!("1800000000"), json!(true), json!(1e308), json!(-1), json!(9_223_372_036_854_775_807_i64)] {
            refused(&json!({ name: wrong }), malformed);
        }
    }
    refused(&json!({ "exp": NOW - 60 }), AccessTokenError::Expired);
    refused(&json!({ "iat": NOW + 61 }), AccessTokenError::IatInFuture);
    refused(&json!({ "nbf": NOW + 61 }), AccessTokenError::NotYetValid);
    // Not even half a second early.
    refused(&json!({ "nbf": NOW as f64 + 60.5 }), AccessTokenError::NotYetValid);
    refused(&json!({ "auth_time": NOW + 61 }), AccessTokenError::AuthTimeInFuture);
}

#[test]
fn a_legacy_token_may_lack_what_only_rfc_9068_requires() {
    //
    let legacy = |changes: &Value| check_as("legacy", Some("JWT"), changes);
    let bare = legacy(&json!({ "client_id": null, "iat": null, "jti": null })).unwrap();
    assert_eq!((bare.client_id(), bare.jti()), (None, None));
    for (place, other) in [("azp", "cid"), ("appid", "cid"), ("cid", "x")] {
        let named = legacy(&json!({ "client_id": null, place: "app", other: "other" })).unwrap();
        assert_eq!(named.client_id(), Some("app"), "{place}");
    }
    for name in ["iss", "exp", "aud", "sub"] {
        assert!(legacy(&json!({ name: null })).is_err(), "{name}");
    }
    for (name, wrong) in [("client_id", json!(7)), ("iat", json!("x")), ("jti", json!(7)), ("azp", json!({}))] {
        let changes = if name == "azp" { json!({ "client_id": null, name: wrong }) } else { json!({ name: wrong }) };
        assert!(legacy(&changes).is_err(), "{name}");
    }
}

#[test]
fn a_legacy_token_of_another_kind_is_known_by_its_claims() {
    //
    for claim in ["nonce", "at_hash", "c_hash", "s_hash", "events"] {
        for value in [json!("x"), json!({}), json!(false)] {
            let refused = check_as("legacy", Some("JWT"), &json!({ claim: value })).unwrap_err();
            assert_eq!(refused, AccessTokenError::KindRefused, "{claim}");
        }
    }
    for (claim, other) in [("typ", "ID"), ("typ", "Refresh"), ("typ", "Logout"), ("token_use", "id")] {
        let refused = check_as("legacy", None, &json!({ claim: other })).unwrap_err();
        assert_eq!(refused, AccessTokenError::KindRefused, "{claim} {other}");
    }
    for (claim, own) in [("typ", "Bearer"), ("typ", "DPoP"), ("token_use", "access")] {
        assert!(check_as("legacy", None, &json!({ claim: own })).is_ok(), "{claim} {own}");
    }
}

#[test]
fn whoever_acts_for_the_subject_is_named_from_the_outside_in() {
    // R-150, RFC 8693 §4.1
    let act = json!({ "sub": "agent", "iss": "https://agents.example", "act": { "sub": "service" } });
    let actors = check(&json!({ "act": act })).unwrap().actors().to_vec();
    let named: Vec<_> = actors.iter().map(|actor| (actor.issuer.as_deref(), actor.subject.as_str())).collect();
    assert_eq!(named, [(Some("https://agents.example"), "agent"), (None, "service")]);
    let deep = (0..MAX_ACTORS).fold(json!({ "sub": "s" }), |act, _| json!({ "sub": "s", "act": act }));
    for wrong in [
        json!("agent"),
        json!({}),
        json!([{}]),
        json!({ "sub": 1 }),
        json!({ "sub": "a", "iss": 1 }),
        json!({ "sub": "a", "act": "b" }),
        json!({ "sub": "a", "act": {} }),
        json!({ "iss": "x" }),
        deep,
    ] {
        refused(&json!({ "act": wrong }), AccessTokenError::ActMalformed);
    }
    for nothing in [json!(null), json!([]), json!("")] {
        let act = json!({ "sub": "a", "iss": nothing, "act": nothing });
        assert_eq!(check(&json!({ "act": act })).unwrap().actors().len(), 1, "{nothing}");
    }
}

#[test]
fn a_clients_own_token_is_known() {
    // R-118, RFC 9068 §5
    assert!(check(&json!({ "sub": "app" })).unwrap().is_clients_own());
    for (claim, mark) in [("gty", "client-credentials"), ("idtyp", "app")] {
        assert!(check(&json!({ claim: mark })).unwrap().is_clients_own());
        assert!(!check(&json!({ claim: "user" })).unwrap().is_clients_own());
    }
}
