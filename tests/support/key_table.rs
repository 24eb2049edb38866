//! API keys in memory, under the rules of `api_key::KeyShard`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use postern::api_key::table::{KeyRow, KeyTable};
use postern::api_key::{ApiKeyId, HolderKey};
use postern::ports::StoreError;
use postern::time::Timestamp;

/// The table of one object.
#[derive(Debug, Default)]
pub struct MemoryKeys {
    rows: RefCell<BTreeMap<ApiKeyId, KeyRow>>,
    standings: RefCell<BTreeMap<String, String>>,
    /// How many rows were written.
    pub writes: Cell<usize>,
}

impl MemoryKeys {
    fn write(&self) {
        self.writes.set(self.writes.get() + 1);
    }
}

impl KeyTable for MemoryKeys {
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError> {
        Ok(self.rows.borrow().get(&id).cloned())
    }

    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError> {
        Ok(self.rows.borrow().values().filter(|row| row.holder == *holder).cloned().collect())
    }

    fn due(&self, now: Timestamp, most: usize) -> Result<Vec<KeyRow>, StoreError> {
        let mut rows: Vec<KeyRow> = self.rows.borrow().values().filter(|row| row.due_at <= now).cloned().collect();
        rows.sort_by_key(|row| row.due_at);
        rows.truncate(most);
        Ok(rows)
    }

    fn put(&self, row: &KeyRow) -> Result<(), StoreError> {
        self.write();
        self.rows.borrow_mut().insert(row.id, row.clone());
        Ok(())
    }

    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.write();
        self.rows.borrow_mut().remove(&id);
        Ok(())
    }

    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        Ok(self.standings.borrow().get(holder.as_str()).cloned())
    }

    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.write();
        self.standings.borrow_mut().insert(holder.as_str().to_owned(), standing.to_owned());
        Ok(())
    }

    fn sweep_standings(&self) -> Result<(), StoreError> {
        let rows = self.rows.borrow();
        self.standings.borrow_mut().retain(|holder, _| rows.values().any(|row| row.holder.as_str() == holder));
        Ok(())
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows.borrow().values().map(|row| row.due_at).min())
    }
}
