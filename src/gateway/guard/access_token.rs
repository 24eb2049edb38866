//! An access token, as presented → a principal: the issuer from the configuration, its keys, the claims, the sender.

use std::rc::Rc;

use super::introspection::{self, IntrospectionQuestion};
use crate::authn::access_token::{AccessTokenClaims, AccessTokenExpectations};
use crate::authn::api_key::ShownKey;
use crate::authn::bearer::{PresentedToken, Scheme, looks_like_jwt, presented};
use crate::authn::certificate::identify;
use crate::authn::dpop::TargetUri;
use crate::authn::error::SenderFailure;
use crate::authn::resource;
use crate::authn::sender_constraint::{self, TokenRequest};
use crate::authn::token_cache::TokenDigest;
use crate::authn::{Principal, TokenRejection};
use crate::config::{IssuerId, SignedTokens, TokenFormat, TokenIssuer};
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::{AcceptedKeys, KeySource};
use crate::gateway::refused::tell_mismatch;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, cold};
use crate::http::cookie;
use crate::jose::{KeyStamp, UnverifiedJwt};
use crate::ports::Clock;
use crate::refusal::Reason;
use crate::refusal::mismatch::Expected;
use crate::route::{CanonicalPath, Guard, Token};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Whoever came by a token, and the token.
#[derive(Debug)]
pub(crate) struct Bearer {
    pub(crate) principal: Principal,
    pub(crate) token: Secret<String>,
    pub(crate) scheme: Scheme,
}

/// An issuer that signs its access tokens, and how.
#[derive(Clone, Copy, Debug)]
struct SigningIssuer<'a> {
    issuer: &'a TokenIssuer,
    signed: &'a SignedTokens,
}

impl<'a> SigningIssuer<'a> {
    fn of(issuer: &'a TokenIssuer) -> Option<Self> {
        match &issuer.tokens {
            TokenFormat::Signed(signed) => Some(Self { issuer, signed }),
            TokenFormat::Opaque(_) => None,
        }
    }

    fn keys(self) -> KeySource<'a> {
        self.signed.jwks_uri.as_deref().map_or(KeySource::Discovery(&self.issuer.issuer), KeySource::Uri)
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// The token that this request presents, if any. Asked only where tokens are accepted.
    ///
    /// # Errors
    /// When it presents one in a way that has more than one reading.
    pub(super) fn presented_token(&self) -> Result<Option<PresentedToken>, Reason> {
        presented(&self.request.head.headers, self.request.target.query).map_err(Reason::Presentation)
    }

    /// Whether the request shows what programs come with, and people do not.
    ///
    /// # Errors
    /// When it does so in a way that has more than one reading.
    pub(in crate::gateway) fn presents_credential_of_program(&self, guard: &Guard) -> Result<bool, Reason> {
        // People have certificates of their devices too: a program's is one that an entry is for, and no session is beside it.
        let is_listed = || identify(&self.request.head.peer, &self.site.config.certificates, self.request.now).is_ok();
        let by_certificate = guard.takes_certificates()
            && is_listed()
            && cookie::session(&self.request.head.headers) == cookie::SessionCookie::Absent;
        let by_key = match &self.site.config.api_keys {
            Some(rules) if guard.takes_keys() => !matches!(self.shown_key(rules)?, ShownKey::Nothing),
            _ => false,
        };
        Ok(by_certificate || by_key || self.presented_token()?.is_some())
    }

    /// Door 1 for a token: no cookie is looked at, and so no page of another site can abuse one.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_token(
        &self,
        presented: PresentedToken,
        guard: &Guard,
        path: &CanonicalPath,
        parts: &mut ResponseParts,
    ) -> Result<Bearer, Reason> {
        let (issuer, claims) = read(self, presented.token.expose(), guard, parts).await?;
        if !resource::is_for(issuer, claims.claims(), path) {
            return Err(Reason::TokenRejected(TokenRejection::OtherResource));
        }
        let request = TokenRequest {
            presented: &presented,
            head: self.request.head,
            uri: &TargetUri::of(&self.site.config.public_url, path),
            relays: guard.token == Token::Relay,
            keys: &self.site.config.keys,
            uses_up: self.uses_up,
            now: self.request.now,
        };
        let sender = sender_constraint::check(
            &request,
            &claims,
            issuer,
            self.platform.signatures(),
            self.platform.replay_guard(),
        )
        .await
        .map_err(sender_reason)?;
        parts.event.jkt = sender.jkt().map(str::to_owned);
        let principal = Principal::by_token(issuer, &claims, &sender);
        parts.event.who(&principal);
        parts.event.token(claims.jti());
        Ok(Bearer { principal, token: presented.token, scheme: presented.scheme })
    }
}

/// Why whoever presents a token may not use it.
pub(super) fn sender_reason(failure: SenderFailure) -> Reason {
    match failure {
        SenderFailure::Rejected(rejection) => Reason::TokenRejected(rejection),
        SenderFailure::Store(error) => Reason::Store(error),
    }
}

