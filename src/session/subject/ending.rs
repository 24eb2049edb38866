//! How sessions end, and what is remembered so that nothing brings them back.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rotating::UNHEARD_FOR;
use super::{SubjectSessions, parse};
use crate::json;
use crate::keyring::KeyPurpose;
use crate::oidc::email::MailAddress;
use crate::oidc::token::TokenHint;
use crate::oidc::transaction;
use crate::ports::{Random, StoreError};
use crate::secret::{self, Secret};
use crate::session::handle::SessionDigest;
use crate::session::message::{Begin, Ended, Reply, Tokens};
use crate::session::record::Session;
use crate::session::table::{Note, NoteKind, Row, SessionTable};
use crate::time::{Seconds, Timestamp};

/// Longer than any login can take, so that none outlives the memory of the logout that ended it.
pub(super) const REMEMBERED: Seconds = Seconds::new(transaction::LIFETIME.get() + 300);

/// The note that says that the subject is blocked. It is one about an end: the release before forgets it in time, too.
const BLOCKED: &str = "blocked";

/// When a note is forgotten that is not to be forgotten: 9999-12-31.
pub(super) const NEVER: Timestamp = Timestamp::from_unix(253_402_214_400);

/// How long the provider is asked to forget a refresh token before we give up.
const REVOKE_FOR: Seconds = Seconds::hours(24);

/// A token that the provider is to forget.
#[derive(Debug)]
pub struct Revocation {
    /// Names it among the notes.
    pub key: String,
    /// The provider's id.
    pub provider: String,
    /// Its issuer: nobody else is shown the token.
    pub issuer: String,
    /// The token.
    pub token: Secret<String>,
    /// Of which kind it is.
    pub hint: TokenHint,
    attempts: u32,
    since: Timestamp,
}

