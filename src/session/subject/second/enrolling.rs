//! Adding a factor.

use crate::ports::{Random, StoreError};
use crate::session::record::Session;
use crate::session::second::book::{Factor, FactorBook, MAX_FACTORS, MAX_TOTP, RecoveryBook, TotpRecord};
use crate::session::second::changes::ChangeKind;
use crate::session::second::{
    Enrol, Enrolled, FactorKind, ListedFactor, NewFactor, Passkey, SecondProof, SecondRefusal, SecondReply, TotpCode,
    TotpSecret, factor_name, rules,
};
use crate::session::subject::SubjectSessions;
use crate::session::table::SessionTable;
use crate::time::Timestamp;

const ID_BYTES: usize = 8;
/// Of a credential id of 1023 bytes in base64url, and of a key of RSA.
const MAX_PASSKEY_BYTES: usize = 4096;
const MAX_TRANSPORTS: usize = 8;

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Adds a factor, if the session may, and moves the session to its new id. With the first come recovery codes.
    pub(super) fn enrol(&self, enrol: &Enrol, now: Timestamp) -> Result<SecondReply, StoreError> {
        let Some((_, session)) = self.person_in(&enrol.rotation, now)? else { return Ok(SecondReply::Gone) };
        let mut book = self.factor_book()?;
        let is_first = book.is_empty();
        if let Err(refusal) = rules::may_enrol(&session, is_first, enrol.enrol_within, now) {
            return Ok(SecondReply::Refused(refusal));
        }
        let replaced = self.make_room(&mut book, &session, &enrol.factor);
        if book.factors.len() >= MAX_FACTORS {
            return Ok(SecondReply::Refused(SecondRefusal::TooMany));
        }
        let factor = Factor { id: self.factor_id(), name: factor_name(&enrol.name), made_at: now, ..Factor::default() };
        let factor = match &enrol.factor {
            NewFactor::Totp { secret, code } => self.with_app(factor, &book, (secret, code.expose()), now)?,
            NewFactor::Passkey(passkey) => with_passkey(factor, &book, passkey),
        };
        let factor = match factor {
            Ok(factor) => factor,
            Err(refused) => return Ok(refused),
        };
        let Some(by) = factor.method() else { return Ok(SecondReply::Refused(SecondRefusal::Malformed)) };
        let recovery = is_first.then(|| RecoveryBook::generate(self.random, now)).map(|(kept, codes)| {
            book.recovery = kept;
            codes
        });
        book.factors.push(factor.clone());
        self.put_factor_book(&book)?;
        let proof = SecondProof { at: now, by, factor: Some(factor.id.clone()) };
        self.rotate(&enrol.rotation, now, |session| session.second = Some(proof))?;
        if let Some(replaced) = &replaced {
            self.forget_proofs(|proved_by| proved_by == Some(replaced.id.as_str()), now)?;
            self.note_change(ChangeKind::Removed, Some(&session), Some(replaced), now)?;
        }
        let factor = factor.listed(|_, _| true);
        self.note_change(ChangeKind::Added, Some(&session), Some(&factor), now)?;
        Ok(SecondReply::Enrolled(Box::new(Enrolled { factor, recovery, replaced })))
    }

    /// Whoever has used a recovery code may have lost any of the factors that are there: the oldest does not keep them from a new
    /// one. It goes with the new one alone.
    fn make_room(&self, book: &mut FactorBook, session: &Session, new: &NewFactor) -> Option<ListedFactor> {
        session.second.as_ref().filter(|proof| !proof.by.is_a_factor())?;
        let kind = if matches!(new, NewFactor::Totp { .. }) { FactorKind::Totp } else { FactorKind::Passkey };
        let replaced = book.in_the_way(kind)?.listed(|id, record| self.open_totp(id, record).is_some());
        book.remove(&replaced.id);
        Some(replaced)
    }

    /// The code shows that the app has the secret, and counts as used.
    fn with_app(
        &self,
        factor: Factor,
        book: &FactorBook,
        (secret, typed): (&TotpSecret, &str),
        now: Timestamp,
    ) -> Result<Result<Factor, SecondReply>, StoreError> {
        if book.apps().count() >= MAX_TOTP {
            return Ok(Err(SecondReply::Refused(SecondRefusal::TooMany)));
        }
        let Some(last_step) = TotpCode::read(typed).and_then(|code| secret.accepted(&code, 0, now)) else {
            // Nothing is counted: whoever asks has the secret before their eyes.
            return Ok(Err(SecondReply::Wrong { locked_until: None }));
        };
        let secret = self.seal_totp(&factor.id, secret)?;
        Ok(Ok(Factor { totp: Some(TotpRecord { secret, last_step }), ..factor }))
    }

    fn factor_id(&self) -> String {
        let mut bytes = [0_u8; ID_BYTES];
        self.random.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn with_passkey(factor: Factor, book: &FactorBook, passkey: &Passkey) -> Result<Factor, SecondReply> {
    let Passkey { id, jwk, user_handle, transports, aaguid, .. } = passkey;
    let texts = [id, jwk, user_handle, aaguid].into_iter().chain(transports);
    let fits = texts.map(String::len).sum::<usize>() <= MAX_PASSKEY_BYTES && transports.len() <= MAX_TRANSPORTS;
    if !fits || id.is_empty() || jwk.is_empty() {
        return Err(SecondReply::Refused(SecondRefusal::Malformed));
    }
    if passkey.backed_up && !passkey.backup_eligible {
        return Err(SecondReply::Refused(SecondRefusal::BackupChanged));
    }
    if book.passkeys().any(|(_, known)| known.id == *id) {
        return Err(SecondReply::Refused(SecondRefusal::AlreadyThere));
    }
    Ok(Factor { passkey: Some(passkey.clone()), ..factor })
}
