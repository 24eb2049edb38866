//! How many requests are let through: of whom they are counted, and that nobody uses up what is another's.

use futures::executor::block_on;
use futures::future::join_all;
use postern::gateway::Disposition;
use postern::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, Fault, PARTNER, VERIFY_SECRET, World, gateway, variables};

const SPA: &str = "https://spa.example.com";
const SESSION: &str = "__Host-postern";

/// The usual deployment, with this as `limits` of a guarded route, `/limited/…`.
fn limited(limits: Value) -> Value {
    let mut vars = variables();
    let cors = json!({ "origins": [SPA], "credentials": true, "expose": ["etag"] });
    vars["ROUTES"]["/limited/{*rest}"] = json!({ "upstream": "service:API", "limits": limits, "cors": cors });
    vars["ROUTES"]["/open/{*rest}"] = json!({ "upstream": "service:API", "public": true });
    vars
}

fn ask(path: &str) -> Asked {
    Asked::script("GET", path)
}

fn passes(answered: &Answered) -> bool {
    matches!(answered.outcome, Disposition::Forward(_))
}

/// How many of so many requests pass.
fn passing(browser: &Browser<'_>, asked: &Asked, count: usize) -> usize {
    (0..count).filter(|_| passes(&browser.send(asked))).count()
}

fn headers(answered: &Answered) -> HeaderMap {
    match &answered.outcome {
        Disposition::Respond(reply) => reply.headers.clone(),
        Disposition::Forward(plan) => plan.answer_edits(StatusCode::OK, &HeaderMap::new()).applied(),
    }
}

#[test]
fn of_many_requests_at_once_exactly_as_many_pass_as_are_allowed() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "1/10m", "burst": 7 } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = ask("/limited/a");
    let all = block_on(join_all((0..40).map(|_| browser.send_later(&asked))));
    assert_eq!(all.iter().filter(|answered| passes(answered)).count(), 7);
    world.wait(600);
    assert_eq!(passing(&browser, &asked, 3), 1);
}

#[test]
fn a_refusal_says_which_limit_and_when_to_come_again() {
    // R-187, R-247
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "6/1m", "burst": 2 } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    let first = browser.send(&ask("/limited/a"));
    assert_eq!(headers(&first)["ratelimit-policy"], r#""subject";q=2;w=20"#);
    assert_eq!(headers(&first)["ratelimit"], r#""subject";r=1;t=10"#);
    browser.send(&ask("/limited/a"));
    world.wait(4);
    let refused = browser.send(&ask("/limited/a"));
    refused.assert_refused(429, "limit.subject");
    assert_eq!((&refused.event["route"], &refused.event["subject"]), (&json!("/limited/{*rest}"), &json!("alice")));
    let told = headers(&refused);
    assert_eq!(told["ratelimit-policy"], r#""subject";q=2;w=20"#);
    assert_eq!(
        (&told["ratelimit"], &told["retry-after"]),
        (&r#""subject";r=0;t=6"#.parse().unwrap(), &"6".parse().unwrap())
    );
    assert_eq!(refused.json()["type"], "urn:postern:problem:too-many-requests");
    let page = browser.send(&Asked::navigation("/limited/a"));
    page.assert_refused(429, "limit.subject");
    assert!(page.reply().body.contains("Too many requests"));
    world.wait(6);
    assert!(passes(&browser.send(&ask("/limited/a"))));
}

#[test]
fn a_page_elsewhere_may_read_the_refusal_and_what_is_left() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "address": { "rate": "1/1h", "burst": 1 } }))));
    let browser = Browser::new(&world, &gateway);
    let from = |origin| {
        let asked = Asked::new("GET", "/limited/a").with("origin", origin);
        asked.with("sec-fetch-site", "same-site").with("sec-fetch-mode", "cors").with("sec-fetch-dest", "empty")
    };
    browser.send(&from(SPA)).assert_refused(401, "authn.no_credential");
    let refused = browser.send(&from(SPA));
    refused.assert_refused(429, "limit.address");
    assert_eq!(headers(&refused)["access-control-allow-origin"], SPA);
    let exposed = headers(&refused)["access-control-expose-headers"].to_str().unwrap().to_owned();
    for name in ["ratelimit", "ratelimit-policy", "retry-after", "etag"] {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{exposed}");
    }
    let other = browser.send(&from("https://other.example.com"));
    assert!(!headers(&other).contains_key("access-control-allow-origin"));
    // A question of the browser's is not counted, nor refused.
    let preflight = browser
        .send(&Asked::new("OPTIONS", "/limited/a").with("origin", SPA).with("access-control-request-method", "GET"));
    assert_eq!(preflight.event["reason"], "cors.preflight");
}

