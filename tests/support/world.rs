//! Every port of the core, answered in memory.

mod documents;
mod platform;
mod policies;
mod signing;
mod state;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures::StreamExt;
use futures::executor::block_on;
use futures::stream::FuturesUnordered;
use postern::gateway::{BackgroundTask, Gateway, Spawn};
use postern::jose::Es256Signer;
use postern::keyring::KeyRing;
use postern::limit::{Bucket, BucketKey};
use postern::outward::Keeper;
use postern::ports::{Clock, Fetch, FetchError, OutboundRequest, OutboundResponse, Random, StoreError, Timer};
use postern::relation::MemoryTuples;
use postern::session::{
    RefreshJob, Session, SessionDigest, SessionTable, SessionTerms, SidKey, SubjectKey, SubjectSessions, Terms,
};
use postern::store::block_list::MemoryBlocks;
use postern::store::decision_log;
use postern::time::Timestamp;
use serde_json::{Value, json};

use super::key_table::MemoryKeys;
use super::provider::{Endpoint, Provider};
use super::saml_worker::SamlWorker;
use super::stores::MemoryTable;

/// The issuer of the provider `corp`: with a path, as tenants have.
pub const CORP: &str = "https://login.corp.example/t1";
/// Where GitHub lists its keys.
pub const GITHUB_KEYS: &str = "https://api.github.com/meta/public_keys/secret_scanning";
/// The issuer of the provider `partner`.
pub const PARTNER: &str = "https://op.partner.example";

/// What of our own stores is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The memory of what was used does not answer.
    Once,
    /// The sessions do not answer.
    Sessions,
    /// The sessions do not answer when one is to be ended, and it is not.
    Ends,
    /// Whoever ends sessions is gone when those are told, and does nothing more; what came before that stays.
    Killed,
    /// When one is to be ended it is, and the answer is lost.
    EndAnswers,
    /// The index of sessions by `sid` does not answer.
    SidIndex,
    /// The sessions answer something that was not asked.
    OddAnswers,
    /// Nothing can be signed.
    Signing,
    /// Those who count requests do not answer.
    Counters,
    /// The API keys do not answer.
    Keys,
    /// The tuples do not answer.
    Tuples,
    /// The block list does not answer.
    Blocks,
    /// The objects that keep tokens of our own do not answer.
    ServiceTokens,
    /// Policies can be neither read nor written.
    Policies,
    /// The shared cache does not answer.
    Cache,
}

