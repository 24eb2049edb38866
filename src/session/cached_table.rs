//! A [`SessionTable`] whose rows are read from storage once.

use std::cell::{Cell, RefCell};

use super::handle::SessionDigest;
use super::table::{Note, NoteKind, Row, SessionTable};
use crate::ports::StoreError;
use crate::time::Timestamp;

/// As many rows as one person's browsers may use at once; more would only take memory.
const MAX_ROWS: usize = 16;

/// The table of one object, of which the rows that were read last are in memory.
///
/// It is the only way to the table that it owns, and each of its writes forgets the row before it begins: no answer is older
/// than the last write. Memory that is lost with the object loses nothing.
#[derive(Debug)]
pub struct CachedTable<T> {
    table: T,
    /// The last one read comes last.
    rows: RefCell<Vec<Row>>,
    /// Counts the writes that began.
    writes: Cell<u64>,
    answered: RefCell<Option<Answered>>,
}

/// A question to the table's owner, and the answer.
#[derive(Debug)]
struct Answered {
    question: String,
    answer: String,
    at: Timestamp,
    writes: u64,
}

impl<T: SessionTable> CachedTable<T> {
    /// In front of this table.
    pub const fn new(table: T) -> Self {
        Self { table, rows: RefCell::new(Vec::new()), writes: Cell::new(0), answered: RefCell::new(None) }
    }

    /// The answer that `work` gives to a question by the table and the time alone. A browser asks the same several times a
    /// second: nothing is worked out anew in the same second, unless something was written since. With the answer, `work` says
    /// whether it may be kept for that: one with a token in it may not.
    pub fn answer(
        &self,
        question: &str,
        now: Timestamp,
        work: impl FnOnce() -> Option<(String, bool)>,
    ) -> Option<String> {
        let writes = self.writes.get();
        let is_known = |known: &&Answered| (known.at, known.writes) == (now, writes) && known.question == question;
        if let Some(known) = self.answered.borrow().as_ref().filter(is_known) {
            return Some(known.answer.clone());
        }
        let (answer, may_be_kept) = work()?;
        // An answer that came with a write may be about what was before it.
        if may_be_kept && self.writes.get() == writes {
            let (question, answer) = (question.to_owned(), answer.clone());
            self.answered.replace(Some(Answered { question, answer, at: now, writes }));
        }
        Some(answer)
    }

    /// Forgets every row that is in memory: the storage is about to be given back. The table that it was read from.
    pub fn forget_all(&self) -> &T {
        self.writing();
        self.rows.borrow_mut().clear();
        self.answered.replace(None);
        &self.table
    }

    fn writing(&self) {
        self.writes.set(self.writes.get().wrapping_add(1));
    }

    fn remembered(&self, digest: &SessionDigest) -> Option<Row> {
        self.rows.borrow().iter().find(|row| row.digest == *digest).cloned()
    }

    fn remember(&self, row: &Row) {
        let mut rows = self.rows.borrow_mut();
        if rows.len() >= MAX_ROWS {
            rows.remove(0);
        }
        rows.push(row.clone());
    }

    fn forget(&self, digest: &SessionDigest) {
        self.rows.borrow_mut().retain(|row| row.digest != *digest);
    }
}

impl<T: SessionTable> SessionTable for CachedTable<T> {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        if let Some(row) = self.remembered(digest) {
            return Ok(Some(row));
        }
        let found = self.table.find(digest)?;
        if let Some(row) = &found {
            self.remember(row);
        }
        Ok(found)
    }

    fn all(&self) -> Result<Vec<Row>, StoreError> {
        self.table.all()
    }

    fn put(&self, row: &Row) -> Result<(), StoreError> {
        self.writing();
        self.forget(&row.digest);
        self.table.put(row)
    }

    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.writing();
        self.forget(digest);
        self.table.delete(digest)
    }

    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        self.table.note(kind, key)
    }

    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        self.table.notes(kind)
    }

    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        self.writing();
        self.table.put_note(note)
    }

    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.writing();
        self.table.delete_note(kind, key)
    }

    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        self.table.next_event()
    }
}
