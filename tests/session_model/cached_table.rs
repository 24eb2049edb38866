//! A row in memory is never older than the last write, whether that worked or not.

use std::cell::Cell;
use std::rc::Rc;

use postern::ports::StoreError;
use postern::session::table::{Note, NoteKind, Row, SessionTable};
use postern::session::{CachedTable, SessionDigest};
use postern::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::stores::MemoryTable;

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Works,
    Fails,
    /// It is stored, and reported as failed: nobody can tell which it was.
    WorksUnseen,
}

/// A table of which writes fail, and reads are counted.
struct Frail {
    table: Rc<MemoryTable>,
    fate: Rc<Cell<Fate>>,
    finds: Rc<Cell<usize>>,
}

impl Frail {
    fn write(&self, act: impl FnOnce(&MemoryTable) -> Result<(), StoreError>) -> Result<(), StoreError> {
        if self.fate.get() != Fate::Fails {
            act(&self.table)?;
        }
        if self.fate.get() == Fate::Works { Ok(()) } else { Err(StoreError::unavailable("broken")) }
    }
}

impl SessionTable for Frail {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        self.finds.set(self.finds.get() + 1);
        self.table.find(digest)
    }
    fn all(&self) -> Result<Vec<Row>, StoreError> {
        self.table.all()
    }
    fn put(&self, row: &Row) -> Result<(), StoreError> {
        self.write(|table| table.put(row))
    }
    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.write(|table| table.delete(digest))
    }
    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        self.table.note(kind, key)
    }
    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        self.table.notes(kind)
    }
    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        self.write(|table| table.put_note(note))
    }
    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.write(|table| table.delete_note(kind, key))
    }
    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        self.table.next_event()
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Find(u8),
    Ask(u8, i64),
    Put(u8, i64, Fate),
    Delete(u8, Fate),
}

fn op() -> impl Strategy<Value = Op> {
    let fate = || prop_oneof![4 => Just(Fate::Works), 1 => Just(Fate::Fails), 1 => Just(Fate::WorksUnseen)];
    prop_oneof![
        4 => (0..24_u8).prop_map(Op::Find),
        4 => (0..3_u8, 0..3_i64).prop_map(|(key, at)| Op::Ask(key, at)),
        2 => (0..24_u8, 0..1000_i64, fate()).prop_map(|(key, at, fate)| Op::Put(key, at, fate)),
        1 => (0..24_u8, fate()).prop_map(|(key, fate)| Op::Delete(key, fate)),
    ]
}

fn digest(key: u8) -> SessionDigest {
    SessionDigest::of_tag(format!("session-{key}"))
}

fn row(key: u8, at: i64) -> Row {
    let at = Timestamp::from_unix(at);
    Row {
        digest: digest(key),
        record: "{}".to_owned(),
        tokens: String::new(),
        created_at: at,
        sequence: 1,
        expires_at: at,
    }
}

proptest! {
    #[test]
    fn what_is_found_is_what_is_stored(ops in vec(op(), 1..200)) {
        let (table, fate) = (Rc::new(MemoryTable::default()), Rc::new(Cell::new(Fate::Works)));
        let cached = CachedTable::new(Frail { table: Rc::clone(&table), fate: Rc::clone(&fate), finds: Rc::default() });
        for op in ops {
            match op {
                Op::Find(key) => prop_assert_eq!(cached.find(&digest(key)).unwrap(), table.find(&digest(key)).unwrap()),
                Op::Ask(key, at) => {
                    let answer = || format!("{:?}", table.find(&digest(key)).unwrap());
                    let kept = cached.answer(&format!("{key}"), Timestamp::from_unix(at), || Some((answer(), true)));
                    prop_assert_eq!(kept, Some(answer()));
                }
                Op::Put(key, at, so) => {
                    fate.set(so);
                    prop_assert_eq!(cached.put(&row(key, at)).is_ok(), so == Fate::Works);
                }
                Op::Delete(key, so) => {
                    fate.set(so);
                    prop_assert_eq!(cached.delete(&digest(key)).is_ok(), so == Fate::Works);
                }
            }
            for key in 0..24 {
                prop_assert_eq!(cached.find(&digest(key)).unwrap(), table.find(&digest(key)).unwrap());
            }
        }
    }
}

#[test]
fn a_row_is_read_once_and_a_missing_one_each_time() {
    let finds = Rc::new(Cell::new(0));
    let cached = CachedTable::new(Frail {
        table: Rc::default(),
        fate: Rc::new(Cell::new(Fate::Works)),
        finds: Rc::clone(&finds),
    });
    cached.put(&row(1, 5)).unwrap();
    for _ in 0..10 {
        assert_eq!(cached.find(&digest(1)).unwrap(), Some(row(1, 5)));
    }
    assert_eq!(finds.get(), 1);
    for _ in 0..10 {
        assert_eq!(cached.find(&digest(2)).unwrap(), None);
    }
    assert_eq!(finds.get(), 11);
    // Of more than one person's browsers use at once, the one that was read first is read again.
    for key in 3..19 {
        cached.put(&row(key, 5)).unwrap();
        cached.find(&digest(key)).unwrap();
    }
    assert_eq!(finds.get(), 27);
    cached.find(&digest(18)).unwrap();
    assert_eq!(finds.get(), 27);
    cached.find(&digest(1)).unwrap();
    assert_eq!(finds.get(), 28);
}

#[test]
fn an_answer_is_worked_out_once_a_second_and_after_each_write() {
    let (table, fate) = (Rc::new(MemoryTable::default()), Rc::new(Cell::new(Fate::Works)));
    let cached = CachedTable::new(Frail { table, fate: Rc::clone(&fate), finds: Rc::default() });
    let worked_out = Cell::new(0);
    let ask = |question: &str, at: i64, may_be_kept: bool| {
        let before = worked_out.get();
        let work = || {
            worked_out.set(before + 1);
            Some((format!("answer {before}"), may_be_kept))
        };
        assert!(cached.answer(question, Timestamp::from_unix(at), work).is_some());
        worked_out.get() > before
    };
    assert!(ask("a", 1, true) && !ask("a", 1, true), "the second time in a second");
    assert!(ask("b", 1, true) && ask("a", 1, true), "another question");
    assert!(ask("a", 2, true) && !ask("a", 2, true), "another second");
    assert!(ask("a", 1, true), "the clock went back");
    let writes: [fn(&CachedTable<Frail>) -> bool; 4] = [
        |cached| cached.put(&row(1, 5)).is_ok(),
        |cached| cached.delete(&digest(9)).is_ok(),
        |cached| cached.put_note(&note()).is_ok(),
        |cached| cached.delete_note(note().kind, &note().key).is_ok(),
    ];
    for write in writes {
        for so in [Fate::Works, Fate::Fails, Fate::WorksUnseen] {
            assert!(!ask("a", 1, true));
            fate.set(so);
            write(&cached);
            assert!(ask("a", 1, true), "{so:?}");
        }
    }
    assert!(ask("token", 1, false) && ask("token", 1, false), "what must not be kept");
    fate.set(Fate::Works);
    let during = cached.answer("c", Timestamp::from_unix(1), || {
        cached.put(&row(2, 5)).ok()?;
        Some(("before the write".to_owned(), true))
    });
    assert!(during.is_some() && ask("c", 1, true), "an answer that came with a write");
    assert_eq!(cached.answer("d", Timestamp::from_unix(1), || None), None);
}

fn note() -> Note {
    Note { kind: NoteKind::Ended, key: "n".to_owned(), value: String::new(), at: Timestamp::from_unix(9) }
}
