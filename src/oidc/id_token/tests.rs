use std::sync::LazyLock;

use serde_json::json;

use super::*;
use crate::claims::LATEST_UNIX;
use crate::jose::testing::verified;

const NOW: i64 = 1_700_000_000;
const NONCE: &str = "nonce-of-this-login";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

const SHA384_HALF: &str = "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs";
const SHA512_HALF: &str = "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM";

/// What differs from an ordinary login.
#[derive(Default)]
struct Asked {
    max_age: Option<u32>,
    acr_values: &'static [&'static str],
    access_token: Option<&'static str>,
    audience: Option<OwnAudience<'static>>,
}

fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://op.example", "sub": "alice", "aud": "app",
        "exp": NOW + 300, "iat": NOW, "nonce": NONCE,
    });
    for (name, value) in changes.as_object().unwrap() {
        // `null` removes; a claim that is null is written as "NULL" below.
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            Value::String(text) if text == "NULL" => claims.as_object_mut().unwrap().insert(name.clone(), Value::Null),
            other => claims.as_object_mut().unwrap().insert(name.clone(), other.clone()),
        };
    }
    claims
}

fn check_typed(typ: Option<&str>, changes: &Value, asked: &Asked) -> Result<IdToken, IdTokenError> {
    let acr_values: Vec<String> = asked.acr_values.iter().map(|value| (*value).to_owned()).collect();
    let expected = IdTokenExpectations {
        issuer: "https://op.example",
        audience: asked.audience.unwrap_or(OwnAudience::of("app")),
        nonce: &Nonce::new(NONCE.to_owned()),
        access_token: asked.access_token,
        max_age: asked.max_age.map(Seconds::new),
        acr_values: &acr_values,
        now: Timestamp::from_unix(NOW),
    };
    IdToken::check(verified(typ, &claims(changes)), &expected)
}

fn check(changes: Value) -> Result<IdToken, IdTokenError> {
    check_typed(None, &changes, &Asked::default())
}

fn assert_refused(asked: &Asked, cases: &[(Value, IdTokenError)]) {
    for (changes, expected) in cases {
        assert_eq!(check_typed(None, changes, asked).unwrap_err(), *expected, "{changes}");
    }
}

fn assert_accepted(asked: &Asked, cases: &[Value]) {
    for changes in cases {
        assert!(check_typed(None, changes, asked).is_ok(), "{changes}");
    }
}

#[test]
fn an_ordinary_token_says_who_signed_in() {
    let token = check(json!({
        "auth_time": NOW - 5, "acr": "mfa", "amr": ["pwd", 1, "otp"], "sid": "s-1", "email": "a@example.com", "azp": "app",
    }))
    .unwrap();
    assert_eq!((token.issuer(), token.subject()), ("https://op.example", "alice"));
    assert_eq!((token.issued_at().as_unix(), token.expires_at().as_unix()), (NOW, NOW + 300));
    assert_eq!(token.auth_time(), Some(Timestamp::from_unix(NOW - 5)));
    assert_eq!((token.acr(), token.sid()), (Some("mfa"), Some("s-1")));
    assert_eq!(token.amr().collect::<Vec<_>>(), ["pwd", "otp"]);
    assert_eq!(token.claims()["email"], "a@example.com");
}

#[test]
fn a_bare_token_leaves_the_optional_claims_open() {
    let token = check(json!({"acr": 1, "amr": {"pwd": true}})).unwrap();
    assert_eq!((token.auth_time(), token.acr(), token.sid(), token.amr().count()), (None, None, None, 0));
    // One method by itself is a list of one.
    let token = check(json!({"acr": "", "amr": "pwd"})).unwrap();
    assert_eq!((token.acr(), token.amr().collect::<Vec<_>>()), (None, vec!["pwd"]));
}

#[test]
fn a_printed_token_shows_nobody() {
    let text = format!("{:?}", check(json!({})));
    assert!(text.contains("https://op.example") && !text.contains("alice") && !text.contains(NONCE), "{text}");
}

