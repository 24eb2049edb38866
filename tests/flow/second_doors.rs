//! Routes that ask for a second factor of ours: people are sent to prove one, programs are told, and nothing else counts.

use serde_json::{Value, json};

use super::agents::granted;
use super::assertion::{published, verified};
use super::bearer::token;
use super::policies::publish;
use super::second::{code, enrolled, form};
use super::sender::challenges;
use super::verify::forwarded;
use crate::support::{Answered, Asked, Browser, ORIGIN, PARTNER, World, gateway, variables};

const VERIFY: &str = "/auth/second/verify";
/// What `/pay` asks for.
const LATEST: i64 = 15 * 60;

/// Routes that ask for one, and one that asks the policies.
fn deployment() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["SECOND"] = json!({});
    variables["VERIFY"] = json!({});
    variables["ISSUERS"] = json!({ "machines": { "issuer": PARTNER, "audience": "https://api.example.com", "algs": ["ES256"], "roles": ["roles"] } });
    let route = |more: Value| {
        let mut route = json!({ "upstream": "service:API" });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    let all = [
        ("/pay/{*rest}", json!({ "require": { "second": "15m" } })),
        ("/both", json!({ "require": { "second": "15m", "acr": ["gold"] } })),
        ("/scoped", json!({ "require": { "second": "15m", "scopes": ["admin"] } })),
        ("/either", json!({ "authenticate": ["session", "bearer"] })),
        ("/assistant", json!({ "authenticate": ["session", "agent"], "require": { "second": "15m" } })),
        ("/agent", json!({ "authenticate": ["session", "agent"] })),
        ("/asked", json!({ "policy": true })),
        (
            "/told",
            json!({ "token": "assertion", "headers": { "x-second": "second_by", "x-at": "second_at", "x-amr": "amr" } }),
        ),
    ];
    for (pattern, more) in all {
        variables["ROUTES"][pattern] = route(more);
    }
    variables
}

fn for_admins() -> Value {
    let mut variables = deployment();
    variables["SECOND"] = json!({ "required_for": { "roles": ["admin"] } });
    variables["KEYS"] = json!({ "self_service": { "scopes": ["orders:read"] } });
    variables["ADMIN"] = json!({ "principals": ["corp|alice"] });
    variables
}

/// Alice, whose provider says so of her.
fn alice<'w>(world: &'w World, gateway: &'w postern::gateway::Gateway, claims: Value) -> Browser<'w> {
    world.corp.bend_claims(move |all| {
        all["sub"] = "alice".into();
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    });
    Browser::new(world, gateway).signed_in()
}

#[track_caller]
fn sent_to(answered: &Answered, reason: &str) -> String {
    assert_eq!((&answered.event["outcome"], &answered.event["reason"]), (&json!("redirect"), &json!(reason)));
    answered.location()
}

#[test]
fn a_person_is_sent_to_prove_one_and_passes_for_as_long_as_the_route_says() {
    // R-337, R-338
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = alice(&world, &gateway, json!({}));
    let link = format!("{VERIFY}?return_to=%2Fpay%2Fa%3Fb%3Dc");
    // Right after the sign-in too: that is no reason to think that a proof would not help.
    assert_eq!(sent_to(&browser.go("/pay/a?b=c"), "authz.second_missing"), link);
    for by in [json!("totp"), json!({ "passkey": { "synced": true } })] {
        world.has_proven("alice", Some((&by, LATEST)));
        browser.go("/pay/a?b=c").forwarded();
        world.has_proven("alice", Some((&by, LATEST + 1)));
        assert_eq!(sent_to(&browser.go("/pay/a?b=c"), "authz.second_too_old"), link);
    }
    browser.go("/app/a").forwarded();
}

