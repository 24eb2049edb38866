use serde_json::json;

use super::*;

fn entity(kind: &str, id: &str, properties: &Value) -> Rc<Entity> {
    let properties = properties.as_object().cloned().unwrap();
    Rc::new(Entity { kind: kind.to_owned(), id: id.to_owned(), properties })
}

fn one(body: &Value) -> Result<Evaluation, RequestError> {
    match AuthzenRequest::one(&body.to_string())? {
        AuthzenRequest::One(one) => Ok(*one),
        AuthzenRequest::Many(..) => panic!("one question became several"),
    }
}

fn many(body: &Value) -> Result<(Semantic, Vec<Result<Evaluation, RequestError>>), RequestError> {
    match AuthzenRequest::many(&body.to_string())? {
        AuthzenRequest::One(one) => panic!("several questions became one: {one:?}"),
        AuthzenRequest::Many(semantic, all) => Ok((semantic, all)),
    }
}

/// The example of §6.1.1.
fn example() -> Value {
    json!({
        "subject": { "type": "user", "id": "alice@example.com" },
        "resource": { "type": "account", "id": "123" },
        "action": { "name": "can_read", "properties": { "method": "GET" } },
        "context": { "time": "1985-10-26T01:22-07:00" },
    })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut body = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

#[test]
fn a_question_is_read_as_the_specification_writes_it() {
    let read = one(&example()).unwrap();
    assert_eq!(read.subject, entity("user", "alice@example.com", &json!({})));
    assert_eq!(read.resource, entity("account", "123", &json!({})));
    assert_eq!((read.action.name.as_str(), &read.action.properties["method"]), ("can_read", &json!("GET")));
    assert_eq!(read.context["time"], "1985-10-26T01:22-07:00");
}

#[test]
fn what_the_specification_does_not_name_is_ignored_and_null_says_nothing() {
    let mut body = example();
    body["foo"] = json!({ "nested": true });
    body["subject"]["identity"] = json!("x");
    body["subject"]["properties"] = json!({ "a": null, "b": { "c": null, "d": 1 }, "e": [null] });
    body["context"] = Value::Null;
    let read = one(&body).unwrap();
    assert_eq!(Value::Object(read.subject.properties.clone()), json!({ "b": { "d": 1 }, "e": [null] }));
    assert!(read.context.is_empty());
}

#[test]
fn what_is_missing_or_of_another_type_is_named() {
    for (pointer, bad) in [
        ("/subject", json!(null)),
        ("/subject", json!("alice")),
        ("/subject/type", json!(null)),
        ("/subject/id", json!(7)),
        ("/subject/id", json!("x".repeat(1025))),
        ("/subject/properties", json!([])),
        ("/action", json!([])),
        ("/action/name", json!(123)),
        ("/action/name", json!("x".repeat(257))),
        ("/action/properties", json!("x")),
        ("/resource", json!(false)),
        ("/resource/type", json!({})),
        ("/resource/id", json!(null)),
        ("/context", json!("x")),
    ] {
        let name = pointer.trim_start_matches('/').replace('/', ".");
        let Err(RequestError::Member(found)) = one(&changed(pointer, bad.clone())) else { panic!("{pointer} {bad}") };
        assert_eq!(found, name, "{bad}");
        assert!(RequestError::Member(found).message().contains(&name));
    }
}

#[test]
fn what_is_no_object_asks_nothing() {
    for bad in ["", "[]", "{", "null", "{\"subject\":{},\"subject\":{}}"] {
        assert!(matches!(AuthzenRequest::one(bad), Err(RequestError::Json(_))), "{bad}");
        assert!(matches!(AuthzenRequest::many(bad), Err(RequestError::Json(_))), "{bad}");
    }
    let long = changed("/context/time", json!("x".repeat(MAX_BYTES)));
    assert_eq!(one(&long), Err(RequestError::Json(JsonError::TooLarge)));
}

#[test]
fn several_questions_take_whole_parts_from_the_defaults() {
    let body = json!({
        "subject": { "type": "user", "id": "a", "properties": { "x": 1 } },
        "action": { "name": "can_read" },
        "context": { "time": 1 },
        "evaluations": [
            { "resource": { "type": "document", "id": "1" } },
            { "subject": { "type": "user", "id": "b" }, "action": { "name": "can_edit" }, "context": {},
              "resource": { "type": "document", "id": "2" } },
            {},
            { "resource": { "type": "document" } },
            7,
        ],
    });
    let (semantic, all) = many(&body).unwrap();
    assert_eq!((semantic, all.len()), (Semantic::ExecuteAll, 5));
    let first = all[0].as_ref().unwrap();
    assert_eq!((&first.subject, first.action.name.as_str()), (&entity("user", "a", &json!({ "x": 1 })), "can_read"));
    assert_eq!(first.context["time"], 1);
    let second = all[1].as_ref().unwrap();
    // No part of a default shines through.
    assert_eq!((&second.subject, second.action.name.as_str()), (&entity("user", "b", &json!({})), "can_edit"));
    assert!(second.context.is_empty());
    let wrong: Vec<_> = all[2..].iter().map(|one| one.clone().unwrap_err()).collect();
    assert_eq!(wrong, ["resource", "resource.id", "evaluations"].map(RequestError::Member));
}

#[test]
fn without_evaluations_several_are_one() {
    let mut body = example();
    for evaluations in [json!(null), json!([])] {
        body["evaluations"] = evaluations;
        assert_eq!(AuthzenRequest::many(&body.to_string()), AuthzenRequest::one(&example().to_string()));
    }
    body["evaluations"] = json!({});
    assert_eq!(AuthzenRequest::many(&body.to_string()), Err(RequestError::Member("evaluations")));
    // To the endpoint for one question, it is a member like any other.
    assert!(one(&body).is_ok());
}

#[test]
fn a_default_that_is_wrong_is_wrong_for_all() {
    let mut body = changed("/subject", json!("alice"));
    body["evaluations"] = json!([{ "subject": { "type": "user", "id": "a" } }]);
    assert_eq!(many(&body).unwrap_err(), RequestError::Member("subject"));
}

#[test]
fn the_semantic_is_one_of_three() {
    let mut body = example();
    body["evaluations"] = json!([{}]);
    for (options, expected) in [
        (json!(null), Ok(Semantic::ExecuteAll)),
        (json!({ "another_option": "value" }), Ok(Semantic::ExecuteAll)),
        (json!({ "evaluations_semantic": "execute_all" }), Ok(Semantic::ExecuteAll)),
        (json!({ "evaluations_semantic": "deny_on_first_deny" }), Ok(Semantic::DenyOnFirstDeny)),
        (json!({ "evaluations_semantic": "permit_on_first_permit" }), Ok(Semantic::PermitOnFirstPermit)),
        (json!({ "evaluations_semantic": "all" }), Err("options.evaluations_semantic")),
        (json!({ "evaluations_semantic": 1 }), Err("options.evaluations_semantic")),
        (json!([]), Err("options")),
    ] {
        body["options"] = options.clone();
        let found = many(&body).map(|(semantic, _)| semantic);
        assert_eq!(found, expected.map_err(RequestError::Member), "{options}");
    }
    let ends = |semantic: Semantic| [semantic.ends_with(true), semantic.ends_with(false)];
    assert_eq!(ends(Semantic::ExecuteAll), [false, false]);
    assert_eq!(ends(Semantic::DenyOnFirstDeny), [false, true]);
    assert_eq!(ends(Semantic::PermitOnFirstPermit), [true, false]);
}

#[test]
fn there_may_be_so_many_and_no_more() {
    let mut body = example();
    body["evaluations"] = json!(vec![json!({}); MAX_EVALUATIONS]);
    assert_eq!(many(&body).unwrap().1.len(), MAX_EVALUATIONS);
    body["evaluations"] = json!(vec![json!({}); MAX_EVALUATIONS + 1]);
    assert_eq!(many(&body).unwrap_err(), RequestError::TooMany);
}
