//! What happened, for the log, and the map to what the outside learns of it.

use super::approval::ApprovalRefusal;
use super::device::DeviceError;
use super::parts::{Document, ForwardAuthError, KeyRequestError, LogoutRequestError, McpDenial, OrderError};
use super::second::SecondError;
use crate::agent::AgentError;
use crate::api_key::ApiKeyId;
use crate::authn::agent::AgentRejection;
use crate::authn::api_key::KeyRejection;
use crate::authn::certificate::CertificateRefusal;
use crate::authn::error::SenderError;
use crate::authn::introspection_budget::NotAsked;
use crate::authn::{BlockedBy, PresentationError, Rejection, TokenRejection};
use crate::authz::{Denial, StepUp};
use crate::authzen::RequestError;
use crate::http::StatusCode;
use crate::http::csrf::CsrfError;
use crate::jose::{JweError, JwtError, KeySetError};
use crate::leak_report::LeakReportError;
use crate::limit::LimitKind;
use crate::oidc::callback::CallbackError;
use crate::oidc::error_response::{ErrorResponse, printable_name};
use crate::oidc::id_token::IdTokenError;
use crate::oidc::introspection::IntrospectionError;
use crate::oidc::logout_token::LogoutTokenError;
use crate::oidc::metadata::MetadataError;
use crate::oidc::pushed::PushedError;
use crate::oidc::revocation_request::RevocationRequestError;
use crate::oidc::revocation_token::RevocationTokenError;
use crate::oidc::token::TokenError;
use crate::oidc::userinfo::UserInfoError;
use crate::outward::ServiceTokenError;
use crate::ports::{FetchError, StoreError};
use crate::route::PathError;
use crate::saml::error::SamlError;
use crate::time::Seconds;

