//! Who asks, as far as an upstream may be told.

use serde_json::{Map, Value};

use crate::authn::Principal;
use crate::authz::second;
use crate::claims::is_believed;

/// A principal, and the name of their session.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// Their session's name in lists of sessions, by which nobody can use it; `None` if they came by a token.
    pub session: Option<&'a str>,
}

impl<'a> Identity<'a> {
    /// The methods by which they proved who they are: to their provider, and to us in this session.
    #[must_use]
    pub fn amr(&self) -> Vec<&'a str> {
        let own = second::proven(self.principal).map(|proof| proof.by.amr()).unwrap_or_default();
        let told = self.principal.authentication().amr.iter().map(String::as_str);
        let new =
            own.iter().copied().filter(|method| !self.principal.authentication().amr.iter().any(|one| one == method));
        told.chain(new).collect()
    }

    /// The e-mail address, if the provider has verified it.
    #[must_use]
    pub fn email(&self) -> Option<&'a str> {
        self.kept("email")?.as_str()
    }

    /// A claim that the session keeps. An address or number that can be verified (OpenID Connect Core §5.1) is none
    /// until it was.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<&'a Value> {
        let claims: &Map<String, Value> = self.principal.claims();
        claims.get(name).filter(|_| is_believed(claims, name))
    }
}
