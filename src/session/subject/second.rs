//! Second factors, in the object of the person whose they are. One command after the other is carried out here, without an
//! interruption: of any number of uses of one code, one alone is good, and what is counted is counted exactly.
//!
//! All of it is a note about an end that never comes: the release before keeps it, and knows nothing of it.

mod changing;
mod enrolling;
mod managing;
mod proving;

use super::ending::NEVER;
use super::{Rotation, SubjectSessions};
use crate::json;
use crate::keyring::KeyPurpose;
use crate::ports::{Random, StoreError};
use crate::secret::Secret;
use crate::session::handle::SessionDigest;
use crate::session::message::Reply;
use crate::session::record::Session;
use crate::session::second::book::{Challenges, FactorBook, TotpRecord};
use crate::session::second::{CeremonyChallenge, FactorList, SecondCommand, SecondRefusal, SecondReply, TotpSecret};
use crate::session::table::{Note, NoteKind, Row, SessionTable};
use crate::time::Timestamp;

/// The note with the factors.
const BOOK: &str = "second";
/// The note with the challenges that wait.
const CHALLENGES: &str = "second/challenges";

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    pub(super) fn second(&self, command: &SecondCommand, now: Timestamp) -> Result<Reply, StoreError> {
        let reply = match command {
            SecondCommand::Read { session } => self.read_factors(session.as_ref(), now)?,
            SecondCommand::KeepChallenge(made) => self.keep_challenge(made, now)?,
            SecondCommand::TakeChallenge(taken) => self.take_challenge(taken, now)?,
            SecondCommand::Enrol(enrol) => self.enrol(enrol, now)?,
            SecondCommand::Prove(prove) => self.prove(prove, now)?,
            SecondCommand::Remove { session, id, within } => self.remove_factor(session, id, *within, now)?,
            SecondCommand::Rename { session, id, name } => self.rename_factor(session, id, name, now)?,
            SecondCommand::NewRecoveryCodes { session, within } => self.new_recovery_codes(session, *within, now)?,
            SecondCommand::Reset => self.reset_factors(now)?,
        };
        Ok(Reply::Second(Box::new(reply)))
    }

    fn read_factors(&self, session: Option<&SessionDigest>, now: Timestamp) -> Result<SecondReply, StoreError> {
        if let Some(session) = session
            && self.person_of(session, now)?.is_none()
        {
            return Ok(SecondReply::Gone);
        }
        let opens = |id: &str, record: &TotpRecord| self.open_totp(id, record).is_some();
        let list = self.factor_book()?.listed(opens, now);
        let changes = self.changes()?.told(now);
        Ok(SecondReply::Factors(FactorList { changes: changes.all, changes_left_out: changes.left_out, ..list }))
    }

    fn keep_challenge(&self, made: &CeremonyChallenge, now: Timestamp) -> Result<SecondReply, StoreError> {
        if self.person_of(&made.session, now)?.is_none() {
            return Ok(SecondReply::Gone);
        }
        let Some(challenges) = self.challenges()?.with(made, now) else {
            return Ok(SecondReply::Refused(SecondRefusal::Malformed));
        };
        self.put_challenges(&challenges)?;
        Ok(SecondReply::Kept)
    }

    /// It is used up before anybody looks at what was made with it.
    fn take_challenge(&self, taken: &CeremonyChallenge, now: Timestamp) -> Result<SecondReply, StoreError> {
        if self.person_of(&taken.session, now)?.is_none() {
            return Ok(SecondReply::Gone);
        }
        let Some((left, user_handle)) = self.challenges()?.without(taken, now) else { return Ok(SecondReply::Gone) };
        self.put_challenges(&left)?;
        let passkeys = self.factor_book()?.passkeys().map(|(_, passkey)| passkey.clone()).collect();
        Ok(SecondReply::Taken { passkeys, user_handle })
    }

    /// A session of the person's own: no grant to an agent is one.
    fn person_of(&self, digest: &SessionDigest, now: Timestamp) -> Result<Option<(Row, Session)>, StoreError> {
        let found = self.load(digest, now)?;
        let lives = |session: &Session| !self.terms.terms(session, now).have_ended(session, now);
        Ok(found.filter(|(_, session)| session.grant.is_none() && lives(session)))
    }

    /// The same, where its id is to change.
    fn person_in(&self, rotation: &Rotation, now: Timestamp) -> Result<Option<(Row, Session)>, StoreError> {
        let found = self.person_of(&rotation.from, now)?;
        Ok(found.filter(|(_, session)| {
            let clocks = self.clocks(rotation.clocks, session, now);
            session.check_clocks(clocks, now).is_ok()
        }))
    }

    /// What there is. Where it cannot be read, nothing is answered: nobody would know whether a factor is asked for.
    pub(super) fn factor_book(&self) -> Result<FactorBook, StoreError> {
        let Some(note) = self.table.note(NoteKind::Ended, BOOK)? else { return Ok(FactorBook::default()) };
        json::from_text(&note.value).map_err(|_| StoreError::Malformed)
    }

    fn put_factor_book(&self, book: &FactorBook) -> Result<(), StoreError> {
        if book.is_empty() {
            return self.table.delete_note(NoteKind::Ended, BOOK);
        }
        let value = serde_json::to_string(book).map_err(|_| StoreError::Malformed)?;
        self.table.put_note(&Note { kind: NoteKind::Ended, key: BOOK.to_owned(), value, at: NEVER })
    }

    /// Challenges that cannot be read are none.
    fn challenges(&self) -> Result<Challenges, StoreError> {
        let note = self.table.note(NoteKind::Ended, CHALLENGES)?;
        Ok(note.and_then(|note| json::from_text(&note.value).ok()).unwrap_or_default())
    }

    fn put_challenges(&self, challenges: &Challenges) -> Result<(), StoreError> {
        let Some(at) = challenges.until() else { return self.table.delete_note(NoteKind::Ended, CHALLENGES) };
        let value = serde_json::to_string(challenges).map_err(|_| StoreError::Malformed)?;
        self.table.put_note(&Note { kind: NoteKind::Ended, key: CHALLENGES.to_owned(), value, at })
    }

    /// The secret of an app; `None` once its key has left the ring.
    fn open_totp(&self, id: &str, record: &TotpRecord) -> Option<TotpSecret> {
        let plain = self.keys.open(KeyPurpose::SecondFactor, &totp_context(id), &record.secret).ok()?;
        TotpSecret::of_bytes(plain.expose())
    }

    fn seal_totp(&self, id: &str, secret: &TotpSecret) -> Result<String, StoreError> {
        let plain = Secret::new(secret.bytes().to_vec());
        let sealed = self.keys.seal(KeyPurpose::SecondFactor, &totp_context(id), plain.expose(), self.random);
        sealed.map_err(|_| StoreError::Malformed)
    }

    /// Seals the secrets of apps under the newest key, where they are not: who never types a code would lose the app with the key that it
    /// was sealed by. What cannot be read stays as it is.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) fn renew_seals(&self) -> Result<(), StoreError> {
        let mut book = match self.factor_book() {
            Err(StoreError::Malformed) => return Ok(()),
            other => other?,
        };
        let is_old = |record: &TotpRecord| !self.keys.is_sealed_by_newest(&record.secret);
        let renewed: Vec<(String, TotpRecord)> = book
            .apps()
            .filter(|(_, record)| is_old(record))
            .filter_map(|(factor, record)| {
                let secret = self.seal_totp(&factor.id, &self.open_totp(&factor.id, record)?).ok()?;
                Some((factor.id.clone(), TotpRecord { secret, last_step: record.last_step }))
            })
            .collect();
        if renewed.is_empty() {
            return Ok(());
        }
        for (id, record) in renewed {
            if let Some(factor) = book.find_mut(&id) {
                factor.totp = Some(record);
            }
        }
        self.put_factor_book(&book)
    }

    /// What was proven by these factors counts no more, in whatever session it was.
    fn forget_proofs(&self, is_meant: impl Fn(Option<&str>) -> bool, now: Timestamp) -> Result<(), StoreError> {
        for stored in self.table.all()? {
            let Some(session) = self.read(&stored, now)? else { continue };
            if session.second.as_ref().is_some_and(|proof| is_meant(proof.factor.as_deref())) {
                let changed = Session { second: None, ..session };
                let record = serde_json::to_string(&changed).map_err(|_| StoreError::Malformed)?;
                self.table.put(&Row { record, ..stored })?;
            }
        }
        Ok(())
    }
}

/// A seal opens only for its factor.
fn totp_context(id: &str) -> Vec<u8> {
    format!("totp/{id}").into_bytes()
}
