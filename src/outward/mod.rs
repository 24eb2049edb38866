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

use crate::config::ServiceClient;
use crate::ports::StoreError;

/// Why there is no token of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTokenError {
    /// The authorization server gives none, and there is none at hand that still counts.
    Unavailable,
    /// The object works by another configuration than this isolate: a deployment is under way.
    OtherConfiguration,
}

impl ServiceTokenError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "service_token.unavailable",
            Self::OtherConfiguration => "service_token.other_configuration",
        }
    }
}

/// Whoever keeps tokens of our own, strongly consistent.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait ServiceTokens {
    /// The token of an entry, got now if there is none. `refused`: the one that the upstream did not take, which is not given
    /// again.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn service_token(
        &self,
        client: &ServiceClient,
        refused: Option<&ServiceTokenDigest>,
    ) -> Result<ServiceTokenReply, StoreError>;
    /// Asks the store something that changes nothing and needs no token.
    ///
    /// # Errors
    /// When it does not answer.
    async fn reach(&self) -> Result<(), StoreError>;
}