#[test]
fn what_passes_on_a_route_with_cors_shows_what_is_left() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "5/1m" } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = Asked::new("GET", "/limited/a").with("origin", SPA).with("sec-fetch-site", "same-site");
    let told = headers(&browser.send(&asked));
    assert_eq!(told["ratelimit"], r#""subject";r=4;t=12"#);
    assert_eq!(told["access-control-expose-headers"], "ratelimit, ratelimit-policy, etag");
}

#[test]
fn an_upstreams_own_limits_stand_beside_ours() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "5/1m" } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    let upstream = HeaderMap::from_iter([("ratelimit".parse().unwrap(), r#""api";r=1;t=2"#.parse().unwrap())]);
    let told = browser.send(&ask("/limited/a")).forwarded().answer_edits(StatusCode::OK, &upstream).applied();
    let lines: Vec<_> = told.get_all("ratelimit").iter().collect();
    assert_eq!(lines, [r#""api";r=1;t=2"#, r#""subject";r=4;t=12"#]);
    let unlimited = browser.send(&ask("/api/a")).forwarded().answer_edits(StatusCode::OK, &upstream).applied();
    assert_eq!(unlimited, {
        let mut same = upstream;
        same.insert("cache-control", "private, no-store".parse().unwrap());
        same.insert("vary", "Cookie".parse().unwrap());
        same
    });
}

#[test]
fn a_route_without_limits_asks_nobody() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "1/1h" } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(passing(&browser, &ask("/api/a"), 20), 20);
    assert_eq!((world.draws.get(), world.platform_limits.borrow().len()), (0, 0));
    let told = headers(&browser.send(&ask("/api/a")));
    assert!(!told.contains_key("ratelimit") && !told.contains_key("ratelimit-policy"));
    browser.send(&ask("/limited/a"));
    assert_eq!(world.draws.get(), 1);
}

#[test]
fn neither_a_forged_nor_an_ended_session_uses_up_what_is_its_subjects() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "1/1h", "burst": 3 } }))));
    let victim = Browser::new(&world, &gateway).signed_in();
    let value = victim.cookie(SESSION).unwrap();
    let attacker = Browser::new(&world, &gateway);
    for _ in 0..10 {
        attacker.plant(SESSION, &format!("{value}A"));
        attacker.send(&ask("/limited/a")).assert_refused(401, "session.cookie_forged");
    }
    let ended = Browser::new(&world, &gateway).signed_in();
    let thief = Browser::new(&world, &gateway);
    let kept = ended.cookie(SESSION).unwrap();
    ended.send(&Asked::script("POST", "/auth/logout"));
    for _ in 0..10 {
        thief.plant(SESSION, &kept);
        thief.send(&ask("/limited/a")).assert_refused(401, "session.gone");
    }
    assert_eq!(world.draws.get(), 0);
    assert_eq!(passing(&victim, &ask("/limited/a"), 10), 3);
}

#[test]
fn one_subject_leaves_others_alone_and_cannot_help_itself_by_another_session_or_address() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "1/1h", "burst": 3 } }))));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let also_alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    assert_eq!(passing(&alice, &ask("/limited/a"), 2), 2);
    assert_eq!(passing(&also_alice, &ask("/limited/b").at_address("198.51.100.7"), 2), 1);
    assert_eq!(passing(&bob, &ask("/limited/a"), 5), 3);
}

