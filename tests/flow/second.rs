//! `/auth/second`: people add second factors of their own, prove them, and manage them.

use hmac::{Hmac, Mac};
use postern::gateway::Gateway;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::support::{Answered, Asked, Browser, World, gateway, variables};

pub const SESSION: &str = "__Host-postern";

/// A deployment with factors.
pub fn with_factors() -> Value {
    let mut variables = variables();
    variables["SECOND"] = json!({});
    variables["PAGES"] = json!({ "name": "Acme & Co" });
    variables
}

/// Somebody who has just signed in.
pub fn person<'w>(world: &'w World, gateway: &'w Gateway, subject: &'static str) -> Browser<'w> {
    let now = world.now.get();
    world.corp.bend_claims(move |claims| {
        claims["sub"] = subject.into();
        claims["email"] = "a:b&secret=@example.com".into();
        claims["auth_time"] = now.into();
    });
    Browser::new(world, gateway).signed_in()
}

/// What an app with this secret (base32) shows at this time (RFC 6238).
pub fn code(secret: &str, at: i64) -> String {
    let mut bits = String::new();
    for letter in secret.chars().filter(|letter| *letter != ' ') {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        bits.push_str(&format!("{value:05b}"));
    }
    let key: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(u64::try_from(at / 30).unwrap()).to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let offset = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

pub fn post(path: &str, body: &Value) -> Asked {
    Asked::script("POST", path).with("content-type", "application/json").with_body(Ok(&body.to_string()))
}

pub fn form(path: &str, fields: &[(&str, &str)]) -> Asked {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Asked::form(path).with_body(Ok(&body))
}

/// Begins to add an app: its secret, and what the form takes along.
pub fn begun(browser: &Browser<'_>) -> (String, String) {
    let answered = browser.send(&post("/auth/second/totp/begin", &json!({})));
    assert_eq!(answered.reply().status.as_u16(), 200, "{}", answered.event);
    let text = |name: &str| answered.json()[name].as_str().unwrap().to_owned();
    (text("secret"), text("pending"))
}

/// Adds an app: its secret, and the recovery codes.
pub fn enrolled(world: &World, browser: &Browser<'_>) -> (String, Vec<String>) {
    let (secret, pending) = begun(browser);
    let body = json!({ "pending": pending, "code": code(&secret, world.now.get()), "name": "Phone" });
    let answered = browser.send(&post("/auth/second/totp/finish", &body));
    assert_eq!(answered.reply().status.as_u16(), 201, "{}", answered.event);
    let codes = answered.json()["recovery_codes"].as_array().cloned().unwrap_or_default();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

/// Proves it with the code of the next half minute, for each is good once.
pub fn proves(world: &World, browser: &Browser<'_>, secret: &str) -> Answered {
    world.wait(30);
    browser.send(&post("/auth/second/verify/totp", &json!({ "code": code(secret, world.now.get()) })))
}

pub fn list(browser: &Browser<'_>) -> Value {
    browser.send(&Asked::script("GET", "/auth/second")).json()
}

pub fn said(answered: &Answered) -> (String, String) {
    let text = |name: &str| answered.event[name].as_str().unwrap().to_owned();
    (text("event"), text("reason"))
}

#[track_caller]
pub fn assert_said(answered: &Answered, event: &str, reason: &str) {
    assert_eq!(said(answered), (event.to_owned(), reason.to_owned()), "{}", answered.event);
}

/// The value of a hidden field.
pub fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn without_the_table_there_is_nothing() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/auth/second")).assert_refused(404, "route.none");
    browser.send(&post("/auth/second/verify/totp", &json!({ "code": "000000" }))).assert_refused(404, "route.none");
    assert!(!browser.go("/auth/sessions").reply().body.contains("/auth/second"));
}

#[test]
fn an_app_is_added_by_forms_alone_and_its_recovery_codes_are_shown_once() {
    // R-221, R-342, R-344
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    assert!(browser.go("/auth/sessions").reply().body.contains(r#"href="/auth/second""#));
    let page = browser.go("/auth/second?return_to=%2Freports%3Fa%3D1");
    assert!(page.reply().body.contains(r#"action="/auth/second/totp/begin""#), "{}", page.reply().body);
    let page = browser.send(&form("/auth/second/totp/begin", &[("return_to", "/reports?a=1")]));
    assert_said(&page, "factor.begun", "second.begun");
    assert_eq!(page.reply().headers["cache-control"], "private, no-store");
    assert_eq!(page.reply().headers["referrer-policy"], "same-origin");
    let body = &page.reply().body;
    let (_, rest) = body.split_once("<output").unwrap();
    let secret = rest.split_once('>').unwrap().1.split_once('<').unwrap().0.replace(' ', "");
    let pending = hidden(body, "pending");
    assert!(body.contains("<svg class=\"qr\"") && !pending.contains(&secret), "{body}");
    let old = browser.cookie(SESSION).unwrap();
    let (now, back) = (world.now.get(), hidden(body, "return_to"));
    let fields = [("pending", &*pending), ("code", &*code(&secret, now)), ("name", "My <phone>"), ("return_to", &back)];
    let done = browser.send(&form("/auth/second/totp/finish", &fields));
    assert_said(&done, "factor.enrolled", "second.enrolled");
    let shown = &done.reply().body;
    let (_, rest) = shown.split_once("<output").unwrap();
    let codes: Vec<&str> = rest.split_once('>').unwrap().1.split_once('<').unwrap().0.lines().collect();
    assert_eq!(codes.len(), 10, "{shown}");
    assert!(shown.contains(r#"href="/reports?a=1""#));
    // R-338
    assert_ne!(browser.cookie(SESSION).unwrap(), old);
    let page = browser.go("/auth/second").reply().body.clone();
    assert!(
        page.contains("My &lt;phone&gt;") && !codes.iter().any(|code| page.contains(code)) && !page.contains(&secret)
    );
    // Nothing that is stored or written down is a secret or a code.
    let lines = world.lines.borrow().join("\n");
    for text in codes.into_iter().chain([&*secret, &*pending, "My <phone>"]) {
        assert!(!lines.contains(text), "{text}");
    }
    assert!(!world.dump().contains(&secret));
}

#[test]
fn what_the_app_reads_says_whose_it_is_and_nothing_slips_in() {
    // R-344
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let answered = browser.send(&post("/auth/second/totp/begin", &json!({})));
    let uri = answered.json()["uri"].as_str().unwrap().to_owned();
    let start = "otpauth://totp/Acme%20%26%20Co:a%3Ab%26secret%3D%40example.com?secret=";
    assert!(uri.starts_with(start) && uri.matches("secret=").count() == 1, "{uri}");
}

#[test]
fn the_first_factor_is_added_soon_after_a_sign_in_alone() {
    // R-335
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, pending) = begun(&browser);
    world.wait(601);
    let body = json!({ "pending": pending, "code": code(&secret, world.now.get()) });
    browser.send(&post("/auth/second/totp/finish", &body)).assert_refused(400, "second.pending_over");
    let late = browser.send(&post("/auth/second/totp/begin", &json!({})));
    late.assert_refused(401, "authz.authentication_too_old");
    assert_eq!(late.json()["type"], "urn:postern:problem:insufficient-user-authentication");
    // A person is led to the provider, and back here, to go on from there.
    let led = browser.send(&form("/auth/second/totp/begin", &[("return_to", "/reports")]));
    assert_said(&led, "factor.begun", "second.sign_in_needed");
    let link = led.location();
    assert!(
        link.starts_with("/auth/login?provider=corp&max_age=600&return_to=%2Fauth%2Fsecond%3Freturn_to%3D%252Freports"),
        "{link}"
    );
    let page = browser.go("/auth/second").reply().body.clone();
    assert!(
        page.contains(
            &link.replace("&return_to=%2Fauth%2Fsecond%3Freturn_to%3D%252Freports", "").replace('&', "&amp;")
        )
    );
    assert!(!page.contains("totp/begin") && list(&browser)["before_adding"] == "sign-in");
    // A session that is young, at a provider where the person has been signed in for long, is no better.
    world.corp.bend_claims(|claims| {
        claims["sub"] = "alice".into();
        claims["auth_time"] = 1_700_000_000.into();
    });
    let stale = Browser::new(&world, &gateway).signed_in();
    stale.send(&post("/auth/second/totp/begin", &json!({}))).assert_refused(401, "authz.authentication_too_old");
}

#[test]
fn each_further_factor_needs_a_proof_by_one_that_is_there() {
    // R-335, R-216
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &browser);
    // Somebody who has the person's password alone adds none, however young their session.
    world.wait(30);
    let other = person(&world, &gateway, "alice");
    other.send(&post("/auth/second/totp/begin", &json!({}))).assert_refused(401, "authz.second_missing");
    let led = other.send(&form("/auth/second/totp/begin", &[]));
    assert_eq!(led.location(), "/auth/second/verify?return_to=%2Fauth%2Fsecond");
    proves(&world, &other, &secret);
    let (_, codes) = enrolled(&world, &other);
    assert_eq!((codes.len(), list(&other)["factors"].as_array().unwrap().len()), (0, 2));
    // After ten minutes a proof is too old for it.
    world.wait(601);
    other.send(&post("/auth/second/totp/begin", &json!({}))).assert_refused(401, "authz.second_too_old");
}

#[test]
fn a_sealed_secret_is_of_one_session_and_is_used_once() {
    // R-221
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let (alice, again) = (person(&world, &gateway, "alice"), person(&world, &gateway, "alice"));
    let bob = person(&world, &gateway, "bob");
    let (secret, pending) = begun(&alice);
    let body = |world: &World| json!({ "pending": pending, "code": code(&secret, world.now.get()) });
    for other in [&again, &bob] {
        other.send(&post("/auth/second/totp/finish", &body(&world))).assert_refused(400, "second.pending_over");
    }
    let bent = json!({ "pending": format!("{pending}A"), "code": code(&secret, world.now.get()) });
    alice.send(&post("/auth/second/totp/finish", &bent)).assert_refused(400, "second.pending_over");
    let done = alice.send(&post("/auth/second/totp/finish", &body(&world)));
    assert_eq!(done.reply().status.as_u16(), 201);
    world.wait(30);
    alice.send(&post("/auth/second/totp/finish", &body(&world))).assert_refused(400, "second.pending_over");
    let led = alice.send(&form("/auth/second/totp/finish", &[("pending", &pending), ("code", "000000")]));
    assert_eq!(led.location(), "/auth/second");
}

#[test]
fn a_wrong_code_adds_nothing_and_the_form_comes_once_more() {
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, pending) = begun(&browser);
    let wrong = code(&secret, world.now.get() + 3600);
    let fields = [("pending", &*pending), ("code", &*wrong), ("name", "x")];
    let answered = browser.send(&form("/auth/second/totp/finish", &fields));
    assert_eq!(answered.reply().status.as_u16(), 403);
    assert_said(&answered, "factor.failed", "second.wrong_code");
    let page = &answered.reply().body;
    assert!(
        page.contains("role=\"alert\"") && hidden(page, "pending") == pending && page.contains(r#"value="x""#),
        "{page}"
    );
    let json = json!({ "pending": pending, "code": wrong });
    browser.send(&post("/auth/second/totp/finish", &json)).assert_refused(403, "second.wrong_code");
    assert_eq!(list(&browser)["factors"], json!([]));
    // The right one is good still.
    let json = json!({ "pending": pending, "code": code(&secret, world.now.get()) });
    assert_eq!(browser.send(&post("/auth/second/totp/finish", &json)).reply().status.as_u16(), 201);
}

#[test]
fn a_proof_moves_the_session_and_leads_on_to_the_same_address() {
    // R-338
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &browser);
    world.wait(30);
    let page = browser.go("/auth/second/verify?return_to=%2Freports%3Fa%3D1%26b%3D2");
    assert_said(&page, "factor.asked", "second.asked");
    assert_eq!(hidden(&page.reply().body, "return_to"), "/reports?a=1&amp;b=2");
    let (old, me) = (browser.cookie(SESSION).unwrap(), browser.send(&Asked::script("GET", "/auth/me")).json());
    let now = world.now.get();
    let fields = [("code", &*code(&secret, now)), ("return_to", "/reports?a=1&b=2")];
    let answered = browser.send(&form("/auth/second/verify/totp", &fields));
    assert_said(&answered, "factor.used", "second.proven");
    assert_eq!((answered.reply().status.as_u16(), answered.location().as_str()), (303, "/reports?a=1&b=2"));
    let after = browser.send(&Asked::script("GET", "/auth/me")).json();
    assert_eq!(after["second"], json!({ "at": now, "by": "totp" }));
    assert_eq!(after["session"]["created_at"], me["session"]["created_at"]);
    assert!(answered.event["detail"].as_str().unwrap().starts_with("totp "));
    // Whoever knew the old cookie has nothing.
    let thief = Browser::new(&world, &gateway);
    thief.plant(SESSION, &old);
    thief.send(&Asked::script("GET", "/auth/me")).assert_refused(401, "session.gone");
    thief.plant(SESSION, &old);
    thief.send(&Asked::script("GET", "/auth/second")).assert_refused(401, "session.gone");
    assert!(browser.is_in());
}

#[test]
fn a_place_elsewhere_is_no_place_to_go_on_to() {
    // R-036
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &browser);
    for bad in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/auth/logout",
        "/auth/second/verify",
    ] {
        world.wait(30);
        let fields = [("code", &*code(&secret, world.now.get())), ("return_to", bad)];
        let answered = browser.send(&form("/auth/second/verify/totp", &fields));
        assert_eq!((answered.reply().status.as_u16(), answered.location().as_str()), (303, "/"), "{bad}");
        world.wait(10);
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", bad).finish();
        for page in ["/auth/second/verify", "/auth/second"] {
            let page = browser.go(&format!("{page}?{query}")).reply().body.clone();
            assert!(!page.contains("name=\"return_to\"") && !page.contains("evil"), "{bad}");
        }
    }
}

#[test]
fn who_has_none_is_led_to_add_one_and_then_on() {
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let led = browser.go("/auth/second/verify?return_to=%2Freports");
    assert_said(&led, "factor.asked", "second.none");
    assert_eq!(led.location(), "/auth/second?return_to=%2Freports");
    let page = browser.go(&led.location()).reply().body.clone();
    assert_eq!(hidden(&page, "return_to"), "/reports");
    assert!(page.contains("needs a second factor"));
    // Who is not signed in signs in first.
    let nobody = Browser::new(&world, &gateway);
    let link = nobody.go("/auth/second/verify?return_to=%2Freports").location();
    assert!(link.starts_with("/auth/login?return_to=%2Fauth%2Fsecond%2Fverify%3Freturn_to%3D%252Freports"), "{link}");
    let way = link.split_once('?').unwrap().1.replace("&fragment=keep", "");
    let arrived = nobody.come_back(&world.corp.authorize(&nobody.begin(&way)));
    assert!(arrived.reply().body.contains("url=/auth/second/verify?return_to=%2Freports"), "{}", arrived.reply().body);
}

#[test]
fn five_wrong_codes_lock_the_kind_and_nothing_else() {
    // R-343, R-220
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, codes) = enrolled(&world, &browser);
    world.wait(30);
    let wrong = || code(&secret, world.now.get() + 3600);
    let kinds: Vec<String> = (0..5)
        .map(|_| {
            let answered = browser.send(&post("/auth/second/verify/totp", &json!({ "code": wrong() })));
            answered.assert_refused(403, "second.wrong_code");
            answered.event["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds, ["factor.failed", "factor.failed", "factor.failed", "factor.failed", "factor.locked"]);
    // Right and wrong are told the same now.
    for code in [code(&secret, world.now.get()), wrong()] {
        let answered = browser.send(&post("/auth/second/verify/totp", &json!({ "code": code })));
        answered.assert_refused(429, "second.locked");
        assert_eq!(answered.reply().headers["retry-after"], "60");
    }
    let page = browser.send(&form("/auth/second/verify/totp", &[("code", "000000")]));
    assert_eq!((page.reply().status.as_u16(), &page.reply().headers["retry-after"]), (429, &"60".parse().unwrap()));
    assert!(page.reply().body.contains("in 1 min.") && !page.reply().body.contains("verify/totp"));
    // The lock is the person's, not the session's; the sign-in and the recovery codes know nothing of it.
    let other = person(&world, &gateway, "alice");
    other.send(&post("/auth/second/verify/totp", &json!({ "code": wrong() }))).assert_refused(429, "second.locked");
    let recovered = other.send(&post("/auth/second/verify/recovery", &json!({ "code": codes[0] })));
    assert_said(&recovered, "recovery.used", "second.proven");
    world.wait(60);
    let proven = proves(&world, &other, &secret);
    assert_said(&proven, "factor.used", "second.proven");
    // Another person never was locked.
    let bob = person(&world, &gateway, "bob");
    enrolled(&world, &bob);
}

#[test]
fn a_hundred_wrong_codes_of_apps_are_the_last_and_those_of_recovery_have_no_last() {
    // R-220, R-343: a recovery code that is used ends both.
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let (secret, codes) = enrolled(&world, &person(&world, &gateway, "alice"));
    let sends = |kind: &str, code: &str| {
        let path = format!("/auth/second/verify/{kind}");
        person(&world, &gateway, "alice").send(&post(&path, &json!({ "code": code })))
    };
    for _ in 0..100 {
        // No pause is longer.
        world.wait(3600);
        sends("totp", &code(&secret, world.now.get() + 3600)).assert_refused(403, "second.wrong_code");
        sends("recovery", "0000-0000-0000-0000").assert_refused(403, "second.wrong_code");
    }
    world.wait(30 * 24 * 3600);
    sends("totp", &code(&secret, world.now.get())).assert_refused(429, "second.locked");
    sends("recovery", "0000-0000-0000-0000").assert_refused(403, "second.wrong_code");
    sends("recovery", &codes[0]).assert_refused(429, "second.locked");
    world.wait(3600);
    assert_said(&sends("recovery", &codes[0]), "recovery.used", "second.proven");
    assert_said(&sends("totp", &code(&secret, world.now.get())), "factor.used", "second.proven");
}

#[test]
fn a_recovery_code_is_good_once_for_a_new_factor_alone() {
    // R-342
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let stolen = person(&world, &gateway, "alice");
    let (_, codes) = enrolled(&world, &stolen);
    let browser = person(&world, &gateway, "alice");
    let fields = [("code", &*codes[3]), ("return_to", "/reports")];
    let answered = browser.send(&form("/auth/second/verify/recovery", &fields));
    assert_said(&answered, "recovery.used", "second.proven");
    assert_eq!(answered.location(), "/auth/second?return_to=%2Freports");
    assert_eq!(answered.event["ended"], 1);
    assert!(!stolen.is_in());
    let page = browser.go(&answered.location()).reply().body.clone();
    assert!(page.contains("used a recovery code") && !page.contains("/remove\""), "{page}");
    assert_eq!((&list(&browser)["recovery"]["left"], &list(&browser)["second"]["by"]), (&json!(9), &json!("recovery")));
    let again = json!({ "code": codes[3] });
    browser.send(&post("/auth/second/verify/recovery", &again)).assert_refused(403, "second.wrong_code");
    let id = list(&browser)["factors"][0]["id"].as_str().unwrap().to_owned();
    let remove = format!("/auth/second/{id}/remove");
    browser.send(&post(&remove, &json!({}))).assert_refused(401, "authz.second_missing");
    browser.send(&post("/auth/second/recovery", &json!({}))).assert_refused(401, "authz.second_missing");
    enrolled(&world, &browser);
    assert_eq!(list(&browser)["second"]["by"], "totp");
}
