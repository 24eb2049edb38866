//! What a person may change now, and what they have to do first: the same rules as in their object, which has the last word.

use super::caller::FactorOwner;
use super::way::{Way, verify_and_back};
use crate::authz::{Shortfall, StepUp};
use crate::config::SecondRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::sign_in::link::SignIn;
use crate::refusal::{Reason, SecondError};
use crate::session::second::rules::{PROVEN_FOR, RECOVERED_FOR};
use crate::session::second::{FactorList, SecondRefusal};
use crate::time::{Seconds, Timestamp};

/// What has to be done before something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// A sign-in at the provider.
    SignIn,
    /// A proof of a factor that is there.
    Proof,
}

impl Need {
    /// For programs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::SignIn => "sign-in",
            Self::Proof => "proof",
        }
    }
}

/// What has to be done before one more factor is added.
pub(super) fn before_enrolling(caller: &FactorOwner, rules: &SecondRules, list: &FactorList, now: Timestamp) -> Need {
    if list.factors.is_empty() {
        return if is_signed_in(caller, rules.enrol_within, now) { Need::Nothing } else { Need::SignIn };
    }
    let proof = caller.person.authentication().second.as_ref();
    let within = |is_factor| if is_factor { proven_for(rules) } else { RECOVERED_FOR };
    let is_recent = proof.is_some_and(|proof| now <= proof.at.plus(within(proof.by.is_a_factor())));
    if is_recent { Need::Nothing } else { Need::Proof }
}

/// How long a proof counts for changes.
fn proven_for(rules: &SecondRules) -> Seconds {
    rules.enrol_within.min(PROVEN_FOR)
}

/// What has to be done before anything else is changed.
pub(super) fn before_changing(caller: &FactorOwner, rules: &SecondRules, now: Timestamp) -> Need {
    let proof = caller.person.authentication().second.as_ref().filter(|proof| proof.by.is_a_factor());
    if proof.is_some_and(|proof| now <= proof.at.plus(proven_for(rules))) { Need::Nothing } else { Need::Proof }
}

fn is_signed_in(caller: &FactorOwner, within: Seconds, now: Timestamp) -> bool {
    let Some(session) = caller.person.session() else { return false };
    let proved_at = caller.person.authentication().time;
    now <= proved_at.map_or(session.created_at, |at| at.min(session.created_at)).plus(within)
}

/// Where to do that, and come back from to the page of factors.
pub(super) fn link<P>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    need: Need,
    back: &Way,
) -> Option<String> {
    match need {
        Need::Nothing => None,
        Need::SignIn => Some(sign_in(ctx, caller, rules).1.link_back_to(&back.to_factors())),
        Need::Proof => Some(verify_and_back(&back.to_factors())),
    }
}

/// A refusal of the person's object, for a program.
pub(super) fn refused<P>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    refusal: SecondRefusal,
) -> Refused {
    match refusal {
        SecondRefusal::SignInNeeded => {
            let (wanted, again) = sign_in(ctx, caller, rules);
            Refused { sign_in: Some(Box::new(again)), ..Reason::StepUp(Box::new(wanted)).into() }
        }
        SecondRefusal::ProofNeeded | SecondRefusal::OtherProofNeeded => {
            let proven = caller.person.authentication().second.as_ref().is_some_and(|proof| proof.by.is_a_factor());
            let shortfall = if proven { Shortfall::SecondTooOld } else { Shortfall::SecondMissing };
            let wanted = StepUp::to_second(Some(proven_for(rules)), shortfall);
            Refused { sign_in: Some(Box::new(SignIn::second())), ..Reason::StepUp(Box::new(wanted)).into() }
        }
        other => Reason::Second(SecondError::Refused(other)).into(),
    }
}

/// What a sign-in has to be like, and the way to it.
fn sign_in<P>(ctx: &RequestContext<'_, P>, caller: &FactorOwner, rules: &SecondRules) -> (StepUp, SignIn) {
    let max_age = Some(rules.enrol_within);
    let wanted = StepUp { acr_values: Vec::new(), max_age, shortfall: Shortfall::TooOld };
    let provider = caller.person.provider().and_then(|id| ctx.site.config.provider(id));
    let again = provider.and_then(|provider| SignIn::again(provider, &wanted)).unwrap_or_default();
    (wanted, again)
}
