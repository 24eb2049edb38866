//! `require.providers`: only identities that these providers vouch for.

use super::Denial;
use crate::config::ProviderId;

/// # Errors
/// When providers are named and this is none of them.
pub fn decide(provider: &str, accepted: &[ProviderId]) -> Result<(), Denial> {
    let named = accepted.iter().any(|id| id.as_str() == provider);
    if accepted.is_empty() || named { Ok(()) } else { Err(Denial::Provider) }
}
