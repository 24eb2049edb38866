//! Sessions in memory, under the rules of `session::Subject`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use postern::ports::StoreError;
use postern::session::SessionDigest;
use postern::session::subject::{Row, SessionTable};
use postern::time::Timestamp;

/// The table of one subject.
#[derive(Default)]
pub struct MemoryTable(RefCell<BTreeMap<String, Row>>);

impl MemoryTable {
    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl SessionTable for MemoryTable {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        Ok(self.0.borrow().get(digest.as_str()).cloned())
    }

    fn put(&self, row: &Row) -> Result<(), StoreError> {
        self.0.borrow_mut().insert(row.digest.as_str().to_owned(), row.clone());
        Ok(())
    }

    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.0.borrow_mut().remove(digest.as_str());
        Ok(())
    }

    fn delete_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        self.0.borrow_mut().retain(|_, row| row.expires_at > now.as_unix());
        Ok(())
    }

    fn keep_newest(&self, keep: u32) -> Result<(), StoreError> {
        let mut ages: Vec<(i64, String)> =
            self.0.borrow().iter().map(|(key, row)| (row.created_at, key.clone())).collect();
        ages.sort_unstable_by(|left, right| right.cmp(left));
        for (_, key) in ages.into_iter().skip(keep as usize) {
            self.0.borrow_mut().remove(&key);
        }
        Ok(())
    }

    fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.0.borrow().values().map(|row| Timestamp::from_unix(row.expires_at)).min())
    }
}
