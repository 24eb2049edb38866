//! One world answers every port.

use postern::gateway::Platform;

use super::World;

impl Platform for World {
    type Clock = Self;
    type Timer = Self;
    type Random = Self;
    type Fetch = Self;
    type Signatures = Self;
    type Signing = Self;
    type Decryption = postern::jose::Portable;
    type SharedDocuments = Self;
    type Probe = Self;
    type PolicyStore = Self;
    type PolicyPublisher = Self;
    type ReplayGuard = Self;
    type Sessions = Self;
    type SidIndex = Self;
    type Counters = Self;
    type ApiKeys = Self;
    type TupleStore = Self;
    type ServiceTokens = Self;
    type Decisions = Self;
    type Blocks = Self;
    type Languages = Self;
    type Log = Self;
    type Spawn = Self;

    fn clock(&self) -> &Self {
        self
    }

    fn timer(&self) -> &Self {
        self
    }

    fn decryption(&self) -> &postern::jose::Portable {
        &postern::jose::Portable
    }

    fn random(&self) -> &Self {
        self
    }

    fn fetch(&self) -> &Self {
        self
    }

    fn signatures(&self) -> &Self {
        self
    }

    fn signing(&self) -> &Self {
        self
    }

    fn shared_documents(&self) -> &Self {
        self
    }

    fn probe(&self) -> &Self {
        self
    }

    fn policy_store(&self) -> &Self {
        self
    }

    fn policy_publisher(&self) -> &Self {
        self
    }

    fn replay_guard(&self) -> &Self {
        self
    }

    fn sessions(&self) -> &Self {
        self
    }

    fn sid_index(&self) -> &Self {
        self
    }

    fn counters(&self) -> &Self {
        self
    }

    fn api_keys(&self) -> &Self {
        self
    }

    fn tuples(&self) -> &Self {
        self
    }

    fn service_tokens(&self) -> &Self {
        self
    }

    fn decisions(&self) -> &Self {
        self
    }

    fn blocks(&self) -> &Self {
        self
    }

    fn languages(&self) -> &Self {
        self
    }

    fn log(&self) -> &Self {
        self
    }

    fn background(&self) -> &Self {
        self
    }
}
