//! Passkeys: what a browser is asked, and what becomes of its answer. A challenge waits in the object of the person, for the
//! session that asked, and is used up by whatever answers it.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use super::caller::{self, FactorOwner};
use super::input::Input;
use super::outcome::{self, Enrolment};
use super::standing::{self, Need};
use crate::audit::{Effect, What};
use crate::authn::Principal;
use crate::config::{OfferedFactor, SecondRules};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::{ResponseParts, SignedInPerson};
use crate::gateway::{Platform, cold, response};
use crate::http::{Method, Response, StatusCode};
use crate::json;
use crate::keyring::KeyPurpose;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::{Reason, SecondError};
use crate::session::second::{
    CeremonyChallenge, ChallengePurpose, FactorList, NewFactor, Passkey, Presented, SecondCommand, SecondRefusal,
    SecondReply,
};
use crate::webauthn::options::{self, CreationRequest, CredentialDescriptor};
use crate::webauthn::{
    AssertionResponse, CeremonyError, CeremonyExpectations, KnownPasskey, MAX_RESPONSE_BYTES, RegistrationResponse,
};

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
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let enrols = matches!(step, PasskeyStep::EnrolBegin | PasskeyStep::EnrolFinish);
    parts.event.event = if enrols { What::FactorBegun } else { What::FactorAsked };
    ctx.request.allow_methods(&[Method::POST])?;
    if enrols && !rules.offers(OfferedFactor::Passkey) {
        return Err(Reason::Second(SecondError::NotOffered).into());
    }
    let caller = caller::own(ctx, true, parts).await?;
    match step {
        PasskeyStep::EnrolBegin => cold(begin_enrolling(ctx, (&caller, rules), parts)).await,
        PasskeyStep::ProveBegin => cold(begin_proving(ctx, (&caller, rules), parts)).await,
        PasskeyStep::EnrolFinish => {
            let input = Input::read(ctx, body).await?;
            let passkey = cold(made(ctx, (&caller, rules), input.credential.as_deref(), parts)).await?;
            let (name, back) = (input.name.unwrap_or_default(), input.back);
            let enrolment = Enrolment { factor: NewFactor::Passkey(passkey), name, back };
            outcome::enrol(ctx, (&caller, rules), enrolment, parts).await
        }
        PasskeyStep::ProveFinish => {
            let input = Input::read(ctx, body).await?;
            let presented = cold(presented(ctx, (&caller, rules), input.credential.as_deref(), parts)).await?;
            outcome::prove(ctx, (&caller, rules), (presented, &input.back), parts).await
        }
    }
}

/// The user handle of the person's passkeys: the one that those have which are there. Else it is new, and says nothing of them to
/// whoever has no key of ours.
pub(super) fn user_handle<'a, P>(
    ctx: &RequestContext<'_, P>,
    person: &Principal,
    known: impl Iterator<Item = &'a Passkey>,
) -> String {
    let known = known.map(|passkey| &passkey.user_handle).find(|handle| !handle.is_empty());
    known.cloned().unwrap_or_else(|| {
        let message = options::user_handle_message(person.issuer(), person.subject());
        Base64UrlUnpadded::encode_string(&ctx.site.config.keys.mac(KeyPurpose::SecondFactor, &message))
    })
}

pub(super) fn passkeys(list: &FactorList) -> impl Iterator<Item = &Passkey> {
    list.factors.iter().filter_map(|factor| factor.passkey.as_ref())
}

fn descriptors(list: &FactorList) -> Vec<CredentialDescriptor<'_>> {
    passkeys(list).map(|passkey| CredentialDescriptor { id: &passkey.id, transports: &passkey.transports }).collect()
}

/// Whoever may not add one is told so before an authenticator makes it.
async fn begin_enrolling<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let list = caller::factors(ctx, caller).await?;
    let missing = match standing::before_enrolling(caller, rules, &list, ctx.request.now) {
        Need::Nothing => None,
        Need::SignIn => Some(SecondRefusal::SignInNeeded),
        Need::Proof => Some(SecondRefusal::ProofNeeded),
    };
    if let Some(missing) = missing {
        return Err(standing::refused(ctx, (caller, rules), missing));
    }
    let user_handle = user_handle(ctx, &caller.person, passkeys(&list));
    let challenge = keep(ctx, caller, (ChallengePurpose::Enrol, &user_handle)).await?;
    let config = &ctx.site.config;
    let host = config.public_url.host();
    let label = SignedInPerson::of(&caller.person).label;
    let request = CreationRequest {
        rp_id: &rules.rp_id,
        rp_name: config.pages.name.as_deref().unwrap_or(host),
        user_handle: &user_handle,
        user_name: if label.is_empty() { host } else { &label },
        challenge: &challenge,
        known: &descriptors(&list),
    };
    Ok(asked(&options::creation(&request), parts))
}

