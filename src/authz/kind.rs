//! `require.kinds`: only people, only services, only agents.

use super::Denial;
use crate::ids::principal_kind::PrincipalKind;

/// # Errors
/// When kinds are named and this is none of them.
pub fn decide(kind: PrincipalKind, accepted: &[PrincipalKind]) -> Result<(), Denial> {
    if accepted.is_empty() || accepted.contains(&kind) { Ok(()) } else { Err(Denial::Kind) }
}
