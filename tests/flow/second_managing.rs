//! Second factors that are there: removed, renamed, and what else becomes of them.

use serde_json::json;

use super::second::{SESSION, assert_said, code, enrolled, form, list, person, post, proves, with_factors};
use crate::support::{Asked, Browser, Fault, World, gateway};

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
        let fields = [("code", &*code(&secret, world.now.get())), ("return_to", "/a#part")];
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

#[test]
fn a_login_that_began_before_a_proof_takes_the_place_of_the_session_under_its_new_id() {
    // R-338, R-084, R-177
    for signs_out in [false, true] {
        let (world, gateway) = (World::new(), gateway(&with_factors()));
        let browser = person(&world, &gateway, "alice");
        let (secret, _) = enrolled(&world, &browser);
        let begun = browser.begin("provider=corp");
        world.wait(60);
        proves(&world, &browser, &secret);
        let moved = browser.cookie(SESSION).unwrap();
        world.wait(120);
        if signs_out {
            browser.send(&Asked::form("/auth/logout"));
            world.wait(1);
        }
        let answered = browser.come_back(&world.corp.authorize(&begun));
        let expected = if signs_out { "login.overtaken_by_logout" } else { "login.succeeded" };
        assert_eq!(answered.event["reason"], expected);
        let old = Browser::new(&world, &gateway);
        old.plant(SESSION, &moved);
        assert_eq!((old.is_in(), browser.is_in()), (false, !signs_out), "{signs_out}");
    }
}

#[test]
fn whoever_has_proven_nothing_renames_nothing() {
    // R-216
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    enrolled(&world, &browser);
    let id = list(&browser)["factors"][0]["id"].as_str().unwrap().to_owned();
    world.wait(30);
    let other = person(&world, &gateway, "alice");
    let answered = other.send(&post(&format!("/auth/second/{id}/name"), &json!({ "name": "Mine" })));
    assert_eq!(answered.event["outcome"], "deny", "{}", answered.event);
    assert_eq!(list(&browser)["factors"][0]["name"], "Phone");
}
