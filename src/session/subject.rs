//! The rules of a subject's object, over whatever table its sessions are stored in.

mod approvals;
mod by_client;
mod device;
mod ending;
mod grants;
mod refreshing;
mod rotating;
mod second;
mod watch;

pub use ending::Revocation;
pub use refreshing::{RefreshJob, RefreshOutcome};
pub use rotating::Rotation;
pub use watch::{MAX_WATCHERS, USED, WatchRequest};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::grant::Grant;
use super::handle::SessionDigest;
use super::message::{AccessToken, Begin, BoundToken, Check, Command, Listed, ListedGrant, Live, Reply, Tokens};
use super::record::Session;
use super::record::SessionTimeouts;
use super::refresh::{Due, RefreshState};
use super::table::{Place, Row, SessionTable};
use super::terms::Terms;
use crate::json;
use crate::keyring::{KeyPurpose, KeyRing};
use crate::ports::{Random, StoreError};
use crate::secret::Secret;
use crate::time::Timestamp;

/// A subject's object at work.
pub struct SubjectSessions<'a, Table, Rng> {
    /// Its sessions.
    pub table: &'a Table,
    /// The keys tokens are sealed with.
    pub keys: &'a KeyRing,
    /// Nonces for sealing.
    pub random: &'a Rng,
    /// What the configuration says of each session.
    pub terms: &'a dyn Terms,
    /// Tells the operator, by a fixed code and a detail, what no answer tells.
    pub report: &'a dyn Fn(&'static str, &str),
}

