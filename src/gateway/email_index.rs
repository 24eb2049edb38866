//! By which a provider finds what somebody has here by their e-mail address, where it may name people so.

use super::Platform;
use super::context::RequestContext;
use crate::oidc::email::MailAddress;
use crate::ports::StoreError;
use crate::session::sid_index::{KEPT, SidEntry};
use crate::session::{SidIndex, SidKey, SubjectKey};
use crate::time::Timestamp;

impl<P: Platform> RequestContext<'_, P> {
    /// Enters a session or grant that is about to begin, for as long as any lives. False when a revocation came since then.
    ///
    /// # Errors
    /// When the index does not answer.
    pub(super) async fn enter_email(
        &self,
        (provider, issuer): (&str, &str),
        subject: SubjectKey,
        email: Option<MailAddress>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let rules = self.site.config.provider(provider).and_then(|provider| provider.revocation);
        let Some(email) = email.filter(|_| rules.is_some_and(|rules| rules.email)) else { return Ok(true) };
        let until = self.request.now.plus(KEPT);
        let entry = SidEntry { subject, login_started_at: since, until, suffices: None };
        self.platform.sid_index().enter_sid(&SidKey::of_email(issuer, &email), &entry).await
    }
}
