//! Whatever a service sends as a question: what is read of it is what stands there, within the limits; several questions are
//! those that one gets by writing the defaults out; and what the specification does not name changes nothing.

use postern::authzen::{AuthzenRequest, Evaluation, MAX_BYTES, MAX_EVALUATIONS};
use serde_json::{Map, Value};

const PARTS: [&str; 4] = ["subject", "action", "resource", "context"];

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(request) = AuthzenRequest::one(text) {
        let AuthzenRequest::One(one) = request else { panic!("one question became several") };
        let body: Value = serde_json::from_str(text).expect("what is no JSON was read");
        stands_there(&one, &body);
        ignores_what_is_not_named(body);
    }
    match AuthzenRequest::many(text) {
        Ok(AuthzenRequest::One(one)) => assert_eq!(AuthzenRequest::one(text), Ok(AuthzenRequest::One(one))),
        Ok(AuthzenRequest::Many(_, all)) => {
            assert!((1..=MAX_EVALUATIONS).contains(&all.len()));
            written_out(&all, &serde_json::from_str(text).expect("what is no JSON was read"));
        }
        Err(error) => assert!(!error.message().is_empty()),
    }
}

fn stands_there(one: &Evaluation, body: &Value) {
    let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    assert_eq!(at("/subject/type"), Some(one.subject.kind.as_str()));
    assert_eq!(at("/subject/id"), Some(one.subject.id.as_str()));
    assert_eq!(at("/resource/type"), Some(one.resource.kind.as_str()));
    assert_eq!(at("/resource/id"), Some(one.resource.id.as_str()));
    assert_eq!(at("/action/name"), Some(one.action.name.as_str()));
    assert!(one.subject.kind.len().max(one.resource.kind.len()).max(one.action.name.len()) <= 256);
    assert!(one.subject.id.len().max(one.resource.id.len()) <= 1024);
    for (read, there) in [
        (&one.subject.properties, "/subject/properties"),
        (&one.resource.properties, "/resource/properties"),
        (&one.action.properties, "/action/properties"),
        (&one.context, "/context"),
    ] {
        let there = body.pointer(there).cloned().filter(|value| !value.is_null());
        let there = there.unwrap_or_else(|| Map::new().into());
        assert_eq!(Value::Object(read.clone()), said(there));
    }
}

/// Without the members that are `null`, which say nothing.
fn said(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, said(value))).collect()
        }
        other => other,
    }
}

/// Both are written anew: a number with very many digits may not be quite the same after that.
fn ignores_what_is_not_named(mut body: Value) {
    let read = AuthzenRequest::one(&body.to_string());
    body["futureField"] = Value::from(1);
    body["subject"]["future"] = Value::from("x");
    body["action"]["future"] = Value::Null;
    let text = body.to_string();
    assert!(text.len() > MAX_BYTES || read.is_ok() && AuthzenRequest::one(&text) == read);
}

fn written_out(all: &[Result<Evaluation, postern::authzen::RequestError>], body: &Value) {
    if has_fraction(body) {
        return;
    }
    let items = body["evaluations"].as_array().expect("several questions of no list");
    for (read, item) in all.iter().zip(items) {
        let Some(item) = item.as_object() else {
            assert!(read.is_err());
            continue;
        };
        let part = |name: &str| item.get(name).filter(|part| !part.is_null()).or_else(|| body.get(name)).cloned();
        let whole: Map<String, Value> =
            PARTS.iter().filter_map(|name| Some(((*name).to_owned(), part(name)?))).collect();
        let alone = match AuthzenRequest::one(&Value::from(whole).to_string()) {
            Ok(AuthzenRequest::One(one)) => Ok(*one),
            Ok(AuthzenRequest::Many(..)) => panic!("one question became several"),
            Err(error) => Err(error),
        };
        assert_eq!(read, &alone);
    }
}

/// Whether there is a number that may not be quite the same after it is written anew, as one with very many digits.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}
