//! The tables of the object, by its own statements.

use postern::api_key::table::{KeyRow, KeyTable, statement};
use postern::api_key::{ApiKeyId, HolderKey};
use postern::ports::StoreError;
use postern::time::Timestamp;
use rusqlite::{Connection, Params};

use crate::Through;

/// One object's tables.
pub struct SqliteKeys(Connection);

impl SqliteKeys {
    pub fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        assert!(!connection.prepare(statement::ARE_MADE).unwrap().exists(()).unwrap());
        // An object that wakes up may make them again.
        for create in statement::CREATE.iter().chain(&statement::CREATE) {
            connection.execute(create, ()).unwrap();
        }
        assert!(connection.prepare(statement::ARE_MADE).unwrap().exists(()).unwrap());
        Self(connection)
    }

    fn rows(&self, statement: &str, bound: impl Params) -> Vec<KeyRow> {
        let mut prepared = self.0.prepare(statement).unwrap();
        let rows = prepared.query_map(bound, |row| {
            let holder = serde_json::Value::String(row.get("holder")?);
            Ok(KeyRow {
                id: ApiKeyId::parse(&row.get::<_, String>("id")?).unwrap(),
                holder: serde_json::from_value(holder).unwrap(),
                record: row.get("record")?,
                due_at: Timestamp::from_unix(row.get("due_at")?),
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn run(&self, statement: &str, bound: impl Params) {
        self.0.execute(statement, bound).unwrap();
    }
}

impl KeyTable for SqliteKeys {
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError> {
        Ok(self.rows(statement::FIND, [id.to_string()]).pop())
    }
    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError> {
        Ok(self.rows(statement::OF_HOLDER, [holder.as_str()]))
    }
    fn due(&self, now: Timestamp, most: usize) -> Result<Vec<KeyRow>, StoreError> {
        Ok(self.rows(statement::DUE, (now.as_unix(), i64::try_from(most).unwrap())))
    }
    fn put(&self, row: &KeyRow) -> Result<(), StoreError> {
        let bound = (row.id.to_string(), row.holder.as_str(), &row.record, row.due_at.as_unix());
        self.run(statement::PUT, bound);
        Ok(())
    }
    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.run(statement::DELETE, [id.to_string()]);
        Ok(())
    }
    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        let mut prepared = self.0.prepare(statement::STANDING).unwrap();
        let rows = prepared.query_map([holder.as_str()], |row| row.get("standing")).unwrap();
        Ok(rows.map(Result::unwrap).next())
    }
    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.run(statement::PUT_STANDING, [holder.as_str(), standing]);
        Ok(())
    }
    fn sweep_standings(&self) -> Result<(), StoreError> {
        self.run(statement::SWEEP_STANDINGS, ());
        Ok(())
    }
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = self.0.query_row(statement::NEXT, (), |row| row.get("next")).unwrap();
        Ok(next.map(Timestamp::from_unix))
    }
}

impl KeyTable for Through<'_> {
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError> {
        self.0.find(id)
    }
    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError> {
        self.0.of_holder(holder)
    }
    fn due(&self, now: Timestamp, most: usize) -> Result<Vec<KeyRow>, StoreError> {
        self.0.due(now, most)
    }
    fn put(&self, row: &KeyRow) -> Result<(), StoreError> {
        self.0.put(row)
    }
    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.0.delete(id)
    }
    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        self.0.standing(holder)
    }
    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.0.put_standing(holder, standing)
    }
    fn sweep_standings(&self) -> Result<(), StoreError> {
        self.0.sweep_standings()
    }
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.0.next_due()
    }
}
