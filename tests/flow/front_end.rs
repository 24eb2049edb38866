//! What front ends build on: the way back with its fragment, forms that came too late, the helper.

use postern::http::header;

use crate::support::{Asked, Browser, World, gateway, variables};

const MINUTE: i64 = 60;

#[test]
fn a_login_by_way_of_the_fragment_page_is_the_same_login() {
    // R-033, R-035, R-036
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let page = browser.go("/auth/login?return_to=%2Fapp%2Fa%3Fb&fragment=keep");
    assert_eq!(
        (page.event["reason"].as_str(), page.event["outcome"].as_str()),
        (Some("login.fragment_kept"), Some("redirect"))
    );
    assert!(
        page.reply().body.contains(r#"data-with-fragment="/auth/login?return_to=%2Fapp%2Fa%3Fb""#),
        "{}",
        page.reply().body
    );
    assert!(page.reply().headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'sha256-"));
    // As the page's script puts it together.
    let finished = browser.come_back(&world.corp.authorize(&browser.begin("return_to=%2Fapp%2Fa%3Fb%23part%2F2")));
    assert!(finished.reply().body.contains("content=\"0;url=/app/a?b#part/2\""), "{}", finished.reply().body);
    assert!(!finished.reply().body.contains("<script"));
    let long = format!("return_to=%2Fapp%2Fa%23{}", "x".repeat(9000));
    let finished = browser.come_back(&world.corp.authorize(&browser.begin(&long)));
    assert!(finished.reply().body.contains("content=\"0;url=/app/a\""), "the page without its fragment");
    // Nothing else about the login changes: images and programs start none, nor does the word twice.
    let image = Asked::new("GET", "/auth/login?fragment=keep")
        .with("sec-fetch-mode", "no-cors")
        .with("sec-fetch-dest", "image");
    browser.send(&image).assert_refused(403, "login.not_a_navigation");
    browser.go("/auth/login?fragment=keep&fragment=keep").assert_refused(400, "login.parameter_unusable");
}

#[test]
fn a_browser_that_says_nothing_of_itself_is_redirected_as_ever() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let challenged = browser.send(&Asked::new("GET", "/app/a").with("accept", "text/html"));
    assert_eq!(challenged.location(), "/auth/login?return_to=%2Fapp%2Fa");
}

#[test]
fn the_way_over_continue_stays_with_us() {
    // R-035
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    for (query, to) in [
        ("?to=%2Fapp%2Fa%3Fb%23c", "/app/a?b#c"),
        ("?to=%2Fapp%2Fa%23%5C", "/app/a"),
        ("", "/"),
        ("?to=", "/"),
        ("?to=%2F%2Fevil.example%23a", "/"),
        ("?to=https%3A%2F%2Fevil.example%2F", "/"),
        ("?to=javascript%3Aalert%281%29", "/"),
        ("?to=%2Fauth%2Flogout", "/"),
        ("?to=%2Fauth%2Fcontinue%3Fto%3D%2F", "/"),
        ("?to=%2F%22%3E%3Cscript%3E", "/"),
        ("?to=%2Fa&to=%2F%2Fevil.example", "/a"),
    ] {
        let page = browser.go(&format!("/auth/continue{query}"));
        let body = &page.reply().body;
        assert!(
            body.contains(&format!("content=\"0;url={to}\"")) && !body.contains("evil") && !body.contains("<script"),
            "{query}: {body}"
        );
    }
    browser.send(&Asked::script("POST", "/auth/continue?to=/")).assert_refused(405, "route.method_not_allowed");
}

#[test]
fn a_form_of_ours_that_came_too_late_is_refused_with_a_way_to_send_it_again() {
    // R-166, R-188
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::form("/api/a").with_body(Ok("comment=canary-of-the-form"))).forwarded();
    world.wait(61 * MINUTE);
    let late = browser.send(&Asked::form("/api/a").with_body(Ok("comment=canary-of-the-form")));
    late.assert_refused(401, "session.gone");
    let reply = late.reply();
    assert!(reply.body.contains("Not sent yet") && !reply.body.contains("canary-of-the-form"), "{}", reply.body);
    assert!(reply.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Cookie "));
    assert!(reply.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'sha256-"));
    assert_eq!(reply.headers.get_all(header::CONTENT_TYPE).iter().count(), 1);
    assert!(late.set_cookies().iter().any(|cookie| cookie.starts_with("__Host-postern=;")), "{:?}", late.set_cookies());
    assert!(browser.logins_under_way().is_empty());
    // Without any session it is the same.
    browser.send(&Asked::form("/api/a")).assert_refused(401, "authn.no_credential");
    // Signed in again, what the browser still has gets through.
    browser.login();
    browser.send(&Asked::form("/api/a")).forwarded();
}

#[test]
fn a_form_of_another_site_is_never_offered_to_be_sent_again() {
    // R-166
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let own = ("origin", "https://app.example.com");
    let navigation = |site: &str| {
        Asked::new("POST", "/api/a")
            .with("sec-fetch-site", site)
            .with("sec-fetch-mode", "navigate")
            .with("sec-fetch-dest", "document")
    };
    for asked in [
        Asked::form_from_elsewhere("/api/a", "x=1"),
        navigation("same-site").with("origin", "https://www.example.com"),
        navigation("cross-site").with("origin", "null"),
        navigation("none"),
        navigation("same-origin").with("origin", "https://evil.example"),
    ] {
        let refused = browser.send(&asked);
        refused.assert_refused(401, "authn.no_credential");
        assert!(!refused.reply().body.contains("Not sent yet") && !refused.reply().body.contains("<script"));
    }
    // Nor is what no form sends, or what has not to do with a session that ended.
    let script = browser.send(&Asked::script("POST", "/api/a").with(own.0, own.1));
    assert_eq!(script.reply().headers[header::CONTENT_TYPE], "application/problem+json");
    let browser = browser.signed_in();
    let refused = browser.send(&Asked::form("/admin/a"));
    refused.assert_refused(403, "authz.insufficient_scope");
    assert!(!refused.reply().body.contains("Not sent yet"));
}

#[test]
fn who_signed_in_for_another_tab_is_told_so_and_nobody_else() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    browser.go("/auth/signed-in").assert_refused(401, "authn.no_credential");
    let finished = browser.come_back(&world.corp.authorize(&browser.begin("return_to=/auth/signed-in")));
    assert!(finished.reply().body.contains("content=\"0;url=/auth/signed-in\""), "{}", finished.reply().body);
    let page = browser.go("/auth/signed-in");
    assert!(page.reply().status == 200 && page.reply().body.contains("You are signed in"), "{}", page.reply().body);
}

#[test]
fn the_helper_is_for_everybody_and_runs_as_a_script_only() {
    // R-175
    let (world, gateway) = (World::new(), gateway(&variables()));
    let calls = world.session_calls.get();
    let script = Browser::new(&world, &gateway).send(&Asked::script("GET", "/auth/postern.js"));
    let reply = script.reply();
    assert_eq!(reply.body, include_str!("../../client/postern.js"));
    for (name, value) in [
        ("content-type", "text/javascript; charset=utf-8"),
        ("cache-control", "public, max-age=600"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(reply.headers[name], value, "{name}");
    }
    assert_eq!(world.session_calls.get(), calls);
}

#[test]
fn a_script_learns_by_whose_clock_its_session_ends_and_which_scope_is_missing() {
    // RFC 6750 §3
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let before = browser.send(&Asked::script("GET", "/auth/me?touch=false")).json();
    world.wait(MINUTE);
    let after = browser.send(&Asked::script("GET", "/auth/me?touch=false")).json();
    assert_eq!(after["now"].as_i64().unwrap() - before["now"].as_i64().unwrap(), 60);
    assert_eq!(after["session"], before["session"]);
    let refused = browser.send(&Asked::script("GET", "/admin/a"));
    refused.assert_refused(403, "authz.insufficient_scope");
    assert_eq!(refused.json()["scope"], "admin");
    assert_eq!(Browser::new(&world, &gateway).send(&Asked::script("GET", "/admin/a")).json().get("scope"), None);
}