/// What comes of a command.
#[derive(Debug)]
pub enum Step {
    /// The answer.
    Answer(Reply),
    /// First refresh the access token, then ask again.
    Refresh(Box<RefreshJob>),
}

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Carries out one command. `may_refresh` is false while a refresh for this session is under way,
    /// or has just been tried.
    ///
    /// # Errors
    /// When the storage fails or holds what cannot be read.
    pub fn handle(&self, command: &Command, now: Timestamp, may_refresh: bool) -> Result<Step, StoreError> {
        let answer = match command {
            Command::Check(check) => return self.check(check, now, may_refresh),
            Command::Begin(begin) => self.begin(begin, now),
            Command::End { digest } => self.end(digest, now),
            Command::List { clocks } => self.list(*clocks, now),
            Command::EndListed { id } => {
                self.end_where(now, |row, session| row.digest.public_id() == *id || session.listed_before.contains(id))
            }
            Command::EndOthers { keep } => self.end_where(now, |row, _| row.digest != *keep),
            Command::EndSid { sid, unproven } => self.end_sid(sid, !unproven, now),
            Command::EndEmail { email, before } => self.end_email(email, *before, now),
            Command::EndAll { before } => self.end_all(*before, now),
            Command::Block { until } => self.block(*until, now),
            Command::Unblock => self.unblock(),
            Command::BeginGrant(begin) => self.begin_grant(begin, now),
            Command::RedeemCode(redeem) => self.redeem_code(redeem, now),
            Command::RefreshGrant(refresh) => self.refresh_grant(refresh, now),
            Command::CheckGrant(check) => self.check_grant(check, now),
            Command::Exchange(exchange) => self.exchange(exchange, now),
            Command::EndGrant { digest, client } => self.end_grant(digest, client, now),
            Command::EndGrants { id, client } => self.end_where(now, |row, session| {
                let is_called = id.as_ref().is_none_or(|id| row.digest.public_id() == *id);
                let is_to = |grant: &Grant| client.as_ref().is_none_or(|client| grant.client == *client);
                is_called && session.grant.as_deref().is_some_and(is_to)
            }),
            Command::ListGrantsTo { client, clocks } => self.list_grants_to(client, *clocks, now),
            Command::EndGrantsTo { client } => self.end_grants_to(client, now),
            Command::Approval(command) => self.approval(command, now),
            Command::Second(command) => self.second(command, now),
            Command::Device(command) => self.device(command, now),
        };
        answer.map(Step::Answer)
    }

    /// Cleans up.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        for row in self.table.all()? {
            let lives = |session: Session| !self.terms.terms(&session, now).have_ended(&session, now);
            if row.expires_at <= now || !parse(&row).is_some_and(lives) {
                self.dismiss(&row, now)?;
            }
        }
        self.forget_old_notes(now)
    }

    fn begin(&self, begin: &Begin, now: Timestamp) -> Result<Reply, StoreError> {
        if self.is_blocked(now)? {
            return Ok(Reply::Blocked);
        }
        if self.is_overtaken(begin, now)? {
            return Ok(Reply::Overtaken);
        }
        let old = begin.replaces.as_ref().map(|old| self.find_or_moved(old, ending::REMEMBERED, now));
        let inherited = match old.transpose()?.flatten() {
            Some(old) => self.replace(&old, begin, now)?,
            None => None,
        };
        self.sweep(now)?;
        let keep = begin.max_sessions.saturating_sub(1) as usize;
        let newest_first = self.table.all()?;
        let is_session = |row: &&Row| parse(row).is_none_or(|session| session.grant.is_none());
        for surplus in newest_first.iter().filter(is_session).skip(keep) {
            self.dismiss(surplus, now)?;
        }
        let place = (&begin.digest, next_sequence(&newest_first, begin.session.created_at));
        let (session, tokens) = match inherited {
            Some(Inherited { refresh, tokens }) => (Session { refresh, ..begin.session.clone() }, tokens),
            None => (begin.session.clone(), begin.tokens.clone()),
        };
        let sealed = self.seal(&begin.digest, &session, &tokens)?;
        let clocks = self.clocks(begin.clocks, &session, now);
        self.table.put(&row(place, &session, sealed, clocks)?)?;
        self.renew_rights(&session, begin.clocks)?;
        self.renew_seals()?;
        Ok(Reply::Begun)
    }

    /// Ends the session whose place another one takes. A provider that gives no refresh token this time (it asked the
    /// person nothing, or gives one at the first sign-in only) meant the one that the session had to go on: it is the same
    /// person, at the same provider. It does so only where the session still counts, and where nobody has sent that token:
    /// one that rotates is never sent twice.
    fn replace(&self, old: &Row, begin: &Begin, now: Timestamp) -> Result<Option<Inherited>, StoreError> {
        let counts = |session: &Session| self.terms.terms(session, now).check(session, begin.clocks, now).is_ok();
        let may_go_on = |session: &Session| {
            let is_unsent = session.refresh.possible && session.refresh.started_at.is_none();
            counts(session) && is_unsent && session.provider == begin.session.provider
        };
        let session = parse(old);
        if session.as_ref().is_some_and(counts) {
            self.hand_grants_over(&old.digest, &begin.digest, begin.clocks)?;
        }
        // One that is bound to a key is of no use with another.
        let inherits = begin.tokens.refresh_token.is_none() && begin.tokens.proof_key.is_none();
        let session = session.filter(|session| inherits && may_go_on(session));
        let known = session.zip(self.open(old)).and_then(|(session, tokens)| {
            let refresh_token = tokens.refresh_token.filter(|_| tokens.proof_key.is_none())?;
            // A refreshed ID token repeats the `nonce` of the sign-in that the refresh token is from.
            let tokens = Tokens { refresh_token: Some(refresh_token), nonce: tokens.nonce, ..begin.tokens.clone() };
            Some(Inherited { refresh: session.refresh, tokens })
        });
        match &known {
            Some(_) => self.table.delete(&old.digest)?,
            None => drop(self.dismiss(old, now)?),
        }
        Ok(known)
    }

    fn check(&self, check: &Check, now: Timestamp, may_refresh: bool) -> Result<Step, StoreError> {
        let found = self.load(&check.digest, now)?;
        let Some((stored, session)) = found.filter(|(_, session)| session.grant.is_none()) else {
            return Ok(Step::Answer(Reply::Gone));
        };
        let counts = self.is_proven(check, &session, now);
        let check = &Check {
            clocks: self.clocks(check.clocks, &session, now),
            touch: check.touch && counts,
            access_token: check.access_token && counts,
            digest: check.digest.clone(),
            shown: None,
        };
        if session.check_clocks(check.clocks, now).is_err() {
            self.dismiss(&stored, now)?;
            return Ok(Step::Answer(Reply::Gone));
        }
        let session = self.touch(check, session, &stored, now)?;
        let due = if check.access_token { session.refresh_due(now) } else { Due::No };
        if may_refresh && matches!(due, Due::Soon | Due::Now) {
            if let Some(job) = self.begin_refresh(&check.digest, check.clocks, now)? {
                return Ok(Step::Refresh(Box::new(job)));
            }
            return self.check(check, now, false);
        }
        let usable = check.access_token && matches!(due, Due::No | Due::Soon);
        let tokens = if usable { self.open(&stored) } else { None };
        let (access_token, bound_token) = match tokens {
            Some(Tokens { access_token, proof_key: Some(proof_key), .. }) => {
                (None, Some(BoundToken { access_token, proof_key }))
            }
            Some(tokens) => (Some(AccessToken::new(tokens.access_token)), None),
            None => (None, None),
        };
        let provider_down = matches!(due, Due::Pausing | Due::Now) && session.refresh.possible;
        Ok(Step::Answer(Reply::Live(Box::new(Live { session, access_token, bound_token, provider_down }))))
    }

    /// Moves the idle clock where the request counts, and brings tokens under the newest key.
    fn touch(&self, check: &Check, session: Session, stored: &Row, now: Timestamp) -> Result<Session, StoreError> {
        let Some(touched) = session.touched(check.clocks, now).filter(|_| check.touch) else {
            return Ok(session);
        };
        let is_current = stored.tokens.split('.').next() == Some(self.keys.newest_id().as_str());
        let tokens = match self.open(stored).filter(|_| !is_current) {
            Some(tokens) => self.seal(&check.digest, &touched, &tokens)?,
            None => stored.tokens.clone(),
        };
        self.table.put(&row(stored.place(), &touched, tokens, check.clocks)?)?;
        Ok(touched)
    }

    fn list(&self, clocks: SessionTimeouts, now: Timestamp) -> Result<Reply, StoreError> {
        let mut sessions = Vec::new();
        for stored in self.table.all()? {
            let Some(session) = self.read(&stored, now)? else { continue };
            let terms = self.terms.terms(&session, now);
            let is_listed = session.grant.as_ref().is_none_or(|grant| grant.code.is_none() && grant.parent.is_none());
            if is_listed && terms.check(&session, clocks, now).is_ok() {
                sessions.push(self.listed(&stored.digest, session, clocks, now));
            }
        }
        Ok(Reply::Sessions(sessions))
    }

    fn listed(&self, digest: &SessionDigest, session: Session, clocks: SessionTimeouts, now: Timestamp) -> Listed {
        Listed {
            id: digest.public_id(),
            created_at: session.created_at,
            last_seen: session.last_seen,
            expires_at: session.expires_at(self.clocks(clocks, &session, now)),
            provider: Some(session.provider),
            device: session.origin.device,
            place: session.origin.place,
            bound_at: session.device.map(|device| device.registered_at),
            grant: session.grant.map(|grant| listed(*grant)),
        }
    }

    /// The timeouts of this session, of those in force for all.
    fn clocks(&self, all: SessionTimeouts, session: &Session, now: Timestamp) -> SessionTimeouts {
        self.terms.terms(session, now).timeouts(all)
    }

    /// The session of that digest, if there is one.
    fn load(&self, digest: &SessionDigest, now: Timestamp) -> Result<Option<(Row, Session)>, StoreError> {
        let Some(stored) = self.table.find(digest)? else { return Ok(None) };
        Ok(self.read(&stored, now)?.map(|session| (stored, session)))
    }

    /// The record. One that cannot be read is over at once: nobody can say whose it is or when it ends.
    fn read(&self, stored: &Row, now: Timestamp) -> Result<Option<Session>, StoreError> {
        match parse(stored) {
            Some(session) => Ok(Some(session)),
            None => self.dismiss(stored, now),
        }
    }

    /// The tokens; `None` once their key has left the ring.
    fn open(&self, stored: &Row) -> Option<Tokens> {
        self.open_as(stored)
    }

    fn open_as<T: DeserializeOwned>(&self, stored: &Row) -> Option<T> {
        let plain = self.keys.open(KeyPurpose::StoredTokens, stored.digest.as_str().as_bytes(), &stored.tokens).ok()?;
        json::from_bytes(plain.expose()).ok()
    }

    fn seal(&self, digest: &SessionDigest, session: &Session, tokens: &Tokens) -> Result<String, StoreError> {
        let sealed = SealedTokens { tokens, provider: &session.provider, issuer: &session.issuer };
        let plain = Secret::new(serde_json::to_vec(&sealed).map_err(|_| StoreError::Malformed)?);
        let context = digest.as_str().as_bytes();
        self.keys
            .seal(KeyPurpose::StoredTokens, context, plain.expose(), self.random)
            .map_err(|_| StoreError::Malformed)
    }
}

