use serde_json::json;

use super::*;
use crate::config::testing::{ISSUER, provider};
use crate::jose::testing::{encode, verified};

const NOW: i64 = 1_800_000_000;

fn opened(changes: &Value) -> Result<CallbackParams, ResponseError> {
    let mut claims = json!({ "iss": ISSUER, "aud": "app", "exp": NOW + 60, "code": "c d", "state": "s" });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    // `null` takes one away.
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    open(verified(None, &claims), &provider(|_| ()).issuer, "app", Timestamp::from_unix(NOW))
}

#[test]
fn a_response_says_who_signed_it_for_whom_and_until_when() {
    // R-146, R-384
    let good = opened(&json!({})).unwrap();
    assert_eq!(good.state(), Ok("s"));
    assert_eq!(good.accept(&provider(|_| ()).issuer, true).unwrap().expose(), "c d");
    assert!(opened(&json!({ "aud": ["app"] })).is_ok());
    for (changes, expected) in [
        (json!({ "iss": null }), ResponseError::IssMismatch),
        (json!({ "iss": format!("{ISSUER}/") }), ResponseError::IssMismatch),
        (json!({ "iss": [ISSUER] }), ResponseError::IssMismatch),
        (json!({ "aud": null }), ResponseError::AudMismatch),
        (json!({ "aud": "other" }), ResponseError::AudMismatch),
        (json!({ "aud": ["app", "other"] }), ResponseError::AudMismatch),
        (json!({ "aud": [] }), ResponseError::AudMismatch),
        (json!({ "exp": null }), ResponseError::ExpMalformed),
        (json!({ "exp": "tomorrow" }), ResponseError::ExpMalformed),
        (json!({ "exp": NOW - 60 }), ResponseError::Expired),
        (json!({ "code": 5 }), ResponseError::ParameterMalformed),
        (json!({ "state": ["s"] }), ResponseError::ParameterMalformed),
        (json!({ "error": {} }), ResponseError::ParameterMalformed),
    ] {
        assert_eq!(opened(&changes).err(), Some(expected), "{changes}");
    }
}

#[test]
fn what_a_signed_response_says_is_held_to_the_usual_rules() {
    // R-016, R-027, R-028
    use super::super::callback::CallbackError;
    let accepted = |changes: Value| opened(&changes).unwrap().accept(&provider(|_| ()).issuer, true).err();
    assert_eq!(accepted(json!({ "code": null })), Some(CallbackError::CodeMissing));
    assert_eq!(accepted(json!({ "id_token": "x" })), Some(CallbackError::UnaskedToken));
    assert!(matches!(accepted(json!({ "error": "access_denied" })), Some(CallbackError::ProviderError(_))));
    // Others may be anything.
    assert_eq!(accepted(json!({ "session_state": 5, "nbf": true })), None);
}

#[test]
fn the_login_that_a_response_names_is_found_without_believing_it() {
    let token = |payload: &str| format!("{}.{}.", encode(b"{}"), encode(payload.as_bytes()));
    assert_eq!(claimed_state(&token(r#"{"state":"s"}"#)).as_deref(), Some("s"));
    for bad in ["", ".", "a.b.c", &token("[]"), &token(r#"{"state":5}"#), &token(r#"{"state":"a","state":"b"}"#)] {
        assert_eq!(claimed_state(bad), None, "{bad}");
    }
    let long = format!(r#"{{"state":"s","more":"{}"}}"#, "x".repeat(MAX_TOKEN_BYTES));
    assert_eq!(claimed_state(&token(&long)), None);
}

#[test]
fn beside_a_signed_response_nothing_counts() {
    // R-146
    let encoded = |token: &str| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("code", "forged").append_pair("state", "forged").append_pair("response", token);
        form.finish()
    };
    let token = format!("{}.{}.", encode(b"{}"), encode(br#"{"state":"s","code":"inner"}"#));
    let params = CallbackParams::parse_signed(&encoded(&token));
    assert_eq!((params.state(), params.response()), (Ok("s"), Some(token.as_str())));
    // Even where nobody would open it, the code beside it is none.
    assert!(params.accept(&provider(|_| ()).issuer, false).is_err());
    let plain = CallbackParams::parse_signed("code=forged&state=forged");
    assert!(plain.response().is_none() && plain.state().is_err() && !plain.says_anything());
}

#[test]
fn a_response_stands_once_and_is_no_longer_than_a_token() {
    use super::super::callback::CallbackError;
    let twice = CallbackParams::parse_signed("response=a&response=b");
    assert_eq!(twice.state(), Err(CallbackError::Repeated("response")));
    let long = format!("response={}", "x".repeat(MAX_TOKEN_BYTES + 1));
    assert_eq!(CallbackParams::parse_signed(&long).state(), Err(CallbackError::TooLarge));
}
