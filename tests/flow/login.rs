//! `/auth/login`: from a link to the provider.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Asked, Browser, CORP, Endpoint, ORIGIN, PARTNER, World, gateway, two_providers, variables};

fn query(url: &str) -> BTreeMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn a_person_signs_in_is_known_uses_the_api_and_signs_out() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);

    let challenged = browser.go("/app/orders?page=2");
    assert_eq!((challenged.reply().status.as_u16(), challenged.event["outcome"].as_str()), (302, Some("redirect")));
    assert_eq!(challenged.location(), "/auth/login?return_to=%2Fapp%2Forders%3Fpage%3D2&fragment=keep");

    // A page of ours takes along what is behind `#`, and goes on to the same without `fragment`.
    let asked = browser.go(&challenged.location());
    assert_eq!((asked.event["reason"].as_str(), browser.logins_under_way().len()), (Some("login.fragment_kept"), 0));
    let login = "/auth/login?return_to=%2Fapp%2Forders%3Fpage%3D2";
    assert!(asked.reply().body.contains(&format!("content=\"0;url={login}\"")), "{}", asked.reply().body);

    let started = browser.go(login);
    let response = world.corp.authorize(&started.location());
    let finished = browser.come_back(&response);
    assert_eq!(
        (finished.event["reason"].as_str(), finished.event["subject"].as_str()),
        (Some("login.succeeded"), Some("alice"))
    );
    assert!(finished.reply().body.contains("0;url=/app/orders?page=2"), "{}", finished.reply().body);
    assert!(browser.cookie("__Host-postern").is_some_and(|value| value.len() < 200));
    assert_eq!(browser.logins_under_way(), Vec::<String>::new());

    let forwarded = browser.send(&Asked::script("GET", "/api/orders/7?x=%20y"));
    assert_eq!(forwarded.forwarded().path_and_query, "/api/orders/7?x=%20y");
    assert_eq!(forwarded.forwarded().headers["authorization"], "Bearer access-canary-1");

    let me = browser.send(&Asked::script("GET", "/auth/me")).json();
    assert_eq!((me["issuer"].as_str(), me["subject"].as_str()), (Some(CORP), Some("alice")));
    assert_eq!((me["claims"]["name"].as_str(), me["kind"].as_str()), (Some("Alice"), Some("human")));

    let out = browser.send(&Asked::script("POST", "/auth/logout"));
    assert!(out.json()["location"].as_str().unwrap().starts_with(&format!("{CORP}/logout?")));
    browser.send(&Asked::script("GET", "/auth/me")).assert_refused(401, "authn.no_credential");
    let asked = [Endpoint::Metadata, Endpoint::Keys, Endpoint::Token].map(|endpoint| world.asked(endpoint));
    assert_eq!(asked, [1, 1, 1]);
}

#[test]
fn the_authorization_request_says_what_was_configured_and_nothing_else() {
    //
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["acr_values"] = json!(["urn:mfa"]);
    variables["PROVIDERS"]["corp"]["max_age"] = json!("10m");
    let (world, gateway) = (World::new(), gateway(&variables));
    let link = "scope=admin&client_id=evil&redirect_uri=https%3A%2F%2Fevil.example&state=mine&nonce=mine&response_type=token\
                &max_age=86400&acr_values=urn%3Anone&prompt=login&login_hint=alice%40corp.example&code_challenge_method=plain";
    let sent = query(&Browser::new(&world, &gateway).begin(link));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "app"),
        ("scope", "openid profile orders:read"),
        ("redirect_uri", "https://app.example.com/auth/callback/corp"),
        ("code_challenge_method", "S256"),
        ("max_age", "600"),
        ("acr_values", "urn:mfa"),
        ("prompt", "login"),
        ("login_hint", "alice@corp.example"),
    ] {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(sent[name].len(), 43, "{name}");
    }
    assert_eq!(sent.len(), 12, "{sent:?}");
}

#[test]
fn a_link_lowers_the_requirements_of_no_login() {
    //
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["acr_values"] = json!(["silver", "gold"]);
    variables["PROVIDERS"]["corp"]["max_age"] = json!("10m");
    let (world, gateway) = (World::new(), gateway(&variables));
    for (link, acr_values, max_age) in [
        ("", "silver gold", "600"),
        ("acr_values=gold", "gold", "600"),
        ("acr_values=bronze", "silver gold", "600"),
        ("acr_values=gold+bronze", "gold", "600"),
        ("max_age=0", "silver gold", "0"),
        ("max_age=601", "silver gold", "600"),
    ] {
        let sent = query(&Browser::new(&world, &gateway).begin(link));
        assert_eq!((sent["acr_values"].as_str(), sent["max_age"].as_str()), (acr_values, max_age), "{link}");
    }
}

