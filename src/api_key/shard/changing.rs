//! Making, rotating and ending keys.

use super::{KeyShard, Stored, expiry, listed, read};
use crate::api_key::holder::{HolderKey, OwnerStanding};
use crate::api_key::message::{KeyReply, MakeKey, RevokeShownKey, RotateKey};
use crate::api_key::record::{ApiKeyRecord, KeyEnd, KeyEnding, OldSecret};
use crate::api_key::table::{KeyRow, KeyTable};
use crate::api_key::text::ApiKeyId;
use crate::ordered;
use crate::ports::StoreError;
use crate::time::Timestamp;

/// How many keys of a holder that count no more are kept to be seen.
const MOST_ENDED: usize = 20;

impl<Table: KeyTable> KeyShard<'_, Table> {
    pub(super) fn make(&self, make: &MakeKey, now: Timestamp) -> Result<KeyReply, StoreError> {
        if self.table.find(make.id)?.is_some() {
            return Ok(KeyReply::Taken);
        }
        let holder = HolderKey::of(&make.holder);
        let rows = self.table.of_holder(&holder)?;
        let all = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let (live, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(|stored| stored.record.is_live(now));
        if live.len() >= make.most as usize {
            return Ok(KeyReply::TooMany);
        }
        let newest_first = ordered::by_key(ended, |stored| std::cmp::Reverse(stored.record.created_at));
        for surplus in newest_first.iter().skip(MOST_ENDED) {
            self.table.delete(surplus.row.id)?;
        }
        let known = self.standing(&holder)?;
        let is_later = |standing: &&OwnerStanding| known.as_ref().is_none_or(|known| known.at <= standing.at);
        // A session of long ago does not take back what a later sign-in said.
        if let Some(standing) = make.standing.as_ref().filter(is_later) {
            self.put_standing(&holder, standing)?;
        }
        let record = ApiKeyRecord {
            holder: make.holder.clone(),
            name: make.name.clone(),
            scopes: make.scopes.clone(),
            digest: make.digest,
            old: None,
            created_at: now,
            rotated_at: None,
            expires_at: now.plus(make.life),
            life: make.life,
            last_use: None,
            noted_at: Timestamp::EPOCH,
            notices: expiry::notices_missed(make.life),
            ended: None,
        };
        let row = KeyRow { id: make.id, holder, record: String::new(), due_at: now };
        let stored = Stored { row, record };
        self.put(&stored, now)?;
        Ok(KeyReply::Made(Box::new(listed(stored))))
    }

    /// One write, so a crash leaves it all done or not at all. Where the answer was lost and nobody ever used the new
    /// secret, it is that one which another rotation replaces: the old one stays good, for it is the one in use. Without an
    /// overlap nothing stays.
    pub(super) fn rotate(&self, rotate: &RotateKey, now: Timestamp) -> Result<KeyReply, StoreError> {
        let Some(Stored { row, record }) = self.find_live(rotate.id, Some(&rotate.of), now)? else {
            return Ok(KeyReply::Gone);
        };
        let in_use = record.old.filter(|old| !old.superseded && now < old.until && rotate.overlap.get() > 0);
        let until = now.plus(rotate.overlap).min(record.expires_at);
        let replaced = OldSecret { digest: record.digest, until, superseded: false };
        let old = in_use.unwrap_or(replaced);
        let life = record.life.min(rotate.max_life);
        let record = ApiKeyRecord {
            digest: rotate.digest,
            old: Some(old).filter(|old| now < old.until),
            rotated_at: Some(now),
            expires_at: now.plus(life),
            life,
            notices: expiry::notices_missed(life),
            ..record
        };
        let stored = Stored { row, record };
        self.put(&stored, now)?;
        Ok(KeyReply::Rotated(Box::new(listed(stored))))
    }

    pub(super) fn revoke(
        &self,
        id: ApiKeyId,
        of: Option<&HolderKey>,
        why: KeyEnding,
        now: Timestamp,
    ) -> Result<KeyReply, StoreError> {
        let found = self.find_live(id, of, now)?;
        found.map_or(Ok(KeyReply::Gone), |stored| self.end(stored, why, now))
    }

    /// All in one command: the runtime stores its writes together, or none of them.
    pub(super) fn revoke_all(&self, of: &HolderKey, why: KeyEnding, now: Timestamp) -> Result<KeyReply, StoreError> {
        let all = self.table.of_holder(of)?.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut ids = Vec::new();
        for stored in all.into_iter().filter(|stored| stored.record.is_live(now)) {
            ids.push(stored.row.id);
            self.end(stored, why, now)?;
        }
        Ok(KeyReply::AllRevoked { ids })
    }

    /// Who shows a key whole may end it. Who shows the secret before a rotation ends that one: who has the new one is not to
    /// be locked out for it.
    pub(super) fn revoke_shown(&self, shown: &RevokeShownKey, now: Timestamp) -> Result<KeyReply, StoreError> {
        match self.find_live(shown.id, None, now)? {
            Some(stored) if stored.record.digest.is(&shown.digest) => self.end(stored, shown.why, now),
            found => self.drop_old(found, now, |old| old.digest.is(&shown.digest)),
        }
    }

    pub(super) fn end_old_secret(
        &self,
        id: ApiKeyId,
        of: Option<&HolderKey>,
        now: Timestamp,
    ) -> Result<KeyReply, StoreError> {
        self.drop_old(self.find_live(id, of, now)?, now, |_| true)
    }

    /// Forgets the secret before a rotation, where it is still good and `is_meant`.
    fn drop_old(
        &self,
        found: Option<Stored>,
        now: Timestamp,
        is_meant: impl Fn(&OldSecret) -> bool,
    ) -> Result<KeyReply, StoreError> {
        let ends = |stored: &Stored| stored.record.old.as_ref().is_some_and(|old| now < old.until && is_meant(old));
        let Some(Stored { row, record }) = found.filter(ends) else { return Ok(KeyReply::Gone) };
        let stored = Stored { row, record: ApiKeyRecord { old: None, ..record } };
        self.put(&stored, now)?;
        Ok(KeyReply::OldSecretEnded(Box::new(listed(stored))))
    }

    fn end(&self, Stored { row, record }: Stored, why: KeyEnding, now: Timestamp) -> Result<KeyReply, StoreError> {
        let record = ApiKeyRecord { old: None, ended: Some(KeyEnd { at: now, why }), ..record };
        let stored = Stored { row, record };
        self.put(&stored, now)?;
        Ok(KeyReply::Revoked(Box::new(listed(stored))))
    }
}
