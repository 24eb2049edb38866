//! Taking factors away, naming them, and new recovery codes.

use crate::ports::{Random, StoreError};
use crate::session::handle::SessionDigest;
use crate::session::second::book::{RecoveryBook, TotpRecord, WrongCodes};
use crate::session::second::changes::ChangeKind;
use crate::session::second::{FactorList, SecondRefusal, SecondReply, factor_name, rules};
use crate::session::subject::SubjectSessions;
use crate::session::table::{NoteKind, SessionTable};
use crate::time::{Seconds, Timestamp};

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    pub(super) fn remove_factor(
        &self,
        session: &SessionDigest,
        id: &str,
        within: Seconds,
        now: Timestamp,
    ) -> Result<SecondReply, StoreError> {
        let Some((_, session)) = self.person_of(session, now)? else { return Ok(SecondReply::Gone) };
        let mut book = self.factor_book()?;
        let opens = |id: &str, record: &TotpRecord| self.open_totp(id, record).is_some();
        let Some(listed) = book.find(id).map(|factor| factor.listed(opens)) else {
            return Ok(SecondReply::Refused(SecondRefusal::NotThere));
        };
        let is_last = book.factors.len() == 1;
        if let Err(refusal) = rules::may_remove(&session, (id, is_last), within, now) {
            return Ok(SecondReply::Refused(refusal));
        }
        book.remove(id);
        self.put_factor_book(&book)?;
        // Nor does a recovery code count where there is nothing to be recovered.
        self.forget_proofs(|proved_by| is_last || proved_by == Some(id), now)?;
        self.note_change(ChangeKind::Removed, Some(&session), Some(&listed), now)?;
        Ok(SecondReply::Removed(Box::new(listed)))
    }

    pub(super) fn rename_factor(
        &self,
        session: &SessionDigest,
        id: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<SecondReply, StoreError> {
        let Some((_, session)) = self.person_of(session, now)? else { return Ok(SecondReply::Gone) };
        // Whoever could swap two names could have the person take away the wrong one.
        if let Err(refusal) = rules::has_proven(&session, rules::PROVEN_FOR, now) {
            return Ok(SecondReply::Refused(refusal));
        }
        let mut book = self.factor_book()?;
        let Some(factor) = book.find_mut(id) else { return Ok(SecondReply::Refused(SecondRefusal::NotThere)) };
        factor.name = factor_name(name);
        self.put_factor_book(&book)?;
        Ok(SecondReply::Renamed)
    }

    pub(super) fn new_recovery_codes(
        &self,
        session: &SessionDigest,
        within: Seconds,
        now: Timestamp,
    ) -> Result<SecondReply, StoreError> {
        let Some((_, session)) = self.person_of(session, now)? else { return Ok(SecondReply::Gone) };
        let mut book = self.factor_book()?;
        if book.is_empty() {
            return Ok(SecondReply::Refused(SecondRefusal::NotThere));
        }
        if let Err(refusal) = rules::has_proven(&session, within, now) {
            return Ok(SecondReply::Refused(refusal));
        }
        let (kept, codes) = RecoveryBook::generate(self.random, now);
        (book.recovery, book.wrong_recovery) = (kept, WrongCodes::default());
        self.put_factor_book(&book)?;
        self.note_change(ChangeKind::CodesMade, Some(&session), None, now)?;
        Ok(SecondReply::Codes(codes))
    }

    /// Also where what is there cannot be read.
    pub(super) fn reset_factors(&self, now: Timestamp) -> Result<SecondReply, StoreError> {
        let opens = |id: &str, record: &TotpRecord| self.open_totp(id, record).is_some();
        let before = self.factor_book().map_or_else(|_| FactorList::default(), |book| book.listed(opens, now));
        self.table.delete_note(NoteKind::Ended, super::BOOK)?;
        self.table.delete_note(NoteKind::Ended, super::CHALLENGES)?;
        self.forget_proofs(|_| true, now)?;
        if !before.factors.is_empty() {
            self.note_change(ChangeKind::Reset, None, None, now)?;
        }
        Ok(SecondReply::Reset(before))
    }
}
