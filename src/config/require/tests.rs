use serde_json::{Value, json};

use super::super::tests::{parse, problems, small, with};
use super::*;
use crate::route::{Access, ClaimTest, Operand};

/// The usual deployment, with an issuer of access tokens and a table of roles.
fn variables(bend: impl FnOnce(&mut Value)) -> Value {
    let mut vars =
        with(small(), &["ROLES"], json!({ "editor": ["read:*", "write:orders"], "viewer": ["read:orders"] }));
    vars["ISSUERS"] = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
    vars["PROVIDERS"]["corp"]["roles"] = json!(["/realm_access/roles"]);
    vars["SESSION"] = json!({ "claims": ["department", "groups", "email", "email_verified"] });
    bend(&mut vars);
    vars
}

fn route(ways: Value, require: Value) -> Value {
    json!({ "/teams/{team}/{*rest}": { "upstream": "service:A", "authenticate": ways, "require": require } })
}

fn requirements(require: Value) -> Requirements {
    let vars = variables(|vars| vars["ROUTES"] = route(json!(["session"]), require));
    match &parse(&vars).unwrap().routes.routes()[0].access {
        Access::Guarded(guard) => guard.requirements.clone(),
        Access::Public => panic!("public"),
    }
}

/// The problems of requirements in an otherwise good deployment, without the path to them.
fn refused_in(ways: Value, require: Value, bend: impl FnOnce(&mut Value)) -> Vec<String> {
    let vars = variables(|vars| {
        bend(vars);
        vars["ROUTES"] = route(ways, require);
    });
    let lines = problems(&vars);
    lines.iter().map(|line| line.replacen("ROUTES.\"/teams/{team}/{*rest}\".require", "", 1)).collect()
}

