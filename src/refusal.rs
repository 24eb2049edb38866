//! The two faces of a failure: a rich [`Reason`] for the log, a poor [`Refusal`] for the outside,
//! and the one map between them.

use crate::authn::dpop::Blame;
use crate::authn::inquiry::Unasked;
use crate::authn::sender::SenderError;
use crate::authn::{PresentationError, Rejection, TokenRejection};
use crate::authz::{Denial, StepUp};
use crate::csrf::CsrfError;
use crate::http::StatusCode;
use crate::jose::{JwtError, KeySetError};
use crate::limit::Kind;
use crate::oidc::callback::CallbackError;
use crate::oidc::id_token::IdTokenError;
use crate::oidc::introspection::IntrospectionError;
use crate::oidc::logout_token::LogoutTokenError;
use crate::oidc::metadata::MetadataError;
use crate::oidc::token::TokenError;
use crate::oidc::userinfo::UserInfoError;
use crate::ports::{FetchError, StoreError};
use crate::route::PathError;
use crate::time::Seconds;

/// Why a request was refused: for the log alone.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The request is addressed to a host that is not ours.
    UnknownHost,
    /// A header's name holds `_`, or it cannot be read.
    BadHeader,
    /// The URL or its path has more than one reading.
    BadPath(PathError),
    /// No rule for this path.
    NoRoute,
    /// A rule, but not for this method; these are.
    MethodNotAllowed(String),
    /// No credential.
    NoCredential,
    /// No credential, where tokens alone are accepted.
    NoToken,
    /// A session cookie that is not good.
    Rejected(Rejection),
    /// An access token that is not presented as it must be.
    Presentation(PresentationError),
    /// An access token that is not good.
    TokenRejected(TokenRejection),
    /// An issuer's answer about an opaque token says nothing of it.
    Introspection(IntrospectionError),
    /// An issuer is not asked about an opaque token now.
    Unasked(Unasked),
    /// An unsafe request that is not from a page of ours.
    Csrf(CsrfError),
    /// A browser asks for a page of an origin that the route does not name.
    CorsOrigin,
    /// More requests than this limit lets through; in so long it will be one more.
    Limited(Kind, Seconds),
    /// A proxy's question that is not answered.
    Verify(VerifyError),
    /// Door 2 said no.
    Denied(Denial),
    /// Door 2 wants another sign-in.
    StepUp(Box<StepUp>),
    /// None of the person's sessions has that name.
    NoSuchSession,
    /// Who asks is no administrator.
    NotAdministrator,
    /// The request's parameters or body are not what is wanted; the named one.
    BadInput(&'static str),
    /// The route relays an access token and the session's has expired.
    AccessTokenExpired,
    /// Something other than a person's navigation tried to start a login.
    LoginNotNavigated,
    /// A login link that cannot be followed: the named parameter is unusable.
    LoginParameter(&'static str),
    /// A login link that names a provider or issuer that is not configured.
    UnknownProvider,
    /// The authorization response is not good.
    Callback(CallbackError),
    /// The token response is not good.
    Token(TokenError),
    /// The ID token is no good JWT.
    IdTokenSignature(JwtError),
    /// The ID token does not say what it must.
    IdToken(IdTokenError),
    /// The `UserInfo` response is no good JWT.
    UserInfoSignature(JwtError),
    /// The `UserInfo` response is not good.
    UserInfo(UserInfoError),
    /// A provider's logout request that cannot be read.
    LogoutRequest(LogoutRequestError),
    /// The logout token is no good JWT.
    LogoutTokenSignature(JwtError),
    /// The logout token does not say what it must.
    LogoutToken(LogoutTokenError),
    /// A logout came between the beginning of the login and its end, and wins.
    LoginOvertaken,
    /// The access token could not be renewed, because the provider does not answer.
    RenewalPaused,
    /// The provider does not answer.
    ProviderUnreachable(Document, FetchError),
    /// The provider answers with this status instead of a document.
    ProviderStatus(Document, StatusCode),
    /// The provider's metadata is unusable.
    Metadata(MetadataError),
    /// The provider's keys are unusable.
    Keys(KeySetError),
    /// A store of ours does not answer.
    Store(StoreError),
    /// There is no such static file.
    NoFile,
    /// The upstream does not answer.
    UpstreamUnreachable,
    /// The upstream does not answer in time.
    UpstreamTimeout,
    /// A mistake of our own, named.
    Internal(&'static str),
}

/// What is wrong with a provider's logout request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutRequestError {
    /// Its body is no form.
    NotAForm,
    /// It is too long, or cannot be read.
    Unreadable,
    /// Not exactly one `logout_token`.
    NotOneToken,
    /// This token was received before.
    AlreadyUsed,
    /// A parameter stands twice.
    Repeated,
    /// One of `iss` and `sid` without the other.
    Incomplete,
    /// `iss` is not this provider's.
    IssMismatch,
    /// The browser's session is not the one named.
    NotThisSession,
}

impl LogoutRequestError {
    const fn code(self) -> &'static str {
        match self {
            Self::NotAForm => "logout_request.not_a_form",
            Self::Unreadable => "logout_request.unreadable",
            Self::NotOneToken => "logout_request.not_one_token",
            Self::AlreadyUsed => "logout_request.already_used",
            Self::Repeated => "logout_request.repeated_parameter",
            Self::Incomplete => "logout_request.iss_or_sid_missing",
            Self::IssMismatch => "logout_request.iss_mismatch",
            Self::NotThisSession => "logout_request.not_this_session",
        }
    }
}

