//! By which administration finds who granted something to a client.

use super::Platform;
use super::context::RequestContext;
use crate::ports::StoreError;
use crate::session::sid_index::SPARE;
use crate::session::{SidEntry, SidIndex, SidKey, SubjectKey};
use crate::time::Timestamp;

impl<P: Platform> RequestContext<'_, P> {
    /// Enters a grant that is about to begin, for as long as it can live. An entry that lasts so long is left as it is: the
    /// grants of a day are one row written. False when all that was granted to the client ended since then.
    ///
    /// # Errors
    /// When the index does not answer.
    pub(super) async fn enter_agent(
        &self,
        client: &str,
        subject: SubjectKey,
        ends_at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = ends_at.plus(SPARE);
        let entry = SidEntry { subject, login_started_at: since, until, suffices: Some(ends_at) };
        self.platform.sid_index().enter_sid(&SidKey::of_agent(client), &entry).await
    }
}
