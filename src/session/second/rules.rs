//! When factors may be added and taken away: whoever only has the session must not.

use super::message::SecondRefusal;
use crate::session::record::Session;
use crate::time::{Seconds, Timestamp};

/// How long after a recovery code new factors may be added.
pub const RECOVERED_FOR: Seconds = Seconds::minutes(15);

/// How long a proof counts for changes, where `enrol_within` is longer.
pub const PROVEN_FOR: Seconds = Seconds::minutes(10);

/// Whether a factor may be added in this session: the first one soon after a sign-in at the provider, each later one soon
/// after a proof by one that is there, or by a recovery code.
///
/// # Errors
/// What the person has to do first.
pub fn may_enrol(session: &Session, is_first: bool, within: Seconds, now: Timestamp) -> Result<(), SecondRefusal> {
    if is_first {
        return signed_in(session, within, now);
    }
    let Some(proof) = &session.second else { return Err(SecondRefusal::ProofNeeded) };
    let within = if proof.by.is_a_factor() { within.min(PROVEN_FOR) } else { RECOVERED_FOR };
    if is_recent(proof.at, within, now) { Ok(()) } else { Err(SecondRefusal::ProofNeeded) }
}

/// Whether the factor `id` may be taken away in this session: soon after a proof by another one. The last one goes soon after
/// a proof by itself and a sign-in at the provider.
///
/// # Errors
/// What the person has to do first.
pub fn may_remove(
    session: &Session,
    (id, is_last): (&str, bool),
    within: Seconds,
    now: Timestamp,
) -> Result<(), SecondRefusal> {
    has_proven(session, within, now)?;
    if is_last {
        return signed_in(session, within, now);
    }
    let proved_by = session.second.as_ref().and_then(|proof| proof.factor.as_deref());
    if proved_by.is_some_and(|proved_by| proved_by != id) { Ok(()) } else { Err(SecondRefusal::OtherProofNeeded) }
}

/// Whether a factor was proven in this session a moment ago. A recovery code is none.
///
/// # Errors
/// When none was.
pub fn has_proven(session: &Session, within: Seconds, now: Timestamp) -> Result<(), SecondRefusal> {
    let proof = session.second.as_ref().filter(|proof| proof.by.is_a_factor());
    let is_proven = proof.is_some_and(|proof| is_recent(proof.at, within.min(PROVEN_FOR), now));
    if is_proven { Ok(()) } else { Err(SecondRefusal::ProofNeeded) }
}

/// The session began a moment ago, and the person proved themselves to the provider then: not earlier, for another program.
fn signed_in(session: &Session, within: Seconds, now: Timestamp) -> Result<(), SecondRefusal> {
    let proved_at = session.auth_time.map_or(session.created_at, |proved_at| proved_at.min(session.created_at));
    if is_recent(proved_at, within, now) { Ok(()) } else { Err(SecondRefusal::SignInNeeded) }
}

fn is_recent(at: Timestamp, within: Seconds, now: Timestamp) -> bool {
    now <= at.plus(within)
}
