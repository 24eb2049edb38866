//! Shared documents, the texts of pages, the log, and what a health check asks.

use postern::ports::{Languages, Log, Probe, SharedDocuments, StoreError};
use postern::time::Seconds;

use super::{Fault, World, breath};

impl SharedDocuments for World {
    async fn get(&self, key: &str) -> Option<String> {
        self.spend(0, 0, 1);
        self.cache.borrow().get(key).cloned()
    }

    async fn put(&self, key: &str, text: String, _: Seconds) {
        self.spend(0, 0, 1);
        self.cache_puts.set(self.cache_puts.get() + 1);
        self.cache.borrow_mut().insert(key.to_owned(), text);
    }
}

impl Probe for World {
    fn is_bound(&self, binding: &str) -> bool {
        !self.unbound.borrow().iter().any(|missing| missing == binding)
    }

    async fn read_cache(&self) -> Result<(), StoreError> {
        breath().await;
        if self.fault.get() == Fault::Cache { Err(StoreError::unavailable("the cache broke")) } else { Ok(()) }
    }
}

/// The files that the Worker is built with.
impl Languages for World {
    async fn texts(&self, tag: &str) -> Option<String> {
        breath().await;
        let path = format!("{}/src/pages/languages/{tag}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).ok()
    }
}

impl Log for World {
    fn line(&self, json: &str) {
        self.lines.borrow_mut().push(json.to_owned());
    }
}
