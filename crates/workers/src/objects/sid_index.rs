//! [`SidIndex`] by sharded Durable Objects.

use crate::bindings::Bindings;
use postern::config::bindings;
use postern::ports::StoreError;
use postern::session::sid_index::{SidReply, SidRequest};
use postern::session::{SidEntry, SidIndex, SidKey, SidPage, SubjectKey};

/// The binding of the namespace.
pub const BINDING: &str = bindings::SID_INDEX;

/// Asks the `SidIndexObject` that is responsible for the key.
async fn ask(bindings: &Bindings, key: &SidKey, request: &SidRequest) -> Result<SidReply, StoreError> {
    let answer = bindings.objects().call(BINDING, &key.shard(), &request.to_json()).await?;
    SidReply::parse(&answer).ok_or(StoreError::Malformed)
}

impl SidIndex for Bindings {
    async fn enter_sid(&self, key: &SidKey, entry: &SidEntry) -> Result<bool, StoreError> {
        self.background().note_effect();
        ask(self, key, &SidRequest::put(key, entry)).await?.entered()
    }

    async fn find_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        let answer = self.objects().read(BINDING, &key.shard(), &SidRequest::find(key).to_json()).await?;
        SidReply::parse(&answer).ok_or(StoreError::Malformed)?.subjects()
    }

    async fn end_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        self.background().note_effect();
        ask(self, key, &SidRequest::end(key)).await?.subjects()
    }

    async fn page_sid(&self, key: &SidKey, page: &SidPage) -> Result<Vec<SubjectKey>, StoreError> {
        let request = SidRequest::page(key, page);
        if page.ends {
            self.background().note_effect();
            return ask(self, key, &request).await?.subjects();
        }
        let answer = self.objects().read(BINDING, &key.shard(), &request.to_json()).await?;
        SidReply::parse(&answer).ok_or(StoreError::Malformed)?.subjects()
    }
}
