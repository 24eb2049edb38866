//! Approvals of single calls in the person's object.

use super::*;
use crate::ids::actor::Actor;
use crate::session::approval::tests::{call, party};
use crate::session::approval::{
    Approval, ApprovalCommand, ApprovalReply, ApprovalVerdict, Decided, MAX_KEPT, MAX_PENDING, UseApproval,
};
use crate::session::grant::MAX_GRANTS;
use crate::session::message::BeginGrant;

const CLIENT: &str = "https://agent.example/client.json";

fn granted(world: &World, now: i64) -> SessionDigest {
    let digest = SessionId::generate(&world.random).digest();
    let grant = Grant {
        client: CLIENT.to_owned(),
        client_name: "Agent".to_owned(),
        redirect_uri: String::new(),
        resource: "https://app.example/mcp".to_owned(),
        scopes: vec!["docs:write".to_owned()],
        expires_at: Timestamp::from_unix(now + 86_400),
        code: None,
        generation: 0,
        rotated_at: Timestamp::from_unix(now),
        jkt: None,
        with_session: None,
        parent: None,
        actors: vec![Actor { issuer: None, subject: CLIENT.to_owned() }],
        task: None,
        uses_left: None,
        indexed: false,
        seen_at: None,
    };
    let begin = BeginGrant {
        digest: digest.clone(),
        session: Session { grant: Some(Box::new(grant)), ..session(now) },
        begun_by: None,
        asked_at: Timestamp::from_unix(now),
        max_grants: MAX_GRANTS,
        clocks: timeouts(),
    };
    assert!(matches!(world.run(&Command::BeginGrant(Box::new(begin)), now), Reply::Begun));
    digest
}

fn ask(world: &World, command: ApprovalCommand, now: i64) -> ApprovalReply {
    match world.run(&Command::Approval(Box::new(command)), now) {
        Reply::Approval(reply) => *reply,
        other => panic!("{other:?}"),
    }
}

/// Of a request of its own.
fn wanted(world: &World, grant: &SessionDigest, arguments: &str) -> UseApproval {
    let id = SessionId::generate(&world.random).digest().as_str().to_owned();
    UseApproval {
        grant: grant.public_id(),
        call: call(arguments),
        request: format!("request-{id}"),
        link: format!("link-{id}"),
        id,
        approvers: None,
        person: party("alice"),
    }
}

fn using(world: &World, grant: &SessionDigest, arguments: &str, now: i64) -> ApprovalReply {
    ask(world, ApprovalCommand::Use(Box::new(wanted(world, grant, arguments))), now)
}

#[test]
fn a_request_whose_answer_was_lost_is_let_through_when_it_asks_again_and_no_other() {
    // R-332, R-333
    let world = World::new();
    let grant = granted(&world, START);
    let first = asked(using(&world, &grant, "{}", START));
    decide(&world, &first, ApprovalVerdict::Allow, START + 1);
    let by = |request: &str| {
        let wanted = UseApproval { request: request.to_owned(), ..wanted(&world, &grant, "{}") };
        ask(&world, ApprovalCommand::Use(Box::new(wanted)), START + 2)
    };
    let ApprovalReply::Used(used) = by("one") else { panic!() };
    assert_eq!(by("one"), ApprovalReply::Used(used));
    asked(by("two"));
}

fn asked(reply: ApprovalReply) -> Approval {
    match reply {
        ApprovalReply::Asked(approval) => *approval,
        other => panic!("{other:?}"),
    }
}

fn decide(world: &World, approval: &Approval, verdict: ApprovalVerdict, now: i64) -> ApprovalReply {
    let decided = Decided { by: party("alice"), at: Timestamp::from_unix(now), request: "d".to_owned() };
    ask(world, ApprovalCommand::Decide { id: approval.id.clone(), verdict, decided }, now)
}

