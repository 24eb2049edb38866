//! `require.providers`, `require.issuers` and `require.certificates`: only identities that these vouch for.

use super::Denial;
use crate::authn::{Principal, PrincipalSource};
use crate::route::Requirements;

/// Where any is named, the identity comes from one that is: a list of providers lets no token through, nor a list
/// of issuers a session. An API key comes from where its owner signs in, and one without owner from nowhere.
///
/// # Errors
/// When this is none of them.
pub fn decide(principal: &Principal, required: &Requirements) -> Result<(), Denial> {
    let provider = |id: &str| required.providers.iter().any(|known| known.as_str() == id);
    let (named, denial) = match principal.origin() {
        PrincipalSource::Provider(id) | PrincipalSource::Grant { provider: id, .. } => (provider(id), Denial::Provider),
        PrincipalSource::Issuer(id) => (required.issuers.contains(id), Denial::Issuer),
        PrincipalSource::Key(_) => (principal.owner().is_some_and(|owner| provider(&owner.provider)), Denial::Provider),
        PrincipalSource::Certificate(id) => (required.certificates.contains(id), Denial::Certificate),
    };
    if !is_asked(required) || named { Ok(()) } else { Err(denial) }
}

/// Whether a route names any.
#[must_use]
pub fn is_asked(required: &Requirements) -> bool {
    let Requirements { providers, issuers, certificates, .. } = required;
    !(providers.is_empty() && issuers.is_empty() && certificates.is_empty())
}