#[test]
fn nothing_else_counts_for_one() {
    // R-181, R-342
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let said = json!({ "acr": "urn:postern:second", "amr": ["otp", "hwk", "mfa"] });
    let browser = alice(&world, &gateway, said);
    sent_to(&browser.go("/pay/a"), "authz.second_missing");
    world.has_proven("alice", Some((&json!("recovery"), 0)));
    sent_to(&browser.go("/pay/a"), "authz.second_missing");
}

#[test]
fn a_script_is_told_what_to_ask_for_and_where() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = alice(&world, &gateway, json!({}));
    let refused = browser.send(&Asked::script("GET", "/pay/a"));
    refused.assert_refused(401, "authz.second_missing");
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:postern:problem:second-factor-required");
    assert_eq!((&problem["acr_values"], &problem["max_age"]), (&json!("urn:postern:second"), &json!(900)));
    assert_eq!((&problem["verify_url"], problem.get("login_url")), (&json!(VERIFY), None));
    let expected = format!(
        r#"Cookie realm="postern", form-action="{VERIFY}", cookie-name="__Host-postern", error="insufficient_user_authentication", acr_values="urn:postern:second", max_age="900""#
    );
    assert_eq!(challenges(&refused), [expected]);
    // Nobody is sent there for what it would not mend.
    browser.go("/scoped").assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn a_better_sign_in_comes_first_for_it_begins_the_session_anew() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = alice(&world, &gateway, json!({ "acr": "silver" }));
    assert!(sent_to(&browser.go("/both"), "authz.acr_not_accepted").starts_with("/auth/login?provider=corp"));
    let browser = alice(&world, &gateway, json!({ "acr": "gold" }));
    assert!(sent_to(&browser.go("/both"), "authz.second_missing").starts_with(VERIFY));
    world.has_proven("alice", Some((&json!("totp"), 0)));
    browser.go("/both").forwarded();
}

#[test]
fn a_form_that_asks_for_one_is_not_lost() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = alice(&world, &gateway, json!({}));
    let refused = browser.send(&Asked::form("/pay/a").with_body(Ok("a=b")));
    refused.assert_refused(401, "authz.second_missing");
    let page = &refused.reply().body;
    let link = format!("{VERIFY}?return_to=%2Fauth%2Fsigned-in");
    assert!(page.contains("Not sent yet") && page.contains("second factor first") && page.contains(&link), "{page}");
}

#[test]
fn another_proxy_is_told_to_send_people_there() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = alice(&world, &gateway, json!({}));
    let answered = browser.send(&forwarded(Asked::navigation("/auth/verify"), "GET", "/pay/a"));
    let link = format!("{ORIGIN}{VERIFY}?return_to=%2Fpay%2Fa");
    assert_eq!((answered.reply().status.as_u16(), answered.location()), (302, link));
}

#[test]
fn people_with_a_role_prove_one_in_each_session_and_others_need_not() {
    let (world, gateway) = (World::new(), gateway(&for_admins()));
    let plain = alice(&world, &gateway, json!({ "roles": ["clerk"] }));
    plain.go("/app/a").forwarded();
    plain.go("/either").forwarded();
    let browser = alice(&world, &gateway, json!({ "roles": ["clerk", "admin"] }));
    for path in ["/app/a", "/api/a", "/either", "/pay/a"] {
        let link = format!("{VERIFY}?return_to={}", path.replace('/', "%2F"));
        assert_eq!(sent_to(&browser.go(path), "authz.second_missing"), link);
        browser.send(&Asked::script("GET", path)).assert_refused(401, "authz.second_missing");
    }
    // What is public, who one is and the way out are open.
    browser.go("/").forwarded();
    assert_eq!(browser.send(&Asked::script("GET", "/auth/me")).reply().status, 200);
    assert_eq!(browser.go("/auth/sessions").reply().status, 200);
    // Long ago will do, in this session.
    world.has_proven("alice", Some((&json!("totp"), 7000)));
    browser.go("/app/a").forwarded();
    sent_to(&browser.go("/pay/a"), "authz.second_too_old");
    let another = alice(&world, &gateway, json!({ "roles": ["admin"] }));
    sent_to(&another.go("/app/a"), "authz.second_missing");
    assert_eq!(another.send(&Asked::form("/auth/logout")).reply().status.as_u16() / 100, 3);
}

