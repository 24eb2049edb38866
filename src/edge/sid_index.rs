//! [`SidIndex`] by sharded Durable Objects.

use super::object::Objects;
use crate::ports::StoreError;
use crate::session::sid_index::{Request, Response};
use crate::session::{SidEntry, SidIndex, SidKey, SubjectKey};

/// The binding of the namespace.
pub const BINDING: &str = "SID_INDEX";

/// Asks the `SidIndexObject` that is responsible for the key.
#[derive(Clone, Copy, Debug)]
pub struct SidIndexObjects<'a>(pub Objects<'a>);

impl SidIndexObjects<'_> {
    async fn ask(&self, key: &SidKey, request: &Request) -> Result<Response, StoreError> {
        let answer = self.0.call(BINDING, &key.shard(), &request.to_json()).await?;
        Response::parse(&answer).ok_or(StoreError::Malformed)
    }
}

impl SidIndex for SidIndexObjects<'_> {
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
