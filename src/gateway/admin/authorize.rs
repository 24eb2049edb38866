//! The door to management: the same for every endpoint.

use super::Endpoint;
use super::sessions::Person;
use crate::audit;
use crate::authn::session_cookie::Wants;
use crate::authn::{Authenticated, Means, Principal, PrincipalKind, PrincipalSource};
use crate::config::{AdminCredential, AdminService, Administrator, Administrators, Config};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::{decide, policies};
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::policy::{ContextFacts, ManagementInput, Policies, PolicyDecision, PrincipalFacts};
use crate::refusal::{OrderError, Reason};
use crate::route::{CanonicalPath, GuardedRoute};

/// Who came through the door: a person with a session of ours, or a service with a credential of its own.
pub(super) struct Manager {
    principal: Principal,
}

/// What was found out about one action.
struct Verdict {
    allows: bool,
    /// Those who decided, where there is an engine: the policies of one version.
    decision: Option<PolicyDecision>,
}

/// Who comes by it is known, and may do what the endpoint does. Where services are named and a token is presented, that alone
/// is judged, and no page of another site can send it: there is nothing for CSRF to abuse.
///
/// # Errors
/// When it stays shut.
pub(super) async fn enter<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    endpoint: &Endpoint,
    parts: &mut ResponseParts,
) -> Result<Manager, Refused> {
    let services = ctx.site.config.admin.as_ref().and_then(Administrators::services);
    let door =
        services.and_then(|services| Some(GuardedRoute { route: &services.route, guard: services.route.guard()? }));
    if let Some(door) = door
        && ctx.presents_credential_of_program(door.guard)?
    {
        let caller = decide::authenticate(ctx, path, door, parts).await?;
        let credential = caller.credential();
        let manager = Manager { principal: caller.into_principal() };
        let may = manager.may(ctx, endpoint.action, parts).await;
        may.map_err(|reason| Refused::at(door, &ctx.site.config, credential, reason))?;
        return Ok(manager);
    }
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

    /// What the log and the block list call them.
    pub(super) fn name(&self) -> String {
        let by = self.principal.provider().unwrap_or_else(|| self.principal.issuer());
        audit::short(&format!("{by}|{}", self.principal.subject()))
    }

    /// Why they may not block this person, though they may block others: nobody shuts themselves out, and no service the
    /// people who could undo it.
    pub(super) fn may_not_block<P>(&self, ctx: &RequestContext<'_, P>, person: &Person) -> Option<String> {
        let own = (self.principal.issuer(), self.principal.subject()) == (&person.issuer, &person.subject);
        if own {
            return Some("you would block yourself".to_owned());
        }
        let config = &ctx.site.config;
        let mut named = config.admin.iter().flat_map(|admin| admin.all());
        let is_meant = |one: &Administrator| {
            let provider = config.provider(one.provider.as_str());
            one.subject == person.subject && provider.is_some_and(|provider| provider.issuer.is(&person.issuer))
        };
        let is_service = self.principal.session().is_none();
        (is_service && named.any(is_meant)).then(|| "a service blocks nobody whom `ADMIN.principals` names".to_owned())
    }

    async fn ask<P: Platform>(&self, ctx: &RequestContext<'_, P>, action: &str) -> Result<Verdict, Reason> {
        let admin = ctx.site.config.admin.as_ref().ok_or(Reason::NoRoute)?;
        if self.principal.session().is_none() {
            return self.ask_about_service(ctx, admin, action).await;
        }
        let Some(policies) = &ctx.site.policies else { return Ok(by_list(admin, &self.principal)) };
        let named = admin.all().iter();
        let named: Vec<(&str, &str)> = named
            .filter_map(|one| Some((issuer(&ctx.site.config, one.provider.as_str())?, one.subject.as_str())))
            .collect();
        by_policies(ctx, policies, &self.input(ctx, action, &named)).await
    }

    /// Services may do what their entry names. The published policies may permit more to those that prove a key of theirs.
    async fn ask_about_service<P: Platform>(
        &self,
        ctx: &RequestContext<'_, P>,
        admin: &Administrators,
        action: &str,
    ) -> Result<Verdict, Reason> {
        let denied = Verdict { allows: false, decision: None };
        if !is_service(&self.principal) {
            return Ok(denied);
        }
        if admin.services().is_some_and(|services| services.all().iter().any(|one| self.is_one(one, action))) {
            return Ok(Verdict { allows: true, decision: None });
        }
        let Some(policies) = ctx.site.policies.as_ref().filter(|_| is_sender_constrained(&self.principal)) else {
            return Ok(denied);
        };
        let published = policies::loaded(ctx, policies).await;
        let decision = published.map(|published| published.decide_management(&self.input(ctx, action, &[])));
        Ok(decision.map_or(denied, Into::into))
    }

    /// Whether this entry is theirs, and names the action.
    fn is_one(&self, entry: &AdminService, action: &str) -> bool {
        let principal = &self.principal;
        let has =
            |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        let is_named = match (&entry.by, principal.origin()) {
            (AdminCredential::Token { issuer, subject, client_id }, PrincipalSource::Issuer(id)) => {
                issuer == id && has(subject, Some(principal.subject())) && has(client_id, principal.client_id())
            }
            (AdminCredential::Certificate(entry), PrincipalSource::Certificate(id)) => entry == id,
            // A person's key has an owner, and is called by its own id.
            (AdminCredential::Key(name), PrincipalSource::Key(_)) => {
                principal.subject().strip_prefix("service:") == Some(name)
            }
            _ => false,
        };
        is_named
            && entry.scope.as_ref().is_none_or(|scope| principal.scopes().contains(scope))
            && entry.actions.contains(&action)
            && (entry.bearer || is_sender_constrained(principal))
    }

    fn input<'a, P: Platform>(
        &'a self,
        ctx: &'a RequestContext<'_, P>,
        action: &'a str,
        administrators: &'a [(&'a str, &'a str)],
    ) -> ManagementInput<'a> {
        ManagementInput {
            principal: PrincipalFacts::of(&self.principal, &ctx.site.config.roles),
            action,
            administrators,
            context: ContextFacts { now: ctx.request.now, peer: &ctx.request.head.peer, relations: &[] },
        }
    }
}

impl Verdict {
    fn noted(self, parts: &mut ResponseParts) -> Result<(), Reason> {
        if let Some(decision) = self.decision {
            parts.event.policy_version = Some(decision.version.to_string());
            parts.event.policies = decision.policies;
        }
        if self.allows { Ok(()) } else { Err(Reason::Order(OrderError::NotAdministrator)) }
    }
}

fn issuer<'a>(config: &'a Config, provider: &str) -> Option<&'a str> {
    config.provider(provider).map(|provider| provider.issuer.as_str())
}

/// Whether it is a service that acts itself: no person, no agent, nobody for whom another acts, and no key of a person's.
fn is_service(principal: &Principal) -> bool {
    principal.kind() == PrincipalKind::Service && principal.actors().is_empty() && principal.owner().is_none()
}

/// Whether its credential is of no use to others who get to see it.
fn is_sender_constrained(principal: &Principal) -> bool {
    matches!(principal.authentication().means, Means::Dpop | Means::Mtls | Means::Certificate)
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
