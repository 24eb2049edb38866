//! What is in memory of keys is never older than the last write, whether that worked or not.

use std::cell::Cell;
use std::rc::Rc;

use postern::api_key::table::{KeyRow, KeyTable};
use postern::api_key::{ApiKeyId, CachedKeys, HolderKey};
use postern::ports::StoreError;
use postern::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::key_table::MemoryKeys;
use crate::{Counting, service};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Works,
    Fails,
    /// It is stored, and reported as failed.
    WorksUnseen,
}

/// Tables of which writes fail, and reads are counted.
struct Frail {
    table: Rc<MemoryKeys>,
    fate: Rc<Cell<Fate>>,
    reads: Rc<Cell<usize>>,
}

impl Frail {
    fn write(&self, act: impl FnOnce(&MemoryKeys) -> Result<(), StoreError>) -> Result<(), StoreError> {
        if self.fate.get() != Fate::Fails {
            act(&self.table)?;
        }
        if self.fate.get() == Fate::Works { Ok(()) } else { Err(StoreError::unavailable("broken")) }
    }

    fn read<T>(&self, act: impl FnOnce(&MemoryKeys) -> T) -> T {
        self.reads.set(self.reads.get() + 1);
        act(&self.table)
    }
}

impl KeyTable for Frail {
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError> {
        self.read(|table| table.find(id))
    }
    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError> {
        self.read(|table| table.of_holder(holder))
    }
    fn due(&self, now: Timestamp, most: usize) -> Result<Vec<KeyRow>, StoreError> {
        self.table.due(now, most)
    }
    fn put(&self, row: &KeyRow) -> Result<(), StoreError> {
        self.write(|table| table.put(row))
    }
    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.write(|table| table.delete(id))
    }
    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        self.read(|table| table.standing(holder))
    }
    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.write(|table| table.put_standing(holder, standing))
    }
    fn sweep_standings(&self) -> Result<(), StoreError> {
        self.write(MemoryKeys::sweep_standings)
    }
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.table.next_due()
    }
}

/// More keys than are kept in memory.
const KEYS: u8 = 70;

#[derive(Clone, Copy, Debug)]
enum Op {
    Find(u8),
    Standing(u8),
    Put(u8, i64, Fate),
    Delete(u8, Fate),
    PutStanding(u8, i64, Fate),
    SweepStandings(Fate),
}

fn op() -> impl Strategy<Value = Op> {
    let fate = || prop_oneof![4 => Just(Fate::Works), 1 => Just(Fate::Fails), 1 => Just(Fate::WorksUnseen)];
    prop_oneof![
        4 => (0..KEYS).prop_map(Op::Find),
        2 => (0..KEYS).prop_map(Op::Standing),
        3 => (0..KEYS, 0..1000_i64, fate()).prop_map(|(key, at, fate)| Op::Put(key, at, fate)),
        1 => (0..KEYS, fate()).prop_map(|(key, fate)| Op::Delete(key, fate)),
        2 => (0..KEYS, 0..1000_i64, fate()).prop_map(|(key, at, fate)| Op::PutStanding(key, at, fate)),
        1 => fate().prop_map(Op::SweepStandings),
    ]
}

fn holder(key: u8) -> HolderKey {
    HolderKey::of(&service(&format!("service-{}", key % 4)))
}

fn ids() -> Vec<ApiKeyId> {
    let random = Counting(Cell::new(7));
    (0..KEYS).map(|key| ApiKeyId::generate(&holder(key), &random)).collect()
}

fn row(id: ApiKeyId, key: u8, at: i64) -> KeyRow {
    KeyRow { id, holder: holder(key), record: format!("{{\"at\":{at}}}"), due_at: Timestamp::from_unix(at) }
}

proptest! {
    #[test]
    fn what_is_found_is_what_is_stored(ops in vec(op(), 1..300)) {
        let (table, fate) = (Rc::new(MemoryKeys::default()), Rc::new(Cell::new(Fate::Works)));
        let cached = CachedKeys::new(Frail { table: Rc::clone(&table), fate: Rc::clone(&fate), reads: Rc::default() });
        let ids = ids();
        let id = |key: u8| ids[usize::from(key)];
        for op in ops {
            let written = match op {
                Op::Find(key) => {
                    prop_assert_eq!(cached.find(id(key)).unwrap(), table.find(id(key)).unwrap());
                    None
                }
                Op::Standing(key) => {
                    prop_assert_eq!(cached.standing(&holder(key)).unwrap(), table.standing(&holder(key)).unwrap());
                    None
                }
                Op::Put(key, at, so) => {
                    fate.set(so);
                    Some((cached.put(&row(id(key), key, at)), so))
                }
                Op::Delete(key, so) => {
                    fate.set(so);
                    Some((cached.delete(id(key)), so))
                }
                Op::PutStanding(key, at, so) => {
                    fate.set(so);
                    Some((cached.put_standing(&holder(key), &at.to_string()), so))
                }
                Op::SweepStandings(so) => {
                    fate.set(so);
                    Some((cached.sweep_standings(), so))
                }
            };
            if let Some((written, so)) = written {
                prop_assert_eq!(written.is_ok(), so == Fate::Works);
            }
        }
        for key in 0..KEYS {
            prop_assert_eq!(cached.find(id(key)).unwrap(), table.find(id(key)).unwrap());
            prop_assert_eq!(cached.standing(&holder(key)).unwrap(), table.standing(&holder(key)).unwrap());
        }
    }
}

#[test]
fn a_row_is_read_once_and_a_missing_one_each_time() {
    let (reads, ids) = (Rc::new(Cell::new(0)), ids());
    let fate = Rc::new(Cell::new(Fate::Works));
    let cached = CachedKeys::new(Frail { table: Rc::default(), fate, reads: Rc::clone(&reads) });
    cached.put(&row(ids[1], 1, 5)).unwrap();
    cached.put_standing(&holder(1), "said").unwrap();
    for _ in 0..10 {
        assert_eq!(cached.find(ids[1]).unwrap(), Some(row(ids[1], 1, 5)));
        assert_eq!(cached.standing(&holder(1)).unwrap().as_deref(), Some("said"));
    }
    assert_eq!(reads.get(), 2);
    for _ in 0..10 {
        assert_eq!(cached.find(ids[2]).unwrap(), None);
    }
    assert_eq!(reads.get(), 12);
    cached.forget_all();
    cached.find(ids[1]).unwrap();
    cached.standing(&holder(1)).unwrap();
    assert_eq!(reads.get(), 14);
}
