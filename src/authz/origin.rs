//! `require.providers` and `require.issuers`: only identities that these vouch for.

use super::Denial;
use crate::authn::PrincipalSource;
use crate::route::Requirements;

/// Where either is named, the identity comes from one that is: a list of providers lets no token through, nor a list
/// of issuers a session.
///
/// # Errors
/// When this is none of them.
pub fn decide(origin: &PrincipalSource, required: &Requirements) -> Result<(), Denial> {
    let (named, denial) = match origin {
        PrincipalSource::Provider(id) => {
            (required.providers.iter().any(|known| known.as_str() == id), Denial::Provider)
        }
        PrincipalSource::Issuer(id) => (required.issuers.contains(id), Denial::Issuer),
        PrincipalSource::Key(_) | PrincipalSource::Certificate(_) => (false, Denial::Issuer),
    };
    let anybody = required.providers.is_empty() && required.issuers.is_empty();
    if anybody || named { Ok(()) } else { Err(denial) }
}
