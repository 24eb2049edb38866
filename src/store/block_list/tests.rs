use serde_json::{Value, json};

use super::*;
use crate::time::{Seconds, Timestamp};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn subject(issuer: &str, subject: &str) -> BlockTarget {
    BlockTarget::Subject { issuer: issuer.to_owned(), subject: subject.to_owned() }
}

fn block(target: BlockTarget, until: Option<Timestamp>) -> BlockRequest {
    BlockRequest::Block(NewBlock { target, reason: "left".to_owned(), until, by: "corp|root".to_owned() })
}

fn ask(table: &MemoryBlocks, request: &BlockRequest, now: Timestamp) -> BlockReply {
    BlockRules { table }.answer(request, now).unwrap()
}

fn copy(table: &MemoryBlocks, now: Timestamp) -> BlockList {
    let BlockReply::Copy(copy) = ask(table, &BlockRequest::Read { known: None }, now) else { panic!("no copy") };
    BlockList::of(copy)
}

#[test]
fn no_two_targets_share_a_digest() {
    // R-432
    let client = |issuer: &str, id: &str| BlockTarget::Client { issuer: issuer.to_owned(), client_id: id.to_owned() };
    let all = [
        subject("https://a.example", "b"),
        subject("https://a.exampl", "eb"),
        subject("https://a.example\0", "b"),
        subject("", "https://a.example\0b"),
        subject("b", "https://a.example"),
        client("https://a.example", "b"),
        BlockTarget::Key { id: "https://a.example".to_owned() },
        BlockTarget::Key { id: "b".to_owned() },
    ];
    let digests: std::collections::BTreeSet<String> = all.iter().map(BlockTarget::digest).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn an_isolate_that_has_the_newest_version_is_told_so_and_each_change_makes_another() {
    // R-435
    let table = MemoryBlocks::default();
    let (alice, bob) = (subject("https://op.example", "alice"), subject("https://op.example", "bob"));
    let first = copy(&table, NOW);
    assert!(!first.blocks(&alice, NOW));
    let read = |known: u64| ask(&table, &BlockRequest::Read { known: Some(known) }, NOW);
    assert_eq!(read(first.version()), BlockReply::Unchanged);
    ask(&table, &block(alice.clone(), None), NOW);
    assert!(matches!(read(first.version()), BlockReply::Copy(_)));
    let second = copy(&table, NOW);
    assert!(second.blocks(&alice, NOW) && !second.blocks(&bob, NOW) && second.version() != first.version());
    // What changes nothing makes no version.
    ask(&table, &BlockRequest::Lift { target: bob }, NOW);
    assert_eq!(read(second.version()), BlockReply::Unchanged);
    ask(&table, &BlockRequest::Lift { target: alice.clone() }, NOW);
    assert!(!copy(&table, NOW).blocks(&alice, NOW));
}

#[test]
fn a_block_holds_until_the_second_that_it_names() {
    // R-432
    let table = MemoryBlocks::default();
    let (alice, until) = (subject("https://op.example", "alice"), NOW.plus(Seconds::new(60)));
    ask(&table, &block(alice.clone(), Some(until)), NOW);
    let list = copy(&table, NOW);
    assert!(list.blocks(&alice, NOW.plus(Seconds::new(59))) && !list.blocks(&alice, until));
    assert!(!copy(&table, until).blocks(&alice, NOW), "it is not handed out any more");
    let BlockReply::Changed { before } = ask(&table, &BlockRequest::Lift { target: alice }, until) else { panic!() };
    assert_eq!(before, None);
}

#[test]
fn a_full_list_takes_no_more_and_keeps_what_it_has() {
    // R-436
    let table = MemoryBlocks::default();
    for number in 0..MAX_BLOCKS {
        let until = (number < 5).then(|| NOW.plus(Seconds::new(60)));
        ask(&table, &block(subject("https://op.example", &number.to_string()), until), NOW);
    }
    let more = block(subject("https://op.example", "more"), None);
    assert_eq!(ask(&table, &more, NOW), BlockReply::Full);
    // Moments have room of their own.
    assert!(matches!(ask(&table, &moment_of(NotBeforeScope::Everybody), NOW), BlockReply::Moved { .. }));
    let list = copy(&table, NOW);
    assert!(list.blocks(&subject("https://op.example", "9999"), NOW));
    assert!(!list.blocks(&subject("https://op.example", "more"), NOW));
    // One that is there can be set anew, and what has expired makes room.
    let again = block(subject("https://op.example", "7"), None);
    assert!(matches!(ask(&table, &again, NOW), BlockReply::Changed { before: Some(_) }));
    assert!(matches!(ask(&table, &more, NOW.plus(Seconds::new(60))), BlockReply::Changed { before: None }));
}

fn moment_of(of: NotBeforeScope) -> BlockRequest {
    let keep = Some(Seconds::hours(31 * 24));
    BlockRequest::NotBefore(NewMoment { of, moment: NOW, tokens: true, by: String::new(), keep })
}

#[test]
fn moments_of_subjects_leave_room_for_blocks_and_for_everybody_s_and_are_forgotten_in_time() {
    // R-434, R-436
    let table = MemoryBlocks::default();
    let of = |number: usize| NotBeforeScope::Subject {
        issuer: "https://op.example".to_owned(),
        subject: number.to_string(),
    };
    for number in 0..MAX_MOMENTS {
        ask(&table, &moment_of(of(number)), NOW);
    }
    assert_eq!(ask(&table, &moment_of(of(MAX_MOMENTS)), NOW), BlockReply::Full);
    let issuer = NotBeforeScope::Issuer { issuer: "https://op.example".to_owned() };
    for wide in [NotBeforeScope::Everybody, issuer] {
        assert!(matches!(ask(&table, &moment_of(wide), NOW), BlockReply::Moved { .. }));
    }
    let block = block(subject("https://op.example", "alice"), None);
    assert!(matches!(ask(&table, &block, NOW), BlockReply::Changed { .. }));
    assert!(copy(&table, NOW.plus(Seconds::hours(31 * 24)).minus(Seconds::new(1))).voids_token("x", "y", None));
    let later = NOW.plus(Seconds::hours(31 * 24));
    assert!(!copy(&table, later).voids_token("x", "y", None), "nothing from before it can be good");
    assert!(copy(&table, later).blocks(&subject("https://op.example", "alice"), later), "blocks stay");
    let moved = ask(&table, &moment_of(of(MAX_MOMENTS)), later);
    assert!(matches!(moved, BlockReply::Moved { before: None, .. }));
    assert_eq!(
        ask(&table, &BlockRequest::Moments, later),
        BlockReply::Moments(match moved {
            BlockReply::Moved { after, .. } => vec![after],
            other => panic!("{other:?}"),
        })
    );
}

#[test]
fn every_entry_stands_on_one_page() {
    // R-436
    let table = MemoryBlocks::default();
    for number in 0..2 * PAGE + 1 {
        ask(&table, &block(subject("https://op.example", &number.to_string()), None), NOW);
    }
    let (mut after, mut pages, mut found) = (None, 0, std::collections::BTreeSet::new());
    loop {
        let BlockReply::Page { entries, next } = ask(&table, &BlockRequest::List { after }, NOW) else { panic!() };
        pages += 1;
        for entry in entries {
            assert!(found.insert(entry.target.digest()));
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, found.len()), (3, 2 * PAGE + 1));
}

#[test]
fn a_moment_moves_neither_back_nor_beyond_now() {
    // R-434
    let table = MemoryBlocks::default();
    let moved = |at: Timestamp, tokens: bool| {
        let new = NewMoment { of: NotBeforeScope::Everybody, moment: at, tokens, by: String::new(), keep: None };
        match ask(&table, &BlockRequest::NotBefore(new), NOW) {
            BlockReply::Moved { after, .. } => (after.moment, after.tokens),
            other => panic!("{other:?}"),
        }
    };
    let ago = |seconds: u32| NOW.minus(Seconds::new(seconds));
    assert_eq!(moved(ago(10), false), (ago(10), None));
    assert_eq!(moved(ago(20), true), (ago(10), Some(ago(20))));
    assert_eq!(moved(ago(5), false), (ago(5), Some(ago(20))));
    assert_eq!(moved(NOW.plus(Seconds::hours(1)), true), (NOW, Some(NOW)));
    let list = copy(&table, NOW);
    assert!(list.voids_session("https://op.example", "alice", ago(1)));
    assert!(!list.voids_session("https://op.example", "alice", NOW));
    assert!(list.voids_token("https://op.example", "alice", Some(ago(1))));
    assert!(list.voids_token("https://op.example", "alice", None), "nobody knows when it was issued");
    assert!(!list.voids_token("https://op.example", "alice", Some(NOW)));
}

#[test]
fn messages_arrive_as_they_were_sent() {
    let entry = BlockEntry {
        target: BlockTarget::Key { id: "0123456789abcdef".to_owned() },
        reason: "leaked".to_owned(),
        until: Some(NOW),
        by: "corp|root".to_owned(),
        at: NOW,
    };
    let moment = NotBeforeEntry {
        of: NotBeforeScope::Issuer { issuer: "https://op.example".to_owned() },
        moment: NOW,
        tokens: None,
        by: String::new(),
        at: NOW,
    };
    let copy = BlockCopy {
        version: 7,
        blocks: vec![CopiedBlock("a".to_owned(), None), CopiedBlock("b".to_owned(), Some(NOW))],
        moments: vec![CopiedMoment("c".to_owned(), NOW, None), CopiedMoment("d".to_owned(), NOW, Some(NOW))],
    };
    for reply in [
        BlockReply::Unchanged,
        BlockReply::Full,
        BlockReply::Copy(copy),
        BlockReply::Changed { before: Some(entry.clone()) },
        BlockReply::Page { entries: vec![entry], next: Some("a".to_owned()) },
        BlockReply::Moved { before: None, after: moment.clone() },
        BlockReply::Moments(vec![moment]),
        BlockReply::Found { block: None },
    ] {
        assert_eq!(BlockReply::parse(&reply.to_json()).as_ref(), Some(&reply));
        assert_eq!(BlockRequest::parse(&reply.to_json()).filter(|_| reply != BlockReply::Unchanged), None);
    }
    for request in [
        BlockRequest::Read { known: None },
        BlockRequest::Read { known: Some(7) },
        block(subject("https://op.example", "alice"), Some(NOW)),
        BlockRequest::Lift { target: subject("https://op.example", "alice") },
        BlockRequest::List { after: Some("a".to_owned()) },
        BlockRequest::Moments,
        BlockRequest::Find { target: subject("https://op.example", "alice") },
    ] {
        assert_eq!(BlockRequest::parse(&request.to_json()).as_ref(), Some(&request));
    }
}

#[test]
fn the_form_of_messages_stays_as_it_is() {
    // What the release before and the one after read.
    let told = |request: &BlockRequest| serde_json::from_str::<Value>(&request.to_json()).unwrap();
    assert_eq!(told(&BlockRequest::Read { known: Some(3) }), json!({ "v": 1, "blocks": { "read": { "known": 3 } } }));
    let target = json!({ "subject": { "issuer": "https://op.example", "subject": "alice" } });
    assert_eq!(
        told(&block(subject("https://op.example", "alice"), None)),
        json!({ "v": 1, "blocks": { "block": { "target": target, "reason": "left", "until": null, "by": "corp|root" } } })
    );
    let later = BlockRequest::Read { known: None }.to_json().replace("\"v\":1", "\"v\":2");
    assert_eq!(BlockRequest::parse(&later), None);
    assert_eq!(BlockReply::parse(r#"{"v":1,"blocks":"unchanged","more":1}"#), Some(BlockReply::Unchanged));
}
