//! What a refresh says of an owner of API keys.

use serde_json::{Map, Value};

use crate::api_key::{HolderKey, KeyCommand, KeyReply, OwnerStanding, ask};
use crate::config::Provider;
use crate::gateway::{Gateway, Platform};
use crate::oidc::session_claims::SessionClaims;
use crate::ports::{Clock, StoreError};
use crate::refusal::Reason;
use crate::session::RefreshJob;

impl Gateway {
    /// Tells a person's keys what a refreshed ID token says of them, where it says anything of roles. Many say nothing: then
    /// what their last sign-in said stays.
    ///
    /// # Errors
    /// When the keys cannot be told: then the new tokens are not used, for keys would be stronger than their owner.
    pub(super) async fn tell_keys_of_refresh<P: Platform>(
        &self,
        platform: &P,
        (job, provider): (&RefreshJob, &Provider),
        claims: &Map<String, Value>,
    ) -> Result<(), Reason> {
        let has_keys = self.config.api_keys.as_ref().is_some_and(|rules| rules.self_service.is_some());
        if !has_keys || !provider.roles.iter().any(|path| path.find(claims).is_some()) {
            return Ok(());
        }
        let SessionClaims { roles, permissions, tenant, .. } = SessionClaims::of(claims.clone(), provider, &[]);
        let standing = OwnerStanding { roles, permissions, tenant, at: platform.clock().now() };
        let of = HolderKey::of_person(&job.session.issuer, &job.session.subject);
        let command = KeyCommand::Update { of, standing };
        let answer = ask(platform.api_keys(), &command).await;
        command.weakens().into_iter().for_each(|weakened| self.keys.forget(weakened));
        match answer.map_err(Reason::Store)? {
            KeyReply::Done { .. } => Ok(()),
            _ => Err(Reason::Store(StoreError::Malformed)),
        }
    }
}
