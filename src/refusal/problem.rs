//! What the outside learns of a failure: a status, a kind, and words for people.

use crate::authz::StepUp;
use crate::http::StatusCode;
use crate::time::Seconds;

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
    /// 401: not without a second factor of ours; how recent a proof would do (RFC 9470).
    SecondFactor(Box<StepUp>),
    /// 403: what was presented is no proof of a second factor, or not the right one.
    FactorRefused,
    /// 401: not without a proof of the key of the device.
    DeviceProof,
    /// 401: not in a session that is bound to no device.
    DeviceBinding,
    /// 403: not with these rights; the scopes that would do.
    Forbidden(Vec<String>),
    /// 403: not until somebody allows it, at this address; for so long they are asked.
    ApprovalRequired(String, Seconds),
    /// 403: somebody said no; they are not asked again for so long.
    ApprovalDenied(Seconds),
    /// 403: not from that page.
    CrossSite,
    /// 404
    NotFound,
    /// 405, with the methods that are.
    MethodNotAllowed(String),
    /// 409: the resource changed since the caller read it.
    Conflict,
    /// 400: the login did not come to a good end.
    LoginFailed,
    /// 403: the provider, or the person there, said no.
    LoginRefused,
    /// 403: who they are is known, and nobody of that name is let in until somebody lifts that.
    AccountBlocked,
    /// 400: the login has ended before, or there was none; who comes back to its end may well be signed in.
    LoginOver,
    /// 401: the provider wants something of the person that it was not given.
    LoginUnfinished,
    /// 400: the provider does not take our request; no other login will do better.
    LoginMisconfigured,
    /// 400: the program that sent the person here cannot be checked, or is not let in.
    ClientRefused,
    /// 403: what the person was asked is over; the program has to ask again.
    ConsentOver,
    /// 503: the provider cannot sign anybody in just now.
    LoginUnavailable,
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

