//! `POST /auth/backchannel-logout/{provider}`: the provider says that it ended sessions
//! (OpenID Connect Back-Channel Logout 1.0).

use serde_json::json;

use super::verified;
use crate::audit::{Effect, What};
use crate::config::Provider;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::{expected_of, explain, tell_mismatch};
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, cold, decrypted, response};
use crate::http::{Method, Response, StatusCode};
use crate::limit::LimitKind;
use crate::oidc::logout_token::{LogoutToken, LogoutTokenExpectations, Target};
use crate::ports::{Clock, ReplayGuard, RequestBody, StoreError};
use crate::refusal::{LogoutRequestError, Reason, Refusal};
use crate::session::{Command, Reply, SidIndex, SidKey, SubjectKey};

/// Twice the longest token, for what else a provider may send along.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// Ends what the provider ended, and answers as §2.8 says. No cookie counts here, only the token.
pub(crate) async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::BackchannelLogout;
    // Without OpenID Connect nobody could sign a notice, and where each tenant has an issuer none is known to send one.
    let can_tell = |provider: &&Provider| provider.is_openid() && !provider.issuer.has_tenants();
    let provider = ctx.site.config.provider(provider).filter(can_tell).ok_or(Reason::NoRoute)?;
    parts.event.provider = Some(provider.id.as_str().to_owned());
    ctx.request.allow_methods(&[Method::POST])?;
    ctx.limit_own(LimitKind::BackchannelLogout, ctx.site.config.limits.backchannel_logout.as_ref(), parts).await?;
    match end(ctx, provider, body, parts).await {
        Ok(count) => {
            let reason = if count == 0 { "logout.no_session" } else { "logout.sessions_ended" };
            parts.event.ended = Some(count);
            parts.event.end(Effect::Allow, reason, StatusCode::OK);
            Ok(Response::empty(StatusCode::OK))
        }
        // RFC 6749 §5.2's form, which is what providers can read.
        Err(reason) if reason.refusal() == Refusal::BadRequest || matches!(reason, Reason::Encryption(_)) => {
            explain(&mut parts.event, &reason);
            parts.event.end(Effect::Deny, reason.code(), StatusCode::BAD_REQUEST);
            Ok(response::json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request" })))
        }
        Err(reason) => Err(reason),
    }
}

async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<u32, Reason> {
    let token = token_of(ctx, body).await?;
    let believed = believe(ctx, provider, &token).await;
    let token = believed.inspect_err(|reason| {
        tell_mismatch(&mut parts.event, reason, &token, &expected_of(provider, ctx.request.now));
    })?;
    let issuer = provider.issuer.as_str();
    if let Target::Subject(subject) | Target::SubjectSession { subject, .. } = token.target() {
        parts.event.identity(provider.id.as_str(), issuer, subject);
    }
    // once, or a copy of the token would end sessions that begin later. It is used when all is done: whoever was stopped
    // before may be told the same again.
    let guard = ctx.platform.replay_guard();
    let used = Reason::LogoutRequest(LogoutRequestError::AlreadyUsed);
    if guard.is_claimed(token.once_key()).await.map_err(Reason::Store)? {
        return Err(used);
    }
    let ended = end_sessions(ctx, issuer, token.target()).await.map_err(Reason::Store)?;
    let first = guard.claim(token.once_key(), token.usable_until()).await.map_err(Reason::Store)?;
    if first { Ok(ended) } else { Err(used) }
}

/// a form with one `logout_token`; whatever else is in it is ignored.
async fn token_of<P: Platform>(ctx: &RequestContext<'_, P>, body: impl RequestBody) -> Result<String, Reason> {
    let refuse = |error| Err(Reason::LogoutRequest(error));
    if !ctx.request.is_form() {
        return refuse(LogoutRequestError::NotAForm);
    }
    let Ok(text) = body.text(MAX_BODY_BYTES).await else { return refuse(LogoutRequestError::Unreadable) };
    let mut tokens = form_urlencoded::parse(text.as_bytes()).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(token.into_owned()),
        _ => refuse(LogoutRequestError::NotOneToken),
    }
}

/// Verifies the token's signature, then its claims.
async fn believe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    token: &str,
) -> Result<LogoutToken, Reason> {
    let inner = cold(decrypted::opened_as_due(ctx.platform, provider, token)).await?;
    let token = inner.as_ref().map_or(token, |inner| inner.expose().as_str());
    let verified = verified(ctx, provider, token, Reason::LogoutTokenSignature).await?;
    let expectations = LogoutTokenExpectations {
        issuer: provider.issuer.as_str(),
        audience: provider.own_audience(),
        kind: provider.sign_out.tokens,
        now: ctx.platform.clock().now(),
    };
    LogoutToken::check(&verified, &expectations).map_err(Reason::LogoutToken)
}

/// A session that is gone already is no error.
async fn end_sessions<P: Platform>(
    ctx: &RequestContext<'_, P>,
    issuer: &str,
    target: &Target,
) -> Result<u32, StoreError> {
    match target {
        Target::Subject(subject) => {
            ctx.end_many(&SubjectKey::of(issuer, subject), &Command::EndAll { before: None }).await
        }
        Target::SubjectSession { subject, sid } => ctx.end_many(&SubjectKey::of(issuer, subject), &end_sid(sid)).await,
        Target::Session(sid) => {
            let subjects = ctx.platform.sid_index().end_sid(&SidKey::of(issuer, sid)).await?;
            ctx.end_at_all(&subjects, &end_sid(sid)).await
        }
    }
}

fn end_sid(sid: &str) -> Command {
    Command::EndSid { sid: sid.to_owned(), unproven: false }
}

impl<P: Platform> RequestContext<'_, P> {
    /// Carries out the command at each of these subjects. Returns how many sessions it ended.
    pub(in crate::gateway) async fn end_at_all(
        &self,
        subjects: &[SubjectKey],
        command: &Command,
    ) -> Result<u32, StoreError> {
        let mut count = 0_u32;
        for subject in subjects {
            count = count.saturating_add(self.end_many(subject, command).await?);
        }
        Ok(count)
    }

    async fn end_many(&self, subject: &SubjectKey, command: &Command) -> Result<u32, StoreError> {
        match self.command(subject, command).await? {
            Reply::EndedMany { count } => Ok(count),
            _ => Err(StoreError::Malformed),
        }
    }
}
