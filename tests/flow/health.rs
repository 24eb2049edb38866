//! `/auth/health`, and `/auth/admin/health`: who is told what, and what it takes to be well.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::bearer::with_issuers;
use crate::support::{Answered, Asked, Browser, CORP, Fault, VERIFY_SECRET, World, gateway, two_providers, variables};

fn monitored() -> Value {
    let mut vars = two_providers();
    vars["HEALTH"] = json!({});
    vars["ADMIN"] = json!({ "principals": ["corp|root"] });
    vars["RELATIONS"] = json!({ "document": { "viewer": "[user]" } });
    vars["DECISIONS"] = json!({ "keep": "24h" });
    vars
}

fn ask(world: &World, gateway: &Gateway, authorization: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::new("GET", "/auth/health").with("authorization", authorization))
}

/// Status, status in words, and what is said of each by its name.
fn report(world: &World, gateway: &Gateway) -> (u16, Value) {
    let answered = ask(world, gateway, &format!("Bearer {VERIFY_SECRET}"));
    (answered.reply().status.as_u16(), answered.json())
}

fn of<'a>(report: &'a Value, list: &str, name: &str) -> &'a Value {
    let same = |one: &&Value| one["name"] == name;
    report[list].as_array().unwrap().iter().find(same).unwrap()
}

#[test]
fn the_monitor_learns_the_version_and_how_each_part_is() {
    // R-703
    let (world, gateway) = (World::new(), gateway(&monitored()));
    let (status, report) = report(&world, &gateway);
    assert_eq!((status, &report["status"]), (200, &json!("ok")), "{report}");
    assert_eq!(report["version"], postern::VERSION);
    assert_eq!(report["config"], gateway.config().stamp);
    for name in ["SUBJECTS", "ONCE", "SID_INDEX", "TUPLES", "DECISION_LOG", "POSTERN_CACHE", "API"] {
        assert_eq!(of(&report, "bindings", name)["status"], "ok", "{name}");
    }
    let well = json!({ "name": CORP, "status": "ok", "age": 0, "reason": null, "detail": null });
    assert_eq!(of(&report, "issuers", CORP), &well);
}