//
#[test]
fn the_issuer_must_be_equal_byte_for_byte() {
    for iss in [
        json!(null),
        json!("NULL"),
        json!(""),
        json!(1),
        json!(["https://op.example"]),
        json!("https://op.example/"),
        json!("https://OP.example"),
        json!("http://op.example"),
        json!("https://op.example:443"),
        json!("https://op.example "),
        json!("https://other.example"),
    ] {
        assert_eq!(check(json!({ "iss": iss })).unwrap_err(), IdTokenError::IssMismatch);
    }
}

//
#[test]
fn the_audience_is_us_and_nobody_else() {
    use IdTokenError::{AudMalformed, AudMismatch};
    assert_refused(
        &Asked::default(),
        &[
            (json!({"aud": null}), AudMalformed),
            (json!({"aud": "NULL"}), AudMalformed),
            (json!({"aud": []}), AudMalformed),
            (json!({"aud": 1}), AudMalformed),
            (json!({"aud": {"app": true}}), AudMalformed),
            (json!({"aud": ["app", 1]}), AudMalformed),
            (json!({"aud": [["app"]]}), AudMalformed),
            (json!({"aud": "other"}), AudMismatch),
            (json!({"aud": ["other"]}), AudMismatch),
            (json!({"aud": ""}), AudMismatch),
            (json!({"aud": "app2"}), AudMismatch),
            (json!({"aud": "ap"}), AudMismatch),
            (json!({"aud": "APP"}), AudMismatch),
            (json!({"aud": "app other"}), AudMismatch),
            (json!({"aud": ["other", "third"], "azp": "app"}), AudMismatch),
        ],
    );
    assert_accepted(
        &Asked::default(),
        &[json!({"aud": "app"}), json!({"aud": ["app"]}), json!({"aud": ["app", "app"]})],
    );
}

//
#[test]
fn a_token_for_others_too_was_issued_to_us() {
    use IdTokenError::{AzpMismatch, AzpMissing};
    let cases: Vec<(Value, IdTokenError)> = [
        (json!(null), AzpMissing),
        (json!("NULL"), AzpMissing),
        (json!(""), AzpMissing),
        (json!([]), AzpMissing),
        (json!("other"), AzpMismatch),
        (json!("APP"), AzpMismatch),
        (json!(["app"]), AzpMismatch),
        (json!(true), AzpMismatch),
    ]
    .into_iter()
    .map(|(azp, error)| (json!({ "aud": ["other", "app"], "azp": azp }), error))
    .collect();
    assert_refused(&Asked::default(), &cases);
    assert_accepted(
        &Asked::default(),
        &[json!({"aud": ["app", "other"], "azp": "app"}), json!({"aud": ["a", "app", "b", ""], "azp": "app"})],
    );
}

//
#[test]
fn audiences_that_are_trusted_by_name_are_the_only_ones() {
    use IdTokenError::{AudMismatch, AudUntrusted, AzpMismatch};
    static TRUSTED: LazyLock<[String; 2]> = LazyLock::new(|| ["api", "other"].map(str::to_owned));
    let of = |trusted: &'static [String]| Asked {
        audience: Some(OwnAudience { trusted: Some(trusted), ..OwnAudience::of("app") }),
        ..Asked::default()
    };
    let named = of(&*TRUSTED);
    assert_accepted(
        &named,
        &[json!({"aud": "app"}), json!({"aud": ["app", "api"]}), json!({"aud": ["other", "app", "api"], "azp": "app"})],
    );
    assert_refused(
        &named,
        &[
            (json!({"aud": ["app", "third"], "azp": "app"}), AudUntrusted),
            (json!({"aud": ["app", "api", "third"], "azp": "app"}), AudUntrusted),
            (json!({"aud": ["app", "API"]}), AudUntrusted),
            (json!({"aud": ["app", "api"], "azp": "api"}), AzpMismatch),
            (json!({"aud": ["api", "other"], "azp": "app"}), AudMismatch),
        ],
    );
    let nobody = of(&[]);
    assert_refused(&nobody, &[(json!({"aud": ["app", "other"], "azp": "app"}), AudUntrusted)]);
    assert_accepted(&nobody, &[json!({"aud": "app"}), json!({"aud": ["app"], "azp": "app"})]);
}

