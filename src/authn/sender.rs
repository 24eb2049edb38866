//! A token and how it came → whether its presenter may use it (RFC 7800, RFC 9449 §7, RFC 8705 §3).
//!
//! A token that is bound to a key or a certificate is worth nothing without it. Which proofs are understood is
//! decided here and nowhere else: what is bound in a way not listed here is refused, never taken for plain (R-136).

use super::access_token::AccessTokenClaims;
use super::bearer::{Scheme, TokenRejection};
use super::principal::Means;

/// That whoever presents a token may. Only [`check`] makes one, and no principal comes of a token without it.
///
/// ```compile_fail,E0451
/// let forged = postern::authn::sender::Sender { means: postern::authn::Means::Bearer };
/// ```
#[derive(Debug)]
pub struct Sender {
    means: Means,
}

impl Sender {
    /// How the token was shown to be the sender's.
    #[must_use]
    pub const fn means(&self) -> Means {
        self.means
    }
}

/// Checks how a token came against what it is bound to.
///
/// # Errors
/// When it is bound to something that the sender has not shown to have.
pub fn check(scheme: Scheme, claims: &AccessTokenClaims) -> Result<Sender, TokenRejection> {
    match (scheme, claims.confirmation()) {
        (Scheme::Bearer, None) => Ok(Sender { means: Means::Bearer }),
        // R-130, R-136
        (_, Some(_)) => Err(TokenRejection::Bound),
        (Scheme::Dpop, None) => Err(TokenRejection::SchemeUnsupported),
    }
}
