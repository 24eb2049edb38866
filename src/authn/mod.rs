//! Door 1: credentials → a [`Principal`], or nobody. It knows nothing of what a route permits.

pub mod access_token;
pub mod agent;
pub mod api_key;
pub mod bearer;
pub mod blocked;
pub mod certificate;
pub mod confirmation;
pub mod dpop;
pub mod error;
pub mod hypothetical;
pub mod introspection_budget;
pub mod mtls;
pub mod principal;
pub mod resource;
pub mod sender_constraint;
pub mod session_cookie;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod token_cache;
pub mod workload;

pub use access_token::Actor;
pub use blocked::{BlockedBy, Standing};
pub use error::{PresentationError, TokenRejection};
pub use principal::{
    Authenticated, AuthenticationFacts, CertificateFacts, GrantFacts, KeyFacts, Principal, PrincipalSource,
    SessionFacts,
};
pub use sender_constraint::Means;

pub use crate::ids::principal_kind::PrincipalKind;
use crate::ports::StoreError;
use crate::session::device::DeviceFault;
use crate::session::{Lapse, SessionHandle};

/// What a session cookie says of a request.
#[derive(Debug)]
pub enum Verdict {
    /// There is no credential of this kind.
    Abstain,
    /// There is one, and it is good.
    Authenticated(Box<Authenticated>),
    /// There is one, and it is not good: nobody.
    Reject(Rejection),
    /// There is one, and what came along does not prove that its device sent it: nobody, and the log says whose it is.
    Unproven(Box<Authenticated>, Rejection),
}

/// Why a session cookie is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Several session cookies came at once.
    SessionCookieRepeated,
    /// The session cookie was not made by us, or with a key that is gone.
    SessionCookieForged,
    /// The session has ended: logout, clocks, or a newer login.
    SessionGone,
    /// It is stored, and by the configuration in force it counts no more; this one.
    SessionLapsed(Lapse, Box<SessionHandle>),
    /// The session is bound to a device, and the request does not show that the browser has its key.
    DeviceUnproven(DeviceFault),
    /// The browser could not prove it because we did not answer it.
    DevicePaused,
    /// The request says that the browser may not prove it now, and comes from elsewhere than the proofs did: the session has
    /// ended by that.
    DeviceMismatch,
    /// The session is bound to no device, and here all have to be; whether the browser may be about to register its key.
    DeviceUnbound {
        /// The sign-in was a moment ago.
        is_new: bool,
    },
    /// The store did not answer: nobody is let in on a guess.
    Store(StoreError),
}

impl Rejection {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SessionCookieRepeated => "session.cookie_repeated",
            Self::SessionCookieForged => "session.cookie_forged",
            Self::SessionGone | Self::SessionLapsed(Lapse::Expired, _) => "session.gone",
            Self::SessionLapsed(Lapse::ProviderGone, _) => "session.provider_not_configured",
            Self::SessionLapsed(Lapse::TooOld, _) => "session.began_before_not_before",
            Self::DeviceUnproven(_) => "session.device_unproven",
            Self::DevicePaused => "session.device_paused",
            Self::DeviceMismatch => "session.device_mismatch",
            Self::DeviceUnbound { .. } => "session.device_unbound",
            Self::Store(StoreError::Unavailable(_)) => "session.store_unavailable",
            Self::Store(StoreError::Malformed) => "session.store_malformed",
        }
    }

    /// Whether the cookie is of no use any more, so that the browser should drop it.
    #[must_use]
    pub const fn discards_cookie(&self) -> bool {
        // A browser that proves the key a moment later needs it still.
        !matches!(self, Self::Store(_) | Self::DeviceUnproven(_) | Self::DevicePaused | Self::DeviceUnbound { .. })
    }
}
