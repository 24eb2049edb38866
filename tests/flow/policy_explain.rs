//! Why something was decided, or would be, where policies decide: and who may know it.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::management::managed;
use super::management_policies::{READ, bring, post, root, support, with_roles};
use super::policies::publish;
use super::policy_names::named;
use crate::support::{Asked, Browser, World, gateway};

/// Where decisions are kept, and one route asks for a relation.
fn explaining() -> Gateway {
    let mut variables = managed();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["DECISIONS"] = json!({ "keep": "1h" });
    variables["RELATIONS"] = json!({ "document": { "viewer": "[user]" } });
    variables["ROUTES"]["/documents/{id}"] =
        json!({ "upstream": "service:API", "require": { "relations": ["document:{id}#viewer"] } });
    variables["ROUTES"]["/orders/{id}"] = json!({ "upstream": "service:API", "policy": true });
    gateway(&variables)
}

/// What of decisions somebody may do who may do only this.
fn granted(actions: &str) -> String {
    format!(r#"@id("some") permit(principal in Role::"support", action in [{actions}], resource);"#)
}

fn told(event: &Value) -> [&str; 3] {
    ["action", "target", "reason"].map(|name| event[name].as_str().unwrap_or_default())
}

#[test]
fn the_page_that_explains_tells_each_only_what_the_api_would_tell_them() {
    let explain = r#"Action::"decisions.explain""#;
    let (read, suppose) = (r#"Action::"decisions.read""#, r#"Action::"decisions.suppose""#);
    let supposed = "?request=GET+%2Fadmin%2Fkeys&by=provider%3Acorp&claims=%7B%22sub%22%3A%22alice%22%7D";
    let no = "admin.not_an_administrator";
    for (actions, may_read, may_suppose) in [
        (explain.to_owned(), false, false),
        (format!("{explain}, {read}"), true, false),
        (format!("{explain}, {suppose}"), false, true),
        (format!("{explain}, {read}, {suppose}"), true, true),
    ] {
        let (world, gateway) = (World::new(), explaining());
        publish(&world, 1, &granted(&actions), None);
        let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
        let refused = alice.send(&Asked::script("GET", "/admin/keys")).event;
        let (support, id) = (support(&world, &gateway), refused["request_id"].as_str().unwrap());
        assert_eq!(support.go("/auth/admin/explain").reply().status.as_u16(), 200, "{actions}");

        let answered = support.go(&format!("/auth/admin/explain?id={id}"));
        let by_api = support.send(&Asked::script("GET", &format!("/auth/admin/decisions/{id}")));
        if may_read {
            assert!(answered.reply().body.contains("These scopes were not granted."), "{actions}");
            let target = format!("{id} corp|alice");
            assert_eq!(told(&answered.event), ["decisions.read", &target, "admin.done"]);
            assert_eq!(told(&by_api.event), ["decisions.read", &target, "admin.done"]);
        } else {
            answered.assert_refused(403, no);
            assert_eq!(told(&answered.event), ["decisions.read", id, no]);
            assert_eq!(
                (by_api.event["action"].as_str(), by_api.event["reason"].as_str()),
                (Some("decisions.read"), Some(no))
            );
        }

        let answered = support.go(&format!("/auth/admin/explain{supposed}"));
        let who = json!({ "provider": "corp", "claims": { "sub": "alice" } });
        let order = json!({ "who": who, "request": "GET /admin/keys" });
        let by_api = post(&support, "/auth/admin/explain", &order);
        if may_suppose {
            assert!(answered.reply().body.contains("Would be refused"), "{actions}");
            let expected = ["decisions.suppose", "corp|alice GET /admin/keys", "admin.done"];
            assert_eq!((told(&answered.event), told(&by_api.event)), (expected, expected));
        } else {
            answered.assert_refused(403, no);
            by_api.assert_refused(403, no);
            assert_eq!(
                (&answered.event["action"], &by_api.event["action"]),
                (&json!("decisions.suppose"), &json!("decisions.suppose"))
            );
        }
    }
}

#[test]
fn who_may_read_decisions_and_not_see_the_page_gets_no_page() {
    let (world, gateway) = (World::new(), explaining());
    publish(&world, 1, &granted(r#"Action::"decisions.read", Action::"decisions.suppose""#), None);
    let support = support(&world, &gateway);
    for query in ["", "?id=99b3b75e830b70503346", "?request=GET+%2F&by=nobody"] {
        let answered = support.go(&format!("/auth/admin/explain{query}"));
        answered.assert_refused(403, "admin.not_an_administrator");
        assert_eq!(answered.event["action"], "decisions.explain");
    }
}

#[test]
fn whether_a_relation_holds_is_told_to_those_alone_who_may_ask_about_relations() {
    let who = json!({ "provider": "corp", "claims": { "sub": "alice" } });
    let order = json!({ "who": who, "request": "GET /documents/7" });
    let suppose = r#"Action::"decisions.suppose""#;
    for (actions, status) in [(suppose.to_owned(), 403), (format!(r#"{suppose}, Action::"relations.check""#), 200)] {
        let (world, gateway) = (World::new(), explaining());
        publish(&world, 1, &granted(&actions), None);
        let support = support(&world, &gateway);
        let answered = post(&support, "/auth/admin/explain", &order);
        assert_eq!(answered.reply().status.as_u16(), status, "{}", answered.event);
        let action = if status == 403 { "relations.check" } else { "decisions.suppose" };
        assert_eq!(answered.event["action"], action);
        // Where nothing is asked of relations, nothing is told of any.
        let nobody = json!({ "who": "nobody", "request": "GET /documents/7" });
        assert_eq!(post(&support, "/auth/admin/explain", &nobody).reply().status.as_u16(), 200);
    }
}

#[test]
fn the_event_says_which_version_was_looked_at() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let live = bring(&root, READ, "live").json()["pointer"]["live"].as_str().unwrap().to_owned();
    let event = root.send(&Asked::script("GET", &format!("/auth/admin/policies/{live}"))).event;
    assert_eq!(event["target"], live.as_str());
}

#[test]
fn what_would_be_decided_asks_the_policies_too() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let suppose = || {
        let who = json!({ "provider": "corp", "claims": { "sub": "alice" } });
        post(&root, "/auth/admin/explain", &json!({ "who": who, "request": "GET /orders/7" })).json()
    };
    assert_eq!((&suppose()["outcome"], &suppose()["reason"]), (&json!("deny"), &json!("policy.none_loaded")));
    let version = publish(&world, 1, READ, None);
    world.wait(10);
    let supposed = suppose();
    assert_eq!((&supposed["outcome"], &supposed["reason"]), (&json!("allow"), &json!("policy.permitted")));
    assert_eq!((&supposed["policies"], &supposed["policy_version"]), (&json!(["read"]), &json!(version.as_str())));
}

#[test]
fn what_comes_near_is_told_with_the_condition_that_fails() {
    let (world, gateway) = (World::new(), explaining());
    let policies = r#"
@id("sales") permit(principal, action in Action::"read", resource in Route::"/orders/{id}")
when { principal.scopes.contains("openid") && resource.getTag("id") == "8" }
unless { context has country };
@id("editors") permit(principal in Role::"editor", action, resource);
@id("writes") permit(principal, action in Action::"write", resource);
@id("support") permit(principal in Role::"support", action in
    [Action::"decisions.suppose", Action::"decisions.explain"], resource);
@id("elsewhere") permit(principal in Role::"editor", action, resource in Route::"/elsewhere");
@id("never") forbid(principal in Role::"editor", action, resource);"#
        .replace(r#"resource.getTag("id") == "8""#, r#"resource.hasTag("id") && resource.getTag("id") == "8""#);
    publish(&world, 1, &policies, None);
    let who = json!({ "provider": "corp", "claims": { "sub": "alice" }, "scopes": ["openid"] });
    let order = |context: Value| json!({ "who": who, "request": "GET /orders/7", "context": context });
    let root = root(&world, &gateway);
    let told = post(&root, "/auth/admin/explain", &order(json!({}))).json();
    let near = |policy: &str, line: u32, column: u32, condition: Value| json!({ "policy": policy, "line": line, "column": column, "condition": condition });
    let (sales, editors) = (r#"resource.getTag("id") == "8""#, r#"principal in Role::"editor""#);
    let expected = json!([near("sales", 3, 72, json!(sales)), near("editors", 5, 1, json!(editors))]);
    assert_eq!((&told["reason"], &told["nearest"]), (&json!("policy.nothing_permits"), &expected));
    let order = json!({ "who": who, "request": "GET /orders/8", "context": { "country": "DE" } });
    let told = post(&root, "/auth/admin/explain", &order).json();
    assert_eq!(told["nearest"][0]["condition"], "unless { context has country }");
    let query = "?request=GET+%2Forders%2F7&by=provider%3Acorp&scopes=openid";
    let page = root.go(&format!("/auth/admin/explain{query}"));
    assert!(page.reply().body.contains("Policies that come near") && page.reply().body.contains("&quot;8&quot;"));
    // The text of policies is for those who may read them.
    let support = support(&world, &gateway);
    let told = post(&support, "/auth/admin/explain", &order).json();
    assert_eq!(told["nearest"][0], near("sales", 4, 1, Value::Null));
    assert!(!support.go(&format!("/auth/admin/explain{query}")).reply().body.contains("&quot;8&quot;"));
}

#[test]
fn no_more_policies_come_near_than_anybody_reads() {
    let (world, gateway) = (World::new(), explaining());
    let one = |at: u32| format!("@id(\"p{at}\") permit(principal in Role::\"r{at}\", action, resource);\n");
    publish(&world, 1, &(0..9).map(one).collect::<String>(), None);
    let who = json!({ "provider": "corp", "claims": { "sub": "alice" } });
    let order = json!({ "who": who, "request": "GET /orders/7" });
    let told = post(&root(&world, &gateway), "/auth/admin/explain", &order).json();
    assert_eq!(told["nearest"].as_array().map(Vec::len), Some(5), "{told}");
}

#[test]
fn the_relations_that_hold_are_told() {
    let (world, gateway) = (World::new(), named());
    publish(&world, 1, r#"permit(principal, action, resource);"#, None);
    let root = root(&world, &gateway);
    let tuple = json!({ "add": ["document:7#owner@user:corp|alice"] });
    assert_eq!(post(&root, "/auth/admin/relations", &tuple).reply().status.as_u16(), 200);
    let who = json!({ "provider": "corp", "claims": { "sub": "alice" } });
    let told = post(&root, "/auth/admin/explain", &json!({ "who": who, "request": "GET /documents/7/a" })).json();
    assert_eq!((&told["outcome"], &told["facts"]), (&json!("allow"), &json!(["document:{id}#owner"])));
}

#[test]
fn what_would_be_decided_may_be_asked_of_another_time_and_place() {
    let mut variables = managed();
    variables["ROUTES"]["/orders/{id}"] = json!({ "upstream": "service:API", "policy": true });
    let (world, gateway) = (World::new(), gateway(&variables));
    let office = r#"@id("office") permit(principal, action, resource) when {
        context.utc.hour == 10 && context has address && context.address.isInRange(ip("203.0.113.0/24")) &&
        context has tls && context.tls.version == "TLSv1.3" && context has certificate.subject };"#;
    publish(&world, 1, office, None);
    let root = root(&world, &gateway);
    let ask = |context: &Value| {
        let who = json!({ "provider": "corp", "claims": { "sub": "alice" } });
        post(&root, "/auth/admin/explain", &json!({ "who": who, "request": "GET /orders/7", "context": context }))
    };
    let office = json!({
        "time": "2026-11-23T10:00:00Z", "address": "203.0.113.7", "user_agent": "x",
        "tls": { "version": "TLSv1.3", "cipher": "AEAD-AES128-GCM-SHA256" },
        "certificate": { "sha256": "ab".repeat(32), "subject": "CN=laptop-7" },
    });
    assert_eq!(ask(&office).json()["outcome"], "allow");
    for (name, other) in [
        ("time", json!("2026-11-23T11:00:00Z")),
        ("address", json!("192.0.2.1")),
        ("tls", json!(null)),
        ("certificate", json!("ab".repeat(32))),
    ] {
        let mut elsewhere = office.clone();
        elsewhere[name] = other;
        assert_eq!(ask(&elsewhere).json()["reason"], "policy.nothing_permits", "{name}");
    }
    assert_eq!(ask(&json!({})).json()["reason"], "policy.nothing_permits");
    for unreadable in [json!({ "adress": "203.0.113.7" }), json!({ "time": "noon" }), json!([]), json!("x")] {
        assert_eq!(ask(&unreadable).reply().status.as_u16(), 422, "{unreadable}");
    }
}
