use proptest::prelude::*;

use super::*;
use crate::config::testing::public_url;

fn parse(text: &str) -> Option<ReturnTo> {
    ReturnTo::parse(text, &public_url())
}

/// Where a browser on our start page ends up.
fn followed(to: &ReturnTo) -> url::Url {
    url::Url::parse("https://app.example.com/").unwrap().join(to.as_str()).unwrap()
}

fn stays(to: &ReturnTo) -> bool {
    let url = followed(to);
    let own = CanonicalPath::parse(url.path()).unwrap().is_within("/auth");
    url.origin().ascii_serialization() == "https://app.example.com" && url.username().is_empty() && !own
}

#[test]
fn a_path_on_our_own_origin_is_kept_byte_for_byte() {
    //
    for text in
        ["/", "/a", "/a/b?c=d&e=%2F%2Fevil#f", "/a?to=https://evil.example", "/author", "/a:b@c", "/%C3%A9", "/a#//b"]
    {
        assert_eq!(parse(text).as_ref().map(ReturnTo::as_str), Some(text));
    }
}

#[test]
fn whatever_could_lead_elsewhere_is_refused() {
    //
    for text in [
        "",
        "a",
        "?a",
        "#a",
        " /a",
        "/a ",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "/./\\evil.example",
        "/.//evil.example",
        "/a/..//evil.example",
        "/%2e//evil.example",
        "/%2F%2Fevil.example",
        "/%5cevil.example",
        "https://app.example.com/",
        "https://evil.example",
        "https:/evil.example",
        "javascript:alert(1)",
        "data:,a",
        "/a\0b",
        "/é",
        "/a\u{7f}",
        "/a;b",
        "/a/%2e%2e/b",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
    assert_eq!(parse(&format!("/{}", "a".repeat(MAX_BYTES))), None);
    assert!(parse(&format!("/{}", "a".repeat(MAX_BYTES - 1))).is_some());
}

#[test]
fn nobody_returns_to_an_endpoint_of_ours() {
    for text in [
        "/auth",
        "/auth/",
        "/auth/logout",
        "/auth/login?return_to=/",
        "/auth?a",
        "/auth#a",
        "/a/../auth/logout",
        "/./auth",
        // As it is written when it is asked for.
        "/%61uth/logout",
        "/aut%68/login?return_to=/",
        "/%61%75%74%68",
        "/%61uth/sessions",
        "/auth/%6Cogout",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn four_pages_of_ours_do_nothing_and_are_the_exceptions() {
    for text in OWN_PAGES {
        assert!(parse(text).is_some());
    }
    assert!(parse("/auth/admin/explain?id=99b3b75e830b70503346").is_some());
    for text in [
        "/auth/admin",
        "/auth/admin/explain/",
        "/auth/admin/explain#a",
        "/auth/admin/explain?a#b",
        "/auth/admin/./explain?a",
        "/auth/admin/explain/../sessions?a",
        "/auth/admin/sessions",
        "/auth/signed-in/",
        "/auth/signed-in?a",
        "/auth/signed-in#a",
        "/auth/./signed-in",
        "/auth/signed-in/../logout",
        "/auth/sessions/x/end",
        "/auth/sessions/",
        "/auth/keys/",
        "/auth/keys/leaked",
        "/auth/keys?a",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_fragment_that_cannot_be_kept_does_not_cost_the_page() {
    let nearest = |text: &str| ReturnTo::parse_nearest(text, &public_url()).map(|to| to.as_str().to_owned());
    assert_eq!(nearest("/a?b#c").as_deref(), Some("/a?b#c"));
    let long = format!("/a?b#{}", "c".repeat(MAX_BYTES));
    for text in [long.as_str(), "/a?b#c\\d", "/a?b#é", "/a?b#c d"] {
        assert_eq!(nearest(text).as_deref(), Some("/a?b"), "{text}");
    }
    for text in [
        "//evil.example#a",
        "/\\evil.example#a",
        "#a",
        "/auth/logout#a",
        "/auth/signed-in/x#a",
        "https://evil.example#a",
    ] {
        assert_eq!(nearest(text), None, "{text}");
    }
}

#[test]
fn an_absolute_url_is_taken_only_on_our_own_origin() {
    //
    let parse = |text: &str| ReturnTo::parse_absolute(text, &public_url()).map(|to| to.as_str().to_owned());
    assert_eq!(parse("https://app.example.com/a?b").as_deref(), Some("/a?b"));
    assert_eq!(parse("https://app.example.com").as_deref(), Some("/"));
    for text in [
        "/a",
        "http://app.example.com/",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example",
        "https://app.example.com:444/",
        "https://app.example.com//evil.example",
        "https://app.example.com\\evil.example",
        "HTTPS://app.example.com/",
        "https://APP.example.com/",
        "https://app.example.com?a",
        "//app.example.com/",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_accepted_stays_with_us(text in "[/\\\\.;:@?#%a-f0-9\\x00-\\x20é]{0,24}|/[!-~]{0,24}") {
        if let Some(to) = parse(&text) {
            prop_assert!(stays(&to), "{text:?} leads to {}", followed(&to));
            prop_assert_eq!(to.as_str(), text);
        }
    }
}