#[test]
fn a_link_sets_only_what_the_configuration_passes_through() {
    //
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["pass_through"] = json!([]);
    let (world, gateway) = (World::new(), gateway(&variables));
    let sent = query(&Browser::new(&world, &gateway).begin("prompt=none&login_hint=x&acr_values=x&max_age=1"));
    for name in ["prompt", "login_hint", "acr_values", "max_age"] {
        assert!(!sent.contains_key(name), "{name}");
    }
}

#[test]
fn a_damaged_link_starts_nothing() {
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway);
    for link in [
        "provider=corp&prompt=none+login",
        "provider=corp&prompt=nonsense",
        "provider=corp&prompt=",
        "provider=corp&max_age=-1",
        "provider=corp&max_age=4294967296",
        "provider=corp&max_age=",
        "provider=corp&acr_values=+",
        "provider=corp&acr_values=%C3%A9",
        "provider=corp&login_hint=",
        "provider=corp&login_hint=a%0Ab",
        "return_to=/a&return_to=/b",
        "provider=corp&provider=partner",
    ] {
        browser.go(&format!("/auth/login?{link}")).assert_refused(400, "login.parameter_unusable");
    }
    //
    for link in
        ["provider=evil", "provider=", "iss=https%3A%2F%2Fevil.example", "iss=https%3A%2F%2Fop.partner.example%2F"]
    {
        browser.go(&format!("/auth/login?{link}")).assert_refused(400, "login.unknown_provider");
    }
    assert_eq!((browser.logins_under_way().len(), world.sent.borrow().len()), (0, 0));
}

#[test]
fn only_a_persons_navigation_starts_a_login() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let site = |site: &str, mode: &str, dest: &str| {
        Asked::new("GET", "/auth/login")
            .with("sec-fetch-site", site)
            .with("sec-fetch-mode", mode)
            .with("sec-fetch-dest", dest)
    };
    for asked in [
        site("cross-site", "no-cors", "image"),
        site("cross-site", "navigate", "iframe"),
        site("same-origin", "navigate", "iframe"),
        site("same-origin", "cors", "empty"),
        Asked::new("GET", "/auth/login").with("accept", "application/json"),
        Asked::new("GET", "/auth/login"),
    ] {
        browser.send(&asked).assert_refused(403, "login.not_a_navigation");
    }
    browser.send(&Asked::new("POST", "/auth/login")).assert_refused(405, "route.method_not_allowed");
    assert_eq!((browser.logins_under_way().len(), world.sent.borrow().len()), (0, 0));
    // An older browser sends no Fetch Metadata.
    let old = browser.send(&Asked::new("GET", "/auth/login").with("accept", "text/html,*/*;q=0.8"));
    assert_eq!(old.event["reason"], "login.started");
}

#[test]
fn whom_to_sign_in_with_is_asked_where_there_are_several() {
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway);
    let chooser = browser.go("/auth/login?return_to=%2Fapp%2Fa%3Fb%3Dc&login_hint=x%22%3E%3Cscript%3E");
    assert_eq!(
        (chooser.event["reason"].as_str(), chooser.event["outcome"].as_str()),
        (Some("login.chooser"), Some("allow"))
    );
    let body = &chooser.reply().body;
    assert!(!body.contains("<script"), "{body}");
    for id in ["corp", "partner"] {
        let link =
            format!("/auth/login?provider={id}&amp;return_to=%2Fapp%2Fa%3Fb%3Dc&amp;login_hint=x%22%3E%3Cscript%3E");
        assert!(body.contains(&link), "{body}");
    }
    assert!(browser.begin("provider=partner").starts_with(PARTNER));
    assert!(browser.begin("iss=https%3A%2F%2Fop.partner.example").starts_with(PARTNER));
}

#[test]
fn a_login_ends_where_it_began_and_nowhere_else() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    for (link, end) in [
        ("return_to=%2Fapp%2Fa%3Fb%3D%2522%23c", "/app/a?b=%22#c"),
        ("target_link_uri=https%3A%2F%2Fapp.example.com%2Fapp", "/app"),
        ("target_link_uri=https%3A%2F%2Fapp.example.com", "/"),
        ("", "/"),
        ("return_to=https%3A%2F%2Fevil.example", "/"),
        ("return_to=%2F%2Fevil.example", "/"),
        ("return_to=%2F%09%2Fevil.example", "/"),
        ("return_to=%2F%5Cevil.example", "/"),
        ("return_to=%2F.%2F%2Fevil.example", "/"),
        ("return_to=javascript%3Aalert(1)", "/"),
        ("return_to=%2Fauth%2Flogout", "/"),
        ("target_link_uri=https%3A%2F%2Fapp.example.com.evil.example%2F", "/"),
        ("target_link_uri=https%3A%2F%2Fapp.example.com%40evil.example%2F", "/"),
        ("target_link_uri=%2F%2Fevil.example", "/"),
    ] {
        let finished = Browser::new(&world, &gateway).login_at(&world.corp, link);
        let body = &finished.reply().body;
        assert!(body.contains(&format!("content=\"0;url={end}\"")), "{link}: {body}");
    }
}

