//! A [`KeyTable`] whose rows are read from storage once.

use std::cell::RefCell;

use super::holder::HolderKey;
use super::table::{KeyRow, KeyTable};
use super::text::ApiKeyId;
use crate::ports::StoreError;
use crate::time::Timestamp;

/// As many keys of one object as are in use at once; more would only take memory.
const MAX_KEYS: usize = 64;

/// The tables of one object, of which the rows that were read last are in memory.
///
/// It is the only way to the tables that it owns, and each of its writes forgets what it changes before it begins: no answer is
/// older than the last write. Memory that is lost with the object loses nothing.
#[derive(Debug)]
pub struct CachedKeys<T> {
    table: T,
    /// The last one read comes last.
    rows: RefCell<Vec<KeyRow>>,
    /// What was last said of holders, in the same order.
    standings: RefCell<Vec<(HolderKey, String)>>,
}

impl<T: KeyTable> CachedKeys<T> {
    /// In front of these tables.
    pub const fn new(table: T) -> Self {
        Self { table, rows: RefCell::new(Vec::new()), standings: RefCell::new(Vec::new()) }
    }

    /// The tables themselves, to ask whether they are there: nothing is written past this.
    pub const fn table(&self) -> &T {
        &self.table
    }

    /// Forgets every row that is in memory: the storage is about to be given back.
    pub fn forget_all(&self) {
        self.rows.borrow_mut().clear();
        self.standings.borrow_mut().clear();
    }

    fn forget(&self, id: ApiKeyId) {
        self.rows.borrow_mut().retain(|row| row.id != id);
    }
}

fn remember<T>(known: &RefCell<Vec<T>>, one: T) {
    let mut known = known.borrow_mut();
    if known.len() >= MAX_KEYS {
        known.remove(0);
    }
    known.push(one);
}

impl<T: KeyTable> KeyTable for CachedKeys<T> {
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError> {
        if let Some(row) = self.rows.borrow().iter().find(|row| row.id == id) {
            return Ok(Some(row.clone()));
        }
        let found = self.table.find(id)?;
        if let Some(row) = &found {
            remember(&self.rows, row.clone());
        }
        Ok(found)
    }

    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError> {
        self.table.of_holder(holder)
    }

    fn due(&self, now: Timestamp, most: usize) -> Result<Vec<KeyRow>, StoreError> {
        self.table.due(now, most)
    }

    fn put(&self, row: &KeyRow) -> Result<(), StoreError> {
        self.forget(row.id);
        self.table.put(row)
    }

    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.forget(id);
        self.table.delete(id)
    }

    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        if let Some((_, standing)) = self.standings.borrow().iter().find(|(known, _)| known == holder) {
            return Ok(Some(standing.clone()));
        }
        let found = self.table.standing(holder)?;
        if let Some(standing) = &found {
            remember(&self.standings, (holder.clone(), standing.clone()));
        }
        Ok(found)
    }

    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.standings.borrow_mut().retain(|(known, _)| known != holder);
        self.table.put_standing(holder, standing)
    }

    fn sweep_standings(&self) -> Result<(), StoreError> {
        self.standings.borrow_mut().clear();
        self.table.sweep_standings()
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.table.next_due()
    }
}
