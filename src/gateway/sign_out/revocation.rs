//! `POST /auth/revocation/{provider}`: the provider ends all that a person has here (Global Token Revocation; Okta's Universal
//! Logout). What it asks is done, for good, before it is answered (R-365).

use serde_json::json;

use super::verified;
use crate::api_key::{HolderKey, KeyCommand, KeyEnding, KeyReply};
use crate::audit::{Effect, What};
use crate::authn::bearer::{Scheme, presented};
use crate::config::{Provider, ProviderRevocation};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::{expected_of, explain, tell_mismatch};
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{HeaderValue, Method, Response, StatusCode, essence, header};
use crate::limit::LimitKind;
use crate::oidc::revocation_request::{MAX_BODY_BYTES, RevocationRequestError, RevokedSubject};
use crate::oidc::revocation_token::{RevocationToken, RevocationTokenError, RevocationTokenExpectations};
use crate::ports::{Clock, ReplayGuard, RequestBody, StoreError};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::session::{Command, SidIndex, SidKey, SubjectKey};

/// Ends what the provider ends. No cookie counts here, only the token. Whether there was anything to end is not told.
pub(crate) async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::GlobalRevocation;
    let provider = ctx.site.config.provider(provider).ok_or(Reason::NoRoute)?;
    let rules = provider.revocation.ok_or(Reason::NoRoute)?;
    parts.event.provider = Some(provider.id.as_str().to_owned());
    ctx.request.allow_methods(&[Method::POST])?;
    ctx.limit_own(LimitKind::BackchannelLogout, ctx.site.config.limits.backchannel_logout.as_ref(), parts).await?;
    match revoke(ctx, (provider, rules), body, parts).await {
        Ok(Revoked { ended, again }) => {
            let reason = match (again, ended) {
                (true, _) => "revocation.repeated",
                (false, 0) => "revocation.nothing_to_end",
                (false, _) => "revocation.sessions_ended",
            };
            parts.event.ended = Some(ended);
            parts.event.end(Effect::Allow, reason, StatusCode::NO_CONTENT);
            Ok(Response::empty(StatusCode::NO_CONTENT))
        }
        Err(reason) => refuse(reason, parts),
    }
}

/// In the form that senders can read (RFC 6750 §3.1). What they may send again is refused as everywhere.
fn refuse(reason: Reason, parts: &mut ResponseParts) -> Result<Response, Reason> {
    let (status, error) = match reason.refusal() {
        Refusal::BadRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
        Refusal::TokenRefused | Refusal::TokenMalformed => (StatusCode::UNAUTHORIZED, "invalid_token"),
        _ => return Err(reason),
    };
    explain(&mut parts.event, &reason);
    parts.event.end(Effect::Deny, reason.code(), status);
    let mut response = response::json(status, &json!({ "error": error }));
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        response.headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    Ok(response)
}

/// What became of a revocation.
struct Revoked {
    /// How many sessions and grants ended.
    ended: u32,
    /// Whether the same token came before, and all was done then.
    again: bool,
}

async fn revoke<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, rules): (&Provider, ProviderRevocation),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Revoked, Reason> {
    let shown = presented(&ctx.request.head.headers, ctx.request.target.query).map_err(Reason::Presentation)?;
    let shown = shown.filter(|shown| shown.scheme == Scheme::Bearer);
    let shown = shown.ok_or(Reason::RevocationRequest(RevocationRequestError::NoToken))?.token;
    let token = believe(ctx, (provider, rules), &shown, parts).await?;
    let subject = subject_of(ctx, (provider, rules), body).await?;
    if let RevokedSubject::Subject(subject) = &subject {
        parts.event.identity(provider.id.as_str(), provider.issuer.as_str(), subject);
    }
    if is_done(ctx, &token, &subject).await? {
        return Ok(Revoked { ended: 0, again: true });
    }
    let ended = end(ctx, (provider, rules), &subject).await.map_err(Reason::Store)?;
    note_done(ctx, &token, &subject).await?;
    Ok(Revoked { ended, again: false })
}

