//! Why: of decisions that were made, and of those that would be.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::management::managed;
use crate::support::{Asked, Browser, World, gateway};

fn keeping(of: &str) -> Gateway {
    let mut variables = managed();
    variables["DECISIONS"] = json!({ "keep": "1h", "of": of });
    gateway(&variables)
}

fn root<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    Browser::new(world, gateway).signed_in_as("root", "root")
}

fn recall(root: &Browser<'_>, id: &str) -> crate::support::Answered {
    root.send(&Asked::script("GET", &format!("/auth/admin/decisions/{id}")))
}

fn suppose(root: &Browser<'_>, order: &Value) -> crate::support::Answered {
    let asked = Asked::script("POST", "/auth/admin/explain").with("content-type", "application/json");
    root.send(&asked.with_body(Ok(&order.to_string())))
}

fn id(event: &Value) -> String {
    event["request_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_refusal_is_explained_by_the_id_that_the_caller_saw_for_as_long_as_it_is_kept() {
    let (world, gateway) = (World::new(), keeping("refused"));
    let (root, alice) = (root(&world, &gateway), Browser::new(&world, &gateway).signed_in_as("alice", "alice"));
    let refused = alice.send(&Asked::script("GET", "/admin/keys"));
    let shown = refused.json()["request_id"].as_str().unwrap().to_owned();
    let explained = recall(&root, &shown).json();
    assert_eq!(explained["decision"], refused.event, "what the log had, and no other");
    assert_eq!(explained["because"], "These scopes were not granted.");
    assert_eq!(explained["decision"]["detail"], "admin");
    world.wait(3599);
    assert_eq!(recall(&root, &shown).reply().status.as_u16(), 200);
    world.wait(1);
    let root = Browser::new(&world, &gateway).signed_in_as("root", "root");
    recall(&root, &shown).assert_refused(404, "decision.unknown");
}

#[test]
fn decisions_that_allow_are_kept_only_where_that_is_said() {
    for (of, status) in [("refused", 404), ("all", 200)] {
        let (world, gateway) = (World::new(), keeping(of));
        let root = root(&world, &gateway);
        let allowed = root.send(&Asked::script("GET", "/api/orders")).event;
        assert_eq!(recall(&root, &id(&allowed)).reply().status.as_u16(), status, "{of}");
        // Pages of ours decide nothing.
        let health = root.send(&Asked::script("GET", "/auth/health")).event;
        recall(&root, &id(&health)).assert_refused(404, "decision.unknown");
    }
}

#[test]
fn without_the_table_nothing_is_kept_and_what_is_no_id_is_never_looked_for() {
    let (world, plain) = (World::new(), gateway(&managed()));
    let browser = root(&world, &plain);
    let refused = browser.send(&Asked::script("GET", "/nowhere")).event;
    assert!(world.decisions.borrow().is_empty());
    recall(&browser, &id(&refused)).assert_refused(404, "decision.unknown");
    let keeping = keeping("refused");
    let browser = root(&world, &keeping);
    for bad in ["x", "99B3B75E830B70503346", "99b3b75e830b705033460", "99b3b75e830b70503%33"] {
        let answered = recall(&browser, bad);
        assert!([400, 404].contains(&answered.reply().status.as_u16()), "{bad}");
    }
}

#[test]
fn what_would_be_decided_is_what_is_decided() {
    let (world, gateway) = (World::new(), gateway(&managed()));
    let root = root(&world, &gateway);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    let who = json!({ "provider": "corp", "claims": { "sub": "alice" }, "scopes": ["openid", "orders:read"] });
    for (method, path) in [("GET", "/api/a"), ("GET", "/admin/keys"), ("GET", "/nowhere"), ("POST", "/"), ("GET", "/")]
    {
        let event = alice.send(&Asked::script(method, path)).event;
        let supposed = suppose(&root, &json!({ "who": who, "request": format!("{method} {path}") })).json();
        assert_eq!((&supposed["outcome"], &supposed["reason"]), (&event["outcome"], &event["reason"]), "{path}");
        assert_eq!(supposed["route"], event.get("route").cloned().unwrap_or_default(), "{path}");
    }
    let nobody = suppose(&root, &json!({ "who": "nobody", "request": "GET /api/a" })).json();
    assert_eq!((&nobody["outcome"], &nobody["reason"]), (&json!("401"), &json!("authn.no_credential")));
}

#[test]
fn the_page_answers_what_the_api_does() {
    let (world, gateway) = (World::new(), keeping("refused"));
    let root = root(&world, &gateway);
    let page = |query: &str| root.go(&format!("/auth/admin/explain{query}")).reply().body.clone();
    assert!(page("").contains("What would be decided") && !page("").contains("class=\"answer\""));
    let ask = |more: &str| page(&format!("?request=GET+%2Fadmin%2Fkeys&by=provider%3Acorp&claims={more}"));
    let refused = ask("%7B%22sub%22%3A%22alice%22%7D&scopes=openid");
    assert!(refused.contains("Would be refused") && refused.contains("not met"), "{refused}");
    assert!(ask("&scopes=admin+openid").contains("Would be let through"));
    assert!(ask("%7B").contains("claims: not json"));
    assert!(page("?request=GET+%2Fapi%2Fa&by=nobody").contains("Would have to sign in first"));
    let event = root.send(&Asked::script("GET", "/admin/keys")).event;
    assert!(page(&format!("?id={}", id(&event))).contains("These scopes were not granted"));
    assert!(page("?id=99b3b75e830b70503346").contains("No decision of this number is kept"));
    root.send(&Asked::navigation("/auth/admin/explain?who=me")).assert_refused(400, "request.bad_input");
}

#[test]
fn a_person_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back_to_the_page() {
    let (world, gateway) = (World::new(), gateway(&managed()));
    let answered = Browser::new(&world, &gateway).go("/auth/admin/explain?id=99b3b75e830b70503346");
    assert_eq!((answered.reply().status.as_u16(), &answered.event["outcome"]), (302, &json!("redirect")));
    assert!(
        answered.location().starts_with("/auth/login?return_to=%2Fauth%2Fadmin%2Fexplain"),
        "{}",
        answered.location()
    );
}

#[test]
fn a_second_factor_may_be_supposed_for_a_person_and_for_nobody_else() {
    //
    let mut variables = managed();
    variables["SECOND"] = json!({});
    variables["ROUTES"]["/pay"] = json!({ "upstream": "service:API", "require": { "second": "15m" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    let ask = |who: Value| suppose(&root, &json!({ "who": who, "request": "GET /pay" }));
    for (more, outcome, reason) in [
        (json!({}), "step_up", "authz.second_missing"),
        (json!({ "second": "15m" }), "allow", "authz.requirements_met"),
        (json!({ "second": "5m", "second_by": "passkey" }), "allow", "authz.requirements_met"),
        (json!({ "second": "16m" }), "step_up", "authz.second_too_old"),
        (json!({ "second": "5m", "second_by": "recovery" }), "step_up", "authz.second_missing"),
    ] {
        let mut who = json!({ "provider": "corp" });
        who.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let supposed = ask(who).json();
        assert_eq!((&supposed["outcome"], &supposed["reason"]), (&json!(outcome), &json!(reason)), "{more}");
        let met = outcome == "allow";
        let reason = if met { Value::Null } else { json!(reason) };
        let told = json!([{ "name": "second", "met": met, "reason": reason, "detail": null }]);
        assert_eq!(supposed["requirements"], told, "{more}");
    }
    for bad in [
        json!({ "provider": "corp", "second": "soon" }),
        json!({ "provider": "corp", "second": "5m", "second_by": "sms" }),
        json!({ "provider": "corp", "second_by": "totp" }),
        json!({ "issuer": "machines", "second": "5m" }),
        json!({ "provider": "corp", "agent": "https://agent.example", "second": "5m" }),
    ] {
        assert_eq!(ask(bad.clone()).reply().status, 422, "{bad}");
    }
    let page = root.go("/auth/admin/explain?request=GET+%2Fpay&by=provider%3Acorp&second=5m").reply().body.clone();
    assert!(page.contains("Would be let through") && page.contains("value=\"5m\""), "{page}");
}

#[test]
fn each_requirement_is_told_by_itself() {
    let mut variables = managed();
    variables["ROUTES"]["/strict"] = json!({
        "upstream": "service:API",
        "require": { "providers": ["corp"], "scopes": ["orders:read", "admin"], "max_age": "5m" },
    });
    let (world, gateway) = (World::new(), gateway(&variables));
    let who = json!({ "provider": "corp", "scopes": ["orders:read"], "signed_in": "1h" });
    let supposed = suppose(&root(&world, &gateway), &json!({ "who": who, "request": "GET /strict" })).json();
    assert_eq!(supposed["reason"], "authz.insufficient_scope");
    let expected = json!([
        { "name": "providers, issuers, certificates", "met": true, "reason": null, "detail": null },
        { "name": "scopes", "met": false, "reason": "authz.insufficient_scope", "detail": "admin" },
        { "name": "acr, max_age", "met": false, "reason": "authz.authentication_too_old", "detail": null },
    ]);
    assert_eq!(supposed["requirements"], expected);
}

#[test]
fn a_question_that_cannot_be_read_is_answered_with_what_was_expected() {
    let (world, gateway) = (World::new(), gateway(&managed()));
    let root = root(&world, &gateway);
    for (who, request, expected) in [
        (json!({ "provider": "nobody" }), "GET /", "there is no provider `nobody`"),
        (json!({}), "GET /", "expected one of `provider`, `issuer`, `key`, `certificate`"),
        (json!({ "provider": "corp", "claim": {} }), "GET /", "who: unknown field `claim`"),
        (json!({ "provider": "corp", "signed_in": "long ago" }), "GET /", "`signed_in`"),
        (json!({ "provider": "corp" }), "/", "expected a request such as"),
    ] {
        let answered = suppose(&root, &json!({ "who": who, "request": request }));
        assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (422, &json!("admin.unacceptable")));
        let problem = answered.json()["problems"][0].as_str().unwrap().to_owned();
        assert!(problem.starts_with(expected), "{problem}");
    }
    let supposed = json!({ "who": { "provider": "corp" }, "request": "GET /", "context": { "adress": "192.0.2.1" } });
    let problem = suppose(&root, &supposed).json()["problems"][0].as_str().unwrap().to_owned();
    assert!(problem.starts_with("context: unknown field `adress`"), "{problem}");
    for order in [json!({ "who": "alice", "request": "GET /" }), json!({ "who": {} }), json!({ "request": "GET /" })] {
        suppose(&root, &order).assert_refused(400, "request.bad_input");
    }
}
