use std::collections::BTreeSet;

use super::*;
use crate::authn::dpop::DpopError;
use crate::authn::error::SenderError;
use crate::authn::{PresentationError, Rejection, TokenRejection};
use crate::authz::Denial;
use crate::http::StatusCode;
use crate::http::csrf::CsrfError;
use crate::jose::{JweError, JwtError, KeySetError};
use crate::json::JsonError;
use crate::limit::LimitKind;
use crate::oidc::callback::CallbackError;
use crate::oidc::error_response::ErrorResponse;
use crate::oidc::id_token::IdTokenError;
use crate::oidc::metadata::MetadataError;
use crate::oidc::token::TokenError;
use crate::oidc::userinfo::UserInfoError;
use crate::pages;
use crate::pages::problem::ProblemContext;
use crate::ports::{FetchError, StoreError};
use crate::route::PathError;
use crate::time::Seconds;

/// In every detail there is. Nobody outside may see it.
const DETAIL: &str = "planted_detail";

fn store() -> StoreError {
    StoreError::unavailable(DETAIL)
}

/// Every kind of reason, with the status it is answered with.
fn reasons() -> Vec<(Reason, u16)> {
    vec![
        (Reason::UnknownHost, 421),
        (Reason::BadHeader, 400),
        (Reason::BadPath(PathError::EncodedSlash), 400),
        (Reason::NoRoute, 404),
        (Reason::MethodNotAllowed("GET, HEAD".to_owned()), 405),
        (Reason::NoCredential, 401),
        (Reason::Rejected(Rejection::SessionCookieRepeated), 401),
        (Reason::Rejected(Rejection::SessionCookieForged), 401),
        (Reason::Rejected(Rejection::SessionGone), 401),
        (Reason::Rejected(Rejection::Store(store())), 503),
        (Reason::Rejected(Rejection::Store(StoreError::Malformed)), 503),
        (Reason::Csrf(CsrfError::FetchSite), 403),
        (Reason::Csrf(CsrfError::Origin), 403),
        (Reason::Csrf(CsrfError::NoEvidence), 403),
        (Reason::CorsOrigin, 403),
        (Reason::Limited(LimitKind::Subject, Seconds::new(1)), 429),
        (Reason::Verify(ForwardAuthError::NoSecret), 400),
        (Reason::Verify(ForwardAuthError::WrongSecret), 400),
        (Reason::Verify(ForwardAuthError::Unsaid(DETAIL)), 400),
        (Reason::Verify(ForwardAuthError::SaidTwice(DETAIL)), 400),
        (Reason::Verify(ForwardAuthError::Unusable(DETAIL)), 400),
        (Reason::Denied(Denial::Anonymous), 401),
        (Reason::Denied(Denial::Scopes(vec![DETAIL.to_owned()])), 403),
        (Reason::Denied(Denial::Provider), 403),
        (Reason::AccessTokenExpired, 401),
        (Reason::LoginNotNavigated, 403),
        (Reason::LoginParameter(DETAIL), 400),
        (Reason::UnknownProvider, 400),
        (Reason::Token(TokenError::AnswerLost(StatusCode::GATEWAY_TIMEOUT)), 503),
        (Reason::Token(TokenError::ClientKey), 400),
        (Reason::Token(TokenError::Missing(DETAIL)), 400),
        (Reason::IdTokenSignature(JwtError::BadSignature), 400),
        (Reason::Encryption(JweError::Undecryptable), 400),
        (Reason::IdToken(IdTokenError::NonceMismatch), 400),
        (Reason::UserInfoSignature(JwtError::BadSignature), 400),
        (Reason::UserInfo(UserInfoError::SubMismatch), 400),
        (Reason::ProviderStatus(Document::UserInfo, StatusCode::BAD_GATEWAY), 503),
        (Reason::ProviderUnreachable(Document::Metadata, FetchError::Network), 503),
        (Reason::ProviderUnreachable(Document::Keys, FetchError::Timeout), 503),
        (Reason::ProviderUnreachable(Document::Token, FetchError::TooLarge), 503),
        (Reason::ProviderStatus(Document::Keys, StatusCode::IM_A_TEAPOT), 503),
        (Reason::Metadata(MetadataError::EndpointRefused(DETAIL)), 503),
        (Reason::Metadata(MetadataError::NotJson(JsonError::NotAnObject)), 503),
        (Reason::Keys(KeySetError::NoKeys), 503),
        (Reason::Store(store()), 503),
        (Reason::Store(StoreError::Malformed), 503),
        (Reason::NoFile, 404),
        (Reason::UpstreamUnreachable, 502),
        (Reason::UpstreamTimeout, 504),
        (Reason::Internal(DETAIL), 500),
    ]
}

fn all_reasons() -> impl Iterator<Item = (Reason, u16)> {
    reasons().into_iter().chain(reasons_of_callbacks()).chain(reasons_of_tokens()).chain(errors_of_providers())
}

