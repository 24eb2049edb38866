//! What was changed is noted, for the person's other sessions.

use super::super::SubjectSessions;
use crate::json;
use crate::ports::{Random, StoreError};
use crate::session::record::Session;
use crate::session::second::changes::{ChangeKind, Changes, FactorChange, TOLD_FOR};
use crate::session::second::{FactorKind, ListedFactor};
use crate::session::table::{Note, NoteKind, SessionTable};
use crate::time::Timestamp;

/// The note with the changes.
const CHANGES: &str = "second/changes";

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Notes one; `by`: the session that did it, `None` where an administrator did.
    pub(super) fn note_change(
        &self,
        what: ChangeKind,
        by: Option<&Session>,
        factor: Option<&ListedFactor>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = FactorChange {
            at: now,
            what,
            kind: factor.map(|factor| factor.kind).filter(|kind| *kind != FactorKind::Unknown),
            name: factor.map(|factor| factor.name.clone()).unwrap_or_default(),
            began_at: by.map(|session| session.created_at),
            device: by.map(|session| session.origin.device.clone()).unwrap_or_default(),
        };
        let changes = self.changes()?.with(change);
        let value = serde_json::to_string(&changes).map_err(|_| StoreError::Malformed)?;
        let note = Note { kind: NoteKind::Ended, key: CHANGES.to_owned(), value, at: now.plus(TOLD_FOR) };
        self.table.put_note(&note)
    }

    /// Those there are. What cannot be read is none: it decides nothing.
    pub(super) fn changes(&self) -> Result<Changes, StoreError> {
        let note = self.table.note(NoteKind::Ended, CHANGES)?;
        Ok(note.and_then(|note| json::from_text(&note.value).ok()).unwrap_or_default())
    }
}
