//! A session goes on under another id, because it is worth more from now on: whoever knew the old one has nothing.

use serde::{Deserialize, Serialize};

use super::ending::REMEMBERED;
use super::{SubjectSessions, row};
use crate::ports::{Random, StoreError};
use crate::session::handle::SessionDigest;
use crate::session::record::{Session, SessionTimeouts};
use crate::session::table::{Note, NoteKind, Row, SessionTable};
use crate::time::{Seconds, Timestamp};

/// For so long a browser may not have heard to which id its session moved: longer than an answer is under way.
pub(super) const UNHEARD_FOR: Seconds = Seconds::minutes(1);
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
        session.listed_before.push(rotation.from.public_id());
        let surplus = session.listed_before.len().saturating_sub(MOST_MOVES);
        session.listed_before.drain(..surplus);
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
            at: now.plus(REMEMBERED),
        })?;
        Ok(Some(session))
    }

    /// The row of a session, also where it moved to another id within that time: for what ends it, or takes its place.
    pub(super) fn find_or_moved(
        &self,
        digest: &SessionDigest,
        within: Seconds,
        now: Timestamp,
    ) -> Result<Option<Row>, StoreError> {
        for digest in self.ids_since(digest, within, now)? {
            if let Some(stored) = self.table.find(&digest)? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// This id of a session, and those to which it moved from it within that time.
    pub(super) fn ids_since(
        &self,
        digest: &SessionDigest,
        within: Seconds,
        now: Timestamp,
    ) -> Result<Vec<SessionDigest>, StoreError> {
        let mut ids = vec![digest.clone()];
        while let Some(last) = ids.last().filter(|_| ids.len() <= MOST_MOVES) {
            let note = self.table.note(NoteKind::Ended, &moved(last))?;
            let Some(note) = note.filter(|note| now < note.at.minus(REMEMBERED).plus(within)) else { break };
            ids.push(SessionDigest::of_tag(note.value));
        }
        Ok(ids)
    }
}

fn moved(from: &SessionDigest) -> String {
    format!("moved/{from}")
}
