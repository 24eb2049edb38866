//! What an attacker tries, through the whole gateway.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test stops where it meets what it did not expect"
)]

#[expect(dead_code, unused_imports, reason = "the flows need more of it")]
mod support;

#[path = "attack/headers.rs"]
mod headers;
#[path = "attack/paths.rs"]
mod paths;
#[path = "attack/redirects.rs"]
mod redirects;
#[path = "support/vectors.rs"]
mod vectors;

use support::{Asked, Browser, World, gateway, variables};

/// None of these asks policies.
fn engine() -> Option<&'static dyn postern::policy::PolicyEngine> {
    None
}

#[test]
fn no_protocol_is_changed_to_that_nobody_looks_into() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let asked = Asked::navigation("/").with("upgrade", "h2c").with("connection", "Upgrade, x-forwarded-for");
    let answered = browser.send(&asked);
    let headers = &answered.forwarded().headers;
    assert!(!headers.contains_key("upgrade") && !headers.contains_key("connection"), "{headers:?}");
}

#[test]
fn whoever_writes_to_the_shared_cache_moves_no_endpoint() {
    // field row 21
    let (world, gateway_one) = (World::new(), gateway(&variables()));
    Browser::new(&world, &gateway_one).signed_in();
    for text in world.cache.borrow_mut().values_mut() {
        *text = text.replace("/authorize", "/evil").replace("login.corp.example/t1/token", "evil.example/token");
    }
    let fresh = gateway(&variables());
    let browser = Browser::new(&world, &fresh);
    let to = browser.begin("provider=corp");
    assert!(!to.contains("evil"), "{to}");
}

#[test]
fn a_sibling_reads_nothing_by_a_strict_cookie() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for path in ["/api/a", "/app/x", "/auth/me"] {
        for dest in ["image", "script", "iframe", "empty"] {
            let asked = Asked::new("GET", path).with("sec-fetch-site", "same-site").with("sec-fetch-dest", dest);
            let asked = asked.with("sec-fetch-mode", if dest == "iframe" { "navigate" } else { "no-cors" });
            browser.send(&asked).assert_refused(403, "csrf.fetch_site");
        }
    }
}

#[test]
fn a_browser_that_loses_the_session_cookie_is_not_sent_round_for_ever() {
    // field row 12
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let mut rounds = 0;
    while browser.go("/app/x").event["outcome"] == "redirect" {
        browser.login();
        browser.plant("__Host-postern", "1.k9.AAAA.AAAA");
        rounds += 1;
        assert!(rounds < 5, "an endless round");
    }
}
