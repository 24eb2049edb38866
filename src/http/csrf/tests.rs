use super::*;
use crate::config::testing::public_url;
use crate::http::{HeaderName, HeaderValue, Peer};

const OWN: &str = "https://app.example.com";

fn head(method: Method, lines: &[(&'static str, &str)]) -> RequestHead {
    let headers = lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap()))
        .collect();
    RequestHead { method, url: format!("{OWN}/api"), headers, peer: Peer::default() }
}

fn checked(method: Method, lines: &[(&'static str, &str)]) -> Result<(), CsrfError> {
    check(&head(method, lines), &public_url(), None)
}

fn verdict(lines: &[(&'static str, &str)]) -> Result<(), CsrfError> {
    checked(Method::POST, lines)
}

#[test]
fn every_combination_of_evidence_has_its_verdict() {
    //
    let sites = [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none"), Some("")];
    let origins = [None, Some(OWN), Some("null"), Some("https://evil.example"), Some("https://app.example.com:444")];
    for site in sites {
        for origin in origins {
            for custom in [false, true] {
                let mut lines = Vec::new();
                lines.extend(site.map(|site| ("sec-fetch-site", site)));
                lines.extend(origin.map(|origin| ("origin", origin)));
                lines.extend(custom.then_some((HEADER, "1")));
                let expected = match (site, origin) {
                    // What a page of ours posts that says nothing of where it is.
                    (Some("same-origin"), Some("null")) => Ok(()),
                    (_, Some(other)) if other != OWN => Err(CsrfError::Origin),
                    (Some("same-origin"), _) | (None, Some(OWN)) => Ok(()),
                    (Some(_), _) => Err(CsrfError::FetchSite),
                    (None, _) if custom => Ok(()),
                    (None, _) => Err(CsrfError::NoEvidence),
                };
                assert_eq!(verdict(&lines), expected, "{lines:?}");
            }
        }
    }
}

#[test]
fn an_origin_is_compared_whole_and_byte_for_byte() {
    //
    for other in [
        "https://app.example.com.evil.example",
        "https://evil.example/https://app.example.com",
        "http://app.example.com",
        "https://APP.example.com",
        "https://app.example.com/",
        "https://app.example.com:443",
        "https://sub.app.example.com",
        "",
    ] {
        assert_eq!(verdict(&[("origin", other)]), Err(CsrfError::Origin), "{other}");
        assert_eq!(verdict(&[("origin", other), ("sec-fetch-site", "same-origin")]), Err(CsrfError::Origin), "{other}");
    }
}

#[test]
fn evidence_that_stands_twice_is_evidence_of_nothing_good() {
    assert_eq!(verdict(&[("origin", OWN), ("origin", OWN)]), Err(CsrfError::Origin));
    let twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")];
    assert_eq!(verdict(&twice), Err(CsrfError::FetchSite));
    assert_eq!(verdict(&[("sec-fetch-site", "é")]), Err(CsrfError::FetchSite));
}

#[test]
fn reading_is_safe_and_nothing_else_is() {
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(!is_unsafe(&head(method.clone(), &[])), "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "QUERY"] {
        assert!(is_unsafe(&head(Method::from_bytes(method.as_bytes()).unwrap(), &[])), "{method}");
    }
}

#[test]
fn a_reading_request_of_another_origin_gets_nothing_by_our_cookie() {
    //
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    for site in ["same-site", "cross-site", "none", "same-origin"] {
        let headers = [("sec-fetch-site", site), navigation[0], navigation[1]];
        assert_eq!(checked(Method::GET, &headers), Ok(()), "{site}");
    }
    assert_eq!(checked(Method::GET, &[]), Ok(()));
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for (mode, dest) in [("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")] {
            let headers = |site| [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            for site in ["same-site", "cross-site", "odd"] {
                assert_eq!(checked(method.clone(), &headers(site)), Err(CsrfError::FetchSite), "{site} {mode}");
            }
            assert_eq!(checked(method.clone(), &headers("same-origin")), Ok(()));
        }
    }
}

#[test]
fn a_websocket_is_opened_by_our_own_page() {
    //
    let upgrade = ("upgrade", "websocket");
    assert_eq!(checked(Method::GET, &[upgrade, ("origin", OWN)]), Ok(()));
    for origin in ["https://evil.example", "null", "", "https://app.example.com:444", "http://app.example.com"] {
        assert_eq!(checked(Method::GET, &[upgrade, ("origin", origin)]), Err(CsrfError::Origin), "{origin}");
        let vouched = [upgrade, ("origin", origin), ("sec-fetch-site", "same-origin"), (HEADER, "1")];
        assert_eq!(checked(Method::GET, &vouched), Err(CsrfError::Origin), "{origin}");
    }
    assert_eq!(checked(Method::GET, &[upgrade, ("origin", OWN), ("origin", OWN)]), Err(CsrfError::Origin));
}

#[test]
fn a_websocket_that_does_not_say_which_page_opens_it_is_not_opened() {
    // browsers always say it, so nothing else may speak for it
    for lines in [&[][..], &[("sec-fetch-site", "same-origin")], &[(HEADER, "1")], &[("referer", OWN)]] {
        let lines = [&[("upgrade", "websocket")][..], lines].concat();
        assert_eq!(checked(Method::GET, &lines), Err(CsrfError::NoEvidence), "{lines:?}");
    }
}

#[test]
fn any_other_upgrade_is_held_to_the_same() {
    for protocol in ["h2c", "WebSocket", "websocket, h2c", ""] {
        let upgrade = ("upgrade", protocol);
        assert_eq!(checked(Method::GET, &[upgrade]), Err(CsrfError::NoEvidence), "{protocol}");
        assert_eq!(checked(Method::POST, &[upgrade, ("sec-fetch-site", "same-origin")]), Err(CsrfError::NoEvidence));
    }
}

#[test]
fn what_is_loaded_ahead_of_time_by_nobody_knows_which_page_gets_nothing() {
    //
    let ahead = |site| {
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-purpose", "prefetch")];
        checked(Method::GET, &[&navigation[..], &[("sec-fetch-site", site)]].concat())
    };
    for site in ["none", "same-site", "cross-site"] {
        assert_eq!(ahead(site), Err(CsrfError::FetchSite), "{site}");
    }
    assert_eq!(ahead("same-origin"), Ok(()));
}
