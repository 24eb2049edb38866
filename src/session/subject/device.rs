//! The devices that sessions are bound to: a key is registered once, and each proof of it is one generation.

use super::{SubjectSessions, row};
use crate::ports::{Random, StoreError};
use crate::session::device::{Bind, DeviceBinding, DeviceCommand, DeviceReply, FurtherProof, Grace, REGISTER_WITHIN};
use crate::session::handle::SessionDigest;
use crate::session::message::{Check, Reply};
use crate::session::record::{Session, SessionTimeouts};
use crate::session::second::book::Factor;
use crate::session::table::{Row, SessionTable};
use crate::time::Timestamp;

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    pub(super) fn device(&self, command: &DeviceCommand, now: Timestamp) -> Result<Reply, StoreError> {
        let reply = match command {
            DeviceCommand::Bind(bind) => self.bind(bind, now),
            DeviceCommand::Prove(prove) => self.prove_device(prove, now),
            DeviceCommand::Grace(grace) => self.grace(grace, now),
        };
        reply.map(|reply| Reply::Device(Box::new(reply)))
    }

    /// Whether a request counts as use of a session: one that is bound to a device wants the proof of that.
    pub(super) fn is_proven(&self, check: &Check, session: &Session, now: Timestamp) -> bool {
        let (Some(device), Some(shown)) = (&session.device, &check.shown) else { return true };
        device.shown(shown.cookie.as_ref(), (shown.life, now), shown.place.as_deref()).is_ok()
    }

    /// Once, and soon after the sign-in or a second factor: who copies a cookie later binds nothing.
    fn bind(&self, bind: &Bind, now: Timestamp) -> Result<DeviceReply, StoreError> {
        // It may have gone on under another id since, by a second factor that was proven at once.
        let digest = self.find_or_moved(&bind.digest, REGISTER_WITHIN, now)?.map(|row| row.digest);
        let Some((stored, session)) =
            digest.map(|digest| self.living(&digest, bind.clocks, now)).transpose()?.flatten()
        else {
            return Ok(DeviceReply::Gone);
        };
        if session.device.is_some() {
            return Ok(DeviceReply::AlreadyBound);
        }
        if now.since(self.offered_at(&session)?) > REGISTER_WITHIN {
            return Ok(DeviceReply::TooLate);
        }
        let device = DeviceBinding {
            id: bind.digest.as_str().to_owned(),
            jwk: bind.jwk.clone(),
            registered_at: now,
            proved_at: now,
            generation: 1,
            place: bind.place.clone(),
            grace_at: None,
        };
        self.put_device((&stored, session), device.clone(), bind.clocks, now)?;
        Ok(DeviceReply::Bound(Box::new(device)))
    }

    /// Since when a session may be bound. A proof by a factor that was there before the session counts like its sign-in: the id
    /// that it has since then is new. One that the session added itself proves nothing of whose it is.
    fn offered_at(&self, session: &Session) -> Result<Timestamp, StoreError> {
        let since = session.created_at;
        let Some(proof) = session.second.as_ref().filter(|proof| proof.by.is_a_factor()) else { return Ok(since) };
        let book = self.factor_book()?;
        let is_older = |factor: &Factor| proof.factor.as_ref() == Some(&factor.id) && factor.made_at < since;
        Ok(if book.factors.iter().any(is_older) { proof.at.max(since) } else { since })
    }

    /// A proof is for the generation that is, and makes it the next: sent once more, it is for one that is over.
    fn prove_device(&self, prove: &FurtherProof, now: Timestamp) -> Result<DeviceReply, StoreError> {
        let Some((stored, session, device)) = self.bound(&prove.digest, prove.clocks, now)? else {
            return Ok(DeviceReply::Gone);
        };
        if prove.generation != device.generation {
            return Ok(DeviceReply::Outdated(Box::new(device)));
        }
        let device = DeviceBinding {
            generation: device.generation.saturating_add(1),
            proved_at: now.max(device.proved_at),
            place: prove.place.clone(),
            ..device
        };
        self.put_device((&stored, session), device.clone(), prove.clocks, now)?;
        Ok(DeviceReply::Bound(Box::new(device)))
    }

    /// Once in a session, soon after a proof, and from where that was made. From elsewhere it is not the browser that has the
    /// key; and one that has signed nothing for long has not signed too often.
    fn grace(&self, grace: &Grace, now: Timestamp) -> Result<DeviceReply, StoreError> {
        let Some((stored, session, device)) = self.bound(&grace.digest, grace.clocks, now)? else {
            return Ok(DeviceReply::Gone);
        };
        let (Some(known), Some(place)) = (&device.place, &grace.place) else { return Ok(DeviceReply::Spent) };
        if known != place {
            self.end(&grace.digest, now)?;
            return Ok(DeviceReply::Mismatch);
        }
        if device.is_graced(grace.life, now) {
            return Ok(DeviceReply::Graced(Box::new(device)));
        }
        if device.grace_at.is_some() || !device.may_be_over_quota(grace.life, now) {
            return Ok(DeviceReply::Spent);
        }
        let device = DeviceBinding { grace_at: Some(now), ..device };
        self.put_device((&stored, session), device.clone(), grace.clocks, now)?;
        Ok(DeviceReply::Graced(Box::new(device)))
    }

    fn bound(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Option<(Row, Session, DeviceBinding)>, StoreError> {
        let found = self.living(digest, clocks, now)?;
        Ok(found.and_then(|(stored, session)| {
            let device = session.device.as_deref().cloned()?;
            Some((stored, session, device))
        }))
    }

    /// A session that counts, and no grant.
    fn living(
        &self,
        digest: &SessionDigest,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Option<(Row, Session)>, StoreError> {
        let found = self.load(digest, now)?.filter(|(_, session)| session.grant.is_none());
        Ok(found.filter(|(_, session)| session.check_clocks(self.clocks(clocks, session, now), now).is_ok()))
    }

    fn put_device(
        &self,
        (stored, session): (&Row, Session),
        device: DeviceBinding,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let session = Session { device: Some(Box::new(device)), ..session };
        let clocks = self.clocks(clocks, &session, now);
        self.table.put(&row(stored.place(), &session, stored.tokens.clone(), clocks)?)
    }
}
