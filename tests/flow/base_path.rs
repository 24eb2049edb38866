//! An upstream below a path of its own, and a prefix that it does not see: everything else knows the path outside.

use postern::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::support::{Asked, Browser, World, gateway, variables};

fn moved() -> Value {
    let mut variables = variables();
    variables["ROUTES"]["/teams/{team}/{*rest}"] = json!({
        "upstream": "https://teams.example.com/base/", "strip_prefix": "/teams", "token": "assertion",
    });
    variables["ROUTES"]["/teams/red/{*rest}"] = json!({ "upstream": "https://teams.example.com/base", "strip_prefix": "/teams", "require": { "scopes": ["red"] } });
    variables
}

#[test]
fn the_upstream_sees_the_rest_and_the_rule_and_the_log_see_all() {
    //
    let (world, gateway) = (World::new(), gateway(&moved()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let ask = |path: &str| browser.send(&Asked::script("GET", path).with("x-forwarded-prefix", "/forged"));
    let answered = ask("/teams/blue/a?b=/teams");
    let plan = answered.forwarded();
    assert_eq!(plan.path_and_query, "/base/blue/a?b=/teams");
    assert_eq!(plan.upstream.to_string(), "https://teams.example.com/base");
    let prefixes: Vec<_> = plan.headers.get_all("x-forwarded-prefix").iter().collect();
    assert_eq!(prefixes, ["/teams"]);
    assert_eq!(
        (&answered.event["path"], &answered.event["route"]),
        (&json!("/teams/blue/a"), &json!("/teams/{team}/{*rest}"))
    );
    ask("/teams/red/a").assert_refused(403, "authz.insufficient_scope");
    ask("/teams/Red/a").assert_refused(404, "route.other_spelling");
    ask("/teams").assert_refused(404, "route.none");
    ask("/base/blue/a").assert_refused(404, "route.none");
    // Where nothing is taken off, nothing is said of it.
    let plain = browser.go("/app/a");
    assert!(!plain.forwarded().headers.contains_key("x-forwarded-prefix"));
}

#[test]
fn what_an_answer_says_of_where_it_lies_is_written_anew() {
    //
    let (world, gateway) = (World::new(), gateway(&moved()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&Asked::script("GET", "/teams/blue/a"));
    let from_upstream = [
        ("location", "https://teams.example.com/base/blue/b"),
        ("content-location", "/base/blue/c"),
        ("set-cookie", "a=1; Path=/base/blue"),
        ("set-cookie", "__Host-postern=forged; Path=/base"),
        ("link", "</base/d>; rel=next"),
    ];
    let pairs = from_upstream.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers = answered.forwarded().answer_edits(StatusCode::FOUND, &HeaderMap::from_iter(pairs)).applied();
    assert_eq!(headers["location"], "https://app.example.com/teams/blue/b");
    assert_eq!(headers["content-location"], "/teams/blue/c");
    assert_eq!(headers["link"], "</base/d>; rel=next");
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1; Path=/teams/blue"]);
}
