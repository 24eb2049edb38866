//! Everything the gateway asks of the world, answered by the runtime.

use std::rc::Rc;

use worker::Env;

use crate::background::Background;
use crate::bindings::Bindings;
use crate::clock::SystemClock;
use crate::isolate;
use crate::log::ConsoleLog;
use crate::pending_promise;
use crate::random::SystemRandom;
use crate::webcrypto::decrypt::WebCryptoDecryption;
use crate::webcrypto::sign::WebCryptoSigning;
use crate::webcrypto::verify::WebCrypto;
use postern::gateway::{BackgroundTask, Gateway, Platform, Spawn};
use postern::ports::Languages;

/// The runtime, with the bindings of one event, for one site.
#[derive(Clone, Debug)]
pub struct Workers {
    bindings: Bindings,
}

impl Workers {
    /// The runtime as this event's `env` gives it to this site; what the event starts goes on in `background`.
    #[must_use]
    pub fn new(env: &Env, gateway: &Rc<Gateway>, background: Background) -> Self {
        Self { bindings: Bindings::new(env, gateway, background) }
    }

    /// The site's stores.
    #[must_use]
    pub const fn bindings(&self) -> &Bindings {
        &self.bindings
    }
}

impl Languages for Workers {
    async fn texts(&self, tag: &str) -> Option<String> {
        let loaded = pending_promise::wait((isolate::languages()?)(tag)).await;
        // Without them, the page is in English.
        loaded.ok()?.as_string()
    }
}

impl Spawn for Workers {
    fn spawn(&self, task: BackgroundTask) {
        let platform = self.clone();
        self.bindings.background().run(async move { platform.bindings.gateway().run(&platform, task).await });
    }
}

impl Platform for Workers {
    type Clock = SystemClock;
    type Timer = SystemClock;
    type Random = SystemRandom;
    type Fetch = Bindings;
    type Signatures = WebCrypto;
    type Signing = WebCryptoSigning;
    type Decryption = WebCryptoDecryption;
    type SharedDocuments = Bindings;
    type Probe = Bindings;
    type PolicyStore = Bindings;
    type PolicyPublisher = Bindings;
    type ReplayGuard = Bindings;
    type Sessions = Bindings;
    type SidIndex = Bindings;
    type Counters = Bindings;
    type ApiKeys = Bindings;
    type TupleStore = Bindings;
    type ServiceTokens = Bindings;
    type Decisions = Self;
    type Blocks = Bindings;
    type Languages = Self;
    type Log = ConsoleLog;
    type Spawn = Self;

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }

    fn timer(&self) -> &SystemClock {
        &SystemClock
    }

    fn random(&self) -> &SystemRandom {
        &SystemRandom
    }

    fn fetch(&self) -> &Bindings {
        &self.bindings
    }

    fn signatures(&self) -> &WebCrypto {
        &WebCrypto
    }

    fn signing(&self) -> &WebCryptoSigning {
        &WebCryptoSigning
    }

    fn decryption(&self) -> &WebCryptoDecryption {
        &WebCryptoDecryption
    }

    fn shared_documents(&self) -> &Bindings {
        &self.bindings
    }

    fn probe(&self) -> &Bindings {
        &self.bindings
    }

    fn policy_store(&self) -> &Bindings {
        &self.bindings
    }

    fn policy_publisher(&self) -> &Bindings {
        &self.bindings
    }

    fn replay_guard(&self) -> &Bindings {
        &self.bindings
    }

    fn sessions(&self) -> &Bindings {
        &self.bindings
    }

    fn sid_index(&self) -> &Bindings {
        &self.bindings
    }

    fn counters(&self) -> &Bindings {
        &self.bindings
    }

    fn api_keys(&self) -> &Bindings {
        &self.bindings
    }

    fn tuples(&self) -> &Bindings {
        &self.bindings
    }

    fn service_tokens(&self) -> &Bindings {
        &self.bindings
    }

    fn decisions(&self) -> &Self {
        self
    }

    fn blocks(&self) -> &Bindings {
        &self.bindings
    }

    fn languages(&self) -> &Self {
        self
    }

    fn log(&self) -> &ConsoleLog {
        &ConsoleLog
    }

    fn background(&self) -> &Self {
        self
    }
}