/// Everything around the core.
pub struct World {
    pub now: Cell<i64>,
    pub corp: Provider,
    pub partner: Provider,
    /// What reads SAML.
    pub saml_worker: SamlWorker,
    /// The shared cache of documents.
    pub cache: RefCell<BTreeMap<String, String>>,
    /// The published policies.
    pub policies: RefCell<BTreeMap<String, String>>,
    /// How often their store was read.
    pub policy_reads: Cell<usize>,
    /// Whatever went to a provider.
    pub sent: RefCell<Vec<OutboundRequest>>,
    /// The log.
    pub lines: RefCell<Vec<String>>,
    /// How often a subject's object was asked.
    pub session_calls: Cell<usize>,
    /// The API keys, by the number of their object.
    pub keys: RefCell<BTreeMap<u8, Rc<MemoryKeys>>>,
    /// How often an object that keeps API keys was asked.
    pub key_calls: Cell<usize>,
    /// How long every answer of a provider takes, in seconds.
    pub latency: Cell<i64>,
    /// How many signatures were verified.
    pub verifications: Cell<usize>,
    /// How many signatures were made.
    pub signatures_made: Cell<usize>,
    pub fault: Cell<Fault>,
    /// What was asked of the stores since [`World::cost_of`] began.
    pub spent: Cell<Cost>,
    seed: Cell<u64>,
    claimed: RefCell<BTreeMap<[u8; 32], i64>>,
    objects: RefCell<HashMap<SubjectKey, Rc<MemoryTable>>>,
    /// By which the objects renew tokens; none do while there is none.
    pub object_gateway: RefCell<Option<Rc<Gateway>>>,
    /// The objects die in the middle of their next renewal.
    pub renewals_crash: Cell<bool>,
    flights: RefCell<HashSet<SessionDigest>>,
    /// What the objects of `SERVICES` know, by terms.
    pub keepers: RefCell<HashMap<String, Keeper>>,
    object_keys: KeyRing,
    /// How often something was put into the shared cache.
    pub cache_puts: Cell<usize>,
    /// Whatever is asked of providers and of the store of policies is never answered.
    pub silence: Cell<bool>,
    /// What was started and does not run yet.
    tasks: RefCell<Vec<BackgroundTask>>,
    sids: RefCell<HashMap<SidKey, Sid>>,
    buckets: RefCell<HashMap<BucketKey, Bucket>>,
    /// The tuples of all objects.
    pub tuples: RefCell<MemoryTuples>,
    /// How often tuples were read.
    pub tuple_rounds: Cell<usize>,
    /// How many changes of tuples are made until the store does not answer any more; `None`: all.
    pub tuple_changes: Cell<Option<usize>>,
    /// How often a bucket's object was asked.
    pub draws: Cell<usize>,
    /// The block list.
    pub blocks: MemoryBlocks,
    /// How often its object was asked.
    pub block_calls: Cell<usize>,
    /// The decisions that are kept, by id.
    pub decisions: RefCell<BTreeMap<String, decision_log::LoggedDecision>>,
    /// What the platform's rate limiting was asked: the binding and the key.
    pub platform_limits: RefCell<Vec<(String, String)>>,
    /// How often it says yes to a key.
    pub platform_limit: Cell<usize>,
    /// The bindings that are missing.
    pub unbound: RefCell<Vec<String>>,
    /// The keys of GitHub, by which it signs reports of leaks, by name.
    pub github: RefCell<BTreeMap<String, Es256Signer>>,
    /// What clients publish, by URL; `None`: their server does not answer.
    pub clients: RefCell<BTreeMap<String, Option<OutboundResponse>>>,
}

#[derive(Default)]
struct Sid {
    /// Each until then.
    subjects: BTreeMap<String, Timestamp>,
    /// When, and until when that is remembered.
    ended_at: Option<(Timestamp, Timestamp)>,
}

/// What a request cost of the stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How often an object was asked, of whatever kind.
    pub requests: usize,
    /// How many rows were written.
    pub writes: usize,
    /// How often KV was read or written.
    pub kv: usize,
}

