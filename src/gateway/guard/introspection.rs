//! An opaque token → what its issuer says of it: remembered, or asked now.

use std::rc::Rc;

use crate::audit::Event;
use crate::authn::TokenRejection;
use crate::authn::access_token::AccessTokenClaims;
use crate::authn::introspection_budget::{NotAsked, REFUSED_AT_MOST, RequestOutcome};
use crate::authn::token_cache::TokenDigest;
use crate::config::{Introspection, TokenIssuer};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::tell_answer;
use crate::gateway::{Platform, platform};
use crate::oidc::client_auth::Client;
use crate::oidc::introspection::{self, Introspected, IntrospectionExpectations};
use crate::oidc::metadata::AliasedEndpoint;
use crate::ports::{Clock, Fetch, OutboundResponse};
use crate::refusal::mismatch::Expected;
use crate::refusal::{Document, Reason};
use crate::time::Timestamp;

/// What is known of a token, and whether that was remembered.
pub(super) type KnownToken = (Rc<AccessTokenClaims>, bool);

/// An issuer, how it is asked, and the token in question.
pub(super) struct IntrospectionQuestion<'a> {
    pub(crate) issuer: &'a TokenIssuer,
    pub(crate) how: &'a Introspection,
    pub(crate) token: &'a str,
    pub(crate) digest: TokenDigest,
}

/// What the issuer says of the token, at most as old as its `cache` allows.
///
/// # Errors
/// When the token is not good, or there is no telling: nobody is let in on a guess.
pub(crate) async fn ask<P: Platform>(
    ctx: &RequestContext<'_, P>,
    question: IntrospectionQuestion<'_>,
    event: &mut Event,
) -> Result<KnownToken, Reason> {
    let IntrospectionQuestion { issuer, how, token, digest } = question;
    if let Some(claims) = ctx.site.tokens.introspected(&issuer.id, &digest, ctx.request.now, how.cache) {
        return Ok((claims, true));
    }
    if !introspection::may_be_opaque(token) {
        return Err(Reason::TokenRejected(TokenRejection::NoToken));
    }
    let address = ctx.request.head.peer.address.as_deref();
    let request =
        ctx.site.introspection_budget.begin(&issuer.id, digest, address, ctx.request.now).map_err(|not_asked| {
            match not_asked {
                NotAsked::Refused(error) => Reason::TokenRejected(TokenRejection::Introspection(error)),
                not_asked => Reason::NotAsked(not_asked),
            }
        })?;
    let said = ask_issuer(ctx, &question, event).await;
    // By now, which may be long after the request began: it is from now on that the endpoint is left alone.
    ctx.site.introspection_budget.end(request, finding(&said, how), ctx.platform.clock().now());
    let claims = Rc::new(said?);
    ctx.site.tokens.keep_introspected(&issuer.id, digest, &claims, ctx.request.now);
    Ok((claims, false))
}

async fn ask_issuer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    question: &IntrospectionQuestion<'_>,
    event: &mut Event,
) -> Result<AccessTokenClaims, Reason> {
    let &IntrospectionQuestion { issuer, how, token, .. } = question;
    let endpoint = match &how.endpoint {
        Some(endpoint) => Rc::new(AliasedEndpoint::plain(endpoint.clone())),
        None => ctx.site.documents.introspection_endpoint(ctx.platform, &issuer.issuer).await?,
    };
    let client = Client { id: &how.client_id, auth: &how.client_auth, issuer: issuer.issuer.as_str() };
    let maker = platform::assertion_maker(ctx.platform, ctx.request.now);
    let request = introspection::request(client, endpoint.of_client(&how.client_auth), token, maker)
        .await
        .map_err(Reason::Introspection)?;
    let answer = ctx.platform.fetch().send(request).await;
    let answer = answer.map_err(|error| Reason::ProviderUnreachable(Document::Introspection, error))?;
    checked(issuer, how, &answer, ctx.request.now).inspect_err(|reason| {
        let expected = Expected {
            issuer: issuer.issuer.as_str(),
            audience: &issuer.audience,
            algorithms: &[],
            acr_values: &[],
            now: ctx.request.now,
        };
        tell_answer(event, reason, &answer, &expected);
    })
}

fn checked(
    issuer: &TokenIssuer,
    how: &Introspection,
    answer: &OutboundResponse,
    now: Timestamp,
) -> Result<AccessTokenClaims, Reason> {
    let expected = IntrospectionExpectations {
        issuer: issuer.issuer.as_str(),
        audiences: &issuer.audience,
        without_audience: how.without_audience,
        now,
    };
    let said = introspection::process(answer).and_then(|claims| Introspected::check(claims, &expected));
    let said = said.map_err(|error| match error {
        error if error.is_of_the_token() => Reason::TokenRejected(TokenRejection::Introspection(error)),
        error => Reason::Introspection(error),
    })?;
    AccessTokenClaims::introspected(said, now.plus(how.cache), now)
        .map_err(|error| Reason::TokenRejected(TokenRejection::Claims(error)))
}

fn finding(said: &Result<AccessTokenClaims, Reason>, how: &Introspection) -> RequestOutcome {
    match said {
        Ok(_) => RequestOutcome::Good,
        Err(Reason::TokenRejected(TokenRejection::Introspection(error))) => {
            RequestOutcome::Refused(*error, how.cache.min(REFUSED_AT_MOST))
        }
        Err(Reason::TokenRejected(_)) => RequestOutcome::Nothing,
        Err(Reason::Introspection(error)) if !error.says_try_later() => RequestOutcome::Nothing,
        Err(_) => RequestOutcome::NoAnswer,
    }
}
