//! What time does to keys: notices before they expire, the end of an old secret, and at last the row itself.

use super::{KeyShard, Stored, listed, read};
use crate::api_key::message::ListedKey;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::table::{KeyRow, KeyTable};
use crate::ports::StoreError;
use crate::time::{Seconds, Timestamp};

const DAY: Seconds = Seconds::hours(24);
/// When notices are due, before a key expires; the last one is its expiry itself.
const NOTICES: [Seconds; 3] = [Seconds::hours(14 * 24), DAY, Seconds::new(0)];
/// How long a key that counts no more is kept: so long its owner, and the log, are told why.
const KEPT: Seconds = Seconds::hours(30 * 24);
/// How many keys are looked after at once.
const AT_ONCE: usize = 200;

/// What the log is to be told of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyNotice {
    /// Which.
    pub key: ListedKey,
    /// In how many days it expires; none where it has.
    pub days_left: Option<u32>,
}

/// How many of the notices are no news to the holder of a key that lives so long.
pub(super) fn notices_missed(life: Seconds) -> u8 {
    u8::try_from(NOTICES.iter().take_while(|notice| life <= **notice).count()).unwrap_or_default()
}

/// When something is next to be done about a key.
pub(super) fn due_at(record: &ApiKeyRecord, now: Timestamp) -> Timestamp {
    let end = match record.ended {
        Some(ended) => return ended.at.plus(KEPT),
        None => record.expires_at.plus(KEPT),
    };
    let notice = NOTICES.get(usize::from(record.notices)).map(|notice| record.expires_at.minus(*notice));
    let old = record.old.as_ref().map(|old| old.until).filter(|until| now < *until);
    notice.into_iter().chain(old).fold(end, Timestamp::min)
}

impl<Table: KeyTable> KeyShard<'_, Table> {
    /// Does what is due, and says what the log is to be told. What is due after it, if anything, is soon or at once.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn sweep(&self, now: Timestamp) -> Result<Vec<KeyNotice>, StoreError> {
        let mut notices = Vec::new();
        let due = self.table.due(now, AT_ONCE)?;
        let mut deleted = false;
        for row in due {
            match read(row.clone()) {
                Ok(stored) if is_over(&stored.record, now) => {
                    self.table.delete(stored.row.id)?;
                    deleted = true;
                }
                Ok(stored) => notices.extend(self.look_after(stored, now)?),
                // A later release may know better.
                Err(_) => self.table.put(&KeyRow { due_at: now.plus(DAY), ..row })?,
            }
        }
        if deleted {
            self.table.sweep_standings()?;
        }
        Ok(notices)
    }

    fn look_after(&self, Stored { row, mut record }: Stored, now: Timestamp) -> Result<Option<KeyNotice>, StoreError> {
        record.old = record.old.filter(|old| now < old.until);
        let passed = NOTICES.iter().take_while(|notice| record.expires_at.minus(**notice) <= now).count();
        let passed = u8::try_from(passed).unwrap_or_default();
        let is_news = record.ended.is_none() && passed > record.notices;
        record.notices = record.notices.max(passed);
        let left = record.expires_at.since(now).get().div_ceil(DAY.get());
        let stored = Stored { row, record };
        self.put(&stored, now)?;
        Ok(is_news.then(|| KeyNotice { key: listed(stored), days_left: Some(left).filter(|left| *left > 0) }))
    }
}

/// Whether nobody has to know of it any more.
fn is_over(record: &ApiKeyRecord, now: Timestamp) -> bool {
    let end = record.ended.map_or(record.expires_at, |ended| ended.at);
    end.plus(KEPT) <= now
}
