use serde_json::json;

use super::*;
use crate::jose::testing::verified;

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://acme.okta.example";
const HERE: &str = "https://app.example.com/auth/revocation/okta";

/// What Okta's documents show, with these claims changed; `null` takes one away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "jti": "j-1", "iss": ISSUER, "sub": "app", "aud": HERE, "iat": NOW, "nbf": NOW - 300, "exp": NOW + 300,
    });
    let members = claims.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    claims
}

fn check_as(typ: RevocationTyp, said: Option<&str>, changes: &Value) -> Result<RevocationToken, RevocationTokenError> {
    let now = Timestamp::from_unix(NOW);
    let expected = RevocationTokenExpectations { issuer: ISSUER, audience: HERE, client_id: "app", typ, now };
    RevocationToken::check(&verified(said, &claims(changes)), &expected)
}

#[test]
fn it_is_from_the_provider_for_this_address_and_about_us() {
    //
    use RevocationTokenError::*;
    let check = |changes: &Value| check_as(RevocationTyp::Strict, Some(TYP), changes).map(|_| ());
    for good in
        [json!({}), json!({ "aud": [HERE] }), json!({ "nbf": null }), json!({ "exp": NOW - 59 }), json!({ "x": 1 })]
    {
        assert_eq!(check(&good), Ok(()), "{good}");
    }
    for (changes, expected) in [
        (json!({ "iss": "https://evil.example" }), IssMismatch),
        (json!({ "iss": null }), IssMismatch),
        (json!({ "aud": "https://app.example.com/auth/revocation/other" }), AudMismatch),
        (json!({ "aud": "app" }), AudMismatch),
        (json!({ "aud": [HERE, "https://other.example"] }), AudMismatch),
        (json!({ "aud": [] }), AudMismatch),
        (json!({ "aud": null }), AudMismatch),
        (json!({ "sub": "alice" }), SubMismatch),
        (json!({ "sub": null }), SubMismatch),
        (json!({ "exp": null }), ExpMalformed),
        (json!({ "exp": "soon" }), ExpMalformed),
        (json!({ "exp": NOW - 60 }), Expired),
        (json!({ "iat": null }), IatMalformed),
        (json!({ "iat": NOW + 61 }), IatInFuture),
        (json!({ "exp": NOW + 601 }), LivesTooLong),
        (json!({ "nbf": "x" }), NbfMalformed),
        (json!({ "nbf": NOW + 61 }), NotYetValid),
        (json!({ "jti": null }), JtiMalformed),
        (json!({ "jti": "" }), JtiMalformed),
    ] {
        assert_eq!(check(&changes), Err(expected), "{changes}");
    }
}

#[test]
fn it_says_what_it_is_unless_the_provider_is_an_older_one() {
    //
    for (typ, said, fits) in [
        (RevocationTyp::Strict, Some(TYP), true),
        (RevocationTyp::Strict, Some("application/global-token-revocation+jwt"), true),
        (RevocationTyp::Strict, Some("JWT"), false),
        (RevocationTyp::Strict, None, false),
        (RevocationTyp::Strict, Some("logout+jwt"), false),
        (RevocationTyp::Legacy, Some(TYP), true),
        (RevocationTyp::Legacy, Some("JWT"), true),
        (RevocationTyp::Legacy, None, true),
        (RevocationTyp::Legacy, Some("logout+jwt"), false),
        (RevocationTyp::Legacy, Some("at+jwt"), false),
    ] {
        assert_eq!(check_as(typ, said, &json!({})).is_ok(), fits, "{typ:?} {said:?}");
    }
}

#[test]
fn another_issuer_s_jti_is_another_one() {
    let one = check_as(RevocationTyp::Strict, Some(TYP), &json!({})).unwrap();
    assert_eq!(*one.once_key(), once_key(ISSUER, "j-1"));
    assert_ne!(once_key(ISSUER, "j-1"), once_key("https://other.example", "j-1"));
    assert_eq!(one.usable_until().as_unix(), NOW + 420);
}
