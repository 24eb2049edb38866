use serde_json::json;

use super::*;
use crate::jose::testing::verified;
use crate::oidc::id_token::{self, IdToken, IdTokenError};
use crate::oidc::login_values::Nonce;

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://op.example";

/// An ordinary token's claims; `null` in `changes` removes one.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "app", "iat": NOW, "exp": NOW + 120, "jti": "j-1",
        "sub": "alice", "sid": "s-1", "events": { EVENT: {} },
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            other => claims.as_object_mut().unwrap().insert(name.clone(), other.clone()),
        };
    }
    claims
}

fn check_as(kind: LogoutTokens, typ: Option<&str>, changes: &Value) -> Result<LogoutToken, LogoutTokenError> {
    let now = Timestamp::from_unix(NOW);
    let expected = LogoutTokenExpectations { issuer: ISSUER, audience: OwnAudience::of("app"), kind, now };
    LogoutToken::check(&verified(typ, &claims(changes)), &expected)
}

fn check(changes: Value) -> Result<LogoutToken, LogoutTokenError> {
    check_as(LogoutTokens::Strict, Some("logout+jwt"), &changes)
}

fn assert_refused(cases: &[(Value, LogoutTokenError)]) {
    for (changes, expected) in cases {
        assert_eq!(check(changes.clone()), Err(*expected), "{changes}");
        let legacy = check_as(LogoutTokens::Legacy, None, changes);
        assert_eq!(legacy, Err(*expected), "legacy, {changes}");
    }
}

#[test]
fn a_logout_token_says_whose_and_which_sessions_end() {
    //
    let of = |changes| check(changes).unwrap().target().clone();
    let (subject, sid) = ("alice".to_owned(), "s-1".to_owned());
    assert!(of(json!({})) == Target::SubjectSession { subject: subject.clone(), sid: sid.clone() });
    assert!(of(json!({ "sid": null })) == Target::Subject(subject));
    assert!(of(json!({ "sub": null })) == Target::Session(sid));
}

#[test]
fn nobody_or_half_a_name_ends_nothing() {
    //
    use LogoutTokenError::{NobodyNamed, SidMalformed, SubMalformed};
    assert_refused(&[
        (json!({ "sub": null, "sid": null }), NobodyNamed),
        (json!({ "sub": "", "sid": null }), NobodyNamed),
        (json!({ "sub": [], "sid": "" }), NobodyNamed),
        (json!({ "sub": 1 }), SubMalformed),
        (json!({ "sub": ["alice"] }), SubMalformed),
        (json!({ "sub": "älice" }), SubMalformed),
        (json!({ "sub": "a".repeat(256) }), SubMalformed),
        (json!({ "sid": true }), SidMalformed),
        (json!({ "sid": "s".repeat(256) }), SidMalformed),
    ]);
}

#[test]
fn issuer_and_audience_are_exact() {
    //
    use LogoutTokenError::{AudMalformed, AudMismatch, AudUntrusted, IssMismatch};
    assert_refused(&[
        (json!({ "iss": null }), IssMismatch),
        (json!({ "iss": "" }), IssMismatch),
        (json!({ "iss": [ISSUER] }), IssMismatch),
        (json!({ "iss": "https://op.example/" }), IssMismatch),
        (json!({ "iss": "https://OP.example" }), IssMismatch),
        (json!({ "iss": "https://other.example" }), IssMismatch),
        (json!({ "aud": null }), AudMalformed),
        (json!({ "aud": [] }), AudMalformed),
        (json!({ "aud": 1 }), AudMalformed),
        (json!({ "aud": ["app", 1] }), AudMalformed),
        (json!({ "aud": "other" }), AudMismatch),
        (json!({ "aud": "" }), AudMismatch),
        (json!({ "aud": "APP" }), AudMismatch),
        (json!({ "aud": ["app", "other"] }), AudUntrusted),
    ]);
    for ours in [json!(["app"]), json!(["app", "app"])] {
        assert!(check(json!({ "aud": ours })).is_ok());
    }
    // As an ID token that is for others too.
    assert!(check(json!({ "aud": ["app", "other"], "azp": "app" })).is_ok());
    assert_refused(&[(json!({ "aud": ["app", "other"], "azp": "other" }), AudUntrusted)]);
    let trusted = ["other".to_owned()];
    let audience = OwnAudience { trusted: Some(&trusted), ..OwnAudience::of("app") };
    let check = |changes: Value| {
        let (kind, now) = (LogoutTokens::Strict, Timestamp::from_unix(NOW));
        let expected = LogoutTokenExpectations { issuer: ISSUER, audience, kind, now };
        LogoutToken::check(&verified(Some("logout+jwt"), &claims(&changes)), &expected).map(|_| ())
    };
    assert_eq!(check(json!({ "aud": ["app", "other"] })), Ok(()));
    assert_eq!(check(json!({ "aud": ["app", "third"], "azp": "app" })), Err(AudUntrusted));
    assert_eq!(check(json!({ "aud": ["other"] })), Err(AudMismatch));
}

