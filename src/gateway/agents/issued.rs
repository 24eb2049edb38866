//! What the token endpoint is asked by, and what it gives, where neither a code nor a refresh token is brought.

use crate::secret::Secret;
use crate::time::Seconds;

/// A client that asks for a token.
pub(crate) struct TokenClient<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// What it calls itself.
    pub(crate) name: &'a str,
    /// Whether it has proven by a key of its own that it is the one.
    pub(crate) is_confidential: bool,
    /// The thumbprint of the key that came with the request, proven (RFC 9449 §5).
    pub(crate) jkt: Option<&'a str>,
}

/// A token for a client.
pub(crate) struct IssuedToken {
    /// The access token.
    pub(crate) access_token: Secret<String>,
    /// For how long it is good.
    pub(crate) expires_in: Seconds,
    /// What it may do.
    pub(crate) scopes: Vec<String>,
    /// `DPoP` or `Bearer`.
    pub(crate) token_type: &'static str,
    /// What it is, where the answer says so (RFC 8693 §2.2.1).
    pub(crate) issued_token_type: Option<&'static str>,
}

/// By which scheme a token is shown that is bound to this key, or to none (RFC 9449 §5).
pub(super) const fn token_type(jkt: Option<&String>) -> &'static str {
    if jkt.is_some() { "DPoP" } else { "Bearer" }
}
