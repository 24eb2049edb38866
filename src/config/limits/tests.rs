use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{Config, Problem};

fn parse(limits: Value, routes: Value) -> Result<Config, Vec<Problem>> {
    let mut vars = json!({
        "PUBLIC_URL": "https://app.example.com",
        "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app" } },
        "LIMITS": limits,
        "ROUTES": routes,
    });
    if vars["LIMITS"].is_null() {
        vars.as_object_mut().unwrap().remove("LIMITS");
    }
    Config::parse(vars.as_object().unwrap(), &|_| Some(format!("k1:{}", "E".repeat(43))))
}

fn routes() -> Value {
    json!({ "/a": { "upstream": "service:API" } })
}

fn limits(limits: Value) -> Limits {
    parse(limits, routes()).unwrap().limits
}

fn of_route(limits: Value, shared: Value) -> RouteLimits {
    let config = parse(json!({ "routes": shared }), json!({ "/a": { "upstream": "service:API", "limits": limits } }));
    config.unwrap().routes.routes()[0].limits.clone()
}

/// Every problem, as one text.
fn problems(limits: Value, routes: Value) -> String {
    let all = parse(limits, routes).unwrap_err();
    all.iter().map(|problem| format!("{problem}\n")).collect()
}

fn allowed(requests: u32, seconds: u32, burst: u32, counter: Counter) -> Option<Limit> {
    let allowance = Allowance::new(requests, Seconds::new(seconds), burst).unwrap();
    Some(Limit { allowance, counter })
}

#[test]
fn sign_ins_are_limited_unless_the_configuration_says_otherwise() {
    let sixty = allowed(60, 60, 60, Counter::Isolate);
    for quiet in [Value::Null, json!({})] {
        let limits = limits(quiet);
        assert_eq!((&limits.login, &limits.callback), (&sixty, &sixty));
        assert_eq!((&limits.backchannel_logout, &limits.routes.address), (&None, &None));
        assert_eq!((&limits.frontchannel_logout, &limits.own), (&sixty, &allowed(6000, 60, 6000, Counter::Isolate)));
    }
    let off = limits(json!({ "frontchannel_logout": false, "own": false }));
    assert_eq!((off.frontchannel_logout, off.own, off.login), (None, None, sixty));
    let set =
        limits(json!({ "frontchannel_logout": { "rate": "5/1s" }, "own": { "rate": "7/1s", "counter": "object" } }));
    assert_eq!(set.frontchannel_logout, allowed(5, 1, 5, Counter::Isolate));
    assert_eq!(set.own, allowed(7, 1, 7, Counter::Object));
    let told = limits(json!({ "login": false, "callback": { "rate": "5/10s", "burst": 9, "counter": "object" } }));
    assert_eq!((told.login, told.callback), (None, allowed(5, 10, 9, Counter::Object)));
    let notices = limits(json!({ "backchannel_logout": { "rate": "1000/1m" } })).backchannel_logout;
    assert_eq!(notices, allowed(1000, 60, 1000, Counter::Isolate));
}

#[test]
fn behind_another_proxy_nobody_is_limited_by_its_address_unasked() {
    let behind = |limits: Value, keys: Value| {
        let mut vars = json!({
            "PUBLIC_URL": "https://app.example.com", "VERIFY": {}, "LIMITS": limits,
            "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app" } },
            "ROUTES": { "/a": { "upstream": "none" } },
        });
        if !keys.is_null() {
            vars["KEYS"] = keys;
        }
        let secret =
            |name: &str| Some(if name == "POSTERN_KEYS" { format!("k1:{}", "E".repeat(43)) } else { "s".repeat(32) });
        Config::parse(vars.as_object().unwrap(), &secret).unwrap().limits
    };
    assert_eq!(behind(json!({}), json!(null)), Limits::default());
    // Keys come in questions that say from where: made-up ones are counted all the same.
    let keys = behind(json!({}), json!({ "self_service": { "scopes": ["read"] } }));
    assert_eq!(keys, Limits { keys: allowed(60, 60, 60, Counter::Isolate), ..Limits::default() });
    let off = behind(json!({ "keys": false }), json!({ "self_service": { "scopes": ["read"] } }));
    assert_eq!(off, Limits::default());
    let limits = json!({ "login": { "rate": "600/1m" } });
    assert_eq!(behind(limits, json!(null)).login, allowed(600, 60, 600, Counter::Isolate));
}

