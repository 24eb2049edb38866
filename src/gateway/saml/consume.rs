//! `POST /auth/saml/acs/{provider}`: back from a provider of SAML, with a response (SAML Profiles §4.1.4, Bindings §3.5).

use serde_json::{Map, Value, json};

use super::identity_provider::IdentityProvider;
use super::login::request_id;
use super::{CONSUMER, MAX_BODY_BYTES, RELAY_STATE, SamlParty, only, parties};
use crate::audit::{What, some_of};
use crate::config::{IdTokenEncryption, Saml};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::sign_in::callback::{self, PersonTold};
use crate::gateway::{Platform, cold};
use crate::http::{Method, Response};
use crate::limit::LimitKind;
use crate::oidc::callback::CallbackError;
use crate::oidc::session_claims::SessionClaims;
use crate::oidc::signed_in::SignedIn;
use crate::oidc::token::TokenResponse;
use crate::oidc::transaction::Transaction;
use crate::ports::{ReplayGuard, RequestBody};
use crate::refusal::Reason;
use crate::saml::assertion::{SKEW, SamlAssertion, SamlExpectations};
use crate::saml::encrypted;
use crate::saml::error::SamlError;
use crate::time::Seconds;

/// How long an assertion is remembered at most, whatever it says.
const LONGEST_MEMORY: Seconds = Seconds::hours(24);
/// As long as `state` of a login that we began.
const STATE_CHARACTERS: usize = 43;

/// Ends a login, well or badly. Either way its transaction is used up.
pub(super) async fn finish<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::LoginFinish;
    ctx.request.allow_methods(&[Method::POST])?;
    if ctx.request.is_subresource() {
        return Err(Reason::Callback(CallbackError::NotNavigated));
    }
    ctx.limit_own(LimitKind::Callback, ctx.site.config.limits.callback.as_ref(), parts).await?;
    let (state, message) = posted(ctx, body).await.map_err(Reason::Saml)?;
    // Before the SAML Worker is asked anything: strangers have no login under way.
    let transaction = callback::consume_named(ctx, party.provider, &state, parts).await?;
    let assertion = match believe(ctx, party, &message, &transaction).await {
        Err(reason @ Reason::Saml(SamlError::Passive)) if transaction.silent => {
            return callback::go_on_as_before(ctx, &reason, parts);
        }
        other => other?,
    };
    // It answers a login that ends long before that, and once.
    let until = assertion.usable_until().min(ctx.request.now.plus(LONGEST_MEMORY));
    let first = ctx.platform.replay_guard().claim(assertion.once_key(), until).await;
    if !first.map_err(Reason::Store)? {
        return Err(Reason::Saml(SamlError::Replayed));
    }
    // It has no tokens; what names the session to the provider stands where theirs names it.
    let nothing = TokenResponse {
        access_token: None,
        refresh_token: None,
        id_token: Some(assertion.logout().clone()),
        expires_in: Seconds::new(0),
        says_life: false,
        scope: None,
    };
    let signed_in = SignedIn::by_saml(&party.provider.issuer, assertion);
    parts.event.identity(party.provider.id.as_str(), signed_in.issuer(), signed_in.subject());
    let kept = SessionClaims::of(signed_in.claims().clone(), party.provider, &ctx.site.config.session.claims);
    (parts.event.roles, parts.event.left_out) = (some_of(&kept.roles), some_of(&kept.left_out));
    let person = PersonTold { signed_in, kept };
    let handle = callback::begin_session(ctx, party.provider, nothing, person, &transaction).await?;
    parts.event.session = Some(handle.id.digest().public_id());
    callback::arrive(ctx, party.provider, &transaction, &handle, parts)
}

/// `RelayState` and `SAMLResponse`. What came without being asked for has no state of ours.
async fn posted<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
) -> Result<(String, String), SamlError> {
    if !ctx.request.is_form() {
        return Err(SamlError::Malformed);
    }
    let form = body.text(MAX_BODY_BYTES).await.map_err(|_| SamlError::Malformed)?;
    let message = only(&form, "SAMLResponse").ok_or(SamlError::Malformed)?;
    let is_ours = |state: &String| {
        let is_text = state.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        state.len() == STATE_CHARACTERS && is_text
    };
    let state = only(&form, RELAY_STATE).filter(is_ours).ok_or(SamlError::Unsolicited)?;
    Ok((state, message))
}

/// Has the response verified, and holds what it says against the login.
async fn believe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    message: &str,
    transaction: &Transaction,
) -> Result<SamlAssertion, Reason> {
    let found = IdentityProvider::of(ctx, party).await?;
    let own = party.own_entity_id(&ctx.site.config);
    let question = json!({
        "response": message,
        "certificates": found.certificates,
        "idp_entity_id": party.entity_id(),
        "entity_id": own,
        "acs": party.address(&ctx.site.config, CONSUMER),
        "request_id": request_id(transaction),
        "now": ctx.request.now,
        "skew": SKEW.get(),
    });
    let verified = verify(ctx, party.saml, question).await.map_err(Reason::Saml)?;
    let expected = SamlExpectations {
        saml: party.saml,
        parties: parties(party.entity_id(), &own),
        max_age: transaction.max_age,
        acr_values: &transaction.acr_values,
        now: ctx.request.now,
    };
    SamlAssertion::check(&verified, &expected).map_err(Reason::Saml)
}

/// What the SAML Worker finds verified in the response, or in the encrypted assertion of it.
async fn verify<P: Platform>(
    ctx: &RequestContext<'_, P>,
    saml: &Saml,
    question: Value,
) -> Result<Map<String, Value>, SamlError> {
    let is_due = saml.encryption.as_ref().is_some_and(|how| how.required);
    let again = saml.encryption.as_ref().map(|how| (how, question.clone()));
    match ctx.ask_saml_worker("verify", question).await? {
        (kind, _) if kind == "verified" && is_due => Err(SamlError::NotEncrypted),
        (kind, Value::Object(verified)) if kind == "verified" => Ok(verified),
        (kind, Value::Object(told)) if kind == "encrypted" => {
            let (how, question) = again.ok_or(SamlError::Undecryptable("no key is configured"))?;
            cold(verify_opened(ctx, how, &told, question)).await
        }
        _ => Err(SamlError::WorkerAway),
    }
}

/// The same of an encrypted assertion. The SAML Worker is also asked about one that does not open, and the answer is the same as
/// about one with a bad signature: nobody learns by us which of the two it is.
async fn verify_opened<P: Platform>(
    ctx: &RequestContext<'_, P>,
    how: &IdTokenEncryption,
    told: &Map<String, Value>,
    mut question: Value,
) -> Result<Map<String, Value>, SamlError> {
    let opened = encrypted::opened(told, &how.keys, ctx.platform.decryption()).await;
    if let Some(question) = question.as_object_mut() {
        let assertion = opened.as_ref().map(|assertion| assertion.expose().as_str()).unwrap_or_default();
        question.insert("decrypted".to_owned(), assertion.into());
    }
    let answer = ctx.ask_saml_worker_for("verify", question, "verified").await;
    match (opened, answer) {
        (None, Ok(_) | Err(SamlError::Refused(_))) => Err(SamlError::Undecryptable("no key of ours opens it")),
        (_, answer) => answer,
    }
}
