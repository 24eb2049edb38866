//! Everything the gateway asks of the world, one port at a time.

use super::background::Spawn;
use crate::api_key::ApiKeys;
use crate::limit::Counters;
use crate::oidc::client_auth::AssertionMaker;
use crate::outward::ServiceTokens;
use crate::ports::{
    Clock, Decryption, Fetch, Languages, Log, PolicyPublisher, PolicyStore, Probe, Random, ReplayGuard,
    SharedDocuments, Signatures, Signing, Timer,
};
use crate::relation::TupleStore;
use crate::session::{Sessions, SidIndex};
use crate::store::block_list::Blocks;
use crate::store::decision_log::DecisionLog;
use crate::time::Timestamp;

/// An implementation of each port. A function that needs one port takes that port, not the platform.
pub trait Platform {
    /// The time.
    type Clock: Clock;
    /// Waiting.
    type Timer: Timer;
    /// Random bytes.
    type Random: Random;
    /// Requests to providers.
    type Fetch: Fetch;
    /// Verifies signatures of others.
    type Signatures: Signatures;
    /// Makes signatures of our own.
    type Signing: Signing;
    /// Opens what others encrypted for us.
    type Decryption: Decryption;
    /// The shared cache of public documents.
    type SharedDocuments: SharedDocuments;
    /// Looks at bindings and the shared cache.
    type Probe: Probe;
    /// Where published policies are read.
    type PolicyStore: PolicyStore;
    /// Where policies are published.
    type PolicyPublisher: PolicyPublisher;
    /// What may be used only once.
    type ReplayGuard: ReplayGuard;
    /// The sessions of each subject.
    type Sessions: Sessions;
    /// Sessions by the `sid` of their provider.
    type SidIndex: SidIndex;
    /// Counts requests.
    type Counters: Counters;
    /// The API keys.
    type ApiKeys: ApiKeys;
    /// The tuples.
    type TupleStore: TupleStore;
    /// Whoever keeps tokens of our own.
    type ServiceTokens: ServiceTokens;
    /// The decisions that are kept.
    type Decisions: DecisionLog;
    /// The block list.
    type Blocks: Blocks;
    /// What pages say in other languages.
    type Languages: Languages;
    /// Where events are written.
    type Log: Log;
    /// Runs work beside the request.
    type Spawn: Spawn;

    /// The time.
    fn clock(&self) -> &Self::Clock;
    /// Waiting.
    fn timer(&self) -> &Self::Timer;
    /// Random bytes.
    fn random(&self) -> &Self::Random;
    /// Requests to providers.
    fn fetch(&self) -> &Self::Fetch;
    /// Verifies signatures of others.
    fn signatures(&self) -> &Self::Signatures;
    /// Makes signatures of our own.
    fn signing(&self) -> &Self::Signing;
    /// Opens what others encrypted for us.
    fn decryption(&self) -> &Self::Decryption;
    /// The shared cache of public documents.
    fn shared_documents(&self) -> &Self::SharedDocuments;
    /// Looks at bindings and the shared cache.
    fn probe(&self) -> &Self::Probe;
    /// Where published policies are read.
    fn policy_store(&self) -> &Self::PolicyStore;
    /// Where policies are published.
    fn policy_publisher(&self) -> &Self::PolicyPublisher;
    /// What may be used only once.
    fn replay_guard(&self) -> &Self::ReplayGuard;
    /// The sessions of each subject.
    fn sessions(&self) -> &Self::Sessions;
    /// Sessions by the `sid` of their provider.
    fn sid_index(&self) -> &Self::SidIndex;
    /// Counts requests.
    fn counters(&self) -> &Self::Counters;
    /// The API keys.
    fn api_keys(&self) -> &Self::ApiKeys;
    /// The tuples.
    fn tuples(&self) -> &Self::TupleStore;
    /// Whoever keeps tokens of our own.
    fn service_tokens(&self) -> &Self::ServiceTokens;
    /// The decisions that are kept.
    fn decisions(&self) -> &Self::Decisions;
    /// The block list.
    fn blocks(&self) -> &Self::Blocks;
    /// What pages say in other languages.
    fn languages(&self) -> &Self::Languages;
    /// Where events are written.
    fn log(&self) -> &Self::Log;
    /// Runs work beside the request.
    fn background(&self) -> &Self::Spawn;
}

/// What it takes on this platform to prove to a server who we are.
pub(super) fn assertion_maker<P: Platform>(platform: &P, now: Timestamp) -> AssertionMaker<'_, P::Random, P::Signing> {
    AssertionMaker { now, random: platform.random(), signing: platform.signing() }
}
