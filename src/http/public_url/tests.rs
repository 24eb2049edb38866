use super::*;

#[test]
fn the_public_url_is_an_origin() {
    //
    let cases = [
        ("https://app.example.com", "https://app.example.com", "app.example.com"),
        ("https://app.example.com/", "https://app.example.com", "app.example.com"),
        ("https://APP.example.com:443", "https://app.example.com", "app.example.com"),
        ("https://app.example.com:8443", "https://app.example.com:8443", "app.example.com:8443"),
        ("http://localhost:8787", "http://localhost:8787", "localhost:8787"),
        ("http://app.demo.localhost:8787", "http://app.demo.localhost:8787", "app.demo.localhost:8787"),
        ("http://127.0.0.1", "http://127.0.0.1", "127.0.0.1"),
        ("http://[::1]:80", "http://[::1]", "[::1]"),
    ];
    for (text, origin, host) in cases {
        let url = PublicUrl::parse(text).unwrap();
        assert_eq!((url.origin(), url.host()), (origin, host), "{text}");
        assert_eq!(url.join("/a"), format!("{origin}/a"));
        assert_eq!(url.is_https(), text.starts_with("https"));
        assert_eq!(url.is_loopback_development(), !text.starts_with("https"));
    }
    assert!(PublicUrl::parse("https://localhost:8787").unwrap().is_loopback_development());
}

#[test]
fn no_browser_is_told_to_use_tls_alone_with_a_developers_machine() {
    //
    for (text, pinned) in [
        ("https://app.example.com", true),
        ("https://localhost:8787", false),
        ("https://app.localhost", false),
        ("https://127.0.0.1:8787", false),
        ("http://localhost:8787", false),
    ] {
        assert_eq!(PublicUrl::parse(text).unwrap().is_pinned_to_https(), pinned, "{text}");
    }
}

#[test]
fn what_is_no_secure_origin_is_no_public_url() {
    for bad in [
        "",
        "app.example.com",
        "https://",
        "https:///",
        "https:app.example.com",
        "https:///app.example.com",
        "https://app.example.com/x",
        "https://app.example.com//",
        "https://app.example.com/.",
        "https://app.example.com?",
        "https://app.example.com#",
        "https://user@app.example.com",
        "https://@app.example.com",
        "https://app.example.com\\",
        " https://app.example.com",
        "https://app.example.com\n",
        "https://app.exa\tmple.com",
        "https://ex ample.com",
        "https://é.example",
        "HTTPS://app.example.com",
        "ftp://app.example.com",
        "http://app.example.com",
        "http://192.168.1.10:8787",
        "http://0.0.0.0:8787",
        "http://localhost.example.com",
        "http://notlocalhost",
        "https://app.example.com:99999",
    ] {
        assert_eq!(PublicUrl::parse(bad), None, "{bad:?}");
    }
}
