//! `/auth/verify`: another proxy asks whether a request may pass.

use postern::gateway::{Disposition, Gateway};
use postern::http::{HeaderMap, HeaderName, HeaderValue, Method, Peer, RequestHead, Response};
use postern::ports::{BodyError, RequestBody};
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::sender::{self, Machine};
use crate::agents_approvals;
use crate::support::{Answered, Asked, Browser, Fault, ORIGIN, PARTNER, VERIFY_SECRET, World, gateway, variables};

pub fn deployment() -> Gateway {
    deployment_with(|_| ())
}

pub fn deployment_with(bend: impl FnOnce(&mut Value)) -> Gateway {
    let mut vars = variables();
    vars["VERIFY"] = json!({});
    vars["ROUTES"]["/wiki/{*rest}"] = json!({ "upstream": "none" });
    bend(&mut vars);
    gateway(&vars)
}

/// A browser's request as Traefik and Caddy ask about it: its own headers, and theirs.
pub fn forwarded(asked: Asked, method: &str, uri: &str) -> Asked {
    let asked = asked.with("x-postern-secret", VERIFY_SECRET).with("x-forwarded-proto", "https");
    let asked = asked.with("x-forwarded-host", "app.example.com").with("x-forwarded-method", method);
    asked.with("x-forwarded-uri", uri).with("x-real-ip", "203.0.113.9")
}

/// The same, as nginx asks.
fn original(asked: Asked, method: &str, uri: &str) -> Asked {
    let asked = asked.with("x-postern-secret", VERIFY_SECRET).with("x-forwarded-proto", "https");
    let asked = asked.with("x-forwarded-host", "app.example.com").with("x-original-method", method);
    asked.with("x-original-uri", uri)
}

pub fn script() -> Asked {
    Asked::script("GET", "/auth/verify")
}

fn navigation() -> Asked {
    Asked::navigation("/auth/verify")
}

fn passed(answered: &Answered) -> &Response {
    let reply = answered.reply();
    assert_eq!((reply.status.as_u16(), answered.event["outcome"].as_str()), (204, Some("allow")), "{}", answered.event);
    reply
}

#[test]
fn a_request_that_may_pass_is_told_with_who_it_is() {
    // the pair and its kind, and nothing of the session
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.take_events();
    let answered = browser.send(&forwarded(script(), "GET", "/wiki/a?b=c"));
    let headers = &passed(&answered).headers;
    let identity: Vec<(&str, &str)> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-postern-"))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let value = |name: &str| identity.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    assert_eq!(value("x-postern-issuer"), Some("https://login.corp.example/t1"));
    assert_eq!(value("x-postern-subject"), answered.event["subject"].as_str());
    assert_eq!((value("x-postern-kind"), value("x-postern-provider")), (Some("human"), Some("corp")));
    assert!(value("x-postern-scopes").is_some_and(|scopes| scopes.contains("openid")), "{identity:?}");
    assert!(!headers.contains_key("authorization") && !headers.contains_key("set-cookie"));
    assert_eq!(headers["cache-control"], "private, no-store");
    let event = &answered.event;
    for (key, expected) in [
        ("event", json!("access")),
        ("via", json!("verify")),
        ("method", json!("GET")),
        ("path", json!("/wiki/a")),
        ("route", json!("/wiki/{*rest}")),
        ("reason", json!("authz.requirements_met")),
        ("status", json!(204)),
        ("address", json!("203.0.113.9")),
    ] {
        assert_eq!(event[key], expected, "{key}");
    }
}

#[test]
fn a_public_request_passes_and_names_nobody() {
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let calls = world.session_calls.get();
    let answered = browser.send(&forwarded(script(), "GET", "/"));
    assert!(!passed(&answered).headers.keys().any(|name| name.as_str().starts_with("x-postern-")));
    assert_eq!((answered.event["reason"].as_str(), world.session_calls.get()), (Some("route.public"), calls));
}

#[test]
fn a_person_is_sent_to_sign_in_and_back() {
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway);
    let to_login = "https://app.example.com/auth/login?return_to=%2Fwiki%2Fa%3Fb%3Dc&fragment=keep";
    let answered = browser.send(&forwarded(navigation(), "GET", "/wiki/a?b=c"));
    assert_eq!((answered.reply().status.as_u16(), answered.location().as_str()), (302, to_login));
    assert_eq!((&answered.event["outcome"], &answered.event["status"]), (&json!("redirect"), &json!(302)));
    // nginx makes an error of anything but 401 and 403.
    let answered = browser.send(&original(navigation(), "GET", "/wiki/a?b=c"));
    assert_eq!((answered.reply().status.as_u16(), answered.location().as_str()), (401, to_login));
    assert_eq!(answered.event["status"], 401);
    let refused = original(Asked::navigation("/auth/verify/refusal"), "GET", "/wiki/a?b=c");
    let answered = browser.send(&refused);
    assert_eq!((answered.reply().status.as_u16(), answered.location().as_str()), (302, to_login));
    assert_eq!((&answered.event["via"], &answered.event["path"]), (&json!("refusal"), &json!("/wiki/a")));
}

