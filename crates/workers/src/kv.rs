//! Public documents of providers, and policies, in KV.

use js_sys::Promise;
use wasm_bindgen::JsValue;

use crate::bindings::Bindings;
use crate::clock::millis;
use crate::js::glue;
use crate::log;
use crate::pending_promise;
use postern::config::bindings;
use postern::json;
use postern::ports::{PolicyPublisher, PolicyStore, Probe, SharedDocuments, StoreError};
use postern::time::Seconds;

/// The binding of the KV namespace for public documents.
pub const DOCUMENTS: &str = bindings::DOCUMENTS;

/// The binding of the KV namespace that policies are published in.
pub const POLICIES: &str = bindings::POLICIES;

/// KV refuses to forget sooner.
const SHORTEST_TTL: Seconds = Seconds::minutes(1);
/// A cache that takes longer is slower than asking the provider.
const PATIENCE: Seconds = Seconds::new(2);

/// Whatever goes wrong with it only costs a request to the provider. Without a namespace nothing is kept.
impl SharedDocuments for Bindings {
    async fn get(&self, key: &str) -> Option<String> {
        self.has(DOCUMENTS).then_some(())?;
        get(self, DOCUMENTS, key, "document_cache_get_failed").await?.as_string()
    }

    async fn put(&self, key: &str, text: String, ttl: Seconds) {
        if self.has(DOCUMENTS) {
            put(self, (DOCUMENTS, key), &text, Some(ttl.max(SHORTEST_TTL)), "document_cache_put_failed").await;
        }
    }
}

/// A key that nothing is stored under.
const NO_KEY: &str = "health";

impl Probe for Bindings {
    fn is_bound(&self, binding: &str) -> bool {
        self.has(binding)
    }

    async fn read_cache(&self) -> Result<(), StoreError> {
        let got = get(self, DOCUMENTS, NO_KEY, "document_cache_get_failed").await;
        got.map(drop).ok_or_else(|| StoreError::unavailable("it does not answer"))
    }
}

/// Without a namespace there are no policies.
impl PolicyStore for Bindings {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.background().note_effect();
        let unavailable = || StoreError::unavailable("policies cannot be read");
        let text = get(self, POLICIES, key, "policy_get_failed").await.ok_or_else(unavailable)?;
        Ok(text.as_string())
    }
}

impl PolicyPublisher for Bindings {
    async fn publish(&self, key: &str, text: String) -> Result<(), StoreError> {
        let unavailable = || StoreError::unavailable("policies cannot be written");
        put(self, (POLICIES, key), &text, None, "policy_put_failed").await.map(drop).ok_or_else(unavailable)
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let unavailable = || StoreError::unavailable("policies cannot be listed");
        let (scope, scoped) = (self.site().scoped(""), self.site().scoped(prefix));
        let listed = glue::kv_keys(self.env(), POLICIES, &scoped, millis(PATIENCE));
        let listed =
            done("policy_list_failed", listed).await.and_then(|keys| keys.as_string()).ok_or_else(unavailable)?;
        let keys: Vec<String> = json::from_text(&listed).map_err(|_| unavailable())?;
        Ok(keys.iter().filter_map(|key| key.strip_prefix(&scope).map(str::to_owned)).collect())
    }
}

/// The text under a key, or `null`.
async fn get(bindings: &Bindings, binding: &str, key: &str, event: &str) -> Option<JsValue> {
    done(event, glue::kv_get(bindings.env(), binding, &bindings.site().scoped(key), millis(PATIENCE))).await
}

async fn put(
    bindings: &Bindings,
    (binding, key): (&str, &str),
    text: &str,
    ttl: Option<Seconds>,
    event: &str,
) -> Option<JsValue> {
    let (key, ttl) = (bindings.site().scoped(key), ttl.map(Seconds::get));
    done(event, glue::kv_put(bindings.env(), binding, &key, text, ttl, millis(PATIENCE))).await
}

/// What came of it in time; a failure, or no answer, is logged under `event`.
async fn done(event: &str, work: Result<Promise, JsValue>) -> Option<JsValue> {
    pending_promise::wait(work).await.map_err(|error| log::failure(event, None, &error.to_string())).ok()
}
