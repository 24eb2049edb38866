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
    type DocumentCache = Self;
    type PolicyStore = Self;
    type PolicyPress = Self;
    type Once = Self;
    type Sessions = Self;
    type SidIndex = Self;
    type Counters = Self;
    type Relations = Self;
    type Decisions = Self;
    type Log = Self;
    type Errands = Self;

    fn clock(&self) -> &Self {
        self
    }

    fn timer(&self) -> &Self {
        self
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

    fn document_cache(&self) -> &Self {
        self
    }

    fn policy_store(&self) -> &Self {
        self
    }

    fn policy_press(&self) -> &Self {
        self
    }

    fn once(&self) -> &Self {
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

    fn relations(&self) -> &Self {
        self
    }

    fn decisions(&self) -> &Self {
        self
    }

    fn log(&self) -> &Self {
        self
    }

    fn tasks(&self) -> &Self {
        self
    }
}