#[test]
fn no_page_of_ours_is_taken_for_leave_to_pass() {
    // A link on another site leaves the Strict cookie behind, and our page would be a 200.
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    for path in ["/auth/verify", "/auth/verify/refusal"] {
        for asked in [forwarded, original] {
            let answered = browser.send(&asked(Asked::from_elsewhere(path), "GET", "/wiki/a"));
            let reply = answered.reply();
            assert_eq!((reply.status.as_u16(), &answered.event["status"]), (401, &json!(401)));
            assert!(reply.body.contains("/wiki/a") && reply.body.contains("refresh"), "{}", reply.body);
        }
    }
}

#[test]
fn why_a_request_is_refused_is_asked_without_using_anything_up() {
    //
    let mut vars = sender::deployment(&json!({}));
    vars["VERIFY"] = json!({});
    let rule = |scope: &str| {
        let require = json!({ "issuers": ["any"], "scopes": [scope] });
        json!({ "upstream": "none", "authenticate": ["bearer"], "require": require })
    };
    vars["ROUTES"]["/closed"] = rule("write");
    vars["ROUTES"]["/open"] = rule("read");
    let (world, gateway) = (World::new(), gateway(&vars));
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let token = machine.token(&world, PARTNER);
    let asks = |question: &str, path: &str, proof: &str| {
        browser.send(&original(sender::asked(&format!("/auth/verify{question}"), &token, proof), "GET", path))
    };
    let proof = machine.proof(&world, "/closed", &token, &json!({ "jti": "one" }));
    for question in ["", "/refusal"] {
        let answered = asks(question, "/closed", &proof);
        assert_eq!(answered.reply().status.as_u16(), 403, "{}", answered.event);
        assert_eq!(answered.event["reason"], "authz.insufficient_scope", "{}", answered.event);
    }
    // What is wrong with the proof alone is said too, and nobody is sent round with the same one again.
    let proof = machine.proof(&world, "/open", &token, &json!({ "jti": "two" }));
    passed(&asks("", "/open", &proof));
    for question in ["", "/refusal"] {
        let answered = asks(question, "/open", &proof);
        assert_eq!(answered.reply().status.as_u16(), 401, "{}", answered.event);
        assert_eq!(answered.event["reason"], "dpop.replayed", "{}", answered.event);
    }
    // Nor is a proof used up by the question why.
    let proof = machine.proof(&world, "/open", &token, &json!({ "jti": "three" }));
    assert_eq!(asks("/refusal", "/open", &proof).event["reason"], "dpop.replayed");
    passed(&asks("", "/open", &proof));
}

#[test]
fn a_use_of_an_agent_is_spent_where_its_request_passes_and_never_twice() {
    //
    let mut vars = agents_approvals::with_agents();
    vars["VERIFY"] = json!({});
    let rule = |scope: &str| json!({ "upstream": "none", "authenticate": ["agent"], "require": { "scopes": [scope] } });
    vars["ROUTES"]["/mcp"] = rule("docs:read");
    vars["ROUTES"]["/mcp/all"] = rule("docs:all");
    let (world, gateway) = (World::new(), gateway(&vars));
    let once = |at: &str| {
        let at = format!("{ORIGIN}{at}");
        let grant = agents_approvals::granted(&world, "alice", |grant| {
            grant.resource.clone_from(&at);
            grant.uses_left = Some(1);
        });
        agents_approvals::token(&gateway, &grant)
    };
    let browser = Browser::new(&world, &gateway);
    let asks = |question: &str, path: &str, token: &str| {
        browser.send(&original(Asked::bearing(&format!("/auth/verify{question}"), token), "GET", path))
    };
    let refused = once("/mcp/all");
    for question in ["", "/refusal", "", "/refusal"] {
        let answered = asks(question, "/mcp/all", &refused);
        assert_eq!(answered.event["reason"], "authz.insufficient_scope", "{}", answered.event);
    }
    let good = once("/mcp");
    assert_eq!(asks("/refusal", "/mcp", &good).event["reason"], "verify.passes_now");
    passed(&asks("", "/mcp", &good));
    for question in ["", "/refusal"] {
        assert_eq!(asks(question, "/mcp", &good).event["reason"], "agent.gone");
    }
}

