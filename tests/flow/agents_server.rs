//! The authorization server for agents: how a client is known, and how a person is asked.

use postern::gateway::Gateway;
use serde_json::{Value, json};
use url::Url;

use crate::agents_tokens;
use crate::support::{Answered, Asked, Browser, Fault, ORIGIN, World, answer, gateway, variables};

pub const CLIENT: &str = "https://client.example/oauth/client.json";
pub const CALLBACK: &str = "https://client.example/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The address of the resource.
pub fn resource() -> String {
    format!("{ORIGIN}/mcp")
}

/// A deployment with a route for agents.
pub fn with_agents(table: Value) -> Value {
    let mut variables = variables();
    variables["AGENTS"] = table;
    variables["ROUTES"]["/mcp"] = json!({
        "upstream": "service:MCP", "authenticate": ["agent"], "require": { "any_scope": ["docs:read", "docs:write"] },
    });
    variables["ROUTES"]["/other"] = json!({ "upstream": "service:MCP", "authenticate": ["agent"] });
    variables
}

/// What a client publishes.
pub fn document() -> Value {
    json!({
        "client_id": CLIENT,
        "client_name": "Example Client",
        "redirect_uris": [CALLBACK, "http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "none",
    })
}

/// A world with that client in it.
pub fn world() -> World {
    let world = World::new();
    publish(&world, CLIENT, 200, &document());
    world
}

/// Has a client's server answer so.
pub fn publish(world: &World, url: &str, status: u16, document: &Value) {
    world.clients.borrow_mut().insert(url.to_owned(), Some(answer(status, document)));
}

/// Where a client sends a person to, with these parameters changed.
pub fn authorize(changes: &[(&str, Option<&str>)]) -> String {
    let resource = resource();
    let mut all = vec![
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", CALLBACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", &resource),
        ("scope", "docs:read"),
        ("state", "s&t"),
    ];
    for (name, value) in changes {
        all.retain(|(known, _)| known != name);
        all.extend(value.map(|value| (*name, value)));
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    format!("/auth/agents/authorize?{query}")
}

/// The sealed question on a page.
pub fn question(page: &Answered) -> String {
    let body = &page.reply().body;
    let start = body.split_once(r#"name="question" value=""#).unwrap_or_else(|| panic!("{} {body}", page.event)).1;
    start.split_once('"').unwrap().0.to_owned()
}

/// The form that answers it.
pub fn form(question: &str, answer: &str, life: &str) -> Asked {
    let fields = [("question", question), ("answer", answer), ("for", life)];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Asked::form("/auth/agents/authorize").with_body(Ok(&body))
}

/// What the client is told.
pub fn told(answered: &Answered) -> Vec<(String, String)> {
    let location = Url::parse(&answered.location()).unwrap();
    location.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// One of the parameters that the client is told.
pub fn told_of(answered: &Answered, name: &str) -> Option<String> {
    told(answered).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A person is sent there by a page of the client's, and goes round once by a page of ours, which brings their `Strict` cookie
/// along.
pub fn sent(browser: &Browser<'_>, path: &str) -> Answered {
    let first = browser.send(&Asked::from_elsewhere(path));
    if first.event["reason"] != "authn.no_credential" {
        return first;
    }
    let marked = first.location();
    assert!(marked.ends_with("&consent=ask"), "{marked}");
    let bounced = browser.send(&Asked::from_elsewhere(&marked));
    assert!(bounced.reply().status.as_u16() == 200 && bounced.reply().body.contains("/auth/continue?to="));
    browser.go(&marked)
}

/// A code, by a person who allows what is asked.
pub fn code(browser: &Browser<'_>, changes: &[(&str, Option<&str>)]) -> String {
    let page = sent(browser, &authorize(changes));
    let answered = browser.send(&form(&question(&page), "allow", "30"));
    told_of(&answered, "code").unwrap_or_else(|| panic!("{}", answered.event))
}

/// The refresh token of what a person allows for so many days.
pub fn granted_for(browser: &Browser<'_>, days: &str) -> String {
    let question = question(&sent(browser, &authorize(&[])));
    let answered = browser.send(&form(&question, "allow", days));
    let code = told_of(&answered, "code").unwrap_or_else(|| panic!("{}", answered.event));
    let redeemed = browser.send(&agents_tokens::redeeming(&code, &[]));
    redeemed.json()["refresh_token"].as_str().unwrap_or_else(|| panic!("{}", redeemed.event)).to_owned()
}

pub fn deployment(table: Value) -> (World, Gateway) {
    (world(), gateway(&with_agents(table)))
}

#[test]
fn the_server_tells_what_it_is() {
    // R-300, R-318
    let (world, gateway) = deployment(json!({}));
    let stranger = Browser::new(&world, &gateway);
    let answered = stranger.send(&Asked::new("GET", "/.well-known/oauth-authorization-server"));
    let metadata = answered.json();
    assert_eq!(metadata["issuer"], ORIGIN);
    for (name, expected) in [
        ("authorization_endpoint", json!(format!("{ORIGIN}/auth/agents/authorize"))),
        ("token_endpoint", json!(format!("{ORIGIN}/auth/agents/token"))),
        ("revocation_endpoint", json!(format!("{ORIGIN}/auth/agents/revoke"))),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("token_endpoint_auth_methods_supported", json!(["none", "private_key_jwt"])),
        ("client_id_metadata_document_supported", json!(true)),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("response_types_supported", json!(["code"])),
        ("scopes_supported", json!(["docs:read", "docs:write"])),
    ] {
        assert_eq!(metadata[name], expected, "{name}");
    }
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!("refresh_token")));
    assert_eq!(metadata.get("registration_endpoint"), None);
    let headers = &answered.reply().headers;
    assert_eq!(
        (&headers["access-control-allow-origin"], headers.get("access-control-allow-credentials")),
        (&"*".parse().unwrap(), None)
    );
    let openid = stranger.send(&Asked::new("GET", "/.well-known/openid-configuration"));
    assert_eq!(openid.reply().status.as_u16(), 404);
    let registering = stranger.send(&Asked::new("POST", "/auth/agents/register"));
    assert_eq!(registering.reply().status.as_u16(), 404);
}

#[test]
fn without_agents_there_is_no_server() {
    let (world, gateway) = (world(), gateway(&variables()));
    let stranger = Browser::new(&world, &gateway);
    for path in ["/.well-known/oauth-authorization-server", "/auth/agents/authorize", "/auth/agents/token"] {
        let answered = stranger.send(&Asked::new("GET", path));
        assert_eq!(answered.reply().status.as_u16(), 404, "{path}");
    }
}

#[test]
fn a_person_is_asked_and_the_client_gets_a_code() {
    // R-304, R-306
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let page = sent(&browser, &authorize(&[]));
    assert_eq!((&page.event["event"], &page.event["reason"]), (&json!("agent.consent"), &json!("agent.consent_asked")));
    assert_eq!((&page.event["client_id"], page.reply().status.as_u16()), (&json!(CLIENT), 200));
    for part in ["Example Client", "client.example", "app.example.com/mcp", "docs:read", "Until I sign out here"] {
        assert!(page.reply().body.contains(part), "{part}: {}", page.reply().body);
    }
    assert!(!page.reply().body.contains("docs:write"));
    let policy = page.reply().headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script"), "{policy}");
    assert_eq!(page.reply().headers["x-frame-options"], "DENY");
    assert_eq!(page.reply().headers.get("access-control-allow-origin"), None);
    let answered = browser.send(&form(&question(&page), "allow", "session"));
    assert_eq!(answered.reply().status.as_u16(), 303);
    assert!(answered.location().starts_with(&format!("{CALLBACK}?code=pstn_ac_")), "{}", answered.location());
    let names: Vec<String> = told(&answered).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(
        (told_of(&answered, "state").as_deref(), told_of(&answered, "iss").as_deref()),
        (Some("s&t"), Some(ORIGIN))
    );
    assert_eq!(
        (&answered.event["reason"], &answered.event["outcome"]),
        (&json!("agent.consent_given"), &json!("allow"))
    );
    assert!(!world.lines.borrow().iter().any(|line| line.contains("pstn_ac_")));
}

#[test]
fn a_person_who_refuses_is_not_asked_by_the_client_again_and_again() {
    // R-306
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let page = sent(&browser, &authorize(&[]));
    let answered = browser.send(&form(&question(&page), "refuse", "session"));
    let expected = [("error", "access_denied"), ("state", "s&t"), ("iss", ORIGIN)];
    assert_eq!(told(&answered), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        (&answered.event["event"], &answered.event["reason"]),
        (&json!("agent.refused"), &json!("agent.access_denied"))
    );
}

#[test]
fn a_stranger_signs_in_first_and_has_nothing_fetched_and_nothing_written() {
    // R-302, R-304
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway);
    let before = world.dump();
    let link = sent(&browser, &authorize(&[])).location();
    assert!(link.starts_with("/auth/login?return_to=%2Fauth%2Fagents%2Fauthorize"), "{link}");
    assert!(world.sent.borrow().is_empty() && world.dump() == before);
    let query = link.split_once('?').unwrap().1.replace("&fragment=keep", "");
    let back = browser.come_back(&world.corp.authorize(&browser.begin(&query)));
    assert_eq!(back.event["reason"], "login.succeeded");
    assert!(back.reply().body.contains("consent=ask"), "{}", back.reply().body);
    let page = browser.go(&format!("{}&consent=ask", authorize(&[])));
    assert_eq!(page.event["reason"], "agent.consent_asked");
}

#[test]
fn no_link_leads_by_way_of_the_sign_in_to_a_question_that_is_not_asked() {
    // R-304
    let (world, gateway) = deployment(json!({ "remember": true }));
    let browser = Browser::new(&world, &gateway);
    let to = form_urlencoded::byte_serialize(authorize(&[]).as_bytes()).collect::<String>();
    let back = browser.come_back(&world.corp.authorize(&browser.begin(&format!("return_to={to}"))));
    assert!(!back.reply().body.contains("/auth/agents"), "{}", back.reply().body);
}

#[test]
fn what_asks_is_a_persons_navigation() {
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = browser.send(&Asked::script("GET", &authorize(&[])));
    asked.assert_refused(403, "login.not_a_navigation");
    let framed = Asked::new("GET", &authorize(&[])).with("sec-fetch-site", "cross-site");
    let framed = framed.with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "iframe");
    browser.send(&framed).assert_refused(403, "login.not_a_navigation");
}