/// Why a proxy's question about a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// It shows no secret.
    NoSecret,
    /// It shows a secret that is not the one.
    WrongSecret,
    /// It does not say in this header, or not once, what the request is.
    Unsaid(&'static str),
    /// It says by this header what another header says too: which one holds?
    SaidTwice(&'static str),
    /// What it says in this header is none of a request.
    Unusable(&'static str),
}

impl VerifyError {
    const fn code(self) -> &'static str {
        match self {
            Self::NoSecret => "verify.no_secret",
            Self::WrongSecret => "verify.wrong_secret",
            Self::Unsaid(_) => "verify.unsaid",
            Self::SaidTwice(_) => "verify.said_twice",
            Self::Unusable(_) => "verify.unusable",
        }
    }

    const fn header(self) -> Option<&'static str> {
        match self {
            Self::NoSecret | Self::WrongSecret => None,
            Self::Unsaid(name) | Self::SaidTwice(name) | Self::Unusable(name) => Some(name),
        }
    }
}

/// Which of a provider's answers a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Its metadata.
    Metadata,
    /// Its keys.
    Keys,
    /// The token response.
    Token,
    /// The `UserInfo` response.
    UserInfo,
    /// The answer about an opaque token.
    Introspection,
}

/// What the outside learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the request has no single meaning.
    BadRequest,
    /// 421: this is not the host you are looking for.
    Misdirected,
    /// 401: sign in first.
    Unauthenticated,
    /// 401: come with an access token.
    TokenRequired,
    /// 401: not with this access token.
    TokenRefused,
    /// 401: not with this proof of the access token's key.
    ProofRefused,
    /// 401: not without a fresh nonce in that proof.
    NonceWanted,
    /// 400: an access token is not presented so.
    TokenMalformed,
    /// 401: not by this sign-in; what kind of one would do (RFC 9470).
    StepUp(Box<StepUp>),
    /// 403: not with these rights; the scopes that would do.
    Forbidden(Vec<String>),
    /// 403: not from that page.
    CrossSite,
    /// 404
    NotFound,
    /// 405, with the methods that are.
    MethodNotAllowed(String),
    /// 400: the login did not come to a good end.
    LoginFailed,
    /// 403: the provider, or the person there, said no.
    LoginRefused,
    /// 429: again in so long.
    TooManyRequests(Seconds),
    /// 503: something that is needed does not answer; try again.
    Unavailable,
    /// 502: the application does not answer.
    BadGateway,
    /// 504: the application does not answer in time.
    GatewayTimeout,
    /// 500
    Internal,
}

impl Reason {
    /// The name of this reason in the log: a fixed word, never user data.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownHost => "request.unknown_host",
            Self::BadHeader => "request.bad_header",
            Self::BadPath(error) => error.code(),
            Self::NoRoute => "route.none",
            Self::MethodNotAllowed(_) => "route.method_not_allowed",
            Self::NoCredential => "authn.no_credential",
            Self::NoToken => "authn.no_token",
            Self::Rejected(rejection) => rejection.code(),
            Self::Presentation(error) => error.code(),
            Self::TokenRejected(rejection) => rejection.code(),
            Self::Introspection(error) => error.code(),
            Self::Unasked(unasked) => unasked.code(),
            Self::Csrf(error) => error.code(),
            Self::CorsOrigin => "cors.origin",
            Self::Limited(kind, _) => kind.code(),
            Self::Verify(error) => error.code(),
            Self::Denied(denial) => denial.code(),
            Self::StepUp(wanted) => wanted.shortfall.code(),
            Self::NoSuchSession => "session.unknown",
            Self::NotAdministrator => "admin.not_an_administrator",
            Self::BadInput(_) => "request.bad_input",
            Self::AccessTokenExpired => "session.access_token_expired",
            Self::LoginNotNavigated => "login.not_a_navigation",
            Self::LoginParameter(_) => "login.parameter_unusable",
            Self::UnknownProvider => "login.unknown_provider",
            Self::Callback(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::IdTokenSignature(error) => error.code(),
            Self::IdToken(error) => error.code(),
            Self::UserInfoSignature(error) => error.code(),
            Self::UserInfo(error) => error.code(),
            Self::LogoutRequest(error) => error.code(),
            Self::LogoutTokenSignature(error) => error.code(),
            Self::LogoutToken(error) => error.code(),
            Self::LoginOvertaken => "login.overtaken_by_logout",
            Self::RenewalPaused => "session.renewal_paused",
            Self::ProviderUnreachable(_, FetchError::Network) => "provider.unreachable",
            Self::ProviderUnreachable(_, FetchError::Timeout) => "provider.timeout",
            Self::ProviderUnreachable(_, FetchError::TooLarge) => "provider.answer_too_large",
            Self::ProviderStatus(..) => "provider.unexpected_status",
            Self::Metadata(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Store(StoreError::Unavailable(_)) => "store.unavailable",
            Self::Store(StoreError::Malformed) => "store.malformed",
            Self::NoFile => "upstream.no_file",
            Self::UpstreamUnreachable => "upstream.unreachable",
            Self::UpstreamTimeout => "upstream.timeout",
            Self::Internal(name) => name,
        }
    }

