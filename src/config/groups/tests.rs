use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::tests::{parse, problems, small, with};
use super::super::{Config, Problem};
use crate::route::{Access, Route};

fn vars(groups: &Value, routes: &Value) -> Value {
    let issuers = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
    let vars = with(with(small(), &["ISSUERS"], issuers), &["ROUTE_GROUPS"], groups.clone());
    with(vars, &["ROUTES"], routes.clone())
}

fn routes(groups: &Value, routes: &Value) -> Vec<Route> {
    parse(&vars(groups, routes)).unwrap().routes.routes().to_vec()
}

fn refused(groups: &Value, routes: &Value) -> Vec<String> {
    problems(&vars(groups, routes))
}

/// Two routes of the group `api`, and this in the first.
fn two(own: Value) -> Value {
    let mut first = Map::from_iter([("group".to_owned(), json!("api"))]);
    first.extend(own.as_object().unwrap().clone());
    json!({ "/a/{id}": first, "/b": { "group": "api" } })
}

#[test]
fn a_route_has_the_keys_of_its_group_and_its_own_replace_them_whole() {
    let groups = json!({ "api": {
        "upstream": "service:API", "methods": ["GET"], "token": "relay",
        "require": { "scopes": ["read"], "email_domain": ["example.com"] },
    } });
    let found = routes(&groups, &two(json!({ "require": { "scopes": ["write"] }, "methods": ["PUT"] })));
    let plain = json!({
        "/a/{id}": { "upstream": "service:API", "methods": ["PUT"], "token": "relay", "require": { "scopes": ["write"] } },
        "/b": {
            "upstream": "service:API", "methods": ["GET"], "token": "relay",
            "require": { "scopes": ["read"], "email_domain": ["example.com"] },
        },
    });
    let vars = with(vars(&json!({}), &plain), &["ROUTE_GROUPS"], json!({}));
    assert_eq!(found, parse(&vars).unwrap().routes.routes());
    let [first, _] = &found[..] else { panic!() };
    assert!(first.guard().unwrap().requirements.email_domain.is_empty(), "tables are not joined");
}

#[test]
fn methods_in_the_key_replace_those_of_the_group() {
    let groups = json!({ "api": { "upstream": "service:API", "methods": ["GET"] } });
    let found = routes(&groups, &json!({ "PUT /a": { "group": "api" }, "/b": { "group": "api" } }));
    let allowed: Vec<String> = found.iter().map(|route| route.methods.allow_header()).collect();
    assert_eq!(allowed, ["PUT", "GET, HEAD"]);
}

#[test]
fn a_group_can_make_routes_public_and_a_route_of_it_can_be_guarded() {
    let groups = json!({ "files": { "upstream": "assets", "public": true } });
    let found = routes(&groups, &json!({ "/a": { "group": "files" }, "/b": { "group": "files", "public": false }, }));
    assert!(matches!(found[..], [Route { access: Access::Public, .. }, Route { access: Access::Guarded(_), .. }]));
}