/// The same of what providers answer, at the callback and for a code.
fn errors_of_providers() -> impl Iterator<Item = (Reason, u16)> {
    let errors = [
        ("access_denied", 403),
        ("login_required", 401),
        ("interaction_required", 401),
        ("server_error", 503),
        ("temporarily_unavailable", 503),
        ("invalid_request", 400),
        ("unauthorized_client", 400),
        ("invalid_grant", 400),
    ];
    errors.into_iter().flat_map(|(code, status)| {
        let document = serde_json::json!({ "error": code, "error_description": DETAIL });
        let answer = ErrorResponse::of_answer(StatusCode::BAD_REQUEST, document.as_object());
        let callback = CallbackError::ProviderError(Box::new(ErrorResponse::of_callback(code, Some(DETAIL))));
        [(Reason::Callback(callback), status), (Reason::Token(TokenError::Refused(Box::new(answer))), status)]
    })
}

/// The same of what comes back from a login.
fn reasons_of_callbacks() -> Vec<(Reason, u16)> {
    let callback = |error| (Reason::Callback(error), 400);
    vec![
        callback(CallbackError::NotNavigated),
        callback(CallbackError::TooLarge),
        callback(CallbackError::Repeated(DETAIL)),
        callback(CallbackError::Mixed),
        callback(CallbackError::WrongResponseMode),
        callback(CallbackError::StateMissing),
        callback(CallbackError::NoTransaction),
        callback(CallbackError::WrongProvider),
        callback(CallbackError::AlreadyUsed),
        callback(CallbackError::IssMissing),
        callback(CallbackError::IssMismatch),
        callback(CallbackError::UnaskedToken),
        callback(CallbackError::CodeMissing),
    ]
}

/// The same of access tokens.
fn reasons_of_tokens() -> Vec<(Reason, u16)> {
    vec![
        (Reason::NoToken, 401),
        (Reason::Denied(Denial::Issuer), 403),
        (Reason::Denied(Denial::Kind), 403),
        (Reason::Denied(Denial::Roles), 403),
        (Reason::Presentation(PresentationError::Repeated), 400),
        (Reason::Presentation(PresentationError::InQuery), 400),
        (Reason::TokenRejected(TokenRejection::IssuerUnknown), 401),
        (Reason::TokenRejected(TokenRejection::Jwt(JwtError::BadSignature)), 401),
        (Reason::TokenRejected(TokenRejection::Sender(SenderError::NotBound)), 401),
        (Reason::TokenRejected(TokenRejection::Sender(SenderError::Dpop(DpopError::Replayed))), 401),
        (Reason::TokenRejected(TokenRejection::Sender(SenderError::Dpop(DpopError::NonceMissing))), 401),
    ]
}

#[test]
fn every_reason_has_its_status() {
    for (reason, status) in all_reasons() {
        assert_eq!(reason.refusal().status().as_u16(), status, "{reason:?}");
    }
}

fn page(refusal: &Refusal, login: Option<&str>) -> String {
    let context = ProblemContext { request_id: "the-id", login, ..ProblemContext::default() };
    pages::problem::render(&pages::View::plain(), refusal, &context).body
}

#[test]
fn no_outside_face_shows_why() {
    //
    for (reason, _) in all_reasons() {
        let refusal = reason.refusal();
        let page = page(&refusal, Some("/auth/login"));
        let outside = format!("{page}{}{}{}", refusal.kind(), refusal.title(), refusal.advice());
        assert!(!outside.contains(DETAIL) && !outside.contains(reason.code()), "{reason:?}: {outside}");
    }
}

#[test]
fn failures_of_a_login_all_look_alike() {
    let login = |reason: &Reason| {
        // Whether a login was under way in this browser is no news to it.
        let is_ours = reason.provider_error().is_none() && reason.refusal() != Refusal::LoginOver;
        is_ours
            && matches!(
                reason,
                Reason::Callback(_)
                    | Reason::IdToken(_)
                    | Reason::IdTokenSignature(_)
                    | Reason::Encryption(_)
                    | Reason::UserInfo(_)
            )
    };
    let faces: BTreeSet<String> = reasons()
        .iter()
        .filter(|(reason, status)| login(reason) && *status == 400)
        .map(|(reason, _)| page(&reason.refusal(), None))
        .collect();
    assert_eq!(faces.len(), 1);
}

#[test]
fn codes_are_fixed_words_of_a_family() {
    for (reason, _) in all_reasons() {
        let code = reason.code();
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let internal = matches!(reason, Reason::Internal(_));
        assert!(internal || code.split_once('.').is_some_and(|(family, rest)| word(family) && word(rest)), "{code}");
    }
}

#[test]
fn only_what_signing_in_can_mend_offers_it() {
    let offers = |reason: &Reason| reason.refusal().offers_login();
    assert!(offers(&Reason::NoCredential) && offers(&Reason::Callback(CallbackError::NoTransaction)));
    for reason in
        [Reason::NoRoute, Reason::Denied(Denial::Provider), Reason::Store(StoreError::Malformed), Reason::BadHeader]
    {
        assert!(!offers(&reason), "{reason:?}");
    }
}

#[test]
fn the_log_gets_the_detail() {
    let with_detail = |reason: &Reason| reason.detail().is_some_and(|detail| detail.contains(DETAIL));
    let mut told = 0;
    for (reason, _) in all_reasons() {
        // A mistake of our own is logged whole, elsewhere.
        if format!("{reason:?}").contains(DETAIL) && !matches!(reason, Reason::Internal(_)) {
            let is_said = reason.provider_error().is_some_and(|error| error.says() == Some(DETAIL));
            assert!(with_detail(&reason) || is_said, "{reason:?}");
            told += 1;
        }
    }
    assert_eq!(told, 26);
}