#[test]
fn an_address_that_is_refused_costs_no_session_a_question() {
    let (world, gateway) =
        (World::new(), gateway(&limited(json!({ "address": { "rate": "1/1h", "burst": 2, "counter": "isolate" } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(passing(&browser, &ask("/limited/a"), 2), 2);
    let before = world.session_calls.get();
    let refused = browser.send(&ask("/limited/a"));
    refused.assert_refused(429, "limit.address");
    assert_eq!((world.session_calls.get(), world.draws.get()), (before, 0));
    assert_eq!(refused.event["subject"], Value::Null);
    // What each isolate counts for itself, nobody knows for all; that nothing is left here, this one does.
    let passed = browser.send(&ask("/limited/a").at_address("192.0.2.2"));
    assert_eq!(headers(&passed)["ratelimit-policy"], r#""address";q=2;w=7200"#);
    assert!(!headers(&passed).contains_key("ratelimit"));
    assert_eq!(headers(&refused)["ratelimit"], r#""address";r=0;t=3600"#);
}

#[test]
fn one_customer_has_one_bucket_however_many_addresses() {
    let limits = json!({ "address": { "rate": "1/1h", "burst": 1 } });
    for (one, other, same) in [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("not an address", "", true),
    ] {
        let (world, gateway) = (World::new(), gateway(&limited(limits.clone())));
        let browser = Browser::new(&world, &gateway);
        browser.send(&ask("/limited/a").at_address(one)).assert_refused(401, "authn.no_credential");
        let (status, reason) = if same { (429, "limit.address") } else { (401, "authn.no_credential") };
        browser.send(&ask("/limited/a").at_address(other)).assert_refused(status, reason);
    }
}

#[test]
fn no_header_of_a_clients_makes_it_come_from_elsewhere() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "address": { "rate": "1/1h", "burst": 1 } }))));
    let browser = Browser::new(&world, &gateway);
    browser.send(&ask("/limited/a")).assert_refused(401, "authn.no_credential");
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "x-client-ip"] {
        browser.send(&ask("/limited/a").with(name, "198.51.100.9")).assert_refused(429, "limit.address");
    }
}

#[test]
fn of_what_all_share_only_those_take_who_are_let_in() {
    let mut vars = limited(json!({ "route": { "rate": "1/1h", "burst": 4 } }));
    vars["ROUTES"]["/limited/{*rest}"]["require"] = json!({ "providers": ["corp"] });
    vars["ROUTES"]["/admin/{*rest}"]["limits"] = json!({ "route": { "rate": "1/1h" } });
    let (world, gateway) = (World::new(), gateway(&vars));
    let nobody = Browser::new(&world, &gateway);
    let person = Browser::new(&world, &gateway).signed_in();
    for _ in 0..10 {
        nobody.send(&ask("/limited/a")).assert_refused(401, "authn.no_credential");
        person.send(&ask("/admin/a")).assert_refused(403, "authz.insufficient_scope");
    }
    assert_eq!(world.draws.get(), 0);
    let other = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    assert_eq!(passing(&person, &ask("/limited/a"), 3), 3);
    assert_eq!(passing(&other, &ask("/limited/b"), 3), 1);
    other.send(&ask("/limited/b")).assert_refused(429, "limit.route");
}

#[test]
fn a_public_route_has_limits_too() {
    let mut vars = limited(json!({}));
    vars["ROUTES"]["/open/{*rest}"]["limits"] =
        json!({ "address": { "rate": "1/1h", "burst": 2 }, "route": { "rate": "1/1h", "burst": 3 } });
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway);
    assert_eq!(passing(&browser, &ask("/open/a"), 5), 2);
    let elsewhere = ask("/open/a").at_address("198.51.100.7");
    let told = headers(&browser.send(&elsewhere));
    assert_eq!(told["ratelimit-policy"], r#""address";q=2;w=7200, "route";q=3;w=10800"#);
    browser.send(&elsewhere).assert_refused(429, "limit.route");
}

#[test]
fn routes_without_limits_of_their_own_share_those_of_all() {
    let mut vars = limited(json!({}));
    vars["LIMITS"]["routes"] = json!({ "subject": { "rate": "1/1h", "burst": 3 } });
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(passing(&browser, &ask("/api/a"), 2), 2);
    assert_eq!(passing(&browser, &ask("/quiet"), 2), 1);
    assert_eq!(passing(&browser, &ask("/limited/a"), 9), 9);
    assert_eq!(passing(&browser, &ask("/open/a"), 9), 9);
}

#[test]
fn a_refusal_of_an_object_is_repeated_unasked_for_as_long_as_it_holds() {
    let (world, gateway) = (World::new(), gateway(&limited(json!({ "subject": { "rate": "1/1m", "burst": 1 } }))));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(passing(&browser, &ask("/limited/a"), 50), 1);
    assert_eq!(world.draws.get(), 2);
    world.wait(60);
    assert_eq!(passing(&browser, &ask("/limited/a"), 50), 1);
    assert_eq!(world.draws.get(), 4);
}

