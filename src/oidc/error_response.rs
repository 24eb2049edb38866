//! An error that a provider answers (RFC 6749 §4.1.2.1, §5.2) → what it means for the person, wherever it comes:
//! at the callback, for a code, or for a refresh token.

use serde_json::{Map, Value};

use super::exchange::may_pass;
use crate::http::StatusCode;

/// More of a description says nothing new.
const MAX_DESCRIPTION_CHARACTERS: usize = 200;
/// No word of a language is as long and has digits; codes and tokens are, and have.
const LONGEST_WORD_WITH_DIGITS: usize = 15;
const LONGEST_WORD: usize = 31;

/// What GitHub says in the place of registered errors.
const ALIASES: [(&str, &str); 3] = [
    ("bad_refresh_token", "invalid_grant"),
    ("bad_verification_code", "invalid_grant"),
    ("incorrect_client_credentials", "invalid_client"),
];

/// What Keycloak says, in the description of another error, when a person took too long to sign in there.
const AUTHENTICATION_EXPIRED: &str = "authentication_expired";

/// What a provider's error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The person said no, or somebody at the provider on their account.
    Declined,
    /// The provider wants something of the person: who signs in again gets on.
    PersonWanted,
    /// It may pass by itself.
    NotNow,
    /// The provider does not take our request: something is configured wrong, here or there.
    Mistaken,
}

/// The error codes that are known, and what each means: those of the registry "OAuth Extensions Error" (RFC 6749 §11.4)
/// that an authorization or token endpoint may use, and those of RFC 6749 itself.
const KNOWN: [(&str, ErrorClass); 32] = [
    ("access_denied", ErrorClass::Declined),
    ("account_selection_required", ErrorClass::PersonWanted),
    (AUTHENTICATION_EXPIRED, ErrorClass::PersonWanted),
    ("authorization_pending", ErrorClass::NotNow),
    ("consent_required", ErrorClass::PersonWanted),
    ("expired_token", ErrorClass::PersonWanted),
    ("insufficient_scope", ErrorClass::Mistaken),
    ("insufficient_user_authentication", ErrorClass::PersonWanted),
    ("interaction_required", ErrorClass::PersonWanted),
    ("invalid_authorization_details", ErrorClass::Mistaken),
    ("invalid_client", ErrorClass::Mistaken),
    ("invalid_dpop_proof", ErrorClass::Mistaken),
    ("invalid_grant", ErrorClass::PersonWanted),
    ("invalid_request", ErrorClass::Mistaken),
    ("invalid_request_object", ErrorClass::Mistaken),
    ("invalid_request_uri", ErrorClass::Mistaken),
    ("invalid_scope", ErrorClass::Mistaken),
    ("invalid_target", ErrorClass::Mistaken),
    ("invalid_token", ErrorClass::Mistaken),
    ("login_required", ErrorClass::PersonWanted),
    ("registration_not_supported", ErrorClass::Mistaken),
    ("request_not_supported", ErrorClass::Mistaken),
    ("request_uri_not_supported", ErrorClass::Mistaken),
    ("server_error", ErrorClass::NotNow),
    ("slow_down", ErrorClass::NotNow),
    ("temporarily_unavailable", ErrorClass::NotNow),
    ("unauthorized_client", ErrorClass::Mistaken),
    ("unmet_authentication_requirements", ErrorClass::PersonWanted),
    ("unsupported_grant_type", ErrorClass::Mistaken),
    ("unsupported_response_type", ErrorClass::Mistaken),
    ("unsupported_token_type", ErrorClass::Mistaken),
    ("use_dpop_nonce", ErrorClass::Mistaken),
];

/// A provider's error. Its text is for the log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    known: Option<(&'static str, ErrorClass)>,
    status: Option<StatusCode>,
    /// Whether it has the form of RFC 6749 §5.2, as far as can be told.
    is_by_protocol: bool,
    says: Option<String>,
}

impl ErrorResponse {
    /// The error of an authorization response.
    #[must_use]
    pub fn of_callback(error: &str, description: Option<&str>) -> Self {
        Self { known: known(error, description), status: None, is_by_protocol: true, says: says(error, description) }
    }

    /// The error of a token response; `document`: its body, if that is a JSON object.
    #[must_use]
    pub fn of_answer(status: StatusCode, document: Option<&Map<String, Value>>) -> Self {
        let text = |name: &str| document.and_then(|document| document.get(name)).and_then(Value::as_str);
        let (error, description) = (text("error").unwrap_or_default(), text("error_description"));
        Self {
            known: known(error, description),
            status: Some(status),
            is_by_protocol: !error.is_empty() || (status == StatusCode::BAD_REQUEST && document.is_some()),
            says: says(error, description),
        }
    }

