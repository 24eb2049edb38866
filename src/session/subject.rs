//! The rules of a subject's object, over whatever table its sessions are stored in.

use super::handle::SessionDigest;
use super::message::{AccessToken, Answer, Begin, Check, Clocks, Command, Ended, Live, Tokens};
use super::record::Session;
use crate::keyring::{KeyRing, Purpose};
use crate::ports::{Random, StoreError};
use crate::time::Timestamp;

/// One stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub digest: SessionDigest,
    /// The record, as JSON.
    pub record: String,
    /// The tokens, sealed.
    pub tokens: String,
    /// When it began: the order in which sessions make room.
    pub created_at: i64,
    /// When it certainly is over, for the cleaning alarm.
    pub expires_at: i64,
}

/// Where a subject's sessions are stored. One object has one table, and calls run one after the
/// other: no call is interrupted between two of its own reads and writes.
pub trait SessionTable {
    /// The row of a session.
    ///
    /// # Errors
    /// When the storage fails; so for all below.
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError>;
    /// Stores a row, in place of one with the same key.
    ///
    /// # Errors
    /// When the storage fails.
    fn put(&self, row: &Row) -> Result<(), StoreError>;
    /// Deletes a row if it is there.
    ///
    /// # Errors
    /// When the storage fails.
    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError>;
    /// Deletes rows whose `expires_at` is not after `now`.
    ///
    /// # Errors
    /// When the storage fails.
    fn delete_expired(&self, now: Timestamp) -> Result<(), StoreError>;
    /// Deletes the oldest rows until `keep` are left.
    ///
    /// # Errors
    /// When the storage fails.
    fn keep_newest(&self, keep: u32) -> Result<(), StoreError>;
    /// The earliest `expires_at` there is.
    ///
    /// # Errors
    /// When the storage fails.
    fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError>;
}

/// A subject's object at work.
pub struct Subject<'a, Table, Rng> {
    /// Its sessions.
    pub table: &'a Table,
    /// The keys tokens are sealed with.
    pub keys: &'a KeyRing,
    /// Nonces for sealing.
    pub random: &'a Rng,
}

impl<Table: SessionTable, Rng: Random> Subject<'_, Table, Rng> {
    /// Carries out one command.
    ///
    /// # Errors
    /// When the storage fails or holds what cannot be read.
    pub fn handle(&self, command: &Command, now: Timestamp) -> Result<Answer, StoreError> {
        match command {
            Command::Begin(begin) => self.begin(begin, now),
            Command::Check(check) => self.check(check, now),
            Command::End { digest } => self.end(digest),
        }
    }

    /// Cleans up; returns when to do so again.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn sweep(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.table.delete_expired(now)?;
        self.next_expiry()
    }

    /// When there is something to clean up.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        self.table.next_expiry()
    }

    fn begin(&self, begin: &Begin, now: Timestamp) -> Result<Answer, StoreError> {
        if let Some(old) = &begin.replaces {
            self.table.delete(old)?;
        }
        self.table.delete_expired(now)?;
        self.table.keep_newest(begin.max_sessions.saturating_sub(1))?;
        let tokens = serde_json::to_vec(&begin.tokens).map_err(|_| StoreError::Malformed)?;
        let sealed = self
            .keys
            .seal(Purpose::StoredTokens, begin.digest.as_str().as_bytes(), &tokens, self.random)
            .map_err(|_| StoreError::Malformed)?;
        self.table.put(&row(&begin.digest, &begin.session, sealed, begin.clocks)?)?;
        Ok(Answer::Begun)
    }

    fn check(&self, check: &Check, now: Timestamp) -> Result<Answer, StoreError> {
        let Some(stored) = self.table.find(&check.digest)? else {
            return Ok(Answer::Gone);
        };
        let session = read(&stored)?;
        if session.check_clocks(check.clocks, now).is_err() {
            self.table.delete(&check.digest)?;
            return Ok(Answer::Gone);
        }
        let session = match session.touched(check.clocks, now).filter(|_| check.touch) {
            Some(touched) => {
                self.table.put(&row(&check.digest, &touched, stored.tokens.clone(), check.clocks)?)?;
                touched
            }
            None => session,
        };
        let access_token = if check.access_token { self.access_token(&session, &stored, now) } else { None };
        Ok(Answer::Live(Box::new(Live { session, access_token })))
    }

    fn end(&self, digest: &SessionDigest) -> Result<Answer, StoreError> {
        let Some(stored) = self.table.find(digest)? else {
            return Ok(Answer::Gone);
        };
        self.table.delete(digest)?;
        Ok(Answer::Ended(Box::new(Ended { session: read(&stored)?, tokens: self.open(&stored) })))
    }

    fn access_token(&self, session: &Session, stored: &Row, now: Timestamp) -> Option<AccessToken> {
        let expired = session.access_token_expires_at.is_some_and(|end| now >= Timestamp::from_unix(end));
        if expired {
            return None;
        }
        self.open(stored).map(|tokens| AccessToken::new(tokens.access_token))
    }

    /// The tokens; `None` once their key has left the ring.
    fn open(&self, stored: &Row) -> Option<Tokens> {
        let plain = self.keys.open(Purpose::StoredTokens, stored.digest.as_str().as_bytes(), &stored.tokens).ok()?;
        serde_json::from_slice(plain.expose()).ok()
    }
}

fn read(stored: &Row) -> Result<Session, StoreError> {
    serde_json::from_str(&stored.record).map_err(|_| StoreError::Malformed)
}

fn row(digest: &SessionDigest, session: &Session, tokens: String, clocks: Clocks) -> Result<Row, StoreError> {
    Ok(Row {
        digest: digest.clone(),
        record: serde_json::to_string(session).map_err(|_| StoreError::Malformed)?,
        tokens,
        created_at: session.created_at,
        expires_at: session.idle_expires_at(clocks).as_unix(),
    })
}

#[cfg(test)]
#[path = "subject/tests.rs"]
mod tests;
