//! Renewing an access token: begun in the store, carried out elsewhere, finished in the store.

use super::ending::TokensOf;
use super::{Step, SubjectSessions, row};
use crate::oidc::login_values::Nonce;
use crate::oidc::proof_key::ProofKey;
use crate::ports::{Random, StoreError};
use crate::secret::Secret;
use crate::session::handle::SessionDigest;
use crate::session::message::Tokens;
use crate::session::record::Session;
use crate::session::record::SessionTimeouts;
use crate::session::refresh::RefreshState;
use crate::session::table::{Row, SessionTable};
use crate::time::Timestamp;

/// What is needed to ask the provider for new tokens. The store already knows that it was begun.
#[derive(Debug)]
pub struct RefreshJob {
    /// For which session.
    pub digest: SessionDigest,
    /// Its record.
    pub session: Session,
    /// The refresh token, to be sent once.
    pub refresh_token: Secret<String>,
    /// The last ID token.
    pub id_token: Secret<String>,
    /// The `nonce` of the login.
    pub nonce: Option<Nonce>,
    /// The key that the tokens are bound to.
    pub proof_key: Option<ProofKey>,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// How it went.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// New tokens.
    Refreshed {
        /// The access token.
        access_token: Secret<String>,
        /// When it ends.
        expires_at: Timestamp,
        /// The successor of the refresh token; `None` to keep the old one.
        refresh_token: Option<Secret<String>>,
        /// A new ID token that has passed its checks.
        id_token: Option<Secret<String>>,
        /// The scopes now, where the provider says.
        scopes: Option<Vec<String>>,
    },
    /// The provider refuses for good: the session ends.
    Refused,
    /// The provider gives no more tokens for this one unless the person signs in again: the session goes on without.
    PersonWanted,
    /// The provider answers for somebody else: the session ends, and every token it had or got is
    /// to be forgotten.
    Mistrusted {
        /// The successor of the refresh token, if one came.
        successor: Option<Secret<String>>,
    },
    /// New tokens came, but the keys to check whose they are did not. They are not used; the refresh token's
    /// successor is kept, and what comes for it is checked in its turn.
    Unverified {
        /// The successor of the refresh token, if one came.
        successor: Option<Secret<String>>,
    },
    /// It failed in a way that may pass; the refresh token was not used.
    Failed,
    /// No answer came: nobody knows whether the refresh token was used.
    Unknown,
}

