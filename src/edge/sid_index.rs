//! [`SidIndex`] by sharded Durable Objects.

use worker::Env;

use super::object;
use crate::ports::StoreError;
use crate::session::sid_index::{Request, Response};
use crate::session::{SidEntry, SidIndex, SidKey, SubjectKey};

/// The binding of the namespace.
pub const BINDING: &str = "SID_INDEX";

/// Asks the `SidIndexObject` that is responsible for the key.
#[derive(Clone, Debug)]
pub struct SidIndexObjects(Env);

impl SidIndexObjects {
    /// The objects of this deployment.
    #[must_use]
    pub const fn new(env: Env) -> Self {
        Self(env)
    }

    async fn ask(&self, key: &SidKey, request: &Request) -> Result<Response, StoreError> {
        let answer = object::call(&self.0, BINDING, &key.shard(), &request.to_json()).await?;
        Response::parse(&answer).ok_or(StoreError::Malformed)
    }
}

impl SidIndex for SidIndexObjects {
    async fn enter_sid(&self, key: &SidKey, entry: &SidEntry) -> Result<bool, StoreError> {
        self.ask(key, &Request::put(key, entry)).await?.entered()
    }

    async fn find_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        self.ask(key, &Request::find(key)).await?.subjects()
    }

    async fn end_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        self.ask(key, &Request::end(key)).await?.subjects()
    }
}
