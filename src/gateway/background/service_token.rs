//! What the object of an entry of `SERVICES` asks of the authorization server: the next token of our own (RFC 6749 §4.4).

use std::rc::Rc;

use super::event::{background_event, note_failure};
use crate::audit::{Effect, What};
use crate::config::ServiceClient;
use crate::gateway::platform::assertion_maker;
use crate::gateway::{Gateway, Platform};
use crate::http::StatusCode;
use crate::oidc::metadata::AliasedEndpoint;
use crate::oidc::token;
use crate::outward::ServiceToken;
use crate::ports::{Clock, Fetch, Log};
use crate::refusal::{Document, Reason};

impl Gateway {
    /// Gets a token, and says what became of it in one event. `None` when there is none.
    pub async fn fetch_service_token<P: Platform>(
        &self,
        platform: &P,
        service: &ServiceClient,
    ) -> Option<ServiceToken> {
        let mut event = background_event(&self.config, platform, What::ServiceTokenFetched);
        event.service = Some(service.id.to_string());
        let fetched = self.ask_for_service_token(platform, service).await;
        match &fetched {
            Ok(_) => event.end(Effect::Allow, "service_token.fetched", StatusCode::OK),
            Err(reason) => {
                event.event = What::ServiceTokenFailed;
                note_failure(&mut event, reason);
            }
        }
        platform.log().line(&event.to_line());
        fetched.ok()
    }

    async fn ask_for_service_token<P: Platform>(
        &self,
        platform: &P,
        service: &ServiceClient,
    ) -> Result<ServiceToken, Reason> {
        let endpoint = match (&service.token_endpoint, &service.issuer) {
            (Some(endpoint), _) => Rc::new(AliasedEndpoint::plain(endpoint.clone())),
            (None, Some(issuer)) => self.documents.token_endpoint(platform, issuer).await?,
            (None, None) => return Err(Reason::Internal("internal.no_token_endpoint")),
        };
        let endpoint = endpoint.of_client(&service.client_auth);
        let maker = assertion_maker(platform, platform.clock().now());
        let request = token::client_credentials_request(service, endpoint, maker).await.map_err(Reason::Token)?;
        let answer = platform.fetch().send(request).await;
        let answer = answer.map_err(|error| Reason::ProviderUnreachable(Document::Token, error))?;
        let response = token::process(&answer).map_err(Reason::Token)?;
        ServiceToken::of_response(response, platform.clock().now()).map_err(Reason::Token)
    }
}