/// A session, and the row that it was read from.
struct StoredSession<'a> {
    row: &'a Row,
    session: Session,
}

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Marks the attempt before the refresh token leaves. `None` when there is nothing to send.
    pub(super) fn begin_refresh(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Option<RefreshJob>, StoreError> {
        let Some((stored, session)) = self.load(digest, now)? else { return Ok(None) };
        // A mark without an attempt under way: the object died in the middle of one.
        if session.refresh.started_at.is_some() {
            let lost = session.refresh.lost(now);
            self.put_state(&stored, session, lost, clocks)?;
            return Ok(None);
        }
        let tokens = self.open(&stored);
        let Some(Tokens { refresh_token: Some(refresh_token), id_token, nonce, proof_key, .. }) = tokens else {
            self.put_state(&stored, session, RefreshState::default(), clocks)?;
            return Ok(None);
        };
        let begun = session.refresh.begun(now);
        self.put_state(&stored, session.clone(), begun, clocks)?;
        Ok(Some(RefreshJob { digest: digest.clone(), session, refresh_token, id_token, nonce, proof_key, clocks }))
    }

    /// Stores the outcome before anyone gets to use it. If the session ended meanwhile it stays ended,
    /// and what came for it is revoked.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn finish_refresh(&self, job: &RefreshJob, outcome: &RefreshOutcome, now: Timestamp) -> Result<(), StoreError> {
        let Some((stored, session)) = self.load(&job.digest, now)? else {
            return match outcome {
                RefreshOutcome::Refreshed { refresh_token: successor, .. }
                | RefreshOutcome::Mistrusted { successor }
                | RefreshOutcome::Unverified { successor } => self.disown(job, successor.as_ref(), now),
                RefreshOutcome::Refused
                | RefreshOutcome::PersonWanted
                | RefreshOutcome::Failed
                | RefreshOutcome::Unknown => Ok(()),
            };
        };
        match outcome {
            RefreshOutcome::Refreshed { .. } => {
                self.store_refreshed(StoredSession { row: &stored, session }, job, outcome, now)
            }
            RefreshOutcome::Refused => self.dismiss_without_revocation(&stored, now),
            RefreshOutcome::PersonWanted => self.put_state(&stored, session, RefreshState::default(), job.clocks),
            RefreshOutcome::Mistrusted { successor } => {
                self.disown(job, successor.as_ref(), now)?;
                self.dismiss(&stored, now).map(drop)
            }
            RefreshOutcome::Unverified { successor } => {
                self.keep_successor(StoredSession { row: &stored, session }, job, successor.as_ref(), now)
            }
            RefreshOutcome::Failed => {
                let failed = session.refresh.failed(now);
                self.put_state(&stored, session, failed, job.clocks)
            }
            RefreshOutcome::Unknown => {
                let lost = session.refresh.lost(now);
                self.put_state(&stored, session, lost, job.clocks)
            }
        }
    }

    /// Notes a refresh token that came for a session that is over, or not for it, to be revoked.
    fn disown(&self, job: &RefreshJob, successor: Option<&Secret<String>>, now: Timestamp) -> Result<(), StoreError> {
        let Some(successor) = successor else { return Ok(()) };
        let key = format!("{}/late", job.digest);
        self.note_revocation(&key, TokensOf::session(&job.session), successor.clone(), now)
    }

    fn store_refreshed(
        &self,
        StoredSession { row: stored, session }: StoredSession<'_>,
        job: &RefreshJob,
        outcome: &RefreshOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let RefreshOutcome::Refreshed { access_token, expires_at, refresh_token, id_token, scopes } = outcome else {
            return Ok(());
        };
        let successor = refresh_token.as_ref().unwrap_or(&job.refresh_token);
        let tokens = Tokens {
            access_token: access_token.clone(),
            refresh_token: Some(successor.clone()),
            id_token: id_token.as_ref().unwrap_or(&job.id_token).clone(),
            nonce: job.nonce.clone(),
            proof_key: job.proof_key.clone(),
        };
        // a refresh narrows, it never widens.
        let is_kept = |scope: &String| scopes.as_ref().is_none_or(|now| now.contains(scope));
        let (scopes, lost): (Vec<String>, Vec<String>) = session.scopes.iter().cloned().partition(is_kept);
        self.narrow_rights(&lost, job.clocks)?;
        let refreshed = Session {
            scopes,
            access_token_issued_at: now,
            access_token_expires_at: Some(*expires_at),
            refresh: RefreshState::succeeded(successor == &job.refresh_token),
            ..session
        };
        let sealed = self.seal(&stored.digest, &refreshed, &tokens)?;
        self.table.put(&row(stored.place(), &refreshed, sealed, job.clocks)?)
    }

    /// A rotated refresh token was used up, so that only its successor can be tried again.
    fn keep_successor(
        &self,
        StoredSession { row: stored, session }: StoredSession<'_>,
        job: &RefreshJob,
        successor: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let reusable = successor.is_none_or(|successor| *successor == job.refresh_token);
        let session = Session { refresh: RefreshState { reusable, ..session.refresh.failed(now) }, ..session };
        let sealed = match (self.open(stored), successor) {
            (Some(tokens), Some(successor)) => {
                let tokens = Tokens { refresh_token: Some(successor.clone()), ..tokens };
                self.seal(&stored.digest, &session, &tokens)?
            }
            _ => stored.tokens.clone(),
        };
        self.table.put(&row(stored.place(), &session, sealed, job.clocks)?)
    }

    fn put_state(
        &self,
        stored: &Row,
        session: Session,
        refresh: RefreshState,
        clocks: SessionTimeouts,
    ) -> Result<(), StoreError> {
        let session = Session { refresh, ..session };
        self.table.put(&row(stored.place(), &session, stored.tokens.clone(), clocks)?)
    }

    /// The provider has just refused the refresh token: there is nothing to tell it.
    fn dismiss_without_revocation(&self, stored: &Row, now: Timestamp) -> Result<(), StoreError> {
        self.table.delete(&stored.digest)?;
        self.dismiss_what_rested_on(&stored.digest, now)
    }
}

impl Step {
    /// The answer, for commands that never need a refresh.
    #[must_use]
    pub fn into_answer(self) -> Option<crate::session::Reply> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Refresh(_) => None,
        }
    }
}
