//! The Durable Object that keeps the block list.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Promise;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::worker_sys::DurableObjectState;
use worker::{Env, SqlStorageValue, State, Storage};

use crate::objects::sql::{self, unavailable};
use crate::objects::{self, ObjectError};
use postern::ports::{Clock, StoreError};
use postern::store::block_list::{
    BlockRequest, BlockRow, BlockRowChange, BlockRowKind, BlockRules, BlockTable, statement,
};
use postern::time::Timestamp;
use postern_workers::clock::SystemClock;

/// The block list of a site.
#[wasm_bindgen]
pub struct BlockObject {
    table: Rc<Table>,
}

struct Table {
    storage: Storage,
    is_made: Cell<bool>,
    /// The version in storage, as long as nothing is being written: nearly every message asks for it alone.
    version: Cell<Option<u64>>,
}

#[derive(Deserialize)]
struct StoredEntry {
    key: String,
    kind: String,
    value: String,
    moment: Option<Timestamp>,
    tokens: Option<Timestamp>,
    until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Number {
    number: u64,
}

#[derive(Deserialize)]
struct Count {
    count: usize,
}

#[wasm_bindgen]
impl BlockObject {
    /// The object over its storage.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(state: DurableObjectState, _env: Env) -> Self {
        let storage = State::from(state).storage();
        Self { table: Rc::new(Table { storage, is_made: Cell::new(false), version: Cell::new(None) }) }
    }

    /// The answer to a message: a status as in HTTP, and a text.
    pub fn answer(&self, message: String) -> Promise {
        let table = Rc::clone(&self.table);
        objects::answered(message, move |message| async move { answer(&table, &message) })
    }
}

/// Without a wait from beginning to end: nothing comes between a look and a change.
fn answer(table: &Table, message: &str) -> Result<String, ObjectError> {
    let request = BlockRequest::parse(message);
    let request =
        request.ok_or_else(|| ObjectError::Malformed("expected a request about the block list".to_owned()))?;
    let answer = BlockRules { table }.answer(&request, SystemClock.now());
    let answer = answer.map_err(|error| match error {
        StoreError::Unavailable(why) => ObjectError::Failed(why.0),
        StoreError::Malformed => ObjectError::Failed("an entry of the block list cannot be read".to_owned()),
    })?;
    Ok(answer.to_json())
}

impl Table {
    fn query<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, StoreError> {
        self.make()?;
        sql::query(&self.storage.sql(), statement, bindings).map_err(unavailable)
    }

    fn make(&self) -> Result<(), StoreError> {
        if !self.is_made.get() {
            for create in statement::CREATE {
                sql::execute(&self.storage.sql(), create, Vec::new()).map_err(unavailable)?;
            }
            self.is_made.set(true);
        }
        Ok(())
    }
}

impl BlockTable for Table {
    fn version(&self) -> Result<u64, StoreError> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        let found: Vec<Number> = self.query(statement::VERSION, Vec::new())?;
        let version = found.first().map_or(0, |found| found.number);
        self.version.set(Some(version));
        Ok(version)
    }

    fn find(&self, key: &str) -> Result<Option<BlockRow>, StoreError> {
        let found: Vec<StoredEntry> = self.query(statement::FIND, vec![key.into()])?;
        found.into_iter().next().map(read).transpose()
    }

    fn list(&self, kind: BlockRowKind, after: &str, most: usize) -> Result<Vec<BlockRow>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let found = self.query(statement::LIST, vec![kind.as_str().into(), after.into(), most.into()])?;
        found.into_iter().map(read).collect()
    }

    fn copied(&self, kind: BlockRowKind, most: usize) -> Result<Vec<BlockRow>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let found = self.query(statement::COPIED, vec![kind.as_str().into(), most.into()])?;
        found.into_iter().map(read).collect()
    }

    fn count(&self, kind: BlockRowKind, now: Timestamp) -> Result<usize, StoreError> {
        let bindings = vec![kind.as_str().into(), now.as_unix().into()];
        let found: Vec<Count> = self.query(statement::COUNT, bindings)?;
        found.first().map(|found| found.count).ok_or(StoreError::Malformed)
    }

    fn change(&self, change: BlockRowChange<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.make()?;
        self.version.set(None);
        let changed = match change {
            BlockRowChange::Delete(key) => (statement::DELETE, vec![key.into()]),
            BlockRowChange::Put(BlockRow { key, kind, value, moment, tokens, until }) => {
                let times = [moment, tokens, until].map(|time| time.map(Timestamp::as_unix).into());
                let texts = [key.as_str(), kind.as_str(), value.as_str()].map(SqlStorageValue::from);
                (statement::PUT, texts.into_iter().chain(times).collect())
            }
        };
        let sweep = (statement::SWEEP, vec![now.as_unix().into()]);
        let all = vec![sweep, changed, (statement::NEXT_VERSION, Vec::new())];
        sql::transaction::<IgnoredAny>(&self.storage, all).map(drop).map_err(unavailable)
    }
}

fn read(stored: StoredEntry) -> Result<BlockRow, StoreError> {
    let StoredEntry { key, kind, value, moment, tokens, until } = stored;
    let kinds = [BlockRowKind::Block, BlockRowKind::NotBefore];
    let kind = kinds.into_iter().find(|known| known.as_str() == kind).ok_or(StoreError::Malformed)?;
    Ok(BlockRow { key, kind, value, moment, tokens, until })
}