#[test]
fn a_client_that_cannot_be_checked_is_told_of_on_a_page_and_nobody_is_sent_there() {
    // R-301, R-302, R-306
    let (world, gateway) = deployment(json!({}));
    publish(&world, "https://gone.example/c", 404, &document());
    publish(&world, "https://moved.example/c", 302, &document());
    publish(&world, "https://other.example/c", 200, &document());
    publish(
        &world,
        "https://large.example/c",
        200,
        &json!({ "client_id": "https://large.example/c", "x": "a".repeat(17_000) }),
    );
    world.clients.borrow_mut().insert("https://down.example/c".to_owned(), None);
    let mut text = answer(200, &document());
    text.headers.insert("content-type", "text/html".parse().unwrap());
    world.clients.borrow_mut().insert("https://text.example/c".to_owned(), Some(text));
    let browser = Browser::new(&world, &gateway).signed_in();
    for (name, value, reason) in [
        ("client_id", "", "agent.client_id_missing"),
        ("client_id", "client", "agent.client_id"),
        ("client_id", "https://169.254.169.254/latest", "agent.client_id"),
        ("client_id", "https://app.example.com/auth/agents/clients/k1.AA.AA", "agent.client_id"),
        ("client_id", "https://gone.example/c", "agent.document_status"),
        ("client_id", "https://moved.example/c", "agent.document_status"),
        ("client_id", "https://other.example/c", "agent.document_of_another"),
        ("client_id", "https://large.example/c", "agent.document_too_large"),
        ("client_id", "https://down.example/c", "agent.document_unreachable"),
        ("client_id", "https://text.example/c", "agent.document_type"),
        ("redirect_uri", "", "agent.redirect_uri_missing"),
        ("redirect_uri", "https://client.example/cb/../x", "agent.redirect_uri_unusable"),
        ("redirect_uri", "https://client.example:443/cb", "agent.redirect_uri_unusable"),
        ("redirect_uri", "https://u@client.example/cb", "agent.redirect_uri_unusable"),
        ("redirect_uri", "https://client.example/cb#x", "agent.redirect_uri_unusable"),
        ("redirect_uri", "https://client.example/CB", "agent.redirect_uri_unlisted"),
        ("redirect_uri", "https://evil.example/cb", "agent.redirect_uri_unlisted"),
        ("redirect_uri", "http://127.0.0.1:33418/other", "agent.redirect_uri_unlisted"),
    ] {
        let answered = sent(&browser, &authorize(&[(name, Some(value))]));
        answered.assert_refused(400, reason);
        assert!(answered.reply().body.contains("That program cannot be checked"), "{}", answered.reply().body);
        assert_eq!(answered.reply().headers.get("location"), None);
    }
    let fetches = world.sent.borrow().iter().filter(|sent| sent.url.contains("169.254")).count();
    assert_eq!(fetches, 0);
}