#[test]
fn the_platforms_rate_limiting_is_asked_by_a_key_that_tells_nobodys_address() {
    let limits = json!({ "address": { "rate": "3/1m", "counter": "binding:EDGE" } });
    let (world, gateway) = (World::new(), gateway(&limited(limits)));
    world.platform_limit.set(3);
    let browser = Browser::new(&world, &gateway).signed_in();
    let passed = browser.send(&ask("/limited/a"));
    assert_eq!(headers(&passed)["ratelimit-policy"], r#""address";q=3;w=60"#);
    assert!(!headers(&passed).contains_key("ratelimit"));
    assert_eq!(passing(&browser, &ask("/limited/a"), 5), 2);
    let refused = browser.send(&ask("/limited/a"));
    refused.assert_refused(429, "limit.address");
    assert_eq!(headers(&refused)["retry-after"], "60");
    assert_eq!(passing(&browser, &ask("/limited/a").at_address("192.0.2.2"), 1), 1);
    for (binding, key) in world.platform_limits.borrow().iter() {
        assert!(binding == "EDGE" && key.len() == 64 && !key.contains("192.0.2"), "{key}");
    }
}

#[test]
fn where_nobody_can_count_requests_pass_and_the_log_says_so() {
    for counter in ["object", "binding:EDGE"] {
        let limits = json!({ "subject": { "rate": "1/1m", "counter": counter } });
        let (world, gateway) = (World::new(), gateway(&limited(limits)));
        let browser = Browser::new(&world, &gateway).signed_in();
        world.fault.set(Fault::Counters);
        for _ in 0..3 {
            let answered = browser.send(&ask("/limited/a"));
            assert!(passes(&answered));
            assert_eq!(answered.event["uncounted"], json!(["subject"]));
            assert!(!headers(&answered).contains_key("ratelimit-policy"));
        }
        world.fault.set(Fault::None);
        assert_eq!(browser.send(&ask("/limited/a")).event["uncounted"], Value::Null);
    }
}

/// The usual deployment, with the limits that nobody asked for.
fn unconfigured() -> Value {
    let mut vars = variables();
    vars.as_object_mut().unwrap().remove("LIMITS");
    vars
}

#[test]
fn sign_ins_from_one_network_are_limited_by_themselves() {
    let (world, gateway) = (World::new(), gateway(&unconfigured()));
    let login = || Asked::navigation("/auth/login?provider=corp");
    let reasons = |browser: &Browser<'_>, asked: &dyn Fn() -> Asked, count| {
        (0..count).map(|_| browser.send(&asked()).event["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let browser = Browser::new(&world, &gateway);
    assert!(reasons(&browser, &login, 60).iter().all(|reason| reason == "login.started"));
    let refused = browser.send(&login());
    refused.assert_refused(429, "limit.login");
    assert_eq!(refused.event["event"], "login.start");
    assert!(refused.set_cookies().is_empty());
    assert_eq!(headers(&refused)["retry-after"], "1");
    assert_eq!(browser.send(&login().at_address("192.0.2.77")).event["reason"], "login.started");
    // What begins no login uses up nothing, and is not refused.
    assert_eq!(browser.send(&Asked::script("GET", "/auth/login")).event["reason"], "login.not_a_navigation");
    world.wait(2);
    assert_eq!(reasons(&browser, &login, 3), ["login.started", "login.started", "limit.login"]);
    // The other end of it, with a budget of its own.
    let garbage = || Asked::navigation("/auth/callback/corp?state=x&code=y");
    assert!(reasons(&browser, &garbage, 60).iter().all(|reason| reason == "callback.no_transaction"));
    browser.send(&garbage()).assert_refused(429, "limit.callback");
    assert_eq!(world.draws.get(), 0);
}

#[test]
fn a_page_elsewhere_cannot_use_up_the_sign_ins_of_those_who_look_at_it() {
    let (world, gateway) = (World::new(), gateway(&unconfigured()));
    let browser = Browser::new(&world, &gateway);
    let planted = |path: &str| {
        let asked = Asked::new("GET", path).with("sec-fetch-site", "cross-site");
        asked.with("sec-fetch-mode", "no-cors").with("sec-fetch-dest", "image")
    };
    for _ in 0..200 {
        browser.send(&planted("/auth/login?provider=corp")).assert_refused(403, "login.not_a_navigation");
        browser.send(&planted("/auth/callback/corp?state=x")).assert_refused(400, "callback.not_a_navigation");
    }
    browser.signed_in();
}

#[test]
fn a_callback_that_is_refused_can_be_repeated() {
    let mut vars = variables();
    vars["LIMITS"]["callback"] = json!({ "rate": "1/1m", "burst": 1 });
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin("provider=corp"));
    browser.send(&Asked::navigation("/auth/callback/corp?state=x"));
    browser.come_back(&response).assert_refused(429, "limit.callback");
    assert_eq!(browser.logins_under_way().len(), 1);
    world.wait(60);
    assert_eq!(browser.come_back(&response).event["reason"], "login.succeeded");
}

#[test]
fn logout_notices_are_limited_only_where_that_is_configured() {
    let notice = || Asked::new("POST", "/auth/backchannel-logout/corp");
    for (limit, refused) in [(Value::Null, 400), (json!({ "rate": "2/1h" }), 429)] {
        let mut vars = variables();
        if !limit.is_null() {
            vars["LIMITS"]["backchannel_logout"] = limit;
        }
        let (world, gateway) = (World::new(), gateway(&vars));
        let browser = Browser::new(&world, &gateway);
        let last = (0..100).map(|_| browser.send(&notice()).reply().status.as_u16()).last();
        assert_eq!(last, Some(refused));
    }
}

#[test]
fn a_subject_is_one_whatever_token_it_comes_by_and_a_made_up_one_is_nobodys() {
    let mut vars = variables();
    vars["ISSUERS"]["partner"] =
        json!({ "issuer": PARTNER, "audience": "https://api.example.com", "tokens": "opaque", "client_id": "api" });
    vars["ROUTES"]["/v1/{*rest}"] = json!({
        "upstream": "service:API", "authenticate": ["bearer"], "limits": { "subject": { "rate": "1/1h", "burst": 2 } },
    });
    let (world, gateway) = (World::new(), gateway(&vars));
    for (name, subject) in [("one", "alice"), ("other", "alice"), ("bobs", "bob")] {
        let said = json!({
            "active": true, "iss": PARTNER, "aud": "https://api.example.com", "sub": subject, "client_id": "reporter",
            "token_type": "Bearer", "exp": world.now.get() + 3600,
        });
        world.partner.opaque.borrow_mut().insert(format!("{name}-{CANARY}"), said);
    }
    let browser = Browser::new(&world, &gateway);
    let by = |name: &str| Asked::bearing("/v1/a", &format!("{name}-{CANARY}"));
    for _ in 0..5 {
        browser.send(&by("made-up")).assert_refused(401, "introspection.inactive");
    }
    assert_eq!(world.draws.get(), 0);
    assert!(passes(&browser.send(&by("one"))) && passes(&browser.send(&by("other"))));
    let refused = browser.send(&by("one"));
    refused.assert_refused(429, "limit.subject");
    assert!(!headers(&refused).contains_key("www-authenticate"));
    assert!(passes(&browser.send(&by("bobs"))));
}

#[test]
fn another_proxy_hands_the_refusal_on_and_counts_by_the_address_that_it_tells() {
    let mut vars = limited(json!({ "address": { "rate": "1/1h", "burst": 1 } }));
    vars["VERIFY"] = json!({});
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = |address: &str| {
        let asked = Asked::script("GET", "/auth/verify").with("x-postern-secret", VERIFY_SECRET);
        let asked = asked.with("x-forwarded-proto", "https").with("x-forwarded-host", "app.example.com");
        let asked = asked.with("x-forwarded-method", "GET").with("x-forwarded-uri", "/limited/a");
        browser.send(&asked.with("x-real-ip", address))
    };
    assert_eq!(asked("203.0.113.1").reply().status, 204);
    let refused = asked("203.0.113.1");
    refused.assert_refused(429, "limit.address");
    assert_eq!(headers(&refused)["retry-after"], "3600");
    assert_eq!(asked("203.0.113.2").reply().status, 204);
}
