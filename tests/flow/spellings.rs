//! A stricter rule beside a weaker one is passed by no other spelling: not for requests, not for another proxy's questions, not
//! for limits, relations or policies.

use postern::gateway::{Disposition, Gateway};
use serde_json::{Value, json};

use super::verify;
use crate::support::{Answered, Asked, Browser, World, gateway, variables};

/// `/{*rest}` for whoever is signed in, and inside it what this says of `/vault/{*rest}` and `/plans/{id}`.
fn deployment(stricter: &Value) -> Gateway {
    let mut vars = variables();
    vars["VERIFY"] = json!({});
    vars["RELATIONS"] = json!({ "plan": { "viewer": "[user]" } });
    let rule = || {
        let mut rule = json!({ "upstream": "service:API" });
        rule.as_object_mut().unwrap().extend(stricter.as_object().unwrap().clone());
        rule
    };
    vars["ROUTES"] = json!({
        "/{*rest}": { "upstream": "service:API" },
        "/vault/{*rest}": rule(),
        "/plans/{id}": rule(),
        "/open/{*rest}": { "upstream": "service:API", "public": true },
    });
    gateway(&vars)
}

const SPELLINGS: [&str; 9] = [
    "/vault",
    "/Vault/",
    "/VAULT/x",
    "/vault.json",
    "/%56ault/x",
    "/plans/7/",
    "/Plans/7",
    "/pLANS/7.json",
    "/plans/7.json/",
];

fn is_refused_as_other_spelling(answered: &Answered, path: &str) {
    answered.assert_refused(404, "route.other_spelling");
    let rule = if path.to_lowercase().contains("ault") { "/vault/{*rest}" } else { "/plans/{id}" };
    assert_eq!(answered.event["detail"], rule, "{path}");
    assert!(answered.event.get("route").is_none());
}

/// What makes one rule stricter than another, each by itself.
fn reasons() -> Vec<Value> {
    vec![
        json!({ "require": { "scopes": ["admin"] } }),
        json!({ "require": { "relations": ["plan:7#viewer"] } }),
        json!({ "require": { "max_age": "5m" } }),
        json!({ "limits": { "address": { "rate": "1/1m" } } }),
        json!({ "limits": { "subject": { "rate": "1/1m" } } }),
        json!({ "limits": { "route": { "rate": "1/1m" } } }),
        json!({ "methods": ["POST"] }),
        json!({ "policy": true }),
    ]
}

#[test]
fn a_stricter_rule_is_passed_by_no_other_spelling_whatever_makes_it_stricter() {
    for stricter in reasons() {
        let (world, gateway) = (World::new(), deployment(&stricter));
        let browser = Browser::new(&world, &gateway).signed_in();
        for path in SPELLINGS {
            is_refused_as_other_spelling(&browser.send(&Asked::script("GET", path)), path);
        }
        for path in ["/other", "/other/", "/Other.json", "/plans", "/plans/7/x", "/vaults", "/open/Vault"] {
            let answered = browser.send(&Asked::script("GET", path));
            assert!(matches!(answered.outcome, Disposition::Forward(_)), "{stricter} {path}: {}", answered.event);
        }
    }
}

#[test]
fn another_proxy_is_told_the_same() {
    let (world, gateway) = (World::new(), deployment(&json!({ "require": { "scopes": ["admin"] } })));
    let browser = Browser::new(&world, &gateway).signed_in();
    for path in SPELLINGS {
        let answered = browser.send(&verify::forwarded(verify::script(), "GET", path));
        assert_eq!(answered.reply().status, 404, "{path}");
        assert_eq!(answered.event["reason"], "route.other_spelling", "{path}");
    }
    let answered = browser.send(&verify::forwarded(verify::script(), "GET", "/other/"));
    assert_eq!(answered.reply().status, 204);
}

#[test]
fn nobody_learns_by_another_spelling_whether_they_are_signed_in() {
    let (world, gateway) = (World::new(), deployment(&json!({ "require": { "scopes": ["admin"] } })));
    let nobody = Browser::new(&world, &gateway);
    for path in SPELLINGS {
        is_refused_as_other_spelling(&nobody.send(&Asked::script("GET", path)), path);
        // A person is told so by a page, and not sent to sign in for it.
        is_refused_as_other_spelling(&nobody.go(path), path);
    }
}

#[test]
fn what_is_no_stricter_is_refused_for_nobody() {
    for same in [json!({}), json!({ "public": true }), json!({ "token": "assertion" }), json!({ "touch": false })] {
        let (world, gateway) = (World::new(), deployment(&same));
        let browser = Browser::new(&world, &gateway).signed_in();
        for path in SPELLINGS {
            let answered = browser.send(&Asked::script("GET", path));
            assert!(matches!(answered.outcome, Disposition::Forward(_)), "{same} {path}: {}", answered.event);
        }
    }
}

#[test]
fn a_deployment_or_a_route_may_say_that_paths_are_read_exactly() {
    let strict = json!({ "upstream": "service:API", "require": { "scopes": ["admin"] } });
    let config = |everywhere: Option<&str>, weaker: Option<&str>| {
        let mut vars = variables();
        vars["ROUTES"] = json!({ "/{*rest}": { "upstream": "service:API" }, "/vault/{*rest}": strict });
        everywhere.into_iter().for_each(|word| vars["PATHS"] = json!(word));
        weaker.into_iter().for_each(|word| vars["ROUTES"]["/{*rest}"]["paths"] = json!(word));
        gateway(&vars)
    };
    for (everywhere, weaker, exact) in [
        (None, None, false),
        (Some("exact"), None, true),
        (None, Some("exact"), true),
        (Some("exact"), Some("loose"), false),
        (Some("loose"), Some("exact"), true),
    ] {
        let (world, gateway) = (World::new(), config(everywhere, weaker));
        let browser = Browser::new(&world, &gateway).signed_in();
        let answered = browser.send(&Asked::script("GET", "/Vault/x"));
        assert_eq!(matches!(answered.outcome, Disposition::Forward(_)), exact, "{everywhere:?} {weaker:?}");
        browser.send(&Asked::script("GET", "/vault/x")).assert_refused(403, "authz.insufficient_scope");
    }
}