#[test]
fn one_yes_lets_one_call_through() {
    // R-329, R-332
    let world = World::new();
    let grant = granted(&world, START);
    let first = asked(using(&world, &grant, "{}", START));
    let ApprovalReply::Pending(again) = using(&world, &grant, "{}", START + 5) else { panic!() };
    assert_eq!(again.id, first.id);
    assert!(matches!(decide(&world, &first, ApprovalVerdict::Allow, START + 10), ApprovalReply::Decided(_)));
    asked(using(&world, &grant, r#"{"other":1}"#, START + 11));
    let uses = (0..50).map(|_| using(&world, &grant, "{}", START + 12));
    let used = uses.filter(|reply| matches!(reply, ApprovalReply::Used(_))).count();
    assert_eq!(used, 1);
}

#[test]
fn a_no_and_a_full_table_ask_nobody() {
    // R-334
    let world = World::new();
    let grant = granted(&world, START);
    let first = asked(using(&world, &grant, "{}", START));
    decide(&world, &first, ApprovalVerdict::Deny, START + 10);
    assert!(matches!(using(&world, &grant, "{}", START + 609), ApprovalReply::Denied(_)));
    asked(using(&world, &grant, "{}", START + 610));
    for n in 1..MAX_PENDING {
        asked(using(&world, &grant, &n.to_string(), START + 611));
    }
    assert_eq!(using(&world, &grant, "99", START + 612), ApprovalReply::TooMany);
}

#[test]
fn a_used_approval_makes_room_in_a_full_table_and_one_that_still_counts_does_not() {
    // R-334
    let world = World::new();
    let grant = granted(&world, START);
    let used = asked(using(&world, &grant, "0", START));
    decide(&world, &used, ApprovalVerdict::Allow, START);
    assert!(matches!(using(&world, &grant, "0", START), ApprovalReply::Used(_)));
    let allowed = asked(using(&world, &grant, "1", START));
    let ApprovalReply::Decided(allowed) = decide(&world, &allowed, ApprovalVerdict::Allow, START) else { panic!() };
    for n in 2..MAX_KEPT {
        let one = Approval { id: n.to_string(), call: call(&n.to_string()), ..(*allowed).clone() };
        world.with(|subject| subject.put_approval(&one)).unwrap();
    }
    let read = |id: &str| ask(&world, ApprovalCommand::Read { id: id.to_owned() }, START);
    assert!(matches!(read(&used.id), ApprovalReply::Found(_)));
    let last = asked(using(&world, &grant, "1000", START));
    assert_eq!(read(&used.id), ApprovalReply::Gone);
    assert!(matches!(decide(&world, &last, ApprovalVerdict::Allow, START), ApprovalReply::Decided(_)));
    assert_eq!(using(&world, &grant, "1001", START), ApprovalReply::TooMany);
}

#[test]
fn nobody_decides_twice_or_too_late() {
    let world = World::new();
    let grant = granted(&world, START);
    let one = asked(using(&world, &grant, "{}", START));
    assert!(matches!(decide(&world, &one, ApprovalVerdict::Deny, START + 1), ApprovalReply::Decided(_)));
    assert!(matches!(decide(&world, &one, ApprovalVerdict::Allow, START + 2), ApprovalReply::Found(_)));
    let late = asked(using(&world, &grant, "1", START));
    assert_eq!(decide(&world, &late, ApprovalVerdict::Allow, START + 600), ApprovalReply::Gone);
}

#[test]
fn with_the_grant_its_questions_end_and_no_yes_is_used() {
    // R-311
    let world = World::new();
    let grant = granted(&world, START);
    let waiting = asked(using(&world, &grant, "{}", START));
    let given = asked(using(&world, &grant, "1", START));
    decide(&world, &given, ApprovalVerdict::Allow, START + 1);
    world.run(&Command::EndAll { before: None }, START + 2);
    assert_eq!(decide(&world, &waiting, ApprovalVerdict::Allow, START + 3), ApprovalReply::Gone);
    assert_eq!(using(&world, &grant, "1", START + 3), ApprovalReply::Gone);
    // A session is no grant.
    let session = world.begin(START + 4, None);
    assert_eq!(using(&world, &session, "1", START + 4), ApprovalReply::Gone);
}

#[test]
fn what_is_stored_tells_nothing_and_is_forgotten() {
    let world = World::new();
    let grant = granted(&world, START);
    let one = asked(using(&world, &grant, r#"{"iban":"canary"}"#, START));
    let stored = format!("{:?}", world.table.notes.borrow());
    assert!(stored.contains(&one.id) && !stored.contains("canary") && !stored.contains("delete_doc"), "{stored}");
    assert_eq!(world.table.next_event().unwrap().unwrap().as_unix(), START + 600);
    world.with(|subject| subject.sweep(Timestamp::from_unix(START + 600))).unwrap();
    assert!(world.table.notes.borrow().is_empty());
}

#[test]
fn used_ones_are_kept_for_their_receipt_without_what_was_said() {
    // R-333
    let world = World::new();
    let grant = granted(&world, START);
    let one = asked(using(&world, &grant, "{}", START));
    decide(&world, &one, ApprovalVerdict::Allow, START + 1);
    assert!(matches!(using(&world, &grant, "{}", START + 2), ApprovalReply::Used(_)));
    let read = |now| ask(&world, ApprovalCommand::Read { id: one.id.clone() }, now);
    let ApprovalReply::Found(kept) = read(START + 80_000) else { panic!() };
    assert!(kept.call.params.is_none() && kept.given().is_some());
    assert_eq!(read(START + 2 + 86_400), ApprovalReply::Gone);
}

#[test]
fn an_administrator_ends_grants_and_no_session() {
    let world = World::new();
    let (session, grant) = (world.begin(START, None), granted(&world, START));
    let end = |id: Option<&SessionDigest>, client: Option<&str>| {
        let (id, client) = (id.map(SessionDigest::public_id), client.map(str::to_owned));
        match world.run(&Command::EndGrants { id, client }, START + 1) {
            Reply::EndedMany { count } => count,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((end(Some(&session), None), end(None, Some("https://other.example/"))), (0, 0));
    assert_eq!(end(Some(&grant), None), 1);
    granted(&world, START + 1);
    granted(&world, START + 1);
    assert_eq!((end(None, Some(CLIENT)), end(None, None)), (2, 0));
    assert!(world.check(&session, START + 1, false).is_some());
}

#[test]
fn the_object_s_own_clock_says_until_when_a_word_counts() {
    // R-332
    let world = World::new();
    let grant = granted(&world, START);
    let first = asked(using(&world, &grant, "{}", START));
    let decided = Decided { by: party("alice"), at: Timestamp::from_unix(START + 86_400), request: "d".to_owned() };
    let (id, verdict) = (first.id.clone(), ApprovalVerdict::Allow);
    assert!(matches!(
        ask(&world, ApprovalCommand::Decide { id, verdict, decided }, START + 10),
        ApprovalReply::Decided(_)
    ));
    assert!(!matches!(using(&world, &grant, "{}", START + 610), ApprovalReply::Used(_)));
}
