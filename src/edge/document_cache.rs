//! Public documents of providers in KV.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{Delay, Env, KvStore};

use super::log;
use crate::ports::DocumentCache;
use crate::time::Seconds;

/// KV refuses to forget sooner.
const SHORTEST_TTL: u64 = 60;

/// Asking the provider is quicker than waiting longer.
const TIMEOUT: Duration = Duration::from_secs(2);

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
        let answer = within_time(self.store.as_ref()?.get(key).text()).await;
        answer.unwrap_or_else(|reason| {
            log::failure("document_cache_get_failed", None, &reason);
            None
        })
    }

    async fn put(&self, key: &str, text: String, ttl: Seconds) {
        let Some(store) = &self.store else { return };
        let stored = match store.put(key, text) {
            Ok(put) => within_time(put.expiration_ttl(u64::from(ttl.get()).max(SHORTEST_TTL)).execute()).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = stored {
            log::failure("document_cache_put_failed", None, &reason);
        }
    }
}

async fn within_time<T, E: std::fmt::Display>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match select(pin!(work), pin!(Delay::from(TIMEOUT))).await {
        Either::Left((done, _)) => done.map_err(|error| error.to_string()),
        Either::Right(((), _)) => Err("no answer in time".to_owned()),
    }
}
