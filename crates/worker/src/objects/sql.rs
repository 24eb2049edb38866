//! SQLite of a Durable Object, without the calls of the `worker` crate that trap.

use js_sys::Array;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::js as glue;
use crate::objects::ObjectError;
use postern::json;
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
    query::<serde::de::IgnoredAny>(sql, statement, bindings).map(drop)
}
