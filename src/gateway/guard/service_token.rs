//! Tokens of our own, for the upstreams of routes with `token = "service:ID"`: of the isolate's copies, or of the object that
//! keeps them.

use crate::config::ServiceClient;
use crate::gateway::{Gateway, Platform};
use crate::http::{Method, StatusCode};
use crate::outward::{
    Next, ServiceToken, ServiceTokenDigest, ServiceTokenError, ServiceTokenReply, ServiceTokenRequest, ServiceTokens,
};
use crate::ports::Clock;
use crate::refusal::Reason;
use crate::route::Route;
use crate::upstream::{ForwardPlan, ServiceCredential, refuses_token};

const UNAVAILABLE: Reason = Reason::ServiceToken(ServiceTokenError::Unavailable);

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
        let (terms, now) = (client.terms(&self.config.keys), platform.clock().now());
        let wanted = ServiceTokenRequest::new(client.id.as_str(), terms, refused.cloned());
        let reply = platform.service_tokens().service_token(&wanted).await.map_err(Reason::Store)?;
        let token = match reply {
            ServiceTokenReply::Token(token) => token,
            ServiceTokenReply::Unavailable => return Err(UNAVAILABLE),
            ServiceTokenReply::OtherConfiguration => return self.without_keeper(platform, client, refused).await,
        };
        // A copy of the refused one would be used for as long as copies are.
        if refused.is_none_or(|refused| token.digest() != *refused) {
            self.service_tokens.keep(&client.id, &token, now);
        }
        Ok(token)
    }

    /// The object works by another configuration: a deployment is under way, and may be for days. This isolate gets the token
    /// by itself, and keeps it by the same rules as long as it lives.
    async fn without_keeper<P: Platform>(
        &self,
        platform: &P,
        client: &ServiceClient,
        refused: Option<&ServiceTokenDigest>,
    ) -> Result<ServiceToken, Reason> {
        let (id, tokens) = (&client.id, &self.service_tokens);
        let now = platform.clock().now();
        if let Some(refused) = refused {
            tokens.own(id, |keeper| keeper.drop_refused(refused, now));
        }
        match tokens.own(id, |keeper| keeper.next(now)) {
            Next::Use(token) => return Ok(token),
            Next::Pause => return Err(UNAVAILABLE),
            Next::UseAndRenew(_) | Next::Wait => {}
        }
        let fetched = self.fetch_service_token(platform, client).await;
        let now = platform.clock().now();
        tokens.own(id, |keeper| match fetched {
            Some(token) => keeper.fetched(token),
            None => keeper.failed(now),
        });
        tokens.own(id, |keeper| keeper.at_hand(now).cloned()).ok_or(UNAVAILABLE)
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
