//! SQLite of a Durable Object, without the calls of the `worker` crate that trap.

use js_sys::{Array, JSON};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{SqlStorage, SqlStorageValue};

use super::js::{self, Exception};
use super::object::ObjectError;
use crate::json;

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
    let rows = rows_as_json(sql, statement, bindings).map_err(|error| ObjectError::Failed(error.to_string()))?;
    serde_json::from_str(&rows)
        .map_err(|error| ObjectError::Failed(format!("unexpected row: {}", json::unread(&error))))
}

/// Runs one statement for its effect.
///
/// # Errors
/// When SQLite refuses it.
pub fn execute(sql: &SqlStorage, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), ObjectError> {
    query::<serde::de::IgnoredAny>(sql, statement, bindings).map(drop)
}

fn rows_as_json(sql: &SqlStorage, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<String, Exception> {
    let arguments = Array::of1(&JsValue::from_str(statement));
    for binding in bindings {
        arguments.push(&binding.into());
    }
    let cursor = js::call(sql.as_ref(), "exec", &arguments)?;
    let rows = js::call(&cursor, "toArray", &Array::new())?;
    Ok(JSON::stringify(&rows)?.into())
}
