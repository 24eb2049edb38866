//! Where a login was to lead is not forgotten, whatever becomes of the login, and no page claims what nobody looked at.

use serde_json::json;

use crate::support::{Asked, Browser, Endpoint, World, gateway, two_providers, variables};

const ELEVEN_MINUTES: i64 = 11 * 60;

#[test]
fn a_login_that_took_too_long_links_to_another_for_the_same_place() {
    let long = format!("/app/a?x={}", "y".repeat(7000));
    for path in ["/app/a?x=1", "/app/a?x=1#part", &long] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let encoded: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let response = world.corp.authorize(&browser.begin(&format!("return_to={encoded}")));
        world.wait(ELEVEN_MINUTES);
        // By now the browser has thrown the login's own cookie away.
        for name in browser.logins_under_way() {
            browser.forget(&name);
        }
        let late = browser.come_back(&response);
        late.assert_refused(400, "callback.no_transaction");
        assert_eq!(late.event["detail"], "a login of ours, expired or finished");
        assert!(late.reply().body.contains(&format!("href=\"/auth/login?return_to={encoded}\"")), "{path}");
        assert!(!late.reply().body.contains("not signed in"));
        assert_eq!((world.asked(Endpoint::Token), world.sessions()), (0, 0));
        // From there it goes on as if nothing had been.
        let again = browser.login_at(&world.corp, &format!("return_to={encoded}"));
        let target = path.replace('&', "&amp;");
        assert!(again.reply().body.contains(&format!("0;url={target}\"")), "{path}");
        assert!(browser.ways_back().is_empty(), "{path}");
    }
}

#[test]
fn a_way_back_is_good_for_its_own_login_alone_and_never_for_another_origin() {
    // R-035, R-036
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let one = world.corp.authorize(&browser.begin("return_to=%2Fapp%2Fone"));
    let mut other = world.corp.authorize(&browser.begin("return_to=%2Fapp%2Fother"));
    let (_, way_back) = one.get("state").split_at(43);
    let (random, _) = other.get("state").split_at(43);
    let mixed = format!("{random}{way_back}");
    other.set("state", &mixed);
    let answered = browser.come_back(&other);
    answered.assert_refused(400, "callback.no_transaction");
    assert!(!answered.reply().body.contains("return_to"), "{}", answered.reply().body);
    for elsewhere in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2Fauth%2Flogout"] {
        let response = world.corp.authorize(&browser.begin(&format!("return_to={elsewhere}")));
        world.wait(ELEVEN_MINUTES);
        let late = browser.come_back(&response);
        assert!(!late.reply().body.contains("evil") && !late.reply().body.contains("return_to"));
    }
}

#[test]
fn a_long_address_is_reached_and_one_that_is_too_long_is_not() {
    for (length, end) in [(2000, true), (2800, true), (8100, true), (8300, false)] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let path = format!("/app/{}", "x".repeat(length));
        let finished = browser.login_at(&world.corp, &format!("return_to={path}"));
        let target = if end { path.as_str() } else { "/" };
        assert!(finished.reply().body.contains(&format!("content=\"0;url={target}\"")), "{length}");
        assert!(browser.ways_back().is_empty() && browser.logins_under_way().is_empty());
        // A guarded page sends there and back again.
        if end {
            let sent = browser.signed_out().go(&path).location();
            assert!(sent.starts_with("/auth/login?return_to=%2Fapp%2Fx"), "{sent}");
        }
    }
}

#[test]
fn a_browser_remembers_one_long_address_and_those_of_logins_under_way() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    for round in 0..5 {
        browser.begin(&format!("return_to=%2Fapp%2F{}", "x".repeat(5000 + round)));
        world.wait(ELEVEN_MINUTES);
        for name in browser.logins_under_way() {
            browser.forget(&name);
        }
        assert_eq!(browser.ways_back().len(), 2, "{round}");
    }
}

