use super::*;
use crate::json::testing::each_with_one_more;

fn tuple(text: &str) -> Tuple {
    Tuple::parse(text).unwrap()
}

#[test]
fn messages_arrive_as_they_were_sent() {
    let read = |of: &str, wanted| Read { userset: Userset::parse(of).unwrap(), wanted };
    let exactly = vec![Subject::parse("user:a").unwrap(), Subject::parse("user:*").unwrap()];
    let object = Object::parse("document:7").unwrap();
    let user = || Subject::parse("user:a").unwrap();
    let kinds = |all: &[&str]| Some(all.iter().map(|kind| Name::parse(kind).unwrap()).collect());
    for request in [
        TupleRequest::Read(vec![
            read("document:7#viewer", TupleQuery::Subjects { exactly, usersets: true }),
            read("document:7#parent", TupleQuery::Objects),
        ]),
        TupleRequest::Change(Change {
            add: vec![tuple("document:7#viewer@user:a")],
            remove: vec![tuple("document:7#viewer@group:b#member")],
            ..Change::of(object.clone())
        }),
        TupleRequest::Change(Change {
            expect: Expectation {
                present: vec![tuple("document:7#owner@user:a")],
                absent: vec![tuple("document:7#banned@user:b")],
            },
            add: vec![tuple("document:7#viewer@user:b")],
            ..Change::of(object.clone())
        }),
        TupleRequest::Change(Change {
            parents: vec![Name::parse("parent").unwrap()],
            add: vec![tuple("document:7#parent@folder:b")],
            ..Change::of(object.clone())
        }),
        TupleRequest::List(object.clone(), None),
        TupleRequest::List(object, Some(tuple("document:7#viewer@user:a"))),
        TupleRequest::Dump(None, TupleFilter::default()),
        TupleRequest::Dump(Some(tuple("document:7#viewer@user:a")), TupleFilter { subject: Some(user()), kinds: None }),
        TupleRequest::Dump(None, TupleFilter { subject: Some(user()), kinds: kinds(&["document"]) }),
        TupleRequest::Dump(None, TupleFilter { subject: None, kinds: kinds(&[]) }),
        TupleRequest::Remove(user(), None),
        TupleRequest::Remove(user(), kinds(&["document", "folder"])),
    ] {
        for other in each_with_one_more(&request.to_json()) {
            assert_eq!(TupleRequest::parse(&other), None, "{other}");
        }
        assert_eq!(TupleRequest::parse(&request.to_json()), Some(request));
    }
    let found = vec![Subject::parse("group:b#member").unwrap()];
    for response in [
        TupleResponse::Answers(vec![
            TupleReply { is_there: true, ..TupleReply::default() },
            TupleReply { is_there: false, found, more: true },
        ]),
        TupleResponse::Changed(ChangeOutcome::Made(Changed { added: vec![true], removed: vec![false, true] })),
        TupleResponse::Changed(ChangeOutcome::Unmet(vec![tuple("document:7#owner@user:a")])),
        TupleResponse::Changed(ChangeOutcome::Crowded(vec![Userset::parse("document:7#viewer").unwrap()])),
        TupleResponse::Page(Page { tuples: vec![tuple("document:7#viewer@user:a")], more: true }),
    ] {
        for other in each_with_one_more(&response.to_json()) {
            assert_eq!(TupleResponse::parse(&other), None, "{other}");
        }
        assert_eq!(TupleResponse::parse(&response.to_json()), Some(response));
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let change =
        |add: &[&str]| json!({ "v": 1, "change": { "object": "document:7", "add": add, "remove": [] } }).to_string();
    assert!(TupleRequest::parse(&change(&["document:7#viewer@user:a"])).is_some());
    for json in [
        String::new(),
        "{}".to_owned(),
        r#"{"v":1}"#.to_owned(),
        r#"{"v":2,"read":[]}"#.to_owned(),
        r#"{"v":1,"read":[{"of":"document"}]}"#.to_owned(),
        r#"{"v":1,"read":[{"of":"document:7#viewer","exactly":["x"]}]}"#.to_owned(),
        r#"{"v":1,"read":[],"list":{"object":"a:b"}}"#.to_owned(),
        r#"{"v":1,"read":[],"list":{}}"#.to_owned(),
        r#"{"v":1,"list":{"after":"document:7"}}"#.to_owned(),
        r#"{"v":1,"list":{"subject":"alice"}}"#.to_owned(),
        r#"{"v":1,"list":{"object":"document:7","subject":"user:a"}}"#.to_owned(),
        r#"{"v":1,"list":{"object":"document:7","kinds":["document"]}}"#.to_owned(),
        r#"{"v":1,"list":{"kinds":["a b"]}}"#.to_owned(),
        r#"{"v":1,"remove":{"kinds":["document"]}}"#.to_owned(),
        r#"{"v":1,"remove":{"subject":"alice"}}"#.to_owned(),
        r#"{"v":1,"remove":{"subject":"user:a","kinds":[""]}}"#.to_owned(),
        r#"{"v":1,"change":{"object":"document:7","add":[],"remove":[],"present":["document:8#viewer@user:a"]}}"#
            .to_owned(),
        r#"{"v":1,"change":{"object":"document:7","add":[],"remove":[],"parents":["a b"]}}"#.to_owned(),
        change(&["document:8#viewer@user:a"]),
        change(&["document:7#viewer"]),
        change(&vec!["document:7#viewer@user:a"; MAX_CHANGES + 1]),
    ] {
        assert_eq!(TupleRequest::parse(&json), None, "{json}");
    }
    for json in [
        "",
        "{}",
        r#"{"v":1}"#,
        r#"{"v":2,"answers":[]}"#,
        r#"{"v":1,"answers":[{"is_there":true}]}"#,
        r#"{"v":1,"crowded":[],"answers":[]}"#,
        r#"{"v":2,"crowded":[]}"#,
    ] {
        assert_eq!(TupleResponse::parse(json), None, "{json}");
    }
}

#[test]
fn a_message_to_an_object_of_the_release_before_holds_nothing_that_it_does_not_know() {
    let change = |expect| Change { expect, ..Change::of(Object::parse("document:7").unwrap()) };
    let sent = |request: TupleRequest| serde_json::from_str::<serde_json::Value>(&request.to_json()).unwrap();
    let json = sent(TupleRequest::Change(change(Expectation::default())));
    assert_eq!(json, json!({ "v": 1, "change": { "object": "document:7", "add": [], "remove": [] } }));
    let json = sent(TupleRequest::Dump(None, TupleFilter::default()));
    assert_eq!(json, json!({ "v": 1, "list": { "after": null, "subject": null } }));
    // And one from there is read.
    let sent = r#"{"v":1,"change":{"object":"document:7","add":[],"remove":[]}}"#;
    assert_eq!(TupleRequest::parse(sent), Some(TupleRequest::Change(change(Expectation::default()))));
    let answered = TupleResponse::Changed(ChangeOutcome::Made(Changed::default())).to_json();
    assert_eq!(answered, r#"{"v":1,"changed":{"added":[],"removed":[]}}"#);
}

#[test]
fn an_object_is_always_kept_in_the_same_place() {
    let shard = |text: &str| shard(&Object::parse(text).unwrap());
    assert_eq!((shard("document:1"), shard("group:eng")), ("tuples-26".to_owned(), "tuples-36".to_owned()));
    let all: std::collections::BTreeSet<String> = (0..2000).map(|at| shard(&format!("document:{at}"))).collect();
    assert_eq!(all.len(), usize::from(SHARDS));
}
