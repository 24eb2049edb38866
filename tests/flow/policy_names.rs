//! What is published names only what is there.

use postern::gateway::Gateway;
use serde_json::json;

use super::management::managed;
use super::management_policies::{READ, bring, pointer, post, root, with_roles};
use super::policies::publish;
use crate::support::{Asked, CORP, World, gateway};

const ALL: &str = "principal, action, resource";
const DOCUMENTS: &str = r#"principal, action, resource in Route::"/documents/{id}/{*rest}""#;

/// Routes that ask the policies: for people with facts and a parameter, and for services.
pub fn named() -> Gateway {
    let mut variables = managed();
    variables["SESSION"] = json!({ "claims": ["department", "realm_access"] });
    variables["RELATIONS"] = json!({ "document": { "owner": "[user]", "banned": "[user]", "viewer": "[user]" } });
    variables["ROUTES"]["/documents/{id}/{*rest}"] = json!({
        "upstream": "service:API", "policy": true, "facts": ["document:{id}#owner", "document:{id}#banned"],
    });
    variables["ROUTES"]["/shelf/{row}"] =
        json!({ "upstream": "service:API", "policy": true, "facts": ["document:{row}#viewer"] });
    variables["ROUTES"]["/machines/{id}"] =
        json!({ "upstream": "service:API", "policy": true, "authenticate": ["bearer"] });
    gateway(&variables)
}

fn forbid(scope: &str, condition: &str) -> String {
    format!("// A word ahead.\nforbid({scope})\n  when {{ {condition} }};")
}

