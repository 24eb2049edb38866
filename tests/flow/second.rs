//! `/auth/second`: people add second factors of their own, prove them, and manage them.

use hmac::{Hmac, Mac};
use postern::gateway::Gateway;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::support::{Answered, Asked, Browser, Fault, World, gateway, variables};

const SESSION: &str = "__Host-postern";

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
fn begun(browser: &Browser<'_>) -> (String, String) {
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

fn said(answered: &Answered) -> (String, String) {
    let text = |name: &str| answered.event[name].as_str().unwrap().to_owned();
    (text("event"), text("reason"))
}

#[track_caller]
fn assert_said(answered: &Answered, event: &str, reason: &str) {
    assert_eq!(said(answered), (event.to_owned(), reason.to_owned()), "{}", answered.event);
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
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

#[test]
fn a_factor_is_removed_under_another_and_the_last_one_soon_after_a_sign_in() {
    // R-336, R-216
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (first, _) = enrolled(&world, &browser);
    world.wait(30);
    let (_, _) = enrolled(&world, &browser);
    let ids: Vec<String> = list(&browser)["factors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    let remove = |id: &str| post(&format!("/auth/second/{id}/remove"), &json!({}));
    // The one that was just added is what the session proved last.
    browser.send(&remove(&ids[1])).assert_refused(401, "authz.second_too_old");
    assert_eq!(
        browser.send(&form(&format!("/auth/second/{}/remove", ids[1]), &[])).location(),
        "/auth/second/verify?return_to=%2Fauth%2Fsecond"
    );
    proves(&world, &browser, &first);
    let removed = browser.send(&remove(&ids[1]));
    assert_said(&removed, "factor.removed", "second.removed");
    assert_eq!(removed.event["detail"], format!("totp {}", ids[1]));
    // Longer ago than ten minutes the person signed in: for the last one they do so again.
    world.wait(601);
    proves(&world, &browser, &first);
    let late = browser.send(&form(&format!("/auth/second/{}/remove", ids[0]), &[]));
    assert!(late.location().starts_with("/auth/login?provider=corp&max_age=600"), "{}", late.location());
    let again = person(&world, &gateway, "alice");
    again.send(&remove(&ids[0])).assert_refused(401, "authz.second_missing");
    proves(&world, &again, &first);
    assert_eq!(again.send(&form(&format!("/auth/second/{}/remove", ids[0]), &[])).location(), "/auth/second");
    assert_eq!((&list(&again)["factors"], &list(&again)["recovery"]["left"]), (&json!([]), &json!(0)));
    again.send(&remove(&ids[0])).assert_refused(404, "second.not_there");
}

#[test]
fn a_factor_is_renamed_and_new_codes_replace_the_old_ones() {
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, codes) = enrolled(&world, &browser);
    let id = list(&browser)["factors"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/auth/second/{id}/name");
    let renamed = browser.send(&form(&path, &[("name", "  Work phone ")]));
    assert_said(&renamed, "factor.renamed", "second.renamed");
    assert_eq!(
        (renamed.location().as_str(), &list(&browser)["factors"][0]["name"]),
        ("/auth/second", &json!("Work phone"))
    );
    browser.send(&post(&path, &json!({ "title": "x" }))).assert_refused(400, "request.bad_input");
    let made = browser.send(&post("/auth/second/recovery", &json!({})));
    assert_said(&made, "recovery.made", "second.codes_made");
    let new = made.json()["recovery_codes"][0].as_str().unwrap().to_owned();
    let use_code = |code: &str| browser.send(&post("/auth/second/verify/recovery", &json!({ "code": code })));
    use_code(&codes[0]).assert_refused(403, "second.wrong_code");
    assert_said(&use_code(&new), "recovery.used", "second.proven");
    world.wait(601);
    proves(&world, &browser, &secret);
    let page = browser.send(&form("/auth/second/recovery", &[]));
    assert!(page.reply().body.contains("<output") && page.reply().body.contains(r#"href="/auth/second""#));
}

#[test]
fn nobody_but_a_person_by_a_page_of_ours_gets_anywhere() {
    // R-345, R-312
    let mut variables = with_factors();
    variables["KEYS"] = json!({ "prefix": "acme", "self_service": { "scopes": ["a"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &browser);
    world.wait(30);
    let key = post("/auth/keys", &json!({ "name": "x", "scopes": ["a"] }));
    let key = browser.send(&key).json()["key"].as_str().unwrap().to_owned();
    let nobody = Browser::new(&world, &gateway);
    let token = format!("Bearer {key}");
    let body = json!({ "code": code(&secret, world.now.get()) });
    for path in [
        "/auth/second/totp/begin",
        "/auth/second/totp/finish",
        "/auth/second/verify/totp",
        "/auth/second/verify/recovery",
        "/auth/second/recovery",
        "/auth/second/0011223344556677/remove",
        "/auth/second/0011223344556677/name",
    ] {
        nobody.send(&post(path, &body)).assert_refused(401, "authn.no_credential");
        nobody.send(&post(path, &body).with("authorization", &token)).assert_refused(401, "authn.no_credential");
        browser.send(&Asked::script("GET", path)).assert_refused(405, "route.method_not_allowed");
        // R-166
        let foreign =
            Asked::new("POST", path).with("sec-fetch-site", "cross-site").with("origin", "https://evil.example");
        browser.send(&foreign).assert_refused(403, "csrf.origin");
        let quiet = Asked::new("POST", path).with("content-type", "application/json").with_body(Ok(&body.to_string()));
        browser.send(&quiet).assert_refused(403, "csrf.no_evidence");
    }
    for path in ["/auth/second", "/auth/second/verify"] {
        nobody
            .send(&Asked::script("GET", path).with("authorization", &token))
            .assert_refused(401, "authn.no_credential");
    }
    // What none of it came to: the code is good still.
    assert_said(&browser.send(&post("/auth/second/verify/totp", &body)), "factor.used", "second.proven");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    enrolled(&world, &browser);
    let long = "x".repeat(70_000);
    for body in ["{", "[]", "{\"code\":1}", "{\"code\":\"1\",\"code\":\"1\"}", "{\"cod\":\"1\"}", "{}", "", &long] {
        let asked = Asked::script("POST", "/auth/second/verify/totp")
            .with("content-type", "application/json")
            .with_body(Ok(body));
        browser.send(&asked).assert_refused(400, "request.bad_input");
    }
    for body in ["code=1&code=1", "cod=1", "return_to=%2F"] {
        let asked = Asked::form("/auth/second/verify/totp").with_body(Ok(body));
        browser.send(&asked).assert_refused(400, "request.bad_input");
    }
    let plain =
        Asked::script("POST", "/auth/second/verify/totp").with("content-type", "text/plain").with_body(Ok("code=1"));
    browser.send(&plain).assert_refused(400, "request.bad_input");
    // R-222
    for code in ["", "12345", "1234567", "-12345", "１２３４５６", "12 3456", "1e5", "abcdef"] {
        let answered = browser.send(&post("/auth/second/verify/totp", &json!({ "code": code })));
        let reason = answered.event["reason"].as_str().unwrap();
        assert!(["second.wrong_code", "second.locked"].contains(&reason), "{code}: {reason}");
    }
    for path in
        ["/auth/second/x/remove", "/auth/second/0011223344556677", "/auth/second/0011223344556677/x", "/auth/second/"]
    {
        browser.send(&post(path, &json!({}))).assert_refused(404, "route.none");
    }
}

#[test]
fn kinds_that_are_not_offered_cannot_be_added_and_go_on_counting() {
    let (world, mut variables) = (World::new(), with_factors());
    let all = gateway(&variables);
    let browser = person(&world, &all, "alice");
    let (secret, _) = enrolled(&world, &browser);
    variables["SECOND"]["factors"] = json!(["passkey"]);
    let narrowed = gateway(&variables);
    let again = person(&world, &narrowed, "alice");
    again.send(&post("/auth/second/totp/begin", &json!({}))).assert_refused(404, "second.not_offered");
    assert_said(&proves(&world, &again, &secret), "factor.used", "second.proven");
    assert!(!again.go("/auth/second").reply().body.contains("totp/begin"));
}

#[test]
fn a_page_that_asks_again_after_each_proof_ends_in_an_error() {
    // R-123
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &browser);
    let page = |way: &str| browser.go(&format!("/auth/second/verify?return_to={way}"));
    for _ in 0..3 {
        world.wait(30);
        assert_said(&page("%2Fa"), "factor.asked", "second.asked");
        let fields = [("code", &*code(&secret, world.now.get())), ("return_to", "/a")];
        browser.send(&form("/auth/second/verify/totp", &fields));
    }
    page("%2Fa").assert_refused(403, "second.in_vain");
    // Another place, or the same a moment later, is no loop.
    assert_said(&page("%2Fb"), "factor.asked", "second.asked");
    world.wait(10);
    assert_said(&page("%2Fa"), "factor.asked", "second.asked");
}

#[test]
fn without_the_persons_object_nothing_is_shown_and_nothing_proven() {
    // R-186
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    enrolled(&world, &browser);
    let old = browser.cookie(SESSION);
    world.fault.set(Fault::Sessions);
    let down = browser.send(&post("/auth/second/verify/totp", &json!({ "code": "000000" })));
    assert_eq!(down.reply().status.as_u16(), 503);
    assert_eq!(browser.cookie(SESSION), old);
}

#[test]
fn a_change_is_told_in_every_other_session_for_thirty_days() {
    // R-336
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let victim = person(&world, &gateway, "alice");
    world.wait(5);
    let thief = person(&world, &gateway, "alice");
    enrolled(&world, &thief);
    let told = "Your second factors were changed elsewhere";
    for page in ["/auth/second", "/auth/sessions"] {
        let body = victim.go(page).reply().body.clone();
        assert!(body.contains(told) && body.contains("<bdi>Phone</bdi>"), "{page}: {body}");
        assert!(!thief.go(page).reply().body.contains(told), "{page}");
    }
    world.wait(5);
    assert!(person(&world, &gateway, "alice").go("/auth/sessions").reply().body.contains(told));
    assert!(!person(&world, &gateway, "bob").go("/auth/sessions").reply().body.contains(told));
    world.wait(31 * 24 * 3600);
    *world.object_gateway.borrow_mut() = Some(std::rc::Rc::new(crate::support::gateway(&with_factors())));
    world.ring();
    assert!(!person(&world, &gateway, "alice").go("/auth/sessions").reply().body.contains(told));
}
