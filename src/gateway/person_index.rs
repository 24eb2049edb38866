//! By which a provider finds what somebody has here by a name of theirs: their e-mail address, where it may name people so, or
//! their session at the provider.

use super::Platform;
use super::context::RequestContext;
use crate::oidc::email::MailAddress;
use crate::ports::StoreError;
use crate::session::{SidEntry, SidIndex, SidKey, SubjectKey};
use crate::time::Timestamp;

impl<P: Platform> RequestContext<'_, P> {
    /// Enters a session or grant that is about to begin, for as long as any session lives, and any grant that the key finds: the last
    /// of them ends at `grants_end_at`. False when a logout or a revocation came since then. Without a key there is nothing to enter.
    ///
    /// # Errors
    /// When the index does not answer.
    pub(super) async fn enter_person(
        &self,
        key: Option<SidKey>,
        (subject, since): (SubjectKey, Timestamp),
        grants_end_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let Some(key) = key else { return Ok(true) };
        let entry = SidEntry::of_person(subject, since, self.request.now, grants_end_at);
        self.platform.sid_index().enter_sid(&key, &entry).await
    }

    /// The key of an address, where the provider may name people so. `named`: the provider, and its issuer.
    pub(super) fn email_key(&self, (provider, issuer): (&str, &str), email: Option<MailAddress>) -> Option<SidKey> {
        let rules = self.site.config.provider(provider).and_then(|provider| provider.revocation)?;
        email.filter(|_| rules.email).map(|email| SidKey::of_email(issuer, &email))
    }

    /// When whatever is granted in a session that begins now is over.
    pub(super) fn last_grant_ends_at(&self) -> Option<Timestamp> {
        let config = &self.site.config;
        config.agents.as_ref().map(|rules| self.request.now.plus(config.session.absolute).plus(rules.grant))
    }
}
