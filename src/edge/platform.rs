//! Everything the gateway asks of the world, answered by the runtime.

use std::rc::Rc;
use std::time::Duration;

use worker::{Delay, Env};

use super::background::Background;
use super::buckets::BucketObjects;
use super::clock::SystemClock;
use super::decisions::DecisionObjects;
use super::document_cache::{KvDocuments, KvPolicies};
use super::fetch::ProviderFetch;
use super::log::{self, ConsoleLog};
use super::object::Objects;
use super::once::OnceObjects;
use super::random::SystemRandom;
use super::sessions::SubjectObjects;
use super::sid_index::SidIndexObjects;
use super::sign::WebCryptoSigning;
use super::signatures::WebCrypto;
use super::tuples::TupleObjects;
use crate::gateway::{Errand, Errands, Gateway};
use crate::http::Method;
use crate::jose::{Algorithm, Es256Signer, PublicKey};
use crate::kept::{Decision, KeptDecisions};
use crate::limit::{Allowance, BucketKey, Counters, Drawn};
use crate::ports::{
    Clock, DocumentCache, Fetch, FetchError, Log, Once, OutboundRequest, OutboundResponse, PolicyPress, PolicyStore,
    Random, Signatures, Signing, StoreError, Timer,
};
use crate::relation::{Answer as Answers, Change, Changed, Object, Page, Read, Relations, Tuple};
use crate::session::{Answer, Command, Sessions, SidEntry, SidIndex, SidKey, SubjectKey};
use crate::site::Site;
use crate::time::{Seconds, Timestamp};

/// The binding of the KV namespace for public documents.
pub const DOCUMENTS: &str = "POSTERN_CACHE";

/// The binding of the KV namespace that policies are published in.
pub const POLICIES: &str = "POSTERN_POLICIES";

/// The runtime, with the bindings of one event, for one site. Looked up where they are used: most requests need none
/// or one.
pub struct Workers {
    env: Env,
    gateway: Rc<Gateway>,
    background: Background,
}

impl Workers {
    /// The runtime as this event's `env` gives it to this site; what the event starts goes on in `background`.
    #[must_use]
    pub fn new(env: &Env, gateway: &Rc<Gateway>, background: Background) -> Self {
        Self { env: env.clone(), gateway: Rc::clone(gateway), background }
    }

    fn site(&self) -> &Site {
        &self.gateway.config().site
    }

    fn objects(&self) -> Objects<'_> {
        Objects { env: &self.env, site: self.site() }
    }

    fn documents(&self) -> KvDocuments {
        KvDocuments::bound(&self.env, DOCUMENTS)
    }

    fn once(&self) -> OnceObjects<'_> {
        OnceObjects(self.objects())
    }

    fn sids(&self) -> SidIndexObjects<'_> {
        SidIndexObjects(self.objects())
    }
}

impl Clock for Workers {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

impl Timer for Workers {
    async fn sleep(&self, milliseconds: u32) {
        Delay::from(Duration::from_millis(milliseconds.into())).await;
    }
}

impl Errands for Workers {
    fn start(&self, errand: Errand) {
        let platform = Self::new(&self.env, &self.gateway, self.background.clone());
        self.background.run(async move { platform.gateway.run(&platform, errand).await });
    }
}

impl Random for Workers {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom.fill(bytes);
    }
}

impl Fetch for Workers {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        if request.method != Method::GET {
            self.background.note_effect();
        }
        ProviderFetch.send(request).await
    }
}

impl Signatures for Workers {
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        WebCrypto.verify(key, algorithm, message, signature).await
    }
}

impl Signing for Workers {
    async fn sign(&self, key: &Es256Signer, message: &[u8]) -> Option<Vec<u8>> {
        WebCryptoSigning.sign(key, message).await
    }
}

impl DocumentCache for Workers {
    async fn get(&self, key: &str) -> Option<String> {
        self.documents().get(&self.site().scoped(key)).await
    }

    async fn put(&self, key: &str, text: String, ttl: Seconds) {
        self.documents().put(&self.site().scoped(key), text, ttl).await;
    }
}

impl PolicyStore for Workers {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        KvPolicies::bound(&self.env, POLICIES).published(&self.site().scoped(key)).await
    }
}

impl PolicyPress for Workers {
    async fn publish(&self, key: &str, text: String) -> Result<(), StoreError> {
        self.background.note_effect();
        KvPolicies::bound(&self.env, POLICIES).publish(&self.site().scoped(key), text).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let scope = self.site().scoped("");
        let keys = KvPolicies::bound(&self.env, POLICIES).keys(&self.site().scoped(prefix)).await?;
        Ok(keys.into_iter().filter_map(|key| key.strip_prefix(&scope).map(str::to_owned)).collect())
    }
}

impl Once for Workers {
    async fn claim(&self, key: &[u8; 32], until: Timestamp) -> Result<bool, StoreError> {
        self.background.note_effect();
        self.once().claim(key, until).await
    }

    async fn release(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        self.once().release(key).await
    }
}

impl Sessions for Workers {
    async fn call(&self, subject: &SubjectKey, command: &Command) -> Result<Answer, StoreError> {
        if !matches!(command, Command::Check(_)) {
            self.background.note_effect();
        }
        SubjectObjects(self.objects()).call(subject, command).await
    }
}

impl SidIndex for Workers {
    async fn enter_sid(&self, key: &SidKey, entry: &SidEntry) -> Result<bool, StoreError> {
        self.background.note_effect();
        self.sids().enter_sid(key, entry).await
    }

    async fn find_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        self.sids().find_sid(key).await
    }

    async fn end_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        self.background.note_effect();
        self.sids().end_sid(key).await
    }
}

impl Counters for Workers {
    async fn draw(&self, key: &BucketKey, allowance: &Allowance) -> Result<Drawn, StoreError> {
        BucketObjects(self.objects()).draw(key, allowance).await
    }

    async fn is_within(&self, binding: &str, key: &BucketKey) -> Result<bool, StoreError> {
        BucketObjects(self.objects()).is_within(binding, key).await
    }
}

impl Relations for Workers {
    async fn read_tuples(&self, reads: &[Read]) -> Result<Vec<Answers>, StoreError> {
        TupleObjects(self.objects()).read_tuples(reads).await
    }

    async fn change_tuples(&self, change: &Change) -> Result<Changed, StoreError> {
        self.background.note_effect();
        TupleObjects(self.objects()).change_tuples(change).await
    }

    async fn list_tuples(&self, object: &Object, after: Option<&Tuple>) -> Result<Page, StoreError> {
        TupleObjects(self.objects()).list_tuples(object, after).await
    }
}

impl KeptDecisions for Workers {
    fn keep(&self, decision: Decision) {
        let platform = Self::new(&self.env, &self.gateway, self.background.clone());
        self.background.run(async move {
            let id = decision.id.clone();
            if let Err(error) = DecisionObjects(platform.objects()).keep(&decision).await {
                log::failure("decision_not_kept", Some(&id), &format!("{error:?}"));
            }
        });
    }

    async fn kept(&self, id: &str) -> Result<Option<String>, StoreError> {
        DecisionObjects(self.objects()).kept(id).await
    }
}

impl Log for Workers {
    fn line(&self, json: &str) {
        ConsoleLog.line(json);
    }
}
