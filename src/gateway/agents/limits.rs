//! How often a person may be asked, documents of clients fetched, and tokens handed out.

use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::limit::{Allowance, Counter, Limit, LimitKind, Whose};
use crate::refusal::Reason;
use crate::time::Seconds;

/// Consents of one person.
const CONSENTS: (u32, Seconds, u32) = (60, Seconds::hours(1), 30);
/// Documents fetched for callers from one network.
const FETCHES_BY_NETWORK: (u32, Seconds, u32) = (30, Seconds::minutes(1), 30);
/// Documents fetched from one host.
const FETCHES_OF_HOST: (u32, Seconds, u32) = (60, Seconds::minutes(1), 60);
/// Tokens of one grant.
const TOKENS: (u32, Seconds, u32) = (120, Seconds::hours(1), 60);
/// Registrations from one network.
const REGISTRATIONS: (u32, Seconds, u32) = (30, Seconds::hours(1), 30);

impl<P: Platform> RequestContext<'_, P> {
    /// Counts a question to this person.
    pub(super) async fn limit_consents(
        &self,
        (issuer, subject): (&str, &str),
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        self.limit_agents((LimitKind::Consents, ""), CONSENTS, Whose::Subject(issuer, subject), parts).await
    }

    /// Counts a document that is fetched from this host.
    pub(super) async fn limit_fetches(&self, host: &str, parts: &mut ResponseParts) -> Result<(), Reason> {
        let network = Whose::Network(self.request.head.peer.network());
        self.limit_agents((LimitKind::ClientDocuments, ""), FETCHES_BY_NETWORK, network, parts).await?;
        self.limit_agents((LimitKind::ClientDocuments, host), FETCHES_OF_HOST, Whose::Everyone, parts).await
    }

    /// Counts a token of the grant of this name.
    pub(super) async fn limit_tokens(&self, grant: &str, parts: &mut ResponseParts) -> Result<(), Reason> {
        self.limit_agents((LimitKind::AgentTokens, grant), TOKENS, Whose::Everyone, parts).await
    }

    /// Counts a registration.
    pub(super) async fn limit_registrations(&self, parts: &mut ResponseParts) -> Result<(), Reason> {
        let network = Whose::Network(self.request.head.peer.network());
        self.limit_agents((LimitKind::Registrations, ""), REGISTRATIONS, network, parts).await
    }

    async fn limit_agents(
        &self,
        bucket: (LimitKind, &str),
        (requests, period, burst): (u32, Seconds, u32),
        whose: Whose<'_>,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let Some(allowance) = Allowance::new(requests, period, burst) else { return Ok(()) };
        let limit = Limit { allowance, counter: Counter::Object };
        self.limit_at(bucket, &limit, whose, parts).await
    }
}
