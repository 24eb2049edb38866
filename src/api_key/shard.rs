//! The rules of an object that keeps keys, over whatever table they are stored in.

mod changing;
mod expiry;

pub use expiry::KeyNotice;

use super::holder::{HolderKey, KeyHolder, OwnerStanding};
use super::message::{CheckKey, KeyCommand, KeyRefusal, KeyReply, ListedKey, LiveKey};
use super::record::{ApiKeyRecord, KeyUse, OldSecret};
use super::table::{KeyRow, KeyTable};
use super::text::ApiKeyId;
use crate::json;
use crate::ordered;
use crate::ports::StoreError;
use crate::time::{Seconds, Timestamp};

/// How often the use of a key is noted at most.
pub const SHORTEST_BETWEEN_NOTES: Seconds = Seconds::minutes(1);

/// Such an object at work.
#[derive(Debug)]
pub struct KeyShard<'a, Table> {
    /// Its keys.
    pub table: &'a Table,
}

/// A record and the row that it was read from.
struct Stored {
    row: KeyRow,
    record: ApiKeyRecord,
}

impl<Table: KeyTable> KeyShard<'_, Table> {
    /// Carries out one command.
    ///
    /// # Errors
    /// When the storage fails or holds what cannot be read.
    pub fn handle(&self, command: &KeyCommand, now: Timestamp) -> Result<KeyReply, StoreError> {
        match command {
            KeyCommand::Make(make) => self.make(make, now),
            KeyCommand::Check(check) => self.check(check, now),
            KeyCommand::Rotate(rotate) => self.rotate(rotate, now),
            KeyCommand::Revoke { id, of, why } => self.revoke(*id, of.as_ref(), *why, now),
            KeyCommand::EndOldSecret { id, of } => self.end_old_secret(*id, of.as_ref(), now),
            KeyCommand::RevokeAll { of, why } => self.revoke_all(of, *why, now),
            KeyCommand::RevokeShown(shown) => self.revoke_shown(shown, now),
            KeyCommand::List { of } => Ok(KeyReply::Keys { keys: self.list(of)? }),
            KeyCommand::Update { of, standing } => self.update(of, standing),
            KeyCommand::NoteUse { id, usage } => self.note_use(*id, usage, now),
        }
    }

    /// The secret first: who does not show it learns nothing of the rest, not even by the log.
    fn check(&self, check: &CheckKey, now: Timestamp) -> Result<KeyReply, StoreError> {
        let Some(Stored { row, mut record }) = self.find(check.id)? else {
            return Ok(KeyReply::Refused(KeyRefusal::Unknown));
        };
        let is_old = match &record.old {
            _ if record.digest.is(&check.digest) => false,
            Some(old) if old.digest.is(&check.digest) && now < old.until => true,
            Some(old) if old.digest.is(&check.digest) => return Ok(KeyReply::Refused(KeyRefusal::OldSecret)),
            _ => return Ok(KeyReply::Refused(KeyRefusal::WrongSecret)),
        };
        if record.ended.is_some() {
            return Ok(KeyReply::Refused(KeyRefusal::Revoked));
        }
        if now >= record.expires_at {
            return Ok(KeyReply::Refused(KeyRefusal::Expired));
        }
        let (superseded, old_until) = match &mut record.old {
            Some(old) if is_old => (old.superseded, Some(old.until)),
            Some(old) if !old.superseded => {
                old.superseded = true;
                self.put(&Stored { row: row.clone(), record: record.clone() }, now)?;
                (false, None)
            }
            _ => (false, None),
        };
        let standing = match &record.holder {
            KeyHolder::Person(_) => self.standing(&row.holder)?,
            KeyHolder::Service(_) => None,
        };
        let ApiKeyRecord { holder, scopes, expires_at, last_use, noted_at, .. } = record;
        let expires_at = old_until.map_or(expires_at, |until| until.min(expires_at));
        Ok(KeyReply::Live(Box::new(LiveKey { holder, scopes, expires_at, standing, last_use, noted_at, superseded })))
    }

    fn list(&self, of: &HolderKey) -> Result<Vec<ListedKey>, StoreError> {
        let rows = self.table.of_holder(of)?;
        let keys: Vec<ListedKey> = rows.into_iter().map(|row| read(row).map(listed)).collect::<Result<_, _>>()?;
        Ok(ordered::by_key(keys, |key| (std::cmp::Reverse(key.created_at), key.id)))
    }

    fn update(&self, of: &HolderKey, standing: &OwnerStanding) -> Result<KeyReply, StoreError> {
        let count = self.table.of_holder(of)?.len();
        let is_later = |known: &OwnerStanding| known.at <= standing.at;
        if count > 0 && self.standing(of)?.as_ref().is_none_or(is_later) {
            self.put_standing(of, standing)?;
        }
        Ok(KeyReply::Done { count: u32::try_from(count).unwrap_or(u32::MAX) })
    }

    fn note_use(&self, id: ApiKeyId, usage: &KeyUse, now: Timestamp) -> Result<KeyReply, StoreError> {
        let Some(Stored { row, record }) = self.find(id)? else { return Ok(KeyReply::Gone) };
        let is_new = record.last_use.as_ref() != Some(usage);
        if !is_new || !record.is_live(now) || now.since(record.noted_at) < SHORTEST_BETWEEN_NOTES {
            return Ok(KeyReply::Done { count: 0 });
        }
        let record = ApiKeyRecord { last_use: Some(usage.clone()), noted_at: now, ..record };
        self.put(&Stored { row, record }, now)?;
        Ok(KeyReply::Done { count: 1 })
    }

    fn find(&self, id: ApiKeyId) -> Result<Option<Stored>, StoreError> {
        self.table.find(id)?.map(read).transpose()
    }

    /// The key, if it is alive, and this holder's where one is named.
    fn find_live(&self, id: ApiKeyId, of: Option<&HolderKey>, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        let is_theirs = |stored: &Stored| of.is_none_or(|of| stored.row.holder == *of);
        Ok(self.find(id)?.filter(|stored| is_theirs(stored) && stored.record.is_live(now)))
    }

    fn put(&self, stored: &Stored, now: Timestamp) -> Result<(), StoreError> {
        let record = serde_json::to_string(&stored.record).map_err(|_| StoreError::Malformed)?;
        let due_at = expiry::due_at(&stored.record, now);
        self.table.put(&KeyRow { record, due_at, ..stored.row.clone() })
    }

    fn standing(&self, of: &HolderKey) -> Result<Option<OwnerStanding>, StoreError> {
        let standing = self.table.standing(of)?;
        standing.map(|text| json::from_text(&text).map_err(|_| StoreError::Malformed)).transpose()
    }

    fn put_standing(&self, of: &HolderKey, standing: &OwnerStanding) -> Result<(), StoreError> {
        let text = serde_json::to_string(standing).map_err(|_| StoreError::Malformed)?;
        self.table.put_standing(of, &text)
    }
}

fn read(row: KeyRow) -> Result<Stored, StoreError> {
    let record = json::from_text(&row.record).map_err(|_| StoreError::Malformed)?;
    Ok(Stored { row, record })
}

fn listed(Stored { row, record }: Stored) -> ListedKey {
    let ApiKeyRecord { holder, name, scopes, old, created_at, rotated_at, expires_at, last_use, ended, .. } = record;
    let old_until = old.map(|OldSecret { until, .. }| until);
    ListedKey { id: row.id, holder, name, scopes, created_at, rotated_at, expires_at, old_until, last_use, ended }
}
