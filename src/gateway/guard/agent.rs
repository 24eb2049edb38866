//! An agent's access token, as presented → a principal. Whatever can be told without the person's object is told without it.

use super::access_token::sender_reason;
use crate::authn::agent::{self, AgentRejection};
use crate::authn::bearer::{PresentedToken, Scheme, presented};
use crate::authn::dpop::TargetUri;
use crate::authn::sender_constraint::{self, TokenRequest};
use crate::authn::{Principal, confirmation::Confirmation};
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::{Credential, Refused};
use crate::gateway::response_parts::ResponseParts;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::route::{CanonicalPath, GuardedRoute, Token};
use crate::session::message::CheckGrant;
use crate::session::{
    Check, Command, GrantHandle, Live, Reply, Session, SessionDigest, SessionHandle, Sessions, SubjectKey,
};
use crate::time::{Seconds, Timestamp};

/// An agent that came through door 1, and the grant by which it did.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) principal: Principal,
    pub(super) scheme: Scheme,
    pub(super) grant: GrantAtHand,
    /// Whether the uses of the grant are counted.
    pub(super) is_counted: bool,
    /// When the grant was given.
    pub(super) created_at: Timestamp,
}

/// The grant that a request came by.
#[derive(Clone, Debug)]
pub(crate) struct GrantAtHand {
    /// Whose object knows it …
    pub(super) subject: SubjectKey,
    /// … by this.
    pub(super) digest: SessionDigest,
}

impl<P: Platform> RequestContext<'_, P> {
    /// Who comes with an agent's token; `None` where none is shown. A text with the form of one is never looked at as anything
    /// else: nobody but us may see it.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn by_agent(
        &self,
        rules: &AgentRules,
        guarded: GuardedRoute<'_>,
        path: &CanonicalPath,
        parts: &mut ResponseParts,
    ) -> Result<Option<Agent>, Refused> {
        let GuardedRoute { guard, .. } = guarded;
        let refused = |credential| move |reason| Refused::at(guarded, &self.site.config, credential, reason);
        let shown = match presented(&self.request.head.headers, self.request.target.query) {
            Ok(shown) => shown,
            Err(error) if guard.takes_agents() => return Err(refused(Credential::None)(Reason::Presentation(error))),
            Err(_) => None,
        };
        let Some(token) = shown else { return Ok(None) };
        let refused = refused(Credential::Token(token.scheme));
        let rejected = |rejection| refused(Reason::Agent(rejection));
        let is_for_others = guard.takes_tokens() || guard.takes_keys() || guard.takes_workloads();
        match GrantHandle::is_shaped(token.token.expose(), &rules.prefix) {
            true if !guard.takes_agents() => Err(rejected(AgentRejection::NotTaken)),
            false if !is_for_others => Err(rejected(AgentRejection::Malformed)),
            false => Ok(None),
            true => self.authenticate_agent(rules, &token, guarded, (path, parts)).await.map(Some).map_err(refused),
        }
    }

    /// Door 1 for an agent: no cookie is looked at, and so no page of another site can abuse one.
    async fn authenticate_agent(
        &self,
        rules: &AgentRules,
        token: &PresentedToken,
        guarded: GuardedRoute<'_>,
        (path, parts): (&CanonicalPath, &mut ResponseParts),
    ) -> Result<Agent, Reason> {
        let (config, now) = (&self.site.config, self.request.now);
        let handle = agent::handle(token, rules, config, now).map_err(Reason::Agent)?;
        let digest = handle.id.digest();
        parts.event.grant = Some(digest.public_id());
        let session = self.look_up_grant(&handle, guarded.guard.revocation).await?;
        let resource = config.resource_of(guarded.route).unwrap_or_default();
        agent::check(config, rules, &session, &resource, (self.timeouts(), now)).map_err(Reason::Agent)?;
        let bound_to = session.grant.as_ref().and_then(|grant| grant.jkt.clone());
        self.check_sender(token, bound_to.clone(), guarded.guard.token == Token::Relay, path).await?;
        let is_counted = session.grant.as_ref().is_some_and(|grant| grant.uses_left.is_some());
        let created_at = session.created_at;
        parts.event.jkt = bound_to;
        let principal = agent::principal(session, &handle, guarded.guard.takes_sessions());
        let principal = principal.ok_or(Reason::Agent(AgentRejection::Gone))?;
        parts.event.who(&principal);
        let grant = GrantAtHand { subject: handle.subject, digest };
        Ok(Agent { principal, scheme: token.scheme, grant, is_counted, created_at })
    }

    /// The grant, remembered where that will do.
    async fn look_up_grant(&self, handle: &GrantHandle, staleness: Option<Seconds>) -> Result<Session, Reason> {
        let check = Check {
            digest: handle.id.digest(),
            touch: true,
            access_token: false,
            shown: None,
            clocks: self.timeouts(),
        };
        let (cache, now) = (&self.site.cache, self.request.now);
        if let Some(live) = staleness.and_then(|staleness| cache.get(&check, staleness, now)) {
            return Ok(live.session);
        }
        let ticket = cache.ticket();
        let grant = GrantAtHand { subject: handle.subject, digest: handle.id.digest() };
        let session = self.ask_for_grant(&grant, false).await?;
        // Each use of what is counted is for its object to see.
        let may_be_kept = session.grant.as_ref().is_some_and(|grant| grant.uses_left.is_none());
        if staleness.is_some() && may_be_kept {
            let pointer = SessionHandle { subject: handle.subject, id: handle.id.clone(), began_at: None };
            let live = Live { session: session.clone(), access_token: None, bound_token: None, provider_down: false };
            cache.put(ticket, &pointer, &live, now);
        }
        Ok(session)
    }

    /// Spends one use of a grant whose uses are counted.
    ///
    /// # Errors
    /// When none is left.
    pub(super) async fn spend(&self, grant: &GrantAtHand) -> Result<(), Reason> {
        self.ask_for_grant(grant, true).await.map(drop)
    }

    async fn ask_for_grant(&self, grant: &GrantAtHand, spend: bool) -> Result<Session, Reason> {
        let check = CheckGrant { digest: grant.digest.clone(), spend, clocks: self.timeouts() };
        match self.platform.sessions().call(&grant.subject, &Command::CheckGrant(check)).await {
            Ok(Reply::LiveGrant(session)) => Ok(*session),
            Ok(Reply::Gone) => {
                self.site.cache.forget(&grant.subject);
                self.site.assertions.forget(&grant.subject);
                Err(Reason::Agent(AgentRejection::Gone))
            }
            Ok(_) => Err(Reason::Store(StoreError::Malformed)),
            Err(error) => Err(Reason::Store(error)),
        }
    }

    /// Whoever presents a token that is bound to a key proves to have it (RFC 9449 §7).
    async fn check_sender(
        &self,
        presented: &PresentedToken,
        jkt: Option<String>,
        relays: bool,
        path: &CanonicalPath,
    ) -> Result<(), Reason> {
        let request = TokenRequest {
            presented,
            head: self.request.head,
            uri: &TargetUri::of(&self.site.config.public_url, path),
            relays,
            keys: &self.site.config.keys,
            uses_up: self.uses_up,
            now: self.request.now,
        };
        let confirmation = jkt.map_or(Confirmation::None, Confirmation::Jkt);
        let rule = sender_constraint::BindingRule::ANY;
        let (signatures, once) = (self.platform.signatures(), self.platform.replay_guard());
        let checked = sender_constraint::check_binding(&request, confirmation, rule, signatures, once).await;
        checked.map(drop).map_err(sender_reason)
    }
}
