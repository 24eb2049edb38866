//! Which client asks: by its id, and by what it publishes or registered.

use super::client_documents::PublishedDocument;
use crate::agent::AgentError;
use crate::agent::client::registration::Registration;
use crate::agent::client::{ClientDocument, ClientId, RedirectKind, RedirectUri, document};
use crate::agent::handle::GrantHandle;
use crate::authn::{BlockedBy, Standing, agent};
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::refusal::Reason;
use crate::session::Session;
use crate::store::block_list::BlockTarget;

/// A client's id, before anybody asks what it publishes.
#[derive(Debug)]
pub(super) enum NamedClient {
    /// It publishes a document.
    Published(ClientId),
    /// It registered here.
    Registered(Box<ClientDocument>),
}

impl NamedClient {
    fn id(&self) -> &str {
        match self {
            Self::Published(id) => id.as_str(),
            Self::Registered(client) => &client.id,
        }
    }

    /// Where a person may have heard of it: the host of its id. Of one that registered here there is none.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Published(id) => Some(id.host()),
            Self::Registered(_) => None,
        }
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// Refuses a client that is shut out: it asks for nothing, and gets nothing that would open only when that is lifted
    /// . Asked only once a person has signed in, or a text of our making is shown.
    ///
    /// # Errors
    /// When it is, or nobody knows.
    pub(super) async fn refuse_blocked_client(&self, id: &str, parts: &mut ResponseParts) -> Result<(), Reason> {
        let Some(list) = self.block_list(None).await? else { return Ok(()) };
        let issuer = self.site.config.public_url.origin().to_owned();
        if !list.blocks(&BlockTarget::Client { issuer, client_id: id.to_owned() }, self.request.now) {
            return Ok(());
        }
        parts.event.detail = Some(BlockedBy::Client.code().to_owned());
        Err(Reason::Client(AgentError::NotAdmitted))
    }

    /// Why a grant counts no more by the list of blocks and moments, though its object knows it. Asked once the client is known:
    /// the list was asked for then.
    ///
    /// # Errors
    /// When nobody knows.
    pub(super) async fn why_grant_is_void(
        &self,
        handle: &GrantHandle,
        session: &Session,
    ) -> Result<Option<BlockedBy>, Reason> {
        let Some(list) = self.block_list_for_session().await? else { return Ok(None) };
        let created_at = session.created_at;
        let Some(agent) = agent::principal(session.clone(), handle, false) else { return Ok(None) };
        let standing = Standing::of_caller(&agent, Some(created_at), self.request.now);
        Ok(standing.check(&list, self.request.now).err())
    }

    /// The client of this id, if it may ask here.
    ///
    /// # Errors
    /// When it is none, or may not.
    pub(super) fn named_client(&self, rules: &AgentRules, text: &str) -> Result<NamedClient, AgentError> {
        let (own, keys) = (&self.site.config.public_url, &self.site.config.keys);
        if !rules.clients.admit(text) {
            return Err(AgentError::NotAdmitted);
        }
        if Registration::is_id(text, own) {
            let client = Registration::read(text, own, keys).filter(|_| rules.register);
            return client.map(|client| NamedClient::Registered(Box::new(client))).ok_or(AgentError::ClientId);
        }
        ClientId::parse(text, own.is_loopback_development()).map(NamedClient::Published).ok_or(AgentError::ClientId)
    }

    /// What is known of a client.
    ///
    /// # Errors
    /// When its document cannot be had, or says nothing that may be relied on.
    pub(super) async fn client(&self, named: NamedClient, parts: &mut ResponseParts) -> Result<ClientDocument, Reason> {
        self.refuse_blocked_client(named.id(), parts).await?;
        let id = match named {
            NamedClient::Registered(client) => return Ok(*client),
            NamedClient::Published(id) => id,
        };
        let development = self.site.config.public_url.is_loopback_development();
        let read = |body: &str| ClientDocument::parse(body.as_bytes(), &id, development).map_err(AgentError::Document);
        let published = PublishedDocument { url: id.as_str(), kind: "client", max_bytes: document::MAX_BYTES };
        self.client_document(published, read, parts).await
    }
}

/// The redirect URI of a request, if it is the client's, and on a host where it may be.
///
/// # Errors
/// When it is not.
pub(super) fn redirect_uri(
    rules: &AgentRules,
    host: Option<&str>,
    client: &ClientDocument,
    asked: &str,
) -> Result<RedirectUri, AgentError> {
    let uri = RedirectUri::accept(asked, &client.redirect_uris).map_err(AgentError::Redirect)?;
    let is_elsewhere = match uri.kind() {
        RedirectKind::Web(at) => Some(at.as_str()) != host,
        RedirectKind::Loopback(_) => false,
        RedirectKind::App(_) => true,
    };
    if rules.clients.same_host && is_elsewhere { Err(AgentError::OtherHost) } else { Ok(uri) }
}
