//! The engine for policies: a WebAssembly module of its own (`crates/policy-module`), asked through JavaScript. It is
//! instantiated with the first question, so who has no policies has nothing of it.

use postern::policy::{EngineLine, PolicyEngine, Readiness, RemoteEngine};
use postern_workers::pending_promise;

use crate::js;

/// The way to that module.
#[derive(Debug)]
struct Module;

impl EngineLine for Module {
    fn ready(&self) -> Readiness<'_> {
        Box::pin(async {
            // Without it, each question is without an answer.
            let _loaded = pending_promise::wait(js::load_engine()).await;
        })
    }

    fn ask(&self, question: &[u8]) -> Option<Vec<u8>> {
        js::ask_engine(question).ok().flatten()
    }
}

/// The engine, once for an instance of the Worker.
pub(crate) fn engine() -> &'static dyn PolicyEngine {
    Box::leak(Box::new(RemoteEngine::new(&Module)))
}