//
#[test]
fn the_authorized_party_is_us() {
    use IdTokenError::AzpMismatch;
    assert_refused(
        &Asked::default(),
        &[
            (json!({"azp": "other"}), AzpMismatch),
            (json!({"azp": ["app"]}), AzpMismatch),
            (json!({"azp": 7}), AzpMismatch),
            (json!({"aud": ["app", "app"], "azp": "other"}), AzpMismatch),
        ],
    );
    assert_accepted(&Asked::default(), &[json!({"azp": "app"}), json!({"aud": ["app", "app"], "azp": "app"})]);
}

//
#[test]
fn an_expired_token_is_refused() {
    use IdTokenError::{ExpMalformed, Expired};
    assert_refused(
        &Asked::default(),
        &[
            (json!({"exp": null}), ExpMalformed),
            (json!({"exp": "NULL"}), ExpMalformed),
            (json!({"exp": "1800000000"}), ExpMalformed),
            (json!({"exp": true}), ExpMalformed),
            (json!({"exp": [NOW + 300]}), ExpMalformed),
            (json!({"exp": -1}), ExpMalformed),
            (json!({"exp": -0.5}), ExpMalformed),
            (json!({"exp": 1e308}), ExpMalformed),
            (json!({"exp": i64::MAX}), ExpMalformed),
            (json!({"exp": i64::MIN}), ExpMalformed),
            (json!({"exp": u64::MAX}), ExpMalformed),
            (json!({"exp": LATEST_UNIX + 1}), ExpMalformed),
            (json!({"exp": 0}), Expired),
            (json!({"exp": NOW - 3600}), Expired),
            (json!({"exp": NOW - 61}), Expired),
            (json!({"exp": NOW - 60}), Expired),
            (json!({"exp": NOW as f64 - 60.5}), Expired),
        ],
    );
    let accepted =
        [json!(NOW - 59), json!(NOW + 1), json!(NOW as f64 + 0.5), json!(NOW as f64 - 58.5), json!(LATEST_UNIX)];
    assert_accepted(&Asked::default(), &accepted.map(|exp| json!({ "exp": exp })));
}

//
#[test]
fn a_token_is_fresh_and_not_from_the_future() {
    use IdTokenError::{IatInFuture, IatMalformed, IatTooOld, NbfMalformed, NotYetValid};
    assert_refused(
        &Asked::default(),
        &[
            (json!({"iat": null}), IatMalformed),
            (json!({"iat": "NULL"}), IatMalformed),
            (json!({"iat": NOW.to_string()}), IatMalformed),
            (json!({"iat": false}), IatMalformed),
            (json!({"iat": -1}), IatMalformed),
            (json!({"iat": 1e308}), IatMalformed),
            (json!({"iat": NOW + 61}), IatInFuture),
            (json!({"iat": NOW + 300}), IatInFuture),
            (json!({"iat": NOW - 601}), IatTooOld),
            (json!({"iat": NOW - 7 * 86400}), IatTooOld),
            (json!({"iat": 0}), IatTooOld),
            (json!({"nbf": NOW + 61}), NotYetValid),
            (json!({"nbf": NOW as f64 + 60.5}), NotYetValid),
            (json!({"nbf": NOW.to_string()}), NbfMalformed),
            (json!({"nbf": 1e308}), NbfMalformed),
        ],
    );
    assert_accepted(
        &Asked::default(),
        &[
            json!({"iat": NOW + 5}),
            json!({"iat": NOW + 59}),
            json!({"iat": NOW - 600}),
            json!({"iat": NOW as f64 + 0.9}),
            json!({"nbf": NOW + 59}),
            json!({"nbf": NOW as f64 - 0.1}),
            json!({"nbf": 0}),
        ],
    );
}

