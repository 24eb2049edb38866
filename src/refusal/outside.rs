//! What the outside learns of a reason.

use super::problem::Refusal;
use super::reason::Reason;
use crate::agent::AgentError;
use crate::authn::api_key::KeyRejection;
use crate::authn::dpop::Blame;
use crate::authn::error::SenderError;
use crate::authn::{BlockedBy, Rejection, TokenRejection};
use crate::authz::{Denial, DeviceShortfall, StepUp};
use crate::oidc::callback::CallbackError;
use crate::oidc::error_response::{ErrorClass, ErrorResponse};
use crate::oidc::pushed::PushedError;
use crate::oidc::token::TokenError;
use crate::saml::error::SamlError;

impl Reason {
    /// The one map from what happened to what the outside learns of it.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::UnknownHost | Self::PlainHttp => Refusal::Misdirected,
            Self::BadHeader
            | Self::UnsendableBody
            | Self::BadPath(_)
            | Self::LoginParameter(_)
            | Self::UnknownProvider
            | Self::BadInput(_)
            | Self::KeyExposed(_)
            | Self::Evaluation(_)
            | Self::LogoutRequest(_)
            | Self::LogoutTokenSignature(_)
            | Self::LogoutToken(_)
            | Self::RevocationRequest(_)
            | Self::LeakReport(_)
            | Self::Verify(_) => Refusal::BadRequest,
            Self::Client(error) => client_refusal(*error),
            Self::KeyRequest(error) => error.refusal(),
            Self::Second(error) => error.refusal(),
            Self::Approval(refusal) => refusal.refusal(),
            Self::NoRoute | Self::OtherSpelling(_) | Self::NoSuchSession | Self::NoFile => Refusal::NotFound,
            Self::Order(error) => error.refusal(),
            Self::MethodNotAllowed(methods) => Refusal::MethodNotAllowed(methods.clone()),
            Self::NoCredential | Self::AccessTokenExpired => Refusal::Unauthenticated,
            Self::NoToken | Self::WrongHealthSecret => Refusal::TokenRequired,
            Self::Presentation(_) => Refusal::TokenMalformed,
            Self::TokenRejected(rejection) => token_refusal(rejection),
            Self::RevocationTokenSignature(_) | Self::RevocationToken(_) => Refusal::TokenRefused,
            Self::Blocked(BlockedBy::Person) => Refusal::AccountBlocked,
            Self::Certificate(_) | Self::Mcp(_) | Self::Key(KeyRejection::Powerless) => Refusal::Forbidden(Vec::new()),
            Self::Key(_) | Self::Agent(_) | Self::Blocked(_) => Refusal::TokenRefused,
            Self::Rejected(rejection) => rejection_refusal(rejection),
            Self::Device(error) => error.refusal(),
            Self::Csrf(_) | Self::CorsOrigin | Self::LoginNotNavigated => Refusal::CrossSite,
            Self::Denied(denial) => denial_refusal(denial),
            Self::StepUp(wanted) => step_up_refusal(wanted),
            Self::Token(_) | Self::Pushed(_) | Self::Saml(_) => self.answer_refusal(),
            Self::Callback(CallbackError::ProviderError(error)) => login_refusal(error),
            Self::Callback(CallbackError::NoTransaction | CallbackError::AlreadyUsed) => Refusal::LoginOver,
            Self::Callback(_)
            | Self::IdTokenSignature(_)
            | Self::Encryption(_)
            | Self::IdToken(_)
            | Self::UserInfoSignature(_)
            | Self::UserInfo(_)
            | Self::LoginOvertaken => Refusal::LoginFailed,
            Self::RefreshPaused
            | Self::Introspection(_)
            | Self::NotAsked(_)
            | Self::ProviderUnreachable(..)
            | Self::ProviderStatus(..)
            | Self::Metadata(_)
            | Self::Keys(_)
            | Self::ServiceToken(_)
            | Self::Store(_) => Refusal::Unavailable,
            Self::Limited(_, next) => Refusal::TooManyRequests(*next),
            Self::UpstreamUnreachable | Self::UpstreamList => Refusal::BadGateway,
            Self::UpstreamTimeout => Refusal::GatewayTimeout,
            Self::Internal(_) => Refusal::Internal,
        }
    }
}