#[test]
fn what_contradicts_the_group_is_refused_whichever_side_it_is_on() {
    let guarded = json!({ "api": { "upstream": "service:API", "require": { "scopes": ["read"] } } });
    assert_eq!(
        refused(&guarded, &two(json!({ "public": true }))),
        [
            "ROUTE_GROUPS.api.require: contradicts `public = true`: there nobody is asked who they are (at the route `/a/{id}`)"
        ]
    );
    let public = json!({ "api": { "upstream": "service:API", "public": true } });
    assert_eq!(
        refused(&public, &two(json!({ "require": { "scopes": ["read"] } }))),
        [
            "ROUTES.\"/a/{id}\".require: contradicts `public = true` of the route's group: there nobody is asked who they are"
        ]
    );
    assert_eq!(
        refused(&public, &two(json!({ "limits": { "subject": { "rate": "1/1s" } } }))),
        [
            "ROUTES.\"/a/{id}\".limits.subject: contradicts `public = true` of the route's group: there nobody is asked who they are"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_group_is_told_once_with_a_route_that_has_it() {
    let with = |key: &str, value: Value| {
        let mut group = Map::from_iter([("upstream".to_owned(), json!("service:API"))]);
        group.insert(key.to_owned(), value);
        refused(&json!({ "api": group }), &two(json!({})))
    };
    let unknown = with("pubilc", json!(true));
    assert_eq!(
        unknown,
        ["ROUTE_GROUPS.api.pubilc: unknown key, did you mean `public`? (at the route `/a/{id}` and 1 more)"]
    );
    let deep = with("require", json!({ "scopes": ["a b"] }));
    assert_eq!(deep.len(), 1, "{deep:?}");
    assert!(deep[0].starts_with("ROUTE_GROUPS.api.require.scopes: expected a scope"), "{deep:?}");
    assert!(deep[0].ends_with("(at the route `/a/{id}` and 1 more)"), "{deep:?}");
    // Only one of the two patterns has the parameter.
    let parameter = with("require", json!({ "tenant": "{id}" }));
    assert_eq!(parameter.len(), 1, "{parameter:?}");
    assert!(parameter[0].starts_with("ROUTE_GROUPS.api.require.tenant: "), "{parameter:?}");
    assert!(parameter[0].ends_with("(at the route `/b`)"), "{parameter:?}");
    assert_eq!(
        with("limits", json!("none")),
        ["ROUTE_GROUPS.api.limits: expected a table, found `none` (at the route `/a/{id}` and 1 more)"]
    );
    assert_eq!(with("group", json!("api")), ["ROUTE_GROUPS.api.group: a group is in no other group"]);
    let secret = with("client_secret", json!("hunter2"));
    assert!(secret[0].contains("belongs in a secret") && !secret[0].contains("hunter2"), "{secret:?}");
}

#[test]
fn what_is_wrong_with_a_route_of_a_group_is_told_at_the_route() {
    let groups = json!({ "api": { "upstream": "service:API" } });
    assert_eq!(
        refused(&groups, &two(json!({ "token": "reley" }))),
        [
            "ROUTES.\"/a/{id}\".token: expected `none` or `relay` or `dpop` or `assertion` or `txn` or `service:ID`, found `reley`"
        ]
    );
    assert_eq!(
        refused(&json!({ "api": { "methods": ["GET"] } }), &json!({ "/a": { "group": "api" } })).len(),
        1,
        "nothing says where it leads"
    );
}

#[test]
fn a_header_that_is_kept_in_vain_is_told_where_it_is_written() {
    let routes = |keep: Value| {
        let telling = json!({ "upstream": "service:API", "headers": { "X-Tenant-ID": "email" } });
        json!({ "/a": { "group": "api" }, "/b": keep, "/told": telling })
    };
    let groups = json!({ "api": { "upstream": "service:API", "keep": ["X-Tenant-ID"] } });
    let why = "`x-tenant-id` is set by `headers` of `/told`: from outside no route passes it on";
    assert_eq!(
        refused(&groups, &routes(json!({ "group": "api" }))),
        [format!("ROUTE_GROUPS.api.keep: {why} (at the route `/a` and 1 more)")]
    );
    assert_eq!(
        refused(&groups, &routes(json!({ "group": "api", "keep": ["X-Tenant-ID"] }))),
        [format!("ROUTE_GROUPS.api.keep: {why} (at the route `/a`)"), format!("ROUTES.\"/b\".keep: {why}"),]
    );
}

#[test]
fn a_group_that_is_not_there_opens_nothing_and_one_that_is_not_used_is_refused() {
    let groups = json!({ "api": { "upstream": "service:API" } });
    let routes = |name: Value| json!({ "/a": { "group": "api" }, "/b": { "upstream": "assets", "group": name } });
    assert_eq!(
        refused(&groups, &routes(json!("apii"))),
        ["ROUTES.\"/b\".group: expected the name of a group in `ROUTE_GROUPS` (`api`), found `apii`"]
    );
    assert_eq!(refused(&groups, &routes(json!(["api"]))), ["ROUTES.\"/b\".group: expected a string, found a list"]);
    assert_eq!(
        refused(&json!({}), &json!({ "/a": { "group": "api" } }))[0],
        "ROUTES.\"/a\".group: expected the name of a group in `ROUTE_GROUPS` (there are none), found `api`"
    );
    assert_eq!(
        refused(&groups, &json!({ "/a": { "upstream": "assets" } })),
        ["ROUTE_GROUPS.api: no route is in it: write `group = \"api\"` there, or take it out"]
    );
    let misspelt = refused(&groups, &json!({ "/a": { "upstream": "assets", "gruop": "api" } }));
    assert!(misspelt.iter().any(|line| line.ends_with("unknown key, did you mean `group`?")), "{misspelt:?}");
    assert!(
        refused(&json!({ "api": 7 }), &json!({ "/a": { "group": "api" } }))[0]
            .starts_with("ROUTE_GROUPS.api: expected a table")
    );
}

/// Some keys with values that go together, or not.
fn keys() -> impl Strategy<Value = Map<String, Value>> {
    let all = [
        ("upstream", json!("service:API")),
        ("upstream", json!("assets")),
        ("upstream", json!(7)),
        ("methods", json!(["GET"])),
        ("methods", json!(["PUT", "POST"])),
        ("public", json!(true)),
        ("public", json!(false)),
        ("authenticate", json!(["bearer"])),
        ("require", json!({ "scopes": ["read"] })),
        ("require", json!({ "roles": [] })),
        ("require", json!({ "tenant": "{id}" })),
        ("token", json!("relay")),
        ("touch", json!(false)),
        ("limits", json!({ "route": { "rate": "1/1s" } })),
        ("limits", json!({})),
        ("paths", json!("exact")),
        ("strip_prefix", json!("/a")),
        ("pubilc", json!(true)),
    ];
    let some = prop::collection::vec(prop::sample::select(all.to_vec()), 0..6);
    some.prop_map(|keys| keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// What is read, or where problems are: of a group's or a route's key alike by the key.
fn outcome(read: Result<Config, Vec<Problem>>) -> Result<Vec<Route>, Vec<String>> {
    read.map(|config| config.routes.routes().to_vec()).map_err(|problems| {
        let key = |problem: Problem| {
            let of_group = problem.path.strip_prefix("ROUTE_GROUPS.api").map(str::to_owned);
            of_group.unwrap_or_else(|| problem.path.replacen("ROUTES.\"/a/{id}\"", "", 1))
        };
        let mut keys: Vec<String> = problems.into_iter().map(key).collect();
        keys.sort_unstable();
        keys
    })
}

proptest! {
    // A group is nothing but a shorter way to write the same: no rule is weaker for it, and nothing is accepted by it.
    #[test]
    fn a_route_of_a_group_is_the_route_with_the_groups_keys_written_out(group in keys(), own in keys()) {
        let mut group = group;
        group.entry("upstream").or_insert(json!("service:API"));
        let mut whole = group.clone();
        whole.extend(own.clone());
        let mut route = own;
        route.insert("group".to_owned(), json!("api"));
        let grouped = parse(&vars(&json!({ "api": group }), &json!({ "/a/{id}": route })));
        let written = parse(&vars(&json!({}), &json!({ "/a/{id}": whole })));
        prop_assert_eq!(outcome(grouped), outcome(written));
    }
}
