//! The tables of a subject's object, beside the ones in memory by which the rules are tested.

use postern::ports::StoreError;
use postern::session::SessionDigest;
use postern::session::table::{Note, NoteKind, Row, SessionTable, statement};
use postern::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::{Connection, Params};

use crate::stores::MemoryTable;

/// As the release before made it.
const WITHOUT_SEQUENCE: &str = "CREATE TABLE session (digest TEXT PRIMARY KEY, record TEXT NOT NULL, \
    tokens TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID";
const PUT_WITHOUT_SEQUENCE: &str =
    "INSERT OR REPLACE INTO session (digest, record, tokens, created_at, expires_at) VALUES (?, ?, ?, ?, ?)";

const KINDS: [NoteKind; 3] = [NoteKind::Ended, NoteKind::Cutoff, NoteKind::Revoke];

/// One object's tables.
struct SqliteTable(Connection);

impl SqliteTable {
    fn new() -> Self {
        let table = Self(Connection::open_in_memory().unwrap());
        table.made();
        table
    }

    /// What an object does that wakes up.
    fn made(&self) {
        for create in statement::CREATE {
            self.0.execute(create, ()).unwrap();
        }
        if !self.0.prepare(statement::HAS_SEQUENCE).unwrap().exists(()).unwrap() {
            self.0.execute(statement::ADD_SEQUENCE, ()).unwrap();
        }
    }

    fn run(&self, statement: &str, bound: impl Params) -> Result<(), StoreError> {
        self.0.execute(statement, bound).unwrap();
        Ok(())
    }

    fn rows(&self, statement: &str, bound: impl Params) -> Vec<Row> {
        let mut prepared = self.0.prepare(statement).unwrap();
        let rows = prepared.query_map(bound, |row| {
            Ok(Row {
                digest: SessionDigest::of_tag(row.get::<_, String>("digest")?),
                record: row.get("record")?,
                tokens: row.get("tokens")?,
                created_at: Timestamp::from_unix(row.get("created_at")?),
                sequence: row.get("sequence")?,
                expires_at: Timestamp::from_unix(row.get("expires_at")?),
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn noted(&self, kind: NoteKind, statement: &str, bound: impl Params) -> Vec<Note> {
        let mut prepared = self.0.prepare(statement).unwrap();
        let notes = prepared.query_map(bound, |row| {
            let at = Timestamp::from_unix(row.get("at")?);
            Ok(Note { kind, key: row.get("key")?, value: row.get("value")?, at })
        });
        notes.unwrap().map(Result::unwrap).collect()
    }
}

impl SessionTable for SqliteTable {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement::FIND, [digest.as_str()]).pop())
    }
    fn all(&self) -> Result<Vec<Row>, StoreError> {
        Ok(self.rows(statement::ALL, ()))
    }
    fn put(&self, row: &Row) -> Result<(), StoreError> {
        let Row { digest, record, tokens, created_at, sequence, expires_at } = row;
        let bound = (digest.as_str(), record, tokens, created_at.as_unix(), expires_at.as_unix(), sequence);
        self.run(statement::PUT, bound)
    }
    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.run(statement::DELETE, [digest.as_str()])
    }
    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        Ok(self.noted(kind, statement::NOTE, (kind.as_str(), key)).pop())
    }
    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        Ok(self.noted(kind, statement::NOTES, [kind.as_str()]))
    }
    fn put_note(&self, Note { kind, key, value, at }: &Note) -> Result<(), StoreError> {
        self.run(statement::PUT_NOTE, (kind.as_str(), key, value, at.as_unix()))
    }
    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.run(statement::DELETE_NOTE, (kind.as_str(), key))
    }
    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = self.0.query_row(statement::NEXT, (), |row| row.get("next")).unwrap();
        Ok(next.map(Timestamp::from_unix))
    }
}

#[derive(Clone, Debug)]
enum Op {
    Put(Row),
    Delete(SessionDigest),
    PutNote(Note),
    DeleteNote(NoteKind, String),
    WakeUp,
}

fn digest() -> impl Strategy<Value = SessionDigest> {
    prop::sample::select(vec!["a", "A", "b", "session-1"]).prop_map(|tag| SessionDigest::of_tag(tag.to_owned()))
}

/// What can stand in a text, quotes and signs of SQL among it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("x' OR '1'='1".to_owned()), "[a-z%_é\"?;-]{1,6}"]
}

