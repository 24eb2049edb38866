use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

/// Every form that our own messages and records have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    text: String,
    number: u64,
    small: u8,
    signed: i64,
    flag: bool,
    option: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<Inner>,
    #[serde(rename = "k")]
    kinds: Vec<Kind>,
    pair: (u32, String),
    wrapped: Wrapped,
    map: BTreeMap<String, Value>,
    #[serde(flatten)]
    more: More,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    at: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Wrapped(u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct More {
    also: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Nothing,
    One(String),
    Two(u32, u32),
    Named { at: u64, of: Option<String> },
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Nothing),
        ".*".prop_map(Kind::One),
        any::<(u32, u32)>().prop_map(|(one, other)| Kind::Two(one, other)),
        (any::<u64>(), any::<Option<String>>()).prop_map(|(at, of)| Kind::Named { at, of }),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let list = prop::collection::vec(any::<u64>().prop_map(|at| Inner { at }), 0..3);
    let single = (".*", any::<u64>(), any::<u8>(), any::<i64>(), any::<bool>(), any::<Option<String>>());
    let rest = (prop::collection::vec(kind(), 0..4), any::<(u32, String)>(), any::<u32>(), any::<Option<bool>>());
    (single, list, rest).prop_map(
        |((text, number, small, signed, flag, option), list, (kinds, pair, wrapped, also))| {
            let map = BTreeMap::from([("v".to_owned(), json!({ "deep": [1, -2, 0.5, null, text] }))]);
            let (wrapped, more) = (Wrapped(wrapped), More { also });
            Record { text, number, small, signed, flag, option, list, kinds, pair, wrapped, map, more }
        },
    )
}

proptest! {
    #[test]
    fn what_serde_writes_is_read_as_serde_reads_it(record in record()) {
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(from_text::<Record>(&text), Ok(record.clone()));
        prop_assert_eq!(from_bytes::<Record>(text.as_bytes()), Ok(record.clone()));
        prop_assert_eq!(from_value::<Record>(serde_json::from_str(&text).unwrap()), Ok(record));
    }

    #[test]
    fn what_is_read_at_all_is_what_serde_makes_of_it(text in r#"[{}\[\]":,0-9a-z. -]{0,40}"#) {
        if let Ok(value) = from_text::<Value>(&text) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}

#[test]
fn what_is_of_another_form_is_refused() {
    let good = json!({ "at": 1 });
    assert_eq!(from_value(good), Ok(Inner { at: 1 }));
    for other in [
        json!([1]),
        json!({}),
        json!({ "at": null }),
        json!({ "at": "1" }),
        json!({ "at": 1.0 }),
        json!({ "at": -1 }),
        json!({ "at": true }),
        json!({ "at": 1, "of": 2 }),
        json!(1),
        json!(null),
    ] {
        assert!(exactly_from_value::<Inner>(other.clone()).is_err(), "{other}");
    }
    for other in [
        json!("unknown"),
        json!("one"),
        json!({ "nothing": 1 }),
        json!({ "one": "a", "nothing": null }),
        json!({ "two": [1] }),
        json!({ "two": [1, 2, 3] }),
        json!({ "named": [1] }),
        json!(["nothing"]),
        json!({}),
    ] {
        assert!(from_value::<Kind>(other.clone()).is_err(), "{other}");
    }
    for (small, is_good) in [(255, true), (256, false), (-1, false)] {
        assert_eq!(from_value::<u8>(json!(small)).is_ok(), is_good, "{small}");
    }
}

/// Members that may be absent in each way that there is.
#[derive(Debug, PartialEq, Deserialize)]
struct Absent {
    #[serde(default)]
    list: Vec<Inner>,
    option: Option<Inner>,
    #[serde(skip)]
    skipped: u8,
    #[serde(default)]
    map: BTreeMap<String, Value>,
    kind: Kind,
    #[serde(default)]
    last: u8,
}

#[test]
fn what_may_be_absent_is_by_default_and_what_has_to_be_there_is_named() {
    let only = |kind| Absent { list: vec![], option: None, skipped: 0, map: BTreeMap::new(), kind, last: 0 };
    assert_eq!(from_text(r#"{"kind":"nothing"}"#), Ok(only(Kind::Nothing)));
    let named = Kind::Named { at: 1, of: None };
    assert_eq!(from_text(r#"{"kind":{"named":{"at":1}},"more":2}"#), Ok(only(named)));
    for (value, told) in [
        (json!({ "last": 1 }), "missing field `kind`"),
        (json!({ "kind": { "named": { "of": "a" } } }), "missing field `at`"),
        (json!({ "kind": "nothing", "option": {} }), "missing field `at`"),
        (json!({ "kind": "nothing", "list": [{ "at": 1 }, {}] }), "missing field `at`"),
        // `null` is there, and no list.
        (json!({ "kind": "nothing", "list": null }), "null, where a list is expected"),
        (json!({ "kind": null }), "null, where a name, or an object of one member is expected"),
        (json!({ "kind": "nothing", "last": 256 }), "not u8"),
    ] {
        assert_eq!(from_value::<Absent>(value.clone()).unwrap_err(), told, "{value}");
        assert_eq!(exactly_from_value::<Absent>(value.clone()).unwrap_err(), told, "{value}");
    }
    for value in [
        json!({ "kind": "nothing", "more": 1 }),
        json!({ "kind": { "named": { "at": 1, "more": 1 } } }),
        json!({ "kind": "nothing", "list": [{ "at": 1, "more": 1 }] }),
        json!({ "kind": "nothing", "option": { "at": 1, "more": null } }),
        json!({ "kind": "nothing", "skipped": 1 }),
    ] {
        assert!(from_value::<Absent>(value.clone()).is_ok(), "{value}");
        let told = exactly_from_value::<Absent>(value.clone()).unwrap_err();
        assert!(told.starts_with("unknown field"), "{told}: {value}");
    }
}

#[test]
fn a_text_is_read_whole_and_has_one_meaning() {
    for text in ["", "{", r#"{"at":1} x"#, r#"{"at":1,"at":2}"#, "\u{feff}{}"] {
        assert_eq!(from_text::<Inner>(text), Err(Unread::Syntax), "{text}");
    }
    assert_eq!(from_bytes::<String>(b"\"\xff\""), Err(Unread::Syntax));
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(from_text::<Value>(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(from_text::<Value>(&nested(MAX_DEPTH + 1)), Err(Unread::Syntax));
}

#[test]
fn a_text_that_is_not_read_is_not_quoted() {
    // R-248
    for text in [r#"{"one":["canary"]}"#, r#"{"canary":1}"#, r#""canary""#, "canary"] {
        let error = from_text::<Kind>(text).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{text}");
    }
}

#[test]
fn who_wrote_a_value_is_told_what_is_wrong_with_it() {
    let told = exactly_from_value::<Inner>(json!({ "att": 1 })).unwrap_err();
    assert_eq!(told, "unknown field `att`, expected `at`");
    let told = from_value::<Inner>(json!({ "att": 1 })).unwrap_err();
    assert_eq!(told, "missing field `at`");
    let told = from_value::<Inner>(json!({ "at": "1" })).unwrap_err();
    assert_eq!(told, "a text, where a whole number is expected");
}