/// Policies that name routes and relations which are not there: each with where the mistake begins, and what is told of it.
fn wrong_routes_and_facts() -> Vec<(String, &'static str, &'static str)> {
    vec![
        (
            forbid(r#"principal, action, resource in Route::"/document/{id}/{*rest}""#, "true"),
            "Route::",
            "the configuration has no route `/document/{id}/{*rest}`, did you mean `/documents/{id}/{*rest}`?",
        ),
        (
            forbid(r#"principal, action, resource in Route::"/api/{*rest}""#, "true"),
            "Route::",
            "the route `/api/{*rest}` does not ask the policies, it has no `policy = true`",
        ),
        (forbid(ALL, r#"resource in Route::"/nowhere""#), "Route::", "the configuration has no route `/nowhere`"),
        (
            forbid(ALL, r#"resource == Resource::"/document/7/a""#),
            "Resource::",
            "no route that asks the policies answers for the path `/document/7/a`",
        ),
        (
            forbid(DOCUMENTS, r#"context.relations.contains("document:{id}#baned")"#),
            "\"document:",
            "no route that this is about has `document:{id}#baned` among its `facts`, did you mean `document:{id}#banned`?",
        ),
        // A fact of another route.
        (forbid(DOCUMENTS, r#"context.relations.contains("document:{row}#viewer")"#), "\"document:", "#viewer` among"),
        (forbid(ALL, r#"context["relations"].containsAny(["document:{id}#owner", "x"])"#), "\"x\"", "has `x` among"),
        (forbid(ALL, r#"["y"].containsAll(context.relations)"#), "\"y\"", "has `y` among"),
        (forbid(ALL, r#"context.relations == ["z"]"#), "\"z\"", "has `z` among"),
    ]
}

/// Policies that name other things which are not there: each with where the mistake begins, and what is told of it.
fn wrong_claims_and_others() -> Vec<(String, &'static str, &'static str)> {
    vec![
        (
            forbid(ALL, r#"principal.hasTag("departmnt")"#),
            "\"dep",
            "sessions keep no claim `departmnt`, `SESSION.claims` names those, did you mean `department`?",
        ),
        (forbid(ALL, r#"principal.hasTag("/realm_acces/roles")"#), "\"/realm", "no claim `realm_acces`"),
        (forbid(ALL, r#"principal.numbers.hasTag("clearance")"#), "\"clear", "no claim `clearance`"),
        (forbid(ALL, "principal has email"), "principal has", "no claim `email`"),
        (
            forbid(ALL, r#"principal has email.domain && "x" == principal.email.domain"#),
            "principal has",
            "claim `email`",
        ),
        (forbid(DOCUMENTS, r#"resource.hasTag("row")"#), "\"row", "has a parameter `{row}`"),
        (forbid(r#"principal == Human::"https://nowhere.example#a", action, resource"#, "true"), "Human::", "issuer"),
        (
            forbid(ALL, r#"context.local.hasTag("Europe/Berln")"#),
            "\"Europe",
            "there is no time zone `Europe/Berln`, did you mean `Europe/Berlin`?",
        ),
        (
            "@idd(\"a\")\npermit(principal, action, resource);".to_owned(),
            "@idd",
            "there is no annotation `@idd`, did you mean `@id`?",
        ),
        (
            "@id(\"a\")\n@max_ages(\"5\")\nforbid(principal, action, resource);".to_owned(),
            "@max",
            "there is no annotation `@max_ages`, did you mean `@max_age`?",
        ),
        ("@step_up(\"a\")\nforbid(principal, action, resource);".to_owned(), "@step", "no annotation `@step_up`"),
        (
            format!(
                "permit(principal, action == Action::\"sessions.list\", resource) when {{ {} }};",
                r#"principal.hasTag("team")"#
            ),
            "\"team",
            "no claim `team`",
        ),
    ]
}

/// The same where it is about one person or some, and what is written in a way that nothing is ever held against.
fn wrong_in_other_words() -> Vec<(String, &'static str, &'static str)> {
    let team = r#"principal.hasTag("team")"#;
    let alice = format!("principal == Human::\"{CORP}#a\", action, resource");
    vec![
        (forbid(&alice, team), "\"team", "no claim `team`"),
        (forbid(r#"principal is Human in Role::"a", action, resource"#, team), "\"team", "no claim `team`"),
        (forbid(r#"principal in Role::"a", action, resource"#, team), "\"team", "no claim `team`"),
        (forbid(ALL, r#"resource == Resource::"/documents/%37/a""#), "Resource::", "the path `/documents/%37/a`"),
        (forbid(ALL, "context.local.hasTag(principal.subject)"), "principal.subject", "written out"),
    ]
}

#[test]
fn an_address_counts_where_sessions_keep_that_it_was_verified() {
    for (claims, status) in [(json!(["email"]), 422), (json!(["email", "email_verified"]), 200)] {
        let mut variables = managed();
        variables["SESSION"] = json!({ "claims": claims });
        variables["ROUTES"]["/orders/{id}"] = json!({ "upstream": "service:API", "policy": true });
        let (world, gateway) = (World::new(), gateway(&variables));
        let answered = bring(&root(&world, &gateway), &forbid(ALL, "principal has email"), "live");
        assert_eq!(answered.reply().status.as_u16(), status, "{claims}");
    }
}

#[test]
fn what_names_something_that_is_not_there_is_told_with_its_place_and_nothing_is_written() {
    // R-196
    let (world, gateway) = (World::new(), named());
    let root = root(&world, &gateway);
    for (text, place, message) in
        wrong_routes_and_facts().into_iter().chain(wrong_claims_and_others()).chain(wrong_in_other_words())
    {
        let (line, column) = postern::policy::position(&text, text.rfind(place).unwrap());
        for role in ["live", "shadow"] {
            let answered = bring(&root, &text, role);
            let status = answered.reply().status.as_u16();
            assert_eq!(status, 422, "{text}\n{}", answered.event);
            let problems = answered.json()["problems"].clone();
            let problem = problems[0].as_str().unwrap();
            let is_there = problem.starts_with(&format!("a.cedar:{line}:{column}: "));
            assert!(is_there && problem.contains(message), "{text}\n{problems}");
        }
    }
    for text in ["", "// permit(principal, action, resource);\n"] {
        let order = json!({ "files": { "a.cedar": READ, "b.cedar": text }, "as": "live" });
        let problems = post(&root, "/auth/admin/policies", &order).json()["problems"].clone();
        assert_eq!(problems, json!(["b.cedar: expected at least one policy in it"]));
    }
    assert!(world.policies.borrow().is_empty());
}

#[test]
fn what_names_only_what_is_there_is_published() {
    let (world, gateway) = (World::new(), named());
    let root = root(&world, &gateway);
    for text in [
        forbid(
            r#"principal, action, resource in Route::"/documents/{id}/{*rest}""#,
            r#"context.relations.contains("document:{id}#banned") && resource.hasTag("rest") && resource.hasTag("id")"#,
        ),
        forbid(ALL, r#"context.relations.containsAny(["document:{id}#owner", "document:{row}#viewer"])"#),
        forbid(ALL, r#"principal.hasTag("department") || principal.hasTag("/realm_access/roles")"#),
        forbid(ALL, r#"principal.scopes.contains("anything") || principal in Role::"any""#),
        forbid(ALL, r#"resource == Resource::"/documents/7/a" || resource in Route::"/machines/{id}""#),
        // Of a token everything is known, and services come by nothing else.
        forbid(r#"principal is Service, action, resource"#, r#"principal.hasTag("azp")"#),
        forbid(
            r#"principal, action, resource in Route::"/machines/{id}""#,
            r#"principal.hasTag("azp") && principal has email"#,
        ),
        "@id(\"a\") @description(\"for people\") @max_age(\"5\")\nforbid(principal, action, resource);".to_owned(),
    ] {
        let answered = bring(&root, &text, "live");
        assert_eq!(answered.reply().status.as_u16(), 200, "{text}\n{:?}", answered.reply().body);
    }
}

#[test]
fn what_a_version_declares_itself_is_named_freely() {
    let (world, gateway) = (World::new(), named());
    let root = root(&world, &gateway);
    let schema = r#"entity person = { team?: String }; entity file in [folder] tags String; entity folder;
        action "open" appliesTo { principal: [person, Human], resource: file };"#;
    for (policy, status) in [
        (r#"permit(principal, action == Action::"open", resource) when { resource.hasTag("owner") };"#, 200),
        (r#"permit(principal is person, action, resource) when { principal has team && resource.hasTag("x") };"#, 200),
        (r#"permit(principal == Human::"whoever", action == Action::"open", resource is file);"#, 200),
        // About requests as well as about files.
        (r#"permit(principal is Human, action, resource) when { principal.hasTag("team") };"#, 422),
        (r#"permit(principal, action == Action::"GET", resource) when { resource.hasTag("owner") };"#, 422),
    ] {
        let files = json!({ "a.cedar": policy, "b.cedarschema": schema });
        let answered = post(&root, "/auth/admin/policies", &json!({ "files": files, "as": "live" }));
        assert_eq!(answered.reply().status.as_u16(), status, "{policy}: {:?}", answered.reply().body);
    }
}

#[test]
fn a_version_that_was_published_before_its_route_went_stays_in_force_and_can_be_gone_back_to() {
    let (world, gateway) = (World::new(), with_roles());
    let gone = r#"permit(principal, action, resource in Route::"/gone");"#;
    publish(&world, 1, &format!("{READ}{gone}"), None);
    let root = root(&world, &gateway);
    root.send(&Asked::script("GET", "/orders/7")).forwarded();
    let old = pointer(&world).live;
    bring(&root, READ, "live");
    let back = post(&root, "/auth/admin/policies/pointer", &json!({ "live": old.as_str() }));
    assert_eq!(back.reply().status.as_u16(), 200, "{}", back.event);
}