#[test]
fn a_link_too_long_to_be_kept_still_signs_in() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let path = format!("%2Fapp%2F{}", "%22".repeat(9000));
    let acr = "a+".repeat(250);
    let finished = Browser::new(&world, &gateway).login_at(&world.corp, &format!("return_to={path}&acr_values={acr}"));
    finished.assert_refused(400, "id_token.acr_unsatisfied");
    let finished = Browser::new(&world, &gateway).login_at(&world.corp, &format!("return_to={path}"));
    assert!(finished.reply().body.contains("content=\"0;url=/\""), "{}", finished.reply().body);
}

#[test]
fn several_tabs_sign_in_in_any_order() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let mut responses: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|tab| world.corp.authorize(&browser.begin(&format!("return_to=%2Fapp%2F{tab}"))))
        .collect();
    assert_eq!(browser.logins_under_way().len(), 3);
    responses.reverse();
    for (response, tab) in responses.iter().zip(["c", "b", "a"]) {
        let finished = browser.come_back(response);
        assert!(finished.reply().body.contains(&format!("/app/{tab}")), "{tab}");
    }
    assert_eq!(browser.logins_under_way().len(), 0);
    assert_eq!(browser.send(&Asked::script("GET", "/auth/me")).json()["subject"], "alice");
}

#[test]
fn a_browser_has_four_logins_under_way_and_the_oldest_makes_room() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let responses: Vec<_> = (0..6)
        .map(|_| {
            world.wait(1);
            let response = world.corp.authorize(&browser.begin(""));
            assert!(browser.logins_under_way().len() <= 4);
            response
        })
        .collect();
    for dropped in &responses[..2] {
        browser.come_back(dropped).assert_refused(400, "callback.no_transaction");
    }
    for kept in &responses[2..] {
        assert_eq!(browser.come_back(kept).event["reason"], "login.succeeded");
    }
}

#[test]
fn what_is_over_or_was_never_ours_is_cleared_away_when_a_login_begins() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    browser.begin("");
    browser.plant("__Host-postern-login-0000", "forged");
    world.wait(600);
    browser.begin("");
    assert_eq!(browser.logins_under_way().len(), 1);
}

#[test]
fn a_strict_cookie_that_stayed_behind_is_fetched_before_anybody_signs_in_again() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let bounced = browser.send(&Asked::from_elsewhere("/app/a?b=1&c=2"));
    assert_eq!((bounced.reply().status.as_u16(), bounced.event["outcome"].as_str()), (200, Some("redirect")));
    assert!(bounced.reply().body.contains("content=\"0;url=/app/a?b=1&amp;c=2\""), "{}", bounced.reply().body);
    browser.go("/app/a?b=1&c=2").forwarded();

    let stranger = Browser::new(&world, &gateway);
    assert_eq!(stranger.send(&Asked::from_elsewhere("/app/a")).reply().status.as_u16(), 200);
    assert_eq!(stranger.go("/app/a").reply().status.as_u16(), 302);
    // A login begun from elsewhere takes the same round, so that the session it replaces is known.
    let login = stranger.send(&Asked::from_elsewhere("/auth/login"));
    assert_eq!(login.event["reason"], "login.bounced");
    assert_eq!(stranger.logins_under_way().len(), 0);
}

#[test]
fn a_lax_cookie_comes_along_and_nothing_is_bounced() {
    let mut variables = variables();
    variables["SESSION"] = json!({ "same_site": "lax" });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::from_elsewhere("/app/a")).forwarded();
    let stranger = Browser::new(&world, &gateway).send(&Asked::from_elsewhere("/app/a"));
    assert_eq!(stranger.reply().status.as_u16(), 302);
}

#[test]
fn state_nonce_and_verifier_are_new_for_every_login() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let sent = query(&Browser::new(&world, &gateway).begin(""));
        for name in ["state", "nonce", "code_challenge"] {
            assert!(sent[name].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            assert!(seen.insert(sent[name].clone()), "{name} stood before");
        }
    }
}

#[test]
fn the_address_comes_from_the_configuration_and_never_from_the_request() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let asked = Asked::navigation("/auth/login")
        .with("host", "evil.example")
        .with("x-forwarded-host", "evil.example")
        .with("forwarded", "host=evil.example");
    let sent = query(&browser.send(&asked).location());
    assert_eq!(sent["redirect_uri"], format!("{ORIGIN}/auth/callback/corp"));
}
