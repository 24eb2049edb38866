//! Public documents of providers, and policies, in KV.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{Delay, Env, KvError, KvStore};

use super::log;
use crate::ports::{DocumentCache, PolicyPress, PolicyStore, StoreError};
use crate::time::Seconds;

/// KV refuses to forget sooner.
const SHORTEST_TTL: u64 = 60;
/// A cache that takes longer is slower than asking the provider.
const PATIENCE: Duration = Duration::from_secs(2);

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
        within_patience("document_cache_get_failed", self.store.as_ref()?.get(key).text()).await.flatten()
    }

    async fn put(&self, key: &str, text: String, ttl: Seconds) {
        let Some(store) = &self.store else { return };
        let ttl = u64::from(ttl.get()).max(SHORTEST_TTL);
        let put = async { store.put(key, text)?.expiration_ttl(ttl).execute().await };
        within_patience("document_cache_put_failed", put).await;
    }
}

/// The KV namespace that policies are published in.
#[derive(Clone, Debug)]
pub struct KvPolicies {
    store: Option<KvStore>,
}

impl KvPolicies {
    /// The namespace bound as `binding`; without one there are no policies.
    #[must_use]
    pub fn bound(env: &Env, binding: &str) -> Self {
        Self { store: env.kv(binding).ok() }
    }
}

impl PolicyStore for KvPolicies {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        let unavailable = || StoreError::Unavailable("policies cannot be read".to_owned());
        let store = self.store.as_ref().ok_or_else(unavailable)?;
        within_patience("policy_get_failed", store.get(key).text()).await.ok_or_else(unavailable)
    }
}

impl PolicyPress for KvPolicies {
    async fn publish(&self, key: &str, text: String) -> Result<(), StoreError> {
        let unavailable = || StoreError::Unavailable("policies cannot be written".to_owned());
        let store = self.store.as_ref().ok_or_else(unavailable)?;
        let put = async { store.put(key, text)?.execute().await };
        within_patience("policy_put_failed", put).await.ok_or_else(unavailable)
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let unavailable = || StoreError::Unavailable("policies cannot be listed".to_owned());
        let store = self.store.as_ref().ok_or_else(unavailable)?;
        let listed = within_patience("policy_list_failed", store.list().prefix(prefix.to_owned()).execute()).await;
        Ok(listed.ok_or_else(unavailable)?.keys.into_iter().map(|key| key.name).collect())
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
