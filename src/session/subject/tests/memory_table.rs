use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// A table of sessions and notes that lies in memory alone.
#[derive(Default)]
pub(super) struct MemoryTable {
    pub(super) rows: RefCell<BTreeMap<String, Row>>,
    pub(super) notes: RefCell<BTreeMap<(String, String), Note>>,
}

impl SessionTable for MemoryTable {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        Ok(self.rows.borrow().get(digest.as_str()).cloned())
    }
    fn all(&self) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = self.rows.borrow().values().cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.sequence));
        Ok(rows)
    }
    fn put(&self, row: &Row) -> Result<(), StoreError> {
        self.rows.borrow_mut().insert(row.digest.as_str().to_owned(), row.clone());
        Ok(())
    }
    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.rows.borrow_mut().remove(digest.as_str());
        Ok(())
    }
    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        Ok(self.notes.borrow().get(&(kind.as_str().to_owned(), key.to_owned())).cloned())
    }
    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        Ok(self.notes.borrow().values().filter(|note| note.kind == kind).cloned().collect())
    }
    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        self.notes.borrow_mut().insert((note.kind.as_str().to_owned(), note.key.clone()), note.clone());
        Ok(())
    }
    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.notes.borrow_mut().remove(&(kind.as_str().to_owned(), key.to_owned()));
        Ok(())
    }
    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.rows.borrow().values().map(|row| row.expires_at).min();
        let notes = self.notes.borrow().values().map(|note| note.at).min();
        Ok(rows.into_iter().chain(notes).min())
    }
}