#[test]
fn a_logout_token_is_young_and_not_from_the_future() {
    //
    use LogoutTokenError::{ExpMalformed, Expired, IatInFuture, IatMalformed, IatTooOld, NbfMalformed, NotYetValid};
    assert_refused(&[
        (json!({ "exp": NOW - 60 }), Expired),
        (json!({ "exp": 0 }), Expired),
        (json!({ "exp": "soon" }), ExpMalformed),
        (json!({ "exp": -1 }), ExpMalformed),
        (json!({ "exp": 1e300 }), ExpMalformed),
        (json!({ "iat": null }), IatMalformed),
        (json!({ "iat": "now" }), IatMalformed),
        (json!({ "iat": NOW + 61 }), IatInFuture),
        (json!({ "iat": NOW - 601 }), IatTooOld),
        (json!({ "nbf": NOW + 61 }), NotYetValid),
        (json!({ "nbf": NOW as f64 + 60.5 }), NotYetValid),
        (json!({ "nbf": "later" }), NbfMalformed),
    ]);
    for fine in [
        json!({ "exp": NOW - 59 }),
        json!({ "iat": NOW + 60 }),
        json!({ "iat": NOW - 600 }),
        json!({ "iat": NOW as f64 + 0.5, "exp": NOW as f64 + 90.5 }),
        json!({ "nbf": NOW + 60 }),
    ] {
        assert!(check(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn the_event_is_that_of_back_channel_logout_and_nothing_like_it() {
    //
    for events in [
        json!(null),
        json!({}),
        json!([]),
        json!([EVENT]),
        json!(EVENT),
        json!(true),
        json!({ EVENT: true }),
        json!({ EVENT: "" }),
        json!({ EVENT: [] }),
        json!({ EVENT: 1 }),
        json!({ EVENT.to_uppercase(): {} }),
        json!({ EVENT.replace("logout", "Logout"): {} }),
        json!({ EVENT.replace("http:", "https:"): {} }),
        json!({ format!("{EVENT}/"): {} }),
        json!({ "http://schemas.openid.net/event/frontchannel-logout": {} }),
    ] {
        assert_refused(&[(json!({ "events": events }), LogoutTokenError::EventsMalformed)]);
    }
    assert!(check(json!({ "events": { EVENT: { "why": 1 }, "urn:other": true } })).is_ok());
}

#[test]
fn a_nonce_of_any_kind_makes_it_no_logout_token() {
    //
    for nonce in [json!("n"), json!(0), json!(false), json!({})] {
        assert_refused(&[(json!({ "nonce": nonce }), LogoutTokenError::NoncePresent)]);
    }
}

#[test]
fn a_token_that_cannot_be_told_from_the_next_is_refused() {
    //
    for jti in [json!(null), json!(""), json!(1), json!(["j-1"])] {
        assert_refused(&[(json!({ "jti": jti }), LogoutTokenError::JtiMalformed)]);
    }
    let key = |changes| *check(changes).unwrap().once_key();
    assert_eq!(key(json!({})), key(json!({ "sub": "bob", "iat": NOW - 1 })));
    assert_ne!(key(json!({})), key(json!({ "jti": "j-2" })));
    assert_ne!(once_key("https://a.example", "j"), once_key("https://b.example", "j"));
}

#[test]
fn a_token_is_remembered_for_as_long_as_it_could_be_used_and_no_longer() {
    //
    let until = |changes: Value| {
        let typ = Some("logout+jwt");
        check_as(LogoutTokens::Legacy, typ, &changes).unwrap().usable_until().as_unix() - NOW
    };
    assert_eq!(until(json!({})), 120 + 60 + 60);
    assert_eq!(until(json!({ "exp": null })), 600 + 60 + 60);
    assert_eq!(until(json!({ "exp": 253_402_300_799_i64 })), 600 + 60 + 60);
}

#[test]
fn the_kind_of_token_is_named_unless_the_provider_is_known_not_to() {
    //
    use LogoutTokens::{Legacy, Standard, Strict};
    let taken = |typ| [Strict, Standard, Legacy].map(|kind| check_as(kind, typ, &json!({})).is_ok());
    for typ in ["logout+jwt", "Logout+JWT", "application/logout+jwt", "Application/LOGOUT+jwt"] {
        assert_eq!(taken(Some(typ)), [true; 3], "{typ}");
    }
    assert_eq!(taken(None), [false, true, true]);
    for typ in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(taken(Some(typ)), [false, false, true], "{typ}");
    }
    for typ in [
        "at+jwt",
        "secevent+jwt",
        "logout",
        "logout+jwt ",
        "text/logout+jwt",
        "application/application/logout+jwt",
        "application/",
        "token-introspection+jwt",
        "dpop+jwt",
    ] {
        for kind in [Strict, Standard, Legacy] {
            assert_eq!(check_as(kind, Some(typ), &json!({})), Err(LogoutTokenError::TypRefused), "{typ}");
        }
    }
}

#[test]
fn a_token_without_exp_passes_only_where_that_is_configured() {
    //
    let without = json!({ "exp": null });
    assert_eq!(check(without.clone()), Err(LogoutTokenError::ExpMalformed));
    for typ in [None, Some("logout+jwt")] {
        assert_eq!(check_as(LogoutTokens::Standard, typ, &without), Err(LogoutTokenError::ExpMalformed));
    }
    assert!(check_as(LogoutTokens::Legacy, Some("JWT"), &without).is_ok());
    let aged = json!({ "exp": null, "iat": NOW - 601 });
    assert_eq!(check_as(LogoutTokens::Legacy, None, &aged), Err(LogoutTokenError::IatTooOld));
}

#[test]
fn an_id_token_ends_no_session_and_a_logout_token_begins_none() {
    //
    let id_claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": "app", "iat": NOW, "exp": NOW + 300, "nonce": "n", "sid": "s-1",
    });
    let now = Timestamp::from_unix(NOW);
    let login = id_token::IdTokenExpectations {
        issuer: ISSUER,
        audience: OwnAudience::of("app"),
        nonce: &Nonce::new("n".to_owned()),
        access_token: None,
        max_age: None,
        acr_values: &[],
        now,
    };
    use LogoutTokenError::{EventsMalformed, TypRefused};
    for (kind, untyped, typed) in [
        (LogoutTokens::Strict, TypRefused, TypRefused),
        (LogoutTokens::Standard, EventsMalformed, TypRefused),
        (LogoutTokens::Legacy, EventsMalformed, EventsMalformed),
    ] {
        for (typ, expected) in [(None, untyped), (Some("JWT"), typed)] {
            let id_token = verified(typ, &id_claims);
            assert!(IdToken::check(id_token.clone(), &login).is_ok());
            let logout = LogoutTokenExpectations { issuer: ISSUER, audience: OwnAudience::of("app"), kind, now };
            assert_eq!(LogoutToken::check(&id_token, &logout), Err(expected), "{typ:?}");
        }
    }
    let with_nonce = json!({ "nonce": "n" });
    for (typ, expected) in [(Some("logout+jwt"), IdTokenError::TypRefused), (None, IdTokenError::EventsPresent)] {
        let token = verified(typ, &claims(&with_nonce));
        assert_eq!(IdToken::check(token, &login).unwrap_err(), expected);
    }
}

#[test]
fn a_printed_token_shows_nobody() {
    let text = format!("{:?}", check(json!({})));
    assert!(!text.contains("alice") && !text.contains("s-1") && !text.contains("j-1"), "{text}");
}