    /// What more the log should know; made of our own words and fixed values only.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Callback(CallbackError::Repeated(name)) | Self::LoginParameter(name) | Self::BadInput(name) => {
                Some((*name).to_owned())
            }
            Self::Callback(CallbackError::ProviderRefused(error)) => Some((*error).to_owned()),
            Self::Token(TokenError::Missing(name)) => Some((*name).to_owned()),
            Self::UserInfo(UserInfoError::Refused(status)) => Some(status.as_u16().to_string()),
            Self::Introspection(IntrospectionError::Status(status) | IntrospectionError::ClientRefused(status)) => {
                Some(status.as_u16().to_string())
            }
            Self::Metadata(MetadataError::Missing(name) | MetadataError::EndpointRefused(name)) => {
                Some((*name).to_owned())
            }
            Self::Denied(denial) => denial.detail(),
            Self::Verify(error) => error.header().map(str::to_owned),
            Self::TokenRejected(TokenRejection::Sender(SenderError::Dpop(error))) => error.detail().map(str::to_owned),
            Self::ProviderUnreachable(document, _) => Some(document.name().to_owned()),
            Self::ProviderStatus(document, status) => Some(format!("{} {}", document.name(), status.as_u16())),
            Self::Store(StoreError::Unavailable(text)) => Some(text.clone()),
            Self::Rejected(Rejection::Store(StoreError::Unavailable(text))) => Some(text.clone()),
            _ => None,
        }
    }

    /// The one map from what happened to what the outside learns of it.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::UnknownHost => Refusal::Misdirected,
            Self::BadHeader
            | Self::BadPath(_)
            | Self::LoginParameter(_)
            | Self::UnknownProvider
            | Self::BadInput(_)
            | Self::LogoutRequest(_)
            | Self::LogoutTokenSignature(_)
            | Self::LogoutToken(_)
            | Self::Verify(_) => Refusal::BadRequest,
            Self::NoRoute | Self::NoSuchSession | Self::NoFile => Refusal::NotFound,
            Self::MethodNotAllowed(methods) => Refusal::MethodNotAllowed(methods.clone()),
            Self::NoCredential | Self::AccessTokenExpired | Self::Denied(Denial::Anonymous) => Refusal::Unauthenticated,
            Self::NoToken => Refusal::TokenRequired,
            Self::Presentation(_) => Refusal::TokenMalformed,
            Self::TokenRejected(TokenRejection::Sender(SenderError::Dpop(error))) => match error.blame() {
                Blame::Token => Refusal::TokenRefused,
                Blame::Proof => Refusal::ProofRefused,
                Blame::Nonce => Refusal::NonceWanted,
            },
            Self::TokenRejected(_) => Refusal::TokenRefused,
            Self::Rejected(Rejection::Store(_)) => Refusal::Unavailable,
            Self::Rejected(_) => Refusal::Unauthenticated,
            Self::Csrf(_) | Self::CorsOrigin | Self::LoginNotNavigated => Refusal::CrossSite,
            Self::Denied(Denial::Scopes(missing)) => Refusal::Forbidden(missing.clone()),
            Self::StepUp(wanted) => Refusal::StepUp(wanted.clone()),
            Self::Denied(_) | Self::NotAdministrator => Refusal::Forbidden(Vec::new()),
            Self::Callback(CallbackError::ProviderRefused(_)) => Refusal::LoginRefused,
            Self::Token(TokenError::ServerError | TokenError::AnswerLost) => Refusal::Unavailable,
            Self::Callback(_)
            | Self::Token(_)
            | Self::IdTokenSignature(_)
            | Self::IdToken(_)
            | Self::UserInfoSignature(_)
            | Self::UserInfo(_)
            | Self::LoginOvertaken => Refusal::LoginFailed,
            Self::RenewalPaused
            | Self::Introspection(_)
            | Self::Unasked(_)
            | Self::ProviderUnreachable(..)
            | Self::ProviderStatus(..)
            | Self::Metadata(_)
            | Self::Keys(_)
            | Self::Store(_) => Refusal::Unavailable,
            Self::Limited(_, next) => Refusal::TooManyRequests(*next),
            Self::UpstreamUnreachable => Refusal::BadGateway,
            Self::UpstreamTimeout => Refusal::GatewayTimeout,
            Self::Internal(_) => Refusal::Internal,
        }
    }
}

