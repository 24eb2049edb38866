//! `cache` of a route → [`BrowserCache`].

use serde_json::Value;

use super::table::Table;
use super::value::{choice, duration, found};
use crate::route::BrowserCache;
use crate::time::Seconds;

/// Nobody is shown a file for longer than this without a look at the session.
const LONGEST_UNCHECKED: Seconds = Seconds::hours(24);

const WORDS: [(&str, BrowserCache); 2] = [("none", BrowserCache::None), ("revalidate", BrowserCache::Revalidate)];

/// Reads `cache`. Without the key, static files are kept and revalidated, and nothing else is kept.
pub(super) fn of_route(table: &mut Table<'_>, to_assets: bool) -> BrowserCache {
    let default = if to_assets { BrowserCache::Revalidate } else { BrowserCache::None };
    match table.peek("cache") {
        Some(Value::Object(_)) => table.table("cache").and_then(unchecked).unwrap_or(default),
        _ => table.optional("cache", word).unwrap_or(default),
    }
}

fn unchecked(mut table: Table<'_>) -> Option<BrowserCache> {
    let longest = table.required("unchecked", "a duration", duration(Seconds::new(1), LONGEST_UNCHECKED));
    table.finish();
    longest.map(BrowserCache::Unchecked)
}

fn word(value: &Value) -> Result<BrowserCache, String> {
    choice(&WORDS)(value).map_err(|_| {
        format!("expected `none`, `revalidate` or a table such as `{{ unchecked = \"10m\" }}`, found {}", found(value))
    })
}
