//! `require.in_person`: a person, and nobody acts for them (RFC 8693 §4.1).

use super::Denial;
use crate::authn::Principal;

/// # Errors
/// When it is asked for, and the caller is a program, or somebody acts for the person.
pub fn decide(principal: &Principal, is_asked: bool) -> Result<(), Denial> {
    if !is_asked || principal.is_in_person() {
        Ok(())
    } else if principal.actors().is_empty() {
        Err(Denial::NotAPerson)
    } else {
        Err(Denial::ActedFor)
    }
}