    /// What it means. A status that may pass says so whatever stands in the body.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match (self.status, self.known) {
            (Some(status), _) if may_pass(status) => ErrorClass::NotNow,
            (_, Some((_, class))) => class,
            (Some(_), None) => ErrorClass::Mistaken,
            // Providers have words of their own for a person who changed their mind.
            (None, None) => ErrorClass::Declined,
        }
    }

    /// `error`, where it is a known one. Without one, 401 says the same as `invalid_client` (RFC 6749 §5.2).
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        let implied = (self.status == Some(StatusCode::UNAUTHORIZED)).then_some("invalid_client");
        self.known.map(|(code, _)| code).or(implied)
    }

    /// Whether the provider means this very request and will say the same to it again, rather than that something on
    /// the way failed: a refresh token is good for nothing then.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        let another_client_might = self.code() == Some("invalid_client");
        self.is_by_protocol && self.class() != ErrorClass::NotNow && !another_client_might
    }

    /// The status it came with; an authorization response has none.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// For the log: `error` where it is a known one, or else the status.
    #[must_use]
    pub fn detail(&self) -> String {
        match (self.known, self.status) {
            (Some((code, _)), _) => code.to_owned(),
            (None, Some(status)) => status.as_u16().to_string(),
            (None, None) => "unregistered_error".to_owned(),
        }
    }

    /// What the provider says of it, for the log: its description, behind the error where that is not a known one.
    /// Without control characters, cut short, and without whatever may be a code or a token.
    #[must_use]
    pub fn says(&self) -> Option<&str> {
        self.says.as_deref()
    }
}

fn known(error: &str, description: Option<&str>) -> Option<(&'static str, ErrorClass)> {
    let error = ALIASES.into_iter().find(|(alias, _)| *alias == error).map_or(error, |(_, code)| code);
    let find = |code: &str| KNOWN.into_iter().find(|(known, _)| *known == code);
    let expired = description.filter(|text| *text == AUTHENTICATION_EXPIRED);
    expired.and_then(find).or_else(|| find(error))
}

fn says(error: &str, description: Option<&str>) -> Option<String> {
    let unknown = Some(error).filter(|error| known(error, None).is_none());
    let parts = [unknown, description].map(|part| part.map(printable).filter(|text| !text.is_empty()));
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
    (!text.is_empty()).then_some(text)
}

/// What others wrote, as it may stand in the log: in the characters of RFC 6749 §5.2, one space between words, not too
/// long, and `…` for each word that may be a credential.
#[must_use]
pub fn printable(text: &str) -> String {
    printable_but(text, |_| false)
}

/// The same of a name, such as that of an issuer or audience: many are UUIDs, or hold one.
#[must_use]
pub fn printable_name(text: &str) -> String {
    printable_but(text, is_uuid)
}

fn is_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths: Vec<usize> = text.split('-').filter(|part| is_hex(part)).map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
}

fn printable_but(text: &str, is_kept: fn(&str) -> bool) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\');
    let plain: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    let words: Vec<String> = plain.split_ascii_whitespace().map(|word| without_credentials(word, is_kept)).collect();
    words.join(" ").chars().take(MAX_DESCRIPTION_CHARACTERS).collect()
}