#[test]
fn a_route_has_limits_of_its_own_or_those_of_all() {
    let shared = json!({ "address": { "rate": "300/1m" }, "subject": { "rate": "100/1m" } });
    let own = of_route(json!({ "subject": { "rate": "20/10s", "counter": "binding:API_LIMIT" } }), shared.clone());
    assert_eq!((own.address, own.shared), (None, false));
    assert_eq!(own.subject, allowed(20, 10, 20, Counter::Binding("API_LIMIT".to_owned())));
    assert_eq!(of_route(json!({}), shared.clone()), RouteLimits::default());
    let config = parse(
        json!({ "routes": shared }),
        json!({ "/a": { "upstream": "service:API" }, "/b": { "upstream": "service:API", "public": true } }),
    );
    let config = config.unwrap();
    let [guarded, public] = config.routes.routes() else { panic!() };
    assert_eq!((&guarded.limits.subject, guarded.limits.shared), (&allowed(100, 60, 100, Counter::Object), true));
    assert_eq!((&public.limits.subject, &public.limits.address), (&None, &guarded.limits.address));
}

#[test]
fn what_no_limit_can_be_is_a_problem() {
    let login = |table: Value| problems(json!({ "login": table }), routes());
    for (table, told) in [
        (json!(true), "LIMITS.login: expected a table or `false`, found `true`"),
        (json!("60/1m"), "LIMITS.login: expected a table or `false`, found `60/1m`"),
        (
            json!({}),
            "LIMITS.login.rate: expected requests and a time such as `100/1m`, from `1/1d` to `1000000/1s`, found nothing",
        ),
        (json!({ "rate": "60" }), "LIMITS.login.rate: expected requests and a time such as `100/1m`"),
        (json!({ "rate": "60/1m", "burst": 0 }), "LIMITS.login.burst: expected a whole number from 1 to 1000000"),
        (
            json!({ "rate": "60/1m", "counter": "binding:limit" }),
            "LIMITS.login.counter: expected `object`, `isolate`, or",
        ),
        (json!({ "rate": "60/1m", "counter": "exact" }), "found `exact`"),
        (
            json!({ "rate": "60/1m", "counter": "binding:A", "burst": 9 }),
            "LIMITS.login.burst: the platform's rate limiting knows none",
        ),
        (
            json!({ "rate": "60/30s", "counter": "binding:A" }),
            "LIMITS.login.rate: the platform's rate limiting knows no times but `10s` and `1m`",
        ),
        (json!({ "rate": "60/1m", "per": "address" }), "LIMITS.login.per: unknown key"),
    ] {
        let problems = login(table);
        assert!(problems.contains(told) && problems.lines().count() == 1, "{problems}");
    }
    let route = |limits: Value| {
        problems(Value::Null, json!({ "/a": { "upstream": "service:API", "public": true, "limits": limits } }))
    };
    assert!(
        route(json!({ "subject": { "rate": "1/1s" } }))
            .contains("ROUTES.\"/a\".limits.subject: contradicts `public = true`")
    );
    assert!(route(json!({ "adress": { "rate": "1/1s" } })).contains("did you mean `address`?"));
    assert!(
        problems(json!({ "logins": false }), routes()).contains("LIMITS.logins: unknown key, did you mean `login`?")
    );
}

#[test]
fn a_rate_is_a_number_and_a_time() {
    for (text, seconds) in [("1/1s", 1), ("100/1m", 60), ("1000000/1d", 86_400), ("7/90s", 90), ("007/1h", 3600)] {
        assert_eq!(rate(text).map(|(_, period)| period), Some(Seconds::new(seconds)), "{text}");
    }
    for bad in [
        "",
        "/",
        "1/",
        "/1m",
        "100",
        "0/1m",
        "1000001/1s",
        "1/0s",
        "1/2d",
        "-1/1m",
        "+1/1m",
        "1.5/1m",
        "1 /1m",
        "1/1m/1m",
        "1/m",
        "4294967296/1s",
        "١/1m",
    ] {
        assert_eq!(rate(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_rate_panic(text in "\\PC{0,12}") {
        rate(&text);
    }

    #[test]
    fn a_rate_is_read_as_it_is_written(requests in 1_u32..=1_000_000, seconds in 1_u32..=86_400) {
        prop_assert_eq!(rate(&format!("{requests}/{seconds}s")), Some((requests, Seconds::new(seconds))));
    }
}
