//! Tokens of our own, for the upstreams of routes with `token = "service:ID"`: of the isolate's copies, or of the object that
//! keeps them.

use crate::config::ServiceClient;
use crate::gateway::{Gateway, Platform};
use crate::http::{Method, StatusCode};
use crate::outward::{ServiceToken, ServiceTokenDigest, ServiceTokenError, ServiceTokenReply, ServiceTokens};
use crate::ports::Clock;
use crate::refusal::Reason;
use crate::route::Route;
use crate::upstream::{ForwardPlan, ServiceCredential, refuses_token};

impl Gateway {
    /// The token of our own that goes to this route's upstream, if one does.
    ///
    /// # Errors
    /// When one should, and there is none.
    pub(super) async fn service_credential<P: Platform>(
        &self,
        platform: &P,
        route: &Route,
    ) -> Result<Option<ServiceCredential>, Reason> {
        let Some(id) = route.guard().and_then(|guard| guard.token.service()) else { return Ok(None) };
        let client = self.config.service(id.as_str()).ok_or(Reason::Internal("internal.no_such_service"))?;
        let token = match self.service_tokens.get(id, platform.clock().now()) {
            Some(token) => token,
            None => self.ask_keeper(platform, client, None).await?,
        };
        Ok(Some(ServiceCredential { id: id.clone(), token }))
    }

    async fn ask_keeper<P: Platform>(
        &self,
        platform: &P,
        client: &ServiceClient,
        refused: Option<&ServiceTokenDigest>,
    ) -> Result<ServiceToken, Reason> {
        let reply = platform.service_tokens().service_token(client, refused).await.map_err(Reason::Store)?;
        let error = match reply {
            ServiceTokenReply::Token(token) => {
                self.service_tokens.keep(&client.id, &token, platform.clock().now());
                return Ok(token);
            }
            ServiceTokenReply::Unavailable => ServiceTokenError::Unavailable,
            ServiceTokenReply::OtherConfiguration => ServiceTokenError::OtherConfiguration,
        };
        Err(Reason::ServiceToken(error))
    }

    /// What an upstream's answer means for the token of our own that went along: if it does not take the token, that
    /// one is used no more. True where the plan has another one now and the request is to be sent again: once, and only what
    /// asks for something and has no body.
    pub async fn renew_refused_token<P: Platform>(
        &self,
        platform: &P,
        plan: &mut ForwardPlan,
        answered: (StatusCode, &crate::http::HeaderMap),
    ) -> bool {
        let (status, headers) = answered;
        let Some(credential) = plan.service_credential() else { return false };
        if !refuses_token(status, headers) {
            return false;
        }
        let (id, digest) = (credential.id.clone(), credential.token.digest());
        self.service_tokens.forget(&id, &digest);
        let Some(client) = self.config.service(id.as_str()) else { return false };
        let may_be_repeated =
            [Method::GET, Method::HEAD].contains(&plan.method) && plan.body_length.is_none_or(|n| n == 0);
        match self.ask_keeper(platform, client, Some(&digest)).await {
            Ok(token) if token.digest() != digest => may_be_repeated && plan.replace_service_token(token),
            _ => false,
        }
    }
}
