//! `require.second`, and `SECOND.required_for`: that a person has proven a second factor of ours in this session.
//!
//! It is ours alone: we asked for it, and our own clock says when. So no clock of anybody else's is allowed for, and nothing
//! that a provider or a token says counts for it. A recovery code is none, though it was proven.

use crate::authn::Principal;
use crate::route::Requirements;
use crate::session::second::SecondProof;
use crate::time::{Seconds, Timestamp};

use super::Shortfall;

/// Whether the route asks this caller for one.
#[must_use]
pub fn is_asked(principal: &Principal, required: &Requirements) -> bool {
    required.second.is_some() || is_asked_by_roles(principal, &required.second_for)
}

/// Whether the caller is a person who has one of these roles. A program that got the role of a person has no factors: making
/// it asked for them.
#[must_use]
pub fn is_asked_by_roles(principal: &Principal, second_for: &[String]) -> bool {
    principal.is_in_person() && principal.roles().iter().any(|role| second_for.contains(role))
}

/// Whether the caller has one, as the route asks.
///
/// # Errors
/// What a proof would have to mend.
pub fn decide(principal: &Principal, required: &Requirements, now: Timestamp) -> Result<(), Shortfall> {
    if !is_asked(principal, required) {
        return Ok(());
    }
    decide_age(proven(principal), required.second, now)
}

/// Whether a proof is there, and not too long ago.
///
/// # Errors
/// The same.
pub fn decide_age(proof: Option<&SecondProof>, max_age: Option<Seconds>, now: Timestamp) -> Result<(), Shortfall> {
    match (proof, max_age) {
        (None, _) => Err(Shortfall::SecondMissing),
        (Some(proof), Some(max_age)) if now > proof.at.plus(max_age) => Err(Shortfall::SecondTooOld),
        (Some(_), _) => Ok(()),
    }
}

/// The factor that this person proved in the session that they came by.
#[must_use]
pub fn proven(principal: &Principal) -> Option<&SecondProof> {
    principal.session()?;
    let is_own = principal.is_in_person();
    principal.authentication().second.as_ref().filter(|proof| is_own && proof.by.is_a_factor())
}
