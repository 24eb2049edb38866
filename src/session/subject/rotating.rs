//! A session goes on under another id, because it is worth more from now on: whoever knew the old one has nothing.

use serde::{Deserialize, Serialize};

use super::{SubjectSessions, row};
use crate::ports::{Random, StoreError};
use crate::session::handle::SessionDigest;
use crate::session::record::{Session, SessionTimeouts};
use crate::session::table::{Note, NoteKind, Row, SessionTable};
use crate::time::{Seconds, Timestamp};

/// How long it is remembered to which id a session moved: longer than an answer is under way.
const MOVED_FOR: Seconds = Seconds::minutes(1);
/// More moves in that time are nobody's.
const MOST_MOVES: usize = 8;

/// From which id to which.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rotation {
    /// The digest of the session as it is.
    pub from: SessionDigest,
    /// The digest of the id that it goes on under.
    pub to: SessionDigest,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Moves a live session to its new id, changed as `change` says. `None`: there is no such session. Nothing may be
    /// refreshing its tokens meanwhile: what that brings would belong to no session.
    pub(super) fn rotate(
        &self,
        rotation: &Rotation,
        now: Timestamp,
        change: impl FnOnce(&mut Session),
    ) -> Result<Option<Session>, StoreError> {
        let found = self.load(&rotation.from, now)?;
        let Some((stored, mut session)) = found.filter(|(_, session)| session.grant.is_none()) else {
            return Ok(None);
        };
        let clocks = self.clocks(rotation.clocks, &session, now);
        if session.check_clocks(clocks, now).is_err() {
            self.dismiss(&stored, now)?;
            return Ok(None);
        }
        change(&mut session);
        // Tokens that no key of ours opens are of no more use under any id.
        let tokens = match self.open(&stored) {
            Some(tokens) => self.seal(&rotation.to, &session, &tokens)?,
            None => stored.tokens.clone(),
        };
        self.hand_grants_over(&rotation.from, &rotation.to, rotation.clocks)?;
        self.table.put(&row((&rotation.to, stored.sequence), &session, tokens, clocks)?)?;
        self.table.delete(&rotation.from)?;
        self.table.put_note(&Note {
            kind: NoteKind::Ended,
            key: moved(&rotation.from),
            value: rotation.to.as_str().to_owned(),
            at: now.plus(MOVED_FOR),
        })?;
        Ok(Some(session))
    }

    /// The row of a session, also where it moved to another id a moment ago: for what ends it, and nothing else. A browser
    /// that signs out meanwhile does not know the new id yet, and is about to be told it.
    pub(super) fn find_or_moved(&self, digest: &SessionDigest, now: Timestamp) -> Result<Option<Row>, StoreError> {
        let mut digest = digest.clone();
        for _ in 0..MOST_MOVES {
            if let Some(stored) = self.table.find(&digest)? {
                return Ok(Some(stored));
            }
            let note = self.table.note(NoteKind::Ended, &moved(&digest))?;
            let Some(note) = note.filter(|note| now < note.at) else { return Ok(None) };
            digest = SessionDigest::of_tag(note.value);
        }
        Ok(None)
    }
}

fn moved(from: &SessionDigest) -> String {
    format!("moved/{from}")
}
