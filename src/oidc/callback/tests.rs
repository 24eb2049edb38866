use proptest::prelude::*;

use super::*;
use crate::config::testing::{ISSUER, provider};

fn accept(encoded: &str, iss_parameter_supported: bool) -> Result<String, CallbackError> {
    let issuer = provider(|_| ()).issuer;
    let code = CallbackParams::parse(encoded).accept(&issuer, iss_parameter_supported)?;
    Ok(code.expose().clone())
}

fn iss(issuer: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("iss", issuer).finish()
}

#[test]
fn a_code_comes_from_the_issuer_or_not_at_all() {
    //
    let right = iss(ISSUER);
    for (iss, advertised, expected) in [
        (right.as_str(), true, Ok("c d")),
        (right.as_str(), false, Ok("c d")),
        ("", false, Ok("c d")),
        ("", true, Err(CallbackError::IssMissing)),
        ("iss=", true, Err(CallbackError::IssMismatch)),
        ("iss=https%3A%2F%2Fevil.example", false, Err(CallbackError::IssMismatch)),
        (&iss(&format!("{ISSUER}/")), true, Err(CallbackError::IssMismatch)),
        (&iss(&ISSUER.to_uppercase()), true, Err(CallbackError::IssMismatch)),
    ] {
        assert_eq!(accept(&format!("code=c+d&state=s&{iss}"), advertised), expected.map(str::to_owned), "{iss}");
    }
}

fn refused(error: &str) -> CallbackError {
    CallbackError::ProviderError(Box::new(ErrorResponse::of_callback(error, None)))
}

#[test]
fn what_is_wrong_is_said_in_this_order() {
    //
    for (encoded, expected) in [
        ("code=a&code=b&iss=x", CallbackError::Repeated("code")),
        ("code=a&iss=x&error=access_denied&id_token=t", CallbackError::IssMismatch),
        ("code=a&error=access_denied&id_token=t", refused("access_denied")),
        ("code=a&id_token=t", CallbackError::UnaskedToken),
        ("code=a&access_token=t", CallbackError::UnaskedToken),
        ("state=s", CallbackError::CodeMissing),
        ("code=&state=s", CallbackError::CodeMissing),
        ("error=%3Cscript%3E", refused("<script>")),
        ("error=", refused("")),
        ("", CallbackError::CodeMissing),
    ] {
        assert_eq!(accept(encoded, false), Err(expected), "{encoded}");
    }
}

#[test]
fn a_spoiled_response_still_says_which_login_it_spoils_unless_that_is_what_is_doubled() {
    //
    for (encoded, expected) in [
        ("state=s&code=a&code=b", Ok("s")),
        ("state=s&state=s", Err(CallbackError::Repeated("state"))),
        ("state=", Err(CallbackError::StateMissing)),
        ("code=a", Err(CallbackError::StateMissing)),
        ("code=a&code=b", Err(CallbackError::Repeated("code"))),
    ] {
        assert_eq!(CallbackParams::parse(encoded).state(), expected, "{encoded}");
    }
}

#[test]
fn limits_hold_for_one_value_and_for_all_parameters() {
    let value = |bytes: usize| format!("code={}", "c".repeat(bytes));
    assert!(accept(&value(MAX_VALUE_BYTES), false).is_ok());
    assert_eq!(accept(&value(MAX_VALUE_BYTES + 1), false), Err(CallbackError::TooLarge));
    let many = |count: usize| format!("code=c{}", "&x=y".repeat(count));
    assert!(accept(&many(MAX_PARAMETERS - 1), false).is_ok());
    assert_eq!(accept(&many(MAX_PARAMETERS), false), Err(CallbackError::TooLarge));
}

#[test]
fn unknown_parameters_say_nothing() {
    //
    assert!(!CallbackParams::parse("foo=bar&session_state=x&error_description=y").says_anything());
    for known in ["code", "state", "iss", "error", "access_token", "id_token", "token"] {
        assert!(CallbackParams::parse(known).says_anything(), "{known}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_ends_in_a_code_or_an_error(encoded in "\\PC{0,200}|([a-z]{1,5}=[%0-9a-f&=]{0,20}&?){0,12}") {
        let params = CallbackParams::parse(&encoded);
        let state = params.state().map(str::to_owned);
        prop_assert!(state.is_err() || !state.unwrap().is_empty());
        if let Ok(code) = accept(&encoded, false) {
            prop_assert!(!code.is_empty());
        }
    }
}
