//! A refusal as a value: the reason, and what its answer tells the caller to do about it.

use super::guard::challenge::Challenge;
use super::sign_in::link::SignIn;
use crate::audit::{Event, short};
use crate::authn::bearer::Scheme;
use crate::config::{Config, Provider};
use crate::oidc::error_response::ErrorResponse;
use crate::oidc::introspection;
use crate::ports::OutboundResponse;
use crate::refusal::Reason;
use crate::refusal::mismatch::{self, Expected};
use crate::route::GuardedRoute;
use crate::time::Timestamp;

/// Why a request was refused, and what would make it good.
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// The challenge for clients that use access tokens.
    pub(super) challenge: Option<Box<Challenge>>,
    /// What a sign-in has to ask the provider for. `None`: the route takes no sessions, or asks for nothing in particular.
    pub(super) sign_in: Option<Box<SignIn>>,
    /// Whether signing in could make it good. If not, the caller is not sent there only to come back as before.
    pub(super) sign_in_helps: bool,
}

/// The credential that a caller has presented, which decides what a refusal tells them to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// None that was accepted.
    None,
    /// An access token, by this scheme; accepted or not.
    Token(Scheme),
    /// A session that was accepted.
    Session,
    /// The client certificate of the connection; accepted or not.
    Certificate,
    /// An API key; accepted or not.
    Key,
}

impl Credential {
    /// How a token was presented, if it was one.
    pub(super) const fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Token(scheme) => Some(scheme),
            Self::None | Self::Session | Self::Certificate | Self::Key => None,
        }
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, challenge: None, sign_in: None, sign_in_helps: true }
    }
}

impl Refused {
    /// A refusal by a guarded route. A caller with a session learns nothing about tokens: they used none. A caller with
    /// a token, a key or a certificate learns nothing about signing in.
    pub(super) fn at(route: GuardedRoute<'_>, config: &Config, credential: Credential, reason: Reason) -> Self {
        let challenge = || Box::new(Challenge::of(route, config));
        let challenge = match credential {
            Credential::None => route.guard.goes_by_authorization().then(challenge),
            Credential::Key => Some(Box::new(Challenge::of(route, config).came_by(Scheme::Bearer))),
            Credential::Token(scheme) => Some(Box::new(Challenge::of(route, config).came_by(scheme))),
            Credential::Session | Credential::Certificate => None,
        };
        let sign_in = match credential {
            Credential::None | Credential::Session => {
                route.guard.takes_sessions().then(|| Box::new(SignIn::first(&route.guard.requirements)))
            }
            Credential::Token(_) | Credential::Certificate | Credential::Key => None,
        };
        Self { challenge, sign_in, ..Self::from(reason) }
    }
}

/// Notes more of a reason. What was noted before stays where the reason itself has no more to say.
pub(super) fn explain(event: &mut Event, reason: &Reason) {
    if let Some(detail) = reason.detail() {
        event.detail = Some(short(&detail));
    }
    event.provider_status = reason.provider_status().map(|status| status.as_u16());
    event.provider_says = reason.provider_error().and_then(ErrorResponse::says).map(short);
}

/// Notes what a token says in the place that it was refused for.
pub(super) fn tell_mismatch(event: &mut Event, reason: &Reason, token: &str, expected: &Expected<'_>) {
    event.detail = mismatch::of_token(reason.code(), token, expected).as_deref().map(short);
}

/// Notes what the issuer of an opaque token says of it in the place that it was refused for.
pub(super) fn tell_answer(event: &mut Event, reason: &Reason, answer: &OutboundResponse, expected: &Expected<'_>) {
    if let Ok(said) = introspection::process(answer) {
        event.detail = mismatch::of_answer(reason.code(), &said, expected).as_deref().map(short);
    }
}

/// What is expected of a token of the provider's.
pub(super) fn expected_of(provider: &Provider, now: Timestamp) -> Expected<'_> {
    let audience = std::slice::from_ref(&provider.client_id);
    Expected { issuer: provider.issuer.as_str(), audience, algorithms: &provider.id_token_algs, acr_values: &[], now }
}