#[test]
fn who_is_asked_for_one_proves_it_before_a_program_gets_what_they_have() {
    let (world, gateway) = (World::new(), gateway(&for_admins()));
    let now = world.now.get();
    let browser = alice(&world, &gateway, json!({ "roles": ["admin"], "auth_time": now }));
    let make = |body: &str| {
        let asked = Asked::script("POST", "/auth/keys").with("content-type", "application/json");
        browser.send(&asked.with_body(Ok(body)))
    };
    let order = json!({ "name": "build", "scopes": ["orders:read"], "expires_in_days": 30 }).to_string();
    let refused = make(&order);
    refused.assert_refused(401, "authz.second_missing");
    assert_eq!(refused.json()["verify_url"], VERIFY);
    let form = browser.send(&Asked::form("/auth/keys").with_body(Ok("name=build&scope=orders:read&days=30")));
    assert_eq!(sent_to(&form, "authz.second_missing"), format!("{VERIFY}?return_to=%2Fauth%2Fkeys"));
    world.has_proven("alice", Some((&json!("totp"), 0)));
    assert_eq!(make(&order).reply().status, 201);
}

#[test]
fn a_program_has_none_and_is_not_asked_to_prove_one() {
    // R-345, R-312
    let (world, gateway) = (World::new(), gateway(&for_admins()));
    let browser = alice(&world, &gateway, json!({ "roles": ["clerk"] }));
    world.has_proven("alice", Some((&json!("totp"), 0)));
    browser.go("/assistant").forwarded();
    // An agent of hers is told, so that it can send her; her proof is not its.
    let agent = granted(&browser, "/assistant", |_| ()).token;
    let told = Browser::new(&world, &gateway).send(&Asked::bearing("/assistant", &agent));
    told.assert_refused(401, "authz.second_missing");
    let error = r#"Bearer error="insufficient_user_authentication", acr_values="urn:postern:second", max_age="900""#;
    assert!(challenges(&told)[0].starts_with(error), "{:?}", challenges(&told));
    assert_eq!(told.json().get("verify_url"), None);
    let other = granted(&browser, "/agent", |_| ()).token;
    Browser::new(&world, &gateway).send(&Asked::bearing("/agent", &other)).forwarded();
    // A person's token shows nothing of a factor, and no role passes by it.
    let call = |roles: Value| {
        let token = token(&world, Some("at+jwt"), &json!({ "roles": roles, "acr": "urn:postern:second" }));
        Browser::new(&world, &gateway).send(&Asked::bearing("/either", &token))
    };
    call(json!(["clerk"])).forwarded();
    call(json!(["admin"])).assert_refused(403, "authz.second_missing");
}

const PAYS: &str = r#"permit(principal, action, resource);
    @id("pay") @second("300") forbid(principal, action, resource)
    unless { context has second && context.second.by == "passkey" && context.second.age <= 300 };"#;

#[test]
fn policies_know_of_it_and_send_for_it_once() {
    // R-123
    let (world, gateway) = (World::new(), gateway(&deployment()));
    publish(&world, 1, PAYS, None);
    let browser = alice(&world, &gateway, json!({}));
    let passkey = json!({ "passkey": { "synced": false } });
    let link = format!("{VERIFY}?return_to=%2Fasked");
    assert_eq!(sent_to(&browser.go("/asked"), "authz.second_missing"), link);
    let refused = browser.send(&Asked::script("GET", "/asked"));
    refused.assert_refused(401, "authz.second_missing");
    assert_eq!(refused.json()["max_age"], 300);
    world.has_proven("alice", Some((&passkey, 300)));
    browser.go("/asked").forwarded();
    world.has_proven("alice", Some((&passkey, 301)));
    sent_to(&browser.go("/asked"), "authz.second_too_old");
    // A factor of just now that the policies do not take: another proof would bring nothing new.
    world.has_proven("alice", Some((&json!("totp"), 3)));
    browser.go("/asked").assert_refused(403, "authz.second_too_old");
    world.has_proven("alice", Some((&json!("totp"), 100)));
    sent_to(&browser.go("/asked"), "authz.second_too_old");
    world.has_proven("alice", Some((&json!("recovery"), 0)));
    sent_to(&browser.go("/asked"), "authz.second_missing");
}

