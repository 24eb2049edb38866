use super::*;

#[test]
fn json_is_what_says_so() {
    //
    for (content_type, expected) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        (" application/json ;x", true),
        ("application/problem+json", true),
        ("text/html", false),
        ("text/json", false),
        ("application/jsonp", false),
        ("application/json, text/html", false),
        ("", false),
        ("+json", false),
    ] {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        assert_eq!(is_json(&headers), expected, "{content_type}");
    }
    assert!(!is_json(&HeaderMap::new()));
}

#[test]
fn fields_are_encoded_so_that_none_becomes_two() {
    let request = form_post("https://op.example/token".to_owned(), &[("code", "a&b=c d+é"), ("x", "")], 7);
    assert_eq!(request.body, "code=a%26b%3Dc+d%2B%C3%A9&x=");
    assert_eq!(request.headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!((request.method, request.timeout, request.max_bytes), (Method::POST, TIMEOUT, 7));
}
