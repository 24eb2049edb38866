use serde_json::json;

use super::*;
use crate::http::{HeaderMap, HeaderName, Method, Peer};

fn head(lines: &[(&str, &str)]) -> RequestHead {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    RequestHead { method: Method::POST, url: String::new(), headers, peer: Peer::default() }
}

fn message(method: &str, params: &Value) -> McpMessage {
    let mut params = params.clone();
    params["_meta"] = json!({ META_VERSION: version::CURRENT });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    McpMessage::parse(&body.to_string(), 65_536, false).unwrap()
}

const VERSION: (&str, &str) = (version::HEADER, version::CURRENT);
const CALL: (&str, &str) = (METHOD, "tools/call");

#[test]
fn headers_that_say_what_the_body_says_are_good() {
    //
    let search = message("tools/call", &json!({ "name": "search" }));
    assert_eq!(check(&head(&[VERSION, CALL, (NAME, "search")]), &search), Ok(()));
    assert_eq!(check(&head(&[VERSION, CALL, (NAME, "=?base64?c2VhcmNo?=")]), &search), Ok(()));
    assert_eq!(check(&head(&[VERSION, (METHOD, "tools/list")]), &message("tools/list", &json!({}))), Ok(()));
    let umlaut = message("tools/call", &json!({ "name": "Übersicht" }));
    assert_eq!(check(&head(&[VERSION, CALL, (NAME, "=?base64?w5xiZXJzaWNodA==?=")]), &umlaut), Ok(()));
    let sentinel = message("tools/call", &json!({ "name": "=?base64?literal?=" }));
    assert_eq!(check(&head(&[VERSION, CALL, (NAME, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=")]), &sentinel), Ok(()));
}

#[test]
fn a_header_that_says_anything_else_is_refused() {
    //
    let search = message("tools/call", &json!({ "name": "search" }));
    for (lines, wrong) in [
        (&[VERSION, CALL, (NAME, "delete")][..], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "Search")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "search"), (NAME, "delete")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "=?base64?c2VhcmNo")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "=?BASE64?c2VhcmNo?=")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "=?base64?c2VhcmN=?=")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "=?base64?!!?=")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "=?base64?/w==?=")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL, (NAME, "sé")], McpError::HeaderMismatch(NAME)),
        (&[VERSION, CALL], McpError::HeaderMissing(NAME)),
        (&[VERSION, (METHOD, "tools/list"), (NAME, "search")], McpError::HeaderMismatch(METHOD)),
        (&[VERSION, (METHOD, "Tools/Call"), (NAME, "search")], McpError::HeaderMismatch(METHOD)),
        (&[VERSION, CALL, CALL, (NAME, "search")], McpError::HeaderMismatch(METHOD)),
        (&[VERSION, (NAME, "search")], McpError::HeaderMissing(METHOD)),
        (&[(version::HEADER, "2027-01-01"), CALL, (NAME, "search")], McpError::HeaderMismatch(version::HEADER)),
        (&[CALL, (NAME, "search")], McpError::HeaderMismatch(version::HEADER)),
    ] {
        assert_eq!(check(&head(lines), &search), Err(wrong), "{lines:?}");
    }
    let list = message("tools/list", &json!({}));
    let lines = [VERSION, (METHOD, "tools/list"), (NAME, "search")];
    assert_eq!(check(&head(&lines), &list), Err(McpError::HeaderMismatch(NAME)));
}

#[test]
fn a_notification_needs_no_headers_but_what_it_has_must_be_true() {
    //
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/x" });
    let notification = McpMessage::parse(&body.to_string(), 4096, false).unwrap();
    assert_eq!(check(&head(&[VERSION]), &notification), Ok(()));
    assert_eq!(check(&head(&[VERSION, (METHOD, "notifications/x")]), &notification), Ok(()));
    let lies = [VERSION, (METHOD, "tools/call")];
    assert_eq!(check(&head(&lies), &notification), Err(McpError::HeaderMismatch(METHOD)));
}

#[test]
fn a_parameter_in_a_header_is_one_of_the_arguments() {
    //
    let arguments = json!({
        "region": "us-west1", "greeting": "Hello, 世界", "count": 42, "large": 9_007_199_254_740_993_u64, "dry": true, "none": null,
        "where": { "tenant": "acme" }, "list": ["secret"],
    });
    let call = message("tools/call", &json!({ "name": "search", "arguments": arguments }));
    let told = |value: &str| check(&head(&[VERSION, CALL, (NAME, "search"), ("mcp-param-any", value)]), &call);
    for good in
        ["us-west1", " us-west1 ", "=?base64?SGVsbG8sIOS4lueVjA==?=", "42", "42.0", "9007199254740993", "true", "acme"]
    {
        assert_eq!(told(good), Ok(()), "{good}");
    }
    for bad in [
        "us-west2",
        "",
        "null",
        "false",
        "43",
        "+42",
        "9007199254740992",
        "secret",
        "=?base64?SGVsbG8?=",
        "us-west1, us-west1",
    ] {
        assert_eq!(told(bad), Err(McpError::HeaderMismatch("mcp-param-*")), "{bad}");
    }
    let lines = [VERSION, (METHOD, "tools/list"), ("mcp-param-region", "us-west1")];
    assert!(check(&head(&lines), &message("tools/list", &json!({}))).is_err());
}

#[test]
fn so_many_parameters_are_repeated_and_no_more() {
    //
    let search = message("tools/call", &json!({ "name": "search", "arguments": { "a": "x" } }));
    let with = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("{PARAM}{number}")).collect();
        let repeated = names.iter().map(|name| (name.as_str(), "x"));
        head(&[VERSION, CALL, (NAME, "search")].into_iter().chain(repeated).collect::<Vec<_>>())
    };
    assert_eq!(check(&with(MAX_PARAMS), &search), Ok(()));
    assert_eq!(check(&with(MAX_PARAMS + 1), &search), Err(McpError::HeaderMismatch("mcp-param-*")));
}
