use proptest::prelude::*;

use super::*;

fn parse(raw: &str) -> Result<String, PathError> {
    CanonicalPath::parse(raw).map(|path| path.to_string())
}

#[test]
fn an_unambiguous_path_is_kept_byte_for_byte() {
    //
    for path in
        ["/", "/a", "/a/", "/a/b.c/~d_e-f", "/a%20b", "/caf%C3%A9", "/@me/a:b,c=d+e!$&'()*", "/%40me/...", "/%3B"]
    {
        assert_eq!(parse(path).as_deref(), Ok(path));
    }
}

#[test]
fn equivalent_spellings_are_written_as_one() {
    //
    for (raw, canonical) in [
        ("/caf%c3%A9/%5b", "/caf%C3%A9/%5B"),
        ("/%61%5A%30", "/aZ0"),
        ("/%7Euser/x%2Dy%2ez%5F", "/~user/x-y.z_"),
        ("/[draft]%20report.pdf", "/%5Bdraft%5D%20report.pdf"),
        ("/a|b^c", "/a%7Cb%5Ec"),
        ("/%7e/[%5D|%7c", "/~/%5B%5D%7C%7C"),
    ] {
        assert_eq!(parse(raw).as_deref(), Ok(canonical), "{raw}");
    }
}

#[test]
fn every_escape_of_an_unreserved_character_is_that_character() {
    // R-194, RFC 3986 §6.2.2.2
    for byte in 0..=u8::MAX {
        let (upper, lower) = (format!("/x%{byte:02X}y"), format!("/x%{byte:02x}y"));
        assert_eq!(parse(&upper), parse(&lower));
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        assert_eq!(parse(&upper) == Ok(format!("/x{}y", char::from(byte))), is_plain, "{upper}");
    }
}

#[test]
fn an_ambiguous_path_is_refused_with_its_reason() {
    //
    let long = format!("/{}", "a".repeat(MAX_BYTES));
    let cases = [
        ("", PathError::NotAbsolute),
        ("a", PathError::NotAbsolute),
        ("*", PathError::NotAbsolute),
        ("http://a/", PathError::NotAbsolute),
        (&long, PathError::TooLong),
        ("//", PathError::EmptySegment),
        ("//evil.example/", PathError::EmptySegment),
        ("/a//b", PathError::EmptySegment),
        ("/a//", PathError::EmptySegment),
        ("/.", PathError::DotSegment),
        ("/a/../b", PathError::DotSegment),
        ("/a/..", PathError::DotSegment),
        ("/a/./b", PathError::DotSegment),
        ("/a/..%3B/b", PathError::DotSegment),
        ("/a/..%3bx=y", PathError::DotSegment),
        ("/a/.%3B/b", PathError::DotSegment),
        ("/a\\b", PathError::Backslash),
        ("/a;b=c", PathError::Semicolon),
        ("/a\0", PathError::RawControl),
        ("/a\r\nb", PathError::RawControl),
        ("/a\x7f", PathError::RawControl),
        ("/é", PathError::RawNonAscii),
        ("/a b", PathError::ForbiddenCharacter),
        ("/a?b", PathError::ForbiddenCharacter),
        ("/a#b", PathError::ForbiddenCharacter),
        ("/{a}", PathError::ForbiddenCharacter),
        ("/a`b", PathError::ForbiddenCharacter),
        ("/a\"b", PathError::ForbiddenCharacter),
        ("/<a>", PathError::ForbiddenCharacter),
        ("/%", PathError::BadEscape),
        ("/%a", PathError::BadEscape),
        ("/%zz", PathError::BadEscape),
        ("/%+1", PathError::BadEscape),
        ("/%u0041", PathError::BadEscape),
        ("/a%2fb", PathError::EncodedSlash),
        ("/a%2Fb", PathError::EncodedSlash),
        ("/a%5cb", PathError::EncodedBackslash),
        ("/%252e", PathError::EncodedPercent),
        ("/%25", PathError::EncodedPercent),
        ("/%00", PathError::EncodedControl),
        ("/%0d%0a", PathError::EncodedControl),
        ("/%7F", PathError::EncodedControl),
        ("/%C2%85", PathError::EncodedControl),
        ("/%2e%2e/", PathError::DotSegment),
        ("/a/%2E", PathError::DotSegment),
        ("/a/.%2e/b", PathError::DotSegment),
        ("/a/%2e.%3bx", PathError::DotSegment),
        ("/%FF", PathError::NotUtf8),
        ("/%C0%AF", PathError::NotUtf8),
        ("/%E0%80%AF", PathError::NotUtf8),
        ("/%ED%A0%80", PathError::NotUtf8),
    ];
    for (raw, expected) in cases {
        assert_eq!(parse(raw), Err(expected), "{raw:?}");
    }
}