fn without_credentials(word: &str, is_kept: fn(&str) -> bool) -> String {
    let in_credentials = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    word.split_inclusive(|c: char| !in_credentials(c))
        .map(|part| {
            let (name, end) = match part.char_indices().next_back() {
                Some((at, last)) if !in_credentials(last) => part.split_at(at),
                _ => (part, ""),
            };
            let has_digits = name.bytes().any(|byte| byte.is_ascii_digit());
            let is_word = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let is_long = (has_digits && name.len() > LONGEST_WORD_WITH_DIGITS) || name.len() > LONGEST_WORD;
            if is_long && !is_word && !is_kept(name) { format!("…{end}") } else { part.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> ErrorResponse {
        ErrorResponse::of_answer(StatusCode::from_u16(status).unwrap(), body.as_object())
    }

    #[test]
    fn one_code_means_the_same_wherever_it_comes() {
        for (code, class) in KNOWN {
            assert_eq!(ErrorResponse::of_callback(code, None).class(), class, "{code}");
            assert_eq!(answer(400, &json!({ "error": code })).class(), class, "{code}");
            assert_eq!(answer(503, &json!({ "error": code })).class(), ErrorClass::NotNow, "{code}");
        }
        assert!(KNOWN.is_sorted_by_key(|(code, _)| *code));
    }

    #[test]
    fn every_code_of_the_registry_has_its_meaning() {
        // Said a second time, class by class: a slip in the table would otherwise be its own proof.
        let of = |class| KNOWN.into_iter().filter(|(_, own)| *own == class).map(|(code, _)| code).collect::<Vec<_>>();
        assert_eq!(of(ErrorClass::Declined), ["access_denied"]);
        assert_eq!(
            of(ErrorClass::PersonWanted),
            [
                "account_selection_required",
                "authentication_expired",
                "consent_required",
                "expired_token",
                "insufficient_user_authentication",
                "interaction_required",
                "invalid_grant",
                "login_required",
                "unmet_authentication_requirements"
            ]
        );
        assert_eq!(
            of(ErrorClass::NotNow),
            ["authorization_pending", "server_error", "slow_down", "temporarily_unavailable"]
        );
        assert_eq!(
            of(ErrorClass::Mistaken),
            [
                "insufficient_scope",
                "invalid_authorization_details",
                "invalid_client",
                "invalid_dpop_proof",
                "invalid_request",
                "invalid_request_object",
                "invalid_request_uri",
                "invalid_scope",
                "invalid_target",
                "invalid_token",
                "registration_not_supported",
                "request_not_supported",
                "request_uri_not_supported",
                "unauthorized_client",
                "unsupported_grant_type",
                "unsupported_response_type",
                "unsupported_token_type",
                "use_dpop_nonce"
            ]
        );
    }

    #[test]
    fn a_status_that_may_pass_is_not_now_whatever_stands_in_the_body() {
        for status in [408, 425, 429, 500, 502, 503, 599] {
            for body in [json!({ "error": "invalid_grant" }), json!({}), Value::Null] {
                assert_eq!(answer(status, &body).class(), ErrorClass::NotNow, "{status} {body}");
                assert!(!answer(status, &body).is_for_good(), "{status} {body}");
            }
        }
    }

    #[test]
    fn only_what_the_provider_itself_says_of_the_request_is_for_good() {
        for (status, body) in [
            (400, json!({ "error": "interaction_required" })),
            (400, json!({ "error": "unauthorized_client" })),
            (400, json!({ "error": "inactive_user" })),
            (403, json!({ "error": "mfa_required" })),
            (400, json!({ "message": "Refresh token is expired" })),
        ] {
            assert!(answer(status, &body).is_for_good(), "{status} {body}");
        }
        for (status, body) in [
            (401, json!({})),
            (400, json!({ "error": "invalid_client" })),
            (400, json!({ "error": "temporarily_unavailable" })),
            (403, Value::Null),
            (404, json!({})),
            (400, Value::Null),
        ] {
            assert!(!answer(status, &body).is_for_good(), "{status} {body}");
        }
    }

    #[test]
    fn a_code_that_nobody_registered_is_named_by_its_status_and_told_apart() {
        let unknown = answer(403, &json!({ "error": "mfa_required", "error_description": "Use a second factor." }));
        assert_eq!(unknown.detail(), "403");
        assert_eq!(unknown.says(), Some("mfa_required: Use a second factor."));
        let known = answer(400, &json!({ "error": "invalid_scope", "error_description": "AADSTS7000218: no" }));
        assert_eq!((known.detail().as_str(), known.says()), ("invalid_scope", Some("AADSTS7000218: no")));
        assert_eq!(answer(400, &json!({})).detail(), "400");
        assert_eq!(ErrorResponse::of_callback("user_cancelled", None).class(), ErrorClass::Declined);
        assert_eq!(ErrorResponse::of_callback("", None).detail(), "unregistered_error");
        for odd in [json!({ "error": 1 }), json!({ "error": null }), json!({ "error": ["access_denied"] })] {
            assert_eq!((answer(400, &odd).detail().as_str(), answer(400, &odd).says()), ("400", None), "{odd}");
        }
    }

    #[test]
    fn who_took_too_long_at_the_provider_is_asked_again() {
        let keycloak = ErrorResponse::of_callback("temporarily_unavailable", Some("authentication_expired"));
        assert_eq!((keycloak.class(), keycloak.code()), (ErrorClass::PersonWanted, Some("authentication_expired")));
    }

    #[test]
    fn a_description_is_short_and_plain_and_holds_no_credential() {
        //
        assert_eq!(printable("a\r\nb\u{1b}[31m\u{2028}<b>\"é\\"), "a b [31m b");
        assert_eq!(printable(&"long ".repeat(1000)).len(), MAX_DESCRIPTION_CHARACTERS);
        for secret in ["SplxlOBeZQQYbYS6WxSbIA", "eyJhbGciOiJSUzI1NiJ9", "0f8fad5b-d9cb-469f-a165-70867728950e"] {
            let told = printable(&format!("The code '{secret}' (or code={secret}.{secret}) is not valid."));
            assert_eq!(told, "The code '…' (or code=….…) is not valid.");
        }
        let kept = "AADSTS50011: The redirect URI https://app.example.com/auth/callback/corp does not match \
                    require_pushed_authorization_requests_of_the_client";
        assert_eq!(printable(kept), kept);
        let tenant = "https://login.microsoftonline.com/0f8fad5b-d9cb-469f-a165-70867728950e/v2.0";
        assert_eq!(printable_name(tenant), tenant);
        assert_eq!(printable_name("SplxlOBeZQQYbYS6WxSbIA"), "…");
    }
}