impl Reason {
    /// Of what a provider answered in a login.
    fn answer_refusal(&self) -> Refusal {
        match self {
            Self::Token(error) => token_endpoint_refusal(error),
            Self::Pushed(error) => pushed_refusal(error),
            Self::Saml(error) => saml_refusal(error),
            _ => Refusal::LoginFailed,
        }
    }
}

/// What the caller learns of a session that does not count.
const fn rejection_refusal(rejection: &Rejection) -> Refusal {
    match rejection {
        Rejection::Store(_) | Rejection::DevicePaused => Refusal::Unavailable,
        Rejection::DeviceUnproven(_) => Refusal::DeviceProof,
        Rejection::DeviceUnbound { .. } => Refusal::DeviceBinding,
        _ => Refusal::Unauthenticated,
    }
}

fn step_up_refusal(wanted: &StepUp) -> Refusal {
    let is_of_second = wanted.shortfall.is_of_second();
    if is_of_second {
        Refusal::SecondFactor(Box::new(wanted.clone()))
    } else {
        Refusal::StepUp(Box::new(wanted.clone()))
    }
}

/// What the caller learns of what they lack.
fn denial_refusal(denial: &Denial) -> Refusal {
    match denial {
        Denial::Anonymous => Refusal::Unauthenticated,
        Denial::Scopes(missing) => Refusal::Forbidden(missing.clone()),
        Denial::Device(DeviceShortfall::ProofTooOld) => Refusal::DeviceProof,
        Denial::Device(DeviceShortfall::Unbound) => Refusal::DeviceBinding,
        _ => Refusal::Forbidden(Vec::new()),
    }
}

/// What a person learns of a client that is refused, or of their consent that is over.
const fn client_refusal(error: AgentError) -> Refusal {
    if error.is_about_consent() { Refusal::ConsentOver } else { Refusal::ClientRefused }
}

/// What the person learns who signs in, where the provider gives no tokens.
fn token_endpoint_refusal(error: &TokenError) -> Refusal {
    match error {
        TokenError::Refused(error) => login_refusal(error),
        TokenError::AnswerLost(_) => Refusal::LoginUnavailable,
        TokenError::ClientKey => Refusal::LoginMisconfigured,
        _ => Refusal::LoginFailed,
    }
}

/// What the person learns who wants to sign in, where the provider does not take the request.
fn pushed_refusal(error: &PushedError) -> Refusal {
    match error {
        PushedError::Refused(error) => login_refusal(error),
        PushedError::NotJson | PushedError::Missing(_) => Refusal::LoginFailed,
        PushedError::NotOffered | PushedError::NoKey | PushedError::ClientKey => Refusal::LoginMisconfigured,
    }
}

/// What the person learns who signs in, or the provider that ends sessions.
const fn saml_refusal(error: &SamlError) -> Refusal {
    match error {
        SamlError::WorkerAway | SamlError::Metadata(_) => Refusal::Unavailable,
        SamlError::Status(_) => Refusal::LoginRefused,
        SamlError::Passive => Refusal::LoginUnfinished,
        SamlError::Key => Refusal::LoginMisconfigured,
        SamlError::Logout(_) => Refusal::BadRequest,
        _ => Refusal::LoginFailed,
    }
}

/// What a program learns of its access token.
fn token_refusal(rejection: &TokenRejection) -> Refusal {
    let TokenRejection::Sender(SenderError::Dpop(error)) = rejection else { return Refusal::TokenRefused };
    match error.blame() {
        Blame::Token => Refusal::TokenRefused,
        Blame::Proof => Refusal::ProofRefused,
        Blame::Nonce => Refusal::NonceWanted,
    }
}

/// What the person learns of a provider's error while they sign in.
fn login_refusal(error: &ErrorResponse) -> Refusal {
    match (error.class(), error.code()) {
        (ErrorClass::Declined, _) => Refusal::LoginRefused,
        // The code was used up, or too old: another one will do.
        (ErrorClass::PersonWanted, Some("invalid_grant")) => Refusal::LoginFailed,
        (ErrorClass::PersonWanted, _) => Refusal::LoginUnfinished,
        (ErrorClass::NotNow, _) => Refusal::LoginUnavailable,
        (ErrorClass::Mistaken, _) => Refusal::LoginMisconfigured,
    }
}
