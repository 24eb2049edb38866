//! Proving a factor that is there.

use crate::ports::{Random, StoreError};
use crate::session::message::Reply;
use crate::session::second::book::{FactorBook, RecoveryCode, TotpRecord, WrongCodes};
use crate::session::second::changes::ChangeKind;
use crate::session::second::{
    Passkey, Presented, Prove, Proven, SecondMethod, SecondProof, SecondRefusal, SecondReply, TotpCode,
};
use crate::session::subject::SubjectSessions;
use crate::session::table::SessionTable;
use crate::time::Timestamp;

/// By what a proof was good; `None`: by a recovery code.
type ProvedBy = Option<String>;

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Looks at what is presented. If it is good, that is written first; then the session is moved to its new id.
    pub(super) fn prove(&self, prove: &Prove, now: Timestamp) -> Result<SecondReply, StoreError> {
        if self.person_in(&prove.rotation, now)?.is_none() {
            return Ok(SecondReply::Gone);
        }
        let mut book = self.factor_book()?;
        let judged = match &prove.presented {
            Presented::Totp { code } => self.judge_totp(&mut book, code.expose(), now)?,
            Presented::Recovery { code } => self.judge_recovery(&mut book, code.expose(), now)?,
            Presented::Passkey { .. } => self.judge_passkey(&mut book, &prove.presented, now)?,
        };
        match judged {
            Ok(factor) => self.proven(prove, &book, factor, now),
            Err(refused) => Ok(refused),
        }
    }

    fn proven(
        &self,
        prove: &Prove,
        book: &FactorBook,
        proved_by: ProvedBy,
        now: Timestamp,
    ) -> Result<SecondReply, StoreError> {
        let factor = proved_by.as_deref().and_then(|id| book.find(id));
        let by = factor.map_or(Some(SecondMethod::Recovery), |factor| factor.method());
        let Some(by) = by else { return Ok(SecondReply::Refused(SecondRefusal::NotThere)) };
        let proof = SecondProof { at: now, by, factor: proved_by.clone() };
        let session = self.rotate(&prove.rotation, now, |session| session.second = Some(proof))?;
        let mut ended = 0;
        if by == SecondMethod::Recovery {
            self.note_change(ChangeKind::RecoveryUsed, session.as_ref(), None, now)?;
            // Whoever took the factors away may have sessions too.
            let others = self.end_where(now, |row, _| row.digest != prove.rotation.to)?;
            ended = if let Reply::EndedMany { count } = others { count } else { 0 };
        }
        let factor = factor.map(|factor| factor.listed(|_, _| true));
        Ok(SecondReply::Proven(Box::new(Proven { by, factor, recovery_left: book.recovery.left(), ended })))
    }

    /// Every app's code is compared, whichever it is.
    fn judge_totp(
        &self,
        book: &mut FactorBook,
        typed: &str,
        now: Timestamp,
    ) -> Result<Result<ProvedBy, SecondReply>, StoreError> {
        if let Some(until) = book.wrong_totp.locked_until(now) {
            return Ok(Err(SecondReply::Locked { until }));
        }
        let secrets: Vec<_> = book
            .apps()
            .filter_map(|(factor, record)| {
                Some((factor.id.clone(), self.open_totp(&factor.id, record)?, record.last_step))
            })
            .collect();
        if secrets.is_empty() {
            return Ok(Err(SecondReply::Refused(SecondRefusal::NotThere)));
        }
        // What is no code by its form is no guess.
        let Some(code) = TotpCode::read(typed) else { return Ok(Err(SecondReply::Wrong { locked_until: None })) };
        let accepted = secrets.iter().fold(None, |accepted, (id, secret, last)| {
            let step = secret.accepted(&code, *last, now);
            accepted.or(step.map(|step| (id, secret, step)))
        });
        let Some((id, secret, last_step)) = accepted else {
            book.wrong_totp = book.wrong_totp.one_more(now);
            let locked_until = book.wrong_totp.locked_until(now);
            self.put_factor_book(book)?;
            return Ok(Err(SecondReply::Wrong { locked_until }));
        };
        // Under the newest key from now on.
        let record = TotpRecord { secret: self.seal_totp(id, secret)?, last_step };
        if let Some(factor) = book.find_mut(id) {
            (factor.totp, factor.used_at) = (Some(record), Some(now));
        }
        book.wrong_totp = WrongCodes::default();
        self.put_factor_book(book)?;
        Ok(Ok(Some(id.clone())))
    }

    fn judge_recovery(
        &self,
        book: &mut FactorBook,
        typed: &str,
        now: Timestamp,
    ) -> Result<Result<ProvedBy, SecondReply>, StoreError> {
        if let Some(until) = book.wrong_recovery.locked_until(now) {
            return Ok(Err(SecondReply::Locked { until }));
        }
        if book.recovery.left() == 0 {
            return Ok(Err(SecondReply::Refused(SecondRefusal::NotThere)));
        }
        let Some(code) = RecoveryCode::read(typed) else {
            return Ok(Err(SecondReply::Wrong { locked_until: None }));
        };
        let Some(left) = book.recovery.without(&code) else {
            book.wrong_recovery = book.wrong_recovery.one_more_of_long(now);
            let locked_until = book.wrong_recovery.locked_until(now);
            self.put_factor_book(book)?;
            return Ok(Err(SecondReply::Wrong { locked_until }));
        };
        // The app that is added by it is not to wait for what somebody else guessed of the one before.
        (book.recovery, book.wrong_recovery, book.wrong_totp) = (left, WrongCodes::default(), WrongCodes::default());
        self.put_factor_book(book)?;
        Ok(Ok(None))
    }

    /// The signature was verified by whoever asks. What the passkey says besides is compared with what it said before, here,
    /// where nothing comes between looking and writing.
    fn judge_passkey(
        &self,
        book: &mut FactorBook,
        presented: &Presented,
        now: Timestamp,
    ) -> Result<Result<ProvedBy, SecondReply>, StoreError> {
        let Presented::Passkey { credential, sign_count, backup_eligible, backed_up } = presented else {
            return Ok(Err(SecondReply::Refused(SecondRefusal::Malformed)));
        };
        let found = book.passkeys().find(|(_, passkey)| passkey.id == *credential);
        let Some((id, known)) = found.map(|(factor, passkey)| (factor.id.clone(), passkey.clone())) else {
            return Ok(Err(SecondReply::Refused(SecondRefusal::NotThere)));
        };
        if known.backup_eligible != *backup_eligible || (*backed_up && !backup_eligible) {
            (self.report)("second_factor_backup_changed", &id);
            return Ok(Err(SecondReply::Refused(SecondRefusal::BackupChanged)));
        }
        let does_not_count = known.sign_count == 0 && *sign_count == 0;
        if !does_not_count && *sign_count <= known.sign_count {
            (self.report)("second_factor_count_went_back", &id);
            return Ok(Err(SecondReply::Refused(SecondRefusal::CountWentBack)));
        }
        if let Some(factor) = book.find_mut(&id) {
            factor.used_at = Some(now);
            factor.passkey = Some(Passkey { sign_count: *sign_count, backed_up: *backed_up, ..known });
        }
        self.put_factor_book(book)?;
        Ok(Ok(Some(id)))
    }
}
