//! The door to management: the same for every endpoint.

use super::Endpoint;
use crate::authn::session_cookie::Wants;
use crate::authn::{Authenticated, Principal};
use crate::config::{Administrators, Config};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::policies;
use crate::gateway::response_parts::ResponseParts;
use crate::policy::{ContextFacts, ManagementInput, Policies, PolicyDecision, PrincipalFacts};
use crate::refusal::Reason;

/// Who comes by it has a session of ours and may do this. An access token is of no use here, so no service and no agent
/// comes in.
///
/// # Errors
/// When it stays shut.
pub(super) async fn enter<P: Platform>(
    ctx: &RequestContext<'_, P>,
    endpoint: &Endpoint,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let admin = ctx.site.config.admin.as_ref().ok_or(Reason::NoRoute)?;
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let Authenticated { principal, .. } = ctx.authenticate(wants, parts).await?;
    let Some(policies) = &ctx.site.policies else { return by_list(admin, &principal) };
    let named = admin.all().iter();
    let named: Vec<(&str, &str)> = named
        .filter_map(|one| Some((issuer(&ctx.site.config, one.provider.as_str())?, one.subject.as_str())))
        .collect();
    let input = ManagementInput {
        principal: PrincipalFacts::from(&principal),
        action: endpoint.action,
        administrators: &named,
        context: ContextFacts { now: ctx.request.now, peer: &ctx.request.head.peer, relations: &[] },
    };
    by_policies(ctx, policies, &input, parts).await
}

fn issuer<'a>(config: &'a Config, provider: &str) -> Option<&'a str> {
    config.provider(provider).map(|provider| provider.issuer.as_str())
}

/// Without an engine those whom the configuration names may do everything, and all others nothing. A session counts only
/// while its provider's id belongs to its issuer, so the id is enough.
fn by_list(admin: &Administrators, principal: &Principal) -> Result<(), Reason> {
    let named = principal.provider().is_some_and(|id| admin.contains(id, principal.subject()));
    if named { Ok(()) } else { Err(Reason::NotAdministrator) }
}

/// The policy that is built in says so of those whom the configuration names; what others may is for the published ones
/// to say. None published, or none to be had: nothing.
async fn by_policies<P: Platform>(
    ctx: &RequestContext<'_, P>,
    policies: &Policies,
    input: &ManagementInput<'_>,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let mut allows = |decision: PolicyDecision| {
        parts.event.policy_version = Some(decision.version.to_string());
        parts.event.policies.clone_from(&decision.policies);
        decision.allows()
    };
    let built_in = policies.built_in().ok_or(Reason::Internal("internal.policy_built_in"))?;
    if allows(built_in.decide_management(input)) {
        return Ok(());
    }
    let published = policies::loaded(ctx, policies).await;
    if published.is_some_and(|published| allows(published.decide_management(input))) {
        return Ok(());
    }
    Err(Reason::NotAdministrator)
}
