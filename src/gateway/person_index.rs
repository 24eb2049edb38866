//! By which a provider finds what somebody has here by a name of theirs: their e-mail address, where it may name people so, or
//! their session at the provider.

use super::Platform;
use super::context::RequestContext;
use crate::oidc::email::MailAddress;
use crate::ports::StoreError;
use crate::session::{SidEntry, SidIndex, SidKey, SubjectKey};
use crate::time::Timestamp;

impl<P: Platform> RequestContext<'_, P> {
    /// Enters a session that is about to begin, for as long as it lives; by a name of its person's, also as long as what may be
    /// granted in it. False when a logout came since its login began.
    ///
    /// # Errors
    /// When the index does not answer.
    pub(super) async fn enter_session(
        &self,
        (key, names_person): (&SidKey, bool),
        subject: SubjectKey,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let grants_end_at = self.last_grant_ends_at().filter(|_| names_person);
        let entry = SidEntry::of_person(subject, since, self.request.now, grants_end_at);
        self.platform.sid_index().enter_sid(key, &entry).await
    }

    /// Enters a session that is about to begin by an address.
    ///
    /// # Errors
    /// When the index does not answer.
    pub(super) async fn enter_session_by_email(
        &self,
        named: (&str, &str),
        subject: SubjectKey,
        email: Option<MailAddress>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.enter_email(named, (subject, email), self.last_grant_ends_at(), since).await
    }

    /// Enters a grant that is about to begin by the address of its person. A grant may live when the session by which they are found does
    /// no more.
    ///
    /// # Errors
    /// When the index does not answer.
    pub(super) async fn enter_grant_by_email(
        &self,
        named: (&str, &str),
        person: (SubjectKey, Option<MailAddress>),
        ends_at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.enter_email(named, person, Some(ends_at), since).await
    }

    /// `named`: the provider, and its issuer.
    async fn enter_email(
        &self,
        (provider, issuer): (&str, &str),
        (subject, email): (SubjectKey, Option<MailAddress>),
        ends_at: Option<Timestamp>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let rules = self.site.config.provider(provider).and_then(|provider| provider.revocation);
        let Some(email) = email.filter(|_| rules.is_some_and(|rules| rules.email)) else { return Ok(true) };
        let entry = SidEntry::of_person(subject, since, self.request.now, ends_at);
        self.platform.sid_index().enter_sid(&SidKey::of_email(issuer, &email), &entry).await
    }

    /// When whatever is granted in a session that begins now is over.
    fn last_grant_ends_at(&self) -> Option<Timestamp> {
        let config = &self.site.config;
        config.agents.as_ref().map(|rules| self.request.now.plus(config.session.absolute).plus(rules.grant))
    }
}
