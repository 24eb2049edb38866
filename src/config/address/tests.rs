use super::*;

#[test]
fn an_issuer_is_kept_byte_for_byte() {
    //
    for text in ["https://op.example", "https://op.example/", "https://op.example/t1/", "https://OP.example:443/a"] {
        assert_eq!(Issuer::parse(text, false).unwrap().as_str(), text);
    }
}

#[test]
fn an_issuer_is_an_https_url_without_query_or_fragment() {
    //
    for bad in [
        "",
        "op.example",
        "http://op.example",
        "https://op.example?",
        "https://op.example/?a=b",
        "https://op.example#",
        "https://user:password@op.example",
        "https://op.example/ ",
        "https://10.0.0.5",
        "https://localhost",
        "https://169.254.169.254/",
        "file:///etc/passwd",
        "urn:op",
    ] {
        assert_eq!(Issuer::parse(bad, false), None, "{bad}");
    }
}

#[test]
fn an_issuer_on_this_machine_is_for_development_only() {
    //
    for local in ["http://localhost:9000", "http://127.0.0.1:9000/t", "https://[::1]:9000", "https://localhost"] {
        assert_eq!(Issuer::parse(local, false), None, "{local}");
        assert!(Issuer::parse(local, true).is_some(), "{local}");
    }
    assert_eq!(Issuer::parse("http://op.example", true), None);
    assert_eq!(Issuer::parse("http://192.168.1.10", true), None);
}

#[test]
fn endpoints_are_https_on_public_hosts() {
    //
    let issuer = Issuer::parse("https://op.example", false).unwrap();
    for good in [
        "https://op.example/token",
        "https://login.other.example:8443/a?tenant=1",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ] {
        assert!(issuer.allows_endpoint(good), "{good}");
    }
    for bad in [
        "",
        "/token",
        "//op.example/token",
        "http://op.example/token",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://op.example",
        "data:,x",
        "https://op.example/token#",
        "https://user@op.example/token",
        "https://localhost/token",
        "https://localhost./token",
        "https://op.localhost/token",
        "http://localhost/token",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fc00::1]/",
        "https://[fd12:3456::1]/",
        "https://[fe80::1]/",
        "https://[ff02::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:a00:1::]/",
    ] {
        assert!(!issuer.allows_endpoint(bad), "{bad}");
    }
}

#[test]
fn only_an_issuer_on_this_machine_may_name_endpoints_here() {
    //
    let local = Issuer::parse("http://localhost:9000", true).unwrap();
    for good in
        ["http://localhost:9000/token", "http://127.0.0.1:9001/", "https://[::1]/jwks", "https://op.example/jwks"]
    {
        assert!(local.allows_endpoint(good), "{good}");
    }
    for bad in ["http://op.example/token", "https://10.0.0.1/", "http://169.254.169.254/", "file:///x"] {
        assert!(!local.allows_endpoint(bad), "{bad}");
    }
    let remote = Issuer::parse("https://op.example", true).unwrap();
    assert!(!remote.allows_endpoint("http://localhost:9000/token"));
}
