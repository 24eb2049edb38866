//! A block list in memory, under the same rules.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::rules::{BlockRow, BlockRowChange, BlockRowKind, BlockTable};
use crate::ports::StoreError;
use crate::time::Timestamp;

/// The rows in memory.
#[derive(Debug, Default)]
pub struct MemoryBlocks {
    rows: RefCell<BTreeMap<String, BlockRow>>,
    version: Cell<u64>,
}

impl BlockTable for MemoryBlocks {
    fn version(&self) -> Result<u64, StoreError> {
        Ok(self.version.get())
    }

    fn find(&self, key: &str) -> Result<Option<BlockRow>, StoreError> {
        Ok(self.rows.borrow().get(key).cloned())
    }

    fn list(&self, kind: BlockRowKind, after: &str, most: usize) -> Result<Vec<BlockRow>, StoreError> {
        let rows = self.rows.borrow();
        let behind = rows.values().filter(|row| row.kind == kind && row.key.as_str() > after);
        Ok(behind.take(most).cloned().collect())
    }

    fn copied(&self, kind: BlockRowKind, most: usize) -> Result<Vec<BlockRow>, StoreError> {
        let rows = self.list(kind, "", most)?;
        Ok(rows.into_iter().map(|row| BlockRow { value: String::new(), ..row }).collect())
    }

    fn count(&self, kind: BlockRowKind, now: Timestamp) -> Result<usize, StoreError> {
        let rows = self.rows.borrow();
        let is_meant = |row: &&BlockRow| row.kind == kind && row.until.is_none_or(|until| until > now);
        Ok(rows.values().filter(is_meant).count())
    }

    fn change(&self, change: BlockRowChange<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut rows = self.rows.borrow_mut();
        rows.retain(|_, row| row.until.is_none_or(|until| until > now));
        match change {
            BlockRowChange::Put(row) => drop(rows.insert(row.key.clone(), row.clone())),
            BlockRowChange::Delete(key) => drop(rows.remove(key)),
        }
        self.version.set(self.version.get() + 1);
        Ok(())
    }
}