#[test]
fn what_is_wrong_otherwise_is_told_to_the_client() {
    // R-306, R-308
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    for (name, value, error) in [
        ("response_type", Some("token"), "unsupported_response_type"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("resource", None, "invalid_target"),
        ("resource", Some("https://app.example.com/app"), "invalid_target"),
        ("resource", Some("https://other.example/mcp"), "invalid_target"),
        ("scope", Some("admin"), "invalid_scope"),
        ("prompt", Some("none"), "consent_required"),
    ] {
        let answered = sent(&browser, &authorize(&[(name, value)]));
        assert!(answered.location().starts_with(CALLBACK), "{}", answered.location());
        assert_eq!(told_of(&answered, "error").as_deref(), Some(error), "{name}");
        assert_eq!(told_of(&answered, "iss").as_deref(), Some(ORIGIN));
        assert_eq!(told_of(&answered, "state").as_deref(), Some("s&t"));
    }
}

#[test]
fn a_document_is_fetched_once_and_its_failure_is_not_remembered() {
    // R-302
    let (world, gateway) = deployment(json!({}));
    publish(&world, CLIENT, 500, &document());
    let browser = Browser::new(&world, &gateway).signed_in();
    let fetched = || world.sent.borrow().iter().filter(|sent| sent.url == CLIENT).count();
    sent(&browser, &authorize(&[])).assert_refused(400, "agent.document_status");
    publish(&world, CLIENT, 200, &document());
    for _ in 0..3 {
        let page = sent(&browser, &authorize(&[]));
        assert_eq!(page.event["reason"], "agent.consent_asked");
    }
    assert_eq!(fetched(), 2);
    let request = world.sent.borrow().iter().find(|sent| sent.url == CLIENT).unwrap().clone();
    assert_eq!((request.timeout.get(), request.max_bytes), (3, 16 * 1024));
    assert!(request.headers.get("cookie").is_none() && request.headers.get("authorization").is_none());
    // Another isolate finds it in the shared cache; nobody else can have put it there.
    let other = crate::support::gateway(&with_agents(json!({})));
    let again = Browser::new(&world, &other).signed_in();
    assert_eq!(sent(&again, &authorize(&[])).event["reason"], "agent.consent_asked");
    assert_eq!(fetched(), 2);
    for text in world.cache.borrow_mut().values_mut() {
        *text = text.replace("Example Client", "Another Client");
    }
    let third = crate::support::gateway(&with_agents(json!({})));
    let page = sent(&Browser::new(&world, &third).signed_in(), &authorize(&[]));
    assert!(page.reply().body.contains("Example Client") && fetched() == 3);
}

#[test]
fn an_old_document_does_for_a_day_while_the_client_s_server_is_down() {
    // R-302
    let (world, gateway) = deployment(json!({}));
    let asks = |after: i64| {
        world.wait(after);
        let browser = Browser::new(&world, &gateway).signed_in();
        sent(&browser, &authorize(&[])).event["reason"].clone()
    };
    assert_eq!(asks(0), "agent.consent_asked");
    publish(&world, CLIENT, 500, &document());
    assert_eq!(asks(23 * 3600), "agent.consent_asked");
    assert_eq!(asks(3600), "agent.document_status");
}

#[test]
fn a_document_that_its_server_withdraws_counts_no_more() {
    // R-302
    let mut other = document();
    other["client_id"] = json!("https://client.example/other.json");
    for (status, published, reason) in [
        (404, document(), "agent.document_status"),
        (410, document(), "agent.document_status"),
        (302, document(), "agent.document_status"),
        (200, other, "agent.document_of_another"),
        (200, json!([]), "agent.document_not_json"),
    ] {
        let (world, gateway) = deployment(json!({}));
        let asks = || sent(&Browser::new(&world, &gateway).signed_in(), &authorize(&[])).event["reason"].clone();
        assert_eq!(asks(), "agent.consent_asked");
        publish(&world, CLIENT, status, &published);
        assert_eq!(asks(), "agent.consent_asked");
        world.wait(2 * 3600);
        assert_eq!(asks(), reason, "{status}");
    }
}

#[test]
fn an_answer_that_could_not_be_kept_may_be_given_again() {
    // R-305
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let question = question(&sent(&browser, &authorize(&[])));
    world.fault.set(Fault::SidIndex);
    browser.send(&form(&question, "allow", "1")).assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    assert_eq!(browser.send(&form(&question, "allow", "1")).event["reason"], "agent.consent_given");
    browser.send(&form(&question, "allow", "1")).assert_refused(403, "agent.consent_used");
}

#[test]
fn a_question_is_answered_once_in_its_session_and_by_a_form_of_ours() {
    // R-305
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let page = |browser: &Browser<'_>| question(&sent(browser, &authorize(&[])));
    // Two tabs, neither of which knows of the other.
    let (one, two) = (page(&browser), page(&browser));
    for question in [&two, &one] {
        assert_eq!(browser.send(&form(question, "allow", "1")).event["reason"], "agent.consent_given");
    }
    browser.send(&form(&one, "allow", "1")).assert_refused(403, "agent.consent_used");
    browser.send(&form(&one, "refuse", "1")).assert_refused(403, "agent.consent_used");
    // Another page's form, and none at all.
    let three = page(&browser);
    let body = format!("question={three}&answer=allow&for=1");
    let elsewhere = browser.send(&Asked::form_from_elsewhere("/auth/agents/authorize", &body));
    assert_ne!(elsewhere.event["reason"], "agent.consent_given");
    let script = form(&three, "allow", "1").with("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(&script).reply().status.as_u16(), 403);
    for odd in [form(&three, "yes", "1"), form(&three, "allow", "31"), form(&three, "allow", "")] {
        browser.send(&odd).assert_refused(403, "agent.consent_form");
    }
    let twice = format!("question={three}&answer=allow&answer=allow&for=1");
    let more = format!("question={three}&answer=allow&for=1&scope=docs%3Awrite");
    for body in [&twice, &more] {
        let odd = Asked::form("/auth/agents/authorize").with_body(Ok(body));
        browser.send(&odd).assert_refused(403, "agent.consent_form");
    }
    let text =
        Asked::script("POST", "/auth/agents/authorize").with("content-type", "text/plain").with("origin", ORIGIN);
    browser.send(&text.with_body(Ok(&body))).assert_refused(403, "agent.consent_form");
    browser.send(&form("k1.AAAA", "allow", "1")).assert_refused(403, "agent.consent_over");
    // Another person, and the same person signed in anew.
    let other = Browser::new(&world, &gateway).signed_in_as("mallory", "m");
    other.send(&form(&three, "allow", "1")).assert_refused(403, "agent.consent_over");
    let again = Browser::new(&world, &gateway).signed_in_as("alice", "again");
    again.send(&form(&three, "allow", "1")).assert_refused(403, "agent.consent_over");
    world.now.set(world.now.get() + 600);
    browser.send(&form(&three, "allow", "1")).assert_refused(403, "agent.consent_over");
}

#[test]
fn who_is_signed_out_answers_nothing() {
    // R-305
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let question = question(&sent(&browser, &authorize(&[])));
    browser.signed_out();
    let answered = browser.send(&form(&question, "allow", "1"));
    answered.assert_refused(401, "authn.no_credential");
}

#[test]
fn only_clients_that_are_admitted_ask_and_where_they_may() {
    // R-303
    let (world, gateway) = deployment(json!({ "clients": ["https://claude.ai/**"] }));
    let browser = Browser::new(&world, &gateway).signed_in();
    sent(&browser, &authorize(&[])).assert_refused(400, "agent.client_not_admitted");
    // Nor does one that was asked about before they were named.
    let (world, open) = deployment(json!({}));
    let browser = Browser::new(&world, &open).signed_in();
    let asked = question(&sent(&browser, &authorize(&[])));
    let closed = crate::support::gateway(&with_agents(json!({ "clients": ["https://claude.ai/**"] })));
    let same = Browser::new(&world, &closed);
    same.plant("__Host-postern", &browser.cookie("__Host-postern").unwrap());
    same.send(&form(&asked, "allow", "1")).assert_refused(400, "agent.client_not_admitted");
    let (world, gateway) = deployment(json!({ "clients": "same-host" }));
    let mut elsewhere = document();
    elsewhere["redirect_uris"] =
        json!([CALLBACK, "https://elsewhere.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"]);
    publish(&world, CLIENT, 200, &elsewhere);
    let browser = Browser::new(&world, &gateway).signed_in();
    for (uri, reason) in [
        (CALLBACK, "agent.consent_asked"),
        ("http://127.0.0.1:33418/cb", "agent.consent_asked"),
        ("https://elsewhere.example/cb", "agent.redirect_uri_host"),
        ("com.example.app:/cb", "agent.redirect_uri_host"),
    ] {
        let answered = sent(&browser, &authorize(&[("redirect_uri", Some(uri))]));
        assert_eq!(answered.event["reason"], reason, "{uri}");
    }
}

#[test]
fn a_client_may_want_a_recent_sign_in() {
    // R-312
    let (world, gateway) = deployment(json!({}));
    let now = world.now.get();
    world.corp.bend_claims(move |claims| claims["auth_time"] = now.into());
    let browser = Browser::new(&world, &gateway).signed_in();
    let path = authorize(&[("max_age", Some("300"))]);
    assert_eq!(sent(&browser, &path).event["reason"], "agent.consent_asked");
    world.now.set(now + 400);
    let answered = sent(&browser, &path);
    assert!(answered.location().starts_with("/auth/login?provider=corp&max_age=300&"), "{}", answered.location());
}
