//! What may not pass by asking at `/auth/verify` in another way. Field rows 1 to 5.

use proptest::prop_assert;
use proptest::sample;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::verify::{deployment, deployment_with, forwarded, script};
use crate::support::{Asked, Browser, VERIFY_SECRET, World, gateway, variables};

#[test]
fn without_the_secret_everybody_is_told_the_same() {
    // field row 1
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let calls = world.session_calls.get();
    let asked = |secrets: &[&str]| {
        let headers = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.com"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/"),
        ];
        let asked = headers.into_iter().fold(script(), |asked, (name, value)| asked.with(name, value));
        secrets.iter().fold(asked, |asked, secret| asked.with("x-postern-secret", secret))
    };
    let long = format!("{VERIFY_SECRET}0");
    let mut bodies = Vec::new();
    for (secrets, reason) in [
        (vec![], "verify.no_secret"),
        (vec![""], "verify.wrong_secret"),
        (vec!["guess"], "verify.wrong_secret"),
        (vec![long.as_str()], "verify.wrong_secret"),
        (vec![VERIFY_SECRET, VERIFY_SECRET], "verify.wrong_secret"),
        (vec![VERIFY_SECRET, "guess"], "verify.wrong_secret"),
    ] {
        let refused = browser.send(&asked(&secrets));
        refused.assert_refused(400, reason);
        assert_eq!((&refused.event["path"], &refused.event["via"]), (&json!("/auth/verify"), &json!("verify")));
        let id = refused.event["request_id"].as_str().unwrap();
        bodies.push(refused.reply().body.replace(id, ""));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    assert_eq!(world.session_calls.get(), calls, "a question without the secret costs nothing");
}

#[test]
fn without_a_table_nobody_may_ask() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for path in ["/auth/verify", "/auth/verify/refusal", "/auth/verify/"] {
        browser.send(&forwarded(Asked::script("GET", path), "GET", "/")).assert_refused(404, "route.none");
    }
}

