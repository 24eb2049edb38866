//! The token of a program, as presented → a principal: the platform from the configuration, its keys, the claims, the rules.

use std::rc::Rc;

use super::access_token::{Bearer, nothing_expected};
use crate::authn::access_token::AccessTokenClaims;
use crate::authn::bearer::{PresentedToken, Scheme};
use crate::authn::token_cache::TokenDigest;
use crate::authn::workload::{self, WorkloadError};
use crate::authn::{Principal, TokenRejection};
use crate::claims::text;
use crate::config::{IssuerId, WorkloadIssuer, WorkloadKeys, WorkloadProfile, WorkloadSubject};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::{AcceptedKeys, KeySource};
use crate::gateway::refused::tell_mismatch;
use crate::gateway::response_parts::ResponseParts;
use crate::http::cookie::{self, SessionCookie};
use crate::jose::{KeyStamp, UnverifiedJwt};
use crate::ports::Clock;
use crate::refusal::Reason;
use crate::refusal::mismatch::Expected;
use crate::route::Guard;

impl WorkloadKeys {
    fn source(&self) -> KeySource<'_> {
        match self {
            Self::Discovery(issuer) => KeySource::Discovery(issuer),
            Self::Published(keys) => KeySource::Platform(keys),
            Self::Given(keys) => KeySource::Given(keys),
        }
    }
}

impl<'a, P: Platform> RequestContext<'a, P> {
    /// The platform that a presented token says it is from: a key into the configuration, and nothing more. `None`
    /// where the route takes no such tokens, or it is none of them.
    pub(super) fn workload_of(&self, presented: &PresentedToken, guard: &Guard) -> Option<&'a WorkloadIssuer> {
        if !guard.takes_workloads() {
            return None;
        }
        let jwt = UnverifiedJwt::parse(presented.token.expose()).ok()?;
        let (issuer, subject) = (jwt.claimed_issuer().ok()?, jwt.claimed_subject().ok()?);
        // What an issuer of access tokens says it issued is judged as that, whatever it calls its subjects.
        if guard.takes_tokens() && issuer.as_deref().is_some_and(|name| self.site.config.token_issuer(name).is_some()) {
            return None;
        }
        self.site.config.workload_of(issuer.as_deref(), subject.as_deref())
    }

    /// What Cloudflare Access says of whom it let through, where the route takes programs by its word. It says so of people too:
    /// whoever brings a session to a route that takes one is judged by that.
    ///
    /// # Errors
    /// When it says it in a way that has more than one reading, or it is of another team.
    pub(super) fn access_assertion(
        &self,
        guard: &Guard,
    ) -> Result<Option<(&'a WorkloadIssuer, PresentedToken)>, Reason> {
        let takes =
            |issuer: &&WorkloadIssuer| issuer.profile == WorkloadProfile::CloudflareAccess && guard.admits(&issuer.id);
        let has_session =
            guard.takes_sessions() && !matches!(cookie::session(&self.request.head.headers), SessionCookie::Absent);
        if !guard.takes_workloads() || has_session || !self.site.config.workloads.iter().any(|issuer| takes(&issuer)) {
            return Ok(None);
        }
        let assertion = workload::access_assertion(&self.request.head.headers).map_err(Reason::Presentation)?;
        let Some(token) = assertion else { return Ok(None) };
        let rejected = |error| Reason::TokenRejected(TokenRejection::Jwt(error));
        let claimed = UnverifiedJwt::parse(token.expose()).and_then(|jwt| jwt.claimed_issuer()).map_err(rejected)?;
        let issuer = self.site.config.workload_of(claimed.as_deref(), None).filter(takes);
        let issuer = issuer.ok_or(Reason::TokenRejected(TokenRejection::IssuerUnknown))?;
        Ok(Some((issuer, PresentedToken { scheme: Scheme::Bearer, token })))
    }

    /// Door 1 for the token of a program of this platform's that came in `Authorization`.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_presented_workload(
        &self,
        issuer: &'a WorkloadIssuer,
        presented: PresentedToken,
        parts: &mut ResponseParts,
    ) -> Result<Bearer, Reason> {
        // those of Access have a header that Access itself writes.
        if issuer.profile == WorkloadProfile::CloudflareAccess || presented.scheme != Scheme::Bearer {
            parts.event.vouched_for_by(&issuer.id, false);
            return Err(Reason::TokenRejected(TokenRejection::Workload(WorkloadError::SchemeRefused)));
        }
        self.authenticate_workload(issuer, presented, parts).await
    }

    /// Door 1 for the token of a program of this platform's, however it came.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_workload(
        &self,
        issuer: &'a WorkloadIssuer,
        presented: PresentedToken,
        parts: &mut ResponseParts,
    ) -> Result<Bearer, Reason> {
        let rejected = |error| Reason::TokenRejected(TokenRejection::Workload(error));
        let token = presented.token.expose();
        let claims = match self.remembered_workload(issuer, token) {
            Some(claims) => {
                parts.event.vouched_for_by(&issuer.id, true);
                claims
            }
            None => {
                parts.event.vouched_for_by(&issuer.id, false);
                self.verify_workload(issuer, token).await.inspect_err(|reason| {
                    let expected = Expected {
                        issuer: &issuer.issuer,
                        audience: &issuer.audience,
                        algorithms: &issuer.algs,
                        ..nothing_expected(self.request.now)
                    };
                    tell_mismatch(&mut parts.event, reason, token, &expected);
                })?
            }
        };
        let principal: Principal = workload::principal(issuer, &claims).map_err(|why| {
            parts.event.detail = Some(crate::audit::short(why.detail()));
            rejected(WorkloadError::Untrusted)
        })?;
        parts.event.who(&principal);
        parts.event.token(claims.jti());
        if issuer.subject != WorkloadSubject::Sub {
            parts.event.token_subject = text(claims.claims(), "sub").map(crate::audit::short);
        }
        Ok(Bearer { principal, token: presented.token, scheme: presented.scheme })
    }

    /// What a token says that was verified before, by a key that is still its platform's.
    fn remembered_workload(&self, issuer: &WorkloadIssuer, token: &str) -> Option<Rc<AccessTokenClaims>> {
        let holds = |id: &IssuerId, key: &KeyStamp| {
            let (now, background) = (self.platform.clock().now(), self.platform.background());
            *id == issuer.id && self.site.documents.still_holds(now, background, issuer.keys.source(), key)
        };
        let digest = TokenDigest::of(token);
        self.site.workload_tokens.signed(&digest, self.request.now, holds).map(|(_, claims)| claims)
    }

    async fn verify_workload(&self, issuer: &WorkloadIssuer, token: &str) -> Result<Rc<AccessTokenClaims>, Reason> {
        let rejected = |error| Reason::TokenRejected(TokenRejection::Jwt(error));
        let jwt = UnverifiedJwt::parse(token).map_err(rejected)?;
        let accepted = AcceptedKeys { source: issuer.keys.source(), algorithms: &issuer.algs };
        let verified = self.site.documents.verify(self.platform, accepted, &jwt).await;
        let verified = verified.map_err(|error| error.reason(rejected))?;
        let key = verified.key();
        let claims = workload::check(verified, issuer, self.request.now)
            .map_err(|error| Reason::TokenRejected(TokenRejection::Workload(error)))?;
        let claims = Rc::new(claims);
        self.site.workload_tokens.keep_signed(&issuer.id, TokenDigest::of(token), &claims, key);
        Ok(claims)
    }
}
