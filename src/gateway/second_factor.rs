//! A second factor of ours, where an endpoint of ours asks a person for it: by `SECOND.required_for`, or more often by a rule of
//! its own. Routes ask by their requirements (door 2).

use super::context::RequestContext;
use super::refused::Refused;
use super::sign_in::link::SignIn;
use crate::authn::Principal;
use crate::authz::{StepUp, second};
use crate::refusal::Reason;
use crate::route::Requirements;
use crate::time::Seconds;

/// Whether this person has proven one in their session; `max_age`: how long ago at most, where the endpoint says so.
///
/// # Errors
/// With the way to prove it.
pub(super) fn require<P>(
    ctx: &RequestContext<'_, P>,
    person: &Principal,
    max_age: Option<Seconds>,
) -> Result<(), Refused> {
    let second_for = ctx.site.config.second.as_ref().map(|rules| rules.required_for.clone()).unwrap_or_default();
    let required = Requirements { second: max_age, second_for, ..Requirements::default() };
    let Err(shortfall) = second::decide(person, &required, ctx.request.now) else { return Ok(()) };
    let wanted = StepUp::to_second(max_age, shortfall);
    Err(Refused { sign_in: Some(Box::new(SignIn::second())), ..Reason::StepUp(Box::new(wanted)).into() })
}