#[test]
fn every_reason_has_its_own_code() {
    let all = [
        PathError::TooLong,
        PathError::NotAbsolute,
        PathError::EmptySegment,
        PathError::DotSegment,
        PathError::Backslash,
        PathError::Semicolon,
        PathError::RawControl,
        PathError::RawNonAscii,
        PathError::ForbiddenCharacter,
        PathError::BadEscape,
        PathError::EncodedSlash,
        PathError::EncodedBackslash,
        PathError::EncodedPercent,
        PathError::EncodedControl,
        PathError::NotUtf8,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), all.len());
}

#[test]
fn within_a_prefix_means_whole_segments() {
    let within = |path| CanonicalPath::parse(path).unwrap().is_within("/auth");
    assert!(within("/auth") && within("/auth/") && within("/auth/login"));
    assert!(!within("/author") && !within("/") && !within("/x/auth"));
}

/// Raw paths in which the tricky bytes are as frequent as the plain ones.
fn raw_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9._~-]{1,4}",
        "%[0-9a-fA-F]{2}",
        "[/!$&'()*+,:=@|^]",
        "[\\[\\]]",
        prop::sample::select(vec!["%C3%A9", "%c3%a9", "%20", "..", ".", "//", ";", "\\", "%", "%2f", "%25", "é", " "])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Raw paths most of which are accepted.
fn plain_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof!["[a-c]{1,2}", "%[cC]3%[aA]9", "%20", "%40x", "@x"], 0..5)
        .prop_map(|segments| format!("/{}", segments.join("/")))
}

/// `text` with those bytes escaped whose place in `escaped` is true.
fn respell(text: &str, escaped: &[bool]) -> String {
    let spelling = |(byte, escape): (u8, &bool)| {
        if *escape || !byte.is_ascii() { format!("%{byte:02X}") } else { char::from(byte).to_string() }
    };
    text.bytes().zip(escaped).map(spelling).collect()
}

proptest! {
    #[test]
    fn canonical_is_a_fixed_point(raw in prop_oneof![raw_path(), plain_path()]) {
        if let Ok(path) = parse(&raw) {
            prop_assert_eq!(parse(&path), Ok(path.clone()));
        }
    }

    #[test]
    fn what_is_accepted_names_what_the_raw_path_named(raw in prop_oneof![raw_path(), plain_path()]) {
        if let Ok(path) = parse(&raw) {
            let named = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
            prop_assert_eq!(named(&path), named(&raw));
            prop_assert_eq!(path.matches('/').count(), raw.matches('/').count());
        }
    }

    // no second reader, the WHATWG parser of the platform first of all, sees another path.
    #[test]
    fn the_url_crate_reads_the_same_path(raw in prop_oneof![raw_path(), plain_path()]) {
        if let Ok(path) = parse(&raw) {
            let url = url::Url::parse("https://app.example.com").unwrap().join(&path).unwrap();
            prop_assert_eq!(url.as_str(), format!("https://app.example.com{path}"));
        }
    }

    // one text, each byte of it raw or escaped at will, has one accepted spelling.
    #[test]
    fn accepted_spellings_of_one_path_differ_in_reserved_characters_only(
        text in "/[a-c/. @%é~|]{0,6}",
        left in prop::collection::vec(any::<bool>(), 16),
        right in prop::collection::vec(any::<bool>(), 16),
    ) {
        if let (Ok(left), Ok(right)) = (parse(&respell(&text, &left)), parse(&respell(&text, &right))) {
            prop_assert_eq!(left.replace("%40", "@"), right.replace("%40", "@"));
        }
    }

    #[test]
    fn no_input_whatever_panics(raw in ".{0,40}") {
        let _ = parse(&raw);
    }
}
