//! Whatever comes to the object of the block list, or from it: what is read says what it says once more, and never both a
//! request and an answer; the rules never fail on it, keep the list within its bounds, and never let a moment go back.

use postern::store::block_list::{
    BlockList, BlockReply, BlockRequest, BlockRules, MAX_BLOCKS, MAX_MOMENTS, MemoryBlocks, NotBeforeEntry,
    NotBeforeScope,
};
use postern::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let table = MemoryBlocks::default();
    let rules = BlockRules { table: &table };
    for line in text.lines().take(64) {
        if let Some(reply) = BlockReply::parse(line) {
            assert_eq!(BlockReply::parse(&reply.to_json()).as_ref(), Some(&reply));
        }
        let Some(request) = BlockRequest::parse(line) else { continue };
        assert_eq!(BlockRequest::parse(&request.to_json()).as_ref(), Some(&request));
        let before = moments(&rules);
        let answered = rules.answer(&request, NOW).expect("the rules never fail in memory");
        assert_eq!(BlockReply::parse(&answered.to_json()).as_ref(), Some(&answered));
        for earlier in before {
            // One that was to be kept for no time is gone.
            let Some(later) = moments(&rules).into_iter().find(|later| later.of == earlier.of) else { continue };
            assert!(later.moment >= earlier.moment && later.tokens >= earlier.tokens && later.moment <= NOW);
        }
        follows(&rules, &request);
    }
}

fn moments(rules: &BlockRules<'_, MemoryBlocks>) -> Vec<NotBeforeEntry> {
    match rules.answer(&BlockRequest::Moments, NOW) {
        Ok(BlockReply::Moments(moments)) => moments,
        other => panic!("{other:?}"),
    }
}

/// What isolates hold says the same as the order.
fn follows(rules: &BlockRules<'_, MemoryBlocks>, request: &BlockRequest) {
    let Ok(BlockReply::Copy(copy)) = rules.answer(&BlockRequest::Read { known: None }, NOW) else { panic!("no copy") };
    assert!(copy.blocks.len() <= MAX_BLOCKS && copy.moments.len() <= MAX_MOMENTS);
    let list = BlockList::of(copy);
    match request {
        BlockRequest::Block(block) => {
            assert_eq!(list.blocks(&block.target, NOW), block.until.is_none_or(|until| NOW < until));
        }
        BlockRequest::Lift { target } => assert!(!list.blocks(target, NOW)),
        BlockRequest::NotBefore(new) if new.tokens && new.of == NotBeforeScope::Everybody && new.keep.is_none() => {
            assert!(list.voids_token("https://op.example", "alice", None));
        }
        _ => {}
    }
}