impl Revocation {
    /// Of a refresh token that no session has, issued by this provider with this issuer: it is tried once.
    #[must_use]
    pub const fn once(provider: String, issuer: String, token: Secret<String>) -> Self {
        Self {
            key: String::new(),
            provider,
            issuer,
            token,
            hint: TokenHint::Refresh,
            attempts: 0,
            since: Timestamp::EPOCH,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RevokeNote {
    provider: String,
    #[serde(with = "secret::stored")]
    refresh_token: Secret<String>,
    attempts: u32,
    since: Timestamp,
    /// A note without one, of the first release, is not read: the provider's id may be another issuer's by now.
    issuer: String,
    /// Whether it is an access token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    access: bool,
}

/// Who issued tokens: the provider's id, and its issuer.
#[derive(Deserialize)]
pub(super) struct TokensOf {
    provider: String,
    issuer: String,
}

impl TokensOf {
    pub(super) fn session(session: &Session) -> Self {
        Self { provider: session.provider.clone(), issuer: session.issuer.to_string() }
    }
}

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    pub(super) fn end(&self, digest: &SessionDigest, now: Timestamp) -> Result<Reply, StoreError> {
        let Some(stored) = self.find_or_moved(digest, UNHEARD_FOR, now)? else {
            // It may be about to begin again: a login that would take its place comes too late.
            self.remember_ended(digest.as_str(), now)?;
            return Ok(Reply::Gone);
        };
        let tokens = self.open(&stored);
        let session = self.sign_out(&stored, now)?;
        self.remember_ended(digest.as_str(), now)?;
        Ok(session.map_or(Reply::Gone, |session| Reply::Ended(Box::new(Ended { session, tokens }))))
    }

    /// Ends the sessions that `is_meant` names, and those that cannot be read, which may be meant.
    pub(super) fn end_where(
        &self,
        now: Timestamp,
        is_meant: impl Fn(&Row, &Session) -> bool,
    ) -> Result<Reply, StoreError> {
        let mut count = 0;
        for stored in self.table.all()? {
            if parse(&stored).is_none_or(|session| is_meant(&stored, &session)) {
                self.remember_ended(stored.digest.as_str(), now)?;
                self.sign_out(&stored, now)?;
                count += 1;
            }
        }
        Ok(Reply::EndedMany { count })
    }

    /// Whoever proves nothing and ends nothing causes no write.
    pub(super) fn end_sid(&self, sid: &str, is_proven: bool, now: Timestamp) -> Result<Reply, StoreError> {
        let reply = self.end_where(now, |_, session| session.sid.as_deref() == Some(sid))?;
        if is_proven || matches!(reply, Reply::EndedMany { count } if count > 0) {
            self.remember_ended(&sid_key(sid), now)?;
        }
        Ok(reply)
    }

    /// A login under way of whoever has this address comes too late, as with a logout (R-366).
    pub(super) fn end_email(
        &self,
        email: &MailAddress,
        before: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Reply, StoreError> {
        let (key, until) = (email_key(email), before.unwrap_or(now));
        let known = self.table.note(NoteKind::Ended, &key)?.and_then(|note| time_of(&note));
        if known.is_none_or(|known| known < until) {
            self.remember_ended(&key, until)?;
        }
        self.end_where(now, |row, session| {
            let began_by_then = before.is_none_or(|before| row.created_at <= before);
            began_by_then && session.email().as_ref() == Some(email)
        })
    }

    /// Without `before` that is every session there is, also one begun where the clock is a little ahead of ours.
    pub(super) fn end_all(&self, before: Option<Timestamp>, now: Timestamp) -> Result<Reply, StoreError> {
        let earlier = self.table.note(NoteKind::Cutoff, "")?.and_then(|note| time_of(&note));
        let asked = before.unwrap_or(now);
        let cutoff = earlier.map_or(asked, |earlier| asked.max(earlier));
        let forget_at = now.plus(REMEMBERED);
        self.table.put_note(&Note {
            kind: NoteKind::Cutoff,
            key: String::new(),
            value: cutoff.to_string(),
            at: forget_at,
        })?;
        self.end_where(now, |row, _| before.is_none_or(|before| row.created_at <= before))
    }

    /// The note first: whatever comes between it and the end of the sessions begins none.
    pub(super) fn block(&self, until: Option<Timestamp>, now: Timestamp) -> Result<Reply, StoreError> {
        let at = until.unwrap_or(NEVER);
        let note = Note { kind: NoteKind::Ended, key: BLOCKED.to_owned(), value: now.to_string(), at };
        if self.table.note(NoteKind::Ended, BLOCKED)?.is_none_or(|before| before.at != at) {
            self.table.put_note(&note)?;
        }
        self.end_all(None, now)
    }

    pub(super) fn unblock(&self) -> Result<Reply, StoreError> {
        self.table.delete_note(NoteKind::Ended, BLOCKED)?;
        Ok(Reply::Unblocked)
    }

    pub(super) fn is_blocked(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.table.note(NoteKind::Ended, BLOCKED)?.is_some_and(|note| now < note.at))
    }

    /// Whether the session or grant of that digest ended a moment ago.
    pub(super) fn has_ended(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        Ok(self.table.note(NoteKind::Ended, digest.as_str())?.is_some())
    }

    /// Whether a logout of everything came since then.
    pub(super) fn is_cut_off(&self, since: Timestamp) -> Result<bool, StoreError> {
        let note = self.table.note(NoteKind::Cutoff, "")?;
        Ok(note.is_some_and(|note| time_of(&note).is_none_or(|ended_at| since <= ended_at)))
    }

    /// Whether a logout came between the beginning of a login and its end.
    pub(super) fn is_overtaken(&self, begin: &Begin, now: Timestamp) -> Result<bool, StoreError> {
        // The browser's session may have moved to another id since the login began.
        let replaced = begin.replaces.as_ref().map(|old| self.ids_since(old, REMEMBERED, now)).transpose()?;
        let replaced = replaced.unwrap_or_default().into_iter();
        let replaced = replaced.map(|digest| (NoteKind::Ended, digest.as_str().to_owned()));
        let sid = begin.session.sid.as_deref().map(|sid| (NoteKind::Ended, sid_key(sid)));
        let email = begin.session.email().map(|email| (NoteKind::Ended, email_key(&email)));
        for (kind, key) in replaced.chain(sid).chain(email).chain([(NoteKind::Cutoff, String::new())]) {
            let Some(note) = self.table.note(kind, &key)? else { continue };
            // A logout of which nobody can read when it was came after every login (R-084).
            if time_of(&note).is_some_and(|ended_at| ended_at < begin.login_started_at) {
                continue;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Takes a session away because somebody wants it to end. Where there is no refresh token, the access token is noted
    /// for revocation, if it is still good: an upstream may have it.
    fn sign_out(&self, stored: &Row, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let is_good = |session: &Session| session.access_token_expires_at.is_none_or(|expires_at| now < expires_at);
        let session = parse(stored).filter(is_good);
        if let (Some(session), Some(Tokens { access_token, refresh_token: None, .. })) = (session, self.open(stored)) {
            let TokensOf { provider, issuer } = TokensOf::session(&session);
            let note =
                RevokeNote { provider, issuer, refresh_token: access_token, attempts: 0, since: now, access: true };
            self.put_revocation(stored.digest.as_str(), &note, now)?;
        }
        self.dismiss(stored, now)
    }

    /// Takes a session away. Its refresh token is noted for revocation first: a crash in between leaves
    /// neither a live session nor a forgotten token. `None` if its record could not be read.
    pub(super) fn dismiss(&self, stored: &Row, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let session = parse(stored);
        if session.is_none() {
            (self.report)("session_record_unreadable", &stored.digest.public_id());
        }
        if let Some(refresh_token) = self.open(stored).and_then(|tokens| tokens.refresh_token) {
            // With tokens that an earlier release sealed, nobody knows any more whom to tell.
            let whose = session.as_ref().map(TokensOf::session).or_else(|| self.open_as(stored));
            if let Some(whose) = whose {
                self.note_revocation(stored.digest.as_str(), whose, refresh_token, now)?;
            }
        }
        self.table.delete(&stored.digest)?;
        if session.as_ref().is_some_and(|session| session.grant.as_ref().is_some_and(|grant| grant.code.is_some())) {
            // Who consents with one form a second time gets no second code.
            self.remember_ended(stored.digest.as_str(), now)?;
        }
        self.dismiss_what_rested_on(&stored.digest, now)?;
        Ok(session)
    }

    /// Notes a refresh token that the provider is to forget.
    pub(super) fn note_revocation(
        &self,
        key: &str,
        whose: TokensOf,
        refresh_token: Secret<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let TokensOf { provider, issuer } = whose;
        let note = RevokeNote { provider, refresh_token, attempts: 0, since: now, issuer, access: false };
        self.put_revocation(key, &note, now)
    }

    fn put_revocation(&self, key: &str, note: &RevokeNote, at: Timestamp) -> Result<(), StoreError> {
        let plain = Secret::new(serde_json::to_vec(note).map_err(|_| StoreError::Malformed)?);
        let sealed =
            self.keys.seal(KeyPurpose::StoredTokens, revoke_context(key).as_bytes(), plain.expose(), self.random);
        let value = sealed.map_err(|_| StoreError::Malformed)?;
        self.table.put_note(&Note { kind: NoteKind::Revoke, key: key.to_owned(), value, at })
    }

    /// The refresh tokens to be revoked now.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn revocations_due(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        let mut due = Vec::new();
        for note in self.table.notes(NoteKind::Revoke)?.into_iter().filter(|note| note.at <= now) {
            match self.open_revocation(&note) {
                Some(revocation) => due.push(revocation),
                // Its key has left the ring, or it names no issuer: there is nobody left to send it to.
                None => self.table.delete_note(NoteKind::Revoke, &note.key)?,
            }
        }
        Ok(due)
    }

    fn open_revocation(&self, note: &Note) -> Option<Revocation> {
        let plain = self.keys.open(KeyPurpose::StoredTokens, revoke_context(&note.key).as_bytes(), &note.value).ok()?;
        let note_of: RevokeNote = json::from_bytes(plain.expose()).ok()?;
        let RevokeNote { provider, refresh_token: token, attempts, since, issuer, access } = note_of;
        let hint = if access { TokenHint::Access } else { TokenHint::Refresh };
        Some(Revocation { key: note.key.clone(), provider, issuer, token, hint, attempts, since })
    }

    /// Notes how the provider answered; while it does not, it is asked again, ever more rarely, for a day.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn revocation_tried(&self, revocation: Revocation, done: bool, now: Timestamp) -> Result<(), StoreError> {
        let too_old = now >= revocation.since.plus(REVOKE_FOR);
        if done || too_old {
            return self.table.delete_note(NoteKind::Revoke, &revocation.key);
        }
        let pause = Seconds::new(30_u32.saturating_mul(1_u32.checked_shl(revocation.attempts).unwrap_or(u32::MAX)));
        let note = RevokeNote {
            provider: revocation.provider,
            refresh_token: revocation.token,
            attempts: revocation.attempts.saturating_add(1),
            since: revocation.since,
            issuer: revocation.issuer,
            access: revocation.hint == TokenHint::Access,
        };
        self.put_revocation(&revocation.key, &note, now.plus(pause.min(Seconds::hours(1))))
    }

    /// Remembers that all grants to a client have ended.
    pub(super) fn remember_ended_for(&self, client: &str, now: Timestamp) -> Result<(), StoreError> {
        self.remember_ended(&agent_key(client), now)
    }

    /// Whether all grants to a client were ended since then.
    pub(super) fn has_ended_for(&self, client: &str, since: Timestamp) -> Result<bool, StoreError> {
        let note = self.table.note(NoteKind::Ended, &agent_key(client))?;
        Ok(note.is_some_and(|note| time_of(&note).is_none_or(|ended_at| since <= ended_at)))
    }

    fn remember_ended(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let at = now.plus(REMEMBERED);
        let note = Note { kind: NoteKind::Ended, key: key.to_owned(), value: now.to_string(), at };
        // Whoever sends the same sign-out again and again causes one write a second at most.
        if self.table.note(NoteKind::Ended, key)?.as_ref() == Some(&note) {
            return Ok(());
        }
        self.table.put_note(&note)
    }

    pub(super) fn forget_old_notes(&self, now: Timestamp) -> Result<(), StoreError> {
        for kind in [NoteKind::Ended, NoteKind::Cutoff] {
            for note in self.table.notes(kind)?.into_iter().filter(|note| note.at <= now) {
                self.table.delete_note(kind, &note.key)?;
            }
        }
        Ok(())
    }
}

/// When the logout was that a note remembers; `None` if that cannot be read.
fn time_of(note: &Note) -> Option<Timestamp> {
    note.value.parse().ok().map(Timestamp::from_unix)
}

/// A note's seal opens only for this note.
fn revoke_context(key: &str) -> String {
    format!("revoke/{key}")
}

/// Says nothing of the address.
fn email_key(email: &MailAddress) -> String {
    format!("email/{}", Base64UrlUnpadded::encode_string(&Sha256::digest(email.as_str())))
}

/// A client's id may be as long as a registration.
fn agent_key(client: &str) -> String {
    format!("agent/{}", Base64UrlUnpadded::encode_string(&Sha256::digest(client)))
}

/// A provider's `sid` is whatever it likes: hashed, it has one length and no secrets.
fn sid_key(sid: &str) -> String {
    format!("sid/{}", Base64UrlUnpadded::encode_string(&Sha256::digest(sid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_to_be_revoked_is_noted_as_by_the_release_before() {
        let text = concat!(
            r#"{"provider":"corp","refresh_token":"rt","attempts":2,"since":1763787600,"#,
            r#""issuer":"https://corp.example"}"#
        );
        let note: RevokeNote = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&note).unwrap(), text);
        let access = text.replace('}', r#","access":true}"#);
        let note: RevokeNote = serde_json::from_str(&access).unwrap();
        assert_eq!(serde_json::to_string(&note).unwrap(), access);
    }
}
