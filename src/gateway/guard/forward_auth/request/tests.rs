use super::*;
use crate::config::testing::public_url;
use crate::http::ClientCertificate;
use ForwardAuthError::{SaidTwice, Unsaid, Unusable};

const WHOLE: [(&str, &str); 4] = [
    ("x-forwarded-method", "POST"),
    ("x-forwarded-uri", "/api/a?b=c"),
    ("x-forwarded-host", "app.example.com"),
    ("x-forwarded-proto", "https"),
];

fn asked(lines: &[(&'static str, &str)]) -> RequestHead {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap());
    }
    let certificate = Some(ClientCertificate { verified: Some("SUCCESS".to_owned()), ..ClientCertificate::default() });
    let peer = Peer {
        address: Some("198.51.100.1".to_owned()),
        country: Some("PT".to_owned()),
        certificate,
        ..Peer::default()
    };
    RequestHead { method: Method::GET, url: "https://app.example.com/auth/verify".to_owned(), headers, peer }
}

fn read(lines: &[(&'static str, &str)]) -> Result<ForwardedRequest, Reason> {
    ForwardedRequest::read(&asked(lines), &public_url())
}

/// The whole question with this line changed, or one more.
fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    WHOLE.into_iter().filter(|(known, _)| *known != name).chain([(name, value)]).collect()
}

#[track_caller]
fn refused(lines: &[(&'static str, &str)], expected: ForwardAuthError) {
    match read(lines) {
        Err(Reason::Verify(error)) => assert_eq!(error, expected, "{lines:?}"),
        other => panic!("{lines:?}: {other:?}"),
    }
}

#[test]
fn either_dialect_says_the_whole_request() {
    let question = read(&WHOLE).unwrap();
    assert_eq!((question.dialect, question.head.method), (Dialect::Forwarded, Method::POST));
    assert_eq!(question.head.url, "https://app.example.com/api/a?b=c");
    let original = [("x-original-method", "GET"), ("x-original-uri", "/"), WHOLE[2], WHOLE[3]];
    let question = read(&original).unwrap();
    assert_eq!((question.dialect, question.head.url.as_str()), (Dialect::Original, "https://app.example.com/"));
}

#[test]
fn nothing_is_guessed_that_is_not_said() {
    // field rows 1 and 5
    for (missing, _) in WHOLE {
        let lines: Vec<_> = WHOLE.into_iter().filter(|(name, _)| *name != missing).collect();
        refused(&lines, Unsaid(missing));
        refused(&with(missing, ""), Unusable(missing));
    }
    refused(&[], Unsaid("x-forwarded-uri"));
    refused(&[("x-original-uri", "/"), WHOLE[2], WHOLE[3]], Unsaid("x-original-method"));
}

#[test]
fn what_is_said_twice_holds_neither_way() {
    // field rows 1 and 4, also where both say the same
    for (name, value) in WHOLE {
        let twice: Vec<_> = WHOLE.into_iter().chain([(name, value)]).collect();
        refused(&twice, SaidTwice(name));
    }
    for (name, value, blamed) in [
        ("x-original-uri", "/public", "x-original-uri"),
        ("x-original-uri", "/api/a?b=c", "x-original-uri"),
        ("x-original-method", "POST", "x-original-uri"),
        ("x-original-url", "https://app.example.com/api/a", "x-original-url"),
        ("x-rewrite-url", "/api/a", "x-rewrite-url"),
    ] {
        refused(&with(name, value), SaidTwice(blamed));
    }
}

#[test]
fn a_uri_is_a_path_and_perhaps_a_query() {
    // field row 2
    let long = format!("/{}", "a".repeat(16 * 1024));
    for bad in [
        "https://app.example.com/api/a",
        "//app.example.com",
        "*",
        "api/a",
        "?a",
        "/a#b",
        "/a?b#c",
        "/a b",
        "/public, /api/a",
        "\\a",
        &long,
    ] {
        let lines: Vec<_> = with("x-forwarded-uri", "/")
            .into_iter()
            .map(|(name, value)| (name, if value == "/" { bad } else { value }))
            .collect();
        if bad.starts_with("//") {
            // Has a reading here; it is the path's to be refused.
            assert_eq!(read(&lines).unwrap().head.url, "https://app.example.com//app.example.com");
        } else {
            refused(&lines, Unusable("x-forwarded-uri"));
        }
    }
}

#[test]
fn it_is_about_our_own_origin() {
    //
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-host", "app.example.com.evil.example"),
        ("x-forwarded-host", "app.example.com:444"),
        ("x-forwarded-host", "app.example.com/"),
        ("x-forwarded-host", "app.example.com@evil.example"),
        ("x-forwarded-host", "app.example.com,evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-proto", "ws"),
    ] {
        assert!(matches!(read(&with(name, value)), Err(Reason::UnknownHost)), "{value}");
    }
    for (name, value) in [("x-forwarded-host", "APP.example.com:443"), ("x-forwarded-proto", "wss")] {
        assert_eq!(read(&with(name, value)).unwrap().head.url, "https://app.example.com/api/a?b=c");
    }
    refused(&with("x-forwarded-proto", "https,http"), Unusable("x-forwarded-proto"));
    refused(&with("x-forwarded-method", "GET, POST"), Unusable("x-forwarded-method"));
    refused(&with("x-forwarded-method", "G(T"), Unusable("x-forwarded-method"));
}

#[test]
fn the_browsers_own_headers_stay_and_the_proxys_do_not() {
    let more = [
        ("x-postern-secret", "s"),
        ("x-real-ip", "192.0.2.7"),
        ("cookie", "a=1"),
        ("origin", "https://a.example"),
        ("x-postern-csrf", "1"),
        // of the question.
        ("cf-access-jwt-assertion", "a.b.c"),
    ];
    let head = read(&[WHOLE.as_slice(), &more].concat()).unwrap().head;
    let mut names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cookie", "origin", "x-postern-csrf"]);
    assert_eq!(head.peer.address.as_deref(), Some("192.0.2.7"));
}

#[test]
fn nothing_of_the_proxys_connection_is_the_callers() {
    // its certificate would prove a stranger's token
    let head = read(&WHOLE).unwrap().head;
    assert!(head.peer.certificate.is_none() && head.peer.address.is_none() && head.peer.country.is_none());
    for bad in ["192.0.2.7, 192.0.2.8", "localhost", "192.0.2.7:80"] {
        assert_eq!(read(&with("x-real-ip", bad)).unwrap().head.peer.address, None, "{bad}");
    }
}

#[test]
fn an_opening_handshake_is_known_without_upgrade() {
    //
    for name in ["sec-websocket-key", "sec-websocket-version"] {
        assert_eq!(read(&with(name, "13")).unwrap().head.headers["upgrade"], "websocket");
    }
    assert!(!read(&WHOLE).unwrap().head.headers.contains_key("upgrade"));
}
