//! What is said of a person without a signature: the answers of user endpoints of OAuth 2, Apple's `user`, and the languages
//! that a browser prefers. Each is believed as far as its module says, and no further.

use postern::config::OAuth2;
use postern::http::language::Language;
use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::oidc::{apple, oauth2_user::OAuth2User};
use postern::ports::OutboundResponse;
use serde_json::json;

use crate::fixed;

thread_local! {
    static GITHUB: OAuth2 = {
        let config = fixed::config_of(&json!({
            "PUBLIC_URL": "https://app.example",
            "PROVIDERS": { "hub": { "preset": "github", "client_id": fixed::CLIENT_ID } },
            "ROUTES": { "/{*rest}": { "upstream": "service:API" } },
        }));
        config.providers[0].oauth2.clone().unwrap()
    };
}

/// The user and the list of addresses, with an empty line between.
pub fn check(data: &[u8]) {
    let (user, emails) = match data.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &b"[]"[..]),
    };
    GITHUB.with(|provider| user_endpoint(provider, user, emails));
    let text = String::from_utf8_lossy(data);
    if let Some(name) = apple::name(&text) {
        assert!(data.len() <= apple::MAX_BYTES && (1..=80).contains(&name.chars().count()), "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
    }
    if let Ok(accepted) = HeaderValue::from_bytes(data) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accepted)]);
        let offered = [Language::German, Language::Arabic];
        assert!(offered.contains(&Language::preferred(&headers, &offered)));
    }
}

fn user_endpoint(provider: &OAuth2, user: &[u8], emails: &[u8]) {
    let Ok(user) = OAuth2User::check(&answer(user), provider) else { return };
    let Ok(user) = user.with_emails(&answer(emails)) else { return };
    let (subject, claims) = user.into_parts();
    assert!((1..=255).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic()), "{subject:?}");
    let known = |name: &str| {
        let of_emails = ["email", "email_verified"].contains(&name);
        of_emails || provider.user_claims.iter().any(|(claim, _)| claim == name)
    };
    assert!(claims.keys().all(|name| known(name)), "{claims:?}");
    let is_verified = claims.get("email_verified").is_some_and(|value| *value == true || *value == "true");
    assert!(is_verified || !claims.contains_key("email"), "{claims:?}");
}

fn answer(body: &[u8]) -> OutboundResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    OutboundResponse { status: StatusCode::OK, headers, body: body.to_vec() }
}
