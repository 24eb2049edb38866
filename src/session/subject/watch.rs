//! Watching a session: who depends on it wants to be told when it ends, not to ask again and again.

use serde::{Deserialize, Serialize};

use super::{SubjectSessions, row};
use crate::ports::{Random, StoreError};
use crate::session::handle::SessionDigest;
use crate::session::record::SessionTimeouts;
use crate::session::table::SessionTable;
use crate::time::Timestamp;

/// What a subject's object is asked to watch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WatchRequest {
    /// Which session.
    pub digest: SessionDigest,
}

/// The message by which a watcher says that the session was used.
pub const USED: &str = "used";

/// The most that may watch at once, all sessions of a subject together: a browser has some hundred connections at most.
pub const MAX_WATCHERS: usize = 1000;

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Whether there is a session to watch. Sees to it that the alarm rings in time for the clocks in force, also
    /// where they were shortened since the session was stored.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn may_be_watched(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some((stored, session)) = self.load(digest, now)? else { return Ok(false) };
        if session.grant.is_some() {
            return self.grant_lives(digest, clocks, now);
        }
        let terms = self.terms.terms(&session, now);
        if terms.check(&session, clocks, now).is_err() {
            return Ok(false);
        }
        let clocks = terms.timeouts(clocks);
        if session.idle_expires_at(clocks) < stored.expires_at {
            self.table.put(&row(stored.place(), &session, stored.tokens.clone(), clocks)?)?;
        }
        Ok(true)
    }

    /// Whether a session is there.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn has(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        Ok(self.table.find(digest)?.is_some())
    }
}
