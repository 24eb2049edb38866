//! Passkeys: the ceremonies.

use crate::config::{OfferedFactor, SecondRules};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{Method, Response};
use crate::ports::RequestBody;
use crate::refusal::{Reason, SecondError};

/// A step of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasskeyStep {
    /// What a browser is to make a passkey of.
    EnrolBegin,
    /// It has.
    EnrolFinish,
    /// What a passkey is to sign.
    ProveBegin,
    /// It has.
    ProveFinish,
}

/// Carries out a step.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &SecondRules,
    step: PasskeyStep,
    _body: impl RequestBody,
    _parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    ctx.request.allow_methods(&[Method::POST])?;
    if matches!(step, PasskeyStep::EnrolBegin | PasskeyStep::EnrolFinish) && !rules.offers(OfferedFactor::Passkey) {
        return Err(Reason::Second(SecondError::NotOffered).into());
    }
    Err(Reason::NoRoute.into())
}