//
#[test]
fn the_nonce_is_that_of_this_login() {
    use IdTokenError::{NonceMismatch, NonceMissing};
    assert_refused(
        &Asked::default(),
        &[
            (json!({"nonce": null}), NonceMissing),
            (json!({"nonce": "NULL"}), NonceMissing),
            (json!({"nonce": [NONCE]}), NonceMissing),
            (json!({"nonce": 1}), NonceMissing),
            (json!({"nonce": ""}), NonceMismatch),
            (json!({"nonce": "nonce-of-other-tabs"}), NonceMismatch),
            (json!({"nonce": "Nonce-of-this-login"}), NonceMismatch),
            (json!({"nonce": "nonce-of-this-logi"}), NonceMismatch),
            (json!({"nonce": "nonce-of-this-login "}), NonceMismatch),
        ],
    );
}

//
#[test]
fn the_subject_is_a_short_ascii_name() {
    let longest = "x".repeat(255);
    for sub in
        [json!(null), json!("NULL"), json!(""), json!(5), json!(["alice"]), json!("x".repeat(256)), json!("alicé")]
    {
        assert_eq!(check(json!({ "sub": sub })).unwrap_err(), IdTokenError::SubMalformed, "{sub}");
    }
    assert_eq!(check(json!({ "sub": longest })).unwrap().subject(), longest);
}

#[test]
fn a_sid_that_is_there_can_be_used() {
    for sid in [json!(5), json!(["s"]), json!("x".repeat(256))] {
        assert_eq!(check(json!({ "sid": sid })).unwrap_err(), IdTokenError::SidMalformed, "{sid}");
    }
}

//
#[test]
fn at_hash_belongs_to_the_access_token() {
    let asked = Asked { access_token: Some(ACCESS_TOKEN), ..Asked::default() };
    let half = |hash: crate::jose::Hash, bytes: usize| {
        Base64UrlUnpadded::encode_string(&hash.digest(ACCESS_TOKEN.as_bytes())[..bytes])
    };
    use crate::jose::Hash::{Sha256, Sha512};
    // The helper signs with Ed25519, whose hash is SHA-512.
    assert_accepted(&asked, &[json!({}), json!({"at_hash": half(Sha512, 32)})]);
    for at_hash in [
        json!(half(Sha256, 16)),
        json!(half(Sha512, 16)),
        json!(half(Sha512, 64)),
        json!(half(Sha512, 31)),
        json!(half(Sha512, 32) + "="),
        json!([half(Sha512, 32)]),
    ] {
        assert_refused(&asked, &[(json!({ "at_hash": at_hash }), IdTokenError::AtHashMismatch)]);
    }
    let other = Asked { access_token: Some("other"), ..Asked::default() };
    assert_refused(&other, &[(json!({"at_hash": half(Sha512, 32)}), IdTokenError::AtHashMismatch)]);
    assert_accepted(&Asked::default(), &[json!({"at_hash": "no access token to compare with"})]);
}

// the example of OpenID Connect Core §A.3, and what the other hashes make of the same token.
#[test]
fn at_hash_goes_by_the_hash_of_the_algorithm() {
    let hashes = [
        (Algorithm::Rs256, "77QmUPtjPfzWtF2AnpK9RQ"),
        (Algorithm::Ps256, "77QmUPtjPfzWtF2AnpK9RQ"),
        (Algorithm::Es256, "77QmUPtjPfzWtF2AnpK9RQ"),
        (Algorithm::Rs384, SHA384_HALF),
        (Algorithm::Ps384, SHA384_HALF),
        (Algorithm::Rs512, SHA512_HALF),
        (Algorithm::Ps512, SHA512_HALF),
        (Algorithm::EdDsa, SHA512_HALF),
    ];
    for (algorithm, right) in hashes {
        for (_, at_hash) in hashes {
            let claims = json!({ "at_hash": at_hash });
            let accepted = check_at_hash(claims.as_object().unwrap(), algorithm, Some(ACCESS_TOKEN)).is_ok();
            assert_eq!(accepted, at_hash == right, "{algorithm:?} {at_hash}");
        }
    }
}

