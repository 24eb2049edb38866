//! `require.kinds`: only people, only services, only agents.

use super::Denial;
use crate::ids::principal_kind::Kind;

/// # Errors
/// When kinds are named and this is none of them.
pub fn decide(kind: Kind, accepted: &[Kind]) -> Result<(), Denial> {
    if accepted.is_empty() || accepted.contains(&kind) { Ok(()) } else { Err(Denial::Kind) }
}