#[test]
fn everybody_else_learns_one_word_and_asks_nothing_of_any_store() {
    // R-703, R-156
    let (world, gateway) = (World::new(), gateway(&monitored()));
    world.fault.set(Fault::Sessions);
    let (answered, cost) = world.cost_of(|| Browser::new(&world, &gateway).go("/auth/health"));
    assert_eq!((answered.reply().body.as_str(), cost), (r#"{"status":"ok"}"#, crate::support::Cost::default()));
    for wrong in [
        "Bearer",
        "Bearer ",
        "Bearer x",
        &format!("bearer {VERIFY_SECRET}"),
        VERIFY_SECRET,
        &format!("Bearer {VERIFY_SECRET}x"),
    ] {
        let (answered, cost) = world.cost_of(|| ask(&world, &gateway, wrong));
        answered.assert_refused(401, "health.wrong_secret");
        // RFC 9110 §11.6.1: every 401 names a scheme.
        assert_eq!(answered.reply().headers.get("www-authenticate").unwrap(), r#"Bearer realm="postern""#, "{wrong}");
        assert_eq!(cost, crate::support::Cost::default(), "{wrong}");
    }
    assert!(world.sent.borrow().is_empty(), "an issuer was asked");
}

#[test]
fn without_a_monitor_a_secret_tells_nothing_more() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let answered = ask(&world, &gateway, &format!("Bearer {VERIFY_SECRET}"));
    assert_eq!((answered.reply().status.as_u16(), answered.reply().body.as_str()), (200, r#"{"status":"ok"}"#));
}

#[test]
fn a_store_that_is_missing_or_silent_fails_and_what_only_costs_more_degrades() {
    // R-703
    let gateway = gateway(&monitored());
    for (fault, name, status) in [
        (Fault::Sessions, "SUBJECTS", 503),
        (Fault::Once, "ONCE", 503),
        (Fault::SidIndex, "SID_INDEX", 503),
        (Fault::Tuples, "TUPLES", 503),
        (Fault::Cache, "POSTERN_CACHE", 200),
    ] {
        let world = World::new();
        world.fault.set(fault);
        let (answered, report) = report(&world, &gateway);
        let expected = if status == 503 { "failing" } else { "degraded" };
        assert_eq!((answered, &report["status"]), (status, &json!(expected)), "{fault:?}: {report}");
        assert_eq!(of(&report, "bindings", name)["status"], expected, "{fault:?}");
        assert_eq!(of(&report, "bindings", name)["reason"], "store.unavailable", "{report}");
        assert!(of(&report, "bindings", name)["detail"].is_string(), "{report}");
    }
    for (name, status) in [("SUBJECTS", 503), ("DECISION_LOG", 503), ("POSTERN_CACHE", 200), ("API", 200)] {
        let world = World::new();
        world.unbound.borrow_mut().push(name.to_owned());
        let (answered, report) = report(&world, &gateway);
        assert_eq!(answered, status, "{name}: {report}");
        assert_eq!(of(&report, "bindings", name)["reason"], "binding.missing");
    }
}

#[test]
fn a_load_balancer_sees_503_where_no_request_can_be_served_and_no_name_of_what_is_missing() {
    // R-703
    let mut vars = monitored();
    vars["ROUTES"]["/other/{*rest}"] = json!({ "upstream": "service:OTHER" });
    let gateway = gateway(&vars);
    let answer = |missing: &[&str]| {
        let world = World::new();
        *world.unbound.borrow_mut() = missing.iter().map(|name| (*name).to_owned()).collect();
        let answered = Browser::new(&world, &gateway).go("/auth/health");
        (answered.reply().status.as_u16(), answered.reply().body.clone())
    };
    let ok = (200, r#"{"status":"ok"}"#.to_owned());
    for missing in [&[][..], &["OTHER"], &["POSTERN_CACHE"]] {
        assert_eq!(answer(missing), ok, "{missing:?}");
    }
    for missing in [&["SUBJECTS"][..], &["SID_INDEX"], &["ONCE"], &["TUPLES"]] {
        assert_eq!(answer(missing), (503, r#"{"status":"failing"}"#.to_owned()), "{missing:?}");
    }
}

#[test]
fn an_issuer_that_does_not_answer_is_told_with_its_reason_and_closes_nothing_else() {
    let (world, gateway) = (World::new(), gateway(&monitored()));
    world.corp.go_down();
    let (status, first) = report(&world, &gateway);
    assert_eq!((status, &first["status"]), (200, &json!("degraded")), "{first}");
    assert_eq!(of(&first, "issuers", CORP)["reason"], "provider.unreachable");
    assert_eq!(of(&first, "issuers", CORP)["age"], Value::Null);
    world.corp.recover();
    assert_eq!(report(&world, &gateway).1["status"], "ok");
    // What is here goes on counting while the issuer is gone, and the report tells both.
    world.corp.go_down();
    world.wait(86_400);
    let (_, later) = report(&world, &gateway);
    let corp = of(&later, "issuers", CORP);
    assert_eq!((&corp["age"], &corp["reason"]), (&json!(86_400), &json!("provider.unreachable")), "{later}");
}

#[test]
fn administrators_see_the_same_and_nobody_else_does() {
    // R-703
    let (world, gateway) = (World::new(), gateway(&monitored()));
    world.corp.bend_claims(|claims| claims["sub"] = "root".into());
    let root = Browser::new(&world, &gateway).signed_in();
    let answered = root.send(&Asked::script("GET", "/auth/admin/health"));
    assert_eq!((answered.reply().status.as_u16(), &answered.json()["version"]), (200, &json!(postern::VERSION)));
    assert_eq!(answered.event["action"], "management.health");
    world.corp.bend_claims(|claims| claims["sub"] = "alice".into());
    let alice = Browser::new(&world, &gateway).signed_in();
    alice.send(&Asked::script("GET", "/auth/admin/health")).assert_refused(403, "admin.not_an_administrator");
    let stranger = Browser::new(&world, &gateway);
    let shown = Asked::script("GET", "/auth/admin/health").with("authorization", &format!("Bearer {VERIFY_SECRET}"));
    stranger.send(&shown).assert_refused(401, "authn.no_credential");
}

#[test]
fn issuers_of_access_tokens_are_among_them() {
    let mut vars = with_issuers();
    vars["HEALTH"] = json!({});
    let (world, gateway) = (World::new(), gateway(&vars));
    let (_, report) = report(&world, &gateway);
    assert!(report["issuers"].as_array().unwrap().len() > vars["PROVIDERS"].as_object().unwrap().len(), "{report}");
}