fn refused(ways: Value, require: Value) -> String {
    let lines = refused_in(ways, require, |_| ());
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn every_key_says_what_it_is_documented_to() {
    let all = requirements(json!({
        "scopes": ["a"], "any_scope": ["b", "c"], "providers": ["corp"], "kinds": ["human"], "roles": ["editor"],
        "permissions": ["read:orders", "write:orders"], "email_domain": ["example.com"], "acr": ["gold"],
        "amr": ["otp"], "max_age": "30m",
        "claims": { "department": "sales", "/groups/0": { "contains": "{team}" } },
    }));
    assert_eq!((all.scopes, all.any_scope), (vec!["a".to_owned()], vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!((all.roles, all.email_domain), (vec!["editor".to_owned()], vec!["example.com".to_owned()]));
    assert_eq!((all.acr, all.amr), (vec!["gold".to_owned()], vec!["otp".to_owned()]));
    assert_eq!((all.max_age, all.kinds), (Some(Seconds::minutes(30)), vec![PrincipalKind::Human]));
    let granted: Vec<String> =
        all.permissions.iter().map(|one| format!("{} {}", one.name, one.roles.join(" "))).collect();
    assert_eq!(granted, ["read:orders editor viewer", "write:orders editor"]);
    let tests: Vec<(&str, &ClaimTest)> = all.claims.iter().map(|rule| (rule.path.as_str(), &rule.test)).collect();
    assert!(tests.contains(&("department", &ClaimTest::Equals(Operand::Value(json!("sales"))))));
    assert!(tests.contains(&("/groups/0", &ClaimTest::Contains(Operand::Parameter("team".to_owned())))));
}

#[test]
fn what_says_nothing_or_cannot_be_read_is_refused() {
    let session = || json!(["session"]);
    for key in ["scopes", "any_scope", "roles", "permissions", "email_domain", "acr", "amr"] {
        assert_eq!(refused(session(), json!({ key: [] })), format!(".{key}: expected at least one, or no such key"));
    }
    assert_eq!(refused(session(), json!({ "claims": {} })), ".claims: expected at least one, or no such key");
    for (key, bad) in [
        ("permissions", json!(["read:*"])),
        ("permissions", json!(["read:"])),
        ("email_domain", json!(["Example.com"])),
        ("email_domain", json!(["@example.com"])),
        ("email_domain", json!(["localhost"])),
        ("email_domain", json!(["-a.com"])),
        ("email_domain", json!("example.com")),
        ("acr", json!(["a b"])),
        ("acr", json!(["a\""])),
        ("acr", json!(["a".repeat(256), "b".repeat(256)])),
        ("max_age", json!("59s")),
        ("max_age", json!(60)),
        ("any_scope", json!(["a b"])),
    ] {
        let line = refused(session(), json!({ key: bad }));
        assert!(line.starts_with(&format!(".{key}: expected ")), "{line}");
    }
    for bad in
        [json!(["a"]), json!(null), json!({}), json!({ "contains": "a", "equals": "b" }), json!({ "contains": ["a"] })]
    {
        let line = refused(session(), json!({ "claims": { "department": bad } }));
        assert!(line.starts_with(".claims.department: expected a text"), "{line}");
    }
    assert!(refused(session(), json!({ "tenant": 7 })).starts_with(".tenant: expected a string"));
    assert!(refused(session(), json!({ "tenant": "{tem}" })).contains("`{tem}` is no parameter of the path"));
    for bad in ["{tem}", "{rest}", "{*rest}", "{team", "team}", "x-{team}"] {
        let line = refused(session(), json!({ "claims": { "department": bad } }));
        assert_eq!(line, format!(".claims.department: `{bad}` is no parameter of the path for one whole segment"));
    }
    assert!(refused(session(), json!({ "permission": ["a"] })).contains("did you mean `permissions`?"));
}

#[test]
fn what_no_session_could_have_is_a_contradiction() {
    //
    let session = || json!(["session"]);
    let line = refused(session(), json!({ "claims": { "team": "a" } }));
    assert_eq!(line, ": asks for the claim `team`, which sessions do not keep: it is not in `SESSION.claims`");
    let unkept = |vars: &mut Value| vars["SESSION"] = json!({ "claims": ["email"] });
    let lines = refused_in(session(), json!({ "email_domain": ["example.com"] }), unkept);
    assert_eq!(lines, [": `email_domain` needs the claim `email_verified`, which is not in `SESSION.claims`"]);
    let nowhere = |vars: &mut Value| vars["PROVIDERS"]["corp"]["roles"] = json!([]);
    let lines = refused_in(session(), json!({ "roles": ["editor"] }), nowhere);
    assert_eq!(lines, [": names `roles`, and sessions have none: no entry of `PROVIDERS` says where its `roles` are"]);
    let lines = refused_in(session(), json!({ "permissions": ["read:orders"] }), nowhere);
    assert_eq!(
        lines,
        [
            ": names the permission `read:orders`, and sessions never have it: no entry of `PROVIDERS` says where its `roles` or `permissions` are"
        ]
    );
    let line = refused(session(), json!({ "permissions": ["read:orders", "delete:orders"] }));
    assert_eq!(
        line,
        ": names the permission `delete:orders`, and sessions never have it: no role of `ROLES` grants it, and no entry of `PROVIDERS` says where its `permissions` are"
    );
    let told = |vars: &mut Value| vars["PROVIDERS"]["corp"]["permissions"] = json!(["permissions"]);
    let vars = variables(|vars| {
        told(vars);
        vars["ROUTES"] = route(session(), json!({ "permissions": ["delete:orders"] }));
    });
    assert!(parse(&vars).is_ok());
}

#[test]
fn a_sign_in_is_asked_for_only_where_it_can_be() {
    //
    let lines = |require: Value, provider: Value| {
        refused_in(json!(["session"]), require, |vars| {
            vars["PROVIDERS"]["corp"].as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
        })
    };
    let no_acr = ": names `acr`, for which no provider can be asked, by its `acr_values` and `pass_through`";
    let no_age = ": names `max_age`, for which no provider can be asked, by its `max_age` and `pass_through`";
    let acr = || json!({ "acr": ["gold"] });
    assert_eq!(lines(acr(), json!({ "pass_through": ["max_age"] })), [no_acr]);
    assert_eq!(lines(acr(), json!({ "acr_values": ["silver"] })), [no_acr]);
    assert_eq!(lines(acr(), json!({ "acr_values": ["silver", "gold"], "pass_through": [] })), [no_acr]);
    assert_eq!(lines(json!({ "max_age": "5m" }), json!({ "pass_through": ["acr_values"] })), [no_age]);
    assert_eq!(lines(json!({ "max_age": "5m" }), json!({ "max_age": "6m", "pass_through": [] })), [no_age]);
    for (require, provider) in [
        (acr(), json!({ "acr_values": ["gold"], "pass_through": [] })),
        (acr(), json!({ "acr_values": ["silver", "gold"] })),
        (json!({ "max_age": "5m" }), json!({ "max_age": "5m", "pass_through": [] })),
    ] {
        let vars = variables(|vars| {
            vars["PROVIDERS"]["corp"].as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
            vars["ROUTES"] = route(json!(["session"]), require.clone());
        });
        assert!(parse(&vars).is_ok(), "{require} {provider}");
    }
}

#[test]
fn what_no_token_could_have_is_a_contradiction() {
    //
    let bearer = || json!(["bearer"]);
    let line = refused(bearer(), json!({ "roles": ["editor"] }));
    assert_eq!(line, ": names `roles`, and tokens have none: no entry of `ISSUERS` says where its `roles` are");
    assert!(refused(bearer(), json!({ "permissions": ["read:orders"] })).contains("and tokens never have it"));
    for (key, value) in [
        ("acr", json!(["gold"])),
        ("amr", json!(["otp"])),
        ("max_age", json!("5m")),
        ("email_domain", json!(["example.com"])),
    ] {
        let line = refused(bearer(), json!({ "kinds": ["service"], key: value }));
        assert_eq!(line, format!(": `{key}` is about people, and `kinds` has only `service`"));
    }
    let line = refused(bearer(), json!({ "scopes": ["a"], "any_scope": ["b", "a"] }));
    assert_eq!(line, ": `a` stands in `scopes`, so `any_scope` with it asks nothing more");
    // What a token says is for its issuer to know: any claim may be there.
    let vars = variables(|vars| vars["ROUTES"] = route(bearer(), json!({ "claims": { "anything": 7 } })));
    assert!(parse(&vars).is_ok());
    // A provider that is wrong itself has one problem, not two.
    let lines = refused_in(json!(["session"]), json!({ "roles": ["editor"] }), |vars| {
        vars["PROVIDERS"]["corp"] = json!({ "issuer": "nowhere", "client_id": "app" });
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_second_factor_is_asked_for_where_people_have_one_and_of_nobody_else() {
    //
    let has_second = |vars: &mut Value| vars["SECOND"] = json!({ "required_for": { "roles": ["editor"] } });
    let read = |require: Value| {
        let vars = variables(|vars| {
            has_second(vars);
            vars["ROUTES"] = route(json!(["session"]), require);
        });
        parse(&vars).unwrap().routes.routes()[0].guard().unwrap().requirements.clone()
    };
    let asked = read(json!({ "second": "15m" }));
    assert_eq!((asked.second, asked.second_for), (Some(Seconds::minutes(15)), vec!["editor".to_owned()]));
    let plain = read(json!({ "roles": ["viewer"] }));
    assert_eq!((plain.second, plain.second_for), (None, vec!["editor".to_owned()]));
    // A route that requires nothing asks for it too.
    let vars = variables(|vars| {
        has_second(vars);
        vars["ROUTES"] = json!({ "/a": { "upstream": "service:A" } });
    });
    let bare = parse(&vars).unwrap().routes.routes()[0].guard().unwrap().requirements.clone();
    assert_eq!(bare.second_for, ["editor"]);
    let second = || json!({ "second": "15m" });
    assert_eq!(refused(json!(["session"]), second()), ".second: nobody has a second factor: there is no `SECOND`");
    for (ways, expected) in [
        (json!(["bearer"]), ": names `second`, which tokens never meet: it is proven in a session"),
        (json!(["session", "bearer"]), ": names `second`, which tokens never meet: it is proven in a session"),
        (json!(["session", "key"]), ": names `second`, which API keys never meet"),
        (json!(["agent"]), ": `second` is met by no agent, and `authenticate` has only `agent`"),
    ] {
        let lines = refused_in(ways.clone(), second(), |vars| {
            has_second(vars);
            vars["KEYS"] = json!({});
        });
        assert!(lines.contains(&expected.to_owned()), "{ways}: {lines:?}");
    }
    for bad in [json!("59s"), json!("31d"), json!(900), json!("soon")] {
        let lines = refused_in(json!(["session"]), json!({ "second": bad }), has_second);
        assert!(lines.len() == 1 && lines[0].starts_with(".second: "), "{bad}: {lines:?}");
    }
    // What is ours is no class of a provider's.
    let line = refused(json!(["session"]), json!({ "acr": ["gold", "urn:postern:second"] }));
    assert!(line.contains("expected `second` for it"), "{line}");
    // One problem for a table that is wrong itself.
    let lines = refused_in(json!(["session"]), second(), |vars| vars["SECOND"] = json!({ "factors": [] }));
    assert!(lines.len() == 1 && lines[0].starts_with("SECOND.factors: "), "{lines:?}");
}