impl Document {
    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Keys => "keys",
            Self::Token => "token",
            Self::UserInfo => "userinfo",
            Self::Introspection => "introspection",
        }
    }
}

impl Refusal {
    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest | Self::LoginFailed | Self::TokenMalformed => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Unauthenticated
            | Self::StepUp(_)
            | Self::TokenRequired
            | Self::TokenRefused
            | Self::ProofRefused
            | Self::NonceWanted => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::CrossSite | Self::LoginRefused => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The last part of the problem's `type` (RFC 9457 §3.1.1): stable, for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BadRequest | Self::TokenMalformed => "bad-request",
            Self::Misdirected => "misdirected",
            Self::Unauthenticated | Self::TokenRequired => "unauthenticated",
            Self::TokenRefused => "invalid-token",
            Self::ProofRefused => "invalid-dpop-proof",
            Self::NonceWanted => "use-dpop-nonce",
            Self::StepUp(_) => "insufficient-user-authentication",
            Self::Forbidden(_) => "forbidden",
            Self::CrossSite => "cross-site",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed(_) => "method-not-allowed",
            Self::LoginFailed => "login-failed",
            Self::LoginRefused => "login-refused",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::Unavailable => "unavailable",
            Self::BadGateway => "bad-gateway",
            Self::GatewayTimeout => "gateway-timeout",
            Self::Internal => "internal",
        }
    }

    /// A title for people; the same for every problem of the kind.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self {
            Self::BadRequest | Self::TokenMalformed => "That request cannot be understood",
            Self::Misdirected => "That address is not served here",
            Self::Unauthenticated => "Please sign in",
            Self::TokenRequired => "An access token is needed here",
            Self::TokenRefused => "That access token is not accepted",
            Self::ProofRefused | Self::NonceWanted => "That proof of a key is not accepted",
            Self::StepUp(_) => "Please sign in once more",
            Self::Forbidden(_) => "You may not do this",
            Self::CrossSite => "That request came from another site",
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed(_) => "That cannot be done here",
            Self::LoginFailed => "Signing in did not work",
            Self::LoginRefused => "Signing in was refused",
            Self::TooManyRequests(_) => "Too many requests",
            Self::Unavailable => "A service we need does not answer",
            Self::BadGateway => "The application does not answer",
            Self::GatewayTimeout => "The application takes too long",
            Self::Internal => "Something went wrong here",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::BadRequest => "The link may be damaged. Go back and try another way.",
            Self::Misdirected => "Check the address in your browser.",
            Self::Unauthenticated => "This page is for people who are signed in.",
            Self::TokenRequired => "This address is for programs, which show a token to get in.",
            Self::TokenRefused => "The program that sent it needs a new one.",
            Self::ProofRefused => "The program that sent it has to make another one, for this request alone.",
            Self::NonceWanted => {
                "The program that sent it has to make another one, with the nonce that comes with this answer."
            }
            Self::TokenMalformed => "The program that sent it has to present its access token in another way.",
            Self::StepUp(_) => "For this page you have to sign in again, perhaps in a safer way than before.",
            Self::Forbidden(_) => "You are signed in, but your account has no access to this page.",
            Self::CrossSite => "For your safety it was not carried out. If you meant it, start from our own pages.",
            Self::NotFound => "The page may have moved, or the address has a typo.",
            Self::MethodNotAllowed(_) => "Go back and try another way.",
            Self::LoginFailed => "You are not signed in. It can help to start again; logins expire after ten minutes.",
            Self::LoginRefused => "You are not signed in. You can start again, or choose another account.",
            Self::TooManyRequests(_) => "There were more than we let through. Please wait a moment, then try again.",
            Self::Unavailable => "This is on our side. Please try again in a moment.",
            Self::BadGateway | Self::GatewayTimeout => "Please try again in a moment.",
            Self::Internal => "It has been noted. Please try again, and tell us the number below if it stays.",
        }
    }

    /// Whether starting a login again is a sensible next step.
    #[must_use]
    pub const fn offers_login(&self) -> bool {
        matches!(self, Self::Unauthenticated | Self::StepUp(_) | Self::LoginFailed | Self::LoginRefused)
    }
}

#[cfg(test)]
mod tests;