//
#[test]
fn other_kinds_of_tokens_are_refused() {
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "AT+JWT",
        "logout+jwt",
        "application/logout+jwt",
        "secevent+jwt",
        "Secevent+JWT",
        "application/secevent+jwt",
        "dpop+jwt",
        "JOSE",
        "JWE",
        "text/jwt",
        " JWT",
        "id_token+jwt",
    ] {
        let error = check_typed(Some(typ), &json!({}), &Asked::default()).unwrap_err();
        assert_eq!(error, IdTokenError::TypRefused, "{typ}");
    }
    for typ in [None, Some("JWT"), Some("jwt"), Some("application/jwt")] {
        assert!(check_typed(typ, &json!({}), &Asked::default()).is_ok());
        for events in [json!({"http://schemas.openid.net/event/backchannel-logout": {}}), json!({}), json!(false)] {
            let error = check_typed(typ, &json!({ "events": events }), &Asked::default()).unwrap_err();
            assert_eq!(error, IdTokenError::EventsPresent);
        }
    }
}

//
#[test]
fn max_age_asks_how_long_ago_the_person_signed_in() {
    use IdTokenError::{AuthTimeInFuture, AuthTimeMalformed, AuthTimeMissing, AuthTimeTooOld};
    let asked = Asked { max_age: Some(300), ..Asked::default() };
    assert_refused(
        &asked,
        &[
            (json!({}), AuthTimeMissing),
            (json!({"auth_time": "NULL"}), AuthTimeMissing),
            (json!({"auth_time": NOW.to_string()}), AuthTimeMalformed),
            (json!({"auth_time": -1}), AuthTimeMalformed),
            (json!({"auth_time": 1e308}), AuthTimeMalformed),
            (json!({"auth_time": NOW + 61}), AuthTimeInFuture),
            (json!({"auth_time": NOW - 361}), AuthTimeTooOld),
            (json!({"auth_time": 0}), AuthTimeTooOld),
        ],
    );
    assert_accepted(
        &asked,
        &[
            json!({"auth_time": NOW}),
            json!({"auth_time": NOW - 360}),
            json!({"auth_time": NOW as f64 + 0.1}),
            json!({"auth_time": NOW as f64 - 0.1}),
            json!({"auth_time": NOW + 59}),
        ],
    );
    let at_once = Asked { max_age: Some(0), ..Asked::default() };
    assert_refused(&at_once, &[(json!({"auth_time": NOW - 61}), AuthTimeTooOld)]);
    assert_accepted(&at_once, &[json!({"auth_time": NOW - 60})]);
    let longest = Asked { max_age: Some(u32::MAX), ..Asked::default() };
    assert_accepted(&longest, &[json!({"auth_time": 0})]);
}

// a route may ask later, so a time that would never grow old is refused even now.
#[test]
fn auth_time_is_a_past_time_even_when_nobody_asked() {
    use IdTokenError::{AuthTimeInFuture, AuthTimeMalformed};
    assert_refused(
        &Asked::default(),
        &[
            (json!({"auth_time": LATEST_UNIX}), AuthTimeInFuture),
            (json!({"auth_time": "yesterday"}), AuthTimeMalformed),
        ],
    );
    assert_accepted(&Asked::default(), &[json!({"auth_time": 0}), json!({})]);
}

//
#[test]
fn a_required_acr_is_there_exactly() {
    let asked = Asked { acr_values: &["mfa", "phr"], ..Asked::default() };
    for acr in [
        json!(null),
        json!("NULL"),
        json!(""),
        json!("pwd"),
        json!("MFA"),
        json!("mfa phr"),
        json!("mfa "),
        json!(["mfa"]),
        json!(2),
    ] {
        assert_refused(&asked, &[(json!({ "acr": acr }), IdTokenError::AcrUnsatisfied)]);
    }
    assert_accepted(&asked, &[json!({"acr": "mfa"}), json!({"acr": "phr"})]);
    assert_accepted(&Asked::default(), &[json!({}), json!({"acr": "pwd"}), json!({"acr": ["mfa"]})]);
}

mod properties;