#[test]
fn refusals_are_whole_or_in_the_few_words_of_nginx() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    for (method, uri, status, few, reason) in [
        ("GET", "/admin/a", 403, 403, "authz.insufficient_scope"),
        ("GET", "/secret", 404, 403, "route.none"),
        ("GET", "/auth/me", 404, 403, "route.none"),
        ("DELETE", "/quiet", 405, 403, "route.method_not_allowed"),
        ("TRACE", "/wiki/a", 405, 403, "route.method_not_allowed"),
        ("GET", "/wiki/a%2fb", 400, 403, "path.encoded_slash"),
        ("GET", "//wiki/a", 400, 403, "path.empty_segment"),
        ("GET", "/wiki/../admin/a", 400, 403, "path.dot_segment"),
    ] {
        browser.send(&forwarded(script(), method, uri)).assert_refused(status, reason);
        let answered = browser.send(&original(script(), method, uri));
        assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (few, &json!(reason)), "{uri}");
        let refusal = Asked::script("GET", "/auth/verify/refusal");
        browser.send(&original(refusal, method, uri)).assert_refused(status, reason);
    }
    let nobody = Browser::new(&world, &gateway);
    let refused = nobody.send(&forwarded(script(), "GET", "/wiki/a"));
    refused.assert_refused(401, "authn.no_credential");
    assert!(refused.reply().headers.contains_key("www-authenticate"));
    world.fault.set(Fault::Sessions);
    browser.send(&forwarded(script(), "GET", "/wiki/a")).assert_refused(503, "session.store_unavailable");
    assert_eq!(browser.send(&original(script(), "GET", "/wiki/a")).reply().status.as_u16(), 403);
}

#[test]
fn the_second_question_lets_nothing_pass() {
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&original(Asked::script("GET", "/auth/verify/refusal"), "POST", "/api/a?b"));
    assert_eq!(
        (answered.reply().status.as_u16(), answered.location().as_str()),
        (307, "https://app.example.com/api/a?b")
    );
    assert!(!answered.reply().headers.contains_key("authorization"));
    assert!(!answered.reply().headers.contains_key("x-postern-subject"));
    assert_eq!(answered.event["reason"], "verify.passes_now");
}

#[test]
fn whether_a_page_of_ours_asks_is_told_by_the_browsers_own_headers() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let plain = || Asked::new("GET", "/auth/verify");
    passed(&browser.send(&forwarded(script(), "POST", "/wiki/a")));
    passed(&browser.send(&forwarded(plain().with("origin", ORIGIN), "DELETE", "/wiki/a")));
    passed(&browser.send(&forwarded(plain().with("x-postern-csrf", "1"), "PUT", "/wiki/a")));
    browser.send(&forwarded(plain(), "POST", "/wiki/a")).assert_refused(403, "csrf.no_evidence");
    let evil = || plain().with("origin", "https://evil.example");
    browser.send(&forwarded(evil(), "POST", "/wiki/a")).assert_refused(403, "csrf.origin");
    let sibling = plain().with("sec-fetch-site", "same-site");
    browser.send(&forwarded(sibling, "POST", "/wiki/a")).assert_refused(403, "csrf.fetch_site");
    // The proxy leaves `Upgrade` out of its question.
    let socket = |asked: Asked| forwarded(asked.with("sec-websocket-version", "13"), "GET", "/wiki/a");
    browser.send(&socket(evil())).assert_refused(403, "csrf.origin");
    browser.send(&socket(plain())).assert_refused(403, "csrf.no_evidence");
    passed(&browser.send(&socket(plain().with("origin", ORIGIN))));
    browser.send(&forwarded(evil().with("upgrade", "websocket"), "GET", "/wiki/a")).assert_refused(403, "csrf.origin");
}