/// What a token says and who vouches for it: remembered, verified, or asked. Who *sends* it is for every request to show.
async fn read<'a, P: Platform>(
    ctx: &RequestContext<'a, P>,
    token: &str,
    guard: &Guard,
    parts: &mut ResponseParts,
) -> Result<(&'a TokenIssuer, Rc<AccessTokenClaims>), Reason> {
    let digest = TokenDigest::of(token);
    if let Some((issuer, claims)) = remembered(ctx, &digest) {
        parts.event.vouched_for_by(&issuer.id, true);
        return Ok((issuer, claims));
    }
    let issuer_of = issuer_of(ctx, token, guard).map_err(Reason::TokenRejected);
    let (issuer, jwt) = issuer_of.inspect_err(|reason| {
        tell_mismatch(&mut parts.event, reason, token, &nothing_expected(ctx.request.now));
    })?;
    parts.event.vouched_for_by(&issuer.id, false);
    match (&issuer.tokens, jwt) {
        (TokenFormat::Signed(_), None) => Err(Reason::TokenRejected(TokenRejection::IssuerUnknown)),
        (TokenFormat::Signed(signed), Some(jwt)) => {
            let verified = verify(ctx, SigningIssuer { issuer, signed }, &jwt).await;
            let (claims, key) = verified.inspect_err(|reason| {
                let expected = Expected {
                    issuer: issuer.issuer.as_str(),
                    audience: &issuer.audience,
                    algorithms: &signed.algs,
                    ..nothing_expected(ctx.request.now)
                };
                tell_mismatch(&mut parts.event, reason, token, &expected);
            })?;
            let claims = Rc::new(claims);
            ctx.site.tokens.keep_signed(&issuer.id, digest, &claims, key);
            Ok((issuer, claims))
        }
        (TokenFormat::Opaque(how), _) => {
            let (claims, remembered) =
                cold(introspection::ask(ctx, IntrospectionQuestion { issuer, how, token, digest }, &mut parts.event))
                    .await?;
            parts.event.remembered = remembered;
            Ok((issuer, claims))
        }
    }
}

pub(super) const fn nothing_expected(now: Timestamp) -> Expected<'static> {
    Expected { issuer: "", audience: &[], algorithms: &[], acr_values: &[], now }
}

/// A signed token that was verified before, by a key that is still its issuer's.
fn remembered<'a, P: Platform>(
    ctx: &RequestContext<'a, P>,
    digest: &TokenDigest,
) -> Option<(&'a TokenIssuer, Rc<AccessTokenClaims>)> {
    let holds = |issuer: &IssuerId, key: &KeyStamp| {
        let signing = ctx.site.config.issuer(issuer).and_then(SigningIssuer::of);
        let (now, background) = (ctx.platform.clock().now(), ctx.platform.background());
        signing.is_some_and(|signing| ctx.site.documents.still_holds(now, background, signing.keys(), key))
    };
    let (issuer, claims) = ctx.site.tokens.signed(digest, ctx.request.now, holds)?;
    Some((ctx.site.config.issuer(&issuer)?, claims))
}

/// The issuer that a token says it is from, and what was read of it to know: a key into the configuration, and nothing more. What is not
/// found there costs no question to anybody. A text that says nothing can only be for the one issuer here that it
/// would say something to.
fn issuer_of<'a, 't, P>(
    ctx: &RequestContext<'a, P>,
    token: &'t str,
    guard: &Guard,
) -> Result<(&'a TokenIssuer, Option<UnverifiedJwt<'t>>), TokenRejection> {
    if let Some(issuer) = ctx.site.config.opaque_issuer(&guard.requirements).filter(|_| !looks_like_jwt(token)) {
        return Ok((issuer, None));
    }
    let jwt = UnverifiedJwt::parse(token).map_err(TokenRejection::Jwt)?;
    let claimed = jwt.claimed_issuer().map_err(TokenRejection::Jwt)?;
    let issuer =
        claimed.and_then(|issuer| ctx.site.config.token_issuer(&issuer)).ok_or(TokenRejection::IssuerUnknown)?;
    Ok((issuer, Some(jwt)))
}

/// The signature by the issuer's keys, then the claims by its rules.
async fn verify<P: Platform>(
    ctx: &RequestContext<'_, P>,
    signing: SigningIssuer<'_>,
    jwt: &UnverifiedJwt<'_>,
) -> Result<(AccessTokenClaims, KeyStamp), Reason> {
    let SigningIssuer { issuer, signed } = signing;
    let accepted = AcceptedKeys { source: signing.keys(), algorithms: &signed.algs };
    let verified = ctx.site.documents.verify(ctx.platform, accepted, jwt).await;
    let verified = verified.map_err(|error| error.reason(|error| Reason::TokenRejected(TokenRejection::Jwt(error))))?;
    let key = verified.key();
    let expected = AccessTokenExpectations { issuer, profile: signed.profile, now: ctx.request.now };
    let claims = AccessTokenClaims::check(verified, &expected)
        .map_err(|error| Reason::TokenRejected(TokenRejection::Claims(error)))?;
    Ok((claims, key))
}
