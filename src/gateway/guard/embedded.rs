//! A Worker that answers its own routes: the same doors decide, and what comes of it stays with whoever asked.

use super::decide::{self, AdmittedRequest};
use crate::authn::Principal;
use crate::authz::Permit;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::well_known::{protected_resource, resource_url};
use crate::gateway::{Gateway, Platform, guard};
use crate::http::header_edits::HeaderEdits;
use crate::http::{HeaderMap, RequestHead, Response, StatusCode};
use crate::refusal::Reason;
use crate::route::{Access, GuardedRoute, Route};
use crate::secret::Secret;
use crate::upstream::{AnswerTerms, CacheScope};

/// A request that both doors let through, and what its answer has to say.
#[derive(Debug)]
pub struct Admission {
    principal: Option<Principal>,
    access_token: Option<Secret<String>>,
    request_id: String,
    answer: AnswerTerms,
    permit: Permit,
}

impl Admission {
    /// Who asks; `None` where nobody is asked who they are.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The access token that the route relays.
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_ref().map(|token| token.expose().as_str())
    }

    /// The id under which the log tells of it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// What becomes of the headers of an answer of this status before the browser gets them.
    #[must_use]
    pub fn answer_edits<'a>(&self, status: StatusCode, own: &'a HeaderMap) -> HeaderEdits<'a> {
        self.answer.edits(status, own)
    }

    /// Whether door 2 let it through: always, there is no admission otherwise.
    #[must_use]
    pub const fn permit(&self) -> &Permit {
        &self.permit
    }
}

impl Gateway {
    /// Decides about one request whose answer is its caller's, and writes exactly one event about it.
    ///
    /// # Errors
    /// With the answer to give instead: a refusal, the way to sign in, what a preflight or a client that looks for its
    /// issuer (RFC 9728) is told.
    pub async fn admit<P: Platform>(&self, platform: &P, head: &RequestHead) -> Result<Admission, Box<Response>> {
        let (ctx, mut parts) = self.begin(platform, head);
        ctx.load_language().await;
        let decided = decide(&ctx, &mut parts).await;
        let decided = decided.unwrap_or_else(|refused| Err(Box::new(ctx.refuse(&refused, &mut parts))));
        ctx.note_key_shown(&mut parts);
        self.note(platform, &parts.event);
        match decided {
            Ok((AdmittedRequest { principal, identity, permit, .. }, route)) => {
                let ResponseParts { cookies, grant, quotas, .. } = parts;
                let scope = CacheScope::of(&route.access, self.config().key_header());
                let security_headers = route.security_headers.clone();
                let cache = route.guard().map(|guard| guard.cache).unwrap_or_default();
                let answer = AnswerTerms { scope, cache, cookies, grant, quotas, security_headers };
                let (access_token, request_id) = (identity.access_token, ctx.request.id);
                Ok(Admission { principal, access_token, request_id, answer, permit })
            }
            Err(response) => Err(Box::new(ctx.finish(*response, parts))),
        }
    }

    /// Door 1 alone, by the rule for this request; `None` where that is public. Nothing is logged.
    ///
    /// # Errors
    /// When nobody came through.
    pub async fn authenticate<P: Platform>(
        &self,
        platform: &P,
        head: &RequestHead,
    ) -> Result<Option<Principal>, Reason> {
        let (ctx, mut parts) = self.begin(platform, head);
        let path = ctx.enter()?;
        let route = decide::route(&ctx, &path, &mut parts)?.route;
        match &route.access {
            Access::Public => Ok(None),
            Access::Guarded(guard) => {
                let caller = decide::authenticate(&ctx, &path, GuardedRoute { route, guard }, &mut parts).await;
                let caller = caller.map_err(|refused| refused.reason)?;
                if let Some(grant) = caller.counted_grant() {
                    ctx.spend(&grant).await?;
                }
                Ok(Some(caller.into_principal()))
            }
        }
    }
}

/// Whom the doors let through, by which rule; or the answer to who was not.
type Decided<'a> = Result<(AdmittedRequest, &'a Route), Box<Response>>;

async fn decide<'a, P: Platform>(
    ctx: &RequestContext<'a, P>,
    parts: &mut ResponseParts,
) -> Result<Decided<'a>, Refused> {
    let path = ctx.enter()?;
    if let Some(resource) = resource_url::asked_about(&ctx.site.config, &path) {
        return Ok(answered(protected_resource::describe(ctx, resource, parts)?));
    }
    if let Some(permissions) = guard::preflight(ctx, &path, parts) {
        return Ok(answered(permissions?));
    }
    let matched = decide::route(ctx, &path, parts)?;
    match decide::enter(ctx, &path, &matched, parts).await {
        Ok(admitted) => Ok(Ok((admitted, matched.route))),
        Err(refused) => guard::challenge(ctx, refused, parts).map(answered),
    }
}

fn answered<'a>(response: Response) -> Decided<'a> {
    Err(Box::new(response))
}
