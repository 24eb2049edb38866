//! Grants to agents: how they begin, are used, become narrower ones, and end with what they rest on.

use super::{SubjectSessions, next_sequence, parse, row};
use crate::ordered;
use crate::ports::{Random, StoreError};
use crate::secret::constant_time_eq;
use crate::session::grant::{
    CODE_LIFE, Grant, GrantRefusal, MAX_EXCHANGED, PendingCode, ROTATION_GRACE, SEEN_GRANULARITY,
};
use crate::session::handle::SessionDigest;
use crate::session::message::{BeginGrant, CheckGrant, Exchange, Granted, RedeemCode, RefreshGrant, Reply};
use crate::session::record::{Session, SessionTimeouts};
use crate::session::refresh::RefreshState;
use crate::session::table::{Row, SessionTable};
use crate::time::Timestamp;

/// A grant that lives, and the row that it was read from.
pub(super) struct StoredGrant {
    row: Row,
    pub(super) session: Session,
    pub(super) grant: Grant,
}

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// Stores a grant as of now, with what the person is and may by the session in which they consent.
    pub(super) fn begin_grant(&self, begin: &BeginGrant, now: Timestamp) -> Result<Reply, StoreError> {
        if self.is_blocked(now)? {
            return Ok(Reply::Blocked);
        }
        if self.table.find(&begin.digest)?.is_some() || self.has_ended(&begin.digest)? {
            return Ok(Reply::Refused(GrantRefusal::Repeated));
        }
        if self.is_cut_off(begin.asked_at)? {
            return Ok(Reply::Gone);
        }
        let grant = begin.session.grant.as_deref().ok_or(StoreError::Malformed)?;
        if self.has_ended_for(&grant.client, begin.asked_at)? {
            return Ok(Reply::Gone);
        }
        let person = match &begin.begun_by {
            Some(digest) => self.live_session(digest, begin.clocks, now)?,
            None => Some(begin.session.clone()),
        };
        let Some(person) = person else { return Ok(Reply::Gone) };
        self.sweep(now)?;
        self.make_room_for_grant(begin.max_grants, now)?;
        let code = grant
            .code
            .as_ref()
            .map(|code| PendingCode { expires_at: code.expires_at.min(now.plus(CODE_LIFE)), ..code.clone() });
        let grant = Grant {
            code,
            generation: 0,
            rotated_at: now,
            with_session: grant.with_session.as_ref().and(begin.begun_by.clone()),
            parent: None,
            seen_at: Some(now),
            ..grant.clone()
        };
        self.put_new(&begin.digest, of_person(&person, grant, now), begin.clocks)?;
        Ok(Reply::Begun)
    }

    /// Gives the grant to whoever has the code and all that it is bound to. A second use ends the grant.
    pub(super) fn redeem_code(&self, redeem: &RedeemCode, now: Timestamp) -> Result<Reply, StoreError> {
        let Some(stored) = self.load_grant(&redeem.digest, redeem.clocks, now)? else { return Ok(Reply::Gone) };
        let Some(code) = &stored.grant.code else {
            return self.end_reused(&stored, GrantRefusal::CodeReused, now);
        };
        if let Some(refusal) = mismatch(&stored.grant, code, redeem) {
            return Ok(Reply::Refused(refusal));
        }
        let grant =
            Grant { code: None, generation: 1, rotated_at: now, jkt: redeem.jkt.clone(), ..stored.grant.clone() };
        self.hand_out(stored, grant, redeem.clocks, now)
    }

    /// Makes the next refresh token the good one. The one before gets the same successor for a moment, for its answer may have
    /// been lost; later, somebody else has it, and the grant ends.
    pub(super) fn refresh_grant(&self, refresh: &RefreshGrant, now: Timestamp) -> Result<Reply, StoreError> {
        let Some(stored) = self.load_grant(&refresh.digest, refresh.clocks, now)? else { return Ok(Reply::Gone) };
        let grant = &stored.grant;
        if grant.code.is_some() || refresh.generation == 0 || refresh.generation > grant.generation {
            return Ok(Reply::Gone);
        }
        let is_other = |said: &Option<String>, known: &str| said.as_deref().is_some_and(|said| said != known);
        let is_other_key = grant.jkt.is_some() && grant.jkt != refresh.jkt;
        let wants_more = |scopes: &Vec<String>| scopes.iter().any(|scope| !grant.scopes.contains(scope));
        if refresh.client != grant.client {
            return Ok(Reply::Refused(GrantRefusal::OtherClient));
        }
        if is_other_key {
            return Ok(Reply::Refused(GrantRefusal::OtherKey));
        }
        let is_latest = refresh.generation == grant.generation;
        let is_repeated =
            refresh.generation.checked_add(1) == Some(grant.generation) && now < grant.rotated_at.plus(ROTATION_GRACE);
        if !is_latest && !is_repeated {
            return self.end_reused(&stored, GrantRefusal::RefreshReused, now);
        }
        if is_other(&refresh.resource, &grant.resource) {
            return Ok(Reply::Refused(GrantRefusal::OtherResource));
        }
        if refresh.scopes.as_ref().is_some_and(wants_more) {
            return Ok(Reply::Refused(GrantRefusal::TooMuch));
        }
        // Nothing is used up: what is refused now is good again once the person signs in.
        if refresh.seen_within.is_some_and(|within| grant.is_unseen_for(within, now)) {
            return Ok(Reply::Refused(GrantRefusal::OwnerNotSeen));
        }
        if is_repeated {
            return Ok(granted(stored.session, true));
        }
        let jkt = grant.jkt.clone().or_else(|| refresh.jkt.clone());
        let grant = Grant { generation: grant.generation.saturating_add(1), rotated_at: now, jkt, ..grant.clone() };
        self.hand_out(stored, grant, refresh.clocks, now)
    }

    pub(super) fn check_grant(&self, check: &CheckGrant, now: Timestamp) -> Result<Reply, StoreError> {
        let stored = self.load_grant(&check.digest, check.clocks, now)?;
        let Some(StoredGrant { row: stored, session, grant }) = stored.filter(|stored| stored.grant.is_usable()) else {
            return Ok(Reply::Gone);
        };
        let uses_left = grant.uses_left.filter(|_| check.spend).map(|left| left.saturating_sub(1));
        let spent = uses_left.map(|left| Session {
            last_seen: now,
            grant: Some(Box::new(Grant { uses_left: Some(left), ..grant })),
            ..session.clone()
        });
        let changed = spent.or_else(|| session.touched(check.clocks, now));
        if let Some(changed) = &changed {
            self.table.put(&row(stored.place(), changed, stored.tokens.clone(), check.clocks)?)?;
        }
        Ok(Reply::LiveGrant(Box::new(changed.unwrap_or(session))))
    }

    /// Stores a grant that can do nothing that the one it is exchanged for could not, and that ends with it.
    /// Uses that are counted cannot be multiplied so.
    pub(super) fn exchange(&self, exchange: &Exchange, now: Timestamp) -> Result<Reply, StoreError> {
        let stored = self.load_grant(&exchange.parent, exchange.clocks, now)?;
        let Some(parent) = stored.filter(|stored| stored.grant.is_usable()) else { return Ok(Reply::Gone) };
        if self.table.find(&exchange.digest)?.is_some() {
            return Ok(Reply::Refused(GrantRefusal::Repeated));
        }
        if let Some(asked_at) = exchange.asked_at
            && self.has_ended_for(&exchange.grant.client, asked_at)?
        {
            return Ok(Reply::Gone);
        }
        let grant = Grant {
            expires_at: exchange.grant.expires_at.min(parent.grant.expires_at),
            code: None,
            generation: 0,
            rotated_at: now,
            with_session: parent.grant.with_session.clone(),
            parent: Some(exchange.parent.clone()),
            seen_at: parent.grant.seen_at,
            ..exchange.grant.clone()
        };
        if parent.grant.uses_left.is_some() || !parent.grant.covers(&grant) {
            return Ok(Reply::Refused(GrantRefusal::TooMuch));
        }
        self.sweep(now)?;
        if family_size(&self.grants()?, &exchange.parent) > MAX_EXCHANGED {
            return Ok(Reply::Refused(GrantRefusal::TooMany));
        }
        let session = of_person(&parent.session, grant, now);
        self.put_new(&exchange.digest, session.clone(), exchange.clocks)?;
        Ok(granted(session, false))
    }

    /// Ends a grant, where it belongs to this client.
    pub(super) fn end_grant(&self, digest: &SessionDigest, client: &str, now: Timestamp) -> Result<Reply, StoreError> {
        let Some((_, session)) = self.load(digest, now)? else { return Ok(Reply::Gone) };
        if session.grant.is_none_or(|grant| grant.client != client) {
            return Ok(Reply::Gone);
        }
        self.end_where(now, |row, _| row.digest == *digest)
    }

    /// Whether a grant lives, and what it rests on.
    pub(super) fn grant_lives(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.load_grant(digest, clocks, now)?.is_some())
    }

    /// Takes away what ends with a session or grant that was just deleted.
    pub(super) fn dismiss_what_rested_on(&self, digest: &SessionDigest, now: Timestamp) -> Result<(), StoreError> {
        for stored in self.table.all()?.iter().filter(|row| row.record.contains(digest.as_str())) {
            let grant = parse(stored).and_then(|session| session.grant);
            if grant.is_some_and(|grant| grant.ends_with(digest)) {
                self.dismiss(stored, now)?;
            }
        }
        Ok(())
    }

    /// A browser's new session takes the place of its old one, also for the grants that end with it.
    pub(super) fn hand_grants_over(
        &self,
        old: &SessionDigest,
        new: &SessionDigest,
        clocks: SessionTimeouts,
    ) -> Result<(), StoreError> {
        for (stored, session, grant) in self.grants()? {
            if grant.with_session.as_ref() == Some(old) {
                let grant = Grant { with_session: Some(new.clone()), ..grant };
                let session = Session { grant: Some(Box::new(grant)), ..session };
                self.table.put(&row(stored.place(), &session, stored.tokens.clone(), clocks)?)?;
            }
        }
        Ok(())
    }

    /// What the person is and may, as their provider has just said, holds for what they granted too.
    pub(super) fn renew_rights(&self, person: &Session, clocks: SessionTimeouts) -> Result<(), StoreError> {
        for (stored, session, grant) in self.grants()? {
            // Not each sign-in is worth a row written.
            let is_close = |seen_at: &Timestamp| person.created_at.since(*seen_at) < SEEN_GRANULARITY;
            let seen_at = grant.seen_at.filter(is_close).or(Some(person.created_at));
            let grant = Grant { seen_at, ..grant };
            let renewed = Session { grant: Some(Box::new(grant)), ..with_rights_of(person, session.clone()) };
            if renewed != session {
                self.table.put(&row(stored.place(), &renewed, stored.tokens.clone(), clocks)?)?;
            }
        }
        Ok(())
    }

    /// What the provider took from the person since they signed in, they lose for what they granted too.
    pub(super) fn narrow_rights(&self, lost: &[String], clocks: SessionTimeouts) -> Result<(), StoreError> {
        if lost.is_empty() {
            return Ok(());
        }
        for (stored, mut session, _) in self.grants()? {
            session.scopes.retain(|scope| !lost.contains(scope));
            self.table.put(&row(stored.place(), &session, stored.tokens.clone(), clocks)?)?;
        }
        Ok(())
    }

    /// The grant of that digest, if it lives, and so does all that it rests on. One that does not is over for good.
    pub(super) fn load_grant(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Option<StoredGrant>, StoreError> {
        let Some((row, session)) = self.load(digest, now)? else { return Ok(None) };
        let Some(grant) = session.grant.as_deref().cloned() else { return Ok(None) };
        let counts = self.terms.terms(&session, now).check(&session, clocks, now).is_ok();
        let session_lives = match &grant.with_session {
            Some(digest) => self.live_session(digest, clocks, now)?.is_some(),
            None => true,
        };
        // Each grant was exchanged for one that was there before it, so that this comes to an end.
        let parent_lives = match &grant.parent {
            Some(parent) => self.grant_lives(parent, clocks, now)?,
            None => true,
        };
        if counts && session_lives && parent_lives {
            return Ok(Some(StoredGrant { row, session, grant }));
        }
        self.dismiss(&row, now)?;
        Ok(None)
    }

    /// The person's session of that digest, if it counts.
    fn live_session(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let session = self.load(digest, now)?.map(|(_, session)| session);
        let counts = |session: &Session| {
            session.grant.is_none() && self.terms.terms(session, now).check(session, clocks, now).is_ok()
        };
        Ok(session.filter(counts))
    }

    fn hand_out(
        &self,
        StoredGrant { row: stored, session, .. }: StoredGrant,
        grant: Grant,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Reply, StoreError> {
        let session = Session { last_seen: now, grant: Some(Box::new(grant)), ..session };
        self.table.put(&row(stored.place(), &session, stored.tokens.clone(), clocks)?)?;
        Ok(granted(session, false))
    }

    fn end_reused(&self, stored: &StoredGrant, refusal: GrantRefusal, now: Timestamp) -> Result<Reply, StoreError> {
        let StoredGrant { row, grant, .. } = stored;
        (self.report)(refusal.code(), &format!("{} {}", row.digest.public_id(), grant.client));
        self.end_where(now, |other, _| other.digest == row.digest)?;
        Ok(Reply::Refused(refusal))
    }

    /// Ends the grants that were used the longest time ago, so that there is room for one more.
    fn make_room_for_grant(&self, max_grants: u32, now: Timestamp) -> Result<(), StoreError> {
        let given: Vec<_> = self.grants()?.into_iter().filter(|(_, _, grant)| grant.parent.is_none()).collect();
        let surplus = given.len().saturating_sub(max_grants.saturating_sub(1) as usize);
        let oldest_first = ordered::by_key(given, |(row, session, _)| (session.last_seen, row.sequence));
        for (row, ..) in oldest_first.iter().take(surplus) {
            self.dismiss(row, now)?;
        }
        Ok(())
    }

    fn put_new(&self, digest: &SessionDigest, session: Session, clocks: SessionTimeouts) -> Result<(), StoreError> {
        let sequence = next_sequence(&self.table.all()?, session.created_at);
        self.table.put(&row((digest, sequence), &session, String::new(), clocks)?)
    }

    /// The newest first.
    pub(super) fn grants(&self) -> Result<Vec<(Row, Session, Grant)>, StoreError> {
        let read = |stored: Row| {
            let session = parse(&stored)?;
            let grant = session.grant.as_deref()?.clone();
            Some((stored, session, grant))
        };
        Ok(self.table.all()?.into_iter().filter_map(read).collect())
    }
}

/// The grant that a person or a provider gave, of which this one is part, however often it was exchanged.
pub(super) fn root_of<'a>(grants: &'a [(Row, Session, Grant)], digest: &'a SessionDigest) -> &'a SessionDigest {
    // Of two grants, the newer one was exchanged for the older one: one look at each will do.
    grants.iter().fold(
        digest,
        |root, (row, _, grant)| {
            if row.digest == *root { grant.parent.as_ref().unwrap_or(root) } else { root }
        },
    )
}

/// How many grants there are of the family that this one is of, with the one that all of them come from.
fn family_size(grants: &[(Row, Session, Grant)], digest: &SessionDigest) -> usize {
    let mut family = vec![root_of(grants, digest)];
    for (row, _, grant) in grants.iter().rev() {
        if grant.parent.as_ref().is_some_and(|parent| family.contains(&parent)) {
            family.push(&row.digest);
        }
    }
    family.len()
}

/// What of a code's bindings the token request does not meet.
fn mismatch(grant: &Grant, code: &PendingCode, redeem: &RedeemCode) -> Option<GrantRefusal> {
    if redeem.client != grant.client {
        return Some(GrantRefusal::OtherClient);
    }
    if redeem.redirect_uri != code.redirect_uri {
        return Some(GrantRefusal::OtherRedirectUri);
    }
    if !constant_time_eq(redeem.challenge.as_bytes(), code.challenge.as_bytes()) {
        return Some(GrantRefusal::OtherVerifier);
    }
    if redeem.resource.as_ref().is_some_and(|resource| *resource != grant.resource) {
        return Some(GrantRefusal::OtherResource);
    }
    (grant.jkt.is_some() && grant.jkt != redeem.jkt).then_some(GrantRefusal::OtherKey)
}

/// A grant's record: of the person's own sign-in it has nothing that would count as theirs. What they may bounds what
/// the agent may.
fn of_person(person: &Session, grant: Grant, now: Timestamp) -> Session {
    let nothing = Session {
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        sid: None,
        created_at: now,
        last_seen: now,
        access_token_expires_at: None,
        access_token_issued_at: Timestamp::EPOCH,
        refresh: RefreshState::default(),
        ceiling: None,
        listed_before: Vec::new(),
        until: None,
        second: None,
        device: None,
        ..person.clone()
    };
    Session { grant: Some(Box::new(grant)), ..nothing }
}

fn with_rights_of(person: &Session, granted: Session) -> Session {
    Session {
        provider: person.provider.clone(),
        claims: person.claims.clone(),
        scopes: person.scopes.clone(),
        roles: person.roles.clone(),
        permissions: person.permissions.clone(),
        tenant: person.tenant.clone(),
        left_out: person.left_out.clone(),
        ..granted
    }
}

fn granted(session: Session, repeated: bool) -> Reply {
    Reply::Granted(Box::new(Granted { session, repeated }))
}
