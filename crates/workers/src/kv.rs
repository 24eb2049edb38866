//! Public documents of providers, and policies, in KV.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{Delay, KvError};

use crate::bindings::Bindings;
use crate::log;
use postern::ports::{PolicyPublisher, PolicyStore, SharedDocuments, StoreError};
use postern::time::Seconds;

/// The binding of the KV namespace for public documents.
pub const DOCUMENTS: &str = "POSTERN_CACHE";

/// The binding of the KV namespace that policies are published in.
pub const POLICIES: &str = "POSTERN_POLICIES";

/// KV refuses to forget sooner.
const SHORTEST_TTL: u64 = 60;
/// A cache that takes longer is slower than asking the provider.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whatever goes wrong with it only costs a request to the provider. Without a namespace nothing is kept.
impl SharedDocuments for Bindings {
    async fn get(&self, key: &str) -> Option<String> {
        let get = self.kv(DOCUMENTS)?.get(&self.site().scoped(key)).text();
        within_patience("document_cache_get_failed", get).await.flatten()
    }

    async fn put(&self, key: &str, text: String, ttl: Seconds) {
        let Some(store) = self.kv(DOCUMENTS) else { return };
        let ttl = u64::from(ttl.get()).max(SHORTEST_TTL);
        let put = async { store.put(&self.site().scoped(key), text)?.expiration_ttl(ttl).execute().await };
        within_patience("document_cache_put_failed", put).await;
    }
}

/// Without a namespace there are no policies.
impl PolicyStore for Bindings {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.background().note_effect();
        let unavailable = || StoreError::Unavailable("policies cannot be read".to_owned());
        let store = self.kv(POLICIES).ok_or_else(unavailable)?;
        within_patience("policy_get_failed", store.get(&self.site().scoped(key)).text()).await.ok_or_else(unavailable)
    }
}

impl PolicyPublisher for Bindings {
    async fn publish(&self, key: &str, text: String) -> Result<(), StoreError> {
        let unavailable = || StoreError::Unavailable("policies cannot be written".to_owned());
        let store = self.kv(POLICIES).ok_or_else(unavailable)?;
        let put = async { store.put(&self.site().scoped(key), text)?.execute().await };
        within_patience("policy_put_failed", put).await.ok_or_else(unavailable)
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let unavailable = || StoreError::Unavailable("policies cannot be listed".to_owned());
        let store = self.kv(POLICIES).ok_or_else(unavailable)?;
        let scope = self.site().scoped("");
        let list = store.list().prefix(self.site().scoped(prefix)).execute();
        let listed = within_patience("policy_list_failed", list).await.ok_or_else(unavailable)?;
        Ok(listed.keys.iter().filter_map(|key| key.name.strip_prefix(&scope).map(str::to_owned)).collect())
    }
}

/// What came of it in time; a failure, or no answer, is logged under `event`.
async fn within_patience<T>(event: &str, work: impl Future<Output = Result<T, KvError>>) -> Option<T> {
    match select(pin!(work), pin!(Delay::from(PATIENCE))).await {
        Either::Left((Ok(done), _)) => Some(done),
        Either::Left((Err(error), _)) => {
            log::failure(event, None, &error.to_string());
            None
        }
        Either::Right(((), _)) => {
            log::failure(event, None, "no answer in time");
            None
        }
    }
}