#[test]
fn no_header_of_a_callers_changes_what_is_decided() {
    // R-124, field rows 1 and 3: each beside the proxy's own
    let (world, gateway) = (World::new(), deployment());
    let nobody = Browser::new(&world, &gateway);
    for (name, value) in [
        ("forwarded", "host=app.example.com;proto=https"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/assets"),
        ("x-forwarded-user", "alice"),
        ("x-http-method-override", "GET"),
        ("x-postern-subject", "alice"),
        ("x-postern-kind", "service"),
        ("x-auth-request-user", "alice"),
        ("user-agent", "GoogleHC/1.0"),
        ("x-middleware-subrequest", "middleware"),
        ("cf-connecting-ip", "127.0.0.1"),
    ] {
        let refused = nobody.send(&forwarded(script().with(name, value), "GET", "/wiki/a"));
        refused.assert_refused(401, "authn.no_credential");
        assert_eq!(refused.event["address"], "203.0.113.9", "{name}");
        assert!(!refused.reply().headers.contains_key("x-postern-subject"));
    }
}

#[test]
fn a_header_that_says_it_again_is_believed_neither_way() {
    // field rows 1 and 4
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    for (name, value) in [
        ("x-forwarded-uri", "/"),
        ("x-forwarded-uri", "/wiki/a"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-host", "app.example.com"),
        ("x-forwarded-proto", "https"),
        ("x-original-uri", "/"),
        ("x-original-uri", "/wiki/a"),
        ("x-original-method", "GET"),
        ("x-original-url", "/"),
        ("x-rewrite-url", "/"),
    ] {
        let refused = browser.send(&forwarded(script().with(name, value), "GET", "/wiki/a"));
        refused.assert_refused(400, "verify.said_twice");
        assert!(refused.event["detail"].as_str().is_some_and(|detail| detail.starts_with("x-")), "{name}");
    }
    for name in ["x_forwarded_uri", "x_forwarded-uri", "x_postern_subject", "x_original_uri", "x_postern_secret"] {
        let refused = browser.send(&forwarded(script().with(name, "/"), "GET", "/wiki/a"));
        refused.assert_refused(400, "request.bad_header");
    }
}

#[test]
fn a_uri_has_one_meaning_or_none() {
    // R-194, field row 2: `/` is public and `/wiki` is not
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let huge = format!("/wiki/{}", "a".repeat(9000));
    for (uri, reason) in [
        ("https://app.example.com/wiki/a", "verify.unusable"),
        ("//app.example.com/wiki/a", "path.empty_segment"),
        ("/wiki/a#/", "verify.unusable"),
        ("/#/wiki/a", "verify.unusable"),
        ("/wiki/a%23", ""),
        ("/, /wiki/a", "verify.unusable"),
        ("/wiki/\\a", "path.backslash"),
        ("/wiki/..;/", "path.semicolon"),
        ("/wiki/%2e%2e/", "path.dot_segment"),
        ("/wiki/%252e", "path.encoded_percent"),
        ("/wiki/%00", "path.encoded_control"),
        ("*", "verify.unusable"),
        ("wiki/a", "verify.unusable"),
        (huge.as_str(), "path.too_long"),
    ] {
        let answered = browser.send(&forwarded(script(), "GET", uri));
        if reason.is_empty() {
            // An escaped `#` is a letter like any other, and stays where its path is.
            assert_eq!((answered.reply().status.as_u16(), &answered.event["path"]), (204, &json!("/wiki/a%23")));
        } else {
            answered.assert_refused(400, reason);
        }
    }
}

#[test]
fn a_question_about_another_origin_is_misdirected() {
    //
    let (world, gateway) =
        (World::new(), deployment_with(|vars| vars["VERIFY"]["host"] = json!("postern.example.net")));
    let browser = Browser::new(&world, &gateway).signed_in();
    let about = |host: &str, proto: &str| {
        let headers = [
            ("x-postern-secret", VERIFY_SECRET),
            ("x-forwarded-host", host),
            ("x-forwarded-proto", proto),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/wiki/a"),
        ];
        headers.into_iter().fold(script(), |asked, (name, value)| asked.with(name, value))
    };
    assert_eq!(browser.send(&about("app.example.com", "https")).reply().status.as_u16(), 204);
    for (host, proto) in [("evil.example", "https"), ("postern.example.net", "https"), ("app.example.com", "http")] {
        browser.send(&about(host, proto)).assert_refused(421, "request.unknown_host");
    }
}

#[test]
fn a_credential_that_is_not_good_is_nobody() {
    // R-163, field row 5
    let (world, gateway) = (World::new(), deployment());
    let good = Browser::new(&world, &gateway).signed_in().cookie("__Host-postern").unwrap();
    for (value, reason) in [
        ("", "session.cookie_forged"),
        ("garbage", "session.cookie_forged"),
        (good.trim_end_matches(char::is_alphanumeric), "session.cookie_forged"),
    ] {
        let browser = Browser::new(&world, &gateway);
        browser.plant("__Host-postern", value);
        browser.send(&forwarded(script(), "GET", "/wiki/a")).assert_refused(401, reason);
    }
    let twice = Browser::new(&world, &gateway);
    twice.plant("__Host-postern", &format!("{good}; __Host-postern={good}"));
    twice.send(&forwarded(script(), "GET", "/wiki/a")).assert_refused(401, "session.cookie_repeated");
}

#[test]
fn the_question_itself_is_a_get() {
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    for method in ["POST", "HEAD", "OPTIONS", "PUT"] {
        let asked = forwarded(Asked::script(method, "/auth/verify"), "GET", "/wiki/a");
        browser.send(&asked).assert_refused(405, "route.method_not_allowed");
    }
}

#[test]
fn no_heap_of_headers_lets_nobody_past_a_guard() {
    // field rows 1, 3 and 5: a good question with any of it missing, and any of these beside it
    const NAMES: [&str; 16] = [
        "x-forwarded-uri",
        "x-forwarded-method",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-original-uri",
        "x-original-method",
        "x-original-url",
        "x-rewrite-url",
        "x-postern-secret",
        "x-postern-subject",
        "x-real-ip",
        "forwarded",
        "cookie",
        "authorization",
        "origin",
        "upgrade",
    ];
    const VALUES: [&str; 12] = [
        "/",
        "/wiki/a",
        "GET",
        "OPTIONS",
        "app.example.com",
        "https",
        VERIFY_SECRET,
        "",
        "__Host-postern=x",
        "Bearer x",
        "/, /wiki/a",
        "websocket",
    ];
    let whole = [
        ("x-postern-secret", VERIFY_SECRET),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example.com"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/wiki/a"),
    ];
    let (world, gateway) = (World::new(), deployment());
    let nobody = Browser::new(&world, &gateway);
    let some = proptest::collection::vec((sample::select(&NAMES[..]), sample::select(&VALUES[..])), 0..6);
    let kept = proptest::collection::vec(proptest::bool::weighted(0.8), whole.len());
    let paths = sample::select(&["/auth/verify", "/auth/verify/refusal"][..]);
    TestRunner::default()
        .run(&(some, kept, paths), |(some, kept, path)| {
            let kept = whole.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(line, _)| line);
            // Only the proxy knows the secret, and it does not say it in place of a method: that would stand in the log.
            let some = some.into_iter().map(|(name, value)| match value {
                VERIFY_SECRET if name != "x-postern-secret" => (name, "guess"),
                value => (name, value),
            });
            let asked =
                kept.chain(some).fold(Asked::script("GET", path), |asked, (name, value)| asked.with(name, value));
            let answered = nobody.send(&asked);
            let passed = answered.reply().status.is_success();
            // Of what can be put together here, `/` alone is for everybody.
            prop_assert!(!passed || (answered.event["path"] == "/" && path == "/auth/verify"), "{}", answered.event);
            world.lines.borrow_mut().clear();
            Ok(())
        })
        .unwrap();
}
