//! Somebody who is only supposed: to ask what would be decided about them (`postern explain`). Native only, so that
//! nobody in a Worker is ever let in on a supposition.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::Principal;
use super::access_token::{AccessTokenClaims, AccessTokenError, Expectations};
use super::sender::Sender;
use crate::config::{Profile, TokenIssuer};
use crate::session::{Clocks, Session};
use crate::time::{Seconds, Timestamp};

/// Whoever would have this session.
#[must_use]
pub fn by_session(session: Session) -> Principal {
    Principal::of_session(session, Clocks::new(Seconds::hours(1), Seconds::hours(1)))
}

/// Whoever would have a token of `issuer`'s with these claims.
///
/// # Errors
/// When no token of its says so.
pub fn by_token(
    issuer: &TokenIssuer,
    claims: Map<String, Value>,
    now: Timestamp,
) -> Result<Principal, AccessTokenError> {
    let expected = Expectations { issuer, profile: Profile::Legacy, now };
    let claims = AccessTokenClaims::supposed(claims, &expected)?;
    Ok(Principal::by_token(issuer, &Rc::new(claims), &Sender::plain()))
}