fn kind() -> impl Strategy<Value = NoteKind> {
    prop::sample::select(KINDS.to_vec())
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "A", "sid/1"]).prop_map(str::to_owned)
}

fn op() -> impl Strategy<Value = Op> {
    let at = || (0..40_i64).prop_map(Timestamp::from_unix);
    prop_oneof![
        4 => (digest(), text(), text(), at(), at(), any::<u32>()).prop_map(
            |(digest, record, tokens, created_at, expires_at, sequence)| Op::Put(Row {
                digest, record, tokens, created_at, expires_at, sequence: sequence.into(),
            })
        ),
        2 => digest().prop_map(Op::Delete),
        4 => (kind(), key(), text(), at()).prop_map(|(kind, key, value, at)| Op::PutNote(Note { kind, key, value, at })),
        2 => (kind(), key()).prop_map(|(kind, key)| Op::DeleteNote(kind, key)),
        1 => Just(Op::WakeUp),
    ]
}

fn does(table: &dyn SessionTable, op: &Op) {
    match op {
        Op::Put(row) => table.put(row).unwrap(),
        Op::Delete(digest) => table.delete(digest).unwrap(),
        Op::PutNote(note) => table.put_note(note).unwrap(),
        Op::DeleteNote(kind, key) => table.delete_note(*kind, key).unwrap(),
        Op::WakeUp => {}
    }
}

/// All that can be asked of a table, for every key there is.
fn seen(table: &dyn SessionTable) -> String {
    let rows: Vec<_> = table.all().unwrap();
    let found: Vec<_> = ["a", "A", "b", "session-1"]
        .map(|tag| table.find(&SessionDigest::of_tag(tag.to_owned())).unwrap())
        .into_iter()
        .collect();
    let notes = KINDS.map(|kind| {
        let mut notes = table.notes(kind).unwrap();
        notes.sort_by(|one, other| one.key.cmp(&other.key));
        (notes, ["", "a", "A", "sid/1"].map(|key| table.note(kind, key).unwrap()))
    });
    format!("{:?}", (rows, found, notes, table.next_event().unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // the rules are tested over the table in memory.
    #[test]
    fn the_table_in_memory_is_what_sqlite_does(ops in vec(op(), 1..60)) {
        let (memory, sqlite) = (MemoryTable::default(), SqliteTable::new());
        for op in &ops {
            does(&memory, op);
            does(&sqlite, op);
            if matches!(op, Op::WakeUp) {
                sqlite.made();
            }
            prop_assert_eq!(seen(&memory), seen(&sqlite));
        }
    }
}

fn row(tag: &str, created_at: i64, sequence: i64) -> Row {
    let at = Timestamp::from_unix(created_at);
    Row {
        digest: SessionDigest::of_tag(tag.to_owned()),
        record: "{}".to_owned(),
        tokens: String::new(),
        created_at: at,
        sequence,
        expires_at: at,
    }
}

#[test]
fn a_table_of_the_release_before_goes_on_and_what_that_release_writes_is_read() {
    //
    let old = Connection::open_in_memory().unwrap();
    let put = |connection: &Connection, tag: &str, at: i64| {
        connection.execute(PUT_WITHOUT_SEQUENCE, (tag, "{}", "", at, at)).unwrap();
    };
    let are_made = |connection: &Connection| connection.prepare(statement::ARE_MADE).unwrap().exists(()).unwrap();
    assert!(!are_made(&old));
    old.execute(WITHOUT_SEQUENCE, ()).unwrap();
    assert!(are_made(&old));
    put(&old, "first", 100);
    put(&old, "second", 200);
    let table = SqliteTable(old);
    (0..2).for_each(|_| table.made());
    assert_eq!(table.all().unwrap(), [row("second", 200, 200), row("first", 100, 100)]);
    // Within one second those of this release are in their order, and one of the release before that came late is in its own.
    table.put(&row("third", 200, 201)).unwrap();
    put(&table.0, "fourth", 300);
    let order: Vec<i64> = table.all().unwrap().iter().map(|row| row.sequence).collect();
    assert_eq!(order, [300, 201, 200, 100]);
    assert_eq!(table.find(&SessionDigest::of_tag("fourth".to_owned())).unwrap(), Some(row("fourth", 300, 300)));
    assert_eq!(table.next_event().unwrap(), Some(Timestamp::from_unix(100)));
}
