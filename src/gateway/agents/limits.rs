//! How often a person may be asked, documents of clients fetched, and tokens handed out.

use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::limit::{Allowance, Counter, Limit, LimitKind, Whose};
use crate::refusal::Reason;
use crate::time::Seconds;

/// How many requests in what time, how many of them at once, and what counts them.
type AgentLimit = (u32, Seconds, u32, Counter);

/// Consents of one person.
const CONSENTS: AgentLimit = (60, Seconds::hours(1), 30, Counter::Object);
/// Documents fetched for callers from one network.
const FETCHES_BY_NETWORK: AgentLimit = (30, Seconds::minutes(1), 30, Counter::Object);
/// Documents fetched from one host.
const FETCHES_OF_HOST: AgentLimit = (60, Seconds::minutes(1), 60, Counter::Object);
/// Tokens of one grant.
const TOKENS: AgentLimit = (120, Seconds::hours(1), 60, Counter::Object);
/// Registrations from one network. A stranger sends them, and nothing that a stranger sends writes a row.
const REGISTRATIONS: AgentLimit = (30, Seconds::hours(1), 30, Counter::Isolate);

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
        (requests, period, burst, counter): AgentLimit,
        whose: Whose<'_>,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let Some(allowance) = Allowance::new(requests, period, burst) else { return Ok(()) };
        let limit = Limit { allowance, counter };
        self.limit_at(bucket, &limit, whose, parts).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::approval::{MAX_PENDING, MAX_SHOWN_BYTES};
    use crate::session::grant::{MAX_ACTORS, MAX_EXCHANGED, MAX_GRANTS};

    #[test]
    fn the_reference_says_how_much_is_allowed() {
        //
        let page = include_str!("../../../docs/reference/limits.md");
        let limit = |(requests, period, burst, counter): AgentLimit| {
            let period = if period == Seconds::hours(1) { "an hour" } else { "a minute" };
            let at_once = if burst == requests { String::new() } else { format!(", {burst} at once") };
            let counted = if counter == Counter::Isolate { ", in each isolate" } else { "" };
            format!("{requests} {period}{at_once}{counted} |")
        };
        for (what, expected) in [
            ("Questions to one user", limit(CONSENTS)),
            ("Documents of clients fetched for callers of one network", limit(FETCHES_BY_NETWORK)),
            ("Documents fetched of one host", limit(FETCHES_OF_HOST)),
            ("Tokens of one grant", limit(TOKENS)),
            ("Registrations from one network", limit(REGISTRATIONS)),
            ("Grants of a user", format!("{MAX_GRANTS};")),
            ("Tokens exchanged for one grant that live", format!("{MAX_EXCHANGED},")),
            ("Programs that act for one another", format!("{MAX_ACTORS} |")),
            ("Calls of one grant that wait for approval", format!("{MAX_PENDING} |")),
            ("A call that can be approved", format!("{} KiB |", MAX_SHOWN_BYTES / 1024)),
        ] {
            let row = format!("| {what} | {expected}");
            assert!(page.contains(&row), "{row}");
        }
    }
}