#[test]
fn an_upstream_is_told_of_it_beside_the_sign_in() {
    // R-337
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = alice(&world, &gateway, json!({ "acr": "silver", "amr": ["pwd", "user"] }));
    let keys = published(&world, &gateway);
    let told = || {
        let answered = browser.go("/told");
        let headers = answered.forwarded().headers.clone();
        let assertion = verified(headers["x-postern-assertion"].to_str().unwrap(), &keys).unwrap();
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (
            ["acr", "amr", "second_at", "second_by"].map(|name| assertion.get(name).cloned()),
            header("x-second"),
            header("x-at"),
            header("x-amr"),
        )
    };
    let (facts, by, at, amr) = told();
    assert_eq!(facts, [Some(json!("silver")), Some(json!(["pwd", "user"])), None, None]);
    assert_eq!((by, at, amr.as_deref()), (None, None, Some("pwd,user")));
    world.has_proven("alice", Some((&json!({ "passkey": { "synced": false } }), 5)));
    let (facts, by, at, amr) = told();
    let proven_at = world.now.get() - 5;
    let expected = [json!("silver"), json!(["pwd", "user", "hwk"]), json!(proven_at), json!("passkey")];
    assert_eq!(facts, expected.map(Some));
    let expected = (Some("passkey"), Some(proven_at.to_string()), Some("pwd,user,hwk"));
    assert_eq!((by.as_deref(), at, amr.as_deref()), expected);
    world.has_proven("alice", Some((&json!("recovery"), 0)));
    assert_eq!(told().0, [Some(json!("silver")), Some(json!(["pwd", "user"])), None, None]);
}

#[test]
fn the_whole_way_goes_from_a_page_to_the_proof_and_back() {
    // R-338
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let now = world.now.get();
    let browser = alice(&world, &gateway, json!({ "auth_time": now }));
    let (secret, codes) = enrolled(&world, &browser);
    // To add one is a proof of it.
    browser.go("/pay/a?b=c").forwarded();
    world.wait(LATEST + 1);
    let link = sent_to(&browser.go("/pay/a?b=c"), "authz.second_too_old");
    let page = browser.go(&link);
    assert!(page.reply().body.contains("/pay/a?b=c"), "{}", page.reply().body);
    let before = browser.cookie("__Host-postern").unwrap();
    let prove = |path: &str, code: &str| browser.send(&form(path, &[("code", code), ("return_to", "/pay/a?b=c")]));
    let proven = prove("/auth/second/verify/totp", &code(&secret, world.now.get()));
    assert_eq!((proven.reply().status.as_u16(), proven.location()), (303, "/pay/a?b=c".to_owned()), "{}", proven.event);
    browser.go("/pay/a?b=c").forwarded();
    let thief = Browser::new(&world, &gateway);
    thief.plant("__Host-postern", &before);
    thief.send(&Asked::script("GET", "/pay/a")).assert_refused(401, "session.gone");
    // A recovery code leads back too, and opens nothing that asks for a factor (R-342).
    world.wait(LATEST + 1);
    let recovered = prove("/auth/second/verify/recovery", &codes[0]);
    assert_eq!(recovered.reply().status.as_u16() / 100, 3, "{}", recovered.event);
    sent_to(&browser.go("/pay/a?b=c"), "authz.second_missing");
    browser.go("/app/a").forwarded();
}
