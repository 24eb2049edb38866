use super::*;

const MAX: usize = 1024;

fn nested_arrays(levels: usize) -> String {
    format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn an_object_is_read_as_it_stands() {
    let text = r#" {"a":1,"b":[true,null,-2,1.5,"x\u0000"],"c":{"a":2}} "#;
    let object = parse_object(text.as_bytes(), MAX).unwrap();
    assert_eq!(Value::Object(object), serde_json::from_str::<Value>(text).unwrap());
}

// R-098
#[test]
fn a_member_name_twice_is_refused_at_any_depth_and_in_any_spelling() {
    for text in [
        r#"{"alg":"RS256","alg":"none"}"#,
        r#"{"aud":"a","\u0061ud":"b"}"#,
        r#"{"a":{"b":1,"b":1}}"#,
        r#"{"a":[{"b":1,"c":2,"b":3}]}"#,
        r#"{"":1,"":1}"#,
    ] {
        assert_eq!(parse_object(text.as_bytes(), MAX), Err(JsonError::DuplicateMember), "{text}");
    }
    assert!(parse_object(br#"{"a":{"a":{"a":1}},"A":1,"b":[{"a":1},{"a":1}]}"#, MAX).is_ok());
}

// R-099
#[test]
fn nesting_stops_at_the_limit() {
    assert!(parse_object(nested_arrays(MAX_DEPTH - 1).as_bytes(), MAX).is_ok());
    assert_eq!(parse_object(nested_arrays(MAX_DEPTH).as_bytes(), MAX), Err(JsonError::TooDeep));
    let bomb = "{\"a\":".repeat(100_000);
    assert_eq!(parse_object(bomb.as_bytes(), bomb.len()), Err(JsonError::TooDeep));
}

// R-099
#[test]
fn what_is_not_one_json_object_is_refused() {
    let cases: &[(&[u8], JsonError)] = &[
        (b"", JsonError::Syntax),
        (b"\xef\xbb\xbf{}", JsonError::Syntax),
        (b"{} {}", JsonError::Syntax),
        (b"{}\0", JsonError::Syntax),
        (b"{}x", JsonError::Syntax),
        (b"{\"a\":1,}", JsonError::Syntax),
        (b"{'a':1}", JsonError::Syntax),
        (b"{a:1}", JsonError::Syntax),
        (b"{\"a\":NaN}", JsonError::Syntax),
        (b"{\"a\":Infinity}", JsonError::Syntax),
        (b"{\"a\":01}", JsonError::Syntax),
        (b"{\"a\":+1}", JsonError::Syntax),
        (b"{\"a\":1e400}", JsonError::Syntax),
        (b"{\"a\":-1e400}", JsonError::Syntax),
        (b"{\"a\":\"\\ud800\"}", JsonError::Syntax),
        (b"{\"a\":\"\n\"}", JsonError::Syntax),
        (b"{\"a\":1/**/}", JsonError::Syntax),
        (b"{\"a\"", JsonError::Syntax),
        (b"{\"a\":\"\xff\"}", JsonError::NotUtf8),
        (b"\xff\xfe{\0}\0", JsonError::NotUtf8),
        (b"[]", JsonError::NotAnObject),
        (b"null", JsonError::NotAnObject),
        (b"\"{}\"", JsonError::NotAnObject),
        (b"1", JsonError::NotAnObject),
    ];
    for (bytes, expected) in cases {
        assert_eq!(parse_object(bytes, MAX), Err(*expected), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_number_of_any_length_is_refused_once_it_leaves_the_range_of_a_double() {
    let long = format!("{{\"a\":{}}}", "9".repeat(400));
    assert_eq!(parse_object(long.as_bytes(), MAX), Err(JsonError::Syntax));
    assert!(parse_object(br#"{"a":18446744073709551616,"b":1e308,"c":-0.0}"#, MAX).is_ok());
}

#[test]
fn size_is_looked_at_before_anything_else() {
    assert!(parse_object(b"{} ", 3).is_ok());
    assert_eq!(parse_object(b"\xff\xff\xff", 2), Err(JsonError::TooLarge));
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_object(&bytes, MAX);
        }

        #[test]
        fn what_it_accepts_means_the_same_to_serde_json(text in r#"\{("[ab]":([0-9]{1,3}|"[a-z\\"]{0,3}"|\[\]|\{\}),?){0,3}\}"#) {
            if let Ok(object) = parse_object(text.as_bytes(), MAX) {
                prop_assert_eq!(Value::Object(object), serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}

#[test]
fn what_is_written_sorted_is_the_same_value_whatever_its_order() {
    let text = r#"{"b":[1,{"z":null,"a":"\u00e9\"\n"},[]],"a":{"y":-1.5,"x":true},"":{}}"#;
    let value: Value = serde_json::from_str(text).unwrap();
    let mut written = Vec::new();
    write_object_sorted(value.as_object().unwrap().iter().collect(), &mut written);
    let written = String::from_utf8(written).unwrap();
    assert_eq!(written, r#"{"":{},"a":{"x":true,"y":-1.5},"b":[1,{"a":"é\"\n","z":null},[]]}"#);
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
}

#[test]
fn a_number_is_written_as_one_of_json() {
    for (text, value) in [("0", 0.0), ("-5", -5.0), ("3600", 3600.0), ("1.5", 1.5), ("1e3", 1000.0)] {
        assert_eq!(number(text).and_then(|number| number.as_f64()), Some(value), "{text}");
    }
    for text in
        ["", "+1", ".5", "1.", "01", "0x1", "inf", "NaN", "1e999", " 1", "1 ", "1 2", "[1]", "\"1\"", "true", "null"]
    {
        assert_eq!(number(text), None, "{text}");
    }
}
