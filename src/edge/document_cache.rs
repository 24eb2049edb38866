//! Public documents of providers in KV.

use worker::{Env, KvStore};

use super::log;
use crate::ports::DocumentCache;
use crate::time::Seconds;

/// KV refuses to forget sooner.
const SHORTEST_TTL: u64 = 60;

/// A KV namespace. Whatever goes wrong with it only costs a request to the provider.
#[derive(Clone, Debug)]
pub struct KvDocuments {
    store: Option<KvStore>,
}

impl KvDocuments {
    /// The namespace bound as `binding`; without one nothing is kept.
    #[must_use]
    pub fn bound(env: &Env, binding: &str) -> Self {
        Self { store: env.kv(binding).ok() }
    }
}

impl DocumentCache for KvDocuments {
    async fn get(&self, key: &str) -> Option<String> {
        let answer = self.store.as_ref()?.get(key).text().await;
        answer.unwrap_or_else(|error| {
            log::failure("document_cache_get_failed", None, &error.to_string());
            None
        })
    }

    async fn put(&self, key: &str, text: String, ttl: Seconds) {
        let Some(store) = &self.store else { return };
        let stored = match store.put(key, text) {
            Ok(put) => put.expiration_ttl(u64::from(ttl.get()).max(SHORTEST_TTL)).execute().await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            log::failure("document_cache_put_failed", None, &error.to_string());
        }
    }
}
