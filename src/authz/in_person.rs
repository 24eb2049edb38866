//! `require.in_person`: nobody acts for the caller (RFC 8693 §4.1).

use super::Denial;
use crate::authn::Actor;

/// # Errors
/// When it is asked for, and somebody does.
pub fn decide(actors: &[Actor], is_asked: bool) -> Result<(), Denial> {
    if is_asked && !actors.is_empty() { Err(Denial::ActedFor) } else { Ok(()) }
}
