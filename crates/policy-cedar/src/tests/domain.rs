//! What versions declare beside the schema, and what services ask of it.

use postern::authzen::{AuthzenRequest, Evaluation};
use postern::policy::{Bundle, Cause, Part, PolicyProblem, PolicyVerdict};
use serde_json::{Value, json};

use super::super::PolicySet;
use super::super::testing::{Asking, bundle};

pub(super) const SCHEMA: &str = r#"
    entity person = { department?: String, manager?: person, address?: ipaddr };
    entity folder, document = { owner?: person, tags?: Set<String>, size?: Long, locked?: Bool };
    action "open", "document:read", "document:GET" appliesTo {
        principal: [person, Human], resource: document, context: { network?: ipaddr, action?: { soft?: Bool } },
    };
    namespace acme {
        entity file;
        action "sign" appliesTo { principal: person, resource: file };
    }
"#;

fn parse(schema: &str, policies: &str) -> Result<PolicySet, Vec<PolicyProblem>> {
    let files = [("a.cedarschema", schema), ("a.cedar", policies)];
    PolicySet::parse(&Bundle::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()).unwrap())
}

pub(super) fn evaluation(changes: &Value) -> Evaluation {
    let mut body = json!({
        "subject": { "type": "person", "id": "ann" }, "action": { "name": "open" },
        "resource": { "type": "document", "id": "d1" },
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    match AuthzenRequest::one(&body.to_string()).unwrap() {
        AuthzenRequest::One(one) => *one,
        AuthzenRequest::Many(..) => panic!("{body}"),
    }
}

#[track_caller]
fn verdict(condition: &str, changes: &Value) -> PolicyVerdict {
    let policy = format!("permit(principal is person, action, resource is document) when {{ {condition} }};");
    parse(SCHEMA, &policy).unwrap().evaluate(&evaluation(changes)).verdict
}

#[track_caller]
fn document(condition: &str, properties: Value) -> PolicyVerdict {
    verdict(condition, &json!({ "resource": { "type": "document", "id": "d1", "properties": properties } }))
}

#[test]
fn a_version_declares_types_and_actions_and_services_ask_about_them() {
    assert_eq!(verdict("true", &json!({})), PolicyVerdict::Allow);
    assert_eq!(
        verdict(r#"principal == person::"ann" && resource == document::"d1""#, &json!({})),
        PolicyVerdict::Allow
    );
    assert_eq!(verdict(r#"principal == person::"bob""#, &json!({})), PolicyVerdict::Deny(Cause::NothingPermits));
}

#[test]
fn properties_are_what_the_schema_says_they_are() {
    assert_eq!(document("resource has size && resource.size > 3", json!({ "size": 4 })), PolicyVerdict::Allow);
    assert_eq!(
        document(r#"resource has tags && resource.tags.contains("a")"#, json!({ "tags": ["b", "a"] })),
        PolicyVerdict::Allow
    );
    let owned = "resource has owner && resource.owner == principal";
    assert_eq!(document(owned, json!({ "owner": { "type": "person", "id": "ann" } })), PolicyVerdict::Allow);
    let changes = json!({ "subject": { "type": "person", "id": "ann", "properties": { "address": "192.0.2.7" } } });
    assert_eq!(
        verdict(r#"principal has address && principal.address.isInRange(ip("192.0.2.0/24"))"#, &changes),
        PolicyVerdict::Allow
    );
    let changes =
        json!({ "context": { "network": "192.0.2.7" }, "action": { "name": "open", "properties": { "soft": true } } });
    assert_eq!(
        verdict(
            "context has network && context has action && context.action has soft && context.action.soft",
            &changes
        ),
        PolicyVerdict::Allow
    );
}

#[test]
fn what_does_not_fit_is_a_no_and_never_left_out() {
    let unfit = |part| PolicyVerdict::Deny(Cause::Unfit(part));
    let subject = |subject: Value| verdict("true", &json!({ "subject": subject }));
    for bad in [
        json!({ "type": "nobody", "id": "x" }),
        json!({ "type": "no name", "id": "x" }),
        json!({ "type": "", "id": "x" }),
        json!({ "type": "person", "id": "x", "properties": { "age": 3 } }),
        json!({ "type": "person", "id": "x", "properties": { "department": 3 } }),
        json!({ "type": "person", "id": "x", "properties": { "department": 0.5 } }),
        json!({ "type": "person", "id": "x", "properties": { "address": "nowhere" } }),
        json!({ "type": "Human", "id": "x" }),
    ] {
        assert_eq!(subject(bad.clone()), unfit(Part::Subject), "{bad}");
    }
    assert_eq!(subject(json!({ "type": "folder", "id": "x" })), unfit(Part::Whole));
    for bad in
        [json!({ "Locked": true }), json!({ "tags": ["a", 1] }), json!({ "tags": [null] }), json!({ "size": "9" })]
    {
        assert_eq!(document("true", bad.clone()), unfit(Part::Resource), "{bad}");
    }
    for bad in [json!({ "place": 1 }), json!({ "network": 7 }), json!({ "action": { "hard": true } })] {
        assert_eq!(verdict("true", &json!({ "context": bad })), unfit(Part::Context), "{bad}");
    }
    let both = json!({ "context": { "action": {} }, "action": { "name": "open", "properties": { "soft": true } } });
    assert_eq!(verdict("true", &both), unfit(Part::Context));
    for name in ["close", "", "Open", "read"] {
        let expected = if name == "read" { PolicyVerdict::Allow } else { unfit(Part::Action) };
        assert_eq!(verdict("true", &json!({ "action": { "name": name } })), expected, "{name}");
    }
}

#[test]
fn an_action_may_be_declared_for_one_type_and_so_have_a_name_of_ours() {
    assert_eq!(
        verdict(r#"action == Action::"document:read""#, &json!({ "action": { "name": "read" } })),
        PolicyVerdict::Allow
    );
    assert_eq!(
        verdict(r#"action == Action::"document:GET""#, &json!({ "action": { "name": "GET" } })),
        PolicyVerdict::Allow
    );
    // On anything else, the name is ours, and for others.
    let folder = json!({ "action": { "name": "GET" }, "resource": { "type": "folder", "id": "f" } });
    assert_eq!(verdict("true", &folder), PolicyVerdict::Deny(Cause::Unfit(Part::Context)));
}

#[test]
fn an_action_is_looked_for_in_the_namespace_of_the_resource() {
    let set = parse(SCHEMA, r#"permit(principal, action == acme::Action::"sign", resource);"#).unwrap();
    let file = evaluation(&json!({ "action": { "name": "sign" }, "resource": { "type": "acme::file", "id": "f" } }));
    assert_eq!(set.evaluate(&file).verdict, PolicyVerdict::Allow);
    let elsewhere = evaluation(&json!({ "action": { "name": "sign" } }));
    assert_eq!(set.evaluate(&elsewhere).verdict, PolicyVerdict::Deny(Cause::Unfit(Part::Action)));
}

#[test]
fn who_asks_about_themselves_says_one_thing_of_them() {
    let schema =
        r#"entity person = { department?: String }; action "see" appliesTo { principal: person, resource: person };"#;
    let set = parse(schema, r#"permit(principal, action == Action::"see", resource) when { principal == resource };"#)
        .unwrap();
    let ann = |department: &str| json!({ "type": "person", "id": "ann", "properties": { "department": department } });
    let asked =
        |a: &str, b: &str| evaluation(&json!({ "subject": ann(a), "action": { "name": "see" }, "resource": ann(b) }));
    assert_eq!(set.evaluate(&asked("x", "x")).verdict, PolicyVerdict::Allow);
    assert_eq!(set.evaluate(&asked("x", "y")).verdict, PolicyVerdict::Deny(Cause::Unfit(Part::Resource)));
}

#[test]
fn what_an_entity_of_an_attribute_is_like_nobody_knows() {
    let asked = json!({ "subject": { "type": "person", "id": "ann",
        "properties": { "manager": { "type": "person", "id": "bob" } } } });
    let condition =
        r#"principal has manager && principal.manager has department && principal.manager.department == "x""#;
    assert_eq!(verdict(condition, &asked), PolicyVerdict::Deny(Cause::NothingPermits));
}

#[test]
fn requests_to_routes_are_decided_as_before_beside_it() {
    let policies = r#"permit(principal is Human, action == Action::"GET", resource in Route::"/api/orders/{id}");
        permit(principal is person, action, resource is document);"#;
    let set = parse(SCHEMA, policies).unwrap();
    assert!(set.decide(&Asking::default().input()).allows());
    assert!(!set.decide(&Asking { route: "/other".to_owned(), ..Asking::default() }.input()).allows());
    // A version that declares nothing can be asked nothing.
    let plain = PolicySet::parse(&bundle("permit(principal, action, resource);")).unwrap();
    assert_eq!(plain.evaluate(&evaluation(&json!({}))).verdict, PolicyVerdict::Deny(Cause::Unfit(Part::Action)));
}

#[test]
fn policies_meet_what_is_declared() {
    let problems =
        parse(SCHEMA, "permit(principal is person, action, resource is document) when { resource.size > 3 };");
    assert!(problems.unwrap_err()[0].message.contains("size"));
    // One for all resources would be one for documents too.
    let problems = parse(SCHEMA, "permit(principal, action, resource) when { resource.path == \"/\" };").unwrap_err();
    assert!(problems[0].message.contains("path"), "{problems:?}");
}

#[test]
fn what_is_declared_twice_or_badly_is_refused_with_its_place() {
    for (schema, place) in [
        ("entity Human;", ""),
        ("action \"GET\";", ""),
        ("type Email = String;", ""),
        ("namespace acme { action \"read\"; }", ""),
        ("namespace acme { entity Role; }", ""),
        ("entity Management;", ""),
        ("namespace acme { entity Management; }", ""),
        ("action \"administer\";", ""),
        ("entity a = { b: c };", ""),
        ("entity a = { b: ", "a.cedarschema"),
        ("type a = { b: a };", ""),
    ] {
        let problems = parse(schema, "").unwrap_err();
        assert_eq!((problems.len(), problems[0].file.as_str()), (1, place), "{schema}: {problems:?}");
    }
    let deep = format!("entity a = {{ b: {}Long{} }};", "Set<".repeat(40), ">".repeat(40));
    assert_eq!(parse(&deep, "").unwrap_err()[0].file, "a.cedarschema");
}

#[test]
fn the_account_of_what_does_not_fit_is_there_for_people() {
    let set = parse(SCHEMA, "").unwrap();
    let asked =
        evaluation(&json!({ "resource": { "type": "document", "id": "d1", "properties": { "Locked": true } } }));
    let decision = set.evaluate(&asked);
    assert!(decision.failures[0].message.contains("Locked"), "{:?}", decision.failures);
}