/// What a session has from the one whose place it takes.
struct Inherited {
    refresh: RefreshState,
    tokens: Tokens,
}

/// Tokens as they are sealed: with whose they are, so that they can be taken back without the record.
#[derive(Serialize)]
struct SealedTokens<'a> {
    #[serde(flatten)]
    tokens: &'a Tokens,
    provider: &'a str,
    issuer: &'a str,
}

/// The place in the order of whatever begins then, after these.
fn next_sequence(newest_first: &[Row], begins_at: Timestamp) -> i64 {
    let next = newest_first.first().map_or(i64::MIN, |newest| newest.sequence.saturating_add(1));
    next.max(begins_at.as_unix())
}

fn listed(grant: Grant) -> ListedGrant {
    let Grant { client, client_name, redirect_uri, resource, scopes, with_session, parent, .. } = grant;
    let (with_session, parent) = (with_session.is_some(), parent.map(|parent| parent.public_id()));
    ListedGrant { client, client_name, redirect_uri, resource, scopes, with_session, parent }
}

fn parse(stored: &Row) -> Option<Session> {
    json::from_text(&stored.record).ok()
}

fn row(place: Place<'_>, session: &Session, tokens: String, clocks: SessionTimeouts) -> Result<Row, StoreError> {
    let (digest, sequence) = place;
    Ok(Row {
        digest: digest.clone(),
        sequence,
        record: serde_json::to_string(session).map_err(|_| StoreError::Malformed)?,
        tokens,
        created_at: session.created_at,
        expires_at: session.idle_expires_at(clocks),
    })
}

#[cfg(test)]
mod tests;