/// Why a request was refused: for the log alone.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The request is addressed to a host that is not ours.
    UnknownHost,
    /// It came without TLS, and the public URL is `https`.
    PlainHttp,
    /// There are too many headers, or the name of one holds a sign by which servers take it for another that says who asks.
    BadHeader,
    /// A GET or HEAD with a body, which the platform cannot send on.
    UnsendableBody,
    /// The URL or its path has more than one reading.
    BadPath(PathError),
    /// No rule for this path.
    NoRoute,
    /// A rule, but the upstream could take the path for what a stricter rule is for; the name of that one.
    OtherSpelling(String),
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
    /// An API key that is not good.
    Key(KeyRejection),
    /// An agent's token that is not good.
    Agent(AgentRejection),
    /// A key where none belongs: in an address, a cookie or a body.
    KeyExposed(ApiKeyId),
    /// A client certificate that names no program here.
    Certificate(CertificateRefusal),
    /// An issuer's answer about an opaque token says nothing of it.
    Introspection(IntrospectionError),
    /// An issuer is not asked about an opaque token now.
    NotAsked(NotAsked),
    /// An unsafe request that is not from a page of ours.
    Csrf(CsrfError),
    /// A browser asks for a page of an origin that the route does not name.
    CorsOrigin,
    /// More requests than this limit lets through; in so long it will be one more.
    Limited(LimitKind, Seconds),
    /// A monitor that shows another secret than its own.
    WrongHealthSecret,
    /// A proxy's question that is not answered.
    Verify(ForwardAuthError),
    /// The caller is proven, and blocked.
    Blocked(BlockedBy),
    /// A message of the Model Context Protocol is not let through.
    Mcp(McpDenial),
    /// Door 2 said no.
    Denied(Denial),
    /// Door 2 wants another sign-in.
    StepUp(Box<StepUp>),
    /// None of the person's sessions has that name.
    NoSuchSession,
    /// A key is not made, rotated or deleted.
    KeyRequest(KeyRequestError),
    /// A second factor is not added, changed or accepted.
    Second(SecondError),
    /// A call that somebody has to allow does not go on, or nobody decides about it so.
    Approval(ApprovalRefusal),
    /// A report of leaked keys that is not taken.
    LeakReport(LeakReportError),
    /// What an administrator, or a service that shares, asked for is not done.
    Order(OrderError),
    /// The request's parameters or body are not what is wanted; the named one.
    BadInput(&'static str),
    /// What a service asks is no question.
    Evaluation(RequestError),
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
    /// The authorization request was to be pushed, and was not.
    Pushed(PushedError),
    /// The token response is not good.
    Token(TokenError),
    /// A token of the provider's is encrypted, and does not open; or is not, and has to be.
    Encryption(JweError),
    /// The ID token is no good JWT.
    IdTokenSignature(JwtError),
    /// The ID token does not say what it must.
    IdToken(IdTokenError),
    /// The `UserInfo` response is no good JWT.
    UserInfoSignature(JwtError),
    /// The `UserInfo` response is not good.
    UserInfo(UserInfoError),
    /// A sign-in or sign-out by SAML that comes to nothing.
    Saml(SamlError),
    /// A provider's logout request that cannot be read.
    LogoutRequest(LogoutRequestError),
    /// The logout token is no good JWT.
    LogoutTokenSignature(JwtError),
    /// The logout token does not say what it must.
    LogoutToken(LogoutTokenError),
    /// A provider's revocation that cannot be read.
    RevocationRequest(RevocationRequestError),
    /// Its token is no good JWT.
    RevocationTokenSignature(JwtError),
    /// Its token does not say what it must.
    RevocationToken(RevocationTokenError),
    /// A logout came between the beginning of the login and its end, and wins.
    LoginOvertaken,
    /// The access token could not be refreshed, because the provider does not answer.
    RefreshPaused,
    /// The provider does not answer.
    ProviderUnreachable(Document, FetchError),
    /// The provider answers with this status instead of a document.
    ProviderStatus(Document, StatusCode),
    /// The provider's metadata is unusable.
    Metadata(MetadataError),
    /// The provider's keys are unusable.
    Keys(KeySetError),
    /// There is no token of our own for the upstream.
    ServiceToken(ServiceTokenError),
    /// A client that wants to act for somebody, or what it asks for, is refused.
    Client(AgentError),
    /// A store of ours does not answer.
    Store(StoreError),
    /// There is no such static file.
    NoFile,
    /// The upstream's list cannot be read, so nobody can tell whether the caller may see what is in it.
    UpstreamList,
    /// The upstream does not answer.
    UpstreamUnreachable,
    /// The upstream does not answer in time.
    UpstreamTimeout,
    /// A browser's registration, or a proof of its key, does not count.
    Device(DeviceError),
    /// A mistake of our own, named.
    Internal(&'static str),
}

impl Reason {
    /// Whether it says for certain that the caller has no session: none was shown, or none that counts.
    #[must_use]
    pub const fn tells_of_no_session(&self) -> bool {
        match self {
            Self::NoCredential => true,
            Self::Rejected(rejection) => rejection.discards_cookie(),
            _ => false,
        }
    }

    /// The name of this reason in the log: a fixed word, never user data.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownHost | Self::PlainHttp | Self::BadHeader | Self::UnsendableBody => self.request_code(),
            Self::BadPath(error) => error.code(),
            Self::NoRoute => "route.none",
            Self::OtherSpelling(_) => "route.other_spelling",
            Self::MethodNotAllowed(_) => "route.method_not_allowed",
            Self::NoCredential => "authn.no_credential",
            Self::NoToken => "authn.no_token",
            Self::Rejected(rejection) => rejection.code(),
            Self::Presentation(error) => error.code(),
            Self::Key(_) | Self::Agent(_) | Self::Certificate(_) | Self::TokenRejected(_) => self.credential_code(),
            Self::KeyExposed(_) => "key.exposed",
            Self::Introspection(error) => error.code(),
            Self::NotAsked(unasked) => unasked.code(),
            Self::Csrf(error) => error.code(),
            Self::CorsOrigin => "cors.origin",
            Self::Limited(kind, _) => kind.code(),
            Self::WrongHealthSecret => "health.wrong_secret",
            Self::Verify(error) => error.code(),
            Self::Blocked(by) => by.code(),
            Self::Mcp(denial) => denial.code(),
            Self::Denied(denial) => denial.code(),
            Self::StepUp(wanted) => wanted.shortfall.code(),
            Self::NoSuchSession | Self::AccessTokenExpired | Self::RefreshPaused => self.session_code(),
            Self::KeyRequest(error) => error.code(),
            Self::Second(error) => error.code(),
            Self::Approval(refusal) => refusal.code(),
            Self::LeakReport(error) => error.code(),
            Self::Order(error) => error.code(),
            Self::BadInput(_) => "request.bad_input",
            Self::Evaluation(_) => "evaluation.malformed",
            Self::Encryption(error) => error.code(),
            Self::IdTokenSignature(error)
            | Self::UserInfoSignature(error)
            | Self::LogoutTokenSignature(error)
            | Self::RevocationTokenSignature(error) => error.code(),
            Self::ProviderUnreachable(..) | Self::ProviderStatus(..) => self.provider_code(),
            Self::ServiceToken(error) => error.code(),
            Self::Client(error) => error.code(),
            Self::Store(error) => store_code(error),
            Self::NoFile | Self::UpstreamList | Self::UpstreamUnreachable | Self::UpstreamTimeout => {
                self.upstream_code()
            }
            Self::Device(error) => error.code(),
            Self::LoginNotNavigated | Self::LoginParameter(_) | Self::UnknownProvider | Self::LoginOvertaken => {
                self.login_code()
            }
            Self::Callback(_)
            | Self::Pushed(_)
            | Self::Token(_)
            | Self::IdToken(_)
            | Self::UserInfo(_)
            | Self::Metadata(_)
            | Self::Saml(_)
            | Self::Keys(_) => self.answer_code(),
            Self::Internal(name) => name,
            Self::LogoutRequest(_) | Self::LogoutToken(_) | Self::RevocationRequest(_) | Self::RevocationToken(_) => {
                self.notice_code()
            }
        }
    }

    /// Of what is shown at door 1.
    fn credential_code(&self) -> &'static str {
        match self {
            Self::Key(rejection) => rejection.code(),
            Self::Agent(rejection) => rejection.code(),
            Self::TokenRejected(rejection) => rejection.code(),
            Self::Certificate(refusal) => refusal.code(),
            _ => "internal",
        }
    }

    /// Of what a provider answers or publishes.
    fn answer_code(&self) -> &'static str {
        match self {
            Self::Callback(error) => error.code(),
            Self::Pushed(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::IdToken(error) => error.code(),
            Self::UserInfo(error) => error.code(),
            Self::Metadata(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Saml(error) => error.code(),
            _ => "internal",
        }
    }

    /// Of what a provider tells us by itself.
    const fn notice_code(&self) -> &'static str {
        match self {
            Self::LogoutRequest(error) => error.code(),
            Self::LogoutToken(error) => error.code(),
            Self::RevocationRequest(error) => error.code(),
            Self::RevocationToken(error) => error.code(),
            _ => "internal",
        }
    }

    const fn session_code(&self) -> &'static str {
        match self {
            Self::AccessTokenExpired => "session.access_token_expired",
            Self::RefreshPaused => "session.renewal_paused",
            _ => "session.unknown",
        }
    }

    const fn provider_code(&self) -> &'static str {
        match self {
            Self::ProviderUnreachable(_, error) => provider_code(*error),
            _ => "provider.unexpected_status",
        }
    }

    const fn login_code(&self) -> &'static str {
        match self {
            Self::LoginNotNavigated => "login.not_a_navigation",
            Self::LoginParameter(_) => "login.parameter_unusable",
            Self::LoginOvertaken => "login.overtaken_by_logout",
            _ => "login.unknown_provider",
        }
    }

    const fn request_code(&self) -> &'static str {
        match self {
            Self::UnknownHost => "request.unknown_host",
            Self::PlainHttp => "request.plain_http",
            Self::UnsendableBody => "request.body_unsendable",
            _ => "request.bad_header",
        }
    }

    const fn upstream_code(&self) -> &'static str {
        match self {
            Self::NoFile => "upstream.no_file",
            Self::UpstreamList => "upstream.list_unreadable",
            Self::UpstreamTimeout => "upstream.timeout",
            _ => "upstream.unreachable",
        }
    }

    /// What more the log should know; made of our own words and fixed values only.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Callback(CallbackError::Repeated(name)) | Self::LoginParameter(name) | Self::BadInput(name) => {
                Some((*name).to_owned())
            }
            Self::OtherSpelling(stricter) => Some(stricter.clone()),
            Self::Second(SecondError::Passkey(error)) => error.detail(),
            Self::Token(TokenError::Missing(name)) | Self::Pushed(PushedError::Missing(name)) => {
                Some((*name).to_owned())
            }
            Self::Token(TokenError::TokenType | TokenError::NotBound) => Some("token_type".to_owned()),
            Self::Token(TokenError::NotJson) => Some("body".to_owned()),
            Self::Token(TokenError::AnswerLost(status)) => Some(status.as_u16().to_string()),
            Self::UserInfoSignature(_) => Some(Document::UserInfo.name().to_owned()),
            Self::UserInfo(UserInfoError::Refused(status)) => Some(status.as_u16().to_string()),
            Self::Introspection(IntrospectionError::Status(status) | IntrospectionError::ClientRefused(status)) => {
                Some(status.as_u16().to_string())
            }
            Self::Metadata(MetadataError::Missing(name) | MetadataError::EndpointRefused(name)) => {
                Some((*name).to_owned())
            }
            Self::Metadata(MetadataError::IssuerMismatch(found)) => Some(
                found
                    .as_deref()
                    .map_or_else(|| "found no issuer".to_owned(), |found| format!("found `{}`", printable_name(found))),
            ),
            Self::Metadata(MetadataError::NotJson(error)) | Self::Keys(KeySetError::Json(error)) => {
                Some(error.to_string())
            }
            Self::Metadata(MetadataError::NoS256) => Some("code_challenge_methods_supported".to_owned()),
            Self::Keys(KeySetError::NoKeys | KeySetError::TooManyKeys) => Some("keys".to_owned()),
            Self::Client(error) => error.detail(),
            Self::Saml(error) => error.detail(),
            Self::Evaluation(error) => Some(error.message()),
            Self::Denied(denial) => denial.detail(),
            Self::Certificate(refusal) => refusal.detail(),
            Self::Verify(error) => error.header().map(str::to_owned),
            Self::TokenRejected(TokenRejection::Sender(SenderError::Dpop(error))) => error.detail().map(str::to_owned),
            Self::ProviderUnreachable(document, _) => Some(document.name().to_owned()),
            Self::ProviderStatus(document, status) => Some(format!("{} {}", document.name(), status.as_u16())),
            Self::Store(StoreError::Unavailable(why)) => Some(why.0.clone()),
            Self::Rejected(Rejection::Store(StoreError::Unavailable(why))) => Some(why.0.clone()),
            _ => self.provider_error().map(ErrorResponse::detail),
        }
    }

    /// The provider's error, where it is one.
    #[must_use]
    pub const fn provider_error(&self) -> Option<&ErrorResponse> {
        match self {
            Self::Callback(CallbackError::ProviderError(error))
            | Self::Token(TokenError::Refused(error))
            | Self::Pushed(PushedError::Refused(error)) => Some(&**error),
            _ => None,
        }
    }

    /// The status of the provider's answer, where that is the reason or belongs to it.
    #[must_use]
    pub fn provider_status(&self) -> Option<StatusCode> {
        match self {
            Self::Token(TokenError::AnswerLost(status))
            | Self::ProviderStatus(_, status)
            | Self::UserInfo(UserInfoError::Refused(status))
            | Self::Introspection(IntrospectionError::Status(status) | IntrospectionError::ClientRefused(status)) => {
                Some(*status)
            }
            _ => self.provider_error()?.status(),
        }
    }
}

const fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => "store.unavailable",
        StoreError::Malformed => "store.malformed",
    }
}

const fn provider_code(error: FetchError) -> &'static str {
    match error {
        FetchError::Network => "provider.unreachable",
        FetchError::Timeout => "provider.timeout",
        FetchError::TooLarge => "provider.answer_too_large",
    }
}