impl Refusal {
    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::LoginFailed
            | Self::LoginOver
            | Self::LoginMisconfigured
            | Self::ClientRefused
            | Self::TokenMalformed => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Unauthenticated
            | Self::LoginUnfinished
            | Self::StepUp(_)
            | Self::SecondFactor(_)
            | Self::DeviceProof
            | Self::DeviceBinding
            | Self::TokenRequired
            | Self::TokenRefused
            | Self::ProofRefused
            | Self::NonceWanted => StatusCode::UNAUTHORIZED,
            Self::FactorRefused
            | Self::Forbidden(_)
            | Self::ApprovalRequired(..)
            | Self::ApprovalDenied(_)
            | Self::CrossSite
            | Self::LoginRefused
            | Self::AccountBlocked
            | Self::ConsentOver => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::LoginUnavailable => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::SecondFactor(_) => "second-factor-required",
            Self::FactorRefused => "factor-refused",
            Self::DeviceProof => "device-proof-required",
            Self::DeviceBinding => "device-binding-required",
            Self::Forbidden(_) => "forbidden",
            Self::ApprovalRequired(..) => "approval-required",
            Self::ApprovalDenied(_) => "approval-denied",
            Self::CrossSite => "cross-site",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed(_) => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::LoginFailed | Self::LoginOver | Self::LoginMisconfigured => "login-failed",
            Self::LoginUnfinished => "login-unfinished",
            Self::LoginRefused => "login-refused",
            Self::AccountBlocked => "account-blocked",
            Self::ClientRefused => "client-refused",
            Self::ConsentOver => "consent-over",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::Unavailable | Self::LoginUnavailable => "unavailable",
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
            Self::SecondFactor(_) => "Please confirm that it is you",
            Self::FactorRefused => "That does not prove that it is you",
            Self::DeviceProof => "Your browser has to prove its device",
            Self::DeviceBinding => "Another browser is needed here",
            Self::Forbidden(_) => "You may not do this",
            Self::ApprovalRequired(..) => "Somebody has to allow this first",
            Self::ApprovalDenied(_) => "This was not allowed",
            Self::CrossSite => "That request came from another site",
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed(_) => "That cannot be done here",
            Self::Conflict => "That has changed meanwhile",
            Self::LoginFailed | Self::LoginMisconfigured => "Signing in did not work",
            Self::LoginOver => "This sign-in is over",
            Self::LoginUnfinished => "Signing in was not finished",
            Self::LoginUnavailable => "Signing in is not possible just now",
            Self::LoginRefused => "Signing in was refused",
            Self::AccountBlocked => "This account is blocked",
            Self::ClientRefused => "That program cannot be checked",
            Self::ConsentOver => "This question is over",
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
            Self::StepUp(_) => "This page needs another sign-in, perhaps in a safer way than before.",
            Self::SecondFactor(_) => "This page asks for a second factor beside your sign-in.",
            Self::FactorRefused => "Try again, or use another of your second factors.",
            Self::DeviceProof => {
                "You signed in on one device, and only the browser there can go on. If this is that browser, sign in again."
            }
            Self::DeviceBinding => {
                "This page is only for browsers that tie the sign-in to their device: Chrome or Edge, from version 146, on \
                 Windows or macOS. Open it there and sign in again."
            }
            Self::Forbidden(_) => "You are signed in, but your account has no access to this page.",
            Self::ApprovalRequired(..) => {
                "A person who may allow it can do so on a page of ours. Then it can be tried again."
            }
            Self::ApprovalDenied(_) => "It was asked a moment ago, and the answer was no.",
            Self::CrossSite => {
                "For your safety it was not carried out. If you meant to do it, start from our own pages."
            }
            Self::NotFound => "The page may have moved, or the address has a typo.",
            Self::MethodNotAllowed(_) => "Go back and try another way.",
            Self::Conflict => "Look at how it is now, then decide again.",
            Self::LoginFailed => "It can help to start again. A sign-in that takes longer than ten minutes expires.",
            Self::LoginOver => "It was finished before, or it took longer than ten minutes.",
            Self::LoginRefused => "You can start again, or choose another account.",
            Self::AccountBlocked => "Please ask the people who run this site.",
            Self::ClientRefused => {
                "A program wants to act for you, and this site cannot check which one it is. Nothing was allowed. Please tell \
                 those who run the program."
            }
            Self::ConsentOver => {
                "It was answered before, it is older than ten minutes, or you have signed in anew since. Start again in the \
                 program that asked."
            }
            Self::LoginUnfinished => "The sign-in page needs an answer from you. Start again, and follow its steps.",
            Self::LoginMisconfigured => {
                "Something in how signing in is set up is not right, so that starting again may not help. Please tell \
                 those who run this site the number below."
            }
            Self::LoginUnavailable => "The service that signs people in has a problem. Please try again in a moment.",
            Self::TooManyRequests(_) => {
                "You have sent more requests than this site allows. Please wait, then try again."
            }
            Self::Unavailable => "The fault is on our side. Please try again in a moment.",
            Self::BadGateway | Self::GatewayTimeout => "Please try again in a moment.",
            Self::Internal => "It has been noted. Please try again, and tell us the number below if it happens again.",
        }
    }

    /// Whether the same request may be answered otherwise a little later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::TooManyRequests(_)
                | Self::Unavailable
                | Self::LoginUnavailable
                | Self::BadGateway
                | Self::GatewayTimeout
                | Self::Internal
        )
    }

    /// Whether starting a login again is a sensible next step.
    #[must_use]
    pub const fn offers_login(&self) -> bool {
        matches!(
            self,
            Self::Unauthenticated
                | Self::StepUp(_)
                | Self::SecondFactor(_)
                | Self::DeviceProof
                | Self::DeviceBinding
                | Self::LoginFailed
                | Self::LoginOver
                | Self::LoginRefused
                | Self::LoginUnfinished
                | Self::LoginMisconfigured
                | Self::LoginUnavailable
        )
    }

    /// Whether it is one, where the request itself was a step of a login: what failed on our side is tried again so.
    #[must_use]
    pub const fn leaves_login_open(&self) -> bool {
        self.offers_login() || matches!(self, Self::Unavailable | Self::TooManyRequests(_))
    }
}