/// Whether all that a token asks for was done before. Whoever sends it again, for the same person, has perhaps not heard so.
/// For somebody else it counts no more.
async fn is_done<P: Platform>(
    ctx: &RequestContext<'_, P>,
    token: &RevocationToken,
    subject: &RevokedSubject,
) -> Result<bool, Reason> {
    let guard = ctx.platform.replay_guard();
    if guard.is_claimed(&token.with_subject(subject)).await.map_err(Reason::Store)? {
        return Ok(true);
    }
    if guard.is_claimed(token.once_key()).await.map_err(Reason::Store)? {
        return Err(Reason::RevocationToken(RevocationTokenError::AlreadyUsed));
    }
    Ok(false)
}

/// From now on, a copy of the token ends nothing. Not before it is done: whoever is stopped in between is told again, and ends
/// it all then.
async fn note_done<P: Platform>(
    ctx: &RequestContext<'_, P>,
    token: &RevocationToken,
    subject: &RevokedSubject,
) -> Result<(), Reason> {
    let (guard, until) = (ctx.platform.replay_guard(), token.usable_until());
    let first = guard.claim(&token.with_subject(subject), until).await.map_err(Reason::Store)?;
    // A copy at the same time, for the same person, was quicker: it claims the token.
    if !first || guard.claim(token.once_key(), until).await.map_err(Reason::Store)? {
        return Ok(());
    }
    Err(Reason::RevocationToken(RevocationTokenError::AlreadyUsed))
}

/// Verifies the token's signature, then its claims (R-364).
async fn believe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, rules): (&Provider, ProviderRevocation),
    shown: &Secret<String>,
    parts: &mut ResponseParts,
) -> Result<RevocationToken, Reason> {
    let verified = verified(ctx, provider, shown.expose(), Reason::RevocationTokenSignature).await?;
    let expectations = RevocationTokenExpectations {
        issuer: provider.issuer.as_str(),
        audience: &ctx.site.config.revocation_url(&provider.id),
        client_id: &provider.client_id,
        typ: rules.typ,
        now: ctx.platform.clock().now(),
    };
    let checked = RevocationToken::check(&verified, &expectations).map_err(Reason::RevocationToken);
    checked.inspect_err(|reason| {
        tell_mismatch(&mut parts.event, reason, shown.expose(), &expected_of(provider, ctx.request.now));
    })
}

/// Whom it means.
async fn subject_of<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, rules): (&Provider, ProviderRevocation),
    body: impl RequestBody,
) -> Result<RevokedSubject, Reason> {
    let content_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !essence(content_type).eq_ignore_ascii_case("application/json") {
        return Err(Reason::RevocationRequest(RevocationRequestError::NotJson));
    }
    let text = body.text(MAX_BODY_BYTES).await;
    let text = text.map_err(|_| Reason::RevocationRequest(RevocationRequestError::Unreadable))?;
    RevokedSubject::parse(&text, provider.issuer.as_str(), rules.email).map_err(Reason::RevocationRequest)
}

/// Ends it all: whatever there is, and logins that are under way.
async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, rules): (&Provider, ProviderRevocation),
    subject: &RevokedSubject,
) -> Result<u32, StoreError> {
    let issuer = provider.issuer.as_str();
    match subject {
        RevokedSubject::Subject(subject) => {
            let all = Command::EndAll { before: None };
            let ended = ctx.end_at_all(&[SubjectKey::of(issuer, subject)], &all).await?;
            if rules.keys {
                end_keys(ctx, HolderKey::of_person(issuer, subject)).await?;
            }
            Ok(ended)
        }
        RevokedSubject::Email(email) => {
            let subjects = ctx.platform.sid_index().end_sid(&SidKey::of_email(issuer, email)).await?;
            ctx.end_at_all(&subjects, &Command::EndEmail { email: email.clone(), before: None }).await
        }
    }
}

/// Ends the keys of a person.
async fn end_keys<P: Platform>(ctx: &RequestContext<'_, P>, of: HolderKey) -> Result<(), StoreError> {
    if ctx.site.config.api_keys.is_none() {
        return Ok(());
    }
    let why = KeyEnding::Administrator;
    match ctx.key_command(&KeyCommand::RevokeAll { of, why }).await? {
        KeyReply::AllRevoked { .. } => Ok(()),
        _ => Err(StoreError::Malformed),
    }
}