#[test]
fn a_page_elsewhere_that_the_route_names_may_ask_by_proxy_too() {
    //
    let (world, spa) = (World::new(), "https://spa.example.com");
    let gateway = deployment_with(|vars| {
        vars["ROUTES"]["/wiki/{*rest}"]["cors"] = json!({ "origins": [spa], "credentials": true });
    });
    let asked = || {
        Asked::new("GET", "/auth/verify")
            .with("origin", spa)
            .with("sec-fetch-site", "same-site")
            .with("sec-fetch-mode", "cors")
    };
    let refused = Browser::new(&world, &gateway).send(&forwarded(asked(), "POST", "/wiki/a"));
    refused.assert_refused(401, "authn.no_credential");
    assert_eq!(refused.reply().headers["access-control-allow-origin"], spa);
    let browser = Browser::new(&world, &gateway).signed_in();
    passed(&browser.send(&forwarded(asked(), "POST", "/wiki/a")));
    // A preflight names nobody and opens nothing: the proxy answers it, before it asks.
    let preflight = asked().with("access-control-request-method", "POST");
    let refused = Browser::new(&world, &gateway).send(&forwarded(preflight, "OPTIONS", "/wiki/a"));
    refused.assert_refused(401, "authn.no_credential");
}

#[test]
fn an_address_that_nobody_verified_is_not_told() {
    //
    let with = |email: Option<&str>, verified: Option<Value>| {
        let (world, gateway) = (World::new(), deployment());
        let email = email.map(str::to_owned);
        world.corp.bend_claims(move |claims| {
            let claims = claims.as_object_mut().unwrap();
            claims.remove("email");
            claims.remove("email_verified");
            claims.extend(email.clone().map(|email| ("email".to_owned(), email.into())));
            claims.extend(verified.clone().map(|verified| ("email_verified".to_owned(), verified)));
        });
        let browser = Browser::new(&world, &gateway).signed_in();
        let answered = browser.send(&forwarded(script(), "GET", "/wiki/a"));
        passed(&answered).headers.get("x-postern-email").map(|email| email.to_str().unwrap().to_owned())
    };
    let alice = "alice@corp.example";
    assert_eq!(with(Some(alice), Some(json!(true))).as_deref(), Some(alice));
    let unverified =
        [None, Some(json!(false)), Some(Value::Null), Some(json!("false")), Some(json!("")), Some(json!(1))];
    for verified in unverified {
        assert_eq!(with(Some(alice), verified.clone()), None, "{verified:?}");
    }
    assert_eq!(with(None, Some(json!(true))), None);
}

#[test]
fn signing_out_is_known_to_the_next_question() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let (cookie, stolen) = (browser.cookie("__Host-postern").unwrap(), Browser::new(&world, &gateway));
    stolen.plant("__Host-postern", &cookie);
    passed(&stolen.send(&forwarded(script(), "GET", "/wiki/a")));
    browser.send(&Asked::script("POST", "/auth/logout"));
    let refused = stolen.send(&forwarded(script(), "GET", "/wiki/a"));
    refused.assert_refused(401, "session.gone");
    let refused = stolen.send(&forwarded(navigation(), "GET", "/wiki/a"));
    assert_eq!(refused.event["reason"], "session.gone");
    assert!(refused.set_cookies()[0].starts_with("__Host-postern=; "), "{:?}", refused.set_cookies());
}

#[test]
fn a_cookie_that_is_made_anew_comes_with_the_answer() {
    let world = World::new();
    let mut vars = variables();
    vars["VERIFY"] = json!({});
    let [old, new] = ["C", "B"].map(|letter| crate::support::key(&format!("k{letter}").to_lowercase(), letter));
    let before = crate::support::gateway_with_keys(&vars, &old);
    let after = crate::support::gateway_with_keys(&vars, &format!("{new} {old}"));
    let browser = Browser::new(&world, &before).signed_in();
    let cookie = browser.cookie("__Host-postern").unwrap();
    let browser = Browser::new(&world, &after);
    browser.plant("__Host-postern", &cookie);
    let answered = browser.send(&forwarded(navigation(), "GET", "/app/a"));
    passed(&answered);
    assert!(answered.set_cookies()[0].starts_with("__Host-postern="), "{:?}", answered.set_cookies());
    assert_ne!(browser.cookie("__Host-postern").unwrap(), cookie);
}

#[test]
fn postern_itself_has_nothing_where_a_proxy_asks() {
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/wiki/a")).assert_refused(404, "route.none");
    browser.go("/wiki/a").assert_refused(404, "route.none");
}

struct NoBody;

impl RequestBody for NoBody {
    async fn text(self, _: usize) -> Result<String, BodyError> {
        Err(BodyError::Unreadable)
    }
}

fn ask(world: &World, gateway: &Gateway, url: &str, lines: &[(&'static str, &str)]) -> Response {
    let lines =
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap()));
    let head = RequestHead {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::from_iter(lines),
        peer: Peer::default(),
    };
    match futures::executor::block_on(gateway.handle(world, &head, NoBody)) {
        Disposition::Respond(reply) => reply,
        Disposition::Forward(plan) => panic!("forwarded to {}", plan.path_and_query),
    }
}

