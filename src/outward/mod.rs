//! Tokens of our own, for upstreams that Postern calls in its own name (RFC 6749 §4.4): when one is used, when another is got,
//! and who keeps it.
//!
//! One object keeps the token of an entry of `SERVICES`, and asks for the next: however many isolates and requests need one,
//! the authorization server is asked once. Isolates keep a copy for seconds.

pub mod copies;
pub mod keeper;
pub mod message;
pub mod token;

pub use copies::ServiceTokenCopies;
pub use keeper::{Keeper, Next};
pub use message::{ServiceTokenReply, ServiceTokenRequest};
pub use token::{ServiceToken, ServiceTokenDigest};

use crate::ports::StoreError;

/// Why there is no token of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTokenError {
    /// The authorization server gives none, and there is none at hand that still counts.
    Unavailable,
}

impl ServiceTokenError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "service_token.unavailable",
        }
    }
}

/// Whoever keeps tokens of our own, strongly consistent.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait ServiceTokens {
    /// The token of an entry, got now if there is none. The one that the upstream did not take is dropped before. If one was
    /// dropped within ten seconds, it stays, and may be the answer.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn service_token(&self, wanted: &ServiceTokenRequest) -> Result<ServiceTokenReply, StoreError>;
    /// Asks the store something that changes nothing and needs no token.
    ///
    /// # Errors
    /// When it does not answer.
    async fn reach(&self) -> Result<(), StoreError>;
}