async fn begin_proving<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let list = caller::factors(ctx, caller).await?;
    let known = descriptors(&list);
    // Browsers take an empty list for every passkey there is.
    if known.is_empty() {
        return Err(Reason::Second(SecondError::Refused(SecondRefusal::NotThere)).into());
    }
    let challenge = keep(ctx, caller, (ChallengePurpose::Prove, "")).await?;
    Ok(asked(&options::request(&rules.rp_id, &challenge, &known), parts))
}

fn asked(options: &Value, parts: &mut ResponseParts) -> Response {
    let response = response::json(StatusCode::OK, options);
    parts.event.end(Effect::Allow, "passkey.asked", response.status);
    response
}

/// The passkey that a browser says was made.
async fn made<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    credential: Option<&str>,
    parts: &mut ResponseParts,
) -> Result<Passkey, Reason> {
    parts.event.event = What::FactorFailed;
    let answer = RegistrationResponse::parse(&members(credential)?).map_err(refused)?;
    let (known, offered) = take(ctx, caller, (ChallengePurpose::Enrol, answer.challenge())).await?;
    let expected = expectations(ctx, rules, answer.challenge());
    let new = answer.verify(&expected, ctx.platform.signatures()).await.map_err(refused)?;
    parts.event.event = What::FactorEnrolled;
    // The one that the passkey was made for; a challenge of the release before does not say it.
    let offered = Some(offered).filter(|handle| !handle.is_empty());
    Ok(Passkey {
        id: new.id().to_owned(),
        jwk: new.jwk().to_owned(),
        user_handle: offered.unwrap_or_else(|| user_handle(ctx, &caller.person, known.iter())),
        sign_count: new.sign_count(),
        backup_eligible: new.backup_eligible(),
        backed_up: new.backed_up(),
        transports: new.transports().to_vec(),
        aaguid: new.aaguid().to_owned(),
    })
}

/// The proof that a browser brings.
async fn presented<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    credential: Option<&str>,
    parts: &mut ResponseParts,
) -> Result<Presented, Reason> {
    parts.event.event = What::FactorFailed;
    let answer = AssertionResponse::parse(&members(credential)?).map_err(refused)?;
    let (passkeys, _) = take(ctx, caller, (ChallengePurpose::Prove, answer.challenge())).await?;
    let known: Vec<KnownPasskey<'_>> = passkeys.iter().map(known).collect();
    let expected = expectations(ctx, rules, answer.challenge());
    let verified = answer.verify(&expected, &known, ctx.platform.signatures()).await;
    let proof = verified.map_err(|error| {
        if error == CeremonyError::SignCount {
            parts.event.event = What::FactorCloned;
        }
        refused(error)
    })?;
    parts.event.event = What::FactorUsed;
    Ok(Presented::Passkey {
        credential: proof.id().to_owned(),
        sign_count: proof.sign_count(),
        backup_eligible: proof.backup_eligible(),
        backed_up: proof.backed_up(),
    })
}

fn known(passkey: &Passkey) -> KnownPasskey<'_> {
    KnownPasskey {
        id: &passkey.id,
        jwk: &passkey.jwk,
        user_handle: &passkey.user_handle,
        backup_eligible: passkey.backup_eligible,
        sign_count: passkey.sign_count,
    }
}

fn expectations<'a, P>(
    ctx: &'a RequestContext<'_, P>,
    rules: &'a SecondRules,
    challenge: &'a str,
) -> CeremonyExpectations<'a> {
    CeremonyExpectations { rp_id: &rules.rp_id, origin: ctx.site.config.public_url.origin(), challenge }
}

fn members(credential: Option<&str>) -> Result<serde_json::Map<String, Value>, Reason> {
    let text = credential.ok_or(Reason::BadInput("credential"))?;
    json::parse_object(text.as_bytes(), MAX_RESPONSE_BYTES).map_err(|_| Reason::BadInput("credential"))
}

const fn refused(error: CeremonyError) -> Reason {
    Reason::Second(SecondError::Passkey(error))
}

/// A new challenge, which waits for its answer.
async fn keep<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
    (purpose, user_handle): (ChallengePurpose, &str),
) -> Result<String, Reason> {
    let challenge = options::new_challenge(ctx.platform.random());
    let user_handle = user_handle.to_owned();
    let kept = CeremonyChallenge { session: caller.session(), purpose, challenge: challenge.clone(), user_handle };
    match caller::order(ctx, caller, SecondCommand::KeepChallenge(kept)).await? {
        SecondReply::Kept => Ok(challenge),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// Uses a challenge up, and says which passkeys the person has, and which user handle went with it. One that nobody waits for, or that another session or purpose
/// has, answers nothing.
async fn take<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
    (purpose, challenge): (ChallengePurpose, &str),
) -> Result<(Vec<Passkey>, String), Reason> {
    let (challenge, user_handle) = (challenge.to_owned(), String::new());
    let taken = CeremonyChallenge { session: caller.session(), purpose, challenge, user_handle };
    match caller::raw(ctx, caller, SecondCommand::TakeChallenge(taken)).await? {
        SecondReply::Taken { passkeys, user_handle } => Ok((passkeys, user_handle)),
        SecondReply::Gone => Err(refused(CeremonyError::Challenge)),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}