#[test]
fn the_access_token_goes_along_where_the_route_says_so_and_to_the_proxy_alone() {
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let cookie = format!("__Host-postern={}", browser.cookie("__Host-postern").unwrap());
    let asked = |uri| {
        let lines = [
            ("x-postern-secret", VERIFY_SECRET),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.com"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", uri),
            ("cookie", cookie.as_str()),
        ];
        ask(&world, &gateway, "https://app.example.com/auth/verify", &lines)
    };
    let relayed = asked("/api/a");
    assert_eq!(relayed.status.as_u16(), 204);
    let token = &relayed.headers["authorization"];
    assert!(token.is_sensitive() && token.to_str().unwrap().starts_with("Bearer "));
    assert!(!asked("/wiki/a").headers.contains_key("authorization"));
}

#[test]
fn the_answer_holds_what_the_upstream_is_to_get_instead() {
    // our own cookies end at the proxy, and so does a credential that was for us
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = || script().with("authorization", "Basic YTpi");
    let alone = browser.send(&forwarded(asked(), "GET", "/wiki/a"));
    assert!(!passed(&alone).headers.contains_key("cookie") && !passed(&alone).headers.contains_key("authorization"));
    browser.plant("theme", "dark");
    let answered = browser.send(&forwarded(asked(), "GET", "/wiki/a"));
    assert_eq!(passed(&answered).headers["cookie"], "theme=dark");
    let public = browser.send(&forwarded(asked(), "GET", "/"));
    let headers = &passed(&public).headers;
    assert_eq!(
        (&headers["cookie"], &headers["authorization"]),
        (&HeaderValue::from_static("theme=dark"), &HeaderValue::from_static("Basic YTpi"))
    );
}

#[test]
fn a_program_with_a_token_is_told_with_who_it_is() {
    //
    let world = World::new();
    let mut vars = with_issuers();
    vars["VERIFY"] = json!({});
    let gateway = gateway(&vars);
    let ask = |changes: Value| {
        let token = token(&world, Some("at+jwt"), &changes);
        let asked = Asked::new("GET", "/auth/verify").with("authorization", &format!("Bearer {token}"));
        Browser::new(&world, &gateway).send(&forwarded(asked, "GET", "/v1/a"))
    };
    let names = ["kind", "issuer", "subject", "client", "actor", "scopes", "provider"];
    let told = |changes: Value| {
        let answered = ask(changes);
        let headers = &passed(&answered).headers;
        assert!(!headers.contains_key("authorization"));
        names.map(|name| headers.get(format!("x-postern-{name}")).map(|value| value.to_str().unwrap().to_owned()))
    };
    let some = |text: &str| Some(text.to_owned());
    let person = [some("human"), some(PARTNER), some("alice"), some("reporter"), None, some("read"), None];
    assert_eq!(told(json!({})), person);
    let service = told(json!({ "sub": "reporter", "scope": null }));
    assert_eq!(service, [some("service"), some(PARTNER), some("reporter"), some("reporter"), None, None, None]);
    assert_eq!(told(json!({ "act": { "sub": "helper" } }))[4], some("helper"));
    // A name that reads otherwise on the other side of a header would be somebody else's.
    for sub in [" helper", "helper ", "hel\tper"] {
        ask(json!({ "act": { "sub": sub } })).assert_refused(500, "internal.identity_unwritable");
    }
}

#[test]
fn by_the_name_that_the_proxy_knows_there_is_nothing_but_our_own_paths() {
    //
    let world = World::new();
    let gateway = deployment_with(|vars| vars["VERIFY"]["host"] = json!("postern.example.net"));
    let status = |url: &str| ask(&world, &gateway, url, &[]).status.as_u16();
    assert_eq!(status("https://postern.example.net/auth/health"), 200);
    assert_eq!(status("https://postern.example.net/auth/verify"), 400);
    for elsewhere in [
        "https://postern.example.net/",
        "https://postern.example.net/app/a",
        "https://postern.example.net/.well-known/openid-configuration",
        "https://postern.example.net:444/auth/health",
        "https://evil.example.net/auth/health",
    ] {
        assert_eq!(status(elsewhere), 421, "{elsewhere}");
    }
    let without = deployment();
    assert_eq!(ask(&world, &without, "https://postern.example.net/auth/health", &[]).status.as_u16(), 421);
}
