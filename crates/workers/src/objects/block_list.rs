//! [`Blocks`] by one Durable Object.

use crate::bindings::Bindings;
use postern::config::bindings;
use postern::ports::StoreError;
use postern::store::block_list::{BlockReply, BlockRequest, Blocks, OBJECT};

/// The binding of the namespace.
pub const BINDING: &str = bindings::BLOCKS;

/// Asks the site's `BlockObject`.
impl Blocks for Bindings {
    async fn ask_blocks(&self, request: &BlockRequest) -> Result<BlockReply, StoreError> {
        let (objects, message) = (self.objects(), request.to_json());
        let answer = if request.only_reads() {
            objects.read(BINDING, OBJECT, &message).await?
        } else {
            self.background().note_effect();
            objects.call(BINDING, OBJECT, &message).await?
        };
        BlockReply::parse(&answer).ok_or(StoreError::Malformed)
    }
}
