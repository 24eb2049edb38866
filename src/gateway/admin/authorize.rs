//! The door to management: the same for every endpoint.

use super::Endpoint;
use crate::audit;
use crate::authn::session_cookie::Wants;
use crate::authn::{Authenticated, Means, Principal, PrincipalKind, PrincipalSource, Standing};
use crate::config::{AdminCredential, AdminService, AdminServices, Administrator, Administrators, Config};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::{decide, device, policies};
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::second_factor;
use crate::ids::IssuerId;
use crate::policy::{ContextFacts, ManagementInput, Policies, PolicyDecision, PrincipalFacts};
use crate::refusal::{OrderError, Reason};
use crate::route::{CanonicalPath, GuardedRoute};
use crate::store::block_list::BlockTarget;

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
        // What other issuers vouch for is for other routes.
        if let PrincipalSource::Issuer(issuer) = caller.principal().origin()
            && !door.guard.admits(issuer)
        {
            return Err(Refused::at(door, &ctx.site.config, credential, Reason::Order(OrderError::NotAdministrator)));
        }
        let manager = Manager { principal: caller.into_principal() };
        let may = manager.may(ctx, endpoint.action, parts).await;
        may.map_err(|reason| Refused::at(door, &ctx.site.config, credential, reason))?;
        return Ok(manager);
    }
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let Authenticated { principal, .. } = ctx.authenticate(wants, parts).await?;
    let manager = Manager { principal };
    manager.may(ctx, endpoint.action, parts).await?;
    // Last: nobody is sent to prove what would not help them.
    let max_age = ctx.site.config.admin.as_ref().and_then(|admin| admin.second);
    second_factor::require(ctx, &manager.principal, max_age)?;
    if endpoint.lasts() {
        device::prove_now(ctx, &manager.principal)?;
    }
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

    /// Why they may not block this, though they may block other things: nobody shuts themselves out, and only those whom the
    /// configuration names shut out others who administer, for they can undo it.
    pub(super) fn may_not_block<P>(&self, ctx: &RequestContext<'_, P>, target: &BlockTarget) -> Option<String> {
        if Standing::of(&self.principal, ctx.request.now).is_about(target) {
            return Some("you would block yourself".to_owned());
        }
        if self.is_named(ctx) {
            return None;
        }
        let config = &ctx.site.config;
        let is_administrator = config.admin.as_ref().is_some_and(|admin| administers(config, admin, target));
        is_administrator
            .then(|| "only those whom `ADMIN.principals` names block somebody whom `ADMIN` names".to_owned())
    }

    /// Why they may not take away the factors of this person, if they may not: whom a policy or an entry of services lets reset
    /// factors makes nobody an easier prey who administers.
    pub(super) fn may_not_reset<P>(&self, ctx: &RequestContext<'_, P>, issuer: &str, subject: &str) -> Option<String> {
        let config = &ctx.site.config;
        let target = BlockTarget::Subject { issuer: issuer.to_owned(), subject: subject.to_owned() };
        let is_administrator = config.admin.as_ref().is_some_and(|admin| administers(config, admin, &target));
        (is_administrator && !self.is_named(ctx)).then(|| {
            "only those whom `ADMIN.principals` names reset the factors of somebody whom `ADMIN` names".to_owned()
        })
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

/// Whether a block of this would shut out somebody whom `ADMIN` names, as far as it says whom it means. Of an API key nobody
/// can tell by its id whose it is.
fn administers(config: &Config, admin: &Administrators, target: &BlockTarget) -> bool {
    let is_person = |one: &Administrator| match target {
        BlockTarget::Subject { issuer, subject } => {
            let provider = config.provider(one.provider.as_str());
            one.subject == *subject && provider.is_some_and(|provider| provider.issuer.is(issuer))
        }
        BlockTarget::Client { .. } | BlockTarget::Key { .. } => false,
    };
    let services = admin.services().map(AdminServices::all).unwrap_or_default();
    admin.all().iter().any(is_person) || services.iter().any(|one| is_service_of(config, &one.by, target))
}

fn is_service_of(config: &Config, by: &AdminCredential, target: &BlockTarget) -> bool {
    match (by, target) {
        (AdminCredential::Token { issuer, subject: Some(named), .. }, BlockTarget::Subject { issuer: of, subject }) => {
            named == subject && is_called(config, issuer, of)
        }
        (
            AdminCredential::Token { issuer, client_id: Some(named), .. },
            BlockTarget::Client { issuer: of, client_id },
        ) => named == client_id && is_called(config, issuer, of),
        // Who signed it is in the certificate, and not always in the configuration.
        (AdminCredential::Certificate(_), BlockTarget::Subject { issuer, .. }) => issuer.starts_with("x509:"),
        (AdminCredential::Key(name), BlockTarget::Subject { issuer, subject }) => {
            *issuer == config.public_url.origin() && subject.strip_prefix("service:") == Some(name)
        }
        _ => false,
    }
}

/// Whether the issuer of this id in the configuration is called so.
fn is_called(config: &Config, id: &IssuerId, name: &str) -> bool {
    let workload = config.workloads.iter().any(|issuer| issuer.id == *id && issuer.issuer == name);
    workload || config.issuer(id).is_some_and(|issuer| issuer.issuer.as_str() == name)
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