#[test]
fn two_long_addresses_under_way_are_both_reached() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let paths = ["a", "b"].map(|name| format!("/app/{}", name.repeat(5000)));
    let responses = paths.each_ref().map(|path| world.corp.authorize(&browser.begin(&format!("return_to={path}"))));
    assert_eq!(browser.ways_back().len(), 4);
    for (path, response) in paths.iter().zip(&responses) {
        let finished = browser.come_back(response);
        assert!(finished.reply().body.contains(&format!("content=\"0;url={path}\"")), "{}", finished.event);
    }
}

#[test]
fn a_login_knows_itself_where_it_was_to_lead() {
    // By its own cookie, where those for later were lost, and in a login that the release before began.
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let path = format!("/app/{}", "x".repeat(2000));
    let response = world.corp.authorize(&browser.begin(&format!("return_to={path}")));
    for name in browser.ways_back() {
        browser.forget(&name);
    }
    let finished = browser.come_back(&response);
    assert!(finished.reply().body.contains(&format!("content=\"0;url={path}\"")), "{}", finished.event);
}

#[test]
fn back_after_signing_in_says_nothing_of_who_is_signed_in() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin(""));
    browser.come_back(&response);
    for again in [browser.come_back(&response), browser.send(&Asked::navigation(&response.target()))] {
        again.assert_refused(400, "callback.no_transaction");
        let body = &again.reply().body;
        assert!(body.contains("This sign-in is over") && !body.contains("not signed in"), "{body}");
        assert!(body.contains(r#"<a class="button" href="/" target="_top">Go on</a>"#), "{body}");
        assert!(browser.is_in(), "the session was lost");
    }
}

#[test]
fn every_failure_on_the_way_keeps_the_way_and_claims_nothing() {
    // Refused by us, by the provider, and where nobody answers.
    type Break = fn(&World);
    let breaks: [(Break, u16); 4] = [
        (|world| world.corp.bend_claims(|claims| claims["nonce"] = "other".into()), 400),
        (|world| world.corp.bend_claims(|claims| claims["acr"] = "silver".into()), 200),
        (|world| world.corp.script(Endpoint::Token, Err(postern::ports::FetchError::Timeout)), 503),
        (|world| world.fault.set(crate::support::Fault::Sessions), 503),
    ];
    for (number, (break_it, status)) in breaks.into_iter().enumerate() {
        let (world, gateway) = (World::new(), gateway(&two_providers()));
        let browser = Browser::new(&world, &gateway);
        let response = world.corp.authorize(&browser.begin("provider=corp&return_to=%2Fapp%2Fa%3Fx%3D1"));
        break_it(&world);
        let answered = browser.come_back(&response);
        let body = &answered.reply().body;
        assert_eq!(answered.reply().status.as_u16(), status, "{number}");
        if status != 200 {
            assert!(body.contains("href=\"/auth/login?return_to=%2Fapp%2Fa%3Fx%3D1\""), "{number}: {body}");
            assert!(!body.contains("not signed in"), "{number}: {body}");
        }
    }
    // And where the login cannot even begin.
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.go_down();
    let browser = Browser::new(&world, &gateway);
    let answered = browser.go("/auth/login?return_to=%2Fapp%2Fa");
    answered.assert_refused(503, "provider.unreachable");
    assert!(answered.reply().body.contains("href=\"/auth/login?return_to=%2Fapp%2Fa\""));
}

#[test]
fn a_step_up_that_fails_does_not_say_that_nobody_is_signed_in() {
    let mut variables = variables();
    variables["ROUTES"]["/gold"] = json!({ "upstream": "service:API", "require": { "acr": ["gold"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway).signed_in();
    let link = browser.go("/gold").location();
    let request = browser.begin(link.split_once('?').unwrap().1.replace("&fragment=keep", "").as_str());
    let failed = browser.come_back(&world.corp.authorize(&request));
    failed.assert_refused(400, "id_token.acr_unsatisfied");
    assert!(!failed.reply().body.contains("not signed in") && failed.reply().body.contains("return_to=%2Fgold"));
    assert!(browser.is_in());
}
