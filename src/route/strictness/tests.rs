use serde_json::{Value, json};

use crate::config::testing::config;
use crate::route::Route;

/// Two rules: `/a/{id}/x` with these settings, and `/b/{id}/{*rest}` with those.
fn rules(one: &Value, other: &Value) -> [Route; 2] {
    let rule = |settings: &Value| {
        let mut table = json!({ "upstream": "service:API" });
        table.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        table
    };
    let config = config(|vars| {
        vars["ISSUERS"] = json!({
            "machines": { "issuer": "https://m.example", "audience": "urn:api", "algs": ["ES256"] },
            "agents": { "issuer": "https://a.example", "audience": "urn:api", "algs": ["ES256"] },
        });
        vars["PROVIDERS"]["home"] = json!({ "issuer": "https://home.example", "client_id": "app", "roles": ["roles"] });
        vars["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
        vars["PROVIDERS"]["corp"]["tenant"] = json!("org");
        vars["PROVIDERS"]["home"]["tenant"] = json!("org");
        vars["SECOND"] = json!({ "required_for": { "roles": ["admin"] } });
        vars["ROLES"] = json!({ "admin": ["read:a", "write:a"] });
        vars["RELATIONS"] = json!({ "document": { "owner": "[user]", "viewer": "[user]" } });
        vars["SESSION"] = json!({ "claims": ["department", "level", "email", "email_verified"] });
        vars["ROUTES"] = json!({ "/a/{id}/x": rule(one), "/b/{id}/{*rest}": rule(other) });
    });
    let named = |name: &str| config.routes.routes().iter().find(|route| route.name.starts_with(name)).unwrap().clone();
    [named("/a"), named("/b")]
}

fn require(requirements: &Value) -> Value {
    json!({ "require": requirements })
}

#[test]
fn a_rule_is_as_strict_as_itself_and_as_a_public_one() {
    for settings in [
        json!({}),
        json!({ "public": true }),
        require(&json!({ "roles": ["admin"], "tenant": "{id}" })),
        require(&json!({ "relations": ["document:{id}#owner"], "claims": { "department": "{id}" }, "acr": ["2"] })),
        json!({ "limits": { "address": { "rate": "5/1m" } } }),
    ] {
        let [one, other] = rules(&settings, &settings);
        assert!(one.is_as_strict_as(&other) && other.is_as_strict_as(&one), "{settings}");
        let [guarded, public] = rules(&settings, &json!({ "public": true }));
        assert!(guarded.is_as_strict_as(&public), "{settings}");
    }
}

/// Each first one is stricter than the second: it lets through less, and the second is not as strict as the first.
#[test]
fn of_two_rules_that_differ_one_is_stricter() {
    let cases = [
        (json!({}), json!({ "public": true })),
        (json!({ "authenticate": ["session"] }), json!({ "authenticate": ["session", "bearer"] })),
        (json!({}), json!({ "revocation": "5s" })),
        (json!({ "revocation": "5s" }), json!({ "revocation": "6s" })),
        (require(&json!({ "providers": ["corp"] })), json!({})),
        (require(&json!({ "providers": ["corp"] })), require(&json!({ "providers": ["corp", "home"] }))),
        (require(&json!({ "in_person": true })), json!({})),
        (require(&json!({ "roles": ["a"] })), require(&json!({ "roles": ["a", "b"] }))),
        (require(&json!({ "permissions": ["read:a", "write:a"] })), require(&json!({ "permissions": ["read:a"] }))),
        (require(&json!({ "scopes": ["a", "b"] })), require(&json!({ "scopes": ["a"] }))),
        (require(&json!({ "any_scope": ["a"] })), require(&json!({ "any_scope": ["a", "b"] }))),
        (require(&json!({ "scopes": ["a"] })), require(&json!({ "any_scope": ["a", "b"] }))),
        (require(&json!({ "tenant": "acme" })), json!({})),
        (
            require(&json!({ "claims": { "level": 3, "department": "x" } })),
            require(&json!({ "claims": { "level": 3 } })),
        ),
        (require(&json!({ "relations": ["document:{id}#owner"] })), json!({})),
        (
            require(&json!({ "email_domain": ["a.example"] })),
            require(&json!({ "email_domain": ["a.example", "b.example"] })),
        ),
        (require(&json!({ "acr": ["2"] })), require(&json!({ "acr": ["2", "1"] }))),
        (require(&json!({ "amr": ["otp", "pwd"] })), require(&json!({ "amr": ["pwd"] }))),
        (require(&json!({ "max_age": "1m" })), require(&json!({ "max_age": "2m" }))),
        (require(&json!({ "max_age": "1m" })), json!({})),
        (require(&json!({ "second": "1m" })), require(&json!({ "second": "2m" }))),
        (require(&json!({ "second": "1m" })), json!({})),
        (json!({ "limits": { "address": { "rate": "5/1m" } } }), json!({})),
        (
            json!({ "limits": { "address": { "rate": "5/1m" } } }),
            json!({ "limits": { "address": { "rate": "6/1m" } } }),
        ),
        (
            json!({ "limits": { "subject": { "rate": "60/1m", "burst": 5 } } }),
            json!({ "limits": { "subject": { "rate": "60/1m" } } }),
        ),
        (
            json!({ "limits": { "route": { "rate": "5/1m" } } }),
            json!({ "limits": { "route": { "rate": "5/1m", "counter": "isolate" } } }),
        ),
        (json!({}), json!({ "cors": { "origins": ["https://spa.example"], "credentials": true } })),
    ];
    for (strict, weak) in cases {
        let [one, other] = rules(&strict, &weak);
        assert!(one.is_as_strict_as(&other), "{strict} {weak}");
        assert!(!other.is_as_strict_as(&one), "{strict} {weak}");
        let [other, one] = rules(&weak, &strict);
        assert!(one.is_as_strict_as(&other) && !other.is_as_strict_as(&one), "{strict} {weak}");
    }
}

#[test]
fn where_it_does_not_follow_neither_is_as_strict() {
    let cases = [
        (require(&json!({ "roles": ["a"] })), require(&json!({ "roles": ["b"] }))),
        (require(&json!({ "roles": ["a"] })), require(&json!({ "scopes": ["a"] }))),
        (require(&json!({ "providers": ["corp"] })), require(&json!({ "providers": ["home"] }))),
        (require(&json!({ "claims": { "level": 3 } })), require(&json!({ "claims": { "level": "3" } }))),
        (require(&json!({ "claims": { "level": 3 } })), require(&json!({ "claims": { "level": { "contains": 3 } } }))),
        (
            require(&json!({ "relations": ["document:{id}#owner"] })),
            require(&json!({ "relations": ["document:{id}#viewer"] })),
        ),
        (require(&json!({ "tenant": "acme" })), require(&json!({ "tenant": "{id}" }))),
        (json!({ "limits": { "address": { "rate": "5/1m" } } }), json!({ "limits": { "route": { "rate": "5/1m" } } })),
        (
            json!({ "authenticate": ["bearer"], "require": { "issuers": ["machines"] } }),
            json!({ "authenticate": ["bearer"], "require": { "issuers": ["agents"] } }),
        ),
        (json!({ "authenticate": ["bearer"] }), json!({ "authenticate": ["session"] })),
    ];
    for (one, other) in cases {
        let [first, second] = rules(&one, &other);
        assert!(!first.is_as_strict_as(&second) && !second.is_as_strict_as(&first), "{one} {other}");
    }
}

#[test]
fn a_parameter_is_the_same_at_the_same_place_only() {
    let [one, mut other] = rules(&require(&json!({ "tenant": "{id}" })), &require(&json!({ "tenant": "{id}" })));
    assert!(one.is_as_strict_as(&other));
    other.pattern = crate::route::Pattern::parse("/b/c/{id}").unwrap();
    assert!(!one.is_as_strict_as(&other) && !other.is_as_strict_as(&one));
}

#[test]
fn nothing_is_as_strict_as_a_rule_that_asks_policies() {
    let [one, mut other] = rules(&json!({}), &json!({}));
    let crate::route::Access::Guarded(guard) = &mut other.access else { panic!() };
    guard.policy = true;
    assert!(!one.is_as_strict_as(&other) && other.is_as_strict_as(&one));
    assert!(!other.clone().is_as_strict_as(&other));
}