impl World {
    pub fn new() -> Self {
        Self {
            now: Cell::new(1_800_000_000),
            corp: Provider::new(CORP),
            partner: Provider::new(PARTNER),
            saml_worker: SamlWorker::new(),
            cache: RefCell::default(),
            policies: RefCell::default(),
            policy_reads: Cell::default(),
            sent: RefCell::default(),
            lines: RefCell::default(),
            session_calls: Cell::new(0),
            keys: RefCell::default(),
            key_calls: Cell::new(0),
            latency: Cell::new(0),
            verifications: Cell::new(0),
            signatures_made: Cell::new(0),
            fault: Cell::new(Fault::None),
            spent: Cell::default(),
            seed: Cell::new(1),
            claimed: RefCell::default(),
            objects: RefCell::default(),
            object_gateway: RefCell::default(),
            sids: RefCell::default(),
            buckets: RefCell::default(),
            tuples: RefCell::default(),
            tuple_rounds: Cell::default(),
            tuple_changes: Cell::default(),
            draws: Cell::default(),
            blocks: MemoryBlocks::default(),
            block_calls: Cell::default(),
            decisions: RefCell::default(),
            platform_limits: RefCell::default(),
            platform_limit: Cell::new(1),
            unbound: RefCell::default(),
            github: RefCell::default(),
            clients: RefCell::default(),
            renewals_crash: Cell::new(false),
            flights: RefCell::default(),
            keepers: RefCell::default(),
            cache_puts: Cell::default(),
            silence: Cell::default(),
            tasks: RefCell::default(),
            object_keys: KeyRing::parse(&format!("k1:{}A", "C".repeat(42))).unwrap(),
        }
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    /// What this costs of the stores.
    pub fn cost_of<T>(&self, work: impl FnOnce() -> T) -> (T, Cost) {
        self.spent.set(Cost::default());
        let rows = || {
            let sessions = self.objects.borrow().values().map(|table| table.writes.get()).sum::<usize>();
            sessions + self.keys.borrow().values().map(|table| table.writes.get()).sum::<usize>()
        };
        let before = rows();
        let done = work();
        let spent = self.spent.get();
        (done, Cost { writes: spent.writes + rows() - before, ..spent })
    }

    /// Notes what something costs.
    fn spend(&self, requests: usize, writes: usize, kv: usize) {
        let spent = self.spent.get();
        let (requests, writes) = (spent.requests + requests, spent.writes + writes);
        self.spent.set(Cost { requests, writes, kv: spent.kv + kv });
    }

    /// How many sessions are stored, of everybody.
    pub fn sessions(&self) -> usize {
        self.objects.borrow().values().map(|table| table.all().unwrap().len()).sum()
    }

    /// In every session of this person's, this second factor was proven so many seconds ago; `None`: none was.
    pub fn has_proven(&self, subject: &str, proof: Option<(&Value, i64)>) {
        for table in self.objects.borrow().values() {
            for mut row in table.all().unwrap() {
                let mut record: Value = serde_json::from_str(&row.record).unwrap();
                if record["subject"] != subject || record.get("grant").is_some() {
                    continue;
                }
                record["second"] =
                    proof.map_or(Value::Null, |(by, ago)| json!({ "at": self.now.get() - ago, "by": by }));
                row.record = record.to_string();
                table.put(&row).unwrap();
            }
        }
    }

    /// How many requests went to this endpoint, of either provider.
    pub fn asked(&self, endpoint: Endpoint) -> usize {
        let at = |request: &OutboundRequest| self.find(&request.url).is_some_and(|(_, found)| found == endpoint);
        self.sent.borrow().iter().filter(|request| at(request)).count()
    }

    /// The events logged since the last call.
    pub fn take_events(&self) -> Vec<Value> {
        self.lines.borrow_mut().drain(..).map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    /// The alarms of all objects ring that are due.
    pub fn ring(&self) {
        let objects: Vec<Rc<MemoryTable>> = self.objects.borrow().values().cloned().collect();
        let gateway = self.object_gateway.borrow().clone().unwrap();
        for table in objects {
            let object = self.object(&table);
            if object.table.next_event().unwrap().is_none_or(|next| next > self.now()) {
                continue;
            }
            object.sweep(self.now()).unwrap();
            for revocation in object.revocations_due(self.now()).unwrap() {
                let done = block_on(self.beside(&gateway, gateway.revoke(self, &revocation)));
                object.revocation_tried(revocation, done, self.now()).unwrap();
            }
        }
    }

    /// When the next alarm rings.
    pub fn next_alarm(&self) -> Option<i64> {
        let objects = self.objects.borrow();
        objects.values().filter_map(|table| table.next_event().unwrap()).map(Timestamp::as_unix).min()
    }

    /// Does something at a gateway, and beside it runs the background tasks that come of it, to their end.
    pub async fn beside<T>(&self, gateway: &Gateway, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut tasks = FuturesUnordered::new();
        let mut done = None;
        poll_fn(move |context| {
            if done.is_none()
                && let Poll::Ready(result) = work.as_mut().poll(context)
            {
                done = Some(result);
            }
            for task in self.tasks.take() {
                tasks.push(gateway.run(self, task));
            }
            while let Poll::Ready(Some(())) = tasks.poll_next_unpin(context) {}
            if tasks.is_empty() || self.silence.get() {
                done.take().map_or(Poll::Pending, Poll::Ready)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// How many background tasks were started and do not run yet.
    pub fn tasks_waiting(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// Runs them.
    pub fn run_tasks(&self, gateway: &Gateway) {
        block_on(self.beside(gateway, async {}));
    }

    /// The timer of the refresh goes off.
    pub fn refresh(&self, gateway: &Gateway) {
        block_on(self.beside(gateway, async { gateway.refresh_documents(self) }));
    }

    /// Everything that is stored of sessions and API keys.
    pub fn dump(&self) -> String {
        let sessions: String = self.objects.borrow().values().map(|table| format!("{table:?}")).collect();
        sessions + &self.keys.borrow().values().map(|table| format!("{table:?}")).collect::<String>()
    }

    fn object<'a>(&'a self, table: &'a MemoryTable) -> SubjectSessions<'a, MemoryTable, Self> {
        SubjectSessions { table, keys: &self.object_keys, random: self, terms: self, report: &|_, _| {} }
    }

    /// What `edge::subject_object` does with a flight: it lands, or its object dies.
    async fn fly(&self, gateway: &Gateway, table: &MemoryTable, job: &RefreshJob) -> Result<(), StoreError> {
        self.flights.borrow_mut().insert(job.digest.clone());
        let outcome = self.beside(gateway, gateway.refresh_session(self, job)).await;
        self.flights.borrow_mut().remove(&job.digest);
        if self.renewals_crash.take() {
            return Err(StoreError::unavailable("the object died"));
        }
        self.object(table).finish_refresh(job, &outcome, self.now())
    }

    /// The list of GitHub's keys, as it publishes them.
    fn answer_of_github(&self) -> OutboundResponse {
        let keys = self.github.borrow();
        let entry = |(name, key): (&String, &Es256Signer)| serde_json::json!({ "key_identifier": name, "key": super::provider::spki(key), "is_current": true });
        let keys: Vec<Value> = keys.iter().map(entry).collect();
        super::provider::answer(200, &serde_json::json!({ "public_keys": keys }))
    }

    fn find(&self, url: &str) -> Option<(&Provider, Endpoint)> {
        [&self.corp, &self.partner].into_iter().find_map(|provider| Some((provider, provider.endpoint(url)?)))
    }
}

/// The objects go by the configuration of their own gateway; without one they leave it to whoever asks.
impl Terms for World {
    fn terms(&self, session: &Session, now: Timestamp) -> SessionTerms {
        let gateway = self.object_gateway.borrow();
        gateway.as_ref().map(|gateway| gateway.config().terms(session, now)).unwrap_or_default()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.now.get())
    }
}

impl Timer for World {
    /// Time passes in whole seconds; everybody else gets on.
    async fn sleep(&self, milliseconds: u32) {
        self.wait(i64::from(milliseconds / 1000));
        breath().await;
    }
}

impl Spawn for World {
    fn spawn(&self, task: BackgroundTask) {
        self.tasks.borrow_mut().push(task);
    }
}

impl Random for World {
    /// SplitMix64: every run of a test sees the same values, and no value twice.
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let seed = self.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.seed.set(seed);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (mixed >> 56) as u8;
        }
    }
}

impl Fetch for World {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        self.sent.borrow_mut().push(request.clone());
        breath().await;
        while self.silence.get() {
            breath().await;
        }
        self.wait(self.latency.get());
        if request.via.as_deref() == Some("SAML") {
            return self.saml_worker.answer(&request);
        }
        if request.url == GITHUB_KEYS {
            return Ok(self.answer_of_github());
        }
        let of_client = self.clients.borrow().get(&request.url).cloned();
        if let Some(answer) = of_client {
            let answer = answer.ok_or(FetchError::Network)?;
            return if answer.body.len() > request.max_bytes { Err(FetchError::TooLarge) } else { Ok(answer) };
        }
        let (provider, endpoint) = self.find(&request.url).expect("a request went to nobody's endpoint");
        let answer = provider.answer(endpoint, &request, self.now.get())?;
        // As the platform: what is longer than was asked for is not read to its end.
        if answer.body.len() > request.max_bytes { Err(FetchError::TooLarge) } else { Ok(answer) }
    }
}

/// Lets others go first once, as every answer from outside does.
async fn breath() {
    let mut rested = false;
    poll_fn(|context| {
        if rested {
            return Poll::Ready(());
        }
        rested = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
