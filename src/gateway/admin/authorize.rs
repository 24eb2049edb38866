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

/// Somebody who came with a session of ours. An access token is of no use here, so no service and no agent comes in.
pub(super) struct Manager {
    principal: Principal,
}

/// What was found out about one action.
struct Verdict {
    allows: bool,
    /// Those who decided, where there is an engine: the policies of one version.
    decision: Option<PolicyDecision>,
}

/// Who comes by it is known, and may do what the endpoint does.
///
/// # Errors
/// When it stays shut.
pub(super) async fn enter<P: Platform>(
    ctx: &RequestContext<'_, P>,
    endpoint: &Endpoint,
    parts: &mut ResponseParts,
) -> Result<Manager, Reason> {
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let Authenticated { principal, .. } = ctx.authenticate(wants, parts).await?;
    let manager = Manager { principal };
    manager.may(ctx, endpoint.action, parts).await?;
    Ok(manager)
}

impl Manager {
    /// Asks for one action by its own name, and notes it: what one endpoint does on the way to another counts as much as
    /// what is asked for directly.
    ///
    /// # Errors
    /// When they may not.
    pub(super) async fn may<P: Platform>(
        &self,
        ctx: &RequestContext<'_, P>,
        action: &'static str,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        parts.event.action = Some(action);
        self.ask(ctx, action).await?.noted(parts)
    }

    /// The same for what belongs to the action at hand, which goes on to be the one that is noted.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn may_also<P: Platform>(
        &self,
        ctx: &RequestContext<'_, P>,
        action: &'static str,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let verdict = self.ask(ctx, action).await?;
        if verdict.allows {
            return Ok(());
        }
        parts.event.action = Some(action);
        verdict.noted(parts)
    }

    /// Whether they may, where what they are told hangs on it and nothing else does.
    ///
    /// # Errors
    /// When nobody knows.
    pub(super) async fn is_allowed<P: Platform>(
        &self,
        ctx: &RequestContext<'_, P>,
        action: &str,
    ) -> Result<bool, Reason> {
        Ok(self.ask(ctx, action).await?.allows)
    }

    /// Who they are.
    pub(super) const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the configuration names them.
    pub(super) fn is_named<P>(&self, ctx: &RequestContext<'_, P>) -> bool {
        ctx.site.config.admin.as_ref().is_some_and(|admin| is_named(admin, &self.principal))
    }

    async fn ask<P: Platform>(&self, ctx: &RequestContext<'_, P>, action: &str) -> Result<Verdict, Reason> {
        let admin = ctx.site.config.admin.as_ref().ok_or(Reason::NoRoute)?;
        let Some(policies) = &ctx.site.policies else { return Ok(by_list(admin, &self.principal)) };
        let named = admin.all().iter();
        let named: Vec<(&str, &str)> = named
            .filter_map(|one| Some((issuer(&ctx.site.config, one.provider.as_str())?, one.subject.as_str())))
            .collect();
        let input = ManagementInput {
            principal: PrincipalFacts::of(&self.principal, &ctx.site.config.roles),
            action,
            administrators: &named,
            context: ContextFacts { now: ctx.request.now, peer: &ctx.request.head.peer, relations: &[] },
        };
        by_policies(ctx, policies, &input).await
    }
}

impl Verdict {
    fn noted(self, parts: &mut ResponseParts) -> Result<(), Reason> {
        if let Some(decision) = self.decision {
            parts.event.policy_version = Some(decision.version.to_string());
            parts.event.policies = decision.policies;
        }
        if self.allows { Ok(()) } else { Err(Reason::NotAdministrator) }
    }
}

fn issuer<'a>(config: &'a Config, provider: &str) -> Option<&'a str> {
    config.provider(provider).map(|provider| provider.issuer.as_str())
}

/// Without an engine those whom the configuration names may do everything, and all others nothing. A session counts only
/// while its provider's id belongs to its issuer, so the id is enough.
fn by_list(admin: &Administrators, principal: &Principal) -> Verdict {
    Verdict { allows: is_named(admin, principal), decision: None }
}

fn is_named(admin: &Administrators, principal: &Principal) -> bool {
    principal.provider().is_some_and(|id| admin.contains(id, principal.subject()))
}

/// The policy that is built in says so of those whom the configuration names; what others may is for the published ones
/// to say. None published, or none to be had: nothing.
async fn by_policies<P: Platform>(
    ctx: &RequestContext<'_, P>,
    policies: &Policies,
    input: &ManagementInput<'_>,
) -> Result<Verdict, Reason> {
    let built_in = policies.built_in().await.ok_or(Reason::Internal("internal.policy_built_in"))?;
    let decision = built_in.decide_management(input);
    if decision.allows() {
        return Ok(decision.into());
    }
    let published = policies::loaded(ctx, policies).await;
    Ok(published.map_or(decision, |published| published.decide_management(input)).into())
}

impl From<PolicyDecision> for Verdict {
    fn from(decision: PolicyDecision) -> Self {
        Self { allows: decision.allows(), decision: Some(decision) }
    }
}
