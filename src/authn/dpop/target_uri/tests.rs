use super::*;

fn spelled(text: &str) -> Option<String> {
    TargetUri::parse(text).map(|uri| uri.0)
}

// R-127, RFC 3986 §6.2.2, §6.2.3, RFC 9449 §4.3 (9)
#[test]
fn spellings_of_one_uri_are_one() {
    const ONE: &str = "https://api.example.com/a/~b";
    for other in [
        ONE,
        "HTTPS://api.example.com/a/~b",
        "https://API.Example.COM/a/~b",
        "https://api.example.com:443/a/~b",
        "https://api.example.com:/a/~b",
        "https://api.example.com/a/%7Eb",
        "https://api.example.com/a/%7eb",
        "https://api.example.com/%61/~b",
        "https://%61pi.example.com/a/~b",
        "https://api.example.com/a/./~b",
        "https://api.example.com/x/../a/~b",
        "https://api.example.com/x/%2e%2E/a/~b",
        "https://api.example.com/../a/~b",
        "https://api.example.com/a/~b?",
        "https://api.example.com/a/~b?q=1&r=/../",
        "https://api.example.com/a/~b#part",
        "https://api.example.com/a/~b?q#part?",
    ] {
        assert_eq!(spelled(other).as_deref(), Some(ONE), "{other}");
    }
    for (text, expected) in [
        ("https://a.example", "https://a.example/"),
        ("https://a.example?q", "https://a.example/"),
        ("http://a.example:80", "http://a.example/"),
        ("http://localhost:8787/x", "http://localhost:8787/x"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("https://[2001:DB8::443]/", "https://[2001:db8::443]/"),
        ("https://a.example/%c3%a9%2f", "https://a.example/%C3%A9%2F"),
        // As browsers leave them.
        ("https://a.example/a[b]|c^d", "https://a.example/a%5Bb%5D%7Cc%5Ed"),
        ("https://a.example/a%5bb%5d%7cc%5ed", "https://a.example/a%5Bb%5D%7Cc%5Ed"),
    ] {
        assert_eq!(spelled(text).as_deref(), Some(expected), "{text}");
    }
}

//
#[test]
fn different_uris_stay_different() {
    const ONE: &str = "https://api.example.com/a/~b";
    for other in [
        "http://api.example.com/a/~b",
        "https://api.example.com:80/a/~b",
        "https://api.example.com:8443/a/~b",
        "https://api.example.com:0443/a/~b",
        "https://api.example.com./a/~b",
        "https://other.example.com/a/~b",
        "https://api.example.com.attacker.example/a/~b",
        "https://api.example.com/A/~b",
        "https://api.example.com/a/~b/",
        "https://api.example.com/a//~b",
        "https://api.example.com//a/~b",
        "https://api.example.com/a%2F~b",
        "https://api.example.com/a/~b%20",
        "https://api.example.com/a/~b;x",
        "https://api.example.com/a/~b%3Fq",
        "https://api.example.com/",
        "https://api.example.com",
    ] {
        let spelled = spelled(other);
        assert!(spelled.is_some() && spelled.as_deref() != Some(ONE), "{other}: {spelled:?}");
    }
    // Reserved characters mean something else escaped (RFC 3986 §2.2).
    assert_ne!(spelled("https://a.example/@x"), spelled("https://a.example/%40x"));
}

//
#[test]
fn what_is_no_such_uri_is_refused() {
    let long = format!("https://a.example/{}", "a".repeat(MAX_BYTES));
    for text in [
        "",
        "/a",
        "//a.example/",
        "a.example/",
        "https:/a.example/",
        "https:a.example",
        "https:///a",
        "https://",
        "https://:443/",
        "https://?q",
        "ftp://a.example/",
        "wss://a.example/",
        "urn:example:a",
        " https://a.example/",
        "https://a.example/ ",
        "https://user@a.example/",
        "https://user:pass@a.example/",
        "https://a.example\\b/",
        "https://a.example/\\b",
        "https://a.example/é",
        "https://é.example/",
        "https://a.example/\n",
        "https://a.example/\0",
        "https://a.example/%",
        "https://a.example/%4",
        "https://a.example/%zz",
        "https://a.example/%+1",
        "https://a.example/<b>",
        "https://a.example/\"",
        "https://a.example/{b}",
        "https://a.example/a`b",
        "https://a|b.example/",
        "https://a^b.example/",
        &long,
    ] {
        assert_eq!(spelled(text), None, "{text}");
    }
}

// RFC 3986 §5.2.4 and §5.4
#[test]
fn dot_segments_are_removed_as_the_rfc_does() {
    for (path, expected) in [
        ("", "/"),
        ("/", "/"),
        ("/a/b/c/./../../g", "/a/g"),
        ("/.", "/"),
        ("/..", "/"),
        ("/./", "/"),
        ("/../", "/"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/./", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a//../b", "/a/b"),
        ("/a//b", "/a//b"),
        ("/a/", "/a/"),
        ("/...", "/..."),
        ("/a/.b", "/a/.b"),
        ("/b/c/d;p/../../../../g", "/g"),
    ] {
        assert_eq!(without_dots(path), expected, "{path}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn public_url() -> impl Strategy<Value = PublicUrl> {
        "(https://[a-z]{1,8}(\\.[a-z]{2,5}){1,2}|https://Api\\.EXAMPLE\\.com)(:[1-9][0-9]{1,3}|:443)?/?"
            .prop_filter_map("an origin", |text| PublicUrl::parse(&text))
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,100}", path in "[a-z%/.?#:@\\[\\]0-9A-F~]{0,40}") {
            let _ = TargetUri::parse(&text);
            let _ = TargetUri::parse(&format!("https://a.example/{path}"));
        }

        #[test]
        fn the_one_spelling_stays_as_it_is(path in "(/[a-zA-Z0-9%.~;@!]{0,6}){0,5}") {
            if let Some(uri) = TargetUri::parse(&format!("https://a.example{path}")) {
                prop_assert_eq!(TargetUri::parse(uri.as_str()), Some(uri));
            }
        }

        // what is made of a request is in that spelling, so that it can be compared.
        #[test]
        fn the_uri_of_a_request_is_in_the_one_spelling(
            url in public_url(),
            path in "(/([a-z0-9~!$&'()*+,:=@._|^\\[\\]-]|%2[0348]|%c3%a9|%C3%A9|%40){1,6}){0,4}/?",
        ) {
            if let Ok(path) = CanonicalPath::parse(&path) {
                let uri = TargetUri::of(&url, &path);
                prop_assert_eq!(TargetUri::parse(uri.as_str()), Some(uri));
            }
        }

        //
        #[test]
        fn escaping_what_needs_no_escape_changes_nothing(path in "[a-zA-Z0-9~_-]{1,12}", at in 0_usize..12) {
            let at = at % path.len();
            let (before, after) = path.split_at(at);
            let escaped = format!("{before}%{:02x}{}", path.as_bytes()[at], after.get(1..).unwrap());
            let uri = |path: &str| TargetUri::parse(&format!("https://a.example/{path}"));
            prop_assert_eq!(uri(&escaped), uri(&path));
        }
    }
}

#[test]
fn an_authority_with_two_ports_is_none() {
    // RFC 3986 §3.2: what is left when the usual port is taken off is a host, and not another port's beginning
    for text in ["https://app.example::443/", "https://app.example:8443:443/", "https://app.example::/", "https://::1/"]
    {
        assert_eq!(TargetUri::parse(text), None, "{text}");
    }
    assert!(TargetUri::parse("https://[::1]:8443/").is_some());
}
