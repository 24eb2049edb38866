//! SQLite of a Durable Object, without the calls of the `worker` crate that trap.

use std::cell::Cell;

use js_sys::Array;
use serde::de::{DeserializeOwned, IgnoredAny};
use wasm_bindgen::JsValue;
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::js as glue;
use crate::objects::ObjectError;
use postern::json;
use postern::ports::StoreError;
use postern_workers::js::Exception;

/// What an object in memory knows of its tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has not looked yet.
    Nothing,
    /// There are none: nothing is stored.
    Missing,
    /// They exist, with every column and index.
    Made,
}

/// The tables of an object, made by the first write. A read makes none: where there is none, nothing is stored.
pub struct LazyTables {
    sql: SqlStorage,
    known: Cell<Known>,
    /// A row if there are tables.
    are_made: &'static str,
    /// Makes them, or what is missing of those that an earlier release made.
    make: fn(&SqlStorage) -> Result<(), ObjectError>,
}

impl LazyTables {
    /// The tables in this storage.
    #[must_use]
    pub const fn new(
        sql: SqlStorage,
        are_made: &'static str,
        make: fn(&SqlStorage) -> Result<(), ObjectError>,
    ) -> Self {
        Self { sql, known: Cell::new(Known::Nothing), are_made, make }
    }

    /// Whether there are tables, as far as this instance has looked.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.known.get() == Known::Made
    }

    /// The storage is given back: the tables are gone.
    pub fn unmade(&self) {
        self.known.set(Known::Nothing);
    }

    /// Rows.
    ///
    /// # Errors
    /// When SQLite refuses the statement or a row is not a `T`.
    pub fn query<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, StoreError> {
        if self.look().map_err(unavailable)? == Known::Missing {
            return Ok(Vec::new());
        }
        query(&self.sql, statement, bindings).map_err(unavailable)
    }

    /// Stores something.
    ///
    /// # Errors
    /// When SQLite refuses it.
    pub fn write(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        if self.look().map_err(unavailable)? == Known::Missing {
            self.make_all().map_err(unavailable)?;
        }
        self.change(statement, bindings)
    }

    /// Changes what is there: without tables nothing is.
    ///
    /// # Errors
    /// When SQLite refuses it.
    pub fn change(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        self.query::<IgnoredAny>(statement, bindings).map(drop)
    }

    fn look(&self) -> Result<Known, ObjectError> {
        if self.known.get() == Known::Nothing {
            let found: Vec<IgnoredAny> = query(&self.sql, self.are_made, Vec::new())?;
            if found.is_empty() {
                self.known.set(Known::Missing);
            } else {
                self.make_all()?;
            }
        }
        Ok(self.known.get())
    }

    fn make_all(&self) -> Result<(), ObjectError> {
        (self.make)(&self.sql)?;
        self.known.set(Known::Made);
        Ok(())
    }
}

/// A failure of SQLite, as the rules of an object are told.
pub fn unavailable(error: ObjectError) -> StoreError {
    let (ObjectError::Failed(reason) | ObjectError::Malformed(reason)) = error;
    StoreError::unavailable(reason)
}

/// Runs one statement and reads all its rows, each as an object of its columns. Bindings fill the
/// `?` in order. Columns hold text and numbers up to 2⁵³; no blobs.
///
/// # Errors
/// When SQLite refuses the statement or a row is not a `T`.
pub fn query<T: DeserializeOwned>(
    sql: &SqlStorage,
    statement: &str,
    bindings: Vec<SqlStorageValue>,
) -> Result<Vec<T>, ObjectError> {
    let bindings: Array = bindings.into_iter().map(JsValue::from).collect();
    let rows = glue::rows(sql.as_ref(), statement, &bindings);
    let rows = rows.map_err(|error| ObjectError::Failed(Exception::from(error).to_string()))?;
    json::from_text(&rows).map_err(|error| ObjectError::Failed(format!("unexpected row: {error}")))
}

/// Runs statements in one transaction, and reads all rows of each.
///
/// # Errors
/// When SQLite refuses one of them, and then none of them happened; or a row is not a `T`.
pub fn transaction<T: DeserializeOwned>(
    storage: &Storage,
    statements: Vec<(&str, Vec<SqlStorageValue>)>,
) -> Result<Vec<Vec<T>>, ObjectError> {
    let pair = |(statement, bindings): (&str, Vec<SqlStorageValue>)| {
        let bindings: Array = bindings.into_iter().map(JsValue::from).collect();
        Array::of2(&statement.into(), &bindings)
    };
    let statements: Array = statements.into_iter().map(pair).collect();
    let rows = glue::transaction(storage.as_raw(), &statements);
    let rows = rows.map_err(|error| ObjectError::Failed(Exception::from(error).to_string()))?;
    json::from_text(&rows).map_err(|error| ObjectError::Failed(format!("unexpected row: {error}")))
}

/// Runs one statement for its effect.
///
/// # Errors
/// When SQLite refuses it.
pub fn execute(sql: &SqlStorage, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), ObjectError> {
    query::<IgnoredAny>(sql, statement, bindings).map(drop)
}
